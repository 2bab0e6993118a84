"""Others may run before a read, unless that takes long: then more and more rarely."""

from __future__ import annotations

import time
from typing import Any

import pytest
from twins import in_python

from pyerlnode.node import giving_way
from pyerlnode.node.giving_way import LONG, MOST


@pytest.fixture(params=[giving_way, in_python(giving_way)], ids=["as_it_runs", "in_python"])
def module(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def given(module: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Something for each time that others may run."""
    times: list[str] = []
    monkeypatch.setattr(module, "give_way", lambda: times.append("given"))
    return times


def test_others_may_run_before_each_read(module: Any, given: list[str]) -> None:
    giving = module.GivingWay()
    for _ in range(3):
        giving.took(LONG / 2)
        giving.before_read()
    assert given == ["given"] * 3


def test_where_that_takes_long_it_becomes_rare_and_never_ends(module: Any, given: list[str]) -> None:
    giving = module.GivingWay()
    rests = []
    for _ in range(10):
        giving.took(2 * LONG)
        rests.append(giving.left)
    assert rests == [1, 3, 7, 15, 31, 63, 127, *[MOST] * 3]
    for _ in range(MOST):
        giving.before_read()
    assert given == []
    giving.before_read()
    assert given == ["given"]


def test_it_is_for_each_read_again_once_it_was_short(module: Any) -> None:
    giving = module.GivingWay()
    giving.took(2 * LONG)
    giving.took(0.0)
    assert giving.left == 0
    giving.took(2 * LONG)
    assert giving.left == 1


def test_how_long_it_takes_is_measured(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    giving = module.GivingWay()
    monkeypatch.setattr(module, "give_way", lambda: time.sleep(2 * LONG))
    giving.before_read()
    assert giving.left == 1
