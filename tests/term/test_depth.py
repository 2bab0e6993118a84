"""Depth and size: no recursion, and time in proportion."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from pyerlnode.errors import TermLimitError
from pyerlnode.term import (
    Atom,
    Fun,
    ImproperList,
    Limits,
    Map,
    Pid,
    Record,
    compare,
    decode,
    encode,
    equal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DEPTH = 100_000
WRAPS: dict[str, Callable[[Any], Any]] = {
    "list": lambda inner: [inner],
    "pair": lambda inner: [1, inner, 2],
    "tuple": lambda inner: (inner, 1),
    "map value": lambda inner: {Atom("k"): inner, 1: 2},
    "map key": lambda inner: Map([(inner, 1)]),
    "one of two map keys": lambda inner: Map([(inner, 1), ({1: 1, 2: 2}, 2)]),
    "improper head": lambda inner: ImproperList([inner], 1),
    "improper tail": lambda inner: ImproperList([1], (inner,)),
    "record": lambda inner: Record("m", "n", (("f", inner),)),
    "fun": lambda inner: Fun(
        arity=0,
        uniq=bytes(16),
        index=0,
        module="m",
        old_index=0,
        old_uniq=0,
        pid=Pid("a@h", 1, 0, 1),
        free=(inner,),
    ),
}


def nested(wrap: Callable[[Any], Any], inner: Any, depth: int = DEPTH) -> Any:
    for _ in range(depth):
        inner = wrap(inner)
    return inner


@pytest.mark.parametrize("name", WRAPS)
def test_a_term_nested_100_000_deep_goes_through_everything(name: str) -> None:
    one, two = nested(WRAPS[name], b"x"), nested(WRAPS[name], b"y")
    data = encode(one)
    again = decode(data)
    assert encode(again) == data
    assert equal(again, one)
    assert not equal(again, two)
    assert compare(again, one) == 0
    assert compare(one, two) == -1


def test_funs_inside_funs_do_not_multiply_their_bytes() -> None:
    data = encode(nested(WRAPS["fun"], b"x", 5_000))
    tracemalloc.start()
    try:
        decode(data)
        assert tracemalloc.get_traced_memory()[1] < 50 * len(data)
    finally:
        tracemalloc.stop()


def test_lists_in_the_tail_of_lists_are_one_list_however_many() -> None:
    data = b"\x83" + b"l\x00\x00\x00\x01a\x07" * DEPTH
    assert decode(data + b"j") == [7] * DEPTH
    assert decode(data + b"a\x08") == ImproperList([7] * DEPTH, 8)
    assert decode(b"\x83" + b"l\x00\x00\x00\x00" * DEPTH + b"j") == []


def test_a_list_of_a_million_elements_goes_through() -> None:
    numbers = list(range(1_000_000))
    data = encode(numbers)
    assert len(data) == 1 + 5 + 256 * 2 + (1_000_000 - 256) * 5 + 1
    assert decode(data) == numbers
    assert equal(decode(data), numbers)
    assert compare(numbers, [*numbers[:-1], 0]) == 1


def test_a_map_of_100_000_keys_goes_through() -> None:
    pairs = {Atom("k"): 1, **{n: n for n in range(100_000)}}
    assert decode(encode(pairs)) == pairs
    assert compare(pairs, {**pairs, 99_999: 0}) == 1


def test_ten_megabytes_go_through() -> None:
    assert decode(encode(b"x" * 10_000_000)) == b"x" * 10_000_000


def test_deeper_than_the_limit_is_refused() -> None:
    with pytest.raises(TermLimitError, match="depth"):
        decode(b"\x83" + b"h\x01" * 1001 + b"j", limits=Limits(depth=1000))
