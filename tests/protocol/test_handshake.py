"""Both roles of the handshake: every status, every refusal, every way to fail."""

from __future__ import annotations

from typing import Any

import pytest
from wire_pair import ALEX, COOKIE, KATE, Pair

from pyerlnode.errors import (
    ConfigError,
    CutOff,
    FrameTooLarge,
    HandshakeError,
    PeerError,
    Refused,
    SetupTimeout,
    UsageError,
    WrongCookie,
)
from pyerlnode.protocol import (
    OFFERED,
    OFFERED_VISIBLE,
    AliveAnswer,
    AliveQuestion,
    Connection,
    DistFlag,
    LocalNode,
    Named,
    NameReceived,
    Settings,
    State,
    Status,
    Up,
    resolve_simultaneous,
)
from pyerlnode.protocol.framing import frame
from pyerlnode.protocol.handshake import TRANSITIONS, Step
from pyerlnode.protocol.handshake_messages import Challenge, ChallengeReply, Name, digest


def test_the_digest_is_that_of_the_worked_example() -> None:
    assert digest("c00kie", 2212876175).hex() == "1601292a7bdf309d8b68ddb254d00587"
    assert digest("c00kie", 2503157706).hex() == "e51926186c243b98ffe8b060bbb742dc"


@pytest.mark.parametrize("prefix", [2, 4])
@pytest.mark.parametrize("status", [Status.OK, Status.OK_SIMULTANEOUS])
def test_both_ends_come_up(status: Status, prefix: int) -> None:
    pair = Pair(prefix=prefix, status=status)
    pair.pump()
    assert isinstance(pair.at_kate[-1], Up) and isinstance(pair.at_alex[-1], Up)
    at_kate, at_alex = pair.kate.peer, pair.alex.peer
    assert at_kate is not None and (at_kate.name, at_kate.creation) == (ALEX, 22)
    assert at_alex is not None and (at_alex.name, at_alex.creation) == (KATE, 11)
    assert at_kate.visible and at_alex.visible
    assert at_kate.flags == at_alex.flags


@pytest.mark.parametrize("at_kate", [OFFERED, OFFERED_VISIBLE])
@pytest.mark.parametrize("at_alex", [OFFERED, OFFERED_VISIBLE])
def test_a_peer_is_visible_only_when_both_ends_are_published(at_kate: DistFlag, at_alex: DistFlag) -> None:
    pair = Pair(at_kate, at_alex).up()
    for connection in (pair.kate, pair.alex):
        assert connection.peer is not None
        assert connection.peer.visible is bool(at_kate & at_alex & DistFlag.PUBLISHED)


def test_two_framings_do_not_come_up() -> None:
    tcp = Connection.initiator(LocalNode(KATE, 11), ALEX, COOKIE, 0.0, prefix=2)
    tls = Connection.acceptor(LocalNode(ALEX, 22), 0.0, prefix=4)
    with pytest.raises(FrameTooLarge, match="handshake with a node that has not told its name"):
        tls.receive(tcp.data_to_send(), 0.0)


@pytest.mark.parametrize("status", [Status.NOK, Status.NOT_ALLOWED])
def test_a_refusing_status_closes_both_ends(status: Status) -> None:
    pair = Pair(status=status)
    with pytest.raises(Refused, match=f"handshake with {ALEX}: status {status}") as caught:
        pair.pump()
    assert caught.value.status is status
    assert pair.kate.state is pair.alex.state is State.CLOSED
    assert pair.kate.error is caught.value
    assert pair.alex.error is None
    assert pair.alex.receive(b"\0\5hello", 1.0) == []


def asked(go_on: bool) -> Pair:
    pair = Pair(status=Status.ALIVE)
    pair.pump()
    assert pair.at_kate == [AliveQuestion()]
    pair.kate.answer_alive(go_on)
    pair.pump()
    return pair


def test_status_alive_goes_on_with_true() -> None:
    pair = asked(True)
    assert AliveAnswer(True) in pair.at_alex
    assert pair.kate.state is pair.alex.state is State.UP


def test_status_alive_ends_with_false() -> None:
    pair = asked(False)
    assert pair.at_alex[-1] == AliveAnswer(False)
    assert pair.kate.state is pair.alex.state is State.CLOSED


