"""The GenServer `seen` that test_sys.py looks into, and what it lets `sys` call."""

from __future__ import annotations

from typing import Any

import pyerlnode as erl
from pyerlnode import (
    Application,
    Atom,
    ErlangError,
    Failure,
    GenServer,
    Module,
    NoReply,
    Pid,
    Reply,
    Supervision,
    Supervisor,
    on_call,
    on_cast,
    on_info,
)

seen = Module("Seen")


class Seen(GenServer, module="Elixir.Seen"):
    def init(self) -> None:
        self.count = 0
        self.versions: list[Any] = []

    @on_call
    def get(self) -> int:
        return self.count

    @on_call
    def add(self, n: int) -> Any:
        self.count += n
        return Reply(self.count, erl.Continue(Atom("added")) if n == 7 else None)

    @on_cast
    def inc(self) -> None:
        self.count += 1

    @on_info
    def hello(self, what: Any) -> None:
        self.count += 10

    def handle_continue(self, arg: Any) -> Any:
        return NoReply()

    def code_change(self, old_version: Any, extra: Any) -> Any:
        match extra:
            case "refuse":
                return Failure("refused")
            case "raise":
                raise ErlangError("broken")
        self.versions = [old_version, extra]
        return None

    def format_status(self, status: Any) -> Any:
        return status | {"state": (Atom("hidden"), status["state"][Atom("count")])}


@seen.export
async def start() -> Any:
    return (Atom("ok"), await Seen.start(name="seen"))


@seen.export
def more(state: Any) -> Any:
    return {**state, Atom("count"): state[Atom("count")] + 100}


@seen.export
def fail(state: Any) -> Any:
    raise ErlangError("on_purpose")


@seen.export
def leave(state: Any) -> Any:
    raise erl.Exit("left")


@seen.export
def toss(state: Any) -> Any:
    raise erl.Throw(Atom("tossed"))


@seen.export
def watch(left: int, event: Any, name: Any) -> Any:
    erl.send("collector", (Atom("saw"), left, event[0], name))
    return Atom("done") if left == 1 else left - 1


@seen.export
async def collect() -> Any:
    """A process of this node that keeps what `watch` sees until it is asked."""
    erl.spawn(_collector)
    return Atom("ok")


async def _collector() -> None:
    erl.register("collector", erl.self())
    kept = []
    while True:
        match await erl.receive():
            case ("saw", *rest):
                kept.append(tuple(rest))
            case ("give", to):
                erl.send(to, (Atom("kept"), kept))
                return


class Shop(Supervisor, module="Elixir.Shop"):
    shutdown = 1.0

    def init(self, first: Any) -> Any:
        children = [{"id": first, "start": (Seen, "start_link", []), "shutdown": Shop.shutdown}]
        if Shop.shutdown > 1:
            children.append({"id": "second", "start": (Seen, "start_link", []), "restart": "temporary"})
        return Supervision(children, strategy="one_for_one" if Shop.shutdown < 3 else "no_strategy")


shop = Module("Shop")


@shop.export
async def open_shop() -> Any:
    """A supervisor whose starter stays, and whose `init` gives the first specifications."""
    Shop.shutdown = 1.0
    asker = erl.self()

    async def holder() -> None:
        erl.send(asker, (Atom("shop"), await Shop.start_link(Atom("first"), name="shop")))
        await erl.receive()

    erl.spawn(holder)
    return (await erl.receive(timeout=20))[0]


@shop.export
def next_version(seconds: int) -> Any:
    Shop.shutdown = float(seconds)
    return Atom("ok")


class SeenApplication(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        return None


app = SeenApplication
