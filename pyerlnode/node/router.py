"""Where signals leave the node and where they arrive.

`signal` puts a control message on the link to its node, or into the connector's queue
while there is none; `link_events` hands what a link received to the runtime.  Both
are on the path of every message: a look-up and a call, nothing else.

Source: the `kernel` reference manual, net_kernel (nodeup, nodedown, nodes/1).
Proof: tests/node/test_router.py, tests/node/test_node.py.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from pyerlnode.errors import CutOff, TermEncodeError, UsageError
from pyerlnode.node.busy_wait import NONE, BusyWait
from pyerlnode.node.link import BUSY_LIMIT
from pyerlnode.node.senders import MAX_UNSENT, Senders, weight
from pyerlnode.protocol.control import AliasSend, Exit, Exit2, MonitorExit, SpawnReply, SpawnRequest
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.errors import PeerError
    from pyerlnode.node.link import Link
    from pyerlnode.process.runtime import Runtime
    from pyerlnode.protocol.control import Control
    from pyerlnode.protocol.events import Peer

__all__ = ["Dialler", "NodeEvent", "Router"]

logger = logging.getLogger("pyerlnode.node")

# Nodes that are known and not connected any more: some have a new name each time they start.
_MAX_KNOWN = 4096
# Characters of a reason that is sent as text.
_MAX_REASON = 10_000

NODEUP: Final = Atom("nodeup")
NODEDOWN: Final = Atom("nodedown")
NOTSUP: Final = Atom("notsup")


@dataclass(frozen=True, slots=True)
class NodeEvent:
    """A connection came up or went down.

    `kind` is `nodeup` or `nodedown`; `reason`, of a nodedown, is one of OTP's words:
    connection_closed, net_tick_timeout, disconnect, shutdown.
    """

    kind: Atom
    node: Atom
    visible: bool
    reason: Atom | None = None


class Dialler(Protocol):
    """Who connects to a node that there is no link to: `connector.Connector`."""

    def enqueue(self, node: Atom, control: Control) -> int:
        """Connect, then send; gives how many bytes wait for that, about."""

    def is_wanted(self, node: str) -> bool:
        """Whether there is a connection, or an attempt to make one."""

    def connect_soon(self, node: Atom, failed: Callable[[], object]) -> None:
        """Connect; call `failed` if that does not work."""

    def connected(self, node: Atom, link: Link) -> None:
        """There is a link now: send what was kept for it."""


class Router:
    """The links that are up, by node; the `Distribution` of one runtime."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        busy_limit: int = BUSY_LIMIT,
        max_unsent: int = MAX_UNSENT,
        sbwt: str = NONE,
    ) -> None:
        """`busy_limit`: bytes that may wait for a node before senders do; `max_unsent`: see senders.py.

        `sbwt` is how long to look for more after a read: see busy_wait.py.
        """
        self.runtime = runtime
        self._signals = runtime.signals
        self.busy_limit = busy_limit
        self._max_unsent = max_unsent
        self._after_read = None if sbwt == NONE else BusyWait(runtime.loop, sbwt).after_read
        self.dialler: Dialler  # set by the node: each of the two needs the other
        # By text: an Atom is one, and a name that is only claimed must not become one.
        self._links: dict[str, Link] = {}
        self._known: dict[Atom, None] = {}
        # Of the nodes that take no more at the moment: who waits for them.
        self._senders: dict[str, Senders] = {}
        self._observers: list[Callable[[NodeEvent], object]] = []

    # --- Distribution ---------------------------------------------------------------

    def signal(self, node: Atom, control: Control) -> None:
        """Send to `node`, in order; connects first where there is no connection.

        Raises TermEncodeError for a message that no other node could read, if the
        connection is up; one that had to wait for the connection is logged and dropped.
        """
        link = self._links.get(node)
        if link is None:
            self._keep(node, control)
            return
        before = self._before_more(link, control) if link.busy else None
        try:
            link.send(control)
        except TermEncodeError as error:
            _send_readable(link, control, error)
        except UsageError as error:
            self._not_for_this_peer(link, control, error)
        if before is not None:
            self._senders_to(node).suspend(control, link.connection.pending - before)
        elif link.busy:
            self._senders_to(node).suspend(control, 0)

    def _before_more(self, link: Link, control: Control) -> int:
        """Bytes that wait for a slow node already; SystemLimit for a sender that does not let itself wait."""
        self._senders_to(link.node).check(control)
        return link.connection.pending

    def _keep(self, node: Atom, control: Control) -> None:
        """Have it sent when there is a connection."""
        if node in self._senders:
            self._senders[node].check(control)
        if self.dialler.enqueue(node, control) > self.busy_limit:
            self._senders_to(node).suspend(control, weight(control))

    def _senders_to(self, node: Atom) -> Senders:
        senders = self._senders.get(node)
        if senders is None:
            senders = self._senders[node] = Senders(self.runtime, node, self._max_unsent)
        return senders

    def release(self, node: str) -> None:
        """Whoever waits for `node` waits no longer."""
        senders = self._senders.pop(node, None)
        if senders is not None:
            senders.release()

    def _not_for_this_peer(self, link: Link, control: Control, error: UsageError) -> None:
        """A peer that did not offer what the signal needs: answered or dropped here, as a BEAM does."""
        if isinstance(control, SpawnRequest):
            reply = SpawnReply(control.ref, control.sender, 0, NOTSUP)
            asyncio.get_running_loop().call_soon(self.runtime.receive_signal, link.node, reply)
        elif not isinstance(control, AliasSend):
            raise error

    def is_connected(self, node: str) -> bool:
        """Whether there is a link to `node` now."""
        return node in self._links

    def is_wanted(self, node: str) -> bool:
        """Whether there is a link to `node`, or will be one soon."""
        return node in self._links or self.dialler.is_wanted(node)

    def is_busy(self, node: str) -> bool:
        """Whether who sends to `node` now is suspended."""
        link = self._links.get(node)
        return node in self._senders if link is None else link.busy

    def connect_soon(self, node: Atom, failed: Callable[[], object]) -> None:
        """Begin to connect; `failed` is called, later, if that does not work."""
        if node not in self._links:
            self.dialler.connect_soon(node, failed)

    def nodes(self, kind: str = "visible") -> list[Atom]:
        """Connected nodes, oldest connection first: `visible`, `hidden` or `connected` (both).

        `known` is this node and those that are or were connected, of the latter the last 4096.
        """
        if kind == "connected":
            return [link.node for link in self._links.values()]
        if kind == "known":
            return [self.runtime.name, *self._known]
        if kind not in ("visible", "hidden"):
            raise ValueError(f"{kind!r}: visible, hidden, connected or known is wanted")
        return [link.node for link in self._links.values() if link.visible == (kind == "visible")]

    # --- the links ------------------------------------------------------------------

    def link_of(self, node: str) -> Link | None:
        """The link to `node`, if there is one."""
        return self._links.get(node)

    def links(self) -> list[Link]:
        """All links that are up."""
        return list(self._links.values())

    def link_up(self, link: Link, peer: Peer) -> None:
        """The handshake of `link` is done: from now on it carries the signals of its node.

        An older connection to that node is closed now, and not before the new one was
        authenticated.
        """
        node = peer.name
        old = self._links.get(node)
        if old is not None:
            old.close()
        link.on_writable = lambda: self.release(node)
        link.queue = self.runtime.queue
        link.after_read = self._after_read
        link.go_up(self, node, peer.visible, self.busy_limit)
        self._links[node] = link
        self._known.pop(node, None)
        self._known[node] = None
        # What was kept leaves before anything that an observer sends, and no signal of
        # the node has been handed on yet.
        self.dialler.connected(node, link)
        self._tell(NodeEvent(NODEUP, node, peer.visible))

    def send_queued(self, link: Link, controls: list[Control]) -> None:
        """Send what was kept while the connection was made, in order."""
        for control in controls:
            try:
                self.signal(link.node, control)
            except (TermEncodeError, UsageError) as error:
                logger.error("%s: a message was dropped: %s", link, error)

    def link_made(self, link: Link) -> None:
        """A link comes here when it is made already."""

    def link_events(self, link: Link, events: list[Any]) -> None:
        """Hand on what came in one read, and let those whom it is for answer."""
        queue = self.runtime.queue
        if queue.scheduled:
            self._hand_on(link, events)
            return
        queue.scheduled = True
        try:
            self._hand_on(link, events)
        finally:
            queue.run_now()

    def _hand_on(self, link: Link, events: list[Any]) -> None:
        node, signals = link.node, self._signals
        for control in events:
            signals.receive(node, control)  # once up, nothing else is an event
            if link.closed:
                return

    def is_expected(self, link: Link, error: PeerError, lost: bool) -> bool:
        """A peer may end, or close the connection, when it likes; but not within a frame."""
        return lost and not isinstance(error, CutOff)

    def log(self, level: int, text: str) -> None:
        """Lines about authenticated peers."""
        logger.log(level, "%s", text)

    def link_down(self, link: Link, error: PeerError | None) -> None:
        """A link that was up is closed: `noconnection` for everybody whom it concerns."""
        node = link.node
        if self._links.get(node) is not link:
            return
        del self._links[node]
        if len(self._known) - len(self._links) > _MAX_KNOWN:
            del self._known[next(name for name in self._known if name not in self._links)]
        self.runtime.node_down(node)
        self._tell(NodeEvent(NODEDOWN, node, link.visible, link.reason))

    # --- observers --------------------------------------------------------------------

    def observe(self, observer: Callable[[NodeEvent], object]) -> Callable[[], None]:
        """Call `observer` with each NodeEvent, in order; returns what ends that."""
        self._observers.append(observer)

        def forget() -> None:
            if observer in self._observers:
                self._observers.remove(observer)

        return forget

    def _tell(self, event: NodeEvent) -> None:
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception:
                logger.exception("an observer failed on %s of %s", event.kind, event.node)


def _send_readable(link: Link, control: Control, error: TermEncodeError) -> None:
    """Send a reason that no other node could read as text; anything else is the sender's error.

    Who is linked to a process or monitors it must hear of its end, whatever it died of.
    """
    if not isinstance(control, (Exit, Exit2, MonitorExit)):
        raise error
    # A reason may bring what is sent in its place: what a remote call is answered with does.
    instead = getattr(control.reason, "instead", None)
    link.send(replace(control, reason=instead or repr(control.reason)[:_MAX_REASON]))
