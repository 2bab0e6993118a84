"""`Regex`, on what `re` of this library does with a pattern's source and options.

The compiled form that a struct brings along is of that BEAM's `re`, and is not looked at.

Source: regex.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib.arguments import Steps, is_function
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    ERROR,
    OK,
    STRUCT,
    alias,
    exception,
    field,
    is_struct,
    need,
    octets,
    option,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

regex = Library("Elixir.Regex")

_CAPTURE, _ALL, _NONE, _FIRST = Atom("capture"), Atom("all"), Atom("none"), Atom("first")
_INDEX, _BINARY, _GLOBAL, _NOMATCH = Atom("index"), Atom("binary"), Atom("global"), Atom("nomatch")
_MATCH, _OFFSET = Atom("match"), Atom("offset")
_LETTERS: Final[dict[str, list[Term]]] = {
    "u": [Atom("unicode"), Atom("ucp")],
    "i": [Atom("caseless")],
    "x": [Atom("extended")],
    "s": [Atom("dotall"), (Atom("newline"), Atom("anycrlf"))],
    "m": [Atom("multiline")],
    "f": [Atom("firstline")],
    "U": [Atom("ungreedy")],
    "r": [Atom("ungreedy")],
}
_NAMES: Final = re.compile(rb"\(\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')")
_SPECIAL: Final = frozenset(".^$*+?()[]{}|\\# \t\n\v\f\r-")


def _parts(given: Term) -> tuple[bytes, list[Term]]:
    """Source and options; 1.14 has the options as letters, later ones as atoms."""
    need(is_struct(given, "Regex"))
    options = field(given, "opts")
    if isinstance(options, bytes):
        options = [name for letter in options.decode() for name in _LETTERS.get(letter, [])]
    if Atom("unicode") in options and Atom("ucp") not in options:
        options = [*options, Atom("ucp")]
    return field(given, "source"), list(options or [])


def _found(given: Term, text: Term, *more: Term) -> Steps:
    need(isinstance(text, bytes))
    source, options = _parts(given)
    return (yield Remote("re", "run", (text, source, [*options, *more])))


# --- making ---------------------------------------------------------------------------------


@regex.function("compile", 1)
@regex.function("compile", 2)
def compile_(source: Term, options: Term = b"") -> Steps:
    need(isinstance(source, bytes), isinstance(options, (bytes, list)))
    chosen = options if isinstance(options, list) else _of_letters(options)
    if chosen is None:
        return ERROR, (Atom("invalid_option"), options)
    made = yield Remote("re", "compile", (source, chosen))
    if made[0] is not OK:
        return made
    return OK, {
        STRUCT: alias("Regex"),
        Atom("source"): source,
        Atom("opts"): chosen,
        Atom("re_pattern"): made[1],
    }


def _of_letters(letters: bytes) -> list[Term] | None:
    names = [_LETTERS.get(letter) for letter in letters.decode("latin-1")]
    return None if None in names else [name for group in names for name in group or []]


@regex.function("compile!", 1)
@regex.function("compile!", 2)
def compile_it(source: Term, options: Term = b"") -> Steps:
    made = yield from compile_(source, options)
    if made[0] is OK:
        return made[1]
    reason, at = made[1] if isinstance(made[1], tuple) else (made[1], 0)
    text = "".join(map(chr, reason)) if isinstance(reason, list) else str(reason)
    raise ErlangError(exception("Regex.CompileError", message=f"{text} at position {at}".encode()))


@regex.function("source", 1)
def source_of(given: Term) -> Term:
    return _parts(given)[0]


@regex.function("opts", 1)
def options_of(given: Term) -> Term:
    need(is_struct(given, "Regex"))
    return field(given, "opts")


@regex.function("regex?", 1)
def is_regex(given: Term) -> Term:
    return is_struct(given, "Regex")


@regex.function("escape", 1)
def escape(text: Term) -> Term:
    need(isinstance(text, bytes))
    characters = text.decode("utf-8", "surrogateescape")
    return octets("".join(f"\\{each}" if each in _SPECIAL else each for each in characters))


@regex.function("recompile", 1)
def recompile(given: Term) -> Term:
    need(is_struct(given, "Regex"))
    return OK, given


@regex.function("recompile!", 1)
def recompile_it(given: Term) -> Term:
    return recompile(given)[1]


# --- asking ---------------------------------------------------------------------------------


@regex.function("match?", 2)
def match(given: Term, text: Term) -> Steps:
    return (yield from _found(given, text, (_CAPTURE, _NONE))) is _MATCH


@regex.function("run", 2)
@regex.function("run", 3)
def run(given: Term, text: Term, options: Term = None) -> Steps:
    found = yield from _found(given, text, *_how(options or []))
    return None if found is _NOMATCH else [] if found is _MATCH else found[1]


def _how(options: Term) -> list[Term]:
    capture, kind = option(options, "capture", _ALL), option(options, "return", _BINARY)
    offset = option(options, "offset", 0)
    wanted = (_CAPTURE, capture) if capture is _NONE else (_CAPTURE, capture, kind)
    return [wanted, (_OFFSET, offset)] if offset else [wanted]


@regex.function("scan", 2)
@regex.function("scan", 3)
def scan(given: Term, text: Term, options: Term = None) -> Steps:
    found = yield from _found(given, text, _GLOBAL, *_how(options or []))
    return [] if found is _NOMATCH or found is _MATCH else found[1]


@regex.function("names", 1)
def names(given: Term) -> Term:
    source = _parts(given)[0]
    return sorted({found[0] or found[1] for found in _NAMES.findall(source)})


@regex.function("named_captures", 2)
@regex.function("named_captures", 3)
def named_captures(given: Term, text: Term, options: Term = None) -> Steps:
    wanted = names(given)
    kind = option(options or [], "return", _BINARY)
    found = yield from _found(given, text, (_CAPTURE, wanted, kind))
    if found is _NOMATCH:
        return None
    return {} if found is _MATCH else dict(zip(wanted, found[1], strict=True))


# --- cutting --------------------------------------------------------------------------------


def _places(given: Term, text: Term, everywhere: bool, groups: Term = _ALL) -> Steps:
    """Where the matches and their groups are: lists of `{Start, Length}`."""
    how = [_GLOBAL] if everywhere else []
    found = yield from _found(given, text, *how, (_CAPTURE, groups, _INDEX))
    return [] if found is _NOMATCH else found[1] if everywhere else [found[1]]


@regex.function("split", 2)
@regex.function("split", 3)
def split(given: Term, text: Term, options: Term = None) -> Steps:
    need(isinstance(text, bytes))
    trim, most = option(options or [], "trim", False), option(options or [], "parts", 0)
    keep = option(options or [], "include_captures", False)
    if text == b"":
        return [] if trim else [b""]
    out: list[Any] = []
    start = 0
    on = option(options or [], "on", _FIRST)
    cuts = yield from _places(given, text, True, _FIRST if on is _ALL else on)
    for begin, size in [place for places in cuts for place in places]:
        if begin < start:
            continue
        if isinstance(most, int) and most and len(out) >= most - 1:
            break
        out += [text[start:begin], *([text[begin : begin + size]] if keep else [])]
        start = begin + size
    out.append(text[start:])
    return [part for part in out if part] if trim else out


@regex.function("replace", 3)
@regex.function("replace", 4)
def replace(given: Term, text: Term, replacement: Term, options: Term = None) -> Steps:
    need(
        isinstance(text, bytes), isinstance(replacement, bytes) or is_function(replacement, replacement.arity)
    )
    everywhere = option(options or [], "global", True) is not False
    out: list[bytes] = []
    start = 0
    for places in (yield from _places(given, text, everywhere)):
        begin, size = places[0]
        groups = [b"" if at < 0 else text[at : at + length] for at, length in places]
        out += [text[start:begin], (yield from _replacement(replacement, groups))]
        start = begin + size
    return b"".join([*out, text[start:]])


def _replacement(replacement: Term, groups: list[bytes]) -> Steps:
    if isinstance(replacement, bytes):
        return _filled(replacement, groups)
    args = (groups + [b""] * replacement.arity)[: replacement.arity]
    return (yield Remote("Elixir.String.Chars", "to_string", ((yield Call(replacement, args)),)))


def _filled(template: bytes, groups: list[bytes]) -> bytes:
    r"""The template with `\1` and `\g{1}` as the groups, and `\\` as a backslash."""

    def group(found: re.Match[bytes]) -> bytes:
        number = found.group(1) or found.group(2)
        if number is None:
            return b"\\"
        return groups[int(number)] if int(number) < len(groups) else b""

    return re.sub(rb"\\(?:(\d)|g\{(\d+)\}|\\)", group, template)
