"""Real Erlang and Elixir nodes, and Python peers, for tests.  Extra: `pip install pyerlnode[testing]`.

Installing it registers the pytest plugin `pyerlnode.testing.plugin`; nothing is started
and nothing heavy is imported until a test asks for one of its fixtures:

    beam            a Beam: the test runs once per BEAM found (ids otp25, otp27, ...)
    other_beam      a second parameter of the same kind, for tests across two releases
    node_host       host part of node names: `localhost`, or this machine's name with --beam docker
    epmd            an Epmd of the test's own, on a free port
    epmd_port       its port
    free_port       a port on which nobody listens: for an EPMD that the test starts itself, or none
    beam_node       beam_node("alex", cookie="secret", hidden=True, ...) -> BeamNode, ready
    iex, erl        iex("alex", cookie="secret") -> Iex or Erl in a pty, at its first prompt
    python_node     python_node("kate", "chat.py:app", cookie="secret", ...) -> PythonNode, up

A test that needs a BEAM where there is none fails the run, unless it is marked `distributed`: then it is
skipped.  `pytest -m "not distributed"` leaves out all that start other nodes.

A name without `@` gets `@` and the node host.  All that a test starts is ended after it, by pid.

    @pytest.mark.distributed
    def test_counts(beam_node, python_node):
        kate = python_node("kate", "interop/echo.py:app")
        alex = beam_node("alex")
        assert alex.eval_elixir(f"GenServer.call({{:echo, :'{kate.name}'}}, {{:echo, 1}})").text == "1"

    async def test_dials(beam_node, epmd_port):
        alex = beam_node("alex")
        async with Node(..., epmd_port) as node:                 # a node of this very process:
            result = await alex.eval_elixir_async("Node.list()") # do not block its loop

Options: `--beam local|chroot|docker|all`, `--beam-matrix` (a table of results, one column per
BEAM), `--beam-results FILE` (the same as JSON), `--beam-part I/N` (every N-th test, for N runs
at a time).  `PYERLNODE_BEAM_ROOTS` names directories made by debootstrap, colon-separated;
`PYERLNODE_BEAMS_REQUIRED=25,27,29` turns a missing one into an error.

Partitions need hosts that can be separated: `Network` makes them of network namespaces (root only),
and a `Host`'s prefix starts nodes there; scripts/chaos shows how.

Nothing here uses pyerlnode's own distribution code, so that the two cannot share a mistake.
Proof: tests/testing, interop/test_harness.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyerlnode.testing.beams import Beam, discover
    from pyerlnode.testing.children import HarnessError
    from pyerlnode.testing.epmd import Epmd, free_port
    from pyerlnode.testing.network import Host, Network
    from pyerlnode.testing.nodes import BeamError, BeamNode, Result
    from pyerlnode.testing.peers import PythonNode
    from pyerlnode.testing.terminal import Erl, Iex

__all__ = [
    "Beam",
    "BeamError",
    "BeamNode",
    "Epmd",
    "Erl",
    "HarnessError",
    "Host",
    "Iex",
    "Network",
    "PythonNode",
    "Result",
    "discover",
    "free_port",
]

_HOMES = {
    "Beam": "beams",
    "BeamError": "nodes",
    "BeamNode": "nodes",
    "Epmd": "epmd",
    "Erl": "terminal",
    "HarnessError": "children",
    "Host": "network",
    "Iex": "terminal",
    "Network": "network",
    "PythonNode": "peers",
    "Result": "nodes",
    "discover": "beams",
    "free_port": "epmd",
}


def __getattr__(name: str) -> object:
    # pexpect is an extra: only who asks for a terminal needs it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
