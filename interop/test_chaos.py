"""A short run of scripts/chaos: killed, frozen and separated nodes come to agree again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyerlnode.testing import network

ROOT = Path(__file__).parent.parent
missing = network.available()


@pytest.mark.skipif(
    missing is not None and "PYERLNODE_NAMESPACES_REQUIRED" not in os.environ, reason=str(missing)
)
def test_a_cluster_that_was_torn_apart_agrees(beam, tmp_path) -> None:
    """Two nodes of the BEAM and two of Python; the seed has every kind of event."""
    options = ["--seed", "42", "--events", "15", "--nodes", "2,2", "--pause", "0.6", "--net-ticktime", "3"]
    done = subprocess.run(
        [sys.executable, "-m", "chaotic", *options, "--beams", str(beam.otp), "--log", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    outputs = "".join(f"----- {path.name}\n{path.read_text()}" for path in sorted(tmp_path.iterdir()))
    assert done.returncode == 0 and "all agree" in done.stdout, done.stdout + done.stderr + outputs
