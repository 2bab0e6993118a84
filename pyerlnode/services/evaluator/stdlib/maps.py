"""`maps`.

An iterator is, as on a BEAM, a term that only `maps:next/1` and its like look into; here it is
the improper list of the keys that are left and the map.  Without an order the pairs come in the
order of their arrival.

Source: maps.erl of OTP 27; module `maps` of the STDLIB reference manual.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any, Final

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.limits import check_length
from pyerlnode.services.evaluator.requests import Call
from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.arguments import (
    ERROR,
    OK,
    UNDEFINED,
    Distinct,
    Steps,
    a_map,
    badarg,
    badkey,
    badmap,
    case_clause,
    exact_order,
    is_function,
    listed,
)
from pyerlnode.services.evaluator.stdlib.exact import MISSING, AnyMap
from pyerlnode.services.evaluator.stdlib.lists_sort import sort_by
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, ImproperList, Map, Term, exact_bytes

maps = Library("maps")

_ORDERED, _REVERSED, _NONE = Atom("ordered"), Atom("reversed"), Atom("none")
_by_key: Final = cmp_to_key(exact_order)


# --- one key --------------------------------------------------------------------------------


@maps.function("get", 2)
def get(key: Term, given: Term) -> Term:
    found = exact.get(a_map(given), key)
    if found is MISSING:
        raise badkey(key)
    return found


@maps.function("get", 3)
def get_or(key: Term, given: Term, default: Term) -> Term:
    return exact.get(a_map(given), key, default)


@maps.function("find", 2)
def find(key: Term, given: Term) -> Term:
    found = exact.get(a_map(given), key)
    return ERROR if found is MISSING else (OK, found)


@maps.function("is_key", 2)
def is_key(key: Term, given: Term) -> Term:
    return exact.has_key(a_map(given), key)


@maps.function("put", 3)
def put(key: Term, value: Term, given: Term) -> Term:
    check_length(len(a_map(given)) + 1)
    return exact.put(given, key, value)


@maps.function("update", 3)
def update(key: Term, value: Term, given: Term) -> Term:
    get(key, given)
    return exact.put(given, key, value)


@maps.function("remove", 2)
def remove(key: Term, given: Term) -> Term:
    return exact.remove(a_map(given), key)


@maps.function("take", 2)
def take(key: Term, given: Term) -> Term:
    value, left = exact.pop(a_map(given), key)
    return ERROR if value is MISSING else (value, left)


@maps.function("update_with", 3)
def update_with(key: Term, fun: Term, given: Term) -> Steps:
    _takes(fun, 1, given)
    value = yield Call(fun, (get(key, given),))
    return exact.put(given, key, value)


@maps.function("update_with", 4)
def update_with_or(key: Term, fun: Term, default: Term, given: Term) -> Steps:
    _takes(fun, 1, given)
    found = exact.get(given, key)
    value = default if found is MISSING else (yield Call(fun, (found,)))
    return put(key, value, given)


def _takes(fun: Term, arity: int, *given: Term) -> None:
    """`{badmap, _}` for what is no map, `badarg` where `fun` is no fun of this arity."""
    for value in given:
        a_map(value)
    if not is_function(fun, arity):
        raise badarg()


# --- the whole ------------------------------------------------------------------------------


@maps.function("new", 0)
def new() -> Term:
    return {}


@maps.function("size", 1)
def size(given: Term) -> Term:
    return len(a_map(given))


@maps.function("keys", 1)
def keys(given: Term) -> Term:
    return list(a_map(given))


@maps.function("values", 1)
def values(given: Term) -> Term:
    return [value for _, value in exact.items(a_map(given))]


@maps.function("from_list", 1)
def from_list(pairs: Term) -> Term:
    given = listed(pairs)
    if any(type(pair) is not tuple or len(pair) != 2 for pair in given):
        raise badarg()
    return exact.from_pairs(given)


@maps.function("from_keys", 2)
def from_keys(keys: Term, value: Term) -> Term:
    return exact.from_pairs((key, value) for key in listed(keys))


@maps.function("merge", 2)
def merge(left: Term, right: Term) -> Term:
    check_length(len(a_map(left)) + len(a_map(right)))
    return exact.from_pairs([*exact.items(left), *exact.items(right)])


@maps.function("merge_with", 3)
def merge_with(fun: Term, left: Term, right: Term) -> Steps:
    _takes(fun, 3, left, right)
    check_length(len(left) + len(right))
    changed = []
    for key, value in exact.items(right):
        mine = exact.get(left, key)
        changed.append((key, value if mine is MISSING else (yield Call(fun, (key, mine, value)))))
    return exact.from_pairs([*exact.items(left), *changed])


@maps.function("intersect", 2)
def intersect(left: Term, right: Term) -> Term:
    mine, others = a_map(left), a_map(right)
    found = [(key, exact.get(others, key)) for key, _ in exact.items(mine)]
    return exact.from_pairs(pair for pair in found if pair[1] is not MISSING)


@maps.function("intersect_with", 3)
def intersect_with(fun: Term, left: Term, right: Term) -> Steps:
    _takes(fun, 3, left, right)
    pairs = []
    for key, value in exact.items(left):
        other = exact.get(right, key)
        if other is not MISSING:
            pairs.append((key, (yield Call(fun, (key, value, other)))))
    return exact.from_pairs(pairs)


@maps.function("with", 2)
def with_(keys: Term, given: Term) -> Term:
    source = a_map(given)
    found = [(key, exact.get(source, key)) for key in listed(keys)]
    return exact.from_pairs(pair for pair in found if pair[1] is not MISSING)


@maps.function("without", 2)
def without(keys: Term, given: Term) -> Term:
    source, unwanted = a_map(given), Distinct(listed(keys))
    return exact.from_pairs(pair for pair in exact.items(source) if pair[0] not in unwanted)


# --- pairs of a map, or of an iterator ----------------------------------------------------------


def _pairs(source: Term) -> list[tuple[Term, Term]]:
    """The pairs of a map, or those that an iterator has left; `{badmap, _}` for anything else."""
    if exact.is_map(source):
        return exact.items(source)
    pairs = []
    while type(source) is tuple and len(source) == 3:
        pairs.append(source[:2])
        source = source[2]
    keys, given = _left(source)
    return [*pairs, *((key, exact.get(given, key)) for key in keys)]


def _left(iterator: Term) -> tuple[list[Term], AnyMap]:
    """The keys that an iterator has left, and its map."""
    if iterator is _NONE:
        return [], {}
    match iterator:
        case ImproperList([[*keys]], (dict() | Map()) as given) if all(
            exact.has_key(given, key) for key in keys
        ):
            return keys, given
    raise badmap(iterator)


def _fun_of(fun: Term, arity: int, source: Term) -> list[tuple[Term, Term]]:
    """The pairs to call `fun` with; `{badmap, _}` or `badarg`."""
    pairs = _pairs(source)
    if not is_function(fun, arity):
        raise badarg()
    return pairs


@maps.function("to_list", 1)
def to_list(source: Term) -> Term:
    return _pairs(source)


@maps.function("map", 2)
def map_(fun: Term, source: Term) -> Steps:
    pairs = []
    for key, value in _fun_of(fun, 2, source):
        pairs.append((key, (yield Call(fun, (key, value)))))
    return exact.from_pairs(pairs)


@maps.function("filter", 2)
def filter_(fun: Term, source: Term) -> Steps:
    pairs = []
    for key, value in _fun_of(fun, 2, source):
        kept = yield Call(fun, (key, value))
        if not isinstance(kept, bool):
            raise case_clause(kept)
        if kept:
            pairs.append((key, value))
    return exact.from_pairs(pairs)


@maps.function("filtermap", 2)
def filtermap(fun: Term, source: Term) -> Steps:
    pairs = []
    for key, value in _fun_of(fun, 2, source):
        result = yield Call(fun, (key, value))
        if result is True:
            pairs.append((key, value))
        elif type(result) is tuple and len(result) == 2 and result[0] is True:
            pairs.append((key, result[1]))
        elif result is not False:
            raise case_clause(result)
    return exact.from_pairs(pairs)


@maps.function("foreach", 2)
def foreach(fun: Term, source: Term) -> Steps:
    for pair in _fun_of(fun, 2, source):
        yield Call(fun, pair)
    return OK


@maps.function("fold", 3)
def fold(fun: Term, state: Term, source: Term) -> Steps:
    for key, value in _fun_of(fun, 3, source):
        state = yield Call(fun, (key, value, state))
    return state


@maps.function("groups_from_list", 2)
def groups_from_list(key_of: Term, items: Term) -> Steps:
    return (yield from _groups(key_of, None, items))


@maps.function("groups_from_list", 3)
def groups_from_list_by(key_of: Term, value_of: Term, items: Term) -> Steps:
    if not is_function(value_of, 1):
        raise badarg()
    return (yield from _groups(key_of, value_of, items))


def _groups(key_of: Term, value_of: Term, items: Term) -> Steps:
    if not is_function(key_of, 1):
        raise badarg()
    groups: dict[bytes, tuple[Term, list[Term]]] = {}
    # From the last to the first, as the lists are built on a BEAM.
    for item in reversed(listed(items)):
        key = yield Call(key_of, (item,))
        value = item if value_of is None else (yield Call(value_of, (item,)))
        groups.setdefault(exact_bytes(key), (key, []))[1].append(value)
    return exact.from_pairs((key, group[::-1]) for key, group in groups.values())


# --- iterators --------------------------------------------------------------------------------


def _iterator(keys: list[Term], given: Any) -> Term:
    return ImproperList([keys], given)


@maps.function("iterator", 1)
def iterator(given: Term) -> Term:
    return _iterator(list(a_map(given)), given)


@maps.function("iterator", 2)
def iterator_in(given: Term, order: Term) -> Steps:
    found = list(a_map(given))
    if is_function(order, 2):
        found = yield from sort_by(order, found)
    elif order is _ORDERED or order is _REVERSED:
        found.sort(key=_by_key, reverse=order is _REVERSED)
    elif order is not UNDEFINED:
        raise badarg()
    return _iterator(found, given)


@maps.function("next", 1)
def next_(source: Term) -> Term:
    if type(source) is tuple and len(source) == 3:
        return source
    try:
        keys, given = _left(source)
    except ErlangError:
        raise badarg() from None
    return (keys[0], exact.get(given, keys[0]), _iterator(keys[1:], given)) if keys else _NONE
