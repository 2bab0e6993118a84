"""The external term format to Python objects: the reference decoder.

Two tables of 256 entries: LEAVES (in `_leaves.py`) read a whole object, OPENERS read the
head of a container and say how many children follow and what makes a value of them.  The loop in
`_read` keeps its own stack, so depth costs memory, never recursion.  A length is
compared with the bytes that are left before anything is made of that size.

What is refused is what OTP 27 refuses, except that RECORD (OTP 29) is read; whatever
the bytes are, the outcome is a value or a TermDecodeError with the offset.

Source: ERTS manual, "External Term Format".
Proof: tests/term/test_decode.py, test_golden.py, test_bad_bytes.py.
"""

from __future__ import annotations

import datetime
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any, TypeAlias

from pyerlnode.errors import TermDecodeError, TermEncodeError, UsageError
from pyerlnode.term import tags
from pyerlnode.term._leaves import (
    Context,
    read_atom,
    read_new_pid,
    read_old_pid,
    read_small,
    read_string,
    refuse,
    refuse_limit,
    refuse_tag,
    table,
    u32,
)
from pyerlnode.term._map import Map
from pyerlnode.term.limits import DEFAULT_LIMITS, Limits
from pyerlnode.term.structs import BUILDERS, DateTime, Time
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

_fun_head = struct.Struct(">IB16sII").unpack_from

# Makes a value of the children; also told where the last of them ended.
Build: TypeAlias = Callable[[list[Any], int], Any]
Opener: TypeAlias = Callable[[bytes, int, Context], "tuple[int, Build | None, int]"]
Read: TypeAlias = Callable[..., tuple[Any, int]]


class _Refused(Exception):
    """What a builder found; the loop adds the offset."""


def decode(
    data: bytes | bytearray | memoryview,
    *,
    text: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    structs: bool = True,
    views: int | None = None,
) -> Any:
    """Give the term that `data` begins with; bytes behind it are ignored, as on a BEAM.

    `text` gives `str` for every binary that is UTF-8.  `structs=False` leaves Elixir
    structs as dicts with `__struct__`.  Binaries of at least `views` bytes are not copied
    but come as a memoryview, which keeps `data` alive; anything but `bytes` is copied first.
    Raises TermDecodeError with the offset, or its subclass TermLimitError.
    """
    return decode_with(decode_at, _as_bytes(data), text, limits, structs, views)


def decode_with(read: Read, data: bytes, text: bool, limits: Limits, structs: bool, views: int | None) -> Any:
    """Read a term after its version byte, compressed or not, with `read` as `decode_at`."""
    if not data or data[0] != 131:
        found = f"found {data[0]}" if data else "no bytes"
        raise TermDecodeError(f"a term begins with the version byte 131, {found}", offset=0)
    if len(data) > 1 and data[1] == 80:
        return _decode_compressed(read, data, text, limits, structs, views)
    return read(data, 1, text=text, limits=limits, structs=structs, views=views)[0]


def _as_bytes(data: bytes | bytearray | memoryview) -> bytes:
    # memoryview refuses what has no bytes; bytes() would make five zeros of a 5.
    return data if type(data) is bytes else memoryview(data).tobytes()


def _decode_compressed(
    read: Read, data: bytes, text: bool, limits: Limits, structs: bool, views: int | None
) -> Any:
    if len(data) < 6:
        raise TermDecodeError(f"COMPRESSED at byte 1: {len(data) - 2} bytes left of 4", offset=1)
    size = u32(data, 2)[0]
    if size > limits.inflated_bytes:
        refuse_limit("inflated_bytes", limits.inflated_bytes, f"{size} bytes announced", 1)
    inflater = zlib.decompressobj()
    try:
        # One byte more than announced shows that there is more, without making it.
        body = inflater.decompress(data[6:], size + 1)
    except zlib.error as error:
        raise TermDecodeError(f"COMPRESSED at byte 1: {error}", offset=6) from None
    if len(body) != size or not inflater.eof:
        raise TermDecodeError(
            f"COMPRESSED at byte 1: {size} bytes announced, {len(body)}"
            f"{'' if inflater.eof else ' or more'} found",
            offset=1,
        )
    try:
        return read(body, 0, text=text, limits=limits, structs=structs, views=views)[0]
    except TermDecodeError as error:
        # Its offset counts inflated bytes; in the data that was given, they begin at 6.
        error.args = (f"inside COMPRESSED: {error}",)
        error.offset = 6
        raise


