"""What can be enumerated, one element at a time: lists, maps, ranges, sets, streams and functions.

A source is a generator that yields `Item(x)` for each element and, in between, requests to
the machine; `next` gives the elements and passes the requests on.  A stream may be
endless: nothing is asked for before it is wanted, and whoever stops early closes.

    source = yield from opened(enumerable)
    while (x := (yield from source.next())) is not END:
        ...

Source: enum.ex, stream.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, Final, TypeAlias

from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.services.evaluator.limits import check_length
from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib import exact, registry
from pyerlnode.services.evaluator.stdlib.arguments import Steps, function_clause, is_function
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    closure,
    field,
    plain,
    struct_name,
    system_limit,
    undefined_protocol,
)
from pyerlnode.term import Atom, ImproperList, Term

END: Final[Any] = object()
MAX_DEPTH: Final = 60

_CONT, _HALT, _SUSPEND, _SUSPENDED = Atom("cont"), Atom("halt"), Atom("suspend"), Atom("suspended")
# How many elements of what is no list pass before the machine may let others run.
_TURN = 256
_RAISED = (ErlangError, Exit, Throw)

Pulling: TypeAlias = Generator[Any, Any, None]


class Item:
    """An element, among the requests that a source yields."""

    __slots__ = ("value",)

    def __init__(self, value: Term) -> None:
        self.value = value


class Halted(Exception):
    """Thrown into a source that is not wanted any more."""


class Source:
    """Elements on demand, from a generator and the sources that it reads."""

    __slots__ = ("_inner", "_over", "_steps")

    def __init__(self, steps: Pulling, *inner: Source) -> None:
        self._steps = steps
        self._inner = inner
        self._over = False

    def next(self) -> Steps:
        """The next element, or END."""
        if self._over:
            return END
        value: Any = None
        error: Exception | None = None
        while True:
            try:
                request = self._steps.send(value) if error is None else self._steps.throw(error)
            except StopIteration:
                yield from self.close()
                return END
            if type(request) is Item:
                return request.value
            value, error = None, None
            try:
                value = yield request
            except _RAISED as raised:
                error = raised

    def close(self) -> Steps:
        """Let it, and what it reads, end what they have begun; harmless when they are at their end."""
        if self._over:
            return None
        self._over = True
        yield from _halted(self._steps)
        for source in self._inner:
            yield from source.close()
        return None


def _halted(steps: Pulling) -> Steps:
    """Run what a source does at its end."""
    if steps.gi_frame is None:  # type: ignore[attr-defined]  # it is a generator
        return None
    try:
        request = steps.throw(Halted())
        while True:
            request = steps.send((yield request))
    except (StopIteration, Halted):
        return None


def guarded(source: Source, steps: Callable[[Source], Steps]) -> Steps:
    """What `steps` makes of the source, which is closed then, whatever happens."""
    try:
        value = yield from steps(source)
    except _RAISED:
        yield from source.close()
        raise
    yield from source.close()
    return value


# --- opening ------------------------------------------------------------------------------


def opened(enumerable: Term, depth: int = 0) -> Source:
    """The source of anything that is enumerable; `Protocol.UndefinedError` for other terms."""
    if depth > MAX_DEPTH:
        raise system_limit()
    finite = _at_hand(plain(enumerable))
    return Source(_ready(finite)) if finite is not None else _opened_lazily(plain(enumerable), depth)


def _at_hand(enumerable: Term) -> Iterable[Term] | None:
    """The elements of what holds them."""
    if isinstance(enumerable, list):
        return enumerable
    if not exact.is_map(enumerable):
        return None
    name = struct_name(enumerable)
    if name is None:
        return exact.items(enumerable)
    return [key for key, _ in exact.items(field(enumerable, "map"))] if name == "Elixir.MapSet" else None


def _ready(items: Iterable[Term]) -> Pulling:
    for item in items:
        yield Item(item)


def _opened_lazily(enumerable: Term, depth: int) -> Source:
    numbers = as_range(enumerable)
    if numbers is not None:
        return Source(paced(numbers))
    name = str(struct_name(enumerable))
    registry.need(_OPENED_BY.get(name, name))
    if name in _openers:
        return _openers[name](enumerable, depth)
    if is_function(enumerable, 2):
        return Source(_of_function(enumerable))
    if isinstance(enumerable, ImproperList):
        return Source(_improper(enumerable))
    raise undefined_protocol("Enumerable", enumerable)


# The module that opens a struct, where it is not the struct's own.
_OPENED_BY: Final = {"Elixir.IO.Stream": "Elixir.IO"}
# Filled by the modules whose structs are enumerable.
_openers: dict[str, Callable[[Term, int], Source]] = {}


def opener(module: str) -> Callable[[Callable[[Term, int], Source]], Callable[[Term, int], Source]]:
    """Say how the structs of a module are opened."""

    def take(call: Callable[[Term, int], Source]) -> Callable[[Term, int], Source]:
        _openers[f"Elixir.{module}"] = call
        return call

    return take


def paced(items: Iterable[Term]) -> Pulling:
    """Elements that are made on the way: others get their turn in between."""
    for count, item in enumerate(items, 1):
        if count % _TURN == 0:
            yield Remote("Elixir.Function", "identity", (None,))
        yield Item(item)


def _improper(items: ImproperList) -> Pulling:
    yield from _ready(items.elements)
    raise function_clause()


def _of_function(fun: Term) -> Pulling:
    """A function of the reducing protocol, stopped at each element."""
    suspend = closure("Elixir.Enumerable", "-suspend-", 2)
    result = yield Call(fun, ((_SUSPEND, None), suspend))
    first = True
    while isinstance(result, tuple) and len(result) == 3 and result[0] is _SUSPENDED:
        try:
            if not first:
                yield Item(result[1])
        except Halted:
            yield Call(result[2], ((_HALT, None),))
            raise
        first = False
        result = yield Call(result[2], ((_CONT, None),))


# --- ranges -------------------------------------------------------------------------------------


def as_range(term: Term) -> range | None:
    """The numbers of a `Range`; those of old, without a step, too."""
    if struct_name(term) != "Elixir.Range":
        return None
    first, last, step = field(term, "first"), field(term, "last"), field(term, "step")
    if step is None:
        step = 1 if first <= last else -1
    return range(first, last + (1 if step > 0 else -1), step)


# --- everything ---------------------------------------------------------------------------------


def items_of(enumerable: Term) -> Steps:
    """All elements, as a list."""
    enumerable = plain(enumerable)
    if isinstance(enumerable, list):
        return enumerable
    finite = _at_hand(enumerable)
    if finite is not None:
        return list(finite)
    numbers = as_range(enumerable)
    if numbers is not None:
        check_length(_size(numbers))
        return list(numbers)
    return (yield from guarded(opened(enumerable), _all))


def _size(numbers: range) -> int:
    """How many there are; `len` fails beyond a machine word."""
    return max(
        0, (numbers.stop - numbers.start + numbers.step - (1 if numbers.step > 0 else -1)) // numbers.step
    )


def size_of(numbers: range) -> int:
    """How many numbers a range has, of any size."""
    return _size(numbers)


def _all(source: Source) -> Steps:
    out: list[Term] = []
    while (item := (yield from source.next())) is not END:
        out.append(item)
        if len(out) % _TURN == 0:
            check_length(len(out))
    return out
