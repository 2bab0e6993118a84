"""What the tests of pyerlnode.otp share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pyerlnode.process as erl
from pyerlnode.errors import Exit
from pyerlnode.otp import GenServer
from pyerlnode.process import Process, Request, this_process
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

# A guard against waiting for ever, and no measure: the machine may have other work.
SECONDS = 30.0
OK = Atom("ok")


async def idle() -> None:
    """A process that waits for a message that nobody sends."""
    await erl.receive(lambda message: False)


async def settled() -> None:
    """Return when nothing in the runtime can run any more."""
    queue = this_process().runtime.queue
    await asyncio.sleep(0)
    while len(queue):  # noqa: ASYNC110  # the queue is no event
        await asyncio.sleep(0)


async def reason_of(pid: Pid) -> Any:
    """Wait until a process has ended; why it did."""
    request = Request(this_process(), pid)
    await request.wait(SECONDS)
    assert request.is_down, f"{pid} goes on"
    return request.down_reason


async def inside(function: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Any:
    """What `await function(*args)` gives, or raises, in a process of its own."""
    result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def body() -> None:
        try:
            value = await function(*args)
        except BaseException as error:
            if not result.done():  # else who asked for it has given up
                result.set_exception(error)
            raise
        result.set_result(value)

    erl.spawn(body)
    async with asyncio.timeout(SECONDS):
        return await result


async def exit_of(server: Any, request: Any, timeout: float | None = SECONDS) -> Any:
    """The reason that a call exits with."""
    try:
        reply = await GenServer.call(server, request, timeout)
    except Exit as error:
        return error.reason
    raise AssertionError(f"the call was answered: {reply!r}")


def process_of(pid: Pid) -> Process:
    """The process of this runtime that has `pid`."""
    process = this_process().runtime.process(pid)
    assert process is not None
    return process
