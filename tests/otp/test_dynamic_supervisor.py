"""DynamicSupervisor: rows D of the OTP rules."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from otp_tools import exit_of, reason_of, settled
from supervised import TRAIL, Announcer, Clock, Fails, Ignored, Slow, child, trail

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, ErlangError, Exit, Throw
from pyerlnode.otp import ChildSpec, DynamicSupervisor, GenServer, sys
from pyerlnode.otp.supervisor.dynamic_supervisor import start_dynamic_supervisor
from pyerlnode.process import Runtime, this_process
from pyerlnode.term import Atom, Export, Pid, charlist, encode


@pytest.fixture(autouse=True)
def _hook(runtime: Runtime) -> None:
    TRAIL.clear()
    runtime.apply_hook = apply


async def apply(function: Any, args: list[Any]) -> Any:
    assert isinstance(function, Export)
    match function.function:
        case "start_link":
            return (Atom("ok"), await Announcer.start_link(*args))
        case "give":
            return args[-1]
        case "error":
            raise ErlangError(args[-1], [])
        case "exit":
            raise Exit(args[-1])
        case "throw":
            raise Throw(args[-1])
    raise AssertionError(function)


async def start(clock: Any = None, **options: Any) -> Pid:
    result = await start_dynamic_supervisor(
        DynamicSupervisor, (), options, link=False, name=None, clock=clock or Clock()
    )
    pid: Pid = result[1]
    return pid


def wire(function: str, *args: Any, restart: str = "permanent", shutdown: Any = 5000) -> Any:
    """As Elixir sends it."""
    mfa = (Atom("test"), Atom(function), list(args))
    return (Atom("start_child"), (mfa, Atom(restart), shutdown, Atom("worker"), [Atom("test")]))


async def ask(sup: Pid, request: Any) -> Any:
    reply = await GenServer.call(sup, request)
    encode(reply)
    return reply


async def children(sup: Pid) -> list[Any]:
    return [pid for _, pid, _, _ in await DynamicSupervisor.which_children(sup)]


# --- requests -----------------------------------------------------------------------------


async def test_children_are_started_counted_and_ended() -> None:
    sup = await start()
    kind, pid = await ask(sup, wire("start_link", b"a"))
    assert kind == "ok"
    assert await ask(sup, Atom("which_children")) == [("undefined", pid, "worker", ["test"])]
    assert await ask(sup, Atom("count_children")) == [
        ("specs", 1),
        ("active", 1),
        ("supervisors", 0),
        ("workers", 1),
    ]
    assert await ask(sup, (Atom("terminate_child"), pid)) == "ok"
    assert not erl.is_alive(pid)
    assert await ask(sup, (Atom("terminate_child"), pid)) == ("error", "not_found")
    assert await ask(sup, (Atom("terminate_child"), Atom("id"))) == ("error", "not_found")
    assert await children(sup) == []


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (wire("give", Atom("ignore")), "ignore"),
        (wire("give", (Atom("error"), Atom("no"))), ("error", "no")),
        (wire("give", Atom("nonsense")), ("error", "nonsense")),
        (wire("give", [Atom("ok"), 1]), ("error", ["ok", 1])),
        (wire("exit", Atom("no")), ("error", "no")),
        (wire("error", Atom("no")), ("error", ("no", []))),
    ],
)
async def test_replies_are_bare(request_: Any, reply: Any) -> None:
    sup = await start()
    assert await ask(sup, request_) == reply
    assert await children(sup) == []


async def test_a_throw_is_no_value_here() -> None:
    sup = await start()
    kind, (reason, stack) = await ask(sup, wire("throw", 5))
    assert (kind, reason) == ("error", ("nocatch", 5))
    assert isinstance(stack, list)


async def test_python_functions() -> None:
    sup = await start()
    pid = await DynamicSupervisor.start_child(sup, (Announcer, "a", {"restart": "temporary"}))
    assert await GenServer.call(pid, Atom("get")) == "a"
    assert await DynamicSupervisor.start_child(sup, Ignored) is None
    with pytest.raises(Exit) as failed:
        await DynamicSupervisor.start_child(sup, child("b", fails=Fails(1)))
    assert failed.value.reason == "no"
    assert await DynamicSupervisor.terminate_child(sup, pid) == "ok"
    with pytest.raises(Exit) as missing:
        await DynamicSupervisor.terminate_child(sup, pid)
    assert missing.value.reason == "not_found"
    assert await DynamicSupervisor.count_children(sup) == {
        "specs": 0,
        "active": 0,
        "supervisors": 0,
        "workers": 0,
    }


async def test_max_children() -> None:
    sup = await start(max_children=1)
    pid = await DynamicSupervisor.start_child(sup, Announcer)
    assert await ask(sup, wire("start_link", b"a")) == ("error", "max_children")
    await DynamicSupervisor.terminate_child(sup, pid)
    assert (await ask(sup, wire("start_link", b"a")))[0] == "ok"


async def test_extra_arguments_come_first() -> None:
    sup = await start(extra_arguments=["first"])
    pid = await DynamicSupervisor.start_child(sup, ChildSpec("x", (Announcer, "start_link", [None])))
    assert await GenServer.call(pid, Atom("get")) == "first"
    _, other = await ask(sup, wire("start_link", None))
    assert await GenServer.call(other, Atom("get")) == "first"


@pytest.mark.parametrize("request_", [Atom("nonsense"), (Atom("start_child"), 5), [Atom("which_children")]])
async def test_any_other_call_ends_it(request_: Any) -> None:
    sup = await start()
    reason, _ = await exit_of(sup, request_)
    assert reason[0] == "function_clause"


async def test_casts_and_stray_messages_are_ignored(caplog: pytest.LogCaptureFixture) -> None:
    sup = await start()
    GenServer.cast(sup, Atom("x"))
    erl.send(sup, Atom("stray"))
    erl.send(sup, (Atom("$gen_restart"), erl.self()))
    assert await children(sup) == []
    assert [record.last_message for record in caplog.records] == ["stray"]  # type: ignore[attr-defined]


# --- restarts -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("restart", "reason", "restarted"),
    [
        ("permanent", "normal", True),
        ("permanent", "boom", True),
        ("transient", "normal", False),
        ("transient", "shutdown", False),
        ("transient", "boom", True),
        ("temporary", "normal", False),
        ("temporary", "boom", False),
    ],
)
async def test_who_is_restarted(restart: str, reason: str, restarted: bool) -> None:
    sup = await start()
    _, pid = await ask(sup, wire("start_link", b"a", restart=restart))
    await GenServer.stop(pid, reason)
    found = await children(sup)
    assert len(found) == restarted
    assert pid not in found


async def test_a_restart_that_fails_is_tried_again() -> None:
    fails = Fails(2, 3)
    sup = await start()
    pid = await DynamicSupervisor.start_child(sup, child("a", fails=fails))
    erl.exit(pid, "kill")
    await settled()
    assert fails.starts == 4
    assert len(await children(sup)) == 1


async def test_a_child_that_is_being_restarted_counts_and_can_be_ended() -> None:
    seen: list[Any] = []

    def fails() -> Any:
        async def ask_between() -> None:
            seen.append(await children(sup))
            seen.append(await DynamicSupervisor.count_children(sup))
            seen.append(await ask(sup, wire("start_link", b"b")))
            seen.append(await DynamicSupervisor.terminate_child(sup, pid))
            seen.append(await children(sup))

        starts.append(1)
        if len(starts) == 2:
            erl.spawn(ask_between)
        return None if len(starts) == 1 else Fails(1)()

    starts: list[int] = []
    sup = await start(max_restarts=100_000, max_children=1)
    pid = await DynamicSupervisor.start_child(sup, child("a", fails=fails))
    erl.exit(pid, "kill")
    await settled()
    assert seen == [
        ["restarting"],
        {"specs": 1, "active": 0, "supervisors": 0, "workers": 1},
        ("error", "max_children"),
        "ok",
        [],
    ]


async def test_a_child_that_ignores_its_restart_is_dropped() -> None:
    answers = [(Atom("ok"), None), Atom("ignore")]

    async def start_once() -> Any:
        first = answers.pop(0)
        return None if first == "ignore" else await Announcer.start_link()

    sup = await start()
    pid = await DynamicSupervisor.start_child(sup, ChildSpec("x", start_once))
    erl.exit(pid, "kill")
    assert await children(sup) == []


async def test_too_many_restarts_end_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "pyerlnode.otp")
    clock = Clock()
    sup = await start(clock, max_restarts=1, max_seconds=5)
    await ask(sup, wire("start_link", "other"))
    await ask(sup, wire("start_link", b"a"))
    for seconds in (0, 6, 5):
        clock.now += seconds
        trail()
        erl.exit((await children(sup))[-1], "kill")
        await settled()
    assert await reason_of(sup) in ("shutdown", "noproc")
    assert trail() == [("terminated", "other", "shutdown")]
    contexts = [getattr(record, "context", None) for record in caplog.records]
    assert contexts == ["child_terminated"] * 3 + ["shutdown"]
    offender = dict(caplog.records[0].offender)  # type: ignore[attr-defined]
    assert offender["id"] == "undefined"
    assert "significant" not in offender


# --- the end ------------------------------------------------------------------------------


async def test_children_end_at_once_each_in_its_own_time() -> None:
    sup = await start()
    slow = await DynamicSupervisor.start_child(sup, ChildSpec("s", Slow.start_link, shutdown=0.01))
    killed = await DynamicSupervisor.start_child(sup, ChildSpec("s", Slow.start_link, shutdown="brutal_kill"))
    quick = await DynamicSupervisor.start_child(sup, child("q"))
    refs = {erl.monitor(pid): pid for pid in (slow, killed, quick)}
    trail()
    await DynamicSupervisor.stop(sup)
    downs = [await erl.receive() for _ in refs]
    assert {refs[down[1]]: down[4] for down in downs} == {slow: "killed", killed: "killed", quick: "shutdown"}
    assert sorted(trail()) == [("terminated", "q", "shutdown"), ("terminated", "slow", "shutdown")]


async def test_options_of_python() -> None:
    for options, message in (
        ({"max_children": -1}, "max_children: an integer from 0 on or infinity"),
        ({"extra_arguments": 1}, "extra_arguments: a list"),
        ({"max_restarts": "x"}, "max_restarts"),
        ({"max_seconds": 0}, "max_seconds"),
        ({"strategy": "one_for_all"}, "strategy: one_for_one is wanted"),
        ({"max_child": 1}, "not 'max_child'"),
    ):
        with pytest.raises(BadArg, match=message):
            await DynamicSupervisor.start_link(**options)
        with pytest.raises(BadArg, match=message):
            DynamicSupervisor.child(**options)
    assert isinstance(await DynamicSupervisor.start_link(name="d"), Pid)


class OtpStyle(DynamicSupervisor, module="Elixir.OtpStyle"):
    def init(self, result: Any) -> Any:
        return result


async def init_returns(result: Any) -> Any:
    return await start_dynamic_supervisor(OtpStyle, (result,), {}, link=False, name=None)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"max_children": -1}, ("invalid_max_children", -1)),
        ({"extra_arguments": 1}, ("invalid_extra_arguments", 1)),
        ({"intensity": Atom("x")}, ("invalid_intensity", "x")),
        ({"period": 0}, ("invalid_period", 0)),
        ({"strategy": Atom("one_for_all")}, ("invalid_strategy", "one_for_all")),
    ],
)
async def test_flags_as_terms(flags: Any, reason: Any) -> None:
    term = (Atom("ok"), {Atom(key): value for key, value in flags.items()})
    assert await init_returns(term) == ("error", ("supervisor_data", reason))


async def test_other_results_of_init() -> None:
    assert await init_returns(Atom("ignore")) == "ignore"
    assert await OtpStyle.start_link(Atom("ignore")) is None
    bad = ("bad_return", ("Elixir.OtpStyle", "init", 5))
    assert await init_returns(5) == ("error", bad)
    kind, (reason, _) = await init_returns({"max_children": -1})
    assert (kind, reason) == ("error", "badarg")


async def test_a_class_with_options_of_its_own() -> None:
    class Sessions(DynamicSupervisor):
        async def init(self, most: int) -> Any:
            return {"max_children": most}

    sup = await Sessions.start_link(0, name="sessions")
    assert sup is not None
    assert await ask(sup, wire("start_link", "a")) == ("error", "max_children")
    status = await sys.get_status("sessions")
    assert (Atom("supervisor"), [(charlist("Callback"), Atom("Sessions"))]) in status[3][4]
    assert Sessions.child(1).id == "Sessions"
    with pytest.raises(BadArg, match="takes no option 'max_children'"):
        await Sessions.start_link(0, max_children=1)
    with pytest.raises(BadArg, match="takes options, not 5"):
        await DynamicSupervisor.start_link(5)


async def test_change_code_takes_new_options() -> None:
    class Sessions(DynamicSupervisor):
        def init(self) -> Any:
            return versions.pop(0)

    versions: list[Any] = [{}, {"max_children": 0}, 5]
    sup = await Sessions.start_link()
    assert sup is not None
    await sys.suspend(sup)
    assert await sys.change_code(sup, "Sessions", Atom("undefined"), []) == "ok"
    refused = await sys.change_code(sup, "Sessions", Atom("undefined"), [])
    await sys.resume(sup)
    assert refused == ("error", ("bad_return", ("Sessions", "init", 5)))
    assert await ask(sup, wire("start_link", "a")) == ("error", "max_children")


async def test_significant_means_nothing_here() -> None:
    sup = await start()
    spec = child("a", significant=True)
    assert isinstance(await DynamicSupervisor.start_child(sup, spec), Pid)


async def test_as_a_process() -> None:
    sup = await start()
    process = this_process().runtime.process(sup)
    assert process is not None and process.dictionary is not None
    assert process.dictionary["$initial_call"] == ("supervisor", "Elixir.Supervisor.Default", 1)
    state = await sys.get_state(sup)
    assert state[Atom("__struct__")] == "Elixir.DynamicSupervisor"  # type: ignore[index]
    assert state[Atom("max_children")] == "infinity"  # type: ignore[index]
    encode(await sys.get_status(sup))
