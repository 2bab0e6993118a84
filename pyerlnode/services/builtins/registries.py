"""`global`: names and locks of the cluster, on a node that is a member of it.

On one that is not, they are `undef`: an answer would be half a protocol.

Source: global(3) of OTP's kernel.
Proof: tests/services/test_builtins.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.errors import ErlangError
from pyerlnode.process import this_process
from pyerlnode.services import global_ as names
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Pid, Term

global_ = BuiltinModule(":global")

_GLOBAL = Atom("global")
_UNDEF, _UNDEFINED = Atom("undef"), Atom("undefined")
_YES, _NO = Atom("yes"), Atom("no")


def _check(function: str, *args: Term) -> None:
    if _GLOBAL not in this_process().runtime.name_hooks:
        raise ErlangError(_UNDEF, [(_GLOBAL, Atom(function), list(args), [])])


@global_.export
async def set_lock(lock: tuple[Any, Any], nodes: list[Atom] | None = None, retries: Any = None) -> bool:
    _check("set_lock", lock, nodes, retries)
    return await names.set_lock(lock, nodes, None if retries == "infinity" else retries)


@global_.export
async def del_lock(lock: tuple[Any, Any], nodes: list[Atom] | None = None) -> bool:
    _check("del_lock", lock, nodes)
    return await names.del_lock(lock, nodes)


@global_.export
def whereis_name(name: Any) -> Term:
    _check("whereis_name", name)
    return names.whereis_name(name) or _UNDEFINED


@global_.export
def registered_names() -> list[Term]:
    _check("registered_names")
    return names.registered_names()


@global_.export
async def register_name(name: Any, pid: Pid) -> Atom:
    _check("register_name", name, pid)
    return _YES if await names.register_name(name, pid) else _NO


@global_.export
async def unregister_name(name: Any) -> Atom:
    _check("unregister_name", name)
    await names.unregister_name(name)
    return Atom("ok")


@global_.export
def send(name: Any, message: Any) -> Pid:
    _check("send", name, message)
    return names.send(name, message)
