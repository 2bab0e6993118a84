"""What the server and its connection share: subscriptions, the queue, and whether there is a broker.

Both are processes of one supervisor, and this outlives each of them: a connection that is lost,
or a server that is restarted, takes no subscription along.  Nothing here waits.

Proof: tests/bridge/mqtt/test_server.py, tests/bridge/mqtt/test_mqtt_connection.py.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, Protocol

from pyerlnode.bridge.mqtt.codecs import CODECS, CodecError, Codecs
from pyerlnode.bridge.mqtt.outbox import Full, Outbox
from pyerlnode.bridge.mqtt.settings import made_up_client_id, will_of
from pyerlnode.bridge.mqtt.slow import SlowNodes
from pyerlnode.bridge.mqtt.subscriptions import Subscriptions, Waiting
from pyerlnode.process.log_limit import LogLimit
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyerlnode.bridge.mqtt.outbox import Outgoing
    from pyerlnode.bridge.mqtt.requests import Wish
    from pyerlnode.bridge.mqtt.settings import Settings
    from pyerlnode.bridge.mqtt.subscriptions import Subscription
    from pyerlnode.process import Runtime

__all__ = ["ERROR", "OK", "QOS", "Handler", "Hub", "logger"]

logger = logging.getLogger("pyerlnode.mqtt")

OK: Final = Atom("ok")
ERROR: Final = Atom("error")
MQTT: Final = Atom("mqtt")
QOS: Final = Atom("qos")
_QUEUED, _DROPPED, _QUEUE_FULL = Atom("queued"), Atom("dropped"), Atom("queue_full")
_NOT_CONNECTED, _NOT_SUBSCRIBED = Atom("not_connected"), Atom("not_subscribed")


class Handler(Protocol):
    """A subscriber that is no process: an object of the bridge's own."""

    def take(self, topic: str, payload: Term, properties: dict[Term, Term]) -> None:
        """A message has arrived."""


