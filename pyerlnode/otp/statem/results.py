"""What a callback of a GenStatem returns: a transition, and the actions that go with it.

    return NextState("open", StateTimeout(9, "lock"))  {next_state, open, Data, [{state_timeout, 9000, lock}]}
    return KeepState(ReplyTo(caller, True))            {keep_state, Data, [{reply, From, true}]}
    return KeepState(Postpone())                       {keep_state, Data, [postpone]}
    return StopAndReply("normal", ReplyTo(caller, "bye"))

The data is the instance itself, so it is not part of a result, and None is `KeepState()`.
Times are in seconds; a content that is plain text stands for the atom.

Source: gen_statem(3), the types transition_option and state_callback_result.
Proof: tests/otp/test_gen_statem_*.py.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pyerlnode.errors import BadArg
from pyerlnode.otp.results import HIBERNATE, Hibernate, Result, atom
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from pyerlnode.otp.gen import Caller

    Actions = tuple["Action | type[Action] | Hibernate | type[Hibernate]", ...]

__all__ = [
    "Action",
    "ChangeCallbackModule",
    "EventTimeout",
    "KeepState",
    "NextEvent",
    "NextState",
    "PopCallbackModule",
    "Postpone",
    "PushCallbackModule",
    "RepeatState",
    "ReplyTo",
    "StateTimeout",
    "StopAndReply",
    "TimeAction",
    "Timeout",
    "Transition",
]

TIMEOUT: Final = Atom("timeout")
STATE_TIMEOUT: Final = Atom("state_timeout")
# 2^32 - 1 ms, the longest that a timer runs.
_MAX_TIMEOUT = 4294967.295
_UPDATE: Any = object()


# --- actions --------------------------------------------------------------------------


class Action:
    """Base of what a transition can do beside changing the state."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = [repr(getattr(self, name)) for name in getattr(self, "__match_args__", ())]
        return f"{type(self).__name__}({', '.join(shown)})"

    def to_term(self) -> Term:
        """The action as Erlang writes it."""
        raise TypeError(f"{type(self).__name__} has no form in Erlang")


class ReplyTo(Action):
    """Answer the call of `caller`: `{reply, From, Reply}`."""

    __slots__ = ("caller", "value")
    __match_args__ = ("caller", "value")

    def __init__(self, caller: Caller, value: Term) -> None:
        self.caller = caller
        self.value = value

    def to_term(self) -> Term:
        return (Atom("reply"), self.caller, self.value)


class Postpone(Action):
    """Keep the event, and handle it again when the state has changed."""

    __slots__ = ()

    def to_term(self) -> Term:
        return Atom("postpone")


class NextEvent(Action):
    """Insert an event before all that wait: `NextEvent("internal", content)`.

    `event` is `internal`, `cast`, `info`, `("call", caller)`, or one of a timeout.
    """

    __slots__ = ("content", "event")
    __match_args__ = ("event", "content")

    def __init__(self, event: Term, content: Term = None) -> None:
        self.event = event_type(event)
        self.content = atom(content)

    def to_term(self) -> Term:
        return (Atom("next_event"), self.event, self.content)


class TimeAction(Action):
    """Base of the three kinds of timeouts: an event with `content` comes after `seconds`.

    A timeout that is started again is started anew.  With `absolute` the time is one of
    the event loop's clock (`loop.time()`).  None seconds are for ever: that cancels.
    BadArg for a time that is none.
    """

    __slots__ = ("absolute", "content", "event", "seconds")
    __match_args__ = ("seconds", "content")

    def __init__(self, event: Term, seconds: float | None, content: Term, absolute: bool = False) -> None:
        self.event = event
        self.seconds = seconds if seconds is None or seconds is _UPDATE else _seconds(seconds, absolute)
        self.content = atom(content)
        self.absolute = absolute

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.to_term()!r}>"

    @property
    def is_update(self) -> bool:
        """Whether only the content changes, and the time goes on."""
        return self.seconds is _UPDATE

    def to_term(self) -> Term:
        if self.is_update:
            return (self.event, Atom("update"), self.content)
        if self.seconds is None:
            return (self.event, Atom("cancel"))
        milliseconds = round(self.seconds * 1000)
        if self.absolute:
            return (self.event, milliseconds, self.content, [(Atom("abs"), True)])
        return (self.event, milliseconds, self.content)


class StateTimeout(TimeAction):
    """The event `state_timeout`, unless the state changes before."""

    __slots__ = ()

    def __init__(self, seconds: float | None, content: Term = None, *, absolute: bool = False) -> None:
        super().__init__(STATE_TIMEOUT, seconds, content, absolute)

    @classmethod
    def cancel(cls) -> StateTimeout:
        """End it before its time."""
        return cls(None)

    @classmethod
    def update(cls, content: Term) -> StateTimeout:
        """Let it come with another content, at the time that it would; at once if it does not run."""
        return cls(_UPDATE, content)


class EventTimeout(TimeAction):
    """The event `timeout`, unless any other event comes before."""

    __slots__ = ()

    def __init__(self, seconds: float | None, content: Term = None, *, absolute: bool = False) -> None:
        super().__init__(TIMEOUT, seconds, content, absolute)

    @classmethod
    def cancel(cls) -> EventTimeout:
        """End it before its time."""
        return cls(None)

    @classmethod
    def update(cls, content: Term) -> EventTimeout:
        """Let it come with another content, at the time that it would; at once if it does not run."""
        return cls(_UPDATE, content)


