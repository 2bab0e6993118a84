"""Reports in OTP's form: who gets them, and what stands in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import settled

import pyerlnode.process as erl
from pyerlnode.errors import Exit
from pyerlnode.otp import (
    GenServer,
    GenStatem,
    KeepState,
    NextState,
    NoReply,
    Postpone,
    StateTimeout,
    Stop,
    Supervisor,
    child_spec,
)
from pyerlnode.protocol.control import Control, RegSend
from pyerlnode.term import Atom, Export, Pid, encode

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

FAR = Pid("there@localhost", 2, 0, 3)


class Wire:
    """The way to other nodes: what is sent is kept."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def signal(self, node: Atom, control: Control) -> None:
        assert isinstance(control, RegSend)
        assert (node, control.to) == (FAR.node, "logger_proxy")
        encode(control.message)
        self.events.append(control.message)

    def is_connected(self, node: Atom) -> bool:
        return True

    def connect_soon(self, node: Atom, failed: Any) -> None:
        raise AssertionError("nobody asked for that")

    def nodes(self, kind: str = "visible") -> list[Atom]:
        return [FAR.node]

    def report(self, name: str) -> tuple[Any, Any]:
        """The one report with this name in its label, and its metadata."""
        ((report, meta),) = [
            (report, meta) for _, _, report, meta in self.events if report[Atom("label")][1] == name
        ]
        return report, meta


@pytest.fixture
def wire(runtime: Runtime) -> Wire:
    """The test's own group leader is on another node, and so is that of what it starts."""
    made = Wire()
    runtime.distribution = made
    runtime.group_leader = FAR
    return made


class Faulty(GenServer, module="faulty"):
    def init(self, how: str = "") -> Any:
        self.count, self.handle = 7, object()
        return Stop(Atom("nope")) if how == "stop" else None

    def handle_call(self, request: Any, caller: Any) -> Any:
        if request == "stop":
            return Stop(Atom("odd"))
        if request == "exit":
            raise Exit("ouch")
        raise ValueError("boom")

    def handle_cast(self, request: Any) -> Any:
        raise ValueError("boom")


async def crash(request: str) -> Pid:
    pid: Pid = await Faulty.start()
    with pytest.raises(Exit):
        await GenServer.call(pid, Atom(request))
    return pid


async def test_a_server_that_crashed_makes_two_reports(wire: Wire) -> None:
    pid = await crash("boom")
    report, meta = wire.report("terminate")
    assert report[Atom("label")] == ("gen_server", "terminate")
    assert report[Atom("name")] == meta[Atom("pid")] == pid
    assert report[Atom("last_message")] == "boom"
    assert report[Atom("state")][Atom("count")] == 7
    assert "object" in report[Atom("state")][Atom("handle")]
    assert report[Atom("client_info")] == (erl.self(), (erl.self(), []))
    reason, stack = report[Atom("reason")]
    assert reason[Atom("message")] == b"ValueError: boom"
    assert stack[0][1] == "handle_call"
    assert meta[Atom("report_cb")] == Export(Atom("gen_server"), Atom("format_log"), 2)
    assert meta[Atom("domain")] == ["otp"]

    report, meta = wire.report("crash")
    own, linked = report[Atom("report")]
    fields = dict(own)
    assert linked == []
    assert fields[Atom("error_info")][0] == "error"
    assert fields[Atom("error_info")][2] == stack
    assert fields[Atom("ancestors")] == [erl.self()]
    assert fields[Atom("initial_call")] == ("faulty", "init", ["Argument__1"])
    assert fields[Atom("dictionary")] == []
    assert meta[Atom("domain")] == ["otp", "sasl"]


@pytest.mark.parametrize(("how", "stack"), [("exit", True), ("stop", False)])
async def test_the_reason_has_a_stack_if_it_was_raised(wire: Wire, how: str, stack: bool) -> None:
    await crash(how)
    reason = wire.report("terminate")[0][Atom("reason")]
    if stack:
        assert reason[0] == "ouch"
        assert reason[1][0][1] == "handle_call"
    else:
        assert reason == "odd"
    assert dict(wire.report("crash")[0][Atom("report")][0])[Atom("error_info")][0] == "exit"


