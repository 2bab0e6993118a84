"""What stands in quotes in Elixir's notation: text, names and sigils; and a character behind `?`.

Each function reads what begins at the scanner's place, and goes behind it.

Proof: tests/term/test_text_elixir.py, test_text_golden.py.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from pyerlnode.term.text import _quote, _structs
from pyerlnode.term.text._build import atom_keys, build_struct
from pyerlnode.term.types import charlist

if TYPE_CHECKING:
    from pyerlnode.term.text._scan import Scanner
    from pyerlnode.term.types import Term

__all__ = ["binary_text", "character", "charlist_text", "is_quoted_key", "quoted_name", "sigil"]

_SIGIL = re.compile(r"~([a-zA-Z])([\"'(\[{<|/])")
_MODIFIERS = re.compile(r"[a-z]*")
_CLOSERS = {"(": ")", "[": "]", "{": "}", "<": ">"}

_ESCAPE = re.compile(
    r"\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{1,2})|u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|(.))",
    re.DOTALL,
)
_ESCAPED = {
    **{escape[1]: char for char, escape in _quote.ELIXIR_ESCAPES.items() if len(char) == 1},
    "s": " ",
    "\n": "",
}
_CHARACTER = re.compile(
    r"\?(\\(?:x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{1,2}|u\{[0-9A-Fa-f]+\}|u[0-9A-Fa-f]{4}|.)|.)", re.DOTALL
)


# --- text and names -----------------------------------------------------------------


def _body(scanner: Scanner, closer: str, *, interpolates: bool) -> tuple[str, int]:
    """What stands up to `closer`, escapes included, and where it begins; goes behind it."""
    start = scanner.position
    match = scanner.match(_body_pattern(closer, interpolates))
    if match is None or not scanner.text.startswith(closer, scanner.position):
        if scanner.text.startswith("#{", scanner.position):
            scanner.refuse("interpolation is no literal; write \\#{ for the characters", scanner.position)
        scanner.position = len(scanner.text)
        scanner.unexpected(f"{closer!r} to close what began at character {start - 1}")
    scanner.position += len(closer)
    return match[0], start


def _quoted(scanner: Scanner, quote: str) -> tuple[str, int]:
    scanner.position += 1
    return _body(scanner, quote, interpolates=True)


def quoted_name(scanner: Scanner, quote: str) -> str:
    """A name in quotes, of an atom, a function or a node."""
    body, start = _quoted(scanner, quote)
    return _unescape(scanner, body, start, octets=False)


def is_quoted_key(text: str, position: int) -> bool:
    """Whether a keyword's key in quotes, with its colon, begins there."""
    quote = text[position : position + 1]
    return bool(quote) and quote in "'\"" and _quoted_key_pattern(quote).match(text, position) is not None


def _unescape(scanner: Scanner, body: str, start: int, *, octets: bool) -> str:
    r"""`body` without escapes; where `octets`, `\xFF` is a byte, carried as a lone surrogate."""
    if "\\" not in body:
        return body

    def replaced(match: re.Match[str]) -> str:
        braced, octet, ubraced, four, char = match.groups()
        if char is not None:
            if char in "xu":
                scanner.refuse(f"\\{char} needs hexadecimal digits", start + match.start())
            return _ESCAPED.get(char, char)
        code = int(braced or octet or ubraced or four, 16)
        if octet and octets and code > 127:
            return chr(0xDC00 + code)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            scanner.refuse(f"0x{code:X} is no code point", start + match.start())
        return chr(code)

    return _ESCAPE.sub(replaced, body)


def _octets(scanner: Scanner, body: str, start: int) -> bytes:
    try:
        return _unescape(scanner, body, start, octets=True).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        scanner.refuse(f"text without a UTF-8 form: {error.reason}", start)


def binary_text(scanner: Scanner) -> bytes:
    """A string, which is a binary."""
    return _octets(scanner, *_quoted(scanner, '"'))


def charlist_text(scanner: Scanner) -> list[int]:
    """A charlist in single quotes."""
    return charlist(quoted_name(scanner, "'"))


# --- sigils -------------------------------------------------------------------------


def sigil(scanner: Scanner) -> Term:
    """What a sigil stands for: text, words, a date or a time."""
    start = scanner.position
    match = scanner.match(_SIGIL)
    if match is None:
        scanner.unexpected("a sigil")
    letter, opener = match.groups()
    closer = _CLOSERS.get(opener, opener)
    body, inside = _body(scanner, closer, interpolates=letter.islower())
    if letter.isupper():
        body = body.replace(f"\\{closer}", closer)
    modifiers = scanner.match(_MODIFIERS)
    modifier = modifiers[0] if modifiers is not None else ""
    if letter in "DTNU" and not modifier:
        return _moment(scanner, letter, body, start)
    if letter in "wW":
        return _words(scanner, body, inside, modifier, start, raw=letter == "W")
    if letter not in "sScC" or modifier:
        scanner.refuse(f"~{letter}{modifier} is no sigil that stands for a literal", start)
    if letter in "sS":
        return _octets(scanner, body if letter == "s" else body.replace("\\", "\\\\"), inside)
    return charlist(_unescape(scanner, body, inside, octets=False) if letter == "c" else body)


def _moment(scanner: Scanner, letter: str, body: str, start: int) -> Term:
    found = _structs.read_sigil(letter, body)
    if found is None:
        scanner.refuse(f"~{letter}[{body}] is no date or time that exists", start)
    module, fields = found
    return build_struct(scanner, module, atom_keys(fields), start)


def _words(scanner: Scanner, body: str, inside: int, modifier: str, start: int, *, raw: bool) -> list[Term]:
    words = (body if raw else _unescape(scanner, body, inside, octets=False)).split()
    match modifier:
        case "" | "s":
            return [_octets(scanner, word.replace("\\", "\\\\"), inside) for word in words]
        case "a":
            return [scanner.atom(word, start) for word in words]
        case "c":
            return [charlist(word) for word in words]
    scanner.refuse(f"~w has the modifiers s, a and c, not {modifier}", start)


# --- one character ------------------------------------------------------------------


def character(scanner: Scanner) -> Term:
    """The code point of `?x` or `?\\n`."""
    match = scanner.match(_CHARACTER)
    if match is None:
        scanner.unexpected("a character after '?'")
    if match[1][0] != "\\":
        return ord(match[1])
    text = _unescape(scanner, match[1], match.start(1), octets=False)
    return ord(text) if text else 10


# --- where it ends ------------------------------------------------------------------


@cache
def _body_pattern(closer: str, interpolates: bool) -> re.Pattern[str]:
    stop = re.escape(closer)
    if interpolates:
        return re.compile(rf"(?:[^\\#{stop}]++|\\.|#(?!\{{))*+", re.DOTALL)
    return re.compile(rf"(?:[^\\{stop}]++|\\.)*+", re.DOTALL)


@cache
def _quoted_key_pattern(quote: str) -> re.Pattern[str]:
    return re.compile(rf"{quote}{_body_pattern(quote, True).pattern}{quote}:(?=\s|$)", re.DOTALL)
