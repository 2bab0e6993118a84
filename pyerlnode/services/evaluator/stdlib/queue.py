"""`queue`: `{Rear, Front}`, the rear in reverse; as on a BEAM, which other nodes may look into.

A queue of two or more never has an empty side, so that both ends are at hand.

Source: queue.erl of OTP 27.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.requests import Call
from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    badarg,
    case_clause,
    is_function,
    is_integer,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term, equal

if TYPE_CHECKING:
    from collections.abc import Callable

queue = Library("queue")

_EMPTY, _VALUE = Atom("empty"), Atom("value")


def _items(given: Term) -> list[Term]:
    """The elements from the front; `badarg` for what is no queue."""
    match given:
        case (list() as rear, list() as front):
            return front + rear[::-1]
    raise badarg()


def _sides(given: Term) -> tuple[list[Term], list[Term]]:
    _items(given)
    return given  # type: ignore[no-any-return]


def _of_front(items: list[Term]) -> Term:
    """A queue of the elements of a front alone: the newer half goes behind."""
    half = len(items) // 2
    return (items[half:][::-1], items[:half])


def _of_rear(items: list[Term]) -> Term:
    """A queue of the elements of a rear alone, the newest first: the older half goes in front."""
    half = len(items) // 2
    return (items[:half], items[half:][::-1])


def _of_sides(rear: list[Term], front: list[Term]) -> Term:
    """What is left of both sides as a queue."""
    if not front:
        return _of_rear(rear)
    return (rear, front) if rear else _of_front(front)


@queue.function("new", 0)
def new() -> Term:
    return ([], [])


@queue.function("is_queue", 1)
def is_queue(given: Term) -> Term:
    return type(given) is tuple and len(given) == 2 and all(isinstance(side, list) for side in given)


@queue.function("is_empty", 1)
def is_empty(given: Term) -> Term:
    return not _items(given)


@queue.function("len", 1)
def length(given: Term) -> Term:
    return len(_items(given))


@queue.function("to_list", 1)
def to_list(given: Term) -> Term:
    return _items(given)


@queue.function("from_list", 1)
def from_list(items: Term) -> Term:
    if not isinstance(items, list):
        raise badarg()
    return _of_front(items)


@queue.function("member", 2)
def member(item: Term, given: Term) -> Term:
    return any(equal(item, other) for other in _items(given))


# --- both ends ------------------------------------------------------------------------------


@queue.function("in", 2)
def in_(item: Term, given: Term) -> Term:
    rear, front = _sides(given)
    if not front and len(rear) < 2:
        return ([item], rear)
    return ([item, *rear], front)


@queue.function("in_r", 2)
def in_r(item: Term, given: Term) -> Term:
    rear, front = _sides(given)
    if not rear and len(front) < 2:
        return (front, [item])
    return (rear, [item, *front])


@queue.function("out", 1)
def out(given: Term) -> Term:
    items = _items(given)
    if not items:
        return (_EMPTY, given)
    return ((_VALUE, items[0]), _tail(given))


@queue.function("out_r", 1)
def out_r(given: Term) -> Term:
    items = _items(given)
    if not items:
        return (_EMPTY, given)
    rest_front, rest_rear = _tail((given[1], given[0]))
    return ((_VALUE, items[-1]), (rest_rear, rest_front))


def _tail(given: Term) -> tuple[list[Term], list[Term]]:
    """The queue without its first element."""
    rear, front = given
    if front:
        return (rear, front[1:]) if len(front) > 1 else _of_rear(rear)
    return (rear[:1], rear[-2:0:-1]) if len(rear) > 1 else ([], [])


def _ends(given: Term) -> list[Term]:
    items = _items(given)
    if not items:
        raise ErlangError(_EMPTY)
    return items


@queue.function("get", 1)
def get(given: Term) -> Term:
    return _ends(given)[0]


@queue.function("get_r", 1)
def get_r(given: Term) -> Term:
    return _ends(given)[-1]


@queue.function("peek", 1)
def peek(given: Term) -> Term:
    items = _items(given)
    return (_VALUE, items[0]) if items else _EMPTY


@queue.function("peek_r", 1)
def peek_r(given: Term) -> Term:
    items = _items(given)
    return (_VALUE, items[-1]) if items else _EMPTY


@queue.function("drop", 1)
def drop(given: Term) -> Term:
    _ends(given)
    return _tail(given)


@queue.function("drop_r", 1)
def drop_r(given: Term) -> Term:
    _ends(given)
    rest_front, rest_rear = _tail((given[1], given[0]))
    return (rest_rear, rest_front)


queue.function("head", 1)(get)
queue.function("last", 1)(get_r)
queue.function("daeh", 1)(get_r)
queue.function("tail", 1)(drop)
queue.function("init", 1)(drop_r)
queue.function("liat", 1)(drop_r)
queue.function("lait", 1)(drop_r)
queue.function("snoc", 2)(lambda given, item: in_(item, given))
queue.function("cons", 2)(in_r)


# --- the whole ------------------------------------------------------------------------------


@queue.function("reverse", 1)
def reverse(given: Term) -> Term:
    rear, front = _sides(given)
    return (front, rear)


@queue.function("join", 2)
def join(left: Term, right: Term) -> Term:
    (rear, front), (last_rear, last_front) = _sides(left), _sides(right)
    if not _items(right):
        return left
    if not _items(left):
        return right
    return (last_rear, front + rear[::-1] + last_front)


@queue.function("split", 2)
def split(count: Term, given: Term) -> Term:
    rear, front = _sides(given)
    if not is_integer(count, 0) or count > len(rear) + len(front):
        raise badarg()
    behind = len(rear) + len(front) - count
    if count == 0:
        return (new(), given)
    if count == len(front):
        return (_of_front(front), _of_rear(rear))
    if behind == 0:
        return (given, new())
    if count < len(front):
        return ((front[1:count][::-1], front[:1]), (rear, front[count:]))
    return ((rear[behind:], front), (rear[:1], rear[1:behind][::-1]))


def _fun_of(fun: Term, arity: int, given: Term) -> list[Term]:
    """The elements to call `fun` with; `badarg` where it is no fun of this arity."""
    items = _items(given)
    if not is_function(fun, arity):
        raise badarg()
    return items


@queue.function("filter", 2)
def filter_(fun: Term, given: Term) -> Steps:
    return (yield from _kept(fun, given, _filtered))


@queue.function("filtermap", 2)
def filtermap(fun: Term, given: Term) -> Steps:
    return (yield from _kept(fun, given, _mapped))


def _kept(fun: Term, given: Term, keep: Callable[[Term, Term], list[Term]]) -> Steps:
    """The queue of what `keep` makes of each element and the fun's answer."""
    size = len(_sides(given)[1])
    sides: tuple[list[Term], list[Term]] = ([], [])
    for at, item in enumerate(_fun_of(fun, 1, given)):
        sides[at >= size].extend(keep(item, (yield Call(fun, (item,)))))
    return _of_sides(sides[1][::-1], sides[0])


