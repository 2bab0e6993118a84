"""`Stream`: what is done to elements only when somebody asks for them.

A stream is `%Stream{enum: ..., funs: [...]}`.  Here `funs` are tuples, the name of a step and what
belongs to it, and a stream without a source of its own has a tuple as `enum`: terms, which can be
bound, sent and compared.  What comes from a BEAM holds its functions of compiled code, and cannot run.

Source: stream.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib.arguments import Steps, case_clause, is_integer
from pyerlnode.services.evaluator.stdlib.elixir.enum_chunk import row_of
from pyerlnode.services.evaluator.stdlib.elixir.enum_part import beginning
from pyerlnode.services.evaluator.stdlib.elixir.sources import (
    END,
    MAX_DEPTH,
    Halted,
    Item,
    Pulling,
    Source,
    guarded,
    items_of,
    opened,
    opener,
    paced,
)
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    OK,
    STRUCT,
    Members,
    alias,
    argument_error,
    badfun,
    field,
    is_pair,
    is_struct,
    need,
    need_fun,
    plain,
    system_limit,
    truthy,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term, equal

if TYPE_CHECKING:
    from collections.abc import Callable

stream = Library("Elixir.Stream")

_ENUM, _FUNS, _ACCS, _DONE = Atom("enum"), Atom("funs"), Atom("accs"), Atom("done")
_CONT, _HALT, _DISCARD = Atom("cont"), Atom("halt"), Atom("discard")

# Of each step, or source: the function that makes a generator of the sources and arguments.
_STEPS: Final[dict[str, Callable[..., Pulling]]] = {}
_SOURCES: Final[dict[str, Callable[..., Pulling]]] = {}


def _struct(enum: Term, funs: list[Term]) -> Term:
    return {STRUCT: alias("Stream"), _ENUM: enum, _FUNS: funs, _ACCS: [], _DONE: None}


def step(name: str, enumerable: Term, *args: Term) -> Term:
    """The stream with one more step."""
    enumerable = plain(enumerable)
    if is_struct(enumerable, "Stream"):
        return _struct(field(enumerable, "enum"), [*field(enumerable, "funs"), (Atom(name), *args)])
    return _struct(enumerable, [(Atom(name), *args)])


def source(name: str, *args: Term) -> Term:
    """A stream that makes its elements itself."""
    return _struct((Atom(name), *args), [])


@opener("Stream")
def open_stream(given: Term, depth: int) -> Source:
    """The source of a stream of this library; `{badfun, _}` for one that holds compiled code."""
    enum, funs = field(given, "enum"), field(given, "funs")
    if not isinstance(funs, list) or len(funs) > MAX_DEPTH:
        raise system_limit()
    maker = _SOURCES.get(enum[0]) if isinstance(enum, tuple) and enum else None
    pulled = opened(enum, depth + 1) if maker is None else Source(maker(*enum[1:]))
    for fun in funs:
        made = _STEPS.get(fun[0]) if isinstance(fun, tuple) and fun else None
        if made is None:
            raise badfun(fun)
        pulled = Source(made(pulled, *fun[1:]), pulled)
    return pulled


def _step(name: str) -> Callable[[Callable[..., Pulling]], Callable[..., Pulling]]:
    def take(call: Callable[..., Pulling]) -> Callable[..., Pulling]:
        _STEPS[name] = call
        return call

    return take


def _source(name: str) -> Callable[[Callable[..., Pulling]], Callable[..., Pulling]]:
    def take(call: Callable[..., Pulling]) -> Callable[..., Pulling]:
        _SOURCES[name] = call
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


def _poured(enumerable: Term) -> Pulling:
    inner = opened(enumerable, 1)
    try:
        yield from _rest(inner)
    except Halted:
        yield from inner.close()
        raise


@_step("flat_map")
def _flat_map(source: Source, fun: Term) -> Pulling:
    while (item := (yield from source.next())) is not END:
        yield from _poured((yield Call(fun, (item,))))


@_step("concat")
def _concat(source: Source) -> Pulling:
    while (item := (yield from source.next())) is not END:
        yield from _poured(item)


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
            yield from _poured(result[0])
        else:
            if last is not None:
                result = yield Call(last, (state,))
                if not is_pair(result):
                    raise case_clause(result)
                state = result[1]
                if result[0] is not _HALT:
                    yield from _poured(result[0])
    except Exception:
        yield from _ended(after, state)
        raise
    yield from _ended(after, state)


def _ended(after: Term, state: Term) -> Pulling:
    if after is not None:
        yield Call(after, (state,))


# --- out of nothing -----------------------------------------------------------------------------


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
        yield from _poured(enumerable)
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
            yield from _poured(result[0])
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


# --- the functions --------------------------------------------------------------------------------


def _register(name: str, arity: int, call: Callable[..., Any]) -> None:
    stream.function(name, arity)(call)


def _with_fun(name: str, *more: Term) -> None:
    """`name(enumerable, fun)` with a fun of arity 1."""

    def call(enumerable: Term, fun: Term) -> Term:
        need_fun(fun, 1)
        return step(_OTHER_NAMES.get(name, name), enumerable, fun, *more)

    _register(name, 2, call)


_OTHER_NAMES: Final = {"reject": "filter", "uniq_by": "uniq", "dedup_by": "dedup"}

for _name in ("map", "each", "flat_map", "chunk_by", "take_while", "drop_while", "uniq_by", "dedup_by"):
    _with_fun(_name)
_with_fun("filter", True)
_with_fun("reject", False)


@stream.function("uniq", 1)
def uniq(enumerable: Term) -> Term:
    return step("uniq", enumerable, None)


@stream.function("uniq", 2)
def uniq_by(enumerable: Term, fun: Term) -> Term:
    return step("uniq", enumerable, fun)


@stream.function("dedup", 1)
def dedup(enumerable: Term) -> Term:
    return step("dedup", enumerable, None)


@stream.function("intersperse", 2)
def intersperse(enumerable: Term, separator: Term) -> Term:
    return step("intersperse", enumerable, separator)


@stream.function("with_index", 1)
def with_index(enumerable: Term) -> Term:
    return step("with_index", enumerable, 0)


@stream.function("with_index", 2)
def with_index_by(enumerable: Term, offset: Term) -> Term:
    return step("with_index", enumerable, offset)


@stream.function("map_every", 3)
def map_every(enumerable: Term, nth: Term, fun: Term) -> Term:
    need(is_integer(nth, 0))
    need_fun(fun, 1)
    return step("map_every", enumerable, nth, fun)


@stream.function("scan", 2)
def scan(enumerable: Term, fun: Term) -> Term:
    need_fun(fun, 2)
    return step("scan", enumerable, (), fun)


@stream.function("scan", 3)
def scan_from(enumerable: Term, state: Term, fun: Term) -> Term:
    need_fun(fun, 2)
    return step("scan", enumerable, (state,), fun)


@stream.function("into", 2)
def into(enumerable: Term, collectable: Term) -> Term:
    return step("into", enumerable, collectable, None)


@stream.function("into", 3)
def into_with(enumerable: Term, collectable: Term, fun: Term) -> Term:
    need_fun(fun, 1)
    return step("into", enumerable, collectable, fun)


@stream.function("take", 2)
def take(enumerable: Term, amount: Term) -> Term:
    need(is_integer(amount))
    return step("take", enumerable, amount) if amount >= 0 else step("take_last", enumerable, -amount)


@stream.function("drop", 2)
def drop(enumerable: Term, amount: Term) -> Term:
    need(is_integer(amount))
    return step("drop", enumerable, amount) if amount >= 0 else step("drop_last", enumerable, -amount)


@stream.function("take_every", 2)
def take_every(enumerable: Term, nth: Term) -> Term:
    need(is_integer(nth, 0))
    return step("every", enumerable, nth, True) if nth else step("take", enumerable, 0)


@stream.function("drop_every", 2)
def drop_every(enumerable: Term, nth: Term) -> Term:
    need(is_integer(nth, 0))
    return step("every", enumerable, nth, False) if nth else step("drop", enumerable, 0)


@stream.function("chunk_every", 2)
def chunk_every(enumerable: Term, size: Term) -> Term:
    return chunk_every_with(enumerable, size, size, [])


@stream.function("chunk_every", 3)
def chunk_every_by(enumerable: Term, size: Term, every: Term) -> Term:
    return chunk_every_with(enumerable, size, every, [])


@stream.function("chunk_every", 4)
def chunk_every_with(enumerable: Term, size: Term, every: Term, leftover: Term) -> Term:
    need(is_integer(size, 1), is_integer(every, 1))
    return step("chunk_every", enumerable, size, every, leftover)


@stream.function("chunk_while", 4)
def chunk_while(enumerable: Term, state: Term, fun: Term, after: Term) -> Term:
    need_fun(fun, 2)
    need_fun(after, 1)
    return step("chunk_while", enumerable, state, fun, after)


@stream.function("concat", 1)
def concat(enumerables: Term) -> Term:
    return step("concat", enumerables)


@stream.function("concat", 2)
def concat_two(left: Term, right: Term) -> Term:
    return step("concat", [left, right])


@stream.function("transform", 3)
def transform(enumerable: Term, state: Term, fun: Term) -> Term:
    need_fun(fun, 2)
    return step("transform", enumerable, (False, state), fun, None, None)


@stream.function("transform", 4)
def transform_with(enumerable: Term, start: Term, fun: Term, after: Term) -> Term:
    need_fun(start, 0)
    return step("transform", enumerable, (True, start), fun, None, after)


@stream.function("transform", 5)
def transform_all(enumerable: Term, start: Term, fun: Term, last: Term, after: Term) -> Term:
    need_fun(start, 0)
    return step("transform", enumerable, (True, start), fun, last, after)


@stream.function("iterate", 2)
def iterate(value: Term, fun: Term) -> Term:
    need_fun(fun, 1)
    return source("iterate", value, fun)


@stream.function("repeatedly", 1)
def repeatedly(fun: Term) -> Term:
    need_fun(fun, 0)
    return source("repeatedly", fun)


@stream.function("unfold", 2)
def unfold(state: Term, fun: Term) -> Term:
    need_fun(fun, 1)
    return source("unfold", state, fun)


@stream.function("from_index", 0)
def from_zero() -> Term:
    return source("from_index", 0)


@stream.function("from_index", 1)
def from_index(offset: Term) -> Term:
    return source("from_index", offset) if is_integer(offset) else step("map", from_zero(), offset)


@stream.function("duplicate", 2)
def duplicate(value: Term, times: Term) -> Term:
    need(is_integer(times, 0))
    return source("duplicate", value, times)


@stream.function("cycle", 1)
def cycle(enumerable: Term) -> Term:
    if enumerable == []:
        raise argument_error("cannot cycle over an empty enumerable")
    return source("cycle", enumerable)


@stream.function("resource", 3)
def resource(start: Term, fun: Term, after: Term) -> Term:
    need_fun(start, 0)
    return source("resource", start, fun, after)


@stream.function("interval", 1)
def interval(milliseconds: Term) -> Term:
    need(is_integer(milliseconds, 0))
    return source("interval", milliseconds, False)


@stream.function("timer", 1)
def timer(milliseconds: Term) -> Term:
    need(is_integer(milliseconds, 0))
    return source("interval", milliseconds, True)


@stream.function("zip", 1)
def zip_(enumerables: Term) -> Term:
    return source("zip", enumerables, ())


@stream.function("zip", 2)
def zip_two(left: Term, right: Term) -> Term:
    return source("zip", [left, right], ())


@stream.function("zip_with", 2)
def zip_with(enumerables: Term, fun: Term) -> Term:
    need_fun(fun, 1)
    return source("zip", enumerables, (fun, False))


@stream.function("zip_with", 3)
def zip_two_with(left: Term, right: Term, fun: Term) -> Term:
    need_fun(fun, 2)
    return source("zip", [left, right], (fun, True))


@stream.function("run", 1)
def run(enumerable: Term) -> Steps:
    return (yield from guarded(opened(enumerable), _run))


def _run(pulled: Source) -> Steps:
    while (yield from pulled.next()) is not END:
        pass
    return OK
