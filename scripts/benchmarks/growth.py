"""How costs grow: what one of them costs among few, and among many.

Python alone, in processor time of the program that works.  A number that stays about the same says
that the whole is linear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import compare

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster
    from benchmarks.measure import Pairs, Row
    from benchmarks.options import Options

# Function of growing.py or holding.py -> what one is, and how many there are.
_WORK = {
    "mailbox": ("message in a mailbox of", (1000, 10_000, 100_000)),
    "selective": ("message that a receive passes, of", (1000, 10_000, 100_000)),
    "processes": ("local call, other processes:", (10, 1000, 50_000)),
    "links": ("link, of", (100, 1000, 10_000)),
    "monitors": ("monitor, of", (100, 1000, 10_000)),
    "monitors_back": ("monitor made and taken back, of", (1000, 10_000, 100_000)),
    "timers_back": ("timer made and cancelled, of", (1000, 10_000, 100_000)),
    "timers": ("timer that fires, of", (1000, 10_000, 100_000)),
    "names": ("name, of", (1000, 10_000, 100_000)),
    "aliases": ("alias, of", (1000, 10_000, 100_000)),
    "spawned": ("spawn of one that waits, of", (1000, 10_000, 100_000)),
    "nodes": ("node that connects, of", (5, 20, 80)),
    "atoms": ("new atom, of", (1000, 10_000, 100_000)),
}
# Bytes of an echo between two nodes, and how often.
_SIZES = {1000: 1000, 100_000: 200, 10_000_000: 10}


def run(cluster: Cluster, options: Options) -> list[Row]:
    """A row for each size."""
    rounds = min(options.rounds, 3)
    rows = []
    with cluster.python("grown", "interop/echo.py:app") as echo:
        for size, usual in _SIZES.items():
            count = options.count(usual)
            taken = [cluster.work("message", "echo", echo.name, size, count) for _ in range(rounds)]
            pairs: Pairs = [(each / 1e3 / size * 1e3, None) for each in taken]
            work = f"kB of an echo between nodes, of {size // 1000:,}"
            rows.append(compare("growth", work, "µs", pairs, more_is_better=False))
    for function, (work, counts) in _WORK.items():
        for count in counts[:1] if options.small else counts:
            pairs = [(cluster.work(function, count) / 1e3, None) for _ in range(rounds)]
            rows.append(compare("growth", f"{work} {count:,}", "µs", pairs, more_is_better=False))
    return rows
