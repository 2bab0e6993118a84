"""What other nodes call by Elixir's names: Agent, Registry, PartitionSupervisor, operators."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

import pyerlnode as erl
from pyerlnode import Agent, Atom, ErlangError, Exit, Export, PartitionSupervisor, Pid, Runtime
from pyerlnode.errors import BadArg
from pyerlnode.process import current_runtime
from pyerlnode.services import builtins, modules
from pyerlnode.term import phash2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PHONES, BAG = Atom("Elixir.Phones"), Atom("Elixir.Bag")
OK, ERROR = Atom("ok"), Atom("error")
SUM = [Atom("Elixir.Kernel"), Atom("+"), [1, 2]]


@pytest.fixture(autouse=True)
async def runtime() -> AsyncIterator[Runtime]:
    builtins.load()
    made = Runtime("here@localhost", 7)
    made.apply_hook = modules.apply
    current_runtime.set(made)
    yield made
    await made.stop(Atom("shutdown"))


async def ask(module: str, function: str, *args: Any) -> Any:
    result = modules.apply(Export(module, function, len(args)), list(args))
    return await result if inspect.isawaitable(result) else result


def keywords(**options: Any) -> list[Any]:
    return [(Atom(key), value) for key, value in options.items()]


# --- operators ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "function", "args", "value"),
    [
        ("Elixir.Kernel", "+", [1, 2], 3),
        ("erlang", "-", [5], -5),
        ("Elixir.Kernel", "div", [-7, 2], -3),
        ("erlang", "rem", [-7, 2], -1),
        ("Elixir.Kernel", "===", [1, 1.0], False),
        ("erlang", "=:=", [1, 1.0], False),
        ("Elixir.Kernel", "==", [1, 1.0], True),
        ("Elixir.Kernel", "<=", [1, 1.0], True),
        ("Elixir.Kernel", "elem", [(1, 2), 1], 2),
        ("erlang", "element", [1, (1, 2)], 1),
        ("Elixir.Kernel", "++", [[1], [2]], [1, 2]),
        ("Elixir.Kernel", "hd", [[1, 2]], 1),
        ("Elixir.Kernel", "is_integer", [1], True),
        ("erlang", "phash2", ["kate", 7], phash2("kate", 7)),
        ("erlang", "phash2", ["kate"], phash2("kate")),
    ],
)
async def test_operators(module: str, function: str, args: list[Any], value: Any) -> None:
    assert await ask(module, function, *args) == value


@pytest.mark.parametrize(
    ("function", "args", "reason"),
    [
        ("+", [1, Atom("x")], "badarith"),
        ("div", [1, 0], "badarith"),
        ("hd", [[]], "badarg"),
        ("length", [5], "badarg"),
        ("++", [1, 2], "badarg"),
    ],
)
async def test_operators_that_fail(function: str, args: list[Any], reason: str) -> None:
    with pytest.raises(ErlangError) as failed:
        await ask("Elixir.Kernel", function, *args)
    assert (failed.value.reason, failed.value.stack) == (reason, [("erlang", function, args, [])])


async def test_what_kernel_has_not() -> None:
    for function, arity in (("=:=", 2), ("element", 2), ("and", 2), ("absent", 1)):
        assert not modules.function_exported("Elixir.Kernel", function, arity)


# --- Agent ----------------------------------------------------------------------------------------


async def test_agents_are_started() -> None:
    started = await ask("Elixir.Agent", "start_link", *SUM)
    assert started[0] == OK and await Agent.get(started[1], "Elixir.Kernel", "*", [2]) == 6
    named = await ask("Elixir.Agent", "start", *SUM, keywords(name=Atom("sum"), timeout=1000))
    assert erl.whereis("sum") == named[1]
    again = await ask("Elixir.Agent", "start", *SUM, keywords(name=Atom("sum"), timeout=Atom("infinity")))
    assert again == (ERROR, (Atom("already_started"), named[1]))
    fun = Export("erlang", "self", 0)
    for options in ([], [[]], [keywords(debug=[])]):
        ok, pid = await ask("Elixir.Agent", "start_link", fun, *options)
        assert ok == OK and await Agent.get(pid, lambda state: state) == pid
    assert await ask("Elixir.Agent", "child_spec", fun) == {
        Atom("id"): "Elixir.Agent",
        Atom("start"): ("Elixir.Agent", "start_link", [fun]),
    }


async def test_agents_that_are_not_started() -> None:
    for args in ([5], [], [*SUM, [], 1], [1, 2, 3]):
        with pytest.raises(ErlangError) as failed:
            await ask("Elixir.Agent", "start_link", *args)
        assert failed.value.reason == "function_clause"
    for options in ([5], keywords(colour=1), 5):
        with pytest.raises(BadArg):
            await ask("Elixir.Agent", "start_link", *SUM, options)


# --- Registry ---------------------------------------------------------------------------------------


async def test_registries() -> None:
    async def do(function: str, *args: Any) -> Any:
        return await ask("Elixir.Registry", function, PHONES, *args)

    options = keywords(keys=Atom("unique"), name=PHONES, meta=keywords(limit=5))
    ok, pid = await ask("Elixir.Registry", "start_link", options)
    assert ok == OK and erl.whereis(PHONES) == pid
    assert await ask("Elixir.Registry", "start_link", options) == (ERROR, (Atom("already_started"), pid))
    spec = await ask("Elixir.Registry", "child_spec", options)
    assert spec[Atom("id")] == PHONES and spec[Atom("type")] == "supervisor"
    me = erl.self()
    registered = await do("register", 1, 10)
    assert registered[0] == OK and isinstance(registered[1], Pid)
    assert await do("register", 1, 11) == (ERROR, (Atom("already_registered"), me))
    assert await do("lookup", 1) == [(me, 10)] == await do("match", 1, Atom("_"))
    assert await do("match", 1, Atom("$1"), [(Atom(">"), Atom("$1"), 10)]) == []
    assert (await do("keys", me), await do("values", 1, me), await do("count")) == ([1], [10], 1)
    assert await do("count_match", 1, 10) == 1
    clause = ((Atom("$1"), Atom("_"), Atom("$2")), [], [(Atom("+"), Atom("$1"), Atom("$2"))])
    assert await do("select", [clause]) == [11] and await do("count_select", [clause]) == 0
    assert await ask("Elixir.Registry", "whereis_name", (PHONES, 1)) == me
    assert await ask("Elixir.Registry", "whereis_name", (PHONES, 2)) == "undefined"
    assert await ask("Elixir.Registry", "send", (PHONES, 1), "hello") == me
    assert await erl.receive() == "hello"
    with pytest.raises(BadArg):
        await ask("Elixir.Registry", "send", (PHONES, 2), "hello")
    assert await do("unregister_match", 1, 11) == OK and await do("count") == 1
    assert await do("unregister", 1) == OK and await do("count") == 0
    assert await do("meta", Atom("limit")) == (OK, 5) and await do("meta", Atom("x")) == ERROR
    assert await do("put_meta", Atom("x"), None) == OK and await do("meta", Atom("x")) == (OK, None)
    assert await do("delete_meta", Atom("x")) == OK and await do("meta", Atom("x")) == ERROR


async def test_dispatch() -> None:
    await ask("Elixir.Registry", "start_link", keywords(keys=Atom("duplicate"), name=BAG))
    me = erl.self()
    for value in (1, 2):
        await ask("Elixir.Registry", "register", BAG, "x", value)
    names = erl.Module("Registry.Tested")
    names.export("told")(lambda entries, to: erl.send(to, entries))
    try:
        told = (Atom("Elixir.Registry.Tested"), Atom("told"), [me])
        assert await ask("Elixir.Registry", "dispatch", BAG, "x", told) == OK
        assert await erl.receive() == [(me, 1), (me, 2)]
        fun = Export("erlang", "length", 1)
        assert await ask("Elixir.Registry", "dispatch", BAG, "x", fun, keywords(parallel=True)) == OK
    finally:
        modules._exported.pop("Elixir.Registry.Tested")


async def test_partitions() -> None:
    await PartitionSupervisor.start_link((Agent, 5), name="Elixir.Parts", partitions=3)
    name = Atom("Elixir.Parts")
    assert await ask("Elixir.PartitionSupervisor", "partitions", name) == 3
    children = await ask("Elixir.PartitionSupervisor", "which_children", name)
    assert [child[0] for child in children] == [2, 1, 0]
    counts = await ask("Elixir.PartitionSupervisor", "count_children", name)
    assert counts[Atom("active")] == 3
    assert await ask("Elixir.PartitionSupervisor", "whereis_name", (name, 4)) == children[1][1]
    assert await ask("Elixir.PartitionSupervisor", "resize!", name, 1) == 3
    with pytest.raises(Exit):
        await ask("Elixir.PartitionSupervisor", "partitions", Atom("absent"))


async def test_partitions_are_started() -> None:
    async def begin(child: Any, **options: Any) -> Any:
        options = {"name": Atom("parts"), "partitions": 2, "child_spec": child, **options}
        return await ask("Elixir.PartitionSupervisor", "start_link", keywords(**options))

    agent = (Atom("Elixir.Agent"), Export("erlang", "node", 0))
    ok, pid = await begin(agent, auto_shutdown=Atom("never"), max_restarts=5)
    assert ok == OK and erl.whereis("parts") == pid
    found = PartitionSupervisor.via("parts", 1)
    assert await Agent.get(found, lambda state: state) == "here@localhost"
    assert await begin(agent) == (ERROR, (Atom("already_started"), pid))
    start = (Atom("Elixir.Agent"), Atom("start_link"), [*SUM])
    spec = {Atom("id"): 1, Atom("start"): start, Atom("shutdown"): 100}
    assert (await begin(spec, name=Atom("others")))[0] == OK
    assert await Agent.get(PartitionSupervisor.via("others", 0), lambda state: state) == 3
    with pytest.raises(BadArg, match="child_spec option must be given"):
        await begin(None)
    for wrong in (5, (1, 2), {Atom("id"): 1}):
        with pytest.raises(BadArg, match="a child specification is wanted"):
            await begin(wrong)
