"""The handshake, version 6, in both roles.

Drive an `Initiator` or an `Acceptor` with the frames of framing.py (`receive`) and the
decisions of its owner (`accept`, `answer_alive`); take what is to be sent from `out`
(frames without length) and events from what `receive` returns, until `state` is UP or
CLOSED.  `deadline` is when the setup timer ends; each step starts it anew.

Source: ERTS manual, "Distribution Protocol", Distribution Handshake; order of the
checks as OTP 25 to 29 do them.
Proof: tests/protocol/test_handshake.py, tests/protocol/test_handshake_vectors.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from hmac import compare_digest
from typing import TYPE_CHECKING

from pyerlnode.errors import ConfigError, HandshakeError, Refused, SetupTimeout, UsageError, WrongCookie
from pyerlnode.protocol.events import (
    AliveAnswer,
    AliveQuestion,
    LocalNode,
    Named,
    NameReceived,
    Peer,
    State,
    Status,
    Up,
)
from pyerlnode.protocol.flags import MANDATORY, DistFlag, missing, negotiate
from pyerlnode.protocol.handshake_messages import (
    Acknowledge,
    AliveReply,
    Challenge,
    ChallengeReply,
    Complement,
    Message,
    Name,
    StatusMessage,
    decode_from_acceptor,
    decode_from_initiator,
    digest,
)
from pyerlnode.protocol.names import MAX_NAME, has_odd_characters, name_fault, split_name
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.protocol.events import Event

__all__ = [
    "Acceptor",
    "Handshake",
    "Initiator",
    "Step",
    "resolve_simultaneous",
]

# Room that the name before the @ needs, when the host of a dynamic name is checked.
_DYNAMIC_PART = 20
# The half of the flags that an old name message has.
_LOW_HALF = DistFlag(0xFFFFFFFF)


class Step(Enum):
    """What moves a handshake on: a message that came, or what the owner decided."""

    NAME = "name"
    GO_ON = "status that lets the initiator go on, or the answer true"
    GO_ON_OLD = "the same to an old name message"
    ALIVE = "status alive"
    REFUSED = "status that refuses, or the answer false"
    CHALLENGE = "challenge"
    COMPLEMENT = "complement"
    REPLY = "right reply to our challenge"
    ACKNOWLEDGE = "right acknowledgement of our reply"


# All transitions.  Whatever is not here is an error and leads to CLOSED, as do a digest
# that is wrong, a flag that is missing, and the setup timer.
TRANSITIONS: dict[State, dict[Step, State]] = {
    # Initiator.  It has sent its name when it comes into being.
    State.WAIT_STATUS: {
        Step.GO_ON: State.WAIT_CHALLENGE,
        Step.ALIVE: State.DECIDE_ALIVE,
        Step.REFUSED: State.CLOSED,
    },
    # The owner looks whether it still has a connection to that peer.
    State.DECIDE_ALIVE: {Step.GO_ON: State.WAIT_CHALLENGE, Step.REFUSED: State.CLOSED},
    State.WAIT_CHALLENGE: {Step.CHALLENGE: State.WAIT_ACK},
    State.WAIT_ACK: {Step.ACKNOWLEDGE: State.UP},
    # Acceptor.
    State.WAIT_NAME: {Step.NAME: State.DECIDE_STATUS},
    # The owner looks whether the peer is known, connected, or being connected to.
    # With GO_ON the challenge follows the status at once.
    State.DECIDE_STATUS: {
        Step.GO_ON: State.WAIT_REPLY,
        Step.GO_ON_OLD: State.WAIT_COMPLEMENT,
        Step.ALIVE: State.WAIT_ALIVE,
        Step.REFUSED: State.CLOSED,
    },
    State.WAIT_ALIVE: {
        Step.GO_ON: State.WAIT_REPLY,
        Step.GO_ON_OLD: State.WAIT_COMPLEMENT,
        Step.REFUSED: State.CLOSED,
    },
    State.WAIT_COMPLEMENT: {Step.COMPLEMENT: State.WAIT_REPLY},
    State.WAIT_REPLY: {Step.REPLY: State.UP},
    # Both.
    State.UP: {},
    State.CLOSED: {},
}

# What the end of the stream means in each state.
_CLOSED_IN = {
    State.WAIT_STATUS: "closed instead of a status",
    State.DECIDE_ALIVE: "closed after status alive",
    State.WAIT_CHALLENGE: "closed instead of a challenge",
    State.WAIT_ACK: "closed after our challenge reply: most likely the cookies differ",
    State.WAIT_NAME: "closed before it told its name",
    State.DECIDE_STATUS: "closed after its name",
    State.WAIT_ALIVE: "closed after status alive",
    State.WAIT_COMPLEMENT: "closed after our challenge",
    State.WAIT_REPLY: "closed after our challenge: it wants another name or other flags",
}


def resolve_simultaneous(own_name: str, peer_name: str) -> Status:
    """The status for a peer to which an own attempt is under way.

    OK_SIMULTANEOUS: give the own attempt up.  NOK: keep it.  Both ends come to the
    same result, since the greater name keeps its attempt.
    """
    return Status.OK_SIMULTANEOUS if own_name < peer_name else Status.NOK


class Handshake(ABC):
    """What both roles have in common."""

    def __init__(
        self, local: LocalNode, state: State, now: float, setup_time: float, challenge: Callable[[], int]
    ) -> None:
        self.local = local
        self.state = state
        self.peer: Peer | None = None
        self.out: list[bytes] = []
        self._setup_time = setup_time
        self._make_challenge = challenge
        self._challenge = 0
        self._cookie = ""
        self._now = now
        self.deadline = now + setup_time

    @property
    @abstractmethod
    def who(self) -> str:
        """The peer, for messages."""

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take one frame; raises HandshakeError and is CLOSED then."""
        self._now = now
        try:
            return self._handle(data)
        except HandshakeError as error:
            self.state = State.CLOSED
            raise self._named(error) from None

    @abstractmethod
    def _handle(self, data: bytes) -> list[Event]:
        """Do what a frame asks for; HandshakeError if it has no place here."""

    def expire(self, now: float) -> None:
        """Raise SetupTimeout if the setup timer has ended."""
        if now >= self.deadline:
            text = f"nothing for {self._setup_time:g} s while {self.state.value}"
            self.state = State.CLOSED
            raise self._named(SetupTimeout(text))

    def closed(self) -> HandshakeError:
        """What it means that the peer closed the connection now."""
        reason = _CLOSED_IN[self.state]
        kind = WrongCookie if self.state is State.WAIT_ACK else HandshakeError
        self.state = State.CLOSED
        return self._named(kind(reason))

    def _named(self, error: HandshakeError) -> HandshakeError:
        error.args = (f"handshake with {self.who}: {error}",)
        return error

    def _step(self, step: Step) -> None:
        self.state = TRANSITIONS[self.state][step]
        self.deadline = self._now + self._setup_time

    def _unexpected(self, message: Message) -> HandshakeError:
        return HandshakeError(f"{type(message).__name__} message while {self.state.value}")

    def _check_digest(self, found: bytes, what: str) -> None:
        if not compare_digest(found, digest(self._cookie, self._challenge)):
            raise WrongCookie(f"its {what} is wrong: the cookies differ")

    def _come_up(self, name: str, creation: int, ours: DistFlag, theirs: DistFlag) -> Up:
        visible = bool(ours & theirs & DistFlag.PUBLISHED)
        try:
            atom = Atom(name)
        except UsageError as error:  # the table is full
            raise HandshakeError(str(error)) from None
        self.peer = Peer(atom, creation, negotiate(ours, theirs), visible)
        return Up(self.peer)


