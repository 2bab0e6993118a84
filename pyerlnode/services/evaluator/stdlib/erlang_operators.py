"""`erlang`: the operators, and what else computes with numbers and may stand in a guard.

Only `!` is not here: it sends, see erlang.py.

Source: module `erlang` of the ERTS reference manual.
Proof: tests/services/evaluator/test_expressions.py, tests/services/evaluator/test_corpus.py.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import TermError
from pyerlnode.services.evaluator.limits import check_integer, check_length
from pyerlnode.services.evaluator.stdlib.arguments import badarg, badarith
from pyerlnode.services.evaluator.stdlib.erlang_bifs import guard, plain
from pyerlnode.services.evaluator.stdlib.exact import same
from pyerlnode.term import ImproperList, Term, compare, exact_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

_FLOAT_BITS: Final = 1024


# --- arithmetic ---------------------------------------------------------------------------


def _numbers(a: Term, b: Term) -> None:
    if (type(a) is not int and type(a) is not float) or (type(b) is not int and type(b) is not float):
        raise badarith()


def _finite(value: Any) -> Any:
    if type(value) is float and not math.isfinite(value):
        raise badarith()
    return value


def _calculated(function: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    try:
        return _finite(function(a, b))
    except ArithmeticError:
        raise badarith() from None


def _checked_bits(bits: int) -> None:
    # Only what is large is worth a look.
    if bits > _FLOAT_BITS:
        check_integer(bits)


@guard("+", 2)
def add(a: Any, b: Any) -> Any:
    if type(a) is int and type(b) is int:
        result = a + b
        _checked_bits(result.bit_length())
        return result
    _numbers(a, b)
    return _calculated(lambda x, y: x + y, a, b)


@guard("-", 2)
def subtract(a: Any, b: Any) -> Any:
    if type(a) is int and type(b) is int:
        result = a - b
        _checked_bits(result.bit_length())
        return result
    _numbers(a, b)
    return _calculated(lambda x, y: x - y, a, b)


@guard("*", 2)
def multiply(a: Any, b: Any) -> Any:
    if type(a) is int and type(b) is int:
        _checked_bits(a.bit_length() + b.bit_length() - 1)
        return a * b
    _numbers(a, b)
    return _calculated(lambda x, y: x * y, a, b)


@guard("/", 2)
def divide(a: Any, b: Any) -> Any:
    _numbers(a, b)
    return _calculated(lambda x, y: x / y, a, b)


def _integers(*values: Term) -> None:
    if any(type(value) is not int for value in values):
        raise badarith()


@guard("div", 2)
def div(a: Any, b: Any) -> int:
    _integers(a, b)
    if b == 0:
        raise badarith()
    quotient: int = abs(a) // abs(b)
    return quotient if (a < 0) is (b < 0) else -quotient


@guard("rem", 2)
def rem(a: Any, b: Any) -> int:
    _integers(a, b)
    if b == 0:
        raise badarith()
    left: int = abs(a) % abs(b)
    return -left if a < 0 else left


@guard("-", 1)
def negate(a: Any) -> Any:
    _numbers(a, a)
    return -a


@guard("+", 1)
def number_itself(a: Any) -> Any:
    _numbers(a, a)
    return a


@guard("band", 2)
def band(a: Any, b: Any) -> int:
    _integers(a, b)
    return int(a & b)


@guard("bor", 2)
def bor(a: Any, b: Any) -> int:
    _integers(a, b)
    return int(a | b)


@guard("bxor", 2)
def bxor(a: Any, b: Any) -> int:
    _integers(a, b)
    return int(a ^ b)


@guard("bnot", 1)
def bnot(a: Any) -> int:
    _integers(a)
    return int(~a)


@guard("bsl", 2)
def bsl(a: Any, b: Any) -> int:
    _integers(a, b)
    if b < 0:
        return int(a >> -b)
    _checked_bits(a.bit_length() + b if a else 0)
    return a << b if a else 0


@guard("bsr", 2)
def bsr(a: Any, b: Any) -> int:
    _integers(a, b)
    return bsl(a, -b)


@guard("abs", 1)
def absolute(a: Any) -> Any:
    _number(a)
    return abs(a)


def _number(value: Term) -> None:
    if type(value) is not int and type(value) is not float:
        raise badarg()


@guard("float", 1)
def to_float(a: Any) -> float:
    _number(a)
    try:
        return float(a)
    except OverflowError:
        raise badarg() from None


@guard("trunc", 1)
def truncated(a: Any) -> int:
    _number(a)
    return int(a)


@guard("round", 1)
def rounded(a: Any) -> int:
    """Halves go away from zero."""
    _number(a)
    if type(a) is int:
        return a
    whole = math.floor(abs(a))
    return int(math.copysign(whole + (abs(a) - whole >= 0.5), a))


@guard("floor", 1)
def floor(a: Any) -> int:
    _number(a)
    return math.floor(a)  # type: ignore[no-any-return]


@guard("ceil", 1)
def ceil(a: Any) -> int:
    _number(a)
    return math.ceil(a)  # type: ignore[no-any-return]


# --- comparison and logic -----------------------------------------------------------------


def order(a: Any, b: Any) -> int:
    """-1, 0 or 1, as Erlang orders terms."""
    if type(a) is int and type(b) is int:
        return (a > b) - (a < b)
    return compare(a, b)


@guard("==", 2)
def is_equal(a: Any, b: Any) -> bool:
    return a is b or order(a, b) == 0


@guard("/=", 2)
def is_unequal(a: Any, b: Any) -> bool:
    return a is not b and order(a, b) != 0


guard("=:=", 2)(same)


@guard("=/=", 2)
def differs(a: Any, b: Any) -> bool:
    return not same(a, b)


@guard("<", 2)
def is_less(a: Any, b: Any) -> bool:
    return order(a, b) < 0


@guard("=<", 2)
def is_at_most(a: Any, b: Any) -> bool:
    return order(a, b) <= 0


@guard(">", 2)
def is_greater(a: Any, b: Any) -> bool:
    return order(a, b) > 0


@guard(">=", 2)
def is_at_least(a: Any, b: Any) -> bool:
    return order(a, b) >= 0


@guard("max", 2)
def larger(a: Any, b: Any) -> Any:
    return b if order(a, b) < 0 else a


@guard("min", 2)
def smaller(a: Any, b: Any) -> Any:
    return a if order(a, b) <= 0 else b


def _boolean(value: Term) -> bool:
    if value is not True and value is not False:
        raise badarg()
    return value is True


@guard("not", 1)
def negation(a: Any) -> bool:
    return not _boolean(a)


@guard("and", 2)
def both(a: Any, b: Any) -> bool:
    first, second = _boolean(a), _boolean(b)
    return first and second


@guard("or", 2)
def either(a: Any, b: Any) -> bool:
    first, second = _boolean(a), _boolean(b)
    return first or second


@guard("xor", 2)
def one_of_both(a: Any, b: Any) -> bool:
    return _boolean(a) is not _boolean(b)


# --- lists ----------------------------------------------------------------------------------


@plain("++", 2)
def append(left: Any, right: Any) -> Term:
    if type(left) is not list:
        raise badarg()
    if type(right) is list:
        check_length(len(left) + len(right))
        return left + right
    return ImproperList(left, right) if left else right


@plain("--", 2)
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
