"""The store `postgresql://USER:PASSWORD@HOST/DATABASE`, by psycopg 3.

Each operation is one statement that commits by itself, so `put` returns when the server
has the change on its disk.  A connection that is lost, because the server was restarted
perhaps, is made anew while the time of the operation lasts; reading and `put` are then
done again, the last step of `update` is not, as it may have been done.

What a server that was killed has sent is cancelled, and who opens the same database in
this program next waits for the end of that: nothing of the old comes after the new.

Everything that libpq takes in a URL can be given, also `?host=/run/postgresql`.

Proof: tests/otp/store/test_postgresql.py, interop/test_durable.py.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from pyerlnode.errors import StoreError
from pyerlnode.otp.store.sql import SqlStore, Statements
from pyerlnode.otp.store.url import shown

try:
    import psycopg
except ImportError as missing:
    raise StoreError(
        f"postgresql:// needs psycopg 3: pip install 'pyerlnode[postgresql]' ({missing})"
    ) from None


__all__ = ["PostgreSQLStore", "open_store"]

_EXISTS = "SELECT to_regclass('pyerlnode_store') IS NOT NULL"
_CREATE = "CREATE TABLE IF NOT EXISTS pyerlnode_store (key bytea PRIMARY KEY, value bytea NOT NULL)"

# What comes of making the table when another program does so at the same time.
_MADE_BY_ANOTHER = (
    psycopg.errors.DuplicateObject,
    psycopg.errors.DuplicateTable,
    psycopg.errors.UniqueViolation,
)

# Between two attempts to get a lost connection back, in seconds.
RETRY_TIME = 0.1

# Closed, but a statement of theirs is still under way.
_leaving: WeakSet[PostgreSQLStore] = WeakSet()


class PostgreSQLStore(SqlStore):
    """One connection; operations of several tasks of its server come one after the other."""

    statements = Statements("%s")

    def __init__(self, name: str, timeout: float, url: str) -> None:
        """`connect` makes the connection; `url` may hold a password, `name` does not."""
        super().__init__(name, timeout)
        self._url = url
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._closed = False
        self._lock = asyncio.Lock()
        self._loop = asyncio.get_running_loop()

    async def connect(self) -> None:
        """Connect and see to the table; StoreError, without a second attempt, if that cannot be done."""
        try:
            await self._connect(self._deadline())
            [[exists]], _ = await self._run(_EXISTS)
            if not exists:
                await self._run(_CREATE, harmless=_MADE_BY_ANOTHER)
            await self._run(f"{self.statements.all} LIMIT 0")  # a table of that name may be somebody else's
        except psycopg.Error as error:
            raise self._error(error) from None
        except BaseException:
            self._abandon()
            raise

    async def after_others(self) -> None:
        """Wait for the statements of closed stores on this database."""
        try:
            async with asyncio.timeout(self.timeout):
                for other in list(_leaving):
                    if other._url == self._url and other._loop is self._loop:
                        async with other._lock:
                            _leaving.discard(other)
        except TimeoutError:
            raise self._error("the last statement of the server before this one does not end") from None

    def _deadline(self) -> float:
        return self._loop.time() + self.timeout

    async def _connect(self, deadline: float) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        try:
            async with asyncio.timeout_at(deadline):
                self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        except TimeoutError:
            raise self._no_answer() from None
        return self._connection

    def _no_answer(self) -> StoreError:
        return self._error(f"no answer within {self.timeout:g} s")

    # --- statements -------------------------------------------------------------------

    async def _run(
        self,
        statement: str,
        *values: bytes,
        again: bool = True,
        harmless: tuple[type[psycopg.Error], ...] = (),
    ) -> tuple[list[tuple[Any, ...]], int]:
        """Rows, and how many were changed; with `again` it is done anew after a loss of the connection."""
        async with self._lock:
            deadline = self._deadline()
            try:
                while True:
                    connection = await self._connected(deadline)
                    try:
                        return await self._execute(connection, deadline, statement, values)
                    except harmless:
                        return [], 0
                    except psycopg.Error as error:
                        self._check_lost(connection, deadline, error, again)
            finally:
                if self._closed:
                    self._disconnect()

    async def _connected(self, deadline: float) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        """The connection; a new one if it was lost."""
        if self._closed:
            raise self._error("it is closed")
        if self._connection is not None and not self._connection.closed:
            return self._connection
        while True:
            try:
                return await self._connect(deadline)
            except psycopg.Error as error:
                if self._loop.time() + RETRY_TIME >= deadline:
                    raise self._error(
                        f"the connection was lost and is not back after {self.timeout:g} s: {error}"
                    ) from None
            await asyncio.sleep(RETRY_TIME)

    async def _execute(
        self,
        connection: psycopg.AsyncConnection[tuple[Any, ...]],
        deadline: float,
        statement: str,
        values: tuple[bytes, ...],
    ) -> tuple[list[tuple[Any, ...]], int]:
        # Cancelling asks the server to stop, and waits for that: one that is silent is hung up on.
        watch = self._loop.call_at(deadline, _hang_up, connection)
        try:
            cursor = await connection.execute(statement.encode(), values)
            rows = [] if cursor.description is None else await cursor.fetchall()
            return rows, cursor.rowcount
        finally:
            watch.cancel()

    def _check_lost(
        self,
        connection: psycopg.AsyncConnection[tuple[Any, ...]],
        deadline: float,
        error: psycopg.Error,
        again: bool,
    ) -> None:
        """Return if the statement is to be done again, raise StoreError if not."""
        if not connection.closed:
            raise self._error(error) from None
        if self._loop.time() >= deadline:
            raise self._no_answer() from None
        if not again:
            raise self._error(f"the connection was lost, the change may have been made: {error}") from None

    # --- the end ----------------------------------------------------------------------

    def _abandon(self) -> None:
        self._closed = True
        if self._lock.locked():
            _leaving.add(self)  # what is under way is cancelled with its process, and disconnects then
        else:
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.pgconn.finish()


def _hang_up(connection: psycopg.AsyncConnection[Any]) -> None:
    """Let whoever waits for the server see the end of the connection, whose descriptor stays in use."""
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as channel:
        channel.shutdown(socket.SHUT_RDWR)


async def open_store(url: str, timeout: float) -> PostgreSQLStore:
    """Connect to the database of `url`."""
    store = PostgreSQLStore(shown(url), timeout, url)
    await store.after_others()
    await store.connect()
    return store
