"""Reading one term that has no terms inside: a function for each tag, in a table of 256.

Each is given the data, the position behind the tag and the context, and gives the value
and the position behind it.  Data that end too early raise IndexError or struct.error
where that comes by itself; the loop in `_decode.py` makes a TermDecodeError of them.

Source: ERTS manual, "External Term Format"; what OTP 27 refuses was measured.
Proof: tests/term/test_decode.py, test_golden.py, test_bad_bytes.py.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from pyerlnode.errors import TermDecodeError, TermLimitError, UsageError
from pyerlnode.term import tags
from pyerlnode.term.types import Atom, BitString, Export, Pid, Port, Reference, known_atom

if TYPE_CHECKING:
    from pyerlnode.term.limits import Limits

_u16 = struct.Struct(">H").unpack_from
u32 = struct.Struct(">I").unpack_from
_i32 = struct.Struct(">i").unpack_from
_double = struct.Struct(">d").unpack_from
_three = struct.Struct(">III").unpack_from
_port4 = struct.Struct(">II").unpack_from
_port8 = struct.Struct(">QI").unpack_from
_pid_old = struct.Struct(">IIB").unpack_from
_id_old = struct.Struct(">IB").unpack_from
# Creation and words of a reference, by their number: 4 or 1 bytes of creation.
_words = [struct.Struct(f">I{count}I").unpack_from for count in range(6)]
_old_words = [struct.Struct(f">B{count}I").unpack_from for count in range(6)]

# A comma is what the BEAM takes, too; what stands behind a zero byte is ignored.
_FLOAT_TEXT = re.compile(rb"[+-]?[0-9]+[.,][0-9]+(?:[eE][+-]?[0-9]+)?")


class Context:
    """What one term's functions share: settings, and what is left of the limits."""

    __slots__ = ("atoms", "cache_refs", "elements", "leaves", "limits", "new_atoms", "open_funs", "views")

    def __init__(
        self, atoms: Sequence[Atom], limits: Limits, text: bool = False, views: int | None = None
    ) -> None:
        self.atoms = atoms
        self.leaves = (TEXT_LEAVES if text else LEAVES) if views is None else VIEW_LEAVES[text]
        self.views = views or 0
        self.limits = limits
        self.elements = limits.elements
        self.new_atoms = limits.new_atoms
        self.cache_refs = 0
        self.open_funs = 0


Leaf: TypeAlias = Callable[[bytes, int, Context], "tuple[Any, int]"]


# --- refusals ------------------------------------------------------------------------


def refuse_tag(tag: int, pos: int) -> NoReturn:
    raise TermDecodeError(f"tag {tag} at byte {pos} is no term", offset=pos)


def refuse(message: str, pos: int) -> NoReturn:
    """Refuse the object whose tag stands at `pos - 1`."""
    raise TermDecodeError(f"{message} at byte {pos - 1}", offset=pos - 1)


def refuse_limit(limit: str, allowed: int, found: str, offset: int) -> NoReturn:
    raise TermLimitError(
        f"{found} at byte {offset}, the limit {limit} is {allowed}", offset=offset, limit=limit
    )


def _need(data: bytes, pos: int, end: int, name: str, start: int) -> None:
    """See that the bytes up to `end` are there; `start` is where the object's tag stands."""
    if end > len(data):
        raise TermDecodeError(
            f"{name} at byte {start}: {end - pos} bytes announced, {len(data) - pos} left", offset=start
        )


# --- atoms ---------------------------------------------------------------------------

_PYTHON: dict[Atom, bool | None] = {Atom("true"): True, Atom("false"): False, Atom("nil"): None}
# What the UTF-8 bytes of an atom decode to; bounded, as the table of atoms is.
_values: dict[bytes, Atom | bool | None] = {}
_MISSING: Any = object()


def _new_atom(octets: bytes, encoding: str, pos: int, context: Context) -> Atom:
    try:
        name = octets.decode(encoding)
    except UnicodeDecodeError as error:
        refuse(f"atom that is no UTF-8 ({error.reason})", pos)
    if len(name) > Atom.MAX:
        refuse(f"atom of {len(name)} characters, at most {Atom.MAX} are possible,", pos)
    atom = known_atom(name)
    if atom is None:
        context.new_atoms -= 1
        if context.new_atoms < 0:
            refuse_limit("new_atoms", context.limits.new_atoms, "one more new atom", pos - 1)
        try:
            atom = Atom(name)
        except UsageError as error:
            raise TermLimitError(str(error), offset=pos - 1, limit="Atom.TABLE_LIMIT") from None
    if encoding == "utf-8":
        _values[octets] = _PYTHON.get(atom, atom)
    return atom


