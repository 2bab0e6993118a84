"""What every kind of store does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from otp_tools import idle, inside

import pyerlnode.process as erl
from pyerlnode.errors import StoreError
from pyerlnode.otp import GenServer, Store, on_call, on_cast
from pyerlnode.term import Atom, Map, equal

ATOM = Atom("count")
VALUES = [
    0, -1, 1 << 100, 1.5, Atom("ok"), True, None, b"\x00\xff", [], [1, 2], [Atom("a"), [b"b"]], (),
    (1, (2, 3)), {Atom("a"): 1, b"b": [2]}, Map([(1, 1), (1.0, 2)]), b"x" * 100_000,
]  # fmt: skip


async def test_terms_come_back(url: str) -> None:
    store = await Store.open(url)
    assert await store.get(ATOM) is None
    assert await store.get(ATOM, 5) == 5
    for value in VALUES:
        await store.put(ATOM, value)
        assert equal(await store.get(ATOM, "nothing"), value)
    await store.put(ATOM, "text")
    assert await store.get(ATOM) == b"text"
    await store.delete(ATOM)
    await store.delete(ATOM)
    assert await store.get(ATOM) is None
    assert await store.items() == []
    await store.close()


async def test_keys_are_terms(url: str) -> None:
    store = await Store.open(url)
    deep: Any = ()
    for _ in range(100):
        deep = (deep,)
    keys = [
        1,
        1.0,
        True,
        Atom("1"),
        "1",
        [1],
        {Atom("b"): 1, Atom("a"): 2},
        (b"session", 5),
        None,
        "",
        [],
        deep,
    ]
    for number, key in enumerate(keys):
        await store.put(key, number)
    for number, key in enumerate(keys):
        assert await store.get(key) == number
    found = {number: key for key, number in await store.items()}
    assert len(found) == len(keys)
    assert all(equal(found[number], key) for number, key in enumerate(keys))
    # The order of a dict's keys is none of the key.
    assert await store.get({Atom("a"): 2, Atom("b"): 1}) == 6


async def test_what_is_kept_is_no_reference_to_what_was_put(url: str) -> None:
    store = await Store.open(url)
    value = [1]
    await store.put(ATOM, value)
    value.append(2)
    found = await store.get(ATOM)
    assert found == [1]
    found.append(3)
    assert await store.get(ATOM) == [1]


async def test_another_opening_sees_it(url: str) -> None:
    first, second = await Store.open(url), await Store.open(url)
    await first.put(ATOM, 1)
    assert await second.get(ATOM) == 1
    await first.close()
    await second.put(ATOM, 2)
    assert await (await Store.open(url)).get(ATOM) == 2


async def test_updates_of_many_are_all_counted(url: str) -> None:
    async def add() -> None:
        store = await Store.open(url)
        for _ in range(10):
            await store.update(ATOM, lambda n: n + 1, 0)

    await asyncio.gather(*[inside(add) for _ in range(5)])
    store = await Store.open(url)
    assert await store.get(ATOM) == 50
    assert await store.update(ATOM, lambda n: n * 2) == 100
    assert await store.update("other", lambda n: [n], "default") == ["default"]
    await asyncio.gather(*[store.update(ATOM, lambda n: n + 1) for _ in range(5)])
    assert await store.get(ATOM) == 105


async def test_a_change_that_raises_changes_nothing(url: str) -> None:
    store = await Store.open(url)
    await store.put(ATOM, 1)
    with pytest.raises(ZeroDivisionError):
        await store.update(ATOM, lambda n: n // 0)
    assert await store.get(ATOM) == 1


async def test_a_closed_store_does_nothing(url: str) -> None:
    store = await Store.open(url)
    await store.close()
    await store.close()
    for operation in (store.get(ATOM), store.put(ATOM, 1), store.delete(ATOM), store.items()):
        with pytest.raises(StoreError, match="it is closed"):
            await operation


async def test_a_store_is_closed_with_the_process_that_opened_it(url: str) -> None:
    opened: list[Store] = []

    async def body() -> None:
        opened.append(await Store.open(url))
        await opened[0].put(ATOM, 1)
        await idle()

    pid = erl.spawn(body)
    async with asyncio.timeout(5):
        while not opened or await opened[0].get(ATOM) is None:  # noqa: ASYNC110  # another's progress
            await asyncio.sleep(0.005)
    erl.exit(pid, "kill")
    with pytest.raises(StoreError, match="it is closed"):
        await opened[0].get(ATOM)


# --- servers --------------------------------------------------------------------------------


class Counter(GenServer):
    """Keeps its count in the store alone."""

    async def init(self, url: str) -> None:
        self.store = await Store.open(url)

    @on_call
    async def get(self) -> Any:
        return await self.store.get(ATOM, 0)

    @on_cast
    async def inc(self) -> None:
        await self.store.update(ATOM, lambda count: count + 1, 0)


async def test_a_server_that_is_killed_leaves_its_state(url: str) -> None:
    for life in range(3):
        pid = await Counter.start(url)
        assert pid is not None
        assert await GenServer.call(pid, Atom("get")) == 2 * life
        GenServer.cast(pid, Atom("inc"))
        GenServer.cast(pid, Atom("inc"))
        assert await GenServer.call(pid, Atom("get")) == 2 * life + 2
        erl.exit(pid, "kill")


async def test_a_server_that_is_killed_while_it_writes(url: str) -> None:
    least = 0
    for steps in range(12):
        pid = await Counter.start(url)
        assert pid is not None
        for _ in range(50):
            GenServer.cast(pid, Atom("inc"))
        for _ in range(3 * steps):
            await asyncio.sleep(0)
        erl.exit(pid, "kill")
        store = await Store.open(url)
        count = await store.get(ATOM, 0)
        assert count >= least
        # What it had begun is done or not by now: nothing comes later and undoes what its successor does.
        await store.put(ATOM, count + 1000)
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert await store.get(ATOM) == count + 1000
        least = count + 1000
        await store.close()
