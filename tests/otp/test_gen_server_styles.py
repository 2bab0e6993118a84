"""Both styles of a server, side by side, and which method gets which request."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from otp_tools import OK, exit_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import Exit, Throw, UsageError
from pyerlnode.otp import (
    Continue,
    GenServer,
    Hibernate,
    Ignore,
    NoReply,
    Reply,
    Stop,
    on_call,
    on_cast,
    on_info,
)
from pyerlnode.term import Atom, Pid, equal


async def started(cls: type[GenServer], *args: Any) -> Pid:
    pid = await cls.start(*args)
    assert pid is not None
    return pid


async def result_of(cls: type[GenServer], request: Any) -> Any:
    """What a fresh server of `cls` answers, or ends with."""
    pid = await started(cls)
    try:
        return await GenServer.call(pid, request)
    except Exit as error:
        return error.reason[0]


class Both(GenServer):
    def init(self) -> None:
        self.seen: list[Any] = []

    @on_call
    def get(self) -> Any:
        return self.seen

    @on_call("stop")
    def named(self) -> Atom:
        return OK

    @on_call
    def one(self, a: int, b: int = 2) -> Any:
        return [a, b]

    @on_call
    def many(self, *rest: Any) -> Any:
        return list(rest)

    @on_call
    @on_cast
    @on_info
    def any_kind(self) -> Any:
        self.seen.append("any")

    @on_cast
    def put(self, value: str) -> None:
        self.seen.append(value)

    @on_info("DOWN")
    def down(self, ref: Any, kind: Any, pid: Any, reason: Any) -> None:
        self.seen.append(reason)

    @on_info
    def tick(self) -> NoReply:
        self.seen.append("tick")
        return NoReply()

    def handle_call(self, request: Any, caller: Any) -> Any:
        match request:
            case ("later", value):
                GenServer.reply(caller, value)
                return NoReply()
            case "stop_it":
                return Stop("normal", reply=(OK, 1))
            case ("one", *rest):
                return Reply((Atom("otp"), rest))
        return Reply((Atom("unknown"), request))

    def handle_cast(self, request: Any) -> Any:
        self.seen.append(("cast", request))
        return NoReply()

    def handle_info(self, message: Any) -> Any:
        self.seen.append(("info", message))
        return NoReply()


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (Atom("get"), []),
        (Atom("stop"), "ok"),
        ((Atom("one"), 1), [1, 2]),
        ((Atom("one"), 1, 5), [1, 5]),
        ((Atom("one"), 1, 5, 6), ("otp", [1, 5, 6])),
        ((Atom("one"), b"x"), ("otp", [b"x"])),
        ((Atom("many"),), []),
        ((Atom("many"), 1, 2, 3), [1, 2, 3]),
        (Atom("many"), []),
        ((Atom("later"), 3), 3),
        (Atom("stop_it"), ("ok", 1)),
        (Atom("handle_cast"), ("unknown", "handle_cast")),
        (b"get", ("unknown", b"get")),
        ("get", ("unknown", "get")),
        ((), ("unknown", ())),
        ((1, 2), ("unknown", (1, 2))),
        ([Atom("get")], ("unknown", ["get"])),
        ({}, ("unknown", {})),
    ],
)
async def test_which_method_answers(request_: Any, reply: Any) -> None:
    assert await result_of(Both, request_) == reply


async def test_casts_and_messages_go_to_their_own_methods() -> None:
    pid = await started(Both)
    for request in ((Atom("put"), b"text"), (Atom("put"), 1), Atom("any_kind"), Atom("tick"), b"x"):
        GenServer.cast(pid, request)
    ref = erl.make_ref()
    messages = (Atom("tick"), Atom("any_kind"), (Atom("DOWN"), ref, 1, 2, "why"), (Atom("DOWN"), 1), 5, ())
    for message in messages:
        erl.send(pid, message)
    assert await GenServer.call(pid, Atom("any_kind")) is None
    assert await GenServer.call(pid, Atom("get")) == [
        "text",
        ("cast", ("put", 1)),
        "any",
        ("cast", "tick"),
        ("cast", b"x"),
        "tick",
        "any",
        "why",
        ("info", ("DOWN", 1)),
        ("info", 5),
        ("info", ()),
        "any",
    ]


async def test_messages_that_only_look_like_requests_are_messages() -> None:
    pid = await started(Both)
    for message in (
        ("$gen_call", 1),
        ("$gen_cast",),
        (Atom("$gen_call"), 1),
        (Atom("$gen_cast"), 1, 2),
        (Atom("system"), 1),
    ):
        erl.send(pid, message)
    assert len(await GenServer.call(pid, Atom("get"))) == 5


# --- what is not handled --------------------------------------------------------------------


class Plain(GenServer):
    @on_call
    def add(self, n: int) -> int:
        return n

    @on_cast
    def put(self, n: int) -> None:
        """Nothing to do."""


class Deaf(GenServer):
    """Handles neither calls nor casts."""


async def test_an_unknown_call_is_a_missing_clause() -> None:
    pid = await started(Plain)
    (reason, [(module, function, args, location)]), _ = await exit_of(pid, (Atom("nope"), 1))
    assert (reason, module, function, location) == ("function_clause", "Plain", "handle_call", [])
    request, caller, state = args
    assert (request, caller[0], state) == (("nope", 1), erl.self(), {})


async def test_an_unknown_cast_is_a_missing_clause() -> None:
    pid = await started(Plain)
    ref = erl.monitor(pid)
    GenServer.cast(pid, Atom("nope"))
    _, _, _, _, reason = await erl.receive(lambda message: message[1] == ref, timeout=1)
    assert reason == ("function_clause", [("Plain", "handle_cast", ["nope", {}], [])])


async def test_a_call_ends_a_server_that_handles_none_as_in_elixir() -> None:
    pid = await started(Deaf)
    reason, _ = (await exit_of(pid, Atom("nope")))[0]
    assert reason["message"].startswith(b"attempted to call GenServer #PID<here@localhost.")
    assert reason["message"].endswith(b"> but no handle_call/3 clause was provided")
    named = await Deaf.start(name="Elixir.Deaf")
    reason, _ = (await exit_of(named, Atom("nope")))[0]
    assert reason["message"] == b"attempted to call GenServer Deaf but no handle_call/3 clause was provided"


async def test_a_cast_ends_a_server_that_handles_none_as_in_elixir() -> None:
    pid = await Deaf.start(name="deaf")
    assert pid is not None
    ref = erl.monitor(pid)
    GenServer.cast(pid, Atom("nope"))
    _, _, _, _, (reason, _) = await erl.receive(lambda message: message[1] == ref, timeout=1)
    assert reason["message"] == b"attempted to cast GenServer :deaf but no handle_cast/2 clause was provided"


async def test_a_continue_that_nobody_handles_is_undef() -> None:
    class Continues(GenServer):
        @on_call
        def go(self) -> Any:
            return Continue(5)

    assert (await exit_of(await started(Continues), Atom("go")))[0] == (
        "undef",
        [("Continues", "handle_continue", [5], [])],
    )


async def test_an_unknown_message_is_logged_and_dropped(caplog: pytest.LogCaptureFixture) -> None:
    pid = await started(Plain)
    erl.send(pid, (Atom("hello"), 1))
    assert await GenServer.call(pid, (Atom("add"), 1)) == 1
    assert "Plain #PID<" in caplog.text
    assert "received unexpected message in handle_info/2: {:hello, 1}" in caplog.text


@pytest.mark.parametrize("args", [(), (1, 2), (b"x",), (1.0,), (True,)])
async def test_arguments_that_do_not_fit_are_a_missing_clause(args: tuple[Any, ...]) -> None:
    pid = await started(Plain)
    reason, stack = (await exit_of(pid, (Atom("add"), *args)))[0]
    assert equal(reason, Atom("function_clause"))
    module, function, given, location = stack[0]
    assert (module, function, given) == ("Plain", "add", list(args))
    assert bytes(location[0][1]) == b"test_gen_server_styles.py"


# --- results ------------------------------------------------------------------------------------


class Returns(GenServer):
    """Returns, or throws, what it is told to."""

    def init(self) -> None:
        self.value = 1

    def handle_call(self, request: Any, caller: Any) -> Any:
        return request()

    def handle_cast(self, request: Any) -> Any:
        return request()

    def handle_continue(self, arg: Any) -> Any:
        return arg()

    @on_call
    def marked(self, make: Any) -> Any:
        return make()

    @on_cast
    def marked_cast(self, make: Any) -> Any:
        return make()


def throws(value: Any) -> Any:
    raise Throw(value)


STATE = {Atom("value"): 1}


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: None, None),
        (lambda: 5, 5),
        (lambda: Ignore(), Atom("ignore")),
        (lambda: throws("x"), "x"),
        (lambda: (Atom("reply"), 1, 2), (Atom("reply"), 1, 2)),
    ],
)
async def test_anything_else_is_a_bad_return_value(make: Any, shown: Any) -> None:
    assert await result_of(Returns, make) == (Atom("bad_return_value"), shown)


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda: Reply(2), (Atom("reply"), 2, STATE)),
        (lambda: Reply(2, timeout=1.5), (Atom("reply"), 2, STATE, 1500)),
        (lambda: Stop("normal", 3), (Atom("stop"), Atom("normal"), 3, STATE)),
        (lambda: 5, 5),
        (lambda: None, None),
    ],
)
async def test_what_a_cast_must_not_return(make: Any, shown: Any) -> None:
    pid = await started(Returns)
    ref = erl.monitor(pid)
    GenServer.cast(pid, make)
    message = await erl.receive(lambda message: message[1] == ref, timeout=1)
    assert message[4] == (Atom("bad_return_value"), shown)


async def test_a_marked_cast_may_return_nothing_and_no_value() -> None:
    pid = await started(Returns)
    GenServer.cast(pid, (Atom("marked_cast"), lambda: None))
    assert await GenServer.call(pid, lambda: Reply(1)) == 1
    ref = erl.monitor(pid)
    GenServer.cast(pid, (Atom("marked_cast"), lambda: 5))
    assert (await erl.receive(lambda message: message[1] == ref, timeout=1))[4] == ("bad_return_value", 5)


async def test_a_thrown_value_is_the_return_value() -> None:
    assert await result_of(Returns, lambda: throws(Reply(3))) == 3
    assert await result_of(Returns, (Atom("marked"), lambda: throws(4))) == 4
    assert await result_of(Returns, (Atom("marked"), lambda: throws(Stop("why", 5)))) == 5


async def test_special_results_of_a_marked_method() -> None:
    assert await result_of(Returns, (Atom("marked"), lambda: Reply(6, Hibernate))) == 6
    assert await result_of(Returns, (Atom("marked"), lambda: Reply(6, hibernate=True))) == 6
    assert await result_of(Returns, (Atom("marked"), lambda: Stop("why"))) == "why"
    assert await result_of(Returns, (Atom("marked"), lambda: Ignore())) == ("bad_return_value", "ignore")


async def test_continues_run_before_the_next_message_as_often_as_they_like() -> None:
    trace: list[int] = []

    def again(number: int) -> Any:
        trace.append(number)
        return NoReply(Continue(lambda: again(number + 1))) if number < 2000 else Hibernate

    pid = await started(Returns)
    GenServer.cast(pid, lambda: Continue(lambda: again(1)))
    GenServer.cast(pid, lambda: NoReply() if trace.append(-1) is None else None)
    await settled()
    assert trace == [*range(1, 2001), -1]
    reply = await GenServer.call(pid, lambda: Reply(1, Continue(lambda: Stop("why"))))
    assert reply == 1
    assert not erl.is_alive(pid)


async def test_an_async_server_does_all_the_same() -> None:
    class Async(GenServer):
        async def init(self, arg: int) -> Any:
            self.trace = [arg]
            await settled()
            return Continue("begin")

        async def handle_continue(self, arg: Any) -> Any:
            await settled()
            self.trace.append(arg)
            return NoReply(Continue("again")) if len(self.trace) < 2000 else NoReply()

        @on_call
        async def get(self) -> Any:
            return len(self.trace)

        async def handle_call(self, request: Any, caller: Any) -> Any:
            match request:
                case "throw":
                    raise Throw(Reply("thrown"))
                case "stop":
                    return Stop("normal", "stopped")
            return Reply(request, Continue("called"))

        async def handle_cast(self, request: Any) -> Any:
            return 5

    async def settled() -> None:
        return

    pid = await started(Async, 1)
    assert await GenServer.call(pid, Atom("get")) == 2000
    assert await GenServer.call(pid, 7) == 7
    assert await GenServer.call(pid, Atom("get")) == 2001
    assert await GenServer.call(pid, Atom("throw")) == "thrown"
    assert await GenServer.call(pid, Atom("stop")) == "stopped"
    pid = await started(Async, 1)
    ref = erl.monitor(pid)
    GenServer.cast(pid, 1)
    assert (await erl.receive(lambda message: message[1] == ref, timeout=1))[4] == ("bad_return_value", 5)


# --- making the class -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["call", "cast", "reply", "stop", "start", "start_link", "multi_call"])
def test_a_method_that_would_hide_a_client_function_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f'Bad.{name} would hide GenServer.{name}.*@on_call\\("{name}"\\)'):
        type("Bad", (GenServer,), {name: lambda self: None})


def test_marks_are_before_methods() -> None:
    for bad in (5, None):
        with pytest.raises(UsageError, match="@on_call stands before a method"):
            on_call(bad)  # type: ignore[call-overload]
    with pytest.raises(UsageError, match="nil cannot be"):
        on_cast("nil")(lambda self: None)


async def test_what_a_request_cannot_be_checked_against() -> None:
    class Keyword(GenServer):
        @on_call
        def get(self, *, missing: int) -> int:
            return missing

    class Unknown(GenServer):
        @on_call
        def get(self, n: NotThere) -> int:  # type: ignore[name-defined]  # noqa: F821
            return 1

    for cls, text in ((Keyword, "no keyword 'missing'"), (Unknown, "'NotThere' is not defined")):
        with pytest.raises(UsageError, match=text):
            await cls.start()


async def test_a_subclass_overrides_without_repeating_the_mark() -> None:
    class Base(GenServer):
        @on_call
        def get(self, kind: Literal["a", "b"]) -> str:
            return "base"

    class Derived(Base, module="Elixir.Derived"):
        def get(self, kind: str) -> str:
            return f"derived {kind}"

    assert await result_of(Base, (Atom("get"), Atom("a"))) == "base"
    assert await result_of(Derived, (Atom("get"), b"text")) == "derived text"
    assert Base.__module_name__ == "Base"
    assert Derived.__module_name__ == "Elixir.Derived"
    with pytest.raises(Exit):
        await GenServer.call(await started(Base), (Atom("get"), Atom("c")))
