"""A Python prompt in a running node, at real shells; and Python at the shells of real nodes."""

from __future__ import annotations

import os
import re
import sys

import pytest

from pyerlnode import Atom, monitor, receive, rpc
from pyerlnode.testing import HarnessError
from pyerlnode.testing.terminal import Terminal


@pytest.fixture
def py(python_node, target):
    return python_node("py", target("echo.py:app"), options=["--remsh"])


def walk(shell, py) -> None:
    """What everybody types first, at any terminal."""
    assert shell.wait_for_prompt() == f"py({py.name})1>"
    assert shell.command("1 + 1") == "2"
    assert shell.command("_ + 40") == "42"
    assert shell.command("print('hi', 1.5); x = 3") == "hi 1.5"
    assert shell.command("await GenServer.call('echo', (Atom('echo'), x))") == "3"
    assert shell.command("def double(n):") == ""
    assert shell.command("    return n * 2") == ""
    assert shell.command("") == ""
    assert shell.command("double(21)") == "42"
    assert shell.command("node()") == f"Atom('{py.name}')"
    lines = shell.command("double(None)").splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1].startswith("TypeError: unsupported operand")
    assert "return n * 2" in "\n".join(lines)
    assert "pyerlnode/" not in "\n".join(lines)
    assert shell.command("2 +").splitlines()[-1] == "SyntaxError: invalid syntax"
    assert shell.command("_ = send(self(), ('m', b'x')), send(self(), 2)") == ""
    assert shell.command("flush()") == "('m', b'x')\n2"
    assert shell.command("flush()") == ""


def complete(shell) -> None:
    """TAB adds what is certain and shows what is not."""
    shell.press("doub\t")
    shell.expect("double")
    shell.type("(4)")
    shell.expect(re.compile(r"^8$", re.MULTILINE))
    assert shell.command("class Thing: left, leaf = 1, 2") == ""
    assert shell.command("") == ""
    shell.press("Thing.l\t")
    shell.expect("Thing.le")
    shell.press("\t\t")
    shell.expect("Thing.leaf")
    shell.type("ft")
    shell.expect(re.compile(r"^1$", re.MULTILINE))


def wait_long(shell) -> None:
    """Something that only Ctrl-C ends."""
    assert shell.command("me = self()") == ""
    assert shell.command("import asyncio") == ""
    shell.type("print('waiting'); await asyncio.sleep(3600)")
    shell.expect(re.compile(r"^waiting", re.MULTILINE))


def start_something(shell) -> None:
    """A process that waits for ever and is linked to nothing."""
    assert shell.command("async def wait_on(): await receive()") == ""
    assert shell.command("") == ""
    assert shell.command("register('left_over', spawn(wait_on))") == "True"


def interrupt_by_job_control(shell) -> None:
    shell.press("\x07")
    shell.expect("User switch command")
    shell.expect("-->")
    shell.type("i")
    shell.expect("-->")
    shell.type("c")


def quit_by_job_control(shell) -> None:
    shell.press("\x07")
    shell.expect("-->")
    shell.type("q")
    shell.wait_for_end()


async def test_iex_opens_a_prompt(iex, py, here, new_node) -> None:
    shell = iex("alex", arguments=["--remsh", here("py@localhost")])
    await lesson(shell, py, new_node)


async def test_erl_opens_a_prompt(erl, py, here, new_node) -> None:
    shell = erl("alex", arguments=["-remsh", here("py@localhost")])
    await lesson(shell, py, new_node)


async def lesson(shell, py, new_node) -> None:
    walk(shell, py)
    complete(shell)
    wait_long(shell)
    interrupt_by_job_control(shell)
    shell.expect("KeyboardInterrupt")
    shell.expect(re.compile(rf"^py\({py.name}\)\d+>", re.MULTILINE))
    assert shell.command("me == self()") == "True"
    # The process at the prompt may end, and another takes its place: nothing is forgotten.
    shell.type("exit(self(), Atom('bad'))")
    shell.expect("** (EXIT from #PID<")
    assert shell.command("me == self()") == "False"
    assert shell.command("double(3)") == "6"
    start_something(shell)
    shell.type("exit()")
    shell.expect("Shell process terminated!")
    async with new_node("checking", hidden=True) as node:
        assert await node.connect(py.name)
        await gone(py)
    quit_by_job_control(shell)


async def gone(py) -> None:
    """Wait until the process that the prompt left over has ended."""
    monitor(("left_over", py.name))
    message = await receive(timeout=10)
    assert message[4] in ("noproc", "killed")


