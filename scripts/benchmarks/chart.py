"""A chart of the ratios as SVG: a bar for each row, a line where the BEAM is, a mark for what was wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measure import Row

_LINE = 22
_LEFT, _WIDTH, _RIGHT = 250, 420, 60
_TOP = 44
_STYLE = (
    "text{font:12px sans-serif;fill:#222}.head{font-weight:bold}.part{fill:#666}"
    ".ours{fill:#4b8bbe}.less{fill:#c98b4b}.one{stroke:#222}.wanted{stroke:#b00;stroke-width:2}"
)


def svg(where: dict[str, Any], rows: Sequence[Row]) -> str:
    """Rows that have a BEAM beside them."""
    shown = [row for row in rows if row.ratio is not None and row.against == "BEAM"]
    scale = _WIDTH / max([1.5, *(min(row.ratio or 0.0, 4.0) for row in shown)])
    height = _TOP + _LINE * len(shown) + 24
    width = _LEFT + _WIDTH + _RIGHT
    one = _LEFT + scale
    us = f"pyerlnode ({where['codec']} codec, Python {where['python']})"
    head = f"{us} beside {where['beam']}: longer is better"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text class="head" x="12" y="20">{escape(head)}</text>',
        *(_bar(row, _TOP + _LINE * index, scale) for index, row in enumerate(shown)),
        f'<line class="one" x1="{one:.1f}" x2="{one:.1f}" y1="{_TOP - 6}" y2="{height - 20}"/>',
        f'<text x="{one:.1f}" y="{height - 6}" text-anchor="middle">1 = as the BEAM</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bar(row: Row, top: float, scale: float) -> str:
    ratio = row.ratio or 0.0
    wide = min(ratio, 4.0) * scale
    kind = "ours" if ratio >= 1 else "less"
    middle = top + 13
    text = [
        f'<text x="{_LEFT - 8}" y="{middle}" text-anchor="end">'
        f'<tspan class="part">{escape(row.part)}</tspan> {escape(row.work)}</text>',
        f'<rect class="{kind}" x="{_LEFT}" y="{top + 2}" width="{wide:.1f}" height="{_LINE - 8}"/>',
        f'<text x="{_LEFT + wide + 6:.1f}" y="{middle}">{ratio:.2f}</text>',
    ]
    if row.target is not None:
        at = _LEFT + row.target * scale
        text.append(f'<line class="wanted" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{top + _LINE - 4}"/>')
    return "".join(text)
