"""`string`, for chardata: what works on Unicode text by grapheme clusters.

What comes in as a binary goes out as one; what comes in as a list, of whatever depth and with
binaries inside, goes out as a flat list of code points.  (A BEAM keeps parts of the depth, as
chardata that says the same.)  The functions for lists of characters only are in
`string_lists.py`.

Source: string.erl of OTP 27; module `string` of the STDLIB reference manual.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from pyerlnode.errors import BadArg, ErlangError
from pyerlnode.services.evaluator.limits import check_length
from pyerlnode.services.evaluator.stdlib import numerals
from pyerlnode.services.evaluator.stdlib.arguments import (
    BADARG,
    ERROR,
    function_clause,
    is_integer,
    is_list,
    proper,
)
from pyerlnode.services.evaluator.stdlib.graphemes import clusters
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.services.io_lib import chardata
from pyerlnode.term import Atom, ImproperList, Term, charlist

if TYPE_CHECKING:
    from collections.abc import Callable

string = Library("string")

_LEADING, _TRAILING, _BOTH, _ALL = Atom("leading"), Atom("trailing"), Atom("both"), Atom("all")
_NOMATCH, _NONE = Atom("nomatch"), Atom("none")
_NO_INTEGER, _NO_FLOAT = Atom("no_integer"), Atom("no_float")
_FORMS: Final = {"nfc": "NFC", "nfd": "NFD", "nfkc": "NFKC", "nfkd": "NFKD"}
_WHITESPACE: Final = frozenset(["\r\n", *" \t\n\v\f\r\x85\u200e\u200f\u2028\u2029"])


def text_of(data: Term) -> str:
    """The text of chardata; `{badarg, Data}` for bytes that are not UTF-8, else `function_clause`."""
    if not isinstance(data, bytes) and not is_list(data):
        raise function_clause()
    try:
        return chardata(data)
    except BadArg:
        raise ErlangError((BADARG, data)) if isinstance(data, bytes) else function_clause() from None


def like(data: Term, text: str) -> Term:
    """`text` as the kind of chardata that `data` is."""
    return text.encode() if isinstance(data, bytes) else charlist(text)


def cluster(text: str) -> Term:
    """A grapheme cluster as a term: a code point, or the list of them."""
    return ord(text) if len(text) == 1 else charlist(text)


def cluster_texts(items: Term) -> list[str]:
    """The texts of a list of grapheme clusters, as separators and the like are given."""
    return [
        chr(item) if is_integer(item) and 0 <= item < 0x110000 else text_of(item) for item in proper(items)
    ]


def _count(value: Term) -> int:
    if not is_integer(value, 0):
        raise function_clause()
    return int(value)


# --- questions ----------------------------------------------------------------------------


@string.function("is_empty", 1)
def is_empty(data: Term) -> Term:
    return not text_of(data)


@string.function("length", 1)
def length(data: Term) -> Term:
    return len(clusters(text_of(data)))


@string.function("to_graphemes", 1)
def to_graphemes(data: Term) -> Term:
    return [cluster(each) for each in clusters(text_of(data))]


@string.function("equal", 2)
def equal_text(left: Term, right: Term) -> Term:
    return text_of(left) == text_of(right)


@string.function("equal", 3)
def equal_case(left: Term, right: Term, ignore_case: Term) -> Term:
    return equal_normal(left, right, ignore_case, _NONE)


@string.function("equal", 4)
def equal_normal(left: Term, right: Term, ignore_case: Term, form: Term) -> Term:
    if not isinstance(ignore_case, bool) or (form is not _NONE and form not in _FORMS):
        raise function_clause()
    return _normal(left, ignore_case, form) == _normal(right, ignore_case, form)


def _normal(data: Term, ignore_case: bool, form: Term) -> str:
    text = text_of(data)
    if form is not _NONE:
        text = unicodedata.normalize(_FORMS[str(form)], text)  # type: ignore[arg-type]
    return _each_character(text, str.casefold) if ignore_case else text


# --- case ---------------------------------------------------------------------------------


def _each_character(text: str, change: Callable[[str], str]) -> str:
    # One by one: Python goes by the neighbours of a final sigma, Erlang does not.
    return "".join(map(change, text))


@string.function("uppercase", 1)
def uppercase(data: Term) -> Term:
    return like(data, _each_character(text_of(data), str.upper))


@string.function("lowercase", 1)
def lowercase(data: Term) -> Term:
    return like(data, _each_character(text_of(data), str.lower))


@string.function("casefold", 1)
def casefold(data: Term) -> Term:
    return like(data, _each_character(text_of(data), str.casefold))


@string.function("titlecase", 1)
def titlecase(data: Term) -> Term:
    text = text_of(data)
    return like(data, text[:1].title() + text[1:])


# --- parts --------------------------------------------------------------------------------


@string.function("reverse", 1)
def reverse(data: Term) -> Term:
    return to_graphemes(data)[::-1]


@string.function("slice", 2)
def slice_from(data: Term, start: Term) -> Term:
    return like(data, "".join(clusters(text_of(data))[_count(start) :]))


@string.function("slice", 3)
def slice_of(data: Term, start: Term, size: Term) -> Term:
    if size is Atom("infinity"):
        return slice_from(data, start)
    first, count = _count(start), _count(size)
    return like(data, "".join(clusters(text_of(data))[first : first + count]))


@string.function("next_grapheme", 1)
def next_grapheme(data: Term) -> Term:
    found = clusters(text_of(data))
    return _headed(data, cluster(found[0]), "".join(found[1:])) if found else []


@string.function("next_codepoint", 1)
def next_codepoint(data: Term) -> Term:
    text = text_of(data)
    return _headed(data, ord(text[0]), text[1:]) if text else []


def _headed(data: Term, head: Term, rest: str) -> Term:
    tail = like(data, rest)
    if isinstance(tail, list):
        return [head, *tail]
    return ImproperList([head], tail)


@string.function("prefix", 2)
def prefix(data: Term, start: Term) -> Term:
    text, expected = text_of(data), text_of(start)
    return like(data, text[len(expected) :]) if text.startswith(expected) else _NOMATCH


@string.function("find", 2)
def find(data: Term, pattern: Term) -> Term:
    return find_from(data, pattern, _LEADING)


@string.function("find", 3)
def find_from(data: Term, pattern: Term, direction: Term) -> Term:
    wanted = text_of(pattern)
    if not wanted:
        return data
    if direction is not _LEADING and direction is not _TRAILING:
        raise function_clause()
    text = text_of(data)
    at = text.find(wanted) if direction is _LEADING else text.rfind(wanted)
    return _NOMATCH if at < 0 else like(data, text[at:])


# --- splitting ----------------------------------------------------------------------------


@string.function("split", 2)
def split(data: Term, pattern: Term) -> Term:
    return split_at(data, pattern, _LEADING)


@string.function("split", 3)
def split_at(data: Term, pattern: Term, where: Term) -> Term:
    wanted = text_of(pattern)
    if not wanted:
        return [data]
    text = text_of(data)
    if where is _ALL:
        parts = text.split(wanted)
    elif where is _LEADING or where is _TRAILING:
        parts = text.split(wanted, 1) if where is _LEADING else text.rsplit(wanted, 1)
    else:
        raise function_clause()
    return [data] if len(parts) == 1 else [like(data, part) for part in parts]


@string.function("replace", 3)
def replace(data: Term, pattern: Term, replacement: Term) -> Term:
    return replace_at(data, pattern, replacement, _LEADING)


@string.function("replace", 4)
def replace_at(data: Term, pattern: Term, replacement: Term, where: Term) -> Term:
    parts = split_at(data, pattern, where)
    return [part for piece in parts for part in (replacement, piece)][1:]


def lexeme_texts(text: str, separators: list[str]) -> list[str]:
    """What stands between separators, without what is empty."""
    found, parts = frozenset(separators), [""]
    for each in clusters(text):
        if each in found:
            parts.append("")
        else:
            parts[-1] += each
    return [part for part in parts if part]


@string.function("lexemes", 2)
def lexemes(data: Term, separators: Term) -> Term:
    if data == [] and isinstance(data, list):
        return []
    if isinstance(separators, list) and not separators:
        return [data]
    return [like(data, part) for part in lexeme_texts(text_of(data), cluster_texts(separators))]


@string.function("nth_lexeme", 3)
def nth_lexeme(data: Term, number: Term, separators: Term) -> Term:
    if not is_integer(number, 1):
        raise function_clause()
    if not proper(separators):
        return data if number == 1 else like(data, "")
    text = text_of(data)
    parts = lexeme_texts(text, cluster_texts(separators))
    return like(data, parts[number - 1] if number <= len(parts) else "")


# --- ends ---------------------------------------------------------------------------------


@string.function("trim", 1)
def trim(data: Term) -> Term:
    return _trimmed(data, _BOTH, _WHITESPACE)


@string.function("trim", 2)
def trim_at(data: Term, direction: Term) -> Term:
    return _trimmed(data, direction, _WHITESPACE)


@string.function("trim", 3)
def trim_of(data: Term, direction: Term, characters: Term) -> Term:
    return _trimmed(data, direction, frozenset(cluster_texts(characters)))


def _trimmed(data: Term, direction: Term, unwanted: frozenset[str]) -> Term:
    if direction not in (_LEADING, _TRAILING, _BOTH):
        raise function_clause()
    found = clusters(text_of(data))
    first, last = 0, len(found)
    while direction is not _TRAILING and first < last and found[first] in unwanted:
        first += 1
    while direction is not _LEADING and first < last and found[last - 1] in unwanted:
        last -= 1
    return like(data, "".join(found[first:last]))


@string.function("chomp", 1)
def chomp(data: Term) -> Term:
    return _trimmed(data, _TRAILING, frozenset({"\r\n", "\n"}))


@string.function("take", 2)
def take(data: Term, characters: Term) -> Term:
    return take_at(data, characters, False, _LEADING)


@string.function("take", 3)
def take_complement(data: Term, characters: Term, complement: Term) -> Term:
    return take_at(data, characters, complement, _LEADING)


@string.function("take", 4)
def take_at(data: Term, characters: Term, complement: Term, direction: Term) -> Term:
    if not isinstance(complement, bool) or direction not in (_LEADING, _TRAILING):
        raise function_clause()
    found, wanted = clusters(text_of(data)), frozenset(cluster_texts(characters))
    order = found if direction is _LEADING else found[::-1]
    count = next((at for at, each in enumerate(order) if (each in wanted) is complement), len(found))
    at = count if direction is _LEADING else len(found) - count
    return (like(data, "".join(found[:at])), like(data, "".join(found[at:])))


@string.function("pad", 2)
def pad(data: Term, size: Term) -> Term:
    return pad_with(data, size, _TRAILING, 32)


@string.function("pad", 3)
def pad_at(data: Term, size: Term, direction: Term) -> Term:
    return pad_with(data, size, direction, 32)


@string.function("pad", 4)
def pad_with(data: Term, size: Term, direction: Term, character: Term) -> Term:
    if not is_integer(size) or direction not in (_LEADING, _TRAILING, _BOTH):
        raise function_clause()
    missing = max(0, size - length(data))
    check_length(missing)
    if direction is _TRAILING:
        return [data, *[character] * missing]
    if direction is _LEADING:
        return [[character] * missing, data]
    half = [character] * (missing // 2)
    return [half, data, half, *[character] * (missing % 2)]


# --- numbers ------------------------------------------------------------------------------

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_FLOAT: Final = re.compile(r"[+-]?[0-9]+[.,][0-9]+(?:[eE][+-]?[0-9]+)?")


@string.function("to_integer", 1)
def to_integer(data: Term) -> Term:
    found = _number(data, _INTEGER, _NO_INTEGER)
    if isinstance(found, tuple):
        return found
    return (numerals.integer(found.group(), 10), like(data, found.string[found.end() :]))


@string.function("to_float", 1)
def to_float(data: Term) -> Term:
    found = _number(data, _FLOAT, _NO_FLOAT)
    if isinstance(found, tuple):
        return found
    value = float(found.group().replace(",", "."))
    if value - value:
        return (ERROR, _NO_FLOAT)
    return (value, like(data, found.string[found.end() :]))


def _number(data: Term, pattern: re.Pattern[str], missing: Atom) -> Term:
    """The match at the beginning of the text, or the pair that says why there is none."""
    try:
        text = text_of(data)
    except ErlangError:
        return (ERROR, BADARG)
    return pattern.match(text) or (ERROR, missing)
