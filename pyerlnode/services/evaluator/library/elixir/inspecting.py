"""`inspect/2`: a term as Elixir writes it, with the options that people use.

`limit` (50 elements of a list, a tuple or a map), `charlists`, `binaries`, `base`.  The text is one line.

Source: inspect.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_library_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyerlnode.services.evaluator.library.elixir.support import field, is_struct, option
from pyerlnode.term import Atom, Term
from pyerlnode.term.text._elixir_print import ElixirPrinter
from pyerlnode.term.text._render import Shown, render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LIMIT: Final = 50
_INFINITY = Atom("infinity")
_AS_BINARIES = Atom("as_binaries")
_LISTS: Final = ("as_lists", "as_list")
_BASES: Final = {"hex": ("0x", "X"), "octal": ("0o", "o"), "binary": ("0b", "b")}


class _Inspecting(ElixirPrinter):
    """One printing, with these options."""

    def __init__(self, options: Term) -> None:
        super().__init__(None)
        limit = option(options, "limit", LIMIT)
        self._most: int | None = None if limit is _INFINITY else limit
        self._binaries = option(options, "binaries")
        self._base = _BASES.get(str(option(options, "base", "decimal")))
        lists = option(options, "charlists")
        self._charlists = lists not in _LISTS
        if self._base is not None:
            self._by_type[int] = self._based

    def _based(self, value: int) -> str:
        prefix, code = self._base or ("", "d")
        return f"{'-' if value < 0 else ''}{prefix}{abs(value):{code}}"

    def binary(self, term: bytes) -> str:
        if self._binaries is _AS_BINARIES:
            return f"<<{', '.join(map(str, term))}>>"
        return super().binary(term)

    def _cut(self, items: list[Term] | tuple[Term, ...]) -> bool:
        return self._most is not None and len(items) > self._most

    def proper_list(self, term: list[Term]) -> Shown:
        shown = super().proper_list(term) if not self._cut(term) else None
        if shown is not None:
            return shown
        # As a text, or a keyword list, too: only what is cut differs.
        head = super().proper_list(term[: self._most])
        return head + " ++ ..." if isinstance(head, str) else (_and_more(head[0], "]"), self.show)

    def tuple_term(self, term: tuple[Term, ...]) -> Shown:
        if not self._cut(term):
            return super().tuple_term(term)
        head = super().tuple_term(term[: self._most])
        return head if isinstance(head, str) else (_and_more(head[0], "}"), self.show)

    def map_term(self, term: Mapping[Term, Term]) -> Shown:
        if is_struct(term, "Regex"):
            return _regex_text(term)
        if is_struct(term, "Stream"):
            return "#Stream<[...]>"
        return super().map_term(term)


def _and_more(pieces: Iterator[tuple[str, Term]], closing: str) -> Iterator[tuple[str, Term]]:
    """The same pieces, with `...` before the closing bracket."""
    for text, term in pieces:
        yield (f", ...{closing}" if text == closing else text), term


def _regex_text(term: Term) -> str:
    source, options = field(term, "source"), field(term, "opts")
    letters = {
        "caseless": "i",
        "unicode": "u",
        "dotall": "s",
        "multiline": "m",
        "extended": "x",
        "ungreedy": "U",
    }
    flags = options.decode() if isinstance(options, bytes) else ""
    if isinstance(options, list):
        flags = "".join(letters.get(name, "") for name in options if isinstance(name, str))
    text = source.decode("utf-8", "replace") if isinstance(source, bytes) else ""
    return f"~r/{text.replace('/', chr(92) + '/')}/{flags}"


def inspected(term: Term, options: Term) -> str:
    """The text of a term."""
    return render(term, _Inspecting(options).show)
