"""System messages: rows Y of the OTP rules, answered and asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import OK, process_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, ErlangError, Exit, NoProc, Throw
from pyerlnode.otp import (
    Failure,
    GenServer,
    GenStatem,
    NextState,
    NoReply,
    Supervisor,
    on_call,
    on_cast,
    sys,
)
from pyerlnode.process import Runtime, this_process
from pyerlnode.services.process_info import process_info
from pyerlnode.term import Atom, Export, ImproperList, Pid, encode, equal

if TYPE_CHECKING:
    from pathlib import Path


class Server(GenServer):
    def init(self, count: int = 0) -> None:
        self.count = count
        self.names = [b"a"]

    @on_call
    def get(self) -> int:
        return self.count

    @on_cast
    def inc(self) -> None:
        self.count += 1

    def handle_info(self, message: Any) -> Any:
        return NoReply()

    def code_change(self, old_version: Any, extra: Any) -> Any:
        match extra:
            case "refuse":
                return Failure("refused")
            case "raise":
                raise ErlangError("broken")
            case "later":
                return self.later()
        self.count = extra
        return None

    async def later(self) -> Any:
        await asyncio.sleep(0)
        self.count = -1


async def started(cls: type[GenServer] = Server, **options: Any) -> Pid:
    pid = await cls.start(**options)
    assert pid is not None
    return pid


async def ask(pid: Pid, request: Any) -> Any:
    """The bare reply to a system message."""
    alias = erl.alias(reply=True)
    tag = ImproperList([Atom("alias")], alias)
    erl.send(pid, (Atom("system"), (erl.self(), tag), request))
    answered, reply = await erl.receive(timeout=1)
    assert answered == tag
    return reply


STATE = {Atom("count"): 0, Atom("names"): [b"a"]}


async def test_get_state_is_answered_as_otp_27_does_and_taken_as_any_does() -> None:
    pid = await started()
    assert equal(await ask(pid, Atom("get_state")), (OK, STATE))
    assert await sys.get_state(pid) == STATE

    async def otp_25() -> None:
        while True:
            _, (sender, tag), _ = await erl.receive()
            erl.send(sender if isinstance(tag, int) else tag.tail, (tag, 42))

    assert await sys.get_state(erl.spawn(otp_25)) == 42


async def test_what_is_not_shown_as_attributes() -> None:
    class Own(GenServer):
        def init(self) -> None:
            self.value = 1

        def __state__(self) -> Any:
            if self.value == 3:
                raise RuntimeError("no")
            return (Atom("own"), self.value, object)

        def __replace_state__(self, state: Any) -> None:
            self.value = state[1]

    pid = await started(Own)
    state = await sys.get_state(pid)
    assert state == ("own", 1, "<class 'object'>")
    encode(state)
    assert await sys.replace_state(pid, lambda state: (state[0], 2)) == ("own", 2, "<class 'object'>")
    kind, (failed, where, (category, reason)) = await ask(pid, (Atom("replace_state"), lambda state: (1, 3)))
    assert (kind, failed, where) == ("error", "callback_failed", ("gen_server", "system_replace_state"))
    assert (category, reason["message"]) == ("error", b"no")
    with pytest.raises(ErlangError) as refused:
        await sys.get_state(pid)
    assert refused.value.reason[1] == ("gen_server", "system_get_state")


async def test_replace_state(runtime: Runtime) -> None:
    pid = await started()
    new = await sys.replace_state(pid, lambda state: state | {Atom("count"): 9})
    assert new == STATE | {Atom("count"): 9}
    assert await GenServer.call(pid, Atom("get")) == 9

    def apply(function: Any, args: list[Any]) -> Any:
        async def later() -> Any:
            await asyncio.sleep(0)
            return args[0] | {Atom("count"): 10}

        return later() if function.function == "async" else args[0] | {Atom("count"): 11}

    runtime.apply_hook = apply
    assert (await sys.replace_state(pid, Export("m", "async", 1)))[Atom("count")] == 10
    assert (await sys.replace_state(pid, Export("m", "f", 1)))[Atom("count")] == 11


@pytest.mark.parametrize(
    ("function", "category", "reason"),
    [
        (Export("m", "f", 1), "error", "undef"),
        (lambda state: exec("raise E(5)", {"E": Exit}), "exit", 5),
        (lambda state: exec("raise E(5)", {"E": Throw}), "throw", 5),
        (lambda state: 5, "error", None),
        (lambda state: {Atom("unknown"): 5}, "error", None),
        (lambda state: {5: 5}, "error", None),
    ],
)
async def test_a_replace_state_that_fails_changes_nothing(function: Any, category: str, reason: Any) -> None:
    pid = await started()
    kind, (failed, where, found) = await ask(pid, (Atom("replace_state"), function))
    assert (kind, failed, where) == ("error", "callback_failed", ("gen_server", "system_replace_state"))
    assert found[0] == category
    assert reason is None or found[1] == reason
    assert await sys.get_state(pid) == STATE


async def test_get_status() -> None:
    pid = await started(name="Elixir.Server")
    status, of, module, (dictionary, state, parent, debug, misc) = await sys.get_status(pid)
    assert (status, of, module) == ("status", pid, ("module", "gen_server"))
    assert dictionary == [("$ancestors", [erl.self()]), ("$initial_call", ("Server", "init", 1))]
    assert (state, parent, debug) == ("running", pid, [])
    header, data, shown = misc
    assert header == ("header", list(b"Status for generic server Elixir.Server"))
    assert data == (
        "data",
        [(list(b"Status"), "running"), (list(b"Parent"), pid), (list(b"Logged events"), [])],
    )
    assert equal(shown, (Atom("data"), [(list(b"State"), STATE)]))
    nameless = await started()
    *_, misc = (await sys.get_status(nameless))[3]
    assert misc[0][1] == list(f"Status for generic server <0.{nameless.id}.0>".encode())


async def test_the_parent_in_the_status_is_who_started_and_linked() -> None:
    pid = await Server.start_link()
    assert pid is not None
    assert (await sys.get_status(pid))[3][2] == erl.self()


async def test_a_format_status_whose_failure_has_no_text_ends_nobody() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("no text")

    class Dumb(GenServer):
        def init(self) -> None:
            pass

        def format_status(self, status: Any) -> Any:
            raise Mute

    class Machine(GenStatem):
        def init(self) -> Any:
            return NextState("only")

        def only(self, event: Any, content: Any) -> Any:
            raise AssertionError("nothing comes")

        def format_status(self, status: Any) -> Any:
            raise Mute

    for cls in (Dumb, Machine):
        pid: Any = await cls.start_link()
        shown = repr(await sys.get_status(pid))
        assert "format_status failed: Mute: its text cannot be had (ValueError)" in shown
        assert erl.is_alive(pid)


async def test_format_status_has_its_say() -> None:
    class Formats(Server):
        def format_status(self, status: dict[str, Any]) -> dict[str, Any]:
            assert sorted(status) == ["log", "state"]
            return {"state": (Atom("formatted"), status["state"][Atom("count")])}

    pid = await started(Formats)
    misc = (await sys.get_status(pid))[3][4]
    assert misc[2][1] == [(list(b"State"), ("formatted", 0))]
    assert await sys.get_state(pid) == STATE


async def test_a_suspended_server_keeps_everything_for_later() -> None:
    pid = await started()
    assert [await sys.suspend(pid), await sys.suspend(pid)] == [OK, OK]
    call = asyncio.ensure_future(GenServer.call(pid, Atom("get")))
    await settled()
    for _ in range(3):
        GenServer.cast(pid, Atom("inc"))
    await settled()
    assert not call.done()
    assert (await sys.get_status(pid))[3][1] == "suspended"
    assert await sys.get_state(pid) == STATE
    assert [await sys.resume(pid), await sys.resume(pid)] == [OK, OK]
    assert await call == 0
    assert await GenServer.call(pid, Atom("get")) == 3


async def test_what_waits_for_the_resume_is_in_the_mailbox_of_who_is_suspended(runtime: Runtime) -> None:
    server = await started()
    supervisor = await Supervisor.start_link([], strategy="one_for_one")
    items = [Atom("message_queue_len"), Atom("messages")]
    for pid in (server, supervisor):
        await sys.suspend(pid)
        for number in range(3):
            erl.send(pid, number)
        await settled()
        assert process_info(runtime, pid, items) == [(items[0], 3), (items[1], [0, 1, 2])]
    await sys.resume(server)
    await settled()
    assert process_info(runtime, server, items) == [(items[0], 0), (items[1], [])]


async def test_a_suspended_server_can_be_stopped() -> None:
    pid = await started()
    await sys.suspend(pid)
    assert await GenServer.stop(pid) == OK


async def test_terminate_is_answered_before_the_end() -> None:
    pid = await started()
    ref = erl.monitor(pid)
    assert await sys.terminate(pid, "why") == OK
    assert (await erl.receive(lambda message: message[1] == ref, timeout=1))[4] == "why"


async def test_change_code_of_a_suspended_server() -> None:
    pid = await started()
    request = (Atom("change_code"), Atom("Server"), b"1", 5)
    assert await ask(pid, request) == ("error", ("unknown_system_msg", request))
    await sys.suspend(pid)
    assert await sys.change_code(pid, "Server", b"1", 5) == OK
    assert await sys.change_code(pid, "Server", b"1", Atom("refuse")) == ("error", ("error", "refused"))
    kind, (exit_, (reason, _)) = await sys.change_code(pid, "Server", b"1", Atom("raise"))
    assert (kind, exit_, reason) == ("error", "EXIT", "broken")
    assert (await sys.get_state(pid))[Atom("count")] == 5
    assert await sys.change_code(pid, "Server", b"1", Atom("later")) == OK
    assert (await sys.get_state(pid))[Atom("count")] == -1


@pytest.mark.parametrize(
    "request_", [Atom("nonsense"), 5, (), (Atom("replace_state"),), (Atom("terminate"), 1, 2), b"get_state"]
)
async def test_what_nobody_knows_is_said_so(request_: Any) -> None:
    assert await ask(await started(), request_) == ("error", ("unknown_system_msg", request_))


# --- debugging ----------------------------------------------------------------------------------------


async def debug(pid: Pid, option: Any) -> Any:
    return await ask(pid, (Atom("debug"), option))


async def test_statistics() -> None:
    pid = await started()
    assert await sys.statistics(pid, "get") == (OK, "no_statistics")
    assert await sys.statistics(pid, True) == OK
    for _ in range(3):
        GenServer.cast(pid, Atom("inc"))
    await GenServer.call(pid, Atom("get"))
    assert await sys.statistics(pid, True) == OK, "which does not begin anew"
    kind, counted = await sys.statistics(pid, "get")
    assert kind == OK
    assert [name for name, _ in counted] == [
        "start_time",
        "current_time",
        "reductions",
        "messages_in",
        "messages_out",
    ]
    (date, clock), numbers = counted[0][1], [value for _, value in counted[3:]]
    assert len(date) == len(clock) == 3
    assert numbers == [4, 1]
    assert await sys.statistics(pid, False) == OK
    assert process_of(pid).behaviour.debug is None  # type: ignore[union-attr]


async def test_the_log_keeps_the_last_events() -> None:
    pid = await started()
    assert await sys.log(pid, True) == OK
    GenServer.cast(pid, Atom("inc"))
    await GenServer.call(pid, Atom("get"))
    erl.send(pid, Atom("hello"))
    _, events = await sys.log(pid, "get")
    after = {Atom("count"): 1, Atom("names"): [b"a"]}
    assert [event[0] for event in events] == ["in", "noreply", "in", "out", "in", "noreply"]
    assert events[0] == ("in", ("$gen_cast", "inc"))
    assert equal(events[1], (Atom("noreply"), after))
    assert events[2][1][0] == "$gen_call"
    assert (events[3][1], events[3][2][0], events[3][3]) == (1, erl.self(), after)
    assert events[4] == ("in", "hello")
    status = await sys.get_status(pid)
    assert status[3][4][1][1][2] == (list(b"Logged events"), events)
    assert await sys.log(pid, (True, 2)) == OK
    assert (await sys.log(pid, "get"))[1] == events, "what is on stays as it is"
    assert await sys.log(pid, False) == OK
    assert await sys.log(pid, (True, 2)) == OK
    GenServer.cast(pid, Atom("inc"))
    await GenServer.call(pid, Atom("get"))
    assert [event[0] for event in (await sys.log(pid, "get"))[1]] == ["in", "out"]
    assert await sys.log(pid, False) == OK
    assert (await sys.log(pid, "get")) == (OK, [])
    assert await sys.log(pid, True) == OK
    for _ in range(20):
        GenServer.cast(pid, Atom("inc"))
    assert len((await sys.log(pid, "get"))[1]) == 10


async def test_trace_and_print_show_events(capsys: pytest.CaptureFixture[str]) -> None:
    pid = await started(name="traced")
    assert await sys.trace(pid, True) == OK
    GenServer.cast(pid, Atom("inc"))
    await GenServer.call(pid, Atom("get"))
    erl.send(pid, b"hello")
    await sys.log(pid, True)
    assert await sys.trace(pid, False) == OK
    GenServer.cast(pid, Atom("inc"))
    lines = await asyncio.to_thread(capsys.readouterr)
    await sys.log(pid, "print")
    me = f"<0.{erl.self().id}.{erl.self().serial}>"
    assert lines.out.splitlines() == [
        "*DBG* traced got cast inc",
        '*DBG* traced new state #{count => 1,names => [<<"a">>]}',
        f"*DBG* traced got call get from {me}",
        f'*DBG* traced sent 1 to {me}, new state #{{count => 1,names => [<<"a">>]}}',
        '*DBG* traced got <<"hello">>',
        '*DBG* traced new state #{count => 1,names => [<<"a">>]}',
    ]
    assert capsys.readouterr().out.splitlines()[0] == "*DBG* traced got cast inc"
    assert await sys.no_debug(pid) == OK


async def test_installed_functions_see_events_until_they_are_done() -> None:
    seen: list[Any] = []

    def three(state: Any, event: Any, name: Any) -> Any:
        seen.append((state, event[0], name))
        return state + 1 if state < 3 else Atom("done")

    def fails(state: Any, event: Any, name: Any) -> Any:
        raise RuntimeError("no")

    async def waits(state: Any, event: Any, name: Any) -> Any:
        return state

    pid = await started()
    assert await debug(pid, (Atom("install"), (three, 1))) == OK
    assert await debug(pid, (Atom("install"), (Atom("id"), fails, 1))) == OK
    assert await debug(pid, (Atom("install"), (Atom("id2"), waits, 1))) == OK
    assert await debug(pid, (Atom("install"), (Atom("id3"), Export("m", "f", 3), 1))) == OK
    for _ in range(3):
        GenServer.cast(pid, Atom("inc"))
    assert await GenServer.call(pid, Atom("get")) == 3
    assert seen == [(1, "in", pid), (2, "noreply", pid), (3, "in", pid)]
    assert await debug(pid, (Atom("install"), (Atom("id"), three, 1))) == OK
    assert await debug(pid, (Atom("remove"), Atom("id"))) == OK
    assert process_of(pid).behaviour.debug is None  # type: ignore[union-attr]


async def test_events_go_to_a_file_of_this_program(tmp_path: Path) -> None:
    pid = await started(name="filed")
    file = tmp_path / "events"
    assert await sys.log_to_file(pid, str(file)) == OK
    GenServer.cast(pid, Atom("inc"))
    assert await sys.log_to_file(pid, str(tmp_path / "absent" / "events")) == ("error", "open_file")
    GenServer.cast(pid, Atom("inc"))
    assert await sys.log_to_file(pid, str(file)) == OK  # begins anew, as file:open does
    GenServer.cast(pid, Atom("inc"))
    assert await sys.log_to_file(pid, False) == OK
    GenServer.cast(pid, Atom("inc"))
    await settled()
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines == [
        "*DBG* filed got cast inc",
        '*DBG* filed new state #{count => 3,names => [<<"a">>]}',
    ]
    assert process_of(pid).behaviour.debug is None  # type: ignore[union-attr]


async def test_functions_are_installed_and_removed() -> None:
    pid = await started()
    seen: list[Any] = []

    def watch(state: int, event: Any, name: Any) -> Any:
        seen.append((state, event[0], name))
        if state == 4:
            raise Throw(Atom("done"))
        return state + 1

    assert await sys.install(pid, (watch, 1)) == OK
    assert await sys.install(pid, (Atom("other"), watch, 7)) == OK
    GenServer.cast(pid, Atom("inc"))
    await settled()
    assert seen == [(1, "in", pid), (7, "in", pid), (2, "noreply", pid), (8, "noreply", pid)]
    assert await sys.remove(pid, Atom("other")) == OK
    seen.clear()
    GenServer.cast(pid, Atom("inc"))
    GenServer.cast(pid, Atom("inc"))
    await settled()
    assert [state for state, _, _ in seen] == [3, 4]
    assert await sys.install(pid, (watch, 0)) == OK
    assert await sys.remove(pid, watch) == OK
    assert process_of(pid).behaviour.debug is None  # type: ignore[union-attr]


async def test_a_server_can_be_watched_from_its_start(capsys: pytest.CaptureFixture[str]) -> None:
    pid = await started(name="watched", debug=["trace", ("log", 1), "statistics"], hibernate_after=1.0)
    assert await GenServer.call(pid, Atom("get")) == 0
    assert capsys.readouterr().out.startswith("*DBG* watched got call get from ")
    kind, events = await sys.log(pid, Atom("get"))
    assert kind == OK and [event[0] for event in events] == ["out"]
    assert (await sys.statistics(pid, "get"))[1][3] == ("messages_in", 1)
    with pytest.raises(BadArg, match="expected one of the options"):
        await Server.start(colour="red")


async def test_a_node_writes_no_files_for_others() -> None:
    pid = await started()
    assert await debug(pid, (Atom("log_to_file"), b"/tmp/x")) == ("error", "open_file")
    assert await debug(pid, (Atom("log_to_file"), False)) == OK


@pytest.mark.parametrize(
    "option",
    [
        Atom("nonsense"),
        (Atom("nonsense"), 1),
        (Atom("trace"), 1),
        (Atom("log"), 0),
        (Atom("log"), (True, 0)),
        (Atom("statistics"), 5),
        (Atom("install"), 5),
        ([1], 1),
        ({}, 1),
        5,
    ],
)
async def test_an_unknown_debug_option(option: Any) -> None:
    assert await debug(await started(), option) == "unknown_debug"


async def test_a_debug_option_of_any_size() -> None:
    pid = await started()
    deep: Any = 1
    for _ in range(100_000):
        deep = (deep,)
    for key in (deep, [deep], {"a": deep}, 1.5, b"x"):
        assert await debug(pid, (Atom("install"), (key, Export("m", "f", 3), 1))) == OK
        assert await debug(pid, (Atom("remove"), key)) == OK
    assert await debug(pid, (deep, 1)) == "unknown_debug"
    assert await debug(pid, (Atom("log"), 2**70)) == OK


async def test_what_a_caller_exits_with() -> None:
    with pytest.raises(NoProc) as failed:
        await sys.get_state("nobody")
    assert equal(failed.value.reason, (Atom("noproc"), (Atom("sys"), Atom("get_state"), [Atom("nobody")])))
    with pytest.raises(Exit) as oneself:
        await sys.suspend(erl.self())
    assert oneself.value.reason[0] == "calling_self"
    assert this_process().alive
