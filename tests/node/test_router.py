"""Signals that a peer cannot be sent, and lists of nodes, without any socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from pyerlnode.errors import UsageError
from pyerlnode.node.link import Link
from pyerlnode.node.router import Router
from pyerlnode.process.runtime import Runtime
from pyerlnode.protocol.control import AliasSend, SpawnReply, SpawnRequest
from pyerlnode.protocol.control import Link as LinkSignal
from pyerlnode.protocol.events import Peer
from pyerlnode.protocol.flags import MANDATORY
from pyerlnode.term import Atom, Pid, Reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.protocol.control import Control

ALEX = Atom("alex@localhost")
PID = Pid(Atom("kate@localhost"), 1, 0, 1)
FAR = Pid(ALEX, 1, 0, 1)
REF = Reference(Atom("kate@localhost"), 1, (1, 2, 3))


class SimplePeer(Link):
    """A link to a node that offers little; what reaches it is kept."""

    def __init__(self) -> None:
        self.kept: list[Control] = []
        self.node, self.visible, self.closed, self.busy = ALEX, True, False, False
        self.reason = Atom("connection_closed")

    def send(self, control: Control) -> None:
        if isinstance(control, (AliasSend, SpawnRequest, LinkSignal)):
            raise UsageError("not negotiated")
        self.kept.append(control)

    def go_up(self, owner: Any, node: Atom, visible: bool, busy_limit: int = 0) -> None:
        self.owner = owner


class NoDialler:
    """Nothing waits for a connection."""

    def enqueue(self, node: Atom, control: Control) -> int:
        raise AssertionError

    def is_wanted(self, node: str) -> bool:
        return False

    def connect_soon(self, node: Atom, failed: Callable[[], object]) -> None:
        raise AssertionError

    def connected(self, node: Atom, link: Link) -> None:
        pass


class Hearing(Runtime):
    """Keeps the first signal for a local process."""

    heard: asyncio.Future[Control]

    def receive_signal(self, node: Atom, control: Control) -> None:
        self.heard.set_result(control)


@pytest.fixture
async def router() -> Router:
    router = Router(Hearing("kate@localhost", 1))
    router.dialler = NoDialler()
    router.link_up(SimplePeer(), Peer(ALEX, 1, MANDATORY, True))
    return router


async def test_a_peer_without_spawn_gives_notsup_as_on_a_beam(router: Router) -> None:
    answered: asyncio.Future[Control] = asyncio.get_running_loop().create_future()
    assert isinstance(router.runtime, Hearing)
    router.runtime.heard = answered
    router.signal(ALEX, SpawnRequest(REF, PID, PID, Atom("m"), Atom("f"), 0, [], []))
    assert not answered.done()
    assert await answered == SpawnReply(REF, PID, 0, Atom("notsup"))


async def test_a_peer_without_aliases_is_sent_none(router: Router) -> None:
    router.signal(ALEX, AliasSend(PID, REF, "late"))
    link = router.link_of(ALEX)
    assert isinstance(link, SimplePeer) and link.kept == []


async def test_a_signal_that_no_peer_could_be_sent_is_the_callers_fault(router: Router) -> None:
    with pytest.raises(UsageError):
        router.signal(ALEX, LinkSignal(FAR, PID))


async def test_a_kind_of_nodes_that_there_is_not_is_refused(router: Router) -> None:
    with pytest.raises(ValueError, match="'green': visible, hidden, connected or known"):
        router.nodes("green")
    assert router.nodes() == [ALEX] and router.nodes("hidden") == []
    assert router.is_connected(ALEX)
    router.connect_soon(ALEX, lambda: None)


async def test_of_the_nodes_that_are_gone_only_the_last_are_known(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyerlnode.node.router._MAX_KNOWN", 3)
    for number in range(6):
        link = SimplePeer()
        link.node = Atom(f"n{number}@localhost")
        router.link_up(link, Peer(link.node, 1, MANDATORY, True))
        router.link_down(link, None)
    here = router.runtime.name
    assert router.nodes("known") == [here, ALEX, "n3@localhost", "n4@localhost", "n5@localhost"]
