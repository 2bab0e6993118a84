"""The process of a scope: what it hears, from this node and from others, and how it is started and found.

Whatever comes, it does not end: all the members of this node would be lost with it.

Source: pg.erl of OTP 25, 27 and 29; the messages are those of scope.py.
Proof: tests/services/test_pg_scopes.py, tests/services/test_random_messages.py, interop/test_pg.py.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg
from pyerlnode.node.router import NODEUP, Router
from pyerlnode.otp import GenServer, NoReply, Reply, proc_lib
from pyerlnode.otp.dispatch import handlers_of
from pyerlnode.otp.server import Server
from pyerlnode.services.pg.scope import Scope
from pyerlnode.term import Atom, Map, Pid, Reference, Term, to_elixir

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyerlnode.node import NodeEvent
    from pyerlnode.process import Process, Runtime
    from pyerlnode.services.pg.members import Pids

__all__ = ["PG", "find", "pids_of", "start"]

logger = logging.getLogger("pyerlnode.pg")

PG: Final = Atom("pg")
_OK, _NOT_JOINED, _INIT = Atom("ok"), Atom("not_joined"), Atom("init")
_ERROR, _BADARG = Atom("error"), Atom("badarg")


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
            case ("join", Pid() as peer, group, pids) if (members := pids_of(pids)) is not None:
                scope.changed(peer, group, members, [])
            case ("leave", Pid() as peer, pids, list() as groups) if (members := pids_of(pids)) is not None:
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
                    self.scope.changed(peer, group, pids_of(add) or [], pids_of(remove) or [])

    def unknown(self, message: Term) -> None:
        """Say that a message was dropped."""
        logger.warning("%s: a message that pg does not know: %s", self.scope.name, to_elixir(message)[:200])


class ScopeProcess(Server):
    """Keeps the scope where those find it who look the name up, even before its first turn."""

    __slots__ = ("scope",)

    def __init__(self, scope: Scope) -> None:
        super().__init__(ScopeServer, handlers_of(ScopeServer, GenServer), (scope,), None)
        self.scope = scope


# --- starting and finding -------------------------------------------------------------------


def start(runtime: Runtime, name: Atom) -> Pid:
    """Start a scope on a node; BadArg if a process has the name."""
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


def find(runtime: Runtime, name: str) -> Scope | None:
    """The scope of that name on a node, if there is one."""
    process = runtime.registered_process(name)
    behaviour = None if process is None else process.behaviour
    return behaviour.scope if isinstance(behaviour, ScopeProcess) else None


# --- pids and groups, as messages have them ---------------------------------------------------


def _local_pids(scope: Scope, term: Term) -> Pids | None:
    """As `pids_of`; None, too, if one is of another node."""
    members = pids_of(term)
    return members if members is not None and all(map(scope.runtime.is_local, members)) else None


def pids_of(term: Term) -> Pids | None:
    """A pid or a list of pids as a list; None for anything else."""
    if type(term) is Pid:
        return [term]
    if type(term) is list and all(type(pid) is Pid for pid in term):
        return term
    return None


def _groups(pairs: Iterable[Term]) -> list[tuple[Term, Pids]] | None:
    found: list[tuple[Term, Pids]] = []
    for pair in pairs:
        members = pids_of(pair[1]) if type(pair) is tuple and len(pair) == 2 else None
        if members is None:
            return None
        found.append((pair[0], members))
    return found


def _groups_of_map(term: Term) -> list[tuple[Term, Pids]] | None:
    return _groups(term.items()) if hasattr(term, "items") else None
