"""The Erlang terms that Python has no type for.

Values are immutable, equal by value and hashable where their content is, so they work
as keys of a dict, in sets and in `match` statements.  What Python already has is used
as it is: int, float, bytes, list, tuple, dict, and True, False and None for the atoms
`true`, `false` and `nil`.  Maps whose keys a dict would merge are in `_map.py`.

Source: ERTS manual, "External Term Format", for the fields and their sizes.
Proof: tests/term/test_types.py.
"""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn, TypeAlias

from pyerlnode.errors import TermEncodeError, UsageError

__all__ = [
    "Atom",
    "BitString",
    "Export",
    "Fun",
    "ImproperList",
    "Pid",
    "Port",
    "Record",
    "Reference",
    "Term",
    "charlist",
]

# Whatever `encode` takes and `decode` gives.  A recursive union would say more, but a
# type checker could not use it: every access would need a cast.
Term: TypeAlias = Any


def _refuse(obj: object) -> NoReturn:
    raise AttributeError(f"{type(obj).__name__} is immutable")


class _Immutable:
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


def _atom(text: str) -> Atom:
    return text if type(text) is Atom else Atom(text)


class Pid(_Immutable):
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


class Port(_Immutable):
    """A port: node, `id` of 64 bits, `creation` of 32.  `str(port)` is `#Port<kate@localhost.6>`."""

    __slots__ = ("creation", "id", "node")
    __match_args__ = ("node", "id", "creation")

    node: Atom
    id: int
    creation: int

    def __init__(self, node: str, id: int, creation: int) -> None:
        _port_node(self, _atom(node))
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


class Reference(_Immutable):
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


class BitString(_Immutable):
    """Bits that are not whole bytes: `bits` (1 to 7) of the last byte of `data` count, from the top.

    The unused bits of the last byte are zero, whatever was given.  A whole number of
    bytes is `bytes`, so `bits` of 0 or 8 and empty `data` are a TermEncodeError.
    """

    __slots__ = ("bits", "data")
    __match_args__ = ("data", "bits")

    data: bytes
    bits: int

    def __init__(self, data: bytes, bits: int) -> None:
        if not 1 <= bits <= 7:
            raise TermEncodeError(f"a bitstring uses 1 to 7 bits of its last byte, not {bits}")
        if not data:
            raise TermEncodeError("a bitstring without a byte: use b''")
        last = data[-1] & (0xFF00 >> bits) & 0xFF
        _bits_data(self, bytes(data) if data[-1] == last else bytes(data[:-1]) + bytes((last,)))
        _bits_bits(self, bits)

    def __len__(self) -> int:
        """The number of bits."""
        return len(self.data) * 8 - 8 + self.bits

    def __eq__(self, other: object) -> bool:
        if type(other) is not BitString:
            return NotImplemented
        return self.bits == other.bits and self.data == other.data

    def __hash__(self) -> int:
        return hash((self.data, self.bits))

    def __reduce__(self) -> tuple[Any, ...]:
        return (BitString, (self.data, self.bits))

    def __repr__(self) -> str:
        return f"BitString({self.data!r}, {self.bits})"


_bits_data = BitString.__dict__["data"].__set__
_bits_bits = BitString.__dict__["bits"].__set__


class ImproperList(_Immutable):
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


class Export(_Immutable):
    """An external fun, `fun Module:Function/Arity` or `&Module.function/arity`; arity 0 to 255."""

    __slots__ = ("arity", "function", "module")
    __match_args__ = ("module", "function", "arity")

    module: Atom
    function: Atom
    arity: int

    def __init__(self, module: str, function: str, arity: int) -> None:
        # Arity 256 ends an OTP 27 node with a segmentation fault, so it cannot even be made.
        if not 0 <= arity <= 255:
            raise TermEncodeError(f"fun {module}:{function}/{arity}: the arity must be 0 to 255")
        _export_module(self, _atom(module))
        _export_function(self, _atom(function))
        _export_arity(self, arity)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Export:
            return NotImplemented
        return (self.module, self.function, self.arity) == (other.module, other.function, other.arity)

    def __hash__(self) -> int:
        return hash((self.module, self.function, self.arity))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Export, (self.module, self.function, self.arity))

    def __repr__(self) -> str:
        return f"Export({str(self.module)!r}, {str(self.function)!r}, {self.arity})"

    def __str__(self) -> str:
        return f"fun {self.module}:{self.function}/{self.arity}"


