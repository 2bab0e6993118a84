"""What `test_tasks.py` runs in Python: the chat of tutorial.py, and functions for tasks.

The test has the same modules in Elixir.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tutorial import TASKS

import pyerlnode as erl
from pyerlnode import (
    Application,
    Atom,
    ErlangError,
    Exit,
    Module,
    Pid,
    Supervisor,
    Task,
    TaskSupervisor,
    Throw,
)

OK = Atom("ok")

job = Module("Job")


# --- what tasks do ----------------------------------------------------------------------------


@job.export
def add(a: Any, b: Any) -> Any:
    return a + b


@job.export
def give(value: Any) -> Any:
    return value


@job.export
def leave(reason: Any) -> None:
    raise Exit(reason)


@job.export
def fail(reason: Any) -> None:
    raise ErlangError(reason)


@job.export("raise")
def raise_(message: str) -> None:
    raise RuntimeError(message)


@job.export
async def crash_in_task(message: str) -> None:
    """What a task of one's own writes and logs goes where the caller's does."""
    erl.process_flag("trap_exit", True)
    await Task.yield_(await Task.async_("Elixir.Job", "raise", [message]))


@job.export
def throw(value: Any) -> None:
    raise Throw(value)


@job.export
async def sleep(ms: int) -> int:
    await asyncio.sleep(ms / 1000)
    return ms


@job.export
async def told(to: Pid, tag: Any) -> None:
    erl.send(to, (tag, erl.self()))
    await erl.receive(lambda message: False)


@job.export
def once(to: Pid, message: Any) -> Any:
    return erl.send(to, message)


@job.export
async def stubborn(to: Pid) -> None:
    """Ends with a reason of its own, and says whether it could."""
    erl.process_flag("trap_exit", True)
    erl.send(to, (Atom("up"), erl.self()))
    message: Any = await erl.receive()
    raise Exit((Atom("got"), message[2]))


@job.export
def dictionary(key: Atom) -> Any:
    return erl.get(key)


@job.export
async def start(options: list[Any]) -> Any:
    """A Task.Supervisor that outlives the caller."""
    erl.process_flag("trap_exit", True)
    pid = await TaskSupervisor.start_link(**dict(options))
    erl.unlink(pid)
    return (OK, pid)


class Chat(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        return await Supervisor.start_link(
            [TaskSupervisor.child(TASKS)], strategy="one_for_one", name="Elixir.Chat.Supervisor"
        )
