"""Erlang's notation beyond what real nodes print: what else is read, and pids."""

from __future__ import annotations

from typing import Any

import pytest

from pyerlnode.term import (
    Atom,
    BitString,
    Export,
    Fun,
    ImproperList,
    Map,
    Pid,
    Port,
    Record,
    Reference,
    charlist,
    equal,
    parse_erlang,
    to_erlang,
)

A = Atom
NODE = "kate@localhost"


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (True, "true"),
        ("ü", '<<"ü"/utf8>>'),
        ({A("a"): 1}, "#{a => 1}"),
        ({}, "#{}"),
        (range(1, 3), "#{'__struct__' => 'Elixir.Range',first => 1,last => 2,step => 1}"),
        (Export("erlang", "end", 1), "fun erlang:end/1"),
        (Export("дом", "x@y", 1), "fun 'дом':'x@y'/1"),
        (Record("m", "r", (("a", 1), ("B", []))), "#m:r{a = 1,'B' = []}"),
        (Record("m", "r", ()), "#m:r{}"),
        (Pid(NODE, 12, 0, 1795232319), "<kate@localhost.12.0/1795232319>"),
        (Pid("kate@10.0.0.1", 12, 0, 0), "<kate@10.0.0.1.12.0>"),
        (Port(NODE, 2**60, 2), "#Port<kate@localhost.1152921504606846976/2>"),
        (Reference(NODE, 2, (1, 2, 3)), "#Ref<kate@localhost.3.2.1/2>"),
        (Reference("a@10.0.0.1", 2, (1,)), "#Ref<'a@10.0.0.1'.1/2>"),
        (Pid("it's > odd", 1, 2, 3), "<'it\\'s > odd'.1.2/3>"),
    ],
)
def test_prints_and_reads_back(term: Any, text: str) -> None:
    assert to_erlang(term) == text
    assert equal(parse_erlang(text), term)


def test_a_number_stands_for_the_node_where_the_caller_has_one() -> None:
    terms = [Pid(NODE, 12, 0, 5), Pid("other@h", 1, 2, 3), Reference(NODE, 5, (1,)), Port(NODE, 6, 5)]
    text = to_erlang(terms, node_number=lambda term: 0 if term.node == NODE else None)
    assert text == "[<0.12.0>,<other@h.1.2/3>,#Ref<0.1>,#Port<0.6>]"
    assert equal(parse_erlang(text, number_node=lambda number: (NODE, 5) if number == 0 else None), terms)


def test_a_closure_shows_where_its_code_is() -> None:
    pid = Pid(NODE, 1, 0, 0)
    fun = Fun(arity=1, uniq=bytes(16), index=4, module="m", old_index=3, old_uniq=77, pid=pid, free=())
    assert to_erlang(fun) == "#Fun<m.3.77>"


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("16#FF", 255),
        ("2#1_01", 5),
        ("36#zZ", 35 * 36 + 35),
        ("1_000", 1000),
        ("-16#10", -16),
        ("+1", 1),
        ("$a", 97),
        ("-$a", -97),
        ("$\\n", 10),
        ("$\\s", 32),
        ("$\\^A", 1),
        ("$\\x{1F600}", 0x1F600),
        ("$\\101", 65),
        ("$ ", 32),
        ("1.5e-3", 0.0015),
        ("-0.0", -0.0),
        ("'it\\'s'", A("it's")),
        ("'a\\x41\\x{e9}\\101\\d'", A("aAéA\x7f")),
        ("été@x", A("été@x")),
        ("maybe", A("maybe")),
        ("'end'", A("end")),
        ("true", True),
        ("nil", None),
        ("undefined", A("undefined")),
        ('"abc"', charlist("abc")),
        ('"a" "b"\n "c"', charlist("abc")),
        ('""', []),
        ('"\\"\\b\\t\\n\\v\\f\\r\\e\\s\\d\\\\"', charlist('"\b\t\n\v\f\r\x1b \x7f\\')),
        ("[]", []),
        ("[ 1 , 2 ]", [1, 2]),
        ("[a|b]", ImproperList([A("a")], A("b"))),
        ("[a|[b|[c,d]]]", [A("a"), A("b"), A("c"), A("d")]),
        ("[a|[b|[]]]", [A("a"), A("b")]),
        ("[a|[b]]", [A("a"), A("b")]),
        ('[1|"a"]', [1, 97]),
        ("{}", ()),
        ("{a, {b}}", (A("a"), (A("b"),))),
        ("#{1 => a, 1.0 => b, [] => #{}}", Map([(1, A("a")), (1.0, A("b")), ([], {})])),
        ("<<>>", b""),
        ("<<1,2,5:3>>", BitString(b"\x01\x02\xa0", 3)),
        ('<<"abc">>', b"abc"),
        ('<<"a" "b", $c>>', b"abc"),
        ('<<"ü"/utf8>>', "ü".encode()),
        ('<<"ü">>', b"\xfc"),
        ("fun lists:map/2", Export("lists", "map", 2)),
        ("fun 'Elixir.Foo' : 'a b' / 0", Export("Elixir.Foo", "a b", 0)),
        ("# m:r{x = 1}", None),
        ("% comment\n{a % b\n}.", (A("a"),)),
        ("ok.", A("ok")),
        ("1.", 1),
        (" ok . % end", A("ok")),
    ],
)
def test_reads(text: str, term: Any) -> None:
    if text.startswith("# "):
        term = Record("m", "r", (("x", 1),))
    assert equal(parse_erlang(text), term), repr(parse_erlang(text))
