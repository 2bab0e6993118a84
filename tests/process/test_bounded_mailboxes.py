"""Mailboxes that take so many messages and no more."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from clusters import until
from process_tools import SECONDS, THERE, Others, idle, process_of, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, Exit
from pyerlnode.process.process import ALIVE
from pyerlnode.protocol.control import Monitor, MonitorExit, RegSend, Send, SpawnReply
from pyerlnode.services.process_info import process_info
from pyerlnode.term import Atom, ImproperList, Pid

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.process import Process, Runtime
    from pyerlnode.process.bounded import MaxMailbox

DROP_OLD = (3, "drop_old")
KEEPING = [3, DROP_OLD]


def waiting(pid: Pid) -> list[Any]:
    return [*(process_of(pid).mailbox or ())]


def bound_of(pid: Pid) -> Any:
    return process_info(process_of(pid).runtime, pid, Atom("max_mailbox"))[1]


def spawned(max_mailbox: MaxMailbox | None) -> Pid:
    """A process that takes no message, so that all wait."""
    return erl.spawn(idle, max_mailbox=max_mailbox)


class Busy:
    """A behaviour that handles its first message for ever."""

    def start(self, process: Process) -> None:
        pass

    def message(self, message: object) -> Any:
        return asyncio.Event().wait()


# --- the policies ---------------------------------------------------------------------------


async def test_new_messages_are_lost_when_so_many_wait() -> None:
    pid = spawned(3)
    for number in range(8):
        erl.send(pid, number)
    assert waiting(pid) == [0, 1, 2]
    assert bound_of(pid) == {"size": 3, "policy": "drop_new", "dropped": 5}


async def test_or_the_oldest_are() -> None:
    pid = spawned(DROP_OLD)
    for number in range(8):
        erl.send(pid, number)
    assert waiting(pid) == [5, 6, 7]
    assert bound_of(pid) == {"size": 3, "policy": "drop_old", "dropped": 5}


async def test_or_the_process_ends(caplog: pytest.LogCaptureFixture) -> None:
    erl.process_flag("trap_exit", True)
    pid = erl.spawn_link(idle, max_mailbox=(3, "kill"))
    for number in range(3):
        erl.send(pid, number)
    assert erl.is_alive(pid)
    erl.send(pid, 3)
    assert not erl.is_alive(pid)
    assert await erl.receive(timeout=SECONDS) == ("EXIT", pid, ("killed", "mailbox_limit"))
    (record,) = caplog.records
    assert record.name == "pyerlnode.process" and record.levelname == "ERROR"
    assert record.getMessage() == f"<Process {pid}> is killed: 3 messages wait, as many as may"


@pytest.mark.parametrize("policy", ["drop_new", "drop_old", "kill"])
async def test_who_keeps_up_loses_nothing(policy: str) -> None:
    seen: list[Any] = []

    async def keeps_up() -> None:
        while True:
            seen.append(await erl.receive())

    pid = erl.spawn(keeps_up, max_mailbox=(2, policy))
    for number in range(0, 20, 2):
        erl.send(pid, number)
        erl.send(pid, number + 1)
        await settled()
    assert seen == [*range(20)]
    assert bound_of(pid) == {"size": 2, "policy": policy, "dropped": 0}


async def test_there_is_no_bound_but_the_one_that_was_asked_for() -> None:
    pid = spawned(None)
    for number in range(1000):
        erl.send(pid, number)
    assert waiting(pid) == [*range(1000)]
    assert bound_of(pid) == "infinity"


async def test_a_behaviour_is_bounded_as_a_coroutine_is(runtime: Runtime) -> None:
    process = runtime.spawn(Busy())
    process.put(b"handled now")
    await settled()
    erl.process_flag("trap_exit", True)
    _bound(process, 2)
    for number in range(5):
        process.put(number)
    assert waiting(process.pid) == [0, 1]


def _bound(process: Process, max_mailbox: MaxMailbox) -> None:
    """Let a process of the test have a bound, as it could say itself."""
    context = process.context
    assert context is not None
    context.run(erl.process_flag, "max_mailbox", max_mailbox)


# --- what is no mail --------------------------------------------------------------------------


def _full(pid: Pid) -> None:
    for number in range(3):
        erl.send(pid, number)


@pytest.mark.parametrize("max_mailbox", [*KEEPING, (3, "kill")])
async def test_exits_and_downs_and_timers_and_replies_are_never_lost(
    runtime: Runtime, max_mailbox: MaxMailbox
) -> None:
    others = Others(runtime)
    made: dict[str, Any] = {}

    async def body() -> None:
        erl.process_flag("trap_exit", True)
        made["linked"] = erl.spawn_link(idle)
        made["pid"], made["ref"] = erl.spawn_monitor(idle)
        made["tag"] = erl.monitor(made["pid"], tag=Atom("tagged"))
        made["alias"] = erl.alias()
        made["spawned"] = erl.spawn_request(THERE, "m", "f", [])
        erl.monitor_node(THERE, True)
        await idle()

    pid = erl.spawn(body, max_mailbox=max_mailbox)
    await settled()
    _full(pid)
    erl.send_after(0.0, pid, Atom("tick"))
    erl.send(made["alias"], Atom("reply"))
    erl.send(pid, (Atom("system"), (erl.self(), Atom("tag")), Atom("get_state")))
    erl.exit(pid, Atom("please"))
    erl.exit(made["linked"], Atom("kill"))
    erl.exit(made["pid"], Atom("kill"))
    others.receive(SpawnReply(made["spawned"], pid, 0, others.pid()))
    others.connected = False
    runtime.node_down(THERE)
    await until(lambda: Atom("tick") in waiting(pid), SECONDS)
    arrived = [
        Atom("reply"),
        (Atom("system"), (erl.self(), Atom("tag")), Atom("get_state")),
        (Atom("EXIT"), erl.self(), Atom("please")),
        (Atom("EXIT"), made["linked"], Atom("killed")),
        (Atom("DOWN"), made["ref"], Atom("process"), made["pid"], Atom("killed")),
        (Atom("tagged"), made["tag"], Atom("process"), made["pid"], Atom("killed")),
        (Atom("spawn_reply"), made["spawned"], Atom("ok"), others.pid()),
        (Atom("nodedown"), THERE),
        Atom("tick"),
    ]
    for message in arrived:
        assert message in waiting(pid)
    if max_mailbox == (3, "kill"):
        assert waiting(pid)[:3] == [0, 1, 2]
        return
    # They stay, whatever else comes.
    for number in range(10, 20):
        erl.send(pid, number)
    left = [message for message in waiting(pid) if message in arrived]
    assert len(left) == len(arrived)
    mail = [message for message in waiting(pid) if message not in arrived]
    assert mail == ([0, 1, 2] if max_mailbox == 3 else [17, 18, 19])
    assert bound_of(pid)["dropped"] == 10


@pytest.mark.parametrize("max_mailbox", [*KEEPING, (3, "kill")])
async def test_what_a_process_sends_to_itself_is_not_lost(max_mailbox: MaxMailbox) -> None:
    async def body() -> None:
        erl.process_flag("trap_exit", True)
        for number in range(5):
            erl.send(erl.self(), number)
        await idle()

    pid = erl.spawn(body, max_mailbox=max_mailbox)
    await settled()
    assert waiting(pid) == [0, 1, 2, 3, 4]
    if max_mailbox != (3, "kill"):
        erl.send(pid, 5)
        assert waiting(pid) == [0, 1, 2, 3, 4]


async def test_what_a_task_of_it_sends_is() -> None:
    """Such as one that reads a socket."""

    async def source(to: Pid) -> None:
        for number in range(5):
            erl.send(to, number)

    async def body() -> None:
        task = asyncio.create_task(source(erl.self()))
        await task
        await idle()

    pid = erl.spawn(body, max_mailbox=3)
    async with asyncio.timeout(SECONDS):
        while not bound_of(pid)["dropped"]:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert waiting(pid) == [0, 1, 2]


async def test_thousands_that_stay_do_not_have_each_message_search_them() -> None:
    async def body() -> None:
        replies = erl.alias()
        made.append(replies)
        await idle()

    made: list[Any] = []
    pid = erl.spawn(body, max_mailbox=DROP_OLD)
    await settled()
    for number in range(100):
        erl.send(made[0], (Atom("reply"), number))
    for number in range(10):
        erl.send(pid, number)
    # Nobody looks for one behind them: the new ones are lost.
    assert waiting(pid) == [(Atom("reply"), number) for number in range(100)]
    assert bound_of(pid)["dropped"] == 10


async def test_what_was_taken_is_not_remembered() -> None:
    taken = 0

    async def body() -> None:
        nonlocal taken
        made.append(erl.alias())
        while True:
            await erl.receive()
            taken += 1

    made: list[Any] = []
    pid = erl.spawn(body, max_mailbox=DROP_OLD)
    await settled()
    for number in range(1000):
        erl.send(made[0], (Atom("reply"), number))
        await settled()
    assert taken == 1000
    mailbox = process_of(pid).mailbox
    assert mailbox is not None and mailbox.bound is not None
    assert len(mailbox.bound._kept) < 100


async def test_who_waits_for_it_is_woken_by_what_is_not_lost() -> None:
    woken: list[Any] = []

    async def body() -> None:
        made.append(erl.alias())
        woken.append(await erl.receive(lambda message: message == Atom("wanted")))

    made: list[Any] = []
    pid = erl.spawn(body, max_mailbox=3)
    await settled()
    _full(pid)
    erl.send(pid, Atom("wanted"))
    await settled()
    assert woken == []
    erl.send(made[0], Atom("wanted"))
    await settled()
    assert woken == [Atom("wanted")]


async def test_a_behaviour_is_woken_by_it_too(runtime: Runtime) -> None:
    class Notes:
        def start(self, process: Process) -> None:
            erl.process_flag("trap_exit", True)
            erl.process_flag("max_mailbox", 1)

        def message(self, message: object) -> None:
            seen.append(message)

    seen: list[Any] = []
    process = runtime.spawn(Notes())
    await settled()
    erl.exit(process.pid, Atom("please"))
    await settled()
    assert seen == [(Atom("EXIT"), erl.self(), Atom("please"))]


# --- selective receive ------------------------------------------------------------------------


async def test_what_a_receive_has_refused_still_waits() -> None:
    pid = spawned(3)
    for number in range(3):
        erl.send(pid, number)
        await settled()  # looked at, and refused
    erl.send(pid, 3)
    assert waiting(pid) == [0, 1, 2]


async def test_the_oldest_may_be_one_that_was_refused() -> None:
    found: list[Any] = []

    async def body() -> None:
        found.append(await erl.receive(lambda message: message == Atom("wanted")))
        while True:
            found.append(await erl.receive())

    pid = erl.spawn(body, max_mailbox=DROP_OLD)
    for number in range(5):
        erl.send(pid, number)
        await settled()
    erl.send(pid, Atom("wanted"))
    await settled()
    assert found == [Atom("wanted"), 3, 4]


# --- setting it --------------------------------------------------------------------------------


async def test_the_flag_can_be_read_set_and_taken_away() -> None:
    me = erl.self()
    assert erl.process_flag("max_mailbox", 2) is None
    assert erl.process_flag("max_mailbox", (1, "drop_old")) == (2, "drop_new")
    erl.spawn(_sends, me)
    await settled()
    assert waiting(me) == [9]
    assert erl.process_flag("max_mailbox", (4, "drop_new")) == (1, "drop_old")
    erl.spawn(_sends, me)
    await settled()
    assert waiting(me) == [9, 0, 1, 2]
    assert bound_of(me) == {"size": 4, "policy": "drop_new", "dropped": 16}
    assert erl.process_flag("max_mailbox", None) == (4, "drop_new")
    erl.spawn(_sends, me)
    await settled()
    assert len(waiting(me)) == 14 and bound_of(me) == "infinity"
    assert erl.process_flag("max_mailbox", None) is None


async def _sends(to: Pid) -> None:
    for number in range(10):
        erl.send(to, number)


@pytest.mark.parametrize(
    "value", [0, -1, True, 1.5, "3", (3,), (3, "drop"), (3, 4), (0, "kill"), [3, "kill"], (3, [])]
)
async def test_a_bound_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(BadArg, match="max_mailbox"):
        erl.process_flag("max_mailbox", value)
    before = len(erl.this_process().runtime.processes())
    with pytest.raises(BadArg, match="max_mailbox"):
        erl.spawn(idle, max_mailbox=value)
    assert len(erl.this_process().runtime.processes()) == before


async def test_a_process_of_another_node_cannot_be_bounded_from_here() -> None:
    spawn: Callable[..., Any]
    for spawn in (erl.spawn, erl.spawn_link, erl.spawn_monitor):
        with pytest.raises(BadArg, match="of this node"):
            spawn(THERE, "m", "f", [], max_mailbox=3)


async def test_it_holds_before_the_first_turn() -> None:
    pid, ref = erl.spawn_monitor(idle, max_mailbox=2)
    for number in range(4):
        erl.send(pid, number)
    assert waiting(pid) == [0, 1]
    assert erl.demonitor(ref)


async def test_one_that_has_ended_has_no_mailbox() -> None:
    async def body() -> None:
        try:
            erl.exit(erl.self(), Atom("kill"))
        finally:
            with pytest.raises(Exit):
                erl.process_flag("max_mailbox", 3)
            made.append(erl.this_process())

    made: list[Process] = []
    assert await reason_of(erl.spawn(body)) in ("killed", "noproc")
    await settled()
    assert made[0].exit_reason is not ALIVE and made[0].mailbox is None


# --- what is said ------------------------------------------------------------------------------


async def test_it_is_logged_when_it_begins_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pyerlnode.process")
    go = asyncio.Event()

    async def body() -> None:
        while True:
            await go.wait()
            go.clear()
            for _ in range(3):
                await erl.receive()

    def lines() -> list[tuple[str, str]]:
        found = [(record.levelname, record.getMessage()) for record in caplog.records]
        caplog.clear()
        return found

    pid = erl.spawn(body, max_mailbox=4)
    who = f"<Process {pid}>"
    for number in range(50):
        erl.send(pid, number)
    begins = ("WARNING", f"{who} does not keep up: 4 messages wait, new ones are lost")
    assert lines() == [begins]
    go.set()
    await settled()
    erl.send(pid, 50)
    assert lines() == [("INFO", f"{who} has caught up; 46 messages were lost")]
    for number in range(3):
        erl.send(pid, number)
    await settled()
    # One that is free and taken again is no new spell, half of them are.
    process_of(pid).mailbox.pop()  # type: ignore[union-attr]
    for number in range(10):
        erl.send(pid, number)
    assert lines() == [begins]
    process_of(pid).mailbox.pop()  # type: ignore[union-attr]
    for number in range(10):
        erl.send(pid, number)
    assert lines() == []


async def test_many_that_are_flooded_do_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(30):
        await _sends(spawned(1))
    assert len(caplog.records) == 10


# --- requests ----------------------------------------------------------------------------------


def _call(others: Others, to: Pid | Atom, number: int) -> None:
    """What gen.erl sends for a call."""
    asker, ref = others.pid(number), others.ref(number)
    others.receive(Monitor(asker, to, ref))
    message = (Atom("$gen_call"), (asker, ImproperList((Atom("alias"),), ref)), number)
    others.receive(RegSend(asker, to, message) if isinstance(to, Atom) else Send(asker, to, message))


async def test_who_asks_from_another_node_is_told_that_the_request_is_lost(runtime: Runtime) -> None:
    others = Others(runtime)
    pid = spawned(1)
    erl.register("busy", pid)
    _call(others, pid, 1)
    _call(others, pid, 2)
    _call(others, Atom("busy"), 3)
    await settled()
    assert others.take() == [
        MonitorExit(pid, others.pid(2), others.ref(2), Atom("mailbox_full")),
        MonitorExit(Atom("busy"), others.pid(3), others.ref(3), Atom("mailbox_full")),
    ]
    monitors = process_of(pid).monitors
    assert monitors is not None and [*monitors.watched_by] == [others.ref(1)]
    # Of those, nobody is told again when it ends.
    erl.exit(pid, Atom("kill"))
    assert others.take() == [MonitorExit(pid, others.pid(1), others.ref(1), Atom("killed"))]


async def test_the_oldest_request_is_lost_too(runtime: Runtime) -> None:
    others = Others(runtime)
    pid = spawned((1, "drop_old"))
    _call(others, pid, 1)
    _call(others, pid, 2)
    await settled()
    assert others.take() == [MonitorExit(pid, others.pid(1), others.ref(1), Atom("mailbox_full"))]
    assert waiting(pid)[0][2] == 2


async def test_no_monitor_fires_but_that_of_the_request(runtime: Runtime) -> None:
    others = Others(runtime)
    pid = spawned(1)
    erl.send(pid, 0)
    others.receive(Monitor(others.pid(1), pid, others.ref(1)))
    tag = ImproperList((Atom("alias"),), others.ref(1))
    for message in (
        (Atom("$gen_call"), (others.pid(2), tag), 1),  # of somebody else
        (Atom("$gen_call"), (others.pid(1), others.ref(1)), 1),  # not made for a request
        (Atom("$gen_call"), (others.pid(1), ImproperList((Atom("alias"),), others.ref(2))), 1),
        (Atom("$gen_call"), others.pid(1), 1),
        (Atom("$gen_cast"), (others.pid(1), tag)),
    ):
        others.receive(Send(others.pid(1), pid, message))
    await settled()
    assert others.take() == []
    assert bound_of(pid)["dropped"] == 5


async def test_a_request_whose_process_ends_meanwhile_is_told_that_once(runtime: Runtime) -> None:
    others = Others(runtime)
    pid = spawned(1)
    _call(others, pid, 1)
    _call(others, pid, 2)
    erl.exit(pid, Atom("kill"))
    await settled()
    assert others.take() == [
        MonitorExit(pid, others.pid(number), others.ref(number), Atom("killed")) for number in (1, 2)
    ]
