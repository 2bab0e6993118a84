"""`@in_process`: functions of processes that run in worker processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from process_tools import SECONDS, reason_of, settled
from work_tools import (
    Gate,
    Tally,
    asks_who_it_is,
    calls_another,
    dies,
    echo,
    exists,
    gives_what_cannot_be_pickled,
    gone,
    raises,
    says,
    stays,
    tell_result,
    twice,
    whoami,
)

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, Exit, Throw, UsageError, WorkerDied
from pyerlnode.process import Runtime, in_process
from pyerlnode.term import Atom, charlist

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """Where a worker says who it is."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


async def worker_in(fifo: Path) -> int:
    """The process that `stays(fifo)` runs in, once it does."""
    async with asyncio.timeout(SECONDS):
        return int(await asyncio.to_thread(fifo.read_text))


# --- where it runs ------------------------------------------------------------------------------


async def test_it_runs_in_another_process_that_is_used_again(runtime: Runtime) -> None:
    runtime.workers.size = 1
    pid, group = await whoami()
    assert pid != os.getpid()
    assert group == pid  # Ctrl-C at the terminal is the node's alone
    assert await whoami() == (pid, group)
    assert await twice([Atom("a"), (erl.self(), b"x")]) == [Atom("a"), (erl.self(), b"x")] * 2
    assert type((await echo([Atom("a")]))[0]) is Atom


async def test_a_method_brings_back_what_it_has_changed() -> None:
    tally = Tally()
    assert await tally.add(3) == 3
    assert (tally.count, hasattr(tally, "more")) == (3, False)
    assert await Tally.of(1, 2) == 3


async def test_a_method_that_raises_changes_nothing() -> None:
    tally = Tally()
    with pytest.raises(ValueError, match="spoiled"):
        await tally.spoil()
    assert tally.count == 0


async def test_what_it_prints_is_the_nodes_output(capfd: pytest.CaptureFixture[str]) -> None:
    await says("from the worker")
    assert capfd.readouterr().out == "from the worker\n"


async def test_several_work_at_the_same_time_and_the_others_wait(runtime: Runtime, tmp_path: Path) -> None:
    runtime.workers.size = 2
    fifos = [tmp_path / name for name in "ab"]
    for path in fifos:
        os.mkfifo(path)
    busy = [erl.spawn(stays, path) for path in fifos]
    workers = [await worker_in(path) for path in fifos]
    assert len(set(workers)) == 2
    waiting = erl.spawn(whoami)
    await settled()
    assert (runtime.workers.running, runtime.workers.waiting) == (2, 1)
    erl.exit(busy[0], "kill")
    assert await reason_of(waiting) == "normal"
    erl.exit(busy[1], "kill")
    for worker in workers:
        await gone(worker)


# --- how it ends -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "error"), [("value", ValueError), ("exit", Exit), ("throw", Throw), ("badarg", BadArg)]
)
async def test_what_it_raises_is_raised_here(kind: str, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        await raises(kind)
    assert "work_tools.py" in str(raised.value.__cause__)


async def test_the_stack_names_the_function_in_the_worker() -> None:
    error, stack = await reason_of(erl.spawn(raises, "value"))
    assert error["message"] == b"ValueError: no"
    assert stack[0][:3] == ("work_tools", "raises", 1)
    assert dict(stack[0][3])["file"] == charlist("work_tools.py")
    assert await reason_of(erl.spawn(raises, "exit")) == "done"


async def test_an_exception_that_cannot_be_pickled_says_what_it_was() -> None:
    with pytest.raises(RuntimeError, match="OddError: 1 is odd"):
        await raises("odd")


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("exit", ("exit_status", 3)),
        ("system exit", ("exit_status", 4)),
        ("segmentation fault", ("signal", signal.SIGSEGV)),
    ],
)
async def test_a_worker_that_dies_is_the_exit_reason_and_is_replaced(
    runtime: Runtime, how: str, status: Any
) -> None:
    runtime.workers.size = 1
    first, _ = await whoami()
    assert await reason_of(erl.spawn(dies, how)) == ("worker_died", status)
    assert not exists(first)
    with pytest.raises(WorkerDied):
        await dies(how)
    second, _ = await whoami()
    assert second != first


