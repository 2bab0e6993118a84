"""Behaviours as modules that other nodes start; `test_exported_classes.py` has the same in Elixir."""

from __future__ import annotations

from typing import Any

from pyerlnode import Agent, Application, Atom, DynamicSupervisor, GenServer, Module, Pid, Supervisor, on_call
from pyerlnode.otp import Supervision


class Room(GenServer, module="Elixir.Chat.Room"):
    def init(self, topic: Any) -> None:
        self.about = topic

    @on_call
    def topic(self) -> Any:
        return self.about


class Rooms(DynamicSupervisor, module="Elixir.Chat.Rooms"):
    def init(self, _: Any) -> dict[str, int]:
        return {"max_children": 1}


class Basket(Agent, module="Elixir.Chat.Basket"):
    pass


class Chat(Supervisor, module="Elixir.Chat"):
    def init(self, topic: Any) -> Supervision:
        return Supervision([(Room, topic)], strategy="one_for_one")


class Lonely(Supervisor, module="Elixir.Chat.Lonely"):
    """Has a start_link of its own."""

    def init(self) -> Supervision:
        return Supervision([], strategy="one_for_one")

    @classmethod
    async def start_link(cls) -> Pid | None:  # type: ignore[override]
        return await super().start_link(name="Elixir.Chat.Lonely")


for exported in (Room, Rooms, Basket, Chat, Lonely):
    Module(exported.__module_name__).export(exported)


class Classes(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        return await Supervisor.start_link([], strategy="one_for_one", name="Elixir.Top")


app = Classes
