"""The value types that nearly every message holds: the reference.

Their native twins are in `_native_types.pxi`; `types.py` takes the ones that go with the
codec, and has the types that come seldom.

Proof: tests/term/test_types.py.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from pyerlnode.errors import TermEncodeError, UsageError

__all__ = ["Atom", "Immutable", "ImproperList", "Pid", "Port", "Reference", "known_atom"]


def _refuse(obj: object) -> NoReturn:
    raise AttributeError(f"{type(obj).__name__} is immutable")


class Immutable:
    """Refuses assignment; subclasses fill their slots through the descriptors.

    Assigning through a captured `__set__` takes half the time of
    `object.__setattr__`, and a pid is made for nearly every message.
    """

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        _refuse(self)

    def __delattr__(self, name: str) -> NoReturn:
        _refuse(self)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self


class Atom(str):
    """An atom: interned text, equal to the same `str`.

    `Atom("ok") == "ok"`, so `case "ok":` matches it; when it is encoded, and in
    `term.equal`, its type tells it from text.  Atoms are never forgotten, as on a
    BEAM, so at most `TABLE_LIMIT` exist; making one more is a UsageError.  More than
    `MAX` code points, or text that has no UTF-8 form, is a TermEncodeError.

    The atoms `true`, `false` and `nil` decode to True, False and None; `Atom("true")`
    encodes to the same bytes as True.
    """

    __slots__ = ("_wire",)

    MAX: ClassVar[int] = 255
    TABLE_LIMIT: ClassVar[int] = 1_048_576

    _wire: bytes

    def __new__(cls, text: str) -> Atom:
        found = _atoms.get(text)
        return found if found is not None else _intern(text)

    def __repr__(self) -> str:
        return f"Atom({str(self)!r})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        _refuse(self)

    def __delattr__(self, name: str) -> NoReturn:
        _refuse(self)

    def __reduce__(self) -> tuple[type[Atom], tuple[str]]:
        return (Atom, (str(self),))

    def __copy__(self) -> Atom:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Atom:
        return self


_atoms: dict[str, Atom] = {}
_set_wire = Atom.__dict__["_wire"].__set__


def known_atom(text: str) -> Atom | None:
    """The atom with this text, where it exists already."""
    return _atoms.get(text)


def _intern(text: str) -> Atom:
    if not isinstance(text, str):
        raise TermEncodeError(f"an atom is made from text, not from {type(text).__name__}")
    if len(text) > Atom.MAX:
        raise TermEncodeError(f"atom of {len(text)} characters, at most {Atom.MAX} are possible")
    if len(_atoms) >= Atom.TABLE_LIMIT:
        raise UsageError(f"the atom table is full ({Atom.TABLE_LIMIT}), no room for {text[:40]!r}")
    text = str(text)
    atom = str.__new__(Atom, text)
    _set_wire(atom, _atom_wire(text))
    # Two threads may get here with the same text; both must leave with the same atom.
    return _atoms.setdefault(text, atom)


def _atom_wire(text: str) -> bytes:
    """The atom's external form: SMALL_ATOM_UTF8_EXT, or ATOM_UTF8_EXT beyond 255 bytes."""
    try:
        utf8 = text.encode()
    except UnicodeEncodeError as error:
        raise TermEncodeError(f"atom {text!r} has no UTF-8 form: {error.reason}") from None
    if len(utf8) < 256:
        return bytes((119, len(utf8))) + utf8
    return b"\x76" + len(utf8).to_bytes(2, "big") + utf8


class Pid(Immutable):
    """A process: node, and `id`, `serial`, `creation` of 32 bits each.

    `str(pid)` is `#PID<kate@localhost.105.0>`.
    """

    __slots__ = ("creation", "id", "node", "serial")
    __match_args__ = ("node", "id", "serial", "creation")

    node: Atom
    id: int
    serial: int
    creation: int

    def __init__(self, node: str, id: int, serial: int, creation: int) -> None:
        _pid_node(self, node if type(node) is Atom else Atom(node))
        _pid_id(self, id)
        _pid_serial(self, serial)
        _pid_creation(self, creation)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Pid:
            return NotImplemented
        return (
            self.id == other.id
            and self.serial == other.serial
            and self.creation == other.creation
            and self.node == other.node
        )

    def __hash__(self) -> int:
        return hash((self.id, self.serial, self.creation, self.node))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Pid, (self.node, self.id, self.serial, self.creation))

    def __repr__(self) -> str:
        return f"Pid({str(self.node)!r}, {self.id}, {self.serial}, {self.creation})"

    def __str__(self) -> str:
        return f"#PID<{self.node}.{self.id}.{self.serial}>"


