"""Who waits for a process's task finds what an asyncio task has: both are asked the same here."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest

from pyerlnode.process import ProcessTask

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pyerlnode.process import Runtime

seen: ContextVar[str] = ContextVar("seen", default="nothing")


@pytest.fixture(params=["process", "task"])
def begin(request: pytest.FixtureRequest, runtime: Runtime) -> Callable[[Coroutine[Any, Any, None]], Any]:
    """Runs a coroutine and gives its task."""
    if request.param == "task":
        return asyncio.create_task
    return lambda coroutine: runtime.spawn(coroutine).task


async def until(event: asyncio.Event) -> None:
    await event.wait()


async def test_a_task_of_a_process_is_one(runtime: Runtime) -> None:
    event = asyncio.Event()
    task = runtime.spawn(until(event)).task
    assert isinstance(task, ProcessTask)
    assert asyncio.isfuture(task)
    assert task in asyncio.all_tasks()
    event.set()
    await task


async def test_it_can_be_awaited_by_many_and_again(begin: Callable[..., Any]) -> None:
    event = asyncio.Event()
    task = begin(until(event))
    waiting = [asyncio.create_task(asyncio.wait_for(asyncio.shield(task), 30)) for _ in range(2)]
    await asyncio.sleep(0)
    assert not task.done() and not task.cancelled()
    assert task.get_loop() is asyncio.get_running_loop()
    for ask in (task.result, task.exception):
        with pytest.raises(asyncio.InvalidStateError):
            ask()
    event.set()
    assert await asyncio.gather(*waiting, task) == [None, None, None]
    assert (await task, task.result(), task.exception()) == (None, None, None)
    assert task.done() and not task.cancelled()


async def test_one_that_was_cancelled_says_so_to_everybody(begin: Callable[..., Any]) -> None:
    task = begin(until(asyncio.Event()))
    waiting = asyncio.create_task(asyncio.wait([task], timeout=30))
    await asyncio.sleep(0)
    assert task.cancel()
    done, left = await waiting
    assert (done, left) == ({task}, set())
    assert task.done() and task.cancelled() and not task.cancel()
    for ask in (task.result, task.exception):
        with pytest.raises(asyncio.CancelledError):
            ask()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [type(each) for each in await asyncio.gather(task, return_exceptions=True)] == [
        asyncio.CancelledError
    ]


async def test_callbacks_are_called_once_with_the_task_in_their_context(begin: Callable[..., Any]) -> None:
    event, called = asyncio.Event(), []
    task = begin(until(event))

    def callback(ended: Any) -> None:
        called.append((ended is task, seen.get()))

    def unwanted(ended: Any) -> None:
        called.append("unwanted")

    seen.set("when it was added")
    task.add_done_callback(callback)
    task.add_done_callback(unwanted)
    task.add_done_callback(unwanted)
    assert task.remove_done_callback(unwanted) == 2
    assert task.remove_done_callback(unwanted) == 0
    seen.set("later")
    event.set()
    await task
    task.add_done_callback(callback)
    await asyncio.sleep(0)
    assert called == [(True, "when it was added"), (True, "later")]
