"""A first lesson on nodes, walked at `iex` with a Python node in place of either BEAM node, and of both.

What is read is what stands on the screen, or on the standard output of the Python node.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
from typing import Any

import pytest

import pyerlnode as erl
from pyerlnode import Atom, Node, Pid, erpc, rpc
from pyerlnode.services import net_adm, net_kernel
from pyerlnode.testing.nodes import distribution_environment

HI = "Hi, my name is Kate"
# What a pupil types on kate; one line, so that the screen is the same in every release.
MODULE = (
    f'defmodule Kate do def say_name do IO.puts("{HI}") end; def crash do raise "on purpose" end; '
    "def wait do receive do m -> m end end end"
)
RECEIVE = "receive do m -> m after 10_000 -> :none end"


def epmd_names(port: int) -> str:
    listed = subprocess.run(
        ["epmd", "-port", str(port), "-names"], capture_output=True, text=True, timeout=20
    )
    return listed.stdout


# --- from iex to Python ------------------------------------------------------------------------


@pytest.fixture
def kate(python_node, target):
    return python_node("kate", target("exported.py:app"))


def test_two_nodes_meet(iex, kate, python_node, target, here, epmd_port) -> None:
    assert f"name kate at port {kate.port}" in epmd_names(epmd_port)
    alex = iex("alex")
    assert alex.wait_for_prompt() == here("iex(alex@localhost)1>")
    assert alex.command("Node.self") == here(":alex@localhost")
    assert alex.command("Node.list") == "[]"
    assert alex.command(here("Node.connect(:kate@localhost)")) == "true"
    assert alex.command("Node.list") == here("[:kate@localhost]")
    assert alex.command(here("Node.ping(:kate@localhost)")) == ":pong"
    assert alex.command(here(":erpc.call(:kate@localhost, :erlang, :node, [])")) == here(":kate@localhost")
    # Who knows one of them comes to know the other; who hides does not show.  `global` may warn of a
    # node that ends, whenever it hears of it first from the other one.
    assert alex.command("Logger.configure(level: :error)") == ":ok"
    assert alex.command(":net_kernel.monitor_nodes(true)") == ":ok"
    moebi = python_node("moebi", target("echo.py:app"), connect=[kate.name])
    assert alex.command(RECEIVE) == here("{:nodeup, :moebi@localhost}")
    assert alex.command("Enum.sort(Node.list)") == here("[:kate@localhost, :moebi@localhost]")
    moebi.stop()
    assert alex.command(RECEIVE) == here("{:nodedown, :moebi@localhost}")
    python_node("shy", target("echo.py:app"), hidden=True)
    assert alex.command(here("Node.ping(:shy@localhost)")) == ":pong"
    assert alex.command("{Node.list, Node.list(:hidden)}") == here("{[:kate@localhost], [:shy@localhost]}")


def test_the_text_appears_where_the_caller_is(iex, kate, here) -> None:
    alex = iex("alex")
    alex.type(here("pid = Node.spawn_link(:kate@localhost, Kate, :say_name, [])"))
    # The text and the value may come in either order.
    alex.expect(re.compile(rf"{HI}[^$]*#PID<[1-9]\d*\.\d+\.\d+>|#PID<[1-9]\d*\.\d+\.\d+>[^$]*{HI}"))
    assert alex.command("node(pid)") == here(":kate@localhost")
    assert alex.command(here(":rpc.call(:kate@localhost, Kate, :say_name, [])")) == f"{HI}\n:ok"
    screen = alex.command(here(":rpc.multicall([:kate@localhost, :no@localhost], Kate, :say_name, [])"))
    assert screen == here(f"{HI}\n{{[:ok], [:no@localhost]}}")
    assert HI not in kate.output


def test_messages_by_name_and_by_pid(iex, kate, here) -> None:
    alex = iex("alex")
    alex.command(here("pid = Node.spawn(:kate@localhost, Kate, :listen, [:name, self()])"))
    assert alex.command(RECEIVE) == ":listening"
    alex.command(
        here("for n <- 1..500, do: (send({:name, :kate@localhost}, {:a, n}); send(pid, {:b, n})); :ok")
    )
    wanted = "for(n <- 1..500, k <- [:a, :b], do: {k, n})"
    assert alex.command(f"{wanted} == for _ <- 1..1000, do: ({RECEIVE})") == "true"
    # What the other one says stays in the mailbox until it is asked for.
    alex.command("send(pid, :sup?)")
    alex.command('send(pid, "sup?"); receive do "sup?" = m -> send(self(), m) after 10_000 -> :none end')
    assert alex.command("flush()") == ':sup?\n"sup?"\n:ok'


def test_a_remote_function_raises(iex, kate, here) -> None:
    alex = iex("alex")
    # What is raised is logged here, too, whenever the line comes; what the shell says is what is read.
    assert alex.command("Logger.configure(level: :none)") == ":ok"
    assert alex.command("Process.flag(:trap_exit, true)") == "false"
    alex.command(here("pid = Node.spawn_link(:kate@localhost, Kate, :crash, [])"))
    alex.command(f"{{:EXIT, ^pid, {{error, stack}}}} = {RECEIVE}")
    assert alex.command("{Exception.message(error), is_list(stack)}") == '{"ValueError: on purpose", true}'
    assert alex.command("elem(hd(stack), 1)") == ":crash"
    assert alex.command("Process.flag(:trap_exit, false)") == "true"
    # The shell's own process is linked: it ends, says why, and there is a new one.
    alex.type(here("Node.spawn_link(:kate@localhost, Kate, :crash, [])"))
    alex.expect("shell process exited with reason")
    alex.expect("ValueError: on purpose")
    alex.expect(re.compile(r"exported\.py:\d+: Kate\.crash/0"))
    alex.expect("Interactive Elixir")
    alex.expect(re.compile(rf"^iex\({alex.name}\)\d+>", re.MULTILINE))


def test_what_is_not_exported_is_refused_at_once(iex, kate, here) -> None:
    alex = iex("alex")
    assert alex.command("Logger.configure(level: :none)") == ":ok"
    refused = alex.command(here('elem(:rpc.call(:kate@localhost, :os, :cmd, [~c"id"]), 1)'))
    assert refused.replace("'", '~c"', 1).startswith("{:EXIT, {:undef, [{:os, :cmd, [")
    assert alex.command("Process.flag(:trap_exit, true)") == "false"
    for spawned, reason in (
        ('Node.spawn_link(:kate@localhost, :os, :cmd, [~c"id"])', ":undef"),
        ('Node.spawn_link(:kate@localhost, System, :cmd, ["id", []])', ":undef"),
        ('Node.spawn_link(:kate@localhost, Code, :eval_string, ["1 + 1"])', ":undef"),
        ('Node.spawn_link(:kate@localhost, fn -> System.cmd("id", []) end)', "(:badfun|:undef)"),
    ):
        alex.command(here(f"pid = {spawned}"))
        screen = alex.command("receive do {:EXIT, ^pid, {why, _}} -> why after 10_000 -> :none end")
        assert re.match(reason, screen.removeprefix("{")), (spawned, screen)
    assert alex.command(here("Node.ping(:kate@localhost)")) == ":pong"


def test_the_same_from_the_erlang_shell(erl, kate, here) -> None:
    alex = erl("alex")
    assert alex.wait_for_prompt() == here("(alex@localhost)1>")
    assert alex.command(here("net_kernel:connect_node('kate@localhost').")) == "true"
    assert alex.command("nodes().") == here("[kate@localhost]")
    alex.type(here("Pid = spawn_link('kate@localhost', 'Elixir.Kate', say_name, [])."))
    alex.expect(HI)
    assert alex.command("node(Pid).") == here("kate@localhost")
    assert alex.command(here("rpc:call('kate@localhost', 'Elixir.Kate', say_name, []).")) == f"{HI}\nok"
    assert alex.command(here("rpc:call('kate@localhost', os, cmd, [\"id\"]).")).startswith(
        "{badrpc,{'EXIT',{undef,"
    )
    assert HI not in kate.output


# --- tests of learners -------------------------------------------------------------------------


@pytest.mark.timeout(180)
def test_tests_that_need_kate_are_run_on_a_node_and_left_out_elsewhere(
    beam, python_node, target, epmd_port, here
) -> None:
    kate = python_node("kate", target("tutorial.py:app"))
    home, inside = beam.make_home()
    try:
        shutil.copy(target("distributed_lesson.exs"), home)
        variables = distribution_environment(epmd_port) | {"KATE": kate.name}

        def said(*options: str) -> str:
            argv = beam.command("elixir", *options, f"{inside}/distributed_lesson.exs")
            environment = beam.environment(inside, variables)
            done = subprocess.run(
                argv, capture_output=True, text=True, timeout=60, env=environment, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        # From 1.19 on ExUnit counts what passed.
        assert re.search(r"^(2 tests, 0 failures|Result: 1 passed), 1 excluded$", said(), re.MULTILINE)
        assert kate.printed.count("hi from a test") == 0
        named = said("--sname", here("alex@localhost"), "--cookie", "secret")
        assert re.search(r"^(2 tests, 0 failures|Result: 2 passed)$", named, re.MULTILINE)
        kate.wait_for_output("hi from a test\n")
    finally:
        shutil.rmtree(home)


# --- from Python to iex, and from Python to Python -------------------------------------------------


async def walk(alex: Node, kate: str, capfd, crash: str) -> None:
    """The lesson from Python's side; `kate` is the other node, and `crash` what its function raises."""
    erl.process_flag("trap_exit", True)
    assert net_kernel.monitor_nodes(True) == "ok"
    assert await net_adm.ping(kate) == "pong"
    assert await next_message() == ("nodeup", kate)
    assert alex.nodes() == [kate]
    assert erl.self().node == alex.name
    assert await erpc.call(kate, "erlang", "node") == kate
    assert await rpc.call(kate, "erlang", "nodes") == [alex.name]
    # A module that only kate has; the text appears here.
    pid = await erl.spawn_link(kate, "Elixir.Kate", "say_name", [])
    assert isinstance(pid, Pid) and pid.node == kate
    assert await next_message() == ("EXIT", pid, "normal")
    assert await rpc.call(kate, "Elixir.Kate", "say_name") == "ok"
    assert await rpc.multicall([kate], "Elixir.Kate", "say_name") == (["ok"], [])
    await erl.io.puts("and nothing else")
    assert capfd.readouterr().out.splitlines()[-4:] == [HI, HI, HI, "and nothing else"]
    # A remote function raises.
    pid = await erl.spawn_link(kate, "Elixir.Kate", "crash", [])
    exit_, sender, (error, stack) = await next_message()
    assert (exit_, sender, error["message"].decode()) == ("EXIT", pid, crash)
    assert stack[0][:3] == ("Elixir.Kate", "crash", 0)

    async def linked() -> None:
        await erl.spawn_link(kate, "Elixir.Kate", "crash", [])
        await erl.receive()

    ref = erl.monitor(erl.spawn(linked))
    _, down, _, _, (error, _) = await next_message()
    assert (down, error["message"].decode()) == (ref, crash)


