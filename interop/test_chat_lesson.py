"""The lesson's chat with moebi the bot: who writes is at `iex` and the bot of Python, and the other way.

Then alex, kate and moebi talk to each other in every mixture of Elixir and Python.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import tutorial
from lessons import TOOLS, Pupil, source

import pyerlnode as erl
from pyerlnode import Application, Atom, NodeDown, erpc, rpc

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.testing import BeamNode, PythonNode

ABSENT = """
> Chat.send_message(:moebi@localhost, "are you there?")
** (exit) exited in: GenServer.call({Chat.TaskSupervisor, :moebi@localhost}, {:start_task, ...}, :infinity)
    ** (EXIT) no connection to moebi@localhost...
"""

PRESENT = """
> Chat.send_message(:moebi@localhost, "are you there?")
chicken?
:ok
> Chat.send_message(:alex@localhost, "I was not")
I was not
:ok
> tasks = :rpc.call(:moebi@localhost, :erlang, :whereis, [Chat.TaskSupervisor]); node(tasks)
:moebi@localhost
> ref = Process.monitor(tasks); {Process.flag(:trap_exit, true), Process.link(tasks)}
{false, true}
"""

KILLED = """
> {down(ref), told() == {:EXIT, tasks, :noconnection}, Process.flag(:trap_exit, false)}
{:noconnection, true, true}
"""


@pytest.fixture
def with_the_chat(iex, here) -> Callable[[str], Pupil]:
    """Somebody at iex, with the application of tutorial.exs."""

    def start(name: str) -> Pupil:
        pupil = Pupil(iex(name, environment={"LESSON": f"{source('tutorial.exs')}\n{TOOLS}"}), here)
        pupil.load()
        return pupil

    return start


def test_a_bot_of_python_answers_at_iex(with_the_chat, python_node, target) -> None:
    pupil = with_the_chat("alex")
    pupil.walk(ABSENT)
    for _ in range(2):
        moebi = python_node("moebi", target("tutorial.py:app"))
        pupil.walk(PRESENT)
        moebi.wait_for_output("are you there?\n")
        moebi.kill()
        pupil.walk(KILLED)
        pupil.walk(ABSENT)


async def chat(capfd: Any, name: str, start: Callable[[], Any], show: Callable[[Any], Any]) -> None:
    """What somebody in Python sees of a bot that comes and goes; `start` and `show` run in a thread."""
    await Application.start(tutorial.app)
    erl.process_flag("trap_exit", True)
    bot = Atom(name)
    with pytest.raises(NodeDown):
        await tutorial.send_message(bot, "are you there?")
    for _ in range(2):
        moebi = await asyncio.to_thread(start)
        assert await tutorial.send_message(bot, "are you there?") == "ok"
        assert capfd.readouterr().out == "chicken?\n"
        await asyncio.to_thread(show, moebi)
        tasks = await rpc.call(bot, "erlang", "whereis", [Atom(tutorial.TASKS)])
        ref = erl.monitor(tasks)
        erl.link(tasks)
        await asyncio.to_thread(moebi.kill)
        for lost in (("EXIT", tasks), ("DOWN", ref)):
            assert (await erl.receive(lambda message, lost=lost: message[:2] == lost, 10))[
                -1
            ] == "noconnection"
        with pytest.raises(NodeDown):
            await tutorial.send_message(bot, "are you there?")


async def test_a_bot_at_iex_answers_to_python(with_the_chat, new_node, node_host, capfd) -> None:
    async with new_node("alex"):
        await chat(
            capfd,
            f"moebi@{node_host}",
            lambda: with_the_chat("moebi").shell,
            lambda shell: shell.expect("are you there?"),
        )


async def test_a_bot_of_python_answers_to_python(python_node, target, new_node, node_host, capfd) -> None:
    async with new_node("alex"):
        await chat(
            capfd,
            f"moebi@{node_host}",
            lambda: python_node("moebi", target("tutorial.py:app")),
            lambda node: node.wait_for_output("are you there?\n"),
        )


# --- three of them ------------------------------------------------------------------------------

NAMES = ("alex", "kate", "moebi")
# From one mixture to the next only one node is another, and few of them are BEAMs, which take longest.
MIXTURES = ("PPP", "PPE", "PEE", "PEP", "EEP", "EEE", "EPE", "EPP")


@pytest.mark.timeout(180)
async def test_three_talk_in_every_mixture(beam_node, python_node, target, new_node) -> None:
    """The application runs on each node, and who speaks there is asked to by rpc."""
    chat: dict[str, BeamNode | PythonNode] = {}

    def start(name: str, kind: str) -> None:
        if kind == "P":
            chat[name] = python_node(name, target("tutorial.py:app"))
        else:
            chat[name] = beam_node(name)
            chat[name].eval_elixir(source("tutorial.exs"))

    async with new_node("driver", hidden=True):
        for before, mixture in zip(("...", *MIXTURES), MIXTURES, strict=False):
            for name, was, kind in zip(NAMES, before, mixture, strict=True):
                if kind != was:
                    await leave(chat, name)
                    await asyncio.to_thread(start, name, kind)
            await talk(chat, mixture)


async def leave(chat: dict[str, Any], name: str) -> None:
    """End a node, and wait until the others know."""
    if name not in chat:
        return
    gone = chat.pop(name)
    await asyncio.to_thread(gone.kill)
    async with asyncio.timeout(30):
        for other in chat.values():
            while gone.name in await erpc.call(other.name, "erlang", "nodes"):
                pass


async def talk(chat: dict[str, Any], mixture: str) -> None:
    """Everybody writes to everybody; the bot answers who wrote to it."""
    for sender, recipient in itertools.permutations(NAMES, 2):
        text = f"{sender} ✓ {recipient} of {mixture}"
        mark = chat[sender].mark()
        asked = [Atom(chat[recipient].name), text.encode()]
        assert await erpc.call(chat[sender].name, "Elixir.Chat", "send_message", asked) == "ok", text
        await asyncio.to_thread(chat[recipient].wait_for_output, f"{text}\n", 30)
        if recipient == "moebi":
            await asyncio.to_thread(chat[sender].wait_for_output, "chicken?\n", 30, mark)
