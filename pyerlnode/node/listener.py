"""Connections that others make to this node, until they are authenticated.

Whoever can reach the port can open connections and say nothing, so these are
bounded: beyond `max_pending` the oldest one gives way, and each has the seven
seconds of the handshake.  A name that was only claimed changes nothing.  What they do
wrong is logged, the first few lines in full.

Source: ERTS manual, "Distribution Protocol", Distribution Handshake.
Proof: tests/node/test_listener.py.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from typing import TYPE_CHECKING

from pyerlnode.errors import HandshakeError
from pyerlnode.node.acceptor import Acceptor, listening_socket
from pyerlnode.node.dynamic import DynamicNames
from pyerlnode.node.hosts import address_text, os_error
from pyerlnode.node.link import Link
from pyerlnode.node.router import NODEDOWN
from pyerlnode.process.log_limit import LogLimit
from pyerlnode.protocol.events import AliveAnswer, NameReceived, Status, Up

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pyerlnode.errors import PeerError
    from pyerlnode.node.connector import Connector
    from pyerlnode.node.cookie import Cookies
    from pyerlnode.node.router import NodeEvent, Router
    from pyerlnode.node.tls import Tls
    from pyerlnode.protocol.connection import Connection
    from pyerlnode.protocol.events import Event

__all__ = ["Listener"]

logger = logging.getLogger("pyerlnode.node")


class Listener:
    """Owns each accepted link from its first byte to the end of the handshake."""

    def __init__(
        self,
        router: Router,
        connector: Connector,
        cookies: Cookies,
        *,
        accept: Callable[[float], Connection],
        max_pending: int,
        max_connections: int,
        tls: Tls | None = None,
        setuptime: float = 7.0,
    ) -> None:
        """`accept(now)` makes the Connection of a new link; a TLS handshake has `setuptime` seconds."""
        self._router = router
        self._connector = connector
        self._cookies = cookies
        self._accept = accept
        self._max_pending = max_pending
        self._max_connections = max_connections
        self._tls = tls
        self._setuptime = setuptime
        self._socket: socket.socket | None = None
        self._acceptor: Acceptor | None = None
        #: oldest first, each with the name that it claims
        self._pending: dict[Link, str] = {}
        self._log = LogLimit(logger, "%d more connections failed before they were authenticated, within %g s")
        self._dynamic = DynamicNames()
        router.observe(self._node_event)

    @property
    def pending(self) -> int:
        """Connections that are not authenticated yet."""
        return len(self._pending)

    def bind(self, address: str, ports: tuple[int, int]) -> int:
        """Take the first free port of the range (0: any); OSError says what is in the way.

        Who connects from now on waits until `serve`.
        """
        low, high = ports
        for port in range(low, high + 1):
            try:
                self._socket = listening_socket(address, port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise os_error(
                        error.errno, f"cannot listen on {address}, port {port}: {error.strerror}"
                    ) from None
            else:
                return int(self._socket.getsockname()[1])
        which = f"port {low} is" if low == high else f"all ports from {low} to {high} are"
        raise os_error(errno.EADDRINUSE, f"cannot listen on {address}: {which} in use")

    def serve(self) -> None:
        """Answer on the port of `bind`; the node has its name and its creation."""
        assert self._socket is not None
        if self._tls is None:
            self._acceptor = Acceptor(self._socket, self._new_link)
        else:
            self._acceptor = Acceptor(
                self._socket,
                self._new_link,
                tls=self._tls.server_context,
                tls_timeout=self._setuptime,
                failed=self._no_tls,
                max_opening=self._max_pending,
            )
        self._acceptor.start()

    async def close(self) -> None:
        """Accept nothing more and drop what is not authenticated."""
        if self._acceptor is not None:
            await self._acceptor.close()
        elif self._socket is not None:
            self._socket.close()
        links = list(self._pending)
        for link in links:
            link.close()
        for link in links:
            await link.wait_gone()
        self._log.end()

    def _new_link(self) -> Link:
        return Link(self._accept(asyncio.get_running_loop().time()), self)

    def _no_tls(self, address: object, why: str) -> None:
        self.log(logging.WARNING, f"{address_text(address)}: {why}")

    # --- LinkOwner --------------------------------------------------------------------

    def link_made(self, link: Link) -> None:
        """One more that has said nothing yet."""
        self._pending[link] = ""
        if len(self._pending) > self._max_pending:
            oldest = next(iter(self._pending))
            oldest.fail(
                HandshakeError(f"gives way: more than {self._max_pending} connections are not authenticated")
            )

    def link_events(self, link: Link, events: list[Event]) -> None:
        """Steps of the handshake, and perhaps the first messages behind it."""
        for position, event in enumerate(events):
            if isinstance(event, Up):
                del self._pending[link]
                self._router.link_up(link, event.peer)
                link.owner.link_events(link, events[position + 1 :])
                return
            if isinstance(event, NameReceived):
                self._claimed(link, event)
            elif isinstance(event, AliveAnswer) and not event.go_on:
                link.close()

    def is_expected(self, link: Link, error: PeerError, lost: bool) -> bool:
        """A port may be probed, and a peer that we dial too may give its own attempt up."""
        name = self._pending.get(link, "")
        return lost and (not link.what or (bool(name) and self._connector.is_wanted(name)))

    def log(self, level: int, text: str) -> None:
        """Lines about strangers, of whom there may be many."""
        self._log.log(level, text)

    def link_down(self, link: Link, error: PeerError | None) -> None:
        """It did not become a connection."""
        name = self._pending.pop(link, "")
        if name:
            self._connector.incoming_over(name, link)
            self._dynamic.take_back(name)

    # --- whose it is ------------------------------------------------------------------

    def _claimed(self, link: Link, event: NameReceived) -> None:
        name = link.what = event.name
        if event.dynamic:
            link.what = f"a node without a name on {name}"
        if self._is_full() and not self._router.is_connected(name):
            link.connection.accept(Status.NOT_ALLOWED, "")
            link.fail(HandshakeError(f"not allowed: there are {self._max_connections} connections already"))
        elif event.dynamic:
            self._name(link, name)
        else:
            self._accept_name(link, name)

    def _is_full(self) -> bool:
        return len(self._router.nodes("connected")) >= self._max_connections

    def _accept_name(self, link: Link, name: str) -> None:
        status = self._connector.arbitrate(name, link)
        link.connection.accept(status, self._cookies.of(name))
        if status is Status.NOK:
            link.close()
        else:
            self._pending[link] = name

    def _name(self, link: Link, host: str) -> None:
        try:
            name, creation = self._dynamic.give(host)
        except HandshakeError as error:
            link.fail(error)
            return
        self._pending[link] = link.what = name
        link.connection.accept(Status.NAMED, self._cookies.of(name), name=name, creation=creation)

    def _node_event(self, event: NodeEvent) -> None:
        if event.kind is NODEDOWN:
            self._dynamic.take_back(event.node)
