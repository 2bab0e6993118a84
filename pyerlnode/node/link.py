"""One transport and the `Connection` that speaks on it.

    socket -> data_received -> Connection.receive -> owner.events
    send -> Connection.send ... one transport.write for each turn of the event loop

A large message leaves in portions, one for each turn, and none while the transport has
enough of them: what others send meanwhile, and what the peer sends, passes between.

A link is busy from the signal on with which more than `busy_limit` bytes wait for a slow
peer, here or in the transport, until the transport has written nearly all that it has.
It takes what is sent meanwhile all the same: who is to wait then is `senders`' business.

Who owns a link decides what its events mean: the listener or one attempt of the
connector during the handshake, the router once it is up.  Nothing is awaited here
and nothing logs while all is well.

Proof: tests/node/test_link.py.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import TYPE_CHECKING, Any, Final, Protocol, cast
from weakref import WeakKeyDictionary

from pyerlnode.errors import PeerError, TickTimeout
from pyerlnode.node._bytes import first_bytes, write_now
from pyerlnode.node.giving_way import GivingWay
from pyerlnode.node.hosts import address_text
from pyerlnode.node.tls_faults import lost_fault
from pyerlnode.process._steps import Callback
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.process.scheduler import RunQueue
    from pyerlnode.protocol.connection import Connection
    from pyerlnode.protocol.control import Control
    from pyerlnode.protocol.events import Event

__all__ = ["Link", "LinkOwner"]

CONNECTION_CLOSED: Final = Atom("connection_closed")
NET_TICK_TIMEOUT: Final = Atom("net_tick_timeout")
DISCONNECT: Final = Atom("disconnect")
SHUTDOWN: Final = Atom("shutdown")
_NOBODY: Final = Atom("nonode@nohost")
# Bytes that may wait before a link is busy: a BEAM's default, too (+zdbbl).
BUSY_LIMIT = 1024 * 1024
# Bytes of large messages that are written in one turn, and that may wait in the transport,
# where nothing can pass them any more.
PORTION = 256 * 1024
# The same as long as the system takes all at once: that costs two thirds of what four writes cost.
LARGE_PORTION = 1024 * 1024
# Bytes that one read takes at most.
_READ_SIZE = 256 * 1024
# What one read has brought is copied once more up to so many bytes: that takes less than to refer to it.
_FEW_BYTES = 4096
# Seconds that a closing link may take to write what is queued.
_LINGER = 1.0


class LinkOwner(Protocol):
    """Who decides what the events of a link mean."""

    def link_made(self, link: Link) -> None:
        """The transport is open; nothing has been sent or received."""

    def link_events(self, link: Link, events: list[Event]) -> None:
        """What came in one read, oldest first."""

    def is_expected(self, link: Link, error: PeerError, lost: bool) -> bool:
        """Whether `error` is nothing to warn about; `lost`: the peer closed the connection."""

    def log(self, level: int, text: str) -> None:
        """Write a line about one of the links."""

    def link_down(self, link: Link, error: PeerError | None) -> None:
        """The link is closed; None where this side closed it.  Called once."""


class LinkBase(Callback):
    """What a `Link` has and does.

    Compiled it is a struct, and none can have a class written in Python as its base, such as asyncio's.
    """

    __slots__ = (
        "_buffer",
        "_descriptor",
        "_dirty",
        "_giving_way",
        "_gone",
        "_loop",
        "_paused",
        "_portion",
        "_room",
        "_timer",
        "_transport",
        "_unwritten",
        "_view",
        "address",
        "after_read",
        "busy",
        "busy_limit",
        "closed",
        "connection",
        "node",
        "on_writable",
        "owner",
        "queue",
        "reason",
        "received",
        "sent",
        "up",
        "visible",
        "what",
    )

    def __init__(self, connection: Connection, owner: LinkOwner, what: str = "") -> None:
        self.connection = connection
        self.owner: Any = owner  # a LinkOwner: it is given a `Link`, as this is one
        #: the peer's node name once it is known or claimed, for the log
        self.what = what
        self.address = "?"
        #: authenticated, so that control messages may be sent; then `node` is the peer
        self.up = False
        self.node = _NOBODY
        self.visible = False
        #: control messages of each direction
        self.received = self.sent = 0
        self.closed = False
        #: why it was closed, in OTP's words for nodedown
        self.reason = CONNECTION_CLOSED
        self.busy_limit = BUSY_LIMIT
        #: more bytes than that wait for a slow peer, here or in the transport
        self.busy = False
        #: called when a busy link is not busy any more, also because it is closed
        self.on_writable: Callable[[], object] | None = None
        self._loop = asyncio.get_running_loop()
        #: at the end of whose run all that is to be sent in this turn is there; else it is that of the loop's
        self.queue: RunQueue | None = None
        #: called with the number of messages read, when they have been handled, if more is expected soon
        self.after_read: Callable[[int], object] | None = None
        # What is read into, and its view, which asyncio cuts under TLS: a bytearray would be copied.
        self._view = _read_buffer(self._loop)
        self._buffer = cast("bytearray", self._view.obj)
        self._transport: asyncio.Transport | None = None
        # Of the socket, where it can be written to without the transport; and whether that has bytes before.
        self._descriptor = -1
        self._unwritten = False
        self._giving_way = GivingWay()
        self._timer: asyncio.TimerHandle | None = None
        self._gone: asyncio.Future[None] | None = None
        self._dirty = False
        self._paused = False
        self._portion = PORTION
        # Bytes that may wait in the connection: the others of `busy_limit` wait in the transport.
        self._room = BUSY_LIMIT

    def __repr__(self) -> str:
        return f"<Link {self}{' up' if self.up else ''}>"

    def __str__(self) -> str:
        return f"{self.what} at {self.address}" if self.what else self.address

    @property
    def is_secure(self) -> bool:
        """Whether there is TLS under it."""
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is not None

    def go_up(self, owner: LinkOwner, node: Atom, visible: bool, busy_limit: int = BUSY_LIMIT) -> None:
        """The handshake is done: `node` is at the other end, and `owner` takes what it sends."""
        self.owner, self.node, self.visible = owner, node, visible
        self.busy_limit = self._room = busy_limit
        self.what = node
        self.up = True
        self.flush_soon()  # the last step of the handshake
        self.rearm()

    # --- out ------------------------------------------------------------------------

    def send(self, control: Control) -> None:
        """Queue a control message; it leaves with all others of this turn.

        Raises TermEncodeError, and then sends nothing of it.
        """
        if self.connection.send(control) > self._room:
            self.busy = True
        self.sent += 1
        if not self._dirty:
            self._dirty = True
            if self.queue is not None:
                self.queue.after_run(self)
            else:
                self._loop.call_soon(self._flush)

    def flush_soon(self) -> None:
        """Write what the Connection has queued, at the end of this turn."""
        if not self._dirty:
            self._dirty = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self.call_back()

    def call_back(self) -> None:
        """Write what is to leave in this turn."""
        self._dirty = False
        transport = self._transport
        if transport is None or self.closed:
            return
        connection = self.connection
        # Small messages never wait here, their number is their senders' business.
        pieces = connection.pieces_to_send(0 if self._paused else self._portion)
        if len(pieces) == 1:
            self._write(transport, pieces[0])
        elif pieces:
            self._unwritten = True
            transport.writelines(pieces)
            self._learn(transport)
        waiting = connection.pending
        if waiting and not self._paused:
            self.flush_soon()
        if waiting or self._paused or self.busy:
            self._weigh()
        else:
            self._room = self.busy_limit

    def _write(self, transport: asyncio.Transport, data: bytes | bytearray | memoryview) -> None:
        """Write to the socket at once, and leave to the transport what that does not take."""
        if self._unwritten and not transport.get_write_buffer_size():
            self._unwritten = False
        if self._descriptor >= 0 and not self._unwritten and type(data) is bytes:
            taken = write_now(self._descriptor, data)
            if taken == len(data):
                return
            data = memoryview(data)[taken:]
        self._unwritten = True
        transport.write(data)

    def _learn(self, transport: asyncio.Transport) -> None:
        """See from what the system took of a large message how much it is given in the next turn."""
        if self._paused:
            return
        left = transport.get_write_buffer_size()
        if left > PORTION:
            # `writelines` of Python 3.12.0 to 3.12.8, 3.13.0 and 3.13.1 does not look at the limit.
            transport.set_write_buffer_limits(high=PORTION)
        elif not left:
            self._give(LARGE_PORTION)

    def _give(self, portion: int) -> None:
        """From now on so many bytes are written in one turn; what fits into that need not be cut."""
        self._portion = self.connection.frame_size = portion

    def _flush_all(self) -> None:
        """Write all that is queued: there will be no other turn."""
        if self._transport is not None and (data := self.connection.data_to_send()):
            self._transport.write(data)

    # --- in -------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.address = address_text(transport.get_extra_info("peername"))
        self._descriptor = _tune(transport)
        if self.closed:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=PORTION)
        self.owner.link_made(self)
        self.flush_soon()
        self.rearm()

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._descriptor >= 0 and self.up:  # under TLS the socket has been read already
            self._giving_way.before_read()
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        if nbytes <= _FEW_BYTES:
            self.data_received(first_bytes(self._buffer, nbytes))
        else:
            self.data_received(self._view[:nbytes])

    def data_received(self, data: bytes | memoryview) -> None:
        """Take what the peer has sent."""
        if self.closed:
            return
        connection = self.connection
        try:
            events = connection.receive(data, self._loop.time())
        except PeerError as error:
            self.fail(error)
            return
        sent = self.sent
        if events:
            self.received += len(events)
            self.owner.link_events(self, events)
        if connection.error is not None:
            self.fail(connection.error)
        elif not self.up:
            # A step of the handshake: there is an answer, and a new deadline.
            self.flush_soon()
            self.rearm()
        if self.after_read is not None and (self.sent != sent or not events):
            # Who was answered, or asked, or has not said all, will say more soon.
            self.after_read(len(events))

    def connection_lost(self, error: Exception | None) -> None:
        # First: a TLS transport answers nothing any more when it is closed a second time.
        self._transport = None
        self._descriptor = -1  # open until now, and soon another's
        if not self.closed:
            gone = self.connection.closed(self._loop.time())
            if error is not None:
                gone.args = (f"{gone}: {lost_fault(error)}",)
            self.fail(gone, lost=True)
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    # --- time -----------------------------------------------------------------------

    def rearm(self) -> None:
        """Have the Connection's timers looked at when it wants that."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.closed:
            self._timer = self._loop.call_at(self.connection.next_deadline(), self._tick)

    def _tick(self) -> None:
        self._timer = None
        try:
            self.connection.tick(self._loop.time())
        except PeerError as error:
            self.fail(error)
            return
        self._flush()
        self.rearm()

    # --- the slow peer --------------------------------------------------------------

    def pause_writing(self) -> None:
        self._paused = True
        self._give(PORTION)

    def resume_writing(self) -> None:
        self._paused = False
        self._flush()

    @property
    def waiting(self) -> int:
        """Bytes that the system has not taken yet."""
        written = 0 if self._transport is None else self._transport.get_write_buffer_size()
        return self.connection.pending + written

    def _weigh(self) -> None:
        """Decide whether the link is busy; once it is, it stays so until the transport wants more."""
        waiting = self.waiting
        self._room = self.busy_limit - (waiting - self.connection.pending)
        if waiting > self.busy_limit:
            self.busy = True
        elif self.busy and not self._paused:
            self._free()

    def _free(self) -> None:
        self.busy = False
        if self.on_writable is not None:
            self.on_writable()

    # --- the end --------------------------------------------------------------------

    def fail(self, error: PeerError, *, lost: bool = False) -> None:
        """Close because of `error`; logged with the peer and the reason."""
        if self.closed:
            return
        level = logging.INFO if self.owner.is_expected(self, error, lost) else logging.WARNING
        # What a Connection says names the peer already.
        self.owner.log(level, f"{self if self.what not in str(error) else self.address}: {error}")
        if isinstance(error, TickTimeout):
            self.reason = NET_TICK_TIMEOUT
        self._flush_all()  # the status of a refusal
        self._end(error)

    def close(self, reason: Atom = DISCONNECT) -> None:
        """Close without a fault of the peer; what is queued is still written."""
        if not self.closed:
            self.reason = reason
            self._flush_all()  # a status such as not_allowed, or the last messages
            self._end(None)

    def drop(self) -> None:
        """Close, and write nothing of what is queued: a name that has not gone out stays unsaid."""
        if not self.closed:
            self.reason = DISCONNECT
            self._end(None)

    def _end(self, error: PeerError | None) -> None:
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        transport = self._transport
        if transport is not None:
            transport.close()
            # A peer that does not read must not keep the socket.
            if transport.get_write_buffer_size():
                self._loop.call_later(_LINGER, transport.abort)
        self.owner.link_down(self, error)
        if self.busy:
            self._free()

    async def wait_gone(self) -> None:
        """Wait until the transport of a closed link is gone: a second, and another when it is aborted."""
        if self._transport is not None:
            self._gone = self._loop.create_future()
            await asyncio.wait([self._gone], timeout=_LINGER)
        if self._transport is not None:
            self._transport.abort()
            assert self._gone is not None
            # One of uvloop's never says so whose TLS handshake was cancelled when it was just done.
            await asyncio.wait([self._gone], timeout=_LINGER)
            self._transport = None
            self._descriptor = -1


class Link(LinkBase, asyncio.BufferedProtocol):
    """Pumps bytes between a stream transport (TCP or TLS) and a Connection."""

    __slots__ = ()


# Event loop -> what all its links read into: what is there is taken before the next one reads.
_buffers: WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview] = WeakKeyDictionary()


def _read_buffer(loop: asyncio.AbstractEventLoop) -> memoryview:
    """Room for one read.  A new one for each read would be given back to the system, and asked for again."""
    buffer = _buffers.get(loop)
    if buffer is None:
        buffer = _buffers[loop] = memoryview(bytearray(_READ_SIZE))
    return buffer


def _tune(transport: asyncio.BaseTransport) -> int:
    """Set the options of the socket; its descriptor, or -1 where only the transport may write to it."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return -1
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if os.name != "posix" or transport.get_extra_info("ssl_object") is not None:
        return -1
    descriptor: int = sock.fileno()
    return descriptor
