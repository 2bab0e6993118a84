"""Few bytes between a link and its socket: the same in Python and in C."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from twins import in_python

from pyerlnode.node import _bytes


@pytest.fixture(params=[_bytes, in_python(_bytes)], ids=["as_it_runs", "in_python"])
def of_link(request: pytest.FixtureRequest) -> Any:
    return request.param


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


@pytest.mark.skipif(os.name != "posix", reason="links write by themselves on POSIX systems only")
def test_what_cannot_be_written_is_left(of_link: Any) -> None:
    here, there = socket.socketpair()
    with here:
        there.close()
        assert of_link.write_now(here.fileno(), b"nobody reads") == 0
    assert of_link.write_now(-1, b"no descriptor") == 0


@pytest.mark.parametrize(("count", "found"), [(0, b""), (2, b"ab"), (3, b"abc"), (4, b"abc")])
def test_the_first_bytes_are_copied(of_link: Any, count: int, found: bytes) -> None:
    buffer = bytearray(b"abc")
    taken = of_link.first_bytes(buffer, count)
    buffer[:] = b"xyz"
    assert type(taken) is bytes
    assert taken == found
