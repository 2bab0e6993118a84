"""Frames out of a stream, however it is cut."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyerlnode.errors import FrameTooLarge
from pyerlnode.protocol.framing import FrameReader, frame


def frames_of(reader: FrameReader) -> list[bytes]:
    found = []
    while (data := reader.take()) is not None:
        found.append(data)
    return found


@given(st.lists(st.binary(max_size=40), max_size=10), st.sampled_from([2, 4]), st.data())
def test_any_split_of_the_stream_gives_the_same_frames(
    bodies: list[bytes], prefix: int, data: st.DataObject
) -> None:
    stream = b"".join(frame(body, prefix) for body in bodies)
    reader = FrameReader(prefix, 1000)
    found = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        reader.feed(stream[:size])
        found += frames_of(reader)
        stream = stream[size:]
    assert found == bodies
    assert reader.buffered == 0
    assert reader.unfinished() is None


def test_the_width_of_the_length_may_change_between_two_frames_of_one_read() -> None:
    reader = FrameReader(2, 100)
    reader.feed(frame(b"ack", 2) + frame(b"first", 4) + frame(b"", 4))
    assert reader.take() == b"ack"
    reader.expect(4, 1000)
    assert frames_of(reader) == [b"first", b""]


def test_a_length_beyond_the_limit_is_refused_before_its_frame_comes() -> None:
    reader = FrameReader(4, 1000)
    reader.feed(frame(b"x" * 1000, 4) + b"\x00\x00\x03")
    assert frames_of(reader) == [b"x" * 1000]
    reader.feed(b"\xe9")
    with pytest.raises(FrameTooLarge) as caught:
        reader.take()
    assert (caught.value.size, caught.value.limit) == (1001, 1000)


def test_an_unfinished_frame_tells_how_far_it_came() -> None:
    reader = FrameReader(4, 1000)
    reader.feed(b"\0\0")
    assert reader.take() is None
    assert reader.unfinished() == "2 bytes of a length of 4"
    reader.feed(b"\0\x64abc")
    assert reader.take() is None
    assert reader.unfinished() == "3 of 100 bytes"


def test_a_large_frame_in_small_pieces_takes_linear_time() -> None:
    def seconds(size: int) -> float:
        stream = frame(b"x" * size, 4)
        reader = FrameReader(4, size)
        start = time.perf_counter()
        for at in range(0, len(stream), 64):
            reader.feed(stream[at : at + 64])
            reader.take()
        return time.perf_counter() - start

    # Quadratic copying would make this 256 times as long, and many seconds.
    assert min(seconds(4_000_000) for _ in range(2)) < 60 * max(seconds(250_000), 0.005)


def test_what_was_read_into_a_buffer_that_is_used_again() -> None:
    buffer = bytearray(8)
    reader = FrameReader(4, 100)
    taken = []
    data = frame(b"a first one", 4) + frame(b"and a second", 4)
    for at in range(0, len(data), len(buffer)):
        part = data[at : at + len(buffer)]
        buffer[: len(part)] = part
        reader.feed(memoryview(buffer)[: len(part)])
        while (found := reader.take()) is not None:
            taken.append(found)
    assert taken == [b"a first one", b"and a second"]


def test_a_window_shows_all_that_may_be_complete() -> None:
    reader = FrameReader(4, 100)
    data = frame(b"one", 4) + frame(b"two", 4)[:6]
    assert reader.window(data) == (data, b"")
    reader.advance(7)
    assert reader.unfinished() == "2 of 3 bytes"
    assert reader.window(b"o" + frame(b"three", 4)) == (frame(b"two", 4), frame(b"three", 4))
    reader.advance(7)
    assert reader.window(frame(b"three", 4)) == (frame(b"three", 4), b"")
    reader.advance(9)
    assert reader.unfinished() is None


def test_a_window_shows_what_was_received_where_it_is() -> None:
    reader = FrameReader(4, 100)
    buffer = bytearray(frame(b"one", 4) + b"\0\0")
    window, rest = reader.window(memoryview(buffer))
    assert isinstance(window, memoryview) and window.obj is buffer and not rest
    reader.advance(7)
    buffer[:] = bytes(len(buffer))
    # What is left is kept, whatever is read there next.
    assert reader.window(b"\0") == (None, b"")
    assert reader.window(b"\x01x") == (b"\0\0\0\x01", b"x")
    reader.advance(0)
    assert reader.window(b"x") == (b"\0\0\0\x01x", b"")


def test_the_rest_is_all_that_was_not_taken() -> None:
    reader = FrameReader(2, 100)
    reader.feed(frame(b"last", 2) + frame(b"first", 4)[:5])
    assert reader.take() == b"last"
    reader.expect(4, 100)
    assert reader.rest() == frame(b"first", 4)[:5]
    assert reader.buffered == 0 and reader.unfinished() is None
