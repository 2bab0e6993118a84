"""`orddict`: dictionaries as lists of pairs, sorted by their keys; keys are told apart by `==`.

Source: orddict.erl of OTP 27.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib.arguments import (
    ERROR,
    OK,
    Steps,
    a_function,
    badarg,
    by_order,
    case_clause,
    function_clause,
    is_number,
    proper,
)
from pyerlnode.services.evaluator.stdlib.lists_sort import dedupe, merged
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Term, compare

orddict = Library("orddict")


def _pairs(given: Term) -> list[tuple[Term, Term]]:
    """The pairs; `function_clause` for anything else."""
    if not isinstance(given, list) or any(type(pair) is not tuple or len(pair) != 2 for pair in given):
        raise function_clause()
    return given


def _place(key: Term, pairs: list[tuple[Term, Term]]) -> tuple[int, bool]:
    """Where the key is, or would stand, and whether it is there."""
    low, high = 0, len(pairs)
    while low < high:
        middle = (low + high) // 2
        order = compare(pairs[middle][0], key)
        if order == 0:
            return middle, True
        low, high = (middle + 1, high) if order < 0 else (low, middle)
    return low, False


def _put(pairs: list[tuple[Term, Term]], at: int, there: bool, pair: tuple[Term, Term]) -> Term:
    return [*pairs[:at], pair, *pairs[at + there :]]


@orddict.function("new", 0)
def new() -> Term:
    return []


@orddict.function("size", 1)
def size(given: Term) -> Term:
    if not isinstance(given, list):
        raise badarg()
    return len(given)


@orddict.function("is_empty", 1)
def is_empty(given: Term) -> Term:
    return not proper(given)


@orddict.function("from_list", 1)
def from_list(pairs: Term) -> Term:
    given = _pairs(pairs)
    return dedupe(in_order_by_key(given[::-1]), _key)


def in_order_by_key(pairs: list[tuple[Term, Term]]) -> list[tuple[Term, Term]]:
    return sorted(pairs, key=lambda pair: by_order(pair[0]))


def _key(pair: tuple[Term, Term]) -> Term:
    return pair[0]


@orddict.function("to_list", 1)
def to_list(given: Term) -> Term:
    return given


@orddict.function("is_key", 2)
def is_key(key: Term, given: Term) -> Term:
    return _place(key, _pairs(given))[1]


@orddict.function("find", 2)
def find(key: Term, given: Term) -> Term:
    pairs = _pairs(given)
    at, there = _place(key, pairs)
    return (OK, pairs[at][1]) if there else ERROR


@orddict.function("fetch", 2)
def fetch(key: Term, given: Term) -> Term:
    pairs = _pairs(given)
    at, there = _place(key, pairs)
    if not there:
        raise function_clause()
    return pairs[at][1]


@orddict.function("fetch_keys", 1)
def fetch_keys(given: Term) -> Term:
    return [key for key, _ in _pairs(given)]


@orddict.function("erase", 2)
def erase(key: Term, given: Term) -> Term:
    pairs = _pairs(given)
    at, there = _place(key, pairs)
    return [*pairs[:at], *pairs[at + 1 :]] if there else pairs


@orddict.function("take", 2)
def take(key: Term, given: Term) -> Term:
    pairs = _pairs(given)
    at, there = _place(key, pairs)
    return (pairs[at][1], [*pairs[:at], *pairs[at + 1 :]]) if there else ERROR


@orddict.function("store", 3)
def store(key: Term, value: Term, given: Term) -> Term:
    pairs = _pairs(given)
    return _put(pairs, *_place(key, pairs), (key, value))


@orddict.function("append", 3)
def append(key: Term, value: Term, given: Term) -> Term:
    return append_list(key, [value], given)


@orddict.function("append_list", 3)
def append_list(key: Term, values: Term, given: Term) -> Term:
    pairs = _pairs(given)
    at, there = _place(key, pairs)
    if there and not isinstance(pairs[at][1], list):
        raise badarg()
    return _put(pairs, at, there, (key, [*pairs[at][1], *proper(values)] if there else values))


@orddict.function("update", 3)
def update(key: Term, fun: Term, given: Term) -> Steps:
    pairs = _pairs(given)
    at, there = _place(key, pairs)
    if not there:
        raise function_clause()
    return _put(pairs, at, True, (key, (yield Call(fun, (pairs[at][1],)))))


@orddict.function("update", 4)
def update_or(key: Term, fun: Term, initial: Term, given: Term) -> Steps:
    pairs = _pairs(given)
    at, there = _place(key, pairs)
    value = (yield Call(fun, (pairs[at][1],))) if there else initial
    return _put(pairs, at, there, (key, value))


@orddict.function("update_counter", 3)
def update_counter(key: Term, increment: Term, given: Term) -> Steps:
    pairs = _pairs(given)
    at, there = _place(key, pairs)
    value = (yield Remote("erlang", "+", (pairs[at][1], increment))) if there else increment
    if not is_number(value):
        raise function_clause()
    return _put(pairs, at, there, (key, value))


@orddict.function("map", 2)
def map_(fun: Term, given: Term) -> Steps:
    a_function(fun, 2)
    out = []
    for key, value in _pairs(given):
        out.append((key, (yield Call(fun, (key, value)))))
    return out


@orddict.function("filter", 2)
def filter_(fun: Term, given: Term) -> Steps:
    a_function(fun, 2)
    out = []
    for pair in _pairs(given):
        kept = yield Call(fun, pair)
        if not isinstance(kept, bool):
            raise case_clause(kept)
        if kept:
            out.append(pair)
    return out


@orddict.function("fold", 3)
def fold(fun: Term, state: Term, given: Term) -> Steps:
    for key, value in _pairs(given):
        state = yield Call(fun, (key, value, state))
    return state


@orddict.function("merge", 3)
def merge(fun: Term, left: Term, right: Term) -> Steps:
    a_function(fun, 3)
    both: list[tuple[Term, Term]] = []
    for key, value in merged(_pairs(left), _pairs(right), _key):
        if both and compare(both[-1][0], key) == 0:
            both[-1] = (key, (yield Call(fun, (key, both[-1][1], value))))
        else:
            both.append((key, value))
    return both
