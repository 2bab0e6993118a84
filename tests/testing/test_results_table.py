"""The table of results per BEAM."""

from __future__ import annotations

from pyerlnode.testing.matrix import Outcomes, record, render


def test_the_table_has_a_row_per_test_and_a_column_per_release():
    outcomes: Outcomes = {}
    record(outcomes, "connect: ping [hidden]", "otp27", "pass")
    record(outcomes, "connect: ping [hidden]", "otp9", "FAIL")
    record(outcomes, "calls: get", "otp27", "pass")
    assert [line.split() for line in render(outcomes)] == [
        ["otp9", "otp27"],
        ["connect:", "ping", "[hidden]", "FAIL", "pass"],
        ["calls:", "get", "-", "pass"],
        ["passed", "0/1", "2/2"],
    ]


def test_the_worst_outcome_of_a_cell_stays():
    outcomes: Outcomes = {}
    for outcome in ("pass", "ERROR", "pass", "FAIL"):
        record(outcomes, "row", "otp25", outcome)
    assert outcomes == {"row": {"otp25": "ERROR"}}


def test_an_empty_table_says_so_without_failing():
    assert [line.split() for line in render({})] == [[], ["passed"]]
