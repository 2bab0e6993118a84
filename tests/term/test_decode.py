"""Reading: offsets, forms that a BEAM takes but does not write, text, distribution frames."""

from __future__ import annotations

from typing import Any

import pytest

from pyerlnode.errors import TermDecodeError, UsageError
from pyerlnode.term import (
    Atom,
    BitString,
    Export,
    Pid,
    Port,
    Record,
    Reference,
    decode,
    decode_at,
    encode,
    encode_parts,
    equal,
)

NODE = b"w\x03a@h"


@pytest.mark.parametrize(
    ("data", "term"),
    [
        (b"d\x00\x01\xe9", Atom("é")),
        (b"s\x01\xe9", Atom("é")),
        (b"s\x04true", True),
        (b"d\x00\x03nil", None),
        (b"v\x00\x05false", False),
        (b"i\x00\x00\x00\x01a\x01", (1,)),
        (b"l\x00\x00\x00\x00j", []),
        (b"l\x00\x00\x00\x00a\x01", 1),
        (b"l\x00\x00\x00\x01a\x01k\x00\x02ab", [1, 97, 98]),
        (b"l\x00\x00\x00\x01a\x01l\x00\x00\x00\x00l\x00\x00\x00\x01a\x02j", [1, 2]),
        (b"k\x00\x00", []),
        (b"n\x04\x02\x01\x00\x00\x00", -1),
        (b"n\x00\x01", 0),
        (b"c1,5e1" + bytes(26), 15.0),
        (b"c+1.5\0garbage" + bytes(19), 1.5),
        (b"c1.5" + b"0" * 28, 1.5),
        (b"M\x00\x00\x00\x01\x08x", b"x"),
        (b"M\x00\x00\x00\x01\x03\xff", BitString(b"\xe0", 3)),
        (b"g" + NODE + b"\x00\x00\x00\x01\x00\x00\x00\x02\x03", Pid("a@h", 1, 2, 3)),
        (b"f" + NODE + b"\xff\xff\xff\xff\x03", Port("a@h", 2**32 - 1, 3)),
        (b"Y" + NODE + b"\x00\x00\x00\x07\x00\x00\x00\x05", Port("a@h", 7, 5)),
        (b"e" + NODE + b"\x00\x03\xff\xff\x02", Reference("a@h", 2, (0x3FFFF,))),
        (b"r\x00\x02" + NODE + b"\x01\x00\x00\x00\x01\xff\xff\xff\xff", Reference("a@h", 1, (1, 2**32 - 1))),
        (b"Z\x00\x00" + NODE + b"\x00\x00\x00\x01", Reference("a@h", 1, ())),
        (b"Xw\x04true" + bytes(11) + b"\x01", Pid("true", 0, 0, 1)),
        (b"qw\x01mw\x01fn\x01\x00\x05", Export("m", "f", 5)),
        (b"C\x00\x00\x00\x01\x01w\x01mw\x01nw\x01aa\x01", Record("m", "n", (("a", 1),), 1)),
    ],
    ids=repr,
)
def test_reads_every_form_that_a_beam_reads(data: bytes, term: Any) -> None:
    found = decode(b"\x83" + data)
    assert equal(found, term)
    assert type(found) is type(term)
    assert decode_at(b"??" + data + b"!!", 2)[1] == 2 + len(data)


