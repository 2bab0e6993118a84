"""The table, as text and as JSON, and where it was measured."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pyerlnode.term import IMPLEMENTATION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.cluster import Cluster
    from benchmarks.measure import Row
    from benchmarks.options import Options

_HEAD = ("part", "work", "pyerlnode", "beside it", "", "ratio", "wanted", "")


def machine(cluster: Cluster, options: Options) -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "python": platform.python_version(),
        "codec": IMPLEMENTATION,
        "beam": None if cluster.beam is None else f"OTP {cluster.beam.otp}, Elixir {cluster.beam.elixir}",
        "system": f"{platform.system()} {platform.machine()}",
        "processors": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "rounds": options.rounds,
        "small": options.small,
    }


def text(where: dict[str, Any], rows: Sequence[Row]) -> str:
    """The table with aligned columns."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    head = ", ".join(f"{key} {value}" for key, value in where.items())
    body = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([head, "", *(line.rstrip() for line in body)])


def _cells(row: Row) -> tuple[str, ...]:
    theirs = "" if row.theirs is None else f"{number(row.theirs)} {row.against}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    wanted = "" if row.target is None else f"{row.target:.2f}"
    if row.limit is not None:
        wanted = f"<= {number(row.limit)}"
    verdict = {None: "", True: "reached", False: "NOT reached"}[row.reached]
    return (row.part, row.work, number(row.ours), theirs, row.unit, ratio, wanted, verdict)


def number(value: float) -> str:
    """Three digits that matter."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def write_json(path: Path, where: dict[str, Any], rows: Sequence[Row]) -> None:
    """Everything that was measured."""
    whole = {"machine": where, "rows": [asdict(row) | {"reached": row.reached} for row in rows]}
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
