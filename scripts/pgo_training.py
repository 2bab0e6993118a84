"""What the compiled modules are compiled for: the work of hatch_pgo.py, the same in every run.

A node that others call: that is what the larger part of it does.  Whatever is never done here is
laid out to be small, not to be fast, so a little of everything else is done as well.  It needs no
BEAM and no network but the loopback interface.

The frames between two Python nodes are those of a BEAM that calls: a monitor, the request to a name or
a pid, the reply to an alias (as to OTP 28 and later, and as to those before), a demonitor.

    PYTHONPATH=. python scripts/pgo_training.py
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks import data, growing, holding
from benchmarks.worker import Echo, calls, casts, concurrent_calls, spawns, starts

import pyerlnode as erl
from pyerlnode import Atom, Exit, GenServer, Node, NoReply, Pid, Reply, on_call, on_cast
from pyerlnode.cli.run import tune_memory
from pyerlnode.errors import TermError
from pyerlnode.node import node
from pyerlnode.node.epmd_server import EpmdServer
from pyerlnode.protocol import OFFERED_VISIBLE, DistFlag
from pyerlnode.services import erpc
from pyerlnode.term import BitString, Export, ImproperList, Limits, Port, Reference, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

COOKIE = "training"
HOST, CALLER = "host@127.0.0.1", "caller@127.0.0.1"
_NODE = Atom(HOST)
_SHUTDOWN = Atom("shutdown")
_MEGABYTE = bytes(1_000_000)
# How often each document is written and read; of those that are not named, once.
_TIMES = {"call": 40_000, "maps100": 400, "nested": 8, "10k charlist": 20, "1000 bigints": 20}
# One of each kind that `data` has not.
OTHERS = [
    [None, True, False, Atom("größe"), Atom("a" * 255), "text", "größe", b"", "", [], (), {}],
    [0, 255, 256, -1, 2**31, -(2**63), 2**64, 2**4000, -(2**2100), 0.0, -1.5],
    [BitString(b"\xa0", 3), ImproperList([1, 2], 3), list(range(200)), bytes(300), tuple(range(300))],
    [Port(_NODE, 5, 1), Port(_NODE, 2**40, 1), Export(Atom("lists"), Atom("map"), 2)],
    [Reference(_NODE, 1, (1, 2, 3, 4, 5)), Pid(_NODE, 2**20, 7, 1), {1: {2.0: {b"3": (Atom("four"),)}}}],
]


# --- terms --------------------------------------------------------------------------------


def documents() -> None:
    """Write and read what is measured."""
    for name, term in data.terms().items():
        for _ in range(_TIMES.get(name, 1)):
            decode(encode(term))


def other_terms() -> None:
    """Write and read what is rare, also with other options."""
    for _ in range(200):
        written = encode(OTHERS)
        decode(written)
        decode(written, text=True, views=100)
        decode(encode(OTHERS, compressed=True))


def broken_terms() -> None:
    """Read bytes that have something wrong, and write what is no term."""
    source = random.Random(2)
    whole = encode([data.call(), data.person(1), OTHERS])
    for _ in range(3000):
        broken = bytearray(whole[: source.randrange(1, len(whole) + 1)])
        broken[source.randrange(len(broken))] = source.randrange(256)
        _refused(lambda broken=broken: decode(bytes(broken)))
    for _ in range(100):
        _refused(lambda: decode(whole, limits=Limits(elements=3)))
        _refused(lambda: encode([1, (2, object())]))


def _refused(work: Callable[[], object]) -> None:
    """Do what mostly is an error."""
    with suppress(TermError):
        work()


# --- one node -----------------------------------------------------------------------------


class Server(GenServer):
    """What Echo has not: callbacks that wait, that answer otherwise, that fail, and those of OTP's style."""

    def init(self) -> None:
        self.kept: Any = None

    @on_call
    async def later(self, term: Any) -> Any:
        await asyncio.sleep(0)
        return term

    @on_call
    def by_hand(self, term: Any, *, caller: Any) -> NoReply:
        GenServer.reply(caller, term)
        return NoReply()

    @on_call
    def fail(self) -> None:
        raise RuntimeError("on purpose")

    @on_call
    async def another(self) -> Pid:
        return await Server.start()

    @on_cast
    async def keep(self, term: Any) -> None:
        self.kept = term

    def handle_call(self, request: Any, caller: Any) -> Reply:
        return Reply(request)

    def handle_cast(self, request: Any) -> NoReply:
        return NoReply()

    def handle_info(self, message: Any) -> NoReply:
        return NoReply()


