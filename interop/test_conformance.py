"""Checks written in Elixir that hold for Elixir's own processes and for Python's, each on every BEAM.

`suite/` has a file for each area, and a reference that hosts in Elixir what `conformance.py:app` hosts in
Python.  One BEAM node drives both, one after the other; a check that the reference fails is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyerlnode.testing import BeamNode, PythonNode
from pyerlnode.testing.epmd import Epmd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyerlnode.testing.beams import Beam

_HERE = Path(__file__).parent
_SUITE = _HERE / "suite"
_PATIENCE = 240.0  # seconds for an area, all of whose checks may wait for something that never comes
_REFERENCE = ("functions", "puppet", "server", "reference")
AREAS = [
    "calls",
    "failures",
    "monitors",
    "rpc",
    "sys",
    "dynamic",
    "agent",
    "names",
    "info",
    "bulk",
]


class Stage:
    """The two nodes of a test: `suite` on a BEAM and the peer.

    They stay for the tests that follow, unless a check has failed: what it left would be met by others.
    """

    def __init__(self, host: str, epmd_port: int) -> None:
        self._host, self._epmd_port = host, epmd_port
        self._beam: Beam | None = None
        self._kind = ""
        self._suite: BeamNode | None = None
        self._peer: BeamNode | PythonNode | None = None
        self._compiled: set[str] = set()

    def run(self, beam: Beam, kind: str, area: str) -> tuple[int, list[tuple[str, str]]]:
        """How many checks the area has, and which failed why."""
        failures: list[Any] | None = None
        try:
            count, failures = self._run(beam, kind, area)
        finally:
            if failures != []:
                self.close()
        return count, [(name.decode(), why.decode()) for name, why in failures]

    def close(self) -> None:
        for node in (self._peer, self._suite):
            if node is not None:
                node.close()
        self._peer = self._suite = self._beam = None
        self._kind, self._compiled = "", set()

    def _run(self, beam: Beam, kind: str, area: str) -> Any:
        self._set(beam, kind)
        assert self._suite is not None and self._peer is not None
        self._compile(area)
        run = f'Suite.run(Area.{area.capitalize()}, :"{self._peer.name}")'
        return self._suite.eval_elixir(run, timeout=_PATIENCE).term

    def _set(self, beam: Beam, kind: str) -> None:
        if (beam, kind) == (self._beam, self._kind):
            return
        if beam != self._beam:
            self.close()
            self._beam = beam
            self._suite = BeamNode(beam, self._name("suite"), **self._settings())
            self._suite.eval_elixir("{:ok, _} = Application.ensure_all_started(:ex_unit)")
            self._suite.eval_elixir(":logger.set_primary_config(:level, :none)")
        elif self._peer is not None:
            self._peer.close()
        self._kind, self._peer = "", None  # until there is one
        self._peer = self._reference(beam) if kind == "elixir" else self._python()
        self._kind = kind

    def _reference(self, beam: Beam) -> BeamNode:
        node = BeamNode(beam, self._name("elixir"), **self._settings())
        for part in _REFERENCE:
            load(node, part)
        return node

    def _python(self) -> PythonNode:
        return PythonNode(self._name("python"), str(_HERE / "conformance.py:app"), **self._settings())

    def _compile(self, area: str) -> None:
        assert self._suite is not None
        for part in ("suite", area):
            if part not in self._compiled:
                load(self._suite, part)
                self._compiled.add(part)

    def _name(self, name: str) -> str:
        return f"{name}@{self._host}"

    def _settings(self) -> dict[str, Any]:
        return {"cookie": "secret", "epmd_port": self._epmd_port}


def load(node: BeamNode, part: str) -> None:
    """Compile a file of the suite in the node, whose BEAM may have another file system."""
    source = (_SUITE / f"{part}.exs").read_text()
    node.eval_elixir(f'Code.compile_string(~S"""\n{source}\n""", "{part}.exs")\n:ok', timeout=60)


@pytest.fixture(scope="module")
def stage(node_host: str) -> Iterator[Stage]:
    with Epmd(loopback=node_host == "localhost") as epmd:
        stage = Stage(node_host, epmd.port)
        yield stage
        stage.close()


@pytest.mark.timeout(_PATIENCE + 60)
@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("kind", ["elixir", "python"])
def test_area(stage: Stage, beam: Beam, kind: str, area: str) -> None:
    count, failures = stage.run(beam, kind, area)
    assert count > 0
    if failures:
        shown = "\n\n".join(f"{name}:\n{why}" for name, why in failures)
        pytest.fail(f"{len(failures)} of {count} checks failed\n\n{shown}", pytrace=False)
