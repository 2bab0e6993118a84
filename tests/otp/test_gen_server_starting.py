"""Starting servers: rows I of the OTP rules, names, ancestors, and what a failed start leaves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import inside, process_of, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, ErlangError, Exit, Throw, UsageError
from pyerlnode.otp import (
    Continue,
    Failure,
    GenServer,
    GenStatem,
    Hibernate,
    Ignore,
    NoReply,
    Reply,
    Stop,
    on_call,
    proc_lib,
)
from pyerlnode.otp.gen_server import start_server
from pyerlnode.process import this_process
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from pyerlnode.process import Process, Runtime


class Server(GenServer):
    """Does in `init` what it is told."""

    def init(self, make: Any = None) -> Any:
        return make() if callable(make) else make

    def handle_continue(self, arg: Any) -> Any:
        arg()
        return NoReply()

    @on_call
    def get(self) -> int:
        return 1


class AsyncServer(GenServer):
    async def init(self, make: Any = None) -> Any:
        await asyncio.sleep(0)
        return make() if callable(make) else make


def raises(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize("cls", [Server, AsyncServer])
@pytest.mark.parametrize(
    "result", [None, NoReply(), Hibernate, Hibernate(), NoReply(timeout=100), Continue(id)]
)
async def test_what_init_returns_when_it_has_started(cls: type[GenServer], result: Any) -> None:
    if isinstance(result, Continue):
        result = Continue(lambda: None)
        cls = Server
    kind, pid = await start_server(cls, (result,))
    assert kind == "ok"
    assert erl.is_alive(pid)


@pytest.mark.parametrize("cls", [Server, AsyncServer])
@pytest.mark.parametrize(
    ("make", "result", "ends"),
    [
        (lambda: Ignore(), "ignore", "normal"),
        (lambda: Ignore, "ignore", "normal"),
        (lambda: Stop("why"), ("error", "why"), "why"),
        (lambda: Stop("normal"), ("error", "normal"), "normal"),
        (lambda: Failure("why"), ("error", "why"), "normal"),
        (lambda: raises(Exit("why")), ("error", "why"), "why"),
        (lambda: raises(Throw(Stop("why"))), ("error", "why"), "why"),
        (lambda: raises(Throw(5)), ("error", ("bad_return_value", 5)), ("bad_return_value", 5)),
        (lambda: 5, ("error", ("bad_return_value", 5)), ("bad_return_value", 5)),
        (lambda: Reply(5), ("error", ("bad_return_value", ("reply", 5, {}))), None),
    ],
)
async def test_what_else_init_can_end_in(cls: type[GenServer], make: Any, result: Any, ends: Any) -> None:
    pids: list[Pid] = []

    def init() -> Any:
        pids.append(erl.self())
        return make()

    async def trapping() -> Any:
        erl.process_flag("trap_exit", True)
        found = await start_server(cls, (init,), link=True, name="server")
        assert not erl.is_alive(pids[0])
        assert erl.whereis("server") is None
        with pytest.raises(TimeoutError):
            await erl.receive(timeout=0)
        return found

    assert await inside(trapping) == result
    assert ends is None or _reasons[pids[0]] == ends


_reasons: dict[Pid, Any] = {}


@pytest.fixture(autouse=True)
def _remember_reasons(runtime: Runtime) -> None:
    """Keep the exit reason of every process that ends."""
    _reasons.clear()

    def remember(process: Process) -> None:
        _reasons[process.pid] = process.exit_reason

    runtime.before_end = lambda process: process.call_at_end(remember)


async def test_errors_in_init_carry_their_stack() -> None:
    kind, (reason, stack) = await start_server(Server, (lambda: raises(ErlangError((Atom("my"), 1))),))
    assert (kind, reason) == ("error", ("my", 1))
    assert stack[0][:2] == ("test_gen_server_starting", "raises")
    _, (reason, stack) = await start_server(Server, (lambda: raises(RuntimeError("no")),))
    assert reason["message"] == b"no"


async def test_arguments_of_init_are_checked() -> None:
    class Typed(GenServer):
        def init(self, name: str, n: int = 1) -> None:
            self.name = name

        @on_call
        def get(self) -> str:
            return self.name

    pid = await Typed.start(b"text")
    assert pid is not None
    assert await GenServer.call(pid, Atom("get")) == "text"
    for args in ((), (1,), (b"x", b"y"), (b"x", 1, 2)):
        kind, (reason, stack) = await start_server(Typed, args)
        assert (kind, reason) == ("error", "function_clause")
        assert stack[0][:3] == ("Typed", "init", list(args))


# --- what Python callers get --------------------------------------------------------------------


async def test_start_gives_the_pid_none_or_an_exit() -> None:
    pid = await Server.start(name="server")
    assert isinstance(pid, Pid)
    assert erl.whereis("server") == pid
    assert await Server.start(Ignore()) is None
    with pytest.raises(Exit) as failed:
        await Server.start(lambda: Stop((Atom("no"), 1)))
    assert failed.value.reason == ("no", 1)


async def test_the_class_may_be_named_as_in_elixir() -> None:
    pid = await GenServer.start_link(Server, lambda: None, name="named")
    assert pid is not None
    assert type(process_of(pid).behaviour.state) is Server  # type: ignore[union-attr]
    for start in (GenServer.start_link(), GenServer.start(0), GenStatem.start(Server)):
        with pytest.raises(UsageError, match=r"start_link\(MyServer"):
            await start


async def test_a_taken_name_is_already_started_and_init_is_not_called() -> None:
    pid = await Server.start(name="server")
    called: list[int] = []
    with pytest.raises(Exit) as failed:
        await Server.start_link(lambda: called.append(1), name="server")
    assert failed.value.reason == ("already_started", pid)
    assert called == []


@pytest.mark.parametrize("name", ["", "undefined", "nil", 5, ("a", "b"), ("via", 1, 2), ()])
async def test_what_is_no_name(name: Any) -> None:
    with pytest.raises(BadArg) as refused:
        await Server.start(name=name)
    assert refused.value.reason["__struct__"] == "Elixir.ArgumentError"
    assert str(refused.value).startswith("expected :name option to be one of the following:")


async def test_start_monitor_watches_from_the_start() -> None:
    started = await Server.start_monitor()
    assert started is not None
    pid, ref = started
    erl.exit(pid, Atom("why"))
    assert await erl.receive(timeout=0) == ("DOWN", ref, "process", pid, "why")
    with pytest.raises(Exit):
        await Server.start_monitor(lambda: Stop("why"))
    with pytest.raises(TimeoutError):
        await erl.receive(timeout=0)


async def test_a_start_that_takes_too_long_is_killed() -> None:
    pids: list[Pid] = []

    class Slow(GenServer):
        async def init(self) -> None:
            pids.append(erl.self())
            await erl.receive()

    async def body() -> Any:
        erl.process_flag("trap_exit", True)
        result = await start_server(Slow, (), link=True, name="slow", timeout=0.01)
        with pytest.raises(TimeoutError):
            await erl.receive(timeout=0)
        return result, erl.whereis("slow")

    assert await inside(body) == (("error", "timeout"), None)
    assert _reasons[pids[0]] == "killed"


async def test_a_start_that_is_cancelled_leaves_no_process(runtime: Runtime) -> None:
    before = len(runtime.processes())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Hangs.start()
    assert len(runtime.processes()) == before + 1  # the process of the test's own task


class Hangs(GenServer):
    async def init(self) -> None:
        await erl.receive()


# --- links -----------------------------------------------------------------------------------------


async def test_a_failed_start_ends_a_linked_parent_that_does_not_trap() -> None:
    async def parent() -> None:
        await Server.start_link(lambda: Stop("why"))

    assert await reason_of(erl.spawn(parent)) == "why"


async def test_a_plain_asyncio_task_only_gets_the_exception() -> None:
    with pytest.raises(Exit) as failed:
        await Server.start_link(lambda: Stop("why"))
    assert failed.value.reason == "why"
    assert await inside(asyncio.sleep, 0, "on") == "on"


async def test_a_server_that_ends_takes_its_parent_along_and_the_other_way_round() -> None:
    async def parent() -> None:
        erl.send(test, await Server.start_link())
        await erl.receive()

    test = erl.self()
    first = erl.spawn(parent)
    child = await erl.receive(timeout=1)
    erl.exit(child, Atom("why"))
    assert _reasons[first] == "why"
    second = erl.spawn(parent)
    child = await erl.receive(timeout=1)
    erl.exit(second, Atom("why"))
    assert _reasons[child] == "why"


async def test_a_server_that_is_killed_while_it_starts() -> None:
    async def body() -> Any:
        erl.process_flag("trap_exit", True)
        result = await start_server(Killed, (), link=True)
        with pytest.raises(TimeoutError):
            await erl.receive(timeout=0)
        return result

    class Killed(GenServer):
        async def init(self) -> None:
            erl.exit(erl.self(), "kill")
            await erl.receive()

    assert await inside(body) == ("error", "killed")


async def test_what_init_continues_with_runs_before_any_message() -> None:
    trace: list[str] = []
    pid = await Server.start(Continue(lambda: trace.append("continue")))
    assert trace == ["continue"]
    assert await GenServer.call(pid, Atom("get")) == 1  # type: ignore[arg-type]


async def test_a_plain_function_can_be_started_and_say_when_it_is_ready() -> None:
    async def ready(word: Any) -> None:
        assert erl.get(Atom("$initial_call")) == ("m", "f", 1)
        if word is not None:
            proc_lib.init_ack(this_process(), word)
            proc_lib.init_ack(this_process(), "only the first counts")
        await settled()

    async def start(word: Any) -> Any:
        return await proc_lib.start(ready(word), initial_call=(Atom("m"), Atom("f"), 1))

    assert await start((Atom("ok"), 5)) == ("ok", 5)
    assert await start(Atom("ignore")) == "ignore"
    assert await start(None) == ("error", "normal")


async def test_a_registration_that_is_cancelled_leaves_no_process(runtime: Runtime) -> None:
    class Never(Registry):
        async def register_name(self, name: Any, pid: Pid) -> bool:
            await asyncio.sleep(10)
            return True

    runtime.name_hooks[Atom("global")] = Never()
    erl.self()
    before = runtime.processes()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Server.start(name=("global", 1))
    assert runtime.processes() == before


# --- where a process comes from ----------------------------------------------------------------------


async def test_ancestors_and_initial_call(runtime: Runtime) -> None:
    class Nested(GenServer, module="Elixir.Nested"):
        async def init(self, depth: int) -> None:
            self.child = await Nested.start(depth - 1) if depth else None

        @on_call
        def child_of(self) -> Any:
            return self.child

    async def body() -> Any:
        erl.register("top", erl.self())
        pid = await Nested.start_link(1, name="middle")
        assert pid is not None
        return pid, await GenServer.call(pid, Atom("child_of"))

    holder: asyncio.Future[Any] = runtime.loop.create_future()

    async def stays() -> None:
        holder.set_result(await body())
        await erl.receive()

    erl.spawn(stays)
    middle, child = await holder
    assert process_of(middle).dictionary == {
        "$ancestors": ["top"],
        "$initial_call": ("Elixir.Nested", "init", 1),
    }
    assert process_of(child).dictionary["$ancestors"] == ["middle", "top"]  # type: ignore[index]


async def test_the_group_leader_is_the_starters() -> None:
    leader = await Server.start()
    assert leader is not None
    erl.group_leader(leader)
    pid = await Server.start()
    assert pid is not None
    assert process_of(pid).group_leader == leader


# --- names of others ---------------------------------------------------------------------------------


class Registry:
    """A via module."""

    def __init__(self, wait: bool = False, refuse: bool = False) -> None:
        self.names: dict[Any, Pid] = {}
        self.wait, self.refuse = wait, refuse

    def register_name(self, name: Any, pid: Pid) -> Any:
        if self.refuse:
            raise ErlangError("badarg", [(Atom("registry"), Atom("register_name"), 2, [])])
        free = self.names.setdefault(name, pid) == pid

        async def later() -> bool:
            await asyncio.sleep(0)
            return free

        return later() if self.wait else free

    def unregister_name(self, name: Any) -> None:
        self.names.pop(name, None)

    def whereis_name(self, name: Any) -> Pid | None:
        return self.names.get(name)


@pytest.mark.parametrize("wait", [False, True])
@pytest.mark.parametrize("name", [("global", ("any", 1)), ("via", "Elixir.Registry", ("reg", "key"))])
async def test_global_and_via_names(runtime: Runtime, wait: bool, name: Any) -> None:
    registry = Registry(wait)
    runtime.name_hooks[Atom("global" if len(name) == 2 else "Elixir.Registry")] = registry
    pid = await Server.start(name=name)
    assert registry.names == {name[-1]: pid}
    assert await GenServer.call(name, Atom("get")) == 1
    assert await start_server(Server, (), name=name) == ("error", ("already_started", pid))
    registry.names.clear()
    assert await start_server(Server, (Stop("why"),), name=name) == ("error", "why")
    assert registry.names == {}


async def test_a_name_that_was_taken_between_the_look_and_the_registration(runtime: Runtime) -> None:
    class Late(Registry):
        def whereis_name(self, name: Any) -> Pid | None:
            found, self.names = self.names.get(name), {name: erl.self()}
            return found

    runtime.name_hooks[Atom("global")] = Late()
    assert await start_server(Server, (), name=("global", 1)) == ("error", ("already_started", erl.self()))
    await settled()


async def test_names_that_nobody_resolves(runtime: Runtime) -> None:
    with pytest.raises(ErlangError) as undefined:
        await start_server(Server, (), name=("via", "nothing", 1))
    assert (undefined.value.reason, undefined.value.stack) == (
        "undef",
        [("nothing", "whereis_name", [1], [])],
    )
    runtime.name_hooks[Atom("refuses")] = Registry(refuse=True)
    kind, (reason, _) = await start_server(Server, (), name=("via", "refuses", 1))
    assert (kind, reason) == ("error", "badarg")
    assert len(runtime.processes()) == 1
