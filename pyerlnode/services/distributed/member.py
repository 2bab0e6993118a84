"""One node's part of a distributed supervisor: it knows the children of all nodes and runs its own.

Members find each other by `pg`, wait until `global` has the same names on both nodes, and tell
each other, in casts, which children they run:

    {which, Member}                           what do you run?
    {runs, Member, [Spec]}                    all of it
    {started, Member, Spec}                   it runs there now
    {left, Member, Id}                        it does not run there any more, and must elsewhere
    {ended, Member, Id}, {removed, Id}        it is over

Only who runs a child speaks of it, so there is nothing to agree on.  What no member runs
moves: every member puts it down as moving, and the one that it is to run on by `ranked`
starts it.  It stays moving until somebody says that it runs, and who is to start it is
considered again when members come and go, when its old process ends and at intervals: views that
differ for a moment put that off, and lose nothing.

That a child does not run twice is for its global name to see to (`unique.py`).  Where nodes were
apart both sides run it; whoever does not have the name when they are together again ends its
own, if the other one says that it runs there.  That is looked at when it is heard of, and at
intervals.

Proof: tests/services/distributed/test_distributed_supervisor.py.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg, Exit, NodeDown, NoProc, TermEncodeError
from pyerlnode.otp import ChildSpec, DynamicSupervisor, GenServer, NoReply, Reply, reports
from pyerlnode.otp.supervisor.child import TEMPORARY, Child, Start
from pyerlnode.process import monitor, send_after, spawn, this_process
from pyerlnode.process import self as own_pid
from pyerlnode.services import global_, pg
from pyerlnode.services.distributed.placement import ranked
from pyerlnode.services.distributed.table import Table, child_of
from pyerlnode.services.distributed.unique import ALREADY_STARTED, RESOLVE, UniqueStart
from pyerlnode.term import Atom, Pid, Reference, Term, encode, exact_bytes, to_elixir

if TYPE_CHECKING:
    from pyerlnode.otp import Caller

__all__ = ["SCOPE", "Member"]

logger = logging.getLogger("pyerlnode.distributed")

SCOPE: Final = Atom("pyerlnode_distributed")
# Seconds until a child that could not be moved is looked at again, and after its old process has ended.
RETRY, SOON = 1.0, 0.02
# Seconds between two looks whether this node's children have their names.
CHECK = 5.0

_OK, _ERROR, _NOT_FOUND = Atom("ok"), Atom("error"), Atom("not_found")
_NODEDOWN, _BADARG, _RUNNING = Atom("nodedown"), Atom("badarg"), Atom("running")
_ALREADY_PRESENT, _UNDEFINED = Atom("already_present"), Atom("undefined")
_START_HERE, _STOP_HERE = Atom("start_here"), Atom("stop_here")
_MET, _WHICH, _RUNS, _STARTED = Atom("met"), Atom("which"), Atom("runs"), Atom("started")
_LEFT, _ENDED, _REMOVED = Atom("left"), Atom("ended"), Atom("removed")
_ADOPT, _CHECK, _RECHECK = Atom("adopt"), Atom("check"), Atom("recheck")


class Member(GenServer, module="Elixir.DistributedSupervisor.Member"):
    """Registered as the supervisor's name; `local` is the DynamicSupervisor of this node's children."""

    def init(self, name: Any, local: Any, distribution: Any) -> None:
        self.name, self.local, self.distribution = name, local, distribution
        self.own = own_pid()
        self.table = Table(name, self.own)
        #: the other members, by the monitor on each
        self.members: dict[Pid, Reference] = {}
        #: this node's children
        self.pids: dict[bytes, Pid] = {}
        self.watched: dict[Reference, bytes] = {}
        #: of the old processes of children that are to be started here
        self.awaited: dict[Reference, Pid] = {}
        self.asked = False
        _join_scope()
        pg.join(name, self.own, scope=SCOPE)
        _, members = pg.monitor(name, scope=SCOPE)
        self.meet(members)
        send_after(CHECK, self.own, _RECHECK)

    def __state__(self) -> Term:
        return self.table.state()

    @property
    def children(self) -> dict[bytes, Child]:
        """What runs here."""
        return self.table.running[self.own]

    # --- requests -----------------------------------------------------------------------------

    async def handle_call(self, request: Term, caller: Caller) -> Any:
        try:
            encode(request)
        except TermEncodeError:
            # Of a process of this node; the others are told of all that is asked.
            return Reply((_ERROR, _BADARG))
        return await self.answer(request, caller)

    async def answer(self, request: Term, caller: Caller) -> Any:
        match request:
            case "which_children":
                return Reply(self.table.shown())
            case "count_children":
                return Reply(self.table.counted())
            case "members":
                return Reply(sorted(member.node for member in self.table.running))
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
                child = self.table.find(exact_bytes(id))
                return Reply((_ERROR, _NOT_FOUND) if child is None else (_OK, child.as_spec()))
            case ("delete_child" | "restart_child", id):
                known = self.table.find(exact_bytes(id)) is not None
                return Reply((_ERROR, _RUNNING if known else _NOT_FOUND))
        return Reply((_ERROR, _BADARG))

    def place(self, spec: Term, node: Atom | None, caller: Caller) -> Any:
        """Find a member that starts a new child; another process waits for it, and answers."""
        child = child_of(spec)
        if not isinstance(child, Child):
            return Reply((_ERROR, child))
        key = exact_bytes(child.id)
        holder = self.table.where(child)
        if holder is not None:
            return Reply((_ERROR, (ALREADY_STARTED, holder)))
        if self.table.find(key) is not None:
            return Reply((_ERROR, _ALREADY_PRESENT))
        candidates = ranked(self.table.running, key, self.distribution)
        if node is not None:
            candidates = [member for member in candidates if member.node == node]
        spawn(_ask_in_turn, candidates, (_START_HERE, child.as_spec()), (_NODEDOWN, node), caller)
        return NoReply()

    def terminate_anywhere(self, id: Term, caller: Caller) -> Any:
        """Let whoever runs a child end it; one that moves is forgotten."""
        key = exact_bytes(id)
        owners = self.table.owners(key)
        if self.table.moving.pop(key, None) is None and not owners:
            return Reply((_ERROR, _NOT_FOUND))
        self.tell_all((_REMOVED, id))
        if not owners:
            return Reply(_OK)
        # After a partition there may be two for a moment.
        for owner in owners[1:]:
            spawn(_ask_in_turn, [owner], (_STOP_HERE, id), _NOT_FOUND, None)
        spawn(_ask_in_turn, owners[:1], (_STOP_HERE, id), _NOT_FOUND, caller)
        return NoReply()

    # --- this node's children -----------------------------------------------------------------

    async def start_here(self, spec: Term) -> Term:
        """Start a child on this node; the reply to `start_child`."""
        child = child_of(spec)
        if not isinstance(child, Child):
            return (_ERROR, child)
        start = Start(child.start.mfa, UniqueStart(self.name, child, self.own))
        try:
            started = await DynamicSupervisor.start_child(self.local, _local(child, start))
        except Exit as error:
            return (_ERROR, error.reason)
        if started is None:
            return (_OK, _UNDEFINED)
        pid, info = started if isinstance(started, tuple) else (started, None)
        self.table.runs(self.own, child)
        self.watch(exact_bytes(child.id), pid)
        self.tell_all((_STARTED, self.own, child.as_spec()))
        return (_OK, pid) if info is None else (_OK, pid, info)

    def watch(self, key: bytes, pid: Pid) -> None:
        """A child's process, the first one or a later one."""
        self.pids[key] = pid
        self.watched[monitor(pid)] = key

    async def stop_here(self, key: bytes) -> Term:
        """End a child of this node; it is over."""
        if key not in self.children:
            return (_ERROR, _NOT_FOUND)
        pid = self.pids[key]
        self.over(key)
        await self.end(pid)
        return _OK

    async def end(self, pid: Pid) -> None:
        with suppress(Exit):  # it has ended by itself, or is being started again
            await DynamicSupervisor.terminate_child(self.local, pid)

    def over(self, key: bytes) -> None:
        """A child of this node is over."""
        child = self.children.get(key)
        self.pids.pop(key, None)
        if child is not None:
            self.table.ended(self.own, key)
            self.tell_all((_ENDED, self.own, child.id))

    async def restarted(self, key: bytes, pid: Pid) -> None:
        """The local supervisor has started a child again."""
        if key in self.children:
            self.watch(key, pid)
        else:
            # Meanwhile it was to end.
            await self.end(pid)

    def process_ended(self, key: bytes, reason: Term) -> None:
        """A child's process has ended; the local supervisor restarts it, unless that was its end."""
        child = self.children.get(key)
        if child is None:
            return
        if child.restart == TEMPORARY or (child.restart == "transient" and reports.is_quiet(reason)):
            self.over(key)

    # --- a child that runs twice --------------------------------------------------------------

    async def check(self) -> None:
        """Look whether the children of this node have their names."""
        for key, child in list(self.children.items()):
            pid, holder = self.pids[key], self.table.where(child)
            if pid == holder or not _lives(pid):
                continue  # what has ended is being restarted
            if holder is None:
                spawn(global_.register_name, (self.name, child.id), pid, RESOLVE)
            elif any(member.node == holder.node for member in self.table.owners(key)):
                await self.leave(key)

    async def leave(self, key: bytes) -> None:
        """A child of this node runs elsewhere, too, and has its name there: it is ended here."""
        child, pid = self.children.get(key), self.pids.pop(key, None)
        if child is None:
            return
        if pid is not None and _lives(pid):
            where = to_elixir(child.id)
            logger.warning("%s: %s runs on another node, too, and is ended here", self.name, where)
            spawn(self.end, pid)
        self.tell_all((_LEFT, self.own, child.id))
        self.table.left(self.own, key)
        await self.adopt()

    # --- members ------------------------------------------------------------------------------

    def meet(self, members: list[Pid]) -> None:
        """Get to know members, each when its node has the same names: else a child could run twice."""
        for member in members:
            if member not in self.table.running:
                spawn(_meet, self.own, member)

    def met(self, member: Pid) -> None:
        if member not in self.table.running:
            self.members[member] = monitor(member)
            self.table.running[member] = {}
            GenServer.cast(member, (_WHICH, self.own))

    def tell_all(self, message: Term) -> None:
        for member in self.members:
            GenServer.cast(member, message)

    # --- children that move -------------------------------------------------------------------

    async def adopt(self) -> None:
        """Start those children that move and are to run here."""
        for key, child in list(self.table.moving.items()):
            if ranked(self.table.running, key)[0] == self.own:
                await self.take(child)
        if self.table.moving and not self.asked:
            self.asked = True
            send_after(RETRY, self.own, _ADOPT)

    async def take(self, child: Child) -> None:
        match await self.start_here(child.as_spec()):
            case ("error", ("already_started", Pid() as holder)):
                # The old process has not ended yet, as far as is known here.
                if holder not in self.awaited.values():
                    self.awaited[monitor(holder)] = holder
            case ("error", reason):
                texts = map(to_elixir, (child.id, reason))
                logger.error("%s: %s cannot be moved here: %s", self.name, *texts)
            case ("ok", "undefined"):
                self.table.moving.pop(exact_bytes(child.id), None)
                self.tell_all((_REMOVED, child.id))

    # --- what comes ---------------------------------------------------------------------------

    async def handle_cast(self, request: Term) -> Any:
        match request:
            case ("met", Pid() as member):
                self.met(member)
            case ("which", Pid() as member):
                specs = [child.as_spec() for child in self.children.values()]
                GenServer.cast(member, (_RUNS, self.own, specs))
            case (str(), Pid() as member, _) if member in self.members:
                await self.heard(request)
            case ("removed", id):
                self.table.moving.pop(exact_bytes(id), None)
            case ("started_here", id, Pid() as pid):
                await self.restarted(exact_bytes(id), pid)
            case ("over", id):
                self.over(exact_bytes(id))
            case ("lost", id, (Pid() | None) as pid):
                key = exact_bytes(id)
                if pid is None or self.pids.get(key) == pid:
                    await self.leave(key)
        return NoReply()

    async def heard(self, said: Term) -> None:
        """What a member says of its own children; of one that is not known yet all is asked later."""
        match said:
            case ("runs", Pid() as member, list() as specs):
                self.table.running[member] = {}
                for spec in specs:
                    self.runs_there(member, spec)
            case ("started", Pid() as member, spec):
                self.runs_there(member, spec)
            case ("left", Pid() as member, id):
                self.table.left(member, exact_bytes(id))
                await self.adopt()
            case ("ended", Pid() as member, id):
                self.table.ended(member, exact_bytes(id))

    def runs_there(self, member: Pid, spec: Term) -> None:
        child = child_of(spec)
        if isinstance(child, Child):
            self.table.runs(member, child)
            if exact_bytes(child.id) in self.pids:
                send_after(SOON, self.own, _CHECK)

    async def handle_info(self, message: Term) -> Any:
        match message:
            case (Reference(), "join", _, list() as pids):
                self.meet(pids)
            case ("DOWN", Reference() as ref, "process", Pid() as pid, reason):
                await self.down(ref, pid, reason)
            case "adopt":
                self.asked = False
                await self.adopt()
            case "check":
                await self.check()
            case "recheck":
                send_after(CHECK, self.own, _RECHECK)
                await self.check()
        return NoReply()

    async def down(self, ref: Reference, pid: Pid, reason: Term) -> None:
        """A member, a child of this node, or the old process of a child that is to run here."""
        if self.members.get(pid) == ref:
            del self.members[pid]
            self.table.gone(pid)
            await self.adopt()
        elif ref in self.watched:
            self.process_ended(self.watched.pop(ref), reason)
        elif self.awaited.pop(ref, None) is not None:
            # `global` hears of it in the same moment.
            send_after(SOON, self.own, _ADOPT)


async def _meet(own: Pid, member: Pid) -> None:
    await global_.sync([member.node])
    GenServer.cast(own, (_MET, member))


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


def _local(child: Child, start: Start) -> ChildSpec:
    """The specification for the local supervisor, times in seconds."""
    shutdown = child.shutdown / 1000 if isinstance(child.shutdown, int) else child.shutdown
    return ChildSpec(Atom("child"), start, child.restart, shutdown, child.type, child.modules)


def _lives(pid: Pid) -> bool:
    return this_process().runtime.process(pid) is not None
