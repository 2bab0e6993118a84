"""How nodes find each other where there is no EPMD, only IPv6, or nobody to be dialled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from clusters import has_ipv6
from node_tools import free_port, until

from pyerlnode.errors import ConfigError, EpmdError
from pyerlnode.node import Node, epmd_client
from pyerlnode.node.config import NodeConfig

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    StartNode = Callable[..., Awaitable[Node]]

KATE, ALEX = "kate@localhost", "alex@localhost"


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")


def load(name: str = KATE, **settings: Any) -> NodeConfig:
    return NodeConfig.load(name, "secret", environ=settings.pop("environ", {}), hostname="box", **settings)


# --- nobody can dial it ----------------------------------------------------------------------


async def test_a_node_that_does_not_listen_only_dials(start_node: StartNode, epmd_port: int) -> None:
    kate = await start_node("kate")
    alex = await start_node("alex", dist_listen=False)
    assert alex.port == 0 and alex.epmd_address is None and alex.creation > 3
    await alex.dial(KATE)
    assert (kate.nodes(), kate.nodes("hidden")) == ([], [ALEX])
    alex.disconnect(KATE)
    await until(lambda: not kate.links())
    with pytest.raises(EpmdError, match="knows no node named alex"):
        await kate.dial(ALEX)
    assert [name for name, _ in await epmd_client.names("localhost", epmd_port)] == ["kate"]


# --- without EPMD ----------------------------------------------------------------------------


async def test_all_nodes_listen_on_the_same_port(start_node: StartNode) -> None:
    port = free_port()
    kate = await start_node("kate@127.0.0.2", erl_epmd_port=port)
    alex = await start_node("alex@127.0.0.3", erl_epmd_port=port)
    assert kate.port == alex.port == port
    assert kate.epmd_address is None and not kate.serves_epmd
    await alex.dial("kate@127.0.0.2")
    alex.disconnect("kate@127.0.0.2")
    await until(lambda: not kate.links())
    await kate.dial("alex@127.0.0.3")


async def test_where_single_nodes_listen_can_be_told(start_node: StartNode) -> None:
    kate = await start_node("kate", epmd=False)
    alex = await start_node("alex", epmd=False, node_ports={KATE: kate.port})
    assert kate.creation > 3 and kate.epmd_address is None
    await alex.dial(KATE)
    alex.disconnect(KATE)
    await until(lambda: not kate.links())
    with pytest.raises(EpmdError, match="where alex@localhost listens is not known"):
        await kate.dial(ALEX)


async def test_a_port_that_is_told_goes_before_epmd(start_node: StartNode) -> None:
    kate = await start_node("kate")
    wrong = free_port()
    alex = await start_node("alex", node_ports={KATE: wrong})
    with pytest.raises(OSError, match=f"127.0.0.1:{wrong}: connection refused"):
        await alex.dial(KATE)
    assert await kate.connect(ALEX)


# --- IPv6 ------------------------------------------------------------------------------------


@needs_ipv6
async def test_nodes_with_ipv6(start_node: StartNode, epmd_port: int) -> None:
    kate = await start_node("kate", proto_dist="inet6_tcp")
    alex = await start_node("alex", proto_dist="inet6_tcp")
    assert kate.epmd_address == ("::1", epmd_port)
    await alex.dial(KATE)
    (link,) = alex.links()
    assert link.address == f"[::1]:{kate.port}"


@needs_ipv6
async def test_a_host_that_is_an_ipv6_address(start_node: StartNode) -> None:
    kate = await start_node("kate@::1")
    alex = await start_node("alex@::1")
    await alex.dial("kate@::1")
    assert kate.nodes() == ["alex@::1"]


@needs_ipv6
async def test_a_node_with_ipv4_reaches_one_with_ipv6_only(start_node: StartNode) -> None:
    await start_node("kate", proto_dist="inet6_tcp")
    alex = await start_node("alex")
    await alex.dial(KATE)


# --- what the settings come to ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"erl_epmd_port": 9100}, {"listen_ports": (9100, 9100), "epmd": False}),
        ({"erl_epmd_port": 9100, "listen_ports": 9200}, {"listen_ports": (9200, 9200)}),
        ({"dist_listen": False}, {"hidden": True}),
        ({"name": "undefined@localhost"}, {"hidden": True}),
        ({"proto_dist": "inet6_tcp"}, {"listen_address": "::1"}),
        ({"proto_dist": "inet6_tcp", "name": "kate@box"}, {"listen_address": "::"}),
        ({"proto_dist": "inet6_tcp", "listen_address": "127.0.0.2"}, {"listen_address": "127.0.0.2"}),
        ({"listen_address": "[fe80::7]"}, {"listen_address": "fe80::7"}),
        ({}, {"epmd_relaxed": False, "epmd": True, "hidden": False, "connect_all": True}),
        ({"environ": {"ERL_EPMD_RELAXED_COMMAND_CHECK": ""}}, {"epmd_relaxed": True}),
    ],
)
def test_settings_settle_others(settings: dict[str, Any], wanted: dict[str, Any]) -> None:
    config = load(**settings)
    assert {name: getattr(config, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"erl_epmd_port": 0}, "erl_epmd_port is 0"),
        ({"node_ports": {"alex": 9100}}, "bad node name 'alex'"),
        ({"node_ports": {ALEX: 0}}, "the port of alex@localhost is 0"),
        ({"proto_dist": "inet_tls"}, "proto_dist is 'inet_tls'; inet_tcp, inet6_tcp are possible"),
        ({"listen_address": "box"}, "listen address 'box' is no IP address"),
        ({"net_tickintensity": 3}, "net_tickintensity is 3"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(**settings)
