"""What processes ask an MQTT server for, checked: a request of another node's is never believed.

    {subscribe, Filter, Opts}          qos (0), codec, retain_handling (0)
    {publish, Topic, Payload, Opts}    qos (0), retain (false), codec, and MQTT 5's properties
    {unsubscribe, Filter}
    {call, Topic, Payload, Opts}       as publish, and timeout (milliseconds)

Options are a keyword list or a map.

Proof: tests/bridge/mqtt/test_mqtt_requests.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.bridge.mqtt.codecs import CODECS, CodecError, Codecs
from pyerlnode.bridge.mqtt.filters import check_filter, check_topic, text_of
from pyerlnode.bridge.mqtt.outbox import Outgoing
from pyerlnode.bridge.mqtt.properties import property_of
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Invalid", "Wish", "outgoing", "subscription"]

_PROPERTIES: Final = "properties"
_CALL_TIMEOUT: Final = 5000


class Invalid(Exception):
    """What is wrong with a request, as a term: `{invalid_filter, Filter, Why}`, ..."""

    def __init__(self, *reason: Term) -> None:
        super().__init__(*reason)
        self.reason = reason[0] if len(reason) == 1 else reason


@dataclass(frozen=True, slots=True)
class Wish:
    """How a subscriber wants to get what a filter matches."""

    qos: int = 0
    codec: str | None = None
    retain_handling: int = 0


def filter_of(value: Term) -> str:
    """A filter; Invalid for what is none."""
    filter = text_of(value)
    wrong = "a binary is wanted" if filter is None else check_filter(filter)
    if wrong is not None or filter is None:
        raise Invalid(Atom("invalid_filter"), value, wrong)
    return filter


def topic_of(value: Term) -> str:
    """The name of a topic; Invalid for what is none."""
    topic = text_of(value)
    wrong = "a binary is wanted" if topic is None else check_topic(topic)
    if wrong is not None or topic is None:
        raise Invalid(Atom("invalid_topic"), value, wrong)
    return topic


def subscription(filter: Term, options: Term) -> tuple[str, Wish]:
    """The filter of a `subscribe`, and how it is wanted."""
    values: dict[str, Any] = {}
    for name, value in _options(options):
        check = _WISHES.get(name)
        if check is None or not check(value):
            raise Invalid(Atom("invalid_option"), Atom(name))
        values[name] = str(value) if name == "codec" else value
    return filter_of(filter), Wish(**values)


def outgoing(topic: Term, payload: Term, options: Term, codecs: Codecs) -> Outgoing:
    """The message of a `publish`."""
    message = Outgoing(topic_of(topic), b"")
    codec = codecs.of(message.topic)
    properties: dict[str, Any] = {}
    for name, value in _flattened(options):
        if name == "qos" and _is_qos(value):
            message.qos = value
        elif name == "retain" and type(value) is bool:
            message.retain = value
        elif name == "codec" and _is_codec(value):
            codec = CODECS[str(value)]
        elif (found := property_of(name, value)) is not None:
            properties[name] = found
        else:
            raise Invalid(Atom("invalid_option"), Atom(name))
    try:
        message.payload = codec.write(payload)
    except CodecError as error:
        raise Invalid(Atom("invalid_payload"), str(error)) from None
    message.properties = properties
    return message


def call_timeout(options: Term) -> tuple[float, Term]:
    """The seconds that a `call` waits for its answer, and the other options."""
    timeout, others = _CALL_TIMEOUT, []
    for name, value in _options(options):
        if name != "timeout":
            others.append((Atom(name), value))
        elif type(value) is int and 0 < value < 2**32:
            timeout = value
        else:
            raise Invalid(Atom("invalid_option"), Atom(name))
    return timeout / 1000, others


def _options(options: Term) -> Iterator[tuple[str, Any]]:
    items = list(options.items()) if hasattr(options, "items") else options
    if not isinstance(items, list):
        raise Invalid(Atom("invalid_options"))
    for item in items:
        # A lone atom stands for true, as in Erlang's property lists.
        pair = (item, True) if isinstance(item, Atom) else item
        if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise Invalid(Atom("invalid_options"))
        yield str(pair[0]), pair[1]


def _flattened(options: Term) -> Iterator[tuple[str, Any]]:
    """Options with those that stand in `properties`, such as what came with a message."""
    for name, value in _options(options):
        if name == _PROPERTIES:
            yield from _options(value)
        else:
            yield name, value


def _is_qos(value: Any) -> bool:
    return type(value) is int and value in (0, 1, 2)


def _is_codec(value: Any) -> bool:
    return isinstance(value, str) and value in CODECS


_WISHES: Final = {"qos": _is_qos, "codec": _is_codec, "retain_handling": _is_qos}
