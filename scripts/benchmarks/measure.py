"""Taking times, and what a row of the table holds."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

# What each round measured: ours, and what stands beside it (None: there is none).
Pairs: TypeAlias = "list[tuple[float, float | None]]"


@dataclass
class Row:
    """One line: `ours` and `theirs` in `unit`, medians; `ratio` above 1 means that ours is better.

    `against` says what stands beside ours, `target` is the least ratio wanted, `limit` the
    most that `ours` may be where a number of its own is wanted.
    """

    part: str
    work: str
    unit: str
    ours: float
    theirs: float | None = None
    ratio: float | None = None
    against: str = "BEAM"
    target: float | None = None
    limit: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether what was wanted is there; None where nothing was, or where it has not been measured."""
        if self.limit is not None:
            return self.ours <= self.limit
        if self.target is None or self.ratio is None:
            return None
        return self.ratio >= self.target


def compare(
    part: str,
    work: str,
    unit: str,
    pairs: Pairs,
    *,
    more_is_better: bool,
    against: str = "BEAM",
    target: float | None = None,
    limit: float | None = None,
) -> Row:
    """The row of what the rounds measured."""
    ours = median(our for our, _ in pairs)
    others = [other for _, other in pairs if other is not None]
    if not others:
        return Row(part, work, unit, ours, against=against, target=target, limit=limit)
    ratios = [our / other if more_is_better else other / our for our, other in pairs if other]
    return Row(part, work, unit, ours, median(others), median(ratios), against, target, limit)


def time_of(function: Callable[[], object], seconds: float) -> float:
    """Seconds that one call takes, of as many as take about `seconds`; at least one.

    The collector is not held off: what it costs is part of the price.
    """
    gc.collect()
    count, taken = 1, _taken(function, 1)
    # The first calls, whose data and code have yet to come into the caches, say little about the rest.
    while taken < seconds / 8:
        count *= 2
        taken = _taken(function, count)
    count = max(1, int(count * seconds / taken))
    return _taken(function, count) / count


def _taken(function: Callable[[], object], count: int) -> float:
    """Seconds that so many calls take."""
    repeats = range(count)
    start = time.perf_counter()
    for _ in repeats:
        function()
    return time.perf_counter() - start


def cpu_time(pid: int) -> float:
    """Seconds of processor time that a process, with all its threads, has taken.

    /proc/PID/stat says the same in steps of 10 ms; this is the clock behind it, whose number
    Linux makes of the pid (clock_getcpuclockid).
    """
    return time.clock_gettime((~pid << 3) | 2)
