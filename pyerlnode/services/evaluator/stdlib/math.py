"""`math`: floats of integers and floats; `badarith` where the result is none.

Source: module `math` of the STDLIB reference manual (OTP 27).
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import math as of_python
from typing import TYPE_CHECKING, Final

from pyerlnode.services.evaluator.stdlib.arguments import badarg, badarith, is_number
from pyerlnode.services.evaluator.stdlib.numerals import as_float
from pyerlnode.services.evaluator.stdlib.registry import Library

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.term import Term

math = Library("math")


def _rounding(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: of_python.copysign(function(value), value)


_OF_ONE: Final[dict[str, Callable[[float], float]]] = {
    **{
        name: getattr(of_python, name)
        for name in (
            *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
            *("exp", "log", "log2", "log10", "sqrt", "erf", "erfc"),
        )
    },
    "ceil": _rounding(of_python.ceil),
    "floor": _rounding(of_python.floor),
}
_OF_TWO: Final[dict[str, Callable[[float, float], float]]] = {
    "pow": of_python.pow,
    "atan2": of_python.atan2,
    "fmod": of_python.fmod,
}


def _called(function: Callable[..., float], *args: Term) -> float:
    if not all(map(is_number, args)):
        raise badarg()
    try:
        result = float(function(*map(as_float, args)))
    except (ValueError, OverflowError):
        raise badarith() from None
    if result - result:  # infinite, or no number
        raise badarith()
    return result


def _of_one(function: Callable[[float], float]) -> Callable[[Term], float]:
    return lambda value: _called(function, value)


def _of_two(function: Callable[[float, float], float]) -> Callable[[Term, Term], float]:
    return lambda a, b: _called(function, a, b)


for _name, _one in _OF_ONE.items():
    math.function(_name, 1)(_of_one(_one))
for _name, _two in _OF_TWO.items():
    math.function(_name, 2)(_of_two(_two))


@math.function("pi", 0)
def pi() -> float:
    return of_python.pi


@math.function("tau", 0)
def tau() -> float:
    return of_python.tau
