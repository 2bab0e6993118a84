"""Whoever started a node, seen through its standard input: the other end closes when it is gone.

A thread reads, so that a program that holds the loop, or never ends its import, is not left
behind: who could kill it has gone.

Proof: tests/cli/test_starter.py, interop/test_py_node.py.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Starter"]

# Seconds that the applications have to stop when nobody is left to hurry them.
GRACE = 10.0


class Starter:
    """Reads a descriptor to its end; what it reads is of no interest."""

    def __init__(self, descriptor: int, grace: float = GRACE) -> None:
        self._descriptor = descriptor
        self._grace = grace
        self._lock = threading.Lock()
        self._gone = False
        self._tell: Callable[[], object] | None = None
        threading.Thread(target=self._watch, name="starter", daemon=True).start()

    def when_gone(self, stop: Callable[[], None]) -> None:
        """Call `stop` in the running loop when the starter has gone, at once if it has."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._tell = lambda: loop.call_soon_threadsafe(stop)
            if self._gone:
                self._tell()

    def _watch(self) -> None:
        # A descriptor that cannot be read has no end that is still to come.
        with suppress(OSError):
            while os.read(self._descriptor, 4096):
                pass
        with self._lock:
            self._gone = True
            if self._tell is not None:
                with suppress(RuntimeError):  # the loop is closed: the node has stopped
                    self._tell()
        time.sleep(self._grace)
        os._exit(1)
