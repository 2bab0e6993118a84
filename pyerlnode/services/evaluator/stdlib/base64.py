"""`base64`: encoding and decoding, of binaries and of lists of bytes.

Source: base64.erl of OTP 27.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import base64 as of_python
import binascii
import re
from typing import Final

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator import limits
from pyerlnode.services.evaluator.stdlib.arguments import badarg, function_clause, is_list
from pyerlnode.services.evaluator.stdlib.erlang_binaries import iolist
from pyerlnode.services.evaluator.stdlib.exact import MISSING, get, is_map
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

base64 = Library("base64")

_MODE, _PADDING = Atom("mode"), Atom("padding")
_URLSAFE, _STANDARD = Atom("urlsafe"), Atom("standard")
_MISSING_PADDING = Atom("missing_padding")
_SPACE: Final = re.compile(rb"[ \t\r\n]")
_STRAY: Final = {False: re.compile(rb"[^A-Za-z0-9+/=]"), True: re.compile(rb"[^A-Za-z0-9_=-]")}


def _bytes(data: Term) -> bytes:
    if not isinstance(data, bytes) and not is_list(data):
        raise function_clause()
    return iolist(data)


def _options(options: Term) -> tuple[bool, bool]:
    """Whether for URLs, and whether with padding."""
    if not is_map(options):
        raise badarg()
    mode, padding = get(options, _MODE, _STANDARD), get(options, _PADDING, True)
    if mode not in (_STANDARD, _URLSAFE) or not isinstance(padding, bool):
        raise badarg()
    return mode is _URLSAFE, padding


@base64.function("encode", 1)
def encode(data: Term) -> Term:
    return encode_by(data, {})


@base64.function("encode", 2)
def encode_by(data: Term, options: Term) -> Term:
    for_urls, padded = _options(options)
    given = _bytes(data)
    limits.check_binary(len(given) * 4 // 3 + 4)
    written = (of_python.urlsafe_b64encode if for_urls else of_python.b64encode)(given)
    return written if padded else written.rstrip(b"=")


@base64.function("encode_to_string", 1)
def encode_to_string(data: Term) -> Term:
    return list(encode(data))


@base64.function("decode", 1)
def decode(data: Term) -> Term:
    return decode_by(data, {})


@base64.function("decode", 2)
def decode_by(data: Term, options: Term) -> Term:
    for_urls, padded = _options(options)
    text = _SPACE.sub(b"", _bytes(data))
    if _STRAY[for_urls].search(text):
        raise badarg() if get(options, _MODE) is MISSING else function_clause()
    return _decoded(text, for_urls, padded)


@base64.function("mime_decode", 1)
def mime_decode(data: Term) -> Term:
    return _decoded(_STRAY[False].sub(b"", _bytes(data)), for_urls=False, padded=True)


@base64.function("decode_to_string", 1)
def decode_to_string(data: Term) -> Term:
    return list(decode(data))


def _decoded(text: bytes, for_urls: bool, padded: bool) -> bytes:
    missing = -len(text) % 4
    if missing and padded:
        raise ErlangError(_MISSING_PADDING)
    try:
        filled = text + b"=" * missing
        return of_python.b64decode(filled, b"-_" if for_urls else None, validate=True)
    except binascii.Error:
        raise ErlangError(_MISSING_PADDING) from None
