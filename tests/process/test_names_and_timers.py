"""Local names and timers: rows N and Z of the OTP rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from process_tools import idle, inside, settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from pyerlnode.process import Runtime


async def test_a_name_belongs_to_one_process_and_a_process_has_one() -> None:
    first, second = erl.spawn(idle), erl.spawn(idle)
    assert erl.register("a", first)
    for name, pid in (("a", second), ("b", first), ("undefined", second), ("", second)):
        with pytest.raises(BadArg):
            erl.register(name, pid)
    assert erl.whereis("a") == first
    assert erl.whereis("b") is None
    assert erl.registered() == ["a"]
    assert erl.unregister("a")
    with pytest.raises(BadArg):
        erl.unregister("a")
    assert erl.register("b", first)


async def test_the_dead_cannot_be_named(runtime: Runtime) -> None:
    pid = erl.spawn(idle)
    erl.exit(pid, Atom("kill"))
    for dead in (pid, Pid("there@localhost", 1, 0, 1)):
        with pytest.raises(BadArg):
            erl.register("a", dead)


async def test_a_name_is_free_before_anybody_hears_of_the_end() -> None:
    async def body() -> object:
        pid = erl.spawn(idle)
        erl.register("a", pid)
        erl.monitor(pid)
        erl.exit(pid, Atom("why"))
        await erl.receive(timeout=0)
        return erl.register("a", erl.self())

    assert await inside(body)


async def test_sending_to_names(runtime: Runtime) -> None:
    erl.register("me", erl.self())
    erl.send("me", 1)
    erl.send(("me", runtime.name), 2)
    erl.send(("nobody", runtime.name), 3)
    assert [await erl.receive(timeout=0), await erl.receive(timeout=0)] == [1, 2]
    with pytest.raises(BadArg, match="nobody"):
        erl.send("nobody", 4)
    with pytest.raises(BadArg):
        erl.send(5, 5)  # type: ignore[arg-type]


async def test_send_after_sends_to_a_pid_and_to_a_name_of_that_moment(runtime: Runtime) -> None:
    begun = runtime.loop.time()
    erl.send_after(0.02, erl.self(), "pid")
    erl.send_after(0.01, "later", "name")
    erl.register("later", erl.self())
    assert await erl.receive(timeout=1) == "name"
    assert await erl.receive(timeout=1) == "pid"
    assert runtime.loop.time() - begun >= 0.02
    ref = erl.start_timer(0, erl.self(), "x")
    assert await erl.receive(timeout=1) == ("timeout", ref, "x")
    assert len(runtime.timers) == 0


async def test_a_cancelled_timer_sends_nothing() -> None:
    ref = erl.send_after(30, erl.self(), "x")
    left = erl.read_timer(ref)
    assert left is not None and 29 < left <= 30
    left = erl.cancel_timer(ref)
    assert left is not None and 29 < left <= 30
    assert erl.cancel_timer(ref) is None
    assert erl.read_timer(ref) is None


async def test_a_timer_to_a_pid_ends_with_the_process(runtime: Runtime) -> None:
    pid = erl.spawn(idle)
    ref = erl.send_after(30, pid, "x")
    erl.send_after(30, "name", "x")
    erl.exit(pid, Atom("kill"))
    assert erl.read_timer(ref) is None
    assert len(runtime.timers) == 1
    assert erl.cancel_timer(erl.send_after(30, pid, "x")) is None


async def test_what_no_timer_takes() -> None:
    for delay, to in (
        (1, Pid("there@localhost", 1, 0, 1)),
        (-1, "name"),
        (5e9, "name"),
        (True, "name"),
        (1, ("name", "there@localhost")),
    ):
        with pytest.raises(BadArg):
            erl.send_after(delay, to, "x")  # type: ignore[arg-type]


async def test_an_idle_runtime_asks_for_nothing(runtime: Runtime) -> None:
    erl.spawn(idle)
    await settled()
    assert len(runtime.queue) == 0
