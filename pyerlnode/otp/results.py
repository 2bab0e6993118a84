"""What a callback of a GenServer returns.

    return Reply(value)                     {reply, Value, State}
    return Reply(value, timeout=0.3)        {reply, Value, State, 300}
    return NoReply(Continue("next"))        {noreply, State, {continue, next}}
    return Stop("normal", reply="bye")      {stop, normal, bye, State}

The state is the instance itself, so it is not part of a result.  In the class style a
plain value is a reply and None, in a cast, is a `NoReply()`.

Source: gen_server(3), the return types of its callbacks.
"""

from __future__ import annotations

from typing import Any, Final

from pyerlnode.errors import BadArg
from pyerlnode.term import Atom, Term

__all__ = ["Continue", "Failure", "Hibernate", "Ignore", "NoReply", "Reply", "Result", "Stop"]

# 2^32 - 1 ms, the longest timeout that a callback may ask for.
_MAX_TIMEOUT = 4294967.295
_NOTHING: Any = object()


class Result:
    """Base of everything that means something to the server beside being a value."""

    __slots__ = ()

    def to_term(self, state: Term) -> Term:
        """The tuple that a callback of Erlang's returns for it."""
        raise TypeError(f"{type(self).__name__} has no form in Erlang")


class Continue(Result):
    """Call `handle_continue(arg)` at once, before the next message; alone it is `NoReply(Continue(arg))`."""

    __slots__ = ("arg",)
    __match_args__ = ("arg",)

    def __init__(self, arg: Term) -> None:
        self.arg = arg

    def __repr__(self) -> str:
        return f"Continue({self.arg!r})"

    def to_term(self, state: Term) -> Term:
        return (Atom("noreply"), state, (Atom("continue"), self.arg))


class Hibernate(Result):
    """Expect no message for a while.  There is nothing to compact in Python: it only says so."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Hibernate()"

    def to_term(self, state: Term) -> Term:
        return (Atom("noreply"), state, Atom("hibernate"))


class Ignore(Result):
    """From `init`: do not start, and let the starter get None (`ignore` in Erlang)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Ignore()"

    def to_term(self, state: Term) -> Term:
        return Atom("ignore")


class Failure(Result):
    """From `init`: the start fails with `reason`, without a report; from `code_change`: it was refused."""

    __slots__ = ("reason",)
    __match_args__ = ("reason",)

    def __init__(self, reason: Term) -> None:
        self.reason = atom(reason)

    def __repr__(self) -> str:
        return f"Failure({self.reason!r})"

    def to_term(self, state: Term) -> Term:
        return (Atom("error"), self.reason)


class Stop(Result):
    """End the server with `reason`, after `terminate`; `reply` is sent when that has run.

    A str is taken for the atom of that text: `Stop("normal")`.
    """

    __slots__ = ("reason", "reply")
    __match_args__ = ("reason", "reply")

    def __init__(self, reason: Term = "normal", reply: Term = _NOTHING) -> None:
        self.reason = atom(reason)
        self.reply = reply

    def __repr__(self) -> str:
        return f"Stop({self.reason!r}, {self.reply!r})" if self.has_reply else f"Stop({self.reason!r})"

    @property
    def has_reply(self) -> bool:
        """Whether there is a reply to send."""
        return self.reply is not _NOTHING

    def to_term(self, state: Term) -> Term:
        if self.has_reply:
            return (Atom("stop"), self.reason, self.reply, state)
        return (Atom("stop"), self.reason, state)


class NoReply(Result):
    """Go on without a reply; the caller waits for `GenServer.reply`.  From `init`: started.

    `then` is a Continue or Hibernate; `timeout` in seconds: if no message comes in that
    time, `handle_info` gets `timeout`.  BadArg for a timeout below 0 or above 2^32 - 1 ms.
    """

    __slots__ = ("then", "timeout")
    __match_args__ = ("then", "timeout")

    def __init__(
        self,
        then: Continue | Hibernate | type[Hibernate] | None = None,
        *,
        timeout: float | None = None,
        hibernate: bool = False,
    ) -> None:
        self.then: Continue | Hibernate | None = _then(then, hibernate)
        self.timeout = check_timeout(timeout)
        if self.timeout is not None and self.then is not None:
            raise BadArg("a result has a timeout, a Continue or Hibernate, not two of them")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._shown())})"

    def _shown(self) -> list[str]:
        shown = [] if self.then is None else [repr(self.then)]
        return shown if self.timeout is None else [*shown, f"timeout={self.timeout}"]

    def _more(self) -> tuple[Term, ...]:
        if isinstance(self.then, Continue):
            return ((Atom("continue"), self.then.arg),)
        if self.then is not None:
            return (Atom("hibernate"),)
        return () if self.timeout is None else (round(self.timeout * 1000),)

    def to_term(self, state: Term) -> Term:
        return (Atom("noreply"), state, *self._more())


class Reply(NoReply):
    """Reply `value` to the caller and go on, with `then` or `timeout` as in NoReply."""

    __slots__ = ("value",)
    __match_args__ = ("value", "then", "timeout")

    def __init__(
        self,
        value: Term,
        then: Continue | Hibernate | type[Hibernate] | None = None,
        *,
        timeout: float | None = None,
        hibernate: bool = False,
    ) -> None:
        super().__init__(then, timeout=timeout, hibernate=hibernate)
        self.value = value

    def _shown(self) -> list[str]:
        return [repr(self.value), *super()._shown()]

    def to_term(self, state: Term) -> Term:
        return (Atom("reply"), self.value, state, *self._more())


def atom(reason: Term) -> Term:
    """A reason that is plain text stands for the atom."""
    return Atom(reason) if type(reason) is str else reason


def check_timeout(timeout: float | None) -> float | None:
    """A timeout in seconds, None for ever; BadArg for what is none."""
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 <= timeout <= _MAX_TIMEOUT:
        raise BadArg(f"a timeout is 0 to {_MAX_TIMEOUT} seconds, not {timeout!r}")
    return timeout


def _then(
    then: Continue | Hibernate | type[Hibernate] | None, hibernate: bool
) -> Continue | Hibernate | None:
    if then is Hibernate or (then is None and hibernate):
        return HIBERNATE
    if then is not None and (hibernate or not isinstance(then, (Continue, Hibernate))):
        raise BadArg(f"after a callback comes Continue(arg) or Hibernate, not {then!r}")
    return then


HIBERNATE: Final = Hibernate()
