"""Annotations: what each takes, what it makes of it, and what it refuses."""

# ruff: noqa: UP007, UP045  (the older spellings of unions are annotations, too)

from __future__ import annotations

import collections.abc
from typing import Annotated, Any, Literal, Optional, TypeVar, Union

import pytest

from pyerlnode.errors import UsageError
from pyerlnode.otp.conversion import Mismatch, converter
from pyerlnode.term import Atom, Map, Pid, equal

PID = Pid("n@h", 1, 0, 1)


@pytest.mark.parametrize(
    ("annotation", "given", "made"),
    [
        (int, 5, 5),
        (int, 10**30, 10**30),
        (float, 2.5, 2.5),
        (float, 2, 2.0),
        (str, b"\xc3\xa9", "é"),
        (str, "text", "text"),
        (bytes, b"x", b"x"),
        (bool, True, True),
        (None, None, None),
        (Atom, Atom("a"), Atom("a")),
        (Atom, True, Atom("true")),
        (Atom, None, Atom("nil")),
        (Pid, PID, PID),
        (list, [1, b"x"], [1, b"x"]),
        (list[str], [b"a", b"b"], ["a", "b"]),
        (list[Any], [b"a"], [b"a"]),
        (collections.abc.Sequence[int], [1], [1]),
        (tuple, (1, 2), (1, 2)),
        (tuple[str, int], (b"a", 1), ("a", 1)),
        (tuple[str, ...], (b"a", b"b"), ("a", "b")),
        (tuple[()], (), ()),
        (dict, {1: 2}, {1: 2}),
        (dict[str, float], {b"a": 1}, {"a": 1.0}),
        (dict[Atom, Any], {Atom("a"): b"x"}, {Atom("a"): b"x"}),
        (collections.abc.Mapping[str, int], Map([(b"a", 1)]), {"a": 1}),
        (Optional[str], None, None),
        (Optional[str], b"x", "x"),
        (str | bytes, b"x", b"x"),
        (str | bytes, b"\xff", b"\xff"),
        (Union[float, int], 3, 3),
        (int | list[str], [b"x"], ["x"]),
        (Literal["a", 1], Atom("a"), "a"),
        (Annotated[str, "name"], b"x", "x"),
    ],
)
def test_what_is_taken(annotation: Any, given: Any, made: Any) -> None:
    convert = converter(annotation)
    assert convert is not None
    converted = convert(given)
    assert equal(converted, made)
    assert type(converted) is type(made)


@pytest.mark.parametrize(
    ("annotation", "given"),
    [
        (int, True),
        (int, 1.0),
        (int, b"1"),
        (float, True),
        (float, b"1"),
        (str, b"\xff"),
        (str, Atom("a")),
        (str, [97]),
        (bytes, "x"),
        (bool, 1),
        (bool, Atom("true")),
        (None, False),
        (Atom, "a"),
        (Atom, b"a"),
        (Atom, 1),
        (Pid, 1),
        (list[str], [1]),
        (list[str], b"x"),
        (list, ()),
        (tuple[str, int], (b"a",)),
        (tuple[str, int], [b"a", 1]),
        (tuple[int, ...], (1, b"x")),
        (dict[str, int], {b"a": b"x"}),
        (dict[str, int], {b"a": 1, "a": 2}),
        (dict, [(1, 2)]),
        (Optional[int], b"x"),
        (int | None, b"x"),
        (Literal["a", 1], b"a"),
        (Literal[1], True),
    ],
)
def test_what_is_refused(annotation: Any, given: Any) -> None:
    convert = converter(annotation)
    assert convert is not None
    with pytest.raises(Mismatch):
        convert(given)


@pytest.mark.parametrize("annotation", [Any, object, Any | int, Optional[Any], Annotated[Any, 1]])
def test_what_takes_everything(annotation: Any) -> None:
    assert converter(annotation) is None


@pytest.mark.parametrize("annotation", [TypeVar("T"), set[int], collections.abc.Callable[[int], int], "text"])
def test_what_cannot_be_checked(annotation: Any) -> None:
    with pytest.raises(UsageError, match="cannot be checked"):
        converter(annotation)
