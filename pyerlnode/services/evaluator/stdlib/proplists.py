"""`proplists`: lists of `{Key, Value, ...}` tuples and of atoms, which stand for `{Atom, true}`.

Source: proplists.erl of OTP 27.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.arguments import (
    UNDEFINED,
    Distinct,
    badarg,
    each,
    function_clause,
    generated,
    is_atom,
    proper,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term, equal, exact_bytes

proplists = Library("proplists")

_NONE = Atom("none")


def _key(item: Term) -> tuple[Term, ...]:
    """The key of a property in a tuple of one; empty for what is no property."""
    if is_atom(item):
        return (item,)
    return item[:1] if type(item) is tuple else ()


def _is_of(item: Term, key: Term) -> bool:
    found = _key(item)
    return bool(found) and equal(found[0], key)


def _value(item: Term, other: Term) -> Term:
    """The value of a property; `other` where it is no pair."""
    if is_atom(item):
        return True
    return item[1] if len(item) == 2 else other


# --- looking up ---------------------------------------------------------------------------


@proplists.function("get_value", 2)
def get_value(key: Term, properties: Term) -> Term:
    return get_value_or(key, properties, UNDEFINED)


@proplists.function("get_value", 3)
def get_value_or(key: Term, properties: Term, default: Term) -> Term:
    for item in each(properties):
        if _is_of(item, key):
            return _value(item, default)
    return default


@proplists.function("get_bool", 2)
def get_bool(key: Term, properties: Term) -> Term:
    for item in each(properties):
        if _is_of(item, key):
            return _value(item, False) is True
    return False


@proplists.function("get_all_values", 2)
def get_all_values(key: Term, properties: Term) -> Term:
    found = [item for item in each(properties) if _is_of(item, key)]
    return [_value(item, None) for item in found if is_atom(item) or len(item) == 2]


@proplists.function("lookup", 2)
def lookup(key: Term, properties: Term) -> Term:
    for item in each(properties):
        if _is_of(item, key):
            return (item, True) if is_atom(item) else item
    return _NONE


@proplists.function("lookup_all", 2)
def lookup_all(key: Term, properties: Term) -> Term:
    found = [item for item in each(properties) if _is_of(item, key)]
    return [(item, True) if is_atom(item) else item for item in found]


@proplists.function("is_defined", 2)
def is_defined(key: Term, properties: Term) -> Term:
    return any(_is_of(item, key) for item in each(properties))


@proplists.function("get_keys", 1)
def get_keys(properties: Term) -> Term:
    seen = Distinct()
    return [key for item in each(properties) for key in _key(item) if seen.add(key)]


@proplists.function("append_values", 2)
def append_values(key: Term, properties: Term) -> Term:
    out: list[Term] = []
    for value in get_all_values(key, properties):
        out += value if isinstance(value, list) else [value]
    return out


# --- changing -----------------------------------------------------------------------------


@proplists.function("delete", 2)
def delete(key: Term, properties: Term) -> Term:
    return [item for item in each(properties) if not _is_of(item, key)]


@proplists.function("property", 1)
def property_of(item: Term) -> Term:
    if type(item) is tuple and len(item) == 2 and is_atom(item[0]) and item[1] is True:
        return item[0]
    return item


@proplists.function("property", 2)
def property_of_pair(key: Term, value: Term) -> Term:
    return property_of((key, value))


@proplists.function("compact", 1)
def compact(properties: Term) -> Term:
    return [property_of(item) for item in generated(properties)]


@proplists.function("unfold", 1)
def unfold(properties: Term) -> Term:
    return [(item, True) if is_atom(item) else item for item in each(properties)]


@proplists.function("split", 2)
def split(properties: Term, keys: Term) -> Term:
    wanted: dict[bytes, list[Term]] = {exact_bytes(key): [] for key in generated(keys)}
    rest: list[Term] = []
    for item in each(properties):
        key = _key(item)
        (wanted.get(exact_bytes(key[0]), rest) if key else rest).append(item)
    return ([wanted[exact_bytes(key)] for key in keys], rest)


@proplists.function("to_map", 1)
def to_map(properties: Term) -> Term:
    pairs = []
    for item in proper(properties):
        if is_atom(item):
            pairs.append((item, True))
        elif type(item) is tuple and len(item) == 2:
            pairs.append(item)
    return exact.from_pairs(reversed(pairs))


@proplists.function("from_map", 1)
def from_map(given: Term) -> Term:
    if not exact.is_map(given):
        raise badarg() if given is None else function_clause()
    return exact.items(given)
