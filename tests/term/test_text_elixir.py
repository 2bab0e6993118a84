"""Elixir's notation beyond what real nodes print: what Python objects print as, and what else is read."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
from collections import OrderedDict, namedtuple
from typing import Any

import pytest

from pyerlnode.errors import TermEncodeError
from pyerlnode.term import (
    URI,
    Atom,
    BitString,
    DateTime,
    Export,
    Fun,
    ImproperList,
    Map,
    Pid,
    Port,
    Record,
    Reference,
    Time,
    charlist,
    equal,
    parse_elixir,
    struct,
    to_elixir,
)

A = Atom
NODE = "kate@localhost"


@struct("Elixir.TextTest.User")
@dataclasses.dataclass
class User:
    name: str
    age: int
    admin: bool = False


class Color(enum.IntEnum):
    RED = 3


Point = namedtuple("Point", "x y")


def stored(module: str, **fields: Any) -> dict[Atom, Any]:
    return {A("__struct__"): A(module), **{A(name): value for name, value in fields.items()}}


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("ü", '"ü"'),
        (bytearray(b"ab"), '"ab"'),
        (memoryview(b"\xff"), "<<255>>"),
        (Color.RED, "3"),
        (Point(1, 2), "{1, 2}"),
        (OrderedDict(b=1), '%{"b" => 1}'),
        (User("Ann", 7), '%TextTest.User{name: "Ann", age: 7, admin: false}'),
        (datetime.date(2024, 1, 1), "~D[2024-01-01]"),
        (datetime.time(1, 2, 3, 4), "~T[01:02:03.000004]"),
        (Time.of(datetime.time(1, 2, 3, 120_000), 2), "~T[01:02:03.12]"),
        (datetime.datetime(2024, 1, 1, 1, 2, 3), "~N[2024-01-01 01:02:03]"),
        (datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), "~U[2024-01-01 00:00:00Z]"),
        (DateTime.of(datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), 3), "~U[2024-01-01 00:00:00.000Z]"),
        (decimal.Decimal("-1.50"), 'Decimal.new("-1.50")'),
        (decimal.Decimal("1E+3"), 'Decimal.new("1E+3")'),
        (decimal.Decimal("1E-7"), 'Decimal.new("1E-7")'),
        (decimal.Decimal("0.000001"), 'Decimal.new("0.000001")'),
        (decimal.Decimal("0.00"), 'Decimal.new("0.00")'),
        (decimal.Decimal("-0E+3"), 'Decimal.new("-0E+3")'),
        (decimal.Decimal("-Infinity"), 'Decimal.new("-Infinity")'),
        (decimal.Decimal("12.34E+99"), 'Decimal.new("1.234E+100")'),
        ({3, 1, 2}, "MapSet.new([1, 2, 3])"),
        (frozenset({b"ab"}), 'MapSet.new(["ab"])'),
        (range(1, 4), "1..3"),
        (range(3, 0, -2), "3..1//-2"),
        (
            URI(scheme="http", host="a"),
            '%URI{scheme: "http", userinfo: nil, host: "a", port: nil, path: nil, query: nil, fragment: nil}',
        ),
        (stored("Elixir.Foo", b=1, a=[]), "%Foo{a: [], b: 1}"),
        (stored("foo", a=1), "%{__struct__: :foo, a: 1}"),
        (stored("Elixir.ArgumentError", message=b"x", __exception__=True), '%ArgumentError{message: "x"}'),
        (
            stored("Elixir.My.Error", message=b"x", __exception__=True),
            '%My.Error{__exception__: true, message: "x"}',
        ),
        (stored("Elixir.ArgumentError", message=b"x"), '%{__struct__: ArgumentError, message: "x"}'),
        (stored("Elixir.Range", first=1, last=2), "%Range{first: 1, last: 2}"),
        (stored("Elixir.Range", first=1, last=None, step=1), "%Range{first: 1, last: nil, step: 1}"),
        (
            stored("Elixir.Date", calendar=A("Elixir.Calendar.ISO"), year=2023, month=2, day=29),
            "%Date{calendar: Calendar.ISO, day: 29, month: 2, year: 2023}",
        ),
        (
            stored(
                "Elixir.Time",
                calendar=A("Elixir.Calendar.ISO"),
                hour=1,
                minute=2,
                second=3,
                microsecond=(1, 3),
            ),
            "%Time{calendar: Calendar.ISO, hour: 1, microsecond: {1, 3}, minute: 2, second: 3}",
        ),
        ({"__struct__": A("Elixir.Foo")}, '%{"__struct__" => Foo}'),
        (
            Map([(1, 1), (1.5, 2), (True, 3), (A("a"), 4), ("a", 5)]),
            '%{1 => 1, 1.5 => 2, :a => 4, true => 3, "a" => 5}',
        ),
        ([97, True], "[97, true]"),
        (["a", 1], '["a", 1]'),
        (A("true"), "true"),
        (Pid(NODE, 12, 0, 1795232319), "#PID<kate@localhost.12.0/1795232319>"),
        (Pid("a@127.0.0.1", 12, 0, 0), "#PID<a@127.0.0.1.12.0>"),
        (Port(NODE, 6, 2), "#Port<kate@localhost.6/2>"),
        (Reference(NODE, 2, (1, 2, 3)), "#Reference<kate@localhost.3.2.1/2>"),
        (Reference("a@127.0.0.1", 2, (1, 2)), '#Reference<"a@127.0.0.1".2.1/2>'),
        (Reference(NODE, 0, ()), "#Reference<kate@localhost>"),
        (Pid('o"dd >', 1, 2, 3), '#PID<"o\\"dd >".1.2/3>'),
    ],
)
def test_prints_and_reads_back(term: Any, text: str) -> None:
    assert to_elixir(term) == text
    assert equal(parse_elixir(text), term)


def test_a_registered_struct_reads_back_as_its_class() -> None:
    assert parse_elixir('%TextTest.User{name: "Ann", age: 7, admin: true}') == User("Ann", 7, admin=True)
    assert parse_elixir("~D[2024-02-29]") == datetime.date(2024, 2, 29)
    assert parse_elixir("1..3") == range(1, 4)


def test_what_a_struct_leaves_out_is_made_anew_each_time() -> None:
    text = "%Version{major: 1, minor: 2, patch: 3}"
    first = parse_elixir(text)
    first[A("pre")].append(b"changed")
    assert parse_elixir(text)[A("pre")] == []


def test_a_time_outside_utc_prints_as_inspect_shows_it() -> None:
    term = stored(
        "Elixir.DateTime",
        **{"calendar": A("Elixir.Calendar.ISO"), "year": 2000, "month": 2, "day": 29},
        **{"hour": 23, "minute": 0, "second": 7, "microsecond": (0, 0)},
        **{"time_zone": b"Europe/Warsaw", "zone_abbr": b"CET", "utc_offset": 3600, "std_offset": 0},
    )
    assert to_elixir(term) == "#DateTime<2000-02-29 23:00:07+01:00 CET Europe/Warsaw>"
    term[A("utc_offset")], term[A("std_offset")] = -12600, 0
    assert to_elixir(term) == "#DateTime<2000-02-29 23:00:07-03:30 CET Europe/Warsaw>"


def test_a_set_of_elixir_1_14_prints_like_any_other() -> None:
    assert to_elixir(stored("Elixir.MapSet", map={1: []}, version=2)) == "MapSet.new([1])"


def test_a_number_stands_for_the_node_where_the_caller_has_one() -> None:
    terms = [Pid(NODE, 12, 0, 5), Pid("other@h", 1, 2, 3), Reference(NODE, 5, (1,)), Port(NODE, 6, 5)]
    text = to_elixir(terms, node_number=lambda term: 0 if term.node == NODE else None)
    assert text == "[#PID<0.12.0>, #PID<other@h.1.2/3>, #Reference<0.1>, #Port<0.6>]"
    assert equal(parse_elixir(text, number_node=lambda number: (NODE, 5) if number == 0 else None), terms)


@pytest.mark.parametrize("term", [object(), float("nan"), float("inf"), "\ud800", [1, {2: object()}]])
def test_what_is_no_term_is_refused(term: Any) -> None:
    with pytest.raises(TermEncodeError):
        to_elixir(term)


def test_a_closure_shows_where_its_code_is() -> None:
    fun = Fun(
        arity=1,
        uniq=bytes(16),
        index=44,
        module="erl_eval",
        old_index=40,
        old_uniq=105768164,
        pid=Pid(NODE, 1, 0, 0),
        free=(),
    )
    assert to_elixir(fun) == "#Function<44.105768164/1 in :erl_eval.expr/6>"


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("0x1F", 31),
        ("0b1_01", 5),
        ("0o17", 15),
        ("1_000_000", 1_000_000),
        ("-0x10", -16),
        ("+5", 5),
        ("- 5", -5),
        ("1.0e10", 1.0e10),
        ("1_0.5_0E-1_0", 10.5e-10),
        ("-0.0", -0.0),
        ("?a", 97),
        (r"?\n", 10),
        (r"?\s", 32),
        (r"?\\", 92),
        (r"?\x41", 65),
        (r"?\u{1F600}", 0x1F600),
        ("?é", 233),
        ('"a\\u00e9\\x{e9}\\u{1F600}"', "aéé😀"),
        (r'"\xff\x00\x41"', b"\xff\x00A"),
        ('"a\\\nb"', b"ab"),
        ('"\\a\\b\\d\\e\\f\\n\\r\\s\\t\\v\\0\\q"', b"\x07\x08\x7f\x1b\x0c\n\r \t\x0b\x00q"),
        ('"#a \\#{b}"', b"#a #{b}"),
        ("'charlist'", charlist("charlist")),
        ('~c"a\\nb"', charlist("a\nb")),
        ("~C(a\\nb)", charlist("a\\nb")),
        ('~s(a "b" \\) #)', b'a "b" ) #'),
        ("~S|a\\n#{x}|", b"a\\n#{x}"),
        ("~w(a b\n c)", [b"a", b"b", b"c"]),
        ("~w[a nil Elixir.B]a", [A("a"), None, A("Elixir.B")]),
        ("~w/ab c/c", [charlist("ab"), charlist("c")]),
        ("~W<a\\n b>s", [b"a\\n", b"b"]),
        ("~w()", []),
        (':"with space"', A("with space")),
        (":'quo\\'ted'", A("quo'ted")),
        (":atom?", A("atom?")),
        (":a·b", A("a·b")),
        (":हिन्दी", A("हिन्दी")),
        (":+", A("+")),
        (":<<>>", A("<<>>")),
        (":%{}", A("%{}")),
        (":..//", A("..//")),
        (":true", True),
        (":nil", None),
        (':"Elixir.Foo"', A("Elixir.Foo")),
        ("Elixir.Foo", A("Elixir.Foo")),
        ("Elixir", A("Elixir")),
        ("[]", []),
        ("[1,2,]", [1, 2]),
        ("[1 | [2, 3]]", [1, 2, 3]),
        ("[1 | [2 | [3, b: 4]]]", [1, 2, 3, (A("b"), 4)]),
        ("[1 | [2 | []]]", [1, 2]),
        ('[1 | ~c"a"]', [1, 97]),
        ("[1 | [2 | 3]]", ImproperList([1, 2], 3)),
        ("[a: 1, b: 2]", [(A("a"), 1), (A("b"), 2)]),
        ("[1, a: 2]", [1, (A("a"), 2)]),
        ('["a b": 1, nil: 2, "c": 3,]', [(A("a b"), 1), (None, 2), (A("c"), 3)]),
        ("[+: 1, {}: 2, <<>>: 3, A: 4]", [(A("+"), 1), (A("{}"), 2), (A("<<>>"), 3), (A("A"), 4)]),
        ("{}", ()),
        ("{:a, b: 1}", (A("a"), [(A("b"), 1)])),
        ("{ 1 , { 2 } }", (1, (2,))),
        ("%{}", {}),
        ('%{"k" => 1, a: 2}', {"k": 1, A("a"): 2}),
        ('%{"k": 1}', {A("k"): 1}),
        ("%{{1, 2} => %{[] => 1}}", {(1, 2): Map([([], 1)])}),
        ("%{1 => 1, 1.0 => 2, true => 3}", Map([(1, 1), (1.0, 2), (True, 3)])),
        ("%Foo{}", stored("Elixir.Foo")),
        ("%Foo.Bar{a: 1}", stored("Elixir.Foo.Bar", a=1)),
        ("%:foo{a: 1}", stored("foo", a=1)),
        ('%RuntimeError{message: "x"}', stored("Elixir.RuntimeError", message=b"x", __exception__=True)),
        ("1 .. 3 // 2", range(1, 4, 2)),
        ("3..1", range(3, 0, -1)),
        ("~T[01:02:03,5]", Time.of(datetime.time(1, 2, 3, 500_000), 1)),
        ("~N[2024-01-01T01:02:03]", datetime.datetime(2024, 1, 1, 1, 2, 3)),
        ("MapSet.new()", frozenset()),
        ("MapSet.new([1, [2]])", stored("Elixir.MapSet", map=Map([(1, []), ([2], [])]))),
        ('Decimal.new("1.50")', decimal.Decimal("1.50")),
        ('Decimal.new("-inf")', decimal.Decimal("-Infinity")),
        ("&String.length/1", Export("Elixir.String", "length", 1)),
        ("&:erlang.+/2", Export("erlang", "+", 2)),
        ("&:erlang.//2", Export("erlang", "/", 2)),
        ('&:"a b"."c d"/0', Export("a b", "c d", 0)),
        ("&nil.end/2", Export("nil", "end", 2)),
        ("&:...f/1", Export("..", "f", 1)),
        ("&Foo.bar?/1", Export("Elixir.Foo", "bar?", 1)),
        ("<<>>", b""),
        ('<<1, 2::8, "abc">>', b"\x01\x02abc"),
        ("<<5::3>>", BitString(b"\xa0", 3)),
        ("<<5::size(3)>>", BitString(b"\xa0", 3)),
        ("# comment\n[1, # one\n 2]# end", [1, 2]),
        ("[#PID<a@b.1.2/3>, # no pid\n]", [Pid("a@b", 1, 2, 3)]),
        ("#nr:pt{x = #{a => 'b c'} % as in Erlang\n}", Record("nr", "pt", ((A("x"), {A("a"): A("b c")}),))),
        ("  :ok\n", A("ok")),
    ],
)
def test_reads(text: str, term: Any) -> None:
    assert equal(parse_elixir(text), term), repr(parse_elixir(text))


def test_text_is_bytes_and_atoms_are_what_decode_gives() -> None:
    assert parse_elixir('{"a", :b, true, nil, ~c"c"}') == (b"a", A("b"), True, None, [99])
    assert type(parse_elixir(":b")) is Atom
