"""How the objects of a table are kept: `set`, `ordered_set` and `bag`.

Each is asked with the key and its exact bytes (`encode(key)`), of which it uses one.
A key is never hashed itself: it may be a list, and nested deeper than C's stack.

Source: ets(3), Types of tables.
Proof: tests/otp/test_table.py.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any, Final, Protocol

from pyerlnode.term import Term, compare, encode

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TYPES", "Objects"]

_Object = tuple[Any, ...]
_ordered = cmp_to_key(compare)


class Objects(Protocol):
    """The objects of one table."""

    def put(self, exact: bytes, item: _Object) -> None:
        """Add an object, or replace the one with its key."""

    def get(self, exact: bytes, key: Term) -> list[_Object]:
        """The objects with a key."""

    def remove(self, exact: bytes, key: Term) -> None:
        """Take the objects with a key out."""

    def all(self) -> list[_Object]:
        """Every object."""

    def __len__(self) -> int: ...


class _Set:
    """One object for a key; keys are told apart by `=:=`."""

    def __init__(self) -> None:
        self._objects: dict[bytes, _Object] = {}

    def put(self, exact: bytes, item: _Object) -> None:
        self._objects[exact] = item

    def get(self, exact: bytes, key: Term) -> list[_Object]:
        found = self._objects.get(exact)
        return [] if found is None else [found]

    def remove(self, exact: bytes, key: Term) -> None:
        self._objects.pop(exact, None)

    def all(self) -> list[_Object]:
        return list(self._objects.values())

    def __len__(self) -> int:
        return len(self._objects)


class _OrderedSet:
    """One object for a key; keys are told apart by `==`, and stand in Erlang's term order."""

    def __init__(self) -> None:
        self._keys: list[Any] = []
        self._objects: list[_Object] = []

    def _find(self, key: Term) -> tuple[int, bool]:
        """Where the key is, or belongs."""
        wanted = _ordered(key)
        place = bisect_left(self._keys, wanted)
        return place, place < len(self._keys) and not wanted < self._keys[place]

    def put(self, exact: bytes, item: _Object) -> None:
        place, found = self._find(item[0])
        self._keys[place : place + found] = [_ordered(item[0])]
        self._objects[place : place + found] = [item]

    def get(self, exact: bytes, key: Term) -> list[_Object]:
        place, found = self._find(key)
        return [self._objects[place]] if found else []

    def remove(self, exact: bytes, key: Term) -> None:
        place, found = self._find(key)
        del self._keys[place : place + found]
        del self._objects[place : place + found]

    def all(self) -> list[_Object]:
        return list(self._objects)

    def __len__(self) -> int:
        return len(self._objects)


class _Bag:
    """Several objects for a key, each of them once: equal ones must be known, so they are terms."""

    def __init__(self) -> None:
        self._objects: dict[bytes, dict[bytes, _Object]] = {}

    def put(self, exact: bytes, item: _Object) -> None:
        self._objects.setdefault(exact, {})[encode(item)] = item

    def get(self, exact: bytes, key: Term) -> list[_Object]:
        return list(self._objects.get(exact, {}).values())

    def remove(self, exact: bytes, key: Term) -> None:
        self._objects.pop(exact, None)

    def all(self) -> list[_Object]:
        return [item for items in self._objects.values() for item in items.values()]

    def __len__(self) -> int:
        return sum(map(len, self._objects.values()))


TYPES: Final[dict[str, Callable[[], Objects]]] = {"set": _Set, "ordered_set": _OrderedSet, "bag": _Bag}
