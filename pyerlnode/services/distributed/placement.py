"""Which node a child runs on.

`hash`: each member draws a number out of the child's id and its own node's name, and the highest
one has it (rendezvous hashing).  All nodes come to the same result without asking, and when one
is lost only its own children move.  `random`: any of them.

Proof: tests/services/distributed/test_placement.py.
"""

from __future__ import annotations

import random
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyerlnode.term import Pid

__all__ = ["DISTRIBUTIONS", "ranked"]

DISTRIBUTIONS: Final = ("hash", "random")


def ranked(members: Iterable[Pid], key: bytes, distribution: str = "hash") -> list[Pid]:
    """The members in the order in which they are asked to run the child with this key."""
    if distribution == "random":
        return sorted(members, key=lambda _: random.random())
    return sorted(members, key=lambda member: _weight(member.node, key), reverse=True)


def _weight(node: str, key: bytes) -> bytes:
    return blake2b(key, key=blake2b(node.encode(), digest_size=16).digest(), digest_size=16).digest()
