"""Exceptions as a prompt shows them: what was typed and what it called, without the frames of this package.

Proof: tests/services/test_shell.py.
"""

from __future__ import annotations

import linecache
import os
import traceback
from pathlib import Path
from typing import Final

__all__ = ["forget", "remember", "text"]

_PACKAGE: Final = Path(__file__).resolve().parents[2]
# What was compiled knows its source from where the package stands.
_OURS: Final = (str(_PACKAGE), str(Path(_PACKAGE.name, "")) + os.sep)


def remember(filename: str, source: str) -> None:
    """Let tracebacks show the lines of what was typed."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)


def forget(filename: str) -> None:
    """Nobody will ask for these lines any more."""
    linecache.cache.pop(filename, None)


def text(error: BaseException) -> str:
    """The traceback with a newline at its end."""
    made = traceback.TracebackException.from_exception(error)
    seen: set[int] = set()
    todo = [made]
    while todo:
        each = todo.pop()
        if id(each) not in seen:
            seen.add(id(each))
            _shorten(each)
            todo += [other for other in (each.__cause__, each.__context__) if other is not None]
            todo += each.exceptions or ()
    return "".join(made.format())


def _shorten(made: traceback.TracebackException) -> None:
    kept = [frame for frame in made.stack if not _is_ours(frame.filename)]
    made.stack = traceback.StackSummary.from_list(kept)


def _is_ours(filename: str) -> bool:
    return filename.startswith(_OURS)