async def test_a_cast_is_shown_as_it_came_and_has_no_client(wire: Wire) -> None:
    pid = await Faulty.start()
    GenServer.cast(pid, Atom("x"))
    await settled()
    report, _ = wire.report("terminate")
    assert report[Atom("last_message")] == ("$gen_cast", "x")
    assert report[Atom("client_info")] == "undefined"


async def test_a_failed_start_makes_the_crash_report_only(wire: Wire) -> None:
    with pytest.raises(Exit, match="nope"):
        await Faulty.start("stop")
    assert [event[2][Atom("label")] for event in wire.events] == [("proc_lib", "crash")]


async def test_an_unexpected_message(wire: Wire) -> None:
    pid = await Faulty.start()
    erl.send(pid, Atom("what"))
    await settled()
    report, meta = wire.report("no_handle_info")
    assert report[Atom("label")] == ("Elixir.GenServer", "no_handle_info")
    assert report[Atom("report")] == {
        Atom("module"): Atom("faulty"),
        Atom("message"): Atom("what"),
        Atom("name"): pid,
    }
    assert meta[Atom("domain")] == ["otp", "elixir"]


class Fine(GenServer):
    def handle_info(self, message: Any) -> Any:
        return NoReply()


async def test_a_supervisor_tells_of_its_children(wire: Wire) -> None:
    supervisor = await Supervisor.start_link([child_spec(Fine, id="fine")], strategy="one_for_one")
    (child,) = [entry[1] for entry in await Supervisor.which_children(supervisor)]
    report, meta = wire.report("progress")
    about = dict(report[Atom("report")])
    assert dict(about[Atom("started")])[Atom("pid")] == child
    assert meta[Atom("error_logger")] == {Atom("tag"): "info_report", Atom("type"): "progress"}

    wire.events.clear()
    erl.exit(child, Atom("why"))
    await settled()
    report, meta = wire.report("child_terminated")
    about = dict(report[Atom("report")])
    assert about[Atom("errorContext")] == "child_terminated"
    assert about[Atom("reason")] == "why"
    assert dict(about[Atom("offender")])[Atom("pid")] == child
    assert meta[Atom("logger_formatter")] == {Atom("title"): [ord(c) for c in "SUPERVISOR REPORT"]}

    wire.events.clear()
    erl.send(supervisor, Atom("stray"))
    await settled()
    ((_, level, text, args, _),) = wire.events
    assert (level, args) == ("error", [Atom("stray")])
    assert bytes(text).startswith(b"Supervisor received unexpected message")


class Machine(GenStatem, module="machine"):
    def init(self) -> Any:
        self.count = 3
        return NextState("off", StateTimeout(1000.0, "late"))

    def handle_event(self, event: Any, content: Any, state: Any) -> Any:
        if event == "cast":
            return KeepState(Postpone)
        if content == "exit":
            raise Exit("ouch")
        raise ValueError("boom")


@pytest.mark.parametrize(("request_", "kind"), [("boom", "error"), ("exit", "exit")])
async def test_a_machine_has_a_report_of_its_own(wire: Wire, request_: str, kind: str) -> None:
    pid = await Machine.start()
    GenStatem.cast(pid, Atom("x"))
    with pytest.raises(Exit):
        await GenStatem.call(pid, Atom(request_))
    report, meta = wire.report("terminate")
    assert report[Atom("label")] == ("gen_statem", "terminate")
    assert report[Atom("callback_mode")] == "handle_event_function"
    assert report[Atom("state")] == ("off", {Atom("count"): 3})
    assert report[Atom("postponed")] == [("cast", "x")]
    ((event, caller), content) = report[Atom("queue")][0]
    assert (event, caller[0], content) == ("call", erl.self(), request_)
    assert report[Atom("timeouts")] == (1, [("state_timeout", "late")])
    assert report[Atom("modules")] == ["machine"]
    assert report[Atom("reason")][0] == kind
    assert report[Atom("reason")][2][0][1] == "Machine.handle_event"
    assert report[Atom("client_info")] == (erl.self(), (erl.self(), []))
    assert meta[Atom("report_cb")] == Export(Atom("gen_statem"), Atom("format_log"), 2)
    assert wire.report("crash")[0][Atom("label")] == ("proc_lib", "crash")


async def test_nothing_is_sent_where_the_group_leader_is_here(wire: Wire, runtime: Runtime) -> None:
    runtime.attach().group_leader = runtime.attach().pid
    await crash("boom")
    assert wire.events == []
