"""`global` among Python and BEAM nodes of every release: names, locks, conflicts, the mesh."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyerlnode import Atom, Exit, GenServer, Node, Pid, exit, on_call, receive, self
from pyerlnode.process.runtime import current_runtime
from pyerlnode.services import DEFAULT_SERVICES, global_

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

WITHOUT_GLOBAL = [service for service in DEFAULT_SERVICES if service is not global_.service]
SERVICES = [*WITHOUT_GLOBAL, global_.service]

# A process of a BEAM that ends when it is told to.
IDLE = "spawn(fun() -> receive stop -> ok end end)"


class Echo(GenServer):
    def init(self) -> None:
        pass

    @on_call
    def echo(self, value: Any) -> Any:
        return value


class Cluster:
    """Python and BEAM nodes of one test."""

    def __init__(
        self, beam_node: Callable[..., Any], new_node: Callable[..., Node], stack: AsyncExitStack
    ) -> None:
        self._beam_node = beam_node
        self._new_node = new_node
        self._stack = stack
        self.beams: list[Any] = []

    async def beam(self, name: str, **options: Any) -> Any:
        """A BEAM, started off the event loop."""
        node = await asyncio.to_thread(self._beam_node, name, **options)
        node.since = node.mark()
        self.beams.append(node)
        return node

    async def python(self, name: str, **settings: Any) -> Node:
        """A Python node; the test acts for the one that was started last."""
        return await self._stack.enter_async_context(
            self._new_node(name, **{"services": SERVICES} | settings)
        )

    def is_quiet(self) -> bool:
        """No BEAM has logged anything; that a conflict ends a process is told by Elixir, too."""
        for beam in self.beams:
            lines = [line for line in beam.output[beam.since :].splitlines() if line.strip()]
            assert [line for line in lines if "[info] global: Name conflict" not in line] == []
        return True


@pytest.fixture
async def cluster(beam_node, new_node) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        yield Cluster(beam_node, new_node, stack)


async def until_a_message() -> Any:
    return await receive()


def worker(node: Node) -> Pid:
    return node.runtime.spawn(until_a_message()).pid


async def at(node: Any, function: Callable[..., Any], *args: Any, timeout: float = 40.0) -> Any:
    """Call `function` in a process of a Python node."""
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def process() -> None:
        try:
            result = function(*args)
            done.set_result(await result if asyncio.iscoroutine(result) else result)
        except BaseException as error:
            done.set_exception(error)

    node.runtime.spawn(process())
    async with asyncio.timeout(timeout):
        return await done


async def where(node: Any, name: str) -> Pid | None:
    """Who has the atom `name`, as any node sees it."""
    if isinstance(node, Node):
        return await at(node, global_.whereis_name, Atom(name))
    found = (await node.eval_erlang_async(f"global:whereis_name('{name}')")).term
    return found if isinstance(found, Pid) else None


async def eventually(fact: Callable[[], Any], wanted: Any, timeout: float = 15.0) -> None:
    """Wait until `fact()` gives `wanted`; the failure shows what it gave."""
    end = asyncio.get_running_loop().time() + timeout
    while True:
        seen = await fact()
        if seen == wanted or asyncio.get_running_loop().time() > end:
            assert seen == wanted
            return
        await asyncio.sleep(0.02)


async def all_see(nodes: list[Any], name: str, pid: Pid | None) -> None:
    for node in nodes:
        await eventually(lambda node=node: where(node, name), pid)


async def nodes_of(node: Any) -> set[str]:
    """To whom a node is connected."""
    if isinstance(node, Node):
        return set(node.nodes())
    return set((await node.eval_erlang_async("nodes()")).term)


async def known(node: Any) -> set[str]:
    """Whom `global` on a node knows."""
    if isinstance(node, Node):
        listed = await at(node, GenServer.call, "global_name_server", Atom("get_known"))
    else:
        listed = (await node.eval_erlang_async("gen_server:call(global_name_server, get_known)")).term
    return set(listed)


async def meshed(nodes: list[Any]) -> None:
    """Wait until every node is connected to, and known by, all others."""
    names = {str(node.name) for node in nodes}
    for node in nodes:
        others = names - {str(node.name)}
        await eventually(lambda node=node: nodes_of(node), others)
        await eventually(lambda node=node: known(node), others)


async def register(node: Any, name: str, pid: Pid | None = None) -> Any:
    """Register on any node; the pid, or False."""
    if isinstance(node, Node):
        pid = pid or worker(node)
        return pid if await at(node, global_.register_name, Atom(name), pid) else False
    source = f"P_{name} = {IDLE}, {{global:register_name({name}, P_{name}), P_{name}}}"
    answer, there = (await node.eval_erlang_async(source, timeout=40)).term
    return there if answer == "yes" else False


# --- two nodes ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["aaron", "zoe"])
async def test_registration_from_each_side(cluster: Cluster, name: str) -> None:
    alex = await cluster.beam("alex")
    node = await cluster.python(name)
    assert await node.connect(alex.name)
    both = [alex, node]
    await meshed(both)
    ours, theirs = await register(node, "ours"), await register(alex, "theirs")
    await all_see(both, "ours", ours)
    await all_see(both, "theirs", theirs)
    assert await register(node, "theirs") is False
    assert (await alex.eval_erlang_async(f"global:register_name(ours, {IDLE})")).text in (":no", "no")
    assert sorted(await at(node, global_.registered_names)) == ["ours", "theirs"]
    # Sending, calling.
    await at(node, lambda: global_.send(Atom("theirs"), Atom("stop")))
    await all_see(both, "theirs", None)
    await alex.eval_erlang_async("global:send(ours, stop)")
    await all_see(both, "ours", None)
    with pytest.raises(Exit) as raised:
        await at(node, lambda: global_.send(Atom("ours"), 1))
    assert raised.value.reason == ("badarg", ("ours", 1))
    # Taken over, unregistered, from the other side than it was registered on.
    first, second = worker(node), worker(node)
    assert await at(node, global_.register_name, Atom("n"), first)
    assert await at(node, global_.re_register_name, Atom("n"), second)
    await all_see(both, "n", second)
    await alex.eval_erlang_async("global:unregister_name(n)")
    await all_see(both, "n", None)
    theirs = await register(alex, "theirs2")
    await at(node, global_.unregister_name, Atom("theirs2"))
    await all_see(both, "theirs2", None)
    assert cluster.is_quiet()


async def test_servers_are_called_by_their_global_name(cluster: Cluster) -> None:
    alex = await cluster.beam("alex")
    kate = await cluster.python("kate")
    assert await alex.eval_erlang_async(f"net_kernel:connect_node('{kate.name}')")
    await meshed([alex, kate])
    pid = await Echo.start(name=("global", Atom("echo")))
    assert pid is not None
    call = "gen_server:call({global, echo}, {echo, 42})"
    assert (await alex.eval_erlang_async(call)).term == 42
    assert await where(alex, "echo") == pid
    await alex.eval_erlang_async(
        "register(collector, self()), "
        "P = spawn(fun() -> receive {'$gen_call', From, X} -> gen_server:reply(From, {got, X}) end end), "
        'yes = global:register_name(<<"text">>, P)'
    )
    assert await GenServer.call(("global", "text"), 7) == ("got", 7)
    with pytest.raises(Exit) as raised:
        await GenServer.call(("global", Atom("nobody")), 7)
    assert raised.value.reason[0] == "noproc"
    with pytest.raises(Exit) as raised:
        await Echo.start(name=("global", Atom("echo")))
    assert raised.value.reason == ("already_started", pid)
    await GenServer.stop(("global", Atom("echo")))
    await all_see([alex, kate], "echo", None)
    assert cluster.is_quiet()


async def test_sync_returns_on_both_sides(cluster: Cluster) -> None:
    alex = await cluster.beam("alex")
    # Who is hidden is waited for by nobody, whether it is a member or not.
    shy = await cluster.python("shy", hidden=True)
    mute = await cluster.python("mute", hidden=True, services=WITHOUT_GLOBAL)
    assert await shy.connect(alex.name)
    assert await mute.connect(alex.name)
    assert (await alex.eval_erlang_async("global:sync()")).text.strip(":") == "ok"
    kate = await cluster.python("kate")
    theirs = await register(alex, "theirs")
    ours = await register(kate, "ours")
    assert await kate.connect(alex.name)
    await at(kate, global_.sync)
    assert await where(kate, "theirs") == theirs
    assert (await alex.eval_erlang_async("global:sync()")).text.strip(":") == "ok"
    assert await where(alex, "ours") == ours
    await meshed([alex, kate])
    assert cluster.is_quiet()


async def test_names_of_who_ends_or_is_lost_are_gone_and_come_back(cluster: Cluster) -> None:
    alex = await cluster.beam("alex")
    kate = await cluster.python("kate")
    both = [alex, kate]
    assert await kate.connect(alex.name)
    await meshed(both)
    ours, theirs = await register(kate, "ours"), await register(alex, "theirs")
    for attempt in range(4):
        await all_see(both, "ours", ours)
        await all_see(both, "theirs", theirs)
        if attempt % 2:
            kate.disconnect(alex.name)
        else:
            await alex.eval_erlang_async(f"true = erlang:disconnect_node('{kate.name}')")
        await eventually(lambda: where(kate, "theirs"), None)
        await eventually(lambda: where(alex, "ours"), None)
        if attempt % 2:
            assert await kate.connect(alex.name)
        else:
            await alex.eval_erlang_async(f"true = net_kernel:connect_node('{kate.name}')")
        await meshed(both)
    exit(theirs, Atom("kill"))
    await all_see(both, "theirs", None)
    await alex.eval_erlang_async("exit(global:whereis_name(ours), kill)")
    await all_see(both, "ours", None)
    assert cluster.is_quiet()


async def test_nodes_that_leave_and_return(cluster: Cluster, new_node) -> None:
    alex = await cluster.beam("alex")
    theirs = await register(alex, "theirs")
    for _ in range(4):
        async with new_node("kate", services=SERVICES) as kate:
            assert await kate.connect(alex.name)
            await meshed([alex, kate])
            assert await where(kate, "theirs") == theirs
            ours = await register(kate, "ours")
            assert await where(alex, "ours") == ours
        await eventually(lambda: where(alex, "ours"), None)
        # Nobody waits for who has left.
        assert (await alex.eval_erlang_async("global:register_name(x, self())")).text.strip(":") == "yes"
        assert (await alex.eval_erlang_async("global:unregister_name(x)")).text.strip(":") == "ok"
    assert cluster.is_quiet()


# --- conflicts --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["aaron", "zoe"])
async def test_conflict_random_exit_name(cluster: Cluster, name: str) -> None:
    alex = await cluster.beam("alex")
    node = await cluster.python(name)
    ours, theirs = await register(node, "n"), await register(alex, "n")
    assert ours and theirs
    assert await node.connect(alex.name)
    await meshed([alex, node])
    winner = min([ours, theirs], key=lambda pid: str(pid.node))
    await all_see([alex, node], "n", winner)
    there = "erlang:is_process_alive(P_n)"
    await eventually(lambda: term(alex, there), winner == theirs)
    await eventually(lambda: is_alive(node, ours), winner == ours)
    assert cluster.is_quiet()


async def term(beam: Any, source: str) -> Any:
    return (await beam.eval_erlang_async(source)).term


async def is_alive(node: Node, pid: Pid) -> bool:
    return node.runtime.process(pid) is not None


@pytest.mark.parametrize("name", ["aaron", "zoe"])
async def test_conflict_random_notify_name_and_notify_all_name(cluster: Cluster, name: str) -> None:
    alex = await cluster.beam("alex")
    node = await cluster.python(name)
    one, two = worker(node), worker(node)
    mail: list[Any] = []

    async def collect() -> None:
        while True:
            mail.append(await receive())

    one, two = node.runtime.spawn(collect()).pid, node.runtime.spawn(collect()).pid
    for atom, pid, how in (("n", one, "random_notify_name"), ("m", two, "notify_all_name")):
        assert await at(node, global_.register_name, Atom(atom), pid, how)
        await alex.eval_erlang_async(
            f"Me = self(), P_{atom} = spawn(fun() -> receive X -> Me ! {{{atom}, X}}, "
            "receive s -> ok end end end), "
            f"yes = global:register_name({atom}, P_{atom}, fun global:{how}/3)"
        )
    theirs, others = await term(alex, "P_n"), await term(alex, "P_m")
    assert await node.connect(alex.name)
    await meshed([alex, node])
    winner = min([one, theirs], key=lambda pid: str(pid.node))
    await all_see([alex, node], "n", winner)
    await all_see([alex, node], "m", None)
    got = "receive {m, X1} -> X1 after 12_000 -> none end"
    assert await term(alex, f"fun() -> {got} end()") == ("global_name_conflict", "m", two)
    expected = [("global_name_conflict", "m", others)]
    if winner == one:
        told = "fun() -> receive {n, X2} -> X2 after 12_000 -> none end end()"
        assert await term(alex, told) == ("global_name_conflict", "n")
    else:
        expected.append(("global_name_conflict", "n"))
    await eventually(lambda: as_coroutine(sorted(mail)), sorted(expected))
    assert cluster.is_quiet()


async def as_coroutine(value: Any) -> Any:
    return value


async def test_conflicts_of_a_hundred_names_with_a_fun_of_the_beam(cluster: Cluster) -> None:
    alex = await cluster.beam("alex")
    node = await cluster.python("kate")
    pids = [worker(node) for _ in range(100)]

    async def register_all() -> None:
        for number, pid in enumerate(pids):
            assert await global_.register_name(number, pid)

    await at(node, register_all)
    # Python's pids, named by a BEAM with a closure that only it can run.
    await alex.eval_erlang_async(
        f"lists:foreach(fun(N) -> yes = global:register_name(N, {IDLE}, "
        "fun(_, P, _) -> P end) end, lists:seq(0, 99))"
    )
    assert await node.connect(alex.name)
    await meshed([alex, node])
    names = "lists:sort([{N, global:whereis_name(N)} || N <- global:registered_names()])"
    seen = dict(await term(alex, names))
    assert len(seen) == 100
    mine = {number: await at(node, global_.whereis_name, number) for number in range(100)}
    assert seen == mine
    assert cluster.is_quiet()


# --- locks ------------------------------------------------------------------------------------


async def test_locks_both_ways_and_their_holders_end(cluster: Cluster) -> None:
    alex = await cluster.beam("alex")
    kate = await cluster.python("kate")
    assert await kate.connect(alex.name)
    await meshed([alex, kate])
    own = self()
    both = [kate.name, alex.name]
    lock = (Atom("r"), own)

    def there(requester: str, retries: int = 0) -> Any:
        return term(alex, f"global:set_lock({{r, {requester}}}, ['{alex.name}', '{kate.name}'], {retries})")

    assert await global_.set_lock(lock)
    assert await there("me") is False
    assert await global_.set_lock(lock, both, 0)
    assert await global_.del_lock(lock)
    assert await there("me") is True
    assert await global_.set_lock(lock, both, 0) is False
    assert await term(alex, "global:del_lock({r, me})") is True
    assert await global_.set_lock(lock, both, 1)
    assert await global_.del_lock(lock)

    # A holder that dies gives it back, on both sides.
    async def hold() -> None:
        assert await global_.set_lock(lock)
        locked.set()
        await receive()

    locked = asyncio.Event()
    holder = kate.runtime.spawn(hold())
    await locked.wait()
    assert await there("me") is False
    exit(holder.pid, Atom("kill"))
    await eventually(lambda: there("me"), True)
    await term(alex, "global:del_lock({r, me})")
    await term(
        alex,
        "Me = self(), H = spawn(fun() -> true = global:set_lock({r, x}), Me ! held, "
        "receive stop -> ok end end), receive held -> ok end",
    )
    assert await global_.set_lock(lock, both, 0) is False
    waiting = asyncio.ensure_future(at(kate, global_.set_lock, (Atom("r"), 1)))
    await term(alex, "exit(H, kill)")
    assert await waiting
    assert await global_.trans((Atom("s"), own), lambda: 42) == 42
    assert cluster.is_quiet()


async def test_a_lock_holder_whose_node_is_lost(cluster: Cluster, epmd_port: int) -> None:
    alex = await cluster.beam("alex")
    kate = await cluster.python("kate")
    zoe = await cluster.beam("zoe")
    assert await kate.connect(alex.name)
    assert await kate.connect(zoe.name)
    await meshed([alex, kate, zoe])
    hold = "spawn(fun() -> true = global:set_lock({r, x}), Me ! held, receive stop -> ok end end)"
    await term(zoe, f"Me = self(), {hold}, receive held -> ok end")
    assert await at(kate, global_.set_lock, (Atom("r"), 1), None, 0) is False
    zoe.kill()
    await eventually(lambda: at(kate, global_.set_lock, (Atom("r"), 1), None, 0), True)


# --- three nodes ------------------------------------------------------------------------------


@pytest.mark.parametrize("middle", ["python", "beam"])
async def test_a_mesh_grows_from_one_connection(cluster: Cluster, beam, other_beam, middle: str) -> None:
    alex = await cluster.beam("alex", beam=beam)
    zoe = await cluster.beam("zoe", beam=other_beam)
    kate = await cluster.python("kate")
    names = {
        "of_alex": await register(alex, "of_alex"),
        "of_kate": await register(kate, "of_kate"),
        "of_zoe": await register(zoe, "of_zoe"),
    }
    if middle == "python":
        assert await kate.connect(alex.name)
        assert await kate.connect(zoe.name)
    else:
        await term(alex, f"true = net_kernel:connect_node('{zoe.name}')")
        assert await kate.connect(alex.name)
    trio = [alex, kate, zoe]
    await meshed(trio)
    for name, pid in names.items():
        await all_see(trio, name, pid)
    late = await register(zoe, "late")
    assert [await where(node, "late") for node in trio] == [late] * 3
    assert await register(kate, "late") is False
    assert (await alex.eval_erlang_async("global:sync()")).text.strip(":") == "ok"
    await at(kate, global_.sync)
    # A fourth one, that knows only one of them.
    mike = await cluster.python("mike")
    assert await mike.connect(zoe.name)
    await meshed([*trio, mike])
    for name, pid in names.items():
        await all_see([mike], name, pid)
    assert cluster.is_quiet()


async def test_partitions_of_two_join(cluster: Cluster) -> None:
    """Two meshes with names of their own, one of them on both sides, are connected by one link."""
    alex, bert = await cluster.beam("alex"), await cluster.beam("bert")
    kate, mike = await cluster.python("kate"), await cluster.python("mike")
    await term(alex, f"true = net_kernel:connect_node('{bert.name}')")
    assert await kate.connect(mike.name)
    await meshed([alex, bert])
    await meshed([kate, mike])
    theirs, ours = await register(bert, "n"), await register(mike, "n")
    only = await register(kate, "only")
    assert await kate.connect(alex.name)
    await meshed([alex, bert, kate, mike])
    await all_see([alex, bert, kate, mike], "only", only)
    winner = await where(alex, "n")
    assert winner in (theirs, ours)
    await all_see([alex, bert, kate, mike], "n", winner)
    assert cluster.is_quiet()


async def test_a_lost_connection_leaves_no_overlapping_partitions(cluster: Cluster, beam, other_beam) -> None:
    alex = await cluster.beam("alex", beam=beam)
    zoe = await cluster.beam("zoe", beam=other_beam)
    kate = await cluster.python("kate")
    assert await kate.connect(alex.name)
    assert await kate.connect(zoe.name)
    trio = [alex, kate, zoe]
    await meshed(trio)
    kate.disconnect(zoe.name)

    async def overlapping() -> bool:
        """Whether somebody knows two nodes that do not know each other."""
        views = {str(node.name): await known(node) for node in trio}
        return any(
            other not in views[one] and one != other
            for view in views.values()
            for one in view
            for other in view
        )

    async def kate_and_zoe_know_each_other() -> bool:
        return zoe.name in await known(kate) or kate.name in await known(zoe)

    await eventually(kate_and_zoe_know_each_other, False)
    await eventually(overlapping, False)
    # They find together again.
    assert await kate.connect(alex.name)
    assert await kate.connect(zoe.name)
    await meshed(trio)
    pid = await register(kate, "again")
    await all_see(trio, "again", pid)


# --- concurrency ------------------------------------------------------------------------------


@pytest.mark.timeout(180)
async def test_a_thousand_names_wanted_by_all_have_one_winner_each(
    cluster: Cluster, beam, other_beam
) -> None:
    alex = await cluster.beam("alex", beam=beam)
    zoe = await cluster.beam("zoe", beam=other_beam)
    kate = await cluster.python("kate")
    assert await kate.connect(alex.name)
    assert await zoe.eval_erlang_async(f"net_kernel:connect_node('{kate.name}')")
    trio = [alex, kate, zoe]
    await meshed(trio)
    count = 1000
    race = (
        f"lists:foldl(fun(N, Won) -> case global:register_name({{n, N}}, {IDLE}) of "
        f"yes -> [N | Won]; no -> Won end end, [], lists:seq(1, {count}))"
    )

    async def race_here() -> list[int]:
        numbers = range(1, count + 1)
        pids = [worker(kate) for _ in numbers]
        won = [
            number
            for number, pid in zip(numbers, pids, strict=True)
            if await global_.register_name((Atom("n"), number), pid)
        ]
        return won

    here, *there = await asyncio.gather(
        at(kate, race_here, timeout=170),
        *(beam.eval_erlang_async(race, timeout=170) for beam in (alex, zoe)),
    )
    won = [here, *(result.term for result in there)]
    assert sorted(number for numbers in won for number in numbers) == list(range(1, count + 1))
    names = "lists:sort([{N, global:whereis_name({n, N})} || {n, N} <- global:registered_names()])"
    view = await term(alex, names)
    assert len(view) == count
    assert await term(zoe, names) == view
    assert [(number, await at(kate, global_.whereis_name, (Atom("n"), number))) for number, _ in view] == view
    assert cluster.is_quiet()


async def test_names_come_while_nodes_come_and_go(cluster: Cluster, new_node) -> None:
    alex = await cluster.beam("alex")
    kate = await cluster.python("kate")
    assert await kate.connect(alex.name)
    await meshed([alex, kate])
    loop_there = alex.eval_erlang_async(
        f"lists:foreach(fun(N) -> P = {IDLE}, yes = global:register_name({{b, N}}, P), "
        "global:unregister_name({b, N}), P ! stop end, lists:seq(1, 60))",
        timeout=60,
    )

    async def loop_here() -> None:
        for number in range(60):
            pid = worker(kate)
            assert await global_.register_name((Atom("p"), number), pid)
            await global_.unregister_name((Atom("p"), number))
            exit(pid, Atom("kill"))

    async def comes_and_goes() -> None:
        for _ in range(5):
            async with new_node("zoe", services=SERVICES) as zoe:
                assert await zoe.connect(alex.name)
                await meshed([alex, kate, zoe])

    token = current_runtime.set(kate.runtime)
    await asyncio.gather(loop_there, at(kate, loop_here, timeout=60), asyncio.create_task(comes_and_goes()))
    current_runtime.reset(token)
    assert await term(alex, "global:registered_names()") == []
    assert await at(kate, global_.registered_names) == []


# --- somebody who stands still ------------------------------------------------------------------

TICK = ("-kernel", "net_ticktime", "4")


async def test_a_stopped_beam_holds_nobody_up_longer_than_the_tick(
    cluster: Cluster, beam, other_beam
) -> None:
    alex = await cluster.beam("alex", beam=beam, flags=TICK)
    zoe = await cluster.beam("zoe", beam=other_beam, flags=TICK)
    kate = await cluster.python("kate", net_ticktime=4.0)
    assert await kate.connect(alex.name)
    assert await kate.connect(zoe.name)
    trio = [alex, kate, zoe]
    await meshed(trio)
    stopped = await register(zoe, "stopped")
    os.kill(zoe.os_pid, signal.SIGSTOP)
    try:
        started = asyncio.get_running_loop().time()
        ours = await register(kate, "ours")
        assert asyncio.get_running_loop().time() - started < 4 * 1.25 + 2
        await all_see([alex, kate], "ours", ours)
        theirs = await register(alex, "theirs")
        await all_see([alex, kate], "theirs", theirs)
        await all_see([alex, kate], "stopped", None)
    finally:
        os.kill(zoe.os_pid, signal.SIGCONT)
    assert stopped


async def test_a_stopped_python_node_holds_nobody_up_longer_than_the_tick(
    cluster: Cluster, epmd_port: int, here
) -> None:
    alex = await cluster.beam("alex", flags=TICK)
    kate = await cluster.python("kate", net_ticktime=4.0)
    assert await kate.connect(alex.name)
    script = Path(__file__).with_name("global_member.py")
    zoe = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        here("zoe@localhost"),
        str(epmd_port),
        alex.name,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert zoe.stdout is not None
        assert await zoe.stdout.readline() == b"up\n"
        for node, others in ((alex, {"kate", "zoe"}), (kate, {"alex", "zoe"})):
            names = {here(f"{name}@localhost") for name in others}
            await eventually(lambda node=node: known(node), names)
            await eventually(lambda node=node: nodes_of(node), names)
        zoe.send_signal(signal.SIGSTOP)
        started = asyncio.get_running_loop().time()
        ours = await register(kate, "ours")
        assert asyncio.get_running_loop().time() - started < 4 * 1.25 + 2
        await all_see([alex, kate], "ours", ours)
        theirs = await register(alex, "theirs")
        await all_see([alex, kate], "theirs", theirs)
        zoe.send_signal(signal.SIGKILL)
        await zoe.wait()
        await eventually(lambda: known(alex), {kate.name})
    finally:
        if zoe.returncode is None:
            zoe.kill()
            await zoe.wait()
