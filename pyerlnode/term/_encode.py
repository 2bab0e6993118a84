"""Python objects to the external term format: the reference encoder.

One function per Python type, in two tables: WRITERS append a whole object, OPENERS
append the head of a container and give back its children and what closes it.  A class
that is in neither is looked up by its bases, so a namedtuple is a tuple, a defaultdict
a map and an IntEnum an integer; `structs.py` and `_map.py` add their types.  The loop
in `_write` keeps its own stack: depth costs memory, never recursion.

Equal terms give equal bytes.  The pairs of a map stand in the order of their keys'
*exact bytes* (`exact_bytes`): the key's own encoding with every map inside it replaced
by a digest of its sorted pairs.  They decide about `=:=` without comparing pairwise,
and show keys that are one key to Erlang, such as "a" and b"a", which are refused.

Source: ERTS manual, "External Term Format".
Proof: tests/term/test_encode.py and test_golden.py.
"""

from __future__ import annotations

import reprlib
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Any, TypeAlias

from pyerlnode.errors import TermEncodeError, UsageError
from pyerlnode.term.limits import MAX_INTEGER_BYTES
from pyerlnode.term.tags import (
    ATOM_CACHE_REF,
    BINARY,
    BIT_BINARY,
    COMPRESSED,
    EXPORT,
    INTEGER,
    LARGE_BIG,
    LARGE_TUPLE,
    LIST,
    MAP,
    NEW_FLOAT,
    NEW_FUN,
    NEW_PID,
    NEWER_REFERENCE,
    NIL,
    RECORD,
    SMALL_BIG,
    SMALL_INTEGER,
    SMALL_TUPLE,
    STRING,
    V4_PORT,
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
)

AtomRef: TypeAlias = Callable[[Atom], "int | None"]
Writer: TypeAlias = Callable[[Any, bytearray, "AtomRef | None"], None]
Closer: TypeAlias = Callable[[bytearray], None]
# Children and what is to be done behind them; None where the opener wrote it all.
Opened: TypeAlias = "tuple[Iterator[Any], Closer | None] | None"
Opener: TypeAlias = Callable[[Any, bytearray, "AtomRef | None"], Opened]
Write: TypeAlias = Callable[[Any, bytearray], None]
Shape: TypeAlias = Callable[[Any], dict[Any, Any]]

# A list that contains itself would otherwise be written until memory ends.
MAX_DEPTH = 1_000_000

_SMALL_INTEGERS = tuple(bytes((SMALL_INTEGER, n)) for n in range(256))
_pack_integer = struct.Struct(">Bi").pack
_pack_float = struct.Struct(">Bd").pack
_pack_length = struct.Struct(">BI").pack
_pack_pid = struct.Struct(">III").pack
_pack_port = struct.Struct(">QI").pack
_pack_words = [struct.Struct(f">I{count}I").pack for count in range(6)]
_TRUE, _FALSE, _NIL_ATOM = Atom("true"), Atom("false"), Atom("nil")


def encode(obj: Any, *, compressed: bool | int = False) -> bytes:
    """Give the external term format of `obj`, version byte first.

    `compressed` is True (zlib's level 6) or a level from 0 to 9; as on a BEAM the
    plain form is used where compressing does not make it shorter.  Raises
    TermEncodeError, naming the type, where something inside has no Erlang term.
    """
    return encode_with(encode_parts, obj, compressed)


def encode_with(write: Write, obj: Any, compressed: bool | int) -> bytes:
    """What `encode` does, with `write` as `encode_parts`."""
    out = bytearray(b"\x83")
    write(obj, out)
    if compressed is False:
        return bytes(out)
    level = 6 if compressed is True else compressed
    if level not in range(10):
        raise UsageError(f"compression level {level!r}: 0 to 9, True or False")
    body = memoryview(out)[1:]
    packed = zlib.compress(body, level)
    if len(packed) + 5 >= len(body):
        return bytes(out)
    return b"\x83" + _pack_length(COMPRESSED, len(body)) + packed


def encode_parts(obj: Any, out: bytearray, atom_ref: AtomRef | None = None) -> None:
    """Append the encoding of `obj`, tag first and without the version byte, to `out`.

    Where `atom_ref(atom)` gives an index, ATOM_CACHE_REF stands for that atom; True,
    False and None are asked for as Atom("true") and so on.  When something cannot be
    encoded, `out` is as it was before.
    """
    start = len(out)
    try:
        _write(obj, out, atom_ref, OPENERS)
    except BaseException as error:
        del out[start:]
        if isinstance(error, (struct.error, OverflowError)):
            raise _no_field(obj, error) from None
        raise


