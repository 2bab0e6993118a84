"""The chat and the counter of two first lessons of Elixir, as one application in Python.

    pyerlnode run --sname kate@localhost interop/tutorial.py:app

Under `Chat.Supervisor` stand the `Chat.TaskSupervisor` that others run `Chat.receive_message`
under, and the `Counter.Supervisor` with the Counter, whose count is lost when it is restarted.
tutorial.exs is the same in Elixir: where one of them runs, the other may.

Proof: interop/test_genserver_lesson.py, interop/test_supervisor_lesson.py, interop/test_chat_lesson.py.
"""

from __future__ import annotations

from typing import Any

import counting

import pyerlnode as erl
from pyerlnode import (
    Application,
    Atom,
    GenServer,
    Module,
    Pid,
    Supervision,
    Supervisor,
    Task,
    TaskSupervisor,
    io,
    on_call,
    on_cast,
)

TASKS = "Elixir.Chat.TaskSupervisor"

kate = Module("Kate")
chat = Module("Chat")


@kate.export
async def say_name() -> Atom:
    return await io.puts("Hi, my name is Kate")


# --- the chat ---------------------------------------------------------------------------------


@chat.export
async def receive_message(message: str) -> Atom:
    return await io.puts(message)


@chat.export
async def receive_message_for_moebi(message: str, sender: Atom) -> Any:
    """What the bot does; it answers while the sender still waits for it."""
    await io.puts(message)
    return await send_message(sender, "chicken?")


@chat.export
async def send_message(recipient: Atom, message: str) -> Any:
    if recipient.startswith("moebi@"):
        return await spawn_task(
            "Elixir.Chat", "receive_message_for_moebi", recipient, [message, erl.this_node()]
        )
    return await spawn_task("Elixir.Chat", "receive_message", recipient, [message])


@chat.export
async def spawn_task(module: str, function: str, recipient: Atom, args: list[Any]) -> Any:
    task = await TaskSupervisor.async_((TASKS, recipient), module, function, args)
    return await Task.await_(task)


# --- the counter ------------------------------------------------------------------------------


class Counter(GenServer, module=counting.NAME):
    def init(self, initial: int = 0) -> Any:
        self.count = initial

    @on_call
    def get(self) -> int:
        return self.count

    @on_cast
    def inc(self) -> Any:
        self.count += 1


class CounterSupervisor(Supervisor, module="Elixir.Counter.Supervisor"):
    def init(self, initial: int = 0) -> Any:
        return Supervision([(Counter, initial, {"name": counting.NAME})], strategy="one_for_one")


counting.export(Counter)


class Chat(Application, module="Elixir.Chat.Application"):
    vsn = "0.1.0"

    async def start(self, type: Atom, args: Any) -> Pid | None:
        children = [
            TaskSupervisor.child(TASKS),
            (CounterSupervisor, 0, {"name": "Elixir.Counter.Supervisor"}),
        ]
        return await Supervisor.start_link(children, strategy="one_for_one", name="Elixir.Chat.Supervisor")


app = Chat