def test_a_node_without_a_name_gets_one() -> None:
    pair = Pair(local=LocalNode.dynamic("localhost"), status=Status.NAMED)
    pair.naming = {"name": "3XY@localhost", "creation": 77}
    pair.pump()
    asked_for = pair.at_alex[0]
    assert isinstance(asked_for, NameReceived) and asked_for.dynamic and asked_for.name == "localhost"
    assert pair.at_kate[0] == Named("3XY@localhost", 77)
    assert pair.kate.local.name == "3XY@localhost" and pair.kate.local.creation == 77
    assert not pair.kate.local.flags & DistFlag.NAME_ME
    assert pair.alex.peer is not None
    assert (pair.alex.peer.name, pair.alex.peer.creation) == ("3XY@localhost", 77)
    assert not pair.alex.peer.visible


def test_a_published_node_without_a_name_is_hidden_from_the_one_that_named_it() -> None:
    flags = OFFERED_VISIBLE | DistFlag.NAME_ME
    pair = Pair(local=LocalNode("localhost", 0, flags), status=Status.NAMED)
    pair.naming = {"name": "3XY@localhost", "creation": 77}
    pair.up()
    assert pair.alex.peer is not None and not pair.alex.peer.visible
    assert pair.kate.peer is not None and not pair.kate.peer.visible


@pytest.mark.parametrize("status", [Status.OK, Status.ALIVE, Status.OK_SIMULTANEOUS])
def test_a_node_that_asked_for_a_name_must_get_one(status: Status) -> None:
    with pytest.raises(UsageError, match="asked for a name"):
        Pair(local=LocalNode.dynamic("localhost"), status=status).pump()
    initiator = Connection.initiator(LocalNode.dynamic("localhost"), ALEX, COOKIE, 0.0)
    with pytest.raises(HandshakeError, match="instead of a name"):
        initiator.receive(frame(b"s" + status.encode(), 2), 0.0)


def test_a_name_nobody_asked_for_is_an_error() -> None:
    with pytest.raises(UsageError, match="needs a node that asked"):
        Pair(status=Status.NAMED).pump()
    initiator = Connection.initiator(LocalNode(KATE, 11), ALEX, COOKIE, 0.0)
    with pytest.raises(HandshakeError, match="did not ask"):
        initiator.receive(frame(b"snamed:\0\x05a@loc\0\0\0\1", 2), 0.0)


def test_a_bad_name_for_us_is_an_error() -> None:
    initiator = Connection.initiator(LocalNode.dynamic("localhost"), ALEX, COOKIE, 0.0)
    with pytest.raises(HandshakeError, match="bad name 'noat' for us"):
        initiator.receive(frame(b"snamed:\0\x04noat\0\0\0\1", 2), 0.0)


@pytest.mark.parametrize("host", ["", "a@b", "h" * 236, "h" * 250])
def test_hosts_that_would_end_a_beam_are_never_sent_and_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="dynamic name"):
        Connection.initiator(LocalNode.dynamic(host), ALEX, COOKIE, 0.0)
    acceptor = Connection.acceptor(LocalNode(ALEX, 22), 0.0)
    with pytest.raises(HandshakeError, match="bad name"):
        acceptor.receive(frame(Name(OFFERED | DistFlag.NAME_ME, 0, host).encode(), 2), 0.0)
    assert acceptor.data_to_send() == b""


def test_a_wrong_cookie_is_told_at_both_ends() -> None:
    pair = Pair(cookie="other")
    with pytest.raises(WrongCookie, match=f"handshake with {KATE}: its challenge reply is wrong"):
        pair.pump()
    assert pair.alex.data_to_send() == b""
    error = pair.kate.closed(0.0)
    assert isinstance(error, WrongCookie)
    assert (
        str(error)
        == f"handshake with {ALEX}: closed after our challenge reply: most likely the cookies differ"
    )


def test_a_wrong_acknowledgement_is_a_wrong_cookie() -> None:
    initiator = Connection.initiator(LocalNode(KATE, 11), ALEX, COOKIE, 0.0)
    initiator.receive(frame(b"sok", 2) + frame(Challenge(OFFERED, 1, 22, ALEX).encode(), 2), 0.0)
    with pytest.raises(WrongCookie, match="acknowledgement"):
        initiator.receive(frame(b"a" + bytes(16), 2), 0.0)
    assert initiator.state is State.CLOSED


def test_an_acceptor_that_is_closed_right_after_the_handshake_may_have_another_cookie() -> None:
    pair = Pair().up()
    assert "another cookie" in str(pair.alex.closed(0.0))


