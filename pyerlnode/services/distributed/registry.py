"""DistributedRegistry: processes of all nodes by keys that are any terms, each key once.

    await Counter.start_link(0, name=DistributedRegistry.via("Elixir.Counters", "kate"))
    await GenServer.call(DistributedRegistry.via("Elixir.Counters", "kate"), Atom("get"))     on any node

The process under `key` has the global name `{Registry, Key}`, and that is all: there is nothing
to start, and a BEAM needs no code for it: `GenServer.call({:global, {Counters, "kate"}}, :get)`.
Registering asks every node, which takes some milliseconds; looking up is local.  A process has
one global name.  Where a key may have many processes, `pg` does it.

Source: global(3) of OTP's kernel; what Registry of Elixir does on one node.
Proof: tests/services/distributed/test_distributed_registry.py, interop/test_cluster.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyerlnode.errors import BadArg, Exit
from pyerlnode.process import self as own_pid
from pyerlnode.services import global_
from pyerlnode.term import Atom, Pid, Term, equal

if TYPE_CHECKING:
    from pyerlnode.services.global_.resolve import Resolver

__all__ = ["DistributedRegistry"]

_GLOBAL: Final = Atom("global")
_TAKEN: Final = Atom("already_registered")


class DistributedRegistry:
    """All of it is in functions of the class; a registry is known by its name, an atom."""

    __slots__ = ()

    @staticmethod
    def via(registry: str, key: Term) -> tuple[Atom, tuple[Atom, Term]]:
        """The name of the process under `key`, for everything that takes a name, on every node."""
        return (_GLOBAL, (Atom(registry), key))

    @staticmethod
    async def register(registry: str, key: Term, resolve: Resolver = "random_exit_name") -> None:
        """Register the caller under `key`.

        `resolve` says who keeps it when nodes meet that both have it: as `global_.register_name`.
        Exit `(already_registered, pid)` where another process, or the caller, has it.  BadArg for a
        process that has another global name.
        """
        name, pid = (Atom(registry), key), own_pid()
        if not await global_.register_name(name, pid, resolve):
            holder = global_.whereis_name(name)
            if holder is None:
                raise BadArg("a process has one global name, and this one has another")
            raise Exit((_TAKEN, holder))

    @staticmethod
    async def unregister(registry: str, key: Term) -> Atom:
        """Take the caller's key away; `ok`, also if it is not its own."""
        name = (Atom(registry), key)
        if global_.whereis_name(name) == own_pid():
            await global_.unregister_name(name)
        return Atom("ok")

    @staticmethod
    def whereis(registry: str, key: Term) -> Pid | None:
        """The process under `key`, of whichever node."""
        return global_.whereis_name((Atom(registry), key))

    @staticmethod
    def keys(registry: str) -> list[Term]:
        """All keys, in no particular order."""
        names = global_.registered_names()
        return [
            name[1]
            for name in names
            if type(name) is tuple and len(name) == 2 and equal(name[0], Atom(registry))
        ]

    @staticmethod
    def count(registry: str) -> int:
        """How many keys there are."""
        return len(DistributedRegistry.keys(registry))
