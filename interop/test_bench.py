"""`scripts/bench` measures a BEAM beside Python; only that it runs is asked here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.distributed
@pytest.mark.timeout(180)
def test_each_has_a_beam_beside_it(beam, tmp_path) -> None:
    written = tmp_path / "numbers.json"
    command = [str(ROOT / "scripts" / "bench"), "--small", "--beam", beam.name, "--json", str(written)]
    done = subprocess.run(
        [*command, "codec", "hosting", "calling", "local", "memory"],
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(written.read_text())
    assert found["machine"]["beam"] == f"OTP {beam.otp}, Elixir {beam.elixir}"
    for part, work in [
        ("codec", "decode nested"),
        ("hosting", "sequential"),
        ("hosting", "CPU, 64 callers"),
        ("hosting", "casts"),
        ("hosting", "1 MB echo"),
        ("calling", "64 callers"),
        ("local", "spawn"),
    ]:
        rows = [row for row in found["rows"] if (row["part"], row["work"]) == (part, work)]
        assert rows and rows[0]["against"] == "BEAM" and rows[0]["theirs"] > 0, (part, work)
