"""A process that gets no turn for a while: it has sent more than a slow peer takes.

`Process.suspend` and `Process.resume` count, as `erlang:suspend_process` does.  Nothing that runs
is interrupted: a callback returns, a coroutine comes to its next `await`, and then neither
goes on until the last reason is gone.  Mail, links, monitors and exit signals take effect
meanwhile as they do for any process that waits.

Source: erlang:suspend_process/2; "Blocking Signaling Over Distribution" of the Erlang Reference
Manual's "Processes".
Proof: tests/process/test_suspended.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyerlnode.process.scheduler import Runnable, RunQueue

__all__ = ["Suspended"]


class Suspended:
    """How often a process is suspended, and the turns that it or parts of it would have had."""

    __slots__ = ("count", "due")

    def __init__(self) -> None:
        self.count = 0
        self.due: list[Runnable] = []

    def make_up(self, queue: RunQueue) -> None:
        """It is over: each turn that was put off is taken now."""
        for item in self.due:
            queue.append(item)
