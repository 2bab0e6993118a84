"""What `test_tasks.py` runs in Python: the tutorial's chat, and functions for tasks.

The test has the same modules in Elixir.
"""

from __future__ import annotations

import asyncio
from typing import Any

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
    io,
)

OK = Atom("ok")
SUPERVISOR = "Elixir.Chat.TaskSupervisor"

chat = Module("Chat")
job = Module("Job")


# --- the chat ---------------------------------------------------------------------------------


@chat.export
async def receive_message(message: str) -> Atom:
    return await io.puts(message)


@chat.export
async def receive_message_for_moebi(message: str, sender: Atom) -> Any:
    await io.puts(message)
    return await send_message(sender, "chicken?")


@chat.export
async def send_message(recipient: Atom, message: str) -> Any:
    if recipient.startswith("moebi@"):
        return await spawn_task("receive_message_for_moebi", recipient, [message, erl.this_node()])
    return await spawn_task("receive_message", recipient, [message])


async def spawn_task(function: str, recipient: Atom, args: list[Any]) -> Any:
    task = await TaskSupervisor.async_((SUPERVISOR, recipient), "Elixir.Chat", function, args)
    return await Task.await_(task)


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
            [TaskSupervisor.child(SUPERVISOR)], strategy="one_for_one", name="Elixir.Chat.Supervisor"
        )