async def test_a_lost_terminal_ends_what_it_started(iex, py, here, new_node) -> None:
    shell = iex("alex", arguments=["--remsh", here("py@localhost")])
    start_something(shell)
    async with new_node("checking", hidden=True) as node:
        assert await node.connect(py.name)
        assert await rpc.call(py.name, "erlang", "whereis", [Atom("left_over")]) != "undefined"
        shell.kill()
        await gone(py)
        # The node and its servers have not noticed.
        assert await rpc.call(py.name, "erlang", "whereis", [Atom("echo")]) != "undefined"


def test_without_the_option_there_is_no_shell(beam, iex, erl, python_node, target, here) -> None:
    """Nobody waits for anything: the shells of these releases say what they know."""
    python_node("py", target("echo.py:app"))
    refused = (
        r"Could not find IEx on remote node py@" if beam.otp == 25 else r'Could not load "py@\S+" on iex'
    )
    with pytest.raises(HarnessError, match=refused):
        iex("alex", arguments=["--remsh", here("py@localhost")])
    # erl of OTP 25 does not ask first; it stays, without a prompt.
    refused = r"Shell process terminated!" if beam.otp == 25 else r'Could not load "py@\S+" on shell'
    with pytest.raises(HarnessError, match=refused):
        erl("alex", arguments=["-remsh", here("py@localhost")], timeout=3.0)


# --- Python's terminal ------------------------------------------------------------------------


class Remsh(Terminal):
    """`pyerlnode remsh NODE` in a pseudo terminal."""

    PROMPT = re.compile(r"(?:iex|py|\.\.\.)?(?:\([^()]*\)\d*)> ?")

    def __init__(self, peer: str, epmd_port: int, *options: str) -> None:
        argv = [sys.executable, "-m", "pyerlnode", "remsh", "--cookie", "secret", *options, peer]
        environment = {**os.environ, "ERL_EPMD_PORT": str(epmd_port), "TERM": "xterm"}
        super().__init__(f"remsh {peer}", argv, environment)


def test_python_at_iex(beam_node, epmd_port, here) -> None:
    kate = beam_node("kate")
    with Remsh(kate.name, epmd_port) as shell:
        assert shell.wait_for_prompt(20) == f"iex({kate.name})1>"
        assert shell.command("1 + 1") == "2"
        assert shell.command('IO.puts("Zoë"); node()') == here("Zoë\n:kate@localhost")
        assert shell.command("Enum.map([1,") == ""
        assert shell.command("2], &(&1 * 2))") == "[2, 4]"
        assert shell.command("send(self(), :hi); flush()") == ":hi\n:ok"
        assert "ArithmeticError" in shell.command("1 / 0")
        shell.press("Enum.zip_\t")
        shell.expect("Enum.zip_")
        shell.press("re\t")
        shell.expect("Enum.zip_reduce")
        shell.press("\x15")
        shell.type('IO.puts("waiting"); Process.sleep(3_600_000)')
        shell.expect(re.compile(r"^waiting", re.MULTILINE))
        shell.press("\x03")
        shell.expect("interrupted")
        shell.expect(re.compile(rf"iex\({kate.name}\)\d+> *$"))
        shell.press("\x04")
        assert shell.wait_for_end() == 0
    assert kate.eval_elixir("1 + 1").text == "2"


def test_python_at_the_erlang_shell(beam_node, epmd_port, here) -> None:
    kate = beam_node("kate")
    with Remsh(kate.name, epmd_port, "--shell", "erl") as shell:
        assert shell.wait_for_prompt(20) == f"({kate.name})1>"
        assert shell.command("1 + 1.") == "2"
        assert shell.command("X = [1,") == ""
        assert shell.command('2], io:format("~p~n", [X]).') == "[1,2]\nok"
        assert shell.command("self() ! hi, flush().") == "Shell got hi\nok"
        assert "badarith" in shell.command("1 / 0.") or "arithmetic" in shell.screen.text
        shell.press("lists:seq\t")
        shell.expect("lists:seq(")
        shell.type("1, 3).")
        shell.expect("[1,2,3]")
        shell.expect(re.compile(rf"\({kate.name}\)\d+> *$"))
        shell.press("\x04")
        assert shell.wait_for_end() == 0
    assert kate.eval_elixir("1 + 1").text == "2"


@pytest.mark.distributed
async def test_python_at_python(py, epmd_port, python_node, target, here) -> None:
    with Remsh(py.name, epmd_port) as shell:
        walk(shell, py)
        complete(shell)
        shell.type("import asyncio; print('waiting'); await asyncio.sleep(3600)")
        shell.expect(re.compile(r"^waiting", re.MULTILINE))
        shell.press("\x03")
        shell.expect("KeyboardInterrupt")
        shell.type("exit()")
        assert shell.wait_for_end() == 0
    shut = python_node("shut", target("echo.py:app"))
    with Remsh(shut.name, epmd_port) as shell:
        shell.expect("shut@")
        assert shell.wait_for_end() == 1
        assert shell.screen.text.splitlines()[-1].endswith("has no shell that others may use")
