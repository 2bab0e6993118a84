"""Processes started by module, function and arguments: on this node, on another, and where there is none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run, until

import pyerlnode as erl
from pyerlnode import Atom, ErlangError, Exit, Export, Module, Pid
from pyerlnode.errors import BadArg
from pyerlnode.protocol.control import SpawnReply
from pyerlnode.services import DEFAULT_SERVICES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.node import Node
    from pyerlnode.process.runtime import Runtime

tested = Module("TestSpawn")
NAME = tested.name


@tested.export
def tell(to: Pid, what: Any) -> Any:
    return erl.send(to, (what, erl.self(), erl.group_leader()))


@tested.export("exit")
async def exit_(reason: Any) -> None:
    raise Exit(reason)


@tested.export
async def wait() -> Any:
    return await erl.receive()


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Node, Node]]:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        kate, alex = await cluster.start("kate"), await cluster.start("alex")
        yield kate, alex


PLACES = pytest.mark.parametrize("where", ["alex@localhost", "kate@localhost"], ids=["there", "here"])


@PLACES
async def test_a_process_runs_there_with_the_group_leader_of_who_spawned_it(
    pair: tuple[Node, Node], where: str
) -> None:
    async def body() -> None:
        pid = await erl.spawn(where, NAME, "tell", [erl.self(), Atom("hi")])
        assert pid.node == where
        assert await erl.receive(timeout=5) == ("hi", pid, erl.group_leader())
        again = await erl.spawn(where, Export(NAME, Atom("tell"), 2), [erl.self(), 5])
        assert await erl.receive(timeout=5) == (5, again, erl.group_leader())

    await run(pair[0], body)


@PLACES
async def test_a_function_that_both_programs_export_needs_no_name(
    pair: tuple[Node, Node], where: str
) -> None:
    async def body() -> None:
        erl.process_flag("trap_exit", True)
        pid = await erl.spawn_link(where, tell, [erl.self(), Atom("hi")])
        assert pid.node == where
        assert await erl.receive(timeout=5) == ("hi", pid, erl.group_leader())
        assert await erl.receive(timeout=5) == ("EXIT", pid, "normal")
        pid, ref = await erl.spawn_monitor(where, exit_, [Atom("bye")])
        assert await erl.receive(timeout=5) == ("DOWN", ref, "process", pid, "bye")
        for unknown in (body, print, len):
            with pytest.raises(BadArg, match="spawn wants"):
                await erl.spawn(where, unknown, [])

    await run(pair[0], body)


async def test_an_export_runs_here_without_waiting(pair: tuple[Node, Node]) -> None:
    async def body() -> None:
        pid = erl.spawn(Export(NAME, Atom("tell"), 2), erl.self(), 5)
        assert await erl.receive(timeout=5) == (5, pid, erl.group_leader())

    await run(pair[0], body)


@PLACES
async def test_a_monitor_is_in_force_from_the_start(pair: tuple[Node, Node], where: str) -> None:
    async def body() -> None:
        for function, args, reason in (("exit", [5], 5), ("tell", [erl.self(), 1], "normal")):
            pid, ref = await erl.spawn_monitor(where, NAME, function, args)
            down = await erl.receive(lambda m: m[0] == "DOWN", timeout=5)
            assert down == ("DOWN", ref, "process", pid, reason)
        _, ref = await erl.spawn_monitor(where, NAME, "nothing", [1])
        _, _, _, _, (reason, stack) = await erl.receive(lambda m: m[0] == "DOWN", timeout=5)
        assert (reason, stack) == ("undef", [(NAME, "nothing", [1], [])])

    await run(pair[0], body)


@PLACES
async def test_a_link_is_in_force_from_the_start(pair: tuple[Node, Node], where: str) -> None:
    async def body() -> None:
        erl.process_flag("trap_exit", True)
        pid = await erl.spawn_link(where, NAME, "exit", [Atom("bye")])
        assert await erl.receive(timeout=5) == ("EXIT", pid, "bye")

    await run(pair[0], body)


async def test_a_link_ends_the_process_with_who_spawned_it(pair: tuple[Node, Node]) -> None:
    kate, alex = pair
    before = len(alex.runtime.processes())

    async def body() -> None:
        await erl.spawn_link("alex@localhost", NAME, "wait", [])
        assert len(alex.runtime.processes()) == before + 1
        raise Exit("bang")

    kate.runtime.spawn(body())
    await until(lambda: kate.nodes() and len(alex.runtime.processes()) == before)


async def test_who_dies_before_the_answer_leaves_no_process_linked_to_it(pair: tuple[Node, Node]) -> None:
    kate, alex = pair

    async def body() -> None:
        erl.spawn_request("alex@localhost", NAME, "wait", [], options=["link", "monitor"])
        raise Exit("bang")

    before = len(alex.runtime.processes())
    kate.runtime.spawn(body())
    await until(lambda: not kate.runtime.spawns)
    await until(lambda: len(alex.runtime.processes()) <= before)


async def test_nowhere_gives_a_pid_and_noconnection(pair: tuple[Node, Node]) -> None:
    async def body() -> None:
        erl.process_flag("trap_exit", True)
        pid, ref = await erl.spawn_monitor("absent@localhost", NAME, "wait", [])
        assert await erl.receive(timeout=5) == ("DOWN", ref, "process", pid, "noconnection")
        pid = await erl.spawn_link("absent@localhost", NAME, "wait", [])
        assert await erl.receive(timeout=5) == ("EXIT", pid, "noconnection")
        assert isinstance(await erl.spawn("absent@localhost", NAME, "wait", []), Pid)

    await run(pair[0], body)


@PLACES
async def test_a_request_is_answered_before_anything_else(pair: tuple[Node, Node], where: str) -> None:
    async def body() -> None:
        ref = erl.spawn_request(where, NAME, "exit", [5], options=["monitor", "link", ("priority", "high")])
        erl.process_flag("trap_exit", True)
        kind, answered, ok, pid = await erl.receive(timeout=5)
        assert (kind, answered, ok) == ("spawn_reply", ref, "ok")
        rest = [await erl.receive(timeout=5) for _ in range(2)]
        assert ("DOWN", ref, "process", pid, 5) in rest
        assert ("EXIT", pid, 5) in rest

    await run(pair[0], body)


@PLACES
async def test_tags_aliases_and_unwanted_replies(pair: tuple[Node, Node], where: str) -> None:
    async def body() -> None:
        options: Any = [("monitor", [("tag", Atom("gone"))]), ("reply_tag", Atom("answer"))]
        ref = erl.spawn_request(where, NAME, "exit", [5], options=options)
        assert (await erl.receive(timeout=5))[:3] == ("answer", ref, "ok")
        assert (await erl.receive(timeout=5))[:2] == ("gone", ref)
        silent: Any = ["monitor", ("reply", "error_only")]
        ref = erl.spawn_request(where, NAME, "exit", [5], options=silent)
        assert (await erl.receive(timeout=5))[:2] == ("DOWN", ref)
        aliased: Any = [("monitor", [("alias", "explicit_unalias")]), ("reply", "no")]
        ref = erl.spawn_request(where, NAME, "exit", [5], options=aliased)
        assert (await erl.receive(timeout=5))[:2] == ("DOWN", ref)
        erl.send(ref, "by alias")
        assert await erl.receive(timeout=5) == "by alias"
        assert erl.unalias(ref) is True

    await run(pair[0], body)


@PLACES
async def test_an_unknown_option_is_badopt(pair: tuple[Node, Node], where: str) -> None:
    async def body() -> None:
        ref = erl.spawn_request(where, NAME, "wait", [], options=["nonsense"])
        assert await erl.receive(timeout=5) == ("spawn_reply", ref, "error", "badopt")
        with pytest.raises(BadArg):
            await erl.spawn_opt(where, NAME, "wait", [], options=["nonsense"])
        with pytest.raises(BadArg):
            erl.spawn_request(where, NAME, "wait", [], options=[("monitor", ["nonsense"])])
        with pytest.raises(BadArg):
            erl.spawn_request(where, NAME, "wait")

    await run(pair[0], body)


async def test_nothing_is_left_of_requests(pair: tuple[Node, Node]) -> None:
    kate, alex = pair

    async def body() -> None:
        for _ in range(50):
            _, ref = await erl.spawn_monitor("alex@localhost", NAME, "exit", [1])
            await erl.receive(lambda m, ref=ref: m[1] == ref, timeout=5)

    await run(kate, body)
    sizes = len(alex.runtime.processes()), len(kate.runtime.aliases)
    await run(kate, body)
    assert (len(alex.runtime.processes()), len(kate.runtime.aliases)) == sizes
    assert not kate.runtime.spawns


async def test_a_lost_connection_ends_the_wait(pair: tuple[Node, Node]) -> None:
    kate, _ = pair
    await kate.dial("alex@localhost")

    async def body() -> None:
        ref = erl.spawn_request("alex@localhost", NAME, "wait", [], options=["monitor"])
        kate.disconnect("alex@localhost")
        assert await erl.receive(timeout=5) == ("spawn_reply", ref, "error", "noconnection")

    await run(kate, body)


async def test_a_wait_that_is_given_up_leaves_no_monitor(pair: tuple[Node, Node]) -> None:
    kate, _ = pair
    await kate.dial("alex@localhost")

    async def body() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await erl.spawn_monitor("alex@localhost", NAME, "wait", [])
        await until(lambda: not kate.runtime.spawns)
        monitors = erl.this_process().monitors
        assert monitors is None or not monitors.watching

    await run(kate, body)


class Refusing:
    """A distribution whose nodes take no further process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._usual = runtime.distribution

    def __getattr__(self, name: str) -> Any:
        return getattr(self._usual, name)

    def signal(self, node: Atom, request: Any) -> None:
        reply = SpawnReply(request.ref, request.sender, 0, Atom("system_limit"))
        self._runtime.loop.call_soon(self._runtime.receive_signal, node, reply)


async def test_another_failure_is_an_error(pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch) -> None:
    kate, _ = pair

    async def body() -> None:
        monkeypatch.setattr(kate.runtime, "distribution", Refusing(kate.runtime))
        with pytest.raises(ErlangError) as failed:
            await erl.spawn("alex@localhost", NAME, "wait", [])
        monkeypatch.undo()
        assert failed.value.reason == "system_limit"

    await run(kate, body)


async def test_only_the_node_that_was_asked_can_answer(pair: tuple[Node, Node]) -> None:
    kate, _ = pair
    await kate.dial("alex@localhost")

    async def body() -> None:
        ref = erl.spawn_request("alex@localhost", NAME, "tell", [erl.self(), 1])
        forged = SpawnReply(ref, erl.self(), 0, Atom("forged"))
        kate.runtime.receive_signal(Atom("zoe@localhost"), forged)
        assert (await erl.receive(timeout=5))[:3] == ("spawn_reply", ref, "ok")

    await run(kate, body)
