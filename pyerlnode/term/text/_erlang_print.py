"""Terms as `io_lib:format("~0tp")` of OTP 27 writes them under `+pc unicode`: on one line, in full.

Differences from a BEAM: map pairs come in the order of their keys (`~0tkp`); pids, ports and
references name their node and creation (see `identifier_text`); names in `fun m:f/1` are
Unicode, where `~tp` of OTP 25 to 29 writes the bytes of their UTF-8 form.

Proof: tests/term/test_text_golden.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.term.text import _quote
from pyerlnode.term.text._printer import Printer
from pyerlnode.term.text._render import (
    DONE,
    NodeNumber,
    Pieces,
    Shown,
    identifier_text,
    render,
    separated,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyerlnode.term.types import BitString, Export, Fun, ImproperList, Pid, Port, Record, Reference, Term

__all__ = ["ErlangPrinter", "to_erlang"]


def to_erlang(
    term: Term, *, strings: bool = True, node_number: NodeNumber | None = None, limit: int | None = None
) -> str:
    """The text of `term` in Erlang's notation, without line breaks and in full.

    With a `limit` it is as `to_elixir` says.

    With `strings` lists and binaries of printable characters are text (`"abc"`, `<<"abc">>`,
    as `~tp`), else numbers (as `~tw`).  Pids, ports and references are written
    `<kate@localhost.105.0/1795232319>`, which `parse_erlang` reads back; where
    `node_number` gives an int for one, that int stands in place of the node's name, as
    on a BEAM: `<0.105.0>`.  What is no term raises TermEncodeError.
    """
    return render(term, ErlangPrinter(node_number, strings=strings, limit=limit).show, limit)


class ErlangPrinter(Printer):
    """One printing in Erlang's notation."""

    hexadecimal = "16#"

    def __init__(self, node_number: NodeNumber | None, *, strings: bool, limit: int | None = None) -> None:
        super().__init__(node_number, limit)
        self._strings = strings

    def atom(self, term: str) -> str:
        return _quote.erlang_atom(term)

    def binary(self, term: bytes) -> str:
        text = _binary_text(term) if self._strings and term else None
        return f"<<{text if text is not None else ','.join(map(str, term))}>>"

    def bits(self, term: BitString) -> str:
        whole = "".join(f"{octet}," for octet in term.data[:-1])
        return f"<<{whole}{term.data[-1] >> (8 - term.bits)}:{term.bits}>>"

    def proper_list(self, term: list[Term]) -> Shown:
        if not term:
            return "[]"
        text = _list_text(term) if self._strings else None
        return text if text is not None else (separated("[", term, ",", "]"), self.show)

    def tuple_term(self, term: tuple[Term, ...]) -> Shown:
        return separated("{", term, ",", "}"), self.show

    def improper_list(self, term: ImproperList) -> Shown:
        return self._improper(term), self.show

    def _improper(self, term: ImproperList) -> Pieces:
        before = "["
        for item in term.elements:
            yield before, item
            before = ","
        yield "|", term.tail
        yield "]", DONE

    def map_term(self, term: Mapping[Term, Term]) -> Shown:
        return self._map(self.pairs(term)), self.show

    def _map(self, pairs: Iterable[tuple[Term, Term]]) -> Pieces:
        before = opening = "#{"
        for key, value in pairs:
            yield before, key
            yield " => ", value
            before = ","
        yield "#{}" if before is opening else "}", DONE

    def record(self, term: Record) -> Shown:
        return self._record(term), self.show

    def _record(self, term: Record) -> Pieces:
        opening = before = f"#{self.atom(term.module)}:{self.atom(term.name)}{{"
        for name, value in term.fields:
            yield f"{before}{self.atom(name)} = ", value
            before = ","
        yield opening + "}" if before is opening else "}", DONE

    def pid(self, term: Pid) -> str:
        return f"<{self._identifier(term, (term.id, term.serial))}>"

    def port(self, term: Port) -> str:
        return f"#Port<{self._identifier(term, (term.id,))}>"

    def reference(self, term: Reference) -> str:
        return f"#Ref<{self._identifier(term, reversed(term.words))}>"

    def _identifier(self, term: Pid | Port | Reference, numbers: Iterable[int]) -> str:
        return identifier_text(term, numbers, lambda text: _quote.erlang_quoted(text, "'"), self.node_number)

    def export(self, term: Export) -> str:
        return f"fun {_quote.erlang_name(term.module)}:{_quote.erlang_name(term.function)}/{term.arity}"

    def fun(self, term: Fun) -> str:
        return f"#Fun<{term.module}.{term.old_index}.{term.old_uniq}>"


def _binary_text(data: bytes) -> str | None:
    """`"abc"` or `"ü"/utf8` where `~tp` shows text; Latin-1 only where it is no UTF-8."""
    if data.isascii():
        return _quote.erlang_quoted(data.decode(), '"') if _quote.erlang_latin_prints(data) else None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _quote.erlang_quoted(data.decode("latin-1"), '"') if _quote.erlang_latin_prints(data) else None
    return _quote.erlang_quoted(text, '"') + "/utf8" if _quote.erlang_prints(text) else None


def _list_text(term: list[Term]) -> str | None:
    if not all(type(char) is int and 8 <= char <= 0x10FFFF for char in term):
        return None
    text = "".join(map(chr, term))
    return _quote.erlang_quoted(text, '"') if _quote.erlang_prints(text) else None
