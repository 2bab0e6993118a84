"""`scripts/bench` runs, and its table, JSON and chart say what was measured; no number is judged here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

# On an idle machine each takes four seconds.
pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).parent.parent


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / "bench"), "--small", "--beam", "none", *arguments]
    environment = os.environ | {"PYTHON": sys.executable}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=170)


def test_everything_that_needs_no_beam(tmp_path) -> None:
    written = tmp_path / "numbers.json"
    done = bench("--json", str(written), "codec", "local", "memory", "startup")
    assert done.returncode == 0, done.stderr
    found = json.loads(written.read_text())
    assert found["machine"]["beam"] is None
    works = {(row["part"], row["work"]): row for row in found["rows"]}
    for part, work in [("codec", "encode call"), ("local", "calls"), ("startup", "import pyerlnode")]:
        assert works[part, work]["ours"] > 0
        assert f"{part} " in done.stdout and work in done.stdout
    assert any(part == "memory" for part, _ in works)


def test_how_costs_grow() -> None:
    done = bench("growth")
    assert done.returncode == 0, done.stderr
    messages = ("mailbox", "receive passes", "new atom", "connects")
    held = ("link, of 100", "monitor, of 100", "taken back", "cancelled", "fires", "name, of", "alias, of")
    for work in (*messages, *held, "spawn of one that waits"):
        assert work in done.stdout


def test_an_unknown_part_is_refused() -> None:
    done = bench("codecs")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "scripts/bench: error: no such part: codecs"


def test_rows_and_the_chart(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from benchmarks import chart, report
    from benchmarks.measure import Row, compare

    faster = compare(
        "local", "calls", "/s", [(4.0, 2.0), (9.0, 3.0), (1.0, 4.0)], more_is_better=True, target=1.5
    )
    assert (faster.ours, faster.theirs, faster.ratio, faster.reached) == (4.0, 3.0, 2.0, True)
    slower = compare("codec", "a < b", "µs", [(4.0, 2.0)], more_is_better=False, target=1.0)
    assert (slower.ratio, slower.reached) == (0.5, False)
    alone = compare("memory", "idle", "B", [(1300.0, None)], more_is_better=False, limit=1200.0)
    assert (alone.ratio, alone.reached) == (None, False)
    where = {"codec": "pure", "python": "3.11", "beam": "OTP 27"}
    rows: list[Row] = [faster, slower, alone]
    table = report.text(where, rows).splitlines()
    assert table[3].split() == ["local", "calls", "4", "3", "BEAM", "/s", "2.00", "1.50", "reached"]
    assert table[5].split()[-5:] == ["B", "<=", "1,200", "NOT", "reached"]
    svg = ElementTree.fromstring(chart.svg(where, rows))
    texts = ["".join(text.itertext()) for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert "codec a < b" in texts and "2.00" in texts and "memory idle" not in texts
