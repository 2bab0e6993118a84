"""Within one node: calls and casts of one caller to one GenServer, and starts of new ones.

Python's node measures itself; the BEAM does the same work in turn with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import compare

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster
    from benchmarks.measure import Pairs, Row
    from benchmarks.options import Options

# Function of both sides -> what it is, how often, the ratio wanted.
_WORK = {
    "local_calls": ("calls", 40_000, 0.4),
    "local_casts": ("casts", 100_000, 0.3),
    "local_starts": ("start of a GenServer", 5000, None),
    "local_spawns": ("spawn", 10_000, 0.7),
}


def run(cluster: Cluster, options: Options) -> list[Row]:
    """The rows of local processes; in processor time, too, which other programs change less."""
    rows = []
    for function, (work, count, target) in _WORK.items():
        count = options.count(count)
        rates: Pairs = []
        cpu: Pairs = []
        for _ in range(options.rounds):
            ours, our_cpu = cluster.work_and_cpu(function, count)
            theirs, their_cpu = _theirs(cluster, function, count)
            rates.append((count / ours * 1e9, None if theirs is None else count / theirs * 1e9))
            cpu.append((our_cpu / count / 1e3, None if their_cpu is None else their_cpu / count / 1e3))
        rows.append(compare("local", work, "/s", rates, more_is_better=True, target=target))
        rows.append(compare("local", f"CPU, {work}", "µs", cpu, more_is_better=False))
    return rows


def _theirs(cluster: Cluster, function: str, count: int) -> tuple[int, int] | tuple[None, None]:
    if cluster.beam is None:
        return None, None
    return cluster.ask_and_cpu(cluster.elixir("driver"), f"Bench.{function}({count})")
