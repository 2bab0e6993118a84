"""Starting a child that runs once in the whole cluster: it has the global name `{Supervisor, Id}`.

Where nodes meet that were apart and both run it, `one_keeps` is asked: as with `global`, the
process on the node whose name comes first keeps the name.  The other one is not killed: its
supervisor shuts it down as its specification says.

Proof: tests/services/distributed/test_distributed_supervisor.py.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import Exit
from pyerlnode.otp import GenServer
from pyerlnode.otp.proc_lib import IGNORE
from pyerlnode.otp.supervisor.supervising import shut_down, start_result
from pyerlnode.process import this_process
from pyerlnode.services import global_
from pyerlnode.term import Atom, Export, Pid, Term

if TYPE_CHECKING:
    from pyerlnode.otp.supervisor.child import Child

__all__ = ["ALREADY_STARTED", "LOST", "OVER", "RESOLVE", "STARTED", "UniqueStart", "one_keeps"]

ALREADY_STARTED: Final = Atom("already_started")
STARTED, LOST, OVER = Atom("started_here"), Atom("lost"), Atom("over")
RESOLVE: Final = Export(Atom("pyerlnode"), Atom("one_child_keeps"), 3)


class UniqueStart:
    """What the local supervisor calls, first and for each restart; tells the member `member` of restarts."""

    def __init__(self, supervisor: Atom, child: Child, member: Pid) -> None:
        self._supervisor, self._child, self._member = supervisor, child, member
        self._ran = False

    async def __call__(self, *before: Term) -> Term:
        """As a start function; Exit `(already_started, pid)` where it runs elsewhere.

        `before` are the arguments that the local supervisor adds.
        """
        name = (self._supervisor, self._child.id)
        holder = global_.whereis_name(name)
        if holder is not None:
            return self._elsewhere(holder)
        result = self._child.start.call(this_process().runtime, before)
        result = start_result(await result if inspect.isawaitable(result) else result)
        match result:
            case ("ok", Pid() as pid, *_):
                if not await global_.register_name(name, pid, RESOLVE):
                    await shut_down(this_process(), pid, self._child.shutdown)
                    return self._elsewhere(global_.whereis_name(name))
                self._runs(pid)
            case "ignore" if self._ran:
                self._tell((OVER, self._child.id))
        return result

    def _runs(self, pid: Pid) -> None:
        if self._ran:
            self._tell((STARTED, self._child.id, pid))
        self._ran = True

    def _elsewhere(self, holder: Pid | None) -> Term:
        if not self._ran:
            raise Exit((ALREADY_STARTED, holder))
        # A restart: the cluster has one already, so this one is over.
        self._tell((LOST, self._child.id, None))
        return IGNORE

    def _tell(self, message: Term) -> None:
        GenServer.cast(self._member, message)


def one_keeps(name: Any, pid: Pid, pid2: Pid) -> Term:
    """Who keeps the name of a child that runs twice; the member of the other node ends its own."""
    keeps, loses = (pid, pid2) if pid.node < pid2.node else (pid2, pid)
    match name:
        case (Atom() as supervisor, id):
            GenServer.cast((supervisor, loses.node), (LOST, id, loses))
    return keeps
