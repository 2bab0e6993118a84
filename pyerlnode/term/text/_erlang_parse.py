"""Erlang's notation to terms: literals only, nothing is evaluated.

Proof: tests/term/test_text_erlang.py, test_text_golden.py (what `~0tp` of OTP 25, 27 and 29 wrote).
"""

from __future__ import annotations

import re

from pyerlnode.errors import TermEncodeError
from pyerlnode.term.text import _quote
from pyerlnode.term.text._bits import Bits, Segment, add_segment
from pyerlnode.term.text._build import build_map
from pyerlnode.term.text._scan import NumberNode, Reading, Scanner, is_reading, parse_int, run
from pyerlnode.term.types import Export, ImproperList, Record, Term, charlist

__all__ = ["ERLANG_SKIP", "ErlangReader", "read_erlang"]

ERLANG_SKIP = re.compile(r"(?:\s++|%[^\n]*)*+")
_NAME = re.compile(r"[a-zß-öø-ÿ][\w@]*")
# OTP 25 writes these two without quotes, later releases do not.
_RESERVED = _quote.ERLANG_WORDS - {"maybe", "else"}
_NUMBER = re.compile(
    r"(?P<base>\d{1,2})#(?P<based>[0-9A-Za-z]+(?:_[0-9A-Za-z]+)*)"
    r"|(?P<float>\d++(?:_\d++)*+\.\d++(?:_\d++)*+(?:[eE][+-]?\d+(?:_\d+)*)?)|(?P<int>\d+(?:_\d+)*+)",
    re.ASCII,
)
_GLUED = re.compile(r"[\w@#]")
_SIGN = re.compile(r"([+-])\s*(?=[\d$])", re.ASCII)
_BODY = {quote: re.compile(rf"(?:[^\\{quote}]++|\\.)*+", re.DOTALL) for quote in "'\""}
_ESCAPE = re.compile(
    r"\\(?:x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|([0-7]{1,3})|\^([@-_a-z])|(.))", re.DOTALL
)
_ESCAPED = {**{escape[1]: char for char, escape in _quote.ERLANG_ESCAPES.items()}, "s": " "}
_CHARACTER = re.compile(r"\$(\\(?:x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|[0-7]{1,3}|\^[@-_a-z]|.)|.)", re.DOTALL)
_OCTETS = re.compile(r"<<\s*+(\d{1,3}(?:\s*+,\s*+\d{1,3})*+)?+\s*+>>", re.ASCII)
_SIZE = re.compile(r"\d{1,9}", re.ASCII)
_SPEC = re.compile(r"([a-z][a-z0-9]*)(?:\s*:\s*(\d{1,9}))?", re.ASCII)
_ARITY = re.compile(r"\d{1,3}(?!\d)", re.ASCII)
_HASH = re.compile(r"#(Ref|Port)<")
_OPAQUE = re.compile(r"#Fun<")
_KINDS = {"Ref": "reference", "Port": "port"}


def read_erlang(text: str, number_node: NumberNode | None) -> Term:
    """What `parse_erlang` gives."""
    scanner = Scanner(text, ERLANG_SKIP)
    value = run(ErlangReader(scanner, number_node).term())
    scanner.take(".")
    return scanner.whole(value)


