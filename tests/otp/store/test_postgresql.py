"""PostgreSQL: the layout, connections that are lost, and what is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from otp_tools import idle, inside, reason_of, settled

import pyerlnode.process as erl
from pyerlnode.errors import StoreError
from pyerlnode.otp import Store
from pyerlnode.otp.store.postgresql import PostgreSQLStore
from pyerlnode.term import Atom, encode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from postgresql_server import Server

COUNT = Atom("count")


@pytest.fixture
def url(postgresql: Server) -> str:
    return postgresql.create()


@pytest.fixture
def sql(postgresql: Server, url: str) -> Any:
    """What psql prints, in the database of `url`."""
    database = url.rpartition("/")[2]
    return lambda statement: postgresql.sql(statement, database)


def backend(sql: Any) -> int:
    """The process of the server that the one other connection talks to."""
    who = "datname = current_database() AND pid <> pg_backend_pid()"
    return int(sql(f"SELECT pid FROM pg_stat_activity WHERE {who}"))


async def gone(sql: Any) -> None:
    """Wait until the database has no other connection."""
    who = "datname = current_database() AND pid <> pg_backend_pid()"
    async with asyncio.timeout(10):
        while sql(f"SELECT count(*) FROM pg_stat_activity WHERE {who}") != "0":  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_the_layout(url: str, sql: Any) -> None:
    store = await Store.open(url)
    await store.put(COUNT, 7)
    row = sql("SELECT encode(key, 'hex'), encode(value, 'hex') FROM pyerlnode_store")
    assert row == f"{encode(COUNT).hex()}|{encode(7).hex()}"
    sql(r"UPDATE pyerlnode_store SET value = '\x836108'")
    assert await store.update(COUNT, lambda n: n + 1) == 9
    sql(r"UPDATE pyerlnode_store SET value = '\x00'")
    with pytest.raises(StoreError, match="what is kept under :count is no term"):
        await store.get(COUNT)


async def test_an_update_sees_what_others_do_between_its_steps(url: str, sql: Any) -> None:
    store = await Store.open(url)
    await store.put(COUNT, 7)
    seen: list[int] = []

    def change(n: int) -> int:
        if not seen:
            sql(r"UPDATE pyerlnode_store SET value = '\x836108'")
        seen.append(n)
        return n + 1

    assert await store.update(COUNT, change) == 9
    assert seen == [7, 8]


async def test_what_the_server_refuses_leaves_the_connection_usable(url: str, sql: Any) -> None:
    store = await Store.open(url)
    with pytest.raises(StoreError, match="index row"):
        await store.put(os.urandom(10_000), 1)
    await store.put(COUNT, 1)
    sql("ALTER TABLE pyerlnode_store ADD CHECK (length(value) < 100)")
    with pytest.raises(StoreError, match="violates check constraint"):
        await store.put(COUNT, b"x" * 1000)
    assert await store.get(COUNT) == 1


async def test_openings_at_once_make_one_table(url: str) -> None:
    async def opens() -> None:
        store = await Store.open(url)
        await store.update(COUNT, lambda n: n + 1, 0)

    await asyncio.gather(*[inside(opens) for _ in range(8)])
    assert await (await Store.open(url)).get(COUNT) == 8


async def test_a_lost_connection_is_made_anew(url: str, sql: Any) -> None:
    store = await Store.open(url)
    await store.put(COUNT, 1)
    operations: list[Callable[[], Awaitable[Any]]] = [
        lambda: store.get(COUNT),
        lambda: store.put(COUNT, 2),
        lambda: store.update(COUNT, lambda n: n),
        store.items,
    ]
    for operation in operations:
        sql(f"SELECT pg_terminate_backend({backend(sql)})")
        await operation()
    assert await store.get(COUNT) == 2


async def test_a_restart_of_the_server(postgresql: Server, url: str) -> None:
    store = await Store.open(url)
    await store.put(COUNT, 1)
    postgresql.stop()
    waiting = asyncio.ensure_future(store.update(COUNT, lambda n: n + 1))
    await asyncio.sleep(0)
    await asyncio.to_thread(postgresql.start)
    assert await waiting == 2


async def test_a_server_that_stays_away(postgresql: Server, url: str) -> None:
    store = await Store.open(url, timeout=0.3)
    postgresql.stop()
    try:
        with pytest.raises(StoreError, match=r"lost and is not back after 0\.3 s: .*Connection refused"):
            await store.get(COUNT)
    finally:
        await asyncio.to_thread(postgresql.start)
    assert await store.get(COUNT) is None


async def test_a_server_that_is_silent(url: str, sql: Any) -> None:
    store = await Store.open(url, timeout=0.3)
    await store.put(COUNT, 1)
    pid = backend(sql)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreError, match=r"no answer within 0\.3 s"):
            await store.get(COUNT)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert await store.get(COUNT) == 1


async def test_a_change_that_may_have_been_made_is_not_made_again(
    url: str, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await Store.open(url)
    await store.put(COUNT, 1)
    execute = PostgreSQLStore._execute

    async def loses_the_answer(self: Any, connection: Any, deadline: Any, statement: str, values: Any) -> Any:
        result = await execute(self, connection, deadline, statement, values)
        if statement.startswith("UPDATE"):
            sql(f"SELECT pg_terminate_backend({backend(sql)})")
            await execute(self, connection, deadline, statement, values)
        return result

    monkeypatch.setattr(PostgreSQLStore, "_execute", loses_the_answer)
    with pytest.raises(StoreError, match="connection was lost, the change may have been made"):
        await store.update(COUNT, lambda n: n + 1)
    assert await store.get(COUNT) == 2


async def test_no_connection_outlives_its_process(url: str, sql: Any) -> None:
    test = erl.self()

    async def body(busy: bool) -> None:
        store = await Store.open(url)
        erl.send(test, store)
        if busy:
            await store._run("SELECT pg_sleep(60)")  # type: ignore[attr-defined]
        await idle()

    for busy in (False, True):
        pid = erl.spawn(body, busy)
        store = await erl.receive(timeout=5)
        if busy:
            async with asyncio.timeout(5):
                while sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'") != "1":  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        erl.exit(pid, "kill")
        assert await reason_of(pid) == "noproc"
        await gone(sql)
        with pytest.raises(StoreError, match="it is closed"):
            await store.get(COUNT)
    closed = await Store.open(url)
    await closed.close()
    await gone(sql)


async def test_a_process_that_is_killed_while_it_connects(url: str, sql: Any) -> None:
    async def body() -> None:
        await Store.open(url)
        await idle()

    for steps in range(12):
        pid = erl.spawn(body)
        for _ in range(steps):
            await asyncio.sleep(0.002)
        erl.exit(pid, "kill")
    await gone(sql)


async def test_a_successor_waits_for_what_its_predecessor_has_sent(url: str, sql: Any) -> None:
    test = erl.self()

    async def killed() -> None:
        store = await Store.open(url)
        erl.send(test, store)
        await erl.receive()
        await store.put(COUNT, 1)

    pid = erl.spawn(killed)
    await erl.receive(timeout=5)
    silent = backend(sql)
    os.kill(silent, signal.SIGSTOP)
    try:
        erl.send(pid, Atom("put"))
        await settled()
        erl.exit(pid, "kill")
        opening = asyncio.ensure_future(inside(_value, url))
        # To PostgreSQL this is the same database, and nobody was killed in it.
        assert await inside(_value, f"{url}?connect_timeout=9") is None
        assert not opening.done()
    finally:
        os.kill(silent, signal.SIGCONT)
    assert await opening in (None, 1)


async def _value(url: str) -> Any:
    return await (await Store.open(url)).get(COUNT)
