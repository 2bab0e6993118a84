"""System messages: looking into a running process, suspending it, changing its code.

    {system, {Pid, Tag}, Request}

Every behaviour answers them through `handle`; what differs between behaviours is
behind `Target`.  The other half of the module is what a caller uses:

    state = await sys.get_state("Elixir.Counter")
    await sys.suspend(("Elixir.Counter", "kate@localhost"))

Source: sys(3) and sys.erl of OTP's stdlib (27: the state is answered as `{ok, State}`).
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.otp import gen
from pyerlnode.otp.debug import Debug, apply
from pyerlnode.otp.readable import readable
from pyerlnode.otp.results import atom, check_timeout
from pyerlnode.process import exit_reason, this_process
from pyerlnode.term import Atom, Pid, Term, charlist

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from pyerlnode.otp.gen import ServerRef
    from pyerlnode.process import Process

__all__ = [
    "Target",
    "change_code",
    "get_state",
    "get_status",
    "handle",
    "install",
    "log",
    "log_to_file",
    "no_debug",
    "remove",
    "replace_state",
    "resume",
    "statistics",
    "suspend",
    "terminate",
    "trace",
]

_OK, _ERROR = Atom("ok"), Atom("error")
_SYS: Final = Atom("sys")
_CALL_TIMEOUT = 5.0


class Target(Protocol):
    """What a behaviour provides so that `handle` can answer for it."""

    process: Process
    parent: Pid
    debug: Debug | None
    system_module: Atom
    """The behaviour's own module: gen_server, supervisor."""

    @property
    def suspended(self) -> bool:
        """Whether only system messages are handled now."""

    def system_suspend(self) -> None:
        """Handle system messages only, until `system_resume`."""

    def system_resume(self) -> None:
        """Handle everything again, what came meanwhile first."""

    def system_get_state(self) -> Term:
        """The state as others may see it."""

    def system_replace_state(self, state: Term) -> Term:
        """Take another state, of the shape of `system_get_state`; what it is now."""

    def system_status(self) -> list[Term]:
        """What `get_status` shows beside the process itself."""

    def system_code_change(self, module: Term, old_version: Term, extra: Term) -> Any:
        """`ok`, or what is the matter; may be a coroutine."""

    def system_terminate(self, reason: Term) -> Coroutine[Any, Any, None] | None:
        """End; raises Exit, or returns a coroutine that does."""


# --- the answering side -----------------------------------------------------------------


def handle(target: Target, message: tuple[Term, Term, Term]) -> Coroutine[Any, Any, None] | None:
    """Answer one system message; a coroutine if that has to wait."""
    _, caller, request = message
    reply = _answer(target, request)
    if inspect.isawaitable(reply):
        return _answer_later(target, caller, reply)
    gen.answer(target.process, caller, reply)
    if _is(request, "terminate", 2):
        return target.system_terminate(request[1])
    return None


async def _answer_later(target: Target, caller: gen.Caller, reply: Awaitable[Term]) -> None:
    gen.answer(target.process, caller, await reply)


def _answer(target: Target, request: Term) -> Any:
    if type(request) is Atom:
        handler = _PLAIN.get(request)
        if handler is not None:
            return handler(target)
    elif _is(request, "terminate", 2):
        return _OK
    elif _is(request, "replace_state", 2):
        return _replace_state(target, request[1])
    elif _is(request, "debug", 2):
        return _debug(target, request[1])
    elif _is(request, "change_code", 4) and target.suspended:
        return _change_code(target, *request[1:])
    return (_ERROR, (Atom("unknown_system_msg"), readable(request)))


def _is(request: Term, name: str, size: int) -> bool:
    return type(request) is tuple and len(request) == size and type(request[0]) is Atom and request[0] == name


def _suspend(target: Target) -> Term:
    target.system_suspend()
    return _OK


def _resume(target: Target) -> Term:
    target.system_resume()
    return _OK


