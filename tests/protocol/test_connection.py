"""Two Connections against each other: every form, any split, large messages, bad frames."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import terms
from wire_pair import ALEX, CACHE, COOKIE, FRAGMENTS, KATE, Pair, alex, kate, ref

from pyerlnode.errors import FrameTooLarge, PeerError, TermEncodeError, UsageError
from pyerlnode.protocol import (
    OFFERED_VISIBLE,
    AliasSend,
    Connection,
    Control,
    Demonitor,
    DistFlag,
    Exit,
    Exit2,
    GroupLeader,
    Link,
    LocalNode,
    Monitor,
    MonitorExit,
    RegSend,
    Send,
    Settings,
    SpawnReply,
    SpawnRequest,
    State,
    Status,
    Unlink,
    UnlinkAck,
)
from pyerlnode.protocol.framing import frame
from pyerlnode.term import Atom, Pid, equal

FORMS = [OFFERED_VISIBLE & ~without for without in (DistFlag(0), CACHE, FRAGMENTS, CACHE | FRAGMENTS)]
RELEASES = [
    DistFlag(0),
    DistFlag.ALTACT_SIG,
    DistFlag.ALTACT_SIG | DistFlag.EXIT_PAYLOAD | DistFlag.SEND_SENDER,
]

CONTROLS: list[Control] = [
    Link(kate(), alex()),
    Unlink(1, kate(), alex()),
    UnlinkAck(2, kate(), alex()),
    Exit(kate(), alex(), Atom("killed")),
    Exit2(kate(), alex(), (Atom("shutdown"), b"x")),
    RegSend(kate(), Atom("server"), [Atom("hello"), 1.5]),
    AliasSend(kate(), ref(ALEX, 1, 2, 3, 4, 5), True),
    GroupLeader(kate(), alex()),
    Monitor(kate(), alex(), ref()),
    Monitor(kate(), Atom("nil"), ref()),
    Demonitor(kate(), alex(), ref()),
    MonitorExit(kate(), alex(), ref(ALEX), Atom("noproc")),
    SpawnRequest(ref(), kate(), kate(2), Atom("m"), Atom("f"), 1, [Atom("link")], [None]),
    SpawnReply(ref(ALEX), alex(), 3, kate()),
    Send(kate(), alex(), b"y" * 200_000),
    Send(kate(), alex(), {Atom("key"): [Atom("value"), Atom("key")]}),
]


@pytest.mark.parametrize("without", RELEASES, ids=["29", "27", "old"])
@pytest.mark.parametrize("at_kate", FORMS)
@pytest.mark.parametrize("at_alex", FORMS)
def test_every_control_message_arrives_in_every_form(
    at_kate: DistFlag, at_alex: DistFlag, without: DistFlag
) -> None:
    pair = Pair(at_kate & ~without, at_alex).up()
    for _ in range(2):
        for control in CONTROLS:
            pair.kate.send(control)
            pair.pump()
        # Without SEND_SENDER nobody tells who sent a message.
        told = DistFlag.SEND_SENDER not in without
        assert pair.at_alex == [
            control if told or not isinstance(control, Send) else replace(control, sender=None)
            for control in CONTROLS
        ]
        pair.at_alex.clear()


@given(st.lists(terms(), max_size=5), st.sampled_from(FORMS))
@settings(max_examples=100)
def test_any_message_arrives_as_it_was_sent(messages: list[Any], flags: DistFlag) -> None:
    pair = Pair(flags, settings=Settings(fragment_size=50)).up()
    for message in messages:
        pair.kate.send(Send(kate(), alex(), message))
    pair.pump()
    assert len(pair.at_alex) == len(messages)
    for event, message in zip(pair.at_alex, messages, strict=True):
        assert isinstance(event, Send) and equal(event.message, message)


def replay(stream: bytes, sizes: Any, flags: DistFlag) -> list[Any]:
    """Feed `stream` to an acceptor in pieces of `sizes`."""
    # The challenge is part of the stream's digest: both ends of this file use a fixed one.
    acceptor = Connection.acceptor(LocalNode(ALEX, 22, flags), 0.0, challenge=lambda: 1)
    events: list[Any] = []
    at = 0
    while at < len(stream) and acceptor.error is None:
        size = next(sizes)
        new = acceptor.receive(stream[at : at + size], 0.0)
        at += size
        for event in new:
            if type(event).__name__ == "NameReceived":
                acceptor.accept(Status.OK, COOKIE)
        events += new
    # What came together with the name waits for the answer to it.
    return events + acceptor.receive(b"", 0.0)


def stream_of(flags: DistFlag) -> bytes:
    initiator = Connection.initiator(
        LocalNode(KATE, 11, flags), ALEX, COOKIE, 0.0, settings=Settings(fragment_size=100)
    )
    acceptor = Connection.acceptor(LocalNode(ALEX, 22, flags), 0.0, challenge=lambda: 1)
    stream = initiator.data_to_send()
    acceptor.receive(stream, 0.0)
    acceptor.accept(Status.OK, COOKIE)
    initiator.receive(acceptor.data_to_send(), 0.0)
    reply = initiator.data_to_send()
    stream += reply
    acceptor.receive(reply, 0.0)
    initiator.receive(acceptor.data_to_send(), 0.0)
    for number, control in enumerate(CONTROLS):
        initiator.send(control if number != 14 else Send(kate(), alex(), b"y" * 450))
        stream += initiator.data_to_send(60)
        # A tick stands between two frames, also between two fragments.
        stream += b"\0\0\0\0"
    return stream + initiator.data_to_send()


STREAMS = {flags: stream_of(flags) for flags in FORMS}
WHOLE = {flags: replay(stream, itertools.repeat(10**9), flags) for flags, stream in STREAMS.items()}


@pytest.mark.parametrize("flags", FORMS)
def test_byte_by_byte_gives_the_same_events_as_all_at_once(flags: DistFlag) -> None:
    assert len(WHOLE[flags]) == len(CONTROLS) + 2
    assert replay(STREAMS[flags], itertools.repeat(1), flags) == WHOLE[flags]


@given(st.sampled_from(FORMS), st.lists(st.integers(1, 400), min_size=1))
def test_any_split_of_the_stream_gives_the_same_events(flags: DistFlag, sizes: list[int]) -> None:
    assert replay(STREAMS[flags], itertools.cycle(sizes), flags) == WHOLE[flags]


def test_a_10_mb_message_lets_ticks_and_other_messages_pass() -> None:
    pair = Pair(settings=Settings(fragment_size=64 * 1024)).up()
    big = bytes(range(256)) * 40_000
    pair.kate.send(Send(kate(1), alex(), big))
    pair.kate.send(Send(kate(2), alex(), Atom("first")))
    pair.kate.send(Send(kate(1), alex(), Atom("behind")))
    rounds = 0
    while pair.kate.pending:
        rounds += 1
        data = pair.kate.data_to_send(100_000)
        assert len(data) < 200_000
        pair.at_alex += pair.alex.receive(data, 0.0)
        pair.at_alex += pair.alex.receive(b"\0\0\0\0", 0.0)
        if pair.kate.pending:
            pair.kate.send(Send(kate(3), alex(), (Atom(f"round_{rounds % 50}"), rounds)))
    messages = [event.message for event in pair.at_alex if isinstance(event, Send)]
    assert messages[0] == "first"
    assert messages[-2:] == [big, "behind"]
    assert [message[1] for message in messages[1:-2]] == list(range(1, rounds))
    assert rounds > 50


def test_large_messages_of_several_senders_interleave() -> None:
    pair = Pair(settings=Settings(fragment_size=1000)).up()
    for number in range(5):
        pair.kate.send(Send(kate(number), alex(), (Atom("big"), bytes([number]) * 10_000)))
        pair.kate.send(Send(kate(number), alex(), (Atom("after"), number)))
    pair.pump(limit=3000)
    assert len(pair.at_alex) == 10
    for number in range(5):
        mine = [
            event.message[0]
            for event in pair.at_alex
            if isinstance(event, Send) and event.sender == kate(number)
        ]
        assert mine == ["big", "after"]


def test_what_is_written_without_a_pause_is_not_cut() -> None:
    pair = Pair(settings=Settings(fragment_size=1000)).up()
    pair.kate.frame_size = 20_000
    message = (Atom("big"), b"x" * 10_000)
    pair.kate.send(Send(kate(1), alex(), message))
    alone = pair.kate.pieces_to_send()
    assert b"".join(alone)[4:6] == b"\x83D"
    for number in (2, 3):
        pair.kate.send(Send(kate(number), alex(), message))
    pair.kate.send(Send(kate(4), alex(), Atom("small")))
    behind = pair.kate.data_to_send()
    # The first one stands where it would anyway, the second one would keep others waiting.
    assert behind[4:6] == b"\x83D" and b"\x83E" in behind
    for data in (b"".join(alone), behind):
        pair.at_alex += pair.alex.receive(data, 0.0)
    sent = [event.message for event in pair.at_alex if isinstance(event, Send)]
    assert sent == [message, message, "small", message]


def test_what_is_larger_than_what_is_written_without_a_pause_is_cut() -> None:
    pair = Pair(settings=Settings(fragment_size=1000)).up()
    pair.kate.frame_size = 5000
    pair.kate.send(Send(kate(1), alex(), b"x" * 5000))
    assert pair.kate.data_to_send(1)[4:6] == b"\x83E"


def test_a_message_is_what_it_was_when_it_was_sent() -> None:
    pair = Pair(settings=Settings(fragment_size=100)).up()
    content = [b"x" * 500, 1]
    pair.kate.send(Send(kate(), alex(), content))
    pair.kate.send(Send(kate(), alex(), content))
    content.append(2)
    pair.pump()
    assert [len(event.message) for event in pair.at_alex if isinstance(event, Send)] == [2, 2]


@pytest.mark.parametrize("flags", FORMS)
def test_what_cannot_be_encoded_leaves_the_connection_as_it_was(flags: DistFlag) -> None:
    pair = Pair(flags).up()
    for number in range(3):
        with pytest.raises(TermEncodeError):
            pair.kate.send(Send(kate(), alex(), [Atom("lost"), Atom(f"lost_{number}"), object()]))
        with pytest.raises(TermEncodeError):
            pair.kate.send(Send(kate(), alex(), float("nan")))
        pair.kate.send(Send(kate(), alex(), [Atom("lost"), Atom(f"lost_{number}")]))
    pair.pump()
    assert [event.message for event in pair.at_alex if isinstance(event, Send)] == [
        ["lost", f"lost_{number}"] for number in range(3)
    ]


def test_nothing_is_sent_before_the_connection_is_up_or_after_it_closed() -> None:
    pair = Pair()
    with pytest.raises(UsageError, match=f"nothing can be sent to {ALEX}: waiting for the status"):
        pair.kate.send(CONTROLS[0])
    pair.up()
    pair.kate.closed(0.0)
    with pytest.raises(UsageError, match="closed"):
        pair.kate.send(CONTROLS[0])


# Frames that a connection in the header form, or in the pass-through form, refuses.
K = b"X" + b"w\x0e" + KATE.encode() + (1).to_bytes(4, "big") + bytes(4) + (11).to_bytes(4, "big")
A = b"X" + b"w\x0e" + ALEX.encode() + (1).to_bytes(4, "big") + bytes(4) + (22).to_bytes(4, "big")
SEND = b"h\3a\x16" + K + A
HEADER_FORM: list[tuple[bytes, str]] = [
    (b"\x70\x83" + SEND + b"\x83a\1", "70 83, 83 44 was negotiated"),
    (b"\x83", "frame begins with 83"),
    (b"\x84\x44", "frame begins with 84 44"),
    (b"\x83\x47\0", "frame begins with 83 47"),
    (b"\x83\x44", "header cut short at byte 2"),
    (b"\x83\x44\0", "control message, byte 3"),
    (b"\x83\x44\x01\x00\x05", "slot 5 at byte 4 was never filled"),
    (b"\x83\x44\x02\x08\x00\x05", "header cut short|ends at"),
    (b"\x83\x44\0" + SEND, "control message 22: no payload at byte"),
    (b"\x83\x44\0" + SEND + b"\xff", "payload of control message 22, byte"),
    (b"\x83\x44\0" + SEND + b"m\0\0\0\5abc", "payload of control message 22, byte"),
    (b"\x83\x44\0" + SEND + b"R\0", "payload of control message 22"),
    (b"\x83\x44\0" + SEND[:-3], "control message, byte"),
    (b"\x83\x44\0h\1a\5", r"unknown|of 1 elements|control message 5"),
    (b"\x83\x44\0h\3a\4" + K + A, "unknown control message 4 .at byte 3"),
    (b"\x83\x44\0a\1", "no control message: int"),
    (b"\x83\x44\0h\0", "no control message: an empty tuple"),
    (b"\x83\x44\0h\3a\x16" + K + b"a\1a\1", "control message 22: int where a Pid"),
    (b"\x83\x44\0h\3a\1" + A + K, "is no process of this peer"),
    (b"\x83\x45" + bytes(15), "fragment cut short"),
    (b"\x83\x46" + bytes(15), "fragment cut short"),
    (b"\x83\x45" + bytes(7) + b"\1" + bytes(8) + b"\0" + SEND + b"a\1", "fragment 0 of sequence 1"),
    (b"\x83\x46" + bytes(7) + b"\1" + bytes(8) + b"a\1", "fragment 0 of sequence 1"),
    (b"\x83\x46" + bytes(7) + b"\1" + bytes(7) + b"\1a\1", "no first one"),
    (b"\x83\x45" + bytes(7) + b"\1" + bytes(7) + b"\2\0" + SEND[:-1], "control message, byte"),
    (b"\x83\x45" + bytes(7) + b"\1" + bytes(7) + b"\2\0h\3a\1" + K + A, "no payload to be cut"),
]


@pytest.mark.parametrize(("body", "reason"), HEADER_FORM)
def test_what_a_beam_closes_on_is_a_peer_error_that_names_peer_and_reason(body: bytes, reason: str) -> None:
    pair = Pair().up()
    with pytest.raises(PeerError, match=f"^{KATE}: .*({reason})"):
        pair.alex.receive(frame(body, 4), 0.0)
    assert pair.alex.state is State.CLOSED
    with pytest.raises(PeerError):
        pair.alex.receive(b"", 0.0)


PASS_THROUGH: list[tuple[bytes, str]] = [
    (b"\x83\x44\0" + SEND + b"a\1", "83 44, 70 83 was negotiated"),
    (b"\x70", "frame begins with 70,"),
    (b"\x70\x83", "control message, byte 2"),
    (b"\x70" + SEND + b"\x83a\1", "frame begins with 70 68"),
    (b"\x70\x83" + SEND, "control message 22: no payload at byte"),
    (b"\x70\x83" + SEND + b"a\1", "control message 22: no payload at byte"),
    (b"\x70\x83" + SEND + b"\x83", "payload of control message 22, byte"),
    (b"\x70\x83h\3a\x63" + K + A, "unknown control message 99"),
    (b"\x70\x83h\3a\1" + A + K, "is no process of this peer"),
]


@pytest.mark.parametrize(("body", "reason"), PASS_THROUGH)
def test_the_same_holds_for_the_pass_through_form(body: bytes, reason: str) -> None:
    pair = Pair(OFFERED_VISIBLE & ~CACHE & ~FRAGMENTS).up()
    with pytest.raises(PeerError, match=f"^{KATE}: .*({reason})"):
        pair.alex.receive(frame(body, 4), 0.0)


def test_fragments_are_refused_unless_negotiated() -> None:
    pair = Pair(OFFERED_VISIBLE & ~FRAGMENTS).up()
    with pytest.raises(PeerError, match="frame begins with 83 45"):
        pair.alex.receive(frame(b"\x83\x45" + bytes(7) + b"\1" + bytes(7) + b"\1\0" + SEND + b"a\1", 4), 0.0)


@pytest.mark.parametrize(
    "form", [b"\x83\x44\0" + SEND, b"\x83\x45" + bytes(7) + b"\1" + bytes(7) + b"\1\0" + SEND]
)
def test_bytes_behind_the_payload_are_ignored(form: bytes) -> None:
    pair = Pair().up()
    assert pair.alex.receive(frame(form + b"a\1rest", 4), 0.0) == [Send(kate(), alex(), 1)]


def test_events_before_a_bad_frame_are_not_lost() -> None:
    pair = Pair().up()
    good = frame(b"\x83\x44\0" + SEND + b"a\1", 4)
    bad = frame(b"\x83\x44\0a\1", 4)
    assert pair.alex.receive(good + good + bad + good, 1.0) == [Send(kate(), alex(), 1)] * 2
    assert pair.alex.state is State.CLOSED
    assert "no control message" in str(pair.alex.error)
    assert pair.alex.next_deadline() < 0
    for _ in range(2):
        with pytest.raises(PeerError, match="no control message"):
            pair.alex.tick(1.0)
    assert pair.alex.next_deadline() == float("inf")
    assert pair.alex.closed(2.0) is pair.alex.error


def test_a_frame_beyond_the_limit_is_refused_before_it_comes() -> None:
    pair = Pair(settings=Settings(max_frame=1000)).up()
    with pytest.raises(FrameTooLarge, match=f"{KATE}: frame of 1001 bytes announced"):
        pair.alex.receive((1001).to_bytes(4, "big"), 0.0)


def message(term: bytes) -> bytes:
    """A frame that sends `term`, which is given in its external format without the version byte."""
    return frame(b"\x83\x44\0" + SEND + term, 4)


def test_a_long_list_passes_and_a_bomb_of_empty_lists_does_not() -> None:
    pair = Pair().up()
    count = 1_000_000
    (sent,) = pair.alex.receive(message(b"l" + count.to_bytes(4, "big") + b"a\x05" * count + b"j"), 0.0)
    assert isinstance(sent, Send)
    assert sent.message == [5] * count
    count = 12_000_001
    with pytest.raises(PeerError, match="elements"):
        pair.alex.receive(message(b"l" + count.to_bytes(4, "big") + b"j" * count + b"j"), 0.0)


def test_a_bomb_of_unfinished_messages_is_refused() -> None:
    pair = Pair(settings=Settings(max_unfinished=1_000_000)).up()
    with pytest.raises(PeerError, match="unfinished messages need more than 1000000 bytes"):
        for sequence in range(10_000):
            body = b"\x83\x45" + sequence.to_bytes(8, "big") + b"\x7f" * 8 + b"\0" + SEND + b"x" * 100
            pair.alex.receive(frame(body, 4), 0.0)


def test_a_close_is_told_with_what_was_under_way() -> None:
    pair = Pair().up()
    pair.alex.receive(b"\0\0\0\x64abc", 1.0)
    assert str(pair.alex.closed(2.0)) == f"{KATE}: closed in the middle of a frame: 3 of 100 bytes"
    pair = Pair().up()
    pair.alex.receive(b"\0\0\0\0", 1.0)
    assert str(pair.alex.closed(3.5)) == f"{KATE}: closed the connection, 2.5 s after its last byte"


def test_a_third_node_may_be_a_sender_but_not_link() -> None:
    third = Pid("eve@localhost", 1, 0, 3)
    pair = Pair().up()
    pair.kate.send(Send(third, alex(), 1))
    pair.pump()
    assert pair.at_alex == [Send(third, alex(), 1)]
    with pytest.raises(UsageError):
        pair.kate.send(Link(third, alex()))


@given(st.sampled_from(FORMS), st.integers(0, 10**6), st.integers(1, 255), st.integers(1, 10))
def test_changed_bytes_give_events_or_a_peer_error(flags: DistFlag, at: int, change: int, count: int) -> None:
    stream = bytearray(STREAMS[flags])
    for number in range(count):
        stream[(at + number * 7919) % len(stream)] ^= change
    try:
        replay(bytes(stream), itertools.repeat(300), flags)
    except PeerError as error:
        assert str(error)


@pytest.mark.parametrize("flags", FORMS)
def test_every_changed_byte_of_a_frame_gives_an_event_or_a_peer_error(flags: DistFlag) -> None:
    pair = Pair(flags).up()
    pair.kate.send(RegSend(kate(), Atom("server"), {Atom("key"): [1.5, b"x", ref()]}))
    stream = pair.kate.data_to_send()
    outcomes: set[type] = set()
    for at in range(4, len(stream)):
        for change in (1, 0x80, 0xFF):
            pair = Pair(flags).up()
            data = bytearray(stream)
            data[at] ^= change
            try:
                outcomes.update(type(event) for event in pair.alex.receive(bytes(data), 0.0))
            except PeerError as error:
                outcomes.add(type(error))
    assert outcomes == {RegSend, PeerError}


@given(st.binary(max_size=200), st.sampled_from(FORMS))
def test_garbage_behind_the_handshake_gives_events_or_a_peer_error(data: bytes, flags: DistFlag) -> None:
    pair = Pair(flags).up()
    for stream in (data, frame(data, 4), frame(b"\x83\x44" + data, 4), frame(b"\x83\x45" + data, 4)):
        try:
            pair.alex.receive(stream, 0.0)
        except PeerError as error:
            assert str(error)
            pair = Pair(flags).up()


@given(st.binary(max_size=200), st.sampled_from([2, 4]))
def test_garbage_instead_of_a_handshake_is_a_peer_error_or_waits_for_more(data: bytes, prefix: int) -> None:
    for connection in (
        Connection.acceptor(LocalNode(ALEX, 22), 0.0, prefix=prefix),
        Connection.initiator(LocalNode(KATE, 11), ALEX, COOKIE, 0.0, prefix=prefix),
    ):
        try:
            connection.receive(data, 0.0)
        except PeerError as error:
            assert connection.error is error
