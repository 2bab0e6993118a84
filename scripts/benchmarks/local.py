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
    """The rows of local processes."""
    rows = []
    for function, (work, count, target) in _WORK.items():
        count = options.count(count)
        pairs: Pairs = []
        for _ in range(options.rounds):
            ours = count / cluster.work(function, count) * 1e9
            pairs.append((ours, _theirs(cluster, function, count)))
        rows.append(compare("local", work, "/s", pairs, more_is_better=True, target=target))
    return rows


def _theirs(cluster: Cluster, function: str, count: int) -> float | None:
    if cluster.beam is None:
        return None
    taken: int = cluster.ask(cluster.elixir("driver"), f"Bench.{function}({count})")
    return count / taken * 1e9
