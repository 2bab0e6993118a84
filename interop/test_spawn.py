"""Spawning by module, function and arguments between Python and every BEAM."""

from __future__ import annotations

import pytest

import pyerlnode as erl
from pyerlnode import Atom, Export, Node


@pytest.fixture
def alex(beam_node, python_node, target):
    python_node("kate", target("exported.py:app"))
    return beam_node("alex")


def test_elixir_spawns_python_functions(alex) -> None:
    text = alex.eval_elixir(
        """
        pid = Node.spawn(:kate@localhost, Kate, :tell, [self(), :hi])
        first = receive do {:hi, ^pid} -> :told after 5000 -> :none end
        {pid, ref} = Node.spawn_monitor(:kate@localhost, &Kate.wait/0)
        Process.exit(pid, :kill)
        second = receive do {:DOWN, ^ref, :process, ^pid, reason} -> reason after 5000 -> :none end
        {first, second}
        """
    ).text
    assert text == "{:told, :killed}"


def test_reasons_of_linked_python_functions(alex) -> None:
    text = alex.eval_elixir(
        """
        Process.flag(:trap_exit, true)
        calls = [add: [1, 2], fail: [:exit, :bye], fail: [:throw, 5], crash: [], nothing: [1], add: [1, "x"]]
        for {f, a} <- calls do
          pid = Node.spawn_link(:kate@localhost, Kate, f, a)
          receive do
            {:EXIT, ^pid, {%{message: m}, [{Kate, :crash, 0, [file: file, line: _]} | _]}} ->
              {m, List.to_string(file)}
            {:EXIT, ^pid, {reason, [{m, f, a, _} | _]}} -> {reason, m, f, a}
            {:EXIT, ^pid, reason} -> reason
          after 5000 -> :none end
        end
        """
    ).text
    assert text == (
        '[:normal, :bye, {{:nocatch, 5}, Kate, :fail, 2}, {"ValueError: on purpose", "exported.py"}, '
        '{:undef, Kate, :nothing, [1]}, {:function_clause, Kate, :add, [1, "x"]}]'
    )


def test_thousands_of_spawns_leave_nothing(alex) -> None:
    alex.eval_elixir(
        """
        spawns = fn n ->
          for i <- 1..n do
            {_, ref} = Node.spawn_monitor(:kate@localhost, Kate, :add, [i, 1])
            receive do {:DOWN, ^ref, _, _, :normal} -> :ok end
          end
          :erpc.call(:kate@localhost, Kate, :sizes, [])
        end
        true = spawns.(100) == spawns.(2000)
        """,
        timeout=50,
    )


async def test_python_spawns_on_a_beam(beam_node, epmd_port) -> None:
    beam_node("alex")
    there = "alex@localhost"
    async with Node("bob@localhost", cookie="secret", epmd_port=epmd_port) as node:
        pid, ref = await erl.spawn_monitor(there, "erlang", "exit", [Atom("bye")])
        assert await erl.receive(timeout=5) == ("DOWN", ref, "process", pid, "bye")
        pid = await erl.spawn(there, Export(Atom("erlang"), Atom("send"), 2), [erl.self(), Atom("hi")])
        assert pid.node == there
        assert await erl.receive(timeout=5) == "hi"
        erl.process_flag("trap_exit", True)
        pid = await erl.spawn_link(there, "timer", "sleep", [Atom("infinity")])
        erl.exit(pid, "enough")
        assert await erl.receive(timeout=5) == ("EXIT", pid, "enough")
        pid, ref = await erl.spawn_monitor(there, "nobody", "there", [1])
        down = await erl.receive(timeout=5)
        assert down[4][0] == "undef"
        ref = erl.spawn_request(there, "erlang", "node", [], options=["nonsense"])
        assert await erl.receive(timeout=5) == ("spawn_reply", ref, "error", "badopt")
        opts = ["monitor", ("priority", "high"), ("min_heap_size", 1000)]
        pid, ref = await erl.spawn_opt(there, "erlang", "node", [], options=opts)
        assert await erl.receive(timeout=5) == ("DOWN", ref, "process", pid, "normal")
        assert not node.runtime.spawns
