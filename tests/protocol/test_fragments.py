"""Large messages: put together from parts, and sent in parts that let others pass."""

from __future__ import annotations

from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyerlnode.errors import PeerError
from pyerlnode.protocol._choice import native
from pyerlnode.protocol.fragments import Assembler, Outbox, Rest


class New(Protocol):
    """Makes an assembler."""

    def __call__(self, limit: int = 1_000_000) -> Assembler[str]: ...


@pytest.fixture(params=["pure", "native"])
def assembler(request: pytest.FixtureRequest) -> New:
    if request.param == "pure":
        return lambda limit=1_000_000: Assembler(limit)
    if native is None:
        pytest.skip("the frames are not native")
    made = native.Assembler
    return lambda limit=1_000_000: made(limit)


def test_parts_count_down_to_one(assembler: New) -> None:
    parts = assembler()
    parts.first(7, 3, "start", b"ab")
    assert parts.next(7, 2, b"cd") is None
    assert parts.next(7, 1, b"ef") == ("start", b"abcdef")


def test_sequences_interleave(assembler: New) -> None:
    parts = assembler()
    parts.first(1, 2, "one", b"a")
    parts.first(2, 3, "two", b"x")
    assert parts.next(2, 2, b"y") is None
    assert parts.next(1, 1, b"b") == ("one", b"ab")
    assert parts.next(2, 1, b"z") == ("two", b"xyz")


def test_a_number_may_be_used_again_when_its_message_is_complete(assembler: New) -> None:
    parts = assembler()
    for _ in range(2):
        parts.first(1, 2, "one", b"a")
        assert parts.next(1, 1, b"b") == ("one", b"ab")


@pytest.mark.parametrize("fragment", [3, 1, 4, 2**63])
def test_parts_out_of_order_are_an_error(assembler: New, fragment: int) -> None:
    parts = assembler()
    parts.first(7, 3, "start", b"ab")
    with pytest.raises(PeerError, match="fragment 2 is the next"):
        parts.next(7, fragment, b"")


def test_a_part_of_an_unknown_sequence_is_an_error(assembler: New) -> None:
    parts = assembler()
    with pytest.raises(PeerError, match="no first one"):
        parts.next(7, 1, b"")
    parts.first(7, 2, "start", b"")
    parts.next(7, 1, b"")
    with pytest.raises(PeerError, match="no first one"):
        parts.next(7, 1, b"")


def test_a_sequence_that_is_under_way_cannot_begin_again(assembler: New) -> None:
    parts = assembler()
    parts.first(7, 3, "start", b"")
    with pytest.raises(PeerError, match="begins again"):
        parts.first(7, 3, "start", b"")


def test_an_announced_number_of_parts_costs_nothing(assembler: New) -> None:
    parts = assembler(10_000)
    parts.first(7, 2**64 - 1, "start", b"x" * 1000)
    assert parts.next(7, 2**64 - 2, b"x" * 1000) is None


def test_unfinished_messages_are_bounded_in_bytes(assembler: New) -> None:
    parts = assembler(100_000)
    parts.first(1, 1000, "start", b"x" * 50_000)
    with pytest.raises(PeerError, match="more than 100000 bytes"):
        parts.next(1, 999, b"x" * 50_000)


def test_empty_parts_are_bounded_too(assembler: New) -> None:
    parts = assembler(100_000)
    parts.first(1, 2**40, "start", b"")
    with pytest.raises(PeerError, match="1 unfinished messages"):
        for fragment in range(2**40 - 1, 2**40 - 10_000, -1):
            parts.next(1, fragment, b"")


def test_messages_that_only_begin_are_bounded_too(assembler: New) -> None:
    parts = assembler(100_000)
    with pytest.raises(PeerError, match="unfinished messages need more"):
        for sequence in range(1000):
            parts.first(sequence, 2, "start", b"")


def test_complete_messages_cost_nothing_any_more(assembler: New) -> None:
    parts = assembler(100_000)
    for sequence in range(100):
        parts.first(sequence, 2, "start", b"x" * 40_000)
        assert parts.next(sequence, 1, b"x" * 40_000) is not None


# A large message in these tests: its first frame, then parts of two bytes.
def large(outbox: Outbox, key: object, name: bytes, parts: int = 3) -> None:
    body = name * 2 * parts
    outbox.put([b"<", name, b">"], 3, key, Rest(name[0], [memoryview(body)], 2))


def small(outbox: Outbox, key: object, text: bytes) -> None:
    outbox.put([text], len(text), key)


def frames(outbox: Outbox, limit: int | None = None) -> list[bytes]:
    """What is handed out, with each further fragment shortened to its name and number."""
    data = outbox.take(limit)
    found = []
    while data:
        if data[:1] == b"\0":
            found.append(data[22:23] + str(data[21]).encode())
            data = data[24:]
        else:
            size = data.find(b"\0") if b"\0" in data else len(data)
            found.append(data[:size])
            data = data[size:]
    return found


def test_without_large_messages_everything_is_handed_out_in_order() -> None:
    outbox = Outbox()
    for text in (b"a", b"b", b"c"):
        small(outbox, None, text)
    assert outbox.pending == 3
    assert outbox.take() == b"abc"
    assert outbox.take() == b""
    assert outbox.pending == 0


