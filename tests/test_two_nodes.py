"""Two Python nodes, each a process of its own, on the EPMD that one of them serves: no BEAM anywhere."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

import pyerlnode as erl
from pyerlnode import Atom, Exit, GenServer, Node, NodeDown, NoProc
from pyerlnode.services import net_adm

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.testing import PythonNode

    StartNode = Callable[..., PythonNode]

pytestmark = pytest.mark.distributed

KATE = ("counter", "kate@localhost")

COUNTER = """
from pyerlnode import Application, GenServer, on_call

class Counter(GenServer):
    def init(self, count=0):
        self.count = count

    @on_call
    def add(self, n: int) -> int:
        self.count += n
        return self.count

    @on_call
    def crash(self):
        raise RuntimeError("on purpose")

class App(Application):
    async def start(self, type, args):
        await Counter.start(0, name="counter")
        return None
"""

# Calls kate when it starts, and says what came of it.
CALLER = """
import pyerlnode as erl
from pyerlnode import Atom, Exit, GenServer, NodeDown
from pyerlnode.services import net_adm

KATE = ("counter", "kate@localhost")

async def main():
    erl.register("main", erl.self())
    print("ping:", await net_adm.ping("kate@localhost"), flush=True)
    print("call:", await GenServer.call(KATE, (Atom("add"), 41)), flush=True)
    ref = erl.monitor(KATE)
    try:
        await GenServer.call(KATE, Atom("crash"))
    except Exit as crash:
        error, _stack = crash.reason[0]
        print("crash:", error[Atom("message")].decode(), flush=True)
    await erl.receive(lambda message: message[:2] == ("DOWN", ref))
    print("down: seen", flush=True)
    erl.monitor_node("kate@localhost", True)
    print("waits", flush=True)
    print("message:", *await erl.receive(), flush=True)
    try:
        await GenServer.call(KATE, Atom("add"))
    except NodeDown:
        print("call: no node", flush=True)
    await erl.receive()
"""


@pytest.fixture
def kate(python_node: StartNode, free_port: int, tmp_path) -> Callable[[], PythonNode]:
    """`kate()`: start the node with the counter."""
    (tmp_path / "counter.py").write_text(COUNTER)
    return lambda: python_node("kate@localhost", f"{tmp_path / 'counter.py'}:App", epmd_port=free_port)


def test_two_programs_ping_call_crash_and_kill(
    kate, python_node: StartNode, free_port: int, tmp_path
) -> None:
    first = kate()
    (tmp_path / "caller.py").write_text(CALLER)
    alex = python_node("alex@localhost", f"{tmp_path / 'caller.py'}:main", epmd_port=free_port)
    for line in ("ping: pong", "call: 41", "crash: on purpose", "down: seen", "waits"):
        alex.wait_for_output(line)
    first.kill()
    alex.wait_for_output("message: nodedown kate@localhost")
    alex.wait_for_output("call: no node")
    assert "Traceback" not in alex.errors
    assert alex.stop() == 0


async def test_the_epmd_of_a_killed_node_is_taken_over_and_the_node_comes_again(kate, free_port: int) -> None:
    first = await asyncio.to_thread(kate)
    async with Node("alex@localhost", cookie="secret", epmd_port=free_port) as alex:
        assert not alex.serves_epmd
        assert await GenServer.call(KATE, (Atom("add"), 1)) == 1
        erl.monitor_node("kate@localhost", True)
        await asyncio.to_thread(first.kill)
        assert await erl.receive(timeout=10) == ("nodedown", "kate@localhost")
        async with asyncio.timeout(10):
            while not alex.serves_epmd:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        with pytest.raises(NodeDown):
            await GenServer.call(KATE, (Atom("add"), 1))
        second = await asyncio.to_thread(kate)
        assert second.creation != first.creation
        assert await GenServer.call(KATE, (Atom("add"), 1)) == 1
        assert alex.nodes() == ["kate@localhost"]
        await asyncio.to_thread(second.stop)
        assert await net_adm.ping("kate@localhost") == "pang"


async def test_a_crash_there_is_an_exit_here_and_nobody_else_notices(kate, free_port: int) -> None:
    node = await asyncio.to_thread(kate)
    async with Node("alex@localhost", cookie="secret", epmd_port=free_port) as alex:
        with pytest.raises(Exit) as crashed:
            await GenServer.call(KATE, Atom("crash"))
        error, stack = crashed.value.reason[0]
        assert error[Atom("message")] == b"on purpose"
        assert stack
        with pytest.raises(NoProc):
            await GenServer.call(KATE, Atom("crash"))
        assert alex.nodes() == ["kate@localhost"]
        assert node.alive


async def test_a_stopped_node_is_given_up_and_taken_back(kate, free_port: int) -> None:
    node = await asyncio.to_thread(kate)
    async with Node("alex@localhost", cookie="secret", epmd_port=free_port, net_ticktime=0.5):
        assert await net_adm.ping("kate@localhost") == "pong"
        erl.monitor_node("kate@localhost", True)
        node.signal(signal.SIGSTOP)
        assert await erl.receive(timeout=10) == ("nodedown", "kate@localhost")
        node.signal(signal.SIGCONT)
        assert await GenServer.call(KATE, (Atom("add"), 1), timeout=10) == 1
