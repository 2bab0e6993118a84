"""Process groups among Python and BEAM nodes of every release."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from pyerlnode import Atom, Node, Pid, exit, receive, send
from pyerlnode.services import DEFAULT_SERVICES, pg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PHOENIX = "Elixir.Phoenix.PubSub"
SERVICES = [
    *(service for service in DEFAULT_SERVICES if service is not pg.service),
    pg.service,
    pg.scope_service(PHOENIX),
]

# A member that ends when it is told to.
MEMBER = "spawn(fun() -> receive stop -> ok end end)"


@pytest.fixture
async def kate(new_node: Callable[..., Node]) -> AsyncIterator[Node]:
    async with new_node("kate", services=SERVICES) as node:
        yield node


@pytest.fixture
def boot(beam_node) -> Callable[..., Any]:
    """Start a BEAM with the scopes, off the event loop."""

    async def start(name: str, **options: Any) -> Any:
        node = await asyncio.to_thread(beam_node, name, **options)
        await node.eval_erlang_async(f"{{ok, _}} = pg:start(pg), {{ok, _}} = pg:start('{PHOENIX}'), ok")
        node.since = node.mark()
        return node

    return start


async def until_a_message() -> None:
    await receive()


def worker(node: Node) -> Pid:
    return node.runtime.spawn(until_a_message()).pid


async def join_there(beam: Any, variable: str, group: str = "g", count: int = 1) -> Pid:
    joins = ", ".join([f"ok = pg:join({group}, {variable})"] * count)
    return (await beam.eval_erlang_async(f"{variable} = {MEMBER}, {joins}, {variable}")).term


async def eventually(fact: Callable[[], Any], wanted: Any, timeout: float = 10.0) -> None:
    """Wait until `fact()` gives `wanted`; the failure shows what it gave."""
    seen = None
    for _ in range(int(timeout / 0.02)):
        seen = fact()
        seen = await seen if asyncio.iscoroutine(seen) else seen
        if seen == wanted:
            return
        await asyncio.sleep(0.02)
    assert seen == wanted


async def there(beam: Any, group: str = "g", scope: str = "pg") -> list[Pid]:
    """The members that a BEAM sees, in a fixed order."""
    return sorted((await beam.eval_erlang_async(f"pg:get_members('{scope}', {group})")).term, key=repr)


def here(group: Any = "g", scope: str = "pg") -> list[Pid]:
    return sorted(pg.get_members(Atom(group), scope=scope), key=repr)


async def all_see(beams: list[Any], *pids: Pid, group: str = "g") -> None:
    wanted = sorted(pids, key=repr)
    await eventually(lambda: here(group), wanted)
    for beam in beams:
        await eventually(lambda beam=beam: there(beam, group), wanted)


def is_quiet(*beams: Any) -> bool:
    """Whether no BEAM has logged anything, and all scopes are alive."""
    for beam in beams:
        assert beam.output[beam.since :].strip() == ""
    return True


async def test_join_leave_and_death_both_ways(boot, kate: Node) -> None:
    alex = await boot("alex")
    assert await kate.connect(alex.name)
    one = worker(kate)
    pg.join(Atom("g"), one)
    pg.join(Atom("g"), one)
    two = await join_there(alex, "Two", count=2)
    await all_see([alex], one, one, two, two)
    pg.leave(Atom("g"), one)
    await alex.eval_erlang_async("ok = pg:leave(g, Two)")
    await all_see([alex], one, two)
    assert pg.get_local_members(Atom("g")) == [one]
    exit(two, Atom("kill"))
    await all_see([alex], one)
    pg.join(Atom("other"), [one, one])
    await eventually(lambda: there(alex, "other"), [one, one])
    send(one, Atom("stop"))
    await all_see([alex])
    await eventually(lambda: there(alex, "other"), [])
    left = await alex.eval_erlang_async("{pg:which_groups(), pg:leave(g, self())}")
    assert left.term == ([], "not_joined")
    assert is_quiet(alex)


async def test_groups_that_were_there_before_the_connection(boot, kate: Node) -> None:
    alex = await boot("alex")
    one = worker(kate)
    pg.join(Atom("g"), [one, one])
    pg.join([1, 2.0, "x"], one, scope=PHOENIX)
    two = await join_there(alex, "Two")
    assert (await alex.eval_erlang_async(f"net_kernel:connect_node('{kate.name}')")).term is True
    await all_see([alex], one, one, two)
    await eventually(lambda: there(alex, '[1, 2.0, <<"x">>]', PHOENIX), [one])
    await eventually(lambda: there(alex, '[1.0, 2.0, <<"x">>]', PHOENIX), [])
    assert is_quiet(alex)


async def test_a_scope_that_starts_late_on_either_side(boot, kate: Node) -> None:
    alex = await boot("alex")
    assert await kate.connect(alex.name)
    one = worker(kate)
    start = f"{{ok, _}} = pg:start(late), P = {MEMBER}, ok = pg:join(late, g, P), P"
    two = (await alex.eval_erlang_async(start)).term
    pg.start("late")
    pg.join(Atom("g"), one, scope="late")
    await eventually(lambda: there(alex, "g", "late"), sorted([one, two], key=repr))
    await eventually(lambda: here("g", "late"), sorted([one, two], key=repr))
    pg.start("later")
    pg.join(Atom("g"), one, scope="later")
    await alex.eval_erlang_async("{ok, _} = pg:start(later)")
    await eventually(lambda: there(alex, "g", "later"), [one])
    assert is_quiet(alex)


async def test_a_lost_connection_and_its_return(boot, kate: Node) -> None:
    alex = await boot("alex")
    one = worker(kate)
    pg.join(Atom("g"), one)
    two = await join_there(alex, "Two")
    for attempt in range(4):
        assert await kate.connect(alex.name)
        await all_see([alex], one, two)
        if attempt % 2:
            kate.disconnect(alex.name)
        else:
            await alex.eval_erlang_async(f"true = erlang:disconnect_node('{kate.name}')")
        await eventually(here, [one])
        await eventually(lambda: there(alex), [two])
    assert is_quiet(alex)


async def test_a_node_that_ends(boot, kate: Node, new_node) -> None:
    alex = await boot("alex")
    assert await kate.connect(alex.name)
    await join_there(alex, "Two")
    await eventually(lambda: len(here()), 1)
    async with new_node("zoe", services=SERVICES) as zoe:
        assert await zoe.connect(alex.name)
        pg.join(Atom("x"), worker(zoe))
        await eventually(lambda: count(alex, "x"), 1)
    await eventually(lambda: count(alex, "x"), 0)
    await asyncio.to_thread(alex.close)
    await eventually(here, [])


async def count(beam: Any, group: str) -> int:
    return len(await there(beam, group))


async def test_monitors_of_both_sides(boot, kate: Node) -> None:
    alex = await boot("alex")
    assert await kate.connect(alex.name)
    one = worker(kate)
    ref, members = pg.monitor(Atom("g"))
    assert members == []
    await alex.eval_erlang_async("{Ref, []} = pg:monitor(g), ok")
    pg.join(Atom("g"), one)
    two = await join_there(alex, "Two")
    pg.leave(Atom("g"), one)
    await alex.eval_erlang_async("ok = pg:leave(g, Two)")
    seen = [(await receive(lambda message: message[0] == ref, timeout=20))[1:] for _ in range(4)]
    change = {(kind, *pids) for kind, _, pids in seen}
    assert change == {("join", one), ("join", two), ("leave", one), ("leave", two)}
    collect = "receive {Ref, Kind, g, [P]} -> {Kind, P} after 12_000 -> none end"
    there_seen = {(await alex.eval_erlang_async(f"fun() -> {collect} end()")).term for _ in range(4)}
    assert there_seen == change
    assert is_quiet(alex)


async def test_many_changes_at_once_end_in_the_same_groups(boot, kate: Node) -> None:
    alex = await boot("alex")
    assert await kate.connect(alex.name)
    workers = [worker(kate) for _ in range(20)]
    churn = alex.eval_erlang_async(
        "lists:foreach(fun(N) -> P = spawn(fun() -> receive stop -> ok after N rem 7 -> ok end end), "
        "pg:join({g, N rem 5}, [P, P]), pg:leave({g, N rem 5}, P) end, lists:seq(1, 500)), done",
        timeout=30,
    )

    async def churn_here() -> None:
        for number in range(1000):
            pid = workers[number % 20]
            group = (Atom("g"), number % 5)
            pg.join(group, pid)
            if number % 3:
                pg.leave(group, [pid])
            if number % 100 == 0:
                kate.disconnect(alex.name)
                assert await kate.connect(alex.name)
            await asyncio.sleep(0)

    done, _ = await asyncio.gather(churn, churn_here())
    assert done.term == "done"
    for number in range(5):
        group = (Atom("g"), number)
        await eventually(
            lambda number=number, group=group: there_of(alex, number),
            sorted(pg.get_members(group), key=repr),
        )
    assert is_quiet(alex)


async def there_of(beam: Any, number: int) -> list[Pid]:
    return await there(beam, f"{{g, {number}}}")


async def test_two_releases_and_python_in_one_cluster(boot, beam, other_beam, kate: Node) -> None:
    alex = await boot("alex", beam=beam)
    zoe = await boot("zoe", beam=other_beam)
    # No mesh by `global`: kate is in the middle of all that is said here.
    assert await kate.connect(alex.name)
    assert await kate.connect(zoe.name)
    one = worker(kate)
    pg.join(Atom("g"), one)
    two, three = await join_there(alex, "Two"), await join_there(zoe, "Three")
    await eventually(here, sorted([one, two, three], key=repr))
    for node, own in ((alex, two), (zoe, three)):
        await eventually(lambda node=node, own=own: includes(node, {one, own}), True)
    exit(three, Atom("kill"))
    await eventually(here, sorted([one, two], key=repr))
    exit(one, Atom("kill"))
    await eventually(here, [two])
    await eventually(lambda: includes(zoe, {one}), False)
    for node in (alex, zoe):
        alive = (await node.eval_erlang_async("is_pid(whereis(pg))")).term
        assert alive is True
    # A BEAM of 25 and one of 29 that meet each other end the scope of 25: that is not ours.
    if str(beam) == str(other_beam):
        assert is_quiet(alex, zoe)


async def includes(beam: Any, pids: set[Pid]) -> bool:
    return pids <= set(await there(beam))
