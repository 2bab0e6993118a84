"""Showing a server's state, and anything else, to other nodes.

A state may hold what has no Erlang term: a socket, a model, a lock.  Such a value is
shown as text, the rest as it is, however deep.

Proof: tests/otp/test_readable.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyerlnode.errors import PyerlnodeError, TermError
from pyerlnode.term import Atom, Map, Term, encode
from pyerlnode.term.text import brief

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["attributes", "described", "readable", "replace_attributes", "restored", "saved", "shortened"]

_MAX_TEXT = 1000


def readable(value: Any) -> Term:
    """`value` as a term that can be sent; what has none becomes its `repr`."""
    return _Walk().run(value)


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
    except RecursionError:
        return brief(value, _MAX_TEXT)
    except Exception as error:  # of its class, which is the program's
        text = f"<{type(value).__name__}: its repr failed with {type(error).__name__}>"
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}... ({len(text)} characters)"


def described(error: BaseException) -> str:
    """An exception in a line for a status: its class is the program's, and so is what it says."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception as failed:
        return f"{type(error).__name__}: its text cannot be had ({type(failed).__name__})"


def _own(instance: object) -> dict[str, Any]:
    """In the order of assignment; those in slots first."""
    own: dict[str, Any] = {}
    for cls in reversed(type(instance).__mro__):
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__") and hasattr(instance, name):
                own[name] = getattr(instance, name)
    return {**own, **getattr(instance, "__dict__", {})}


# Containers are walked without recursion, for what other nodes send is of any depth: those that
# are entered wait on a stack, and what is to be built from their parts comes after these.


class _Walk:
    """One `readable`: values to look at, the containers that are open, and what was made of values."""

    def __init__(self) -> None:
        self._made: list[Term] = []
        self._open: set[int] = set()
        self._todo: list[tuple[Any, bool]] = []

    def run(self, value: Any) -> Term:
        self._todo.append((value, False))
        while self._todo:
            item, is_entered = self._todo.pop()
            if is_entered:
                self._leave(item)
            elif type(item) not in _CONTAINERS:
                self._made.append(_leaf(item))
            elif id(item) in self._open:
                self._made.append(shortened(item))  # it contains itself
            else:
                self._enter(item)
        return self._made[0]

    def _enter(self, container: Any) -> None:
        self._open.add(id(container))
        self._todo.append((container, True))
        self._todo += [(part, False) for part in reversed(_parts(container))]

    def _leave(self, container: Any) -> None:
        self._open.remove(id(container))
        count = len(_parts(container))
        start = len(self._made) - count
        parts = self._made[start:]
        del self._made[start:]
        self._made.append(_CONTAINERS[type(container)](container, parts))


def _leaf(value: Any) -> Term:
    if isinstance(value, (set, frozenset)):
        return shortened(value)
    try:
        encode(value)
    except (PyerlnodeError, TypeError, ValueError):
        return shortened(value)
    return value


def _parts(container: Any) -> list[Any]:
    if isinstance(container, (list, tuple)):
        return list(container)
    return [part for pair in container.items() for part in pair]


def _map(value: Any, parts: list[Term]) -> Term:
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    try:
        exact = Map(pairs)
    except TermError:
        return shortened(value)  # two keys that are the same term, such as "a" and b"a"
    return dict(pairs) if type(value) is dict else exact


# What is built again of the parts of a container.
_CONTAINERS: dict[type, Callable[[Any, list[Term]], Term]] = {
    list: lambda _, parts: parts,
    tuple: lambda _, parts: tuple(parts),
    dict: _map,
    Map: _map,
}
