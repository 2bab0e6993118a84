"""The mailbox of a process, and selective receive.

Messages stand in the order in which they arrived.  A selective receive takes the
first one that its matcher accepts and leaves the others as they are.  While it waits,
each new message is looked at once: messages that it has refused are not looked at
again until the next receive, as with the save pointer of a BEAM, so waiting is linear
in the number of messages that arrive.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from pyerlnode.process.task import Suspension

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyerlnode.term import Term

    Matcher = Callable[[Term], object]

NO_MESSAGE: Any = object()


class Mailbox:
    """Messages that wait; `receiving` is the receive that waits for one of them, if any."""

    __slots__ = ("_new", "_passed", "receiving")

    def __init__(self) -> None:
        # None where there would be an empty deque, of 600 bytes: most processes wait for mail.
        self._new: deque[Term] | None = None
        # Refused by the receive that waits now; older than everything in `_new`.
        self._passed: deque[Term] | None = None
        self.receiving: Receive | None = None

    def __len__(self) -> int:
        return len(self._new or ()) + len(self._passed or ())

    def __iter__(self) -> Iterator[Term]:
        yield from self._passed or ()
        yield from self._new or ()

    def put(self, message: Term) -> None:
        """Append a message and wake who waits for one."""
        if self._new is None:
            self._new = deque()
        self._new.append(message)
        if self.receiving is not None:
            self.receiving.wake()

    def pop(self) -> Term:
        """Take the oldest message; IndexError when there is none."""
        if self._passed:
            self.rewind()
        message = self.scan(None)
        if message is NO_MESSAGE:
            raise IndexError("the mailbox is empty")
        return message

    def rewind(self) -> None:
        """Begin a new scan: everything is to be looked at again."""
        new, passed, self._passed = self._new, self._passed, None
        if not passed:
            return
        # The shorter one moves: a message that nobody wants must not make each receive copy the rest.
        if new and len(passed) < len(new):
            new.extendleft(reversed(passed))
        else:
            passed.extend(new or ())
            self._new = passed

    def scan(self, match: Matcher | None) -> Term:
        """Take the first message not looked at yet that `match` accepts; NO_MESSAGE if there is none."""
        new = self._new
        found = NO_MESSAGE
        while new:
            # It stays where it is while `match`, which is user code, looks at it and perhaps raises.
            if match is None or match(new[0]):
                found = new.popleft()
                break
            if self._passed is None:
                self._passed = deque()
            self._passed.append(new.popleft())
        if not new:
            self._new = None
        return found

    def remove(self, match: Matcher) -> bool:
        """Take the first message that `match` accepts out, wherever it stands."""
        for queue in (self._passed, self._new):
            for index, message in enumerate(queue or ()):
                if match(message):
                    del queue[index]  # type: ignore[union-attr]  # an empty one has no index
                    return True
        return False

    def put_back(self, messages: list[Term]) -> None:
        """Put messages, oldest first, before everything that is there."""
        self.rewind()
        if self._new is None:
            self._new = deque()
        self._new.extendleft(reversed(messages))

    def close(self) -> None:
        """The process has ended: nothing is here any more, and who waits for a message waits no longer."""
        self._new = self._passed = None
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
