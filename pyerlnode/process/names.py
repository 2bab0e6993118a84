"""Local names, and the hook for names that somebody else resolves.

Source: erlang:register/2, erlang:whereis/1; for via modules the documentation of
gen_server, `{via, Module, ViaName}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pyerlnode.errors import BadArg
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pyerlnode.process.process import Process
    from pyerlnode.process.runtime import Runtime


class NameRegistry(Protocol):
    """What a via module exports; `global` is one, too."""

    def register_name(self, name: Term, pid: Pid) -> bool | Awaitable[bool]:
        """Whether `pid` has the name now."""

    def unregister_name(self, name: Term) -> object:
        """Take the name away."""

    def whereis_name(self, name: Term) -> Pid | None:
        """Who has the name."""


class Names:
    """The registered names of one runtime; a process has at most one."""

    __slots__ = ("_names", "_runtime")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._names: dict[str, Process] = {}

    def get(self, name: str) -> Process | None:
        """The process with this name."""
        return self._names.get(name)

    def all(self) -> list[Atom]:
        """Every registered name."""
        return [Atom(name) for name in self._names]

    def register(self, name: str, pid: Pid) -> None:
        """Name a process of this node.

        BadArg if the name is taken or is `undefined`, if the process has a name, or is not alive.
        """
        process = self._runtime.process(pid) if isinstance(pid, Pid) else None
        if process is None:
            raise BadArg(f"register({name}): {pid!r} is no living process of this node")
        if not isinstance(name, str) or name in ("undefined", ""):
            raise BadArg(f"register({name!r}): not a name that can be registered")
        if name in self._names:
            raise BadArg(f"register({name}): the name is taken by {self._names[name]!r}")
        if process.name is not None:
            raise BadArg(f"register({name}): the process is registered as {process.name} already")
        process.name = Atom(name)
        self._names[process.name] = process

    def unregister(self, name: str) -> None:
        """BadArg if nobody has the name."""
        process = self._names.pop(name, None)
        if process is None:
            raise BadArg(f"unregister({name}): nobody has this name")
        process.name = None

    def drop(self, process: Process) -> None:
        """The process has ended: its name is free."""
        if process.name is not None:
            del self._names[process.name]
