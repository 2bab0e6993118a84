"""What a layer above keeps of each runtime, such as the node that it belongs to.

The runtime itself holds it, so that both go together.  A `WeakKeyDictionary` would keep for ever
whatever leads back to its runtime, and most things of a node do.

Proof: tests/process/test_nothing_grows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar, overload

if TYPE_CHECKING:
    from pyerlnode.process.runtime import Runtime

__all__ = ["PerRuntime"]

T = TypeVar("T")
D = TypeVar("D")


class PerRuntime(Generic[T]):
    """Runtime -> T, as far as one was set."""

    def __contains__(self, runtime: Runtime) -> bool:
        return self in runtime.kept

    def __getitem__(self, runtime: Runtime) -> T:
        value: T = runtime.kept[self]
        return value

    def __setitem__(self, runtime: Runtime, value: T) -> None:
        runtime.kept[self] = value

    @overload
    def get(self, runtime: Runtime) -> T | None: ...
    @overload
    def get(self, runtime: Runtime, default: D) -> T | D: ...
    def get(self, runtime: Runtime, default: object = None) -> object:
        """What was set, else `default`."""
        return runtime.kept.get(self, default)

    def setdefault(self, runtime: Runtime, value: T) -> T:
        """What was set, else `value`, which is set then."""
        kept: T = runtime.kept.setdefault(self, value)
        return kept
