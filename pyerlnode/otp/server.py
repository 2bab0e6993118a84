"""What runs in the process of a GenServer: one message after the other to its callbacks.

A message's way is short: what kind it is, which method it is for, the method, the
reply.  Nothing is made for it that is not sent.  `def` callbacks run inline; an
`async def` callback is a coroutine that the process runs to its end before the next
message, so there is never more than one callback of a server under way.

Source: gen_server.erl of OTP's stdlib (loop, handle_common_reply, terminate), gen_server.ex.
Proof: tests/otp/test_gen_server_*.py.
"""

from __future__ import annotations

import asyncio
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, NoReturn
from weakref import ref as weak_reference

from pyerlnode.errors import ErlangError, Exit, TermEncodeError, Throw
from pyerlnode.otp import proc_lib, reports, sys
from pyerlnode.otp.answering import answer
from pyerlnode.otp.debug import CONTINUE, IN, NOREPLY, OUT, Debug
from pyerlnode.otp.gen import CALL, CAST, SYSTEM
from pyerlnode.otp.local_call import LocalCall
from pyerlnode.otp.readable import readable
from pyerlnode.otp.results import Continue, Failure, Hibernate, Ignore, NoReply, Reply, Result, Stop
from pyerlnode.otp.server_system import ServerSystem
from pyerlnode.otp.starting import init_ack
from pyerlnode.process import exit_reason
from pyerlnode.process._steps import is_a
from pyerlnode.process.process import CANCELLED, EXIT, NORMAL
from pyerlnode.process.reasons import code_location
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from weakref import ReferenceType

    from pyerlnode.otp.dispatch import Handler, Handlers
    from pyerlnode.otp.gen import Caller
    from pyerlnode.process.process import Process

    Pending = Coroutine[Any, Any, None] | None

__all__ = ["Server"]

_OK, _ERROR = Atom("ok"), Atom("error")
_TIMEOUT: Final = Atom("timeout")
_FUNCTION_CLAUSE, _BAD_RETURN = Atom("function_clause"), Atom("bad_return_value")

# In the place of a caller that is none: it cannot be answered, but the request is a call.
_NO_CALLER: Any = ()
_NOBODY = Pid("nonode@nohost", 0, 0, 0)

# What a plain value that a callback returns means.
_REPLY = 0  # the reply: @on_call
_NONE_ONLY = 1  # None is "go on", all else is a bad return: @on_cast, @on_info
_NOTHING = 2  # nothing: the OTP style

_GO_ON = (NoReply, Continue, Hibernate)


