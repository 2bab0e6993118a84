"""Elixir's `Registry`, for who asks about registries of this node by `rpc`.

Source: Registry of Elixir (1.18).
Proof: tests/services/test_builtins_registry.py, interop/test_registry.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.errors import Exit
from pyerlnode.otp import Registry
from pyerlnode.otp.registry.client import RegistryNames, start_registry_of
from pyerlnode.process import this_process
from pyerlnode.process.spawning import apply_export
from pyerlnode.services.builtins.start_options import keywords
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Export, Pid, Term

registry = BuiltinModule("Registry")

_REGISTRY = Atom("Elixir.Registry")
_OK, _ERROR, _UNDEFINED = Atom("ok"), Atom("error"), Atom("undefined")
_NOTHING: Any = object()


@registry.export
def count(name: Atom) -> int:
    return Registry.count(name)


@registry.export
def keys(name: Atom, pid: Pid) -> list[Term]:
    return Registry.keys(name, pid)


@registry.export
def lookup(name: Atom, key: Any) -> Term:
    return Registry.lookup(name, key)


@registry.export
def values(name: Atom, key: Any, pid: Pid) -> list[Term]:
    return Registry.values(name, key, pid)


@registry.export
def select(name: Atom, spec: list[Any]) -> list[Term]:
    return Registry.select(name, spec)


@registry.export
def count_select(name: Atom, spec: list[Any]) -> int:
    return Registry.count_select(name, spec)


@registry.export
def unregister(name: Atom, key: Any) -> Atom:
    return Registry.unregister(name, key)


@registry.export
def put_meta(name: Atom, key: Any, value: Any) -> Atom:
    return Registry.put_meta(name, key, value)


@registry.export
def delete_meta(name: Atom, key: Any) -> Atom:
    return Registry.delete_meta(name, key)


@registry.export
async def start_link(options: Any) -> Term:
    given = keywords(options)
    if "meta" in given:
        given["meta"] = keywords(given["meta"])
    return await start_registry_of(given)


@registry.export
def child_spec(options: Any) -> Term:
    return {
        Atom("id"): keywords(options).get("name", _REGISTRY),
        Atom("start"): (_REGISTRY, Atom("start_link"), [options]),
        Atom("type"): Atom("supervisor"),
    }


@registry.export
def register(name: Atom, key: Any, value: Any) -> Term:
    try:
        return (_OK, Registry.register(name, key, value))
    except Exit as error:
        return (_ERROR, error.reason)


@registry.export
def match(name: Atom, key: Any, pattern: Any, guards: list[Any] | None = None) -> Term:
    return Registry.match(name, key, pattern, guards or [])


@registry.export
def count_match(name: Atom, key: Any, pattern: Any, guards: list[Any] | None = None) -> int:
    return Registry.count_match(name, key, pattern, guards or [])


@registry.export
def unregister_match(name: Atom, key: Any, pattern: Any, guards: list[Any] | None = None) -> Atom:
    return Registry.unregister_match(name, key, pattern, guards or [])


@registry.export
def meta(name: Atom, key: Any) -> Term:
    found = Registry.meta(name, key, _NOTHING)
    return _ERROR if found is _NOTHING else (_OK, found)


@registry.export
async def dispatch(name: Atom, key: Any, function: Any, options: Any = None) -> Atom:
    """The function may wait: it is called here, when all entries are known."""
    calls: list[list[tuple[Pid, Any]]] = []
    Registry.dispatch(name, key, calls.append)
    for entries in calls:
        if type(function) is tuple:
            module, called, args = function
            await _apply(Export(module, called, len(args) + 1), [entries, *args])
        else:
            await _apply(function, [entries])
    return _OK


async def _apply(function: Any, args: list[Term]) -> None:
    await apply_export(this_process().runtime, function, args)


# --- as a module of names ---------------------------------------------------------------------


@registry.export
def whereis_name(name: tuple[Any, ...]) -> Term:
    return RegistryNames(this_process().runtime).whereis_name(name) or _UNDEFINED


@registry.export
def send(name: tuple[Any, ...], message: Any) -> Term:
    return RegistryNames(this_process().runtime).send(name, message)
