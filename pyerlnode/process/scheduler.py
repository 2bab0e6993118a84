"""The run queue: who runs next, and for how long.

Whatever can run (a process with mail, a coroutine that may go on) is put into one
queue.  A run of the queue gives each of them a turn, oldest first, and hands control
back to the event loop after a few milliseconds, so that sockets and timers of the
same loop are served however busy the processes are.

There is no asyncio task and no future behind a turn: the queue is one callback of
the loop, scheduled while there is something in it.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from pyerlnode.process._fifo import Fifo
from pyerlnode.process._steps import Callback, call_in, clock
from pyerlnode.process.not_begun import NotBegun

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from contextvars import Context

logger = logging.getLogger("pyerlnode.process")

# How long one run may keep the event loop, in seconds.  A socket that is ready waits at most this long.
SLICE = 0.004
# A turn that holds the loop longer than this (seconds) is reported: everything else stood still meanwhile.
LONG_TURN = 0.25


def schedulers_online() -> int:
    """The processors that this program may use, which is how many schedulers a BEAM would have here.

    How many tasks, partitions and worker processes there are by default goes by it, though a
    single event loop runs all processes.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Runnable(Callback):
    """What may stand in the run queue."""

    __slots__ = ()

    def turn(self) -> None:
        """Run for a bounded while; append oneself to the queue again if there is more to do."""
        raise NotImplementedError

    def forgo(self) -> None:
        """Give up the very first turn, which it waits for, and end: the program is over."""


class RunQueue(Callback):
    """The queue of everything that can run, on one event loop."""

    __slots__ = (
        "_after",
        "_context",
        "_known_as",
        "_stop",
        "handed_to",
        "loop",
        "not_begun",
        "ready",
        "scheduled",
        "spare",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, context: Context) -> None:
        self.loop = loop
        # One context for all runs: without it each would copy that of whoever filled the queue.
        self._context = context
        self.ready: Fifo[Runnable] = Fifo()
        self._after: list[Callable[[], None] | Callback] = []
        # What a mailbox that is empty again held its messages in: the next one that fills takes it.
        self.spare: Fifo[Any] | None = None
        self.scheduled = False
        self._stop = 0.0
        # Coroutines that have not had their first turn, and what asyncio knows them as while it has control.
        self.not_begun = 0
        self._known_as: NotBegun | None = None
        # Who handles a message in the middle of another's turn; see `ProcessTask.hand_over`.
        self.handed_to: Runnable | None = None

    def __len__(self) -> int:
        return len(self.ready)

    def append(self, item: Runnable) -> None:
        """Give `item` a turn, after those that wait already."""
        self.ready.append(item)
        if not self.scheduled:
            self.schedule()

    def after_run(self, callback: Callable[[], None] | Callback) -> None:
        """Call `callback` before the event loop gets control back from this run, or else the next.

        A `Callback` is called back as itself.
        """
        self._after.append(callback)
        if not self.scheduled:
            self.schedule()

    def run_now(self) -> None:
        """Give turns at once, for the event loop; whoever calls it has set `scheduled` before.

        So what one read of a socket brings is answered without a further round of the loop: what it
        wakes in between waits for this run.
        """
        call_in(self._context, self)

    @property
    def is_late(self) -> bool:
        """Whether the run has lasted as long as it should."""
        return clock() >= self._stop

    def schedule(self) -> None:
        """Have the queue run, soon; to be called when something is put into `ready` and not `scheduled`."""
        self.scheduled = True
        self.loop.call_soon(self._run, context=self._context)

    def _run(self) -> None:
        self.call_back()

    def call_back(self) -> None:
        """One run."""
        ready = self.ready
        try:
            self._give_turns()
            self._call_after()
        finally:
            if self.not_begun or self._known_as is not None:
                self._show_not_begun()
            # Also after a KeyboardInterrupt out of user code: what waits must not wait for ever.
            if ready or self._after:
                self.loop.call_soon(self._run, context=self._context)
            else:
                self.scheduled = False

    def _give_turns(self) -> None:
        ready = self.ready
        now = clock()
        stop = self._stop = now + SLICE
        while ready:
            item = ready.popleft()
            item.turn()
            started = now
            now = clock()
            if now >= stop:
                if now - started > LONG_TURN:
                    # A coroutine gives of its turn to servers that it calls: `ProcessTask.hand_over`.
                    called = ", or a server that it called," if hasattr(item, "hand_over") else ""
                    logger.warning("%r%s held the event loop for %.3f s", item, called, now - started)
                break

    def _show_not_begun(self) -> None:
        """Let `asyncio.run`, which cancels what is left at its end, have something to cancel."""
        if self.not_begun and self._known_as is None:
            self._known_as = NotBegun(self)
        elif not self.not_begun and self._known_as is not None:
            self._known_as.over()
            self._known_as = None

    def _call_after(self) -> None:
        after, self._after = self._after, []
        for callback in after:
            if isinstance(callback, Callback):
                callback.call_back()
            else:
                callback()


class Home:
    """What a process uses of the `Runtime` that it is one of, all the time."""

    __slots__ = ("before_end", "queue")

    def __init__(self, queue: RunQueue) -> None:
        self.queue = queue
        # Called with each process that ends, before anybody is told: what it has not written yet goes out.
        self.before_end: Callable[[Any], object] | None = None

    def bury(self, process: Any) -> None:
        """Take a process that has just ended out of all tables, and tell those whom it concerns."""
        raise NotImplementedError


class Receiver:
    """A behaviour whose messages get to it without a call of Python's."""

    __slots__ = ()

    def message(self, message: Any) -> Any:
        """See `process.Behaviour`."""
        raise NotImplementedError
