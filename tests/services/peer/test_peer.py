"""Peers: nodes that a program starts, uses and stops, each an operating system process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
from clusters import run, until

from pyerlnode import Application, Atom, GenServer, Node, Supervisor, rpc
from pyerlnode.errors import BadArg, Exit, NodeDown
from pyerlnode.process import exit, is_alive, monitor, receive, spawn
from pyerlnode.services.peer import Peer
from pyerlnode.services.peer import peer as peer_module
from pyerlnode.testing import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECONDS = 30.0

PROGRAM = """
import os
from pyerlnode import Atom, Module, Supervisor

module = Module("Work")

@module.export
def pid() -> int:
    return os.getpid()

@module.export
def add(a: int, b: int) -> int:
    return a + b

@module.export
def say(text: str) -> Atom:
    os.write(1, f"{text}\\n".encode())
    return Atom("ok")

@module.export
def variable(name: str) -> str:
    return os.environ[name]

app = module
"""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other things is no reason to fail."""
    monkeypatch.setitem(peer_module._OPTIONS, "wait_boot", SECONDS)


@pytest.fixture
async def kate() -> AsyncIterator[Node]:
    async with Node("kate@localhost", "secret", epmd_port=free_port()) as node:
        yield node


@pytest.fixture
def target(tmp_path: Path) -> str:
    file = tmp_path / "work.py"
    file.write_text(PROGRAM)
    return f"{file}:app"


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_peer_is_started_called_and_stopped(kate: Node, target: str) -> None:
    async def body() -> None:
        peer, node = await Peer.start_link(target, name="work", env={"COLOUR": "red"})
        assert node == "work@localhost"
        assert kate.nodes() == [node]
        assert await Peer.node(peer) == node
        assert await Peer.call(peer, "Elixir.Work", "add", [3, 4]) == 7
        assert await Peer.call(peer, "Elixir.Work", "variable", [b"COLOUR"]) == b"red"
        pid = await rpc.call(node, "Elixir.Work", "pid", [])
        assert runs(pid)
        assert await Peer.stop(peer) == "ok"
        assert not runs(pid)
        await until(lambda: kate.nodes() == [], SECONDS)

    await run(kate, body, timeout=SECONDS)


async def test_a_peer_ends_with_who_started_it_and_with_its_own_process_here(kate: Node, target: str) -> None:
    async def body() -> None:
        started: list[Any] = []

        async def owner() -> None:
            started.append(await Peer.start_link(target))
            started.append(await Peer.start(target))
            await receive()

        pid = spawn(owner)
        await until(lambda: len(started) == 2, SECONDS)
        linked, free = [await Peer.call(peer, "Elixir.Work", "pid") for peer, _ in started]
        exit(pid, "kill")
        await until(lambda: not runs(linked), SECONDS)
        assert is_alive(started[1].peer) and runs(free)
        exit(started[1].peer, "kill")
        await until(lambda: not runs(free), SECONDS)

    await run(kate, body, timeout=2 * SECONDS)


@pytest.mark.parametrize(
    ("peer_down", "reason"), [("stop", Atom("normal")), ("crash", (Atom("exit_status"), -signal.SIGKILL))]
)
async def test_the_end_of_the_node_is_that_of_its_process_here(
    kate: Node, target: str, peer_down: str, reason: Any
) -> None:
    async def body() -> None:
        peer, _ = await Peer.start(target, peer_down=peer_down)
        ref = monitor(peer)
        os.kill(await Peer.call(peer, "Elixir.Work", "pid"), signal.SIGKILL)
        assert await receive(timeout=SECONDS) == ("DOWN", ref, "process", peer, reason)

    await run(kate, body, timeout=SECONDS)


async def test_a_supervisor_starts_its_peer_again(kate: Node, target: str) -> None:
    async def body() -> None:
        supervisor = await Supervisor.start_link([Peer.child(target, name="work")], strategy="one_for_one")
        first = await rpc.call("work@localhost", "Elixir.Work", "pid", [])
        os.kill(first, signal.SIGKILL)

        async def again() -> bool:
            try:
                return bool(await rpc.call("work@localhost", "Elixir.Work", "pid", []) != first)
            except NodeDown:
                return False

        await until(again, SECONDS)
        second = await rpc.call("work@localhost", "Elixir.Work", "pid", [])
        await Supervisor.stop(supervisor)
        assert not runs(second)

    await run(kate, body, timeout=2 * SECONDS)


