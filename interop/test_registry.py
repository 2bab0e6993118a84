"""Registries, partitions and their names: the same in Python as on every BEAM.

Each script runs twice: against the BEAM itself, and against a Python node.  What it
prints must be the same.
"""

from __future__ import annotations

import pytest
from keyed_reference import REFERENCE, Both
from test_terms import GENERATOR

from pyerlnode import Atom, GenServer, PartitionSupervisor, Registry, rpc
from pyerlnode.term import decode, phash2

RANDOM_TERMS = 10_000
BATCH = 1000
A_FUN = "fun() -> X = Int(), fun(Y) -> {X, Y} end end"


@pytest.fixture
def kate(python_node, target):
    return python_node("kate", target("keyed.py:children"))


@pytest.fixture
def alex(beam_node, kate):
    return beam_node("alex")


@pytest.fixture
def both(alex, here) -> Both:
    return Both(alex, here)


def test_registrations(both) -> None:
    both.same("""
    {r, a, b} = {Keyed.Unique, holder(peer), holder(peer)}
    keys = [1, 1.0, true, "1", :"1", [1], {1, %{a: nil}}, %{1 => 2}, 0.0, []]
    first = for k <- keys, do: run(a, :register, [r, k, {:value, k}]) |> elem(0)
    taken = for k <- [1, [1], %{1 => 2}], do: run(b, :register, [r, k, :no])
    own = run(a, :register, [r, 1, :again])
    found = for k <- keys ++ [2], do: rpc(peer, Registry, :lookup, [r, k])
    right = for k <- keys, do: rpc(peer, Registry, :lookup, [r, k]) == [{a, {:value, k}}]
    listed = Enum.sort(rpc(peer, Registry, :keys, [r, a])) == Enum.sort(keys)
    values = rpc(peer, Registry, :values, [r, 1.0, a]) ++ rpc(peer, Registry, :values, [r, 1.0, b])
    gone = for k <- [1, 1, :absent], do: run(a, :unregister, [r, k])
    left = {for(k <- [1, 1.0], do: rpc(peer, Registry, :lookup, [r, k])), rpc(peer, Registry, :count, [r])}
    GenServer.stop(a)
    until(0, fn -> rpc(peer, Registry, :count, [r]) end)
    after_end = {rpc(peer, Registry, :lookup, [r, true]), rpc(peer, Registry, :keys, [r, a])}
    again = run(b, :register, [r, true, 2]) |> elem(0)
    calls = [meta: [:limit], meta: [:absent], put_meta: [{:x, 1}, "v"], meta: [{:x, 1}],
             delete_meta: [:limit], meta: [:limit], put_meta: [:limit, 5]]
    meta = for {f, args} <- calls, do: rpc(peer, Registry, f, [r | args])
    GenServer.stop(b)
    until(0, fn -> rpc(peer, Registry, :count, [r]) end)
    {first, taken, own, found, right, listed, values, gone, left, after_end, again, meta}
    """)
    for registry in ("Keyed.Bag", "Keyed.Parted"):
        both.same(f"""
        {{r, a, b}} = {{{registry}, holder(peer), holder(peer)}}
        entries = [{{a, :x, 1}}, {{a, :x, 2}}, {{b, :x, 3}}, {{a, :y, 4}}, {{a, :x, {{:t, 5}}}}]
        for {{p, k, v}} <- entries, do: run(p, :register, [r, k, v])
        values = fn -> rpc(peer, Registry, :lookup, [r, :x]) |> Enum.map(&elem(&1, 1)) |> Enum.sort() end
        all = values.()
        keys = {{rpc(peer, Registry, :keys, [r, a]) |> Enum.sort(), rpc(peer, Registry, :keys, [r, b])}}
        of_a = rpc(peer, Registry, :values, [r, :x, a])
        matched =
          for pattern <- [1, :_, :"$1", {{:t, :_}}, {{:_, :_, :_}}],
              do: rpc(peer, Registry, :count_match, [r, :x, pattern])
        guards = [{{:is_integer, :"$1"}}, {{:>, :"$1", 1}}]
        guarded = for {{_, v}} <- rpc(peer, Registry, :match, [r, :x, :"$1", guards]), do: v
        one = run(a, :unregister_match, [r, :x, {{:t, :"$1"}}, [{{:==, :"$1", 5}}]])
        some = {{values.(), rpc(peer, Registry, :keys, [r, a]) |> Enum.sort()}}
        none = run(a, :unregister_match, [r, :x, :absent])
        gone = run(a, :unregister, [r, :x])
        left = {{values.(), rpc(peer, Registry, :count, [r])}}
        GenServer.stop(a)
        GenServer.stop(b)
        until(0, fn -> rpc(peer, Registry, :count, [r]) end)
        {{all, keys, of_a, matched, Enum.sort(guarded), one, some, none, gone, left}}
        """)
    both.same("""
    {r, a} = {Keyed.Unique, holder(peer)}
    for i <- 1..9, do: run(a, :register, [r, {:n, i}, %{i: i, odd: rem(i, 2) == 1, l: [i, :x]}])
    specs = [
      [{{{:n, :"$1"}, :_, %{odd: true}}, [], [:"$1"]}],
      [{{:"$2", :"$1", %{i: :"$3"}}, [{:>, :"$3", 7}], [{{:"$3", :"$2"}}]}],
      [{{{:n, :"$1"}, :_, %{i: :"$1", l: [:"$1" | :"$2"]}},
        [{:orelse, {:<, :"$1", 3}, {:"=:=", :"$1", {:const, 9}}}], [:"$$"]}],
      [{{:_, :_, %{l: :"$1"}}, [{:==, {:hd, :"$1"}, 4}], [[:"$1", {:length, :"$1"}, {:+, {:hd, :"$1"}, 1}]]}],
      [{{{:n, 1}, :_, :"$1"}, [], [%{x: :"$1"}]},
       {{{:n, :"$1"}, :_, :_}, [{:"/=", {:rem, :"$1", 2}, 0}], [:"$1"]}],
      [{{:"$1", :_, :_}, [{:is_atom, {:element, 9, :"$1"}}], [1]}],
      [{{:"$1", :_, :_}, [], [{:hd, :"$1"}]}],
    ]
    selected = for s <- specs, do: rpc(peer, Registry, :select, [r, s]) |> Enum.sort()
    counted = rpc(peer, Registry, :count_select, [r, [{{{:n, :"$1"}, :_, :_}, [], [{:<, :"$1", 4}]}]])
    GenServer.stop(a)
    until(0, fn -> rpc(peer, Registry, :count, [r]) end)
    {selected, counted}
    """)


