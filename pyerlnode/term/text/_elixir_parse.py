"""Elixir's notation to terms: literals only, nothing is evaluated.

Proof: tests/term/test_text_elixir.py, test_text_golden.py (what `inspect/1` of Elixir 1.14,
1.18 and 1.20 wrote).
"""

from __future__ import annotations

import re
from functools import cache

from pyerlnode.errors import TermEncodeError
from pyerlnode.term.text import _quote, _structs
from pyerlnode.term.text._bits import Bits, Segment, add_segment
from pyerlnode.term.text._build import build_map, build_struct
from pyerlnode.term.text._erlang_parse import ERLANG_SKIP, ErlangReader
from pyerlnode.term.text._scan import NumberNode, Reading, Scanner, is_reading, parse_int, run
from pyerlnode.term.types import Atom, Export, ImproperList, Term, charlist

__all__ = ["read_elixir"]

# What is beyond ASCII is looked at by `_bare`: no class of `re` has the marks of Unicode names.
_NAME = r"[^\W\d](?:\w|[^\x00-\xa0\s])*+[?!]?"
_ATOM_NAME = r"[^\W\d](?:[\w@]|[^\x00-\xa0\s])*+[?!]?"


def _longest_first(names: frozenset[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if not name[0].isalpha())


_OPERATORS = _longest_first(_quote.UNQUOTED | {"^^^", "~~~", "<|>"})
# `#PID<` and the like begin a term; `#nr:pt{` is a native record; any other # a comment.
_HASH_WORD = r"(?:PID|Port|Reference|Function|DateTime|MapSet|Decimal)<"
_RECORD_NAME = r"(?:[a-zß-öø-ÿ][\w@]*|'(?:[^'\\\n]|\\.)*')"
_SKIP = re.compile(rf"(?:\s++|#(?!{_HASH_WORD}|{_RECORD_NAME}:{_RECORD_NAME}\{{)[^\n]*)*+")
_KEY = re.compile(rf"({_ATOM_NAME}|{_OPERATORS}):(?=\s|$)")
_ATOM = re.compile(rf"{_ATOM_NAME}|{_OPERATORS}")
# Behind `&`: of `:...f/1` the module is `:..`.
_MODULE = re.compile(rf"(?:{_ATOM_NAME}|{_OPERATORS})(?=\s*[.{{])")
_FUNCTION = re.compile(rf"{_NAME}|{_longest_first(_quote.FUNCTIONS)}")
_ALIAS = re.compile(r"[A-Z][A-Za-z0-9_]*(?:\.[A-Z][A-Za-z0-9_]*)*")
_WORD = re.compile(_ATOM_NAME)
_CALL = re.compile(r"\.new\(")
_NUMBER = re.compile(
    r"0x(?P<hex>[0-9A-Fa-f]+(?:_[0-9A-Fa-f]+)*)|0b(?P<bin>[01]+(?:_[01]+)*)|0o(?P<oct>[0-7]+(?:_[0-7]+)*)"
    r"|(?P<float>\d++(?:_\d++)*+\.\d++(?:_\d++)*+(?:[eE][+-]?\d+(?:_\d+)*)?)|(?P<int>\d+(?:_\d+)*+)",
    re.ASCII,
)
_BASES = {"hex": 16, "bin": 2, "oct": 8}
_GLUED = re.compile(r"[\w@]")
_RANGE = re.compile(r"\s*\.\.")
_SIGN = re.compile(r"([+-])\s*(?=\d)", re.ASCII)
_STEP = re.compile(r"\s*//")
_ARITY = re.compile(r"/(\d{1,3})(?!\d)", re.ASCII)
_HASH = re.compile(r"#(PID|Port|Reference)<")
_OPAQUE = re.compile(r"#(Function|DateTime|MapSet|Decimal)<")
_KINDS = {"PID": "pid", "Port": "port", "Reference": "reference"}
_OCTETS = re.compile(r"<<\s*+(\d{1,3}(?:\s*+,\s*+\d{1,3})*+)?+\s*+>>", re.ASCII)
_SPEC = re.compile(r"([a-z][a-z0-9]*)(?:\(\s*(\d{1,9})\s*\))?|(\d{1,9})", re.ASCII)
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

_EXPECTED = "a term"


def read_elixir(text: str, number_node: NumberNode | None) -> Term:
    """What `parse_elixir` gives."""
    reader = ElixirReader(text, number_node)
    return reader.scanner.whole(run(reader.term()))


class ElixirReader:
    """One reading; methods return a term, or the generator that reads one (see `run`)."""

    def __init__(self, text: str, number_node: NumberNode | None) -> None:
        self.scanner = Scanner(text, _SKIP)
        self.number_node = number_node
        self._readers = {
            '"': self._binary_text,
            "'": self._charlist_text,
            ":": self._atom,
            "[": self._list,
            "{": self._tuple,
            "%": self._map,
            "<": self._bits,
            "~": self._sigil,
            "&": self._capture,
            "#": self._hash,
            "?": self._character,
            **dict.fromkeys("0123456789+-", self._number),
        }

    def term(self) -> Term:
        """The term that begins here."""
        scanner = self.scanner
        scanner.skip_blank()
        read = self._readers.get(scanner.text[scanner.position : scanner.position + 1])
        return read() if read is not None else self._word()

    # --- words, atoms, numbers -------------------------------------------------------

    def _word(self) -> Term:
        scanner = self.scanner
        start = scanner.position
        alias = scanner.match(_ALIAS)
        if alias is not None:
            return self._after_alias(alias[0], start)
        word = _WORD.match(scanner.text, start)
        if word is None or word[0] not in ("true", "false", "nil"):
            scanner.unexpected(_EXPECTED)
        scanner.position = word.end()
        return scanner.atom(word[0], start)

    def _after_alias(self, alias: str, start: int) -> Term:
        if self.scanner.match(_CALL) is None:
            return self._module(alias, start)
        if alias == "MapSet":
            return self._map_set(start)
        if alias == "Decimal":
            return self._decimal(start)
        self.scanner.refuse(f"{alias}.new(...) is no literal", start)

    def _module(self, alias: str, start: int) -> Atom:
        named = alias == "Elixir" or alias.startswith("Elixir.")
        return self.scanner.only_atom(alias if named else f"Elixir.{alias}", start)

    def _atom(self, pattern: re.Pattern[str] = _ATOM) -> Term:
        scanner = self.scanner
        start = scanner.position
        scanner.position += 1
        quote = scanner.text[start + 1 : start + 2]
        if quote in ("'", '"') and quote:
            return scanner.atom(self._quoted_name(quote), start)
        name = scanner.match(pattern)
        if name is None:
            scanner.unexpected("an atom's name after ':'")
        return self._bare(name[0], start)

    def _bare(self, name: str, start: int) -> Term:
        """The atom of a name that was written without quotes."""
        if not name.isascii() and not name.rstrip("?!").replace("@", "_").isidentifier():
            self.scanner.refuse(f"{name[:20]!r} is no name; as an atom it needs quotes", start)
        return self.scanner.atom(name, start)

    def _number(self) -> Term:
        scanner = self.scanner
        start = scanner.position
        first = self._simple_number()
        if type(first) is float or _RANGE.match(scanner.text, scanner.position) is None:
            return first
        scanner.match(_RANGE)
        last = self._integer()
        step: Term = 1 if first <= last else -1
        if scanner.match(_STEP) is not None:
            step = self._integer()
        return self._struct("Elixir.Range", _atoms({"first": first, "last": last, "step": step}), start)

    def _integer(self) -> int:
        self.scanner.skip_blank()
        start = self.scanner.position
        number = self._simple_number()
        if type(number) is not int:
            self.scanner.refuse("a range has integers", start)
        return number

    def _simple_number(self) -> int | float:
        scanner = self.scanner
        start = scanner.position
        sign = scanner.match(_SIGN)
        match = scanner.match(_NUMBER)
        if match is None:
            scanner.unexpected("a number")
        if _GLUED.match(scanner.text, scanner.position):
            scanner.unexpected("the end of a number")
        digits = match[match.lastgroup or 0].replace("_", "")
        number: int | float
        if match.lastgroup == "float":
            number = scanner.float(digits, start)
        else:
            base = _BASES.get(match.lastgroup or "")
            number = int(digits, base) if base else parse_int(digits)
        return -number if sign is not None and sign[1] == "-" else number

    def _character(self) -> Term:
        match = self.scanner.match(_CHARACTER)
        if match is None:
            self.scanner.unexpected("a character after '?'")
        if match[1][0] != "\\":
            return ord(match[1])
        text = self._unescape(match[1], match.start(1), octets=False)
        return ord(text) if text else 10

    # --- text ------------------------------------------------------------------------

    def _body(self, closer: str, *, interpolates: bool) -> tuple[str, int]:
        """What stands up to `closer`, escapes included, and where it begins; goes behind it."""
        scanner = self.scanner
        start = scanner.position
        match = scanner.match(_body_pattern(closer, interpolates))
        if match is None or not scanner.text.startswith(closer, scanner.position):
            if scanner.text.startswith("#{", scanner.position):
                scanner.refuse("interpolation is no literal; write \\#{ for the characters", scanner.position)
            scanner.position = len(scanner.text)
            scanner.unexpected(f"{closer!r} to close what began at character {start - 1}")
        scanner.position += len(closer)
        return match[0], start

    def _quoted(self, quote: str) -> tuple[str, int]:
        self.scanner.position += 1
        return self._body(quote, interpolates=True)

    def _quoted_name(self, quote: str) -> str:
        body, start = self._quoted(quote)
        return self._unescape(body, start, octets=False)

    def _unescape(self, body: str, start: int, *, octets: bool) -> str:
        r"""`body` without escapes; where `octets`, `\xFF` is a byte, carried as a lone surrogate."""
        if "\\" not in body:
            return body

        def replaced(match: re.Match[str]) -> str:
            braced, octet, ubraced, four, char = match.groups()
            if char is not None:
                if char in "xu":
                    self.scanner.refuse(f"\\{char} needs hexadecimal digits", start + match.start())
                return _ESCAPED.get(char, char)
            code = int(braced or octet or ubraced or four, 16)
            if octet and octets and code > 127:
                return chr(0xDC00 + code)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                self.scanner.refuse(f"0x{code:X} is no code point", start + match.start())
            return chr(code)

        return _ESCAPE.sub(replaced, body)

    def _octets(self, body: str, start: int) -> bytes:
        try:
            return self._unescape(body, start, octets=True).encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            self.scanner.refuse(f"text without a UTF-8 form: {error.reason}", start)

    def _binary_text(self) -> bytes:
        return self._octets(*self._quoted('"'))

    def _charlist_text(self) -> list[int]:
        return charlist(self._quoted_name("'"))

    def _sigil(self) -> Term:
        scanner = self.scanner
        start = scanner.position
        match = scanner.match(_SIGIL)
        if match is None:
            scanner.unexpected("a sigil")
        letter, opener = match.groups()
        closer = _CLOSERS.get(opener, opener)
        body, inside = self._body(closer, interpolates=letter.islower())
        if letter.isupper():
            body = body.replace(f"\\{closer}", closer)
        modifiers = scanner.match(_MODIFIERS)
        modifier = modifiers[0] if modifiers is not None else ""
        if letter in "DTNU" and not modifier:
            return self._moment(letter, body, start)
        if letter in "wW":
            return self._words(body, inside, modifier, start, raw=letter == "W")
        if letter not in "sScC" or modifier:
            scanner.refuse(f"~{letter}{modifier} is no sigil that stands for a literal", start)
        if letter in "sS":
            return self._octets(body if letter == "s" else body.replace("\\", "\\\\"), inside)
        return charlist(self._unescape(body, inside, octets=False) if letter == "c" else body)

    def _moment(self, letter: str, body: str, start: int) -> Term:
        found = _structs.read_sigil(letter, body)
        if found is None:
            self.scanner.refuse(f"~{letter}[{body}] is no date or time that exists", start)
        module, fields = found
        return self._struct(module, _atoms(fields), start)

    def _words(self, body: str, inside: int, modifier: str, start: int, *, raw: bool) -> list[Term]:
        words = (body if raw else self._unescape(body, inside, octets=False)).split()
        match modifier:
            case "" | "s":
                return [self._octets(word.replace("\\", "\\\\"), inside) for word in words]
            case "a":
                return [self.scanner.atom(word, start) for word in words]
            case "c":
                return [charlist(word) for word in words]
        self.scanner.refuse(f"~w has the modifiers s, a and c, not {modifier}", start)

    # --- containers ------------------------------------------------------------------

    def _key(self) -> Term:
        """The `name: ` or `"name": ` that must begin here."""
        key = self._try_key()
        if key is _NO_KEY:
            self.scanner.unexpected("another `key: ` (keywords stand at the end)")
        return key

    def _try_key(self) -> Term:
        """A keyword's key, or _NO_KEY with nothing read."""
        scanner = self.scanner
        scanner.skip_blank()
        start = scanner.position
        match = scanner.match(_KEY)
        if match is not None:
            return self._bare(match[1], start)
        quote = scanner.text[start : start + 1]
        if quote not in ("'", '"') or not quote:
            return _NO_KEY
        match = _quoted_key_pattern(quote).match(scanner.text, start)
        if match is None:
            return _NO_KEY
        name = self._quoted_name(quote)
        scanner.position += 1
        return scanner.atom(name, start)

    def _keywords(self, first: Term, closer: str) -> Reading:
        """The pairs of keywords, of which the first key was read, up to and with `closer`."""
        pairs: list[tuple[Term, Term]] = []
        key = first
        while True:
            value = self.term()
            pairs.append((key, (yield value) if is_reading(value) else value))
            if self.scanner.take(closer):
                return pairs
            self.scanner.expect(",", f"',' or {closer!r}")
            if self.scanner.take(closer):
                return pairs
            key = self._key()

    def _items(self, closer: str, *, bar: bool = False) -> Reading:
        """Terms up to and with `closer`: (items, pairs of keywords at the end, tail behind a bar)."""
        scanner = self.scanner
        items: list[Term] = []
        pairs: list[tuple[Term, Term]] = []
        inside = 0
        while not scanner.take(closer):
            key = self._try_key()
            if key is not _NO_KEY:
                pairs = yield from self._keywords(key, closer)
                break
            value = self.term()
            items.append((yield value) if is_reading(value) else value)
            if bar and scanner.take("|"):
                # A list as the tail goes on with this one: a chain of them takes linear time.
                if scanner.take("["):
                    inside += 1
                    continue
                tail = self.term()
                tail = (yield tail) if is_reading(tail) else tail
                scanner.close(closer, inside + 1)
                return items, [], tail
            if not scanner.take(","):
                scanner.expect(closer, f"',', '|' or {closer!r}" if bar else f"',' or {closer!r}")
                break
        scanner.close(closer, inside)
        return items, pairs, _NO_KEY

    def _list(self) -> Reading:
        self.scanner.position += 1
        items, pairs, tail = yield from self._items("]", bar=True)
        if tail is _NO_KEY:
            return [*items, *pairs] if pairs else items
        if type(tail) is list:
            return items + tail
        return ImproperList(items, tail)

    def _tuple(self) -> Reading:
        self.scanner.position += 1
        items, pairs, _ = yield from self._items("}")
        return (*items, pairs) if pairs else tuple(items)

    def _map(self) -> Reading:
        scanner = self.scanner
        start = scanner.position
        scanner.position += 1
        module = None
        if not scanner.text.startswith("{", scanner.position):
            module = self._module_name("'{' or a struct's name after '%'")
        scanner.expect("{", "'{' of a map")
        pairs = yield from self._pairs()
        return build_map(scanner, pairs, start) if module is None else self._struct(module, pairs, start)

    def _module_name(self, expected: str) -> Atom:
        """`Foo.Bar`, `:foo` or `nil`, as names of modules."""
        scanner = self.scanner
        start = scanner.position
        alias = scanner.match(_ALIAS)
        if alias is not None:
            return self._module(alias[0], start)
        if scanner.text.startswith(":", start):
            found = self._atom(_MODULE)
        else:
            word = _WORD.match(scanner.text, start)
            if word is None or word[0] not in ("nil", "true", "false"):
                scanner.unexpected(expected)
            found = scanner.atom(word[0], start)
            scanner.position = word.end()
        return found if isinstance(found, Atom) else Atom("nil" if found is None else str(found).lower())

    def _pairs(self) -> Reading:
        scanner = self.scanner
        pairs: list[tuple[Term, Term]] = []
        while not scanner.take("}"):
            key = self._try_key()
            if key is not _NO_KEY:
                return pairs + (yield from self._keywords(key, "}"))
            key = self.term()
            key = (yield key) if is_reading(key) else key
            scanner.expect("=>")
            value = self.term()
            pairs.append((key, (yield value) if is_reading(value) else value))
            if not scanner.take(","):
                scanner.expect("}", "',' or '}'")
                break
        return pairs

    def _struct(self, module: str, pairs: list[tuple[Term, Term]], start: int) -> Term:
        if not all(type(key) is Atom for key, _ in pairs):
            self.scanner.refuse("a struct has atoms as keys", start)
        given = {key for key, _ in pairs}
        more = {name: value for name, value in _structs.optional_fields(module).items() if name not in given}
        return build_struct(self.scanner, Atom(module), pairs + _atoms(more), start)

    def _map_set(self, start: int) -> Reading:
        scanner = self.scanner
        members: list[Term] = []
        if not scanner.take(")"):
            if not scanner.at("["):
                scanner.unexpected("'[' or ')'")
            value = self.term()
            members = (yield value) if is_reading(value) else value
            if type(members) is not list:
                scanner.refuse("MapSet.new(...) takes a proper list", start)
            scanner.expect(")")
        members_map = build_map(scanner, [(member, []) for member in members], start)
        return self._struct("Elixir.MapSet", _atoms({"map": members_map}), start)

    def _decimal(self, start: int) -> Term:
        scanner = self.scanner
        if not scanner.at('"'):
            scanner.unexpected("a decimal number in quotes")
        text = self._binary_text()
        scanner.expect(")")
        fields = _structs.read_decimal(text.decode(errors="replace"))
        if fields is None:
            scanner.refuse("Decimal.new(...) has no decimal number", start)
        return self._struct("Elixir.Decimal", _atoms(fields), start)

    # --- the rest --------------------------------------------------------------------

    def _bits(self) -> Term:
        scanner = self.scanner
        octets = scanner.match(_OCTETS)
        if octets is not None:
            return bytes([int(octet) & 255 for octet in octets[1].split(",")]) if octets[1] else b""
        scanner.expect("<<")
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
        if first not in ('"', "?", "+", "-") and not first.isdigit():
            scanner.unexpected("a number or a string")
        value: Term = (
            self._binary_text()
            if first == '"'
            else self._character()
            if first == "?"
            else self._simple_number()
        )
        segment = Segment(
            "float" if type(value) is float else "binary" if type(value) is bytes else "integer"
        )
        if scanner.take("::"):
            self._specification(segment)
        if type(value) is bytes and segment.kind not in ("binary", "bytes", "bits", "bitstring"):
            try:
                value = value.decode()
            except UnicodeDecodeError:
                scanner.refuse(f"{segment.kind} needs text", start)
        problem = add_segment(bits, value, segment)
        if problem is not None:
            scanner.refuse(problem, start)

    def _specification(self, segment: Segment) -> None:
        scanner = self.scanner
        while True:
            scanner.skip_blank()
            start = scanner.position
            match = scanner.match(_SPEC)
            if match is None or not segment.specify(match[1] or "size", match[2] or match[3]):
                scanner.position = start
                scanner.unexpected("size(n), unit(n) or a type of a segment")
            if not scanner.take("-"):
                return

    def _capture(self) -> Term:
        scanner = self.scanner
        start = scanner.position
        scanner.position += 1
        scanner.skip_blank()
        module = self._module_name("a module (only &Module.function/arity is a literal)")
        scanner.expect(".", "'.' and a function's name")
        place = scanner.position
        if scanner.text.startswith(('"', "'"), place):
            name = self._quoted_name(scanner.text[place])
        else:
            match = scanner.match(_FUNCTION)
            if match is None:
                scanner.unexpected("a function's name")
            name = match[0]
        arity = scanner.match(_ARITY)
        if arity is None:
            scanner.unexpected("'/' and the arity")
        function = scanner.only_atom(name, place)
        try:
            return Export(module, function, int(arity[1]))
        except TermEncodeError as error:
            scanner.refuse(str(error), start)

    def _hash(self) -> Term:
        scanner = self.scanner
        start = scanner.position
        match = scanner.match(_HASH)
        if match is not None:
            quoted = scanner.text.startswith('"', scanner.position)
            name = (lambda: self._quoted_name('"')) if quoted else None
            return scanner.identifier(_KINDS[match[1]], start, name, self.number_node)
        opaque = scanner.match(_OPAQUE)
        if opaque is not None:
            scanner.refuse(f"#{opaque[1]}<...> does not hold all that it stands for", start)
        return self._record()

    def _record(self) -> Reading:
        scanner = self.scanner
        scanner.skip = ERLANG_SKIP
        record = yield ErlangReader(scanner, self.number_node).hash()
        scanner.skip = _SKIP
        return record


def _atoms(fields: dict[str, Term]) -> list[tuple[Term, Term]]:
    return [(Atom(name), value) for name, value in fields.items()]


class _NoKey:
    """The type of _NO_KEY; no term is of it."""


_NO_KEY = _NoKey()


@cache
def _body_pattern(closer: str, interpolates: bool) -> re.Pattern[str]:
    stop = re.escape(closer)
    if interpolates:
        return re.compile(rf"(?:[^\\#{stop}]++|\\.|#(?!\{{))*+", re.DOTALL)
    return re.compile(rf"(?:[^\\{stop}]++|\\.)*+", re.DOTALL)


@cache
def _quoted_key_pattern(quote: str) -> re.Pattern[str]:
    return re.compile(rf"{quote}{_body_pattern(quote, True).pattern}{quote}:(?=\s|$)", re.DOTALL)
