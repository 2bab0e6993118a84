"""The short way to a GenServer of the same node: no message is made where none is needed.

Nor is there a wait in a start where `init` makes none: it runs in the turn of who starts the
server, as the callback of a call does.

Source: gen_server.erl of OTP's stdlib (call, cast, init_it).
Proof: tests/otp/test_local_calls.py, tests/otp/test_starting_here.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.otp import gen
from pyerlnode.otp.dispatch import handlers_made
from pyerlnode.otp.gen import CAST
from pyerlnode.otp.local_call import LocalCall
from pyerlnode.otp.server import Server
from pyerlnode.otp.starting import OK, Starting, link_new, origins, starts_for
from pyerlnode.process.portal import OtherThread
from pyerlnode.process.process import ALIVE
from pyerlnode.process.runtime import this_process
from pyerlnode.process.task import runs_in
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from typing import Any

    from pyerlnode.otp.gen import ServerRef
    from pyerlnode.process.process import Process
    from pyerlnode.term import Term

__all__ = ["call_here", "cast", "cast_here", "start_here"]


def call_here(
    process: Process, server: ServerRef | None, request: Term, timeout: float | None
) -> LocalCall | None:
    """A call of `process`, sent when it is awaited; None where `server` is no GenServer of its node."""
    if type(server) is not Pid:
        return None
    runtime = process.runtime
    there = runtime.process(server)
    if there is None or there is process or type(there.behaviour) is not Server:
        return None
    return LocalCall(process, there, request, timeout)


def cast_here(server: ServerRef, request: Term) -> bool:
    """Send a cast to the process of this node that has the pid `server`; whether there is one."""
    process = this_process()
    if type(server) is not Pid:
        return False
    runtime = process.runtime
    there = runtime.process(server)
    if there is None:
        return False
    there.put((CAST, request))
    return True


def cast(server: ServerRef, request: Term) -> Atom:
    """Send a request that is not answered; always `ok`, whether there is such a server or not."""
    try:
        if not cast_here(server, request):
            gen.cast(server, request)
    except OtherThread as here:
        here.call(gen.cast, server, request)
    return OK


def start_here(cls: Any, args: tuple[Any, ...], link: bool) -> Pid | Starting | None:
    """Start a server of the GenServer `cls`, by the coroutine of a process: its pid if that is all.

    Else what is to be waited for, or None where nothing has been done: the long way says why.
    """
    process = this_process()
    task = process.task
    if (
        task is None
        or process.inline
        or process.exit_reason is not ALIVE
        or starts_for
        or not runs_in(process)
    ):
        return None
    handlers = handlers_made(cls)
    if handlers is None:
        return None
    runtime = process.runtime
    server = Server(cls, handlers, args, process.pid if link else None)
    child = runtime.new_process(process.group_leader)
    child.dictionary = origins.of(process, handlers.initial_call)
    if link:
        link_new(process, child)
    starting = Starting(process, child)
    child.begin_idle(server)
    if not task.hand_over(child, None):
        child.wait_for_turn()
        return starting
    result = starting.result
    if type(result) is not tuple or result[0] is not OK or process.exit_reason is not ALIVE:
        return starting
    child.starting = None
    return child.pid
