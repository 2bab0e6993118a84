"""One node's part of a distributed supervisor: it knows the children of all nodes and runs its own.

Members find each other by `pg` and tell each other, in casts, which children they run:

    {runs, Member, [Spec]}                    all of them, to a member that is new
    {started, Member, Spec}                   it runs there now
    {left, Member, Id}                        it does not run there any more, and must elsewhere
    {ended, Member, Id}, {removed, Id}        it is over

Only who runs a child speaks of it, so there is nothing to agree on.  What no member runs
moves: every member puts it down as moving, and the one that it is to run on by `ranked`
starts it.  It stays moving until somebody says that it runs, and who is to start it is
considered again when members come and go, when its old process ends and at intervals: views that
differ for a moment put that off, and lose nothing.

That a child does not run twice is for its global name to see to (`unique.py`).  Where nodes were
apart both sides run it; whoever does not have the name when they are together again ends
its own, if the other one says that it runs there.  That is looked at when it is heard of, and at intervals.

Proof: tests/services/distributed/test_distributed_supervisor.py.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg, Exit, NodeDown, NoProc
from pyerlnode.otp import ChildSpec, DynamicSupervisor, GenServer, NoReply, Reply, reports
from pyerlnode.otp.supervisor.child import RESTARTING, SUPERVISOR, TEMPORARY, Child, SpecError, Start
from pyerlnode.otp.supervisor.supervising import counted
from pyerlnode.process import monitor, send_after, spawn, this_process
from pyerlnode.process import self as own_pid
from pyerlnode.services import global_, pg
from pyerlnode.services.distributed.placement import ranked
from pyerlnode.services.distributed.unique import ALREADY_STARTED, RESOLVE, UniqueStart
from pyerlnode.term import Atom, Pid, Reference, Term, exact_bytes, to_elixir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyerlnode.otp import Caller

__all__ = ["SCOPE", "Member"]

logger = logging.getLogger("pyerlnode.distributed")

SCOPE: Final = Atom("pyerlnode_distributed")
# Seconds until a child that could not be moved is looked at again, and after its old process has ended.
RETRY, SOON = 1.0, 0.02
# Seconds between two looks whether this node's children have their names.
CHECK = 5.0

_OK, _ERROR, _NOT_FOUND = Atom("ok"), Atom("error"), Atom("not_found")
_RUNS, _STARTED, _ENDED, _REMOVED = Atom("runs"), Atom("started"), Atom("ended"), Atom("removed")
_START_HERE, _STOP_HERE, _ADOPT = Atom("start_here"), Atom("stop_here"), Atom("adopt")
_LEFT, _CHECK, _RECHECK = Atom("left"), Atom("check"), Atom("recheck")
_NODEDOWN, _BADARG, _RUNNING = Atom("nodedown"), Atom("badarg"), Atom("running")
_ALREADY_PRESENT = Atom("already_present")

Children = dict[bytes, Child]


class Member(GenServer, module="Elixir.DistributedSupervisor.Member"):
    """Registered as the supervisor's name; `local` is the DynamicSupervisor of this node's children."""

    def init(self, name: Any, local: Any, distribution: Any) -> None:
        self.name, self.local, self.distribution = name, local, distribution
        #: the other members, by the monitor on each
        self.members: dict[Pid, Reference] = {}
        #: what each of them runs, this one included
        self.running: dict[Pid, Children] = {own_pid(): {}}
        self.moving: Children = {}
        #: this node's children
        self.pids: dict[bytes, Pid] = {}
        self.watched: dict[Reference, bytes] = {}
        #: of the old processes of children that are to be started here
        self.awaited: dict[Reference, Pid] = {}
        self.asked = False
        _join_scope()
        pg.join(name, own_pid(), scope=SCOPE)
        _, members = pg.monitor(name, scope=SCOPE)
        for member in members:
            self.meet(member)
        send_after(CHECK, own_pid(), _RECHECK)

    def __state__(self) -> Term:
        running = {member.node: _ids(children) for member, children in self.running.items()}
        return {Atom("running"): running, Atom("moving"): _ids(self.moving)}

    # --- requests -----------------------------------------------------------------------------

    async def handle_call(self, request: Term, caller: Caller) -> Any:
        match request:
            case "which_children":
                return Reply([self.shown(child) for child in self.all_children()])
            case "count_children":
                return Reply(self.count())
            case "members":
                return Reply(sorted(member.node for member in self.running))
            case ("start_child", spec):
                return self.place(spec, None, caller)
            case ("start_child", spec, Atom() as node):
                return self.place(spec, node, caller)
            case ("start_here", spec):
                return Reply(await self.start_here(spec))
            case ("terminate_child", id):
                return self.terminate_anywhere(id, caller)
            case ("stop_here", id):
                return Reply(await self.stop_here(exact_bytes(id)))
            case ("get_childspec", id):
                child = self.find(exact_bytes(id))
                return Reply((_ERROR, _NOT_FOUND) if child is None else (_OK, child.as_spec()))
            case ("delete_child" | "restart_child", id):
                known = self.find(exact_bytes(id)) is not None
                return Reply((_ERROR, _RUNNING if known else _NOT_FOUND))
        return Reply((_ERROR, _BADARG))

    def place(self, spec: Term, node: Atom | None, caller: Caller) -> Any:
        """Find a member that starts a new child; another process waits for it, and answers."""
        child = _child(spec)
        if not isinstance(child, Child):
            return Reply((_ERROR, child))
        key = exact_bytes(child.id)
        holder = global_.whereis_name((self.name, child.id))
        if holder is not None:
            return Reply((_ERROR, (ALREADY_STARTED, holder)))
        if self.find(key) is not None:
            return Reply((_ERROR, _ALREADY_PRESENT))
        candidates = ranked(self.running, key, self.distribution)
        if node is not None:
            candidates = [member for member in candidates if member.node == node]
        spawn(_ask_in_turn, candidates, (_START_HERE, child.as_spec()), (_NODEDOWN, node), caller)
        return NoReply()

    def terminate_anywhere(self, id: Term, caller: Caller) -> Any:
        """Let whoever runs a child end it; one that moves is forgotten."""
        key = exact_bytes(id)
        owners = self.owners(key)
        if self.moving.pop(key, None) is None and not owners:
            return Reply((_ERROR, _NOT_FOUND))
        self.tell_all((_REMOVED, id))
        if not owners:
            return Reply(_OK)
        # After a partition there may be two for a moment.
        for owner in owners[1:]:
            spawn(_ask_in_turn, [owner], (_STOP_HERE, id), _NOT_FOUND, None)
        spawn(_ask_in_turn, owners[:1], (_STOP_HERE, id), _NOT_FOUND, caller)
        return NoReply()

    async def start_here(self, spec: Term) -> Term:
        """Start a child on this node; the reply to `start_child`."""
        child = _child(spec)
        if not isinstance(child, Child):
            return (_ERROR, child)
        unique = UniqueStart(self.name, child, own_pid())
        local = ChildSpec(Atom("child"), Start(child.start.mfa, unique), **_rest(child))
        try:
            started = await DynamicSupervisor.start_child(self.local, local)
        except Exit as error:
            return (_ERROR, error.reason)
        if started is None:
            return (_OK, Atom("undefined"))
        self.started(child, started[0] if isinstance(started, tuple) else started)
        return (_OK, *started) if isinstance(started, tuple) else (_OK, started)

    async def stop_here(self, key: bytes) -> Term:
        """End a child of this node and forget it."""
        if key not in self.running[own_pid()]:
            return (_ERROR, _NOT_FOUND)
        pid = self.pids[key]
        self.forget(key)
        await self.end(pid)
        return _OK

    # --- what is known ------------------------------------------------------------------------

    def owners(self, key: bytes) -> list[Pid]:
        """The members that say that they run a child."""
        return [member for member, children in self.running.items() if key in children]

    def find(self, key: bytes) -> Child | None:
        """A child, whoever runs it."""
        for children in self.running.values():
            if key in children:
                return children[key]
        return self.moving.get(key)

    def all_children(self) -> Iterator[Child]:
        """Each child once, also where two members run it for the moment."""
        known: Children = dict(self.moving)
        for children in self.running.values():
            known.update(children)
        return iter(known.values())

    def shown(self, child: Child) -> Term:
        holder = global_.whereis_name((self.name, child.id))
        return (child.id, RESTARTING if holder is None else holder, child.type, child.modules)

    def count(self) -> Term:
        children = list(self.all_children())
        supervisors = sum(child.type == SUPERVISOR for child in children)
        active = sum(global_.whereis_name((self.name, child.id)) is not None for child in children)
        return counted(len(children), active, supervisors, len(children) - supervisors)

    # --- this node's children -----------------------------------------------------------------

    def started(self, child: Child, pid: Pid) -> None:
        """A child runs here, from now on or again."""
        key = exact_bytes(child.id)
        self.moving.pop(key, None)
        self.running[own_pid()][key] = child
        self.pids[key] = pid
        self.watched[monitor(pid)] = key
        self.tell_all((_STARTED, own_pid(), child.as_spec()))

    async def restarted(self, key: bytes, pid: Pid) -> None:
        """The local supervisor has started a child again."""
        if key in self.running[own_pid()]:
            self.pids[key] = pid
            self.watched[monitor(pid)] = key
        else:
            # Meanwhile it was to end.
            await self.end(pid)

    async def end(self, pid: Pid) -> None:
        with suppress(Exit):  # it has ended by itself, or is being started again
            await DynamicSupervisor.terminate_child(self.local, pid)

    def forget(self, key: bytes) -> None:
        """A child of this node is over."""
        child = self.running[own_pid()].pop(key, None)
        self.pids.pop(key, None)
        if child is not None:
            self.tell_all((_ENDED, own_pid(), child.id))

    def ended(self, key: bytes, reason: Term) -> None:
        """A child's process has ended; the local supervisor restarts it, unless that was its end."""
        child = self.running[own_pid()].get(key)
        if child is None:
            return
        if child.restart == TEMPORARY or (child.restart == "transient" and reports.is_quiet(reason)):
            self.forget(key)

    async def leave(self, key: bytes) -> None:
        """A child of this node runs elsewhere, too, and has its name there: it is ended here."""
        child = self.running[own_pid()].pop(key, None)
        pid = self.pids.pop(key, None)
        if child is None:
            return
        if pid is not None and _lives(pid):
            logger.warning(
                "%s: %s runs on another node, too, and is ended here", self.name, to_elixir(child.id)
            )
            spawn(self.end, pid)
        self.tell_all((_LEFT, own_pid(), child.id))
        await self.move_if_nowhere(key, child)

    async def check(self) -> None:
        """Look whether the children of this node have their names."""
        for key, child in list(self.running[own_pid()].items()):
            pid, name = self.pids[key], (self.name, child.id)
            holder = global_.whereis_name(name)
            if pid == holder or not _lives(pid):
                continue  # what has ended is being restarted
            if holder is None:
                spawn(global_.register_name, name, pid, RESOLVE)
            elif any(member.node == holder.node for member in self.owners(key)):
                await self.leave(key)

    # --- members ------------------------------------------------------------------------------

    def meet(self, member: Pid) -> None:
        """A member that is heard of for the first time learns what runs here."""
        if member in self.running:
            return
        self.members[member] = monitor(member)
        self.running[member] = {}
        GenServer.cast(member, (_RUNS, own_pid(), self.specs()))

    def specs(self) -> list[Term]:
        return [child.as_spec() for child in self.running[own_pid()].values()]

    async def gone(self, member: Pid) -> None:
        """A member is lost: its children move."""
        del self.members[member]
        for key, child in self.running.pop(member).items():
            self.move(key, child)
        await self.adopt()

    def move(self, key: bytes, child: Child) -> None:
        if child.restart != TEMPORARY and self.find(key) is None:
            self.moving[key] = child

    async def move_if_nowhere(self, key: bytes, child: Child) -> None:
        self.move(key, child)
        if key in self.moving:
            await self.adopt()

    async def adopt(self) -> None:
        """Start those children that move and are to run here."""
        for key, child in list(self.moving.items()):
            if ranked(self.running, key)[0] == own_pid():
                await self.take(child)
        if self.moving and not self.asked:
            self.asked = True
            send_after(RETRY, own_pid(), _ADOPT)

    async def take(self, child: Child) -> None:
        match await self.start_here(child.as_spec()):
            case ("error", ("already_started", Pid() as holder)):
                # The old process has not ended yet, as far as is known here.
                if holder not in self.awaited.values():
                    self.awaited[monitor(holder)] = holder
            case ("error", reason):
                logger.error(
                    "%s: %s cannot be moved here: %s", self.name, *map(to_elixir, (child.id, reason))
                )
            case ("ok", "undefined"):
                self.moving.pop(exact_bytes(child.id), None)
                self.tell_all((_REMOVED, child.id))

    def tell_all(self, message: Term) -> None:
        for member in self.members:
            GenServer.cast(member, message)

    # --- what comes ---------------------------------------------------------------------------

    async def handle_cast(self, request: Term) -> Any:
        match request:
            case ("runs", Pid() as member, list() as specs):
                self.meet(member)
                self.running[member] = {}
                for spec in specs:
                    self.heard(member, spec)
            case ("started", Pid() as member, spec):
                self.meet(member)
                self.heard(member, spec)
            case ("ended", Pid() as member, id):
                self.running.get(member, {}).pop(exact_bytes(id), None)
                self.moving.pop(exact_bytes(id), None)
            case ("removed", id):
                self.moving.pop(exact_bytes(id), None)
            case ("started_here", id, Pid() as pid):
                await self.restarted(exact_bytes(id), pid)
            case ("left", Pid() as member, id) if member != own_pid():
                key = exact_bytes(id)
                child = self.running.get(member, {}).pop(key, None)
                if child is not None:
                    await self.move_if_nowhere(key, child)
            case ("over", id):
                self.forget(exact_bytes(id))
            case ("lost", id, (Pid() | None) as pid):
                key = exact_bytes(id)
                if pid is None or self.pids.get(key) == pid:
                    await self.leave(key)
        return NoReply()

    def heard(self, member: Pid, spec: Term) -> None:
        child = _child(spec)
        if isinstance(child, Child):
            key = exact_bytes(child.id)
            self.moving.pop(key, None)
            self.running[member][key] = child
            if key in self.pids and member != own_pid():
                send_after(SOON, own_pid(), _CHECK)

    async def handle_info(self, message: Term) -> Any:
        match message:
            case (Reference(), "join", _, list() as pids):
                for pid in pids:
                    self.meet(pid)
            case ("DOWN", Reference() as ref, "process", Pid() as pid, reason):
                if self.members.get(pid) == ref:
                    await self.gone(pid)
                elif ref in self.watched:
                    self.ended(self.watched.pop(ref), reason)
                elif self.awaited.pop(ref, None) is not None:
                    # `global` hears of it in the same moment.
                    send_after(SOON, own_pid(), _ADOPT)
            case "adopt":
                self.asked = False
                await self.adopt()
            case "check":
                await self.check()
            case "recheck":
                send_after(CHECK, own_pid(), _RECHECK)
                await self.check()
        return NoReply()


