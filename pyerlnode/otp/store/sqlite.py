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
from pyerlnode.otp.store.sql import SqlStore, Statements
from pyerlnode.otp.store.url import split

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SQLiteStore", "open_store"]

_CREATE = """
CREATE TABLE IF NOT EXISTS pyerlnode_store (key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID
"""

# By absolute path.  Without a store that uses it an executor goes, and its thread with it.
_threads: WeakValueDictionary[str, ThreadPoolExecutor] = WeakValueDictionary()


class SQLiteStore(SqlStore):
    """A connection that only the file's thread uses."""

    statements = Statements("?")

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
        connection.execute(f"{self.statements.all} LIMIT 1")  # a table of that name may be somebody else's

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

    async def _run(
        self, statement: str, *values: bytes, again: bool = True
    ) -> tuple[list[tuple[bytes, ...]], int]:
        """Rows, and how many rows were changed; a file is not lost on the way, so nothing is done again."""
        result: tuple[list[tuple[bytes, ...]], int] = await self._in_thread(self._execute, statement, values)
        return result

    def _execute(self, statement: str, values: tuple[bytes, ...]) -> tuple[list[tuple[bytes, ...]], int]:
        if self._connection is None:
            raise sqlite3.ProgrammingError("it is closed")
        cursor = self._connection.execute(statement, values)
        return cursor.fetchall(), cursor.rowcount

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
