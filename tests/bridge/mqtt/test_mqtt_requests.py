"""What other nodes ask for is checked."""

from __future__ import annotations

from typing import Any

import pytest

from pyerlnode.bridge.mqtt.codecs import Codecs
from pyerlnode.bridge.mqtt.requests import Invalid, Wish, call_timeout, outgoing, subscription
from pyerlnode.term import Atom, Map

QOS, RETAIN, CODEC, PROPERTIES = Atom("qos"), Atom("retain"), Atom("codec"), Atom("properties")
CODECS = Codecs({})


def test_options_are_lists_or_maps() -> None:
    for options in (
        [(QOS, 1), (CODEC, Atom("json"))],
        {QOS: 1, CODEC: Atom("json")},
        Map([(QOS, 1), (CODEC, b"json".decode())]),
    ):
        assert subscription(b"a/+", options) == ("a/+", Wish(1, "json"))
    assert subscription("a", []) == ("a", Wish())
    assert outgoing("a", b"x", [RETAIN], CODECS).retain is True


def test_properties_stand_anywhere() -> None:
    found = outgoing(
        b"a",
        b"x",
        {QOS: 2, Atom("content_type"): b"t", PROPERTIES: {Atom("user_properties"): {b"k": b"v"}, QOS: 1}},
        CODECS,
    )
    assert (found.topic, found.payload, found.qos) == ("a", b"x", 1)
    assert found.properties == {"content_type": "t", "user_properties": [("k", "v")]}


@pytest.mark.parametrize(
    "options",
    [
        5,
        b"qos",
        [5],
        [(QOS,)],
        [(5, 1)],
        [(QOS, 3)],
        [(QOS, True)],
        [(QOS, -1)],
        [(RETAIN, b"true")],
        [(CODEC, Atom("xml"))],
        [(CODEC, 5)],
        [(Atom("color"), 5)],
        [(PROPERTIES, 5)],
        [(Atom("user_properties"), [(b"a",)])],
        [(Atom("user_properties"), [5])],
        [(Atom("message_expiry_interval"), 2**32)],
        [(Atom("correlation_data"), b"x" * 70_000)],
        [(Atom("content_type"), b"\xff")],
    ],
)
def test_what_is_refused(options: Any) -> None:
    with pytest.raises(Invalid):
        outgoing("a", b"x", options, CODECS)


def test_how_long_a_call_waits() -> None:
    assert call_timeout([]) == (5.0, [])
    assert call_timeout({Atom("timeout"): 1500, QOS: 1}) == (1.5, [(QOS, 1)])
    for wrong in (0, -1, 1.5, Atom("infinity"), True):
        with pytest.raises(Invalid):
            call_timeout([(Atom("timeout"), wrong)])
