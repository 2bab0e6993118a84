"""Runs the native codec under AddressSanitizer: over every vector, cut short and mutated.

    scripts/fuzz sanitized                  20,000 cases after the vectors
    scripts/fuzz sanitized --cases 200000

The native codec is compiled anew, with the sanitizer, in a copy of the package; a fault that
it finds ends the run with its report.  Needs gcc or clang with its sanitizer library.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1 -UNDEBUG"

# The modules compiled from Python whose classes those written in Cython know the fields of.
FIELDS = ("pyerlnode.protocol.control",)


def sanitizer() -> str:
    """The library that has to be loaded before Python."""
    compiler = os.environ.get("CC", "cc")
    found = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def build(directory: Path) -> None:
    """A copy of the package with the codec compiled for the sanitizer."""
    shutil.copytree(
        ROOT / "pyerlnode", directory / "pyerlnode", ignore=shutil.ignore_patterns("*.so", "*.pyd")
    )
    os.environ["CFLAGS"] = os.environ["LDFLAGS"] = FLAGS
    from hatch_build import MODULES, compile_native, is_cython

    # What else is compiled from Python checks what it does as Python does.
    modules = [module for module in MODULES if is_cython(module) or module in FIELDS]
    for module, built in compile_native(ROOT, directory / "build", modules).items():
        shutil.copy(built, directory.joinpath(*module.split(".")[:-1]))


def run(directory: Path, program: str, *arguments: str) -> None:
    environment = {
        **os.environ,
        "LD_PRELOAD": sanitizer(),
        # Python keeps some memory to its end; scripts/fuzz_leaks.py counts what is left behind.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        # The sanitizer sees nothing inside of Python's own pools.
        "PYTHONMALLOC": "malloc",
        "PYERLNODE_PURE": "0",
        "PYTHONPATH": os.pathsep.join((str(directory), str(ROOT / "scripts"))),
    }
    subprocess.run([sys.executable, str(ROOT / "scripts" / program), *arguments], env=environment, check=True)


def vectors() -> None:
    """Every vector, each of its beginnings, and each with every byte changed, in this process."""
    from fuzz import LIMITS, terms

    from pyerlnode.errors import TermError
    from pyerlnode.term import IMPLEMENTATION, decode, encode, equal, exact_bytes

    if IMPLEMENTATION != "native":
        raise SystemExit("the native codec does not run")
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


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz sanitized", description="Runs AddressSanitizer.")
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--vectors", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.vectors:
        vectors()
        return 0
    with tempfile.TemporaryDirectory(prefix="pyerlnode-sanitized-") as name:
        directory = Path(name)
        build(directory)
        run(directory, "fuzz_sanitized.py", "--vectors")
        run(directory, "fuzz_codecs.py", "--codec", "native", "--cases", str(options.cases), "--quiet")
    print(f"sanitized: {options.cases} cases, nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
