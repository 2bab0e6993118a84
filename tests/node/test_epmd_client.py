"""Asking EPMD: what is found, and what each way of failing says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from node_tools import free_port

from pyerlnode.errors import EpmdError
from pyerlnode.node import epmd_client
from pyerlnode.node.epmd_client import EpmdKeeper
from pyerlnode.node.epmd_server import EpmdServer
from pyerlnode.protocol.epmd import Registration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def server() -> AsyncIterator[EpmdServer]:
    async with EpmdServer(0) as server:
        yield server


async def test_a_registered_node_is_found_with_the_address_that_answered(server: EpmdServer) -> None:
    keeper = EpmdKeeper(Registration("kate", 4242), server.port)
    await keeper.start()
    assert await epmd_client.find("kate", "localhost", server.port) == (["127.0.0.1", "::1"], 4242)
    assert await epmd_client.find("kate", "127.0.0.1", server.port) == (["127.0.0.1"], 4242)
    assert await epmd_client.names("localhost", server.port) == [("kate", 4242)]
    await keeper.close()


async def test_an_unknown_name_is_named(server: EpmdServer) -> None:
    with pytest.raises(EpmdError, match=f"EPMD on localhost, port {server.port}, knows no node named kate"):
        await epmd_client.find("kate", "localhost", server.port)


async def test_no_epmd_is_said_with_host_and_port() -> None:
    port = free_port()
    with pytest.raises(EpmdError, match=rf"no EPMD on localhost: 127\.0\.0\.1:{port}: connection refused"):
        await epmd_client.names("localhost", port)


async def test_an_unknown_host_is_named() -> None:
    with pytest.raises(OSError, match=r"host 'no\.such\.host\.invalid' is unknown"):
        await epmd_client.find("kate", "no.such.host.invalid", 4369)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[int]]]:
    """Serves what the test wants in the place of an EPMD; gives its port."""
    servers: list[asyncio.Server] = []

    async def start(handler: Handler) -> int:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (b"", "closed after 0 bytes"),
        (b"\x77\x00\x10", "closed after 3 bytes"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "answered a look-up with 48 54 54 50"),
    ],
    ids=["nothing", "cut", "http"],
)
async def test_what_is_no_epmd_is_refused(
    serve: Callable[[Handler], Awaitable[int]], answer: bytes, part: str
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        writer.close()

    with pytest.raises(EpmdError, match=part):
        await epmd_client.find("kate", "127.0.0.1", await serve(handler))


async def test_an_epmd_that_says_nothing_is_given_up(
    serve: Callable[[Handler], Awaitable[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()
        closed.set()

    monkeypatch.setattr(epmd_client, "ANSWER_TIME", 0.05)
    with pytest.raises(EpmdError, match=r"no answer within 0\.05 s"):
        await epmd_client.find("kate", "127.0.0.1", await serve(handler))
    await closed.wait()


async def test_an_answer_without_end_is_given_up(
    serve: Callable[[Handler], Awaitable[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"\x00" * 65536)
                await writer.drain()
        except OSError:
            writer.close()
            closed.set()

    monkeypatch.setattr(epmd_client, "_MAX_ANSWER", 1_000_000)
    with pytest.raises(EpmdError, match="more than 1000000 bytes"):
        await epmd_client.names("127.0.0.1", await serve(handler))
    await closed.wait()
