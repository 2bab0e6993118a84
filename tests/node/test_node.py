"""Nodes of one program and their processes: connecting, signals, events, names, the end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from node_tools import free_port, until

from pyerlnode.errors import ConfigError, EpmdError, HandshakeError, NameTaken, TermEncodeError, UsageError
from pyerlnode.node import Node, NodeConfig, NodeEvent
from pyerlnode.process import (
    exit,
    link,
    monitor,
    monitor_node,
    process_flag,
    receive,
    register,
    self,
    send,
)
from pyerlnode.process.runtime import current_runtime
from pyerlnode.term import Atom, Pid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    StartNode = Callable[..., Awaitable[Node]]


async def echo() -> None:
    """Registered as echo: sends everything back to the pid in front of it."""
    register("echo", self())
    while True:
        pid, message = await receive()
        send(pid, (self(), message))


async def in_process(node: Node, body: Callable[[], Awaitable[Any]]) -> Any:
    """Run `body` as a process of `node`; its result."""
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def run() -> None:
        try:
            done.set_result(await body())
        except BaseException as error:
            done.set_exception(error)

    node.runtime.spawn(run())
    async with asyncio.timeout(10):
        return await done


async def test_two_nodes_play_ping_pong(start_node: StartNode) -> None:
    kate, alex = await start_node("kate"), await start_node("alex")
    kate.runtime.spawn(echo())

    async def body() -> int:
        count = 0
        for number in range(200):
            send(("echo", "kate@localhost"), (self(), number))
            pid, answer = await receive()
            assert pid.node == "kate@localhost" and answer == number
            count += 1
        return count

    assert await in_process(alex, body) == 200
    assert kate.nodes() == ["alex@localhost"]
    assert alex.nodes() == ["kate@localhost"]
    assert kate.is_alive and alex.is_alive


async def test_what_is_sent_before_the_connection_is_up_arrives_in_order(start_node: StartNode) -> None:
    kate, alex = await start_node("kate"), await start_node("alex")

    async def collect() -> list[int]:
        register("collect", self())
        return [await receive() for _ in range(500)]

    collected = asyncio.ensure_future(in_process(kate, collect))
    await asyncio.sleep(0)

    async def body() -> None:
        for number in range(250):
            send(("collect", "kate@localhost"), number)
        await until(lambda: alex.nodes())
        for number in range(250, 500):
            send(("collect", "kate@localhost"), number)

    await in_process(alex, body)
    assert await collected == list(range(500))


async def test_a_node_gets_a_new_creation_each_time_it_starts(start_node: StartNode) -> None:
    await start_node("epmd")
    creations = []
    for _ in range(3):
        kate = await start_node("kate")
        creations.append(kate.creation)
        assert kate.runtime.creation == kate.creation > 3
        await kate.stop()
    assert sorted(set(creations)) == creations


async def test_a_restarted_node_is_reached_under_its_new_creation_only(start_node: StartNode) -> None:
    alex, kate = await start_node("alex"), await start_node("kate")
    pid = kate.runtime.spawn(echo()).pid
    assert await alex.connect("kate@localhost")
    await kate.stop()
    again = await start_node("kate")
    new = again.runtime.spawn(echo()).pid
    assert (new.id, new.serial) == (pid.id, pid.serial) and new != pid

    async def body() -> Pid:
        send(pid, (self(), "old"))
        send(new, (self(), "new"))
        answer: tuple[Pid, str] = await receive()
        assert answer[1] == b"new"
        return answer[0]

    assert await in_process(alex, body) == new


async def test_a_name_that_lives_is_refused(start_node: StartNode) -> None:
    await start_node("kate")
    with pytest.raises(NameTaken, match="the name kate is taken"):
        await start_node("kate")


async def test_without_epmd_and_without_serving_one_a_node_does_not_start(epmd_port: int) -> None:
    node = Node("kate@localhost", "secret", epmd_port=epmd_port, epmd_serve=False)
    with pytest.raises(EpmdError, match=str(epmd_port)):
        await node.start()
    assert not node.is_alive
    await node.stop()


async def test_a_busy_port_is_named_and_a_range_goes_past_it(start_node: StartNode) -> None:
    kate = await start_node("kate")
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1: port {kate.port} is in use"):
        await start_node("alex", listen_ports=kate.port)
    port = free_port()
    alex = await start_node("alex", listen_ports=(port, port + 20))
    moebi = await start_node("moebi", listen_ports=(port, port + 20))
    assert port <= alex.port < moebi.port <= port + 20


async def test_names_at_localhost_listen_on_loopback_only(start_node: StartNode) -> None:
    kate = await start_node("kate")
    assert kate.config.listen_address == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.2", kate.port)


async def test_an_unknown_name_and_an_unknown_host_say_what_is_missing(
    start_node: StartNode, epmd_port: int
) -> None:
    kate = await start_node("kate")
    with pytest.raises(EpmdError, match=f"EPMD on localhost, port {epmd_port}, knows no node named nobody"):
        await kate.dial("nobody@localhost")
    with pytest.raises(OSError, match=r"host 'no\.such\.host\.invalid' is unknown"):
        await kate.dial("kate@no.such.host.invalid")
    assert not await kate.connect("nobody@localhost")
    with pytest.raises(ConfigError, match="bad node name"):
        await kate.connect("nobody")


async def test_a_node_is_connected_to_itself(start_node: StartNode) -> None:
    kate = await start_node("kate")
    assert await kate.connect("kate@localhost")
    assert kate.nodes("connected") == []


async def test_the_wrong_cookie_is_refused_by_name_on_both_sides(
    start_node: StartNode, caplog: pytest.LogCaptureFixture
) -> None:
    kate, alex = await start_node("kate"), await start_node("alex", "other")
    with pytest.raises(HandshakeError, match=r"kate@localhost.*cookie"):
        await alex.dial("kate@localhost")
    assert not await kate.connect("alex@localhost")
    await until(lambda: "kate@localhost: its challenge reply is wrong: the cookies differ" in caplog.text)
    assert "alex@localhost: its challenge reply is wrong: the cookies differ" in caplog.text
    assert "secret" not in caplog.text and "other" not in caplog.text
    assert kate.nodes("connected") == alex.nodes("connected") == []


async def test_two_nodes_may_have_a_cookie_of_their_own(start_node: StartNode) -> None:
    kate, alex = await start_node("kate"), await start_node("alex", "other")
    kate.set_cookie("alex@localhost", "ours")
    alex.set_cookie("kate@localhost", "ours")
    assert await kate.connect("alex@localhost")
    assert alex.nodes() == ["kate@localhost"]
    moebi = await start_node("moebi")
    assert await moebi.connect("kate@localhost")
    assert not await moebi.connect("alex@localhost")
    moebi.set_cookie(None, "other")
    assert await moebi.connect("alex@localhost")


async def test_hidden_nodes_are_listed_apart(start_node: StartNode) -> None:
    kate = await start_node("kate")
    alex = await start_node("alex", hidden=True)
    moebi = await start_node("moebi")
    assert await alex.connect("kate@localhost") and await kate.connect("moebi@localhost")
    assert kate.nodes() == ["moebi@localhost"]
    assert kate.nodes("hidden") == ["alex@localhost"]
    assert kate.nodes("connected") == ["alex@localhost", "moebi@localhost"]
    assert alex.nodes() == [] and alex.nodes("hidden") == ["kate@localhost"]
    assert kate.nodes("known") == ["kate@localhost", "alex@localhost", "moebi@localhost"]
    assert all(
        type(node) is Atom
        for kind in ("visible", "hidden", "connected", "known")
        for node in kate.nodes(kind)
    )
    await moebi.stop()
    await until(lambda: kate.nodes() == [])
    assert "moebi@localhost" in kate.nodes("known")


async def test_links_and_monitors_across_a_lost_connection_see_noconnection(start_node: StartNode) -> None:
    kate, alex = await start_node("kate"), await start_node("alex")
    far = kate.runtime.spawn(echo()).pid

    async def body() -> list[object]:
        process_flag("trap_exit", True)
        link(far)
        ref = monitor(far)
        by_name = monitor(("echo", "kate@localhost"))
        send(far, (self(), "there"))
        await receive()
        assert alex.disconnect("kate@localhost")
        messages = [await receive(timeout=5) for _ in range(3)]
        assert ("EXIT", far, "noconnection") in messages
        assert ("DOWN", ref, "process", far, "noconnection") in messages
        assert ("DOWN", by_name, "process", ("echo", "kate@localhost"), "noconnection") in messages
        return messages

    assert len(await in_process(alex, body)) == 3
    await until(lambda: kate.nodes() == [])
    assert not alex.disconnect("kate@localhost")


async def test_signals_to_a_node_that_cannot_be_reached_come_back_as_noconnection(
    start_node: StartNode,
) -> None:
    kate = await start_node("kate")

    async def body() -> None:
        process_flag("trap_exit", True)
        nobody = Pid(Atom("nobody@localhost"), 7, 0, 77)
        link(nobody)
        ref = monitor(nobody)
        send(nobody, "lost")
        messages = [await receive(timeout=5) for _ in range(2)]
        assert ("EXIT", nobody, "noconnection") in messages
        assert ("DOWN", ref, "process", nobody, "noconnection") in messages

    await in_process(kate, body)


async def test_exit_reasons_cross_the_connection_unaltered(start_node: StartNode) -> None:
    kate, alex = await start_node("kate"), await start_node("alex")
    far = kate.runtime.spawn(echo()).pid

    async def body() -> tuple[object, ...]:
        ref = monitor(far)
        send(far, (self(), "there"))
        await receive()
        exit(far, (Atom("because"), [1, 2.5]))
        message: tuple[object, ...] = await receive(timeout=5)
        assert message == ("DOWN", ref, "process", far, ("because", [1, 2.5]))
        return message

    await in_process(alex, body)


async def test_monitor_node_tells_when_the_node_goes_and_when_it_never_came(start_node: StartNode) -> None:
    kate, alex = await start_node("kate"), await start_node("alex")

    async def body() -> None:
        monitor_node("nobody@localhost", True)
        assert await receive(timeout=5) == ("nodedown", "nobody@localhost")
        monitor_node("kate@localhost", True)
        await until(lambda: alex.nodes())
        await kate.stop()
        assert await receive(timeout=5) == ("nodedown", "kate@localhost")

    await in_process(alex, body)


async def test_node_events_tell_who_came_and_why_it_went(start_node: StartNode) -> None:
    kate, alex = await start_node("kate"), await start_node("alex", hidden=True)
    events: list[NodeEvent] = []
    forget = kate.on_node_event(events.append)
    await alex.connect("kate@localhost")
    await until(lambda: events)
    assert events == [NodeEvent(Atom("nodeup"), Atom("alex@localhost"), False)]
    kate.disconnect("alex@localhost")
    assert events[1:] == [NodeEvent(Atom("nodedown"), Atom("alex@localhost"), False, Atom("disconnect"))]
    await until(lambda: alex.nodes("connected") == [])
    await alex.connect("kate@localhost")
    await alex.stop()
    await until(lambda: len(events) == 4)
    assert events[3].reason == "connection_closed"
    forget()
    await start_node("moebi")
    await kate.connect("moebi@localhost")
    assert len(events) == 4


async def test_an_observer_that_fails_harms_nobody(
    start_node: StartNode, caplog: pytest.LogCaptureFixture
) -> None:
    kate, alex = await start_node("kate"), await start_node("alex")

    def fail(event: NodeEvent) -> None:
        raise ValueError("observer")

    events: list[NodeEvent] = []
    kate.on_node_event(fail)
    kate.on_node_event(events.append)
    assert await kate.connect("alex@localhost")
    assert len(events) == 1
    assert "an observer failed on nodeup of alex@localhost" in caplog.text
    assert alex.nodes() == ["kate@localhost"]


async def test_a_silent_peer_is_given_up_after_net_ticktime(
    start_node: StartNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    kate = await start_node("kate", net_ticktime=0.2)
    alex = await start_node("alex", net_ticktime=60)
    events: list[NodeEvent] = []
    kate.on_node_event(events.append)
    await alex.connect("kate@localhost")
    await until(lambda: len(events) == 2)
    assert events[1].reason == "net_tick_timeout"


async def test_an_idle_connection_is_kept_by_ticks(start_node: StartNode) -> None:
    kate, alex = await start_node("kate", net_ticktime=1), await start_node("alex", net_ticktime=1)
    events: list[NodeEvent] = []
    kate.on_node_event(events.append)
    await alex.connect("kate@localhost")
    await asyncio.sleep(1.6)  # longer than silence is allowed to last
    assert [event.kind for event in events] == ["nodeup"]


async def test_what_cannot_be_encoded_is_the_senders_error_and_the_connection_lives(
    start_node: StartNode,
) -> None:
    kate, alex = await start_node("kate"), await start_node("alex")
    kate.runtime.spawn(echo())
    await alex.connect("kate@localhost")

    async def body() -> object:
        with pytest.raises(TermEncodeError):
            send(("echo", "kate@localhost"), (self(), object()))
        send(("echo", "kate@localhost"), (self(), 1))
        return (await receive(timeout=5))[1]

    assert await in_process(alex, body) == 1


async def test_what_cannot_be_encoded_while_connecting_is_logged_and_dropped(
    start_node: StartNode, caplog: pytest.LogCaptureFixture
) -> None:
    kate, alex = await start_node("kate"), await start_node("alex")
    kate.runtime.spawn(echo())

    async def body() -> object:
        send(("echo", "kate@localhost"), (self(), object()))
        send(("echo", "kate@localhost"), (self(), 1))
        return (await receive(timeout=5))[1]

    assert await in_process(alex, body) == 1
    assert "kate@localhost" in caplog.text and "a message was dropped" in caplog.text


async def test_an_exit_reason_that_cannot_be_encoded_arrives_as_text(start_node: StartNode) -> None:
    kate, alex = await start_node("kate"), await start_node("alex")
    process = kate.runtime.spawn(echo())

    async def body() -> object:
        monitor(process.pid)
        send(process.pid, (self(), 1))
        await receive(timeout=5)
        process.die(object())
        return (await receive(timeout=5))[4]

    reason = await in_process(alex, body)
    assert isinstance(reason, bytes) and reason.startswith(b"<object object at")


async def test_stop_leaves_nothing_behind(start_node: StartNode, epmd_port: int) -> None:
    kate, alex = await start_node("kate"), await start_node("alex")
    kate.runtime.spawn(echo())
    await alex.connect("kate@localhost")
    await alex.stop()
    await kate.stop()
    await kate.stop()
    assert not kate.is_alive
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    for port in (kate.port, alex.port, epmd_port):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises(UsageError, match="cannot be started again"):
        await kate.start()


async def test_stopping_tells_linked_processes_elsewhere_shutdown(start_node: StartNode) -> None:
    kate, alex = await start_node("kate"), await start_node("alex")
    far = kate.runtime.spawn(echo()).pid

    async def body() -> object:
        monitor(far)
        send(far, (self(), 1))
        await receive(timeout=5)
        await kate.stop()
        return (await receive(timeout=5))[4]

    assert await in_process(alex, body) == "shutdown"


async def test_services_are_started_when_the_node_has_its_name(epmd_port: int) -> None:
    seen = []

    def plain(node: Node) -> None:
        seen.append(node.name)

    async def waits(node: Node) -> None:
        await asyncio.sleep(0)
        seen.append(node.creation)

    async with Node("kate@localhost", "secret", epmd_port=epmd_port, services=[plain, waits]) as node:
        assert seen == ["kate@localhost", node.creation]
        assert node.epmd_address == ("127.0.0.1", epmd_port) and node.serves_epmd


async def test_a_service_that_fails_takes_the_start_with_it(epmd_port: int) -> None:
    def fails(node: Node) -> None:
        raise ValueError("service")

    node = Node("kate@localhost", "secret", epmd_port=epmd_port, services=[fails])
    with pytest.raises(ValueError, match="service"):
        await node.start()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_the_program_around_a_node_belongs_to_it(epmd_port: int) -> None:
    assert current_runtime.get(None) is None
    async with Node("kate@localhost", "secret", epmd_port=epmd_port) as kate:
        assert current_runtime.get() is kate.runtime
        async with Node("alex@localhost", "secret", epmd_port=epmd_port) as alex:
            assert self().node == "alex@localhost"
            assert current_runtime.get() is alex.runtime
        assert current_runtime.get() is kate.runtime
    assert current_runtime.get(None) is None


async def test_a_node_takes_a_config_or_settings_but_not_both(epmd_port: int) -> None:
    config = NodeConfig(name="kate@localhost", cookie="secret", epmd_port=epmd_port)
    async with Node(config) as node:
        assert node.name == "kate@localhost"
    with pytest.raises(UsageError, match="nothing else to set"):
        Node(config, "cookie")


def test_before_the_start_there_is_no_runtime() -> None:
    node = Node("kate@localhost", "secret")
    for use in (lambda: node.runtime, lambda: node.on_node_event(print), lambda: node.set_cookie(None, "x")):
        with pytest.raises(UsageError, match="not started"):
            use()
    assert node.nodes() == [] and not node.disconnect("alex@localhost") and node.creation == 0


async def test_nothing_is_logged_while_all_is_well(
    start_node: StartNode, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        kate, alex = await start_node("kate"), await start_node("alex")
        await kate.connect("alex@localhost")
        kate.disconnect("alex@localhost")
        await alex.stop()
        await kate.stop()
    assert caplog.records == []


async def test_connecting_and_disconnecting_again_and_again_grows_nothing(start_node: StartNode) -> None:
    kate, alex = await start_node("kate"), await start_node("alex")
    for _ in range(50):
        assert await kate.connect("alex@localhost")
        await until(lambda: alex.nodes() == ["kate@localhost"])
        kate.disconnect("alex@localhost")
        await until(lambda: alex.nodes() == [])
    assert len(asyncio.all_tasks()) <= 3  # this one, and what keeps the two registrations