async def test_what_does_not_start_says_so(kate: Node, capfd: pytest.CaptureFixture[str]) -> None:
    async def body() -> None:
        with pytest.raises(Exit) as caught:
            await Peer.start("nowhere.py:app")
        assert caught.value.reason == (Atom("boot_failed"), 2)
        with pytest.raises(Exit) as caught:
            await Peer.start(wait_boot=0.0)
        assert caught.value.reason == "timeout"
        with pytest.raises(BadArg, match=r"a peer takes name, .* not 'nmae'"):
            await Peer.start(nmae="work")
        with pytest.raises(BadArg, match="peer_down: stop or crash"):
            await Peer.start(peer_down="go on")

    await run(kate, body, timeout=SECONDS)
    assert "nowhere.py" in capfd.readouterr().err


async def test_a_peer_that_is_given_no_program_is_a_node(kate: Node) -> None:
    async def body() -> None:
        peer, node = await Peer.start()
        assert node.startswith("peer-")
        assert await GenServer.call(("net_kernel", node), (Atom("is_auth"), kate.name)) == "yes"
        await Peer.stop(peer)

    await run(kate, body, timeout=SECONDS)


async def test_a_node_without_epmd_has_peers_without_epmd() -> None:
    async with Node("kate@localhost", "secret", epmd=False) as kate:

        async def body() -> None:
            peer, node = await Peer.start(name="work")
            assert kate.nodes() == [node]
            await Peer.stop(peer)

        await run(kate, body, timeout=SECONDS)


async def test_what_stops_here_stops_its_peers(target: str) -> None:
    port = free_port()
    async with Node("kate@localhost", "secret", epmd_port=port) as kate:

        async def body() -> int:
            peer, _ = await Peer.start(target)
            pid: int = await Peer.call(peer, "Elixir.Work", "pid")
            return pid

        pid = await run(kate, body, timeout=SECONDS)
        assert runs(pid)
    assert not runs(pid)


ORIGIN = """
import asyncio
from pyerlnode import Node
from pyerlnode.services.peer import Peer

async def main():
    async with Node("kate@localhost", cookie="secret"):
        peer, _ = await Peer.start_link({target!r})
        print(await Peer.call(peer, "Elixir.Work", "pid"), flush=True)
        {then}

asyncio.run(main())
"""


async def origin(target: str, then: str) -> asyncio.subprocess.Process:
    """Another program that starts a peer, prints its process id, and goes on with `then`."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ORIGIN.format(target=target, then=then)),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"ERL_EPMD_PORT": str(free_port())},
    )


async def test_an_application_that_stops_with_its_node_stops_its_peers_first(target: str) -> None:
    starts = 0

    async def counted() -> Any:
        nonlocal starts
        starts += 1
        return (await Peer.start_link(target, name="work")).peer

    class Peers(Application):
        async def start(self, type: Any, args: Any) -> Any:
            return await Supervisor.start_link([{"id": "work", "start": counted}], strategy="one_for_one")

    async with Node("kate@localhost", "secret", epmd_port=free_port()) as kate:
        await run(kate, Application.ensure_all_started, Peers(), timeout=SECONDS)
        work = await run(kate, rpc.call, "work@localhost", "Elixir.Work", "pid", [])
    assert starts == 1 and not runs(work)


async def test_a_program_that_is_killed_leaves_no_peer_behind(target: str) -> None:
    program = await origin(target, "await asyncio.Event().wait()")
    assert program.stdout is not None
    pid = int(await program.stdout.readline())
    assert runs(pid)
    program.kill()
    await program.wait()
    await until(lambda: not runs(pid), SECONDS)


async def test_what_a_peer_prints_by_itself_appears_where_it_was_started(target: str) -> None:
    program = await origin(target, 'await Peer.call(peer, "Elixir.Work", "say", [b"hi"])')
    async with asyncio.timeout(SECONDS):
        output, _ = await program.communicate()
    pid, said = output.decode().splitlines()
    assert said == "hi" and not runs(int(pid))
