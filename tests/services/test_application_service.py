"""The applications of a node: at its end, and from another node."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run

import pyerlnode as erl
from pyerlnode import Application, Atom, Exit, UsageError, rpc
from pyerlnode.services import DEFAULT_SERVICES
from pyerlnode.services.application import on_end

if TYPE_CHECKING:
    from pyerlnode.node import Node

THERE = "alex@localhost"
TRAIL: list[Any] = []


def named(own: str) -> Application:
    class One(Application):
        name = own

        async def start(self, type: Any, args: Any) -> Any:
            async def ends() -> None:
                erl.register(own, erl.self())
                raise Exit(await erl.receive())

            return erl.spawn_link(ends)

        def stop(self) -> None:
            TRAIL.append((own, erl.this_node(), erl.whereis("rex") is not None))

    return One()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    TRAIL.clear()


async def test_a_node_stops_its_applications_before_everything_else() -> None:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        kate, _ = await cluster.mesh("kate", "alex")

        async def body() -> None:
            for name in ("a", "b"):
                await Application.start(named(name))

        await run(kate, body)
        await kate.stop()
        assert TRAIL == [("b", "kate@localhost", True), ("a", "kate@localhost", True)]


async def _end_of(node: Node) -> None:
    async def body() -> None:
        await Application.start(named("needed"), "permanent")
        await asyncio.sleep(0)
        erl.send("needed", Atom("normal"))

    await run(node, body)


async def test_a_permanent_application_takes_the_node_with_it() -> None:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        kate, alex = await cluster.mesh("kate", "alex")
        gone = asyncio.Event()
        alex.on_node_event(lambda event: gone.set())
        await _end_of(kate)
        async with asyncio.timeout(5):
            await gone.wait()
        assert not kate.is_alive
        assert TRAIL == [("needed", "kate@localhost", True)]


async def test_whoever_observes_the_end_has_the_last_word() -> None:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        kate, _ = await cluster.mesh("kate", "alex")
        ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        on_end(kate.runtime, lambda name, reason: ended.set_result((name, reason)))
        await _end_of(kate)
        async with asyncio.timeout(5):
            assert await ended == ("needed", "normal")
        assert kate.is_alive


async def test_a_node_without_its_controller_ends() -> None:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        kate, _ = await cluster.mesh("kate", "alex")
        ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        on_end(kate.runtime, lambda name, reason: ended.set_result((name, reason)))

        async def body() -> None:
            controller = erl.whereis("application_controller")
            assert controller is not None
            erl.exit(controller, "kill")

        await run(kate, body)
        async with asyncio.timeout(5):
            assert await ended == ("application_controller", "killed")


async def test_applications_of_another_node() -> None:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        kate, alex = await cluster.mesh("kate", "alex")

        async def load() -> None:
            await Application.load(named("far"))

        async def body() -> None:
            assert await Application.start("far", node=THERE) == "ok"
            running = [name for name, _, _ in await Application.which_applications(node=THERE)]
            assert running == ["far", "stdlib", "kernel"]
            assert (await Application.loaded_applications(node=THERE))[0][0] == "far"
            assert await Application.ensure_all_started(["far", "stdlib"], node=THERE) == []
            assert await Application.ensure_started("far", node=THERE) == "ok"
            with pytest.raises(Exit) as caught:
                await Application.start("far", node=THERE)
            assert caught.value.reason == ("already_started", "far")
            supervisor = await rpc.call(THERE, "application", "get_supervisor", [Atom("far")])
            assert await rpc.call(THERE, "erlang", "whereis", [Atom("far")]) == supervisor[1]
            assert await Application.stop("far", node=THERE) == "ok"
            assert await rpc.call(THERE, "application", "get_supervisor", [Atom("far")]) == "undefined"
            assert await Application.unload("far", node=THERE) == "ok"
            with pytest.raises(UsageError, match="cannot be started on another node"):
                await Application.start(named("mine"), node=THERE)

        await run(alex, load)
        await run(kate, body)


async def test_a_value_that_is_no_term_is_shown_as_text() -> None:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        kate, alex = await cluster.mesh("kate", "alex")

        async def put() -> None:
            Application.put_env("chat", "remote", named)
            assert Application.get_env("chat", "remote") is named

        async def body() -> None:
            found = await rpc.call(THERE, "application", "get_env", [Atom("chat"), Atom("remote")])
            assert b"function named" in found[1]
            assert b"function named" in await rpc.call(
                THERE, "Elixir.Application", "get_env", [Atom("chat"), Atom("remote")]
            )

        await run(alex, put)
        await run(kate, body)
