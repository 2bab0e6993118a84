"""How nodes of one program come to know each other, and how they lose each other."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run, until

from pyerlnode.otp import GenServer
from pyerlnode.process import receive, register, self, send
from pyerlnode.services import global_, modules, net_kernel, rpc
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.node import Node

SERVICES = [modules.service, net_kernel.service, rpc.service, global_.service]


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster(services=SERVICES) as running:
        yield running


async def idle() -> None:
    await receive()


async def register_name(node: Node, name: str) -> Pid:
    pid = node.runtime.spawn(idle()).pid
    assert await run(node, global_.register_name, Atom(name), pid)
    return pid


def member(node: Node) -> Any:
    return node.runtime.name_hooks[Atom("global")].member  # type: ignore[attr-defined]


def knows(node: Node, nodes: list[Node]) -> bool:
    """Whether a node is connected to and knows all the others, and nobody else."""
    others = {other.name for other in nodes} - {node.name}
    return set(member(node).known) == others == set(node.nodes())


async def meshed(*nodes: Node) -> None:
    for node in nodes:
        await until(lambda node=node: knows(node, list(nodes)))
    for node in nodes:
        await until(lambda node=node: not member(node).joining.pending and not member(node).joining.resolvers)


def where(node: Node, name: str) -> Pid | None:
    found: Pid | None = member(node).tables.where(Atom(name))
    return found


async def all_see(nodes: list[Node], name: str, pid: Pid | None) -> None:
    for node in nodes:
        await until(lambda node=node: where(node, name) == pid)


async def test_a_chain_becomes_a_mesh(cluster: Cluster) -> None:
    nodes = [await cluster.start(name) for name in ("e", "b", "d", "a", "c")]
    pids = [await register_name(node, f"of_{node.name}") for node in nodes]
    for one, other in pairwise(nodes):
        assert await one.connect(other.name)
    await meshed(*nodes)
    for node, pid in zip(nodes, pids, strict=True):
        await all_see(nodes, f"of_{node.name}", pid)
    for node in nodes:
        assert not member(node).joining.attempts
        assert not member(node).tables.locks


async def test_two_meshes_become_one(cluster: Cluster) -> None:
    left = [await cluster.start(name) for name in ("a", "d", "e")]
    right = [await cluster.start(name) for name in ("b", "c", "f")]
    for group in (left, right):
        for node in group[1:]:
            assert await node.connect(group[0].name)
        await meshed(*group)
    theirs, ours = await register_name(left[1], "n"), await register_name(right[2], "n")
    assert await left[2].connect(right[1].name)
    await meshed(*left, *right)
    winner = where(left[0], "n")
    assert winner in (theirs, ours)
    await all_see([*left, *right], "n", winner)


async def test_who_returns_is_known_again_and_brings_its_names(cluster: Cluster) -> None:
    kate, alex = await cluster.mesh("kate", "alex")
    pid = await register_name(alex, "n")
    for _ in range(5):
        await meshed(kate, alex)
        await all_see([kate, alex], "n", pid)
        assert kate.disconnect(alex.name)
        await all_see([kate], "n", None)
        assert await alex.connect(kate.name)
    for _ in range(3):
        await meshed(kate, alex)
        await all_see([kate, alex], "n", pid)
        # At once, before the loss has been noticed everywhere.
        kate.disconnect(alex.name)
        assert await kate.connect(alex.name)
    await meshed(kate, alex)
    await all_see([kate, alex], "n", pid)


async def test_two_that_want_to_be_rid_of_each_other_part(cluster: Cluster) -> None:
    kate, alex = await cluster.mesh("kate", "alex")
    await meshed(kate, alex)
    for one, other in ((kate, alex), (alex, kate)):
        member(one).parting.forget(other.name, "removed")
    assert kate.nodes() == [alex.name]
    member(kate).process.put((Atom("remove_connection"), alex.name))
    await until(lambda: not kate.nodes() and not alex.nodes())
    await until(lambda: not member(kate).parting.removing and not member(alex).parting.removing)
    assert await kate.connect(alex.name)
    await meshed(kate, alex)


async def test_the_names_of_a_removed_node_go_even_if_no_connection_ends(cluster: Cluster) -> None:
    kate, alex = await cluster.mesh("kate", "alex")
    await meshed(kate, alex)
    pid = await register_name(alex, "n")
    await all_see([kate, alex], "n", pid)
    member(kate).parting.forget(alex.name, "removed")
    assert where(kate, "n") is None and where(alex, "n") == pid


async def test_late_steps_of_an_attempt_cost_no_names_once_a_node_is_known(cluster: Cluster) -> None:
    kate, alex = await cluster.mesh("kate", "alex")
    await meshed(kate, alex)
    pid = await register_name(alex, "n")
    await all_see([kate, alex], "n", pid)
    there, server = member(kate).joining, member(kate).process
    late_init = (Atom("init_connect"), (8, 88), alex.name, (Atom("locker"), 1, {}, member(alex).locker.pid))
    for prepare, message in (
        (lambda: None, (Atom("init_connect_ack"), alex.name, 77, 88)),
        (lambda: setattr(there.attempt(alex.name), "my_tag", 77), (Atom("cancel_connect"), alex.name, 77)),
        (lambda: there.pending.update({alex.name: 8}), (Atom("$gen_cast"), late_init)),
        (lambda: there.resolvers.update({alex.name: (77, None)}), (Atom("$gen_cast"), late_init)),
    ):
        prepare()
        server.put(message)
        assert await run(kate, GenServer.call, "global_name_server", Atom("get_known")) == [alex.name]
        assert where(kate, "n") == pid
        # What it says of them to alex has arrived as well.
        assert await run(kate, rpc.call, alex.name, "erlang", "node", []) == alex.name
        assert where(alex, "n") == pid and knows(alex, [kate, alex])
        there.attempts.clear()
        there.pending.clear()
        there.resolvers.clear()


async def test_a_node_that_stops_holds_nobody_up(cluster: Cluster) -> None:
    kate, alex, zoe = await cluster.mesh("kate", "alex", "zoe")
    await meshed(kate, alex, zoe)
    await register_name(zoe, "n")
    await zoe.stop()
    await asyncio.gather(register_name(kate, "x"), register_name(alex, "y"))
    await all_see([kate, alex], "n", None)
    await meshed(kate, alex)


async def test_news_of_a_lost_connection_are_of_the_connection_that_there_was(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    # A node that stops may be known to have gone here before, and be back, when another one says so.
    kate, alex = await cluster.mesh("kate", "alex")
    await meshed(kate, alex)
    there = member(kate)
    now = there.connections[alex.name]
    there.process.put((Atom("part"), alex.name, now - 1))
    assert await run(kate, GenServer.call, "global_name_server", Atom("get_known")) == [alex.name]
    assert not caplog.records
    there.process.put((Atom("part"), alex.name, now))
    await until(lambda: kate.nodes() == [])
    assert any("requested disconnect from alex@localhost" in record.message for record in caplog.records)


async def test_sync_waits_for_what_is_connected(cluster: Cluster) -> None:
    kate, alex = await cluster.start("kate"), await cluster.start("alex")
    pid = await register_name(alex, "n")
    assert await kate.connect(alex.name)
    await run(kate, global_.sync)
    assert where(kate, "n") == pid
    await run(kate, global_.sync, [alex.name, "nobody@localhost", kate.name])
    silent = await cluster.start("silent", services=[])
    assert await kate.connect(silent.name)
    waiting = asyncio.ensure_future(run(kate, global_.sync))
    await run(kate, global_.sync, [alex.name])
    assert not waiting.done()
    await silent.stop()
    await waiting
    assert member(kate).waiting.syncers == []


async def test_overlapping_partitions_are_prevented(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    nodes = kate, alex, zoe = await cluster.mesh("kate", "alex", "zoe")
    await meshed(*nodes)
    with caplog.at_level(logging.WARNING, logger="pyerlnode.global"):
        kate.disconnect(zoe.name)
        await until(lambda: not overlapping(*nodes))
        await until(lambda: any("overlapping partitions" in record.message for record in caplog.records))
    assert zoe.name not in kate.nodes()

    async def mended() -> bool:
        # The last of them to hear of it may disconnect what was connected again meanwhile.
        await alex.connect(kate.name)
        await alex.connect(zoe.name)
        return all(knows(node, list(nodes)) for node in nodes)

    await until(mended, timeout=20.0)
    await meshed(*nodes)


def overlapping(*nodes: Node) -> bool:
    views = {node.name: set(node.nodes()) for node in nodes}
    return any(
        other not in views[one] for view in views.values() for one in view for other in view if one != other
    )


async def test_without_prevention_others_keep_their_connections(cluster: Cluster) -> None:
    cluster.services = (
        net_kernel.service,
        rpc.service,
        global_.configured(prevent_overlapping_partitions=False),
    )
    kate, alex, zoe = await cluster.mesh("kate", "alex", "zoe")
    await meshed(kate, alex, zoe)
    kate.disconnect(zoe.name)
    await until(lambda: zoe.name not in member(kate).known and kate.name not in member(zoe).known)
    await register_name(kate, "x")  # a round trip to everybody who is left
    assert set(alex.nodes()) == {kate.name, zoe.name}


async def test_disconnect_is_not_taken_for_a_partition(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    kate, alex, zoe = await cluster.mesh("kate", "alex", "zoe")
    await meshed(kate, alex, zoe)
    left = await run(kate, global_.disconnect)
    assert sorted(left) == [alex.name, zoe.name]
    await until(lambda: not kate.nodes())
    await meshed(alex, zoe)
    await register_name(kate, "x")
    assert await kate.connect(alex.name)
    await meshed(kate, alex, zoe)


async def test_a_node_without_connect_all_keeps_to_itself(cluster: Cluster) -> None:
    alone = [net_kernel.service, rpc.service, global_.configured(connect_all=False)]
    kate = await cluster.start("kate", services=alone)
    alex = await cluster.start("alex", services=alone)
    assert await kate.connect(alex.name)
    await register_name(kate, "n")
    await register_name(alex, "n")
    assert not member(kate).known


async def test_hidden_nodes_are_left_out(cluster: Cluster) -> None:
    kate = await cluster.start("kate")
    ghost = await cluster.start("ghost", hidden=True)
    assert await ghost.connect(kate.name)
    await register_name(kate, "n")
    await register_name(ghost, "n")
    assert not member(kate).known
    assert not member(kate).joining.resolvers


async def test_a_node_of_an_old_version_is_not_kept_waiting(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    kate, old = await cluster.start("kate"), await cluster.start("old", services=[])
    assert await old.connect(kate.name)

    async def body() -> None:
        locker = (Atom("locker"), Atom("no_longer_a_pid"), [], self())
        to = ("global_name_server", kate.name)
        GenServer.cast(to, (Atom("init_connect"), (7, 1), old.name, locker))

    with caplog.at_level(logging.ERROR):
        await run(old, body)
        await until(lambda: not kate.nodes())
    assert "speaks version 7" in caplog.text


class Peer:
    """The other side of an attempt to join, played by the test step by step."""

    def __init__(self, node: Node, kate: Node) -> None:
        self.node = node
        self.kate = kate
        self.to = ("global_name_server", kate.name)
        self.his_tag: Any = None

    async def expect(self, *kinds: str, timeout: float = 5) -> Any:
        """The next message of one of these kinds, without the word of a cast."""

        def fits(message: Any) -> bool:
            return kind_of(message) in kinds

        message = await receive(fits, timeout=timeout)
        return message[1] if message[0] == "$gen_cast" else message

    async def greeted(self, tag: int) -> None:
        """Both init_connects, and kate's acknowledgement."""
        message = await self.expect("init_connect")
        self.his_tag = message[1][1]
        locker = (Atom("locker"), Atom("no_longer_a_pid"), {}, self_pid())
        self.cast((Atom("init_connect"), (8, tag), self.node.name, locker))
        assert await self.expect("init_connect_ack") == (
            "init_connect_ack",
            self.kate.name,
            tag,
            self.his_tag,
        )
        send(self.to, (Atom("init_connect_ack"), self.node.name, self.his_tag, tag))

    def cast(self, request: Any) -> None:
        GenServer.cast(self.to, request)


