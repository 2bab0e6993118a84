"""Bytes between a link and its socket, where they are few.

`_bytes.pyx` is the same by the system's own functions, with fewer objects in between.

Source: POSIX, write(2).
Proof: tests/node/test_bytes.py.
"""

from __future__ import annotations

import os

__all__ = ["first_bytes", "write_now"]


def write_now(descriptor: int, data: bytes) -> int:
    """Write what the system takes at once of `data`: how many bytes, 0 where it takes none or fails."""
    try:
        return os.write(descriptor, data)
    except OSError:
        return 0


def first_bytes(buffer: bytearray, count: int) -> bytes:
    """A copy of the first `count` bytes, at most as many as there are."""
    return bytes(memoryview(buffer)[:count])
