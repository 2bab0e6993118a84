"""Large messages in parts.

    first   131, 69, SequenceId:8, FragmentId:8, header, control, first part of the payload
    next    131, 70, SequenceId:8, FragmentId:8, bytes

FragmentId counts down to 1.  Sequences of several messages may be under way at once.

`Assembler` puts received parts together; `Outbox` is the queue of what we send.

Source: ERTS manual, "External Term Format", Distribution Header for fragmented messages.
Proof: tests/protocol/test_fragments.py.
"""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from pyerlnode.errors import PeerError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

__all__ = ["FIRST", "IDS", "MESSAGE_COST", "NEXT", "PART_COST", "Assembler", "Outbox", "Pieces", "Rest"]

FIRST = 69
NEXT = 70
IDS = Struct(">QQ")  # SequenceId, FragmentId
_NEXT_FRAME = Struct(">IBBQQ")  # length, 131, 70, SequenceId, FragmentId
# What the length of a frame of kind NEXT counts beside the part.
_NEXT_OVERHEAD = _NEXT_FRAME.size - 4
# What an unfinished message and each of its parts cost beside their bytes.
MESSAGE_COST = 1024
PART_COST = 64

T = TypeVar("T")


class _Unfinished(Generic[T]):
    __slots__ = ("cost", "next_id", "parts", "start")

    def __init__(self, start: T, next_id: int, part: bytes | memoryview) -> None:
        self.start = start
        self.next_id = next_id
        self.parts = [bytes(part)]
        self.cost = MESSAGE_COST + PART_COST + len(part)


class Assembler(Generic[T]):
    """Messages of which parts are missing; at most `limit` bytes of them, all together.

    `T` is what the first fragment told beside the payload.  What a peer announces
    costs nothing, only what came.
    """

    __slots__ = ("_cost", "_limit", "_unfinished")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._unfinished: dict[int, _Unfinished[T]] = {}
        self._cost = 0

    def first(self, sequence: int, fragment: int, start: T, part: bytes | memoryview) -> None:
        """Take the first of `fragment` (2 or more) parts; PeerError if the sequence is under way."""
        if sequence in self._unfinished:
            raise PeerError(f"sequence {sequence} begins again, {self._progress(sequence)}")
        unfinished = _Unfinished(start, fragment - 1, part)
        self._unfinished[sequence] = unfinished
        self._add(unfinished.cost)

    def next(self, sequence: int, fragment: int, part: bytes) -> tuple[T, bytes] | None:
        """Take a further part; give the message if it was the last one.

        Raises PeerError for an unknown sequence, parts out of order, and too many bytes.
        """
        unfinished = self._unfinished.get(sequence)
        if unfinished is None:
            raise PeerError(f"fragment {fragment} of sequence {sequence}, of which no first one came")
        if fragment != unfinished.next_id:
            raise PeerError(f"fragment {fragment} of sequence {sequence}, {self._progress(sequence)}")
        unfinished.parts.append(part)
        # Ids count down to 1 and stop there: a fragment 0 is never the next one.
        if fragment == 1:
            del self._unfinished[sequence]
            self._cost -= unfinished.cost
            return unfinished.start, b"".join(unfinished.parts)
        unfinished.next_id = fragment - 1
        unfinished.cost += PART_COST + len(part)
        self._add(PART_COST + len(part))
        return None

    def _add(self, cost: int) -> None:
        self._cost += cost
        if self._cost > self._limit:
            raise PeerError(f"{len(self._unfinished)} unfinished messages need more than {self._limit} bytes")

    def _progress(self, sequence: int) -> str:
        return f"where fragment {self._unfinished[sequence].next_id} is the next"


# A frame to be sent, in pieces that are joined when it is handed out.
Pieces: TypeAlias = "list[bytes | bytearray | memoryview]"


