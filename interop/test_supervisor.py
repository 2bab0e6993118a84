"""Supervisors in Python, asked by every BEAM, and those of Elixir, asked in Python.

Each script runs twice: against a supervisor of the BEAM itself, and against one in
Python.  What it prints must be the same.
"""

from __future__ import annotations

import pytest

from pyerlnode import Atom, DynamicSupervisor, Exit, Pid, Supervisor

# The same as in supervised.py.
REFERENCE = """
defmodule Sup.Child do
  use GenServer
  def start_link(args), do: GenServer.start_link(__MODULE__, args)
  def init([to, id]), do: init([to, id, nil])
  def init([_, _, :ignore]), do: :ignore
  def init([_, _, {:stop, reason}]), do: {:stop, reason}
  def init([to, id, {:once, counter}]) do
    if GenServer.call(counter, :next) == 2 do
      send(to, {:failed, id})
      {:stop, :flaky}
    else
      init([to, id, nil])
    end
  end
  def init([to, id, _]) do
    Process.flag(:trap_exit, true)
    send(to, {:started, id, self()})
    {:ok, {to, id}}
  end
  def terminate(reason, {to, id}), do: send(to, {:terminated, id, reason})
end
defmodule Sup.Counter do
  use GenServer
  def init(n), do: {:ok, n}
  def handle_call(:next, _, n), do: {:reply, n + 1, n + 1}
end
defmodule Sup.Tree do
  def init({flags, specs}), do: {:ok, {flags, specs}}
end
defmodule Sup.Dynamic do
  def init(flags), do: {:ok, flags}
end
defmodule Sup do
  def child(to, id), do: Sup.Child.start_link([to, id])
  def child(to, id, what), do: Sup.Child.start_link([to, id, what])
  def give(x), do: x
  def raise(r), do: :erlang.error(r)
  def exit(r), do: :erlang.exit(r)
  def counter, do: elem(GenServer.start(Sup.Counter, 0), 1)
  def tree(flags, specs), do: unlinked(fn -> :supervisor.start_link(Sup.Tree, {flags, specs}) end)
  def dynamic(flags), do: unlinked(fn -> DynamicSupervisor.start_link(Sup.Dynamic, flags) end)
  defp unlinked(start) do
    Process.flag(:trap_exit, true)
    with {:ok, pid} <- start.() do
      Process.unlink(pid)
      {:ok, pid}
    end
  end
end
"""

TOOLS = """
defmodule Tools do
  # in another process, which is then the parent: on the own node rpc may run in the caller
  def rpc(peer, f, a), do: Task.await(Task.async(fn -> :rpc.call(peer, Sup, f, a) end))
  def tree(peer, flags, specs) do
    {:ok, pid} = rpc(peer, :tree, [flags, specs])
    pid
  end
  def spec(id, more \\\\ %{}), do: Map.merge(%{id: id, start: {Sup, :child, [self(), id]}}, more)
  def pid(sup, id) do
    {_, pid, _, _} = List.keyfind(Supervisor.which_children(sup), id, 0)
    pid
  end
  # what happened, until nothing happens for a while
  def trail(ms \\\\ 250) do
    receive do
      {:started, id, _} -> [{:started, id} | trail(ms)]
      {:terminated, id, reason} -> [{:terminated, id, reason} | trail(ms)]
      {:failed, id} -> [{:failed, id} | trail(ms)]
      {:DOWN, _, _, _, reason} -> [{:down, reason} | trail(ms)]
    after
      ms -> []
    end
  end
  def shown(x) when is_pid(x), do: :pid
  def shown([{m, f, a, l} | _]) when is_atom(m) and is_atom(f) and is_list(l), do: {:stack, m, f, shown(a)}
  def shown([h | t]), do: [shown(h) | shown(t)]
  def shown(x) when is_tuple(x), do: List.to_tuple(shown(Tuple.to_list(x)))
  def shown(%{__struct__: _} = x), do: x
  def shown(x) when is_map(x), do: Map.new(x, fn {k, v} -> {k, shown(v)} end)
  def shown(x), do: x
  def caught(f) do
    f.()
  catch
    :exit, {reason, _} -> {:exit, reason}
  end
end
"""


