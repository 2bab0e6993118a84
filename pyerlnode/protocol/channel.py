"""Frames between connected nodes: control messages out of them and into them.

    neither atom cache nor fragments    112, 131, control, [131, payload]
    one of them, or both                131, 68, header, control, [payload]
                                        131, 69 and 131, 70: see fragments.py

Which form is in force follows from the negotiated flags, for both directions alike;
the other one is an error.  Bytes behind the last term are ignored, as a BEAM does.

Source: ERTS manual, "Distribution Protocol", Protocol between Connected Nodes.
Proof: tests/protocol/test_connection.py, tests/protocol/test_dist_vectors.py.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from pyerlnode.errors import FrameTooLarge, PeerError, TermDecodeError, TermError, UsageError
from pyerlnode.protocol._choice import native
from pyerlnode.protocol.atom_cache import AtomCacheReader, AtomCacheWriter
from pyerlnode.protocol.control import Control, Link
from pyerlnode.protocol.control_codec import (
    NO_PAYLOAD,
    ControlTuple,
    ControlWriter,
    build,
    sender_of,
    takes_payload,
)
from pyerlnode.protocol.flags import DistFlag
from pyerlnode.protocol.fragments import FIRST, IDS, NEXT, Assembler, Outbox, Pieces, Rest
from pyerlnode.term import Term, decode_at, encode_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyerlnode.protocol.events import Event, Peer, Settings
    from pyerlnode.term import Atom

__all__ = ["FrameParser", "FrameWriter"]

_PASS_THROUGH = 112
_VERSION = 131
_HEADER = 68
_HEADER_FORM = DistFlag.DIST_HDR_ATOM_CACHE | DistFlag.FRAGMENTS
_MAX_FRAME = 0xFFFFFFFF

_LENGTH = Struct(">I")
_HEAD = Struct(">IBB")  # length, 131, 68
_FIRST_HEAD = Struct(">IBBQQ")  # length, 131, 69, SequenceId, FragmentId
_IDS_END = 2 + IDS.size


class FrameParser:
    """Frames -> control messages; keeps the peer's atom cache and its unfinished messages."""

    __slots__ = (
        "_assembler",
        "_cache",
        "_fragments",
        "_limits",
        "_max_frame",
        "_peer_name",
        "read",
        "read_all",
        "unfinished",
    )

    def __init__(self, peer: Peer, settings: Settings) -> None:
        self._peer_name = peer.name
        self._limits = settings.limits
        self._fragments = bool(peer.flags & DistFlag.FRAGMENTS)
        self._cache = AtomCacheReader()
        # What the first fragment told: the control tuple and the atoms of its header.
        self._assembler: Assembler[tuple[ControlTuple, Sequence[Atom]]]
        self._assembler = _new_assembler(settings.max_unfinished)
        self.read: Callable[[bytes], Control | None]
        """Take a frame that is no tick; give its control message, or None if parts are missing.

        Raises PeerError; offsets in its text count from behind the frame's length.
        """
        self.read = self._read_header_form if peer.flags & _HEADER_FORM else self._read_pass_through
        self._max_frame = settings.max_frame
        self.read_all: Callable[[bytes | bytearray | memoryview, int, list[Event]], int]
        """Read the complete frames of the bytes from an offset on; give where the first other one begins.

        Appends their control messages.  PeerError for the first bad frame, when those
        before it have been appended; FrameTooLarge as soon as the length is there.
        What it has taken of an incomplete frame need not come again: see `unfinished`.
        """
        self.read_all = self._read_one_by_one
        self.unfinished: Callable[[], str | None] = _nothing
        """How far the frame has come of which a part was taken; None if there is none."""
        if native is not None and peer.flags & _HEADER_FORM:
            reader = native.Reader(
                self.read,
                self._build,
                self._finish,
                self._assembler if self._fragments else None,
                self._cache.slots,
                self._limits,
                self._max_frame,
            )
            self.read_all, self.unfinished = reader.read_all, reader.unfinished

    def _read_one_by_one(self, data: bytes | bytearray | memoryview, at: int, events: list[Event]) -> int:
        size, read = len(data), self.read
        while size - at >= _LENGTH.size:
            start = at + _LENGTH.size
            length = _LENGTH.unpack_from(data, at)[0]
            if length > self._max_frame:
                raise FrameTooLarge(length, self._max_frame)
            if start + length > size:
                break
            at = start + length
            # A frame of length 0 is a tick.
            control = read(bytes(data[start:at])) if length else None
            if control is not None:
                events.append(control)
        return at

    def _read_pass_through(self, data: bytes) -> Control:
        if data[:2] != b"\x70\x83":
            raise PeerError(f"frame begins with {data[:2].hex(' ')}, 70 83 was negotiated")
        control, at = self._term(data, 2, (), "control message")
        payload = NO_PAYLOAD
        if _takes_payload(control, 2):
            if data[at : at + 1] != b"\x83":
                raise PeerError(f"control message {control[0]}: no payload at byte {at}")
            payload, at = self._term(data, at + 1, (), f"payload of control message {control[0]}")
        return self._build(control, payload, 2)

    def _read_header_form(self, data: bytes) -> Control | None:
        if data[:2] != b"\x83\x44":
            return self._read_fragment(data)
        atoms, start = self._cache.read(data, 2)
        control, at = self._term(data, start, atoms, "control message")
        payload = NO_PAYLOAD
        if _takes_payload(control, start):
            payload = self._payload(control, data, at, atoms)
        return self._build(control, payload, start)

    def _read_fragment(self, data: bytes) -> Control | None:
        kind = data[1] if data[:1] == b"\x83" and len(data) > 1 else None
        if not self._fragments or kind not in (FIRST, NEXT):
            raise PeerError(f"frame begins with {data[:2].hex(' ')}, 83 44 was negotiated")
        if len(data) < _IDS_END:
            raise PeerError(f"fragment cut short after {len(data)} bytes")
        sequence, fragment = IDS.unpack_from(data, 2)
        if kind == FIRST:
            return self._read_first(data, sequence, fragment)
        return self._read_next(sequence, fragment, data[_IDS_END:])

    def _read_next(self, sequence: int, fragment: int, part: bytes) -> Control | None:
        _check_fragment(sequence, fragment)
        found = self._assembler.next(sequence, fragment, part)
        return None if found is None else self._finish(*found)

    def _finish(self, start: tuple[ControlTuple, Sequence[Atom]], joined: bytes) -> Control:
        control, atoms = start
        return self._build(control, self._payload(control, joined, 0, atoms, "its joined fragments"), 0)

    def _read_first(self, data: bytes, sequence: int, fragment: int) -> Control | None:
        _check_fragment(sequence, fragment)
        atoms, start = self._cache.read(data, _IDS_END)
        control, at = self._term(data, start, atoms, "control message")
        has_payload = _takes_payload(control, start)
        if fragment == 1:
            payload = self._payload(control, data, at, atoms) if has_payload else NO_PAYLOAD
            return self._build(control, payload, start)
        if not has_payload:
            raise PeerError(f"control message {control[0]} has no payload to be cut in {fragment} fragments")
        # Only a check: a bad control message is not kept until its last part has come.
        self._build(control, NO_PAYLOAD, start)
        self._assembler.first(sequence, fragment, (control, tuple(atoms)), memoryview(data)[at:])
        return None

    def _payload(
        self, control: ControlTuple, data: bytes, at: int, atoms: Sequence[Atom], of: str = "the frame"
    ) -> Term:
        if at >= len(data):
            raise PeerError(f"control message {control[0]}: no payload at byte {at} of {of}")
        return self._term(data, at, atoms, f"payload of control message {control[0]}", of)[0]

    def _term(
        self, data: bytes, at: int, atoms: Sequence[Atom], what: str, of: str = "the frame"
    ) -> tuple[Term, int]:
        try:
            return decode_at(data, at, atoms=atoms, limits=self._limits)
        except TermDecodeError as error:
            raise PeerError(f"{what}, byte {error.offset} of {of}: {error}") from None
        except (TermError, UsageError) as error:
            raise PeerError(f"{what} at byte {at} of {of}: {error}") from None

    def _build(self, control: ControlTuple, payload: Term, at: int) -> Control:
        try:
            built = build(control, payload)
        except PeerError as error:
            raise PeerError(f"{error} (at byte {at})") from None
        if type(built) is Link and built.sender.node != self._peer_name:
            raise PeerError(f"control message 1: {built.sender} is no process of this peer")
        return built


