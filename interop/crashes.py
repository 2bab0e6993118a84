"""Servers and functions that crash, for the tests of what is logged where; crashes.exs has the same."""

from __future__ import annotations

from typing import Any

import pyerlnode as erl
from pyerlnode import Application, Atom, Exit, GenServer, Module, NoReply, Pid, Reply, Stop

crashes = Module("Crashes")
OK = Atom("ok")


class Faulty(GenServer, module="Elixir.Faulty"):
    def init(self, how: Any) -> Any:
        self.how = how
        return Stop(Atom("nope")) if how == "stop" else None

    def handle_call(self, request: Any, caller: Any) -> Any:
        if request == "stop":
            return Stop(Atom("odd"))
        if request == "exit":
            raise Exit("ouch")
        if request == "ping":
            return Reply(Atom("pong"))
        raise RuntimeError("boom")

    def handle_cast(self, request: Any) -> Any:
        raise RuntimeError("boom")


class Plain(GenServer, module="Elixir.Plain"):
    def handle_call(self, request: Any, caller: Any) -> Any:
        return NoReply()


@crashes.export
def boom() -> None:
    raise RuntimeError("boom")


@crashes.export
async def call(how: Any, request: Any) -> Any:
    """Start a server, call it, and wait for its end."""
    try:
        pid = await Faulty.start(how)
        await GenServer.call(pid, request)
    except Exit:
        pass
    return OK


@crashes.export
async def cast() -> Any:
    pid = await Faulty.start(1)
    ref = erl.monitor(pid)
    GenServer.cast(pid, Atom("x"))
    await erl.receive(lambda message: message[0] == "DOWN" and message[1] == ref)
    return OK


@crashes.export
async def stray() -> Any:
    pid = await Plain.start()
    erl.send(pid, Atom("what"))
    await erl.sys.get_state(pid)
    return OK


class Crashing(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        return None


app = Crashing
