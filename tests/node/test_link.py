"""A link by itself: what it writes and when, its timers, the slow peer, its end."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING

import pytest
from node_tools import until

from pyerlnode.node.link import BUSY_LIMIT, DISCONNECT, LARGE_PORTION, PORTION, Link
from pyerlnode.protocol.connection import Connection
from pyerlnode.protocol.control import Send
from pyerlnode.protocol.events import LocalNode, NameReceived, Settings, Status, Up
from pyerlnode.term import Atom, Pid, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pyerlnode.errors import PeerError
    from pyerlnode.protocol.events import Event


LARGE = 10_000_000
FRAGMENT = Settings().fragment_size + 32


class Owner:
    """Keeps what a link tells, and shakes hands."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.downs: list[PeerError | None] = []
        self.came_up = asyncio.Event()
        self.went_down = asyncio.Event()

    def link_made(self, link: Link) -> None:
        pass

    def link_events(self, link: Link, events: list[Event]) -> None:
        self.events += events
        for event in events:
            if isinstance(event, NameReceived):
                link.connection.accept(Status.OK, "secret")
            elif isinstance(event, Up):
                link.go_up(self, event.peer.name, event.peer.visible)
                self.came_up.set()

    def is_expected(self, link: Link, error: PeerError, lost: bool) -> bool:
        return False

    def log(self, level: int, text: str) -> None:
        logging.getLogger("pyerlnode.node").log(level, text)

    def link_down(self, link: Link, error: PeerError | None) -> None:
        self.downs.append(error)
        self.went_down.set()


class Pair:
    """Two links on one pair of sockets."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.kate, self.alex = Owner(), Owner()
        self.writes: list[bytes] = []

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        left, right = socket.socketpair()
        kate = Connection.initiator(
            LocalNode("kate@localhost", 1), "alex@localhost", "secret", now, settings=self.settings
        )
        alex = Connection.acceptor(LocalNode("alex@localhost", 2), now, settings=self.settings)
        self.to_alex, self.to_kate = Link(kate, self.kate, "alex@localhost"), Link(alex, self.alex)
        self.transport, _ = await loop.create_connection(lambda: self.to_alex, sock=left)
        self.other, _ = await loop.create_connection(lambda: self.to_kate, sock=right)
        async with asyncio.timeout(5):
            await self.kate.came_up.wait()
            await self.alex.came_up.wait()

    async def close(self) -> None:
        for link in (self.to_alex, self.to_kate):
            link.close()
            await link.wait_gone()


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    pair = Pair()
    await pair.open()
    yield pair
    await pair.close()


def message(payload: object, sender: int = 1) -> Send:
    """From process number `sender` of kate's node."""
    return Send(Pid(Atom("kate@localhost"), sender, 0, 1), Pid(Atom("alex@localhost"), 1, 0, 2), payload)


