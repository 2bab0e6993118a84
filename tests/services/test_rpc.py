"""`rex`: the old rpc protocol, answered and asked: row O7 of the OTP rules."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import pyerlnode.process as erl
from pyerlnode.errors import ErlangError, Exit, NodeDown, TermEncodeError, Throw
from pyerlnode.otp import GenServer, sys
from pyerlnode.process import Runtime, current_runtime
from pyerlnode.process import runtime as runtime_module
from pyerlnode.services import builtins, modules, rpc
from pyerlnode.term import Atom, Pid, equal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

USER = Atom("user")


class Encoding(Runtime):
    """As if what is sent left the node: there is no term for an object."""

    def send(self, to: Any, message: Any, sender: Any = None) -> None:
        if isinstance(message, tuple) and message and type(message[-1]) is object:
            raise TermEncodeError("no term for an object")
        super().send(to, message, sender)


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    made = Encoding("here@localhost", 1)
    current_runtime.set(made)
    node: Any = SimpleNamespace(runtime=made)
    rpc.service(node)
    builtins.load()
    made.apply_hook = apply
    yield made
    await made.stop(Atom("shutdown"))


def apply(function: Any, args: list[Any]) -> Any:
    """The functions that the tests call."""
    if function.module == "erpc":
        return modules.apply(function, args)
    found = FUNCTIONS.get(function.function) if function.module == "m" else None
    if found is None:
        return runtime_module.nothing_exported(function, args)
    return found(*args)


def fails(error: BaseException) -> Any:
    raise error


async def slow(value: Any) -> Any:
    await asyncio.sleep(0.001)
    return value


FUNCTIONS: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "identity": lambda value: value,
    "slow": slow,
    "leader": erl.group_leader,
    "me": erl.self,
    "throw": lambda value: fails(Throw(value)),
    "exit": lambda reason: fails(Exit(reason)),
    "error": lambda reason: fails(ErlangError(reason)),
    "kill": lambda: erl.exit(erl.self(), "kill"),
    "send": lambda to, message: erl.send(to, message),
}


def request(function: str, *args: Any, kind: str = "call", leader: Any = USER) -> Any:
    return (Atom(kind), Atom("m"), Atom(function), list(args), leader)


async def ask(function: str, *args: Any, **more: Any) -> Any:
    return await GenServer.call("rex", request(function, *args, **more))


@pytest.mark.parametrize("kind", ["call", "block_call"])
async def test_a_call_is_answered_with_the_result(runtime: Runtime, kind: str) -> None:
    assert await ask("add", 1, 2, kind=kind) == 3
    assert await ask("slow", 5, kind=kind) == 5
    assert await ask("throw", 7, kind=kind) == 7
    # What that means is for the caller to say.
    assert await ask("throw", (Atom("EXIT"), 7), kind=kind) == ("EXIT", 7)
    assert await ask("exit", Atom("why"), kind=kind) == ("badrpc", ("EXIT", "why"))
    assert await ask("kill", kind=kind) == ("badrpc", ("EXIT", "killed"))
    badrpc, (exit_, (reason, stack)) = await ask("error", Atom("my"), kind=kind)
    assert (badrpc, exit_, reason) == ("badrpc", "EXIT", "my")
    assert stack[0][1] == "fails"
    undef = (Atom("undef"), [(Atom("m"), Atom("none"), [1], [])])
    assert equal(await ask("none", 1, kind=kind), (Atom("badrpc"), (Atom("EXIT"), undef)))
    assert await sys.get_state("rex") == {"running": 0, "blocking": 0}


async def test_each_function_runs_in_its_own_process_with_the_group_leader_of_the_request(
    runtime: Runtime,
) -> None:
    leader = Pid("there@localhost", 1, 0, 1)
    assert await ask("leader", leader=leader) == leader
    first, second = await ask("me"), await ask("me")
    assert len({first, second, erl.self(), erl.whereis("rex")}) == 4


async def test_block_calls_wait_for_each_other_and_nothing_else_does(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[int] = []
    gates = [asyncio.Event() for _ in range(3)]

    async def blocks(number: int) -> int:
        order.append(number)
        await gates[number].wait()
        return number

    monkeypatch.setitem(FUNCTIONS, "blocks", blocks)
    calls = [asyncio.ensure_future(ask("blocks", number, kind="block_call")) for number in range(3)]
    assert await ask("add", 1, 1) == 2
    assert order == [0]
    for gate in reversed(gates):
        gate.set()
    assert await asyncio.gather(*calls) == [0, 1, 2]
    assert order == [0, 1, 2]


async def test_a_cast_is_not_answered(runtime: Runtime) -> None:
    GenServer.cast("rex", request("send", erl.self(), "done", kind="cast"))
    GenServer.cast("rex", request("error", Atom("my"), kind="cast"))
    assert await erl.receive(timeout=1) == "done"
    assert await ask("add", 1, 1) == 2


async def test_the_forms_without_a_gen_call(runtime: Runtime) -> None:
    me = erl.self()
    erl.register("me", me)
    erl.send("rex", (me, request("add", 1, 2)))
    assert await erl.receive(timeout=1) == ("rex", 3)
    erl.send("rex", (me, (Atom("sbcast"), Atom("me"), "message")))
    assert [await erl.receive(timeout=1) for _ in range(2)] == [
        "message",
        ("rex", "here@localhost", "here@localhost"),
    ]
    erl.send("rex", (me, (Atom("sbcast"), Atom("nobody"), "message")))
    missing = ("rex", "here@localhost", ("nonexisting_name", "nobody"))
    assert await erl.receive(timeout=1) == missing
    erl.send("rex", (me, (Atom("send"), Atom("me"), "message")))
    assert await erl.receive(timeout=1) == (me, "message")
    erl.send("rex", (me, (Atom("send"), Atom("nobody"), "message")))
    assert await erl.receive(timeout=1) == missing


async def test_the_features_request_of_each_new_neighbour(runtime: Runtime) -> None:
    erl.send("rex", (erl.self(), Atom("features_request")))
    assert equal(
        await erl.receive(timeout=1), (Atom("features_reply"), Atom("here@localhost"), [Atom("erpc")])
    )


@pytest.mark.parametrize(
    "message", [5, (), (1, 2), (Atom("x"), Atom("features_request")), b"x", (Atom("DOWN"), 1, 2, 3, 4)]
)
async def test_nonsense_is_dropped(runtime: Runtime, message: Any) -> None:
    erl.send("rex", message)
    GenServer.cast("rex", message)
    assert (await GenServer.call("rex", message))[0] == "badrpc"
    bad = (Atom("call"), Atom("m"), Atom("add"), 5, USER)
    assert (await GenServer.call("rex", bad))[0] == "badrpc"
    assert await ask("add", 1, 1) == 2


async def test_more_arguments_than_a_function_can_have(runtime: Runtime) -> None:
    badrpc, (_, (reason, _)) = await ask("add", *range(300))
    assert badrpc == "badrpc"
    assert b"arity" in reason["message"]


async def test_a_result_without_a_term_is_a_badrpc(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUNCTIONS, "odd", object)
    badrpc, (_, (reason, _)) = await ask("odd")
    assert badrpc == "badrpc"
    assert b"no term for an object" in reason["message"]
    erl.send("rex", (erl.self(), request("odd")))
    assert (await erl.receive(timeout=1))[1][0] == "badrpc"


# --- the calling side -----------------------------------------------------------------------------------


async def test_call_gives_the_value_or_raises_what_happened(runtime: Runtime) -> None:
    here = "here@localhost"
    assert await rpc.call(here, "m", "add", [1, 2]) == 3
    assert await rpc.call(here, "m", "throw", [5]) == 5
    with pytest.raises(Exit) as exited:
        await rpc.call(here, "m", "exit", [Atom("why")])
    assert exited.value.reason == "why"
    with pytest.raises(ErlangError) as failed:
        await rpc.call(here, "m", "none", [])
    assert (failed.value.reason, failed.value.stack) == ("undef", [("m", "none", [], [])])
    with pytest.raises(NodeDown):
        await rpc.call("absent@localhost", "m", "add", [1, 2])
    with pytest.raises(NodeDown):
        await rpc.call(here, "m", "throw", [(Atom("badrpc"), Atom("nodedown"))])
    with pytest.raises(Exit):
        await rpc.call(here, "m", "slow", [1], timeout=0)
    assert await rpc.block_call(here, "m", "add", [1, 2]) == 3
    erl.exit(erl.whereis("rex"), "kill")  # type: ignore[arg-type]
    with pytest.raises(Exit) as nobody:
        await rpc.block_call(here, "m", "add", [1, 2])
    assert nobody.value.reason[0] == "noproc"


async def test_result_gives_the_tuple_of_erlangs_rpc(runtime: Runtime) -> None:
    here = "here@localhost"
    assert await rpc.result(here, "m", "add", [1, 2]) == 3
    assert await rpc.result(here, "m", "throw", [(Atom("EXIT"), 7)]) == ("badrpc", ("EXIT", 7))
    assert await rpc.result(here, "m", "identity", [(Atom("EXIT"), 7)]) == ("badrpc", ("EXIT", 7))
    assert await rpc.multicall([here], "m", "identity", [(Atom("EXIT"), 7)]) == (
        [("badrpc", ("EXIT", 7))],
        [],
    )
    assert await rpc.result(here, "m", "exit", [Atom("why")]) == ("badrpc", ("EXIT", "why"))
    assert await rpc.result(here, "m", "kill", []) == ("badrpc", ("EXIT", "killed"))
    assert await rpc.result(here, "m", "slow", [1], 0) == ("badrpc", "timeout")
    assert await rpc.result("absent@localhost", "m", "add", [1, 2]) == ("badrpc", "nodedown")
    badrpc, (_, (reason, stack)) = await rpc.result(here, "m", "none", [])
    assert (badrpc, reason, stack) == ("badrpc", "undef", [("m", "none", [], [])])


async def test_multicall_tells_failures_from_nodes_without_an_answer(runtime: Runtime) -> None:
    nodes = ["here@localhost", "absent@localhost", "here@localhost"]
    assert await rpc.multicall(nodes, "m", "add", [1, 2]) == ([3, 3], ["absent@localhost"])
    results, bad = await rpc.multicall(nodes[:1], "m", "exit", [5])
    assert (results, bad) == ([("badrpc", ("EXIT", 5))], [])
    assert await rpc.multicall(nodes[:1], "m", "slow", [5], 0) == ([], ["here@localhost"])


async def test_async_calls_are_taken_later(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Event()

    async def waits() -> int:
        await gate.wait()
        return 8

    monkeypatch.setitem(FUNCTIONS, "waits", waits)
    key = rpc.async_call("here@localhost", "m", "waits")
    assert await rpc.nb_yield(key) == "timeout"
    gate.set()
    assert await rpc.nb_yield(key, 5) == ("value", 8)
    assert await rpc.yield_(rpc.async_call("here@localhost", "m", "add", [4, 5])) == 9


async def test_casts_are_not_waited_for(runtime: Runtime) -> None:
    assert rpc.cast("here@localhost", "m", "send", [erl.self(), "done"]) is True
    assert await erl.receive(timeout=1) == "done"
    erl.register("me", erl.self())
    assert rpc.abcast(["here@localhost"], "me", "all") == "abcast"
    assert await erl.receive(timeout=1) == "all"


async def test_a_called_function_has_the_callers_group_leader(runtime: Runtime) -> None:
    leader = erl.spawn(erl.receive)
    erl.group_leader(leader)
    assert await rpc.call("here@localhost", "m", "leader", []) == leader
    assert await rpc.block_call("here@localhost", "m", "leader", []) == leader
