"""How servers end: rows T of the OTP rules, `terminate`, parents, `stop`, and what is logged."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from otp_tools import OK, exit_of, inside, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import ErlangError, Exit, NoProc, Throw
from pyerlnode.otp import GenServer, NoReply, Stop, on_call, on_cast, sys
from pyerlnode.term import Atom, Pid, equal


class Server(GenServer):
    """Says to `report` what happens to it."""

    def init(self, report: Pid, trap: bool = False, terminate: Any = None) -> None:
        self.report = report
        self.ends = terminate
        if trap:
            erl.process_flag("trap_exit", True)

    def handle_call(self, request: Any, caller: Any) -> Any:
        return request()

    @on_cast
    def run(self, make: Any) -> Any:
        return make()

    @on_call
    async def hang(self) -> None:
        await erl.receive(lambda message: False)

    def handle_info(self, message: Any) -> Any:
        erl.send(self.report, ("info", message))
        return NoReply()

    def terminate(self, reason: Any) -> Any:
        erl.send(self.report, ("terminate", reason))
        return self.ends(reason) if self.ends is not None else None


def raises(error: BaseException) -> Any:
    raise error


async def started(**options: Any) -> Pid:
    pid = await Server.start(erl.self(), *options.values())
    assert pid is not None
    return pid


async def ended(pid: Pid, ref: Any) -> list[Any]:
    """What the server said until its end, and the reason."""
    said = []
    while True:
        message = await erl.receive(timeout=1)
        if message[0] == "DOWN" and message[1] == ref:
            return [*said, message[4]]
        said.append(message)


async def end_by(make: Any, **options: Any) -> list[Any]:
    pid = await started(**options)
    ref = erl.monitor(pid)
    GenServer.cast(pid, (Atom("run"), make))
    return await ended(pid, ref)


@pytest.mark.parametrize("reason", ["normal", "shutdown", "why"])
async def test_terminate_runs_with_the_reason_of_a_stop(reason: str) -> None:
    assert await end_by(lambda: Stop(reason)) == [("terminate", reason), reason]
    assert await end_by(lambda: raises(Exit(Atom(reason)))) == [("terminate", reason), reason]
    assert await end_by(lambda: raises(Throw(Stop(reason)))) == [("terminate", reason), reason]


async def test_terminate_runs_with_reason_and_stack_of_an_error() -> None:
    (_, reason), ends_with = await end_by(lambda: raises(ErlangError("my")))
    assert equal(reason, ends_with)
    assert reason[0] == "my"
    assert reason[1][0][1] == "raises"


async def test_terminate_runs_with_a_bad_return_value() -> None:
    said, reason = await end_by(lambda: 5)
    assert said == ("terminate", reason)
    assert reason == ("bad_return_value", 5)


@pytest.mark.parametrize("trap", [False, True])
async def test_terminate_does_not_run_when_it_is_killed(trap: bool) -> None:
    pid = await started(trap=trap)
    ref = erl.monitor(pid)
    erl.exit(pid, "kill")
    assert await ended(pid, ref) == ["killed"]


async def test_terminate_does_not_run_on_an_exit_signal_without_trapping() -> None:
    pid = await started()
    ref = erl.monitor(pid)
    erl.exit(pid, "why")
    assert await ended(pid, ref) == ["why"]


async def test_a_callback_that_ends_its_own_process_is_not_terminated() -> None:
    assert await end_by(lambda: erl.exit(erl.self(), "why")) == ["why"]


async def test_an_error_in_terminate_is_the_reason_and_a_reply_is_sent_all_the_same() -> None:
    pid = await started(trap=False, terminate=lambda reason: raises(ErlangError("broken")))
    ref = erl.monitor(pid)
    assert await GenServer.call(pid, lambda: Stop("why", OK)) == OK
    terminate, (reason, _) = await ended(pid, ref)
    assert (terminate, reason) == (("terminate", "why"), "broken")


async def test_what_terminate_returns_or_throws_means_nothing() -> None:
    for ends in (lambda reason: Stop("other"), lambda reason: raises(Throw(1))):
        assert await end_by(lambda: Stop("why"), trap=False, terminate=ends) == [("terminate", "why"), "why"]


async def test_an_exit_in_terminate_is_the_reason() -> None:
    def ends(reason: Any) -> Any:
        raise Exit("other")

    assert await end_by(lambda: Stop("why"), trap=False, terminate=ends) == [("terminate", "why"), "other"]


@pytest.mark.parametrize(("error", "seen"), [(None, "why"), (Throw(1), "why"), (Exit("other"), "other")])
async def test_an_async_terminate_is_waited_for(error: Exception | None, seen: str) -> None:
    trace: list[str] = []

    def ends(reason: Any) -> Any:
        async def terminate() -> None:
            await asyncio.sleep(0.001)
            trace.append(reason)
            if error is not None:
                raise error

        return terminate()

    assert await end_by(lambda: Stop("why"), trap=False, terminate=ends) == [("terminate", "why"), seen]
    assert trace == ["why"]


async def test_the_reply_of_a_stop_comes_after_terminate_and_before_the_end() -> None:
    async def body() -> list[Any]:
        pid = await Server.start(erl.self(), False, None)
        assert pid is not None
        ref = erl.monitor(pid)
        alias = erl.make_ref()
        erl.send(pid, (Atom("$gen_call"), (erl.self(), alias), lambda: Stop("why", OK)))
        messages = [await erl.receive(timeout=1) for _ in range(3)]
        assert messages[1] == (alias, OK)
        assert messages[2][1] == ref
        return messages[0]

    assert await inside(body) == ("terminate", "why")


# --- parents --------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["normal", "shutdown", "why"])
async def test_the_end_of_the_parent_ends_a_server_that_traps(reason: str) -> None:
    async def parent(report: Pid) -> None:
        pid = await Server.start_link(report, True)
        erl.send(report, pid)
        await erl.receive()
        raise Exit(Atom(reason))

    top = erl.spawn(parent, erl.self())
    pid = await erl.receive(timeout=1)
    ref = erl.monitor(pid)
    erl.send(top, "go")
    assert await ended(pid, ref) == [("terminate", reason), reason]


async def test_a_parent_that_ends_normally_does_not_end_a_server_that_does_not_trap() -> None:
    async def parent(report: Pid) -> None:
        erl.send(report, await Server.start_link(report))

    erl.spawn(parent, erl.self())
    pid = await erl.receive(timeout=1)
    await settled()
    assert erl.is_alive(pid)


async def test_exits_of_others_are_messages_to_a_server_that_traps() -> None:
    pid = await started(trap=True)
    erl.exit(pid, "why")
    assert await erl.receive(timeout=1) == ("info", ("EXIT", erl.self(), "why"))


async def test_the_parent_ends_a_suspended_server_too() -> None:
    async def parent(report: Pid) -> None:
        pid = await Server.start_link(report, True)
        assert pid is not None
        await sys.suspend(pid)
        erl.send(report, pid)
        await erl.receive()

    top = erl.spawn(parent, erl.self())
    pid = await erl.receive(timeout=1)
    ref = erl.monitor(pid)
    erl.exit(top, "why")
    assert await ended(pid, ref) == [("terminate", "why"), "why"]


# --- stop -----------------------------------------------------------------------------------------


async def test_stop_runs_terminate_and_waits_for_the_end() -> None:
    for reason in ("normal", "shutdown", "why", (Atom("my"), 1)):
        pid = await started()
        assert await GenServer.stop(pid, reason) == OK
        assert not erl.is_alive(pid)
        assert await erl.receive(timeout=0) == ("terminate", reason)


def stop_exit(reason: Any, server: Any, wanted: str = "normal", ms: Any = "infinity") -> Any:
    ms = Atom(ms) if isinstance(ms, str) else ms
    return (reason, (Atom("Elixir.GenServer"), Atom("stop"), [server, Atom(wanted), ms]))


async def test_what_stop_exits_with() -> None:
    with pytest.raises(NoProc) as none:
        await GenServer.stop("nobody")
    assert equal(none.value.reason, stop_exit(Atom("noproc"), Atom("nobody")))
    pid = await started(trap=False, terminate=lambda reason: raises(Exit("other")))
    with pytest.raises(Exit) as other:
        await GenServer.stop(pid)
    assert equal(other.value.reason, stop_exit(Atom("other"), pid))
    pid = await started(trap=False)
    erl.send(pid, (Atom("$gen_cast"), Atom("unknown")))
    with pytest.raises(Exit) as before:
        await GenServer.stop(pid)
    reason, called = before.value.reason[0]
    assert equal(called, (Atom("sys"), Atom("terminate"), [pid, Atom("normal"), Atom("infinity")]))
    assert reason[0] != "normal"
    pid = await started()
    hanging = asyncio.ensure_future(exit_of(pid, Atom("hang")))
    await settled()
    with pytest.raises(Exit) as slow:
        await GenServer.stop(pid, "shutdown", timeout=0.01)
    assert equal(slow.value.reason, stop_exit(Atom("timeout"), pid, "shutdown", 10))
    with pytest.raises(Exit) as oneself:
        await GenServer.stop(erl.self())
    assert equal(oneself.value.reason, stop_exit(Atom("calling_self"), erl.self()))
    erl.exit(pid, "kill")
    assert (await hanging)[0] == "killed"


async def test_a_cancelled_callback_ends_the_server_with_cancelled() -> None:
    class Cancels(GenServer):
        @on_call
        async def go(self) -> None:
            raise asyncio.CancelledError

    pid = await Cancels.start()
    assert (await exit_of(pid, Atom("go")))[0] == "cancelled"


async def test_a_server_that_is_killed_in_an_async_callback_unwinds() -> None:
    trace: list[str] = []

    class Slow(GenServer):
        @on_call
        async def go(self) -> None:
            try:
                await erl.receive()
            finally:
                trace.append("unwound")

        def terminate(self, reason: Any) -> None:
            trace.append("terminate")

    pid = await Slow.start()
    assert pid is not None
    waiting = asyncio.ensure_future(exit_of(pid, Atom("go")))
    await settled()
    erl.exit(pid, "kill")
    assert (await waiting)[0] == "killed"
    await settled()
    assert trace == ["unwound"]


# --- what is logged -----------------------------------------------------------------------------------


class Logged(GenServer):
    def init(self, secret: str = "s3cret") -> None:
        self.secret = secret
        self.lock = asyncio.Lock()

    @on_call
    def crash(self, value: Any) -> None:
        raise RuntimeError("on purpose")

    @on_call
    def stop_with(self, reason: Any) -> Stop:
        return Stop(reason)


def record(caplog: pytest.LogCaptureFixture) -> Any:
    (found,) = [record for record in caplog.records if record.name == "pyerlnode.otp"]
    return found


async def test_a_crash_is_logged_with_everything_that_is_known(caplog: pytest.LogCaptureFixture) -> None:
    pid = await Logged.start(name="Elixir.Logged")
    await exit_of(pid, (Atom("crash"), "x" * 5000))
    logged = record(caplog)
    assert logged.levelno == logging.ERROR
    assert (logged.server, logged.pid, logged.client) == ("Logged", pid, erl.self())
    assert logged.last_message == (Atom("crash"), "x" * 5000)
    assert "s3cret" in logged.state and "asyncio.locks.Lock" in logged.state
    assert logged.reason[0]["message"] == b"on purpose"
    text = logged.getMessage()
    assert text.startswith('GenServer Logged terminating\nReason: {%RuntimeError{message: "on purpose"}, [{')
    assert "x" * 1900 in text and "x" * 2100 not in text
    assert 'raise RuntimeError("on purpose")' in caplog.text
    # The traceback begins and ends with the program's own frames.
    assert "pyerlnode/otp" not in caplog.text.replace("pyerlnode.otp:", "")


@pytest.mark.parametrize(
    ("reason", "quiet"),
    [
        (Atom("normal"), True),
        (Atom("shutdown"), True),
        ((Atom("shutdown"), 1), True),
        (Atom("why"), False),
        ((Atom("shutdown"), 1, 2), False),
        (b"normal", False),
    ],
)
async def test_which_ends_are_logged(reason: Any, quiet: bool, caplog: pytest.LogCaptureFixture) -> None:
    pid = await Logged.start()
    await exit_of(pid, (Atom("stop_with"), reason))
    assert bool([record for record in caplog.records if record.name == "pyerlnode.otp"]) is not quiet


async def test_an_error_whose_stack_makes_it_look_quiet_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert (await end_by(lambda: raises(ErlangError("shutdown"))))[1][0] == "shutdown"
    assert record(caplog).reason[0] == "shutdown"


async def test_a_failed_start_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    class Fails(GenServer):
        def init(self) -> Stop:
            return Stop("why")

    with pytest.raises(Exit):
        await Fails.start()
    assert "(Fails) did not start\nReason: :why" in record(caplog).getMessage()


async def test_format_status_hides_what_the_log_must_not_show(caplog: pytest.LogCaptureFixture) -> None:
    class Hides(Logged):
        def format_status(self, status: dict[str, Any]) -> dict[str, Any]:
            return status | {"state": "hidden", "message": "hidden too"}

    pid = await Hides.start()
    await exit_of(pid, (Atom("crash"), "s3cret"))
    assert (record(caplog).state, record(caplog).last_message) == ('"hidden"', "hidden too")
    assert "s3cret" not in caplog.text


async def test_a_format_status_that_fails_is_said_and_nothing_else_is_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Logged):
        def format_status(self, status: dict[str, Any]) -> dict[str, Any]:
            raise KeyError("k")

    pid = await Broken.start()
    assert pid is not None
    await exit_of(pid, (Atom("crash"), 1))
    assert "format_status failed: KeyError: 'k'" in record(caplog).state
    assert await reason_of(pid) == "noproc"


async def test_the_frames_of_a_module_s_server_are_the_module_s() -> None:
    class Boom(GenServer, module="Elixir.Boom"):
        def init(self, how: str) -> None:
            if how == "early":
                self.boom()

        def handle_call(self, request: Any, caller: Any) -> Any:
            return self.boom()

        def boom(self) -> None:
            raise ValueError("boom")

    def names(stack: Any) -> list[Any]:
        return [frame[:3] for frame in stack]

    pid = await Boom.start("late")
    assert pid is not None
    module, boom = "Elixir.Boom", ("Elixir.Boom", "boom", 1)
    (_, stack), _ = await exit_of(pid, Atom("go"))
    assert names(stack) == [boom, (module, "handle_call", 3)]
    with pytest.raises(Exit) as failed:
        await Boom.start("early")
    assert names(failed.value.reason[1]) == [boom, (module, "init", 1)]
