"""Who has much to do does not keep others from their turn."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest
from process_tools import inside, settled

import pyerlnode.process as erl
from pyerlnode.process import Request, Runtime, scheduler, this_process
from pyerlnode.process.process import MESSAGES_PER_TURN

MANY = 50 * MESSAGES_PER_TURN


async def test_a_coroutine_with_a_full_mailbox_lets_other_processes_run(runtime: Runtime) -> None:
    order: list[str] = []

    async def busy() -> None:
        for _ in range(MANY):
            await erl.receive()
            order.append("busy")

    async def quiet() -> None:
        await erl.receive()
        order.append("quiet")

    busy_pid, quiet_pid = erl.spawn(busy), erl.spawn(quiet)
    for _ in range(MANY):
        erl.send(busy_pid, 1)
    erl.send(quiet_pid, 1)
    await settled()
    while len(order) <= MANY:  # noqa: ASYNC110  # nothing tells of the end
        await asyncio.sleep(0)
    # Twice that, if the run's time was over just then: the busy one is next in the loop, too.
    assert order.index("quiet") <= 2 * MESSAGES_PER_TURN


@pytest.mark.parametrize("how", ["mail to itself", "polling", "calls that fail at once"])
async def test_a_loop_that_never_has_to_wait_starves_nobody(runtime: Runtime, how: str) -> None:
    async def mail_to_itself() -> None:
        erl.send(erl.self(), "again")
        await erl.receive()

    async def polling() -> None:
        with pytest.raises(TimeoutError):
            await erl.receive(timeout=0)

    gone = erl.spawn(mail_to_itself)
    erl.exit(gone, erl.KILL)

    async def failing() -> None:
        request = Request(this_process(), gone)
        await request.wait(5.0)
        assert request.down_reason == "noproc"

    turn = {"mail to itself": mail_to_itself, "polling": polling, "calls that fail at once": failing}[how]

    async def for_ever() -> None:
        while True:
            await turn()

    pid = erl.spawn(for_ever)
    woken = [asyncio.create_task(asyncio.sleep(0.001 * number, number)) for number in range(5)]
    assert await asyncio.gather(*woken) == [0, 1, 2, 3, 4]
    assert await inside(asyncio.sleep, 0, "ran") == "ran"
    assert erl.is_alive(pid)
    erl.exit(pid, erl.KILL)


async def test_stepping_back_for_others_loses_no_message_and_keeps_the_order(runtime: Runtime) -> None:
    async def body() -> list[int]:
        for number in range(MANY):
            erl.send(erl.self(), number)
        return [await erl.receive(timeout=0) for _ in range(MANY)]  # type: ignore[misc]

    assert await inside(body) == list(range(MANY))


async def test_what_a_behaviour_sends_to_itself_comes_after_what_was_there(runtime: Runtime) -> None:
    order: list[object] = []

    class Chatty:
        def start(self, process: object) -> None:
            erl.send(erl.self(), "from start")

        def message(self, message: object) -> None:
            order.append(message)
            if message == 1:
                erl.send(erl.self(), "from 1")

    process = runtime.spawn(Chatty())
    for number in (1, 2, 3):
        process.put(number)
    await settled()
    assert order == [1, 2, 3, "from start", "from 1"]


async def test_slow_callbacks_give_the_loop_back_within_a_mailbox(runtime: Runtime) -> None:
    """Each takes longer than a run should; sixteen are more than it may be late."""
    handled = 0

    class Slow:
        def start(self, process: object) -> None:
            pass

        def message(self, message: object) -> None:
            nonlocal handled
            handled += 1
            time.sleep(2 * scheduler.SLICE)

    process = runtime.spawn(Slow())
    for number in range(32):
        process.put(number)
    seen = []
    while handled < 32:
        await asyncio.sleep(0)
        seen.append(handled)
    assert max(later - earlier for earlier, later in pairwise([0, *seen])) <= 8
