"""`pyerlnode run` and applications: order at the end, signals, configuration, exit codes."""

from __future__ import annotations

import signal
import textwrap
from typing import TYPE_CHECKING

import pytest
from test_command_line import RUN, one_line, pyerlnode

from pyerlnode.testing import PythonNode, free_port

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import asyncio
import signal
import sys
import pyerlnode as erl
from pyerlnode import Application, Atom, Exit, GenServer, Supervisor

class Child(GenServer):
    def init(self, name):
        self.name = name
        erl.process_flag("trap_exit", True)

    async def terminate(self, reason):
        if Application.get_env("chat", "endless", False) in (True, self.name):
            print("waiting", file=sys.stderr, flush=True)
            await erl.receive(lambda message: False)
        print(f"{self.name} ended: {reason}", file=sys.stderr, flush=True)

class Database(Application):
    async def start(self, type, args):
        return await Supervisor.start_link([(Child, "database")], strategy="one_for_one")

class Chat(Application):
    env = {"mode": Atom("local"), "size": 3}
    applications = ("kernel", "stdlib", Database)

    async def start(self, type, args):
        mode, size = Application.get_env("chat", "mode"), Application.get_env("chat", "size")
        print(f"mode {mode!s} size {size}", file=sys.stderr, flush=True)
        if mode == "broken":
            raise Exit("broken")
        children = [(Child, name, {"id": name}) for name in ("one", "two")]
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, end)
        return await Supervisor.start_link(children, strategy="one_for_one", name="top")

    def stop(self):
        print("stopped", file=sys.stderr, flush=True)

def end():
    erl.exit(erl.whereis("top"), "kill")
"""
CONFIG = """
[env.test.chat]
mode = { atom = "tested" }
[env.broken.chat]
mode = { atom = "broken" }
[env.endless.chat]
endless = true
[env.database.chat]
endless = "database"
[chat]
size = 4
"""


@pytest.fixture
def program(tmp_path) -> Path:
    (tmp_path / "chat.py").write_text(textwrap.dedent(PROGRAM))
    (tmp_path / "chat.toml").write_text(CONFIG)
    return tmp_path


def start(program: Path, *options: str, **environment: str) -> PythonNode:
    target = f"{program / 'chat.py'}:Chat"
    return PythonNode(
        "kate@localhost",
        target,
        cookie="secret",
        epmd_port=free_port(),
        options=options,
        # A machine that is busy with other things makes warnings of how long a turn has taken.
        environment={"PYERLNODE_LOG": "ERROR", **environment},
    )


ORDER = ["two ended: shutdown", "one ended: shutdown", "stopped", "database ended: shutdown"]


def said(node: PythonNode) -> list[str]:
    """The lines of the program and the last one of the command, which are all on standard error."""
    return node.errors.splitlines()


def test_everything_stops_in_reverse_order(program) -> None:
    node = start(program)
    node.signal(signal.SIGTERM)
    assert node.wait(10) == 0
    assert said(node) == ["mode local size 3", *ORDER]
    node.close()


def test_the_environment_chooses_the_configuration(program) -> None:
    config = str(program / "chat.toml")
    for options, environment, line in (
        (("--config", config, "--env", "test"), {}, "mode tested size 4"),
        (("--config", config), {"PYERLNODE_ENV": "test"}, "mode tested size 4"),
        (("--config", config), {}, "mode local size 4"),
    ):
        node = start(program, *options, **environment)
        assert node.stop() == 0
        assert said(node)[0] == line


def test_a_second_signal_does_not_wait(program) -> None:
    node = start(program, "--config", str(program / "chat.toml"), "--env", "endless")
    node.signal(signal.SIGTERM)
    node.wait_for_output("waiting")
    node.signal(signal.SIGINT)
    assert node.wait(10) == 1
    assert said(node)[-1] == "pyerlnode run: stopped by a second signal, before the applications had ended"
    node.close()


def test_an_application_that_ends_takes_the_node_with_it(program) -> None:
    node = start(program)
    node.signal(signal.SIGUSR1)
    assert node.wait(10) == 1
    lines = said(node)
    assert lines[-1] == "pyerlnode run: the application has ended: :killed"
    assert "database ended: shutdown" in lines
    node.close()


def test_a_second_signal_after_the_application_has_ended(program) -> None:
    node = start(program, "--config", str(program / "chat.toml"), "--env", "database")
    node.signal(signal.SIGUSR1)
    node.wait_for_output("waiting")  # what Chat has needed is being stopped
    node.signal(signal.SIGTERM)
    node.signal(signal.SIGINT)
    assert node.wait(10) == 1
    assert said(node)[-1] == "pyerlnode run: stopped by a second signal, before the applications had ended"
    assert "InvalidStateError" not in node.errors
    node.close()


def test_what_is_wrong_with_it(program) -> None:
    target, config = f"{program / 'chat.py'}:Chat", str(program / "chat.toml")
    for options, line in (
        (["--config", str(program / "nowhere.toml")], "nowhere.toml: No such file"),
        (["--config", config, "--env", "prod"], "no environment 'prod'; known: broken, database, endless"),
        (["--env", "test"], "--config is missing"),
    ):
        assert line in one_line(pyerlnode(*RUN, *options, target), 2)
    done = pyerlnode(*RUN, "--config", config, "--env", "broken", target)
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert lines[0] == "mode broken size 4"
    assert lines[-1] == "pyerlnode run: the application did not start: :broken"
