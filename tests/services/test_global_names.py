"""Global names and locks among nodes of one program."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run, until

from pyerlnode.errors import BadArg, Exit, NoProc, UsageError
from pyerlnode.otp import GenServer, on_call
from pyerlnode.process import exit, receive, self, send
from pyerlnode.services import global_, modules, net_kernel, rpc
from pyerlnode.term import Atom, Export, Fun, Pid, Reference

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.node import Node

NAME = Atom("n")
SERVICES = [modules.service, net_kernel.service, rpc.service, global_.service]


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster(services=SERVICES) as running:
        yield running


async def idle() -> None:
    await receive()


def worker(node: Node) -> Pid:
    return node.runtime.spawn(idle()).pid


async def mesh(cluster: Cluster, *names: str) -> list[Node]:
    """Connected nodes that know each other."""
    nodes = await cluster.mesh(*names)
    await joined(nodes)
    return nodes


async def joined(nodes: list[Node]) -> None:
    for node in nodes:
        await until(lambda node=node: knows(node, nodes))


def knows(node: Node, nodes: list[Node]) -> bool:
    return set(member(node).known) == {other.name for other in nodes} - {node.name}


def member(node: Node) -> Any:
    return node.runtime.name_hooks[Atom("global")].member  # type: ignore[attr-defined]


def where(node: Node, name: Any = NAME) -> Pid | None:
    found: Pid | None = member(node).tables.where(name)
    return found


async def register(node: Node, name: Any = NAME, resolve: Any = "random_exit_name") -> Pid | None:
    pid = worker(node)
    return pid if await run(node, global_.register_name, name, pid, resolve) else None


# --- names ------------------------------------------------------------------------------------


async def test_names_of_a_node_that_is_alone(cluster: Cluster) -> None:
    kate = await cluster.start("kate")
    one, two = worker(kate), worker(kate)

    async def body() -> None:
        assert await global_.register_name(NAME, one)
        assert not await global_.register_name(NAME, two)
        assert not await global_.register_name(Atom("m"), one)  # it has a name
        assert await global_.re_register_name(NAME, two)
        assert global_.whereis_name(NAME) == two
        assert global_.whereis_name("n") is None  # a binary is another name
        assert global_.registered_names() == [NAME]
        await global_.unregister_name(NAME)
        await global_.unregister_name(NAME)
        assert global_.registered_names() == []
        await global_.sync()
        assert await global_.disconnect() == []

    await run(kate, body)


async def test_a_name_is_there_on_all_nodes_when_it_is_registered(cluster: Cluster) -> None:
    kate, alex, zoe = nodes = await mesh(cluster, "kate", "alex", "zoe")
    one = await register(alex)
    assert one is not None
    assert [where(node) for node in nodes] == [one] * 3
    assert await register(kate) is None
    two = worker(zoe)
    assert await run(kate, global_.re_register_name, NAME, two)  # another node's process
    assert [where(node) for node in nodes] == [two] * 3
    await run(zoe, global_.unregister_name, NAME)
    assert [where(node) for node in nodes] == [None] * 3
    three = await register(kate)
    assert three is not None
    await run(alex, exit, three, Atom("kill"))
    for node in nodes:
        await until(lambda node=node: where(node) is None)


async def test_a_server_with_a_global_name(cluster: Cluster) -> None:
    kate, alex = nodes = await mesh(cluster, "kate", "alex")
    pid = await run(kate, start_echo)
    assert [where(node) for node in nodes] == [pid] * 2
    assert await run(alex, GenServer.call, ("global", NAME), (Atom("echo"), 1)) == 1
    with pytest.raises(Exit) as raised:
        await run(alex, start_echo)
    assert raised.value.reason == ("already_started", pid)
    await run(alex, GenServer.stop, ("global", NAME))
    await until(lambda: where(alex) is None)
    with pytest.raises(NoProc):
        await run(alex, GenServer.call, ("global", NAME), 1)


class Echo(GenServer):
    @on_call
    def echo(self, value: Any) -> Any:
        return value


async def start_echo() -> Pid | None:
    return await Echo.start(name=("global", NAME))


async def test_send_by_name(cluster: Cluster) -> None:
    kate, alex = await mesh(cluster, "kate", "alex")

    async def body() -> None:
        assert await global_.register_name(NAME, self())
        assert await run(alex, global_.send, NAME, 1) == self()
        assert await receive(timeout=5) == 1
        with pytest.raises(Exit) as raised:
            global_.send(Atom("nobody"), 1)
        assert raised.value.reason == ("badarg", ("nobody", 1))

    await run(kate, body)


async def test_what_is_wrong_is_refused(cluster: Cluster) -> None:
    kate = await cluster.start("kate")
    alex = await cluster.start("alex", services=[])

    async def body() -> None:
        bad: list[Any] = ["no_such", 1, Export("m", "f", 2), ("m",)]
        for resolve in bad:
            with pytest.raises(BadArg):
                await global_.register_name(NAME, self(), resolve)
        with pytest.raises(BadArg):
            await global_.register_name(NAME, "pid")  # type: ignore[arg-type]
        with pytest.raises(BadArg):
            await global_.set_lock(1)  # type: ignore[arg-type]
        with pytest.raises(BadArg):
            await global_.set_lock((1, 2), "kate@localhost")
        with pytest.raises(BadArg):
            await global_.set_lock((1, 2), retries=-1)

    await run(kate, body)
    with pytest.raises(NoProc):
        await run(alex, global_.register_name, NAME, worker(alex))
    with pytest.raises(NoProc):
        await run(alex, global_.whereis_name, NAME)
    with pytest.raises(UsageError, match="global_name_server already"):
        global_.service(kate)


async def test_names_of_processes_of_c_nodes_are_passed_on_with_who_registered_them(cluster: Cluster) -> None:
    kate, alex = await cluster.start("kate"), await cluster.start("alex")
    pid = worker(kate)
    to = (Atom("global_name_server"), kate.name)

    async def body() -> None:
        how = Export("global", "random_exit_name", 3)
        assert await GenServer.call(to, (Atom("register_ext"), NAME, pid, how, kate.name)) == "yes"
        assert await GenServer.call(to, Atom("get_names_ext")) == [(NAME, pid, kate.name)]

    await run(kate, body)
    assert await alex.connect(kate.name)
    await joined([kate, alex])
    assert where(alex) == pid
    assert dict(member(alex).tables.external) == {NAME: (pid, kate.name)}
    await run(alex, global_.unregister_name, NAME)
    for node in (kate, alex):
        assert not member(node).tables.external


# --- conflicts ----------------------------------------------------------------------------------


async def conflict(cluster: Cluster, resolve: Any) -> tuple[list[Node], list[Pid | None], list[Any]]:
    """Both nodes have the name, then they connect; nodes, pids (smaller node first), their messages."""
    nodes = [await cluster.start("kate"), await cluster.start("alex")]
    mail: list[Any] = [[], []]

    async def collect(box: list[Any]) -> None:
        while True:
            box.append(await receive())

    pids: list[Pid | None] = []
    for node, box in zip(nodes, mail, strict=True):
        pid = node.runtime.spawn(collect(box)).pid
        assert await run(node, global_.register_name, NAME, pid, resolve)
        pids.append(pid)
    assert await nodes[0].connect(nodes[1].name)
    await joined(nodes)
    return nodes[::-1], pids[::-1], mail[::-1]


def alive(nodes: list[Node], pids: list[Pid | None]) -> list[bool]:
    return [
        node.runtime.process(pid) is not None
        for node, pid in zip(nodes, pids, strict=True)
        if pid is not None
    ]


async def test_random_exit_name_kills_the_process_of_the_greater_node(cluster: Cluster) -> None:
    nodes, pids, _ = await conflict(cluster, "random_exit_name")
    assert [where(node) for node in nodes] == [pids[0]] * 2
    await until(lambda: alive(nodes, pids) == [True, False])


async def test_random_notify_name_tells_the_process_of_the_greater_node(cluster: Cluster) -> None:
    nodes, pids, mail = await conflict(cluster, "random_notify_name")
    assert [where(node) for node in nodes] == [pids[0]] * 2
    await until(lambda: mail == [[], [("global_name_conflict", NAME)]])
    assert alive(nodes, pids) == [True, True]


async def test_notify_all_name_tells_both(cluster: Cluster) -> None:
    nodes, pids, mail = await conflict(cluster, "notify_all_name")
    assert [where(node) for node in nodes] == [None, None]
    told = [[("global_name_conflict", NAME, other)] for other in reversed(pids)]
    await until(lambda: mail == told)


@pytest.mark.parametrize("wins", [0, 1, None, "raises"])
async def test_an_exported_function_decides(cluster: Cluster, wins: Any) -> None:
    asked: list[Any] = []

    async def decide(name: Any, pid: Pid, pid2: Pid) -> Any:
        asked.append(name)
        if wins == "raises":
            raise RuntimeError("on purpose")
        by_node = sorted([pid, pid2], key=lambda each: each.node)
        return Atom("none") if wins is None else by_node[wins]

    def export(node: Node) -> None:
        node.runtime.apply_hook = lambda function, args: decide(*args)

    cluster.services = (*SERVICES, export)
    nodes, pids, _ = await conflict(cluster, ("names", "decide"))
    winner = pids[wins] if wins in (0, 1) else None
    assert [where(node) for node in nodes] == [winner] * 2
    assert asked == [NAME]
    assert alive(nodes, pids) == [True, True]


def closure(module: str) -> Fun:
    return Fun(
        arity=3,
        uniq=bytes(16),
        index=3,
        module=module,
        old_index=1,
        old_uniq=2,
        pid=Pid("x@localhost", 1, 0, 1),
        free=(),
    )


@pytest.mark.parametrize("how", [closure("global"), closure("erl_eval"), Export("nowhere", "f", 3)])
async def test_a_function_that_is_not_here_is_replaced(cluster: Cluster, how: Any) -> None:
    nodes, pids, _ = await conflict(cluster, how)
    assert [where(node) for node in nodes] == [pids[0]] * 2
    await until(lambda: alive(nodes, pids) == [True, False])


async def test_the_node_of_the_process_decides(cluster: Cluster) -> None:
    """`alex` knows the name for a process of `kate`, so that one is asked when `zoe` comes with another."""
    alex, kate = await mesh(cluster, "alex", "kate")
    zoe = await cluster.start("zoe")
    told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def first_message() -> None:
        told.set_result(await receive())

    one, two = await register(kate, resolve="random_notify_name"), zoe.runtime.spawn(first_message()).pid
    assert await run(zoe, global_.register_name, NAME, two)
    assert await alex.connect(zoe.name)
    await joined([alex, kate, zoe])
    assert [where(node) for node in (alex, kate, zoe)] == [one] * 3
    assert await told == ("global_name_conflict", NAME)


async def test_another_node_may_ask_who_keeps_a_name(cluster: Cluster) -> None:
    kate, alex = await mesh(cluster, "kate", "alex")
    one, two = worker(kate), worker(alex)

    async def body() -> None:
        notify = Export("global", "random_notify_name", 3)
        assert await rpc.call(kate.name, "global", "resolve_it", [notify, NAME, one, two]) == two
        assert await rpc.call(kate.name, "global", "notify_all_name", [NAME, one, two]) == "none"
        assert await rpc.call(kate.name, "global", "resolve_it", [closure("global"), NAME, two, one]) == two

    await run(alex, body)
    await until(lambda: alive([kate, alex], [one, two]) == [False, False])


# --- locks ------------------------------------------------------------------------------------------


async def test_a_lock_excludes_others_until_it_is_given_back(cluster: Cluster) -> None:
    kate, alex = await mesh(cluster, "kate", "alex")
    lock, other = (Atom("r"), 1), (Atom("r"), 2)

    async def body() -> None:
        assert await global_.set_lock(lock)
        assert await global_.set_lock(lock)
        assert not await run(alex, global_.set_lock, other, None, 0)
        assert not await global_.set_lock(other, retries=1)
        assert await run(alex, global_.set_lock, (Atom("r2"), 2), None, 0)
        waiting = asyncio.ensure_future(run(alex, global_.trans, other, lambda: 42))
        assert await global_.del_lock(lock)
        assert await waiting == 42
        assert await global_.set_lock(lock, [alex.name], 0)
        assert not await run(alex, global_.set_lock, other, [alex.name], 0)
        assert await run(alex, global_.set_lock, other, [kate.name], 0)
        assert await global_.set_lock(lock, [], 0)

    await run(kate, body)
    # With the processes their locks are gone.
    for node in (kate, alex):
        await until(lambda node=node: not member(node).tables.locks)


async def test_a_transaction_gives_the_lock_back_however_it_ends(cluster: Cluster) -> None:
    kate, alex = await mesh(cluster, "kate", "alex")
    lock = (Atom("r"), 1)

    async def later() -> int:
        await asyncio.sleep(0)
        assert member(alex).tables.is_locked(Atom("r"))
        return 42

    def fails() -> None:
        raise RuntimeError("on purpose")

    async def body() -> None:
        assert await global_.trans(lock, later) == 42
        with pytest.raises(RuntimeError, match="on purpose"):
            await global_.trans(lock, fails)
        assert not member(alex).tables.is_locked(Atom("r"))
        assert await run(alex, global_.set_lock, (Atom("r"), 2), [kate.name], 0)

    await run(kate, body)

    async def aborted() -> None:
        assert await global_.set_lock(lock)
        assert await run(alex, global_.trans, (Atom("r"), 2), fails, None, 0) == "aborted"

    await run(kate, aborted)


async def test_a_holder_that_ends_gives_its_lock_back(cluster: Cluster) -> None:
    kate, alex = await mesh(cluster, "kate", "alex")
    held = asyncio.Event()

    async def hold() -> None:
        assert await global_.set_lock((Atom("r"), 1))
        held.set()
        await receive()

    holder = kate.runtime.spawn(hold())
    await held.wait()
    assert not await run(alex, global_.set_lock, (Atom("r"), 2), None, 0)
    holder.exit_signal(holder.pid, Atom("kill"))
    assert await run(alex, global_.set_lock, (Atom("r"), 2))


# --- many at once -----------------------------------------------------------------------------------


async def test_a_thousand_names_wanted_by_all_have_one_winner_each(cluster: Cluster) -> None:
    nodes = await mesh(cluster, "kate", "alex", "zoe")
    count = 334

    async def race(node: Node) -> list[int]:
        pids = [worker(node) for _ in range(count)]
        return [number for number in range(count) if await global_.register_name(number, pids[number])]

    won = await asyncio.gather(*(run(node, race, node, timeout=50) for node in nodes))
    assert sorted(number for numbers in won for number in numbers) == list(range(count))
    for number in range(count):
        seen = {where(node, number) for node in nodes}
        assert len(seen) == 1
        assert None not in seen


# --- bad messages -----------------------------------------------------------------------------------


async def test_no_message_ends_the_server(cluster: Cluster) -> None:
    kate, alex = await mesh(cluster, "kate", "alex")
    pid = await register(kate)
    me, ref = alex.name, Reference(alex.name, 1, (1, 2, 3))
    casts: list[Any] = [
        1,
        (Atom("init_connect"), 8, me, 1),
        (Atom("init_connect"), (8, 1), me, (Atom("locker"), 1, 2, 3)),
        (Atom("lock_set"), 1, True, [], 1),
        (Atom("lock_is_set"), me, 1, 1),
        (Atom("exchange"), me, [1], [], 99),
        (Atom("exchange_ops"), me, 99, [1], [1]),
        (Atom("resolved"), me, [1], [1], 1, [1], 99),
        (Atom("new_nodes"), me, [1, (Atom("insert"), 1)], [1], [1, (1, 2)], [1]),
        (Atom("in_sync"), 1, True),
    ]
    messages: list[Any] = [
        Atom("x"),
        (Atom("$gen_call"), (1, 2), (Atom("set_lock"), (1, 2))),
        (Atom("DOWN"), ref, Atom("process"), pid, 1),
        (Atom("init_connect_ack"), 1, 2, 3),
        (Atom("cancel_connect"), me, 99),
        (Atom("lost_connection"), me, 1, 2, 3),
        (Atom("remove_connection"), Atom("nobody@localhost")),
    ]

    async def body() -> None:
        to = (Atom("global_name_server"), kate.name)
        for cast in casts:
            GenServer.cast(to, cast)
        for message in messages:
            send(to, message)
        assert await GenServer.call(to, (Atom("register"), 1)) == ("error", "notsup")
        assert await GenServer.call(to, Atom("get_protocol_version")) == 8
        assert await GenServer.call(to, Atom("get_synced")) == [alex.name]
        assert await GenServer.call(to, Atom("get_names_ext")) == []

    await run(alex, body)
    assert where(kate) == pid
    assert knows(kate, [kate, alex])
