"""What every store does: terms in, terms out, and the end of who opened it.

A store holds pairs of byte strings, the external term format of key and value, so that
whoever can read a term can read the store (docs/store.md shows the layouts).  Each kind
of store supplies six operations on bytes; the last, `_swap`, is what makes `update` one
step for everybody who uses the store, in any language.

Proof: tests/otp/store/test_stores.py, for every kind of store.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from pyerlnode.errors import StoreError, TermDecodeError
from pyerlnode.process import this_process
from pyerlnode.term import Term, decode, encode, to_elixir

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.process import Process

__all__ = ["Store"]

# How long one operation may take, in seconds: as long as a GenServer.call waits.
TIMEOUT = 5.0


class Store(ABC):
    """Keys and values are terms; `Store.open` makes one.

    What is read is what another node would have sent: text comes back as bytes, and a
    mutable value is a copy.  A store belongs to the process that opened it and is
    closed when that ends, however it does.  Every operation raises StoreError when it
    cannot be done; then it is open whether a change was made, unless the message says
    so, and a server does best to end and to begin anew.
    """

    def __init__(self, name: str, timeout: float) -> None:
        """`name` is how messages call it: a URL without a password."""
        self.name = name
        self.timeout = timeout
        self._owner: Process | None = None

    def __repr__(self) -> str:
        return f"<Store {self.name}>"

    @staticmethod
    async def open(url: str, *, timeout: float = TIMEOUT) -> Store:
        """Open the store that `url` names; it and its table are made if they are not there.

        StoreError, which says what was expected and what came, for an unknown scheme and
        for what cannot be opened.  Neither this nor any operation waits longer than
        `timeout` seconds for an answer.
        """
        from pyerlnode.otp.store.url import opener  # which imports this module

        owner = this_process()
        owner.check_may_wait("Store.open")
        store = await opener(url)(url, timeout)
        store._belong_to(owner)
        return store

    def _belong_to(self, owner: Process) -> None:
        if not owner.alive:
            self._abandon()
        owner.call_at_end(self._owner_ended)
        self._owner = owner

    def _owner_ended(self, owner: Process) -> None:
        self._owner = None
        self._abandon()

    # --- terms ------------------------------------------------------------------------

    async def get(self, key: Term, default: Any = None) -> Any:
        """The value of a key; `default` if there is none."""
        found = await self._read(encode(key))
        return default if found is None else self._term(key, found)

    async def put(self, key: Term, value: Term) -> None:
        """Set the value of a key; when this returns, it is kept."""
        await self._write(encode(key), encode(value))

    async def delete(self, key: Term) -> None:
        """Take a key out; nothing if it is not there."""
        await self._delete(encode(key))

    async def items(self) -> list[tuple[Term, Any]]:
        """All keys with their values, in no particular order."""
        pairs = []
        for key, value in await self._all():
            try:
                term = decode(key)
            except TermDecodeError as error:
                raise self._error(f"a key there is no term: {error}") from None
            pairs.append((term, self._term(term, value)))
        return pairs

    async def update(self, key: Term, change: Callable[[Any], Term], default: Any = None) -> Any:
        """Set a key to `change(value)`, as one step for all who use the store; the new value.

        `change` gets `default` where there is no value.  It runs once more whenever
        somebody else has set the key meanwhile, so it must do nothing but compute.
        """
        encoded = encode(key)
        while True:
            old = await self._read(encoded)
            value = change(default if old is None else self._term(key, old))
            if await self._swap(encoded, old, encode(value)):
                return value

    async def close(self) -> None:
        """Close it now; the end of its process does as well."""
        if self._owner is not None:
            self._owner.forget_at_end(self._owner_ended)
            self._owner = None
        self._abandon()

    def _term(self, key: Term, data: bytes) -> Any:
        try:
            return decode(data)
        except TermDecodeError as error:
            raise self._error(f"what is kept under {to_elixir(key)} is no term: {error}") from None

    def _error(self, problem: object) -> StoreError:
        # One line: messages of libpq have several.
        return StoreError(f"{self.name}: {' '.join(str(problem).split())}")

    # --- what a kind of store does --------------------------------------------------------

    @abstractmethod
    async def _read(self, key: bytes) -> bytes | None:
        """The value of a key."""

    @abstractmethod
    async def _write(self, key: bytes, value: bytes) -> None:
        """Set a key, whatever it was."""

    @abstractmethod
    async def _delete(self, key: bytes) -> None:
        """Take a key out."""

    @abstractmethod
    async def _all(self) -> list[tuple[bytes, bytes]]:
        """All pairs."""

    @abstractmethod
    async def _swap(self, key: bytes, old: bytes | None, new: bytes) -> bool:
        """Set a key if its value is `old` (None: if there is none); whether it was."""

    @abstractmethod
    def _abandon(self) -> None:
        """Give back what is open, without waiting; nothing if that has been done."""
