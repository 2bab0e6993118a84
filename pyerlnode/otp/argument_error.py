"""Elixir's ArgumentError, for what its own modules refuse with a sentence.

Source: the ArgumentErrors that Elixir's GenServer, Registry and PartitionSupervisor raise.
Proof: tests/otp/test_gen_server_starting.py, tests/otp/test_registry.py.
"""

from __future__ import annotations

from pyerlnode.errors import BadArg
from pyerlnode.term import Atom, Term, to_elixir

__all__ = ["argument_error", "shown"]


def shown(name: Term) -> str:
    """A name as Elixir's messages have it."""
    return to_elixir(Atom(name) if isinstance(name, str) else name)


def argument_error(message: str) -> BadArg:
    """Elixir's ArgumentError."""
    struct = {
        Atom("__struct__"): Atom("Elixir.ArgumentError"),
        Atom("__exception__"): True,
        Atom("message"): message.encode("utf-8", "backslashreplace"),
    }
    return BadArg(message, struct)
