"""Native and pure frames take the same bytes for the same, and write the same."""

from __future__ import annotations

import random
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyerlnode.errors import PeerError, TermEncodeError
from pyerlnode.protocol import channel
from pyerlnode.protocol._choice import native
from pyerlnode.protocol.atom_cache import SLOTS, AtomCacheWriter
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
from pyerlnode.protocol.fragments import Assembler, Outbox
from pyerlnode.protocol.framing import FrameReader
from pyerlnode.term import Atom, ImproperList, Pid, Reference, encode

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.skipif(native is None, reason="the frames are not native")

HERE, THERE = "kate@localhost", "alex@localhost"
FROM, TO = Pid(THERE, 100, 0, 7), Pid(HERE, 200, 1, 9)
OTHER = Pid(THERE, 101, 0, 7)
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


def write_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_make_frame", channel._make_frame_in_python)
    monkeypatch.setattr(channel, "_new_cache", AtomCacheWriter)


def written(monkeypatch: pytest.MonkeyPatch, pure: bool) -> bytes:
    if pure:
        write_in_python(monkeypatch)
    outbox = Outbox()
    writer = channel.FrameWriter(PEER, THERE, SETTINGS, outbox)
    parts = []
    for control in controls():
        writer.write(control)
        parts.append(outbox.take())
    return b"".join(parts) + b"\0\0\0\0"


def outcome(data: bytes, pure: bool, pieces: Iterable[int] = ()) -> tuple[list[Any], str | None]:
    """What was read, `pieces` bytes at a time and then the rest, and what is under way or wrong then."""
    parser = channel.FrameParser(PEER, SETTINGS)
    if pure:
        parser._assembler = Assembler(SETTINGS.max_unfinished)
        parser.read_all, parser.unfinished = parser._read_one_by_one, lambda: None
    frames = FrameReader(4, SETTINGS.max_frame)
    buffer = bytearray(len(data))
    events: list[Any] = []
    at = 0
    try:
        for size in (*pieces, len(data)):
            buffer[: len(data[at : at + size])] = data[at : at + size]
            rest: bytes | memoryview = memoryview(buffer)[: len(data[at : at + size])]
            at += size
            while rest:
                window, rest = frames.window(rest)
                if window is not None:
                    frames.advance(parser.read_all(window, 0, events))
        return events, frames.unfinished() or parser.unfinished()
    except PeerError as error:
        return events, str(error)


def test_both_write_the_same(monkeypatch) -> None:
    assert written(monkeypatch, pure=False) == written(monkeypatch, pure=True)


def test_both_read_what_was_written(monkeypatch) -> None:
    data = written(monkeypatch, pure=False)
    events, wrong = outcome(data, pure=False)
    assert (events, wrong) == outcome(data, pure=True)
    assert len(events) == len(controls())
    assert wrong is None


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


# --- random messages -----------------------------------------------------------------


def sharing(atom: Atom) -> list[Atom]:
    """This one and two more atoms, of which only one at a time is in the cache."""
    others = (Atom(f"{atom}_{number}") for number in range(20 * SLOTS))
    slot = AtomCacheWriter.slot_of(atom)
    return [atom, *islice((other for other in others if AtomCacheWriter.slot_of(other) == slot), 2)]


# Atoms that take each other's slot, and more others than are remembered as the recent ones; one text is long.
SHARED = [atom for text in ("first", "second") for atom in sharing(Atom(text))]
ATOMS = [*SHARED, Atom("é" * 200), *(Atom(f"of_a_message_{number}") for number in range(50))]
MANY = [Atom(f"one_of_many_{number}") for number in range(400)]


def one_of(atoms: list[Atom]) -> st.SearchStrategy[Atom]:
    # By index: Hypothesis shows strategies in full.
    return st.integers(0, len(atoms) - 1).map(lambda at: atoms[at])


PAYLOADS = st.one_of(
    st.lists(one_of(SHARED), max_size=3),
    st.lists(one_of(ATOMS), max_size=30),
    st.lists(st.one_of(one_of(ATOMS), st.binary(max_size=400), st.integers()), max_size=8),
    st.integers(200, len(MANY)).map(lambda size: MANY[:size]),
    st.lists(one_of(ATOMS), max_size=5).map(lambda atoms: [*atoms, float("nan")]),
)
# Who sends it, what, and how many bytes leave before the next one.
MESSAGES = st.lists(st.tuples(st.sampled_from([FROM, OTHER]), PAYLOADS, st.integers(0, 2000)), max_size=25)


def sent(messages: list[tuple[Pid, Any, int]]) -> tuple[bytes, list[Send]]:
    """The bytes of what can be written, and what that is."""
    outbox = Outbox()
    writer = channel.FrameWriter(PEER, THERE, SETTINGS, outbox)
    parts, sends = [], []
    for sender, payload, size in messages:
        with suppress(TermEncodeError):
            writer.write(Send(sender, TO, payload))
            sends.append(Send(sender, TO, payload))
        parts.append(outbox.take(size))
    while part := outbox.take():
        parts.append(part)
    return b"".join(parts), sends


