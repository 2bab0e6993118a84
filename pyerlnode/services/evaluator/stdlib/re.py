"""`re`: `run`, `replace`, `split` and `compile`, by `regular.py`.

A compiled pattern is a `re_pattern` that only nodes of this kind can read: it holds the source.
`replace` without `{return, ...}` gives a list of one binary, where a BEAM gives several.

Source: re.erl of OTP 27; module `re` of the STDLIB reference manual.
Proof: tests/services/evaluator/test_stdlib_erlang_re.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import re as of_python
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyerlnode.errors import TermError
from pyerlnode.services.evaluator import limits
from pyerlnode.services.evaluator.requests import Call
from pyerlnode.services.evaluator.stdlib import regular
from pyerlnode.services.evaluator.stdlib.arguments import (
    ERROR,
    OK,
    Steps,
    atom_text,
    badarg,
    is_atom,
    is_function,
    is_integer,
    listed,
)
from pyerlnode.services.evaluator.stdlib.erlang_binaries import iolist
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.services.evaluator.stdlib.unicode import characters_to_binary
from pyerlnode.term import Atom, Term, charlist, decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

re = Library("re")

_RE_PATTERN = Atom("re_pattern")
_MATCH, _NOMATCH = Atom("match"), Atom("nomatch")
_INDEX, _LIST, _BINARY, _IODATA = Atom("index"), Atom("list"), Atom("binary"), Atom("iodata")
_INFINITY = Atom("infinity")
_FLAGS: Final = {
    "caseless": of_python.I,
    "multiline": of_python.M,
    "dotall": of_python.S,
    "extended": of_python.X,
}
_SWITCHES: Final = frozenset(
    [
        "unicode",
        "global",
        "anchored",
        "dollar_endonly",
        "notempty",
        "group",
        "trim",
        "no_auto_capture",
        "ucp",
        "never_utf",
        "no_start_optimize",
        "report_errors",
        "firstline",
    ]
)
_REFUSED: Final = frozenset({"firstline", "no_auto_capture"})


class _Options(NamedTuple):
    """What the options of a call say."""

    flags: int = 0
    switches: frozenset[str] = frozenset()
    offset: int = 0
    capture: Term = Atom("all")
    type: Atom = _INDEX
    returned: Atom = _IODATA
    parts: int = 0

    def has(self, name: str) -> bool:
        return name in self.switches


def _options(options: Term, before: _Options | None = None) -> _Options:
    result = before or _Options()
    for option in listed(options):
        match option:
            case Atom() if option in _FLAGS:
                result = result._replace(flags=result.flags | _FLAGS[str(option)])
            case Atom() if option in _SWITCHES - _REFUSED:
                result = result._replace(switches=result.switches | {str(option)})
            case (Atom() as name, int() as offset) if name == "offset" and offset >= 0:
                result = result._replace(offset=offset)
            case (Atom() as name, what) if name == "capture":
                result = result._replace(capture=what, type=_INDEX)
            case (Atom() as name, what, Atom() as kind) if name == "capture" and kind in (
                _INDEX,
                _LIST,
                _BINARY,
            ):
                result = result._replace(capture=what, type=kind)
            case (Atom() as name, Atom() as kind) if name == "return" and kind in (_IODATA, _LIST, _BINARY):
                result = result._replace(returned=kind)
            case (Atom() as name, Atom() as count) if name == "parts" and count is _INFINITY:
                result = result._replace(parts=0)
            case (Atom() as name, int() as count) if name == "parts" and count >= 0:
                result = result._replace(parts=count)
            case (Atom() as name, _) if name in ("match_limit", "match_limit_recursion", "newline"):
                pass
            case _:
                raise badarg()
    return result


# --- patterns -----------------------------------------------------------------------------------


def _text(data: Term, options: _Options) -> str:
    """Text by characters with `unicode`, else by bytes; `badarg` for what is none."""
    if options.has("unicode"):
        written = characters_to_binary(data)
        if not isinstance(written, bytes):
            raise badarg()
        return written.decode()
    return iolist(data).decode("latin-1")


def _expression(pattern: Term, options: _Options) -> tuple[regular.Expression, _Options]:
    """The expression, and the options with those that it was compiled with."""
    if type(pattern) is tuple and len(pattern) == 5 and pattern[0] is _RE_PATTERN:
        source, compiled = _compiled(pattern[4])
        options = _options(compiled, options)
        return _translated(source.decode("utf-8" if options.has("unicode") else "latin-1"), options), options
    return _translated(_text(pattern, options), options), options


def _translated(source: str, options: _Options) -> regular.Expression:
    # Bytes are characters of Latin-1, with its letters; of others only `ucp` knows what they are.
    ascii_only = of_python.A if options.has("unicode") and not options.has("ucp") else 0
    return regular.translate(source, options.flags | ascii_only, dollar_endonly=options.has("dollar_endonly"))


def _compiled(data: Term) -> tuple[bytes, Term]:
    try:
        match decode(data):
            case (b"pyerlnode", bytes() as source, list() as options):
                return source, options
    except (TermError, TypeError):
        pass
    raise badarg()


@re.function("compile", 1)
def compile_(pattern: Term) -> Term:
    return compile_by(pattern, [])


@re.function("compile", 2)
def compile_by(pattern: Term, options: Term) -> Term:
    wanted = _options(options)
    source = _text(pattern, wanted)
    try:
        groups = of_python.compile(_translated(source, wanted).source).groups
    except regular.Refused as refused:
        return (ERROR, (charlist(refused.message), refused.at))
    unicode = wanted.has("unicode")
    kept = encode((b"pyerlnode", source.encode("utf-8" if unicode else "latin-1"), options))
    return (OK, (_RE_PATTERN, groups, int(unicode), 0, kept))


# --- matching -----------------------------------------------------------------------------------


class _Found(NamedTuple):
    """The matches of one call; None for those that could not be had in time."""

    text: str
    spans: regular.Spans | None
    names: Mapping[str, int]
    options: _Options

    def octets(self, place: int) -> int:
        """A place in the text as one in the bytes of the subject."""
        return len(self.text[:place].encode()) if self.options.has("unicode") else place

    def bytes(self, span: tuple[int, int]) -> bytes:
        if span[0] < 0:
            return b""
        return self.text[slice(*span)].encode("utf-8" if self.options.has("unicode") else "latin-1")


def _search(subject: Term, pattern: Term, given: _Options, *, everywhere: bool) -> Any:
    try:
        expression, options = _expression(pattern, given)
    except regular.Refused:
        raise badarg() from None
    text = _text(subject, options)
    start = options.offset
    if options.has("unicode"):
        start = len(text.encode()[:start].decode("utf-8", "ignore"))
    if options.offset > len(text.encode() if options.has("unicode") else text):
        raise badarg()
    how = "match" if options.has("anchored") else "search"
    spans = yield from regular.found(expression, text, start, how, everywhere=everywhere)
    if spans is not None and options.has("notempty"):
        spans = [match for match in spans if match[0][0] < match[0][1]]
    return _Found(text, spans, of_python.compile(expression.source).groupindex, options)


@re.function("run", 2)
def run(subject: Term, pattern: Term) -> Steps:
    return (yield from run_by(subject, pattern, []))


@re.function("run", 3)
def run_by(subject: Term, pattern: Term, options: Term) -> Steps:
    given = _options(options)
    found = yield from _search(subject, pattern, given, everywhere=given.has("global"))
    if not found.spans:
        if found.spans is None and given.has("report_errors"):
            return (ERROR, Atom("match_limit"))
        return _NOMATCH
    captured = [_captured(found, match) for match in found.spans]
    if captured[0] is None:
        return _MATCH
    return (_MATCH, captured if given.has("global") else captured[0])


def _captured(found: _Found, match: list[tuple[int, int]]) -> Term:
    """What `capture` asks for of a match; None for nothing."""
    what = found.options.capture
    if what in ("none", []) and not isinstance(what, bytes):
        return None
    if what in ("all", "all_but_first"):
        while len(match) > 1 and match[-1][0] < 0:
            match = match[:-1]
        spans = match if what == "all" else match[1:]
    elif what == "first":
        spans = match[:1]
    elif what == "all_names":
        spans = [match[found.names[name]] for name in sorted(found.names)]
    else:
        spans = [_group(found, match, each) for each in listed(what)]
    if not spans and what != "all_but_first":
        return None
    return [_shown(found, span) for span in spans]


def _group(found: _Found, match: list[tuple[int, int]], which: Term) -> tuple[int, int]:
    if is_integer(which, 0):
        return match[which] if which < len(match) else (-1, -1)
    name = atom_text(which) if is_atom(which) else _text(which, found.options)
    return match[found.names[name]] if name in found.names else (-1, -1)


def _shown(found: _Found, span: tuple[int, int]) -> Term:
    kind = found.options.type
    if kind is _INDEX:
        if span[0] < 0:
            return (-1, 0)
        start = found.octets(span[0])
        return (start, found.octets(span[1]) - start)
    if kind is _BINARY:
        return found.bytes(span)
    return charlist(found.text[slice(*span)]) if span[0] >= 0 else []


# --- replacing ----------------------------------------------------------------------------------

_IN_REPLACEMENT: Final = of_python.compile(rb"\\g\{(\d+)\}|\\g(\d+)|\\([1-9]\d*)|\\(.)|&", of_python.S)


@re.function("replace", 3)
def replace(subject: Term, pattern: Term, replacement: Term) -> Steps:
    return (yield from replace_by(subject, pattern, replacement, []))


@re.function("replace", 4)
def replace_by(subject: Term, pattern: Term, replacement: Term, options: Term) -> Steps:
    given = _options(options)
    found = yield from _search(subject, pattern, given, everywhere=given.has("global"))
    if not is_function(replacement, 2):
        replacement = _text(replacement, found.options).encode(
            "utf-8" if found.options.has("unicode") else "latin-1"
        )
    out, at = bytearray(), 0
    for match in found.spans or []:
        put = replacement if isinstance(replacement, bytes) else (yield from _made(replacement, found, match))
        out += found.bytes((at, match[0][0])) + (
            _filled(put, found, match) if isinstance(replacement, bytes) else put
        )
        limits.check_binary(len(out))
        at = match[0][1]
    return _returned(bytes(out) + found.bytes((at, len(found.text))), found)


def _made(fun: Term, found: _Found, match: list[tuple[int, int]]) -> Steps:
    whole, *groups = (found.bytes(span) for span in match)
    return iolist((yield Call(fun, (whole, groups))))


def _filled(template: bytes, found: _Found, match: list[tuple[int, int]]) -> bytes:
    """The replacement with the parts of the match that it names."""

    def part(place: of_python.Match[bytes]) -> bytes:
        number = place[1] or place[2] or place[3]
        if number is None:
            return found.bytes(match[0]) if place[0] == b"&" else place[4]
        group = int(number)
        return found.bytes(match[group]) if group < len(match) else b""

    return _IN_REPLACEMENT.sub(part, template)


def _returned(data: bytes, found: _Found) -> Term:
    kind = found.options.returned
    if kind is _LIST:
        return charlist(data.decode("utf-8" if found.options.has("unicode") else "latin-1"))
    return data if kind is _BINARY or not found.spans else [data]


# --- splitting ----------------------------------------------------------------------------------


@re.function("split", 2)
def split(subject: Term, pattern: Term) -> Steps:
    return (yield from split_by(subject, pattern, []))


@re.function("split", 3)
def split_by(subject: Term, pattern: Term, options: Term) -> Steps:
    given = _options(options)
    found = yield from _search(subject, pattern, given, everywhere=True)
    rows: list[list[Term]] = []
    at = 0
    for match in found.spans or []:
        if given.parts and len(rows) + 1 >= given.parts:
            break
        if match[0] == (at, at):  # empty, and nothing before it
            continue
        rows.append([_piece(found, span) for span in [(at, match[0][0]), *match[1:]]])
        at = match[0][1]
    rows.append([_piece(found, (at, len(found.text)))])
    if given.has("trim") and found.spans:
        while rows and not any(rows[-1]):
            rows.pop()
    return rows if given.has("group") else [piece for row in rows for piece in row]


def _piece(found: _Found, span: tuple[int, int]) -> Term:
    data = found.bytes(span)
    if found.options.returned is _LIST:
        return charlist(data.decode("utf-8" if found.options.has("unicode") else "latin-1"))
    return data
