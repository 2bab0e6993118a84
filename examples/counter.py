"""A counter that Elixir calls: `GenServer.call({Counter, :kate@localhost}, :get)`."""

from typing import Any

from pyerlnode import Application, Atom, GenServer, Pid, Supervisor, on_call, on_cast


class Counter(GenServer):
    def init(self, initial: int = 0) -> None:
        self.count = initial

    @on_call
    def get(self) -> int:
        return self.count

    @on_call
    def add(self, n: int) -> int:
        self.count += n
        return self.count

    @on_cast
    def inc(self) -> None:
        self.count += 1


class App(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        counter = (Counter, 0, {"name": "Elixir.Counter"})
        name = "Elixir.Counter.Supervisor"
        return await Supervisor.start_link([counter], strategy="one_for_one", name=name)
