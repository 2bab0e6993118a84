"""The README's first screen and the lessons, typed as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import markdown
from lessons import Pupil

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


def _ask(program: Path, epmd_port: int) -> str:
    """What a program prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", program],
        capture_output=True,
        text=True,
        timeout=30,
        env={"ERL_EPMD_PORT": str(epmd_port), "PATH": ""},
    )
    assert done.stderr == ""
    return done.stdout


def test_the_lessons(iex, python_node, epmd_port, tmp_path, here) -> None:
    page = [ROOT / "docs" / "lessons.md"]
    for name, block in zip(("lesson.py", "ask.py"), markdown.blocks("python", page), strict=True):
        (tmp_path / name).write_text(here(block.text))
    kate = python_node("kate", f"{tmp_path / 'lesson.py'}:Chat")
    alex = iex("alex")
    typed = "\n".join(block.text for block in markdown.blocks("iex", page))
    typed = re.sub(r"^iex\(alex@localhost\)\d+> ", "> ", typed, flags=re.MULTILINE)
    assert typed.count("\n> ") == 25
    Pupil(alex, here).walk(re.sub(r"#PID<[\d.]+>", "#PID<...>", typed))
    kate.wait_for_output("\nhi\n")
    alex.close()
    # What Python asks is answered by either language alike.
    [_, console] = markdown.blocks("console", page)
    shown = console.text.removeprefix("$ python ask.py\n")
    assert _ask(tmp_path / "ask.py", epmd_port) == shown
    kate.stop()
    [counter] = markdown.blocks("elixir", page)
    kate = iex("kate", environment={"COUNTER": counter.text})
    kate.command('Logger.configure(level: :none); Code.eval_string(System.fetch_env!("COUNTER"))')
    assert _ask(tmp_path / "ask.py", epmd_port) == shown
