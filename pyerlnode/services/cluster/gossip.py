"""Nodes that say by UDP that they are there, as libcluster's strategy Gossip: one network, no servers.

Each node sends a heartbeat at random intervals of up to 5 s to a multicast group and takes
those of the others.  A node that has not been heard of for `EXPIRY` is not looked for any more.

Source: libcluster 3.5, strategy/gossip.ex (defaults, intervals).
Proof: tests/services/cluster/test_cluster_gossip.py, interop/test_cluster.py.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
import socket
import sys
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import ConfigError
from pyerlnode.services.cluster.heartbeat import Cipher, pack, unpack
from pyerlnode.services.cluster.strategy import logger, text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

__all__ = ["Gossip"]

PORT: Final = 45892
MULTICAST_ADDRESS: Final = "233.252.1.32"
# Seconds.
LONGEST_PAUSE = 5.0
EXPIRY = 60.0
# Names that are known at a time: whoever can send to the group can make names up.
MAX_NODES = 1024


class Gossip:
    """`Gossip(secret="s3cret")`; options and defaults are libcluster's."""

    def __init__(
        self,
        port: int = PORT,
        if_addr: str = "0.0.0.0",
        multicast_if: str | None = None,
        multicast_addr: str = MULTICAST_ADDRESS,
        multicast_ttl: int = 1,
        broadcast_only: bool = False,
        secret: str | None = None,
        interval: float = LONGEST_PAUSE,
    ) -> None:
        """`if_addr` is what the socket is bound to, `multicast_if` the interface's address.

        With `broadcast_only`, `multicast_addr` is where packets go without a multicast group:
        `255.255.255.255`, or one machine.  `interval`: the longest pause, in seconds.
        """
        self._port = _number("port", port, 1, 65535)
        self._if_addr = _ipv4("if_addr", if_addr)
        self._multicast_if = None if multicast_if is None else _ipv4("multicast_if", multicast_if)
        self._address = _ipv4("multicast_addr", multicast_addr)
        self._ttl = _number("multicast_ttl", multicast_ttl, 0, 255)
        self._broadcast_only = bool(broadcast_only)
        if not self._broadcast_only and not ipaddress.ip_address(self._address).is_multicast:
            raise ConfigError(f"gossip: {self._address} is no multicast address; see broadcast_only")
        self._cipher = None if secret is None else Cipher(text("secret", secret))
        self._interval = float(_number("interval", interval, 0.01, 3600))

    async def discover(self, own: str) -> AsyncGenerator[Collection[str], None]:
        loop = asyncio.get_running_loop()
        heard = _Heard(own, self._cipher)
        transport, _ = await loop.create_datagram_endpoint(lambda: heard, sock=self._open())
        beating = loop.create_task(self._beat(transport, own), name=f"heartbeats of {own}")
        try:
            while True:
                yield await heard.changed()
        finally:
            beating.cancel()
            transport.close()
            await asyncio.wait([beating])

    async def _beat(self, transport: asyncio.DatagramTransport, own: str) -> None:
        while True:
            transport.sendto(pack(own, self._cipher), (self._address, self._port))
            await asyncio.sleep(random.uniform(0, self._interval))

    def _open(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if sys.platform != "linux":
                # There the first one does not let several programs of one machine listen.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if not self._broadcast_only:
                self._join(sock)
            sock.bind((self._if_addr, self._port))
        except OSError as error:
            sock.close()
            raise OSError(
                f"gossip on {self._if_addr}, port {self._port}: {error.strerror or error}"
            ) from None
        return sock

    def _join(self, sock: socket.socket) -> None:
        interface = socket.inet_aton(self._multicast_if or "0.0.0.0")
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, self._ttl)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        if self._multicast_if is not None:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        group = socket.inet_aton(self._address) + interface
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)


class _Heard(asyncio.DatagramProtocol):
    """The nodes whose heartbeats have come, and when the last one of each came."""

    def __init__(self, own: str, cipher: Cipher | None) -> None:
        self._own = own
        self._cipher = cipher
        self._seen: dict[str, float] = {}
        self._new = asyncio.Event()
        self._told = ""

    async def changed(self) -> list[str]:
        """All that were heard of lately, when that has changed."""
        await self._new.wait()
        self._new.clear()
        return list(self._seen)

    def datagram_received(self, data: bytes, address: tuple[str | Any, int]) -> None:
        node = unpack(data, self._cipher)
        now = asyncio.get_running_loop().time()
        self._forget(now - EXPIRY)
        if node is None or node == self._own:
            return
        if node not in self._seen:
            if len(self._seen) >= MAX_NODES:
                return
            self._new.set()
        self._seen[node] = now

    def _forget(self, before: float) -> None:
        for node in [node for node, at in self._seen.items() if at < before]:
            del self._seen[node]
            self._new.set()

    def error_received(self, error: Exception) -> None:
        # A network that is away for a moment comes back: said once for each cause.
        if str(error) != self._told:
            self._told = str(error)
            logger.warning("Gossip: %s", error)


def _ipv4(what: str, value: object) -> str:
    try:
        return str(ipaddress.IPv4Address(text(what, value)))
    except ValueError as error:
        raise ConfigError(f"gossip: {what}: an IPv4 address is wanted: {error}") from None


def _number(what: str, value: Any, low: float, high: float) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigError(f"gossip: {what} is {value!r}; {low} to {high} is wanted")
    return value