class Hub:
    """One MQTT server's state."""

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        self.settings, self.runtime = settings, runtime
        self.client_id = settings.client_id or made_up_client_id()
        self.codecs = Codecs(settings.codecs)
        self.subscriptions = Subscriptions()
        self.outbox = Outbox(settings.queue_limit, settings.queue_policy)
        self.will = None if settings.will is None else will_of(settings.will)
        self.monitored: dict[Pid, Reference] = {}
        # The broker that it is connected with, or why there is none.
        self.broker: str | None = None
        self.why = "no connection has been made yet"
        self.received = 0
        self._work: dict[Subscription, None] = {}
        self._there_is_work = asyncio.Event()
        self._when_connected: list[Callable[[], None]] = []
        self._slow = SlowNodes(runtime)
        self._log = LogLimit(logger, "%d more lines about messages in %g s")

    # --- the connection -------------------------------------------------------------------

    def connected(self, broker: str) -> None:
        """There is a session; everything that is subscribed to has to be said to it."""
        self.broker = broker
        for subscription in self.subscriptions.by_filter.values():
            self.note_work(subscription)
        for callback in self._when_connected:
            callback()

    def on_connected(self, callback: Callable[[], None]) -> None:
        """Call `callback` each time that there is a connection; at once, too, if there is one."""
        self._when_connected.append(callback)
        if self.broker is not None:
            callback()

    def forget_on_connected(self, callback: Callable[[], None]) -> None:
        """Take that back."""
        self._when_connected.remove(callback)

    def disconnected(self, why: str) -> None:
        """There is no session any more, or there is still none."""
        self.broker, self.why = None, why
        self.subscriptions.connection_lost()
        self.outbox.connection_lost()
        self._work.clear()

    # --- subscriptions --------------------------------------------------------------------

    def subscribe(
        self, subscriber: Pid | Handler, filter: str, wish: Wish, tell: Callable[[Any], None]
    ) -> None:
        """Subscribe as soon as there is a connection; `tell` is given `ok` or `{error, Reason}`."""
        waiting = Waiting(subscriber, wish, tell)
        subscription = self.subscriptions.wait(filter, waiting)
        self.note_work(subscription)
        self.runtime.call_later(self.settings.request_timeout, self._give_up, subscription, waiting)

    def _give_up(self, subscription: Subscription, waiting: Waiting) -> None:
        if waiting not in subscription.waiting:
            return
        if self.broker is not None:  # its turn will come: many are asked for at once
            self.runtime.call_later(self.settings.request_timeout, self._give_up, subscription, waiting)
        else:
            subscription.waiting.remove(waiting)
            if not subscription.waiting and not subscription.subscribers and not subscription.ids:
                self.subscriptions.forget(subscription)
            waiting.tell((ERROR, (_NOT_CONNECTED, self.why)))

    def adopt(self, handler: Handler, filter: str, wish: Wish, *, renew: bool = False) -> None:
        """Let an object of the bridge's own have a filter, for as long as this lives.

        With `renew` it gets what is retained with each new connection.
        """
        subscription = self.subscriptions.wait(filter, Waiting(handler, wish, lambda result: None))
        subscription.waiting.pop()
        self.subscriptions.add(subscription, handler, wish)
        subscription.renew = renew
        self.note_work(subscription)

    def unsubscribe(self, subscriber: Pid, filter: str, tell: Callable[[Any], None]) -> None:
        """End a subscription; `tell` is given `ok` when the broker knows, `{error, not_subscribed}`."""
        subscription = self.subscriptions.by_filter.get(filter)
        if subscription is None or not self.subscriptions.remove(subscription, subscriber):
            tell((ERROR, _NOT_SUBSCRIBED))
        elif subscription.subscribers or self.broker is None:
            self._release(subscription)
            tell(OK)
        else:
            subscription.released.append(tell)
            self.note_work(subscription)

    def unsubscribe_all(self, subscriber: Pid) -> None:
        """A subscriber has ended."""
        for subscription in self.subscriptions.remove_all(subscriber):
            self._release(subscription)

    def _release(self, subscription: Subscription) -> None:
        if subscription.to_do:
            self.note_work(subscription)

    def note_work(self, subscription: Subscription) -> None:
        """The broker has to be told something about a filter."""
        if self.broker is not None:
            self._work[subscription] = None
            self._there_is_work.set()

    async def next_work(self) -> Subscription:
        """The next filter that the broker has to be told something about; waits for one."""
        while not self._work:
            self._there_is_work.clear()
            await self._there_is_work.wait()
        subscription = next(iter(self._work))
        del self._work[subscription]
        return subscription

    # --- publishing -----------------------------------------------------------------------

    def publish(self, message: Outgoing) -> None:
        """Queue a message; its `tell` is given `ok` when the broker has it, or `{ok, queued}` now."""
        try:
            oldest = self.outbox.put(message)
        except Full as full:
            if full.dropped:
                self.warn(f"{message.topic}: a message was dropped, {self.outbox.limit} wait for the broker")
            message.tell((ERROR, _DROPPED if full.dropped else _QUEUE_FULL))
            return
        if oldest is not None:
            self.warn(f"{oldest.topic}: the oldest of {self.outbox.limit} messages was dropped")
            oldest.tell((ERROR, _DROPPED))
        if self.broker is None:
            tell, message.tell = message.tell, _told_already
            tell((OK, _QUEUED))

    # --- what arrives ---------------------------------------------------------------------

    def deliver(
        self,
        topic: str,
        payload: bytes,
        properties: dict[Term, Term],
        ids: Sequence[int],
        *,
        retained: bool,
    ) -> None:
        """Hand a message of the broker's to whom it concerns; nothing that it is can do harm here."""
        self.received += 1
        read: dict[str, Any] = {}
        for subscriber, wish in self.subscriptions.recipients(topic, ids, retained=retained):
            codec = self.codecs.of(topic) if wish.codec is None else CODECS[wish.codec]
            if codec.name not in read:
                read[codec.name] = self._read(codec, topic, payload)
            if read[codec.name] is not self:
                self._hand(subscriber, topic, read[codec.name], properties, len(payload))

    def _read(self, codec: Any, topic: str, payload: bytes) -> Any:
        """The payload as the codec reads it; this object itself where it cannot."""
        try:
            return codec.read(payload)
        except CodecError as error:
            self.warn(f"{topic}: a message was dropped, its payload is not for {codec.name}: {error}")
            return self

    def _hand(
        self, subscriber: Any, topic: str, payload: Term, properties: dict[Term, Term], size: int
    ) -> None:
        if isinstance(subscriber, Pid):
            qos: Any = properties.get(QOS, 0)
            if self.runtime.is_local(subscriber) or self._slow.has_room(subscriber.node, size, qos):
                self.runtime.send(subscriber, (MQTT, topic, payload, dict(properties)))
            else:
                self.warn(f"{topic}: a message was dropped, {subscriber.node} does not keep up")
            return
        try:
            subscriber.take(topic, payload, dict(properties))
        except Exception as error:
            self.warn(f"{topic}: a message was lost: {type(error).__name__}: {error}")

    def warn(self, text: str) -> None:
        """A line in the log; of many only the first."""
        self._log.log(logging.WARNING, text)

    def close(self) -> None:
        """Say how many lines were left out."""
        self._log.end()


def _told_already(result: Any) -> None:
    """For a message whose sender knows already that it waits."""
