"""`MapSet` and `Range`.

Source: map_set.ex and range.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.services.evaluator.limits import check_length
from pyerlnode.services.evaluator.requests import Call
from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.arguments import Steps, function_clause, is_integer
from pyerlnode.services.evaluator.stdlib.elixir.enum import is_true
from pyerlnode.services.evaluator.stdlib.elixir.sources import as_range, items_of, size_of
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    STRUCT,
    alias,
    argument_error,
    field,
    is_struct,
    need,
    need_fun,
    plain,
    shown,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyerlnode.services.evaluator.stdlib.exact import AnyMap

map_set = Library("Elixir.MapSet")
range_module = Library("Elixir.Range")

_MAP = Atom("map")


# --- MapSet -------------------------------------------------------------------------------


def set_of(elements: Iterable[Term]) -> dict[Term, Term]:
    """A `MapSet` of these."""
    return {STRUCT: alias("MapSet"), _MAP: exact.from_pairs((element, []) for element in elements)}


def members(given: Term) -> AnyMap:
    """The map whose keys are the set's elements; `function_clause` for what is no set."""
    given = plain(given)
    if not is_struct(given, "MapSet"):
        raise function_clause()
    return field(given, "map")  # type: ignore[no-any-return]  # a dict or a Map


def elements(given: Term) -> list[Term]:
    return [key for key, _ in exact.items(members(given))]


@map_set.function("__struct__", 0)
@map_set.function("new", 0)
def new() -> Term:
    return set_of(())


@map_set.function("new", 1)
def new_from(enumerable: Term) -> Steps:
    return set_of((yield from items_of(enumerable)))


