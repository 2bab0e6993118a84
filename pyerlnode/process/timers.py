"""Timers that send a message, after the manner of `erlang:send_after`.

Times are seconds here; on a BEAM they are milliseconds.  A timer to a pid dies with
the process, one to a name looks the name up when it fires.

Source: erlang:send_after/3, start_timer/3, cancel_timer/1, read_timer/1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyerlnode.errors import BadArg
from pyerlnode.term import Pid, Reference, Term

if TYPE_CHECKING:
    import asyncio

    from pyerlnode.process.process import Process
    from pyerlnode.process.runtime import Runtime

# 2^32 - 1 ms, the most that a BEAM takes.
MAX_DELAY = 4294967.295


class _Timer(NamedTuple):
    handle: asyncio.TimerHandle
    process: Process | None  # of a timer to a pid


class Timers:
    """The timers of one runtime, by reference."""

    __slots__ = ("_runtime", "_timers")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._timers: dict[Reference, _Timer] = {}

    def __len__(self) -> int:
        return len(self._timers)

    def start(self, ref: Reference, delay: float, to: Pid | str, message: Term) -> None:
        """Send `message` in `delay` seconds; BadArg for another node's pid or an impossible time."""
        if isinstance(delay, bool) or not isinstance(delay, (int, float)) or not 0 <= delay <= MAX_DELAY:
            raise BadArg(f"a timer runs for 0 to {MAX_DELAY} seconds, not {delay!r}")
        process = None
        if isinstance(to, Pid):
            if not self._runtime.is_local(to):
                raise BadArg("a timer can only send to a process of its own node")
            process = self._runtime.process(to)
            if process is None:
                return
            if process.timers is None:
                process.timers = set()
            process.timers.add(ref)
        elif not isinstance(to, str):
            raise BadArg(f"a timer sends to a pid or a name, not to {to!r}")
        handle = self._runtime.call_later(delay, self._fire, ref, to, message)
        self._timers[ref] = _Timer(handle, process)

    def cancel(self, ref: Reference) -> float | None:
        """Stop a timer; the seconds that were left, None if it is not running."""
        timer = self._forget(ref)
        if timer is None:
            return None
        timer.handle.cancel()
        return self._left(timer)

    def read(self, ref: Reference) -> float | None:
        """The seconds that are left, None if it is not running."""
        timer = self._timers.get(ref)
        return None if timer is None else self._left(timer)

    def process_ended(self, process: Process) -> None:
        """Stop all timers to a process."""
        for ref in process.timers or ():
            timer = self._timers.pop(ref, None)
            if timer is not None:
                timer.handle.cancel()

    def cancel_all(self) -> None:
        """Stop every timer."""
        for timer in self._timers.values():
            timer.handle.cancel()
        self._timers.clear()

    def _left(self, timer: _Timer) -> float:
        return max(0.0, timer.handle.when() - self._runtime.loop.time())

    def _forget(self, ref: Reference) -> _Timer | None:
        timer = self._timers.pop(ref, None)
        if timer is not None and timer.process is not None and timer.process.timers is not None:
            timer.process.timers.discard(ref)
        return timer

    def _fire(self, ref: Reference, to: Pid | str, message: Term) -> None:
        self._forget(ref)
        process = self._runtime.process(to) if isinstance(to, Pid) else self._runtime.names.get(to)
        if process is not None:
            process.deliver(message)
