"""The time limit that nearly all requests have: one timer of the event loop for all of them.

A call waits for five seconds at most, unless told otherwise, and is answered long before: a
timer of its own, made and taken back, takes ten times as long as to stand here.

Proof: tests/process/test_deadlines.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from pyerlnode.process.request import Request
    from pyerlnode.process.runtime import Runtime

# Seconds that a call waits if nobody says how long; `CALL_TIMEOUT` of otp/client.py.
USUAL = 5.0
# A timer of the loop may fire that much too early, in seconds: its clock has milliseconds.
_EARLY = 0.001


class Deadlines:
    """Requests of one runtime that wait equally long, oldest first."""

    __slots__ = ("_runtime", "_timer", "_waiting")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: dict[Request, float] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, request: Request, deadline: float) -> None:
        """Let `request` be over at `deadline`, of the loop's clock: later than those that are here."""
        self._waiting[request] = deadline
        if self._timer is None:
            self._arm(deadline)

    def drop(self, request: Request) -> None:
        """It is over already; the timer stays, and finds nothing."""
        self._waiting.pop(request, None)

    def close(self) -> None:
        """The runtime is stopped; a task that is no process of it may wait still."""
        if self._timer is not None and not self._waiting:
            self._timer.cancel()
            self._timer = None

    def _arm(self, deadline: float) -> None:
        self._timer = self._runtime.loop.call_at(deadline, self._look, context=self._runtime.context)

    def _look(self) -> None:
        self._timer = None
        now = self._runtime.loop.time() + _EARLY
        over = []
        for request, deadline in self._waiting.items():
            if deadline > now:
                self._arm(deadline)
                break
            over.append(request)
        for request in over:
            request.time_out()
