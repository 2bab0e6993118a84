"""`global_name_server`: what one node knows of names and nodes, and how it comes to agree with the others.

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

A node that loses a connection tells all others (`lost_connection`).  They disconnect from
the lost one too (`remove_connection`), unless it is known to be gone: without that, two
partitions that overlap would hold different names.

All of it is done in the process of the server, message by message; nothing waits.

Source: global.erl of OTP 25, 27 and 29; global(3), "prevent_overlapping_partitions".
Proof: tests/services/test_global_mesh.py, interop/test_global.py.
"""

from __future__ import annotations

import itertools
import logging
import random
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import UsageError
from pyerlnode.node.router import NODEDOWN, NODEUP
from pyerlnode.otp import GenServer, NoReply, Reply, proc_lib
from pyerlnode.otp.dispatch import handlers_of
from pyerlnode.otp.server import Server
from pyerlnode.process import KILLED, receive, this_process
from pyerlnode.process.links import Links
from pyerlnode.protocol.control import RegSend, Send
from pyerlnode.services.global_.locker import Him, Locker
from pyerlnode.services.global_.locks import NAME, Registrar
from pyerlnode.services.global_.resolve import resolve_conflicts
from pyerlnode.services.global_.tables import GLOBAL, Tables
from pyerlnode.term import Atom, Pid, Reference, Term, to_elixir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyerlnode.node import Node, NodeEvent
    from pyerlnode.process import Process

__all__ = ["Global", "GlobalServer", "start"]

logger = logging.getLogger("pyerlnode.global")

VERSION: Final = 8

_CAST = Atom("$gen_cast")
_OK, _YES, _UNUSED = Atom("ok"), Atom("yes"), Atom("unused")
_ERROR, _NOTSUP, _UNDEFINED = Atom("error"), Atom("notsup"), Atom("undefined")
_INIT_CONNECT, _INIT_CONNECT_ACK = Atom("init_connect"), Atom("init_connect_ack")
_CANCEL_CONNECT, _EXCHANGE, _RESOLVED = Atom("cancel_connect"), Atom("exchange"), Atom("resolved")
_EXCHANGE_OPS, _NEW_NODES, _IN_SYNC = Atom("exchange_ops"), Atom("new_nodes"), Atom("in_sync")
_LOCKER, _NO_PID, _CONNECTION_ID = Atom("locker"), Atom("no_longer_a_pid"), Atom("connection_id")
_VSN, _LOCK = Atom("vsn"), Atom("lock")
_LOST_CONNECTION, _REMOVE_CONNECTION = Atom("lost_connection"), Atom("remove_connection")
_PART = Atom("part")
_EXTRA_NODEDOWN, _FORGET_LOST = Atom("extra_nodedown"), Atom("forget_lost_connection")

