"""What processes of this node ask of `pg`: to join and to leave, who is a member, what changes.

All of it is done in the process that asks: a scope's tables are in reach, and nothing waits.

Source: pg(3).
Proof: tests/services/test_pg_scopes.py, interop/test_pg.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.errors import BadArg, ErlangError, NoProc
from pyerlnode.process import this_process
from pyerlnode.services.pg import server
from pyerlnode.services.pg.server import PG, pids_of
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyerlnode.process import Runtime
    from pyerlnode.services.pg.members import Pids
    from pyerlnode.services.pg.scope import Scope

__all__ = [
    "demonitor",
    "get_local_members",
    "get_members",
    "join",
    "leave",
    "monitor",
    "monitor_scope",
    "start",
    "which_groups",
    "which_local_groups",
]

_OK, _NOT_JOINED = Atom("ok"), Atom("not_joined")
_NOLOCAL, _NOPROC = Atom("nolocal"), Atom("noproc")


def start(scope: str = PG) -> Pid:
    """Start a scope on this node; its pid.  BadArg if a process has the name.

    It is linked to nobody and lives until the node stops.  See `service` for one that is
    there from the start.
    """
    return server.start(this_process().runtime, Atom(scope))


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
    found = server.find(this_process().runtime, scope)
    return [] if found is None else found.members(group)


def get_local_members(group: Term, *, scope: str = PG) -> list[Pid]:
    """The members on this node."""
    found = server.find(this_process().runtime, scope)
    return [] if found is None else found.local_members(group)


def which_groups(*, scope: str = PG) -> list[Term]:
    """The groups that have members."""
    found = server.find(this_process().runtime, scope)
    return [] if found is None else list(found.groups)


def which_local_groups(*, scope: str = PG) -> list[Term]:
    """The groups that have members on this node."""
    found = server.find(this_process().runtime, scope)
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


def _scope(name: str) -> Scope:
    scope = server.find(this_process().runtime, name)
    if scope is None:
        raise NoProc((_NOPROC, (PG, Atom(name))))
    return scope


def _local(runtime: Runtime, pids: Pid | list[Pid]) -> Pids:
    """The pids as a list; all of them must be of this node."""
    members = pids_of(pids)
    if members is None:
        raise BadArg(f"a pid or a list of pids joins and leaves groups, not {pids!r}")
    for pid in members:
        if not runtime.is_local(pid):
            raise ErlangError((_NOLOCAL, pid))
    return members


def _is_change(message: Term, ref: Reference) -> bool:
    return isinstance(message, tuple) and len(message) == 4 and message[0] == ref
