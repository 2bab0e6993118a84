"""Maps and equality where Python would merge: 1, 1.0 and true are three keys.

A map is a `dict` where that is enough and a `Map` where it is not, as from the decoder;
these functions give a new one and leave the old as it is.

    put({}, 1, b"a")                     {1: b"a"}
    put({1: b"a"}, 1.0, b"b")            Map([(1, b"a"), (1.0, b"b")])

Proof: tests/services/evaluator/test_exact.py.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.term import Atom, BitString, Map, Pid, Port, Reference, Term, equal, exact_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MISSING", "AnyMap", "from_pairs", "get", "has_key", "is_map", "items", "pop", "put", "remove"]

AnyMap = dict[Any, Any] | Map

MISSING: Final[Any] = object()
# Python's `==` is Erlang's `=:=` between any two of these and any other key.
_SAFE: Final = frozenset({Atom, bytes, type(None), Pid, Port, Reference, BitString})
_FLAT: Final = _SAFE | {int, float, bool}


class _Probe:
    """Finds a number, or a tuple of flat terms, in a dict: equal only to the same term."""

    __slots__ = ("hash", "key")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.hash = hash(key)

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other: object) -> bool:
        return same(self.key, other)


def same(a: Term, b: Term) -> bool:
    """Erlang's `=:=`."""
    if a is b:
        return True
    kind = type(a)
    if kind is float and type(b) is float:
        return bool(a == b) and math.copysign(1, a) == math.copysign(1, b)
    return equal(a, b)


def is_map(term: Term) -> bool:
    """Whether it is a map."""
    return type(term) is dict or type(term) is Map


def items(source: AnyMap) -> list[tuple[Term, Term]]:
    """The pairs, in the map's order."""
    return list(source.items()) if type(source) is dict else list(_pairs(source).values())


def get(source: AnyMap, key: Term, default: Any = MISSING) -> Any:
    """The value of a key; `default` if it is not there."""
    if type(source) is not dict:
        found = _pairs(source).get(exact_bytes(key))
        return default if found is None else found[1]
    if type(key) in _SAFE:
        return source.get(key, default)
    if _is_probed(key):
        return source.get(_Probe(key), default)
    if not _may_be_hashed(key):
        return default
    return next((value for stored, value in source.items() if same(stored, key)), default)


def has_key(source: AnyMap, key: Term) -> bool:
    """Whether the key is there."""
    return get(source, key) is not MISSING


def put(source: AnyMap, key: Term, value: Term) -> AnyMap:
    """The map with this value for the key."""
    if type(source) is dict and (type(key) in _SAFE or (_is_probed(key) and _stands_alone(source, key))):
        return {**source, key: value}
    return _of_pairs({**_pairs(source), exact_bytes(key): (key, value)})


def remove(source: AnyMap, key: Term) -> AnyMap:
    """The map without the key."""
    return pop(source, key)[1]


def pop(source: AnyMap, key: Term) -> tuple[Any, AnyMap]:
    """The key's value, MISSING if it was not there, and the map without it."""
    value = get(source, key)
    if value is MISSING:
        return value, source
    if type(source) is dict and (type(key) in _SAFE or _is_probed(key)):
        left = dict(source)
        del left[key]
        return value, left
    pairs = dict(_pairs(source))
    del pairs[exact_bytes(key)]
    return value, _of_pairs(pairs)


def from_pairs(pairs: Iterable[tuple[Term, Term]]) -> AnyMap:
    """A map of pairs, of which the last of a key counts."""
    given = list(pairs)
    if all(type(key) in _SAFE for key, _ in given):
        return dict(given)
    # The first of a key says where it stands, as in a dict.
    exact: dict[bytes, tuple[Term, Term]] = {}
    for key, value in given:
        exact[exact_bytes(key)] = (key, value)
    return _of_pairs(exact)


def _is_probed(key: Term) -> bool:
    kind = type(key)
    return kind in _FLAT or (kind is tuple and all(type(each) in _FLAT for each in key))


def _stands_alone(source: dict[Any, Any], key: Term) -> bool:
    """Whether no other key of the dict is equal to this one in Python."""
    return key not in source or has_key(source, key)


def _may_be_hashed(key: Term) -> bool:
    """Whether a dict could have it as a key: lists and maps are only in a Map."""
    return type(key) is not list and not is_map(key)


def _pairs(source: AnyMap) -> dict[bytes, tuple[Term, Term]]:
    if type(source) is dict:
        return {exact_bytes(key): (key, value) for key, value in source.items()}
    return source.exact_items()  # type: ignore[union-attr]  # it is a Map


def _of_pairs(pairs: dict[bytes, tuple[Term, Term]]) -> AnyMap:
    """A dict if that can hold the keys, else a Map."""
    if all(_is_probed(key) for key, _ in pairs.values()):
        plain = dict(pairs.values())
        if len(plain) == len(pairs):
            return plain
    return Map(pairs.values())
