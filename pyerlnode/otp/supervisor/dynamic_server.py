"""What runs in the process of a DynamicSupervisor.

Its children have no ids and no order: each is known by its pid, one that could not be
restarted yet by the pid that it had.  Replies and reasons are Elixir's, which are barer
than those of OTP's supervisor.

Source: dynamic_supervisor.ex (1.18).
Proof: tests/otp/test_dynamic_supervisor.py, interop/test_supervisor.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.otp import reports
from pyerlnode.otp.proc_lib import IGNORE
from pyerlnode.otp.supervisor import reports as supervisor_reports
from pyerlnode.otp.supervisor.child import (
    PERMANENT,
    RESTARTING,
    SUPERVISOR,
    TEMPORARY,
    Child,
    SpecError,
    Start,
)
from pyerlnode.otp.supervisor.child_spec import ChildSpec, as_child
from pyerlnode.otp.supervisor.restart_intensity import RestartIntensity
from pyerlnode.otp.supervisor.supervising import (
    ERROR,
    OK,
    UNHANDLED,
    Raised,
    Supervising,
    begin_child,
    counted,
    ended_as_told,
    raised_reason,
    shut_down_all,
    start_result,
)
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["DynamicFlags", "DynamicServer"]

_RESTART: Final = Atom("$gen_restart")
_ONE_FOR_ONE, _INFINITY = Atom("one_for_one"), Atom("infinity")
_NOT_FOUND: Final = (ERROR, Atom("not_found"))
_UNDEFINED = Atom("undefined")


@dataclass(frozen=True, slots=True)
class DynamicFlags:
    """How a DynamicSupervisor goes about it; `period` in seconds, `max_children` a number or `infinity`."""

    intensity: int
    period: int
    max_children: int | Atom
    extra_arguments: list[Term]

    @classmethod
    def from_term(cls, term: Term) -> DynamicFlags:
        """Check what `DynamicSupervisor.init/1` returns; SpecError with Elixir's reason."""
        if not isinstance(term, Mapping):
            raise SpecError((Atom("bad_return"), term))

        def take(key: str, default: Any) -> Any:
            return term.get(Atom(key), default)

        strategy, extra = take("strategy", _ONE_FOR_ONE), take("extra_arguments", [])
        most, intensity, period = take("max_children", _INFINITY), take("intensity", 3), take("period", 5)
        infinite = isinstance(most, str) and most == _INFINITY
        _check("strategy", strategy, isinstance(strategy, str) and strategy == _ONE_FOR_ONE)
        _check("intensity", intensity, type(intensity) is int and intensity >= 0)
        _check("period", period, type(period) is int and period > 0)
        _check("max_children", most, infinite or (type(most) is int and most >= 0))
        _check("extra_arguments", extra, isinstance(extra, list))
        return cls(intensity, period, _INFINITY if infinite else most, extra)


def _check(name: str, value: Term, right: bool) -> None:
    if not right:
        raise SpecError((Atom(f"invalid_{name}"), value))