async def test_a_killed_process_is_dead_at_once_and_its_worker_gets_sigkill(fifo: Path) -> None:
    pid, ref = erl.spawn_monitor(tell_result, erl.self(), stays, fifo)
    worker = await worker_in(fifo)
    erl.exit(pid, "kill")
    assert await erl.receive(timeout=0) == ("DOWN", ref, "process", pid, "killed")
    await gone(worker)
    assert await twice(2) == 4


async def test_a_wait_that_is_cancelled_kills_the_worker(fifo: Path) -> None:
    task = asyncio.ensure_future(stays(fifo))
    worker = await worker_in(fifo)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(worker)


async def test_who_is_killed_before_the_worker_has_begun_begins_nothing(runtime: Runtime) -> None:
    runtime.workers.size = 1
    gate = Gate()

    class Slow:
        """Holds the thread while it is pickled: there is no worker yet."""

        def __reduce__(self) -> Any:
            gate.enter()
            return int, ()

    pid = erl.spawn(echo, Slow())
    await gate.entered()
    erl.exit(pid, "kill")
    await settled()
    gate.open()
    await twice(1)
    assert len(runtime.workers._threads) == 1


async def test_no_worker_is_left_when_the_node_has_stopped(fifo: Path) -> None:
    other = Runtime("other@localhost", 1)
    busy = other.spawn(stays(fifo))
    worker = await worker_in(fifo)
    found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def body() -> None:
        found.set_result((await whoami())[0])

    other.spawn(body())
    free = await found
    await other.stop(Atom("shutdown"))
    assert busy.exit_reason == "shutdown"
    assert [exists(worker), exists(free)] == [False, False]  # not even as zombies


async def test_a_worker_ends_when_the_program_is_gone(tmp_path: Path, fifo: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        import asyncio, os, pathlib, sys, threading
        from pyerlnode import in_process
        from pyerlnode.process import Runtime, current_runtime

        @in_process
        def stays(fifo):
            pathlib.Path(fifo).write_text(str(os.getpid()))
            threading.Event().wait()

        async def main():
            current_runtime.set(Runtime("here@localhost"))
            await stays(sys.argv[1])

        if __name__ == "__main__":
            asyncio.run(main())
        """)
    )
    node = subprocess.Popen([sys.executable, program, str(fifo)])  # noqa: ASYNC220  # it must be killed
    try:
        worker = await worker_in(fifo)
    finally:
        node.kill()
        node.wait()
    await gone(worker)


async def test_ctrl_c_is_not_for_workers(runtime: Runtime) -> None:
    runtime.workers.size = 1
    worker, _ = await whoami()
    os.kill(worker, signal.SIGINT)
    assert (await whoami())[0] == worker


# --- what cannot be ------------------------------------------------------------------------------------


async def test_what_cannot_be_pickled_says_so() -> None:
    with pytest.raises(UsageError, match=r"echo: an argument cannot be pickled .*lambda"):
        await echo(lambda: 1)
    with pytest.raises(UsageError, match="the result cannot be pickled"):
        await gives_what_cannot_be_pickled()
    tally = Tally()
    tally.more = asyncio.get_running_loop()
    with pytest.raises(UsageError, match="cannot be pickled"):
        await tally.add(1)
    assert tally.count == 0
    assert await twice(1) == 2


async def test_there_is_no_process_in_a_worker() -> None:
    with pytest.raises(UsageError, match="no node"):
        await asks_who_it_is()
    with pytest.raises(UsageError, match="__main__"):
        await calls_another()


def test_only_what_can_be_imported_can_be_marked() -> None:
    def inner() -> None: ...

    with pytest.raises(UsageError, match="defined in a function"):
        in_process(inner)

    with pytest.raises(UsageError, match="plain def"):
        in_process(settled)


def test_a_program_that_starts_when_it_is_imported_is_told_what_to_do(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        import asyncio
        from pyerlnode import UsageError, in_process
        from pyerlnode.process import Runtime, current_runtime

        @in_process
        def one():
            return 1

        async def main():
            runtime = Runtime("here@localhost")
            current_runtime.set(runtime)
            try:
                await one()
            finally:
                await runtime.stop("shutdown")

        asyncio.run(main())
        """)
    )
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=30)
    assert "UsageError" in done.stderr.splitlines()[-1]
    assert 'belongs under `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]
