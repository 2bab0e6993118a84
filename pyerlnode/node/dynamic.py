"""Names for nodes that come without one and ask the first node they connect to.

A name that is free again goes to the next that asks from the same host, with a new
creation: whoever asks over and over makes no new atoms, and pids of the name's
earlier owner belong to nobody.

Source: ERTS manual, "Distribution Protocol", Distribution Handshake (NAME_ME); what
OTP 27 gives was seen on the wire.
Proof: tests/node/test_dynamic_names.py.
"""

from __future__ import annotations

import secrets
import string
import time

from pyerlnode.errors import ConfigError, HandshakeError
from pyerlnode.node import names

__all__ = ["DynamicNames"]

_DIGITS = string.digits + string.ascii_uppercase
_LENGTH = 13
# Names kept for the next one that asks, over all hosts.
_MAX_FREE = 1024


class DynamicNames:
    """The names that this node has given, and those that are free again."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._free: dict[str, list[str]] = {}
        self._creation = int(time.time())

    def give(self, host: str) -> tuple[str, int]:
        """A name at `host` that nobody has, and its creation; HandshakeError for an impossible host."""
        free = self._free.get(host)
        name = free.pop() if free else self._new(host)
        if free is not None and not free:
            del self._free[host]
        self._given.add(name)
        self._creation = self._creation % 0xFFFFFFFF + 1
        return name, self._creation

    def _new(self, host: str) -> str:
        name = "".join(secrets.choice(_DIGITS) for _ in range(_LENGTH)) + "@" + host
        try:
            names.split(name)
        except ConfigError as error:
            raise HandshakeError(f"no name for a node at {host[:64]!r}: {error}") from None
        return name

    def take_back(self, name: str) -> None:
        """The node that was given `name` is gone; nothing if it was not given here."""
        if name not in self._given:
            return
        self._given.discard(name)
        if sum(map(len, self._free.values())) < _MAX_FREE:
            self._free.setdefault(names.split(name)[1], []).append(name)
