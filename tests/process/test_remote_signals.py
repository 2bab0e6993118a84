"""Signals to and from another node, as control messages: no network, what is sent is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from process_tools import THERE, Others, idle, process_of, reason_of, settled, trapping

import pyerlnode.process as erl
from pyerlnode.process import Request, Runtime, this_process
from pyerlnode.protocol.control import (
    AliasSend,
    Demonitor,
    Exit,
    Exit2,
    GroupLeader,
    Link,
    Monitor,
    MonitorExit,
    RegSend,
    Send,
    SpawnReply,
    SpawnRequest,
    Unlink,
    UnlinkAck,
)
from pyerlnode.term import Atom, Pid, Reference

if TYPE_CHECKING:
    import asyncio

WHY, NORMAL = Atom("why"), Atom("normal")


@pytest.fixture
def others(runtime: Runtime) -> Others:
    return Others(runtime)


# --- messages ---------------------------------------------------------------------------


async def test_messages_leave_by_pid_alias_and_name(others: Others) -> None:
    pid, ref, me = others.pid(), others.ref(), erl.self()
    erl.send(pid, 1)
    erl.send(ref, 2)
    erl.send(("server", THERE), 3)
    assert others.take() == [Send(me, pid, 1), AliasSend(me, ref, 2), RegSend(me, Atom("server"), 3)]


async def test_messages_arrive_by_pid_alias_and_name(others: Others) -> None:
    me = erl.self()
    erl.register("me", me)
    ref = erl.alias()
    others.receive(Send(None, me, 1))
    others.receive(RegSend(others.pid(), Atom("me"), 2))
    others.receive(AliasSend(others.pid(), ref, 3))
    assert [await erl.receive(timeout=0) for _ in range(3)] == [1, 2, 3]


async def test_messages_for_nobody_are_dropped(others: Others, runtime: Runtime) -> None:
    others.receive(Send(None, Pid(runtime.name, 999, 0, runtime.creation), 1))
    others.receive(Send(None, Pid(runtime.name, 1, 0, runtime.creation + 1), 1))
    others.receive(RegSend(others.pid(), Atom("nobody"), 1))
    others.receive(AliasSend(others.pid(), Reference(runtime.name, runtime.creation, (9, 0, 1)), 1))
    assert others.take() == []


# --- links --------------------------------------------------------------------------------


async def test_a_link_and_its_end_here(others: Others) -> None:
    async def links() -> None:
        erl.link(others.pid())
        erl.link(others.pid())
        await idle()

    pid = erl.spawn(links)
    await settled()
    assert others.take() == [Link(pid, others.pid())]
    erl.exit(pid, WHY)
    assert others.take() == [Exit(pid, others.pid(), WHY)]


async def test_a_link_and_its_end_there(others: Others) -> None:
    quiet, trapped = erl.spawn(idle), erl.spawn(trapping)
    await settled()
    for pid in (quiet, trapped):
        others.receive(Link(others.pid(), pid))
        others.receive(Exit(others.pid(), pid, WHY))
        others.receive(Exit(others.pid(), pid, WHY))
    assert not erl.is_alive(quiet)
    assert list(process_of(trapped).mailbox or ()) == [("EXIT", others.pid(), "why")]
    assert others.take() == []


async def test_linking_the_dead_from_there(others: Others) -> None:
    pid = erl.spawn(idle)
    erl.exit(pid, Atom("kill"))
    others.receive(Link(others.pid(), pid))
    assert others.take() == [Exit(pid, others.pid(), Atom("noproc"))]


async def test_no_exit_comes_through_a_link_that_was_taken_away(others: Others) -> None:
    pid = erl.spawn(trapping)
    await settled()
    process = process_of(pid)
    others.receive(Link(others.pid(), pid))
    assert process.links is not None
    process.links.unlink(others.pid())
    (unlink,) = others.take()
    assert isinstance(unlink, Unlink)
    assert (unlink.sender, unlink.to) == (pid, others.pid())
    assert unlink.id > 0
    others.receive(Exit(others.pid(), pid, WHY))
    assert not process.mailbox
    # The acknowledgement of another one means nothing; that of this one ends it.
    others.receive(UnlinkAck(unlink.id + 1, others.pid(), pid))
    others.receive(Link(others.pid(), pid))
    assert process.links.active() == []
    others.receive(UnlinkAck(unlink.id, others.pid(), pid))
    others.receive(Link(others.pid(), pid))
    assert process.links.active() == [others.pid()]


async def test_an_unlink_is_acknowledged_for_the_living_and_the_dead(others: Others) -> None:
    pid = erl.spawn(idle)
    others.receive(Link(others.pid(), pid))
    others.receive(Unlink(5, others.pid(), pid))
    assert others.take() == [UnlinkAck(5, pid, others.pid())]
    others.receive(Exit(others.pid(), pid, WHY))
    assert erl.is_alive(pid)
    erl.exit(pid, Atom("kill"))
    assert others.take() == []
    others.receive(Unlink(6, others.pid(), pid))
    assert others.take() == [UnlinkAck(6, pid, others.pid())]


# --- exit signals ---------------------------------------------------------------------------


async def test_exit_signals_leave_and_arrive(others: Others) -> None:
    me = erl.self()
    assert erl.exit(others.pid(), WHY)
    assert others.take() == [Exit2(me, others.pid(), WHY)]
    by_pid, by_name, trapped = erl.spawn(idle), erl.spawn(idle), erl.spawn(trapping)
    await settled()
    erl.register("named", by_name)
    others.receive(Exit2(others.pid(), by_pid, NORMAL))
    assert erl.is_alive(by_pid)
    others.receive(Exit2(others.pid(), by_pid, WHY))
    others.receive(Exit2(others.pid(), Atom("named"), WHY))
    others.receive(Exit2(others.pid(), trapped, Atom("killed")))
    assert [erl.is_alive(pid) for pid in (by_pid, by_name, trapped)] == [False, False, True]
    ref = erl.monitor(trapped)
    others.receive(Exit2(others.pid(), trapped, Atom("kill")))
    assert await erl.receive(timeout=0) == ("DOWN", ref, "process", trapped, "killed")


# --- monitors -------------------------------------------------------------------------------


async def test_monitors_of_processes_there(others: Others) -> None:
    me = erl.self()
    by_pid, by_name = erl.monitor(others.pid()), erl.monitor(("server", THERE))
    assert others.take() == [Monitor(me, others.pid(), by_pid), Monitor(me, Atom("server"), by_name)]
    others.receive(MonitorExit(others.pid(), me, by_pid, WHY))
    others.receive(MonitorExit(Atom("server"), me, by_name, NORMAL))
    others.receive(MonitorExit(others.pid(), me, by_pid, WHY))
    assert await erl.receive(timeout=0) == ("DOWN", by_pid, "process", others.pid(), "why")
    assert await erl.receive(timeout=0) == ("DOWN", by_name, "process", ("server", THERE), "normal")
    third = erl.monitor(("server", THERE))
    erl.demonitor(third)
    assert others.take() == [Monitor(me, Atom("server"), third), Demonitor(me, Atom("server"), third)]
    others.receive(MonitorExit(Atom("server"), me, third, WHY))
    with pytest.raises(TimeoutError):
        await erl.receive(timeout=0)


async def test_monitors_from_there(others: Others) -> None:
    pid = erl.spawn(idle)
    erl.register("named", pid)
    others.receive(Monitor(others.pid(), pid, others.ref(1)))
    others.receive(Monitor(others.pid(), Atom("named"), others.ref(2)))
    others.receive(Monitor(others.pid(), pid, others.ref(3)))
    others.receive(Demonitor(others.pid(), pid, others.ref(3)))
    others.receive(Monitor(others.pid(), Atom("nobody"), others.ref(4)))
    assert others.take() == [MonitorExit(Atom("nobody"), others.pid(), others.ref(4), Atom("noproc"))]
    erl.exit(pid, WHY)
    assert others.take() == [
        MonitorExit(pid, others.pid(), others.ref(1), WHY),
        MonitorExit(Atom("named"), others.pid(), others.ref(2), WHY),
    ]


async def test_the_end_of_a_process_gives_up_its_monitors_there(others: Others) -> None:
    async def monitors() -> None:
        erl.monitor(others.pid())
        await idle()

    pid = erl.spawn(monitors)
    await settled()
    (made,) = others.take()
    erl.exit(pid, Atom("kill"))
    assert isinstance(made, Monitor)
    assert others.take() == [Demonitor(pid, others.pid(), made.ref)]


# --- a node that goes ---------------------------------------------------------------------------


async def test_a_lost_node_is_noconnection_to_everybody_concerned(others: Others, runtime: Runtime) -> None:
    linked, trapped = erl.spawn(idle), erl.spawn(trapping)
    await settled()
    for pid in (linked, trapped):
        others.receive(Link(others.pid(), pid))
    watched = erl.spawn(idle)
    others.receive(Monitor(others.pid(), watched, others.ref()))
    ref = erl.monitor(("server", THERE))
    request = Request(this_process(), others.pid())
    erl.monitor_node(THERE, True)
    erl.monitor_node(THERE, True)
    others.take()
    others.connected = False
    runtime.node_down(THERE)
    await request.wait(0)
    assert request.down_reason == "noconnection"
    assert not erl.is_alive(linked)
    assert list(process_of(trapped).mailbox or ()) == [("EXIT", others.pid(), "noconnection")]
    messages = [await erl.receive(timeout=0) for _ in range(3)]
    assert ("DOWN", ref, "process", ("server", THERE), "noconnection") in messages
    assert messages.count(("nodedown", THERE)) == 2
    erl.exit(watched, WHY)
    assert others.take() == []
    assert not runtime.aliases


async def test_signals_that_cannot_be_sent(others: Others) -> None:
    others.connected = False
    me = erl.self()
    ref = erl.monitor(others.pid())
    pid = erl.spawn(trapping)
    await settled()
    assert process_of(pid).links is None
    erl.send(others.pid(), "lost")

    async def links() -> None:
        erl.link(others.pid())
        await idle()

    assert await reason_of(erl.spawn(links)) == "noconnection"
    assert await erl.receive(timeout=1) == ("DOWN", ref, "process", others.pid(), "noconnection")
    erl.monitor_node(THERE, True)
    assert await erl.receive(timeout=1) == ("nodedown", THERE)
    assert erl.self() == me


async def test_a_node_monitor_can_be_taken_back(others: Others, runtime: Runtime) -> None:
    erl.monitor_node(THERE, True)
    erl.monitor_node(THERE, False)
    erl.monitor_node(THERE, False)
    runtime.node_down(THERE)
    with pytest.raises(TimeoutError):
        await erl.receive(timeout=0)
    assert erl.nodes() == [THERE]
    assert erl.nodes("hidden") == []


# --- group leader and spawn -----------------------------------------------------------------------


async def test_group_leaders_cross_the_border(others: Others) -> None:
    pid = erl.spawn(idle)
    erl.group_leader(erl.self(), others.pid())
    assert others.take() == [GroupLeader(erl.self(), others.pid())]
    others.receive(GroupLeader(others.pid(2), pid))
    assert process_of(pid).group_leader == others.pid(2)


def request(others: Others, options: list[Any], args: Any = None) -> SpawnRequest:
    return SpawnRequest(
        others.ref(),
        others.pid(1),
        others.pid(2),
        Atom("m"),
        Atom("f"),
        len(args) if isinstance(args, list) else 1,
        [Atom(option) if isinstance(option, str) else option for option in options],
        [Atom("a")] if args is None else args,
    )


@pytest.mark.parametrize(
    ("options", "flags"), [([], 0), (["link"], 1), (["monitor"], 2), (["link", "monitor"], 3)]
)
async def test_a_spawn_request_is_answered_before_anything_of_the_process(
    others: Others, options: list[str], flags: int
) -> None:
    others.receive(request(others, options))
    (reply,) = others.take()
    assert isinstance(reply, SpawnReply)
    assert (reply.ref, reply.to, reply.flags) == (others.ref(), others.pid(1), flags)
    assert isinstance(reply.result, Pid)
    assert process_of(reply.result).group_leader == others.pid(2)
    await settled()
    reason = (Atom("undef"), [(Atom("m"), Atom("f"), [Atom("a")], [])])
    expected = [Exit(reply.result, others.pid(1), reason)] if flags & 1 else []
    if flags & 2:
        expected.append(MonitorExit(reply.result, others.pid(1), others.ref(), reason))  # type: ignore[arg-type]
    logged, *told = others.take()
    assert isinstance(logged, RegSend)
    assert logged.to == "logger_proxy"
    assert told == expected


async def test_a_spawned_function_runs_with_the_callers_group_leader(
    others: Others, runtime: Runtime
) -> None:
    seen: asyncio.Future[Any] = runtime.loop.create_future()

    def apply(function: Any, args: list[Any]) -> Any:
        async def run() -> None:
            seen.set_result((function.module, function.function, function.arity, args, erl.group_leader()))

        return run()

    runtime.apply_hook = apply
    others.receive(request(others, ["monitor"], [1, 2]))
    assert await seen == ("m", "f", 2, [1, 2], others.pid(2))
    await settled()
    _, down = others.take()
    assert isinstance(down, MonitorExit)
    assert down.reason == "normal"


@pytest.mark.parametrize("options", [["nonsense"], [(Atom("nonsense"), 1)], [1]])
async def test_an_unknown_spawn_option_is_badopt(
    others: Others, runtime: Runtime, options: list[Any]
) -> None:
    others.receive(request(others, options))
    assert others.take() == [SpawnReply(others.ref(), others.pid(1), 0, Atom("badopt"))]
    assert runtime.processes() == []


async def test_spawn_options_that_only_tune_a_beam_are_accepted(others: Others) -> None:
    options = [(Atom("priority"), Atom("high")), (Atom("min_heap_size"), 100), (Atom("async_dist"), True)]
    others.receive(request(others, options))
    (reply,) = others.take()
    assert isinstance(reply, SpawnReply)
    assert isinstance(reply.result, Pid)
    await settled()
