"""Streams that make their elements themselves: `iterate`, `unfold`, `cycle`, `zip` and the like.

In `SOURCES`, by the name that stands in the stream as what it enumerates, each is called with the
arguments behind the name.

Source: stream.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib.arguments import case_clause
from pyerlnode.services.evaluator.stdlib.elixir.enum_chunk import row_of
from pyerlnode.services.evaluator.stdlib.elixir.sources import Item, Pulling, Source, items_of, opened, paced
from pyerlnode.services.evaluator.stdlib.elixir.stream_steps import poured
from pyerlnode.services.evaluator.stdlib.elixir.support import is_pair
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Callable

_HALT = Atom("halt")

SOURCES: Final[dict[str, Callable[..., Pulling]]] = {}


def _source(name: str) -> Callable[[Callable[..., Pulling]], Callable[..., Pulling]]:
    def take(call: Callable[..., Pulling]) -> Callable[..., Pulling]:
        SOURCES[name] = call
        return call

    return take


@_source("iterate")
def _iterate(value: Term, fun: Term) -> Pulling:
    yield Item(value)
    while True:
        value = yield Call(fun, (value,))
        yield Item(value)


@_source("repeatedly")
def _repeatedly(fun: Term) -> Pulling:
    while True:
        yield Item((yield Call(fun)))


@_source("unfold")
def _unfold(state: Term, fun: Term) -> Pulling:
    while (result := (yield Call(fun, (state,)))) is not None:
        if not is_pair(result):
            raise case_clause(result)
        state = result[1]
        yield Item(result[0])


@_source("from_index")
def _from_index(offset: int) -> Pulling:
    yield from paced(count(offset))


@_source("duplicate")
def _duplicate(value: Term, times: int) -> Pulling:
    yield from paced(value for _ in range(times))


@_source("cycle")
def _cycle(enumerable: Term) -> Pulling:
    while True:
        yield from poured(enumerable)
        yield Remote("Elixir.Function", "identity", (None,))


@_source("resource")
def _resource(start: Term, fun: Term, after: Term) -> Pulling:
    state = yield Call(start)
    try:
        while True:
            result = yield Call(fun, (state,))
            if not is_pair(result):
                raise case_clause(result)
            state = result[1]
            if result[0] is _HALT:
                break
            yield from poured(result[0])
    except Exception:
        yield Call(after, (state,))
        raise
    yield Call(after, (state,))


@_source("interval")
def _interval(milliseconds: int, once: bool) -> Pulling:
    for number in count():
        yield Remote("timer", "sleep", (milliseconds,))
        yield Item(number)
        if once:
            return


@_source("zip")
def _zip(enumerables: Term, fun: tuple[Term, ...]) -> Pulling:
    sources = [opened(each, 1) for each in (yield from items_of(enumerables))]
    try:
        while sources and (row := (yield from row_of(sources))) is not None:
            yield Item(tuple(row) if not fun else (yield Call(fun[0], row if fun[1] else (row,))))
    except Exception:
        yield from _closed(sources)
        raise
    yield from _closed(sources)


def _closed(sources: list[Source]) -> Pulling:
    for each in sources:
        yield from each.close()
