"""`binary`: searching, splitting and copying binaries by bytes.

Source: module `binary` of the STDLIB reference manual (OTP 27).
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pyerlnode.services.evaluator import limits
from pyerlnode.services.evaluator.stdlib.arguments import Steps, badarg, is_function, is_integer, listed
from pyerlnode.services.evaluator.stdlib.erlang_binaries import list_to_binary
from pyerlnode.services.evaluator.stdlib.registry import Call, Library
from pyerlnode.term import Atom, Term

binary = Library("binary")

_SCOPE, _GLOBAL, _NOMATCH = Atom("scope"), Atom("global"), Atom("nomatch")
_TRIM, _TRIM_ALL, _INSERT = Atom("trim"), Atom("trim_all"), Atom("insert_replaced")
_BIG, _LITTLE = Atom("big"), Atom("little")
_COMPILED: Final = Atom("bm")


def _bytes(value: Term) -> bytes:
    if not isinstance(value, bytes):
        raise badarg()
    return value


def _patterns(pattern: Term) -> list[bytes]:
    """The binaries to look for; `badarg` for none, and for empty ones."""
    if type(pattern) is tuple and len(pattern) == 2 and pattern[0] is _COMPILED:
        pattern = pattern[1]
    wanted = [pattern] if isinstance(pattern, bytes) else listed(pattern)
    if not wanted or any(not isinstance(each, bytes) or not each for each in wanted):
        raise badarg()
    return wanted


def _range(data: bytes, start: Term, count: Term) -> tuple[int, int]:
    """The first byte and the one behind the last; `badarg` for what is not in the binary."""
    if not is_integer(start) or not is_integer(count):
        raise badarg()
    low, high = min(start, start + count), max(start, start + count)
    if low < 0 or high > len(data):
        raise badarg()
    return low, high


class _Options(NamedTuple):
    scope: tuple[int, int]
    everywhere: bool = False
    trim: bool = False
    trim_all: bool = False
    insert: tuple[int, ...] = ()


def _options(data: bytes, options: Term, known: tuple[Atom, ...]) -> _Options:
    result = _Options((0, len(data)))
    for option in listed(options):
        match option:
            case (Atom() as name, (start, count)) if name is _SCOPE:
                result = result._replace(scope=_range(data, start, count))
            case (Atom() as name, at) if name is _INSERT and name in known:
                result = result._replace(insert=tuple(at if isinstance(at, list) else [at]))
            case Atom() if option in known:
                result = result._replace(
                    everywhere=result.everywhere or option is _GLOBAL,
                    trim=result.trim or option is _TRIM,
                    trim_all=result.trim_all or option is _TRIM_ALL,
                )
            case _:
                raise badarg()
    return result


def _found(data: bytes, pattern: Term, options: _Options) -> list[tuple[int, int]]:
    """Where the patterns are, from the left; of those at one place the longest."""
    wanted = sorted(_patterns(pattern), key=len, reverse=True)
    finder = re.compile(b"|".join(map(re.escape, wanted)))
    places = finder.finditer(data, *options.scope)
    if options.everywhere:
        return [match.span() for match in places]
    return [match.span() for match in (next(places, None),) if match is not None]


# --- searching ------------------------------------------------------------------------------


@binary.function("match", 2)
def match(data: Term, pattern: Term) -> Term:
    return match_in(data, pattern, [])


@binary.function("match", 3)
def match_in(data: Term, pattern: Term, options: Term) -> Term:
    found = _found(_bytes(data), pattern, _options(data, options, ()))
    return (found[0][0], found[0][1] - found[0][0]) if found else _NOMATCH


@binary.function("matches", 2)
def matches(data: Term, pattern: Term) -> Term:
    return matches_in(data, pattern, [])


@binary.function("matches", 3)
def matches_in(data: Term, pattern: Term, options: Term) -> Term:
    wanted = _options(_bytes(data), options, ())._replace(everywhere=True)
    return [(start, end - start) for start, end in _found(data, pattern, wanted)]


@binary.function("compile_pattern", 1)
def compile_pattern(pattern: Term) -> Term:
    return (_COMPILED, _patterns(pattern))


@binary.function("split", 2)
def split(data: Term, pattern: Term) -> Term:
    return split_by(data, pattern, [])


@binary.function("split", 3)
def split_by(data: Term, pattern: Term, options: Term) -> Term:
    wanted = _options(_bytes(data), options, (_GLOBAL, _TRIM, _TRIM_ALL))
    parts, at = [], 0
    for start, end in _found(data, pattern, wanted):
        parts.append(data[at:start])
        at = end
    parts.append(data[at:])
    if wanted.trim_all:
        return [part for part in parts if part]
    while wanted.trim and parts and not parts[-1]:
        parts.pop()
    return parts


@binary.function("replace", 3)
def replace(data: Term, pattern: Term, replacement: Term) -> Steps:
    return (yield from replace_by(data, pattern, replacement, []))


@binary.function("replace", 4)
def replace_by(data: Term, pattern: Term, replacement: Term, options: Term) -> Steps:
    wanted = _options(_bytes(data), options, (_GLOBAL, _INSERT))
    if not isinstance(replacement, bytes) and not is_function(replacement, 1):
        raise badarg()
    out, at = bytearray(), 0
    for start, end in _found(data, pattern, wanted):
        put = replacement
        if not isinstance(put, bytes):
            put = _bytes((yield Call(replacement, (data[start:end],))))
        out += data[at:start] + _inserted(put, data[start:end], wanted.insert)
        limits.check_binary(len(out))
        at = end
    return bytes(out + data[at:])


def _inserted(replacement: bytes, found: bytes, places: tuple[int, ...]) -> bytes:
    """The replacement with what was found put in at the places, counted in bytes of the former."""
    if any(not is_integer(place, 0) or place > len(replacement) for place in places):
        raise badarg()
    out, before = b"", 0
    for place in sorted(places):
        out += replacement[before:place] + found
        before = place
    return out + replacement[before:]


# --- parts ----------------------------------------------------------------------------------


@binary.function("at", 2)
def at(data: Term, position: Term) -> Term:
    if not is_integer(position, 0) or position >= len(_bytes(data)):
        raise badarg()
    return data[position]


@binary.function("first", 1)
def first(data: Term) -> Term:
    if not _bytes(data):
        raise badarg()
    return data[0]


@binary.function("last", 1)
def last(data: Term) -> Term:
    if not _bytes(data):
        raise badarg()
    return data[-1]


@binary.function("part", 3)
def part(data: Term, start: Term, count: Term) -> Term:
    low, high = _range(_bytes(data), start, count)
    return data[low:high]


@binary.function("part", 2)
def part_at(data: Term, where: Term) -> Term:
    if type(where) is not tuple or len(where) != 2:
        raise badarg()
    return part(data, *where)


@binary.function("bin_to_list", 1)
def bin_to_list(data: Term) -> Term:
    limits.check_length(len(_bytes(data)))
    return list(data)


@binary.function("bin_to_list", 2)
def bin_to_list_at(data: Term, where: Term) -> Term:
    return list(part_at(data, where))


@binary.function("bin_to_list", 3)
def bin_to_list_of(data: Term, start: Term, count: Term) -> Term:
    return list(part(data, start, count))


@binary.function("list_to_bin", 1)
def list_to_bin(items: Term) -> Term:
    return list_to_binary(items)


@binary.function("copy", 1)
def copy(data: Term) -> Term:
    return _bytes(data)


@binary.function("copy", 2)
def copy_times(data: Term, count: Term) -> Term:
    if not is_integer(count, 0):
        raise badarg()
    limits.check_binary(len(_bytes(data)) * count)
    return data * count


@binary.function("referenced_byte_size", 1)
def referenced_byte_size(data: Term) -> Term:
    return len(_bytes(data))


@binary.function("join", 2)
def join(separator: Term, parts: Term) -> Term:
    given = [_bytes(part) for part in listed(parts)]
    limits.check_binary(sum(map(len, given)) + len(_bytes(separator)) * len(given))
    return separator.join(given)


# --- several --------------------------------------------------------------------------------


def _common(parts: Term, *, suffix: bool) -> int:
    given = [_bytes(part)[::-1] if suffix else _bytes(part) for part in listed(parts)]
    if not given:
        raise badarg()
    low, high = min(given), max(given)
    return next((at for at, octet in enumerate(low) if octet != high[at]), len(low))


@binary.function("longest_common_prefix", 1)
def longest_common_prefix(parts: Term) -> Term:
    return _common(parts, suffix=False)


@binary.function("longest_common_suffix", 1)
def longest_common_suffix(parts: Term) -> Term:
    return _common(parts, suffix=True)


# --- numbers --------------------------------------------------------------------------------


@binary.function("encode_unsigned", 1)
def encode_unsigned(value: Term) -> Term:
    return encode_unsigned_in(value, _BIG)


@binary.function("encode_unsigned", 2)
def encode_unsigned_in(value: Term, order: Term) -> Term:
    if not is_integer(value, 0) or (order is not _BIG and order is not _LITTLE):
        raise badarg()
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big" if order is _BIG else "little")


@binary.function("decode_unsigned", 1)
def decode_unsigned(data: Term) -> Term:
    return decode_unsigned_in(data, _BIG)


@binary.function("decode_unsigned", 2)
def decode_unsigned_in(data: Term, order: Term) -> Term:
    if order is not _BIG and order is not _LITTLE:
        raise badarg()
    limits.check_integer(8 * len(_bytes(data)))
    return int.from_bytes(data, "big" if order is _BIG else "little")


@binary.function("encode_hex", 1)
def encode_hex(data: Term) -> Term:
    return encode_hex_in(data, Atom("uppercase"))


@binary.function("encode_hex", 2)
def encode_hex_in(data: Term, case: Term) -> Term:
    if case not in (Atom("uppercase"), Atom("lowercase")):
        raise badarg()
    limits.check_binary(2 * len(_bytes(data)))
    text = data.hex()
    return (text.upper() if case == "uppercase" else text).encode()


@binary.function("decode_hex", 1)
def decode_hex(data: Term) -> Term:
    if re.fullmatch(rb"([0-9a-fA-F]{2})*", _bytes(data)) is None:
        raise badarg()
    return bytes.fromhex(data.decode())
