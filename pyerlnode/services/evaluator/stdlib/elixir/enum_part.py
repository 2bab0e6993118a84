"""`Enum`: what looks for elements, and what takes a part of them.

Source: enum.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from pyerlnode.services.evaluator.requests import Call
from pyerlnode.services.evaluator.stdlib import exact, lists
from pyerlnode.services.evaluator.stdlib.arguments import Steps, function_clause, is_integer
from pyerlnode.services.evaluator.stdlib.elixir.enum import enum, is_true
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
    ERROR,
    OK,
    argument_error,
    field,
    is_struct,
    need,
    plain,
    raised,
    shown,
    struct_name,
    truthy,
)
from pyerlnode.term import ImproperList, Term, equal

# --- looking ------------------------------------------------------------------------------


@enum.function("all?", 1)
def all_(enumerable: Term) -> Steps:
    return not (yield from guarded(opened(enumerable), lambda source: _any(source, None, False)))


@enum.function("all?", 2)
def all_by(enumerable: Term, fun: Term) -> Steps:
    return not (yield from guarded(opened(enumerable), lambda source: _any(source, fun, False)))


@enum.function("any?", 1)
def any_(enumerable: Term) -> Steps:
    return (yield from guarded(opened(enumerable), lambda source: _any(source, None, True)))


@enum.function("any?", 2)
def any_by(enumerable: Term, fun: Term) -> Steps:
    return (yield from guarded(opened(enumerable), lambda source: _any(source, fun, True)))


def _any(source: Source, fun: Term, wanted: bool) -> Steps:
    """Whether there is an element that is, or whose fun gives, true (or false)."""
    while (item := (yield from source.next())) is not END:
        if truthy(item if fun is None else (yield Call(fun, (item,)))) is wanted:
            return True
    return False


@enum.function("member?", 2)
def member(enumerable: Term, element: Term) -> Steps:
    enumerable = plain(enumerable)
    numbers = as_range(enumerable)
    if numbers is not None:
        return is_integer(element) and element in numbers
    if is_struct(enumerable, "MapSet"):
        return exact.has_key(field(enumerable, "map"), element)
    if isinstance(enumerable, ImproperList):
        return lists.member(element, enumerable)
    return (yield from guarded(opened(enumerable), lambda source: _member(source, element)))


def _member(source: Source, element: Term) -> Steps:
    while (item := (yield from source.next())) is not END:
        if equal(item, element):
            return True
    return False


@enum.function("__in__", 2)
def within(element: Term, enumerable: Term) -> Steps:
    return (yield from member(enumerable, element))


@enum.function("empty?", 1)
def is_empty(enumerable: Term) -> Steps:
    return (yield from guarded(opened(enumerable), _first)) is END


def _first(source: Source) -> Steps:
    return (yield from source.next())


@enum.function("find", 2)
def find(enumerable: Term, fun: Term) -> Steps:
    return (yield from find_or(enumerable, None, fun))


@enum.function("find", 3)
def find_or(enumerable: Term, default: Term, fun: Term) -> Steps:
    found = yield from guarded(opened(enumerable), lambda source: _find(source, fun))
    return default if found is None else found[1]


@enum.function("find_index", 2)
def find_index(enumerable: Term, fun: Term) -> Steps:
    found = yield from guarded(opened(enumerable), lambda source: _find(source, fun))
    return None if found is None else found[0]


@enum.function("find_value", 2)
def find_value(enumerable: Term, fun: Term) -> Steps:
    return (yield from find_value_or(enumerable, None, fun))


@enum.function("find_value", 3)
def find_value_or(enumerable: Term, default: Term, fun: Term) -> Steps:
    found = yield from guarded(opened(enumerable), lambda source: _find(source, fun))
    return default if found is None else found[2]


def _find(source: Source, fun: Term) -> Steps:
    """Of the first element for which the fun gives true: its index, itself, what the fun gave."""
    index = 0
    while (item := (yield from source.next())) is not END:
        value = yield Call(fun, (item,))
        if truthy(value):
            return index, item, value
        index += 1
    return None


# --- one ------------------------------------------------------------------------------------


@enum.function("at", 2)
def at(enumerable: Term, index: Term) -> Steps:
    return (yield from at_or(enumerable, index, None))


@enum.function("at", 3)
def at_or(enumerable: Term, index: Term, default: Term) -> Steps:
    found = yield from _nth(enumerable, index)
    return default if found is END else found


@enum.function("fetch", 2)
def fetch(enumerable: Term, index: Term) -> Steps:
    found = yield from _nth(enumerable, index)
    return ERROR if found is END else (OK, found)


@enum.function("fetch!", 2)
def fetch_it(enumerable: Term, index: Term) -> Steps:
    found = yield from _nth(enumerable, index)
    if found is END:
        raise raised("Enum.OutOfBoundsError", message=b"out of bounds error")
    return found


def _nth(enumerable: Term, index: Term) -> Steps:
    need(is_integer(index))
    enumerable = plain(enumerable)
    numbers = as_range(enumerable)
    if numbers is not None:
        index = index if index >= 0 else size_of(numbers) + index
        return numbers.start + index * numbers.step if 0 <= index < size_of(numbers) else END
    if index < 0 or isinstance(enumerable, list):
        items = yield from items_of(enumerable)
        return items[index] if -len(items) <= index < len(items) else END
    return (yield from guarded(opened(enumerable), lambda source: _skipped(source, index)))


def _skipped(source: Source, count: int) -> Steps:
    """What comes behind so many elements."""
    item = yield from source.next()
    while count > 0 and item is not END:
        item = yield from source.next()
        count -= 1
    return item


# --- the beginning, the end ---------------------------------------------------------------------


def beginning(enumerable: Term, amount: int) -> Steps:
    """The first elements, and no more are asked for."""
    enumerable = plain(enumerable)
    if isinstance(enumerable, list):
        return enumerable[:amount]
    return (yield from guarded(opened(enumerable), lambda source: _beginning(source, amount)))


def _beginning(source: Source, amount: int) -> Steps:
    out: list[Term] = []
    while len(out) < amount and (item := (yield from source.next())) is not END:
        out.append(item)
    return out


@enum.function("take", 2)
def take(enumerable: Term, amount: Term) -> Steps:
    need(is_integer(amount))
    if amount >= 0:
        return (yield from beginning(enumerable, amount)) if amount else []
    return (yield from items_of(enumerable))[amount:]


@enum.function("drop", 2)
def drop(enumerable: Term, amount: Term) -> Steps:
    need(is_integer(amount))
    items = yield from items_of(enumerable)
    return items[amount:] if amount >= 0 else items[:amount]


@enum.function("split", 2)
def split(enumerable: Term, count: Term) -> Steps:
    need(is_integer(count))
    items = yield from items_of(enumerable)
    middle = count if count >= 0 else max(0, len(items) + count)
    return items[:middle], items[middle:]


@enum.function("take_while", 2)
def take_while(enumerable: Term, fun: Term) -> Steps:
    return (yield from guarded(opened(enumerable), lambda source: _take_while(source, fun)))


def _take_while(source: Source, fun: Term) -> Steps:
    out: list[Term] = []
    while (item := (yield from source.next())) is not END and (yield from is_true(fun, item)):
        out.append(item)
    return out


@enum.function("split_while", 2)
def split_while(enumerable: Term, fun: Term) -> Steps:
    items = yield from items_of(enumerable)
    for index, item in enumerate(items):
        if not (yield from is_true(fun, item)):
            return items[:index], items[index:]
    return items, []


@enum.function("drop_while", 2)
def drop_while(enumerable: Term, fun: Term) -> Steps:
    return (yield from split_while(enumerable, fun))[1]


@enum.function("split_with", 2)
@enum.function("partition", 2)
def split_with(enumerable: Term, fun: Term) -> Steps:
    parts: tuple[list[Term], list[Term]] = ([], [])
    for item in (yield from items_of(enumerable)):
        parts[0 if (yield from is_true(fun, item)) else 1].append(item)
    return parts


@enum.function("take_every", 2)
def take_every(enumerable: Term, nth: Term) -> Steps:
    need(is_integer(nth, 0))
    return (yield from items_of(enumerable))[::nth] if nth else []


@enum.function("drop_every", 2)
def drop_every(enumerable: Term, nth: Term) -> Steps:
    need(is_integer(nth, 0))
    items = yield from items_of(enumerable)
    return [item for index, item in enumerate(items) if index % nth] if nth else items


# --- slices --------------------------------------------------------------------------------------


@enum.function("slice", 2)
def slice_(enumerable: Term, indices: Term) -> Steps:
    numbers = plain(indices)
    if struct_name(numbers) != "Elixir.Range":
        raise function_clause()
    first, last, step = field(numbers, "first"), field(numbers, "last"), field(numbers, "step")
    if step is None:
        step = 1 if first <= last else -1
    if step < -1 or (step == -1 and first <= last):
        raise argument_error(
            f"Enum.slice/2 does not accept ranges with negative steps, got: {shown(numbers)}"
        )
    return (yield from _sliced(enumerable, first, last, abs(step)))


def _sliced(enumerable: Term, first: int, last: int, step: int) -> Steps:
    if first >= 0 and last >= 0:
        return (yield from beginning(enumerable, last + 1))[first::step]
    items = yield from items_of(enumerable)
    first = first if first >= 0 else max(0, len(items) + first)
    last = last if last >= 0 else len(items) + last
    return items[first : max(0, last + 1) : step]


@enum.function("slice", 3)
def slice_from(enumerable: Term, start: Term, amount: Term) -> Steps:
    need(is_integer(start), is_integer(amount, 0))
    if amount == 0:
        return []
    if start >= 0:
        return (yield from beginning(enumerable, start + amount))[start:]
    items = yield from items_of(enumerable)
    start = max(0, len(items) + start)
    return items[start : start + amount]


@enum.function("reverse_slice", 3)
def reverse_slice(enumerable: Term, start: Term, count: Term) -> Steps:
    need(is_integer(start, 0), is_integer(count, 0))
    items = yield from items_of(enumerable)
    end = start + count
    return items[:start] + items[start:end][::-1] + items[end:]


@enum.function("slide", 3)
def slide(enumerable: Term, moved: Term, to: Term) -> Steps:
    items = yield from items_of(enumerable)
    numbers = plain(moved)
    need(is_integer(to), is_integer(moved) or is_struct(numbers, "Range"))
    first, last = (moved, moved) if is_integer(moved) else (field(numbers, "first"), field(numbers, "last"))
    if not is_integer(moved) and field(numbers, "step") not in (None, 1):
        raise argument_error(f"Enum.slide/3 does not accept ranges with custom steps, got: {shown(numbers)}")
    if first < 0 or last < 0 or to < 0:
        first, last, to = (_from_end(index, len(items)) for index in (first, last, to))
        first = max(0, first)
        if first >= len(items):
            return items
    return _slid(items, first, last, to)


def _from_end(index: int, size: int) -> int:
    return index if index >= 0 else index + size


def _slid(items: list[Term], first: int, last: int, to: int) -> list[Term]:
    if first == to:
        return items
    if first < to <= last:
        raise argument_error(
            "insertion index for slide must be outside the range being moved "
            f"(tried to insert {first}..{last} at {to})"
        )
    if first > last:
        return items
    block, after = items[first : last + 1], items[last + 1 :]
    if to < first:
        return items[:to] + block + items[to:first] + after
    return items[:first] + items[last + 1 : to + 1] + block + items[to + 1 :]
