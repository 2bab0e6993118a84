"""The children of a supervisor of strategy simple_one_for_one: one specification, many processes.

Each process has the arguments that its `start_child` added; a restart uses them again.
There is no order among them, and they are told to end all at once.

Source: supervisor.erl of OTP's stdlib (27), simple_one_for_one.
Proof: tests/otp/test_supervisor_simple.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.otp import gen, reports
from pyerlnode.otp.supervisor.child import PERMANENT, RESTARTING, SUPERVISOR, TEMPORARY, exact
from pyerlnode.otp.supervisor.supervising import (
    ERROR,
    OK,
    TRY_AGAIN,
    as_reply,
    counted,
    ended_as_told,
    shut_down,
    shut_down_all,
)
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from pyerlnode.otp.supervisor.child import Child
    from pyerlnode.otp.supervisor.server import SupervisorServer

__all__ = ["SimpleChildren"]

_SIMPLE: Final = Atom("simple_one_for_one")
_NOT_FOUND: Final = (ERROR, Atom("not_found"))
_UNDEFINED = Atom("undefined")


class SimpleChildren:
    """Pid -> the arguments that were added; those that could not be restarted yet are in `restarting`."""

    __slots__ = ("_supervisor", "child", "processes", "restarting")

    def __init__(self, supervisor: SupervisorServer, child: Child) -> None:
        self._supervisor = supervisor
        self.child = child
        self.processes: dict[Pid, list[Term]] = {}
        self.restarting: dict[Pid, list[Term]] = {}

    # --- requests ---------------------------------------------------------------------------

    def answer(self, request: str, argument: Term) -> Any:
        """The reply to a request with an argument, or a coroutine for it."""
        if request == "start_child":
            return self._start_child(argument)
        if request == "terminate_child" and isinstance(argument, Pid):
            return self._terminate_child(argument)
        if request in ("get_childspec", "which_child"):
            return self._about(request, argument)
        return (ERROR, _SIMPLE)

    async def _start_child(self, more: Term) -> Term:
        if not isinstance(more, list):
            module, function, args = self.child.start.mfa
            frame: Term = (Atom("erlang"), Atom("apply"), [module, function, [*args, more]], [])
            return (ERROR, (Atom("EXIT"), (Atom("badarg"), [frame])))
        result = await self._supervisor.start_one(self.child, more)
        if result[0] == ERROR:
            return result
        if result[1] is not None:
            self.processes[result[1]] = more
        return as_reply(result)

    async def _terminate_child(self, pid: Pid) -> Term:
        if pid in self.processes:
            reason = await shut_down(self._supervisor.process, pid, self.child.shutdown)
            self._report_end(pid, reason)
            del self.processes[pid]
            return OK
        if self.restarting.pop(pid, None) is not None:
            return OK
        # One that is dead has been a child once, for all that is known.
        return _NOT_FOUND if self._supervisor.is_active(pid) else OK

    def _about(self, request: str, id: Term) -> Term:
        known = isinstance(id, Pid) and (id in self.processes or id in self.restarting)
        if not known and exact(id) != exact(self.child.id):
            return _NOT_FOUND
        if request == "get_childspec":
            return (OK, self.child.as_spec())
        return (OK, (_UNDEFINED, id if known else _UNDEFINED, self.child.type, self.child.modules))

    def which_children(self) -> list[Term]:
        """As the request."""
        pids: list[Term] = [*self.processes, *(RESTARTING for _ in self.restarting)]
        return [(_UNDEFINED, pid, self.child.type, self.child.modules) for pid in pids]

    def count_children(self) -> list[Term]:
        """As the request; those that are being restarted count in their type."""
        active = sum(map(self._supervisor.is_active, self.processes))
        all_of_them = len(self.processes) + len(self.restarting)
        if self.child.type == SUPERVISOR:
            return counted(1, active, all_of_them, 0)
        return counted(1, active, 0, all_of_them)

    # --- ends and restarts --------------------------------------------------------------------

    async def ended(self, pid: Pid, reason: Term) -> bool:
        """A child has ended; False if the supervisor is to end."""
        args = self.processes.pop(pid, None)
        if args is None:
            return True
        permanent, quiet = self.child.restart == PERMANENT, reports.is_quiet(reason)
        if permanent or not quiet:
            self._supervisor.report("child_terminated", reason, self.child, pid)
        if permanent or not (quiet or self.child.restart == TEMPORARY):
            return await self._restart(pid, args)
        return True

    async def _restart(self, pid: Pid, args: list[Term]) -> bool:
        supervisor = self._supervisor
        if not supervisor.may_restart(self.child, pid):
            return False
        result = await supervisor.start_one(self.child, args)
        if result[0] == ERROR:
            self.restarting[pid] = args
            supervisor.report("start_error", result[1], self.child, pid)
            supervisor.again((gen.CAST, (TRY_AGAIN, (RESTARTING, pid))))
        elif result[1] is not None:
            self.processes[result[1]] = args
        return True

    def try_again(self, which: Term) -> Any:
        """Restart the child that had this pid; `which` is `{restarting, Pid}`."""
        pid = which[1] if type(which) is tuple and len(which) == 2 and which[0] is RESTARTING else None
        if not isinstance(pid, Pid) or pid not in self.restarting:
            return None
        return self._restart(pid, self.restarting.pop(pid))

    # --- the end ------------------------------------------------------------------------------

    async def stop_all(self) -> None:
        """End all children at the same time."""
        everybody = dict.fromkeys(self.processes, self.child.shutdown)
        for pid, reason in (await shut_down_all(self._supervisor.process, everybody)).items():
            self._report_end(pid, reason)
        self.processes.clear()

    def _report_end(self, pid: Pid, reason: Term) -> None:
        if not ended_as_told(reason, self.child):
            self._supervisor.report("shutdown_error", reason, self.child, pid)
