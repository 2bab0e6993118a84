"""Process groups among nodes of one program."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run, until

from pyerlnode.errors import BadArg, ErlangError, NoProc
from pyerlnode.otp import GenServer, sys
from pyerlnode.process import exit, receive, register, self, send, spawn
from pyerlnode.services import pg
from pyerlnode.term import Atom, ImproperList, Pid, equal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.node import Node

GROUP = Atom("workers")
OTHER = Atom("others")


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster(services=[pg.service]) as running:
        yield running


async def until_a_message() -> None:
    await receive()


def worker(node: Node) -> Pid:
    return node.runtime.spawn(until_a_message()).pid


async def members(node: Node, group: Any = GROUP, scope: str = "pg") -> list[Pid]:
    return await run(node, lambda: pg.get_members(group, scope=scope))


async def groups(node: Node) -> list[Any]:
    return await run(node, pg.which_groups)


async def test_members_of_one_node(cluster: Cluster) -> None:
    node = await cluster.start("kate")
    one, two = worker(node), worker(node)

    def body() -> None:
        assert pg.get_members(GROUP) == []
        assert pg.join(GROUP, one) == "ok"
        assert pg.join(GROUP, [two, one]) == "ok"
        assert pg.get_members(GROUP) == [two, one, one]
        assert pg.get_local_members(GROUP) == [two, one, one]
        assert pg.join(OTHER, []) == "ok"
        assert pg.which_groups() == pg.which_local_groups() == [GROUP]
        assert pg.leave(GROUP, one) == "ok"
        assert pg.get_members(GROUP) == [two, one]
        assert pg.leave(OTHER, one) == "not_joined"
        assert pg.leave(GROUP, [one, one, two]) == "ok"
        assert pg.leave(GROUP, one) == "not_joined"
        assert pg.which_groups() == []

    await run(node, body)


async def test_groups_are_told_apart_as_erlang_does(cluster: Cluster) -> None:
    kate, alex = await cluster.mesh("kate", "alex")
    names: list[Any] = [1, 1.0, True, Atom("a"), "a", [1], {Atom("k"): [1]}]
    pids = [worker(kate) for _ in names]

    def body() -> None:
        for name, pid in zip(names, pids, strict=True):
            pg.join(name, pid)

    await run(kate, body)
    for name, pid in zip(names, pids, strict=True):
        await until(lambda name=name, pid=pid: is_members(alex, name, [pid]))
    assert len(await groups(alex)) == len(names)


async def is_members(node: Node, group: Any, pids: list[Pid]) -> bool:
    return await members(node, group) == pids


async def test_who_joins_leaves_or_ends_is_seen_everywhere(cluster: Cluster) -> None:
    kate, alex, zoe = await cluster.mesh("kate", "alex", "zoe")
    one, two = worker(kate), worker(alex)
    await run(kate, pg.join, GROUP, [one, one])
    await run(alex, pg.join, GROUP, two)
    for node in (kate, alex, zoe):
        await until(lambda node=node: has(node, {one: 2, two: 1}))
    assert await run(alex, pg.get_local_members, GROUP) == [two]
    assert await run(zoe, pg.which_local_groups) == []
    await run(kate, pg.leave, GROUP, one)
    for node in (kate, alex, zoe):
        await until(lambda node=node: has(node, {one: 1, two: 1}))
    await run(zoe, exit, one, Atom("kill"))
    await run(zoe, exit, two, Atom("kill"))
    for node in (kate, alex, zoe):
        await until(lambda node=node: has(node, {}))
        assert await groups(node) == []


async def has(node: Node, wanted: dict[Pid, int], group: Any = GROUP) -> bool:
    pids = await members(node, group)
    return {pid: pids.count(pid) for pid in pids} == wanted


async def test_members_of_a_lost_node_leave_and_come_back_with_it(cluster: Cluster) -> None:
    kate, alex = await cluster.mesh("kate", "alex")
    one, two = worker(kate), worker(alex)
    await run(kate, pg.join, GROUP, one)
    await run(alex, pg.join, GROUP, two)
    await until(lambda: has(kate, {one: 1, two: 1}))
    for _ in range(3):
        assert kate.disconnect(alex.name)
        await until(lambda: has(kate, {one: 1}))
        await until(lambda: has(alex, {two: 1}))
        await run(kate, pg.join, OTHER, one)  # what changes meanwhile is there afterwards
        assert await alex.connect(kate.name)
        await until(lambda: has(kate, {one: 1, two: 1}))
        await until(lambda: has(alex, {one: 1, two: 1}))
        await until(lambda: is_members(alex, OTHER, [one]))
        await run(kate, pg.leave, OTHER, one)
        await until(lambda: is_members(alex, OTHER, []))


async def test_a_node_that_stops_takes_its_members_along(cluster: Cluster) -> None:
    kate, alex = await cluster.mesh("kate", "alex")
    await run(alex, pg.join, GROUP, worker(alex))
    await until(lambda: has_any(kate))
    await alex.stop()
    await until(lambda: has(kate, {}))


async def has_any(node: Node) -> bool:
    return bool(await members(node))


async def test_monitors_tell_of_changes_on_all_nodes(cluster: Cluster) -> None:
    kate, alex = await cluster.mesh("kate", "alex")
    one, two, three = worker(kate), worker(alex), worker(alex)
    await run(kate, pg.join, GROUP, one)
    await until(lambda: has(alex, {one: 1}))

    async def watch() -> None:
        ref, there = pg.monitor(GROUP)
        everything, by_group = pg.monitor_scope()
        assert there == [one]
        assert dict(by_group) == {GROUP: [one]}
        send(body_pid, Atom("watching"))
        assert await change(ref) == ("join", GROUP, [two])
        assert await change(everything) == ("join", GROUP, [two])
        assert await change(everything) == ("join", OTHER, [three])
        assert await change(everything) == ("leave", OTHER, [three])
        assert await change(ref) == ("leave", GROUP, [two])
        assert pg.demonitor(everything)
        assert not pg.demonitor(everything)
        assert pg.demonitor(ref)
        pg.join(GROUP, self())
        with pytest.raises(TimeoutError):
            await receive(timeout=0)

    async def body() -> None:
        nonlocal body_pid
        body_pid = self()
        watching = kate.runtime.spawn(checked(watch(), outcome))
        await receive(timeout=5)
        await run(alex, pg.join, GROUP, two)
        await run(alex, pg.join, OTHER, three)
        await run(alex, pg.leave, OTHER, three)
        await run(alex, pg.leave, GROUP, two)
        await until(lambda: not watching.alive)

    outcome: list[BaseException] = []
    body_pid: Any = None
    await run(kate, body)
    if outcome:
        raise outcome[0]


async def change(ref: Any) -> Any:
    return (await receive(lambda message: message[0] == ref, timeout=5))[1:]


async def checked(coroutine: Any, outcome: list[BaseException]) -> None:
    try:
        await coroutine
    except BaseException as error:
        outcome.append(error)


async def test_a_monitor_ends_with_its_process_and_its_messages_with_it(cluster: Cluster) -> None:
    kate, alex = await cluster.mesh("kate", "alex")
    pid = worker(kate)

    async def body() -> None:
        ref, there = await GenServer.call((Atom("pg"), kate.name), (Atom("monitor"), GROUP))
        assert there == []
        await run(kate, pg.join, GROUP, pid)
        assert await receive(timeout=5) == (ref, "join", GROUP, [pid])
        _, everything = await GenServer.call((Atom("pg"), kate.name), Atom("monitor"))
        assert everything == {GROUP: [pid]}

    await run(alex, body)
    process = kate.runtime.registered_process("pg")
    assert process is not None
    await until(lambda: process.behaviour.scope.subscribers == {})  # type: ignore[union-attr]

    async def flushed() -> None:
        ref, _ = pg.monitor(GROUP)
        pg.leave(GROUP, pid)
        pg.join(GROUP, pid)
        assert pg.demonitor(ref)
        with pytest.raises(TimeoutError):
            await receive(timeout=0)

    await run(kate, flushed)


async def test_scopes_are_separate(cluster: Cluster) -> None:
    phoenix = "Elixir.Phoenix.PubSub"
    services = [pg.service, pg.scope_service(phoenix)]
    kate = await cluster.start("kate", services=services)
    alex = await cluster.start("alex", services=services)
    zoe = await cluster.start("zoe")
    assert await kate.connect(alex.name)
    assert await zoe.connect(kate.name)
    pid = worker(kate)
    await run(kate, lambda: pg.join(GROUP, pid, scope=phoenix))
    await until(lambda: in_scope(alex, phoenix, [pid]))
    assert await members(alex) == []
    assert await members(zoe, GROUP, phoenix) == []
    # A scope that is started when the nodes are connected already.
    await run(zoe, pg.start, phoenix)
    await until(lambda: in_scope(zoe, phoenix, [pid]))
    with pytest.raises(BadArg, match="started already"):
        await run(zoe, pg.start, phoenix)


async def in_scope(node: Node, scope: str, pids: list[Pid]) -> bool:
    return await members(node, GROUP, scope) == pids


async def test_hidden_nodes_do_not_take_part(cluster: Cluster) -> None:
    kate = await cluster.start("kate")
    ghost = await cluster.start("ghost", hidden=True)
    assert await ghost.connect(kate.name)
    await run(kate, pg.join, GROUP, worker(kate))

    async def settled() -> None:
        # Behind everything that kate could have sent before.
        assert await GenServer.call((Atom("pg"), kate.name), (Atom("leave_local"), OTHER, [])) == "not_joined"

    await run(ghost, settled)
    assert await members(ghost) == []


async def test_what_is_wrong_is_refused(cluster: Cluster) -> None:
    kate, alex = await cluster.mesh("kate", "alex")
    there = worker(alex)

    def body() -> None:
        with pytest.raises(ErlangError) as raised:
            pg.join(GROUP, there)
        assert raised.value.reason == ("nolocal", there)
        with pytest.raises(BadArg, match="a pid or a list of pids"):
            pg.join(GROUP, "kate")  # type: ignore[arg-type]
        with pytest.raises(NoProc):
            pg.join(GROUP, self(), scope="nowhere")
        assert pg.get_members(GROUP, scope="nowhere") == []
        assert pg.which_groups(scope="nowhere") == []

    await run(kate, body)


async def test_no_message_ends_a_scope(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    kate, alex = await cluster.mesh("kate", "alex")
    pid = worker(kate)
    await run(kate, pg.join, GROUP, pid)
    await until(lambda: has(alex, {pid: 1}))
    stranger = Pid(alex.name, 999, 0, alex.creation)
    to = (Atom("pg"), kate.name)
    bad: list[Any] = [
        Atom("hello"),
        (Atom("join"), stranger, GROUP, stranger),
        (Atom("join"), stranger, GROUP, [1]),
        (Atom("leave"), stranger, [stranger], [GROUP]),
        (Atom("leave"), stranger, 1, GROUP),
        (Atom("discover"), 1),
        (Atom("update"), stranger, [1, (GROUP, 1, 2)]),
        (Atom("$gen_cast"), (Atom("sync"), stranger, [(GROUP, 1)])),
        (Atom("$gen_call"), 1, Atom("monitor")),
        (Atom("$gen_call"), (1, 2), (Atom("monitor"), GROUP)),
        (Atom("$gen_cast"), (Atom("sync"), stranger, ImproperList([1], 2))),
        (Atom("$gen_cast"), (Atom("local_data"), stranger, 1, [])),
        (Atom("DOWN"), alex.runtime.make_ref(), Atom("process"), pid, Atom("kill")),
    ]

    async def body() -> None:
        for message in bad:
            send(to, message)
        answer = await GenServer.call(to, (Atom("join_local"), GROUP, self()))
        assert answer == ("error", "badarg")

    with caplog.at_level(logging.ERROR):
        await run(alex, body)
        await until(lambda: has(kate, {pid: 1}))
    assert caplog.records == []


async def test_version_1_is_understood(cluster: Cluster) -> None:
    """A peer that speaks as OTP 29 does among its own kind."""
    kate, alex = await cluster.start("kate"), await cluster.start("alex", services=[])
    assert await alex.connect(kate.name)
    own = worker(kate)
    await run(kate, pg.join, OTHER, own)
    sync = (Atom("$gen_cast"), (Atom("sync"),))

    async def body() -> None:
        register("pg", self())
        to = (Atom("pg"), kate.name)
        send(to, (Atom("discover"), self(), 1))
        tag, (kind, scope, there) = await receive(timeout=5)
        assert (tag, kind, there) == (sync[0], "sync", [(OTHER, [own])])
        assert await receive(timeout=5) == ("discover", scope)
        one, two = spawn(until_a_message), spawn(until_a_message)
        send(to, (Atom("$gen_cast"), (Atom("local_data"), self(), 1, {GROUP: [one, one]})))
        await until(lambda: has(kate, {one: 2}))
        send(to, (Atom("update"), self(), [(GROUP, [two], [one]), (1.5, [one], [])]))
        await until(lambda: has(kate, {one: 1, two: 1}))
        assert await is_members(kate, 1.5, [one])
        send(to, (Atom("$gen_cast"), (Atom("local_data"), self(), 1, {GROUP: [two]})))
        await until(lambda: has(kate, {two: 1}))
        assert await is_members(kate, 1.5, [])
        await run(kate, pg.leave, OTHER, own)
        assert await receive(timeout=5) == ("leave", scope, [own], [OTHER])

    await run(alex, body)
    await until(lambda: has(kate, {}))


async def test_changes_are_not_told_to_who_does_not_know_what_there_is(cluster: Cluster) -> None:
    """A scope of OTP 25 ends with an error when somebody leaves a group that it never heard of."""
    kate, alex = await cluster.start("kate"), await cluster.start("alex", services=[])
    assert await alex.connect(kate.name)
    own = worker(kate)
    await run(kate, pg.join, GROUP, own)

    async def body() -> None:
        register("pg", self())
        to = (Atom("pg"), kate.name)
        send(to, (Atom("$gen_cast"), (Atom("sync"), self(), [(OTHER, [self()])])))
        own_pid = self()
        await until(lambda: is_members(kate, OTHER, [own_pid]))
        await run(kate, pg.leave, GROUP, own)
        send(to, (Atom("discover"), self()))
        _, (kind, _, there) = await receive(timeout=5)
        assert (kind, there) == ("sync", [])

    await run(alex, body)


async def test_the_state_can_be_looked_at(cluster: Cluster) -> None:
    kate = await cluster.start("kate")

    async def body() -> None:
        state = await sys.get_state("pg")
        assert equal(state[Atom("scope")], Atom("pg"))

    await run(kate, body)
