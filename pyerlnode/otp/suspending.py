"""What it means for a behaviour to be suspended: everything but system messages waits.

Source: sys.erl of OTP's stdlib, suspend_loop.
Proof: tests/otp/test_sys.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyerlnode.process.process import Process
    from pyerlnode.term import Term

__all__ = ["Suspendable"]


class Suspendable:
    """Base of a behaviour that keeps what comes while it is suspended in `_held`."""

    __slots__ = ("_held", "process")
    process: Process

    def __init__(self) -> None:
        self._held: list[Term] | None = None

    @property
    def suspended(self) -> bool:
        """Whether only system messages are handled now."""
        return self._held is not None

    def system_suspend(self) -> None:
        """Handle system messages only, until `system_resume`."""
        if self._held is None:
            self._held = []

    def system_resume(self) -> None:
        """Handle everything again, what came meanwhile first."""
        held, self._held = self._held, None
        if held and self.process.mailbox is not None:
            self.process.mailbox.put_back(held)
