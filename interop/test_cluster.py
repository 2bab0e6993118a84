"""Clusters of Python nodes that a BEAM joins, and the packets by which libcluster's nodes find each other.

What sends and hears those on the BEAM is written from the facts, and, where LIBCLUSTER_SRC names a
checkout of libcluster, its own strategy as well.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
import time
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyerlnode.services.cluster import Cluster, Gossip
from pyerlnode.services.peer import Peer
from pyerlnode.testing.children import Child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyerlnode import Atom, Node

SECONDS = 40.0
SECRET = "s3cret"


@pytest.fixture
def three(target: Callable[[str], str], epmd_port: int, node_host: str) -> Iterator[Child]:
    """`pyerlnode cluster up` of three nodes app1, app2, app3."""
    options = ["--nodes", "3", "--sname", f"app@{node_host}", "--cookie", "secret"]
    command = [sys.executable, "-m", "pyerlnode", "cluster", "up", *options, target("clustered.py:app")]
    with Child("cluster", command, {**os.environ, "ERL_EPMD_PORT": str(epmd_port)}) as cluster:
        for number in (1, 2, 3):
            cluster.wait_for_line(re.compile(rf"^app{number}@\S+ up port=.*\n", re.MULTILINE), SECONDS)
        yield cluster
        cluster.signal(signal.SIGTERM)
        assert cluster.wait(SECONDS) == 0


def eventually(fact: Callable[[], Any], wanted: Any) -> None:
    """Wait until `fact()` gives `wanted`; the failure shows what it gave."""
    deadline = time.monotonic() + SECONDS
    while (given := fact()) != wanted:
        assert time.monotonic() < deadline, given
        time.sleep(0.05)


def test_a_beam_joins_a_cluster_and_uses_its_children(three: Child, beam_node, here) -> None:
    alex = beam_node("alex")
    assert alex.eval_elixir(here("Node.connect(:app2@localhost)")).term is True
    nodes = here("[:app1@localhost, :app2@localhost, :app3@localhost]")
    eventually(lambda: str(alex.eval_elixir(f"Enum.sort(Node.list()) == {nodes}")), "true")
    alex.eval_elixir(":global.sync()")
    # As any supervisor of Elixir, asked on whichever node.
    started = """
        for {user, n} <- Enum.with_index([:kate, :max, :moe, :ann, :lea, :tim]) do
          spec = %{id: user, start: {Session, :start_link, [user]}}
          {:ok, _} = Supervisor.start_child({Sessions, Enum.at(NODES, rem(n, 3))}, spec)
        end
        {:error, {:already_started, pid}} =
          Supervisor.start_child({Sessions, hd(NODES)}, %{id: :kate, start: {Session, :start_link, [:kate]}})
        pid == :global.whereis_name({Sessions, :kate})
        """
    assert alex.eval_elixir(started.replace("NODES", nodes)).term is True
    counted = here("Supervisor.count_children({Sessions, :app3@localhost})")
    eventually(
        lambda: alex.eval_elixir(counted).term, {"active": 6, "specs": 6, "supervisors": 0, "workers": 6}
    )
    kate = "{:global, {Sessions, :kate}}"
    assert alex.eval_elixir(f"GenServer.call({kate}, {{:add, 3}})").term == 3
    node, pid = alex.eval_elixir(f"GenServer.call({kate}, :where)").term
    # The node is killed: what it ran is started on another one, and forgets what it knew.
    os.kill(pid, signal.SIGKILL)
    moved = """
        try do
          {node, _} = GenServer.call(NAME, :where)
          {node != OLD, GenServer.call(NAME, {:add, 1})}
        catch
          :exit, _ -> :away
        end
        """.replace("NAME", kate).replace("OLD", f":{node}")
    eventually(lambda: alex.eval_elixir(moved).term, (True, 1))
    # Where it was is started again, and takes part.
    three.wait_for_output(f"{node} has ended (signal 9)", SECONDS)
    eventually(lambda: str(alex.eval_elixir(f"Enum.sort(Node.list()) == {nodes}")), "true")
    there = f"GenServer.call({{Sessions, :{node}}}, :members) == {nodes}"
    eventually(lambda: str(alex.eval_elixir(f"try do {there} catch :exit, _ -> :away end")), "true")
    assert str(alex.eval_elixir(f"Supervisor.terminate_child({{Sessions, :{node}}}, :kate)")) == ":ok"
    eventually(lambda: str(alex.eval_elixir(":global.whereis_name({Sessions, :kate})")), ":undefined")


def test_a_beam_that_joins_two_halves_settles_what_runs_twice(beam_node, python_node, target, here) -> None:
    # Two nodes that do not know each other run the same child; the BEAM compares their names.
    nodes = [python_node(name, target("clustered.py:app")) for name in ("one", "two")]
    alex = beam_node("alex")
    start = "Supervisor.start_child({Sessions, NODE}, %{id: :kate, start: {Session, :start_link, [:kate]}})"
    pids = []
    for node in nodes:
        alex.eval_elixir(":net_kernel.hidden_connect_node(NODE)".replace("NODE", f":{node.name}"))
        pids.append(alex.eval_elixir(f"{{:ok, pid}} = {start}; pid".replace("NODE", f":{node.name}")).term)
        alex.eval_elixir(f"Node.disconnect(:{node.name})")
    assert [pid.node for pid in pids] == [node.name for node in nodes]
    for node in nodes:
        assert alex.eval_elixir(f"Node.connect(:{node.name})").term is True
    alex.eval_elixir(":global.sync()")
    kate = "{:global, {Sessions, :kate}}"
    eventually(lambda: alex.eval_elixir("Enum.sort(Node.list())").term, [node.name for node in nodes])
    eventually(lambda: alex.eval_elixir(f"GenServer.whereis({kate})").term, pids[0])
    gone = f":rpc.call(:{nodes[1].name}, :erlang, :is_process_alive, [pid])"
    eventually(lambda: alex.eval_elixir(f"{gone}").term, False)
    for node in nodes:
        children = (
            f"for {{id, pid, _, _}} <- Supervisor.which_children({{Sessions, :{node.name}}}), do: {{id, pid}}"
        )
        eventually(lambda children=children: alex.eval_elixir(children).term, [("kate", pids[0])])


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


# What libcluster's strategy does with its socket, and nothing of its code: heartbeats by its layout.
GOSSIP = """
group = {233, 252, 1, 32}
loopback = {127, 0, 0, 1}
{:ok, socket} =
  :gen_udp.open(PORT, [:binary, active: false, ip: {0, 0, 0, 0}, reuseaddr: true, broadcast: true,
    multicast_if: loopback, multicast_ttl: 1, multicast_loop: true, add_membership: {group, loopback}])
