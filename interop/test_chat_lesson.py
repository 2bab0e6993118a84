"""The lesson's chat with moebi the bot: who writes is at `iex` and the bot of Python, and the other way.

That the same chat works between nodes of all kinds by rpc is in test_tasks.py.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import tutorial
from lessons import TOOLS, Pupil, source

import pyerlnode as erl
from pyerlnode import Application, Atom, NodeDown, rpc

if TYPE_CHECKING:
    from collections.abc import Callable

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
