"""A dict whose keys are terms, told apart as Erlang's `=:=` does.

Keys of a process dictionary, names of `global` and groups of `pg` are any terms: `1`, `1.0`
and `true` are three of them, an atom and an equal text two, and a list or a map is one as well.

Proof: tests/services/test_term_dict.py, tests/process/test_process_dictionary.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from typing import Generic, TypeVar

from pyerlnode.term._map import Map
from pyerlnode.term.types import Atom, Term

__all__ = ["TermDict"]

_Value = TypeVar("_Value")


class TermDict(MutableMapping[Term, _Value], Generic[_Value]):
    """Like a dict, with any term as a key; iterates over the terms in the order of their arrival.

    Raises TermEncodeError for a key that is no term.
    """

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[Term, _Value]] = ()) -> None:
        self._pairs: dict[str | bytes, tuple[Term, _Value]] = {}
        for key, value in pairs:
            self[key] = value

    def __getitem__(self, key: Term) -> _Value:
        return self._pairs[_exact(key)][1]

    def __setitem__(self, key: Term, value: _Value) -> None:
        self._pairs[_exact(key)] = (key, value)

    def __delitem__(self, key: Term) -> None:
        del self._pairs[_exact(key)]

    def __iter__(self) -> Iterator[Term]:
        return iter([key for key, _ in self._pairs.values()])

    def __len__(self) -> int:
        return len(self._pairs)

    def __repr__(self) -> str:
        return f"TermDict({list(self._pairs.values())!r})"


def _exact(key: Term) -> str | bytes:
    # An atom's text is never equal to the bytes of another term.
    if type(key) is Atom:
        return key
    return next(iter(Map([(key, None)]).exact_items()))
