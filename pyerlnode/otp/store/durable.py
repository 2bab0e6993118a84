"""A GenServer whose attributes outlive it.

    class Counter(Durable):
        async def init(self, url: str) -> None:
            await self.restore(url, Atom("counter"), count=0)

        @on_call
        def get(self) -> int:
            return self.count

        @on_cast
        def inc(self) -> None:
            self.count += 1

`restore` opens the store and sets the attributes that it names: to what was kept, else to
the values given.  After every callback that has changed one of them, they are kept, and
only then the caller gets its reply and the next message is handled.  A change that could
not be kept ends the server with the StoreError, and no caller is told that it was made.
One callback's change is kept whole or not at all; that of one that raises is not.

What is kept under the key is a map, `%{count: 3}`, so the attributes hold terms: text
comes back as bytes.  It is encoded after each callback, which costs time where it is
large: a store used directly is the better choice then, and where others write to the
same key.

Proof: tests/otp/store/test_durable.py.
"""

from __future__ import annotations

import functools
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import StoreError
from pyerlnode.otp.dispatch import is_marked
from pyerlnode.otp.gen_server import GenServer
from pyerlnode.otp.store.base import TIMEOUT, Store
from pyerlnode.term import Atom, Map, Term, encode, to_elixir

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Durable"]

_CALLBACKS: Final = frozenset({"handle_call", "handle_cast", "handle_info", "handle_continue"})


class _Kept:
    """Where the attributes are kept, and what is there."""

    __slots__ = ("busy", "key", "names", "saved", "store")

    def __init__(self, store: Store, key: Term, names: tuple[str, ...]) -> None:
        self.store = store
        self.key = key
        self.names = names
        self.saved = b""
        self.busy = False  # a callback is under way

    def state(self, server: Durable) -> dict[Term, Term]:
        """What is to be kept."""
        return {Atom(name): getattr(server, name) for name in self.names}


class Durable(GenServer):
    """Derive from it in the place of GenServer, and await `restore` in `init`."""

    __slots__ = ("__kept",)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, member in list(vars(cls).items()):
            if name in _CALLBACKS or is_marked(cls, name):
                setattr(cls, name, _keeping(member))

    async def restore(self, url: str, key: Term, *, timeout: float = TIMEOUT, **attributes: Term) -> None:
        """Open the store and set the attributes: to what is kept under `key`, else to the values given.

        StoreError if the store cannot be opened, or if something else is kept there.
        """
        store = await Store.open(url, timeout=timeout)
        found = await store.get(key, {})
        if not isinstance(found, (dict, Map)):
            raise StoreError(
                f"{store.name}: {to_elixir(key)} has no map of attributes, but {to_elixir(found)}"
            )
        for name, value in attributes.items():
            setattr(self, name, found.get(Atom(name), value))
        self.__kept = kept = _Kept(store, key, tuple(attributes))
        kept.saved = encode(kept.state(self))

    async def save(self) -> None:
        """Keep the attributes now: before a `GenServer.reply` in a callback, say, which sends at once."""
        state = self.__kept.state(self)
        await self.__kept.store.put(self.__kept.key, state)
        self.__kept.saved = encode(state)

    def _call(self, callback: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kept: _Kept | None = getattr(self, "_Durable__kept", None)
        if kept is None or kept.busy:
            # Before `restore`, or a callback that was called by another: that one's end counts.
            return callback(self, *args, **kwargs)
        kept.busy = True
        try:
            result = callback(self, *args, **kwargs)
            if type(result) is CoroutineType or encode(kept.state(self)) != kept.saved:
                result = self._finish(result, kept)
        finally:
            kept.busy = False
        return result

    async def _finish(self, result: Any, kept: _Kept) -> Any:
        """What the callback gives, when that is kept which it has changed."""
        if type(result) is CoroutineType:
            kept.busy = True
            try:
                result = await result
            finally:
                kept.busy = False
        if encode(kept.state(self)) != kept.saved:
            await self.save()
        return result


def _keeping(callback: Callable[..., Any]) -> Callable[..., Any]:
    """The callback, but what it has changed is kept before its result counts."""

    @functools.wraps(callback)
    def keeping(self: Durable, *args: Any, **kwargs: Any) -> Any:
        return self._call(callback, args, kwargs)

    return keeping
