"""A fault in one process stays there: what user code raises, returns or leaves behind harms nobody else."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from process_tools import Others, idle, inside, reason_of, settled, tables

import pyerlnode.process as erl
from pyerlnode.errors import Exit
from pyerlnode.process import Process, Runtime, exit_reason
from pyerlnode.process.links import Links
from pyerlnode.process.reasons import MAX_FRAMES
from pyerlnode.protocol.control import (
    Demonitor,
    Link,
    Monitor,
    MonitorExit,
    RegSend,
    SpawnReply,
    SpawnRequest,
)
from pyerlnode.protocol.control import Exit as ExitSignal
from pyerlnode.term import Atom, ImproperList

if TYPE_CHECKING:
    from collections.abc import Callable


class Does:
    """A behaviour that handles messages with a function."""

    def __init__(self, handle: Callable[[Any], Any]) -> None:
        self.message = handle

    def start(self, process: Process) -> None:
        self.process = process


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


async def test_an_exception_without_a_text_ends_its_process_all_the_same(runtime: Runtime) -> None:
    async def body() -> None:
        raise Unprintable

    reason, stack = await reason_of(erl.spawn(body))
    assert reason["message"].startswith(b"Unprintable: <its text")
    assert len(stack) == 1


def test_a_deep_stack_is_shown_to_the_depth_that_a_beam_shows() -> None:
    def dive(depth: int) -> None:
        if depth == 0:
            raise ValueError("deep")
        dive(depth - 1)

    try:
        dive(100)
    except ValueError as error:
        _, stack = exit_reason(error)
    assert len(stack) == MAX_FRAMES
    assert len({entry[3][1] for entry in stack[1:]}) == 1  # the innermost, and then the same call


async def test_a_matcher_that_raises_while_another_process_sends_fails_only_the_receiver(
    runtime: Runtime,
) -> None:
    async def careless() -> None:
        await erl.receive(lambda message: message["key"])

    pid = erl.spawn(careless)
    await settled()
    erl.send(pid, 5)
    reason, _ = await reason_of(pid)
    assert reason["message"].startswith(b"TypeError")


@pytest.mark.parametrize("where", ["def callback", "async callback", "coroutine"])
def test_an_interrupt_ends_the_process_and_the_program(where: str) -> None:
    ended: list[Any] = []

    def interrupt(message: Any) -> None:
        raise KeyboardInterrupt

    async def interrupt_later(message: Any = None) -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        runtime = Runtime("main@localhost", 1)
        if where == "coroutine":
            process = runtime.spawn(interrupt_later())
        else:
            process = runtime.spawn(Does(interrupt if where == "def callback" else interrupt_later))
            process.put(1)
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(process.alive)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert ended == [False]


@pytest.mark.parametrize("result", [5, "text", object()])
async def test_what_a_callback_must_not_return_ends_only_its_process(runtime: Runtime, result: Any) -> None:
    process = runtime.spawn(Does(lambda message: result))
    process.put(1)
    reason, _ = await reason_of(process.pid)
    assert b"coroutine" in reason["message"]
    assert await inside(asyncio.sleep, 0, "others go on") == "others go on"


async def test_a_coroutine_that_a_callback_returns_after_it_killed_its_process_never_starts(
    runtime: Runtime,
) -> None:
    started: list[int] = []

    async def later() -> None:
        started.append(1)

    def handle(message: Any) -> Any:
        with pytest.raises(Exit):
            erl.exit(erl.self(), erl.KILL)
        return later()

    process = runtime.spawn(Does(handle))
    process.put(1)
    assert await reason_of(process.pid) == "killed"
    await settled()
    assert started == []


async def test_a_callback_that_kills_its_process_gets_no_further_message(runtime: Runtime) -> None:
    seen: list[Any] = []

    def handle(message: Any) -> None:
        seen.append(message)
        try:
            erl.exit(erl.self(), erl.KILL)
        except Exit as error:
            seen.append((error.reason, erl.is_alive(erl.self())))

    process = runtime.spawn(Does(handle))
    process.put(1)
    process.put(2)
    assert await reason_of(process.pid) == "killed"
    await settled()
    assert seen == [1, ("killed", False)]


async def test_a_callback_that_dies_by_the_link_to_the_one_it_kills(runtime: Runtime) -> None:
    seen: list[Any] = []
    victim = erl.spawn(idle)

    def handle(message: Any) -> None:
        erl.link(victim)
        erl.exit(victim, Atom("boom"))
        seen.append(erl.is_alive(erl.self()))

    process = runtime.spawn(Does(handle))
    process.put(1)
    process.put(2)
    assert await reason_of(process.pid) == "boom"
    await settled()
    assert seen == [False]


async def test_the_dead_make_no_link_monitor_alias_or_child(runtime: Runtime) -> None:
    other = erl.spawn(idle)
    await settled()
    refused: list[str] = []
    attempts: dict[str, Callable[[], Any]] = {
        "link": lambda: erl.link(other),
        "monitor": lambda: erl.monitor(other, alias="demonitor"),
        "monitor_node": lambda: erl.monitor_node("there@localhost", True),
        "alias": erl.alias,
        "spawn": lambda: erl.spawn(idle),
        "spawn_link": lambda: erl.spawn_link(idle),
        "spawn_monitor": lambda: erl.spawn_monitor(idle),
        "receive": erl.receive,
        "request": lambda: erl.Request(erl.this_process(), other),
    }

    async def body() -> None:
        try:
            await erl.receive()
        finally:
            for name, attempt in attempts.items():
                with pytest.raises(Exit) as error:
                    attempt()
                assert error.value.reason == "killed"
                refused.append(name)
            erl.send(parent, "last words")

    parent = erl.self()
    before = tables(runtime)
    pid = erl.spawn(body)
    await settled()
    erl.exit(pid, erl.KILL)
    assert tables(runtime) == before
    assert await erl.receive(timeout=5) == "last words"
    assert refused == list(attempts)
    assert tables(runtime) == before


async def test_what_unwinding_raises_after_a_kill_is_logged(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    async def body() -> None:
        try:
            await erl.receive()
        finally:
            raise ValueError("in the finally")

    process = runtime.spawn(body())
    await settled()
    erl.exit(process.pid, erl.KILL)
    await settled()
    assert process.exit_reason == "killed"
    assert "after its end" in caplog.text


async def test_a_reason_that_is_no_term_can_be_logged(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    async def plain() -> None:
        erl.exit(erl.self(), ("odd", object()))

    task = asyncio.create_task(plain())
    with pytest.raises((Exit, asyncio.CancelledError)):
        await task
    assert 'was ended by an exit signal: {"odd", <object' in caplog.text


async def test_twenty_thousand_processes_in_a_chain_of_links_end_at_once(runtime: Runtime) -> None:
    chain = [runtime.new_process() for _ in range(20_000)]
    for one, another in pairwise(chain):
        Links.of(one).link(another.pid)
    chain[10_000].die(Atom("boom"))
    assert {process.exit_reason for process in chain} == {Atom("boom")}


async def test_in_a_ring_of_links_everybody_hears_of_the_end_next_to_him_once(runtime: Runtime) -> None:
    ring = [runtime.new_process() for _ in range(5)]
    for one, another in zip(ring, [*ring[1:], ring[0]], strict=True):
        one.trap_exit = True
        Links.of(one).link(another.pid)
    ring[0].die(Atom("boom"))
    assert [len(process.mailbox or ()) for process in ring[1:]] == [1, 0, 0, 1]


async def test_who_ends_because_a_node_is_lost_sends_nothing_there(runtime: Runtime) -> None:
    others = Others(runtime)
    one, two = runtime.new_process(), runtime.new_process()
    Links.of(one).link(two.pid)
    for process in (one, two):
        for number in range(3):
            others.receive(Link(others.pid(number), process.pid))
            others.receive(Monitor(others.pid(number), process.pid, others.ref(number)))
        Links.of(process).link(others.pid(9))
    others.take()
    runtime.node_down(others.pid().node)
    assert not one.alive
    assert not two.alive
    assert others.take() == []


async def test_a_link_that_is_undone_before_it_turns_out_that_there_is_no_way(runtime: Runtime) -> None:
    others = Others(runtime, connected=False)

    async def body() -> Any:
        erl.process_flag("trap_exit", True)
        erl.link(others.pid())
        erl.unlink(others.pid())
        erl.link(others.pid(2))
        message = await erl.receive(timeout=5)
        links = erl.this_process().links
        assert links is not None
        return message, dict(links._peers)

    assert await inside(body) == (("EXIT", others.pid(2), "noconnection"), {})


async def test_a_monitor_by_name_is_given_up_also_when_somebody_else_has_the_name_now(
    runtime: Runtime,
) -> None:
    others = Others(runtime)
    one, two = runtime.new_process(), runtime.new_process()
    runtime.names.register("name", one.pid)
    others.receive(Monitor(others.pid(), Atom("name"), others.ref()))
    runtime.names.unregister("name")
    runtime.names.register("name", two.pid)
    others.receive(Demonitor(others.pid(), Atom("name"), others.ref()))
    one.die(Atom("boom"))
    two.die(Atom("boom"))
    assert others.take() == []


async def test_stop_leaves_a_coroutine_behind_that_goes_on_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pyerlnode.process.runtime.STOP_TIME", 0.01)
    runtime = Runtime("other@localhost", 1)
    released = asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    process = runtime.spawn(stubborn())
    task = process.task
    assert task is not None
    await asyncio.sleep(0)
    await runtime.stop(Atom("shutdown"))
    assert "has not ended within" in caplog.text
    assert not process.alive
    released.set()
    await asyncio.wait([task])


async def test_a_process_may_stop_its_own_runtime() -> None:
    runtime = Runtime("other@localhost", 1)

    async def body() -> None:
        await runtime.stop(Atom("shutdown"))

    process = runtime.spawn(body())
    task = process.task
    assert task is not None
    await asyncio.wait([task])
    assert process.exit_reason == "shutdown"


async def test_def_callbacks_do_not_see_each_others_context_variables(runtime: Runtime) -> None:
    from contextvars import ContextVar

    variable: ContextVar[str] = ContextVar("variable", default="unset")
    variable.set("spawner's")
    seen: list[str] = []

    def handle(message: Any) -> Any:
        seen.append(variable.get())
        variable.set(message)
        return later() if message == "async" else None

    async def later() -> None:
        seen.append(variable.get())
        variable.set("by async")

    one, two = runtime.spawn(Does(handle)), runtime.spawn(Does(handle))
    for process, message in [(one, "one"), (one, "async"), (one, "end"), (two, "two")]:
        process.put(message)
    await settled()
    # A coroutine, even one that did not have to wait, is the end of a turn.
    assert seen == ["spawner's", "one", "async", "spawner's", "by async"]
    assert variable.get() == "spawner's"


async def test_an_exit_signal_of_another_node_for_a_link_that_is_not_there_is_dropped(
    runtime: Runtime,
) -> None:
    others = Others(runtime)
    process = runtime.new_process()
    others.receive(ExitSignal(others.pid(), process.pid, Atom("boom")))
    assert process.alive


@pytest.mark.parametrize("args", [ImproperList([1], 2), Atom("none"), b"x", [1, 2]])
async def test_a_spawn_request_with_arguments_that_fit_no_call_gives_a_process_that_ends(
    runtime: Runtime, args: Any, caplog: pytest.LogCaptureFixture
) -> None:
    others = Others(runtime)
    m, f = Atom("m"), Atom("f")
    options = [Atom("monitor")]
    others.receive(SpawnRequest(others.ref(), others.pid(), others.pid(2), m, f, 1, options, args))
    await settled()
    reply, log, down = others.take()
    assert isinstance(reply, SpawnReply)
    assert reply.flags == 2
    assert isinstance(log, RegSend)  # of its group leader
    assert isinstance(down, MonitorExit)
    assert down.reason[0] == "badarg"
    # One line that says who is to blame, and no traceback of what is not theirs.
    (line,) = caplog.text.splitlines()
    assert f"spawn of m:f/1 by {others.pid()}: the arguments are no list of so many" in line


async def test_a_spawn_request_with_improper_options_is_badopt(runtime: Runtime) -> None:
    others = Others(runtime)
    m, f = Atom("m"), Atom("f")
    options: Any = ImproperList([Atom("link")], Atom("monitor"))
    others.receive(SpawnRequest(others.ref(), others.pid(), others.pid(2), m, f, 0, options, []))
    assert others.take() == [SpawnReply(others.ref(), others.pid(), 0, Atom("badopt"))]


async def test_a_task_acts_for_the_runtime_that_it_is_in_and_for_the_outer_one_again_after(
    runtime: Runtime,
) -> None:
    outer = erl.self()
    inner_runtime = Runtime("inner@localhost", 1)
    token = erl.current_runtime.set(inner_runtime)
    inner = erl.self()
    erl.send(inner, "inner mail")
    assert await erl.receive(timeout=0) == "inner mail"
    await inner_runtime.stop(Atom("shutdown"))
    erl.current_runtime.reset(token)
    assert (outer.node, inner.node) == ("here@localhost", "inner@localhost")
    assert erl.self() == outer
    assert erl.is_alive(outer)
