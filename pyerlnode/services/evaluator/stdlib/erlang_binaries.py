"""`erlang`: binaries, bit strings and iolists; terms as binaries and back; hashes.

`binary_to_term` is always as careful as with the option `safe` about how much it takes, and
makes as many new atoms at most as closures may.

Source: module `erlang` of the ERTS reference manual (OTP 27).
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Final

from pyerlnode.errors import PyerlnodeError
from pyerlnode.services.evaluator import limits
from pyerlnode.services.evaluator.stdlib.arguments import badarg, is_integer, is_list, listed, split_tail
from pyerlnode.services.evaluator.stdlib.erlang_conversions import NEW_ATOMS
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, BitString, Limits, Term, decode, decode_at, encode, phash2

if TYPE_CHECKING:
    from collections.abc import Iterator

erlang = Library("erlang")

_SAFE, _USED, _COMPRESSED = Atom("safe"), Atom("used"), Atom("compressed")
_DEFLATED: Final = 80  # the tag of a compressed term


# --- iolists --------------------------------------------------------------------------------


def parts_of(data: Term, most: int | None = 255) -> Iterator[Term]:
    """The integers (0 to `most`; None: all), binaries and bit strings of a list of any depth, in order."""
    stack: list[Iterator[Term]] = [iter((data,))]
    top = True
    while stack:
        for item in stack[-1]:
            if is_list(item):
                elements, tail = split_tail(item)
                if not isinstance(tail, list):
                    if not isinstance(tail, (bytes, BitString)):
                        raise badarg()
                    stack.append(iter((tail,)))
                stack.append(iter(elements))
                break
            if not isinstance(item, (bytes, BitString)) and (top or not _may_be(item, most)):
                raise badarg()
            yield item
        else:
            stack.pop()
        top = False


def _may_be(item: Term, most: int | None) -> bool:
    return is_integer(item) and (most is None or 0 <= item <= most)


def iolist(data: Term) -> bytes:
    """The bytes of iodata; `badarg` for anything else."""
    if isinstance(data, bytes):
        return data
    out = bytearray()
    for part in parts_of(data):
        if isinstance(part, BitString):
            raise badarg()
        out += part if isinstance(part, bytes) else bytes((part,))
        if not len(out) & 0xFFF:
            limits.check_binary(len(out))
    limits.check_binary(len(out))
    return bytes(out)


def a_binary(value: Term) -> bytes:
    if not isinstance(value, bytes):
        raise badarg()
    return value


@erlang.function("iolist_to_binary", 1)
def iolist_to_binary(data: Term) -> Term:
    return iolist(data)


@erlang.function("iolist_size", 1)
def iolist_size(data: Term) -> Term:
    return len(iolist(data))


@erlang.function("iolist_to_iovec", 1)
def iolist_to_iovec(data: Term) -> Term:
    joined = iolist(data)
    return [joined] if joined else []


@erlang.function("list_to_binary", 1)
def list_to_binary(data: Term) -> Term:
    if not is_list(data):
        raise badarg()
    return iolist(data)


@erlang.function("binary_to_list", 1)
def binary_to_list(data: Term) -> Term:
    limits.check_length(len(a_binary(data)))
    return list(data)


@erlang.function("binary_to_list", 3)
def binary_to_list_of(data: Term, first: Term, last: Term) -> Term:
    if not (is_integer(first, 1) and is_integer(last) and first <= last <= len(a_binary(data))):
        raise badarg()
    return list(data[first - 1 : last])


@erlang.function("split_binary", 2)
def split_binary(data: Term, at: Term) -> Term:
    if not is_integer(at, 0) or at > len(a_binary(data)):
        raise badarg()
    return (data[:at], data[at:])


# --- bit strings ------------------------------------------------------------------------------


@erlang.function("bitstring_to_list", 1)
def bitstring_to_list(data: Term) -> Term:
    if isinstance(data, bytes):
        return list(data)
    if not isinstance(data, BitString):
        raise badarg()
    last = BitString(data.data[-1:], data.bits)
    return [*data.data[:-1], last]


@erlang.function("list_to_bitstring", 1)
def list_to_bitstring(data: Term) -> Term:
    if not is_list(data):
        raise badarg()
    value = size = 0
    whole = bytearray()
    for part in parts_of(data):
        octets = (
            part.data if isinstance(part, BitString) else part if isinstance(part, bytes) else bytes((part,))
        )
        bits = len(part) if isinstance(part, BitString) else 8 * len(octets)
        limits.check_binary(len(whole) + len(octets))
        if size == 0 and bits % 8 == 0:
            whole += octets
            continue
        joined = (value << bits) | (int.from_bytes(octets, "big") >> (8 * len(octets) - bits))
        size += bits
        whole += (joined >> size % 8).to_bytes(size // 8, "big")
        size %= 8
        value = joined & ((1 << size) - 1)
    return BitString(bytes(whole) + bytes((value << (8 - size),)), size) if size else bytes(whole)


# --- the external format ------------------------------------------------------------------------


@erlang.function("term_to_binary", 1)
def term_to_binary(value: Term) -> Term:
    written = encode(value)
    limits.check_binary(len(written))
    return written


@erlang.function("term_to_binary", 2)
def term_to_binary_by(value: Term, options: Term) -> Term:
    packed: bool | int = False
    for option in listed(options):
        match option:
            case Atom() if option is _COMPRESSED:
                packed = True
            case (Atom() as name, int() as level) if name is _COMPRESSED and 0 <= level <= 9:
                packed = level if level else False
            case (Atom() as name, int()) if name == "minor_version":
                pass
            case Atom() if option in ("deterministic", "local"):
                pass
            case _:
                raise badarg()
    written = encode(value, compressed=packed)
    limits.check_binary(len(written))
    return written


@erlang.function("term_to_iovec", 1)
def term_to_iovec(value: Term) -> Term:
    return [term_to_binary(value)]


@erlang.function("external_size", 1)
def external_size(value: Term) -> Term:
    return len(encode(value))


@erlang.function("binary_to_term", 1)
def binary_to_term(data: Term) -> Term:
    return _read(a_binary(data), NEW_ATOMS)


@erlang.function("binary_to_term", 2)
def binary_to_term_by(data: Term, options: Term) -> Term:
    given = listed(options)
    if any(option not in (_SAFE, _USED) for option in given):
        raise badarg()
    value = _read(a_binary(data), 0 if _SAFE in given else NEW_ATOMS)
    return (value, _used(data)) if _USED in given else value


def _used(data: bytes) -> int:
    """How many bytes the term takes, which may be followed by others."""
    if data[1] != _DEFLATED:
        return decode_at(data, 1, structs=False)[1]
    unpacking = zlib.decompressobj()
    unpacking.decompress(data[6:], limits.current().binary_bytes)
    return len(data) - len(unpacking.unused_data)


def _read(data: bytes, new_atoms: int) -> Term:
    most = limits.current()
    careful = Limits(
        elements=most.length,
        new_atoms=new_atoms,
        integer_bytes=most.integer_bits // 8,
        inflated_bytes=most.binary_bytes,
    )
    try:
        return decode(data, limits=careful, structs=False)
    except PyerlnodeError:
        raise badarg() from None


# --- hashes ---------------------------------------------------------------------------------


@erlang.function("phash2", 1)
def hashed(value: Term) -> Term:
    return phash2(value)


@erlang.function("phash2", 2)
def hashed_to(value: Term, size: Term) -> Term:
    if not is_integer(size, 1) or size > 2**32:
        raise badarg()
    return phash2(value, size)


@erlang.function("md5", 1)
def md5(data: Term) -> Term:
    return hashlib.md5(iolist(data), usedforsecurity=False).digest()


@erlang.function("crc32", 1)
def crc32(data: Term) -> Term:
    return zlib.crc32(iolist(data))


@erlang.function("crc32", 2)
def crc32_on(before: Term, data: Term) -> Term:
    return zlib.crc32(iolist(data), _word(before))


@erlang.function("adler32", 1)
def adler32(data: Term) -> Term:
    return zlib.adler32(iolist(data))


@erlang.function("adler32", 2)
def adler32_on(before: Term, data: Term) -> Term:
    return zlib.adler32(iolist(data), _word(before))


def _word(value: Term) -> int:
    if not is_integer(value, 0) or value >= 2**32:
        raise badarg()
    return int(value)
