"""One connection to another node: bytes and time in, events and bytes out.

    connection = Connection.initiator(LocalNode("kate@localhost", creation), "alex@localhost", cookie, now)
    socket.send(connection.data_to_send())
    events = connection.receive(socket.recv(65536), now)      # [Up(peer), Send(...), ...]
    if connection.error is not None: ...                      # broken behind those events
    connection.send(Send(sender, to, message))

After every call that can produce output (all but `data_to_send`, `next_deadline` and
the attributes) the owner writes `data_to_send()`; that holds for a call that raised,
too: a refusal is still told to the peer, then the socket is to be closed.

A bad frame behind good ones does not take them away: `receive` returns the events
before it, sets `error` and raises that error from the next call.  If there are no
events before it, it raises at once.

Source: ERTS manual, "Distribution Protocol".
Proof: tests/protocol/test_connection.py, tests/protocol/test_ticks.py.
"""

from __future__ import annotations

import math
import secrets
from typing import TYPE_CHECKING, Final

from pyerlnode.errors import CutOff, FrameTooLarge, HandshakeError, PeerError, TickTimeout, UsageError
from pyerlnode.protocol.channel import FrameParser, FrameWriter
from pyerlnode.protocol.events import Event, LocalNode, Peer, Settings, State, Status, Up
from pyerlnode.protocol.fragments import Outbox
from pyerlnode.protocol.framing import FrameReader, frame
from pyerlnode.protocol.handshake import Acceptor, Initiator

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.protocol.control import Control
    from pyerlnode.protocol.fragments import Pieces

__all__ = ["Connection"]

# A frame of length 0.  It is not answered and yields no event: it only proves life.
_TICK = b"\0\0\0\0"
# What records of TLS begin with: an alert, the handshake.
_TLS_RECORDS = (0x15, 0x16)
_DEFAULT_SETTINGS = Settings()
_UP: Final = State.UP  # looked up once: an enumeration's class takes as long as a call
# States in which the owner has to answer before the peer may say more.
_DECISIONS = (State.DECIDE_STATUS, State.DECIDE_ALIVE)


def _random_challenge() -> int:
    return secrets.randbits(32)


