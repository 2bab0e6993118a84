"""GenServer callbacks and exported functions that run in threads and worker processes."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import OK, SECONDS, exit_of, idle, process_of, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import CallTimeout
from pyerlnode.otp import Caller, Continue, GenServer, NoReply, Reply, Stop, on_call, on_cast, on_info, sys
from pyerlnode.process import Runtime, blocking, in_process, wait
from pyerlnode.services.modules import Module, apply
from pyerlnode.term import Atom, Export, charlist

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from pyerlnode.term import Pid


class Gates:
    """Where threads wait, by name: they say so to the process that made this."""

    def __init__(self) -> None:
        self._to = erl.self()
        self._runtime = erl.this_process().runtime
        self._events: dict[str, threading.Event] = {}

    def enter(self, name: str) -> None:
        """Called in a thread."""
        event = self._events.setdefault(name, threading.Event())
        self._runtime.loop.call_soon_threadsafe(self._runtime.send, self._to, (Atom("at"), name))
        assert event.wait(SECONDS)

    def open(self, name: str) -> None:
        self._events.setdefault(name, threading.Event()).set()

    async def entered(self, name: str) -> None:
        await erl.receive(lambda message: message == ("at", name), timeout=SECONDS)


class Marked(GenServer):
    """Every kind of marked callback."""

    @blocking
    def init(self, gates: Gates) -> None:
        assert threading.current_thread() is not threading.main_thread()
        self.gates = gates
        self.log: list[Any] = []

    @on_call
    @blocking
    def slow(self, name: bytes, value: int = 0) -> int:
        self.gates.enter(name.decode())
        self.log.append(value)
        return value

    @blocking  # in this order, too
    @on_call
    def quick(self, value: int) -> int:
        self.log.append(value)
        return value

    @on_call
    @blocking(cancel_with_caller=False)
    def steady(self, value: int) -> int:
        self.log.append(value)
        return value

    @on_call
    def logged(self) -> list[Any]:
        return self.log

    @on_cast
    @blocking
    def note(self, value: Any) -> None:
        self.log.append(value)

    @on_info("tick")
    @blocking
    def ticked(self) -> None:
        self.log.append(Atom("tick"))

    @on_call
    @blocking
    def later(self, *, caller: Caller) -> NoReply:
        assert GenServer.reply(caller, Atom("early")) == OK
        return NoReply()

    @on_call
    @blocking
    def asks(self, other: Any) -> Any:
        assert GenServer.cast(other, (Atom("note"), 1)) == OK
        return wait(GenServer.call(other, Atom("logged")))

    @on_call
    @blocking
    def fails(self) -> None:
        raise ValueError("on purpose")


class Classic(GenServer):
    """The callbacks of OTP's style."""

    @blocking
    def init(self) -> Continue:
        self.log: list[Any] = []
        return Continue(Atom("go"))

    @blocking
    def handle_continue(self, arg: Any) -> NoReply:
        self.log.append(arg)
        return NoReply()

    @blocking
    def handle_call(self, request: Any, caller: Caller) -> Any:
        if request == "log":
            return Reply(self.log)
        if request == "end":
            return Stop(Atom("normal"), Atom("ended"))
        return "wrong"

    @blocking
    def handle_cast(self, request: Any) -> NoReply:
        self.log.append(request)
        return NoReply()

    @blocking
    def handle_info(self, message: Any) -> NoReply:
        self.log.append(message)
        return NoReply()

    @blocking
    def terminate(self, reason: Any) -> None:
        erl.send("test", (Atom("terminated"), reason))


class Counting(GenServer):
    """Works in worker processes."""

    def init(self) -> None:
        self.count = 0

    @on_call
    @in_process
    def add(self, n: int) -> int:
        self.count += n
        return self.count

    @on_call
    @in_process
    def spoil(self) -> Any:
        self.count = -1
        raise ValueError("spoiled")

    @on_call
    @in_process
    def both(self, *, caller: Caller) -> Any:
        self.count += 1
        return Stop(Atom("normal"), Atom("over")) if self.count > 1 else Reply(caller[0])

    @on_call
    @in_process
    def stay(self, fifo: str) -> None:
        with open(fifo, "w") as out:
            out.write(str(os.getpid()))
        threading.Event().wait()

    @on_call
    def get(self) -> int:
        return self.count


