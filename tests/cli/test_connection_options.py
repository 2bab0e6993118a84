"""Options of the command that say how nodes reach each other, each with nodes of the command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from test_command_line import ECHO, RUN, one_line, pyerlnode

from pyerlnode.testing import PythonNode, free_port
from pyerlnode.testing.children import Child, HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def start() -> Iterator[Callable[..., PythonNode]]:
    """`start(name, *options)`: a node of the command, on an EPMD of the test's own."""
    port, nodes = free_port(), list[Child]()

    def start(name: str, *options: str) -> PythonNode:
        node = PythonNode(name, f"{ECHO}:app", cookie="secret", epmd_port=port, options=options)
        nodes.append(node)
        return node

    yield start
    for node in nodes:
        node.close()


def ask(node: str, *options: str, port: int | None = None) -> str:
    """What another node says when it is asked for its own name."""
    done = pyerlnode("call", "--cookie", "secret", *options, node, ":erlang", "node", port=port)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--node-port", "alex@localhost"], "NODE=PORT is wanted"),
        (["--port", "9100-"], "two with a dash between"),
        (["--port", "9200-9100"], "listen port is 9100"),
        (["--reconnect", "-1"], "--reconnect"),
        (["--epmd", "perhaps"], "--epmd"),
        (["--listen-address", "box"], "is no IP address"),
        (["--tls", "/no/such.conf"], "No such file"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    assert said in one_line(pyerlnode(*RUN, *arguments, f"{ECHO}:app"), 2)


def test_nodes_without_epmd(start: Callable[..., PythonNode]) -> None:
    port = free_port()
    kate = start("kate@127.0.0.2", "--erl-epmd-port", str(port))
    assert (kate.epmd, kate.port) == ("none", port)
    start("alex@127.0.0.3", "--erl-epmd-port", str(port), "--connect", kate.name)
    assert ask("alex@127.0.0.3", "--erl-epmd-port", str(port)) == ':"alex@127.0.0.3"'
    first, last = free_port(), 65535
    moebi = start("moebi@localhost", "--epmd", "none", "--port", f"{first}-{last}", "--no-connect-all")
    assert first <= moebi.port <= last
    where = f"{moebi.name}={moebi.port}"
    assert ask(moebi.name, "--epmd", "none", "--node-port", where) == ":moebi@localhost"
    said = one_line(
        pyerlnode("call", "--cookie", "secret", "--epmd", "none", moebi.name, ":erlang", "node"), 1
    )
    assert "nodedown" in said


def test_a_node_that_only_dials(start: Callable[..., PythonNode]) -> None:
    kate = start("kate@localhost")
    alex = start("alex@localhost", "--no-dist-listen", "--connect", kate.name)
    assert (alex.port, alex.epmd) == (0, "none")
    port = int(kate.epmd.rpartition(":")[2])
    done = pyerlnode("call", "--cookie", "secret", kate.name, ":erlang", "nodes", "[:hidden]", port=port)
    assert ":alex@localhost" in done.stdout


def test_a_name_is_asked_for(start: Callable[..., PythonNode]) -> None:
    kate = start("kate@localhost")
    nameless = start("undefined@localhost", "--connect", kate.name)
    assert re.fullmatch(r"[0-9A-Z]+@localhost", nameless.name)
    assert nameless.stop() == 0
    assert "--connect is missing" in one_line(pyerlnode("run", "--sname", "undefined", f"{ECHO}:app"), 2)
    kate.kill()
    with pytest.raises(HarnessError, match="nobody gives this node a name; kate@localhost: "):
        start("undefined@localhost", "--connect", kate.name)


def test_a_node_that_was_named_is_connected_with_again(start: Callable[..., PythonNode]) -> None:
    kate = start("kate@localhost")
    port = int(kate.epmd.rpartition(":")[2])
    alex = start("alex@localhost", "--connect", "kate@localhost", "--reconnect", "0.2")
    kate.kill()
    kate.wait(30)
    alex.wait_for_output("kate@localhost cannot be reached: ")
    kate = start("kate@localhost")
    seen = ""
    while ":alex@localhost" not in seen:  # it comes by itself, within a second
        seen = pyerlnode("call", "--cookie", "secret", kate.name, ":erlang", "nodes", port=port).stdout
