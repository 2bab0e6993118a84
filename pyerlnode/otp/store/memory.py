"""The store `memory`: a table that outlives who uses it, for as long as the node runs.

A keeper, a process of the node itself that is linked to nobody, owns a public table for
each name.  The heir of its tables is a second process in reserve: when the keeper is
killed it takes over and starts a new reserve, so that only the end of both at once
loses anything.

Proof: tests/otp/store/test_memory.py, interop/test_durable.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.errors import ErlangError, Exit, StoreError
from pyerlnode.otp.dispatch import on_call, on_info
from pyerlnode.otp.ets.table import Table
from pyerlnode.otp.gen_server import GenServer, spawn_server
from pyerlnode.otp.store.base import Store
from pyerlnode.otp.store.url import EXPECTED
from pyerlnode.process import monitor, register, this_process, unregister, whereis
from pyerlnode.process import self as self_pid
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["KEEPER", "RESERVE", "MemoryStore", "open_store"]

KEEPER = Atom("pyerlnode_store")
RESERVE = Atom("pyerlnode_store_reserve")


class MemoryStore(Store):
    """Pairs of encoded terms in a public table, so that nobody waits for anybody."""

    def __init__(self, name: str, timeout: float, table: Table) -> None:
        """`table` belongs to the keeper."""
        super().__init__(name, timeout)
        self._table: Table | None = table

    def _do(self, operation: Callable[[Table], Any]) -> Any:
        if self._table is None:
            raise self._error("it is closed")
        try:
            return operation(self._table)
        except ErlangError as error:
            raise self._error(error) from None

    async def _read(self, key: bytes) -> bytes | None:
        found: bytes | None = self._do(lambda table: table.lookup_element(key, 2, None))
        return found

    async def _write(self, key: bytes, value: bytes) -> None:
        self._do(lambda table: table.insert((key, value)))

    async def _delete(self, key: bytes) -> None:
        self._do(lambda table: table.delete(key))

    async def _all(self) -> list[tuple[bytes, bytes]]:
        pairs: list[tuple[bytes, bytes]] = self._do(lambda table: table.tab2list())
        return pairs

    async def _swap(self, key: bytes, old: bytes | None, new: bytes) -> bool:
        if await self._read(key) != old:
            return False
        await self._write(key, new)  # in memory nothing happens between the two
        return True

    def _abandon(self) -> None:
        self._table = None


class Keeper(GenServer, module="pyerlnode_store"):
    """Owns the tables; one that starts `in_reserve` waits to inherit them."""

    def init(self, in_reserve: bool = False) -> None:
        self.tables: list[Table] = []
        self.reserve: Pid | None = None
        if not in_reserve:
            self.prepare()

    @on_call
    def table(self, name: Atom) -> Atom:
        """Make the table `name` if it is not there."""
        if Table.whereis(name) is None:
            heir = None if self.reserve is None else (self.reserve, name)
            self.tables.append(Table.new(name, named=True, access="public", heir=heir))
        return Atom("ok")

    @on_info("ETS-TRANSFER")
    def inherited(self, tab: Atom, owner: Pid, data: Term) -> None:
        """The keeper has ended: this process is the keeper now."""
        table = Table.whereis(tab)
        if table is not None:
            self.tables.append(table)
        if whereis(RESERVE) == self_pid():
            unregister(RESERVE)
        # Who opened a store in the meantime has started another keeper: then there are two.
        if whereis(KEEPER) is None:
            register(KEEPER, self_pid())
        self.prepare()

    @on_info("DOWN")
    def down(self, ref: Reference, kind: Atom, pid: Pid, reason: Term) -> None:
        """The reserve has ended."""
        if pid == self.reserve:
            self.reserve = None
            self.prepare()

    def prepare(self) -> None:
        """See to it that there is a reserve, and that it is the heir of all tables."""
        if self.reserve is None:
            self.reserve = whereis(RESERVE) or spawn_server(
                this_process().runtime, Keeper, True, name=RESERVE
            )
            monitor(self.reserve)
        for table in self.tables:
            table.set_heir(self.reserve, table.id)


async def open_store(url: str, timeout: float) -> MemoryStore:
    """Open `memory`, the table of the name "", or `memory://NAME`."""
    name = url.removeprefix("memory").removeprefix("://")
    if ":" in name or "/" in name or "?" in name:
        raise StoreError(f"{url!r} is no store: {EXPECTED} is expected")
    tab = Atom(f"{KEEPER}:{name}") if name else KEEPER
    if Table.whereis(tab) is None:
        if whereis(KEEPER) is None:
            spawn_server(this_process().runtime, Keeper, name=KEEPER)
        try:
            await GenServer.call(KEEPER, (Atom("table"), tab), timeout)
        except Exit as error:
            raise StoreError(f"{url}: its keeper does not answer: {error}") from None
    table = Table.whereis(tab)
    if table is None:
        raise StoreError(f"{url}: its keeper has ended")
    return MemoryStore(url, timeout, table)
