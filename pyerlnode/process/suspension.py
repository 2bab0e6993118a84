"""What a coroutine of a process waits for, without a future: `receive`, calls, spawns.

Source: Python's data model, "Coroutines", awaitable objects.
Proof: tests/process/test_asyncio_in_processes.py.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pyerlnode.errors import UsageError
from pyerlnode.process.scheduler import Runnable

if TYPE_CHECKING:
    from collections.abc import Generator


class Resumable(Runnable):
    """What waits for a `Suspension` in a process: see `task.ProcessTask`."""

    __slots__ = ()

    def resume(self) -> None:
        """Have it look again, soon."""
        raise NotImplementedError


class Suspension:
    """Something that a coroutine waits for, without a future where it can.

    A subclass says in `ready()` whether the wait is over and calls `wake()` whenever
    that may have become true.  Awaiting it returns when `ready()` is true.
    """

    __slots__ = ("_waiter",)

    def __init__(self) -> None:
        self._waiter: Resumable | asyncio.Future[None] | None = None

    def ready(self) -> bool:
        """Whether the wait is over."""
        raise TypeError(f"{type(self).__name__} does not say when it is ready")

    def outlasts_the_run(self) -> None:
        """Called after `ProcessTask.wait_in_this_run`: the wait goes on, and the loop gets control back."""

    def wake(self) -> None:
        """Let the waiting coroutine look again."""
        waiter = self._waiter
        if isinstance(waiter, Resumable):
            waiter.resume()
        elif waiter is not None and not waiter.done():
            waiter.set_result(None)

    # An iterator and no generator: what waits in numbers must not keep a frame for it.

    def __await__(self) -> Generator[Any, None, None]:
        if self._waiter is not None:
            raise UsageError("another task of this process waits for the same thing already")
        return self  # type: ignore[return-value]  # all that `await` needs of a generator

    def __iter__(self) -> Suspension:
        return self

    def __next__(self) -> Any:
        if self.ready():
            self._waiter = None
            raise StopIteration
        task: object = asyncio.current_task()
        if isinstance(task, Resumable):
            self._waiter = task
            return self
        self._waiter = future = asyncio.get_running_loop().create_future()
        future._asyncio_future_blocking = True  # what `await future` says to the task
        return future

    def throw(self, error: BaseException) -> Any:
        """The wait is given up, as a rule by a cancellation."""
        self._waiter = None
        raise error
