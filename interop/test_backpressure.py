"""A BEAM that is stopped: who sends to it waits, others do not, and nothing of it is lost."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from clusters import until

import pyerlnode as erl
from pyerlnode.node.link import BUSY_LIMIT

BLOCK = 60_000  # in one fragment: the rest of a larger one lets others pass
BLOCKS = 4000  # 240 MB
MB = 1024 * 1024

# Counts blocks, then tells how many came in order and what came between.
SINK = """
kate = :kate@localhost
me = self()
sink = spawn(fn ->
  Process.register(self(), :sink)
  Process.flag(:trap_exit, true)
  send(me, :ready)
  loop = fn loop, next, others ->
    receive do
      {^next, block} when byte_size(block) == 60_000 -> loop.(loop, next + 1, others)
      :done -> send(me, {next, Enum.reverse(others)})
      {:EXIT, _, reason} -> loop.(loop, next, [{:exit, next, reason} | others])
      other -> loop.(loop, next, [other | others])
    end
  end
  loop.(loop, 0, [])
end)
receive do :ready -> :ok end
:pong = Node.ping(kate)
sink
"""


def resident() -> int:
    """Bytes of memory that this program has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def sockets_take() -> int:
    """Bytes that the kernel keeps at most on their way to a program that does not read."""
    limits = (Path(f"/proc/sys/net/ipv4/tcp_{side}mem").read_text() for side in "rw")
    return sum(int(limit.split()[2]) for limit in limits)


async def flood(sink: erl.Pid, sent: list[int]) -> None:
    """Send much, let go after each block, and die linked to who gets it."""
    erl.link(sink)
    for number in range(BLOCKS):
        erl.send(sink, (number, b"x" * BLOCK))
        sent[0] = number
        await asyncio.sleep(0)
    raise erl.Exit("done")


async def test_senders_to_a_stopped_beam_wait_and_lose_nothing(beam_node, new_node, here) -> None:
    alex, bert = beam_node("alex"), beam_node("bert")
    async with new_node("kate") as node:
        sink = (await alex.eval_elixir_async(here(SINK))).term
        await bert.eval_elixir_async(here(":pong = Node.ping(:kate@localhost)"))
        link = next(link for link in node.links() if link.node == alex.name)
        alex.suspend()
        before, sent = resident(), [0]
        sender = node.runtime.spawn(flood(sink, sent))
        await until(lambda: sender.suspended is not None, 30.0)
        assert BUSY_LIMIT < link.waiting <= BUSY_LIMIT + 2 * BLOCK
        # Whoever else has something to say to it waits as well; what is said keeps its order.
        late = node.runtime.spawn(_say(sink, "hello"))
        await until(lambda: late.suspended is not None, 30.0)
        # Others are answered meanwhile, and see it.
        erl.register("flood", sender.pid)
        seen = await bert.eval_elixir_async(
            here(
                """
                kate = :kate@localhost
                pid = :rpc.call(kate, :erlang, :whereis, [:flood])
                {:rpc.call(kate, :erlang, :process_info, [pid, :status]),
                 :rpc.call(kate, :erlang, :send, [{:sink, :alex@localhost}, 1, [:nosuspend]]),
                 :rpc.call(kate, :erlang, :send_nosuspend, [{:sink, :alex@localhost}, 1]),
                 :rpc.call(kate, :erlang, :send, [{:sink, :away@localhost}, 1, [:noconnect]])}
                """
            )
        )
        assert seen.text == "{{:status, :suspended}, :nosuspend, false, :noconnect}"
        assert resident() - before < 48 * MB, "the queue is larger than it may be"
        assert sent[0] < BLOCKS - 1 and sender.alive
        alex.resume()
        await until(lambda: not sender.alive and not late.alive, 30.0)
        erl.send(sink, erl.Atom("done"))
        counted = await alex.eval_elixir_async("receive do counted -> counted end", timeout=60)
        assert counted.text == f'{{{BLOCKS}, ["hello", {{:exit, {BLOCKS}, :done}}]}}'
        assert resident() - before < 64 * MB


async def _say(sink: erl.Pid, word: str) -> None:
    erl.send(sink, word)
    await asyncio.sleep(0)


async def test_the_tick_ends_it_and_everybody_is_told(beam_node, new_node, here) -> None:
    alex = beam_node("alex")
    async with new_node("kate") as node:
        sink = (await alex.eval_elixir_async(here(SINK))).term
        (link,) = node.links()
        told: list[object] = []

        async def watch() -> None:
            erl.process_flag("trap_exit", True)
            ref = erl.monitor(sink)
            erl.link(sink)
            erl.send(sink, b"x" * (3 * BUSY_LIMIT + sockets_take()))
            told.append((await erl.receive(lambda message: message[1] == ref))[-1])
            told.append((await erl.receive())[-1])

        alex.suspend()
        watcher = node.runtime.spawn(watch())
        caller = node.runtime.spawn(erl.GenServer.call(("sink", alex.name), "question", None))
        await until(lambda: watcher.suspended is not None and caller.suspended is not None, 30.0)
        connection = link.connection
        connection._settings = replace(connection._settings, net_ticktime=1.0)
        link.rearm()
        await until(lambda: not watcher.alive and not caller.alive, 30.0)
        assert told == ["noconnection", "noconnection"]
        assert caller.exit_reason[0] == ("nodedown", alex.name)
        assert link.reason == "net_tick_timeout"
        alex.resume()
