"""Signals from other nodes: what each control message does to the processes here.

Also what happens to a signal that could not be sent, and to everybody concerned when
a connection is lost.

Source: ERTS manual, "Distribution Protocol", Protocol between Connected Nodes and
Link Protocol; Erlang Reference Manual, "Processes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyerlnode.process.alias_tag import alias_in
from pyerlnode.process.links import Links
from pyerlnode.process.monitors import Monitors, Watcher
from pyerlnode.process.process import NOPROC
from pyerlnode.process.spawning import BADOPT, LINKED, MONITORED, NOCONNECTION, requested_flags, run
from pyerlnode.protocol.control import (
    AliasSend,
    Control,
    Demonitor,
    Exit,
    Exit2,
    GroupLeader,
    Link,
    Monitor,
    MonitorExit,
    RegSend,
    Send,
    SpawnReply,
    SpawnRequest,
    Unlink,
    UnlinkAck,
)
from pyerlnode.term import Atom, ImproperList, Pid, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyerlnode.process.process import Process
    from pyerlnode.process.runtime import Runtime


class Signals:
    """The signals of one runtime."""

    __slots__ = ("_handlers", "_runtime")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        # What each class of control messages does that `receive` does not know.
        self._handlers: dict[type[Any], Callable[[Atom, Any], None]] = {
            Link: self._link,
            Unlink: self._unlink,
            UnlinkAck: self._unlink_ack,
            Exit: self._exit,
            Exit2: self._exit2,
            MonitorExit: self._monitor_exit,
            GroupLeader: self._group_leader,
            SpawnRequest: self._spawn_request,
            SpawnReply: self._spawn_reply,
        }

    def receive(self, node: Atom, control: Control) -> None:
        """Carry out a control message that came from `node`."""
        # A call from another node is a monitor, the request and a demonitor, its answer goes to an alias.
        if type(control) is AliasSend:
            self._alias_send(node, control)
        elif type(control) is RegSend:
            self._reg_send(node, control)
        elif type(control) is Send:
            self._send(node, control)
        elif type(control) is Monitor:
            self._monitor(node, control)
        elif type(control) is Demonitor:
            self._demonitor(node, control)
        else:
            self._handlers[type(control)](node, control)

    # --- messages -----------------------------------------------------------------

    def _send(self, node: Atom, control: Send) -> None:
        process = self._runtime.process(control.to)
        if process is None:
            return
        message = control.message
        if type(message) is tuple and len(message) == 2 and type(message[0]) is ImproperList:
            # net_kernel of OTP answers `{[alias | Ref], Reply}` to the pid instead of the alias.
            # It is a reply all the same; nobody waits for it any more where the alias is void.
            alias = alias_in(message[0])
            if alias is not None:
                self._alias_send(node, AliasSend(process.pid, alias, message))
                return
        process.put(message)

    def _reg_send(self, node: Atom, control: RegSend) -> None:
        process = self._runtime.names.get(control.to)
        if process is not None:
            process.put(control.message)

    def _alias_send(self, node: Atom, control: AliasSend) -> None:
        target = self._runtime.aliases.get(control.to)
        if target is not None:
            target.alias_message(control.message)

    # --- links and exits ----------------------------------------------------------

    def _link(self, node: Atom, control: Link) -> None:
        process = self._runtime.process(control.to)
        if process is not None:
            Links.of(process).linked_by(control.sender)
        else:
            self._runtime.signal_if_connected(node, Exit(control.to, control.sender, NOPROC))

    def _unlink(self, node: Atom, control: Unlink) -> None:
        process = self._runtime.process(control.to)
        if process is not None and process.links is not None:
            process.links.unlinked_by(control.sender)
        # Acknowledged before anything else is sent there, and for a dead process too.
        self._runtime.signal_if_connected(node, UnlinkAck(control.id, control.to, control.sender))

    def _unlink_ack(self, node: Atom, control: UnlinkAck) -> None:
        process = self._runtime.process(control.to)
        if process is not None and process.links is not None:
            process.links.acknowledged(control)

    def _exit(self, node: Atom, control: Exit) -> None:
        process = self._runtime.process(control.to)
        if process is not None and process.links is not None:
            process.links.broken_by(control.sender, control.reason)

    def _exit2(self, node: Atom, control: Exit2) -> None:
        process = self._find(control.to)
        if process is not None:
            process.exit_signal(control.sender, control.reason)

    def _find(self, to: Pid | Reference | Atom) -> Process | None:
        if isinstance(to, Atom):
            return self._runtime.names.get(to)
        if isinstance(to, Pid):
            return self._runtime.process(to)
        return getattr(self._runtime.aliases.get(to), "process", None)

    # --- monitors -----------------------------------------------------------------

    def _monitor(self, node: Atom, control: Monitor) -> None:
        process = self._find(control.to)
        if process is None:
            self._runtime.signal_if_connected(
                node, MonitorExit(control.to, control.sender, control.ref, NOPROC)
            )
            return
        name = control.to if isinstance(control.to, Atom) else None
        monitors = process.monitors or Monitors.of(process)
        monitors.watched_by[control.ref] = Watcher(control.sender, name)
        self._runtime.involve(node, process)

    def _demonitor(self, node: Atom, control: Demonitor) -> None:
        process = self._find(control.to)
        if self._forget_watcher(process, control.ref) or isinstance(control.to, Pid):
            return
        # A name, and somebody else has it now; the monitor is on the one that had it then.
        for process in self._runtime.involved(node):
            if self._forget_watcher(process, control.ref):
                return

    def _forget_watcher(self, process: Process | None, ref: Reference) -> bool:
        monitors = process.monitors if process is not None else None
        return monitors is not None and monitors.watched_by.pop(ref, None) is not None

    def _monitor_exit(self, node: Atom, control: MonitorExit) -> None:
        process = self._runtime.process(control.to)
        if process is not None and process.monitors is not None:
            process.monitors.down(control.ref, control.reason)

    # --- group leader and spawn -----------------------------------------------------

    def _group_leader(self, node: Atom, control: GroupLeader) -> None:
        process = self._runtime.process(control.to)
        if process is not None:
            process.group_leader = control.leader

    def _spawn_request(self, node: Atom, request: SpawnRequest) -> None:
        flags = requested_flags(request.options)
        if flags is None:
            self._runtime.signal(node, SpawnReply(request.ref, request.sender, 0, BADOPT))
            return
        process = self._runtime.new_process(request.group_leader)
        if flags:
            self._runtime.involve(node, process)
        if flags & LINKED:
            Links.of(process).linked_by(request.sender)
        if flags & MONITORED:
            Monitors.of(process).watched_by[request.ref] = Watcher(request.sender, None)
        # The answer goes before every other signal of the new process.
        self._runtime.signal(node, SpawnReply(request.ref, request.sender, flags, process.pid))
        process.begin(run(self._runtime, request))

    def _spawn_reply(self, node: Atom, reply: SpawnReply) -> None:
        spawning = self._runtime.spawns.get(reply.ref)
        if spawning is not None and spawning.node == node:
            spawning.replied(reply)

    # --- trouble --------------------------------------------------------------------

    def undeliverable(self, node: Atom, control: Control) -> None:
        """There is no way to `node`: `noconnection` to who waits for an answer, the rest is dropped."""
        if isinstance(control, Link):
            process = self._runtime.process(control.sender)
            if process is not None and process.links is not None:
                process.links.broken_by(control.to, NOCONNECTION)
        elif isinstance(control, Unlink):
            self._unlink_ack(node, UnlinkAck(control.id, control.to, control.sender))
        elif isinstance(control, Monitor):
            process = self._runtime.process(control.sender)
            if process is not None and process.monitors is not None:
                process.monitors.down(control.ref, NOCONNECTION)
        elif isinstance(control, SpawnRequest):
            self._spawn_reply(node, SpawnReply(control.ref, control.sender, 0, NOCONNECTION))
        self._runtime.forget_uninvolved(node)

    def connection_lost(self, node: Atom, involved: Iterable[Process]) -> None:
        """Tell these processes that the connection to `node` is gone.

        First all of them forget what led there, then they are told: one that ends by it
        must not send a signal to the node, which would connect again.
        """
        lost = [
            (
                process,
                process.monitors.node_lost(node) if process.monitors is not None else [],
                process.links.node_lost(node) if process.links is not None else [],
            )
            for process in involved
        ]
        for spawning in [each for each in self._runtime.spawns.values() if each.node == node]:
            spawning.replied(SpawnReply(spawning.ref, spawning.process.pid, 0, NOCONNECTION))
        for process, watched, linked in lost:
            for ref, watch in watched:
                Monitors.fire(process, ref, watch, NOCONNECTION)
            for pid in linked:
                process.link_exit(pid, NOCONNECTION)
