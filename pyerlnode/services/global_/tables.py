"""The names and locks that one node knows, and who is monitored for them.

Every node holds all names.  A lock is `{ResourceId, LockRequesterId}`; processes that
name the same requester share it.  The process that the tables belong to monitors the
registered processes and the holders of locks; what has ended is taken out by `down`.

Source: global.erl of OTP's kernel (global_names, global_locks), global(3).
Proof: tests/services/test_global_tables.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pyerlnode.process.monitors import DOWN, Monitors, Watch
from pyerlnode.services.term_dict import TermDict
from pyerlnode.term import Atom, Pid, Reference, Term, equal

if TYPE_CHECKING:
    from pyerlnode.process import Process, Runtime

__all__ = ["GLOBAL", "Lock", "LockId", "Registered", "Tables"]

# The resource that is locked while names and nodes change.
GLOBAL: Final = Atom("global")

# {ResourceId, LockRequesterId}
LockId = tuple[Term, Term]


class Registered(NamedTuple):
    """A name: whose it is, and the resolve function for when somebody else has it too."""

    name: Term
    pid: Pid
    method: Term
    ref: Reference


class Lock:
    """A resource that is locked for a requester, by one or several processes."""

    __slots__ = ("holders", "requester")

    def __init__(self, requester: Term) -> None:
        self.requester = requester
        self.holders: dict[Pid, Reference] = {}


class Tables:
    """Names by name, locks by resource; `process` is who monitors."""

    def __init__(self, runtime: Runtime) -> None:
        self.process: Process
        self.names: TermDict[Registered] = TermDict()
        # Names that a node registered for a process that has none (of a C node): pid and that node.
        self.external: TermDict[tuple[Pid, Atom]] = TermDict()
        self.locks: TermDict[Lock] = TermDict()
        # The last lock on GLOBAL was not given back: its holder has ended.
        self.global_lock_down = False
        self._runtime = runtime
        self._names_of: dict[Pid, list[Term]] = {}
        self._names_by_ref: dict[Reference, Term] = {}
        self._locks_by_ref: dict[Reference, tuple[Term, Pid]] = {}

    # --- names ----------------------------------------------------------------------------

    def where(self, name: Term) -> Pid | None:
        """Who has the name; nobody, if a process of this node that has it has just ended."""
        found = self.names.get(name)
        if found is None:
            return None
        if self._runtime.is_local(found.pid) and self._runtime.process(found.pid) is None:
            return None
        return found.pid

    def names_of(self, pid: Pid) -> list[Term]:
        """The names of a process."""
        return list(self._names_of.get(pid, ()))

    def insert(self, name: Term, pid: Pid, method: Term) -> None:
        """Give a name to a process, whoever had it."""
        self.delete(name)
        ref = self._watch(pid)
        self.names[name] = Registered(name, pid, method, ref)
        self._names_of.setdefault(pid, []).append(name)
        self._names_by_ref[ref] = name

    def delete(self, name: Term) -> None:
        """Take a name away."""
        found = self.names.pop(name, None)
        if found is None:
            return
        self.external.pop(name, None)
        del self._names_by_ref[found.ref]
        left = [other for other in self._names_of[found.pid] if not equal(other, name)]
        if left:
            self._names_of[found.pid] = left
        else:
            del self._names_of[found.pid]
        self._unwatch(found.ref)

    # --- locks ----------------------------------------------------------------------------

    def can_lock(self, lock_id: LockId) -> bool:
        """Whether nobody, or the same requester, has locked the resource."""
        lock = self.locks.get(lock_id[0])
        return lock is None or equal(lock.requester, lock_id[1])

    def lock(self, lock_id: LockId, pid: Pid) -> bool:
        """Lock a resource for `pid`; whether it could be."""
        if not self.can_lock(lock_id):
            return False
        resource, requester = lock_id
        lock = self.locks.get(resource)
        if lock is None:
            lock = self.locks[resource] = Lock(requester)
        if pid not in lock.holders:
            ref = lock.holders[pid] = self._watch(pid)
            self._locks_by_ref[ref] = (resource, pid)
        return True

    def unlock(self, lock_id: LockId, pid: Pid) -> None:
        """Give a lock back; nothing if `pid` does not hold it."""
        lock = self.locks.get(lock_id[0])
        if lock is not None and equal(lock.requester, lock_id[1]):
            self._release(lock_id[0], lock, pid, down=False)

    def is_locked(self, resource: Term) -> bool:
        """Whether anybody has locked it."""
        return resource in self.locks

    def lock_still_set(self, by: Pid | None, lock_id: Term) -> bool:
        """Whether a change of the names is allowed.

        It is if its maker, `by`, holds the lock on GLOBAL, or if that lock is `lock_id`, and if
        nobody holds it, unless its last holder has died with it.
        """
        lock = self.locks.get(GLOBAL)
        if lock is None:
            return not self.global_lock_down
        if by is not None:
            return by in lock.holders
        return equal((GLOBAL, lock.requester), lock_id)

    def _release(self, resource: Term, lock: Lock, pid: Pid, *, down: bool) -> None:
        ref = lock.holders.pop(pid, None)
        if ref is None:
            return
        del self._locks_by_ref[ref]
        self._unwatch(ref)
        if lock.holders:
            return
        del self.locks[resource]
        if resource is GLOBAL:
            self.global_lock_down = down

    # --- ends -----------------------------------------------------------------------------

    def down(self, ref: Reference) -> None:
        """A process that has a name or holds a lock has ended, or its node is lost."""
        if ref in self._locks_by_ref:
            resource, pid = self._locks_by_ref[ref]
            self._release(resource, self.locks[resource], pid, down=True)
        elif ref in self._names_by_ref:
            self.delete(self._names_by_ref[ref])

    def drop_node(self, node: Atom) -> None:
        """Forget names and locks of the processes of a node."""
        for ref, (_, pid) in list(self._locks_by_ref.items()):
            if pid.node == node:
                self.down(ref)
        for found in list(self.names.values()):
            if found.pid.node == node:
                self.down(found.ref)

    def _watch(self, pid: Pid) -> Reference:
        ref = self._runtime.make_ref()
        Monitors.of(self.process).watch(ref, Watch(pid, DOWN, None, None))
        return ref

    def _unwatch(self, ref: Reference) -> None:
        Monitors.of(self.process).unwatch(ref)