def self_pid() -> Pid:
    return self()


def kind_of(message: Any) -> Any:
    if message[0] == "$gen_cast":
        return message[1][0]
    if message[0] == "$gen_call":
        return message[2][0]
    return message[0]


async def played(cluster: Cluster, script: Any) -> Node:
    """Run `script(peer)` in a process that is the `global_name_server` of a node, connected to kate."""
    kate, old = await cluster.start("kate"), await cluster.start("peer", services=[])

    async def body() -> None:
        register("global_name_server", self())
        assert await old.connect(kate.name)
        await script(Peer(old, kate))

    await run(old, body)
    return kate


async def test_a_wrong_tag_begins_anew(cluster: Cluster) -> None:
    async def script(peer: Peer) -> None:
        await peer.greeted(7)
        first = peer.his_tag
        send(peer.to, (Atom("init_connect_ack"), peer.node.name, first, 8))
        assert await peer.expect("cancel_connect") == ("cancel_connect", peer.kate.name, 8)
        await peer.greeted(9)
        assert peer.his_tag != first
        send(peer.to, (Atom("cancel_connect"), peer.node.name, peer.his_tag))
        assert await peer.expect("cancel_connect") is not None
        second = peer.his_tag
        await peer.greeted(10)
        assert peer.his_tag != second
        # An attempt that is over is nobody's.
        send(peer.to, (Atom("cancel_connect"), peer.node.name, second))
        peer.cast((Atom("exchange"), peer.node.name, [], [], second))
        peer.cast((Atom("resolved"), peer.node.name, [], [], Atom("unused"), [], second))
        assert await GenServer.call(peer.to, Atom("get_known")) == []

    kate = await played(cluster, script)
    assert kate.disconnect("peer@localhost")
    await until(lambda: not member(kate).joining.attempts and not member(kate).joining.resolvers)


