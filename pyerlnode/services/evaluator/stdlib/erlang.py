"""`erlang`: tests of types, parts of terms, and `!`; with it the tables of what is called at once are full.

Source: module `erlang` of the ERTS reference manual.
Proof: tests/services/evaluator/test_expressions.py, tests/services/evaluator/test_corpus.py.
"""

from __future__ import annotations

from typing import Any

import pyerlnode.process as processes
from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.stdlib import erlang_operators, exact  # noqa: F401  # fills the tables
from pyerlnode.services.evaluator.stdlib.arguments import badarg, badkey, badmap
from pyerlnode.services.evaluator.stdlib.erlang_bifs import ERROR_INFO, GUARDS, OLD_TESTS, PLAIN, guard, plain
from pyerlnode.services.evaluator.stdlib.exact import MISSING, is_map
from pyerlnode.term import Atom, BitString, Export, Fun, ImproperList, Pid, Port, Record, Reference, Term

__all__ = ["ERROR_INFO", "GUARDS", "OLD_TESTS", "PLAIN"]


# --- tests of types -----------------------------------------------------------------------


def _test(name: str, *kinds: type) -> None:
    wanted = frozenset(kinds)
    guard(name, 1)(lambda value: type(value) in wanted)


_test("is_atom", Atom, bool, type(None))
_test("is_binary", bytes)
_test("is_bitstring", bytes, BitString)
_test("is_boolean", bool)
_test("is_float", float)
_test("is_function", Fun, Export)
_test("is_integer", int)
_test("is_list", list, ImproperList)
_test("is_number", int, float)
_test("is_pid", Pid)
_test("is_port", Port)
_test("is_reference", Reference)
_test("is_tuple", tuple)
guard("is_map", 1)(is_map)


@guard("is_function", 2)
def is_function_of(fun: Any, arity: Any) -> bool:
    if type(arity) is not int or arity < 0:
        raise badarg()
    return isinstance(fun, (Fun, Export)) and fun.arity == arity


@guard("is_integer", 3)
def is_integer_between(value: Any, low: Any, high: Any) -> bool:
    if type(low) is not int or type(high) is not int:
        raise badarg()
    return type(value) is int and low <= value <= high


@guard("is_record", 1)
def is_native_record(value: Any) -> bool:
    return type(value) is Record


@guard("is_record", 2)
def is_record(value: Any, tag: Any) -> bool:
    if type(tag) not in (Atom, bool, type(None)):
        raise badarg()
    return type(value) is tuple and len(value) > 0 and value[0] is tag


@guard("is_record", 3)
def is_record_of_size(value: Any, tag: Any, size: Any) -> bool:
    if type(size) is not int or size < 1:
        raise badarg()
    return is_record(value, tag) and len(value) == size


# --- parts --------------------------------------------------------------------------------


@guard("element", 2)
def element(position: Any, value: Any) -> Term:
    if type(position) is not int or type(value) is not tuple or not 1 <= position <= len(value):
        raise badarg()
    return value[position - 1]


@guard("tuple_size", 1)
def tuple_size(value: Any) -> int:
    if type(value) is not tuple:
        raise badarg()
    return len(value)


@guard("hd", 1)
def head(value: Any) -> Term:
    if type(value) is list and value:
        return value[0]
    if type(value) is ImproperList:
        return value.elements[0]
    raise badarg()


@guard("tl", 1)
def tail(value: Any) -> Term:
    if type(value) is list and value:
        return value[1:]
    if type(value) is ImproperList:
        rest = value.elements[1:]
        return ImproperList(rest, value.tail) if rest else value.tail
    raise badarg()


@guard("length", 1)
def length(value: Any) -> int:
    if type(value) is not list:
        raise badarg()
    return len(value)


@guard("byte_size", 1)
def byte_size(value: Any) -> int:
    if type(value) is bytes:
        return len(value)
    if type(value) is BitString:
        return len(value.data)
    raise badarg()


@guard("bit_size", 1)
def bit_size(value: Any) -> int:
    if type(value) is bytes:
        return len(value) * 8
    if type(value) is BitString:
        return len(value)
    raise badarg()


@guard("size", 1)
def size(value: Any) -> int:
    if type(value) is BitString:
        return len(value) // 8  # the whole ones, where byte_size/1 counts all
    return len(value) if type(value) is tuple else byte_size(value)


@guard("binary_part", 3)
def binary_part(data: Any, start: Any, count: Any) -> bytes:
    if type(data) is not bytes or type(start) is not int or type(count) is not int:
        raise badarg()
    low, high = min(start, start + count), max(start, start + count)
    if low < 0 or high > len(data):
        raise badarg()
    return data[low:high]


@guard("binary_part", 2)
def binary_part_at(data: Any, where: Any) -> bytes:
    if type(where) is not tuple or len(where) != 2:
        raise badarg()
    return binary_part(data, *where)


@guard("map_size", 1)
def map_size(value: Any) -> int:
    if not is_map(value):
        raise badmap(value)
    return len(value)


@guard("map_get", 2)
def map_get(key: Any, value: Any) -> Term:
    if not is_map(value):
        raise badmap(value)
    found = exact.get(value, key)
    if found is MISSING:
        raise badkey(key)
    return found


@guard("is_map_key", 2)
def is_map_key(key: Any, value: Any) -> bool:
    if not is_map(value):
        raise badmap(value)
    return exact.has_key(value, key)


@guard("node", 1)
def node_of(value: Any) -> Atom:
    if not isinstance(value, (Pid, Port, Reference)):
        raise badarg()
    return value.node


@guard("node", 0)
def node() -> Atom:
    return processes.node()


@guard("self", 0)
def own_pid() -> Pid:
    return processes.self()


# --- sending, and the rest ----------------------------------------------------------------


@plain("!", 2)
def send_operator(to: Any, message: Any) -> Term:
    return send(to, message)


@plain("send", 2)
def send(to: Any, message: Any) -> Term:
    if not isinstance(to, (Pid, Reference, Atom, tuple)):
        raise badarg()
    try:
        return processes.send(to, message)
    except ErlangError:
        raise badarg() from None


@plain("setelement", 3)
def setelement(position: Any, value: Any, term: Any) -> tuple[Any, ...]:
    element(position, value)
    return (*value[: position - 1], term, *value[position:])


@plain("make_ref", 0)
def make_ref() -> Reference:
    return processes.make_ref()
