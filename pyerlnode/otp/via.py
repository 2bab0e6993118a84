"""Who resolves `("via", module, name)`: modules of this package, and any module that is exported.

A module of names has `whereis_name/1` (a pid or `undefined`), `register_name/2` (`yes` or
`no`) and `unregister_name/1`.  Those of this package are `provide`d; a program exports
its own:

    names = Module("Phone.Book")

    @names.export
    def whereis_name(name): return BOOK.get(name, Atom("undefined"))

Names are resolved on the node of who uses them, as in OTP.

Source: gen(3) and gen_server(3), `{via, Module, ViaName}`; gen.erl.
Proof: tests/otp/test_via.py, interop/test_registry.py.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import UsageError
from pyerlnode.process.spawning import apply_export
from pyerlnode.term import Atom, Export, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyerlnode.process import NameRegistry, Runtime

__all__ = ["provide", "resolver"]

_WHEREIS, _REGISTER, _UNREGISTER = Atom("whereis_name"), Atom("register_name"), Atom("unregister_name")

_provided: Final[dict[Atom, Callable[[Runtime], NameRegistry]]] = {}


def provide(module: str, make: Callable[[Runtime], NameRegistry]) -> None:
    """Let `make(runtime)` be what resolves the names of `module` in each runtime."""
    _provided[Atom(module)] = make


def resolver(runtime: Runtime, module: Atom) -> NameRegistry:
    """What resolves the names of `module`."""
    found = runtime.name_hooks.get(module)
    if found is not None:
        return found
    make = _provided.get(module)
    if make is None:
        return _Exported(runtime, module)
    made = runtime.name_hooks[module] = make(runtime)
    return made


class _Exported:
    """A module that is called by the runtime's apply hook; `undef` if there is none."""

    __slots__ = ("_module", "_runtime")

    def __init__(self, runtime: Runtime, module: Atom) -> None:
        self._runtime, self._module = runtime, module

    def whereis_name(self, name: Term) -> Pid | None:
        """UsageError for a function that waits: where a server is must be known at once."""
        found = self._runtime.apply_hook(self._export(_WHEREIS, 1), [name])
        if inspect.iscoroutine(found):
            found.close()
            raise UsageError(f"{self._module}.whereis_name must be a def, not an async def")
        return found if isinstance(found, Pid) else None

    async def register_name(self, name: Term, pid: Pid) -> bool:
        done = await self._apply(_REGISTER, name, pid)
        return isinstance(done, str) and done == "yes"

    def unregister_name(self, name: Term) -> Awaitable[Any]:
        return self._apply(_UNREGISTER, name)

    def _apply(self, function: Atom, *args: Term) -> Awaitable[Any]:
        return apply_export(self._runtime, self._export(function, len(args)), list(args))

    def _export(self, function: Atom, arity: int) -> Export:
        return Export(self._module, function, arity)