_export_module = Export.__dict__["module"].__set__
_export_function = Export.__dict__["function"].__set__
_export_arity = Export.__dict__["arity"].__set__


class Fun(_Immutable):
    """A closure, with every field of NEW_FUN_EXT.

    `module`, `index`, `uniq` (16 bytes, the module's MD5), `old_index` and `old_uniq`
    say which fun of the module's code it is, `free` holds the values that it closed
    over, `pid` the process that made it.  `raw` is the encoding it came in, tag first,
    and what it goes back as; None where it was made here, came with references to the
    atom cache, or inside more than eight other funs, and then the fields are encoded.

    Equal as in Erlang: the same code and the same values; `pid`, `old_index` and `raw`
    do not count.
    """

    __slots__ = ("arity", "free", "index", "module", "old_index", "old_uniq", "pid", "raw", "uniq")

    arity: int
    uniq: bytes
    index: int
    module: Atom
    old_index: int
    old_uniq: int
    pid: Pid
    free: tuple[Any, ...]
    raw: bytes | None

    def __init__(
        self,
        *,
        arity: int,
        uniq: bytes,
        index: int,
        module: str,
        old_index: int,
        old_uniq: int,
        pid: Pid,
        free: tuple[Any, ...],
        raw: bytes | None = None,
    ) -> None:
        if len(uniq) != 16:
            raise TermEncodeError(f"a fun's uniq has 16 bytes, not {len(uniq)}")
        values = (arity, bytes(uniq), index, _atom(module), old_index, old_uniq, pid, tuple(free), raw)
        for setter, value in zip(_fun_setters, values, strict=True):
            setter(self, value)

    def _code(self) -> tuple[Any, ...]:
        return (self.module, self.index, self.uniq, self.old_uniq, self.arity)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Fun:
            return NotImplemented
        return self._code() == other._code() and self.free == other.free

    def __hash__(self) -> int:
        return hash((self._code(), len(self.free)))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_fun_from, tuple(getattr(self, name) for name in _FUN_FIELDS))

    def __repr__(self) -> str:
        return f"<Fun {self.module}.{self.old_index}.{self.old_uniq}/{self.arity}>"


_FUN_FIELDS = ("arity", "uniq", "index", "module", "old_index", "old_uniq", "pid", "free", "raw")
_fun_setters = tuple(Fun.__dict__[name].__set__ for name in _FUN_FIELDS)


def _fun_from(*values: Any) -> Fun:
    return Fun(**dict(zip(_FUN_FIELDS, values, strict=True)))


class Record(_Immutable):
    """A native record of OTP 29: `#module:name{field = value, ...}`.

    `fields` holds (name, value) pairs in the order of the definition, no name twice;
    `flags` is the byte of the wire, 0 or 1: records that differ in it are not equal.
    """

    __slots__ = ("fields", "flags", "module", "name")
    __match_args__ = ("module", "name", "fields")

    module: Atom
    name: Atom
    fields: tuple[tuple[Atom, Any], ...]
    flags: int

    def __init__(self, module: str, name: str, fields: tuple[tuple[str, Any], ...], flags: int = 0) -> None:
        pairs = tuple((_atom(field), value) for field, value in fields)
        if len({field for field, _ in pairs}) != len(pairs):
            raise TermEncodeError(f"record {module}:{name} with a field named twice")
        if flags not in (0, 1):
            raise TermEncodeError(f"record {module}:{name}: flags are 0 or 1, not {flags}")
        _record_module(self, _atom(module))
        _record_name(self, _atom(name))
        _record_fields(self, pairs)
        _record_flags(self, flags)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Record:
            return NotImplemented
        return self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def _parts(self) -> tuple[Any, ...]:
        return (self.module, self.name, self.fields, self.flags)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Record, (self.module, self.name, self.fields, self.flags))

    def __repr__(self) -> str:
        fields = tuple((str(name), value) for name, value in self.fields)
        return f"Record({str(self.module)!r}, {str(self.name)!r}, {fields!r}, {self.flags})"


_record_module = Record.__dict__["module"].__set__
_record_name = Record.__dict__["name"].__set__
_record_fields = Record.__dict__["fields"].__set__
_record_flags = Record.__dict__["flags"].__set__


def charlist(text: str) -> list[int]:
    """The list of `text`'s code points: an Erlang string, Elixir's `~c"..."`."""
    return [ord(character) for character in text]
