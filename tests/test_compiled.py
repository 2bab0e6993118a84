"""What is compiled from Python is what is written, and runs unless PYERLNODE_PURE is 1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pyerlnode
from pyerlnode.process import process

PACKAGE = Path(pyerlnode.__file__).parent
TYPED = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.pxd") if path.name[0] != "_")


def compiled(source: Path) -> list[Path]:
    """What was compiled of a source, for any Python."""
    return [path for path in source.parent.glob(f"{source.stem}.*") if path.suffix in (".so", ".pyd")]


@pytest.mark.parametrize("typed", TYPED, ids=str)
def test_nothing_that_was_compiled_is_older_than_its_source(typed: Path) -> None:
    types, source = PACKAGE / typed, (PACKAGE / typed).with_suffix(".py")
    for built in compiled(source):
        newest = max(types.stat().st_mtime, source.stat().st_mtime)
        assert built.stat().st_mtime >= newest, f"{source} is newer than {built.name}: pip install -e . again"


@pytest.mark.skipif(
    os.environ.get("PYERLNODE_NATIVE_REQUIRED") != "1", reason="PYERLNODE_NATIVE_REQUIRED is not 1"
)
@pytest.mark.parametrize("typed", TYPED, ids=str)
def test_everything_with_types_is_compiled(typed: Path) -> None:
    name = ".".join(("pyerlnode", *typed.with_suffix("").parts))
    __import__(name)
    assert Path(str(sys.modules[name].__file__)).suffix != ".py"


def test_nothing_that_is_compiled_runs_where_it_is_not_wanted() -> None:
    ours = "[module.__file__ for name, module in sys.modules.items() if name.startswith('pyerlnode')]"
    program = f"import pyerlnode.otp, sys; print(*{ours})"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYERLNODE_PURE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    assert {Path(file).suffix for file in done.stdout.split()} == {".py"}


def test_the_run_queue_is_the_one_that_is_wanted() -> None:
    pure = os.environ.get("PYERLNODE_PURE") == "1" or not compiled(PACKAGE / "process" / "process.py")
    assert (Path(str(process.__file__)).suffix == ".py") is pure
