"""A person at `iex` or `erl`: a shell in a pseudo terminal, typed into and read from the screen.

    with Iex(beam, "alex@localhost", cookie="secret", epmd_port=port) as iex:
        assert iex.command("Node.ping(:kate@localhost)") == ":pong"

`command` types a line and gives what the screen shows between that line and the next
prompt.  `type` and `expect` are for what is not a question with an answer.

Proof: interop/test_harness.py (every BEAM), tests/testing/test_terminal.py.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING, ClassVar, Self

import pexpect
from pexpect.fdpexpect import fdspawn

from pyerlnode.testing.children import HarnessError, Owned, tail
from pyerlnode.testing.nodes import distribution_environment, name_option
from pyerlnode.testing.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyerlnode.testing.beams import Beam

# Wide, so that neither the shell's line editor nor a printed term has to wrap.
_ROWS, _COLUMNS = 60, 500
_READ_SIZE = 65536


class Terminal(Owned):
    """A program in a pseudo terminal; a context manager that kills it."""

    # Matches a whole line that ends in the cursor: nothing is typed after the prompt yet.
    PROMPT: ClassVar[re.Pattern[str]] = re.compile(r"\S*[>$#] ?")

    def __init__(
        self,
        label: str,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        rows: int = _ROWS,
        columns: int = _COLUMNS,
    ) -> None:
        self.screen = Screen()
        self._master, slave = pty.openpty()
        self._open = True
        self.resize(rows, columns)
        self._reader = fdspawn(self._master, encoding="utf-8", codec_errors="replace")
        self._seen_row, self._seen_text = 0, ""
        try:
            # setsid execs: the pid stays ours.  The pty becomes its controlling terminal, so
            # that Ctrl-C arrives as the signal that a person's Ctrl-C sends.
            popen = subprocess.Popen(
                ["setsid", "--ctty", *argv], env=dict(environment), stdin=slave, stdout=slave, stderr=slave
            )
        except BaseException:
            self._close_pty()
            raise
        finally:
            os.close(slave)
        super().__init__(label, popen)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def transcript(self) -> str:
        """What a report of a failure should show."""
        return self.screen.text

    def type(self, line: str) -> None:
        """Type a line and press Enter."""
        self.press(line + "\r")

    def press(self, keys: str) -> None:
        """Send keys as they are: "\\x03" is Ctrl-C, "\\x07" Ctrl-G, "\\t" asks for completion."""
        data = keys.encode()
        while data:
            data = data[os.write(self._master, data) :]

    def resize(self, rows: int, columns: int) -> None:
        """Give the window another size, in characters."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def expect(self, wanted: str | re.Pattern[str], timeout: float = 10.0) -> re.Match[str]:
        """Wait until the screen shows a text (or a match) below what was expected last; the match.

        Raises HarnessError with the screen after `timeout` seconds or when the program has ended.
        """
        pattern = re.compile(re.escape(wanted)) if isinstance(wanted, str) else wanted
        deadline = time.monotonic() + timeout
        while not (found := pattern.search(unseen := self._unseen())):
            self._read(deadline, f"{wanted!r} on the screen")
        self._see_up_to(unseen[: found.end()])
        return found

    def wait_until(self, is_shown: Callable[[], bool], wanted: str, timeout: float = 10.0) -> None:
        """Wait until the screen is as `is_shown` says; `wanted` is what a HarnessError names in its place."""
        deadline = time.monotonic() + timeout
        while not is_shown():
            self._read(deadline, wanted)

    def command(self, line: str, timeout: float = 10.0) -> str:
        """Type a line at a prompt and return what the screen shows from there to the next prompt.

        A line that is not finished gives "", and the prompt of the next line is waited for.
        """
        self.wait_for_prompt(timeout)
        prompt_row = self.screen.row
        prompt = self.screen.cursor_line
        self.type(line)
        deadline = time.monotonic() + timeout
        while not self._answered(prompt_row):
            self._read(deadline, f"a prompt after {line!r}")
        lines = self.screen.lines[: self.screen.row]
        self._see_up_to(self._unseen())
        return "\n".join(lines[self._echo(lines, prompt_row, prompt + line) + 1 :]).strip("\n")

    def wait_for_prompt(self, timeout: float = 10.0) -> str:
        """Wait until the cursor is behind a prompt with nothing typed yet; the prompt."""
        deadline = time.monotonic() + timeout
        while not self.PROMPT.fullmatch(self.screen.cursor_line):
            self._read(deadline, "a prompt")
        return self.screen.cursor_line.rstrip()

    def wait_for_end(self, timeout: float = 10.0) -> int:
        """Wait until the program has ended; its exit code."""
        deadline = time.monotonic() + timeout
        while self._read_some(deadline):
            pass
        return self.wait(max(0.1, deadline - time.monotonic()))

    def close(self) -> None:
        if self.alive:
            self.kill()
        self._close_pty()

    def _close_pty(self) -> None:
        if self._open:
            self._open = False
            os.close(self._master)

    def _answered(self, prompt_row: int) -> bool:
        # A line that somebody else printed in the meantime moves the prompt down with what is
        # typed behind it, so an empty prompt further down is the next one.
        return self.screen.row > prompt_row and bool(self.PROMPT.fullmatch(self.screen.cursor_line))

    def _echo(self, lines: list[str], prompt_row: int, echo: str) -> int:
        for row in range(len(lines) - 1, prompt_row - 1, -1):
            if lines[row] == echo.rstrip():
                return row
        return prompt_row

    def _unseen(self) -> str:
        lines = self.screen.lines
        first = lines[self._seen_row] if self._seen_row < len(lines) else ""
        # The shell redraws its prompt line below what others print: then that line is news.
        first = first.removeprefix(self._seen_text) if first.startswith(self._seen_text) else first
        return "\n".join([first, *lines[self._seen_row + 1 :]])

    def _see_up_to(self, seen: str) -> None:
        rows = seen.split("\n")
        if len(rows) == 1:
            line = self.screen.lines[self._seen_row]
            before = self._seen_text if line.startswith(self._seen_text) else ""
            self._seen_text = before + rows[0]
        else:
            self._seen_row += len(rows) - 1
            self._seen_text = rows[-1]

    def _read(self, deadline: float, wanted: str) -> None:
        try:
            if self._read_some(deadline):
                return
            why = f"it has ended (exit code {self._popen.poll()})"
        except pexpect.TIMEOUT:
            why = "not in time"
        raise HarnessError(f"{self.label} did not show {wanted}: {why}{tail(self.screen.text)}")

    def _read_some(self, deadline: float) -> bool:
        """Read what has come, or wait for it; False at the end."""
        left = max(0.0, deadline - time.monotonic())
        try:
            data = self._reader.read_nonblocking(_READ_SIZE, left)
        except pexpect.EOF:
            return False
        self.screen.feed(data)
        return True


