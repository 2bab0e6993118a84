"""Payloads and terms."""

from __future__ import annotations

from typing import Any

import pytest

from pyerlnode.bridge.mqtt.codecs import CODECS, CodecError, Codecs
from pyerlnode.errors import BadArg
from pyerlnode.term import Atom, Map, encode


@pytest.mark.parametrize(
    ("name", "payload", "term"),
    [
        ("bytes", b"\xff\x00", b"\xff\x00"),
        ("text", "é".encode(), "é".encode()),
        ("json", b'{"a": [1, 2.5, null, true, "\xc3\xa9"]}', {b"a": [1, 2.5, None, True, "é".encode()]}),
        ("json", b"7", 7),
        ("etf", encode((Atom("ok"), [1.0])), (Atom("ok"), [1.0])),
    ],
)
def test_what_is_read(name: str, payload: bytes, term: Any) -> None:
    assert CODECS[name].read(payload) == term
    assert CODECS[name].read(CODECS[name].write(term)) == term


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("text", b"\xff"),
        ("json", b""),
        ("json", b"{"),
        ("json", b"\xff"),
        ("json", b"NaN"),
        ("json", b"-Infinity"),
        ("json", b"1e999"),
        ("json", b'"\\ud800"'),
        ("json", b'{"\\ud800": 1}'),
        ("json", b"[" * 102 + b"]" * 102),
        ("json", b"[" * 100_000),
        ("json", b"1" * 10_000),
        ("etf", b""),
        ("etf", b"{}"),
        ("etf", b"\x83h\x02a\x01"),
        ("etf", encode([Atom(f"quite_a_new_atom_{n}") for n in range(5)])[:-9]),
    ],
)
def test_what_cannot_be_read(name: str, payload: bytes) -> None:
    with pytest.raises(CodecError):
        CODECS[name].read(payload)


def test_a_device_makes_few_atoms() -> None:
    names = b"".join(b"w\x14" + b"a_device_atom_%06d" % n for n in range(200))
    with pytest.raises(CodecError, match="atoms"):
        CODECS["etf"].read(b"\x83l\x00\x00\x00\xc8" + names + b"j")


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("bytes", 5),
        ("bytes", Atom("a")),
        ("text", b"\xff"),
        ("json", b"\xff"),
        ("json", (1, 2)),
        ("json", {1: 2}),
        ("json", float("nan")),
        ("json", "\ud800"),
        ("etf", object()),
    ],
)
def test_what_cannot_be_written(name: str, term: Any) -> None:
    with pytest.raises(CodecError):
        CODECS[name].write(term)


def test_a_very_deep_term_cannot_be_written_as_json() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(CodecError, match="more than 100 levels"):
        CODECS["json"].write(deep)


def test_maps_that_no_dict_could_hold() -> None:
    assert CODECS["json"].write(Map([(Atom("a"), 1), (b"b", 2)])) == b'{"a": 1, "b": 2}'


def test_the_codec_of_a_topic() -> None:
    codecs = Codecs({"a/raw": "bytes", "a/#": "json", "b/+": "text"})
    assert [codecs.of(topic).name for topic in ("a/raw", "a/x", "b/x", "c")] == [
        "bytes",
        "json",
        "text",
        "bytes",
    ]
    assert Codecs({}).of("a").name == "bytes"
    for wrong in ({"a/#/b": "json"}, {"a": "xml"}):
        with pytest.raises(BadArg):
            Codecs(wrong)
