"""Regular expressions of PCRE, run by Python's `re`, within a time.

Python's matcher cannot be interrupted and may take for ever.  So an expression is looked at
first: where a bound of its steps can be told and is small, it runs at once.  All others, such as
those that repeat a group or refer back to one, run in a worker process, which is killed after
`SECONDS`; a BEAM gives up after as many steps.

What PCRE has and Python has not (recursion, properties of Unicode, verbs, `\\K`) is refused.

Source: module `re` of the STDLIB reference manual; pcrepattern(3).
Proof: tests/services/evaluator/test_stdlib_erlang_re.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final, NamedTuple

from pyerlnode.errors import WorkerDied
from pyerlnode.process import in_process
from pyerlnode.services.evaluator.requests import Await

SECONDS: Final = 2.0
# Steps that are taken at once, some milliseconds' worth.
_STEPS: Final = 100_000

_FLAGS: Final = {"i": re.I, "m": re.M, "s": re.S, "x": re.X}
_POSIX: Final = {
    "alpha": "a-zA-Z\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\xff",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\xff",
    "upper": "A-Z\xc0-\xd6\xd8-\xde",
    "lower": "a-z\xaa\xb5\xba\xdf-\xf6\xf8-\xff",
    "space": r"\s",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "word": r"\w",
    "cntrl": r"\x00-\x1f\x7f",
    "print": r"\x20-\x7e",
    "graph": r"\x21-\x7e",
}
_ESCAPES: Final = {
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
    "h": r"[ \t]",
    "H": r"[^ \t]",
    "v": r"[\n\x0b\f\r]",
    "V": r"[^\n\x0b\f\r]",
    "N": r"[^\n]",
    "R": r"(?:\r\n|[\n\x0b\f\r])",
    "e": r"\x1b",
}
_REFUSED: Final = frozenset("CGKLUXPpluo")
_QUANTIFIER: Final = re.compile(r"[*+?]|\{(\d+)(,?)(\d*)\}")
_HEXADECIMAL: Final = re.compile(r"x\{([0-9A-Fa-f]{1,6})\}")
_REFERENCE: Final = re.compile(r"k<(\w+)>|k\{(\w+)\}|k'(\w+)'|g\{?(\d+)\}?|([1-9]\d?)")
_GROUP: Final = re.compile(r"\(\?(?:<(?=\w)(?P<a>\w+)>|'(?P<b>\w+)'|P<(?P<c>\w+)>)")
_INLINE: Final = re.compile(r"\(\?([imsx]+)\)")
_PLAIN_GROUP: Final = re.compile(r"\((?:\?(?::|=|!|<=|<!|>|[imsx]*(?:-[imsx]+)?:|P=))?")
_CLASS_NAME: Final = re.compile(r"\[:(\^?)(\w+):\]")


class Refused(Exception):
    """The expression is none, or has something that is not known here: a text, and where it is."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message, at)
        self.message = message
        self.at = at


class Expression(NamedTuple):
    """An expression for Python, with its repetitions, its choices, and whether it repeats no group."""

    source: str
    flags: int
    repetitions: int
    choices: int
    bounded: bool

    def steps(self, size: int) -> int:
        """More steps than a text of so many characters can take."""
        ways: int = 2 ** min(self.choices, 64)
        if self.bounded:
            return ways * int((size + 2) ** (self.repetitions + 1))
        return ways * int((self.repetitions + 2) ** min(size + 2, 64))


