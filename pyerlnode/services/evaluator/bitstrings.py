"""Bits: taking integers, floats and parts out of a bitstring, and putting one together.

Positions and lengths are in bits.  A bitstring of whole bytes is `bytes`, as everywhere.

Source: Erlang Reference Manual, "Expressions", Bit Syntax Expressions.
Proof: tests/services/evaluator/test_expressions.py.
"""

from __future__ import annotations

import math
import struct
from typing import Any, Final

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.limits import check_binary
from pyerlnode.term import Atom, BitString, Term

_BADARG = Atom("badarg")
_FLOATS: Final = {16: ">e", 32: ">f", 64: ">d"}
_MAX_CHARACTER: Final = 0x10FFFF


class Writer:
    """Joins bits to a bitstring."""

    __slots__ = ("_carry", "_count", "_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._carry = self._count = 0  # bits that are no whole byte yet
        self._size = 0

    def put(self, value: int, bits: int) -> None:
        """Append the low `bits` of an integer, highest first."""
        self._grow(bits)
        value = self._carry << bits | value & (1 << bits) - 1
        bits += self._count
        self._count = bits & 7
        self._carry = value & (1 << self._count) - 1
        if bits > 7:
            self._parts.append((value >> self._count).to_bytes(bits >> 3, "big"))

    def put_bytes(self, data: bytes) -> None:
        """Append whole bytes."""
        if self._count:
            self.put(int.from_bytes(data, "big"), len(data) * 8)
        else:
            self._grow(len(data) * 8)
            self._parts.append(data)

    def _grow(self, bits: int) -> None:
        self._size += bits
        check_binary(self._size >> 3)

    def value(self) -> bytes | BitString:
        """What was put together."""
        data = b"".join(self._parts)
        if not self._count:
            return data
        return BitString(data + bytes((self._carry << 8 - self._count,)), self._count)


def is_bits(value: Term) -> bool:
    """Whether it is a bitstring."""
    return type(value) is bytes or type(value) is BitString


def size_of(value: bytes | BitString) -> tuple[bytes, int]:
    """The bytes, and the number of bits."""
    return (value, len(value) * 8) if type(value) is bytes else (value.data, len(value))  # type: ignore[union-attr]


def join(parts: list[Any]) -> bytes | BitString:
    """One bitstring of several."""
    writer = Writer()
    for part in parts:
        put_part(writer, part, size_of(part)[1])
    return writer.value()


def put_part(writer: Writer, value: bytes | BitString, bits: int) -> None:
    """Append the first `bits` of a bitstring."""
    data, _ = size_of(value)
    whole = bits >> 3
    writer.put_bytes(data if len(data) == whole else data[:whole])
    if bits & 7:
        writer.put(data[whole] >> 8 - (bits & 7), bits & 7)


def part(data: bytes, start: int, bits: int) -> bytes | BitString:
    """A part of a bitstring."""
    if not start & 7 and not bits & 7:
        return data[start >> 3 : (start + bits) >> 3]
    writer = Writer()
    writer.put(unsigned(data, start, bits), bits)
    return writer.value()


def unsigned(data: bytes, start: int, bits: int) -> int:
    """The bits as an integer, highest first."""
    end = start + bits
    value = int.from_bytes(data[start >> 3 : (end + 7) >> 3], "big")
    return (value >> (-end & 7)) & (1 << bits) - 1


def swapped(value: int, bits: int) -> int:
    """Big-endian from little-endian of so many bits: what is no whole byte stands last."""
    whole, rest = bits >> 3, bits & 7
    low = int.from_bytes((value >> rest).to_bytes(whole, "big"), "little")
    return low | (value & (1 << rest) - 1) << whole * 8


def little(value: int, bits: int) -> int:
    """Little-endian from big-endian, the other way round than `swapped`."""
    whole, rest = bits >> 3, bits & 7
    low = int.from_bytes((value & (1 << whole * 8) - 1).to_bytes(whole, "little"), "big")
    return low << rest | value >> whole * 8 & (1 << rest) - 1


def float_bits(value: Term, bits: int) -> int:
    """A number as a float of 16, 32 or 64 bits; error badarg if that cannot be.

    A float that is too large for 16 or 32 bits becomes infinity, as a BEAM's does.
    """
    if bits not in _FLOATS or type(value) not in (int, float):
        raise ErlangError(_BADARG)
    try:
        number = float(value)
    except OverflowError:
        raise ErlangError(_BADARG) from None
    try:
        packed = struct.pack(_FLOATS[bits], number)
    except OverflowError:
        packed = struct.pack(_FLOATS[bits], math.copysign(math.inf, number))
    return int.from_bytes(packed, "big")


def float_of(value: int, bits: int) -> float | None:
    """The float of these bits; None for what is no number, and for another size."""
    if bits not in _FLOATS:
        return None
    found: float = struct.unpack(_FLOATS[bits], value.to_bytes(bits >> 3, "big"))[0]
    return found if math.isfinite(found) else None


def utf_bytes(value: Term, encoding: str) -> bytes:
    """A character in `utf-8`, `utf-16-be`, ...; error badarg for what is none."""
    if type(value) is not int or not 0 <= value <= _MAX_CHARACTER or 0xD800 <= value <= 0xDFFF:
        raise ErlangError(_BADARG)
    return chr(value).encode(encoding)


def utf_at(data: bytes, start: int, left: int, encoding: str) -> tuple[int, int] | None:
    """The character that stands there and its length in bits; None if there is none."""
    for size in (1, 2, 3, 4) if encoding == "utf-8" else (2, 4) if "16" in encoding else (4,):
        if size * 8 > left:
            return None
        try:
            text = part(data, start, size * 8).decode(encoding)  # type: ignore[union-attr]  # whole bytes
        except UnicodeDecodeError:
            continue
        return ord(text), size * 8
    return None
