"""`@blocking`: functions of processes that run in threads."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import textwrap
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from weakref import ref as weak_reference

import pytest
from process_tools import SECONDS, idle, inside, process_of, reason_of, settled
from work_tools import Gate, ended, tell_result, through

import pyerlnode.process as erl
from pyerlnode.errors import Abandoned, BadArg, ConfigError, ErlangError, Exit, Throw, UsageError
from pyerlnode.process import Runtime, blocking, current_runtime, this_process, wait
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from pathlib import Path

    from pyerlnode.term import Pid

colour: ContextVar[str] = ContextVar("colour")


async def got(message: Any) -> None:
    """Wait for that message."""
    await erl.receive(lambda found: found == message, timeout=SECONDS)


# --- where it runs ------------------------------------------------------------------------


@blocking
def who(text: str, *, more: int = 0) -> tuple[Any, ...]:
    """What a function in a thread sees."""
    return text, more, erl.self(), erl.node(), threading.current_thread(), colour.get()


async def test_it_runs_in_a_thread_as_the_process_and_in_its_context() -> None:
    async def body() -> Any:
        colour.set("green")
        return erl.self(), await who("a", more=2)

    pid, seen = await inside(body)
    assert seen[:4] == ("a", 2, pid, "here@localhost")
    assert seen[4] is not threading.current_thread()
    assert seen[5] == "green"
    assert who.__name__ == "who"
    assert who.__doc__ == "What a function in a thread sees."


async def test_in_a_plain_task_too() -> None:
    colour.set("red")
    assert (await who("a"))[2] == erl.self()


async def test_spawn_takes_it_and_everything_else_goes_on_meanwhile() -> None:
    gate = Gate()
    pid = erl.spawn(through, gate)
    await gate.entered()
    for _ in range(3):
        await inside(asyncio.sleep, 0)
    assert erl.is_alive(pid)
    gate.open()
    assert await reason_of(pid) == "normal"


# --- what it may do -------------------------------------------------------------------------


async def test_what_it_sends_arrives_in_order_and_before_its_result() -> None:
    @blocking
    def sends(to: Pid) -> None:
        for number in range(20):
            assert erl.send(to, number) == number

    await sends(erl.self())
    assert [await erl.receive(timeout=0) for _ in range(20)] == list(range(20))


async def test_everything_that_does_not_wait_works_there() -> None:
    @blocking
    def works(top: Pid) -> Any:
        erl.register("worker", erl.self())
        assert erl.whereis("worker") == erl.self()
        assert "worker" in erl.registered()
        assert erl.unregister("worker")
        child, ref = erl.spawn_monitor(idle)
        assert erl.is_alive(child)
        assert erl.link(child)
        assert erl.unlink(child)
        assert erl.exit(child, "over")
        assert wait(erl.receive(timeout=SECONDS)) == ("DOWN", ref, "process", child, "over")
        assert erl.demonitor(erl.monitor(top))
        assert erl.put("key", 1) == "undefined"
        assert erl.get("key") == 1
        assert erl.process_flag("trap_exit", True) is False
        timer = erl.send_after(60, top, "never")
        assert erl.cancel_timer(timer) is not None
        erl.send(erl.alias(), "to myself")
        assert wait(erl.receive(timeout=SECONDS)) == "to myself"
        assert erl.group_leader() == erl.group_leader()
        assert erl.nodes() == []
        return erl.make_ref()

    assert (await inside(works, erl.self())).node == "here@localhost"


async def test_an_error_is_raised_in_the_thread() -> None:
    @blocking
    def sends() -> str:
        with pytest.raises(BadArg, match="nobody"):
            erl.send("nobody", 1)
        return "went on"

    assert await sends() == "went on"


async def test_it_may_end_itself() -> None:
    @blocking
    def ends(to: Pid) -> None:
        try:
            erl.exit(erl.self(), "own")
        finally:
            with pytest.raises(Abandoned):
                erl.send(to, "late")

    assert await reason_of(erl.spawn(ends, erl.self())) == "own"


# --- wait -------------------------------------------------------------------------------------


async def test_wait_is_await_for_threads() -> None:
    async def double(number: int) -> tuple[int, Any]:
        await asyncio.sleep(0)
        return number * 2, asyncio.current_task()

    @blocking
    def asks() -> Any:
        assert wait(double(3))[0] == 6
        assert wait(len, "four") == 4
        with pytest.raises(TimeoutError):
            wait(erl.receive, None, 0)
        return wait(double, 4)

    async def body() -> Any:
        return await asks(), asyncio.current_task()

    (number, task), own = await inside(body)
    assert number == 8
    assert task is own  # done by the process itself


async def test_what_is_awaited_raises_in_the_thread() -> None:
    async def fails() -> None:
        raise KeyError("lost")

    @blocking
    def asks() -> str:
        with pytest.raises(KeyError, match="lost"):
            wait(fails())
        return "went on"

    assert await asks() == "went on"


async def test_wait_in_to_thread_has_a_task_of_its_own() -> None:
    async def body() -> Any:
        def asks() -> Any:
            erl.send(erl.self(), "mail")
            return wait(erl.receive, None, SECONDS)

        return await asyncio.to_thread(asks)

    assert await inside(body) == "mail"


async def test_wait_is_refused_where_it_would_stop_the_loop_and_outside_of_processes() -> None:
    with pytest.raises(UsageError, match="await"):
        wait(idle())
    raised: list[BaseException] = []

    def outside() -> None:
        try:
            wait(idle())
        except UsageError as error:
            raised.append(error)

    thread = threading.Thread(target=outside)
    thread.start()
    await ended(thread)
    assert len(raised) == 1


async def test_what_cannot_be_done_in_a_thread_says_so() -> None:
    @blocking
    def asks() -> None:
        this_process()

    with pytest.raises(UsageError, match="wait"):
        await asks()


# --- how it ends -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Exit("shutdown"), "shutdown"),
        (Throw(1), ("nocatch", 1)),
        (ErlangError(Atom("badarith")), "badarith"),
        (RuntimeError("no"), b"no"),
    ],
)
async def test_what_it_raises_ends_the_process_with_the_usual_reason(
    error: Exception, reason: Any, caplog: pytest.LogCaptureFixture
) -> None:
    @blocking
    def fails() -> None:
        raise error

    found = await reason_of(erl.spawn(fails))
    if isinstance(error, Exit):
        assert found == reason
        return
    found, stack = found
    assert (found["message"] if isinstance(error, RuntimeError) else found) == reason
    # The innermost entry is the user's function, and there is none of this package.
    (module, name, arity, location), *more = stack
    assert (module, arity) == ("test_blocking", 0)
    assert name.endswith("fails")
    assert dict(location)["file"] == [ord(char) for char in "test_blocking.py"]
    assert more == []
    assert isinstance(error, Throw) or "fails" in caplog.text


async def test_a_killed_process_is_dead_at_once_and_its_thread_has_no_say() -> None:
    gate, here = Gate(), erl.self()
    raised: list[BaseException] = []

    @blocking
    def works() -> str:
        gate.enter()
        try:
            erl.send(here, "late")
        except Abandoned as error:
            raised.append(error)
            raise
        return "late"

    pid, ref = erl.spawn_monitor(tell_result, here, works)
    await gate.entered()
    erl.exit(pid, "kill")
    assert await erl.receive(timeout=0) == ("DOWN", ref, "process", pid, "killed")
    assert not erl.is_alive(pid)
    gate.open()
    assert gate.thread is not None
    await ended(gate.thread)
    await settled()
    assert len(raised) == 1
    with pytest.raises(TimeoutError):
        await erl.receive(timeout=0)


async def test_what_a_thread_has_asked_for_is_not_done_when_the_process_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, here, posted = Gate(), erl.self(), threading.Event()
    loop = asyncio.get_running_loop()
    post = loop.call_soon_threadsafe

    def noted(*args: Any, **kwargs: Any) -> asyncio.Handle:
        handle = post(*args, **kwargs)
        posted.set()
        return handle

    @blocking
    def works() -> None:
        gate.enter()
        erl.send(here, "late")

    pid = erl.spawn(works)
    await gate.entered()
    monkeypatch.setattr(loop, "call_soon_threadsafe", noted)
    gate.open()
    posted.wait(SECONDS)  # the loop stands still meanwhile
    erl.exit(pid, "kill")
    assert gate.thread is not None
    await ended(gate.thread)
    with pytest.raises(TimeoutError):
        await erl.receive(timeout=0)


async def test_an_exit_signal_that_is_trapped_is_mail_and_the_work_goes_on() -> None:
    gate, here = Gate(), erl.self()

    async def body() -> None:
        erl.process_flag("trap_exit", True)
        await tell_result(here, through, gate, "done")
        erl.send(here, await erl.receive(timeout=0))

    pid = erl.spawn(body)
    await gate.entered()
    erl.exit(pid, "please")
    gate.open()
    await got(("result", "done"))
    await got(("EXIT", here, "please"))


async def test_a_linked_process_takes_it_along() -> None:
    gate = Gate()

    async def body() -> None:
        erl.spawn_link(through, gate)
        await idle()

    pid = erl.spawn(body)
    await gate.entered()
    (other,) = (one for one in this_process().runtime.processes() if one.pid not in (pid, erl.self()))
    erl.exit(pid, "over")
    assert await reason_of(other.pid) == "noproc"
    assert other.exit_reason == "over"
    gate.open()


async def test_a_thread_that_waits_is_told_that_the_process_has_ended() -> None:
    here = erl.self()
    ends: list[type[BaseException]] = []
    over = threading.Event()

    async def asked() -> None:
        erl.send(here, "asked")
        await idle()

    @blocking
    def works() -> None:
        try:
            wait(asked())
        except BaseException as error:
            ends.append(type(error))
            raise
        finally:
            over.set()

    pid = erl.spawn(works)
    await got("asked")
    erl.exit(pid, "kill")
    assert await asyncio.to_thread(over.wait, SECONDS)
    assert ends == [Abandoned]


async def test_a_wait_that_is_cancelled_abandons_the_thread_and_the_process_goes_on() -> None:
    gate, here = Gate(), erl.self()

    async def body() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await through(gate)
        erl.send(here, "went on")

    erl.spawn(body)
    await got("went on")
    gate.open()


async def test_an_error_after_the_end_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()

    @blocking
    def works() -> None:
        gate.enter()
        raise ValueError("too late")

    pid = erl.spawn(works)
    await gate.entered()
    erl.exit(pid, "kill")
    await settled()
    gate.open()
    assert gate.thread is not None
    await ended(gate.thread)
    await settled()
    assert "too late" in caplog.text


# --- the pool -----------------------------------------------------------------------------------


async def test_what_finds_no_thread_waits_in_order_and_who_is_killed_leaves_the_queue(
    runtime: Runtime,
) -> None:
    runtime.threads.size = 1
    gate, here = Gate(), erl.self()
    done: list[int] = []

    @blocking
    def notes(number: int) -> None:
        done.append(number)
        erl.send(here, number)

    erl.spawn(through, gate)
    await gate.entered()
    waiting = [erl.spawn(notes, number) for number in range(4)]
    await settled()
    assert (runtime.threads.running, runtime.threads.waiting) == (1, 4)
    erl.exit(waiting[1], "kill")
    await settled()
    assert runtime.threads.waiting == 3
    gate.open()
    await got(3)
    assert done == [0, 2, 3]


async def test_the_size_can_be_changed_and_who_has_ended_begins_nothing(runtime: Runtime) -> None:
    runtime.threads.size = 1
    gate, here = Gate(), erl.self()
    begun: list[int] = []

    @blocking
    def notes(number: int) -> None:
        begun.append(number)
        erl.send(here, threading.current_thread())

    first = erl.spawn(through, gate)
    await gate.entered()
    waiting = [erl.spawn(notes, number) for number in range(2)]
    await settled()
    erl.exit(waiting[0], "kill")
    runtime.threads.size = 2  # before it has left the queue
    second: Any = await erl.receive(timeout=SECONDS)
    assert begun == [1]
    assert await reason_of(waiting[1]) == "normal"  # its thread has come back by then
    runtime.threads.size = 1
    gate.open()
    assert await reason_of(first) == "normal"
    assert gate.thread is not None
    await ended(gate.thread)
    assert second.is_alive()


async def test_a_thread_that_cannot_be_ended_gives_its_place_to_another(runtime: Runtime) -> None:
    runtime.threads.size = 1
    gate = Gate()
    pid = erl.spawn(through, gate)
    await gate.entered()
    stuck = gate.thread
    erl.exit(pid, "kill")
    second = Gate()
    other = erl.spawn(through, second)
    await second.entered()
    second.open()
    assert await reason_of(other) == "normal"
    gate.open()
    assert stuck is not None
    await ended(stuck)
    assert second.thread is not None
    assert second.thread.is_alive()  # it is the pool's


async def test_threads_are_used_again_and_keep_nothing(runtime: Runtime) -> None:
    class Large:
        pass

    @blocking
    def takes(large: Large) -> tuple[threading.Thread, Large]:
        return threading.current_thread(), large

    large = Large()
    seen = weak_reference(large)
    first, large = await takes(large)
    second, _ = await takes(Large())
    assert first is second
    del large
    await settled()
    gc.collect()
    assert seen() is None
    assert (runtime.threads.running, runtime.threads.waiting) == (0, 0)


async def test_stop_does_not_wait_for_a_thread_and_ends_the_free_ones() -> None:
    other = Runtime("other@localhost", 1)
    gate = Gate()
    token = current_runtime.set(other)
    free: list[threading.Thread] = []

    @blocking
    def notes() -> None:
        free.append(threading.current_thread())
        gate.enter()

    @blocking
    def at_once() -> None:
        free.append(threading.current_thread())

    busy = other.spawn(notes())
    current_runtime.reset(token)
    await gate.entered()
    done = other.spawn(at_once())
    while done.alive:  # noqa: ASYNC110  # of another runtime, which this process cannot monitor
        await asyncio.sleep(0)
    await other.stop(Atom("shutdown"))
    assert busy.exit_reason == "shutdown"
    await ended(free[1])
    assert free[0].is_alive()
    gate.open()
    await ended(free[0])


@pytest.mark.parametrize("text", ["0", "-1", "many", ""])
async def test_its_size_is_a_setting(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PYERLNODE_BLOCKING_THREADS", "3")
    assert Runtime("a@localhost").threads.size == 3
    monkeypatch.setenv("PYERLNODE_BLOCKING_THREADS", text)
    with pytest.raises(ConfigError, match="PYERLNODE_BLOCKING_THREADS"):
        Runtime("a@localhost")


# --- misuse -----------------------------------------------------------------------------------------


def test_only_a_plain_def_can_be_marked() -> None:
    async def waits() -> None: ...

    def yields() -> Any:
        yield 1

    for wrong in (waits, yields, staticmethod(print), len, Runtime):
        with pytest.raises(UsageError, match="@blocking"):
            blocking(wrong)


async def test_nothing_is_left_in_the_tables(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    erl.self()  # which is in the tables from now on
    before = len(runtime.processes()), len(runtime.aliases)
    for _ in range(5):
        gate = Gate()
        pid = erl.spawn(through, gate)
        await gate.entered()
        process = process_of(pid)
        erl.exit(pid, "kill")
        await settled()
        assert process.task is None
        gate.open()
    assert (len(runtime.processes()), len(runtime.aliases)) == before
    assert (runtime.threads.running, runtime.threads.waiting) == (0, 0)


async def test_a_loop_of_its_own_in_a_thread_has_processes_of_its_own() -> None:
    async def other() -> Any:
        runtime = Runtime("other@localhost")
        current_runtime.set(runtime)
        try:
            return erl.node(), erl.self().node
        finally:
            await runtime.stop(Atom("shutdown"))

    async def body() -> Any:
        return await asyncio.to_thread(asyncio.run, other())

    assert await body() == await inside(body) == ("other@localhost", "other@localhost")
    assert erl.node() == "here@localhost"


async def test_without_another_thread_of_the_operating_system_work_waits_or_fails(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    first = erl.spawn(through, gate)
    await gate.entered()

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    second = erl.spawn(who, "waits")
    await settled()
    assert runtime.threads.waiting == 1
    erl.exit(second, "kill")
    erl.exit(first, "kill")
    await settled()
    third = erl.spawn(through, Gate())
    error, _ = await reason_of(third)
    assert error["message"] == b"can't start new thread"
    gate.open()


def test_a_thread_that_never_comes_back_does_not_keep_the_program(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        import asyncio, threading
        from pyerlnode import blocking, receive, self, send, spawn
        from pyerlnode.process import Runtime, current_runtime

        @blocking
        def stuck(to):
            send(to, "there")
            threading.Event().wait()

        async def main():
            runtime = Runtime("here@localhost")
            current_runtime.set(runtime)
            spawn(stuck, self())
            assert await receive() == "there"
            await runtime.stop("shutdown")
            print("stopped")

        asyncio.run(main())
        """)
    )
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")
