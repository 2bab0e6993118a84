"""What closures pack and unpack; the bytes and the errors are those that OTP 27 gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from closure_tools import form, remote, run, started, thunk
from stdlib_calls import outcome

from pyerlnode.services.evaluator import Limits, set_limits
from pyerlnode.services.evaluator.stdlib import registry
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKED = {
    "compress": "789c4b4c4a4e24170100bcbe16f9",
    "zip": "4b4c4a4e24170100",
    "gzip": "1f8b08000000000000034b4c4a4e241701002dfa91e13c000000",
}
UNPACK = {"compress": "uncompress", "zip": "unzip", "gzip": "gunzip"}


@pytest.fixture(scope="module", autouse=True)
def library() -> None:
    registry.load()


@pytest.fixture
def small() -> Iterator[None]:
    before = set_limits(Limits(binary_bytes=1000))
    yield
    set_limits(before)


def call(name: str, data: Any) -> Any:
    kind, value = outcome("zlib", name, [data])
    return value if kind == "ok" else (kind, value)


@pytest.mark.parametrize("name", PACKED)
def test_there_and_back(name: str) -> None:
    data = b"abc" * 20
    assert call(name, data) == bytes.fromhex(PACKED[name])
    assert call(name, [b"abc" * 10, [97, [b"bc" + b"abc" * 9]]]) == bytes.fromhex(PACKED[name])
    assert call(UNPACK[name], bytes.fromhex(PACKED[name])) == data
    assert call(UNPACK[name], call(name, b"")) == b""


@pytest.mark.parametrize("name", PACKED)
def test_what_is_no_stream(name: str) -> None:
    wrong = (Atom("error"), Atom("data_error"))
    for data in (b"", b"xx\xff", bytes.fromhex(PACKED[name])[:-1]):
        assert call(UNPACK[name], data) == wrong
    assert call(UNPACK[name], Atom("a")) == (Atom("error"), Atom("badarg"))
    assert call(name, [1000]) == (Atom("error"), Atom("badarg"))


def test_what_comes_after_a_stream() -> None:
    hello, tail = b"hello", b"tail"
    assert call("uncompress", call("compress", hello) + tail) == hello
    assert call("unzip", call("zip", hello) + tail) == hello
    assert call("gunzip", call("gzip", hello) + call("gzip", b"two")) == b"hellotwo"
    assert call("gunzip", call("gzip", hello) + tail) == (Atom("error"), Atom("data_error"))


@pytest.mark.parametrize("name", PACKED)
def test_what_is_too_large(name: str, small: None) -> None:
    refused = (Atom("error"), Atom("system_limit"))
    exactly = call(name, bytes(1000))
    assert call(UNPACK[name], exactly) == bytes(1000)
    assert call(name, bytes(1001)) == refused
    set_limits(Limits(binary_bytes=999))
    assert call(UNPACK[name], exactly) == refused


async def test_a_large_one_holds_up_nobody() -> None:
    data = form("bin", [form("bin_element", form("integer", 7), form("integer", 8_000_000), Atom("default"))])
    made = remote("zlib", "uncompress", remote("zlib", "compress", data))
    runtime = started()
    result = await run(runtime, thunk(remote("erlang", "byte_size", made)))
    await runtime.stop(Atom("shutdown"))
    assert result == ("ok", 1_000_000)
