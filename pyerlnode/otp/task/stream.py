"""Tasks over an iterable: some at a time, their results as an async iterator.

A process of its own, the monitor, starts the tasks, watches their time and gets their
answers, so nothing of them comes to the mailbox of the consumer.  It is linked to the
consumer: it ends with it, and takes the tasks along that it is linked to.

    consumer   _Stream     takes values, hands out results, in order if wanted
    monitor    _Monitor    job -> task -> ("ok", value), ("down", reason) or ("timed_out", reason)

Source: stream and stream_monitor in task/supervised.ex of Elixir (1.18).
Proof: tests/otp/test_task_stream.py, interop/test_tasks.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pyerlnode.errors import BadArg, CallTimeout, Exit
from pyerlnode.otp.gen import milliseconds
from pyerlnode.otp.results import check_timeout
from pyerlnode.otp.task.supervised import TASK_SUPERVISED, Owner, callers_of, owner_of
from pyerlnode.process import Suspension, cancel_timer, exit, monitor, send_after, this_process, unlink
from pyerlnode.process.links import Links
from pyerlnode.process.monitors import DOWN, Monitors, Watch
from pyerlnode.process.process import EXIT, KILL, NORMAL
from pyerlnode.process.scheduler import schedulers_online
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from pyerlnode.otp.task.work import Work
    from pyerlnode.process import Process

__all__ = ["StreamOptions", "stream"]

# ("ok", value), ("exit", reason) or ("exit", (input, reason)).
Result: TypeAlias = tuple[Atom, Any]
# Starts a task that waits for its work, in the monitor; with True it is linked to the monitor.
Begin: TypeAlias = "Callable[[Process, Owner], Awaitable[tuple[Pid, bool]]]"

_OK, _EXIT_RESULT, _TIMEOUT, _STREAM = Atom("ok"), Atom("exit"), Atom("timeout"), Atom("stream")
_NOTHING: Any = object()
_STOP: Any = object()


@dataclass(frozen=True)
class StreamOptions:
    """How a stream goes about it; `timeout` in seconds, for each task.  BadArg for what does not fit."""

    max_concurrency: int | None = None
    ordered: bool = True
    timeout: float | None = 5.0
    on_timeout: str = "exit"
    zip_input_on_exit: bool = False

    def __post_init__(self) -> None:
        most = self.max_concurrency
        if most is not None and (type(most) is not int or most < 1):
            raise BadArg(f"max_concurrency: an integer from 1 on is wanted, not {most!r}")
        check_timeout(self.timeout)
        if self.on_timeout not in ("exit", "kill_task"):
            raise BadArg(f"on_timeout: exit or kill_task is wanted, not {self.on_timeout!r}")

    @property
    def most(self) -> int:
        """How many tasks run at the same time: as many as there are processors, unless told otherwise."""
        return self.max_concurrency or schedulers_online()


async def stream(
    source: Iterable[Any] | AsyncIterable[Any], work: Work, options: StreamOptions, begin: Begin
) -> AsyncGenerator[Result, None]:
    """Do `work` on each value of `source`, in a task of its own; the results.

    However the iteration ends, no task is left running after it.
    """
    process = this_process()
    process.check_may_wait("a stream of tasks")
    values = _values(source)
    running = _Stream(process, work, options, begin)
    try:
        while await running.fill(values):
            for result in await running.results():
                yield result
    finally:
        await running.close()


async def _values(source: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(source, AsyncIterable):
        async for value in source:
            yield value
        return
    try:
        values = iter(source)
    except TypeError:
        raise BadArg(f"a stream of tasks is of something iterable, not of {source!r}") from None
    for value in values:
        yield value


# --- what the two sides tell each other -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Job:
    position: int
    work: Work


@dataclass(frozen=True, slots=True)
class _Arrival:
    """What came of a task: `ok` and its value, `down` or `timed_out`, `failed` and what its start raised."""

    position: int
    kind: str
    value: Any


class _Arrivals(Suspension):
    """What the consumer waits on: an arrival, or the end of the monitor."""

    __slots__ = ("_closing", "_queue", "ended")

    def __init__(self) -> None:
        super().__init__()
        self._queue: deque[_Arrival] = deque()
        self._closing = False
        self.ended: Term = _NOTHING  # why the monitor, or the consumer itself, has ended

    def ready(self) -> bool:
        return self.ended is not _NOTHING or (bool(self._queue) and not self._closing)

    def put(self, arrival: _Arrival) -> None:
        self._queue.append(arrival)
        self.wake()

    def down(self, reason: Term) -> None:
        self.ended = reason
        self.wake()

    async def next(self) -> _Arrival | None:
        """The next one; None when the monitor has ended."""
        if not self._queue:
            await self
        return self._queue.popleft() if self._queue else None

    async def end(self) -> None:
        """Wait until the monitor has ended."""
        self._closing = True
        if self.ended is _NOTHING:
            await self


# --- the consumer ---------------------------------------------------------------------------


class _Stream:
    """The consumer's side."""

    def __init__(self, process: Process, work: Work, options: StreamOptions, begin: Begin) -> None:
        self._process = process
        self._work = work
        self._options = options
        self._free = options.most
        self._spawned = self._delivered = 0
        self._exhausted = False
        self._inputs: dict[int, Any] = {}  # only what results may be zipped with
        self._waiting: dict[int, Result] = {}  # those before them have not come yet
        self._arrivals = _Arrivals()
        self._monitor = _Monitor(process, options, begin, self._arrivals).start()

    async def fill(self, values: AsyncIterator[Any]) -> bool:
        """Start as many tasks as may run; whether a result is still to come."""
        while self._free and not self._exhausted:
            value = await anext(values, _NOTHING)
            if value is _NOTHING:
                self._exhausted = True
            else:
                self._spawn(value)
        return self._delivered < self._spawned

    def _spawn(self, value: Any) -> None:
        if self._options.zip_input_on_exit:
            self._inputs[self._spawned] = value
        job: Any = _Job(self._spawned, self._work.on(value))
        self._process.runtime.send(self._monitor, job, self._process)
        self._spawned += 1
        self._free -= 1

    async def results(self) -> list[Result]:
        """Wait until another task has ended; what can be handed out then."""
        arrival = await self._arrivals.next()
        if arrival is None:
            raise Exit((self._arrivals.ended, self._call()))
        self._free += 1
        result = self._result(arrival)
        if not self._options.ordered:
            self._delivered += 1
            return [result]
        self._waiting[arrival.position] = result
        ready = []
        while self._delivered in self._waiting:
            ready.append(self._waiting.pop(self._delivered))
            self._delivered += 1
        return ready

    def _result(self, arrival: _Arrival) -> Result:
        value = self._inputs.pop(arrival.position, None)
        if arrival.kind == "ok":
            return (_OK, arrival.value)
        if arrival.kind == "failed":
            raise arrival.value
        reason = arrival.value
        if arrival.kind == "timed_out":
            if self._options.on_timeout == "exit":
                raise CallTimeout((_TIMEOUT, self._call()))
            reason = _TIMEOUT
        return (_EXIT_RESULT, (value, reason) if self._options.zip_input_on_exit else reason)

    def _call(self) -> Term:
        """As it stands in exit reasons."""
        return (TASK_SUPERVISED, _STREAM, [milliseconds(self._options.timeout)])

    async def close(self) -> None:
        """End the tasks that still run, wait for that, and leave nothing in the mailbox."""
        if self._arrivals.ended is _NOTHING:
            self._process.runtime.send(self._monitor, _STOP, self._process)
            await self._arrivals.end()
        if self._process.mailbox is not None:
            self._process.mailbox.remove(lambda message: _is_exit(message, self._monitor))


