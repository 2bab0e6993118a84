"""What is shown of a state: terms as they are, everything else as text, whatever it is."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pyerlnode.otp.readable import attributes, readable, shortened
from pyerlnode.term import Atom, ImproperList, Map, Pid, encode


class BadRepr:
    def __repr__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    "value",
    [
        1,
        2.5,
        b"x",
        "x",
        None,
        True,
        Atom("a"),
        [1, [2]],
        (1, (2,)),
        {Atom("a"): {1: 2}},
        Map([(1, 2), (1.0, 3)]),
    ],
)
def test_terms_are_left_as_they_are(value: Any) -> None:
    assert readable(value) == value
    assert type(readable(value)) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("inf"), "inf"),
        ({1}, "{1}"),
        (object, "<class 'object'>"),
        (range(3), None),
        (threading.Lock(), "<unlocked"),
        (BadRepr(), "<BadRepr: its repr failed with ValueError>"),
        ({"a": 1, b"a": 2}, "{'a': 1, b'a': 2}"),
    ],
)
def test_what_has_no_term_is_text(value: Any, text: str | None) -> None:
    for wrapped in (readable([value])[0], readable((value,))[0], readable({1: value})[1], readable(value)):
        encode(wrapped)
        if text is not None:
            assert wrapped.startswith(text)


def test_a_value_that_contains_itself_ends() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    shown = readable(loop)
    encode(shown)
    assert shown[0] == 1


@pytest.mark.parametrize(
    "make", [lambda inner: (inner,), lambda inner: [inner], lambda inner: Map([(1, inner)])]
)
def test_a_term_is_left_as_it_is_however_deep(make: Any) -> None:
    deep: Any = 1
    for _ in range(10_000):
        deep = make(deep)
    assert encode(readable((deep, object))[0]) == encode(deep)


def test_what_no_repr_can_show_is_text_all_the_same() -> None:
    deep: Any = object()
    for _ in range(10_000):
        deep = ImproperList([deep], 1)
    text = readable(deep)
    assert text.startswith("[[[[") and len(text) < 1100


def test_a_value_that_stands_in_several_places_does_not_contain_itself() -> None:
    twice = [1]
    assert readable([twice, (twice, twice)]) == [[1], ([1], [1])]


def test_long_text_is_cut() -> None:
    assert shortened("x" * 5000) == "'" + "x" * 999 + "... (5002 characters)"


def test_attributes_come_from_the_dictionary_and_from_slots() -> None:
    class Slots:
        __slots__ = ("__weakref__", "a", "unset")

    class Both(Slots):
        __slots__ = "b"

    class Open(Both):
        pass

    instance = Open()
    instance.a, instance.b = 1, object()  # type: ignore[attr-defined]
    instance.pid = Pid("n@h", 1, 0, 1)  # type: ignore[attr-defined]
    shown = attributes(instance)
    assert list(shown) == ["a", "b", "pid"]
    assert all(type(key) is Atom for key in shown)
    encode(shown)
