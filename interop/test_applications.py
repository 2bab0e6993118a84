"""Applications in Python as every BEAM sees them, and those of Elixir as Python does.

Each script runs twice: against an application of the BEAM itself, and against one in
Python.  What it prints must be the same.
"""

from __future__ import annotations

from textwrap import dedent

import pytest

from pyerlnode import Application, Atom, Exit, rpc

# The same as in applications.py.
REFERENCE = """
defmodule Conf.App do
  def start(_type, _args), do: Supervisor.start_link([], strategy: :one_for_one, name: :conf_app_sup)
end
defmodule Apps.Callback do
  def start(_, {:error, r}), do: {:error, r}
  def start(_, {:exit, r}), do: exit(r)
  def start(_, {:throw, r}), do: throw(r)
  def start(_, {:raise, r}), do: :erlang.error(r)
  def start(_, {:give, r}), do: r
  def start(type, {:tell, to, how}) do
    {:ok, sup} = Supervisor.start_link([], strategy: :one_for_one, name: :told_sup)
    Process.register(spawn(fn -> Process.sleep(:infinity) end), :left_behind)
    send(to, {:started, type, Application.get_env(:told, :key), :application.get_application(sup)})
    case how do
      :plain -> {:ok, sup}
      :state -> {:ok, sup, {to, []}}
    end
  end
  def start_phase(phase, type, args) do
    case args do
      {:tell, to} -> send(to, {:phase, phase, type})
      {:fail, r} -> {:error, r}
    end
    |> then(fn {:error, _} = e -> e; _ -> :ok end)
  end
  def prep_stop({to, seen}) do
    send(to, {:prep_stop, Process.whereis(:left_behind) != nil})
    {to, [:prepared | seen]}
  end
  def prep_stop(state), do: state
  def stop({to, seen}), do: send(to, {:stop, seen})
  def stop(_), do: :ok
end
"""
CONF_APP = """
:application.load({:application, :conf_app, [
  description: ~c"conformance fixture", vsn: ~c"0.1.0", modules: [], registered: [:conf_app_sup],
  applications: [:kernel, :stdlib], env: [greeting: "hello", depth: 3], mod: {Conf.App, []}]})
:ok = :application.start(:conf_app)
"""
TOOLS = """
defmodule Tools do
  def app(peer, f, a \\\\ []), do: :rpc.call(peer, :application, f, a)
  def elixir(peer, f, a \\\\ []), do: :rpc.call(peer, Application, f, a)
  def load(peer, name, arg, more \\\\ []) do
    base = [description: ~c"d", vsn: ~c"1", applications: [:kernel], mod: {Apps.Callback, arg}]
    spec = Keyword.merge(base, more)
    app(peer, :load, [{:application, name, spec}])
  end
  def pid(peer, name), do: :rpc.call(peer, :erlang, :whereis, [name])
  # names of applications that are of this test
  def ours(list), do: for({name, d, v} <- list, name in [:conf_app, :a1, :a2, :a3, :told], do: {name, d, v})
  def got(ms \\\\ 12_000) do
    receive do x -> x after ms -> :nothing end
  end
  def down(pid) do
    ref = Process.monitor(pid)
    receive do {:DOWN, ^ref, _, _, reason} -> reason after 12_000 -> :alive end
  end
  def shown(x) when is_pid(x), do: :pid
  def shown([{m, f, _, l} | _]) when is_atom(m) and is_atom(f) and is_list(l), do: {:stack, m, f}
  def shown([h | t]), do: [shown(h) | shown(t)]
  def shown(x) when is_tuple(x), do: List.to_tuple(shown(Tuple.to_list(x)))
  def shown(x), do: x
end
"""


class Both:
    """Runs a script against the BEAM's own applications and against Python's."""

    def __init__(self, alex, here) -> None:
        self._alex, self._here = alex, here
        alex.eval_elixir("Logger.configure(level: :none); :logger.set_primary_config(:level, :none)")
        for text in (REFERENCE, CONF_APP, TOOLS):
            alex.eval_elixir(text)

    def same(self, script: str, want: str | None = None) -> str:
        """What the script's last expression gives with either `peer`; it is the same, and `want` if given."""
        text = f"import Tools\nimport Enum\n{dedent(script)}\n|> Tools.shown()"
        reference = self._alex.eval_elixir(f"peer = node()\n{text}", timeout=30).text
        ours = self._alex.eval_elixir(self._here(f"peer = :kate@localhost\n{text}"), timeout=30).text
        assert ours == reference, script
        assert want is None or ours == want
        return ours


