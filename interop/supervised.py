"""What `test_supervisor.py` runs in Python: children that tell, and supervisors on request.

The test has the same modules in Elixir.
"""

from __future__ import annotations

from typing import Any

import pyerlnode as erl
from pyerlnode import Atom, DynamicSupervisor, ErlangError, Exit, GenServer, Ignore, Module, Stop, Supervisor

OK = Atom("ok")
sup = Module("Sup")


class Child(GenServer, module="Elixir.Sup.Child"):
    """Tells `to` when it starts and ends."""

    def init(self, to: Any, id: Any, what: Any = None) -> Any:
        match what:
            case "ignore":
                return Ignore()
            case ("stop", reason):
                return Stop(reason)
            case ("once", counter):
                return self.once(to, id, counter)
        self.started(to, id)
        return None

    async def once(self, to: Any, id: Any, counter: Any) -> Any:
        """Fails at the second start."""
        if await GenServer.call(counter, Atom("next"), 5) == 2:
            erl.send(to, (Atom("failed"), id))
            return Stop("flaky")
        self.started(to, id)
        return None

    def started(self, to: Any, id: Any) -> None:
        erl.process_flag("trap_exit", True)
        self.to, self.id = to, id
        erl.send(to, (Atom("started"), id, erl.self()))

    def terminate(self, reason: Any) -> None:
        erl.send(self.to, (Atom("terminated"), self.id, reason))


class Counter(GenServer, module="Elixir.Sup.Counter"):
    def init(self) -> None:
        self.count = 0

    @erl.on_call
    def next(self) -> int:
        self.count += 1
        return self.count


class Tree(Supervisor, module="Elixir.Sup.Tree"):
    def init(self, flags: Any, specs: Any) -> Any:
        return (OK, (flags, specs))


class Dynamic(DynamicSupervisor, module="Elixir.Sup.Dynamic"):
    def init(self, flags: Any) -> Any:
        return (OK, flags)


@sup.export
async def child(*args: Any) -> Any:
    try:
        pid = await Child.start_link(*args)
    except Exit as error:
        return (Atom("error"), error.reason)
    return Atom("ignore") if pid is None else (OK, pid)


@sup.export
def give(value: Any) -> Any:
    return value


@sup.export("raise")
def raise_(reason: Any) -> None:
    raise ErlangError(reason)


@sup.export("exit")
def exit_(reason: Any) -> None:
    raise Exit(reason)


@sup.export
async def counter() -> Any:
    return await Counter.start()


@sup.export
async def tree(flags: Any, specs: Any) -> Any:
    return await unlinked(Tree.start_link(flags, specs))


@sup.export
async def dynamic(flags: Any) -> Any:
    return await unlinked(Dynamic.start_link(flags))


async def unlinked(start: Any) -> Any:
    erl.process_flag("trap_exit", True)
    try:
        pid = await start
    except Exit as error:
        return (Atom("error"), error.reason)
    if pid is None:
        return Atom("ignore")
    erl.unlink(pid)
    return (OK, pid)


children = [
    (Counter, None, {"start": (Counter.start_link, [], {"name": "counter"}), "id": "counter"}),
    Supervisor.child([], strategy="one_for_one", name="Elixir.Empty"),
    DynamicSupervisor.child(name="Elixir.Sessions"),
]
