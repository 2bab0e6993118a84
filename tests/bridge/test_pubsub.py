"""Phoenix.PubSub among nodes of one program."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run, until

from pyerlnode.bridge.pubsub import SCOPE, PubSub
from pyerlnode.errors import BadArg
from pyerlnode.otp import Registry, Supervisor
from pyerlnode.process import exit, process_flag, receive, self, send, whereis
from pyerlnode.services import pg
from pyerlnode.services.modules import Module
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.node import Node

NAME = "Elixir.Demo.PubSub"
ADAPTER = "Elixir.Demo.PubSub.Adapter"


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster() as running:
        yield running


async def host(node: Node, **options: Any) -> Pid:
    """Start the PubSub on a node, under a process that lives as long as the node."""

    async def start() -> None:
        await PubSub.start_link(NAME, **options)
        started.append(self())
        await receive()

    started: list[Pid] = []
    node.runtime.spawn(start())
    await until(lambda: started)
    return started[0]


class Listener:
    """A process that subscribes, as often as topics say, and keeps what it gets."""

    def __init__(self, node: Node, *topics: str) -> None:
        self.got: list[Any] = []
        self.ready = False
        self.pid = node.runtime.spawn(self._run(topics)).pid

    async def _run(self, topics: tuple[str, ...]) -> None:
        for topic in topics:
            assert PubSub.subscribe(NAME, topic) == "ok"
        self.ready = True
        while True:
            match await receive():
                case ("leave", topic):
                    PubSub.unsubscribe(NAME, topic)
                    self.got.append("left")
                case message:
                    self.got.append(message)


async def listener(node: Node, *topics: str) -> Listener:
    made = Listener(node, *topics)
    await until(lambda: made.ready)
    return made


async def pair(cluster: Cluster, **options: Any) -> tuple[Node, Node]:
    kate, alex = await cluster.mesh("kate", "alex")
    for node in (kate, alex):
        await host(node, **options)
    size = options.get("pool_size", 1)
    groups = [ADAPTER, *(f"{ADAPTER}_{number}" for number in range(2, size + 1))]
    for node in (kate, alex):
        for group in groups:
            await until(lambda node=node, group=group: members(node, group))
    return kate, alex


async def members(node: Node, group: str) -> bool:
    return len(await run(node, lambda: pg.get_members(Atom(group), scope=SCOPE))) == 2


async def test_broadcasts_reach_the_subscribers_of_all_nodes(cluster: Cluster) -> None:
    kate, alex = await pair(cluster)
    here, there = await listener(kate, "a"), await listener(alex, "a")
    other, twice = await listener(alex, "b"), await listener(alex, "a", "a")

    def body() -> None:
        assert PubSub.broadcast(NAME, "a", 1) == "ok"
        assert PubSub.broadcast_from(NAME, here.pid, b"a", 2) == "ok"
        assert PubSub.local_broadcast(NAME, "a", 3) == "ok"
        assert PubSub.local_broadcast_from(NAME, here.pid, "a", 4) == "ok"
        assert PubSub.direct_broadcast(alex.name, NAME, "a", 5) == "ok"
        assert PubSub.node_name(NAME) == kate.name
        PubSub.broadcast(NAME, "b", 6)

    await run(kate, body)
    await until(lambda: other.got == [6])
    assert here.got == [1, 3]
    assert there.got == [1, 2, 5]
    assert twice.got == [1, 1, 2, 2, 5, 5]


async def test_who_unsubscribes_or_ends_gets_nothing_more(cluster: Cluster) -> None:
    kate, alex = await pair(cluster)
    leaving, ending, last = [await listener(alex, topic) for topic in ("a", "a", "end")]
    send_from = kate.runtime.send
    send_from(leaving.pid, (Atom("leave"), "a"))
    await until(lambda: leaving.got == ["left"])
    await run(kate, lambda: exit(ending.pid, "kill"))
    await until(lambda: alex.runtime.process(ending.pid) is None)

    def body() -> None:
        PubSub.broadcast(NAME, "a", 1)
        PubSub.broadcast(NAME, "end", 2)

    await run(kate, body)
    await until(lambda: last.got)
    assert leaving.got == ["left"]
    assert await run(alex, lambda: Registry.count(NAME)) == 1


async def test_a_pool_is_used_by_whoever_broadcasts(cluster: Cluster) -> None:
    kate, alex = await pair(cluster, pool_size=3, broadcast_pool_size=2)
    there = await listener(alex, "a")
    for number in range(20):
        await run(kate, lambda number=number: PubSub.broadcast(NAME, "a", number))
    await until(lambda: len(there.got) == 20)
    assert sorted(there.got) == list(range(20))
    groups = await run(kate, lambda: sorted(pg.which_groups(scope=SCOPE)))
    assert groups == [ADAPTER, f"{ADAPTER}_2", f"{ADAPTER}_3"]


async def test_a_dispatcher_of_the_program_and_one_that_is_missing(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    kate, alex = await pair(cluster)
    there = await listener(alex, "a")
    dispatcher = Module("Demo.Dispatcher")

    def dispatch(entries: Any, sender: Any, message: Any) -> None:
        for pid, metadata in entries:
            send(pid, (Atom("dispatched"), metadata, sender, message))

    def broken(entries: Any, sender: Any, message: Any) -> None:
        raise ValueError("broken")

    dispatcher.export(dispatch)
    Module("Demo.Broken").export("dispatch")(broken)
    caplog.set_level(logging.WARNING, "pyerlnode.pubsub")

    def body() -> None:
        with pytest.raises(BadArg, match="exports no dispatch/3"):
            PubSub.broadcast(NAME, "a", 0, "Elixir.Nowhere")
        for broadcast in ("Elixir.Demo.Broken", "Elixir.Nowhere", "Elixir.Demo.Dispatcher"):
            PubSub.direct_broadcast(alex.name, NAME, "a", 1, broadcast)
        PubSub.broadcast(NAME, "a", 2, "Elixir.Phoenix.Channel.Server")

    await run(kate, body)
    await until(lambda: len(there.got) == 2)
    assert there.got == [("dispatched", None, "none", 1), 2]
    lost = [record.getMessage() for record in caplog.records]
    assert len(lost) == 2
    assert any('on "a" was lost: broken' in line for line in lost)


async def test_what_other_nodes_send_ends_no_worker(cluster: Cluster) -> None:
    kate, alex = await pair(cluster)
    there = await listener(alex, "a")
    worker = await run(alex, lambda: whereis(ADAPTER))
    forward = Atom("forward_to_local")
    for message in (
        1,
        (forward,),
        (forward, 1, 2, 3),
        (forward, "a", 1, "text"),
        (forward, [], 1, Atom("Elixir.Phoenix.PubSub")),
        (forward, "a", "last", Atom("Elixir.Phoenix.PubSub")),
    ):
        kate.runtime.send((ADAPTER, alex.name), message)
    await until(lambda: there.got)
    assert there.got == [b"last"]
    assert await run(alex, lambda: whereis(ADAPTER)) == worker


async def test_a_worker_that_ends_comes_back_with_its_group(cluster: Cluster) -> None:
    kate, alex = await pair(cluster)
    there = await listener(alex, "a")
    worker = await run(alex, lambda: whereis(ADAPTER))
    await run(alex, lambda: exit(worker, "kill"))
    await until(lambda: run(alex, lambda: whereis(ADAPTER) not in (None, worker)))
    await until(lambda: run(kate, lambda: worker not in pg.get_members(Atom(ADAPTER), scope=SCOPE)))
    await until(lambda: members(kate, ADAPTER))
    await run(kate, lambda: PubSub.broadcast(NAME, "a", 1))
    await until(lambda: there.got == [1])


async def test_its_processes_and_names(cluster: Cluster) -> None:
    kate = await cluster.start("kate")

    async def body() -> None:
        process_flag("trap_exit", True)
        supervisor = await Supervisor.start_link([PubSub.child(NAME)], strategy="one_for_one")
        [(id, pid, kind, _)] = await Supervisor.which_children(supervisor)
        assert (id, kind) == ("Elixir.Demo.PubSub.Supervisor", "supervisor")
        assert whereis("Elixir.Demo.PubSub.Supervisor") == pid
        assert whereis(f"{ADAPTER}_supervisor") is not None
        assert whereis(NAME) is not None
        assert Registry.meta(NAME, "pubsub") == ("Elixir.Phoenix.PubSub.PG2", ADAPTER)
        await PubSub.start_link("my_pubsub")
        assert whereis("Elixir.my_pubsub.Adapter") is not None

    await run(kate, body)


async def test_what_is_refused(cluster: Cluster) -> None:
    kate = await cluster.start("kate")
    await host(kate)

    async def body() -> None:
        for options in ({"pool_size": 0}, {"size": 2}, {"broadcast_pool_size": 2}, {"pool_size": True}):
            with pytest.raises(BadArg):
                PubSub.child(NAME, **options)
        with pytest.raises(BadArg):
            PubSub.child("")
        with pytest.raises(BadArg, match="unknown registry"):
            PubSub.broadcast("Elixir.Nowhere", "a", 1)
        with pytest.raises(BadArg, match="a topic is text"):
            PubSub.subscribe(NAME, Atom("a"))
        with pytest.raises(BadArg, match="a pid"):
            PubSub.broadcast_from(NAME, "me", "a", 1)  # type: ignore[arg-type]
        await Registry.start_link(keys="duplicate", name="Elixir.Other")
        with pytest.raises(BadArg, match="no PubSub"):
            PubSub.node_name("Elixir.Other")

    await run(kate, body)
