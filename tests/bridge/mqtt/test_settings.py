"""What can be set, and what is refused before anything starts."""

from __future__ import annotations

from typing import Any

import pytest

from pyerlnode.bridge.mqtt.settings import Broker, Settings, will_of
from pyerlnode.errors import BadArg, ConfigError

URL = "mqtt://localhost"


def test_urls() -> None:
    assert Broker.of("mqtt://host") == Broker("host", 1883)
    assert Broker.of("mqtts://host") == Broker("host", 8883, tls=True)
    assert Broker.of("mqtt://[::1]:7/") == Broker("::1", 7)
    full = Broker.of("mqtts://kate:s%40f%3A@host:99")
    assert full == Broker("host", 99, True, "kate", "s@f:")
    assert str(full) == "mqtts://kate@host:99" and "s@f" not in repr(full)
    assert str(Broker.of("mqtt://[::1]:7")) == "mqtt://[::1]:7"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "http://host",
        "mqtt://",
        "mqtt://host:x",
        "mqtt://host:99999",
        "mqtt://host/a",
        "mqtt://h?a",
        7,
    ],
)
def test_what_is_no_url(url: Any) -> None:
    with pytest.raises(ConfigError, match="a broker is mqtt"):
        Broker.of(url)


def test_a_password_is_not_told() -> None:
    with pytest.raises(ConfigError) as caught:
        Broker.of("mqtt://kate:secret@host:port")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"brokers": []},
        {"keepalive": 0},
        {"keepalive": True},
        {"timeout": "1"},
        {"queue_limit": 0},
        {"queue_policy": "lifo"},
        {"protocol": "4"},
        {"client_id": ""},
        {"codecs": {"a": "xml"}},
        {"session_expiry": -1},
        {"will": {}},
        {"will": {"topic": "a/+"}},
        {"will": {"topic": "a", "qos": 3}},
        {"will": {"topic": "a", "payload": 5}},
        {"will": {"topic": "a", "color": 5}},
        {"will": "a"},
    ],
)
def test_what_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ConfigError, BadArg)):
        Settings(**{"brokers": URL, **wrong})


def test_a_will() -> None:
    will = will_of({"topic": "gone", "payload": "kate", "qos": 1, "retain": True})
    assert (will.topic, will.payload, will.qos, will.retain) == ("gone", b"kate", 1, True)


def test_files_of_tls_that_are_missing() -> None:
    with pytest.raises(ConfigError, match="/no/such/file"):
        Settings(URL, cafile="/no/such/file").tls_context()
