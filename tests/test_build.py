"""What PYERLNODE_NATIVE and PYERLNODE_PGO ask for is what is built, or the build says why it is not.

That the native codec is built and runs is seen by `scripts/test`, which installs with
PYERLNODE_NATIVE=1 and lets the tests fail where another one is loaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from shutil import which
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
NO_COMPILER = {"CC": "/bin/false"}
WITH_PROFILE = {"PYERLNODE_PGO": "1"}
# Small, and needs no other one.
MODULE = "pyerlnode.process.alias_tag"

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
    unset = ("PYERLNODE_NATIVE", "PYERLNODE_PGO")
    variables = {name: value for name, value in os.environ.items() if name not in unset}
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


# --- with a profile -----------------------------------------------------------------------

needs_gcc = pytest.mark.skipif(
    os.environ.get("PYERLNODE_NATIVE_REQUIRED") != "1" and not which("gcc"), reason="gcc is not installed"
)


def hatch_build() -> Any:
    """The module that hatchling loads."""
    spec = spec_from_file_location("hatch_build", ROOT / "scripts" / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def profiled(tmp_path: Path, program: str) -> dict[str, Path]:
    """Compile MODULE for what `program` does."""
    training = tmp_path / "training.py"
    training.write_text(program)
    built: dict[str, Path] = hatch_build().compile_native(ROOT, tmp_path / "scratch", [MODULE], training)
    return built


def recording(tmp_path: Path, then: str) -> tuple[str, Path]:
    """A compiler that writes down what it is asked, and where it does that."""
    compiler, asked = tmp_path / "cc", tmp_path / "asked"
    compiler.write_text(f'#!/bin/sh\necho "$@" >>{asked}\n{then}\n')
    compiler.chmod(0o755)
    return str(compiler), asked


@needs_gcc
def test_modules_are_compiled_for_what_they_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler, asked = recording(tmp_path, 'exec gcc "$@"')
    monkeypatch.setenv("CC", compiler)
    monkeypatch.setenv("PYERLNODE_PURE", "1")
    tried = tmp_path / "tried"
    program = f"""
from {MODULE} import __file__ as tried, alias_in
alias_in([])
open({str(tried)!r}, "w").write(tried)
"""
    built = profiled(tmp_path, program)[MODULE]
    # Counted, by a program that had the module, and nothing else that was compiled.
    assert Path(tried.read_text()).name == built.name
    assert list((tmp_path / "scratch" / "training").rglob("*.so")) == [Path(tried.read_text())]
    [counts] = (tmp_path / "scratch").rglob("*.gcda")
    # And what was counted lay where the second compilation looked for it.
    lines = asked.read_text().splitlines()
    uses = [line for line in lines if "-fprofile-use" in line and str(counts.with_suffix(".o")) in line]
    assert [line for line in uses if " -c " in line], lines
    assert b"__gcov" in Path(tried.read_text()).read_bytes()
    assert b"__gcov" not in built.read_bytes()


@needs_gcc
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("print('cannot'); raise SystemExit(3)", r"training.py ended with 3:\ncannot"),
        ("print('something else')", "nothing was counted for alias_tag"),
    ],
)
def test_without_counts_there_is_nothing(tmp_path: Path, program: str, said: str) -> None:
    with pytest.raises(RuntimeError, match=said):
        profiled(tmp_path, program)


def test_counts_are_of_gcc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler, asked = recording(tmp_path, "echo clang version 19.1.7 >&2")
    monkeypatch.setenv("CC", compiler)
    with pytest.raises(RuntimeError, match=r"PYERLNODE_PGO=1 needs GCC; .* says: clang version 19.1.7"):
        profiled(tmp_path, "")
    assert asked.read_text() == "-v\n"


@pytest.mark.parametrize("native", [None, "1"])
def test_a_profile_is_not_done_without_where_it_is_wanted(tmp_path: Path, native: str | None) -> None:
    code, output, wheels = build(tmp_path, native, **WITH_PROFILE, **NO_COMPILER)
    assert code != 0
    assert wheels == [], output
    assert "PYERLNODE_PGO=1 needs GCC" in output


def test_what_is_not_compiled_has_no_profile(tmp_path: Path) -> None:
    code, output, wheels = build(tmp_path, "0", **WITH_PROFILE)
    assert (code, wheels) == (1, [])
    assert "PYERLNODE_PGO is 1 and PYERLNODE_NATIVE is 0" in output


def test_another_word_for_a_profile_is_refused(tmp_path: Path) -> None:
    code, output, wheels = build(tmp_path, None, PYERLNODE_PGO="yes")
    assert (code, wheels) == (1, [])
    assert "PYERLNODE_PGO is 'yes'" in output


def test_the_training_ends_by_itself_and_uses_every_module() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(ROOT / "scripts" / "pgo_training.py")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.startswith("trained in ")
    assert done.stdout.count("\n") == 1
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    build = hatch_build()
    # The twins in Cython are what they are compiled from alone; without a compiler they are not there.
    assert {module for module in build.MODULES if not build.is_cython(module)} <= imported
