"""What asyncio knows of the processes that have not begun to run: that there are some.

A process that has waited once is a task of asyncio's like any other.  One that has not had its
first turn is none, as a coroutine is none; but where the loop gets control back before all of them
had it, all of them together are one future in `asyncio.all_tasks()`.  So `asyncio.run`, which at
its end cancels what is left, ends them, too, and none of them begins in a program that is over.

Source: Python's documentation, "Extending asyncio", Task lifetime support.
Proof: tests/process/test_known_to_asyncio.py.
"""

from __future__ import annotations

import asyncio
from asyncio import _register_task
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyerlnode.process.scheduler import RunQueue

__all__ = ["NotBegun"]


class NotBegun(asyncio.Future[None]):
    """The processes of one run queue that have not begun."""

    def __init__(self, queue: RunQueue) -> None:
        super().__init__(loop=queue.loop)
        self._waiting = queue.ready
        _register_task(self)  # type: ignore[arg-type]  # asyncio asks no more of it than a future has

    def cancel(self, msg: Any | None = None) -> bool:
        """End all of them."""
        for each in tuple(self._waiting):
            each.forgo()
        return super().cancel(msg)

    def over(self) -> None:
        """All of them have begun."""
        if not self.done():
            self.set_result(None)

    def get_name(self) -> str:
        """As a task's."""
        return "processes that have not begun"

    def get_coro(self) -> None:
        """None: it has none of its own."""

    def get_stack(self, *, limit: int | None = None) -> list[Any]:
        """Empty: none of them runs."""
        return []
