"""Encodes and decodes on and on, well formed and not, and sees that no memory is left behind.

    scripts/fuzz leaks                      10,000,000 operations
    scripts/fuzz leaks --operations 100000

The objects that Python has allocated, and the references to some that are used everywhere,
are counted after each tenth of the work.  What is kept on purpose is there after half of it: atoms and
tables at once, while a cache that goes by addresses, as that of the keys of maps, fills more and more
slowly.  From then on the counts must stay the same but for a few.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import resource
import sys
from typing import TYPE_CHECKING, Any

from fuzz import ATOMS, terms

from pyerlnode.errors import PyerlnodeError, TermError
from pyerlnode.term import (
    IMPLEMENTATION,
    Limits,
    Map,
    Pid,
    decode,
    decode_at,
    encode,
    encode_parts,
    equal,
    exact_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMITS = Limits(depth=1000, elements=10_000, new_atoms=0, inflated_bytes=100_000)
OTHERWISE: dict[str, Any] = {"atoms": ATOMS, "text": True, "views": 4, "limits": LIMITS}
REFERENCES = {atom: number for number, atom in enumerate(ATOMS)}
ROUNDS = 10
# Free lists and the like grow and shrink a little.
FEW = 200
BAD = [object(), float("nan"), 1 << 5_000_000, {"a": 1, b"a": 2}, Pid("a@h", -1, 0, 0), "\ud800"]


def operations() -> list[Callable[[], object]]:
    """One for each input and way; whole, cut short, and with a byte changed."""
    found: list[Callable[[], object]] = []
    for data in terms():
        if len(data) > 2000:
            continue
        for given in (data, data[:-1], data[: len(data) // 2], _changed(data)):
            found.append(lambda given=given: decode(given, limits=LIMITS))
            found.append(
                lambda given=given: decode_at(given, 1, atoms=ATOMS, text=True, views=4, limits=LIMITS)
            )
        try:
            value = decode(data, limits=LIMITS)
        except TermError:
            continue
        found += _with(value)
    for value in BAD:
        found += _with([1, (value, 2)])
    return found


def _changed(data: bytes) -> bytes:
    return data[:2] + bytes((data[2] ^ 0x55,)) + data[3:] if len(data) > 2 else data


def _with(value: Any) -> Iterator[Callable[[], object]]:
    yield lambda: encode(value)
    yield lambda: encode(value, compressed=True)
    yield lambda: encode_parts(value, bytearray(), REFERENCES.get)
    yield lambda: exact_bytes(value)
    yield lambda: equal(value, [value])
    yield lambda: Map([(value, value), (1, value), (1.0, value)])


def run(work: list[Callable[[], object]], count: int) -> None:
    done = 0
    while done < count:
        for operation in work:
            with contextlib.suppress(PyerlnodeError):
                operation()
        done += len(work)


def counts() -> dict[str, int]:
    gc.collect()
    references = {f"references to {value!r}": sys.getrefcount(value) for value in (None, True, 1, *ATOMS)}
    return {"blocks": sys.getallocatedblocks(), **references}


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz leaks", description="Looks for memory left behind.")
    parser.add_argument("--operations", type=int, default=10_000_000)
    options = parser.parse_args()
    work = operations()
    for number in range(ROUNDS):
        run(work, options.operations // ROUNDS)
        now = counts()
        if number == ROUNDS // 2 - 1:
            first = now
        print(
            f"{IMPLEMENTATION}: {now['blocks']} blocks, "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} kB at most",
            flush=True,
        )
    grown = {name: now[name] - first[name] for name in now if now[name] - first[name] > FEW}
    if grown:
        print(f"left behind: {grown}")
        return 1
    print(f"{options.operations} operations, nothing left behind")
    return 0


if __name__ == "__main__":
    sys.exit(main())
