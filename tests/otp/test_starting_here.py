"""A server whose `init` does not wait runs it in the turn of who starts the server; nobody can tell."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from otp_tools import SECONDS, idle, inside, process_of, reason_of

import pyerlnode.process as erl
from pyerlnode.errors import Exit
from pyerlnode.otp import Failure, GenServer, Ignore, NoReply, Stop, on_call
from pyerlnode.otp.here import start_here
from pyerlnode.otp.starting import Starting
from pyerlnode.process.task import HANDED_OVER_PER_TURN
from pyerlnode.term import Atom, Pid

TOLD: list[Any] = []


@pytest.fixture(autouse=True)
def _nothing_told() -> None:
    TOLD.clear()
    for cls in (Plain, Waits):
        cls.__server_handlers__()  # made at the first start, which takes the long way for that


class Plain(GenServer):
    """What it returns from `init`, or raises, is what it is started with."""

    def init(self, result: Any = None) -> Any:
        TOLD.append((erl.self(), asyncio.current_task()))
        if isinstance(result, BaseException):
            raise result
        return result() if callable(result) else result

    @on_call
    def who(self) -> Pid:
        return erl.self()


class Waits(Plain):
    async def init(self, result: Any = None) -> Any:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().init(result)


async def test_the_server_has_started_and_init_was_it() -> None:
    async def body() -> None:
        task = asyncio.current_task()
        started = start_here(Plain, (), True)
        assert isinstance(started, Pid)
        assert asyncio.current_task() is task
        assert [(pid, running is task) for pid, running in TOLD] == [(started, False)]
        parent, server = process_of(erl.self()), process_of(started)
        assert parent.links is not None and parent.links.active() == [started]
        assert server.links is not None and server.links.active() == [erl.self()]
        assert erl.self() in erl_ancestors(started)
        assert await GenServer.call(started, Atom("who")) == started

    await inside(body)


def erl_ancestors(pid: Pid) -> Any:
    dictionary = process_of(pid).dictionary
    assert dictionary is not None and dictionary[Atom("$initial_call")] == ("Plain", "init", 1)
    return dictionary[Atom("$ancestors")]


async def test_an_init_that_waits_is_waited_for() -> None:
    async def body() -> None:
        assert isinstance(start_here(Waits, (), False), Starting)
        pid = await Waits.start_link()
        assert pid is not None
        assert await GenServer.call(pid, Atom("who")) == pid

    await inside(body)


@pytest.mark.parametrize("cls", [Plain, Waits])
@pytest.mark.parametrize("link", [True, False])
async def test_a_start_that_fails_says_the_same_and_leaves_nothing(cls: type[Plain], link: bool) -> None:
    async def body() -> None:
        erl.process_flag("trap_exit", True)
        start = cls.start_link if link else cls.start
        assert await start(Ignore) is None
        for result, reason in (
            (Stop("stopped"), "stopped"),
            (Failure("refused"), "refused"),
            (Exit("raised"), "raised"),
            ("bad", (Atom("bad_return_value"), "bad")),
        ):
            with pytest.raises(Exit) as raised:
                await start(result)
            assert raised.value.reason == reason
        assert not any(erl.is_alive(pid) for pid, _ in TOLD)
        with pytest.raises(TimeoutError):
            await erl.receive(timeout=0)

    await inside(body)


@pytest.mark.parametrize("cls", [Plain, Waits])
async def test_who_does_not_trap_exits_ends_with_a_linked_start(cls: type[Plain]) -> None:
    went_on: list[str] = []

    async def body() -> None:
        try:
            await cls.start_link(Exit("not today"))
        except Exit:
            went_on.append("it was told, though it has ended")
        went_on.append("it goes on")

    assert await reason_of(erl.spawn(body)) == "not today"
    assert went_on == []


async def test_an_init_that_kills_who_starts_it_ends_the_wait() -> None:
    went_on: list[str] = []

    async def body() -> None:
        parent = erl.self()
        try:
            await Plain.start(lambda: erl.exit(parent, Atom("kill")) and None)
        except asyncio.CancelledError:
            went_on.append("cancelled")
            raise
        went_on.append("it goes on")

    assert await reason_of(erl.spawn(body)) == "killed"
    await asyncio.sleep(0)
    assert went_on == ["cancelled"]


async def test_who_starts_many_lets_others_run() -> None:
    ticks: list[int] = []
    started: list[Pid | None] = []
    many = 4 * HANDED_OVER_PER_TURN

    async def tick() -> None:
        ticks.append(len(started))
        if len(started) < many:
            erl.spawn(tick)

    async def body() -> None:
        erl.spawn(tick)
        while len(started) < many:
            started.append(await Plain.start())

    await inside(body)
    assert all(started)
    assert len(set(ticks)) > 2
    assert max(after - before for before, after in pairwise(ticks)) <= 2 * HANDED_OVER_PER_TURN


async def test_a_start_while_a_server_is_started() -> None:
    class Outer(GenServer):
        async def init(self) -> None:
            self.inner = await Plain.start_link()

        @on_call
        def who(self) -> Pid | None:
            return self.inner

    async def body() -> None:
        outer = await Outer.start_link()
        assert outer is not None
        inner = await GenServer.call(outer, Atom("who"))
        assert await GenServer.call(inner, Atom("who")) == inner

    await inside(body)


async def test_a_task_within_a_process_and_one_of_asyncio_start_the_long_way() -> None:
    async def body() -> None:
        async def child() -> None:
            assert start_here(Plain, (), False) is None
            assert await Plain.start() is not None

        async with asyncio.TaskGroup() as group:
            group.create_task(child())

    await inside(body)
    assert start_here(Plain, (), False) is None
    async with asyncio.timeout(SECONDS):
        assert await Plain.start() is not None


async def test_a_wait_is_a_usage_error_in_a_def_init_as_ever() -> None:
    async def body() -> None:
        with pytest.raises(Exit) as raised:
            await Plain.start(lambda: erl.receive())
        assert "must be an async def" in repr(raised.value.reason)

    await inside(body)


async def test_mail_that_init_sends_to_itself_is_handled_next() -> None:
    class Sends(GenServer):
        def init(self) -> None:
            self.seen: list[Any] = []
            erl.send(erl.self(), "first")

        def handle_info(self, message: Any) -> Any:
            self.seen.append(message)
            return NoReply()

        @on_call
        def all(self) -> list[Any]:
            return self.seen

    async def body() -> None:
        pid = await Sends.start()
        assert pid is not None
        assert await GenServer.call(pid, Atom("all")) == ["first"]
        other = erl.spawn(idle)
        assert erl.is_alive(other)

    await inside(body)