class Initiator(Handshake):
    """The end that connected."""

    def __init__(
        self,
        local: LocalNode,
        peer_name: str,
        cookie: str,
        now: float,
        setup_time: float,
        challenge: Callable[[], int],
    ) -> None:
        super().__init__(local, State.WAIT_STATUS, now, setup_time, challenge)
        _check_local(local)
        split_name(peer_name)
        self._peer_name = peer_name
        self._cookie = cookie
        self._theirs: Challenge | None = None
        self.out.append(Name(local.flags, local.creation, local.name).encode())

    @property
    def who(self) -> str:
        return self._peer_name

    def _handle(self, data: bytes) -> list[Event]:
        message = decode_from_acceptor(data)
        match self.state, message:
            case State.WAIT_STATUS, StatusMessage():
                return self._status(message)
            case State.WAIT_CHALLENGE, Challenge():
                return self._challenged(message)
            case State.WAIT_ACK, Acknowledge():
                return self._acknowledged(message)
        raise self._unexpected(message)

    def _status(self, message: StatusMessage) -> list[Event]:
        dynamic = bool(self.local.flags & DistFlag.NAME_ME)
        match message.status:
            case Status.NOK | Status.NOT_ALLOWED as status:
                raise Refused(f"status {status}: {_REFUSALS[status]}", status)
            case Status.NAMED if dynamic:
                return self._named_by_peer(message)
            case Status.NAMED:
                raise HandshakeError("it gave us a name that we did not ask for")
            case _ if dynamic:
                raise HandshakeError(f"status {message.status} instead of a name for us")
            case Status.ALIVE:
                self._step(Step.ALIVE)
                return [AliveQuestion()]
        self._step(Step.GO_ON)
        return []

    def _named_by_peer(self, message: StatusMessage) -> list[Event]:
        fault = name_fault(message.name)
        if fault is not None:
            raise HandshakeError(f"bad name {message.name[:300]!r} for us: {fault}")
        self.local = LocalNode(message.name, message.creation, self.local.flags & ~DistFlag.NAME_ME)
        self._step(Step.GO_ON)
        return [Named(message.name, message.creation)]

    def answer_alive(self, go_on: bool, now: float | None = None) -> None:
        """Answer AliveQuestion."""
        if self.state is not State.DECIDE_ALIVE:
            raise UsageError(f"nothing to answer while {self.state.value}")
        self._now = self._now if now is None else now
        self.out.append(AliveReply(go_on).encode())
        self._step(Step.GO_ON if go_on else Step.REFUSED)

    def _challenged(self, message: Challenge) -> list[Event]:
        if message.name != self._peer_name:
            raise HandshakeError(f"another node answered: {message.name[:300]!r}")
        lacking = missing(message.flags)
        if lacking:
            raise HandshakeError(f"its flags lack {_flag_names(lacking)}")
        self._theirs = message
        self._challenge = self._make_challenge()
        self.out.append(ChallengeReply(self._challenge, digest(self._cookie, message.challenge)).encode())
        self._step(Step.CHALLENGE)
        return []

    def _acknowledged(self, message: Acknowledge) -> list[Event]:
        self._check_digest(message.digest, "acknowledgement")
        theirs = self._theirs
        if theirs is None:
            raise self._unexpected(message)
        self._step(Step.ACKNOWLEDGE)
        return [self._come_up(self._peer_name, theirs.creation, self.local.flags, theirs.flags)]


