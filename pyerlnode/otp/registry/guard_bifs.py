"""The functions that a guard may call, which are `erlang`'s: comparisons, arithmetic, tests, parts.

`GUARD_BIFS[name, arity]` is called with terms, and raises Fails, or what Python raises,
where Erlang's raises `badarg` or `badarith`.

Source: Erlang Reference Manual, "Expressions", Guard Sequences; module `erlang`.
Proof: tests/otp/test_match_spec.py, tests/services/test_builtins_registry.py.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from pyerlnode.errors import TermError
from pyerlnode.term import (
    Atom,
    BitString,
    Export,
    Fun,
    ImproperList,
    Map,
    Pid,
    Port,
    Record,
    Reference,
    Term,
    compare,
    equal,
)

__all__ = ["FAILURES", "GUARD_BIFS", "Fails", "boolean"]


class Fails(Exception):
    """The arguments are none for this function."""


FAILURES: Final = (Fails, ArithmeticError, TermError, ValueError, TypeError)


def boolean(value: Term) -> bool:
    """A boolean, as it is; Fails for anything else."""
    if type(value) is not bool:
        raise Fails
    return value


def _of(*kinds: type) -> Callable[[Term], bool]:
    return lambda value: type(value) in kinds


def _checked(kinds: tuple[type, ...], function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` for arguments of these types only."""

    def call(*args: Term) -> Any:
        if any(type(arg) not in kinds for arg in args):
            raise Fails
        return function(*args)

    return call


def _element(position: Term, value: Term) -> Term:
    if type(position) is not int or type(value) is not tuple or not 1 <= position <= len(value):
        raise Fails
    return value[position - 1]


def _size(value: Term) -> int:
    if type(value) not in (tuple, bytes, str):
        raise Fails
    return len(value.encode() if type(value) is str else value)


def _first(value: Term) -> Term:
    if type(value) not in (list, ImproperList) or not value:
        raise Fails
    return value[0] if type(value) is list else value.elements[0]


def _behind(value: Term) -> Term:
    if type(value) is list and value:
        return value[1:]
    if type(value) is not ImproperList:
        raise Fails
    return ImproperList(value.elements[1:], value.tail) if len(value.elements) > 1 else value.tail


def _map_of(value: Term) -> Map:
    if not isinstance(value, Mapping):
        raise Fails
    return value if type(value) is Map else Map(value)


def _map_get(key: Term, value: Term) -> Term:
    exact = _map_of(value)
    if key not in exact:
        raise Fails
    return exact[key]


def _divided(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) is (b < 0) else -1)


_NUMBER: Final = (int, float)
_INTEGER: Final = (int,)

GUARD_BIFS: Final[dict[tuple[str, int], Callable[..., Any]]] = {
    ("==", 2): lambda a, b: compare(a, b) == 0,
    ("/=", 2): lambda a, b: compare(a, b) != 0,
    ("=:=", 2): equal,
    ("=/=", 2): lambda a, b: not equal(a, b),
    ("<", 2): lambda a, b: compare(a, b) < 0,
    ("=<", 2): lambda a, b: compare(a, b) <= 0,
    (">", 2): lambda a, b: compare(a, b) > 0,
    (">=", 2): lambda a, b: compare(a, b) >= 0,
    ("max", 2): lambda a, b: b if compare(a, b) < 0 else a,
    ("min", 2): lambda a, b: a if compare(a, b) <= 0 else b,
    ("not", 1): lambda value: not boolean(value),
    ("xor", 2): lambda a, b: boolean(a) is not boolean(b),
    ("+", 2): _checked(_NUMBER, operator.add),
    ("-", 2): _checked(_NUMBER, operator.sub),
    ("*", 2): _checked(_NUMBER, operator.mul),
    ("/", 2): _checked(_NUMBER, operator.truediv),
    ("-", 1): _checked(_NUMBER, operator.neg),
    ("div", 2): _checked(_INTEGER, _divided),
    ("rem", 2): _checked(_INTEGER, lambda a, b: a - _divided(a, b) * b),
    ("band", 2): _checked(_INTEGER, operator.and_),
    ("bor", 2): _checked(_INTEGER, operator.or_),
    ("bxor", 2): _checked(_INTEGER, operator.xor),
    ("bnot", 1): _checked(_INTEGER, operator.invert),
    ("abs", 1): _checked(_NUMBER, abs),
    ("trunc", 1): _checked(_NUMBER, int),
    ("float", 1): _checked(_NUMBER, float),
    ("element", 2): _element,
    ("hd", 1): _first,
    ("tl", 1): _behind,
    ("length", 1): _checked((list,), len),
    ("size", 1): _size,
    ("tuple_size", 1): _checked((tuple,), len),
    ("byte_size", 1): _checked((bytes, str), _size),
    ("map_size", 1): lambda value: len(_map_of(value)),
    ("map_get", 2): _map_get,
    ("is_map_key", 2): lambda key, value: key in _map_of(value),
    ("node", 1): _checked((Pid, Port, Reference), operator.attrgetter("node")),
    ("is_atom", 1): _of(Atom, bool, type(None)),
    ("is_binary", 1): _of(bytes, str),
    ("is_bitstring", 1): _of(bytes, str, BitString),
    ("is_boolean", 1): _of(bool),
    ("is_float", 1): _of(float),
    ("is_function", 1): _of(Fun, Export),
    ("is_integer", 1): _of(int),
    ("is_list", 1): _of(list, ImproperList),
    ("is_map", 1): lambda value: isinstance(value, Mapping),
    ("is_number", 1): _of(int, float),
    ("is_pid", 1): _of(Pid),
    ("is_port", 1): _of(Port),
    ("is_record", 1): _of(Record),
    ("is_reference", 1): _of(Reference),
    ("is_tuple", 1): _of(tuple),
}
