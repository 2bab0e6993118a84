"""This program's terminal for a shell on another node, without a screen."""

from __future__ import annotations

import asyncio
import io as streams
import sys
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run

from pyerlnode import Atom, Module, io
from pyerlnode.services import DEFAULT_SERVICES, user
from pyerlnode.services.shell import terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.node import Node
    from pyerlnode.services.shell.terminal import RemoteTerminal

scanner = Module("TestShellScanner")
UNICODE = Atom("unicode")


@scanner.export
def until_dot(before: Any, chars: list[int], more: Any) -> Any:
    """As `erl_scan:tokens`: lines up to one that ends in a dot."""
    text = [*before, *chars]
    if "".join(map(chr, text)).endswith(".\n"):
        return (Atom("done"), (more, text[:-2]), [])
    return (Atom("more"), text)


@scanner.export
def fail(before: Any, chars: list[int]) -> Any:
    raise ValueError("on purpose")


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        yield cluster


@pytest.fixture
async def alex(cluster: Cluster) -> Node:
    node: Node = await cluster.start("alex", remsh=True)
    return node


async def test_lines_go_through_the_functions_of_the_shells_node(
    cluster: Cluster, alex: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = streams.StringIO()
    monkeypatch.setattr(sys, "stdin", streams.StringIO("one\ntwo.\nthree\nfour\n"))
    monkeypatch.setattr(sys, "stdout", screen)
    made: list[RemoteTerminal] = []

    def serve(node: Node) -> None:
        made.append(terminal.service(node, alex.name))

    services = [serve if each is user.service else each for each in DEFAULT_SERVICES]
    kate = await cluster.start("kate", services=services)
    assert await kate.connect(alex.name)
    device = kate.runtime.names.get("user").pid

    async def ask(function: str, *args: Any) -> Any:
        request = (Atom("get_until"), UNICODE, b"more> ", scanner.name, Atom(function), list(args))
        return await io.request(request, device)

    async def body() -> None:
        assert await ask("until_dot", 5) == (5, list(b"one\ntwo"))
        with pytest.raises(io.ErlangError) as failed:
            await ask("fail")
        assert failed.value.reason == "fail"
        assert await io.gets("> ", device) == "four\n"
        assert not made[0].left.is_set()

    await run(alex, body)
    assert screen.getvalue() == "more> more> more> > "
    # The end of the input is told to nobody: a BEAM's shell would stop its node.
    alex.runtime.spawn(io.gets("", device))
    async with asyncio.timeout(10):
        await made[0].left.wait()


@pytest.mark.parametrize(
    ("node", "typed", "code", "shown"),
    [
        ("alex@localhost", "x = 20\nx * 2 + 2", 0, "py(alex@localhost)1> py(alex@localhost)2> 42\n"),
        ("alex@localhost", "exit()\nnever", 0, "py(alex@localhost)1> "),
        ("shut@localhost", "", 1, "pyerlnode remsh: shut@localhost has no shell that others may use\n"),
        ("none@localhost", "", 1, " knows no node named none\n"),
    ],
)
async def test_the_command_runs_a_pipe_line_by_line(
    cluster: Cluster, alex: Node, node: str, typed: str, code: int, shown: str
) -> None:
    await cluster.start("shut")
    command = ["-m", "pyerlnode", "remsh", "--cookie", "secret", "--epmd-port", str(cluster.epmd_port), node]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(20):
        output, _ = await process.communicate(typed.encode())
    assert shown in output.decode()
    assert process.returncode == code
