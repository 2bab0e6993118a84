"""What a run was asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """`small` only sees whether everything runs; `pin`: everything on one processor."""

    small: bool = False
    pin: bool = False
    rounds: int = 7
    peers: bool = False

    def count(self, usual: int) -> int:
        """How often something is done."""
        return max(usual // 200, 1) if self.small else usual

    @property
    def seconds(self) -> float:
        """About how long a single time is taken."""
        return 0.002 if self.small else 0.15
