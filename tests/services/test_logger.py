"""`logger` and `logger_proxy`: log events of other nodes."""

from __future__ import annotations

import logging
import time
from types import SimpleNamespace
from typing import Any

import pytest

import pyerlnode.process as erl
from pyerlnode.otp import GenServer, sys
from pyerlnode.process import Runtime, current_runtime
from pyerlnode.services import logger
from pyerlnode.term import Atom, ImproperList, Pid, charlist, to_elixir

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
    assert error.getMessage().startswith(f"{to_elixir(PID)}: Error in process ~p: ~p [#PID<")
    assert error.pid == PID  # type: ignore[attr-defined]
    assert notice.getMessage() == f"{to_elixir(PID)}: %{{label: 1}}"
    assert len(warning.getMessage()) < 4100
    await runtime.stop(Atom("shutdown"))


def nested(levels: int) -> Any:
    term: Any = []
    for _ in range(levels):
        term = (term,)
    return term


@pytest.mark.parametrize(
    "term",
    [
        nested(190_000),
        [1000] * 3_000_000,
        [97] * 3_000_000,
        b"x" * 50_000_000,
        dict.fromkeys(range(1_000_000)),
        1 << 4_000_000,
        ImproperList([b"x" * 50_000_000], nested(100_000)),
    ],
    ids=["deep", "long", "charlist", "binary", "map", "integer", "improper"],
)
def test_of_a_huge_term_only_the_beginning_is_looked_at(term: Any) -> None:
    started = time.process_time()
    assert 4000 <= len(logger.shown(term)) < 4100
    assert time.process_time() - started < 0.25


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (b"\x1b[2Jcleared\x07", "\\x1b[2Jcleared\\x07"),
        (charlist("\x1b]0;title"), "\\x1b]0;title"),
        (b"one\n2026-11-21 ERROR forged", "one\n    2026-11-21 ERROR forged"),
        ([b"\x1b[2J"], '["\\e[2J"]'),
        (b"\xff", "\\xff"),
        ([], "[]"),
    ],
)
def test_nothing_in_an_event_does_anything_to_a_terminal(term: Any, expected: str) -> None:
    assert logger.shown(term) == expected