def _no_field(obj: Any, error: Exception) -> TermEncodeError:
    return TermEncodeError(f"a number in a {type(obj).__name__} does not fit its field: {error}")


def write_deep(obj: Any, out: bytearray, atom_ref: AtomRef | None, exact: bool, depth: int) -> None:
    """Write what lies inside `depth` other terms, for the native encoder, which would recurse."""
    _write(obj, out, atom_ref, _EXACT_OPENERS if exact else OPENERS, depth)


def _write(
    obj: Any, out: bytearray, atom_ref: AtomRef | None, openers: dict[type, Opener], depth: int = 0
) -> None:
    stack: list[tuple[Iterator[Any], Closer | None]] = []
    todo: Iterator[Any] = iter((obj,))
    close: Closer | None = None
    writers = WRITERS
    while True:
        for item in todo:
            kind = type(item)
            if kind is Atom and atom_ref is None:
                out += item._wire
                continue
            write = writers.get(kind)
            if write is not None:
                write(item, out, atom_ref)
                continue
            opener = openers.get(kind) or _resolve(item, openers)
            opened = opener(item, out, atom_ref)
            if opened is not None:
                stack.append((todo, close))
                if len(stack) + depth > MAX_DEPTH:
                    raise TermEncodeError(f"nested deeper than {MAX_DEPTH} levels, or contains itself")
                todo, close = opened
                break
        else:
            if close is not None:
                close(out)
            if not stack:
                return
            todo, close = stack.pop()


def _resolve(item: Any, openers: dict[type, Opener]) -> Opener:
    """The opener for a class that is in no table itself, through its bases."""
    for base in type(item).__mro__:
        if base in openers:
            return openers[base]
        if base in SHAPES:
            return _shape_opener(SHAPES[base], openers)
        if base in WRITERS:
            return _writer_opener(WRITERS[base])
    raise TermEncodeError(f"no Erlang term for an object of type {type(item).__name__}")


def _shape_opener(shape: Shape, openers: dict[type, Opener]) -> Opener:
    return lambda item, out, atom_ref: openers[dict](shape(item), out, atom_ref)


def _writer_opener(writer: Writer) -> Opener:
    return lambda item, out, atom_ref: writer(item, out, atom_ref)


# --- writers: objects without children -----------------------------------------------


def _write_atom(atom: Atom, out: bytearray, atom_ref: AtomRef | None) -> None:
    index = None if atom_ref is None else atom_ref(atom)
    if index is None:
        out += atom._wire
    else:
        out.append(ATOM_CACHE_REF)
        out.append(index)


def _write_bool(value: bool, out: bytearray, atom_ref: AtomRef | None) -> None:
    _write_atom(_TRUE if value else _FALSE, out, atom_ref)


def _write_none(value: None, out: bytearray, atom_ref: AtomRef | None) -> None:
    _write_atom(_NIL_ATOM, out, atom_ref)


def _write_int(value: int, out: bytearray, atom_ref: AtomRef | None) -> None:
    if 0 <= value < 256:
        out += _SMALL_INTEGERS[value]
    elif -0x80000000 <= value < 0x80000000:
        out += _pack_integer(INTEGER, value)
    else:
        _write_big(int(value), out)


def _write_big(value: int, out: bytearray) -> None:
    size = (value.bit_length() + 7) // 8
    if size < 256:
        out += bytes((SMALL_BIG, size))
    elif size <= MAX_INTEGER_BYTES:
        out += _pack_length(LARGE_BIG, size)
    else:
        # The peer would take it for garbage and close the connection.
        raise TermEncodeError(f"integer of {size} bytes, a BEAM takes at most {MAX_INTEGER_BYTES}")
    out.append(1 if value < 0 else 0)
    out += abs(value).to_bytes(size, "little")


def _write_float(value: float, out: bytearray, atom_ref: AtomRef | None) -> None:
    # NaN and the infinities, and nothing else, give NaN here.
    if value - value != 0.0:
        raise TermEncodeError(f"no Erlang term for the float {value}")
    out += _pack_float(NEW_FLOAT, value)


def _write_bytes(value: bytes | bytearray, out: bytearray, atom_ref: AtomRef | None) -> None:
    out += _pack_length(BINARY, len(value))
    out += value


