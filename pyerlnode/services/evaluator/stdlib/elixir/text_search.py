"""`String`: finding, splitting and replacing.

A pattern is a binary, a list of them, a `Regex`, or what `:binary.compile_pattern/1` gives.

Source: string.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

import re

from pyerlnode.services.evaluator.limits import check_binary
from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    badarg,
    function_clause,
    is_function,
    is_integer,
)
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    is_struct,
    need,
    octets,
    option,
    plain,
)
from pyerlnode.services.evaluator.stdlib.elixir.text import graphemes, graphemes_of, next_grapheme, string
from pyerlnode.term import Atom, Term

_INFINITY = Atom("infinity")
# What `split/1` cuts at: white space, but for the kind that does not break.
_BREAKS = re.compile("[\t-\r \x85\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]+")


def _patterns(pattern: Term) -> list[bytes]:
    """The binaries that a pattern is made of; `badarg` for what is none."""
    if isinstance(pattern, tuple) and len(pattern) == 2 and isinstance(pattern[1], (bytes, list)):
        pattern = pattern[1]
    given = [pattern] if isinstance(pattern, bytes) else pattern
    if (
        not isinstance(given, list)
        or not given
        or not all(isinstance(part, bytes) and part for part in given)
    ):
        raise badarg()
    return given


def _finder(pattern: Term) -> re.Pattern[bytes]:
    """Finds the first of the binaries, at one place the longest."""
    parts = sorted(_patterns(pattern), key=len, reverse=True)
    return re.compile(b"|".join(map(re.escape, parts)))


# --- asking ---------------------------------------------------------------------------------


@string.function("contains?", 2)
def contains(binary: Term, pattern: Term) -> Term:
    need(isinstance(binary, bytes))
    if isinstance(pattern, list):
        return any(_among(binary, part, "contains") for part in pattern)
    return pattern == b"" or _finder(pattern).search(binary) is not None


@string.function("starts_with?", 2)
def starts_with(binary: Term, prefix: Term) -> Term:
    need(isinstance(binary, bytes))
    parts = prefix if isinstance(prefix, list) else [prefix]
    return any(_among(binary, part, "starts") for part in parts)


@string.function("ends_with?", 2)
def ends_with(binary: Term, suffix: Term) -> Term:
    need(isinstance(binary, bytes))
    parts = suffix if isinstance(suffix, list) else [suffix]
    return any(_among(binary, part, "ends") for part in parts)


def _among(binary: bytes, part: Term, how: str) -> bool:
    if not isinstance(part, bytes):
        raise badarg() if how == "contains" else function_clause()
    if how == "contains":
        return part in binary
    return binary.startswith(part) if how == "starts" else binary.endswith(part)


@string.function("match?", 2)
def match(binary: Term, regex: Term) -> Steps:
    need(isinstance(binary, bytes), is_struct(regex, "Regex"))
    return (yield Remote("Elixir.Regex", "match?", (regex, binary)))


@string.function("count", 2)
def count(binary: Term, pattern: Term) -> Steps:
    need(isinstance(binary, bytes))
    if is_struct(pattern, "Regex"):
        return len((yield Remote("Elixir.Regex", "scan", (pattern, binary))))
    return len(graphemes_of(binary)) + 1 if pattern == b"" else len(_finder(pattern).findall(binary))


# --- splitting ------------------------------------------------------------------------------


@string.function("split", 1)
def split(binary: Term) -> Term:
    need(isinstance(binary, bytes))
    text = binary.decode("utf-8", "surrogateescape")
    return [octets(part) for part in _BREAKS.split(text) if part]


@string.function("split", 2)
def split_at_pattern(binary: Term, pattern: Term) -> Steps:
    return (yield from split_with(binary, pattern, []))


@string.function("split", 3)
def split_with(binary: Term, pattern: Term, options: Term) -> Steps:
    need(isinstance(binary, bytes), isinstance(options, list))
    if is_struct(pattern, "Regex"):
        return (yield Remote("Elixir.Regex", "split", (pattern, binary, options)))
    parts, trim = option(options, "parts", _INFINITY), option(options, "trim", False)
    need(parts is _INFINITY or is_integer(parts, 1))
    limit = 0 if parts is _INFINITY else parts
    if pattern == []:
        return [] if binary == b"" and trim else [binary]
    if pattern == b"":
        return _split_characters(binary, limit, trim)
    return _split(binary, _finder(pattern), limit, trim)


def _split_characters(binary: bytes, limit: int, trim: bool) -> list[Term]:
    parts: list[Term] = graphemes(binary)
    if not trim and limit != 1:
        parts.insert(0, b"")
    if limit and len(parts) >= limit:
        parts = [*parts[: limit - 1], b"".join(parts[limit - 1 :])]
        return [part for part in parts if part] if trim else parts
    return parts if trim else [*parts, b""]


def _split(binary: bytes, finder: re.Pattern[bytes], limit: int, trim: bool) -> list[Term]:
    parts: list[Term] = []
    rest, start = binary, 0
    while not (limit and len(parts) == limit - 1):
        found = finder.search(rest, start)
        if found is None:
            break
        if not trim or found.start() > start:
            parts.append(rest[start : found.start()])
        start = found.end()
    last = rest[start:]
    return [*parts, last] if last or not trim else parts


@string.function("splitter", 2)
def splitter(binary: Term, pattern: Term) -> Steps:
    return (yield from split_at_pattern(binary, pattern))


@string.function("splitter", 3)
def splitter_with(binary: Term, pattern: Term, options: Term) -> Steps:
    return (yield from split_with(binary, pattern, options))


# --- replacing --------------------------------------------------------------------------------


@string.function("replace", 3)
def replace(binary: Term, pattern: Term, replacement: Term) -> Steps:
    return (yield from replace_with(binary, pattern, replacement, []))


@string.function("replace", 4)
def replace_with(binary: Term, pattern: Term, replacement: Term, options: Term) -> Steps:
    need(isinstance(binary, bytes), isinstance(options, list))
    need(isinstance(replacement, bytes) or is_function(replacement, 1))
    if is_struct(plain(pattern), "Regex"):
        return (yield Remote("Elixir.Regex", "replace", (pattern, binary, replacement, options)))
    everywhere = option(options, "global", True) is not False
    if pattern == []:
        return binary
    if pattern == b"":
        return (yield from _between(binary, replacement, everywhere))
    return (yield from _replaced(binary, _finder(pattern), replacement, everywhere))


def _between(binary: bytes, replacement: Term, everywhere: bool) -> Steps:
    characters = graphemes(binary) if everywhere else [binary]
    out = [(yield from _replacement(replacement, b""))]
    for character in characters:
        out.append(character)
        if everywhere:
            out.append((yield from _replacement(replacement, b"")))
    check_binary(sum(map(len, out)))
    return b"".join(out)


def _replaced(binary: bytes, finder: re.Pattern[bytes], replacement: Term, everywhere: bool) -> Steps:
    out: list[bytes] = []
    start = size = 0
    for found in finder.finditer(binary):
        new = yield from _replacement(replacement, found.group())
        out += [binary[start : found.start()], new]
        start = found.end()
        size += len(new)
        check_binary(size)
        if not everywhere:
            break
    return b"".join([*out, binary[start:]])


def _replacement(replacement: Term, found: bytes) -> Steps:
    if isinstance(replacement, bytes):
        return replacement
    return (yield Remote("erlang", "iolist_to_binary", ([(yield Call(replacement, (found,)))],)))


@string.function("bag_distance", 2)
def bag_distance(left: Term, right: Term) -> Term:
    a, b = graphemes_of(left), graphemes_of(right)
    if not a and not b:
        return 0.0
    common = 0
    rest = list(b)
    for character in a:
        if character in rest:
            rest.remove(character)
            common += 1
    return 1 - max(len(a) - common, len(b) - common) / max(len(a), len(b))


@string.function("next_grapheme_size", 1)
def next_grapheme_size(binary: Term) -> Term:
    found = next_grapheme(binary)
    return None if found is None else (len(found[0]), found[1])
