"""What `test_border.py` runs in Python: children for supervisors of other nodes."""

from __future__ import annotations

from typing import Any

import pyerlnode as erl
from pyerlnode import Atom, GenServer, Ignore, Module, NoReply, Stop, Supervision, Supervisor

OK = Atom("ok")
border = Module("Border")


@Module("Border.Child").export
class Child(GenServer, module="Elixir.Border.Child"):
    """Tells `to` when it starts and ends; `what` says how it does."""

    def init(self, to: Any, id: Any, what: Any = None) -> Any:
        match what:
            case "ignore":
                return Ignore()
            case ("stop", reason):
                return Stop(reason)
            case "raise":
                raise ValueError("on purpose")
        erl.process_flag("trap_exit", what != "plain")
        self.to, self.id, self.what = to, id, what
        erl.send(to, (Atom("started"), id, erl.self()))
        return None

    def handle_call(self, request: Any, caller: Any) -> Any:
        return Stop(request[1]) if isinstance(request, tuple) else erl.Reply(request)

    async def terminate(self, reason: Any) -> None:
        erl.send(self.to, (Atom("terminated"), self.id, reason))
        if self.what == "slow":
            await erl.receive(lambda message: False)

    def handle_info(self, message: Any) -> Any:
        erl.send(self.to, (Atom("info"), self.id, message))
        return NoReply()


@Module("Border.Tree").export
class Tree(Supervisor, module="Elixir.Border.Tree"):
    """Two children, which tell `to`."""

    def init(self, to: Any, id: Any) -> Any:
        children = [
            {"id": name, "start": (Child, "start_link", [to, (id, Atom(name))])}
            for name in ("first", "second")
        ]
        return Supervision(children, strategy="one_for_one")


@border.export
async def bare(to: Any, id: Any) -> Any:
    """Starts a child without a link."""
    return (OK, await Child.start(to, id))


@border.export
def give(value: Any) -> Any:
    return value


app: list[Any] = []
