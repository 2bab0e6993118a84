"""What a machine does with events: states, actions and timeouts (gen_statem(3))."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from otp_tools import OK, process_of, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, Exit, Throw, UsageError
from pyerlnode.otp import (
    ChangeCallbackModule,
    EventTimeout,
    GenStatem,
    Hibernate,
    KeepState,
    NextEvent,
    NextState,
    PopCallbackModule,
    Postpone,
    PushCallbackModule,
    RepeatState,
    ReplyTo,
    StateTimeout,
    Stop,
    StopAndReply,
    Supervisor,
    Timeout,
    proc_lib,
    sys,
)
from pyerlnode.process import this_process
from pyerlnode.term import Atom, Pid


class Machine(GenStatem):
    """Does what a call or a cast asks for: `("run", function from the caller to a result)`."""

    callback_mode = ("state_functions", "state_enter")

    def init(self, *actions: Any) -> Any:
        self.events: list[Any] = []
        return NextState("a", *actions)

    def a(self, event: Any, content: Any) -> Any:
        return self.any(event, content, "a")

    async def b(self, event: Any, content: Any) -> Any:
        await asyncio.sleep(0)
        if event == "cast" and content == "later":
            return KeepState(Postpone)
        return self.any(event, content, "b")

    def any(self, event: Any, content: Any, state: str) -> Any:
        match event, content:
            case ("call", caller), ("run", function):
                return function(caller)
            case "cast", ("run", function):
                return function(None)
        self.events.append((event, content, state))
        return None


async def started(*actions: Any, **options: Any) -> Pid:
    pid = await Machine.start(*actions, **options)
    assert pid is not None
    return pid


def tell(pid: Pid, *results: Any) -> None:
    for result in results:
        GenStatem.cast(pid, (Atom("run"), lambda _, result=result: result))


async def ask(pid: Pid, function: Any) -> Any:
    async with asyncio.timeout(5):
        return await GenStatem.call(pid, (Atom("run"), function))


def events(pid: Pid) -> list[Any]:
    machine: Any = process_of(pid).behaviour
    return list(machine.data.events)


async def test_a_reply_goes_with_the_transition() -> None:
    pid = await started()
    assert await ask(pid, lambda caller: NextState("b", ReplyTo(caller, 1), Hibernate)) == 1
    assert await ask(pid, lambda caller: KeepState(ReplyTo(caller, [2]))) == [2]
    assert events(pid) == [("enter", "a", "a"), ("enter", "a", "b")]
    assert await sys.get_state(pid) == ("b", {Atom("events"): events(pid)})


async def test_postponed_and_inserted_events_come_in_order() -> None:
    pid = await started()
    tell(pid, NextState("b"))
    GenStatem.cast(pid, Atom("later"))
    erl.send(pid, Atom("told"))
    tell(pid, RepeatState(), NextState("a", NextEvent("internal", 1), NextEvent("info", "x")))
    await sys.get_state(pid)
    assert events(pid)[2:] == [
        ("info", "told", "b"),
        ("enter", "b", "b"),
        ("enter", "b", "a"),
        ("internal", 1, "a"),
        ("info", "x", "a"),
        ("cast", "later", "a"),
    ]


async def test_timeouts_of_zero_come_before_messages() -> None:
    pid = await started(Timeout("n", 0, 1), StateTimeout(0, 2))
    erl.send(pid, 3)
    await settled()
    assert events(pid) == [
        ("enter", "a", "a"),
        (("timeout", "n"), 1, "a"),
        ("state_timeout", 2, "a"),
        ("info", 3, "a"),
    ]


async def test_a_timeout_that_has_fired_can_still_be_ended() -> None:
    pid = await started()
    tell(pid, KeepState(StateTimeout(0.001, "never")))
    await sys.suspend(pid)
    mailbox = process_of(pid)
    while len(mailbox.behaviour._held) == 0:  # type: ignore[union-attr]  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    # What was told first is handled first when it goes on; the timeout waits behind it.
    held = mailbox.behaviour._held  # type: ignore[union-attr]
    held.insert(0, (Atom("$gen_cast"), (Atom("run"), lambda _: KeepState(StateTimeout.cancel()))))
    await sys.resume(pid)
    await settled()
    assert events(pid) == [("enter", "a", "a")]


async def test_what_ends_which_timeout() -> None:
    pid = await started()
    tell(pid, KeepState(EventTimeout(0.01, "e"), StateTimeout(0.02, "s"), Timeout("n", 0.03, "n")))
    erl.send(pid, Atom("x"))
    await settled()
    tell(pid, NextState("b"))
    status: Any = await sys.get_status(pid)
    assert status[3][4][1][1][3][1] == (1, [(("timeout", "n"), "n")])
    await _until(pid, 4)
    assert events(pid)[1:] == [("info", "x", "a"), ("enter", "a", "b"), (("timeout", "n"), "n", "b")]
    loop = asyncio.get_running_loop()
    tell(pid, KeepState(EventTimeout(loop.time() + 0.01, "at", absolute=True)))
    await _until(pid, 5)
    assert events(pid)[4] == ("timeout", "at", "b")


async def _until(pid: Pid, count: int) -> None:
    async with asyncio.timeout(5):
        while len(events(pid)) < count:  # noqa: ASYNC110  # the machine's own list is no event
            await asyncio.sleep(0.002)


async def test_updates_change_the_content_alone() -> None:
    pid = await started()
    tell(pid, KeepState(Timeout("n", 0.02, "old"), Timeout("e", 0.01, "never")))
    tell(pid, KeepState(Timeout.update("n", "new"), Timeout.update("m", "now"), Timeout.cancel("e")))
    await _until(pid, 3)
    assert events(pid)[1:] == [(("timeout", "m"), "now", "a"), (("timeout", "n"), "new", "a")]


async def test_a_message_that_looks_like_a_timeout_is_a_message() -> None:
    pid = await started()
    message = (Atom("timeout"), erl.make_ref(), Atom("state_timeout"))
    erl.send(pid, message)
    await settled()
    assert events(pid)[1] == ("info", message, "a")


class Other(Machine):
    callback_mode = "handle_event_function"

    def handle_event(self, event: Any, content: Any, state: Any) -> Any:
        return self.any(event, content, ("other", state))  # type: ignore[arg-type]


async def test_another_class_takes_over_and_gives_back() -> None:
    pid = await started()
    tell(pid, KeepState(PushCallbackModule(Other)))
    erl.send(pid, 1)
    tell(pid, NextState((Atom("any"), [1])))
    erl.send(pid, 2)
    tell(pid, NextState("a", PopCallbackModule))
    erl.send(pid, 3)
    tell(pid, KeepState(ChangeCallbackModule(Other)))
    erl.send(pid, 4)
    await settled()
    assert [event for event in events(pid) if event[0] == "info"] == [
        ("info", 1, ("other", "a")),
        ("info", 2, ("other", ("any", [1]))),
        ("info", 3, "a"),
        ("info", 4, ("other", "a")),
    ]
    tell(pid, KeepState(PopCallbackModule()))
    reason = await reason_of(pid)
    assert reason[0] == ("bad_action_from_state_function", "pop_callback_module")


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (7, ("bad_return_from_state_function", 7)),
        (Stop("normal", reply=1), None),
        (KeepState(ReplyTo(7, 1)), ("bad_action_from_state_function", ("reply", 7, 1))),  # type: ignore[arg-type]
        (
            StopAndReply("x", ReplyTo(7, 1)),  # type: ignore[arg-type]
            ("bad_reply_action_from_state_function", ("reply", 7, 1)),
        ),
    ],
    ids=repr,
)
async def test_what_a_state_must_not_return(result: Any, reason: Any) -> None:
    pid = await started()
    tell(pid, result)
    ended = await reason_of(pid)
    assert ended[0] == reason if reason else ended[0][0] == "bad_return_from_state_function"
    assert ended[1][0][0] == "Machine"


@pytest.mark.parametrize("action", [Postpone(), NextEvent("internal"), PushCallbackModule(Other)], ids=repr)
async def test_what_the_entry_of_a_state_must_not_do(action: Any) -> None:
    class Entering(Machine):
        def any(self, event: Any, content: Any, state: str) -> Any:
            return (
                KeepState(action) if event == "enter" and state == "b" else super().any(event, content, state)
            )

    pid = await Entering.start()
    assert pid is not None
    tell(pid, NextState("b"))
    assert (await reason_of(pid))[0] == ("bad_state_enter_action_from_state_function", action.to_term())

    class Leaving(Machine):
        def any(self, event: Any, content: Any, state: str) -> Any:
            return NextState("b") if event == "enter" else super().any(event, content, state)

    await Leaving.start_monitor()
    reason = (await erl.receive(timeout=1))[4]
    assert reason[0][0] == "bad_state_enter_return_from_state_function"


async def test_a_state_without_a_method_is_undef() -> None:
    for state in ("nowhere", "init", "_private", "call", 7):
        pid = await started()
        tell(pid, NextState(state))
        reason, stack = await reason_of(pid)
        assert reason == "undef" and stack[0][0] == "Machine"


async def test_a_thrown_result_is_returned_and_an_error_ends_it() -> None:
    def throws(caller: Any) -> Any:
        raise Throw(NextState("b", ReplyTo(caller, OK)))

    def fails(caller: Any) -> Any:
        raise RuntimeError("no")

    pid = await started()
    assert await ask(pid, throws) == OK
    with pytest.raises(Exit) as failed:
        await ask(pid, fails)
    (error, stack), call = failed.value.reason
    assert error["message"] == b"no" and call[:2] == ("gen_statem", "call")
    assert stack[0][1].endswith("fails")


async def test_terminate_gets_reason_and_state() -> None:
    told: list[Any] = []

    class Ending(Machine):
        async def terminate(self, reason: Any, state: Any) -> None:
            await asyncio.sleep(0)
            told.append((reason, state))
            if reason == "fail":
                raise Exit("failed")

    async def end(act: Any) -> Any:
        pid, ref = await Ending.start_monitor() or (None, None)
        assert pid is not None
        await act(pid)
        return (await erl.receive(lambda message: message[1] == ref, timeout=1))[4]

    async def parent(pid: Pid) -> None:
        process = process_of(pid)
        process.trap_exit = True
        erl.send(pid, (Atom("EXIT"), pid, Atom("normal")))

    async def result(pid: Pid) -> None:
        tell(pid, NextState("b"), Stop("fail"))

    async def system(pid: Pid) -> None:
        await sys.terminate(pid, "shutdown")

    assert await end(GenStatem.stop) == "normal"
    assert await end(system) == "shutdown"
    assert await end(parent) == "normal"
    assert await end(result) == "failed"
    assert told == [("normal", "a"), ("shutdown", "a"), ("normal", "a"), ("fail", "b")]


async def test_stop_and_reply_replies_first() -> None:
    pid, _ = await Machine.start_monitor() or (None, None)
    assert pid is not None
    assert await ask(pid, lambda caller: StopAndReply("normal", ReplyTo(caller, "bye"))) == "bye"
    assert (await erl.receive(timeout=1))[4] == "normal"


async def test_a_machine_is_a_child_of_a_supervisor_and_has_a_name() -> None:
    child = (Machine, StateTimeout(60), {"name": "machine"})
    supervisor = await Supervisor.start_link([child], strategy="one_for_one")
    assert supervisor is not None
    first = erl.whereis("machine")
    assert first is not None
    assert await ask(first, lambda caller: KeepState(ReplyTo(caller, 1))) == 1
    erl.exit(first, Atom("kill"))
    await settled()
    assert erl.whereis("machine") not in (None, first)
    await Supervisor.stop(supervisor)


async def test_how_a_start_can_go() -> None:
    class Starting(GenStatem):
        def init(self, what: Any) -> Any:
            return what

    with pytest.raises(Exit) as failed:
        await Starting.start(7)
    assert failed.value.reason == ("bad_return_from_init", 7)
    with pytest.raises(Exit) as failed:
        await Starting.start(Stop("no"))
    assert failed.value.reason == "no"
    pid, ref = await Machine.start_monitor(name="m") or (None, None)
    assert pid is not None
    with pytest.raises(Exit) as failed:
        await Machine.start(name="m")
    assert failed.value.reason == ("already_started", pid)
    await GenStatem.stop("m")
    assert (await erl.receive(timeout=1))[1] == ref


async def test_enter_loop() -> None:
    async def body() -> None:
        process = this_process()
        proc_lib.init_ack(process, (OK, process.pid))
        machine = Machine()
        machine.events = []
        await GenStatem.enter_loop(machine, NextState("b", StateTimeout(0, "soon")))

    kind, pid = await proc_lib.start(body(), initial_call=(Atom("m"), Atom("f"), 0))
    assert kind == OK
    assert await ask(pid, lambda caller: KeepState(ReplyTo(caller, 1))) == 1
    assert events(pid) == [("enter", "b", "b"), ("state_timeout", "soon", "b")]
    assert await GenStatem.stop(pid) == OK


def test_what_is_refused_when_it_is_written() -> None:
    with pytest.raises(UsageError, match="would hide"):
        type("Hiding", (GenStatem,), {"stop": lambda self, event, content: None})
    for mode in ("no_mode", ("state_functions", "handle_event_function")):
        with pytest.raises(UsageError, match="callback_mode"):
            type("Wrong", (GenStatem,), {"callback_mode": mode})
    for wrong in (lambda: StateTimeout(-1), lambda: Timeout("n", "soon"), lambda: NextEvent("never")):  # type: ignore[arg-type]
        with pytest.raises(BadArg):
            wrong()
    with pytest.raises(BadArg):
        KeepState(7)  # type: ignore[arg-type]
    with pytest.raises(BadArg):
        StopAndReply("x", 7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("result", "text", "term"),
    [
        (NextState("b", Postpone), "NextState(Atom('b'), Postpone())", ("next_state", "b", 0, ["postpone"])),
        (KeepState(Hibernate), "KeepState(Hibernate())", ("keep_state", 0, ["hibernate"])),
        (RepeatState(), "RepeatState()", ("repeat_state", 0, [])),
        (
            KeepState(NextEvent("internal", 1), StateTimeout(1, "x"), EventTimeout.cancel()),
            None,
            (
                "keep_state",
                0,
                [("next_event", "internal", 1), ("state_timeout", 1000, "x"), ("timeout", "cancel")],
            ),
        ),
        (
            KeepState(
                Timeout("n", 1.5, 1, absolute=True), Timeout.update("n", 2), ChangeCallbackModule(Other)
            ),
            None,
            (
                "keep_state",
                0,
                [
                    (("timeout", "n"), 1500, 1, [("abs", True)]),
                    (("timeout", "n"), "update", 2),
                    ("change_callback_module", "Other"),
                ],
            ),
        ),
    ],
    ids=repr,
)
def test_results_are_shown_as_what_they_are(result: Any, text: str | None, term: Any) -> None:
    if text is not None:
        assert repr(result) == text
    assert result.to_term(0) == term
