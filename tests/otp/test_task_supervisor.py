"""TaskSupervisor: what a client in Python asks of one (rows K1 to K9, W2, W8, W9)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import inside, process_of, reason_of, settled
from task_tools import NEVER, add, apply, forever, got, leave, mailbox, told

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, Exit, NodeDown, NoProc
from pyerlnode.otp import Supervisor, Task, TaskSupervisor
from pyerlnode.otp.task.supervisor import start_task_supervisor
from pyerlnode.term import Atom, Export, Pid

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

SUP = "Elixir.Chat.TaskSupervisor"


@pytest.fixture(autouse=True)
def _hook(runtime: Runtime) -> None:
    runtime.apply_hook = apply


async def start(**options: Any) -> Pid:
    result = await start_task_supervisor(options, link=False, name=SUP)
    pid: Pid = result[1]
    return pid


async def test_a_supervisor_is_known_by_name_pid_and_place() -> None:
    pid = await TaskSupervisor.start_link(SUP)
    for ref in (SUP, pid, (SUP, "here@localhost")):
        assert await Task.await_(await TaskSupervisor.async_(ref, add, 1, 2)) == 3
    assert await mailbox() == []
    with pytest.raises(Exit) as raised:
        await TaskSupervisor.start_link(SUP)
    assert raised.value.reason == ("already_started", pid)


async def test_every_form_of_a_function() -> None:
    sup = await start()
    for work in ((add, 1, 2), ("Elixir.M", "add", [1, 2]), (Export("Elixir.M", "add", 2), 1, 2)):
        task = await TaskSupervisor.async_nolink(sup, *work)
        assert await Task.await_(task) == 3
        assert task.mfa[1:] == ("add", 2)


async def test_async_links_and_async_nolink_does_not() -> None:
    sup = await start()
    up = erl.self()

    async def caller(begin: Any) -> None:
        await begin(sup, told, up, Atom("up"))
        await forever()

    for begin, ends in ((TaskSupervisor.async_, True), (TaskSupervisor.async_nolink, False)):
        owner = erl.spawn(caller, begin)
        pid = await got("up")
        await settled()
        erl.exit(owner, "bang")
        await settled()
        assert (pid in await TaskSupervisor.children(sup)) is not ends
    assert await TaskSupervisor.terminate_child(sup, pid) == "ok"
    with pytest.raises(Exit) as raised:
        await TaskSupervisor.terminate_child(sup, pid)
    assert raised.value.reason == "not_found"


async def test_tasks_end_with_their_supervisor() -> None:
    sup = await start()
    pid = await TaskSupervisor.start_child(sup, told, erl.self(), Atom("up"))
    assert await got("up") == pid
    ended = erl.monitor(pid)
    await Supervisor.stop(sup)
    message: Any = await erl.receive(timeout=5)
    assert message == ("DOWN", ended, "process", pid, "shutdown")


async def test_children_that_nobody_waits_for() -> None:
    sup = await start(max_restarts=10)
    for restart in (None, "temporary"):
        pid = await TaskSupervisor.start_child(sup, told, erl.self(), Atom("up"), restart=restart)
        assert await got("up") == pid
        erl.exit(pid, "kill")
    pid = await TaskSupervisor.start_child(sup, told, erl.self(), Atom("up"), restart="transient")
    assert await got("up") == pid
    erl.exit(pid, "kill")
    again = await got("up")
    assert await TaskSupervisor.children(sup) == [again]
    await TaskSupervisor.terminate_child(sup, again)
    assert await mailbox() == []


async def test_a_default_of_restarting_is_asked_for_a_second_time() -> None:
    sup = await start(restart="permanent", max_restarts=10)
    pid = await TaskSupervisor.start_child(sup, told, erl.self(), Atom("up"))
    assert await got("up") == pid
    erl.exit(pid, "kill")
    assert await got("up") != pid


async def test_too_many() -> None:
    sup = await start(max_children=1)
    task = await TaskSupervisor.async_nolink(sup, forever)
    for begin in (TaskSupervisor.async_, TaskSupervisor.async_nolink, TaskSupervisor.start_child):
        with pytest.raises(Exit) as raised:
            await begin(sup, add, 1, 2)
        assert raised.value.reason == "max_children"
    with pytest.raises(Exit) as raised:
        async for _ in TaskSupervisor.async_stream(sup, [1], add, 1):
            raise AssertionError("there is no result")
    assert raised.value.reason == "max_children"
    assert await Task.shutdown(task) is None
    assert await mailbox() == []


async def test_nobody_there() -> None:
    for sup, error in (("nobody", NoProc), (("nobody", "gone@localhost"), NodeDown)):
        with pytest.raises(error):
            await TaskSupervisor.async_(sup, "Elixir.M", "add", [1, 2])
        with pytest.raises(error):
            async for _ in TaskSupervisor.async_stream(sup, [1], "Elixir.M", "add", [1]):
                raise AssertionError("there is no result")
    assert await mailbox() == []


async def test_a_python_function_does_not_leave_its_node() -> None:
    far = (SUP, "kate@localhost")
    for begin in (TaskSupervisor.async_, TaskSupervisor.async_nolink, TaskSupervisor.start_child):
        with pytest.raises(BadArg, match="another node"):
            await begin(far, add, 1, 2)
    with pytest.raises(BadArg, match="another node"):
        async for _ in TaskSupervisor.async_stream_nolink(far, [1], add, 1):
            raise AssertionError("there is no result")


@pytest.mark.parametrize(
    "options",
    [
        {"max_children": -1},
        {"strategy": "one_for_all"},
        {"restart": "often"},
        {"shutdown": -1},
        {"shutdown": "later"},
        {"shutdown": True},
    ],
    ids=repr,
)
async def test_wrong_options(options: Any) -> None:
    with pytest.raises(BadArg):
        await TaskSupervisor.start_link(**options)
    with pytest.raises(BadArg):
        TaskSupervisor.child(SUP, **options)


async def test_wrong_options_of_a_task() -> None:
    sup = await start()
    with pytest.raises(BadArg):
        await TaskSupervisor.start_child(sup, add, 1, 2, restart="often")
    with pytest.raises(BadArg):
        await TaskSupervisor.async_(sup, add, 1, 2, shutdown=-1)
    assert await TaskSupervisor.children(sup) == []


async def test_as_a_child() -> None:
    top = await Supervisor.start_link(
        [TaskSupervisor.child(SUP, max_children=1), TaskSupervisor.child(id="second"), TaskSupervisor],
        strategy="one_for_one",
    )
    assert top is not None
    kinds = [(id, kind, modules) for id, _, kind, modules in await Supervisor.which_children(top)]
    module = "Elixir.Task.Supervisor"
    assert kinds == [(id, "supervisor", [module]) for id in (module, "second", SUP)]
    await TaskSupervisor.async_nolink(SUP, forever)
    with pytest.raises(Exit):
        await TaskSupervisor.start_child(SUP, forever)


async def test_the_time_that_a_task_has_to_end() -> None:
    sup = await start()
    cleaned = asyncio.Event()

    async def cleans() -> None:
        erl.process_flag("trap_exit", True)
        erl.send(up, (Atom("up"), erl.self()))
        await erl.receive()
        cleaned.set()

    async def stays() -> None:
        erl.process_flag("trap_exit", True)
        erl.send(up, (Atom("up"), erl.self()))
        await forever()

    up = erl.self()
    first = await TaskSupervisor.async_nolink(sup, cleans, shutdown=NEVER)
    second = await TaskSupervisor.async_nolink(sup, stays, shutdown=0.01)
    third = await TaskSupervisor.async_nolink(sup, stays, shutdown="brutal_kill")
    for _ in range(3):
        await got("up")
    await Supervisor.stop(sup)
    assert cleaned.is_set()
    assert [await Task.yield_(task) for task in (first, second, third)] == [
        ("ok", None),
        ("exit", "killed"),
        ("exit", "killed"),
    ]


async def test_a_linked_crash_ends_the_caller() -> None:
    sup = await start()

    async def caller() -> None:
        await Task.await_(await TaskSupervisor.async_(sup, leave, "boom"))

    pid = erl.spawn(caller)
    assert await reason_of(pid) == "boom"
    assert process_of(sup).alive
    with pytest.raises(Exit) as raised:
        await inside(nolink_caller, sup)
    assert raised.value.reason[0] == "boom"


async def nolink_caller(sup: Pid) -> None:
    await Task.await_(await TaskSupervisor.async_nolink(sup, leave, "boom"))
