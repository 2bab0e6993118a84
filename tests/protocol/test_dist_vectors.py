"""Every recorded frame, decoded in order, means what Erlang printed; and goes back in the same form."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from dist_vectors import FOREIGN, NODE_PAIRS, lines, readable

from pyerlnode.protocol import (
    Connection,
    DistFlag,
    Event,
    LocalNode,
    NameReceived,
    Peer,
    Settings,
    State,
    Status,
    Up,
)
from pyerlnode.protocol.atom_cache import AtomCacheReader
from pyerlnode.protocol.channel import FrameParser
from pyerlnode.protocol.control_codec import NO_PAYLOAD, ControlWriter
from pyerlnode.protocol.framing import frame
from pyerlnode.protocol.handshake_messages import Challenge, Name, decode_from_acceptor, decode_from_initiator
from pyerlnode.term import Atom, decode_at, equal

# Recordings abbreviate long texts: the beginning is compared, at the least this much.
_CUT = re.compile(r"\.\.\.\(\d+ chars\)$")
_BIG = re.compile(r"<<\.\.\.(\d+) bytes>>")


def same_text(term: Any, recorded: str) -> bool:
    cut = _CUT.search(recorded)
    if cut:
        return readable(term).startswith(recorded[: cut.start()])
    return readable(term) == recorded


def raw_control(data: bytes, cache: AtomCacheReader) -> Any:
    """The control tuple of a frame, by the term layer alone."""
    if data[0] == 112:
        return decode_at(data, 2)[0]
    atoms, at = cache.read(data, 2 if data[1] == 68 else 18)
    return decode_at(data, at, atoms=atoms)[0]


@dataclass
class Direction:
    """What one end of a recorded connection reads."""

    peer: Peer
    parser: FrameParser = field(init=False)
    cache: AtomCacheReader = field(init=False)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.parser = FrameParser(self.peer, Settings())
        self.cache = AtomCacheReader()

    def check(self, line: dict[str, Any]) -> bool:
        """Compare one line with what we make of its bytes; False for a frame that is not the last one."""
        data = bytes.fromhex(line["hex"])
        control = self.parser.read(data)
        raw = None if data[:2] == b"\x83\x46" else raw_control(data, self.cache)
        if control is None:
            return False
        tuple_, payload = ControlWriter(self.peer.flags, self.peer.name).write(control)
        assert same_text(tuple_, line["control"])
        assert raw is None or equal(raw, tuple_)
        assert ("payload" in line) is (payload is not NO_PAYLOAD)
        big = _BIG.search(line.get("payload", ""))
        if big:
            found = payload[-1] if isinstance(payload, tuple) else payload
            assert len(found) == int(big[1])
        elif "payload" in line:
            assert same_text(payload, line["payload"])
        return True


@pytest.mark.parametrize("name", FOREIGN)
def test_frames_between_a_beam_and_a_foreign_node_mean_what_was_recorded(name: str) -> None:
    header, *rest = lines(f"dist/{name}")
    flags = DistFlag(int(header["negotiated"], 16))
    directions = {
        "peer->otp": Direction(Peer(Atom(header["peer"]), 0x01020304, flags, False)),
        "otp->peer": Direction(Peer(Atom(header["otp_name"]), 1, flags, False)),
    }
    checked = 0
    for line in rest:
        if "closed_by" in line:
            for direction in directions.values():
                direction.reset()
        elif "hex" in line:
            checked += directions[line["dir"]].check(line)
    assert checked == sum("hex" in line for line in rest)


def recorded_handshake(name: str) -> tuple[dict[str, Any], dict[str, list[bytes]], list[dict[str, Any]]]:
    header, *rest = lines(f"dist/{name}")
    shaken: dict[str, list[bytes]] = {"A->B": [], "B->A": []}
    for line in rest:
        if line.get("phase") == "handshake":
            shaken[line["dir"]].append(bytes.fromhex(line["hex"]))
    return header, shaken, [line for line in rest if line.get("phase") == "dist"]


@pytest.mark.parametrize("name", NODE_PAIRS)
def test_a_whole_connection_between_two_beams_can_be_replayed_at_both_ends(name: str) -> None:
    header, shaken, frames = recorded_handshake(name)
    named = decode_from_initiator(shaken["A->B"][0])
    challenged = decode_from_acceptor(shaken["B->A"][1])
    assert isinstance(named, Name) and isinstance(challenged, Challenge)
    challenge_of_a = int.from_bytes(shaken["A->B"][1][1:5], "big")
    a = Connection.initiator(
        LocalNode(named.name, named.creation, named.flags),
        challenged.name,
        header["cookie"],
        0.0,
        challenge=lambda: challenge_of_a,
    )
    b = Connection.acceptor(
        LocalNode(challenged.name, challenged.creation, challenged.flags),
        0.0,
        challenge=lambda: challenged.challenge,
    )
    assert a.data_to_send() == frame(shaken["A->B"][0], 2)
    assert isinstance(b.receive(frame(shaken["A->B"][0], 2), 0.0)[0], NameReceived)
    b.accept(Status.OK, header["cookie"])
    assert b.data_to_send() == b"".join(frame(body, 2) for body in shaken["B->A"][:2])
    assert a.receive(b"".join(frame(body, 2) for body in shaken["B->A"][:2]), 0.0) == []
    assert a.data_to_send() == frame(shaken["A->B"][1], 2)
    up_at_b = b.receive(frame(shaken["A->B"][1], 2), 0.0)
    assert b.data_to_send() == frame(shaken["B->A"][2], 2)
    up_at_a = a.receive(frame(shaken["B->A"][2], 2), 0.0)
    assert isinstance(up_at_a[0], Up) and isinstance(up_at_b[0], Up)
    assert up_at_a[0].peer.visible and up_at_b[0].peer.name == named.name

    arrived: dict[str, list[Event]] = {"A->B": [], "B->A": []}
    whole = [line for line in frames if "hex" in line and line["frame"] == "131,68"]
    for line in whole:
        reader = b if line["dir"] == "A->B" else a
        arrived[line["dir"]] += reader.receive(frame(bytes.fromhex(line["hex"]), 4), 1.0)
    for way, events in arrived.items():
        assert len(events) == sum(line["dir"] == way for line in whole)
    assert a.state is b.state is State.UP


@pytest.mark.parametrize("name", NODE_PAIRS)
def test_frames_between_two_beams_mean_what_was_recorded(name: str) -> None:
    _, shaken, frames = recorded_handshake(name)
    named = decode_from_initiator(shaken["A->B"][0])
    challenged = decode_from_acceptor(shaken["B->A"][1])
    assert isinstance(named, Name) and isinstance(challenged, Challenge)
    flags = named.flags & challenged.flags
    directions = {
        "A->B": Direction(Peer(Atom(named.name), named.creation, flags, True)),
        "B->A": Direction(Peer(Atom(challenged.name), challenged.creation, flags, True)),
    }
    checked = 0
    cut = [line for line in frames if "hex" not in line]
    for line in frames:
        # Of a message whose first fragments were not kept whole nothing can be joined.
        if line not in cut and not (cut and line["frame"] == "131,70"):
            checked += directions[line["dir"]].check(line)
    assert checked == sum(line["frame"] == "131,68" for line in frames) + (not cut)
