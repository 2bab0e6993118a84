"""Connections that this node makes: one attempt per peer, signals queued meanwhile.

    enqueue, connect -> Pending -> look up -> dial -> handshake -> Router.link_up
                          ^                                            |
                          +--- nok, or a peer who dials us: wait ------+

When both sides dial at once the handshake's statuses leave one connection: the node
with the greater name keeps its attempt.  The loser waits for the other's; should
that come to nothing, it dials again.  All of it has `net_setuptime` seconds.

Source: ERTS manual, "Distribution Protocol", Distribution Handshake.
Proof: tests/node/test_connector.py.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pyerlnode.errors import HandshakeError, PyerlnodeError, Refused, TlsError, UsageError
from pyerlnode.node import hosts
from pyerlnode.node.link import Link
from pyerlnode.node.senders import weight
from pyerlnode.protocol.events import AliveQuestion, Named, Status, Up
from pyerlnode.protocol.handshake import resolve_simultaneous
from pyerlnode.protocol.names import split_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyerlnode.errors import PeerError
    from pyerlnode.node.router import Router
    from pyerlnode.node.tls import Tls
    from pyerlnode.protocol.connection import Connection
    from pyerlnode.protocol.control import Control
    from pyerlnode.protocol.events import Event
    from pyerlnode.term import Atom

__all__ = ["Connector", "Location", "Pending"]

logger = logging.getLogger("pyerlnode.node")

# Attempts for one Pending; more than one only where the peer began to connect and gave up.
_ATTEMPTS = 3
# Of `net_setuptime`, what the TLS handshake may take.
_TLS_SHARE = 0.9


class Location(NamedTuple):
    """Where a node listens: addresses to try in order, and the port."""

    addresses: list[str]
    port: int


class Pending:
    """A peer that is being connected to, and what waits for that."""

    def __init__(self, node: Atom) -> None:
        self.node = node
        self.queue: list[Control] = []
        self.weight = 0  # of the queue in bytes, about
        #: each is called once, with None or with why there is no connection
        self.waiters: list[Callable[[Exception | None], object]] = []
        self.task: asyncio.Task[None] | None = None
        #: what it is doing, for the error when time is over
        self.stage = "looking it up"
        #: this node's own attempt, from the moment that there is a TCP connection
        self.link: Link | None = None
        #: our name goes out on it
        self.named = False
        #: a handshake that the peer began and that was let pass before ours
        self.incoming: Link | None = None
        self.incoming_over = asyncio.Event()

    def give_way(self, incoming: Link) -> None:
        """Let the peer's own connection pass, and end ours."""
        self.incoming = incoming
        self.incoming_over.clear()
        if self.link is not None:
            self.link.drop()


class Attempt:
    """Owns the link of one attempt of ours until it is up or closed."""

    def __init__(self, connector: Connector, pending: Pending) -> None:
        self._connector = connector
        self._pending = pending
        #: None: closed by this side
        self.over: asyncio.Future[PeerError | None] = asyncio.get_running_loop().create_future()

    def link_made(self, link: Link) -> None:
        """The transport is there; our name goes out unless the peer dials us already.

        A peer that was let pass must not hear it: it would weigh the two attempts, too,
        and where our name is the greater one give up the one that we let pass.
        """
        if self._pending.incoming is not None:
            link.drop()
        else:
            self._pending.named = True

    def link_events(self, link: Link, events: list[Event]) -> None:
        """Steps of the handshake, and perhaps the first messages behind it."""
        for position, event in enumerate(events):
            if isinstance(event, Up):
                self._connector.router.link_up(link, event.peer)
                link.owner.link_events(link, events[position + 1 :])
                return
            if isinstance(event, AliveQuestion):
                self._alive(link)
            elif isinstance(event, Named):
                self._named(link, event)

    def _alive(self, link: Link) -> None:
        # The peer believes that we are connected.  Unless we do so too, what it has is dead.
        go_on = not self._connector.router.is_connected(self._pending.node)
        link.connection.answer_alive(go_on)
        if not go_on:
            link.close()

    def _named(self, link: Link, event: Named) -> None:
        try:
            self._connector.named(event.name, event.creation)
        except UsageError as error:
            link.fail(HandshakeError(f"cannot take the name {event.name}: {error}"))

    def is_expected(self, link: Link, error: PeerError, lost: bool) -> bool:
        """Where both sides dial at once, one of the two is refused or given up."""
        return self._connector.is_overruled(self._pending, error)

    def log(self, level: int, text: str) -> None:
        """Lines about those whom this node dials."""
        logger.log(level, "%s", text)

    def link_down(self, link: Link, error: PeerError | None) -> None:
        """Refused, failed, or given up."""
        if not self.over.done():
            self.over.set_result(error)


