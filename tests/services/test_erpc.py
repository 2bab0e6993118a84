"""erpc and rpc between Python nodes: values, the three classes of failure, timeouts, odd results."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run, until

import pyerlnode as erl
from pyerlnode import Atom, CallTimeout, ErlangError, Exit, Module, NodeDown, Throw, erpc, rpc
from pyerlnode.errors import BadArg, UsageError
from pyerlnode.services import DEFAULT_SERVICES
from pyerlnode.term import equal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.node import Node

tested = Module("TestErpc")
NAME = tested.name
THERE, NOWHERE = "alex@localhost", "absent@localhost"


@tested.export
def add(a: int, b: int) -> int:
    return a + b


@tested.export
async def slow(seconds: float, value: Any) -> Any:
    await asyncio.sleep(seconds)
    return value


@tested.export
def fail(kind: Atom, reason: Any) -> None:
    raise {"throw": Throw, "exit": Exit, "error": ErlangError}[kind](reason)


@tested.export
def crash() -> None:
    raise ValueError("on purpose")


@tested.export
def odd() -> Any:
    return object()


@tested.export
def die() -> bool:
    return erl.exit(erl.self(), Atom("kill"))


@tested.export
def tell(to: erl.Pid, what: Any) -> Any:
    return erl.send(to, what)


@pytest.fixture
async def kate() -> AsyncIterator[Node]:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        kate, _ = await cluster.mesh("kate", "alex")
        yield kate


async def caught(awaitable: Any) -> Any:
    try:
        return ("ok", await awaitable)
    except (Throw, Exit, ErlangError) as error:
        return (type(error).__name__, getattr(error, "value", getattr(error, "reason", None)))


@pytest.mark.parametrize("where", [THERE, "kate@localhost"], ids=["there", "here"])
async def test_what_a_caller_sees(kate: Node, where: str) -> None:
    async def body() -> None:
        async def outcome(function: str, *args: Any) -> Any:
            return await caught(erpc.call(where, NAME, function, args))

        assert await outcome("add", 1, 2) == ("ok", 3)
        assert await outcome("slow", 0.001, 5) == ("ok", 5)
        assert await outcome("fail", Atom("throw"), 5) == ("Throw", 5)
        assert await outcome("fail", Atom("exit"), 5) == ("Exit", ("exception", 5))
        assert await outcome("die") == ("Exit", ("signal", "killed"))
        kind, (exception, reason, stack) = await outcome("fail", Atom("error"), 5)
        assert (kind, exception, reason) == ("ErlangError", "exception", 5)
        assert stack[0][:3] == (NAME, "fail", 2)
        _, (_, reason, stack) = await outcome("nothing", 1)
        assert (reason, stack) == ("undef", [(NAME, "nothing", [1], [])])
        _, (_, reason, stack) = await outcome("crash")
        assert reason["message"] == b"ValueError: on purpose"
        assert bytes(dict(stack[0][3])["file"]) == b"test_erpc.py"

    await run(kate, body)


async def test_the_errors_of_erpc_itself(kate: Node) -> None:
    async def body() -> None:
        absent = await caught(erpc.call(NOWHERE, NAME, "add", [1, 2]))
        assert equal(absent, ("ErlangError", (Atom("erpc"), Atom("noconnection"))))
        late = await caught(erpc.call(THERE, NAME, "slow", [60, 1], timeout=0.01))
        assert equal(late, ("ErlangError", (Atom("erpc"), Atom("timeout"))))
        with pytest.raises(BadArg):
            await erpc.call(THERE, NAME, "add", "12")

    await run(kate, body)


async def test_a_result_that_is_no_term_is_said_to_be_none(kate: Node) -> None:
    async def body() -> None:
        with pytest.raises(ErlangError) as failed:
            await erpc.call(THERE, NAME, "odd")
        assert b"no term" in failed.value.reason[1]["message"]
        badrpc, (_, (reason, _)) = await rpc.result(THERE, NAME, "odd")
        assert badrpc == "badrpc"
        assert b"object" in reason["message"]

    await run(kate, body)


async def test_a_lost_connection_ends_the_wait(kate: Node) -> None:
    async def body() -> None:
        sent = erpc.send_request(THERE, NAME, "slow", [60, 1])
        assert await rpc.call(THERE, NAME, "add", [1, 2]) == 3
        kate.disconnect(THERE)
        with pytest.raises(ErlangError) as failed:
            await erpc.receive_response(sent, 5)
        assert failed.value.reason == ("erpc", "noconnection")

    await run(kate, body)


async def test_requests_are_answered_in_any_order(kate: Node) -> None:
    async def body() -> None:
        slow_one = erpc.send_request(THERE, NAME, "slow", [0.05, "late"])
        fast_one = erpc.send_request(THERE, NAME, "add", [1, 2])
        assert await erpc.receive_response(fast_one, 5) == 3
        assert not erpc.check_response(slow_one)
        assert await erpc.receive_response(slow_one, 5) == b"late"
        assert erpc.check_response(slow_one)

    await run(kate, body)


async def test_multicall_and_multicast(kate: Node) -> None:
    async def body() -> None:
        nodes = [THERE, NOWHERE, "kate@localhost"]
        assert await erpc.multicall(nodes, NAME, "add", [1, 2]) == [
            ("ok", 3),
            ("error", ("erpc", "noconnection")),
            ("ok", 3),
        ]
        assert await erpc.multicall([THERE], NAME, "fail", [Atom("throw"), 1]) == [("throw", 1)]
        assert await erpc.multicall([THERE], NAME, "slow", [60, 1], timeout=0.01) == [
            ("error", ("erpc", "timeout"))
        ]
        assert erpc.multicast([THERE, NOWHERE], NAME, "tell", [erl.self(), 7]) == "ok"
        assert await erl.receive(timeout=5) == 7

    await run(kate, body)


async def test_rpc_raises_as_a_call_does(kate: Node) -> None:
    async def body() -> None:
        with pytest.raises(NodeDown):
            await rpc.call(NOWHERE, NAME, "add", [1, 2])
        with pytest.raises(CallTimeout):
            await rpc.call(THERE, NAME, "slow", [60, 1], timeout=0.01)
        with pytest.raises(NodeDown):
            await rpc.block_call(NOWHERE, NAME, "add", [1, 2])
        assert await rpc.block_call(THERE, NAME, "add", [1, 2]) == 3
        assert await rpc.call(THERE, NAME, "fail", [Atom("throw"), 5]) == 5

    await run(kate, body)


async def test_nothing_is_left_of_calls(kate: Node) -> None:
    async def body() -> None:
        for _ in range(20):
            assert await erpc.call(THERE, NAME, "add", [1, 2]) == 3
            await caught(erpc.call(THERE, NAME, "slow", [0.01, 1], timeout=0))
        process = erl.this_process()
        assert process.monitors is None or not process.monitors.watching
        assert process.mailbox is None or len(process.mailbox) == 0

    await run(kate, body)
    await until(lambda: not kate.runtime.spawns)


async def test_a_callback_that_cannot_wait_says_so(kate: Node) -> None:
    class Behaviour:
        error: BaseException | None = None

        def start(self, process: Any) -> None:
            sent = erpc.send_request(THERE, NAME, "add", [1, 2])
            coroutine = erpc.receive_response(sent)
            try:
                coroutine.send(None)
            except UsageError as error:
                Behaviour.error = error

        def message(self, message: Any) -> None: ...

    kate.runtime.spawn(Behaviour())
    await until(lambda: Behaviour.error is not None)
