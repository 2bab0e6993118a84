"""`Stream`: what is done to elements only when somebody asks for them.

A stream is `%Stream{enum: ..., funs: [...]}`.  Here `funs` are tuples, the name of a step and what
belongs to it, and a stream without a source of its own has a tuple as `enum`: terms, which can be
bound, sent and compared.  What comes from a BEAM holds its functions of compiled code, and cannot run.

Here streams are made and opened; what then runs is in stream_steps.py and stream_sources.py.

Source: stream.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.services.evaluator.stdlib.arguments import Steps, is_integer
from pyerlnode.services.evaluator.stdlib.elixir.sources import END, MAX_DEPTH, Source, guarded, opened, opener
from pyerlnode.services.evaluator.stdlib.elixir.stream_sources import SOURCES
from pyerlnode.services.evaluator.stdlib.elixir.stream_steps import STEPS
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    OK,
    STRUCT,
    alias,
    argument_error,
    badfun,
    field,
    is_struct,
    need,
    need_fun,
    plain,
    system_limit,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Callable

stream = Library("Elixir.Stream")

_ENUM, _FUNS, _ACCS, _DONE = Atom("enum"), Atom("funs"), Atom("accs"), Atom("done")


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
    maker = SOURCES.get(enum[0]) if isinstance(enum, tuple) and enum else None
    pulled = opened(enum, depth + 1) if maker is None else Source(maker(*enum[1:]))
    for fun in funs:
        made = STEPS.get(fun[0]) if isinstance(fun, tuple) and fun else None
        if made is None:
            raise badfun(fun)
        pulled = Source(made(pulled, *fun[1:]), pulled)
    return pulled


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
