"""`List` and `Tuple`.

Source: list.ex and tuple.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.limits import check_length
from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    badarg,
    is_integer,
    is_list,
    split_tail,
    with_tail,
)
from pyerlnode.services.evaluator.stdlib.elixir.enum_chunk import rows
from pyerlnode.services.evaluator.stdlib.elixir.enum_order import sort_by_with
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    argument_error,
    is_any_fun,
    need,
    raised,
    shown,
    truthy,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term, equal

list_module = Library("Elixir.List")
tuple_module = Library("Elixir.Tuple")

_INFINITY = Atom("infinity")
_ERROR, _INCOMPLETE, _VALUE = Atom("error"), Atom("incomplete"), Atom("value")


def _proper(items: Term) -> list[Term]:
    need(isinstance(items, list))
    return items  # type: ignore[no-any-return]  # it is a list


# --- one element --------------------------------------------------------------------------


@list_module.function("first", 1)
def first(items: Term) -> Term:
    return first_or(items, None)


@list_module.function("first", 2)
def first_or(items: Term, default: Term) -> Term:
    need(is_list(items))
    elements = split_tail(items)[0]
    return elements[0] if elements else default


@list_module.function("first!", 1)
def first_it(items: Term) -> Term:
    if not _proper(items):
        raise argument_error("attempted to get the first element of an empty list")
    return items[0]


@list_module.function("last", 1)
def last(items: Term) -> Term:
    return last_or(items, None)


@list_module.function("last", 2)
def last_or(items: Term, default: Term) -> Term:
    return items[-1] if _proper(items) else default


@list_module.function("last!", 1)
def last_it(items: Term) -> Term:
    if not _proper(items):
        raise argument_error("attempted to get the last element of an empty list")
    return items[-1]


@list_module.function("delete", 2)
def delete(items: Term, element: Term) -> Term:
    elements, tail = split_tail(items)
    for index, item in enumerate(elements):
        if equal(item, element):
            return with_tail([*elements[:index], *elements[index + 1 :]], tail)
    return _proper(items)


@list_module.function("insert_at", 3)
def insert_at(items: Term, index: Term, value: Term) -> Term:
    need(is_list(items), is_integer(index))
    given = _proper(items)
    place = index if index >= 0 else max(0, len(given) + index + 1)
    return [*given[:place], value, *given[place:]]


@list_module.function("replace_at", 3)
def replace_at(items: Term, index: Term, value: Term) -> Term:
    need(is_integer(index))
    place = _place(_proper(items), index)
    return items if place is None else [*items[:place], value, *items[place + 1 :]]


@list_module.function("update_at", 3)
def update_at(items: Term, index: Term, fun: Term) -> Steps:
    need(is_integer(index), is_any_fun(fun))
    place = _place(_proper(items), index)
    return (
        items if place is None else [*items[:place], (yield Call(fun, (items[place],))), *items[place + 1 :]]
    )


@list_module.function("delete_at", 2)
def delete_at(items: Term, index: Term) -> Term:
    return pop_at_or(items, index, None)[1]


@list_module.function("pop_at", 2)
def pop_at(items: Term, index: Term) -> Term:
    return pop_at_or(items, index, None)


@list_module.function("pop_at", 3)
def pop_at_or(items: Term, index: Term, default: Term) -> Term:
    need(is_integer(index))
    place = _place(_proper(items), index)
    return (default, items) if place is None else (items[place], [*items[:place], *items[place + 1 :]])


def _place(items: list[Term], index: int) -> int | None:
    """The index, counted from the front; None outside of the list."""
    place = index if index >= 0 else len(items) + index
    return place if 0 <= place < len(items) else None


# --- tuples in lists ----------------------------------------------------------------------------


def _position(position: Term) -> int:
    need(is_integer(position))
    return int(position) + 1


@list_module.function("keyfind", 3)
def keyfind(items: Term, key: Term, position: Term) -> Steps:
    return (yield from keyfind_or(items, key, position, None))


@list_module.function("keyfind", 4)
def keyfind_or(items: Term, key: Term, position: Term, default: Term) -> Steps:
    found = yield Remote("lists", "keyfind", (key, _position(position), items))
    return found if truthy(found) else default


@list_module.function("keyfind!", 3)
def keyfind_it(items: Term, key: Term, position: Term) -> Steps:
    found = yield Remote("lists", "keyfind", (key, _position(position), items))
    if not truthy(found):
        text = f"key {shown(key)} at position {shown(position)} not found in: {shown(items)}"
        raise raised("KeyError", key=key, term=items, message=text.encode())
    return found


@list_module.function("keymember?", 3)
def keymember(items: Term, key: Term, position: Term) -> Steps:
    return (yield Remote("lists", "keymember", (key, _position(position), items)))


@list_module.function("keyreplace", 4)
def keyreplace(items: Term, key: Term, position: Term, new: Term) -> Steps:
    return (yield Remote("lists", "keyreplace", (key, _position(position), items, new)))


@list_module.function("keystore", 4)
def keystore(items: Term, key: Term, position: Term, new: Term) -> Steps:
    return (yield Remote("lists", "keystore", (key, _position(position), items, new)))


@list_module.function("keydelete", 3)
def keydelete(items: Term, key: Term, position: Term) -> Steps:
    return (yield Remote("lists", "keydelete", (key, _position(position), items)))


@list_module.function("keytake", 3)
def keytake(items: Term, key: Term, position: Term) -> Steps:
    found = yield Remote("lists", "keytake", (key, _position(position), items))
    return found[1:] if truthy(found) else None


@list_module.function("keysort", 2)
def keysort(items: Term, position: Term) -> Steps:
    return (yield Remote("lists", "keysort", (_position(position), items)))


@list_module.function("keysort", 3)
def keysort_with(items: Term, position: Term, sorter: Term) -> Steps:
    at = _position(position) - 1
    need(isinstance(items, list))
    if len(items) > 1 and not all(isinstance(item, tuple) and 0 <= at < len(item) for item in items):
        raise badarg()
    if len(items) < 2:
        return items
    keyed = [(item[at], item) for item in items]
    key_of = _first_of_pair()
    return [item for _, item in (yield from sort_by_with(keyed, key_of, sorter))]


def _first_of_pair() -> Term:
    from pyerlnode.services.evaluator.stdlib.elixir.support import closure

    return closure("erlang", "element", 1, 1)


# --- the whole --------------------------------------------------------------------------------


@list_module.function("wrap", 1)
def wrap(term: Term) -> Term:
    return term if is_list(term) else [] if term is None else [term]


@list_module.function("improper?", 1)
def is_improper(items: Term) -> Term:
    need(is_list(items))
    return not isinstance(items, list)


@list_module.function("starts_with?", 2)
def starts_with(items: Term, prefix: Term) -> Term:
    need(is_list(items), isinstance(prefix, list))
    elements = split_tail(items)[0]
    return len(prefix) <= len(elements) and equal(list(elements[: len(prefix)]), prefix)


@list_module.function("zip", 1)
def zip_(parts: Term) -> Steps:
    given = [list(part) if isinstance(part, tuple) else part for part in _proper(parts)]
    return [tuple(row) for row in (yield from rows(given))]


@list_module.function("ascii_printable?", 1)
def is_ascii_printable(items: Term) -> Term:
    return is_ascii_printable_so_far(items, _INFINITY)


@list_module.function("ascii_printable?", 2)
def is_ascii_printable_so_far(items: Term, limit: Term) -> Term:
    need(is_list(items), limit is _INFINITY or is_integer(limit, 0))
    elements, tail = split_tail(items)
    seen = elements if limit is _INFINITY else elements[:limit]
    ends = isinstance(tail, list) or (limit is not _INFINITY and len(elements) >= limit)
    return ends and all(
        type(item) is int and (7 <= item <= 13 or item == 27 or 32 <= item <= 126) for item in seen
    )


@list_module.function("to_string", 1)
def to_string(items: Term) -> Steps:
    return (yield from _converted(items, "characters_to_binary", "string"))


@list_module.function("to_charlist", 1)
def to_charlist(items: Term) -> Steps:
    return (yield from _converted(items, "characters_to_list", "charlist"))


def _converted(items: Term, function: str, kind: str) -> Steps:
    need(is_list(items))
    try:
        result = yield Remote("unicode", function, (items,))
    except ErlangError as error:
        if error.reason != "badarg":
            raise
        raise argument_error(_NOT_CONVERTED[kind] + f"{shown(items)}\n") from None
    if not isinstance(result, tuple):
        return result
    problem = "invalid" if result[0] is _ERROR else "incomplete"
    raise unconverted(result[1], result[2], problem)


_BEHIND = """
Please check the given list or call inspect/1 to get the list representation, got:

