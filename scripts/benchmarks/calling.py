"""A GenServer of Elixir's, called by Python and by a second BEAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.hosting import CALLERS
from benchmarks.measure import compare

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster
    from benchmarks.measure import Pairs, Row
    from benchmarks.options import Options

_TARGET = 0.9


def run(cluster: Cluster, options: Options) -> list[Row]:
    """The rows of calling; without a BEAM there is nobody to be called."""
    if cluster.beam is None:
        return []
    elixir = cluster.elixir("elixir")
    cluster.ask(elixir, "Process.whereis(:echo) || Bench.host()")
    rows = []
    for function, callers in (("sequential", None), ("callers", CALLERS)):
        work = "sequential" if callers is None else f"{callers} callers"
        count = options.count(4000 if callers is None else 16_000)
        counts = [count] if callers is None else [callers, count]
        asked = f"Bench.{function}({{:echo, :'{elixir.name}'}}, {', '.join(map(str, counts))})"
        rates: Pairs = []
        cpu: Pairs = []
        for _ in range(options.rounds):
            ours, our_cpu = cluster.work_and_cpu(function, "echo", elixir.name, *counts)
            theirs, their_cpu = cluster.ask_and_cpu(cluster.elixir("driver"), asked)
            rates.append((count / ours * 1e9, count / theirs * 1e9))
            cpu.append((our_cpu / count / 1e3, their_cpu / count / 1e3))
        rows.append(compare("calling", work, "/s", rates, more_is_better=True, target=_TARGET))
        rows.append(compare("calling", f"CPU, {work}", "µs", cpu, more_is_better=False))
    return rows
