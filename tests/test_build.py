"""What PYERLNODE_NATIVE asks for is what is built, or the build says why it is not.

That the native codec is built and runs is seen by `scripts/test`, which installs with
PYERLNODE_NATIVE=1 and lets the tests fail where another one is loaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NO_COMPILER = {"CC": "/bin/false"}

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        os.environ.get("PYERLNODE_NATIVE_REQUIRED") != "1"
        and (not find_spec("hatchling") or not find_spec("Cython")),
        reason="hatchling and Cython are not installed",
    ),
]


def build(directory: Path, native: str | None, **environment: str) -> tuple[int, str, list[str]]:
    """Exit code, output and the names of the wheels."""
    variables = {name: value for name, value in os.environ.items() if name != "PYERLNODE_NATIVE"}
    variables |= environment if native is None else {**environment, "PYERLNODE_NATIVE": native}
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, [path.name for path in directory.glob("*.whl")]


def test_nothing_is_compiled_where_it_is_not_wanted(tmp_path: Path) -> None:
    code, output, wheels = build(tmp_path, "0", **NO_COMPILER)
    assert (code, len(wheels)) == (0, 1), output
    assert wheels[0].endswith("-py3-none-any.whl")
    assert "native" not in output


def test_without_a_compiler_it_is_pure_and_says_so(tmp_path: Path) -> None:
    code, output, wheels = build(tmp_path, None, **NO_COMPILER)
    assert (code, len(wheels)) == (0, 1), output
    assert wheels[0].endswith("-py3-none-any.whl")
    assert output.count("pyerlnode is installed without its native parts") == 1


def test_without_a_compiler_nothing_is_built_where_it_must_be_native(tmp_path: Path) -> None:
    code, output, wheels = build(tmp_path, "1", **NO_COMPILER)
    assert code != 0
    assert wheels == [], output


def test_a_word_that_means_nothing_is_refused(tmp_path: Path) -> None:
    code, output, wheels = build(tmp_path, "yes")
    assert (code, wheels) == (1, [])
    assert "PYERLNODE_NATIVE is 'yes'" in output
