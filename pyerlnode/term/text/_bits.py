"""Building a binary or bitstring from segments, as `<<5:3, 7:16/little, "abc"/utf16>>` lists them.

Linear in the size: whole bytes gather in a bytearray, what does not fill one yet in an int.

Source: Erlang reference manual, "Bit Syntax Expressions".
Proof: tests/term/test_text_bits.py.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pyerlnode.term.types import BitString

__all__ = ["Bits", "Segment", "add_segment"]

_FLOATS = {16: "e", 32: "f", 64: "d"}
_TYPES = frozenset(("integer", "float", "binary", "bytes", "bits", "bitstring", "utf8", "utf16", "utf32"))
_ORDERS = {"big": False, "little": True, "native": True}
_MAX_SIZE = 1 << 27


@dataclass(slots=True)
class Segment:
    """How one value becomes bits; `size` is None where it was not given, `unit` counts its bits."""

    kind: str = "integer"
    size: int | None = None
    unit: int | None = None
    little: bool = False

    def specify(self, word: str, number: str | None) -> bool:
        """Take one part of a specification, `little` or `size(8)`; False where it is none."""
        if word in ("size", "unit"):
            if number is None or (word == "unit" and not 1 <= int(number) <= 256):
                return False
            setattr(self, word, int(number))
        elif number is not None:
            return False
        elif word in _TYPES:
            self.kind = word
        elif word in _ORDERS:
            self.little = _ORDERS[word]
        else:
            # The sign matters only when bits are matched.
            return word in ("signed", "unsigned")
        return True

    def bits(self, default: int) -> int:
        """The number of bits, `default` where no size was given."""
        if self.size is None and self.unit is None:
            return default
        return (self.size if self.size is not None else default) * (self.unit or 1)


class Bits:
    """Bits that become `bytes`, or a BitString when they are no whole bytes."""

    __slots__ = ("_count", "_data", "_rest")

    def __init__(self) -> None:
        self._data = bytearray()
        self._rest = 0
        self._count = 0

    def add_bytes(self, data: bytes) -> None:
        """Append whole bytes."""
        if self._count == 0:
            self._data += data
        else:
            self.add(int.from_bytes(data, "big"), len(data) * 8)

    def add(self, value: int, bits: int) -> None:
        """Append the low `bits` of `value`, most significant first."""
        rest = (self._rest << bits) | (value & ((1 << bits) - 1))
        whole, self._count = divmod(self._count + bits, 8)
        self._data += (rest >> self._count).to_bytes(whole, "big")
        self._rest = rest & ((1 << self._count) - 1)

    def value(self) -> bytes | BitString:
        """All that was appended."""
        if self._count == 0:
            return bytes(self._data)
        last = (self._rest << (8 - self._count)) & 0xFF
        return BitString(bytes(self._data) + bytes((last,)), self._count)


def add_segment(bits: Bits, value: int | float | str | bytes, segment: Segment) -> str | None:
    """Append `value`; give what is wrong where that cannot be, None where it was done.

    Text is a sequence of integers, as in Erlang; bytes are for `binary` and the like.
    """
    if segment.unit is not None and segment.size is None and not isinstance(value, bytes):
        return "a unit needs a size"
    if isinstance(value, bytes):
        return _add_binary(bits, value, segment)
    if isinstance(value, str):
        if segment.kind.startswith("utf"):
            return _add_utf(bits, value, segment)
        if segment.kind == "integer" and segment.bits(8) == 8 and value.isascii():
            bits.add_bytes(value.encode())
            return None
        problems = (_add_number(bits, ord(char), segment) for char in value)
        return next((problem for problem in problems if problem is not None), None)
    if segment.kind.startswith("utf"):
        if isinstance(value, float) or not 0 <= value <= 0x10FFFF:
            return f"{value} is no code point"
        return _add_utf(bits, chr(value), segment)
    return _add_number(bits, value, segment)


def _add_binary(bits: Bits, value: bytes, segment: Segment) -> str | None:
    whole = segment.bits(len(value) * 8) if segment.unit else segment.bits(len(value)) * 8
    if segment.kind in ("bits", "bitstring") and segment.size is not None and segment.unit is None:
        whole = segment.size
    if whole > len(value) * 8:
        return f"a binary of {len(value)} bytes has no {whole} bits"
    bits.add_bytes(value[: whole // 8])
    if whole % 8:
        bits.add(value[whole // 8] >> (8 - whole % 8), whole % 8)
    return None


def _add_utf(bits: Bits, text: str, segment: Segment) -> str | None:
    if segment.size is not None or segment.unit is not None:
        return f"{segment.kind} takes no size"
    order = "" if segment.kind == "utf8" else "-le" if segment.little else "-be"
    try:
        bits.add_bytes(text.encode(f"utf-{segment.kind[3:]}{order}"))
    except UnicodeEncodeError as error:
        return f"{segment.kind} has no form for {text[error.start]!r}"
    return None


def _add_number(bits: Bits, value: int | float, segment: Segment) -> str | None:
    if segment.kind == "float":
        return _add_float(bits, value, segment)
    if segment.kind != "integer":
        return f"a number is no {segment.kind}"
    if isinstance(value, float):
        return "a float needs the type float"
    size = segment.bits(8)
    if size > _MAX_SIZE:
        return f"{size} bits are too many, at most {_MAX_SIZE} are read"
    if segment.little:
        value = _reversed(value, size)
    bits.add(value, size)
    return None


def _reversed(value: int, size: int) -> int:
    """The integer whose big-endian bits are `value` in little-endian order."""
    whole, rest = divmod(size, 8)
    value &= (1 << size) - 1
    low = value & ((1 << (whole * 8)) - 1)
    turned = int.from_bytes(low.to_bytes(whole, "little"), "big")
    return (turned << rest) | (value >> (whole * 8))


def _add_float(bits: Bits, value: int | float, segment: Segment) -> str | None:
    code = _FLOATS.get(segment.bits(64))
    if code is None:
        return f"a float has 16, 32 or 64 bits, not {segment.bits(64)}"
    try:
        bits.add_bytes(struct.pack(f"{'<' if segment.little else '>'}{code}", value))
    except (OverflowError, struct.error):
        return f"{value} is too large for a float of {segment.bits(64)} bits"
    return None
