"""`Keyword`: lists of pairs whose keys are atoms.

Source: keyword.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.services.evaluator.requests import Call
from pyerlnode.services.evaluator.stdlib.arguments import Steps, is_atom
from pyerlnode.services.evaluator.stdlib.elixir.enum import is_true
from pyerlnode.services.evaluator.stdlib.elixir.map import bad_answer
from pyerlnode.services.evaluator.stdlib.elixir.sources import items_of
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    ERROR,
    OK,
    argument_error,
    is_pair,
    key_error,
    need,
    need_fun,
    shown,
)
from pyerlnode.services.evaluator.stdlib.lists_sort import in_order
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term, equal

keyword = Library("Elixir.Keyword")

_POP = Atom("pop")
_MISSING: Any = object()


def same_key(item: Term, key: Term) -> bool:
    """Whether it is a pair with this key."""
    return is_pair(item) and equal(item[0], key)


def _listed(keywords: Term) -> list[Term]:
    need(isinstance(keywords, list))
    return keywords  # type: ignore[no-any-return]  # it is a list


def _keyed(keywords: Term, key: Term) -> list[Term]:
    need(isinstance(keywords, list), is_atom(key))
    return keywords  # type: ignore[no-any-return]  # it is a list


def first(keywords: list[Term], key: Term) -> Any:
    """The value of the first pair with this key; `_MISSING` if there is none."""
    return next((item[1] for item in keywords if same_key(item, key)), _MISSING)


def without(keywords: list[Term], key: Term) -> list[Term]:
    """The list without all pairs of this key."""
    return [item for item in keywords if not same_key(item, key)]


# --- making -----------------------------------------------------------------------------------


@keyword.function("keyword?", 1)
def is_keyword(term: Term) -> Term:
    return isinstance(term, list) and all(is_pair(item) and is_atom(item[0]) for item in term)


@keyword.function("new", 0)
def new() -> Term:
    return []


@keyword.function("new", 1)
def new_from(pairs: Term) -> Steps:
    return _last_ones((yield from items_of(pairs)))


@keyword.function("new", 2)
def new_with(pairs: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    out: list[Term] = []
    for item in (yield from items_of(pairs)):
        out.append((yield Call(fun, (item,))))
    return _last_ones(out)


def _last_ones(pairs: list[Term]) -> list[Term]:
    """The last pair of each key, as `put` leaves them."""
    out: list[Term] = []
    for item in pairs:
        need(is_pair(item) and is_atom(item[0]))
        out = [item, *without(out, item[0])]
    return out[::-1]


@keyword.function("from_keys", 2)
def from_keys(keys: Term, value: Term) -> Term:
    return [(key, value) for key in _listed(keys)]


@keyword.function("to_list", 1)
def to_list(keywords: Term) -> Term:
    return _listed(keywords)


@keyword.function("size", 1)
def size(keywords: Term) -> Term:
    return len(_listed(keywords))


@keyword.function("keys", 1)
def keys(keywords: Term) -> Term:
    for item in _listed(keywords):
        if not (is_pair(item) and is_atom(item[0])):
            raise argument_error(
                "expected a keyword list, but an entry in the list is not a two-element tuple "
                f"with an atom as its first element, got: {shown(item)}"
            )
    return [key for key, _ in keywords]


@keyword.function("values", 1)
def values(keywords: Term) -> Term:
    need(all(is_pair(item) and is_atom(item[0]) for item in _listed(keywords)))
    return [value for _, value in keywords]


# --- reading ------------------------------------------------------------------------------------


@keyword.function("get", 2)
def get(keywords: Term, key: Term) -> Term:
    return get_or(keywords, key, None)


@keyword.function("get", 3)
def get_or(keywords: Term, key: Term, default: Term) -> Term:
    found = first(_keyed(keywords, key), key)
    return default if found is _MISSING else found


@keyword.function("get_lazy", 3)
def get_lazy(keywords: Term, key: Term, fun: Term) -> Steps:
    need_fun(fun, 0)
    found = first(_keyed(keywords, key), key)
    return (yield Call(fun)) if found is _MISSING else found


@keyword.function("get_values", 2)
def get_values(keywords: Term, key: Term) -> Term:
    return [item[1] for item in _keyed(keywords, key) if same_key(item, key)]


@keyword.function("fetch", 2)
def fetch(keywords: Term, key: Term) -> Term:
    found = first(_keyed(keywords, key), key)
    return ERROR if found is _MISSING else (OK, found)


@keyword.function("fetch!", 2)
def fetch_it(keywords: Term, key: Term) -> Term:
    found = first(_keyed(keywords, key), key)
    if found is _MISSING:
        raise key_error(key, keywords)
    return found


@keyword.function("has_key?", 2)
def has_key(keywords: Term, key: Term) -> Term:
    return first(_keyed(keywords, key), key) is not _MISSING


@keyword.function("equal?", 2)
def is_equal(left: Term, right: Term) -> Term:
    return equal(in_order(_listed(left)), in_order(_listed(right)))


# --- one key ------------------------------------------------------------------------------------


@keyword.function("put", 3)
def put(keywords: Term, key: Term, value: Term) -> Term:
    return [(key, value), *without(_keyed(keywords, key), key)]


@keyword.function("put_new", 3)
def put_new(keywords: Term, key: Term, value: Term) -> Term:
    return keywords if has_key(keywords, key) else [(key, value), *keywords]


@keyword.function("put_new_lazy", 3)
def put_new_lazy(keywords: Term, key: Term, fun: Term) -> Steps:
    need_fun(fun, 0)
    return keywords if has_key(keywords, key) else [(key, (yield Call(fun))), *keywords]


def _set(keywords: list[Term], key: Term, value: Term) -> list[Term]:
    """With this value where the key comes first, and nowhere else."""
    at = next(index for index, item in enumerate(keywords) if same_key(item, key))
    return [*keywords[:at], (key, value), *without(keywords[at + 1 :], key)]


@keyword.function("replace", 3)
def replace(keywords: Term, key: Term, value: Term) -> Term:
    return _set(keywords, key, value) if has_key(keywords, key) else keywords


@keyword.function("replace!", 3)
def replace_it(keywords: Term, key: Term, value: Term) -> Term:
    fetch_it(keywords, key)
    return _set(keywords, key, value)


@keyword.function("replace_lazy", 3)
def replace_lazy(keywords: Term, key: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    found = first(_keyed(keywords, key), key)
    return keywords if found is _MISSING else _set(keywords, key, (yield Call(fun, (found,))))


@keyword.function("update", 4)
def update(keywords: Term, key: Term, default: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    found = first(_keyed(keywords, key), key)
    if found is _MISSING:
        return [*keywords, (key, default)]
    return _set(keywords, key, (yield Call(fun, (found,))))


@keyword.function("update!", 3)
def update_it(keywords: Term, key: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    return _set(keywords, key, (yield Call(fun, (fetch_it(_keyed(keywords, key), key),))))


@keyword.function("delete", 2)
def delete(keywords: Term, key: Term) -> Term:
    return without(_keyed(keywords, key), key)


@keyword.function("delete", 3)
def delete_pair(keywords: Term, key: Term, value: Term) -> Term:
    return [item for item in _keyed(keywords, key) if not (same_key(item, key) and equal(item[1], value))]


@keyword.function("delete_first", 2)
def delete_first(keywords: Term, key: Term) -> Term:
    return pop_first(keywords, key)[1]


@keyword.function("pop", 2)
def pop(keywords: Term, key: Term) -> Term:
    return pop_or(keywords, key, None)


@keyword.function("pop", 3)
def pop_or(keywords: Term, key: Term, default: Term) -> Term:
    return get_or(keywords, key, default), without(keywords, key)


@keyword.function("pop!", 2)
def pop_it(keywords: Term, key: Term) -> Term:
    return fetch_it(keywords, key), without(keywords, key)


@keyword.function("pop_lazy", 3)
def pop_lazy(keywords: Term, key: Term, fun: Term) -> Steps:
    return (yield from get_lazy(keywords, key, fun)), without(keywords, key)


@keyword.function("pop_values", 2)
def pop_values(keywords: Term, key: Term) -> Term:
    return get_values(keywords, key), without(keywords, key)


@keyword.function("pop_first", 2)
def pop_first(keywords: Term, key: Term) -> Term:
    return pop_first_or(keywords, key, None)


@keyword.function("pop_first", 3)
def pop_first_or(keywords: Term, key: Term, default: Term) -> Term:
    for index, item in enumerate(_keyed(keywords, key)):
        if same_key(item, key):
            return item[1], keywords[:index] + keywords[index + 1 :]
    return default, keywords


@keyword.function("get_and_update", 3)
def get_and_update(keywords: Term, key: Term, fun: Term) -> Steps:
    current = get(keywords, key)
    return _updated(keywords, key, current, (yield Call(fun, (current,))))


@keyword.function("get_and_update!", 3)
def get_and_update_it(keywords: Term, key: Term, fun: Term) -> Steps:
    current = fetch_it(keywords, key)
    return _updated(keywords, key, current, (yield Call(fun, (current,))))


def _updated(keywords: list[Term], key: Term, current: Term, answer: Term) -> Term:
    at = next((index for index, item in enumerate(keywords) if same_key(item, key)), None)
    before, after = ([], keywords) if at is None else (keywords[:at], keywords[at + 1 :])
    if is_pair(answer):
        return answer[0], [*before, (key, answer[1]), *after]
    if answer is _POP:
        return current, [*before, *after]
    raise bad_answer(answer)


# --- many keys ----------------------------------------------------------------------------------


def _chosen(keywords: Term, wanted: Term) -> tuple[list[Term], list[Term]]:
    need(isinstance(wanted, list))
    inside = [any(equal(item[0], key) for key in wanted) for item in _listed(keywords)]
    return (
        [item for item, yes in zip(keywords, inside, strict=True) if yes],
        [item for item, yes in zip(keywords, inside, strict=True) if not yes],
    )


@keyword.function("take", 2)
def take(keywords: Term, wanted: Term) -> Term:
    return _chosen(keywords, wanted)[0]


@keyword.function("drop", 2)
def drop(keywords: Term, unwanted: Term) -> Term:
    return _chosen(keywords, unwanted)[1]


@keyword.function("split", 2)
def split(keywords: Term, wanted: Term) -> Term:
    return _chosen(keywords, wanted)


@keyword.function("merge", 2)
def merge(left: Term, right: Term) -> Term:
    need(isinstance(left, list), isinstance(right, list))
    for given, place in ((left, "first"), (right, "second")):
        other = right if given is left else left
        if other and not is_keyword(given):
            raise argument_error(f"expected a keyword list as the {place} argument, got: {shown(given)}")
    return _chosen(left, [key for key, _ in right])[1] + right if right else left


@keyword.function("merge", 3)
def merge_with(left: Term, right: Term, fun: Term) -> Steps:
    need_fun(fun, 3)
    for given, place in ((left, "first"), (right, "second")):
        if not is_keyword(given):
            raise argument_error(f"expected a keyword list as the {place} argument, got: {shown(given)}")
    rest = unused = left
    out: list[Term] = []
    for key, value in right:
        known, unused = pop_first_or(unused, key, _MISSING)
        out.append((key, value if known is _MISSING else (yield Call(fun, (key, known, value)))))
        rest = without(rest, key) if known is not _MISSING else rest
    return rest + out


@keyword.function("intersect", 2)
def intersect(left: Term, right: Term) -> Term:
    found = [(key, first(_listed(right), key)) for key, _ in _listed(left)]
    return [(key, value) for key, value in found if value is not _MISSING]


@keyword.function("intersect", 3)
def intersect_with(left: Term, right: Term, fun: Term) -> Steps:
    out: list[Term] = []
    for key, value in _listed(left):
        other = first(_listed(right), key)
        if other is not _MISSING:
            out.append((key, (yield Call(fun, (key, value, other)))))
    return out


@keyword.function("filter", 2)
def filter_(keywords: Term, fun: Term) -> Steps:
    return (yield from split_with(keywords, fun))[0]


@keyword.function("reject", 2)
def reject(keywords: Term, fun: Term) -> Steps:
    return (yield from split_with(keywords, fun))[1]


@keyword.function("split_with", 2)
def split_with(keywords: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    parts: tuple[list[Term], list[Term]] = ([], [])
    for item in _listed(keywords):
        parts[0 if (yield from is_true(fun, item)) else 1].append(item)
    return parts


@keyword.function("map", 2)
def map_(keywords: Term, fun: Term) -> Steps:
    need_fun(fun, 1)
    out: list[Term] = []
    for key, value in _listed(keywords):
        out.append((key, (yield Call(fun, ((key, value),)))))
    return out


# --- checking -----------------------------------------------------------------------------------


@keyword.function("validate", 2)
def validate(keywords: Term, allowed: Term) -> Term:
    result, unknown = _validated(keywords, allowed)
    return (ERROR, unknown) if unknown else (OK, result)


@keyword.function("validate!", 2)
def validate_it(keywords: Term, allowed: Term) -> Term:
    result, unknown = _validated(keywords, allowed)
    if not unknown:
        return result
    known = [item[0] if is_pair(item) else item for item in allowed]
    raise argument_error(
        f"unknown keys {shown(unknown)} in {shown(keywords)}, the allowed keys are: {shown(known)}"
    )


def _validated(keywords: Term, allowed: Term) -> tuple[list[Term], list[Term]]:
    """The keywords behind the defaults of what is missing; keys that are not allowed, or not twice."""
    need(isinstance(keywords, list), isinstance(allowed, list))
    front, behind = list(allowed), list[Term]()
    out: list[Term] = []
    unknown: list[Term] = []
    for item in keywords:
        need(is_pair(item) and is_atom(item[0]))
        found = _found(item[0], front, behind) or _found(item[0], behind, front)
        if found is None:
            unknown.insert(0, item[0])
        else:
            front, behind = found
            out.insert(0, item)
    return _with_defaults(front, _with_defaults(behind, out)), unknown


def _found(key: Term, among: list[Term], passed: list[Term]) -> tuple[list[Term], list[Term]] | None:
    """What is allowed without the key, as the search leaves it."""
    for index, item in enumerate(among):
        if equal(item, key) or same_key(item, key):
            return among[index + 1 :], [*among[:index][::-1], *passed]
    return None


def _with_defaults(left: list[Term], out: list[Term]) -> list[Term]:
    for item in left:
        if is_pair(item):
            out = [item, *out]
    return out
