"""Text that is no term: the offset, what was found and what was expected; and terms of any depth and size."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from golden import lines
from hypothesis import given
from hypothesis import strategies as st

from pyerlnode.errors import TermSyntaxError
from pyerlnode.term import (
    Atom,
    ImproperList,
    Map,
    Pid,
    Record,
    equal,
    parse_elixir,
    parse_erlang,
    to_elixir,
    to_erlang,
)

NOTATIONS = [(to_elixir, parse_elixir), (to_erlang, parse_erlang)]
A = Atom


@pytest.mark.parametrize(
    ("text", "offset", "problem"),
    [
        ("", 0, "expected a term, found end of input"),
        ("   # only a comment", 19, "expected a term, found end of input"),
        ("foo", 0, "expected a term, found 'foo'"),
        ("[1, 2", 5, "found end of input"),
        ("[1 2]", 3, r"expected ',', '\|' or '\]', found '2\]'"),
        ("[1, foo]", 4, "expected a term, found 'foo]'"),
        ("{1, 2]", 5, "expected ',' or '}'"),
        ("[1 | 2, 3]", 6, "expected ']'"),
        ("[| 1]", 1, "expected a term"),
        ("[a: 1, 2]", 7, "another `key: `"),
        ("[a:1]", 1, "expected a term, found 'a:1]'"),
        ("[a: ]", 4, "expected a term"),
        ("%{a: 1", 6, "end of input"),
        ("%{1, 2}", 3, "expected '=>'"),
        ("%{1 => }", 7, "expected a term"),
        ("%{1 => 2 3 => 4}", 9, "expected ',' or '}'"),
        ("%{a: 1, a: 2}", 0, "same Erlang term"),
        ("%foo{}", 1, "expected '{' or a struct's name"),
        ('%Foo{"a" => 1}', 0, "a struct has atoms as keys"),
        ("%Foo{1 => 1}", 0, "a struct has atoms as keys"),
        ('"abc', 4, "to close what began at character 0, found end of input"),
        ('"abc\\', 5, "to close what began at character 0"),
        ('"a#{b}"', 2, "interpolation is no literal"),
        ('"\\xg"', 1, "needs hexadecimal digits"),
        ('"ab\\u{110000}"', 3, "0x110000 is no code point"),
        ('"\\ud800"', 1, "0xD800 is no code point"),
        (':"\\x{d800}"', 2, "0xD800 is no code point"),
        (":", 1, "an atom's name after ':', found end of input"),
        (": a", 2, "an atom's name"),
        (":a→b", 0, "as an atom it needs quotes"),
        (":" + "a" * 256, 0, "atom of 256 characters"),
        ("1e5", 1, "expected the end of a number, found 'e5'"),
        ("12abc", 2, "expected the end of a number"),
        ("0xZ", 1, "expected the end of a number"),
        ("1.0e999", 0, "a float beyond"),
        ("-", 0, "expected a number"),
        ("--1", 0, "expected a number"),
        ("?", 0, "expected a character"),
        ("1..", 3, "expected a number, found end of input"),
        ("1..2.5", 3, "a range has integers"),
        ("1 2", 2, "expected end of input, found '2'"),
        ("~D[2023-02-29]", 0, "no date or time that exists"),
        ("~T[24:00:00]", 0, "no date or time that exists"),
        ("~U[2024-01-01 00:00:00]", 0, "no date or time that exists"),
        ("~r/a/", 0, "~r is no sigil that stands for a literal"),
        ("~w(a)x", 0, "~w has the modifiers"),
        ("~s(a", 4, r"'\)' to close"),
        ("~", 0, "expected a sigil"),
        ("Foo.bar", 3, "expected end of input, found '.bar'"),
        ("Foo.new(1)", 0, "Foo.new.* is no literal"),
        ("MapSet.new(1)", 11, "expected '\\['"),
        ("MapSet.new([1 | 2])", 0, "takes a proper list"),
        ("[1 | [2]", 8, "expected '\\]', found end of input"),
        ("MapSet.new([1, 1])", 0, "same Erlang term"),
        ('Decimal.new("x")', 0, "no decimal number"),
        ("Decimal.new(1)", 12, "a decimal number in quotes"),
        ("&foo/1", 1, "only &Module.function/arity"),
        ("&Foo.bar", 8, "expected '/' and the arity"),
        ("&Foo.bar/256", 0, "arity must be 0 to 255"),
        ("&Foo.bar/1000", 8, "expected '/' and the arity"),
        ("<<1, 2", 6, "found end of input"),
        ("<<1::foo>>", 5, "a type of a segment"),
        ("<1>", 0, "expected '<<'"),
        ("#PID<0.12.0>", 0, "0 is an index into a table of the node that printed this pid"),
        ("#PID<a@b.1>", 0, "expected a pid"),
        ("#PID<a@b.1.2.3/99999999999>", 0, "too large"),
        ("#PID<a@b.4294967296.0>", 0, "too large"),
        ("#PID<a@b.1.2", 5, "a pid that ends in '>'"),
        ('#PID<"a">', 0, "0 numbers are too many or too few for a pid"),
        ('#PID<"a".1.2', 8, "expected numbers and '>' after the node's name"),
        ("#Reference<a@b.1.2.3.4.5.6>", 0, "6 numbers are too many or too few for a reference"),
        ("#Function<1.2/3 in Foo>", 0, "does not hold all"),
        ("#DateTime<2000-02-29 23:00:07+01:00 CET Europe/Warsaw>", 0, "does not hold all"),
    ],
)
def test_elixir_text_that_is_no_literal(text: str, offset: int, problem: str) -> None:
    with pytest.raises(TermSyntaxError, match=problem) as refused:
        parse_elixir(text)
    assert refused.value.offset == offset, str(refused.value)


@pytest.mark.parametrize(
    ("text", "offset", "problem"),
    [
        ("", 0, "expected a term, found end of input"),
        ("% only a comment", 16, "found end of input"),
        ("Var", 0, "expected a term, found 'Var'"),
        ("[1,", 3, "expected a term, found end of input"),
        ("[1 2]", 3, r"expected ',', '\|' or '\]', found '2\]'"),
        ("[1,]", 3, "expected a term"),
        ("{a b}", 3, "expected ',' or '}', found 'b}'"),
        ("[1|2,3]", 4, "expected '\\]'"),
        ("#{a}", 3, "expected '=>'"),
        ("#{a => 1", 8, "found end of input"),
        ("#{a => 1, a => 2}", 0, "same Erlang term"),
        ("#rec{a = 1}", 4, "a tuple is written as one"),
        ("#m:r{a, b}", 6, "expected '='"),
        ("#m:r{a=1,a=2}", 9, "the field a is there twice"),
        ("end", 0, "the atom 'end' needs quotes"),
        ("'abc", 4, "to close what began at character 0"),
        ('"abc', 4, "to close what began at character 0"),
        ('"\\xg"', 1, "needs two hexadecimal digits"),
        ('"a\\x{d800}"', 2, "0xD800 is no code point"),
        ("'" + "a" * 256 + "'", 0, "atom of 256 characters"),
        ("37#1", 0, "no digits of base 37"),
        ("2#12", 0, "no digits of base 2"),
        ("1e5", 1, "the end of a number"),
        ("1.0e999", 0, "a float beyond"),
        ("$", 0, "a character after"),
        ("-a", 0, "expected a number"),
        ("fun() -> ok end", 3, "only fun m:f/1"),
        ("fun m:f", 7, "expected '/'"),
        ("fun m:f/a", 8, "expected the arity"),
        ("fun m:f/256", 0, "arity must be 0 to 255"),
        ("<0.12.0>", 0, "0 is an index into a table of the node that printed this pid"),
        ("<a@b.1.2", 1, "a pid that ends in '>'"),
        ("#Fun<m.1.2>", 0, "does not hold the function"),
        ("#Port<a@b.1.x>", 0, "expected a port"),
        ("a b", 2, "expected end of input, found 'b'"),
        ("a..", 2, "expected end of input, found '.'"),
    ],
)
def test_erlang_text_that_is_no_literal(text: str, offset: int, problem: str) -> None:
    with pytest.raises(TermSyntaxError, match=problem) as refused:
        parse_erlang(text)
    assert refused.value.offset == offset, str(refused.value)


@pytest.mark.parametrize(("name", "read"), [("elixir", parse_elixir), ("erlang", parse_erlang)])
def test_every_prefix_of_a_term_is_a_term_or_refused(name: str, read: Any) -> None:
    for line in lines("text.jsonl")[::3]:
        text = line[name][:120]
        for end in range(len(text)):
            try:
                read(text[:end])
            except TermSyntaxError as error:
                assert 0 <= error.offset <= end


PIECES = st.sampled_from(
    r"""
    [ ] { } %{ #{ << >> ( ) , | => : :: / // .. . & ~ ~c ~D[ ~w( # #PID< < > " ' \ \x ?a $a 1 -1 1.5 0x1 16#f
    a a: :b Foo Foo.new( MapSet.new( Decimal.new( nil fun m:f/1 &A.b/1 % é ü→ #m:r{ = size(3) utf8 @
    9999999999 a@b.1.2>
    """.split()  # noqa: SIM905
)


@pytest.mark.parametrize("read", [parse_elixir, parse_erlang])
@given(
    text=st.one_of(
        st.text(max_size=30),
        st.lists(PIECES, max_size=12).map("".join),
        st.lists(PIECES, max_size=12).map(" ".join),
    )
)
def test_any_text_is_a_term_or_refused(read: Any, text: str) -> None:
    try:
        read(text)
    except TermSyntaxError as error:
        assert 0 <= error.offset <= len(text)


@pytest.mark.parametrize(("show", "read"), NOTATIONS)
@pytest.mark.parametrize(
    ("wrap", "depth"),
    [
        (lambda term: [term], 100_000),
        (lambda term: (1, term), 100_000),
        (lambda term: {A("a"): term}, 100_000),
        (lambda term: [(A("a"), term)], 20_000),
        (lambda term: ImproperList([term], 1), 20_000),
        (lambda term: Record("m", "r", (("f", term),)), 20_000),
        (lambda term: {A("__struct__"): A("Elixir.S"), A("a"): term}, 20_000),
        (lambda term: Map([([], term)]), 20_000),
        (lambda term: Map([(term, 1)]), 20_000),
    ],
    ids=["list", "tuple", "map", "keyword", "improper", "record", "struct", "Map", "key"],
)
def test_depth_costs_no_stack(show: Any, read: Any, wrap: Any, depth: int) -> None:
    term: Any = b""
    for _ in range(depth):
        term = wrap(term)
    text = show(term)
    assert show(read(text)) == text


@pytest.mark.parametrize(("show", "read"), NOTATIONS)
@pytest.mark.parametrize("opening", ["[", "%{1 => ", "#m:r{a = "])
def test_depth_without_an_end_is_refused(show: Any, read: Any, opening: str) -> None:
    with pytest.raises(TermSyntaxError):
        read(opening * 100_000)


@pytest.mark.parametrize(("show", "read"), NOTATIONS)
@pytest.mark.parametrize(
    "term",
    [
        [*range(150_000), A("a"), b"x", 1.5],
        {number: b"x" for number in range(100_000)},
        [(A("a"), 1)] * 100_000,
        bytes(range(256)) * 4000,
        b'\n"' * 500_000,
        list(b"abc\n") * 250_000,
        [Pid("a@b", 1, 2, 3)] * 50_000,
    ],
    ids=["list", "map", "keyword", "octets", "text", "charlist", "pids"],
)
def test_size_costs_linear_time(show: Any, read: Any, term: Any) -> None:
    assert equal(read(show(term)), term)


@pytest.mark.parametrize("read", [parse_elixir, parse_erlang])
@pytest.mark.parametrize(("tail", "joined"), [("2", ImproperList([1] * 100_000, 2)), ("[]", [1] * 100_000)])
def test_a_chain_of_tails_costs_linear_time(read: Any, tail: str, joined: Any) -> None:
    assert read("[1 | " * 100_000 + tail + "]" * 100_000) == joined


@pytest.mark.parametrize("read", [parse_elixir, parse_erlang])
@pytest.mark.parametrize(
    "text",
    [
        '"' + "\\" * 10**6,
        "1_" * 10**6,
        "1" * 10**6 + "..",
        "a" * 10**6,
        "é" * 10**6,
        "[é" + "aé" * 10**5,
        " " * 10**6,
        "#" * 10**6,
        "<<1" + " ,1" * 10**5,
    ],
)
def test_long_text_that_is_no_term_is_refused_in_linear_time(read: Any, text: str) -> None:
    with pytest.raises(TermSyntaxError):
        read(text)


@pytest.mark.parametrize(("show", "read"), NOTATIONS)
@pytest.mark.parametrize("number", [10**5000, -(7**100_000), 2**2048 - 1, -(2**2049)], ids="abcd")
def test_integers_beyond_what_python_turns_into_text(show: Any, read: Any, number: int) -> None:
    limit = sys.get_int_max_str_digits()
    text = show(number)
    assert read(text) == number
    assert sys.get_int_max_str_digits() == limit


def test_a_large_integer_has_the_digits_that_it_should() -> None:
    assert to_elixir(10**9999 + 7) == "1" + "0" * 9998 + "7"
    assert to_erlang(-(10**9999) - 7) == "-1" + "0" * 9998 + "7"
    assert parse_erlang("3#" + "2" * 5000) == 3**5000 - 1
