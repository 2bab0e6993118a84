"""Maps and structs from what was read, by the rules of `decode`, so that both give the same objects.

Proof: tests/term/test_text_golden.py (reading what was printed gives what the bytes decode to).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.term._decode import _as_struct, _build_map, _Refused
from pyerlnode.term.text._structs import optional_fields
from pyerlnode.term.types import Atom

if TYPE_CHECKING:
    from pyerlnode.term.text._scan import Scanner
    from pyerlnode.term.types import Term

__all__ = ["atom_keys", "build_map", "build_struct"]

_STRUCT = Atom("__struct__")


def build_map(scanner: Scanner, pairs: list[tuple[Term, Term]], start: int) -> Term:
    """A dict, or a Map where a dict would lose something, or the struct that `__struct__` names.

    The same key twice is refused, as it is in bytes: whatever was meant, one value would be lost.
    """
    try:
        built = _build_map([part for pair in pairs for part in pair], 0)
    except _Refused as refused:
        scanner.refuse(str(refused), start)
    return _as_struct(built) if type(built) is dict and _STRUCT in built else built


def build_struct(scanner: Scanner, module: str, pairs: list[tuple[Term, Term]], start: int) -> Term:
    """The struct `module` with these fields, and those that Elixir's notation may leave out.

    Its Python type where there is one; keys that are no atoms are refused.
    """
    if not all(type(key) is Atom for key, _ in pairs):
        scanner.refuse("a struct has atoms as keys", start)
    given = {key for key, _ in pairs}
    more = {name: value for name, value in optional_fields(module).items() if name not in given}
    return build_map(scanner, [*pairs, *atom_keys(more), (_STRUCT, Atom(module))], start)


def atom_keys(fields: dict[str, Term]) -> list[tuple[Term, Term]]:
    """Fields by name as the pairs of a map."""
    return [(Atom(name), value) for name, value in fields.items()]
