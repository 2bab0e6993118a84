"""simple_one_for_one: row B15 of the OTP rules."""

from __future__ import annotations

from typing import Any

import pytest
from otp_tools import reason_of, settled
from supervised import TRAIL, Announcer, Clock, Fails, Ignored, start, trail

import pyerlnode.process as erl
from pyerlnode.errors import Exit
from pyerlnode.otp import ChildSpec, GenServer, Supervisor
from pyerlnode.term import Atom, Pid

SPEC = ChildSpec("s", (Announcer, "start_link", []), restart="transient")


@pytest.fixture(autouse=True)
def _empty_trail() -> None:
    TRAIL.clear()


async def simple(spec: ChildSpec = SPEC, **options: Any) -> Pid:
    return await start(spec, strategy="simple_one_for_one", **options)


async def ask(sup: Pid, *request: Any) -> Any:
    return await GenServer.call(
        sup, (Atom(request[0]), *request[1:]) if len(request) > 1 else Atom(request[0])
    )


async def test_start_child_takes_more_arguments() -> None:
    sup = await simple()
    first = await Supervisor.start_child(sup, ["a"])
    second = await Supervisor.start_child(sup, ["b"])
    assert await GenServer.call(second, Atom("get")) == "b"
    assert await ask(sup, "which_children") == [
        ("undefined", pid, "worker", ["Announcer"]) for pid in (first, second)
    ]
    assert await ask(sup, "count_children") == [
        ("specs", 1),
        ("active", 2),
        ("supervisors", 0),
        ("workers", 2),
    ]


async def test_replies_to_failing_starts_are_bare() -> None:
    sup = await simple()
    assert await ask(sup, "start_child", ["a", Fails(1)]) == ("error", "no")
    kind, (tag, (reason, _)) = await ask(sup, "start_child", Atom("nolist"))
    assert (kind, tag, reason) == ("error", "EXIT", "badarg")
    ignoring = await simple(ChildSpec("i", (Ignored, "start_link", [])))
    assert await ask(ignoring, "start_child", []) == ("ok", "undefined")
    assert await ask(ignoring, "which_children") == []


async def test_requests_by_id_are_refused() -> None:
    sup = await simple()
    pid = await Supervisor.start_child(sup, ["a"])
    for request in ("terminate_child", "restart_child", "delete_child"):
        assert await ask(sup, request, Atom("s")) == ("error", "simple_one_for_one")
    assert await ask(sup, "restart_child", pid) == ("error", "simple_one_for_one")
    assert (await ask(sup, "get_childspec", Atom("s")))[1]["id"] == "s"
    assert (await ask(sup, "get_childspec", pid))[1]["restart"] == "transient"
    assert await ask(sup, "get_childspec", 5) == ("error", "not_found")


async def test_terminate_child_takes_a_pid() -> None:
    sup = await simple()
    pid = await Supervisor.start_child(sup, ["a"])
    assert await ask(sup, "terminate_child", pid) == "ok"
    assert not erl.is_alive(pid)
    assert await ask(sup, "terminate_child", pid) == "ok"  # it is dead: that is what was wanted
    assert await ask(sup, "terminate_child", erl.self()) == ("error", "not_found")
    assert await ask(sup, "which_children") == []


async def test_a_restart_uses_the_arguments_of_the_child() -> None:
    sup = await simple()
    for id in "ab":
        last = await Supervisor.start_child(sup, [id])
    erl.exit(last, "kill")
    pids = [pid for _, pid, _, _ in await Supervisor.which_children(sup)]
    assert [await GenServer.call(pid, Atom("get")) for pid in pids] == ["a", "b"]
    assert last not in pids
    await GenServer.stop(pids[0])
    assert len(await Supervisor.which_children(sup)) == 1


async def test_a_restart_that_fails_is_tried_again() -> None:
    fails = Fails(2, 3)
    sup = await simple(max_restarts=3)
    erl.exit(await Supervisor.start_child(sup, ["a", fails]), "kill")
    await settled()
    assert fails.starts == 4
    assert len(await Supervisor.which_children(sup)) == 1


async def test_too_many_restarts() -> None:
    clock = Clock()
    sup = await simple(max_restarts=1, clock=clock)
    erl.exit(await Supervisor.start_child(sup, ["a"]), "kill")
    ((_, pid, _, _),) = await Supervisor.which_children(sup)
    erl.exit(pid, "kill")
    assert await reason_of(sup) in ("shutdown", "noproc")


async def test_all_children_are_told_to_end_at_once() -> None:
    class Last(GenServer):
        def init(self, others: int) -> None:
            erl.process_flag("trap_exit", True)

        async def terminate(self, reason: Any) -> None:
            ending.append(erl.self())
            await erl.receive(lambda message: message == "all")

    async def frees() -> None:
        await settled()
        for pid in list(ending):
            erl.send(pid, "all")

    ending: list[Pid] = []
    sup = await simple(ChildSpec("last", (Last, "start_link", []), shutdown="infinity"))
    for number in range(5):
        await Supervisor.start_child(sup, [number])
    erl.spawn(frees)
    await Supervisor.stop(sup)
    assert len(ending) == 5


async def test_errors_in_python() -> None:
    sup = await simple()
    with pytest.raises(Exit) as failed:
        await Supervisor.start_child(sup, ["a", Fails(1)])
    assert failed.value.reason == "no"
    with pytest.raises(Exit) as refused:
        await Supervisor.delete_child(sup, "s")
    assert refused.value.reason == "simple_one_for_one"
    assert trail() == [("failed", "a")]
