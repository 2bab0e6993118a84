"""Staying registered: EPMD restarted, killed, absent, served here, and taken over."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from node_tools import free_port, until

from pyerlnode.errors import EpmdError, NameTaken
from pyerlnode.node import epmd_client
from pyerlnode.node.epmd_client import EpmdKeeper
from pyerlnode.node.epmd_server import EpmdServer
from pyerlnode.protocol.epmd import Registration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    NewKeeper = Callable[..., EpmdKeeper]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def new_keeper(port: int) -> AsyncIterator[NewKeeper]:
    """Makes keepers on `port`, closed at the end of the test."""
    keepers: list[EpmdKeeper] = []

    def new(name: str, *, node_port: int = 4242, serve: bool = True) -> EpmdKeeper:
        keepers.append(EpmdKeeper(Registration(name, node_port), port, serve=serve))
        return keepers[-1]

    yield new
    for keeper in keepers:
        await keeper.close()


async def names(port: int) -> set[str]:
    return {name for name, _ in await epmd_client.names("127.0.0.1", port)}


async def test_the_first_node_serves_epmd_and_the_others_find_it(port: int, new_keeper: NewKeeper) -> None:
    kate, alex = new_keeper("kate"), new_keeper("alex")
    await kate.start()
    await alex.start()
    assert kate.server is not None and alex.server is None
    assert await names(port) == {"kate", "alex"}


async def test_of_many_that_start_at_once_one_serves(port: int, new_keeper: NewKeeper) -> None:
    keepers = [new_keeper(f"n{i}") for i in range(8)]
    await asyncio.gather(*(keeper.start() for keeper in keepers))
    assert sum(keeper.server is not None for keeper in keepers) == 1
    assert await names(port) == {f"n{i}" for i in range(8)}


async def test_without_epmd_and_without_serving_the_start_fails(port: int, new_keeper: NewKeeper) -> None:
    with pytest.raises(EpmdError, match=f"no EPMD on this machine.*{port}"):
        await new_keeper("kate", serve=False).start()


async def test_a_taken_name_is_refused_and_says_where(port: int, new_keeper: NewKeeper) -> None:
    await new_keeper("kate").start()
    with pytest.raises(NameTaken, match=f"the name kate is taken: EPMD on port {port}"):
        await new_keeper("kate").start()
    assert await names(port) == {"kate"}


async def test_a_name_is_free_again_once_its_keeper_is_closed(port: int, new_keeper: NewKeeper) -> None:
    await new_keeper("server").start()
    first = new_keeper("kate")
    creation = await first.start()
    await first.close()
    again = new_keeper("kate")
    async with asyncio.timeout(5):
        while True:
            try:
                assert await again.start() == creation + 1
                break
            except NameTaken:
                await asyncio.sleep(0)


async def test_a_restarted_epmd_gets_the_node_back_with_its_old_creation(
    port: int, new_keeper: NewKeeper
) -> None:
    kate = new_keeper("kate", serve=False)
    async with EpmdServer(port):
        creation = await kate.start()
    await until(lambda: not kate.registered)
    async with EpmdServer(port) as second:
        await until(lambda: kate.registered, timeout=2.0)
        assert second.names() == [("kate", 4242)]
        assert kate.creation == creation


async def listed(port: int, wanted: set[str]) -> None:
    """Return once EPMD lists exactly these names, within the two seconds of a take-over."""
    async with asyncio.timeout(2.0):
        while True:
            try:
                if await names(port) == wanted:
                    return
            except EpmdError:
                pass
            await asyncio.sleep(0.01)


async def test_when_the_serving_node_ends_another_takes_the_port_over(
    port: int, new_keeper: NewKeeper
) -> None:
    keepers = {name: new_keeper(name) for name in ("first", "a", "b", "c", "d")}
    for keeper in keepers.values():
        await keeper.start()
    creations = {name: keeper.creation for name, keeper in keepers.items()}
    await keepers.pop("first").close()
    await listed(port, {"a", "b", "c", "d"})
    assert sum(keeper.server is not None for keeper in keepers.values()) == 1
    assert all(keepers[name].creation == creations[name] for name in keepers)


async def test_the_port_is_taken_over_again_and_again(port: int, new_keeper: NewKeeper) -> None:
    keepers = {name: new_keeper(name) for name in ("a", "b", "c", "d")}
    for keeper in keepers.values():
        await keeper.start()
    while len(keepers) > 1:
        serving = next(name for name, keeper in keepers.items() if keeper.server is not None)
        await keepers.pop(serving).close()
        await listed(port, set(keepers))
        await until(lambda: all(keeper.registered for keeper in keepers.values()))
        assert sum(keeper.server is not None for keeper in keepers.values()) == 1


async def test_a_name_that_was_taken_meanwhile_is_logged_once_and_tried_on(
    port: int, new_keeper: NewKeeper, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    kate = EpmdKeeper(Registration("kate", 4242), port, serve=False, retry=0.01)
    tries = 0
    may_try = asyncio.Event()
    register = kate._register_somewhere

    async def counted() -> tuple[asyncio.StreamReader, int]:
        nonlocal tries
        await may_try.wait()
        tries += 1
        return await register()

    async with EpmdServer(port):
        await kate.start()
        monkeypatch.setattr(kate, "_register_somewhere", counted)
    await until(lambda: not kate.registered)
    async with EpmdServer(port) as second:
        thief = new_keeper("kate", node_port=4343, serve=False)
        await thief.start()
        may_try.set()
        with caplog.at_level(logging.WARNING):
            await until(lambda: tries > 3)
        assert caplog.text.count("is taken") == 1
        await thief.close()
        await until(lambda: kate.registered)
        assert second.names() == [("kate", 4242)]
        await kate.close()


async def test_closing_leaves_nothing_behind(port: int, new_keeper: NewKeeper) -> None:
    keeper = new_keeper("kate")
    await keeper.start()
    await keeper.close()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    with pytest.raises(EpmdError):
        await names(port)