@settings(deadline=None)
@given(MESSAGES, st.lists(st.integers(1, 900), max_size=20))
def test_random_messages_are_the_same_with_either_however_they_are_cut(
    messages: list[tuple[Pid, Any, int]], pieces: list[int]
) -> None:
    data, sends = sent(messages)
    with pytest.MonkeyPatch.context() as monkeypatch:
        write_in_python(monkeypatch)
        assert sent(messages) == (data, sends)
    events, wrong = outcome(data, False, pieces)
    assert (events, wrong) == (outcome(data, True)[0], None)
    # A large message does not hold up those of others.
    for sender in (FROM, OTHER):
        assert [one for one in events if one.sender == sender] == [
            one for one in sends if one.sender == sender
        ]


# --- large messages ------------------------------------------------------------------

BINARY = bytes(range(256)) * 8
LARGE = [
    BINARY,
    (Atom("$gen_call"), (FROM, ImproperList([Atom("alias")], REF)), (Atom("echo"), BINARY)),
    [{Atom("key"): BINARY, b"other": [2**80, -1.5, 70_000]}, "behind it", b"x" * 299, b"x" * 300],
    [BINARY, b"y" * 1000, b"", BINARY],
    [[1] * 200, b"z" * 400, ["text"] * 100],
    {BINARY: BINARY, 1: 2},
    [list(range(1000)), 2**5000],
    [b"small" * 10] * 40,
    "é" * 1000,
    bytearray(BINARY),
    (BINARY, [[[[BINARY]]]], ImproperList([BINARY], BINARY)),
]


def large(interleaved: bool) -> bytes:
    """All of LARGE, each of another process, with small messages between their parts."""
    outbox = Outbox()
    writer = channel.FrameWriter(PEER, THERE, SETTINGS, outbox)
    parts = []
    for number, message in enumerate(LARGE):
        writer.write(Send(Pid(THERE, number, 0, 7), TO, message))
        if not interleaved:
            parts.append(outbox.take())
    while data := outbox.take(200):
        parts.append(data)
        if outbox.busy:
            writer.write(Send(FROM, TO, Atom("between")))
    return b"".join(parts)


def expected() -> list[Any]:
    return sorted(encode(message) for message in LARGE)


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("size", [1, 7, 22, 23, 100, 322, 323, 1000, 100_000])
def test_large_messages_however_they_are_cut(size: int, interleaved: bool) -> None:
    data = large(interleaved)
    events, wrong = outcome(data, False, [size] * (len(data) // size))
    assert (events, wrong) == outcome(data, True)
    assert wrong is None
    assert sorted(encode(event.message) for event in events if event.message != "between") == expected()


def test_large_messages_are_written_the_same(monkeypatch) -> None:
    native_one = large(interleaved=True)
    write_in_python(monkeypatch)
    assert native_one == large(interleaved=True)


def test_a_large_message_cut_short_at_any_byte() -> None:
    data = large(interleaved=False)[:6000]
    source = random.Random(2)
    for end in range(0, len(data), 3):
        pieces = [source.randrange(1, 700) for _ in range(4)]
        assert outcome(data[:end], False, pieces) == outcome(data[:end], True), (end, pieces)


def test_changed_bytes_of_large_messages_have_the_same_outcome() -> None:
    data = large(interleaved=True)
    source = random.Random(3)
    # Where heads are: what a length, a sequence, an id or a tag says.
    starts = [at for at in range(len(data) - 64) if data[at : at + 2] in (b"\x83E", b"\x83F")]
    heads = [at + byte for at in starts for byte in range(-4, 60)]
    for case in range(CASES // 4):
        changed = bytearray(data)
        for _ in range(source.randrange(1, 3)):
            changed[source.choice(heads)] = source.choice((0, 1, 2, 68, 69, 70, 97, 104, 109, 131, 255))
        pieces = [source.randrange(1, 900) for _ in range(source.randrange(5))]
        both = [repr(outcome(bytes(changed), pure, () if pure else pieces)) for pure in (False, True)]
        assert both[0] == both[1], (case, pieces, bytes(changed).hex())


def test_a_binary_that_is_announced_larger_than_it_comes() -> None:
    control = encode((22, FROM, TO))[1:]
    head = b"\x83\x45" + bytes(7) + b"\x01" + bytes(7) + b"\x02\0" + control
    rest = b"\x83\x46" + bytes(7) + b"\x01" + bytes(7) + b"\x01" + b"y" * 100
    for size in (101, 102, 150, 151, 2**32 - 1):
        first = head + b"h\x02m" + size.to_bytes(4, "big") + b"x" * 50
        data = b"".join(len(one).to_bytes(4, "big") + one for one in (first, rest))
        found = outcome(data, False)
        assert found == outcome(data, True)
        assert "its joined fragments" in str(found[1])


def test_what_is_sent_is_what_it_was_then() -> None:
    outbox = Outbox()
    writer = channel.FrameWriter(PEER, THERE, SETTINGS, outbox)
    changing = bytearray(b"before" * 100)
    writer.write(Send(FROM, TO, [changing, BINARY]))
    changing[:] = b"behind" * 100
    events, _ = outcome(outbox.take(), False)
    assert events == [Send(FROM, TO, [b"before" * 100, BINARY])]


def test_no_binary_of_a_fragments_size_is_copied() -> None:
    outbox = Outbox()
    channel.FrameWriter(PEER, THERE, SETTINGS, outbox).write(Send(FROM, TO, (Atom("echo"), BINARY)))
    pieces = outbox.take_pieces()
    ours = [piece for piece in pieces if isinstance(piece, memoryview) and piece.obj is BINARY]
    assert b"".join(ours) == BINARY
