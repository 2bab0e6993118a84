"""Whatever the bytes are: a term or a TermDecodeError, and no memory beyond them."""

from __future__ import annotations

import tracemalloc

import pytest
from golden import GOLDEN, Golden
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import encoded, mutated

from pyerlnode.errors import TermDecodeError
from pyerlnode.term import Limits, compare, decode, encode, equal

# A mutation can lead to new atoms; without this they would pile up over the run.
FEW = Limits(new_atoms=0)


def check(data: bytes, *, text: bool = False) -> None:
    try:
        term = decode(data, text=text, limits=FEW)
    except TermDecodeError as error:
        assert 0 <= error.offset <= len(data)
        return
    again = decode(encode(term), text=text)
    assert equal(again, term)
    assert compare(again, term) == 0


@given(encoded(), st.data())
def test_every_prefix_is_refused(data: bytes, choice: st.DataObject) -> None:
    end = choice.draw(st.integers(0, len(data) - 1))
    with pytest.raises(TermDecodeError):
        decode(data[:end])


@given(mutated(), st.booleans())
@settings(max_examples=400)
def test_mutated_terms_are_read_or_refused(data: bytes, text: bool) -> None:
    check(data, text=text)


@given(st.binary(max_size=60))
@settings(max_examples=400)
def test_random_bytes_are_read_or_refused(data: bytes) -> None:
    check(b"\x83" + data)


@pytest.mark.parametrize("golden", [g for g in GOLDEN if len(g.data) < 60][::3], ids=str)
def test_every_byte_of_a_golden_term_may_be_wrong(golden: Golden) -> None:
    for at in range(1, len(golden.data)):
        for octet in (0, 1, 67, 77, 80, 82, 104, 106, 108, 112, 116, 127, 255):
            changed = bytearray(golden.data)
            changed[at] = octet
            check(bytes(changed))


@pytest.mark.parametrize(
    "data",
    [
        b"\x83l\xff\xff\xff\xff" + bytes(100),
        b"\x83i\xff\xff\xff\xff" + bytes(100),
        b"\x83t\xff\xff\xff\xff" + bytes(100),
        b"\x83m\xff\xff\xff\xff" + bytes(100),
        b"\x83o\xff\xff\xff\xff" + bytes(100),
        b"\x83C\xff\xff\xff\xff\x00w\x01mw\x01n" + bytes(100),
        b"\x83p" + bytes(25) + b"\xff\xff\xff\xff" + b"w\x01ma\x00a\x00Xw\x03a@h" + bytes(100),
        b"\x83P\x0f\xff\xff\xff" + encode([0] * 65536, compressed=9)[6:],
        b"\x83" + b"l\xff\xff\xff\xff" * 1000,
    ],
    ids=lambda data: data[:8].hex(),
)
def test_an_announced_length_makes_nothing_of_that_size(data: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TermDecodeError):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
