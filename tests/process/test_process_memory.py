"""What a process takes, in bytes that the interpreter was asked for (the same in every run)."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

import pyerlnode.process as erl
from pyerlnode.process import Process, Runtime

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 2_000


async def waiting() -> None:
    await erl.receive()


class Idle:
    """A behaviour that has handled a message and waits for the next."""

    __slots__ = ("process",)

    def start(self, process: Process) -> None:
        self.process = process

    def message(self, message: Any) -> None:
        return None


def spawn_waiting(runtime: Runtime) -> None:
    runtime.spawn(waiting())


def spawn_idle(runtime: Runtime) -> None:
    runtime.spawn(Idle()).put(1)


async def _bytes_each(spawn: Callable[[Runtime], None]) -> float:
    runtime = Runtime("memory@localhost", 1)
    spawn(runtime)
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(COUNT):
            spawn(runtime)
        await asyncio.sleep(0)
        while len(runtime.queue):  # noqa: ASYNC110  # the queue is no event
            await asyncio.sleep(0)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(runtime.processes()) == COUNT + 1
    return (after - before) / COUNT


@pytest.mark.parametrize(("spawn", "most"), [(spawn_waiting, 1650), (spawn_idle, 800)])
def test_bytes_of_a_process(spawn: Callable[[Runtime], None], most: int) -> None:
    assert asyncio.run(_bytes_each(spawn)) < most