class DynamicServer(Supervising):
    """One DynamicSupervisor: pid -> child; the `pid` of a child that is being restarted is RESTARTING."""

    __slots__ = ("children", "flags", "restarts")

    async def begin(self, result: Any) -> None:
        self.children: dict[Pid, Child] = {}
        self.flags = self._flags_of(result)
        self.restarts = RestartIntensity(self.flags.intensity, self.flags.period)

    def changed(self, result: Any) -> None:
        self.flags = self._flags_of(result)
        self.restarts.intensity, self.restarts.period = self.flags.intensity, self.flags.period

    def _flags_of(self, result: Any) -> DynamicFlags:
        if isinstance(result, DynamicFlags):
            return result
        if type(result) is tuple and len(result) == 2 and result[0] == OK and isinstance(result[1], Mapping):
            return self._flags(result[1])
        raise self.bad_return(result)

    @staticmethod
    def _flags(term: Term) -> DynamicFlags:
        try:
            return DynamicFlags.from_term(term)
        except SpecError as error:
            raise SpecError((Atom("supervisor_data"), error.reason)) from None

    # --- requests ---------------------------------------------------------------------------

    def answer(self, request: Term) -> Any:
        if not isinstance(request, (str, tuple)):
            return UNHANDLED
        match request:
            case "which_children":
                return [
                    (_UNDEFINED, child.shown_pid, child.type, child.modules)
                    for child in self.children.values()
                ]
            case "count_children":
                return self._count_children()
            case ("start_child", spec):
                return self._start_child(spec)
            case ("terminate_child", pid):
                return self._terminate_child(pid)
        return UNHANDLED

    def told(self, request: Term) -> Any:
        return None  # Elixir's ignores casts

    def _count_children(self) -> list[Term]:
        children = self.children.values()
        supervisors = sum(child.type == SUPERVISOR for child in children)
        active = sum(child.running for child in children)
        return counted(len(children), active, supervisors, len(children) - supervisors)

    def _start_child(self, spec: Term) -> Any:
        child = self._child(spec)
        if child is None:
            return UNHANDLED
        most = self.flags.max_children
        if isinstance(most, int) and len(self.children) >= most:
            return (ERROR, Atom("max_children"))
        return self.add_child(child)

    @staticmethod
    def _child(spec: Term) -> Child | None:
        """What a client sends: Elixir has checked it before, so there is no answer to a wrong one."""
        if isinstance(spec, ChildSpec):
            return as_child(spec)
        if not isinstance(spec, tuple):
            return None
        match spec:
            case ((str(module), str(function), list(args)), restart, shutdown, type, modules):
                start = Start((Atom(module), Atom(function), args))
                return Child(_UNDEFINED, start, restart, False, shutdown, type, modules)
        return None

    async def add_child(self, child: Child) -> Term:
        """Start a child and keep it if it did; the reply to `start_child`."""
        result = await self._begin(child)
        match result:
            case ("ok", Pid() as pid, *_):
                self._keep(child, pid)
        return result

    async def _begin(self, child: Child) -> Term:
        try:
            result = await begin_child(self.process, child.start, before=self.flags.extra_arguments)
        except Raised as raised:
            return (ERROR, raised_reason(raised))
        return start_result(result)

    def _keep(self, child: Child, pid: Pid) -> None:
        child.pid = pid
        self.children[pid] = child
        described = supervisor_reports.offender(child, pid, dynamic=True)
        supervisor_reports.progress(self.process, self.name, described)

    def _terminate_child(self, pid: Term) -> Any:
        if not isinstance(pid, Pid) or pid not in self.children:
            return _NOT_FOUND
        return self._terminate(pid)

    async def _terminate(self, pid: Pid) -> Term:
        await self._shut_down([pid])
        return OK

    # --- ends and restarts --------------------------------------------------------------------

    async def child_ended(self, pid: Pid, reason: Term) -> bool:
        child = self.children.get(pid)
        if child is None:
            return True
        permanent, quiet = child.restart == PERMANENT, reports.is_quiet(reason)
        if permanent or not quiet:
            self._report("child_terminated", reason, child, pid)
        if permanent or not (quiet or child.restart == TEMPORARY):
            return await self._restart(pid, child)
        del self.children[pid]
        return True

    async def _restart(self, pid: Pid, child: Child) -> bool:
        if not self.restarts.add(self.clock()):
            del self.children[pid]
            self._report("shutdown", supervisor_reports.REACHED_MAX_RESTART_INTENSITY, child, pid)
            return False
        result = await self._begin(child)
        match result:
            case ("error", reason):
                child.pid = RESTARTING
                self._report("start_error", reason, child, (RESTARTING, pid))
                self.again((_RESTART, pid))
                return True
        del self.children[pid]
        if result != IGNORE:
            self._keep(child, result[1])
        return True

    def info(self, message: Term) -> Coroutine[Any, Any, None] | None:
        if type(message) is not tuple or len(message) != 2 or message[0] is not _RESTART:
            return super().info(message)
        pid = message[1]
        child = self.children.get(pid) if isinstance(pid, Pid) else None
        if child is None or child.pid is not RESTARTING:
            return None
        return self.go_on(self._restart(pid, child))

    def _report(self, context: str, reason: Term, child: Child, pid: Term) -> None:
        described = supervisor_reports.offender(child, pid, dynamic=True)
        supervisor_reports.failed(self.process, self.name, context, reason, described)

    # --- the end ------------------------------------------------------------------------------

    async def stop_children(self) -> None:
        await self._shut_down(list(self.children))

    async def _shut_down(self, pids: list[Pid]) -> None:
        """End these children at the same time, each with its own shutdown time, and forget them."""
        children = {pid: self.children.pop(pid) for pid in pids}
        running = {pid: child.shutdown for pid, child in children.items() if child.running}
        for pid, reason in (await shut_down_all(self.process, running)).items():
            if not ended_as_told(reason, children[pid]):
                self._report("shutdown_error", reason, children[pid], pid)

    def state(self) -> Term:
        """The struct of dynamic_supervisor.ex, without what it was started with."""
        fields = {
            "__struct__": Atom("Elixir.DynamicSupervisor"),
            "args": [],
            "children": {pid: _in_state(child) for pid, child in self.children.items()},
            "extra_arguments": self.flags.extra_arguments,
            "max_children": self.flags.max_children,
            "max_restarts": self.flags.intensity,
            "max_seconds": self.flags.period,
            "mod": self.module,
            "name": self.name,
            "restarts": self.restarts.times(),
            "strategy": _ONE_FOR_ONE,
        }
        return {Atom(key): value for key, value in fields.items()}


def _in_state(child: Child) -> Term:
    spec = (child.start.mfa, child.restart, child.shutdown, child.type, child.modules)
    return spec if child.running else (RESTARTING, spec)


def _shown(child: Child) -> Term:
    return (_UNDEFINED, child.shown_pid, child.type, child.modules)