class Both:
    """Runs a script against the BEAM's own supervisors and against Python's."""

    def __init__(self, alex, here) -> None:
        self._alex, self._here = alex, here
        alex.eval_elixir(REFERENCE)
        alex.eval_elixir(TOOLS)

    def same(self, script: str) -> str:
        """What the script's last expression gives with either `peer`; it is the same."""
        text = f"import Tools\n{script}\n|> Tools.shown()"
        reference = self._alex.eval_elixir(f"peer = node()\n{text}", timeout=30).text
        ours = self._alex.eval_elixir(self._here(f"peer = :kate@localhost\n{text}"), timeout=30).text
        assert ours == reference
        return ours


@pytest.fixture
def kate(python_node):
    return python_node("kate", "interop/supervised.py:children")


@pytest.fixture
def alex(beam_node, kate):
    return beam_node("alex")


@pytest.fixture
def both(alex, here) -> Both:
    return Both(alex, here)


def test_order_and_strategies(both) -> None:
    for strategy in ("one_for_one", "one_for_all", "rest_for_one"):
        text = both.same(f"""
        sup = tree(peer, %{{strategy: :{strategy}}}, [spec(:a), spec(:b), spec(:c)])
        first = trail()
        ids = for {{id, p, type, mods}} <- Supervisor.which_children(sup), do: {{id, is_pid(p), type, mods}}
        Process.exit(pid(sup, :b), :kill)
        second = trail()
        again = for {{id, _, _, _}} <- Supervisor.which_children(sup), do: id
        ref = Process.monitor(sup)
        stopped = Supervisor.stop(sup)
        {{first, ids, second, again, stopped, trail()}}
        """)
        assert "started: :a" in text


def test_requests_and_their_errors(both) -> None:
    both.same("""
    sup = tree(peer, %{}, [spec(:a), spec(:t, %{restart: :temporary}), spec(:s, %{type: :supervisor})])
    give = fn x -> %{id: :g, start: {Sup, :give, [x]}} end
    [
      Supervisor.count_children(sup),
      :supervisor.count_children(sup),
      Supervisor.restart_child(sup, :a),
      Supervisor.delete_child(sup, :a),
      Supervisor.terminate_child(sup, :a),
      Supervisor.terminate_child(sup, :a),
      Supervisor.start_child(sup, spec(:a)),
      Supervisor.restart_child(sup, :a),
      Supervisor.start_child(sup, spec(:a)),
      Supervisor.terminate_child(sup, :t),
      Supervisor.restart_child(sup, :t),
      Supervisor.delete_child(sup, :zz),
      Supervisor.terminate_child(sup, :zz),
      Supervisor.start_child(sup, %{id: :i, start: {Sup, :child, [self(), :i, :ignore]}}),
      Supervisor.start_child(sup, %{id: :e, start: {Sup, :child, [self(), :e, {:stop, :no}]}}),
      Supervisor.start_child(sup, give.(:nonsense)),
      Supervisor.start_child(sup, give.([:ok, self()])),
      Supervisor.start_child(sup, give.({:error, {:a, "b"}})),
      Supervisor.start_child(sup, %{id: :x, start: {Sup, :exit, [:away]}}),
      Supervisor.start_child(sup, %{id: :u, start: {Sup, :absent, [1]}}),
      :supervisor.start_child(sup, %{id: :n}),
      :supervisor.start_child(sup, :what),
      :supervisor.start_child(sup, %{id: :n, start: {Sup, :child, []}, restart: :no}),
      :supervisor.start_child(sup, {:old, {Sup, :child, [self(), :old]}, :transient, 100, :worker, [Sup]}),
      :supervisor.get_childspec(sup, :old),
      :supervisor.get_childspec(sup, :s),
      :supervisor.get_childspec(sup, :zz),
      Supervisor.which_children(sup),
      Supervisor.count_children(sup),
    ]
    """)