async def _ask_in_turn(members: list[Pid], request: Term, otherwise: Term, caller: Caller | None) -> None:
    """Ask members until one is there; its answer is that to `caller`."""
    reply: Term = (_ERROR, otherwise)
    for member in members:
        try:
            reply = await GenServer.call(member, request, None)
            break
        except (NodeDown, NoProc):
            continue
        except Exit as error:
            reply = (_ERROR, error.reason)
            break
    if caller is not None:
        GenServer.reply(caller, reply)


def _join_scope() -> None:
    try:
        pg.start(SCOPE)
    except BadArg:
        # Another supervisor of this node has started it.
        pg.which_groups(scope=SCOPE)


def _child(spec: Term) -> Any:
    """A child out of a specification; the reason for one that is wrong."""
    try:
        return Child.from_term(spec)
    except SpecError as error:
        return error.reason


def _rest(child: Child) -> dict[str, Any]:
    """The fields of a ChildSpec, times in seconds, but for id and start."""
    shutdown = child.shutdown / 1000 if isinstance(child.shutdown, int) else child.shutdown
    return {"restart": child.restart, "shutdown": shutdown, "type": child.type, "modules": child.modules}


def _lives(pid: Pid) -> bool:
    return this_process().runtime.process(pid) is not None


def _ids(children: Children) -> list[Term]:
    return [child.id for child in children.values()]
