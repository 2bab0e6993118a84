"""What the native codec keeps from one term to the next changes nothing of what it reads and writes.

That are the keys of maps, atoms, the last pid, and objects that were freed.
"""

from __future__ import annotations

import gc
import sys
from random import Random
from typing import Any

import pytest

from pyerlnode.errors import TermEncodeError
from pyerlnode.term import (
    IMPLEMENTATION,
    Atom,
    ImproperList,
    Pid,
    Reference,
    decode,
    encode,
    encode_parts,
    exact_bytes,
)
from pyerlnode.term._decode import decode as reference_decode
from pyerlnode.term._encode import encode as reference_encode
from pyerlnode.term._encode import encode_parts as reference_encode_parts
from pyerlnode.term._encode import exact_bytes as reference_exact_bytes

pytestmark = pytest.mark.skipif(IMPLEMENTATION == "pure", reason="only the native codec keeps anything")

ATOMS: list[Any] = [Atom("k" * length + str(length % 7)) for length in range(1, 40)]
BINARIES: list[Any] = [bytes([97 + length % 3]) * length for length in range(40)]
TEXTS: list[Any] = ["t" * length + str(length % 5) for length in range(30)]
NODES = [Atom("a@b"), Atom("alex@localhost"), Atom("somebody@some.host.with.a.long.name")]


def leaf(source: Random) -> Any:
    """Of every length around where short ones end."""
    length = source.randrange(28, 37) if source.random() < 0.5 else source.randrange(12)
    return source.choice(
        [
            None,
            True,
            length,
            source.getrandbits(source.randrange(80)) - 2**20,
            source.random(),
            bytes(length),
            "x" * length,
            "é" * length,
            Atom("v" * length),
            [],
            (),
            Pid(source.choice(NODES), length, 0, 1),
        ]
    )


def term(source: Random, depth: int) -> Any:
    if depth == 0 or source.random() < 0.3:
        return leaf(source)
    children = [term(source, depth - 1) for _ in range(source.randrange(4))]
    match source.randrange(4):
        case 0:
            return children
        case 1:
            return tuple(children)
    return {key: term(source, depth - 1) for key in keys(source)}


def keys(source: Random) -> list[Any]:
    """A few objects of those above, often the same ones as another time."""
    some = source.choice([ATOMS, ATOMS, BINARIES, BINARIES, TEXTS, [*ATOMS, *BINARIES]])
    start = source.randrange(0, len(some), 5)
    chosen = some[start : start + source.choice([1, 2, 2, 5, 16, 17])]
    if source.random() < 0.3:
        source.shuffle(chosen)
    return chosen


@pytest.mark.parametrize("seed", range(5))
def test_maps_of_the_same_keys_are_written_as_the_reference_writes_them(seed: int) -> None:
    source = Random(seed)
    for _ in range(15):
        made = [term(source, 4) for _ in range(5)] * 3
        assert encode(made) == reference_encode(made)
        assert exact_bytes(made) == reference_exact_bytes(made)
        native, reference = bytearray(), bytearray()
        known: dict[Atom, int] = {atom: at for at, atom in enumerate(ATOMS[::2])}
        encode_parts(made, native, known.get)
        reference_encode_parts(made, reference, known.get)
        assert native == reference


def test_maps_inside_of_maps_may_have_as_many_keys() -> None:
    outer, inner = {b"one": 1, b"two": 2}, {b"one": 3, b"too": 4}
    for _ in range(5):
        for value in ({**outer, b"two": inner}, {**inner, b"too": outer}, {**outer, b"two": outer}):
            assert encode(value) == reference_encode(value)


def test_what_a_map_cannot_be_written_with_does_not_spoil_the_next() -> None:
    good = {b"first": 1, b"second": {b"first": 2, b"second": 3}}
    expected = reference_encode(good)
    for _ in range(5):
        assert encode(good) == expected
        for _ in range(3):
            with pytest.raises(TermEncodeError):
                encode({**good, b"second": {**good, b"second": object()}})


def test_keys_that_are_equal_only_in_erlang_are_still_refused() -> None:
    for _ in range(5):
        assert encode({"a": 1, "b": 2}) == encode({b"a": 1, b"b": 2})
        with pytest.raises(TermEncodeError):
            encode({"a": 1, b"a": 2})


def test_keys_are_kept_only_as_long_as_others_do_not_come() -> None:
    key = b"%d" % 17
    before = sys.getrefcount(key)
    for _ in range(3):
        encode({key: 1})
    assert sys.getrefcount(key) == before + 1
    others = [b"%d" % number for number in range(10_000)]
    for other in others:
        encode([{other: 1}, {other: 2}])
    assert sys.getrefcount(key) == before


def test_atoms_of_all_lengths_are_found_again() -> None:
    atoms = [Atom(letter * length) for length in range(256) for letter in "abc"]
    for _ in range(2):
        for one, other in zip(atoms, reversed(atoms), strict=True):
            first, second, third = decode(encode((one, other, one)))
            assert (first is one, second is other, third is one) == (True, True, True)


def test_pids_and_references_come_as_they_are() -> None:
    source = Random(1)
    made: list[Any] = []
    for _ in range(3000):
        node, few = source.choice(NODES), [source.randrange(2) for _ in range(3)]
        words = tuple(source.randrange(2) for _ in range(source.randrange(6)))
        made.append(source.choice([Pid(node, *few), Reference(node, few[0], words)]))
    data = encode(made)
    assert decode(data) == made == reference_decode(data)
    assert [decode(encode(one)) for one in made] == made
    assert encode(decode(data)) == data


def test_aliases_are_lists_like_others() -> None:
    references = [Reference(NODES[at % 3], at, (at, at + 1)) for at in range(500)]
    heads = [Atom("alias"), True, 1, b"x", Atom("other")]
    data = [encode(ImproperList([heads[at % 5]], one)) for at, one in enumerate(references)]
    for _ in range(3):
        lists = [decode(one) for one in data]
        del lists[::2]
        lists += [decode(one) for one in data[::2]]
        for one in lists:
            at = one.tail.creation
            assert (one.elements, one.tail) == ((heads[at % 5],), references[at])
            assert one == ImproperList([heads[at % 5]], references[at]) == reference_decode(data[at])
            assert encode(one) == data[at]
        # What has been looked at is another object inside.
        del lists, one
        gc.collect()


def test_an_alias_may_be_of_a_class_of_ones_own() -> None:
    class Mine(ImproperList):
        pass

    for at in range(200):
        mine = Mine([Atom("alias")], Reference(NODES[0], at, (1,)))
        assert encode(mine) == encode(ImproperList(mine.elements, mine.tail))
        del mine
        assert decode(encode(ImproperList([Atom("alias")], Reference(NODES[0], 1, (1,))))).tail.words == (1,)
    gc.collect()