@pytest.mark.parametrize("name", ["kate", "a@b@c", "@localhost", "kate@", "k" * 250 + "@local", ""])
def test_a_bad_name_closes_without_a_status(name: str) -> None:
    acceptor = Connection.acceptor(LocalNode(ALEX, 22), 0.0)
    with pytest.raises(HandshakeError, match="bad name"):
        acceptor.receive(frame(Name(OFFERED, 1, name).encode(), 2), 0.0)
    assert acceptor.data_to_send() == b""
    assert acceptor.state is State.CLOSED


@pytest.mark.parametrize("name", ["ka te@localhost", "käte@localhost", ALEX])
def test_odd_characters_and_our_own_name_are_answered_with_nok(name: str) -> None:
    acceptor = Connection.acceptor(LocalNode(ALEX, 22), 0.0)
    with pytest.raises(HandshakeError, match="status nok"):
        acceptor.receive(frame(Name(OFFERED, 1, name).encode(), 2), 0.0)
    assert acceptor.data_to_send() == frame(b"snok", 2)


def test_bytes_behind_the_name_are_ignored() -> None:
    acceptor = Connection.acceptor(LocalNode(ALEX, 22), 0.0)
    events = acceptor.receive(frame(Name(OFFERED, 1, KATE).encode() + b"later versions", 2), 0.0)
    assert events == [NameReceived(KATE, OFFERED, 1, False)]


def test_the_other_end_must_be_the_wanted_node() -> None:
    initiator = Connection.initiator(LocalNode(KATE, 11), ALEX, COOKIE, 0.0)
    with pytest.raises(HandshakeError, match="another node answered: 'eve@localhost'"):
        initiator.receive(
            frame(b"sok", 2) + frame(Challenge(OFFERED, 1, 22, "eve@localhost").encode(), 2), 0.0
        )
    initiator.data_to_send()
    assert initiator.data_to_send() == b""


@pytest.mark.parametrize("own", ["a@h", "b@h", "kate@localhost"])
@pytest.mark.parametrize("peer", ["aa@h", "b@h2", "z@h"])
def test_of_two_attempts_at_once_exactly_one_is_kept(own: str, peer: str) -> None:
    assert {resolve_simultaneous(own, peer), resolve_simultaneous(peer, own)} == {
        Status.NOK,
        Status.OK_SIMULTANEOUS,
    }
    assert resolve_simultaneous(max(own, peer), min(own, peer)) is Status.NOK


def test_a_complement_with_missing_flags_is_answered_with_a_second_status() -> None:
    acceptor = Connection.acceptor(LocalNode(ALEX, 22), 0.0)
    old = b"n\0\5" + (int(OFFERED) & 0xFFFFFFFF).to_bytes(4, "big") + KATE.encode()
    event = acceptor.receive(frame(old, 2), 0.0)[0]
    assert isinstance(event, NameReceived) and event.creation == 0
    acceptor.accept(Status.OK, COOKIE)
    acceptor.data_to_send()
    with pytest.raises(HandshakeError, match=r"not_allowed.*V4_NC"):
        acceptor.receive(frame(b"c" + bytes(4) + (7).to_bytes(4, "big"), 2), 0.0)
    assert acceptor.data_to_send() == frame(b"snot_allowed", 2)


@pytest.mark.parametrize("go_on_after_alive", [False, True])
def test_an_old_name_message_comes_up_with_its_complement(go_on_after_alive: bool) -> None:
    acceptor = Connection.acceptor(LocalNode(ALEX, 22), 0.0, challenge=lambda: 5)
    old = b"n\0\5" + (int(OFFERED_VISIBLE) & 0xFFFFFFFF).to_bytes(4, "big") + KATE.encode()
    acceptor.receive(frame(old, 2), 0.0)
    if go_on_after_alive:
        acceptor.accept(Status.ALIVE, COOKIE)
        assert acceptor.receive(frame(b"strue", 2), 0.0) == [AliveAnswer(True)]
    else:
        acceptor.accept(Status.OK, COOKIE)
    high = (int(OFFERED) >> 32).to_bytes(4, "big")
    acceptor.receive(frame(b"c" + high + (7).to_bytes(4, "big"), 2), 0.0)
    acceptor.receive(frame(ChallengeReply(9, digest(COOKIE, 5)).encode(), 2), 0.0)
    assert acceptor.peer is not None
    assert (acceptor.peer.creation, acceptor.peer.visible) == (7, True)
    assert acceptor.peer.flags & DistFlag.V4_NC


