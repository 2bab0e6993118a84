"""`pyerlnode cluster up`, and `[cluster]` in the file of `pyerlnode run --config`."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
from clusters import run, until
from test_command_line import RUN, one_line, pyerlnode

from pyerlnode import Atom, Node, NodeDown, rpc
from pyerlnode.node import epmd_client
from pyerlnode.testing import PythonNode, free_port
from pyerlnode.testing.children import Child

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 40.0

PROGRAM = """
import os
import sys
import pyerlnode as erl
from pyerlnode import Atom, Module

app = Module("Work")

@app.export
def pid() -> int:
    return os.getpid()

@app.export
def nodes() -> list:
    return sorted(erl.nodes())

@app.export
def say(text: str) -> Atom:
    os.write(1, f"{text}\\n".encode())
    os.write(2, f"{text}!\\n".encode())
    return Atom("ok")
"""


@pytest.fixture
def target(tmp_path: Path) -> str:
    file = tmp_path / "work.py"
    file.write_text(PROGRAM)
    return f"{file}:app"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def three(target: str, port: int) -> Iterator[Child]:
    command = [
        sys.executable,
        "-m",
        "pyerlnode",
        "cluster",
        "up",
        "--nodes",
        "3",
        "--cookie",
        "secret",
        target,
    ]
    with Child("cluster", command, {**os.environ, "ERL_EPMD_PORT": str(port)}) as cluster:
        for number in (1, 2, 3):
            cluster.wait_for_line(up_line(number), SECONDS)
        yield cluster
        if cluster.alive:
            cluster.signal(signal.SIGTERM)
            cluster.wait(SECONDS)


def up_line(number: int) -> re.Pattern[str]:
    return re.compile(rf"^work{number}@localhost up port=\d+ .*\n", re.MULTILINE)


def name(number: int) -> Atom:
    return Atom(f"work{number}@localhost")


async def ask(number: int, function: str, *args: Any) -> Any:
    """The answer of one of the nodes; None while it is away."""
    try:
        return await rpc.call(name(number), "Elixir.Work", function, list(args), timeout=SECONDS)
    except NodeDown:
        return None


async def test_a_node_for_each_core_that_is_there_again_when_it_dies(three: Child, port: int) -> None:
    async def body() -> None:
        for number in (1, 2, 3):
            others = {name(other) for other in (1, 2, 3)} - {name(number)}

            async def in_the_mesh(number: int = number, others: set[Atom] = others) -> bool:
                return others <= set(await ask(number, "nodes") or ())

            await until(in_the_mesh, SECONDS)
        await ask(2, "say", b"hello")
        three.wait_for_output("work2 | hello\n", SECONDS)
        three.wait_for_output("work2 | hello!\n", SECONDS)
        # The first one serves EPMD: another one takes the port over, and all are there again.
        killed, since = await ask(1, "pid"), three.mark()
        os.kill(killed, signal.SIGKILL)
        three.wait_for_output("work1@localhost has ended (signal 9)", SECONDS)

        async def registered() -> bool:
            try:
                return {f"work{n}" for n in (1, 2, 3)} <= {
                    n for n, _ in await epmd_client.names("localhost", port)
                }
            except epmd_client.EpmdError:
                return False

        await until(registered, SECONDS)
        three.wait_for_output(up_line(1), SECONDS, since=since)

        async def together_again() -> bool:
            return {name(2), name(3)} <= set(await ask(1, "nodes") or ())

        await until(together_again, SECONDS)
        assert await ask(1, "pid") != killed

    async with Node("seen@localhost", "secret", hidden=True, epmd_port=port, epmd_serve=False) as node:
        await run(node, body, timeout=4 * SECONDS)


async def test_a_signal_stops_all_of_them(three: Child, port: int) -> None:
    three.signal(signal.SIGINT)
    assert await asyncio.to_thread(three.wait, SECONDS) == 0
    with pytest.raises(epmd_client.EpmdError):
        await epmd_client.names("localhost", port)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "up"),
        (["down"], "down"),
        (["up"], "TARGET"),
        (["up", "--nodes", "0", "work.py:app"], "1 to 1000 nodes"),
        (["up", "--nodes", "many", "work.py:app"], "1 to 1000 nodes"),
        (["up", "--sname", "a", "--name", "a@b.c", "work.py:app"], "not allowed"),
        (["up", "--sname", "a@b.c", "work.py:app"], "long names"),
        (["up", "--cookie", "s", "--fly", "work.py:app"], "--fly"),
        (["up", "--cookie", "s", "work.py"], "file.py:attr"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    assert said in one_line(pyerlnode("cluster", *arguments), 2)


def test_a_node_that_cannot_start_ends_the_others_too(target: str) -> None:
    broken = target.replace(":app", ":nothing")
    done = pyerlnode("cluster", "up", "--nodes", "2", "--cookie", "s", broken)
    assert done.returncode == 2
    assert "work1 | pyerlnode run: target" in done.stderr
    assert "work1@localhost did not start: exit code 2" in done.stderr


# --- [cluster] in a configuration file ------------------------------------------------------


def test_nodes_of_a_file_find_each_other(target: str, port: int, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        """
        [cluster.fixed]
        strategy = "static"
        nodes = ["alex@localhost"]

        [env.dev.cluster.here]
        strategy = "local_epmd"
        polling_interval = 0.1
        """
    )
    options = ["--config", str(config), "--env", "dev"]
    with (
        PythonNode("kate@localhost", target, cookie="secret", epmd_port=port, options=options),
        PythonNode("alex@localhost", target, cookie="secret", epmd_port=port),
        PythonNode("max@localhost", target, cookie="secret", epmd_port=port),
    ):
        call = ["call", "--cookie", "secret", "kate@localhost", "Elixir.Work", "nodes"]
        for _ in range(400):
            done = pyerlnode(*call, port=port)
            if done.stdout == "[:alex@localhost, :max@localhost]\n":
                break
        assert done.stdout == "[:alex@localhost, :max@localhost]\n", done


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('strategy = "gosip"', "cluster.web: there is no strategy 'gosip'"),
        ('strategy = "static"', "cluster.web: missing a required argument: 'nodes'"),
        ('nodes = ["a@b"]', "cluster.web: a table with a strategy is wanted"),
    ],
)
def test_a_mistake_in_the_table_is_one_line(target: str, tmp_path: Path, table: str, said: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f"[cluster.web]\n{table}\n")
    assert said in one_line(pyerlnode(*RUN, "--config", str(config), target), 2)
