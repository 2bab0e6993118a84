"""Connecting: both sides at once, refusals, peers that hang or are not who they should be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from node_tools import FakeNode, Peer, free_port, until

from pyerlnode.errors import HandshakeError, PeerError, Refused
from pyerlnode.node.epmd_client import EpmdKeeper
from pyerlnode.process import receive, register, self, send
from pyerlnode.protocol.control import RegSend
from pyerlnode.protocol.epmd import Registration
from pyerlnode.protocol.events import AliveAnswer, Status, Up
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from pyerlnode.node import Node, NodeEvent
    from pyerlnode.node.connector import Location

    StartNode = Callable[..., Awaitable[Node]]


@pytest.fixture
async def kate(start_node: StartNode) -> Node:
    return await start_node("kate", net_setuptime=2.0)


@pytest.fixture
async def zoe(kate: Node, epmd_port: int) -> AsyncIterator[FakeNode]:
    """A peer whose name is greater than kate's."""
    async with FakeNode("zoe@localhost", epmd_port) as node:
        yield node


@pytest.fixture
async def alex(kate: Node, epmd_port: int) -> AsyncIterator[FakeNode]:
    """A peer whose name is smaller than kate's."""
    async with FakeNode("alex@localhost", epmd_port) as node:
        yield node


def queue(node: Node, peer: str, *messages: str) -> None:
    """Send from outside of any process, so that the node has to connect."""
    for message in messages:
        node.runtime.send(("name", peer), message)


async def messages(peer: Peer, count: int) -> list[object]:
    found = []
    for _ in range(count):
        event = await peer.event()
        assert isinstance(event, RegSend)
        found.append(event.message)
    return found


# --- both at once -------------------------------------------------------------------


async def test_the_smaller_name_gives_its_attempt_up_and_sends_through_the_other(
    kate: Node, zoe: FakeNode
) -> None:
    queue(kate, "zoe@localhost", "one", "two")
    attempt = await zoe.named()
    async with await Peer.dial(kate.port, "zoe@localhost", "kate@localhost") as ours:
        await ours.up()
        assert await attempt.event() is None  # closed by kate
        assert await messages(ours, 2) == [b"one", b"two"]
    assert zoe.arrivals.empty()


async def test_the_greater_name_keeps_its_attempt_and_says_nok(kate: Node, alex: FakeNode) -> None:
    queue(kate, "alex@localhost", "one", "two")
    attempt = await alex.named()
    async with await Peer.dial(kate.port, "alex@localhost", "kate@localhost") as ours:
        with pytest.raises(Refused) as refused:
            await ours.event()
        assert refused.value.status is Status.NOK
    alex.answer(attempt, Status.OK_SIMULTANEOUS)
    await attempt.up()
    assert await messages(attempt, 2) == [b"one", b"two"]


async def test_after_nok_the_connection_of_the_peer_is_waited_for(kate: Node, zoe: FakeNode) -> None:
    queue(kate, "zoe@localhost", "one")
    attempt = await zoe.named()
    zoe.answer(attempt, Status.NOK)
    assert await attempt.event() is None
    async with await Peer.dial(kate.port, "zoe@localhost", "kate@localhost") as ours:
        await ours.up()
        assert await messages(ours, 1) == [b"one"]


async def test_nok_from_a_smaller_name_is_a_refusal(kate: Node, alex: FakeNode) -> None:
    dialling = asyncio.ensure_future(kate.dial("alex@localhost"))
    alex.answer(await alex.named(), Status.NOK)
    with pytest.raises(Refused, match="alex@localhost: status nok"):
        await dialling


async def test_a_peer_that_was_let_pass_and_gave_up_is_dialled_again(kate: Node, zoe: FakeNode) -> None:
    queue(kate, "zoe@localhost", "one")
    await zoe.named()
    async with await Peer.dial(kate.port, "zoe@localhost", "kate@localhost", cookie="wrong") as ours:
        assert await ours.event() is None
    again = await zoe.named()
    zoe.answer(again, Status.OK)
    await again.up()
    assert await messages(again, 1) == [b"one"]


