"""The page of the lessons' steps: each step has a test for each direction, and each test is there."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from markdown import ROOT

PAGE = ROOT / "docs" / "tutorials.md"
DIRECTIONS = ("Elixir asks Python", "Python asks Elixir", "Python asks Python")
STEPS = {"Nodes and the chat": 30, "The counter and its supervisor": 27}
# A BEAM runs whatever it is asked to run.
ONE_WAY = {("Nodes and the chat", 13)}


def rows(heading: str) -> list[list[str]]:
    """The cells of a section's table, without the head."""
    [section] = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert tuple(cells[0][2:]) == DIRECTIONS
    return cells[2:]


@cache
def names_in(path: str) -> frozenset[str]:
    """The functions of a file of tests."""
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(
        node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )


def is_there(test: str) -> bool:
    file, _, name = test.partition("::")
    if "/" not in file:
        file, name = f"interop/test_{file}.py", f"test_{name}"
    return (ROOT / file).is_file() and name in names_in(file)


@pytest.mark.parametrize("heading", STEPS)
def test_each_step_has_a_test_for_each_direction(heading: str) -> None:
    table = rows(heading)
    assert [cells[0] for cells in table] == [str(number) for number in range(1, STEPS[heading] + 1)]
    for number, step, *directions in table:
        wanted = [True, False, False] if (heading, int(number)) in ONE_WAY else [True] * len(DIRECTIONS)
        assert ["::" in cell for cell in directions] == wanted, f"{number}: {step}"


def test_the_tests_are_there() -> None:
    named = re.findall(r"`([\w/]+(?:\.py)?::\w+)`", PAGE.read_text())
    assert len(named) > 100
    assert sorted({test for test in named if not is_there(test)}) == []
    assert not is_there("chat_lesson::nothing_of_that_name")
