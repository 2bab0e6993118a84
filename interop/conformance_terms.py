"""Between Python and the terms of the suites: times, results of starts, the process dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyerlnode as erl
from pyerlnode import Atom, ErlangError, Exit, Pid

if TYPE_CHECKING:
    from collections.abc import Awaitable

OK, ERROR = Atom("ok"), Atom("error")
UNDEFINED = Atom("undefined")


def is_timeout(ms: Any) -> bool:
    return bool(ms == "infinity") or (type(ms) is int and ms >= 0)


def seconds(ms: int | Atom) -> float | None:
    if not is_timeout(ms):
        raise ErlangError("function_clause")
    return None if isinstance(ms, str) else ms / 1000


def from_dictionary(key: Any) -> Any:
    value = erl.get(key)
    return None if value == UNDEFINED else value


async def started(start: Awaitable[Pid | None]) -> Any:
    """What a start gives in Erlang."""
    try:
        pid = await start
    except Exit as exited:
        return (ERROR, exited.reason)
    return Atom("ignore") if pid is None else (OK, pid)
