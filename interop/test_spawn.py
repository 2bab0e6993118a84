"""Spawning by module, function and arguments between Python and every BEAM."""

from __future__ import annotations

import pytest

import pyerlnode as erl
from pyerlnode import Atom, Export

python_only = pytest.mark.parametrize("kate", ["python"], indirect=True)


@pytest.fixture
def alex(beam_node, kate):
    return beam_node("alex")


def test_elixir_spawns_functions(alex, here) -> None:
    text = alex.eval_elixir(
        here("""
        pid = Node.spawn(:kate@localhost, Kate, :tell, [self(), :hi])
        first = receive do {:hi, ^pid} -> :told after 12_000 -> :none end
        {pid, ref} = Node.spawn_monitor(:kate@localhost, &Kate.wait/0)
        Process.exit(pid, :kill)
        second = receive do {:DOWN, ^ref, :process, ^pid, reason} -> reason after 12_000 -> :none end
        {first, second}
        """)
    ).text
    assert text == "{:told, :killed}"


def test_reasons_of_linked_functions(alex, here) -> None:
    text = alex.eval_elixir(
        here("""
        Process.flag(:trap_exit, true)
        calls = [add: [1, 2], fail: [:exit, :bye], fail: [:throw, 5], crash: [], nothing: [1], add: [1, "x"]]
        for {f, a} <- calls do
          pid = Node.spawn_link(:kate@localhost, Kate, f, a)
          receive do
            {:EXIT, ^pid, {%{message: m}, [{Kate, :crash, 0, [{:file, file} | _]} | _]}} ->
              {m, file |> List.to_string() |> Path.basename() |> Path.rootname()}
            {:EXIT, ^pid, {reason, [{m, f, a, _} | _]}} -> {reason, m, f, a}
            {:EXIT, ^pid, reason} -> reason
          after 12_000 -> :none end
        end
        """)
    ).text
    assert text == (
        '[:normal, :bye, {{:nocatch, 5}, Kate, :fail, 2}, {"ValueError: on purpose", "exported"}, '
        '{:undef, Kate, :nothing, [1]}, {:function_clause, Kate, :add, [1, "x"]}]'
    )


SPAWNS = """
kate = :kate@localhost
Process.flag(:trap_exit, true)
one = fn n ->
  {pid, ref} = case rem(n, 4) do
    0 -> Node.spawn_monitor(kate, Kate, :add, [n, 1])
    1 -> Node.spawn_monitor(kate, Kate, :nothing, [])
    2 -> {Node.spawn_link(kate, Kate, :add, [n, 1]), nil}
    3 ->
      pid = Node.spawn_link(kate, Kate, :wait, [])
      send(pid, :go_on)
      {pid, nil}
  end
  receive do
    {:DOWN, ^ref, :process, ^pid, _} -> :ok
    {:EXIT, ^pid, :normal} -> :ok
  end
end
spawns = fn count -> :lists.foreach(one, :lists.seq(1, count)) end
sizes = fn -> :erpc.call(kate, Kate, :sizes, []) end
here = fn -> Process.info(self(), [:links, :monitors, :message_queue_len]) end
objects = fn -> :erpc.call(kate, Kate, :objects, []) end
"""


@python_only
def test_ten_thousand_spawns_leave_nothing(alex, here) -> None:
    alex.eval_elixir(here(f"{SPAWNS}\nspawns.(10_000)"), timeout=50)
    before = alex.eval_elixir("{sizes.(), here.()}").term
    objects, resident = alex.eval_elixir("objects.()").term
    alex.eval_elixir("spawns.(10_000)", timeout=50)
    assert alex.eval_elixir("{sizes.(), here.()}").term == before
    more_objects, more_resident = alex.eval_elixir("objects.()").term
    assert more_objects - objects < 100
    assert more_resident - resident < 2_000_000


async def test_python_spawns_on_a_beam(beam_node, new_node) -> None:
    there = beam_node("alex").name
    async with new_node("bob") as node:
        pid, ref = await erl.spawn_monitor(there, "erlang", "exit", [Atom("bye")])
        assert await erl.receive(timeout=20) == ("DOWN", ref, "process", pid, "bye")
        pid = await erl.spawn(there, Export(Atom("erlang"), Atom("send"), 2), [erl.self(), Atom("hi")])
        assert pid.node == there
        assert await erl.receive(timeout=20) == "hi"
        erl.process_flag("trap_exit", True)
        pid = await erl.spawn_link(there, "timer", "sleep", [Atom("infinity")])
        erl.exit(pid, "enough")
        assert await erl.receive(timeout=20) == ("EXIT", pid, "enough")
        pid, ref = await erl.spawn_monitor(there, "nobody", "there", [1])
        down = await erl.receive(timeout=20)
        assert down[4][0] == "undef"
        ref = erl.spawn_request(there, "erlang", "node", [], options=["nonsense"])
        assert await erl.receive(timeout=20) == ("spawn_reply", ref, "error", "badopt")
        opts = ["monitor", ("priority", "high"), ("min_heap_size", 1000)]
        pid, ref = await erl.spawn_opt(there, "erlang", "node", [], options=opts)
        assert await erl.receive(timeout=20) == ("DOWN", ref, "process", pid, "normal")
        assert not node.runtime.spawns
