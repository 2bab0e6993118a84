"""The Erlang terms that Python has no type for.

Values are immutable, equal by value and hashable where their content is, so they work
as keys of a dict, in sets and in `match` statements.  What Python already has is used
as it is: int, float, bytes, list, tuple, dict, and True, False and None for the atoms
`true`, `false` and `nil`.  Maps whose keys a dict would merge are in `_map.py`.

Atom, ImproperList, Pid, Port and Reference are those of the codec that runs.

Source: ERTS manual, "External Term Format", for the fields and their sizes.
Proof: tests/term/test_types.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from pyerlnode.errors import TermEncodeError
from pyerlnode.term._choice import native
from pyerlnode.term._types import Immutable

if TYPE_CHECKING or native is None:
    from pyerlnode.term._types import Atom, ImproperList, Pid, Port, Reference, known_atom

    # A value that was pickled with one codec is read with the other.
    for _kind in (Atom, ImproperList, Pid, Port, Reference):
        _kind.__module__ = __name__
else:
    Atom, ImproperList, known_atom = native.Atom, native.ImproperList, native.known_atom
    Pid, Port, Reference = native.Pid, native.Port, native.Reference

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
    "known_atom",
]

# Whatever `encode` takes and `decode` gives.  A recursive union would say more, but a
# type checker could not use it: every access would need a cast.
Term: TypeAlias = Any


def _atom(text: str) -> Atom:
    return text if type(text) is Atom else Atom(text)


class BitString(Immutable):
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


class Export(Immutable):
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


class Fun(Immutable):
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


class Record(Immutable):
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
