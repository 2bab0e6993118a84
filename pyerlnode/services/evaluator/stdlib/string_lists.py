"""`string`: the old functions, for flat lists of characters only.

Source: string.erl of OTP 27, "Obsolete API functions".
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

from pyerlnode.services.evaluator.limits import check_length
from pyerlnode.services.evaluator.stdlib.arguments import (
    Distinct,
    function_clause,
    is_integer,
    is_list,
    listed,
    proper,
)
from pyerlnode.services.evaluator.stdlib.string import string
from pyerlnode.term import Atom, Term, equal

_LEFT, _RIGHT, _BOTH = Atom("left"), Atom("right"), Atom("both")
_SPACE = 32


def _count(value: Term, least: int = 0) -> int:
    if not is_integer(value, least):
        raise function_clause()
    return int(value)


@string.function("len", 1)
def length(text: Term) -> Term:
    return len(listed(text))


@string.function("concat", 2)
def concat(left: Term, right: Term) -> Term:
    return [*listed(left), *listed(right)]


@string.function("join", 2)
def join(texts: Term, separator: Term) -> Term:
    given = [proper(text) for text in proper(texts)]
    if not is_list(separator):
        raise function_clause()
    check_length(sum(map(len, given)) + len(given) * len(separator))
    return [item for at, text in enumerate(given) for item in ([*separator, *text] if at else text)]


@string.function("tokens", 2)
def tokens(text: Term, separators: Term) -> Term:
    found: list[list[Term]] = [[]]
    given, apart = proper(text), Distinct(proper(separators))
    for character in given:
        if character in apart:
            found.append([])
        else:
            found[-1].append(character)
    return [token for token in found if token]


@string.function("words", 1)
def words(text: Term) -> Term:
    return words_by(text, _SPACE)


@string.function("words", 2)
def words_by(text: Term, separator: Term) -> Term:
    # What has nothing but separators is one word, too.
    return len(tokens(text, [separator])) or 1


# --- searching ------------------------------------------------------------------------------


def _position(places: list[int], *, last: bool) -> int:
    return (places[-1] if last else places[0]) + 1 if places else 0


@string.function("chr", 2)
def first_of(text: Term, character: Term) -> Term:
    return _position([at for at, each in enumerate(proper(text)) if equal(each, character)], last=False)


@string.function("rchr", 2)
def last_of(text: Term, character: Term) -> Term:
    return _position([at for at, each in enumerate(proper(text)) if equal(each, character)], last=True)


def _characters(text: Term) -> str:
    """A list of characters as text; `function_clause` for any other elements."""
    if not all(is_integer(code, 0) and code < 0x110000 for code in proper(text)):
        raise function_clause()
    return "".join(map(chr, text))


@string.function("str", 2)
def first_string(text: Term, wanted: Term) -> Term:
    return _characters(text).find(_characters(wanted)) + 1


@string.function("rstr", 2)
def last_string(text: Term, wanted: Term) -> Term:
    return _characters(text).rfind(_characters(wanted)) + 1


def _span(text: Term, characters: Term, *, inside: bool) -> int:
    given, wanted = proper(text), Distinct(proper(characters))
    return next((at for at, each in enumerate(given) if (each in wanted) is not inside), len(given))


@string.function("span", 2)
def span(text: Term, characters: Term) -> Term:
    return _span(text, characters, inside=True)


@string.function("cspan", 2)
def cspan(text: Term, characters: Term) -> Term:
    return _span(text, characters, inside=False)


# --- parts ----------------------------------------------------------------------------------


@string.function("substr", 2)
def substr(text: Term, start: Term) -> Term:
    given, first = proper(text), _count(start, 1)
    if first > len(given) + 1:
        raise function_clause()
    return given[first - 1 :]


@string.function("substr", 3)
def substr_of(text: Term, start: Term, size: Term) -> Term:
    return substr(text, start)[: _count(size)]


@string.function("sub_string", 2)
def sub_string(text: Term, start: Term) -> Term:
    return substr(text, start)


@string.function("sub_string", 3)
def sub_string_of(text: Term, start: Term, stop: Term) -> Term:
    return substr_of(text, start, _count(stop) - _count(start, 1) + 1)


@string.function("sub_word", 2)
def sub_word(text: Term, number: Term) -> Term:
    return sub_word_by(text, number, _SPACE)


@string.function("sub_word", 3)
def sub_word_by(text: Term, number: Term, separator: Term) -> Term:
    if not is_integer(number, 1 if text else 0) or not is_integer(separator):
        raise function_clause()
    found = tokens(text, [separator])
    return found[number - 1] if number <= len(found) else []


# --- making ---------------------------------------------------------------------------------


@string.function("chars", 2)
def chars(character: Term, count: Term) -> Term:
    return chars_before(character, count, [])


@string.function("chars", 3)
def chars_before(character: Term, count: Term, tail: Term) -> Term:
    check_length(_count(count))
    return [character] * count + proper(tail)


@string.function("copies", 2)
def copies(text: Term, count: Term) -> Term:
    check_length(len(proper(text)) * _count(count))
    return proper(text) * count


@string.function("strip", 1)
def strip(text: Term) -> Term:
    return strip_of(text, _BOTH, _SPACE)


@string.function("strip", 2)
def strip_at(text: Term, side: Term) -> Term:
    return strip_of(text, side, _SPACE)


@string.function("strip", 3)
def strip_of(text: Term, side: Term, character: Term) -> Term:
    if side not in (_LEFT, _RIGHT, _BOTH):
        raise function_clause()
    given = proper(text)
    first, last = 0, len(given)
    while side is not _RIGHT and first < last and equal(given[first], character):
        first += 1
    while side is not _LEFT and first < last and equal(given[last - 1], character):
        last -= 1
    return given[first:last]


def _fitted(text: Term, size: Term, character: Term, before: int) -> Term:
    """`before`: in how many halves of the padding stands in front of the text."""
    given, width = proper(text), _count(size)
    check_length(width)
    missing = width - len(given)
    front = missing * before // 2
    if missing < 0:
        cut = -missing * before // 2
        return given[cut : cut + width]
    return [character] * front + given + [character] * (missing - front)


@string.function("left", 2)
def left(text: Term, size: Term) -> Term:
    return _fitted(text, size, _SPACE, 0)


@string.function("left", 3)
def left_with(text: Term, size: Term, character: Term) -> Term:
    return _fitted(text, size, character, 0)


@string.function("right", 2)
def right(text: Term, size: Term) -> Term:
    return _fitted(text, size, _SPACE, 2)


@string.function("right", 3)
def right_with(text: Term, size: Term, character: Term) -> Term:
    return _fitted(text, size, character, 2)


@string.function("centre", 2)
def centre(text: Term, size: Term) -> Term:
    return _fitted(text, size, _SPACE, 1)


@string.function("centre", 3)
def centre_with(text: Term, size: Term, character: Term) -> Term:
    return _fitted(text, size, character, 1)


# --- case, of Latin-1 -------------------------------------------------------------------------


def _turned(text: Term, low: int, high: int, by: int) -> Term:
    def turn(code: Term) -> Term:
        if not is_integer(code) or not (low <= code <= low + 25 or high <= code <= high + 30):
            return code
        return code if code in (0xD7, 0xF7) else code + by

    if is_integer(text):
        return turn(text)
    return [turn(code) for code in proper(text)]


@string.function("to_upper", 1)
def to_upper(text: Term) -> Term:
    return _turned(text, 97, 0xE0, -32)


@string.function("to_lower", 1)
def to_lower(text: Term) -> Term:
    return _turned(text, 65, 0xC0, 32)