def _atom_of(data: bytes, pos: int, begin: int, end: int, encoding: str, context: Context) -> Atom:
    _need(data, begin, end, "atom", pos - 1)
    return _new_atom(data[begin:end], encoding, pos, context)


def _leaf_small_atom_utf8(data: bytes, pos: int, context: Context) -> tuple[Any, int]:
    end = pos + 1 + data[pos]
    value = _values.get(data[pos + 1 : end], _MISSING)
    # Cut short, the name of a longer atom may be that of a known one.
    if value is not _MISSING and end <= len(data):
        return value, end
    atom = _atom_of(data, pos, pos + 1, end, "utf-8", context)
    return _PYTHON.get(atom, atom), end


def _atom_119(data: bytes, pos: int, context: Context) -> tuple[Atom, int]:
    end = pos + 1 + data[pos]
    known = _values.get(data[pos + 1 : end])
    if type(known) is Atom and end <= len(data):
        return known, end
    return _atom_of(data, pos, pos + 1, end, "utf-8", context), end


def _atom_118(data: bytes, pos: int, context: Context) -> tuple[Atom, int]:
    end = pos + 2 + _u16(data, pos)[0]
    return _atom_of(data, pos, pos + 2, end, "utf-8", context), end


def _atom_115(data: bytes, pos: int, context: Context) -> tuple[Atom, int]:
    end = pos + 1 + data[pos]
    return _atom_of(data, pos, pos + 1, end, "latin-1", context), end


def _atom_100(data: bytes, pos: int, context: Context) -> tuple[Atom, int]:
    end = pos + 2 + _u16(data, pos)[0]
    return _atom_of(data, pos, pos + 2, end, "latin-1", context), end


def _atom_82(data: bytes, pos: int, context: Context) -> tuple[Atom, int]:
    index = data[pos]
    if index >= len(context.atoms):
        refuse(f"ATOM_CACHE_REF {index} of {len(context.atoms)} atoms", pos)
    context.cache_refs += 1
    return context.atoms[index], pos + 1


_ATOMS: dict[int, Callable[[bytes, int, Context], tuple[Atom, int]]] = {
    tags.ATOM_CACHE_REF: _atom_82,
    tags.ATOM: _atom_100,
    tags.SMALL_ATOM: _atom_115,
    tags.ATOM_UTF8: _atom_118,
    tags.SMALL_ATOM_UTF8: _atom_119,
}


def read_atom(data: bytes, pos: int, context: Context) -> tuple[Atom, int]:
    """An atom where nothing else may stand: a node, a module, a function."""
    read = _ATOMS.get(data[pos])
    if read is None:
        raise TermDecodeError(f"tag {data[pos]} at byte {pos} where an atom is wanted", offset=pos)
    return read(data, pos + 1, context)


def _atom_leaf(read: Callable[[bytes, int, Context], tuple[Atom, int]]) -> Leaf:
    def leaf(data: bytes, pos: int, context: Context) -> tuple[Any, int]:
        atom, end = read(data, pos, context)
        return _PYTHON.get(atom, atom), end

    return leaf


# --- numbers -------------------------------------------------------------------------


def _read_small_integer(data: bytes, pos: int, context: Context) -> tuple[int, int]:
    return data[pos], pos + 1


def _read_integer(data: bytes, pos: int, context: Context) -> tuple[int, int]:
    return _i32(data, pos)[0], pos + 4


def _read_small_big(data: bytes, pos: int, context: Context) -> tuple[int, int]:
    return _read_big(data, pos, pos + 1, data[pos], context)


def _read_large_big(data: bytes, pos: int, context: Context) -> tuple[int, int]:
    return _read_big(data, pos, pos + 4, u32(data, pos)[0], context)


def _read_big(data: bytes, pos: int, sign: int, size: int, context: Context) -> tuple[int, int]:
    end = sign + 1 + size
    _need(data, sign + 1, end, "integer", pos - 1)
    if size > context.limits.integer_bytes:
        refuse_limit("integer_bytes", context.limits.integer_bytes, f"integer of {size} bytes", pos - 1)
    value = int.from_bytes(data[sign + 1 : end], "little")
    return (-value if data[sign] else value), end


def _read_new_float(data: bytes, pos: int, context: Context) -> tuple[float, int]:
    value: float = _double(data, pos)[0]
    if value - value != 0.0:
        refuse(f"float {value}", pos)
    return value, pos + 8


