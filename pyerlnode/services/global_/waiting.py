"""Who waits until all nodes have the same names: `global:sync`.

Source: global(3), sync/0; global.erl of OTP 27.
Proof: tests/services/test_global_mesh.py, interop/test_global.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.node.router import NODEDOWN
from pyerlnode.otp import GenServer
from pyerlnode.process import receive, this_process
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyerlnode.process import Process, Runtime

__all__ = ["Waiting"]

_OK = Atom("ok")


class Waiting:
    """The nodes that are synced, and a process for each that waits for some."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.nodes: set[Atom] = set()
        self.syncers: list[Process] = []

    def sync(self, nodes: Iterable[Atom], caller: tuple[Pid, Term]) -> None:
        """Reply when all of `nodes` are synced, or gone."""
        missing = {node for node in nodes if node not in self.nodes and node != self.runtime.name}
        self.syncers.append(self.runtime.spawn(self._sync(missing, caller)))

    async def _sync(self, missing: set[Atom], caller: tuple[Pid, Term]) -> None:
        process = this_process()
        for node in missing:
            self.runtime.watch_node(process, node, True)
        watched = set(missing)
        while missing:
            match await receive():
                case ("nodedown" | "synced", node):
                    missing.discard(node)
        for node in watched:
            self.runtime.watch_node(process, node, False)
        self.syncers.remove(process)
        GenServer.reply(caller, _OK)

    def synced(self, node: Atom) -> None:
        """A node has the same names from now on."""
        self.nodes.add(node)
        for syncer in self.syncers:
            syncer.put(("synced", node))

    def lost(self, node: Atom) -> None:
        """A node cannot be connected to."""
        for syncer in self.syncers:
            syncer.put((NODEDOWN, node))

    def forget(self, node: Atom) -> None:
        """A node is not synced any more; who waits for it hears so from its monitor."""
        self.nodes.discard(node)