def ask(server: Any, request: Any) -> Awaitable[Any]:
    """A call with time for a worker process to start on a loaded machine."""
    return GenServer.call(server, request, SECONDS)


async def asking(server: Pid, request: Any) -> None:
    """A caller."""
    await ask(server, request)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


# --- which callbacks -----------------------------------------------------------------------


async def test_marked_callbacks_run_in_threads_and_keep_the_order() -> None:
    gates = Gates()
    pid = await Marked.start(gates)
    assert pid is not None
    slow = asyncio.ensure_future(ask(pid, (Atom("slow"), b"a", 1)))
    await gates.entered("a")
    quick = asyncio.ensure_future(ask(pid, (Atom("quick"), 2)))
    await settled()
    GenServer.cast(pid, (Atom("note"), 3))
    erl.send(pid, Atom("tick"))
    logged = asyncio.ensure_future(ask(pid, Atom("logged")))
    await settled()
    assert len(process_of(pid).mailbox or ()) == 4
    gates.open("a")
    assert [await slow, await quick] == [1, 2]
    assert await logged == [1, 2, 3, "tick"]
    assert await ask(pid, Atom("later")) == "early"


async def test_callbacks_of_otps_style_do_too() -> None:
    erl.register("test", erl.self())
    pid = await Classic.start()
    GenServer.cast(pid, 1)
    erl.send(pid, 2)
    assert await ask(pid, Atom("log")) == ["go", 1, 2]
    assert await ask(pid, Atom("end")) == "ended"
    assert await erl.receive(timeout=SECONDS) == ("terminated", "normal")
    second = await Classic.start()
    assert second is not None
    reason = await exit_of(second, Atom("else"))
    assert reason[0] == ("bad_return_value", "wrong")


async def test_a_thread_asks_others() -> None:
    one, other = await Marked.start(Gates()), await Marked.start(Gates())
    assert await ask(one, (Atom("asks"), other)) == [1]


async def test_what_it_raises_ends_the_server_with_the_users_line() -> None:
    pid = await Marked.start(Gates())
    (error, stack), _ = await exit_of(pid, Atom("fails"))
    assert error["message"] == b"ValueError: on purpose"
    assert stack[0][:2] == ("test_blocking_callbacks", "Marked.fails")
    assert dict(stack[0][3])["file"] == charlist("test_blocking_callbacks.py")


async def test_arguments_are_checked_as_ever() -> None:
    pid = await Marked.start(Gates())
    (reason, stack), _ = await exit_of(pid, (Atom("quick"), b"no number"))
    assert reason == "function_clause"
    assert dict(stack[0][3])["file"] == charlist("test_blocking_callbacks.py")


# --- timeouts and exits ------------------------------------------------------------------------


async def test_a_callers_timeout_keeps_its_meaning_and_a_late_reply_reaches_nobody() -> None:
    gates = Gates()
    pid = await Marked.start(gates)
    with pytest.raises(CallTimeout):
        await GenServer.call(pid, (Atom("slow"), b"a", 1), timeout=0.01)
    await gates.entered("a")
    gates.open("a")
    assert await ask(pid, Atom("logged")) == [1]
    with pytest.raises(TimeoutError):
        await erl.receive(timeout=0)


async def test_a_killed_server_is_dead_at_once_and_its_caller_sees_it() -> None:
    gates = Gates()
    pid = await Marked.start(gates)
    assert pid is not None
    caller = asyncio.ensure_future(exit_of(pid, (Atom("slow"), b"a", 1)))
    await gates.entered("a")
    erl.exit(pid, "kill")
    assert (await caller)[0] == "killed"
    gates.open("a")
    await settled()
    with pytest.raises(TimeoutError):
        await erl.receive(timeout=0)


async def test_a_linked_starter_takes_it_along_while_it_works() -> None:
    gates, here = Gates(), erl.self()

    async def starter() -> None:
        erl.send(here, await Marked.start_link(gates))
        await idle()

    top = erl.spawn(starter)
    pid: Any = await erl.receive(lambda message: not isinstance(message, tuple), timeout=SECONDS)
    erl.spawn(asking, pid, (Atom("slow"), b"a", 1))
    await gates.entered("a")
    process = process_of(pid)
    erl.exit(top, "shutdown")
    assert process.exit_reason == "shutdown"
    gates.open("a")


