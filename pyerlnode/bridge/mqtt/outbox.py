"""What is to be published: a queue with a bound, which holds while there is no connection.

A message is in the queue until the broker has it: until it has acknowledged it (QoS 1 and 2),
or it was written (QoS 0).  What was on its way when the connection was lost goes back to the
front, in order, and is sent again.  The bound counts both.

Proof: tests/bridge/mqtt/test_outbox.py.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["POLICIES", "Outbox", "Outgoing"]

DROP_OLDEST, DROP_NEW, ERROR = "drop_oldest", "drop_new", "error"
POLICIES: Final = (DROP_OLDEST, DROP_NEW, ERROR)


def _nobody(result: Any) -> None:
    """For a message whose sender does not want to know."""


@dataclass(eq=False, slots=True)
class Outgoing:
    """A message to be published; `tell` is called once with what has become of it."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)
    tell: Callable[[Any], None] = _nobody


class Full(Exception):
    """There is no room for a message; `dropped` says whether the policy is to drop it."""

    def __init__(self, *, dropped: bool) -> None:
        super().__init__("the queue is full")
        self.dropped = dropped


class Outbox:
    """The queue; `limit` messages at most."""

    def __init__(self, limit: int, policy: str) -> None:
        self.limit, self.policy = limit, policy
        self._waiting: deque[Outgoing] = deque()
        # On their way to the broker, in the order in which they were taken.
        self._under_way: dict[Outgoing, None] = {}
        self._there_is_one = asyncio.Event()
        self.most = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._under_way)

    def put(self, message: Outgoing) -> Outgoing | None:
        """Append a message; the oldest one if it had to go for it.  Full, as the policy says."""
        oldest = None
        if len(self) >= self.limit:
            # What is under way cannot be taken back.
            if self.policy != DROP_OLDEST or not self._waiting:
                raise Full(dropped=self.policy != ERROR)
            oldest = self._waiting.popleft()
        self._waiting.append(message)
        self.most = max(self.most, len(self))
        self._there_is_one.set()
        return oldest

    async def take(self) -> Outgoing:
        """The next message to send, which is under way from now on; waits for one."""
        while not self._waiting:
            self._there_is_one.clear()
            await self._there_is_one.wait()
        message = self._waiting.popleft()
        self._under_way[message] = None
        return message

    def done(self, message: Outgoing) -> None:
        """The broker has it, or will never have it."""
        self._under_way.pop(message, None)

    def connection_lost(self) -> None:
        """What was under way is to be sent again, before all others."""
        self._waiting.extendleft(reversed(self._under_way))
        self._under_way.clear()
        if self._waiting:
            self._there_is_one.set()
