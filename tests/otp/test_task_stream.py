"""Streams of tasks: row W9 of the OTP rules."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import inside, reason_of, settled
from task_tools import NEVER, add, apply, got, leave, mailbox

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, CallTimeout, Exit
from pyerlnode.otp import Task, TaskSupervisor
from pyerlnode.otp.task.supervisor import start_task_supervisor
from pyerlnode.process import Runtime, this_process
from pyerlnode.term import Atom, Export, Pid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(autouse=True)
def _hook(runtime: Runtime) -> None:
    runtime.apply_hook = apply


async def sup() -> Pid:
    pid: Pid = (await start_task_supervisor({}, link=False, name=None))[1]
    return pid


async def listed(results: AsyncIterator[Any]) -> list[Any]:
    return [result async for result in results]


async def nothing_is_left() -> None:
    """No process but the supervisors, no message."""
    assert await mailbox() == []
    plain = [p for p in this_process().runtime.processes() if p.behaviour is None and p.owner is None]
    assert plain == []


class Gates:
    """Tasks that say that they have begun, and end when they are told to."""

    def __init__(self) -> None:
        self.events = [asyncio.Event() for _ in range(4)]
        self.begun: asyncio.Queue[int] = asyncio.Queue()

    async def wait(self, n: int) -> int:
        self.begun.put_nowait(n)
        await self.events[n].wait()
        return n

    async def have_begun(self, *numbers: int) -> None:
        """Wait until these have, and see that no other has."""
        async with asyncio.timeout(5):
            assert sorted([await self.begun.get() for _ in numbers]) == list(numbers)
        await settled()
        assert self.begun.empty()


async def test_results_come_in_the_order_of_the_values() -> None:
    for stream in (
        Task.async_stream(range(10), add, 100),
        TaskSupervisor.async_stream(await sup(), range(10), "Elixir.M", "add", [100]),
        TaskSupervisor.async_stream_nolink(await sup(), range(10), Export("Elixir.M", "add", 2), 100),
    ):
        assert await listed(stream) == [("ok", n + 100) for n in range(10)]
    assert await listed(Task.async_stream([], add, 1)) == []
    await nothing_is_left()


async def test_values_may_come_one_by_one() -> None:
    async def values() -> AsyncIterator[int]:
        for n in range(3):
            await asyncio.sleep(0)
            yield n

    assert await listed(Task.async_stream(values(), add, 1)) == [("ok", n) for n in (1, 2, 3)]

    def broken() -> Any:
        yield 1
        raise KeyError("source")

    with pytest.raises(KeyError):
        await listed(Task.async_stream(broken(), add, 1, max_concurrency=1))
    await nothing_is_left()


async def test_so_many_run_at_once_and_each_end_lets_another_begin() -> None:
    erl.self()  # so that every step acts for the same process
    gates = Gates()
    results = Task.async_stream(range(4), gates.wait, max_concurrency=2)
    first = asyncio.ensure_future(anext(results))
    await gates.have_begun(0, 1)
    gates.events[1].set()
    await gates.have_begun(2)
    assert not first.done()
    gates.events[0].set()
    assert await first == ("ok", 0)
    assert await anext(results) == ("ok", 1)
    await results.aclose()
    await nothing_is_left()


async def test_unordered_results_come_as_they_are_ready() -> None:
    erl.self()  # so that every step acts for the same process
    gates = Gates()
    results = Task.async_stream([0, 1], gates.wait, max_concurrency=2, ordered=False)
    first = asyncio.ensure_future(anext(results))
    await gates.have_begun(0, 1)
    gates.events[1].set()
    assert await first == ("ok", 1)
    gates.events[0].set()
    assert await listed(results) == [("ok", 0)]


async def test_a_crash_is_a_result_without_links_and_the_callers_own_with_them() -> None:
    tasks = await sup()
    assert await listed(TaskSupervisor.async_stream_nolink(tasks, ["a", "b"], leave)) == [
        ("exit", "a"),
        ("exit", "b"),
    ]
    zipped = TaskSupervisor.async_stream_nolink(tasks, ["a"], leave, zip_input_on_exit=True)
    assert await listed(zipped) == [("exit", ("a", "a"))]

    async def linked() -> Any:
        return await listed(TaskSupervisor.async_stream(tasks, ["a"], leave))

    async def trapping() -> Any:
        erl.process_flag("trap_exit", True)
        results = await linked()
        return results, list(this_process().mailbox or ())

    assert await reason_of(erl.spawn(linked)) == "a"
    assert await inside(trapping) == ([("exit", "a")], [])
    await settled()
    await nothing_is_left()


async def test_a_task_that_is_too_slow_ends_the_stream_or_is_a_result() -> None:
    async def slow(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "slept"

    with pytest.raises(CallTimeout) as raised:
        await listed(Task.async_stream([NEVER], slow, timeout=0.01))
    assert raised.value.reason == ("timeout", ("Elixir.Task.Supervised", "stream", [10]))
    await nothing_is_left()
    options: Any = {"timeout": 0.05, "on_timeout": "kill_task", "max_concurrency": 1}
    assert await listed(Task.async_stream([NEVER, 0], slow, **options)) == [
        ("exit", "timeout"),
        ("ok", "slept"),
    ]
    zipped = await listed(Task.async_stream([NEVER], slow, zip_input_on_exit=True, **options))
    assert zipped == [("exit", (NEVER, "timeout"))]
    await nothing_is_left()


async def test_a_stream_that_is_left_early_ends_its_tasks() -> None:
    gates = Gates()
    tasks = await sup()

    async def first() -> Any:
        results = TaskSupervisor.async_stream_nolink(tasks, [0, 1], gates.wait, max_concurrency=2)
        async for result in results:
            await results.aclose()
            return result

    found = asyncio.ensure_future(first())
    await gates.have_begun(0, 1)
    gates.events[0].set()
    assert await found == ("ok", 0)
    assert await TaskSupervisor.children(tasks) == []
    await nothing_is_left()


async def test_an_iteration_that_is_cancelled_ends_its_tasks() -> None:
    tasks = await sup()
    gates = Gates()
    iteration = asyncio.ensure_future(listed(TaskSupervisor.async_stream(tasks, [1], gates.wait)))
    await gates.have_begun(1)
    assert len(await TaskSupervisor.children(tasks)) == 1
    iteration.cancel()
    with pytest.raises(asyncio.CancelledError):
        await iteration
    assert await TaskSupervisor.children(tasks) == []


async def test_linked_tasks_end_with_the_consumer_and_others_do_not() -> None:
    tasks = await sup()
    gates, me = Gates(), erl.self()

    async def consumer(stream: Any) -> None:
        erl.send(me, (Atom("consumer"), erl.self()))
        await listed(stream(tasks, [1], gates.wait, timeout=None))

    for stream, left in ((TaskSupervisor.async_stream, 0), (TaskSupervisor.async_stream_nolink, 1)):
        pid = erl.spawn(consumer, stream)
        await got("consumer")
        await gates.have_begun(1)
        assert len(await TaskSupervisor.children(tasks)) == 1
        erl.exit(pid, "bang")
        await settled()
        assert len(await TaskSupervisor.children(tasks)) == left


async def test_a_monitor_that_is_killed_ends_the_stream() -> None:
    async def consumer() -> Any:
        erl.process_flag("trap_exit", True)
        gates = Gates()
        results = Task.async_stream([1], gates.wait)
        first = asyncio.ensure_future(anext(results))
        await gates.have_begun(1)
        links = this_process().links
        assert links is not None
        [monitor] = links.active()
        erl.exit(monitor, "kill")
        try:
            await first
        except Exit as error:
            return error.reason, list(this_process().mailbox or ())

    reason, left = await inside(consumer)
    assert reason == ("killed", ("Elixir.Task.Supervised", "stream", [5000]))
    assert left == []


async def test_a_stream_that_is_left_does_not_care_what_a_stranger_sends() -> None:
    deep: Any = ()
    for _ in range(200_000):
        deep = (deep,)

    async def consumer() -> Any:
        gates = Gates()
        results = Task.async_stream([1, 2], gates.wait, ordered=False)
        first = asyncio.ensure_future(anext(results))
        await gates.have_begun(1, 2)
        links = this_process().links
        assert links is not None
        [monitor] = links.active()
        gates.events[1].set()
        await first
        closing = asyncio.ensure_future(results.aclose())
        await asyncio.sleep(0)  # the monitor has been told
        erl.send(monitor, (Atom("DOWN"), deep, "process", monitor, "normal"))
        await closing
        return erl.is_alive(monitor)

    assert await inside(consumer) is False


async def test_the_caller_stands_in_the_callers_of_each_task() -> None:
    def callers(_: Any) -> Any:
        return erl.get(Atom("$callers"))

    assert await listed(Task.async_stream([1], callers)) == [("ok", [erl.self()])]


@pytest.mark.parametrize(
    "options",
    [{"max_concurrency": 0}, {"max_concurrency": 1.5}, {"timeout": -1}, {"on_timeout": "wait"}],
    ids=repr,
)
async def test_wrong_options_are_told_at_once(options: Any) -> None:
    with pytest.raises(BadArg):
        Task.async_stream([1], add, 1, **options)
    with pytest.raises(BadArg):
        TaskSupervisor.async_stream("nobody", [1], add, 1, **options)
    with pytest.raises(BadArg, match="arguments"):
        Task.async_stream([1], Export("m", "f", 1), 1)
