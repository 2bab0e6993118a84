"""Giving way: let others run on this processor before what has come is read.

Who is woken by a first small message and reads it at once stops a peer on the same processor in the
middle of its turn, and is woken for the next message, too.  Who lets the peer end its turn first reads
all of it at once.  Where nobody else wants the processor that costs a third of a microsecond.

Where somebody takes it for long, a program that computes or a peer with much to do, to give way at each
read would be to wait for him each time: then it is done more and more rarely, until it is short again.

Source: POSIX, sched_yield.
Proof: tests/node/test_giving_way.py.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from pyerlnode.process._steps import clock

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds: more than a peer takes to end what it is at, less than the system gives to one that computes.
LONG: Final = 0.000_1
# Reads that are not given way before, at most, however long it took.
MOST: Final = 255

#: lets others run on this processor, if somebody wants to
give_way: Callable[[], None] = getattr(os, "sched_yield", lambda: None)


class GivingWay:
    """Gives way before the reads of one link, unless that has taken long."""

    __slots__ = ("_rest", "left")

    def __init__(self) -> None:
        # How many reads went without after it had taken long.
        self._rest = 0
        #: reads that go without it now
        self.left = 0

    def before_read(self) -> None:
        """Something has come and is read next."""
        if self.left:
            self.left -= 1
            return
        began = clock()
        give_way()
        self.took(clock() - began)

    def took(self, seconds: float) -> None:
        """Others ran for so many seconds: decide when the next time is."""
        self._rest = min(2 * self._rest + 1, MOST) if seconds > LONG else 0
        self.left = self._rest