@map_set.function("new", 2)
def new_with(enumerable: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    out: list[Term] = []
    for item in (yield from items_of(enumerable)):
        out.append((yield Call(fun, (item,))))
    return set_of(out)


@map_set.function("to_list", 1)
def to_list(given: Term) -> Term:
    return elements(given)


@map_set.function("size", 1)
def size(given: Term) -> Term:
    return len(members(given))


@map_set.function("member?", 2)
def member(given: Term, element: Term) -> Term:
    return exact.has_key(members(given), element)


@map_set.function("put", 2)
def put(given: Term, element: Term) -> Term:
    return set_of([*elements(given), element])


@map_set.function("delete", 2)
def delete(given: Term, element: Term) -> Term:
    return set_of(key for key, _ in exact.items(exact.remove(members(given), element)))


@map_set.function("union", 2)
def union(left: Term, right: Term) -> Term:
    return set_of([*elements(left), *elements(right)])


@map_set.function("intersection", 2)
def intersection(left: Term, right: Term) -> Term:
    return set_of(item for item in elements(left) if exact.has_key(members(right), item))


@map_set.function("difference", 2)
def difference(left: Term, right: Term) -> Term:
    return set_of(item for item in elements(left) if not exact.has_key(members(right), item))


@map_set.function("symmetric_difference", 2)
def symmetric_difference(left: Term, right: Term) -> Term:
    return set_of([*elements(difference(left, right)), *elements(difference(right, left))])


@map_set.function("subset?", 2)
def is_subset(left: Term, right: Term) -> Term:
    return all(exact.has_key(members(right), item) for item in elements(left))


@map_set.function("disjoint?", 2)
def is_disjoint(left: Term, right: Term) -> Term:
    return not any(exact.has_key(members(right), item) for item in elements(left))


@map_set.function("equal?", 2)
def is_equal(left: Term, right: Term) -> Term:
    return len(members(left)) == len(members(right)) and is_subset(left, right)


@map_set.function("filter", 2)
def filter_(given: Term, fun: Term) -> Steps:
    return (yield from split_with(given, fun))[0]


@map_set.function("reject", 2)
def reject(given: Term, fun: Term) -> Steps:
    return (yield from split_with(given, fun))[1]


@map_set.function("split_with", 2)
def split_with(given: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    parts: tuple[list[Term], list[Term]] = ([], [])
    for item in elements(given):
        parts[0 if (yield from is_true(fun, item)) else 1].append(item)
    return set_of(parts[0]), set_of(parts[1])


# --- Range --------------------------------------------------------------------------------------


def range_of(first: int, last: int, step: int) -> dict[Term, Term]:
    """The struct `first..last//step`."""
    return {STRUCT: alias("Range"), Atom("first"): first, Atom("last"): last, Atom("step"): step}


def _numbers(given: Term) -> range:
    numbers = as_range(plain(given))
    if numbers is None:
        raise function_clause()
    return numbers


@range_module.function("new", 2)
def new_range(first: Term, last: Term) -> Term:
    _integers(first, last)
    return range_of(first, last, 1 if first <= last else -1)


@range_module.function("new", 3)
def new_range_by(first: Term, last: Term, step: Term) -> Term:
    _integers(first, last)
    if not is_integer(step) or step == 0:
        raise argument_error(
            "ranges (first..last//step) expect both sides to be integers and the step to be a "
            f"non-zero integer, got: {shown(first)}..{shown(last)}//{shown(step)}"
        )
    return range_of(first, last, step)


def _integers(first: Term, last: Term) -> None:
    if not (is_integer(first) and is_integer(last)):
        raise argument_error(
            f"ranges (first..last) expect both sides to be integers, got: {shown(first)}..{shown(last)}"
        )


@range_module.function("size", 1)
def range_size(given: Term) -> Term:
    return size_of(_numbers(given))


@range_module.function("to_list", 1)
def range_to_list(given: Term) -> Term:
    numbers = _numbers(given)
    check_length(size_of(numbers))
    return list(numbers)


@range_module.function("range?", 1)
def is_range(given: Term) -> Term:
    return as_range(plain(given)) is not None


@range_module.function("shift", 2)
def shift(given: Term, steps: Term) -> Term:
    need(is_integer(steps))
    numbers = plain(given)
    _numbers(given)
    step = field(numbers, "step")
    return range_of(field(numbers, "first") + steps * step, field(numbers, "last") + steps * step, step)


@range_module.function("split", 2)
def split(given: Term, count: Term) -> Term:
    need(is_integer(count))
    numbers = plain(given)
    size = size_of(_numbers(given))
    first, last, step = field(numbers, "first"), field(numbers, "last"), field(numbers, "step")
    upwards = first < last or (first == last and step > 0)
    if upwards is not (step > 0):
        return range_of(first, first - step, step), range_of(last + step, last, step)
    middle = first + step * ((count if count >= 0 else size + count) - 1)
    middle = max(min(middle, last), first - step) if upwards else min(max(middle, last), first - step)
    return range_of(first, middle, step), range_of(middle + step, last, step)


@range_module.function("disjoint?", 2)
def is_disjoint_range(left: Term, right: Term) -> Term:
    mine, theirs = _ascending(_numbers(left)), _ascending(_numbers(right))
    if not size_of(mine) or not size_of(theirs):
        return True
    if mine[-1] < theirs[0] or theirs[-1] < mine[0]:
        return True
    return _first_common(mine, theirs) is None


def _ascending(numbers: range) -> range:
    if not size_of(numbers):
        return range(0)
    return numbers if numbers.step > 0 else numbers[::-1]


def _first_common(mine: range, theirs: range) -> int | None:
    """The least number that is in both, by the Chinese remainder theorem."""
    from math import gcd

    common = gcd(mine.step, theirs.step)
    if (theirs.start - mine.start) % common:
        return None
    period = mine.step // common * theirs.step
    modulus = theirs.step // common
    inverse = pow(mine.step // common, -1, modulus) if modulus > 1 else 0
    number = mine.start + mine.step * ((theirs.start - mine.start) // common * inverse % modulus)
    least = max(mine.start, theirs.start)
    if number < least:
        number += -(-(least - number) // period) * period
    return number if number in mine and number in theirs else None
