"""Native and pure frames take the same bytes for the same, and write the same."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pyerlnode.errors import PeerError
from pyerlnode.protocol import channel
from pyerlnode.protocol._choice import native
from pyerlnode.protocol.atom_cache import AtomCacheWriter
from pyerlnode.protocol.control import (
    AliasSend,
    Control,
    Demonitor,
    Exit,
    Exit2,
    GroupLeader,
    Link,
    Monitor,
    MonitorExit,
    RegSend,
    Send,
    SpawnReply,
    Unlink,
)
from pyerlnode.protocol.events import Peer, Settings
from pyerlnode.protocol.flags import OFFERED_VISIBLE, DistFlag
from pyerlnode.protocol.fragments import Outbox
from pyerlnode.term import Atom, ImproperList, Pid, Reference

pytestmark = pytest.mark.skipif(native is None, reason="the frames are not native")

HERE, THERE = "kate@localhost", "alex@localhost"
FROM, TO = Pid(THERE, 100, 0, 7), Pid(HERE, 200, 1, 9)
REF = Reference(THERE, 7, (1, 2, 3))
PEER = Peer(Atom(THERE), 7, OFFERED_VISIBLE | DistFlag.ALTACT_SIG, visible=True)
SETTINGS = Settings(fragment_size=300, max_frame=20_000)
CASES = 4000


def controls() -> list[Control]:
    """Each kind, some several times, so that headers name atoms that are known."""
    call = (Atom("$gen_call"), (FROM, ImproperList([Atom("alias")], REF)), (Atom("echo"), 1))
    some: list[Control] = [
        RegSend(FROM, Atom("echo"), call),
        Monitor(FROM, Atom("echo"), REF),
        Monitor(FROM, TO, REF),
        Demonitor(FROM, Atom("echo"), REF),
        Send(FROM, TO, {Atom("key"): [1, 2.5, b"text", "é"]}),
        Send(None, TO, 7),
        Send(FROM, TO, 7, token=(Atom("token"),)),
        AliasSend(FROM, REF, (REF, [Atom("nil"), None, True])),
        AliasSend(FROM, REF, 1, priority=True),
        Link(FROM, TO),
        Unlink(5, FROM, TO),
        Exit(FROM, TO, Atom("boom")),
        Exit2(FROM, TO, (Atom("shutdown"), [])),
        GroupLeader(FROM, TO),
        MonitorExit(FROM, TO, REF, Atom("noproc")),
        SpawnReply(REF, TO, 0, FROM),
        Send(FROM, TO, bytes(1000)),
        RegSend(FROM, Atom("x" * 200), Atom("é" * 130)),
    ]
    return some * 3


def written(monkeypatch: pytest.MonkeyPatch, pure: bool) -> bytes:
    if pure:
        monkeypatch.setattr(channel, "_make_frame", channel._make_frame_in_python)
        monkeypatch.setattr(channel, "_new_cache", AtomCacheWriter)
    outbox = Outbox()
    writer = channel.FrameWriter(PEER, THERE, SETTINGS, outbox)
    parts = []
    for control in controls():
        writer.write(control)
        parts.append(outbox.take())
    return b"".join(parts) + b"\0\0\0\0"


def outcome(data: bytes, pure: bool) -> tuple[list[Any], str | int]:
    """What was read, and where it ended or why."""
    parser = channel.FrameParser(PEER, SETTINGS)
    if pure:
        parser.read_all = parser._read_one_by_one
    events: list[Any] = []
    try:
        return events, parser.read_all(data, 0, events)
    except PeerError as error:
        return events, str(error)


def test_both_write_the_same(monkeypatch) -> None:
    assert written(monkeypatch, pure=False) == written(monkeypatch, pure=True)


def test_both_read_what_was_written(monkeypatch) -> None:
    data = written(monkeypatch, pure=False)
    events, end = outcome(data, pure=False)
    assert (events, end) == outcome(data, pure=True)
    assert len(events) == len(controls())
    assert end == len(data)


def test_both_say_the_same_of_bytes_cut_short(monkeypatch) -> None:
    data = written(monkeypatch, pure=False)[:3000]
    for end in range(len(data)):
        assert outcome(data[:end], pure=False) == outcome(data[:end], pure=True), end


def test_both_say_the_same_of_changed_bytes(monkeypatch) -> None:
    data = written(monkeypatch, pure=False)[:3000]
    source = random.Random(1)
    for case in range(CASES):
        changed = bytearray(data[: source.randrange(20, len(data))])
        for _ in range(source.randrange(1, 4)):
            changed[source.randrange(len(changed))] = source.choice((0, 1, 68, 69, 70, 82, 104, 131, 255))
        both = [repr(outcome(bytes(changed), pure)) for pure in (False, True)]
        assert both[0] == both[1], (case, bytes(changed).hex())


def test_a_message_that_cannot_be_written_leaves_the_cache_as_it_was() -> None:
    outbox = Outbox()
    writer = channel.FrameWriter(PEER, THERE, SETTINGS, outbox)
    with pytest.raises(Exception, match="float"):
        writer.write(Send(FROM, TO, (Atom("new to the cache"), float("nan"))))
    writer.write(Send(FROM, TO, Atom("new to the cache")))
    events, _ = outcome(outbox.take(), pure=True)
    assert events == [Send(FROM, TO, Atom("new to the cache"))]
