"""Timeouts of results, and the results themselves: rows R of the OTP rules."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg
from pyerlnode.otp import Continue, Failure, GenServer, Hibernate, NoReply, Reply, Stop, on_call, on_info, sys
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

TIMEOUT = Atom("timeout")


class Timed(GenServer):
    """Tells `report` of every message."""

    def init(self, report: Pid, timeout: float | None = None) -> Any:
        self.report = report
        return NoReply(timeout=timeout)

    @on_call
    def wait(self, seconds: float) -> Reply:
        return Reply(Atom("ok"), timeout=seconds)

    def handle_cast(self, request: Any) -> Any:
        return NoReply(timeout=request)

    @on_info
    def timeout(self) -> None:
        erl.send(self.report, TIMEOUT)

    def handle_info(self, message: Any) -> Any:
        erl.send(self.report, message)
        return NoReply()


async def started(timeout: float | None = None) -> Pid:
    pid = await Timed.start(erl.self(), timeout)
    assert pid is not None
    return pid


class Time:
    """The event loop's time, which goes by when a test says so: no machine is too slow for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: self.now)

    async def passes(self, seconds: float) -> None:
        """What is due by then has happened when this returns."""
        self.now += seconds
        await asyncio.sleep(0)  # the timers, and
        await asyncio.sleep(0)  # what they have woken
        await settled()


@pytest.fixture
def time(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(runtime.loop, monkeypatch)


async def told() -> Any:
    """What the server has told by now; None if that is nothing."""
    await settled()
    try:
        return await erl.receive(timeout=0)
    except TimeoutError:
        return None


async def test_a_timeout_fires_when_no_message_comes(time: Time) -> None:
    pid = await started(20)
    await time.passes(19)
    assert await told() is None
    await time.passes(1)
    assert await told() == TIMEOUT
    await time.passes(30)
    assert await told() is None
    await GenServer.call(pid, (Atom("wait"), 10))
    await time.passes(10)
    assert await told() == TIMEOUT


async def test_any_message_cancels_it(time: Time) -> None:
    pid = await started(20)
    erl.send(pid, "x")
    assert await told() == "x"
    await time.passes(40)
    assert await told() is None


async def test_zero_seconds_fire_only_if_the_mailbox_is_empty(time: Time) -> None:
    pid = await started()
    GenServer.cast(pid, 0)
    assert await told() == TIMEOUT
    GenServer.cast(pid, 0)
    erl.send(pid, "x")
    assert await told() == "x"
    await time.passes(10)
    assert await told() is None


async def test_messages_that_came_before_the_time_was_over_count(time: Time) -> None:
    pid = await started()
    GenServer.cast(pid, 10)
    await settled()
    time.now += 20  # the loop is held: the timer is due before the message is handled
    erl.send(pid, "x")
    assert await told() == "x"
    await time.passes(20)
    assert await told() is None


async def test_a_system_message_begins_the_whole_time_anew(time: Time) -> None:
    pid = await started(60)
    await time.passes(40)
    await sys.get_state(pid)
    await time.passes(59)
    assert await told() is None
    await time.passes(1)
    assert await told() == TIMEOUT
    GenServer.cast(pid, 0)
    await sys.get_state(pid)
    assert await told() == TIMEOUT


async def test_a_suspended_server_does_not_time_out_before_it_is_resumed(time: Time) -> None:
    pid = await started(10)
    await sys.suspend(pid)
    await time.passes(30)
    assert await told() is None
    await sys.resume(pid)
    assert await told() is None
    await time.passes(10)
    assert await told() == TIMEOUT


async def test_the_end_of_the_server_ends_its_timeout(time: Time) -> None:
    pid = await started(10)
    erl.exit(pid, "kill")
    await time.passes(30)
    assert await told() is None


@pytest.mark.parametrize("timeout", [-1, 4294967.296, "1", True, float("nan")])
def test_what_is_no_timeout(timeout: Any) -> None:
    with pytest.raises(BadArg, match="timeout"):
        NoReply(timeout=timeout)


def test_one_thing_comes_after_a_result() -> None:
    for make in (
        lambda: NoReply(Continue(1), timeout=1),
        lambda: Reply(1, Hibernate, timeout=1),
        lambda: Reply(1, 5),  # type: ignore[arg-type]
        lambda: NoReply(Continue(1), hibernate=True),
    ):
        with pytest.raises(BadArg):
            make()


@pytest.mark.parametrize(
    ("result", "text", "term"),
    [
        (Reply(1), "Reply(1)", ("reply", 1, "s")),
        (Reply(1, timeout=0.5), "Reply(1, timeout=0.5)", ("reply", 1, "s", 500)),
        (Reply(1, Hibernate), "Reply(1, Hibernate())", ("reply", 1, "s", "hibernate")),
        (NoReply(), "NoReply()", ("noreply", "s")),
        (NoReply(Continue(2)), "NoReply(Continue(2))", ("noreply", "s", ("continue", 2))),
        (Continue(2), "Continue(2)", ("noreply", "s", ("continue", 2))),
        (Hibernate(), "Hibernate()", ("noreply", "s", "hibernate")),
        (Stop("why"), "Stop(Atom('why'))", ("stop", "why", "s")),
        (Stop("why", None), "Stop(Atom('why'), None)", ("stop", "why", None, "s")),
        (Failure("why"), "Failure(Atom('why'))", ("error", "why")),
    ],
)
def test_results_are_shown_as_what_they_are(result: Any, text: str, term: Any) -> None:
    assert repr(result) == text
    assert result.to_term("s") == term
