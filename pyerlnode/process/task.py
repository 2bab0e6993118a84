"""Coroutines of processes: third-party tasks in asyncio's sense.

A coroutine that runs in a process is stepped by the run queue, not by an
`asyncio.Task`.  To everything else of asyncio it must look like one: `current_task()`
is its `ProcessTask` from the first step to the last, which is what `asyncio.timeout`,
`TaskGroup` and libraries such as aiohttp build on.  `all_tasks()` has it from its first wait
on, as it has the tasks that Python 3.12 calls eager: most processes that are spawned in
numbers never wait, and to be kept there would be the largest part of their price.

Two kinds of things may be awaited in it: futures, as in any task, and a
`Suspension`, which is how `receive` and calls wait without a future.

Source: Python's documentation, "Extending asyncio", Task lifetime support.
Proof: tests/process/test_asyncio_in_processes.py.
"""

from __future__ import annotations

import asyncio
from asyncio import _register_task, _unregister_task
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyerlnode.errors import UsageError
from pyerlnode.process._steps import ENDED, enter_task, leave_task, one_step
from pyerlnode.process.suspension import Resumable, Suspension

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from contextvars import Context

    from pyerlnode.process.process import Process
    from pyerlnode.process.suspended import Suspended
    from pyerlnode.term import Term

    Callback: TypeAlias = Callable[["ProcessTask"], object]

# How a coroutine has ended.
_RUNS: Final = 0
_DONE: Final = 1
_CANCELLED: Final = 2

# Turns that a coroutine gives to others in the middle of its own before it has to wait itself.
HANDED_OVER_PER_TURN = 64


def runs_in(process: Process) -> bool:
    """Whether the code that runs now is the process's own coroutine or task: it ends with the process."""
    running: object = asyncio.current_task()
    return running is not None and (running is process.task or running is process.owner)


