"""`erlang`: numbers, atoms, tuples and lists to one another, and to text.

Atoms are never forgotten, so closures may make `NEW_ATOMS` of them and no more.

Source: module `erlang` of the ERTS reference manual (OTP 27).
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

from typing import Final

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.limits import check_length
from pyerlnode.services.evaluator.stdlib import numerals
from pyerlnode.services.evaluator.stdlib.arguments import (
    atom_text,
    badarg,
    is_atom,
    is_integer,
    listed,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term, charlist
from pyerlnode.term.types import known_atom

erlang = Library("erlang")

NEW_ATOMS: Final = 10_000
_SYSTEM_LIMIT = Atom("system_limit")
_UTF8, _UNICODE, _LATIN1 = Atom("utf8"), Atom("unicode"), Atom("latin1")
_ATOMS: Final[dict[str, Term]] = {"true": True, "false": False, "nil": None}


def text_of_list(value: Term) -> str:
    """The text of a list of characters; `badarg` for anything else."""
    if not isinstance(value, list) or not all(is_integer(item, 0) and item < 0x110000 for item in value):
        raise badarg()
    return "".join(map(chr, value))


def text_of_binary(value: Term) -> str:
    """A binary, byte by byte; `badarg` for anything else."""
    if not isinstance(value, bytes):
        raise badarg()
    return value.decode("latin-1")


# --- integers and floats --------------------------------------------------------------------


def _an_integer(value: Term) -> int:
    if not is_integer(value):
        raise badarg()
    return int(value)


def _base(value: Term) -> int:
    if not numerals.is_base(value):
        raise badarg()
    return int(value)


@erlang.function("integer_to_list", 1)
def integer_to_list(value: Term) -> Term:
    return charlist(numerals.integer_text(_an_integer(value)))


@erlang.function("integer_to_list", 2)
def integer_to_list_in(value: Term, base: Term) -> Term:
    return charlist(numerals.integer_text(_an_integer(value), _base(base)))


@erlang.function("integer_to_binary", 1)
def integer_to_binary(value: Term) -> Term:
    return numerals.integer_text(_an_integer(value)).encode()


@erlang.function("integer_to_binary", 2)
def integer_to_binary_in(value: Term, base: Term) -> Term:
    return numerals.integer_text(_an_integer(value), _base(base)).encode()


@erlang.function("list_to_integer", 1)
def list_to_integer(text: Term) -> Term:
    return numerals.integer(text_of_list(text), 10)


@erlang.function("list_to_integer", 2)
def list_to_integer_in(text: Term, base: Term) -> Term:
    return numerals.integer(text_of_list(text), _base(base))


@erlang.function("binary_to_integer", 1)
def binary_to_integer(text: Term) -> Term:
    return numerals.integer(text_of_binary(text), 10)


@erlang.function("binary_to_integer", 2)
def binary_to_integer_in(text: Term, base: Term) -> Term:
    return numerals.integer(text_of_binary(text), _base(base))


def _float_text(value: Term, options: Term) -> str:
    if type(value) is not float:
        raise badarg()
    return numerals.float_text(value, listed(options))


@erlang.function("float_to_list", 1)
def float_to_list(value: Term) -> Term:
    return charlist(_float_text(value, []))


@erlang.function("float_to_list", 2)
def float_to_list_by(value: Term, options: Term) -> Term:
    return charlist(_float_text(value, options))


@erlang.function("float_to_binary", 1)
def float_to_binary(value: Term) -> Term:
    return _float_text(value, []).encode()


@erlang.function("float_to_binary", 2)
def float_to_binary_by(value: Term, options: Term) -> Term:
    return _float_text(value, options).encode()


@erlang.function("list_to_float", 1)
def list_to_float(text: Term) -> Term:
    return numerals.floating(text_of_list(text))


@erlang.function("binary_to_float", 1)
def binary_to_float(text: Term) -> Term:
    return numerals.floating(text_of_binary(text))


# --- atoms ----------------------------------------------------------------------------------


class _Made:
    """How many atoms closures have made."""

    count = 0


def atom_of(text: str) -> Term:
    """The atom of this text; `system_limit` where it is too long, or one too many."""
    if text in _ATOMS:
        return _ATOMS[text]
    found = known_atom(text)
    if found is not None:
        return found
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise badarg()
    if len(text) > Atom.MAX or _Made.count >= NEW_ATOMS:
        raise ErlangError(_SYSTEM_LIMIT)
    _Made.count += 1
    return Atom(text)


def existing_atom(text: str) -> Term:
    """The atom of this text; `badarg` where there is none yet."""
    found = _ATOMS.get(text, known_atom(text))
    if found is None and text != "nil":
        raise badarg()
    return found


def _encoded(data: Term, encoding: Term) -> str:
    """The text of a binary in `latin1`, `utf8` or `unicode`."""
    if not isinstance(data, bytes) or encoding not in (_UTF8, _UNICODE, _LATIN1):
        raise badarg()
    try:
        return data.decode("latin-1" if encoding is _LATIN1 else "utf-8")
    except UnicodeDecodeError:
        raise badarg() from None


def _name(atom: Term) -> str:
    if not is_atom(atom):
        raise badarg()
    return atom_text(atom)


@erlang.function("atom_to_list", 1)
def atom_to_list(atom: Term) -> Term:
    return charlist(_name(atom))


@erlang.function("atom_to_binary", 1)
def atom_to_binary(atom: Term) -> Term:
    return _name(atom).encode()


@erlang.function("atom_to_binary", 2)
def atom_to_binary_in(atom: Term, encoding: Term) -> Term:
    if encoding not in (_UTF8, _UNICODE, _LATIN1):
        raise badarg()
    try:
        return _name(atom).encode("latin-1" if encoding is _LATIN1 else "utf-8")
    except UnicodeEncodeError:
        raise badarg() from None


@erlang.function("list_to_atom", 1)
def list_to_atom(text: Term) -> Term:
    return atom_of(text_of_list(text))


@erlang.function("list_to_existing_atom", 1)
def list_to_existing_atom(text: Term) -> Term:
    return existing_atom(text_of_list(text))


@erlang.function("binary_to_atom", 1)
def binary_to_atom(data: Term) -> Term:
    return atom_of(_encoded(data, _UTF8))


@erlang.function("binary_to_atom", 2)
def binary_to_atom_in(data: Term, encoding: Term) -> Term:
    return atom_of(_encoded(data, encoding))


@erlang.function("binary_to_existing_atom", 1)
def binary_to_existing_atom(data: Term) -> Term:
    return existing_atom(_encoded(data, _UTF8))


@erlang.function("binary_to_existing_atom", 2)
def binary_to_existing_atom_in(data: Term, encoding: Term) -> Term:
    return existing_atom(_encoded(data, encoding))


# --- tuples ---------------------------------------------------------------------------------


def _a_tuple(value: Term) -> tuple[Term, ...]:
    if type(value) is not tuple:
        raise badarg()
    return value


@erlang.function("list_to_tuple", 1)
def list_to_tuple(items: Term) -> Term:
    return tuple(listed(items))


@erlang.function("tuple_to_list", 1)
def tuple_to_list(value: Term) -> Term:
    return list(_a_tuple(value))


@erlang.function("make_tuple", 2)
def make_tuple(size: Term, item: Term) -> Term:
    if not is_integer(size, 0):
        raise badarg()
    check_length(size)
    return (item,) * size


@erlang.function("make_tuple", 3)
def make_tuple_of(size: Term, default: Term, pairs: Term) -> Term:
    items = list(make_tuple(size, default))
    for pair in listed(pairs):
        if type(pair) is not tuple or len(pair) != 2 or not is_integer(pair[0], 1) or pair[0] > size:
            raise badarg()
        items[pair[0] - 1] = pair[1]
    return tuple(items)


@erlang.function("append_element", 2)
def append_element(value: Term, item: Term) -> Term:
    return (*_a_tuple(value), item)


@erlang.function("insert_element", 3)
def insert_element(position: Term, value: Term, item: Term) -> Term:
    items = _a_tuple(value)
    if not is_integer(position, 1) or position > len(items) + 1:
        raise badarg()
    return (*items[: position - 1], item, *items[position - 1 :])


@erlang.function("delete_element", 2)
def delete_element(position: Term, value: Term) -> Term:
    items = _a_tuple(value)
    if not is_integer(position, 1) or position > len(items):
        raise badarg()
    return items[: position - 1] + items[position:]
