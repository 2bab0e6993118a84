"""What it means for a behaviour to be suspended: everything but system messages waits.

Source: sys.erl of OTP's stdlib, suspend_loop.
Proof: tests/otp/test_sys.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.process.scheduler import Receiver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyerlnode.process.bounded import Bound
    from pyerlnode.process.process import Process
    from pyerlnode.term import Term

__all__ = ["Suspendable"]


class Suspendable(Receiver):
    """Base of a behaviour that keeps what comes while it is suspended in `_held`."""

    __slots__ = ("_held", "process")
    process: Process

    def __init__(self) -> None:
        self._held: list[Term] | None = None

    @property
    def suspended(self) -> bool:
        """Whether only system messages are handled now."""
        return self._held is not None

    @property
    def held(self) -> Sequence[Term]:
        """What has come since it was suspended: on a BEAM it is still in the mailbox."""
        return self._held or ()

    def may_hold(self, message: Term) -> bool:
        """Whether there is room for it: one that was handed over has not come through the mailbox."""
        bound, process = self._bound, self.process
        return (
            bound is None or process.runtime.queue.handed_to is not process or bound.admits(process, message)
        )

    @property
    def _bound(self) -> Bound | None:
        """What keeps the mailbox within bounds; messages that are held still count."""
        mailbox = self.process.mailbox
        return None if mailbox is None else mailbox.bound

    def system_suspend(self) -> None:
        """Handle system messages only, until `system_resume`."""
        if self._held is None:
            self._held = []
            if self._bound is not None:
                self._bound.aside = self._held

    def system_resume(self) -> None:
        """Handle everything again, what came meanwhile first."""
        held, self._held = self._held, None
        if self._bound is not None:
            self._bound.aside = []
        if held and self.process.mailbox is not None:
            self.process.mailbox.put_back(held)
