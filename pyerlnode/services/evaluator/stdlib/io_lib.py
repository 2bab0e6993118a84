"""`io_lib`: terms as lists of characters.

`format/2` gives what a BEAM gives: the characters of the text, and a list for each control
sequence.

Source: io_lib.erl of OTP 27.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

from pyerlnode.errors import BadArg, ErlangError
from pyerlnode.services import io_lib as texts
from pyerlnode.services.evaluator.limits import check_length
from pyerlnode.services.evaluator.stdlib.arguments import (
    atom_text,
    badarg,
    function_clause,
    is_atom,
    is_integer,
    is_list,
    split_tail,
)
from pyerlnode.services.evaluator.stdlib.erlang_binaries import iolist
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Term, charlist, to_erlang

io_lib = Library("io_lib")


def _formatted(text: Term, args: Term) -> Term:
    try:
        pieces = texts.parts(text, args)
    except BadArg:
        raise badarg() from None
    check_length(sum(len(piece) for piece, _ in pieces))
    out: list[Term] = []
    for piece, made in pieces:
        out += [charlist(piece)] if made else charlist(piece)
    return out


io_lib.function("format", 2)(_formatted)
io_lib.function("fwrite", 2)(_formatted)


@io_lib.function("nl", 0)
def newline() -> Term:
    return charlist("\n")


@io_lib.function("write", 1)
def write(value: Term) -> Term:
    return charlist(to_erlang(value, strings=False))


@io_lib.function("print", 1)
def print_(value: Term) -> Term:
    return charlist(to_erlang(value))


@io_lib.function("write_atom", 1)
def write_atom(atom: Term) -> Term:
    if not is_atom(atom):
        raise function_clause()
    return charlist(to_erlang(atom))


@io_lib.function("write_string", 1)
def write_string(text: Term) -> Term:
    shown = to_erlang(text)
    return charlist(shown if shown.startswith('"') else f'"{"".join(map(chr, text))}"')


# --- questions --------------------------------------------------------------------------------


def _is_printable(code: Term, most: int) -> bool:
    """Whether it is a character that is shown as itself, or one of the usual escapes."""
    if not is_integer(code, 0) or code > most or 0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF):
        return False
    return bool(32 <= code <= 126 or code >= 160 or 8 <= code <= 13 or code == 27)


def _printable(value: Term, most: int) -> bool:
    return isinstance(value, list) and all(_is_printable(item, most) for item in value)


@io_lib.function("printable_list", 1)
def printable_list(value: Term) -> Term:
    return _printable(value, 0x10FFFF)


@io_lib.function("printable_unicode_list", 1)
def printable_unicode_list(value: Term) -> Term:
    return _printable(value, 0x10FFFF)


@io_lib.function("printable_latin1_list", 1)
def printable_latin1_list(value: Term) -> Term:
    return _printable(value, 255)


@io_lib.function("char_list", 1)
def char_list(value: Term) -> Term:
    return isinstance(value, list) and all(
        is_integer(item, 0) and item <= 0x10FFFF and not 0xD800 <= item <= 0xDFFF for item in value
    )


@io_lib.function("latin1_char_list", 1)
def latin1_char_list(value: Term) -> Term:
    return isinstance(value, list) and all(is_integer(item, 0) and item <= 255 for item in value)


@io_lib.function("chars_length", 1)
def chars_length(data: Term) -> Term:
    try:
        return len(iolist(data))  # bytes, where it may be taken for that
    except ErlangError:
        pass
    try:
        return len(texts.chardata(data))
    except BadArg:
        raise badarg() from None


@io_lib.function("deep_char_list", 1)
def deep_char_list(value: Term) -> Term:
    stack = [value]
    while stack:
        elements, tail = split_tail(stack.pop())
        if not isinstance(tail, list):
            return False
        stack += [item for item in elements if is_list(item)]
        if not char_list([item for item in elements if not is_list(item)]):
            return False
    return True


@io_lib.function("write_atom_as_latin1", 1)
def write_atom_as_latin1(atom: Term) -> Term:
    if not is_atom(atom):
        raise function_clause()
    shown = to_erlang(atom)
    return charlist("".join(c if ord(c) < 256 else f"\\x{{{ord(c):X}}}" for c in shown or atom_text(atom)))