async def next_message() -> Any:
    return await erl.receive(timeout=10)


async def test_python_walks_to_iex(iex, new_node, capfd) -> None:
    shell = await asyncio.to_thread(iex, "kate")
    await asyncio.to_thread(shell.command, MODULE)
    await asyncio.to_thread(shell.command, "Logger.configure(level: :none)")
    # The module is known here, and here alone: its text must not be.
    shown = shell.screen.text.count(HI)
    async with new_node("alex") as alex:
        await asyncio.to_thread(shell.command, ":net_kernel.monitor_nodes(true)")
        await walk(alex, shell.name, capfd, "on purpose")
        assert await asyncio.to_thread(shell.command, RECEIVE) == f"{{:nodeup, :{alex.name}}}"
        assert await asyncio.to_thread(shell.command, "Node.list") == f"[:{alex.name}]"
        # Messages by name and by pid.
        await asyncio.to_thread(shell.command, "Process.register(self(), :name)")
        there = await erpc.call(shell.name, "erlang", "whereis", [Atom("name")])
        for number in range(3):
            erl.send(("name", shell.name), (Atom("a"), number))
            erl.send(there, (Atom("b"), number))
        wanted = "[a: 0, b: 0, a: 1, b: 1, a: 2, b: 2]"
        assert await asyncio.to_thread(shell.command, f"for _ <- 1..6, do: ({RECEIVE})") == wanted
        erl.send(there, [b"sup?", Atom("sup"), list(b"sup")])
        seen = await asyncio.to_thread(shell.command, RECEIVE)
        assert seen.replace("'sup'", '~c"sup"') == '["sup?", :sup, ~c"sup"]'
    assert await asyncio.to_thread(shell.command, RECEIVE) == f"{{:nodedown, :{alex.name}}}"
    assert shell.screen.text.count(HI) == shown


