"""A node on the network: sockets, EPMD, connections, and the `Node` that owns them."""

from __future__ import annotations

from pyerlnode.node.config import NodeConfig, NodeSettings
from pyerlnode.node.node import Node
from pyerlnode.node.router import NodeEvent

__all__ = ["Node", "NodeConfig", "NodeEvent", "NodeSettings"]
