"""What asyncio knows of processes: a task from the first wait on, and none that it would forget to end."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from process_tools import idle, inside, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import Exit
from pyerlnode.process import ProcessTask, Runtime, current_runtime, scheduler
from pyerlnode.process.not_begun import NotBegun
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def tasks() -> list[Any]:
    return [task for task in asyncio.all_tasks() if isinstance(task, (ProcessTask, NotBegun))]


async def test_a_process_is_a_task_of_asyncio_from_its_first_wait_to_its_end() -> None:
    seen = []

    async def body() -> None:
        task = asyncio.current_task()
        seen.append((task, task in asyncio.all_tasks()))
        await erl.receive()
        seen.append((task, task in asyncio.all_tasks()))

    pid = erl.spawn(body)
    assert tasks() == []
    await settled()
    [(task, at_first)] = seen
    assert (tasks(), at_first) == ([task], False)
    erl.send(pid, "go on")
    await settled()
    assert seen[1:] == [(task, True)]
    assert tasks() == []


async def test_one_that_never_waits_is_none() -> None:
    seen: list[Any] = []

    async def body() -> None:
        seen.append(asyncio.current_task())

    pids = [erl.spawn(body) for _ in range(3)]
    await settled()
    assert tasks() == []
    assert [erl.is_alive(pid) for pid in pids] == [False] * 3
    assert all(isinstance(task, ProcessTask) and task.done() for task in seen)
    assert len(set(map(id, seen))) == 3


async def test_a_timeout_in_the_first_step_is_one_of_the_process() -> None:
    async def body() -> str:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            return "timeout"
        return "none"

    assert await inside(body) == "timeout"


# --- before the first turn ---------------------------------------------------------


async def test_what_ends_before_its_first_turn_never_runs() -> None:
    ran: list[str] = []

    async def body() -> None:
        ran.append("it ran")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pid, ref = erl.spawn_monitor(body)
        erl.exit(pid, Atom("kill"))
        assert await erl.receive() == ("DOWN", ref, "process", pid, "killed")
        await settled()
        gc.collect()
    assert ran == []


async def test_what_does_not_fit_is_said_where_it_is_spawned() -> None:
    async def wants(one: int, /, two: int = 2, *, three: int = 3) -> None: ...
    async def wants_one(one: int) -> None: ...
    async def wants_a_keyword(*, key: int) -> None: ...

    for function, args in ((wants, ()), (wants_one, ()), (wants_one, (1, 2)), (wants_a_keyword, ())):
        with pytest.raises(TypeError, match="argument"):
            erl.spawn(function, *args)
    for args in ((1,), (1, 2)):
        assert await reason_of(erl.spawn(wants, *args)) == "normal"


async def test_the_mail_of_before_is_there_at_the_first_turn() -> None:
    async def body() -> Any:
        return await erl.receive(timeout=0), await erl.receive(timeout=0)

    seen: list[Any] = []

    async def tells() -> None:
        seen.append(await body())

    pid = erl.spawn(tells)
    erl.send(pid, 1)
    erl.send(pid, 2)
    assert await reason_of(pid) == "normal"
    assert seen == [(1, 2)]


async def test_one_that_is_suspended_begins_afterwards(runtime: Runtime) -> None:
    ran: list[str] = []

    async def body() -> None:
        ran.append("it ran")

    process = runtime.process(erl.spawn(body))
    assert process is not None
    process.suspend()
    await settled()
    assert ran == []
    process.resume()
    await settled()
    assert (ran, process.alive) == (["it ran"], False)


async def test_the_collector_sees_what_has_begun_and_what_has_ended(runtime: Runtime) -> None:
    begun, ended = (runtime.process(erl.spawn(idle)) for _ in range(2))
    assert begun is not None and ended is not None
    gc.collect()
    erl.exit(ended.pid, Atom("kill"))
    assert gc.is_tracked(ended)
    await settled()
    gc.collect()
    assert gc.is_tracked(begun)


async def test_context_variables_are_those_of_the_spawn_and_stay_within() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    seen: list[str] = []

    async def body() -> None:
        seen.append(variable.get())
        variable.set("the process's")
        await asyncio.sleep(0)
        seen.append(variable.get())

    variable.set("of the spawn")
    pid = erl.spawn(body)
    variable.set("later")
    assert await reason_of(pid) == "normal"
    assert seen == ["of the spawn", "the process's"]
    assert variable.get() == "later"


# --- the end of asyncio.run ----------------------------------------------------------


def ends_of(program: Callable[[Runtime, list[str]], Coroutine[Any, Any, None]]) -> list[str]:
    """What happens in a program that `asyncio.run` runs, and that leaves its processes behind."""
    told: list[str] = []

    async def main() -> None:
        runtime = Runtime("here@localhost", 7)
        current_runtime.set(runtime)
        await program(runtime, told)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(main())
        gc.collect()
    return told


async def unwinds(told: list[str]) -> None:
    told.append("begun")
    try:
        await idle()
    finally:
        told.append("unwound")


def test_run_ends_what_waits() -> None:
    async def program(runtime: Runtime, told: list[str]) -> None:
        erl.spawn(unwinds, told)
        await asyncio.sleep(0)

    assert ends_of(program) == ["begun", "unwound"]


def test_run_ends_what_was_spawned_last() -> None:
    async def program(runtime: Runtime, told: list[str]) -> None:
        erl.spawn(unwinds, told)

    assert ends_of(program) in ([], ["begun", "unwound"])


def test_run_ends_what_has_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "SLICE", 0.0)  # one turn in each round of the loop
    reasons: list[Any] = []

    async def program(runtime: Runtime, told: list[str]) -> None:
        runtime.before_end = lambda process: reasons.append(process.pid)
        for _ in range(10):
            erl.spawn(unwinds, told)
        await asyncio.sleep(0)
        [known] = [task for task in tasks() if isinstance(task, NotBegun)]
        assert (known.get_name(), known.get_coro()) == ("processes that have not begun", None)
        assert known.get_stack() == []

    told = ends_of(program)
    assert told.count("begun") == told.count("unwound") < 10
    assert len(reasons) == 10 + 1  # and the one that was attached to the task


async def test_when_all_have_begun_asyncio_knows_them_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "SLICE", 0.0)
    for _ in range(5):
        erl.spawn(idle)
    await asyncio.sleep(0)
    [known] = [task for task in tasks() if isinstance(task, NotBegun)]
    await asyncio.wait_for(known, 30)
    assert len(tasks()) == 5
    assert all(isinstance(task, ProcessTask) for task in tasks())


async def test_a_function_that_is_no_coroutine_function_is_called_at_once_as_the_child() -> None:
    called: list[Any] = []

    def function() -> Any:
        called.append(erl.self())
        return idle()

    pid = erl.spawn(function)
    assert called == [pid]

    def fails() -> Any:
        raise Exit("at once")

    with pytest.raises(Exit, match="at once"):
        erl.spawn(fails)
