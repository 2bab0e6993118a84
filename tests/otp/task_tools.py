"""What the tests of tasks share: functions that tasks run, and looks into mailboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otp_tools import settled

import pyerlnode.process as erl
from pyerlnode.errors import ErlangError, Exit
from pyerlnode.process import this_process
from pyerlnode.term import Atom, Export

if TYPE_CHECKING:
    import asyncio

    from pyerlnode.term import Pid

NEVER = 60.0


def add(a: Any, b: Any) -> Any:
    return a + b


async def later(event: asyncio.Event, value: Any = None) -> Any:
    """`value`, when the event has happened."""
    await event.wait()
    return value


async def forever() -> None:
    await erl.receive(lambda message: False)


def leave(reason: Any) -> None:
    raise Exit(reason)


async def told(to: Pid, tag: Any) -> None:
    """Say who runs, then run for ever."""
    erl.send(to, (tag, erl.self()))
    await forever()


async def stubborn(to: Pid, reason: Any) -> None:
    """Traps exits and ends with a reason of its own when it is told to end."""
    erl.process_flag("trap_exit", True)
    erl.send(to, (Atom("up"), erl.self()))
    await erl.receive()
    raise Exit(reason)


def apply(function: Any, args: list[Any]) -> Any:
    """An apply hook that knows a few functions."""
    assert isinstance(function, Export)
    match str(function.function):
        case "add":
            return add(*args)
        case "apply":
            fun, given = args
            return apply(fun, given)
        case "told":
            return told(*args)
        case "dictionary":
            return [erl.get(Atom(key)) for key in ("$ancestors", "$callers", "$initial_call")]
    raise ErlangError("undef", [(function.module, function.function, args, [])])


async def mailbox() -> list[Any]:
    """What is in the mailbox of the test when nothing runs any more."""
    await settled()
    return list(this_process().mailbox or ())


async def got(tag: Any) -> Any:
    """The second element of the next message `(tag, value)`."""
    message: Any = await erl.receive(lambda m: isinstance(m, tuple) and len(m) == 2 and m[0] == tag, 5)
    return message[1]
