"""Who waits for a slow node: processes that have sent it more than it takes.

A signal is never refused for being too many and never reordered: it is queued, and then its
sender gets no turn any more (`Process.suspend`) until the link has written what waits, or is
closed.  The same holds while a connection is being made.  A callback or a coroutine that goes on
sending without coming to an end, or to an `await`, cannot be stopped there; once it has sent
`max_unsent` bytes that way its next message is an error of its own.

Source: erlang:process_flag/2 (async_dist), erl +zdbbl; "Blocking Signaling Over Distribution" of
the Erlang Reference Manual's "Processes".
Proof: tests/node/test_senders.py, interop/test_backpressure.py.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pyerlnode.errors import SystemLimit
from pyerlnode.protocol.control import (
    AliasSend,
    Control,
    Demonitor,
    Exit2,
    Link,
    Monitor,
    RegSend,
    Send,
    SpawnRequest,
    Unlink,
)

if TYPE_CHECKING:
    from pyerlnode.process.process import Process
    from pyerlnode.process.runtime import Runtime
    from pyerlnode.term import Atom

__all__ = ["MAX_UNSENT", "Senders", "weight"]

logger = logging.getLogger("pyerlnode.node")

# Bytes that one process may send to a busy node in one go.
MAX_UNSENT = 128 * 1024 * 1024

# What a process does on purpose.  Answers and the news of its end leave in its name, too, and
# nobody is to wait for those.
_SUSPENDS = frozenset({AliasSend, Demonitor, Exit2, Link, Monitor, RegSend, Send, SpawnRequest, Unlink})
_MESSAGES = frozenset({AliasSend, RegSend, Send})
# How deep `weight` looks into a message, and what it takes everything else for.
_DEPTH = 4
_SMALL = 16


class Senders:
    """The suspended senders of one node's link."""

    def __init__(self, runtime: Runtime, node: Atom, max_unsent: int) -> None:
        self._runtime = runtime
        self._node = node
        self._max_unsent = max_unsent
        # With the bytes that each has sent since it ought to wait.
        self._waiting: dict[Process, int] = {}
        logger.info("%s does not take what is sent to it: who sends more waits", node)

    def check(self, control: Control) -> None:
        """SystemLimit if its sender has sent too much already without ever letting go."""
        if type(control) not in _MESSAGES:
            return
        process = self._sender(control)
        if process is not None and self._waiting.get(process, 0) > self._max_unsent:
            raise SystemLimit(
                f"{self._node} does not read, and {process!r} has sent {self._waiting[process]} bytes"
                " without a pause: only what awaits something between its messages can be made to wait"
            )

    def suspend(self, control: Control, size: int) -> None:
        """`control`, of `size` bytes, was queued for a busy link: its sender waits from now on."""
        if type(control) not in _SUSPENDS:
            return
        process = self._sender(control)
        if process is None or process.async_dist:
            return
        if process not in self._waiting:
            process.call_at_end(self._release)
            process.suspend()
        self._waiting[process] = self._waiting.get(process, 0) + size

    def release(self) -> None:
        """The link takes more, or there is none any more."""
        for process in list(self._waiting):
            self._release(process)

    def _release(self, process: Process) -> None:
        del self._waiting[process]
        process.forget_at_end(self._release)
        process.resume()

    def _sender(self, control: Any) -> Process | None:
        return None if control.sender is None else self._runtime.process(control.sender)


def weight(control: Control) -> int:
    """About how many bytes a signal will have: it is not encoded before there is a connection."""
    level: list[Any] = [getattr(control, "message", None)]
    bytes_seen = 0
    for _ in range(_DEPTH):
        below: list[Any] = []
        for part in level:
            if isinstance(part, (bytes, str)):
                bytes_seen += len(part)
            elif isinstance(part, (list, tuple)):
                below += part
            elif isinstance(part, dict):
                below += part.values()
        bytes_seen += _SMALL * len(level)
        level = below
    return bytes_seen + _SMALL * len(level)