def _write_memoryview(value: memoryview, out: bytearray, atom_ref: AtomRef | None) -> None:
    _write_bytes(value.tobytes(), out, atom_ref)


def _write_str(value: str, out: bytearray, atom_ref: AtomRef | None) -> None:
    try:
        utf8 = value.encode()
    except UnicodeEncodeError as error:
        raise TermEncodeError(f"text without a UTF-8 form: {error.reason} at {error.start}") from None
    _write_bytes(utf8, out, atom_ref)


def _write_bits(value: BitString, out: bytearray, atom_ref: AtomRef | None) -> None:
    out += _pack_length(BIT_BINARY, len(value.data))
    out.append(value.bits)
    out += value.data


def _write_pid(pid: Pid, out: bytearray, atom_ref: AtomRef | None) -> None:
    out.append(NEW_PID)
    _write_atom(pid.node, out, atom_ref)
    out += _pack_pid(pid.id, pid.serial, pid.creation)


def _write_port(port: Port, out: bytearray, atom_ref: AtomRef | None) -> None:
    out.append(V4_PORT)
    _write_atom(port.node, out, atom_ref)
    out += _pack_port(port.id, port.creation)


def _open_reference(ref: Reference, out: bytearray, atom_ref: AtomRef | None) -> Opened:
    _write_reference(ref, ref.words, out, atom_ref)
    return None


def _write_reference(
    ref: Reference, words: tuple[int, ...], out: bytearray, atom_ref: AtomRef | None
) -> None:
    if len(words) > 5:
        raise TermEncodeError(f"reference of {len(words)} words, at most 5 are possible")
    out += bytes((NEWER_REFERENCE, 0, len(words)))
    _write_atom(ref.node, out, atom_ref)
    out += _pack_words[len(words)](ref.creation, *words)


def _write_export(export: Export, out: bytearray, atom_ref: AtomRef | None) -> None:
    out.append(EXPORT)
    _write_atom(export.module, out, atom_ref)
    _write_atom(export.function, out, atom_ref)
    out += _SMALL_INTEGERS[export.arity]


WRITERS: dict[type, Writer] = {
    Atom: _write_atom,
    bool: _write_bool,
    type(None): _write_none,
    int: _write_int,
    float: _write_float,
    bytes: _write_bytes,
    bytearray: _write_bytes,
    memoryview: _write_memoryview,
    str: _write_str,
    BitString: _write_bits,
    Pid: _write_pid,
    Port: _write_port,
    Export: _write_export,
}


# --- openers: objects with children --------------------------------------------------


def _open_tuple(item: tuple[Any, ...], out: bytearray, atom_ref: AtomRef | None) -> Opened:
    size = len(item)
    if size < 256:
        out.append(SMALL_TUPLE)
        out.append(size)
    else:
        out += _pack_length(LARGE_TUPLE, size)
    return iter(item), None


def _close_list(out: bytearray) -> None:
    out.append(NIL)


def _open_list(item: list[Any], out: bytearray, atom_ref: AtomRef | None) -> Opened:
    size = len(item)
    if not size:
        out.append(NIL)
        return None
    octets = _as_octets(item) if size < 65536 else None
    if octets is not None:
        out.append(STRING)
        out += size.to_bytes(2, "big")
        out += octets
        return None
    out += _pack_length(LIST, size)
    return iter(item), _close_list


def _as_octets(item: list[Any]) -> bytes | None:
    """The list as bytes where every element is an integer from 0 to 255."""
    first = item[0]
    if not isinstance(first, int) or not 0 <= first < 256:
        return None
    try:
        octets = bytes(item)
    except (TypeError, ValueError):
        return None
    # bytes() takes True for 1, and anything that has __index__.
    kinds = set(map(type, item))
    if kinds == {int} or all(issubclass(kind, int) and kind is not bool for kind in kinds):
        return octets
    return None


def _open_improper(item: ImproperList, out: bytearray, atom_ref: AtomRef | None) -> Opened:
    out += _pack_length(LIST, len(item.elements))
    return iter((*item.elements, item.tail)), None


def _open_record(item: Record, out: bytearray, atom_ref: AtomRef | None) -> Opened:
    out += _pack_length(RECORD, len(item.fields))
    out.append(item.flags)
    for atom in (item.module, item.name, *(name for name, _ in item.fields)):
        _write_atom(atom, out, atom_ref)
    return iter([value for _, value in item.fields]), None


