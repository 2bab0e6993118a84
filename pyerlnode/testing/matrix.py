"""The table of results that an interop run ends with: a row per test, a column per BEAM.

`Outcomes` is {row: {column: "pass" | "FAIL" | ...}}.  Proof: tests/testing/test_results_table.py.
"""

from __future__ import annotations

import re

Outcomes = dict[str, dict[str, str]]

# A test that fails in one phase has failed, whatever the others say.
_RANK = ("pass", "skip", "xfail", "FAIL", "ERROR")


def record(outcomes: Outcomes, row: str, column: str, outcome: str) -> None:
    """Note an outcome; the worst of several in the same cell stays."""
    cells = outcomes.setdefault(row, {})
    cells[column] = max(cells.get(column, outcome), outcome, key=_RANK.index)


def render(outcomes: Outcomes) -> list[str]:
    """The table's lines: rows in the order of their tests, columns by release, then a line of totals."""
    columns = sorted({column for cells in outcomes.values() for column in cells}, key=_natural)
    width = max(map(len, outcomes), default=0)
    lines = [_line("", columns, columns, width)]
    lines += [
        _line(row, [cells.get(c, "-") for c in columns], columns, width) for row, cells in outcomes.items()
    ]
    lines.append(_line("passed", [_passed(outcomes, column) for column in columns], columns, width))
    return lines


def _passed(outcomes: Outcomes, column: str) -> str:
    cells = [cells[column] for cells in outcomes.values() if column in cells]
    return f"{cells.count('pass')}/{len(cells)}"


def _line(head: str, cells: list[str], columns: list[str], width: int) -> str:
    widths = [max(7, len(column)) for column in columns]
    shown = [cell.rjust(size) for cell, size in zip(cells, widths, strict=True)]
    return "  ".join([head.ljust(width), *shown])


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
