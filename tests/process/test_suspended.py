"""A process that is suspended: it gets no turn, and nothing is lost."""

from __future__ import annotations

import asyncio

import pytest
from process_tools import Others, idle, inside, process_of, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg
from pyerlnode.process import Process, Runtime, blocking
from pyerlnode.process.portal import forwarded
from pyerlnode.services.process_info import process_info
from pyerlnode.term import Atom


class Notes:
    """A behaviour that keeps its messages, and suspends itself in the middle of some."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.process: Process | None = None

    def start(self, process: Process) -> None:
        self.process = process

    def message(self, message: object) -> None:
        assert self.process is not None
        self.seen.append(message)
        if message == b"suspend":
            self.process.suspend()


async def test_a_behaviour_gets_no_message_until_it_is_resumed_as_often(runtime: Runtime) -> None:
    notes = Notes()
    process = runtime.spawn(notes)
    process.put(b"suspend")
    process.put(1)
    await settled()
    process.put(2)
    process.suspend()
    await settled()
    assert notes.seen == [b"suspend"]
    process.resume()
    await settled()
    assert notes.seen == [b"suspend"]
    process.resume()
    await settled()
    assert notes.seen == [b"suspend", 1, 2]
    process.put(3)
    await settled()
    assert notes.seen == [b"suspend", 1, 2, 3]


async def test_a_resume_too_many_means_nothing(runtime: Runtime) -> None:
    process = runtime.spawn(Notes())
    process.resume()
    assert process.suspended is None


async def test_a_coroutine_goes_no_further_than_to_its_next_await() -> None:
    steps: list[str] = []

    async def body() -> None:
        me = process_of(erl.self())
        me.suspend()
        steps.append("goes on")
        await asyncio.sleep(0)
        steps.append("after a sleep")
        me.suspend()
        steps.append(await erl.receive())

    pid = erl.spawn(body)
    await settled()
    assert steps == ["goes on"]
    process_of(pid).resume()
    await settled()
    erl.send(pid, "mail")
    await settled()
    assert steps == ["goes on", "after a sleep"]
    process_of(pid).resume()
    await settled()
    assert steps == ["goes on", "after a sleep", "mail"]


async def test_a_future_that_is_done_meanwhile_is_seen_afterwards() -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    found: list[str] = []

    async def body() -> None:
        found.append(await future)

    pid = erl.spawn(body)
    await settled()
    process_of(pid).suspend()
    future.set_result("done")
    await settled()
    assert found == []
    process_of(pid).resume()
    await settled()
    assert found == ["done"]


async def test_a_future_that_fails_meanwhile_is_raised_afterwards() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def body() -> str:
        process_of(erl.self()).suspend()
        erl.self()
        try:
            await future
        except OSError as error:
            return str(error)
        return "no error"

    asked = asyncio.ensure_future(inside(body))
    await settled()
    future.set_exception(OSError("broken"))
    await settled()
    assert not asked.done()
    (suspended,) = (each for each in erl.this_process().runtime.processes() if each.suspended)
    suspended.resume()
    assert await asked == "broken"


async def test_it_is_killed_at_once_and_its_coroutine_unwinds() -> None:
    unwound: list[str] = []

    async def body() -> None:
        try:
            process_of(erl.self()).suspend()
            await asyncio.sleep(0)
        finally:
            unwound.append("unwound")

    pid = erl.spawn(body)
    await settled()
    erl.exit(pid, "kill")
    assert await reason_of(pid) in ("noproc", "killed")
    await settled()
    assert unwound == ["unwound"]


async def test_exit_signals_links_and_monitors_take_effect_meanwhile() -> None:
    pid = erl.spawn(idle)
    await settled()
    process = process_of(pid)
    process.suspend()
    ref = erl.monitor(pid)
    erl.exit(pid, "boom")
    assert await erl.receive(timeout=5.0) == ("DOWN", ref, "process", pid, "boom")


async def test_process_info_says_so(runtime: Runtime) -> None:
    pid = erl.spawn(idle)
    await settled()
    assert process_info(runtime, pid, Atom("status")) == ("status", "waiting")
    process_of(pid).suspend()
    assert process_info(runtime, pid, Atom("status")) == ("status", "suspended")


async def test_a_thread_waits_in_what_it_has_called() -> None:
    steps: list[str] = []

    @blocking
    def work() -> None:
        _suspend_self()
        steps.append("after it")

    async def body() -> None:
        await work()

    @forwarded
    def _suspend_self() -> None:
        erl.this_process().suspend()
        steps.append("suspended")

    pid = erl.spawn(body)
    process = process_of(pid)
    async with asyncio.timeout(30):
        while not steps:  # noqa: ASYNC110  # the thread's doing
            await asyncio.sleep(0.001)
    await settled()
    assert steps == ["suspended"]
    process.resume()
    assert await reason_of(pid) in ("normal", "noproc")
    assert steps == ["suspended", "after it"]


# --- what a send may be told ------------------------------------------------------------------


async def test_a_send_with_options_says_whether_it_was_sent(runtime: Runtime) -> None:
    others = Others(runtime)
    there = others.pid()
    assert erl.send(there, 1) == 1
    assert erl.send(there, 2, nosuspend=True, noconnect=True) == "ok"
    others.busy = True
    assert erl.send(there, 3, noconnect=True) == "ok"
    assert erl.send(there, 4, nosuspend=True) == "nosuspend"
    assert erl.send(("name", there.node), 5, nosuspend=True) == "nosuspend"
    assert erl.send(others.ref(), 6, nosuspend=True) == "nosuspend"
    assert erl.send(erl.self(), 7, nosuspend=True, noconnect=True) == "ok"
    assert [control.message for control in others.take()] == [1, 2, 3]  # type: ignore[union-attr]
    others.connected = False
    assert erl.send(there, 8, noconnect=True, nosuspend=True) == "noconnect"
    assert erl.send(there, 9, nosuspend=True) == "ok"  # which connects


async def test_a_send_with_options_still_wants_a_destination() -> None:
    with pytest.raises(BadArg):
        erl.send("nobody has this name", 1, nosuspend=True)
    with pytest.raises(BadArg):
        erl.send(("too", "many", "parts"), 1, noconnect=True)  # type: ignore[arg-type]


async def test_who_is_not_suspended_is_never_told_nosuspend(runtime: Runtime) -> None:
    others = Others(runtime)
    others.busy = True
    assert erl.process_flag("async_dist", True) is False
    assert erl.send(others.pid(), 1, nosuspend=True) == "ok"
    assert erl.process_flag("async_dist", False) is True
    with pytest.raises(BadArg, match="trap_exit, async_dist and max_mailbox"):
        erl.process_flag("priority", True)


async def test_without_a_network_nothing_is_connected(runtime: Runtime) -> None:
    assert erl.send(("name", "elsewhere@localhost"), 1, noconnect=True) == "noconnect"
