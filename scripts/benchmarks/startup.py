"""How long a user waits: for the import, and for the line that says that an empty node is up."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.measure import compare
from pyerlnode.testing.nodes import distribution_environment

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster
    from benchmarks.measure import Pairs, Row
    from benchmarks.options import Options

_IMPORT = "import time; t = time.perf_counter(); import pyerlnode; print(time.perf_counter() - t)"


def run(cluster: Cluster, options: Options) -> list[Row]:
    """Wall-clock times of new programs, in milliseconds."""
    imports: Pairs = [(_import(), None) for _ in range(options.rounds)]
    nodes: Pairs = [(_python_node(cluster), _beam_node(cluster)) for _ in range(options.rounds)]
    return [
        compare("startup", "import pyerlnode", "ms", imports, more_is_better=False, limit=100.0),
        compare("startup", "an empty node is up", "ms", nodes, more_is_better=False, limit=250.0),
    ]


def _import() -> float:
    done = subprocess.run([sys.executable, "-c", _IMPORT], stdout=subprocess.PIPE, check=True, timeout=60.0)
    return float(done.stdout) * 1e3


def _python_node(cluster: Cluster) -> float:
    _ = cluster.epmd_port
    started = time.perf_counter()
    with cluster.python("empty", "scripts/benchmarks/empty.py:app"):
        return (time.perf_counter() - started) * 1e3


def _beam_node(cluster: Cluster) -> float | None:
    """`elixir` as a node, until its code runs."""
    if cluster.beam is None:
        return None
    beam = cluster.beam
    command = beam.command("elixir", "--sname", "empty@localhost", "--cookie", "bench", "-e", ":ok")
    environment = beam.environment(extra=distribution_environment(cluster.epmd_port))
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, timeout=60.0, stdin=subprocess.DEVNULL)
    return (time.perf_counter() - started) * 1e3
