"""What runs in the process of a Task.Supervisor: a DynamicSupervisor that knows what a task is.

It has one request more: {start_task, Args, Restart, Shutdown}, whose arguments are those of
the start function of a task (task_supervised.py).  All releases of Elixir send it, in
several forms.

Source: handle_call of start_task in dynamic_supervisor.ex, task/supervisor.ex (1.14 to 1.20).
Proof: tests/otp/test_task_supervisor_wire.py, interop/test_tasks.py.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.otp.readable import readable
from pyerlnode.otp.supervisor.child import (
    RESTARTS,
    TEMPORARY,
    UNDEFINED,
    Child,
    SpecError,
    Start,
    check_shutdown,
)
from pyerlnode.otp.supervisor.dynamic_server import DynamicServer
from pyerlnode.otp.supervisor.supervising import ERROR
from pyerlnode.otp.task import supervised as task_supervised
from pyerlnode.otp.task.supervised import MONITOR, TASK_SUPERVISED
from pyerlnode.otp.task.work import Work
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.otp.proc_lib import StartName
    from pyerlnode.term import Pid

__all__ = ["TaskSupervisorServer"]

_START_TASK, _START_LINK, _WORKER = Atom("start_task"), Atom("start_link"), Atom("worker")
_RESTART, _MAX_CHILDREN = Atom("restart"), Atom("max_children")
_BADARG, _INVALID_RESTART = Atom("badarg"), Atom("invalid_restart_type")
_APPLY: Final = (Atom("erlang"), Atom("apply"))


class TaskSupervisorServer(DynamicServer):
    """One Task.Supervisor; `restart` and `shutdown` (milliseconds) are for requests that say nothing."""

    __slots__ = ("_restart_default", "_shutdown_default")

    def __init__(
        self,
        init: Callable[[], Any],
        module: Atom,
        name: StartName | None,
        parent: Pid | None,
        clock: Callable[[], float],
        *,
        restart: Term,
        shutdown: Term,
    ) -> None:
        super().__init__(init, module, name, parent, clock)
        self._restart_default = restart
        self._shutdown_default = shutdown

    def answer(self, request: Term) -> Any:
        if type(request) is tuple and len(request) == 4 and request[0] is _START_TASK:
            return self._start_task(*request[1:])
        return super().answer(request)

    def _start_task(self, args: Term, restart: Term, shutdown: Term) -> Any:
        if restart is None and self._restart_default != TEMPORARY and _awaits_work(args):
            # A task that is to be started again must have its work from the start: the
            # client asks once more, and sends it along.
            return (_RESTART, self._restart_default)
        most = self.flags.max_children
        if isinstance(most, int) and len(self.children) >= most:
            return (ERROR, _MAX_CHILDREN)
        try:
            child = self._task(
                args,
                self._restart_default if restart is None else restart,
                self._shutdown_default if shutdown is None else shutdown,
            )
        except SpecError as error:
            return (ERROR, error.reason)
        return self.add_child(child)

    def _task(self, args: Term, restart: Term, shutdown: Term) -> Child:
        """SpecError for what cannot be started."""
        if type(args) is not list:
            raise SpecError((_BADARG, [(*_APPLY, [TASK_SUPERVISED, _START_LINK, args], [])]))
        if not isinstance(restart, Atom) or restart not in RESTARTS:
            raise SpecError((_INVALID_RESTART, restart))
        mfa = (TASK_SUPERVISED, _START_LINK, [_shown(arg) for arg in args])
        start = Start(mfa, partial(task_supervised.start_link, self.process), tuple(args))
        ends = check_shutdown(shutdown)
        return Child(UNDEFINED, start, restart, False, ends, _WORKER, [TASK_SUPERVISED])


def _awaits_work(args: Term) -> bool:
    return type(args) is list and len(args) == 2 and args[1] is MONITOR


def _shown(arg: Any) -> Term:
    return arg.mfa if isinstance(arg, Work) else readable(arg)
