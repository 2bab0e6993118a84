"""SQLite: what is on the disk, how it is laid out, and the thread."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from pyerlnode.errors import StoreError
from pyerlnode.otp import Store
from pyerlnode.otp.store import sqlite
from pyerlnode.term import Atom, encode

if TYPE_CHECKING:
    from pathlib import Path

# Says what it has put, and never ends by itself.
WRITER = """
import asyncio, sys
from pyerlnode.otp import Store
from pyerlnode.process import Runtime, current_runtime

async def main():
    current_runtime.set(Runtime())
    store = await Store.open(sys.argv[1])
    while True:
        print(await store.update("count", lambda n: n + 1, 0), flush=True)

asyncio.run(main())
"""


async def test_what_was_put_survives_kill_9(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state.db"
    last = 0
    for _ in range(2):
        program = subprocess.Popen(  # noqa: ASYNC220  # nothing else is going on
            [sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True
        )
        assert program.stdout is not None
        said = [int(program.stdout.readline()) for _ in range(20)]
        program.kill()
        said += map(int, program.stdout.read().splitlines())
        program.stdout.close()
        program.wait(10)
        assert said == list(range(last + 1, last + 1 + len(said)))
        store = await Store.open(url)
        last = await store.get("count")
        # The last one may have been put and not been said any more.
        assert last - said[-1] in (0, 1)
        await store.close()


async def test_the_layout(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/state.db")
    await store.put(Atom("count"), 7)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    assert other.execute("SELECT key, value FROM pyerlnode_store").fetchall() == [
        (encode(Atom("count")), encode(7))
    ]
    # Another program writes; garbage is reported, not passed on.
    other.execute("UPDATE pyerlnode_store SET value = x'836108'")
    assert await store.get(Atom("count")) == 8
    other.execute("UPDATE pyerlnode_store SET value = x'8361'")
    for operation in (store.get(Atom("count")), store.items(), store.update(Atom("count"), lambda n: n)):
        with pytest.raises(StoreError, match="what is kept under :count is no term"):
            await operation
    other.execute("UPDATE pyerlnode_store SET value = x'836101', key = x'00'")
    with pytest.raises(StoreError, match="a key there is no term"):
        await store.items()
    other.close()


async def test_a_change_is_durable_before_put_returns(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/state.db")
    assert isinstance(store, sqlite.SQLiteStore)
    assert store._connection is not None
    # 2 is FULL: the log is fsynced at each commit.
    assert await store._in_thread(store._execute, "PRAGMA synchronous", ()) == ([(2,)], -1)


async def test_the_loop_goes_on_while_the_disk_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/state.db")
    may_go_on = threading.Event()
    execute = sqlite.SQLiteStore._execute

    def slow(*args):  # type: ignore[no-untyped-def]
        assert may_go_on.wait(5)
        return execute(*args)

    monkeypatch.setattr(sqlite.SQLiteStore, "_execute", slow)
    putting = asyncio.ensure_future(store.put("k", 1))
    await asyncio.sleep(0)
    assert not putting.done()
    may_go_on.set()
    await putting
    may_go_on.clear()
    store.timeout = 0.05
    with pytest.raises(StoreError, match=r"no answer within 0\.05 s"):
        await store.put("k", 2)
    may_go_on.set()


async def test_one_thread_for_a_file_and_none_without_stores(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    stores = [await Store.open(url) for _ in range(3)]
    await asyncio.gather(*[store.put("k", 1) for store in stores])
    [thread] = [thread for thread in threading.enumerate() if "one.db" in thread.name]
    for store in stores:
        await store.close()
    del stores, store
    thread.join(5)
    assert not thread.is_alive()
    # The last one to close it has taken the log into the file.
    assert not (tmp_path / "one.db-wal").exists()
