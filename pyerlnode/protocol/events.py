"""What goes in and out of a `Connection` beside bytes: settings, statuses, events.

Source: ERTS manual, "Distribution Protocol", Distribution Handshake.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, TypeAlias

from pyerlnode.protocol.control import Control
from pyerlnode.protocol.flags import OFFERED, OFFERED_VISIBLE, DistFlag
from pyerlnode.term import Limits

if TYPE_CHECKING:
    from pyerlnode.term import Atom

__all__ = [
    "AliveAnswer",
    "AliveQuestion",
    "Event",
    "LocalNode",
    "NameReceived",
    "Named",
    "Peer",
    "Settings",
    "State",
    "Status",
    "Up",
]


class Status(StrEnum):
    """The acceptor's answer to the initiator's name."""

    OK = "ok"
    OK_SIMULTANEOUS = "ok_simultaneous"
    """Go on; the acceptor gives up its own attempt to reach the initiator."""
    NOK = "nok"
    """The acceptor keeps its own attempt, or cannot use the initiator's name."""
    NOT_ALLOWED = "not_allowed"
    ALIVE = "alive"
    """The acceptor believes that the initiator is connected already: is that so?"""
    NAMED = "named"
    """The initiator asked for a name; here it is."""


class State(Enum):
    """Where a connection is.  The transitions are in `handshake.py`."""

    WAIT_STATUS = "waiting for the status"
    DECIDE_ALIVE = "asked whether the old connection is gone"
    WAIT_CHALLENGE = "waiting for the challenge"
    WAIT_ACK = "waiting for the acknowledgement of our digest"
    WAIT_NAME = "waiting for the name"
    DECIDE_STATUS = "deciding about the status"
    WAIT_ALIVE = "waiting for the answer to status alive"
    WAIT_COMPLEMENT = "waiting for the complement of an old name message"
    WAIT_REPLY = "waiting for the reply to our challenge"
    UP = "up"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LocalNode:
    """This end of the connection.

    `name` is the whole node name; with NAME_ME among `flags` only the host, and then
    `creation` is 0: the peer gives both (event `Named`).
    """

    name: str
    creation: int
    flags: DistFlag = OFFERED_VISIBLE

    @classmethod
    def dynamic(cls, host: str, flags: DistFlag = OFFERED) -> LocalNode:
        """A node that asks the peer for a name at `host`; it is hidden."""
        return cls(host, 0, (flags | DistFlag.NAME_ME) & ~DistFlag.PUBLISHED)


# The event loop stands still while a term is read.  On one core of 2026 an element takes 0.1 us (a
# small integer) to 2 us (a tuple or map of its own) and 10 to 200 bytes, up to 70 times what it took
# on the wire: `[]`, a single byte.  So a list of ten million passes, in 1 to 4 s and 0.7 GB at most,
# and the fifty millions that `decode` grants to a file of one's own do not.  Bytes of binaries and
# strings are no elements: what is large in earnest mostly is one of these.
_LIMITS = Limits(elements=12_000_000)


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds, sizes in bytes.

    A tick is sent after `net_ticktime / net_tickintensity` without output, and the
    peer is given up after `net_ticktime` and one such interval more without input.
    `max_unfinished` bounds all fragments together that wait for their last part: as much
    as one frame may bring at once.
    """

    setup_time: float = 7.0
    net_ticktime: float = 60.0
    net_tickintensity: int = 4
    max_handshake_frame: int = 4096
    max_frame: int = 256 * 1024 * 1024
    max_unfinished: int = 256 * 1024 * 1024
    fragment_size: int = 256 * 1024
    limits: Limits = _LIMITS


@dataclass(frozen=True, slots=True)
class Peer:
    """The node at the other end, once it has proved that it knows the cookie.

    `flags` are those in force, that is offered by both ends; `visible` only when
    both ends are published.
    """

    name: Atom
    creation: int
    flags: DistFlag
    visible: bool


@dataclass(frozen=True, slots=True)
class NameReceived:
    """Acceptor: who wants to connect (not proved yet).  Answer with `Connection.accept`.

    `flags` as the peer sent them.  With `dynamic`, `name` is only a host and the
    answer is Status.NAMED with a free name; a peer that speaks the old form of the
    name message has creation 0 until it is up.
    """

    name: str
    flags: DistFlag
    creation: int
    dynamic: bool


@dataclass(frozen=True, slots=True)
class AliveQuestion:
    """Initiator: the peer thinks we are connected.  Answer with `Connection.answer_alive`."""


@dataclass(frozen=True, slots=True)
class AliveAnswer:
    """Acceptor: what the initiator said to status `alive`.

    True: it goes on, and the old connection must be closed once this one is up.
    False: the initiator keeps the old one; this connection is closed.
    """

    go_on: bool


@dataclass(frozen=True, slots=True)
class Named:
    """Initiator with a dynamic name: what the peer calls us from now on."""

    name: str
    creation: int


@dataclass(frozen=True, slots=True)
class Up:
    """The handshake is done; control messages can be sent and follow as events."""

    peer: Peer


Event: TypeAlias = NameReceived | AliveQuestion | AliveAnswer | Named | Up | Control
