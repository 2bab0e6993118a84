"""Task: the functions of a task's owner (rows W2 to W8 of the OTP rules)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import idle, inside, process_of, reason_of, settled
from task_tools import NEVER, add, apply, forever, got, later, leave, mailbox, stubborn, told

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, CallTimeout, Exit, NodeDown, NoProc, UsageError
from pyerlnode.otp import GenServer, NoReply, Supervisor, Task, on_call
from pyerlnode.term import Atom, Export, Pid, decode, encode

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

TASK = Atom("Elixir.Task")


@pytest.fixture(autouse=True)
def _hook(runtime: Runtime) -> None:
    runtime.apply_hook = apply


async def nolink(function: Any, *args: Any) -> Task:
    """A task that is not linked to the test."""
    task = await Task.async_(function, *args)
    assert task.pid is not None
    erl.unlink(task.pid)
    return task


# --- await ------------------------------------------------------------------------------------


async def test_a_task_gives_what_its_function_returns_and_leaves_no_message() -> None:
    event = asyncio.Event()
    event.set()
    assert await Task.await_(await Task.async_(add, 1, 2)) == 3
    assert await Task.await_(await Task.async_(later, event, "x")) == "x"
    assert await Task.await_(await Task.async_("Elixir.M", "add", [1, 2])) == 3
    assert await Task.await_(await Task.async_(Export("Elixir.M", "add", 2), 1, 2)) == 3
    assert await mailbox() == []


@pytest.mark.parametrize(
    "wrong", [(1,), ("Elixir.M", "add"), ("Elixir.M", "add", 1), (Export("m", "f", 2), 1)], ids=repr
)
async def test_what_is_no_function_is_refused(wrong: tuple[Any, ...]) -> None:
    with pytest.raises(BadArg):
        await Task.async_(*wrong)


async def test_await_exits_as_the_task_did() -> None:
    erl.process_flag("trap_exit", True)
    task = await Task.async_(leave, "boom")
    with pytest.raises(Exit) as raised:
        await Task.await_(task)
    assert raised.value.reason == ("boom", (TASK, "await", [task, 5000]))
    assert await mailbox() == [("EXIT", task.pid, "boom")]


async def test_await_of_what_was_never_there_is_noproc() -> None:
    erl.process_flag("trap_exit", True)
    task = await nolink(forever)
    erl.exit(task.pid, "kill")
    await reason_of(task.pid)
    gone = Task(task.mfa, erl.self(), task.pid, erl.monitor(task.pid))
    with pytest.raises(NoProc):
        await Task.await_(gone)


async def test_a_node_that_is_lost_is_named(runtime: Runtime) -> None:
    far = Pid("kate@localhost", 1, 0, 1)
    for ask, call in (
        (Task.await_, "await"),
        (Task.yield_, "yield"),
        (Task.shutdown, "shutdown"),
        (Task.ignore, "ignore"),
    ):
        ref = erl.monitor(far, alias="demonitor")
        if call == "ignore":  # which does not wait: a DOWN of the same kind says that this one is there
            second = erl.monitor(far)
            await erl.receive(lambda message, ref=second: message[1] == ref, 5)
        task = Task((Atom("m"), Atom("f"), 0), erl.self(), far, ref)
        with pytest.raises(NodeDown) as raised:
            await ask(task)
        reason, (module, function, args) = raised.value.reason
        assert reason == ("nodedown", "kate@localhost")
        assert (module, function, args[0]) == (TASK, call, task)
    assert await mailbox() == []


async def test_a_late_answer_reaches_nobody() -> None:
    event = asyncio.Event()
    task = await nolink(later, event, "late")
    with pytest.raises(CallTimeout) as raised:
        await Task.await_(task, 0)
    assert raised.value.reason == ("timeout", (TASK, "await", [task, 0]))
    event.set()
    assert await reason_of(task.pid) == "normal"
    assert await mailbox() == []


async def test_a_task_and_its_caller_end_together() -> None:
    up = erl.self()

    async def caller(reason: Any) -> None:
        task = await Task.async_(told, up, Atom("task"))
        erl.send(up, (Atom("caller"), erl.self()))
        await Task.await_(task, NEVER)

    for ends, other in (("task", "caller"), ("caller", "task")):
        erl.spawn(caller, ends)
        pids = {"task": await got("task"), "caller": await got("caller")}
        ref = erl.monitor(pids[other])
        erl.exit(pids[ends], "bang")
        assert await erl.receive(timeout=5) == ("DOWN", ref, "process", pids[other], "bang")


async def test_only_the_owner_may_ask() -> None:
    task = await Task.async_(forever)
    for ask in (Task.await_, Task.yield_, Task.ignore, Task.shutdown):
        with pytest.raises(UsageError, match="owner"):
            await inside(ask, task)
    for ask_many in (Task.await_many, Task.yield_many):
        with pytest.raises(UsageError, match="owner"):
            await inside(ask_many, [task])


async def test_await_many_keeps_the_order_and_leaves_nothing_when_it_fails() -> None:
    erl.process_flag("trap_exit", True)
    first, event = asyncio.Event(), asyncio.Event()
    tasks = [await nolink(later, first, 1), await nolink(add, 1, 1)]
    await settled()
    first.set()
    assert await Task.await_many(tasks) == [1, 2]

    tasks = [await nolink(later, event), await nolink(leave, "boom"), await nolink(add, 1, 2)]
    with pytest.raises(Exit) as raised:
        await Task.await_many(tasks)
    assert raised.value.reason == ("boom", (TASK, "await_many", [tasks, 5000]))
    event.set()
    assert await mailbox() == []
    late = [await nolink(forever)]
    with pytest.raises(CallTimeout):
        await Task.await_many(late, 0)
    assert await Task.await_many([]) == []


# --- yield, ignore, shutdown ------------------------------------------------------------------


async def test_yield_tells_what_there_is() -> None:
    event = asyncio.Event()
    task = await nolink(later, event, 7)
    assert await Task.yield_(task, 0) is None
    event.set()
    assert await Task.yield_(task) == ("ok", 7)
    assert await Task.yield_(await nolink(leave, "boom")) == ("exit", "boom")
    assert await mailbox() == []


async def test_yield_many_tells_of_each() -> None:
    event = asyncio.Event()
    tasks = [await nolink(add, 1, 2), await nolink(leave, "boom"), await nolink(later, event, 5)]
    await settled()
    assert await Task.yield_many(tasks, 0) == [
        (tasks[0], ("ok", 3)),
        (tasks[1], ("exit", "boom")),
        (tasks[2], None),
    ]
    assert await Task.yield_many([tasks[2]], 0, on_timeout="kill_task") == [(tasks[2], None)]
    assert await reason_of(tasks[2].pid) == "noproc"

    tasks = [await nolink(later, event, 5), await nolink(add, 1, 2)]
    assert [value for _, value in await Task.yield_many(tasks, limit=1)] == [None, ("ok", 3)]
    assert await Task.yield_many([tasks[0]], 0, on_timeout="ignore") == [(tasks[0], None)]
    event.set()
    assert await reason_of(tasks[0].pid) == "normal"
    assert await mailbox() == []
    with pytest.raises(BadArg, match="on_timeout"):
        await Task.yield_many([], on_timeout="wait")


async def test_shutdown_ends_a_task_and_removes_every_message() -> None:
    for timeout, reason in ((5.0, "shutdown"), ("brutal_kill", "killed"), (None, "shutdown")):
        task = await Task.async_(forever)
        assert task.pid is not None
        ended = erl.monitor(task.pid)
        assert await Task.shutdown(task, timeout) is None
        message: Any = await erl.receive(lambda m, ref=ended: m[1] == ref)
        assert message[4] == reason
    assert await mailbox() == []


async def test_shutdown_of_what_has_ended_tells_how() -> None:
    erl.process_flag("trap_exit", True)
    task = await Task.async_(add, 1, 2)
    await settled()
    assert await Task.shutdown(task) == ("ok", 3)
    for reason, told_as in (("boom", ("exit", "boom")), ("shutdown", None)):
        task = await nolink(leave, reason)
        await settled()
        assert await Task.shutdown(task) == told_as
    assert [message[0] for message in await mailbox()] == ["EXIT"]  # of the first, as it was linked
    task = await nolink(leave, "shutdown")
    await settled()
    assert await Task.shutdown(task, "brutal_kill") == ("exit", "shutdown")
    with pytest.raises(BadArg, match="brutal_kill"):
        await Task.shutdown(await nolink(forever), "at once")


async def test_shutdown_of_a_task_that_will_not_go() -> None:
    erl.process_flag("trap_exit", True)
    task = await Task.async_(stubborn, erl.self(), "own")
    assert await got("up") == task.pid
    assert await Task.shutdown(task) == ("exit", "own")

    async def deaf() -> None:
        erl.process_flag("trap_exit", True)
        erl.send(to, (Atom("up"), erl.self()))
        await forever()

    to = erl.self()
    task = await Task.async_(deaf)
    await got("up")
    assert await Task.shutdown(task, 0) == ("exit", "killed")
    assert await mailbox() == []


async def test_a_task_that_is_ignored_goes_on() -> None:
    erl.process_flag("trap_exit", True)
    event = asyncio.Event()
    task = await Task.async_(later, event)
    assert task.pid is not None
    assert await Task.ignore(task) is None
    event.set()
    assert await reason_of(task.pid) == "normal"
    task = await Task.async_(add, 1, 2)
    await settled()
    assert await Task.ignore(task) == ("ok", 3)
    task = await nolink(leave, "boom")
    await settled()
    assert await Task.ignore(task) == ("exit", "boom")
    assert [message[0] for message in await mailbox()] == ["EXIT"]  # normal: it was linked


async def test_a_completed_task_needs_no_process() -> None:
    task = await Task.completed(5)
    assert task.pid is None
    assert await Task.await_(task) == 5
    assert await Task.shutdown(await Task.completed(6)) == ("ok", 6)
    assert await Task.yield_(await Task.completed(7)) == ("ok", 7)
    assert await mailbox() == []


# --- the rest -----------------------------------------------------------------------------------


async def test_a_task_is_elixirs_struct_to_other_nodes() -> None:
    task = await nolink(add, 1, 2)
    fields = decode(encode(task))
    assert fields == task
    assert isinstance(fields, Task)
    assert task.mfa == ("task_tools", "add", 2)


async def test_a_server_takes_the_messages_of_its_tasks() -> None:
    class Asks(GenServer):
        def init(self) -> None:
            self.open: dict[Any, Any] = {}

        async def handle_call(self, request: Any, caller: Any) -> Any:
            task = await Task.async_(add, request, 1)
            self.open[task.ref] = caller
            return NoReply()

        def handle_info(self, message: Any) -> Any:
            match message:
                case (ref, value) if ref in self.open:
                    erl.demonitor(ref, flush=True)
                    GenServer.reply(self.open.pop(ref), value)
            return NoReply()

    pid = await Asks.start_link()
    assert await GenServer.call(pid, 41) == 42


async def test_a_callback_that_cannot_wait_is_told_so() -> None:
    class Waits(GenServer):
        @on_call
        def wait(self) -> Any:
            waiting = Task.await_(made)
            try:
                waiting.send(None)
            finally:
                waiting.close()

    pid = await Waits.start()
    made = Task((Atom("m"), Atom("f"), 0), pid, None, erl.make_ref())
    with pytest.raises(Exit, match="async def"):
        await GenServer.call(pid, Atom("wait"))


async def test_the_coroutine_of_a_killed_task_is_cancelled() -> None:
    started, unwound = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.sleep(NEVER)
        except asyncio.CancelledError:
            unwound.set()
            raise

    task = await Task.async_(work)
    await started.wait()
    assert await Task.shutdown(task, "brutal_kill") is None
    await unwound.wait()


async def test_tasks_that_nobody_waits_for() -> None:
    erl.process_flag("trap_exit", True)
    pid = await Task.start(told, erl.self(), Atom("up"))
    assert await got("up") == pid
    assert process_of(pid).links is None
    erl.exit(pid, "kill")
    linked = await Task.start_link(leave, "boom")
    message: Any = await erl.receive(timeout=5)
    assert message == ("EXIT", linked, "boom")


async def test_a_task_is_a_child_that_is_not_started_again() -> None:
    up = erl.self()
    sup = await Supervisor.start_link(
        [Task.child(told, up, Atom("up")), (Task, idle, {"id": "second"})], strategy="one_for_one"
    )
    assert sup is not None
    pid = await got("up")
    [second, first] = await Supervisor.which_children(sup)
    assert first == (TASK, pid, "worker", [TASK])
    assert second[0] == "second"
    spec = await Supervisor.get_childspec(sup, TASK)
    assert spec[Atom("restart")] == "temporary"
    assert spec[Atom("start")][:2] == (TASK, "start_link")
    erl.exit(pid, "kill")
    await reason_of(pid)
    await settled()
    assert [id for id, _, _, _ in await Supervisor.which_children(sup)] == ["second"]
