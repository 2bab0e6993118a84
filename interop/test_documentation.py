"""The README's first screen, typed as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TYPED = re.compile(r"^iex\(alex@localhost\)\d+> (.*)\n(.*)$", re.MULTILINE)


def _blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text()
    return [match[2] for match in _FENCE.finditer(text) if match[1] == language]


def test_the_first_screen_of_the_readme(iex, python_node, epmd_port, tmp_path, here) -> None:
    counter, ask = (block for block in _blocks("python")[:2])
    (tmp_path / "counter.py").write_text(here(counter))
    (tmp_path / "ask.py").write_text(here(ask))
    python_node("kate", f"{tmp_path / 'counter.py'}:App")
    alex = iex("alex")
    typed = [pair for block in _blocks("iex") for pair in _TYPED.findall(block)]
    assert len(typed) == 4
    for line, answer in typed:
        assert alex.command(here(line)).strip() == here(answer)
    done = subprocess.run(
        [sys.executable, "-W", "error", tmp_path / "ask.py"],
        capture_output=True,
        text=True,
        timeout=30,
        env={"ERL_EPMD_PORT": str(epmd_port), "PATH": ""},
    )
    assert (done.stdout, done.stderr) == ("42\n", "")
