"""Fixtures of the interop suite.  Those that start nodes come with the plugin: see `pyerlnode.testing`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import mosquitto_server
import postgresql_server
import pytest

from pyerlnode import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyerlnode.testing import BeamNode, PythonNode

_HERE = Path(__file__).parent


@pytest.fixture
def target() -> Callable[[str], str]:
    """`target("echo.py:app")`: a program of this directory, as `pyerlnode run` takes it."""
    return lambda name: str(_HERE / name)


@pytest.fixture
def here(node_host: str) -> Callable[[str], str]:
    """`here("Node.ping(:kate@localhost)")`: the text with this run's host in place of localhost."""
    return lambda text: text.replace("@localhost", f"@{node_host}")


@pytest.fixture(params=["python", "elixir"])
def kate(request: pytest.FixtureRequest, target: Callable[[str], str]) -> PythonNode | BeamNode:
    """The node `kate` with the module Kate, of Python and of Elixir: a test holds for both."""
    if request.param == "python":
        return request.getfixturevalue("python_node")("kate", target("exported.py:app"))
    node: BeamNode = request.getfixturevalue("beam_node")("kate")
    source = (_HERE / "exported.exs").read_text()
    node.eval_elixir(f'Code.compile_string(~S"""\n{source}\n""", "exported.exs")')
    return node


@pytest.fixture
def new_node(request: pytest.FixtureRequest, node_host: str) -> Callable[..., Node]:
    """`async with new_node("kate", hidden=True) as node`: a node of this very process, on the test's EPMD."""

    def make(name: str, cookie: str | None = "secret", **settings: Any) -> Node:
        if "epmd_port" not in settings:
            settings["epmd_port"] = request.getfixturevalue("epmd_port")
        return Node(name if "@" in name else f"{name}@{node_host}", cookie, **settings)

    return make


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgresql_server.Server]:
    """A PostgreSQL server; `postgresql.create()` is the URL of an empty database."""
    yield from postgresql_server.running()


@pytest.fixture
def mosquitto() -> Iterator[Callable[..., mosquitto_server.Mosquitto]]:
    """`mosquitto(users=..., persistent=True)`: an MQTT broker of the test's own."""
    yield from mosquitto_server.brokers()
