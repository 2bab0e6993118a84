"""From annotations to checks: what a callback is handed is what it says that it takes.

    @on_call
    def rename(self, name: str, limit: int | None) -> str: ...

A binary becomes a `str` where one is wanted, an integer a `float`; everything else is
only checked.  A value that does not fit is `Mismatch`, which to the server is a
missing clause.

| Annotation | Takes |
| --- | --- |
| `int`, `float`, `bytes`, `bool` | that type; `float` takes integers, `int` no booleans |
| `str` | a binary in UTF-8, or text; an atom is no text |
| `Atom` | atoms, True, False and None too (`true`, `false`, `nil`) |
| `list[T]`, `tuple[A, B]`, `tuple[T, ...]`, `dict[K, V]` | elements are converted |
| a union, `Optional` | what fits unchanged, else the first that can be converted |
| `Literal[...]` | equal values |
| `Any`, `object`, nothing | everything |
| another class | its instances: `Pid`, `Reference`, registered structs |
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from pyerlnode.errors import UsageError
from pyerlnode.term import Atom, Term

__all__ = ["Converter", "Mismatch", "converter"]

Converter: TypeAlias = Callable[[Term], Any]


class Mismatch(Exception):  # not an error: the next clause is tried
    """The value is not of the type that is wanted."""


def converter(annotation: Any) -> Converter | None:
    """What checks and converts for `annotation`; None where everything is taken.

    UsageError for an annotation that no term can be checked against.
    """
    if annotation in (Any, object):
        return None
    if annotation is None or (isinstance(annotation, type) and annotation in _SCALARS):
        return _SCALARS[annotation]
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _union([converter(arg) for arg in args])
    if origin is typing.Annotated:
        return converter(args[0])
    if origin is typing.Literal:
        return _literal(args)
    if origin in _CONTAINERS:
        return _CONTAINERS[origin](args)
    if isinstance(annotation, type):
        return _instance(annotation)
    raise UsageError(f"terms cannot be checked against the annotation {annotation!r}; Any takes all")


# --- scalars ------------------------------------------------------------------------


def _int(value: Term) -> int:
    if type(value) is not int:
        raise Mismatch
    return value


def _float(value: Term) -> float:
    if type(value) is float:
        return value
    return float(_int(value))


def _str(value: Term) -> str:
    if type(value) is str:
        return value
    if type(value) is not bytes:
        raise Mismatch
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Mismatch from None


def _atom(value: Term) -> Atom:
    if type(value) is Atom:
        return value
    if value is None:
        return Atom("nil")
    return Atom("true" if _bool(value) else "false")


def _bool(value: Term) -> bool:
    if type(value) is not bool:
        raise Mismatch
    return value


def _none(value: Term) -> None:
    if value is not None:
        raise Mismatch


_SCALARS: dict[Any, Converter] = {
    int: _int,
    float: _float,
    str: _str,
    bool: _bool,
    Atom: _atom,
    None: _none,
    type(None): _none,
}


def _instance(wanted: type) -> Converter:
    def check(value: Term) -> Term:
        if not isinstance(value, wanted):
            raise Mismatch
        return value

    return check


# --- what is made of others ------------------------------------------------------------


def _union(members: list[Converter | None]) -> Converter | None:
    if None in members:
        return None

    def convert(value: Term) -> Any:
        converted: list[Any] = []
        for member in members:
            assert member is not None
            try:
                result = member(value)
            except Mismatch:
                continue
            if result is value:
                return value
            converted.append(result)
        if not converted:
            raise Mismatch
        return converted[0]

    return convert


def _literal(values: tuple[Any, ...]) -> Converter:
    def check(value: Term) -> Any:
        for literal in values:
            if literal == value and isinstance(literal, bool) == isinstance(value, bool):
                return literal
        raise Mismatch

    return check


def _list(args: tuple[Any, ...]) -> Converter:
    each = converter(args[0])

    def convert(value: Term) -> list[Any]:
        if type(value) is not list:
            raise Mismatch
        return value if each is None else [each(element) for element in value]

    return convert


def _tuple(args: tuple[Any, ...]) -> Converter:
    if len(args) == 2 and args[1] is Ellipsis:
        every = converter(args[0])

        def convert_all(value: Term) -> tuple[Any, ...]:
            if type(value) is not tuple:
                raise Mismatch
            return value if every is None else tuple([every(element) for element in value])

        return convert_all
    members = [converter(arg) for arg in args]

    def convert(value: Term) -> tuple[Any, ...]:
        if type(value) is not tuple or len(value) != len(members):
            raise Mismatch
        pairs = zip(members, value, strict=True)
        return tuple([element if member is None else member(element) for member, element in pairs])

    return convert


def _mapping(wanted: Any) -> Callable[[tuple[Any, ...]], Converter]:
    def make(args: tuple[Any, ...]) -> Converter:
        key_of, value_of = converter(args[0]) or _same, converter(args[1]) or _same

        def convert(value: Term) -> dict[Any, Any]:
            if not isinstance(value, wanted):
                raise Mismatch
            converted = {key_of(key): value_of(item) for key, item in value.items()}
            if len(converted) != len(value):
                raise Mismatch  # two keys became one, such as "a" and <<"a">>
            return converted

        return convert

    return make


def _same(value: Term) -> Term:
    return value


_CONTAINERS: dict[Any, Callable[[tuple[Any, ...]], Converter]] = {
    list: _list,
    Sequence: _list,
    tuple: _tuple,
    dict: _mapping(dict),
    Mapping: _mapping(Mapping),
}