def _get_state(target: Target) -> Term:
    try:
        return (_OK, target.system_get_state())
    except Exception as error:
        return _callback_failed(target, "system_get_state", error)


def _replace_state(target: Target, function: Any) -> Any:
    try:
        state = apply(target.process, function, [target.system_get_state()])
        if inspect.isawaitable(state):
            return _replaced_later(target, state)
        return (_OK, target.system_replace_state(state))
    except Exception as error:
        return _callback_failed(target, "system_replace_state", error)


async def _replaced_later(target: Target, state: Awaitable[Term]) -> Term:
    try:
        return (_OK, target.system_replace_state(await state))
    except Exception as error:
        return _callback_failed(target, "system_replace_state", error)


def _callback_failed(target: Target, function: str, error: Exception) -> Term:
    kind, reason = caught(error)
    where = (target.system_module, Atom(function))
    return (_ERROR, (Atom("callback_failed"), where, (kind, readable(reason))))


def caught(error: BaseException) -> tuple[Atom, Term]:
    """Class and reason of an exception, as Erlang's `catch Class:Reason` sees them."""
    if isinstance(error, Exit):
        return Atom("exit"), exit_reason(error)
    if isinstance(error, Throw):
        return Atom("throw"), error.value
    return _ERROR, exit_reason(error)[0]


def _get_status(target: Target) -> Term:
    process = target.process
    state = Atom("suspended" if target.suspended else "running")
    dictionary = [(readable(key), readable(value)) for key, value in (process.dictionary or {}).items()]
    options = target.debug.options() if target.debug is not None else []
    module = (Atom("module"), target.system_module)
    details = [dictionary, state, target.parent, options, target.system_status()]
    return (Atom("status"), process.pid, module, details)


def _debug(target: Target, option: Term) -> Term:
    if target.debug is None:
        target.debug = Debug(target.process, target.system_module)
    reply = target.debug.request(option)
    if target.debug.idle:
        target.debug = None
    return reply


def _change_code(target: Target, module: Term, old_version: Term, extra: Term) -> Any:
    try:
        result = target.system_code_change(module, old_version, extra)
        if inspect.isawaitable(result):
            return _changed_later(result)
    except Exception as error:
        return (_ERROR, (Atom("EXIT"), exit_reason(error)))
    return _changed(result)


async def _changed_later(result: Awaitable[Any]) -> Term:
    try:
        return _changed(await result)
    except Exception as error:
        return (_ERROR, (Atom("EXIT"), exit_reason(error)))


def _changed(result: Any) -> Term:
    return _OK if result is None or result == _OK else (_ERROR, readable(result))


_PLAIN: dict[str, Callable[[Target], Term]] = {
    "suspend": _suspend,
    "resume": _resume,
    "get_state": _get_state,
    "get_status": _get_status,
}


# --- the asking side ----------------------------------------------------------------------


async def _ask(name: str, server: ServerRef, request: Term, timeout: float | None, *args: Term) -> Term:
    process = this_process()
    process.check_may_wait(f"sys.{name}")
    check_timeout(timeout)
    try:
        return await gen.call(process, gen.SYSTEM, server, request, timeout)
    except Exit as error:
        raise gen.in_call(error, _SYS, Atom(name), [gen.server_term(server), *args]) from None


async def get_state(server: ServerRef, timeout: float | None = _CALL_TIMEOUT) -> Term:
    """The server's state; ErlangError if the server could not show it."""
    return _state(await _ask("get_state", server, Atom("get_state"), timeout))


async def replace_state(server: ServerRef, function: Any, timeout: float | None = _CALL_TIMEOUT) -> Term:
    """Give the server the state `function(state)`; what it is then.

    `function` is an Export or, for a server of this node, a Python function.
    """
    request = (Atom("replace_state"), function)
    return _state(await _ask("replace_state", server, request, timeout, function))


def _state(reply: Term) -> Term:
    """OTP 25 answers the state itself, newer ones `{ok, State}`."""
    match reply:
        case ("ok", state):
            return state
        case ("error", ("callback_failed", _, _) as failed):
            raise ErlangError(failed)
    return reply


