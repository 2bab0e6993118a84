"""Servers with a bounded mailbox: what their callers, tools and supervisors notice of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from clusters import until
from otp_tools import OK, SECONDS, inside, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, Exit
from pyerlnode.otp import (
    GenServer,
    GenStatem,
    KeepState,
    NextState,
    ReplyTo,
    Supervisor,
    Table,
    on_call,
    on_cast,
    sys,
)
from pyerlnode.process import Runtime, this_process
from pyerlnode.services.process_info import process_info
from pyerlnode.term import Atom, Pid

WORK, NOTES = Atom("work"), Atom("notes")
FULL = Atom("mailbox_full")
ONE = {"strategy": "one_for_one"}


class Worker(GenServer):
    """Works until it is told that it is done; what it is told meanwhile waits."""

    def init(self, done: Any = None) -> None:
        self.done = done
        self.notes: list[Any] = []

    @on_cast
    async def work(self) -> None:
        await self.done.wait()

    @on_cast
    def note(self, what: Any) -> None:
        self.notes.append(what)

    @on_call("notes")
    def noted(self) -> list[Any]:
        return self.notes


def note(server: Pid, what: Any) -> None:
    GenServer.cast(server, (Atom("note"), what))


async def working(max_mailbox: Any, notes: int = 0) -> tuple[Pid, asyncio.Event]:
    """A server that works, with so many notes waiting, until the event is set."""
    done = asyncio.Event()
    pid = await Worker.start(done, max_mailbox=max_mailbox)
    assert pid is not None
    GenServer.cast(pid, WORK)
    await settled()
    for number in range(notes):
        note(pid, number)
    return pid, done


def bound_of(pid: Pid) -> Any:
    return process_info(this_process().runtime, pid, Atom("max_mailbox"))[1]


def waits(pid: Pid) -> Any:
    return process_info(this_process().runtime, pid, Atom("message_queue_len"))[1]


async def failed(server: Any, request: Any = NOTES) -> Any:
    """Why a call has failed, which waits for ever else."""
    async with asyncio.timeout(SECONDS):
        with pytest.raises(Exit) as error:
            await GenServer.call(server, request, None)
    return error.value.reason


# --- starting -----------------------------------------------------------------------------


async def test_every_start_takes_a_bound() -> None:
    for start in (Worker.start, Worker.start_link):
        pid = await start(max_mailbox=(5, "drop_old"))
        assert pid is not None
        assert bound_of(pid) == {"size": 5, "policy": "drop_old", "dropped": 0}
    both = await Worker.start_monitor(max_mailbox=5)
    assert both is not None and bound_of(both[0])["size"] == 5
    plain = await Worker.start(max_mailbox=None)
    assert plain is not None and bound_of(plain) == "infinity"


async def test_a_bound_that_is_none_starts_nothing(runtime: Runtime) -> None:
    erl.self()  # which makes the test a process
    before = len(runtime.processes())
    for wrong in (0, (5, "drop"), "5"):
        with pytest.raises(BadArg, match="max_mailbox"):
            await Worker.start(max_mailbox=wrong)
    with pytest.raises(BadArg, match="hibernate_after, max_mailbox"):
        await Worker.start(mailbox=5)
    assert len(runtime.processes()) == before


async def test_a_child_specification_has_it_among_the_options() -> None:
    child = (Worker, None, {"max_mailbox": 7, "restart": "transient"})
    supervisor = await Supervisor.start_link([child], **ONE)
    assert supervisor is not None
    ((_, pid, *_),) = await Supervisor.which_children(supervisor)
    assert bound_of(pid)["size"] == 7
    await Supervisor.stop(supervisor)


class Machine(GenStatem):
    """Answers calls with what they ask; a cast keeps it for ever."""

    callback_mode = "handle_event_function"

    def init(self) -> Any:
        return NextState("up")

    def handle_event(self, event: Any, content: Any, state: Any) -> Any:
        if event == "cast":
            return self.forever()
        return KeepState(ReplyTo(event[1], content)) if event[0] == "call" else KeepState()

    async def forever(self) -> None:
        await asyncio.Event().wait()


async def test_a_state_machine_is_bounded_as_a_server_is() -> None:
    pid = await Machine.start(max_mailbox=2)
    assert pid is not None
    GenStatem.cast(pid, WORK)
    await settled()
    for number in range(5):
        erl.send(pid, number)
    assert bound_of(pid) == {"size": 2, "policy": "drop_new", "dropped": 3}
    async with asyncio.timeout(SECONDS):
        with pytest.raises(Exit) as error:
            await GenStatem.call(pid, NOTES, None)
    assert error.value.reason[0] == FULL


# --- calls --------------------------------------------------------------------------------


async def test_a_call_that_is_lost_does_not_wait_for_its_timeout() -> None:
    pid, done = await working(3, notes=3)
    expected = (FULL, (Atom("Elixir.GenServer"), Atom("call"), [pid, NOTES, Atom("infinity")]))
    # From an asyncio task, and from a process, whose coroutine may be handed the answer at once.
    assert await failed(pid) == expected
    assert await inside(failed, pid) == expected
    sent = GenServer.send_request(pid, NOTES)
    assert await GenServer.wait_response(sent, SECONDS) == ("error", (FULL, pid))
    done.set()
    await settled()
    assert await GenServer.call(pid, NOTES) == [0, 1, 2]
    assert bound_of(pid)["dropped"] == 3


async def test_a_cast_that_is_lost_says_nothing() -> None:
    pid, done = await working(2, notes=5)
    assert GenServer.cast(pid, WORK) == OK
    done.set()
    await settled()
    assert await GenServer.call(pid, NOTES) == [0, 1]


async def test_nothing_is_left_of_a_lost_call(runtime: Runtime) -> None:
    pid, _ = await working(1, notes=1)
    process = runtime.process(pid)
    assert process is not None
    for _ in range(3):
        await inside(failed, pid)
        await failed(pid)
    assert not runtime.aliases
    assert process.monitors is None or not process.monitors.watched_by
    assert not runtime.queue._after


async def test_the_oldest_call_is_lost_where_new_ones_count() -> None:
    pid, done = await working((2, "drop_old"))
    calls = [asyncio.create_task(failed(pid)) for _ in range(2)]
    while waits(pid) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    note(pid, 1)
    note(pid, 2)
    for call in calls:
        assert (await call)[0] == FULL
    done.set()
    await settled()
    assert await GenServer.call(pid, NOTES) == [1, 2]


async def test_a_call_that_was_opened_is_lost_as_well(runtime: Runtime) -> None:
    pid, _ = await working((1, "drop_old"))
    call = asyncio.create_task(failed(pid))
    while not waits(pid):  # noqa: ASYNC110
        await asyncio.sleep(0)
    ((kind, _, request),) = process_info(runtime, pid, Atom("messages"))[1]
    assert (kind, request) == ("$gen_call", NOTES)
    note(pid, 1)
    assert (await call)[0] == FULL
    assert not runtime.aliases


@pytest.mark.parametrize("policy", ["drop_new", "drop_old"])
async def test_who_tries_again_and_again_lets_the_server_make_room(policy: str) -> None:
    server = await Worker.start(max_mailbox=(1, policy))
    assert server is not None

    async def body() -> int:
        lost = 0
        for number in range(100):
            for _ in range(10):
                note(server, number)
            while True:
                try:
                    await GenServer.call(server, NOTES)
                    break
                except Exit as error:
                    assert error.reason[0] == FULL
                    lost += 1
        return lost

    lost = await inside(body)
    assert (lost > 0) == (policy == "drop_new")


async def test_a_machine_does_so_too() -> None:
    """Whose calls are ordinary messages."""

    pid = await Machine.start(max_mailbox=1)
    assert pid is not None

    async def body() -> int:
        lost = 0
        while lost < 3:
            erl.send(pid, NOTES)
            try:
                await GenStatem.call(pid, NOTES)
            except Exit:
                lost += 1
        while True:
            try:
                return await GenStatem.call(pid, 7)  # type: ignore[return-value]
            except Exit:
                lost += 1

    assert await inside(body) == 7


async def test_callers_of_a_server_that_is_killed_learn_why() -> None:
    pid, _ = await working((2, "kill"))
    calls = [asyncio.create_task(failed(pid)) for _ in range(3)]
    for call in calls:
        assert (await call)[0] == (Atom("killed"), Atom("mailbox_limit"))
    assert await reason_of(pid) == "noproc"


async def test_a_table_that_is_given_away_arrives() -> None:
    pid, _ = await working(1, notes=3)
    table = Table.new("given")
    assert table.give_away(pid, Atom("data"))
    assert process_info(this_process().runtime, pid, Atom("messages"))[1][1] == (
        "ETS-TRANSFER",
        table.id,
        erl.self(),
        "data",
    )


# --- tools and supervisors ------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["drop_new", "drop_old", "kill"])
async def test_sys_works_on_a_server_that_is_full(policy: str) -> None:
    pid, done = await working((2, policy), notes=2)
    asked = [asyncio.create_task(sys.get_state(pid)) for _ in range(5)]
    while waits(pid) < 7:  # noqa: ASYNC110
        await asyncio.sleep(0)
    done.set()
    for each in asked:
        assert (await each)["notes"] == [0, 1]
    assert bound_of(pid)["dropped"] == 0


async def test_what_is_held_of_a_suspended_server_counts() -> None:
    pid = await Worker.start(max_mailbox=3)
    assert pid is not None
    await sys.suspend(pid)
    for number in range(10):
        note(pid, number)
        await settled()
    assert bound_of(pid)["dropped"] == 7
    # It is idle: the call would come past the mailbox.
    assert (await inside(failed, pid))[0] == FULL
    await sys.resume(pid)
    assert await inside(GenServer.call, pid, NOTES) == [0, 1, 2]
    for number in range(10, 13):
        note(pid, number)
    await settled()
    assert await GenServer.call(pid, NOTES) == [0, 1, 2, 10, 11, 12]


async def test_a_call_that_was_taken_is_held_whatever_came_after_it() -> None:
    pid = await Worker.start(max_mailbox=(2, "kill"))
    assert pid is not None
    await sys.suspend(pid)
    process = this_process().runtime.process(pid)
    assert process is not None and process.mailbox is not None and process.mailbox.bound is not None

    async def more() -> None:
        assert process is not None and len(process.mailbox or ()) == 1
        for number in range(5):
            process.deliver(number)

    # It goes through the mailbox, since no process but a plain task makes it.
    call, others = asyncio.create_task(failed(pid)), asyncio.create_task(more())
    await others
    while len(process.mailbox.bound.aside) < 6:
        assert process.alive
        await asyncio.sleep(0)
    erl.exit(pid, Atom("kill"))
    assert (await call)[0] == "killed"


async def test_the_oldest_is_one_that_is_held() -> None:
    pid = await Worker.start(max_mailbox=(3, "drop_old"))
    assert pid is not None
    await sys.suspend(pid)
    for number in range(10):
        note(pid, number)
        await settled()
    await sys.resume(pid)
    assert await GenServer.call(pid, NOTES) == [7, 8, 9]


async def test_a_call_that_is_held_is_answered() -> None:
    pid = await Worker.start(max_mailbox=2)
    assert pid is not None
    await sys.suspend(pid)
    call = asyncio.create_task(inside(GenServer.call, pid, NOTES))
    process = this_process().runtime.process(pid)
    assert process is not None and process.mailbox is not None and process.mailbox.bound is not None
    while not process.mailbox.bound.aside:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await sys.resume(pid)
    assert await call == []


async def test_a_supervisor_ends_and_restarts_one_that_is_flooded() -> None:
    supervisor = await Supervisor.start_link([(Flooded, (2, "drop_new"), {"id": "drops"})], **ONE)
    assert supervisor is not None
    pid = erl.whereis("flooded")
    assert pid is not None
    GenServer.cast(pid, WORK)
    await settled()
    for number in range(20):
        note(pid, number)
    assert await Supervisor.terminate_child(supervisor, Atom("drops")) == OK
    assert await reason_of(pid) == "noproc"
    await Supervisor.stop(supervisor)
    supervisor = await Supervisor.start_link([(Flooded, (2, "kill"))], **ONE)
    assert supervisor is not None
    pid = erl.whereis("flooded")
    assert pid is not None
    GenServer.cast(pid, WORK)
    await settled()
    for number in range(3):
        note(pid, number)
    await until(lambda: erl.whereis("flooded") not in (None, pid), SECONDS)
    assert await GenServer.call("flooded", NOTES) == []
    await Supervisor.stop(supervisor)


class Flooded(Worker):
    """A worker that bounds itself and traps exits."""

    def init(self, bound: Any = None) -> None:
        erl.process_flag("trap_exit", True)
        erl.process_flag("max_mailbox", bound)
        erl.register("flooded", erl.self())
        super().init()

    @on_cast
    async def work(self) -> None:
        message: Any = await erl.receive(lambda message: message[0] == "EXIT")
        raise Exit(message[2])
