"""The options with which Elixir's GenServer, and what is built on it, is started.

Source: GenServer of Elixir, options().
Proof: tests/services/test_builtins_registry.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.errors import BadArg
from pyerlnode.term import Atom, Term

__all__ = ["keywords", "start_options"]

# They tune a BEAM, or print: known, and without meaning here.
_IGNORED = ("debug", "spawn_opt", "hibernate_after")


def keywords(options: Term) -> dict[str, Any]:
    """A keyword list as a dict, the first of two with the same key; BadArg for what is none."""
    pairs: dict[str, Any] = {}
    if not isinstance(options, list):
        raise BadArg(f"a keyword list is wanted, not {options!r}")
    for pair in options:
        if type(pair) is not tuple or len(pair) != 2 or type(pair[0]) is not Atom:
            raise BadArg(f"a keyword list is wanted, not one with {pair!r}")
        pairs.setdefault(str(pair[0]), pair[1])
    return pairs


def start_options(options: Term = ()) -> dict[str, Any]:
    """`name` and `timeout` (seconds) out of a keyword list with milliseconds; BadArg for others."""
    given = keywords(options or [])
    unknown = [key for key in given if key not in ("name", "timeout", *_IGNORED)]
    if unknown:
        raise BadArg(f"a start has no option {unknown[0]!r}")
    timeout = given.get("timeout")
    seconds = None if timeout is None or timeout == "infinity" else timeout / 1000
    return {"name": given.get("name"), "timeout": seconds}