@pytest.mark.parametrize("epmd_is", ["real", "embedded"])
async def test_python_walks_to_python(
    request, python_node, new_node, target, capfd, free_port, epmd_is
) -> None:
    port = request.getfixturevalue("epmd_port") if epmd_is == "real" else free_port
    async with new_node("alex", epmd_port=port) as alex:
        kate = await asyncio.to_thread(python_node, "kate", target("exported.py:app"), epmd_port=port)
        listed = await asyncio.to_thread(epmd_names, port)
        assert f"name kate at port {kate.port}" in listed and f"name alex at port {alex.port}" in listed
        await walk(alex, kate.name, capfd, "ValueError: on purpose")
        there = await erl.spawn(kate.name, "Elixir.Kate", "listen", [Atom("name"), erl.self()])
        assert await next_message() == "listening"
        for number in range(100):
            erl.send(("name", kate.name), (Atom("a"), number))
            erl.send(there, (Atom("b"), number))
        wanted = [(kind, number) for number in range(100) for kind in "ab"]
        assert [await next_message() for _ in wanted] == wanted
        # A third node joins by one of them, and one that hides does not.
        moebi = await asyncio.to_thread(
            python_node, "moebi", target("echo.py:app"), epmd_port=port, connect=[kate.name]
        )
        assert await next_message() == ("nodeup", moebi.name)
        assert set(alex.nodes()) == {kate.name, moebi.name}
        await asyncio.to_thread(moebi.stop)
        assert await next_message() == ("nodedown", moebi.name)
        await asyncio.to_thread(kate.stop)
        assert await next_message() == ("nodedown", kate.name)
    assert HI not in kate.output


