"""The one place that chooses between the native codec and the pure one.

The native one runs where it was built, unless PYERLNODE_PURE is 1.  Everything that goes
with it asks here: the value types (`types.py`), the codec (`_codec.py`), and Erlang's
`=:=` (`_exact.py`).

Proof: tests/term/test_choice.py.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["IMPLEMENTATION", "load", "native"]


def load(name: str) -> ModuleType | None:
    """A compiled module of this package; None where it was not built, or is not wanted."""
    if os.environ.get("PYERLNODE_PURE") == "1":
        return None
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        # Not built is no error; built, but missing what it imports, is one.
        if error.name != name:
            raise
        return None


native: Final = load("pyerlnode.term._native")
IMPLEMENTATION: Final[Literal["native", "pure"]] = "pure" if native is None else "native"
