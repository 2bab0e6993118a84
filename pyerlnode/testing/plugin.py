"""pytest plugin: fixtures over real BEAM and Python nodes, and a table of results per BEAM.

What it offers stands in the docstring of `pyerlnode.testing`.  pytest loads this module
in every run of everybody who has pyerlnode installed, so it imports what it needs only
when a test asks for it.

Proof: tests/testing/test_plugin.py, interop/test_harness.py.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyerlnode.testing.beams import Beam
    from pyerlnode.testing.epmd import Epmd
    from pyerlnode.testing.nodes import BeamNode
    from pyerlnode.testing.peers import PythonNode
    from pyerlnode.testing.terminal import Erl, Iex

COOKIE = "secret"
_BEAMS = pytest.StashKey[list[Any]]()
_NO_BEAM = pytest.param(None, marks=pytest.mark.skip(reason="there is no Erlang"), id="none")
_PARAMETERS = ("beam", "other_beam")
_PROPERTY = "pyerlnode_beam"
# A report has no way to the run's configuration, so the table lives here, for one run.
_results: dict[str, dict[str, str]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("pyerlnode", "real Erlang and Elixir nodes")
    group.addoption(
        "--beam",
        choices=("local", "chroot", "docker", "all"),
        default="all",
        help="which BEAMs the `beam` fixtures use: this machine's, those in roots made by debootstrap, "
        "that of the container the tests run in (nodes carry its host name), or local and chroot (default)",
    )
    group.addoption(
        "--beam-matrix", action="store_true", help="print a table of results, one column per BEAM"
    )
    group.addoption("--beam-results", metavar="FILE", help="write that table as JSON")
    group.addoption(
        "--beam-part",
        metavar="I/N",
        type=_part,
        help="run every N-th test only, beginning with the I-th: N such runs at a time make one run",
    )


def _part(text: str) -> tuple[int, int]:
    first, _, count = text.partition("/")
    if not (first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count)):
        raise argparse.ArgumentTypeError(f"{text!r}: a part is I/N, such as 1/2")
    return int(first), int(count)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "distributed: starts nodes as operating system processes; skipped if they are to be BEAM nodes "
        "and there is no Erlang",
    )
    _results.clear()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name in _PARAMETERS:
        if name in metafunc.fixturenames:
            may_be_skipped = metafunc.definition.get_closest_marker("distributed") is not None
            beams = _found_beams(metafunc.config, none_will_do=may_be_skipped)
            metafunc.parametrize(name, beams or [_NO_BEAM], ids=str, indirect=True)


@pytest.hookimpl(trylast=True)  # after -k has chosen
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if part := config.getoption("--beam-part"):
        first, count = part
        for item in items:  # every part tells all rows, so that they can be joined in order
            for name, place in item.user_properties:
                if name == _PROPERTY and isinstance(place, list):
                    _results.setdefault(place[0], {})
        others = [item for number, item in enumerate(items) if number % count != first - 1]
        items[:] = items[first - 1 :: count]
        config.hook.pytest_deselected(items=others)


def pytest_itemcollected(item: pytest.Item) -> None:
    call = getattr(item, "callspec", None)
    if call is not None and "beam" in call.params:
        item.user_properties.append((_PROPERTY, [_row(item, call), str(call.params["beam"])]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    place = dict(report.user_properties).get(_PROPERTY)
    outcome = _outcome(report)
    if isinstance(place, list) and outcome is not None:
        from pyerlnode.testing.matrix import record

        record(_results, place[0], place[1], outcome)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if config.getoption("--beam-matrix") and _results:
        from pyerlnode.testing.matrix import render

        terminalreporter.section("results per BEAM")
        for line in render(_results):
            terminalreporter.write_line(line)
    if file := config.getoption("--beam-results"):
        Path(file).write_text(json.dumps(_results, indent=1))


@pytest.fixture
def beam(request: pytest.FixtureRequest) -> Beam:
    """A BEAM; a test that uses it, or a fixture that starts one, runs once per BEAM found."""
    found: Beam = request.param
    return found


@pytest.fixture
def other_beam(request: pytest.FixtureRequest) -> Beam:
    """A second BEAM, independent of `beam`: every pair of releases."""
    found: Beam = request.param
    return found


@pytest.fixture(scope="session")
def node_host(request: pytest.FixtureRequest) -> str:
    """The host part of node names: `localhost`, or the container's own name with `--beam docker`."""
    return socket.gethostname() if request.config.getoption("--beam") == "docker" else "localhost"


