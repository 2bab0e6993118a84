"""`sets` in the form of version 2: maps whose values are `[]`, which all releases take.

`sets:new/0` makes one of these, as from OTP 28 on; older releases make a tuple unless they are
asked for `{version, 2}`.

Source: sets.erl of OTP 27.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    function_clause,
    is_list,
    listed,
    proper,
)
from pyerlnode.services.evaluator.stdlib.lists_funs import filter_, foldl, map_
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from pyerlnode.services.evaluator.stdlib.exact import AnyMap

sets = Library("sets")

_VERSION = (Atom("version"), 2)


def _set(given: Term) -> AnyMap:
    if not exact.is_map(given):
        raise function_clause()
    return given  # type: ignore[no-any-return]


def _of(items: Term) -> Term:
    return exact.from_pairs((item, []) for item in items)


def _version(options: Term) -> None:
    if options not in ([], [_VERSION]):
        raise function_clause()


@sets.function("new", 0)
def new() -> Term:
    return {}


@sets.function("new", 1)
def new_of(options: Term) -> Term:
    _version(options)
    return {}


@sets.function("from_list", 1)
def from_list(items: Term) -> Term:
    return _of(listed(items))


@sets.function("from_list", 2)
def from_list_of(items: Term, options: Term) -> Term:
    _version(options)
    return _of(listed(items))


@sets.function("to_list", 1)
def to_list(given: Term) -> Term:
    return list(_set(given))


@sets.function("size", 1)
def size(given: Term) -> Term:
    return len(_set(given))


@sets.function("is_empty", 1)
def is_empty(given: Term) -> Term:
    return not _set(given)


@sets.function("is_set", 1)
def is_set(given: Term) -> Term:
    return exact.is_map(given) and all(value == [] and is_list(value) for _, value in exact.items(given))


@sets.function("is_element", 2)
def is_element(item: Term, given: Term) -> Term:
    return exact.has_key(_set(given), item)


@sets.function("add_element", 2)
def add_element(item: Term, given: Term) -> Term:
    return exact.put(_set(given), item, [])


@sets.function("del_element", 2)
def del_element(item: Term, given: Term) -> Term:
    return exact.remove(_set(given), item)


@sets.function("is_equal", 2)
def is_equal(left: Term, right: Term) -> Term:
    return len(_set(left)) == len(_set(right)) and is_subset(left, right)


@sets.function("is_subset", 2)
def is_subset(left: Term, right: Term) -> Term:
    mine, others = _set(left), _set(right)
    return all(exact.has_key(others, item) for item in mine)


@sets.function("is_disjoint", 2)
def is_disjoint(left: Term, right: Term) -> Term:
    mine, others = _set(left), _set(right)
    return not any(exact.has_key(others, item) for item in mine)


@sets.function("union", 2)
def union(left: Term, right: Term) -> Term:
    return exact.from_pairs([*exact.items(_set(left)), *exact.items(_set(right))])


@sets.function("union", 1)
def union_all(given: Term) -> Term:
    return _of([item for each in proper(given) for item in _set(each)])


@sets.function("intersection", 2)
def intersection(left: Term, right: Term) -> Term:
    mine, others = _set(left), _set(right)
    return _of([item for item in mine if exact.has_key(others, item)])


@sets.function("intersection", 1)
def intersection_all(given: Term) -> Term:
    if not proper(given):
        raise function_clause()
    out = given[0]
    for each in given[1:]:
        out = intersection(out, each)
    return out


@sets.function("subtract", 2)
def subtract(left: Term, right: Term) -> Term:
    mine, others = _set(left), _set(right)
    return exact.from_pairs(pair for pair in exact.items(mine) if not exact.has_key(others, pair[0]))


@sets.function("fold", 3)
def fold(fun: Term, state: Term, given: Term) -> Steps:
    return (yield from foldl(fun, state, list(_set(given))))


@sets.function("filter", 2)
def filter_set(fun: Term, given: Term) -> Steps:
    return _of((yield from filter_(fun, list(_set(given)))))


@sets.function("map", 2)
def map_set(fun: Term, given: Term) -> Steps:
    return _of((yield from map_(fun, list(_set(given)))))
