"""The run queue: behaviours inline, fairness, callbacks that must not wait, several runtimes."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from process_tools import SECONDS, idle, inside, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, UsageError
from pyerlnode.process import Process, Runtime, current_runtime, scheduler, this_process
from pyerlnode.process.process import MESSAGES_PER_TURN
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Callable


class Recorder:
    """A behaviour that writes down what it is handed."""

    def __init__(self, then: Callable[[Any], Any] | None = None) -> None:
        self.seen: list[Any] = []
        self.process: Process
        self.then = then

    def start(self, process: Process) -> None:
        self.process = process
        self.seen.append("started")

    def message(self, message: Any) -> Any:
        self.seen.append(message)
        return self.then(message) if self.then is not None else None


async def test_a_behaviour_is_started_first_and_handed_its_messages_in_order(runtime: Runtime) -> None:
    recorder = Recorder()
    pid = runtime.spawn(recorder).pid
    for number in range(200):
        erl.send(pid, number)
    assert recorder.seen == []
    await settled()
    assert recorder.seen == ["started", *range(200)]


async def test_an_async_callback_is_over_before_the_next_message(runtime: Runtime) -> None:
    trace: list[Any] = []
    done = asyncio.Event()

    def then(message: Any) -> Any:
        async def slow() -> None:
            await asyncio.sleep(0.001)
            trace.append(message)

        if message % 2:
            return slow()
        if message == 10:
            done.set()
        else:
            trace.append(message)
        return None

    pid = runtime.spawn(Recorder(then)).pid
    for number in range(10):
        erl.send(pid, number)
    erl.send(pid, 10)
    await asyncio.wait_for(done.wait(), SECONDS)
    assert trace == list(range(10))


async def test_a_callback_that_must_not_wait_is_told_so(runtime: Runtime) -> None:
    errors: list[Any] = []

    def waits(message: Any) -> None:
        try:
            this_process().check_may_wait("receive")
        except UsageError as error:
            errors.append(str(error))
        assert erl.self() == pid

    pid = runtime.spawn(Recorder(waits)).pid
    erl.send(pid, 1)
    await settled()
    assert errors == ["receive waits: a callback that waits must be an async def"]


async def test_an_exception_in_a_callback_ends_the_process(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(message: Any) -> None:
        raise RuntimeError(message)

    process = runtime.spawn(Recorder(fails))
    erl.send(process.pid, "no")
    reason, _ = await reason_of(process.pid)
    assert reason["message"] == b"no"
    assert "Error in process" in caplog.text


async def test_a_busy_process_does_not_keep_others_from_their_turn(runtime: Runtime) -> None:
    order: list[str] = []
    busy = runtime.spawn(Recorder(lambda message: order.append("busy")))
    quiet = runtime.spawn(Recorder(lambda message: order.append("quiet")))
    for _ in range(10 * MESSAGES_PER_TURN):
        erl.send(busy.pid, 1)
    erl.send(quiet.pid, 1)
    await settled()
    assert order.index("quiet") == MESSAGES_PER_TURN
    assert len(order) == 10 * MESSAGES_PER_TURN + 1


async def test_a_process_that_sends_to_itself_for_ever_starves_neither_others_nor_the_loop(
    runtime: Runtime,
) -> None:
    def again(message: Any) -> None:
        erl.send(message, message)

    process = runtime.spawn(Recorder(again))
    erl.send(process.pid, process.pid)
    ticks = []
    for _ in range(5):
        await asyncio.sleep(0.001)
        ticks.append(await inside(asyncio.sleep, 0, "ran"))
    assert ticks == ["ran"] * 5
    erl.exit(process.pid, Atom("kill"))


async def test_a_turn_that_holds_the_loop_is_logged(
    runtime: Runtime, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "LONG_TURN", 0.001)

    def holds(message: Any) -> None:
        end = time.perf_counter() + 0.01
        while time.perf_counter() < end:
            pass

    process = runtime.spawn(Recorder(holds))
    erl.send(process.pid, 1)
    await settled()
    assert f"{process!r} held the event loop for" in caplog.text


async def test_two_runtimes_on_one_loop(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    other = Runtime("other@localhost", 9)

    async def who() -> Any:
        async def nested() -> Any:
            return erl.node(), erl.self().node

        # A task of a process acts for it, wherever the process was spawned from.
        return erl.node(), await asyncio.create_task(nested())

    results: list[Any] = []
    done = asyncio.Event()

    async def body() -> None:
        results.append(await who())
        if len(results) == 2:
            done.set()

    here = runtime.spawn(body())
    there = other.spawn(body())
    await asyncio.wait_for(done.wait(), SECONDS)
    assert [result[0] for result in results] == ["here@localhost", "other@localhost"]
    assert [result[1] for result in results] == [
        (name, name) for name in ("here@localhost", "other@localhost")
    ]
    assert here.pid != there.pid
    assert runtime.process(there.pid) is None
    await other.stop(Atom("shutdown"))
    assert current_runtime.get() is runtime


async def test_a_runtime_is_named_before_its_first_process() -> None:
    runtime = Runtime()
    runtime.identify("name@localhost", 3)
    assert (runtime.name, runtime.creation) == ("name@localhost", 3)
    process = runtime.spawn(Recorder())
    with pytest.raises(UsageError):
        runtime.identify("other@localhost", 3)
    await runtime.stop(Atom("shutdown"))
    assert process.exit_reason == "shutdown"
    assert runtime.processes() == []


async def test_stopping_lets_coroutines_unwind() -> None:
    runtime = Runtime()
    trace: list[str] = []

    async def body() -> None:
        try:
            await erl.receive()
        finally:
            await asyncio.sleep(0)
            trace.append("unwound")

    runtime.spawn(body())
    await asyncio.sleep(0.001)
    await runtime.stop(Atom("shutdown"))
    assert trace == ["unwound"]


async def test_references_are_unique_and_fit_the_oldest_form(runtime: Runtime) -> None:
    refs = {erl.make_ref() for _ in range(1000)}
    assert len(refs) == 1000
    assert all(ref.words[0] < 1 << 18 and ref.words[-1] for ref in refs)


async def test_spawn_wants_an_async_function(runtime: Runtime) -> None:
    erl.self()
    before = runtime.processes()
    with pytest.raises(BadArg, match="async"):
        erl.spawn(lambda: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError):
        erl.spawn(idle, "an argument too many")
    assert runtime.processes() == before


async def test_what_is_spawned_acts_as_the_new_process_from_the_first(runtime: Runtime) -> None:
    pid = erl.spawn(erl.receive)
    erl.send(erl.self(), "mine")
    await settled()
    assert erl.is_alive(pid)
    assert await erl.receive(timeout=0) == "mine"
    spawned: list[Any] = []
    inline = runtime.spawn(Recorder(lambda message: spawned.append(erl.spawn(erl.receive))))
    erl.send(inline.pid, "spawn")
    await settled()
    assert erl.is_alive(spawned[0])
    erl.send(spawned[0], "over")
    assert await reason_of(spawned[0]) == "normal"


_MEMORY = """
import asyncio, gc
import pyerlnode.process as erl
from pyerlnode.otp import GenServer
from pyerlnode.process import Runtime, current_runtime

class Server(GenServer):
    def init(self, n):
        self.n = n

async def idle():
    await erl.receive()

def resident():
    gc.collect()
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096

async def main(kind, count):
    runtime = Runtime()
    current_runtime.set(runtime)
    before = resident()
    for n in range(count):
        if kind == "spawn":
            erl.spawn(idle)
        else:
            await Server.start(n)
    await asyncio.sleep(0)
    while len(runtime.queue):
        await asyncio.sleep(0)
    assert len(runtime.processes()) >= count
    print((resident() - before) // count)

import sys
asyncio.run(main(sys.argv[1], 20_000))
"""


@pytest.mark.parametrize("kind", ["spawn", "server"])
def test_a_hundred_thousand_idle_processes_fit_into_250_megabytes(kind: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _MEMORY, kind], capture_output=True, text=True, check=True, timeout=50
    )
    assert int(run.stdout) < 2200
