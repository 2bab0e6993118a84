"""Links within a node: rows L of the OTP rules."""

from __future__ import annotations

from typing import Any

import pytest
from process_tools import idle, inside, process_of, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import ErlangError, Exit
from pyerlnode.term import Atom


async def dead() -> Any:
    pid = erl.spawn(idle)
    erl.exit(pid, Atom("kill"))
    return pid


async def test_linking_twice_gives_one_exit() -> None:
    async def body() -> Any:
        erl.process_flag("trap_exit", True)
        pid = erl.spawn(idle)
        assert erl.link(pid) and erl.link(pid)
        erl.exit(pid, Atom("why"))
        assert await erl.receive(timeout=0) == ("EXIT", pid, "why")
        with pytest.raises(TimeoutError):
            await erl.receive(timeout=0)

    await inside(body)


@pytest.mark.parametrize("who", ["first", "second"])
async def test_unlink_by_either_side_ends_it_for_both(who: str) -> None:
    async def links(other: Any) -> None:
        erl.link(other)
        if who == "first":
            erl.unlink(other)
        await idle()

    async def unlinks() -> None:
        erl.unlink(await erl.receive())
        await idle()

    second = erl.spawn(unlinks)
    first = erl.spawn(links, second)
    await settled()
    if who == "second":
        erl.send(second, first)
        await settled()
    erl.exit(first, Atom("why"))
    assert erl.is_alive(second)
    for pid in (first, second):
        process = erl.this_process().runtime.process(pid)
        assert process is None or process.links is None or process.links.active() == []


async def test_a_normal_end_does_not_take_others_along() -> None:
    async def ends() -> None:
        return

    async def body() -> Any:
        erl.spawn_link(ends)
        await settled()
        return "alive"

    assert await inside(body) == "alive"


async def test_an_end_takes_those_along_that_do_not_trap() -> None:
    async def fails() -> None:
        raise Exit(Atom("broken"))

    async def parent() -> None:
        erl.spawn_link(fails)
        await idle()

    assert await reason_of(erl.spawn(parent)) == "broken"


async def test_linking_to_a_dead_process_of_this_node() -> None:
    async def plain() -> Any:
        with pytest.raises(ErlangError) as failed:
            erl.link(await dead())
        return failed.value.reason

    async def traps() -> Any:
        erl.process_flag("trap_exit", True)
        pid = await dead()
        assert erl.link(pid) is True
        return await erl.receive(timeout=0) == ("EXIT", pid, "noproc")

    assert await inside(plain) == "noproc"
    assert await inside(traps)


async def test_unlinking_what_is_not_linked_is_nothing() -> None:
    assert erl.unlink(await dead()) is True
    assert erl.unlink(erl.self()) is True
    assert erl.link(erl.self()) is True


async def test_a_dead_process_is_in_nobodys_table() -> None:
    async def body() -> Any:
        pid = erl.spawn_link(idle)
        erl.register("named", pid)
        ref = erl.monitor(pid)
        erl.unlink(pid)
        erl.exit(pid, Atom("why"))
        assert erl.whereis("named") is None
        assert await erl.receive(timeout=0) == ("DOWN", ref, "process", pid, "why")
        me = process_of(erl.self())
        assert me.links is not None and me.links.active() == []
        assert me.monitors is not None and not me.monitors.watching

    await inside(body)
