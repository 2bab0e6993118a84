"""What runs in the process of a Supervisor.

The children stand in the order in which they were started.  A child that has ended is
restarted by the strategy: alone, with all others, or with those that were started after
it.  Each attempt counts for the intensity; one that fails leaves the child `restarting`,
and the supervisor tells itself to try again, so that requests come between.

Source: supervisor.erl of OTP's stdlib (27).
Proof: tests/otp/test_supervisor_*.py, interop/test_supervisor.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import ErlangError, Exit
from pyerlnode.otp import gen, reports
from pyerlnode.otp.proc_lib import IGNORE
from pyerlnode.otp.supervisor import reports as supervisor_reports
from pyerlnode.otp.supervisor.child import (
    NEVER,
    PERMANENT,
    RESTARTING,
    SUPERVISOR,
    TEMPORARY,
    Child,
    SpecError,
    exact,
)
from pyerlnode.otp.supervisor.child_spec import as_child
from pyerlnode.otp.supervisor.flags import SIMPLE, Flags, Supervision
from pyerlnode.otp.supervisor.restart_intensity import RestartIntensity
from pyerlnode.otp.supervisor.simple_children import SimpleChildren
from pyerlnode.otp.supervisor.supervising import (
    ERROR,
    OK,
    SHUTDOWN,
    TRY_AGAIN,
    UNHANDLED,
    Raised,
    Supervising,
    as_reply,
    begin_child,
    counted,
    ended_as_told,
    shut_down,
    start_result,
)
from pyerlnode.term import Atom, Map, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["SupervisorServer"]

_NOT_FOUND: Final = (ERROR, Atom("not_found"))
_ALREADY_STARTED = Atom("already_started")
_EXIT = Atom("EXIT")


class SupervisorServer(Supervising):
    """One supervisor; its children are in `children`, or in `simple` for simple_one_for_one."""

    __slots__ = ("children", "flags", "restarts", "simple")

    # --- starting ---------------------------------------------------------------------------

    async def begin(self, result: Any) -> None:
        self.children: dict[Map, Child] = {}
        self.simple: SimpleChildren | None = None
        self.flags, specs = self._flags_and_specs(result)
        self.restarts = RestartIntensity(self.flags.intensity, self.flags.period)
        if self.flags.strategy == SIMPLE:
            self.simple = SimpleChildren(self, _only(specs))
            return
        self.children = self._checked(specs, self.flags)
        failed = await self._start_children()
        if failed is not None:
            await self.stop_children()
            raise Exit((SHUTDOWN, failed))

    def changed(self, result: Any) -> None:
        """Children keep their processes; whose specification is gone keeps that, too."""
        flags, specs = self._flags_and_specs(result)
        if (flags.strategy == SIMPLE) is not (self.simple is not None):
            raise SpecError((Atom("invalid_strategy"), flags.strategy))
        if self.simple is not None:
            self.simple.child = _only(specs)
        else:
            checked = self._checked(specs, flags)
            for key, child in checked.items():
                child.pid = self.children[key].pid if key in self.children else None
            self.children |= checked
        self.flags = flags
        self.restarts.intensity, self.restarts.period = flags.intensity, flags.period

    def _flags_and_specs(self, result: Any) -> tuple[Flags, Any]:
        if isinstance(result, Supervision):
            return result.flags, result.children
        if type(result) is not tuple or len(result) != 2 or result[0] != OK:
            raise self.bad_return(result)
        if type(result[1]) is not tuple or len(result[1]) != 2:
            raise SpecError((Atom("supervisor_data"), (Atom("invalid_type"), result[0])))
        return _flags(result[1][0]), result[1][1]

    @staticmethod
    def _checked(specs: Any, flags: Flags) -> dict[Map, Child]:
        if not isinstance(specs, list):
            args: list[Term] = [specs, [], {}, flags.auto_shutdown]
            call: Term = (Atom("supervisor"), Atom("check_startspec"), args, [])
            raise ErlangError(Atom("function_clause"), [call])
        children: dict[Map, Child] = {}
        for spec in specs:
            child = _start_spec(spec, flags.auto_shutdown)
            key = exact(child.id)
            if key in children:
                raise SpecError((Atom("start_spec"), (Atom("duplicate_child_name"), child.id)))
            children[key] = child
        return children

    async def start_one(self, child: Child, after: Sequence[Term] = ()) -> Term:
        """Start a child: `{ok, Pid}`, `{ok, Pid, Info}` or `{error, Reason}`, Pid None if ignored."""
        try:
            result = await begin_child(self.process, child.start, after=after)
        except Raised as raised:
            if raised.kind != "throw":
                reason = raised.reason if raised.kind == "exit" else (raised.reason, raised.stack)
                return (ERROR, (_EXIT, reason))
            result = raised.reason
        result = start_result(result)
        if result == IGNORE:
            return (OK, None)
        if result[0] == OK:
            described = supervisor_reports.offender(child, result[1])
            supervisor_reports.progress(self.process, self.name, described)
        return result

    async def _start_children(self) -> Term | None:
        """Start, in order, all that have no process; None, or what failed."""
        for key, child in list(self.children.items()):
            if child.pid is not None:
                continue
            result = await self.start_one(child)
            if result[0] == ERROR:
                self.report("start_error", result[1], child, child.shown_pid)
                return (Atom("failed_to_start_child"), child.id, result[1])
            child.pid = result[1]
            if child.pid is None and child.restart == TEMPORARY:
                del self.children[key]
        return None

    def report(self, context: str, reason: Term, child: Child, pid: Term) -> None:
        """Log what went wrong with a child."""
        described = supervisor_reports.offender(child, pid)
        supervisor_reports.failed(self.process, self.name, context, reason, described)

    # --- stopping ---------------------------------------------------------------------------

    async def stop_children(self) -> None:
        if self.simple is not None:
            await self.simple.stop_all()
        else:
            await self._terminate(list(self.children))

    async def _terminate(self, keys: list[Map]) -> None:
        """End these children, the last one first; temporary ones are forgotten."""
        for key in reversed(keys):
            child = self.children[key]
            await self.terminate_one(child)
            self._stopped(key, child)

    async def terminate_one(self, child: Child) -> None:
        """End the process of a child, if it has one."""
        if not isinstance(child.pid, Pid):
            return
        reason = await shut_down(self.process, child.pid, child.shutdown)
        if not ended_as_told(reason, child):
            self.report("shutdown_error", reason, child, child.pid)

    def _stopped(self, key: Map, child: Child) -> None:
        child.pid = None
        if child.restart == TEMPORARY:
            self.children.pop(key, None)

    # --- restarting -------------------------------------------------------------------------

    async def child_ended(self, pid: Pid, reason: Term) -> bool:
        if self.simple is not None:
            return await self.simple.ended(pid, reason)
        found = next((item for item in self.children.items() if item[1].pid == pid), None)
        if found is None:
            return True
        key, child = found
        quiet = reports.is_quiet(reason)
        if child.restart == PERMANENT or not quiet:
            self.report("child_terminated", reason, child, pid)
        if child.restart == PERMANENT or not (quiet or child.restart == TEMPORARY):
            return await self._restart(key, child)
        self._stopped(key, child)
        return self._goes_on_without(child)

    def _goes_on_without(self, child: Child) -> bool:
        """Whether the supervisor does, now that a child has ended by itself: `auto_shutdown`."""
        if not child.significant or self.flags.auto_shutdown == NEVER:
            return True
        if self.flags.auto_shutdown == "any_significant":
            return False
        return any(other.significant and other.pid is not None for other in self.children.values())

    def may_restart(self, child: Child, pid: Term) -> bool:
        """Count an attempt; False, and it is reported, if it is one too many."""
        if self.restarts.add(self.clock()):
            return True
        self.report("shutdown", supervisor_reports.REACHED_MAX_RESTART_INTENSITY, child, pid)
        return False

    async def _restart(self, key: Map, child: Child) -> bool:
        if not self.may_restart(child, child.shown_pid):
            self._stopped(key, child)
            return False
        if self.flags.strategy == "one_for_one":
            failed = await self._restart_one(child)
        else:
            failed = await self._restart_several(key, child)
        if failed is not None:
            self.again((gen.CAST, (TRY_AGAIN, failed)))
        return True

    async def _restart_one(self, child: Child) -> Term | None:
        old = child.shown_pid
        result = await self.start_one(child)
        if result[0] == ERROR:
            child.pid = RESTARTING
            self.report("start_error", result[1], child, old)
            return child.id
        child.pid = result[1]
        return None

    async def _restart_several(self, key: Map, child: Child) -> Term | None:
        keys = list(self.children)
        child.pid = None
        await self._terminate(keys if self.flags.strategy == "one_for_all" else keys[keys.index(key) :])
        failed = await self._start_children()
        if failed is None:
            return None
        _, id, _ = failed
        self.children[exact(id)].pid = RESTARTING
        return id

    def told(self, request: Term) -> Any:
        if type(request) is not tuple or len(request) != 2 or request[0] is not TRY_AGAIN:
            return UNHANDLED
        if self.simple is not None:
            return self.simple.try_again(request[1])
        key = exact(request[1])
        child = self.children.get(key)
        return self._restart(key, child) if child is not None and child.pid is RESTARTING else None

    # --- requests ---------------------------------------------------------------------------

    def answer(self, request: Term) -> Any:
        if isinstance(request, str):
            handler = _QUESTIONS.get(request)
            return UNHANDLED if handler is None else handler(self)
        if not isinstance(request, tuple) or len(request) != 2 or not isinstance(request[0], str):
            return UNHANDLED
        with_argument = _REQUESTS.get(request[0])
        if with_argument is None:
            return UNHANDLED
        if self.simple is not None:
            return self.simple.answer(*request)
        return with_argument(self, request[1])

    def _which_children(self) -> list[Term]:
        if self.simple is not None:
            return self.simple.which_children()
        return [
            (child.id, child.shown_pid, child.type, child.modules)
            for child in reversed(self.children.values())
        ]

    def _count_children(self) -> list[Term]:
        if self.simple is not None:
            return self.simple.count_children()
        children = list(self.children.values())
        supervisors = sum(child.type == SUPERVISOR for child in children)
        active = sum(self.is_active(child.pid) for child in children)
        return counted(len(children), active, supervisors, len(children) - supervisors)

    def is_active(self, pid: Term) -> bool:
        """Whether a child has a process that lives, as far as this node knows."""
        if not isinstance(pid, Pid):
            return False
        runtime = self.process.runtime
        return not runtime.is_local(pid) or runtime.process(pid) is not None

    async def _start_child(self, spec: Term) -> Term:
        try:
            child = as_child(spec, self.flags.auto_shutdown)
        except SpecError as error:
            return (ERROR, error.reason)
        key = exact(child.id)
        there = self.children.get(key)
        if there is not None:
            return (ERROR, (_ALREADY_STARTED, there.pid) if there.running else Atom("already_present"))
        result = await self.start_one(child)
        if result[0] == ERROR:
            reason = result[1]
            if type(reason) is tuple and len(reason) == 2 and reason[0] == _ALREADY_STARTED:
                return result
            return (ERROR, (result[1], child.as_record()))
        child.pid = result[1]
        if child.pid is not None or child.restart != TEMPORARY:
            self.children[key] = child
        return as_reply(result)

    async def _terminate_child(self, id: Term) -> Term:
        key = exact(id)
        child = self.children.get(key)
        if child is None:
            return _NOT_FOUND
        await self.terminate_one(child)
        self._stopped(key, child)
        return OK

    async def _restart_child(self, id: Term) -> Term:
        child = self.children.get(exact(id))
        refused = _refused(child)
        if child is None or refused is not None:
            return refused
        result = await self.start_one(child)
        if result[0] == ERROR:
            return result
        child.pid = result[1]
        return as_reply(result)

    def _delete_child(self, id: Term) -> Term:
        key = exact(id)
        refused = _refused(self.children.get(key))
        if refused is not None:
            return refused
        del self.children[key]
        return OK

    def _get_childspec(self, id: Term) -> Term:
        child = self.children.get(exact(id))
        return _NOT_FOUND if child is None else (OK, child.as_spec())

    def _which_child(self, id: Term) -> Term:
        child = self.children.get(exact(id))
        return _NOT_FOUND if child is None else (OK, _shown(child))

    # --- sys --------------------------------------------------------------------------------

    def state(self) -> Term:
        """The record of supervisor.erl (OTP 27), without what it was started with."""
        simple = self.simple
        children = list(self.children.values()) if simple is None else [simple.child]
        started_last_first = [child.id for child in reversed(children)]
        return (
            Atom("state"),
            self.name,
            self.flags.strategy,
            (started_last_first, Map([(child.id, child.as_record(child.shown_pid)) for child in children])),
            Atom("undefined") if simple is None else (Atom("maps"), simple.processes | simple.restarting),
            self.flags.intensity,
            self.flags.period,
            self.restarts.times(),
            0,
            self.flags.auto_shutdown,
            self.module,
            [],
        )


def _flags(term: Term) -> Flags:
    try:
        return Flags.from_term(term)
    except SpecError as error:
        raise SpecError((Atom("supervisor_data"), error.reason)) from None


def _start_spec(spec: Term, auto_shutdown: Atom) -> Child:
    try:
        return as_child(spec, auto_shutdown)
    except SpecError as error:
        raise SpecError((Atom("start_spec"), error.reason)) from None


def _only(specs: Any) -> Child:
    if not isinstance(specs, list) or len(specs) != 1:
        raise SpecError((Atom("bad_start_spec"), specs))
    return _start_spec(specs[0], NEVER)


def _shown(child: Child) -> Term:
    return (child.id, child.shown_pid, child.type, child.modules)


def _refused(child: Child | None) -> Term:
    """Why a child is not restarted or deleted on request; None if it can be."""
    if child is None:
        return _NOT_FOUND
    if child.pid is None:
        return None
    return (ERROR, RESTARTING if child.pid is RESTARTING else Atom("running"))


_QUESTIONS: dict[str, Callable[[SupervisorServer], Any]] = {
    "which_children": SupervisorServer._which_children,
    "count_children": SupervisorServer._count_children,
}
_REQUESTS: dict[str, Callable[[SupervisorServer, Term], Any]] = {
    "start_child": SupervisorServer._start_child,
    "terminate_child": SupervisorServer._terminate_child,
    "restart_child": SupervisorServer._restart_child,
    "delete_child": SupervisorServer._delete_child,
    "get_childspec": SupervisorServer._get_childspec,
    "which_child": SupervisorServer._which_child,
}
