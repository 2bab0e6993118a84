"""After ten thousand of anything every table is as long as before."""

from __future__ import annotations

import asyncio
import gc
import itertools
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from process_tools import THERE, Others, idle, inside, settled, tables

import pyerlnode.process as erl
from pyerlnode.errors import Exit
from pyerlnode.process import Process, Request, Runtime, this_process
from pyerlnode.protocol.control import (
    Demonitor,
    Link,
    Monitor,
    SpawnRequest,
    Unlink,
    UnlinkAck,
)
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 10_000


class Echo:
    """Answers each request by its alias."""

    def start(self, process: Process) -> None:
        self.runtime = process.runtime

    def message(self, message: Any) -> None:
        self.runtime.send(*message)


@pytest.fixture
def others(runtime: Runtime) -> Others:
    return Others(runtime)


async def unchanged(runtime: Runtime, act: Callable[[], Any]) -> None:
    """Run `act` in a process; what it leaves behind fails the test."""

    async def body() -> None:
        await act()
        await settled()
        before = tables(runtime)
        for _ in range(MANY // 100):
            await act()
        await settled()
        assert tables(runtime) == before

    await inside(body)


async def test_requests_that_are_answered(runtime: Runtime) -> None:
    server = runtime.spawn(Echo())

    async def act() -> None:
        for _ in range(100):
            request = Request(this_process(), server.pid)
            erl.send(server.pid, (request.ref, "x"))
            await request.wait(5.0)
            assert request.message == "x"
            erl.send(request.ref, "too late")

    await unchanged(runtime, act)


async def test_requests_that_time_out_or_find_nobody(runtime: Runtime) -> None:
    silent = erl.spawn(idle)
    gone = erl.spawn(idle)
    erl.exit(gone, erl.KILL)

    async def act() -> None:
        for pid, timeout in [(silent, 0.0), (gone, 5.0)] * 5:
            request = Request(this_process(), pid)
            await request.wait(timeout)
            assert request.is_down == (pid == gone)

    await unchanged(runtime, act)


async def test_requests_to_a_node_that_cannot_be_reached(runtime: Runtime) -> None:
    others = Others(runtime, connected=False)

    async def act() -> None:
        for _ in range(10):
            request = Request(this_process(), others.pid())
            await request.wait(None)
            assert request.down_reason == "noconnection"

    await unchanged(runtime, act)


async def test_monitors_links_aliases_and_timers(runtime: Runtime) -> None:
    target = erl.spawn(idle)

    async def act() -> None:
        for _ in range(100):
            erl.demonitor(erl.monitor(target, alias="reply_demonitor"))
            erl.send(erl.monitor(target, alias="reply_demonitor"), "reply")
            erl.link(target)
            erl.unlink(target)
            erl.unalias(erl.alias())
            erl.send(erl.alias(reply=True), "reply")
            erl.cancel_timer(erl.send_after(60, target, "x"))
            fired = erl.send_after(0, "nobody", "x")
            assert [await erl.receive(timeout=0) for _ in range(2)] == ["reply", "reply"]
        while erl.read_timer(fired) is not None:  # noqa: ASYNC110  # it is what is tested
            await asyncio.sleep(0)

    await unchanged(runtime, act)


async def test_processes_that_end_with_everything_they_had(runtime: Runtime) -> None:
    target = erl.spawn(idle)

    async def rich(target: Pid) -> None:
        me = erl.self()
        erl.register("rich", me)
        erl.monitor(target, alias="explicit_unalias")
        erl.alias()
        erl.send_after(60, me, "x")
        erl.send(me, "unread")
        Request(this_process(), target)
        erl.put("key", me)
        raise Exit(Atom("rich"))

    async def act() -> None:
        for _ in range(25):
            await ended(erl.spawn(rich, target))

    await unchanged(runtime, act)


async def ended(pid: Pid) -> None:
    request = Request(this_process(), pid)
    await request.wait(5.0)


async def test_links_and_monitors_across_a_connection(others: Others, runtime: Runtime) -> None:
    async def act() -> None:
        me, ref = erl.self(), others.ref()
        for _ in range(100):
            erl.link(others.pid())
            erl.unlink(others.pid())
            (_, unlink) = others.take()
            assert isinstance(unlink, Unlink)
            others.receive(UnlinkAck(unlink.id, others.pid(), me))
            erl.demonitor(erl.monitor(others.pid()))
            erl.demonitor(erl.monitor(("name", THERE)))
            others.receive(Link(others.pid(2), me))
            others.receive(Unlink(1, others.pid(2), me))
            others.receive(Monitor(others.pid(3), me, ref))
            others.receive(Demonitor(others.pid(3), me, ref))
            erl.monitor_node(THERE, True)
            erl.monitor_node(THERE, False)
            others.take()

    await unchanged(runtime, act)


async def test_processes_that_another_node_starts_and_watches(others: Others, runtime: Runtime) -> None:
    runtime.apply_hook = lambda function, args: None

    async def act() -> None:
        for number in range(25):
            others.receive(
                SpawnRequest(
                    others.ref(number),
                    others.pid(),
                    others.pid(),
                    Atom("m"),
                    Atom("f"),
                    0,
                    [Atom("link"), Atom("monitor")],
                    [],
                )
            )
        await settled()
        others.take()

    await unchanged(runtime, act)


async def test_a_node_that_comes_and_goes(runtime: Runtime) -> None:
    others = Others(runtime)

    async def act() -> None:
        erl.process_flag("trap_exit", True)
        me = erl.self()
        erl.link(others.pid(1))
        erl.link(others.pid(2))
        erl.unlink(others.pid(2))
        erl.monitor(others.pid(1))
        others.receive(Link(others.pid(3), me))
        others.receive(Monitor(others.pid(3), me, others.ref()))
        erl.monitor_node(THERE, True)
        others.take()
        runtime.node_down(THERE)
        assert others.take() == []
        messages = [await erl.receive(timeout=0) for _ in range(4)]
        assert sorted(message[0] for message in messages) == ["DOWN", "EXIT", "EXIT", "nodedown"]  # type: ignore[index]

    await unchanged(runtime, act)


async def test_watchers_of_nodes_that_end(others: Others, runtime: Runtime) -> None:
    async def watcher() -> None:
        erl.monitor_node(THERE, True)
        erl.monitor_node("elsewhere@localhost", True)

    async def act() -> None:
        for _ in range(25):
            await ended(erl.spawn(watcher))

    await unchanged(runtime, act)


async def test_tasks_that_act_as_processes_for_a_while(runtime: Runtime) -> None:
    async def plain() -> None:
        erl.self()

    async def act() -> None:
        for _ in range(25):
            await asyncio.create_task(plain(), context=erl.this_process().runtime.context.copy())

    await unchanged(runtime, act)


async def test_a_process_is_freed_when_it_ends_without_help_of_the_garbage_collector(
    runtime: Runtime,
) -> None:
    async def body(target: Pid) -> None:
        erl.link(target)
        erl.monitor(target)
        erl.process_flag("trap_exit", True)
        await erl.receive()

    class Quiet:
        def start(self, process: Process) -> None:
            erl.link(target.pid)

        def message(self, message: Any) -> Any:
            return asyncio.sleep(0)

    target = runtime.spawn(idle())
    await settled()
    gc.collect()
    gc.disable()
    try:
        processes = [runtime.spawn(body(target.pid)), runtime.spawn(Quiet())]
        seen = [weakref.ref(process) for process in processes]
        for process in processes:
            process.put("x")
        await settled()
        processes[1].die(Atom("normal"))
        del processes, process
        await settled()
        assert [process() for process in seen] == [None, None]
    finally:
        gc.enable()


async def test_nodes_that_cannot_be_reached(runtime: Runtime) -> None:
    Others(runtime, connected=False)
    numbers = itertools.count()

    async def act() -> None:
        erl.process_flag("trap_exit", True)
        for _ in range(5):
            there = Pid(Atom(f"gone{next(numbers)}@localhost"), 1, 0, 1)
            erl.monitor(there)
            erl.demonitor(erl.monitor(("name", there.node)))
            erl.link(there)
            seen = {(await erl.receive(timeout=5))[0] for _ in range(2)}
            assert seen == {"DOWN", "EXIT"}
        await settled()

    await unchanged(runtime, act)


async def test_who_still_has_something_that_leads_to_a_node_hears_of_its_end(runtime: Runtime) -> None:
    others = Others(runtime)
    ref = erl.monitor(others.pid(1))
    # One signal did not reach the node; the connection that carries the other one is there.
    runtime.undeliverable(others.pid().node, Monitor(erl.self(), others.pid(2), others.ref()))
    await settled()
    runtime.node_down(others.pid().node)
    assert await erl.receive(timeout=5) == ("DOWN", ref, "process", others.pid(1), "noconnection")
