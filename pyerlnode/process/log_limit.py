"""Log lines that strangers can cause: the first few in full, the others as a number.

Whoever can reach the port can make a node write lines as fast as it can connect; they must
not fill a disk, nor hide what else is said.

Proof: tests/process/test_log_limit.py, tests/node/test_listener.py.
"""

from __future__ import annotations

import asyncio
import logging

__all__ = ["LogLimit"]

# As many lines in so many seconds: a cluster that starts with a wrong cookie is within it.
_LINES = 10
_INTERVAL = 10.0


class LogLimit:
    """Passes lines to a logger: at most `lines` in `interval` seconds, then one about the rest."""

    def __init__(
        self, logger: logging.Logger, rest: str, *, lines: int = _LINES, interval: float = _INTERVAL
    ) -> None:
        """`rest` is the line about those left out: `%d` is their number, `%g` the seconds."""
        self._logger = logger
        self._rest = rest
        self._lines = lines
        self._interval = interval
        self._passed = self._left_out = 0
        self._level = logging.NOTSET
        self._timer: asyncio.TimerHandle | None = None

    def log(self, level: int, text: str) -> None:
        """Write a line, or count it."""
        if not self._logger.isEnabledFor(level):
            return
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self.end)
        if self._passed < self._lines:
            self._passed += 1
            self._logger.log(level, "%s", text)
        else:
            self._left_out += 1
            self._level = max(self._level, level)

    def end(self) -> None:
        """The interval is over, or the node stops: say how many lines were left out."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._left_out:
            self._logger.log(self._level, self._rest, self._left_out, self._interval)
        self._passed = self._left_out = 0
        self._level = logging.NOTSET
