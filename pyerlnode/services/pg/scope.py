"""One scope of one node: its groups, the scopes of its name on other nodes, and who hears of changes.

    {discover, Pid}                               on start and nodeup, to {Scope, Node}; OTP 29 adds a version
    {'$gen_cast', {sync, Pid, [{Group, [Pid]}]}}  the answer: all that is local there
    {join, Pid, Group, PidOrPids}
    {leave, Pid, PidOrPids, [Group]}
    {'$gen_cast', {local_data, Pid, 1, #{Group => [Pid]}}}, {update, Pid, [{Group, Add, Remove}]}
                                                  what OTP 29 says to scopes of its own version

Only the first four are sent, and `discover` with two elements: the scope of OTP 25 ends
with an error on anything else.  For the same reason a scope is told of joins and leaves
only after it was told what there is.

Source: pg.erl of OTP 25 and 27, pg.erl and data_publisher.erl of OTP 29.
Proof: tests/services/test_pg_scopes.py, interop/test_pg.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.process.monitors import DOWN, Monitors, Watch
from pyerlnode.protocol.control import RegSend, Send
from pyerlnode.services.pg.members import Members, Pids
from pyerlnode.services.term_dict import TermDict
from pyerlnode.term import Atom, Pid, Reference, Term, equal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyerlnode.process import Process, Runtime

__all__ = ["Scope"]

_DISCOVER, _SYNC, _CAST = Atom("discover"), Atom("sync"), Atom("$gen_cast")
_JOIN, _LEAVE = Atom("join"), Atom("leave")


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
