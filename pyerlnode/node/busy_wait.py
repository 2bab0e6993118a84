"""Busy waiting: look for more for a moment before the event loop sleeps.

To sleep in the system and to be woken again takes longer than to answer a call.  So, as a BEAM's
schedulers do, a node that has just answered somebody goes on looking for a while: whoever
calls it again and again, or is called by it, finds it awake.  A wait that was in vain makes the
next ones rarer: a node that hears something now and then sleeps as others do.

Source: erl +sbwt (scheduler busy wait threshold).
Proof: tests/node/test_busy_wait.py.
"""

from __future__ import annotations

import time
from contextvars import copy_context
from typing import TYPE_CHECKING, Final

from pyerlnode.node.giving_way import MOST, give_way
from pyerlnode.process.scheduler import schedulers_online

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

NONE: Final = "none"
# How long the loop looks for more, in seconds: OTP's words.
THRESHOLDS: Final = {
    NONE: 0.0,
    "very_short": 0.000_010,
    "short": 0.000_030,
    "medium": 0.000_100,
    "long": 0.000_300,
    "very_long": 0.001,
}
# Messages that one read brings of one caller, and seconds after which he may be back.  Where there is more,
# or sooner, many call: those share a sleep, for so many reads, and need the processors themselves.
FEW: Final = 4
SOON: Final = 0.000_015
_SHARED = 15


def default_threshold() -> str:
    """`medium`, or `none` where there is one processor: who waits would keep it from its peer."""
    return "medium" if schedulers_online() > 1 else NONE


class BusyWait:
    """Keeps one event loop awake for a while after each read."""

    __slots__ = (
        "_clock",
        "_context",
        "_left",
        "_loop",
        "_rest",
        "_seconds",
        "_until",
        "_waited",
        "_waiting",
        "threshold",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        threshold: str,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`threshold` is a key of THRESHOLDS, not `none`; `clock` gives seconds."""
        self._loop = loop
        self._clock = clock
        self._context = copy_context()
        self.threshold = threshold
        self._seconds = THRESHOLDS[threshold]
        self._waiting = False
        self._waited = 0.0
        self._until = 0.0
        # How many reads are to be without a wait after the next one in vain, and are left now.
        self._rest = 0
        self._left = 0

    def after_read(self, count: int) -> None:
        """So many messages came with one read and have been handled; more may follow."""
        if count > FEW or (self._waiting and self._waited < SOON):
            self._until = 0.0
            self._rest = self._left = _SHARED
        elif self._waiting:
            self._rest = 0
            self._begin()
        elif self._left:
            self._left -= 1
        else:
            self._waiting = True
            self._begin()
            self._loop.call_soon(self._look, context=self._context)

    def _begin(self) -> None:
        self._waited = 0.0
        self._until = self._clock() + self._seconds

    def _look(self) -> None:
        """A round of the loop with something to do does not sleep."""
        left = self._until - self._clock()
        if left > 0:
            self._waited = self._seconds - left
            give_way()
            self._loop.call_soon(self._look, context=self._context)
            return
        self._waiting = False
        self._left = self._rest
        self._rest = min(2 * self._rest + 1, MOST)
