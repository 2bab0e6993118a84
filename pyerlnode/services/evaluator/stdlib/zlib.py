"""`zlib`: packing and unpacking of whole binaries; there are no streams.

What is packed has the bytes that a BEAM with the same library of zlib gives.

Source: module `zlib` of the ERTS reference manual, zlib.erl (OTP 27).
Proof: tests/services/evaluator/test_stdlib_zlib.py.
"""

from __future__ import annotations

import asyncio
import zlib as of_python
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator import limits
from pyerlnode.services.evaluator.stdlib.erlang_binaries import iolist
from pyerlnode.services.evaluator.stdlib.registry import Await, Library
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.services.evaluator.stdlib.arguments import Steps

zlib = Library("zlib")

# How a stream begins and ends, as the number of bits of its window says.
_ZLIB, _RAW, _GZIP = 15, -15, 31
_DATA_ERROR: Final = Atom("data_error")
# More than this is worked on in a thread, so that other processes have their turn.
_LARGE: Final = 128 * 1024
# So much is given to a stream at a time: what it does not need is copied, however many streams there are.
_PIECE: Final = 4096


def _worked(work: Callable[..., bytes], data: bytes, *args: Any) -> Steps:
    if len(data) <= _LARGE:
        return work(data, *args)
    return (yield Await(asyncio.to_thread(work, data, *args)))


def _packed(data: bytes, window: int) -> bytes:
    packing = of_python.compressobj(wbits=window)
    return packing.compress(data) + packing.flush()


def _unpacked(data: bytes, window: int, most: int) -> bytes:
    """The content of one stream after the other; only `gzip` has more than one."""
    out = bytearray()
    at = _unpack_one(data, 0, window, most, out)
    while window == _GZIP and at < len(data):
        at = _unpack_one(data, at, window, most, out)
    return bytes(out)


def _unpack_one(data: bytes, at: int, window: int, most: int, out: bytearray) -> int:
    """Add the content of the stream that begins at `at` to `out`; where the next one begins."""
    unpacking = of_python.decompressobj(wbits=window)
    while not unpacking.eof:
        piece = data[at : at + _PIECE]
        if not piece:
            raise ErlangError(_DATA_ERROR)
        at += len(piece)
        try:
            # One byte more than there may be shows that there are too many.
            out += unpacking.decompress(piece, most + 1 - len(out))
        except of_python.error:
            raise ErlangError(_DATA_ERROR) from None
        if len(out) > most:
            raise ErlangError(limits.SYSTEM_LIMIT)
    return at - len(unpacking.unused_data)


def _pack(data: Term, window: int) -> Steps:
    given = iolist(data)
    limits.check_binary(len(given))
    return (yield from _worked(_packed, given, window))


def _unpack(data: Term, window: int) -> Steps:
    return (yield from _worked(_unpacked, iolist(data), window, limits.current().binary_bytes))


@zlib.function("compress", 1)
def compress(data: Term) -> Steps:
    return (yield from _pack(data, _ZLIB))


@zlib.function("uncompress", 1)
def uncompress(data: Term) -> Steps:
    return (yield from _unpack(data, _ZLIB))


@zlib.function("zip", 1)
def zip_(data: Term) -> Steps:
    return (yield from _pack(data, _RAW))


@zlib.function("unzip", 1)
def unzip(data: Term) -> Steps:
    return (yield from _unpack(data, _RAW))


@zlib.function("gzip", 1)
def gzip(data: Term) -> Steps:
    return (yield from _pack(data, _GZIP))


@zlib.function("gunzip", 1)
def gunzip(data: Term) -> Steps:
    return (yield from _unpack(data, _GZIP))