class _Translation:
    """One walk over an expression."""

    def __init__(self, text: str, dollar_endonly: bool) -> None:
        self.text = text
        self.at = 0
        self.out: list[str] = []
        self.repetitions = self.choices = 0
        self.bounded = True
        self._end = r"\Z" if dollar_endonly else "$"
        # For each group that is open the flags that were set inside it, each with a group of its own.
        self._open: list[list[str]] = [[]]
        self._after_group = False
        self._steps = {
            "\\": self._escape,
            "[": self._class,
            "(": self._group,
            ")": self._close,
            "|": self._alternative,
        }

    def run(self) -> None:
        while self.at < len(self.text):
            character = self.text[self.at]
            found = None if character not in "*+?{" else _QUANTIFIER.match(self.text, self.at)
            if found is not None:
                self._quantifier(found)
                continue
            self._after_group = False
            step = self._steps.get(character)
            if step is not None:
                step()
            else:
                self._put(self._end if character == "$" else character, 1)
        self._put(")" * len(self._open[-1]), 0)

    def _put(self, text: str, taken: int) -> None:
        self.out.append(text)
        self.at += taken

    def _refuse(self, message: str) -> Refused:
        return Refused(message, self.at)

    def _quantifier(self, found: re.Match[str]) -> None:
        large = found[0] in "*+" or (found[1] is not None and (found[2] and not found[3]))
        counted = found[1] is not None and max(int(found[1]), int(found[3] or 0)) > 1
        if (large or counted) and self._after_group:
            self.bounded = False
        self.repetitions += bool(large or counted)
        self.choices += not (large or counted)
        self._put(found[0], len(found[0]))
        if self.at < len(self.text) and self.text[self.at] in "+?":
            self._put(self.text[self.at], 1)
        self._after_group = False

    def _escape(self) -> None:
        rest = self.text[self.at + 1 : self.at + 2]
        if not rest:
            raise self._refuse("\\ at end of pattern")
        if rest == "Q":
            end = self.text.find("\\E", self.at)
            quoted = self.text[self.at + 2 : end if end >= 0 else None]
            self._put(re.escape(quoted), len(quoted) + (4 if end >= 0 else 2))
        elif rest == "E":
            self.at += 2
        elif (code := _HEXADECIMAL.match(self.text, self.at + 1)) is not None:
            self._put(self._code(int(code[1], 16)), len(code[0]) + 1)
        elif (reference := _REFERENCE.match(self.text, self.at + 1)) is not None:
            name = reference[1] or reference[2] or reference[3]
            self.bounded = False
            self._put(
                f"(?P={name})" if name else f"(?:\\{reference[4] or reference[5]})", len(reference[0]) + 1
            )
        elif rest in _REFUSED:
            raise self._refuse(f"\\{rest} is not supported")
        else:
            self._put(_ESCAPES.get(rest, f"\\{rest}" if rest.isascii() else rest), 2)

    def _code(self, code: int) -> str:
        if code > 0x10FFFF:
            raise self._refuse("character code point value in \\x{} or \\o{} is too large")
        return re.escape(chr(code))

    def _class(self) -> None:
        out, at = "[", self.at + 1
        if self.text[at : at + 1] == "^":
            out, at = "[^", at + 1
        first = at
        while at < len(self.text) and (self.text[at] != "]" or at == first):
            named = _CLASS_NAME.match(self.text, at)
            if named is not None:
                if named[1] or named[2] not in _POSIX:
                    raise self._refuse("unknown POSIX class name")
                out, at = out + _POSIX[named[2]], named.end()
            elif self.text[at] == "\\" and at + 1 < len(self.text):
                out, at = self._escape_in_class(out, at)
            else:
                out += f"\\{self.text[at]}" if self.text[at] in "[&~|]" else self.text[at]
                at += 1
        if at >= len(self.text):
            raise Refused("missing terminating ] for character class", len(self.text))
        self._put(out + "]", at + 1 - self.at)

    def _escape_in_class(self, out: str, at: int) -> tuple[str, int]:
        code = _HEXADECIMAL.match(self.text, at + 1)
        if code is not None:
            return out + self._code(int(code[1], 16)), code.end()
        letter = self.text[at + 1]
        if letter in _REFUSED or letter in "RNHV":
            raise self._refuse(f"\\{letter} is not supported in a class")
        known = {"h": r" \t", "v": r"\n\x0b\f\r", "e": r"\x1b"}
        return out + known.get(letter, f"\\{letter}" if letter.isascii() else letter), at + 2

    def _group(self) -> None:
        inline = _INLINE.match(self.text, self.at)
        if inline is not None:
            # To the end of the group that it stands in.
            self._open[-1].append(inline[1])
            self._put(f"(?{inline[1]}:", len(inline[0]))
            return
        if self.text.startswith("(?#", self.at):
            end = self.text.find(")", self.at)
            if end < 0:
                raise self._refuse("missing ) after (?# comment")
            self.at = end + 1
            return
        self._open.append([])
        named = _GROUP.match(self.text, self.at)
        if named is not None:
            self._put(f"(?P<{named['a'] or named['b'] or named['c']}>", len(named[0]))
            return
        plain = _PLAIN_GROUP.match(self.text, self.at)
        opening = plain[0] if plain is not None else ""
        if self.text[self.at + len(opening) : self.at + len(opening) + 1] in ("?", "*") and opening == "(":
            raise self._refuse("unrecognized character after (? or (?-")
        self.bounded = self.bounded and opening != "(?P="
        self._put(opening, len(opening))

    def _alternative(self) -> None:
        # Flags that were set before are in force in the alternatives that follow, too.
        flags = self._open[-1]
        self.choices += 1
        self._put(")" * len(flags) + "|" + "".join(f"(?{each}:" for each in flags), 1)

    def _close(self) -> None:
        if len(self._open) == 1:
            raise self._refuse("unmatched closing parenthesis")
        self._put(")" * (len(self._open.pop()) + 1), 1)
        self._after_group = True


def translate(text: str, flags: int, *, dollar_endonly: bool = False) -> Expression:
    """PCRE's expression as Python's; Refused for what is none."""
    walk = _Translation(text, dollar_endonly)
    walk.run()
    source = "".join(walk.out)
    try:
        re.compile(source, flags)
    except (re.error, RecursionError, OverflowError) as error:
        raise Refused(str(getattr(error, "msg", error)), getattr(error, "pos", None) or 0) from None
    return Expression(source, flags, walk.repetitions, walk.choices, walk.bounded)


# --- matching ---------------------------------------------------------------------------------

# Of each match the ends of all its groups; (-1, -1) for one that took no part.
Spans = list[list[tuple[int, int]]]


def found(expression: Expression, subject: str, start: int, how: str, *, everywhere: bool) -> Any:
    """The matches, by a generator; None where they could not be had in time.

    `how` is `search`, or `match` for one that begins at `start`.
    """
    if expression.steps(len(subject) - start) <= _STEPS:
        return _matches(expression.source, expression.flags, subject, start, how, everywhere)
    asked = _matches_there(expression.source, expression.flags, subject, start, how, everywhere)
    try:
        return (yield Await(asyncio.wait_for(asked, SECONDS)))
    except (TimeoutError, WorkerDied):
        return None


def _matches(source: str, flags: int, subject: str, start: int, how: str, everywhere: bool) -> Spans:
    pattern = re.compile(source, flags)
    if how == "match":
        places = [found for found in [pattern.match(subject, start)] if found is not None]
    elif everywhere:
        places = list(pattern.finditer(subject, start))
    else:
        places = [found for found in [pattern.search(subject, start)] if found is not None]
    return [[match.span(group) for group in range(pattern.groups + 1)] for match in places]


@in_process
def _matches_there(source: str, flags: int, subject: str, start: int, how: str, everywhere: bool) -> Spans:
    return _matches(source, flags, subject, start, how, everywhere)
