"""What of Python's objects a closure sees, and Python of a closure's values.

Functions of this program, and messages of its processes, hold text as `str`, and dates or
ranges as Python's own.  To a closure, and to the library, text is bytes and a struct a map.

Proof: tests/services/evaluator/test_exact.py.
"""

from __future__ import annotations

from typing import Any, Final

from pyerlnode.term import (
    Atom,
    BitString,
    Export,
    Fun,
    ImproperList,
    Map,
    Pid,
    Port,
    Record,
    Reference,
    Term,
    decode,
    encode,
)

__all__ = ["seen_by_python", "seen_here"]

_LEAVES: Final = frozenset(
    {Atom, int, bool, type(None), bytes, BitString, Pid, Port, Reference, Export, Fun, Record}
)


def seen_here(term: Term) -> Term:
    """The term as a closure sees it; TermEncodeError for what is none."""
    if type(term) in _LEAVES or _is_decoded(term):
        return term
    return decode(encode(term), structs=False)


def seen_by_python(term: Term) -> Term:
    """The term as it would have come from another node."""
    if type(term) in _LEAVES or not _has_struct(term):
        return term
    return decode(encode(term))


def _parts(term: Any) -> list[Any] | None:
    """What a container contains; None for anything else."""
    kind = type(term)
    if kind is tuple or kind is list:
        return list(term)
    if kind is dict or kind is Map:
        return [*term.keys(), *term.values()]
    if kind is ImproperList:
        return [*term.elements, term.tail]
    return None


def _is_decoded(term: Any) -> bool:
    todo = [term]
    while todo:
        each = todo.pop()
        parts = _parts(each)
        if parts is not None:
            todo += parts
        elif type(each) not in _LEAVES and not (type(each) is float and each - each == 0):
            return False
    return True


def _has_struct(term: Any) -> bool:
    todo = [term]
    while todo:
        each = todo.pop()
        if type(each) is dict and "__struct__" in each:
            return True
        todo += _parts(each) or ()
    return False
