"""One outstanding request: a monitor and an alias in one reference.

This is what a call waits on.  The answer comes to the alias, the news of the server's
end through the monitor, and neither ever passes through the mailbox; when the wait is
over, however it ended, both are gone, so a late answer reaches nobody.

Source: gen.erl of OTP's stdlib (do_call), Erlang Reference Manual, "Process Aliases".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.process import deadlines, waiting
from pyerlnode.process.deadlines import Deadlines
from pyerlnode.process.monitors import DOWN, Monitored, Monitors, Watch
from pyerlnode.process.suspension import Suspension
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

    from pyerlnode.process.process import Process

NOTHING: Any = object()
DEMONITOR: Final = Atom("demonitor")


class Request(Suspension):
    """Made by `process` for `item`; monitors it from now on.

    `ref` is the reference to send along.  After `wait` returned, `message` is what
    came to the alias, `down_reason` why the server ended, and both are `NOTHING` if
    the time was over first.  Who waits for the end alone makes no alias (`replies`
    False): what a stranger sends to the reference is no answer then.
    """

    __slots__ = (
        "_deadline",
        "_timer",
        "_usual",
        "down_reason",
        "is_over",
        "item",
        "message",
        "process",
        "ref",
    )

    def __init__(self, process: Process, item: Monitored, *, replies: bool = True) -> None:
        self._waiter = None
        process.check_alive()
        self.process = process
        self.item = item
        self.is_over = False
        self._deadline = 0.0
        self._usual = False
        self._timer: asyncio.TimerHandle | Deadlines | None = None
        self.message: Term = NOTHING
        self.down_reason: Term = NOTHING
        runtime = process.runtime
        self.ref = ref = runtime.make_ref()
        if replies:
            runtime.aliases[ref] = self
        Monitors.of(process).watch(ref, Watch(item, DOWN, DEMONITOR if replies else None, self))

    @property
    def node(self) -> Atom:
        """The node of what was asked."""
        return self.item.node if isinstance(self.item, Pid) else self.item[1]

    @property
    def replied(self) -> bool:
        """Whether a message came to the alias."""
        return self.message is not NOTHING

    @property
    def is_down(self) -> bool:
        """Whether what was asked has ended."""
        return self.down_reason is not NOTHING

    def ready(self) -> bool:
        return self.is_over

    def alias_message(self, message: Term) -> None:
        """A message came to the alias: the first one counts."""
        if not self.is_over:
            self.message = message
            self._end()

    def down(self, reason: Term) -> None:
        """The monitor fired."""
        if not self.is_over:
            self.down_reason = reason
            self._end()

    def wait(self, timeout: float | None) -> Coroutine[Any, Any, None]:
        """Wait for either, at most `timeout` seconds (None: for ever)."""
        return waiting.answered(self, timeout)

    def expire_in(self, timeout: float) -> None:
        """Let the wait be over in `timeout` seconds, whatever has come until then."""
        runtime = self.process.runtime
        self._usual = timeout == deadlines.USUAL
        self._deadline = runtime.loop.time() + timeout
        # Most calls within a node are answered before the loop gets control back, and need no timer.
        runtime.queue.after_run(self._arm)

    def close(self) -> None:
        """Give up the monitor and the alias; harmless when they are gone already."""
        self.is_over = True
        timer = self._timer
        if timer is not None:
            self._timer = None
            if isinstance(timer, Deadlines):
                timer.drop(self)
            else:
                timer.cancel()
        if self.process.monitors is not None:
            self.process.monitors.unwatch(self.ref)

    def time_out(self) -> None:
        """The wait is over: the time is."""
        self._end()

    def _end(self) -> None:
        self.close()
        self.wake()

    def _arm(self) -> None:
        if self.is_over:
            return
        runtime = self.process.runtime
        if self._usual:
            self._timer = runtime.deadlines
            runtime.deadlines.add(self, self._deadline)
        else:
            self._timer = runtime.loop.call_at(self._deadline, self._end)
