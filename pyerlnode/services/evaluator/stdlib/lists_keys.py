"""The functions of `lists` for lists of tuples, by an element of each.

Source: lists.erl of OTP 27; keyfind/3, keymember/3 and keysearch/3 are BIFs.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.services.evaluator.requests import Call
from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    badarg,
    by_order,
    cased,
    each,
    function_clause,
    is_function,
    is_integer,
    proper,
    split_tail,
    with_tail,
)
from pyerlnode.services.evaluator.stdlib.lists import lists
from pyerlnode.services.evaluator.stdlib.lists_sort import dedupe, merged
from pyerlnode.term import Atom, Term, compare

if TYPE_CHECKING:
    from collections.abc import Iterable

_VALUE = Atom("value")


def _position(value: Term) -> int:
    if not is_integer(value, 1):
        raise function_clause()
    return int(value)


def _has(item: Term, position: int, key: Term) -> bool:
    """Whether it is a tuple with an element there that is equal (`==`) to the key."""
    return type(item) is tuple and position <= len(item) and compare(item[position - 1], key) == 0


def _found(key: Term, position: Term, items: Term) -> Term:
    if not is_integer(position, 1):
        raise badarg()
    elements, tail = split_tail(items)
    for item in elements:
        if _has(item, position, key):
            return item
    if not isinstance(tail, list):
        raise badarg()
    return None


@lists.function("keyfind", 3)
def keyfind(key: Term, position: Term, items: Term) -> Term:
    found = _found(key, position, items)
    return False if found is None else found


@lists.function("keysearch", 3)
def keysearch(key: Term, position: Term, items: Term) -> Term:
    found = _found(key, position, items)
    return False if found is None else (_VALUE, found)


@lists.function("keymember", 3)
def keymember(key: Term, position: Term, items: Term) -> Term:
    return _found(key, position, items) is not None


# --- changing one ---------------------------------------------------------------------------


def _split_at(key: Term, position: int, items: Term) -> tuple[list[Term], Term, Term] | None:
    """What is before the first tuple with the key, it, and the rest; None if there is none."""
    elements, tail = split_tail(items)
    for at, item in enumerate(elements):
        if _has(item, position, key):
            return list(elements[:at]), item, with_tail(elements[at + 1 :], tail)
    proper(items)
    return None


@lists.function("keydelete", 3)
def keydelete(key: Term, position: Term, items: Term) -> Term:
    found = _split_at(key, _position(position), items)
    return items if found is None else with_tail(found[0], found[2])


@lists.function("keytake", 3)
def keytake(key: Term, position: Term, items: Term) -> Term:
    found = _split_at(key, _position(position), items)
    return False if found is None else (_VALUE, found[1], with_tail(found[0], found[2]))


@lists.function("keyreplace", 4)
def keyreplace(key: Term, position: Term, items: Term, new: Term) -> Term:
    found = _split_at(key, _replacing(position, new), items)
    return items if found is None else with_tail([*found[0], new], found[2])


@lists.function("keystore", 4)
def keystore(key: Term, position: Term, items: Term, new: Term) -> Term:
    found = _split_at(key, _replacing(position, new), items)
    return [*items, new] if found is None else with_tail([*found[0], new], found[2])


def _replacing(position: Term, new: Term) -> int:
    if type(new) is not tuple:
        raise function_clause()
    return _position(position)


@lists.function("keymap", 3)
def keymap(fun: Term, position: Term, items: Term) -> Steps:
    out: list[Term] = []
    for item in each(items):
        if not is_integer(position, 1) or type(item) is not tuple or position > len(item):
            raise badarg()
        made = yield Call(fun, (item[position - 1],))
        out.append((*item[: position - 1], made, *item[position:]))
    if not (is_integer(position, 1) and is_function(fun, 1)):
        raise function_clause()
    return out


# --- in order -------------------------------------------------------------------------------


def _keyed(items: Iterable[Term], position: int) -> list[tuple[Term, Term]]:
    """(key, tuple) for each; `badarg` where there is no such element."""
    given = list(items)
    if any(type(item) is not tuple or position > len(item) for item in given):
        raise badarg()
    return [(item[position - 1], item) for item in given]


@lists.function("keysort", 2)
def keysort(position: Term, items: Term) -> Term:
    place, given = _position(position), cased(items)
    if len(given) < 2:
        return given
    return [item for _, item in sorted(_keyed(given, place), key=lambda pair: by_order(pair[0]))]


@lists.function("ukeysort", 2)
def ukeysort(position: Term, items: Term) -> Term:
    place, given = _position(position), cased(items)
    if len(given) < 2:
        return given
    ordered = sorted(_keyed(given, place), key=lambda pair: by_order(pair[0]))
    return [item for _, item in dedupe(ordered, lambda pair: pair[0])]


@lists.function("keymerge", 3)
def keymerge(position: Term, left: Term, right: Term) -> Term:
    place = _position(position)
    if not proper(left) or not proper(right):
        return [*left, *right]
    both = merged(_keyed(proper(left), place), _keyed(proper(right), place), lambda pair: pair[0])
    return [item for _, item in both]


@lists.function("ukeymerge", 3)
def ukeymerge(position: Term, left: Term, right: Term) -> Term:
    place = _position(position)
    if not proper(left) or not proper(right):
        return [*left, *right]
    both = merged(_keyed(proper(left), place), _keyed(proper(right), place), lambda pair: pair[0])
    return [item for _, item in dedupe(both, lambda pair: pair[0])]
