"""The connection to a broker: one process that connects, serves what there is to do, and connects again.

Whatever ends a connection ends everything that runs on it, and is logged once for each cause.
Then the next broker is tried, after a pause that grows and varies, so that a thousand nodes do
not come back in the same moment.

A message that arrives is handed to its subscribers before it is acknowledged to the broker: the
client library puts it into the queue that it was given a class for, and acknowledges when that
has returned.  It offers no way to acknowledge later.

Source: MQTT 5.0; aiomqtt's public API.
Proof: tests/bridge/mqtt/test_mqtt_connection.py, interop/test_mqtt.py.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import socket
import time
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from pyerlnode.bridge.mqtt.hub import ERROR, OK, QOS, logger
from pyerlnode.bridge.mqtt.properties import from_wire, to_wire
from pyerlnode.errors import ConfigError
from pyerlnode.process import this_process
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.bridge.mqtt.hub import Hub
    from pyerlnode.bridge.mqtt.outbox import Outgoing
    from pyerlnode.bridge.mqtt.settings import Broker
    from pyerlnode.bridge.mqtt.subscriptions import Subscription, Waiting

__all__ = ["keep_connected"]

# Small packets go out at once: each waits for an answer.
_SOCKET_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
# SUBSCRIBEs that may be on their way at the same time.
_SUBSCRIBERS = 8
# The client library warns of many pending calls; here their number has a bound.
_CALLS = 1_000_000
# Seconds for taking leave of a broker that has not answered.
_LAST_WORDS = 0.05
# Seconds after which a connection counts as one: two clients with one name drive each other out at once.
_STABLE = 1.0
# A filter that nobody has.
_NOTHING = "pyerlnode/nothing"
_RETAIN = Atom("retain")
_REFUSED, _UNDELIVERABLE = Atom("refused"), Atom("undeliverable")

# Not what the client library has to say of each packet.
_client_logger = logging.getLogger("pyerlnode.mqtt.client")
_client_logger.setLevel(logging.CRITICAL)


class Lost(Exception):
    """The connection has ended."""


async def keep_connected(hub: Hub) -> None:
    """Be connected with one of the brokers for as long as the calling process lives."""
    settings, brokers = hub.settings, hub.settings.addresses
    pause, place, told = settings.reconnect_min, 0, ""
    process = this_process()
    while process.alive:  # a cancellation can be forgotten: see `_goes_on`
        broker = brokers[place % len(brokers)]
        begin = time.monotonic()
        try:
            await _session(hub, broker)
        except (Lost, ConfigError, OSError, ValueError, aiomqtt.MqttError) as error:
            why = f"{broker}: {str(error) or type(error).__name__}"
        except BaseException:
            hub.disconnected("the connection's process has ended")
            raise
        if hub.broker is None:
            place += 1  # it could not be connected with: try the next
        elif time.monotonic() - begin > _STABLE:
            pause, told = settings.reconnect_min, ""
        else:
            pause = min(pause, _STABLE)
        hub.disconnected(why)
        if why != told:
            told = why
            logger.warning("not connected to %s", why)
        await asyncio.sleep(random.uniform(0.5, 1.0) * pause)
        pause = min(2 * pause, settings.reconnect_max)


async def _session(hub: Hub, broker: Broker) -> None:
    """One connection, from its beginning to its end; Lost says why."""
    async with _connected(_client(hub, broker)) as client:
        # The client library forgets a connection that ends while it wakes who has waited for it:
        # only after an answer it is sure that the end will be heard of.
        await client.unsubscribe(_NOTHING)
        logger.info("connected to %s", broker)
        hub.connected(str(broker))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_watch(client))
                caught_up = _CaughtUp(hub)
                for _ in range(_SUBSCRIBERS):
                    group.create_task(_subscribe_all(hub, client, caught_up))
                # What this node publishes can be for itself: it has to be subscribed to before.
                await caught_up.event.wait()
                for _ in range(hub.settings.inflight):
                    group.create_task(_publish_all(hub, client))
        except* (aiomqtt.MqttError, Lost, OSError) as errors:
            raise Lost(_cause(errors)) from None


@asynccontextmanager
async def _connected(client: aiomqtt.Client) -> AsyncIterator[aiomqtt.Client]:
    """Connect, and disconnect at the end."""
    client.pending_calls_threshold = _CALLS
    connecting = asyncio.ensure_future(client.__aenter__())
    try:
        await asyncio.shield(connecting)
    except aiomqtt.MqttError:
        await _leave(client)
        raise
    except asyncio.CancelledError:
        # Half connected, it would stay open; a broker answers soon, or the time for it is over soon.
        with suppress(aiomqtt.MqttError):
            await connecting
        await _leave(client)
        raise
    try:
        yield client
    finally:
        await client.__aexit__(None, None, None)


async def _leave(client: aiomqtt.Client) -> None:
    """Close the socket to a broker that has not answered, or not in time."""
    client.timeout = _LAST_WORDS
    with suppress(aiomqtt.MqttError):
        await client.__aexit__(None, None, None)


def _cause(errors: BaseException) -> str:
    """What has ended a connection: of several errors the first."""
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return str(errors)


def _client(hub: Hub, broker: Broker) -> aiomqtt.Client:
    settings = hub.settings
    newest = settings.protocol == "5"
    will = hub.will
    options: dict[str, Any] = {}
    if newest:
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = round(settings.session_expiry)
        options = {"properties": session, "clean_start": False}
    else:
        # A session under a name that nobody will use again would be kept for ever.
        options = {"clean_session": settings.client_id is None, "clean_start": MQTT_CLEAN_START_FIRST_ONLY}
    return aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password,
        identifier=hub.client_id,
        logger=_client_logger,
        queue_type=_entrance(hub),
        protocol=aiomqtt.ProtocolVersion.V5 if newest else aiomqtt.ProtocolVersion.V311,
        will=None if will is None else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
        keepalive=math.ceil(settings.keepalive),
        timeout=settings.timeout,
        max_inflight_messages=settings.inflight,
        tls_context=settings.tls_context() if broker.tls else None,
        socket_options=_SOCKET_OPTIONS,
        **options,
    )


def _entrance(hub: Hub) -> type[asyncio.Queue[aiomqtt.Message]]:
    """The class of the queue that the client library puts what arrives into: nothing waits in it."""
    # What a message is handed to acts as the connection's process.
    context = copy_context()

    class Entrance(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, message: aiomqtt.Message) -> None:
            found = message.properties
            ids = getattr(found, "SubscriptionIdentifier", None) or ()
            properties: dict[Term, Term] = {QOS: message.qos, _RETAIN: message.retain}
            properties.update(from_wire(found))
            topic, payload = message.topic.value, message.payload
            context.run(hub.deliver, topic, bytes(payload), properties, ids, retained=message.retain)

    return Entrance


async def _watch(client: aiomqtt.Client) -> None:
    """End when the connection does: nothing ever comes out of the queue."""
    try:
        async for _ in client.messages:
            pass
    except aiomqtt.MqttError as error:
        raise Lost(f"the connection was lost: {error.__cause__ or error}") from None
    raise Lost("the connection was closed")


def _goes_on() -> bool:
    """Whether the task that asks was not cancelled.

    In Python 3.11 `asyncio.wait_for`, in the client library, forgets a cancellation that comes in the
    moment in which what it waits for is done.
    """
    task = asyncio.current_task()
    return task is None or not task.cancelling()


# --- publishing -----------------------------------------------------------------------------


async def _publish_all(hub: Hub, client: aiomqtt.Client) -> None:
    """One of those that publish at the same time."""
    while _goes_on():
        message = await hub.outbox.take()
        result = await _publish(client, message, newest=hub.settings.protocol == "5")
        hub.outbox.done(message)
        message.tell(result)


async def _publish(client: aiomqtt.Client, message: Outgoing, *, newest: bool) -> Term:
    properties = to_wire(message.properties) if newest else None
    try:
        await client.publish(message.topic, message.payload, message.qos, message.retain, properties)
    except ValueError as error:
        # It can never be sent, on no connection.
        return (ERROR, (_UNDELIVERABLE, str(error)))
    return OK


# --- subscribing ----------------------------------------------------------------------------


class _CaughtUp:
    """Whether the broker has been told everything that there was to tell when it was connected with."""

    def __init__(self, hub: Hub) -> None:
        self.event = asyncio.Event()
        self._left = set(hub.subscriptions.by_filter.values())
        self.told(None)

    def told(self, subscription: Subscription | None) -> None:
        """The broker knows what is wanted of one filter."""
        self._left.discard(subscription)
        if not self._left:
            self.event.set()


async def _subscribe_all(hub: Hub, client: aiomqtt.Client, caught_up: _CaughtUp) -> None:
    """One of those that tell the broker about filters at the same time; two are never at one filter."""
    while _goes_on():
        subscription = await hub.next_work()
        async with subscription.lock:
            await _tell(hub, client, subscription)
        caught_up.told(subscription)
        if subscription.to_do:
            hub.note_work(subscription)


async def _tell(hub: Hub, client: aiomqtt.Client, subscription: Subscription) -> None:
    if subscription.waiting:
        await _subscribe_new(hub, client, subscription)
    elif subscription.subscribers and not subscription.active:
        await _subscribe_again(hub, client, subscription)
    elif not subscription.subscribers:
        await _unsubscribe(hub, client, subscription)


async def _subscribe_new(hub: Hub, client: aiomqtt.Client, subscription: Subscription) -> None:
    waiting, subscription.waiting = _alive(hub, subscription.waiting), []
    handling = min((each.wish.retain_handling for each in waiting), default=1)
    before = set(subscription.subscribers)
    for each in waiting:
        # Before it is asked for: retained messages may come before the acknowledgement is seen.
        hub.subscriptions.add(subscription, each.subscriber, each.wish)
    if not subscription.subscribers:
        if not subscription.active:
            hub.subscriptions.forget(subscription)
        return
    try:
        refused = await _ask(hub, client, subscription, handling, [each.subscriber for each in waiting])
    except BaseException:
        # The connection is lost: they wait for the next one.
        _take_back(hub, subscription, waiting, before)
        subscription.waiting[:0] = waiting
        raise
    if refused is not None:
        _take_back(hub, subscription, waiting, before)
    for each in waiting:
        each.tell(OK if refused is None else (ERROR, (_REFUSED, refused)))


def _alive(hub: Hub, waiting: list[Waiting]) -> list[Waiting]:
    """Those who have not ended in the meantime."""
    return [
        each for each in waiting if not isinstance(each.subscriber, Pid) or each.subscriber in hub.monitored
    ]


def _take_back(hub: Hub, subscription: Subscription, waiting: list[Waiting], before: set[Any]) -> None:
    for each in waiting:
        if each.subscriber not in before:
            hub.subscriptions.remove(subscription, each.subscriber)


async def _subscribe_again(hub: Hub, client: aiomqtt.Client, subscription: Subscription) -> None:
    """After a new connection: retained messages only if the broker has forgotten the subscription."""
    handling = 1 if subscription.ids and not subscription.renew else 0
    refused = await _ask(hub, client, subscription, handling, list(subscription.subscribers))
    if refused is not None:
        hub.warn(f"{subscription.filter}: the broker refuses to subscribe again: {refused}")


async def _ask(
    hub: Hub, client: aiomqtt.Client, subscription: Subscription, handling: int, asked_by: list[Any]
) -> str | None:
    """Subscribe at the broker; None, or why it refuses."""
    qos = subscription.qos
    if hub.settings.protocol == "5":
        properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
        properties.SubscriptionIdentifier = hub.subscriptions.new_id(subscription, asked_by)
        options = SubscribeOptions(qos=qos, retainHandling=handling)
        codes = await client.subscribe(subscription.filter, options=options, properties=properties)
    else:
        codes = await client.subscribe(subscription.filter, qos=qos)
    # Refused or not: it is what this connection's session has to say about it.
    subscription.active = True
    code: Any = codes[0]
    failed = code.is_failure if hasattr(code, "is_failure") else code >= 0x80
    if failed:
        return str(code)
    for place in subscription.subscribers.values():
        place.confirmed = True
    return None


async def _unsubscribe(hub: Hub, client: aiomqtt.Client, subscription: Subscription) -> None:
    await client.unsubscribe(subscription.filter)
    subscription.active = False
    released, subscription.released = subscription.released, []
    for tell in released:
        tell(OK)
    if not subscription.subscribers and not subscription.waiting:
        hub.subscriptions.forget(subscription)
