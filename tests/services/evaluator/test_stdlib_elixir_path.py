"""Paths as text; what is expected is what Elixir 1.18 gave."""

from __future__ import annotations

from typing import Any

import pytest
from stdlib_calls import outcome

from pyerlnode.services.evaluator.stdlib import registry
from pyerlnode.term import Atom


@pytest.fixture(scope="module", autouse=True)
def library() -> None:
    registry.load()


def call(name: str, *args: Any) -> Any:
    kind, value = outcome("Elixir.Path", name, list(args))
    return value if kind == "ok" else (kind, value)


JOINED = """
foo|bar|foo/bar  foo/|bar|foo/bar  foo|/bar|foo/bar  |bar|bar  |/bar|bar  foo||foo  /||/  /|/|/  ||
//a//|//b//|//a///b/  a//b|c|a//b/c  foo|bar/|foo/bar  ./a|../b|./a/../b
"""


@pytest.mark.parametrize("row", JOINED.split())
def test_two_are_joined(row: str) -> None:
    left, right, wanted = (part.encode() for part in row.split("|"))
    assert call("join", left, right) == wanted
    assert call("join", list(left), [right]) == wanted


def test_many_are_joined() -> None:
    assert call("join", [b"a", b"b", b"/c/"]) == b"a/b/c"
    assert call("join", [b"a/"]) == b"a/"
    for wrong in ([[]], [1, b"a"], [Atom("a"), b"b"]):
        assert call("join", *wrong) == (Atom("error"), Atom("function_clause"))


@pytest.mark.parametrize(
    ("path", "last", "parts"),
    [
        (b"/a/b.ex", b"b.ex", [b"/", b"a", b"b.ex"]),
        (b"b", b"b", [b"b"]),
        (b"", b"", []),
        (b"a/", b"a", [b"a"]),
        (b"/", b"", [b"/"]),
        (b"//", b"", [b"/"]),
        (b"a//b//", b"b", [b"a", b"b"]),
    ],
)
def test_the_last_part_and_all_of_them(path: bytes, last: bytes, parts: list[bytes]) -> None:
    assert call("basename", path) == last
    assert call("split", path) == parts