_pid_node = Pid.__dict__["node"].__set__
_pid_id = Pid.__dict__["id"].__set__
_pid_serial = Pid.__dict__["serial"].__set__
_pid_creation = Pid.__dict__["creation"].__set__


class Port(Immutable):
    """A port: node, `id` of 64 bits, `creation` of 32.  `str(port)` is `#Port<kate@localhost.6>`."""

    __slots__ = ("creation", "id", "node")
    __match_args__ = ("node", "id", "creation")

    node: Atom
    id: int
    creation: int

    def __init__(self, node: str, id: int, creation: int) -> None:
        _port_node(self, node if type(node) is Atom else Atom(node))
        _port_id(self, id)
        _port_creation(self, creation)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Port:
            return NotImplemented
        return self.id == other.id and self.creation == other.creation and self.node == other.node

    def __hash__(self) -> int:
        return hash((self.id, self.creation, self.node, "port"))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Port, (self.node, self.id, self.creation))

    def __repr__(self) -> str:
        return f"Port({str(self.node)!r}, {self.id}, {self.creation})"

    def __str__(self) -> str:
        return f"#Port<{self.node}.{self.id}>"


_port_node = Port.__dict__["node"].__set__
_port_id = Port.__dict__["id"].__set__
_port_creation = Port.__dict__["creation"].__set__


class Reference(Immutable):
    """A reference: node, `creation`, and up to five `words` of 32 bits, in the order of the wire.

    `str(ref)` is `#Reference<kate@localhost.3.2.1>`: the words from last to first, as
    Erlang prints them.
    """

    __slots__ = ("creation", "node", "words")
    __match_args__ = ("node", "creation", "words")

    node: Atom
    creation: int
    words: tuple[int, ...]

    def __init__(self, node: str, creation: int, words: tuple[int, ...]) -> None:
        _ref_node(self, node if type(node) is Atom else Atom(node))
        _ref_creation(self, creation)
        _ref_words(self, words if type(words) is tuple else tuple(words))

    def __eq__(self, other: object) -> bool:
        if type(other) is not Reference:
            return NotImplemented
        return (
            (self.words == other.words or self.significant() == other.significant())
            and self.creation == other.creation
            and self.node == other.node
        )

    def __hash__(self) -> int:
        return hash((self.significant(), self.creation, self.node))

    def significant(self) -> tuple[int, ...]:
        """The words without zeros at the end: a BEAM takes `1` and `1, 0, 0` for the same reference."""
        words = self.words
        while words and words[-1] == 0:
            words = words[:-1]
        return words

    def __reduce__(self) -> tuple[Any, ...]:
        return (Reference, (self.node, self.creation, self.words))

    def __repr__(self) -> str:
        return f"Reference({str(self.node)!r}, {self.creation}, {self.words})"

    def __str__(self) -> str:
        return f"#Reference<{'.'.join([str(self.node), *map(str, reversed(self.words))])}>"


_ref_node = Reference.__dict__["node"].__set__
_ref_creation = Reference.__dict__["creation"].__set__
_ref_words = Reference.__dict__["words"].__set__


class ImproperList(Immutable):
    """A list that does not end in `[]`: `ImproperList([1, 2], 3)` is Erlang's `[1, 2 | 3]`.

    `elements` becomes a tuple of at least one; an improper list as the tail is joined
    (`[1 | [2 | 3]]` is `[1, 2 | 3]`); a list as the tail is a TermEncodeError, since
    the whole would be an ordinary list.
    """

    __slots__ = ("elements", "tail")
    __match_args__ = ("elements", "tail")

    elements: tuple[Any, ...]
    tail: Any

    def __init__(self, elements: tuple[Any, ...] | list[Any], tail: Any) -> None:
        elements = tuple(elements)
        if isinstance(tail, ImproperList):
            elements, tail = elements + tail.elements, tail.tail
        if not elements:
            raise TermEncodeError("an improper list without elements is its tail")
        if isinstance(tail, list):
            raise TermEncodeError("an improper list with a list as its tail is a proper list")
        _improper_elements(self, elements)
        _improper_tail(self, tail)

    def __eq__(self, other: object) -> bool:
        if type(other) is not ImproperList:
            return NotImplemented
        return bool(self.elements == other.elements and self.tail == other.tail)

    def __hash__(self) -> int:
        return hash((self.elements, self.tail, "improper"))

    def __reduce__(self) -> tuple[Any, ...]:
        return (ImproperList, (self.elements, self.tail))

    def __repr__(self) -> str:
        return f"ImproperList({list(self.elements)!r}, {self.tail!r})"


_improper_elements = ImproperList.__dict__["elements"].__set__
_improper_tail = ImproperList.__dict__["tail"].__set__
