"""The short way to a GenServer of the same node: no message is made where none is needed.

Source: gen_server.erl of OTP's stdlib (call, cast).
Proof: tests/otp/test_local_calls.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.otp.gen import CAST
from pyerlnode.otp.local_call import LocalCall
from pyerlnode.otp.server import Server
from pyerlnode.process.runtime import this_process
from pyerlnode.term import Pid

if TYPE_CHECKING:
    from pyerlnode.otp.gen import ServerRef
    from pyerlnode.process.process import Process
    from pyerlnode.term import Term

__all__ = ["call_here", "cast_here"]


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
