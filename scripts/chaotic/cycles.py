"""Whether anything grows in a node whose peers come and go: `scripts/chaos cycles --count 1000`.

First another node starts, is connected to, called, linked to and monitored, and stops again, `count`
times under one name; then the connection to one that stays is made and cut as often.  What the
node keeps is looked at after a tenth of them and in the end.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyerlnode as erl
from pyerlnode.services import DEFAULT_SERVICES, pg, rpc
from pyerlnode.services.node import Node
from pyerlnode.testing.epmd import free_port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# What may grow all the same: MB, and objects for each cycle.
_MEGABYTES = 8.0
_OBJECTS = 0.5


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/chaos cycles", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many (default 1000)")
    return asyncio.run(_run(parser.parse_args(arguments).count))


async def _run(count: int) -> int:
    port = free_port()
    services = [*DEFAULT_SERVICES, pg.service]

    def node(name: str) -> Node:
        return Node(f"{name}@localhost", "cycles", epmd_port=port, services=services)

    async with node("stays") as stays:

        async def life() -> None:
            async with node("comes") as comes:
                told = await _use(stays, comes)
            await told

        grown = await _grows("lives of a node", life, count)
        async with node("other") as other:

            async def connection() -> None:
                told = await _use(stays, other)
                stays.disconnect(other.name)
                await told
                await _until(lambda: not other.nodes())

            return grown | await _grows("connections to a node", connection, count)


async def _use(node: Node, other: Node) -> Awaitable[None]:
    """Connect, call, link and monitor; what is returned waits until its end was told."""
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def body() -> None:
        erl.process_flag("trap_exit", True)
        assert await node.connect(other.name)
        pid = await rpc.call(other.name, "erlang", "whereis", [erl.Atom("net_kernel")])
        erl.link(pid)
        erl.monitor(pid)
        ready.set_result(None)
        for _ in range(2):
            await erl.receive(timeout=30)

    process = node.runtime.spawn(body())
    async with asyncio.timeout(30):
        await ready
    return _until(lambda: not process.alive)


async def _until(fact: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not fact():  # noqa: ASYNC110  # a fact of another node's
            await asyncio.sleep(0.001)


async def _grows(what: str, cycle: Callable[[], Awaitable[None]], count: int) -> bool:
    begin = time.monotonic()
    first = max(1, count // 10)
    for _ in range(first):
        await cycle()
    before = _size()
    for _ in range(count - first):
        await cycle()
    after = _size()
    cycles = max(1, count - first)
    objects, megabytes = (after[0] - before[0]) / cycles, after[1] - before[1]
    bad = objects > _OBJECTS or megabytes > _MEGABYTES
    print(
        f"{count} {what} in {time.monotonic() - begin:.1f} s: {objects:+.3f} objects each,"
        f" {megabytes:+.1f} MB in all{': GROWS' if bad else ''}",
        flush=True,
    )
    return bad


def _size() -> tuple[int, float]:
    """Objects that Python's collector knows, and MB of memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return len(gc.get_objects()), pages * os.sysconf("SC_PAGE_SIZE") / 2**20
