"""Public names are imported when they are asked for: all are there, and are what the type checker sees."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PACKAGES = ["pyerlnode", "pyerlnode.otp"]


def as_type_checkers_see(package: Any) -> dict[str, tuple[str, str]]:
    """Name -> the module that it is imported from and its name there, of the `if TYPE_CHECKING` block."""
    found: dict[str, tuple[str, str]] = {}
    for node in ast.parse(Path(package.__file__).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name):
            for line in node.body:
                assert isinstance(line, ast.ImportFrom) and line.module is not None
                found.update({(name.asname or name.name): (line.module, name.name) for name in line.names})
    return found


@pytest.mark.parametrize("name", PACKAGES)
def test_each_public_name_is_what_the_type_checker_sees(name: str) -> None:
    package = importlib.import_module(name)
    seen = as_type_checkers_see(package)
    assert set(seen) == set(package.__all__)
    for public, (home, attribute) in seen.items():
        module = importlib.import_module(home)
        expected = getattr(module, attribute, None) or importlib.import_module(f"{home}.{attribute}")
        assert getattr(package, public) is expected, public


@pytest.mark.parametrize("name", PACKAGES)
def test_a_name_that_is_not_public_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = importlib.import_module(name).no_such_name


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import sys, pyerlnode; print(*[name for name in sys.modules if name.startswith('pyerlnode')])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["pyerlnode"]


def test_everything_can_be_imported_at_once() -> None:
    program = "from pyerlnode import *; from pyerlnode.otp import *; print(Atom, GenServer, exit, sys)"
    subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
