"""Process groups: the processes of all nodes that have joined a group, as OTP's `pg`.

    pg.join("workers", pid)                    # any term is a group, any number of times the same pid
    pg.get_members("workers")                  # of this node and of all visible ones that run the scope
    ref, members = pg.monitor("workers")       # then (ref, "join" | "leave", group, pids) in the mailbox

A scope is a process that is registered under the scope's name (`pg`, if nothing else is
said) on every node that takes part.  Scopes of one name find each other and exchange
what joins and leaves; when a node is lost, its members leave.  Nothing here waits, and
nothing that is sent to another scope makes a connection.

    {discover, Pid}                               on start and nodeup, to {Scope, Node}; OTP 29 adds a version
    {'$gen_cast', {sync, Pid, [{Group, [Pid]}]}}  the answer: all that is local there
    {join, Pid, Group, PidOrPids}
    {leave, Pid, PidOrPids, [Group]}
    {'$gen_cast', {local_data, Pid, 1, #{Group => [Pid]}}}, {update, Pid, [{Group, Add, Remove}]}
                                                  what OTP 29 says to scopes of its own version

Only the first four are sent, and `discover` with two elements: the scope of OTP 25 ends
with an error on anything else.  For the same reason a scope is told of joins and leaves
only after it was told what there is.

Source: pg(3), pg.erl of OTP 25 and 27, pg.erl and data_publisher.erl of OTP 29.
Proof: tests/services/test_pg_scopes.py, interop/test_pg.py.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg, ErlangError, NoProc
from pyerlnode.node.router import NODEUP, Router
from pyerlnode.otp import GenServer, NoReply, Reply, proc_lib
from pyerlnode.otp.dispatch import handlers_of
from pyerlnode.otp.server import Server
from pyerlnode.process import this_process
from pyerlnode.process.monitors import DOWN, Monitors, Watch
from pyerlnode.protocol.control import RegSend, Send
from pyerlnode.services.term_dict import TermDict
from pyerlnode.term import Atom, Map, Pid, Reference, Term, equal, to_elixir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pyerlnode.node import Node, NodeEvent
    from pyerlnode.process import Process, Runtime

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

logger = logging.getLogger("pyerlnode.pg")

PG: Final = Atom("pg")
_OK, _NOT_JOINED, _NOLOCAL = Atom("ok"), Atom("not_joined"), Atom("nolocal")
_ERROR, _BADARG, _NOPROC = Atom("error"), Atom("badarg"), Atom("noproc")
_DISCOVER, _SYNC, _CAST = Atom("discover"), Atom("sync"), Atom("$gen_cast")
_JOIN, _LEAVE, _INIT = Atom("join"), Atom("leave"), Atom("init")

Pids = list[Pid]


# --- what users call ----------------------------------------------------------------------


def start(scope: str = PG) -> Pid:
    """Start a scope on this node; its pid.  BadArg if a process has the name.

    It is linked to nobody and lives until the node stops.  See `service` for one that is
    there from the start.
    """
    return _start(this_process().runtime, Atom(scope))


def join(group: Term, pids: Pid | list[Pid], *, scope: str = PG) -> Atom:
    """Let processes of this node join a group, once more if they have joined already; `ok`.

    They leave when they end.  ErlangError `{nolocal, Pid}` for a process of another node;
    Exit `noproc` where the scope is not started, as for all functions that change something.
    """
    members = _local(this_process().runtime, pids)
    _scope(scope).join(group, members)
    return _OK


def leave(group: Term, pids: Pid | list[Pid], *, scope: str = PG) -> Atom:
    """Take back one join of each process; `ok`, or `not_joined` if none of them had joined."""
    members = _local(this_process().runtime, pids)
    return _OK if _scope(scope).leave(group, members) else _NOT_JOINED


def get_members(group: Term, *, scope: str = PG) -> list[Pid]:
    """The members on all nodes, each as often as it has joined; the last one first."""
    found = _find(this_process().runtime, scope)
    return [] if found is None else found.members(group)


def get_local_members(group: Term, *, scope: str = PG) -> list[Pid]:
    """The members on this node."""
    found = _find(this_process().runtime, scope)
    return [] if found is None else found.local_members(group)


def which_groups(*, scope: str = PG) -> list[Term]:
    """The groups that have members."""
    found = _find(this_process().runtime, scope)
    return [] if found is None else list(found.groups)


def which_local_groups(*, scope: str = PG) -> list[Term]:
    """The groups that have members on this node."""
    found = _find(this_process().runtime, scope)
    return [] if found is None else [group for group, there in found.groups.items() if there.local]


def monitor(group: Term, *, scope: str = PG) -> tuple[Reference, list[Pid]]:
    """The members now, and from now on a message `(ref, "join" | "leave", group, pids)` per change."""
    return _scope(scope).subscribe(this_process().pid, group)


def monitor_scope(*, scope: str = PG) -> tuple[Reference, Mapping[Term, list[Pid]]]:
    """As `monitor`, for all groups of the scope; the members by group."""
    return _scope(scope).subscribe_all(this_process().pid)


def demonitor(ref: Reference, *, scope: str = PG) -> bool:
    """End `monitor` or `monitor_scope`, and take its messages out of the mailbox; whether it was there."""
    if not _scope(scope).unsubscribe(ref):
        return False
    mailbox = this_process().mailbox
    while mailbox is not None and mailbox.remove(lambda message: _is_change(message, ref)):
        pass
    return True


def service(node: Node) -> None:
    """Start the scope `pg` on a node: for `Node(services=...)`."""
    _start(node.runtime, PG)


def scope_service(scope: str) -> Callable[[Node], None]:
    """The same for another scope: `scope_service("Elixir.Phoenix.PubSub")`."""

    def start_scope(node: Node) -> None:
        _start(node.runtime, Atom(scope))

    return start_scope


# --- one scope of one node ----------------------------------------------------------------


class Members:
    """Pids, each with how often it has joined: what changes costs the same however many there are."""

    __slots__ = ("_counts",)

    def __init__(self, pids: Pids | None = None) -> None:
        self._counts: dict[Pid, int] = {}
        self.add(pids or [])

    def __bool__(self) -> bool:
        return bool(self._counts)

    def pids(self) -> Pids:
        """Each as often as it has joined, the last one first."""
        counts = self._counts
        return [pid for pid in reversed(counts) for _ in range(counts[pid])]

    def add(self, pids: Pids) -> None:
        """Each joins once more."""
        counts = self._counts
        for pid in reversed(pids):
            counts[pid] = counts.get(pid, 0) + 1

    def remove(self, pids: Pids) -> Pids:
        """Take back one join of each; those that had one."""
        counts, gone = self._counts, []
        for pid in pids:
            count = counts.get(pid, 0)
            if count:
                gone.append(pid)
            if count > 1:
                counts[pid] = count - 1
            elif count:
                del counts[pid]
        return gone

    def without(self, other: Members) -> Pids:
        """What is here more often than in `other`."""
        return [pid for pid in reversed(self._counts) for _ in range(self._more(pid, other))]

    def _more(self, pid: Pid, other: Members) -> int:
        return self._counts[pid] - other._counts.get(pid, 0)


class Group:
    """A group that has members."""

    __slots__ = ("all", "local")

    def __init__(self) -> None:
        self.all = Members()
        self.local = Members()


class Peer:
    """The scope of this name on another node."""

    __slots__ = ("groups", "knows_ours", "ref")

    def __init__(self, ref: Reference) -> None:
        self.ref = ref
        self.groups: TermDict[Members] = TermDict()
        # Whether it was sent what there is here; only then it can make sense of changes.
        self.knows_ours = False


class Scope:
    """Groups, members and peers; `process` is the one that monitors and sends for it."""

    def __init__(self, name: Atom, runtime: Runtime) -> None:
        self.name = name
        self.runtime = runtime
        self.process: Process
        self.groups: TermDict[Group] = TermDict()
        # Members of this node: the monitor, and the groups, each as often as it was joined.
        self.joined: dict[Pid, tuple[Reference, list[Term]]] = {}
        self.peers: dict[Pid, Peer] = {}
        # None: of all groups; else of the one group in the list.
        self.subscribers: dict[Reference, tuple[Pid, list[Term] | None]] = {}

    def members(self, group: Term) -> Pids:
        """All members of a group."""
        found = self.groups.get(group)
        return [] if found is None else found.all.pids()

    def local_members(self, group: Term) -> Pids:
        """The members on this node."""
        found = self.groups.get(group)
        return [] if found is None else found.local.pids()

    # --- members of this node -------------------------------------------------------------

    def join(self, group: Term, pids: Pids) -> None:
        """Processes of this node join."""
        if not pids:
            return
        for pid in pids:
            if pid not in self.joined:
                self.joined[pid] = (self.watch(pid), [])
            self.joined[pid][1].insert(0, group)
        self.add(group, pids, local=True)
        self.broadcast((_JOIN, self.process.pid, group, pids))

    def leave(self, group: Term, pids: Pids) -> bool:
        """Processes of this node leave; whether any of them had joined."""
        left = [pid for pid in pids if self._leave(pid, group)]
        if not left:
            return False
        self.remove(group, left, local=True)
        self.broadcast((_LEAVE, self.process.pid, left, [group]))
        return True

    def _leave(self, pid: Pid, group: Term) -> bool:
        if pid not in self.joined:
            return False
        ref, groups = self.joined[pid]
        position = next((number for number, joined in enumerate(groups) if equal(joined, group)), None)
        if position is None:
            return False
        del groups[position]
        if not groups:
            del self.joined[pid]
            self.unwatch(ref)
        return True

    def local_down(self, pid: Pid) -> None:
        """A member of this node has ended."""
        _, groups = self.joined.pop(pid)
        for group in groups:
            self.remove(group, [pid], local=True)
        self.broadcast((_LEAVE, self.process.pid, pid, groups))

    def local_groups(self) -> list[tuple[Term, Pids]]:
        """What a peer is told that does not know this scope yet."""
        return [(group, there.local.pids()) for group, there in self.groups.items() if there.local]

    # --- peers ----------------------------------------------------------------------------

    def discover(self, node: Atom) -> None:
        """Ask the scope of this name on `node` what it has."""
        message = (_DISCOVER, self.process.pid)
        self.runtime.signal_if_connected(node, RegSend(self.process.pid, self.name, message))

    def discovered(self, pid: Pid) -> None:
        """A peer asks."""
        if not self.is_connected(pid):
            return
        is_new = pid not in self.peers
        peer = self.peer(pid)
        self.tell(pid, (_CAST, (_SYNC, self.process.pid, self.local_groups())))
        peer.knows_ours = True
        if is_new:
            self.tell(pid, (_DISCOVER, self.process.pid))

    def synced(self, pid: Pid, groups: Iterable[tuple[Term, Pids]]) -> None:
        """A peer says all that it has."""
        if not self.is_connected(pid):
            return
        peer = self.peer(pid)
        old, peer.groups = peer.groups, TermDict()
        for group, pids in groups:
            now, before = Members(pids), old.pop(group, Members())
            if now:
                peer.groups[group] = now
            self.add(group, now.without(before))
            self.remove(group, before.without(now))
        for group, before in old.items():
            self.remove(group, before.pids())

    def changed(self, pid: Pid, group: Term, add: Pids, remove: Pids) -> None:
        """A peer says that processes have joined, and others have left."""
        peer = self.peers.get(pid)
        if peer is None:
            return
        there = peer.groups.setdefault(group, Members())
        there.add(add)
        gone = there.remove(remove)
        if not there:
            del peer.groups[group]
        self.add(group, add)
        self.remove(group, gone)

    def peer(self, pid: Pid) -> Peer:
        """A peer, monitored from the first time that it is heard of."""
        if pid not in self.peers:
            self.peers[pid] = Peer(self.watch(pid))
        return self.peers[pid]

    def down(self, ref: Reference, pid: Pid) -> None:
        """A member of this node, a peer or a subscriber has ended, or its node is lost."""
        if pid in self.joined and self.joined[pid][0] == ref:
            self.local_down(pid)
        elif pid in self.peers and self.peers[pid].ref == ref:
            for group, there in self.peers.pop(pid).groups.items():
                self.remove(group, there.pids())
        else:
            self.subscribers.pop(ref, None)

    # --- subscribers ----------------------------------------------------------------------

    def subscribe(self, pid: Pid, group: Term) -> tuple[Reference, Pids]:
        """Tell `pid` of the changes of a group."""
        ref = self.watch(pid)
        self.subscribers[ref] = (pid, [group])
        return ref, self.members(group)

    def subscribe_all(self, pid: Pid) -> tuple[Reference, Mapping[Term, Pids]]:
        """Tell `pid` of all changes."""
        ref = self.watch(pid)
        self.subscribers[ref] = (pid, None)
        found: TermDict[Pids] = TermDict()
        for group, there in self.groups.items():
            found[group] = there.all.pids()
        return ref, found

    def unsubscribe(self, ref: Reference) -> bool:
        """Whether there was such a subscription."""
        if self.subscribers.pop(ref, None) is None:
            return False
        self.unwatch(ref)
        return True

    def notify(self, action: Atom, group: Term, pids: Pids) -> None:
        """Send a change to whom it concerns."""
        for ref, (pid, wanted) in self.subscribers.items():
            if wanted is None or equal(wanted[0], group):
                self.tell(pid, (ref, action, group, pids))

    # --- the table ------------------------------------------------------------------------

    def add(self, group: Term, pids: Pids, *, local: bool = False) -> None:
        """Enter members of any node."""
        if not pids:
            return
        there = self.groups.get(group)
        if there is None:
            there = self.groups[group] = Group()
        there.all.add(pids)
        if local:
            there.local.add(pids)
        self.notify(_JOIN, group, pids)

    def remove(self, group: Term, pids: Pids, *, local: bool = False) -> None:
        """Take members out, each pid once for every time that it is in `pids`."""
        there = self.groups.get(group)
        if there is None or not pids:
            return
        there.all.remove(pids)
        if local:
            there.local.remove(pids)
        if not there.all:
            del self.groups[group]
        self.notify(_LEAVE, group, pids)

    # --- sending and monitoring -----------------------------------------------------------

    def is_connected(self, pid: Pid) -> bool:
        """Whether what came from `pid` did not come from a connection that is gone."""
        distribution = self.runtime.distribution
        return distribution is not None and distribution.is_connected(pid.node)

    def broadcast(self, message: Term) -> None:
        """Send a change to every peer."""
        for pid, peer in self.peers.items():
            if peer.knows_ours:
                self.tell(pid, message)

    def tell(self, pid: Pid, message: Term) -> None:
        """Send, but only where there is a connection."""
        if self.runtime.is_local(pid):
            self.runtime.send(pid, message, self.process)
        else:
            self.runtime.signal_if_connected(pid.node, Send(self.process.pid, pid, message))

    def watch(self, pid: Pid) -> Reference:
        """Monitor a process of any node."""
        ref = self.runtime.make_ref()
        Monitors.of(self.process).watch(ref, Watch(pid, DOWN, None, None))
        return ref

    def unwatch(self, ref: Reference) -> None:
        """End a monitor."""
        Monitors.of(self.process).unwatch(ref)


class ScopeServer(GenServer, module="pg"):
    """What a scope hears; nothing that comes from another node can end it."""

    def init(self, scope: Any) -> None:
        self.scope: Scope = scope

    def __state__(self) -> Term:
        return {Atom("scope"): self.scope.name, Atom("peers"): list(self.scope.peers)}

    def handle_call(self, request: Term, caller: tuple[Pid, Term]) -> Any:
        scope = self.scope
        if type(caller) is not tuple or not caller or type(caller[0]) is not Pid:
            return NoReply()
        match request:
            case ("join_local", group, pids) if (members := _local_pids(scope, pids)) is not None:
                scope.join(group, members)
                return Reply(_OK)
            case ("leave_local", group, pids) if (members := _local_pids(scope, pids)) is not None:
                return Reply(_OK if scope.leave(group, members) else _NOT_JOINED)
            case "monitor":
                ref, groups = scope.subscribe_all(caller[0])
                return Reply((ref, Map(groups)))
            case ("monitor", group):
                return Reply(scope.subscribe(caller[0], group))
            case ("demonitor", Reference() as ref):
                return Reply(_OK if scope.unsubscribe(ref) else False)
        # A BEAM's scope would end here and take all its members with it.
        logger.warning("%s: a call that pg does not know: %s", scope.name, to_elixir(request)[:200])
        return Reply((_ERROR, _BADARG))

    def handle_cast(self, request: Term) -> Any:
        match request:
            case ("sync", Pid() as peer, list() as groups) if (known := _groups(groups)) is not None:
                self.scope.synced(peer, known)
            case ("local_data", Pid() as peer, _, groups) if (known := _groups_of_map(groups)) is not None:
                self.scope.synced(peer, known)
            case _:
                self.unknown(request)
        return NoReply()

    def handle_info(self, message: Term) -> Any:
        scope = self.scope
        match message:
            case ("discover", Pid() as peer) | ("discover", Pid() as peer, _):
                scope.discovered(peer)
            case ("join", Pid() as peer, group, pids) if (members := _pids(pids)) is not None:
                scope.changed(peer, group, members, [])
            case ("leave", Pid() as peer, pids, list() as groups) if (members := _pids(pids)) is not None:
                for group in groups:
                    scope.changed(peer, group, [], members)
            case ("update", Pid() as peer, list() as changes):
                self.update(peer, changes)
            case ("DOWN", Reference() as ref, "process", Pid() as pid, _):
                scope.down(ref, pid)
            case ("nodeup", Atom() as node):
                scope.discover(node)
            case _:
                self.unknown(message)
        return NoReply()

    def update(self, peer: Pid, changes: list[Term]) -> None:
        """Several changes at once, of OTP 29."""
        for change in changes:
            match change:
                case (group, list() as add, list() as remove):
                    self.scope.changed(peer, group, _pids(add) or [], _pids(remove) or [])

    def unknown(self, message: Term) -> None:
        """Say that a message was dropped."""
        logger.warning("%s: a message that pg does not know: %s", self.scope.name, to_elixir(message)[:200])


class ScopeProcess(Server):
    """Keeps the scope where those find it who look the name up, even before its first turn."""

    __slots__ = ("scope",)

    def __init__(self, scope: Scope) -> None:
        super().__init__(ScopeServer, handlers_of(ScopeServer, GenServer), (scope,), None)
        self.scope = scope


# --- finding and starting -------------------------------------------------------------------


def _start(runtime: Runtime, name: Atom) -> Pid:
    if runtime.registered_process(name) is not None:
        raise BadArg(f"the scope {name} is started already, or another process has its name")
    scope = Scope(name, runtime)
    process = scope.process = runtime.spawn(ScopeProcess(scope))
    process.async_dist = True  # a node that is slow to read must not keep it from the others
    process.dictionary = {proc_lib.ANCESTORS: [], proc_lib.INITIAL_CALL: (PG, _INIT, 1)}
    runtime.names.register(name, process.pid)
    router = runtime.distribution
    if isinstance(router, Router):
        _follow(router, process)
        for node in router.nodes("visible"):
            scope.discover(node)
    return process.pid


def _follow(router: Router, process: Process) -> None:
    """Let the scope hear of each visible node that comes."""

    def observe(event: NodeEvent) -> None:
        if not process.alive:
            forget()
        elif event.kind is NODEUP and event.visible:
            process.put((NODEUP, event.node))

    forget = router.observe(observe)


def _find(runtime: Runtime, name: str) -> Scope | None:
    process = runtime.registered_process(name)
    behaviour = None if process is None else process.behaviour
    return behaviour.scope if isinstance(behaviour, ScopeProcess) else None


def _scope(name: str) -> Scope:
    scope = _find(this_process().runtime, name)
    if scope is None:
        raise NoProc((_NOPROC, (PG, Atom(name))))
    return scope


# --- pids and groups --------------------------------------------------------------------------


def _local(runtime: Runtime, pids: Pid | list[Pid]) -> Pids:
    """The pids as a list; all of them must be of this node."""
    members = _pids(pids)
    if members is None:
        raise BadArg(f"a pid or a list of pids joins and leaves groups, not {pids!r}")
    for pid in members:
        if not runtime.is_local(pid):
            raise ErlangError((_NOLOCAL, pid))
    return members


def _local_pids(scope: Scope, term: Term) -> Pids | None:
    """As `_pids`; None, too, if one is of another node."""
    members = _pids(term)
    return members if members is not None and all(map(scope.runtime.is_local, members)) else None


def _pids(term: Term) -> Pids | None:
    """A pid or a list of pids as a list; None for anything else."""
    if type(term) is Pid:
        return [term]
    if type(term) is list and all(type(pid) is Pid for pid in term):
        return term
    return None


def _groups(pairs: Iterable[Term]) -> list[tuple[Term, Pids]] | None:
    found: list[tuple[Term, Pids]] = []
    for pair in pairs:
        members = _pids(pair[1]) if type(pair) is tuple and len(pair) == 2 else None
        if members is None:
            return None
        found.append((pair[0], members))
    return found


def _groups_of_map(term: Term) -> list[tuple[Term, Pids]] | None:
    return _groups(term.items()) if hasattr(term, "items") else None


def _is_change(message: Term, ref: Reference) -> bool:
    return isinstance(message, tuple) and len(message) == 4 and message[0] == ref
