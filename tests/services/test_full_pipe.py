"""A node whose standard output is a pipe that nobody reads: it goes on, and loses nothing."""

from __future__ import annotations

import asyncio
import io as streams
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run
from unread import Pipe, open_files

from pyerlnode.errors import ErlangError
from pyerlnode.services import DEFAULT_SERVICES, io, net_adm, rpc, user
from pyerlnode.services.console import LogOutput, installed
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Iterator

PUT, UNICODE = Atom("put_chars"), Atom("unicode")
FAR = "far@localhost"


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def services(pipe: Pipe) -> list[Any]:
    def terminal(node: Any) -> None:
        user.service(node, pipe.end, streams.StringIO("typed\n"))

    return [terminal if service is user.service else service for service in DEFAULT_SERVICES]


async def answers(node: Any) -> bool:
    """Whether `far` still answers pings and calls."""
    if await run(node, net_adm.ping, FAR) != "pong":
        return False
    return bool(await run(node, rpc.call, FAR, "erlang", "node", []) == FAR)


async def test_the_node_goes_on_and_what_comes_meanwhile_is_written_in_order(pipe: Pipe) -> None:
    async with Cluster() as cluster:
        await cluster.start("far", services=services(pipe))
        near = await cluster.start("near", services=DEFAULT_SERVICES)
        filled = pipe.fill()
        device = await run(near, rpc.call, FAR, "erlang", "whereis", [Atom("user")])
        long = "é" * 5_000_000
        both = (Atom("requests"), [(PUT, UNICODE, b"one\n"), (PUT, UNICODE, b"two\n")])

        async def writes() -> None:
            await io.puts(long, device)
            assert await io.request(both, device) == "ok"
            io.print("three")
            assert await io.gets("name? ", device) == "typed\n"

        writing = asyncio.ensure_future(run(near, writes))
        assert await answers(near)
        assert await answers(near)
        assert not writing.done()
        await pipe.read(filled)
        expected = f"{long}\none\ntwo\nname? "
        assert await pipe.read(len(expected.encode())) == expected
        await writing


async def test_a_client_that_is_killed_takes_nothing_along(pipe: Pipe) -> None:
    async with Cluster() as cluster:
        await cluster.start("far", services=services(pipe))
        near = await cluster.start("near", services=DEFAULT_SERVICES)
        filled = pipe.fill()
        device = await run(near, rpc.call, FAR, "erlang", "whereis", [Atom("user")])
        client = near.runtime.spawn(io.puts("from one that was killed", device))
        assert await answers(near)
        client.exit_signal(client.pid, Atom("kill"))
        assert await answers(near)
        await pipe.read(filled)
        assert await run(near, io.puts, "next", device) == "ok"
        assert await pipe.read(30) == "from one that was killed\nnext\n"


async def test_the_server_can_be_killed_and_the_node_stopped(pipe: Pipe) -> None:
    files = open_files()
    async with Cluster() as cluster:
        far = await cluster.start("far", services=services(pipe))
        near = await cluster.start("near", services=DEFAULT_SERVICES)
        pipe.fill()
        server = far.runtime.registered_process("user")
        assert server is not None
        asking = asyncio.ensure_future(run(near, io.puts, "x" * 100_000, server.pid))
        assert await answers(near)
        server.exit_signal(server.pid, Atom("kill"))
        with pytest.raises(ErlangError, match="terminated"):
            await asking
        assert await answers(near)
    assert open_files() == files


async def test_a_node_stops_while_its_output_waits(pipe: Pipe) -> None:
    files = open_files()
    async with asyncio.timeout(10):
        async with Cluster() as cluster:
            far = await cluster.start("far", services=services(pipe))
            pipe.fill()
            far.runtime.spawn(io.puts("x" * 1_000_000))
            far.runtime.spawn(io.gets("? "))
            await asyncio.sleep(0)
            await run(far, asyncio.sleep, 0)
    assert open_files() == files


def standing_in(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the pipe as the program's standard output."""
    monkeypatch.setattr(sys, "stdout", pipe.end)
    monkeypatch.setattr(sys, "stdin", streams.StringIO())


async def test_prints_outside_of_processes_wait_in_the_same_line(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing_in(pipe, monkeypatch)
    with installed() as terminal:
        async with Cluster(DEFAULT_SERVICES) as cluster:
            node = await cluster.start("kate")
            filled = pipe.fill()
            sys.stdout.write("early\n")
            terminal.open("up\n")
            sys.stdout.write("outside\n")
            said = asyncio.ensure_future(run(node, io.puts, "inside"))
            await run(node, asyncio.sleep, 0)
            sys.stdout.write("outside again\n")
            assert not said.done()
            await pipe.read(filled)
            expected = "up\nearly\noutside\ninside\noutside again\n"
            assert await pipe.read(len(expected)) == expected
            await said


async def test_a_terminal_that_is_given_up_keeps_nothing_back(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing_in(pipe, monkeypatch)
    files = open_files()
    with installed() as terminal:
        pipe.fill()
        terminal.open("x" * 100_000)
        assert open_files() == files + 1
    assert open_files() == files


async def test_log_lines_that_nobody_reads_are_dropped_and_counted(pipe: Pipe) -> None:
    output = LogOutput(pipe.end)
    output.setFormatter(logging.Formatter("%(message)s"))

    def log(text: str) -> None:
        output.handle(logging.LogRecord("x", logging.ERROR, __file__, 1, text, (), None))

    filled = pipe.fill()
    for _ in range(15):
        log("x" * 99_999)
    await pipe.read(filled)
    assert await pipe.read(1_100_000) == ("x" * 99_999 + "\n") * 11
    log("again")
    expected = "4 log records were dropped: nobody read this\nagain\n"
    assert await pipe.read(len(expected)) == expected
    pipe.fill()
    log("lost")
    output.give_up()
