"""Both codecs make the same of the same bytes, valid, mutated and random, errors included.

PYERLNODE_CODEC_CASES says how many are tried; a million where there is time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyerlnode.term import IMPLEMENTATION, Atom, decode, encode, encode_parts
from pyerlnode.term._decode import decode as reference_decode
from pyerlnode.term._encode import encode as reference_encode

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"
CASES = int(os.environ.get("PYERLNODE_CODEC_CASES", "20000"))

pytestmark = pytest.mark.skipif(IMPLEMENTATION == "pure", reason="there is only the pure codec")


def fuzz_codecs(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / "fuzz_codecs.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.timeout(120 + CASES // 200)
def test_both_codecs_make_the_same_of_the_same_bytes() -> None:
    done = fuzz_codecs("--cases", str(CASES))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout == f"codecs: {CASES} cases of seed 1, no difference\n"


def test_a_case_can_be_seen_alone() -> None:
    done = fuzz_codecs("--case", "17")
    assert done.returncode == 0
    assert done.stdout.startswith("codecs: --seed 1 --case 17, ")
    assert done.stdout.count("exit code 0") == 2


def test_integers_of_all_lengths_are_the_same_to_both() -> None:
    for bits in range(2100):
        for value in (2**bits - 1, 2**bits, 2**bits + 1, 0xA5A5A5A5 << bits):
            for integer in (value, -value):
                data = encode(integer)
                assert data == reference_encode(integer)
                assert decode(data) == integer


def test_integers_in_a_list_are_as_python_makes_them() -> None:
    edges = [2**bits + more for bits in (8, 15, 16, 29, 30) for more in range(-2, 3)]
    integers = [*edges, *(-edge for edge in edges), *range(-10, 300), 2**31 - 1, -(2**31)]
    decoded = decode(encode(integers))
    assert decoded == integers == reference_decode(encode(integers))
    for made, integer in zip(decoded, integers, strict=True):
        assert (hash(made), str(made), -made, made // 7) == (
            hash(integer),
            str(integer),
            -integer,
            integer // 7,
        )
        assert made.__sizeof__() == integer.__sizeof__()


@pytest.mark.parametrize("size", [0, 3, 100])
@pytest.mark.parametrize("way", ["class", "atom_ref"])
def test_a_dict_may_be_emptied_while_it_is_encoded(size: int, way: str) -> None:
    def empty() -> None:
        """Empty both dicts, and have their memory used for something else."""
        inner.clear()
        outer.clear()
        spoiled.extend(bytes([at % 256]) * 100 for at in range(1000))

    class Emptying(tuple[int, ...]):
        def __iter__(self) -> Iterator[int]:
            empty()
            return iter((1, 2))

    def fill(dictionary: dict[bytes, Any], first: Any) -> None:
        dictionary.update({b"a": first, b"zz": b"z" * 100})
        dictionary.update({b"key %d" % at: b"%d" % at * 50 for at in range(size)})

    spoiled: list[bytes] = []
    inner: dict[bytes, Any] = {}
    outer: dict[bytes, Any] = {}
    written = bytearray()
    first = (1, 2) if way == "class" else Atom("first")
    fill(inner, first)
    fill(outer, dict(inner))
    for _ in range(3):
        # The native codec knows these keys from now on.
        expected = encode(outer)[1:]
    outer[b"a"] = inner
    inner[b"a"] = Emptying() if way == "class" else first
    encode_parts(outer, written, (lambda atom: empty()) if way == "atom_ref" else None)
    assert written == expected
    assert (inner, outer) == ({}, {})


def test_a_list_may_be_emptied_while_it_is_encoded() -> None:
    class Emptying(tuple[int, ...]):
        def __iter__(self) -> Iterator[int]:
            # Frees the inner list, of which no more than this has been written.
            outer.clear()
            spoiled.extend([[bytes(8)] * 3 for _ in range(1000)])
            return iter((1, 2))

    spoiled: list[list[bytes]] = []
    outer: list[Any] = [[Emptying(), b"b", b"c"], b"d"]
    written = bytearray()
    encode_parts(outer, written)
    assert outer == []
    assert written == encode([])[1:]