def test_starts_that_fail(both) -> None:
    both.same("""
    start = fn flags, specs -> {rpc(peer, :tree, [flags, specs]), trail(50)} end
    bad = %{id: :b, start: {Sup, :child, [self(), :b, {:stop, :no}]}}
    [
      start.(%{}, [spec(:a), bad, spec(:c)]),
      start.(%{}, [spec(:a), spec(:a)]),
      start.(%{strategy: :no}, []),
      start.(%{intensity: -1}, []),
      start.(%{period: 0}, []),
      start.(:what, []),
      start.({:one_for_one, 1}, []),
      start.(%{strategy: :simple_one_for_one}, []),
      start.(%{}, [%{id: 1, start: {Sup, :exit, [:away]}}]),
      start.(%{}, [%{id: 1, start: {Sup, :give, [:nonsense]}}]),
      start.(%{}, [%{id: 1, start: {Sup, :child, []}, shutdown: -1}]),
      start.(%{}, [%{id: 1, start: {Sup, :child, []}, significant: true}]),
      start.(%{auto_shutdown: :any_significant}, [%{id: 1, start: {Sup, :child, []}, significant: true}]),
    ]
    """)
    assert (
        both.same("""
    {:error, {:shutdown, {_, _, {:EXIT, {reason, [{m, f, a, _} | _]}}}}} =
      rpc(peer, :tree, [%{}, [%{id: 1, start: {Sup, :absent, [{7}]}}]])
    {:error, {:shutdown, {_, _, {:EXIT, {raised, [_ | _]}}}}} =
      rpc(peer, :tree, [%{}, [%{id: 1, start: {Sup, :raise, [:my]}}]])
    {reason, m, f, a, raised}
    """)
        == "{:undef, Sup, :absent, [{7}], :my}"
    )


def test_restart_types_and_intensity(both) -> None:
    both.same("""
    for type <- [:permanent, :transient, :temporary], reason <- [:normal, :shutdown, {:shutdown, 1}, :boom] do
      sup = tree(peer, %{}, [spec(:a, %{restart: type})])
      GenServer.stop(pid(sup, :a), reason)
      happened = trail(200)
      {type, reason, happened, Supervisor.which_children(sup)}
    end
    """)
    both.same("""
    for intensity <- [0, 1, 2] do
      sup = tree(peer, %{intensity: intensity}, [spec(:x), spec(:other)])
      Process.monitor(sup)
      for _ <- 0..intensity do
        Process.exit(pid(sup, :x), :kill)
        trail(200)
      end
    end
    """)


def test_restarts_that_fail_are_tried_again(both) -> None:
    for strategy in ("one_for_one", "one_for_all", "rest_for_one"):
        assert "failed" in both.same(f"""
        counter = rpc(peer, :counter, [])
        flaky = %{{id: :b, start: {{Sup, :child, [self(), :b, {{:once, counter}}]}}}}
        sup = tree(peer, %{{strategy: :{strategy}, intensity: 5}}, [spec(:a), flaky, spec(:c)])
        Process.exit(pid(sup, :b), :kill)
        {{trail(), Supervisor.which_children(sup)}}
        """)


def test_auto_shutdown(both) -> None:
    for kind in ("any_significant", "all_significant"):
        assert "{:down, :shutdown}" in both.same(f"""
        one = %{{restart: :transient, significant: true}}
        sup = tree(peer, %{{auto_shutdown: :{kind}}}, [spec(:a, one), spec(:b, one), spec(:keep)])
        Process.monitor(sup)
        Process.exit(pid(sup, :a), :kill)
        first = trail()
        Supervisor.terminate_child(sup, :b)
        second = trail()
        Supervisor.restart_child(sup, :b)
        GenServer.stop(pid(sup, :a))
        third = trail()
        {{first, second, third, caught(fn -> GenServer.stop(pid(sup, :b)) end), trail()}}
        """)


