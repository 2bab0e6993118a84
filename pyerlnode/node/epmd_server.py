"""An EPMD daemon on asyncio: who is registered on this machine, and on which port.

It serves Python and BEAM nodes alike, as a program of its own (`pyerlnode epmd`) or
inside a node where no other EPMD answers.  What is answered is decided by
`protocol.epmd.Registrations`; here are the sockets, the time and the bounds.

Source: ERTS manual, "Distribution Protocol", EPMD Protocol; epmd manual.
Proof: tests/node/test_epmd_server.py.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import secrets
from typing import TYPE_CHECKING, cast

from pyerlnode.errors import EpmdError
from pyerlnode.node.acceptor import Acceptor, listening_socket
from pyerlnode.node.hosts import os_error
from pyerlnode.protocol.epmd import EpmdRequestParser, Registrations, Then

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyerlnode.protocol.epmd import EpmdAnswer

__all__ = ["EpmdServer"]

logger = logging.getLogger("pyerlnode.epmd")

# Seconds after which a client that has not finished its request is dropped (epmd -packet_timeout).
PACKET_TIMEOUT = 60.0
# Clients without a registration; the oldest gives way to a new one.
MAX_PENDING = 256


class EpmdServer:
    """One daemon on one port of some addresses."""

    def __init__(
        self,
        port: int,
        addresses: Sequence[str] = ("127.0.0.1", "::1"),
        *,
        relaxed: bool = False,
        packet_timeout: float = PACKET_TIMEOUT,
        max_pending: int = MAX_PENDING,
    ) -> None:
        """`port` 0 takes a free one.  `relaxed` allows KILL with names registered, and STOP."""
        self.port = port
        self.packet_timeout = packet_timeout
        #: set when a client's KILL has ended the daemon, or `close`
        self.ended = asyncio.Event()
        self._addresses = addresses
        self._relaxed = relaxed
        self._max_pending = max_pending
        self._acceptors: list[Acceptor] = []
        self._pending: dict[_Client, None] = {}
        self._clients: set[_Client] = set()
        self._registrations = Registrations(port, 0)

    async def __aenter__(self) -> EpmdServer:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Bind and serve; OSError if the port of the first address is not to be had.

        The others may be missing on this machine (IPv6), or in use: that is logged.
        """
        for address in self._addresses:
            try:
                sock = listening_socket(address, self.port, v6_only=True)
            except OSError as error:
                if not self._acceptors:
                    raise os_error(
                        error.errno, f"EPMD cannot use {address}, port {self.port}: {_why(error)}"
                    ) from None
                if error.errno == errno.EADDRINUSE:
                    logger.warning("EPMD does not serve %s, port %d: %s", address, self.port, _why(error))
                continue
            acceptor = Acceptor(sock, lambda: _Client(self))
            acceptor.start()
            self._acceptors.append(acceptor)
            self.port = acceptor.port
        # Not the time: another node takes the port over within milliseconds, and must not
        # give a node that was killed the creation of its earlier life.
        self._registrations = Registrations(self.port, secrets.randbits(32), self._relaxed)

    def names(self) -> list[tuple[str, int]]:
        """Registered names and their ports."""
        return self._registrations.names()

    async def close(self) -> None:
        """Stop serving; every client, registered or not, is disconnected."""
        for acceptor in self._acceptors:
            await acceptor.close()
        self._acceptors.clear()
        for client in tuple(self._clients):
            client.drop()
        self.ended.set()
        # Let the transports see that they are closed.
        await asyncio.sleep(0)

    # --- what its clients call --------------------------------------------------------

    def joined(self, client: _Client) -> None:
        """A client has connected and not said anything yet."""
        self._clients.add(client)
        self._pending[client] = None
        if len(self._pending) > self._max_pending:
            oldest = next(iter(self._pending))
            logger.info("EPMD drops %s: %d clients are waiting", oldest.address, self._max_pending)
            oldest.drop()

    def requested(self, client: _Client, data: bytes) -> None:
        """Answer every request that is complete."""
        try:
            requests = client.parser.feed(data)
        except EpmdError as error:
            logger.info("EPMD client %s: %s", client.address, error)
            client.drop()
            return
        if requests:
            # One request for each connection; what else a client sends means nothing.
            answer = self._registrations.answer(requests[0], client, local=client.local)
            client.answered = True
            self._carry_out(client, answer)
            if answer.then is Then.KEEP:
                self._pending.pop(client, None)

    def _carry_out(self, client: _Client, answer: EpmdAnswer) -> None:
        client.answer(answer.data)
        if answer.drop is not None:
            cast("_Client", answer.drop).drop()
        if answer.then is not Then.KEEP:
            client.close()
        if answer.then is Then.END:
            logger.info("EPMD on port %d was killed by a client", self.port)
            for acceptor in self._acceptors:
                acceptor.stop()
            self.ended.set()

    def left(self, client: _Client) -> None:
        """A client's connection is closed: its name is free."""
        self._pending.pop(client, None)
        self._clients.discard(client)
        self._registrations.release(client)


class _Client(asyncio.Protocol):
    """The connection of one client."""

    def __init__(self, server: EpmdServer) -> None:
        self.parser = EpmdRequestParser()
        self.address = "?"
        self.local = False
        self.answered = False
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.address = str(transport.get_extra_info("peername"))
        self.local = _is_local(transport)
        self._timer = asyncio.get_running_loop().call_later(self._server.packet_timeout, self._silent)
        self._server.joined(self)

    def data_received(self, data: bytes) -> None:
        if not self.answered and self._transport is not None:
            self._server.requested(self, data)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._stop_timer()
        self._server.left(self)

    def answer(self, data: bytes) -> None:
        """Write an answer; no more is to come, so the timer may rest."""
        self._stop_timer()
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Close behind what is written; a client that does not read it is dropped."""
        if self._transport is not None:
            self._transport.close()
            if self._transport.get_write_buffer_size():
                self._timer = asyncio.get_running_loop().call_later(self._server.packet_timeout, self.drop)

    def drop(self) -> None:
        """Close at once."""
        self._server.left(self)
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()

    def _silent(self) -> None:
        logger.info("EPMD client %s: no request within %g s", self.address, self._server.packet_timeout)
        self.drop()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _is_local(transport: asyncio.BaseTransport) -> bool:
    """Whether the client runs on this machine: at loopback, or at the very address it connected to."""
    peer = transport.get_extra_info("peername")
    own = transport.get_extra_info("sockname")
    if not isinstance(peer, tuple) or not isinstance(own, tuple):
        return False
    address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    return address.is_loopback or peer[0] == own[0]


def _why(error: OSError) -> str:
    return "in use" if error.errno == errno.EADDRINUSE else str(error.strerror or error)
