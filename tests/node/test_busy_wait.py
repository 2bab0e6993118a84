"""The loop looks for more for a while after a read, and ever more rarely where that is in vain."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

import pytest
from node_tools import until

from pyerlnode.errors import ConfigError, Exit
from pyerlnode.node.busy_wait import FEW, SOON, THRESHOLDS, BusyWait, default_threshold
from pyerlnode.node.config import NodeConfig
from pyerlnode.otp import GenServer
from pyerlnode.term import Atom

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from pyerlnode.node.node import Node


class Loop:
    """A loop of the test: what is to be called next, and what time it is."""

    def __init__(self) -> None:
        self.next: list[Callable[[], None]] = []
        self.now = 0.0

    def call_soon(self, callback: Callable[[], None], *, context: Any) -> None:
        self.next.append(callback)

    def time(self) -> float:
        return self.now

    def round(self) -> None:
        """Call what is to be called; it may ask for more."""
        callbacks, self.next = self.next, []
        for callback in callbacks:
            callback()

    def pass_by(self, seconds: float) -> None:
        """Time passes, in which nothing is read."""
        self.now += seconds
        self.round()


def wait_on(loop: Loop, threshold: str) -> BusyWait:
    return BusyWait(cast("asyncio.AbstractEventLoop", loop), threshold, loop.time)


def waits_of(loop: Loop, wait: BusyWait, reads: int, pause: float) -> int:
    """How many of so many reads, `pause` seconds apart, are followed by a wait."""
    waits = 0
    for _ in range(reads):
        wait.after_read(1)
        waits += bool(loop.next)
        loop.pass_by(pause)
    return waits


def test_the_loop_does_not_sleep_until_the_time_is_over() -> None:
    loop = Loop()
    wait_on(loop, "medium").after_read(1)
    for _ in range(9):
        loop.pass_by(0.000_010)
        assert len(loop.next) == 1
    loop.pass_by(0.000_011)
    assert not loop.next


def test_a_read_while_it_looks_begins_the_time_anew() -> None:
    loop = Loop()
    wait = wait_on(loop, "medium")
    wait.after_read(1)
    loop.pass_by(0.000_090)
    wait.after_read(1)
    assert len(loop.next) == 1  # and not one for each read
    loop.pass_by(0.000_090)
    assert len(loop.next) == 1
    loop.pass_by(0.000_011)
    assert not loop.next


def test_many_callers_share_a_sleep() -> None:
    loop = Loop()
    wait = wait_on(loop, "medium")
    wait.after_read(FEW + 1)
    assert not loop.next
    assert waits_of(loop, wait, 15, 0.000_001) == 0
    wait.after_read(FEW)
    assert loop.next
    wait.after_read(FEW + 1)
    loop.round()
    assert not loop.next  # though it is early still


def test_who_is_back_at_once_is_somebody_else() -> None:
    loop = Loop()
    wait = wait_on(loop, "medium")
    wait.after_read(1)
    loop.pass_by(SOON / 2)
    wait.after_read(1)
    loop.round()
    assert not loop.next
    assert waits_of(loop, wait, 15, 0.000_001) == 0


def test_others_may_have_the_processor_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    loop = Loop()
    monkeypatch.setattr("pyerlnode.node.busy_wait.give_way", lambda: given.append(loop.now))
    wait_on(loop, "medium").after_read(1)
    loop.pass_by(0.000_050)
    loop.pass_by(0.000_050)
    loop.pass_by(0.000_050)
    assert given == [0.000_050]


def test_what_is_in_vain_becomes_rare() -> None:
    loop = Loop()
    wait = wait_on(loop, "short")
    assert waits_of(loop, wait, 10_000, 1.0) < 60
    # Once one read in 256 is waited for, it stays at that.
    assert waits_of(loop, wait, 256 * 4, 1.0) == 4


def test_a_wait_that_was_worth_it_makes_them_usual_again() -> None:
    loop = Loop()
    wait = wait_on(loop, "short")
    waits_of(loop, wait, 10_000, 1.0)
    waits_of(loop, wait, 256, SOON)  # one of these is waited for, and the next comes in time
    loop.pass_by(1.0)
    # From here on as at the beginning: one in vain costs nothing, then one read is left out.
    assert waits_of(loop, wait, 3, 1.0) == 2


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not tell")
def test_one_processor_is_left_to_the_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    assert default_threshold() == "none"
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3})
    assert default_threshold() == "medium"


def test_the_words_are_those_of_a_beam() -> None:
    assert list(THRESHOLDS) == ["none", "very_short", "short", "medium", "long", "very_long"]
    with pytest.raises(ConfigError, match="very_short"):
        NodeConfig.load("a@localhost", "c", environ={}, hostname="h", sbwt="often")


async def asks(other: Node) -> None:
    with pytest.raises(Exit):
        await GenServer.call(("nobody", Atom(other.config.name)), 1)


async def test_a_node_waits_after_it_has_answered(
    start_node: Callable[..., Awaitable[Node]], monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[str] = []
    monkeypatch.setattr(BusyWait, "after_read", lambda wait, count: began.append(wait.threshold))
    kate = await start_node("kate", sbwt="very_long")
    alex = await start_node("alex", sbwt="short")
    await kate.connect(alex.config.name)
    kate.runtime.spawn(asks(alex))
    await until(lambda: "short" in began)
    alex.runtime.spawn(asks(kate))
    await until(lambda: "very_long" in began)


async def test_none_never_waits(
    start_node: Callable[..., Awaitable[Node]], monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[str] = []
    monkeypatch.setattr(BusyWait, "after_read", lambda wait, count: began.append(wait.threshold))
    kate = await start_node("kate", sbwt="none")
    alex = await start_node("alex", sbwt="none")
    await kate.connect(alex.config.name)
    answered = kate.links()[0].received
    kate.runtime.spawn(asks(alex))
    await until(lambda: kate.links()[0].received > answered)
    assert began == []
