"""Terms as `inspect/1` of Elixir 1.18 writes them, on one line and in full.

Differences from a BEAM, each because a BEAM writes what only that node can read:
map pairs come in the order of their keys (`custom_options: [sort_maps: true]`); pids, ports and
references name their node and creation (see `identifier_text`); a struct is written as
`%Module{}` whether or not somebody has the module loaded.

Proof: tests/term/test_text_golden.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.term.text import _quote, _structs
from pyerlnode.term.text._erlang_print import ErlangPrinter
from pyerlnode.term.text._printer import Printer
from pyerlnode.term.text._render import (
    DONE,
    NodeNumber,
    Pieces,
    Shown,
    float_text,
    identifier_text,
    render,
    separated,
)
from pyerlnode.term.types import (
    Atom,
    BitString,
    Export,
    Fun,
    ImproperList,
    Pid,
    Port,
    Record,
    Reference,
    Term,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["to_elixir"]


def to_elixir(term: Term, *, node_number: NodeNumber | None = None, limit: int | None = None) -> str:
    """The text of `term` in Elixir's notation, without line breaks and in full.

    With a `limit` only the first so many characters, then `...`: for the time that this takes,
    and its memory, the rest of the term does not count.  Such a text is for people: of
    maps it shows pairs in any order, a large integer in hexadecimal.

    Pids, ports and references are written `#PID<kate@localhost.105.0/1795232319>`, which
    `parse_elixir` reads back; where `node_number` gives an int for one, that int stands in
    place of the node's name, as on a BEAM: `#PID<0.105.0>`.  What is no term raises
    TermEncodeError.
    """
    return render(term, ElixirPrinter(node_number, limit).show, limit)


class ElixirPrinter(Printer):
    """One printing in Elixir's notation."""

    hexadecimal = "0x"

    def __init__(self, node_number: NodeNumber | None, limit: int | None = None) -> None:
        super().__init__(node_number, limit)
        # Inside MapSet.new(...) `inspect/1` writes no charlists.
        self._charlists = True

    def float(self, term: float) -> str:
        # Elixir writes whole numbers below 1.0e16 in full where Erlang prefers the exponent.
        return f"{int(term)}.0" if 1.0 <= abs(term) < 1.0e16 and term == int(term) else float_text(term)

    def atom(self, term: str) -> str:
        return _quote.elixir_atom(term)

    def binary(self, term: bytes) -> str:
        try:
            text = term.decode()
        except UnicodeDecodeError:
            return f"<<{', '.join(map(str, term))}>>"
        return (
            _quote.elixir_quoted(text) if _quote.elixir_prints(text) else f"<<{', '.join(map(str, term))}>>"
        )

    def bits(self, term: BitString) -> str:
        whole = "".join(f"{octet}, " for octet in term.data[:-1])
        return f"<<{whole}{term.data[-1] >> (8 - term.bits)}::size({term.bits})>>"

    def proper_list(self, term: list[Term]) -> Shown:
        if not term:
            return "[]"
        if self._charlists and _quote.elixir_charlist_prints(term):
            return "~c" + _quote.elixir_quoted("".join(map(chr, term)))
        if all(type(item) is tuple and len(item) == 2 and _is_key(item[0]) for item in term):
            return _keywords("[", term, "]"), self.show
        return separated("[", term, ", ", "]"), self.show

    def tuple_term(self, term: tuple[Term, ...]) -> Shown:
        return separated("{", term, ", ", "}"), self.show

    def improper_list(self, term: ImproperList) -> Shown:
        return self._improper(term), self.show

    def _improper(self, term: ImproperList) -> Pieces:
        before = "["
        for item in term.elements:
            yield before, item
            before = ", "
        yield " | ", term.tail
        yield "]", DONE

    def map_term(self, term: Mapping[Term, Term]) -> Shown:
        struct = _structs.struct_of(term)
        if struct is not None:
            module, fields = struct
            return self._struct(module, dict(sorted(fields.items())))
        pairs = self.pairs(term)
        if all(_is_key(key) for key, _ in pairs):
            return _keywords("%{", pairs, "}"), self.show
        return _arrows(pairs), self.show

    def shaped(self, fields: dict[Term, Term]) -> Shown:
        struct = _structs.struct_of(fields)
        return self._struct(*struct) if struct is not None else self.map_term(fields)

    def _struct(self, module: str, fields: dict[str, Term]) -> Shown:
        text = _structs.sigil_text(module, fields)
        if text is not None:
            return text
        if _structs.is_map_set(module, fields):
            return self._map_set([key for key, _ in self.pairs(fields["map"])]), self.show
        optional = _structs.optional_fields(module)
        if not optional.keys() <= fields.keys():
            # Read back, %Module{} would have them; a BEAM, too, shows what is incomplete as a map.
            fields = {**fields, "__struct__": Atom(module)}
            return _keywords("%{", [(Atom(name), fields[name]) for name in sorted(fields)], "}"), self.show
        for name, value in optional.items():
            if type(fields[name]) is type(value) and fields[name] == value:
                del fields[name]
        pairs = [(Atom(name), fields[name]) for name in _structs.field_order(module, fields)]
        return _keywords(f"%{self.atom(module)}{{", pairs, "}"), self.show

    def _map_set(self, members: Iterable[Term]) -> Pieces:
        charlists, self._charlists = self._charlists, False
        yield from separated("MapSet.new([", members, ", ", "])")
        self._charlists = charlists

    def pid(self, term: Pid) -> str:
        return f"#PID<{self._identifier(term, (term.id, term.serial))}>"

    def port(self, term: Port) -> str:
        return f"#Port<{self._identifier(term, (term.id,))}>"

    def reference(self, term: Reference) -> str:
        return f"#Reference<{self._identifier(term, reversed(term.words))}>"

    def _identifier(self, term: Pid | Port | Reference, numbers: Iterable[int]) -> str:
        return identifier_text(term, numbers, _quote.elixir_quoted, self.node_number)

    def export(self, term: Export) -> str:
        return f"&{self.atom(term.module)}.{_quote.elixir_function(term.function)}/{term.arity}"

    def fun(self, term: Fun) -> str:
        # The function around it is known to the module's code only, but everybody meets those of a shell.
        parent = ".expr/6" if term.module == "erl_eval" else ""
        return f"#Function<{term.index}.{term.old_uniq}/{term.arity} in {self.atom(term.module)}{parent}>"

    def record(self, term: Record) -> Shown:
        # Elixir has no notation for native records: 1.20 leaves them to Erlang, contents included.
        return ErlangPrinter(self.node_number, strings=True, limit=self.limit).show(term)


def _is_key(term: Term) -> bool:
    """Whether this can be written as `key: `, which Elixir does for every atom but aliases."""
    return (
        term is None
        or term is True
        or term is False
        or (isinstance(term, Atom) and not term.startswith("Elixir."))
    )


def _key(term: Term) -> str:
    if isinstance(term, Atom):
        return _quote.elixir_key(term)
    return "nil: " if term is None else "true: " if term else "false: "


def _keywords(opening: str, pairs: Iterable[tuple[Term, Term]], closing: str) -> Pieces:
    before = opening
    for key, value in pairs:
        yield before + _key(key), value
        before = ", "
    yield opening + closing if before is opening else closing, DONE


def _arrows(pairs: list[tuple[Term, Term]]) -> Iterator[tuple[str, Term]]:
    before = "%{"
    for key, value in pairs:
        yield before, key
        yield " => ", value
        before = ", "
    yield "}", DONE