def test_simple_one_for_one(both) -> None:
    both.same("""
    simple = %{id: :s, start: {Sup, :child, [self()]}, restart: :transient}
    sup = tree(peer, %{strategy: :simple_one_for_one}, [simple])
    {:ok, p1} = :supervisor.start_child(sup, [:a])
    {:ok, p2} = :supervisor.start_child(sup, [:b])
    first = [
      :supervisor.start_child(sup, [:x, {:stop, :no}]),
      :supervisor.start_child(sup, [:x, :ignore]),
      :supervisor.count_children(sup),
      :supervisor.which_children(sup),
      :supervisor.terminate_child(sup, :s),
      :supervisor.restart_child(sup, :s),
      :supervisor.delete_child(sup, :s),
      :supervisor.get_childspec(sup, :s) |> elem(1) |> Map.delete(:start),
      :supervisor.terminate_child(sup, p1),
      :supervisor.terminate_child(sup, p1),
    ]
    Process.exit(p2, :kill)
    happened = trail()
    {first, happened, :supervisor.which_children(sup), Supervisor.stop(sup), trail()}
    """)


def test_dynamic_supervisor(both) -> None:
    both.same("""
    {:ok, sup} = rpc(peer, :dynamic, [%{strategy: :one_for_one, intensity: 3, period: 5, max_children: 3,
                                       extra_arguments: []}])
    child = fn args, more -> Map.merge(%{id: :c, start: {Sup, :child, [self() | args]}}, more) end
    give = fn x -> %{id: :g, start: {Sup, :give, [x]}} end
    {:ok, a} = DynamicSupervisor.start_child(sup, child.([:a], %{}))
    {:ok, b} = DynamicSupervisor.start_child(sup, child.([:b], %{restart: :temporary, type: :supervisor}))
    first = [
      DynamicSupervisor.which_children(sup) |> Enum.sort(),
      DynamicSupervisor.count_children(sup),
      DynamicSupervisor.start_child(sup, child.([:i, :ignore], %{})),
      DynamicSupervisor.start_child(sup, child.([:e, {:stop, :no}], %{})),
      DynamicSupervisor.start_child(sup, give.(:nonsense)),
      DynamicSupervisor.start_child(sup, give.({:error, :e})),
      DynamicSupervisor.start_child(sup, %{id: 1, start: {Sup, :exit, [:away]}}),
      DynamicSupervisor.start_child(sup, %{id: 1, start: {Sup, :absent, [1]}}),
      DynamicSupervisor.start_child(sup, child.([:c], %{})),
      DynamicSupervisor.start_child(sup, child.([:d], %{})),
    ]
    started = trail()
    Process.exit(b, :kill)
    Process.exit(a, :kill)
    restarted = trail()
    [{_, c, _, _} | _] = DynamicSupervisor.which_children(sup)
    second = [
      DynamicSupervisor.count_children(sup),
      DynamicSupervisor.terminate_child(sup, c),
      DynamicSupervisor.terminate_child(sup, c),
      DynamicSupervisor.terminate_child(sup, self()),
    ]
    trail()
    {first, started, restarted, second, DynamicSupervisor.stop(sup), length(trail())}
    """)
    both.same("""
    right = %{strategy: :one_for_one, intensity: 3, period: 5, max_children: 3, extra_arguments: []}
    for wrong <- [%{max_children: -1}, %{extra_arguments: 1}, %{intensity: :x}, %{period: 0},
                  %{strategy: :one_for_all}] do
      rpc(peer, :dynamic, [Map.merge(right, wrong)])
    end
    """)


def test_what_ends_a_supervisor(both) -> None:
    both.same("""
    for request <- [:nonsense, {:a, 1}, 5] do
      sup = tree(peer, %{}, [spec(:a)])
      trail(200)
      {:exit, {reason, [{m, f, _, _} | _]}} = caught(fn -> GenServer.call(sup, request) end)
      {reason, m, f, trail()}
    end
    """)
    both.same("""
    sup = tree(peer, %{}, [spec(:a)])
    Process.exit(sup, :shutdown)
    send(sup, :stray)
    ids = Supervisor.which_children(sup)
    Process.exit(sup, :kill)
    {ids, trail()}
    """)


