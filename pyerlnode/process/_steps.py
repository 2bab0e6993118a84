"""What each turn of a process takes: contexts, steps of coroutines, the clock, pids.

`_steps.pyx` is the same by Python's C interface, which makes fewer objects for it.

Source: Python/C API Reference Manual, "Context Variables Objects", "Iterator Protocol"; for tasks
"Extending asyncio", Task lifetime support.
Proof: tests/process/test_steps.py.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from contextvars import copy_context as current_copy
from inspect import CO_COROUTINE, CO_VARARGS
from threading import get_ident as this_thread
from time import perf_counter as clock
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextvars import Context, ContextVar

    _A = TypeVar("_A")
    _B = TypeVar("_B")

__all__ = [
    "ENDED",
    "Callback",
    "call_as",
    "call_in",
    "clock",
    "context_with",
    "current_copy",
    "enter_task",
    "gives_coroutine",
    "is_a",
    "leave_task",
    "nth_pid",
    "number_of",
    "one_step",
    "run_in",
    "seen_by_collector",
    "spared_by_collector",
    "this_thread",
    "value_of",
]

# asyncio's own take what is like a task for one, as its documentation has it; their types do not say so.
enter_task: Final[Callable[[asyncio.AbstractEventLoop, Any], None]] = asyncio._enter_task
leave_task: Final[Callable[[asyncio.AbstractEventLoop, Any], None]] = asyncio._leave_task
# In the place of what a coroutine waits for: it has returned.
ENDED: Final[Any] = object()


def one_step(context: Context, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Let `coroutine` go on, in `context`: what it waits for next, or `ENDED`; raises what it raises."""
    try:
        return context.run(coroutine.send, None)
    except StopIteration:
        return ENDED


class Callback:
    """Who is called back by somebody, as itself: a bound method would be made anew each time."""

    __slots__ = ()

    def call_back(self) -> Any:
        """What it is called back for."""
        raise NotImplementedError


def call_in(context: Context, callback: Callback) -> Any:
    """`context.run(callback.call_back)`."""
    return context.run(callback.call_back)


def is_a(value: object, kind: type) -> bool:
    """`isinstance(value, kind)`, for what does not pretend to be of a class."""
    return isinstance(value, kind)


def run_in(context: Context, function: Callable[[Any], Any], argument: Any) -> Any:
    """`context.run(function, argument)`."""
    return context.run(function, argument)


def call_as(
    context: Context,
    one: ContextVar[_A],
    first: _A,
    other: ContextVar[_B],
    second: _B,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> Any:
    """`context.run(function, *arguments)`, with two variables set in it before."""
    _set(context, one, first)
    _set(context, other, second)
    return context.run(function, *arguments)


def gives_coroutine(function: Any, count: int) -> bool:
    """Whether `function` is an `async def` that can be called with `count` arguments.

    To call it runs nothing of it then, and cannot fail.  False where that is not seen at once.
    """
    if type(function) is MethodType:
        function, count = function.__func__, count + 1
    if type(function) is not FunctionType:
        return False
    code = function.__code__
    if not code.co_flags & CO_COROUTINE or code.co_kwonlyargcount:
        return False
    least = code.co_argcount - len(function.__defaults__ or ())
    return least <= count and (count <= code.co_argcount or bool(code.co_flags & CO_VARARGS))


def context_with(one: ContextVar[_A], first: _A, other: ContextVar[_B], second: _B) -> Context:
    """A copy of the context that is the current one, with two variables set in it."""
    context = copy_context()
    _set(context, one, first)
    _set(context, other, second)
    return context


def _set(context: Context, variable: ContextVar[_A], value: _A) -> None:
    if context.get(variable) is not value:
        context.run(variable.set, value)


def value_of(variable: ContextVar[_A]) -> _A | None:
    """The value of a variable now; None where it has none."""
    return variable.get(None)


def nth_pid(node: Atom, number: int, creation: int) -> Pid:
    """The pid that the process with this number has on `node`."""
    # The very number that it has in the table, as long as that fits: 32 bytes for each process.
    low = number if number <= 0xFFFFFFF else number & 0xFFFFFFF
    return Pid(node, low, number >> 28, creation)


def number_of(pid: Pid) -> int:
    """Which process of its node the pid is of."""
    return pid.id | pid.serial << 28


def spared_by_collector(waiting: object) -> None:
    """Keep what waits for its turn, with thousands of others, out of what Python's collector looks at.

    The price: with one of them in its table a `Runtime` that nobody has stopped is not collected.
    """


def seen_by_collector(begun: object) -> None:
    """Let the collector look at it; harmless if it does already."""
