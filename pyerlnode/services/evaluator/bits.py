"""The bit syntax: `<<Value:Size/Types>>` as an expression and as a pattern.

Source: eval_bits.erl of OTP's stdlib.
Proof: tests/services/evaluator/test_expressions.py.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator import bitstrings
from pyerlnode.services.evaluator.bitstrings import Writer, is_bits, part, size_of, unsigned
from pyerlnode.services.evaluator.compiler import EXPRESSIONS, PATTERNS, Compiling, expression, proper
from pyerlnode.services.evaluator.limits import check_binary, check_integer
from pyerlnode.services.evaluator.nodes import Env, Node, constant, looked_up, strict
from pyerlnode.term import Atom, Term

_BADARG = Atom("badarg")
_KINDS: Final = {
    "integer": ("integer", 1),
    "float": ("float", 1),
    "binary": ("binary", 8),
    "bytes": ("binary", 8),
    "bitstring": ("binary", 1),
    "bits": ("binary", 1),
    "utf8": ("utf8", 0),
    "utf16": ("utf16", 0),
    "utf32": ("utf32", 0),
}
_DEFAULT_SIZE: Final = {"integer": 8, "float": 64}


class Spec(NamedTuple):
    """What the types of a segment say."""

    kind: str = "integer"
    unit: int = 1
    signed: bool = False
    little: bool = False

    @property
    def encoding(self) -> str:
        """Of a utf segment, as Python calls it."""
        if self.kind == "utf8":
            return "utf-8"
        return f"utf-{self.kind[3:]}-{'le' if self.little else 'be'}"


def _spec(types: Term) -> Spec:
    found = Spec()
    unit = None
    for each in [] if types == "default" else proper(types):
        if type(each) is tuple:
            _, unit = each
        elif each in _KINDS:
            kind, default = _KINDS[each]
            found = found._replace(kind=kind, unit=default)
        elif each in ("little", "big", "native"):
            found = found._replace(little=(sys.byteorder if each == "native" else each) == "little")
        else:
            found = found._replace(signed=each == "signed")
    return found if unit is None else found._replace(unit=int(unit))


def _elements(form: Any) -> list[tuple[Any, Any, Spec]]:
    """Value, size and types of each segment; a string stands for one per character."""
    found = []
    for element in proper(form[2]):
        tag, anno, value, size, types = element
        if tag != "bin_element":
            raise ValueError("no segment")
        spec = _spec(types)
        if value[0] == "string":
            integer = Atom("integer")
            found += [((integer, anno, each), size, spec) for each in proper(value[2])]
        else:
            found.append((value, size, spec))
    return found


# --- construction -------------------------------------------------------------------------


@expression("bin")
def bin_(form: Any) -> Compiling:
    literal = _literal(form)
    if literal is not None:
        return constant(literal)
    nodes: list[Node] = []
    specs: list[tuple[Spec, bool]] = []
    for value, size, spec in _elements(form):
        nodes.append((yield EXPRESSIONS, value))
        specs.append((spec, size != "default"))
        if size != "default":
            nodes.append((yield EXPRESSIONS, size))
    # A segment sees what those before it bind, and a size what its value binds, unlike parts of other data.
    return strict(nodes, _builder(specs), threads=True)


def _literal(form: Any) -> bytes | None:
    """Of plain strings only, which is what text is: the bytes."""
    found = bytearray()
    for _, _, value, size, types in proper(form[2]):
        if value[0] != "string" or size != "default" or types != "default":
            return None
        found += bytes(each & 255 for each in value[2])
    return bytes(found)


def _builder(specs: list[tuple[Spec, bool]]) -> Callable[..., Any]:
    def build(*values: Term) -> Any:
        writer = Writer()
        left = iter(values)
        for spec, sized in specs:
            value = next(left)
            _put(writer, value, next(left) if sized else None, spec)
        return writer.value()

    return build


def _put(writer: Writer, value: Any, size: Any, spec: Spec) -> None:
    if spec.kind in ("utf8", "utf16", "utf32"):
        writer.put_bytes(bitstrings.utf_bytes(value, spec.encoding))
    elif spec.kind == "binary":
        _put_binary(writer, value, size, spec.unit)
    else:
        _put_number(writer, value, _bits(size, spec), spec)


def _bits(size: Any, spec: Spec) -> int:
    if size is None:
        return _DEFAULT_SIZE[spec.kind] * spec.unit
    if type(size) is not int or size < 0:
        raise ErlangError(_BADARG)
    return size * spec.unit


def _put_binary(writer: Writer, value: Any, size: Any, unit: int) -> None:
    if not is_bits(value):
        raise ErlangError(_BADARG)
    _, length = size_of(value)
    if size is None:
        bits = length
        if bits % unit:
            raise ErlangError(_BADARG)
    else:
        bits = _bits(size, Spec("binary", unit))
        if bits > length:
            raise ErlangError(_BADARG)
    bitstrings.put_part(writer, value, bits)


def _put_number(writer: Writer, value: Any, bits: int, spec: Spec) -> None:
    check_binary(bits >> 3)
    if spec.kind == "float":
        value = bitstrings.float_bits(value, bits)
    elif type(value) is not int:
        raise ErlangError(_BADARG)
    value &= (1 << bits) - 1
    writer.put(bitstrings.little(value, bits) if spec.little else value, bits)


# --- matching -----------------------------------------------------------------------------


class Segment(NamedTuple):
    """A segment of a pattern: `size` is a number, a node, or None for the default."""

    step: Any
    size: Any
    spec: Spec


# Matches a pattern with a value, as `patterns.matches`.
Matching = Callable[[Any, Term, Env, Env], bool]


def segments(form: Any) -> Compiling:
    """Compile the segments of a pattern; `yield from` it."""
    found = []
    for value, size, spec in _elements(form):
        step = yield PATTERNS, value
        if type(size) is tuple and size[0] == "integer":
            size = size[2]
        elif size != "default":
            size = yield EXPRESSIONS, size
        found.append(Segment(step, None if size == "default" else size, spec))
    return found


def matcher(form: Any, matches: Matching) -> Compiling:
    """Compile a pattern to a function of a value, an environment and new bindings."""
    found = yield from segments(form)

    def match(value: Term, env: Env, new: Env) -> bool:
        if not is_bits(value):
            return False
        data, size = size_of(value)
        at, fits = take(found, data, 0, size, env, new, matches)
        return fits and at == size

    return match


def take(
    found: list[Segment], data: bytes, at: int, size: int, env: Env, new: Env, matches: Matching
) -> tuple[int | None, bool]:
    """Match the segments from `at` on: where they end, None if the rest is too short; whether they fit."""
    fits = True
    for segment in found:
        taken = _taken(segment, data, at, size - at, env, new)
        if taken is None:
            return None, False
        value, bits = taken
        at += bits
        fits = fits and value is not _NOTHING and matches(segment.step, value, env, new)
    return at, fits


_NOTHING: Final[Any] = object()


def _taken(segment: Segment, data: bytes, at: int, left: int, env: Env, new: Env) -> tuple[Any, int] | None:
    """The value of a segment and its bits; None if there is not so much."""
    spec = segment.spec
    if spec.kind.startswith("utf"):
        return bitstrings.utf_at(data, at, left, spec.encoding)
    bits = _wanted(segment, left, env, new)
    if bits is None or bits > left:
        return None
    if spec.kind == "binary":
        return part(data, at, bits), bits
    check_integer(bits)
    value = unsigned(data, at, bits)
    return _number(bitstrings.swapped(value, bits) if spec.little else value, bits, spec), bits


def _wanted(segment: Segment, left: int, env: Env, new: Env) -> int | None:
    size, spec = segment.size, segment.spec
    if size is None and spec.kind == "binary":
        return None if left % spec.unit else left
    if isinstance(size, Node):
        size = looked_up(size, {**env, **new}, _NOTHING)
    if size is None:
        size = _DEFAULT_SIZE[spec.kind]
    if type(size) is not int or size < 0:
        return None
    return size * spec.unit


def _number(value: int, bits: int, spec: Spec) -> Any:
    if spec.kind == "float":
        found = bitstrings.float_of(value, bits)
        return _NOTHING if found is None else found
    return value - (1 << bits) if spec.signed and bits and value >> bits - 1 else value
