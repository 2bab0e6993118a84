"""Pipes that are read when a test wants it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO


class Pipe:
    """A pipe: `end` is the text stream that is written on."""

    def __init__(self) -> None:
        self._fd, write = os.pipe()
        self.end: TextIO = open(write, "w", encoding="utf-8")  # noqa: SIM115  # closed by `close`
        self.seen = bytearray()

    def fill(self) -> int:
        """Write until nothing more fits; how many bytes that were."""
        fd = self.end.fileno()
        os.set_blocking(fd, False)
        count = 0
        try:
            while True:
                count += os.write(fd, b"." * 512)
        except BlockingIOError:
            os.set_blocking(fd, True)
            return count

    async def read(self, count: int) -> str:
        """The next `count` bytes, as text."""
        while len(self.seen) < count:
            self.seen += await asyncio.to_thread(os.read, self._fd, 65536)
        text = bytes(self.seen[:count])
        del self.seen[:count]
        return text.decode()

    def stop_reading(self) -> None:
        """Close the end that is read."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def close(self) -> None:
        """Close both ends."""
        self.stop_reading()
        self.end.close()


def open_files() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/dev/fd"))
