"""What a payload is to processes: bytes, text, JSON or a term.

    bytes   a binary, as it came (whatever is published: a binary or text)
    text    a binary that is UTF-8; else it is not delivered
    json    maps with binaries as keys, lists, numbers, binaries, true, false and nil
    etf     Erlang's external term format, within limits: few new atoms, no funs that could run here

Proof: tests/bridge/mqtt/test_mqtt_codecs.py.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.bridge.mqtt.filters import FilterTree, check_filter, plain
from pyerlnode.errors import BadArg, TermDecodeError, TermEncodeError
from pyerlnode.term import Atom, Term, decode, encode
from pyerlnode.term.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CODECS", "CodecError", "Codecs"]

# Levels of JSON inside each other.
MAX_DEPTH: Final = 100
# What a device may make this node keep for ever is not much.
ETF_LIMITS: Final = Limits(depth=1000, elements=1_000_000, new_atoms=100, inflated_bytes=16 * 1024 * 1024)
_ETF_VERSION: Final = 131


class CodecError(Exception):
    """A payload that cannot be read, or a term that cannot be written; the text says why."""


# --- reading ----------------------------------------------------------------------------


def _read_text(payload: bytes) -> Term:
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        raise CodecError(f"it is no UTF-8: {error.reason} at byte {error.start}") from None
    return payload


def _read_json(payload: bytes) -> Term:
    try:
        value = json.loads(payload, parse_constant=_refuse_constant, parse_float=_finite)
        # A lone surrogate is JSON and no text: nobody could be sent it.
        return _as_term(value)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"it is no JSON: {_one_line(error)}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:20]} is too large")
    return value


def _as_term(value: Any, depth: int = 0) -> Term:
    """JSON as a term that other nodes can be sent: text is a binary."""
    if depth > MAX_DEPTH:
        raise ValueError(f"more than {MAX_DEPTH} levels")
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [_as_term(element, depth + 1) for element in value]
    if isinstance(value, dict):
        return {key.encode(): _as_term(element, depth + 1) for key, element in value.items()}
    return value  # a number, a truth value or None


def _read_etf(payload: bytes) -> Term:
    try:
        value: Term = decode(payload, limits=ETF_LIMITS)
    except TermDecodeError as error:
        raise CodecError(f"it is no term: {error}") from None
    return value


# --- writing ----------------------------------------------------------------------------


def _write_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str) and not isinstance(value, Atom):
        return value.encode()
    raise CodecError("a payload is a binary; a codec (json, etf) makes one of other terms")


def _write_text(value: Any) -> bytes:
    payload = _write_bytes(value)
    _read_text(payload)
    return payload


def _write_json(value: Any) -> bytes:
    try:
        return json.dumps(_as_json(value), ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise CodecError(f"it cannot be written as JSON: {_one_line(error)}") from None


def _as_json(value: Any, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"more than {MAX_DEPTH} levels")
    if isinstance(value, bytes):
        return value.decode()
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, list):
        return [_as_json(element, depth + 1) for element in value]
    if hasattr(value, "items"):
        return {_as_key(key): _as_json(element, depth + 1) for key, element in value.items()}
    raise ValueError(f"{type(value).__name__} has no form in JSON")


def _as_key(key: Any) -> str:
    if isinstance(key, bytes):
        return key.decode()
    if isinstance(key, str):
        return str(key)
    raise ValueError("the keys of a map are binaries or atoms")


def _write_etf(value: Any) -> bytes:
    try:
        return encode(value)
    except TermEncodeError as error:
        raise CodecError(f"it is no term: {error}") from None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


# --- which codec ------------------------------------------------------------------------


class Codec:
    """`read(payload)` gives a term, `write(term)` a payload; both raise CodecError."""

    __slots__ = ("name", "read", "write")

    def __init__(self, name: str, read: Callable[[bytes], Term], write: Callable[[Any], bytes]) -> None:
        self.name, self.read, self.write = name, read, write


CODECS: Final = {
    codec.name: codec
    for codec in (
        Codec("bytes", lambda payload: payload, _write_bytes),
        Codec("text", _read_text, _write_text),
        Codec("json", _read_json, _write_json),
        Codec("etf", _read_etf, _write_etf),
    )
}


class Codecs:
    """The codec of each topic: `{"sensors/#": "json"}`; bytes where no filter matches.

    Where several match it is the one that was named first.
    """

    def __init__(self, by_filter: Mapping[str, str]) -> None:
        """BadArg for a filter or a codec that there is not."""
        self._tree: FilterTree[tuple[int, Codec]] = FilterTree()
        self._is_empty = not by_filter
        for place, (filter, name) in enumerate(by_filter.items()):
            wrong = check_filter(filter)
            if wrong is not None:
                raise BadArg(f"codecs: {filter!r} is no filter: {wrong}")
            if not isinstance(name, str) or name not in CODECS:
                raise BadArg(f"codecs: one of {', '.join(CODECS)} is wanted for {filter!r}, not {name!r}")
            self._tree.add(plain(filter), (place, CODECS[name]))

    def of(self, topic: str) -> Codec:
        """The codec of a topic."""
        if self._is_empty:
            return CODECS["bytes"]
        found = self._tree.matches(topic)
        return min(found, key=lambda each: each[0])[1] if found else CODECS["bytes"]
