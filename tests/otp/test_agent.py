"""Agents: what they run, what they answer, and how they end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import OK, inside, process_of, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import BadArg, CallTimeout, ErlangError, Exit, NoProc, UsageError
from pyerlnode.otp import Agent, GenServer, Supervisor, on_call
from pyerlnode.otp import sys as otp_sys
from pyerlnode.term import Atom, Export, Fun, Pid

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

ADD = ("m", "add")


@pytest.fixture(autouse=True)
def exported(runtime: Runtime) -> None:
    """`m:add/2`, `m:zero/0`, `m:later/1`; nothing else."""

    async def later(x: Any) -> Any:
        await asyncio.sleep(0)
        return x

    functions = {("add", 2): lambda a, b: a + b, ("zero", 0): lambda: 0, ("later", 1): later}

    def apply(function: Any, args: list[Any]) -> Any:
        if isinstance(function, Fun):
            raise ErlangError((Atom("badfun"), function), [])
        if function.module == "erlang":  # apply/2
            function, args = args
        found = functions.get((function.function, len(args)))
        if function.module != "m" or found is None:
            raise ErlangError("undef", [(function.module, function.function, args, [])])
        return found(*args)

    runtime.apply_hook = apply


async def test_python_functions() -> None:
    pid = await Agent.start_link(lambda: {"a": 1}, name="Elixir.Cache")
    assert await Agent.get("Elixir.Cache", lambda state: state["a"]) == 1
    assert await Agent.update(pid, lambda state: {**state, "b": 2}) == OK
    assert await Agent.get_and_update(pid, lambda state: (len(state), {})) == 2
    assert Agent.cast(pid, lambda state: [*state, 3]) == OK
    assert await Agent.get(pid, lambda state: state) == [3]

    async def waits(state: Any) -> Any:
        await asyncio.sleep(0)
        return [*state, erl.self()]

    assert await Agent.get(pid, waits) == [3, pid]
    assert await Agent.update(pid, waits) == OK
    Agent.cast(pid, waits)
    assert await Agent.get(pid, len) == 3
    await Agent.stop(pid)
    with pytest.raises(NoProc):
        await Agent.get("Elixir.Cache", len)
    assert Agent.cast("Elixir.Cache", len) == OK


async def test_what_is_exported() -> None:
    pid = await Agent.start("m", "zero", [])
    assert await Agent.update(pid, *ADD, [5]) == OK
    assert await Agent.get(pid, *ADD, [1]) == 6
    assert await Agent.get(pid, Export("m", "later", 1)) == 5
    assert (process_of(pid).dictionary or {})[Atom("$initial_call")] == ("m", "zero", 0)
    other = await Agent.start(Export("m", "zero", 0))
    assert await Agent.get(other, "m", "later", []) == 0


@pytest.mark.parametrize(
    ("initial", "state"), [((0,), 0), (([1, 2],), [1, 2]), ((("a", "b"),), ("a", "b")), ((None,), None)]
)
async def test_a_state_that_is_given_as_it_is(initial: tuple[Any, ...], state: Any) -> None:
    pid = await Agent.start(*initial)
    assert await Agent.get(pid, lambda value: value) == state
    assert await otp_sys.get_state(pid) == state
    assert (process_of(pid).dictionary or {})[Atom("$initial_call")] == ("Elixir.Agent", "start_link", 0)


async def test_the_initial_call_of_a_python_function() -> None:
    pid = await Agent.start(dict)
    assert (process_of(pid).dictionary or {})[Atom("$initial_call")] == ("builtins", "dict", 0)


def boom(*_: Any) -> Any:
    raise RuntimeError("no")


def away(*_: Any) -> Any:
    raise Exit("away")


@pytest.mark.parametrize("ask", [Agent.get, Agent.update, Agent.get_and_update])
async def test_a_function_that_fails_ends_the_agent(ask: Any) -> None:
    for function, check in ((boom, lambda r: r[0][Atom("message")] == b"no"), (away, lambda r: r == "away")):
        pid = await Agent.start(0)
        with pytest.raises(Exit) as crashed:
            await ask(pid, function)
        reason, (module, called, [server, request, timeout]) = crashed.value.reason
        assert check(reason)
        assert (module, called, server, timeout) == ("Elixir.GenServer", "call", pid, 5000)
        assert request == (ask.__name__, function)
        assert await reason_of(pid) == "noproc"


async def test_other_ends() -> None:
    undefined, bad, told = await Agent.start(0), await Agent.start(0), await Agent.start(0)
    with pytest.raises(Exit) as crashed:
        await Agent.get(undefined, "m", "absent", [1])
    assert crashed.value.reason[0] == ("undef", [("m", "absent", [0, 1], [])])
    with pytest.raises(Exit) as crashed:
        await Agent.get_and_update(bad, lambda state: state)
    assert crashed.value.reason[0] == ("bad_return_value", 0)
    Agent.cast(told, boom)
    assert (await reason_of(told))[0][Atom("message")] == b"no"
    fun = Fun(
        arity=1,
        uniq=bytes(16),
        index=0,
        module="m",
        old_index=0,
        old_uniq=0,
        pid=erl.self(),
        free=(),
    )
    for request, reason in (
        ((Atom("get"), fun), ("badfun", fun)),
        ((Atom("get"), 5), ("badfun", 5)),
        ((Atom("get"), Export("m", "add", 2)), ("badarity", (Export("m", "add", 2), [0]))),
        (Atom("nonsense"), "function_clause"),
        ((Atom("other"), 1), "function_clause"),
    ):
        pid = await Agent.start(0)
        with pytest.raises(Exit) as crashed:
            await GenServer.call(pid, request)
        assert crashed.value.reason[0][0] == reason
    pid = await Agent.start(0)
    GenServer.cast(pid, Atom("nonsense"))
    assert (await reason_of(pid))[0] == "function_clause"


async def test_starts_that_fail() -> None:
    async def failed(*initial: Any, **options: Any) -> Any:
        with pytest.raises(Exit) as error:
            await Agent.start(*initial, **options)
        return error.value.reason

    assert (await failed(boom))[0][Atom("message")] == b"no"
    assert await failed(away) == "away"
    assert (await failed("m", "absent", []))[0] == "undef"
    pid = await Agent.start(0, name="taken")
    assert await failed(0, name="taken") == ("already_started", pid)

    async def slow() -> Any:
        await erl.receive(lambda message: False)

    assert await failed(slow, timeout=0.001) == "timeout"
    for initial in ((), (1, 2), ("m", "f", "args")):
        with pytest.raises(BadArg):
            await Agent.start(*initial)
    await settled()


async def test_what_an_agent_cannot_be_given() -> None:
    pid = await Agent.start(0)
    for function in ((), (5,), ("m", "f"), ("m", "f", 1)):
        with pytest.raises(BadArg):
            Agent.get(pid, *function)
    for far in (("agent", "b@localhost"), Pid("b@localhost", 1, 0, 0)):
        with pytest.raises(BadArg, match="another node"):
            Agent.get(far, len)
    with pytest.raises(CallTimeout):
        await Agent.get(pid, slow_down, timeout=0.001)


async def slow_down(state: Any) -> Any:
    await erl.receive(lambda message: False)


async def test_a_def_callback_cannot_ask_and_can_tell() -> None:
    agent = await Agent.start(0)

    class Server(GenServer):
        @on_call
        def ask(self) -> Any:
            Agent.cast(agent, lambda state: state + 1)
            with pytest.raises(UsageError):
                Agent.get(agent, lambda state: state)

    await GenServer.call(await Server.start(), Atom("ask"))
    assert await Agent.get(agent, lambda state: state) == 1


async def test_sys() -> None:
    pid = await Agent.start(1)
    assert await otp_sys.replace_state(pid, lambda state: state + 1) == 2
    await otp_sys.suspend(pid)
    await otp_sys.change_code(pid, "Elixir.Agent.Server", None, (Atom("m"), Atom("add"), [40]))
    await otp_sys.resume(pid)
    assert await Agent.get(pid, lambda state: state) == 42


class Basket(Agent, module="Elixir.Basket"):
    @classmethod
    async def start_link(cls, *items: Any, **options: Any) -> Pid:
        return await super().start_link(lambda: list(items), **options)


async def test_under_a_supervisor() -> None:
    supervisor = await Supervisor.start_link(
        [(Basket, "apple", {"name": "basket"}), Agent.child(0, id="zero"), (Agent, 5)],
        strategy="one_for_one",
    )
    children = await Supervisor.which_children(supervisor)
    assert [(id, type, modules) for id, _, type, modules in children] == [
        ("Elixir.Agent", "worker", ["Elixir.Agent"]),
        ("zero", "worker", ["Elixir.Agent"]),
        ("Elixir.Basket", "worker", ["Elixir.Basket"]),
    ]
    assert await Agent.get("basket", lambda items: items) == ["apple"]
    old = erl.whereis("basket")
    with pytest.raises(Exit):
        await Agent.get("basket", boom)
    await Supervisor.which_children(supervisor)
    assert await Agent.get("basket", lambda items: items) == ["apple"] and erl.whereis("basket") != old


async def test_a_link() -> None:
    async def starts() -> Pid:
        return await Agent.start_link(0)

    pid = await inside(starts)
    assert await Agent.get(pid, lambda state: state) == 0  # who started it ended normally
