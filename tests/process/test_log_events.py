"""What a process logs is told to the node of its group leader."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from process_tools import THERE, Others, settled

import pyerlnode.process as erl
from pyerlnode.errors import Exit, Throw
from pyerlnode.process.log_events import tell_group_leader
from pyerlnode.protocol.control import RegSend
from pyerlnode.term import Atom, charlist

if TYPE_CHECKING:
    from pyerlnode.process import Runtime


@pytest.fixture
def others(runtime: Runtime) -> Others:
    return Others(runtime)


async def ended(others: Others, function: Any, *, leader: bool = True) -> list[RegSend]:
    """What is sent to `logger_proxy` when a process ends that runs `function`."""

    async def body() -> None:
        await erl.receive(lambda message: message == "go")
        raise function() or AssertionError

    pid = erl.spawn(body)
    if leader:
        erl.group_leader(others.pid(2), pid)
    erl.send(pid, Atom("go"))
    await settled()
    return [control for control in others.take() if isinstance(control, RegSend)]


@pytest.mark.parametrize("raised", [ValueError("no"), Throw(Atom("ball"))])
async def test_a_crash_is_told(
    others: Others, runtime: Runtime, raised: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    before = time.time_ns() // 1000
    (sent,) = await ended(others, lambda: raised)
    assert sent.to == "logger_proxy"
    log, level, text, args, meta = sent.message
    assert (log, level, text) == (
        "log",
        "error",
        charlist("Error in process ~p on node ~p with exit value:~n~p~n"),
    )
    pid, node, (_, stack) = args
    assert (pid, node) == (meta[Atom("pid")], runtime.name)
    assert stack[-1][:2] == (Atom("test_log_events"), Atom("ended.body"))
    assert meta[Atom("gl")] == others.pid(2)
    assert meta[Atom("error_logger")] == {Atom("emulator"): True, Atom("tag"): Atom("error")}
    assert before <= meta[Atom("time")] <= time.time_ns() // 1000
    assert "Error in process" in caplog.text


async def test_an_exit_is_no_error(others: Others) -> None:
    assert await ended(others, lambda: Exit("why")) == []


async def test_nothing_is_sent_where_the_group_leader_is_here(
    others: Others, caplog: pytest.LogCaptureFixture
) -> None:
    assert await ended(others, lambda: ValueError("no"), leader=False) == []
    assert "no" in caplog.text


async def test_a_reason_without_a_term_is_told_as_text(others: Others) -> None:
    (sent,) = await ended(others, lambda: Throw(object()))
    assert "object" in sent.message[3][2]


async def test_any_report_can_be_told(others: Others, runtime: Runtime) -> None:
    process = runtime.attach()
    tell_group_leader(process, "info", (Atom("here"),), {})
    assert others.take() == []
    process.group_leader = others.pid(2)
    tell_group_leader(process, "info", (Atom("there"),), {Atom("line"): 3})
    ((node, control),) = others.sent
    assert node == THERE
    assert isinstance(control, RegSend)
    assert control.message[:3] == (Atom("log"), Atom("info"), Atom("there"))
    assert control.message[3][Atom("line")] == 3