@pytest.fixture
def writes(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is written to alex from now on."""
    writes: list[bytes] = []
    write = pair.transport.write

    def note(data: bytes) -> None:
        writes.append(data)
        write(data)

    pair.to_alex._descriptor = -1  # all of it by the transport
    monkeypatch.setattr(pair.to_alex._transport, "write", note)
    # As asyncio's own of Python 3.11; later ones do without joining.
    monkeypatch.setattr(pair.to_alex._transport, "writelines", lambda pieces: note(b"".join(pieces)))
    return writes


async def arrived(pair: Pair, count: int) -> list[object]:
    """The first `count` messages that alex received, bytes by their length."""
    await until(lambda: sum(isinstance(event, Send) for event in pair.alex.events) >= count)
    found = [event.message for event in pair.alex.events if isinstance(event, Send)]
    return [len(one) if isinstance(one, bytes) else one for one in found]


async def test_what_is_sent_in_one_turn_leaves_in_one_write(pair: Pair, writes: list[bytes]) -> None:
    for number in range(100):
        pair.to_alex.send(message(number))
    assert writes == []
    assert await arrived(pair, 100) == list(range(100))
    assert len(writes) == 1


async def test_others_may_run_before_what_a_peer_sends_is_read(
    pair: Pair, writes: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    monkeypatch.setattr("pyerlnode.node.giving_way.give_way", lambda: given.append(len(pair.alex.events)))
    before = len(pair.alex.events)
    pair.to_alex.send(message(1))
    assert await arrived(pair, 1) == [1]
    assert given[:1] == [before]


async def test_nobody_is_let_run_for_a_handshake(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr("pyerlnode.node.giving_way.give_way", lambda: given.append("given"))
    pair.to_kate.up = False
    pair.to_kate.get_buffer(-1)
    assert given == []
    pair.to_kate.up = True
    pair.to_kate.get_buffer(-1)
    assert given == ["given"]


async def test_more_is_expected_after_an_answer_or_part_of_a_message(pair: Pair, writes: list[bytes]) -> None:
    link = pair.to_kate
    expected: list[int] = []
    link.after_read = expected.append
    pair.to_alex.send(message(1))
    pair.to_alex.send(message(2))
    assert await arrived(pair, 2) == [1, 2]
    assert expected == []  # nobody has said anything to kate
    both = writes.pop()
    link.data_received(both[:-1])
    assert expected == []
    link.data_received(both[-1:])
    assert expected == []
    link.data_received(both[:3])
    assert expected == [0]

    def answers(link: Link, events: list[Event]) -> None:
        for _ in events:
            link.send(message("answer"))

    pair.alex.link_events = answers  # type: ignore[method-assign]
    link.data_received(both[3:])
    assert expected == [0, 2]


async def test_a_large_message_leaves_in_portions(pair: Pair, writes: list[bytes]) -> None:
    pair.to_alex.send(message(b"x" * LARGE))
    assert await arrived(pair, 1) == [LARGE]
    assert len(writes) >= LARGE // (LARGE_PORTION + FRAGMENT)
    assert max(map(len, writes)) <= LARGE_PORTION + FRAGMENT
    assert len(writes[0]) <= PORTION + FRAGMENT


async def test_a_system_that_takes_all_at_once_gets_larger_portions(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[int] = []
    left = 0
    monkeypatch.setattr(
        pair.to_alex._transport, "writelines", lambda pieces: writes.append(sum(map(len, pieces)))
    )
    monkeypatch.setattr(pair.to_alex._transport, "get_write_buffer_size", lambda: left)
    pair.to_alex.send(message(b"x" * LARGE))
    for _ in range(2):
        pair.to_alex._flush()
    assert writes[0] <= PORTION + FRAGMENT < LARGE_PORTION <= writes[1] <= LARGE_PORTION + FRAGMENT
    assert pair.to_alex.connection.frame_size == LARGE_PORTION
    left = 1
    pair.to_alex.pause_writing()
    assert pair.to_alex.connection.frame_size == PORTION
    pair.to_alex.resume_writing()
    pair.to_alex._flush()
    assert max(writes[2:]) <= PORTION + FRAGMENT
    left = 0
    for _ in range(2):
        pair.to_alex._flush()
    assert writes[-2] <= PORTION + FRAGMENT < LARGE_PORTION <= writes[-1]


async def test_what_others_send_passes_a_large_message(pair: Pair) -> None:
    pair.other.pause_reading()  # type: ignore[attr-defined]
    pair.to_alex.send(message(b"x" * LARGE))
    pair.to_alex.send(message("behind its own sender's"))
    await until(lambda: pair.to_alex._paused)
    pair.to_alex.send(message(1, sender=2))
    pair.to_alex.send(message(2, sender=3))
    pair.other.resume_reading()  # type: ignore[attr-defined]
    assert await arrived(pair, 4) == [1, 2, LARGE, len("behind its own sender's")]


SHAPES = [
    b"b" * LARGE,
    [1, (b"c" * 300_000, "behind", b"d" * 300_000), {"key": b"e" * 70_000}],
    list(range(300_000)),
    [b"f" * 1000] * 1000,
    "é" * 200_000,
]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_large_messages_of_any_shape_arrive_in_both_directions(loop: str) -> None:
    factory = asyncio.new_event_loop if loop == "asyncio" else pytest.importorskip("uvloop").new_event_loop

    async def main() -> None:
        pair = Pair()
        await pair.open()
        for number, shape in enumerate(SHAPES):
            pair.to_alex.send(message(shape, sender=number))
            pair.to_kate.send(Send(None, Pid(Atom("kate@localhost"), 1, 0, 1), shape))
            pair.to_alex.send(message("passing", sender=100 + number))
        for owner, count in ((pair.alex, 2 * len(SHAPES)), (pair.kate, len(SHAPES))):
            await until(lambda: sum(isinstance(event, Send) for event in owner.events) >= count)  # noqa: B023
            found = [encode(event.message) for event in owner.events if isinstance(event, Send)]
            assert sorted(one for one in found if len(one) > 100) == sorted(map(encode, SHAPES))
        await pair.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_small_messages_arrive_in_order_whoever_writes_them(loop: str) -> None:
    factory = asyncio.new_event_loop if loop == "asyncio" else pytest.importorskip("uvloop").new_event_loop

    async def main() -> None:
        pair = Pair()
        await pair.open()
        link, sent = pair.to_alex, 0
        assert not link._unwritten
        for _ in range(3):
            pair.other.pause_reading()  # type: ignore[attr-defined]
            while not link._unwritten:
                for _ in range(10):
                    link.send(message((sent, b"x" * 3000)))
                    sent += 1
                await asyncio.sleep(0)
            # The system takes no more of it, so all behind it waits in the transport, too.
            link.send(message((sent, b"behind")))
            sent += 1
            await asyncio.sleep(0)
            assert link._transport is not None and link._transport.get_write_buffer_size()
            pair.other.resume_reading()  # type: ignore[attr-defined]
            await until(lambda: sum(isinstance(event, Send) for event in pair.alex.events) == sent)  # noqa: B023
            link.send(message((sent, b"at once again")))
            sent += 1
            await until(lambda: not link._dirty)
            assert not link._unwritten
        found = await arrived(pair, sent)
        assert [number for number, _ in found] == list(range(sent))  # type: ignore[misc]
        await pair.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


async def test_two_large_messages_take_turns(pair: Pair) -> None:
    pair.to_alex.send(message(b"x" * LARGE))
    pair.to_alex.send(message(b"y" * (LARGE // 8), sender=2))
    assert await arrived(pair, 2) == [LARGE // 8, LARGE]


async def test_a_transport_that_has_enough_is_given_no_more_of_a_large_message(pair: Pair) -> None:
    pair.other.pause_reading()  # type: ignore[attr-defined]
    pair.to_alex.send(message(b"x" * LARGE))
    await until(lambda: pair.to_alex._paused)
    pair.to_alex.flush_soon()
    await until(lambda: not pair.to_alex._dirty)
    assert pair.transport.get_write_buffer_size() <= 2 * PORTION + FRAGMENT
    assert pair.to_alex.connection.pending > LARGE // 2


async def test_the_peer_is_heard_while_a_large_message_leaves(pair: Pair) -> None:
    pair.other.pause_reading()  # type: ignore[attr-defined]
    pair.to_alex.send(message(b"x" * LARGE))
    await until(lambda: pair.to_alex._paused)
    pair.to_kate.send(Send(None, Pid(Atom("kate@localhost"), 1, 0, 1), "heard"))
    await until(lambda: isinstance(pair.kate.events[-1], Send))
    assert pair.to_alex.connection.pending > LARGE // 2


async def test_a_slow_peer_makes_the_link_busy_until_it_reads(pair: Pair) -> None:
    told: list[bool] = []
    pair.to_alex.on_writable = lambda: told.append(pair.to_alex.busy)
    pair.other.pause_reading()  # type: ignore[attr-defined]
    assert not pair.to_alex.busy
    while not pair.to_alex.busy:
        pair.to_alex.send(message(b"x" * 100_000))
        await asyncio.sleep(0)
    waiting = pair.transport.get_write_buffer_size() + pair.to_alex.connection.pending
    assert BUSY_LIMIT < waiting < 2 * BUSY_LIMIT
    assert told == []
    pair.other.resume_reading()  # type: ignore[attr-defined]
    await until(lambda: told)
    assert told == [False]
    await until(lambda: not pair.to_alex.connection.pending)
    assert told == [False]


async def test_a_link_is_busy_as_long_as_much_of_a_large_message_waits(pair: Pair) -> None:
    left: list[int] = []
    pair.to_alex.on_writable = lambda: left.append(pair.to_alex.connection.pending)
    pair.to_alex.send(message(b"x" * LARGE))
    await until(lambda: pair.to_alex.busy)
    assert await arrived(pair, 1) == [LARGE]
    await until(lambda: left)
    assert len(left) == 1 and left[0] <= BUSY_LIMIT and not pair.to_alex.busy


async def test_a_large_message_under_way_is_still_written_when_the_link_is_closed(pair: Pair) -> None:
    pair.to_alex.send(message(b"x" * LARGE))
    await until(lambda: pair.to_alex.busy)
    pair.to_alex.close()
    assert await arrived(pair, 1) == [LARGE]


async def test_a_dropped_link_says_nothing_more(pair: Pair, writes: list[bytes]) -> None:
    pair.to_alex.send(message("unsaid"))
    pair.to_alex.drop()
    async with asyncio.timeout(5):
        await pair.alex.went_down.wait()
    assert writes == []
    assert pair.kate.downs == [None]


async def test_what_is_queued_when_it_is_closed_is_still_written(pair: Pair) -> None:
    pair.to_alex.send(message("last"))
    pair.to_alex.close()
    async with asyncio.timeout(5):
        await pair.alex.went_down.wait()
    last = pair.alex.events[-1]
    assert isinstance(last, Send) and last.message == b"last"
    assert pair.to_alex.reason is DISCONNECT
    assert pair.kate.downs == [None]
    assert "closed the connection" in str(pair.alex.downs[0])


async def test_a_peer_that_does_not_read_cannot_keep_a_closed_link(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyerlnode.node.link._LINGER", 0.05)
    pair.other.pause_reading()  # type: ignore[attr-defined]
    while not pair.to_alex.busy:
        pair.to_alex.send(message(b"x" * 100_000))
        await asyncio.sleep(0)
    pair.to_alex.close()
    async with asyncio.timeout(2):
        await pair.to_alex.wait_gone()


async def test_its_end_is_told_once(pair: Pair) -> None:
    pair.to_alex.close()
    pair.to_alex.close()
    pair.to_alex.connection_lost(None)
    assert pair.kate.downs == [None]
    assert pair.to_alex.closed


async def test_a_closed_link_reads_and_ticks_no_more(pair: Pair) -> None:
    pair.to_kate.close()
    count = len(pair.alex.events)
    pair.to_kate.data_received(b"garbage")
    assert len(pair.alex.events) == count and pair.alex.downs == [None]
    assert pair.to_kate._timer is None


async def test_a_link_that_was_given_up_before_its_transport_came_drops_it() -> None:
    loop = asyncio.get_running_loop()
    owner = Owner()
    link = Link(Connection.acceptor(LocalNode("alex@localhost", 2), loop.time()), owner)
    link.close()
    left, right = socket.socketpair()
    with left:
        await loop.create_connection(lambda: link, sock=right)
        await link.wait_gone()
        assert left.recv(1) == b""
    assert owner.downs == [None]


async def test_silence_ends_the_link(caplog: pytest.LogCaptureFixture) -> None:
    pair = Pair(Settings(net_ticktime=0.1))
    await pair.open()
    pair.other.pause_reading()  # type: ignore[attr-defined]
    pair.to_kate._timer.cancel()  # type: ignore[union-attr]  # alex stops, as with SIGSTOP
    async with asyncio.timeout(5):
        await pair.kate.went_down.wait()
    assert pair.to_alex.reason == "net_tick_timeout"
    assert "alex@localhost: net_tick_timeout" in caplog.text
    await pair.close()


class Mute(asyncio.Transport):
    """A transport that never says that it is closed."""

    aborted = False

    def close(self) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True

    def get_write_buffer_size(self) -> int:
        return 0


async def test_a_transport_that_does_not_say_that_it_is_closed_is_not_waited_for_long(pair: Pair) -> None:
    real, mute = pair.to_alex._transport, Mute()
    assert real is not None
    pair.to_alex._transport = mute
    pair.to_alex.drop()
    async with asyncio.timeout(30):
        await pair.to_alex.wait_gone()
    assert mute.aborted
    assert pair.to_alex._transport is None
    real.abort()
