"""How a node comes to agree with another one: the attempt to join, step by step.

When two nodes connect, each invents a tag for what follows, so that what belongs to an
earlier attempt can be told from it, and sends

    {'$gen_cast', {init_connect, {8, Tag}, Node, {locker, _, _, Locker}}}

Then the lockers lock both partitions (locker.py), and both servers exchange

    {init_connect_ack, Node, YourTag, MyTag}
    {'$gen_cast', {exchange, Node, Names, [], YourTag}}
    {'$gen_cast', {resolved, Node, OperationsForYou, MyKnown, unused, External, YourTag}}

Each connects to what the other knows (`in_sync`) and tells what it knew before of the
new nodes and names (`new_nodes`).  After that the two know each other.  Any step that
carries a wrong tag cancels the attempt (`cancel_connect`) and it begins anew.

Two nodes that begin to join may become known to each other by way of a third one meanwhile.
What is still under way of their attempt then is ignored here.  OTP's `global` begins anew, which
makes it forget the other's names, and then does not, as the other is known: the names are
lost there until the connection is.

Source: global.erl of OTP 25, 27 and 29.
Proof: tests/services/test_global_mesh.py, interop/test_global.py.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pyerlnode.process import KILLED
from pyerlnode.services.global_.locker import Him
from pyerlnode.services.global_.locks import NAME
from pyerlnode.services.global_.resolve import resolve_conflicts
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.process import Process
    from pyerlnode.services.global_.member import Global

__all__ = ["VERSION", "Joining"]

logger = logging.getLogger("pyerlnode.global")

VERSION: Final = 8

_CAST = Atom("$gen_cast")
_UNUSED, _UNDEFINED = Atom("unused"), Atom("undefined")
_INIT_CONNECT, _INIT_CONNECT_ACK = Atom("init_connect"), Atom("init_connect_ack")
_CANCEL_CONNECT, _EXCHANGE, _RESOLVED = Atom("cancel_connect"), Atom("exchange"), Atom("resolved")
_EXCHANGE_OPS, _NEW_NODES = Atom("exchange_ops"), Atom("new_nodes")
_LOCKER, _NO_PID, _CONNECTION_ID = Atom("locker"), Atom("no_longer_a_pid"), Atom("connection_id")
_VSN, _LOCK = Atom("vsn"), Atom("lock")


class Attempt:
    """What is known of the attempt to join with one node."""

    __slots__ = ("his_names", "his_tag", "lock_id", "locked", "my_tag", "operations", "resolved", "version")

    def __init__(self) -> None:
        self.my_tag: int | None = None
        self.his_tag: Term = _UNDEFINED
        self.version = VERSION
        self.lock_id: Term = _UNDEFINED
        self.locked = False  # both partitions are
        self.his_names: list[Term] | None = None
        self.operations: list[Term] | None = None  # for us, by our resolver
        self.resolved: tuple[list[Term], list[Term], list[Term]] | None = None  # by his, with what he knows


class Joining:
    """The attempts of a member to join with others; one that is over leaves nothing here."""

    def __init__(self, member: Global) -> None:
        self.member = member
        # Nodes whose init_connect was answered, with the version that they speak.
        self.pending: dict[Atom, int] = {}
        self.attempts: dict[Atom, Attempt] = {}
        # Nodes that an init_connect was sent to: its tag, and the process that compares names once they came.
        self.resolvers: dict[Atom, tuple[int, Process | None]] = {}
        # init_connects that came too early.
        self.early: dict[Atom, Term] = {}

    def begin(self, node: Atom) -> None:
        """Begin to join, unless that is done or begun."""
        member = self.member
        if node in member.known or node in self.resolvers:
            return
        early = self.early.pop(node, None)
        if early is not None:
            member.cast_self(early)
        tag = self.attempt(node).my_tag = member.number()
        connections: dict[Term, Term] = {
            (_CONNECTION_ID, other): number for other, number in member.connections.items()
        }
        locker = (_LOCKER, _NO_PID, {**connections, **member.known}, member.locker.pid)
        member.cast(node, (_INIT_CONNECT, (VERSION, tag), member.own, locker))
        self.resolvers[node] = (tag, None)

    def attempt(self, node: Atom) -> Attempt:
        """The attempt to join with a node."""
        return self.attempts.setdefault(node, Attempt())

    def is_current(self, node: Atom, tag: Term) -> bool:
        """Whether a message that carries our tag belongs to the attempt that goes on."""
        attempt = self.attempts.get(node)
        return attempt is not None and attempt.my_tag is not None and attempt.my_tag == tag

    def my_tag(self, node: Atom) -> int | None:
        """The tag of the attempt with a node."""
        attempt = self.attempts.get(node)
        return None if attempt is None else attempt.my_tag

    # --- one attempt, step by step --------------------------------------------------------

    def init_connect(self, version: int, his_tag: Term, node: Atom, init: tuple[Term, ...]) -> None:
        """The other side begins, too."""
        member = self.member
        if version < VERSION:
            logger.error(
                "%s speaks version %s of global, %s is wanted: disconnecting", node, version, VERSION
            )
            member.node.disconnect(node)
        elif node in member.known and (node in self.pending or node in self.resolvers):
            pass  # known by way of others meanwhile, who tell him too
        elif node in self.pending:
            # He has begun anew, and this side has not noticed why.
            member.tell(node, (_CANCEL_CONNECT, member.own, his_tag))
            self.restart(node, self.my_tag(node))
        elif node not in self.resolvers:
            self.early[node] = (_INIT_CONNECT, (version, his_tag), node, init)
        else:
            attempt, locker = self.attempt(node), init[3]
            assert attempt.my_tag is not None and isinstance(locker, Pid)
            attempt.his_tag = his_tag
            member.locker.put(("his_the_locker", Him(locker, attempt.my_tag, his_tag)))
            member.tell(node, (_INIT_CONNECT_ACK, member.own, his_tag, attempt.my_tag))
            self.pending[node] = version

    def init_connect_ack(self, node: Atom, my_tag: Term, his_tag: Term) -> None:
        """The other side has seen the init_connect of ours, which must be that of this attempt."""
        member = self.member
        attempt = self.attempts.get(node)
        if self.is_current(node, my_tag) and attempt is not None and attempt.his_tag == his_tag:
            return
        if node in member.known:
            return  # it is of an attempt that is over, and nothing is missing
        member.tell(node, (_CANCEL_CONNECT, member.own, his_tag))
        self.restart(node, self.my_tag(node))

    def lock_set(self, locker: Pid, message: Term, tag: Term) -> None:
        """The other locker says that it has locked its partition."""
        if self.is_current(locker.node, tag):
            self.member.locker.put(message)

    def lock_is_set(self, node: Atom, tag: int, lock_id: Term) -> None:
        """Our locker says that both partitions are locked."""
        member = self.member
        if not self.is_current(node, tag):
            self.cancel(node, tag)
            return
        attempt = self.attempt(node)
        names = [(entry.name, entry.pid, entry.method) for entry in member.tables.names.values()]
        member.cast(node, (_EXCHANGE, member.own, names, [], attempt.his_tag))
        attempt.lock_id, attempt.locked = lock_id, True
        self.compare_names(node, attempt)

    def exchange(self, node: Atom, names: list[Term], tag: Term) -> None:
        """The other's names have come."""
        if not self.is_current(node, tag):
            self.cancel(node, tag)
            return
        attempt = self.attempt(node)
        attempt.his_names = names
        self.compare_names(node, attempt)

    def compare_names(self, node: Atom, attempt: Attempt) -> None:
        """Look for conflicts, in a process of its own: resolve functions may take their time."""
        names, resolver = attempt.his_names, self.resolvers.get(node)
        if not attempt.locked or names is None or resolver is None:
            return
        attempt.locked, attempt.his_names = False, None
        tag, _ = resolver
        self.resolvers[node] = (tag, self.member.runtime.spawn(self._compare(node, tag, names)))

    async def _compare(self, node: Atom, tag: int, names: list[Term]) -> None:
        try:
            here, there = await resolve_conflicts(self.member.tables, node, names)
        except Exception:
            # The lock must not stay; the nodes begin anew.
            logger.exception("names of %s could not be compared", node)
            self.member.process.put((_CANCEL_CONNECT, node, tag))
        else:
            self.member.cast_self((_EXCHANGE_OPS, node, tag, here, there))

    def exchange_ops(self, node: Atom, tag: int, here: list[Term], there: list[Term]) -> None:
        """Conflicts are resolved, as far as it is up to this side."""
        member = self.member
        if not self.is_current(node, tag):
            self.cancel(node, tag)
            return
        attempt = self.attempt(node)
        external = [(name, pid, where) for name, (pid, where) in member.tables.external.items()]
        known = list(member.known.items())
        member.cast(node, (_RESOLVED, member.own, there, known, _UNUSED, external, attempt.his_tag))
        attempt.operations = here
        self.join(node, attempt)

    def resolved(
        self, node: Atom, operations: list[Term], known: list[Term], external: list[Term], tag: Term
    ) -> None:
        """The same, from the other side."""
        if not self.is_current(node, tag):
            self.cancel(node, tag)
            return
        attempt = self.attempt(node)
        attempt.resolved = (operations, known, external)
        self.join(node, attempt)

    def join(self, node: Atom, attempt: Attempt) -> None:
        """When both are done: take over the names, connect to whom he knows, tell whom we knew."""
        member = self.member
        if attempt.operations is None or attempt.resolved is None:
            return
        his, his_known, external = attempt.resolved
        operations = [*attempt.operations, *his]
        new = member.with_versions([node, *his_known])
        his_nodes = [other for other, _ in new[1:]]
        member.connect(his_nodes)
        extra = [(_VSN, attempt.version), (_LOCK, attempt.lock_id)]
        member.operate(operations, external, attempt.lock_id)
        member.waiting.synced(node)
        for other in his_nodes:
            self.end_attempt(other, None)
        news = (_CAST, (_NEW_NODES, member.own, operations, external, new, extra))
        before = list(member.known)
        self.end_attempt(node, lambda: self.publish(before, news))
        member.locker.put(("add_to_known", member.add_known(new)))

    def publish(self, nodes: list[Atom], news: Term) -> None:
        """Tell nodes that were known before of those that are new; connects where it must."""
        member = self.member
        for node in nodes:
            if node in member.known:
                member.runtime.send((NAME, node), news, member.process)

    def end_attempt(self, node: Atom, last: Callable[[], None] | None) -> None:
        """There is nothing more to be done to join with a node."""
        self.pending.pop(node, None)
        self.cancel(node, self.my_tag(node), last)
        self.reset(node)

    # --- an attempt fails -----------------------------------------------------------------

    def cancel(self, node: Atom, tag: Term, last: Callable[[], None] | None = None) -> None:
        """Give up what was begun under `tag`; `last` is what the locker does before it unlocks."""
        member = self.member
        member.locker.put(("cancel", node, tag, last))
        if node in self.pending and self.is_current(node, tag):
            member.tell(node, (_CANCEL_CONNECT, member.own, self.attempt(node).his_tag))
        resolver = self.resolvers.get(node)
        if resolver is not None and resolver[0] == tag:
            del self.resolvers[node]
            if resolver[1] is not None:
                resolver[1].die(KILLED)

    def reset(self, node: Atom) -> None:
        """Forget what has come from a node."""
        self.attempts.pop(node, None)
        self.early.pop(node, None)

    def restart(self, node: Atom, tag: int | None) -> None:
        """Begin anew, if something was begun."""
        self.cancel(node, tag)
        self.reset(node)
        self.pending.pop(node, None)
        self.member.tables.drop_node(node)
        if tag is not None:
            self.begin(node)

    def cancel_connect(self, node: Atom, tag: Term) -> None:
        """The other side has given up."""
        if self.is_current(node, tag):
            mine = self.my_tag(node)
            self.cancel(node, mine)
            self.reset(node)
            self.pending.pop(node, None)
            if node not in self.member.known:
                self.restart(node, mine)
