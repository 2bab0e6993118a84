"""Requests that wait as long as nearly all do: each to its own deadline, with one timer for all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from process_tools import idle, inside

from pyerlnode.process import Request, Runtime, this_process
from pyerlnode.process.deadlines import USUAL

if TYPE_CHECKING:
    import pytest


SOON = 0.05


async def test_each_is_over_at_its_own_deadline(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyerlnode.process.deadlines.USUAL", SOON)
    silent = runtime.spawn(idle())

    async def ask() -> float:
        begun = runtime.loop.time()
        request = Request(this_process(), silent.pid)
        await request.wait(SOON)
        assert not request.replied and not request.is_down
        return runtime.loop.time() - begun

    async def body() -> None:
        first = asyncio.ensure_future(ask())
        await asyncio.sleep(SOON / 2)
        second = asyncio.ensure_future(ask())
        # A clock of milliseconds may be that much too early; how late it is says nothing.
        assert min(await first, await second) > SOON - 0.005
        assert len(runtime.deadlines) == 0

    await inside(body)


async def test_one_timer_serves_all_and_what_is_over_leaves_nothing(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = runtime.spawn(idle())
    arm = runtime.loop.call_at
    armed: list[float] = []

    def counted(when: float, *args: Any, **more: Any) -> asyncio.TimerHandle:
        armed.append(when)
        return arm(when, *args, **more)

    async def body() -> None:
        monkeypatch.setattr(runtime.loop, "call_at", counted)
        for number in range(10):
            request = Request(this_process(), server.pid)
            # Answered in a later round of the loop than the request was made in.
            runtime.loop.call_soon(runtime.loop.call_soon, runtime.send, request.ref, number)
            await request.wait(USUAL)
            assert request.message == number
            assert len(runtime.deadlines) == 0

    await inside(body)
    assert len(armed) == 1


async def test_other_times_have_timers_of_their_own(runtime: Runtime) -> None:
    silent = runtime.spawn(idle())

    async def body() -> None:
        request = Request(this_process(), silent.pid)
        waits = asyncio.ensure_future(request.wait(0.01))
        await asyncio.sleep(0)
        assert len(runtime.deadlines) == 0
        await waits
        assert request.is_over

    await inside(body)
