"""`Integer`, `Float` and `Kernel.**`.

Source: integer.ex, float.ex and kernel.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

import math
import re
import string
from fractions import Fraction

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.limits import check_integer
from pyerlnode.services.evaluator.requests import Remote
from pyerlnode.services.evaluator.stdlib.arguments import Steps, badarith, is_integer, is_number
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    ERROR,
    argument_error,
    need,
    shown,
)
from pyerlnode.services.evaluator.stdlib.numerals import integer as integer_value
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

integer = Library("Elixir.Integer")
float_module = Library("Elixir.Float")
kernel = Library("Elixir.Kernel")

_DIGITS = string.digits + string.ascii_lowercase
_SHORT = Atom("short")


def _integers(*values: Term) -> None:
    if not all(map(is_integer, values)):
        raise badarith()


# --- powers -------------------------------------------------------------------------------


@kernel.function("**", 2)
def power(base: Term, exponent: Term) -> Steps:
    if is_integer(base) and is_integer(exponent):
        if exponent >= 0:
            return _power(base, exponent)
        if base == 0:
            raise badarith()
        return (yield Remote("math", "pow", (base, exponent)))
    need(is_number(base), is_number(exponent))
    return (yield Remote("math", "pow", (base, exponent)))


def _power(base: int, exponent: int) -> int:
    if base not in (-1, 0, 1):
        check_integer((abs(base).bit_length() - 1) * exponent)
    return int(base**exponent)


@integer.function("pow", 2)
def pow_(base: Term, exponent: Term) -> Term:
    need(is_integer(base), is_integer(exponent))
    if exponent < 0:
        raise badarith()
    return _power(base, exponent)


# --- Integer --------------------------------------------------------------------------------


@integer.function("mod", 2)
def mod(dividend: Term, divisor: Term) -> Term:
    _divisible(dividend, divisor)
    return dividend % divisor


@integer.function("floor_div", 2)
def floor_div(dividend: Term, divisor: Term) -> Term:
    _divisible(dividend, divisor)
    return dividend // divisor


@integer.function("ceil_div", 2)
def ceil_div(dividend: Term, divisor: Term) -> Term:
    _divisible(dividend, divisor)
    return -(-dividend // divisor)


def _divisible(dividend: Term, divisor: Term) -> None:
    _integers(dividend, divisor)
    if divisor == 0:
        raise badarith()


@integer.function("popcount", 1)
def popcount(number: Term) -> Term:
    need(is_integer(number, 0))
    return int(number).bit_count()


@integer.function("gcd", 2)
def gcd(a: Term, b: Term) -> Term:
    need(is_integer(a), is_integer(b))
    return math.gcd(a, b)


@integer.function("extended_gcd", 2)
def extended_gcd(a: Term, b: Term) -> Term:
    if (is_integer(a) and a == 0) or (is_integer(b) and b == 0):
        return (0, 0, 0) if a == b else (b, 0, 1) if a == 0 else (a, 1, 0)
    need(is_integer(a), is_integer(b))
    r1, r0, s1, s0, t1, t0 = b, a, 0, 1, 1, 0
    while True:
        quotient = int(abs(r0) // abs(r1)) * (1 if (r0 < 0) == (r1 < 0) else -1)
        rest = r0 - quotient * r1
        if rest == 0:
            return (r1, s1, t1) if r1 > 0 else (-r1, -s1, -t1)
        r1, r0, s1, s0, t1, t0 = rest, r1, s0 - quotient * s1, s1, t0 - quotient * t1, t1


@integer.function("digits", 1)
def digits(number: Term) -> Term:
    return digits_in(number, 10)


@integer.function("digits", 2)
def digits_in(number: Term, base: Term) -> Term:
    need(is_integer(number), is_integer(base, 2))
    sign, left, out = (-1 if number < 0 else 1), abs(number), []
    while left:
        left, digit = divmod(left, base)
        out.append(sign * digit)
    return out[::-1] or [0]


@integer.function("undigits", 1)
def undigits(given: Term) -> Term:
    return undigits_in(given, 10)


@integer.function("undigits", 2)
def undigits_in(given: Term, base: Term) -> Term:
    need(isinstance(given, list), is_integer(base, 2))
    check_integer(len(given) * base.bit_length())
    total = 0
    for digit in given:
        need(is_integer(digit))
        if digit >= base:
            raise argument_error(f"invalid digit {digit} in base {base}")
        total = total * base + digit
    return total


@integer.function("parse", 1)
def parse(binary: Term) -> Term:
    return parse_in(binary, 10)


@integer.function("parse", 2)
def parse_in(binary: Term, base: Term) -> Term:
    if not (is_integer(base) and 2 <= base <= 36):
        raise argument_error(f"invalid base {shown(base)}")
    need(isinstance(binary, bytes))
    allowed = _DIGITS[:base] + _DIGITS[10:base].upper()
    found = re.match(rb"[+-]?[%s]+" % allowed.encode(), binary)
    if found is None:
        return ERROR
    return integer_value(found.group().decode(), base), binary[found.end() :]


# --- Float ----------------------------------------------------------------------------------


@float_module.function("max_finite", 0)
def max_finite() -> Term:
    return 1.7976931348623157e308


@float_module.function("min_finite", 0)
def min_finite() -> Term:
    return -1.7976931348623157e308


_FLOAT = re.compile(rb"([+-]?)([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")


@float_module.function("parse", 1)
def parse_float(binary: Term) -> Term:
    need(isinstance(binary, bytes))
    found = _FLOAT.match(binary)
    if found is None:
        return ERROR
    value = float(found.group(2))
    if math.isinf(value):
        if b"e" not in found.group(2).lower():
            raise ErlangError(Atom("badarg"))
        return ERROR
    return (-value if found.group(1) == b"-" else value), binary[found.end() :]


@float_module.function("round", 1)
def round_(number: Term) -> Term:
    return round_to(number, 0)


@float_module.function("round", 2)
def round_to(number: Term, precision: Term) -> Term:
    return _rounded(number, precision, lambda scaled: math.floor(scaled + Fraction(1, 2)), symmetric=True)


@float_module.function("floor", 1)
def floor(number: Term) -> Term:
    return floor_to(number, 0)


@float_module.function("floor", 2)
def floor_to(number: Term, precision: Term) -> Term:
    return _rounded(number, precision, math.floor)


@float_module.function("ceil", 1)
def ceil(number: Term) -> Term:
    return ceil_to(number, 0)


@float_module.function("ceil", 2)
def ceil_to(number: Term, precision: Term) -> Term:
    return _rounded(number, precision, math.ceil)


def _rounded(number: Term, precision: Term, how: object, symmetric: bool = False) -> float:
    need(type(number) is float)
    if not (is_integer(precision) and 0 <= precision <= 15):
        text = precision if is_integer(precision) else shown(precision)
        raise argument_error(f"precision {text} is out of valid range of 0..15")
    exact = Fraction(number) * 10**precision
    if number == 0.0 or exact.denominator == 1:
        return float(number)
    scaled = -how(-exact) if symmetric and number < 0 else how(exact)  # type: ignore[operator]  # a function
    value = float(Fraction(scaled, 10**precision))
    return math.copysign(value, number)


@float_module.function("ratio", 1)
def ratio(number: Term) -> Term:
    need(type(number) is float)
    return number.as_integer_ratio()


@float_module.function("to_string", 1)
def to_string(number: Term) -> Steps:
    return (yield Remote("erlang", "float_to_binary", (number, [_SHORT])))


@float_module.function("to_charlist", 1)
def to_charlist(number: Term) -> Steps:
    return (yield Remote("erlang", "float_to_list", (number, [_SHORT])))