class Acceptor(Handshake):
    """The end that was connected to."""

    def __init__(self, local: LocalNode, now: float, setup_time: float, challenge: Callable[[], int]) -> None:
        super().__init__(local, State.WAIT_NAME, now, setup_time, challenge)
        _check_local(local)
        self._theirs = Name(DistFlag(0), 0, "")
        self._ours = local.flags

    @property
    def who(self) -> str:
        name = self._theirs.name
        # Whatever a stranger sends as its name must stay one line of a log.
        return repr(name) if has_odd_characters(name) else name or "a node that has not told its name"

    def _handle(self, data: bytes) -> list[Event]:
        message = decode_from_initiator(data)
        match self.state, message:
            case State.WAIT_NAME, Name():
                return self._name(message)
            case State.WAIT_ALIVE, AliveReply():
                return self._alive_answered(message)
            case State.WAIT_COMPLEMENT, Complement():
                return self._complemented(message)
            case State.WAIT_REPLY, ChallengeReply():
                return self._replied(message)
        raise self._unexpected(message)

    def _name(self, message: Name) -> list[Event]:
        dynamic = bool(message.flags & DistFlag.NAME_ME)
        fault = _host_fault(message.name) if dynamic else name_fault(message.name)
        if fault is not None:
            raise HandshakeError(f"bad name {message.name[:300]!r}: {fault}")
        self._theirs = message
        # The high half of the flags is checked when the complement has come.
        self._check_flags(MANDATORY & _LOW_HALF if message.old else MANDATORY)
        if has_odd_characters(message.name):
            raise self._refusal(Status.NOK, "its name has characters that no node can have")
        if message.name == self.local.name:
            raise self._refusal(Status.NOK, "it has our own name")
        self._step(Step.NAME)
        return [NameReceived(message.name, message.flags, message.creation, dynamic)]

    def _check_flags(self, wanted: DistFlag) -> None:
        lacking = missing(self._theirs.flags, wanted)
        if lacking:
            raise self._refusal(Status.NOT_ALLOWED, f"its flags lack {_flag_names(lacking)}")

    def _refusal(self, status: Status, reason: str) -> HandshakeError:
        self.out.append(StatusMessage(status).encode())
        return HandshakeError(f"we refused it with status {status}: {reason}")

    def accept(
        self,
        status: Status,
        cookie: str,
        name: str | None = None,
        creation: int | None = None,
        now: float | None = None,
    ) -> None:
        """Answer NameReceived."""
        if self.state is not State.DECIDE_STATUS:
            raise UsageError(f"no status can be given while {self.state.value}")
        message = self._status_message(status, name, creation)
        self._now = self._now if now is None else now
        self._cookie = cookie
        self.out.append(message.encode())
        match status:
            case Status.NOK | Status.NOT_ALLOWED:
                self._step(Step.REFUSED)
            case Status.ALIVE:
                self._step(Step.ALIVE)
            case _:
                self._send_challenge()

    def _status_message(self, status: Status, name: str | None, creation: int | None) -> StatusMessage:
        dynamic = bool(self._theirs.flags & DistFlag.NAME_ME)
        if status is not Status.NAMED:
            if dynamic and status not in (Status.NOK, Status.NOT_ALLOWED):
                raise UsageError(f"status {status} for a node that asked for a name")
            return StatusMessage(status)
        if not dynamic or name is None or creation is None:
            raise UsageError("status named needs a node that asked for a name, the name and its creation")
        split_name(name)
        self._theirs = Name(self._theirs.flags, creation, name, self._theirs.old)
        # As a BEAM does: a node with a dynamic name is hidden from the one that named it.
        self._ours = (self.local.flags | DistFlag.NAME_ME) & ~DistFlag.PUBLISHED
        return StatusMessage(status, name, creation)

    def _send_challenge(self) -> None:
        self._challenge = self._make_challenge()
        local = self.local
        self.out.append(Challenge(self._ours, self._challenge, local.creation, local.name).encode())
        self._step(Step.GO_ON_OLD if self._theirs.old else Step.GO_ON)

    def _alive_answered(self, message: AliveReply) -> list[Event]:
        if message.go_on:
            self._send_challenge()
        else:
            self._step(Step.REFUSED)
        return [AliveAnswer(message.go_on)]

    def _complemented(self, message: Complement) -> list[Event]:
        flags = (self._theirs.flags & _LOW_HALF) | message.flags
        self._theirs = Name(flags, message.creation, self._theirs.name, old=True)
        self._check_flags(MANDATORY)
        self._step(Step.COMPLEMENT)
        return []

    def _replied(self, message: ChallengeReply) -> list[Event]:
        self._check_digest(message.digest, "challenge reply")
        self.out.append(Acknowledge(digest(self._cookie, message.challenge)).encode())
        self._step(Step.REPLY)
        theirs = self._theirs
        return [self._come_up(theirs.name, theirs.creation, self._ours, theirs.flags)]


_REFUSALS = {
    Status.NOK: "it keeps its own attempt to reach us, or cannot use our name",
    Status.NOT_ALLOWED: "it does not allow us, or our flags lack what it needs",
}


def _check_local(local: LocalNode) -> None:
    if not local.flags & DistFlag.NAME_ME:
        split_name(local.name)
        return
    fault = _host_fault(local.name)
    if fault is not None:
        raise ConfigError(f"bad host {local.name[:300]!r} for a dynamic name: {fault}")


def _host_fault(host: str) -> str | None:
    if not host:
        return "no host"
    if "@" in host:
        return "a host has no @"
    if len(host) > MAX_NAME - _DYNAMIC_PART:
        # A BEAM would make a name of more than 255 characters of it, and end.
        return f"host of {len(host)} characters, at most {MAX_NAME - _DYNAMIC_PART} leave room for a name"
    return None


def _flag_names(flags: DistFlag) -> str:
    return ", ".join(str(flag.name) for flag in flags)