def _read_float_text(data: bytes, pos: int, context: Context) -> tuple[float, int]:
    _need(data, pos, pos + 31, "FLOAT", pos - 1)
    digits = data[pos : pos + 31].split(b"\0", 1)[0]
    if not _FLOAT_TEXT.fullmatch(digits):
        refuse(f"FLOAT with the text {digits!r}", pos)
    value = float(digits.replace(b",", b"."))
    if value - value != 0.0:
        refuse(f"FLOAT with the text {digits!r}", pos)
    return value, pos + 31


# --- binaries, strings ---------------------------------------------------------------


def _read_binary(data: bytes, pos: int, context: Context) -> tuple[bytes, int]:
    begin = pos + 4
    end = begin + u32(data, pos)[0]
    if end > len(data):
        _need(data, begin, end, "BINARY", pos - 1)
    return data[begin:end], end


def _as_text(octets: Any) -> Any:
    if type(octets) is not bytes:
        return octets
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets


def _read_text(data: bytes, pos: int, context: Context) -> tuple[str | bytes, int]:
    octets, end = _read_binary(data, pos, context)
    return _as_text(octets), end


def _read_view(data: bytes, pos: int, context: Context) -> tuple[bytes | memoryview, int]:
    if u32(data, pos)[0] < context.views:
        return _read_binary(data, pos, context)
    end = pos + 4 + u32(data, pos)[0]
    _need(data, pos + 4, end, "BINARY", pos - 1)
    return memoryview(data)[pos + 4 : end], end


def _read_view_text(data: bytes, pos: int, context: Context) -> tuple[str | bytes | memoryview, int]:
    octets, end = _read_view(data, pos, context)
    return _as_text(octets), end


def _read_bits(data: bytes, pos: int, context: Context) -> tuple[BitString | bytes, int]:
    size = u32(data, pos)[0]
    bits = data[pos + 4]
    end = pos + 5 + size
    _need(data, pos + 5, end, "BIT_BINARY", pos - 1)
    octets = data[pos + 5 : end]
    # Length and bits of 0: OTP 25 takes it, 27 refuses it, 28 ends.
    if not 1 <= bits <= 8 or not size:
        refuse(f"BIT_BINARY of {size} bytes with {bits} bits in the last", pos)
    return (octets if bits == 8 else BitString(octets, bits)), end


def _read_bits_text(data: bytes, pos: int, context: Context) -> tuple[BitString | bytes | str, int]:
    octets, end = _read_bits(data, pos, context)
    return _as_text(octets), end


def _read_nil(data: bytes, pos: int, context: Context) -> tuple[list[Any], int]:
    return [], pos


def read_string(data: bytes, pos: int, context: Context) -> tuple[list[int], int]:
    end = pos + 2 + _u16(data, pos)[0]
    _need(data, pos + 2, end, "STRING", pos - 1)
    context.elements -= end - pos - 2
    if context.elements < 0:
        refuse_limit("elements", context.limits.elements, "one more element", pos - 1)
    return list(data[pos + 2 : end]), end


# --- pids, ports, references, exports ------------------------------------------------


def read_new_pid(data: bytes, pos: int, context: Context) -> tuple[Pid, int]:
    node, pos = read_atom(data, pos, context)
    return Pid(node, *_three(data, pos)), pos + 12


def read_old_pid(data: bytes, pos: int, context: Context) -> tuple[Pid, int]:
    node, after = read_atom(data, pos, context)
    id, serial, creation = _pid_old(data, after)
    return Pid(node, id, serial, _old_creation(creation, pos)), after + 9


def _old_creation(creation: int, pos: int) -> int:
    if creation > 3:
        refuse(f"creation {creation} of more than 2 bits", pos)
    return creation


def _read_new_port(data: bytes, pos: int, context: Context) -> tuple[Port, int]:
    node, pos = read_atom(data, pos, context)
    return Port(node, *_port4(data, pos)), pos + 8


def _read_v4_port(data: bytes, pos: int, context: Context) -> tuple[Port, int]:
    node, pos = read_atom(data, pos, context)
    return Port(node, *_port8(data, pos)), pos + 12


def _read_old_port(data: bytes, pos: int, context: Context) -> tuple[Port, int]:
    node, after = read_atom(data, pos, context)
    id, creation = _id_old(data, after)
    return Port(node, id, _old_creation(creation, pos)), after + 5


