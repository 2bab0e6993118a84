"""The functions of `lists` that call a fun for the elements.

Source: lists.erl of OTP 27.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.requests import Call
from pyerlnode.services.evaluator.stdlib.arguments import (
    OK,
    Distinct,
    Steps,
    a_function,
    badmatch,
    case_clause,
    each,
    function_clause,
    generated,
    is_list,
    listed,
    proper,
    split_tail,
    with_tail,
)
from pyerlnode.services.evaluator.stdlib.lists import lists, rows
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Iterator

_FAIL, _VALUE = Atom("fail"), Atom("value")
_BAD_FILTER = Atom("bad_filter")


def _cased(items: Term) -> Iterator[Term]:
    """The elements, of what the function asks with `case` before it comes to the rest."""
    if not is_list(items):
        raise case_clause(items)
    return each(items)


def _boolean(value: Term) -> bool:
    if not isinstance(value, bool):
        raise case_clause(value)
    return value


# --- one by one ---------------------------------------------------------------------------


@lists.function("map", 2)
def map_(fun: Term, items: Term) -> Steps:
    a_function(fun, 1)
    out: list[Term] = []
    for item in _cased(items):
        out.append((yield Call(fun, (item,))))  # a comprehension cannot yield
    return out


@lists.function("foreach", 2)
def foreach(fun: Term, items: Term) -> Steps:
    a_function(fun, 1)
    for item in each(items):
        yield Call(fun, (item,))
    return OK


@lists.function("flatmap", 2)
def flatmap(fun: Term, items: Term) -> Steps:
    a_function(fun, 1)
    parts: list[Term] = []
    for item in each(items):
        parts.append((yield Call(fun, (item,))))
    out: Term = []
    for part in reversed(parts):
        out = with_tail(listed(part), out)
    return out


@lists.function("filter", 2)
def filter_(fun: Term, items: Term) -> Steps:
    a_function(fun, 1)
    out: list[Term] = []
    for item in generated(items):
        kept = yield Call(fun, (item,))
        if not isinstance(kept, bool):
            raise ErlangError((_BAD_FILTER, kept))
        if kept:
            out.append(item)
    return out


@lists.function("filtermap", 2)
def filtermap(fun: Term, items: Term) -> Steps:
    a_function(fun, 1)
    out: list[Term] = []
    for item in each(items):
        result = yield Call(fun, (item,))
        if result is True:
            out.append(item)
        elif type(result) is tuple and len(result) == 2 and result[0] is True:
            out.append(result[1])
        elif result is not False:
            raise case_clause(result)
    return out


@lists.function("zf", 2)
def zf(fun: Term, items: Term) -> Steps:
    return (yield from filtermap(fun, items))


@lists.function("partition", 2)
def partition(fun: Term, items: Term) -> Steps:
    a_function(fun, 1)
    sides: tuple[list[Term], list[Term]] = ([], [])
    for item in each(items):
        sides[not _boolean((yield Call(fun, (item,))))].append(item)
    return sides


# --- until an answer ------------------------------------------------------------------------


@lists.function("all", 2)
def all_(fun: Term, items: Term) -> Steps:
    a_function(fun, 1)
    for item in _cased(items):
        if not _boolean((yield Call(fun, (item,)))):
            return False
    return True


@lists.function("any", 2)
def any_(fun: Term, items: Term) -> Steps:
    a_function(fun, 1)
    for item in _cased(items):
        if _boolean((yield Call(fun, (item,)))):
            return True
    return False


@lists.function("search", 2)
def search(fun: Term, items: Term) -> Steps:
    a_function(fun, 1)
    for item in each(items):
        if _boolean((yield Call(fun, (item,)))):
            return (_VALUE, item)
    return False


@lists.function("takewhile", 2)
def takewhile(fun: Term, items: Term) -> Steps:
    taken, _ = yield from _divided(fun, items, needs_list=True)
    return taken


@lists.function("dropwhile", 2)
def dropwhile(fun: Term, items: Term) -> Steps:
    _, rest = yield from _divided(fun, items, needs_list=True)
    return rest


@lists.function("splitwith", 2)
def splitwith(fun: Term, items: Term) -> Steps:
    return (yield from _divided(fun, items, needs_list=False))


def _divided(fun: Term, items: Term, *, needs_list: bool) -> Steps:
    """The elements up to the first that the fun says false to, and the rest from there on."""
    a_function(fun, 1)
    elements, tail = split_tail(items)
    for at, item in enumerate(elements):
        if not _boolean((yield Call(fun, (item,)))):
            return (list(elements[:at]), with_tail(elements[at:], tail))
    if not isinstance(tail, list):
        raise function_clause()
    return (list(elements), [])


# --- with a state ---------------------------------------------------------------------------


@lists.function("foldl", 3)
def foldl(fun: Term, state: Term, items: Term) -> Steps:
    a_function(fun, 2)
    for item in _cased(items):
        state = yield Call(fun, (item, state))
    return state


@lists.function("foldr", 3)
def foldr(fun: Term, state: Term, items: Term) -> Steps:
    a_function(fun, 2)
    for item in reversed(proper(items)):
        state = yield Call(fun, (item, state))
    return state


@lists.function("mapfoldl", 3)
def mapfoldl(fun: Term, state: Term, items: Term) -> Steps:
    a_function(fun, 2)
    out: list[Term] = []
    for item in each(items):
        made, state = _pair((yield Call(fun, (item, state))))
        out.append(made)
    return (out, state)


@lists.function("mapfoldr", 3)
def mapfoldr(fun: Term, state: Term, items: Term) -> Steps:
    a_function(fun, 2)
    out: list[Term] = []
    for item in reversed(proper(items)):
        made, state = _pair((yield Call(fun, (item, state))))
        out.append(made)
    return (out[::-1], state)


def _pair(result: Term) -> tuple[Term, Term]:
    if type(result) is not tuple or len(result) != 2:
        raise badmatch(result)
    return result


@lists.function("uniq", 2)
def uniq_by(fun: Term, items: Term) -> Steps:
    a_function(fun, 1)
    seen, out = Distinct(), []
    for item in each(items):
        if seen.add((yield Call(fun, (item,)))):
            out.append(item)
    return out


# --- several lists --------------------------------------------------------------------------


@lists.function("zipwith", 3)
def zipwith(fun: Term, xs: Term, ys: Term) -> Steps:
    return (yield from _zipped(fun, (xs, ys), _FAIL))


@lists.function("zipwith", 4)
def zipwith_how(fun: Term, xs: Term, ys: Term, how: Term) -> Steps:
    return (yield from _zipped(fun, (xs, ys), how))


@lists.function("zipwith3", 4)
def zipwith3(fun: Term, xs: Term, ys: Term, zs: Term) -> Steps:
    return (yield from _zipped(fun, (xs, ys, zs), _FAIL))


@lists.function("zipwith3", 5)
def zipwith3_how(fun: Term, xs: Term, ys: Term, zs: Term, how: Term) -> Steps:
    return (yield from _zipped(fun, (xs, ys, zs), how))


def _zipped(fun: Term, columns: tuple[Term, ...], how: Term) -> Steps:
    side_by_side = rows(columns, how)
    if not side_by_side:
        a_function(fun, len(columns))
    out: list[Term] = []
    for row in side_by_side:
        out.append((yield Call(fun, row)))  # a comprehension cannot yield
    return out
