"""What a strategy is: it says, again and again, which nodes there are.

    class FromFile(Polling):
        async def look(self, own: str) -> list[str]:
            return Path("nodes.txt").read_text().split()

A strategy never connects to anybody.  What it gives is all that it knows of at that moment:
a node that it does not name any more is left alone, not disconnected, for a directory that
is empty for a moment must not take a cluster apart.

Proof: tests/services/cluster/test_cluster.py.
"""

from __future__ import annotations

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

from pyerlnode.errors import ConfigError, PyerlnodeError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

__all__ = ["POLLING_INTERVAL", "Polling", "Strategy", "logger"]

logger = logging.getLogger("pyerlnode.cluster")

# Seconds between two looks, as libcluster's 5,000 ms.
POLLING_INTERVAL = 5.0


class Strategy(Protocol):
    """Anything that finds nodes."""

    def discover(self, own: str) -> AsyncGenerator[Collection[str], None]:
        """Give the names of all nodes that are there now, each time that they may have changed.

        `own` is the name of this node, which may be among them.  It runs in a process of its
        own, is started again when it ends or raises, and closed when the cluster is stopped.
        """
        ...


class Polling(ABC):
    """A strategy that looks at intervals; what makes a look fail is logged, once for each cause."""

    def __init__(self, polling_interval: float = POLLING_INTERVAL) -> None:
        """`polling_interval` is in seconds; it varies by a fifth, so that nodes do not all ask at once."""
        if isinstance(polling_interval, bool) or not isinstance(polling_interval, (int, float)):
            raise ConfigError(f"polling_interval: seconds are wanted, not {polling_interval!r}")
        if not 0 < polling_interval < 1e6:
            raise ConfigError(f"polling_interval is {polling_interval}; more than 0 seconds are wanted")
        self.polling_interval = float(polling_interval)

    @abstractmethod
    async def look(self, own: str) -> Collection[str]:
        """The nodes that are there now; OSError or PyerlnodeError where that cannot be told."""

    async def discover(self, own: str) -> AsyncGenerator[Collection[str], None]:
        told = ""
        while True:
            try:
                found = await self.look(own)
            except (OSError, PyerlnodeError) as error:
                if str(error) != told:
                    told = str(error)
                    logger.warning("%s: %s", type(self).__name__, told)
            else:
                told = ""
                yield found
            await asyncio.sleep(random.uniform(0.8, 1.2) * self.polling_interval)


def text(what: str, value: object) -> str:
    """A setting that is text and not empty; else ConfigError."""
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{what}: text is wanted, not {value!r}")
    return str(value)


def texts(what: str, value: object) -> list[str]:
    """A setting that is a list of texts; else ConfigError."""
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{what}: a list of texts is wanted, not {value!r}")
    return [text(what, element) for element in value]
