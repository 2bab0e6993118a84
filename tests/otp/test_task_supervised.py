"""What runs in the process of a task: rows W1, W4, W10, W12, W13, P23, P24 of the OTP rules."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import inside, process_of, reason_of, settled
from task_tools import add, apply, forever, leave, mailbox

import pyerlnode.process as erl
from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.otp import GenServer, Task, TaskSupervisor
from pyerlnode.otp.task import supervised as task_supervised
from pyerlnode.otp.task.supervisor import start_task_supervisor
from pyerlnode.term import Atom, Export, Pid, encode

if TYPE_CHECKING:
    from pyerlnode.process import Runtime


@pytest.fixture(autouse=True)
def _hook(runtime: Runtime) -> None:
    runtime.apply_hook = apply


@pytest.fixture
async def sup(runtime: Runtime) -> Pid:
    result = await start_task_supervisor({}, link=False, name="Elixir.Tasks")
    pid: Pid = result[1]
    return pid


async def waiting(sup: Pid, owner: Pid) -> Pid:
    """A task without work."""
    request = (Atom("start_task"), [(Atom("n@h"), owner, owner), Atom("monitor")], Atom("temporary"), None)
    kind, pid = await GenServer.call(sup, request)
    assert kind == "ok"
    assert isinstance(pid, Pid)
    return pid


# --- waiting for the work -----------------------------------------------------------------------


async def test_a_task_without_work_ends_with_its_owner(sup: Pid) -> None:
    owner = erl.spawn(forever)
    pid = await waiting(sup, owner)
    await settled()
    erl.exit(owner, "gone")
    assert await reason_of(pid) == ("shutdown", "gone")


async def test_a_task_that_gets_no_work_gives_up(sup: Pid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_supervised, "WORK_TIMEOUT", 0.01)
    assert await reason_of(await waiting(sup, erl.self())) == "timeout"


async def test_a_task_takes_work_from_its_owner_only_and_leaves_other_mail(sup: Pid) -> None:
    pid = await waiting(sup, erl.self())
    stranger = erl.spawn(forever)
    work = (Atom("m"), Atom("add"), [1, 2])
    ref = erl.make_ref()
    erl.send(pid, (stranger, ref, erl.self(), [], work))
    erl.send(pid, b"other")
    await settled()
    assert len(process_of(pid).mailbox or ()) == 2
    erl.send(pid, (erl.self(), ref, erl.self(), [], work))
    assert await erl.receive(timeout=5) == (ref, 3)
    assert await reason_of(pid) == "noproc"


async def test_work_that_is_none_ends_the_task(sup: Pid) -> None:
    pid = await waiting(sup, erl.self())
    erl.send(pid, (erl.self(), erl.make_ref(), erl.self(), [], Atom("work")))
    reason: Any = await reason_of(pid)
    assert reason[0] == "function_clause"


# --- what it knows ------------------------------------------------------------------------------


async def test_a_task_knows_who_asked_for_it(sup: Pid) -> None:
    me = erl.self()

    def dictionary() -> Any:
        return [erl.get(Atom(key)) for key in ("$ancestors", "$callers", "$initial_call")]

    task = await TaskSupervisor.async_(sup, dictionary)
    ancestors, callers, call = await Task.await_(task)
    assert ancestors == ["Elixir.Tasks", *(process_of(sup).dictionary or {})[Atom("$ancestors")]]
    assert callers == [me]
    assert call == ("test_task_supervised", "dictionary", 0)

    async def nested() -> Any:
        return erl.self(), await Task.await_(await TaskSupervisor.async_(sup, dictionary))

    outer, (_, callers, _) = await Task.await_(await Task.async_(nested))
    assert callers == [outer, me]
    fun = Export("Elixir.M", "dictionary", 0)
    for work, shown in (
        ((fun,), ("Elixir.M", "dictionary", 0)),
        (("erlang", "apply", [fun, []]), ("Elixir.M", "dictionary", 0)),
    ):
        task = await TaskSupervisor.async_(sup, *work)
        assert (await Task.await_(task))[2] == shown


async def test_a_task_writes_where_its_supervisor_does(sup: Pid) -> None:
    leader = erl.spawn(forever)

    async def caller() -> Any:
        erl.group_leader(leader)
        of_supervisor = await TaskSupervisor.async_(sup, erl.group_leader)
        own = await Task.async_(erl.group_leader)
        return await Task.await_many([of_supervisor, own])

    assert await inside(caller) == [process_of(sup).group_leader, leader]


# --- how it ends --------------------------------------------------------------------------------


def raises(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Exit("boom"), "boom"),
        (Exit(("shutdown", 1)), ("shutdown", 1)),
        (Exit("normal"), "normal"),
        (ErlangError("bad"), ("bad", "stack")),
        (RuntimeError("m"), ("Elixir.RuntimeError", "stack")),
        (Throw("ball"), (("nocatch", "ball"), "stack")),
    ],
    ids=repr,
)
async def test_the_exit_reasons(sup: Pid, error: Exception, expected: Any, caplog: Any) -> None:
    caplog.set_level(logging.CRITICAL)
    task = await TaskSupervisor.async_nolink(sup, raises, error)
    reason = await Task.yield_(task)
    assert reason is not None
    match reason[1]:
        case (dict(struct), [_, *_]):
            shown: Any = (struct[Atom("__struct__")], "stack")
        case (inner, [(module, function, 1, _), *_]):
            assert (module, function) == ("test_task_supervised", "raises")
            shown = (inner, "stack")
        case shown:
            pass
    assert shown == expected


async def test_a_function_that_is_not_there(sup: Pid) -> None:
    task = await TaskSupervisor.async_nolink(sup, "Elixir.M", "no_such", [1])
    outcome = await Task.yield_(task)
    assert outcome == ("exit", ("undef", [("Elixir.M", "no_such", [1], [])]))


async def test_a_result_that_is_no_term_stays_within_the_node(sup: Pid) -> None:
    result = await Task.await_(await TaskSupervisor.async_(sup, object))
    assert type(result) is object


# --- what is logged -----------------------------------------------------------------------------


async def test_a_crash_is_reported_in_elixirs_terms(sup: Pid, caplog: pytest.LogCaptureFixture) -> None:
    task = await TaskSupervisor.async_nolink(sup, add, 1, b"x")
    await Task.yield_(task)
    [record] = [record for record in caplog.records if hasattr(record, "label")]
    fields = vars(record)
    assert fields["label"] == ("Elixir.Task.Supervisor", "terminating")
    assert fields["pid"] == task.pid
    assert fields["starter"] == erl.self()
    assert fields["function"] == Export("task_tools", "add", 2)
    assert fields["arguments"] == [1, b"x"]
    assert fields["callers"] == [erl.self()]
    reason, stack = fields["reason"]
    assert reason[Atom("__struct__")] == "Elixir.ArgumentError"
    assert stack[0][:3] == ("task_tools", "add", 2)
    encode(fields["reason"])
    assert record.levelno == logging.ERROR
    assert "TypeError" in (record.exc_text or caplog.text)
    # It is said once: not again as the crash of a plain process.
    assert not [other for other in caplog.records if other.name == "pyerlnode.process"]


async def test_an_exit_is_reported_unless_it_is_quiet(sup: Pid, caplog: pytest.LogCaptureFixture) -> None:
    for reason in ("normal", "shutdown", ("shutdown", 1)):
        await Task.yield_(await TaskSupervisor.async_nolink(sup, leave, reason))
    assert caplog.records == []
    erl.register("asker", erl.self())
    await Task.yield_(await TaskSupervisor.async_nolink(sup, leave, "boom"))
    [record] = [record for record in caplog.records if hasattr(record, "label")]
    assert vars(record)["reason"][0] == "boom"
    assert vars(record)["starter"] == "asker"
    assert await mailbox() == []


async def test_a_task_that_is_killed_is_not_reported_by_itself(
    sup: Pid, caplog: pytest.LogCaptureFixture
) -> None:
    task = await TaskSupervisor.async_nolink(sup, forever)
    await settled()
    assert await Task.shutdown(task, "brutal_kill") is None
    await settled()
    assert not [record for record in caplog.records if hasattr(record, "label")]
