"""An idle GenServer: what each of 100,000 takes.

Of a Python program, how much its resident memory grew, so that what the allocator wastes is
counted; of a BEAM, what it says that its processes take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import compare

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster
    from benchmarks.measure import Row
    from benchmarks.options import Options

SERVERS = 100_000
_LIMIT = 1200.0


def run(cluster: Cluster, options: Options) -> list[Row]:
    """One row: memory does not vary from round to round."""
    count = options.count(SERVERS)
    ours = cluster.work("memory", count)
    theirs = None
    if cluster.beam is not None:
        theirs = cluster.ask(cluster.elixir("driver"), f"Bench.memory({count})")
    # A few servers do not fill the pages that they stand on.
    limit = None if options.small else _LIMIT
    work = f"an idle GenServer of {count}"
    return [compare("memory", work, "B", [(ours, theirs)], more_is_better=False, limit=limit)]
