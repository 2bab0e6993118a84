"""The one place that chooses between native frames and pure ones: native with the native codec.

Proof: tests/protocol, which run with either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyerlnode.term._choice import IMPLEMENTATION, load

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["keep_memory", "native"]

#: `_frames.pyx`, or None
native: Final[ModuleType | None] = None if IMPLEMENTATION == "pure" else load("pyerlnode.protocol._frames")


def keep_memory() -> bool:
    """Let the C library keep up to 64 MB of what large messages took; whether it can.

    For a program that is a node and nothing else: it would give each piece back to the system and
    ask for it again, which takes longer than everything else that is done with a large message.
    """
    return native is not None and bool(native.keep_memory())
