"""Calls within a node: what is made for them, and that they end as calls between nodes do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import SECONDS, exit_of, inside, process_of, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import CallTimeout, Exit
from pyerlnode.otp import GenServer, NoReply, Reply, on_call, on_cast, sys
from pyerlnode.services.process_info import process_info
from pyerlnode.term import Atom, ImproperList, Pid

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

CALL = (Atom("Elixir.GenServer"), Atom("call"))


class Server(GenServer):
    """Answers at once, later, never, and in ways that end it."""

    def init(self) -> None:
        self.callers: list[Any] = []

    @on_call
    def tables(self) -> Any:
        here = erl.this_process()
        return (len(here.runtime.aliases), here.monitors is not None and len(here.monitors.watched_by))

    @on_call
    def keep(self, *, caller: Any) -> NoReply:
        self.callers.append(caller)
        return NoReply()

    @on_call
    def reply_twice(self, *, caller: Any) -> Reply:
        GenServer.reply(caller, "first")
        return Reply("second")

    @on_cast
    def answer(self, value: Any) -> None:
        for caller in self.callers:
            GenServer.reply(caller, value)

    @on_call
    def kill_itself(self) -> None:
        erl.exit(erl.self(), Atom("kill"))

    @on_call
    def end_by(self, other: Pid) -> str:
        """Ends by a link, and goes on to its `return` as a callback does."""
        erl.link(other)
        erl.exit(other, Atom("linked"))
        return "not sent"

    @on_call
    def end(self, other: Pid) -> str:
        erl.exit(other, Atom("kill"))
        return "to nobody"

    @on_call
    def current_task(self) -> str:
        return "none" if asyncio.current_task() is None else "another's"

    @on_call
    async def ask(self, others: list[Any]) -> int:
        if not others:
            return 0
        return 1 + await GenServer.call(others[0], (Atom("ask"), others[1:]), timeout=None)

    @on_call
    def wrong(self) -> None:
        raise ValueError("wrong")

    @on_call
    async def taken_from_the_mailbox(self) -> Any:
        return await erl.receive(lambda message: message[0] == "$gen_call")

    def handle_call(self, request: Any, caller: Any) -> Any:
        return Reply((request, caller))


async def started() -> Pid:
    pid = await Server.start()
    assert pid is not None
    return pid


async def test_a_call_that_is_answered_at_once_makes_no_alias_and_no_monitor(runtime: Runtime) -> None:
    server = await started()

    async def body() -> Any:
        return await GenServer.call(server, Atom("tables"))

    aliases, watched = await inside(body)
    assert (aliases, bool(watched)) == (0, False)


async def test_a_callback_that_asks_is_given_the_caller(runtime: Runtime) -> None:
    server = await started()

    async def body() -> None:
        request, (pid, tag) = await GenServer.call(server, "anything")
        assert (request, pid) == ("anything", erl.self())
        assert type(tag) is ImproperList and tag.elements == (Atom("alias"),)
        assert await GenServer.call(server, Atom("reply_twice")) == "first"

    await inside(body)
    await settled()
    assert not runtime.aliases


async def test_an_answer_may_come_later_and_reaches_only_who_waits(runtime: Runtime) -> None:
    server = await started()

    async def waiting() -> Any:
        with pytest.raises(CallTimeout):
            await GenServer.call(server, Atom("keep"), timeout=0.001)
        return await GenServer.call(server, Atom("keep"), timeout=None)

    asked = asyncio.ensure_future(inside(waiting))
    while len((await sys.get_state(server))[Atom("callers")]) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    GenServer.cast(server, (Atom("answer"), "now"))
    assert await asked == "now"
    assert not runtime.aliases and not process_of(server).monitors.watched_by  # type: ignore[union-attr]


@pytest.mark.parametrize("how", ["kill_itself", "wrong", "linked"])
async def test_a_server_that_ends_while_it_handles_the_call_tells_the_caller(
    runtime: Runtime, how: str
) -> None:
    server = await started()

    async def nothing() -> None:
        await erl.receive()

    request: Any = (Atom("end_by"), erl.spawn(nothing)) if how == "linked" else Atom(how)
    reason, call = await inside(exit_of, server, request)
    assert call == (*CALL, [server, request, 30_000])
    if how == "wrong":
        assert reason[0][Atom("message")] == b"ValueError: wrong"
    else:
        assert reason == {"kill_itself": "killed", "linked": "linked"}[how]
    assert not runtime.aliases


async def test_calls_in_the_mailbox_of_a_server_that_ends_end_with_it(runtime: Runtime) -> None:
    server = await started()
    reasons: list[Any] = []

    async def asks() -> None:
        reasons.append((await exit_of(server, Atom("tables")))[0])

    async def ends_it() -> None:
        assert len(process_of(server).mailbox or ()) == 4
        erl.exit(server, Atom("kill"))

    # In this order they have their turns, and the server comes last: it is not idle.
    asking = [erl.spawn(asks) for _ in range(3)]
    erl.spawn(ends_it)
    GenServer.cast(server, (Atom("answer"), 0))
    for pid in asking:
        await reason_of(pid)
    assert reasons == ["killed"] * 3
    assert not runtime.aliases


async def test_who_looks_into_the_mailbox_sees_an_ordinary_message(runtime: Runtime) -> None:
    server = await started()
    seen: list[Any] = []

    async def asks() -> None:
        reply = await GenServer.call(server, "request")
        seen.append(reply)

    async def looks() -> None:
        seen.extend(process_info(runtime, server, Atom("messages"))[1])

    asking = erl.spawn(asks)
    erl.spawn(looks)
    GenServer.cast(server, (Atom("answer"), 0))
    await reason_of(asking)
    cast, (call, caller, request), reply = seen
    assert cast[0] == "$gen_cast"
    assert (call, request) == ("$gen_call", "request")
    assert reply == ("request", caller) and caller[0] == asking


async def test_a_callback_can_receive_the_next_call_itself(runtime: Runtime) -> None:
    server = await started()

    async def body() -> None:
        taken = asyncio.ensure_future(GenServer.call(server, Atom("taken_from_the_mailbox")))
        second = asyncio.ensure_future(GenServer.call(server, "second"))
        _, caller, request = await taken
        assert request == "second"
        GenServer.reply(caller, "by somebody else")
        assert await second == "by somebody else"

    await inside(body)


async def test_a_server_that_is_suspended_keeps_calls(runtime: Runtime) -> None:
    server = await started()
    await sys.suspend(server)

    async def body() -> Any:
        return await GenServer.call(server, "request")

    asked = asyncio.ensure_future(inside(body))
    await settled()
    await sys.resume(server)
    assert (await asked)[0] == "request"


async def test_the_calls_of_a_process_end_with_it(runtime: Runtime) -> None:
    """One of its own coroutine, one of a task within; both wait for an answer that does not come."""
    server = await started()
    ended: list[Any] = []

    async def in_a_task() -> None:
        try:
            await GenServer.call(server, Atom("keep"), timeout=None)
        except BaseException as error:
            ended.append(type(error))
            raise

    async def body() -> None:
        task = asyncio.ensure_future(in_a_task())
        try:
            await GenServer.call(server, Atom("keep"), timeout=None)
        except BaseException as error:
            ended.append(type(error))
            raise
        finally:
            await asyncio.wait([task])

    pid = erl.spawn(body)
    while len((await sys.get_state(server))[Atom("callers")]) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    erl.exit(pid, Atom("kill"))
    async with asyncio.timeout(SECONDS):
        while len(ended) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert set(ended) == {asyncio.CancelledError, Exit}
    assert not runtime.aliases and not process_of(server).monitors.watched_by  # type: ignore[union-attr]


async def test_a_call_that_is_given_up_is_answered_to_nobody(runtime: Runtime) -> None:
    server = await started()

    async def body() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await GenServer.call(server, Atom("keep"), timeout=None)
        GenServer.cast(server, (Atom("answer"), "late"))
        assert await GenServer.call(server, Atom("tables")) == (0, 0)
        with pytest.raises(TimeoutError):
            await erl.receive(timeout=0)

    await inside(body)


async def test_a_server_that_is_idle_answers_in_the_middle_of_the_callers_turn(runtime: Runtime) -> None:
    server = await started()

    async def body() -> Any:
        asked = (Atom("current_task"),)
        return asyncio.current_task(), await GenServer.call(server, asked), asyncio.current_task()

    before, in_callback, after = await inside(body)
    assert in_callback == "none" and before is after is not None


async def test_a_caller_that_never_waits_starves_nobody(runtime: Runtime) -> None:
    server = await started()
    calls = 0

    async def asks_for_ever() -> None:
        nonlocal calls
        while True:
            await GenServer.call(server, Atom("tables"))
            calls += 1

    pid = erl.spawn(asks_for_ever)
    assert await inside(asyncio.sleep, 0, "ran") == "ran"
    while calls < 1000:  # noqa: ASYNC110
        await asyncio.sleep(0)
    erl.exit(pid, Atom("kill"))
    await settled()
    last = calls
    await settled()
    assert calls == last


async def test_a_server_can_end_who_calls_it(runtime: Runtime) -> None:
    server = await started()
    went_on: list[Any] = []

    async def body() -> None:
        await GenServer.call(server, (Atom("end"), erl.self()))
        went_on.append("after its end")

    pid = erl.spawn(body)
    assert await reason_of(pid) == "killed"
    await settled()
    assert went_on == []
    assert await GenServer.call(server, Atom("tables")) == (1, 1)


async def test_servers_that_call_servers_need_no_stack(runtime: Runtime) -> None:
    """Each is idle, and waits for the next one."""
    depth = 2000
    chain = [await started()]
    for _ in range(depth):
        chain.append(await started())

    async def body() -> Any:
        return await GenServer.call(chain[0], (Atom("ask"), chain[1:]), timeout=None)

    assert await inside(body) == depth


async def test_calls_of_many_processes_are_answered_in_order(runtime: Runtime) -> None:
    server = await started()
    replies: list[tuple[int, int]] = []

    async def body(caller: int) -> None:
        for number in range(20):
            assert (await GenServer.call(server, (caller, number)))[0] == (caller, number)
            replies.append((caller, number))

    for pid in [erl.spawn(body, caller) for caller in range(20)]:
        await reason_of(pid)
    for asked in range(20):
        assert [number for caller, number in replies if caller == asked] == [*range(20)]
    assert not runtime.aliases
