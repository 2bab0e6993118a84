"""The process that starts an application, and stops what it has started.

It calls `start`, then waits: for its master to have it stopped, or for the topmost
process to end.  What was started with `start_link` in `start` is linked to it, and ends
in reverse order.

Source: application_master.erl of OTP's kernel (start_it, loop_it).
Proof: tests/otp/test_application.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import Exit
from pyerlnode.otp.application.callbacks import ERROR, OK, type_of
from pyerlnode.otp.supervisor.supervising import Supervising
from pyerlnode.process import Request, monitor, receive, this_process
from pyerlnode.process.links import Links, link_or_noproc
from pyerlnode.process.mailbox import Mailbox, Receive
from pyerlnode.process.process import EXIT, KILL, NORMAL, Process
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyerlnode.otp.application.callbacks import Callbacks

__all__ = ["TERMINATE", "run", "run_function", "stop_links"]

# How long a process that is no supervisor may take to end after the exit signal `shutdown`, in seconds
# (a worker's default in OTP).
SHUTDOWN_TIME = 5.0

TERMINATE: Final = Atom("terminate")
SHUTDOWN: Final = Atom("shutdown")


async def run(callbacks: Callbacks, type: Term, phases: Any, master: Pid, tag: Reference) -> None:
    """What the process does; `(tag, result)` goes to the master when the start is over."""
    process = this_process()
    process.trap_exit = True
    result = await _start(callbacks, type, phases)
    if type_of(result) == (ERROR, 2):
        await stop_links(process, but=master)
        process.runtime.send(master, (tag, result), process)
        return
    top = result[1]
    if top is not None:
        link_or_noproc(process, top)
    process.runtime.send(master, (tag, result), process)
    reason = await _until_over(master, top)
    await callbacks.prep_stop()
    await stop_links(process, but=master)
    await callbacks.stop()
    raise Exit(reason)


async def _start(callbacks: Callbacks, type: Term, phases: Any) -> Any:
    result = await callbacks.start(type)
    if type_of(result) != (OK, 2) or not isinstance(phases, list):
        return result
    for phase in phases:
        name, args = phase
        done = await callbacks.start_phase(name, type, args)
        if done is not OK:
            return done
    return result


async def _until_over(master: Pid, top: Pid | None) -> Term:
    """Wait until the application is to stop, or has stopped by itself; what this process ends with."""
    while True:
        message = await receive()
        match message if isinstance(message, tuple) else None:
            case (Pid() as sender, terminate) if terminate is TERMINATE and sender == master:
                return NORMAL
            case (exit, Pid() as sender, reason) if exit is EXIT and sender in (master, top):
                return reason
            case (exit, Pid(), reason) if exit is EXIT and top is None and reason is not NORMAL:
                # Without a topmost process, it is whoever of them ends first.
                return reason


# --- stopping -------------------------------------------------------------------------------


async def stop_links(process: Process, *, but: Pid | None = None, patient: bool = True) -> None:
    """End the processes of this node that `process` is linked to, the one linked last first.

    A supervisor has as long as its children need, unless not `patient`: one that is just
    starting them would go on; any other process has SHUTDOWN_TIME.
    """
    for pid in reversed(process.links.active() if process.links is not None else []):
        other = process.runtime.process(pid)
        if pid == but or other is None or process.links is None:
            continue
        process.links.unlink(pid)
        if isinstance(other.mailbox, _FirstReceive):
            # A function that goes on as a process: what it has started ends before it.
            await stop_links(other, but=pid, patient=patient)
        await _shut_down(process.pid, other, patient=patient and isinstance(other.behaviour, Supervising))


async def _shut_down(parent: Pid, process: Process, *, patient: bool) -> None:
    for reason in (SHUTDOWN, KILL):
        request = Request(this_process(), process.pid, replies=False)
        process.exit_signal(parent, reason)
        await request.wait(None if patient else SHUTDOWN_TIME)
        if request.is_down:
            return


# --- a function in the place of an application ------------------------------------------------


async def run_function(function: Callable[[], Awaitable[Any]]) -> Pid:
    """Run an async function in a process of its own; the pid when it has returned, or first waits for mail.

    If it returns a pid, its process ends as that one does.  Exit if it ends before.
    """
    process = this_process()
    runtime = process.runtime
    tag = runtime.make_ref()
    child = runtime.new_process(process.group_leader)
    Links.of(process).link(child.pid)
    child.mailbox = _FirstReceive(lambda: runtime.send(process.pid, (tag, OK), child))
    child.begin(_function_body(function))
    message: Any = await receive(lambda message: _is_about(message, tag, child.pid))
    if message[0] is EXIT:
        raise Exit(message[2])
    return child.pid


async def _function_body(function: Callable[[], Awaitable[Any]]) -> None:
    top = await function()
    ref = monitor(top) if isinstance(top, Pid) else None
    message: Any = await receive(lambda message: _is_down(message, ref))
    raise Exit(message[4])


def _is_about(message: Term, tag: Reference, pid: Pid) -> bool:
    if not isinstance(message, tuple) or len(message) not in (2, 3):
        return False
    return message == (tag, OK) if len(message) == 2 else message[0] is EXIT and message[1] == pid


def _is_down(message: Term, ref: Reference | None) -> bool:
    return ref is not None and isinstance(message, tuple) and len(message) == 5 and message[1] == ref


class _FirstReceive(Mailbox):
    """A mailbox that says when its process first waits for a message."""

    __slots__ = ("_tell",)

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell: Callable[[], None] | None = tell

    def begin(self, receive: Receive) -> None:
        super().begin(receive)
        if self._tell is not None:
            tell, self._tell = self._tell, None
            tell()