async def test_who_ends_is_told_of_and_forgotten(iex, python_node, new_node, target, epmd_port, here) -> None:
    """Ctrl-C ends a Python node, and `a` at the menu that it opens ends a BEAM."""
    alex = await asyncio.to_thread(iex, "alex")
    await asyncio.to_thread(alex.command, "Logger.configure(level: :error); :net_kernel.monitor_nodes(true)")
    async with new_node("moebi") as moebi:
        net_kernel.monitor_nodes(True)
        kate = await asyncio.to_thread(python_node, "kate", target("exported.py:app"))
        for other in (kate.name, alex.name):
            assert await net_adm.ping(other) == "pong"
            assert await next_message() == ("nodeup", other)
        assert {"alex", "kate", "moebi"} <= registered(epmd_port)
        assert await asyncio.to_thread(alex.command, here("Node.ping(:kate@localhost)")) == ":pong"
        ups = f"for(_ <- 1..2, do: ({RECEIVE})) |> Enum.sort"
        wanted = here("[nodeup: :kate@localhost, nodeup: :moebi@localhost]")
        assert await asyncio.to_thread(alex.command, ups) == wanted
        kate.signal(signal.SIGINT)
        assert await next_message() == ("nodedown", kate.name)
        assert await asyncio.to_thread(alex.command, RECEIVE) == here("{:nodedown, :kate@localhost}")
        await asyncio.to_thread(kate.wait)
        assert registered(epmd_port) == {"alex", "moebi"}
        alex.press("\x03")
        await asyncio.to_thread(alex.expect, "BREAK")
        alex.type("a")
        assert await next_message() == ("nodedown", alex.name)
        assert moebi.nodes() == []
        await asyncio.to_thread(alex.wait_for_end)
        assert registered(epmd_port) == {"moebi"}
    assert registered(epmd_port) == set()


def registered(port: int) -> set[str]:
    return set(re.findall(r"^name (\S+) at port", epmd_names(port), re.MULTILINE))
