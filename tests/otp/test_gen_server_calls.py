"""Calls, casts and replies: rows G and C of the OTP rules."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import OK, SECONDS, exit_of, inside, process_of, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import (
    BadArg,
    CallTimeout,
    ErlangError,
    Exit,
    NodeDown,
    NoProc,
    TermEncodeError,
    UsageError,
)
from pyerlnode.otp import GenServer, NoReply, Reply, Stop, on_call, on_cast
from pyerlnode.protocol.control import AliasSend, Monitor, Send
from pyerlnode.term import Atom, ImproperList, Pid, Reference, equal

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

CALL = (Atom("Elixir.GenServer"), Atom("call"))
GET, ALIAS = Atom("get"), Atom("alias")


class Counter(GenServer):
    def init(self, initial: int = 0) -> None:
        self.count = initial
        self.open: Any = None

    @on_call
    def get(self) -> int:
        return self.count

    @on_call
    def add(self, n: int) -> int:
        self.count += n
        return self.count

    @on_call
    def where(self, *, caller: Any) -> Any:
        return (erl.self(), caller)

    @on_call
    def later(self, *, caller: Any) -> NoReply:
        self.open = caller
        return NoReply()

    @on_call
    async def slow(self, seconds: float, value: Any) -> Any:
        await asyncio.sleep(seconds)
        return value

    @on_call
    def stop_with(self, reason: Any) -> Stop:
        return Stop(reason)

    @on_call
    def stop_replying(self, reason: Any) -> Stop:
        return Stop(reason, OK)

    @on_call
    def twice(self, *, caller: Any) -> Reply:
        GenServer.reply(caller, 1)
        return Reply(2)

    @on_cast
    def inc(self) -> None:
        self.count += 1

    @on_cast
    def now(self, value: Any) -> None:
        GenServer.reply(self.open, value)


async def started(*args: Any, **options: Any) -> Pid:
    pid = await Counter.start(*args, **options)
    assert pid is not None
    return pid


async def test_a_call_is_answered_with_what_the_method_returns(runtime: Runtime) -> None:
    pid = await started(5, name="Elixir.Counter")
    for server in (pid, "Elixir.Counter", ("Elixir.Counter", runtime.name)):
        assert await GenServer.call(server, GET) == 5
    assert await GenServer.call(pid, (Atom("add"), 3)) == 8
    assert equal(GenServer.cast("Elixir.Counter", Atom("inc")), OK)
    assert await GenServer.call(pid, GET, timeout=None) == 9


async def test_the_tag_of_a_call_is_an_alias() -> None:
    pid = await started()
    server, (caller, tag) = await GenServer.call(pid, Atom("where"))
    assert (server, caller) == (pid, erl.self())
    assert isinstance(tag, ImproperList)
    assert tag.elements == (ALIAS,)
    assert isinstance(tag.tail, Reference)


@pytest.mark.parametrize(
    "make",
    [
        lambda ref: ImproperList([ALIAS], ref),
        lambda ref: ImproperList([ImproperList([ALIAS], ref)], erl.make_ref()),
    ],
)
async def test_a_reply_to_an_alias_goes_there_and_keeps_the_tag_whole(make: Any) -> None:
    pid = await started()
    tag = make(erl.alias(reply=True))
    erl.send(pid, (Atom("$gen_call"), (Pid("elsewhere@host", 1, 0, 1), tag), GET))
    assert equal(await erl.receive(timeout=1), (tag, 0))


@pytest.mark.parametrize("tag", ["a reference", (1, 2), [1], ImproperList([1], 2), b"x"])
async def test_a_reply_to_any_other_tag_goes_to_the_pid(tag: Any) -> None:
    pid = await started()
    tag = erl.make_ref() if tag == "a reference" else tag
    erl.send(pid, (Atom("$gen_call"), (erl.self(), tag), GET))
    assert equal(await erl.receive(timeout=1), (tag, 0))


async def test_a_tag_is_kept_whole_and_says_to_whom_the_reply_goes() -> None:
    pid, alias = await started(), erl.alias()
    erl.register("asks", erl.self())
    aliased = ImproperList([Atom("alias")], alias)
    for to, tag in [
        (5, aliased),
        (5, [aliased, 1]),
        (5, ImproperList([aliased], alias)),
        (erl.self(), ImproperList([Atom("alias")], 5)),
        (erl.self(), ImproperList([Atom("alias"), 1], alias)),
        (Atom("asks"), 1),
        ((Atom("asks"), erl.node()), b"two"),
    ]:
        erl.send(pid, (Atom("$gen_call"), (to, tag), (Atom("add"), 0)))
        assert equal(await erl.receive(timeout=1), (tag, 0))
    erl.send(pid, (Atom("$gen_call"), (Atom("nobody"), 1), (Atom("add"), 0)))
    assert await GenServer.call(pid, GET) == 0


@pytest.mark.parametrize("caller", [None, (), (1, 2), (1, 2, 3), b"x"])
async def test_a_call_that_cannot_be_answered_does_the_server_no_harm(caller: Any) -> None:
    pid = await started()
    erl.send(pid, (Atom("$gen_call"), caller, (Atom("add"), 1)))
    assert await GenServer.call(pid, GET) == 1
    with pytest.raises(BadArg):
        GenServer.reply(caller, 1)


async def test_a_reply_from_elsewhere() -> None:
    pid = await started()
    call = asyncio.ensure_future(GenServer.call(pid, Atom("later")))
    await settled()
    GenServer.cast(pid, (Atom("now"), "x"))
    assert await call == "x"


async def test_of_two_replies_the_first_counts() -> None:
    pid = await started()
    assert await GenServer.call(pid, Atom("twice")) == 1
    with pytest.raises(TimeoutError):
        await erl.receive(timeout=0)


# --- what callers exit with ------------------------------------------------------------------


async def test_there_is_no_such_server(runtime: Runtime) -> None:
    pid = await started()
    await GenServer.stop(pid)
    name = ("nobody", runtime.name)
    for server, shown in (
        (pid, pid),
        ("nobody", Atom("nobody")),
        (name, name),
        (("global", 1), ("global", 1)),
    ):
        with pytest.raises(NoProc) as failed:
            await GenServer.call(server, GET)
        assert equal(failed.value.reason[0], Atom("noproc"))
        assert failed.value.reason[1] == (*CALL, [shown, "get", 5000])
    # Who is to resolve the name is not there: that is an error of the caller, and no exit.
    with pytest.raises(ErlangError) as undefined:
        await GenServer.call(("via", "m", 1), GET)
    assert (undefined.value.reason, undefined.value.stack) == ("undef", [("m", "whereis_name", [1], [])])


def _exit(reason: Any, server: Any, timeout: float | None = SECONDS, request: Any = GET) -> Any:
    reason = Atom(reason) if isinstance(reason, str) else reason
    return (
        reason,
        (*CALL, [server, request, Atom("infinity") if timeout is None else round(timeout * 1000)]),
    )


async def test_a_node_that_cannot_be_reached() -> None:
    with pytest.raises(NodeDown) as failed:
        await GenServer.call(("server", "absent@localhost"), GET)
    there = (Atom("server"), Atom("absent@localhost"))
    assert equal(failed.value.reason, _exit((Atom("nodedown"), there[1]), there, 5.0))


async def test_no_answer_in_time_and_the_late_one_reaches_nobody(runtime: Runtime) -> None:
    pid = await started()
    request = (Atom("slow"), 0.05, "late")
    with pytest.raises(CallTimeout) as failed:
        await GenServer.call(pid, request, timeout=0.01)
    assert failed.value.reason == (Atom("timeout"), (*CALL, [pid, request, 10]))
    assert await GenServer.call(pid, GET) == 0
    with pytest.raises(TimeoutError):
        await erl.receive(timeout=0)
    assert not runtime.aliases


async def test_the_server_ends_while_the_call_waits() -> None:
    for reason in ("normal", "shutdown", "why"):
        pid = await started()
        request = (Atom("stop_with"), Atom(reason))
        assert equal(await exit_of(pid, request), _exit(reason, pid, request=request))
    pid = await started()
    request = (Atom("slow"), 10.0, 1)
    waiting = asyncio.ensure_future(exit_of(pid, request))
    await settled()
    erl.exit(pid, Atom("kill"))
    assert equal(await waiting, _exit("killed", pid, request=request))


async def test_a_reply_with_the_stop_is_delivered() -> None:
    pid = await started()
    assert await GenServer.call(pid, (Atom("stop_replying"), Atom("why"))) == OK
    assert await reason_of(pid) == "noproc"


async def test_calling_oneself() -> None:
    async def body() -> Any:
        erl.register("me", erl.self())
        return [await exit_of(server, GET) for server in (erl.self(), "me")], erl.self()

    reasons, pid = await inside(body)
    assert equal(reasons[0], _exit("calling_self", pid))
    assert equal(reasons[1], _exit("calling_self", Atom("me")))


async def test_a_def_callback_that_calls_is_told_at_once() -> None:
    class Waits(GenServer):
        @on_call
        def ask(self) -> Any:
            for function in (GenServer.call, GenServer.stop):
                with pytest.raises(UsageError, match="async def"):
                    function(other, GET)  # type: ignore[operator]
            with pytest.raises(UsageError, match="async def"):
                GenServer.multi_call("name", GET)
            return OK

    other = await started()
    pid = await Waits.start()
    assert pid is not None
    assert await GenServer.call(pid, Atom("ask")) == OK


async def test_an_async_callback_may_call() -> None:
    class Asks(GenServer):
        @on_call
        async def ask(self, other: Pid) -> Any:
            return await GenServer.call(other, GET)

    pid = await Asks.start()
    assert pid is not None
    assert await GenServer.call(pid, (Atom("ask"), await started(3))) == 3


async def test_what_is_no_server() -> None:
    for server in (1, (1, 2), ("a", "b", "c"), None, b"name"):
        with pytest.raises(BadArg):
            await GenServer.call(server, GET)  # type: ignore[arg-type]
        with pytest.raises(BadArg):
            GenServer.cast(server, GET)  # type: ignore[arg-type]


async def test_casts_to_nobody_are_ok() -> None:
    for server in ("nobody", ("nobody", "absent@localhost"), ("global", "x"), ("via", "m", "x")):
        assert GenServer.cast(server, GET) == OK


async def test_a_call_that_is_cancelled_leaves_nothing(runtime: Runtime) -> None:
    pid = await started()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await GenServer.call(pid, (Atom("slow"), 0.05, 1), timeout=None)
    watched = process_of(pid).monitors
    assert not runtime.aliases
    assert watched is not None and not watched.watched_by
    assert await GenServer.call(pid, GET) == 0


async def test_many_calls_leave_nothing_and_keep_their_order(runtime: Runtime) -> None:
    pid = await started()

    async def calls() -> list[int]:
        return [await GenServer.call(pid, (Atom("add"), 1)) for _ in range(1000)]

    assert await inside(calls) == list(range(1, 1001))
    monitors = process_of(pid).monitors
    assert not runtime.aliases
    assert monitors is None or not monitors.watched_by


# --- several servers, several nodes ----------------------------------------------------------


async def test_abcast_and_multi_call(runtime: Runtime) -> None:
    pid = await started(1, name="counter")
    assert GenServer.abcast("counter", Atom("inc")) == "abcast"
    assert GenServer.abcast("counter", Atom("inc"), [runtime.name, "absent@localhost"]) == "abcast"
    replies, bad = await GenServer.multi_call("counter", GET, [runtime.name, "absent@localhost"])
    assert (replies, bad) == ([(runtime.name, 3)], ["absent@localhost"])
    assert await GenServer.multi_call("nobody", GET) == ([], [runtime.name])
    slow = (Atom("slow"), 0.05, 1)
    assert await GenServer.multi_call("counter", slow, timeout=0.01) == ([], [runtime.name])
    with pytest.raises(BadArg, match="list"):
        GenServer.abcast("counter", GET, "node@host")
    assert not runtime.aliases
    assert await GenServer.call(pid, GET) == 3


async def test_send_request() -> None:
    pid = await started(4)
    sent = GenServer.send_request(pid, GET)
    assert await GenServer.receive_response(sent, 1) == 4
    with pytest.raises(CallTimeout):
        await GenServer.receive_response(GenServer.send_request(pid, (Atom("slow"), 0.05, 1)), 0.01)
    sent = GenServer.send_request(pid, (Atom("stop_with"), Atom("why")))
    with pytest.raises(Exit) as failed:
        await GenServer.receive_response(sent)
    assert failed.value.reason == "why"


class Elsewhere:
    """A `Distribution` that only writes down."""

    def __init__(self, runtime: Runtime) -> None:
        self.sent: list[Any] = []
        runtime.distribution = self

    def signal(self, node: Atom, control: Any) -> None:
        if isinstance(control, AliasSend):
            raise TermEncodeError("no term")
        self.sent.append(control)

    def is_connected(self, node: Atom) -> bool:
        return True

    def connect_soon(self, node: Atom, failed: Any) -> None:
        raise AssertionError("it is connected")

    def nodes(self, kind: str = "visible") -> list[Atom]:
        return []


async def test_a_call_to_another_node_monitors_then_sends(runtime: Runtime) -> None:
    elsewhere = Elsewhere(runtime)
    there = Pid("there@localhost", 1, 0, 1)
    call = asyncio.ensure_future(GenServer.call(there, GET))
    await asyncio.sleep(0)
    monitor, send = elsewhere.sent
    assert isinstance(monitor, Monitor) and isinstance(send, Send)
    tag = ImproperList([ALIAS], monitor.ref)
    assert equal(send.message, (Atom("$gen_call"), (monitor.sender, tag), GET))
    runtime.receive_signal(there.node, AliasSend(there, monitor.ref, (tag, 7)))
    assert await call == 7


async def test_a_connection_that_is_lost_while_waiting(runtime: Runtime) -> None:
    Elsewhere(runtime)
    there = Pid("there@localhost", 1, 0, 1)

    class Registry:
        def whereis_name(self, name: Any) -> Pid:
            return there

        def register_name(self, name: Any, pid: Pid) -> bool:
            return False

        def unregister_name(self, name: Any) -> None:
            raise AssertionError("nobody registered anything")

    runtime.name_hooks[Atom("global")] = Registry()
    direct = asyncio.ensure_future(exit_of(there, GET))
    by_name = asyncio.ensure_future(exit_of(("global", 1), GET))
    await asyncio.sleep(0)
    runtime.node_down(there.node)
    assert equal(await direct, _exit((Atom("nodedown"), there.node), there))
    assert equal(await by_name, _exit("noproc", (Atom("global"), 1)))


async def test_a_reply_that_has_no_term_ends_the_server_with_the_reason(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    Elsewhere(runtime)
    pid = await started()
    ref = erl.monitor(pid)
    tag = ImproperList([ALIAS], Reference("there@localhost", 1, (1, 2, 3)))
    erl.send(pid, (Atom("$gen_call"), (Pid("there@localhost", 1, 0, 1), tag), GET))
    _, _, _, _, (reason, _) = await erl.receive(lambda message: message[1] == ref, timeout=1)
    assert reason["message"] == b"TermEncodeError: no term"


@pytest.mark.parametrize("timeout", ["5", True, -1, float("nan"), 2**70])
async def test_a_timeout_that_is_none_is_told_before_the_request_is_sent(timeout: Any) -> None:
    seen: list[Any] = []

    class Notes(GenServer):
        def handle_call(self, request: Any, caller: Any) -> Any:
            seen.append(request)
            return Reply(request)

    pid = await Notes.start()
    with pytest.raises(BadArg, match="a timeout is 0 to"):
        await GenServer.call(pid, 1, timeout)
    assert await GenServer.call(pid, 2) == 2
    assert seen == [2]
