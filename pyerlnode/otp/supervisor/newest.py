"""Which class stands for another one since its module was loaded again.

A supervisor, an export and an `import` elsewhere still hold the class of before; what
they start is of the newest one.

Proof: tests/services/test_reloader.py.
"""

from __future__ import annotations

from typing import TypeVar

__all__ = ["NEWER", "newest", "supersede"]

_Class = TypeVar("_Class", bound=type)
# Where a class says so.
NEWER = "__pyerlnode_newer__"


def newest(cls: _Class) -> _Class:
    """`cls`, or the class that has taken its place."""
    newer = cls.__dict__.get(NEWER)
    while newer is not None:
        cls, newer = newer, newer.__dict__.get(NEWER)
    return cls


def supersede(old: type, new: type) -> None:
    """Let `new` be started where `old` is meant."""
    setattr(old, NEWER, new)
