"""What of Python's objects a closure sees: terms as they would come from another node.

Functions of this program, and messages of its processes, hold text as `str`, structs as
dataclasses and so on.  The library knows the decoder's types only.

Proof: tests/services/evaluator/test_values.py.
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

__all__ = ["seen_here"]

_LEAVES: Final = frozenset(
    {Atom, int, bool, type(None), bytes, BitString, Pid, Port, Reference, Export, Fun, Record}
)


def seen_here(term: Term) -> Term:
    """The term as the decoder gives it; TermEncodeError for what is none."""
    if type(term) in _LEAVES or _is_decoded(term):
        return term
    return decode(encode(term))


def _is_decoded(term: Any) -> bool:
    todo = [term]
    while todo:
        each = todo.pop()
        kind = type(each)
        if kind is tuple or kind is list:
            todo += each
        elif kind is dict or kind is Map:
            todo += each.keys()
            todo += each.values()
        elif kind is ImproperList:
            todo += each.elements
            todo.append(each.tail)
        elif kind not in _LEAVES and not (kind is float and each - each == 0):
            return False
    return True
