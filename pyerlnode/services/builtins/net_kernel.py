"""`net_kernel`, `net_adm`, and Elixir's `Node`: the node among the others.

Source: net_kernel(3), net_adm(3) of OTP's kernel; Node of Elixir.
Proof: tests/services/test_net_kernel.py.
"""

from __future__ import annotations

from typing import Any

import pyerlnode.process as processes
from pyerlnode.services import net_adm as adm
from pyerlnode.services import net_kernel as kernel
from pyerlnode.services.builtins.erlang import nodes
from pyerlnode.services.local import local_node
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Term

net_kernel, net_adm, elixir_node = (
    BuiltinModule(":net_kernel"),
    BuiltinModule(":net_adm"),
    BuiltinModule("Node"),
)

_VISIBLE = Atom("visible")


@net_kernel.export
def nodes_info() -> Term:
    return (Atom("ok"), kernel.nodes_info())


@net_kernel.export
def node_info(node: Atom) -> Term:
    found = kernel.node_info(node)
    return (Atom("error"), Atom("bad_node")) if found is None else (Atom("ok"), found)


@net_kernel.export
def get_net_ticktime() -> int:
    return round(local_node().config.net_ticktime)


@net_kernel.export
def longnames() -> bool:
    return "." in local_node().name.partition("@")[2]


@net_kernel.export
def monitor_nodes(flag: bool, options: Any = None) -> Term:
    return kernel.monitor_nodes(flag, options)


@net_kernel.export
@elixir_node.export("connect")
async def connect_node(node: Atom) -> bool:
    return await local_node().connect(node)


@net_kernel.export
@elixir_node.export("disconnect")
def disconnect(node: Atom) -> bool:
    return local_node().disconnect(node)


@net_adm.export
@elixir_node.export
async def ping(node: Atom) -> Atom:
    return await adm.ping(node)


@elixir_node.export("alive?")
def is_alive() -> bool:
    return local_node().is_alive


@elixir_node.export("self")
def name() -> Atom:
    return processes.node()


@elixir_node.export("list")
def listed(kind: Any = _VISIBLE) -> list[Atom]:
    return nodes(kind)
