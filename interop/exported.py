"""Modules of exported functions, for the interop tests of spawn, rpc and output."""

from __future__ import annotations

import asyncio
import gc
import resource
from pathlib import Path
from typing import Any

import pyerlnode as erl
from pyerlnode import Application, Atom, ErlangError, Exit, Module, Pid, Throw, io

kate = Module("Kate")

print("imported")


@kate.export
async def say_name() -> Atom:
    return await io.puts("Hi, my name is Kate")


@kate.export
async def count(n: int) -> Atom:
    for i in range(n):
        print(i, "✓")
    await io.puts("done")
    print("no", end=" ")
    print("newline", end="")
    return Atom("ok")


@kate.export
async def threaded() -> str:
    def work() -> str:
        print("from a thread")
        return input("name? ")

    return await asyncio.to_thread(work)


@kate.export
def asks() -> str:
    return input("name? ")


@kate.export
async def echo() -> Any:
    line = await io.gets("line: ")
    return Atom("eof") if line is None else line


@kate.export
def add(a: int, b: int) -> int:
    return a + b


@kate.export
async def slow(ms: int, value: Any) -> Any:
    await asyncio.sleep(ms / 1000)
    return value


@kate.export
def crash() -> None:
    raise ValueError("on purpose")


@kate.export
def fail(kind: Atom, reason: Any) -> None:
    raise {"throw": Throw, "exit": Exit, "error": ErlangError}[kind](reason)


@kate.export
def odd() -> Any:
    return object()


@kate.export
def spin(ms: int) -> Atom:
    """Holds the node for so long, as careless code does."""
    import time

    time.sleep(ms / 1000)
    return Atom("spun")


@kate.export
def tell(to: Pid, what: Any) -> Any:
    return erl.send(to, (what, erl.self()))


@kate.export
async def wait() -> Any:
    return await erl.receive()


@kate.export
async def listen(name: Atom, to: Pid) -> None:
    """Has a name, and tells `to` everything that it is sent."""
    erl.register(name, erl.self())
    erl.send(to, Atom("listening"))
    while True:
        erl.send(to, await erl.receive())


@kate.export
def sizes() -> list[int]:
    runtime = erl.this_process().runtime
    return [len(runtime.processes()), len(runtime.aliases), len(runtime.spawns), len(runtime.timers)]


@kate.export
def objects() -> tuple[int, int]:
    """Objects that are reachable, and resident bytes: what no table shows grows in these."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return len(gc.get_objects()), pages * resource.getpagesize()


class Exported(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        print("started")
        return None


app = Exported
