"""What the stores in SQL databases share: a table of keys and values, and the statements on it.

Proof: tests/otp/store/test_stores.py, for each kind of store.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from pyerlnode.otp.store.base import Store

__all__ = ["SqlStore", "Statements"]


class Statements:
    """The statements, with `mark` where a value is put in."""

    def __init__(self, mark: str) -> None:
        insert = f"INSERT INTO pyerlnode_store (key, value) VALUES ({mark}, {mark}) ON CONFLICT (key)"
        self.read = f"SELECT value FROM pyerlnode_store WHERE key = {mark}"
        self.write = f"{insert} DO UPDATE SET value = excluded.value"
        self.delete = f"DELETE FROM pyerlnode_store WHERE key = {mark}"
        self.all = "SELECT key, value FROM pyerlnode_store"
        self.set_new = f"{insert} DO NOTHING"
        self.set_old = f"UPDATE pyerlnode_store SET value = {mark} WHERE key = {mark} AND value = {mark}"


class SqlStore(Store):
    """A store whose operations are one statement each."""

    statements: ClassVar[Statements]

    @abstractmethod
    async def _run(
        self, statement: str, *values: bytes, again: bool = True
    ) -> tuple[list[tuple[Any, ...]], int]:
        """Rows, and how many were changed; not `again`: it must not be done a second time."""

    async def _read(self, key: bytes) -> bytes | None:
        rows, _ = await self._run(self.statements.read, key)
        return rows[0][0] if rows else None

    async def _write(self, key: bytes, value: bytes) -> None:
        await self._run(self.statements.write, key, value)

    async def _delete(self, key: bytes) -> None:
        await self._run(self.statements.delete, key)

    async def _all(self) -> list[tuple[bytes, bytes]]:
        rows, _ = await self._run(self.statements.all)
        return [(key, value) for key, value in rows]

    async def _swap(self, key: bytes, old: bytes | None, new: bytes) -> bool:
        if old is None:
            _, changed = await self._run(self.statements.set_new, key, new, again=False)
        else:
            _, changed = await self._run(self.statements.set_old, new, key, old, again=False)
        return changed == 1
