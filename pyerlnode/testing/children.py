"""Operating system processes that a test starts: output as it comes, signals by pid, end.

A `Child` is started with pipes; a thread per pipe collects what it writes, so that
waiting for a text is waiting for an event.  Only the pid that was started here is ever
signalled: `erl`, `elixir`, `chroot` and `unshare` replace themselves by what they start,
so that the pid is the BEAM's.

Proof: tests/testing/test_children.py.
"""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class HarnessError(AssertionError):
    """What was started did not do what the test waited for; the message holds its output."""


class Owned:
    """One started process and what may be done to it."""

    def __init__(self, label: str, popen: subprocess.Popen[bytes]) -> None:
        self.label = label
        self._popen = popen

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    @property
    def returncode(self) -> int | None:
        """Exit code; minus the signal's number if one ended it; None while it runs."""
        return self._popen.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; nothing when the process has ended."""
        # Popen checks for the end first, so that a pid given to somebody else is never hit.
        self._popen.send_signal(number)

    def suspend(self) -> None:
        """Freeze it: the machine is there, the node does not answer (SIGSTOP)."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def wait(self, timeout: float = 10.0) -> int:
        """Wait for the end and return the exit code."""
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise HarnessError(f"{self.label} (pid {self.pid}) still runs after {timeout} s") from None

    def kill(self) -> int:
        """End it at once, without its knowing (SIGKILL), and return the exit code."""
        self.signal(signal.SIGKILL)
        return self.wait()


class Child(Owned):
    """A process whose standard output and error are collected; a context manager that kills."""

    def __init__(
        self,
        label: str,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        directory: str | Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        popen = subprocess.Popen(
            list(argv),
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.DEVNULL,
            pass_fds=pass_fds,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        super().__init__(label, popen)
        self._changed = threading.Condition()
        self._output = bytearray()
        self._printed = bytearray()
        self._errors = bytearray()
        self._ended = False
        assert popen.stdout is not None and popen.stderr is not None
        self._readers = [
            self._read_in_thread(popen.stdout, self._take_stdout),
            self._read_in_thread(popen.stderr, self._take_stderr),
        ]
        threading.Thread(target=self._watch_end, daemon=True, name=f"{label} end").start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def output(self) -> str:
        """Everything written so far, standard output and error as they came.

        What a node has just been told to print may still be on its way: `wait_for_output`.
        """
        with self._changed:
            return self._output.decode(errors="replace")

    @property
    def printed(self) -> str:
        """What was written to standard output so far: its lines are whole here."""
        with self._changed:
            return self._printed.decode(errors="replace")

    @property
    def errors(self) -> str:
        """What was written to standard error so far."""
        with self._changed:
            return self._errors.decode(errors="replace")

    @property
    def transcript(self) -> str:
        """What a report of a failure should show."""
        return self.output

    def mark(self) -> int:
        """A position in `output` for the `since` of `wait_for_output`: only what comes later counts."""
        return len(self.output)

    def wait_for_output(self, text: str | re.Pattern[str], timeout: float = 10.0, since: int = 0) -> str:
        """Wait until `text` (or a match of the pattern) was written; return what was found.

        Raises HarnessError, with the output, when it has not come after `timeout` seconds
        or when the process has ended without it.
        """
        return self._wait_for(self._output, text, timeout, since)

    def wait_for_line(self, line: re.Pattern[str], timeout: float = 10.0) -> str:
        """As `wait_for_output`, of standard output alone.

        In `output` what was written to standard error may stand in the middle of a line.
        """
        return self._wait_for(self._printed, line, timeout, 0)

    def _wait_for(self, stream: bytearray, text: str | re.Pattern[str], timeout: float, since: int) -> str:
        pattern = re.compile(re.escape(text)) if isinstance(text, str) else text
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                ended = self._ended
                if found := pattern.search(stream.decode(errors="replace"), since):
                    return found.group()
                left = deadline - time.monotonic()
                if ended or left <= 0:
                    why = "it has ended" if ended else f"not after {timeout} s"
                    seen = tail(self._output.decode(errors="replace")[since:])
                    raise HarnessError(f"{self.label} did not write {text!r}: {why}{seen}")
                self._changed.wait(left)

    def wait(self, timeout: float = 10.0) -> int:
        """Wait for the end, and for what it wrote last, and return the exit code."""
        code = super().wait(timeout)
        with self._changed:
            self._changed.wait_for(lambda: self._ended)
        return code

    def close(self) -> None:
        """Kill it if it runs and give back pipes and threads."""
        if self.alive:
            self.kill()
        for reader in self._readers:
            reader.join(5.0)

    def _read_in_thread(self, pipe: IO[bytes], take: Callable[[bytes], None]) -> threading.Thread:
        def read() -> None:
            with pipe:
                while data := pipe.read1(65536):  # type: ignore[attr-defined]
                    take(data)

        thread = threading.Thread(target=read, daemon=True, name=f"{self.label} reader")
        thread.start()
        return thread

    def _watch_end(self) -> None:
        self._popen.wait()
        # What the process wrote last is read before anybody is told that it has ended.  A
        # child of it that kept the pipe open does not hold this up for ever.
        for reader in self._readers:
            reader.join(2.0)
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take_stdout(self, data: bytes) -> None:
        with self._changed:
            self._printed += data
        self._append(data)

    def _take_stderr(self, data: bytes) -> None:
        with self._changed:
            self._errors += data
        self._append(data)

    def _append(self, data: bytes) -> None:
        with self._changed:
            self._output += data
            self._changed.notify_all()


def tail(output: str, limit: int = 3000) -> str:
    """The end of an output, as the last part of an error message."""
    text = output.strip()
    if not text:
        return "; it wrote nothing"
    return "; it wrote:\n" + ("... " if len(text) > limit else "") + text[-limit:]
