"""`erlang`: operators, the functions of guards, and others without a side effect.

What is in `PLAIN` is called by the code of closures at once; those that a guard may call
are in `GUARDS`.  All of them can be called by name as well.

Source: module `erlang` of the ERTS reference manual.
Proof: tests/services/evaluator/test_expressions.py, tests/services/evaluator/test_corpus.py.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pyerlnode.process as processes
from pyerlnode.errors import ErlangError, TermError
from pyerlnode.services.evaluator.limits import check_integer, check_length
from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.exact import MISSING, is_map, same
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import (
    Atom,
    BitString,
    Export,
    Fun,
    ImproperList,
    Pid,
    Port,
    Record,
    Reference,
    Term,
    compare,
    exact_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_F = TypeVar("_F", bound="Callable[..., Any]")

erlang = Library("erlang")

_BADARG, _BADARITH = Atom("badarg"), Atom("badarith")
_BADMAP, _BADKEY = Atom("badmap"), Atom("badkey")
ERROR_INFO: Final = [(Atom("error_info"), {Atom("module"): Atom("erl_erts_errors")})]
_FLOAT_BITS: Final = 1024

GUARDS: Final[dict[tuple[str, int], Callable[..., Any]]] = {}
PLAIN: Final[dict[tuple[str, int], Callable[..., Any]]] = {}
# Tests of types by the names that they had before OTP R13.
OLD_TESTS: Final = {
    name: f"is_{name}"
    for name in (
        *("atom", "binary", "float", "function", "integer", "list"),
        *("number", "pid", "port", "reference", "tuple"),
    )
}


def badarg() -> ErlangError:
    """`badarg`, to be raised."""
    return ErlangError(_BADARG)


def _guard(name: str, arity: int) -> Callable[[_F], _F]:
    def take(function: _F) -> _F:
        GUARDS[name, arity] = PLAIN[name, arity] = function
        return erlang.function(name, arity)(function)

    return take


def _plain(name: str, arity: int) -> Callable[[_F], _F]:
    def take(function: _F) -> _F:
        PLAIN[name, arity] = function
        return erlang.function(name, arity)(function)

    return take


# --- arithmetic ---------------------------------------------------------------------------


def _numbers(a: Term, b: Term) -> None:
    if (type(a) is not int and type(a) is not float) or (type(b) is not int and type(b) is not float):
        raise ErlangError(_BADARITH)


def _finite(value: Any) -> Any:
    if type(value) is float and not math.isfinite(value):
        raise ErlangError(_BADARITH)
    return value


def _calculated(function: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    try:
        return _finite(function(a, b))
    except ArithmeticError:
        raise ErlangError(_BADARITH) from None


def _checked_bits(bits: int) -> None:
    # Only what is large is worth a look.
    if bits > _FLOAT_BITS:
        check_integer(bits)


@_guard("+", 2)
def add(a: Any, b: Any) -> Any:
    if type(a) is int and type(b) is int:
        result = a + b
        _checked_bits(result.bit_length())
        return result
    _numbers(a, b)
    return _calculated(lambda x, y: x + y, a, b)


@_guard("-", 2)
def subtract(a: Any, b: Any) -> Any:
    if type(a) is int and type(b) is int:
        result = a - b
        _checked_bits(result.bit_length())
        return result
    _numbers(a, b)
    return _calculated(lambda x, y: x - y, a, b)


@_guard("*", 2)
def multiply(a: Any, b: Any) -> Any:
    if type(a) is int and type(b) is int:
        _checked_bits(a.bit_length() + b.bit_length() - 1)
        return a * b
    _numbers(a, b)
    return _calculated(lambda x, y: x * y, a, b)


@_guard("/", 2)
def divide(a: Any, b: Any) -> Any:
    _numbers(a, b)
    return _calculated(lambda x, y: x / y, a, b)


def _integers(*values: Term) -> None:
    if any(type(value) is not int for value in values):
        raise ErlangError(_BADARITH)


@_guard("div", 2)
def div(a: Any, b: Any) -> int:
    _integers(a, b)
    if b == 0:
        raise ErlangError(_BADARITH)
    quotient: int = abs(a) // abs(b)
    return quotient if (a < 0) is (b < 0) else -quotient


@_guard("rem", 2)
def rem(a: Any, b: Any) -> int:
    _integers(a, b)
    if b == 0:
        raise ErlangError(_BADARITH)
    left: int = abs(a) % abs(b)
    return -left if a < 0 else left


@_guard("-", 1)
def negate(a: Any) -> Any:
    _numbers(a, a)
    return -a


@_guard("+", 1)
def number_itself(a: Any) -> Any:
    _numbers(a, a)
    return a


@_guard("band", 2)
def band(a: Any, b: Any) -> int:
    _integers(a, b)
    return int(a & b)


@_guard("bor", 2)
def bor(a: Any, b: Any) -> int:
    _integers(a, b)
    return int(a | b)


@_guard("bxor", 2)
def bxor(a: Any, b: Any) -> int:
    _integers(a, b)
    return int(a ^ b)


@_guard("bnot", 1)
def bnot(a: Any) -> int:
    _integers(a)
    return int(~a)


@_guard("bsl", 2)
def bsl(a: Any, b: Any) -> int:
    _integers(a, b)
    if b < 0:
        return int(a >> -b)
    _checked_bits(a.bit_length() + b if a else 0)
    return a << b if a else 0


@_guard("bsr", 2)
def bsr(a: Any, b: Any) -> int:
    _integers(a, b)
    return bsl(a, -b)


@_guard("abs", 1)
def absolute(a: Any) -> Any:
    _number(a)
    return abs(a)


def _number(value: Term) -> None:
    if type(value) is not int and type(value) is not float:
        raise badarg()


@_guard("float", 1)
def to_float(a: Any) -> float:
    _number(a)
    try:
        return float(a)
    except OverflowError:
        raise badarg() from None


@_guard("trunc", 1)
def truncated(a: Any) -> int:
    _number(a)
    return int(a)


@_guard("round", 1)
def rounded(a: Any) -> int:
    """Halves go away from zero."""
    _number(a)
    if type(a) is int:
        return a
    whole = math.floor(abs(a))
    return int(math.copysign(whole + (abs(a) - whole >= 0.5), a))


@_guard("floor", 1)
def floor(a: Any) -> int:
    _number(a)
    return math.floor(a)  # type: ignore[no-any-return]


@_guard("ceil", 1)
def ceil(a: Any) -> int:
    _number(a)
    return math.ceil(a)  # type: ignore[no-any-return]


# --- comparison and logic -----------------------------------------------------------------


def order(a: Any, b: Any) -> int:
    """-1, 0 or 1, as Erlang orders terms."""
    if type(a) is int and type(b) is int:
        return (a > b) - (a < b)
    return compare(a, b)


@_guard("==", 2)
def is_equal(a: Any, b: Any) -> bool:
    return a is b or order(a, b) == 0


@_guard("/=", 2)
def is_unequal(a: Any, b: Any) -> bool:
    return a is not b and order(a, b) != 0


_guard("=:=", 2)(same)


@_guard("=/=", 2)
def differs(a: Any, b: Any) -> bool:
    return not same(a, b)


@_guard("<", 2)
def is_less(a: Any, b: Any) -> bool:
    return order(a, b) < 0


@_guard("=<", 2)
def is_at_most(a: Any, b: Any) -> bool:
    return order(a, b) <= 0


@_guard(">", 2)
def is_greater(a: Any, b: Any) -> bool:
    return order(a, b) > 0


@_guard(">=", 2)
def is_at_least(a: Any, b: Any) -> bool:
    return order(a, b) >= 0


@_guard("max", 2)
def larger(a: Any, b: Any) -> Any:
    return b if order(a, b) < 0 else a


@_guard("min", 2)
def smaller(a: Any, b: Any) -> Any:
    return a if order(a, b) <= 0 else b


def _boolean(value: Term) -> bool:
    if value is not True and value is not False:
        raise badarg()
    return value is True


@_guard("not", 1)
def negation(a: Any) -> bool:
    return not _boolean(a)


@_guard("and", 2)
def both(a: Any, b: Any) -> bool:
    first, second = _boolean(a), _boolean(b)
    return first and second


@_guard("or", 2)
def either(a: Any, b: Any) -> bool:
    first, second = _boolean(a), _boolean(b)
    return first or second


@_guard("xor", 2)
def one_of_both(a: Any, b: Any) -> bool:
    return _boolean(a) is not _boolean(b)


# --- tests of types -----------------------------------------------------------------------


def _test(name: str, *kinds: type) -> None:
    wanted = frozenset(kinds)
    _guard(name, 1)(lambda value: type(value) in wanted)


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
_guard("is_map", 1)(is_map)


@_guard("is_function", 2)
def is_function_of(fun: Any, arity: Any) -> bool:
    if type(arity) is not int or arity < 0:
        raise badarg()
    return isinstance(fun, (Fun, Export)) and fun.arity == arity


@_guard("is_integer", 3)
def is_integer_between(value: Any, low: Any, high: Any) -> bool:
    if type(low) is not int or type(high) is not int:
        raise badarg()
    return type(value) is int and low <= value <= high


@_guard("is_record", 1)
def is_native_record(value: Any) -> bool:
    return type(value) is Record


@_guard("is_record", 2)
def is_record(value: Any, tag: Any) -> bool:
    if type(tag) not in (Atom, bool, type(None)):
        raise badarg()
    return type(value) is tuple and len(value) > 0 and value[0] is tag


@_guard("is_record", 3)
def is_record_of_size(value: Any, tag: Any, size: Any) -> bool:
    if type(size) is not int or size < 1:
        raise badarg()
    return is_record(value, tag) and len(value) == size


# --- parts --------------------------------------------------------------------------------


@_guard("element", 2)
def element(position: Any, value: Any) -> Term:
    if type(position) is not int or type(value) is not tuple or not 1 <= position <= len(value):
        raise badarg()
    return value[position - 1]


@_guard("tuple_size", 1)
def tuple_size(value: Any) -> int:
    if type(value) is not tuple:
        raise badarg()
    return len(value)


@_guard("hd", 1)
def head(value: Any) -> Term:
    if type(value) is list and value:
        return value[0]
    if type(value) is ImproperList:
        return value.elements[0]
    raise badarg()


@_guard("tl", 1)
def tail(value: Any) -> Term:
    if type(value) is list and value:
        return value[1:]
    if type(value) is ImproperList:
        rest = value.elements[1:]
        return ImproperList(rest, value.tail) if rest else value.tail
    raise badarg()


@_guard("length", 1)
def length(value: Any) -> int:
    if type(value) is not list:
        raise badarg()
    return len(value)


@_guard("byte_size", 1)
def byte_size(value: Any) -> int:
    if type(value) is bytes:
        return len(value)
    if type(value) is BitString:
        return len(value.data)
    raise badarg()


@_guard("bit_size", 1)
def bit_size(value: Any) -> int:
    if type(value) is bytes:
        return len(value) * 8
    if type(value) is BitString:
        return len(value)
    raise badarg()


@_guard("size", 1)
def size(value: Any) -> int:
    if type(value) is BitString:
        return len(value) // 8  # the whole ones, where byte_size/1 counts all
    return len(value) if type(value) is tuple else byte_size(value)


@_guard("binary_part", 3)
def binary_part(data: Any, start: Any, count: Any) -> bytes:
    if type(data) is not bytes or type(start) is not int or type(count) is not int:
        raise badarg()
    low, high = min(start, start + count), max(start, start + count)
    if low < 0 or high > len(data):
        raise badarg()
    return data[low:high]


@_guard("binary_part", 2)
def binary_part_at(data: Any, where: Any) -> bytes:
    if type(where) is not tuple or len(where) != 2:
        raise badarg()
    return binary_part(data, *where)


@_guard("map_size", 1)
def map_size(value: Any) -> int:
    if not is_map(value):
        raise ErlangError((_BADMAP, value))
    return len(value)


@_guard("map_get", 2)
def map_get(key: Any, value: Any) -> Term:
    if not is_map(value):
        raise ErlangError((_BADMAP, value))
    found = exact.get(value, key)
    if found is MISSING:
        raise ErlangError((_BADKEY, key))
    return found


@_guard("is_map_key", 2)
def is_map_key(key: Any, value: Any) -> bool:
    if not is_map(value):
        raise ErlangError((_BADMAP, value))
    return exact.has_key(value, key)


@_guard("node", 1)
def node_of(value: Any) -> Atom:
    if not isinstance(value, (Pid, Port, Reference)):
        raise badarg()
    return value.node


@_guard("node", 0)
def node() -> Atom:
    return processes.node()


@_guard("self", 0)
def own_pid() -> Pid:
    return processes.self()


# --- lists and tuples ---------------------------------------------------------------------


@_plain("++", 2)
def append(left: Any, right: Any) -> Term:
    if type(left) is not list:
        raise badarg()
    if type(right) is list:
        check_length(len(left) + len(right))
        return left + right
    return ImproperList(left, right) if left else right


@_plain("--", 2)
def without(left: Any, right: Any) -> list[Term]:
    """Each element of `right` takes the first one of `left` that is the same."""
    if type(left) is not list or type(right) is not list:
        raise badarg()
    try:
        taken: dict[bytes, int] = {}
        for each in right:
            key = exact_bytes(each)
            taken[key] = taken.get(key, 0) + 1
        kept = []
        for each in left:
            key = exact_bytes(each)
            if taken.get(key):
                taken[key] -= 1
            else:
                kept.append(each)
    except TermError:
        raise badarg() from None
    return kept


@_plain("!", 2)
def send_operator(to: Any, message: Any) -> Term:
    return send(to, message)


@_plain("send", 2)
def send(to: Any, message: Any) -> Term:
    if not isinstance(to, (Pid, Reference, Atom, tuple)):
        raise badarg()
    try:
        return processes.send(to, message)
    except ErlangError:
        raise badarg() from None


@_plain("setelement", 3)
def setelement(position: Any, value: Any, term: Any) -> tuple[Any, ...]:
    element(position, value)
    return (*value[: position - 1], term, *value[position:])


@_plain("make_ref", 0)
def make_ref() -> Reference:
    return processes.make_ref()
