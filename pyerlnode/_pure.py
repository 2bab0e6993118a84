"""PYERLNODE_PURE=1: what was compiled from Python is imported from its source.

The codec and the frames have twins in Cython, which `term/_choice.py` leaves alone then; other
modules are compiled as they are (`MODULES` in scripts/hatch_build.py), and would be found so.

Proof: tests/test_compiled.py.
"""

from __future__ import annotations

import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["import_sources"]


class _Sources:
    """Finds the modules of this package by their sources alone."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(f"{__package__}.") or path is None:
            return None
        for directory in path:
            found = FileFinder(directory, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(name)
            if found is not None and found.loader is not None:
                return found
        return None


def import_sources() -> None:
    """From now on, in this program."""
    sys.meta_path.insert(0, _Sources)