@pytest.fixture
def both(beam_node, python_node, target, here) -> Both:
    python_node("kate", target("applications.py:app"))
    return Both(beam_node("alex"), here)


def test_an_application_is_seen_started_and_stopped(both) -> None:
    same = both.same
    same("app(peer, :which_applications) |> ours()")
    same(
        "for {n, _, _} <- app(peer, :which_applications, [1000]), n in [:kernel, :stdlib], do: n",
        "[:stdlib, :kernel]",
    )
    same("elixir(peer, :started_applications) |> ours()")
    same("app(peer, :loaded_applications) |> ours()")
    same("app(peer, :get_application, [pid(peer, :conf_app_sup)])", "{:ok, :conf_app}")
    same("for n <- [:rex, :user, :application_controller], do: app(peer, :get_application, [pid(peer, n)])")
    same("{pid(peer, :conf_app_sup), app(peer, :get_application, [:nothing])}", "{:pid, :undefined}")
    same("app(peer, :get_application, ['x']) |> elem(1) |> elem(1) |> elem(0)", ":function_clause")
    same("for f <- [:start, :ensure_started, :ensure_all_started], do: app(peer, f, [:conf_app])")
    same("""
        fs = [:start, :ensure_started, :ensure_all_started, :stop, :load, :unload]
        for(f <- fs, do: app(peer, f, [:nope]))
    """)
    same("for f <- [:start, :ensure_started, :load], do: app(peer, f, ['x'])")
    same("for t <- [:permanent, :weird, 1], do: app(peer, :start, [:conf_app, t])")
    same("{app(peer, :load, [{:application, :conf_app, []}]), app(peer, :unload, [:conf_app])}")
    same("""
        Process.monitor(pid(peer, :conf_app_sup))
        stopped = [app(peer, :stop, [:conf_app]), got() |> elem(4), app(peer, :stop, [:conf_app])]
        listed = ours(app(peer, :which_applications))
        again = [app(peer, :start, [:conf_app]), pid(peer, :conf_app_sup), hd(app(peer, :which_applications))]
        all = [app(peer, :stop, [:conf_app]), app(peer, :ensure_all_started, [:conf_app])]
        [stopped, listed, again, all]
    """)
    same("elixir(peer, :ensure_loaded, [:conf_app])", ":ok")


