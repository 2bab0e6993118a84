"""What the tests of pyerlnode.process share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pyerlnode.process as erl
from pyerlnode.process import Process, Request, Runtime, this_process
from pyerlnode.term import Atom, Pid, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pyerlnode.protocol.control import Control

# A guard against waiting for ever, and no measure: the machine may have other work.
SECONDS = 30.0
THERE = Atom("there@localhost")


async def idle() -> None:
    """A process that waits for a message that nobody sends."""
    await erl.receive(lambda message: False)


async def trapping() -> None:
    """As `idle`, trapping exits."""
    erl.process_flag("trap_exit", True)
    await idle()


async def reason_of(pid: Pid) -> Any:
    """Wait until a process has ended; why it did."""
    request = Request(this_process(), pid)
    await request.wait(SECONDS)
    assert request.is_down, f"{pid} goes on"
    return request.down_reason


async def settled() -> None:
    """Return when nothing in the runtime can run any more."""
    queue = this_process().runtime.queue
    await asyncio.sleep(0)
    while len(queue):  # noqa: ASYNC110  # the queue is no event
        await asyncio.sleep(0)


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


class Others:
    """A `Distribution` that writes down what is sent; what the others send is given to the runtime."""

    def __init__(self, runtime: Runtime, connected: bool = True) -> None:
        self.runtime = runtime
        self.connected = connected
        self.busy = False
        self.sent: list[tuple[Atom, Control]] = []
        runtime.distribution = self

    def signal(self, node: Atom, control: Control) -> None:
        if self.connected:
            self.sent.append((node, control))
        else:
            self.runtime.undeliverable(node, control)

    def is_connected(self, node: Atom) -> bool:
        return self.connected

    def is_wanted(self, node: Atom) -> bool:
        return self.connected

    def is_busy(self, node: Atom) -> bool:
        return self.busy

    def connect_soon(self, node: Atom, failed: Callable[[], object]) -> None:
        if not self.connected:
            self.runtime.loop.call_soon(failed)

    def nodes(self, kind: str = "visible") -> list[Atom]:
        return [THERE] if self.connected and kind != "hidden" else []

    def take(self) -> list[Control]:
        """What was sent since the last time."""
        sent, self.sent = self.sent, []
        return [control for _, control in sent]

    def receive(self, control: Control) -> None:
        """Let `control` arrive from the other node."""
        self.runtime.receive_signal(THERE, control)

    def pid(self, number: int = 1) -> Pid:
        """A process of the other node."""
        return Pid(THERE, number, 0, 3)

    def ref(self, number: int = 1) -> Reference:
        """A reference of the other node."""
        return Reference(THERE, 3, (number, 0, 1))


def process_of(pid: Pid) -> Process:
    """The process of this runtime that has `pid`."""
    process = this_process().runtime.process(pid)
    assert process is not None
    return process


def tables(runtime: Runtime) -> dict[str, int]:
    """How much stands in every table of a runtime and of its processes."""
    processes = runtime.processes()
    return {
        "processes": len(processes),
        "aliases": len(runtime.aliases),
        "names": len(runtime.names.all()),
        "timers": len(runtime.timers),
        "deadlines": len(runtime.deadlines),
        "attached": len(runtime._attached),
        "involved": _size(runtime._involved),
        "node watchers": _size(runtime._node_watchers),
        "links": sum(len(one.links._peers) for one in processes if one.links is not None),
        "watching": sum(len(one.monitors.watching) for one in processes if one.monitors is not None),
        "watched by": sum(len(one.monitors.watched_by) for one in processes if one.monitors is not None),
        "aliases of processes": sum(len(one.aliases or ()) for one in processes),
        "timers of processes": sum(len(one.timers or ()) for one in processes),
        "mail": sum(len(one.mailbox or ()) for one in processes),
        "after the run": len(runtime.queue._after),
    }


def _size(table: dict[Atom, Any]) -> int:
    return len(table) + sum(map(len, table.values()))