class Timeout(TimeAction):
    """The event `("timeout", name)`, whatever comes before: `Timeout("retry", 0.5)`."""

    __slots__ = ()

    def __init__(
        self, name: Term, seconds: float | None, content: Term = None, *, absolute: bool = False
    ) -> None:
        super().__init__((TIMEOUT, atom(name)), seconds, content, absolute)

    @classmethod
    def cancel(cls, name: Term) -> Timeout:
        """End it before its time."""
        return cls(name, None)

    @classmethod
    def update(cls, name: Term, content: Term) -> Timeout:
        """Let it come with another content, at the time that it would; at once if it does not run."""
        return cls(name, _UPDATE, content)


class PopCallbackModule(Action):
    """Go back to the class before the last PushCallbackModule."""

    __slots__ = ()

    def to_term(self) -> Term:
        return Atom("pop_callback_module")


class ChangeCallbackModule(Action):
    """Let another class handle the events from now on; the instance stays what it is and becomes its."""

    __slots__ = ("cls",)
    __match_args__ = ("cls",)
    tag: ClassVar[str] = "change_callback_module"

    def __init__(self, cls: type) -> None:
        self.cls = cls

    def to_term(self) -> Term:
        return (Atom(self.tag), Atom(getattr(self.cls, "__module_name__", self.cls.__name__)))


class PushCallbackModule(ChangeCallbackModule):
    """As ChangeCallbackModule, until PopCallbackModule."""

    __slots__ = ()
    tag = "push_callback_module"


# --- transitions ------------------------------------------------------------------------


class Transition(Result):
    """Base of what a state callback returns when the machine goes on."""

    __slots__ = ("actions",)
    tag: ClassVar[str] = ""

    def __init__(self, *actions: Action | type[Action] | Hibernate | type[Hibernate]) -> None:
        self.actions = tuple(_action(action) for action in actions)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(repr(action) for action in self.actions)})"

    def _actions(self) -> list[Term]:
        return [
            action.to_term() if isinstance(action, Action) else Atom("hibernate") for action in self.actions
        ]

    def to_term(self, data: Term) -> Term:
        return (Atom(self.tag), data, self._actions())


class KeepState(Transition):
    """Stay in the state: `keep_state`."""

    __slots__ = ()
    tag = "keep_state"


class RepeatState(Transition):
    """Stay in the state as if it had been entered: its `enter` is called again."""

    __slots__ = ()
    tag = "repeat_state"


class NextState(Transition):
    """Go to `state`; plain text stands for the atom.  From `init`: the first state."""

    __slots__ = ("state",)
    __match_args__ = ("state", "actions")

    def __init__(self, state: Term, *actions: Action | type[Action] | Hibernate | type[Hibernate]) -> None:
        super().__init__(*actions)
        self.state = atom(state)

    def __repr__(self) -> str:
        return f"NextState({', '.join(repr(part) for part in (self.state, *self.actions))})"

    def to_term(self, data: Term) -> Term:
        return (Atom("next_state"), self.state, data, self._actions())


class StopAndReply(Result):
    """Send the replies, call `terminate`, then end with `reason`."""

    __slots__ = ("reason", "replies")
    __match_args__ = ("reason", "replies")

    def __init__(self, reason: Term, *replies: ReplyTo) -> None:
        self.reason = atom(reason)
        self.replies = replies
        for reply in replies:
            if not isinstance(reply, ReplyTo):
                raise BadArg(f"StopAndReply takes ReplyTo(caller, value), not {reply!r}")

    def __repr__(self) -> str:
        return f"StopAndReply({', '.join(repr(part) for part in (self.reason, *self.replies))})"

    def to_term(self, data: Term) -> Term:
        return (Atom("stop_and_reply"), self.reason, [reply.to_term() for reply in self.replies], data)


# --- checks -----------------------------------------------------------------------------


def event_type(event: Term) -> Term:
    """An event's type, with atoms where it has plain text; BadArg for what is none."""
    if isinstance(event, str) and event in ("internal", "cast", "info", "timeout", "state_timeout"):
        return Atom(event)
    if type(event) is tuple and len(event) == 2 and isinstance(event[0], str):
        if event[0] == "call":
            return (Atom("call"), event[1])
        if event[0] == TIMEOUT:
            return (TIMEOUT, atom(event[1]))
    raise BadArg(f"an event is internal, cast, info, (call, caller) or one of a timeout, not {event!r}")


def _action(action: Any) -> Action | Hibernate:
    if action is Hibernate:
        return HIBERNATE
    if action in (Postpone, PopCallbackModule):
        made: Action = action()
        return made
    if not isinstance(action, (Action, Hibernate)):
        raise BadArg(f"{action!r} is no action; expected Postpone(), NextEvent(...), StateTimeout(...), ...")
    return action


def _seconds(seconds: Any, absolute: bool) -> float:
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not number or not (math.isfinite(seconds) if absolute else 0 <= seconds <= _MAX_TIMEOUT):
        raise BadArg(f"a timeout is 0 to {_MAX_TIMEOUT} seconds, or None, not {seconds!r}")
    return float(seconds)
