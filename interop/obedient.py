"""The tutorial's application, and servers beside it that do as they are told; obedient.exs has the same.

`Obedient` shows each result of a callback, and `Obedient.tree` makes supervisors of such
servers, which tell somebody when they start and end.
"""

from __future__ import annotations

from typing import Any

from tutorial import app

import pyerlnode as erl
from pyerlnode import (
    Atom,
    Continue,
    DynamicSupervisor,
    Exit,
    GenServer,
    Hibernate,
    Ignore,
    Module,
    NoReply,
    Reply,
    Stop,
    Supervisor,
    Throw,
    on_info,
)

__all__ = ["app"]

OK = Atom("ok")
obedient = Module("Obedient")


class Obedient(GenServer, module="Elixir.Obedient"):
    def init(self, arg: Any) -> Any:
        self.notes: list[Any] = []
        self.waiting: Any = None
        self.told: Any = None
        match arg:
            case "ignore":
                return Ignore()
            case ("stop", reason):
                return Stop(reason)
            case ("tell", to, id):
                erl.process_flag("trap_exit", True)
                self.told = (to, id)
                erl.send(to, (Atom("started"), id, erl.self()))

    def handle_call(self, request: Any, caller: Any) -> Any:
        match request:
            case "notes":
                return Reply(self.notes)
            case ("reply", value):
                return Reply(value)
            case "later":
                self.waiting = caller
                return NoReply()
            case ("continue", value):
                return Reply(OK, Continue(value))
            case ("hibernate", value):
                return Reply(value, Hibernate())
            case ("stop", reason):
                return Stop(reason)
            case ("stop", reason, reply):
                return Stop(reason, reply=reply)
            case "wait":
                return self.wait()
            case ("timer", ms, to):
                erl.send_after(ms / 1000, erl.self(), (Atom("rang"), to))
                return Reply(OK)
            case ("monitor", pid, to):
                self.told = (to, erl.monitor(pid))
                return Reply(OK)
        return self.end(request)

    async def wait(self) -> Any:
        await erl.receive(lambda message: message == "go")
        return Reply(Atom("went"))

    def end(self, request: Any) -> Any:
        match request:
            case ("raise", text):
                raise RuntimeError(text.decode())
            case ("exit", reason):
                raise Exit(reason)
            case ("throw", value):
                raise Throw(value)

    def handle_cast(self, request: Any) -> Any:
        match request:
            case ("note", value):
                self.notes.append(value)
                return NoReply()
            case ("answer", value):
                GenServer.reply(self.waiting, value)
                return NoReply()
        return self.end(request)

    def handle_continue(self, value: Any) -> Any:
        self.notes.append((Atom("continued"), value))
        return NoReply()

    @on_info("note")
    def noted(self, value: Any) -> None:
        self.notes.append(value)

    @on_info("rang")
    def rang(self, to: Any) -> None:
        erl.send(to, Atom("rang"))

    @on_info("DOWN")
    def went_down(self, ref: Any, kind: Any, pid: Any, reason: Any) -> None:
        erl.send(self.told[0], (Atom("down"), ref == self.told[1], reason))

    def terminate(self, reason: Any) -> None:
        if self.told is not None:
            to, id = self.told
            erl.send(to, (Atom("terminated"), id, reason))


obedient.export(Obedient)


@obedient.export
async def tree(strategy: Atom, name: Atom, children: list[Any]) -> Any:
    """A supervisor with these children."""
    return OK, await Supervisor.start_link(children, strategy=strategy, name=name)


@obedient.export
async def sessions(name: Atom) -> Any:
    """A supervisor that gets its children later."""
    return OK, await DynamicSupervisor.start_link(name=name)


@obedient.export
async def named(name: Any) -> Any:
    """A server with any kind of name, which is linked to nobody."""
    return OK, await Obedient.start(Atom("plain"), name=name)
