"""Expressions and patterns, as closures that OTP 27 made, with what they gave there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from closure_tools import form, run, started, term, thunk

from pyerlnode.term import Atom, Fun, equal

VECTORS = Path(__file__).parents[2] / "vectors" / "closure_forms.jsonl"
ROWS = [json.loads(line) for line in VECTORS.read_text().splitlines()]


def comparable(value: Any) -> Any:
    """Reasons have funs in them, whose identity is that of a node."""
    if isinstance(value, Fun):
        return Atom("fun")
    return tuple(map(comparable, value)) if type(value) is tuple else value


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["source"])
async def test_as_on_a_beam(row: dict[str, Any]) -> None:
    runtime = started()
    outcome, value = await run(runtime, term(row["fun_hex"]))
    await runtime.stop(Atom("shutdown"))
    assert outcome == row["outcome"]
    assert equal(comparable(value), comparable(term(row["expected_hex"])))


@pytest.mark.parametrize("tag", ["record", "record_field", "record_index"])
async def test_nobody_knows_a_record(tag: str) -> None:
    runtime = started()
    outcome = await run(runtime, thunk(form(tag, Atom("person"), [])))
    await runtime.stop(Atom("shutdown"))
    assert outcome == ("error", (Atom("undef_record"), Atom("person")))