def test_the_environment_and_the_keys(both) -> None:
    same = both.same
    same('for k <- [:greeting, :depth, :nope, "greeting"], do: app(peer, :get_env, [:conf_app, k])')
    same("app(peer, :get_env, [:conf_app, :nope, :default])", ":default")
    same("app(peer, :get_all_env, [:conf_app]) |> sort()", '[depth: 3, greeting: "hello"]')
    same("{app(peer, :get_env, [:greeting]), app(peer, :get_all_env, [:nope])}")
    same("""
        keys = [:description, :vsn, :registered, :applications, :modules, :maxP, :maxT, :id, :mod]
        more = [:start_phases, :included_applications, :nope, 1]
        for(k <- keys ++ more, do: app(peer, :get_key, [:conf_app, k]))
    """)
    same("{app(peer, :get_key, [:conf_app, :env]) |> elem(1) |> sort(), app(peer, :get_key, [:nope, :vsn])}")
    same("""
        {:ok, keys} = app(peer, :get_all_key, [:conf_app])
        [Keyword.delete(keys, :optional_applications) |> Keyword.keys(), app(peer, :get_all_key, [:nope])]
    """)
    same("for a <- [[:conf_app, :vsn], [:nope], [:nope, :vsn]], do: elixir(peer, :spec, a)")
    same("""
        calls = [set_env: [:conf_app, :depth, 4], get_env: [:conf_app, :depth],
          set_env: [:conf_app, :more, {:a, [1]}, [timeout: 100]], get_env: [:conf_app, :more],
          unset_env: [:conf_app, :more], get_env: [:conf_app, :more],
          set_env: [[{:zz, [a: 1, b: 2]}]], unset_env: [:zz, :a, [timeout: 100]], get_all_env: [:zz]]
        for({f, a} <- calls, do: app(peer, f, a))
    """)
    same("""
        calls = [get_env: [:zz, :b], get_env: [:zz, :a], get_env: [:zz, :a, 7], fetch_env: [:zz, :b],
          fetch_env: [:zz, :a], delete_env: [:zz, :b], put_env: [:zz, :q, 1], get_all_env: [:zz],
          delete_env: [:zz, :q], get_env: [:zz, :q]]
        for({f, a} <- calls, do: elixir(peer, f, a))
    """)
    same("""
        wrong = [[{:zz, [a: 1]}, {:zz, []}], [{:zz, 1}]]
        for(c <- wrong, do: app(peer, :set_env, [c]) |> elem(1) |> elem(1) |> elem(0))
    """)
    same("""
        keys = [{"x", :a}, {{:t}, [1]}, {:x, 1.0}, {:x, 1}, {:x, %{a: 1}}]
        for({a, k} <- keys, do: {app(peer, :set_env, [a, k, {a, k}]), app(peer, :get_env, [a, k])})
    """)
    # What is configured to stay is there again when the application is loaded again.
    same("""
        load = fn -> load(peer, :a1, [], env: [x: 1, y: 1], mod: []) end
        load.()
        app(peer, :set_env, [:a1, :x, 2, [persistent: true]])
        app(peer, :set_env, [:a1, :y, 2])
        gone = [app(peer, :unload, [:a1]), app(peer, :get_env, [:a1, :x])]
        load.()
        [gone, app(peer, :get_env, [:a1, :x]), app(peer, :get_env, [:a1, :y]), app(peer, :unload, [:a1])]
    """)


def test_how_a_start_fails_and_what_is_needed_before(both) -> None:
    same = both.same
    for what in ("error: :x", "exit: :x", "exit: :normal", "throw: :x", "give: :ignore", "raise: :x"):
        same(f"""
            load(peer, :bad, hd([{what}]))
            result = [app(peer, :start, [:bad]), app(peer, :ensure_all_started, [:bad])]
            [result, app(peer, :unload, [:bad])]
        """)
    same("""
        load(peer, :bad, [], mod: {Nope.Module, []})
        [app(peer, :start, [:bad]), app(peer, :unload, [:bad])]
    """)
    same("""
        wrong = [{:application, :w, 1}, {:foo, 1}, {:application, "n", []}, [1], "x"]
        for(s <- wrong, do: app(peer, :load, [s]))
    """)
    same("""
        load(peer, :a1, [], mod: [])
        load(peer, :a2, [], mod: [], applications: [:a1])
        load(peer, :a3, [], mod: [], applications: [:a2, :nope])
        refused = [app(peer, :start, [:a2]), app(peer, :ensure_started, [:a2])]
        undone = [app(peer, :ensure_all_started, [:a3]), ours(app(peer, :which_applications))]
        done = [app(peer, :ensure_all_started, [:a2]), ours(app(peer, :which_applications))]
        rest = [app(peer, :start, [:a3]), app(peer, :stop, [:a1]), app(peer, :stop, [:a1])]
        running = [app(peer, :unload, [:a2]), app(peer, :stop, [:a2])]
        [refused, undone, done, rest, running, for(a <- [:a1, :a2, :a3], do: app(peer, :unload, [a]))]
    """)


