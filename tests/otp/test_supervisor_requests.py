"""What a supervisor answers, and how it ends children: rows V, D and B7 of the OTP rules."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import pytest
from otp_tools import exit_of, reason_of, settled
from supervised import TRAIL, Announcer, Fails, Ignored, Slow, child, pids, start, trail

import pyerlnode.process as erl
from pyerlnode.errors import ErlangError, Exit, NoProc
from pyerlnode.otp import ChildSpec, GenServer, Supervision, Supervisor, sys
from pyerlnode.process import Runtime, this_process
from pyerlnode.term import Atom, Export, Pid, charlist, encode

START = (Atom("Announcer"), Atom("start_link"), [b"a"])


@pytest.fixture(autouse=True)
def _hook(runtime: Runtime) -> None:
    """What other nodes name by module and function."""
    TRAIL.clear()
    runtime.apply_hook = apply


async def apply(function: Any, args: list[Any]) -> Any:
    """`Announcer:start_link/1`, `test:give/1`, `test:raises/1` and `test:exits/1`."""
    assert isinstance(function, Export)
    match function.function:
        case "start_link":
            return (Atom("ok"), await Announcer.start_link(*args))
        case "give":
            return args[0]
        case "info":
            return (Atom("ok"), await Announcer.start_link(*args), b"info")
        case "raises":
            raise ErlangError(args[0], [])
        case "exits":
            raise Exit(args[0])
    raise ErlangError("undef", [(function.module, function.function, args, [])])


def mfa(function: str, *args: Any) -> tuple[Atom, Atom, list[Any]]:
    return (Atom("test"), Atom(function), list(args))


def spec(id: Any, start: Any, **more: Any) -> dict[Any, Any]:
    """A specification as it comes from another node."""
    return {Atom("id"): id, Atom("start"): start, **{Atom(key): value for key, value in more.items()}}


async def ask(supervisor: Pid, request: Any) -> Any:
    """The reply to a request of another node; it must be one that can be sent."""
    reply = await GenServer.call(supervisor, request)
    encode(reply)
    return reply


async def start_child(supervisor: Pid, wanted: Any) -> Any:
    return await ask(supervisor, (Atom("start_child"), wanted))


# --- start_child --------------------------------------------------------------------------


async def test_start_child() -> None:
    sup = await start()
    kind, pid = await start_child(sup, spec(Atom("n"), START))
    assert kind == "ok"
    assert await ask(sup, Atom("which_children")) == [("n", pid, "worker", ["Announcer"])]
    assert await start_child(sup, spec(Atom("n"), START)) == ("error", ("already_started", pid))
    assert await ask(sup, (Atom("terminate_child"), Atom("n"))) == "ok"
    assert await start_child(sup, spec(Atom("n"), START)) == ("error", "already_present")


async def test_ids_are_told_apart_as_erlang_does() -> None:
    sup = await start()
    ids = [1, 1.0, True, Atom("a"), b"a", [1], {1: 2}, None]
    for id in ids:
        assert (await start_child(sup, spec(id, START)))[0] == "ok"
    assert await ask(sup, (Atom("delete_child"), [1, 2])) == ("error", "not_found")
    assert await ask(sup, (Atom("terminate_child"), {1: 2})) == "ok"
    children = await ask(sup, Atom("which_children"))
    assert [encode(id) for id, *_ in reversed(children)] == [encode(id) for id in ids]
    assert [id for id, pid, *_ in children if pid == "undefined"] == [{1: 2}]


async def test_a_child_with_info() -> None:
    sup = await start()
    kind, pid, info = await start_child(sup, spec(1, mfa("info", b"a")))
    assert (kind, info) == ("ok", b"info")
    await ask(sup, (Atom("terminate_child"), 1))
    kind, new, info = await ask(sup, (Atom("restart_child"), 1))
    assert (kind, info) == ("ok", b"info")
    assert new != pid


@pytest.mark.parametrize(
    ("start_function", "reason"),
    [
        (mfa("give", (Atom("error"), Atom("no"))), "no"),
        (mfa("give", Atom("nonsense")), "nonsense"),
        (mfa("give", [Atom("ok"), 1]), ["ok", 1]),
        (mfa("give", (Atom("ok"), 1)), ("ok", 1)),
        (mfa("exits", Atom("no")), ("EXIT", "no")),
        (mfa("raises", Atom("no")), ("EXIT", ("no", []))),
        (mfa("absent", 5), ("EXIT", ("undef", [("test", "absent", [5], [])]))),
    ],
)
async def test_a_start_that_fails_carries_the_reason_and_the_child(start_function: Any, reason: Any) -> None:
    sup = await start()
    record = (
        "child",
        "undefined",
        "n",
        start_function,
        "permanent",
        False,
        5000,
        "worker",
        ["test"],
    )
    assert await start_child(sup, spec(Atom("n"), start_function)) == ("error", (reason, record))
    assert await ask(sup, Atom("which_children")) == []


async def test_a_name_that_is_taken_is_said_without_the_child() -> None:
    sup = await start()
    taken = (Atom("error"), (Atom("already_started"), erl.self()))
    assert await start_child(sup, spec(1, mfa("give", taken))) == taken


async def test_ignored_children_stay_unless_they_are_temporary() -> None:
    sup = await start()
    ignore = mfa("give", Atom("ignore"))
    assert await start_child(sup, spec(Atom("n"), ignore)) == ("ok", "undefined")
    assert await start_child(sup, spec(Atom("t"), ignore, restart=Atom("temporary"))) == ("ok", "undefined")
    assert await pids(sup) == {"n": "undefined"}
    both = await start(
        ChildSpec("n", Ignored.start_link), ChildSpec("t", Ignored.start_link, restart="temporary")
    )
    assert await pids(both) == {"n": "undefined"}


# --- terminate, restart, delete ---------------------------------------------------------------------


async def test_terminate_restart_and_delete() -> None:
    sup = await start(child("a"))
    old = (await pids(sup))["a"]

    async def reply(request: str) -> Any:
        return await ask(sup, (Atom(request), Atom("a")))

    assert await reply("restart_child") == ("error", "running")
    assert await reply("delete_child") == ("error", "running")
    assert await reply("terminate_child") == "ok"
    assert not erl.is_alive(old)
    assert await reply("terminate_child") == "ok"
    assert (await reply("restart_child"))[0] == "ok"
    assert await reply("terminate_child") == "ok"
    assert await reply("delete_child") == "ok"
    for request in ("terminate_child", "restart_child", "delete_child", "get_childspec", "which_child"):
        assert await reply(request) == ("error", "not_found")


async def test_terminating_does_not_count_and_forgets_temporary_children() -> None:
    sup = await start(child("a"), child("t", restart="temporary"), max_restarts=0)
    for _ in range(3):
        await Supervisor.terminate_child(sup, "a")
        assert isinstance(await Supervisor.restart_child(sup, "a"), Pid)
    await Supervisor.terminate_child(sup, "t")
    assert list(await pids(sup)) == ["a"]


async def test_a_restart_on_request_that_fails() -> None:
    sup = await start(child("a", fails=Fails(2)))
    await Supervisor.terminate_child(sup, "a")
    assert await ask(sup, (Atom("restart_child"), Atom("a"))) == ("error", "no")
    assert isinstance(await Supervisor.restart_child(sup, "a"), Pid)


async def test_counting_and_describing() -> None:
    sup = await start(child("a", shutdown=0.25), ChildSpec("s", Ignored.start_link, type="supervisor"))
    assert await ask(sup, Atom("count_children")) == [
        ("specs", 2),
        ("active", 1),
        ("supervisors", 1),
        ("workers", 1),
    ]
    assert await Supervisor.get_childspec(sup, "a") == {
        "id": "a",
        "start": ("Announcer", "start_link", ["a", None]),
        "restart": "permanent",
        "significant": False,
        "shutdown": 250,
        "type": "worker",
        "modules": ["Announcer"],
    }
    assert (await Supervisor.get_childspec(sup, "s"))["shutdown"] == "infinity"
    a = (await pids(sup))["a"]
    assert await ask(sup, (Atom("which_child"), Atom("a"))) == ("ok", ("a", a, "worker", ["Announcer"]))


# --- how children are ended ---------------------------------------------------------------------------


async def test_brutal_kill() -> None:
    sup = await start(child("a", shutdown="brutal_kill"))
    a = (await pids(sup))["a"]
    trail()
    ref = erl.monitor(a)
    await Supervisor.terminate_child(sup, "a")
    assert await erl.receive() == ("DOWN", ref, "process", a, "killed")
    assert trail() == []


async def test_who_does_not_end_in_time_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    sup = await start((Slow, None, {"start": (Slow, "start_link", []), "shutdown": 0.01, "id": "a"}))
    a = (await pids(sup))["a"]
    ref = erl.monitor(a)
    await Supervisor.terminate_child(sup, "a")
    assert await erl.receive() == ("DOWN", ref, "process", a, "killed")
    assert trail() == [("terminated", "slow", "shutdown")]
    record = caplog.records[-1]
    assert (record.context, record.reason) == ("shutdown_error", "killed")  # type: ignore[attr-defined]


async def test_who_ends_slowly_is_waited_for() -> None:
    class Takes(GenServer):
        def init(self) -> None:
            erl.process_flag("trap_exit", True)

        async def terminate(self, reason: Any) -> None:
            await settled()
            TRAIL.append(("done",))

    sup = await start((Takes, None, {"start": (Takes, "start_link", []), "shutdown": "infinity"}))
    await Supervisor.terminate_child(sup, "Takes")
    assert trail() == [("done",)]


async def test_a_child_that_unlinked_itself_and_is_gone_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    class Leaves(GenServer):
        def init(self, parent: Any = None) -> None:
            erl.unlink(this_process().dictionary["$ancestors"][0])  # type: ignore[index]

    sup = await start(Leaves)
    pid = (await pids(sup))["Leaves"]
    erl.exit(pid, "kill")
    assert await pids(sup) == {"Leaves": pid}  # nobody told it
    assert (await Supervisor.count_children(sup))["active"] == 0
    caplog.set_level(logging.ERROR)
    await Supervisor.terminate_child(sup, "Leaves")
    assert caplog.records[-1].reason == "child_process_unlinked"  # type: ignore[attr-defined]


# --- what is no request ---------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [Atom("nonsense"), (Atom("a"), 1), 5, [Atom("which_children")], b"x"])
async def test_any_other_call_ends_it_with_function_clause(request_: Any) -> None:
    sup = await start(child("a"))
    trail()
    reason, _ = await exit_of(sup, request_)
    assert reason[0] == "function_clause"
    assert reason[1][0][:2] == ("supervisor", "handle_call")
    assert trail() == [("terminated", "a", "shutdown")]


async def test_any_other_cast_ends_it_too() -> None:
    sup = await start()
    ref = erl.monitor(sup)
    GenServer.cast(sup, Atom("nonsense"))
    down = await erl.receive()
    assert down[1] == ref
    assert down[4][0] == "function_clause"


async def test_a_call_from_nobody_ends_it_all_the_same() -> None:
    sup = await start()
    ref = erl.monitor(sup)
    erl.send(sup, (Atom("$gen_call"), 5, Atom("which_children")))
    assert await pids(sup) == {}
    erl.send(sup, (Atom("$gen_call"), 5, Atom("nonsense")))
    assert (await erl.receive(lambda message: message[1] == ref))[4][0] == "function_clause"


async def test_who_ended_while_it_was_suspended_is_no_stranger(caplog: pytest.LogCaptureFixture) -> None:
    sup = await start(child("a", restart="transient"))
    await sys.suspend(sup)
    await GenServer.stop((await pids_of_state(sup))["a"])
    await sys.terminate(sup, "normal")
    await reason_of(sup)
    assert [record for record in caplog.records if hasattr(record, "context")] == []


async def pids_of_state(sup: Pid) -> dict[Any, Any]:
    state: Any = await sys.get_state(sup)
    return {id: record[1] for id, record in state[3][1].items()}


async def test_nobody_there() -> None:
    with pytest.raises(NoProc) as failed:
        await Supervisor.which_children("nobody")
    assert failed.value.reason == (
        "noproc",
        ("Elixir.GenServer", "call", ["nobody", "which_children", "infinity"]),
    )


# --- as a process ---------------------------------------------------------------------------------------


async def test_ancestors_and_initial_calls(runtime: Runtime) -> None:
    sup = await start(child("a"), name="sup")
    process = runtime.process((await pids(sup))["a"])
    assert process is not None and process.dictionary is not None
    assert process.dictionary["$ancestors"][0] == "sup"
    own = runtime.process(sup)
    assert own is not None and own.dictionary is not None
    assert own.dictionary["$initial_call"] == ("supervisor", "Elixir.Supervisor.Default", 1)


async def test_system_messages() -> None:
    sup = await start(child("a"), name="sup")
    state: Any = await sys.get_state(sup)
    assert state[:3] == ("state", ("local", "sup"), "one_for_one")
    assert state[3][0] == ["a"]
    assert state[3][1][Atom("a")][:3] == ("child", (await pids(sup))["a"], "a")
    status = await sys.get_status(sup)
    encode(status)
    assert status[2] == ("module", "gen_server")
    misc = status[3][4]
    assert (Atom("supervisor"), [(charlist("Callback"), Atom("Elixir.Supervisor.Default"))]) in misc
    assert await sys.replace_state(sup, lambda same: same) == state
    with pytest.raises(ErlangError):
        await sys.replace_state(sup, lambda _: 5)
    await sys.log(sup, True)
    await pids(sup)
    _, events = await sys.log(sup, "get")
    assert [event[0] for event in events] == ["in", "out"]


async def test_a_suspended_supervisor_restarts_when_it_is_resumed() -> None:
    sup = await start(child("a"))
    old = (await pids(sup))["a"]
    trail()
    await sys.suspend(sup)
    erl.exit(old, "kill")
    await settled()
    assert trail() == []
    await sys.resume(sup)
    assert (await pids(sup))["a"] != old
    assert trail() == [("started", "a")]
    assert await sys.terminate(sup, "normal") == "ok"
    await reason_of(sup)
    assert trail() == [("terminated", "a", "shutdown")]


class Versions(Supervisor):
    """Each call of its `init` gives the next of these."""

    versions: ClassVar[list[Any]] = []

    def init(self) -> Any:
        return self.versions.pop(0)


async def test_change_code_takes_new_specifications_and_keeps_processes() -> None:
    Versions.versions = [
        Supervision([child("a"), child("b")], strategy="one_for_one", max_restarts=0),
        Supervision([child("b", shutdown="brutal_kill"), child("c")], strategy="one_for_all"),
        (Atom("ok"), ({Atom("strategy"): Atom("no")}, [])),
        5,
    ]
    sup = await Versions.start_link()
    assert sup is not None
    old = await pids(sup)

    async def change() -> Any:
        await sys.suspend(sup)
        answer = await sys.change_code(sup, "Versions", Atom("undefined"), [])
        await sys.resume(sup)
        return answer

    assert await change() == "ok"
    assert await pids(sup) == {"c": "undefined", **old}
    assert (await Supervisor.get_childspec(sup, "b"))["shutdown"] == "brutal_kill"
    trail()
    erl.exit(old["a"], "kill")
    await pids(sup)
    assert trail() == [("started", id) for id in "abc"]
    assert await change() == ("error", ("supervisor_data", ("invalid_strategy", "no")))
    assert await change() == ("error", ("bad_return", ("Versions", "init", 5)))


# --- classes of supervisors -----------------------------------------------------------------------------


class Family(Supervisor, module="Elixir.Family"):
    def init(self, *ids: str) -> Supervision:
        return Supervision([child(id) for id in ids], strategy="one_for_all")


async def test_a_class_of_supervisors_nests() -> None:
    sup = await start((Family, "deep", {"id": "inner"}))
    ((id, inner, kind, modules),) = await Supervisor.which_children(sup)
    assert (id, kind, modules) == ("inner", "supervisor", ["Elixir.Family"])
    deep = (await pids(inner))["deep"]
    erl.exit(inner, "kill")
    new = (await pids(sup))["inner"]
    assert new != inner
    assert (await pids(new))["deep"] != deep
    own = this_process().runtime.process(new)
    assert own is not None and own.dictionary is not None
    assert own.dictionary["$initial_call"] == ("supervisor", "Elixir.Family", 1)


async def test_a_second_supervisor_under_a_taken_name() -> None:
    sup = await start(name="sup")
    with pytest.raises(Exit) as failed:
        await Supervisor.start_link([], strategy="one_for_one", name="sup")
    assert failed.value.reason == ("already_started", sup)
