"""Maps and structs from what was read, by the rules of `decode`, so that both give the same objects.

Proof: tests/term/test_text_golden.py (reading what was printed gives what the bytes decode to).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.term._decode import _as_struct, _build_map, _Refused
from pyerlnode.term.types import Atom

if TYPE_CHECKING:
    from pyerlnode.term.text._scan import Scanner
    from pyerlnode.term.types import Term

__all__ = ["build_map", "build_struct"]

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


def build_struct(scanner: Scanner, module: Atom, pairs: list[tuple[Term, Term]], start: int) -> Term:
    """The struct `module` with these fields: its Python type where there is one."""
    return build_map(scanner, [*pairs, (_STRUCT, module)], start)
