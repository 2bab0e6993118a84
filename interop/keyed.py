"""What `test_agents.py` and `test_registry.py` run in Python: agents, registries, partitions.

The tests have the same modules in Elixir.
"""

from __future__ import annotations

from typing import Any

import pyerlnode as erl
from pyerlnode import (
    Agent,
    Atom,
    DynamicSupervisor,
    ErlangError,
    Exit,
    Export,
    GenServer,
    Module,
    PartitionSupervisor,
    Registry,
    Reply,
)
from pyerlnode.process import error_reason
from pyerlnode.process.spawning import apply_export

keyed = Module("Keyed")


class Counter(GenServer, module="Elixir.Keyed.Counter"):
    """Counts, and calls what it is told to."""

    def init(self, count: int) -> None:
        self.count = count

    async def handle_call(self, request: Any, caller: Any) -> Any:
        match request:
            case "get":
                return Reply(self.count)
            case ("add", n):
                self.count += n
                return Reply(self.count)
            case ("apply", module, function, args):
                export = Export(module, function, len(args))
                return Reply(await apply_export(erl.this_process().runtime, export, args))
        raise ErlangError("function_clause")


@keyed.export
def ready() -> Any:
    return 0


@keyed.export
def identity(x: Any) -> Any:
    return x


@keyed.export
def pair(x: Any) -> Any:
    return (x, x + 1)


@keyed.export
def put(_: Any, x: Any) -> Any:
    return x


@keyed.export
def boom(*_: Any) -> None:
    raise RuntimeError("no")


@keyed.export("exit")
def exit_(_: Any, reason: Any) -> None:
    raise Exit(reason)


@keyed.export
def info(_: Any) -> Any:
    return (erl.get(Atom("$initial_call")), len(erl.get(Atom("$ancestors"))))


@keyed.export
async def agent(n: int) -> Any:
    return (Atom("ok"), await Agent.start("Elixir.Keyed", "identity", [n]))


@keyed.export
async def start(n: int, name: Any = None) -> Any:
    try:
        return (Atom("ok"), await Counter.start(n, name=name))
    except Exit as error:
        return (Atom("error"), error.reason)


async def caught(function: Any, *args: Any) -> Any:
    try:
        result = function(*args)
        return result if isinstance(result, Atom) else await result
    except Exit as error:
        return (Atom("exit"), error.reason)
    except ErlangError as error:
        return (Atom("error"), error_reason(error))


@keyed.export
async def call(name: Any, request: Any) -> Any:
    return await caught(GenServer.call, name, request)


@keyed.export
async def cast(name: Any, request: Any) -> Any:
    return await caught(GenServer.cast, name, request)


@keyed.export
async def stop(name: Any) -> Any:
    return await caught(GenServer.stop, name)


# --- a module of names ------------------------------------------------------------------------

book = Module("Keyed.Book")


@book.export
def whereis_name(name: Any) -> Any:
    return erl.whereis(name) or Atom("undefined")


@book.export
def register_name(name: Any, pid: erl.Pid) -> Any:
    erl.register(name, pid)
    return Atom("yes")


@book.export
def unregister_name(name: Any) -> Any:
    if erl.whereis(name):
        erl.unregister(name)
    return Atom("ok")


children = [
    Agent.child("Elixir.Keyed", "identity", [0], name="Elixir.Keyed.Agent"),
    DynamicSupervisor.child(name="Elixir.Keyed.Sup"),
    Registry.child(keys="unique", name="Elixir.Keyed.Unique", meta={"limit": 5}),
    Registry.child(keys="duplicate", name="Elixir.Keyed.Bag"),
    Registry.child(keys="duplicate", name="Elixir.Keyed.Parted", partitions=3),
    PartitionSupervisor.child(
        (Counter, 0),
        name="Elixir.Keyed.Parts",
        partitions=7,
        with_arguments=lambda args, partition: [args[0] + partition],
    ),
]
