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

_from_bytes: Callable[[bytearray], int] = int.from_bytes


def frame(body: bytes, prefix: int) -> bytes:
    """`body` with its length of `prefix` bytes before it."""
    return len(body).to_bytes(prefix, "big") + body


class FrameReader:
    """Collects received bytes and gives complete frames.

    Each byte is copied a bounded number of times, however the stream is cut.
    """

    __slots__ = ("_data", "_limit", "_need", "_prefix", "_window")

    def __init__(self, prefix: int, limit: int) -> None:
        self._data = bytearray()  # received and not taken
        self._window: bytes | bytearray | memoryview = b""  # what is looked at meanwhile
        self.expect(prefix, limit)

    def expect(self, prefix: int, limit: int) -> None:
        """From the next frame on: `prefix` bytes of length, frames of at most `limit` bytes."""
        self._prefix = prefix
        self._limit = limit
        self._need = prefix  # no frame can be complete with fewer bytes

    def feed(self, data: bytes | memoryview) -> None:
        """Take received bytes; they are copied."""
        self._data += data

    def take(self) -> bytes | None:
        """The next complete frame without its length, or None.

        Raises FrameTooLarge as soon as a length exceeds the limit.
        """
        if len(self._data) < self._need:
            return None
        length = _from_bytes(self._data[: self._prefix])
        if length > self._limit:
            raise FrameTooLarge(length, self._limit)
        end = self._prefix + length
        if end > len(self._data):
            self._need = end
            return None
        frame = bytes(memoryview(self._data)[self._prefix : end])
        del self._data[:end]
        self._need = self._prefix
        return frame

    def window(
        self, data: bytes | memoryview
    ) -> tuple[bytes | bytearray | memoryview | None, bytes | memoryview]:
        """Received bytes that may hold complete frames, and those of `data` that are to come after them.

        It is `data` itself, and nothing is copied, where no frame is under way: otherwise that one frame
        is completed first.  None, and nothing is left, where it is still incomplete.
        """
        if not self._data:
            self._window = data
            return data, b""
        missing = self._need - len(self._data)
        self._data += data[:missing]
        if len(self._data) < self._need:
            return None, b""
        self._window = self._data
        return self._data, data[missing:]

    def advance(self, at: int) -> None:
        """The frames of the window that end at the offset `at` were taken, and no other is complete."""
        window, self._window = self._window, b""
        if window is self._data:
            del self._data[:at]
        elif at < len(window):
            self._data += memoryview(window)[at:]
        self._need = self._prefix
        if len(self._data) >= self._prefix:
            self._need += _from_bytes(self._data[: self._prefix])

    def rest(self) -> bytes:
        """Take everything that was not taken."""
        rest = bytes(self._data)
        self._data.clear()
        self._need = self._prefix
        return rest

    @property
    def buffered(self) -> int:
        """Bytes received and not yet taken."""
        return len(self._data)

    def unfinished(self) -> str | None:
        """How far the frame that is under way has come; None between two frames."""
        size = len(self._data)
        if not size:
            return None
        if self._need == self._prefix:
            return f"{size} bytes of a length of {self._prefix}"
        return f"{size - self._prefix} of {self._need - self._prefix} bytes"
