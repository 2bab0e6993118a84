"""EPMD: the requests and replies, for the client's and the daemon's side.

A client writes `request.encode()`, collects what comes and tries `Alive2Reply.decode`,
`PortReply.decode` or `NamesReply.decode`.  A daemon feeds what a client sends to an
`EpmdRequestParser` and does what `Registrations.answer` says:

    for request in parser.feed(data):
        answer = registrations.answer(request, client, local=True)
        write(answer.data); if answer.then is Then.CLOSE: close()

A request is `Length:2, Code:1, ...`; replies have no length.  Names are not
interpreted by EPMD; bytes that are no UTF-8 survive as surrogates (PEP 383).

Source: ERTS manual, "Distribution Protocol", EPMD Protocol; the daemon of OTP 25 to 29
where they differ from the print.  Proof: tests/protocol/test_epmd_messages.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from struct import Struct
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from pyerlnode.errors import EpmdError

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = [
    "EPMD_PORT",
    "HIDDEN_NODE",
    "NORMAL_NODE",
    "Alive2Reply",
    "Alive2Request",
    "DumpRequest",
    "EpmdAnswer",
    "EpmdRequest",
    "EpmdRequestParser",
    "KillRequest",
    "NamesReply",
    "NamesRequest",
    "PortReply",
    "PortRequest",
    "Registration",
    "Registrations",
    "StopRequest",
    "Then",
]

EPMD_PORT = 4369
NORMAL_NODE = 77
HIDDEN_NODE = 72
# Highest and lowest version of the distribution protocol that a node tells EPMD.
VERSION = 6
# A name is at most this many bytes long, and not empty.
MAX_NAME_BYTES = 255
# What the daemon puts into the creation of a refusal.
_REFUSED_CREATION = 99
_MAX_UNUSED = 1000

_ALIVE2_FIXED = Struct(">HBBHHH")  # port, type, protocol, highest, lowest, length of name
_LENGTH = Struct(">H")


def _to_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _to_text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _with_length(body: bytes) -> bytes:
    if len(body) > 0xFFFF:
        raise EpmdError(f"EPMD request of {len(body)} bytes, at most 65535 are possible")
    return _LENGTH.pack(len(body)) + body


@dataclass(frozen=True, slots=True)
class Registration:
    """What a node tells EPMD about itself.  `name` is the part before the `@`."""

    name: str
    port: int
    type: int = NORMAL_NODE
    protocol: int = 0
    highest: int = VERSION
    lowest: int = VERSION
    extra: bytes = b""

    def encode(self) -> bytes:
        """From the port on, as it stands in ALIVE2_REQ and PORT2_RESP."""
        name = _to_bytes(self.name)
        fixed = _ALIVE2_FIXED.pack(self.port, self.type, self.protocol, self.highest, self.lowest, len(name))
        return fixed + name + _LENGTH.pack(len(self.extra)) + self.extra

    @classmethod
    def decode(cls, data: bytes, offset: int) -> tuple[Registration, int] | None:
        """The registration at `offset` and where it ends; None if bytes are missing."""
        name_at = offset + _ALIVE2_FIXED.size
        if len(data) < name_at:
            return None
        port, type_, protocol, highest, lowest, name_length = _ALIVE2_FIXED.unpack_from(data, offset)
        extra_at = name_at + name_length + 2
        if len(data) < extra_at:
            return None
        end = extra_at + _LENGTH.unpack_from(data, extra_at - 2)[0]
        if len(data) < end:
            return None
        name = _to_text(data[name_at : name_at + name_length])
        return cls(name, port, type_, protocol, highest, lowest, data[extra_at:end]), end


@dataclass(frozen=True, slots=True)
class Alive2Request:
    """ALIVE2_REQ: register a node for as long as the connection is open."""

    CODE: ClassVar[int] = 120
    node: Registration

    def encode(self) -> bytes:
        return _with_length(bytes([self.CODE]) + self.node.encode())


@dataclass(frozen=True, slots=True)
class PortRequest:
    """PORT_PLEASE2_REQ: where is this node?"""

    CODE: ClassVar[int] = 122
    name: str

    def encode(self) -> bytes:
        return _with_length(bytes([self.CODE]) + _to_bytes(self.name))


@dataclass(frozen=True, slots=True)
class NamesRequest:
    """NAMES_REQ: all names and ports."""

    CODE: ClassVar[int] = 110

    def encode(self) -> bytes:
        return _with_length(bytes([self.CODE]))


@dataclass(frozen=True, slots=True)
class DumpRequest:
    """DUMP_REQ: all that the daemon knows, for debugging."""

    CODE: ClassVar[int] = 100

    def encode(self) -> bytes:
        return _with_length(bytes([self.CODE]))


@dataclass(frozen=True, slots=True)
class KillRequest:
    """KILL_REQ: end the daemon."""

    CODE: ClassVar[int] = 107

    def encode(self) -> bytes:
        return _with_length(bytes([self.CODE]))


@dataclass(frozen=True, slots=True)
class StopRequest:
    """STOP_REQ: forget a node."""

    CODE: ClassVar[int] = 115
    name: str

    def encode(self) -> bytes:
        return _with_length(bytes([self.CODE]) + _to_bytes(self.name))


EpmdRequest: TypeAlias = Alive2Request | PortRequest | NamesRequest | DumpRequest | KillRequest | StopRequest


@dataclass(frozen=True, slots=True)
class Alive2Reply:
    """ALIVE2_X_RESP (118), or ALIVE2_RESP (121) with 16-bit creation if `short`.

    `result` 0 is success; anything else means that the name is taken.
    """

    result: int
    creation: int
    short: bool = False

    def encode(self) -> bytes:
        tag, width = (121, 2) if self.short else (118, 4)
        return bytes([tag, self.result]) + self.creation.to_bytes(width, "big")

    @classmethod
    def decode(cls, data: bytes, *, closed: bool = False) -> Alive2Reply | None:
        """The reply, or None while bytes are missing.

        `closed`: no more will come.  EpmdError if this is no such reply.
        """
        if data and data[0] not in (118, 121):
            raise EpmdError(f"EPMD answered a registration with {data[:8].hex(' ')}")
        width = 2 if data[:1] == b"\x79" else 4
        if len(data) < 2 + width:
            _must_be_open(data, closed, "registration")
            return None
        return cls(data[1], int.from_bytes(data[2 : 2 + width], "big"), width == 2)


@dataclass(frozen=True, slots=True)
class PortReply:
    """PORT2_RESP: where a node listens; `node` is None if the name is not registered."""

    node: Registration | None

    def encode(self) -> bytes:
        return b"\x77\x01" if self.node is None else b"\x77\x00" + self.node.encode()

    @classmethod
    def decode(cls, data: bytes, *, closed: bool = False) -> PortReply | None:
        """The reply, or None while bytes are missing; see `Alive2Reply.decode`."""
        if data and data[0] != 119:
            raise EpmdError(f"EPMD answered a look-up with {data[:8].hex(' ')}")
        if len(data) >= 2 and data[1] != 0:
            return cls(None)
        found = Registration.decode(data, 2)
        if found is None:
            _must_be_open(data, closed, "look-up")
            return None
        return cls(found[0])


@dataclass(frozen=True, slots=True)
class NamesReply:
    """Reply to NAMES_REQ: the daemon's own port, then names and ports of nodes."""

    epmd_port: int
    nodes: list[tuple[str, int]]

    def encode(self) -> bytes:
        lines = (f"name {name} at port {port}\n" for name, port in self.nodes)
        return self.epmd_port.to_bytes(4, "big") + _to_bytes("".join(lines))

    @classmethod
    def decode(cls, data: bytes) -> NamesReply:
        """The reply from all bytes up to the close; EpmdError if it is none."""
        if len(data) < 4:
            raise EpmdError(f"EPMD closed after {len(data)} bytes of an answer to names")
        # Not splitlines(): a name may hold any of the characters that it splits at.
        lines = _to_text(data[4:]).split("\n")
        return cls(int.from_bytes(data[:4], "big"), [_parse_line(line) for line in lines if line])