@pytest.mark.parametrize("prefix", [2, 4])
def test_silence_ends_the_handshake_after_the_setup_time(prefix: int) -> None:
    settings = Settings(setup_time=7.0)
    for connection in (
        Connection.initiator(LocalNode(KATE, 11), ALEX, COOKIE, 100.0, prefix=prefix, settings=settings),
        Connection.acceptor(LocalNode(ALEX, 22), 100.0, prefix=prefix, settings=settings),
    ):
        assert connection.next_deadline() == 107.0
        connection.tick(106.9)
        with pytest.raises(SetupTimeout, match="nothing for 7 s while waiting for"):
            connection.tick(107.0)
        assert connection.state is State.CLOSED
        assert connection.next_deadline() == float("inf")


def test_each_step_starts_the_setup_timer_anew() -> None:
    acceptor = Connection.acceptor(LocalNode(ALEX, 22), 0.0, challenge=lambda: 5)
    acceptor.receive(frame(Name(OFFERED, 1, KATE).encode(), 2), 6.0)
    assert acceptor.next_deadline() == 13.0
    acceptor.accept(Status.OK, COOKIE, now=12.0)
    assert acceptor.next_deadline() == 19.0
    # A byte is not a step.
    acceptor.receive(b"\0", 18.0)
    assert acceptor.next_deadline() == 19.0
    initiator = Connection.initiator(LocalNode(KATE, 11), ALEX, COOKIE, 0.0)
    initiator.receive(frame(b"salive", 2), 6.0)
    assert initiator.next_deadline() == 13.0
    initiator.answer_alive(True, now=12.0)
    assert initiator.next_deadline() == 19.0


BAD_FOR_ACCEPTOR: list[tuple[bytes, str]] = [
    (b"", "empty frame"),
    (b"GET / HTTP/1.1\r\n\r\n", "no handshake message"),
    (b"N", "name cut short"),
    (Name(OFFERED, 1, KATE).encode()[:-1], "name cut short"),
    (b"N" + bytes(12) + b"\xff\xff" + KATE.encode(), "name cut short"),
    (b"N" + bytes(12) + b"\0\4\xff\xfe\xfd\xfc", "no UTF-8"),
    (b"n\0\6" + bytes(4) + KATE.encode(), "version 6"),
    (b"n\0", "name cut short"),
    (b"sok", "no handshake message"),
    (b"strue", "AliveReply message while waiting for the name"),
    (b"r" + bytes(20), "ChallengeReply message while waiting for the name"),
    (b"c" + bytes(8), "Complement message while waiting for the name"),
    (b"r" + bytes(19), "challenge reply cut short"),
    (b"a" + bytes(16), "no handshake message"),
]


@pytest.mark.parametrize(("body", "reason"), BAD_FOR_ACCEPTOR)
def test_garbage_to_an_acceptor_is_a_handshake_error(body: bytes, reason: str) -> None:
    acceptor = Connection.acceptor(LocalNode(ALEX, 22), 0.0)
    with pytest.raises(HandshakeError, match=f"handshake with a node that has not told its name: .*{reason}"):
        acceptor.receive(frame(body, 2), 0.0)
    assert acceptor.state is State.CLOSED


BAD_FOR_INITIATOR: list[tuple[bytes, str]] = [
    (b"", "empty frame"),
    (b"s", "unknown status b''"),
    (b"sokay", "unknown status b'okay'"),
    (b"snamed", "unknown status b'named'"),
    (b"strue", "unknown status b'true'"),
    (b"s" + b"x" * 1000, "unknown status b'xxx"),
    (b"snamed:\0", "cut short"),
    (b"snamed:\0\4a@bc", "cut short"),
    (Challenge(OFFERED, 1, 22, ALEX).encode(), "Challenge message while waiting for the status"),
    (b"a" + bytes(16), "Acknowledge message while waiting for the status"),
    (b"a" + bytes(15), "acknowledgement cut short"),
    (b"r" + bytes(20), "no handshake message"),
]


@pytest.mark.parametrize(("body", "reason"), BAD_FOR_INITIATOR)
def test_garbage_to_an_initiator_is_a_handshake_error(body: bytes, reason: str) -> None:
    initiator = Connection.initiator(LocalNode(KATE, 11), ALEX, COOKIE, 0.0)
    with pytest.raises(HandshakeError, match=f"handshake with {ALEX}: .*{reason}"):
        initiator.receive(frame(body, 2), 0.0)


