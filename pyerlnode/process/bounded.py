"""A mailbox that takes so many messages and no more, and what becomes of those that are too many.

    process_flag("max_mailbox", 1000)                  new ones are lost: "drop_new"
    process_flag("max_mailbox", (1000, "drop_old"))    the oldest are lost
    process_flag("max_mailbox", (1000, "kill"))        the process ends: {killed, mailbox_limit}

Whatever waits counts, but only mail can be lost: what others send to the process.  Who misses one
of these would wait for ever, or could not be supervised, so they arrive however many wait:

* exits of those that it is linked to, DOWN, nodeup and nodedown, spawn replies, tables it is given;
* what its timers bring, what it sends to itself, and what comes to an alias of it, such as a reply;
* system messages: `{system, From, Request}`.

Whose call is lost does not wait for its timeout: it ends with `mailbox_full`, on any node.  A caller
monitors the server by the reference of the request, as gen.erl does, and that monitor fires.

There is nothing like it in OTP; its next of kin is `process_flag(max_heap_size, ...)`.

Proof: tests/process/test_bounded_mailboxes.py, tests/otp/test_bounded_servers.py,
interop/test_bounded_mailboxes.py.
"""

from __future__ import annotations

import logging
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyerlnode.errors import BadArg
from pyerlnode.process.alias_tag import alias_in
from pyerlnode.process.log_limit import LogLimit
from pyerlnode.process.mailbox import Mailbox, Unopened
from pyerlnode.process.per_runtime import PerRuntime
from pyerlnode.process.process import KILLED, Process, current_process
from pyerlnode.process.task import runs_in
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableSequence, Sized

__all__ = ["Bound", "MaxMailbox", "check_max_mailbox", "max_mailbox_of", "set_max_mailbox"]

logger = logging.getLogger("pyerlnode.process")

# How many messages, what becomes of more is "drop_new"; or (how many, policy).
MaxMailbox: TypeAlias = int | tuple[int, str]

DROP_NEW: Final = "drop_new"
DROP_OLD: Final = "drop_old"
KILL: Final = "kill"

MAILBOX_FULL: Final = Atom("mailbox_full")
_MAILBOX_LIMIT: Final = Atom("mailbox_limit")
_SYSTEM: Final = Atom("system")
_LOST: Final = {DROP_NEW: "new ones", DROP_OLD: "the oldest"}

# How far the oldest message that may be lost is looked for; where it is not found the new one is lost.
# Each message would search through thousands of DOWNs else, just when there is no time for it.
_FAR = 64

_logs: PerRuntime[LogLimit] = PerRuntime()


class Bound:
    """How much the mailbox of one process takes, and what it has lost: `Mailbox.bound`."""

    __slots__ = ("_is_full", "_kept", "_lost_before", "aside", "dropped", "policy", "size")

    def __init__(self, size: int, policy: str) -> None:
        self.size = size
        self.policy = policy
        self.dropped = 0  # messages, since there is a bound
        # Older than the mailbox: what the process has taken out of it and is to put back.
        self.aside: MutableSequence[Term] = []
        self._is_full = False  # something was lost, and half of it was never free since
        self._lost_before = 0
        # What must not be lost of what waits, by its identity: terms cannot be told apart otherwise.
        self._kept: dict[int, Term] = {}

    def admits(self, process: Process, message: Term) -> bool:
        """Whether `message` may be put into the mailbox; what there is no room for is lost now."""
        if _is_own(process, message):
            self.keep(process, message)
            return True
        waiting = self._waiting(process)
        if waiting < self.size:
            if self._is_full and waiting <= self.size // 2:
                self._caught_up(process)
            return True
        if _is_system(message):
            return True
        if self.policy == KILL:
            self._kill(process)
            return False
        return self._lose(process, message)

    def keep(self, process: Process, message: Term) -> None:
        """Note that `message`, which comes into the mailbox next, is not to be lost there."""
        if self.policy != DROP_OLD:
            return
        if len(self._kept) > 2 * self._waiting(process) + 64:
            kept = self._kept
            self._kept = {id(each): each for each in chain(*self._queues(process)) if id(each) in kept}
        self._kept[id(message)] = message

    def _lose(self, process: Process, message: Term) -> bool:
        """Lose a message; whether it is another one than `message`."""
        if not self._is_full:
            self._is_full = True
            self._lost_before = self.dropped
            text = f"{process!r} does not keep up: {self.size} messages wait, {_LOST[self.policy]} are lost"
            _log(process, logging.WARNING, text)
        self.dropped += 1
        oldest = self._take_oldest(process) if self.policy == DROP_OLD else []
        _tell_who_asked(process, *(oldest or [message]))
        return bool(oldest)

    def _take_oldest(self, process: Process) -> list[Term]:
        """The oldest message that may be lost; nothing if there is none among the first ones."""
        left = _FAR
        for queue in self._queues(process):
            for index, message in enumerate(islice(queue, left)):
                if id(message) not in self._kept and not _is_system(message):
                    del queue[index]
                    return [message]
            left = max(0, left - len(queue))
        return []

    def _queues(self, process: Process) -> Iterator[MutableSequence[Term]]:
        """What waits, oldest first."""
        mailbox = process.mailbox
        if mailbox is not None:
            yield from (self.aside, mailbox.passed or [], mailbox.new or [])

    def _waiting(self, process: Process) -> int:
        mailbox: Sized = process.mailbox or ()
        return len(mailbox) + len(self.aside)

    def _kill(self, process: Process) -> None:
        _log(process, logging.ERROR, f"{process!r} is killed: {self.size} messages wait, as many as may")
        process.die((KILLED, _MAILBOX_LIMIT))

    def _caught_up(self, process: Process) -> None:
        self._is_full = False
        lost = self.dropped - self._lost_before
        _log(process, logging.INFO, f"{process!r} has caught up; {lost} messages were lost")