class ProcessTask(Resumable):
    """The task of one coroutine of a process.

    It outlives its process when that is killed: the coroutine then unwinds with
    `CancelledError`, as any cancelled task does, while to all observers the process
    is dead.

    It is no `asyncio.Future`, of which a process would need little, but can be awaited and
    waited for as one.
    """

    __slots__ = (
        "__weakref__",
        "_asyncio_future_blocking",
        "_callbacks",
        "_cancel_message",
        "_cancels",
        "_context",
        "_coro",
        "_ended",
        "_exception_in",
        "_fut_waiter",
        "_known",
        "_must_cancel",
        "_queue",
        "_queued",
        "process",
        "watched",
    )

    def __init__(self, process: Process, coro: Coroutine[Any, Any, Any], context: Context) -> None:
        self.set_up(process, coro, context)

    def set_up(self, process: Process, coro: Coroutine[Any, Any, Any], context: Context) -> None:
        """What `__init__` does, for who makes it by `__new__`, which takes less time."""
        self.process = process
        self._queue = process.queue
        self._asyncio_future_blocking = False
        self._callbacks: list[tuple[Callback, Context | None]] | None = None
        self._ended = _RUNS
        self._coro = coro
        self._context = context
        # These have the names that asyncio's own tasks have: anyio and `asyncio.gather` look at them.
        self._must_cancel = False
        self._fut_waiter: Any = None
        self._cancels = 0
        self._cancel_message: Any = None
        self._exception_in: BaseException | None = None
        self._queued = False
        self._known = False  # to `asyncio.all_tasks`
        self.watched = False

    def __repr__(self) -> str:
        return f"<ProcessTask of {self.process!r}>"

    def begin(self) -> None:
        """Have the first step soon; it is a task of asyncio's from now on."""
        self._make_known()
        self.resume()

    def _make_known(self) -> None:
        self._known = True
        _register_task(self)  # type: ignore[arg-type]  # a third-party task is what it is made for

    # --- what the run queue and those who wake it call -------------------------

    def turn(self) -> None:
        """Step the coroutine once, unless a future is going to say when."""
        self._queued = False
        waits_for = self._fut_waiter
        if (waits_for is None or isinstance(waits_for, Suspension)) and self._ended == _RUNS:
            self.step()

    def resume(self) -> None:
        """Put the coroutine into the run queue, once."""
        if not self._queued:
            self._queued = True
            queue = self._queue  # `queue.append(self)`, without the call
            queue.ready.append(self)
            if not queue.scheduled:
                queue.schedule()

    def hand_over(self, to: Process, message: Term) -> bool:
        """Let `to`, if it is idle, handle a message now, in the middle of this turn; whether it did.

        For one that has not begun that is its first turn.

        Who is going to wait for `to` saves both of them the way through the run queue.  Not from
        within such a turn, so that a chain of calls needs no stack; not again and again, so that
        it starves nobody; and not for a task within the process, which is none of the run queue's.
        """
        process = self.process
        queue = self._queue
        if queue.handed_to is not None or not to.is_idle or process.suspended is not None:
            return False
        # The clock is looked at now and then only: it takes as long as a call of a function.
        if process.receives >= HANDED_OVER_PER_TURN or (process.receives & 7 == 7 and queue.is_late):
            return False
        try:
            leave_task(queue.loop, self)
        except RuntimeError:  # it is not the current one
            return False
        process.receives += 1
        queue.handed_to = to
        try:
            to.handle(message)
        finally:
            queue.handed_to = None
            enter_task(queue.loop, self)
        return True

    def wait_in_this_run(self) -> None:
        """Tell the `Suspension` that is waited for when the run is over, if it is waited for still.

        Once for all that are waited for in one run, one after the other: unless `watched`.
        """
        self.watched = True
        self._queue.after_run(self._run_is_over)

    def _run_is_over(self) -> None:
        self.watched = False
        if isinstance(self._fut_waiter, Suspension):
            self._fut_waiter.outlasts_the_run()

    def step(self) -> None:
        """Run the coroutine to its next wait, or to its end."""
        if self.process.suspended is not None:
            self._put_off(self.process.suspended)
            return
        error, self._exception_in = self._exception_in, None
        if self._must_cancel:
            self._must_cancel = False
            if not isinstance(error, asyncio.CancelledError):
                error = self._make_cancelled_error()
        self._fut_waiter = None
        loop = self._queue.loop
        enter_task(loop, self)
        try:
            if error is None:
                awaited = one_step(self._context, self._coro)
            else:
                awaited = self._context.run(self._coro.throw, error)
        except StopIteration:
            self._finish(None)
        except (KeyboardInterrupt, SystemExit) as exception:
            self._finish(exception)
            raise
        except BaseException as exception:
            self._finish(exception)
        else:
            if awaited is ENDED:
                self._finish(None)
            elif self._known and isinstance(awaited, Suspension) and not self._must_cancel:
                self._fut_waiter = awaited
            else:
                self._park(awaited)
        finally:
            error = None  # its traceback refers to this frame
            leave_task(loop, self)

    def _put_off(self, suspended: Suspended) -> None:
        """The process is suspended: this step is taken when it is not any more."""
        if not isinstance(self._fut_waiter, Suspension):
            self._fut_waiter = None  # a future that is done
        if not self._queued:
            self._queued = True
            suspended.due.append(self)

    def _park(self, awaited: Any) -> None:
        if not self._known:
            self._make_known()
        if isinstance(awaited, Suspension):
            self._fut_waiter = awaited
            if self._must_cancel:
                self.resume()
        elif awaited is None:
            # asyncio.sleep(0): tasks and callbacks of the loop get their turn, too.
            runtime = self.process.runtime
            runtime.loop.call_soon(self.step, context=runtime.context)
        elif getattr(awaited, "_asyncio_future_blocking", None) and awaited is not self:
            awaited._asyncio_future_blocking = False
            if awaited.get_loop() is not self._queue.loop:
                self._go_on_with(UsageError(f"{awaited!r} belongs to another event loop"))
                return
            awaited.add_done_callback(self._wakeup, context=self.process.runtime.context)
            self._fut_waiter = awaited
            if self._must_cancel and awaited.cancel(msg=self._cancel_message):
                self._must_cancel = False
        else:
            self._go_on_with(UsageError(f"a process cannot wait for {awaited!r}"))

    def _wakeup(self, future: asyncio.Future[Any]) -> None:
        try:
            future.result()
        except BaseException as error:
            self._exception_in = error
        self.step()

    def _go_on_with(self, error: BaseException) -> None:
        self._exception_in = error
        self.resume()

    def _make_cancelled_error(self) -> asyncio.CancelledError:
        text = self._cancel_message
        return asyncio.CancelledError() if text is None else asyncio.CancelledError(text)

    def _finish(self, error: BaseException | None) -> None:
        if self._known:
            _unregister_task(self)  # type: ignore[arg-type]
        # Another error belongs to the process; who awaits the task only learns that it is over.
        self._ended = _DONE
        if error is not None and isinstance(error, asyncio.CancelledError):
            self._ended = _CANCELLED
        if self._callbacks is not None:
            callbacks, self._callbacks = self._callbacks, None
            for callback, context in callbacks:
                self._queue.loop.call_soon(callback, self, context=context)
        self.process.coroutine_ended(self, error)

    # --- asyncio.Future's interface -------------------------------------------

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it runs on."""
        return self._queue.loop

    def done(self) -> bool:
        """Whether the coroutine has ended."""
        return self._ended != _RUNS

    def cancelled(self) -> bool:
        """Whether it has ended by being cancelled."""
        return self._ended == _CANCELLED

    def result(self) -> None:
        """None; raises CancelledError if it was cancelled, InvalidStateError if it has not ended."""
        if self._ended == _RUNS:
            raise asyncio.InvalidStateError(f"{self!r} has not ended")
        if self._ended == _CANCELLED:
            raise asyncio.CancelledError

    def exception(self) -> None:
        """None; raises as `result`: what the coroutine raised belongs to its process."""
        self.result()

    def add_done_callback(self, callback: Callback, *, context: Context | None = None) -> None:
        """Call `callback` with this task, soon after it has ended."""
        if context is None:
            context = copy_context()
        if self._ended != _RUNS:
            self._queue.loop.call_soon(callback, self, context=context)
        else:
            self._callbacks = [*(self._callbacks or ()), (callback, context)]

    def remove_done_callback(self, callback: Callback) -> int:
        """Take callbacks back; how many there were."""
        before = self._callbacks or []
        self._callbacks = [each for each in before if each[0] != callback]
        return len(before) - len(self._callbacks)

    def __await__(self) -> Generator[Any, None, None]:
        if self._ended == _RUNS:
            self._asyncio_future_blocking = True
            yield self
        self.result()

    __iter__ = __await__

    # --- asyncio.Task's interface ---------------------------------------------

    def cancel(self, msg: Any | None = None) -> bool:
        """Ask the coroutine to stop: it gets `CancelledError` where it waits."""
        if self._ended != _RUNS:
            return False
        self._cancels += 1
        waits_for = self._fut_waiter
        if isinstance(waits_for, Suspension):
            self.resume()
        elif waits_for is not None and waits_for.cancel(msg=msg):
            return True
        # Else it runs, stands in the run queue, or is woken by a future that is done.
        self._must_cancel = True
        self._cancel_message = msg
        return True

    def cancelling(self) -> int:
        """How many cancel requests are open."""
        return self._cancels

    def uncancel(self) -> int:
        """Take one cancel request back; the number that is left."""
        if self._cancels > 0:
            self._cancels -= 1
            # Python 3.13 clears it too: a request that was taken back must not fire later.
            if self._cancels == 0:
                self._must_cancel = False
        return self._cancels

    def get_coro(self) -> Coroutine[Any, Any, Any]:
        """The coroutine."""
        return self._coro

    def get_context(self) -> Context:
        """The context that the coroutine runs in."""
        return self._context

    def get_name(self) -> str:
        """The process, as text."""
        return repr(self.process)

    def set_name(self, value: object) -> None:
        """Refused: a process is named by `register`."""
        raise UsageError("a process gets its name by register(name, pid)")

    def get_stack(self, *, limit: int | None = None) -> list[Any]:
        """The frame where the coroutine waits, innermost last."""
        frames = []
        coro: Any = self._coro
        while coro is not None and getattr(coro, "cr_frame", None) is not None:
            frames.append(coro.cr_frame)
            coro = coro.cr_await
        return frames if limit is None else frames[-limit:]
