"""Showing a server's state, and anything else, to other nodes.

A state may hold what has no Erlang term: a socket, a model, a lock.  Such a value is
shown as text, the rest as it is.

Proof: tests/otp/test_readable.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.errors import PyerlnodeError, TermError
from pyerlnode.term import Atom, Map, Term, encode

__all__ = ["attributes", "readable", "replace_attributes", "restored", "saved", "shortened"]

# Deeper than this a value is shown as text; a value that contains itself is, sooner or later.
_MAX_DEPTH = 64
_MAX_TEXT = 1000


def readable(value: Any) -> Term:
    """`value` as a term that can be sent; what has none becomes its `repr`."""
    return _readable(value, _MAX_DEPTH)


def attributes(instance: object) -> dict[Term, Term]:
    """The attributes of an instance as a map with atom keys."""
    return {Atom(name[: Atom.MAX]): readable(value) for name, value in _own(instance).items()}


def replace_attributes(instance: object, state: Term) -> None:
    """The inverse of `attributes`; ValueError for what does not come from there.

    A class that shows its state by `__state__` takes it by `__replace_state__`.
    """
    take = getattr(instance, "__replace_state__", None)
    if take is not None:
        take(state)
        return
    if not isinstance(state, (dict, Map)):
        raise ValueError(f"the state is the map of the server's attributes, not {state!r}")
    pairs = list(state.items())
    for name, _ in pairs:
        if not isinstance(name, str) or not hasattr(instance, name):
            raise ValueError(f"the server has no attribute {name!r}")
    for name, value in pairs:
        setattr(instance, str(name), value)


def saved(instance: object) -> dict[str, Any]:
    """The attributes of an instance as they are, for `restored`."""
    return _own(instance)


def restored(instance: object, attributes: dict[str, Any]) -> None:
    """Give an instance the attributes that it had when they were `saved`, and no others."""
    for name in _own(instance).keys() - attributes.keys():
        delattr(instance, name)
    for name, value in attributes.items():
        setattr(instance, name, value)


def shortened(value: object) -> str:
    """Its `repr`, cut to a length that fits into a log."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}: its repr failed with {type(error).__name__}>"
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}... ({len(text)} characters)"


def _own(instance: object) -> dict[str, Any]:
    """In the order of assignment; those in slots first."""
    own: dict[str, Any] = {}
    for cls in reversed(type(instance).__mro__):
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__") and hasattr(instance, name):
                own[name] = getattr(instance, name)
    return {**own, **getattr(instance, "__dict__", {})}


def _readable(value: Any, depth: int) -> Term:
    kind = type(value)
    if kind in (list, tuple, dict, Map):
        return shortened(value) if depth == 0 else _CONTAINERS[kind](value, depth - 1)
    if isinstance(value, (set, frozenset)):
        return shortened(value)
    try:
        encode(value)
    except (PyerlnodeError, TypeError, ValueError):
        return shortened(value)
    return value


def _list(value: list[Any], depth: int) -> Term:
    return [_readable(element, depth) for element in value]


def _tuple(value: tuple[Any, ...], depth: int) -> Term:
    return tuple([_readable(element, depth) for element in value])


def _map(value: Any, depth: int) -> Term:
    pairs = [(_readable(key, depth), _readable(item, depth)) for key, item in value.items()]
    try:
        exact = Map(pairs)
    except TermError:
        return shortened(value)  # two keys that are the same term, such as "a" and b"a"
    return dict(pairs) if type(value) is dict else exact


_CONTAINERS: dict[type, Any] = {list: _list, tuple: _tuple, dict: _map, Map: _map}