def test_system_messages(alex, both, here) -> None:
    both.same("""
    sup = tree(peer, %{}, [spec(:a)])
    {:status, ^sup, {:module, module}, [_, state, _, _, _]} = :sys.get_status(sup)
    suspended = :sys.suspend(sup)
    Process.exit(sup, :stray)
    resumed = :sys.resume(sup)
    {module, state, suspended, resumed, length(Supervisor.which_children(sup)), trail()}
    """)
    assert (
        alex.eval_elixir(
            here("""
        {:ok, sup} = :rpc.call(:kate@localhost, Sup, :tree, [%{}, []])
        {:supervisor.get_callback_module(sup), :supervisor.get_callback_module({Empty, :kate@localhost})}
        """)
        ).text
        == "{Sup.Tree, Supervisor.Default}"
    )


def test_named_supervisors_of_a_list_of_children(alex, here) -> None:
    """`pyerlnode run file.py:children`."""
    assert (
        alex.eval_elixir(
            here("""
        there = :kate@localhost
        {empty, sessions} = {{Empty, there}, {Sessions, there}}
        child = %{id: 1, start: {Sup, :child, [self(), 1]}}
        {:ok, pid} = Supervisor.start_child(empty, child)
        {:ok, session} = DynamicSupervisor.start_child(sessions, child)
        [{1, ^pid, :worker, [Sup]}] = Supervisor.which_children(empty)
        [{:undefined, ^session, :worker, [Sup]}] = DynamicSupervisor.which_children(sessions)
        {:dictionary, dictionary} = :rpc.call(there, :erlang, :process_info, [pid, :dictionary])
        count = GenServer.call({:counter, there}, :next)
        {hd(dictionary[:"$ancestors"]), dictionary[:"$initial_call"], count}
        """)
        ).text
        == "{Empty, {Sup.Child, :init, 1}, 1}"
    )


# --- Python asks Elixir's -----------------------------------------------------------------------


async def test_python_drives_supervisors_of_elixir(beam_node, new_node) -> None:
    kate = beam_node("kate")
    kate.eval_elixir(REFERENCE)
    kate.eval_elixir("""
    Process.flag(:trap_exit, true)
    {:ok, _} = Supervisor.start_link([], strategy: :one_for_one, name: Top)
    {:ok, _} = DynamicSupervisor.start_link(name: Sessions, max_children: 1)
    """)
    top, sessions = ("Elixir.Top", kate.name), ("Elixir.Sessions", kate.name)
    async with new_node("bob") as node:
        me = node.runtime.attach().pid
        start = ("Elixir.Sup", "child", [me, 1])
        pid = await Supervisor.start_child(top, {"id": "a", "start": start, "shutdown": 0.1})
        assert isinstance(pid, Pid)
        assert await Supervisor.which_children(top) == [("a", pid, "worker", ["Elixir.Sup"])]
        spec = await Supervisor.get_childspec(top, "a")
        assert (spec[Atom("shutdown")], spec[Atom("restart")]) == (100, "permanent")
        assert await Supervisor.count_children(top) == {
            "specs": 1,
            "active": 1,
            "supervisors": 0,
            "workers": 1,
        }
        for function, reason in ((Supervisor.delete_child, "running"), (Supervisor.restart_child, "running")):
            with pytest.raises(Exit) as refused:
                await function(top, "a")
            assert refused.value.reason == reason
        assert await Supervisor.terminate_child(top, "a") == "ok"
        with pytest.raises(Exit) as present:
            await Supervisor.start_child(top, {"id": "a", "start": start})
        assert present.value.reason == "already_present"
        assert isinstance(await Supervisor.restart_child(top, "a"), Pid)
        ignored = {"id": "i", "start": ("Elixir.Sup", "child", [me, 1, Atom("ignore")])}
        assert await Supervisor.start_child(top, ignored) is None

        session = await DynamicSupervisor.start_child(sessions, {"id": "s", "start": start})
        with pytest.raises(Exit) as full:
            await DynamicSupervisor.start_child(sessions, {"id": "s", "start": start})
        assert full.value.reason == "max_children"
        assert await DynamicSupervisor.which_children(sessions) == [
            ("undefined", session, "worker", ["Elixir.Sup"])
        ]
        assert await DynamicSupervisor.terminate_child(sessions, session) == "ok"
        assert await Supervisor.stop(top) == "ok"
