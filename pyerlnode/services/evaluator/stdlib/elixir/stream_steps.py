"""What the steps of a stream do: `map`, `take` and the like, each a generator that pulls from the one before.

In `STEPS`, by the name that stands in the stream, each is called with the source that it pulls from
and the step's arguments.

Source: stream.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib.arguments import case_clause, is_integer
from pyerlnode.services.evaluator.stdlib.elixir.enum_part import beginning
from pyerlnode.services.evaluator.stdlib.elixir.sources import END, Halted, Item, Pulling, Source, opened
from pyerlnode.services.evaluator.stdlib.elixir.support import Members, is_pair, truthy
from pyerlnode.term import Atom, Term, equal

if TYPE_CHECKING:
    from collections.abc import Callable

_CONT, _HALT, _DONE, _DISCARD = Atom("cont"), Atom("halt"), Atom("done"), Atom("discard")

STEPS: Final[dict[str, Callable[..., Pulling]]] = {}


def _step(name: str) -> Callable[[Callable[..., Pulling]], Callable[..., Pulling]]:
    def take(call: Callable[..., Pulling]) -> Callable[..., Pulling]:
        STEPS[name] = call
        return call

    return take


# --- one in, one out, or none ---------------------------------------------------------------


@_step("map")
def _map(source: Source, fun: Term) -> Pulling:
    while (item := (yield from source.next())) is not END:
        yield Item((yield Call(fun, (item,))))


@_step("each")
def _each(source: Source, fun: Term) -> Pulling:
    while (item := (yield from source.next())) is not END:
        yield Call(fun, (item,))
        yield Item(item)


@_step("filter")
def _filter(source: Source, fun: Term, wanted: bool) -> Pulling:
    while (item := (yield from source.next())) is not END:
        if truthy((yield Call(fun, (item,)))) is wanted:
            yield Item(item)


@_step("map_every")
def _map_every(source: Source, nth: int, fun: Term) -> Pulling:
    for index in count():
        if (item := (yield from source.next())) is END:
            return
        yield Item((yield Call(fun, (item,))) if nth and index % nth == 0 else item)


@_step("with_index")
def _with_index(source: Source, offset: Term) -> Pulling:
    for index in count():
        if (item := (yield from source.next())) is END:
            return
        if is_integer(offset):
            yield Item((item, index + offset))
        else:
            yield Item((yield Call(offset, (item, index))))


@_step("scan")
def _scan(source: Source, first: tuple[Term, ...], fun: Term) -> Pulling:
    if first:
        state = first[0]
    elif (state := (yield from source.next())) is END:
        return
    else:
        yield Item(state)
    while (item := (yield from source.next())) is not END:
        state = yield Call(fun, (item, state))
        yield Item(state)


@_step("uniq")
def _uniq(source: Source, fun: Term) -> Pulling:
    seen = Members()
    while (item := (yield from source.next())) is not END:
        key = item if fun is None else (yield Call(fun, (item,)))
        if key not in seen:
            seen.put(key)
            yield Item(item)


@_step("dedup")
def _dedup(source: Source, fun: Term) -> Pulling:
    last: Term = END
    while (item := (yield from source.next())) is not END:
        key = item if fun is None else (yield Call(fun, (item,)))
        if last is END or not equal(key, last):
            yield Item(item)
        last = key


@_step("intersperse")
def _intersperse(source: Source, separator: Term) -> Pulling:
    first = True
    while (item := (yield from source.next())) is not END:
        if not first:
            yield Item(separator)
        first = False
        yield Item(item)


@_step("into")
def _into(source: Source, collectable: Term, fun: Term) -> Pulling:
    state, collector = yield Remote("Elixir.Collectable", "into", (collectable,))
    try:
        while (item := (yield from source.next())) is not END:
            value = item if fun is None else (yield Call(fun, (item,)))
            state = yield Call(collector, (state, (_CONT, value)))
            yield Item(item)
    except Halted:
        yield Call(collector, (state, _DONE))
        raise
    yield Call(collector, (state, _DONE))


# --- parts ------------------------------------------------------------------------------------


@_step("take")
def _take(source: Source, amount: int) -> Pulling:
    for _ in range(amount):
        if (item := (yield from source.next())) is END:
            return
        yield Item(item)


@_step("take_last")
def _take_last(source: Source, amount: int) -> Pulling:
    kept: list[Term] = []
    while (item := (yield from source.next())) is not END:
        kept = [*kept[-amount + 1 :], item] if amount > 1 else [item]
    yield from map(Item, kept)


@_step("drop")
def _drop(source: Source, amount: int) -> Pulling:
    for _ in range(amount):
        if (yield from source.next()) is END:
            return
    yield from _rest(source)


def _rest(source: Source) -> Pulling:
    while (item := (yield from source.next())) is not END:
        yield Item(item)


@_step("drop_last")
def _drop_last(source: Source, amount: int) -> Pulling:
    held: list[Term] = []
    while (item := (yield from source.next())) is not END:
        held.append(item)
        if len(held) > amount:
            yield Item(held.pop(0))


@_step("take_while")
def _take_while(source: Source, fun: Term) -> Pulling:
    while (item := (yield from source.next())) is not END and truthy((yield Call(fun, (item,)))):
        yield Item(item)


@_step("drop_while")
def _drop_while(source: Source, fun: Term) -> Pulling:
    while (item := (yield from source.next())) is not END:
        if not truthy((yield Call(fun, (item,)))):
            yield Item(item)
            yield from _rest(source)


@_step("every")
def _every(source: Source, nth: int, wanted: bool) -> Pulling:
    for index in count():
        if (item := (yield from source.next())) is END:
            return
        if (index % nth == 0) is wanted:
            yield Item(item)


# --- pieces -------------------------------------------------------------------------------------


@_step("chunk_every")
def _chunk_every(source: Source, size: int, every: int, leftover: Term) -> Pulling:
    held: list[Term] = []
    skip = 0
    while (item := (yield from source.next())) is not END:
        if skip:
            skip -= 1
            continue
        held.append(item)
        if len(held) == size:
            yield Item(held)
            skip = max(0, every - size)
            held = held[every:]
    if held and leftover is not _DISCARD:
        yield Item(held + (yield from beginning(leftover, size - len(held))))


@_step("chunk_by")
def _chunk_by(source: Source, fun: Term) -> Pulling:
    held: list[Term] = []
    last: Term = END
    while (item := (yield from source.next())) is not END:
        key = yield Call(fun, (item,))
        if last is not END and not equal(key, last):
            yield Item(held)
            held = []
        held = [*held, item]
        last = key
    if held:
        yield Item(held)


@_step("chunk_while")
def _chunk_while(source: Source, state: Term, fun: Term, after: Term) -> Pulling:
    while (item := (yield from source.next())) is not END:
        result = yield Call(fun, (item, state))
        if not isinstance(result, tuple) or len(result) not in (2, 3):
            raise case_clause(result)
        state = result[-1]
        if len(result) == 3:
            yield Item(result[1])
        if result[0] is _HALT:
            break
    last = yield Call(after, (state,))
    if isinstance(last, tuple) and len(last) == 3:
        yield Item(last[1])


# --- many out -----------------------------------------------------------------------------------


def poured(enumerable: Term) -> Pulling:
    """The elements of another one, which is closed when nobody wants more of them."""
    inner = opened(enumerable, 1)
    try:
        yield from _rest(inner)
    except Halted:
        yield from inner.close()
        raise


@_step("flat_map")
def _flat_map(source: Source, fun: Term) -> Pulling:
    while (item := (yield from source.next())) is not END:
        yield from poured((yield Call(fun, (item,))))


@_step("concat")
def _concat(source: Source) -> Pulling:
    while (item := (yield from source.next())) is not END:
        yield from poured(item)


@_step("transform")
def _transform(source: Source, start: Term, fun: Term, last: Term, after: Term) -> Pulling:
    state = (yield Call(start[1])) if start[0] else start[1]
    try:
        while (item := (yield from source.next())) is not END:
            result = yield Call(fun, (item, state))
            if not is_pair(result):
                raise case_clause(result)
            state = result[1]
            if result[0] is _HALT:
                break
            yield from poured(result[0])
        else:
            if last is not None:
                result = yield Call(last, (state,))
                if not is_pair(result):
                    raise case_clause(result)
                state = result[1]
                if result[0] is not _HALT:
                    yield from poured(result[0])
    except Exception:
        yield from _ended(after, state)
        raise
    yield from _ended(after, state)


def _ended(after: Term, state: Term) -> Pulling:
    if after is not None:
        yield Call(after, (state,))
