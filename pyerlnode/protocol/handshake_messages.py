"""The messages of the handshake, as bytes and as objects; and the digest.

    initiator                 acceptor
    N  name               ->            n, the form before version 6, is read, never written
                          <-  s  status
    s  true or false      ->            after status alive
                          <-  N  challenge
    c  complement         ->            after n
    r  challenge, digest  ->
                          <-  a  digest

Source: ERTS manual, "Distribution Protocol", Distribution Handshake.
Proof: tests/protocol/test_handshake_vectors.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5
from struct import Struct
from typing import Any, TypeAlias

from pyerlnode.errors import HandshakeError
from pyerlnode.protocol.events import Status
from pyerlnode.protocol.flags import DistFlag

__all__ = [
    "Acknowledge",
    "AliveReply",
    "Challenge",
    "ChallengeReply",
    "Complement",
    "Message",
    "Name",
    "StatusMessage",
    "decode_from_acceptor",
    "decode_from_initiator",
    "digest",
]

_NAME = Struct(">cQIH")  # N, flags, creation, length of name
_OLD_NAME = Struct(">cHI")  # n, version, low half of the flags
_CHALLENGE = Struct(">cQIIH")  # N, flags, challenge, creation, length of name
_COMPLEMENT = Struct(">cII")  # c, high half of the flags, creation
_REPLY = Struct(">cI16s")  # r, challenge, digest
_ACKNOWLEDGE = Struct(">c16s")  # a, digest
_OLD_VERSION = 5


def digest(cookie: str, challenge: int) -> bytes:
    """What proves to the sender of `challenge` that we know `cookie`: 16 bytes."""
    # The cookie is an atom to a BEAM, and its text is hashed as Latin-1 where it can be.
    try:
        text = cookie.encode("latin-1")
    except UnicodeEncodeError:
        text = cookie.encode()
    return md5(text + str(challenge).encode(), usedforsecurity=False).digest()


@dataclass(frozen=True, slots=True)
class Name:
    """The initiator's name; `old` if it came in the form before version 6.

    That form has only the low half of the flags and no creation: both follow in the
    complement.
    """

    flags: DistFlag
    creation: int
    name: str
    old: bool = False

    def encode(self) -> bytes:
        name = self.name.encode()
        return _NAME.pack(b"N", self.flags, self.creation, len(name)) + name


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """The acceptor's answer to a name; `name` and `creation` with Status.NAMED."""

    status: Status
    name: str = ""
    creation: int = 0

    def encode(self) -> bytes:
        if self.status is not Status.NAMED:
            return b"s" + self.status.encode()
        name = self.name.encode()
        return b"snamed:" + len(name).to_bytes(2, "big") + name + self.creation.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class AliveReply:
    """The initiator's answer to status `alive`."""

    go_on: bool

    def encode(self) -> bytes:
        return b"strue" if self.go_on else b"sfalse"


@dataclass(frozen=True, slots=True)
class Challenge:
    """The acceptor's name, and what it wants a digest of."""

    flags: DistFlag
    challenge: int
    creation: int
    name: str

    def encode(self) -> bytes:
        name = self.name.encode()
        return _CHALLENGE.pack(b"N", self.flags, self.challenge, self.creation, len(name)) + name


@dataclass(frozen=True, slots=True)
class Complement:
    """What an old name message could not hold."""

    flags: DistFlag
    creation: int

    def encode(self) -> bytes:
        return _COMPLEMENT.pack(b"c", self.flags >> 32, self.creation)


@dataclass(frozen=True, slots=True)
class ChallengeReply:
    """The initiator's digest, and what it wants a digest of."""

    challenge: int
    digest: bytes

    def encode(self) -> bytes:
        return _REPLY.pack(b"r", self.challenge, self.digest)


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The acceptor's digest."""

    digest: bytes

    def encode(self) -> bytes:
        return _ACKNOWLEDGE.pack(b"a", self.digest)


Message: TypeAlias = Name | StatusMessage | AliveReply | Challenge | Complement | ChallengeReply | Acknowledge


def decode_from_initiator(data: bytes) -> Message:
    """A message that an initiator may send; HandshakeError if it is none."""
    match data[:1]:
        case b"N":
            _, flags, creation, length = _unpack(_NAME, data, "name")
            return Name(DistFlag(flags), creation, _text(data, _NAME.size, length, "name"))
        case b"n":
            return _decode_old_name(data)
        case b"s" if data in (b"strue", b"sfalse"):
            return AliveReply(data == b"strue")
        case b"c":
            _, high, creation = _unpack(_COMPLEMENT, data, "complement")
            return Complement(DistFlag(high << 32), creation)
        case b"r":
            _, challenge, answer = _unpack(_REPLY, data, "challenge reply")
            return ChallengeReply(challenge, answer)
    raise _unknown(data)


def decode_from_acceptor(data: bytes) -> Message:
    """A message that an acceptor may send; HandshakeError if it is none."""
    match data[:1]:
        case b"s":
            return _decode_status(data)
        case b"N":
            _, flags, challenge, creation, length = _unpack(_CHALLENGE, data, "challenge")
            name = _text(data, _CHALLENGE.size, length, "challenge")
            return Challenge(DistFlag(flags), challenge, creation, name)
        case b"a":
            return Acknowledge(_unpack(_ACKNOWLEDGE, data, "acknowledgement")[1])
    raise _unknown(data)


def _decode_old_name(data: bytes) -> Name:
    _, version, flags = _unpack(_OLD_NAME, data, "name")
    if version != _OLD_VERSION:
        raise HandshakeError(f"name message of version {version}, only {_OLD_VERSION} is known")
    size = _OLD_NAME.size
    return Name(DistFlag(flags), 0, _text(data, size, len(data) - size, "name"), old=True)


def _decode_status(data: bytes) -> StatusMessage:
    if data.startswith(b"snamed:"):
        length = int.from_bytes(data[7:9], "big")
        name = _text(data, 9, length, "status named")
        creation = data[9 + length : 13 + length]
        if len(creation) < 4:
            raise HandshakeError(f"status named cut short after {len(data)} bytes")
        return StatusMessage(Status.NAMED, name, int.from_bytes(creation, "big"))
    for status in Status:
        if data[1:] == status.encode() and status is not Status.NAMED:
            return StatusMessage(status)
    raise HandshakeError(f"unknown status {data[1:41]!r}")


def _unpack(layout: Struct, data: bytes, what: str) -> tuple[Any, ...]:
    if len(data) < layout.size:
        raise HandshakeError(f"{what} cut short: {len(data)} bytes, at least {layout.size} are needed")
    return layout.unpack_from(data)


def _text(data: bytes, at: int, length: int, what: str) -> str:
    # What stands behind the name is for versions to come, and ignored.
    text = data[at : at + length]
    if len(text) < length:
        raise HandshakeError(f"{what} cut short: {len(text)} of {length} bytes of the node name")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise HandshakeError(f"node name {text[:300]!r} is no UTF-8") from None


def _unknown(data: bytes) -> HandshakeError:
    if not data:
        return HandshakeError("empty frame, where a handshake message was expected")
    return HandshakeError(f"no handshake message: {len(data)} bytes that begin with {data[:16]!r}")
