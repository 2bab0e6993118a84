"""Settings of connections and their counterparts of a BEAM: no EPMD, IPv6, given names, partial meshes."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest
from clusters import has_ipv6, until

from pyerlnode.services import net_adm
from pyerlnode.testing import Epmd

PING = 'Node.ping(:"{}")'


def _own_address() -> str | None:
    """An address of this machine that others on its network could know it by."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        return str(sock.getsockname()[0])


async def test_all_nodes_on_one_port_without_epmd(beam_node, new_node, free_port) -> None:
    nobody = free_port + 1 if free_port < 65535 else free_port - 1
    flags = ("-erl_epmd_port", str(free_port), "-kernel", "inet_dist_use_interface", "{127,0,0,2}")
    alex = await asyncio.to_thread(beam_node, "alex@127.0.0.2", epmd_port=nobody, flags=flags)
    async with new_node("kate@127.0.0.3", epmd_port=nobody, erl_epmd_port=free_port) as kate:
        assert await net_adm.ping(alex.name) == "pong"
        assert kate.nodes() == [alex.name]
    async with new_node("zoe@127.0.0.3", epmd_port=nobody, erl_epmd_port=free_port) as zoe:
        assert (await alex.eval_elixir_async(PING.format(zoe.name))).text == ":pong"
        assert zoe.nodes() == [alex.name]


async def test_a_beam_on_a_fixed_port_that_is_told(beam_node, new_node, free_port) -> None:
    port = str(free_port)
    flags = ("-kernel", "inet_dist_listen_min", port, "inet_dist_listen_max", port)
    alex = await asyncio.to_thread(beam_node, "alex", flags=flags)
    async with new_node("kate", epmd=False, node_ports={alex.name: free_port}) as kate:
        assert await net_adm.ping(alex.name) == "pong"
        # Nobody who asks EPMD finds it, but the connection is there.
        assert (await alex.eval_elixir_async("Node.list()")).term == [kate.name]


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
async def test_ipv6_in_both_directions(beam_node, new_node, free_port) -> None:
    # By address: not every machine's /etc/hosts has localhost at ::1.
    async with new_node("kate@::1", epmd_port=free_port, proto_dist="inet6_tcp") as kate:
        flags = ("-proto_dist", "inet6_tcp")
        alex = await asyncio.to_thread(beam_node, "alex@::1", epmd_port=free_port, flags=flags)
        assert await net_adm.ping(alex.name) == "pong"
        assert kate.links()[0].address.startswith("[::1]:")
        kate.disconnect(alex.name)
        async with new_node("zoe@::1", epmd_port=free_port, proto_dist="inet6_tcp") as zoe:
            assert (await alex.eval_elixir_async(PING.format(zoe.name))).text == ":pong"
            assert zoe.links()[0].address.startswith("[::1]:")


@pytest.mark.skipif(_own_address() is None, reason="this machine is on no network")
async def test_long_names_at_an_address_of_a_network(beam_node, new_node) -> None:
    address = _own_address()
    with Epmd(loopback=False) as epmd:
        alex = await asyncio.to_thread(beam_node, f"alex@{address}", epmd_port=epmd.port)
        async with new_node(f"kate@{address}", epmd_port=epmd.port, listen_address=address) as kate:
            assert await net_adm.ping(alex.name) == "pong"
            kate.disconnect(alex.name)
        async with new_node(f"zoe@{address}", epmd_port=epmd.port) as zoe:
            assert (await alex.eval_elixir_async(PING.format(zoe.name))).text == ":pong"


async def test_who_does_not_listen_and_who_has_no_name_are_hidden(
    beam_node, new_node, python_node, target
) -> None:
    alex = await asyncio.to_thread(beam_node, "alex")
    async with new_node("kate", dist_listen=False) as kate:
        assert await net_adm.ping(alex.name) == "pong"
        seen = await alex.eval_elixir_async("{Node.list(), Node.list(:hidden)}")
        assert seen.term == ([], [kate.name]) and kate.port == 0
    nameless = await asyncio.to_thread(
        python_node, "undefined", target("echo.py:app"), options=("--connect", alex.name)
    )
    assert re.fullmatch(r"[0-9A-Z]+@\S+", nameless.name)
    asked = f"GenServer.call({{:echo, :'{nameless.name}'}}, {{:echo, 1}})"
    assert (await alex.eval_elixir_async(asked)).text == "1"
    # A BEAM without a name gets one from Python.
    async with new_node("zoe") as zoe:
        bert = await asyncio.to_thread(beam_node, "undefined", language="erlang")
        assert (await bert.eval_erlang_async(f"net_kernel:connect_node('{zoe.name}')")).text == "true"
        name = (await bert.eval_erlang_async("node()")).term
        assert re.fullmatch(r"[0-9A-Z]+@\S+", name) and zoe.nodes("hidden") == [name]


async def test_a_mesh_leaves_out_who_is_hidden_or_does_not_want_it(beam_node, new_node) -> None:
    alex = await asyncio.to_thread(beam_node, "alex")
    bert = await asyncio.to_thread(beam_node, "bert")
    assert (await alex.eval_elixir_async(PING.format(bert.name))).text == ":pong"
    async with new_node("kate", hidden=True) as kate:
        assert await kate.connect(alex.name)
        async with new_node("zoe") as zoe:
            assert await zoe.connect(alex.name)
            await until(lambda: set(zoe.nodes()) == {alex.name, bert.name}, timeout=30)
            assert zoe.nodes("hidden") == []
        assert kate.nodes("connected") == [alex.name]
    async with new_node("moebi", connect_all=False) as moebi:
        assert await moebi.connect(alex.name)
        # What alex tells of who came has arrived before its answer, at moebi and at bert.
        assert await net_adm.ping(alex.name) == "pong"
        assert (await alex.eval_elixir_async(PING.format(bert.name))).text == ":pong"
        assert moebi.nodes("connected") == [alex.name]
        assert (await bert.eval_elixir_async("Node.list(:connected)")).term == [alex.name]


async def test_a_node_stays_connected_with_one_that_it_was_told_of(beam_node, python_node, target) -> None:
    alex = await asyncio.to_thread(beam_node, "alex")
    kate = await asyncio.to_thread(
        python_node, "kate", target("echo.py:app"), connect=[alex.name], options=("--reconnect", "0.5")
    )
    again = f"""
    kate = :"{kate.name}"
    :net_kernel.monitor_nodes(true)
    true = Node.disconnect(kate)
    down = receive do {{:nodedown, ^kate}} -> :down after 30_000 -> :never end
    up = receive do {{:nodeup, ^kate}} -> :up after 30_000 -> :never end
    {{down, up}}
    """
    assert (await alex.eval_elixir_async(again, timeout=60)).text == "{:down, :up}"
    alex.kill()
    await asyncio.to_thread(kate.wait_for_output, f"{alex.name} cannot be reached")
    alex = await asyncio.to_thread(beam_node, "alex")
    back = f"""
    :net_kernel.monitor_nodes(true)
    wait = fn -> receive do {{:nodeup, _}} -> :up after 30_000 -> :never end end
    if :"{kate.name}" in Node.list(), do: :up, else: wait.()
    """
    assert (await alex.eval_elixir_async(back, timeout=60)).text == ":up"
