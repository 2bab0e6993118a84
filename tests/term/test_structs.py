"""Elixir structs: each way exactly, or left alone."""

from __future__ import annotations

import datetime
import pickle
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from pyerlnode.errors import TermEncodeError, UsageError
from pyerlnode.term import (
    URI,
    Atom,
    DateTime,
    Map,
    MapSet,
    Time,
    decode,
    encode,
    equal,
    register_struct,
    struct,
)

UTC = datetime.UTC
ISO = Atom("Elixir.Calendar.ISO")


@struct("Elixir.StructTest.User")
@dataclass
class User:
    name: str
    age: int | None = None
    tags: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.age == -1:
            raise ValueError("not run by decode")


@struct("Elixir.StructTest.Frozen")
@dataclass(frozen=True, slots=True)
class Frozen:
    left: Any
    note: str | None = None


@struct("Elixir.StructTest.Error")
@dataclass
class StructError(Exception):
    message: str
    __exception__: bool = True


def as_map(name: str, /, **fields: Any) -> dict[Atom, Any]:
    return {Atom("__struct__"): Atom(f"Elixir.{name}"), **{Atom(key): value for key, value in fields.items()}}


def date(**changes: Any) -> dict[Atom, Any]:
    return as_map("Date", **{"calendar": ISO, "year": 2024, "month": 2, "day": 29, **changes})


def time(**changes: Any) -> dict[Atom, Any]:
    fields = {"calendar": ISO, "hour": 10, "minute": 20, "second": 30, "microsecond": (0, 0)}
    return as_map("Time", **{**fields, **changes})


def naive(**changes: Any) -> dict[Atom, Any]:
    return {**date(), **time(), Atom("__struct__"): Atom("Elixir.NaiveDateTime"), **as_atoms(changes)}


def zoned(**changes: Any) -> dict[Atom, Any]:
    zone = {"time_zone": b"Etc/UTC", "zone_abbr": b"UTC", "utc_offset": 0, "std_offset": 0}
    return {**naive(), Atom("__struct__"): Atom("Elixir.DateTime"), **as_atoms({**zone, **changes})}


def as_atoms(fields: dict[str, Any]) -> dict[Atom, Any]:
    return {Atom(key): value for key, value in fields.items()}


URI_FIELDS = {
    "scheme": b"https",
    "userinfo": None,
    "host": b"a",
    "port": 443,
    "path": b"/b",
    "query": b"",
    "fragment": None,
    "authority": b"a",
}

CONVERTED = [
    (date(), datetime.date(2024, 2, 29)),
    (time(), datetime.time(10, 20, 30)),
    (time(microsecond=(5, 6)), datetime.time(10, 20, 30, 5)),
    (time(microsecond=(123000, 3)), Time.of(datetime.time(10, 20, 30, 123000), 3)),
    (time(microsecond=(0, 6)), Time.of(datetime.time(10, 20, 30), 6)),
    (naive(), datetime.datetime(2024, 2, 29, 10, 20, 30)),
    (naive(microsecond=(100000, 1)), DateTime.of(datetime.datetime(2024, 2, 29, 10, 20, 30, 100000), 1)),
    (zoned(), datetime.datetime(2024, 2, 29, 10, 20, 30, tzinfo=UTC)),
    (zoned(microsecond=(0, 3)), DateTime.of(datetime.datetime(2024, 2, 29, 10, 20, 30, tzinfo=UTC), 3)),
    (as_map("Decimal", sign=1, coef=1230, exp=-3), Decimal("1.230")),
    (as_map("Decimal", sign=-1, coef=0, exp=0), Decimal("-0")),
    (as_map("Decimal", sign=1, coef=7, exp=5), Decimal("7E+5")),
    (as_map("Decimal", sign=-1, coef=Atom("inf"), exp=0), Decimal("-Infinity")),
    (as_map("MapSet", map={1: [], b"x": []}), frozenset({1, b"x"})),
    (as_map("MapSet", map={}), frozenset()),
    (as_map("MapSet", map={1: []}, version=2), MapSet({1})),
    (as_map("Range", first=1, last=10, step=3), range(1, 11, 3)),
    (as_map("Range", first=10, last=1, step=-1), range(10, 0, -1)),
    (as_map("Range", first=1, last=0, step=1), range(1, 1)),
    (as_map("URI", **URI_FIELDS), URI("https", None, "a", 443, "/b", "", None, "a")),
    (as_map("StructTest.User", name=b"Ann", age=None, tags=[1]), User("Ann", None, [1])),
    (as_map("StructTest.Frozen", left=b"raw", note=b"text"), Frozen(b"raw", "text")),
    (as_map("StructTest.Frozen", left=(), note=b"\xff"), Frozen((), b"\xff")),  # type: ignore[arg-type]
]