# --- setting ----------------------------------------------------------------------------


def max_mailbox_of(process: Process) -> MaxMailbox | None:
    """The bound of a process, as `set_max_mailbox` takes it: None for none."""
    bound = process.mailbox.bound if process.mailbox is not None else None
    return None if bound is None else (bound.size, bound.policy)


def set_max_mailbox(process: Process, value: MaxMailbox | None) -> None:
    """Bound the mailbox of a living process from now on; None takes the bound away."""
    checked = check_max_mailbox(value)
    if process.mailbox is None:
        process.mailbox = Mailbox()
    old, process.mailbox.bound = process.mailbox.bound, None
    if checked is not None:
        process.mailbox.bound = bound = Bound(*checked)
        if old is not None:
            bound.aside, bound.dropped, bound._kept = old.aside, old.dropped, old._kept


def check_max_mailbox(value: Any) -> tuple[int, str] | None:
    """Number and policy of what a user gives; BadArg for what is neither None nor a bound."""
    if value is None:
        return None
    size, policy = value if isinstance(value, tuple) and len(value) == 2 else (value, DROP_NEW)
    if type(size) is int and size > 0 and isinstance(policy, str) and policy in (DROP_NEW, DROP_OLD, KILL):
        return size, str(policy)
    raise BadArg(
        "max_mailbox: None, a number of messages or (number, policy) with the policy "
        f"{DROP_NEW}, {DROP_OLD} or {KILL} is wanted, not {value!r}"
    )


# --- messages ---------------------------------------------------------------------------


def _is_system(message: Term) -> bool:
    return type(message) is tuple and len(message) == 3 and message[0] is _SYSTEM


def _is_own(process: Process, message: Term) -> bool:
    """Whether the process itself sends it, not a task that it has started: that may be a source of much."""
    # A call comes from somebody else, even where it is handled at once.
    if current_process.get() is not process or isinstance(message, Unopened):
        return False
    return process.inline or runs_in(process)


def _tell_who_asked(process: Process, message: Term) -> None:
    """Somebody may wait for an answer to what was lost."""
    # After this run: who asks again and again in one turn would let nobody make room.
    if isinstance(message, Unopened):
        process.runtime.queue.after_run(partial(message.lost, MAILBOX_FULL))
        return
    if type(message) is tuple and len(message) == 3 and type(message[1]) is tuple and len(message[1]) == 2:
        asker, ref = message[1][0], alias_in(message[1][1])
        if type(asker) is Pid and ref is not None:
            process.runtime.queue.after_run(partial(_refuse, process, asker, ref))


def _refuse(process: Process, asker: Pid, ref: Reference) -> None:
    if process.monitors is not None:
        process.monitors.refuse(asker, ref, MAILBOX_FULL)


def _log(process: Process, level: int, text: str) -> None:
    limit = _logs.get(process.runtime)
    if limit is None:
        limit = _logs[process.runtime] = LogLimit(logger, "%d more lines about full mailboxes in %g s")
    limit.log(level, text)
