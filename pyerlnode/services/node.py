"""A node with everything that other nodes expect to find on one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.node import Node as PlainNode
from pyerlnode.services import DEFAULT_SERVICES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from pyerlnode.node import NodeConfig, NodeSettings
    from pyerlnode.node.node import Service


class Node(PlainNode):
    """`pyerlnode.node.Node` that starts the default services, unless others are given."""

    def __init__(
        self,
        name: str | NodeConfig,
        cookie: str | None = None,
        *,
        services: Sequence[Service] = DEFAULT_SERVICES,
        **settings: Unpack[NodeSettings],
    ) -> None:
        """See `pyerlnode.node.Node`."""
        super().__init__(name, cookie, services=services, **settings)
