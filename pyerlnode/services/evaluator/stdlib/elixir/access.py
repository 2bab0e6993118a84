"""`Access`: `data[key]`, and the functions that lead a path into lists, tuples and structs.

Source: access.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib import exact, lists_keys
from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    badkey,
    case_clause,
    function_clause,
    is_atom,
    is_function,
    is_integer,
)
from pyerlnode.services.evaluator.stdlib.elixir import keyword, map
from pyerlnode.services.evaluator.stdlib.elixir.enum import is_true
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    ERROR,
    OK,
    argument_error,
    closure,
    is_pair,
    key_error,
    need,
    plain,
    raised,
    shown,
    struct_name,
)
from pyerlnode.services.evaluator.stdlib.elixir.text import bounds
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, ImproperList, Term

if TYPE_CHECKING:
    from pyerlnode.errors import ErlangError

access = Library("Elixir.Access")

_GET, _POP = Atom("get"), Atom("pop")


# --- keys -----------------------------------------------------------------------------------


@access.function("fetch", 2)
def fetch(container: Term, key: Term) -> Steps:
    container = plain(container)
    name = struct_name(container)
    if name is not None:
        return (yield Remote(name, "fetch", (container, key)))
    if exact.is_map(container):
        return map.fetch(container, key)
    if isinstance(container, list | ImproperList):
        _atom_key(key)
        return _value(lists_keys.keyfind(key, 1, container))
    if container is None:
        return ERROR
    raise function_clause()


def _value(found: Term) -> Term:
    """The value of what `lists:keyfind` found, which may be any tuple."""
    if found is False:
        return ERROR
    if len(found) != 2:
        raise case_clause(found)
    return (OK, found[1])


def _atom_key(key: Term) -> None:
    if is_atom(key):
        return
    if is_integer(key):
        raise argument_error(
            "the Access module does not support accessing lists by index, got: "
            f"{shown(key)}\n\nAccessing a list by index is typically discouraged in Elixir, instead we "
            "prefer to use the Enum module to manipulate lists as a whole. If you really must access a "
            "list element by index, you can use Enum.at/2 or the functions in the List module."
        )
    raise argument_error(
        "the Access module supports only keyword lists (with atom keys), got: "
        f"{shown(key)}\n\nIf you want to search lists of tuples, use List.keyfind/3."
    )


@access.function("fetch!", 2)
def fetch_it(container: Term, key: Term) -> Steps:
    found = yield from fetch(container, key)
    if found is ERROR or found == "error":
        raise key_error(key, container)
    return found[1]


@access.function("get", 2)
def get(container: Term, key: Term) -> Steps:
    return (yield from get_or(container, key, None))


@access.function("get", 3)
def get_or(container: Term, key: Term, default: Term) -> Steps:
    found = yield from fetch(container, key)
    return found[1] if isinstance(found, tuple) and len(found) == 2 and found[0] is OK else default


@access.function("get_and_update", 3)
def get_and_update(container: Term, key: Term, fun: Term) -> Steps:
    container = plain(container)
    name = struct_name(container)
    if name is not None:
        return (yield Remote(name, "get_and_update", (container, key, fun)))
    if exact.is_map(container):
        return (yield from map.get_and_update(container, key, fun))
    if isinstance(container, list):
        if not is_atom(key):
            raise argument_error(
                f"the Access calls for keywords expect the key to be an atom, got: {shown(key)}"
            )
        return (yield from keyword.get_and_update(container, key, fun))
    if container is None:
        raise argument_error(f"could not put/update key {shown(key)} on a nil value")
    raise function_clause()


@access.function("pop", 2)
def pop(container: Term, key: Term) -> Steps:
    container = plain(container)
    name = struct_name(container)
    if name is not None:
        return (yield Remote(name, "pop", (container, key)))
    if exact.is_map(container):
        return map.pop(container, key)
    if isinstance(container, list):
        return keyword.pop(container, key)
    if container is None:
        raise argument_error(f"could not pop key {shown(key)} on a nil value")
    raise function_clause()


# --- leading on -------------------------------------------------------------------------------


def _leader(name: str, *bound: Term) -> Term:
    """The fun of arity 3 that calls `-name-` of this module with what is bound."""
    return closure("Elixir.Access", f"-{name}-", 3, *bound)


def _answer(answer: Term) -> tuple[Term, Term]:
    if not is_pair(answer):
        raise case_clause(answer)
    return answer  # type: ignore[no-any-return]  # a pair


@access.function("key", 1)
def key_(key: Term) -> Term:
    return _leader("key", key, None)


@access.function("key", 2)
def key_or(key: Term, default: Term) -> Term:
    return _leader("key", key, default)


@access.function("-key-", 5)
def through_key(key: Term, default: Term, what: Term, data: Term, after: Term) -> Steps:
    given = map.a_map({} if data is None else data)
    value = exact.get(given, key, default)
    answer = yield Call(after, (value,))
    if what is _GET:
        return answer
    if answer is _POP:
        return value, exact.remove(given, key)
    return _answer(answer)[0], exact.put(given, key, answer[1])


@access.function("key!", 1)
def key_it(key: Term) -> Term:
    return _leader("key!", key)


@access.function("-key!-", 4)
def through_key_it(key: Term, what: Term, data: Term, after: Term) -> Steps:
    data = plain(data)
    if not exact.is_map(data):
        raise _expected("Access.key!/1 expected a map/struct or nil", data)
    if not exact.has_key(data, key):
        raise badkey(key)
    return (yield from through_key(key, None, what, data, after))


def _expected(text: str, data: Term) -> ErlangError:
    return raised("RuntimeError", message=f"{text}, got: {shown(data)}".encode())


@access.function("elem", 1)
def elem(index: Term) -> Term:
    need(is_integer(index, 0))
    return _leader("elem", index)


@access.function("-elem-", 4)
def through_elem(index: Term, what: Term, data: Term, after: Term) -> Steps:
    if not isinstance(data, tuple):
        raise _expected("Access.elem/1 expected a tuple", data)
    value = yield Remote("erlang", "element", (index + 1, data))
    answer = yield Call(after, (value,))
    if what is _GET:
        return answer
    if answer is _POP:
        raise raised("RuntimeError", message=b"cannot pop data from a tuple")
    return _answer(answer)[0], (*data[:index], answer[1], *data[index + 1 :])


# --- elements of lists --------------------------------------------------------------------------


@access.function("all", 0)
def all_() -> Term:
    return _leader("all")


@access.function("-all-", 3)
def through_all(what: Term, data: Term, after: Term) -> Steps:
    if not isinstance(data, list):
        raise _expected("Access.all/0 expected a list", data)
    return (yield from _through(data, range(len(data)), what, after))


def _through(data: list[Term], chosen: object, what: Term, after: Term) -> Steps:
    """Lead on into the elements with these indices; the others stay as they are."""
    gets: list[Term] = []
    updates: list[Term] = []
    for index, item in enumerate(data):
        if index not in chosen:  # type: ignore[operator]  # a range, a set
            updates.append(item)
            continue
        answer = yield Call(after, (item,))
        if what is _GET:
            gets.append(answer)
        elif answer is _POP:
            gets.append(item)
        else:
            gets.append(_answer(answer)[0])
            updates.append(answer[1])
    return gets if what is _GET else (gets, updates)


@access.function("filter", 1)
def filter_(fun: Term) -> Term:
    need(is_function(fun, 1))
    return _leader("filter", fun)


@access.function("-filter-", 4)
def through_filter(fun: Term, what: Term, data: Term, after: Term) -> Steps:
    if not isinstance(data, list):
        raise _expected("Access.filter/1 expected a list", data)
    chosen = set()
    for index, item in enumerate(data):
        if (yield from is_true(fun, item)):
            chosen.add(index)
    return (yield from _through(data, chosen, what, after))


@access.function("slice", 1)
def slice_(indices: Term) -> Term:
    return _leader("slice", indices)


@access.function("-slice-", 4)
def through_slice(indices: Term, what: Term, data: Term, after: Term) -> Steps:
    if not isinstance(data, list):
        raise argument_error(f"Access.slice/1 expected a list, got: {shown(data)}")
    begin, end, step = bounds(indices, len(data), "Access.slice/1")
    return (yield from _through(data, range(begin, min(end, len(data)), step), what, after))


@access.function("at", 1)
def at(index: Term) -> Term:
    need(is_integer(index))
    return _leader("at", index)


@access.function("-at-", 4)
def through_at(index: Term, what: Term, data: Term, after: Term) -> Steps:
    if not isinstance(data, list):
        raise _expected("Access.at/1 expected a list", data)
    place = index if index >= 0 else len(data) + index
    return (yield from _at(data, place if 0 <= place < len(data) else None, what, after))


def _at(data: list[Term], place: int | None, what: Term, after: Term) -> Steps:
    value = None if place is None else data[place]
    if place is None and what is not _GET:
        # On a BEAM, too, the fun is not asked about an element that is not there.
        return None, data
    answer = yield Call(after, (value,))
    if what is _GET or place is None:
        return answer
    if answer is _POP:
        return value, [*data[:place], *data[place + 1 :]]
    return _answer(answer)[0], [*data[:place], answer[1], *data[place + 1 :]]


@access.function("at!", 1)
def at_it(index: Term) -> Term:
    need(is_integer(index))
    return _leader("at!", index)


@access.function("-at!-", 4)
def through_at_it(index: Term, what: Term, data: Term, after: Term) -> Steps:
    if not isinstance(data, list):
        raise _expected("Access.at!/1 expected a list", data)
    if not -len(data) <= index < len(data):
        raise raised("Enum.OutOfBoundsError", message=b"out of bounds error")
    return (yield from through_at(index, what, data, after))


@access.function("find", 1)
def find(fun: Term) -> Term:
    need(is_function(fun, 1))
    return _leader("find", fun)


@access.function("-find-", 4)
def through_find(fun: Term, what: Term, data: Term, after: Term) -> Steps:
    if not isinstance(data, list):
        raise _expected("Access.find/1 expected a list", data)
    for index, item in enumerate(data):
        if (yield from is_true(fun, item)):
            return (yield from _at(data, index, what, after))
    return (yield from _at(data, None, what, after))


@access.function("values", 0)
def values() -> Term:
    return _leader("values")


@access.function("-values-", 3)
def through_values(what: Term, data: Term, after: Term) -> Steps:
    data = plain(data)
    if isinstance(data, list):
        raise function_clause()
    pairs = exact.items(map.a_map(data))
    result = yield from _through([value for _, value in pairs], range(len(pairs)), what, after)
    if what is _GET:
        return result
    keys = [key for key, _ in pairs]
    return result[0], exact.from_pairs(zip(keys, result[1], strict=False))
