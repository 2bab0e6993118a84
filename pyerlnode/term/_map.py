"""Maps whose keys a dict would merge or could not hold.

Python takes 1, 1.0 and True for one key of a dict, an atom and an equal text too, and
a list for none at all; to Erlang they are all different keys.  A `Map` tells its keys
apart by their exact bytes (see `_encode.exact_bytes`), that is by Erlang's `=:=`.

Proof: tests/term/test_map.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from pyerlnode.errors import TermEncodeError
from pyerlnode.term._encode import AtomRef, Opened, add_opener, exact_map
from pyerlnode.term._exact import exact_bytes

__all__ = ["Map"]


class Map(Mapping[Any, Any]):
    """An immutable map with Erlang's `=:=` on its keys; it keeps the order that it was given.

    `Map([(1, "a"), (1.0, "b"), ([1], "c")])`, or from any mapping.  The same key twice
    is a TermEncodeError.  Keys may be lists and maps; one that is changed afterwards is
    no longer found.  Equal to a Map, or a dict, with the same keys and equal values.
    """

    __slots__ = ("_pairs",)

    _pairs: dict[bytes, tuple[Any, Any]]

    def __init__(self, pairs: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = ()) -> None:
        given = list(pairs.items() if isinstance(pairs, Mapping) else pairs)
        exact = {exact_bytes(key): (key, value) for key, value in given}
        if len(exact) != len(given):
            raise TermEncodeError("two keys of a Map are the same Erlang term")
        _set_pairs(self, exact)

    def __getitem__(self, key: Any) -> Any:
        try:
            return self._pairs[exact_bytes(key)][1]
        except (KeyError, TermEncodeError):
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[Any]:
        return iter([key for key, _ in self._pairs.values()])

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, dict):
            try:
                other = Map(other)
            except TermEncodeError:
                return False
        if type(other) is not Map:
            return NotImplemented
        theirs = other._pairs
        return len(theirs) == len(self._pairs) and all(
            exact in theirs and theirs[exact][1] == value for exact, (_, value) in self._pairs.items()
        )

    def __hash__(self) -> int:
        return hash(frozenset(self._pairs))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("Map is immutable")

    def __reduce__(self) -> tuple[Any, ...]:
        return (Map, (list(self._pairs.values()),))

    def __repr__(self) -> str:
        return f"Map({list(self._pairs.values())!r})"

    def exact_items(self) -> dict[bytes, tuple[Any, Any]]:
        """The pairs under their keys' exact bytes; not to be changed."""
        return self._pairs


_set_pairs = Map.__dict__["_pairs"].__set__


def _open_map(item: Map, out: bytearray, atom_ref: AtomRef | None) -> Opened:
    pairs = item.exact_items()
    out += b"\x74" + len(pairs).to_bytes(4, "big")
    return (child for exact in sorted(pairs) for child in pairs[exact]), None


def _exact(item: Map, out: bytearray, atom_ref: AtomRef | None) -> Opened:
    pairs = item.exact_items()
    return exact_map(((exact, *pair) for exact, pair in pairs.items()), len(pairs), out)


add_opener(Map, _open_map, _exact)