@pytest.mark.parametrize(
    ("data", "offset", "message"),
    [
        (b"", 0, "no bytes"),
        (b"\x82a\x01", 0, "found 130"),
        (b"\x83", 1, "data end at byte 1"),
        (b"\x83h\x02a\x01", 5, "the next tag"),
        (b"\x83h\x02a\x01\x01", 5, "tag 1 at byte 5 is no term"),
        (b"\x83h\x03a\x01", 1, "3 elements announced, 2 bytes left"),
        (b"\x83h\x02a\x01b\x00\x00", 5, "within tag 98 at 5"),
        (b"\x83l\xff\xff\xff\xffj", 1, "LIST at byte 1"),
        (b"\x83m\x00\x00\x00\x05abc", 1, "5 bytes announced, 3 left"),
        (b"\x83h\x01w\x05ok", 3, "5 bytes announced, 2 left"),
        (b"\x83h\x01w\x02\xc3\x28", 3, "no UTF-8"),
        (b"\x83h\x01X" + b"a\x01" + bytes(12), 4, "where an atom is wanted"),
        (b"\x83h\x01R\x00", 3, "ATOM_CACHE_REF 0 of 0"),
        (b"\x83h\x01qw\x01mw\x01fb\x00\x00\x01\x00", 3, "arity 256"),
        (b"\x83h\x01M\x00\x00\x00\x00\x00", 3, "0 bytes with 0 bits"),
        (b"\x83h\x01C\x00\x00\x00\x00\x02w\x01mw\x01n", 3, "flags 2"),
        (b"\x83h\x01C\x00\x00\x00\x02\x00w\x01mw\x01nw\x01aw\x01aa\x01a\x01", 3, "named twice"),
        (
            b"\x83h\x01p" + bytes(29) + b"w\x01mn\x08\x00" + bytes(7) + b"\x08a\x00Xw\x03a@h" + bytes(12),
            36,
            "60 bits",
        ),
        (b"\x83h\x01P\x00\x00\x00\x02", 3, "tag 80"),
        (b"\x83P\x00\x00", 1, "COMPRESSED"),
        (b"\x83P\x00\x00\x00\x02xxxx", 6, "COMPRESSED"),
    ],
    ids=lambda value: value.hex() if isinstance(value, bytes) else None,
)
def test_says_where_and_what_was_wrong(data: bytes, offset: int, message: str) -> None:
    with pytest.raises(TermDecodeError, match=message) as caught:
        decode(data)
    assert caught.value.offset == offset


def test_an_error_in_compressed_data_points_at_them() -> None:
    data = encode([Atom("abc")] * 100, compressed=True)
    with pytest.raises(TermDecodeError) as caught:
        decode(data[:-6])
    assert caught.value.offset <= len(data)


def test_takes_any_buffer_and_ignores_what_follows() -> None:
    data = encode((1, b"x")) + b"more"
    for given in (data, bytearray(data), memoryview(data), memoryview(b"??" + data)[2:]):
        assert decode(given) == (1, b"x")
    assert decode_at(memoryview(data), 1) == ((1, b"x"), len(data) - 4)
    assert type(decode(bytearray(data))[1]) is bytes


def test_text_gives_str_where_a_binary_is_utf8() -> None:
    term = {b"k": [b"\xff", "é".encode(), (b"x", Atom("a"))]}
    assert decode(encode(term), text=True) == {"k": [b"\xff", "é", ("x", Atom("a"))]}
    assert type(decode(encode(Atom("a")), text=True)) is Atom


def test_several_terms_are_read_one_after_the_other() -> None:
    out = bytearray()
    given = [1, Atom("ok"), [1, 2, 300], {}, (b"x",)]
    for term in given:
        encode_parts(term, out)
    offset, found = 0, []
    while offset < len(out):
        term, offset = decode_at(bytes(out), offset)
        found.append(term)
    assert found == given


def test_references_to_the_atom_cache_are_atoms_of_the_frame() -> None:
    atoms = [Atom("a@h"), Atom("true"), Atom("ok")]
    data = b"h\x03R\x01R\x02XR\x00" + bytes(11) + b"\x01"
    assert decode_at(data, 0, atoms=atoms)[0] == (True, Atom("ok"), Pid("a@h", 0, 0, 1))
    with pytest.raises(TermDecodeError, match="ATOM_CACHE_REF 2 of 2"):
        decode_at(data, 0, atoms=atoms[:2])


def test_an_offset_outside_the_data_is_the_callers_mistake() -> None:
    with pytest.raises(UsageError):
        decode_at(b"a\x01", 3)
    with pytest.raises(TermDecodeError):
        decode_at(b"a\x01", 2)


@pytest.mark.parametrize("given", [5, "text", None, [131, 97, 1]])
def test_only_bytes_are_decoded(given: Any) -> None:
    with pytest.raises(TypeError):
        decode(given)


def test_lists_are_not_shared() -> None:
    first, second = decode(encode([[], []]))
    first.append(1)
    assert second == []
