"""Segments of binaries, as real nodes evaluated them."""

from __future__ import annotations

import pytest

from pyerlnode.errors import TermSyntaxError
from pyerlnode.term import BitString, encode, parse_elixir, parse_erlang

# Source text, and what `term_to_binary` of OTP 27 gave for it.
ERLANG = [
    ("<<1,2,5:3>>", "834d00000003030102a0"),
    ("<<7:16/little>>", "836d000000020700"),
    ("<<7:16>>", "836d000000020007"),
    ("<<-1:12>>", "834d0000000204fff0"),
    ("<<300>>", "836d000000012c"),
    ("<<-1>>", "836d00000001ff"),
    ("<<5:3/little>>", "834d0000000103a0"),
    ("<<16#ABC:12/little>>", "834d0000000204bca0"),
    ("<<16#12345:20/little-signed>>", "834d0000000304452310"),
    ("<<1.5/float>>", "836d000000083ff8000000000000"),
    ("<<1.5:32/float-little>>", "836d000000040000c03f"),
    ("<<3/float>>", "836d000000084008000000000000"),
    ("<<1.5:16/float>>", "836d000000023e00"),
    ('<<"abc":16>>', "836d00000006006100620063"),
    ('<<"abc":16/little>>', "836d00000006610062006300"),
    ('<<"aü"/utf8>>', "836d0000000361c3bc"),
    ('<<"aü😀"/utf16>>', "836d00000008006100fcd83dde00"),
    ('<<"aü😀"/utf16-little>>', "836d000000086100fc003dd800de"),
    ('<<"aü"/utf32>>', "836d0000000800000061000000fc"),
    ('<<"aü😀">>', "836d0000000361fc00"),
    ("<<955/utf8>>", "836d00000002cebb"),
    ("<<$a,$\\n>>", "836d00000002610a"),
    ('<<1:1,"abc",0:7>>', "836d00000004b0b13180"),
    ("<<2:4/unit:8>>", "836d0000000400000002"),
    ("<<2:2/integer-unit:3-big>>", "834d000000010608"),
    ("<<2:3/native-unsigned>>", "834d000000010340"),
    ('<<"ab":4>>', "836d0000000112"),
    ("<<1:1,1.0/float>>", "834d00000009019ff800000000000000"),
    ("<< 1 , 2 >>", "836d000000020102"),
    ('<<1:1,"é"/utf8>>', "834d0000000301e1d480"),
    ('<<"a" "b":3>>', "834d000000010628"),
    ("<<123456789012345678901234567890:100>>", "834d0000000d0418ee90ff6c373e0ee4e3f0ad20"),
]
ELIXIR = [
    ('<<1, 2::8, "abc">>', "836d000000050102616263"),
    ("<<5::3>>", "834d0000000103a0"),
    ("<<5::size(3)>>", "834d0000000103a0"),
    ("<<7::16-little>>", "836d000000020700"),
    ("<<7::little-size(16)>>", "836d000000020700"),
    ("<<7::integer-size(16)-unsigned-big>>", "836d000000020007"),
    ("<<1.5>>", "836d000000083ff8000000000000"),
    ("<<1.5::float>>", "836d000000083ff8000000000000"),
    ("<<1.5::float-32-little>>", "836d000000040000c03f"),
    ("<<3::float>>", "836d000000084008000000000000"),
    ('<<"ü"::utf8>>', "836d00000002c3bc"),
    ('<<"ü"::utf16>>', "836d0000000200fc"),
    ('<<"ü"::utf16-little>>', "836d00000002fc00"),
    ("<<955::utf8>>", "836d00000002cebb"),
    ("<<?a, ?\\n>>", "836d00000002610a"),
    ("<<-1::12>>", "834d0000000204fff0"),
    ("<<300>>", "836d000000012c"),
    ('<<1::1, "abc", 0::7>>', "836d00000004b0b13180"),
    ('<<"abc"::binary>>', "836d00000003616263"),
    ("<<2::size(4)-unit(8)>>", "836d0000000400000002"),
    ("<<0xABC::12-little>>", "834d0000000204bca0"),
    ('<<1::1, "é">>', "834d0000000301e1d480"),
    ('<<"\\xFF", 1::4>>', "834d0000000204ff10"),
    ("<<1_000::16>>", "836d0000000203e8"),
]


@pytest.mark.parametrize(("text", "data"), ERLANG)
def test_erlang_segments_have_the_bits_of_a_beam(text: str, data: str) -> None:
    assert encode(parse_erlang(text)).hex() == data


@pytest.mark.parametrize(("text", "data"), ELIXIR)
def test_elixir_segments_have_the_bits_of_a_beam(text: str, data: str) -> None:
    assert encode(parse_elixir(text)).hex() == data


@pytest.mark.parametrize(
    ("text", "offset", "problem"),
    [
        ("<<1.5>>", 2, "a float needs the type float"),
        ("<<1.5:15/float>>", 2, "16, 32 or 64 bits, not 15"),
        ("<<1.0e300:32/float>>", 2, "too large for a float of 32 bits"),
        ("<<1/binary>>", 2, "a number is no binary"),
        ('<<"a":8/utf8>>', 2, "utf8 takes no size"),
        ("<<16#110000/utf8>>", 2, "no code point"),
        ("<<16#D800/utf16>>", 2, "utf16 has no form"),
        ("<<1:999999999>>", 2, "bits are too many"),
        ("<<1:a>>", 4, "expected a size in digits"),
        ("<<1/sizey>>", 4, "expected a type of a segment"),
        ("<<1/unit:0>>", 4, "expected a type of a segment"),
        ("<<1/unit:8>>", 2, "a unit needs a size"),
        ("<<a>>", 2, "expected a number or a string"),
        ("<<1 2>>", 4, "expected ',' or '>>'"),
        ("<<1,2", 5, "found end of input"),
    ],
)
def test_what_is_no_segment_is_refused(text: str, offset: int, problem: str) -> None:
    with pytest.raises(TermSyntaxError, match=problem) as refused:
        parse_erlang(text)
    assert refused.value.offset == offset


def test_whole_bytes_are_bytes_however_they_were_put_together() -> None:
    assert parse_erlang("<<1:3,2:5>>") == b"\x22"
    assert parse_erlang("<<1:3>>") == BitString(b"\x20", 3)
    assert parse_erlang("<<1:0>>") == b""


def test_unaligned_bytes_take_linear_time() -> None:
    size = 200_000
    text = "<<1:1," + "255," * size + "3:7>>"
    assert parse_erlang(text) == b"\xff" * size + b"\x83"
