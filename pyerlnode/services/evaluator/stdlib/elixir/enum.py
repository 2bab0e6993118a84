"""`Enum`: lists of elements, text of them, and what is put into something else.

Source: enum.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.limits import check_binary
from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    function_clause,
    is_integer,
    is_list,
)
from pyerlnode.services.evaluator.stdlib.elixir.sources import (
    END,
    Source,
    guarded,
    items_of,
    opened,
)
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    OK,
    Members,
    is_pair,
    is_struct,
    need,
    plain,
    raised,
    truthy,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, ImproperList, Term, equal

enum = Library("Elixir.Enum")

_CONT, _DONE = Atom("cont"), Atom("done")


def is_true(fun: Term, *args: Term) -> Steps:
    """Whether the fun gives something that Elixir takes for true."""
    return truthy((yield Call(fun, args)))


def text_of(term: Term) -> Steps:
    """`to_string`, which a binary needs no call for."""
    return term if isinstance(term, bytes) else (yield Remote("Elixir.String.Chars", "to_string", (term,)))


def empty() -> ErlangError:
    """`Enum.EmptyError`, to be raised."""
    return raised("Enum.EmptyError", message=b"empty error")


# --- making lists -----------------------------------------------------------------------------


@enum.function("to_list", 1)
def to_list(enumerable: Term) -> Steps:
    return (yield from items_of(enumerable))


@enum.function("map", 2)
def map_(enumerable: Term, fun: Term) -> Steps:
    if isinstance(enumerable, ImproperList):
        # The fun is called up to the end that is none.
        return (yield from each(enumerable, fun))
    out: list[Term] = []
    for item in (yield from items_of(enumerable)):
        out.append((yield Call(fun, (item,))))
    return out


@enum.function("each", 2)
def each(enumerable: Term, fun: Term) -> Steps:
    return (yield from guarded(opened(enumerable), lambda source: _each(source, fun)))


def _each(source: Source, fun: Term) -> Steps:
    while (item := (yield from source.next())) is not END:
        yield Call(fun, (item,))
    return OK


@enum.function("filter", 2)
def filter_(enumerable: Term, fun: Term) -> Steps:
    return (yield from _kept(enumerable, fun, True))


@enum.function("reject", 2)
def reject(enumerable: Term, fun: Term) -> Steps:
    return (yield from _kept(enumerable, fun, False))


def _kept(enumerable: Term, fun: Term, wanted: bool) -> Steps:
    out: list[Term] = []
    for item in (yield from items_of(enumerable)):
        if (yield from is_true(fun, item)) is wanted:
            out.append(item)
    return out


@enum.function("filter_map", 3)
def filter_map(enumerable: Term, fun: Term, mapper: Term) -> Steps:
    return (yield from map_((yield from filter_(enumerable, fun)), mapper))


@enum.function("flat_map", 2)
def flat_map(enumerable: Term, fun: Term) -> Steps:
    out: list[Term] = []
    for item in (yield from items_of(enumerable)):
        out.extend((yield from items_of((yield Call(fun, (item,))))))
    return out


@enum.function("concat", 1)
def concat(enumerables: Term) -> Steps:
    out: list[Term] = []
    for enumerable in (yield from items_of(enumerables)):
        out.extend((yield from items_of(enumerable)))
    return out


@enum.function("concat", 2)
def concat_two(left: Term, right: Term) -> Steps:
    return (yield from concat([left, right]))


@enum.function("map_every", 3)
def map_every(enumerable: Term, nth: Term, fun: Term) -> Steps:
    need(is_integer(nth, 0))
    out: list[Term] = []
    for index, item in enumerate((yield from items_of(enumerable))):
        out.append((yield Call(fun, (item,))) if nth and index % nth == 0 else item)
    return out


@enum.function("reverse", 1)
def reverse(enumerable: Term) -> Steps:
    if isinstance(enumerable, ImproperList):
        return (yield Remote("lists", "reverse", (enumerable,)))
    return (yield from items_of(enumerable))[::-1]


@enum.function("reverse", 2)
def reverse_onto(enumerable: Term, tail: Term) -> Steps:
    end = yield from items_of(tail)
    if is_list(enumerable):
        return (yield Remote("lists", "reverse", (enumerable, end)))
    return (yield from reverse(enumerable)) + end


@enum.function("with_index", 1)
def with_index(enumerable: Term) -> Steps:
    return (yield from with_index_by(enumerable, 0))


@enum.function("with_index", 2)
def with_index_by(enumerable: Term, offset: Term) -> Steps:
    if is_integer(offset):
        return [(item, offset + at) for at, item in enumerate((yield from items_of(enumerable)))]
    out: list[Term] = []
    for index, item in enumerate((yield from items_of(enumerable))):
        out.append((yield Call(offset, (item, index))))
    return out


@enum.function("intersperse", 2)
def intersperse(enumerable: Term, separator: Term) -> Steps:
    items = yield from items_of(enumerable)
    return [part for item in items for part in (separator, item)][1:]


@enum.function("map_intersperse", 3)
def map_intersperse(enumerable: Term, separator: Term, fun: Term) -> Steps:
    return (yield from intersperse((yield from map_(enumerable, fun)), separator))


# --- joining text -------------------------------------------------------------------------------


@enum.function("join", 1)
def join(enumerable: Term) -> Steps:
    return (yield from join_by(enumerable, b""))


@enum.function("join", 2)
def join_by(enumerable: Term, joiner: Term) -> Steps:
    need(isinstance(joiner, bytes))
    parts: list[bytes] = []
    for item in (yield from items_of(enumerable)):
        parts.append((yield from text_of(item)))
    check_binary(sum(map(len, parts)) + len(parts) * len(joiner))
    return joiner.join(parts)


@enum.function("map_join", 2)
def map_join(enumerable: Term, fun: Term) -> Steps:
    return (yield from map_join_by(enumerable, b"", fun))


@enum.function("map_join", 3)
def map_join_by(enumerable: Term, joiner: Term, fun: Term) -> Steps:
    need(isinstance(joiner, bytes))
    return (yield from join_by((yield from map_(enumerable, fun)), joiner))


# --- unlike elements --------------------------------------------------------------------------------


@enum.function("uniq", 1)
def uniq(enumerable: Term) -> Steps:
    items = yield from items_of(enumerable)
    return _uniq(items, items)


@enum.function("uniq_by", 2)
@enum.function("uniq", 2)
def uniq_by(enumerable: Term, fun: Term) -> Steps:
    items = yield from items_of(enumerable)
    return _uniq(items, (yield from map_(items, fun)))


def _uniq(items: list[Term], keys: list[Term]) -> list[Term]:
    seen = Members()
    out = []
    for item, key in zip(items, keys, strict=True):
        if key not in seen:
            seen.put(key)
            out.append(item)
    return out


@enum.function("dedup", 1)
def dedup(enumerable: Term) -> Steps:
    items = yield from items_of(enumerable)
    return _dedup(items, items)


@enum.function("dedup_by", 2)
def dedup_by(enumerable: Term, fun: Term) -> Steps:
    items = yield from items_of(enumerable)
    return _dedup(items, (yield from map_(items, fun)))


def _dedup(items: list[Term], keys: list[Term]) -> list[Term]:
    return [item for at, item in enumerate(items) if at == 0 or not equal(keys[at], keys[at - 1])]


@enum.function("group_by", 2)
def group_by(enumerable: Term, key_of: Term) -> Steps:
    return (yield from group_by_with(enumerable, key_of, None))


@enum.function("group_by", 3)
def group_by_with(enumerable: Term, key_of: Term, value_of: Term) -> Steps:
    groups = Members()
    for item in reversed((yield from items_of(enumerable))):
        key = yield Call(key_of, (item,))
        value = item if value_of is None else (yield Call(value_of, (item,)))
        if key not in groups:
            groups.put(key, [])
        groups.get(key).append(value)
    return exact.from_pairs((key, group[::-1]) for key, group in groups.pairs())


# --- into -------------------------------------------------------------------------------------------


@enum.function("into", 2)
def into(enumerable: Term, collectable: Term) -> Steps:
    return (yield from collected((yield from items_of(enumerable)), plain(collectable)))


@enum.function("into", 3)
def into_with(enumerable: Term, collectable: Term, fun: Term) -> Steps:
    return (yield from collected((yield from map_(enumerable, fun)), plain(collectable)))


def collected(items: list[Term], collectable: Term) -> Steps:
    """What `Collectable` makes of the elements."""
    if exact.is_map(collectable) and not is_struct(collectable, "MapSet"):
        for item in items:
            if not is_pair(item):
                raise _no_pair(item, collectable)
        return exact.from_pairs([*exact.items(collectable), *items])
    state, fun = yield Remote("Elixir.Collectable", "into", (collectable,))
    for item in items:
        state = yield Call(fun, (state, (_CONT, item)))
    return (yield Call(fun, (state, _DONE)))


def _no_pair(item: Term, collectable: Term) -> ErlangError:
    return ErlangError(Atom("badarg")) if len(collectable) == 0 else function_clause()
