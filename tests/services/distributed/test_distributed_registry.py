"""Keys that hold on all nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run, until

from pyerlnode.errors import BadArg, Exit
from pyerlnode.otp import GenServer, on_call
from pyerlnode.process import receive
from pyerlnode.services import DEFAULT_SERVICES
from pyerlnode.services.distributed import DistributedRegistry
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from pyerlnode.node import Node

REGISTRY = "Elixir.Counters"
SECONDS = 30.0


class Counter(GenServer):
    def init(self, count: int) -> None:
        self.count = count

    @on_call
    def get(self) -> int:
        return self.count


async def start(node: Node, count: int, key: Any) -> Any:
    async def body() -> Pid | None:
        return await Counter.start(count, name=DistributedRegistry.via(REGISTRY, key))

    return await run(node, body)


async def test_a_key_is_known_on_every_node_and_given_once() -> None:
    async with Cluster(services=DEFAULT_SERVICES) as cluster:
        a, b = await cluster.mesh("a", "b")
        pid = await start(a, 7, "kate")
        with pytest.raises(Exit) as caught:
            await start(a, 8, b"kate")  # text is a binary
        assert caught.value.reason == (Atom("already_started"), pid)
        await until(lambda: run(b, DistributedRegistry.whereis, REGISTRY, "kate"), SECONDS)
        assert await run(b, GenServer.call, DistributedRegistry.via(REGISTRY, "kate"), Atom("get")) == 7
        await start(b, 9, (1, 2))
        assert len(await run(a, DistributedRegistry.keys, REGISTRY)) == 2
        assert await run(a, DistributedRegistry.count, "Elixir.Others") == 0


async def test_a_process_registers_itself() -> None:
    async with Cluster(services=DEFAULT_SERVICES) as cluster:
        a, b = await cluster.mesh("a", "b")

        async def holder() -> None:
            await DistributedRegistry.register(REGISTRY, 1)
            await receive()

        pid = a.runtime.spawn(holder()).pid
        await until(lambda: run(b, DistributedRegistry.whereis, REGISTRY, 1), SECONDS)

        async def body() -> None:
            with pytest.raises(Exit) as caught:
                await DistributedRegistry.register(REGISTRY, 1)
            assert caught.value.reason == (Atom("already_registered"), pid)
            assert await DistributedRegistry.unregister(REGISTRY, 1) == "ok"
            assert DistributedRegistry.whereis(REGISTRY, 1) == pid
            await DistributedRegistry.register(REGISTRY, 2)
            with pytest.raises(BadArg, match="one global name"):
                await DistributedRegistry.register(REGISTRY, 3)
            assert await DistributedRegistry.unregister(REGISTRY, 2) == "ok"
            assert DistributedRegistry.keys(REGISTRY) == [1]

        await run(b, body)
