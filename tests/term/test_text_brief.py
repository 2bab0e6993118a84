"""Printing the beginning of a term only, and what is safe to log."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import terms

from pyerlnode.term import Atom, BitString, ImproperList, Map, to_elixir, to_erlang
from pyerlnode.term.text import brief, harmless


@given(terms(), st.integers(0, 60))
def test_a_limit_gives_the_beginning_of_the_text(term: Any, limit: int) -> None:
    for show in (to_elixir, to_erlang):
        whole = show(term)
        if len(whole) <= limit:
            # Pairs of maps may come in another order.
            assert sorted(show(term, limit=limit)) == sorted(whole)
        assert len(show(term, limit=limit)) <= limit + 3


def deep(levels: int) -> Any:
    term: Any = []
    for _ in range(levels):
        term = (term,)
    return term


def linked(levels: int) -> Any:
    term: Any = 0
    for level in range(levels):
        term = ImproperList([level], {Atom("next"): term})
    return term


HUGE = {
    "deep": (deep(190_000), "{{{{{{{{{{..."),
    "improper": (linked(100_000), "[99999 | %..."),
    "integers": ([1000] * 3_000_000, "[1000, 100..."),
    "charlist": ([97] * 3_000_000, '~c"aaaaaaa...'),
    "text": (b"a" * 30_000_000, '"aaaaaaaaa...'),
    "wide text": (
        "\u20ac".encode() * 10_000_000,
        '"\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac...',
    ),
    "str": ("\u20ac" * 10_000_000, '"\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac...'),
    "bytes": (b"\xff" * 30_000_000, "<<255, 255,..."[:10] + "..."),
    "bits": (BitString(b"\x01" * 30_000_000, 3), "<<1, 1, 1,..."),
    "integer": (1 << 4_000_000, "0x10000000..."),
    "negative": (-(1 << 4_000_000), "-0x1000000..."),
    "map": (dict.fromkeys(range(1_000_000), 0), "%{0 => 0, ..."),
    "exact map": (Map([(1, Atom("a")), (1.0, Atom("b")), *((float(n), 0) for n in range(2, 400_000))]), None),
    "keywords": ([(Atom("a"), 1)] * 2_000_000, "[a: 1, a: ..."),
}


@pytest.mark.parametrize("kind", HUGE)
def test_how_large_or_deep_the_rest_is_does_not_matter(kind: str) -> None:
    term, expected = HUGE[kind]
    started = time.process_time()
    text = to_elixir(term, limit=10)
    erlang = to_erlang(term, limit=10)
    # Printed in full, each of these takes a second or more.
    assert time.process_time() - started < 0.1
    assert expected is None or text == expected
    assert len(text) == len(erlang) == 13


def test_erlang_shows_a_large_integer_in_its_own_way() -> None:
    assert to_erlang(1 << 4_000_000, limit=10) == "16#1000000..."
    assert to_erlang(1 << 40, limit=10) == "16#1000000..."
    assert to_erlang(1 << 30, limit=10) == "1073741824"


def test_text_is_not_cut_within_a_character() -> None:
    for count in range(4):
        text = to_elixir(b"a" * count + "\U0001f600".encode() * 100, limit=10)
        assert text == '"' + "a" * count + "\U0001f600" * (9 - count) + "..."


class Odd:
    def __repr__(self) -> str:
        return "<odd \x1b[31m>"


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("term", "shown"),
    [
        ((Atom("error"), Odd()), "{:error, <odd \\x1b[31m>}"),
        ([object, {1}], "[<class 'object'>, MapSet.new([1])]"),
        (Broken(), "#Broken<cannot be shown: RuntimeError>"),
        ((Broken(),), "#tuple<cannot be shown: RuntimeError>"),
        ("\ud800", '"\\\\ud800"'),
        ([float("nan"), 1.5], "[nan, 1.5]"),
        (b"\x1b[2J\n", '"\\e[2J\\n"'),
        (Atom("a\u202eb"), ':"a\\u202Eb"'),
    ],
)
def test_a_log_can_show_anything(term: Any, shown: str) -> None:
    assert brief(term) == shown


def test_nothing_of_a_text_works_on_a_terminal_or_looks_like_another_line() -> None:
    text = "a\tb\x1b[2J\x9bm\x7f\u200f\u202e\ud800 \u00e9\u2713\n2026-01-01 ERROR forged\r"
    assert harmless(text) == (
        "a\\x09b\\x1b[2J\\x9bm\\x7f\\u200f\\u202e\\ud800 \u00e9\u2713\n    2026-01-01 ERROR forged\\x0d"
    )
