"""What asyncio code does in a task it does in a process: each scenario runs in both and tells the same."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
from typing import TYPE_CHECKING, Any

import pytest
from process_tools import inside

import pyerlnode.process as erl
from pyerlnode.errors import Exit, UsageError
from pyerlnode.process import ProcessTask, Runtime
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SCENARIOS: list[Callable[[Any], Awaitable[Any]]] = []


def scenario(function: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    SCENARIOS.append(function)
    return function


def me() -> Any:
    """The task that runs now."""
    return asyncio.current_task()


@scenario
async def timeout_of_no_time(tell: Any) -> None:
    try:
        async with asyncio.timeout(0):
            tell("entered")
            await asyncio.sleep(60)
    except TimeoutError:
        tell(("timeout", me().cancelling()))


@scenario
async def a_timeout_in_the_past_without_a_wait(tell: Any) -> None:
    async with asyncio.timeout(-1) as scope:  # noqa: ASYNC100  # that is the point
        tell("entered")
    tell(scope.expired())
    await asyncio.sleep(0)
    tell(me().cancelling())


@scenario
async def the_outer_timeout_ends_first(tell: Any) -> None:
    try:
        async with asyncio.timeout(0.001) as outer:
            async with asyncio.timeout(60) as inner:
                await asyncio.Event().wait()
    except TimeoutError:
        tell((outer.expired(), inner.expired(), me().cancelling()))


@scenario
async def the_inner_timeout_ends_first(tell: Any) -> None:
    async with asyncio.timeout(60) as outer:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            tell("inner")
        await asyncio.sleep(0)
    tell((outer.expired(), me().cancelling()))


@scenario
async def a_timeout_that_is_put_off(tell: Any) -> None:
    async with asyncio.timeout(60) as scope:
        scope.reschedule(asyncio.get_running_loop().time() + 120)
        await asyncio.sleep(0)
    tell(scope.expired())


@scenario
async def the_message_of_a_cancellation_arrives(tell: Any) -> None:
    asyncio.get_running_loop().call_soon(me().cancel, "why")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError as error:
        tell(error.args)
        me().uncancel()


@scenario
async def a_cancellation_while_it_runs_comes_at_the_next_wait(tell: Any) -> None:
    tell(me().cancel("now"))
    tell(me().cancelling())
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError as error:
        tell(error.args)
    tell(me().uncancel())
    await asyncio.sleep(0)
    tell("on")


@scenario
async def a_cancellation_while_it_runs_meets_a_future(tell: Any) -> None:
    me().cancel()
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    try:
        await future
    except asyncio.CancelledError:
        tell(future.cancelled())
        me().uncancel()


@scenario
async def cancelled_when_the_future_is_done_already(tell: Any) -> None:
    future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = me()

    def both() -> None:
        future.set_result("value")
        task.cancel()

    asyncio.get_running_loop().call_soon(both)
    try:
        tell(await future)
    except asyncio.CancelledError:
        tell("cancelled")
        task.uncancel()
    later: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.001, later.set_result, "later")
    tell(await later)


@scenario
async def a_cancellation_that_the_awaited_task_swallows(tell: Any) -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "survived"
        return "woke"

    child = asyncio.create_task(stubborn())
    asyncio.get_running_loop().call_later(0.001, me().cancel)
    tell(await child)
    tell(me().cancelling())


@scenario
async def wait_for(tell: Any) -> None:
    tell(await asyncio.wait_for(asyncio.sleep(0, "in time"), 60))
    try:
        await asyncio.wait_for(asyncio.Event().wait(), 0.001)
    except TimeoutError:
        tell("late")
    try:
        await asyncio.wait_for(asyncio.Event().wait(), 0)
    except TimeoutError:
        tell("at once")


@scenario
async def shield(tell: Any) -> None:
    inner = asyncio.create_task(asyncio.sleep(0.002, "done"))
    asyncio.get_running_loop().call_soon(me().cancel)
    try:
        await asyncio.shield(inner)
    except asyncio.CancelledError:
        tell("cancelled")
        me().uncancel()
    tell(await inner)


@scenario
async def gather(tell: Any) -> None:
    async def fail() -> None:
        raise ValueError("no")

    tell(await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2)))
    outcomes = await asyncio.gather(fail(), asyncio.sleep(0, 2), return_exceptions=True)
    tell([str(outcome) for outcome in outcomes])


@scenario
async def a_failing_child_ends_the_group_and_its_body(tell: Any) -> None:
    async def fail() -> None:
        raise ValueError("no")

    async def wait(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            tell(name)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait("sibling"))
            group.create_task(fail())
            await wait("body")
    except* ValueError as errors:
        tell([str(error) for error in errors.exceptions])
    tell(me().cancelling())
    await asyncio.sleep(0)


@scenario
async def a_group_within_a_timeout(tell: Any) -> None:
    try:
        async with asyncio.timeout(0.001):
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.Event().wait())
    except TimeoutError:
        tell(me().cancelling())


@scenario
async def a_timeout_within_a_group(tell: Any) -> None:
    async with asyncio.TaskGroup() as group:
        child = group.create_task(asyncio.sleep(0.003, "child"))
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            tell("timeout")
    tell(child.result())


@scenario
async def tasks_of_the_loop_run_while_it_sleeps_for_no_time(tell: Any) -> None:
    async def child() -> None:
        tell("child 1")
        await asyncio.sleep(0)
        tell("child 2")

    task = asyncio.create_task(child())
    await asyncio.sleep(0)
    tell("parent")
    await task


@scenario
async def locks_queues_and_conditions(tell: Any) -> None:
    lock, queue = asyncio.Lock(), asyncio.Queue[int](1)

    async def produce() -> None:
        for number in range(3):
            await queue.put(number)

    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        async with lock:
            tell([await queue.get() for _ in range(3)])


@scenario
async def context_variables_reach_children_and_not_back(tell: Any) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("parent")

    async def child() -> str:
        seen = variable.get()
        variable.set("child")
        return seen

    tell((await asyncio.create_task(child()), variable.get()))
    tell(await asyncio.to_thread(variable.get))


@scenario
async def an_async_generator_that_is_given_up(tell: Any) -> None:
    async def numbers() -> Any:
        try:
            for number in range(5):
                yield number
                await asyncio.sleep(0)
        finally:
            tell("closed")

    stream = numbers()
    async for number in stream:
        tell(number)
        if number == 1:
            break
    await stream.aclose()


@scenario
async def the_exception_of_a_future_is_raised_at_the_wait(tell: Any) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_exception, ValueError("bad"))
    try:
        await future
    except ValueError as error:
        tell(str(error))


@scenario
async def what_a_task_says_of_itself(tell: Any) -> None:
    task = me()
    await asyncio.sleep(0)  # a process is not known before it has waited: test_known_to_asyncio.py
    tell((task.done(), task.cancelled(), task.cancelling(), task in asyncio.all_tasks()))
    tell(len(task.get_stack()) > 0)
    tell(task.get_loop() is asyncio.get_running_loop())


@pytest.mark.parametrize("act", SCENARIOS, ids=lambda act: act.__name__)
async def test_in_a_process_as_in_a_task(act: Callable[[Any], Awaitable[Any]]) -> None:
    as_task: list[Any] = []
    as_process: list[Any] = []
    await asyncio.create_task(act(as_task.append))  # type: ignore[arg-type]
    await inside(act, as_process.append)
    assert as_process == as_task
    assert as_task != []


if sys.version_info >= (3, 12):

    async def test_eager_children_leave_the_process_its_place_as_current_task() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined, unused-ignore]

        async def child() -> Any:
            return asyncio.current_task(), erl.self()

        async def waiting() -> Any:
            return await erl.receive()

        async def body() -> None:
            task, pid = await asyncio.create_task(child())
            assert not isinstance(task, ProcessTask)
            assert pid == erl.self()
            assert isinstance(asyncio.current_task(), ProcessTask)
            receiving = asyncio.create_task(waiting())
            erl.send(erl.self(), "mail")
            assert await receiving == "mail"

        try:
            await inside(body)
        finally:
            loop.set_task_factory(None)


async def test_a_process_that_waits_for_itself_is_told_so() -> None:
    async def body() -> None:
        with pytest.raises(UsageError):
            await asyncio.current_task()  # type: ignore[misc]

    await inside(body)


async def test_a_future_of_another_loop_is_refused() -> None:
    other = asyncio.new_event_loop()
    try:
        future: asyncio.Future[None] = other.create_future()

        async def body() -> None:
            with pytest.raises(UsageError, match="another event loop"):
                await future

        await inside(body)
    finally:
        other.close()


async def test_a_process_that_is_cancelled_before_its_first_step_never_starts(runtime: Runtime) -> None:
    started: list[int] = []

    async def body() -> None:
        started.append(1)

    process = runtime.spawn(body())
    assert process.task is not None
    process.task.cancel()
    ref = erl.monitor(process.pid)
    assert await erl.receive(timeout=5) == ("DOWN", ref, "process", process.pid, "cancelled")
    assert started == []


async def test_a_process_that_is_killed_before_its_first_step_never_starts(runtime: Runtime) -> None:
    started: list[int] = []

    async def body() -> None:
        started.append(1)

    process = runtime.spawn(body())
    task = process.task
    assert task is not None
    erl.exit(process.pid, erl.KILL)
    await asyncio.wait([task])
    assert task.cancelled()
    assert started == []


async def test_receive_may_be_a_task_of_its_own(runtime: Runtime) -> None:
    async def body() -> Any:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(erl.receive())
            erl.send(erl.self(), "mail")
        return task.result()

    assert await inside(body) == "mail"


async def test_a_receive_that_times_out_from_outside_loses_no_message() -> None:
    async def body() -> Any:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await erl.receive(lambda message: message == "never")
        erl.send(erl.self(), "mail")
        return await erl.receive(timeout=0)

    assert await inside(body) == "mail"


async def test_children_that_wait_for_mail_of_a_process_that_ends_get_its_exit(runtime: Runtime) -> None:
    ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def child() -> None:
        try:
            await erl.receive()
        except Exit as error:
            ended.set_result(error.reason)

    children = []

    async def body() -> None:
        children.append(asyncio.create_task(child()))
        await asyncio.sleep(0.001)
        raise Exit(Atom("over"))

    runtime.spawn(body())
    assert await ended == "over"
    await children[0]


async def test_a_task_that_waits_for_mail_when_its_node_stops_gets_the_exit() -> None:
    runtime = Runtime("other@localhost", 1)

    async def plain() -> Any:
        erl.current_runtime.set(runtime)
        try:
            await erl.receive()
        except Exit as error:
            return error.reason

    task = asyncio.create_task(plain())
    await asyncio.sleep(0)
    await runtime.stop(Atom("shutdown"))
    assert await task == "shutdown"


def test_asyncio_run_ends_the_processes_that_are_alive_when_its_main_returns() -> None:
    unwound: list[str] = []

    async def waiting(name: str, wait: Any) -> None:
        try:
            await wait()
        finally:
            unwound.append(name)

    async def main() -> None:
        runtime = Runtime("main@localhost", 1)
        runtime.spawn(waiting("receives", erl.receive))
        runtime.spawn(waiting("sleeps", lambda: asyncio.sleep(60)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        runtime.spawn(waiting("begins", erl.receive))

    asyncio.run(main(), debug=True)
    assert sorted(unwound) == ["begins", "receives", "sleeps"]


async def test_an_exception_that_nobody_retrieves_is_still_reported_by_asyncio(runtime: Runtime) -> None:
    reports: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: reports.append(context))

    async def plain() -> None:
        erl.self()
        raise ValueError("unseen")

    task: asyncio.Task[None] | None = asyncio.create_task(plain())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not runtime._attached
    del task
    gc.collect()
    assert [str(report["exception"]) for report in reports] == ["unseen"]