def _parse_line(line: str) -> tuple[str, int]:
    name, separator, port = line.removeprefix("name ").rpartition(" at port ")
    if not (line.startswith("name ") and separator and port.isascii() and port.isdigit()):
        raise EpmdError(f"EPMD answered names with the line {line[:300]!r}")
    return name, int(port)


def _must_be_open(data: bytes, closed: bool, what: str) -> None:
    if closed:
        raise EpmdError(f"EPMD closed after {len(data)} bytes of its answer to a {what}")


class EpmdRequestParser:
    """Requests out of what one client sends, in whatever pieces it comes.

    EpmdError on what is no request; the daemon closes then, without an answer.
    Memory is bounded by the 16-bit length.
    """

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[EpmdRequest]:
        """Take received bytes; give the requests that are complete now, oldest first."""
        self._buffer += data
        requests: list[EpmdRequest] = []
        at = 0
        while len(self._buffer) - at >= 2:
            end = at + 2 + _LENGTH.unpack_from(self._buffer, at)[0]
            if end > len(self._buffer):
                break
            requests.append(_parse_request(bytes(self._buffer[at + 2 : end])))
            at = end
        del self._buffer[:at]
        return requests


def _parse_request(body: bytes) -> EpmdRequest:
    if not body:
        raise EpmdError("empty EPMD request")
    code = body[0]
    if code == Alive2Request.CODE:
        found = Registration.decode(body, 1)
        if found is None:
            raise EpmdError(f"EPMD registration cut short after {len(body)} bytes")
        return Alive2Request(found[0])
    if code in _NAMED:
        return _NAMED[code](_to_text(body[1:]))
    if code in _PLAIN:
        return _PLAIN[code]()
    raise EpmdError(f"unknown EPMD request {code}")


