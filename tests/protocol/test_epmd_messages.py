"""EPMD's requests and replies, byte for byte, and what a daemon answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyerlnode.errors import EpmdError
from pyerlnode.protocol import (
    HIDDEN_NODE,
    Alive2Reply,
    Alive2Request,
    DumpRequest,
    EpmdRequest,
    EpmdRequestParser,
    KillRequest,
    NamesReply,
    NamesRequest,
    PortReply,
    PortRequest,
    Registration,
    Registrations,
    StopRequest,
    Then,
)

KATE = Registration("kate", 0x1234)

REQUESTS: list[tuple[EpmdRequest, str]] = [
    (Alive2Request(KATE), "0011 78 1234 4d 00 0006 0006 0004 6b617465 0000"),
    (
        Alive2Request(Registration("a", 1, HIDDEN_NODE, 0, 5, 5, b"xy")),
        "0010 78 0001 48 00 0005 0005 0001 61 0002 7879",
    ),
    (PortRequest("kate"), "0005 7a 6b617465"),
    (NamesRequest(), "0001 6e"),
    (DumpRequest(), "0001 64"),
    (KillRequest(), "0001 6b"),
    (StopRequest("kate"), "0005 73 6b617465"),
]


@pytest.mark.parametrize(("request_", "text"), REQUESTS, ids=lambda value: type(value).__name__)
def test_requests_have_the_printed_layout(request_: EpmdRequest, text: str) -> None:
    data = bytes.fromhex(text)
    assert request_.encode() == data
    assert EpmdRequestParser().feed(data) == [request_]


@given(st.lists(st.sampled_from([request for request, _ in REQUESTS])), st.data())
def test_any_split_of_the_stream_gives_the_same_requests(
    requests: list[EpmdRequest], data: st.DataObject
) -> None:
    stream = b"".join(request.encode() for request in requests)
    parser = EpmdRequestParser()
    found: list[EpmdRequest] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += parser.feed(stream[:size])
        stream = stream[size:]
    assert found == requests


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0000", "empty"),
        ("0001 00", "unknown EPMD request 0"),
        ("0003 ffffff", "unknown EPMD request 255"),
        ("0003 78 1234", "cut short"),
        ("0011 78 1234 4d 00 0006 0006 00ff 6b617465 0000", "cut short"),
    ],
)
def test_what_is_no_request_is_an_error(text: str, reason: str) -> None:
    with pytest.raises(EpmdError, match=reason):
        EpmdRequestParser().feed(bytes.fromhex(text))


@given(st.binary(max_size=300))
def test_garbage_gives_requests_or_an_epmd_error(data: bytes) -> None:
    try:
        requests = EpmdRequestParser().feed(data)
    except EpmdError:
        return
    assert all(isinstance(request, EpmdRequest) for request in requests)


def test_a_request_longer_than_its_length_field_is_refused() -> None:
    with pytest.raises(EpmdError, match="at most 65535"):
        PortRequest("x" * 65536).encode()


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Alive2Reply(0, 0x6B010E65), "76 00 6b010e65"),
        (Alive2Reply(1, 99), "76 01 00000063"),
        (Alive2Reply(0, 3, short=True), "79 00 0003"),
    ],
)
def test_registration_replies(reply: Alive2Reply, text: str) -> None:
    data = bytes.fromhex(text)
    assert reply.encode() == data
    assert Alive2Reply.decode(data) == reply
    for size in range(len(data)):
        assert Alive2Reply.decode(data[:size]) is None
        with pytest.raises(EpmdError, match=f"closed after {size} bytes"):
            Alive2Reply.decode(data[:size], closed=True)


def test_look_up_replies() -> None:
    data = bytes.fromhex("77 00 1234 4d 00 0006 0006 0004 6b617465 0000")
    assert PortReply(KATE).encode() == data
    assert PortReply.decode(data) == PortReply(KATE)
    for size in range(len(data)):
        assert PortReply.decode(data[:size]) is None
        with pytest.raises(EpmdError):
            PortReply.decode(data[:size], closed=True)
    assert PortReply.decode(b"\x77\x01") == PortReply(None)
    assert PortReply(None).encode() == b"\x77\x01"


@pytest.mark.parametrize("decode", [Alive2Reply.decode, PortReply.decode])
def test_an_answer_that_is_none_is_an_error_at_once(decode: type) -> None:
    with pytest.raises(EpmdError, match="48 54 54 50"):
        decode(b"HTTP/1.1 400 Bad Request")


def test_names_replies() -> None:
    data = b"\x00\x00\x11\x11name kate at port 4660\nname a at port b at port 1\n"
    reply = NamesReply(4369, [("kate", 4660), ("a at port b", 1)])
    assert reply.encode() == data
    assert NamesReply.decode(data) == reply


@pytest.mark.parametrize(
    "data", [b"", b"\0\0\0", b"\0\0\x11\x11nonsense\n", b"\0\0\x11\x11name a at port x\n"]
)
def test_a_names_reply_that_is_none_is_an_error(data: bytes) -> None:
    with pytest.raises(EpmdError):
        NamesReply.decode(data)


@given(st.binary(min_size=1, max_size=255))
def test_any_bytes_are_a_name_and_survive(name: bytes) -> None:
    text = name.decode("utf-8", "surrogateescape")
    request = Alive2Request(Registration(text, 1))
    assert EpmdRequestParser().feed(request.encode()) == [request]


def registered(state: Registrations, name: str, client: object = "client") -> Alive2Reply:
    answer = state.answer(Alive2Request(Registration(name, 1)), client)
    reply = Alive2Reply.decode(answer.data)
    assert reply is not None
    return reply


def test_a_name_is_taken_until_its_connection_closes() -> None:
    state = Registrations(4369, 1000)
    assert registered(state, "kate", 1).result == 0
    refused = state.answer(Alive2Request(KATE), 2)
    assert refused.data == bytes.fromhex("76 01 00000063")
    assert refused.then is Then.CLOSE
    state.release(2)
    assert state.names() == [("kate", 1)]
    state.release(1)
    assert registered(state, "kate", 2).result == 0


def test_creations_of_a_name_rise_by_one_and_start_behind_the_seed() -> None:
    state = Registrations(4369, 1000)
    creations = []
    for client in range(3):
        creations.append(registered(state, "kate", client).creation)
        state.release(client)
    assert creations == [1001, 1002, 1003]
    assert registered(state, "alex").creation == 1001


def test_a_creation_is_never_0_and_never_looks_like_an_old_one() -> None:
    state = Registrations(4369, 0xFFFFFFFF)
    assert registered(state, "kate").creation == 4


def test_old_nodes_get_creations_1_2_3_in_turn_in_the_short_reply() -> None:
    state = Registrations(4369, 1000)
    replies = []
    for name in "abcd":
        node = Registration(name, 1, highest=5, lowest=5)
        replies.append(state.answer(Alive2Request(node), name).data.hex(" "))
    assert replies == ["79 00 00 01", "79 00 00 02", "79 00 00 03", "79 00 00 01"]


def test_an_empty_name_gets_no_answer_and_a_long_one_is_refused() -> None:
    state = Registrations(4369, 1)
    assert state.answer(Alive2Request(Registration("", 1)), 1).data == b""
    assert registered(state, "x" * 255).result == 0
    assert registered(state, "y" * 256).result == 1


def test_look_up_gives_what_was_registered() -> None:
    state = Registrations(4369, 1)
    node = Registration("kate", 7, HIDDEN_NODE, 0, 6, 5, b"extra")
    state.answer(Alive2Request(node), 1)
    answer = state.answer(PortRequest("kate"), 2)
    assert PortReply.decode(answer.data) == PortReply(node)
    assert answer.then is Then.CLOSE
    assert state.answer(PortRequest("alex"), 2).data == b"\x77\x01"


def test_names_and_dump_begin_with_the_port_of_the_daemon() -> None:
    state = Registrations(4369, 1)
    state.answer(Alive2Request(KATE), 1)
    assert state.answer(NamesRequest(), 2).data == b"\0\0\x11\x11name kate at port 4660\n"
    assert (
        state.answer(DumpRequest(), 2).data == b"\0\0\x11\x11active name     <kate> at port 4660, fd = 0\n\0"
    )


def test_names_that_are_not_registered_any_more_stand_in_the_dump() -> None:
    state = Registrations(4369, 1)
    state.answer(Alive2Request(KATE), 1)
    state.release(1)
    assert state.answer(DumpRequest(), 2).data[4:] == b"old/unused name <kate> at port 4660, fd = 0\n\0"


def test_only_a_thousand_unused_names_are_remembered() -> None:
    state = Registrations(4369, 1)
    for number in range(1500):
        registered(state, f"n{number}", number)
        state.release(number)
    assert state.answer(DumpRequest(), 2).data.count(b"old/unused") == 1000
    assert registered(state, "n1499").creation == 5
    assert registered(state, "n0").creation == 4


def test_kill_is_refused_while_nodes_are_registered_unless_relaxed() -> None:
    strict, relaxed = Registrations(1, 1), Registrations(1, 1, relaxed=True)
    for state in (strict, relaxed):
        assert state.answer(KillRequest(), 2).data == b"OK"
        state.answer(Alive2Request(KATE), 1)
    assert (strict.answer(KillRequest(), 2).data, strict.answer(KillRequest(), 2).then) == (b"NO", Then.CLOSE)
    assert (relaxed.answer(KillRequest(), 2).data, relaxed.answer(KillRequest(), 2).then) == (b"OK", Then.END)


def test_stop_needs_the_relaxed_check_and_drops_the_client() -> None:
    strict, relaxed = Registrations(1, 1), Registrations(1, 1, relaxed=True)
    for state in (strict, relaxed):
        state.answer(Alive2Request(KATE), "client")
    assert strict.answer(StopRequest("kate"), 2).data == b""
    assert relaxed.answer(StopRequest("alex"), 2).data == b"NOEXIST"
    answer = relaxed.answer(StopRequest("kate"), 2)
    assert (answer.data, answer.drop) == (b"STOPPED", "client")
    assert relaxed.names() == []


@pytest.mark.parametrize("request_", [Alive2Request(KATE), DumpRequest(), KillRequest(), StopRequest("kate")])
def test_other_machines_may_only_look_up(request_: EpmdRequest) -> None:
    state = Registrations(1, 1, relaxed=True)
    answer = state.answer(request_, 1, local=False)
    assert (answer.data, answer.then) == (b"", Then.CLOSE)
    assert state.names() == []
    assert state.answer(PortRequest("kate"), 1, local=False).data == b"\x77\x01"
    assert state.answer(NamesRequest(), 1, local=False).data == b"\0\0\0\1"
