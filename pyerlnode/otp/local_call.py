"""A call from a process to a GenServer of the same node, as long as nobody needs to see more of it.

On the wire a call is a message with a reference, which is a monitor and an alias.  Within a
node most calls are answered before the event loop gets control back, by a callback that
never looks at who has called: then they are this object in the server's mailbox, which knows
who waits, and nothing else is made (a call takes a third of the time).  What makes them an
ordinary request, with reference, alias, monitor and timer:

* a callback that is given the caller: the reference and the alias (`caller`);
* an answer that comes later, from a coroutine or by `GenServer.reply` (`open`);
* a wait that outlasts the run of the queue, or is not the process's own coroutine's (`open`);
* whoever looks into the mailbox (`opened`).

A server that ends with a call in its mailbox tells who waits; so does one that ends while
it handles the call.

Source: gen.erl of OTP's stdlib (do_call).
Proof: tests/otp/test_local_calls.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyerlnode.otp import gen
from pyerlnode.process.alias_tag import alias_tag
from pyerlnode.process.mailbox import Unopened
from pyerlnode.process.monitors import DOWN, Monitors, Watch
from pyerlnode.process.process import ALIVE
from pyerlnode.process.request import DEMONITOR, NOTHING, Request
from pyerlnode.process.task import ProcessTask, runs_in

if TYPE_CHECKING:
    from collections.abc import Generator

    from pyerlnode.otp.gen import Caller
    from pyerlnode.process.process import Process
    from pyerlnode.term import Term

__all__ = ["LocalCall"]


class LocalCall(Request, Unopened):
    """What a call waits on, and what the server finds in its mailbox; see the module's description."""

    __slots__ = ("_caller", "_opened", "_timeout", "request", "server")

    def __init__(self, process: Process, server: Process, request: Term, timeout: float | None) -> None:
        self.process = process
        if self.process.exit_reason is not ALIVE:
            process.check_alive()
        # The other slots are filled when it is opened.
        self._waiter = None
        self.server = server
        self.request = request
        self._timeout = timeout
        self.is_over = False
        self._caller: Caller | None = None
        self._opened = False
        self.message = self.down_reason = NOTHING

    # --- who waits ----------------------------------------------------------------------

    def __await__(self) -> Generator[Any, None, None]:
        process = self.process
        task = process.task
        if task is not None and task.hand_over(self.server, self):
            if self.is_over and process.exit_reason is ALIVE:
                return
        else:
            self.server.put(self)
            if task is None or not runs_in(process):
                # Of a task within the process: when the process ends, only the monitor ends its wait.
                self.outlasts_the_run()
                yield from Request.__await__(self)
                return
        process.receives = 0
        self._waiter = task
        if not task.watched:
            task.wait_in_this_run()
        # A generator is resumed without a Python call; it lives no longer than the call.
        while True:
            yield self
            if self.is_over:
                return

    def outlasts_the_run(self) -> None:
        if self.is_over:
            return
        self.open()
        if self._timeout is not None and not self.is_over:
            self._timer = self.process.runtime.call_later(self._timeout, self._end)

    def close(self) -> None:
        self.is_over = True
        if self._caller is not None:
            self.process.runtime.aliases.pop(self.ref, None)
            Request.close(self)

    # --- who is asked -------------------------------------------------------------------

    def answer(self, value: Term) -> None:
        """The reply; it reaches nobody when the wait is over, or the server has ended."""
        if self.is_over:
            return
        if self.server.exit_reason is not ALIVE:
            self.down(self.server.exit_reason)
            return
        self.message = (None, value)
        if self._caller is not None:
            self.close()
        self.is_over = True
        waiter = self._waiter
        if type(waiter) is ProcessTask:  # `wake`, without the call
            waiter.resume()
        else:
            self.wake()

    def caller(self) -> Caller:
        """What `GenServer.reply` takes; from now on there is an alias."""
        if self._caller is None:
            process = self.process
            runtime = process.runtime
            self._timer = None
            self.ref = ref = runtime.make_ref()
            self._caller = (process.pid, alias_tag(ref))
            if not self.is_over and process.alive:
                runtime.aliases[ref] = self
        return self._caller

    def open(self) -> None:
        """Make it an ordinary request: it may be answered later, or never."""
        if self._opened:
            return
        self._opened = True
        self.caller()
        if self.is_over or not self.process.alive:
            return
        if not self.server.alive:
            self.down(self.server.exit_reason)
            return
        self.item = self.server.pid
        Monitors.of(self.process).watch(self.ref, Watch(self.item, DOWN, DEMONITOR, self))

    def opened(self) -> Term:
        """The message as everybody else sees it: `{'$gen_call', From, Request}`."""
        self.open()
        return (gen.CALL, self._caller, self.request)

    def lost(self, reason: Term) -> None:
        self.down(reason)
