"""Process groups: the processes of all nodes that have joined a group, as OTP's `pg`.

    pg.join("workers", pid)                    # any term is a group, any number of times the same pid
    pg.get_members("workers")                  # of this node and of all visible ones that run the scope
    ref, members = pg.monitor("workers")       # then (ref, "join" | "leave", group, pids) in the mailbox

A scope is a process that is registered under the scope's name (`pg`, if nothing else is
said) on every node that takes part.  Scopes of one name find each other and exchange
what joins and leaves; when a node is lost, its members leave.  Nothing here waits, and
nothing that is sent to another scope makes a connection.

Source: pg(3).
Proof: tests/services/test_pg_scopes.py, interop/test_pg.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.services.pg import server
from pyerlnode.services.pg.api import (
    demonitor,
    get_local_members,
    get_members,
    join,
    leave,
    monitor,
    monitor_scope,
    start,
    which_groups,
    which_local_groups,
)
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.node import Node

__all__ = [
    "demonitor",
    "get_local_members",
    "get_members",
    "join",
    "leave",
    "monitor",
    "monitor_scope",
    "scope_service",
    "service",
    "start",
    "which_groups",
    "which_local_groups",
]


def service(node: Node) -> None:
    """Start the scope `pg` on a node: for `Node(services=...)`."""
    server.start(node.runtime, server.PG)


def scope_service(scope: str) -> Callable[[Node], None]:
    """The same for another scope: `scope_service("Elixir.Phoenix.PubSub")`."""

    def start_scope(node: Node) -> None:
        server.start(node.runtime, Atom(scope))

    return start_scope