def test_a_frame_beyond_the_limit_is_refused_before_it_comes() -> None:
    acceptor = Connection.acceptor(LocalNode(ALEX, 22), 0.0, settings=Settings(max_handshake_frame=100))
    with pytest.raises(FrameTooLarge, match="frame of 101 bytes announced, at most 100"):
        acceptor.receive(b"\0\x65", 0.0)


def test_a_peer_that_talks_on_instead_of_waiting_for_the_status_is_bounded() -> None:
    acceptor = Connection.acceptor(LocalNode(ALEX, 22), 0.0)
    acceptor.receive(frame(Name(OFFERED, 1, KATE).encode(), 2), 0.0)
    with pytest.raises(PeerError, match=KATE):
        for _ in range(100):
            acceptor.receive(b"x" * 1000, 0.0)


CLOSED: list[tuple[list[bytes], str]] = [
    ([], "closed instead of a status"),
    ([b"sok"], "closed instead of a challenge"),
    ([b"salive"], "closed after status alive"),
    ([b"sok", Challenge(OFFERED, 1, 22, ALEX).encode()], "most likely the cookies differ"),
]


@pytest.mark.parametrize(("bodies", "reason"), CLOSED)
def test_an_initiator_tells_where_the_peer_closed(bodies: list[bytes], reason: str) -> None:
    initiator = Connection.initiator(LocalNode(KATE, 11), ALEX, COOKIE, 0.0)
    for body in bodies:
        initiator.receive(frame(body, 2), 0.0)
    error = initiator.closed(1.0)
    assert isinstance(error, HandshakeError) and reason in str(error) and ALEX in str(error)
    assert initiator.state is State.CLOSED
    assert initiator.closed(2.0) is error


def test_an_acceptor_tells_where_the_peer_closed() -> None:
    told = []
    for steps in range(3):
        acceptor = Connection.acceptor(LocalNode(ALEX, 22), 0.0)
        if steps > 0:
            acceptor.receive(frame(Name(OFFERED, 1, KATE).encode(), 2), 0.0)
        if steps > 1:
            acceptor.accept(Status.OK, COOKIE)
        told.append(str(acceptor.closed(1.0)))
    assert told == [
        "handshake with a node that has not told its name: closed before it told its name",
        f"handshake with {KATE}: closed after its name",
        f"handshake with {KATE}: closed after our challenge: it wants another name or other flags",
    ]


def test_a_close_in_the_middle_of_a_frame_tells_how_much_came() -> None:
    acceptor = Connection.acceptor(LocalNode(ALEX, 22), 0.0)
    acceptor.receive(b"\0\x20Nabc", 0.0)
    error = acceptor.closed(0.0)
    assert isinstance(error, CutOff)
    assert "closed in the middle of a frame: 4 of 32 bytes" in str(error)


@pytest.mark.parametrize("name", ["kate", "a@b@c", "kä@te"])
def test_bad_names_of_our_own_are_config_errors(name: str) -> None:
    with pytest.raises(ConfigError, match="bad node name"):
        Connection.initiator(LocalNode(name, 1), ALEX, COOKIE, 0.0)
    with pytest.raises(ConfigError, match="bad node name"):
        Connection.initiator(LocalNode(KATE, 1), name, COOKIE, 0.0)
    with pytest.raises(ConfigError, match="bad node name"):
        Connection.acceptor(LocalNode(name, 1), 0.0)


def test_answers_at_the_wrong_time_are_usage_errors() -> None:
    pair = Pair()
    with pytest.raises(UsageError):
        pair.alex.accept(Status.OK, COOKIE)
    with pytest.raises(UsageError):
        pair.kate.accept(Status.OK, COOKIE)
    with pytest.raises(UsageError):
        pair.kate.answer_alive(True)
    with pytest.raises(UsageError):
        pair.alex.answer_alive(True)
    pair.up()
    with pytest.raises(UsageError):
        pair.alex.accept(Status.OK, COOKIE)


def test_the_table_of_transitions_is_closed() -> None:
    assert set(TRANSITIONS) == set(State)
    for state, steps in TRANSITIONS.items():
        assert set(steps) <= set(Step)
        assert state not in steps.values()
    reached: set[Any] = {State.WAIT_STATUS, State.WAIT_NAME}
    for _ in State:
        reached |= {after for state in reached for after in TRANSITIONS[state].values()}
    assert reached == set(State)
