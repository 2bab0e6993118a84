"""Atoms and text as source code: when they need quotes, which characters are written as escapes.

Both notations quote by the rules of OTP 27 and Elixir 1.18 (1.20 has the same).  Where releases
or Unicode versions differ about a letter (Elixir takes atoms of nearly every script without
quotes, Erlang takes Latin-1 only), quotes are written: those can be read by all of them.

Source: `io_lib` and `Inspect` as they print, every code point tried.  Proof: tests/term/test_text_golden.py.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = [
    "ELIXIR_ESCAPES",
    "ERLANG_ESCAPES",
    "ERLANG_WORDS",
    "FUNCTIONS",
    "UNQUOTED",
    "elixir_alias",
    "elixir_atom",
    "elixir_charlist_prints",
    "elixir_function",
    "elixir_key",
    "elixir_prints",
    "elixir_quoted",
    "erlang_atom",
    "erlang_latin_prints",
    "erlang_name",
    "erlang_prints",
    "erlang_quoted",
]

ELIXIR_ESCAPES = {
    "\0": "\\0",
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
    "\x7f": "\\d",
    "\\": "\\\\",
    '"': '\\"',
    "#{": "\\#{",
}
ERLANG_ESCAPES = {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
    "\x7f": "\\d",
    "\\": "\\\\",
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OPERATORS = _words(
    "! != !== && &&& & * ** + ++ +++ - -- --- / < <- <<< <<~ <= <> <~ <~> = == === =~ > >= >>> @ ^ "
    r"\\ and in not or when | |> || ||| ~> ~>> .. ... ..// // ::"
)
# Those that are atoms without quotes but no function of a module (`&m."..."/1`), and the reverse.
_SPECIAL_FORMS = _words("% %{} {} <<>> -> . .. ... ..//")
UNQUOTED = (_OPERATORS | _SPECIAL_FORMS) - {"::", "//"}
FUNCTIONS = (_OPERATORS - _SPECIAL_FORMS - {"//"}) | {"^^^", "~~~", "<|>"}

_ASCII_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_@]*[?!]?")
_ASCII_FUNCTION = re.compile(r"[a-z_][A-Za-z0-9_]*[?!]?")
_ALIAS = re.compile(r"Elixir(?:\.[A-Z][A-Za-z0-9_]*)*")
# One script to each run between underscores: the blocks that Elixir 1.15 to 1.20 agree about.
_SCRIPTS = (
    r"[A-Za-z0-9À-ÖØ-öø-ÿĀ-ēĖ-īĮ-ıĹ-ľŁ-ňŐ-ŕŘ-šŤ-ž]+",
    r"[0-9ΆΈ-ΊΌΎ-ΡΣ-ώ]+",
    r"[0-9А-яЁЄІЇёєії]+",
    r"[0-9一-龥ぁ-ゖァ-ヺ]+",
    r"[0-9가-힣]+",
)
_WORD = re.compile("|".join(_SCRIPTS))

_ELIXIR_INVISIBLE = "\xa0\u034f\u061c\u2000-\u200f\u2028-\u202e\u205f-\u2064\u2066-\u2069\ufeff\ufff9-\ufffc"
_ELIXIR_ODD = re.compile(r'#\{|[\x00-\x1f"\\\x7f-\x9f\ufffe\uffff' + _ELIXIR_INVISIBLE + "]")
_ELIXIR_UNPRINTABLE = re.compile("[\x00-\x06\x0e-\x1a\x1c-\x1f\x80-\x9f\ufffe\uffff]")
_ELIXIR_CHARLIST = frozenset((*range(7, 14), 27, *range(32, 127)))

_ERLANG_ATOM = re.compile(r"[a-zß-öø-ÿ][A-Za-z0-9_@À-ÖØ-öø-ÿ]*")
_ERLANG_NAME = re.compile(r"[a-zß-öø-ÿ][A-Za-z0-9_À-ÖØ-öø-ÿ]*")
ERLANG_WORDS = _words(
    "after and andalso band begin bnot bor bsl bsr bxor case catch cond div else end fun if let maybe "
    "not of or orelse receive rem try when xor"
)
_ERLANG_ODD = {quote: re.compile(rf"[\x00-\x1f\\\x7f-\x9f{quote}]") for quote in "'\""}
_ERLANG_UNPRINTABLE = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
_ERLANG_BYTES_UNPRINTABLE = re.compile(rb"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x9f]")


def elixir_prints(text: str) -> bool:
    """Whether `inspect/1` shows a binary with this text as a string."""
    return _ELIXIR_UNPRINTABLE.search(text) is None


def elixir_charlist_prints(elements: list[object]) -> bool:
    """Whether `inspect/1` shows this list, of one element or more, as a charlist."""
    return all(type(char) is int and char in _ELIXIR_CHARLIST for char in elements)


def _elixir_escape(match: re.Match[str]) -> str:
    char = match[0]
    known = ELIXIR_ESCAPES.get(char)
    if known is not None:
        return known
    code = ord(char)
    if code < 0xA0:
        return f"\\x{code:02X}"
    return f"\\x{{{code:X}}}" if code in (0xFFFE, 0xFFFF) else f"\\u{code:04X}"


def elixir_quoted(text: str) -> str:
    """`text` between double quotes."""
    return f'"{_ELIXIR_ODD.sub(_elixir_escape, text)}"'


def elixir_alias(text: str) -> str | None:
    """`Foo.Bar` for `Elixir.Foo.Bar`; None for what is no alias."""
    if not text.startswith("Elixir") or not _ALIAS.fullmatch(text):
        return None
    # The prefix stays where dropping it would leave nothing, or another name with the prefix.
    return text if text == "Elixir" or text.startswith("Elixir.Elixir") else text[7:]


def _elixir_bare(text: str) -> bool:
    if _ASCII_NAME.fullmatch(text) or text in UNQUOTED:
        return True
    if text.isascii() or unicodedata.normalize("NFC", text) != text:
        return False
    name = text[:-1] if text[-1] in "?!" else text
    words = [word for word in name.split("_") if word]
    return bool(words) and not name[0].isdigit() and all(map(_WORD.fullmatch, words))


def elixir_atom(text: str) -> str:
    """The atom as Elixir writes it: `:ok`, `Foo.Bar`, `nil`, `:"with space"`."""
    if text in ("true", "false", "nil"):
        return text
    alias = elixir_alias(text)
    if alias is not None:
        return alias
    return f":{text}" if _elixir_bare(text) else f":{elixir_quoted(text)}"


def elixir_key(text: str) -> str:
    """The atom in front of a value, `a: ` or `"with space": `; not for `Elixir.` names."""
    return f"{text}: " if text != "Elixir" and _elixir_bare(text) else f"{elixir_quoted(text)}: "


def elixir_function(text: str) -> str:
    """The name behind the dot of `&Mod.name/1`."""
    if _ASCII_FUNCTION.fullmatch(text) or text in FUNCTIONS:
        return text
    if not text.isascii() and "@" not in text and not text[0].isupper() and _elixir_bare(text):
        return text
    return elixir_quoted(text)


def erlang_prints(text: str) -> bool:
    """Whether `~tp` shows these characters as text (Unicode, as under `+pc unicode`)."""
    return _ERLANG_UNPRINTABLE.search(text) is None


def erlang_latin_prints(data: bytes) -> bool:
    """Whether `~tp` shows these bytes as Latin-1 text."""
    return _ERLANG_BYTES_UNPRINTABLE.search(data) is None


def _erlang_escape(match: re.Match[str]) -> str:
    char = match[0]
    known = ERLANG_ESCAPES.get(char)
    if known is not None:
        return known
    return f"\\{char}" if char in "'\"" else f"\\{ord(char):03o}"


def erlang_quoted(text: str, quote: str) -> str:
    """`text` between two `quote`: `"` for strings, `'` for atoms."""
    return f"{quote}{_ERLANG_ODD[quote].sub(_erlang_escape, text)}{quote}"


def erlang_atom(text: str) -> str:
    """The atom as Erlang writes it: `ok`, `'Elixir.Foo'`, `'end'`."""
    if _ERLANG_ATOM.fullmatch(text) and text not in ERLANG_WORDS:
        return text
    return erlang_quoted(text, "'")


def erlang_name(text: str) -> str:
    """The name in `fun m:f/1`, for which the runtime has a rule of its own: `end` but `'x@y'`."""
    return text if _ERLANG_NAME.fullmatch(text) else erlang_quoted(text, "'")
