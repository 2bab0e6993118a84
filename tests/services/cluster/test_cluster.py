"""Finding nodes and staying connected with them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster as Nodes
from clusters import run, until

from pyerlnode import process as erl
from pyerlnode.otp import GenServer
from pyerlnode.services import local
from pyerlnode.services.cluster import Cluster, Polling, Static, keeper
from pyerlnode.services.cluster import cluster as cluster_module
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

    from pyerlnode.node import Node
    from pyerlnode.term import Pid

SECONDS = 30.0


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (keeper, cluster_module):
        monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
        monkeypatch.setattr(module, "LONGEST_PAUSE", 0.05)


class Listed:
    """A strategy that the test tells what there is."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.started = 0

    async def discover(self, own: str) -> AsyncGenerator[Collection[str], None]:
        self.started += 1
        while True:
            found = await self.queue.get()
            if isinstance(found, Exception):
                raise found
            if found is None:
                return
            yield found


async def clustered(node: Node, *strategies: Any) -> Pid:
    pid: Pid = await run(node, Cluster.start, list(strategies))
    return pid


async def asked(node: Node, cluster: Pid) -> list[Atom]:
    found: list[Atom] = await run(node, GenServer.call, cluster, Atom("nodes"))
    return found


async def test_nodes_that_are_named_are_connected_to_and_again_when_they_come_back() -> None:
    async with Nodes([local.remember]) as nodes:
        kate = await nodes.start("kate")
        cluster = await clustered(kate, Static(["kate@localhost", "alex@localhost"]))
        async with Nodes([local.remember], nodes.epmd_port) as first:
            await first.start("alex")
            await until(lambda: kate.nodes() == ["alex@localhost"], SECONDS)
        await until(lambda: kate.nodes() == [], SECONDS)
        await nodes.start("alex")
        await until(lambda: kate.nodes() == ["alex@localhost"], SECONDS)
        assert await asked(kate, cluster) == ["alex@localhost"]


async def test_a_connection_that_is_closed_is_made_again() -> None:
    async with Nodes([local.remember]) as nodes:
        kate, alex = await nodes.start("kate"), await nodes.start("alex")
        await clustered(kate, Static(["alex@localhost"]))

        async def cut() -> None:
            erl.monitor_node("alex@localhost", True)
            assert kate.disconnect("alex@localhost")
            assert await erl.receive(timeout=SECONDS) == ("nodedown", "alex@localhost")

        def connected() -> bool:
            return kate.nodes() == ["alex@localhost"] and alex.nodes() == ["kate@localhost"]

        for _ in range(3):
            await until(connected, SECONDS)
            await run(kate, cut)
        await until(connected, SECONDS)


async def test_a_node_that_is_not_named_any_more_is_left_alone() -> None:
    listed = Listed()
    async with Nodes([local.remember]) as nodes:
        kate, _ = await nodes.start("kate"), await nodes.start("alex")
        cluster = await clustered(kate, listed, Static(["max@localhost"]))
        listed.queue.put_nowait(["alex@localhost"])
        await until(lambda: kate.nodes() == ["alex@localhost"], SECONDS)
        assert await asked(kate, cluster) == ["alex@localhost", "max@localhost"]
        listed.queue.put_nowait([])

        async def forgotten() -> bool:
            return await asked(kate, cluster) == ["max@localhost"]

        await until(forgotten, SECONDS)
        assert kate.nodes() == ["alex@localhost"]


async def test_a_node_that_cannot_be_reached_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    listed = Listed()
    async with Nodes([local.remember]) as nodes:
        kate = await nodes.start("kate")
        dials = 0
        dial = kate.dial

        async def counted(node: str) -> None:
            nonlocal dials
            dials += 1
            await dial(node)

        kate.dial = counted  # type: ignore[method-assign]
        with caplog.at_level(logging.WARNING, "pyerlnode.cluster"):
            await clustered(kate, listed)
            listed.queue.put_nowait(["alex@localhost", "no name"])
            await until(lambda: dials > 8, SECONDS)
        told = sorted(record.getMessage() for record in caplog.records)
        assert len(told) == 2
        assert told[0].startswith("alex@localhost cannot be reached: EPMD on localhost")
        assert told[1].startswith("no name cannot be reached: bad node name")


async def test_a_strategy_that_ends_or_fails_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    listed = Listed()
    async with Nodes([local.remember]) as nodes:
        kate, _ = await nodes.start("kate"), await nodes.start("alex")
        with caplog.at_level(logging.WARNING, "pyerlnode.cluster"):
            await clustered(kate, listed)
            for ending in (RuntimeError("no power"), RuntimeError("no power"), None):
                listed.queue.put_nowait(ending)
            await until(lambda: listed.started == 4, SECONDS)
            listed.queue.put_nowait(["alex@localhost"])
            await until(lambda: kate.nodes() == ["alex@localhost"], SECONDS)
        told = [record.getMessage() for record in caplog.records]
        assert told == ["Listed finds no nodes: no power", "Listed finds no nodes: it has ended"]


async def test_what_makes_a_look_fail_is_told_once_for_each_cause(caplog: pytest.LogCaptureFixture) -> None:
    class Directory(Polling):
        outcomes: tuple[Any, ...] = (OSError("down"), OSError("down"), ["a@h"], OSError("down"), ["b@h"])
        turn = -1

        async def look(self, own: str) -> Collection[str]:
            self.turn += 1
            outcome = self.outcomes[self.turn]
            if isinstance(outcome, Exception):
                raise outcome
            return list(outcome)

    with caplog.at_level(logging.WARNING, "pyerlnode.cluster"):
        finding = Directory(polling_interval=0.001).discover("kate@h")
        async with asyncio.timeout(SECONDS):
            assert [await anext(finding), await anext(finding)] == [["a@h"], ["b@h"]]
        await finding.aclose()
    assert [record.getMessage() for record in caplog.records] == ["Directory: down", "Directory: down"]