def test_names(both) -> None:
    names = both.same("""
    name = fn k -> {:via, Registry, {Keyed.Unique, k}} end
    {:ok, one} = rpc(peer, :start, [1, name.({:c, 1})])
    {:ok, two} = rpc(peer, :start, [2, {:via, Registry, {Keyed.Unique, {:c, 2}, :value}}])
    results = [
      rpc(peer, :start, [3, name.({:c, 1})]) == {:error, {:already_started, one}},
      rpc(peer, :call, [name.({:c, 1}), {:add, 41}]),
      rpc(peer, :call, [name.({:c, 2}), :get]),
      rpc(peer, Registry, :lookup, [Keyed.Unique, {:c, 1}]) == [{one, nil}],
      rpc(peer, Registry, :lookup, [Keyed.Unique, {:c, 2}]) == [{two, :value}],
      rpc(peer, :call, [name.({:c, 3}), :get]),
      rpc(peer, :cast, [name.({:c, 3}), :get]),
      rpc(peer, :stop, [name.({:c, 3})]),
      rpc(peer, :call, [{:via, Registry, {Keyed.Absent, 1}}, :get]),
      rpc(peer, :cast, [{:via, Registry, {Keyed.Absent, 1}}, :get]),
      rpc(peer, :call, [{:via, Registry, {Keyed.Bag, 1}}, :get]),
      rpc(peer, :stop, [name.({:c, 1})]),
      rpc(peer, :call, [name.({:c, 1}), :get]) |> elem(1) |> elem(0),
      rpc(peer, :start, [5, {:via, Keyed.Book, :kate}]) |> elem(0),
      rpc(peer, :start, [5, {:via, Keyed.Book, :kate}]) |> elem(1) |> elem(0),
      rpc(peer, :call, [{:via, Keyed.Book, :kate}, :get]),
      rpc(peer, :call, [{:via, Keyed.Book, :nobody}, :get]),
      rpc(peer, :stop, [{:via, Keyed.Book, :kate}]),
      rpc(peer, :call, [{:via, Keyed.None, 1}, :get]),
    ]
    GenServer.stop(two)
    until(0, fn -> rpc(peer, Registry, :count, [Keyed.Unique]) end)
    about = fn sup ->
      for {id, p, t, m} <- Supervisor.which_children({sup, peer}), do: {id, is_pid(p), t, m}
    end
    {results, about.(Keyed.Unique), about.(Keyed.Parted)}
    """)
    assert '"{[true, 42, 2, true, true,' in names


