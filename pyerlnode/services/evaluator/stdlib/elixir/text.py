"""`String`: characters, case, and what is cut off or put in front.

A binary that is not all UTF-8 is taken as Elixir takes it: each byte that does not fit is a
character of its own (here a lone surrogate, see `support.characters`).

Source: string.ex and unicode/unicode.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from pyerlnode.services.evaluator.limits import check_binary
from pyerlnode.services.evaluator.stdlib.arguments import function_clause, is_integer
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    argument_error,
    characters,
    field,
    is_struct,
    need,
    octets,
    plain,
    shown,
)
from pyerlnode.services.evaluator.stdlib.graphemes import clusters
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term, compare

string = Library("Elixir.String")

_INFINITY = Atom("infinity")
_DEFAULT, _ASCII, _GREEK, _TURKIC = Atom("default"), Atom("ascii"), Atom("greek"), Atom("turkic")
_SPACES: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def graphemes_of(binary: Term) -> list[str]:
    """The grapheme clusters of a binary."""
    return clusters(characters(binary))


# --- characters -----------------------------------------------------------------------------


@string.function("length", 1)
def length(binary: Term) -> Term:
    return len(graphemes_of(binary))


@string.function("graphemes", 1)
def graphemes(binary: Term) -> Term:
    return [octets(cluster) for cluster in graphemes_of(binary)]


@string.function("codepoints", 1)
def codepoints(binary: Term) -> Term:
    return [octets(character) for character in characters(binary)]


@string.function("next_grapheme", 1)
def next_grapheme(binary: Term) -> Term:
    # A cluster is short, but none is cut: 64 bytes more are looked at while it is at their end.
    need(isinstance(binary, bytes))
    seen = 64
    first = clusters(characters(binary[:seen]))[:1]
    while first and len(octets(first[0])) > seen - 32 and seen < len(binary):
        seen *= 2
        first = clusters(characters(binary[:seen]))[:1]
    return (octets(first[0]), binary[len(octets(first[0])) :]) if first else None


@string.function("next_codepoint", 1)
def next_codepoint(binary: Term) -> Term:
    need(isinstance(binary, bytes))
    first = octets(characters(binary[:8])[:1])
    return (first, binary[len(first) :]) if first else None


@string.function("first", 1)
def first(binary: Term) -> Term:
    found = next_grapheme(binary)
    return None if found is None else found[0]


@string.function("last", 1)
def last(binary: Term) -> Term:
    return octets(graphemes_of(binary)[-1]) if binary else _nothing(binary)


def _nothing(binary: Term) -> None:
    need(isinstance(binary, bytes))


@string.function("at", 2)
def at(binary: Term, position: Term) -> Term:
    need(isinstance(binary, bytes), is_integer(position))
    given = graphemes_of(binary)
    return octets(given[position]) if -len(given) <= position < len(given) else None


@string.function("reverse", 1)
def reverse(binary: Term) -> Term:
    out: list[str] = []
    piece: list[str] = []
    # A byte that is no character stays where it is, between the pieces that are turned round.
    for cluster in graphemes_of(binary):
        if "\udc80" <= cluster <= "\udcff":
            out += [*reversed(piece), cluster]
            piece = []
        else:
            piece.append(cluster)
    return octets("".join([*out, *reversed(piece)]))


@string.function("valid?", 1)
def is_valid(binary: Term) -> Term:
    need(isinstance(binary, bytes))
    try:
        binary.decode()
    except UnicodeDecodeError:
        return False
    return True


@string.function("valid?", 2)
def is_valid_by(binary: Term, algorithm: Term) -> Term:
    need(algorithm is _DEFAULT or algorithm == "fast_ascii")
    return is_valid(binary)


@string.function("replace_invalid", 1)
def replace_invalid(binary: Term) -> Term:
    return replace_invalid_by(binary, "\ufffd".encode())


@string.function("replace_invalid", 2)
def replace_invalid_by(binary: Term, replacement: Term) -> Term:
    need(isinstance(binary, bytes), isinstance(replacement, bytes))
    mark = characters(replacement)
    # Python, too, replaces the longest beginning of a character by one mark.
    return (
        octets(binary.decode("utf-8", "replace").replace("\ufffd", mark)) if not is_valid(binary) else binary
    )


@string.function("printable?", 1)
def is_printable(binary: Term) -> Term:
    return is_printable_so_far(binary, _INFINITY)


@string.function("printable?", 2)
def is_printable_so_far(binary: Term, limit: Term) -> Term:
    need(limit is _INFINITY or is_integer(limit, 0))
    text = characters(binary)
    return all(map(_prints, text if limit is _INFINITY else text[:limit]))


def _prints(character: str) -> bool:
    code = ord(character)
    return (
        0x20 <= code <= 0x7E
        or character in "\n\r\t\v\b\f\x1b\x7f\a"
        or 0xA0 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or code >= 0x10000
    )


# --- parts ------------------------------------------------------------------------------------


@string.function("slice", 3)
def slice_(binary: Term, start: Term, amount: Term) -> Term:
    need(isinstance(binary, bytes), is_integer(start), is_integer(amount, 0))
    given = graphemes_of(binary)
    begin = start if start >= 0 else max(0, len(given) + start)
    return octets("".join(given[begin : begin + amount]))


@string.function("slice", 2)
def slice_range(binary: Term, indices: Term) -> Term:
    need(isinstance(binary, bytes))
    begin, end, step = bounds(indices, len(graphemes_of(binary)), "String.slice/2")
    return octets("".join(graphemes_of(binary)[begin:end:step]))


def bounds(indices: Term, size: int, function: str) -> tuple[int, int, int]:
    """Begin, end and step of what a range of indices means for so many elements."""
    numbers = plain(indices)
    if not is_struct(numbers, "Range"):
        raise function_clause()
    begin, last, step = field(numbers, "first"), field(numbers, "last"), field(numbers, "step")
    if step is None:
        step = 1 if begin <= last else -1
    if step < -1 or (step == -1 and begin <= last):
        raise argument_error(f"{function} does not accept ranges with negative steps, got: {shown(numbers)}")
    begin = begin if begin >= 0 else max(0, size + begin)
    last = last if last >= 0 else size + last
    return begin, max(0, last + 1), abs(step)


@string.function("byte_slice", 3)
def byte_slice(binary: Term, start: Term, amount: Term) -> Term:
    need(isinstance(binary, bytes), is_integer(start), is_integer(amount, 0))
    begin = start if start >= 0 else max(0, len(binary) + start)
    while begin < len(binary) and binary[begin] & 0xC0 == 0x80:
        begin += 1
    part = binary[begin : begin + amount]
    return part.decode("utf-8", "ignore").encode() if not is_valid(part) else part


@string.function("split_at", 2)
def split_at(binary: Term, position: Term) -> Term:
    need(isinstance(binary, bytes), is_integer(position))
    given = graphemes_of(binary)
    middle = position if position >= 0 else max(0, len(given) + position)
    left = octets("".join(given[:middle]))
    return left, binary[len(left) :]


@string.function("duplicate", 2)
def duplicate(binary: Term, count: Term) -> Term:
    need(isinstance(binary, bytes), is_integer(count, 0))
    check_binary(len(binary) * count)
    return binary * count


# --- case -------------------------------------------------------------------------------------


@string.function("upcase", 1)
def upcase(binary: Term) -> Term:
    return upcase_by(binary, _DEFAULT)


@string.function("upcase", 2)
def upcase_by(binary: Term, mode: Term) -> Term:
    text = _cased(binary, mode)
    if mode is _ASCII:
        return binary.upper()
    if mode is _TURKIC:
        text = text.replace("i", "\u0130")
    return octets("".join(character.upper() for character in text))


@string.function("downcase", 1)
def downcase(binary: Term) -> Term:
    return downcase_by(binary, _DEFAULT)


@string.function("downcase", 2)
def downcase_by(binary: Term, mode: Term) -> Term:
    text = _cased(binary, mode)
    if mode is _ASCII:
        return binary.lower()
    if mode is _GREEK:
        return octets(text.lower())
    if mode is _TURKIC:
        text = text.replace("\u0130", "i").replace("I\u0307", "i").replace("I", "\u0131")
    # Each alone: in a word Python knows the final sigma.
    return octets("".join(character.lower() for character in text))


def _cased(binary: Term, mode: Term) -> str:
    need(any(mode is known for known in (_DEFAULT, _ASCII, _GREEK, _TURKIC)))
    return characters(binary)


@string.function("capitalize", 1)
def capitalize(binary: Term) -> Term:
    return capitalize_by(binary, _DEFAULT)


@string.function("capitalize", 2)
def capitalize_by(binary: Term, mode: Term) -> Term:
    text = _cased(binary, mode)
    if mode is _ASCII:
        return binary[:1].upper() + binary[1:].lower()
    if not text:
        return b""
    head = clusters(text)[0]
    big = "\u0130" if mode is _TURKIC and head == "i" else _title(head)
    return octets(big) + downcase_by(octets(text[len(head) :]), mode)


def _title(cluster: str) -> str:
    # Of a cluster only its first character has a case.
    return cluster[0].title() + cluster[1:]


# --- trimming, padding ------------------------------------------------------------------------


@string.function("trim", 1)
@string.function("strip", 1)
def trim(binary: Term) -> Term:
    return octets(characters(binary).strip(_SPACES))


@string.function("trim_leading", 1)
@string.function("lstrip", 1)
def trim_leading(binary: Term) -> Term:
    return octets(characters(binary).lstrip(_SPACES))


@string.function("trim_trailing", 1)
@string.function("rstrip", 1)
def trim_trailing(binary: Term) -> Term:
    return octets(characters(binary).rstrip(_SPACES))


@string.function("trim", 2)
def trim_of(binary: Term, what: Term) -> Term:
    return trim_trailing_of(trim_leading_of(binary, what), what)


@string.function("trim_leading", 2)
def trim_leading_of(binary: Term, what: Term) -> Term:
    return replace_leading(binary, what, b"")


@string.function("trim_trailing", 2)
def trim_trailing_of(binary: Term, what: Term) -> Term:
    return replace_trailing(binary, what, b"")


def _matching(binary: Term, match: Term, replacement: Term) -> None:
    need(isinstance(binary, bytes), isinstance(match, bytes), isinstance(replacement, bytes))
    if not match:
        raise argument_error("cannot use an empty string as the match to replace")


@string.function("replace_leading", 3)
def replace_leading(binary: Term, match: Term, replacement: Term) -> Term:
    _matching(binary, match, replacement)
    count = 0
    while binary.startswith(match, count * len(match)):
        count += 1
    check_binary(len(binary) + count * len(replacement))
    return bytes(replacement * count + binary[count * len(match) :])


@string.function("replace_trailing", 3)
def replace_trailing(binary: Term, match: Term, replacement: Term) -> Term:
    _matching(binary, match, replacement)
    count, end = 0, len(binary)
    while binary.endswith(match, 0, end):
        count, end = count + 1, end - len(match)
    check_binary(end + count * len(replacement))
    return bytes(binary[:end] + replacement * count)


@string.function("replace_prefix", 3)
def replace_prefix(binary: Term, match: Term, replacement: Term) -> Term:
    need(isinstance(binary, bytes), isinstance(match, bytes), isinstance(replacement, bytes))
    return replacement + binary[len(match) :] if binary.startswith(match) else binary


@string.function("replace_suffix", 3)
def replace_suffix(binary: Term, match: Term, replacement: Term) -> Term:
    need(isinstance(binary, bytes), isinstance(match, bytes), isinstance(replacement, bytes))
    return binary[: len(binary) - len(match)] + replacement if binary.endswith(match) else binary


@string.function("pad_leading", 2)
@string.function("rjust", 2)
def pad_leading(binary: Term, count: Term) -> Term:
    return pad_leading_by(binary, count, [b" "])


@string.function("pad_leading", 3)
def pad_leading_by(binary: Term, count: Term, padding: Term) -> Term:
    return _filler(binary, count, padding) + binary


@string.function("pad_trailing", 2)
@string.function("ljust", 2)
def pad_trailing(binary: Term, count: Term) -> Term:
    return pad_trailing_by(binary, count, [b" "])


@string.function("pad_trailing", 3)
def pad_trailing_by(binary: Term, count: Term, padding: Term) -> Term:
    return binary + _filler(binary, count, padding)


def _filler(binary: Term, count: Term, padding: Term) -> bytes:
    parts = graphemes(padding) if isinstance(padding, bytes) else padding
    need(isinstance(binary, bytes), isinstance(parts, list) and len(parts) > 0, is_integer(count, 0))
    missing = count - length(binary)
    for part in parts[: max(0, missing)]:
        if not isinstance(part, bytes):
            raise argument_error(f"expected a string padding element, got: {shown(part)}")
    check_binary(
        max(0, missing) * max(len(part) for part in parts if isinstance(part, bytes)) if missing > 0 else 0
    )
    return b"".join(parts[index % len(parts)] for index in range(max(0, missing)))


# --- normal forms, likeness ---------------------------------------------------------------------


@string.function("normalize", 2)
def normalize(binary: Term, form: Term) -> Term:
    need(isinstance(form, Atom) and form in ("nfd", "nfc", "nfkd", "nfkc"))
    return octets(unicodedata.normalize(form.upper(), characters(binary)))


@string.function("equivalent?", 2)
def is_equivalent(left: Term, right: Term) -> Term:
    form = Atom("nfd")
    return compare(normalize(left, form), normalize(right, form)) == 0


@string.function("to_charlist", 1)
def to_charlist(binary: Term) -> Term:
    need(isinstance(binary, bytes))
    try:
        return [ord(character) for character in binary.decode()]
    except UnicodeDecodeError as error:
        from pyerlnode.services.evaluator.stdlib.elixir.list import unconverted

        cut = error.reason == "unexpected end of data"
        raise unconverted(
            [ord(character) for character in binary[: error.start].decode()],
            binary[error.start :],
            "incomplete" if cut else "invalid",
        ) from None


@string.function("jaro_distance", 2)
def jaro_distance(left: Term, right: Term) -> Term:
    a, b = graphemes_of(left), graphemes_of(right)
    if a == b:
        return 1.0
    if not a or not b:
        return 0.0
    matched_a, matched_b = _jaro_matches(a, b)
    if not matched_a:
        return 0.0
    swapped = sum(x != y for x, y in zip(matched_a, matched_b, strict=True))
    matches = len(matched_a)
    return (matches / len(a) + matches / len(b) + (matches - swapped / 2) / matches) / 3


def _jaro_matches(a: list[str], b: list[str]) -> tuple[list[str], list[str]]:
    reach = max(len(a), len(b)) // 2 - 1
    taken = [False] * len(b)
    out = []
    for index, character in enumerate(a):
        for other in range(max(0, index - reach), min(len(b), index + reach + 1)):
            if not taken[other] and b[other] == character:
                taken[other] = True
                out.append(character)
                break
    return out, [character for character, used in zip(b, taken, strict=True) if used]
