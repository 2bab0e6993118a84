"""Runs all that is compiled under AddressSanitizer and UndefinedBehaviorSanitizer.

    scripts/fuzz sanitized                  every vector, 20,000 cases, and the unit tests
    scripts/fuzz sanitized --cases 200000
    scripts/fuzz sanitized --cases 0 tests/process/test_fifo.py     these tests alone

Every module is compiled anew, with the sanitizers, in a copy of the package.  The codec reads every
vector, cut short and mutated; then come the unit tests of what is compiled, of which those that try
random inputs try more of them than usual, the same in each run.  A fault ends the run with its report,
also one of a program that a test started.  Needs gcc or clang with its sanitizer library.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parent.parent
FLAGS = (
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"),
    # With the assertions of Python's headers: what a list is not is no list.
    *("-g", "-O1", "-UNDEBUG"),
)

# What uses the compiled modules.  Other tests of terms do what the vectors and cases do, in more time.
TESTS = (
    "tests/test_compiled.py",
    *(
        f"tests/term/test_{name}.py"
        for name in ("codec_memory", "compare", "limits", "map", "structs", "types")
    ),
    "tests/protocol",
    "tests/process",
    "tests/node",
    "tests/otp",
    "tests/test_two_nodes.py",
)
NOT_TESTS = (
    # A worker of it ends with a segmentation fault, as it should.
    "--ignore=tests/process/test_in_process.py",
    # The sanitizer needs more memory than what is measured.
    "--deselect=tests/process/test_scheduling.py::test_a_hundred_thousand_idle_processes_fit_into_250_megabytes",
    # Databases; nothing there is compiled.
    "--ignore=tests/otp/store",
)
# Random inputs of each test that says no other number.
EXAMPLES = 300


def sanitizer() -> str:
    """The library that has to be loaded before Python."""
    compiler = os.environ.get("CC", "cc")
    found = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def build(directory: Path) -> None:
    """A copy of the package with everything compiled for the sanitizers.

    What is compiled from Python, too, although it checks more by itself: it moves references about as what is
    written in Cython does, calls that directly, and would stand in fields of another layout without it.
    """
    shutil.copytree(
        ROOT / "pyerlnode", directory / "pyerlnode", ignore=shutil.ignore_patterns("*.so", "*.pyd")
    )
    from hatch_build import compile_native

    for module, built in compile_native(ROOT, directory / "build", flags=FLAGS).items():
        shutil.copy(built, directory.joinpath(*module.split(".")[:-1]))


def run(directory: Path, program: str, *arguments: str) -> None:
    """Run a script with what was compiled; SystemExit with what was found, if anything was."""
    # Programs that tests start write to pipes.
    reports = f"log_path={directory / 'report'}"
    environment = {
        **os.environ,
        "LD_PRELOAD": sanitizer(),
        # Python keeps some memory to its end; scripts/fuzz_leaks.py counts what is left behind.
        "ASAN_OPTIONS": f"detect_leaks=0:allocator_may_return_null=1:handle_abort=1:{reports}",
        "UBSAN_OPTIONS": f"print_stacktrace=1:{reports}",
        # The sanitizer sees nothing inside of Python's own pools.
        "PYTHONMALLOC": "malloc",
        "PYERLNODE_PURE": "0",
        "PYERLNODE_NATIVE_REQUIRED": "1",
        "PYTHONPATH": os.pathsep.join((str(directory), str(ROOT / "scripts"))),
        # Else the package of the tree would come first.
        "PYTHONSAFEPATH": "1",
    }
    command = [sys.executable, str(ROOT / "scripts" / program), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    found = sorted(directory.glob("report.*"))
    for report in found:
        print(report.read_text(errors="replace"))
    if done.returncode or found:
        raise SystemExit(f"sanitized: {program} ended with {done.returncode}, {len(found)} reports")


def require_compiled(directory: Path) -> None:
    """Nothing has run but what was compiled for the sanitizers."""
    from hatch_build import MODULES

    for name in MODULES:
        file = Path(str(importlib.import_module(name).__file__))
        if directory not in file.parents or file.suffix == ".py":
            raise SystemExit(f"sanitized: {name} is {file}, which was not compiled for this")


def vectors() -> int:
    """Every vector, each of its beginnings, and each with every byte changed, in this process."""
    from fuzz import LIMITS, terms

    from pyerlnode.errors import TermError
    from pyerlnode.term import decode, encode, equal, exact_bytes

    tried = 0
    for data in terms():
        inputs = [data, *(data[:end] for end in range(min(len(data), 300)))]
        inputs += [
            data[:at] + bytes((data[at] ^ 0xFF,)) + data[at + 1 :] for at in range(min(len(data), 300))
        ]
        for given in inputs:
            tried += 1
            try:
                value = decode(given, limits=LIMITS)
            except TermError:
                continue
            if not equal(decode(encode(value)), value) or not exact_bytes(value):
                raise SystemExit(f"{given.hex()} does not come back")
    print(f"sanitized: {tried} inputs from the vectors")
    return 0


class Examples:
    """A plugin of pytest's, which imports hypothesis when pytest is ready for that."""

    @staticmethod
    def pytest_configure() -> None:
        from hypothesis import settings

        settings.register_profile("sanitized", settings.get_profile("ci"), max_examples=EXAMPLES)
        settings.load_profile("sanitized")


def tests(chosen: Sequence[str]) -> int:
    """The tests, in this process; pytest's exit code."""
    import pytest

    # What pytest does at a fault itself would come before the sanitizer, of which one part writes to
    # the terminal whatever it is told.
    without = ("-p", "no:faulthandler", "-p", "no:cacheprovider", "--capture=sys")
    # Not quiet: where it ends at a fault, the last line names the file of the test.
    return pytest.main([*without, "--timeout=600", f"--rootdir={ROOT}", *NOT_TESTS, *chosen], [Examples()])


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz sanitized", description="Runs the sanitizers.")
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("tests", nargs="*", default=TESTS)
    parser.add_argument("--step", choices=["vectors", "tests"], help=argparse.SUPPRESS)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step is not None:
        code = tests(options.tests) if options.step == "tests" else vectors()
        require_compiled(options.inside)
        return code
    with tempfile.TemporaryDirectory(prefix="pyerlnode-sanitized-") as name:
        directory = Path(name)
        build(directory)
        inside = ("--inside", name, "--step")
        if options.cases:
            run(directory, "fuzz_sanitized.py", *inside, "vectors")
            run(directory, "fuzz_codecs.py", "--codec", "native", "--cases", str(options.cases), "--quiet")
        run(directory, "fuzz_sanitized.py", *inside, "tests", *options.tests)
    print(f"sanitized: {options.cases} cases and the tests, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
