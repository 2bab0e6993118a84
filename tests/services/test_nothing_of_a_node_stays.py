"""A node that has stopped leaves nothing behind in a program that goes on."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING

from clusters import Cluster, run

import pyerlnode as erl
from pyerlnode.otp.ets.table import Table
from pyerlnode.services import DEFAULT_SERVICES, net_kernel, pg
from pyerlnode.services.node import Node

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

SERVICES = [*DEFAULT_SERVICES, pg.service]


async def use_everything() -> None:
    """Let every service remember something of this node."""
    pg.join("group", erl.self())
    net_kernel.monitor_nodes(True)
    Table.new("table", named=True)
    erl.spawn(erl.receive)
    await asyncio.sleep(0)


async def life(cluster: Cluster, other: Node) -> weakref.ref[Runtime]:
    async with Node("comes@localhost", "secret", epmd_port=cluster.epmd_port, services=SERVICES) as node:
        await run(node, use_everything)
        assert await node.connect(other.name)
        return weakref.ref(node.runtime)


async def test_the_runtime_of_a_stopped_node_is_freed() -> None:
    async with Cluster(SERVICES) as cluster:
        other = await cluster.start("stays")
        lives = [await asyncio.create_task(life(cluster, other)) for _ in range(3)]
        async with asyncio.timeout(30):
            # Timers of what has just been closed hold the last one for a moment.
            while any(runtime() is not None for runtime in lives):
                await asyncio.sleep(0.05)
                gc.collect()