def decode_at(
    data: bytes | bytearray | memoryview,
    offset: int,
    *,
    atoms: Sequence[Atom] = (),
    text: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    structs: bool = True,
    views: int | None = None,
) -> tuple[Any, int]:
    """Read one term without version byte at `offset`; give it and the offset behind it.

    ATOM_CACHE_REF i is `atoms[i]`; the rest is as for `decode`.
    """
    data = _as_bytes(data)
    if not 0 <= offset <= len(data):
        raise UsageError(f"offset {offset} in {len(data)} bytes")
    return _read(data, offset, Context(atoms, limits, text, views), structs, limits.depth)


def read_again(
    data: bytes,
    offset: int,
    atoms: Sequence[Atom],
    text: bool,
    limits: Limits,
    structs: bool,
    views: int | None,
    new_atoms: int,
) -> tuple[Any, int]:
    """Read what the native decoder has refused, to say why; `new_atoms` is what it left of that limit."""
    context = Context(atoms, limits, text, views)
    context.new_atoms = new_atoms
    return _read(data, offset, context, structs, limits.depth)


def read_deep(data: bytes, offset: int, context: Context, structs: bool, depth: int) -> tuple[Any, int]:
    """Read a term that lies inside `depth` others, for the native decoder, which would recurse."""
    return _read(data, offset, context, structs, context.limits.depth - depth)


def _read(data: bytes, pos: int, context: Context, structs: bool, max_depth: int) -> tuple[Any, int]:
    stack: list[tuple[Iterator[None], list[Any], Build | None, int]] = []
    todo: Iterator[None] = repeat(None, 1)
    items: list[Any] = []
    build: Build | None = None
    start = pos
    leaves = context.leaves
    try:
        while True:
            append = items.append
            for _ in todo:
                tag = data[pos]
                # The commonest leaf, without the cost of a call.
                if tag == 97:
                    append(data[pos + 1])
                    pos += 2
                    continue
                leaf = leaves[tag]
                if leaf is not None:
                    value, pos = leaf(data, pos + 1, context)
                    append(value)
                    continue
                opener = OPENERS[tag]
                if opener is None:
                    refuse_tag(tag, pos)
                size, opened, after = opener(data, pos + 1, context)
                stack.append((todo, items, build, start))
                if len(stack) > max_depth:
                    refuse_limit("depth", context.limits.depth, "nested deeper", pos)
                context.elements -= size
                if context.elements < 0:
                    refuse_limit("elements", context.limits.elements, "one more element", pos)
                start, pos, build = pos, after, opened
                todo, items = repeat(None, size), []
                break
            else:
                if build is None:
                    value = tuple(items)
                elif build is _build_list:
                    # The tail: NIL ends the list, another list goes on with the same one.
                    tag = data[pos]
                    if tag == 106:
                        pos += 1
                        value = items
                    elif tag == 108:
                        size, build, pos = _open_list(data, pos + 1, context)
                        context.elements -= size
                        if context.elements < 0:
                            refuse_limit("elements", context.limits.elements, "one more element", pos)
                        todo = repeat(None, size)
                        continue
                    elif tag == 107:
                        octets, pos = read_string(data, pos + 1, context)
                        items += octets
                        value = items
                    else:
                        build = _build_improper
                        todo = repeat(None, 1)
                        continue
                else:
                    value = build(items, pos)
                    if structs and type(value) is dict and "__struct__" in value:
                        value = _as_struct(value)
                if not stack:
                    return value[0], pos
                todo, items, build, start = stack.pop()
                items.append(value)
    except (IndexError, struct.error):
        tag_name = f"tag {data[pos]}" if pos < len(data) else "the next tag"
        raise TermDecodeError(
            f"data end at byte {len(data)}, within {tag_name} at {pos}", offset=pos
        ) from None
    except _Refused as refused:
        raise TermDecodeError(f"{refused} at byte {start}", offset=start) from None


def _as_struct(value: dict[Any, Any]) -> Any:
    module = value["__struct__"]
    builder = BUILDERS.get(module) if type(module) is Atom else None
    if builder is None:
        return value
    built = builder(value)
    return value if built is None else built


# --- containers ----------------------------------------------------------------------


def _children(size: int, data: bytes, pos: int, name: str, tag_at: int) -> int:
    """See that `size` children can be there at all: each takes at least a byte."""
    if size > len(data) - pos:
        raise TermDecodeError(
            f"{name} at byte {tag_at}: {size} elements announced, {len(data) - pos} bytes left", offset=tag_at
        )
    return size


def _open_small_tuple(data: bytes, pos: int, context: Context) -> tuple[int, Build | None, int]:
    size = data[pos]
    pos += 1
    if size > len(data) - pos:
        _children(size, data, pos, "SMALL_TUPLE", pos - 2)
    return size, None, pos


