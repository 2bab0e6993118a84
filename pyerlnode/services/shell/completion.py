"""What TAB adds to a line: names, and attributes of what has a name.

Proof: tests/services/test_shell.py, interop/test_remsh.py.
"""

from __future__ import annotations

import re
import rlcompleter
from typing import Any, NamedTuple

__all__ = ["Completion", "complete"]

_TAIL = re.compile(r"[^\W\d][\w.]*\Z")
_INDENT = "    "


class Completion(NamedTuple):
    """`insert` goes in behind the cursor; `choices` are shown where there are several."""

    found: bool
    insert: str
    choices: list[str]


def complete(before: str, namespace: dict[str, Any]) -> Completion:
    """What can follow `before`, the line up to the cursor."""
    tail = _TAIL.search(before)
    if tail is None:
        # Where nothing stands to be completed TAB indents, as at Python's own prompt.
        blank = not before or before[-1].isspace()
        return Completion(blank, _INDENT if blank else "", [])
    typed = tail[0]
    names = _names(typed, namespace)
    insert = _common(names)[len(typed) :]
    return Completion(bool(names), insert, [] if insert or len(names) < 2 else names)


def _common(names: list[str]) -> str:
    """What all of them begin with."""
    if not names:
        return ""
    # Sorted, they differ nowhere earlier than the first and the last.
    first, last = names[0], names[-1]
    length = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), None)
    return first[: min(len(first), len(last)) if length is None else length]


def _names(typed: str, namespace: dict[str, Any]) -> list[str]:
    completer = rlcompleter.Completer(namespace)
    found: list[str] = []
    while (name := _next(completer, typed, len(found))) is not None:
        found.append(name)
    # An opening parenthesis is what rlcompleter adds to what can be called.
    return sorted({name.rstrip("() :") for name in found})


def _next(completer: rlcompleter.Completer, typed: str, state: int) -> str | None:
    try:
        return completer.complete(typed, state)
    except Exception:
        return None  # an attribute of the program's own that cannot be looked at has no names