def _nothing() -> None:
    """Frames that are not complete are nowhere but where they were read."""


def _check_fragment(sequence: int, fragment: int) -> None:
    if fragment == 0:
        raise PeerError(f"fragment 0 of sequence {sequence}: the last one is 1")


def _takes_payload(control: Term, at: int) -> bool:
    try:
        return takes_payload(control)
    except PeerError as error:
        raise PeerError(f"{error} (at byte {at})") from None


class FrameWriter:
    """Control messages -> frames in an Outbox; keeps our half of the atom cache."""

    __slots__ = ("_cache", "_control", "_fragment_size", "_header_form", "_outbox", "_sequence")

    def __init__(self, peer: Peer, local_name: str, settings: Settings, outbox: Outbox) -> None:
        flags = peer.flags
        self._control = ControlWriter(flags, local_name)
        self._outbox = outbox
        self._header_form = bool(flags & _HEADER_FORM)
        self._cache = _new_cache() if flags & DistFlag.DIST_HDR_ATOM_CACHE else None
        self._fragment_size = settings.fragment_size if flags & DistFlag.FRAGMENTS else _MAX_FRAME
        self._sequence = 0

    def write(self, control: Control) -> None:
        """Queue a control message; TermEncodeError or UsageError leaves everything as it was."""
        head, payload = self._control.write(control)
        if not self._header_form:
            self._write_pass_through(control, head, payload)
            return
        outbox = self._outbox
        cache = self._cache
        if cache is None or (outbox.busy and not outbox.passes(sender_of(control))):
            self._write_header_form(control, head, payload, None)
            return
        cache.start()
        try:
            self._write_header_form(control, head, payload, cache)
        except BaseException:
            cache.undo()
            raise

    def _write_pass_through(self, control: Control, head: ControlTuple, payload: Term) -> None:
        out = bytearray(b"\0\0\0\0\x70\x83")
        encode_parts(head, out)
        if payload is not NO_PAYLOAD:
            out.append(_VERSION)
            encode_parts(payload, out)
        _LENGTH.pack_into(out, 0, _checked(len(out) - 4))
        self._outbox.put([out], len(out))

    def _write_header_form(
        self, control: Control, head: ControlTuple, payload: Term, cache: AtomCacheWriter | None
    ) -> None:
        has_payload = payload is not NO_PAYLOAD
        made = _make_frame(head, payload, has_payload, cache, self._fragment_size)
        if isinstance(made, tuple):
            self._put_large(control, *made)
            return
        # Who sent it matters only while parts of a large message wait.
        key = sender_of(control) if self._outbox.busy else None
        self._outbox.put([made], len(made), key)

    def _put_large(self, control: Control, header: bytes, head: bytes, payload: list[memoryview]) -> None:
        size = 2 + len(header) + len(head) + sum(map(len, payload))
        if size > self._outbox.frame_size or self._outbox.pending:
            self._put_fragments(control, header, head, payload)
            return
        start = _HEAD.pack(size, _VERSION, _HEADER) + header + head
        self._outbox.put([start, *payload], 4 + size, sender_of(control))

    def _put_fragments(self, control: Control, header: bytes, head: bytes, payload: list[memoryview]) -> None:
        size = self._fragment_size
        if size == _MAX_FRAME:
            length = len(head) + sum(map(len, payload))
            raise UsageError(f"message of {length} bytes: without fragments {_MAX_FRAME} are possible")
        self._sequence = (self._sequence + 1) & 0xFFFF_FFFF_FFFF_FFFF
        rest = Rest(self._sequence, payload, size)
        length = _IDS_END + len(header) + len(head) + size
        start = _FIRST_HEAD.pack(length, _VERSION, FIRST, self._sequence, rest.fragments)
        first: Pieces = [start + header + head]
        rest.move_first(first)
        self._outbox.put(first, 4 + length, sender_of(control), rest)


def _make_frame_in_python(
    head: ControlTuple, payload: Term, has_payload: bool, cache: AtomCacheWriter | None, fragment_size: int
) -> bytes | tuple[bytes, bytes, list[memoryview]]:
    """A frame with a header.

    Where it is larger than one may be: the header, the control message, and pieces of the payload.
    """
    out = bytearray()
    ref = None if cache is None else cache.ref
    encode_parts(head, out, ref)
    split = len(out)
    if has_payload:
        encode_parts(payload, out, ref)
    header = b"\0" if cache is None else cache.header()
    size = 2 + len(header) + len(out)
    if len(out) - split > fragment_size or size > _MAX_FRAME:
        return header, bytes(out[:split]), [memoryview(out)[split:]]
    return b"".join((_HEAD.pack(size, _VERSION, _HEADER), header, out))


_make_frame = _make_frame_in_python if native is None else native.make_frame
_new_cache = AtomCacheWriter if native is None else native.AtomCacheWriter
_new_assembler = Assembler if native is None else native.Assembler


def _checked(length: int) -> int:
    if length > _MAX_FRAME:
        raise UsageError(f"message of {length} bytes: without fragments {_MAX_FRAME} are possible")
    return length
