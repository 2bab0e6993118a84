"""What `sys` sees and changes of a state machine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from otp_tools import OK, process_of, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import ErlangError, Exit, UsageError
from pyerlnode.otp import (
    Failure,
    GenStatem,
    KeepState,
    NextState,
    Postpone,
    ReplyTo,
    Stop,
    Timeout,
    on_call,
    sys,
)
from pyerlnode.otp.gen_server import GenServer
from pyerlnode.term import Atom, Pid, equal


class Machine(GenStatem, module="machine"):
    def init(self) -> NextState:
        self.count = 0
        return NextState("a", Timeout("n", 60.0, "x"))

    def a(self, event: Any, content: Any) -> Any:
        match event, content:
            case ("call", caller), "get":
                return KeepState(ReplyTo(caller, self.count))
            case "cast", "later":
                return KeepState(Postpone)
            case "cast", ("end", reason):
                return Stop(reason)
            case "cast", _:
                self.count += 1

    def code_change(self, old_version: Any, state: Any, extra: Any) -> Any:
        match extra:
            case "refuse":
                return Failure("refused")
            case "raise":
                raise ErlangError("broken")
            case "later":
                return self.later()
            case "keep":
                return None
        return NextState(extra)

    async def later(self) -> Any:
        await asyncio.sleep(0)
        self.count = 7
        return None


GET = Atom("get")


async def started(cls: type[GenStatem] = Machine, **options: Any) -> Pid:
    pid = await cls.start(**options)
    assert pid is not None
    return pid


async def test_state_and_data_are_seen_and_replaced() -> None:
    pid = await started()
    assert equal(await sys.get_state(pid), (Atom("a"), {Atom("count"): 0}))
    new = await sys.replace_state(pid, lambda both: (both[0], {Atom("count"): 5}))
    assert new == ("a", {"count": 5})
    assert await GenStatem.call(pid, GET) == 5
    for wrong in (
        lambda both: both[0],
        lambda both: (both[0], {Atom("colour"): 1}),
        lambda both: (both[0], 1),
    ):
        with pytest.raises(ErlangError) as failed:
            await sys.replace_state(pid, wrong)
        assert failed.value.reason[1] == ("gen_statem", "system_replace_state")
    assert await GenStatem.call(pid, GET) == 5


async def test_the_layout_of_the_status() -> None:
    pid = await started(name="shown", debug=[("log", 2)])
    GenStatem.cast(pid, Atom("later"))
    status: Any = await sys.get_status(pid)
    assert status[:3] == ("status", pid, ("module", "gen_statem"))
    header, (_, about), (_, [(title, shown)]) = status[3][4]
    assert bytes(header[1]) == b"Status for state machine shown"
    assert [bytes(name) for name, _ in about] == [
        b"Status",
        b"Parent",
        b"Modules",
        b"Time-outs",
        b"Logged Events",
        b"Postponed",
    ]
    values = [value for _, value in about]
    assert values[:4] == ["running", pid, ["machine"], (1, [(("timeout", "n"), "x")])]
    assert [event[0] for event in values[4]] == ["in", "postpone"]
    assert values[5] == [("cast", "later")]
    assert (bytes(title), shown) == (b"State", ("a", {"count": 0}))


async def test_format_status_has_its_say() -> None:
    class Hiding(Machine):
        def format_status(self, status: dict[str, Any]) -> dict[str, Any]:
            return {**status, "data": Atom("hidden"), "state": Atom("somewhere")}

    class Failing(Machine):
        def format_status(self, status: dict[str, Any]) -> dict[str, Any]:
            raise RuntimeError("no")

    status: Any = await sys.get_status(await started(Hiding))
    assert status[3][4][2][1][0][1] == ("somewhere", "hidden")
    status = await sys.get_status(await started(Failing))
    assert status[3][4][2][1][0][1] == ("a", "format_status failed: RuntimeError: no")


async def test_a_suspended_machine_keeps_everything_for_later() -> None:
    pid = await started()
    await sys.suspend(pid)
    GenStatem.cast(pid, Atom("x"))
    assert await sys.get_state(pid) == ("a", {"count": 0})
    for extra, reply in (
        ("keep", OK),
        ("later", OK),
        ("refuse", (Atom("error"), (Atom("error"), Atom("refused")))),
    ):
        assert await sys.change_code(pid, "machine", Atom("old"), Atom(extra)) == reply
    kind, (exited, (reason, _)) = await sys.change_code(pid, "machine", Atom("old"), Atom("raise"))  # type: ignore[misc]
    assert (kind, exited, reason) == ("error", "EXIT", "broken")
    await sys.resume(pid)
    assert await GenStatem.call(pid, GET) == 8
    await sys.suspend(pid)
    assert await sys.change_code(pid, "machine", Atom("old"), Atom("b")) == OK
    assert (await sys.get_state(pid))[0] == "b"  # type: ignore[index]


async def test_a_parent_ends_a_suspended_machine() -> None:
    pid = await started()
    process_of(pid).trap_exit = True
    await sys.suspend(pid)
    ref = erl.monitor(pid)
    erl.send(pid, (Atom("EXIT"), pid, Atom("over")))
    assert (await erl.receive(lambda message: message[1] == ref, timeout=5))[4] == "over"


async def test_trace_prints_what_happens(capsys: pytest.CaptureFixture[str]) -> None:
    pid = await started(name="traced", debug=["trace"])
    GenStatem.cast(pid, Atom("later"))
    assert await GenStatem.call(pid, GET) == 0
    GenStatem.cast(pid, (Atom("end"), Atom("normal")))
    await reason_of(pid)
    me = f"<0.{erl.self().id}.{erl.self().serial}>"
    assert capsys.readouterr().out.splitlines() == [
        "*DBG* traced enter machine in state a",
        "*DBG* traced consume internal init_state in state a",
        "*DBG* traced start_timer {{timeout,n},60000,x,[]} in state a",
        "*DBG* traced receive cast later in state a",
        "*DBG* traced postpone cast later in state a",
        f"*DBG* traced receive call get from {me} in state a",
        f"*DBG* traced send 0 to {me}",
        f"*DBG* traced consume call get from {me} in state a",
        "*DBG* traced receive cast {'end',normal} in state a",
        "*DBG* traced terminate normal in state a",
    ]


async def test_a_crash_is_logged_with_state_and_data(caplog: pytest.LogCaptureFixture) -> None:
    pid = await started()
    GenStatem.cast(pid, (Atom("end"), Atom("broken")))
    await reason_of(pid)
    assert len(caplog.records) == 1
    assert ":broken" in caplog.text and "{:a, %{count: 0}}" in caplog.text
    caplog.clear()
    pid = await started()
    GenStatem.cast(pid, (Atom("end"), (Atom("shutdown"), 1)))
    await reason_of(pid)
    assert caplog.records == []


async def test_a_def_callback_must_not_wait() -> None:
    class Waiting(GenStatem):
        def init(self) -> NextState:
            return NextState("a")

        def a(self, event: Any, content: Any) -> Any:
            try:
                GenStatem.call("nobody", GET)
            except UsageError:
                return KeepState(ReplyTo(event[1], Atom("refused")))

    assert await GenStatem.call(await started(Waiting), GET) == "refused"


async def test_the_two_behaviours_call_each_other() -> None:
    machine = await started()

    class Server(GenServer):
        @on_call
        async def ask(self) -> Any:
            return await GenStatem.call(machine, GET, timeout=5.0)

    server = await Server.start()
    assert server is not None
    assert await GenServer.call(server, Atom("ask")) == 0
    assert await GenServer.call(machine, GET) == 0
    with pytest.raises(Exit) as failed:
        await GenStatem.call("nobody", GET, timeout=1.5)
    assert failed.value.reason == ("noproc", ("gen_statem", "call", ["nobody", "get", 1500]))


async def test_a_machine_that_is_killed_in_an_async_callback_unwinds() -> None:
    unwound: list[Any] = []

    class Slow(GenStatem):
        def init(self) -> NextState:
            return NextState("a")

        async def a(self, event: Any, content: Any) -> Any:
            try:
                await erl.receive(lambda message: False)
            finally:
                unwound.append(content)

        def terminate(self, reason: Any, state: Any) -> None:
            unwound.append("terminated")

    pid = await started(Slow)
    GenStatem.cast(pid, Atom("work"))
    await settled()
    ref = erl.monitor(pid)
    erl.exit(pid, Atom("kill"))
    assert (await erl.receive(lambda message: message[1] == ref, timeout=5))[4] == "killed"
    await settled()
    assert unwound == ["work"]


async def test_messages_wait_while_an_async_callback_does() -> None:
    class Slow(Machine):
        async def a(self, event: Any, content: Any) -> Any:
            await asyncio.sleep(0)
            return super().a(event, content)

    pid = await started(Slow)
    for _ in range(100):
        GenStatem.cast(pid, Atom("x"))
    assert await GenStatem.call(pid, GET) == 100
