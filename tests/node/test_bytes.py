"""Few bytes between a link and its socket: the same in Python and in C."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twins import in_python

from pyerlnode.node import _bytes

either = pytest.mark.parametrize("of_link", [_bytes, in_python(_bytes)], ids=["as_it_runs", "in_python"])


@either
@pytest.mark.skipif(os.name != "posix", reason="links write by themselves on POSIX systems only")
def test_what_the_system_takes_at_once_is_written(of_link: Any) -> None:
    here, there = socket.socketpair()
    here.setblocking(False)
    with here, there:
        assert of_link.write_now(here.fileno(), b"all of it") == 9
        assert there.recv(100) == b"all of it"
        size = 1 << 24
        taken = of_link.write_now(here.fileno(), bytes(size))
        assert 0 < taken < size
        assert of_link.write_now(here.fileno(), b"no room") == 0


@either
@pytest.mark.skipif(os.name != "posix", reason="links write by themselves on POSIX systems only")
def test_what_cannot_be_written_is_left(of_link: Any) -> None:
    here, there = socket.socketpair()
    with here:
        there.close()
        assert of_link.write_now(here.fileno(), b"nobody reads") == 0
    assert of_link.write_now(-1, b"no descriptor") == 0


@either
@pytest.mark.parametrize(("count", "found"), [(0, b""), (2, b"ab"), (3, b"abc"), (4, b"abc")])
def test_the_first_bytes_are_copied(of_link: Any, count: int, found: bytes) -> None:
    buffer = bytearray(b"abc")
    taken = of_link.first_bytes(buffer, count)
    buffer[:] = b"xyz"
    assert type(taken) is bytes
    assert taken == found


class Wire:
    """Two sockets that hold little, and what a link would do at their ends."""

    def __init__(self, of_link: Any) -> None:
        self.of_link = of_link
        self.here, self.there = socket.socketpair()
        self.here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for end in (self.here, self.there):
            end.setblocking(False)
        self.sent, self.waiting, self.received = b"", b"", b""

    def write(self, size: int) -> None:
        """Write so much more, and what could not be written before."""
        more = bytes((len(self.sent) + at) * 7 % 251 for at in range(size))
        self.sent += more
        self.waiting += more
        self.waiting = self.waiting[self.of_link.write_now(self.here.fileno(), self.waiting) :]

    def read(self, size: int) -> None:
        buffer = bytearray(size)
        try:
            count = self.there.recv_into(buffer)
        except BlockingIOError:
            return
        self.received += self.of_link.first_bytes(buffer, count)

    def close(self) -> None:
        self.here.close()
        self.there.close()


SIZES = st.tuples(st.sampled_from(["write", "write", "read"]), st.integers(0, 9000))


@either
@pytest.mark.skipif(os.name != "posix", reason="links write by themselves on POSIX systems only")
@settings(deadline=None)
@given(st.lists(SIZES, max_size=30))
def test_what_is_written_is_read_however_both_are_cut(of_link: Any, steps: list[tuple[str, int]]) -> None:
    wire = Wire(of_link)
    try:
        for step, size in steps:
            getattr(wire, step)(size)
            assert wire.sent.startswith(wire.received)
        while len(wire.received) < len(wire.sent):
            wire.write(0)
            wire.read(5000)
        assert (wire.received, wire.waiting) == (wire.sent, b"")
    finally:
        wire.close()
