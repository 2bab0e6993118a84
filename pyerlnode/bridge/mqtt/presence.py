"""Presence: nodes announce themselves on a broker, and find each other there.

    MQTT.child(URL, routes=[Presence()])                          announce this node, connect with the others
    Cluster with strategies [MqttPresence(URL)]                   the same as a strategy of discovery

A node publishes its name as a retained message on PREFIX/NAME.  What takes it back is an empty
one, which the node publishes when it stops, and the broker as its will when the connection is
lost.  It is published again with each new connection.

Proof: tests/bridge/mqtt/test_presence.py.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.bridge.mqtt.client import MQTT
from pyerlnode.bridge.mqtt.filters import check_topic
from pyerlnode.bridge.mqtt.outbox import Outgoing
from pyerlnode.bridge.mqtt.requests import Wish
from pyerlnode.errors import ConfigError
from pyerlnode.otp import ChildSpec, GenServer, NoReply
from pyerlnode.process import exit, process_flag, spawn_link
from pyerlnode.process import self as own_pid
from pyerlnode.protocol.names import name_fault
from pyerlnode.services.cluster.keeper import keep_connected
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Sequence

    from pyerlnode.bridge.mqtt.hub import Hub

__all__ = ["MqttPresence", "Presence"]

PREFIX: Final = "pyerlnode/nodes"
# Seconds that the broker has for the last message of a node that stops.
_LAST_WORDS: Final = 2.0
_SHUTDOWN, _CHANGED, _ID = Atom("shutdown"), Atom("changed"), Atom("presence")


class Presence:
    """What a server announces, and whom it has seen: `nodes`, this one among them."""

    def __init__(self, prefix: str = PREFIX, *, connect: bool = True) -> None:
        """With `connect` it stays connected with the nodes that it sees.  ConfigError for a wrong prefix."""
        wrong = check_topic(prefix) if isinstance(prefix, str) else "text is wanted"
        if wrong is not None:
            raise ConfigError(f"presence: {prefix!r} is no topic: {wrong}")
        if type(connect) is not bool:
            raise ConfigError(f"presence: connect is true or false, not {connect!r}")
        self.prefix, self.connect = prefix, connect
        self.nodes: set[str] = set()
        self.changed = asyncio.Event()
        self.server: Pid | None = None
        self._hub: Hub

    def child(self, hub: Hub) -> ChildSpec:
        """Begin; the process that announces.  ConfigError where the connection has a will already."""
        if hub.will is not None:
            raise ConfigError("presence needs the will of its connection, which has one already")
        self._hub = hub
        hub.will = self.announcement(b"")
        hub.adopt(self, f"{self.prefix}/+", Wish(qos=1, codec="bytes"), renew=True)
        return ChildSpec(_ID, (PresenceServer.start_link, [self, hub]))

    def announcement(self, payload: bytes) -> Outgoing:
        """The message that says whether this node is there."""
        name = str(self._hub.runtime.name)
        return Outgoing(f"{self.prefix}/{name}", payload, qos=1, retain=True)

    def take(self, topic: str, payload: Any, properties: dict[Term, Term]) -> None:
        """A node has come or gone."""
        name = topic.rpartition("/")[2]
        if name_fault(name) is not None:
            self._hub.warn(f"{topic}: this is no name of a node")
            return
        before = set(self.nodes)
        if payload:
            self.nodes.add(name)
        else:
            self.nodes.discard(name)
        if self.nodes != before:
            self.changed.set()
            if self.server is not None:
                self._hub.runtime.send(self.server, _CHANGED)


class PresenceServer(GenServer, module="Elixir.MQTT.Presence"):
    """Announces this node for as long as it lives."""

    def init(self, presence: Any, hub: Any) -> None:
        process_flag("trap_exit", True)
        self._presence: Presence = presence
        self._hub: Hub = hub
        self._kept: dict[str, Pid] = {}
        presence.server = own_pid()
        hub.on_connected(self._announce)
        self._adapt()

    def __state__(self) -> Term:
        return [Atom(name) for name in sorted(self._presence.nodes)]

    async def terminate(self, reason: Term) -> None:
        self._hub.forget_on_connected(self._announce)
        self._presence.server = None
        if self._hub.broker is None:
            return
        told = asyncio.Event()
        message = self._presence.announcement(b"")
        message.tell = lambda result: told.set()
        self._hub.publish(message)
        try:
            async with asyncio.timeout(_LAST_WORDS):
                await told.wait()
        except TimeoutError:
            self._hub.warn(f"{message.topic}: the broker was not told that this node stops")

    def handle_info(self, message: Term) -> NoReply:
        match message:
            case "changed":
                self._adapt()
            case ("EXIT", Pid(), reason) if reason != _SHUTDOWN:
                # These processes end by a fault of ours alone.  Whoever supervises begins anew.
                raise RuntimeError(f"a process that keeps a connection has ended: {reason!r}")
        return NoReply()

    def _announce(self) -> None:
        # Who has gone meanwhile will not be told of; those that are there are.
        self._presence.nodes.clear()
        self._hub.publish(self._presence.announcement(str(self._hub.runtime.name).encode()))

    def _adapt(self) -> None:
        """Be connected with the nodes that are there; a connection to one that has left is left alone."""
        wanted = self._presence.nodes - {str(self._hub.runtime.name)} if self._presence.connect else set()
        for name in [name for name in self._kept if name not in wanted]:
            exit(self._kept.pop(name), _SHUTDOWN)
        for name in sorted(wanted - self._kept.keys()):
            self._kept[name] = spawn_link(keep_connected, name)


class MqttPresence:
    """A strategy of discovery: the nodes that announce themselves on a broker, this one among them."""

    def __init__(self, brokers: Sequence[str] | str, *, prefix: str = PREFIX, **options: Any) -> None:
        """`options` as of `MQTT.start_link`.  ConfigError for what is wrong with them."""
        MQTT.child(brokers, name=None, routes=[Presence(prefix, connect=False)], **options)
        self._brokers, self._prefix, self._options = brokers, prefix, options

    async def discover(self, own: str) -> AsyncGenerator[Collection[str], None]:
        presence = Presence(self._prefix, connect=False)
        mqtt = await MQTT.start_link(self._brokers, name=None, routes=[presence], **self._options)
        try:
            while True:
                await presence.changed.wait()
                presence.changed.clear()
                yield sorted(presence.nodes)
        finally:
            # Without waiting: whoever closes this may be at its own end.
            exit(mqtt, _SHUTDOWN)
