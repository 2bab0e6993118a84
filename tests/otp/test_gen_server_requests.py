"""Requests that are waited for later: row C13 of the OTP rules."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from otp_tools import settled

import pyerlnode.process as erl
from pyerlnode.errors import CallTimeout, Exit, NoProc
from pyerlnode.otp import GenServer, NoReply, Stop, on_call, on_cast
from pyerlnode.process import this_process
from pyerlnode.term import Atom, Pid


class Holding(GenServer):
    """Answers when it is told."""

    def init(self) -> None:
        self.callers: list[Any] = []

    @on_call
    def hold(self, *, caller: Any) -> NoReply:
        self.callers.append(caller)
        return NoReply()

    @on_cast
    def release(self, value: Any) -> None:
        GenServer.reply(self.callers.pop(0), value)

    @on_cast("end")
    def ends(self, reason: Any) -> Stop:
        return Stop(reason)


HOLD = Atom("hold")


async def started() -> Pid:
    pid = await Holding.start()
    assert pid is not None
    return pid


async def test_a_request_can_be_waited_for_again() -> None:
    pid = await started()
    sent = GenServer.send_request(pid, HOLD)
    assert GenServer.check_response(sent) == "no_reply"
    assert await GenServer.wait_response(sent, 0.001) == "timeout"
    GenServer.cast(pid, (Atom("release"), 1))
    assert await GenServer.wait_response(sent, 5.0) == ("reply", 1)
    assert GenServer.check_response(sent) == ("reply", 1)
    assert await GenServer.receive_response(sent, 0) == 1


async def test_the_end_of_the_server_is_an_error_with_who_was_asked() -> None:
    pid = await started()
    sent = GenServer.send_request(pid, HOLD)
    GenServer.cast(pid, (Atom("end"), Atom("shutdown")))
    assert await GenServer.wait_response(sent) == ("error", ("shutdown", pid))
    assert GenServer.check_response(sent) == ("error", ("shutdown", pid))
    dead = GenServer.send_request(pid, HOLD)
    assert await GenServer.wait_response(dead) == ("error", ("noproc", pid))
    with pytest.raises(NoProc):
        await GenServer.receive_response(dead)
    with pytest.raises(NoProc):
        GenServer.send_request("nobody", HOLD)


async def test_receive_response_gives_up() -> None:
    pid = await started()
    aliases = len(this_process().runtime.aliases)
    sent = GenServer.send_request(pid, HOLD)
    with pytest.raises(CallTimeout) as late:
        await GenServer.receive_response(sent, 0.001)
    assert late.value.reason == "timeout"
    GenServer.cast(pid, (Atom("release"), 1))
    await settled()
    assert len(this_process().runtime.aliases) == aliases
    assert not this_process().mailbox


async def test_answers_come_in_any_order() -> None:
    pids = [await started() for _ in range(3)]
    sent = [GenServer.send_request(pid, HOLD) for pid in pids]
    waiting = asyncio.gather(*(GenServer.receive_response(request, 5.0) for request in sent))
    for number in (2, 0, 1):
        GenServer.cast(pids[number], (Atom("release"), number))
    assert await waiting == [0, 1, 2]


async def test_replies_to_who_is_gone_harm_nobody() -> None:
    pid = await started()

    async def asks() -> None:
        GenServer.send_request(pid, HOLD)

    asker = erl.spawn(asks)
    await settled()
    assert erl.this_process().runtime.process(asker) is None
    GenServer.cast(pid, (Atom("release"), 1))
    sent = GenServer.send_request(pid, HOLD)
    GenServer.cast(pid, (Atom("release"), 2))
    assert await GenServer.receive_response(sent, 5.0) == 2


async def test_multi_call_leaves_nothing_of_who_is_too_late() -> None:
    await Holding.start(name="held")
    here = this_process().runtime.name
    found = await GenServer.multi_call("held", HOLD, [here, "absent@localhost"], timeout=0.01)
    assert found == ([], [here, "absent@localhost"])
    GenServer.cast("held", (Atom("release"), 1))
    await settled()
    assert not this_process().mailbox
    assert GenServer.abcast("held", (Atom("end"), Atom("normal")), [here, "absent@localhost"]) == "abcast"
    await settled()
    with pytest.raises(Exit):
        await GenServer.call("held", HOLD)
