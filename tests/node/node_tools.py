"""What the tests of pyerlnode.node share: ports, waiting for facts, talking to a socket."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from pyerlnode.node.epmd_client import EpmdKeeper
from pyerlnode.protocol.connection import Connection
from pyerlnode.protocol.epmd import Registration
from pyerlnode.protocol.events import LocalNode, NameReceived, Status, Up
from pyerlnode.protocol.flags import OFFERED_VISIBLE, DistFlag

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.protocol.control import Control
    from pyerlnode.protocol.events import Event


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def until(fact: Callable[[], object], timeout: float = 5.0) -> None:
    """Return as soon as `fact()` is true; TimeoutError if it never is."""
    async with asyncio.timeout(timeout):
        while not fact():  # noqa: ASYNC110  # a fact of somebody else's, not an event of ours
            await asyncio.sleep(0.002)


class Client:
    """A raw TCP client of the test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int, host: str = "127.0.0.1") -> Client:
        return cls(*await asyncio.open_connection(host, port))

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def rest(self, timeout: float = 5.0) -> bytes:
        """Everything up to the close by the other side."""
        async with asyncio.timeout(timeout):
            try:
                return await self.reader.read(-1)
            except ConnectionResetError:
                return b""

    async def exactly(self, count: int, timeout: float = 5.0) -> bytes:
        async with asyncio.timeout(timeout):
            return await self.reader.readexactly(count)

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return


class Peer:
    """One end of a connection to a node, driven step by step by the test."""

    def __init__(self, client: Client, connection: Connection) -> None:
        self.client = client
        self.connection = connection
        self.events: list[Event] = []

    @classmethod
    async def dial(
        cls,
        port: int,
        own: str,
        peer: str,
        cookie: str = "secret",
        *,
        creation: int = 77,
        flags: int | None = None,
    ) -> Peer:
        """Connect as the node `own` and send the name."""
        local = LocalNode(own, creation, OFFERED_VISIBLE if flags is None else DistFlag(flags))
        return await cls.of(Connection.initiator(local, peer, cookie, now()), port)

    @classmethod
    async def of(cls, connection: Connection, port: int) -> Peer:
        """Connect and send what `connection` begins with."""
        peer = cls(await Client.open(port), connection)
        peer.flush()
        return peer

    async def __aenter__(self) -> Peer:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def flush(self) -> None:
        self.client.send(self.connection.data_to_send())

    def send(self, *controls: Control) -> None:
        for control in controls:
            self.connection.send(control)
        self.flush()

    def send_raw(self, data: bytes) -> None:
        self.client.send(data)

    async def event(self, timeout: float = 5.0) -> Event | None:
        """The next event; None when the node has closed the connection."""
        async with asyncio.timeout(timeout):
            while not self.events:
                try:
                    data = await self.client.reader.read(65536)
                except ConnectionResetError:
                    return None
                if not data:
                    return None
                self.events += self.connection.receive(data, now())
                self.flush()
        return self.events.pop(0)

    async def up(self) -> Peer:
        """Go through the handshake."""
        assert isinstance(await self.event(), Up)
        return self

    async def close(self) -> None:
        await self.client.close()


class FakeNode:
    """A name in EPMD and a port where the test itself answers."""

    def __init__(self, name: str, epmd_port: int, *, cookie: str = "secret") -> None:
        self.name = name
        self.cookie = cookie
        self.arrivals: asyncio.Queue[Peer] = asyncio.Queue()
        self.port = 0
        self._epmd_port = epmd_port
        self._keeper: EpmdKeeper | None = None
        self._server: asyncio.Server | None = None
        self._clients: list[Client] = []

    async def __aenter__(self) -> FakeNode:
        self._server = await asyncio.start_server(self._arrived, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._keeper = EpmdKeeper(
            Registration(self.name.partition("@")[0], self.port), self._epmd_port, serve=False
        )
        await self._keeper.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._keeper is not None and self._server is not None
        await self._keeper.close()
        self._server.close()
        for client in self._clients:
            await client.close()

    def _arrived(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(reader, writer)
        self._clients.append(client)
        connection = Connection.acceptor(LocalNode(self.name, 99), now())
        self.arrivals.put_nowait(Peer(client, connection))

    async def arrival(self, timeout: float = 5.0) -> Peer:
        """The next connection that a node makes, before anything is read from it."""
        async with asyncio.timeout(timeout):
            return await self.arrivals.get()

    async def named(self) -> Peer:
        """The next connection, its name received and not answered."""
        peer = await self.arrival()
        assert isinstance(await peer.event(), NameReceived)
        return peer

    def answer(self, peer: Peer, status: Status) -> None:
        """Give the status."""
        peer.connection.accept(status, self.cookie)
        peer.flush()


def now() -> float:
    """The time that Connections of the test go by."""
    return asyncio.get_running_loop().time()