_NAMED: dict[int, type[PortRequest] | type[StopRequest]] = {
    PortRequest.CODE: PortRequest,
    StopRequest.CODE: StopRequest,
}
_PLAIN: dict[int, type[NamesRequest] | type[DumpRequest] | type[KillRequest]] = {
    NamesRequest.CODE: NamesRequest,
    DumpRequest.CODE: DumpRequest,
    KillRequest.CODE: KillRequest,
}


class Then(Enum):
    """What the daemon does after writing an answer."""

    KEEP = "keep the connection open: it is the registration"
    CLOSE = "close the connection"
    END = "close the connection and end the daemon"


@dataclass(frozen=True, slots=True)
class EpmdAnswer:
    """Bytes to write to the client, and what to do then.

    `drop` names another client whose connection must be closed (STOP).
    """

    data: bytes
    then: Then = Then.CLOSE
    drop: Hashable | None = None


@dataclass(slots=True)
class Registrations:
    """Who is registered: the state of an EPMD daemon.

    `port` is where the daemon listens (it tells so in its answers); `seed` starts the
    creations and should differ from one run of the daemon to the next.  `relaxed`
    allows KILL with registered names, and STOP.

    A name gets creations that rise by one each time, so that a node that was started
    anew is told apart from what it was before; different names may have the same.
    The last thousand names that are not registered any more are remembered for that.
    """

    port: int
    seed: int
    relaxed: bool = False
    _nodes: dict[str, tuple[Hashable, Registration]] = field(default_factory=dict)
    _creations: dict[str, int] = field(default_factory=dict)
    _unused: dict[str, Registration] = field(default_factory=dict)
    _short_creation: int = 0

    def answer(self, request: EpmdRequest, client: Hashable, *, local: bool = True) -> EpmdAnswer:
        """Answer `request` of the connection `client`; `local`: it comes from this machine.

        Only look-ups are answered to other machines.
        """
        match request:
            case PortRequest(name):
                found = self._nodes.get(name)
                return EpmdAnswer(PortReply(found and found[1]).encode())
            case NamesRequest():
                return EpmdAnswer(NamesReply(self.port, self.names()).encode())
            case _ if not local:
                return EpmdAnswer(b"")
            case Alive2Request(node):
                return self._register(node, client)
            case DumpRequest():
                return EpmdAnswer(self._dump())
            case KillRequest():
                return EpmdAnswer(b"NO") if self._nodes and not self.relaxed else EpmdAnswer(b"OK", Then.END)
            case StopRequest(name):
                return self._stop(name)

    def names(self) -> list[tuple[str, int]]:
        """Registered names and their ports."""
        return [(name, node.port) for name, (_, node) in self._nodes.items()]

    def release(self, client: Hashable) -> None:
        """The connection `client` is closed: its name is free; the creation is remembered."""
        for name in [name for name, (owner, _) in self._nodes.items() if owner == client]:
            self._forget(name)

    def _forget(self, name: str) -> None:
        self._unused[name] = self._nodes.pop(name)[1]
        if len(self._unused) > _MAX_UNUSED:
            oldest = next(iter(self._unused))
            del self._unused[oldest]
            self._creations.pop(oldest, None)

    def _register(self, node: Registration, client: Hashable) -> EpmdAnswer:
        short = node.highest < VERSION
        if not node.name:
            return EpmdAnswer(b"")
        if len(_to_bytes(node.name)) > MAX_NAME_BYTES or node.name in self._nodes:
            return EpmdAnswer(Alive2Reply(1, _REFUSED_CREATION, short).encode())
        creation = self._next_short_creation() if short else self._next_creation(node.name)
        self._nodes[node.name] = (client, node)
        self._unused.pop(node.name, None)
        return EpmdAnswer(Alive2Reply(0, creation, short).encode(), Then.KEEP)

    def _next_creation(self, name: str) -> int:
        # 1 to 3 are what 16-bit creations use; 0 means "not registered" to a node.
        last = self._creations.get(name, self.seed)
        creation = (last + 1) & 0xFFFFFFFF
        self._creations[name] = creation = creation if creation > 3 else 4
        return creation

    def _next_short_creation(self) -> int:
        self._short_creation = self._short_creation % 3 + 1
        return self._short_creation

    def _dump(self) -> bytes:
        # The daemon prints a file descriptor; there is none to print here.
        lines = [f"active name     <{name}> at port {port}, fd = 0\n\0" for name, port in self.names()]
        lines += (
            f"old/unused name <{name}> at port {node.port}, fd = 0\n\0" for name, node in self._unused.items()
        )
        return self.port.to_bytes(4, "big") + _to_bytes("".join(lines))

    def _stop(self, name: str) -> EpmdAnswer:
        if not self.relaxed:
            return EpmdAnswer(b"")
        if name not in self._nodes:
            return EpmdAnswer(b"NOEXIST")
        client = self._nodes[name][0]
        self._forget(name)
        return EpmdAnswer(b"STOPPED", drop=client)
