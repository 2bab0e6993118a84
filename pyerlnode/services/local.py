"""Which node a process belongs to: for functions that are about the node as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.errors import UsageError
from pyerlnode.process import current_process, this_process
from pyerlnode.process.per_runtime import PerRuntime

if TYPE_CHECKING:
    from pyerlnode.node import Node

__all__ = ["has_node", "local_node", "remember"]

_nodes: PerRuntime[Node] = PerRuntime()


def remember(node: Node) -> None:
    """From now on `local_node` gives `node` in its processes."""
    _nodes[node.runtime] = node


def has_node() -> bool:
    """Whether the caller's runtime belongs to a node."""
    process = current_process.get()
    return process is not None and process.runtime in _nodes


def local_node() -> Node:
    """The node that the caller runs in; UsageError in a runtime without one."""
    node = _nodes.get(this_process().runtime)
    if node is None:
        raise UsageError("this runtime belongs to no node")
    return node