async def test_who_claims_the_name_of_a_peer_and_says_nothing_more_does_not_keep_us_from_it(
    kate: Node, zoe: FakeNode
) -> None:
    queue(kate, "zoe@localhost", "one")
    await zoe.named()
    async with await Peer.dial(kate.port, "zoe@localhost", "kate@localhost"):
        again = await zoe.named()
        zoe.answer(again, Status.OK)
        await again.up()
        assert await messages(again, 1) == [b"one"]


async def test_a_peer_that_is_let_pass_over_and_over_ends_the_attempt(kate: Node, zoe: FakeNode) -> None:
    dialling = asyncio.ensure_future(kate.dial("zoe@localhost"))
    for _ in range(3):
        await zoe.named()
        await (await Peer.dial(kate.port, "zoe@localhost", "kate@localhost", cookie="wrong")).close()
    with pytest.raises(HandshakeError, match="zoe@localhost keeps beginning to connect"):
        await dialling


async def test_while_it_is_looked_up_the_peer_goes_first_whatever_its_name(
    kate: Node, alex: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = asyncio.Event()

    async def look_up(node: str) -> None:
        await never.wait()

    monkeypatch.setattr(kate._connector, "_locate", look_up)
    queue(kate, "alex@localhost", "one")
    async with await Peer.dial(kate.port, "alex@localhost", "kate@localhost") as ours:
        await ours.up()
        assert await messages(ours, 1) == [b"one"]


async def test_a_peer_that_was_let_pass_never_hears_the_name_of_the_attempt_given_up(
    kate: Node, alex: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the smaller name it would think that we keep our attempt, and end the one that we wait for."""
    connector = kate._connector
    assert connector is not None
    locate, go_on = connector._locate, asyncio.Event()

    async def look_up_slowly(node: str) -> Location:
        location = await locate(node)
        await go_on.wait()
        return location

    monkeypatch.setattr(connector, "_locate", look_up_slowly)
    queue(kate, "alex@localhost", "one")
    async with await Peer.dial(kate.port, "alex@localhost", "kate@localhost") as ours:
        await until(lambda: connector._pending["alex@localhost"].incoming is not None)
        go_on.set()
        attempt = await alex.arrival()
        assert await attempt.client.rest() == b""
        await ours.up()
        assert await messages(ours, 1) == [b"one"]


async def test_two_nodes_that_dial_each_other_have_one_connection(start_node: StartNode) -> None:
    alex, zoe = await start_node("alex"), await start_node("zoe")
    events: list[NodeEvent] = []
    alex.on_node_event(events.append)
    zoe.on_node_event(events.append)
    for _ in range(30):
        events.clear()
        assert all(await asyncio.gather(alex.connect("zoe@localhost"), zoe.connect("alex@localhost")))
        await until(lambda: len(events) >= 2)
        assert [event.kind for event in events] == ["nodeup", "nodeup"]
        assert alex.nodes() == ["zoe@localhost"] and zoe.nodes() == ["alex@localhost"]
        alex.disconnect("zoe@localhost")
        await until(lambda: zoe.nodes() == [])


async def test_signals_of_two_that_dial_each_other_all_arrive_in_order(start_node: StartNode) -> None:
    alex, zoe = await start_node("alex"), await start_node("zoe")
    results: list[list[int]] = []

    async def talk(other: str) -> None:
        register("talk", self())
        for number in range(100):
            send(("talk", other), number)
        results.append([await receive(timeout=5) for _ in range(100)])

    for round_ in range(10):
        alex.runtime.spawn(talk("zoe@localhost"))
        zoe.runtime.spawn(talk("alex@localhost"))
        await until(lambda count=2 * round_ + 2: len(results) == count)  # type: ignore[misc]
        assert results[-2:] == [list(range(100))] * 2
        alex.disconnect("zoe@localhost")
        await until(lambda: zoe.nodes() == [])


async def test_a_full_mesh_that_begins_all_at_once_is_complete(start_node: StartNode) -> None:
    nodes = [await start_node(f"n{i}") for i in range(6)]
    dials = [a.connect(b.name) for a in nodes for b in nodes if a is not b]
    assert all(await asyncio.gather(*dials))
    await until(lambda: all(len(node.nodes()) == 5 for node in nodes))


# --- alive ------------------------------------------------------------------------------


async def test_a_peer_that_comes_again_replaces_its_old_connection(kate: Node) -> None:
    events: list[NodeEvent] = []
    kate.on_node_event(events.append)
    async with await Peer.dial(kate.port, "zoe@localhost", "kate@localhost") as old:
        await old.up()
        async with await Peer.dial(kate.port, "zoe@localhost", "kate@localhost", creation=78) as new:
            await new.event()  # AliveQuestion
            new.connection.answer_alive(True)
            new.flush()
            assert isinstance(await new.event(), Up)
            assert await old.event() is None
            assert [str(event.kind) for event in events] == ["nodeup", "nodedown", "nodeup"]
            assert kate.nodes() == ["zoe@localhost"]
            queue(kate, "zoe@localhost", "new")
            assert await messages(new, 1) == [b"new"]


async def test_who_does_not_know_the_cookie_replaces_nothing(kate: Node) -> None:
    async with await Peer.dial(kate.port, "zoe@localhost", "kate@localhost") as old:
        await old.up()
        async with await Peer.dial(kate.port, "zoe@localhost", "kate@localhost", cookie="wrong") as thief:
            await thief.event()
            thief.connection.answer_alive(True)
            thief.flush()
            assert await thief.event() is None
        queue(kate, "zoe@localhost", "still")
        assert await messages(old, 1) == [b"still"]


async def test_who_keeps_its_old_connection_is_let_go(kate: Node) -> None:
    async with await Peer.dial(kate.port, "zoe@localhost", "kate@localhost") as old:
        await old.up()
        async with await Peer.dial(kate.port, "zoe@localhost", "kate@localhost") as second:
            await second.event()
            second.connection.answer_alive(False)
            second.flush()
            assert await second.event() is None
        queue(kate, "zoe@localhost", "still")
        assert await messages(old, 1) == [b"still"]


async def test_asked_whether_the_old_connection_lives_a_node_without_one_goes_on(
    kate: Node, zoe: FakeNode
) -> None:
    dialling = asyncio.ensure_future(kate.dial("zoe@localhost"))
    peer = await zoe.named()
    zoe.answer(peer, Status.ALIVE)
    assert await peer.event() == AliveAnswer(True)
    peer.flush()
    await peer.up()
    await dialling
    assert kate.nodes() == ["zoe@localhost"]


# --- peers that are no use -----------------------------------------------------------------


async def test_a_peer_that_never_answers_is_given_up_in_time(start_node: StartNode, epmd_port: int) -> None:
    kate = await start_node("kate", net_setuptime=0.1)
    async with FakeNode("zoe@localhost", epmd_port):
        with pytest.raises(HandshakeError, match=r"zoe@localhost within 0\.1 s: the handshake"):
            await kate.dial("zoe@localhost")


async def test_a_name_whose_port_is_closed_is_refused(kate: Node, epmd_port: int) -> None:
    keeper = EpmdKeeper(Registration("zoe", free_port()), epmd_port, serve=False)
    await keeper.start()
    with pytest.raises(OSError, match=r"127\.0\.0\.1:\d+: connection refused"):
        await kate.dial("zoe@localhost")
    await keeper.close()


async def test_a_node_that_is_not_the_one_that_was_wanted_is_refused(
    kate: Node, zoe: FakeNode, epmd_port: int
) -> None:
    keeper = EpmdKeeper(Registration("moebi", zoe.port), epmd_port, serve=False)
    await keeper.start()
    dialling = asyncio.ensure_future(kate.dial("moebi@localhost"))
    zoe.answer(await zoe.named(), Status.OK)
    with pytest.raises(HandshakeError, match=r"moebi@localhost.*another node answered: 'zoe@localhost'"):
        await dialling
    await keeper.close()


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "zoe@localhost"),
        (b"\x00\x03s?!", "zoe@localhost"),
        (b"\x00\x00", "zoe@localhost"),
        (b"\xff\xff" + b"x" * 70000, "zoe@localhost"),
    ],
    ids=["http", "status", "empty", "long"],
)
async def test_an_answer_that_is_no_handshake_is_named(
    kate: Node, zoe: FakeNode, answer: bytes, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    dialling = asyncio.ensure_future(kate.dial("zoe@localhost"))
    peer = await zoe.arrival()
    peer.send_raw(answer)
    with pytest.raises(PeerError, match=part):
        await dialling
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(lines) == 1 and "zoe@localhost" in lines[0] and "127.0.0.1" in lines[0]


async def test_a_peer_that_closes_at_once_is_named(kate: Node, zoe: FakeNode) -> None:
    dialling = asyncio.ensure_future(kate.dial("zoe@localhost"))
    await (await zoe.named()).close()
    with pytest.raises(HandshakeError, match=r"zoe@localhost.*closed instead of a status"):
        await dialling


# --- the queue -----------------------------------------------------------------------------


async def test_many_who_wait_for_one_peer_share_one_attempt(kate: Node, zoe: FakeNode) -> None:
    dials = [asyncio.ensure_future(kate.connect("zoe@localhost")) for _ in range(20)]
    peer = await zoe.named()
    zoe.answer(peer, Status.OK)
    await peer.up()
    assert await asyncio.gather(*dials) == [True] * 20
    assert zoe.arrivals.empty()


async def test_who_waits_no_more_disturbs_nobody(kate: Node, zoe: FakeNode) -> None:
    impatient = asyncio.ensure_future(kate.connect("zoe@localhost"))
    patient = asyncio.ensure_future(kate.connect("zoe@localhost"))
    peer = await zoe.named()
    impatient.cancel()
    zoe.answer(peer, Status.OK)
    await peer.up()
    assert await patient


async def test_a_queue_beyond_its_limit_ends_the_attempt(start_node: StartNode, epmd_port: int) -> None:
    kate = await start_node("kate", max_queued=10)
    async with FakeNode("zoe@localhost", epmd_port) as zoe:
        dialling = asyncio.ensure_future(kate.dial("zoe@localhost"))
        await zoe.arrival()
        queue(kate, "zoe@localhost", *"0123456789ab")
        with pytest.raises(HandshakeError, match="more than 10 signals wait"):
            await dialling


async def test_stopping_gives_every_attempt_up(start_node: StartNode, epmd_port: int) -> None:
    server, kate = await start_node("epmd"), await start_node("kate")
    assert server.serves_epmd
    async with FakeNode("zoe@localhost", epmd_port) as zoe:
        dialling = asyncio.ensure_future(kate.dial("zoe@localhost"))
        peer = await zoe.named()
        await kate.stop()
        with pytest.raises(HandshakeError, match="this node stops"):
            await dialling
        assert await peer.event() is None
        with pytest.raises(HandshakeError, match="not running"):
            await kate.dial("zoe@localhost")


async def test_a_failed_connection_is_tried_again_by_the_next_signal(kate: Node, epmd_port: int) -> None:
    assert not await kate.connect("zoe@localhost")
    async with FakeNode("zoe@localhost", epmd_port) as zoe:
        queue(kate, "zoe@localhost", "now")
        peer = await zoe.named()
        zoe.answer(peer, Status.OK)
        await peer.up()
        assert await messages(peer, 1) == [b"now"]
    assert Atom("zoe@localhost") in kate.nodes("known")
