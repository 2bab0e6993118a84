"""The choice of what prints a term, for both notations: by its Python type, or a base of it.

A namedtuple is a tuple, a defaultdict a map, an IntEnum an integer, a registered dataclass the
struct that it stands for, as in `encode`.  Proof: tests/term/test_text_elixir.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pyerlnode.errors import TermEncodeError
from pyerlnode.term._encode import SHAPES
from pyerlnode.term._map import Map
from pyerlnode.term.text._render import (
    NodeNumber,
    Show,
    Shown,
    first_pairs,
    float_text,
    int_text,
    sorted_pairs,
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
    from collections.abc import Mapping

__all__ = ["Printer"]


class Printer(ABC):
    """One printing; a notation's subclass has a method for each kind of term."""

    #: what stands before hexadecimal digits
    hexadecimal: ClassVar[str]

    def __init__(self, node_number: NodeNumber | None, limit: int | None = None) -> None:
        """With a `limit` each term shows at least so many characters of its text, or all."""
        self.node_number = node_number
        self.limit = limit
        self._by_type: dict[type, Show] = {
            Atom: self.atom,
            bool: self._bool,
            type(None): self._none,
            int: self._int,
            float: self.float,
            bytes: self.binary,
            bytearray: self._octets,
            memoryview: self._octets,
            str: self._text,
            list: self.proper_list,
            tuple: self.tuple_term,
            dict: self.map_term,
            Map: self.map_term,
            BitString: self.bits,
            ImproperList: self.improper_list,
            Pid: self.pid,
            Port: self.port,
            Reference: self.reference,
            Export: self.export,
            Fun: self.fun,
            Record: self.record,
        }

    def show(self, term: Term) -> Shown:
        """The text of `term`, or its pieces; TermEncodeError where it is no term."""
        if self.limit is not None:
            term = _beginning(term, self.limit)
        shower = self._by_type.get(type(term))
        return shower(term) if shower is not None else self._resolve(term)

    def pairs(self, term: Mapping[Term, Term]) -> list[tuple[Term, Term]]:
        """The pairs of a map, in the order in which they are shown."""
        return sorted_pairs(term.items()) if self.limit is None else first_pairs(term.items(), self.limit)

    def _resolve(self, term: Term) -> Shown:
        for base in type(term).__mro__:
            if base in SHAPES:
                return self.shaped(SHAPES[base](term))
            if base in self._by_type:
                return self._by_type[base](term)
        raise TermEncodeError(f"no Erlang term for an object of type {type(term).__name__}")

    def _int(self, value: int) -> str:
        bits = value.bit_length()
        if self.limit is None or bits <= 4 * self.limit:
            return int_text(value)
        # The first decimal digits are known only when all are.
        left_out = -(-bits // 4) - self.limit
        digits = f"{abs(value) >> 4 * left_out:X}"
        return f"{'-' if value < 0 else ''}{self.hexadecimal}{digits}"

    def float(self, term: float) -> str:
        """The shortest digits that give the number back."""
        return float_text(term)

    def _bool(self, value: bool) -> str:
        return self.atom("true" if value else "false")

    def _none(self, value: None) -> str:
        return self.atom("nil")

    def _octets(self, value: bytearray | memoryview) -> str:
        return self.binary(bytes(value))

    def _text(self, value: str) -> str:
        try:
            return self.binary(value.encode())
        except UnicodeEncodeError as error:
            raise TermEncodeError(f"text without a UTF-8 form: {error.reason} at {error.start}") from None

    def shaped(self, fields: dict[Term, Term]) -> Shown:
        """The map that an object stands for; its keys have the order of its class."""
        return self.map_term(fields)

    @abstractmethod
    def atom(self, term: str) -> str: ...

    @abstractmethod
    def binary(self, term: bytes) -> str: ...

    @abstractmethod
    def bits(self, term: BitString) -> str: ...

    @abstractmethod
    def proper_list(self, term: list[Term]) -> Shown: ...

    @abstractmethod
    def tuple_term(self, term: tuple[Term, ...]) -> Shown: ...

    @abstractmethod
    def map_term(self, term: Mapping[Term, Term]) -> Shown: ...

    @abstractmethod
    def improper_list(self, term: ImproperList) -> Shown: ...

    @abstractmethod
    def pid(self, term: Pid) -> str: ...

    @abstractmethod
    def port(self, term: Port) -> str: ...

    @abstractmethod
    def reference(self, term: Reference) -> str: ...

    @abstractmethod
    def export(self, term: Export) -> str: ...

    @abstractmethod
    def fun(self, term: Fun) -> str: ...

    @abstractmethod
    def record(self, term: Record) -> Shown: ...


def _beginning(term: Term, limit: int) -> Term:
    """`term`, or so much of it that its text has the same first `limit` characters.

    Whether bytes, or a list of integers, are shown as text is decided by what is left of them.
    """
    kind = type(term)
    if kind is list or kind is str:
        return term if len(term) <= limit else term[:limit]
    if kind is bytes:
        return term if len(term) <= 4 * limit else _whole_characters(term[: 4 * limit])
    if kind is BitString and len(term.data) > limit:
        return term.data[:limit]
    return term


def _whole_characters(data: bytes) -> bytes:
    """Without the UTF-8 character at the end that was cut through."""
    for end in range(len(data) - 1, len(data) - 4, -1):
        if data[end] & 0xC0 != 0x80:
            return data[:end] if data[end] >= 0xC0 else data
    return data
