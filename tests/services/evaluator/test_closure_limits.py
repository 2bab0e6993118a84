"""What a closure may not do to a node: every limit, while other processes keep answering."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from closure_tools import (
    atom,
    call,
    clause,
    closure,
    form,
    integer,
    op,
    remote,
    run,
    started,
    thunk,
    var,
)

from pyerlnode.process import Runtime, receive, self, send
from pyerlnode.services import evaluator
from pyerlnode.services.evaluator import Limits, set_limits
from pyerlnode.term import Atom, equal

KILLED = ("exit", (Atom("killed"), Atom("step_limit")))
SYSTEM_LIMIT = Atom("system_limit")
# The longest that anybody else waited, in seconds; a loop that is never left would be endless.
LONGEST = 1.0


@pytest.fixture
async def runtime() -> Any:
    made = started()
    yield made
    await made.stop(Atom("shutdown"))


@pytest.fixture
def limits() -> Any:
    before = set_limits(Limits(steps=60_000, entries=5_000, processes=20))
    yield
    set_limits(before)


def endless() -> Any:
    return closure(clause([], call(var("Loop"))), name="Loop")


def deep() -> Any:
    return closure(clause([], op("+", integer(1), call(var("Deep")))), name="Deep")


async def echo() -> None:
    while True:
        sender = await receive()
        send(sender, Atom("pong"))


async def pings(runtime: Runtime, done: asyncio.Event) -> float:
    """Ask a process again and again until `done`; the longest wait."""
    longest: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    to = runtime.spawn(echo())

    async def ask() -> None:
        most = 0.0
        while not done.is_set():
            before = time.perf_counter()
            send(to.pid, self())
            await receive(lambda message: message == "pong")
            most = max(most, time.perf_counter() - before)
            await asyncio.sleep(0)
        longest.set_result(most)

    runtime.spawn(ask())
    return await longest


@pytest.mark.parametrize(
    ("fun", "wanted"),
    [
        (endless(), KILLED),
        (deep(), ("exit", SYSTEM_LIMIT)),
        (thunk(op("bsl", integer(1), integer(100_000_000))), ("error", SYSTEM_LIMIT)),
        (
            thunk(op("*", op("bsl", integer(1), integer(60_000)), op("bsl", integer(1), integer(60_000)))),
            None,
        ),
        (thunk(form("bin", [form("bin_element", integer(0), integer(1 << 40), Atom("default"))])), None),
        (thunk(remote("lists", "seq", integer(1), integer(1 << 40))), None),
        (thunk(remote("lists", "duplicate", integer(1 << 40), atom("a"))), None),
        (thunk(remote("binary", "copy", form("bin", []), integer(1 << 60))), ("ok", b"")),
    ],
    ids=["loop", "recursion", "shift", "product", "binary", "seq", "duplicate", "nothing copied"],
)
async def test_others_keep_answering(runtime: Runtime, limits: None, fun: Any, wanted: Any) -> None:
    done = asyncio.Event()
    waiting = asyncio.ensure_future(pings(runtime, done))
    outcome = await run(runtime, fun)
    done.set()
    assert await waiting < LONGEST
    assert equal(outcome, wanted or ("error", SYSTEM_LIMIT))


async def test_a_loop_cannot_be_caught_at_its_end(runtime: Runtime, limits: None) -> None:
    looping = closure(
        clause(
            [],
            form(
                "try",
                [call(form("named_fun", Atom("Loop"), [clause([], call(var("Loop")))]))],
                [],
                [clause([var("_")], atom("caught"))],
                [],
            ),
        )
    )
    assert await run(runtime, looping) == KILLED


async def test_tail_calls_take_no_room(runtime: Runtime) -> None:
    countdown = closure(
        clause([integer(0)], atom("done")),
        clause([var("N")], call(var("Down"), op("-", var("N"), integer(1)))),
        name="Down",
    )
    before = set_limits(Limits(entries=10))
    try:
        assert await run(runtime, countdown, [20_000]) == ("ok", Atom("done"))
    finally:
        set_limits(before)


async def test_calls_go_deeper_than_pythons(runtime: Runtime) -> None:
    total = closure(
        clause([integer(0)], integer(0)),
        clause([var("N")], op("+", var("N"), call(var("Sum"), op("-", var("N"), integer(1))))),
        name="Sum",
    )
    assert await run(runtime, total, [5_000]) == ("ok", 5_000 * 5_001 // 2)


async def test_forms_are_as_deep_as_they_like(runtime: Runtime) -> None:
    added = integer(0)
    for _ in range(5_000):
        added = op("+", added, integer(1))
    assert await run(runtime, thunk(added)) == ("ok", 5_000)
    nested = form("nil")
    for _ in range(5_000):
        nested = form("tuple", [nested])
    assert (await run(runtime, thunk(form("match", nested, nested))))[0] == "ok"


async def test_processes_are_counted(runtime: Runtime, limits: None) -> None:
    waiting = form(
        "fun", (Atom("clauses"), [clause([], form("receive", [clause([atom("go")], atom("ok"))]))])
    )
    spawning = closure(
        clause([], remote("erlang", "spawn", waiting), call(var("More"))),
        name="More",
    )
    assert await run(runtime, spawning) == ("error", SYSTEM_LIMIT)


async def test_what_runs_can_be_seen_and_ended(runtime: Runtime) -> None:
    done = asyncio.ensure_future(run(runtime, endless()))
    while not evaluator.running():  # noqa: ASYNC110  # nobody says when a closure has begun
        await asyncio.sleep(0)
    (one,) = evaluator.running()
    assert (one.node, one.fun.arity) == ("nonode@nohost", 0)
    assert one.age >= 0
    assert evaluator.kill(one.pid)
    while evaluator.running():  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert not evaluator.kill(one.pid)
    done.cancel()
