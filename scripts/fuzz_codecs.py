"""Gives the same bytes to both codecs and compares what they make of them.

    scripts/fuzz codecs                          20,000 cases
    scripts/fuzz codecs --cases 1000000          as every night
    scripts/fuzz codecs --seed 7 --case 4711     one case again, with both outcomes

The cases are those of `scripts/fuzz.py`: recorded terms, mutated, joined and random bytes.  Each
codec runs in a process of its own, which says of every case what came of it: the value's
Python types and its bytes (sent, exact, with references to atoms), or the error with its class,
text, offset and limit.  They must be the same to the last byte.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import repeat
from pathlib import Path
from random import Random
from typing import Any

from fuzz import ATOMS, make, terms

from pyerlnode.errors import TermDecodeError, TermEncodeError
from pyerlnode.term import (
    IMPLEMENTATION,
    Fun,
    ImproperList,
    Limits,
    Record,
    decode,
    decode_at,
    encode,
    encode_parts,
    equal,
    exact_bytes,
)

LIMITS = [
    Limits(depth=10_000, elements=100_000, new_atoms=100, inflated_bytes=1_000_000),
    Limits(depth=3, elements=100, new_atoms=1, integer_bytes=20, inflated_bytes=1_000),
    Limits(new_atoms=0),
]
CODECS = {"native": "0", "pure": "1"}
REFERENCES = {atom: number for number, atom in enumerate(ATOMS)}


def case(number: int, seed: int, seeds: list[bytes]) -> tuple[bytes, Random]:
    """The input, and the source of the choices of how it is read."""
    random = Random(seed * 1_000_003 + number)
    return make(seeds, random), random


def outcome(data: bytes, random: Random) -> str:
    """All that can be seen of what the codec makes of the bytes."""
    options: dict[str, Any] = {
        "text": random.random() < 0.3,
        "structs": random.random() < 0.7,
        "views": random.choice((None, None, None, 0, 8)),
        "limits": random.choice((LIMITS[0], LIMITS[0], LIMITS[1], LIMITS[2])),
    }
    whole = random.random() < 0.5
    try:
        if whole:
            value, end = decode(data, **options), -1
        else:
            value, end = decode_at(data, min(1, len(data)), atoms=ATOMS, **options)
    except TermDecodeError as error:
        return f"{type(error).__name__}: {error}; {error.offset} {getattr(error, 'limit', '')}"
    parts = bytearray()
    encode_parts(value, parts, REFERENCES.get)
    sent = encode(value)
    return "\n".join(
        [
            f"to {end}, {equal(value, decode(sent))}",
            " ".join(kinds(value)),
            sent.hex(),
            parts.hex(),
            exact_bytes(value).hex(),
            refused((value, object())),
        ]
    )


def refused(value: object) -> str:
    """What is said of something that cannot be encoded."""
    try:
        encode(value)
    except TermEncodeError as error:
        return str(error)
    return "not refused"


def kinds(value: Any) -> Iterator[str]:
    """The types of all that is in the value, in its order; however deep that is."""
    todo = [value]
    while todo:
        value = todo.pop()
        yield type(value).__name__
        if isinstance(value, (list, tuple)):
            todo += reversed(value)
        elif isinstance(value, Mapping):
            todo += [part for pair in value.items() for part in pair]
        elif isinstance(value, ImproperList):
            todo += [value.tail, *reversed(value.elements)]
        elif isinstance(value, Record):
            todo += [value.module, value.name, *(part for pair in value.fields for part in pair)]
        elif isinstance(value, Fun):
            todo += [value.module, value.pid, *value.free]


def work(options: argparse.Namespace) -> None:
    """Say of each case what came of it; in short, unless it is asked for alone."""
    if options.codec != IMPLEMENTATION:
        raise SystemExit(f"the {options.codec} codec is asked for, the {IMPLEMENTATION} one runs")
    seeds = terms()
    for number in range(options.first, options.first + options.cases):
        data, random = case(number, options.seed, seeds)
        found = outcome(data, random)
        if not options.quiet:
            print(found if options.cases == 1 else hashlib.sha1(found.encode()).hexdigest())


def worker(codec: str, options: argparse.Namespace, first: int, cases: int) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--codec", codec, "--seed", str(options.seed)]
    command += ["--first", str(first), "--cases", str(cases)]
    environment = {**os.environ, "PYERLNODE_PURE": CODECS[codec]}
    root = str(Path(__file__).parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def compare(options: argparse.Namespace) -> bool:
    workers = [worker(codec, options, 0, options.cases) for codec in CODECS]
    native, pure = (worker.stdout or repeat("") for worker in workers)
    differing = None
    done = 0
    for ours, theirs in zip(native, pure, strict=False):
        if ours != theirs:
            differing = done
            break
        done += 1
    for running in workers:
        if differing is not None:
            running.kill()
        running.communicate()
    if differing is None and done == options.cases and not any(running.returncode for running in workers):
        print(f"codecs: {done} cases of seed {options.seed}, no difference")
        return True
    show(options, done)
    return False


def show(options: argparse.Namespace, number: int) -> None:
    """One case with both outcomes."""
    data, _ = case(number, options.seed, terms())
    print(f"codecs: --seed {options.seed} --case {number}, {len(data)} bytes: {data.hex()}")
    for codec in CODECS:
        running = worker(codec, options, number, 1)
        found, _ = running.communicate()
        print(f"{codec}: exit code {running.returncode}\n{found}", end="")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz codecs", description="Compares both codecs.")
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="only this one, with both outcomes")
    parser.add_argument("--codec", choices=CODECS, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--quiet", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.codec is not None:
        work(options)
    elif options.case is not None:
        show(options, options.case)
    else:
        return 0 if compare(options) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
