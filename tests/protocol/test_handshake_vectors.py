"""Recorded handshakes with OTP 25, 27, 28 and 29, replayed at both ends: same bytes, same results."""

from __future__ import annotations

from typing import Any

import pytest
from dist_vectors import lines

from pyerlnode.errors import HandshakeError, Refused, WrongCookie
from pyerlnode.protocol import (
    AliveAnswer,
    AliveQuestion,
    Connection,
    DistFlag,
    Event,
    LocalNode,
    Named,
    NameReceived,
    State,
    Status,
    Up,
)
from pyerlnode.protocol.framing import frame
from pyerlnode.protocol.handshake_messages import (
    AliveReply,
    Challenge,
    ChallengeReply,
    Complement,
    Name,
    StatusMessage,
    decode_from_acceptor,
    decode_from_initiator,
)

VECTORS = [line for otp in (25, 27, 28, 29) for line in lines(f"handshake/otp{otp}")]
# The cookie that the OTP nodes had, whatever the other end used.
COOKIE = "c00kie"


def name_of(vector: dict[str, Any]) -> str:
    return f"otp{vector['otp']}-{vector['case'].replace(' ', '_')}"


class Replay:
    """A vector as messages of its initiator and of its acceptor."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.vector = vector
        otp_initiates = vector["otp_role"] == "initiator" if "otp_role" in vector else False
        first = "otp->peer" if otp_initiates else "peer->otp"
        self.bodies = [(one["dir"] == first, bytes.fromhex(one["hex"])) for one in vector["frames"]]
        self.from_initiator = [decode_from_initiator(body) for mine, body in self.bodies if mine]
        self.from_acceptor = [decode_from_acceptor(body) for mine, body in self.bodies if not mine]
        cookies: tuple[str, str] = (COOKIE, vector["cookie"]) if otp_initiates else (vector["cookie"], COOKIE)
        self.initiator_cookie, self.acceptor_cookie = cookies

    def sent_by(self, initiator: bool) -> list[bytes]:
        return [body for mine, body in self.bodies if mine is initiator]

    def find(self, kind: type, messages: list[Any]) -> Any:
        return next((message for message in messages if isinstance(message, kind)), None)

    def acceptor(self) -> Connection:
        challenge = self.find(Challenge, self.from_acceptor)
        node = (
            LocalNode("n@127.0.0.1", 1)
            if challenge is None
            else LocalNode(challenge.name, challenge.creation, challenge.flags & ~DistFlag.NAME_ME)
        )
        return Connection.acceptor(
            node, 0.0, challenge=lambda: 0 if challenge is None else challenge.challenge
        )

    def initiator(self) -> Connection:
        name = self.find(Name, self.from_initiator)
        challenge = self.find(Challenge, self.from_acceptor)
        reply = self.find(ChallengeReply, self.from_initiator)
        return Connection.initiator(
            LocalNode(name.name, name.creation, name.flags),
            "n@127.0.0.1" if challenge is None else challenge.name,
            self.initiator_cookie,
            0.0,
            challenge=lambda: 0 if reply is None else reply.challenge,
        )


def drive(connection: Connection, replay: Replay, initiator: bool) -> list[Event]:
    """Feed what the other end sent, answering as the recorded end did."""
    events: list[Event] = []
    for mine, body in replay.bodies:
        if mine is initiator:
            continue
        new = connection.receive(frame(body, 2), 0.0)
        events += new
        for event in new:
            if isinstance(event, NameReceived):
                status = replay.find(StatusMessage, replay.from_acceptor)
                naming = {"name": status.name, "creation": status.creation}
                given = naming if status.status is Status.NAMED else {}
                connection.accept(status.status, replay.acceptor_cookie, **given)
            elif isinstance(event, AliveQuestion):
                connection.answer_alive(replay.find(AliveReply, replay.from_initiator).go_on)
    return events


def framed(bodies: list[bytes]) -> bytes:
    return b"".join(frame(body, 2) for body in bodies)


def connects(vector: dict[str, Any]) -> bool:
    return str(vector["result"]).startswith("connected")


CONNECTED = [vector for vector in VECTORS if connects(vector)]


# OTP 25 takes peers without V4_NC; later releases and we do not.
STRICTER = [vector for vector in CONNECTED if vector["otp"] == 25 and vector["case"] == "missing V4_NC"]


@pytest.mark.parametrize("vector", [v for v in CONNECTED if v not in STRICTER], ids=name_of)
def test_as_acceptor_we_send_the_recorded_bytes_and_connect(vector: dict[str, Any]) -> None:
    replay = Replay(vector)
    connection = replay.acceptor()
    events = drive(connection, replay, initiator=False)
    assert connection.data_to_send() == framed(replay.sent_by(initiator=False))
    assert connection.state is State.UP
    up = events[-1]
    assert isinstance(up, Up)
    status = replay.find(StatusMessage, replay.from_acceptor)
    name = replay.find(Name, replay.from_initiator)
    complement = replay.find(Complement, replay.from_initiator)
    assert up.peer.name == (status.name or name.name)
    assert up.peer.creation == (complement or (status if status.name else name)).creation
    if status.status is Status.ALIVE:
        assert AliveAnswer(True) in events


@pytest.mark.parametrize("vector", [v for v in CONNECTED if v not in STRICTER], ids=name_of)
def test_as_initiator_we_send_the_recorded_bytes_and_connect(vector: dict[str, Any]) -> None:
    replay = Replay(vector)
    if replay.find(Complement, replay.from_initiator):
        # The name message before version 6 is read, never written.
        assert replay.sent_by(initiator=True)[0][:1] == b"n"
        return
    connection = replay.initiator()
    events = drive(connection, replay, initiator=True)
    assert connection.data_to_send() == framed(replay.sent_by(initiator=True))
    assert connection.state is State.UP
    assert isinstance(events[-1], Up)
    status = replay.find(StatusMessage, replay.from_acceptor)
    if status.name:
        assert Named(status.name, status.creation) in events
        assert connection.local == LocalNode(status.name, status.creation, connection.local.flags)


@pytest.mark.parametrize("vector", STRICTER, ids=name_of)
def test_a_peer_without_v4_nc_is_refused(vector: dict[str, Any]) -> None:
    replay = Replay(vector)
    connection = replay.acceptor()
    with pytest.raises(HandshakeError, match=r"not_allowed.*V4_NC"):
        drive(connection, replay, initiator=False)
    assert connection.data_to_send() == frame(b"snot_allowed", 2)


def case(name: str) -> list[dict[str, Any]]:
    found = [vector for vector in VECTORS if vector["case"] == name and not connects(vector)]
    assert found
    return found


@pytest.mark.parametrize("vector", case("missing UTF8_ATOMS") + case("missing V4_NC"), ids=name_of)
def test_missing_flags_are_answered_with_not_allowed(vector: dict[str, Any]) -> None:
    replay = Replay(vector)
    acceptor = replay.acceptor()
    with pytest.raises(HandshakeError, match=f"{vector['peer_name']}.*not_allowed"):
        drive(acceptor, replay, initiator=False)
    assert acceptor.data_to_send() == framed(replay.sent_by(initiator=False))
    initiator = replay.initiator()
    with pytest.raises(Refused) as caught:
        drive(initiator, replay, initiator=True)
    assert caught.value.status is Status.NOT_ALLOWED


@pytest.mark.parametrize("vector", case("wrong cookie"), ids=name_of)
def test_a_wrong_cookie_is_told_at_both_ends(vector: dict[str, Any]) -> None:
    replay = Replay(vector)
    acceptor = replay.acceptor()
    with pytest.raises(WrongCookie, match=vector["peer_name"]):
        drive(acceptor, replay, initiator=False)
    assert acceptor.data_to_send() == framed(replay.sent_by(initiator=False))
    initiator = replay.initiator()
    drive(initiator, replay, initiator=True)
    assert initiator.data_to_send() == framed(replay.sent_by(initiator=True))
    assert isinstance(initiator.closed(0.0), WrongCookie)


@pytest.mark.parametrize("vector", case("our cookie differs"), ids=name_of)
def test_a_wrong_acknowledgement_is_told_as_a_wrong_cookie(vector: dict[str, Any]) -> None:
    replay = Replay(vector)
    with pytest.raises(WrongCookie, match="acknowledgement"):
        drive(replay.initiator(), replay, initiator=True)


@pytest.mark.parametrize("vector", case("we answer not_allowed") + case("we answer nok"), ids=name_of)
def test_a_refusing_status_ends_the_attempt(vector: dict[str, Any]) -> None:
    replay = Replay(vector)
    initiator = replay.initiator()
    with pytest.raises(Refused) as caught:
        drive(initiator, replay, initiator=True)
    assert str(caught.value.status) in vector["case"]
    acceptor = replay.acceptor()
    drive(acceptor, replay, initiator=False)
    assert acceptor.state is State.CLOSED
    assert acceptor.data_to_send() == framed(replay.sent_by(initiator=False))


@pytest.mark.parametrize("vector", case("our flags lack MAP_TAG"), ids=name_of)
def test_an_acceptor_whose_flags_lack_something_gets_no_reply(vector: dict[str, Any]) -> None:
    replay = Replay(vector)
    initiator = replay.initiator()
    with pytest.raises(HandshakeError, match="MAP_TAG"):
        drive(initiator, replay, initiator=True)
    assert initiator.data_to_send() == framed(replay.sent_by(initiator=True))


def test_otp_25_closes_on_the_old_name_message_but_we_take_it() -> None:
    replay = Replay(case("old send_name n with complement")[0])
    connection = replay.acceptor()
    event = connection.receive(frame(replay.bodies[0][1], 2), 0.0)[0]
    assert isinstance(event, NameReceived)
    assert (event.name, event.creation) == ("oldie@127.0.0.1", 0)


def test_every_recorded_case_is_replayed_by_one_of_these() -> None:
    refused = {vector["case"] for vector in VECTORS if not connects(vector)}
    assert refused == {
        "missing UTF8_ATOMS",
        "missing V4_NC",
        "wrong cookie",
        "our cookie differs",
        "we answer not_allowed",
        "we answer nok",
        "our flags lack MAP_TAG",
        "old send_name n with complement",
    }
