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

__all__ = ["IMPLEMENTATION", "native"]

_NAME = "pyerlnode.term._native"


def _load() -> ModuleType | None:
    if os.environ.get("PYERLNODE_PURE") == "1":
        return None
    try:
        return import_module(_NAME)
    except ModuleNotFoundError as error:
        # Not built is no error; built, but missing what it imports, is one.
        if error.name != _NAME:
            raise
        return None


native: Final = _load()
IMPLEMENTATION: Final[Literal["native", "pure"]] = "pure" if native is None else "native"
