"""Nodes of the test's own cluster: one EPMD port, one cookie, closed at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from node_tools import free_port

from pyerlnode.node import Node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@pytest.fixture
def epmd_port() -> int:
    return free_port()


@pytest.fixture
async def start_node(epmd_port: int) -> AsyncIterator[Callable[..., Awaitable[Node]]]:
    """Starts a node named `NAME@localhost`; settings as of Node."""
    nodes: list[Node] = []

    async def start(name: str, cookie: str = "secret", **settings: Any) -> Node:
        settings.setdefault("epmd_port", epmd_port)
        settings.setdefault("net_setuptime", 5.0)
        node = Node(name if "@" in name else f"{name}@localhost", cookie, **settings)
        nodes.append(node)
        await node.start()
        return node

    yield start
    for node in reversed(nodes):
        await node.stop()
