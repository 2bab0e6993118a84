"""How a node goes: what is forgotten of it, and that no two partitions overlap.

A node that loses a connection tells all others (`lost_connection`).  They disconnect from
the lost one too (`remove_connection`), unless it is known to be gone: without that, two
partitions that overlap would hold different names.

Source: global.erl of OTP 25, 27 and 29; global(3), "prevent_overlapping_partitions".
Proof: tests/services/test_global_mesh.py, interop/test_global.py.
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from pyerlnode.term import Atom, Reference, Term

if TYPE_CHECKING:
    from pyerlnode.services.global_.member import Global

__all__ = ["Parting"]

logger = logging.getLogger("pyerlnode.global")

_LOST_CONNECTION, _REMOVE_CONNECTION = Atom("lost_connection"), Atom("remove_connection")
_PART, _FORGET_LOST = Atom("part"), Atom("forget_lost_connection")

# What became of a node that is not known any more.
_DISCONNECTED, _REMOVED, _IGNORED = "disconnected", "removed", "ignored"
# A node that stops closes all its connections at once: for so many seconds the news of one of them
# must not be taken for more than that.
_MOMENT = 0.05
# How long (seconds) a lost connection is remembered, so that its news are passed on once.
_REMEMBER_LOST = 3600.0


class Parting:
    """The connections that a member has lost, gives up, or was told of."""

    def __init__(self, member: Global) -> None:
        self.member = member
        # Nodes that are being disconnected.
        self.removing: set[Atom] = set()
        # (node that lost, lost node) -> creation and number of the news, timer.
        self.lost: dict[tuple[Atom, Atom], tuple[int, int, Reference]] = {}
        # Tells this life of the node from others with the same creation.
        self._creation = random.getrandbits(27) << 32 | member.runtime.creation

    def nodedown(self, node: Atom) -> None:
        """A connection is lost."""
        self.forget(node, _DISCONNECTED)
        self.member.connections.pop(node, None)

    def extra_nodedown(self, node: Atom) -> None:
        """A node that a known node knows cannot be connected to."""
        self.member.waiting.lost(node)
        self.nodedown(node)

    def forget(self, node: Atom, why: str) -> None:
        """A node is not known any more."""
        member = self.member
        member.joining.cancel(node, member.joining.my_tag(node))
        member.locker.put(("remove_from_known", node))
        member.joining.reset(node)
        if why == _REMOVED:
            self.removing.add(node)
            # Where a connection is only about to be made nothing ends, so no monitor takes them away.
            # What stays here would be no news when the node joins again, and be told to nobody.
            member.tables.drop_node(node)
        elif why == _DISCONNECTED and node not in self.removing:
            self.inform(node)
        else:
            self.removing.discard(node)
        member.joining.pending.pop(node, None)
        member.known.pop(node, None)
        member.waiting.forget(node)

    def inform(self, node: Atom) -> None:
        """Tell all others that the connection to `node` is lost."""
        member = self.member
        if member.connect_all and member.prevent_overlapping_partitions:
            number = member.number()
            member.multicast((_LOST_CONNECTION, member.own, self._creation, number, node), node)

    def lost_connection(self, loser: Atom, creation: int, number: int, lost: Atom, message: Term) -> None:
        """A node has lost the connection to another one: so must everybody, passing it on."""
        member = self.member
        if not (member.connect_all and member.prevent_overlapping_partitions):
            return
        seen = self.lost.get((loser, lost))
        if seen is not None and seen[0] == creation and number <= seen[1]:
            return
        member.multicast(message, loser)
        self.remember_lost(loser, lost, creation, number)
        node = loser if lost == member.own else lost
        if node in member.known or node in member.joining.pending:
            part = (_PART, node, member.connections.get(node, 0))
            member.runtime.call_later(_MOMENT, member.process.put, part)

    def part(self, node: Atom, connection: int) -> None:
        """Disconnect from a node that another one has lost, if it still is as it was then."""
        member = self.member
        if member.connections.get(node, 0) != connection:
            return
        if node not in member.known and node not in member.joining.pending:
            return
        member.tell(node, (_REMOVE_CONNECTION, member.own))
        self.prevented("requested disconnect from", node)
        self.forget(node, _REMOVED)

    def remember_lost(self, loser: Atom, lost: Atom, creation: int, number: int) -> None:
        """Know this news when it comes again."""
        member = self.member
        old = self.lost.get((loser, lost))
        if old is not None:
            member.runtime.timers.cancel(old[2])
        timer = member.runtime.make_ref()
        member.runtime.timers.start(
            timer, _REMEMBER_LOST, member.process.pid, (_FORGET_LOST, timer, loser, lost)
        )
        self.lost[loser, lost] = (creation, number, timer)

    def forget_lost(self, timer: Reference, loser: Atom, lost: Atom) -> None:
        """It is long ago."""
        seen = self.lost.get((loser, lost))
        if seen is not None and seen[2] == timer:
            del self.lost[loser, lost]

    def remove_connection(self, node: Atom) -> None:
        """A node wants to be rid of this one."""
        member = self.member
        if node not in member.known and node not in member.joining.pending:
            if node in self.removing:  # and this one of it: neither would do it
                member.node.disconnect(node)
            return
        self.forget(node, _REMOVED)
        self.prevented("disconnected", node)
        member.node.disconnect(node)

    def prevented(self, what: str, node: Atom) -> None:
        """Say why a connection is closed."""
        logger.warning(
            "global at %s %s %s in order to prevent overlapping partitions", self.member.own, what, node
        )

    def disconnect(self) -> list[Atom]:
        """Leave everybody, who will not take it for a failure of the network."""
        nodes = list(self.member.connections)
        for node in nodes:
            self.forget(node, _IGNORED)
            self.removing.add(node)
            self.member.node.disconnect(node)
        return nodes
