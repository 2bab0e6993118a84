"""`Base`: binaries as digits of 16, 32 and 64.

Source: base.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pyerlnode.services.evaluator.limits import check_binary
from pyerlnode.services.evaluator.stdlib.elixir.support import ERROR, OK, argument_error, need, option
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Callable

base = Library("Elixir.Base")

_LOWER, _MIXED, _WHITESPACE = Atom("lower"), Atom("mixed"), Atom("whitespace")
_HEX32, _PLAIN32 = b"0123456789ABCDEFGHIJKLMNOPQRSTUV", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class _Kind(NamedTuple):
    encode: Callable[[bytes], bytes]
    decode: Callable[[bytes], bytes]
    group: int  # characters that belong together, and that padding fills
    cased: bool


def _decode_url(text: bytes) -> bytes:
    if re.search(rb"[+/]", text):
        raise binascii.Error("not of this alphabet")
    return _decode64(text.translate(bytes.maketrans(b"-_", b"+/")))


def _decode64(text: bytes) -> bytes:
    return base64.b64decode(text, validate=True)


def _encode_hex32(data: bytes) -> bytes:
    return base64.b32encode(data).translate(bytes.maketrans(_PLAIN32, _HEX32))


def _decode_hex32(text: bytes) -> bytes:
    if re.search(rb"[^0-9A-V=]", text):
        raise binascii.Error("not of this alphabet")
    return base64.b32decode(text.translate(bytes.maketrans(_HEX32, _PLAIN32)))


_KINDS: Final = {
    "{}16": _Kind(base64.b16encode, base64.b16decode, 2, True),
    "{}32": _Kind(base64.b32encode, base64.b32decode, 8, True),
    "hex_{}32": _Kind(_encode_hex32, _decode_hex32, 8, True),
    "{}64": _Kind(base64.b64encode, _decode64, 4, False),
    "url_{}64": _Kind(base64.urlsafe_b64encode, _decode_url, 4, False),
}


def _encoder(kind: _Kind) -> Callable[..., Term]:
    def encode(data: Term, options: Term = ()) -> Term:
        need(isinstance(data, bytes))
        check_binary(2 * len(data))
        given = list(options)
        text = kind.encode(data)
        if kind.cased and option(given, "case") is _LOWER:
            text = text.lower()
        return text.rstrip(b"=") if option(given, "padding", True) is False else text

    return encode


def _decoded(kind: _Kind, text: Term, options: list[Term]) -> bytes | None:
    """The binary; None where the text is none of this kind."""
    need(isinstance(text, bytes))
    if option(options, "ignore") is _WHITESPACE:
        text = re.sub(rb"[ \t\n\r]", b"", text)
    case = option(options, "case")
    if kind.cased and (case is _MIXED or case is _LOWER):
        if case is _LOWER and re.search(rb"[A-Z]", text):
            return None
        text = text.upper()
    if kind.group > 2 and option(options, "padding", True) is False:
        text = text.rstrip(b"=")
        text += b"=" * (-len(text) % kind.group)
    try:
        return kind.decode(text)
    except (binascii.Error, ValueError):
        return None


def _decoder(kind: _Kind) -> Callable[..., Term]:
    def decode(text: Term, options: Term = ()) -> Term:
        data = _decoded(kind, text, list(options))
        return ERROR if data is None else (OK, data)

    return decode


def _strict(kind: _Kind) -> Callable[..., Term]:
    def decode(text: Term, options: Term = ()) -> Term:
        data = _decoded(kind, text, list(options))
        if data is None:
            raise argument_error(_what_is_wrong(kind, text))
        return data

    return decode


def _what_is_wrong(kind: _Kind, text: bytes) -> str:
    if kind.group == 2 and len(text) % 2:
        return (
            "string given to decode has wrong length. An even number of bytes was expected, got: "
            f"{len(text)}. Double check your string for unwanted characters or pad it accordingly"
        )
    allowed = rb"[^0-9A-F]" if kind.group == 2 else rb"[^0-9A-Za-z+/_=-]"
    wrong = re.search(allowed, text)
    if wrong is None:
        return "incorrect padding"
    byte = wrong.group()[0]
    return f'non-alphabet character found: "{chr(byte)}" (byte {byte})'


def _asker(kind: _Kind) -> Callable[..., Term]:
    def is_valid(text: Term, options: Term = ()) -> Term:
        return _decoded(kind, text, list(options)) is not None

    return is_valid


for _pattern, _kind in _KINDS.items():
    for _arity in (1, 2):
        base.function(_pattern.format("encode"), _arity)(_encoder(_kind))
        base.function(_pattern.format("decode"), _arity)(_decoder(_kind))
        base.function(_pattern.format("decode") + "!", _arity)(_strict(_kind))
        base.function(_pattern.format("valid") + "?", _arity)(_asker(_kind))