async def test_the_other_side_gives_up_while_everything_is_locked(cluster: Cluster) -> None:
    async def script(peer: Peer) -> None:
        await peer.greeted(7)
        # Kate begins: she locks here, says so, and waits for our lock.
        _, caller, (_, lock_id) = await peer.expect_call("set_lock")
        assert lock_id == ("global", sorted(lock_id[1], key=repr)) or len(lock_id[1]) == 2
        GenServer.reply(caller, True)
        kind, locker, locked, known, tag = await peer.expect("lock_set")
        assert (kind, locked, known, tag) == ("lock_set", True, [], 7)
        send(peer.to, (Atom("cancel_connect"), peer.node.name, peer.his_tag))
        _, caller, (_, deleted) = await peer.expect_call("del_lock")
        assert deleted == lock_id
        GenServer.reply(caller, True)
        await peer.greeted(8)
        # Now this side begins, of an attempt that she knows nothing of.
        send(locker, (Atom("lock_set"), self(), True, [], 99))
        assert (await peer.expect("lock_set"))[2] is False

    kate = await played(cluster, with_calls(script))
    await until(lambda: not member(kate).tables.locks)


async def test_the_steps_of_joining_as_a_peer_sees_them(cluster: Cluster) -> None:
    async def script(peer: Peer) -> None:
        await peer.greeted(7)
        _, caller, (_, lock_id) = await peer.expect_call("set_lock")
        GenServer.reply(caller, True)
        await peer.expect("lock_set")
        peer.cast((Atom("lock_set"), self(), True, [], peer.his_tag))
        assert await peer.expect("exchange") == ("exchange", peer.kate.name, [], [], 7)
        own = (Atom("n"), self(), Atom("how"))
        peer.cast((Atom("exchange"), peer.node.name, [own], [], peer.his_tag))
        kind, node, operations, known, unused, external, tag = await peer.expect("resolved")
        assert (kind, node, operations, known, unused) == ("resolved", peer.kate.name, [], [], "unused")
        assert (external, tag) == ([], 7)
        peer.cast((Atom("resolved"), peer.node.name, [], [], Atom("unused"), [], peer.his_tag))
        _, caller, (_, deleted) = await peer.expect_call("del_lock")
        assert deleted == lock_id
        GenServer.reply(caller, True)
        assert await GenServer.call(peer.to, Atom("get_known")) == [peer.node.name]
        assert where(peer.kate, "n") == self()

    kate = await played(cluster, with_calls(script))
    await until(lambda: where(kate, "n") is None)


def with_calls(script: Any) -> Any:
    """Let the script take gen calls by what is asked."""

    async def wrapped(peer: Peer) -> None:
        async def expect_call(kind: str) -> Any:
            def fits(message: Any) -> bool:
                return bool(message[0] == "$gen_call" and kind_of(message) == kind)

            return await receive(fits, timeout=5)

        peer.expect_call = expect_call  # type: ignore[attr-defined]
        await script(peer)

    return wrapped
