"""Numbers as text and back, as `erlang:integer_to_list/2`, `float_to_list/2` and their inverses do it.

Python refuses to read or print integers of more than some thousand digits at once, since that
takes quadratic time; here their size is limited before, and they go through hexadecimal or in
pieces.

Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from pyerlnode.services.evaluator.limits import check_integer
from pyerlnode.services.evaluator.stdlib.arguments import badarg, badarith, is_integer
from pyerlnode.term import Atom, Term, to_erlang

__all__ = ["as_float", "float_text", "floating", "integer", "integer_text", "number_text"]

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_INTEGER: Final = re.compile(r"([+-]?)([0-9A-Za-z]+)\Z")
_FLOAT: Final = re.compile(r"[+-]?[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?\Z")
_BITS_OF_DIGIT: Final = 3.33
# Python prints and reads so many digits at once whatever its settings are.
_PIECE: Final = 500
_LONGEST: Final = 255


def is_base(value: Term) -> bool:
    return is_integer(value, 2) and value <= 36


def integer_text(value: int, base: int = 10) -> str:
    """The digits of an integer, capitals from ten on."""
    if value < 0:
        return "-" + integer_text(-value, base)
    piece, pieces = base**_PIECE, []
    while value >= piece:
        value, low = divmod(value, piece)
        pieces.append(_small(low, base).rjust(_PIECE, "0"))
    return _small(value, base) + "".join(reversed(pieces))


def _small(value: int, base: int) -> str:
    if base == 10:
        return str(value)
    digits = ""
    while value or not digits:
        value, digit = divmod(value, base)
        digits = _DIGITS[digit] + digits
    return digits


def integer(text: str, base: int) -> int:
    """The integer that the text is from end to end; `badarg` where it is none."""
    found = _INTEGER.match(text)
    if found is None:
        raise badarg()
    sign, digits = found.groups()
    check_integer(int(len(digits.lstrip("0")) * (_BITS_OF_DIGIT if base <= 10 else 5.17)))
    value = 0
    try:
        for at in range(0, len(digits), _PIECE):
            piece = digits[at : at + _PIECE]
            value = value * base ** len(piece) + int(piece, base)
    except ValueError:
        raise badarg() from None
    return -value if sign == "-" else value


def floating(text: str) -> float:
    """The float that the text is from end to end, with a point; `badarg` where it is none."""
    if _FLOAT.match(text) is None:
        raise badarg()
    value = float(text)
    if value - value:
        raise badarg()
    return value


def as_float(value: Term) -> float:
    """A number as a float; `badarith` where none can hold it."""
    try:
        return float(value)
    except OverflowError:
        raise badarith() from None


def number_text(value: Term) -> str:
    """A number as `integer_to_list/1` and `float_to_list/1` write it."""
    return integer_text(value) if type(value) is int else f"{value:.20e}"


_DECIMALS, _SCIENTIFIC = Atom("decimals"), Atom("scientific")
_COMPACT, _SHORT = Atom("compact"), Atom("short")


def float_text(value: float, options: list[Term]) -> str:
    """A float by the options of `float_to_list/2`; `badarg` for others, the last of them counts."""
    form, digits, compact = _SCIENTIFIC, 20, False
    for option in options:
        match option:
            case (Atom() as kind, int() as count) if type(count) is int and _may_be(kind, count):
                form, digits = kind, count
            case Atom() if option is _COMPACT:
                compact = True
            case Atom() if option is _SHORT:
                form = _SHORT
            case _:
                raise badarg()
    if form is _SHORT:
        return to_erlang(value)
    if form is _SCIENTIFIC:
        return f"{value:.{digits}e}"
    return _with_decimals(value, digits, compact)


def _may_be(kind: Atom, count: int) -> bool:
    most = 253 if kind is _DECIMALS else 249 if kind is _SCIENTIFIC else -1
    return 0 <= count <= most


def _with_decimals(value: float, digits: int, compact: bool) -> str:
    exact = Decimal(value)
    text = f"{exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, Context(prec=1000)):f}"
    if len(text) > _LONGEST:
        raise badarg()
    if compact and digits:
        text = text.rstrip("0")
        return f"{text}0" if text.endswith(".") else text
    return text
