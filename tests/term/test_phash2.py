"""phash2 gives the numbers of OTP 25, 27 and 29, which agree on all of these."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from hypothesis import given
from strategies import terms

from pyerlnode.errors import BadArg, TermEncodeError
from pyerlnode.term import (
    Atom,
    BitString,
    Export,
    Fun,
    ImproperList,
    Map,
    MapSet,
    Pid,
    Port,
    Record,
    Reference,
    decode,
    encode,
    phash2,
)

# What erlang:phash2(Term, 1 bsl 32) answers.
KNOWN: list[tuple[Any, int]] = [
    (-0.0, 423528920),
    (0.0, 423528920),
    ([], 3468870702),
    ((), 221703996),
    ({}, 844985373),
    (b"", 147926629),
    (Pid("nonode@nohost", 5, 3, 0), 1742111205),
    (Atom("a"), 97),
    (Atom("é"), 233),
    (Atom("日本"), 251805804),
    (0, 3175731469),
    (-1, 1117813597),
    (134217727, 4273352567),
    (134217728, 2562491755),
    (-134217728, 874979335),
    (-134217729, 1418916782),
    (1.5, 2023646235),
    ([1, 2, 3, 4, 5], 3824152778),
    (ImproperList([1, Atom("a")], 2), 564464107),
    (b"hello", 1658093459),
    (BitString(b"\x20", 3), 3965351140),
    (BitString(b"\x01\x02\xa0", 3), 3252846376),
    ((1, 2), 4118095950),
    ({Atom("a"): 1, Atom("b"): 2}, 1982682855),
    (Export("Elixir.Enum", "map", 2), 3561230584),
    (Pid("a@b", 0xFFFFFFFF, 0xFFFFFFFF, 1), 1163272542),
    (Reference("a@b", 1, (70000, 6, 7)), 3306277985),
    (Port("a@b", 70000000000, 1), 3172855789),
]


@pytest.mark.parametrize(("term", "hash"), KNOWN, ids=lambda value: repr(value)[:30])
def test_known_values(term: Any, hash: int) -> None:
    assert phash2(term, 2**32) == hash
    assert phash2(term) == hash % 2**27
    assert phash2(term, 7) == hash % 7
    assert phash2(term, 1) == 0


@given(terms(records=False))
def test_the_same_term_has_the_same_hash_in_every_form(term: Any) -> None:
    assert phash2(decode(encode(term)), 2**32) == phash2(term, 2**32)


def test_what_python_has_two_types_for() -> None:
    class Level(enum.IntEnum):
        HIGH = 3

    assert phash2("hello") == phash2(b"hello") == phash2(bytearray(b"hello"))
    assert phash2(True) == phash2(Atom("true")) and phash2(None) == phash2(Atom("nil"))
    assert phash2(Level.HIGH) == phash2(3)
    assert phash2({1: [2], b"a": {}}) == phash2(Map([(b"a", Map()), (1, [2])]))
    assert phash2(MapSet([1, 2])) == phash2(decode(encode(MapSet([1, 2])), structs=False))
    assert phash2(1) != phash2(1.0)


def test_any_depth_and_any_length() -> None:
    deep: Any = ()
    for _ in range(100_000):
        deep = (deep,)
    assert 0 <= phash2(deep) < 2**27
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    assert 0 <= phash2(nested) < 2**27
    maps: Any = {}
    for _ in range(1000):
        maps = {Atom("a"): maps}
    assert 0 <= phash2(maps) < 2**27
    assert phash2([1] * 100_000) != phash2([1] * 100_001)


def test_the_values_of_a_fun_count_and_its_process_does_not() -> None:
    def fun(*free: Any, pid: int = 1) -> Fun:
        return Fun(
            arity=1,
            uniq=bytes(16),
            index=2,
            module="m",
            old_index=3,
            old_uniq=4,
            pid=Pid("a@b", pid, 0, 0),
            free=free,
        )

    assert phash2(fun(1, 2)) == phash2(fun(1, 2, pid=9)) != phash2(fun(2, 1))


@pytest.mark.parametrize("range", [0, -1, 2**32 + 1, 1.0, True, "7"])
def test_a_range_that_cannot_be(range: Any) -> None:
    with pytest.raises(BadArg):
        phash2(1, range)


@pytest.mark.parametrize("term", [object(), [print], Record("m", "r", (("a", 1),)), [Record("m", "r", ())]])
def test_what_has_no_hash(term: Any) -> None:
    with pytest.raises(TermEncodeError):
        phash2(term)
