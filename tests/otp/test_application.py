"""Applications: how they start and stop, what they leave behind, and what a node cannot do without."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from otp_tools import SECONDS, idle, reason_of
from supervised import TRAIL, Fails, child, trail

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, ErlangError, Exit, UsageError
from pyerlnode.otp import Application, Failure, GenServer, Supervisor, child_spec
from pyerlnode.otp.application import start as application_start
from pyerlnode.otp.application.controller import CONTROLLER, is_persistent, start_controller
from pyerlnode.otp.application.table import table
from pyerlnode.term import Atom, Pid, charlist

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

ENDED: list[tuple[Any, Any]] = []


@pytest.fixture(autouse=True)
def controller(runtime: Runtime) -> Pid:
    TRAIL.clear()
    ENDED.clear()
    return start_controller(runtime, given_up=lambda name, reason: ENDED.append((name, reason)))


class Base(Application):
    applications = ()


class Tree(Base):
    def __init__(self, *children: Any) -> None:
        self.children = list(children)

    async def start(self, type: Any, args: Any) -> Any:
        return await Supervisor.start_link(self.children, strategy="one_for_one", name="top", max_restarts=0)


async def exit_of(awaitable: Any) -> Any:
    with pytest.raises(Exit) as caught:
        async with asyncio.timeout(SECONDS):
            await awaitable
    return caught.value.reason


# --- a tree ---------------------------------------------------------------------------------


async def test_the_tree_stops_in_reverse_order(runtime: Runtime) -> None:
    await Application.start(Tree(child("a"), child("b")))
    assert Application.get_application(erl.whereis("top")) == "tree"
    assert Application.get_application() is None
    assert await Application.stop("tree") == "ok"
    assert trail() == [
        ("started", "a"),
        ("started", "b"),
        ("terminated", "b", "shutdown"),
        ("terminated", "a", "shutdown"),
    ]
    assert await Application.which_applications() == []


async def test_a_list_of_children_is_an_application(runtime: Runtime) -> None:
    app = Application.from_children([child_spec(child("a"))], "some")
    app.applications = ()
    await Application.start(app)
    await Application.stop("some")
    assert trail() == [("started", "a"), ("terminated", "a", "shutdown")]


async def test_a_supervisor_is_waited_for_as_long_as_its_children_need(monkeypatch: Any) -> None:
    class Takes(GenServer):
        def init(self) -> None:
            erl.process_flag("trap_exit", True)

        async def terminate(self, reason: Any) -> None:
            await asyncio.sleep(0.05)
            TRAIL.append(("done",))

    monkeypatch.setattr(application_start, "SHUTDOWN_TIME", 0.001)
    await Application.start(Tree(Takes))
    await Application.stop("tree")
    assert trail() == [("done",)]


async def test_what_is_no_supervisor_is_killed_after_a_while(monkeypatch: Any) -> None:
    class Stays(GenServer):
        def init(self) -> None:
            erl.process_flag("trap_exit", True)

        async def terminate(self, reason: Any) -> None:
            await idle()

    class Server(Base):
        async def start(self, type: Any, args: Any) -> Any:
            return await Stays.start_link(name="stays")

    monkeypatch.setattr(application_start, "SHUTDOWN_TIME", 0.001)
    await Application.start(Server)
    pid = erl.whereis("stays")
    assert await Application.stop("server") == "ok"
    assert not erl.is_alive(pid)


async def test_prep_stop_and_stop_are_called_around_the_end_of_the_tree() -> None:
    class Told(Tree):
        async def prep_stop(self) -> None:
            TRAIL.append(("prep_stop", Application.get_application()))

        def stop(self) -> None:
            TRAIL.append(("stop", erl.whereis("top")))
            raise ValueError("nobody cares, but it is logged")

    await Application.start(Told(child("a")))
    TRAIL.clear()
    assert await Application.stop("told") == "ok"
    assert trail() == [("prep_stop", "told"), ("terminated", "a", "shutdown"), ("stop", None)]


async def test_processes_that_nobody_stops_are_killed(runtime: Runtime) -> None:
    class Spawns(Base):
        async def start(self, type: Any, args: Any) -> Any:
            erl.register("left", erl.spawn(idle))
            return erl.spawn_link(idle)

    before = len(runtime.processes())
    await Application.start(Spawns)
    left = erl.whereis("left")
    assert Application.get_application(left) == "spawns"
    ended = asyncio.ensure_future(reason_of(left))
    await asyncio.sleep(0)
    await Application.stop("spawns")
    assert await ended == "killed"
    assert len(runtime.processes()) <= before + 2  # the tasks of this test have become processes


async def test_the_group_leader_forwards_output() -> None:
    got: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    class Prints(Base):
        async def start(self, type: Any, args: Any) -> Any:
            leader = erl.group_leader()
            erl.send(leader, (Atom("io_request"), erl.self(), erl.make_ref(), Atom("getopts")))
            erl.send(leader, (Atom("start_type"), erl.self()))
            got.set_result((leader, await erl.receive(lambda message: message[0] == "start_type")))
            return erl.spawn_link(idle)

    class Terminal(GenServer):
        def handle_info(self, message: Any) -> None:
            TRAIL.append(message)

    terminal = await Terminal.start()
    erl.group_leader(terminal, erl.whereis(CONTROLLER))
    await Application.start(Prints)
    leader, answer = got.result()
    assert answer == ("start_type", "normal")
    assert leader == table().masters["prints"]
    await Application.stop("prints")
    assert [message[0] for message in TRAIL] == ["io_request"]


# --- starts that fail -----------------------------------------------------------------------


async def test_what_a_failed_start_says() -> None:
    class Bad(Base):
        def __init__(self, how: Any) -> None:
            self.how = how

        async def start(self, type: Any, args: Any) -> Any:
            await Tree(child("a")).start(type, args)
            if isinstance(self.how, Exception):
                raise self.how
            return self.how

    call = ("Bad", "start", ["normal", []])
    expected: list[tuple[Any, Any]] = [
        (Exit("no"), ("no", call)),
        (Failure("no"), ("no", call)),
        ((Atom("error"), Atom("no")), ("no", call)),
        (7, ("bad_return", (call, 7))),
        (ErlangError("no", []), ("bad_return", (call, ("EXIT", ("no", []))))),
    ]
    for how, reason in expected:
        assert await exit_of(Application.start(Bad(how))) == reason
        assert erl.whereis("top") is None
        await Application.unload("bad")
    assert await exit_of(Application.ensure_all_started(Bad(Exit("no")))) == ("bad", ("no", call))


async def test_a_child_that_does_not_start_is_why_the_application_does_not() -> None:
    reason = await exit_of(Application.start(Tree(child("a"), child("b", fails=Fails(1)))))
    assert reason[0] == ("shutdown", ("failed_to_start_child", "b", "no"))


async def test_a_start_that_goes_on_can_be_given_up(controller: Pid) -> None:
    begun = asyncio.Event()

    class Slow(Base):
        async def start(self, type: Any, args: Any) -> Any:
            await Supervisor.start_link([child("a")], strategy="one_for_one")
            begun.set()
            await idle()

    starting = asyncio.ensure_future(exit_of(Application.start(Slow)))
    await begun.wait()
    again = asyncio.ensure_future(exit_of(Application.start("slow")))
    await asyncio.sleep(0)
    info = dict(await GenServer.call(controller, Atom("info")))
    assert info[Atom("starting")] == [("slow", "temporary", "normal")]
    await GenServer.stop(controller, "shutdown")
    assert trail() == [("started", "a"), ("terminated", "a", "shutdown")]
    assert (await starting)[0] == (await again)[0] == "shutdown"


async def test_start_phases() -> None:
    class Phased(Base):
        start_phases = (("one", 1), ("two", 2))

        async def start(self, type: Any, args: Any) -> Any:
            return erl.spawn_link(idle)

        def start_phase(self, phase: Any, type: Any, args: Any) -> Any:
            TRAIL.append((phase, type, args))
            return Failure("enough") if args == 3 else None

    await Application.start(Phased)
    assert trail() == [("one", "normal", 1), ("two", "normal", 2)]
    await Application.stop(Phased)
    await Application.unload(Phased)
    phased = Phased()
    phased.start_phases = (("three", 3),)
    assert (await exit_of(Application.start(phased)))[0] == "enough"


# --- functions ------------------------------------------------------------------------------


async def test_a_function_may_go_on_as_a_process(runtime: Runtime) -> None:
    async def main() -> None:
        erl.register("main", erl.self())
        await Supervisor.start_link([child("a")], strategy="one_for_one")
        await Supervisor.start_link([child("b")], strategy="one_for_one")
        while True:
            TRAIL.append(await erl.receive())

    app = Application.from_function(main)
    app.applications = ()
    await Application.start(app)
    erl.send("main", ("hello",))
    await asyncio.sleep(0)
    await Application.stop("main")
    assert trail()[2:] == [("hello",), ("terminated", "b", "shutdown"), ("terminated", "a", "shutdown")]
    assert erl.whereis("main") is None


async def test_a_function_that_ends_ends_the_application() -> None:
    async def main() -> None:
        erl.register("main", erl.self())
        await erl.receive()
        raise Exit("over")

    app = Application.from_function(main, "over")
    app.applications = ()
    await Application.start(app, "permanent")
    master = table().masters["over"]
    ended = asyncio.ensure_future(reason_of(master))
    await asyncio.sleep(0)
    erl.send("main", Atom("end"))
    assert await ended == "over"
    assert ENDED == [("over", "over")]


# --- types ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type", "reason", "goes_on"),
    [
        ("temporary", "broken", True),
        ("transient", "normal", True),
        ("transient", "broken", False),
        ("permanent", "normal", False),
    ],
)
async def test_what_the_end_of_an_application_means(
    controller: Pid, type: str, reason: str, goes_on: bool
) -> None:
    class Ends(Base):
        async def start(self, type: Any, args: Any) -> Any:
            erl.register("ends", erl.spawn_link(ends))
            return erl.whereis("ends")

    async def ends() -> None:
        raise Exit(await erl.receive())

    class Other(Base):
        async def start(self, type: Any, args: Any) -> Any:
            return erl.spawn_link(idle)

        def stop(self) -> None:
            TRAIL.append(("stopped",))

    await Application.start(Other, "permanent")
    await Application.start(Ends, type)
    ended = asyncio.ensure_future(reason_of(table().masters["ends"]))
    down = asyncio.ensure_future(reason_of(controller))
    await asyncio.sleep(0)
    erl.send("ends", Atom(reason))
    assert await ended == reason
    if goes_on:
        assert [name for name, _, _ in await Application.which_applications()] == ["other"]
        down.cancel()
    else:
        assert await down == ("shutdown", charlist(f"{{application_terminated,ends,{reason}}}"))
        assert trail() == [("stopped",)]
    assert ([] if goes_on else [("ends", reason)]) == ENDED


async def test_the_controller_stops_the_application_started_last_first(controller: Pid) -> None:
    def app(own: str) -> Application:
        class One(Base):
            name = own

            async def start(self, type: Any, args: Any) -> Any:
                return erl.spawn_link(idle)

            def stop(self) -> None:
                TRAIL.append(own)

        return One()

    for name in ("a", "b", "c"):
        await Application.start(app(name))
    await GenServer.stop(controller, "shutdown")
    assert trail() == ["c", "b", "a"]


async def test_the_time_for_each_application_can_be_limited(controller: Pid) -> None:
    class Stays(Base):
        async def start(self, type: Any, args: Any) -> Any:
            return erl.spawn_link(idle)

        async def stop(self) -> None:
            await idle()

    await Application.start(Stays)
    Application.put_env("kernel", "shutdown_timeout", 1)
    master = table().masters["stays"]
    async with asyncio.timeout(SECONDS):
        await GenServer.stop(controller, "shutdown")
    assert not erl.is_alive(master)


# --- what is known --------------------------------------------------------------------------


class Database(Base):
    """Only code."""

    vsn = "2"


class ChatRoom(Application):
    description = "Rooms"
    vsn = "1"
    env: ClassVar = {"greeting": "hello", "size": 3}
    applications = (Database, "optional")
    optional_applications = ("optional",)

    async def start(self, type: Any, args: Any) -> Any:
        return erl.spawn_link(idle)


async def test_applications_are_started_in_the_order_in_which_they_need_each_other() -> None:
    assert await exit_of(Application.start(ChatRoom)) == ("not_started", "database")
    assert await Application.ensure_all_started(ChatRoom) == ["database", "chat_room"]
    assert await Application.ensure_all_started([ChatRoom, Database]) == []
    assert await Application.ensure_started(ChatRoom) == "ok"
    assert await exit_of(Application.start("chat_room")) == ("already_started", "chat_room")
    assert await exit_of(Application.unload(ChatRoom)) == ("running", "chat_room")
    assert await Application.which_applications() == [
        ("chat_room", charlist("Rooms"), charlist("1")),
        ("database", [], charlist("2")),
    ]
    assert Application.get_key(ChatRoom, "vsn") == charlist("1")
    assert Application.get_key("chat_room", "nope", 7) == 7
    assert Application.get_key("chat_room", "mod") == ("ChatRoom", [])
    assert Application.get_key("database", "mod") == []


async def test_who_waits_for_each_other_is_told() -> None:
    class One(Application):
        applications = ("two",)

    class Two(Application):
        applications = ("one",)

    await Application.load(Two)
    assert await exit_of(Application.ensure_all_started(One)) == ("two", ("not_started", "one"))


async def test_the_environment_lasts_as_long_as_the_application_is_loaded() -> None:
    Application.put_env("chat_room", "size", 5, persistent=True)
    await Application.load(ChatRoom)
    assert Application.get_all_env("chat_room") == {"size": 5, "greeting": "hello"}
    assert Application.get_env(ChatRoom, "greeting") == "hello"
    assert Application.get_env("chat_room", "nope", 1) == 1
    with pytest.raises(KeyError):
        Application.fetch_env("chat_room", "nope")
    Application.put_env("chat_room", "greeting", "bye")
    await Application.unload(ChatRoom)
    assert Application.get_all_env("chat_room") == {}
    await Application.load(ChatRoom)
    assert Application.get_env("chat_room", "greeting") == "hello"
    assert Application.get_env("chat_room", "size") == 5


async def test_what_is_no_application_is_refused() -> None:
    for wrong in (3, int, None):
        with pytest.raises(BadArg):
            await Application.start(wrong)
    with pytest.raises(BadArg):
        await Application.start(Database, "often")
    with pytest.raises(UsageError):
        await Application.start(Database, node="alex@localhost")


def test_the_callbacks_keep_their_names() -> None:
    assert Tree.start is not Application.start
    assert Database().stop() is None
    with pytest.raises(AttributeError):
        _ = Database().start


async def test_the_controller_survives_what_it_does_not_know(controller: Pid) -> None:
    with pytest.raises(Exit):
        await GenServer.call(controller, Atom("nonsense"), 0.01)
    with pytest.raises(Exit):
        await GenServer.call(controller, (Atom("start_application"), b"x", b"y", b"z"), 0.01)
    GenServer.cast(controller, (Atom("application_started"), [[]], 3))
    erl.send(controller, (Atom("EXIT"), erl.self(), [[]]))
    for request in ("start_application", "stop_application", "unload_application", "load_application"):
        fields = [[1]] if request != "start_application" else [[1], Atom("temporary")]
        assert (await GenServer.call(controller, (Atom(request), *fields)))[0] == "error"
    assert await Application.which_applications() == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([(Atom("persistent"), True)], True),
        ([Atom("persistent")], True),
        ([(Atom("timeout"), 5), (Atom("persistent"), True)], True),
        ([(Atom("persistent"), False), (Atom("persistent"), True)], False),
        ([(Atom("persistent"), 1)], False),
        ([(Atom("persistent"),)], False),
        ([(b"persistent", True)], False),
        ([], False),
        (Atom("persistent"), False),
    ],
    ids=repr,
)
def test_only_true_makes_a_value_persistent(options: Any, expected: bool) -> None:
    assert is_persistent(options) is expected
