"""What an application is made of, as the process that starts and stops it sees it.

`InstanceCallbacks` calls the methods of a Python object, `ModuleCallbacks` what is exported
under a module's name.  Both give OTP's terms: `{ok, Pid}` or `{error, Reason}` from a
start, whatever it was that the callback did.

Source: application_master.erl of OTP's kernel (start_it_old, prep_stop, loop_it).
Proof: tests/otp/test_application.py, interop/test_applications.py.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.otp.readable import readable
from pyerlnode.otp.results import Failure, Ignore
from pyerlnode.process import error_reason, exit_reason, stacktrace, this_process
from pyerlnode.term import Atom, Export, Pid, Term, to_elixir

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.otp.application.behaviour import Application

__all__ = ["Callbacks", "InstanceCallbacks", "ModuleCallbacks"]

logger = logging.getLogger("pyerlnode.otp")

OK: Final = Atom("ok")
ERROR: Final = Atom("error")
_EXIT, _CANCELLED, _UNDEF = Atom("EXIT"), Atom("cancelled"), Atom("undef")
_START, _START_PHASE = Atom("start"), Atom("start_phase")
_PREP_STOP, _STOP = Atom("prep_stop"), Atom("stop")
_NORMAL_EXIT = (_EXIT, Atom("normal"))
_BAD_RETURN = Atom("bad_return")


class Callbacks(Protocol):
    """What starts and stops an application."""

    module: Atom
    args: Term

    async def start(self, type: Term) -> Term:
        """`{ok, Pid}`, Pid None if there is no topmost process; or `{error, Reason}`."""

    async def start_phase(self, phase: Term, type: Term, args: Term) -> Term:
        """`ok` or `{error, Reason}`."""

    async def prep_stop(self) -> None:
        """Before its processes are stopped."""

    async def stop(self) -> None:
        """When they have ended."""


class InstanceCallbacks:
    """The methods of an `Application`; `make` gives the object, for each start anew."""

    def __init__(self, make: Callable[[], Application], module: Atom, args: Term) -> None:
        self.module, self.args = module, args
        self._make = make
        self._application: Application

    async def start(self, type: Term) -> Term:
        call = (self.module, _START, [type, readable(self.args)])
        return _started(await _caught(lambda: self._start(type)), call)

    async def _start(self, type: Term) -> Any:
        self._application = self._make()
        return await _failure(self._application.start, type, self.args)

    async def start_phase(self, phase: Term, type: Term, args: Term) -> Term:
        call = (self.module, _START_PHASE, [phase, type, args])
        method = self._application.start_phase
        return _phase_done(await _caught(lambda: _failure(method, phase, type, args)), call)

    async def prep_stop(self) -> None:
        await _logged(self._application.prep_stop, self.module, _PREP_STOP)

    async def stop(self) -> None:
        await _logged(self._application.stop, self.module, _STOP)


class ModuleCallbacks:
    """The functions `start/2`, `start_phase/3`, `prep_stop/1` and `stop/1` of an exported module."""

    def __init__(self, module: Atom, args: Term) -> None:
        self.module, self.args = module, args
        self._state: Term = []

    async def start(self, type: Term) -> Term:
        result = await _caught(lambda: self._apply(_START, type, self.args))
        if type_of(result) == (OK, 3):
            self._state = result[2]
        return _started(result, (self.module, _START, [type, self.args]))

    async def start_phase(self, phase: Term, type: Term, args: Term) -> Term:
        result = await _caught(lambda: self._apply(_START_PHASE, phase, type, args))
        return _phase_done(result, (self.module, _START_PHASE, [phase, type, args]))

    async def prep_stop(self) -> None:
        result = await _caught(lambda: self._apply(_PREP_STOP, self._state))
        if type_of(result) != (_EXIT, 2):
            self._state = result
        elif not _is_undefined(result[1]):
            _report(self.module, _PREP_STOP, result[1])

    async def stop(self) -> None:
        result = await _caught(lambda: self._apply(_STOP, self._state))
        if type_of(result) == (_EXIT, 2):
            _report(self.module, _STOP, result[1])

    def _apply(self, function: Atom, *args: Term) -> Any:
        export = Export(self.module, function, len(args))
        return this_process().runtime.apply_hook(export, list(args))


def type_of(term: Any) -> tuple[Term, int]:
    """The first element of a tuple, if that is an atom, and its size; (None, 0) for anything else."""
    if type(term) is not tuple or not term or type(term[0]) is not Atom:
        return (None, 0)
    return (term[0], len(term))


# --- what a callback did --------------------------------------------------------------------


async def _failure(method: Callable[..., Any], *args: Any) -> Term:
    """Call a Python method: an `Exit` in it is what a failed `start_link` raises, so a failed start."""
    try:
        result = method(*args)
        result = await result if inspect.isawaitable(result) else result
    except Exit as error:
        return (ERROR, exit_reason(error))
    return (ERROR, result.reason) if isinstance(result, Failure) else result


async def _caught(call: Callable[[], Any]) -> Any:
    """What Erlang's `catch` gives: the value, what was thrown, or `{'EXIT', Reason}`."""
    try:
        result = call()
        return await result if inspect.isawaitable(result) else result
    except Exit as error:
        return (_EXIT, exit_reason(error))
    except Throw as error:
        return error.value
    except asyncio.CancelledError:
        if not this_process().alive:
            raise
        return (_EXIT, _CANCELLED)
    except Exception as error:
        if not isinstance(error, ErlangError):
            # The term that this becomes says where, but not how it came to that.
            logger.error("a callback of an application failed", exc_info=error)
        return (_EXIT, (error_reason(error), stacktrace(error)))


def _started(result: Any, call: Term) -> Term:
    """The result of `start` as the application's master takes it."""
    if isinstance(result, Pid) or result is None:
        return (OK, result)
    if isinstance(result, Ignore):
        result = Atom("ignore")
    kind, size = type_of(result)
    if kind is OK and size in (2, 3) and isinstance(result[1], Pid):
        return (OK, result[1])
    return _failed(result, call)


def _phase_done(result: Any, call: Term) -> Term:
    return OK if result is None or result is OK else _failed(result, call)


def _failed(result: Any, call: Term) -> Term:
    if type_of(result) == (ERROR, 2):
        return (ERROR, (result[1], call))
    if type_of(result) == (_EXIT, 2) and result == _NORMAL_EXIT:
        return (ERROR, (_NORMAL_EXIT, call))
    return (ERROR, (_BAD_RETURN, (call, readable(result))))


def _is_undefined(reason: Term) -> bool:
    return type(reason) is tuple and len(reason) == 2 and reason[0] is _UNDEF


async def _logged(method: Callable[[], Any], module: Atom, function: Atom) -> None:
    """Call a method that nothing depends on any more."""
    result = await _caught(method)
    if type_of(result) == (_EXIT, 2):
        _report(module, function, result[1])


def _report(module: Atom, function: Atom, reason: Term) -> None:
    logger.error(
        "%s of the application's module %s failed: %s", function, module, to_elixir(readable(reason))
    )
