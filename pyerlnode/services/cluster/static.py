"""Nodes whose names are known from the start (libcluster's strategy Epmd).

Proof: tests/services/cluster/test_cluster.py.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyerlnode.protocol.names import split_name
from pyerlnode.services.cluster.strategy import texts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Sequence

__all__ = ["Static"]


class Static:
    """`Static(["kate@host", "alex@host"])`; this node may be among them, so that all have one list."""

    def __init__(self, nodes: Sequence[str]) -> None:
        """ConfigError for what is no node name."""
        self.nodes = texts("nodes", nodes)
        for node in self.nodes:
            split_name(node)

    async def discover(self, own: str) -> AsyncGenerator[Collection[str], None]:
        yield self.nodes
        await asyncio.Event().wait()
