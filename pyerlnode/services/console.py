"""Python's own `print()` and `input()` in a program of processes.

`pyerlnode run` puts these in the place of `sys.stdout` and `sys.stdin`:

* What a process prints goes to its group leader, so that a function that was called from
  iex prints in that iex: in order, and without waiting.  Outside of processes, and in one
  whose group leader it is itself, it goes to the terminal.
* `input()` in a process is a UsageError, because everything else would stand still until
  somebody has typed: `await io.gets(prompt)` waits.  In a thread (`@blocking`,
  `asyncio.to_thread`) it asks the group leader.

What is printed before the node's first line (`NAME up ...`) comes after it.  Nothing waits for
whoever reads the terminal, or a pipe in its place; log lines for a pipe that nobody reads are
dropped in the end, and counted.

Proof: tests/services/test_console.py, tests/services/test_full_pipe.py, interop/test_io.py.
"""

from __future__ import annotations

import asyncio
import io as streams
import logging
import os
import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TextIO

from pyerlnode.errors import UsageError
from pyerlnode.process import current_process, wait
from pyerlnode.services import io
from pyerlnode.services.outlet import Outlet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyerlnode.process import Process

__all__ = ["LogOutput", "ProcessInput", "ProcessOutput", "Terminal", "installed"]

# Bytes of log lines that may wait for a reader.
_MAX_LOG = 1024 * 1024


class Terminal(streams.TextIOBase):
    """A text stream that holds back what is written to it until `open`, and never waits for its reader."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._outlet = Outlet(stream, alone=False)
        self._held: list[str] | None = []

    def open(self, first: str = "") -> None:
        """Write `first`, then what was held back; from now on nothing is."""
        held, self._held = self._held, None
        self._outlet.write(first + "".join(held or ()))

    def write(self, text: str) -> int:
        if self._held is not None:
            self._held.append(text)
        else:
            self._outlet.write(text)
        return len(text)

    async def drained(self) -> None:
        """Wait until what was written so far has been taken; what is held back counts as taken."""
        await self._outlet.drained()

    @property
    def is_held(self) -> bool:
        """Whether `open` is still to come."""
        return self._held is not None

    def give_up(self) -> None:
        """Write what is taken at once and drop the rest: nobody is going to wait for it."""
        self._outlet.close()

    def flush(self) -> None:
        """Nothing is kept here that could be written."""

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a stream of Python's declares an attribute
        return self._stream.encoding

    @property
    def buffer(self) -> Any:
        """The bytes below; what is written there is of the terminal, whoever writes it."""
        return self._stream.buffer


class ProcessOutput(streams.TextIOBase):
    """`sys.stdout`: of whoever prints."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal

    def write(self, text: str) -> int:
        if type(text) is not str:
            raise TypeError(f"write wants text, not {type(text).__name__}")
        process = writer()
        if process is None:
            return self.terminal.write(text)
        if _in_loop(process):
            io.write_soon(process, text)
        else:
            process.runtime.loop.call_soon_threadsafe(_write_if_alive, process, text)
        return len(text)

    def flush(self) -> None:
        process = writer()
        if process is None:
            self.terminal.flush()
        elif _in_loop(process):
            io.flush(process)
        else:
            process.runtime.loop.call_soon_threadsafe(io.flush, process)

    def isatty(self) -> bool:
        return writer() is None and self.terminal.isatty()

    def fileno(self) -> int:
        return self.terminal.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a stream of Python's declares an attribute
        return self.terminal.encoding

    @property
    def buffer(self) -> Any:
        """The bytes of the terminal."""
        return self.terminal.buffer


class ProcessInput(streams.TextIOBase):
    """`sys.stdin`: of whoever reads."""

    def __init__(self, terminal: TextIO) -> None:
        self.terminal = terminal

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # typeshed says bytes, too
        process = current_process.get()
        if process is None or process.group_leader == process.pid:
            return self.terminal.readline(size)
        if _in_loop(process):
            raise UsageError("input() waits and would stop the whole node: use `await io.gets(prompt)`")
        return wait(io.gets, "") or ""

    def read(self, size: int | None = -1, /) -> str:
        if current_process.get() is None:
            return self.terminal.read(-1 if size is None else size)
        raise UsageError("a process reads lines: `await io.gets(prompt)`")

    def readable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return current_process.get() is None and self.terminal.isatty()

    def fileno(self) -> int:
        # With it Python's `input` would go past this object.
        if current_process.get() is None:
            return self.terminal.fileno()
        raise streams.UnsupportedOperation("the standard input of a process is no file")

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a stream of Python's declares an attribute
        return self.terminal.encoding


def writer() -> Process | None:
    """The process whose group leader takes what is printed now; None for the terminal."""
    process = current_process.get()
    if process is None or process.runtime.stopping or process.group_leader == process.pid:
        return None
    return process


def _write_if_alive(process: Process, text: str) -> None:
    # A thread may go on when its process has ended; it has no say any more.
    if process.alive:
        io.write_soon(process, text)


def _in_loop(process: Process) -> bool:
    try:
        return asyncio.get_running_loop() is process.runtime.loop
    except RuntimeError:
        return False


@contextmanager
def installed() -> Iterator[Terminal]:
    """Have `sys.stdout` and `sys.stdin` replaced; gives the terminal, which is to be opened."""
    output, source = sys.stdout, sys.stdin
    # A program that was started with its standard output closed has none.
    with nullcontext(output) if output is not None else open(os.devnull, "w") as real:
        terminal = Terminal(real)
        sys.stdout = ProcessOutput(terminal)
        if source is not None:
            sys.stdin = ProcessInput(source)
        try:
            yield terminal
        finally:
            sys.stdout, sys.stdin = output, source
            terminal.give_up()
            if terminal.is_held:
                terminal.open()


class LogOutput(logging.Handler):
    """Writes log lines on a stream without waiting for its reader; beyond a mebibyte they are dropped."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._outlet = Outlet(stream, alone=False)
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        if self._outlet.waiting > _MAX_LOG:
            self._dropped += 1
            return
        try:
            self._outlet.write(f"{self._news()}{self.format(record)}\n")
        except Exception:
            self.handleError(record)

    def _news(self) -> str:
        dropped, self._dropped = self._dropped, 0
        return f"{dropped} log records were dropped: nobody read this\n" if dropped else ""

    def give_up(self) -> None:
        """Write what is taken at once and drop the rest."""
        self._outlet.close()
