"""What one node knows of names and nodes: whom it shares its names with, and what becomes of both.

How nodes come to share their names is in joining.py, what happens when one goes in parting.py,
who waits for it in waiting.py; the tables themselves are in tables.py.

Source: global.erl of OTP 25, 27 and 29.
Proof: tests/services/test_global_mesh.py, interop/test_global.py.
"""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

from pyerlnode.protocol.control import RegSend, Send
from pyerlnode.services.global_.joining import VERSION, Joining
from pyerlnode.services.global_.locks import NAME
from pyerlnode.services.global_.parting import Parting
from pyerlnode.services.global_.tables import Tables
from pyerlnode.services.global_.waiting import Waiting
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyerlnode.node import Node, NodeEvent
    from pyerlnode.process import Process

__all__ = ["Global"]

logger = logging.getLogger("pyerlnode.global")

_CAST, _IN_SYNC, _EXTRA_NODEDOWN = Atom("$gen_cast"), Atom("in_sync"), Atom("extra_nodedown")


class Global:
    """The member of `global` that one node is; `process` is its server's."""

    def __init__(self, node: Node, *, connect_all: bool, prevent_overlapping_partitions: bool) -> None:
        self.node = node
        self.runtime = node.runtime
        self.tables = Tables(self.runtime)
        self.process: Process
        self.locker: Process
        self.registrar: Process
        self.connect_all = connect_all
        self.prevent_overlapping_partitions = prevent_overlapping_partitions
        # Nodes that have the same names as this one, with the version that they speak.
        self.known: dict[Atom, int] = {}
        # Connected nodes, each with a number of this connection.
        self.connections: dict[Atom, int] = {}
        self.joining = Joining(self)
        self.parting = Parting(self)
        self.waiting = Waiting(self.runtime)
        self._numbers = itertools.count(1)

    @property
    def own(self) -> Atom:
        """This node."""
        return self.runtime.name

    def number(self) -> int:
        """A number that no connection, attempt or news of this node has had."""
        return next(self._numbers)

    # --- sending --------------------------------------------------------------------------

    def cast(self, node: Atom, request: Term) -> None:
        """Cast to the `global` of a node, if there is a connection."""
        self.tell(node, (_CAST, request))

    def tell(self, node: Atom, message: Term) -> None:
        """Send to the `global` of a node, if there is a connection."""
        self.runtime.signal_if_connected(node, RegSend(self.process.pid, NAME, message))

    def send_if_connected(self, pid: Pid, message: Term) -> None:
        """Send to a process of another node."""
        self.runtime.signal_if_connected(pid.node, Send(self.process.pid, pid, message))

    def cast_self(self, request: Term) -> None:
        """Do something after everything that has arrived already."""
        self.process.put((_CAST, request))

    def multicast(self, message: Term, except_for: Atom) -> None:
        """Send to all that are known or about to be."""
        for node in {**self.joining.pending, **self.known}:
            if node != except_for:
                self.tell(node, message)

    # --- the mesh -------------------------------------------------------------------------

    def observe(self, event: NodeEvent) -> None:
        """Let the server hear of visible nodes; before anything that they send."""
        if event.visible:
            self.process.put((event.kind, event.node))

    def nodeup(self, node: Atom) -> None:
        """A connection."""
        self.connections[node] = self.number()
        if self.connect_all:
            self.joining.begin(node)

    def with_versions(self, nodes: Iterable[Term]) -> list[tuple[Atom, int]]:
        """Nodes as others list them, `Node` or `{Node, Version}`, all in the second form."""
        listed: list[tuple[Atom, int]] = []
        for item in nodes:
            match item:
                case Atom():
                    listed.append((item, self.version_of(item)))
                case (Atom() as node, int() as version):
                    listed.append((node, version or self.version_of(node)))
        return listed

    def version_of(self, node: Atom) -> int:
        """What a node speaks, 0 if that is not known."""
        return VERSION if node == self.own else self.known.get(node) or self.joining.pending.get(node, 0)

    def add_known(self, nodes: list[tuple[Atom, int]]) -> list[Atom]:
        """Enter nodes that have the same names from now on; those that are new."""
        added = []
        for node, version in nodes:
            if node == self.own:
                continue
            if node not in self.known:
                added.append(node)
                self.known[node] = version
            elif self.known[node] == 0:
                self.known[node] = version
        return added

    def new_nodes(self, operations: list[Term], external: list[Term], nodes: list[Term], lock: Term) -> None:
        """A known node has joined with others."""
        added = self.add_known(self.with_versions(nodes))
        self.connect(added)
        self.operate(operations, external, lock)
        self.locker.put(("add_to_known", added))

    def connect(self, nodes: list[Atom]) -> None:
        """Connect to nodes that a known node knows, and say there that it needs no exchange."""
        for node in nodes:
            if node != self.own:
                self.runtime.spawn(self._connect(node))

    async def _connect(self, node: Atom) -> None:
        distribution = self.runtime.distribution
        assert distribution is not None
        if distribution.is_connected(node) or await self.node.connect(node):
            self.cast(node, (_IN_SYNC, self.own, True))
        else:
            logger.warning("global at %s failed to connect to %s", self.own, node)
            self.process.put((_EXTRA_NODEDOWN, node))

    def in_sync(self, node: Atom) -> None:
        """A node that is known by way of others is connected."""
        self.waiting.synced(node)
        self.joining.end_attempt(node, None)

    # --- names ----------------------------------------------------------------------------

    def operate(self, operations: list[Term], external: list[Term], lock: Term) -> None:
        """Take over names, those of processes of C nodes with the node that registered them."""
        deleted: list[Term] = []
        for operation in operations:
            match operation:
                case ("insert", (name, Pid() as pid, how)):
                    self.insert(name, pid, how, None, lock)
                case ("delete", name):
                    deleted.append(name)
        for entry in external:
            match entry:
                case (name, Pid() as pid, Atom() as where) if self.tables.where(name) == pid:
                    self.tables.external[name] = (pid, where)
        for name in deleted:
            self.tables.delete(name)

    def insert(self, name: Term, pid: Pid, how: Term, by: Pid | None, lock: Term = None) -> None:
        """Give a name to a process, if who orders it still holds the lock."""
        self.tables.insert(name, pid, how)
        if not self.tables.lock_still_set(by, lock):
            self.tables.delete(name)
