"""`unicode`: characters as binaries, lists and in other encodings.

Source: unicode.erl of OTP 27.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final, Literal

from pyerlnode.services.evaluator import limits
from pyerlnode.services.evaluator.stdlib.arguments import (
    badarg,
    is_integer,
    is_list,
    split_tail,
    with_tail,
)
from pyerlnode.services.evaluator.stdlib.erlang_binaries import parts_of
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.services.evaluator.stdlib.string import text_of
from pyerlnode.term import Atom, BitString, Term, charlist

if TYPE_CHECKING:
    from collections.abc import Callable

unicode = Library("unicode")

_ERROR, _INCOMPLETE = Atom("error"), Atom("incomplete")
_LATIN1, _UTF8 = Atom("latin1"), Atom("utf8")
_CODECS: Final = {
    "latin1": "latin-1",
    "utf8": "utf-8",
    "unicode": "utf-8",
    "utf16": "utf-16-be",
    "utf32": "utf-32-be",
}


def codec(encoding: Term) -> str:
    """Python's name of an encoding; `badarg` for what is none."""
    match encoding:
        case (Atom() as name, Atom() as order) if name in ("utf16", "utf32") and order in ("big", "little"):
            return _CODECS[str(name)][:-2] + ("be" if order == "big" else "le")
        case Atom() if encoding in _CODECS:
            return _CODECS[str(encoding)]
    raise badarg()


def _text(data: Term, encoding: str) -> tuple[str, Term | None, Term]:
    """The text, and where it ends too early: which of `error` and `incomplete`, and the rest."""
    before, rest = _up_to_large(data)
    if rest is not None:
        text, failure, others = _text(before, encoding)
        return (text, failure, others) if failure is not None else (text, _ERROR, rest)
    out: list[str] = []
    waiting = b""
    parts = characters(data)
    for index, part in enumerate(parts):
        if isinstance(part, int):
            if waiting:
                return "".join(out), _ERROR, waiting
            if not _is_character(part, encoding):
                return "".join(out), _ERROR, parts[index:]
            out.append(chr(part))
            continue
        waiting += part
        try:
            out.append(waiting.decode(encoding))
            waiting = b""
        except UnicodeDecodeError as error:
            out.append(waiting[: error.start].decode(encoding))
            waiting = waiting[error.start :]
            if "unexpected end" not in error.reason and "truncated" not in error.reason:
                return "".join(out), _ERROR, waiting
    return "".join(out), (_INCOMPLETE if waiting else None), waiting


def _up_to_large(data: Term) -> tuple[Term, Term | None]:
    """A list up to an integer that takes more than a word: a BEAM looks at nothing behind it."""
    if not is_list(data):
        return data, None
    items, end = split_tail(data)
    at = next((at for at, item in enumerate(items) if is_integer(item) and item >> 59 not in (0, -1)), None)
    return (data, None) if at is None else (list(items[:at]), with_tail(list(items[at:]), end))


def _is_character(code: int, encoding: str) -> bool:
    most = 0xFF if encoding == "latin-1" else 0x10FFFF
    return 0 <= code <= most and not 0xD800 <= code <= 0xDFFF


def characters(data: Term) -> list[Term]:
    """The binaries and code points of chardata; `badarg` for anything else."""
    if is_integer(data):
        raise badarg()
    parts = list(parts_of(data, None))
    if any(isinstance(part, BitString) for part in parts):
        raise badarg()
    return parts


@unicode.function("characters_to_list", 1)
def characters_to_list(data: Term) -> Term:
    return characters_to_list_in(data, _UTF8)


@unicode.function("characters_to_list", 2)
def characters_to_list_in(data: Term, encoding: Term) -> Term:
    text, failure, rest = _text(data, codec(encoding))
    limits.check_length(len(text))
    return charlist(text) if failure is None else (failure, charlist(text), rest)


@unicode.function("characters_to_binary", 1)
def characters_to_binary(data: Term) -> Term:
    return characters_to_binary_in(data, _UTF8, _UTF8)


@unicode.function("characters_to_binary", 2)
def characters_to_binary_of(data: Term, encoding: Term) -> Term:
    return characters_to_binary_in(data, encoding, _UTF8)


@unicode.function("characters_to_binary", 3)
def characters_to_binary_in(data: Term, encoding: Term, wanted: Term) -> Term:
    text, failure, rest = _text(data, codec(encoding))
    into = codec(wanted)
    try:
        written = text.encode(into)
    except UnicodeEncodeError as error:
        left = text[error.start :]
        return (
            _ERROR,
            text[: error.start].encode(into),
            left.encode() if isinstance(data, bytes) else charlist(left),
        )
    limits.check_binary(len(written))
    return written if failure is None else (failure, written, rest)


@unicode.function("bom_to_encoding", 1)
def bom_to_encoding(data: Term) -> Term:
    if not isinstance(data, bytes):
        raise badarg()
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return (encoding, len(mark))
    return (_LATIN1, 0)


@unicode.function("encoding_to_bom", 1)
def encoding_to_bom(encoding: Term) -> Term:
    return b"" if encoding is _LATIN1 else "\ufeff".encode(codec(encoding))


_MARKS: Final[tuple[tuple[bytes, Term], ...]] = (
    (b"\xef\xbb\xbf", _UTF8),
    (b"\x00\x00\xfe\xff", (Atom("utf32"), Atom("big"))),
    (b"\xff\xfe\x00\x00", (Atom("utf32"), Atom("little"))),
    (b"\xfe\xff", (Atom("utf16"), Atom("big"))),
    (b"\xff\xfe", (Atom("utf16"), Atom("little"))),
)


def _normal(
    form: Literal["NFC", "NFD", "NFKC", "NFKD"],
) -> tuple[Callable[[Term], Term], Callable[[Term], Term]]:
    """`characters_to_nf*_list` and `characters_to_nf*_binary`."""

    def text(data: Term) -> str:
        return unicodedata.normalize(form, text_of(data))

    return lambda data: charlist(text(data)), lambda data: text(data).encode()


for _form in ("NFC", "NFD", "NFKC", "NFKD"):
    _list, _binary = _normal(_form)
    unicode.function(f"characters_to_{_form.lower()}_list", 1)(_list)
    unicode.function(f"characters_to_{_form.lower()}_binary", 1)(_binary)
