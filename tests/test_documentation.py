"""Every Python example of the README and the docs runs, in a process of its own, page by page."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from markdown import PAGES, ROOT, blocks

from pyerlnode.testing import free_port

# `ask.py` of the README needs the node of the block before it: interop/test_documentation.py runs it.
NEEDS_A_PEER = "ask.py"


def examples(page) -> list[str]:
    texts = [block.text for block in blocks("python", [page])]
    return [text for text in texts if not text.startswith(f"# {NEEDS_A_PEER}")]


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page, tmp_path) -> None:
    # One program for a page: later examples use what earlier ones import.
    program = tmp_path / "example.py"
    program.write_text("\n\n".join(examples(page)))
    environment = os.environ | {"ERL_EPMD_PORT": str(free_port()), "HOME": str(tmp_path)}
    done = subprocess.run(
        # Where examples write files, these are not of the repository.
        [sys.executable, "-W", "error", program],
        capture_output=True,
        text=True,
        timeout=50,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_links_between_the_pages_lead_somewhere() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_readme_shows_the_example_that_is_shipped() -> None:
    shown = next(block.text for block in blocks("python", [ROOT / "README.md"]))
    assert "class Counter(GenServer)" in shown