class Connection:
    """A connection in either role; see the module's text for how to drive it.

    Made with `initiator` or `acceptor`.  `peer` is None until the state is UP; `error`
    is why it is CLOSED, None if we closed it ourselves by a refusing status or answer.
    """

    __slots__ = (
        "_frames",
        "_handshake",
        "_heard",
        "_last_input",
        "_next_look",
        "_outbox",
        "_parser",
        "_prefix",
        "_raised",
        "_settings",
        "_state",
        "_up_at",
        "_writer",
        "_wrote",
        "error",
        "peer",
    )

    def __init__(self, handshake: Initiator | Acceptor, now: float, prefix: int, settings: Settings) -> None:
        self.peer: Peer | None = None
        self.error: PeerError | None = None
        self._raised = False
        self._state: State | None = None  # None: the handshake's
        self._handshake = handshake
        self._prefix = prefix
        self._settings = settings
        self._frames = FrameReader(prefix, settings.max_handshake_frame)
        self._outbox = Outbox()
        self._parser: FrameParser | None = None
        self._writer: FrameWriter | None = None
        # Ticks: what happened since the last look, and when to look again.
        self._heard = False
        self._wrote = False
        self._last_input = self._up_at = now
        self._next_look = math.inf
        self._flush_handshake()

    @classmethod
    def initiator(
        cls,
        local: LocalNode,
        peer_name: str,
        cookie: str,
        now: float,
        *,
        prefix: int = 2,
        settings: Settings = _DEFAULT_SETTINGS,
        challenge: Callable[[], int] = _random_challenge,
    ) -> Connection:
        """The end that connects.  `prefix`: bytes of a handshake length, 4 under TLS.

        ConfigError if one of the names is none.
        """
        handshake = Initiator(local, peer_name, cookie, now, settings.setup_time, challenge)
        return cls(handshake, now, prefix, settings)

    @classmethod
    def acceptor(
        cls,
        local: LocalNode,
        now: float,
        *,
        prefix: int = 2,
        settings: Settings = _DEFAULT_SETTINGS,
        challenge: Callable[[], int] = _random_challenge,
    ) -> Connection:
        """The end that was connected to.  Its first event is NameReceived."""
        return cls(Acceptor(local, now, settings.setup_time, challenge), now, prefix, settings)

    @property
    def state(self) -> State:
        """Where the connection is."""
        return self._state or self._handshake.state

    @property
    def local(self) -> LocalNode:
        """This end; with a dynamic name, what the peer named us."""
        return self._handshake.local

    @property
    def name(self) -> str:
        """The peer's name, for messages; a phrase as long as it is not known."""
        return self._handshake.who

    def receive(self, data: bytes | memoryview, now: float) -> list[Event]:
        """Take bytes from the peer; give the events of all frames that are complete now.

        Raises PeerError (HandshakeError before UP; its subclasses Refused with
        `.status`, WrongCookie, SetupTimeout) and is CLOSED then.  Bytes that come
        after we closed by a refusal are ignored.
        """
        if self.error is not None:
            self._raise_error()
        if self._state is not _UP and self.state is State.CLOSED:
            return []
        events: list[Event] = []
        if data:
            self._heard = True
            self._last_input = now
        try:
            if self._parser is None:
                self._frames.feed(data)
                self._shake_hands(events, now)
                data = self._frames.rest() if self._parser is not None else b""
            if self._parser is not None:
                self._read_frames(self._parser, data, events)
        except PeerError as error:
            self._fail(error)
            if not events:
                self._raise_error()
        return events

    def _read_frames(self, parser: FrameParser, data: bytes | memoryview, events: list[Event]) -> None:
        frames = self._frames
        while data:
            window, data = frames.window(data)
            if window is not None:
                frames.advance(parser.read_all(window, 0, events))

    def _shake_hands(self, events: list[Event], now: float) -> None:
        handshake = self._handshake
        try:
            while handshake.state not in _DECISIONS and handshake.state is not State.CLOSED:
                data = self._frames.take()
                if data is None:
                    return
                new = handshake.receive(data, now)
                events += new
                if new and isinstance(new[-1], Up):
                    self._come_up(new[-1].peer, now)
                    return
        except FrameTooLarge as error:
            if self._prefix == 2 and error.size >> 8 in _TLS_RECORDS:
                raise HandshakeError("it speaks TLS, and this node does not") from None
            raise
        finally:
            self._flush_handshake()
        limit = self._settings.max_handshake_frame
        if handshake.state in _DECISIONS and self._frames.buffered > limit:
            raise FrameTooLarge(self._frames.buffered, limit)

    def _come_up(self, peer: Peer, now: float) -> None:
        settings = self._settings
        self._frames.expect(4, settings.max_frame)
        self._parser = FrameParser(peer, settings)
        self._writer = FrameWriter(peer, self.local.name, settings, self._outbox)
        self.peer = peer
        self._state = State.UP
        self._heard = self._wrote = False
        self._up_at = now
        self._next_look = now + settings.net_ticktime / settings.net_tickintensity

    def _flush_handshake(self) -> None:
        for body in self._handshake.out:
            self._outbox.put_now(frame(body, self._prefix))
        self._handshake.out.clear()

    def accept(
        self,
        status: Status,
        cookie: str,
        *,
        name: str | None = None,
        creation: int | None = None,
        now: float | None = None,
    ) -> None:
        """Answer NameReceived.  `name` and `creation` only with Status.NAMED.

        NOK and NOT_ALLOWED close: write `data_to_send()`, then close the socket.
        ALIVE leads to the event AliveAnswer.  `now` (default: when the name came)
        starts the setup timer anew.
        """
        handshake = self._handshake
        if not isinstance(handshake, Acceptor):
            raise UsageError("only an acceptor gives a status")
        handshake.accept(status, cookie, name, creation, now)
        self._flush_handshake()

    def answer_alive(self, go_on: bool, now: float | None = None) -> None:
        """Answer AliveQuestion: True if the old connection is dead to us; False closes this one."""
        handshake = self._handshake
        if not isinstance(handshake, Initiator):
            raise UsageError("only an initiator is asked whether it is alive")
        handshake.answer_alive(go_on, now)
        self._flush_handshake()

    def send(self, control: Control) -> int:
        """Queue a control message; the connection must be UP.  Gives how many bytes are queued then.

        Raises UsageError for what this peer cannot be sent (no SPAWN or ALIAS
        negotiated, a Link in the name of another node's process), TermEncodeError
        for what no term can be made of; nothing is queued then.
        """
        writer = self._writer
        if writer is None or self._state is not _UP:
            raise UsageError(f"nothing can be sent to {self.name}: {self.state.value}")
        writer.write(control)
        self._wrote = True
        return self._outbox.pending

    def data_to_send(self, limit: int | None = None) -> bytes:
        """Take bytes to write, b"" if there are none.

        All of them, or with `limit` everything that is ready and fragments of large
        messages until about `limit` bytes are reached.  What is sent meanwhile by
        other processes passes the fragments that were left.
        """
        return self._outbox.take(limit)

    def pieces_to_send(self, limit: int | None = None) -> Pieces:
        """As `data_to_send`, in pieces that need not be joined: of large messages no part is copied."""
        return self._outbox.take_pieces(limit)

    @property
    def frame_size(self) -> int:
        """Bytes of the largest message that leaves in one frame where nothing else waits; 0 at first.

        For an owner who writes as much without a pause: nothing could pass its fragments.
        """
        return self._outbox.frame_size

    @frame_size.setter
    def frame_size(self, size: int) -> None:
        self._outbox.frame_size = size

    @property
    def pending(self) -> int:
        """Bytes that `data_to_send` would give (without limit)."""
        return self._outbox.pending

    def tick(self, now: float) -> None:
        """Do what time asks for: send a tick, or raise SetupTimeout or TickTimeout (PeerErrors)."""
        self._raise_error()
        try:
            if self._state is State.UP:
                self._look(now)
            elif self.state is not State.CLOSED:
                self._handshake.expire(now)
        except PeerError as error:
            self._fail(error)
            self._raise_error()

    def _look(self, now: float) -> None:
        silence = now - self._last_input
        if silence >= self._patience():
            raise TickTimeout(f"net_tick_timeout: nothing received for {silence:.1f} s")
        if now < self._next_look:
            return
        settings = self._settings
        self._next_look = now + settings.net_ticktime / settings.net_tickintensity
        # A simple hidden node says nothing by itself, it answers ticks: so it gets one
        # when it was silent, even if something else was written.
        asks = self.peer is not None and not self.peer.visible and not self._heard
        if (asks or not self._wrote) and not self._outbox.pending:
            self._outbox.put_now(_TICK)
        self._heard = self._wrote = False

    def _patience(self) -> float:
        settings = self._settings
        return settings.net_ticktime * (1 + 1 / settings.net_tickintensity)

    def next_deadline(self) -> float:
        """When `tick` wants to be called next; infinity when closed."""
        if self.error is not None and not self._raised:
            return -math.inf
        if self._state is State.UP:
            return min(self._next_look, self._last_input + self._patience())
        return math.inf if self.state is State.CLOSED else self._handshake.deadline

    def closed(self, now: float) -> PeerError:
        """The peer closed the socket: the error that fits where we were.  CLOSED afterwards."""
        error = self.error or self._fail(self._why_closed(now))
        self._raised = True
        return error

    def _why_closed(self, now: float) -> PeerError:
        state = self.state
        unfinished = self._frames.unfinished() or (self._parser and self._parser.unfinished())
        if state is State.CLOSED:
            return PeerError("closed")
        if unfinished is not None and state not in _DECISIONS:
            return CutOff(f"closed in the middle of a frame: {unfinished}")
        if state is not State.UP:
            return self._handshake.closed()
        if isinstance(self._handshake, Acceptor) and self._last_input <= self._up_at:
            return PeerError("closed right after the handshake: it may keep another cookie for us")
        return PeerError(f"closed the connection, {now - self._last_input:.1f} s after its last byte")

    def _fail(self, error: PeerError) -> PeerError:
        if not isinstance(error, HandshakeError):
            where = self.name if self.peer is not None else f"handshake with {self.name}"
            error.args = (f"{where}: {error}",)
        if self._state is State.UP:
            self._outbox = Outbox()  # whoever breaks the protocol is told nothing more
        self._state = State.CLOSED
        self.error = error
        return error

    def _raise_error(self) -> None:
        if self.error is not None:
            self._raised = True
            raise self.error