key = :crypto.hash(:sha256, "SECRET")
plain = "heartbeat::" <> :erlang.term_to_binary(%{node: node()})
padding = 16 - rem(byte_size(plain), 16)
iv = :crypto.strong_rand_bytes(16)
text = plain <> :binary.copy(<<padding>>, padding)
beat = [iv, :crypto.crypto_one_time(:aes_256_cbc, key, iv, text, true)]
listen = fn listen ->
  :ok = :gen_udp.send(socket, group, PORT, beat)
  case :gen_udp.recv(socket, 0, 200) do
    {:ok, {_, _, <<iv::binary-size(16), data::binary>>}} ->
      padded = :crypto.crypto_one_time(:aes_256_cbc, key, iv, data, false)
      size = byte_size(padded) - :binary.last(padded)
      "heartbeat::" <> term = binary_part(padded, 0, size)
      %{node: name} = :erlang.binary_to_term(term)
      if name != node() and Node.list() == [name], do: name, else: listen.(listen)
    {:error, :timeout} -> listen.(listen)
  end
end
listen.(listen)
"""


# The library's own modules from a checkout; :telemetry, which it reports to, says nothing.
LIBCLUSTER = os.environ.get("LIBCLUSTER_SRC")
FILES = ("logger.ex", "strategy/state.ex", "strategy/strategy.ex", "strategy/gossip.ex")
START = """
defmodule :telemetry do
  def execute(_, _, _), do: :ok
end
LIBRARY
config = [port: PORT, multicast_if: "127.0.0.1", secret: "SECRET"]
state = struct(Cluster.Strategy.State, topology: :office, config: config,
  connect: {:net_kernel, :connect_node, []}, disconnect: {:erlang, :disconnect_node, []},
  list_nodes: {:erlang, :nodes, [:connected]})
{:ok, _} = Cluster.Strategy.Gossip.start_link([state])
"""


def libcluster() -> str:
    """The real strategy, as Elixir that starts it."""
    sources = [(Path(LIBCLUSTER or "") / "lib" / file).read_text() for file in FILES]
    return START.replace("LIBRARY", "\n".join(sources))


@pytest.mark.parametrize("player", ["stand-in", "libcluster"] if LIBCLUSTER else ["stand-in"])
async def test_a_beam_and_a_python_node_hear_each_others_heartbeats(player: str, beam_node, new_node) -> None:
    alex = await asyncio.to_thread(beam_node, "alex")
    port = free_udp_port()
    gossip = Gossip(port=port, multicast_if="127.0.0.1", secret=SECRET, interval=0.2)
    source = GOSSIP if player == "stand-in" else libcluster()
    source = source.replace("PORT", str(port)).replace("SECRET", SECRET)
    async with new_node("kate") as kate:
        if player == "stand-in":
            kate.runtime.spawn(Cluster.start([gossip]))
            heard = await asyncio.to_thread(alex.eval_elixir, source, timeout=SECONDS)
            # It was connected to, because it was heard, by who it heard.
            assert heard.term == kate.name
        else:
            await alex.eval_elixir_async(source)
            async with asyncio.timeout(SECONDS), aclosing(gossip.discover(kate.name)) as found:
                assert await anext(found) == [alex.name]
                # Nobody here connects: it is libcluster that does.
                await asyncio.to_thread(eventually, lambda: alex.eval_elixir("Node.list()").term, [kate.name])
        assert kate.nodes() == [alex.name]


async def test_a_peer_is_a_node_of_the_cluster_to_a_beam(
    beam_node, new_node: Callable[..., Node], target: Callable[[str], str]
) -> None:
    alex = await asyncio.to_thread(beam_node, "alex")
    async with new_node("kate") as kate:
        assert await kate.connect(alex.name)
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        stop = asyncio.Event()

        async def body() -> None:
            peer, node = await Peer.start_link(target("echo.py:app"), name="helper")
            done.set_result(node)
            await stop.wait()
            await Peer.stop(peer)
            done.set_result(None)

        kate.runtime.spawn(body())
        async with asyncio.timeout(SECONDS):
            node: Atom = await done
        echo = f"GenServer.call({{:echo, :{node}}}, {{:echo, :hi}})"
        assert (await asyncio.to_thread(alex.eval_elixir, echo)).term == "hi"
        done = asyncio.get_running_loop().create_future()
        stop.set()
        async with asyncio.timeout(SECONDS):
            await done
        listed = f":{node} in Node.list()"
        await asyncio.to_thread(eventually, lambda: alex.eval_elixir(listed).term, False)