class Server(ServerSystem):
    """The `Behaviour` of one GenServer; `state` is the instance of its class."""

    __slots__ = (
        "_caller",
        "_ending",
        "_message",
        "_timeout",
        "_timer",
        "_to_start",
    )

    def __init__(
        self,
        cls: type,
        handlers: Handlers,
        args: tuple[Any, ...],
        parent: Pid | None,
        debug: tuple[Any, ...] = (),
    ) -> None:
        self._held = None
        self._class = cls
        self._handlers = handlers
        # Arguments of `init`, and options of `sys`: given up at the start, since idle servers must be small.
        self._to_start: tuple[tuple[Any, ...], tuple[Any, ...]] | None = (args, debug)
        self.parent = parent or _NOBODY  # until it runs: a server that nobody is linked to is its own
        self.state: Any = None
        self.debug: Debug | None = None
        # Whose call is handled; a LocalCall until it is known that it is not answered at once.
        self._caller: Any = None
        self._message: Term = None
        self._timeout: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ending = False

    def __repr__(self) -> str:
        return f"<Server {self._class.__name__}>"

    # --- start ------------------------------------------------------------------------

    def start(self, process: Process) -> Pending:
        """Make the instance and call its `init`."""
        args = self._attach(process)
        handler = self._handlers.init
        try:
            self.state = self._class()
            converted = handler.arguments(args)
            if converted is None:
                raise self._no_fit(handler.function, list(args))
            result = handler.function(self.state, *converted)
        except Throw as thrown:
            result = thrown.value
        except BaseException as error:
            return self._init_failed(error)
        if type(result) is CoroutineType:
            return self._init_later(result)
        return self._initialised(result)

    def enter(self, process: Process, state: Any, first: Any) -> Pending:
        """Be what `process` does from now on; see `enter_loop`."""
        self._attach(process)
        self.state = state
        return self._settle(first, _NONE_ONLY)

    def _attach(self, process: Process) -> tuple[Any, ...]:
        """Begin to run in `process`; the arguments of `init`."""
        self.process = process
        if self.parent is _NOBODY:
            self.parent = process.pid
        (args, debug), self._to_start = self._to_start or ((), ()), None
        if debug:
            self.debug = Debug.of(process, self.system_module, debug)
        return args

    async def _init_later(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            result = await coroutine
        except Throw as thrown:
            result = thrown.value
        except BaseException as error:
            if not self.process.alive:
                raise
            self._init_failed(error)
        pending = self._initialised(result)
        if pending is not None:
            await pending

    def _initialised(self, result: Any) -> Pending:
        kind = type(result)
        if result is Ignore or kind is Ignore:
            # Who starts it learns of it when it has ended, so that the name is free by then.
            proc_lib.init_fail(self.process, proc_lib.IGNORE)
            raise Exit(NORMAL)
        if kind is Failure:
            proc_lib.init_fail(self.process, (_ERROR, result.reason))
            raise Exit(NORMAL)
        if kind is Stop and not result.has_reply:
            self._not_started(result.reason, None)
        if result is not None and result is not Hibernate and kind not in _GO_ON:
            self._not_started((_BAD_RETURN, self._shown_result(result)), None)
        init_ack(self.process, (_OK, self.process.pid))
        if result is None:
            return None
        return self._settle(result, _NOTHING)

    def _init_failed(self, error: BaseException) -> NoReturn:
        if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
            raise error
        reason = CANCELLED if isinstance(error, asyncio.CancelledError) else exit_reason(error)
        self._not_started(reason, None if isinstance(error, Exit) else error)

    def _not_started(self, reason: Term, error: BaseException | None) -> NoReturn:
        if not reports.is_quiet(reason):
            reports.init_failed(self.process, self._handlers.module, reason, error)
        proc_lib.init_fail(self.process, (_ERROR, reason))
        raise Exit(reason)

    def working_for(self) -> tuple[Pid, BaseException] | None:
        """Whose call is handled now; when that process ends, `@blocking` work may end without a reply."""
        self._open_call()
        caller = self._caller
        if type(caller) is tuple and len(caller) == 2 and type(caller[0]) is Pid:
            return caller[0], Throw(NoReply())
        return None

    # --- messages ---------------------------------------------------------------------

    def message(self, message: Term) -> Pending:
        """Handle one message."""
        if type(message) is LocalCall:
            call = message
            if self._held is None and self.debug is None:
                if self._timeout is not None:
                    self._disarm()
                self._message = self._caller = call
                return self._dispatch(self._handlers.calls, call.request)
            if self._held is not None and not self.may_hold(message):
                return None
            message = message.opened()
        if type(message) is tuple and message:
            tag = message[0]
            if tag is SYSTEM and len(message) == 3:
                return self._system(message)
            if tag is EXIT and len(message) == 3 and message[1] == self.parent:
                self._message = message
                return self._end(message[2])
        else:
            tag = None
        if self._held is not None:
            self._held.append(message)
            return None
        if self._timeout is not None:
            self._disarm()
        if self.debug is not None:
            self.debug.record((IN, message))
        self._message = message
        if tag is CALL and len(message) == 3:
            caller = message[1]
            self._caller = _NO_CALLER if caller is None else caller
            return self._dispatch(self._handlers.calls, message[2])
        self._caller = None
        if tag is CAST and len(message) == 2:
            return self._dispatch(self._handlers.casts, message[1])
        return self._dispatch(self._handlers.infos, message)

    def _dispatch(self, table: dict[str, Handler], request: Term) -> Pending:
        """Find the method that the request names, call it, and do what it returned."""
        if type(request) is Atom:
            handler = table.get(request)
            given: tuple[Any, ...] = ()
        elif type(request) is tuple and request and type(request[0]) is Atom:
            handler = table.get(request[0])
            given = request[1:]
        else:
            handler = None
        if handler is None:
            return self._otp_style(table, request, None)
        args = given if len(given) == handler.exact else handler.arguments(given)
        if args is None:
            return self._otp_style(table, request, handler)
        try:
            if handler.wants_caller:
                result = handler.function(self.state, *args, caller=self._given_caller())
            elif not args:  # these two without a tuple for what is called
                result = handler.function(self.state)
            elif len(args) == 1:
                result = handler.function(self.state, args[0])
            else:
                result = handler.function(self.state, *args)
        except Throw as thrown:
            result = thrown.value
        except BaseException as error:
            return self._crash(error)
        mode = _REPLY if table is self._handlers.calls else _NONE_ONLY
        if type(result) is CoroutineType:
            return self._run(result, mode)
        if mode is _REPLY and not is_a(result, Result):
            if type(self._caller) is LocalCall:  # `_reply`, without the call
                call: LocalCall = self._caller
                call.answer(result)
                self._message = None
                return None
            return self._reply(result)
        if result is None and self.debug is None:
            self._message = None
            return None
        return self._settle(result, mode)

    def _otp_style(self, table: dict[str, Handler], request: Term, refused: Handler | None) -> Pending:
        """The callbacks `handle_call`, `handle_cast`, `handle_info`: for what no marked method takes."""
        handlers, state = self._handlers, self.state
        args: tuple[Any, ...]
        if table is handlers.calls:
            name, args = "handle_call", (request, self._given_caller())
        elif table is handlers.casts:
            name, args = "handle_cast", (request,)
        else:
            name, args = "handle_info", (request,)
            if name not in handlers.overridden:
                reports.unexpected(self.process, handlers.module, request)
                return None
        try:
            if refused is not None and name not in handlers.overridden:
                given = list(request[1:]) if type(request) is tuple else []
                raise self._no_fit(refused.function, given)
            if table and name not in handlers.overridden:
                raise self._no_clause(name, [*args, self._shown_state()], [])
            result = getattr(state, name)(*args)
        except Throw as thrown:
            result = thrown.value
        except BaseException as error:
            return self._crash(error)
        if type(result) is CoroutineType:
            return self._run(result, _NOTHING)
        return self._settle(result, _NOTHING)

    def _no_fit(self, function: Callable[..., Any], args: list[Term]) -> ErlangError:
        """What a request of the right name and of the wrong types or number ends in."""
        return self._no_clause(function.__name__, args, code_location(function))

    def _no_clause(self, function: str, args: list[Term], location: Term) -> ErlangError:
        """What ends a server that has methods for other requests, or for other arguments, as in Erlang."""
        frame: Term = (self._handlers.module, Atom(function), readable(args), location)
        return ErlangError(_FUNCTION_CLAUSE, [frame])

    def _given_caller(self) -> Caller | None:
        """What a callback is given for `GenServer.reply`."""
        return self._caller.caller() if type(self._caller) is LocalCall else self._caller

    def _open_call(self) -> None:
        """The call that is being handled is not answered at once."""
        call = self._caller
        if type(call) is LocalCall:
            self._message = call.opened()
            self._caller = call.caller()

    async def _run(self, coroutine: Coroutine[Any, Any, Any], mode: int) -> None:
        """Run an `async def` callback to its end, and what follows from its result."""
        self._open_call()
        pending: Coroutine[Any, Any, Any] | None = coroutine
        while pending is not None:
            try:
                result = await pending
            except Throw as thrown:
                result = thrown.value
            except BaseException as error:
                if self._ending or not self.process.alive:
                    raise
                pending = self._crash(error)
                continue
            if self._ending:
                return
            pending = self._settle(result, mode, inline=False)
            mode = _NOTHING

    # --- results ----------------------------------------------------------------------

    def _settle(self, result: Any, mode: int, inline: bool = True) -> Coroutine[Any, Any, Any] | None:
        """Do what a callback returned.

        The coroutine of an `async def handle_continue` or `terminate` is returned: wrapped in
        `_run`, or as it is if `_run` is who asks.
        """
        if mode == _REPLY and not isinstance(result, Result):
            return self._reply(result)
        while True:
            kind = type(result)
            if kind is Reply and self._caller is not None:
                failed = self._reply(result.value)
                if self._ending:
                    return failed
            elif kind is Stop and (not result.has_reply or self._caller is not None):
                return self._end(result.reason, stop=result)
            elif kind in _GO_ON or result is Hibernate or (result is None and mode == _NONE_ONLY):
                self._open_call()
                if self.debug is not None:
                    self.debug.record((NOREPLY, self._shown_state()))
            else:
                return self._end((_BAD_RETURN, self._shown_result(result)))
            then = result.then if isinstance(result, NoReply) else result
            if type(then) is not Continue:
                self._message = None
                if isinstance(result, NoReply) and result.timeout is not None:
                    self._arm(result.timeout)
                return None
            mode = _NOTHING
            result = self._continue(then.arg)
            if self._ending:
                return result  # type: ignore[no-any-return]  # of an async terminate
            if type(result) is CoroutineType:
                return self._run(result, mode) if inline else result

    def _reply(self, value: Term) -> Pending:
        """Answer the call that is being handled."""
        caller = self._caller or _NO_CALLER
        if type(caller) is LocalCall:
            caller.answer(value)
            self._message = None
            return None
        try:
            answer(self.process, caller, value)
        except TermEncodeError as error:
            return self._crash(error)
        self._message = None
        if self.debug is not None:
            self.debug.record((OUT, value, caller, self._shown_state()))
        return None

    def _continue(self, arg: Term) -> Any:
        self._caller = None
        self._message = (CONTINUE, arg)
        if self.debug is not None:
            self.debug.record((CONTINUE, arg))
        try:
            return self.state.handle_continue(arg)
        except Throw as thrown:
            return thrown.value
        except BaseException as error:
            return self._crash(error)

    # --- timeouts ---------------------------------------------------------------------

    def _arm(self, timeout: float) -> None:
        """`handle_info(timeout)` if no message comes in that time."""
        self._timeout = timeout
        if timeout == 0:
            if not self.process.mailbox:
                self.process.put(_TIMEOUT)
        else:
            loop = self.process.runtime.loop
            self._timer = loop.call_later(timeout, _time_out, weak_reference(self.process))

    def _disarm(self) -> float | None:
        timeout, self._timeout = self._timeout, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return timeout

    # --- the end ----------------------------------------------------------------------

    def _crash(self, error: BaseException) -> Pending:
        """A callback raised."""
        self._open_call()
        if not self.process.alive or isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)):
            raise error  # an exit signal that is not trapped ends a server without more ado
        if isinstance(error, asyncio.CancelledError):
            return self._end(CANCELLED)
        return self._end(exit_reason(error), error=error)

    def _end(self, reason: Term, *, stop: Stop | None = None, error: BaseException | None = None) -> Pending:
        """Call `terminate`, then end with `reason`: raises Exit, or returns a coroutine that does."""
        self._ending = True
        self._open_call()
        self._disarm()
        if "terminate" in self._handlers.overridden:
            try:
                outcome = self.state.terminate(reason)
            except Throw:
                outcome = None
            except Exception as failed:
                reason, error, outcome = exit_reason(failed), failed, None
            if type(outcome) is CoroutineType:
                return self._end_later(outcome, reason, stop, error)
        self._ended(reason, stop, error)

    async def _end_later(
        self,
        terminate: Coroutine[Any, Any, Any],
        reason: Term,
        stop: Stop | None,
        error: BaseException | None,
    ) -> None:
        try:
            await terminate
        except Exception as failed:
            # What terminate returns, or throws, means nothing.
            if not isinstance(failed, Throw):
                reason, error = exit_reason(failed), failed
        self._ended(reason, stop, error)

    def _ended(self, reason: Term, stop: Stop | None, error: BaseException | None) -> NoReturn:
        # {shutdown, Stack} is no {shutdown, _} when it is of class error.
        if not reports.is_quiet(reason) or not isinstance(error, (Exit, type(None))):
            self._report(reason, error)
        if stop is not None and stop.has_reply and self._caller is not None:
            try:
                answer(self.process, self._caller, stop.reply)
            except TermEncodeError:
                answer(self.process, self._caller, readable(stop.reply))
        raise Exit(reason)

    def _report(self, reason: Term, error: BaseException | None) -> None:
        message = self._message
        client = None
        if type(message) is tuple and message and message[0] is CALL and len(message) == 3:
            caller, message = message[1], message[2]
            if type(caller) is tuple and caller and type(caller[0]) is Pid:
                client = caller[0]
        shown = self._formatted(reason=reason, message=message)
        reports.terminated(
            self.process,
            reason,
            last_message=shown["message"],
            state=shown["state"],
            client=client,
            error=error,
            log=shown["log"],
        )

    # --- sys ----------------------------------------------------------------------------

    def _system(self, message: tuple[Term, Term, Term]) -> Pending:
        """A system message does not end the wait for a timeout: the whole of it begins anew."""
        timeout = self._disarm()
        pending = sys.handle(self, message)
        if pending is not None:
            return self._system_later(pending, timeout)
        self._rearm(timeout)
        return None

    async def _system_later(self, pending: Coroutine[Any, Any, None], timeout: float | None) -> None:
        await pending
        self._rearm(timeout)

    def _rearm(self, timeout: float | None) -> None:
        if timeout is None:
            return
        if self._held is None:
            self._arm(timeout)
        else:
            self._timeout = timeout  # runs again when it is resumed

    def system_terminate(self, reason: Term) -> Pending:
        self._caller = None
        return self._end(reason)


def _time_out(process: ReferenceType[Process]) -> None:
    living = process()
    # Messages that wait already count as having come in time.
    if living is not None and not living.mailbox:
        living.put(_TIMEOUT)
