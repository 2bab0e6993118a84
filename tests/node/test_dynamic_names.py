"""Nodes without a name: asking for one, giving one, and what becomes of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from node_tools import Client, FakeNode, Peer, until

from pyerlnode.errors import HandshakeError
from pyerlnode.node import Node
from pyerlnode.node.dynamic import DynamicNames
from pyerlnode.process import self
from pyerlnode.protocol.connection import Connection
from pyerlnode.protocol.events import LocalNode, Named, NameReceived, Status, Up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    StartNode = Callable[..., Awaitable[Node]]


@pytest.fixture
async def kate(start_node: StartNode) -> Node:
    return await start_node("kate")


@pytest.fixture
async def nameless(kate: Node, start_node: StartNode) -> AsyncIterator[Node]:
    yield await start_node("undefined")


async def test_a_node_without_a_name_gets_one_with_its_first_connection(kate: Node, nameless: Node) -> None:
    assert nameless.name == "nonode@nohost" and not nameless.is_alive
    assert await nameless.connect("kate@localhost")
    assert nameless.is_alive
    assert nameless.name.endswith("@localhost") and len(nameless.name) > 15
    assert nameless.creation > 0
    assert self().node == nameless.name and self().creation == nameless.creation
    assert kate.nodes("hidden") == [nameless.name]
    assert nameless.nodes("hidden") == ["kate@localhost"]


async def test_it_keeps_the_name_towards_others(kate: Node, nameless: Node, start_node: StartNode) -> None:
    alex = await start_node("alex")
    assert await nameless.connect("kate@localhost")
    name = nameless.name
    assert await nameless.connect("alex@localhost")
    assert alex.nodes("hidden") == [name]
    nameless.disconnect("kate@localhost")
    await until(lambda: kate.nodes("connected") == [])
    assert await nameless.connect("kate@localhost")
    assert nameless.name == name
    assert kate.nodes("hidden") == [name]


async def test_its_services_start_when_it_has_its_name(kate: Node, epmd_port: int) -> None:
    seen: list[str] = []

    def service(node: Node) -> None:
        seen.append(node.name)

    async with Node("undefined@localhost", "secret", epmd_port=epmd_port, services=[service]) as node:
        assert seen == []
        assert await node.connect("kate@localhost")
        assert seen == [node.name]


async def test_two_ask_at_once_and_get_two_names(kate: Node, start_node: StartNode) -> None:
    one, two = await start_node("undefined"), await start_node("undefined")
    assert all(await asyncio.gather(one.connect("kate@localhost"), two.connect("kate@localhost")))
    assert one.name != two.name
    assert set(kate.nodes("hidden")) == {one.name, two.name}


async def test_a_free_name_is_given_again_with_another_creation(kate: Node, start_node: StartNode) -> None:
    lives = []
    for _ in range(3):
        node = await start_node("undefined")
        assert await node.connect("kate@localhost")
        lives.append((node.name, node.creation))
        await node.stop()
        await until(lambda: kate.nodes("connected") == [])
    assert len({name for name, _ in lives}) == 1
    assert len({creation for _, creation in lives}) == 3


async def test_who_asks_without_the_cookie_gives_the_name_back(kate: Node, start_node: StartNode) -> None:
    thief = await start_node("undefined", "wrong")
    assert not await thief.connect("kate@localhost")
    honest = await start_node("undefined")
    assert await honest.connect("kate@localhost")
    assert kate.nodes("known") == ["kate@localhost", honest.name]


async def test_a_runtime_that_has_processes_already_cannot_take_a_name(
    kate: Node, nameless: Node, caplog: pytest.LogCaptureFixture
) -> None:
    self()
    with pytest.raises(HandshakeError, match="cannot take the name"):
        await nameless.dial("kate@localhost")
    assert "before its first process" in caplog.text


async def test_a_host_that_leaves_no_room_for_a_name_is_refused(
    kate: Node, caplog: pytest.LogCaptureFixture
) -> None:
    body = b"N" + (LocalNode.dynamic("h").flags).to_bytes(8, "big") + bytes(4) + b"\x00\xfa" + b"h" * 250
    async with await Client.open(kate.port) as client:
        client.send(len(body).to_bytes(2, "big") + body)
        assert await client.rest() == b""
    assert "host of 250 characters" in caplog.text


async def test_the_giver_is_hidden_and_the_name_comes_with_the_status(kate: Node, epmd_port: int) -> None:
    async with FakeNode("zoe@localhost", epmd_port) as zoe:
        node = Node("undefined@localhost", "secret", epmd_port=epmd_port)
        await node.start()
        dialling = asyncio.ensure_future(node.dial("zoe@localhost"))
        peer = await zoe.arrival()
        event = await peer.event()
        assert isinstance(event, NameReceived) and event.dynamic and event.name == "localhost"
        peer.connection.accept(Status.NAMED, "secret", name="A1@localhost", creation=4711)
        peer.flush()
        await peer.up()
        await dialling
        assert (node.name, node.creation) == ("A1@localhost", 4711)
        await node.stop()


def test_names_are_of_one_host_and_never_given_twice() -> None:
    names = DynamicNames()
    given = {names.give("localhost")[0] for _ in range(100)}
    assert len(given) == 100
    assert all(name.endswith("@localhost") for name in given)
    one = given.pop()
    names.take_back(one)
    names.take_back("stranger@localhost")
    assert names.give("otherhost")[0].endswith("@otherhost")
    assert names.give("localhost")[0] == one
    assert names.give("localhost")[0] not in given


def test_a_host_that_no_name_can_have_is_refused() -> None:
    with pytest.raises(HandshakeError, match="no name for a node"):
        DynamicNames().give("h" * 250)
    with pytest.raises(HandshakeError, match="no name for a node"):
        DynamicNames().give("")


def test_names_that_are_kept_for_the_next_are_bounded() -> None:
    names = DynamicNames()
    given = [names.give(f"h{i}")[0] for i in range(3000)]
    for name in given:
        names.take_back(name)
    assert sum(map(len, names._free.values())) == 1024


async def test_events_of_a_named_peer(kate: Node) -> None:
    connection = Connection.initiator(
        LocalNode.dynamic("localhost"), "kate@localhost", "secret", asyncio.get_running_loop().time()
    )
    async with await Peer.of(connection, kate.port) as peer:
        named = await peer.event()
        assert isinstance(named, Named)
        up = await peer.event()
        assert isinstance(up, Up) and not up.peer.visible
        assert kate.nodes("hidden") == [named.name]
