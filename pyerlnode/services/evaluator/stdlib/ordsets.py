"""`ordsets`: sets as sorted lists without duplicates; elements are told apart by `==`.

Source: ordsets.erl of OTP 27.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import itertools

from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    badarg,
    each,
    function_clause,
    is_list,
    proper,
)
from pyerlnode.services.evaluator.stdlib.lists_funs import filter_, foldl, map_
from pyerlnode.services.evaluator.stdlib.lists_sort import dedupe, in_order, itself, merged
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Term, compare

ordsets = Library("ordsets")


def _of(items: Term) -> list[Term]:
    return dedupe(in_order(proper(items)), itself)


def _without(left: list[Term], right: list[Term], *, common: bool) -> list[Term]:
    """The elements of the left set that are (`common`), or are not, in the right one."""
    out, at = [], 0
    for item in left:
        while at < len(right) and compare(right[at], item) < 0:
            at += 1
        if (at < len(right) and compare(right[at], item) == 0) is common:
            out.append(item)
    return out


@ordsets.function("new", 0)
def new() -> Term:
    return []


@ordsets.function("is_set", 1)
def is_set(given: Term) -> Term:
    if not is_list(given) or not isinstance(given, list):
        return False
    return all(compare(a, b) < 0 for a, b in itertools.pairwise(given))


@ordsets.function("size", 1)
def size(given: Term) -> Term:
    if not isinstance(given, list):
        raise badarg()
    return len(given)


@ordsets.function("is_empty", 1)
def is_empty(given: Term) -> Term:
    return isinstance(given, list) and not given


@ordsets.function("is_equal", 2)
def is_equal(left: Term, right: Term) -> Term:
    return compare(proper(left), proper(right)) == 0


@ordsets.function("to_list", 1)
def to_list(given: Term) -> Term:
    return given


@ordsets.function("from_list", 1)
def from_list(items: Term) -> Term:
    return _of(items)


@ordsets.function("is_element", 2)
def is_element(item: Term, given: Term) -> Term:
    for other in each(given):
        order = compare(other, item)
        if order >= 0:
            return order == 0
    return False


@ordsets.function("add_element", 2)
def add_element(item: Term, given: Term) -> Term:
    return dedupe(merged(proper(given), [item], itself), itself)


@ordsets.function("del_element", 2)
def del_element(item: Term, given: Term) -> Term:
    return [other for other in each(given) if compare(other, item) != 0]


@ordsets.function("union", 2)
def union(left: Term, right: Term) -> Term:
    return dedupe(merged(proper(left), proper(right), itself), itself)


@ordsets.function("union", 1)
def union_all(sets: Term) -> Term:
    out: list[Term] = []
    for each_set in proper(sets):
        out = union(out, each_set)
    return out


@ordsets.function("intersection", 2)
def intersection(left: Term, right: Term) -> Term:
    return _without(proper(left), proper(right), common=True)


@ordsets.function("intersection", 1)
def intersection_all(sets: Term) -> Term:
    if not proper(sets):
        raise function_clause()
    out = sets[0]
    for each_set in sets[1:]:
        out = intersection(out, each_set)
    return out


@ordsets.function("subtract", 2)
def subtract(left: Term, right: Term) -> Term:
    return _without(proper(left), proper(right), common=False)


@ordsets.function("is_disjoint", 2)
def is_disjoint(left: Term, right: Term) -> Term:
    return not intersection(left, right)


@ordsets.function("is_subset", 2)
def is_subset(left: Term, right: Term) -> Term:
    return not subtract(left, right)


@ordsets.function("fold", 3)
def fold(fun: Term, state: Term, given: Term) -> Steps:
    return (yield from foldl(fun, state, given))


@ordsets.function("filter", 2)
def filter_set(fun: Term, given: Term) -> Steps:
    return (yield from filter_(fun, given))


@ordsets.function("map", 2)
def map_set(fun: Term, given: Term) -> Steps:
    return _of((yield from map_(fun, given)))
