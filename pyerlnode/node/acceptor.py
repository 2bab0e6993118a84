"""A listening socket that gives each connection to a protocol, and leaves none behind when it closes.

An `asyncio.Server` that is closed forgets the connections that it has accepted in the same
turn: their sockets stay open until they are garbage.  Here each accepted socket has an owner
at any time, its task or its transport, and `close` waits for the tasks.

Proof: tests/node/test_acceptor.py.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from typing import TYPE_CHECKING

from pyerlnode.node.tls import SHUTDOWN_TIME
from pyerlnode.node.tls_faults import handshake_fault

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

__all__ = ["Acceptor", "listening_socket"]

logger = logging.getLogger("pyerlnode.node")

# Connections that wait in the kernel to be accepted, and how many are taken in one turn.
_BACKLOG = 512
# Seconds to wait when the process or the machine has no file descriptor left.
_PAUSE = 1.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def listening_socket(address: str, port: int, *, v6_only: bool = False) -> socket.socket:
    """A socket that listens on an IPv4 or IPv6 address, port 0 being any; OSError as of `bind`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if v6_only and family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind((address, port))
        sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


class Acceptor:
    """Accepts on one socket, which it owns, from `start` to `close`."""

    def __init__(
        self,
        sock: socket.socket,
        make: Callable[[], asyncio.BaseProtocol],
        *,
        tls: Callable[[], ssl.SSLContext] | None = None,
        tls_timeout: float | None = None,
        failed: Callable[[object, str], object] | None = None,
        max_opening: int | None = None,
    ) -> None:
        """`make()` is the protocol of a connection; a TLS handshake may take `tls_timeout` seconds.

        Where it fails `failed(address, why)` is called, with the address as of `accept`.  Of more
        than `max_opening` TLS handshakes under way the oldest one gives way.
        """
        self.port = int(sock.getsockname()[1])
        self._socket = sock
        self._make = make
        self._tls = tls
        self._tls_timeout = tls_timeout
        self._failed = failed or self._say
        self._max_opening = max_opening
        #: oldest first
        self._opening: dict[asyncio.Task[None], tuple[socket.socket, object]] = {}
        self._pause: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Accept from now on; who has connected before was waiting."""
        self._pause = None
        asyncio.get_running_loop().add_reader(self._socket, self._ready)

    def stop(self) -> None:
        """Accept nothing more; the port is free.  What is being opened may still get a protocol."""
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        if self._pause is not None:
            self._pause.cancel()
        if self._tls is not None:
            for task in self._opening:
                task.cancel()
        # Without TLS they end by themselves, in a turn or two.  Were one cancelled when its protocol has
        # the transport, uvloop would close that and never tell the protocol, which may wait for it.

    async def close(self) -> None:
        """`stop`, and see the last connection that has no protocol yet closed."""
        self.stop()
        if self._opening:
            await asyncio.wait(tuple(self._opening))
            # The tasks tell in the turn after their last one.
            await asyncio.sleep(0)

    def _ready(self) -> None:
        for _ in range(_BACKLOG):
            try:
                connection, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._rest(error)
                return
            connection.setblocking(False)
            self._make_room()
            task = asyncio.get_running_loop().create_task(self._open(connection))
            self._opening[task] = (connection, address)
            task.add_done_callback(self._opened)

    def _make_room(self) -> None:
        if self._tls is None or self._max_opening is None or len(self._opening) < self._max_opening:
            return
        coming = [task for task in self._opening if not task.cancelling()]
        if len(coming) >= self._max_opening:
            coming[0].cancel()
            _, address = self._opening[coming[0]]
            self._failed(address, f"gives way: more than {self._max_opening} are in the TLS handshake")

    def _rest(self, error: OSError) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        self._pause = loop.call_later(_PAUSE, self.start)
        logger.error("port %d accepts nothing for %g s: %s", self.port, _PAUSE, error.strerror)

    async def _open(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        if self._tls is None:
            await loop.connect_accepted_socket(self._make, connection)
            return
        await loop.connect_accepted_socket(
            self._make,
            connection,
            ssl=self._tls(),
            ssl_handshake_timeout=self._tls_timeout,
            ssl_shutdown_timeout=SHUTDOWN_TIME,
        )

    def _opened(self, task: asyncio.Task[None]) -> None:
        connection, address = self._opening.pop(task)
        if task.cancelled():
            # Perhaps before its first step, so that nobody has closed the socket.
            connection.close()
        elif (error := task.exception()) is not None:
            connection.close()
            if not isinstance(error, OSError):
                raise error
            self._failed(address, handshake_fault(error, self._tls_timeout or 0))

    def _say(self, address: object, why: str) -> None:
        logger.debug("a connection from %s to port %d was not opened: %s", address, self.port, why)
