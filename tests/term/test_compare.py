"""Erlang's term order and `=:=`."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from strategies import terms

from pyerlnode.errors import TermEncodeError
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
    compare,
    decode,
    encode,
    equal,
)

A = Atom


def fun(**changes: Any) -> Fun:
    fields: dict[str, Any] = {
        "arity": 1,
        "uniq": bytes(15) + b"\x05",
        "index": 0,
        "module": "zz",
        "old_index": 0,
        "old_uniq": 77,
        "pid": Pid("n@h", 1, 0, 1),
        "free": (A("a"),),
    }
    return Fun(**{**fields, **changes})


# Sorted as OTP 27 sorts them (records as OTP 29 does); no two are equal.
ORDERED: list[Any] = [
    -(2**70),
    -1,
    -0.5,
    0,
    1,
    1.5,
    2**53,
    float(2**53 + 2),
    2**53 + 3,
    1e300,
    10**301,
    A(""),
    A("Z"),
    A("a"),
    A("ab"),
    False,
    None,
    True,
    A("é"),
    A("\uffff"),
    A("\U0001f600"),
    Reference("a@h", 1, (9, 9)),
    Reference("a@h", 2, (1,)),
    Reference("n@h", 1, ()),
    Reference("n@h", 1, (5,)),
    Reference("n@h", 1, (9, 1)),
    Reference("n@h", 1, (1, 2, 3)),
    Reference("n@h", 1, (0, 3, 3)),
    Reference("n@h", 1, (0, 0, 0, 1)),
    fun(),
    fun(free=(A("b"),)),
    fun(free=(A("a"), 1)),
    fun(old_uniq=78),
    fun(index=1),
    fun(module="zzz"),
    Export("aa", "aa", 1),
    Export("aa", "aa", 2),
    Export("aa", "ab", 0),
    Port("a@h", 2, 1),
    Port("a@h", 1, 2),
    Port("z@h", 1, 1),
    Pid("a@h", 1, 0, 1),
    Pid("n@h", 1, 0, 1),
    Pid("n@h", 1, 0, 2),
    Pid("a@h", 2, 0, 1),
    Pid("a@h", 2**32 - 1, 0, 1),
    Pid("a@h", 1, 1, 1),
    (),
    (1,),
    ([],),
    (1, 2),
    (1, 3),
    Record("l", "z", (("a", 1), ("b", 2))),
    Record("m", "n", (("a", 1),)),
    Record("m", "n", (("A", 1), ("a", 1))),
    Record("m", "n", (("a", 1), ("b", 1))),
    Record("m", "n", (("a", 1), ("b", 2))),
    {},
    {1: 2},
    {2: 1},
    Map([(1.0, 0)]),
    {A("a"): 1},
    {A("a"): 1.5},
    {A("b"): 0},
    {(1,): 0},
    {(5,): 0},
    {(1.0,): 0},
    {1: 1, 2: 1},
    Map([(1, 1), (1.0, 1)]),
    {1: 1, A("a"): 1},
    {1: 2, A("a"): 1},
    [],
    ImproperList([1], 2),
    [1],
    [1, 1],
    ImproperList([1, 2], ()),
    [1, 2],
    [1, 2, 0],
    ImproperList([1, 2], b""),
    [2],
    [[]],
    [b"a"],
    b"",
    BitString(b"\x00", 1),
    BitString(b"\x00", 7),
    b"\x00",
    BitString(b"\x00\x00", 1),
    b"\x01",
    b"a",
    "ab",
    "b",
    BitString(b"\x80", 1),
    b"\x80",
]


def test_terms_stand_in_the_order_of_a_beam() -> None:
    for (i, a), (j, b) in itertools.product(enumerate(ORDERED), repeat=2):
        assert compare(a, b) == (i > j) - (i < j), (a, b)
        assert equal(a, b) == (i == j), (a, b)


@given(terms(), terms())
def test_order_is_the_same_from_both_sides(a: Any, b: Any) -> None:
    assert compare(a, b) == -compare(b, a)
    if equal(a, b):
        assert compare(a, b) == 0
        # Equal funs may have been made by different processes.
        assert encode(a) == encode(b) or "<Fun" in repr(a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (0.0, -0.0),
        (2**53, float(2**53)),
        ((1, [2]), (1.0, [2.0])),
        ({A("a"): 1}, {A("a"): 1.0}),
        ([0.0], [-0.0]),
        (ImproperList([1], 2), ImproperList([1], 2.0)),
    ],
    ids=str,
)
def test_numbers_that_are_equal_but_not_the_same(a: Any, b: Any) -> None:
    assert compare(a, b) == 0
    assert not equal(a, b)
    assert equal(a, decode(encode(a)))


def test_keys_of_maps_compare_exactly() -> None:
    assert compare({2: 0}, {1.0: 0}) == -1
    assert compare({-0.0: 0}, {0.0: 0}) == -1
    assert compare({(0.0,): 0}, {(-0.0,): 0}) == 1
    assert compare(Map([({1: 1}, 0)]), Map([({1: 1.0}, 0)])) == -1
    assert compare({1: 1}, {1: 1.0}) == 0


def test_the_least_differing_key_of_a_map_decides() -> None:
    small, large = {n: 0 for n in range(40)}, {n: 0 for n in range(40)}
    small[7], large[7] = 1, 2
    small[30], large[30] = 2, 1
    assert compare(small, large) == -1
    assert compare({1: 0, 3: 0}, {2: 0, 3: 0}) == -1
    assert compare({1: 9, 2: 0}, {1: 0, 3: 0}) == -1


def test_python_objects_compare_as_their_terms() -> None:
    assert equal("é", "é".encode())
    assert equal(True, A("true"))
    assert not equal("a", A("a"))
    assert not equal(True, 1)
    assert not equal(range(0), range(1, 1))
    assert compare(frozenset({1}), decode(encode(frozenset({1})), structs=False)) == 0
    assert compare(True, A("true")) == 0


@pytest.mark.parametrize("obj", [object(), math.nan, math.inf, [object()]], ids=repr)
def test_what_is_no_term_cannot_be_compared(obj: Any) -> None:
    with pytest.raises(TermEncodeError):
        equal(obj, 1 if not isinstance(obj, list) else [1])
    with pytest.raises(TermEncodeError):
        compare(obj, 1 if not isinstance(obj, list) else [1])
