"""A Python member of the cluster, asked by `scripts/chaos` through a Unix socket.

`CHAOS_SOCKET` names the socket; a line there is a command, and what comes back is a term in
external term format, base64.  member.exs is the same in Elixir, and says what the commands mean.
"""

from __future__ import annotations

import asyncio
import base64
import os
from typing import TYPE_CHECKING, Any

import pyerlnode as erl
from pyerlnode import Atom, Pid, Reference
from pyerlnode.services import global_, net_kernel, pg
from pyerlnode.services.local import local_node
from pyerlnode.term import encode

if TYPE_CHECKING:
    from collections.abc import Callable

KEEPER, LEADER, OK = Atom("keeper"), Atom("leader"), Atom("ok")
HELLO, HELLO_BACK = Atom("hello"), Atom("hello_back")


class Keeper:
    """The process that is linked to, and monitors, its like on the other nodes."""

    def __init__(self) -> None:
        self.monitored: dict[Reference, Pid] = {}
        self.linked: set[Pid] = set()
        self.pid: Pid | None = None

    async def run(self) -> None:
        erl.process_flag("trap_exit", True)
        self.pid = own = erl.self()
        erl.register(KEEPER, own)
        pg.join(Atom("all"), own)
        erl.spawn(keep_registered, own)
        net_kernel.monitor_nodes(True)
        for other in erl.nodes():
            erl.send((KEEPER, other), (HELLO, own))
        while True:
            match await erl.receive():
                case ("nodeup", str() as other):
                    erl.send((KEEPER, other), (HELLO, own))
                case ("hello", Pid() as other):
                    self.befriend(other)
                    erl.send(other, (HELLO_BACK, own))
                case ("hello_back", Pid() as other):
                    self.befriend(other)
                case ("DOWN", ref, "process", _, _):
                    self.monitored.pop(ref, None)
                case ("EXIT", other, _):
                    self.linked.discard(other)

    def befriend(self, other: Pid) -> None:
        if other not in self.monitored.values():
            self.monitored[erl.monitor(other)] = other
        if other not in self.linked:
            self.linked.add(other)
            erl.link(other)


async def keep_registered(keeper: Pid) -> None:
    """Have the keeper's name in `global`; a node's earlier life may have it for a while."""
    name = Atom(f"chaos_{erl.this_node()}")
    while True:
        if global_.whereis_name(name) != keeper:
            await global_.register_name(name, keeper)
        await asyncio.sleep(0.5)


async def campaign() -> None:
    """Be the leader, unless somebody is."""
    if await global_.register_name(LEADER, erl.self()):
        await erl.receive()


async def chatter(targets: list[Pid]) -> None:
    """Two megabytes for each of the others."""
    for _ in range(40):
        for target in targets:
            erl.send(target, (Atom("chatter"), bytes(50_000)))
        await asyncio.sleep(0)


class Commands:
    """What can be asked."""

    def __init__(self) -> None:
        self.keeper = Keeper()

    def connect(self, *others: str) -> Any:
        for other in others:
            if other not in erl.nodes():
                erl.spawn(local_node().connect, other)
        return OK

    def campaign(self) -> Any:
        erl.spawn(campaign)
        return OK

    def join(self) -> Any:
        return pg.join(Atom("some"), self._pid())

    def leave(self) -> Any:
        return pg.leave(Atom("some"), self._pid())

    def chatter(self) -> Any:
        erl.spawn(chatter, list(self.keeper.linked))
        return OK

    def view(self) -> Any:
        names = global_.registered_names()
        return (
            erl.nodes(),
            [(name, global_.whereis_name(name)) for name in names],
            pg.get_members(Atom("all")),
            pg.get_members(Atom("some")),
            self._pid(),
            list(self.keeper.monitored.values()),
            list(self.keeper.linked),
        )

    def global_(self) -> Any:
        server = erl.this_process().runtime.registered_process("global_name_server")
        assert server is not None
        process: Any = server.behaviour
        member = process.member
        parts = {part: vars(getattr(member, part)) for part in ("joining", "parting", "waiting")}
        return f"{vars(member) | parts}"

    def _pid(self) -> Pid:
        assert self.keeper.pid is not None
        return self.keeper.pid


async def answer() -> None:
    """Answer whoever connects, for ever."""
    commands = Commands()
    erl.spawn(commands.keeper.run)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            name, *arguments = line.decode().split()
            function: Callable[..., Any] = getattr(commands, f"{name}_" if name == "global" else name)
            writer.write(base64.b64encode(encode(function(*arguments))) + b"\n")
            await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(serve, os.environ["CHAOS_SOCKET"]) as server:
        await server.serve_forever()


async def app() -> Pid:
    pg.start()
    return erl.spawn(answer)