"""
_NOT_CONVERTED = {
    "string": """cannot convert the given list to a string.

To be converted to a string, a list must either be empty or only
contain the following elements:

  * strings
  * integers representing Unicode code points
  * a list containing one of these three elements
"""
    + _BEHIND,
    "charlist": """cannot convert the given list to a charlist.

To be converted to a charlist, a list must contain only:

  * strings
  * integers representing Unicode code points
  * or a list containing one of these three elements
"""
    + _BEHIND,
}


def unconverted(encoded: Term, rest: Term, kind: str) -> ErlangError:
    """`UnicodeConversionError` with the text that its `exception/1` makes."""
    is_in_list = False
    while is_list(rest) and rest != []:
        rest, is_in_list = split_tail(rest)[0][0], True
    is_code = is_in_list and type(rest) is int
    detail = f"code point {rest}" if is_code else f"encoding starting at {shown(rest)}"
    return raised("UnicodeConversionError", encoded=encoded, message=f"{kind} {detail}".encode())


# --- Tuple ------------------------------------------------------------------------------------


@tuple_module.function("append", 2)
def tuple_append(given: Term, value: Term) -> Term:
    if not isinstance(given, tuple):
        raise badarg()
    return (*given, value)


@tuple_module.function("duplicate", 2)
def tuple_duplicate(value: Term, size: Term) -> Term:
    need(is_integer(size, 0))
    check_length(size)
    return (value,) * size


@tuple_module.function("insert_at", 3)
def tuple_insert_at(given: Term, index: Term, value: Term) -> Term:
    _inside(given, index, 1)
    return (*given[:index], value, *given[index:])


@tuple_module.function("delete_at", 2)
def tuple_delete_at(given: Term, index: Term) -> Term:
    _inside(given, index, 0)
    return given[:index] + given[index + 1 :]


def _inside(given: Term, index: Term, more: int) -> None:
    if not (isinstance(given, tuple) and is_integer(index, 0) and index < len(given) + more):
        raise badarg()


@tuple_module.function("sum", 1)
def tuple_sum(given: Term) -> Steps:
    return (yield Remote("Elixir.Enum", "sum", (_elements(given),)))


@tuple_module.function("product", 1)
def tuple_product(given: Term) -> Steps:
    return (yield Remote("Elixir.Enum", "product", (_elements(given),)))


def _elements(given: Term) -> list[Term]:
    if not isinstance(given, tuple):
        raise badarg()
    return list(given)
