"""Subscribers on nodes that do not keep up: what waits for them has a bound.

Nobody can make a broker wait for one subscriber of many.  While a node takes less than it is sent
(where a process that sends to it would be suspended), messages of QoS 0 for it are dropped, and
of QoS 1 and 2 those beyond so many bytes.

Proof: tests/bridge/mqtt/test_slow.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyerlnode.process import Runtime
    from pyerlnode.term import Atom

__all__ = ["SlowNodes"]

# Bytes of payloads that may wait for one node, beside what the distribution lets wait anyway.
LIMIT: Final = 16 * 1024 * 1024
# What a message is beside its payload, roughly.
_ENVELOPE: Final = 100


class SlowNodes:
    """How much waits for which node."""

    def __init__(self, runtime: Runtime, limit: int = LIMIT) -> None:
        self._runtime, self._limit = runtime, limit
        self._waiting: dict[Atom, int] = {}

    def has_room(self, node: Atom, size: int, qos: int) -> bool:
        """Whether a message whose payload has so many bytes may be sent to `node` now."""
        distribution = self._runtime.distribution
        if distribution is None or not distribution.is_busy(node):
            self._waiting.pop(node, None)
            return True
        waiting = self._waiting.get(node, 0) + size + _ENVELOPE
        if qos == 0 or waiting > self._limit:
            return False
        self._waiting[node] = waiting
        return True
