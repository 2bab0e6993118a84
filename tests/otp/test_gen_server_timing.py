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


async def silent(seconds: float) -> bool:
    with pytest.raises(TimeoutError):
        await erl.receive(timeout=seconds)
    return True


async def test_a_timeout_fires_when_no_message_comes(runtime: Runtime) -> None:
    begun = runtime.loop.time()
    await started(0.02)
    assert await erl.receive(timeout=1) == TIMEOUT
    assert runtime.loop.time() - begun >= 0.02
    assert await silent(0.03)
    pid = await started()
    await GenServer.call(pid, (Atom("wait"), 0.01))
    assert await erl.receive(timeout=1) == TIMEOUT


async def test_any_message_cancels_it() -> None:
    pid = await started(0.02)
    erl.send(pid, "x")
    assert await erl.receive(timeout=1) == "x"
    assert await silent(0.04)


async def test_zero_seconds_fire_only_if_the_mailbox_is_empty() -> None:
    pid = await started()
    GenServer.cast(pid, 0)
    await settled()
    assert await erl.receive(timeout=0) == TIMEOUT
    GenServer.cast(pid, 0)
    erl.send(pid, "x")
    await settled()
    assert await erl.receive(timeout=0) == "x"
    assert await silent(0.01)


async def test_messages_that_came_before_the_time_was_over_count() -> None:
    pid = await started()
    process = erl.this_process().runtime.process(pid)
    assert process is not None
    GenServer.cast(pid, 0.01)
    await settled()
    loop = process.runtime.loop
    end = loop.time() + 0.02
    while loop.time() < end:
        pass  # the loop is held: the timer is due before the message is handled
    erl.send(pid, "x")
    assert await erl.receive(timeout=1) == "x"
    assert await silent(0.02)


async def test_a_system_message_begins_the_whole_time_anew(runtime: Runtime) -> None:
    pid = await started(0.06)
    await asyncio.sleep(0.04)
    await sys.get_state(pid)
    begun = runtime.loop.time()
    assert await erl.receive(timeout=1) == TIMEOUT
    assert runtime.loop.time() - begun >= 0.06
    GenServer.cast(pid, 0)
    await sys.get_state(pid)
    assert await erl.receive(timeout=1) == TIMEOUT


async def test_a_suspended_server_does_not_time_out_before_it_is_resumed() -> None:
    pid = await started(0.01)
    await sys.suspend(pid)
    assert await silent(0.03)
    await sys.resume(pid)
    assert await erl.receive(timeout=1) == TIMEOUT


async def test_the_end_of_the_server_ends_its_timeout() -> None:
    pid = await started(0.01)
    erl.exit(pid, "kill")
    assert await silent(0.03)


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
