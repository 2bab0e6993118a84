"""`Enum`: sorting, and what is the least and the greatest.

A sorter is a fun, `:asc`, `:desc`, a module with `compare/2`, or `{:asc, Module}`.

Source: enum.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    by_order,
    function_clause,
    is_atom,
    is_function,
)
from pyerlnode.services.evaluator.stdlib.elixir.enum import empty, enum, is_true, map_
from pyerlnode.services.evaluator.stdlib.elixir.sources import items_of
from pyerlnode.services.evaluator.stdlib.elixir.support import is_any_fun, is_pair, need
from pyerlnode.services.evaluator.stdlib.lists_sort import in_order
from pyerlnode.term import Atom, Term, compare

_ASC, _DESC, _COMPARE = Atom("asc"), Atom("desc"), Atom("compare")

# --- sorting ------------------------------------------------------------------------------


@enum.function("sort", 1)
def sort(enumerable: Term) -> Steps:
    return in_order((yield from items_of(enumerable)))


@enum.function("sort", 2)
def sort_with(enumerable: Term, sorter: Term) -> Steps:
    items = yield from items_of(enumerable)
    order = yield from _sorted_indices(items, sorter)
    return [items[index] for index in order]


@enum.function("sort_by", 2)
def sort_by(enumerable: Term, mapper: Term) -> Steps:
    return (yield from sort_by_with(enumerable, mapper, _ASC))


@enum.function("sort_by", 3)
def sort_by_with(enumerable: Term, mapper: Term, sorter: Term) -> Steps:
    items = yield from items_of(enumerable)
    keys = yield from map_(items, mapper)
    order = yield from _sorted_indices(keys, sorter)
    return [items[index] for index in order]


def _sorted_indices(keys: list[Term], sorter: Term) -> Steps:
    """The indices of the keys in their order, which is stable."""
    indices = list(range(len(keys)))
    if sorter is _ASC or sorter is _DESC:
        reverse = sorter is _DESC
        return sorted(indices, key=lambda index: by_order(keys[index]), reverse=reverse)
    return (yield from _merge_sorted(indices, keys, sorter))


def _merge_sorted(indices: list[int], keys: list[Term], sorter: Term) -> Steps:
    runs = [[index] for index in indices]
    while len(runs) > 1:
        merged: list[list[int]] = []
        for at in range(0, len(runs), 2):
            merged.append((yield from _merged(runs[at : at + 2], keys, sorter)))
        runs = merged
    return runs[0] if runs else []


def _merged(pair: list[list[int]], keys: list[Term], sorter: Term) -> Steps:
    if len(pair) == 1:
        return pair[0]
    left, right = pair
    out: list[int] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if (yield from _may_precede(keys[left[i]], keys[right[j]], sorter)):
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    return out + left[i:] + right[j:]


def _may_precede(a: Term, b: Term, sorter: Term) -> Steps:
    if is_any_fun(sorter):
        return (yield from is_true(sorter, a, b))
    module, forbidden = _comparison(sorter)
    return (yield Remote(module, _COMPARE, (a, b))) != forbidden


def _comparison(sorter: Term) -> tuple[Atom, str]:
    """The module that compares, and the answer that says that the two stand wrong."""
    if is_pair(sorter) and (sorter[0] is _ASC or sorter[0] is _DESC) and isinstance(sorter[1], Atom):
        return sorter[1], "gt" if sorter[0] is _ASC else "lt"
    if isinstance(sorter, Atom):
        return sorter, "gt"
    raise function_clause()


# --- least and greatest ---------------------------------------------------------------------


def _better(sign: int, sorter: Term, a: Term, b: Term) -> Steps:
    """Whether `a` stays in front of `b`: by the sorter, else by the order of terms."""
    if sorter is None:
        return compare(a, b) * sign >= 0
    if is_any_fun(sorter):
        return (yield from is_true(sorter, a, b))
    return (yield Remote(sorter, _COMPARE, (a, b))) != ("lt" if sign > 0 else "gt")


def _best(sign: int, enumerable: Term, mapper: Term, options: tuple[Term, ...]) -> Steps:
    sorter, fallback = _sorter_and_fallback(options)
    items = yield from items_of(enumerable)
    if not items:
        return (yield from _of_nothing(fallback))
    best = items[0]
    key = best if mapper is None else (yield Call(mapper, (best,)))
    for item in items[1:]:
        value = item if mapper is None else (yield Call(mapper, (item,)))
        if not (yield from _better(sign, sorter, key, value)):
            best, key = item, value
    return best


def _sorter_and_fallback(options: tuple[Term, ...]) -> tuple[Any, Any]:
    """Of `()`, `(sorter)`, `(fallback)` and `(sorter, fallback)`."""
    if len(options) == 1 and is_function(options[0], 0):
        return None, options[0]
    if options:
        need(is_function(options[0], 2) or is_atom(options[0]))
    return options[0] if options else None, options[1] if len(options) > 1 else None


def _of_nothing(fallback: Term) -> Steps:
    if fallback is None:
        raise empty()
    return (yield Call(fallback, ()))


@enum.function("max", 1)
@enum.function("max", 2)
@enum.function("max", 3)
def max_(enumerable: Term, *options: Term) -> Steps:
    return (yield from _best(1, enumerable, None, options))


@enum.function("min", 1)
@enum.function("min", 2)
@enum.function("min", 3)
def min_(enumerable: Term, *options: Term) -> Steps:
    return (yield from _best(-1, enumerable, None, options))


@enum.function("max_by", 2)
@enum.function("max_by", 3)
@enum.function("max_by", 4)
def max_by(enumerable: Term, fun: Term, *options: Term) -> Steps:
    need(is_function(fun, 1))
    return (yield from _best(1, enumerable, fun, options))


@enum.function("min_by", 2)
@enum.function("min_by", 3)
@enum.function("min_by", 4)
def min_by(enumerable: Term, fun: Term, *options: Term) -> Steps:
    need(is_function(fun, 1))
    return (yield from _best(-1, enumerable, fun, options))


@enum.function("min_max", 1)
@enum.function("min_max", 2)
def min_max(enumerable: Term, *options: Term) -> Steps:
    items = yield from items_of(enumerable)
    if not items:
        return (yield from _of_nothing(options[0] if options else None))
    low = high = items[0]
    for item in items[1:]:
        # Kernel.min and max keep the first of two that are equal.
        low = item if compare(low, item) > 0 else low
        high = item if compare(high, item) < 0 else high
    return low, high


@enum.function("min_max_by", 2)
@enum.function("min_max_by", 3)
@enum.function("min_max_by", 4)
def min_max_by(enumerable: Term, fun: Term, *options: Term) -> Steps:
    need(is_function(fun, 1))
    sorter, fallback = _sorter_and_fallback(options)
    items = yield from items_of(enumerable)
    if not items:
        return (yield from _of_nothing(fallback))
    low = high = items[0]
    low_key = high_key = yield Call(fun, (low,))
    for item in items[1:]:
        key = yield Call(fun, (item,))
        if (yield from _precedes(sorter, key, low_key)):
            low, low_key = item, key
        elif (yield from _precedes(sorter, high_key, key)):
            high, high_key = item, key
    return low, high


def _precedes(sorter: Term, a: Term, b: Term) -> Steps:
    if sorter is None:
        return compare(a, b) < 0
    if is_any_fun(sorter):
        return (yield from is_true(sorter, a, b))
    return (yield Remote(sorter, _COMPARE, (a, b))) == "lt"