def test_other_senders_pass_the_rest_of_a_large_message() -> None:
    outbox = Outbox()
    large(outbox, 1, b"A")
    small(outbox, 2, b"b")
    assert outbox.passes(2) and not outbox.passes(1)
    assert frames(outbox) == [b"<A>b", b"A3", b"A2", b"A1"]
    assert not outbox.busy


def test_the_same_sender_waits_behind_its_large_message() -> None:
    outbox = Outbox()
    large(outbox, 1, b"A", 2)
    small(outbox, 1, b"a")
    small(outbox, 2, b"b")
    assert frames(outbox) == [b"<A>b", b"A2", b"A1", b"a"]


def test_large_messages_take_turns() -> None:
    outbox = Outbox()
    large(outbox, 1, b"A", 2)
    large(outbox, 2, b"B", 3)
    assert frames(outbox) == [b"<A><B>", b"A2", b"B3", b"A1", b"B2", b"B1"]


def test_parts_of_a_large_message_are_handed_out_as_they_are() -> None:
    outbox = Outbox()
    payload = memoryview(bytes(30))
    outbox.put([b"first", payload[:10]], 15, "a", Rest(1, [payload[10:]], 10))
    pieces = outbox.take_pieces()
    assert [len(piece) for piece in pieces if isinstance(piece, memoryview)] == [10, 10, 10]
    assert all(piece.obj is payload.obj for piece in pieces if isinstance(piece, memoryview))
    assert outbox.take_pieces() == []


def test_parts_are_cut_out_of_several_pieces() -> None:
    outbox = Outbox()
    pieces = [memoryview(one) for one in (b"abc", b"d", b"efghij", b"k")]
    rest = Rest(7, pieces, 4)
    first: list[bytes | bytearray | memoryview] = []
    rest.move_first(first)
    assert (b"".join(first), rest.fragments, rest.left) == (b"abcd", 2, 7 + 2 * 22)
    outbox.put([b"<", *first], 5, "a", rest)
    data = outbox.take()
    seven = (7).to_bytes(8, "big")
    heads = [bytes.fromhex(f"000000{size} 8346") + seven for size in ("16", "15")]
    assert data == b"<abcd%b%befgh%b%bijk" % (
        heads[0],
        (2).to_bytes(8, "big"),
        heads[1],
        (1).to_bytes(8, "big"),
    )
    assert outbox.pending == 0


def test_a_limit_leaves_parts_that_others_then_pass() -> None:
    outbox = Outbox()
    large(outbox, 1, b"A", 4)
    assert frames(outbox, 20) == [b"<A>", b"A4"]
    small(outbox, 2, b"b")
    small(outbox, 1, b"a")
    assert frames(outbox, 20) == [b"b", b"A3"]
    assert outbox.pending == 2 * 24 + 1
    assert frames(outbox) == [b"A2", b"A1", b"a"]


def test_an_unknown_sender_waits_for_everything_and_everything_for_it() -> None:
    outbox = Outbox()
    large(outbox, 1, b"A", 2)
    small(outbox, None, b"?")
    small(outbox, 2, b"b")
    small(outbox, 1, b"a")
    assert not outbox.passes(2)
    assert frames(outbox) == [b"<A>", b"A2", b"A1", b"?ba"]


def test_a_large_message_of_an_unknown_sender_is_passed_by_nobody() -> None:
    outbox = Outbox()
    large(outbox, None, b"A", 2)
    small(outbox, 2, b"b")
    large(outbox, 3, b"C", 1)
    small(outbox, 3, b"c")
    assert frames(outbox) == [b"<A>", b"A2", b"A1", b"b<C>", b"C1", b"c"]


def test_what_is_put_now_passes_everything_that_waits() -> None:
    outbox = Outbox()
    large(outbox, 1, b"A", 2)
    outbox.take(1)
    outbox.put_now(b"tick")
    assert frames(outbox) == [b"tick", b"A2", b"A1"]


@given(
    st.lists(st.tuples(st.sampled_from([1, 2, 3, None]), st.integers(0, 3), st.integers(0, 60)), max_size=25),
)
def test_order_per_sender_is_kept_and_nothing_is_lost(steps: list[tuple[int | None, int, int]]) -> None:
    outbox = Outbox()
    finished: list[tuple[int | None, int]] = []
    expected: list[tuple[int | None, int]] = []
    last_part: dict[int, tuple[int | None, int]] = {}

    def collect(limit: int | None) -> None:
        data = outbox.take(limit)
        while data:
            if data[0] == 0:
                finished.extend([last_part[data[13]]] if data[21] == 1 else [])
                data = data[24:]
            elif data[0] == ord("s"):
                finished.append(expected[data[1]])
                data = data[2:]
            else:
                data = data[2:]

    for number, (key, parts, limit) in enumerate(steps):
        expected.append((key, number))
        if parts:
            last_part[number] = (key, number)
            outbox.put([bytes((ord("l"), number))], 2, key, Rest(number, [memoryview(b"xy" * parts)], 2))
        else:
            outbox.put([bytes((ord("s"), number))], 2, key)
        collect(limit)
    collect(None)
    assert sorted(finished, key=lambda one: one[1]) == expected
    assert outbox.pending == 0 and not outbox.busy
    for key in (1, 2, 3):
        mine = [number for sender, number in finished if sender in (key, None)]
        assert mine == sorted(mine)
