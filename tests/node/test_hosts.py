"""From names to addresses to connections."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from node_tools import free_port

from pyerlnode.node import hosts


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("localhost", ["127.0.0.1", "::1"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("10.1.2.3", ["10.1.2.3"]),
        ("::1", ["::1"]),
        ("[::1]", ["::1"]),
    ],
)
async def test_loopback_and_addresses_need_no_resolver(
    host: str, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*args: Any, **options: Any) -> None:
        raise AssertionError("asked the resolver")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fail)
    assert await hosts.resolve(host) == addresses


async def test_ipv4_comes_first_and_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(*args: Any, **options: Any) -> list[Any]:
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::7", 0, 0, 0))
        four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 0))
        return [six, four, four, six]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answer)
    assert await hosts.resolve("box") == ["10.0.0.7", "fe80::7"]


@pytest.mark.parametrize("host", ["no.such.host.invalid", "x" * 300, "a..b"])
async def test_a_host_that_does_not_resolve_is_named(host: str) -> None:
    with pytest.raises(OSError, match=f"host '{host}' is unknown"):
        await hosts.resolve(host)


async def test_the_first_address_that_takes_the_connection_is_told() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.3", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer, address = await hosts.open_streams(["127.0.0.2", "127.0.0.3"], port)
    assert address == "127.0.0.3"
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    server.close()


async def test_when_none_takes_it_the_error_is_that_of_the_first() -> None:
    port = free_port()
    with pytest.raises(OSError, match=rf"^127\.0\.0\.2:{port}: connection refused$"):
        await hosts.open_streams(["127.0.0.2", "127.0.0.3"], port)
    with pytest.raises(OSError, match="no address"):
        await hosts.open_streams([], port)
