"""The keeper of what is in memory, and its reserve."""

from __future__ import annotations

from typing import Any

import pytest
from otp_tools import inside, settled

import pyerlnode.process as erl
from pyerlnode.errors import StoreError
from pyerlnode.otp import GenServer, Store, Table
from pyerlnode.otp.store.memory import KEEPER, RESERVE
from pyerlnode.process import Runtime, current_runtime
from pyerlnode.term import Atom


async def test_names_are_stores_of_their_own() -> None:
    stores = [await Store.open(url) for url in ("memory", "memory://a", "memory://b")]
    for number, store in enumerate(stores):
        await store.put("k", number)
    assert [await store.get("k") for store in stores] == [0, 1, 2]
    assert await (await Store.open("memory://b")).get("k") == 2
    assert {table.name for table in Table.all()} == {KEEPER, f"{KEEPER}:a", f"{KEEPER}:b"}


async def test_another_node_has_another_memory() -> None:
    await (await Store.open("memory")).put("k", 1)
    other = Runtime("there@localhost", 1)
    current_runtime.set(other)
    try:
        assert await (await Store.open("memory")).get("k") is None
    finally:
        await other.stop(Atom("shutdown"))


def owners() -> set[Any]:
    return {info["owner"] for table in Table.all() if (info := table.info()) is not None}


async def test_the_keeper_may_be_killed_again_and_again() -> None:
    store, other = await Store.open("memory"), await Store.open("memory://other")
    await other.put("k", "kept")
    for life in range(4):
        keeper, reserve = erl.whereis(KEEPER), erl.whereis(RESERVE)
        assert keeper is not None and reserve is not None and owners() == {keeper}
        erl.exit(keeper, "kill")
        assert await store.update("k", lambda n: n + 1, 0) == life + 1  # at once, without a keeper
        await settled()
        assert erl.whereis(KEEPER) == reserve
        assert owners() == {reserve}
        assert await (await Store.open(f"memory://{life}")).get("k") is None
        assert await (await Store.open("memory://other")).get("k") == b"kept"


async def test_a_new_reserve_takes_the_place_of_one_that_was_killed() -> None:
    store = await Store.open("memory")
    await store.put("k", 1)
    for _ in range(3):
        reserve = erl.whereis(RESERVE)
        assert reserve is not None
        erl.exit(reserve, "kill")
        await settled()
        assert erl.whereis(RESERVE) not in (None, reserve)
    keeper = erl.whereis(KEEPER)
    assert keeper is not None
    erl.exit(keeper, "kill")
    assert await store.get("k") == 1


async def test_a_store_that_is_opened_before_the_reserve_has_taken_over() -> None:
    store = await Store.open("memory")
    await store.put("k", 1)
    keeper = erl.whereis(KEEPER)
    assert keeper is not None
    erl.exit(keeper, "kill")
    late = await Store.open("memory://late")
    await late.put("k", 2)
    await settled()
    assert len(owners()) == 2
    for owner in owners():
        erl.exit(owner, "kill")
        await settled()
    assert await store.get("k") == 1
    assert await late.get("k") == 2
    assert erl.whereis(KEEPER) is not None


async def test_both_at_once_lose_it_and_say_so() -> None:
    store = await Store.open("memory")
    await store.put("k", 1)
    for name in (RESERVE, KEEPER):
        pid = erl.whereis(name)
        assert pid is not None
        erl.exit(pid, "kill")
    with pytest.raises(StoreError, match=r"^memory: there is no table"):
        await store.get("k")
    assert await (await Store.open("memory")).get("k") is None


async def test_exit_signals_of_strangers_do_not_end_the_keeper(caplog: Any) -> None:
    await Store.open("memory")

    async def links_and_goes() -> None:
        keeper = erl.whereis(KEEPER)
        assert keeper is not None
        erl.link(keeper)

    await inside(links_and_goes)
    await settled()
    assert erl.whereis(KEEPER) is not None
    assert await GenServer.call(KEEPER, (Atom("table"), Atom("pyerlnode_store"))) == "ok"
