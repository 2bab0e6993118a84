"""Functions for worker processes, which import this module, and gates for threads."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, Exit, Throw
from pyerlnode.process import blocking, in_process
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyerlnode.term import Pid

# A guard against waiting for ever, and no measure: the machine may have other work.
SECONDS = 30.0


class Gate:
    """A thread says that it is there, by a message to whoever made the gate, and waits until it is opened."""

    def __init__(self) -> None:
        self._to = erl.self()
        self._loop = asyncio.get_running_loop()
        self._runtime = erl.this_process().runtime
        self._open = threading.Event()
        self.thread: threading.Thread | None = None

    def enter(self, word: Any = "there") -> None:
        """Called in the thread."""
        self.thread = threading.current_thread()
        # Not by `send`: that is what is tested.
        self._loop.call_soon_threadsafe(self._runtime.send, self._to, word)
        assert self._open.wait(SECONDS)

    def open(self) -> None:
        self._open.set()

    async def entered(self, word: Any = "there") -> None:
        """Wait until a thread is there."""
        await erl.receive(lambda message: message == word, timeout=SECONDS)


@blocking
def through(gate: Gate, result: Any = None, word: Any = "there") -> Any:
    """Wait for the gate."""
    gate.enter(word)
    return result


async def ended(thread: threading.Thread) -> None:
    """Wait until a thread has ended."""
    await asyncio.to_thread(thread.join, SECONDS)
    assert not thread.is_alive()


async def gone(pid: int) -> None:
    """Wait until a process of the operating system has ended; it may be there as a zombie."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, over.set)
    try:
        async with asyncio.timeout(SECONDS):
            await over.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def exists(pid: int) -> bool:
    """Whether the operating system knows the process, be it as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def tell_result(to: Pid, function: Callable[..., Any], *args: Any) -> None:
    """Send what a function gives."""
    erl.send(to, (Atom("result"), await function(*args)))


# --- in worker processes --------------------------------------------------------------------


@in_process
def whoami() -> tuple[int, int]:
    return os.getpid(), os.getpgid(0)


@in_process
def twice(value: Any) -> Any:
    return value + value


@in_process
def raises(kind: str) -> None:
    errors: dict[str, Exception] = {
        "value": ValueError("no"),
        "exit": Exit(Atom("done")),
        "throw": Throw(7),
        "badarg": BadArg("not so"),
        "odd": OddError(1, why="odd"),
    }
    raise errors[kind]


class OddError(Exception):
    """Cannot be made again from its arguments, so no pickle brings it back."""

    def __init__(self, number: int, *, why: str) -> None:
        super().__init__(f"{number} is {why}")


@in_process
def dies(how: str) -> None:
    if how == "exit":
        os._exit(3)
    elif how == "system exit":
        sys.exit(4)
    ctypes.string_at(0)


@in_process
def echo(value: Any) -> Any:
    return value


@in_process
def gives_what_cannot_be_pickled() -> Any:
    return threading.Lock()


@in_process
def stays(fifo: Path) -> None:
    """Say who it is, then never come back."""
    fifo.write_text(str(os.getpid()))
    threading.Event().wait()


@in_process
def says(text: str) -> None:
    print(text)  # noqa: T201


@in_process
def asks_who_it_is() -> Any:
    return erl.self()


@in_process
def calls_another() -> Any:
    return echo(1)


class Tally:
    """Something with methods."""

    def __init__(self) -> None:
        self.count = 0
        self.more: Any = None

    @in_process
    def add(self, n: int) -> int:
        self.count += n
        del self.more
        return self.count

    @in_process
    def spoil(self) -> None:
        self.count = -1
        raise ValueError("spoiled")

    @staticmethod
    @in_process
    def of(a: int, b: int) -> int:
        return a + b
