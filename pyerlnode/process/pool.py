"""Threads for what must not run on the event loop: a bounded number, first come first served.

Who is in the queue, who runs where and which thread is free is only looked at and
changed on the loop, so none of it needs a lock: a thread takes one job at a time from
its own inbox and posts the result back.

A thread cannot be ended from outside.  One whose result nobody wants any more is left to
itself and its place given to another; when it comes back it ends.  A `Runner` that can be
stopped (a worker process, which is killed) keeps its place.

The threads are daemons: one that never comes back does not keep the program from ending.

Proof: tests/process/test_blocking.py, tests/process/test_in_process.py.
"""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

from pyerlnode.errors import ConfigError, UsageError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from contextvars import Context


# How long `close` waits for a thread whose runner was stopped, in seconds.
JOIN_TIME = 2.0


class Job(Protocol):
    """One piece of work."""

    def run(self, runner: Any) -> Any:
        """Do it; called in the thread."""

    def finished(self, value: Any, error: BaseException | None) -> None:
        """What `run` returned, or raised; called on the loop."""


class Runner(Protocol):
    """What a thread of the pool has of its own."""

    def stop(self) -> bool:
        """Let the job that runs come to its end now; False if that cannot be done.  Called on the loop."""

    def close(self) -> None:
        """The thread will have no more jobs; called in the thread."""


class Pool:
    """At most `size` threads, made when they are needed; the jobs beyond wait in order."""

    __slots__ = (
        "_closed",
        "_context",
        "_free",
        "_loop",
        "_made",
        "_make",
        "_name",
        "_running",
        "_size",
        "_threads",
        "_waiting",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: Context,
        name: str,
        size: int,
        make: Callable[[], Runner],
    ) -> None:
        self._loop = loop
        self._context = context
        self._name = name
        self._size = size
        self._make = make
        self._closed = False
        self._made = 0
        self._threads: set[_Thread] = set()
        self._free: list[_Thread] = []
        self._running: dict[Job, _Thread] = {}
        self._waiting: dict[Job, None] = {}

    @property
    def size(self) -> int:
        """How many threads there may be; more take up what waits at once, less when they are free."""
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        self._size = size
        self._hand_out()

    @property
    def waiting(self) -> int:
        """How many jobs wait for a thread."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many jobs are in a thread, without those that nobody waits for any more."""
        return len(self._running)

    def submit(self, job: Job) -> None:
        """Let `job` run, when it is its turn; UsageError after `close`."""
        if self._closed:
            raise UsageError("the node has stopped, and its threads and workers with it")
        self._waiting[job] = None
        self._hand_out()

    def has_begun(self, job: Job) -> bool:
        """Whether a thread has it."""
        return job in self._running

    def withdraw(self, job: Job) -> None:
        """Nobody wants the result of `job` any more; harmless when it is done."""
        if job in self._waiting:
            del self._waiting[job]
            return
        thread = self._running.pop(job, None)
        if thread is not None and not thread.runner.stop():
            self._threads.discard(thread)
            self._hand_out()

    def close(self) -> None:
        """End the threads that are free, and those whose runner can be stopped; wait for the latter."""
        self._closed = True
        threads, self._threads = self._threads, set()
        self._waiting.clear()
        self._free.clear()
        for thread in threads:
            thread.inbox.put(None)
        for thread in [thread for thread in threads if thread.runner.stop()]:
            thread.join(JOIN_TIME)

    def done(self, thread: _Thread, job: Job, value: Any, error: BaseException | None) -> None:
        """A thread has come back; called on the loop."""
        self._running.pop(job, None)
        if thread in self._threads and len(self._threads) <= self._size:
            self._free.append(thread)
            self._hand_out()
        else:
            self._threads.discard(thread)
            thread.inbox.put(None)
        job.finished(value, error)

    def post(self, thread: _Thread, job: Job, value: Any, error: BaseException | None) -> bool:
        """Called by a thread that comes back: whether there is still a loop to come back to."""
        try:
            self._loop.call_soon_threadsafe(self.done, thread, job, value, error, context=self._context)
        except RuntimeError:  # the loop is closed: so is everything that could want the result
            return False
        return True

    def _hand_out(self) -> None:
        while self._waiting and (self._free or len(self._threads) < self._size):
            job = next(iter(self._waiting))
            try:
                thread = self._free.pop() if self._free else self._new_thread()
            except RuntimeError as error:  # the operating system has no more threads
                if self._threads:
                    return
                del self._waiting[job]
                job.finished(None, error)
                continue
            del self._waiting[job]
            self._running[job] = thread
            thread.inbox.put(job)

    def _new_thread(self) -> _Thread:
        self._made += 1
        thread = _Thread(self, self._make(), f"{self._name}-{self._made}")
        thread.start()
        self._threads.add(thread)
        return thread


class _Thread(threading.Thread):
    """One thread: takes what is put into its inbox, ends with None."""

    def __init__(self, pool: Pool, runner: Runner, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._pool = pool
        self.runner = runner
        self.inbox: SimpleQueue[Job | None] = SimpleQueue()

    def run(self) -> None:
        while (job := self.inbox.get()) is not None:
            if not self._work(job):
                break
            del job  # it must not be kept while the thread waits for the next
        self.runner.close()

    def _work(self, job: Job) -> bool:
        value, failed = None, None
        try:
            value = job.run(self.runner)
        except BaseException as error:
            failed = error
        try:
            return self._pool.post(self, job, value, failed)
        finally:
            failed = None  # its traceback refers to this frame


class PlainThread:
    """The runner of a thread that has nothing but itself."""

    def stop(self) -> bool:
        return False

    def close(self) -> None:
        """There is nothing to give back."""


def size_from(variable: str, default: int) -> int:
    """The size that the environment says; ConfigError for what is no positive number."""
    text = os.environ.get(variable)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ConfigError(f"{variable} is a number of at least 1, not {text!r}")
    return int(text)
