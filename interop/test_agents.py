"""Agents in Python, asked by every BEAM, and those of Elixir, asked in Python.

Each script runs twice: against an agent of the BEAM itself, and against one in Python.
What it prints must be the same.
"""

from __future__ import annotations

import pytest
from keyed_reference import Both

from pyerlnode import Agent, Atom, CallTimeout, Exit, NoProc
from pyerlnode import term as terms


@pytest.fixture
def kate(python_node, target):
    return python_node("kate", target("keyed.py:children"))


@pytest.fixture
def alex(beam_node, kate):
    return beam_node("alex")


def test_what_agents_answer_and_how_they_end(alex, kate, here) -> None:
    both = Both(alex, here)
    answers = both.same("""
    ag = {Keyed.Agent, peer}
    [
      Agent.get(ag, Kernel, :+, [1]),
      Agent.update(ag, Kernel, :+, [5]),
      Agent.get(ag, Keyed, :identity, []),
      Agent.get(ag, &Keyed.identity/1),
      Agent.get_and_update(ag, Keyed, :pair, []),
      Agent.get_and_update(ag, &Keyed.pair/1),
      Agent.cast(ag, Kernel, :*, [10]),
      Agent.get(ag, Kernel, :-, [1]),
      Agent.cast(ag, Keyed, :put, [%{a: [1, 2.0, nil]}]),
      # an OTP 25 node sends the bare state, and shows what later ones send
      case :sys.get_state(ag) do {:ok, state} -> state; state -> state end,
      Agent.get(ag, Keyed, :info, []),
      Agent.update(ag, Keyed, :put, [0]),
      :sys.suspend(ag),
      :sys.change_code(ag, Agent.Server, nil, {Keyed, :put, [:changed]}),
      :sys.resume(ag),
      Agent.get(ag, Keyed, :identity, []),
      Agent.update(ag, Keyed, :put, [0])
    ]
    """)
    assert answers.startswith('"[1, :ok, 5, 5, 5, 6, :ok, 69,')
    both.same("""
    for {f, a} <- [boom: [], exit: [:away], exit: [:normal], absent: [1]],
        request <- [:get, :update, :get_and_update] do
      {:ok, pid} = rpc(peer, :agent, [1])
      ref = Process.monitor(pid)
      seen = caught(fn -> apply(Agent, request, [pid, Keyed, f, a]) end)
      receive do {:DOWN, ^ref, _, _, reason} -> {seen, reason} end
    end
    """)
    both.same("""
    ask = fn request ->
      {:ok, pid} = rpc(peer, :agent, [1])
      ref = Process.monitor(pid)
      seen = caught(fn -> request.(pid) end)
      receive do {:DOWN, ^ref, _, _, reason} -> {seen, reason} end
    end
    {:ok, strayed} = rpc(peer, :agent, [1])
    send(strayed, :stray)
    [
      Agent.get(strayed, Kernel, :+, [1]),
      ask.(&Agent.get_and_update(&1, Keyed, :identity, [])),
      ask.(&Agent.cast(&1, Keyed, :boom, [])),
      ask.(&GenServer.call(&1, :nonsense)),
      ask.(&GenServer.cast(&1, :nonsense)),
      ask.(&Agent.get(&1, Kernel, :+, ["x"])),
      ask.(&Agent.get(&1, Kernel, :div, [0])),
      ask.(&Agent.stop/1),
      ask.(&Agent.stop(&1, :why))
    ]
    """)
    both.same("""
    sup = {Keyed.Sup, peer}
    {:ok, one} = DynamicSupervisor.start_child(sup, {Agent, &Keyed.ready/0})
    start = fn args -> %{id: 1, start: {Agent, :start_link, args}} end
    {:ok, two} = DynamicSupervisor.start_child(sup, start.([Keyed, :identity, [2]]))
    options = [name: :three, timeout: 1000]
    {:ok, three} = DynamicSupervisor.start_child(sup, start.([Keyed, :identity, [3], options]))
    {:error, failed} = DynamicSupervisor.start_child(sup, start.([Keyed, :boom, [1]]))
    taken = DynamicSupervisor.start_child(sup, start.([Keyed, :identity, [3], [name: :three]]))
    got = for a <- [one, two, three, {:three, peer}], do: Agent.get(a, Keyed, :identity, [])
    infos = for a <- [two, three], do: Agent.get(a, Keyed, :info, [])
    children = for {id, p, t, mods} <- DynamicSupervisor.which_children(sup), do: {id, is_pid(p), t, mods}
    for {_, p, _, _} <- DynamicSupervisor.which_children(sup), do: DynamicSupervisor.terminate_child(sup, p)
    {got, infos, failed, taken, children}
    """)


async def test_python_drives_agents_of_elixir(beam_node, new_node) -> None:
    kate = beam_node("kate")
    kate.eval_elixir("""
    {:ok, _} = Agent.start(fn -> %{} end, name: Cache)
    {:ok, _} = Agent.start(fn -> 1 end, name: Number)
    {:ok, _} = Agent.start(fn -> :infinity end, name: Sleeper)
    """)
    cache, number = ("Elixir.Cache", kate.name), ("Elixir.Number", kate.name)
    async with new_node("bob"):
        assert await Agent.update(cache, "Elixir.Map", "put", [Atom("a"), [1]]) == "ok"
        assert await Agent.get(cache, "Elixir.Map", "get", [Atom("a")]) == [1]
        assert await Agent.get_and_update(cache, "Elixir.Map", "pop", [Atom("a")]) == [1]
        assert await Agent.get(cache, terms.Export("Elixir.Map", "to_list", 1)) == []
        assert Agent.cast(number, "Elixir.Kernel", "+", [41]) == "ok"
        assert await Agent.get(number, "Elixir.Kernel", "*", [1]) == 42
        with pytest.raises(Exit) as crashed:
            await Agent.get(number, "Elixir.Kernel", "+", [Atom("x")])
        (reason, _), (module, function, [server, request, timeout]) = crashed.value.reason
        assert (reason, module, function, timeout) == ("badarith", "Elixir.GenServer", "call", 5000)
        assert (server, request) == (number, ("get", ("Elixir.Kernel", "+", ["x"])))
        with pytest.raises(NoProc):
            await Agent.get(number, "Elixir.Kernel", "+", [1])
        with pytest.raises(CallTimeout):
            await Agent.get(("Elixir.Sleeper", kate.name), "timer", "sleep", [], timeout=0.05)
        assert await Agent.stop(cache) == "ok"
