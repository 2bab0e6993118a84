"""Everything of asyncio works in a process: its coroutine is a task, from its first step to its last."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest
from process_tools import SECONDS, inside, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import Exit, UsageError
from pyerlnode.process import ProcessTask, Request, Runtime, current_runtime, this_process
from pyerlnode.term import Atom


async def test_the_current_task_is_the_processs_own_from_the_first_step_to_the_last() -> None:
    async def body() -> Any:
        seen = [asyncio.current_task()]
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())
        await asyncio.sleep(0.001)
        erl.send(erl.self(), "x")
        await erl.receive()
        seen.append(asyncio.current_task())
        assert asyncio.current_task() in asyncio.all_tasks()
        assert len(set(seen)) == 1
        return seen[0]

    task = await inside(body)
    assert isinstance(task, ProcessTask)
    assert task.done()
    assert asyncio.current_task() is not task
    assert task not in asyncio.all_tasks()


async def test_timeouts() -> None:
    async def body() -> str:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await erl.receive()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(SECONDS)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.01)
        async with asyncio.timeout(SECONDS):
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(-1):
                await erl.receive()
        return "on"

    assert await inside(body) == "on"


async def test_a_task_group_belongs_to_the_process() -> None:
    async def body() -> Any:
        me = erl.self()

        async def part(number: int) -> Any:
            await asyncio.sleep(0.001 * number)
            return number, erl.self() == me

        async with asyncio.TaskGroup() as group:
            parts = [group.create_task(part(number)) for number in range(3)]
        return [each.result() for each in parts]

    assert await inside(body) == [(0, True), (1, True), (2, True)]


async def test_a_failure_in_a_task_group_cancels_the_rest_and_the_body() -> None:
    async def body() -> Any:
        cancelled = []

        async def waits() -> None:
            try:
                await asyncio.sleep(SECONDS)
            except asyncio.CancelledError:
                cancelled.append("part")
                raise

        async def fails() -> None:
            raise RuntimeError("no")

        with pytest.raises(ExceptionGroup) as failed:
            async with asyncio.TaskGroup() as group:
                group.create_task(waits())
                group.create_task(fails())
                try:
                    await erl.receive()
                except asyncio.CancelledError:
                    cancelled.append("body")
                    raise
        assert isinstance(failed.value.exceptions[0], RuntimeError)
        task = asyncio.current_task()
        assert task is not None and task.cancelling() == 0
        return sorted(cancelled)

    assert await inside(body) == ["body", "part"]


async def test_a_process_whose_task_is_cancelled_ends_with_cancelled() -> None:
    tasks: list[Any] = []

    async def body() -> None:
        tasks.append(asyncio.current_task())
        await asyncio.sleep(SECONDS)

    pid = erl.spawn(body)
    await settled()
    ref = erl.monitor(pid)
    assert tasks[0].cancel()
    assert await erl.receive(timeout=1) == ("DOWN", ref, "process", pid, "cancelled")
    assert tasks[0].cancelled()
    assert not tasks[0].cancel()


async def test_a_cancellation_that_is_caught_is_over() -> None:
    async def body() -> Any:
        task = asyncio.current_task()
        assert isinstance(task, ProcessTask)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await erl.receive()
        assert (task.cancelling(), task.uncancel(), task.uncancel()) == (1, 0, 0)
        await asyncio.sleep(0)
        return "on"

    assert await inside(body) == "on"


async def test_threads() -> None:
    async def body() -> Any:
        return await asyncio.to_thread(threading.get_ident)

    assert await inside(body) != threading.get_ident()


async def test_sockets_and_subprocess_streams() -> None:
    async def body() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello\n")
            answer = await reader.readline()
            writer.close()
        return answer

    assert await inside(body) == b"HELLO\n"


async def test_several_tasks_of_a_process_wait_on_requests_at_once() -> None:
    async def echo() -> None:
        waiting = [await erl.receive() for _ in range(3)]
        for alias in reversed(waiting):
            erl.send(alias, "answer")

    async def body() -> Any:
        async def ask() -> Any:
            request = Request(this_process(), pid)
            erl.send(pid, request.ref)
            await request.wait(SECONDS)
            return request.message

        pid = erl.spawn(echo)
        return await asyncio.gather(ask(), ask(), ask())

    assert await inside(body) == ["answer"] * 3


async def test_killed_while_suspended_it_is_dead_at_once_and_unwinds_after() -> None:
    trace: list[str] = []

    async def body() -> None:
        try:
            await erl.receive()
        finally:
            trace.append("unwound")
            assert asyncio.current_task() is not None

    pid = erl.spawn(body)
    await settled()
    ref = erl.monitor(pid)
    erl.exit(pid, Atom("kill"))
    assert not erl.is_alive(pid)
    assert await erl.receive(timeout=0) == ("DOWN", ref, "process", pid, "killed")
    assert trace == []
    await settled()
    assert trace == ["unwound"]


@pytest.mark.parametrize("wait", ["future", "never started"])
async def test_killed_while_it_waits_for_something_else(wait: str) -> None:
    trace: list[str] = []

    async def body() -> None:
        try:
            await asyncio.sleep(SECONDS)
        finally:
            trace.append("unwound")

    pid = erl.spawn(body)
    if wait == "future":
        await settled()
    erl.exit(pid, Atom("kill"))
    await settled()
    assert trace == (["unwound"] if wait == "future" else [])
    assert await reason_of(pid) == "noproc"


async def test_a_coroutine_that_will_not_unwind_can_do_nothing_as_the_dead_process() -> None:
    seen: list[Any] = []

    async def stubborn() -> None:
        try:
            await erl.receive()
        except asyncio.CancelledError:
            try:
                await erl.receive()
            except Exit as error:
                seen.append(error.reason)

    pid = erl.spawn(stubborn)
    await settled()
    erl.exit(pid, Atom("kill"))
    await settled()
    assert seen == ["killed"]


async def test_a_process_waits_for_futures_only() -> None:
    class Odd:
        def __await__(self) -> Any:
            yield 42

    async def body() -> str:
        with pytest.raises(UsageError, match="42"):
            await Odd()
        return "on"

    assert await inside(body) == "on"


async def test_what_else_a_task_can_be_asked() -> None:
    async def body() -> Any:
        task = asyncio.current_task()
        assert isinstance(task, ProcessTask)
        assert repr(this_process()) in repr(task)
        assert task.get_name() == repr(this_process())
        assert task.get_coro().__qualname__.endswith("body")
        assert task.get_context() is not None
        assert task.get_stack()[0].f_code.co_name == "body"
        assert len(task.get_stack(limit=1)) == 1
        with pytest.raises(UsageError):
            task.set_name("x")
        return "done"

    assert await inside(body) == "done"


async def test_context_variables_are_a_processs_own() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    async def sets(value: str) -> str:
        assert variable.get() == "outside"
        variable.set(value)
        await asyncio.sleep(0.001)
        return variable.get()

    variable.set("outside")
    assert await asyncio.gather(inside(sets, "a"), inside(sets, "b")) == ["a", "b"]
    assert variable.get() == "outside"


# --- asyncio tasks that are processes ------------------------------------------------------


async def test_a_plain_task_is_given_a_process_that_ends_with_it(runtime: Runtime) -> None:
    async def plain() -> Any:
        me = erl.self()
        assert me == erl.self()
        erl.send(me, "x")
        return me, await erl.receive()

    pid, message = await asyncio.create_task(plain())
    assert message == "x"
    await asyncio.sleep(0)
    assert runtime.process(pid) is None


@pytest.mark.parametrize(
    ("error", "reason"), [(Exit(Atom("why")), "why"), (asyncio.CancelledError(), "cancelled")]
)
async def test_how_the_process_of_a_task_ends(error: BaseException, reason: str) -> None:
    async def plain() -> None:
        erl.send(parent, erl.self())
        await asyncio.sleep(0)
        raise error

    parent = erl.self()
    erl.this_process()
    task = contextvars.Context().run(in_runtime, this_process().runtime, plain)
    pid = await erl.receive(timeout=1)
    ref = erl.monitor(pid)
    await asyncio.wait([task])
    assert await erl.receive(timeout=1) == ("DOWN", ref, "process", pid, reason)
    if not task.cancelled():
        assert task.exception() is error


def in_runtime(runtime: Runtime, function: Any) -> asyncio.Task[Any]:
    current_runtime.set(runtime)
    return asyncio.get_running_loop().create_task(function())


async def test_an_exit_signal_cancels_the_task_that_the_process_is_attached_to(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def plain() -> None:
        erl.send(parent, erl.self())
        await asyncio.sleep(SECONDS)

    parent = erl.self()
    task = contextvars.Context().run(in_runtime, this_process().runtime, plain)
    pid = await erl.receive(timeout=1)
    erl.exit(pid, Atom("why"))
    await asyncio.wait([task])
    assert task.cancelled()
    assert "ended by an exit signal: :why" in caplog.text


def test_outside_of_any_node() -> None:
    async def lost() -> None:
        with pytest.raises(UsageError, match="no node"):
            erl.self()

    contextvars.Context().run(asyncio.run, lost())
