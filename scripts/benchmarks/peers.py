"""Other Python packages, each only where it can be imported, and yardsticks that do less.

`--peers` puts them into an environment of their own under .venv, and runs them there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

from benchmarks.cluster import ROOT
from benchmarks.measure import compare

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.cluster import Cluster
    from benchmarks.measure import Pairs, Row
    from benchmarks.options import Options

PACKAGES = ("erlang_py", "erlpack", "pykka", "thespian", "actio", "msgspec", "uvloop")
# How many times as fast as the best codec in pure Python.
_PURE_CODEC = 30.0
# These are hardly more than a copy of bytes, in every language.
_COPIED = ("10 MB binary", "10k charlist")


def run(cluster: Cluster, options: Options) -> list[Row]:
    """Ours beside each peer that is there, measured in the peers' Python."""
    python = _environment() if options.peers else sys.executable
    command = [python, "-m", "benchmarks.peer_work", str(options.seconds), str(options.rounds)]
    environment = os.environ | {"ERL_EPMD_PORT": str(cluster.epmd_port)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=600.0)
    rows = []
    for found in map(json.loads, done.stdout.splitlines()):
        pairs: Pairs = [tuple(pair) for pair in found["pairs"]]
        beside = found["peer"] == "erlang_py" and not found["work"].endswith(_COPIED)
        target = _PURE_CODEC if beside else None
        rows.append(
            compare(
                "peers",
                found["work"],
                found["unit"],
                pairs,
                more_is_better=found["unit"] == "/s",
                against=found["peer"],
                target=target,
            )
        )
    return rows


def _environment() -> str:
    """The Python of an environment that has all peers which can be installed."""
    home: Path = ROOT / ".venv" / "bench-peers"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        for package in PACKAGES:
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
            if subprocess.run(pip).returncode:
                print(f"{package} cannot be installed, and is left out", file=sys.stderr)
    return str(python)
