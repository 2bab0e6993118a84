"""What stands in a row does so as in a deque."""

from __future__ import annotations

import gc
import weakref
from collections import deque
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyerlnode.process._fifo import Fifo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


class Acts:
    """A number that calls `act` when nobody holds it any more."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self.number, self.act = number, act
        self.itself: Acts | None = None

    def __del__(self) -> None:
        self.act()


def number_of(item: Any) -> Any:
    return item.number if isinstance(item, Acts) else item


def acted(row: Any, steps: list[tuple[Any, ...]]) -> list[Any]:
    """What each step gives and leaves, where what is put in does one itself when it is gone."""
    seen = []
    for (name, *place), then in steps:
        if name in ("append", "appendleft", "__setitem__"):
            place[-1] = Acts(place[-1], partial(done, row, then))
        seen.append(number_of(done(row, (name, *place))))
        place.clear()
        seen.append(list(map(number_of, row)))
    # Which of those that are left ends first is nobody's business.
    for item in row:
        if isinstance(item, Acts):
            item.act = row.__len__
    return seen


NOTHING = ("__getitem__", 0)


@settings(deadline=None)
@given(st.lists(st.tuples(STEPS, STEPS), max_size=60))
@example(
    [
        (("append", 1), NOTHING),
        (("append", 2), NOTHING),
        (("append", 3), NOTHING),
        (("append", 4), ("appendleft", 5)),
        (("__delitem__", 3), NOTHING),
    ]
)
def test_what_is_gone_may_do_anything_to_its_row(steps: list[tuple[Any, ...]]) -> None:
    assert acted(Fifo[Any](), steps) == acted(deque[Any](), steps)


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


@contextmanager
def collecting_always() -> Iterator[None]:
    """Python 3.11 begins a collection wherever it makes an object, later ones soon after it."""
    before = gc.get_threshold()
    gc.freeze()  # what was there before is no business of these
    gc.set_threshold(1)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class Account:
    """What is put into a row and taken out of it, also by a collection."""

    def __init__(self) -> None:
        self.row: Fifo[int] = Fifo()
        self.numbers = count()
        self.taken: list[int] = []

    def do(self, step: str) -> None:
        # With nothing between two looks at what another `do` may have changed.
        if step != "popleft":
            getattr(self.row, step)(next(self.numbers))
        elif (number := done(self.row, ("popleft",))) is not IndexError:
            self.taken.append(number)

    def leave(self, step: str) -> None:
        """Have a collection do it."""
        acting = Acts(0, lambda: self.do(step))
        acting.itself = acting


WAYS = st.sampled_from(["append", "append", "appendleft", "popleft"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(WAYS, WAYS, st.integers(1, 40)), max_size=8))
@example([("append", "append", 300)])
def test_nothing_is_lost_or_comes_twice_whenever_a_collection_acts(steps: list[tuple[str, str, int]]) -> None:
    account = Account()
    with collecting_always():
        for step, left, times in steps:
            for _ in range(times):
                account.leave(left)
                account.do(step)
    gc.collect()
    assert sorted([*account.taken, *account.row]) == list(range(next(account.numbers)))
