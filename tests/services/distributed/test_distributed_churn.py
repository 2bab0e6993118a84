"""Nodes that stop, start and part, children that are killed, in any order: in the end each runs once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run, until

from pyerlnode.errors import Exit
from pyerlnode.otp import GenServer
from pyerlnode.process import exit, process_flag, receive
from pyerlnode.services import DEFAULT_SERVICES, modules
from pyerlnode.services.distributed import DistributedSupervisor, member
from pyerlnode.services.modules import Module

if TYPE_CHECKING:
    from pyerlnode.node import Node
    from pyerlnode.term import Pid

# A guard against waiting for ever, and no measure.
SECONDS = 100.0
SUP = "Elixir.Sessions"
NAMES = "abcd"
IDS = range(12)
EVENTS = 30


class Session(GenServer, module="Elixir.Session"):
    def init(self, id: int) -> None:
        process_flag("trap_exit", True)


class Churn:
    """Some nodes of `NAMES`, each with its part of the supervisor."""

    def __init__(self, epmd_port: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.epmd_port = epmd_port
        self.nodes: dict[str, Node] = {}
        self._clusters: dict[str, Cluster] = {}

    async def up(self, name: str) -> None:
        cluster = self._clusters[name] = Cluster(DEFAULT_SERVICES, self.epmd_port)
        node = await cluster.start(name)
        for other in self.nodes.values():
            await node.connect(other.name)
        self.nodes[name] = node
        node.runtime.spawn(self._supervise())

    @staticmethod
    async def _supervise() -> None:
        await DistributedSupervisor.start_link(name=SUP, max_restarts=1000)
        await receive()

    async def down(self, name: str) -> None:
        del self.nodes[name]
        await self._clusters.pop(name).__aexit__()

    # --- what happens -----------------------------------------------------------------------

    async def event(self) -> None:
        kinds = [self.kill, self.kill, self.stop_one, self.start_one, self.part, self.heal]
        await self.random.choice(kinds)()
        await asyncio.sleep(self.random.choice([0, 0.02, 0.2]))

    async def kill(self) -> None:
        node = self.random.choice(list(self.nodes.values()))
        mine = [pid for _, pid in await self.children(node) if pid.node == node.name]
        if mine:
            await run(node, exit, self.random.choice(mine), "kill", timeout=SECONDS)

    async def stop_one(self) -> None:
        if len(self.nodes) > 2:
            await self.down(self.random.choice(sorted(self.nodes)))

    async def start_one(self) -> None:
        away = [name for name in NAMES if name not in self.nodes]
        if away:
            await self.up(self.random.choice(away))

    async def part(self) -> None:
        one, other = self.random.sample(sorted(self.nodes.values(), key=lambda node: node.name), 2)
        one.set_cookie(other.name, f"not now, {one.name}")
        other.set_cookie(one.name, f"not now, {other.name}")
        one.disconnect(other.name)

    async def heal(self) -> None:
        for node in self.nodes.values():
            for other in self.nodes.values():
                node.set_cookie(other.name, "secret")
        for node in self.nodes.values():
            for other in self.nodes.values():
                await node.connect(other.name)

    # --- what is seen -----------------------------------------------------------------------

    async def children(self, node: Node) -> list[tuple[int, Pid]]:
        try:
            listed = await run(node, DistributedSupervisor.which_children, SUP, timeout=SECONDS)
        except Exit:  # it is about to start
            return []
        return [(id, pid) for id, pid, _, _ in listed if not isinstance(pid, str)]

    async def each_runs_once(self) -> bool:
        await self.heal()
        views = [
            sorted(await self.children(node), key=lambda child: child[0]) for node in self.nodes.values()
        ]
        agreed = all(view == views[0] for view in views) and [id for id, _ in views[0]] == list(IDS)
        return agreed and Counter(self.living()) == Counter(pid for _, pid in views[0])

    def living(self) -> list[Any]:
        """Every session that there is, whoever knows of it."""
        return [
            process.pid
            for node in self.nodes.values()
            for process in node.runtime.processes()
            if isinstance(getattr(process.behaviour, "state", None), Session)
        ]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [1, 2])
async def test_in_the_end_each_child_runs_once(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "_exported", dict(modules._exported))
    monkeypatch.setattr(member, "CHECK", 0.5)
    Module("Session").export(Session)
    async with Cluster() as cluster:
        churn = Churn(cluster.epmd_port, seed)
        for name in NAMES:
            await churn.up(name)

        async def all_met() -> bool:
            try:
                asked = [await run(node, DistributedSupervisor.members, SUP) for node in churn.nodes.values()]
            except Exit:
                return False
            return all(len(known) == len(NAMES) for known in asked)

        await until(all_met, SECONDS)
        for id in IDS:
            spec = {"id": id, "start": ("Elixir.Session", "start_link", [id])}
            await run(churn.nodes["a"], DistributedSupervisor.start_child, SUP, spec, timeout=SECONDS)
        for _ in range(EVENTS):
            await churn.event()
        await until(churn.each_runs_once, SECONDS)
        for name in list(churn.nodes):
            await churn.down(name)
