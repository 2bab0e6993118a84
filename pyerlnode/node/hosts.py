"""From a host name to addresses, and from addresses to a connection.

IPv4 comes first, as with a BEAM's `inet_tcp`: what listens for Erlang nodes listens
there unless it was told otherwise (`inet6_tcp`).  `localhost` and addresses need no resolver.

Proof: tests/node/test_hosts.py.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from pyerlnode.node.names import bare_host

P = TypeVar("P", bound=asyncio.BaseProtocol)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    # Makes a connection: of a factory of its protocol, an address and a port.
    Dial: TypeAlias = Callable[[Callable[[], P], str, int], Awaitable[tuple[asyncio.Transport, P]]]

__all__ = ["address_text", "connect", "open_streams", "os_error", "resolve"]


async def resolve(host: str, *, ipv6: bool = False) -> list[str]:
    """The IP addresses of `host`, the one to try first first; OSError names an unknown host.

    IPv4 comes first, or with `ipv6` IPv6.
    """
    host = bare_host(host)
    if host == "localhost":
        return ["::1", "127.0.0.1"] if ipv6 else ["127.0.0.1", "::1"]
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise OSError(f"host {host!r} is unknown: {error}") from None
    first = socket.AF_INET6 if ipv6 else socket.AF_INET
    infos.sort(key=lambda info: info[0] != first)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


async def connect(
    make: Callable[[], P], addresses: Sequence[str], port: int, dial: Dial[P] | None = None
) -> tuple[asyncio.Transport, P, str]:
    """Connect to the first address that takes it; the transport, its protocol and that address.

    `dial(make, address, port)` makes a connection (default: plain TCP).  Raises the OSError of
    the first address when none does.
    """
    dial = dial or asyncio.get_running_loop().create_connection
    first: OSError | None = None
    for address in addresses:
        try:
            transport, protocol = await dial(make, address, port)
        except OSError as error:
            first = first or _named(error, address, port)
        else:
            return transport, protocol, address
    raise first or OSError(f"no address to connect to for port {port}")


def os_error(number: int | None, text: str) -> OSError:
    """An OSError that reads as `text` alone, without the number in front."""
    error = OSError(text)
    error.errno = number
    return error


async def open_streams(
    addresses: Sequence[str], port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """As `connect`, for a conversation that is read and written as a stream."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    transport, protocol, address = await connect(
        lambda: asyncio.StreamReaderProtocol(reader, loop=loop), addresses, port
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop), address


def address_text(address: object) -> str:
    """A socket's address as text: `127.0.0.1:4242`, `[::1]:4242`."""
    if not isinstance(address, tuple) or len(address) < 2:
        return str(address or "?")
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _named(error: OSError, address: str, port: int) -> OSError:
    """The error with a text that says where it happened, whatever asyncio made of it."""
    where = address_text((address, port))
    reason = "connection refused" if isinstance(error, ConnectionRefusedError) else error.strerror
    return os_error(error.errno, f"{where}: {reason or error}")
