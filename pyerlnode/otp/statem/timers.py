"""The timeouts of a GenStatem: at most one of each kind and name runs.

A timeout of 0 has no timer: its event is handled before the next message, after the
events that were inserted.  One that is ended when it has fired is taken out of the
mailbox, so that it never comes late.

Source: gen_statem.erl, loop_timeouts and cancel_timer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pyerlnode.otp.statem.results import TIMEOUT, TimeAction
from pyerlnode.term import Reference, Term, encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyerlnode.process import Process

__all__ = ["Event", "StatemTimers"]

# What a machine handles: the type and the content.
Event = tuple[Term, Term]


class _Timer(NamedTuple):
    event: Term
    content: Term
    ref: Reference | None  # None: its time is over, and its event is next


class StatemTimers:
    """The timeouts of one machine."""

    __slots__ = ("_due", "_process", "_running")

    def __init__(self, process: Process) -> None:
        self._process = process
        # By the bytes of the event: a name is any term, and those are not to be hashed.
        self._running: dict[bytes, _Timer] = {}
        self._due: list[bytes] = []

    def __len__(self) -> int:
        return len(self._running)

    def listed(self) -> list[Term]:
        """`{Event, Content}` of each."""
        return [(timer.event, timer.content) for timer in self._running.values()]

    def start(self, actions: Iterable[TimeAction]) -> list[TimeAction]:
        """Do what the actions of one transition say; those of them that started a timer.

        Of several for one timeout the last counts.
        """
        last: dict[bytes, TimeAction] = {}
        for action in actions:
            key = encode(action.event)
            last.pop(key, None)  # its place is that of the last one, too
            last[key] = action
        due: list[bytes] = []
        begun = [action for key, action in last.items() if self._do(key, action, due)]
        self._due.extend(due)
        return begun

    def _do(self, key: bytes, action: TimeAction, due: list[bytes]) -> bool:
        if action.is_update:
            old = self._running.get(key)
            if old is None:
                due.append(key)
            self._running[key] = _Timer(action.event, action.content, old.ref if old is not None else None)
            return False
        self._end(key)
        if action.seconds is None:
            return False
        ref = None
        if action.seconds == 0 and not action.absolute:
            due.append(key)
        else:
            ref = self._begin(action, action.seconds)
        self._running[key] = _Timer(action.event, action.content, ref)
        return True

    def _begin(self, action: TimeAction, seconds: float) -> Reference:
        runtime = self._process.runtime
        ref = runtime.make_ref()
        delay = max(0.0, seconds - runtime.loop.time()) if action.absolute else seconds
        runtime.timers.start(ref, delay, self._process.pid, (TIMEOUT, ref, action.event))
        return ref

    def end(self, event: Term) -> None:
        """End a timeout, if it runs."""
        if self._running:
            self._end(encode(event))

    def end_all(self) -> None:
        """The machine ends."""
        for key in list(self._running):
            self._end(key)

    def _end(self, key: bytes) -> None:
        timer = self._running.pop(key, None)
        if timer is None:
            return
        if timer.ref is None:
            self._due.remove(key)
        elif self._process.runtime.timers.cancel(timer.ref) is None and self._process.mailbox is not None:
            ref = timer.ref
            self._process.mailbox.remove(lambda message: _is_of(message, ref))

    def fired(self, message: tuple[Any, ...]) -> Event | None:
        """The event of a timer that a message `{timeout, Ref, Event}` is from; None if it is from none."""
        for key, timer in self._running.items():
            if timer.ref is not None and timer.ref == message[1]:
                del self._running[key]
                return (timer.event, timer.content)
        return None

    def due(self) -> Event | None:
        """Take the oldest event of a timeout of 0."""
        if not self._due:
            return None
        timer = self._running.pop(self._due.pop(0))
        return (timer.event, timer.content)


def _is_of(message: Term, ref: Reference) -> bool:
    return type(message) is tuple and len(message) == 3 and message[0] is TIMEOUT and message[1] == ref
