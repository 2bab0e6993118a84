"""What printing has in common in both notations: the loop, numbers, map order, node names.

A printer is a function from a term to its text, or, for a term with others inside, to an iterator
of (text, next term inside) pairs with the printer for those; `DONE` stands where no term follows.
`render` keeps the iterators on a list of its own, so depth costs memory and never stack.

Proof: tests/term/test_text_golden.py.
"""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cmp_to_key
from itertools import islice
from operator import itemgetter
from typing import Final, TypeAlias, Union

from pyerlnode.errors import TermEncodeError
from pyerlnode.term._compare import compare
from pyerlnode.term.types import Atom, Pid, Port, Reference, Term

__all__ = [
    "DONE",
    "Nested",
    "NodeNumber",
    "Pieces",
    "Shown",
    "first_pairs",
    "float_text",
    "identifier_text",
    "int_text",
    "render",
    "separated",
    "sorted_pairs",
]


class _Done:
    """The type of DONE; no term is of it."""


DONE: Final = _Done()
Pieces: TypeAlias = Iterator[tuple[str, Term]]
# The pieces of a term with others inside, and how those are printed.
Nested: TypeAlias = tuple[Pieces, "Show"]
Shown: TypeAlias = str | Nested
Show: TypeAlias = Callable[[Term], Union[str, "Nested"]]
# The table index that a BEAM would print as the first number, or None to print the node's name.
NodeNumber: TypeAlias = Callable[[Pid | Reference | Port], int | None]


def render(term: Term, show: Show, limit: int | None = None) -> str:
    """The text of `term`; only its first `limit` characters and `...` where it has more."""
    if limit is None:
        return "".join(_texts(term, show))
    out: list[str] = []
    left = limit
    for text in _texts(term, show):
        out.append(text)
        left -= len(text)
        if left < 0:
            return "".join(out)[:limit] + "..."
    return "".join(out)


def _texts(term: Term, show: Show) -> Iterator[str]:
    stack: list[Nested] = [(iter((("", term),)), show)]
    while stack:
        pieces, show = stack[-1]
        for text, inner in pieces:
            yield text
            if inner is DONE:
                continue
            shown = show(inner)
            if not isinstance(shown, str):
                stack.append(shown)
                break
            yield shown
        else:
            stack.pop()


def separated(opening: str, terms: Iterable[Term], separator: str, closing: str) -> Pieces:
    """The pieces of `terms` one after the other."""
    before = opening
    for term in terms:
        yield before, term
        before = separator
    yield opening + closing if before is opening else closing, DONE


# Python refuses to print longer integers at once (sys.set_int_max_str_digits), and prints them
# in quadratic time; decimal multiplies large numbers fast, so halves are put together there.
_PLAIN_BITS = 2048
_EXACT = decimal.Context(
    prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[decimal.Inexact]
)


def int_text(number: int) -> str:
    """Decimal digits of an integer of any size."""
    bits = number.bit_length()
    if bits <= _PLAIN_BITS:
        return str(int(number))
    powers: dict[int, decimal.Decimal] = {}
    digits = format(_decimal(abs(number), bits, powers), "f")
    return f"-{digits}" if number < 0 else digits


def _decimal(number: int, bits: int, powers: dict[int, decimal.Decimal]) -> decimal.Decimal:
    if bits <= _PLAIN_BITS:
        return decimal.Decimal(number)
    low = bits // 2
    if low not in powers:
        powers[low] = _EXACT.power(2, low)
    high = number >> low
    upper = _decimal(high, bits - low, powers)
    lower = _decimal(number - (high << low), low, powers)
    return _EXACT.add(_EXACT.multiply(upper, powers[low]), lower)


def float_text(number: float) -> str:
    """The shortest digits that give the number back, laid out as `float_to_list(F, [short])` does.

    An exponent is written where that is shorter, and from 2^53 on, where not every
    integer is a float any more.
    """
    number = float(number)
    if not math.isfinite(number):
        raise TermEncodeError(f"no Erlang term for the float {number!r}")
    if number == 0.0:
        return "-0.0" if math.copysign(1.0, number) < 0 else "0.0"
    sign = "-" if number < 0 else ""
    digits, place = _digits(abs(number))
    exponent = f"{digits[0]}.{digits[1:] or '0'}e{place - 1}"
    cost = len(str(place - 1)) + (3 if len(digits) == 1 else 2)
    if 0 < place < len(digits):
        return f"{sign}{digits[:place]}.{digits[place:]}"
    if place >= len(digits):
        plain = place - len(digits) + 2 <= cost and abs(number) < 2**53
        return f"{sign}{digits.ljust(place, '0')}.0" if plain else sign + exponent
    plain = place == 0 or 2 - place <= cost
    return f"{sign}0.{'0' * -place}{digits}" if plain else sign + exponent


def _digits(number: float) -> tuple[str, int]:
    """The significant digits, and how many of them stand before the point (may be negative)."""
    mantissa, _, exponent = repr(number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    every = whole + fraction
    digits = every.lstrip("0")
    place = len(whole) + int(exponent or 0) - (len(every) - len(digits))
    return digits.rstrip("0"), place


_key_order = cmp_to_key(compare)


def sorted_pairs(pairs: Iterable[tuple[Term, Term]]) -> list[tuple[Term, Term]]:
    """Pairs of a map in Erlang's order of their keys (`~k`, `sort_maps: true`).

    A BEAM keeps atom keys by table index and large maps by hash, so no two nodes
    print the same order unless they are told to sort.  Where integers and floats are keys
    of one map, the two notations of a BEAM sort them differently; here they go by value.
    """
    items = list(pairs)
    kinds = {type(key) for key, _ in items}
    # Python orders a map of only these as Erlang does, far faster than `compare`.
    if kinds <= {Atom} or kinds <= {int} or kinds <= {bytes}:
        items.sort(key=itemgetter(0))
    else:
        items.sort(key=lambda pair: _key_order(pair[0]))
    return items


def first_pairs(pairs: Iterable[tuple[Term, Term]], count: int) -> list[tuple[Term, Term]]:
    """The first `count` pairs of a map; sorted where the keys are such that this takes no time."""
    items = list(islice(pairs, count))
    kinds = {type(key) for key, _ in items}
    return sorted_pairs(items) if kinds <= {Atom} or kinds <= {int} else items


_PLAIN_NODE = re.compile(r"[\w.-]*@[\w.-]*")
_ENDS_IN_NUMBER = re.compile(r".*\.[0-9]+", re.DOTALL)


def identifier_text(
    term: Pid | Reference | Port,
    numbers: Iterable[int],
    quoted: Callable[[str], str],
    node_number: NodeNumber | None,
) -> str:
    """What stands between `<` and `>`: `kate@localhost.105.0/1795232319`, or `0.105.0`.

    The node is named, and the creation behind the slash left out when it is 0, unless
    `node_number` has the number that a BEAM would print.
    """
    number = node_number(term) if node_number is not None else None
    tail = "".join(f".{part}" for part in numbers)
    if number is not None:
        return f"{number}{tail}"
    # Text without @ could be taken for such a number, and > would end the whole.  A reference
    # has any number of words, so the 1 of 127.0.0.1 could be taken for one of them.
    plain = _PLAIN_NODE.fullmatch(term.node) is not None
    if type(term) is Reference and _ENDS_IN_NUMBER.fullmatch(term.node):
        plain = False
    node = str(term.node) if plain else quoted(term.node)
    return f"{node}{tail}/{term.creation}" if term.creation else f"{node}{tail}"