def _read_newer_reference(data: bytes, pos: int, context: Context) -> tuple[Reference, int]:
    count = _reference_words(data, pos)
    node, after = read_atom(data, pos + 2, context)
    numbers = _words[count](data, after)
    return Reference(node, numbers[0], numbers[1:]), after + 4 + 4 * count


def _reference_words(data: bytes, pos: int) -> int:
    count: int = _u16(data, pos)[0]
    if count > 5:
        refuse(f"reference of {count} words", pos)
    return count


def _read_new_reference(data: bytes, pos: int, context: Context) -> tuple[Reference, int]:
    count = _reference_words(data, pos)
    node, after = read_atom(data, pos + 2, context)
    creation, *words = _old_words[count](data, after)
    _old_first_word(words, pos)
    return Reference(node, _old_creation(creation, pos), tuple(words)), after + 1 + 4 * count


def _read_old_reference(data: bytes, pos: int, context: Context) -> tuple[Reference, int]:
    node, after = read_atom(data, pos, context)
    id, creation = _id_old(data, after)
    _old_first_word([id], pos)
    return Reference(node, _old_creation(creation, pos), (id,)), after + 5


def _old_first_word(words: list[int], pos: int) -> None:
    if words and words[0] >= 1 << 18:
        refuse(f"first word {words[0]} of more than 18 bits in an old reference", pos)


def _read_export(data: bytes, pos: int, context: Context) -> tuple[Export, int]:
    module, after = read_atom(data, pos, context)
    function, after = read_atom(data, after, context)
    arity, end = _read_any_integer(data, after, context)
    # OTP 27 takes 256 and ends with a segmentation fault when the fun is used.
    if not 0 <= arity <= 255:
        refuse(f"EXPORT of arity {arity}", pos)
    return Export(module, function, arity), end


_INTEGERS: dict[int, Callable[[bytes, int, Context], tuple[int, int]]] = {
    tags.SMALL_INTEGER: _read_small_integer,
    tags.INTEGER: _read_integer,
    tags.SMALL_BIG: _read_small_big,
    tags.LARGE_BIG: _read_large_big,
}


def _read_any_integer(data: bytes, pos: int, context: Context) -> tuple[int, int]:
    read = _INTEGERS.get(data[pos])
    if read is None:
        raise TermDecodeError(f"tag {data[pos]} at byte {pos} where an integer is wanted", offset=pos)
    return read(data, pos + 1, context)


def read_small(data: bytes, pos: int, context: Context) -> tuple[int, int]:
    """An integer that a BEAM holds in one word: 60 bits with the sign."""
    value, end = _read_any_integer(data, pos, context)
    if not -(1 << 59) <= value < 1 << 59:
        raise TermDecodeError(f"integer of more than 60 bits in a fun at byte {pos}", offset=pos)
    return value, end


def table(entries: dict[int, Any]) -> list[Any]:
    return [entries.get(tag) for tag in range(256)]


_LEAVES: dict[int, Leaf] = {
    tags.NEW_FLOAT: _read_new_float,
    tags.BIT_BINARY: _read_bits,
    tags.ATOM_CACHE_REF: _atom_leaf(_atom_82),
    tags.NEW_PID: read_new_pid,
    tags.NEW_PORT: _read_new_port,
    tags.NEWER_REFERENCE: _read_newer_reference,
    tags.SMALL_INTEGER: _read_small_integer,
    tags.INTEGER: _read_integer,
    tags.FLOAT: _read_float_text,
    tags.ATOM: _atom_leaf(_atom_100),
    tags.REFERENCE: _read_old_reference,
    tags.PORT: _read_old_port,
    tags.PID: read_old_pid,
    tags.NIL: _read_nil,
    tags.STRING: read_string,
    tags.BINARY: _read_binary,
    tags.SMALL_BIG: _read_small_big,
    tags.LARGE_BIG: _read_large_big,
    tags.EXPORT: _read_export,
    tags.NEW_REFERENCE: _read_new_reference,
    tags.SMALL_ATOM: _atom_leaf(_atom_115),
    tags.ATOM_UTF8: _atom_leaf(_atom_118),
    tags.SMALL_ATOM_UTF8: _leaf_small_atom_utf8,
    tags.V4_PORT: _read_v4_port,
}
LEAVES: list[Leaf | None] = table(_LEAVES)
TEXT_LEAVES: list[Leaf | None] = table({**_LEAVES, 77: _read_bits_text, 109: _read_text})
# Without and with text, where large binaries are not copied.
VIEW_LEAVES = (
    table({**_LEAVES, 109: _read_view}),
    table({**_LEAVES, 77: _read_bits_text, 109: _read_view_text}),
)