def _open_fun(item: Fun, out: bytearray, atom_ref: AtomRef | None) -> Opened:
    if item.raw is not None:
        out += item.raw
        return None
    out.append(NEW_FUN)
    start = len(out)
    out += struct.pack(">IB16sII", 0, item.arity, item.uniq, item.index, len(item.free))
    _write_atom(item.module, out, atom_ref)
    _write_int(item.old_index, out, atom_ref)
    _write_int(item.old_uniq, out, atom_ref)
    _write_pid(item.pid, out, atom_ref)

    def write_size(out: bytearray) -> None:
        out[start : start + 4] = (len(out) - start).to_bytes(4, "big")

    return iter(item.free), write_size


def _open_dict(item: dict[Any, Any], out: bytearray, atom_ref: AtomRef | None) -> Opened:
    out += _pack_length(MAP, len(item))
    if len(item) < 2:
        return (child for pair in item.items() for child in pair), None
    try:
        keys = {key._wire: key for key in item}
    except AttributeError:
        keys = {exact_bytes(key): key for key in item}
    if len(keys) != len(item):
        raise TermEncodeError(f"two keys of a dict are the same Erlang term: {_twins(item)}")
    return (child for exact in sorted(keys) for child in (keys[exact], item[keys[exact]])), None


def _twins(item: Iterable[Any]) -> str:
    seen: dict[bytes, Any] = {}
    for key in item:
        exact = exact_bytes(key)
        if exact in seen:
            return f"{reprlib.repr(seen[exact])} and {reprlib.repr(key)}"
        seen[exact] = key
    return ""


OPENERS: dict[type, Opener] = {
    tuple: _open_tuple,
    list: _open_list,
    dict: _open_dict,
    # Has no children, but is in this table because its exact bytes differ.
    Reference: _open_reference,
    ImproperList: _open_improper,
    Record: _open_record,
    Fun: _open_fun,
}

# Types that encode as a map, each with the function that gives it as a dict.
SHAPES: dict[type, Shape] = {}


# --- exact bytes ---------------------------------------------------------------------


def exact_bytes(term: Any) -> bytes:
    """Bytes that two terms share when, and only when, they are `=:=` in Erlang (OTP 27).

    Linear in the size of the term; a map inside counts with the 32 bytes of a BLAKE2b
    digest, so that maps as keys of maps, however deep, are never written out twice.
    """
    if type(term) is Atom:
        return term._wire
    out = bytearray()
    try:
        _write(term, out, None, _EXACT_OPENERS)
    except (struct.error, OverflowError) as error:
        raise _no_field(term, error) from None
    return bytes(out)


def _exact_reference(ref: Reference, out: bytearray, atom_ref: AtomRef | None) -> Opened:
    _write_reference(ref, ref.significant(), out, None)
    return None


def _exact_fun(item: Fun, out: bytearray, atom_ref: AtomRef | None) -> Opened:
    out += struct.pack(">BB16sII", NEW_FUN, item.arity, item.uniq, item.index, len(item.free))
    out += item.module._wire
    _write_int(item.old_uniq, out, None)
    return iter(item.free), None


def _exact_dict(item: dict[Any, Any], out: bytearray, atom_ref: AtomRef | None) -> Opened:
    return exact_map(((None, key, value) for key, value in item.items()), len(item), out)


def exact_map(pairs: Iterable[tuple[bytes | None, Any, Any]], size: int, out: bytearray) -> Opened:
    """Open a map of (key's exact bytes where they are known, key, value) for `exact_bytes`."""
    out += _pack_length(MAP, size)
    starts: list[int] = []

    def children() -> Iterator[Any]:
        for exact, key, value in pairs:
            # Asked for the next child, the one before it is written completely.
            starts.append(len(out))
            if exact is None:
                yield key
            else:
                out.extend(exact)
            yield value

    def digest(out: bytearray) -> None:
        if not starts:
            return
        ends = [*starts[1:], len(out)]
        written = sorted(bytes(out[start:end]) for start, end in zip(starts, ends, strict=True))
        del out[starts[0] :]
        out += blake2b(b"".join(written), digest_size=32).digest()

    return children(), digest


_EXACT_OPENERS: dict[type, Opener] = {
    **OPENERS,
    dict: _exact_dict,
    Reference: _exact_reference,
    Fun: _exact_fun,
}


def add_opener(kind: type, opener: Opener, exact: Opener) -> None:
    """Add a type with children to the tables: how it is sent, and its exact bytes."""
    OPENERS[kind] = opener
    _EXACT_OPENERS[kind] = exact