def test_partitions(both, alex) -> None:
    both.same("""
    import Bitwise
    others = [1 <<< 70, -(1 <<< 70), :a, "kate", 1.0, -0.0, nil, [], [1, 2], {1, "x"}, %{a: 1}]
    keys = Enum.concat(-20..20, others)
    at = fn k -> rpc(peer, :call, [{:via, PartitionSupervisor, {Keyed.Parts, k}}, :get]) end
    picked = for k <- keys, do: at.(k)
    sup = {Keyed.Parts, peer}
    children = for {id, p, t, m} <- Supervisor.which_children(sup), do: {id, is_pid(p), t, m}
    {:ok, spec} = :supervisor.get_childspec(sup, 3)
    absent = rpc(peer, :call, [{:via, PartitionSupervisor, {Keyed.Absent, 1}}, :get])
    {_, pid, _, _} = List.keyfind(Supervisor.which_children(sup), 2, 0)
    ref = Process.monitor(pid)
    Process.exit(pid, :kill)
    receive do {:DOWN, ^ref, _, _, :killed} -> :ok end
    until(2, fn -> at.(2) end)
    {picked, children, Map.delete(spec, :start), elem(spec.start, 1), absent,
     rpc(peer, PartitionSupervisor, :partitions, [Keyed.Parts]),
     rpc(peer, PartitionSupervisor, :count_children, [Keyed.Parts])}
    """)
    if alex.eval_elixir('Version.match?(System.version(), ">= 1.18.0")').text == "true":
        both.same("""
        resize = fn n -> rpc(peer, PartitionSupervisor, :resize!, [Keyed.Parts, n]) end
        at = fn k -> rpc(peer, :call, [{:via, PartitionSupervisor, {Keyed.Parts, k}}, :get]) end
        picked = fn -> for k <- 0..9, do: at.(k) end
        [resize.(3), picked.(), resize.(3), resize.(7), picked.(), resize.(0), resize.(7),
         rpc(peer, PartitionSupervisor, :partitions, [Keyed.Parts])]
        """)


def test_phash2_of_random_terms(beam_node) -> None:
    alex = beam_node("alex")
    # A fun that is made in a shell carries everything that the shell knows: of those a few will do.
    assert A_FUN in GENERATOR
    plain = GENERATOR.replace(A_FUN, "fun() -> true end")
    for generator, count in ((GENERATOR, 20), *[(plain, BATCH)] * (RANDOM_TERMS // BATCH)):
        answer = alex.eval_erlang(
            f"""
            (fun() -> {generator}
                Pair = fun() -> T = Term(rand:uniform(2)), {{T, erlang:phash2(T, 1 bsl 32)}} end,
                term_to_binary([Pair() || _ <- lists:seq(1, {count})])
            end)()
            """,
            timeout=60,
        )
        pairs = decode(answer.term)
        assert len(pairs) == count
        assert [term for term, hash in pairs if phash2(term, 2**32) != hash] == []


async def test_python_asks_for_keys_and_partitions_of_elixir(beam_node, new_node) -> None:
    """A name is resolved on its own node: the call goes there, or asks there for the pid."""
    kate = beam_node("kate")
    kate.eval_elixir(REFERENCE)
    async with new_node("bob"):
        name = Registry.via("Elixir.Keyed.Unique", ("user", 1))
        ok, pid = await rpc.call(kate.name, "Elixir.Keyed", "start", [7, name])
        assert ok == "ok"
        assert await rpc.call(kate.name, "Elixir.Keyed", "call", [name, Atom("get")]) == 7
        assert await rpc.call(kate.name, "Elixir.Registry", "whereis_name", [name[2]]) == pid
        assert await GenServer.call(pid, (Atom("add"), 1)) == 8
        for key in (12, "kate", Atom("kate"), (1, [2.0])):
            part = PartitionSupervisor.via("Elixir.Keyed.Parts", key)
            found = await rpc.call(kate.name, "Elixir.PartitionSupervisor", "whereis_name", [part[2]])
            expected = key % 7 if isinstance(key, int) else phash2(key, 7)
            assert await GenServer.call(found, Atom("get")) == expected
            assert await rpc.call(kate.name, "Elixir.GenServer", "call", [part, Atom("get")]) == expected
