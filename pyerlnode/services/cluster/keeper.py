"""Staying connected with one node.

Proof: tests/services/cluster/test_cluster.py.
"""

from __future__ import annotations

import asyncio
import random

from pyerlnode.errors import PyerlnodeError
from pyerlnode.process import monitor_node, receive
from pyerlnode.services.cluster.strategy import logger
from pyerlnode.services.local import local_node

__all__ = ["keep_connected"]

# Seconds between two attempts to reach a node: the first one, and the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0


async def keep_connected(node: str, longest: float | None = None, told: str = "") -> None:
    """Be connected with `node` for as long as the calling process lives.

    `longest` is the longest pause between two attempts, in seconds (default: LONGEST_PAUSE), and
    `told` the cause that was logged already.  It dials, waits until the connection is gone, and
    dials again, at growing intervals with jitter: neither do all nodes of a cluster at once nor
    does one of them in a hurry.  Why a node cannot be reached is logged once for each cause.
    """
    longest = LONGEST_PAUSE if longest is None else longest
    pause = min(FIRST_PAUSE, longest)
    while True:
        why = await _dial(node)
        if why is None:
            await _lost(node)
            pause, told = min(FIRST_PAUSE, longest), ""
        elif why != told:
            told = why
            logger.warning("%s cannot be reached: %s", node, why)
        await asyncio.sleep(random.uniform(0.5, 1.0) * pause)
        pause = min(2 * pause, longest)


async def _dial(node: str) -> str | None:
    """Connect; None, or why there is no connection."""
    try:
        await local_node().dial(node)
    except (PyerlnodeError, OSError) as error:
        return str(error) or type(error).__name__
    return None


async def _lost(node: str) -> None:
    monitor_node(node, True)
    await receive(lambda message: message == ("nodedown", node))
