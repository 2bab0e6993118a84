"""MQTT 5's properties of a message: a map with atoms to processes, an object of the client library's to it.

    content_type, response_topic         text
    correlation_data                     a binary
    message_expiry_interval              seconds
    payload_format_indicator             0 or 1
    user_properties                      a list of {name, value}, names may come twice

Proof: tests/bridge/mqtt/test_properties.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from pyerlnode.bridge.mqtt.filters import MAX_BYTES, check_topic, text_of
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["from_wire", "property_of", "to_wire"]

USER: Final = "user_properties"
_WIRE: Final = {
    "content_type": "ContentType",
    "response_topic": "ResponseTopic",
    "correlation_data": "CorrelationData",
    "message_expiry_interval": "MessageExpiryInterval",
    "payload_format_indicator": "PayloadFormatIndicator",
    USER: "UserProperty",
}
_ATOMS: Final = {name: Atom(name) for name in _WIRE}
_MAX_SECONDS: Final = 2**32 - 1


def from_wire(properties: Properties | None) -> dict[Term, Term]:
    """The properties of a message that has arrived."""
    found: dict[Term, Term] = {}
    if properties is not None:
        for name, wire in _WIRE.items():
            value = getattr(properties, wire, None)
            if value is not None:
                found[_ATOMS[name]] = list(value) if name == USER else value
    return found


def to_wire(values: Mapping[str, Any]) -> Properties | None:
    """The same for the client library; None if there are none."""
    if not values:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, _WIRE[name], value)
    return properties


def property_of(name: str, value: Any) -> Any:
    """A property that somebody wants to send, as the client library wants it; None if it cannot be one."""
    check = _CHECKS.get(name)
    return None if check is None else check(value)


def _text(value: Any) -> str | None:
    text = text_of(value)
    return text if text is not None and len(text.encode("utf-8", "replace")) <= MAX_BYTES else None


def _topic(value: Any) -> str | None:
    text = text_of(value)
    return text if text is not None and check_topic(text) is None else None


def _data(value: Any) -> bytes | None:
    data = value.encode("utf-8", "replace") if type(value) is str else value
    return data if isinstance(data, bytes) and len(data) <= MAX_BYTES else None


def _up_to(limit: int) -> Callable[[Any], int | None]:
    return lambda value: value if type(value) is int and 0 <= value <= limit else None


def _pairs(value: Any) -> list[tuple[str, str]] | None:
    items = list(value.items()) if hasattr(value, "items") else value
    if not isinstance(items, list):
        return None
    found: list[tuple[str, str]] = []
    for item in items:
        pair = [_text(part) for part in item] if isinstance(item, (tuple, list)) else []
        if len(pair) != 2 or pair[0] is None or pair[1] is None:
            return None
        found.append((pair[0], pair[1]))
    return found


_CHECKS: Final[dict[str, Callable[[Any], Any]]] = {
    "content_type": _text,
    "response_topic": _topic,
    "correlation_data": _data,
    "message_expiry_interval": _up_to(_MAX_SECONDS),
    "payload_format_indicator": _up_to(1),
    USER: _pairs,
}
