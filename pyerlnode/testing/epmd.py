"""An EPMD of a test's own, on a port that nobody else uses.

The BEAM's `epmd` where there is one (in the foreground, so that its pid is ours), else
`pyerlnode epmd`.  A test never touches the machine's EPMD on 4369.

Proof: interop/test_harness.py, tests/testing/test_peers.py.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from typing import TYPE_CHECKING

from pyerlnode.testing.children import Child, HarnessError

if TYPE_CHECKING:
    from pyerlnode.testing.beams import Beam

_UP = re.compile(r"epmd running|epmd up port")
_ATTEMPTS = 5


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port on which nobody listens at this moment."""
    with socket.socket() as listener:
        listener.bind((address, 0))
        port: int = listener.getsockname()[1]
        return port


class Epmd(Child):
    """A running EPMD; `port` is where.  `kill()` and `Epmd(port=...)` make a restart."""

    def __init__(self, beam: Beam | None = None, *, port: int | None = None, loopback: bool = True) -> None:
        """Start it and wait until it serves.

        `beam` gives the `epmd` program (default: this machine's, else pyerlnode's own);
        `loopback` keeps it to 127.0.0.1.  Raises HarnessError when the port is taken.
        """
        for attempt in range(_ATTEMPTS):
            self.port = free_port() if port is None else port
            argv = _command(beam, self.port, loopback)
            environment = beam.environment() if beam else dict(os.environ)
            super().__init__(f"EPMD on port {self.port}", argv, environment)
            try:
                self.wait_for_output(_UP, timeout=10.0)
                return
            except HarnessError:
                self.close()
                # Between looking for a free port and serving there, somebody else may have come.
                if port is not None or attempt == _ATTEMPTS - 1:
                    raise


def _command(beam: Beam | None, port: int, loopback: bool) -> list[str]:
    address = ["-address", "127.0.0.1"] if loopback else []
    # With -d it stays in the foreground and says when it serves.
    options = ["-d", "-port", str(port), *address]
    if beam is not None:
        return beam.command("epmd", *options)
    if shutil.which("epmd"):
        return ["epmd", *options]
    own = ["--address", "127.0.0.1"] if loopback else []
    return [sys.executable, "-m", "pyerlnode", "epmd", "--port", str(port), *own]