# What became of a node that is not known any more.
_DISCONNECTED, _REMOVED, _IGNORED = "disconnected", "removed", "ignored"
# A node that stops closes all its connections at once: for so many seconds the news of one of them
# must not be taken for more than that.
_MOMENT = 0.05
# How long (seconds) a lost connection is remembered, so that its news are passed on once.
_REMEMBER_LOST = 3600.0


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
        # Nodes whose init_connect was answered.
        self.pending: dict[Atom, int] = {}
        self.synced: set[Atom] = set()
        self.syncers: list[Process] = []
        self.attempts: dict[Atom, Attempt] = {}
        # Nodes that an init_connect was sent to: its tag, and the process that compares names once they came.
        self.resolvers: dict[Atom, tuple[int, Process | None]] = {}
        # init_connects that came too early.
        self.early: dict[Atom, Term] = {}
        # Connected nodes, each with a number of this connection; those that are being disconnected.
        self.connections: dict[Atom, int] = {}
        self.removing: set[Atom] = set()
        # (node that lost, lost node) -> creation and number of the news, timer.
        self.lost: dict[tuple[Atom, Atom], tuple[int, int, Reference]] = {}
        self._numbers = itertools.count(1)
        # Tells this life of the node from others with the same creation.
        self._creation = random.getrandbits(27) << 32 | self.runtime.creation

    @property
    def own(self) -> Atom:
        """This node."""
        return self.runtime.name

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
        for node in {**self.pending, **self.known}:
            if node != except_for:
                self.tell(node, message)

    # --- nodes come -----------------------------------------------------------------------

    def observe(self, event: NodeEvent) -> None:
        """Let the server hear of visible nodes; before anything that they send."""
        if event.visible:
            self.process.put((event.kind, event.node))

    def nodeup(self, node: Atom) -> None:
        """A connection."""
        self.connections[node] = next(self._numbers)
        if self.connect_all:
            self.begin(node)

    def begin(self, node: Atom) -> None:
        """Begin to join, unless that is done or begun."""
        if node in self.known or node in self.resolvers:
            return
        early = self.early.pop(node, None)
        if early is not None:
            self.cast_self(early)
        tag = self.attempt(node).my_tag = next(self._numbers)
        connections: dict[Term, Term] = {
            (_CONNECTION_ID, other): number for other, number in self.connections.items()
        }
        locker = (_LOCKER, _NO_PID, {**connections, **self.known}, self.locker.pid)
        self.cast(node, (_INIT_CONNECT, (VERSION, tag), self.own, locker))
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
        if version < VERSION:
            logger.error(
                "%s speaks version %s of global, %s is wanted: disconnecting", node, version, VERSION
            )
            self.node.disconnect(node)
        elif node in self.known and (node in self.pending or node in self.resolvers):
            pass  # known by way of others meanwhile, who tell him too
        elif node in self.pending:
            # He has begun anew, and this side has not noticed why.
            self.tell(node, (_CANCEL_CONNECT, self.own, his_tag))
            self.restart(node, self.my_tag(node))
        elif node not in self.resolvers:
            self.early[node] = (_INIT_CONNECT, (version, his_tag), node, init)
        else:
            attempt, locker = self.attempt(node), init[3]
            assert attempt.my_tag is not None and isinstance(locker, Pid)
            attempt.his_tag = his_tag
            self.locker.put(("his_the_locker", Him(locker, attempt.my_tag, his_tag)))
            self.tell(node, (_INIT_CONNECT_ACK, self.own, his_tag, attempt.my_tag))
            self.pending[node] = version

    def init_connect_ack(self, node: Atom, my_tag: Term, his_tag: Term) -> None:
        """The other side has seen the init_connect of ours, which must be that of this attempt."""
        attempt = self.attempts.get(node)
        if self.is_current(node, my_tag) and attempt is not None and attempt.his_tag == his_tag:
            return
        if node in self.known:
            return  # it is of an attempt that is over, and nothing is missing
        self.tell(node, (_CANCEL_CONNECT, self.own, his_tag))
        self.restart(node, self.my_tag(node))

    def lock_set(self, locker: Pid, message: Term, tag: Term) -> None:
        """The other locker says that it has locked its partition."""
        if self.is_current(locker.node, tag):
            self.locker.put(message)

    def lock_is_set(self, node: Atom, tag: int, lock_id: Term) -> None:
        """Our locker says that both partitions are locked."""
        if not self.is_current(node, tag):
            self.cancel(node, tag)
            return
        attempt = self.attempt(node)
        names = [(entry.name, entry.pid, entry.method) for entry in self.tables.names.values()]
        self.cast(node, (_EXCHANGE, self.own, names, [], attempt.his_tag))
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
        self.resolvers[node] = (tag, self.runtime.spawn(self._compare(node, tag, names)))

    async def _compare(self, node: Atom, tag: int, names: list[Term]) -> None:
        try:
            here, there = await resolve_conflicts(self.tables, node, names)
        except Exception:
            # The lock must not stay; the nodes begin anew.
            logger.exception("names of %s could not be compared", node)
            self.process.put((_CANCEL_CONNECT, node, tag))
        else:
            self.cast_self((_EXCHANGE_OPS, node, tag, here, there))

    def exchange_ops(self, node: Atom, tag: int, here: list[Term], there: list[Term]) -> None:
        """Conflicts are resolved, as far as it is up to this side."""
        if not self.is_current(node, tag):
            self.cancel(node, tag)
            return
        attempt = self.attempt(node)
        external = [(name, pid, where) for name, (pid, where) in self.tables.external.items()]
        known = list(self.known.items())
        self.cast(node, (_RESOLVED, self.own, there, known, _UNUSED, external, attempt.his_tag))
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
        if attempt.operations is None or attempt.resolved is None:
            return
        his, his_known, external = attempt.resolved
        operations = [*attempt.operations, *his]
        new = self.with_versions([node, *his_known])
        his_nodes = [other for other, _ in new[1:]]
        self.connect(his_nodes)
        extra = [(_VSN, attempt.version), (_LOCK, attempt.lock_id)]
        self.operate(operations, external, attempt.lock_id)
        self.tell_syncers(node)
        for other in his_nodes:
            self.end_attempt(other, None)
        news = (_CAST, (_NEW_NODES, self.own, operations, external, new, extra))
        before = list(self.known)
        self.end_attempt(node, lambda: self.publish(before, news))
        self.locker.put(("add_to_known", self.add_known(new)))
        self.synced.add(node)

    def publish(self, nodes: list[Atom], news: Term) -> None:
        """Tell nodes that were known before of those that are new; connects where it must."""
        for node in nodes:
            if node in self.known:
                self.runtime.send((NAME, node), news, self.process)

    def end_attempt(self, node: Atom, last: Callable[[], None] | None) -> None:
        """There is nothing more to be done to join with a node."""
        self.pending.pop(node, None)
        self.cancel(node, self.my_tag(node), last)
        self.reset(node)

    # --- an attempt fails -----------------------------------------------------------------

    def cancel(self, node: Atom, tag: Term, last: Callable[[], None] | None = None) -> None:
        """Give up what was begun under `tag`; `last` is what the locker does before it unlocks."""
        self.locker.put(("cancel", node, tag, last))
        if node in self.pending and self.is_current(node, tag):
            self.tell(node, (_CANCEL_CONNECT, self.own, self.attempt(node).his_tag))
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
        self.tables.drop_node(node)
        if tag is not None:
            self.begin(node)

    def cancel_connect(self, node: Atom, tag: Term) -> None:
        """The other side has given up."""
        if self.is_current(node, tag):
            mine = self.my_tag(node)
            self.cancel(node, mine)
            self.reset(node)
            self.pending.pop(node, None)
            if node not in self.known:
                self.restart(node, mine)

    # --- the mesh -------------------------------------------------------------------------

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
        return VERSION if node == self.own else self.known.get(node) or self.pending.get(node, 0)

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
        self.tell_syncers(node)
        self.synced.add(node)
        self.end_attempt(node, None)

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

    # --- nodes go -------------------------------------------------------------------------

    def nodedown(self, node: Atom) -> None:
        """A connection is lost."""
        self.forget(node, _DISCONNECTED)
        self.connections.pop(node, None)

    def extra_nodedown(self, node: Atom) -> None:
        """A node that a known node knows cannot be connected to."""
        for syncer in self.syncers:
            syncer.put((NODEDOWN, node))
        self.nodedown(node)

    def forget(self, node: Atom, why: str) -> None:
        """A node is not known any more."""
        self.cancel(node, self.my_tag(node))
        self.locker.put(("remove_from_known", node))
        self.reset(node)
        if why == _REMOVED:
            self.removing.add(node)
            # Where a connection is only about to be made nothing ends, so no monitor takes them away.
            # What stays here would be no news when the node joins again, and be told to nobody.
            self.tables.drop_node(node)
        elif why == _DISCONNECTED and node not in self.removing:
            self.inform(node)
        else:
            self.removing.discard(node)
        self.pending.pop(node, None)
        self.known.pop(node, None)
        self.synced.discard(node)

    def inform(self, node: Atom) -> None:
        """Tell all others that the connection to `node` is lost."""
        if self.connect_all and self.prevent_overlapping_partitions:
            number = next(self._numbers)
            self.multicast((_LOST_CONNECTION, self.own, self._creation, number, node), node)

    def lost_connection(self, loser: Atom, creation: int, number: int, lost: Atom, message: Term) -> None:
        """A node has lost the connection to another one: so must everybody, passing it on."""
        if not (self.connect_all and self.prevent_overlapping_partitions):
            return
        seen = self.lost.get((loser, lost))
        if seen is not None and seen[0] == creation and number <= seen[1]:
            return
        self.multicast(message, loser)
        self.remember_lost(loser, lost, creation, number)
        node = loser if lost == self.own else lost
        if node in self.known or node in self.pending:
            part = (_PART, node, self.connections.get(node, 0))
            self.runtime.call_later(_MOMENT, self.process.put, part)

    def part(self, node: Atom, connection: int) -> None:
        """Disconnect from a node that another one has lost, if it still is as it was then."""
        if self.connections.get(node, 0) != connection:
            return
        if node not in self.known and node not in self.pending:
            return
        self.tell(node, (_REMOVE_CONNECTION, self.own))
        self.prevented("requested disconnect from", node)
        self.forget(node, _REMOVED)

    def remember_lost(self, loser: Atom, lost: Atom, creation: int, number: int) -> None:
        """Know this news when it comes again."""
        old = self.lost.get((loser, lost))
        if old is not None:
            self.runtime.timers.cancel(old[2])
        timer = self.runtime.make_ref()
        self.runtime.timers.start(timer, _REMEMBER_LOST, self.process.pid, (_FORGET_LOST, timer, loser, lost))
        self.lost[loser, lost] = (creation, number, timer)

    def forget_lost(self, timer: Reference, loser: Atom, lost: Atom) -> None:
        """It is long ago."""
        seen = self.lost.get((loser, lost))
        if seen is not None and seen[2] == timer:
            del self.lost[loser, lost]

    def remove_connection(self, node: Atom) -> None:
        """A node wants to be rid of this one."""
        if node not in self.known and node not in self.pending:
            if node in self.removing:  # and this one of it: neither would do it
                self.node.disconnect(node)
            return
        self.forget(node, _REMOVED)
        self.prevented("disconnected", node)
        self.node.disconnect(node)

    def prevented(self, what: str, node: Atom) -> None:
        """Say why a connection is closed."""
        logger.warning("global at %s %s %s in order to prevent overlapping partitions", self.own, what, node)

    def disconnect(self) -> list[Atom]:
        """Leave everybody, who will not take it for a failure of the network."""
        nodes = list(self.connections)
        for node in nodes:
            self.forget(node, _IGNORED)
            self.removing.add(node)
            self.node.disconnect(node)
        return nodes

    # --- waiting for all nodes ------------------------------------------------------------

    def sync(self, nodes: Iterable[Atom], caller: tuple[Pid, Term]) -> None:
        """Reply when all of `nodes` are synced, or gone."""
        missing = {node for node in nodes if node not in self.synced and node != self.own}
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

    def tell_syncers(self, node: Atom) -> None:
        """A node is synced."""
        for syncer in self.syncers:
            syncer.put(("synced", node))


