"""Names and locks that hold on all nodes of a cluster, as OTP's `global`.

    async with Node("kate@localhost", services=[*DEFAULT_SERVICES, global_.service]):
        await global_.register_name(Atom("printer"), pid)
        await GenServer.call(("global", Atom("printer")), request)

A node with this service is a full member: it keeps all names, takes part in every lock
and is in the mesh (it connects to whom the others know).  A visible node without it is
silent towards `global`, which harms nobody.

A name is any term; a `str` is a binary, as everywhere: Elixir's `:printer` is `Atom("printer")`.

    register_name, re_register_name, unregister_name, whereis_name, registered_names, send
    set_lock, del_lock, trans
    sync, disconnect

Changing a name or a lock asks every known node, so those functions wait; they run in the
calling process.  Looking a name up is local.

Source: global(3), global.erl of OTP's kernel.
Proof: tests/services/test_global_*.py, interop/test_global.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.services.global_ import server
from pyerlnode.services.global_.api import (
    GlobalNames,
    del_lock,
    disconnect,
    re_register_name,
    register_name,
    registered_names,
    send,
    set_lock,
    sync,
    trans,
    unregister_name,
    whereis_name,
)
from pyerlnode.services.global_.exports import GLOBAL_MODULE
from pyerlnode.services.global_.tables import GLOBAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.node import Node

__all__ = [
    "GLOBAL_MODULE",
    "GlobalNames",
    "configured",
    "del_lock",
    "disconnect",
    "re_register_name",
    "register_name",
    "registered_names",
    "send",
    "service",
    "set_lock",
    "sync",
    "trans",
    "unregister_name",
    "whereis_name",
]


def service(node: Node) -> None:
    """Make a node a member of `global`: for `Node(services=...)`, behind `modules.service`."""
    config = node.config
    _start(
        node,
        connect_all=config.connect_all,
        prevent_overlapping_partitions=config.prevent_overlapping_partitions,
    )


def configured(
    *, connect_all: bool = True, prevent_overlapping_partitions: bool = True
) -> Callable[[Node], None]:
    """The service with other settings, named as those of OTP's kernel; all nodes must have the same.

    Without `connect_all` a node has only its own names.
    """

    def start(node: Node) -> None:
        _start(node, connect_all=connect_all, prevent_overlapping_partitions=prevent_overlapping_partitions)

    return start


def _start(node: Node, *, connect_all: bool, prevent_overlapping_partitions: bool) -> None:
    member = server.start(
        node, connect_all=connect_all, prevent_overlapping_partitions=prevent_overlapping_partitions
    )
    node.runtime.name_hooks[GLOBAL] = GlobalNames(member)
