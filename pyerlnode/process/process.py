"""A process: mail, links, monitors, and something that runs.

What runs is either a coroutine (a plain process: `spawn` an async function) or a
`Behaviour`, an object that is handed one message after the other.  A behaviour's
methods run inline, on the run queue; where one returns a coroutine, that is stepped
to its end before the next message.

A process is dead to everybody in the moment its exit reason is known: its name, its
aliases and its timers are gone first, then those who are linked or monitor are told.
A coroutine that was suspended in it unwinds with `CancelledError` afterwards.

Source: Erlang Reference Manual, "Processes"; ERTS, link and unlink protocol in
"Distribution Protocol".
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol

from pyerlnode.errors import ErlangError, Exit, UsageError
from pyerlnode.process import waiting
from pyerlnode.process._fifo import Fifo
from pyerlnode.process._steps import (
    call_as,
    call_in,
    context_with,
    current_copy,
    run_in,
    seen_by_collector,
    spared_by_collector,
)
from pyerlnode.process.log_events import process_crashed
from pyerlnode.process.mailbox import Mailbox
from pyerlnode.process.reasons import exc_info, exit_reason
from pyerlnode.process.scheduler import Receiver, Runnable
from pyerlnode.process.suspended import Suspended
from pyerlnode.process.task import ProcessTask
from pyerlnode.term import Atom, Pid, Reference, Term
from pyerlnode.term.text import brief, harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from contextvars import Context

    from pyerlnode.process.links import Links
    from pyerlnode.process.mailbox import Matcher
    from pyerlnode.process.monitors import Monitors, Waiter
    from pyerlnode.process.runtime import Runtime

logger = logging.getLogger("pyerlnode.process")

NORMAL: Final = Atom("normal")
KILL: Final = Atom("kill")
KILLED: Final = Atom("killed")
EXIT: Final = Atom("EXIT")
NOPROC: Final = Atom("noproc")
CANCELLED: Final = Atom("cancelled")

# Messages that a behaviour handles before the next process gets its turn.
MESSAGES_PER_TURN = 64

# The exit reason of one that has not ended.
ALIVE: Final[Any] = object()

# The runtime whose processes the code that runs now acts for, and the one of them that it runs in.
current_runtime: ContextVar[Runtime] = ContextVar("pyerlnode runtime")
current_process: ContextVar[Process | None] = ContextVar("pyerlnode process", default=None)


class Behaviour(Protocol):
    """What a process runs that is not a coroutine.

    Both methods run inline and may send, spawn, link and start timers, but not wait;
    to wait they return a coroutine.  An exception ends the process, `Exit(reason)`
    with that very reason.
    """

    def start(self, process: Process) -> Coroutine[Any, Any, None] | None:
        """Called once, as the first thing that the process does."""

    def message(self, message: Term) -> Coroutine[Any, Any, None] | None:
        """Called with each message, oldest first."""


class Process(Runnable):
    """One process of a `Runtime`; made by `Runtime.spawn` and `Runtime.attach`."""

    __slots__ = (
        "__weakref__",
        "_queued",
        "_started",
        "aliases",
        "async_dist",
        "at_end",
        "behaviour",
        "context",
        "dictionary",
        "exit_reason",
        "group_leader",
        "inline",
        "links",
        "mailbox",
        "monitors",
        "name",
        "owner",
        "pid",
        "queue",
        "receives",
        "runtime",
        "starting",
        "suspended",
        "task",
        "timers",
        "to_call",
        "trap_exit",
    )

    def __init__(self, runtime: Runtime, pid: Pid, group_leader: Pid | None) -> None:
        self.set_up(runtime, pid, group_leader)

    def set_up(self, runtime: Runtime, pid: Pid, group_leader: Pid | None) -> None:
        """What `__init__` does, for who makes it by `__new__`, which takes less time."""
        self.runtime = runtime
        self.queue = runtime.queue
        self.pid = pid
        self.group_leader = pid if group_leader is None else group_leader
        self.name: Atom | None = None
        self.trap_exit = False
        self.async_dist = False  # what it sends never suspends it, however slow the other node is
        self.suspended: Suspended | None = None
        self.exit_reason: Term = ALIVE
        self.behaviour: Behaviour | None = None
        self.task: ProcessTask | None = None  # the coroutine that runs in it now
        self.owner: asyncio.Task[Any] | None = None  # of an attached process
        self.inline = False  # a `def` callback of the behaviour is on the Python stack
        # What everything that this process does runs in; None for one that an asyncio task does the work of.
        self.context: Context | None = None
        self.receives = 0  # messages taken since it waited last
        self._queued = False
        self._started = False
        # The async function, and its arguments, that its first turn begins with.
        self.to_call: Any = None  # a function alone, or both
        # Made when first needed: most processes have few of these, and idle ones must be small.
        self.mailbox: Mailbox | None = None
        self.links: Links | None = None
        self.monitors: Monitors | None = None
        self.aliases: set[Reference] | None = None
        self.timers: set[Reference] | None = None
        # What it owns and is to be given back or handed on when it ends, before anybody is told.
        self.at_end: dict[Callable[[Process], object], None] | None = None
        # A plain dict in it is shared with others and never changed: `put` takes its place.
        self.dictionary: Mapping[Term, Term] | None = None
        # Who waits until it says that it is ready, and is told if it ends before.
        self.starting: Waiter | None = None

    def __repr__(self) -> str:
        name = f" {brief(self.name)}" if self.name else ""
        return f"<Process {self.pid}{name}>"

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.exit_reason is ALIVE

    # --- running ----------------------------------------------------------------

    def begin(self, body: Coroutine[Any, Any, Any] | Behaviour, context: Context | None = None) -> None:
        """Let a coroutine or a behaviour be what this process does, from its first turn on.

        It sees the context variables as they are now, and changes its own copy; or `context`,
        in which this process is the current one already.
        """
        if context is None:
            context = context_with(current_runtime, self.runtime, current_process, self)
        self.context = context
        # A coroutine has no `message`; to ask whether it is one takes longer for a behaviour.
        if hasattr(body, "message"):
            self.behaviour = body  # type: ignore[assignment]  # which is as good as an isinstance
            self._enqueue()
        else:
            self.task = ProcessTask(self, body, context)
            self.task.begin()

    def begin_with(self, function: Callable[..., Coroutine[Any, Any, Any]], args: tuple[Any, ...]) -> None:
        """Let `await function(*args)` be what this process does; called in its first turn, so it must fit.

        Until then there is neither a coroutine nor a task: most processes that are spawned in numbers
        wait for their turn only, and what does not wait with them is gone before it costs much.
        """
        spared_by_collector(self)
        self.context = current_copy()
        self.to_call = (function, args) if args else function
        self._queued = True
        queue = self.queue  # `queue.append(self)`, as in `put`
        queue.not_begun += 1
        queue.ready.append(self)
        if not queue.scheduled:
            queue.schedule()

    def _begin_now(self, context: Context) -> None:
        function, self.to_call = self.to_call, None
        args: tuple[Any, ...] = ()
        if type(function) is tuple:
            function, args = function
        self.queue.not_begun -= 1
        self._queued = False
        seen_by_collector(self)
        try:
            coroutine = self.call(context, function, args)
        except (KeyboardInterrupt, SystemExit) as error:
            self._failed(error)
            raise
        except BaseException as error:
            self._failed(error)
            return
        self.task = task = ProcessTask.__new__(ProcessTask)
        task.set_up(self, coroutine, context)
        task.step()

    def call(self, context: Context, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Call `function` as this process, in `context`, which is its from now on."""
        return call_as(context, current_runtime, self.runtime, current_process, self, function, args)

    def forgo(self) -> None:
        if self.to_call is not None:
            self.die(CANCELLED)

    def begin_idle(self, behaviour: Behaviour) -> None:
        """As `begin`, but for who lets it have its first turn at once: `handle`, or else `wait_for_turn`."""
        self.context = context_with(current_runtime, self.runtime, current_process, self)
        self.behaviour = behaviour

    def wait_for_turn(self) -> None:
        """Let it run soon."""
        self._enqueue()

    @property
    def is_idle(self) -> bool:
        """Whether it is a behaviour that waits for mail: what it is sent now it handles next."""
        return not self._queued and self.task is None and self.suspended is None and self.context is not None

    def handle(self, message: Term) -> None:
        """Handle a message now, or have the first turn; for one that is idle."""
        if self.behaviour is not None and self.context is not None:
            self._queued = True
            if self._started:
                self._run(self.context, self.behaviour.message, message)
            else:
                self._run(self.context)

    def turn(self) -> None:
        """Hand messages to the behaviour: some, then it is somebody else's turn."""
        if self.suspended is not None:
            self.suspended.due.append(self)  # and `_queued` stays, so that this is done once
            return
        context = self.context if self.exit_reason is ALIVE and self.task is None else None
        if context is None:
            self._queued = False
        elif self.to_call is not None:
            self._begin_now(context)
        elif self.behaviour is None:
            self._queued = False
        else:
            self._run(context)

    def _run(
        self,
        context: Context,
        handle: Callable[[Any], Coroutine[Any, Any, None] | None] | None = None,
        message: Any = None,
    ) -> None:
        """Have messages of the mailbox handled, or this one, as this process; wait if that is wanted."""
        try:
            self.inline = True
            try:
                # Entered once for all messages of a turn.
                waiting = call_in(context, self) if handle is None else run_in(context, handle, message)
            finally:
                self.inline = False
            if waiting is not None:
                self._wait_for(waiting, context)
        except (KeyboardInterrupt, SystemExit) as error:
            self._failed(error)
            raise
        except BaseException as error:
            self._failed(error)
        finally:
            # Only now: what it sends to itself meanwhile is no reason for another turn.
            self._queued = False
        mailbox = self.mailbox
        if mailbox is not None and self.task is None and (mailbox.new or mailbox.passed):
            self._enqueue()

    def call_back(self) -> Coroutine[Any, Any, None] | None:
        """Handle messages until there is something to wait for: the coroutine that does."""
        behaviour: Any = self.behaviour
        waiting = None
        if not self._started:
            self._started = True
            waiting = behaviour.start(self)
        receiver = behaviour if isinstance(behaviour, Receiver) else None
        left = MESSAGES_PER_TURN
        while left and waiting is None and self.suspended is None:
            mailbox = self.mailbox
            if mailbox is None:  # it has ended, or has had no mail yet
                return None
            # `mailbox.pop()`, without a call for each message: a tenth of the time of a cast.
            if mailbox.passed is not None:
                mailbox.rewind()
            new = mailbox.new
            if not new:
                return None
            message = new.popleft()
            if not new:
                mailbox.new = None
                self.queue.spare = new
            waiting = behaviour.message(message) if receiver is None else receiver.message(message)
            left -= 1
            # Now and then only: the clock takes as long as a call of a function.
            if left & 7 == 0 and self.queue.is_late:
                break
        return waiting

    def _wait_for(self, coroutine: Coroutine[Any, Any, None], context: Context) -> None:
        """Run the coroutine that a callback has returned, before the next message is handled."""
        if not asyncio.iscoroutine(coroutine):
            raise UsageError(f"a callback returns None or a coroutine, not {coroutine!r}")
        if self.exit_reason is not ALIVE:
            coroutine.close()
            return
        self.task = ProcessTask(self, coroutine, context)
        self.task.step()

    def coroutine_ended(self, task: ProcessTask, error: BaseException | None) -> None:
        """Called by the task when its coroutine has ended; `error` is what left it."""
        self.task = None
        if self.exit_reason is not ALIVE:
            # It was killed before and has unwound now.
            if error is not None and not isinstance(error, (asyncio.CancelledError, Exit)):
                logger.error("Error in process %r after its end", self, exc_info=exc_info(error) or error)
        elif error is not None:
            self._failed(error)
        elif self.behaviour is None:
            self.die(NORMAL)
        elif self.mailbox:
            self._enqueue()

    def _failed(self, error: BaseException) -> None:
        if self.exit_reason is not ALIVE:
            return
        if isinstance(error, asyncio.CancelledError):
            self.die(CANCELLED)
            return
        reason = exit_reason(error)
        if not isinstance(error, Exit):
            self._log_crash(reason, error)
        self.die(reason)

    def _log_crash(self, reason: Term, error: BaseException) -> None:
        text = brief(reason)
        # With a stack of its own, the Python frames are those of this package.
        stack = isinstance(error, ErlangError) and error.stack is not None
        info = None if stack else exc_info(error)
        more = "" if stack or info else f" ({harmless(str(error))})"
        logger.error(
            "Error in process %r on node %s: %s%s", self, self.runtime.name, text, more, exc_info=info
        )
        process_crashed(self, reason, text)

    def _enqueue(self) -> None:
        if not self._queued:
            self._queued = True
            self.queue.append(self)

    # --- no turns for a while ---------------------------------------------------

    def suspend(self) -> None:
        """Give it no turn after this one, until `resume` was called as often."""
        if self.suspended is None:
            self.suspended = Suspended()
        self.suspended.count += 1

    def resume(self) -> None:
        """Take one `suspend` back."""
        if self.suspended is None:
            return  # it has ended meanwhile
        self.suspended.count -= 1
        if self.suspended.count == 0:
            self._end_suspension()

    def _end_suspension(self) -> None:
        suspended, self.suspended = self.suspended, None
        if suspended is not None:
            suspended.make_up(self.queue)

    # --- mail -------------------------------------------------------------------

    def put(self, message: Term) -> None:
        """Deliver a message; nothing if the process has ended, or its mailbox takes no more."""
        if self.exit_reason is not ALIVE:
            return
        mailbox = self.mailbox
        if mailbox is None:
            mailbox = self.mailbox = Mailbox()
        elif mailbox.bound is not None and not mailbox.bound.admits(self, message):
            return
        # `mailbox.put(message)`, as in `call_back`.
        new = mailbox.new
        if new is None:
            new = self.queue.spare
            if new is None:
                new = Fifo()
            else:
                self.queue.spare = None
            mailbox.new = new
        new.append(message)
        if mailbox.receiving is not None:
            mailbox.receiving.wake()
        if not self._queued and self.task is None and self.behaviour is not None:
            self._queued = True
            queue = self.queue  # `queue.append(self)`, without the call
            queue.ready.append(self)
            if not queue.scheduled:
                queue.schedule()

    def deliver(self, message: Term) -> None:
        """As `put`, of what is no mail and arrives however full the mailbox is; see bounded.py."""
        mailbox = self.mailbox
        if mailbox is None or mailbox.bound is None:
            self.put(message)
            return
        mailbox.bound.keep(self, message)
        mailbox.put(message)
        if self.task is None and self.behaviour is not None:
            self._enqueue()

    def receive(self, match: Matcher | None, timeout: float | None) -> Coroutine[Any, Any, Term]:
        """Take the first message that `match` accepts, waiting at most `timeout` seconds.

        Raises TimeoutError when none came, Exit in a task of a process that has ended or
        ends meanwhile.
        """
        return waiting.receive(self, match, timeout)

    def check_may_wait(self, what: str) -> None:
        """UsageError where waiting cannot work: in a `def` callback; Exit in a process that has ended."""
        if self.inline:
            raise UsageError(f"{what} waits: a callback that waits must be an async def")
        self.check_alive()

    def check_alive(self) -> None:
        """Raise Exit with the exit reason if the process has ended.

        Its code may still run, in a `finally` or to the end of a callback, but must not
        make links, monitors or aliases that nobody would clear away.
        """
        if self.exit_reason is not ALIVE:
            raise Exit(self.exit_reason)

    def leads_to(self, node: Atom) -> bool:
        """Whether it has links or monitors across the connection to `node`."""
        links, monitors = self.links, self.monitors
        return (links is not None and links.leads_to(node)) or (
            monitors is not None and monitors.leads_to(node)
        )

    # --- the end ----------------------------------------------------------------

    def call_at_end(self, callback: Callable[[Process], object]) -> None:
        """Let `callback` be called when this process ends, while its name is still taken.

        It must neither wait nor raise.  Exit in a process that has ended.
        """
        self.check_alive()
        if self.at_end is None:
            self.at_end = {}
        self.at_end[callback] = None

    def forget_at_end(self, callback: Callable[[Process], object]) -> None:
        """Take back `call_at_end`."""
        if self.at_end is not None:
            self.at_end.pop(callback, None)

    def exit_signal(self, sender: Pid, reason: Term) -> None:
        """`exit(pid, reason)` arrived."""
        if reason is KILL:
            self.die(KILLED)
        elif self.trap_exit:
            self.deliver((EXIT, sender, reason))
        elif reason is not NORMAL or sender == self.pid:
            self.die(reason)

    def link_exit(self, sender: Pid, reason: Term) -> None:
        """A process that this one was linked to has ended."""
        if self.trap_exit:
            self.deliver((EXIT, sender, reason))
        elif reason is not NORMAL:
            self.die(reason)

    def die(self, reason: Term) -> None:
        """End now, with `reason`; to everybody else the process is gone when this returns."""
        if self.exit_reason is not ALIVE:
            return
        if self.runtime.before_end is not None:
            self.runtime.before_end(self)
        self.exit_reason = reason
        mailbox, self.mailbox = self.mailbox, None
        self.runtime.bury(self)
        self.dictionary = None
        self.context = None  # which refers to this process
        if mailbox is not None:
            mailbox.close(reason)
        if self.suspended is not None:
            self._end_suspension()  # its coroutine unwinds
        if self.to_call is not None:
            self.to_call = None
            self.queue.not_begun -= 1
            seen_by_collector(self)
        if self.task is not None:
            self.task.cancel()
        elif self.owner is not None and not self.owner.done() and not self.runtime.stopping:
            logger.warning("%r was ended by an exit signal: %s", self, brief(reason))
            self.owner.cancel()

    def owner_ended(self, task: asyncio.Task[Any]) -> None:
        """The asyncio task that this process was attached to is done."""
        if task.cancelled():
            self.die(CANCELLED)
            return
        # Not task.exception(): who asks by that has taken note of it, and asyncio would not report it.
        error: BaseException | None = task._exception
        self.die(NORMAL if error is None else exit_reason(error))