@pytest.fixture
def free_port() -> int:
    """A TCP port on which nobody listens at this moment."""
    from pyerlnode.testing.epmd import free_port

    return free_port()


@pytest.fixture
def epmd(node_host: str) -> Iterator[Epmd]:
    """An EPMD of this test's own."""
    from pyerlnode.testing.epmd import Epmd

    with Epmd(loopback=node_host == "localhost") as running:
        yield running


@pytest.fixture
def epmd_port(epmd: Epmd) -> int:
    """The port of this test's own EPMD."""
    return epmd.port


@pytest.fixture
def beam_node(
    request: pytest.FixtureRequest, beam: Beam, node_host: str
) -> Iterator[Callable[..., BeamNode]]:
    """`beam_node(name, beam=None, cookie="secret", epmd_port=None, **options of BeamNode)`."""
    from pyerlnode.testing.nodes import BeamNode

    yield from _factory(request, node_host, BeamNode, default_beam=beam)


@pytest.fixture
def iex(request: pytest.FixtureRequest, beam: Beam, node_host: str) -> Iterator[Callable[..., Iex]]:
    """`iex(name, beam=None, cookie="secret", epmd_port=None, **options)`: a person at `iex`."""
    from pyerlnode.testing.terminal import Iex

    yield from _factory(request, node_host, Iex, default_beam=beam)


@pytest.fixture
def erl(request: pytest.FixtureRequest, beam: Beam, node_host: str) -> Iterator[Callable[..., Erl]]:
    """`erl(name, beam=None, cookie="secret", epmd_port=None, **options)`: a person at `erl`."""
    from pyerlnode.testing.terminal import Erl

    yield from _factory(request, node_host, Erl, default_beam=beam)


@pytest.fixture
def python_node(request: pytest.FixtureRequest, node_host: str) -> Iterator[Callable[..., PythonNode]]:
    """`python_node(name, target, cookie="secret", epmd_port=None, **options of PythonNode)`."""
    from pyerlnode.testing.peers import PythonNode

    yield from _factory(request, node_host, PythonNode, default_beam=None)


def _factory(
    request: pytest.FixtureRequest, host: str, kind: Callable[..., Any], default_beam: Beam | None
) -> Iterator[Callable[..., Any]]:
    """A function that starts nodes of a kind, and their end; their output is kept for a failing test."""
    started: list[Any] = []

    def start(
        name: str,
        *arguments: Any,
        beam: Beam | None = None,
        cookie: str = COOKIE,
        epmd_port: int | None = None,
        **options: Any,
    ) -> Any:
        where = [] if default_beam is None else [beam or default_beam]
        if epmd_port is None:
            # Only now: a test may bring an EPMD of its own, or be about there being none.
            epmd_port = request.getfixturevalue("epmd_port")
        full_name = name if "@" in name else f"{name}@{host}"
        node = kind(*where, full_name, *arguments, cookie=cookie, epmd_port=epmd_port, **options)
        stack.callback(node.close)
        started.append(node)
        return node

    with ExitStack() as stack:
        yield start
        for node in started:
            sys.stdout.write(f"----- {node.label} (pid {node.pid})\n{node.transcript}\n")


def _row(item: pytest.Item, call: Any) -> str:
    """`connect: ping [hidden-dialled]` for test_connect.py::test_ping[otp25-hidden-dialled]."""
    name = getattr(item, "originalname", None) or item.name
    others = [part for part in call.id.replace(str(call.params["beam"]), "", 1).split("-") if part]
    text = f"{item.path.stem.removeprefix('test_')}: {name.removeprefix('test_').replace('_', ' ')}"
    return f"{text} [{'-'.join(others)}]" if others else text


def _outcome(report: pytest.TestReport) -> str | None:
    if report.failed:
        return "FAIL" if report.when == "call" else "ERROR"
    if report.skipped:
        return "xfail" if hasattr(report, "wasxfail") else "skip"
    return "pass" if report.when == "call" else None


def _found_beams(config: pytest.Config, *, none_will_do: bool) -> list[Beam]:
    from pyerlnode.testing.beams import NoBeam, discover
    from pyerlnode.testing.children import HarnessError

    if _BEAMS not in config.stash:
        try:
            config.stash[_BEAMS] = discover(config.getoption("--beam"))
        except HarnessError as error:
            if none_will_do and isinstance(error, NoBeam):
                return []
            raise pytest.UsageError(str(error)) from None
    return config.stash[_BEAMS]
