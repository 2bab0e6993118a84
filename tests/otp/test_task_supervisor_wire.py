"""What Elixir's Task.Supervisor of any release sends, asked in its own terms: rows K1 to K9, W11."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import exit_of, reason_of, settled
from supervised import Clock
from task_tools import apply, got

import pyerlnode.process as erl
from pyerlnode.otp import GenServer, sys
from pyerlnode.otp.task.supervisor import start_task_supervisor
from pyerlnode.term import Atom, Export, Pid, encode

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

NIL = None
TEMPORARY = Atom("temporary")


@pytest.fixture(autouse=True)
def _hook(runtime: Runtime) -> None:
    runtime.apply_hook = apply


async def start(**options: Any) -> Pid:
    result = await start_task_supervisor(options, link=False, name=None, clock=Clock())
    pid: Pid = result[1]
    return pid


async def ask(sup: Pid, args: Any, restart: Any = TEMPORARY, shutdown: Any = NIL) -> Any:
    """The answer to a start_task, which another node could read."""
    reply = await GenServer.call(sup, (Atom("start_task"), args, restart, shutdown), None)
    encode(reply)
    return reply


def owner() -> Any:
    return (Atom("alex@localhost"), erl.self(), erl.self())


def awaiting() -> Any:
    return [owner(), Atom("monitor")]


def with_work(function: str, *args: Any) -> Any:
    return [owner(), [erl.self()], (Atom("Elixir.M"), Atom(function), list(args))]


async def children(sup: Pid) -> Any:
    return await GenServer.call(sup, Atom("which_children"))


async def settings_of(sup: Pid, pid: Pid) -> tuple[Any, Any]:
    """Restart and shutdown of a child."""
    behaviour: Any = erl.this_process().runtime.process(sup).behaviour  # type: ignore[union-attr]
    child = behaviour.children[pid]
    return child.restart, child.shutdown


# --- starting -----------------------------------------------------------------------------------


async def test_the_work_comes_after_the_start() -> None:
    sup = await start()
    kind, pid = await ask(sup, awaiting())
    assert kind == "ok"
    assert await children(sup) == [("undefined", pid, "worker", ["Elixir.Task.Supervised"])]
    alias = erl.monitor(pid, alias="demonitor")
    erl.send(pid, (erl.self(), alias, alias, [erl.self()], (Atom("Elixir.M"), Atom("add"), [20, 22])))
    assert await erl.receive(timeout=5) == (alias, 42)
    assert await erl.receive(timeout=5) == ("DOWN", alias, "process", pid, "normal")
    await settled()
    assert await children(sup) == []


async def test_the_work_comes_with_the_start() -> None:
    sup = await start()
    kind, pid = await ask(sup, with_work("told", erl.self(), Atom("up")))
    assert kind == "ok"
    assert await got("up") == pid
    fun = Export("Elixir.M", "dictionary", 0)
    kind, _ = await ask(sup, [owner(), [erl.self()], (Atom("erlang"), Atom("apply"), [fun, []])])
    assert kind == "ok"


async def test_what_is_not_said_is_temporary_and_has_five_seconds() -> None:
    sup = await start()
    for given, expected in (
        ((NIL, NIL), ("temporary", 5000)),
        ((TEMPORARY, 300), ("temporary", 300)),
        ((Atom("transient"), Atom("brutal_kill")), ("transient", "brutal_kill")),
        ((Atom("permanent"), Atom("infinity")), ("permanent", "infinity")),
    ):
        _, pid = await ask(sup, with_work("told", erl.self(), Atom("up")), *given)
        assert await settings_of(sup, pid) == expected


async def test_a_default_of_restarting_is_told_to_who_sends_no_work() -> None:
    sup = await start(restart="transient", shutdown=1)
    assert await ask(sup, awaiting(), NIL) == ("restart", "transient")
    assert await children(sup) == []
    _, pid = await ask(sup, with_work("told", erl.self(), Atom("up")), NIL)
    assert await settings_of(sup, pid) == ("transient", 1000)
    _, pid = await ask(sup, awaiting(), TEMPORARY)
    assert await settings_of(sup, pid) == ("temporary", 1000)


async def test_there_may_be_a_limit() -> None:
    sup = await start(max_children=1)
    _, pid = await ask(sup, awaiting())
    assert await ask(sup, awaiting()) == ("error", "max_children")
    assert await GenServer.call(sup, (Atom("terminate_child"), pid)) == "ok"
    assert await GenServer.call(sup, (Atom("terminate_child"), pid)) == ("error", "not_found")
    assert (await ask(sup, awaiting()))[0] == "ok"


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([1], "undef"),
        ([1, 2, 3, 4], "undef"),
        ([Atom("me"), Atom("monitor")], "function_clause"),
        ([(1, 2, 3), [], []], "function_clause"),
        (Atom("x"), "badarg"),
    ],
    ids=repr,
)
async def test_wrong_arguments_are_refused_and_harm_nobody(args: Any, expected: str) -> None:
    sup = await start()
    kind, (reason, [(_, _, given, _), *_]) = await ask(sup, args)
    assert (kind, reason) == ("error", expected)
    assert given in (args, ["Elixir.Task.Supervised", "start_link", args])
    assert (await ask(sup, awaiting()))[0] == "ok"


async def test_wrong_times_are_refused_and_harm_nobody() -> None:
    sup = await start()
    assert await ask(sup, awaiting(), Atom("often")) == ("error", ("invalid_restart_type", "often"))
    assert await ask(sup, awaiting(), [1]) == ("error", ("invalid_restart_type", [1]))
    assert await ask(sup, awaiting(), TEMPORARY, -1) == ("error", ("invalid_shutdown", -1))
    assert await children(sup) == []


async def test_it_is_a_dynamic_supervisor_otherwise() -> None:
    sup = await start()
    state: Any = await sys.get_state(sup)
    assert state[Atom("mod")] == "Elixir.Task.Supervisor"
    dictionary: Any = erl.this_process().runtime.process(sup).dictionary  # type: ignore[union-attr]
    assert dictionary[Atom("$initial_call")] == ("supervisor", "Elixir.Task.Supervisor", 1)
    reason: Any = await exit_of(sup, (Atom("start_task"), [], NIL))
    assert reason[0][0] == "function_clause"


# --- restarts -----------------------------------------------------------------------------------


async def test_a_transient_task_runs_the_same_again_after_a_crash() -> None:
    sup = await start(max_restarts=10)
    _, first = await ask(sup, with_work("told", erl.self(), Atom("up")), Atom("transient"))
    assert await got("up") == first
    erl.exit(first, "boom")
    second = await got("up")
    assert second != first
    erl.exit(second, "shutdown")
    await reason_of(second)
    await settled()
    assert await children(sup) == []


async def test_a_permanent_task_runs_until_that_is_too_much() -> None:
    sup = await start(max_restarts=1)
    ended = erl.monitor(sup)
    await ask(sup, with_work("add", 1, 2), Atom("permanent"))
    assert await erl.receive(timeout=5) == ("DOWN", ended, "process", sup, "shutdown")
