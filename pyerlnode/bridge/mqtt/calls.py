"""Calls over MQTT 5: a request with a response topic and correlation data, and the answer to it.

Proof: tests/bridge/mqtt/test_server.py, interop/test_mqtt.py.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.bridge.mqtt import requests
from pyerlnode.bridge.mqtt.codecs import CODECS, CodecError
from pyerlnode.bridge.mqtt.hub import ERROR, OK
from pyerlnode.bridge.mqtt.requests import Invalid, Wish
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyerlnode.bridge.mqtt.hub import Hub
    from pyerlnode.bridge.mqtt.outbox import Outgoing

__all__ = ["Calls"]

RESPONSES: Final = "pyerlnode/response"
_CORRELATION: Final = Atom("correlation_data")
_NEEDS_5: Final = Atom("needs_mqtt_5")
_INVALID_ANSWER: Final = Atom("invalid_answer")
# What stands in the options of a call itself.
_RESERVED: Final = ("response_topic", "correlation_data")


class Calls:
    """The calls of one server that wait for their answers."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._topic = f"{RESPONSES}/{hub.client_id}"
        self._numbers = itertools.count(1)
        self._waiting: dict[bytes, tuple[Callable[[Any], None], str | None, str]] = {}

    def begin(self, topic: Term, payload: Term, options: Term, tell: Callable[[Any], None]) -> None:
        """Publish a request; `tell` is given `{ok, Payload, Properties}` or `{error, Reason}`."""
        if self._hub.settings.protocol != "5":
            raise Invalid(_NEEDS_5)
        timeout, others = requests.call_timeout(options)
        message = requests.outgoing(topic, payload, others, self._hub.codecs)
        codec = next((str(value) for name, value in others if name == "codec"), None)
        number = b"%d" % next(self._numbers)
        properties = {key: value for key, value in message.properties.items() if key not in _RESERVED}
        message.properties = {**properties, "response_topic": self._topic, "correlation_data": number}
        self._waiting[number] = (tell, codec, message.topic)
        message.tell = lambda result: self._published(number, result)
        self._hub.runtime.call_later(timeout, self._end, number, (ERROR, Atom("timeout")))
        subscription = self._hub.subscriptions.by_filter.get(self._topic)
        if subscription is not None and subscription.active:
            self._hub.publish(message)
        else:
            # An answer that comes before this node is subscribed to it would be lost.
            wish = Wish(qos=1, codec="bytes")
            self._hub.subscribe(
                self, self._topic, wish, lambda result: self._listens(message, number, result)
            )

    def _listens(self, message: Outgoing, number: bytes, result: Term) -> None:
        if result is OK:
            self._hub.publish(message)
        else:
            self._end(number, result)

    def _published(self, number: bytes, result: Term) -> None:
        if isinstance(result, tuple) and result[0] == ERROR:
            self._end(number, result)

    def _end(self, number: bytes, result: Term) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            waiting[0](result)

    def take(self, topic: str, payload: Any, properties: dict[Term, Term]) -> None:
        """An answer; one that comes too late is dropped."""
        number: Any = properties.get(_CORRELATION)
        waiting = self._waiting.get(number) if isinstance(number, bytes) else None
        if waiting is None:
            return
        _, name, asked = waiting
        codec = self._hub.codecs.of(asked) if name is None else CODECS[name]
        try:
            self._end(number, (OK, codec.read(payload), properties))
        except CodecError as error:
            self._end(number, (ERROR, (_INVALID_ANSWER, str(error))))
