"""What stands in a row does so as in a deque."""

from __future__ import annotations

import gc
import weakref
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyerlnode.process._fifo import Fifo

ITEMS = st.integers(0, 1000)
STEPS = st.one_of(
    st.tuples(st.just("append"), ITEMS),
    st.tuples(st.just("append"), ITEMS),
    st.tuples(st.just("appendleft"), ITEMS),
    st.tuples(st.just("popleft")),
    st.tuples(st.just("extend"), st.lists(ITEMS, max_size=20)),
    st.tuples(st.just("extendleft"), st.lists(ITEMS, max_size=20)),
    st.tuples(st.just("__delitem__"), st.integers(-30, 30)),
    st.tuples(st.just("__setitem__"), st.integers(-30, 30), ITEMS),
    st.tuples(st.just("__getitem__"), st.integers(-30, 30)),
)


def done(row: Any, step: tuple[Any, ...]) -> Any:
    """What a step gives; IndexError in the place of what has none."""
    try:
        return getattr(row, step[0])(*step[1:])
    except IndexError:
        return IndexError


@given(st.lists(STEPS, max_size=80))
def test_each_step_does_what_it_does_to_a_deque(steps: list[tuple[Any, ...]]) -> None:
    row, expected = Fifo[int](), deque[int]()
    for step in steps:
        assert done(row, step) == done(expected, step)
        assert len(row) == len(expected)
        assert bool(row) == bool(expected)
        assert list(row) == list(expected)
        assert list(reversed(row)) == list(reversed(expected))


def test_many_come_and_go_in_order() -> None:
    row = Fifo(range(10))
    taken = []
    for number in range(10, 5000):
        row.append(number)
        if number % 3:
            taken.append(row.popleft())
    while row:
        taken.append(row.popleft())
    assert taken == list(range(5000))
    with pytest.raises(IndexError):
        row.popleft()


class Item:
    """What can be seen to be gone."""


def test_what_was_taken_is_not_kept() -> None:
    row: Fifo[Item] = Fifo()
    seen = []
    for _ in range(200):
        item = Item()
        seen.append(weakref.ref(item))
        row.append(item)
    del item
    for _ in range(200):
        row.popleft()
    assert not any(each() for each in seen)


def test_a_row_that_holds_itself_is_collected() -> None:
    item = Item()
    item.row = Fifo([item])  # type: ignore[attr-defined]
    seen = weakref.ref(item)
    del item
    gc.collect()
    assert seen() is None


def test_what_a_collection_puts_there_is_not_lost() -> None:
    row: Fifo[str] = Fifo()
    ended = 0

    class Says:
        """Puts something into the row when it is collected, as a cycle."""

        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            nonlocal ended
            ended += 1
            row.append("from a collection")

    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(300):
            Says()
            row.append("here")
    finally:
        gc.set_threshold(*before)
    gc.collect()
    assert ended == 300
    assert sorted(row) == ["from a collection"] * 300 + ["here"] * 300
