"""Frames out of a stream of bytes: a length of 2 or 4 bytes, then that many bytes.

Feed what was received, take frames until there is none.  The width of the length may
change between two frames, as it does at the end of the handshake.

Source: ERTS manual, "Distribution Protocol".  Proof: tests/protocol/test_framing.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.errors import FrameTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FrameReader", "frame"]

_from_bytes: Callable[[bytes | memoryview], int] = int.from_bytes


def frame(body: bytes, prefix: int) -> bytes:
    """`body` with its length of `prefix` bytes before it."""
    return len(body).to_bytes(prefix, "big") + body


class FrameReader:
    """Collects received bytes and gives complete frames.

    Each byte is copied a bounded number of times, however the stream is cut: pieces
    of an unfinished frame are kept as they came and joined once, when it is complete.
    """

    __slots__ = ("_at", "_data", "_limit", "_need", "_pieces", "_prefix", "_size")

    def __init__(self, prefix: int, limit: int) -> None:
        self._data: bytes | memoryview = b""  # being taken apart, from `_at` on
        self._at = 0
        self._pieces: list[bytes] = []  # came later
        self._size = 0  # bytes in `_pieces` and in what is left of `_data`
        self.expect(prefix, limit)

    def expect(self, prefix: int, limit: int) -> None:
        """From the next frame on: `prefix` bytes of length, frames of at most `limit` bytes."""
        self._prefix = prefix
        self._limit = limit
        self._need = prefix  # no frame can be complete with fewer bytes

    def feed(self, data: bytes | memoryview) -> None:
        """Take received bytes; they are copied where they are not `bytes` already."""
        size = self._size + len(data)
        if self._at == len(self._data) and not self._pieces:
            self._data = bytes(data)
            self._at = 0
        elif size < self._need:
            self._pieces.append(bytes(data))
        else:
            # A frame is complete with it: joined at once, it is copied only now.
            self._data = b"".join((memoryview(self._data)[self._at :], *self._pieces, data))
            self._at = 0
            self._pieces.clear()
        self._size = size

    def take(self) -> bytes | None:
        """The next complete frame without its length, or None.

        Raises FrameTooLarge as soon as a length exceeds the limit.
        """
        if self._size < self._need:
            return None
        if self._pieces:
            self._join()
        start = self._at + self._prefix
        length = _from_bytes(self._data[self._at : start])
        if length > self._limit:
            raise FrameTooLarge(length, self._limit)
        end = start + length
        if end > len(self._data):
            self._need = self._prefix + length
            return None
        self._at = end
        self._size -= self._prefix + length
        self._need = self._prefix
        return bytes(self._data[start:end])

    def window(self, data: bytes | memoryview) -> tuple[bytes | memoryview | None, bytes | memoryview]:
        """Received bytes that may hold complete frames, and those of `data` that are to come after them.

        It is `data` itself, and nothing is copied, where no frame is under way: otherwise that one frame
        is completed first.  None, and nothing is left, where it is still incomplete.
        """
        missing = self._need - self._size
        if not self._size:
            self._data = data
            self._at, self._size = 0, len(data)
            return data, b""
        self.feed(data[:missing])
        if self._size < self._need:
            return None, b""
        return self._data, data[missing:]

    def advance(self, at: int) -> None:
        """The frames of the window that end at the offset `at` were taken, and no other is complete."""
        rest = self._data = bytes(self._data[at:])
        self._at, self._size = 0, len(rest)
        self._need = self._prefix
        if len(rest) >= self._prefix:
            self._need += _from_bytes(rest[: self._prefix])

    def rest(self) -> bytes:
        """Take everything that was not taken."""
        if self._pieces:
            self._join()
        rest = bytes(self._data[self._at :])
        self._data, self._at, self._size, self._need = b"", 0, 0, self._prefix
        return rest

    def _join(self) -> None:
        self._pieces.insert(0, bytes(self._data[self._at :]))
        self._data = b"".join(self._pieces)
        self._at = 0
        self._pieces.clear()

    @property
    def buffered(self) -> int:
        """Bytes received and not yet taken."""
        return self._size

    def unfinished(self) -> str | None:
        """How far the frame that is under way has come; None between two frames."""
        if not self._size:
            return None
        if self._need == self._prefix:
            return f"{self._size} bytes of a length of {self._prefix}"
        return f"{self._size - self._prefix} of {self._need - self._prefix} bytes"
