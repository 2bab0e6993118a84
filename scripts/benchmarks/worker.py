"""What Python measures within a node of its own: `python -m benchmarks.worker FUNCTION ARGUMENT...`.

Prints nanoseconds for all of the work, as the functions of beam.exs answer, and nanoseconds of the
processor in it.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pyerlnode as erl
from pyerlnode import Atom, GenServer, Node, Pid, on_call, on_cast
from pyerlnode.cli.run import tune_memory
from pyerlnode.process.loop import run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NAME = "worker@localhost"
COOKIE = "bench"
_ECHO = (Atom("echo"), 1)
_CAST = (Atom("cast"), 1)
_NORMAL = Atom("normal")
GO = Atom("go")
# Of the work that was done last.
processor = 0


class Echo(GenServer):
    def init(self) -> None:
        self.casts = 0

    @on_call
    def echo(self, term: Any) -> Any:
        return term

    @on_call
    def count(self) -> int:
        return self.casts

    @on_cast("cast")
    def counted(self, term: Any) -> None:
        self.casts += 1


async def calls(server: Any, count: int) -> None:
    call = GenServer.call
    for _ in range(count):
        if await call(server, _ECHO, timeout=None) != 1:
            raise AssertionError("an echo of something else")


async def concurrent_calls(server: Any, callers: int, count: int) -> None:
    each = max(count // callers, 1)
    refs = [erl.spawn_monitor(calls, server, each)[1] for _ in range(callers)]
    for ref in refs:
        down = await erl.receive(lambda message, ref=ref: message[1] == ref)
        if down[4] != _NORMAL:
            raise AssertionError(down)


async def casts(server: Any, count: int) -> None:
    cast = GenServer.cast
    for _ in range(count):
        cast(server, _CAST)
    # Behind all of them: it is answered when they have been taken.
    if await GenServer.call(server, Atom("count"), timeout=None) != count:
        raise AssertionError("casts were lost")


async def starts(count: int) -> list[Pid]:
    return [await Echo.start_link() for _ in range(count)]


async def spawns(count: int) -> None:
    async def ends() -> None:
        pass

    async def says(to: Pid) -> None:
        erl.send(to, Atom("done"))

    for _ in range(count - 1):
        erl.spawn(ends)
    erl.spawn(says, erl.self())
    await erl.receive(lambda message: message == "done")


async def nanoseconds(work: Callable[..., Awaitable[Any]], *args: Any) -> int:
    """Of `work`, in a process of its own, as on the other side."""
    taken = []

    async def body() -> None:
        global processor
        started, before = time.perf_counter_ns(), time.process_time_ns()
        await work(*args)
        taken.append(time.perf_counter_ns() - started)
        processor = time.process_time_ns() - before

    gc.collect()
    _, ref = erl.spawn_monitor(body)
    down = await erl.receive(lambda message: message[1] == ref)
    if down[4] != _NORMAL:
        raise AssertionError(down)
    return taken[0]


async def each(count: int, work: Callable[..., Awaitable[Any]], *args: Any) -> int:
    """Nanoseconds of the processor for one of the `count` that `work` does."""
    await nanoseconds(work, *args)
    return processor // count


async def idle() -> None:
    """Wait for GO, behind whatever else comes."""
    await erl.receive(lambda message: message == GO)


def resident() -> int:
    """Bytes of this program that are in memory."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --- what can be asked for; each answers nanoseconds, or bytes --------------------------


async def sequential(name: str, node: str, count: int) -> int:
    server = (Atom(name), Atom(node))
    await calls(server, 100)
    return await nanoseconds(calls, server, count)


async def callers(name: str, node: str, callers: int, count: int) -> int:
    server = (Atom(name), Atom(node))
    await concurrent_calls(server, callers, callers)
    return await nanoseconds(concurrent_calls, server, callers, count)


async def local_calls(count: int) -> int:
    await calls(await Echo.start(), count // 10)
    return await nanoseconds(calls, await Echo.start(), count)


async def local_casts(count: int) -> int:
    await casts(await Echo.start(), count // 10)
    return await nanoseconds(casts, await Echo.start(), count)


async def local_starts(count: int) -> int:
    await starts(count // 10)
    return await nanoseconds(starts, count)


async def local_spawns(count: int) -> int:
    await spawns(max(count // 10, 1))
    return await nanoseconds(spawns, count)


async def memory(count: int) -> int:
    """Bytes for each of `count` idle servers, of what the whole program takes."""
    await starts(10)  # what the first one loads is no part of the price
    before = resident()
    kept = await starts(count)
    return (resident() - before) // len(kept)


ASKED = (sequential, callers, local_calls, local_casts, local_starts, local_spawns, memory)


async def answer(function: str, arguments: list[str]) -> int:
    from benchmarks import growing, holding

    work = {asked.__name__: asked for asked in (*ASKED, *growing.ASKED, *holding.ASKED)}[function]
    async with Node(NAME, cookie=COOKIE):
        return await work(*(int(word) if word.isdigit() else word for word in arguments))


if __name__ == "__main__":
    # growing.py and holding.py are to find this one, not a second one of the same source.
    sys.modules["benchmarks.worker"] = sys.modules["__main__"]
    if sys.argv[1] != memory.__name__:  # where what Python has freed, and keeps then, would be counted
        tune_memory()  # as `pyerlnode run` does
    print(run(answer(sys.argv[1], sys.argv[2:])), processor)
