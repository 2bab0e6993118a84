"""How much a closure may take: checked before an operation, never after it.

Who has the cookie may run closures, and a closure of one line can ask for more memory
than a machine has.  `current` holds the limits of this program; a function that makes
something large asks one of the `check_` functions first, which raise `system_limit`.

Proof: tests/services/evaluator/test_closure_limits.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyerlnode.errors import ErlangError, Exit
from pyerlnode.term import Atom

__all__ = ["Limits", "Stopped", "check_binary", "check_integer", "check_length", "current", "set_limits"]

SYSTEM_LIMIT: Final = Atom("system_limit")


class Stopped(Exit):
    """The end of a closure that took too much; it cannot catch it."""


@dataclass(frozen=True)
class Limits:
    """What one closure may use; `processes` is of the whole program, `timers` of a process.

    `mailbox` counts the messages that wait while a closure is in `receive`.
    """

    steps: int = 5_000_000
    entries: int = 200_000  # of the machine's stack
    integer_bits: int = 65_536
    binary_bytes: int = 16 * 1024 * 1024
    length: int = 1_000_000  # elements of a list, pairs of a map
    mailbox: int = 10_000
    processes: int = 1_000
    timers: int = 1_000


_limits = Limits()


def current() -> Limits:
    """The limits in force."""
    return _limits


def set_limits(limits: Limits) -> Limits:
    """Put other limits in force; gives the ones before."""
    global _limits
    before, _limits = _limits, limits
    return before


def check_integer(bits: int) -> None:
    """Before an integer of so many bits is made: error `system_limit` if that is too many."""
    if bits > _limits.integer_bits:
        raise ErlangError(SYSTEM_LIMIT)


def check_binary(size: int) -> None:
    """Before a binary of so many bytes is made."""
    if size > _limits.binary_bytes:
        raise ErlangError(SYSTEM_LIMIT)


def check_length(length: int) -> None:
    """Before a list of so many elements, or a map of so many pairs, is made."""
    if length > _limits.length:
        raise ErlangError(SYSTEM_LIMIT)
