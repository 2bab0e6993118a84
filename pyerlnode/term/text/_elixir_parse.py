"""Elixir's notation to terms: literals only, nothing is evaluated.

Proof: tests/term/test_text_elixir.py, test_text_golden.py (what `inspect/1` of Elixir 1.14,
1.18 and 1.20 wrote).
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from pyerlnode.errors import TermEncodeError
from pyerlnode.term.text import _quote, _structs
from pyerlnode.term.text._bits import Bits, Segment, add_segment
from pyerlnode.term.text._build import atom_keys, build_map, build_struct
from pyerlnode.term.text._elixir_quoted import (
    binary_text,
    character,
    charlist_text,
    is_quoted_key,
    quoted_name,
    sigil,
)
from pyerlnode.term.text._erlang_parse import ERLANG_SKIP, ErlangReader
from pyerlnode.term.text._scan import NumberNode, Reading, Scanner, is_reading, parse_int, run
from pyerlnode.term.types import Atom, Export, ImproperList, Term

if TYPE_CHECKING:
    from collections.abc import Callable

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
        self._readers: dict[str, Callable[[], Term]] = {
            '"': partial(binary_text, self.scanner),
            "'": partial(charlist_text, self.scanner),
            ":": self._atom,
            "[": self._list,
            "{": self._tuple,
            "%": self._map,
            "<": self._bits,
            "~": partial(sigil, self.scanner),
            "&": self._capture,
            "#": self._hash,
            "?": partial(character, self.scanner),
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
            return scanner.atom(quoted_name(scanner, quote), start)
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
        fields = atom_keys({"first": first, "last": last, "step": step})
        return build_struct(scanner, "Elixir.Range", fields, start)

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
        if not is_quoted_key(scanner.text, start):
            return _NO_KEY
        name = quoted_name(scanner, scanner.text[start])
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
        if module is None:
            return build_map(scanner, pairs, start)
        return build_struct(scanner, module, pairs, start)

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
        return build_struct(scanner, "Elixir.MapSet", atom_keys({"map": members_map}), start)

    def _decimal(self, start: int) -> Term:
        scanner = self.scanner
        if not scanner.at('"'):
            scanner.unexpected("a decimal number in quotes")
        text = binary_text(scanner)
        scanner.expect(")")
        fields = _structs.read_decimal(text.decode(errors="replace"))
        if fields is None:
            scanner.refuse("Decimal.new(...) has no decimal number", start)
        return build_struct(scanner, "Elixir.Decimal", atom_keys(fields), start)

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
            binary_text(scanner)
            if first == '"'
            else character(scanner)
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
            name = quoted_name(scanner, scanner.text[place])
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
            name = (lambda: quoted_name(scanner, '"')) if quoted else None
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


class _NoKey:
    """The type of _NO_KEY; no term is of it."""


_NO_KEY = _NoKey()