class _Shell(Terminal):
    """A BEAM's shell as a distributed node, at its first prompt when made."""

    PROGRAM: ClassVar[str]

    def __init__(
        self,
        beam: Beam,
        name: str | None,
        *,
        cookie: str = "secret",
        epmd_port: int,
        hidden: bool = False,
        arguments: Sequence[str] = (),
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        term: str = "xterm",
        columns: int = _COLUMNS,
        timeout: float = 20.0,
    ) -> None:
        """Start the shell; without a name it is no distributed node.

        `arguments` are further ones of the program (`--remsh`, a file); `flags` those of
        the emulator.  Raises HarnessError with the screen when there is no prompt after
        `timeout` seconds.
        """
        if not beam.has(self.PROGRAM):
            raise HarnessError(f"{beam.name} has no {self.PROGRAM}")
        self.beam = beam
        self.name = name
        self._home, inside = beam.make_home()
        options = self._options(name, cookie, hidden)
        variables = distribution_environment(epmd_port, flags) | {"TERM": term} | dict(environment or {})
        try:
            super().__init__(
                f"{self.PROGRAM} {name or ''} on {beam.name}",
                beam.command(self.PROGRAM, *options, *arguments),
                beam.environment(inside, variables),
                columns=columns,
            )
            self.wait_for_prompt(timeout)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if hasattr(self, "_popen"):
            super().close()
        shutil.rmtree(self._home, ignore_errors=True)

    @classmethod
    def _options(cls, name: str | None, cookie: str, hidden: bool) -> list[str]:
        raise AssertionError(f"{cls.__name__} is not a shell by itself")


class Iex(_Shell):
    """`iex --sname NAME --cookie COOKIE`."""

    PROGRAM = "iex"
    PROMPT = re.compile(r"(?:iex|py|\.\.\.)(?:\([^()]*\)\d*|\(\d+\))?> ?")

    @classmethod
    def _options(cls, name: str | None, cookie: str, hidden: bool) -> list[str]:
        named = [*name_option(name), "--cookie", cookie] if name else []
        return [*named, *(["--hidden"] if hidden else [])]


class Erl(_Shell):
    """`erl -sname NAME -setcookie COOKIE`."""

    PROGRAM = "erl"
    PROMPT = re.compile(r"(?:py|\.\.\.)?(?:\([^()]*\))?\d+> ?")

    @classmethod
    def _options(cls, name: str | None, cookie: str, hidden: bool) -> list[str]:
        named = [*name_option(name, "-"), "-setcookie", cookie] if name else []
        return [*named, *(["-hidden"] if hidden else [])]
