"""Monitors and aliases within a node: rows M and A of the OTP rules."""

from __future__ import annotations

from typing import Any

import pytest
from process_tools import idle, inside, settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg
from pyerlnode.process import Process, Request, Runtime, this_process
from pyerlnode.term import Atom, Pid, Reference


async def quiet() -> bool:
    """Whether no message is there."""
    with pytest.raises(TimeoutError):
        await erl.receive(timeout=0)
    return True


async def test_down_names_what_was_monitored(runtime: Runtime) -> None:
    pid = erl.spawn(idle)
    erl.register("server", pid)
    refs = [erl.monitor(item) for item in (pid, "server", ("server", runtime.name))]
    assert len(set(refs)) == 3
    erl.exit(pid, Atom("why"))
    name = (Atom("server"), runtime.name)
    for ref, item in zip(refs, (pid, name, name), strict=True):
        assert await erl.receive(timeout=0) == ("DOWN", ref, "process", item, "why")
    assert await quiet()


async def test_what_is_not_there_is_noproc_at_once(runtime: Runtime) -> None:
    pid = erl.spawn(idle)
    erl.exit(pid, Atom("kill"))
    other_life = Pid(runtime.name, 1, 0, runtime.creation + 1)
    for item, seen in ((pid, pid), ("nobody", ("nobody", runtime.name)), (other_life, other_life)):
        ref = erl.monitor(item)
        assert await erl.receive(timeout=0) == ("DOWN", ref, "process", seen, "noproc")


async def test_another_node_without_a_network_is_noconnection() -> None:
    ref = erl.monitor(("server", "there@localhost"))
    down = ("DOWN", ref, "process", ("server", "there@localhost"), "noconnection")
    assert await erl.receive(timeout=1) == down


@pytest.mark.parametrize("ref", [Atom("ref"), 5, [], erl.self])
async def test_what_is_no_reference_is_badarg(ref: Any) -> None:
    for function in (erl.demonitor, erl.unalias):
        with pytest.raises(BadArg):
            function(ref)


async def test_a_reference_of_another_node_is_no_monitor() -> None:
    with pytest.raises(BadArg):
        erl.demonitor(Reference(Atom("away@localhost"), 1, (1, 2, 3)))


async def test_nobody_hears_of_its_own_node(runtime: Runtime) -> None:
    assert erl.monitor_node(runtime.name, True) is True
    assert await quiet()
    with pytest.raises(BadArg):
        erl.process_flag("trap_exit", "maybe")  # type: ignore[arg-type]


async def test_demonitor() -> None:
    pid = erl.spawn(idle)
    ref = erl.monitor(pid)
    assert erl.demonitor(ref) is True
    assert erl.demonitor(ref) is False
    erl.exit(pid, Atom("why"))
    assert await quiet()
    ref = erl.monitor(pid)
    assert erl.demonitor(ref, flush=True) is False
    assert await quiet()


async def test_a_tag_takes_the_place_of_down() -> None:
    ref = erl.monitor("nobody", tag=(Atom("my"), 1))
    assert (await erl.receive(timeout=0))[:2] == (("my", 1), ref)


async def test_monitoring_oneself_never_gives_a_message() -> None:
    ref = erl.monitor(erl.self())
    assert await quiet()
    assert erl.demonitor(ref)


async def test_what_cannot_be_monitored() -> None:
    for item in (1, ("a",), ("a", 1), b"name"):
        with pytest.raises(BadArg):
            erl.monitor(item)  # type: ignore[arg-type]
    with pytest.raises(BadArg, match="alias"):
        erl.monitor(erl.self(), alias="reply")


async def test_an_alias_is_sent_to_until_unalias() -> None:
    ref = erl.alias()
    erl.send(ref, 1)
    erl.send(ref, 2)
    assert [await erl.receive(timeout=0), await erl.receive(timeout=0)] == [1, 2]
    assert (erl.unalias(ref), erl.unalias(ref)) == (True, False)
    erl.send(ref, 3)
    assert await quiet()


async def test_a_reply_alias_takes_one_message() -> None:
    ref = erl.alias(reply=True)
    erl.send(ref, 1)
    erl.send(ref, 2)
    assert await erl.receive(timeout=0) == 1
    assert await quiet()
    assert erl.unalias(ref) is False


async def test_aliases_of_others_are_not_ones_own_to_void() -> None:
    async def body() -> Any:
        return erl.alias()

    assert erl.unalias(await inside(body)) is False


@pytest.mark.parametrize(
    ("mode", "after_demonitor", "after_message", "after_down"),
    [
        ("explicit_unalias", True, True, True),
        ("demonitor", False, True, False),
        ("reply_demonitor", False, False, False),
    ],
)
async def test_how_long_the_alias_of_a_monitor_lives(
    runtime: Runtime, mode: str, after_demonitor: bool, after_message: bool, after_down: bool
) -> None:
    pid = erl.spawn(idle)
    ref = erl.monitor(pid, alias=mode)
    erl.demonitor(ref)
    assert (ref in runtime.aliases) is after_demonitor
    ref = erl.monitor(pid, alias=mode)
    erl.send(ref, "message")
    assert await erl.receive(timeout=0) == "message"
    assert (ref in runtime.aliases) is after_message
    # The message of a reply_demonitor has ended the monitor as well.
    assert erl.demonitor(ref) is (mode != "reply_demonitor")
    ref = erl.monitor(pid, alias=mode)
    erl.exit(pid, Atom("why"))
    assert (await erl.receive(timeout=0))[1] == ref
    assert (ref in runtime.aliases) is after_down


async def test_nothing_is_left_of_a_request_however_it_ends(runtime: Runtime) -> None:
    server = erl.spawn(idle)
    await settled()

    def tables() -> tuple[int, int, int]:
        process: Process | None = runtime.process(server)
        watched = len(process.monitors.watched_by) if process is not None and process.monitors else 0
        mine = this_process().monitors
        return len(runtime.aliases), watched, len(mine.watching) if mine is not None else 0

    answered = Request(this_process(), server)
    erl.send(answered.ref, "answer")
    erl.send(answered.ref, "late")
    await answered.wait(1)
    assert answered.message == "answer"
    slow = Request(this_process(), server)
    await slow.wait(0.01)
    assert not slow.replied and not slow.is_down
    erl.send(slow.ref, "late")
    abandoned = Request(this_process(), server)
    abandoned.close()
    assert tables() == (0, 0, 0)
    down = Request(this_process(), server)
    erl.exit(server, Atom("why"))
    await down.wait(None)
    assert down.down_reason == "why"
    assert tables() == (0, 0, 0)
    assert await quiet()


async def test_the_requests_of_a_process_end_with_it(runtime: Runtime) -> None:
    server = erl.spawn(idle)

    async def asks() -> None:
        await Request(this_process(), server).wait(None)

    asking = erl.spawn(asks)
    await settled()
    assert len(runtime.aliases) == 1
    erl.exit(asking, Atom("kill"))
    assert not runtime.aliases
    process = runtime.process(server)
    assert process is not None and process.monitors is not None and not process.monitors.watched_by
