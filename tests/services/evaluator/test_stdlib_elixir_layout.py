"""Lines of `inspect/2`: what Elixir 1.18 has written of these terms, and what closures do with it.

A row of layout.jsonl: the term in the external format, the width, and the text that
`inspect(term, pretty: true, width: width, custom_options: [sort_maps: true])` gave.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from closure_tools import VECTORS, run, started

from pyerlnode.services.evaluator.stdlib.elixir.inspecting import inspected
from pyerlnode.term import Atom, BitString, Export, decode

ROWS = [json.loads(line) for line in (VECTORS.parent / "layout.jsonl").read_text().splitlines()]


def written(term: Any, **options: Any) -> str:
    return inspected(term, [(Atom(name), value) for name, value in options.items()])


def test_the_lines_are_those_of_elixir() -> None:
    assert len(ROWS) > 100
    different = []
    for row in ROWS:
        term = decode(bytes.fromhex(row["term"]), structs=False)
        if written(term, pretty=True, width=row["width"]) != row["text"]:
            different.append(row["text"])
    assert different == []


def test_without_a_width_or_without_pretty_it_is_one_line() -> None:
    term = list(range(100, 140))
    assert written(term) == written(term, pretty=True, width=Atom("infinity")) == str(term)
    assert written(term, pretty=False, width=10) == str(term)


@pytest.mark.parametrize(
    ("term", "options", "text"),
    [
        ([[1, 2, 3], [1, 2, 3], 4], {"limit": 3}, "[[1, 2, ...], [1, ...], 4]"),
        ({Atom("a"): [1, 2], Atom("b"): [1, 2]}, {"limit": 2}, "%{a: [1, ...], b: [...]}"),
        ({1: 2, 3: 4}, {"limit": 1}, "%{1 => 2, ...}"),
        ((1, 2), {"limit": 0}, "{...}"),
        (bytes(60), {}, f"<<{'0, ' * 50}...>>"),
        (b"a" * 5000, {}, f'"{"a" * 4096}" <> ...'),
        (b"abcdef", {"printable_limit": 3}, '"abc" <> ...'),
        ([97] * 60, {}, f'~c"{"a" * 60}"'),
        ([97] * 60 + [-1], {}, f"[{'97, ' * 50}...]"),
        ([255, b"a"], {"base": Atom("hex")}, "[0xFF, <<0x61>>]"),
        (BitString(b"\x80", 1), {"pretty": True}, "<<1::size(1)>>"),
    ],
)
def test_what_limits_leave(term: Any, options: dict[str, Any], text: str) -> None:
    assert written(term, **options) == text


def test_a_term_of_any_depth() -> None:
    deep: Any = 1
    for _ in range(20_000):
        deep = (deep,)
    lines = written(deep, pretty=True, width=80, limit=Atom("infinity"))
    assert lines.count("{") == 20_000


async def test_a_closure_prints_lines() -> None:
    words = [b"word"] * 20
    outcome = await run(started(), Export("Elixir.Kernel", "inspect", 2), [words, [(Atom("pretty"), True)]])
    ten = ", ".join(['"word"'] * 10)
    assert outcome == ("ok", f"[{ten},\n {ten}]".encode())