def _open_large_tuple(data: bytes, pos: int, context: Context) -> tuple[int, Build | None, int]:
    return _children(u32(data, pos)[0], data, pos + 4, "LARGE_TUPLE", pos - 1), None, pos + 4


def _open_list(data: bytes, pos: int, context: Context) -> tuple[int, Build | None, int]:
    return _children(u32(data, pos)[0], data, pos + 4, "LIST", pos - 1), _build_list, pos + 4


def _build_list(items: list[Any], end: int) -> list[Any]:
    return items


def _build_improper(items: list[Any], end: int) -> Any:
    # `items` is what was read and the tail; a list of no elements is its tail.
    return ImproperList(items[:-1], items[-1]) if len(items) > 1 else items[0]


def _open_map(data: bytes, pos: int, context: Context) -> tuple[int, Build | None, int]:
    size = _children(2 * u32(data, pos)[0], data, pos + 4, "MAP", pos - 1)
    return size, _build_map, pos + 4


# Hashing one of these never goes deep, and never runs code of a peer's choosing.
_FLAT_KEYS = frozenset(
    {
        datetime.date,
        datetime.time,
        datetime.datetime,
        Time,
        DateTime,
        Atom,
        bytes,
        str,
        int,
        float,
        bool,
        type(None),
        Pid,
        Port,
        Reference,
        Export,
        BitString,
    }
)
_KEY_DEPTH = 8


def _build_map(items: list[Any], end: int) -> Any:
    keys = items[::2]
    if all(type(key) in _FLAT_KEYS for key in keys) or all(map(_is_shallow, keys)):
        result = dict(zip(keys, items[1::2], strict=True))
        if len(result) == len(keys):
            return result
    try:
        return Map(zip(keys, items[1::2], strict=True))
    except TermEncodeError as error:
        raise _Refused(f"MAP: {error}") from None


def _is_shallow(key: Any) -> bool:
    """Whether a dict can hold the key: Python hashes tuples recursively, without a limit."""
    level = [key]
    for _ in range(_KEY_DEPTH):
        level = [part for part in level if type(part) not in _FLAT_KEYS]
        if not level:
            return True
        if any(type(part) is not tuple for part in level):
            return False
        level = [child for part in level for child in part]
    return False


_KEPT_FUNS = 8


def _open_fun(data: bytes, pos: int, context: Context) -> tuple[int, Build | None, int]:
    context.open_funs += 1
    refs, depth = context.cache_refs, context.open_funs
    _size, arity, uniq, index, free = _fun_head(data, pos)
    module, after = read_atom(data, pos + 29, context)
    old_index, after = read_small(data, after, context)
    old_uniq, after = read_small(data, after, context)
    if data[after] not in (88, 103):
        raise TermDecodeError(f"tag {data[after]} at byte {after} where a pid is wanted", offset=after)
    read_pid = read_new_pid if data[after] == 88 else read_old_pid
    pid, after = read_pid(data, after + 1, context)

    def build(items: list[Any], end: int) -> Fun:
        context.open_funs -= 1
        # References into the atom cache mean something in this frame only; and funs nested
        # in funs without end would keep the bytes of the innermost as often as they nest.
        raw = data[pos - 1 : end] if context.cache_refs == refs and depth <= _KEPT_FUNS else None
        return Fun(
            arity=arity,
            uniq=uniq,
            index=index,
            module=module,
            old_index=old_index,
            old_uniq=old_uniq,
            pid=pid,
            free=tuple(items),
            raw=raw,
        )

    return _children(free, data, after, "NEW_FUN", pos - 1), build, after


def _open_record(data: bytes, pos: int, context: Context) -> tuple[int, Build | None, int]:
    size = _children(2 * u32(data, pos)[0], data, pos + 5, "RECORD", pos - 1) // 2
    flags = data[pos + 4]
    module, after = read_atom(data, pos + 5, context)
    name, after = read_atom(data, after, context)
    fields = []
    for _ in range(size):
        field, after = read_atom(data, after, context)
        fields.append(field)

    if flags > 1 or len(set(fields)) != size:
        refuse(f"RECORD with the flags {flags}" if flags > 1 else "RECORD with a field named twice", pos)

    def build(items: list[Any], end: int) -> Record:
        return Record(module, name, tuple(zip(fields, items, strict=True)), flags)

    return size, build, after


OPENERS: list[Opener | None] = table(
    {
        tags.RECORD: _open_record,
        tags.SMALL_TUPLE: _open_small_tuple,
        tags.LARGE_TUPLE: _open_large_tuple,
        tags.LIST: _open_list,
        tags.NEW_FUN: _open_fun,
        tags.MAP: _open_map,
    }
)
