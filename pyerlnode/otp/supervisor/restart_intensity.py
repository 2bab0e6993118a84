"""How many restarts a supervisor may make: `intensity` in `period` seconds.

Each attempt to restart counts.  Time goes in whole seconds, as in OTP, so that a
period of 5 seconds takes in everything that is not more than 5 counts of the clock
old.

Source: supervisor(3), Maximum Restart Intensity; supervisor.erl, add_restart.
Proof: tests/otp/test_supervisor_restarts.py.
"""

from __future__ import annotations

import math

__all__ = ["RestartIntensity"]


class RestartIntensity:
    """Remembers the restarts of one supervisor."""

    __slots__ = ("_times", "intensity", "period")

    def __init__(self, intensity: int, period: int) -> None:
        self.intensity = intensity
        self.period = period
        self._times: list[int] = []

    def times(self) -> list[int]:
        """When there were restarts, the last one first."""
        return self._times[::-1]

    def add(self, now: float) -> bool:
        """Count a restart at `now` (seconds of a monotonic clock); False if it is one too many."""
        second = math.floor(now)
        self._times = [time for time in self._times if time >= second - self.period]
        self._times.append(second)
        return len(self._times) <= self.intensity
