"""Mailboxes: order, selective receive, timeouts, and that long ones cost no more per message."""

from __future__ import annotations

import asyncio

import pytest
from process_tools import SECONDS, idle, inside, reason_of

import pyerlnode.process as erl
from pyerlnode.errors import UsageError
from pyerlnode.process.mailbox import Mailbox
from pyerlnode.term import Atom


async def test_messages_are_taken_in_the_order_of_their_arrival() -> None:
    for number in range(100):
        erl.send(erl.self(), number)
    assert [await erl.receive() for _ in range(100)] == list(range(100))


async def test_a_selective_receive_leaves_the_others_in_order() -> None:
    for number in range(10):
        erl.send(erl.self(), number)
    assert await erl.receive(lambda message: message == 7) == 7
    assert await erl.receive(lambda message: message % 2 == 1) == 1
    assert [await erl.receive() for _ in range(8)] == [0, 2, 3, 4, 5, 6, 8, 9]


async def test_a_receive_that_waits_takes_what_comes_and_leaves_what_was_refused() -> None:
    async def waits() -> list[object]:
        parent = await erl.receive()
        erl.send(parent, "waiting")
        first = await erl.receive(lambda message: message == "c")
        return [first, await erl.receive(), await erl.receive()]

    async def talk() -> object:
        result = asyncio.get_running_loop().create_future()

        async def body() -> None:
            result.set_result(await waits())

        pid = erl.spawn(body)
        erl.send(pid, erl.self())
        await erl.receive()
        for message in "abc":
            erl.send(pid, message)
        return await result

    assert await inside(talk) == ["c", "a", "b"]


async def test_zero_seconds_look_at_what_is_there() -> None:
    with pytest.raises(TimeoutError):
        await erl.receive(timeout=0)
    erl.send(erl.self(), "x")
    assert await erl.receive(timeout=0) == "x"


async def test_a_timeout_leaves_the_mailbox_as_it_was() -> None:
    erl.send(erl.self(), "a")
    with pytest.raises(TimeoutError):
        await erl.receive(lambda message: message == "b", timeout=0.01)
    assert await erl.receive() == "a"


async def test_a_matcher_that_raises_loses_no_message() -> None:
    erl.send(erl.self(), 1)
    with pytest.raises(TypeError):
        await erl.receive(lambda message: message[0] == "x")  # type: ignore[index]
    assert await erl.receive(timeout=0) == 1


async def test_a_cancelled_receive_loses_no_message() -> None:
    async def body() -> object:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await erl.receive()
        erl.send(erl.self(), "kept")
        return await erl.receive()

    assert await inside(body) == "kept"


async def test_two_tasks_of_one_process_cannot_both_receive() -> None:
    erl.self()  # from here on this task and those that it makes are one process
    first = asyncio.ensure_future(erl.receive(lambda message: False))
    await asyncio.sleep(0)
    with pytest.raises(UsageError, match="in receive already"):
        await erl.receive()
    first.cancel()


async def test_a_hundred_thousand_refused_messages_are_looked_at_once_each() -> None:
    looked = 0

    def match(message: object) -> bool:
        nonlocal looked
        looked += 1
        return message == "last"

    async def body() -> object:
        return await erl.receive(match)

    async def flood() -> object:
        result: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        async def waiter() -> None:
            result.set_result(await body())

        pid = erl.spawn(waiter)
        for _ in range(100):
            for number in range(1000):
                erl.send(pid, number)
            await asyncio.sleep(0)
        erl.send(pid, "last")
        return await result

    assert await asyncio.wait_for(inside(flood), SECONDS) == "last"
    assert looked == 100_001


async def test_a_mailbox_of_a_hundred_thousand_drains() -> None:
    async def drains() -> int:
        return sum([await erl.receive(lambda message: True) for _ in range(50_000)]) + sum(
            [await erl.receive() for _ in range(50_000)]
        )

    async def body() -> int:
        for number in range(100_000):
            erl.send(erl.self(), number)
        return await drains()

    assert await inside(body) == sum(range(100_000))


def test_removing_and_putting_back() -> None:
    mailbox = Mailbox()
    for number in range(5):
        mailbox.put(number)
    assert mailbox.remove(lambda message: message == 2)
    assert not mailbox.remove(lambda message: message == 2)
    assert mailbox.scan(lambda message: message == 3) == 3
    mailbox.put_back(["a", "b"])
    assert list(mailbox) == ["a", "b", 0, 1, 4]
    assert [mailbox.pop() for _ in range(len(mailbox))] == ["a", "b", 0, 1, 4]
    assert not mailbox
    with pytest.raises(IndexError):
        mailbox.pop()


async def test_what_is_sent_to_the_dead_vanishes() -> None:
    pid = erl.spawn(idle)
    erl.exit(pid, Atom("kill"))
    assert erl.send(pid, "x") == "x"
    assert await reason_of(pid) == "noproc"
