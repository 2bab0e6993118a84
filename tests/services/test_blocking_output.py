"""`print()` and `input()` in the thread of a `@blocking` function."""

from __future__ import annotations

import asyncio
import io as streams
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import pyerlnode.process as erl
from pyerlnode.errors import UsageError
from pyerlnode.otp import GenServer, on_call
from pyerlnode.process import Runtime, blocking, current_runtime
from pyerlnode.services import io
from pyerlnode.services.console import installed
from pyerlnode.services.user import IoServer
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SECONDS = 5.0


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    made = Runtime("here@localhost", 1)
    current_runtime.set(made)
    made.before_end = io.flush
    yield made
    await made.stop(Atom("shutdown"))


@pytest.fixture
def screen(runtime: Runtime) -> streams.StringIO:
    """Where the group leader writes; a line has been typed there."""
    out = streams.StringIO()
    runtime.group_leader = runtime.spawn(IoServer(out, streams.StringIO("Alex\n"))).pid
    return out


@contextmanager
def running() -> Iterator[None]:
    """As `pyerlnode run` has it."""
    before = sys.stdout, sys.stdin
    sys.stdout, sys.stdin = streams.StringIO(), streams.StringIO("typed at the program\n")
    try:
        with installed() as terminal:
            terminal.open()
            yield
    finally:
        sys.stdout, sys.stdin = before


async def ended(body: Any, *args: Any) -> Any:
    """Run `body` in a process, to its end; why it ended."""
    _, ref = erl.spawn_monitor(body, *args)
    down: Any = await erl.receive(lambda message: message[1] == ref, timeout=SECONDS)
    return down[4]


async def test_input_asks_the_group_leader_with_the_prompt(screen: streams.StringIO) -> None:
    lines: list[str] = []

    @blocking
    def asks() -> None:
        print("hello")  # noqa: T201
        lines.append(input("name? "))
        with pytest.raises(EOFError):
            input("more? ")

    with running():
        assert await ended(asks) == "normal"
    assert lines == ["Alex"]
    assert screen.getvalue() == "hello\nname? more? "


async def test_input_in_a_plain_callback_is_refused(screen: streams.StringIO) -> None:
    class Asks(GenServer):
        @on_call
        def name(self) -> bytes:
            with pytest.raises(UsageError, match=r"io\.gets"):
                input()
            return b"refused"

    server = await Asks.start()
    with running():
        assert await GenServer.call(server, Atom("name")) == b"refused"


async def test_a_thread_whose_process_has_ended_prints_nothing(screen: streams.StringIO) -> None:
    here, gate, over = erl.self(), threading.Event(), threading.Event()

    @blocking
    def prints() -> None:
        erl.send(here, "there")
        try:
            gate.wait(SECONDS)
            print("late")  # noqa: T201
        finally:
            over.set()

    with running():
        pid = erl.spawn(prints)
        await erl.receive(lambda message: message == "there", timeout=SECONDS)
        erl.exit(pid, "kill")
        gate.set()
        assert await asyncio.to_thread(over.wait, SECONDS)
        await io.write("last")
    assert screen.getvalue() == "last"
