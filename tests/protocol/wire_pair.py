"""Two Connections wired to each other, and shorthands for the tests beside this file."""

from __future__ import annotations

from typing import Any

from pyerlnode.protocol import (
    OFFERED_VISIBLE,
    Connection,
    DistFlag,
    Event,
    LocalNode,
    NameReceived,
    Settings,
    State,
    Status,
)
from pyerlnode.term import Pid, Reference

KATE = "kate@localhost"
ALEX = "alex@localhost"
COOKIE = "secret"

CACHE = DistFlag.DIST_HDR_ATOM_CACHE
FRAGMENTS = DistFlag.FRAGMENTS


def kate(number: int = 1) -> Pid:
    return Pid(KATE, number, 0, 11)


def alex(number: int = 1) -> Pid:
    return Pid(ALEX, number, 0, 22)


def ref(node: str = KATE, *words: int) -> Reference:
    return Reference(node, 11 if node == KATE else 22, words or (1, 2, 3))


class Pair:
    """kate connects to alex; `pump` carries bytes until both are silent."""

    def __init__(
        self,
        flags: DistFlag = OFFERED_VISIBLE,
        alex_flags: DistFlag = OFFERED_VISIBLE,
        *,
        cookie: str = COOKIE,
        prefix: int = 2,
        settings: Settings | None = None,
        status: Status = Status.OK,
        local: LocalNode | None = None,
    ) -> None:
        self.now = 0.0
        self.cookie = cookie
        self.status = status
        self.naming: dict[str, Any] = {}
        local = local or LocalNode(KATE, 11, flags)
        settings = settings or Settings()
        self.kate = Connection.initiator(local, ALEX, COOKIE, self.now, prefix=prefix, settings=settings)
        self.alex = Connection.acceptor(
            LocalNode(ALEX, 22, alex_flags), self.now, prefix=prefix, settings=settings
        )
        self.at_kate: list[Event] = []
        self.at_alex: list[Event] = []

    def pump(self, limit: int | None = None) -> None:
        while True:
            to_alex = self.kate.data_to_send(limit)
            to_kate = self.alex.data_to_send(limit)
            if not to_alex and not to_kate:
                return
            if to_alex:
                self.at_alex += self._decide(self.alex.receive(to_alex, self.now))
            if to_kate:
                self.at_kate += self.kate.receive(to_kate, self.now)

    def _decide(self, events: list[Event]) -> list[Event]:
        if any(isinstance(event, NameReceived) for event in events):
            self.alex.accept(self.status, self.cookie, **self.naming)
        return events

    def up(self) -> Pair:
        self.pump()
        assert self.kate.state is self.alex.state is State.UP
        self.at_kate.clear()
        self.at_alex.clear()
        return self

    def carried(self) -> tuple[list[Event], list[Event]]:
        """Pump, and take what arrived at kate and at alex."""
        self.pump()
        arrived = self.at_kate, self.at_alex
        self.at_kate, self.at_alex = [], []
        return arrived