async def test_sys_messages_wait_like_all_others() -> None:
    gates = Gates()
    pid = await Marked.start(gates)
    assert pid is not None
    erl.spawn(asking, pid, (Atom("slow"), b"a", 5))
    await gates.entered("a")
    state = asyncio.ensure_future(sys.get_state(pid))
    await settled()
    assert not state.done()
    gates.open("a")
    found: Any = await state
    assert found["log"] == [5]


# --- the caller's end --------------------------------------------------------------------------


async def test_work_of_a_caller_that_has_ended_is_dropped_when_it_has_not_begun(runtime: Runtime) -> None:
    runtime.threads.size = 1
    gates = Gates()
    busy, pid = await Marked.start(gates), await Marked.start(gates)
    assert busy is not None
    assert pid is not None
    erl.spawn(asking, busy, (Atom("slow"), b"a", 1))
    await gates.entered("a")
    callers = [erl.spawn(asking, pid, (Atom("quick"), number)) for number in range(2)]
    callers.append(erl.spawn(asking, pid, (Atom("steady"), 2)))
    await settled()
    assert runtime.threads.waiting == 1
    for caller in callers:
        erl.exit(caller, "kill")
    await settled()
    # The first is taken out of the queue, the second does not get there, the third does.
    assert runtime.threads.waiting == 1
    gates.open("a")
    assert await ask(pid, Atom("logged")) == [2]
    assert not process_of(pid).monitors or not process_of(pid).monitors.watching  # type: ignore[union-attr]


async def test_a_server_waits_for_the_thread_of_a_caller_that_has_ended() -> None:
    gates = Gates()
    pid = await Marked.start(gates)
    assert pid is not None
    caller = erl.spawn(asking, pid, (Atom("slow"), b"a", 1))
    await gates.entered("a")
    erl.exit(caller, "kill")
    await settled()
    logged = asyncio.ensure_future(ask(pid, Atom("logged")))
    await settled()
    assert not logged.done()
    gates.open("a")
    assert await logged == [1]


async def test_a_worker_of_a_caller_that_has_ended_is_killed_and_the_server_goes_on(fifo: Path) -> None:
    pid = await Counting.start()
    assert pid is not None
    assert await ask(pid, (Atom("add"), 2)) == 2
    caller = erl.spawn(asking, pid, (Atom("stay"), str(fifo).encode()))
    worker = int(await asyncio.to_thread(fifo.read_text))
    erl.exit(caller, "kill")
    assert await ask(pid, Atom("get")) == 2
    # Its thread has noticed when another worker answers.
    assert await ask(pid, (Atom("add"), 1)) == 3
    assert worker != os.getpid()
    await reason_of(caller)


# --- worker processes --------------------------------------------------------------------------


async def test_a_worker_changes_the_state_only_when_it_returns() -> None:
    pid = await Counting.start()
    assert await ask(pid, (Atom("add"), 2)) == 2
    assert await ask(pid, (Atom("add"), 3)) == 5
    (error, stack), _ = await exit_of(pid, Atom("spoil"))
    assert error["message"] == b"ValueError: spoiled"
    assert stack[0][:2] == ("test_blocking_callbacks", "Counting.spoil")


async def test_results_of_otps_style_come_back_from_a_worker() -> None:
    pid = await Counting.start()
    assert await ask(pid, Atom("both")) == erl.self()
    assert await ask(pid, Atom("both")) == "over"
    assert pid is not None
    assert await reason_of(pid) == "noproc"


# --- exported functions ---------------------------------------------------------------------------


async def test_exported_functions_can_be_marked() -> None:
    module = Module("BlockingTests")

    @module.export
    @blocking
    def add(a: int, b: int = 1) -> int:
        assert threading.current_thread() is not threading.main_thread()
        return a + b

    @module.export
    @blocking
    def crash() -> None:
        raise ValueError("on purpose")

    def call(name: str, *args: Any) -> Any:
        return apply(Export(module.name, Atom(name), len(args)), list(args))

    assert await call("add", 1, 2) == 3
    assert await call("add", 1) == 2
    here = erl.this_process().runtime

    async def body() -> None:
        await call("crash")

    (error, stack) = await reason_of(here.spawn(body()).pid)
    assert error["message"] == b"ValueError: on purpose"
    assert stack[0][:3] == ("Elixir.BlockingTests", "crash", 0)
