"""`phash2`: the portable hash of OTP, the same number for a term on every node and release.

    phash2(term)              0 to 2^27 - 1, as erlang:phash2/1
    phash2(term, 4)           0 to 3, as erlang:phash2/2: which of four partitions a key belongs to

A term is hashed from left to right with Bob Jenkins' mix of three words; what is still to
be hashed stands on a stack, so a term may be as deep as it likes.  The pairs of a map are
hashed each for itself and joined by exclusive or, because they have no order.

Native records of OTP 29 are refused: no release says how they are hashed on another one.

Source: erl_term_hashing.c of OTP's erts (make_hash2), atom.c (atom_hash).
Proof: tests/term/test_phash2.py, interop/test_registry.py.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final

from pyerlnode.errors import BadArg, TermEncodeError
from pyerlnode.term._codec import decode, encode
from pyerlnode.term.types import (
    Atom,
    BitString,
    Export,
    Fun,
    ImproperList,
    Pid,
    Port,
    Record,
    Reference,
    Term,
)

__all__ = ["MAX_RANGE", "phash2"]

MAX_RANGE: Final = 2**32
_DEFAULT_RANGE: Final = 2**27

_WORD: Final = 0xFFFFFFFF
_GOLDEN: Final = 0x9E3779B9
# Each kind of term is mixed with a multiple of its own of the golden ratio.
_NIL, _ATOM, _TEXT, _PID, _PORT, _REFERENCE = (_GOLDEN * n & _WORD for n in range(2, 8))
_TUPLE, _NEGATIVE, _POSITIVE, _FLOAT, _BINARY, _EXPORT = (_GOLDEN * n & _WORD for n in range(9, 15))
_BITS, _MAP, _PAIRS = _GOLDEN * 15 & _WORD, _GOLDEN * 16 & _WORD, _GOLDEN * 19 & _WORD

_EMPTY_LIST: Final = 3468870702  # alone, or as the first of a term
_NIL_TAG: Final = 2
_SMALL: Final = 1 << 27  # integers of 28 bits are mixed as one word


def phash2(term: Term, range: int = _DEFAULT_RANGE) -> int:
    """The hash of `term`, from 0 to `range` - 1; `range` is 1 to 2^32.

    BadArg for another range, TermEncodeError for what is no term and for native records.
    """
    if type(range) is not int or not 1 <= range <= MAX_RANGE:
        raise BadArg(f"phash2: the range is 1 to {MAX_RANGE}, not {range!r}")
    return _Hash().of(term) % range


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    a = (a - b - c & _WORD) ^ c >> 13
    b = (b - c - a ^ a << 8) & _WORD
    c = (c - a - b & _WORD) ^ b >> 13
    a = (a - b - c & _WORD) ^ c >> 12
    b = (b - c - a ^ a << 16) & _WORD
    c = (c - a - b & _WORD) ^ b >> 5
    a = (a - b - c & _WORD) ^ c >> 3
    b = (b - c - a ^ a << 10) & _WORD
    return a, b, (c - a - b & _WORD) ^ b >> 15


class _Marker:
    """On the stack, in the place of a term: what is to be done there."""

    __slots__ = ("hash", "pairs")

    def __init__(self, hash: int = 0, pairs: int = 0) -> None:
        self.hash, self.pairs = hash, pairs


_PAIR_ENDS: Final = _Marker()


class _Hash:
    """One run: the hash so far, that of the pairs of the map it is in, and what is still to come."""

    __slots__ = ("hash", "pairs", "stack")

    def __init__(self) -> None:
        self.hash = self.pairs = 0
        self.stack: list[Any] = []

    def of(self, term: Term) -> int:
        """Hash `term`."""
        stack = self.stack
        stack.append(term)
        while stack:
            item = stack.pop()
            step = _STEPS.get(type(item))
            if step is None:
                item = _as_decoded(item)
                step = _STEPS[type(item)]
            step(self, item)
        return self.hash

    def mix(self, first: int, second: int, constant: int) -> None:
        """Take in two words."""
        _, _, self.hash = _mix(constant + first & _WORD, constant + second & _WORD, self.hash)

    # --- numbers --------------------------------------------------------------------------

    def integer(self, item: int) -> None:
        if -_SMALL <= item < _SMALL:
            if item < 0:
                self.mix(-item, 0, _GOLDEN)
            self.mix(item, 0, _GOLDEN)
            return
        constant, size = (_NEGATIVE, -item) if item < 0 else (_POSITIVE, item)
        octets = size.to_bytes((size.bit_length() + 63) // 64 * 8, "little")
        for low, high in struct.iter_unpack("<II", octets):
            self.mix(low, high, constant)

    def float(self, item: float) -> None:
        high, low = struct.unpack(">II", struct.pack(">d", item or 0.0))  # -0.0 counts as 0.0
        self.mix(high, low, _FLOAT)

    # --- atoms and identifiers --------------------------------------------------------------

    def atom(self, item: str) -> None:
        value = _atom_value(item)
        if self.hash == 0:
            self.hash = value
        else:
            self.mix(value, 0, _ATOM)

    def constant(self, item: bool | None) -> None:
        self.atom("nil" if item is None else "true" if item else "false")

    def pid(self, item: Pid) -> None:
        self.mix(item.id, 0, _PID)

    def port(self, item: Port) -> None:
        self.mix(item.id & _WORD, item.id >> 32, _PORT)

    def reference(self, item: Reference) -> None:
        self.mix(item.words[0] if item.words else 0, 0, _REFERENCE)

    def export(self, item: Export) -> None:
        self.mix(item.arity, _atom_value(item.module), _GOLDEN)
        self.mix(_atom_value(item.function), 0, _EXPORT)

    def fun(self, item: Fun) -> None:
        self.mix(len(item.free), _atom_value(item.module), _GOLDEN)
        self.mix(item.index, item.old_uniq & _WORD, _GOLDEN)
        self.stack.extend(reversed(item.free))

    # --- binaries ---------------------------------------------------------------------------

    def text(self, item: str) -> None:
        self.binary(item.encode())

    def binary(self, item: bytes | bytearray) -> None:
        start = self.hash + _BINARY & _WORD
        self.hash = _of_bytes(bytes(item), start) if item else start

    def bits(self, item: BitString) -> None:
        self.hash = _of_bytes(item.data[:-1], self.hash + _BINARY & _WORD)
        self.mix(item.bits, item.data[-1] >> 8 - item.bits, _BITS)

    # --- what has elements --------------------------------------------------------------------

    def tuple(self, item: tuple[Term, ...]) -> None:
        self.mix(len(item), 0, _TUPLE)
        self.stack.extend(reversed(item))

    def list(self, item: list[Term]) -> None:
        self._cells(item, None)

    def improper(self, item: ImproperList) -> None:
        self._cells(item.elements, item)

    def _cells(self, elements: Any, improper: ImproperList | None) -> None:
        """Hash from the first element on; what is behind the first that is no byte comes back as `_Rest`."""
        _Rest(elements, 0, improper).step(self)

    def map(self, item: Mapping[Term, Term]) -> None:
        self.mix(len(item), 0, _MAP)
        if not item:
            return
        self.stack.append(_Marker(self.hash, self.pairs))
        self.hash = self.pairs = 0
        for key, value in item.items():
            self.stack += (_PAIR_ENDS, value, key)

    def marker(self, item: _Marker) -> None:
        if item is _PAIR_ENDS:
            self.pairs ^= self.hash
            self.hash = 0
            return
        self.hash = item.hash
        self.mix(self.pairs, 0, _PAIRS)
        self.pairs = item.pairs

    def empty_list(self) -> None:
        if self.hash == 0:
            self.hash = _EMPTY_LIST
        else:
            self.mix(_NIL_TAG, 0, _NIL)

    def refused(self, item: Record) -> None:
        raise TermEncodeError("phash2 of a native record is not known")


class _Rest:
    """The cells of a list from one of them on: bytes are taken four at a time, anything else by itself."""

    __slots__ = ("at", "elements", "improper")

    def __init__(self, elements: Any, at: int, improper: ImproperList | None) -> None:
        self.elements, self.at, self.improper = elements, at, improper

    def step(self, run: _Hash) -> None:
        """Hash up to the first element that is no byte, which is next on the stack then."""
        elements, at, end = self.elements, self.at, len(self.elements)
        word = count = 0
        while at < end and type(elements[at]) is int and 0 <= elements[at] < 256:
            word = (word << 8) + elements[at]
            count += 1
            at += 1
            if count == 4:
                run.mix(word, 0, _TEXT)
                word = count = 0
        if count:
            run.mix(word, 0, _TEXT)
        if at < end:
            self.at = at + 1
            run.stack += (self, elements[at])
        elif self.improper is not None:
            run.stack.append(self.improper.tail)
        else:
            run.empty_list()


_STEPS: dict[type, Any] = {
    int: _Hash.integer,
    float: _Hash.float,
    Atom: _Hash.atom,
    bool: _Hash.constant,
    type(None): _Hash.constant,
    Pid: _Hash.pid,
    Port: _Hash.port,
    Reference: _Hash.reference,
    Export: _Hash.export,
    Fun: _Hash.fun,
    str: _Hash.text,
    bytes: _Hash.binary,
    bytearray: _Hash.binary,
    BitString: _Hash.bits,
    tuple: _Hash.tuple,
    list: _Hash.list,
    ImproperList: _Hash.improper,
    dict: _Hash.map,
    Record: _Hash.refused,
    _Marker: _Hash.marker,
    _Rest: lambda run, rest: rest.step(run),
}


def _as_decoded(item: Any) -> Any:
    """A term that Python has another type for, such as a struct or a Map, as one that has a step."""
    if isinstance(item, Mapping):
        return _Pairs(item)
    return decode(encode(item), structs=False)


class _Pairs:
    """A mapping that is no dict."""

    __slots__ = ("_mapping",)

    def __init__(self, mapping: Mapping[Term, Term]) -> None:
        self._mapping = mapping

    def __len__(self) -> int:
        return len(self._mapping)

    def items(self) -> Any:
        return self._mapping.items()


_STEPS[_Pairs] = _Hash.map


def _atom_value(text: str) -> int:
    """The value that an atom has in a BEAM's table."""
    value = 0
    for octet in _latin1_clutch(text):
        value = (value << 4) + octet & _WORD
        top = value & 0xF0000000
        if top:
            value ^= top >> 24 ^ top
    return value


def _latin1_clutch(text: str) -> bytes:
    """Its UTF-8, but one byte for each character of Latin-1, as atoms were hashed before they had others."""
    return b"".join(character.encode("latin-1" if ord(character) < 256 else "utf-8") for character in text)


def _of_bytes(octets: bytes, start: int) -> int:
    """Twelve bytes at a time as three words; the last word begins with the length."""
    a = b = _GOLDEN
    c = start
    whole = len(octets) // 12 * 12
    for first, second, third in struct.iter_unpack("<III", octets[:whole]):
        a, b, c = _mix(a + first & _WORD, b + second & _WORD, c + third & _WORD)
    rest = octets[whole:].ljust(11, b"\0")
    first, second = struct.unpack_from("<II", rest)
    third = int.from_bytes(rest[8:11], "little") << 8
    return _mix(a + first & _WORD, b + second & _WORD, c + third + len(octets) & _WORD)[2]
