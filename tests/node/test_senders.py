"""Who sends to a node that does not read: suspended at the mark, let go on, told of the end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from node_tools import FakeNode, Peer, until

import pyerlnode.process as erl
from pyerlnode.errors import SystemLimit
from pyerlnode.node.link import BUSY_LIMIT
from pyerlnode.node.senders import weight
from pyerlnode.otp import GenServer
from pyerlnode.process import Process, blocking
from pyerlnode.protocol.control import Demonitor, Exit, Link, Monitor, RegSend, Send
from pyerlnode.protocol.events import Status
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from pyerlnode.node import Node

BLOCK = 64 * 1024
ALEX = Atom("alex@localhost")
SINK = (Atom("sink"), ALEX)
THERE = Pid(ALEX, 5, 0, 99)


class Slow:
    """kate, and a peer of hers that reads when the test asks for it."""

    def __init__(self, kate: Node, peer: Peer) -> None:
        self.kate = kate
        self.peer = peer
        (self.link,) = kate.links()

    async def read(self, wanted: Callable[[Any], bool]) -> list[Any]:
        """All signals up to the one that is `wanted`."""
        seen: list[Any] = []
        while not seen or not wanted(seen[-1]):
            seen.append(await self.peer.event(timeout=30.0))
            assert seen[-1] is not None
        return seen

    def spawn(self, body: Any) -> Process:
        return self.kate.runtime.spawn(body)

    def flood(self, count: int = 10_000) -> Process:
        """A process that sends blocks, and lets go after each."""

        async def body() -> None:
            for number in range(count):
                erl.send(SINK, (number, b"x" * BLOCK))
                await asyncio.sleep(0)

        return self.spawn(body())

    async def busy(self) -> Process:
        """Fill the link; the process that is suspended by it."""
        sender = self.flood()
        await until(lambda: sender.suspended is not None)
        return sender


@pytest.fixture
async def slow(
    start_node: Callable[..., Awaitable[Node]], epmd_port: int, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Slow]:
    monkeypatch.setattr("pyerlnode.node.link._LINGER", 0.05)
    kate = await start_node("kate", max_unsent=4 * BUSY_LIMIT)
    async with FakeNode(ALEX, epmd_port) as alex:
        connecting = asyncio.ensure_future(kate.connect(ALEX))
        peer = await alex.named()
        alex.answer(peer, Status.OK)
        await peer.up()
        assert await connecting
        yield Slow(kate, peer)
        await kate.stop()  # who is released by the end of the link would connect again


def is_number(number: int) -> Callable[[Any], bool]:
    return lambda control: isinstance(control, RegSend) and control.message[0] == number


# --- suspended, and going on --------------------------------------------------------------------


async def test_a_sender_is_suspended_at_the_mark_and_the_queue_stays_there(slow: Slow) -> None:
    sender = await slow.busy()
    waiting = slow.link.waiting
    assert BUSY_LIMIT < waiting <= BUSY_LIMIT + 2 * BLOCK
    for _ in range(200):
        await asyncio.sleep(0)
    assert slow.link.waiting == waiting and sender.alive


async def test_it_goes_on_when_the_peer_reads_and_nothing_is_lost(slow: Slow) -> None:
    sender = slow.flood(400)
    await until(lambda: sender.suspended is not None)
    seen = await slow.read(is_number(399))
    assert [control.message[0] for control in seen] == list(range(400))
    await until(lambda: not sender.alive and not slow.link.busy)


async def test_what_a_suspended_process_has_begun_leaves_in_order(slow: Slow) -> None:
    await slow.busy()

    async def body() -> None:
        erl.link(THERE)  # is queued, and suspends
        erl.send(THERE, "first")
        erl.monitor(THERE)
        erl.send(THERE, "last")
        await erl.receive()

    sender = slow.spawn(body())
    await until(lambda: sender.suspended is not None)
    sender.die(Atom("boom"))
    seen = await slow.read(lambda control: isinstance(control, Demonitor))
    mine = [control for control in seen if control.sender == sender.pid]
    assert [type(control) for control in mine] == [Link, Send, Monitor, Send, Exit, Demonitor]
    assert mine[-2].reason == "boom"


async def test_a_message_larger_than_the_mark_goes(slow: Slow) -> None:
    async def body() -> None:
        erl.send(SINK, (1, b"x" * (8 * BUSY_LIMIT)))
        erl.send(SINK, (2, b""))

    slow.spawn(body())
    seen = await slow.read(is_number(2))
    assert [len(control.message[1]) for control in seen] == [8 * BUSY_LIMIT, 0]


async def test_the_mark_is_a_setting(start_node: Callable[..., Awaitable[Node]], epmd_port: int) -> None:
    kate = await start_node("kate", dist_buf_busy_limit=10_000)
    alex = await start_node("alex")
    assert await kate.connect(alex.name)
    (link,) = kate.links()

    async def body() -> None:
        erl.send(("nobody", alex.name), b"x" * 10_000)
        assert link.busy
        await asyncio.sleep(0)

    sender = kate.runtime.spawn(body())
    await until(lambda: not sender.alive)
    assert not link.busy


# --- others -------------------------------------------------------------------------------------


async def test_other_links_and_processes_go_on(
    slow: Slow, start_node: Callable[..., Awaitable[Node]]
) -> None:
    await slow.busy()
    bert = await start_node("bert")
    arrived = asyncio.Event()

    async def listen() -> None:
        await erl.receive()
        arrived.set()

    bert.runtime.names.register("sink", bert.runtime.spawn(listen()).pid)

    async def body() -> None:
        erl.send(("sink", bert.name), "hello")
        await asyncio.sleep(0)

    sender = slow.spawn(body())
    async with asyncio.timeout(10):
        await arrived.wait()
    await until(lambda: not sender.alive)


async def test_a_callback_is_not_called_again_until_the_link_drains(slow: Slow) -> None:
    await slow.busy()

    class Sender:
        def __init__(self) -> None:
            self.handled = 0

        def start(self, process: Process) -> None:
            pass

        def message(self, message: Any) -> None:
            self.handled += 1
            erl.send(SINK, (message, b""))

    behaviour = Sender()
    sender = slow.spawn(behaviour)
    for number in range(-3, 0):
        sender.put(number)
    await until(lambda: sender.suspended is not None)
    assert behaviour.handled == 1
    await slow.read(is_number(-1))
    assert behaviour.handled == 3


async def test_who_is_not_to_be_suspended_is_not(slow: Slow) -> None:
    await slow.busy()

    async def body() -> None:
        erl.process_flag("async_dist", True)
        for _ in range(100):
            erl.send(SINK, (-1, b"x" * BLOCK))
            await asyncio.sleep(0)

    sender = slow.spawn(body())
    await until(lambda: not sender.alive)
    assert slow.link.waiting > 6 * BUSY_LIMIT


async def test_a_thread_waits_in_send(slow: Slow) -> None:
    sent: list[int] = []

    @blocking
    def work() -> None:
        for number in range(400):
            erl.send(SINK, (number, b"x" * BLOCK))
            sent.append(number)

    async def body() -> None:
        await work()

    sender = slow.spawn(body())
    await until(lambda: sender.suspended is not None)
    assert slow.link.waiting <= BUSY_LIMIT + 2 * BLOCK
    assert len(sent) < 399
    await slow.read(is_number(399))
    await until(lambda: not sender.alive)
    assert sent == list(range(400))


async def test_nosuspend_sends_nothing_to_a_busy_link(slow: Slow) -> None:
    await slow.busy()
    waiting = slow.link.waiting
    answers: list[Any] = []

    async def body() -> None:
        answers.append(erl.send(SINK, (-1, b""), nosuspend=True))
        answers.append(erl.send(("a", "nobody@localhost"), 1, noconnect=True))
        answers.append(erl.this_process().suspended)

    sender = slow.spawn(body())
    await until(lambda: not sender.alive)
    assert answers == ["nosuspend", "noconnect", None]
    assert slow.link.waiting == waiting


# --- who cannot be made to wait -------------------------------------------------------------------


async def test_who_never_lets_go_gets_an_error_in_the_end(slow: Slow) -> None:
    await slow.busy()
    waiting = slow.link.waiting

    async def body() -> None:
        while True:
            erl.send(SINK, (-1, b"x" * BLOCK))

    sender = slow.spawn(body())
    await until(lambda: not sender.alive)
    reason, _ = sender.exit_reason
    assert reason == "system_limit" and isinstance(reason, Atom)
    assert slow.link.waiting < waiting + 4 * BUSY_LIMIT + 3 * BLOCK

    async def other() -> None:
        erl.send(SINK, (-1, b""))

    assert (await ended(slow.spawn(other()))) == "normal"


async def ended(process: Process) -> Any:
    await until(lambda: not process.alive)
    return process.exit_reason


async def test_so_does_a_plain_task(slow: Slow) -> None:
    await slow.busy()

    async def task() -> None:
        while True:
            erl.send(SINK, (-1, b"x" * BLOCK))
            await asyncio.sleep(0)

    with pytest.raises(SystemLimit, match="alex@localhost does not read"):
        async with asyncio.timeout(30):
            await task()


# --- the end of the link --------------------------------------------------------------------------


async def test_the_end_of_the_link_releases_everybody_and_tells_them(slow: Slow) -> None:
    await slow.busy()
    told: list[Any] = []

    async def body() -> None:
        erl.process_flag("trap_exit", True)
        erl.monitor(THERE)
        erl.link(THERE)
        told.extend([await erl.receive(), await erl.receive()])

    senders = [slow.spawn(body()) for _ in range(3)]
    await until(lambda: all(sender.suspended is not None for sender in senders))
    slow.kate.disconnect(ALEX)
    for sender in senders:
        assert await ended(sender) == "normal"
    assert [message[-1] for message in told] == ["noconnection"] * 6
    assert {message[0] for message in told} == {"DOWN", "EXIT"}


async def test_silence_ends_it(slow: Slow) -> None:
    await slow.busy()
    waits = slow.spawn(GenServer.call(SINK, "question", None))
    await until(lambda: waits.suspended is not None)
    connection = slow.link.connection
    connection._settings = replace(connection._settings, net_ticktime=0.1)
    slow.link.rearm()
    assert (await ended(waits))[0] == ("nodedown", ALEX)
    assert slow.link.reason == "net_tick_timeout"


async def test_nothing_is_left_of_senders_that_have_ended(slow: Slow) -> None:
    await slow.busy()
    senders = [slow.spawn(_one_message()) for _ in range(10)]
    for sender in senders:
        await ended(sender)
    (waiting,) = slow.kate._router._senders.values()  # type: ignore[union-attr]
    assert len(waiting._waiting) == 1
    assert all(sender.suspended is None for sender in senders)


async def _one_message() -> None:
    erl.send(SINK, (-1, b""))


# --- while a connection is made ---------------------------------------------------------------------


async def test_senders_wait_for_a_connection_that_is_being_made(
    start_node: Callable[..., Awaitable[Node]], epmd_port: int
) -> None:
    kate = await start_node("kate")
    async with FakeNode(ALEX, epmd_port) as alex:

        async def body() -> None:
            for number in range(100):
                erl.send(SINK, (number, b"x" * BLOCK))
                await asyncio.sleep(0)

        sender = kate.runtime.spawn(body())
        peer = await alex.named()
        await until(lambda: sender.suspended is not None)
        alex.answer(peer, Status.OK)
        await peer.up()
        await until(kate.links)
        seen = await Slow(kate, peer).read(is_number(99))
        assert [control.message[0] for control in seen] == list(range(100))
        assert await ended(sender) == "normal"


async def test_they_go_on_when_it_fails(start_node: Callable[..., Awaitable[Node]], epmd_port: int) -> None:
    kate = await start_node("kate", net_setuptime=0.3)
    async with FakeNode(ALEX, epmd_port):
        sender = kate.runtime.spawn(_one_large_message())
        await until(lambda: sender.suspended is not None)
        assert await ended(sender) == "normal"


async def _one_large_message() -> None:
    erl.send(SINK, b"x" * (2 * BUSY_LIMIT))
    await asyncio.sleep(0)


def test_the_weight_of_a_signal_counts_what_is_large() -> None:
    def weigh(message: Any) -> int:
        return weight(Send(None, THERE, message))

    assert weigh(None) < weigh([1, 2, 3]) < 200
    assert weigh(b"x" * 5000) > 5000
    assert weigh((Atom("$gen_cast"), {Atom("key"): [b"x" * 5000]})) > 5000
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert weigh(deep) < 200
    assert weight(Link(THERE, THERE)) < 100