async def get_status(server: ServerRef, timeout: float | None = _CALL_TIMEOUT) -> Term:
    """`(status, pid, (module, Mod), [dictionary, running | suspended, parent, debug, misc])`."""
    return await _ask("get_status", server, Atom("get_status"), timeout)


async def suspend(server: ServerRef, timeout: float | None = _CALL_TIMEOUT) -> Term:
    """Let the server handle nothing but system messages; `ok`."""
    return await _ask("suspend", server, Atom("suspend"), timeout)


async def resume(server: ServerRef, timeout: float | None = _CALL_TIMEOUT) -> Term:
    """End what `suspend` began; `ok`."""
    return await _ask("resume", server, Atom("resume"), timeout)


async def terminate(server: ServerRef, reason: Term, timeout: float | None = None) -> Term:
    """Order the server to end with `reason`, after its `terminate`; `ok` before it has."""
    reason = atom(reason)
    return await _ask("terminate", server, (Atom("terminate"), reason), timeout, reason)


async def change_code(
    server: ServerRef, module: str, old_version: Term, extra: Term, timeout: float | None = _CALL_TIMEOUT
) -> Term:
    """Call `code_change` of a suspended server; `ok` or `(error, reason)`."""
    args = (Atom(module), old_version, extra)
    return await _ask("change_code", server, (Atom("change_code"), *args), timeout, *args)


async def statistics(server: ServerRef, flag: bool | str, timeout: float | None = _CALL_TIMEOUT) -> Term:
    """True or False: begin or end to count; `"get"`: `(ok, list)` or `(ok, no_statistics)`."""
    return await _debugged("statistics", server, atom(flag), timeout)


async def log(server: ServerRef, flag: Term, timeout: float | None = _CALL_TIMEOUT) -> Term:
    """True, `(True, n)` or False: keep the last events; `"get"`: `(ok, events)`; `"print"`."""
    return await _debugged("log", server, atom(flag), timeout)


async def trace(server: ServerRef, flag: bool, timeout: float | None = _CALL_TIMEOUT) -> Term:
    """Print every event of the server, where its group leader prints."""
    return await _debugged("trace", server, flag, timeout)


async def log_to_file(server: ServerRef, name: str | bool, timeout: float | None = _CALL_TIMEOUT) -> Term:
    """Write every event of the server to the file of that name, False: end it.

    `ok` or `(error, open_file)`.  A server of another node writes on its own machine; those
    of Python nodes only do it for their own program.
    """
    file: Any = name
    if isinstance(name, str):
        file = Path(name) if _is_local(server) else charlist(name)
    return await _debugged("log_to_file", server, file, timeout)


def _is_local(server: ServerRef) -> bool:
    runtime = this_process().runtime
    found = gen.where(runtime, server)
    return isinstance(found, Pid) and runtime.is_local(found)


async def install(
    server: ServerRef, function: tuple[Any, ...], timeout: float | None = _CALL_TIMEOUT
) -> Term:
    """Call a function with every event: `(function, state)` or `(id, function, state)`.

    It is called with its state, the event and the server's name or pid, and returns its next
    state, or `done`.  An Export or, for a server of this node, a Python function.
    """
    return await _debugged("install", server, function, timeout)


async def remove(server: ServerRef, function: Any, timeout: float | None = _CALL_TIMEOUT) -> Term:
    """End what `install` began, by the id or by the function that was given."""
    return await _debugged("remove", server, function, timeout)


async def no_debug(server: ServerRef, timeout: float | None = _CALL_TIMEOUT) -> Term:
    """Switch everything off that statistics, log, trace, log_to_file and install switched on."""
    return await _ask("no_debug", server, (Atom("debug"), Atom("no_debug")), timeout)


async def _debugged(name: str, server: ServerRef, flag: Term, timeout: float | None) -> Term:
    return await _ask(name, server, (Atom("debug"), (Atom(name), flag)), timeout, flag)
