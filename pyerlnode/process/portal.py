"""From another thread to the event loop: what a process's functions do when they are called there.

Everything that a process does happens on the loop.  `this_process` raises `OtherThread`
in the thread of a `@blocking` function (and in `asyncio.to_thread`); the functions that
do not wait are then called on the loop, one after the other, while the thread waits for
what they return.

    send(pid, message)                 in a thread as anywhere else
    wait(GenServer.call(pid, request)) in the place of `await`

Proof: tests/process/test_blocking.py.
"""

from __future__ import annotations

import asyncio
import inspect
from concurrent.futures import Future
from contextvars import ContextVar, copy_context
from functools import wraps
from threading import get_ident
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

from pyerlnode.errors import Abandoned, UsageError
from pyerlnode.process.scheduler import Runnable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyerlnode.process.process import Process

__all__ = ["OtherThread", "Work", "current_work", "forwarded", "wait"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Work(Protocol):
    """What runs in the thread, as this module sees it: who can await something for it."""

    abandoned: bool
    answers: set[Future[Any]]  # what the thread waits for

    def post(self, function: Callable[..., Any], args: tuple[Any, ...], answer: Future[Any]) -> None:
        """Call `function` in the coroutine that waits for the work; called on the loop."""


# The work that the code which runs now is part of.
current_work: ContextVar[Work | None] = ContextVar("pyerlnode work", default=None)


class OtherThread(UsageError):
    """This is not the thread of the event loop that `process` is of."""

    def __init__(self, process: Process) -> None:
        super().__init__("this has to be done on the event loop; in a thread write wait(function, *args)")
        self.process = process

    def call(self, function: Callable[..., _R], *args: Any, **kwargs: Any) -> _R:
        """Call `function` on the loop, in a copy of this context; what it returns or raises."""
        answer: Future[_R] = Future()
        context = copy_context()
        context.run(current_work.set, None)
        work = current_work.get()
        step = _Step(self.process, work, function, args, kwargs, answer)
        return _asked(self.process, work, answer, context.run, step)


class _Step(Runnable):
    """One call that a thread has asked for; run on the loop."""

    __slots__ = ("_answer", "_call", "_process", "_value", "_work")

    def __init__(
        self,
        process: Process,
        work: Work | None,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        answer: Future[Any],
    ) -> None:
        self._process = process
        self._work = work
        self._call = function, args, kwargs
        self._answer = answer
        self._value: Any = None

    def __call__(self) -> None:
        if self._answer.done():
            return
        function, args, kwargs = self._call
        try:
            check_wanted(self._process, self._work)
            value = function(*args, **kwargs)
        except BaseException as error:
            settle(self._answer, None, error)
        else:
            self._value = value
            if self._process.suspended is None:
                self.turn()
            else:
                # It has sent more than the other node takes: here the thread can wait for that.
                self._process.suspended.due.append(self)

    def turn(self) -> None:
        """Let the thread go on."""
        settle(self._answer, self._value, None)


def settle(answer: Future[Any], value: Any, error: BaseException | None) -> None:
    """Give the thread its answer, unless it has one."""
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(value)


def check_wanted(process: Process, work: Work | None) -> None:
    """Abandoned if the process has ended, or nobody waits for the work any more."""
    if not process.alive or (work is not None and work.abandoned):
        raise abandoned(process)


def abandoned(process: Process) -> Abandoned:
    """What a thread gets when it goes on all the same."""
    return Abandoned(f"nobody waits any more for what this thread does for {process!r}")


def _asked(
    process: Process, work: Work | None, answer: Future[_R], step: Callable[..., Any], *args: Any
) -> _R:
    """Have `step` called on the loop; wait for the answer that it gives."""
    if work is not None:
        work.answers.add(answer)  # before the look at `abandoned`: else both could miss each other
    try:
        check_wanted(process, work)
        try:
            process.runtime.loop.call_soon_threadsafe(step, *args, context=process.runtime.context)
        except RuntimeError as closed:
            raise Abandoned("the event loop is closed") from closed
        return answer.result()
    finally:
        if work is not None:
            work.answers.discard(answer)


def forwarded(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A function of a process that does not wait: in another thread it is called on the loop."""

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except OtherThread as here:
            return here.call(function, *args, **kwargs)

    return call


@overload
def wait(what: Awaitable[_R], /) -> _R: ...
@overload
def wait(what: Callable[..., Awaitable[_R]], /, *args: Any) -> _R: ...
@overload
def wait(what: Callable[..., _R], /, *args: Any) -> _R: ...
def wait(what: Any, /, *args: Any) -> Any:
    """What `await` is in an `async def`: for the body of a `@blocking` function, which runs in a thread.

    `wait(GenServer.call(pid, request))`, `wait(receive, None, 5.0)`: a function is called on
    the event loop, and what it returns awaited, as the process itself.  UsageError on the
    loop, where it would stop everything, and outside of processes.
    """
    from pyerlnode.process.process import current_process

    process = current_process.get()
    if process is None or process.runtime.thread == get_ident():
        if inspect.iscoroutine(what):
            what.close()
        raise UsageError("wait(...) is for the thread of a @blocking function; elsewhere write await")
    work = current_work.get()
    answer: Future[Any] = Future()
    function, args = (what, args) if callable(what) else (_itself, (what,))
    post = work.post if work is not None else _in_a_task
    try:
        return _asked(process, work, answer, copy_context().run, post, function, args, answer)
    finally:
        if inspect.iscoroutine(what):
            what.close()  # it has run to its end, unless it was not begun


def _itself(awaitable: Any) -> Any:
    return awaitable


async def awaited(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Call `function`, and await what it returns if that is to be awaited."""
    result = function(*args)
    return await result if inspect.isawaitable(result) else result


def _in_a_task(function: Callable[..., Any], args: tuple[Any, ...], answer: Future[Any]) -> None:
    """In a thread that `asyncio.to_thread` has started nobody but a task of its own can wait for it."""
    task = asyncio.get_running_loop().create_task(awaited(function, args))
    _tasks.add(task)

    def done(task: asyncio.Task[Any]) -> None:
        _tasks.discard(task)
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        settle(answer, None if error is not None else task.result(), error)

    task.add_done_callback(done)


# The loop alone does not keep them.
_tasks: set[asyncio.Task[Any]] = set()
