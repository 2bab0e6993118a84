"""The compiled modules with a profile: compiled, tried out, and compiled again for what was seen.

GCC lays a function out for the ways that are taken, and lets what is never called be small; without
a profile it guesses.  CPython is built so, too (`--enable-optimizations`).

PYERLNODE_PGO unset or 0   without a profile
PYERLNODE_PGO=1            with one, by GCC, or fail: it takes about twice as long

What is tried out is pgo_training.py, in a Python of its own.

Source: "Instrumentation Options" and "Options That Control Optimization" of the manual of GCC.
Proof: tests/test_build.py.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# One thread at a time runs what is counted; atomic counters would take several times as long.  Nobody
# looks for faults there: without what that needs, GCC takes a quarter less.
GENERATE = ("-fprofile-generate", "-fprofile-update=single", "-g0")
# Threads may have lost some counts all the same.  That there is a profile is seen below.
USE = ("-fprofile-use", "-fprofile-correction", "-Wno-missing-profile")
TRAINING = Path(__file__).with_name("pgo_training.py")
# Seconds: it takes five to ten, on a machine that nobody else uses.
PATIENCE = 600.0
# What was compiled in the tree before is not what is to be tried.
_NOT_COPIED = ("*.so", "*.pyd", "*.c", "__pycache__")


def wanted(native: str) -> bool:
    """PYERLNODE_PGO, checked: also against `native`, which is PYERLNODE_NATIVE."""
    value = os.environ.get("PYERLNODE_PGO", "")
    if value not in ("", "0", "1"):
        raise SystemExit(f"PYERLNODE_PGO is {value!r}: 1, 0 or unset are possible")
    if value == "1" and native == "0":
        raise SystemExit("PYERLNODE_PGO is 1 and PYERLNODE_NATIVE is 0: what is not compiled has no profile")
    return value == "1"


def require_gcc() -> None:
    """RuntimeError if modules would be compiled by something else: its profiles are other ones."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    says = _version(compiler)
    # Others name GCC, too: as what they are compatible with, or where its libraries are.
    if not re.search(r"^gcc version ", says, re.MULTILINE):
        raise RuntimeError(f"PYERLNODE_PGO=1 needs GCC; `{compiler} -v` says: {says.strip() or 'nothing'}")


def _version(compiler: str) -> str:
    """What a compiler says about itself, or why it says nothing."""
    command = [*shlex.split(compiler), "-v"]
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stderr
    except OSError as error:
        return str(error)


def train(root: Path, scratch: Path, counting: Mapping[str, Path], program: Path) -> None:
    """Run `program` with the modules that count what they do, which leave that beside their objects."""
    tree = scratch / "training"
    ignored = shutil.ignore_patterns(*_NOT_COPIED)
    shutil.copytree(root / "pyerlnode", tree / "pyerlnode", ignore=ignored)
    for module, compiled in counting.items():
        shutil.copy(compiled, tree.joinpath(*module.split(".")[:-1]))
    _run(program, tree)


def _run(program: Path, tree: Path) -> None:
    """RuntimeError with its output if it fails, or does not end."""
    try:
        done = subprocess.run(
            [sys.executable, str(program)],
            cwd=tree,
            env=_environment(tree),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as late:
        said = (late.output or b"").decode(errors="replace")
        raise RuntimeError(f"{program.name} has not ended after {PATIENCE:.0f} s:\n{said}") from None
    if done.returncode != 0:
        raise RuntimeError(f"{program.name} ended with {done.returncode}:\n{done.stdout}")


def _environment(tree: Path) -> dict[str, str]:
    """Nothing from outside chooses other modules, another node, or another place for the counts."""
    others = ("PYERLNODE_", "ERL_", "GCOV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return {**kept, "PYTHONPATH": str(tree)}


def require_profiles(objects: Path) -> None:
    """RuntimeError if one of the objects there has no profile: GCC would say nothing and guess."""
    without = [each.stem for each in objects.rglob("*.o") if not each.with_suffix(".gcda").exists()]
    if without:
        raise RuntimeError(f"nothing was counted for {', '.join(sorted(without))}")
