"""The nodes of a run: an EPMD of their own, a driver, a host of each language.

Each is started when a part first asks for it, and all are ended by pid.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from benchmarks.measure import cpu_time
from benchmarks.worker import COOKIE
from pyerlnode.testing import BeamNode, Epmd, PythonNode, discover
from pyerlnode.testing.beams import NoBeam

if TYPE_CHECKING:
    from pyerlnode.testing import Beam

_HERE = Path(__file__).parent
ROOT = _HERE.parent.parent
# Seconds that one measurement may take, on the slowest of machines.
_PATIENCE = 300.0


def find_beam(name: str | None) -> Beam | None:
    """The BEAM of that name (`otp27`), or this machine's, or any; None if there is none."""
    try:
        beams = discover("all")
    except NoBeam:
        return None
    if name is not None:
        return next((beam for beam in beams if beam.name == name), None)
    here = [beam for beam in beams if beam.root is None]
    return (here or beams)[0] if any(beam.elixir for beam in beams) else None


class Cluster:
    """Node names are short and at localhost, so that nothing is reached from elsewhere."""

    def __init__(self, beam: Beam | None) -> None:
        self.beam = beam
        self._stack = ExitStack()
        self._epmd: Epmd | None = None
        self._beams: dict[str, BeamNode] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def epmd_port(self) -> int:
        """Where the cluster's own EPMD serves."""
        if self._epmd is None:
            self._epmd = self._stack.enter_context(Epmd(self.beam))
        return self._epmd.port

    def elixir(self, name: str) -> BeamNode:
        """The BEAM node of that name, with beam.exs loaded."""
        node = self._beams.get(name)
        if node is None:
            assert self.beam is not None
            node = BeamNode(
                self.beam, f"{name}@localhost", cookie=COOKIE, epmd_port=self.epmd_port, timeout=60.0
            )
            self._beams[name] = self._stack.enter_context(node)
            node.eval_elixir((_HERE / "beam.exs").read_text(), timeout=60.0)
        return node

    def python(self, name: str, target: str) -> PythonNode:
        """A new Python node that hosts `target`, a file of the repository."""
        node = PythonNode(
            f"{name}@localhost",
            str(ROOT / target),
            cookie=COOKIE,
            epmd_port=self.epmd_port,
            timeout=60.0,
        )
        return self._stack.enter_context(node)

    def ask(self, node: BeamNode, expression: str) -> Any:
        """The value of an Elixir expression."""
        return node.eval_elixir(expression, timeout=_PATIENCE).term

    def work(self, function: str, *arguments: str | int) -> int:
        """What worker.py answers, in a Python of its own."""
        return self.work_and_cpu(function, *arguments)[0]

    def work_and_cpu(self, function: str, *arguments: str | int) -> tuple[int, int]:
        """The same, and the nanoseconds of the processor in it."""
        command = [sys.executable, "-m", "benchmarks.worker", function, *map(str, arguments)]
        environment = os.environ | {"ERL_EPMD_PORT": str(self.epmd_port)}
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=_PATIENCE
        )
        answer, processor = map(int, done.stdout.split())
        return answer, processor

    def ask_and_cpu(self, node: BeamNode, expression: str) -> tuple[int, int]:
        """The value of an Elixir expression, an integer, and the nanoseconds of the processor in it."""
        before = cpu_time(node.os_pid)
        answer = self.ask(node, expression)
        return answer, int((cpu_time(node.os_pid) - before) * 1e9)
