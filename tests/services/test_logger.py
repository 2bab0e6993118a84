"""`logger` and `logger_proxy`: log events of other nodes."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

import pyerlnode.process as erl
from pyerlnode.otp import GenServer, sys
from pyerlnode.process import Runtime, current_runtime
from pyerlnode.services import logger
from pyerlnode.term import Atom, Pid, charlist

PID = Pid("there@localhost", 5, 0, 1)
META = {Atom("pid"): PID}


@pytest.mark.parametrize("name", ["logger", "logger_proxy"])
async def test_events_are_logged_with_their_level(name: str, caplog: pytest.LogCaptureFixture) -> None:
    runtime = Runtime("here@localhost", 1)
    current_runtime.set(runtime)
    node: Any = SimpleNamespace(runtime=runtime)
    logger.service(node)
    caplog.set_level(logging.DEBUG, "pyerlnode.remote")
    args = [PID, Atom("x")]
    erl.send(name, (Atom("log"), Atom("error"), charlist("Error in process ~p: ~p"), args, META))
    erl.send(name, (Atom("log"), Atom("notice"), {Atom("label"): 1}, META))
    erl.send(name, (Atom("log"), Atom("warning"), "é" * 5000, [], {}))
    for nonsense in (5, (), (Atom("log"), 1), (Atom("log"), Atom("error"), 1, 2)):
        erl.send(name, nonsense)
        GenServer.cast(name, nonsense)
    await sys.get_state(name)
    error, notice, warning = caplog.records
    assert [record.levelno for record in (error, notice, warning)] == [
        logging.ERROR,
        logging.INFO,
        logging.WARNING,
    ]
    assert error.getMessage().startswith(f"{PID}: Error in process ~p: ~p [<")
    assert error.pid == PID  # type: ignore[attr-defined]
    assert notice.getMessage() == f"{PID}: #{{label => 1}}"
    assert len(warning.getMessage()) < 4100
    await runtime.stop(Atom("shutdown"))