def _is_exit(message: Term, pid: Pid) -> bool:
    return type(message) is tuple and len(message) == 3 and message[0] is EXIT and message[1] == pid


# --- the monitor ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Running:
    position: int
    pid: Pid
    linked: bool
    timer: Reference | None
    reply: Any = _NOTHING
    timed_out: bool = False


class _Monitor:
    """The monitor's side."""

    def __init__(self, consumer: Process, options: StreamOptions, begin: Begin, arrivals: _Arrivals) -> None:
        self._consumer = consumer
        self._owner = owner_of(consumer)
        self._callers = callers_of(consumer)
        self._timeout = options.timeout
        self._begin = begin
        self._arrivals = arrivals
        self._running: dict[Reference, _Running] = {}

    def start(self) -> Pid:
        """Its process: it runs as long as the stream does."""
        consumer = self._consumer
        consumer.check_alive()
        process = consumer.runtime.spawn(self._run(), consumer)
        # A consumer that survives the crash of a linked task wants to go on with the others.
        process.trap_exit = consumer.trap_exit
        Links.of(consumer).link(process.pid)
        watch = Watch(process.pid, DOWN, None, self._arrivals)
        Monitors.of(consumer).watch(consumer.runtime.make_ref(), watch)
        return process.pid

    async def _run(self) -> None:
        process = this_process()
        consumer = monitor(self._consumer.pid)
        while True:
            message: Any = await process.receive(None, None)
            if message is _STOP:
                return await self._stop(process)
            if isinstance(message, _Job):
                await self._start(process, message)
            elif type(message) is tuple and len(message) == 5 and message[1] == consumer:
                self._orphaned(message[4])
            elif type(message) is tuple:
                self._handle(message)

    async def _start(self, process: Process, job: _Job) -> None:
        try:
            pid, linked = await self._begin(process, self._owner)
        except Exception as error:
            self._arrivals.put(_Arrival(job.position, "failed", error))
            return
        ref = monitor(pid, alias="demonitor")
        timer = None
        if self._timeout is not None:
            timer = send_after(self._timeout, process.pid, (_TIMEOUT, ref))
        self._running[ref] = _Running(job.position, pid, linked, timer)
        work = job.work.for_supervisor(process.runtime.is_local(pid))
        process.runtime.send(pid, (self._owner[2], ref, ref, self._callers, work), process)

    def _handle(self, message: tuple[Any, ...]) -> None:
        match message:
            case (Reference() as ref, reply) if ref in self._running:
                self._running[ref].reply = reply
            case ("DOWN", Reference() as ref, _, _, reason) if ref in self._running:
                self._ended(self._running.pop(ref), reason)
            case ("timeout", Reference() as ref) if ref in self._running:
                self._time_out(self._running[ref])

    def _ended(self, task: _Running, reason: Term) -> None:
        if task.timer is not None:
            cancel_timer(task.timer)
        if task.reply is not _NOTHING:
            self._arrivals.put(_Arrival(task.position, "ok", task.reply))
        else:
            kind = "timed_out" if task.timed_out else "down"
            self._arrivals.put(_Arrival(task.position, kind, reason))

    @staticmethod
    def _time_out(task: _Running) -> None:
        task.timed_out = True
        unlink(task.pid)
        exit(task.pid, KILL)

    def _orphaned(self, reason: Term) -> None:
        """The consumer has ended: so do the tasks that are linked to it by way of this process."""
        for task in self._running.values():
            if task.linked:
                exit(task.pid, reason)
        raise Exit(reason)

    async def _stop(self, process: Process) -> None:
        process.trap_exit = True
        for task in self._running.values():
            exit(task.pid, KILL)
        while self._running:
            message: Any = await process.receive(None, None)
            # Only a reference is looked up: hashing what a stranger sends may go too deep.
            if type(message) is not tuple or len(message) != 5 or message[0] is not DOWN:
                continue
            if type(message[1]) is Reference:
                self._running.pop(message[1], None)
        raise Exit(NORMAL)
