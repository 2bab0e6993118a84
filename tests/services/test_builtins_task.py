"""`Task` and `Task.Supervisor` as child specifications from Elixir name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import pyerlnode.process as erl
from pyerlnode import (
    Atom,
    DynamicSupervisor,
    ErlangError,
    Exit,
    Export,
    Module,
    Pid,
    Supervisor,
    Task,
    TaskSupervisor,
)
from pyerlnode.process import Runtime, current_runtime
from pyerlnode.services import builtins, modules

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TASK, TASK_SUPERVISOR = Atom("Elixir.Task"), Atom("Elixir.Task.Supervisor")
job = Module("BuiltinsTask.Job")


@job.export
def tell(to: Any, message: Any) -> Any:
    return erl.send(to, (message, erl.self(), erl.get(Atom("$initial_call"))))


@job.export
def nothing() -> Atom:
    return Atom("nothing")


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    made = Runtime("here@localhost", 7)
    current_runtime.set(made)
    builtins.load()
    made.apply_hook = modules.apply
    yield made
    await made.stop(Atom("shutdown"))


def called(module: Atom, function: str, *args: Any) -> Any:
    return modules.apply(Export(module, function, len(args)), list(args))


async def test_tasks_start_as_children(runtime: Runtime) -> None:
    sup = await DynamicSupervisor.start_link()
    work = [job.name, Atom("tell"), [erl.self(), Atom("up")]]
    child = {"id": "t", "start": (TASK, "start_link", work), "restart": "temporary"}
    pid = await DynamicSupervisor.start_child(sup, child)
    assert await erl.receive(timeout=5) == ("up", pid, (job.name, "tell", 2))
    fun = Export(job.name, "nothing", 0)
    assert isinstance(
        await DynamicSupervisor.start_child(sup, {**child, "start": (TASK, "start_link", [fun])}), Pid
    )
    assert called(TASK, "child_spec", fun) == {
        "id": TASK,
        "start": (TASK, "start_link", [fun]),
        "restart": "temporary",
    }
    kind, pid = called(TASK, "start", *work)
    assert kind == "ok"
    for wrong in ([Export(job.name, "tell", 2)], [Atom("x")], [job.name, Atom("tell"), Atom("x")]):
        with pytest.raises(ErlangError) as raised:
            called(TASK, "start", *wrong)
        assert raised.value.reason == "function_clause"


async def test_supervisors_start_as_children(runtime: Runtime) -> None:
    top = await Supervisor.start_link([], strategy="one_for_one")
    assert top is not None
    options = [(Atom("name"), Atom("Elixir.Extra")), (Atom("max_children"), 1), (Atom("shutdown"), 100)]
    spec = called(TASK_SUPERVISOR, "child_spec", options)
    assert spec == {
        "id": "Elixir.Extra",
        "start": (TASK_SUPERVISOR, "start_link", [options]),
        "type": "supervisor",
    }
    assert called(TASK_SUPERVISOR, "child_spec", [])[Atom("id")] == TASK_SUPERVISOR
    named = called(TASK_SUPERVISOR, "child_spec", [(Atom("name"), (Atom("global"), b"x"))])
    assert named[Atom("id")] == b"x"
    await Supervisor.start_child(top, {str(key): value for key, value in spec.items()})
    task = await TaskSupervisor.async_nolink("Elixir.Extra", erl.receive)
    assert await called(TASK_SUPERVISOR, "children", Atom("Elixir.Extra")) == [task.pid]
    with pytest.raises(Exit) as raised:
        await TaskSupervisor.async_nolink("Elixir.Extra", job.name, "nothing", [])
    assert raised.value.reason == "max_children"
    terminated = await called(TASK_SUPERVISOR, "terminate_child", Atom("Elixir.Extra"), task.pid)
    assert terminated == "ok"
    assert await Task.yield_(task) == ("exit", "shutdown")


async def test_wrong_options_of_a_supervisor(runtime: Runtime) -> None:
    erl.process_flag("trap_exit", True)
    kind, reason = await called(TASK_SUPERVISOR, "start_link", [(Atom("max_children"), -1)])
    assert (kind, reason) == ("error", ("supervisor_data", ("invalid_max_children", -1)))
    for wrong in ([1], Atom("x")):
        with pytest.raises(ErlangError) as raised:
            await called(TASK_SUPERVISOR, "start_link", wrong)
        assert raised.value.reason == "badarg"
    kind, pid = await called(TASK_SUPERVISOR, "start_link")
    assert (kind, await TaskSupervisor.children(pid)) == ("ok", [])
    # Neither does Elixir's look at this one.
    kind, _ = await called(TASK_SUPERVISOR, "start_link", [(Atom("restart"), Atom("often"))])
    assert kind == "ok"
