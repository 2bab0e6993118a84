"""`Enum`: pieces, pairs and chance.

Source: enum.ex and stream/reducers.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

import random

from pyerlnode.services.evaluator.requests import Call
from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    case_clause,
    function_clause,
    is_integer,
    is_list,
    split_tail,
)
from pyerlnode.services.evaluator.stdlib.elixir.enum import empty, enum
from pyerlnode.services.evaluator.stdlib.elixir.enum_part import beginning
from pyerlnode.services.evaluator.stdlib.elixir.sources import (
    END,
    Source,
    as_range,
    guarded,
    items_of,
    opened,
    size_of,
)
from pyerlnode.services.evaluator.stdlib.elixir.support import is_pair, need, plain
from pyerlnode.term import Atom, Term, equal

_CONT, _HALT, _DISCARD = Atom("cont"), Atom("halt"), Atom("discard")
_RANDOM = random.SystemRandom()

# --- pieces -------------------------------------------------------------------------------


@enum.function("chunk_every", 2)
@enum.function("chunk", 2)
def chunk_every(enumerable: Term, count: Term) -> Steps:
    return (yield from chunk_every_by(enumerable, count, count))


@enum.function("chunk_every", 3)
def chunk_every_by(enumerable: Term, count: Term, step: Term) -> Steps:
    return (yield from chunk_every_with(enumerable, count, step, []))


@enum.function("chunk", 3)
def chunk(enumerable: Term, count: Term, step: Term) -> Steps:
    return (yield from chunk_every_with(enumerable, count, step, _DISCARD))


@enum.function("chunk", 4)
def chunk_with(enumerable: Term, count: Term, step: Term, leftover: Term) -> Steps:
    return (yield from chunk_every_with(enumerable, count, step, leftover or _DISCARD))


@enum.function("chunk_every", 4)
def chunk_every_with(enumerable: Term, count: Term, step: Term, leftover: Term) -> Steps:
    need(is_integer(count, 1), is_integer(step, 1))
    items = yield from items_of(enumerable)
    starts = range(0, len(items), step)
    whole = [items[start : start + count] for start in starts if start + count <= len(items)]
    rest = next((items[start:] for start in starts if start + count > len(items)), None)
    if rest is None or leftover is _DISCARD:
        return whole
    return [*whole, rest + (yield from beginning(leftover, count - len(rest)))]


@enum.function("chunk_by", 2)
def chunk_by(enumerable: Term, fun: Term) -> Steps:
    chunks: list[list[Term]] = []
    last: Term = END
    for item in (yield from items_of(enumerable)):
        value = yield Call(fun, (item,))
        if last is END or not equal(value, last):
            chunks.append([])
        chunks[-1].append(item)
        last = value
    return chunks


@enum.function("chunk_while", 4)
def chunk_while(enumerable: Term, state: Term, chunk_fun: Term, after_fun: Term) -> Steps:
    chunks, state = yield from guarded(
        opened(enumerable), lambda source: _chunk_while(source, state, chunk_fun)
    )
    last = yield Call(after_fun, (state,))
    if not (isinstance(last, tuple) and len(last) in (2, 3) and last[0] is _CONT):
        raise case_clause(last)
    return [*chunks, last[1]] if len(last) == 3 else chunks


def _chunk_while(source: Source, state: Term, fun: Term) -> Steps:
    chunks: list[Term] = []
    while (item := (yield from source.next())) is not END:
        result = yield Call(fun, (item, state))
        if is_pair(result) and (result[0] is _CONT or result[0] is _HALT):
            state = result[1]
            if result[0] is _HALT:
                break
        elif isinstance(result, tuple) and len(result) == 3 and result[0] is _CONT:
            chunks.append(result[1])
            state = result[2]
        else:
            raise case_clause(result)
    return chunks, state


# --- pairs ----------------------------------------------------------------------------------


def rows(enumerables: Term) -> Steps:
    """The first elements of all, the second ones, ... as long as all have one."""
    sources = [opened(enumerable) for enumerable in (yield from items_of(enumerables))]
    out: list[list[Term]] = []
    while sources and (row := (yield from row_of(sources))) is not None:
        out.append(row)
    for source in sources:
        yield from source.close()
    return out


def pairs_of(left: Term, right: Term) -> Steps:
    """The rows of two; of lists the end of the shorter one is the end, whatever the longer one ends in."""
    left, right = plain(left), plain(right)
    if not (is_list(left) and is_list(right)):
        return (yield from rows([left, right]))
    (lefts, left_end), (rights, right_end) = split_tail(left), split_tail(right)
    count = min(len(lefts), len(rights))
    ends = [end for items, end in ((lefts, left_end), (rights, right_end)) if len(items) == count]
    if not any(isinstance(end, list) for end in ends):
        raise function_clause()
    return list(zip(lefts[:count], rights[:count], strict=True))


def row_of(sources: list[Source]) -> Steps:
    """The next element of each; None if one has no more."""
    row: list[Term] = []
    for source in sources:
        item = yield from source.next()
        if item is END:
            return None
        row.append(item)
    return row


@enum.function("zip", 2)
def zip_two(left: Term, right: Term) -> Steps:
    return [tuple(row) for row in (yield from pairs_of(left, right))]


@enum.function("zip", 1)
def zip_(enumerables: Term) -> Steps:
    return [tuple(row) for row in (yield from rows(enumerables))]


@enum.function("zip_with", 3)
def zip_two_with(left: Term, right: Term, fun: Term) -> Steps:
    out: list[Term] = []
    for row in (yield from pairs_of(left, right)):
        out.append((yield Call(fun, row)))
    return out


@enum.function("zip_with", 2)
def zip_with(enumerables: Term, fun: Term) -> Steps:
    out: list[Term] = []
    for row in (yield from rows(enumerables)):
        out.append((yield Call(fun, (row,))))
    return out


@enum.function("zip_reduce", 3)
def zip_reduce(enumerables: Term, state: Term, fun: Term) -> Steps:
    for row in (yield from rows(enumerables)):
        state = yield Call(fun, (row, state))
    return state


@enum.function("zip_reduce", 4)
def zip_two_reduce(left: Term, right: Term, state: Term, fun: Term) -> Steps:
    for row in (yield from pairs_of(left, right)):
        state = yield Call(fun, (*row, state))
    return state


@enum.function("unzip", 1)
def unzip(enumerable: Term) -> Steps:
    items = yield from items_of(enumerable)
    if not all(map(is_pair, items)):
        raise function_clause()
    return [left for left, _ in items], [right for _, right in items]


# --- chance -----------------------------------------------------------------------------------


@enum.function("random", 1)
def random_(enumerable: Term) -> Steps:
    numbers = as_range(plain(enumerable))
    if numbers is not None and size_of(numbers):
        return numbers.start + _RANDOM.randrange(size_of(numbers)) * numbers.step
    items = yield from items_of(enumerable)
    if not items:
        raise empty()
    return _RANDOM.choice(items)


@enum.function("shuffle", 1)
def shuffle(enumerable: Term) -> Steps:
    items = yield from items_of(enumerable)
    return _RANDOM.sample(items, len(items))


@enum.function("take_random", 2)
def take_random(enumerable: Term, count: Term) -> Steps:
    need(is_integer(count, 0))
    items = yield from items_of(enumerable)
    return _RANDOM.sample(items, min(count, len(items)))