def test_the_life_of_an_application(both) -> None:
    same = both.same
    for how, farewell in ((":plain", "[]"), (":state", "[got(), got()]")):
        same(f"""
            load(peer, :told, {{:tell, self(), {how}}}, env: [key: 1])
            started = [app(peer, :start, [:told]), got(), is_pid(pid(peer, :left_behind))]
            stopped = [app(peer, :stop, [:told]), pid(peer, :left_behind), app(peer, :unload, [:told])]
            [started, stopped, {farewell}]
        """)
    same("""
        phases = [one: {:tell, self()}, two: {:tell, self()}]
        load(peer, :told, {:tell, self(), :plain}, start_phases: phases)
        started = [app(peer, :start, [:told]), got(), got(), got()]
        [started, app(peer, :stop, [:told]), app(peer, :unload, [:told])]
    """)
    same("""
        load(peer, :told, {:tell, self(), :plain}, start_phases: [one: {:fail, :no}])
        failed = [app(peer, :start, [:told]), got(), app(peer, :unload, [:told])]
        # a BEAM leaves these behind
        for n <- [:told_sup, :left_behind], p = pid(peer, n), is_pid(p) do
          Process.exit(p, :kill)
          down(p)
        end
        failed
    """)
    # A temporary application that ends by itself may be started again.
    same("""
        load(peer, :told, {:tell, self(), :state})
        app(peer, :start, [:told])
        got()
        left = pid(peer, :left_behind)
        {:group_leader, master} = :rpc.call(peer, :erlang, :process_info, [left, :group_leader])
        Process.monitor(master)
        Process.exit(pid(peer, :told_sup), :kill)
        ended = [got(), got(), got() |> elem(4), down(left)]
        listed = for {name, _, _} <- ours(app(peer, :which_applications)), do: name
        again = [app(peer, :start, [:told]), got(), app(peer, :stop, [:told]), got(), got()]
        [ended, listed, again, app(peer, :unload, [:told])]
    """)


async def test_python_starts_and_stops_an_application_of_elixir(beam_node, new_node) -> None:
    alex = beam_node("alex")
    await alex.eval_elixir_async(REFERENCE)
    spec = (
        Atom("application"),
        Atom("far"),
        [(Atom("mod"), (Atom("Elixir.Conf.App"), [])), (Atom("vsn"), [49])],
    )
    async with new_node("kate"):
        assert await Application.load(spec, node=alex.name) == "ok"
        assert await Application.start("far", node=alex.name) == "ok"
        assert await rpc.call(alex.name, "erlang", "whereis", [Atom("conf_app_sup")]) != "undefined"
        assert (Atom("far"), [], [49]) in await Application.which_applications(node=alex.name)
        with pytest.raises(Exit) as again:
            await Application.start("far", node=alex.name)
        assert again.value.reason == ("already_started", "far")
        assert await Application.stop("far", node=alex.name) == "ok"
        assert await Application.ensure_all_started("far", node=alex.name) == ["far"]
        assert await rpc.call(alex.name, "application", "stop", [Atom("far")]) == "ok"
        assert await Application.unload("far", node=alex.name) == "ok"


def test_the_environment_of_a_node_says_where_tasks_run(
    beam_node, python_node, target, tmp_path, here
) -> None:
    alex = beam_node("alex")
    alex.eval_elixir("Task.Supervisor.start_link(name: Chat.TaskSupervisor)")
    config = tmp_path / "chat.toml"
    config.write_text(
        "[chat]\nremote_supervisor = { atom = 'Elixir.Chat.TaskSupervisor' }\n[env.test]\n"
        "[env.dev.chat]\n"
        f"remote_supervisor = {{ term = '{{Chat.TaskSupervisor, :\"{alex.name}\"}}' }}\n"
    )
    for env, node in (("test", "kate"), ("dev", "alex")):
        options = ("--config", str(config), "--env", env)
        kate = python_node("kate", target("configured.py:Chat"), options=options)
        ran_on = alex.eval_elixir(here(":rpc.call(:kate@localhost, Chat, :where, [])"))
        assert ran_on.text == here(f":{node}@localhost")
        if env == "test":
            # And as in Elixir, where a function is configured: the other way round.
            script = """
            Application.put_env(:chat, :remote_supervisor, fn node -> {Chat.TaskSupervisor, node} end)
            supervisor = Application.fetch_env!(:chat, :remote_supervisor).(:kate@localhost)
            supervisor |> Task.Supervisor.async(:erlang, :node, []) |> Task.await()
            """
            assert alex.eval_elixir(here(script)).text == here(":kate@localhost")
        assert kate.stop() == 0
