"""`Enum`: what is carried from one element to the next: states, sums, products and counts.

Source: enum.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

import math
from typing import Any

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.arguments import (
    BADARITH,
    Steps,
    badmatch,
    case_clause,
    function_clause,
    is_integer,
    is_number,
)
from pyerlnode.services.evaluator.stdlib.elixir.enum import empty, enum, filter_, is_true, map_
from pyerlnode.services.evaluator.stdlib.elixir.sources import (
    END,
    Source,
    as_range,
    guarded,
    items_of,
    opened,
    size_of,
)
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    Members,
    is_pair,
    need,
    need_fun,
    plain,
)
from pyerlnode.term import Atom, Term

_CONT, _HALT = Atom("cont"), Atom("halt")


# --- folding ------------------------------------------------------------------------------------


@enum.function("reduce", 3)
def reduce(enumerable: Term, state: Term, fun: Term) -> Steps:
    if isinstance(enumerable, list):
        for item in enumerable:
            state = yield Call(fun, (item, state))
        return state
    return (yield from guarded(opened(enumerable), lambda source: _reduce(source, state, fun)))


def _reduce(source: Source, state: Term, fun: Term) -> Steps:
    while (item := (yield from source.next())) is not END:
        state = yield Call(fun, (item, state))
    return state


@enum.function("reduce", 2)
def reduce_first(enumerable: Term, fun: Term) -> Steps:
    return (yield from guarded(opened(enumerable), lambda source: _reduce_first(source, fun)))


def _reduce_first(source: Source, fun: Term) -> Steps:
    first = yield from source.next()
    if first is END:
        raise empty()
    return (yield from _reduce(source, first, fun))


@enum.function("reduce_while", 3)
def reduce_while(enumerable: Term, state: Term, fun: Term) -> Steps:
    return (yield from guarded(opened(enumerable), lambda source: _reduce_while(source, state, fun)))


def _reduce_while(source: Source, state: Term, fun: Term) -> Steps:
    while (item := (yield from source.next())) is not END:
        result = yield Call(fun, (item, state))
        if not is_pair(result) or not (result[0] is _CONT or result[0] is _HALT):
            raise function_clause()
        state = result[1]
        if result[0] is _HALT:
            return state
    return state


@enum.function("map_reduce", 3)
def map_reduce(enumerable: Term, state: Term, fun: Term) -> Steps:
    out: list[Term] = []
    for item in (yield from items_of(enumerable)):
        result = yield Call(fun, (item, state))
        if not is_pair(result):
            raise badmatch(result)
        out.append(result[0])
        state = result[1]
    return out, state


@enum.function("flat_map_reduce", 3)
def flat_map_reduce(enumerable: Term, state: Term, fun: Term) -> Steps:
    return (yield from guarded(opened(enumerable), lambda source: _flat_map_reduce(source, state, fun)))


def _flat_map_reduce(source: Source, state: Term, fun: Term) -> Steps:
    out: list[Term] = []
    while (item := (yield from source.next())) is not END:
        result = yield Call(fun, (item, state))
        if not is_pair(result):
            raise case_clause(result)
        items, state = result
        if items is _HALT:
            break
        out.extend((yield from items_of(items)))
    return out, state


@enum.function("scan", 2)
def scan(enumerable: Term, fun: Term) -> Steps:
    items = yield from items_of(enumerable)
    return [items[0], *(yield from scan_from(items[1:], items[0], fun))] if items else []


@enum.function("scan", 3)
def scan_from(enumerable: Term, state: Term, fun: Term) -> Steps:
    out: list[Term] = []
    for item in (yield from items_of(enumerable)):
        state = yield Call(fun, (item, state))
        out.append(state)
    return out


# --- numbers --------------------------------------------------------------------------------------


@enum.function("sum", 1)
def sum_(enumerable: Term) -> Steps:
    numbers = as_range(plain(enumerable))
    if numbers is not None:
        size = size_of(numbers)
        return (numbers.start + numbers.start + (size - 1) * numbers.step) * size // 2
    return _added((yield from items_of(enumerable)))


def _added(items: list[Term]) -> Term:
    if not all(map(is_number, items)):
        raise ErlangError(BADARITH)
    total: Any = 0
    try:
        for item in items:
            total = total + item
    except OverflowError:
        raise ErlangError(BADARITH) from None
    if type(total) is float and not math.isfinite(total):
        raise ErlangError(BADARITH)
    return total


@enum.function("sum_by", 2)
def sum_by(enumerable: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    return _added((yield from map_(enumerable, fun)))


@enum.function("product", 1)
def product(enumerable: Term) -> Steps:
    total: Term = 1
    for item in (yield from items_of(enumerable)):
        total = yield Remote("erlang", "*", (item, total))
    return total


@enum.function("product_by", 2)
def product_by(enumerable: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    return (yield from product((yield from map_(enumerable, fun))))


@enum.function("count", 1)
def count(enumerable: Term) -> Steps:
    numbers = as_range(plain(enumerable))
    return size_of(numbers) if numbers is not None else (yield from _counted(enumerable))


def _counted(enumerable: Term) -> Steps:
    if isinstance(enumerable, list):
        return len(enumerable)
    return (yield from guarded(opened(enumerable), lambda source: _count(source, None)))


def _count(source: Source, limit: int | None) -> Steps:
    number = 0
    while number != limit and (yield from source.next()) is not END:
        number += 1
    return number


@enum.function("count", 2)
def count_if(enumerable: Term, fun: Term) -> Steps:
    return len((yield from filter_(enumerable, fun)))


@enum.function("count_until", 2)
def count_until(enumerable: Term, limit: Term) -> Steps:
    need(is_integer(limit, 1))
    return (yield from guarded(opened(enumerable), lambda source: _count(source, limit)))


@enum.function("count_until", 3)
def count_until_if(enumerable: Term, fun: Term, limit: Term) -> Steps:
    need(is_integer(limit, 1))
    return (yield from guarded(opened(enumerable), lambda source: _count_until(source, fun, limit)))


def _count_until(source: Source, fun: Term, limit: int) -> Steps:
    number = 0
    while number < limit and (item := (yield from source.next())) is not END:
        number += yield from is_true(fun, item)
    return number


@enum.function("frequencies", 1)
def frequencies(enumerable: Term) -> Steps:
    return _frequencies((yield from items_of(enumerable)))


@enum.function("frequencies_by", 2)
def frequencies_by(enumerable: Term, fun: Term) -> Steps:
    return _frequencies((yield from map_(enumerable, fun)))


def _frequencies(items: list[Term]) -> Term:
    counts = Members()
    for item in items:
        counts.put(item, counts.get(item, 0) + 1)
    return exact.from_pairs(counts.pairs())
