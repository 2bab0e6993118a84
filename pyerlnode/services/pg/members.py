"""The members of a group: pids, each as often as it has joined.

Source: pg(3), pg.erl of OTP 27.
Proof: tests/services/test_pg_scopes.py.
"""

from __future__ import annotations

from pyerlnode.term import Pid

__all__ = ["Members", "Pids"]

Pids = list[Pid]


class Members:
    """Pids, each with how often it has joined: what changes costs the same however many there are."""

    __slots__ = ("_counts",)

    def __init__(self, pids: Pids | None = None) -> None:
        self._counts: dict[Pid, int] = {}
        self.add(pids or [])

    def __bool__(self) -> bool:
        return bool(self._counts)

    def pids(self) -> Pids:
        """Each as often as it has joined, the last one first."""
        counts = self._counts
        return [pid for pid in reversed(counts) for _ in range(counts[pid])]

    def add(self, pids: Pids) -> None:
        """Each joins once more."""
        counts = self._counts
        for pid in reversed(pids):
            counts[pid] = counts.get(pid, 0) + 1

    def remove(self, pids: Pids) -> Pids:
        """Take back one join of each; those that had one."""
        counts, gone = self._counts, []
        for pid in pids:
            count = counts.get(pid, 0)
            if count:
                gone.append(pid)
            if count > 1:
                counts[pid] = count - 1
            elif count:
                del counts[pid]
        return gone

    def without(self, other: Members) -> Pids:
        """What is here more often than in `other`."""
        return [pid for pid in reversed(self._counts) for _ in range(self._more(pid, other))]

    def _more(self, pid: Pid, other: Members) -> int:
        return self._counts[pid] - other._counts.get(pid, 0)
