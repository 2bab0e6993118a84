"""`@blocking` and `@in_process`: work that would hold the event loop, done in a thread or a worker process.

    @on_call
    @blocking
    def resize(self, image: bytes) -> bytes: ...        # in a thread, which sees `self`

    @kate.export
    @in_process
    def predict(rows: list[Any]) -> list[Any]: ...      # in another Python process

What is marked becomes a function that returns a coroutine, so it can stand wherever an
`async def` can: callbacks, exported functions, `spawn`, and `await predict(rows)`.  The
process waits for it, its mail waits in the mailbox, and everything else goes on.

A process that ends is dead to everybody at once, whatever its work does: a thread goes on
and its result is thrown away, a worker process gets SIGKILL.  The caller of a GenServer is
monitored meanwhile: when it ends, work that has not begun is dropped and a worker process
killed, and the server goes on with the next message.  A thread cannot be ended, and may be
in the middle of changing the server's state: the server waits for it.

Proof: tests/process/test_blocking.py, tests/process/test_in_process.py,
tests/otp/test_blocking_callbacks.py, interop/test_blocking.py.
"""

from __future__ import annotations

import inspect
import logging
from collections import deque
from contextvars import copy_context
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, overload

from pyerlnode.errors import Abandoned, Exit, UsageError
from pyerlnode.process.monitors import DOWN, Monitors, Watch
from pyerlnode.process.portal import abandoned, awaited, check_wanted, current_work, settle, wait
from pyerlnode.process.process import current_process
from pyerlnode.process.runtime import this_process
from pyerlnode.process.suspension import Suspension
from pyerlnode.process.workers import BODY, Task, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

    from pyerlnode.process.pool import Pool
    from pyerlnode.process.process import Process
    from pyerlnode.term import Pid, Reference, Term

    # Whom a behaviour's callback works for, and what is raised in it when that one ends.
    Caller = tuple[Pid, BaseException]
    Asked = tuple[Callable[..., Any], tuple[Any, ...], Future[Any]]

__all__ = ["blocking", "in_process", "wait"]

logger = logging.getLogger("pyerlnode.process")

_P = ParamSpec("_P")
_R = TypeVar("_R")

_NOTHING: Final[Any] = object()


# --- the decorators -----------------------------------------------------------------


@overload
def blocking(function: Callable[_P, _R], /) -> Callable[_P, Coroutine[Any, Any, _R]]: ...
@overload
def blocking(
    *, cancel_with_caller: bool = True
) -> Callable[[Callable[_P, _R]], Callable[_P, Coroutine[Any, Any, _R]]]: ...
def blocking(function: Any = None, /, *, cancel_with_caller: bool = True) -> Any:
    """Let the `def` run in a thread.

    `self()`, `send`, `GenServer.cast`, `reply` and everything else that does not wait works
    there as anywhere; what is awaited elsewhere is given to `wait`.  With
    `cancel_with_caller=False` a call is worked on though its caller has ended.
    UsageError for what is no plain `def`.
    """
    if function is None:
        return lambda function: _blocking(function, cancel_with_caller)
    return _blocking(function, cancel_with_caller)


