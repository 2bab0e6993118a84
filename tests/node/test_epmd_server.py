"""The embedded EPMD daemon: what its clients get, what it drops, and for how long it waits.

The bytes are those of a real daemon: `Length:2, Code:1, ...` in, no length out.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from node_tools import Client, free_port, until

from pyerlnode.node.epmd_server import EpmdServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def request(body: bytes) -> bytes:
    return len(body).to_bytes(2, "big") + body


def alive2(name: bytes, port: int = 4242, highest: int = 6, extra: bytes = b"") -> bytes:
    fixed = b"x" + port.to_bytes(2, "big") + b"\x4d\x00" + highest.to_bytes(2, "big") + b"\x00\x05"
    name = len(name).to_bytes(2, "big") + name
    return request(fixed + name + len(extra).to_bytes(2, "big") + extra)


@pytest.fixture
async def server() -> AsyncIterator[EpmdServer]:
    async with EpmdServer(0) as server:
        yield server


async def ask(server: EpmdServer, body: bytes) -> bytes:
    async with await Client.open(server.port) as client:
        client.send(request(body))
        return await client.rest()


async def register(server: EpmdServer, name: bytes, **options: Any) -> tuple[Client, bytes]:
    client = await Client.open(server.port)
    client.send(alive2(name, **options))
    return client, await client.exactly(4 if options.get("highest") == 5 else 6)


async def test_a_node_is_found_while_its_connection_is_open(server: EpmdServer) -> None:
    client, reply = await register(server, b"kate", port=4242, extra=b"abc")
    assert reply[:2] == b"\x76\x00" and int.from_bytes(reply[2:], "big") > 3
    found = await ask(server, b"zkate")
    assert found == bytes.fromhex("7700 1092 4d 00 0006 0005 0004") + b"kate" + b"\x00\x03abc"
    assert await ask(server, b"zalex") == b"\x77\x01"
    await client.close()
    await until(lambda: not server.names())
    assert await ask(server, b"zkate") == b"\x77\x01"


async def test_names_are_listed_in_the_text_that_epmd_names_prints(server: EpmdServer) -> None:
    port = server.port.to_bytes(4, "big")
    assert await ask(server, b"n") == port
    kate, _ = await register(server, b"kate", port=4242)
    alex, _ = await register(server, b"alex", port=4243)
    assert await ask(server, b"n") == port + b"name kate at port 4242\nname alex at port 4243\n"
    dump = await ask(server, b"d")
    assert dump.startswith(port + b"active name     <kate> at port 4242, fd = ")
    assert dump.endswith(b"\n\x00")
    await kate.close()
    await alex.close()


async def test_a_taken_name_is_refused_and_a_free_one_gets_a_new_creation(server: EpmdServer) -> None:
    first, reply = await register(server, b"kate")
    second, refusal = await register(server, b"kate")
    assert refusal == b"\x76\x01\x00\x00\x00\x63"
    assert await second.rest() == b""
    await first.close()
    await until(lambda: not server.names())
    third, again = await register(server, b"kate")
    assert int.from_bytes(again[2:], "big") == int.from_bytes(reply[2:], "big") + 1
    await second.close()
    await third.close()


async def test_an_old_node_gets_a_creation_of_sixteen_bits(server: EpmdServer) -> None:
    client, reply = await register(server, b"old", highest=5)
    assert reply == b"\x79\x00\x00\x01"
    await client.close()


async def test_a_daemon_that_follows_at_once_gives_other_creations() -> None:
    async with EpmdServer(0) as first:
        client, one = await register(first, b"kate")
        await client.close()
    async with EpmdServer(0) as second:
        client, two = await register(second, b"kate")
        await client.close()
    assert one != two


async def test_kill_ends_a_daemon_without_nodes_only(server: EpmdServer) -> None:
    client, _ = await register(server, b"kate")
    assert await ask(server, b"k") == b"NO"
    assert not server.ended.is_set()
    await client.close()
    await until(lambda: not server.names())
    assert await ask(server, b"k") == b"OK"
    await server.ended.wait()
    with pytest.raises(ConnectionRefusedError):
        await Client.open(server.port)


async def test_stop_needs_the_relaxed_check(server: EpmdServer) -> None:
    client, _ = await register(server, b"kate")
    assert await ask(server, b"skate") == b""
    assert server.names() == [("kate", 4242)]
    await client.close()
    async with EpmdServer(0, relaxed=True) as relaxed:
        client, _ = await register(relaxed, b"kate")
        assert await ask(relaxed, b"snobody") == b"NOEXIST"
        assert await ask(relaxed, b"skate") == b"STOPPED"
        assert await client.rest() == b""
        await client.close()
        client, _ = await register(relaxed, b"alex")
        assert await ask(relaxed, b"k") == b"OK"
        await relaxed.ended.wait()
        await client.close()


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00",
        request(b"?"),
        request(b"x\x00"),
        request(b"GET / HTTP/1.1"),
        b"GET / HTTP/1.1\r\n\r\n" + b"x" * 30000,
    ],
    ids=["empty", "unknown", "short", "letters", "http"],
)
async def test_what_is_no_request_is_closed_without_an_answer(server: EpmdServer, data: bytes) -> None:
    async with await Client.open(server.port) as client:
        client.send(data)
        assert await client.rest() == b""
    assert await ask(server, b"n") == server.port.to_bytes(4, "big")


async def test_a_request_may_come_in_any_pieces(server: EpmdServer) -> None:
    async with await Client.open(server.port) as client:
        for byte in alive2(b"kate"):
            client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.exactly(6))[:2] == b"\x76\x00"


async def test_what_a_registered_node_sends_later_means_nothing(server: EpmdServer) -> None:
    client, _ = await register(server, b"kate")
    client.send(request(b"n") + request(b"?"))
    assert b"kate" in await ask(server, b"n")
    await client.close()


async def test_a_silent_client_is_dropped_and_a_registered_one_is_not() -> None:
    async with EpmdServer(0, packet_timeout=0.05) as server:
        client, _ = await register(server, b"kate")
        silent = await Client.open(server.port)
        half = await Client.open(server.port)
        half.send(alive2(b"alex")[:-3])
        assert await silent.rest() == b""
        assert await half.rest() == b""
        assert server.names() == [("kate", 4242)]
        for one in (client, silent, half):
            await one.close()


async def test_hundreds_of_silent_clients_do_not_keep_anybody_out() -> None:
    async with EpmdServer(0, max_pending=50) as server:
        node, _ = await register(server, b"kate")
        silent = [await Client.open(server.port) for _ in range(300)]
        assert await silent[0].rest() == b""
        assert b"kate" in await ask(server, b"n")
        for client in silent:
            await client.close()
        await node.close()


async def test_a_client_at_the_very_address_of_the_server_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    async with EpmdServer(0, ["127.0.0.2"]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.2", server.port, local_addr=("127.0.0.2", 0))
        client = Client(reader, writer)
        client.send(alive2(b"kate"))
        assert (await client.exactly(6))[:2] == b"\x76\x00"
        await client.close()


class Elsewhere(asyncio.Transport):
    """A transport whose other end is on another machine."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.7", 5000), "sockname": ("192.0.2.1", 4369)})
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True

    abort = close


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (alive2(b"evil"), b""),
        (request(b"k"), b""),
        (request(b"d"), b""),
        (request(b"skate"), b""),
        (request(b"zkate"), b"\x77\x01"),
    ],
    ids=["register", "kill", "dump", "stop", "find"],
)
async def test_another_machine_may_only_look_up(data: bytes, answer: bytes) -> None:
    from pyerlnode.node.epmd_server import _Client

    async with EpmdServer(0, relaxed=True) as server:
        transport = Elsewhere()
        client = _Client(server)
        client.connection_made(transport)
        client.data_received(data)
        assert (transport.written, transport.closed) == (answer, True)
        assert server.names() == [] and not server.ended.is_set()
        client.connection_lost(None)


async def test_a_port_in_use_is_named() -> None:
    async with EpmdServer(0) as first:
        with pytest.raises(OSError, match=rf"127\.0\.0\.1, port {first.port}: in use"):
            await EpmdServer(first.port).start()


async def test_closing_disconnects_the_registered_nodes() -> None:
    server = EpmdServer(free_port())
    await server.start()
    client, _ = await register(server, b"kate")
    await server.close()
    assert await client.rest() == b""
    await client.close()
