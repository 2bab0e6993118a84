"""What reading has in common in both notations: the place in the text, errors, numbers, the loop.

A reader's method returns a term that it could read at once, or, for a term with others
inside, a generator that yields where a term inside begins and is sent that term.  `run`
keeps the generators on a list of its own, so depth costs memory and never stack.

Proof: tests/term/test_text_errors.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Generator
from types import GeneratorType
from typing import NoReturn, TypeAlias

from pyerlnode.errors import TermEncodeError, TermSyntaxError
from pyerlnode.term.types import Atom, Pid, Port, Reference, Term

__all__ = ["NumberNode", "Reading", "Scanner", "is_reading", "parse_int", "run"]

Reading: TypeAlias = Generator[Term, Term, Term]
# The node name and creation that a BEAM's table index stands for, or None where it stands for none.
NumberNode: TypeAlias = Callable[[int], tuple[str, int] | None]

_SHOWN = 24
_INSIDE = re.compile(r"([^<>\n]{0,400})>")
_NUMBERS = {"pid": "{2}", "port": "{1}", "reference": "*"}
_ONLY_NUMBERS = re.compile(r"(\d{1,20})((?:\.\d{1,20})*)", re.ASCII)
# A port or a pid of a host like 10.0.0.1 has its own numbers at the end; a reference's node
# that ends in numbers stands in quotes.
_WITH_NODE = {
    kind: re.compile(
        rf"([\w.-]*@[\w.-]*{'?' if kind == 'reference' else ''})"
        rf"((?:\.[0-9]{{1,20}}){count})(?:/([0-9]{{1,20}}))?"
    )
    for kind, count in _NUMBERS.items()
}
_AFTER_QUOTES = re.compile(r"((?:\.\d{1,20})*)(?:/(\d{1,20}))?>", re.ASCII)


def is_reading(value: Term) -> bool:
    """Whether `value` is no term yet but the generator that reads one."""
    return type(value) is GeneratorType


def run(first: Term) -> Term:
    """Drive a reader to its end; `first` is what it returned: a term, or a generator."""
    stack: list[Reading] = []
    try:
        return _run(first, stack)
    except BaseException:
        # The innermost first: each of them refers to the one inside, and freeing such a
        # chain from its outer end takes C stack for every level (Python 3.13 crashes).
        while stack:
            stack.pop().close()
        raise


def _run(value: Term, stack: list[Reading]) -> Term:
    while True:
        if type(value) is GeneratorType:
            stack.append(value)
            value = None
        elif not stack:
            return value
        try:
            value = stack[-1].send(value)
        except StopIteration as stop:
            stack.pop()
            value = stop.value


# int() refuses more digits than sys.set_int_max_str_digits allows, 640 at the least, and
# takes quadratic time for them; halves are read and put together instead.
_PLAIN_DIGITS = 512


def parse_int(digits: str) -> int:
    """The value of decimal digits, without sign or separators, however many."""
    if len(digits) <= _PLAIN_DIGITS:
        return int(digits)
    low = len(digits) // 2
    return parse_int(digits[:-low]) * int(10**low) + parse_int(digits[-low:])


class Scanner:
    """Text with a place in it.  `skip` is the pattern of blanks and comments of the notation."""

    __slots__ = ("position", "skip", "text")

    def __init__(self, text: str, skip: re.Pattern[str]) -> None:
        self.text = text
        self.position = 0
        self.skip = skip

    def skip_blank(self) -> None:
        """Go to where the next token begins."""
        match = self.skip.match(self.text, self.position)
        if match is not None:
            self.position = match.end()

    def at(self, token: str) -> bool:
        """Whether the next token begins with `token`; stays in front of it."""
        self.skip_blank()
        return self.text.startswith(token, self.position)

    def take(self, token: str) -> bool:
        """Whether the next token is `token`; goes behind it."""
        self.skip_blank()
        if not self.text.startswith(token, self.position):
            return False
        self.position += len(token)
        return True

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What `pattern` finds exactly here; goes behind it."""
        match = pattern.match(self.text, self.position)
        if match is not None:
            self.position = match.end()
        return match

    def expect(self, token: str, expected: str | None = None) -> None:
        """Go behind `token`, or refuse the text; `expected` says more than the token could."""
        if not self.take(token):
            self.unexpected(expected or repr(token))

    def close(self, closer: str, times: int) -> None:
        """Go behind `closer` that many times."""
        for _ in range(times):
            self.expect(closer)

    def unexpected(self, expected: str) -> NoReturn:
        """Refuse what stands here."""
        self.skip_blank()
        rest = self.text[self.position : self.position + _SHOWN].partition("\n")[0]
        found = "end of input" if self.position >= len(self.text) else repr(rest)
        self.refuse(f"expected {expected}, found {found}", self.position)

    def refuse(self, problem: str, offset: int) -> NoReturn:
        """Refuse the text for a `problem` at `offset`."""
        raise TermSyntaxError(f"at character {offset}: {problem}", offset=offset)

    def whole(self, value: Term) -> Term:
        """`value`, when nothing but blanks follows it."""
        self.skip_blank()
        if self.position < len(self.text):
            self.unexpected("end of input")
        return value

    def atom(self, text: str, offset: int) -> Atom | bool | None:
        """The atom called `text`, whose source began at `offset`."""
        if text in _PYTHON_ATOMS:
            return _PYTHON_ATOMS[text]
        try:
            return Atom(text)
        except TermEncodeError as error:
            self.refuse(str(error), offset)

    def float(self, digits: str, offset: int) -> float:
        """The float that `digits` are, whose source began at `offset`."""
        number = float(digits)
        if math.isinf(number):
            self.refuse("a float beyond 1.7976931348623157e308", offset)
        return number

    def only_atom(self, text: str, offset: int) -> Atom:
        """The same for a name of a module, function or node: always an Atom."""
        try:
            return Atom(text)
        except TermEncodeError as error:
            self.refuse(str(error), offset)

    def identifier(
        self,
        kind: str,
        start: int,
        quoted: Callable[[], str] | None,
        number_node: NumberNode | None,
    ) -> Pid | Reference | Port:
        """A pid, reference or port (`kind`) whose text goes on here, behind `<`, and began at `start`.

        `quoted` reads the node's name where it stands in quotes.
        """
        if quoted is not None:
            node = quoted()
            match = self.match(_AFTER_QUOTES)
            if match is None:
                self.unexpected("numbers and '>' after the node's name")
            return self._identified(kind, start, (node, int(match[2] or 0)), match[1])
        inside = self.match(_INSIDE)
        if inside is None:
            self.unexpected(f"a {kind} that ends in '>'")
        numbered = _ONLY_NUMBERS.fullmatch(inside[1])
        if numbered is not None:
            return self._numbered(kind, start, numbered, number_node)
        named = _WITH_NODE[kind].fullmatch(inside[1])
        if named is None:
            self.refuse(
                f"expected a {kind} with node@host and its numbers, found {inside[1][:_SHOWN]!r}", start
            )
        return self._identified(kind, start, (named[1], int(named[3] or 0)), named[2])

    def _numbered(
        self, kind: str, start: int, match: re.Match[str], number_node: NumberNode | None
    ) -> Pid | Reference | Port:
        origin = number_node(int(match[1])) if number_node is not None else None
        if origin is None:
            self.refuse(
                f"{match[1]} is an index into a table of the node that printed this {kind}; "
                f"write node@host in its place, and /creation behind the numbers",
                start,
            )
        return self._identified(kind, start, origin, match[2])

    def _identified(
        self, kind: str, start: int, origin: tuple[str, int], dotted: str
    ) -> Pid | Reference | Port:
        node, creation = self.only_atom(origin[0], start), origin[1]
        numbers = [int(part) for part in dotted.split(".")[1:]]
        limit = 2**64 if kind == "port" else 2**32
        if creation >= 2**32 or any(number >= limit for number in numbers):
            self.refuse(f"a number of this {kind} is too large", start)
        match kind, numbers:
            case "pid", [id, serial]:
                return Pid(node, id, serial, creation)
            case "port", [id]:
                return Port(node, id, creation)
            case "reference", words if len(words) <= 5:
                return Reference(node, creation, tuple(reversed(words)))
        self.refuse(f"{len(numbers)} numbers are too many or too few for a {kind}", start)


_PYTHON_ATOMS: dict[str, bool | None] = {"true": True, "false": False, "nil": None}
