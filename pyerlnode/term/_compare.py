"""Erlang's term order, for any depth.

    number < atom < reference < fun < port < pid < tuple < record < map < list < bitstring

Numbers compare by value; tuples by size, then element by element; lists element by
element; maps by size, then by their keys in order, then by their values.  Inside map
keys an integer comes before any float, and -0.0 before 0.0.  Within a type the order is
that of OTP 27: pids by serial, id, node and creation, the others by node first.  Where
the key of a map is a map with atoms as keys, a BEAM goes by the numbers that its atom
table gave them; here those maps have the order of all others.

`compare` runs one small generator per pair of containers on a stack of its own: each
yields the pairs that it wants compared and is told the results.

Source: Erlang reference manual, "Term Comparisons"; what it leaves open was measured.
Proof: tests/term/test_compare.py (an order that OTP 27 gave).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias

from pyerlnode.errors import TermEncodeError
from pyerlnode.term._encode import MAX_DEPTH, SHAPES
from pyerlnode.term._exact import exact_bytes
from pyerlnode.term._map import Map
from pyerlnode.term.types import Atom, BitString, Export, Fun, ImproperList, Pid, Port, Record, Reference

# Asks for the comparison of two terms, with or without exact numbers; gives the result.
Comparing: TypeAlias = Generator[tuple[Any, Any, bool], int, int]

NUMBER, ATOM, REFERENCE, FUN, EXPORT, PORT, PID, TUPLE, RECORD, MAP, LIST, BITS = range(12)
_CONTAINERS = frozenset({FUN, TUPLE, RECORD, MAP, LIST})

_KINDS: dict[type, int] = {
    int: NUMBER,
    float: NUMBER,
    bool: ATOM,
    type(None): ATOM,
    Atom: ATOM,
    Reference: REFERENCE,
    Fun: FUN,
    Export: EXPORT,
    Port: PORT,
    Pid: PID,
    tuple: TUPLE,
    Record: RECORD,
    dict: MAP,
    Map: MAP,
    list: LIST,
    ImproperList: LIST,
    bytes: BITS,
    str: BITS,
    bytearray: BITS,
    memoryview: BITS,
    BitString: BITS,
}


def compare(a: Any, b: Any) -> int:
    """Give -1, 0 or 1 as `a` is before, equal (`==`) to, or behind `b` in Erlang's term order.

    Raises TermEncodeError for an object that is no term.
    """
    result = _quick(a, b, False)
    if result is not None:
        return result
    stack = [_open(a, b, False)]
    while stack:
        try:
            # None starts a generator; a result goes on with one.
            asked = stack[-1].send(result)  # type: ignore[arg-type]
        except StopIteration as done:
            stack.pop()
            result = done.value
        else:
            stack.append(_open(*asked))
            if len(stack) > MAX_DEPTH:
                raise TermEncodeError(f"nested deeper than {MAX_DEPTH} levels, or contains itself")
            result = None
    return result or 0


def _kind(term: Any) -> int:
    kind = _KINDS.get(type(term))
    if kind is not None:
        return kind
    for base in type(term).__mro__:
        if base in SHAPES:
            return MAP
        if base in _KINDS:
            return _KINDS[base]
    raise TermEncodeError(f"no Erlang term for an object of type {type(term).__name__}")


def _order(a: Any, b: Any) -> int:
    return bool(a > b) - bool(a < b)


def _quick(a: Any, b: Any, exact: bool) -> int | None:
    """The result where it takes no look into containers, None where it does."""
    if a is b:
        return 0
    kind, other = _kind(a), _kind(b)
    if kind != other:
        return _order(kind, other)
    if kind in _CONTAINERS:
        return _order(len(a), len(b)) or None if kind == TUPLE else None
    if kind == NUMBER:
        return _numbers(a, b, exact)
    key = _KEYS[kind]
    return _order(key(a), key(b))


def _numbers(a: float, b: float, exact: bool) -> int:
    if a - a or b - b:
        raise TermEncodeError(f"no Erlang term for one of the floats {a} and {b}")
    if not exact:
        return _order(a, b)
    kinds = _order(isinstance(a, float), isinstance(b, float))
    return kinds or _order(a, b) or _order(math.copysign(1, a), math.copysign(1, b))


_NAMES = {True: "true", False: "false", None: "nil"}


def _bits_key(term: Any) -> tuple[bytes, int]:
    """Bytes, and the number of bits in the last one, 8 when it is whole."""
    if isinstance(term, BitString):
        return term.data, term.bits
    return (term.encode() if isinstance(term, str) else bytes(term)), 8


_KEYS: dict[int, Callable[[Any], Any]] = {
    ATOM: lambda term: term if type(term) is Atom else _NAMES[term],
    REFERENCE: lambda ref: (ref.node, ref.creation, len(ref.significant()), ref.significant()[::-1]),
    EXPORT: lambda fun: (fun.module, fun.function, fun.arity),
    PORT: lambda port: (port.node, port.creation, port.id),
    PID: lambda pid: (pid.serial, pid.id, pid.node, pid.creation),
    BITS: _bits_key,
}


# --- containers ----------------------------------------------------------------------


def _open(a: Any, b: Any, exact: bool) -> Comparing:
    kind = _kind(a)
    if kind == TUPLE:
        return _sequences(a, b, exact)
    if kind == LIST:
        return _lists(a, b, exact)
    if kind == MAP:
        return _maps(_exact_items(a), _exact_items(b), exact)
    if kind == FUN:
        return _headed(_fun_key(a), _fun_key(b), a.free, b.free, exact)
    return _records(a, b, exact)


def _sequences(a: Sequence[Any], b: Sequence[Any], exact: bool) -> Comparing:
    for left, right in zip(a, b, strict=False):
        result = _quick(left, right, exact)
        if result is None:
            result = yield left, right, exact
        if result:
            return result
    return 0


def _headed(head: Any, other: Any, a: Sequence[Any], b: Sequence[Any], exact: bool) -> Comparing:
    return _order(head, other) or (yield from _sequences(a, b, exact))


def _fun_key(fun: Fun) -> tuple[Any, ...]:
    return (fun.module, fun.index, fun.old_uniq, len(fun.free))


def _parts(term: Any) -> tuple[Sequence[Any], Any]:
    return (term.elements, term.tail) if isinstance(term, ImproperList) else (term, [])


def _lists(a: Any, b: Any, exact: bool) -> Comparing:
    (left, left_tail), (right, right_tail) = _parts(a), _parts(b)
    result = yield from _sequences(left, right, exact)
    if result:
        return result
    common = min(len(left), len(right))
    return (yield from _tails(left[common:], left_tail, right[common:], right_tail, exact))


def _tails(
    left: Sequence[Any], left_tail: Any, right: Sequence[Any], right_tail: Any, exact: bool
) -> Comparing:
    """Compare what is left of two lists that began alike; one of them has no elements left."""
    if left or right:
        # A cons cell against a tail: [] comes just before it, of the others only bits come after.
        tail = right_tail if left else left_tail
        before = -1 if _kind(tail) == BITS else 1
        return before if left else -before
    if isinstance(left_tail, list) or isinstance(right_tail, list):
        return 0 if left_tail == right_tail else _order(_kind(left_tail), _kind(right_tail))
    result = _quick(left_tail, right_tail, exact)
    return (yield left_tail, right_tail, exact) if result is None else result


def _exact_items(term: Any) -> dict[bytes, tuple[Any, Any]]:
    if isinstance(term, Map):
        return term.exact_items()
    if type(term) is not dict:
        shape = next((SHAPES[base] for base in type(term).__mro__ if base in SHAPES), None)
        term = term if shape is None else shape(term)
    items = {exact_bytes(key): (key, value) for key, value in term.items()}
    if len(items) != len(term):
        raise TermEncodeError("two keys of a dict are the same Erlang term")
    return items


def _maps(a: dict[bytes, tuple[Any, Any]], b: dict[bytes, tuple[Any, Any]], exact: bool) -> Comparing:
    """The least key that only one of them has, or whose values differ, decides."""
    if len(a) != len(b):
        return _order(len(a), len(b))
    deciding = [(key, -1) for found, (key, _) in a.items() if found not in b]
    deciding += [(key, 1) for found, (key, _) in b.items() if found not in a]
    if not deciding:
        for found, (key, value) in a.items():
            result = _quick(value, b[found][1], exact)
            if result is None:
                result = yield value, b[found][1], exact
            if result:
                deciding.append((key, result))
    if not deciding:
        return 0
    least, decision = deciding[0]
    for key, result in deciding[1:]:
        order = _quick(key, least, True)
        if order is None:
            order = yield key, least, True
        if order < 0:
            least, decision = key, result
    return decision


def _records(a: Record, b: Record, exact: bool) -> Comparing:
    values = [value for _, value in a.fields], [value for _, value in b.fields]
    return _headed(_record_key(a), _record_key(b), *values, exact)


def _record_key(record: Record) -> tuple[Any, ...]:
    names = [name for name, _ in record.fields]
    return (record.module, record.name, len(names), names, record.flags)
