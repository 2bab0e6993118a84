"""The functions of `lists` that sort and merge.

Without a fun the order is that of terms, and elements that are equal by `==` stay in the
order that they came in (a BEAM may turn 1 and 1.0 round).  With a fun, which may receive or
sleep, the merging is done here.

Source: lists.erl of OTP 27.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pyerlnode.services.evaluator.requests import Call
from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    a_function,
    by_order,
    case_clause,
    proper,
)
from pyerlnode.services.evaluator.stdlib.lists import lists
from pyerlnode.term import Term, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_T = TypeVar("_T")


def in_order(items: Sequence[Term]) -> list[Term]:
    """Sorted by Erlang's term order, stable."""
    kinds = set(map(type, items))
    if len(kinds) == 1 and kinds <= {int, bytes}:
        return sorted(items)
    return sorted(items, key=by_order)


def itself(item: Term) -> Term:
    return item


def dedupe(items: Sequence[_T], key: Callable[[_T], Term]) -> list[_T]:
    """The first of each run of items whose keys are equal by `==`."""
    out: list[_T] = []
    for item in items:
        if not out or compare(key(out[-1]), key(item)) != 0:
            out.append(item)
    return out


def merged(left: Sequence[_T], right: Sequence[_T], key: Callable[[_T], Term]) -> list[_T]:
    """Two sorted sequences as one; of equal items those of `left` come first."""
    out: list[_T] = []
    at = 0
    for item in left:
        while at < len(right) and compare(key(right[at]), key(item)) < 0:
            out.append(right[at])
            at += 1
        out.append(item)
    return [*out, *right[at:]]


@lists.function("sort", 1)
def sort(items: Term) -> Term:
    return in_order(proper(items))


@lists.function("usort", 1)
def usort(items: Term) -> Term:
    return dedupe(in_order(proper(items)), itself)


@lists.function("merge", 2)
def merge(left: Term, right: Term) -> Term:
    return merged(proper(left), proper(right), itself)


@lists.function("merge", 1)
def merge_all(parts: Term) -> Term:
    out: list[Term] = []
    for part in proper(parts):
        out = merged(out, proper(part), itself)
    return out


@lists.function("merge3", 3)
def merge_three(first: Term, second: Term, third: Term) -> Term:
    return merge_all([first, second, third])


@lists.function("umerge", 2)
def umerge(left: Term, right: Term) -> Term:
    return dedupe(merge(left, right), itself)


@lists.function("umerge", 1)
def umerge_all(parts: Term) -> Term:
    return dedupe(merge_all(parts), itself)


@lists.function("umerge3", 3)
def umerge_three(first: Term, second: Term, third: Term) -> Term:
    return umerge_all([first, second, third])


# --- by a fun -------------------------------------------------------------------------------


def _precedes(fun: Term, a: Term, b: Term) -> Steps:
    answer = yield Call(fun, (a, b))
    if not isinstance(answer, bool):
        raise case_clause(answer)
    return answer


def _merge_by(fun: Term, left: list[Term], right: list[Term]) -> Steps:
    """`fun` says whether its first argument may stand before its second."""
    out: list[Term] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if (yield from _precedes(fun, left[i], right[j])):
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    return out + left[i:] + right[j:]


def sort_by(fun: Term, items: Sequence[Term]) -> Steps:
    """Sorted by a fun that tells whether its first argument may stand before its second."""
    runs = [[item] for item in items]
    while len(runs) > 1:
        pairs = [runs[at : at + 2] for at in range(0, len(runs), 2)]
        runs = []
        for pair in pairs:
            runs.append(pair[0] if len(pair) == 1 else (yield from _merge_by(fun, *pair)))
    return runs[0] if runs else []


@lists.function("sort", 2)
def sort_with(fun: Term, items: Term) -> Steps:
    return (yield from sort_by(a_function(fun, 2), proper(items)))


@lists.function("usort", 2)
def usort_with(fun: Term, items: Term) -> Steps:
    ordered = yield from sort_by(a_function(fun, 2), proper(items))
    return (yield from _without_equals(fun, ordered))


def _without_equals(fun: Term, ordered: list[Term]) -> Steps:
    """Of neighbours that may stand in either order the first stays."""
    out: list[Term] = []
    for item in ordered:
        if not out or not (yield from _precedes(fun, item, out[-1])):
            out.append(item)
    return out


@lists.function("merge", 3)
def merge_with(fun: Term, left: Term, right: Term) -> Steps:
    return (yield from _merge_by(a_function(fun, 2), proper(left), proper(right)))


@lists.function("umerge", 3)
def umerge_with(fun: Term, left: Term, right: Term) -> Steps:
    both = yield from _merge_by(a_function(fun, 2), proper(left), proper(right))
    return (yield from _without_equals(fun, both))