class ErlangReader:
    """One reading; methods return a term, or the generator that reads one (see `run`)."""

    def __init__(self, scanner: Scanner, number_node: NumberNode | None) -> None:
        self.scanner = scanner
        self.number_node = number_node
        self._readers = {
            '"': self._string,
            "'": self._quoted_atom,
            "[": self._list,
            "{": self._tuple,
            "#": self.hash,
            "<": self._angle,
            "$": self._number,
            **dict.fromkeys("0123456789+-", self._number),
        }

    def term(self) -> Term:
        """The term that begins here."""
        scanner = self.scanner
        scanner.skip_blank()
        read = self._readers.get(scanner.text[scanner.position : scanner.position + 1])
        return read() if read is not None else self._word()

    # --- atoms, numbers, text --------------------------------------------------------

    def _word(self) -> Term:
        scanner = self.scanner
        start = scanner.position
        word = _NAME.match(scanner.text, start)
        if word is None:
            scanner.unexpected("a term")
        if word[0] == "fun":
            return self._fun()
        if word[0] in _RESERVED:
            scanner.unexpected(f"a term (the atom '{word[0]}' needs quotes)")
        scanner.position = word.end()
        return scanner.atom(word[0], start)

    def _quoted_atom(self) -> Term:
        start = self.scanner.position
        return self.scanner.atom(self._quoted("'"), start)

    def _name(self, expected: str) -> str:
        """An atom's text, where only an atom can stand."""
        scanner = self.scanner
        scanner.skip_blank()
        if scanner.text.startswith("'", scanner.position):
            return self._quoted("'")
        match = _NAME.match(scanner.text, scanner.position)
        if match is None:
            scanner.unexpected(expected)
        scanner.position = match.end()
        return match[0]

    def _number(self) -> int | float:
        scanner = self.scanner
        sign = scanner.match(_SIGN)
        minus = sign is not None and sign[1] == "-"
        number = self._character() if scanner.at("$") else self._digits()
        return -number if minus else number

    def _digits(self) -> int | float:
        scanner = self.scanner
        start = scanner.position
        match = scanner.match(_NUMBER)
        if match is None:
            scanner.unexpected("a number")
        if _GLUED.match(scanner.text, scanner.position):
            scanner.unexpected("the end of a number")
        if match["float"] is not None:
            return scanner.float(match["float"].replace("_", ""), start)
        if match["int"] is not None:
            return parse_int(match["int"].replace("_", ""))
        base, digits = int(match["base"]), match["based"].replace("_", "")
        if not 2 <= base <= 36 or any(int(digit, 36) >= base for digit in digits):
            scanner.refuse(f"{digits[:20]} are no digits of base {base}", start)
        return _based(digits, base)

    def _character(self) -> int:
        match = self.scanner.match(_CHARACTER)
        if match is None:
            self.scanner.unexpected("a character after '$'")
        return ord(self._unescape(match[1], match.start(1)))

    def _quoted(self, quote: str) -> str:
        scanner = self.scanner
        start = scanner.position
        scanner.position += 1
        body = scanner.match(_BODY[quote])
        if body is None or not scanner.text.startswith(quote, scanner.position):
            scanner.position = len(scanner.text)
            scanner.unexpected(f"{quote} to close what began at character {start}")
        scanner.position += 1
        return self._unescape(body[0], start + 1)

    def _unescape(self, body: str, start: int) -> str:
        if "\\" not in body:
            return body

        def replaced(match: re.Match[str]) -> str:
            braced, hexadecimal, octal, control, char = match.groups()
            if char is not None:
                if char == "x":
                    self.scanner.refuse(
                        "\\x needs two hexadecimal digits, or some in braces", start + match.start()
                    )
                return _ESCAPED.get(char, char)
            if control is not None:
                return chr(ord(control) & 31)
            code = int(octal, 8) if octal else int(braced or hexadecimal, 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                self.scanner.refuse(f"0x{code:X} is no code point", start + match.start())
            return chr(code)

        return _ESCAPE.sub(replaced, body)

    def _text(self) -> str:
        """One string, or several that stand behind each other."""
        parts = [self._quoted('"')]
        while self.scanner.at('"'):
            parts.append(self._quoted('"'))
        return "".join(parts)

    def _string(self) -> list[int]:
        return charlist(self._text())

    # --- containers ------------------------------------------------------------------

    def _items(self, closer: str, *, bar: bool = False) -> Reading:
        """Terms up to and with `closer`: (terms, tail behind a bar or _NO_TAIL)."""
        scanner = self.scanner
        items: list[Term] = []
        inside = 0
        ended = scanner.take(closer)
        while not ended:
            value = self.term()
            items.append((yield value) if is_reading(value) else value)
            if scanner.take(","):
                continue
            if bar and scanner.take("|"):
                # A list as the tail goes on with this one: a chain of them takes linear time.
                if scanner.take("["):
                    inside += 1
                    ended = scanner.take(closer)
                    continue
                tail = self.term()
                tail = (yield tail) if is_reading(tail) else tail
                scanner.close(closer, inside + 1)
                return items, tail
            scanner.expect(closer, f"',', '|' or {closer!r}" if bar else f"',' or {closer!r}")
            ended = True
        scanner.close(closer, inside)
        return items, _NO_TAIL

    def _list(self) -> Reading:
        self.scanner.position += 1
        items, tail = yield from self._items("]", bar=True)
        if tail is _NO_TAIL:
            return items
        return items + tail if type(tail) is list else ImproperList(items, tail)

    def _tuple(self) -> Reading:
        self.scanner.position += 1
        items, _ = yield from self._items("}")
        return tuple(items)

    def hash(self) -> Term:
        """The map, record, reference or port that begins with this #."""
        scanner = self.scanner
        start = scanner.position
        if scanner.text.startswith("#{", start):
            return self._map()
        match = scanner.match(_HASH)
        if match is not None:
            return self._identifier(_KINDS[match[1]], start)
        if _OPAQUE.match(scanner.text, start):
            scanner.refuse("#Fun<...> does not hold the function that it stands for", start)
        return self._record()

    def _map(self) -> Reading:
        scanner = self.scanner
        start = scanner.position
        scanner.position += 2
        pairs: list[tuple[Term, Term]] = []
        if scanner.take("}"):
            return build_map(scanner, pairs, start)
        while True:
            key = self.term()
            key = (yield key) if is_reading(key) else key
            scanner.expect("=>")
            value = self.term()
            pairs.append((key, (yield value) if is_reading(value) else value))
            if not scanner.take(","):
                scanner.expect("}", "',' or '}'")
                return build_map(scanner, pairs, start)

    def _record(self) -> Reading:
        scanner = self.scanner
        start = scanner.position
        scanner.position += 1
        module = scanner.only_atom(self._name("'{' of a map, or a record's module"), start)
        scanner.expect(":", "':' and the name of a native record (a tuple is written as one)")
        name = scanner.only_atom(self._name("a record's name"), start)
        scanner.expect("{")
        fields: dict[str, Term] = {}
        while not scanner.take("}"):
            if fields:
                scanner.expect(",", "',' or '}'")
            at = scanner.position
            field = scanner.only_atom(self._name("a field's name"), at)
            if field in fields:
                scanner.refuse(f"the field {field} is there twice", at)
            scanner.expect("=")
            value = self.term()
            fields[field] = (yield value) if is_reading(value) else value
        return Record(module, name, tuple(fields.items()))

    # --- the rest --------------------------------------------------------------------

    def _angle(self) -> Term:
        scanner = self.scanner
        octets = scanner.match(_OCTETS)
        if octets is not None:
            return bytes([int(octet) & 255 for octet in octets[1].split(",")]) if octets[1] else b""
        if scanner.take("<<"):
            return self._bits()
        start = scanner.position
        scanner.position += 1
        return self._identifier("pid", start)

    def _identifier(self, kind: str, start: int) -> Term:
        scanner = self.scanner
        quoted = scanner.text.startswith("'", scanner.position)
        return scanner.identifier(
            kind, start, (lambda: self._quoted("'")) if quoted else None, self.number_node
        )

    def _bits(self) -> Term:
        scanner = self.scanner
        bits = Bits()
        while not scanner.take(">>"):
            self._segment(bits)
            if not scanner.take(","):
                scanner.expect(">>", "',' or '>>'")
                break
        return bits.value()

    def _segment(self, bits: Bits) -> None:
        scanner = self.scanner
        scanner.skip_blank()
        start = scanner.position
        first = scanner.text[start : start + 1]
        if first not in ('"', "$", "+", "-") and not first.isdigit():
            scanner.unexpected("a number or a string")
        value = self._text() if first == '"' else self._number()
        segment = Segment()
        if scanner.take(":"):
            self._size(segment)
        if scanner.take("/"):
            self._types(segment)
        problem = add_segment(bits, value, segment)
        if problem is not None:
            scanner.refuse(problem, start)

    def _size(self, segment: Segment) -> None:
        self.scanner.skip_blank()
        match = self.scanner.match(_SIZE)
        if match is None:
            self.scanner.unexpected("a size in digits")
        segment.specify("size", match[0])

    def _types(self, segment: Segment) -> None:
        scanner = self.scanner
        while True:
            scanner.skip_blank()
            start = scanner.position
            match = scanner.match(_SPEC)
            if match is None or match[1] == "size" or not segment.specify(match[1], match[2]):
                scanner.position = start
                scanner.unexpected("a type of a segment")
            if not scanner.take("-"):
                return

    def _fun(self) -> Export:
        scanner = self.scanner
        start = scanner.position
        scanner.position += len("fun")
        scanner.skip_blank()
        module = scanner.only_atom(self._name("a module (only fun m:f/1 is a literal)"), start)
        scanner.expect(":")
        function = scanner.only_atom(self._name("a function's name"), start)
        scanner.expect("/")
        scanner.skip_blank()
        arity = scanner.match(_ARITY)
        if arity is None:
            scanner.unexpected("the arity")
        try:
            return Export(module, function, int(arity[0]))
        except TermEncodeError as error:
            scanner.refuse(str(error), start)


class _NoTail:
    """The type of _NO_TAIL; no term is of it."""


_NO_TAIL = _NoTail()


def _based(digits: str, base: int) -> int:
    """`int(digits, base)`, which refuses thousands of digits for a base that is no power of 2."""
    if len(digits) <= 512:
        return int(digits, base)
    low = len(digits) // 2
    return int(_based(digits[:-low], base) * base**low + _based(digits[-low:], base))