def _filtered(item: Term, answer: Term) -> list[Term]:
    if isinstance(answer, bool):
        return [item] if answer else []
    if not isinstance(answer, list):
        raise case_clause(answer)
    return answer


def _mapped(item: Term, answer: Term) -> list[Term]:
    if isinstance(answer, bool):
        return [item] if answer else []
    if type(answer) is not tuple or len(answer) != 2 or answer[0] is not True:
        raise case_clause(answer)
    return [answer[1]]


@queue.function("fold", 3)
def fold(fun: Term, state: Term, given: Term) -> Steps:
    for item in _fun_of(fun, 2, given):
        state = yield Call(fun, (item, state))
    return state


@queue.function("any", 2)
def any_(fun: Term, given: Term) -> Steps:
    for item in _fun_of(fun, 1, given):
        if (yield Call(fun, (item,))) is True:
            return True
    return False


@queue.function("all", 2)
def all_(fun: Term, given: Term) -> Steps:
    for item in _fun_of(fun, 1, given):
        if (yield Call(fun, (item,))) is False:
            return False
    return True


@queue.function("delete", 2)
def delete(item: Term, given: Term) -> Term:
    rear, front = _sides(given)
    for at, other in enumerate(front):
        if equal(item, other):
            return _of_sides(rear, front[:at] + front[at + 1 :])
    for at in reversed(range(len(rear))):
        if equal(item, rear[at]):
            return _of_sides(rear[:at] + rear[at + 1 :], front)
    return given
