"""An echo server that Elixir calls over a real link: hosted by Python, and by a second BEAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measure import compare, cpu_time

if TYPE_CHECKING:
    from benchmarks.cluster import Cluster
    from benchmarks.measure import Pairs, Row
    from benchmarks.options import Options

CALLERS = 64
_MEGABYTE = 1_000_000

# What is measured: how often, and the ratio wanted on two processors and on one.
_COUNTS = {"sequential": 4000, f"{CALLERS} callers": 24_000, "casts": 60_000, "1 MB echo": 150}
_TARGETS = {
    "sequential": (1.0, 1.0),
    f"{CALLERS} callers": (1.0, 1.2),
    "casts": (1.0, 1.0),
    "1 MB echo": (1.4, 1.5),
}


class _Host:
    """One of the two: where its server is, and whose processor time it takes."""

    def __init__(self, cluster: Cluster, name: str, pid: int) -> None:
        self._cluster = cluster
        self._server = f"{{:echo, :'{name}'}}"
        self._pid = pid
        self.cpu = 0.0

    def rate(self, work: str, count: int) -> float:
        """Calls, casts or megabytes each way in a second; `cpu` is what each took of the host."""
        expression = {
            "sequential": f"Bench.sequential({self._server}, {count})",
            f"{CALLERS} callers": f"Bench.callers({self._server}, {CALLERS}, {count})",
            "casts": f"Bench.casts({self._server}, {count})",
            "1 MB echo": f"Bench.large({self._server}, {_MEGABYTE}, {count})",
        }[work]
        before = cpu_time(self._pid)
        taken = self._cluster.ask(self._cluster.elixir("driver"), expression) / 1e9
        self.cpu = (cpu_time(self._pid) - before) / count
        return count / taken


def run(cluster: Cluster, options: Options) -> list[Row]:
    """The rows of hosting; without a BEAM there is nobody to call."""
    if cluster.beam is None:
        return []
    python = cluster.python("python", "interop/echo.py:app")
    elixir = cluster.elixir("elixir")
    cluster.ask(elixir, "Bench.host()")
    ours = _Host(cluster, python.name, python.pid)
    theirs = _Host(cluster, elixir.name, elixir.os_pid)
    rows = []
    for work, usual in _COUNTS.items():
        count = options.count(usual)
        if work == f"{CALLERS} callers":
            count = max(count // CALLERS, 1) * CALLERS
        pairs, cpu = _rounds(options, work, count, ours, theirs)
        unit = "MB/s each way" if work == "1 MB echo" else "/s"
        target = _TARGETS[work][options.pin]
        rows.append(compare("hosting", work, unit, pairs, more_is_better=True, target=target))
        target = 1.0 if work == f"{CALLERS} callers" else None
        rows.append(compare("hosting", f"CPU, {work}", "µs", cpu, more_is_better=False, target=target))
    return rows


def _rounds(options: Options, work: str, count: int, ours: _Host, theirs: _Host) -> tuple[Pairs, Pairs]:
    """Both in turn; who begins changes with each round.  Rates, and microseconds of the processor."""
    rates: Pairs = []
    cpu: Pairs = []
    for host in (ours, theirs):
        host.rate(work, count)  # a connection, warm caches
    for number in range(options.rounds):
        order = (ours, theirs) if number % 2 == 0 else (theirs, ours)
        found = {host: host.rate(work, count) for host in order}
        rates.append((found[ours], found[theirs]))
        cpu.append((ours.cpu * 1e6, theirs.cpu * 1e6))
    return rates, cpu