class GlobalServer(GenServer, module="global"):
    """What `global_name_server` hears."""

    def init(self, member: Any) -> None:
        self.member: Global = member

    def __state__(self) -> Term:
        member = self.member
        return {
            Atom("known"): dict(member.known),
            Atom("pending"): dict(member.pending),
            Atom("synced"): list(member.synced),
            Atom("names"): len(member.tables.names),
        }

    def handle_call(self, request: Term, caller: tuple[Pid, Term]) -> Any:
        member = self.member
        if type(caller) is not tuple or not caller or type(caller[0]) is not Pid:
            return NoReply()
        by = caller[0]
        match request:
            case ("set_lock", (_, _) as lock_id):
                return Reply(member.tables.lock(lock_id, by))
            case ("del_lock", (_, _) as lock_id):
                member.tables.unlock(lock_id, by)
                return Reply(True)
            case ("register", name, Pid() as pid, how):
                member.insert(name, pid, how, by)
                return Reply(_YES)
            case ("unregister", name):
                member.tables.delete(name)
                return Reply(_OK)
            case ("register_ext", name, Pid() as pid, how, Atom() as where):
                member.insert(name, pid, how, by)
                if member.tables.where(name) == pid:
                    member.tables.external[name] = (pid, where)
                return Reply(_YES)
            case ("sync", list() as nodes):
                member.sync([node for node in nodes if isinstance(node, Atom)], caller)
                return NoReply()
        return Reply(self.answer(request))

    def answer(self, request: Term) -> Term:
        """What somebody asks who changes nothing."""
        member = self.member
        match request:
            case "get_known":
                return list(member.known)
            case "get_synced":
                return list(member.synced)
            case "get_protocol_version":
                return VERSION
            case "get_names_ext":
                return [(name, pid, where) for name, (pid, where) in member.tables.external.items()]
            case "disconnect":
                return member.disconnect()
            case "info":
                return self.__state__()
        logger.warning("global_name_server: unexpected call %s", to_elixir(request)[:200])
        return (_ERROR, _NOTSUP)

    def handle_cast(self, request: Term) -> Any:
        member = self.member
        match request:
            case (
                "init_connect",
                (int() as version, tag, *_),
                Atom() as node,
                ("locker", _, _, Pid()) as init,
            ):
                member.init_connect(version, tag, node, init)
            case ("lock_set", Pid() as locker, bool(), _, tag):
                member.lock_set(locker, request, tag)
            case ("lock_is_set", Atom() as node, int() as tag, lock_id):
                member.lock_is_set(node, tag, lock_id)
            case ("exchange", Atom() as node, list() as names, _, tag):
                member.exchange(node, names, tag)
            case ("exchange_ops", Atom() as node, int() as tag, list() as here, list() as there):
                member.exchange_ops(node, tag, here, there)
            case ("resolved", Atom() as node, list() as ops, list() as known, _, list() as external, tag):
                member.resolved(node, ops, known, external, tag)
            case ("new_nodes", Atom(), list() as ops, list() as external, list() as nodes, list() as extra):
                member.new_nodes(ops, external, nodes, _extra(extra))
            case ("in_sync", Atom() as node, _):
                member.in_sync(node)
            case ("async_del_name" | "async_del_lock", _, _):
                pass
            case _:
                logger.warning("global_name_server: unexpected cast %s", to_elixir(request)[:200])
        return NoReply()

    def handle_info(self, message: Term) -> Any:
        member = self.member
        match message:
            case ("DOWN", Reference() as ref, "process", _, _):
                member.tables.down(ref)
            case ("nodeup", Atom() as node):
                member.nodeup(node)
            case ("nodedown", Atom() as node):
                member.nodedown(node)
            case ("extra_nodedown", Atom() as node):
                member.extra_nodedown(node)
            case ("init_connect_ack", Atom() as node, my_tag, his_tag):
                member.init_connect_ack(node, my_tag, his_tag)
            case ("cancel_connect", Atom() as node, tag):
                member.cancel_connect(node, tag)
            case ("lost_connection", Atom() as loser, int() as creation, int() as number, Atom() as lost):
                member.lost_connection(loser, creation, number, lost, message)
            case ("part", Atom() as node, int() as connection):
                member.part(node, connection)
            case ("remove_connection", Atom() as node):
                member.remove_connection(node)
            case ("forget_lost_connection", Reference() as timer, Atom() as loser, Atom() as lost):
                member.forget_lost(timer, loser, lost)
            case _:
                logger.warning("global_name_server: unexpected message %s", to_elixir(message)[:200])
        return NoReply()


