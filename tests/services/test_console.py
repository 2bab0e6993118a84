"""`sys.stdout` and `sys.stdin` of a program of processes."""

from __future__ import annotations

import asyncio
import io as streams
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from clusters import until

import pyerlnode.process as erl
from pyerlnode.errors import UsageError
from pyerlnode.process import Runtime, current_runtime
from pyerlnode.services import io
from pyerlnode.services.console import Terminal, installed
from pyerlnode.services.user import IoServer
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Out(streams.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]  # of a terminal


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    made = Runtime("here@localhost", 1)
    current_runtime.set(made)
    made.before_end = io.flush
    yield made
    await made.stop(Atom("shutdown"))


@pytest.fixture
def screen() -> Out:
    """What stands on the program's own terminal."""
    return Out()


@contextmanager
def running(screen: Out) -> Iterator[Terminal]:
    """As `pyerlnode run` has it."""
    before = sys.stdout, sys.stdin
    sys.stdout, sys.stdin = screen, streams.StringIO("typed here\n")
    try:
        with installed() as terminal:
            yield terminal
        assert sys.stdout is screen
    finally:
        sys.stdout, sys.stdin = before


def lead(runtime: Runtime, typed: str = "") -> Out:
    out = Out()
    runtime.group_leader = runtime.spawn(IoServer(out, streams.StringIO(typed))).pid
    return out


async def finish(body: Any) -> None:
    """Run `body` in a process, to its end."""
    _, ref = erl.spawn_monitor(body)
    reason: Any = await erl.receive(lambda message: message[1] == ref, timeout=5)
    assert reason[4] == "normal"


def say(*words: object, end: str = "\n") -> None:
    sys.stdout.write(" ".join(map(str, words)))
    sys.stdout.write(end)


async def test_what_a_process_prints_goes_to_its_group_leader_in_order(runtime: Runtime, screen: Out) -> None:
    out = lead(runtime)

    async def body() -> None:
        say("one", 1)
        await io.puts("two")
        say("three", end="")
        await io.puts(" and four")
        say("five", end="")
        sys.stdout.flush()
        say("six", end="")

    with running(screen) as terminal:
        terminal.open("first\n")
        await finish(body)
        await asyncio.sleep(0)
    assert out.getvalue() == "one 1\ntwo\nthree and four\nfivesix"
    assert screen.getvalue() == "first\n"


async def test_outside_of_processes_it_goes_to_the_terminal_after_the_first_line(screen: Out) -> None:
    with running(screen) as terminal:
        say("early")
        assert screen.getvalue() == ""
        terminal.open("up\n")
        say("late")
        assert sys.stdin.readline() == "typed here\n"
        assert sys.stdout.encoding == "utf-8"
    assert screen.getvalue() == "up\nearly\nlate\n"


async def test_without_a_first_line_nothing_is_lost(screen: Out) -> None:
    with running(screen):
        say("early")
    assert screen.getvalue() == "early\n"


async def test_reading_in_a_process_is_refused_and_in_its_thread_asks(runtime: Runtime, screen: Out) -> None:
    out = lead(runtime, "from the leader\n")
    lines: list[str] = []

    async def body() -> None:
        with pytest.raises(UsageError, match=r"io\.gets"):
            sys.stdin.readline()
        with pytest.raises(UsageError):
            sys.stdin.read()

        def work() -> None:
            say("in a thread")
            lines.append(sys.stdin.readline())
            lines.append(sys.stdin.readline())

        await asyncio.to_thread(work)

    with running(screen) as terminal:
        terminal.open()
        await finish(body)
    assert lines == ["from the leader\n", ""]
    assert out.getvalue() == "in a thread\n"


async def test_a_process_that_leads_itself_prints_on_the_terminal(runtime: Runtime, screen: Out) -> None:
    async def body() -> None:
        say("mine")

    with running(screen) as terminal:
        terminal.open()
        alone = runtime.spawn(body())
        await until(lambda: not alone.alive)
    assert screen.getvalue() == "mine\n"


def test_a_terminal_passes_on_what_programs_ask_of_it(screen: Out) -> None:
    terminal = Terminal(screen)
    assert terminal.isatty() is False
    assert terminal.writable()
    with pytest.raises(streams.UnsupportedOperation):
        terminal.fileno()
    with running(screen), pytest.raises(TypeError):
        sys.stdout.write(b"bytes")  # type: ignore[arg-type]
