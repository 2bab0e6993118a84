"""What a function of the library, or a piece of a closure, asks the machine for.

A generator yields a request and is sent the value that came of it, or is thrown the
exception: that is how a function of Python's calls a closure without Python's stack.

    value = yield Call(fun, (1, 2))                 apply a fun
    value = yield Remote("lists", "sum", ([1],))    call a function by its name
    value = yield Await(io.puts("text"))            let the process wait for a coroutine
    return TailCall(fun, (1, 2))                    be replaced by a call
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from pyerlnode.term import Term

__all__ = ["Await", "Call", "Remote", "TailCall", "TailRemote"]


class Call:
    """Apply `fun` (a Fun, or an Export) to `args`; yields its value."""

    __slots__ = ("args", "fun")

    def __init__(self, fun: Term, args: Sequence[Term] = ()) -> None:
        self.fun = fun
        self.args = args


class TailCall(Call):
    """Returned, not yielded: the value of the call is that of the function that returns it."""

    __slots__ = ()


class Remote:
    """Call a function by its name: one that is exported, else one of the library, else `undef`."""

    __slots__ = ("args", "module", "name")

    def __init__(self, module: str, name: str, args: Sequence[Term] = ()) -> None:
        self.module = module
        self.name = name
        self.args = args


class TailRemote(Remote):
    """As `Remote`, returned instead of yielded."""

    __slots__ = ()


class Await:
    """Let the process wait for `awaitable`; what it raises is raised where this was yielded."""

    __slots__ = ("awaitable",)

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self.awaitable = awaitable
