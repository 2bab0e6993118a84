"""Nodes that find each other on a broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from clusters import Cluster, run, until

from pyerlnode.bridge.mqtt import MQTT, MqttPresence, Presence
from pyerlnode.errors import ConfigError
from pyerlnode.otp import Supervisor
from pyerlnode.process import receive, self
from pyerlnode.services import local, pg
from pyerlnode.services.cluster import Cluster as Discovery
from pyerlnode.services.cluster import topologies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mosquitto_server import Mosquitto

    from pyerlnode.node import Node
    from pyerlnode.term import Pid

TIMEOUT = 30


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster(services=[local.remember, pg.service]) as running:
        yield running


async def announce(node: Node, url: str, presence: Presence) -> Pid:
    """Start an MQTT server with a presence, for as long as the node lives; its supervisor."""
    started: list[Pid] = []

    async def start() -> None:
        pid = await MQTT.start_link(url, routes=[presence], reconnect_min=0.02, keepalive=1)
        started.append(pid)
        await receive()

    node.runtime.spawn(start())
    await until(lambda: started, TIMEOUT)
    return started[0]


async def test_nodes_that_are_there_connect_and_those_that_stop_say_so(
    cluster: Cluster, mosquitto: Callable[..., Mosquitto]
) -> None:
    broker = mosquitto()
    kate, alex = await cluster.start("kate"), await cluster.start("alex")
    seen = {node: Presence() for node in (kate, alex)}
    servers = {node: await announce(node, broker.url, presence) for node, presence in seen.items()}
    ids = {node: presence._hub.client_id for node, presence in seen.items()}
    both = {"kate@localhost", "alex@localhost"}
    await until(lambda: all(presence.nodes == both for presence in seen.values()), TIMEOUT)
    await until(lambda: alex.name in kate.nodes(), TIMEOUT)
    await asyncio.to_thread(broker.kill)  # and with it what it has retained
    await asyncio.to_thread(broker.start)
    for node, presence in seen.items():
        await until(lambda node=node: broker.log.count(f"Received PUBLISH from {ids[node]}") >= 2, TIMEOUT)
        await until(lambda presence=presence: presence.nodes == both, TIMEOUT)
    await run(alex, lambda: Supervisor.stop(servers[alex]))
    await until(lambda: seen[kate].nodes == {"kate@localhost"}, TIMEOUT)


async def test_the_broker_says_that_a_node_was_lost(
    cluster: Cluster,
    mosquitto: Callable[..., Mosquitto],
    quiet: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    quiet("pyerlnode.otp")
    broker = mosquitto()
    kate = await cluster.start("kate")
    presence = Presence(connect=False)
    await announce(kate, broker.url, presence)
    lost = await asyncio.create_subprocess_exec(
        "mosquitto_sub", "-i", "lost", "-p", str(broker.port), "-t", "x", "--will-retain", "--will-qos", "1",
        "--will-topic", "pyerlnode/nodes/alex@localhost",
    )  # fmt: skip
    announced = await asyncio.create_subprocess_exec(
        "mosquitto_pub", "-p", str(broker.port), "-t", "pyerlnode/nodes/alex@localhost", "-m", "x", "-r"
    )
    await announced.wait()
    await until(lambda: presence.nodes == {"kate@localhost", "alex@localhost"}, TIMEOUT)
    await until(lambda: "Sending SUBACK to lost" in broker.log, TIMEOUT)
    lost.kill()
    await lost.wait()
    await until(lambda: presence.nodes == {"kate@localhost"}, TIMEOUT)
    wrong = await asyncio.create_subprocess_exec(
        "mosquitto_pub", "-p", str(broker.port), "-t", "pyerlnode/nodes/nobody", "-m", "x"
    )
    await wrong.wait()
    await until(lambda: "no name of a node" in caplog.text, TIMEOUT)


async def test_a_strategy_for_clusters(cluster: Cluster, mosquitto: Callable[..., Mosquitto]) -> None:
    url = mosquitto().url
    kate, alex = await cluster.start("kate"), await cluster.start("alex")

    async def body() -> None:
        await Discovery.start_link([MqttPresence(url)])
        ready.append(self())
        await receive()

    ready: list[Any] = []
    for node in (kate, alex):
        node.runtime.spawn(body())
    await until(lambda: alex.name in kate.nodes() and kate.name in alex.nodes(), TIMEOUT)


def test_the_strategy_has_a_name_in_configurations() -> None:
    table = {"here": {"strategy": "mqtt", "brokers": ["mqtt://host"], "prefix": "nodes"}}
    [strategy] = topologies(table)
    assert isinstance(strategy, MqttPresence)
    with pytest.raises(ConfigError, match=r"cluster.here: .*mqtt"):
        topologies({"here": {"strategy": "mqtt", "brokers": ["http://host"]}})


def test_what_is_refused() -> None:
    for wrong in ({"prefix": "#"}, {"prefix": 5}, {"connect": 1}):
        with pytest.raises(ConfigError):
            Presence(**wrong)
    with pytest.raises(ConfigError):
        MqttPresence("http://x")
