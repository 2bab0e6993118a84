"""A PostgreSQL server of a test run's own, from the machine's package.

It lives in a temporary directory, listens on a free port of the loopback interface, and
is ended by its pid.  PostgreSQL refuses to run as root: then it runs as nobody.  Where it
is not installed, what needs it is skipped, but for runs with PYERLNODE_POSTGRESQL_REQUIRED.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyerlnode.testing import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REQUIRED = "PYERLNODE_POSTGRESQL_REQUIRED"
DEBIAN = Path("/usr/lib/postgresql")
NOBODY = 65534
# Who needs this password; `tester`, whose the databases are, needs none.
PASSWORD = "swordfish"
HBA = """\
host all alice 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""
# A test's server need not outlive the machine.
SETTINGS = {"fsync": "off", "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}


class Server:
    """A running server; `databases` are made by `create`."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] * (
            os.geteuid() == 0
        )
        self.directory = Path(tempfile.mkdtemp(prefix="pyerlnode-postgresql-"))
        self.port = free_port()
        self._databases = 0
        self._data = self.directory / "data"
        self._process: subprocess.Popen[bytes] | None = None
        if self._user:
            os.chown(self.directory, NOBODY, NOBODY)
        self._run(
            "initdb",
            "--auth=trust",
            "--username=tester",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
            self._data,
        )
        (self._data / "pg_hba.conf").write_text(HBA)
        self.start()
        self.sql(f"CREATE ROLE alice LOGIN PASSWORD '{PASSWORD}'")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._user, self._programs / "postgres", "-D", self._data, "-p", str(self.port), *settings],
                cwd=self.directory, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while self._call("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)).returncode:
            assert self._process.poll() is None and time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def stop(self) -> None:
        """End it; clients see their connections end."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
            self._process.wait(30)

    def close(self) -> None:
        """End it and take its files away."""
        self.stop()
        shutil.rmtree(self.directory)

    @property
    def log(self) -> str:
        """What it wrote."""
        return (self.directory / "log").read_text()

    def create(self) -> str:
        """Make an empty database; its URL."""
        self._databases += 1
        name = f"test{os.getpid()}_{self._databases}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str, login: str = "tester") -> str:
        """The URL of a database."""
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """What `psql` prints for a statement, unaligned."""
        return self._run(
            "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, self.url(database)
        )

    def _run(self, program: str, *arguments: str | Path) -> str:
        done = self._call(program, *arguments)
        assert done.returncode == 0, f"{program} failed: {done.stderr}"
        return done.stdout.strip()

    def _call(self, program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command: Sequence[str | Path] = [*self._user, self._programs / program, *arguments]
        return subprocess.run(
            command, cwd=self.directory, capture_output=True, text=True, timeout=60, check=False
        )


def programs() -> Path | None:
    """Where the server's programs are: Debian's newest, else those on the path."""
    versions = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


def running() -> Iterator[Server]:
    """The body of a fixture."""
    found = programs()
    if found is None:
        reason = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    server = Server(found)
    try:
        yield server
    finally:
        server.close()
