"""A mosquitto of a test's own, from the machine's package.

It listens on a free port of the loopback interface, keeps its files in a temporary directory,
and is ended by its pid.  Where it is not installed, what needs it is skipped, but for runs with
PYERLNODE_MOSQUITTO_REQUIRED.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyerlnode.testing import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

REQUIRED = "PYERLNODE_MOSQUITTO_REQUIRED"


class Mosquitto:
    """A running broker; `url` is for who needs no password."""

    def __init__(
        self,
        program: str,
        *,
        users: dict[str, str] | None = None,
        persistent: bool = False,
        lines: Sequence[str] = (),
        port: int | None = None,
    ) -> None:
        """`users` are those who may connect, with passwords; `lines` are added to its configuration."""
        self._program = program
        self.directory = Path(tempfile.mkdtemp(prefix="pyerlnode-mosquitto-"))
        self.port = free_port() if port is None else port
        self._process: subprocess.Popen[bytes] | None = None
        settings = [f"listener {self.port} 127.0.0.1", "set_tcp_nodelay true", "log_type all", *lines]
        if os.geteuid() == 0:
            settings.append("user root")
        if persistent:
            settings += [
                "persistence true",
                f"persistence_location {self.directory}/",
                "autosave_on_changes true",
                "autosave_interval 1",
                "max_queued_messages 0",
            ]
        settings += self._passwords(users) if users else ["allow_anonymous true"]
        (self.directory / "mosquitto.conf").write_text("\n".join(settings) + "\n")
        self.start()

    def _passwords(self, users: dict[str, str]) -> list[str]:
        file = self.directory / "passwords"
        file.write_text("")
        file.chmod(0o600)
        program = shutil.which("mosquitto_passwd")
        assert program is not None
        for name, password in users.items():
            subprocess.run([program, "-b", file, name, password], check=True, capture_output=True)
        return ["allow_anonymous false", f"password_file {file}"]

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text()

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", self.directory / "mosquitto.conf"], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 30
        while True:
            assert self._process.poll() is None and time.monotonic() < deadline, self.log
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    def kill(self) -> None:
        """End it without a chance to save anything."""
        self.stop(signal.SIGKILL)

    def close(self) -> None:
        """End it and take its files away."""
        self.stop()
        shutil.rmtree(self.directory)


def program() -> str | None:
    """Where it is: Debian has it outside of the path of those who are not root."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def brokers() -> Iterator[Callable[..., Mosquitto]]:
    """The body of a fixture: `mosquitto(users=..., persistent=True)` starts one."""
    found = program()
    if found is None:
        reason = "mosquitto is not installed: apt-get install mosquitto"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    started: list[Mosquitto] = []

    def start(**options: object) -> Mosquitto:
        started.append(Mosquitto(found, **options))  # type: ignore[arg-type]
        return started[-1]

    try:
        yield start
    finally:
        for broker in started:
            broker.close()
