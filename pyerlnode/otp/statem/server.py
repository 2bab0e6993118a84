"""What runs in the process of a GenStatem: events in, transitions out.

Each message becomes an event.  An event goes to a callback; what that returns is a
transition, whose actions reply, insert events and start timeouts.  Then comes what was
inserted, what was postponed if the state has changed, timeouts of 0, and only then the
next message.

All of it is written as generators: where a callback is `async def`, its coroutine is
yielded, and whoever drives the generator runs it.  With `def` callbacks alone nothing
ever waits, and a message is handled at once.

Source: gen_statem.erl of OTP's stdlib (27).
Proof: tests/otp/test_gen_statem_*.py, interop/test_gen_statem.py.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import ErlangError, Exit, TermError, Throw
from pyerlnode.otp import gen, proc_lib, reports, sys
from pyerlnode.otp.debug import CONSUME, ENTER, IN, MODULE, OUT, POSTPONE, START_TIMER, TERMINATE, Debug
from pyerlnode.otp.readable import readable
from pyerlnode.otp.results import Failure, Hibernate, Ignore, Stop
from pyerlnode.otp.statem.modes import HANDLE_EVENT_FUNCTION, STATE_FUNCTIONS
from pyerlnode.otp.statem.results import (
    STATE_TIMEOUT,
    TIMEOUT,
    Action,
    ChangeCallbackModule,
    KeepState,
    NextEvent,
    NextState,
    PopCallbackModule,
    Postpone,
    PushCallbackModule,
    RepeatState,
    ReplyTo,
    StopAndReply,
    TimeAction,
    Transition,
)
from pyerlnode.otp.statem.system import StatemSystem
from pyerlnode.otp.statem.timers import Event, StatemTimers
from pyerlnode.process import error_reason, exit_reason
from pyerlnode.process.process import CANCELLED, EXIT, NORMAL
from pyerlnode.process.reasons import code_location
from pyerlnode.term import Atom, Pid, Reference, Term, equal

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from pyerlnode.otp.statem.modes import Mode
    from pyerlnode.process import Process

    Pending = Coroutine[Any, Any, None] | None
    # Yields what has to be awaited, is sent the result.
    Steps = Generator[Coroutine[Any, Any, Any], Any, Any]

__all__ = ["StatemServer"]

_OK, _ERROR, _UNDEF = Atom("ok"), Atom("error"), Atom("undef")
_CALL_EVENT, _CAST_EVENT, _INFO_EVENT = Atom("call"), Atom("cast"), Atom("info")
_ENTER: Final = Atom("enter")
_INIT_STATE: Final[Event] = (Atom("internal"), Atom("init_state"))
_NOBODY = Pid("nonode@nohost", 0, 0, 0)


class StatemServer(StatemSystem):
    """The `Behaviour` of one GenStatem; `data` is the instance of its class."""

    __slots__ = (
        "_args",
        "_debug_options",
        "_events",
    )

    def __init__(
        self,
        cls: type,
        mode: Mode,
        args: tuple[Any, ...],
        parent: Pid | None,
        debug: tuple[Any, ...] = (),
    ) -> None:
        super().__init__()
        self._debug_options = debug
        self._mode = mode
        self._modules: list[type] = [cls]
        self._args: tuple[Any, ...] | None = args
        self.parent = parent or _NOBODY  # until it runs: a machine that nobody is linked to is its own
        self.process: Process
        self.data: Any = None
        self.state: Term = Atom("undefined")
        self.debug: Debug | None = None
        self._events: deque[Event] = deque()
        self._postponed: list[Event] = []
        self._timers: StatemTimers

    def __repr__(self) -> str:
        return f"<StatemServer {self._modules[-1].__name__}>"

    # --- start ------------------------------------------------------------------------

    def start(self, process: Process) -> Pending:
        """Make the instance and call its `init`."""
        self._attach(process)
        return self._drive(self._start())

    def _attach(self, process: Process) -> None:
        self.process = process
        self._timers = StatemTimers(process)
        if self.parent is _NOBODY:
            self.parent = process.pid
        if self._debug_options:
            self.debug = Debug.of(process, self.system_module, self._debug_options)

    def enter(self, process: Process, data: Any, first: NextState) -> Pending:
        """Be what `process` does from now on, in the state of `first`; see `enter_loop`."""
        self._attach(process)
        self.data = data
        return self._drive(self._enter(first))

    def _start(self) -> Steps:
        args, self._args = self._args or (), None
        try:
            self.data = self._modules[-1]()
            handler = self._mode.init
            converted = handler.arguments(args)
            if converted is None:
                raise self._no_clause(handler.function, list(args))
            result = yield from self._call(handler.function, self.data, *converted)
        except BaseException as error:
            self._init_failed(error)
        if not isinstance(result, NextState):
            self._not_initialised(result)
            return
        proc_lib.init_ack(self.process, (_OK, self.process.pid))
        yield from self._enter(result)

    def _not_initialised(self, result: Any) -> None:
        if result is Ignore or isinstance(result, Ignore):
            proc_lib.init_fail(self.process, proc_lib.IGNORE)
            raise Exit(NORMAL)
        if isinstance(result, Failure):
            proc_lib.init_fail(self.process, (_ERROR, result.reason))
            raise Exit(NORMAL)
        if isinstance(result, Stop) and not result.has_reply:
            self._not_started(result.reason, None)
        self._not_started((Atom("bad_return_from_init"), self._shown_result(result)), None)

    def _init_failed(self, error: BaseException) -> None:
        if isinstance(error, (KeyboardInterrupt, SystemExit, GeneratorExit)) or not self.process.alive:
            raise error
        reason = CANCELLED if isinstance(error, asyncio.CancelledError) else exit_reason(error)
        self._not_started(reason, None if isinstance(error, Exit) else error)

    def _not_started(self, reason: Term, error: BaseException | None) -> None:
        if not reports.is_quiet(reason):
            reports.init_failed(self.process, self._mode.module, reason, error)
        proc_lib.init_fail(self.process, (_ERROR, reason))
        raise Exit(reason)

    def _enter(self, first: NextState) -> Steps:
        """The first state: its `enter` is called, then what `init` wanted is done."""
        self.state = first.state
        self._record((ENTER, self._module, self.state))
        yield from self._safely(self._transit(_INIT_STATE, first, entering=True))
        yield from self._safely(self._work())

    # --- messages ---------------------------------------------------------------------

    def message(self, message: Term) -> Pending:
        """Handle one message."""
        tag = message[0] if type(message) is tuple and message else None
        if tag is gen.SYSTEM and len(message) == 3:
            return sys.handle(self, message)
        if tag is EXIT and len(message) == 3 and message[1] == self.parent:
            self._events.clear()
            return self._drive(self._safely(self._terminate(message[2])))
        if self._held is not None:
            self._held.append(message)
            return None
        return self._drive(self._receive(self._event_of(tag, message)))

    def _event_of(self, tag: Term, message: Any) -> Event:
        if tag is gen.CALL and len(message) == 3:
            return ((_CALL_EVENT, message[1]), message[2])
        if tag is gen.CAST and len(message) == 2:
            return (_CAST_EVENT, message[1])
        if tag is TIMEOUT and len(message) == 3 and type(message[1]) is Reference:
            return self._timers.fired(message) or (_INFO_EVENT, message)
        return (_INFO_EVENT, message)

    def _receive(self, event: Event) -> Steps:
        if self.debug is not None:
            self.debug.record((IN, event, self.state))
        self._events.append(event)
        yield from self._safely(self._work())

    def _work(self) -> Steps:
        """Handle events until none is left."""
        while True:
            if not self._events:
                due = self._timers.due()
                if due is None:
                    return
                self._record((IN, due, self.state))
                self._events.append(due)
            event = self._events[0]
            result = yield from self._state_callback(*event)
            yield from self._transit(event, result)

    def _enter_callback(self, old: Term) -> Steps:
        entered = self.state
        try:
            return (yield from self._state_callback(_ENTER, old))
        except BaseException:
            # A state whose `enter` fails has not been reached: `terminate` gets the one before.
            if self.state is entered:
                self.state = old
            raise

    def _state_callback(self, event: Term, content: Term) -> Steps:
        mode = self._mode
        if not mode.state_functions:
            return (yield from self._call(self.data.handle_event, event, content, self.state))
        function = mode.state_function(self.data, self.state)
        if function is None:
            name = self.state if isinstance(self.state, str) else Atom("handle_event")
            args = [readable(part) for part in (event, content, self._shown_data())]
            raise ErlangError(_UNDEF, [(self._module, Atom(name), args, [])])
        return (yield from self._call(function, event, content))

    @staticmethod
    def _call(function: Callable[..., Any], *args: Any) -> Steps:
        """What a callback returns, or throws."""
        try:
            result = function(*args)
            if type(result) is CoroutineType:
                result = yield result
        except Throw as thrown:
            return thrown.value
        return result

    # --- transitions ------------------------------------------------------------------

    def _transit(self, event: Event, result: Any, entering: bool = False) -> Steps:
        """Do what the callback for `event` returned, and call the `enter` of a state that was entered.

        `entering`: the result is the first state, which is entered in any case.
        """
        old, postpone = self.state, False
        inserted: list[Event] = []
        times: list[TimeAction] = []
        in_enter = False
        while True:
            moved = yield from self._next(result, in_enter)
            for action in result.actions if isinstance(result, Transition) else ():
                if isinstance(action, TimeAction):
                    times.append(action)
                elif isinstance(action, Postpone) and not in_enter:
                    postpone = event is not _INIT_STATE
                elif isinstance(action, NextEvent) and not in_enter:
                    inserted.append((action.event, action.content))
                    self._record((IN, inserted[-1], self.state))
                else:
                    yield from self._act(action, in_enter)
            if not self._mode.state_enter or not (moved or entering):
                break
            result = yield from self._enter_callback(old)
            in_enter, entering = True, False
        self._arrive(event, old, postpone, inserted, times)

    def _next(self, result: Any, in_enter: bool) -> Steps:
        """Take the state of a result; whether the state is entered by it."""
        if isinstance(result, NextState):
            moved = not same(result.state, self.state)
            if moved and in_enter:
                raise self._bad("bad_state_enter_return_from_state_function", self._shown_result(result))
            self.state = result.state
            return moved
        if result is None or isinstance(result, KeepState):
            return False
        if isinstance(result, RepeatState):
            return True
        if isinstance(result, StopAndReply):
            for reply in result.replies:
                self._reply(reply, "bad_reply_action_from_state_function")
            yield from self._terminate(result.reason)
        if isinstance(result, Stop) and not result.has_reply:
            yield from self._terminate(result.reason)
        raise self._bad("bad_return_from_state_function", self._shown_result(result))

    def _act(self, action: Action | Hibernate, in_enter: bool) -> Steps:
        if isinstance(action, ReplyTo):
            self._reply(action, "bad_action_from_state_function")
        elif isinstance(action, Hibernate):
            return
        elif in_enter:
            raise self._bad("bad_state_enter_action_from_state_function", action.to_term())
        elif isinstance(action, (ChangeCallbackModule, PopCallbackModule)):
            self._change_module(action)
        else:
            raise self._bad("bad_action_from_state_function", action.to_term())
        yield from ()

    def _reply(self, action: ReplyTo, complaint: str) -> None:
        if not gen.answer(self.process, action.caller, action.value):
            raise self._bad(complaint, readable(action.to_term()))
        self._record((OUT, action.value, action.caller))

    def _change_module(self, action: ChangeCallbackModule | PopCallbackModule) -> None:
        modules = list(self._modules)
        if isinstance(action, ChangeCallbackModule):
            if not isinstance(action, PushCallbackModule):
                modules.pop()
            modules.append(action.cls)
        elif len(modules) == 1:
            raise self._bad("bad_action_from_state_function", action.to_term())
        else:
            modules.pop()
        mode: Mode = modules[-1].__mode__()  # type: ignore[attr-defined]  # of GenStatem
        self.data.__class__ = modules[-1]
        self._modules, self._mode = modules, mode
        self._record((MODULE, self._module, self.state))

    def _arrive(
        self, event: Event, old: Term, postpone: bool, inserted: list[Event], times: list[TimeAction]
    ) -> None:
        """The transition is done: what is handled next, and which timeouts run."""
        changed = not same(old, self.state)
        events = self._events
        if event is not _INIT_STATE:
            events.popleft()
        if postpone:
            self._postponed.append(event)
        self._record((POSTPONE if postpone else CONSUME, event, old, self.state))
        if changed:
            events.extendleft(reversed(self._postponed))
            self._postponed = []
            self._timers.end(STATE_TIMEOUT)
        self._timers.end(TIMEOUT)
        for action in self._timers.start(times) if times else ():
            self._record((START_TIMER, _timer_term(action), self.state))
        events.extendleft(reversed(inserted))

    def _bad(self, complaint: str, term: Term) -> ErlangError:
        name = self.state if self._mode.state_functions and isinstance(self.state, str) else "handle_event"
        arity = 3 if self._mode.state_functions else 4
        return ErlangError((Atom(complaint), readable(term)), [(self._module, Atom(name), arity, [])])

    def _no_clause(self, function: Callable[..., Any], args: list[Term]) -> ErlangError:
        frame = (self._module, Atom(function.__name__), readable(args), code_location(function))
        return ErlangError(Atom("function_clause"), [frame])

    # --- driving ----------------------------------------------------------------------

    def _drive(self, steps: Steps) -> Pending:
        """Run steps to their end, or to the first callback that waits."""
        try:
            waiting = next(steps)
        except StopIteration:
            return None
        return self._drive_later(steps, waiting)

    async def _drive_later(self, steps: Steps, waiting: Coroutine[Any, Any, Any]) -> None:
        try:
            while True:
                try:
                    result = await waiting
                except BaseException as error:
                    if not self.process.alive:
                        raise
                    waiting = steps.throw(error)
                else:
                    waiting = steps.send(result)
        except StopIteration:
            pass
        finally:
            steps.close()

    def _safely(self, steps: Steps) -> Steps:
        """Steps whose error ends the machine."""
        try:
            try:
                yield from steps
            except Exception as error:
                yield from self._crash(error)
            except asyncio.CancelledError as error:
                yield from self._crash(error)
        except _Ended as end:
            raise Exit(end.reason) from None

    # --- the end ----------------------------------------------------------------------

    def _crash(self, error: BaseException) -> Steps:
        """A callback raised, or returned what it must not."""
        if not self.process.alive:
            raise error  # an exit signal that is not trapped ends a machine without more ado
        if isinstance(error, asyncio.CancelledError):
            yield from self._terminate(CANCELLED)
        elif isinstance(error, Exit):
            yield from self._terminate(exit_reason(error), error=error)
        else:
            yield from self._terminate(error_reason(error), exit_reason(error), error)

    def _terminate(self, reason: Term, ends: Term = None, error: BaseException | None = None) -> Steps:
        """Call `terminate` with `reason`, then end with `ends`, which has the stack too."""
        ends = reason if ends is None else ends
        try:
            if self._mode.has_terminate:
                yield from self._call(self.data.terminate, reason, self.state)
        except Exception as failed:
            reason, ends, error = exit_reason(failed), exit_reason(failed), failed
        if reports.is_quiet(reason):
            self._record((TERMINATE, reason, self.state))
        else:
            self._report(ends, error)
        self._timers.end_all()
        raise _Ended(ends)

    def _report(self, reason: Term, error: BaseException | None) -> None:
        queue = list(self._events)
        shown = self._formatted(reason=reason, queue=queue)
        about = {
            "queue": shown["queue"],
            "postponed": shown["postponed"],
            "modules": [Atom(module.__module_name__) for module in reversed(self._modules)],  # type: ignore[attr-defined]
            "callback_mode": Atom(STATE_FUNCTIONS if self._mode.state_functions else HANDLE_EVENT_FUNCTION),
            "state_enter": self._mode.state_enter,
            "state": (shown["state"], shown["data"]),
            "timeouts": (len(self._timers), shown["timeouts"]),
            "log": shown["log"],
        }
        caller = _caller_of(queue[0]) if queue else None
        client = None if caller is None else caller[0]
        reports.machine_terminated(self.process, reason, about=about, client=client, error=error)

    def working_for(self) -> tuple[Pid, BaseException] | None:
        """Whose call is handled now; when that process ends, `@blocking` work may end without a reply."""
        caller = _caller_of(self._events[0]) if self._events else None
        return None if caller is None else (caller[0], Throw(KeepState()))

    # --- sys ----------------------------------------------------------------------------

    def system_terminate(self, reason: Term) -> Pending:
        return self._drive(self._safely(self._terminate(reason)))


class _Ended(BaseException):
    """`terminate` has run: nothing is left to do but to end with the reason."""

    def __init__(self, reason: Term) -> None:
        super().__init__(reason)
        self.reason = reason


def same(one: Term, other: Term) -> bool:
    """Whether two states are one: equal terms, or an object of Python's that is no term and equals itself."""
    if one is other:
        return True
    try:
        return equal(one, other)
    except TermError:
        return type(one) is type(other) and bool(one == other)


def _timer_term(action: TimeAction) -> Term:
    """A timer in debug events: always with its options."""
    term: Any = action.to_term()
    return term if len(term) == 4 else (*term, [])


def _caller_of(event: Event) -> tuple[Pid, Term] | None:
    """Who made the call that an event is."""
    kind = event[0]
    if type(kind) is not tuple or kind[0] is not _CALL_EVENT:
        return None
    caller = kind[1]
    return caller if type(caller) is tuple and len(caller) == 2 and type(caller[0]) is Pid else None
