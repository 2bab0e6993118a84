"""The functions of `application` that ask the application controller; they give OTP's terms.

    await start(chat, "temporary")         ok, or (error, reason)

Names that are not loaded cannot be started: there are no files to look into, so what is
not a name here is a specification, as an object or as OTP's term.

Source: application.erl of OTP's kernel (start, ensure_all_started, stop).
Proof: tests/otp/test_application.py, interop/test_applications.py.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import Exit, UsageError
from pyerlnode.otp.application.callbacks import ERROR, OK, type_of
from pyerlnode.otp.application.controller import CONTROLLER, TEMPORARY
from pyerlnode.otp.application.spec import ApplicationSpec
from pyerlnode.otp.application.table import table
from pyerlnode.otp.gen_server import GenServer
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = [
    "ask",
    "call_elsewhere",
    "ensure_all_started",
    "ensure_started",
    "load",
    "loaded_applications",
    "start",
    "stop",
    "unload",
    "which_applications",
]

_LOAD, _UNLOAD = Atom("load_application"), Atom("unload_application")
_START, _STOP = Atom("start_application"), Atom("stop_application")
_WHICH = Atom("which_applications")
_ALREADY_LOADED, _ALREADY_STARTED = Atom("already_loaded"), Atom("already_started")
_NOT_STARTED = Atom("not_started")
_APPLICATION: Final = "application"

# Calls module, function and arguments on another node; `services` knows how.
_elsewhere: Callable[[str, str, str, list[Term]], Awaitable[Any]] | None = None


def call_elsewhere(call: Callable[[str, str, str, list[Term]], Awaitable[Any]]) -> None:
    """Say how functions of other nodes are called."""
    global _elsewhere
    _elsewhere = call


async def ask(node: str | None, function: str, *args: Any) -> Any:
    """Call one of the functions below, here or on another node."""
    if node is None:
        return await _FUNCTIONS[function](*args)
    if _elsewhere is None:
        raise UsageError("nothing is known about other nodes without pyerlnode.services")
    if any(isinstance(arg, ApplicationSpec) for arg in args):
        raise UsageError("an Application of Python cannot be started on another node")
    return await _elsewhere(node, _APPLICATION, function, list(args))


async def _controller(request: Term) -> Any:
    return await GenServer.call(CONTROLLER, request, None)


async def load(app: Any) -> Any:
    """`ok`, `{error, {already_loaded, App}}` or what is wrong with the specification."""
    return await _controller((_LOAD, app))


async def unload(name: Any) -> Any:
    """`ok`, `{error, {running, Name}}` or `{error, {not_loaded, Name}}`."""
    return await _controller((_UNLOAD, name))


async def start(app: Any, type: Any = TEMPORARY) -> Any:
    """`ok`, or `{error, Reason}`."""
    loaded = await load(app)
    if loaded is not OK and loaded[1][0] is not _ALREADY_LOADED:
        return loaded
    return await _controller((_START, _name(app), type))


async def stop(name: Any) -> Any:
    """`ok`, or `{error, {not_started, Name}}`."""
    return await _controller((_STOP, name))


async def ensure_started(app: Any, type: Any = TEMPORARY) -> Any:
    """As `start`, and `ok` if it runs already."""
    started = await start(app, type)
    return OK if _is_error(started, _ALREADY_STARTED) else started


async def ensure_all_started(apps: Any, type: Any = TEMPORARY, mode: Any = None) -> Any:
    """`{ok, Started}`, what was started in this order; `{error, {Name, Reason}}`, after stopping those."""
    started: list[Any] = []
    for app in apps if isinstance(apps, list) else [apps]:
        failed = await _start_all(app, type, started)
        if failed is not None:
            with suppress(Exit):  # a permanent one that fails ends the controller, and all others with it
                for name in reversed(started):
                    await stop(name)
            return (ERROR, failed)
    return (OK, started)


async def _start_all(app: Any, type: Any, started: list[Any]) -> Term | None:
    """Start one, and first what it needs; None, or which one failed and why."""
    waiting = [app]
    while waiting:
        result = await start(waiting[-1], type)
        name = _name(waiting[-1])
        if result is OK:
            started.append(name)
        elif _is_error(result, _NOT_STARTED):
            needed = result[1][1]
            if any(_name(each) == needed for each in waiting):
                return (name, result[1])  # they wait for each other
            waiting.append(needed)
            continue
        elif not _is_error(result, _ALREADY_STARTED):
            return (name, result[1])
        waiting.pop()
    return None


async def which_applications(*timeout: Any) -> Any:
    """`[{Name, Description, Version}]` of those that run, started last first."""
    return await _controller(_WHICH)


async def loaded_applications() -> Any:
    """The same of those that are loaded."""
    return [spec.listed for spec in reversed(table().loaded.values())]


def _name(app: Any) -> Any:
    if isinstance(app, ApplicationSpec):
        return app.name
    return app[1] if type_of(app) == (_APPLICATION, 3) else app


def _is_error(result: Any, kind: Atom) -> bool:
    return type_of(result) == (ERROR, 2) and type_of(result[1]) == (kind, 2)


_FUNCTIONS: Final[dict[str, Callable[..., Awaitable[Any]]]] = {
    "ensure_all_started": ensure_all_started,
    "ensure_started": ensure_started,
    "load": load,
    "loaded_applications": loaded_applications,
    "start": start,
    "stop": stop,
    "unload": unload,
    "which_applications": which_applications,
}
