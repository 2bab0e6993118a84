"""Every parser keeps its promise for the first cases of `scripts/fuzz`, and a fault is found and shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARSERS = ["term", "elixir", "erlang", "acceptor", "initiator", "header", "pass", "epmd"]


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "fuzz.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=50)


@pytest.mark.parametrize("parser", PARSERS)
def test_a_thousand_cases(parser: str) -> None:
    done = fuzz("--cases", "1000", parser)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith(f"{parser}: 1000 cases of seed 1, ")


def test_a_case_can_be_run_again_alone() -> None:
    done = fuzz("--seed", "3", "--case", "17", "term")
    assert done.returncode == 0
    assert done.stdout.startswith("term: --seed 3 --case 17, ")


def test_what_escapes_from_a_parser_is_shown_with_its_input(monkeypatch, capsys) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import fuzz as script

    def breaks(data: bytes, random: object) -> None:
        raise ValueError("not promised")

    parser = script.Parser(lambda: [b"seed"], breaks, (TypeError,))
    monkeypatch.setitem(script.PARSERS, "term", parser)
    options = script.argparse.Namespace(seed=1, case=None, cases=5, seconds=1.0)
    assert not script.fuzz("term", options)
    shown = capsys.readouterr().out
    assert shown.startswith("term: --seed 1 --case 0, ")
    assert "ValueError: not promised" in shown
