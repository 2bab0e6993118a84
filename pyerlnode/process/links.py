"""The links of one process, to processes of this node and of others.

A link is active, or it has been taken away by this side and waits for the other
side's acknowledgement, so that an exit signal that was under way when `unlink`
returned is not delivered any more.  Between processes of one node nothing is ever
under way, so there an unlink is complete at once.

Source: ERTS manual, "Distribution Protocol", Link Protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.process.process import KILL, KILLED, NOPROC
from pyerlnode.protocol.control import Exit, Link, Unlink, UnlinkAck

if TYPE_CHECKING:
    from pyerlnode.process.process import Process
    from pyerlnode.term import Atom, Pid, Term

_ACTIVE = 0


class Links:
    """Peer pid -> 0 for an active link, else the id of the Unlink that is not acknowledged yet."""

    __slots__ = ("_last_id", "_peers", "_process", "_stood_for_by")

    def __init__(self, process: Process) -> None:
        self._process = process
        self._peers: dict[Pid, int] = {}
        self._last_id = 0
        #: whose being killed is meant for this process
        self._stood_for_by: Pid | None = None

    @staticmethod
    def of(process: Process) -> Links:
        """The links of `process`, made when it had none."""
        if process.links is None:
            process.links = Links(process)
        return process.links

    def active(self) -> list[Pid]:
        """The pids that it is linked to."""
        return [pid for pid, state in self._peers.items() if state == _ACTIVE]

    def link(self, to: Pid) -> bool:
        """Link to a process of any node; False if `to` is of this node and not alive."""
        process, runtime = self._process, self._process.runtime
        process.check_alive()
        if self._peers.get(to, -1) == _ACTIVE or to == process.pid:
            return True
        if runtime.is_local(to):
            other = runtime.process(to)
            if other is None:
                return False
            self._peers[to] = _ACTIVE
            Links.of(other)._peers[process.pid] = _ACTIVE
            return True
        self._peers[to] = _ACTIVE
        runtime.involve(to.node, process)
        runtime.signal(to.node, Link(process.pid, to))
        return True

    def stand_for(self, peer: Pid) -> None:
        """`peer`, to which there is a link, stands for this process: when it is killed, so is this one."""
        self._stood_for_by = peer

    def unlink(self, to: Pid) -> None:
        """Take the link away; after this returns no exit of `to` comes through it."""
        process, runtime = self._process, self._process.runtime
        if self._peers.get(to, -1) != _ACTIVE:
            return
        if runtime.is_local(to):
            del self._peers[to]
            other = runtime.process(to)
            if other is not None and other.links is not None:
                other.links._peers.pop(process.pid, None)
            return
        self._last_id += 1
        self._peers[to] = self._last_id
        runtime.signal(to.node, Unlink(self._last_id, process.pid, to))

    # --- what other nodes say ---------------------------------------------------

    def linked_by(self, sender: Pid) -> None:
        """A Link came: an entry that is there already, even an inactive one, stays as it is."""
        if sender not in self._peers:
            self._peers[sender] = _ACTIVE
            self._process.runtime.involve(sender.node, self._process)

    def unlinked_by(self, sender: Pid) -> None:
        """An Unlink came; the acknowledgement is sent by who routes it, for dead processes too."""
        if self._peers.get(sender, -1) == _ACTIVE:
            del self._peers[sender]

    def acknowledged(self, ack: UnlinkAck) -> None:
        """An UnlinkAck came; one that nobody waits for is dropped."""
        if ack.id != _ACTIVE and self._peers.get(ack.sender) == ack.id:
            del self._peers[ack.sender]

    def broken_by(self, sender: Pid, reason: Term) -> None:
        """The other side has ended: an exit signal, if the link is active still."""
        if self._peers.get(sender, -1) == _ACTIVE:
            del self._peers[sender]
            if reason is KILLED and sender == self._stood_for_by:
                self._process.exit_signal(sender, KILL)
            else:
                self._process.link_exit(sender, reason)

    def leads_to(self, node: Atom) -> bool:
        """Whether there is a link to `node`, active or not."""
        return any(pid.node == node for pid in self._peers)

    def node_lost(self, node: Atom) -> list[Pid]:
        """Forget every link to `node`; the pids that were actively linked."""
        lost = [pid for pid in self._peers if pid.node == node]
        return [pid for pid in lost if self._peers.pop(pid) == _ACTIVE]

    # --- the end ----------------------------------------------------------------

    def break_all(self, reason: Term) -> None:
        """The process has ended: tell everybody at the other end of an active link."""
        runtime, pid = self._process.runtime, self._process.pid
        peers, self._peers = self._peers, {}
        for to, state in peers.items():
            if state != _ACTIVE:
                continue
            if not runtime.is_local(to):
                runtime.signal(to.node, Exit(pid, to, reason))
            else:
                other = runtime.process(to)
                if other is not None and other.links is not None:
                    other.links.broken_by(pid, reason)


def link_or_noproc(process: Process, to: Pid) -> bool:
    """Link; a local process that is dead gives the exit signal `noproc` if the caller traps, else False."""
    if Links.of(process).link(to):
        return True
    if process.trap_exit:
        process.link_exit(to, NOPROC)
        return True
    return False
