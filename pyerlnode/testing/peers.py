"""Python nodes as processes of their own, started by the command `pyerlnode run`.

Driven through the command's contract only: one line on standard output says that the
node is up, SIGTERM ends it with exit code 0, everything else goes to standard error.

Proof: tests/testing/test_peers.py.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import TYPE_CHECKING

from pyerlnode.testing.children import Child
from pyerlnode.testing.nodes import name_option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

UP_LINE = re.compile(r"^(\S+@\S+) up port=(\d+) creation=(\d+) epmd=(\S+)$", re.MULTILINE)


class PythonNode(Child):
    """A running Python node: `name`, `port`, `creation` and `epmd` (HOST:PORT) as it reported them."""

    def __init__(
        self,
        name: str,
        target: str,
        *,
        cookie: str,
        epmd_port: int,
        hidden: bool = False,
        connect: Sequence[str] = (),
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        directory: str | Path | None = None,
        python: str = sys.executable,
        prefix: Sequence[str] = (),
        timeout: float = 20.0,
    ) -> None:
        """Start `pyerlnode run TARGET` and wait for its line.

        `options` are further ones of the command, `prefix` what comes before it, such as a
        `Host`'s.  Raises HarnessError with what the command wrote when it ends or is not up
        after `timeout` seconds.
        """
        argv = [*prefix, python, "-m", "pyerlnode", "run", *name_option(name), "--cookie", cookie]
        argv += ["--epmd-port", str(epmd_port), *(["--hidden"] if hidden else [])]
        argv += [word for peer in connect for word in ("--connect", peer)]
        variables = {
            "PYTHONUNBUFFERED": "1",
            **os.environ,
            "ERL_EPMD_PORT": str(epmd_port),
            **(environment or {}),
        }
        super().__init__(f"{name} in Python", [*argv, *options, target], variables, directory=directory)
        try:
            line = UP_LINE.match(self.wait_for_line(UP_LINE, timeout))
        except BaseException:
            self.close()
            raise
        assert line is not None
        self.name = line[1]
        self.port = int(line[2])
        self.creation = int(line[3])
        self.epmd = line[4]

    def stop(self, timeout: float = 10.0) -> int:
        """Ask it to end (SIGTERM); the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)
