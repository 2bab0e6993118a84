"""Messages of many fragments, and what passes between these."""

from __future__ import annotations

import asyncio

import pyerlnode as erl
from pyerlnode import GenServer
from pyerlnode.services import net_adm

SIZE = 50_000_000

# Its own large message and the pings are of two processes: only those of one must wait for each other.
BOTH_DIRECTIONS = """
kate = :kate@localhost
me = self()
Process.register(spawn(fn ->
  receive do {from, data} -> send(from, {:arrived, byte_size(data)}) end
end), :sink)
send({:main, kate}, me)
receive do :go -> :ok end
data = :binary.copy(<<1>>, 50_000_000)
spawn(fn -> send({:sink, kate}, {me, data}) end)
count = fn count, pongs ->
  receive do
    {:arrived, size} -> {pongs, size}
  after 0 ->
    :pong = Node.ping(kate)
    count.(count, pongs + 1)
  end
end
count.(count, 0)
"""

# Of several processes at once, so that their fragments come mixed; each asks twice, as the first
# answers are cut in fragments and the next ones may leave in one frame.
SHAPES = """
binary = fn byte, size -> :binary.copy(<<byte>>, size) end
shapes = [
  binary.(1, 1_000_000),
  binary.(2, 70_000),
  [{:behind, binary.(3, 300_000), "small"}, binary.(4, 600_000), :last],
  %{"key" => binary.(5, 2_000_000), 1 => [binary.(6, 100), 2.5, :atom, self(), make_ref()]},
  {Enum.to_list(1..60_000), binary.(7, 900_000), Bitwise.bsl(1, 9000)},
  List.duplicate(binary.(8, 1000), 3000),
  Enum.to_list(1..300_000),
  <<0::size(5_000_003)>>,
  {binary.(9, 65_000), {binary.(10, 65_536), [binary.(11, 262_144) | binary.(12, 262_143)]}}
]
asked =
  for shape <- shapes do
    Task.async(fn ->
      for _ <- 1..2, do: GenServer.call({:echo, :kate@localhost}, {:echo, shape}, 60_000) === shape
    end)
  end
Enum.map(asked, &Task.await(&1, 60_000))
"""


async def sink() -> None:
    """Tell the sender of a large message when it is here."""
    erl.register("sink", erl.self())
    sender, data = await erl.receive()
    erl.send(sender, (erl.Atom("arrived"), len(data)))


async def test_pings_are_answered_between_python_nodes(python_node, new_node, target) -> None:
    kate = await asyncio.to_thread(python_node, "kate", target("echo.py:app"))
    large = bytes(SIZE)
    async with new_node("alex"):
        echoed = asyncio.ensure_future(
            GenServer.call(("echo", kate.name), (erl.Atom("echo"), large), timeout=60)
        )
        answered = 0
        while not echoed.done():
            assert await net_adm.ping(kate.name) == "pong"
            answered += not echoed.done()
        assert await echoed == large
        assert answered >= 1


def test_large_messages_of_any_shape_come_back_as_they_were(beam_node, python_node, here, target) -> None:
    python_node("kate", target("echo.py:app"))
    assert beam_node("alex").eval_elixir(here(SHAPES), timeout=60).term == [[True, True]] * 9


async def test_pings_are_answered_while_fifty_megabytes_go_each_way(beam_node, new_node, here) -> None:
    alex = beam_node("alex")
    async with new_node("kate") as node:
        erl.register("main", erl.self())
        erl.spawn(sink)
        there = asyncio.ensure_future(alex.eval_elixir_async(here(BOTH_DIRECTIONS), timeout=60))
        evaluator = await erl.receive(timeout=10)
        arrived: list[object] = []

        async def send_much() -> None:
            erl.send(evaluator, erl.Atom("go"))
            erl.send(("sink", alex.name), (erl.self(), bytes(SIZE)))
            arrived.append(await erl.receive())

        erl.spawn(send_much)
        answered = 0
        async with asyncio.timeout(60):
            while not arrived:
                assert await net_adm.ping(alex.name) == "pong"
                answered += not arrived
        assert arrived == [("arrived", SIZE)]
        answered_there, size = (await there).term
        assert size == SIZE
        assert min(answered, answered_there) >= 1, (answered, answered_there)
        assert node.nodes() == [alex.name]
