"""Children of supervisors on another Python node, and `pyerlnode:start_link`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run

import pyerlnode as erl
from pyerlnode import Atom, Exit, GenServer, Module, Pid, Stop, Supervisor, Task, remote_child
from pyerlnode.errors import BadArg, ErlangError
from pyerlnode.services import DEFAULT_SERVICES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.node import Node

OK = Atom("ok")
tested = Module("TestRemoteChild")


@Module("TestRemoteChild.Child").export
class Child(GenServer, module="Elixir.TestRemoteChild.Child"):
    def init(self, to: Pid, what: Any = None) -> Any:
        if what == "fail":
            return Stop("busy")
        erl.process_flag("trap_exit", what != "plain")
        self.to = to
        ancestors = erl.get(Atom("$ancestors"))
        erl.send(to, (Atom("started"), erl.self(), ancestors))
        return None

    def terminate(self, reason: Any) -> None:
        erl.send(self.to, (Atom("terminated"), erl.self(), reason))


@tested.export
async def bare(to: Pid) -> Any:
    """Starts without a link."""
    return (OK, await Child.start(to, Atom("plain")))


@tested.export
async def task(to: Pid) -> Any:
    async def work() -> None:
        erl.send(to, (Atom("started"), erl.self(), erl.get(Atom("$ancestors"))))
        await erl.receive(lambda message: False)

    return (OK, await Task.start_link(work))


@tested.export
async def slow(to: Pid) -> Any:
    erl.send(to, (Atom("begun"), erl.self()))
    return (OK, await SlowChild.start_link(to))


class SlowChild(GenServer):
    async def init(self, to: Pid) -> None:
        erl.send(to, (Atom("waits"), erl.self()))
        await erl.receive(lambda message: False)


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Node, Node]]:
    async with Cluster(DEFAULT_SERVICES) as cluster:
        yield await cluster.start("kate"), await cluster.start("alex")


async def told(tag: str) -> Any:
    return (await erl.receive(lambda message: message[0] == tag, 10))[1:]


async def down(ref: Any) -> Any:
    return (await erl.receive(lambda message: message[0] == "DOWN" and message[1] == ref, 10))[4]


def child(function: str = "start_link", **fields: Any) -> Any:
    module = "Elixir.TestRemoteChild" if function != "start_link" else "Elixir.TestRemoteChild.Child"
    return remote_child("alex@localhost", (module, function, [erl.self()]), **fields)


async def top(*children: Any) -> Pid:
    erl.process_flag("trap_exit", True)
    pid = await Supervisor.start_link(list(children), strategy="one_for_one")
    assert pid is not None
    return pid


async def test_a_child_of_another_node_has_the_supervisor_for_its_parent(pair: tuple[Node, Node]) -> None:
    async def body() -> None:
        pid = await top(child())
        first, ancestors = await told("started")
        assert (first.node, ancestors) == ("alex@localhost", [pid])
        erl.exit(first, "kill")
        second, _ = await told("started")
        ref = erl.monitor(second)
        await Supervisor.stop(pid)
        assert await told("terminated") == (second, "shutdown")
        assert await down(ref) == "shutdown"

    await run(pair[0], body)


@pytest.mark.parametrize("function", ["bare", "task"])
async def test_what_has_no_start_link_of_its_own_is_linked_too(
    pair: tuple[Node, Node], function: str
) -> None:
    async def body() -> None:
        pid = await top(child(function, restart="permanent"))
        first, _ = await told("started")
        await Supervisor.which_children(pid)  # which is answered when the start is over
        erl.exit(first, "kill")
        second, _ = await told("started")
        assert await Supervisor.count_children(pid) == {
            "specs": 1,
            "active": 1,
            "supervisors": 0,
            "workers": 1,
        }
        assert second != first
        ref = erl.monitor(second)
        erl.exit(pid, "kill")
        assert await down(ref) == "killed"

    await run(pair[0], body)


async def test_a_start_that_fails_tells_once(pair: tuple[Node, Node]) -> None:
    async def body() -> None:
        erl.process_flag("trap_exit", True)
        given = ["Elixir.TestRemoteChild.Child", "start_link", [erl.self(), Atom("fail")]]
        given = [Atom(given[0]), Atom(given[1]), given[2]]
        assert await erl.erpc.call("alex@localhost", "pyerlnode", "start_link", given) == ("error", "busy")
        with pytest.raises(TimeoutError):
            await erl.receive(timeout=0)
        with pytest.raises(Exit) as caught:
            await top(remote_child("nobody@localhost", "Elixir.Nothing"))
        assert caught.value.reason[1][2] == ("nodedown", "nobody@localhost")

    await run(pair[0], body)


async def test_a_start_that_is_given_up_leaves_nothing(pair: tuple[Node, Node]) -> None:
    async def body() -> None:
        erl.process_flag("trap_exit", True)  # the server was linked to this process, too
        given = [Atom("Elixir.TestRemoteChild"), Atom("slow"), [erl.self()]]
        asked = erl.erpc.send_request("alex@localhost", "pyerlnode", "start_link", given)
        [starter] = await told("begun")
        [waiting] = await told("waits")
        ref = erl.monitor(waiting)
        erl.exit(starter, "kill")
        assert await down(ref) == "killed"
        with pytest.raises(Exit):
            await erl.erpc.receive_response(asked)

    await run(pair[0], body)


async def test_only_who_is_called_by_erpc_knows_a_parent(pair: tuple[Node, Node]) -> None:
    async def body() -> None:
        with pytest.raises(ErlangError):
            pair[0].runtime.apply_hook(erl.Export(Atom("pyerlnode"), Atom("start_link"), 2), [1, 2])
        with pytest.raises(BadArg):
            await pair[0].runtime.apply_hook(
                erl.Export(Atom("pyerlnode"), Atom("start_link"), 3), [Atom("lists"), Atom("seq"), [1, 2]]
            )
        with pytest.raises(BadArg):
            remote_child("alex@localhost", 5)  # type: ignore[arg-type]

    await run(pair[0], body)
