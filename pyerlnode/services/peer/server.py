"""The process that stands for a peer: it starts the program, and neither outlives the other.

Source: peer.erl of OTP's stdlib (peer_down, wait_boot, shutdown).
Proof: tests/services/peer/test_peer.py.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary, WeakSet

from pyerlnode.errors import ErlangError
from pyerlnode.otp import Failure, GenServer, NoReply, Reply, Stop
from pyerlnode.process import Request, process_flag, send, spawn_link, this_process
from pyerlnode.process import self as own_pid
from pyerlnode.services import io
from pyerlnode.services.local import local_node
from pyerlnode.services.peer.program import Program
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyerlnode.node import Node
    from pyerlnode.otp import Caller

__all__ = ["NODE", "PeerServer", "Settings"]

NODE: Final = Atom("node")
# Seconds that what a peer has printed last may take to reach who reads it.
LAST_OUTPUT = 2.0
_ENDED, _PEER, _UNSUPPORTED = Atom("ended"), Atom("peer"), (Atom("error"), Atom("notsup"))
_BOOT_FAILED, _EXIT_STATUS, _TIMEOUT = Atom("boot_failed"), Atom("exit_status"), Atom("timeout")
_NORMAL = Atom("normal")

# Of each node: the programs that are stopped with it.
_programs: WeakKeyDictionary[Node, WeakSet[Program]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Settings:
    """How a peer is started; times in seconds."""

    target: str
    name: str
    args: Sequence[str]
    env: Mapping[str, str]
    wait_boot: float | None
    shutdown: float | None
    peer_down: str


class PeerServer(GenServer, module="peer"):
    """One peer."""

    async def init(self, settings: Any) -> Any:
        process_flag("trap_exit", True)
        self.settings: Settings = settings
        output: asyncio.Queue[str | None] = asyncio.Queue()
        self.program = program = await _start(settings, output)
        this_process().call_at_end(lambda _: program.let_go())
        self.relay = spawn_link(_relay, output)
        try:
            async with asyncio.timeout(settings.wait_boot):
                up = await asyncio.shield(program.up)
        except TimeoutError:
            await program.stop(0)
            return Failure(_TIMEOUT)
        if up is None:
            return Failure((_BOOT_FAILED, await asyncio.shield(program.ended)))
        self.node = Atom(up.node)
        spawn_link(_watch, own_pid(), program)
        # Names that are global, and groups, are the peer's too when its start returns.
        await local_node().connect(self.node)
        return NoReply()

    def __state__(self) -> Term:
        return {NODE: self.node, Atom("os_pid"): self.program.pid}

    def handle_call(self, request: Term, caller: Caller) -> Any:
        return Reply(self.node if request == NODE else _UNSUPPORTED)

    def handle_cast(self, request: Term) -> Any:
        return NoReply()

    def handle_info(self, message: Term) -> Any:
        match message:
            case ("ended", "peer", int(code)):
                reason = _NORMAL if self.settings.peer_down == "stop" else (_EXIT_STATUS, code)
                return Stop(reason)
            case ("EXIT", Pid(), reason) if reason != _NORMAL:
                return Stop(reason)
        return NoReply()

    async def terminate(self, reason: Term) -> None:
        await self.program.stop(self.settings.shutdown)
        await Request(this_process(), self.relay, replies=False).wait(LAST_OUTPUT)


async def _start(settings: Settings, output: asyncio.Queue[str | None]) -> Program:
    node = local_node()
    config = node.config
    name = settings.name if "@" in settings.name else f"{settings.name}@{config.host}"
    program = await Program.start(
        [
            *("--name" if config.longnames else "--sname", name),
            *("--connect", node.name),
            *_connections(node),
            *settings.args,
            settings.target,
        ],
        lambda _, line: output.put_nowait(line.decode(errors="replace")),
        # Arguments can be seen by everybody on the machine.
        environment={
            "ERL_EPMD_PORT": str(config.epmd_port),
            "PYERLNODE_COOKIE": node.get_cookie(),
            **settings.env,
        },
        errors=False,
    )
    program.ended.add_done_callback(lambda _: output.put_nowait(None))
    _stop_with(node, program)
    return program


def _connections(node: Node) -> list[str]:
    """The options by which the peer connects as this node does."""
    config = node.config
    options = ["--net-ticktime", str(config.net_ticktime), "--proto-dist", config.proto_dist]
    if config.tls is not None:
        options += ["--tls", config.tls]
    if not config.connect_all:
        options += ["--no-connect-all"]
    if not config.epmd:
        # It finds us, and by us the others.
        options += ["--epmd", "none", "--node-port", f"{node.name}={node.port}"]
    return options


def _stop_with(node: Node, program: Program) -> None:
    """Let a node that stops wait until no program of its is left."""
    programs = _programs.get(node)
    if programs is None:
        programs = _programs[node] = WeakSet()

        async def stop_all() -> None:
            await asyncio.gather(*(running.stop(None) for running in programs if running.running))

        # The applications have stopped those that they supervise by then.
        node.before_stop(stop_all, at_last=True)
    programs.add(program)


async def _relay(output: asyncio.Queue[str | None]) -> None:
    """Print what the peer prints where the process that started it prints."""
    while (line := await output.get()) is not None:
        with suppress(ErlangError):  # whoever wanted to read it has gone
            await io.write(line)


async def _watch(server: Pid, program: Program) -> None:
    send(server, (_ENDED, _PEER, await asyncio.shield(program.ended)))
