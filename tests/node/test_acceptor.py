"""A closed acceptor leaves no socket behind, in whichever turn of the event loop it is closed."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import socket
from typing import TYPE_CHECKING

import pytest
from node_tools import until

from pyerlnode.node.acceptor import Acceptor, listening_socket

if TYPE_CHECKING:
    from collections.abc import Callable


class Greeter(asyncio.Protocol):
    """Says one word and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"hello")
        transport.close()


def accepting(make: Callable[[], asyncio.BaseProtocol] = Greeter) -> Acceptor:
    acceptor = Acceptor(listening_socket("127.0.0.1", 0), make)
    acceptor.start()
    return acceptor


def open_sockets(port: int) -> list[socket.socket]:
    """The sockets on our side of the connections to `port` that nobody has closed."""
    return [
        thing
        for thing in gc.get_objects()
        if isinstance(thing, socket.socket)
        and thing.fileno() >= 0
        and thing.family == socket.AF_INET
        and thing.getsockname()[1] == port
    ]


async def test_each_connection_gets_a_protocol() -> None:
    acceptor = accepting()
    for _ in range(3):
        reader, writer = await asyncio.open_connection("127.0.0.1", acceptor.port)
        assert await reader.read() == b"hello"
        writer.close()
        await writer.wait_closed()
    await acceptor.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", acceptor.port)


async def test_who_connected_before_the_start_was_waiting() -> None:
    sock = listening_socket("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", sock.getsockname()[1])
    acceptor = Acceptor(sock, Greeter)
    acceptor.start()
    assert await reader.read() == b"hello"
    writer.close()
    await acceptor.close()


@pytest.mark.parametrize("turns", range(6))
async def test_nothing_stays_open_in_whichever_turn_it_is_closed(turns: int) -> None:
    acceptor = accepting()
    with socket.create_connection(("127.0.0.1", acceptor.port)):
        for _ in range(turns):
            await asyncio.sleep(0)
        await acceptor.close()
        # A transport that was made closes in the next turn.
        await asyncio.sleep(0)
        assert open_sockets(acceptor.port) == []


@pytest.mark.parametrize("turns", range(6))
async def test_stop_leaves_nothing_open_either(turns: int) -> None:
    acceptor = accepting()
    with socket.create_connection(("127.0.0.1", acceptor.port)):
        for _ in range(turns):
            await asyncio.sleep(0)
        acceptor.stop()
        acceptor.stop()
        await acceptor.close()
        await asyncio.sleep(0)
        assert open_sockets(acceptor.port) == []


class Stops(asyncio.Protocol):
    """Stops its acceptor in the turn in which it gets its transport."""

    acceptor: Acceptor

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.acceptor.stop()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_who_has_a_transport_when_it_is_stopped_is_told_of_its_end(loop: str) -> None:
    factory = asyncio.new_event_loop if loop == "asyncio" else pytest.importorskip("uvloop").new_event_loop

    async def main() -> None:
        protocol = Stops()
        protocol.acceptor = acceptor = accepting(lambda: protocol)
        with socket.create_connection(("127.0.0.1", acceptor.port)):
            await until(lambda: hasattr(protocol, "transport"))
            await acceptor.close()
            protocol.transport.close()
            async with asyncio.timeout(30):
                await protocol.lost.wait()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


async def test_a_protocol_that_cannot_be_made_costs_its_connection_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    makers: list[Callable[[], asyncio.BaseProtocol]] = [Greeter, lambda: 1 // 0]  # type: ignore[list-item, return-value]
    acceptor = accepting(lambda: makers.pop()())
    first, first_writer = await asyncio.open_connection("127.0.0.1", acceptor.port)
    assert await first.read() == b""
    second, second_writer = await asyncio.open_connection("127.0.0.1", acceptor.port)
    assert await second.read() == b"hello"
    for writer in (first_writer, second_writer):
        writer.close()
        await writer.wait_closed()
    await acceptor.close()
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


class Exhausted(socket.socket):
    """A listening socket on a machine that has no file descriptor left, for once."""

    times = 1

    def accept(self) -> tuple[socket.socket, object]:
        if self.times:
            self.times -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_it_rests_while_there_are_no_file_descriptors(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pyerlnode.node.acceptor._PAUSE", 0.01)
    plain = listening_socket("127.0.0.1", 0)
    acceptor = Acceptor(Exhausted(fileno=plain.detach()), Greeter)
    acceptor.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", acceptor.port)
    assert await reader.read() == b"hello"
    writer.close()
    await acceptor.close()
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        f"port {acceptor.port} accepts nothing for 0.01 s: Too many open files"
    ]


def test_an_ipv6_socket_can_leave_ipv4_alone() -> None:
    try:
        first = listening_socket("::1", 0, v6_only=True)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error.strerror}")
    with first:
        assert first.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
