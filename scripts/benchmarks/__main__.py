"""`scripts/bench`: measures the parts that are named, all without a name; see `benchmarks`."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import chart, report
from benchmarks.cluster import Cluster, find_beam
from benchmarks.options import Options

if TYPE_CHECKING:
    from benchmarks.measure import Row

PARTS = ("codec", "hosting", "calling", "local", "memory", "startup", "growth", "peers")


def parser() -> argparse.ArgumentParser:
    """The options; how to read the numbers stands in docs/performance.md."""
    top = argparse.ArgumentParser(prog="scripts/bench", description="Measures pyerlnode beside a BEAM.")
    top.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default: all")
    top.add_argument("--small", action="store_true", help="only see whether everything runs")
    top.add_argument("--pin", action="store_true", help="everything on one processor")
    top.add_argument("--rounds", type=int, help="how often each is measured (default 7)")
    top.add_argument("--beam", metavar="NAME", help="which BEAM, such as otp27; none: Python alone")
    top.add_argument("--peers", action="store_true", help="install the peers, in an environment of their own")
    top.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there")
    top.add_argument("--chart", type=Path, metavar="FILE", help="draw the ratios there, as SVG")
    return top


def main() -> int:
    """Measure, print, write; 0 whatever the numbers are."""
    given = parser().parse_args()
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        parser().error(f"no such part: {', '.join(unknown)}")
    if given.pin:
        # Inherited by all that is started.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rounds = given.rounds or (1 if given.small else 7)
    options = Options(given.small, given.pin, rounds, given.peers)
    beam = None if given.beam == "none" else find_beam(given.beam)
    if beam is None and given.beam not in (None, "none"):
        parser().error(f"there is no {given.beam}")
    rows: list[Row] = []
    with Cluster(beam) as cluster:
        where = report.machine(cluster, options)
        for part in given.parts or PARTS:
            print(f"measuring {part} ...", file=sys.stderr, flush=True)
            rows += import_module(f"benchmarks.{part}").run(cluster, options)
    print(report.text(where, rows))
    if given.json:
        report.write_json(given.json, where, rows)
    if given.chart:
        given.chart.write_text(chart.svg(where, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
