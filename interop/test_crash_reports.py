"""What is logged goes to the node of the group leader, in the form that its logger knows."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

import pyerlnode as erl
from pyerlnode import Atom, rpc
from pyerlnode.services.node import DEFAULT_SERVICES

HERE = Path(__file__).parent


@pytest.fixture(params=["elixir", "python"])
def kate(request, beam_node, python_node, target) -> str:
    """The name of a node that hosts Crashes; what is expected of it is the same."""
    if request.param == "python":
        return python_node("kate", target("crashes.py:app")).name
    node = beam_node("kate")
    node.eval_elixir((HERE / "crashes.exs").read_text())
    return node.name


class Watcher:
    """A node where the test stands in the place of `logger_proxy`: what comes is kept as it came."""

    def __init__(self) -> None:
        erl.register("logger_proxy", erl.self())

    async def event(self) -> tuple[Any, ...]:
        """The next event."""
        async with asyncio.timeout(10):
            _, *event = await erl.receive(lambda message: type(message) is tuple and message[0] == "log")
        return tuple(event)

    async def report(self, label: tuple[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The next event, which is a report with this label, and its metadata."""
        level, report, meta = await self.event()
        assert level == "error"
        assert report[Atom("label")] == label
        return report, meta


@pytest.fixture
async def watching(new_node):
    """`async with watching() as watcher`, of the test's own task."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def start():
        others = [
            service for service in DEFAULT_SERVICES if service.__module__ != "pyerlnode.services.logger"
        ]
        async with new_node("watch", services=others):
            yield Watcher()

    return start


async def test_reports_are_those_of_elixir(watching, kate) -> None:
    async with watching() as watcher:
        me = erl.self()

        async def run(function: str, *args: Any) -> None:
            assert await rpc.call(kate, "Elixir.Crashes", function, list(args)) == "ok"

        # A process that was spawned, not by proc_lib.
        await erl.spawn(kate, "Elixir.Crashes", "boom", [])
        level, text, args, meta = await watcher.event()
        assert (level, bytes(text)) == (
            "error",
            b"Error in process ~p on node ~p with exit value:~n~p~n",
        )
        pid, node, (reason, stack) = args
        assert (node, meta[Atom("pid")]) == (kate, pid)
        assert meta[Atom("gl")].node == me.node
        assert reason[Atom("message")] == b"boom"
        assert stack[0][:3] == ("Elixir.Crashes", "boom", 0)

        # A server that raises in a call: its own report, then that of proc_lib.
        await run("call", 1, Atom("x"))
        report, meta = await watcher.report(("gen_server", "terminate"))
        assert report[Atom("last_message")] == "x"
        assert report[Atom("state")] == {Atom("how"): 1}
        assert report[Atom("log")] == []
        assert report[Atom("name")] == meta[Atom("pid")]
        client, (shown, _) = report[Atom("client_info")]
        assert client == shown
        assert report[Atom("reason")][0][Atom("message")] == b"boom"
        assert meta[Atom("domain")] == ["otp"]
        assert (meta[Atom("report_cb")].module, meta[Atom("report_cb")].arity) == ("gen_server", 2)
        report, meta = await watcher.report(("proc_lib", "crash"))
        own, linked = report[Atom("report")]
        crash = dict(own)
        assert linked == []
        assert crash[Atom("initial_call")] == ("Elixir.Faulty", "init", ["Argument__1"])
        assert crash[Atom("ancestors")] == [client]
        assert crash[Atom("error_info")][0] == "error"
        assert crash[Atom("registered_name")] == []
        assert crash[Atom("trap_exit")] is False
        assert meta[Atom("domain")] == ["otp", "sasl"]
        fields = set(crash)

        # One that exits has a stack in its reason, one that stops has not.
        await run("call", 1, Atom("exit"))
        report, _ = await watcher.report(("gen_server", "terminate"))
        assert report[Atom("reason")][0] == "ouch"
        assert report[Atom("reason")][1]
        report, _ = await watcher.report(("proc_lib", "crash"))
        assert dict(report[Atom("report")][0])[Atom("error_info")][:2] == ("exit", "ouch")
        await run("call", 1, Atom("stop"))
        report, _ = await watcher.report(("gen_server", "terminate"))
        assert report[Atom("reason")] == "odd"
        report, _ = await watcher.report(("proc_lib", "crash"))
        assert dict(report[Atom("report")][0])[Atom("error_info")][:2] == ("exit", "odd")

        await run("cast")
        report, _ = await watcher.report(("gen_server", "terminate"))
        assert report[Atom("last_message")] == ("$gen_cast", "x")
        assert report[Atom("client_info")] == "undefined"
        await watcher.report(("proc_lib", "crash"))

        # A start that fails has no server to report.
        await run("call", Atom("stop"), Atom("ping"))
        report, _ = await watcher.report(("proc_lib", "crash"))
        failed = dict(report[Atom("report")][0])
        assert failed[Atom("error_info")][:2] == ("exit", "nope")
        assert set(failed) == fields
        assert fields - {"process_label"} == {
            *("initial_call", "pid", "registered_name", "error_info", "ancestors", "message_queue_len"),
            *("messages", "links", "dictionary", "trap_exit", "status", "heap_size", "stack_size"),
            "reductions",
        }

        await run("stray")
        report, meta = await watcher.report(("Elixir.GenServer", "no_handle_info"))
        assert report[Atom("report")][Atom("message")] == "what"
        assert report[Atom("report")][Atom("module")] == "Elixir.Plain"
        assert meta[Atom("domain")] == ["otp", "elixir"]


def test_the_shell_shows_what_crashes_for_it(iex, kate) -> None:
    alex = iex("alex")
    alex.command(f'kate = :"{kate}"')
    alex.type("Node.spawn(kate, Crashes, :boom, [])")
    alex.expect(re.compile(rf"Process #PID<\d+\.\d+\.0> on node {quoted(kate)} raised an exception"))
    alex.expect("** (RuntimeError) boom")
    alex.expect("Crashes.boom/0")
    alex.type(":erpc.call(kate, Crashes, :call, [1, :x])")
    alex.expect(re.compile(r"GenServer #PID<\d+\.\d+\.0> terminating"))
    alex.expect("** (RuntimeError) boom")
    alex.expect(re.compile(r"Last message \(from #PID<\d+\.\d+\.0>\): :x"))


def quoted(name: str) -> str:
    """As `inspect` prints the atom: quoted or not, by the release."""
    return f':"?{name}"?'