LEFT_ALONE = [
    date(calendar=Atom("Elixir.Other")),
    date(year=0),
    date(year=-44),
    date(year=10_000),
    date(month=13),
    date(day=30),
    date(day=1.0),
    date(day=True),
    date(more=1),
    time(second=60),
    time(microsecond=(0, 7)),
    time(microsecond=(-1, 6)),
    time(microsecond=(0,)),
    time(microsecond=[0, 0]),
    time(hour=2**70),
    zoned(time_zone=b"Europe/Paris", zone_abbr=b"CET", utc_offset=3600),
    zoned(utc_offset=0.0),
    as_map("Decimal", sign=1, coef=Atom("qNaN"), exp=0),
    as_map("Decimal", sign=1, coef=-1, exp=0),
    as_map("Decimal", sign=2, coef=1, exp=0),
    as_map("Decimal", sign=1, coef=10**4000, exp=0),
    as_map("Decimal", sign=1, coef=1, exp=10**30),
    as_map("MapSet", map={1: 2}),
    as_map("MapSet", map=Map([(1, []), (1.0, [])])),
    as_map("MapSet", map=b"x"),
    as_map("MapSet", map={1: []}, version=3),
    as_map("Range", first=1, last=2),
    as_map("Range", first=1, last=2, step=0),
    as_map("Range", first=1.0, last=2, step=1),
    as_map("StructTest.User", name=b"Ann", age=1),
    as_map("StructTest.User", name=b"Ann", age=1, tags=[], more=1),
    as_map("Unknown", a=1),
    {Atom("__struct__"): [1], Atom("a"): 1},
    {Atom("__struct__"): b"Elixir.Date", Atom("a"): 1},
]


@pytest.mark.parametrize(("fields", "obj"), CONVERTED, ids=lambda value: repr(value)[:60])
def test_a_struct_becomes_its_python_object_and_back(fields: dict[Atom, Any], obj: Any) -> None:
    found = decode(encode(fields))
    assert found == obj
    assert type(found) is type(obj)
    assert encode(obj) == encode(fields)
    assert equal(obj, fields)
    assert equal(found, obj)
    assert decode(encode(obj), structs=False) == fields
    assert equal(decode(encode(fields), text=True), fields)


@pytest.mark.parametrize("fields", LEFT_ALONE, ids=lambda value: repr(value)[:90])
def test_what_would_not_come_back_exactly_stays_a_dict(fields: dict[Atom, Any]) -> None:
    found = decode(encode(fields))
    assert type(found) is dict
    assert equal(found, fields)


def test_the_not_a_number_of_decimal_is_kept() -> None:
    fields = as_map("Decimal", sign=1, coef=Atom("NaN"), exp=0)
    found = decode(encode(fields))
    assert found.is_nan()
    assert encode(found) == encode(fields)
    for number in ("sNaN", "NaN123"):
        with pytest.raises(TermEncodeError, match="Decimal"):
            encode(Decimal(number))


def test_a_decimal_of_many_digits_encodes() -> None:
    digits = "1" * 5000
    fields = decode(encode(Decimal(digits)), structs=False)
    assert fields[Atom("coef")] == (10**5000 - 1) // 9


def test_every_precision_survives_pickle() -> None:
    for fields in (time(microsecond=(123000, 3)), naive(microsecond=(0, 6)), zoned(microsecond=(5, 5))):
        found = decode(encode(fields))
        again = pickle.loads(pickle.dumps(found))
        assert encode(again) == encode(fields)
    old = pickle.loads(pickle.dumps(MapSet({1})))
    assert encode(old) == encode(as_map("MapSet", map={1: []}, version=2))


def test_other_time_zones_are_refused_with_a_hint() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=1))
    with pytest.raises(TermEncodeError, match="astimezone"):
        encode(datetime.datetime(2024, 1, 1, tzinfo=zone))
    with pytest.raises(TermEncodeError, match="time zone"):
        encode(datetime.time(1, tzinfo=zone))


def test_sets_are_taken_and_frozensets_given() -> None:
    assert decode(encode({1, 2})) == frozenset({1, 2})
    with pytest.raises(TermEncodeError, match="same Erlang term"):
        encode({"a", b"a"})


def test_init_does_not_run_when_decoding() -> None:
    fields = as_map("StructTest.User", name=b"x", age=-1, tags=[])
    assert decode(encode(fields)).age == -1


def test_an_exception_may_be_a_struct() -> None:
    error = StructError("broken")
    fields = {**as_map("StructTest.Error", message=b"broken"), Atom("__exception__"): True}
    assert encode(error) == encode(fields)
    found = decode(encode(fields))
    assert type(found) is StructError
    assert found.message == "broken"


def test_dates_are_keys_of_a_dict() -> None:
    dates = {datetime.date(2024, 2, 29): 1, datetime.datetime(2024, 2, 29, tzinfo=UTC): 2}
    found = decode(encode(dates))
    assert type(found) is dict
    assert found == dates


def test_text_keys_make_no_struct() -> None:
    data = encode({"__struct__": Atom("Elixir.Range"), "first": 1, "last": 2, "step": 1})
    assert type(decode(data, text=True)) is dict


def test_only_dataclasses_register_and_only_once() -> None:
    with pytest.raises(UsageError, match="dataclass"):
        register_struct(int, "Elixir.Int")
    with pytest.raises(UsageError, match="registered"):
        register_struct(User, "Elixir.Other")

    @dataclass
    class Another:
        a: int

    @dataclass
    class Demanding:
        a: int

        def __new__(cls, a: int) -> Demanding:
            return super().__new__(cls)

    with pytest.raises(UsageError, match="without arguments"):
        register_struct(Demanding, "Elixir.Demanding")
    with pytest.raises(UsageError, match="Date is registered"):
        register_struct(Another, "Elixir.Date")
    with pytest.raises(TermEncodeError, match="Another"):
        encode(Another(1))


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        (URI("https", None, "a.b", 443, "/x", "q=1", "f"), "https://a.b/x?q=1#f"),
        (URI("http", "u:p", "::1", 8080, "/"), "http://u:p@[::1]:8080/"),
        (URI("mailto", path="a@b"), "mailto:a@b"),
        (URI(path="/only"), "/only"),
        (URI("file", host="", path="/etc"), "file:///etc"),
    ],
)
def test_a_uri_reads_as_elixir_writes_it(uri: URI, text: str) -> None:
    assert str(uri) == text
