"""Bad input at the node's port, before and after the handshake.

Whatever a peer does: one log line with its address (and name, once it has told it) and
the reason, its connection is closed, and the node goes on.
"""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from node_tools import Client, FakeNode, Peer, until

from pyerlnode.errors import Refused
from pyerlnode.node.link import Link
from pyerlnode.process import receive, register, self
from pyerlnode.protocol.control import RegSend, Send
from pyerlnode.protocol.events import NameReceived, Status
from pyerlnode.protocol.flags import OFFERED_VISIBLE, DistFlag
from pyerlnode.term import Atom, Pid, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from pyerlnode.node import Node

    StartNode = Callable[..., Awaitable[Node]]

KATE = "kate@localhost"


@pytest.fixture
async def kate(start_node: StartNode) -> Node:
    return await start_node("kate", net_setuptime=2.0, max_frame=100_000)


@pytest.fixture
async def zoe(kate: Node) -> AsyncIterator[Peer]:
    """A peer that is up."""
    async with await Peer.dial(kate.port, "zoe@localhost", KATE) as peer:
        yield await peer.up()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


async def still_serves(kate: Node) -> None:
    """A good peer gets through, and its message arrives."""
    received: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def body() -> None:
        register("name", self())
        received.set_result(await receive())

    process = kate.runtime.spawn(body())
    await until(lambda: process.name)
    async with await Peer.dial(kate.port, "good@localhost", KATE) as peer:
        await peer.up()
        peer.send(RegSend(Pid(Atom("good@localhost"), 1, 0, 77), Atom("name"), "hello"))
        async with asyncio.timeout(5):
            assert await received == b"hello"


def name_message(name: str) -> bytes:
    """What a node of that name begins with."""
    flags = int(OFFERED_VISIBLE).to_bytes(8, "big")
    encoded = name.encode()
    body = b"N" + flags + b"\x00\x00\x00\x07" + len(encoded).to_bytes(2, "big") + encoded
    return len(body).to_bytes(2, "big") + body


