"""A supervisor of many nodes: placing, restarts, hand-over, and partitions that heal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run, until

from pyerlnode.errors import BadArg, Exit
from pyerlnode.otp import GenServer, Stop, on_call, on_cast
from pyerlnode.process import exit, process_flag, receive
from pyerlnode.process import node as node_name
from pyerlnode.services import DEFAULT_SERVICES, modules
from pyerlnode.services.distributed import DistributedSupervisor, member
from pyerlnode.services.modules import Module
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.node import Node
    from pyerlnode.term import Pid

SECONDS = 30.0
SUP = "Elixir.Sessions"

# What sessions did on which node, in order.
events: list[tuple[str, Any, str]] = []


class Session(GenServer, module="Elixir.Session"):
    def init(self, key: Any) -> None:
        process_flag("trap_exit", True)
        self.key = key
        self.runtime_name = str(node_name())
        events.append(("start", key, self.runtime_name))

    @on_call
    def where(self) -> Atom:
        return Atom(self.runtime_name)

    @on_cast("stop")
    def ends(self) -> Stop:
        return Stop("normal")

    async def terminate(self, reason: Any) -> None:
        events.append(("end", self.key, self.runtime_name))


@pytest.fixture(autouse=True)
def _exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "_exported", dict(modules._exported))
    monkeypatch.setattr(member, "RETRY", 0.05)
    Module("Session").export(Session)
    events.clear()


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster(services=DEFAULT_SERVICES) as running:
        yield running


async def started(cluster: Cluster, *names: str, **options: Any) -> list[Node]:
    """Nodes that all run the supervisor and know each other."""
    nodes = await cluster.mesh(*names)
    for node in nodes:
        await supervised(node, **options)
    await all_know(nodes, nodes)
    return nodes


async def supervised(node: Node, **options: Any) -> None:
    async def body() -> None:
        await DistributedSupervisor.start_link(name=SUP, **options)
        await receive()

    node.runtime.spawn(body())

    async def there() -> bool:
        try:
            return node.name in await members(node)
        except Exit:
            return False

    await until(there, SECONDS)


async def members(node: Node) -> list[Atom]:
    found: list[Atom] = await run(node, DistributedSupervisor.members, SUP)
    return found


async def all_know(nodes: list[Node], others: list[Node]) -> None:
    names = sorted(other.name for other in others)
    for node in nodes:

        async def known(node: Node = node) -> bool:
            return await members(node) == names

        await until(known, SECONDS)


def spec(id: Any, **fields: Any) -> dict[str, Any]:
    return {"id": id, "start": ("Elixir.Session", "start_link", [id]), **fields}


async def start(node: Node, id: Any, at: Node | None = None, **fields: Any) -> Pid:
    where = None if at is None else at.name
    pid: Pid = await run(node, DistributedSupervisor.start_child, SUP, spec(id, **fields), where)
    return pid


async def children(node: Node) -> dict[Any, Any]:
    listed = await run(node, DistributedSupervisor.which_children, SUP)
    return {id: pid for id, pid, _, _ in listed}


async def runs_at(node: Node, id: int, where: Node | set[Node]) -> bool:
    """Whether `node` sees the child on one of these nodes."""
    names = {where.name} if not isinstance(where, set) else {one.name for one in where}
    pid = (await children(node)).get(id)
    return pid is not None and not isinstance(pid, str) and pid.node in names


async def call(node: Node, id: Any, request: str) -> Any:
    return await run(node, GenServer.call, DistributedSupervisor.via(SUP, id), Atom(request))


async def test_each_child_runs_once_and_is_found_on_every_node(cluster: Cluster) -> None:
    nodes = await started(cluster, "a", "b", "c")
    pids = {id: await start(nodes[id % 3], id) for id in range(12)}
    assert len({pid.node for pid in pids.values()}) == 3
    for node in nodes:

        async def all_seen(node: Node = node) -> bool:
            return await children(node) == pids

        await until(all_seen, SECONDS)
        assert [await call(node, id, "where") for id in pids] == [pid.node for pid in pids.values()]
        counted = await run(node, DistributedSupervisor.count_children, SUP)
        assert counted == {"specs": 12, "active": 12, "supervisors": 0, "workers": 12}
    with pytest.raises(Exit) as caught:
        await start(nodes[0], 5)
    assert caught.value.reason == (Atom("already_started"), pids[5])


async def test_a_child_can_be_placed(cluster: Cluster) -> None:
    nodes = await started(cluster, "a", "b", distribution="random")
    for number, node in enumerate(nodes):
        assert (await start(nodes[0], number, at=node)).node == node.name
    with pytest.raises(Exit) as caught:
        await run(nodes[0], DistributedSupervisor.start_child, SUP, spec(7), "nowhere@localhost")
    assert caught.value.reason == (Atom("nodedown"), Atom("nowhere@localhost"))


async def test_the_children_of_a_node_that_stops_move_after_their_end(cluster: Cluster) -> None:
    a, b = await started(cluster, "a", "b")
    async with Cluster(DEFAULT_SERVICES, cluster.epmd_port) as other:
        c = await other.start("c")
        assert await c.connect(a.name)
        await supervised(c)
        await all_know([a, b, c], [a, b, c])
        for id in range(4):
            await start(a, id, at=c)
        await start(a, 4, at=c, restart="temporary")
        assert await children(a) == await children(c)
    for id in range(4):
        await until(lambda id=id: runs_at(a, id, {a, b}), SECONDS)
        mine = [event for event in events if event[1] == id]
        # What was killed with its node says nothing at its end.
        assert [what for what, _, _ in mine if what == "start"] == ["start"] * 2
    assert set(await children(b)) == {0, 1, 2, 3}


async def test_a_supervisor_that_is_stopped_hands_its_children_over(cluster: Cluster) -> None:
    a, b = await started(cluster, "a", "b")
    await start(a, 1, at=b)

    async def stop() -> None:
        top = b.runtime.registered_process(Atom(SUP))
        assert top is not None
        [ancestor, *_] = top.dictionary[Atom("$ancestors")]
        await GenServer.stop(ancestor, "shutdown")

    await run(b, stop, timeout=SECONDS)
    await until(lambda: runs_at(a, 1, a), SECONDS)
    assert events == [("start", 1, b.name), ("end", 1, b.name), ("start", 1, a.name)]


async def test_a_child_is_restarted_where_it_runs_until_its_end(cluster: Cluster) -> None:
    a, b = await started(cluster, "a", "b")
    first = await start(a, 1, at=b)
    await run(a, exit, first, "kill")

    async def again() -> bool:
        pid = (await children(a))[1]
        return pid not in (first, "restarting") and pid.node == b.name

    await until(again, SECONDS)
    await start(a, 2, at=b, restart="transient")
    await run(a, GenServer.cast, DistributedSupervisor.via(SUP, 2), Atom("stop"))

    async def gone() -> bool:
        return 2 not in await children(a) and 2 not in await children(b)

    await until(gone, SECONDS)


async def test_a_child_is_ended_from_any_node(cluster: Cluster) -> None:
    a, b = await started(cluster, "a", "b")
    await start(a, 1, at=b)
    assert await run(a, DistributedSupervisor.terminate_child, SUP, 1) == "ok"
    assert events == [("start", 1, b.name), ("end", 1, b.name)]
    for node in (a, b):

        async def gone(node: Node = node) -> bool:
            return await children(node) == {}

        await until(gone, SECONDS)
        with pytest.raises(Exit) as caught:
            await run(node, DistributedSupervisor.terminate_child, SUP, 1)
        assert caught.value.reason == "not_found"
    await start(a, 1, at=a)


async def test_after_a_partition_each_child_runs_once_again(cluster: Cluster) -> None:
    a, b = await started(cluster, "a", "b")
    for id in range(6):
        await start(a, id, at=[a, b][id % 2])
    for node, other in ((a, b), (b, a)):
        node.set_cookie(other.name, f"not now, {node.name}")
    a.disconnect(b.name)
    for id in range(6):
        await until(lambda id=id: runs_at(a, id, a), SECONDS)
        await until(lambda id=id: runs_at(b, id, b), SECONDS)
    for node, other in ((a, b), (b, a)):
        node.set_cookie(other.name, "secret")
    assert await a.connect(b.name)
    await all_know([a, b], [a, b])

    async def agreed() -> bool:
        return await children(a) == await children(b) and all_once()

    def all_once() -> bool:
        ended = sum(1 for what, _, _ in events if what == "end")
        return len([1 for what, _, _ in events if what == "start"]) - ended == 6

    await until(agreed, SECONDS)
    # The node whose name comes first keeps them, as with `global`.
    assert {pid.node for pid in (await children(a)).values()} == {a.name}
    assert all(node == b.name for what, _, node in events if what == "end")
    await run(a, exit, (await children(a))[3], "kill")
    await until(lambda: runs_at(b, 3, a), SECONDS)


async def test_what_cannot_be_started_is_told(cluster: Cluster) -> None:
    [a] = await started(cluster, "a")
    wrong = {"id": 1, "start": ("Elixir.Session", "no_such", [])}
    with pytest.raises(Exit) as caught:
        await run(a, DistributedSupervisor.start_child, SUP, wrong)
    assert "undef" in repr(caught.value.reason)
    with pytest.raises(BadArg, match="what other nodes can be sent"):
        await run(a, DistributedSupervisor.start_child, SUP, spec(object()) | {"id": 1})
    with pytest.raises(BadArg, match="what other nodes can be sent"):
        await run(a, DistributedSupervisor.terminate_child, SUP, object())
    wrong_requests = (Atom("nonsense"), (Atom("start_child"), 7), (Atom("start_child"), {}), object())
    for request in (*wrong_requests, (Atom("terminate_child"), object())):
        assert (await run(a, GenServer.call, SUP, request))[0] == "error"
    with pytest.raises(BadArg, match="distribution: one of hash, random"):
        await DistributedSupervisor.start_link(name=SUP, distribution="even")
