"""`Map`.

Source: map.ex of Elixir 1.18, and maps.erl, whose errors it lets through.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.arguments import Steps, badarg, badkey, badmap, function_clause
from pyerlnode.services.evaluator.stdlib.elixir.enum import is_true
from pyerlnode.services.evaluator.stdlib.elixir.sources import items_of
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    ERROR,
    OK,
    STRUCT,
    is_pair,
    key_error,
    need_fun,
    plain,
    raised,
    shown,
    struct_name,
)
from pyerlnode.services.evaluator.stdlib.exact import MISSING, AnyMap
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term, equal

map_module = Library("Elixir.Map")

_POP = Atom("pop")


def a_map(term: Term) -> AnyMap:
    """The map; `{badmap, Term}` for anything else."""
    term = plain(term)
    if not exact.is_map(term):
        raise badmap(term)
    return term  # type: ignore[no-any-return]  # a dict or a Map


# --- making -----------------------------------------------------------------------------------


@map_module.function("new", 0)
def new() -> Term:
    return {}


@map_module.function("new", 1)
def new_from(enumerable: Term) -> Steps:
    enumerable = plain(enumerable)
    if exact.is_map(enumerable) and struct_name(enumerable) is None:
        return enumerable
    return _from_pairs((yield from items_of(enumerable)))


def _from_pairs(items: list[Term]) -> Term:
    if not all(map(is_pair, items)):
        raise badarg()
    return exact.from_pairs(items)


@map_module.function("new", 2)
def new_with(enumerable: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    pairs: list[Term] = []
    for item in (yield from items_of(enumerable)):
        pairs.append((yield Call(fun, (item,))))
    return _from_pairs(pairs)


@map_module.function("from_keys", 2)
def from_keys(keys: Term, value: Term) -> Term:
    if not isinstance(keys, list):
        raise badarg()
    return exact.from_pairs((key, value) for key in keys)


@map_module.function("from_struct", 1)
def from_struct(struct: Term) -> Steps:
    if isinstance(struct, Atom):
        struct = yield Remote(struct, "__struct__", ())
    struct = plain(struct)
    if struct_name(struct) is None:
        raise function_clause()
    return exact.remove(struct, STRUCT)


@map_module.function("to_list", 1)
def to_list(given: Term) -> Term:
    return exact.items(a_map(given))


@map_module.function("keys", 1)
def keys(given: Term) -> Term:
    return [key for key, _ in exact.items(a_map(given))]


@map_module.function("values", 1)
def values(given: Term) -> Term:
    return [value for _, value in exact.items(a_map(given))]


@map_module.function("size", 1)
def size(given: Term) -> Term:
    return len(a_map(given))


# --- reading ------------------------------------------------------------------------------------


@map_module.function("get", 2)
def get(given: Term, key: Term) -> Term:
    return exact.get(a_map(given), key, None)


@map_module.function("get", 3)
def get_or(given: Term, key: Term, default: Term) -> Term:
    return exact.get(a_map(given), key, default)


@map_module.function("get_lazy", 3)
def get_lazy(given: Term, key: Term, fun: Term) -> Steps:
    need_fun(fun, 0)
    found = exact.get(a_map(given), key)
    return (yield Call(fun)) if found is MISSING else found


@map_module.function("fetch", 2)
def fetch(given: Term, key: Term) -> Term:
    found = exact.get(a_map(given), key)
    return ERROR if found is MISSING else (OK, found)


@map_module.function("fetch!", 2)
def fetch_it(given: Term, key: Term) -> Term:
    found = exact.get(a_map(given), key)
    if found is MISSING:
        raise badkey(key)
    return found


@map_module.function("has_key?", 2)
def has_key(given: Term, key: Term) -> Term:
    return exact.has_key(a_map(given), key)


@map_module.function("equal?", 2)
def is_equal(left: Term, right: Term) -> Term:
    return equal(a_map(left), a_map(right))


# --- one key ------------------------------------------------------------------------------------


@map_module.function("put", 3)
def put(given: Term, key: Term, value: Term) -> Term:
    return exact.put(a_map(given), key, value)


@map_module.function("put_new", 3)
def put_new(given: Term, key: Term, value: Term) -> Term:
    return given if exact.has_key(a_map(given), key) else exact.put(given, key, value)


@map_module.function("put_new_lazy", 3)
def put_new_lazy(given: Term, key: Term, fun: Term) -> Steps:
    need_fun(fun, 0)
    return given if exact.has_key(a_map(given), key) else exact.put(given, key, (yield Call(fun)))


@map_module.function("replace", 3)
def replace(given: Term, key: Term, value: Term) -> Term:
    return exact.put(given, key, value) if exact.has_key(a_map(given), key) else given


@map_module.function("replace!", 3)
def replace_it(given: Term, key: Term, value: Term) -> Term:
    fetch_it(given, key)
    return exact.put(given, key, value)


@map_module.function("replace_lazy", 3)
def replace_lazy(given: Term, key: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    found = exact.get(a_map(given), key)
    return given if found is MISSING else exact.put(given, key, (yield Call(fun, (found,))))


@map_module.function("update", 4)
def update(given: Term, key: Term, default: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    found = exact.get(a_map(given), key)
    return exact.put(given, key, default if found is MISSING else (yield Call(fun, (found,))))


@map_module.function("update!", 3)
def update_it(given: Term, key: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    return exact.put(given, key, (yield Call(fun, (fetch_it(given, key),))))


@map_module.function("delete", 2)
def delete(given: Term, key: Term) -> Term:
    return exact.remove(a_map(given), key)


@map_module.function("pop", 2)
def pop(given: Term, key: Term) -> Term:
    return pop_or(given, key, None)


@map_module.function("pop", 3)
def pop_or(given: Term, key: Term, default: Term) -> Term:
    value, left = exact.pop(a_map(given), key)
    return (default if value is MISSING else value), left


@map_module.function("pop!", 2)
def pop_it(given: Term, key: Term) -> Term:
    value, left = exact.pop(a_map(given), key)
    if value is MISSING:
        raise key_error(key, given)
    return value, left


@map_module.function("pop_lazy", 3)
def pop_lazy(given: Term, key: Term, fun: Term) -> Steps:
    need_fun(fun, 0)
    value, left = exact.pop(a_map(given), key)
    return ((yield Call(fun)) if value is MISSING else value), left


@map_module.function("get_and_update", 3)
def get_and_update(given: Term, key: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    current = exact.get(a_map(given), key, None)
    return updated(given, key, current, (yield Call(fun, (current,))))


@map_module.function("get_and_update!", 3)
def get_and_update_it(given: Term, key: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    current = fetch_it(given, key)
    return updated(given, key, current, (yield Call(fun, (current,))))


def updated(given: AnyMap, key: Term, current: Term, answer: Term) -> Term:
    """What `get_and_update` gives for the answer of its fun."""
    if is_pair(answer):
        return answer[0], exact.put(given, key, answer[1])
    if answer is _POP:
        return current, exact.remove(given, key)
    raise bad_answer(answer)


def bad_answer(answer: Term) -> Exception:
    """What `get_and_update` raises for any other answer."""
    text = f"the given function must return a two-element tuple or :pop, got: {shown(answer)}"
    return raised("RuntimeError", message=text.encode())


# --- many keys ----------------------------------------------------------------------------------


@map_module.function("take", 2)
def take(given: Term, wanted: Term) -> Steps:
    a_map(given)
    found = [(key, exact.get(given, key)) for key in (yield from items_of(wanted))]
    return exact.from_pairs((key, value) for key, value in found if value is not MISSING)


@map_module.function("drop", 2)
def drop(given: Term, unwanted: Term) -> Steps:
    a_map(given)
    for key in (yield from items_of(unwanted)):
        given = exact.remove(given, key)
    return given


@map_module.function("split", 2)
def split(given: Term, wanted: Term) -> Steps:
    keys = yield from items_of(wanted)
    return (yield from take(given, keys)), (yield from drop(given, keys))


@map_module.function("merge", 2)
def merge(left: Term, right: Term) -> Term:
    return exact.from_pairs([*exact.items(a_map(left)), *exact.items(a_map(right))])


@map_module.function("merge", 3)
def merge_with(left: Term, right: Term, fun: Term) -> Steps:
    need_fun(fun, 3)
    merged = exact.items(a_map(left))
    for key, value in exact.items(a_map(right)):
        known = exact.get(left, key)
        merged.append((key, value if known is MISSING else (yield Call(fun, (key, known, value)))))
    return exact.from_pairs(merged)


@map_module.function("intersect", 2)
def intersect(left: Term, right: Term) -> Term:
    return exact.from_pairs(pair for pair in exact.items(a_map(right)) if exact.has_key(a_map(left), pair[0]))


@map_module.function("intersect", 3)
def intersect_with(left: Term, right: Term, fun: Term) -> Steps:
    need_fun(fun, 3)
    pairs: list[tuple[Term, Term]] = []
    for key, value in exact.items(a_map(left)):
        other = exact.get(a_map(right), key)
        if other is not MISSING:
            pairs.append((key, (yield Call(fun, (key, value, other)))))
    return exact.from_pairs(pairs)


@map_module.function("filter", 2)
def filter_(given: Term, fun: Term) -> Steps:
    return (yield from split_with(given, fun))[0]


@map_module.function("reject", 2)
def reject(given: Term, fun: Term) -> Steps:
    return (yield from split_with(given, fun))[1]


@map_module.function("split_with", 2)
def split_with(given: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    parts: tuple[list[Term], list[Term]] = ([], [])
    for pair in exact.items(a_map(given)):
        parts[0 if (yield from is_true(fun, pair)) else 1].append(pair)
    return exact.from_pairs(parts[0]), exact.from_pairs(parts[1])


@map_module.function("map", 2)
def map_(given: Term, fun: Term) -> Steps:
    return (yield from new_with(a_map(given), fun))
