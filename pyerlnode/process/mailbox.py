"""The mailbox of a process, and selective receive.

Messages stand in the order in which they arrived.  A selective receive takes the
first one that its matcher accepts and leaves the others as they are.  While it waits,
each new message is looked at once: messages that it has refused are not looked at
again until the next receive, as with the save pointer of a BEAM, so waiting is linear
in the number of messages that arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyerlnode.process._fifo import Fifo
from pyerlnode.process.suspension import Suspension

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyerlnode.process.bounded import Bound
    from pyerlnode.term import Term

    Matcher = Callable[[Term], object]

NO_MESSAGE: Any = object()


class Unopened:
    """Mail that becomes a message only when somebody looks at it; a behaviour takes it as it is."""

    __slots__ = ()

    def opened(self) -> Term:
        """The message."""
        raise NotImplementedError

    def lost(self, reason: Term) -> None:
        """Nobody will look at it: the process has ended with `reason`, or its mailbox is full."""
        raise NotImplementedError


def opened(mail: Term) -> Term:
    """The message that is in the mailbox as `mail`."""
    return mail.opened() if isinstance(mail, Unopened) else mail


class Mailbox:
    """Messages that wait; `receiving` is the receive that waits for one of them, if any."""

    __slots__ = ("bound", "new", "passed", "receiving")

    def __init__(self) -> None:
        # None where there would be an empty row, of 200 bytes or more: most processes wait for mail.
        self.new: Fifo[Term] | None = None
        # Refused by the receive that waits now; older than everything in `new`.
        self.passed: Fifo[Term] | None = None
        self.receiving: Receive | None = None
        self.bound: Bound | None = None  # see bounded.py

    def __len__(self) -> int:
        return len(self.new or ()) + len(self.passed or ())

    def __iter__(self) -> Iterator[Term]:
        yield from map(opened, self.passed or ())
        yield from map(opened, self.new or ())

    def put(self, message: Term) -> None:
        """Append a message and wake who waits for one."""
        if self.new is None:
            self.new = Fifo()
        self.new.append(message)
        if self.receiving is not None:
            self.receiving.wake()

    def pop(self) -> Term:
        """Take the oldest message; IndexError when there is none."""
        if self.passed:
            self.rewind()
        message = self.scan(None)
        if message is NO_MESSAGE:
            raise IndexError("the mailbox is empty")
        return message

    def rewind(self) -> None:
        """Begin a new scan: everything is to be looked at again."""
        new, passed, self.passed = self.new, self.passed, None
        if not passed:
            return
        # The shorter one moves: a message that nobody wants must not make each receive copy the rest.
        if new and len(passed) < len(new):
            new.extendleft(reversed(passed))
        else:
            passed.extend(new or ())
            self.new = passed

    def scan(self, match: Matcher | None) -> Term:
        """Take the first message not looked at yet that `match` accepts; NO_MESSAGE if there is none."""
        new = self.new
        found = NO_MESSAGE
        while new:
            # It stays where it is while `match`, which is user code, looks at it and perhaps raises.
            message = new[0]
            if isinstance(message, Unopened):
                message = new[0] = message.opened()
            if match is None or match(message):
                found = new.popleft()
                break
            if self.passed is None:
                self.passed = Fifo()
            self.passed.append(new.popleft())
        if not new:
            self.new = None
        return found

    def remove(self, match: Matcher) -> bool:
        """Take the first message that `match` accepts out, wherever it stands."""
        for queue in (self.passed, self.new):
            for index, message in enumerate(queue or ()):
                if match(opened(message)):
                    del queue[index]  # type: ignore[union-attr]  # an empty one has no index
                    return True
        return False

    def put_back(self, messages: list[Term]) -> None:
        """Put messages, oldest first, before everything that is there."""
        self.rewind()
        if self.new is None:
            self.new = Fifo()
        self.new.extendleft(reversed(messages))

    def begin(self, receive: Receive) -> None:
        """From now on `receive` waits for one of the messages."""
        self.receiving = receive

    def close(self, reason: Term) -> None:
        """The process has ended: nothing is here any more, and who waits for a message waits no longer."""
        mail = (*(self.passed or ()), *(self.new or ()))
        self.new = self.passed = None
        for each in mail:
            if isinstance(each, Unopened):
                each.lost(reason)
        if self.receiving is not None:
            self.receiving.time_out()


class Receive(Suspension):
    """One receive: waits until a message fits or the time is over."""

    __slots__ = ("_mailbox", "_match", "_timed_out", "message")

    def __init__(self, mailbox: Mailbox, match: Matcher | None) -> None:
        self._waiter = None
        self._mailbox = mailbox
        self._match = match
        self._timed_out = False
        self.message: Term = NO_MESSAGE

    def ready(self) -> bool:
        if self.message is NO_MESSAGE:
            self.message = self._mailbox.scan(self._match)
        return self._timed_out or self.message is not NO_MESSAGE

    def time_out(self) -> None:
        """The time is over; a message that is there already still counts."""
        self._timed_out = True
        self.wake()
