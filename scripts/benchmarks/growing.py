"""What worker.py can be asked about messages and nodes that grow: the processor's nanoseconds for each."""

from __future__ import annotations

import asyncio
import time

import pyerlnode as erl
from benchmarks.worker import COOKIE, GO, NAME, Echo, calls, casts, each, idle, starts
from pyerlnode import Atom, GenServer, Node, Pid
from pyerlnode.term import decode, encode

_CALLS = 2000


async def message(name: str, node: str, size: int, count: int) -> int:
    """A binary of `size` bytes to another node and back."""
    server, request = (Atom(name), Atom(node)), (Atom("echo"), bytes(size))

    async def echoes(times: int) -> None:
        for _ in range(times):
            await GenServer.call(server, request, timeout=None)

    await echoes(1)
    return await each(count, echoes, count)


async def mailbox(count: int) -> int:
    """So many casts, all of which arrive before the first is taken."""
    await casts(await Echo.start(), 100)
    return await each(count, casts, await Echo.start(), count)


async def selective(count: int) -> int:
    """A receive that finds its message behind `count` others."""

    async def work() -> None:
        for number in range(count):
            erl.send(erl.self(), number)
        erl.send(erl.self(), GO)
        await idle()

    return await each(count, work)


async def processes(count: int) -> int:
    """A call while `count` other servers are there."""
    kept = await starts(count)
    taken = await each(_CALLS, calls, await Echo.start(), _CALLS)
    return taken if len(kept) == count else 0


async def nodes(count: int) -> int:
    """A further node that connects, and answers one call; all in one program."""
    server: Pid | None = await Echo.start()
    started = time.process_time_ns()
    await asyncio.gather(*(_member(number, server) for number in range(count)))
    return (time.process_time_ns() - started) // count


async def _member(number: int, server: Pid | None) -> None:
    async with Node(f"member{number}@localhost", cookie=COOKIE, hidden=True) as node:
        await node.connect(NAME)
        await calls(server, 1)


async def atoms(count: int) -> int:
    """An atom that has not been seen before, read from bytes."""
    # Of the same length, so that nothing else in the bytes changes.
    data = encode([Atom(f"an atom of old, number {number}") for number in range(count)])
    data = data.replace(b"of old", b"as new")
    started = time.process_time_ns()
    decode(data)
    return (time.process_time_ns() - started) // count


ASKED = (message, mailbox, selective, processes, nodes, atoms)
