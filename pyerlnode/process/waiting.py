"""The waits of a process that are coroutines: for mail, for an answer, for one's next turn.

They stand in no compiled module: who gets one of them gets a coroutine of Python, whatever runs.

Source: Erlang Reference Manual, "Expressions", Receive; gen.erl of OTP's stdlib (do_call).
Proof: tests/process/test_mailbox.py, test_fairness.py, test_requests.py.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyerlnode.errors import UsageError
from pyerlnode.process.mailbox import NO_MESSAGE, Mailbox, Receive

if TYPE_CHECKING:
    from pyerlnode.process.mailbox import Matcher
    from pyerlnode.process.process import Process
    from pyerlnode.process.request import Request
    from pyerlnode.term import Term

__all__ = ["RECEIVES_PER_TURN", "answered", "let_others_run", "receive"]

# Messages that a coroutine takes, or answers that were there already, before others get their turn.
RECEIVES_PER_TURN = 64


async def receive(process: Process, match: Matcher | None, timeout: float | None) -> Term:
    """The first message that `match` accepts; see `Process.receive`."""
    if process.receives >= RECEIVES_PER_TURN:
        await let_others_run(process)
    process.receives += 1
    process.check_alive()
    mailbox = process.mailbox
    if mailbox is None:
        mailbox = process.mailbox = Mailbox()
    if mailbox.receiving is not None:
        raise UsageError(f"another task of {process!r} is in receive already")
    mailbox.rewind()
    message = mailbox.scan(match)
    if message is not NO_MESSAGE:
        return message
    if timeout is None or timeout > 0:
        waits = Receive(mailbox, match)
        mailbox.begin(waits)
        timer = None if timeout is None else process.runtime.call_later(timeout, waits.time_out)
        try:
            await waits
        finally:
            mailbox.receiving = None
            if timer is not None:
                timer.cancel()
        process.receives = 0
        if waits.message is not NO_MESSAGE:
            return waits.message
        process.check_alive()
    raise TimeoutError(f"no message that fits within {timeout} s")


async def answered(request: Request, timeout: float | None) -> None:
    """Wait until a request is over; see `Request.wait`."""
    try:
        if not request.is_over:
            if timeout is not None:
                request.expire_in(timeout)
            await request
        else:
            await let_others_run(request.process)
    finally:
        request.close()


async def let_others_run(process: Process) -> None:
    """Step back in favour of other processes: a loop that always finds mail would never let go."""
    process.receives = 0
    await asyncio.sleep(0)