def _extra(extra: list[Term]) -> Term:
    """The lock that others hold while they tell of new nodes."""
    for item in extra:
        match item:
            case ("lock", lock_id):
                return lock_id
    return None


class ServerProcess(Server):
    """The process, told from others by who asks for the member."""

    __slots__ = ("member",)

    def __init__(self, member: Global) -> None:
        super().__init__(GlobalServer, handlers_of(GlobalServer, GenServer), (member,), None)
        self.member = member


def start(node: Node, *, connect_all: bool, prevent_overlapping_partitions: bool) -> Global:
    """Make a node a member; UsageError if it is one."""
    runtime = node.runtime
    if runtime.registered_process(NAME) is not None:
        raise UsageError(f"{node!r} has a {NAME} already")
    member = Global(
        node, connect_all=connect_all, prevent_overlapping_partitions=prevent_overlapping_partitions
    )
    process = member.process = member.tables.process = runtime.spawn(ServerProcess(member))
    process.dictionary = {proc_lib.ANCESTORS: [], proc_lib.INITIAL_CALL: (GLOBAL, Atom("init"), 1)}
    runtime.names.register(NAME, process.pid)
    member.locker = runtime.spawn(Locker(member).run())
    member.registrar = runtime.spawn(Registrar(member.tables).run())
    # One of them alone would be half a member: the others would wait for it.
    for part in (member.locker, member.registrar):
        Links.of(process).link(part.pid)
    # All nodes wait for each of these, none of these for a node that is slow to read.
    process.async_dist = member.locker.async_dist = member.registrar.async_dist = True
    node.on_node_event(member.observe)
    for other in node.nodes("visible"):
        process.put((NODEUP, other))
    return member
