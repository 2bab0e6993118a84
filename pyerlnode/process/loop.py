"""The event loop of a program that this package starts: uvloop's where that is installed.

`pip install pyerlnode[fast]` brings it.  Everything runs on asyncio's own loop as well, which
`PYERLNODE_LOOP=asyncio` asks for; a program that starts its own loop chooses by itself.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, TypeVar

from pyerlnode.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["run"]

_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """As `asyncio.run`, on the fastest loop that there is; ConfigError for an unknown PYERLNODE_LOOP."""
    try:
        factory = _factory(os.environ.get("PYERLNODE_LOOP"))
    except ConfigError:
        main.close()
        raise
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def _factory(wanted: str | None) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Who makes the loop; None for asyncio's own."""
    if wanted not in (None, "", "asyncio", "uvloop"):
        raise ConfigError(f"PYERLNODE_LOOP is {wanted!r}; asyncio and uvloop are possible")
    if wanted == "asyncio":
        return None
    try:
        import uvloop
    except ImportError:
        if wanted == "uvloop":
            raise ConfigError("PYERLNODE_LOOP is uvloop, which is not installed") from None
        return None
    return uvloop.new_event_loop