class Rest:
    """What of a large message is still to be sent: the bytes of `pieces`, `size` in each frame."""

    __slots__ = ("_at", "_fragment", "_pieces", "_sequence", "_size", "_unsent")

    def __init__(self, sequence: int, pieces: Iterable[memoryview], size: int) -> None:
        self._sequence = sequence
        self._pieces = deque(pieces)
        self._at = 0  # what was sent of the first of them
        self._size = size
        self._unsent = sum(map(len, self._pieces))
        self._fragment = -(-self._unsent // size)

    @property
    def left(self) -> int:
        """Bytes on the wire."""
        return self._unsent + self._fragment * _NEXT_FRAME.size

    @property
    def fragments(self) -> int:
        """How many frames it is."""
        return self._fragment

    def move(self, out: Pieces, enough: int = 0) -> int:
        """Move frames to `out`, one and more until there are `enough` bytes; give how many there are."""
        moved = 0
        while self._fragment:
            size = min(self._size, self._unsent)
            out.append(_NEXT_FRAME.pack(size + _NEXT_OVERHEAD, 131, NEXT, self._sequence, self._fragment))
            self._cut(size, out)
            self._fragment -= 1
            moved += _NEXT_FRAME.size + size
            if moved >= enough:
                break
        return moved

    def move_first(self, out: Pieces) -> None:
        """Move what belongs into the first frame of the message to `out`, and no head."""
        self._cut(min(self._size, self._unsent), out)
        self._fragment -= 1

    def _cut(self, size: int, out: Pieces) -> None:
        self._unsent -= size
        while size:
            piece = self._pieces[0][self._at : self._at + size]
            out.append(piece)
            size -= len(piece)
            self._at += len(piece)
            if self._at == len(self._pieces[0]):
                self._pieces.popleft()
                self._at = 0


class Outbox:
    """Frames to be sent; those of a large message let other processes' messages pass.

    Order is kept between all signals of one sender, which is what Erlang promises
    (it promises it for each pair of processes), and between headers, since the peer's
    atom cache follows them:

    - The first frame of a large message goes where any message would go, its rest
      waits in a lane.  What other senders send meanwhile is sent before it; the rests
      of several senders take turns.
    - What the same sender sends meanwhile waits in the lane.  It is sent after headers
      that were made later, so it must not refer to the cache: `passes` tells so before
      it is encoded.
    - A signal whose sender is not known (key None) waits until all other lanes are
      empty, and then everything waits behind it.
    """

    __slots__ = ("_apart", "_lanes", "_ready", "frame_size", "pending")

    def __init__(self) -> None:
        self._ready: Pieces = []
        self._apart = False  # there are pieces of large messages, which are not to be joined
        self._lanes: dict[Hashable, deque[Pieces | Rest]] = {}
        #: bytes to be sent, ready or in a lane
        self.pending = 0
        #: a message that is larger than a fragment, but not larger than that, is not cut if nothing waits
        self.frame_size = 0

    @property
    def busy(self) -> bool:
        """Whether anything waits in a lane."""
        return bool(self._lanes)

    def passes(self, key: Hashable) -> bool:
        """Whether a message of the sender `key` would be sent before all that waits."""
        lanes = self._lanes
        return not lanes or (key is not None and key not in lanes and None not in lanes)

    def put(self, pieces: Pieces, size: int, key: Hashable = None, rest: Rest | None = None) -> None:
        """Queue a frame of the sender `key`, of `size` bytes, and the rest of its message."""
        self.pending += size
        if rest is not None:
            self.pending += rest.left
        if self.passes(key):
            self._ready += pieces
            self._apart |= len(pieces) > 1
            if rest is not None:
                self._lanes[key] = deque((rest,))
            return
        lane = self._lanes.setdefault(None if None in self._lanes else key, deque())
        lane.append(pieces)
        if rest is not None:
            lane.append(rest)

    def put_now(self, data: bytes) -> None:
        """Queue `data` in front of all that waits."""
        self._ready.append(data)
        self.pending += len(data)

    def take(self, limit: int | None = None) -> bytes:
        """Take what is ready, and parts of what waits until about `limit` bytes."""
        return b"".join(self.take_pieces(limit))

    def take_pieces(self, limit: int | None = None) -> Pieces:
        """As `take`; small frames are joined, pieces of large messages are not."""
        out = self._ready
        if not out and not self._lanes:
            return []
        self._ready = []
        apart, self._apart = self._apart, False
        if not self._lanes:
            self.pending = 0
            return out if apart else [b"".join(out)]
        size = sum(map(len, out))
        while self._lanes and (limit is None or size < limit):
            size += self._move_one(out, 0 if limit is None else limit - size)
        self.pending -= size
        return out

    def _move_one(self, out: Pieces, enough: int) -> int:
        """Move one frame of the lane whose turn it is to `out`; give its size.

        While there is no other lane: frames until there are `enough` bytes.
        """
        key = next(iter(self._lanes))
        lane = self._lanes.pop(key)
        if key is None and self._lanes:
            self._lanes[key] = lane
            return 0
        item = lane[0]
        if isinstance(item, Rest):
            size = item.move(out, 0 if self._lanes else enough)
        else:
            out += item
            size = sum(map(len, item))
        if not (isinstance(item, Rest) and item.fragments):
            lane.popleft()
        if lane:
            self._lanes[key] = lane
        return size
