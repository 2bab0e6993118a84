"""`pyerlnode run` as a child of this program: its line that says up, its output, its end.

It has a standard input whose other end is here, and stops when that closes: however this
program ends, by SIGKILL even, no node of it is left behind.

Proof: tests/services/peer/test_peer.py, tests/cli/test_cluster_command.py.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Program", "Up"]

_UP: Final = re.compile(rb"(\S+@\S+) up port=(\d+) creation=(\d+) epmd=(\S+)\s*")
# A line that is longer is told in parts.
_LONGEST_LINE = 1024 * 1024


class Up(NamedTuple):
    """What a node says of itself when it runs; `line` is all of it, `epmd` is HOST:PORT."""

    node: str
    port: int
    creation: int
    epmd: str
    line: str


class Program:
    """One child.  `up` is None when it has ended without ever being up."""

    def __init__(
        self, process: asyncio.subprocess.Process, tell: Callable[[str, bytes], object], *, errors: bool
    ) -> None:
        """`tell("stdout" | "stderr", line)` is called for each line but the one that says up."""
        self._process = process
        self._tell = tell
        loop = asyncio.get_running_loop()
        self.up: asyncio.Future[Up | None] = loop.create_future()
        #: the exit code, minus a signal's number, when all that it wrote was told
        self.ended: asyncio.Task[int] = loop.create_task(self._run(errors), name=f"pid {process.pid}")

    @classmethod
    async def start(
        cls,
        arguments: Sequence[str],
        tell: Callable[[str, bytes], object],
        *,
        environment: Mapping[str, str] | None = None,
        errors: bool = True,
    ) -> Program:
        """Start it with the arguments of the command; `errors` False leaves stderr as it is here."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pyerlnode", "run", "--exit-on-eof", *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE if errors else None,
            env={**os.environ, **(environment or {})},
            # What a terminal sends to all of its programs reaches this one, which passes it on.
            start_new_session=True,
        )
        return cls(process, tell, errors=errors)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing when it has ended."""
        if self.running:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def let_go(self) -> None:
        """Close its standard input: it stops as by SIGTERM, and is ended if that takes it too long."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def stop(self, timeout: float | None) -> int:
        """Let it go and wait for the end; what still runs after `timeout` seconds is killed."""
        self.let_go()
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(self.ended)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
        return await asyncio.shield(self.ended)

    async def _run(self, errors: bool) -> int:
        assert self._process.stdout is not None
        streams = [_each_line(self._process.stdout, self._printed)]
        if errors and self._process.stderr is not None:
            streams.append(_each_line(self._process.stderr, lambda line: self._tell("stderr", line)))
        await asyncio.gather(*streams)
        code = await self._process.wait()
        self.let_go()
        if not self.up.done():
            self.up.set_result(None)
        return code

    def _printed(self, line: bytes) -> None:
        match = None if self.up.done() else _UP.fullmatch(line)
        if match is None:
            self._tell("stdout", line)
        else:
            node, port, creation, epmd = (part.decode() for part in match.groups())
            self.up.set_result(Up(node, int(port), int(creation), epmd, line.decode().rstrip()))


async def _each_line(stream: asyncio.StreamReader, tell: Callable[[bytes], object]) -> None:
    """Tell each line with its end; the last one may have none."""
    rest = b""
    while data := await stream.read(65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            tell(line + b"\n")
        if len(rest) > _LONGEST_LINE:
            tell(rest)
            rest = b""
    if rest:
        tell(rest)
