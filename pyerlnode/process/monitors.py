"""The monitors of one process: those that it holds and those that others hold on it.

A monitor is known by its reference on both sides.  `watching` are the ones that this
process made; `watched_by` the ones made on it, by processes of any node.

Source: Erlang Reference Manual, "Processes", Monitors; ERTS manual, "Distribution
Protocol", MONITOR_P, DEMONITOR_P, MONITOR_P_EXIT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from pyerlnode.process.process import NOPROC
from pyerlnode.protocol.control import Demonitor, Monitor, MonitorExit
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from pyerlnode.process.process import Process

_EXPLICIT: Final = Atom("explicit_unalias")
DOWN: Final = Atom("DOWN")
PROCESS: Final = Atom("process")

# What is monitored: a pid, or a name and the node that it is registered on.
Monitored: TypeAlias = Pid | tuple[Atom, Atom]


class Waiter(Protocol):
    """Who is told of a DOWN in the place of the mailbox."""

    def down(self, reason: Term) -> None:
        """What was monitored has ended."""


class Watch:
    """A monitor that this process holds."""

    __slots__ = ("alias", "found", "item", "request", "tag")

    def __init__(
        self,
        item: Monitored,
        tag: Term,
        alias: Atom | None,
        request: Waiter | None,
        found: Process | None = None,
    ) -> None:
        self.item = item
        self.tag = tag  # first element of the message, DOWN unless told otherwise
        self.alias = alias  # explicit_unalias, demonitor or reply_demonitor
        self.request = request  # who waits for it, in the place of the mailbox
        self.found = found  # of this node: what the item was when the monitor was made


class Watcher:
    """A monitor that somebody holds on this process."""

    __slots__ = ("name", "pid")

    def __init__(self, pid: Pid, name: Atom | None) -> None:
        self.pid = pid
        self.name = name  # the name that it was monitored by


class Monitors:
    """Both sides, by reference."""

    __slots__ = ("_process", "watched_by", "watching")

    def __init__(self, process: Process) -> None:
        self._process = process
        self.watching: dict[Reference, Watch] = {}
        self.watched_by: dict[Reference, Watcher] = {}

    @staticmethod
    def of(process: Process) -> Monitors:
        """The monitors of `process`, made when it had none."""
        if process.monitors is None:
            process.monitors = Monitors(process)
        return process.monitors

    def watch(self, ref: Reference, watch: Watch) -> None:
        """Begin to monitor; what is not there gives a DOWN with `noproc` at once."""
        process, runtime, item = self._process, self._process.runtime, watch.item
        process.check_alive()
        to, name, node = (item, None, item.node) if isinstance(item, Pid) else (item[0], *item)
        if node != runtime.name:
            self.watching[ref] = watch
            runtime.involve(node, process)
            runtime.signal(node, Monitor(process.pid, to, ref))
            return
        target = runtime.process(to) if isinstance(to, Pid) else runtime.registered_process(to)
        if target is None:
            self.fire(process, ref, watch, NOPROC)
        elif target is process:
            self.watching[ref] = watch
        else:
            self.watching[ref] = Watch(item, watch.tag, watch.alias, watch.request, target)
            Monitors.of(target).watched_by[ref] = Watcher(process.pid, name)

    def unwatch(self, ref: Reference) -> bool:
        """End the monitor; whether it was there."""
        watch = self.watching.pop(ref, None)
        if watch is None:
            return False
        runtime, item, target = self._process.runtime, watch.item, watch.found
        if watch.alias is not None and watch.alias is not _EXPLICIT:
            runtime.drop_alias(ref)
        if target is not None:
            if target.monitors is not None:
                target.monitors.watched_by.pop(ref, None)
            return True
        node = _node_of(item)
        if node != runtime.name:
            # The monitor would be gone if the connection, or the attempt to make it, were.
            to = item if isinstance(item, Pid) else item[0]
            runtime.signal(node, Demonitor(self._process.pid, to, ref))
        return True

    def down(self, ref: Reference, reason: Term) -> None:
        """What was monitored under `ref` has ended; a reference that is unknown (demonitored) is dropped."""
        watch = self.watching.pop(ref, None)
        if watch is not None:
            self.fire(self._process, ref, watch, reason)

    @staticmethod
    def fire(process: Process, ref: Reference, watch: Watch, reason: Term) -> None:
        """Tell `process` that what it watched has ended."""
        if watch.alias is not None and watch.alias is not _EXPLICIT:
            process.runtime.drop_alias(ref)
        if watch.request is not None:
            watch.request.down(reason)
        else:
            process.deliver((watch.tag, ref, PROCESS, watch.item, reason))

    def leads_to(self, node: Atom) -> bool:
        """Whether something is monitored at `node`, or from there."""
        return any(_node_of(watch.item) == node for watch in self.watching.values()) or any(
            watcher.pid.node == node for watcher in self.watched_by.values()
        )

    def node_lost(self, node: Atom) -> list[tuple[Reference, Watch]]:
        """Forget who watches from `node` and what is watched there; the latter, for `fire`."""
        for ref in [ref for ref, watcher in self.watched_by.items() if watcher.pid.node == node]:
            del self.watched_by[ref]
        lost = [(ref, watch) for ref, watch in self.watching.items() if _node_of(watch.item) == node]
        for ref, _ in lost:
            del self.watching[ref]
        return lost

    def end_all(self, reason: Term) -> None:
        """The process has ended: give up what it watches, tell who watches it."""
        for ref, watch in list(self.watching.items()):
            self.unwatch(ref)
            if watch.request is not None:
                # Some other task may wait on behalf of this process.
                watch.request.down(reason)
        watched_by, self.watched_by = self.watched_by, {}
        for ref, watcher in watched_by.items():
            self._tell(ref, watcher, reason)

    def refuse(self, asker: Pid, ref: Reference, reason: Term) -> None:
        """End the wait of `asker` for a request: its monitor fires, though the process goes on."""
        watcher = self.watched_by.get(ref)
        if watcher is not None and watcher.pid == asker:
            del self.watched_by[ref]
            self._tell(ref, watcher, reason)

    def _tell(self, ref: Reference, watcher: Watcher, reason: Term) -> None:
        runtime, pid = self._process.runtime, self._process.pid
        if not runtime.is_local(watcher.pid):
            runtime.signal(watcher.pid.node, MonitorExit(watcher.name or pid, watcher.pid, ref, reason))
            return
        other = runtime.process(watcher.pid)
        if other is not None and other.monitors is not None:
            other.monitors.down(ref, reason)


def _node_of(item: Monitored) -> Atom:
    return item.node if isinstance(item, Pid) else item[1]
