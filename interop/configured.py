"""A chat whose configuration says where its tasks run: here, or under a supervisor of another node.

`Chat.where/0` runs a task under the supervisor that is configured and answers on which node it ran.
"""

from __future__ import annotations

from typing import Any

from pyerlnode import Application, Atom, Export, Module, Pid, Supervisor, Task, TaskSupervisor

chat = Module("Chat")
LOCAL = "Elixir.Chat.TaskSupervisor"


@chat.export
async def where() -> Any:
    supervisor = Application.get_env("chat", "remote_supervisor", LOCAL)
    task = await TaskSupervisor.async_(supervisor, Export(Atom("erlang"), Atom("node"), 0))
    return await Task.await_(task)


class Chat(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        children = [TaskSupervisor.child(LOCAL)]
        return await Supervisor.start_link(children, strategy="one_for_one", name="Elixir.Chat.Supervisor")
