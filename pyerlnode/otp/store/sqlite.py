"""The store `sqlite:///FILE`: what was put is on the disk before `put` returns.

The database is in write-ahead mode with `synchronous=FULL`: each change is in the log
and fsynced when its statement returns, so it survives the end of the program, `kill -9`
and the machine's loss of power alike.

That fsync takes from a tenth of a millisecond to many, so it happens in a thread, one per file
for the whole program.  What a server that was killed has begun is done before the first
thing that its successor asks of the same file.

Source: sqlite.org, "Write-Ahead Logging" and "PRAGMA synchronous".
Proof: tests/otp/store/test_sqlite.py, interop/test_durable.py.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from weakref import WeakValueDictionary

from pyerlnode.errors import StoreError
from pyerlnode.otp.store.base import Store
from pyerlnode.otp.store.url import split

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SQLiteStore", "open_store"]

_CREATE = """
CREATE TABLE IF NOT EXISTS pyerlnode_store (key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID
"""
_READ = "SELECT value FROM pyerlnode_store WHERE key = ?"
_WRITE = """
INSERT INTO pyerlnode_store (key, value) VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
_DELETE = "DELETE FROM pyerlnode_store WHERE key = ?"
_ALL = "SELECT key, value FROM pyerlnode_store"
_SET_NEW = "INSERT INTO pyerlnode_store (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
_SET_OLD = "UPDATE pyerlnode_store SET value = ? WHERE key = ? AND value = ?"

# By absolute path.  Without a store that uses it an executor goes, and its thread with it.
_threads: WeakValueDictionary[str, ThreadPoolExecutor] = WeakValueDictionary()


class SQLiteStore(Store):
    """A connection that only the file's thread uses."""

    def __init__(self, name: str, timeout: float, path: Path) -> None:
        """`_connect` makes the connection."""
        super().__init__(name, timeout)
        self._path = path
        self._thread = _thread(path)
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    async def connect(self) -> None:
        """Open the file, or make it; StoreError if that cannot be done."""
        if not self._path.parent.is_dir():
            where = "" if self._path.is_absolute() else "; a file is absolute with a fourth slash"
            raise self._error(f"there is no directory {self._path.parent.absolute()}{where}")
        try:
            await self._in_thread(self._connect)
        except BaseException:
            self._abandon()
            raise

    def _connect(self) -> None:
        # Autocommit: each statement is a transaction of its own.
        self._connection = connection = sqlite3.connect(
            self._path, timeout=self.timeout, isolation_level=None, check_same_thread=False
        )
        [mode] = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise sqlite3.OperationalError(f"the file system takes no write-ahead log, but {mode}")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(_CREATE)
        connection.execute(f"{_ALL} LIMIT 1")  # a table of that name may be somebody else's

    async def _in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        if self._closed:
            raise self._error("it is closed")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.timeout):
                return await loop.run_in_executor(self._thread, function, *args)
        except TimeoutError:
            raise self._error(f"no answer within {self.timeout:g} s") from None
        except sqlite3.Error as error:
            raise self._error(error) from None

    async def _run(self, statement: str, *values: bytes) -> tuple[list[tuple[bytes, ...]], int]:
        """Rows, and how many rows were changed."""
        result: tuple[list[tuple[bytes, ...]], int] = await self._in_thread(self._execute, statement, values)
        return result

    def _execute(self, statement: str, values: tuple[bytes, ...]) -> tuple[list[tuple[bytes, ...]], int]:
        if self._connection is None:
            raise sqlite3.ProgrammingError("it is closed")
        cursor = self._connection.execute(statement, values)
        return cursor.fetchall(), cursor.rowcount

    async def _read(self, key: bytes) -> bytes | None:
        rows, _ = await self._run(_READ, key)
        return rows[0][0] if rows else None

    async def _write(self, key: bytes, value: bytes) -> None:
        await self._run(_WRITE, key, value)

    async def _delete(self, key: bytes) -> None:
        await self._run(_DELETE, key)

    async def _all(self) -> list[tuple[bytes, bytes]]:
        rows, _ = await self._run(_ALL)
        return [(key, value) for key, value in rows]

    async def _swap(self, key: bytes, old: bytes | None, new: bytes) -> bool:
        if old is None:
            _, changed = await self._run(_SET_NEW, key, new)
        else:
            _, changed = await self._run(_SET_OLD, new, key, old)
        return changed == 1

    def _abandon(self) -> None:
        if not self._closed:
            self._closed = True
            self._thread.submit(self._disconnect)

    def _disconnect(self) -> None:
        """The last thing that the thread does for this store."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # what was asked for is on the disk already
                connection.close()


def _thread(path: Path) -> ThreadPoolExecutor:
    key = str(path.absolute())
    found = _threads.get(key)
    if found is None:
        found = _threads[key] = ThreadPoolExecutor(1, thread_name_prefix=f"pyerlnode {path.name}")
    return found


async def open_store(url: str, timeout: float) -> SQLiteStore:
    """Open `sqlite:///FILE`: what comes after the third slash is the file, relative or absolute."""
    parts = split(url)
    file = unquote(parts.path.removeprefix("/"))
    if parts.netloc or parts.query or not url.startswith("sqlite:///") or not file:
        raise StoreError(
            f"{url!r}: sqlite:///FILE is expected, with a fourth slash where FILE is absolute, and no options"
        )
    store = SQLiteStore(url, timeout, Path(file))
    await store.connect()
    return store
