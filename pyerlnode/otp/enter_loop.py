"""Becoming a server: a process that proc_lib has started handles messages from now on.

The process goes on in its own coroutine, which never comes back from here: it ends as
the server does, by Exit.

Source: gen.erl of OTP's stdlib (get_parent, get_proc_name); gen_server(3), enter_loop.
Proof: tests/otp/test_enter_loop.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from pyerlnode.errors import Exit
from pyerlnode.otp import gen
from pyerlnode.otp.proc_lib import ANCESTORS
from pyerlnode.process import Process, receive
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from pyerlnode.otp.proc_lib import StartName
    from pyerlnode.process import Behaviour

    Pending = Coroutine[Any, Any, None] | None

__all__ = ["check_registered", "parent_of", "serve"]


def parent_of(process: Process) -> Pid:
    """Who started a process, by its `$ancestors`; Exit where proc_lib has not started it."""
    ancestors = (process.dictionary or {}).get(ANCESTORS)
    first = ancestors[0] if isinstance(ancestors, list) and ancestors else None
    if isinstance(first, Pid):
        return first
    if not isinstance(first, str):
        raise Exit("process_was_not_started_by_proc_lib")
    found = gen.where(process.runtime, first) or gen.where(process.runtime, ("global", first))
    if not isinstance(found, Pid):
        raise Exit("could_not_find_registered_name")
    return found


def check_registered(process: Process, name: StartName | None) -> None:
    """Exit where the process is not registered as `name`; it must be, before."""
    if name is None or gen.where(process.runtime, name) == process.pid:
        return
    if isinstance(name, str):
        raise Exit("process_not_registered")
    if name[0] == "global":
        raise Exit("process_not_registered_globally")
    raise Exit((Atom("process_not_registered_via"), Atom(str(name[1]))))


async def serve(process: Process, behaviour: Behaviour, enter: Callable[[], Pending]) -> NoReturn:
    """Let `behaviour` handle the messages of `process`, after what `enter` does."""
    process.behaviour = behaviour
    await _inline(process, enter)
    while True:
        message: Term = await receive()
        await _inline(process, lambda message=message: behaviour.message(message))  # type: ignore[misc]


async def _inline(process: Process, step: Callable[[], Pending]) -> None:
    """A step as the run queue does it: its `def` callbacks must not wait."""
    process.inline = True
    try:
        waiting = step()
    finally:
        process.inline = False
    if waiting is not None:
        await waiting