def _blocking(function: Callable[..., Any], cancel: bool) -> Callable[..., Coroutine[Any, Any, Any]]:
    _check_plain("blocking", function)

    @wraps(function)
    def begin(*args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        return _in_thread(function, args, kwargs, _caller() if cancel else None)

    setattr(begin, BODY, function)
    return begin


@overload
def in_process(function: Callable[_P, _R], /) -> Callable[_P, Coroutine[Any, Any, _R]]: ...
@overload
def in_process(
    *, cancel_with_caller: bool = True
) -> Callable[[Callable[_P, _R]], Callable[_P, Coroutine[Any, Any, _R]]]: ...
def in_process(function: Any = None, /, *, cancel_with_caller: bool = True) -> Any:
    """Let the `def` run in a worker process, a Python of its own that imports the function's module.

    Arguments and result are pickled.  A method works on a copy of its instance, whose
    attributes are taken over when it has returned; when it raises they are as before.
    WorkerDied when the worker ends before it has answered; UsageError for what cannot be
    pickled, and for a function that cannot be imported.
    """
    if function is None:
        return lambda function: _in_process(function, cancel_with_caller)
    return _in_process(function, cancel_with_caller)


def _in_process(function: Callable[..., Any], cancel: bool) -> Callable[..., Coroutine[Any, Any, Any]]:
    _check_plain("in_process", function)
    if "<locals>" in function.__qualname__:
        raise UsageError(
            f"@in_process: {function.__qualname__} is defined in a function and cannot be imported"
        )

    @wraps(function)
    def begin(*args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        return _in_worker(Task(begin, function, args, kwargs), _caller() if cancel else None)

    setattr(begin, BODY, function)
    return begin


def _check_plain(mark: str, function: Any) -> None:
    if not inspect.isfunction(function):
        raise UsageError(
            f"@{mark} stands directly before a def, below @staticmethod, not before {function!r}"
        )
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise UsageError(f"@{mark}: {function.__qualname__} must be a plain def, which returns its result")


def _caller() -> Caller | None:
    """For whom this is called by a behaviour; None if it is called in any other way."""
    process = current_process.get()
    if process is None or not process.inline:
        return None
    working_for: Callable[[], Caller | None] | None = getattr(process.behaviour, "working_for", None)
    return None if working_for is None else working_for()


async def _in_thread(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    caller: Caller | None,
) -> Any:
    return await ThreadWork(this_process(), caller, partial(function, *args, **kwargs)).result()


async def _in_worker(task: Task, caller: Caller | None) -> Any:
    return task.take(await WorkerWork(this_process(), caller, task).result())


# --- one piece of work -----------------------------------------------------------------


class BlockingWork(Suspension):
    """A job of a pool, and what the process waits on meanwhile."""

    __slots__ = (
        "_asked",
        "_caller",
        "_error",
        "_monitor",
        "_pool",
        "_process",
        "_value",
        "abandoned",
        "answers",
    )

    def __init__(self, process: Process, pool: Pool, caller: Caller | None) -> None:
        super().__init__()
        self._process = process
        self._pool = pool
        self._caller = caller
        self._monitor: Reference | None = None
        self._value: Any = _NOTHING
        self._error: BaseException | None = None
        self._asked: deque[Asked] = deque()
        self.abandoned = False
        self.answers: set[Future[Any]] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._process!r}>"

    def ready(self) -> bool:
        return bool(self._asked) or self._over

    @property
    def _over(self) -> bool:
        return self._value is not _NOTHING or self._error is not None

    async def result(self) -> Any:
        """Have it done and wait for it; what it returns or raises."""
        try:
            self._watch_caller()
            if not self._over:
                self._pool.submit(self)
            while not self._over:
                await self
                while self._asked:
                    await _answer(*self._asked.popleft())
        finally:
            self._end()
        try:
            if self._error is not None:
                raise self._error
            return self._value
        finally:
            self._error = None  # its traceback refers to this frame

    def _end(self) -> None:
        """However it came to an end: done, cancelled, or the caller gone."""
        if not self._over or self.abandoned:
            self._abandon()
        self._unwatch_caller()

    def _abandon(self) -> None:
        """Nobody waits for the result; what the thread waits for does not come any more."""
        self.abandoned = True
        self._pool.withdraw(self)
        for answer in list(self.answers):
            settle(answer, None, abandoned(self._process))

    def post(self, function: Callable[..., Any], args: tuple[Any, ...], answer: Future[Any]) -> None:
        """The thread wants something awaited."""
        if not self.abandoned:
            self._asked.append((function, args, answer))
            self.wake()

    def run(self, runner: Any) -> Any:
        """Do it; called in the thread."""
        raise TypeError(f"{type(self).__name__} does not say what it does")

    def finished(self, value: Any, error: BaseException | None) -> None:
        """The thread has come back."""
        if self.abandoned:
            if error is not None and not isinstance(error, (Abandoned, Exit)):
                logger.error("Error in a thread of %r after its end", self._process, exc_info=error)
        elif not self._over:
            self._value, self._error = value, error
            self.wake()

    # --- the caller -----------------------------------------------------------------

    def _watch_caller(self) -> None:
        if self._caller is None or self._caller[0] == self._process.pid:
            return
        self._monitor = self._process.runtime.make_ref()
        Monitors.of(self._process).watch(self._monitor, Watch(self._caller[0], DOWN, None, self))

    def _unwatch_caller(self) -> None:
        if self._monitor is not None and self._process.monitors is not None:
            self._process.monitors.unwatch(self._monitor)

    def down(self, reason: Term) -> None:
        """The caller has ended."""
        if self._caller is not None and not self._over and self._may_be_dropped():
            self._error = self._caller[1]
            self._abandon()
            self.wake()

    def _may_be_dropped(self) -> bool:
        """Whether it can be given up now, as if the call had never come."""
        return not self._pool.has_begun(self)


async def _answer(function: Callable[..., Any], args: tuple[Any, ...], answer: Future[Any]) -> None:
    """Await what the thread wants awaited, as the process."""
    try:
        value = await awaited(function, args)
    except Exception as error:
        settle(answer, None, error)
    else:
        settle(answer, value, None)


class ThreadWork(BlockingWork):
    """What runs in a thread of this program, in a copy of the process's context."""

    __slots__ = ("_body", "_context")

    def __init__(self, process: Process, caller: Caller | None, body: Callable[[], Any]) -> None:
        super().__init__(process, process.runtime.threads, caller)
        self._body = body
        self._context = copy_context()
        self._context.run(current_work.set, self)

    def run(self, runner: Any) -> Any:
        check_wanted(self._process, self)
        return self._context.run(self._body)


class WorkerWork(BlockingWork):
    """What a worker process does."""

    __slots__ = ("_task",)

    def __init__(self, process: Process, caller: Caller | None, task: Task) -> None:
        super().__init__(process, process.runtime.workers, caller)
        self._task = task

    def run(self, runner: Worker) -> Any:
        return runner.ask(self._task, lambda: check_wanted(self._process, self))

    def _may_be_dropped(self) -> bool:
        return True  # what it has changed is its own