class Connector:
    """At most one Pending for each peer; the `Dialler` of the router."""

    def __init__(
        self,
        router: Router,
        *,
        initiate: Callable[[str, float], Connection],
        locate: Callable[[str], Awaitable[Location]],
        named: Callable[[str, int], None],
        setuptime: float,
        max_queued: int,
        tls: Tls | None = None,
    ) -> None:
        """`initiate(node, now)` makes a Connection, `locate(node)` says where the node listens.

        `named(name, creation)` is told the name that a peer gave to this node.  With `tls` all
        connections are made with it.
        """
        self.router = router
        self.named = named
        self._initiate = initiate
        self._locate = locate
        self._setuptime = setuptime
        self._max_queued = max_queued
        self._tls = tls
        self._pending: dict[str, Pending] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    # --- what wants a connection ------------------------------------------------------

    def enqueue(self, node: Atom, control: Control) -> int:
        """Connect, then send; what cannot be sent goes back to the runtime.

        Gives about how many bytes wait for the connection.
        """
        try:
            pending = self._begin(node)
        except PyerlnodeError:
            self.router.runtime.undeliverable(node, control)
            return 0
        pending.queue.append(control)
        pending.weight += weight(control)
        if len(pending.queue) > self._max_queued:
            self._give_up(
                pending, HandshakeError(f"{node}: more than {self._max_queued} signals wait for it")
            )
            return 0
        return pending.weight

    def connect_soon(self, node: Atom, failed: Callable[[], object]) -> None:
        """Begin to connect; `failed` is called, never before this returns, if that does not work."""
        try:
            pending = self._begin(node)
        except PyerlnodeError:
            asyncio.get_running_loop().call_soon(failed)
            return
        pending.waiters.append(lambda error: error is not None and failed())

    async def connect(self, node: Atom) -> None:
        """Return once there is a connection; raises what prevents one.

        PeerError for a refusal or a broken handshake, EpmdError for a name that EPMD
        does not know, OSError for what the network says.
        """
        if self.router.is_connected(node):
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def settle(error: Exception | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        self._begin(node).waiters.append(settle)
        await done

    def _begin(self, node: Atom) -> Pending:
        pending = self._pending.get(node)
        if pending is None:
            own = self.router.runtime.name
            if self._closed:
                raise HandshakeError(f"{node}: this node is not running")
            if node == own:
                raise HandshakeError(f"{node} is this node")
            split_name(node)
            pending = self._pending[node] = Pending(node)
            task = pending.task = asyncio.get_running_loop().create_task(
                self._run(pending), name=f"connect {own} to {node}"
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return pending

    # --- how it gets one ----------------------------------------------------------------

    async def _run(self, pending: Pending) -> None:
        """Try until connected (then this task is cancelled) or out of luck or time."""
        error: Exception
        try:
            async with asyncio.timeout(self._setuptime):
                await self._try(pending)
        except TimeoutError:
            error = HandshakeError(
                f"no connection to {pending.node} within {self._setuptime:g} s: {pending.stage}"
            )
        except (PyerlnodeError, OSError) as reason:
            error = reason
        self._give_up(pending, error)

    async def _try(self, pending: Pending) -> None:
        for _ in range(_ATTEMPTS):
            if pending.incoming is None:
                try:
                    await self._attempt(pending)
                except (PyerlnodeError, OSError):
                    if pending.incoming is None:
                        raise
            pending.stage = "waiting for the connection that the peer makes itself"
            # Half the time at most: somebody who only claims the peer's name and then
            # says nothing must not keep us from it.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._setuptime / 2):
                    await pending.incoming_over.wait()
            pending.incoming = None
        raise HandshakeError(f"{pending.node} keeps beginning to connect and never finishes")

    async def _attempt(self, pending: Pending) -> None:
        """Look up, dial, shake hands; returns where the peer's own connection goes first."""
        pending.incoming_over.clear()
        pending.stage = "looking it up"
        location = await self._locate(pending.node)
        pending.stage = f"connecting to port {location.port}{' with TLS' if self._tls else ''}"
        pending.named = False
        attempt = Attempt(self, pending)

        def make() -> Link:
            now = asyncio.get_running_loop().time()
            pending.link = Link(self._initiate(pending.node, now), attempt, pending.node)
            return pending.link

        await hosts.connect(make, location.addresses, location.port, self._dial(pending.node))
        pending.stage = "the handshake"
        error = await attempt.over
        pending.link = None
        if error is not None and not self.is_overruled(pending, error):
            raise error

    def _dial(self, node: str) -> hosts.Dial[Link] | None:
        """How to connect, where that is not plain TCP."""
        if self._tls is None:
            return None
        # Its own limit comes before the one of the whole attempt, and knows what it waited for.
        timeout = self._setuptime * _TLS_SHARE
        return partial(self._tls.open, host=split_name(node)[1], timeout=timeout)

    def is_overruled(self, pending: Pending, error: PeerError) -> bool:
        """Whether the peer refused because its own attempt to reach us goes first."""
        nok = isinstance(error, Refused) and error.status is Status.NOK
        return nok and resolve_simultaneous(self.router.runtime.name, pending.node) is not Status.NOK

    # --- how it ends --------------------------------------------------------------------

    def connected(self, node: Atom, link: Link) -> None:
        """The router has a link, ours or the peer's: send what was kept, in order."""
        pending = self._pending.pop(node, None)
        if pending is None:
            return
        self._end(pending, keep=link)
        self.router.release(node)
        self.router.send_queued(link, pending.queue)
        for waiter in pending.waiters:
            waiter(None)

    def _give_up(self, pending: Pending, error: Exception) -> None:
        if self._pending.get(pending.node) is not pending:
            return
        del self._pending[pending.node]
        # What TLS is made of is the administrator's business, and nobody else hears of it.
        level = logging.WARNING if isinstance(error, TlsError) else logging.INFO
        logger.log(level, "no connection to %s: %s", pending.node, error)
        self._end(pending)
        self.router.release(pending.node)
        for control in pending.queue:
            self.router.runtime.undeliverable(pending.node, control)
        for waiter in pending.waiters:
            waiter(error)

    def _end(self, pending: Pending, keep: Link | None = None) -> None:
        if pending.link is not None and pending.link is not keep:
            pending.link.drop()
        task = pending.task
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def close(self) -> None:
        """Give up every attempt; nothing is begun any more."""
        self._closed = True
        for pending in list(self._pending.values()):
            self._give_up(pending, HandshakeError(f"{pending.node}: this node stops"))
        if self._tasks:
            await asyncio.wait(self._tasks)

    # --- the peer dials us --------------------------------------------------------------

    def arbitrate(self, node: str, link: Link) -> Status:
        """The status for a peer that has begun a handshake under this name.

        While our own name has not gone out, the peer cannot have decided anything about
        our attempt, so its connection goes first; later the greater name wins.
        """
        if self.router.is_connected(node):
            return Status.ALIVE
        pending = self._pending.get(node)
        if pending is None:
            return Status.OK
        if pending.link is not None and pending.named and not pending.link.closed:
            status = resolve_simultaneous(self.router.runtime.name, node)
            if status is Status.NOK:
                return status
        pending.give_way(link)
        return Status.OK_SIMULTANEOUS

    def is_wanted(self, node: str) -> bool:
        """Whether there is a connection to `node`, or an attempt to make one."""
        return node in self._pending or self.router.is_connected(node)

    def incoming_over(self, node: str, link: Link) -> None:
        """A handshake that the peer began has ended without a connection."""
        pending = self._pending.get(node)
        if pending is not None and pending.incoming is link:
            pending.incoming = None
            pending.incoming_over.set()
