"""The agent and the registries of `conformance.py`, and the functions about them."""

from __future__ import annotations

from typing import Any

import pyerlnode as erl
from pyerlnode import Atom, Exit, GenServer, Module, Pid, Registry

UNIQUE, BAG = "Elixir.Conf.Registry", "Elixir.Conf.Bag"

fun = Module("Conf.Fun")


@fun.export
async def registry_call(key: Any, request: Any) -> Any:
    return await GenServer.call(Registry.via(UNIQUE, key), request)


@fun.export
def registry_lookup(key: Any) -> Any:
    return Registry.lookup(UNIQUE, key)


@fun.export
def registry_keys(pid: Pid) -> Any:
    return Registry.keys(UNIQUE, pid)


@fun.export
def registry_count() -> int:
    return Registry.count(UNIQUE)


@fun.export
def bag_register(key: Any, value: Any) -> Any:
    try:
        return (Atom("ok"), Registry.register(BAG, key, value))
    except Exit as refused:
        return (Atom("error"), refused.reason)


@fun.export
def bag_lookup(key: Any) -> Any:
    return Registry.lookup(BAG, key)


@fun.export
def bag_send(key: Any, message: Any) -> Atom:
    def send(entries: list[tuple[Pid, Any]]) -> None:
        for pid, value in entries:
            erl.send(pid, (value, message))

    return Registry.dispatch(BAG, key, send)


_IDENTITY = [Atom("Elixir.Conf.Fun"), Atom("identity"), [0], [(Atom("name"), Atom("conf_agent"))]]

CHILDREN = [
    {"id": "agent", "start": ("Elixir.Agent", "start_link", _IDENTITY)},
    Registry.child(keys="unique", name=UNIQUE),
    Registry.child(keys="duplicate", name=BAG),
]
