"""Distribution header: atoms by number instead of by text.

    N, flags of N refs and of the header (4 bits each, low half first), refs

Each direction has a cache of 2048 slots, in 8 segments of 256.  A ref names a slot
and, if it is new, fills it with a text; inside the terms of the frame `82, i` stands
for ref i.

The writer puts an atom into the slot that a hash of its text picks; what was there
is forgotten at both ends.

Source: ERTS manual, "External Term Format", Distribution Header; "N: at most 255" as
observed.  Proof: tests/protocol/test_atom_cache.py, tests/protocol/test_dist_vectors.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from pyerlnode.errors import PeerError, TermError, UsageError
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_REFS", "SLOTS", "AtomCacheReader", "AtomCacheWriter"]

SLOTS = 2048
# The number of refs is one byte.
MAX_REFS = 255

_NEW = 8  # in the half byte of a ref
_SEGMENT = 7
_LONG_ATOMS = 1  # in the half byte of the header


class AtomCacheReader:
    """The peer's cache, and the reading of its headers."""

    __slots__ = ("slots",)

    def __init__(self) -> None:
        self.slots: list[Atom | None] = [None] * SLOTS

    def read(self, data: bytes, at: int) -> tuple[list[Atom], int]:
        """Read the header whose N is at `at`; give its atoms and where it ends.

        Raises PeerError if it is cut short, names an empty slot, or holds no atom.
        """
        try:
            return self._read(data, at)
        except IndexError:
            raise PeerError(f"distribution header cut short at byte {len(data)}") from None

    def _read(self, data: bytes, at: int) -> tuple[list[Atom], int]:
        count = data[at]
        at += 1
        if not count:
            return [], at
        flags_at = at
        at += count // 2 + 1
        long_atoms = data[flags_at + count // 2] >> (4 * (count & 1)) & _LONG_ATOMS
        slots = self.slots
        atoms = []
        for index in range(count):
            half = data[flags_at + (index >> 1)] >> (4 * (index & 1))
            slot = (half & _SEGMENT) << 8 | data[at]
            at += 1
            if half & _NEW:
                slots[slot], at = _read_atom(data, at, long_atoms)
            atom = slots[slot]
            if atom is None:
                raise PeerError(f"atom cache slot {slot} at byte {at - 1} was never filled")
            atoms.append(atom)
        return atoms, at


def _read_atom(data: bytes, at: int, long_atoms: int) -> tuple[Atom, int]:
    start = at + 1 + long_atoms
    end = start + (data[at] << 8 | data[at + 1] if long_atoms else data[at])
    if end > len(data):
        raise PeerError(f"atom at byte {start} ends at {end}, but the frame at {len(data)}")
    try:
        return Atom(data[start:end].decode()), end
    except (UnicodeDecodeError, TermError, UsageError) as error:
        raise PeerError(f"no atom at byte {start} of the distribution header: {error}") from None


class _Refs(dict[Atom, "int | None"]):
    """The refs of the message that is being encoded: atom -> number, or None if it has none.

    A dict, so that looking up an atom that was met before runs no Python code.
    """

    __slots__ = ("_missing",)

    def __init__(self, missing: Callable[[Atom], int | None]) -> None:
        self._missing = missing

    def __missing__(self, atom: Atom) -> int | None:
        return self._missing(atom)


class AtomCacheWriter:
    """Our cache, and the writing of headers.

    For each message: `start()`, encode it with `ref` as `atom_ref`, then `header()`;
    or `undo()` if it could not be encoded.
    """

    __slots__ = ("_flags", "_places", "_refs", "_replaced", "_slots", "_texts", "_used", "ref")

    ref: Callable[[Atom], int | None]

    def __init__(self) -> None:
        self._slots: list[Atom | None] = [None] * SLOTS
        self._places: dict[Atom, int] = {}  # the slots, the other way round
        self._refs = _Refs(self._add)
        self.ref = self._refs.__getitem__
        self._used: set[int] = set()  # slots of this message
        self._flags = 0  # half byte i belongs to ref i
        self._texts: list[tuple[int, bytes | None]] = []  # internal index; text if new
        self._replaced: list[tuple[int, Atom | None]] = []

    def start(self) -> None:
        """Begin a message."""
        if self._refs:
            self._refs.clear()
            self._used.clear()
            self._flags = 0
            self._texts.clear()
            self._replaced.clear()

    @staticmethod
    def slot_of(atom: Atom) -> int:
        """The only slot that `atom` is ever put into."""
        return crc32(atom.encode()) % SLOTS

    def _add(self, atom: Atom) -> int | None:
        place = self._places.get(atom)
        slot = self.slot_of(atom) if place is None else place
        index = len(self._texts)
        # Two atoms of one message cannot share a slot: the second would replace the first.
        if index == MAX_REFS or slot in self._used:
            self._refs[atom] = None
            return None
        if place is None:
            self._fill(slot, atom)
        self._used.add(slot)
        half = slot >> 8 | (_NEW if place is None else 0)
        self._flags |= half << 4 * index
        self._texts.append((slot & 255, atom.encode() if place is None else None))
        self._refs[atom] = index
        return index

    def _fill(self, slot: int, atom: Atom) -> None:
        old = self._slots[slot]
        if old is not None:
            del self._places[old]
        self._replaced.append((slot, old))
        self._slots[slot] = atom
        self._places[atom] = slot

    def header(self) -> bytes:
        """The header of the message, from N on."""
        count = len(self._texts)
        if not count:
            return b"\0"
        # One long text makes all lengths of the header two bytes wide.
        width = 2 if any(text is not None and len(text) > 255 for _, text in self._texts) else 1
        flags = self._flags | (_LONG_ATOMS << 4 * count if width == 2 else 0)
        out = bytearray((count,))
        out += flags.to_bytes(count // 2 + 1, "little")
        for index, text in self._texts:
            out.append(index)
            if text is not None:
                out += len(text).to_bytes(width, "big")
                out += text
        return bytes(out)

    def undo(self) -> None:
        """Forget the message that was begun: the peer will never see its header."""
        for slot, old in reversed(self._replaced):
            new = self._slots[slot]
            if new is not None:
                del self._places[new]
            self._slots[slot] = old
            if old is not None:
                self._places[old] = slot
        self.start()