async def every_kind(server: Any, count: int) -> None:
    """Calls, with the usual timeout, casts and messages."""
    for number in range(count):
        for request in ("by_hand", "later", "echo"):
            await GenServer.call(server, (Atom(request), number))
        GenServer.cast(server, (Atom("keep"), number))
        GenServer.cast(server, number)
        erl.send(server, number)


async def ends(server: Any, count: int) -> None:
    """What `server` starts ends because it is told to, by an exit signal, and by a fault of its own."""
    for _ in range(count):
        first, second, third = [await GenServer.call(server, Atom("another")) for _ in range(3)]
        refs = [erl.monitor(pid) for pid in (first, second, third)]
        for pid in (second, third):
            erl.link(pid)
            erl.unlink(pid)
        erl.link(second)
        await GenServer.stop(first)
        erl.exit(second, _SHUTDOWN)
        with suppress(Exit):
            await GenServer.call(third, Atom("fail"))
        for ref in refs:
            await erl.receive(lambda message, ref=ref: message[:2] == ("DOWN", ref))
        await erl.receive(lambda message, pid=second: message[:2] == ("EXIT", pid))


async def one_node() -> None:
    """What processes of one node do with each other."""
    server = await Server.start(name="server")
    echo = await Echo.start(name="echo")
    for to in (echo, "echo"):
        await calls(to, 10_000)
        await casts(await Echo.start(), 10_000)
    await concurrent_calls(echo, 64, 6400)
    for to in (server, "server"):
        await every_kind(to, 500)
    await ends(server, 50)
    await starts(2000)
    await spawns(10_000)
    for held in holding.ASKED:
        await held(1000)
    await growing.selective(1000)


# --- two nodes ----------------------------------------------------------------------------


async def two_nodes(epmd_port: int) -> None:
    """A node that hosts servers, and, as a task with a node of its own, who calls them."""
    async with Node(HOST, COOKIE, epmd_port=epmd_port, sbwt="none"):
        erl.process_flag("trap_exit", True)
        await one_node()
        for flags in (OFFERED_VISIBLE, OFFERED_VISIBLE & ~DistFlag.ALTACT_SIG):
            # Of casts all are counted that have come to an Echo: it is there for one caller.
            pids = [erl.whereis("echo"), erl.whereis("server"), await Echo.start()]
            counting = await Echo.start(name="counting")
            with patch.object(node, "OFFERED_VISIBLE", flags):
                await asyncio.create_task(caller(epmd_port, pids))
            await GenServer.stop(counting)


async def caller(epmd_port: int, pids: list[Any]) -> None:
    """Ask another node, by pid and by name; the larger part is calls, one after the other."""
    names = [(Atom(name), _NODE) for name in ("echo", "server", "counting")]
    async with Node(CALLER, COOKIE, epmd_port=epmd_port, sbwt="none"):
        erl.process_flag("trap_exit", True)
        for echo, server, counting in (pids, names):
            await calls(echo, 5000)
            await concurrent_calls(echo, 64, 6400)
            await casts(counting, 10_000)
            await every_kind(server, 150)
            await ends(server, 20)
            await large(echo)
        await spawns_there()


async def large(echo: Any) -> None:
    """Documents of all sizes, to another node and back."""
    for term in (_MEGABYTE, [1, _MEGABYTE, 2], *data.terms().values()):
        for _ in range(3):
            await GenServer.call(echo, (Atom("echo"), term))


async def spawns_there() -> None:
    """Processes of another node, and functions that are called there."""
    for _ in range(50):
        await erl.spawn(HOST, "erlang", "node", [])
        pid, ref = await erl.spawn_monitor(HOST, "erlang", "node", [])
        await erl.receive(lambda message, ref=ref: message[:2] == ("DOWN", ref))
        pid = await erl.spawn_link(HOST, "erlang", "node", [])
        await erl.receive(lambda message, pid=pid: message[:2] == ("EXIT", pid))
        await erpc.call(HOST, "erlang", "node", [])


async def main() -> None:
    documents()
    other_terms()
    broken_terms()
    async with EpmdServer(0, ("127.0.0.1",)) as epmd:
        await two_nodes(epmd.port)


if __name__ == "__main__":
    logging.disable()  # faults are on purpose
    tune_memory()
    started = time.perf_counter()
    asyncio.run(main())
    print(f"trained in {time.perf_counter() - started:.1f} s")