# --- before the handshake is done ---------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 600,
        b"\x00\x00",
        b"\x00\x01N",
        b"\x00\x05hello",
        b"\xff\xff" + b"x" * 70_000,
        b"\x00\x19N" + b"\x00" * 24,
    ],
    ids=["http", "tls", "empty", "short", "letters", "long", "zeros"],
)
async def test_garbage_instead_of_a_handshake(
    kate: Node, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with await Client.open(kate.port) as client:
        address = "127.0.0.1:{}".format(client.writer.get_extra_info("sockname")[1])
        client.send(data)
        assert len(await client.rest()) < 100
        assert [line for line in warnings(caplog) if address in line] == warnings(caplog) != []
    await still_serves(kate)


@pytest.mark.parametrize("name", ["zoe", "zoe@", "@localhost", "zoe@a@b", "z" * 300 + "@localhost"])
async def test_what_is_no_node_name_is_refused(
    kate: Node, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with await Client.open(kate.port) as client:
        client.send(name_message(name))
        assert await client.rest() == b""
    assert "bad name" in warnings(caplog)[0]
    await still_serves(kate)


async def test_a_name_with_characters_that_no_node_can_have_gets_nok_and_stays_one_line_of_the_log(
    kate: Node, caplog: pytest.LogCaptureFixture
) -> None:
    async with await Client.open(kate.port) as client:
        client.send(name_message("zo\ne@\x1b[31mhost"))
        assert await client.rest() == b"\x00\x04snok"
    (line,) = warnings(caplog)
    assert line.isprintable()


async def test_a_peer_with_our_own_name_gets_nok(kate: Node, caplog: pytest.LogCaptureFixture) -> None:
    async with await Peer.dial(kate.port, KATE, KATE) as peer:
        with pytest.raises(Refused) as refused:
            await peer.event()
        assert refused.value.status is Status.NOK
    assert "own name" in warnings(caplog)[0]


async def test_a_peer_that_lacks_a_mandatory_flag_is_not_allowed(
    kate: Node, caplog: pytest.LogCaptureFixture
) -> None:
    flags = OFFERED_VISIBLE & ~DistFlag.MAP_TAG & ~DistFlag.MANDATORY_25_DIGEST
    async with await Peer.dial(kate.port, "zoe@localhost", KATE, flags=int(flags)) as peer:
        with pytest.raises(Refused) as refused:
            await peer.event()
        assert refused.value.status is Status.NOT_ALLOWED
    assert "zoe@localhost" in warnings(caplog)[0] and "MAP_TAG" in warnings(caplog)[0]


async def test_the_wrong_cookie_is_closed_and_named(kate: Node, caplog: pytest.LogCaptureFixture) -> None:
    async with await Peer.dial(kate.port, "zoe@localhost", KATE, cookie="wrong") as peer:
        assert await peer.event() is None
    assert "zoe@localhost" in warnings(caplog)[0] and "cookies differ" in warnings(caplog)[0]
    assert kate.nodes("connected") == []


async def test_who_says_nothing_is_closed_after_the_setup_time(
    start_node: StartNode, caplog: pytest.LogCaptureFixture
) -> None:
    kate = await start_node("kate", net_setuptime=0.1)
    async with await Client.open(kate.port) as client:
        assert await client.rest(timeout=2.0) == b""
    assert "nothing for 0.1 s" in warnings(caplog)[0] and "127.0.0.1" in warnings(caplog)[0]


async def test_who_stops_in_the_middle_of_the_handshake_is_closed_after_the_setup_time(
    start_node: StartNode, caplog: pytest.LogCaptureFixture
) -> None:
    kate = await start_node("kate", net_setuptime=0.1)
    async with await Peer.dial(kate.port, "zoe@localhost", KATE) as peer:
        assert (await peer.client.rest(timeout=2.0)).startswith(b"\x00\x03sok")
    assert "zoe@localhost: nothing for 0.1 s" in warnings(caplog)[0]


async def test_two_hundred_connections_that_say_nothing_harm_nobody(start_node: StartNode) -> None:
    kate = await start_node("kate", net_setuptime=1.0)
    silent = [await Client.open(kate.port) for _ in range(200)]
    await still_serves(kate)
    assert kate._listener is not None and kate._listener.pending <= kate.config.max_pending
    answers = await asyncio.gather(*(client.rest(timeout=3.0) for client in silent))
    assert answers == [b""] * 200
    assert kate._listener.pending == 0
    for client in silent:
        await client.close()


async def test_beyond_the_limit_the_oldest_silent_connection_gives_way(
    start_node: StartNode, caplog: pytest.LogCaptureFixture
) -> None:
    kate = await start_node("kate", max_pending=3)
    silent = [await Client.open(kate.port) for _ in range(4)]
    assert await silent[0].rest() == b""
    assert "more than 3 connections are not authenticated" in warnings(caplog)[0]
    await still_serves(kate)
    for client in silent:
        await client.close()


async def test_beyond_the_limit_of_connections_a_new_peer_is_not_allowed_and_an_old_one_may_return(
    start_node: StartNode, caplog: pytest.LogCaptureFixture
) -> None:
    kate = await start_node("kate", max_connections=1)
    async with await Peer.dial(kate.port, "zoe@localhost", KATE) as zoe:
        await zoe.up()
        async with await Peer.dial(kate.port, "moebi@localhost", KATE) as moebi:
            with pytest.raises(Refused) as refused:
                await moebi.event()
            assert refused.value.status is Status.NOT_ALLOWED
        assert "moebi@localhost" in warnings(caplog)[0] and "1 connections already" in warnings(caplog)[0]
        async with await Peer.dial(kate.port, "zoe@localhost", KATE) as again:
            await again.event()
            again.connection.answer_alive(True)
            again.flush()
            await again.up()
            assert kate.nodes() == ["zoe@localhost"]


async def test_a_port_that_is_only_probed_is_no_warning(kate: Node, caplog: pytest.LogCaptureFixture) -> None:
    await (await Client.open(kate.port)).close()
    await still_serves(kate)
    assert warnings(caplog) == []


async def test_a_name_that_is_only_claimed_makes_no_atom_and_changes_nothing(kate: Node) -> None:
    async with await Peer.dial(kate.port, "zoe@localhost", KATE):
        assert kate.nodes("known") == [KATE]
        assert kate.nodes("connected") == []


# --- after it -----------------------------------------------------------------------------


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (frame(b"garbage"), "zoe@localhost"),
        (frame(b"\x83\x44\x00\x68\x01\x61\x05"), "zoe@localhost"),
        (frame(b"\x83\x44\x00\x68\x02\x61\x63\x61\x01"), "99"),
        (frame(b"\x83\x44\x00\x61\x01"), "zoe@localhost"),
        (frame(b"\x83\x44\x00\x68\x04\x61\x06\x77\x00\x77\x00\x77\x00\xff"), "zoe@localhost"),
        (frame(b"\x83\x44\x01\x00\x07"), "zoe@localhost"),
        (frame(b"\x83\x46" + b"\x00" * 15 + b"\x01"), "zoe@localhost"),
        (b"\x00\x02\x00\x00", "131072"),
        (b"\xff\xff\xff\xff", "4294967295"),
    ],
    ids=["garbage", "refused", "unknown", "no tuple", "bad term", "bad slot", "no first", "long", "longest"],
)
async def test_a_peer_that_breaks_the_protocol_is_closed_and_named(
    kate: Node, zoe: Peer, data: bytes, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    zoe.send_raw(data)
    assert await zoe.event() is None
    (line,) = warnings(caplog)
    assert "zoe@localhost" in line and "127.0.0.1:" in line and part in line
    assert len(line) < 1000
    assert kate.nodes() == []
    await still_serves(kate)


async def test_what_came_before_a_bad_frame_is_delivered(kate: Node, zoe: Peer) -> None:
    received: list[object] = []

    async def body() -> None:
        register("name", self())
        while True:
            received.append(await receive())

    process = kate.runtime.spawn(body())
    await until(lambda: process.name)
    zoe.connection.send(RegSend(Pid(Atom("zoe@localhost"), 1, 0, 77), Atom("name"), 1))
    zoe.send_raw(zoe.connection.data_to_send() + frame(b"garbage"))
    assert await zoe.event() is None
    await until(lambda: received == [1])


async def test_a_peer_that_closes_in_the_middle_of_a_frame_is_named(
    kate: Node, zoe: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        zoe.send_raw(b"\x00\x00\x10\x00\x83\x44")
        await zoe.close()
        await until(lambda: kate.nodes() == [])
    assert "zoe@localhost" in caplog.text and "closed in the middle of a frame" in caplog.text
    await still_serves(kate)


async def test_a_link_in_the_name_of_a_third_node_is_a_fault(
    kate: Node, zoe: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    third, local = Pid(Atom("third@localhost"), 1, 0, 1), Pid(Atom(KATE), 1, 0, kate.creation)
    zoe.send_raw(frame(b"\x83\x44\x00" + encode((1, third, local))[1:]))
    assert await zoe.event() is None
    assert "zoe@localhost" in warnings(caplog)[0] and "third@localhost" in warnings(caplog)[0]


async def test_payloads_are_never_logged(kate: Node, zoe: Peer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        nobody = Pid(Atom(KATE), 999, 0, kate.creation)
        zoe.send(Send(Pid(Atom("zoe@localhost"), 1, 0, 77), nobody, b"s3cret"))
        zoe.send_raw(frame(b"garbage"))
        assert await zoe.event() is None
    assert "s3cret" not in caplog.text


async def test_ticks_and_empty_reads_are_no_signals(kate: Node, zoe: Peer) -> None:
    zoe.send_raw(b"\x00\x00\x00\x00" * 3)
    await still_serves(kate)
    assert "zoe@localhost" in kate.nodes()


async def test_the_other_peers_of_a_node_do_not_notice(kate: Node, zoe: Peer, epmd_port: int) -> None:
    async with FakeNode("alex@localhost", epmd_port) as alex:
        dialling = asyncio.ensure_future(kate.connect("alex@localhost"))
        peer = await alex.arrival()
        assert isinstance(await peer.event(), NameReceived)
        alex.answer(peer, Status.OK)
        await peer.up()
        assert await dialling
        zoe.send_raw(frame(b"garbage"))
        assert await zoe.event() is None
        assert kate.nodes() == ["alex@localhost"]


# --- many of them -------------------------------------------------------------------------


async def test_a_flood_of_strangers_does_not_flood_the_log(
    start_node: StartNode, caplog: pytest.LogCaptureFixture
) -> None:
    kate = await start_node("kate")
    for _ in range(30):
        async with await Client.open(kate.port) as client:
            client.send(b"\x00\x05hello")
            await client.rest()
    assert len(warnings(caplog)) == 10
    await kate.stop()
    assert warnings(caplog)[10:] == ["20 more connections failed before they were authenticated, within 10 s"]


@pytest.mark.parametrize("turns", range(5))
async def test_a_connection_that_is_accepted_while_the_node_stops_is_closed(
    start_node: StartNode, turns: int
) -> None:
    kate = await start_node("kate")
    with socket.create_connection(("127.0.0.1", kate.port)) as client:
        # The kernel has accepted it; asyncio does so in one of the turns to come.
        for _ in range(turns):
            await asyncio.sleep(0)
        await kate.stop()
        open_links = [
            transport
            for transport in gc.get_objects()
            if isinstance(transport, asyncio.Transport)
            and not transport.is_closing()
            and isinstance(transport.get_protocol(), Link)
        ]
        assert open_links == []
        client.settimeout(5.0)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
