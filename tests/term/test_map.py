"""Maps are exact: nothing is merged, nothing is lost, whatever the keys are."""

from __future__ import annotations

from typing import Any

import pytest

from pyerlnode.errors import TermDecodeError, TermEncodeError
from pyerlnode.term import Atom, Map, decode, encode, equal


def wire(*pairs: tuple[Any, Any]) -> bytes:
    """A map with these pairs, in this order, whatever they are."""
    body = b"".join(encode(part)[1:] for pair in pairs for part in pair)
    return b"\x83t" + len(pairs).to_bytes(4, "big") + body


MERGING = [
    [(1, "a"), (1.0, "b")],
    [(1, "a"), (True, "b")],
    [(0, "a"), (False, "b")],
    [(0.0, "a"), (-0.0, "b")],
    [((1,), "a"), ((1.0,), "b")],
    [((0, (True,)), "a"), ((False, (1,)), "b")],
    [(2**60, "a"), (float(2**60), "b")],
]
UNHASHABLE = [[1, 2], {}, ([1],), (1, {Atom("a"): []}), Map([(1, 1), (1.0, 2)])]


@pytest.mark.parametrize("pairs", MERGING, ids=str)
def test_keys_that_python_would_merge_stay_apart(pairs: list[tuple[Any, Any]]) -> None:
    found = decode(wire(*pairs), text=True)
    assert type(found) is Map
    assert list(found.items()) == pairs
    assert [type(key) for key in found] == [type(key) for key, _ in pairs]
    assert [found[key] for key, _ in pairs] == ["a", "b"]
    assert equal(decode(encode(found)), found)


def test_an_atom_and_an_equal_text_are_two_keys() -> None:
    data = wire((Atom("a"), 1), (b"a", 2))
    assert decode(data) == {Atom("a"): 1, b"a": 2}
    found = decode(data, text=True)
    assert type(found) is Map
    assert (found[Atom("a")], found["a"], found[b"a"]) == (1, 2, 2)


@pytest.mark.parametrize("key", UNHASHABLE, ids=repr)
def test_any_term_can_be_a_key(key: Any) -> None:
    found = decode(wire((key, b"v"), (Atom("k"), 1)))
    assert type(found) is Map
    assert found[key] == b"v"
    assert key in found
    assert equal(decode(encode(found)), found)


def test_keys_that_are_no_trouble_give_a_dict() -> None:
    for key in (1, 1.0, -0.0, True, None, b"x", Atom("x"), (1, (Atom("x"), 2.0))):
        assert type(decode(wire((key, 1)))) is dict


def test_a_tuple_too_deep_to_be_hashed_is_a_key_of_a_map() -> None:
    key: Any = ()
    for _ in range(100_000):
        key = (key,)
    found = decode(wire((key, 1), (2, 3)))
    assert type(found) is Map
    assert found[key] == 1


@pytest.mark.parametrize(
    "twins",
    [(1, 1), (Atom("a"), Atom("a")), ([1, 2], [1, 2]), ((1, [2]), (1, [2])), ({1: 2, 3: 4}, {3: 4, 1: 2})],
    ids=str,
)
def test_the_same_key_twice_is_refused(twins: tuple[Any, Any]) -> None:
    with pytest.raises(TermDecodeError, match="same Erlang term") as caught:
        decode(b"\x83h\x01" + wire((twins[0], 1), (twins[1], 2))[1:])
    assert caught.value.offset == 3
    with pytest.raises(TermEncodeError, match="same Erlang term"):
        Map([(twins[0], 1), (twins[1], 2)])


def test_the_same_key_in_two_encodings_is_refused() -> None:
    string, listed = b"k\x00\x02\x01\x02", b"l\x00\x00\x00\x02a\x01a\x02j"
    with pytest.raises(TermDecodeError, match="same Erlang term"):
        decode(b"\x83t\x00\x00\x00\x02" + string + b"a\x01" + listed + b"a\x02")


@pytest.mark.parametrize(
    "twins", [("a", b"a"), (True, Atom("true")), (None, Atom("nil")), (("a",), (b"a",))], ids=str
)
def test_a_dict_with_two_python_keys_for_one_erlang_key_is_refused(twins: tuple[Any, Any]) -> None:
    with pytest.raises(TermEncodeError, match="same Erlang term"):
        encode({twins[0]: 1, twins[1]: 2})


def test_equal_maps_give_equal_bytes() -> None:
    pairs = [(Atom("b"), 1), (Atom("a"), 2), (b"x", 3), (7, 4), (-1, 5), ((1, 2), 6), (1.5, 7), (None, 8)]
    expected = encode(dict(pairs))
    assert encode(dict(reversed(pairs))) == expected
    assert encode(Map(pairs)) == expected
    assert encode(Map(reversed(pairs))) == expected


def test_a_map_equals_a_dict_with_the_same_pairs() -> None:
    assert Map({Atom("a"): 1, 2: 3}) == {2: 3, Atom("a"): 1}
    assert Map([(2, 3)]) == {2: 3}
    assert Map([(2, 3)]) != {2.0: 3}
    assert Map([(2, 3)]) != {2: 4}
    assert Map([(2, 3)]) != [(2, 3)]
    assert hash(Map([(1, 2), (3, 4)])) == hash(Map([(3, 4), (1, 2)]))


def test_a_missing_key_is_missing() -> None:
    found = Map([(1, 2)])
    assert 1.0 not in found
    assert True not in found
    assert found.get([1]) is None
    assert object() not in found
    with pytest.raises(KeyError):
        found[1.0]
    assert len(Map()) == 0
