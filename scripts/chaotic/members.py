"""The members of a chaos cluster as the script sees them: start, kill, stop, ask."""

from __future__ import annotations

import base64
import os
import socket
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pyerlnode.term import Pid, decode
from pyerlnode.testing.children import Child, HarnessError
from pyerlnode.testing.epmd import Epmd
from pyerlnode.testing.nodes import BeamError, BeamNode
from pyerlnode.testing.peers import PythonNode

if TYPE_CHECKING:
    from pyerlnode.testing.beams import Beam
    from pyerlnode.testing.network import Host

COOKIE = "chaos"
# EPMD's own port: each host has all ports for itself.
EPMD_PORT = 4369
_HERE = Path(__file__).parent
# Seconds that a start or an answer may take on a machine that has much else to do.
_PATIENCE = 60.0


class View(NamedTuple):
    """What a member believes; lists are sorted by their text."""

    nodes: list[str]
    names: dict[str, Pid]
    all: list[Pid]
    some: list[Pid]
    keeper: Pid
    monitored: list[Pid]
    linked: list[Pid]

    @classmethod
    def of(cls, term: Any) -> View:
        nodes, names, everybody, some, keeper, monitored, linked = term
        lists = [sorted(each, key=pid_text) for each in (everybody, some, monitored, linked)]
        found = {str(name): pid for name, pid in names if isinstance(pid, Pid)}
        return cls(sorted(map(str, nodes)), found, lists[0], lists[1], keeper, lists[2], lists[3])


def pid_text(pid: Pid) -> str:
    """A pid with the life of the node that it is of."""
    return f"{pid.node}.{pid.id}.{pid.serial}/{pid.creation}"


class Member:
    """A node of one host, through all its lives under one name."""

    def __init__(self, name: str, host: Host) -> None:
        self.name = f"{name}@{host.address}"
        self.host = host
        self.child: Child | None = None
        self.stopped = False
        #: what its lives wrote that no node should write, whatever happens
        self.complaints: list[str] = []

    def __str__(self) -> str:
        return self.name

    @property
    def alive(self) -> bool:
        """Whether it was started and not killed; it may have ended all the same."""
        return self.child is not None

    @property
    def has_ended(self) -> bool:
        """Whether it has ended by itself."""
        return self.child is not None and not self.child.alive

    def kill(self) -> None:
        """End it with SIGKILL, and give back what it held; harmless if it does not run."""
        child, self.child, self.stopped = self.child, None, False
        if child is not None:
            child.close()
            self.complaints += self._complaints(child.output)

    def _complaints(self, output: str) -> list[str]:
        return []

    def stop(self) -> None:
        """SIGSTOP."""
        assert self.child is not None
        self.child.suspend()
        self.stopped = True

    def go_on(self) -> None:
        """SIGCONT."""
        assert self.child is not None
        self.child.resume()
        self.stopped = False

    def start(self) -> None:
        """Begin a life."""
        raise NotImplementedError

    def ask(self, command: str, *names: str) -> Any:
        """What it answers to a command of member.exs; HarnessError if it does not."""
        raise NotImplementedError

    def close(self) -> None:
        """Take everything of it away."""
        self.kill()

    def view(self) -> View:
        return View.of(self.ask("view"))


class BeamMember(Member):
    """A BEAM, with an EPMD of its host that outlives it."""

    def __init__(self, name: str, host: Host, beam: Beam, ticktime: int) -> None:
        super().__init__(name, host)
        self._beam = replace(beam, prefix=(*host.prefix, *beam.prefix))
        self._flags = ("-kernel", "net_ticktime", str(ticktime))
        self._epmd = Epmd(self._beam, port=EPMD_PORT, loopback=False)

    def start(self) -> None:
        node = BeamNode(
            self._beam, self.name, cookie=COOKIE, epmd_port=EPMD_PORT, flags=self._flags, timeout=_PATIENCE
        )
        self.child = node
        source = (_HERE / "member.exs").read_text()
        node.eval_elixir(f'Code.compile_string(~S"""\n{source}\n""", "member.exs")', timeout=_PATIENCE)
        node.eval_elixir("Chaos.start()", timeout=_PATIENCE)

    def ask(self, command: str, *names: str) -> Any:
        quoted = ", ".join(f':"{name}"' for name in names)
        arguments = f"[{quoted}]" if names else ""
        assert isinstance(self.child, BeamNode)
        try:
            return self.child.eval_elixir(f"Chaos.{command}({arguments})", process=command).term
        except BeamError as error:
            raise HarnessError(f"{self}: {command}: {error}") from None

    def close(self) -> None:
        super().close()
        self._epmd.close()


class PythonMember(Member):
    """A Python node, which serves its host's EPMD itself."""

    def __init__(self, name: str, host: Host, ticktime: int, epmd_port: int = EPMD_PORT) -> None:
        super().__init__(name, host)
        self._ticktime = ticktime
        self._epmd_port = epmd_port
        self._directory = tempfile.TemporaryDirectory(prefix="pyerlnode-chaos-")

    @property
    def _socket(self) -> str:
        return os.path.join(self._directory.name, "socket")

    def start(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._socket)
        self.child = PythonNode(
            self.name,
            f"{_HERE / 'member.py'}:app",
            cookie=COOKIE,
            epmd_port=self._epmd_port,
            options=["--net-ticktime", str(self._ticktime)],
            environment={"CHAOS_SOCKET": self._socket, "PYTHONPATH": os.pathsep.join(sys.path)},
            prefix=self.host.prefix,
            timeout=_PATIENCE,
        )

    def ask(self, command: str, *names: str) -> Any:
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(_PATIENCE)
                sock.connect(self._socket)
                sock.sendall(f"{' '.join([command, *names])}\n".encode())
                with sock.makefile("rb") as answers:
                    line = answers.readline()
        except OSError as error:
            raise HarnessError(f"{self}: {command}: {error}") from None
        if not line:
            raise HarnessError(f"{self}: {command}: no answer")
        return decode(base64.b64decode(line))

    def _complaints(self, output: str) -> list[str]:
        at = output.find("Traceback")
        return [] if at < 0 else [f"{self} wrote: {output[max(0, at - 500) : at + 2500]}"]

    def close(self) -> None:
        super().close()
        self._directory.cleanup()
