"""`inspect/2`: a term as Elixir writes it, with the options that people use.

`limit` (50 elements, less for each that came before), `printable_limit`, `charlists`, `binaries`,
`base`; `pretty` and `width`: the text is one line, but that of `IO.inspect`, whose lines have 80.

Source: inspect.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyerlnode.services.evaluator.stdlib.elixir.layout import ARROW, OPENING, SEPARATOR, TAIL, laid_out
from pyerlnode.services.evaluator.stdlib.elixir.support import field, is_struct, option, truthy
from pyerlnode.term import Atom, Term
from pyerlnode.term.text._elixir_print import ElixirPrinter
from pyerlnode.term.text._render import DONE, Shown, render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyerlnode.term.text._render import Pieces

LIMIT: Final = 50
PRINTABLE: Final = 4096  # characters of a text
WIDTH: Final = 80
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
        printable = option(options, "printable_limit", PRINTABLE)
        self._printable: int | None = None if printable is _INFINITY else printable
        self._binaries = option(options, "binaries")
        self._base = _BASES.get(str(option(options, "base", "decimal")))
        lists = option(options, "charlists")
        self._charlists = lists not in _LISTS
        if self._base is not None:
            self._by_type[int] = self._based

    def _based(self, value: int) -> str:
        prefix, code = self._base or ("", "d")
        return f"{'-' if value < 0 else ''}{prefix}{abs(value):{code}}"

    def show(self, term: Term) -> Shown:
        """As ever, and no more elements than the limit lets."""
        shown = super().show(term)
        if isinstance(shown, str) or self._most is None:
            return shown
        return self._limited(shown[0], self._most), shown[1]

    def _limited(self, pieces: Pieces, left: int) -> Pieces:
        """Each element leaves less to those behind it, and to what is inside them."""
        for text, inner in pieces:
            if inner is not DONE and text not in (ARROW, TAIL):
                if left == 0:
                    *_, closing = (after for after, end in pieces if end is DONE)
                    opening = OPENING.match(text)
                    yield (opening[0] if opening else SEPARATOR) + "..." + closing, DONE
                    return
                left -= 1
            self._most = left
            yield text, inner

    def binary(self, term: bytes) -> str:
        if self._binaries is not _AS_BINARIES and self._base is None:
            text = super().binary(term if self._printable is None else term[: 4 * self._printable])
            if not text.startswith("<<"):
                return self._string(term)
        most = len(term) if self._most is None else self._most
        number = str if self._base is None else self._based
        more = ["..."] if len(term) > most else []
        return f"<<{', '.join([*map(number, term[:most]), *more])}>>"

    def _string(self, term: bytes) -> str:
        text = term.decode("utf-8", "replace")
        if self._printable is None or len(text) <= self._printable:
            return super().binary(term)
        return super().binary(text[: self._printable].encode()) + " <> ..."

    def proper_list(self, term: list[Term]) -> Shown:
        beginning = term if self._printable is None else term[: self._printable]
        shown = super().proper_list(beginning)
        if isinstance(shown, str):
            return shown if len(beginning) == len(term) else f"{shown} ++ ..."
        if self._most is None or len(term) <= self._most:
            return super().proper_list(term)
        # One more than is shown says that there are more.  It is no text, whatever its beginning is.
        charlists, self._charlists = self._charlists, False
        shown = super().proper_list(term[: self._most + 1])
        self._charlists = charlists
        return shown

    def map_term(self, term: Mapping[Term, Term]) -> Shown:
        if is_struct(term, "Regex"):
            return _regex_text(term)
        if is_struct(term, "Stream"):
            return "#Stream<[...]>"
        return super().map_term(term)


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
    """The text of a term; on one line unless the option `pretty` is true."""
    show = _Inspecting(options).show
    if not truthy(option(options, "pretty")):
        return render(term, show)
    width = option(options, "width", WIDTH)
    return render(term, show) if width is _INFINITY else laid_out(term, show, width)


def inspected_in_lines(term: Term, options: list[Term]) -> str:
    """The text of a term as `IO.inspect` prints it."""
    return inspected(term, [(Atom("pretty"), True), *options])
