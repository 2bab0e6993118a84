# DynamicSupervisor: children on demand, what becomes of them, and the words that go over the wire.

defmodule Area.Dynamic do
  use Suite

  defp dynamic(options \\ []) do
    {:ok, pid} = fun(:start_dynamic, [[strategy: :one_for_one] ++ options])
    pid
  end

  # A child that tells this process of its starts and its end.
  defp told(id, more \\ %{}), do: spec(id, {:announce, self(), id}, more)

  defp start!(supervisor, spec) do
    {:ok, pid} = DynamicSupervisor.start_child(supervisor, spec)
    pid
  end

  # Starts what a function of the peer's answers.
  defp answering(supervisor, function, args, more \\ %{}) do
    DynamicSupervisor.start_child(supervisor, Map.merge(%{id: :x, start: {Conf.Fun, function, args}}, more))
  end

  # A call as it is on the wire.
  defp raw(supervisor, request) do
    ref = make_ref()
    send(supervisor, {:"$gen_call", {self(), ref}, request})
    receive(do: ({^ref, answer} -> answer), after: (30_000 -> raise("no answer to #{inspect(request)}")))
  end

  defp tuple(function, args, restart \\ :temporary), do: {{Conf.Fun, function, args}, restart, 5000, :worker, [Conf.Fun]}

  defp pids(supervisor), do: for({:undefined, pid, _, _} <- DynamicSupervisor.which_children(supervisor), do: pid)
  defp counts(supervisor), do: DynamicSupervisor.count_children(supervisor)

  defp started(id) do
    assert_receive {:started, ^id, pid}, 30_000
    pid
  end

  # --- starting ---------------------------------------------------------------------------

  check "a child is started, listed and counted" do
    for supervisor <- [dynamic(), at(:conf_dyn)] do
      pid = start!(supervisor, spec(:any, {:state, 1}, %{restart: :temporary}))
      assert GenServer.call(pid, :state) == 1
      assert {:undefined, pid, :worker, [Conf.Server]} in DynamicSupervisor.which_children(supervisor)
      assert DynamicSupervisor.terminate_child(supervisor, pid) == :ok
    end
  end

  check "one without children" do
    supervisor = dynamic()
    assert DynamicSupervisor.which_children(supervisor) == []
    assert counts(supervisor) == %{specs: 0, active: 0, supervisors: 0, workers: 0}
    assert :supervisor.count_children(supervisor) == [specs: 0, active: 0, supervisors: 0, workers: 0]
  end

  check "ids are nothing: the same one many times" do
    supervisor = dynamic()
    started = for n <- 1..10, do: start!(supervisor, spec(:same, {:state, n}))
    assert Enum.sort(pids(supervisor)) == Enum.sort(started)
    assert counts(supervisor) == %{specs: 10, active: 10, supervisors: 0, workers: 10}
  end

  check "supervisors are counted as such" do
    supervisor = dynamic()
    inner = %{id: :s, start: {Conf.Sup, :start_link, [unique(:inner), %{}, []]}, type: :supervisor}
    pid = start!(supervisor, inner)
    start!(supervisor, spec(:w, {:state, 1}))
    assert counts(supervisor) == %{specs: 2, active: 2, supervisors: 1, workers: 1}
    assert {:undefined, pid, :supervisor, [Conf.Sup]} in DynamicSupervisor.which_children(supervisor)
  end

  check "modules are shown as the specification has them" do
    supervisor = dynamic()

    for modules <- [:dynamic, [A, B], [Conf.Server]] do
      pid = start!(supervisor, spec(:m, {:state, 1}, %{modules: modules}))
      assert {:undefined, pid, :worker, modules} in DynamicSupervisor.which_children(supervisor)
    end
  end

  check "an answer with information" do
    supervisor = dynamic()
    pid = server()
    assert answering(supervisor, :identity, [{:ok, pid, {:more, 1}}]) == {:ok, pid, {:more, 1}}
    assert pids(supervisor) == [pid]
  end

  check "a child that ignores the start leaves nothing" do
    supervisor = dynamic()
    assert DynamicSupervisor.start_child(supervisor, spec(:i, :ignore)) == :ignore
    assert answering(supervisor, :identity, [:ignore]) == :ignore
    assert counts(supervisor).specs == 0
  end

  check "an init that stops is the bare reason" do
    supervisor = dynamic()
    for reason <- [:no, {:shutdown, 1}, "text", :normal] do
      assert DynamicSupervisor.start_child(supervisor, spec(:s, {:stop, reason})) == {:error, reason}
    end

    assert DynamicSupervisor.start_child(supervisor, spec(:s, {:exit, :out})) == {:error, :out}
    assert DynamicSupervisor.start_child(supervisor, spec(:s, {:bad, :odd})) == {:error, {:bad_return_value, :odd}}
    assert {:error, {%RuntimeError{message: "m"}, [_ | _]}} =
             DynamicSupervisor.start_child(supervisor, spec(:s, {:raise, "m"}))

    assert pids(supervisor) == []
  end

  check "a start function that answers an error" do
    supervisor = dynamic()
    assert answering(supervisor, :identity, [{:error, {:why, 1}}]) == {:error, {:why, 1}}
    assert answering(supervisor, :identity, [:nonsense]) == {:error, :nonsense}
    assert answering(supervisor, :identity, [{:ok, :not_a_pid}]) == {:error, {:ok, :not_a_pid}}
    assert answering(supervisor, :identity, [[1, 2]]) == {:error, [1, 2]}
    assert counts(supervisor).specs == 0
  end

  check "a start function that fails in each class" do
    supervisor = dynamic()
    assert answering(supervisor, :exit, [{:gone, 1}]) == {:error, {:gone, 1}}
    assert {:error, {:odd, [{Conf.Fun, :error, _, _} | _]}} = answering(supervisor, :error, [:odd])
    assert {:error, {{:nocatch, :ball}, [{_, _, _, _} | _]}} = answering(supervisor, :throw, [:ball])
    assert {:error, {%RuntimeError{message: "r"}, _}} = answering(supervisor, :raise, ["r"])
    assert {:error, {:badarith, _}} = answering(supervisor, :add, [1, :a])
    assert {:error, {:undef, [{Conf.Fun, :not_there, [1], _} | _]}} = answering(supervisor, :not_there, [1])
    assert counts(supervisor).specs == 0
  end

  check "a name that is taken" do
    name = unique(:dynamic)
    pid = named_server(name)
    supervisor = dynamic()
    child = %{id: :x, start: {Conf.Server, :start_link, [{:state, 1}, name]}}
    assert DynamicSupervisor.start_child(supervisor, child) == {:error, {:already_started, pid}}
    assert pids(supervisor) == []
  end

  check "children have the supervisor's group leader and ancestors" do
    name = unique(:dynamic)
    {:ok, supervisor} = fun(:start_dynamic, [[strategy: :one_for_one, name: name]])
    pid = start!(supervisor, spec(:x, {:state, 1}))
    assert [^name | _] = GenServer.call(pid, {:pdict, :"$ancestors"})
    assert GenServer.call(pid, {:pdict, :"$initial_call"}) == {Conf.Server, :init, 1}
    {:group_leader, leader} = remote(:erlang, :process_info, [supervisor, :group_leader])
    assert GenServer.call(pid, :group_leader) == leader
    nameless = dynamic()
    assert [^nameless | _] = GenServer.call(start!(nameless, spec(:x, {:state, 1})), {:pdict, :"$ancestors"})
  end

  check "a supervisor with a name is called by it" do
    name = unique(:dynamic)
    {:ok, supervisor} = fun(:start_dynamic, [[strategy: :one_for_one, name: name]])
    assert remote(:erlang, :whereis, [name]) == supervisor
    assert fun(:start_dynamic, [[name: name]]) == {:error, {:already_started, supervisor}}
    pid = start!(at(name), spec(:x, {:state, 1}))
    assert pids(supervisor) == [pid]
    global = {:dynamic, unique(:global)}
    {:ok, supervisor} = fun(:start_dynamic, [[name: {:global, global}]])
    assert DynamicSupervisor.which_children({:global, global}) == []
    assert :global.whereis_name(global) == supervisor
  end

  # --- the wire ---------------------------------------------------------------------------

  check "the requests as they are on the wire" do
    supervisor = dynamic()
    assert {:ok, pid} = raw(supervisor, {:start_child, {{Conf.Server, :start_link, [{:state, 7}]}, :temporary, 100, :worker, [Conf.Server]}})
    assert GenServer.call(pid, :state) == 7
    assert raw(supervisor, :which_children) == [{:undefined, pid, :worker, [Conf.Server]}]
    counted = raw(supervisor, :count_children)
    assert Enum.sort(counted) == [active: 1, specs: 1, supervisors: 0, workers: 1]
    assert raw(supervisor, {:terminate_child, pid}) == :ok
    assert raw(supervisor, {:terminate_child, pid}) == {:error, :not_found}
    assert raw(supervisor, {:start_child, tuple(:identity, [:ignore])}) == :ignore
    assert raw(supervisor, {:start_child, tuple(:identity, [{:error, 1}])}) == {:error, 1}
  end

  check "erlang's supervisor module asks it" do
    supervisor = dynamic()
    pid = start!(supervisor, spec(:x, {:state, 1}))
    assert :supervisor.which_children(supervisor) == [{:undefined, pid, :worker, [Conf.Server]}]
    assert Supervisor.which_children(supervisor) == [{:undefined, pid, :worker, [Conf.Server]}]
    assert Supervisor.count_children(supervisor) == %{specs: 1, active: 1, supervisors: 0, workers: 1}
  end

  check "a puppet asks it" do
    supervisor = dynamic()
    pid = start!(supervisor, spec(:x, {:state, 1}))
    assert tell(puppet(), {:which_children, supervisor}) == [{:undefined, pid, :worker, [Conf.Server]}]
    assert tell(puppet(), {:call, supervisor, {:terminate_child, pid}, :infinity}) == :ok
  end

  check "casts and unknown messages are passed over" do
    supervisor = dynamic()
    pid = start!(supervisor, spec(:x, {:state, 1}))
    GenServer.cast(supervisor, :what)
    GenServer.cast(supervisor, {:start_child, tuple(:ping, [])})
    send(supervisor, :what)
    send(supervisor, {:"$gen_restart", self()})
    send(supervisor, {:DOWN, make_ref(), :process, pid, :boom})
    send(supervisor, {:EXIT, self(), :stranger})
    assert pids(supervisor) == [pid]
  end

  check "an unknown call ends it, and its children" do
    supervisor = dynamic()
    start!(supervisor, told(:x))
    pid = started(:x)
    assert {:exit, {{:function_clause, [{_, :handle_call, _, _} | _]}, {GenServer, :call, [^supervisor, :what, 5000]}}} =
             caught(fn -> GenServer.call(supervisor, :what) end)

    assert_receive {:terminated, :x, ^pid, _}, 30_000
  end

  # --- limits and arguments ------------------------------------------------------------------

  check "no more than max_children" do
    supervisor = dynamic(max_children: 2)
    one = start!(supervisor, spec(:x, {:state, 1}))
    start!(supervisor, spec(:x, {:state, 2}))
    assert DynamicSupervisor.start_child(supervisor, spec(:x, {:state, 3})) == {:error, :max_children}
    assert DynamicSupervisor.start_child(supervisor, spec(:x, :ignore)) == {:error, :max_children}
    :ok = DynamicSupervisor.terminate_child(supervisor, one)
    assert {:ok, _} = DynamicSupervisor.start_child(supervisor, spec(:x, {:state, 3}))
    assert DynamicSupervisor.start_child(supervisor, spec(:x, {:state, 4})) == {:error, :max_children}
  end

  check "max_children of 0, and what has failed does not count" do
    assert DynamicSupervisor.start_child(dynamic(max_children: 0), spec(:x, {:state, 1})) == {:error, :max_children}
    supervisor = dynamic(max_children: 1)
    assert DynamicSupervisor.start_child(supervisor, spec(:x, {:stop, :no})) == {:error, :no}
    assert DynamicSupervisor.start_child(supervisor, spec(:x, :ignore)) == :ignore
    assert {:ok, _} = DynamicSupervisor.start_child(supervisor, spec(:x, {:state, 1}))
  end

  check "a child that is gone makes room" do
    supervisor = dynamic(max_children: 1)
    pid = start!(supervisor, spec(:x, {:state, 1}, %{restart: :temporary}))
    assert ended(pid, fn -> Process.exit(pid, :kill) end) == :killed
    eventually(fn -> match?({:ok, _}, DynamicSupervisor.start_child(supervisor, spec(:x, {:state, 2}))) end)
  end

  check "extra arguments come before those of the child" do
    supervisor = dynamic(extra_arguments: [{:ok, server(), :extra}])
    assert {:ok, _, :extra} = answering(supervisor, :identity, [])
    supervisor = dynamic(extra_arguments: [:first])
    assert answering(supervisor, :put, [:second]) == {:error, :second}
    supervisor = dynamic(extra_arguments: [{:state, :theirs}])
    name = unique(:extra)
    pid = start!(supervisor, %{id: :x, start: {Conf.Server, :start_link, [name]}})
    assert GenServer.call(at(name), :state) == :theirs
    Process.exit(pid, :kill)
    assert eventually(fn -> is_pid(new = remote(:erlang, :whereis, [name])) and new != pid and new end)
    assert GenServer.call(at(name), :state) == :theirs
  end

  check "options that are wrong" do
    for {option, value, kind} <- [
          {:max_children, :many, :invalid_max_children},
          {:max_children, -1, :invalid_max_children},
          {:max_children, 1.5, :invalid_max_children},
          {:extra_arguments, :no_list, :invalid_extra_arguments},
          {:max_restarts, -1, :invalid_intensity},
          {:max_restarts, :x, :invalid_intensity},
          {:max_seconds, 0, :invalid_period},
          {:max_seconds, "1", :invalid_period},
          {:strategy, :one_for_all, :invalid_strategy},
          {:strategy, "x", :invalid_strategy}
        ] do
      options = Keyword.merge([strategy: :one_for_one], [{option, value}])
      assert fun(:start_dynamic, [options]) == {:error, {:supervisor_data, {kind, value}}}
    end
  end

  check "wrong options of a Task.Supervisor" do
    for {option, value, kind} <- [
          {:max_children, :many, :invalid_max_children},
          {:max_children, -1, :invalid_max_children},
          {:max_restarts, -1, :invalid_intensity},
          {:max_seconds, 0, :invalid_period}
        ] do
      assert fun(:start_tasks, [[{option, value}]]) == {:error, {:supervisor_data, {kind, value}}}
    end
    # what it does not know, it does not look at
    assert {:ok, supervisor} = fun(:start_tasks, [[strategy: :one_for_all, odd: 1, max_children: 0]])
    assert Task.Supervisor.children(supervisor) == []
    assert Task.Supervisor.start_child(supervisor, Conf.Fun, :ping, []) == {:error, :max_children}
  end

  check "options that may be left out" do
    {:ok, supervisor} = fun(:start_dynamic, [[]])
    assert counts(supervisor).specs == 0
    {:ok, supervisor} = fun(:start_dynamic, [[max_children: :infinity, max_restarts: 0, max_seconds: 1, extra_arguments: []]])
    assert counts(supervisor).specs == 0
  end

  # --- restarts -----------------------------------------------------------------------------

  check "a permanent child is started again, whatever ended it" do
    supervisor = dynamic(max_restarts: 10)
    start!(supervisor, told(:p))

    for reason <- [:normal, :shutdown, :boom, {:shutdown, 1}] do
      pid = started(:p)
      GenServer.stop(pid, reason)
      assert_receive {:terminated, :p, ^pid, ^reason}, 30_000
    end

    last = started(:p)
    assert pids(supervisor) == [last]
  end

  check "a transient child is started again after an abnormal end" do
    supervisor = dynamic(max_restarts: 10)

    for {reason, again} <- [normal: false, shutdown: false, boom: true] do
      start!(supervisor, told(reason, %{restart: :transient}))
      GenServer.stop(started(reason), reason)
      if again, do: assert(is_pid(started(reason)))
    end

    start!(supervisor, told(:pair, %{restart: :transient}))
    GenServer.stop(started(:pair), {:shutdown, :x})
    assert eventually(fn -> length(pids(supervisor)) == 1 end)
    refute_receive {:started, _, _}, 100
  end

  check "a temporary child is not" do
    supervisor = dynamic()
    start!(supervisor, told(:t, %{restart: :temporary}))
    GenServer.stop(started(:t), :boom)
    assert eventually(fn -> pids(supervisor) == [] end)
    refute_receive {:started, _, _}, 100
  end

  check "a killed child is another with the arguments of the first" do
    supervisor = dynamic()
    pid = start!(supervisor, told(:k))
    assert started(:k) == pid
    Process.exit(pid, :kill)
    again = started(:k)
    assert again != pid
    assert GenServer.call(again, :state) == :k
    assert pids(supervisor) == [again]
  end

  check "others are left alone" do
    supervisor = dynamic()
    still = start!(supervisor, told(:still))
    start!(supervisor, told(:gone))
    Process.exit(started(:gone), :kill)
    again = started(:gone)
    assert Enum.sort(pids(supervisor)) == Enum.sort([still, again])
  end

  check "three restarts in five seconds by default, the fourth is too many" do
    supervisor = dynamic()
    ref = Process.monitor(supervisor)
    start!(supervisor, told(:r))
    start!(supervisor, told(:other))
    for _ <- 1..4, do: Process.exit(started(:r), :kill)
    assert down(ref) == :shutdown
    assert_receive {:terminated, :other, _, :shutdown}, 30_000
    refute_received {:started, :r, _}
  end

  check "no restarts allowed: it ends with the first" do
    supervisor = dynamic(max_restarts: 0)
    ref = Process.monitor(supervisor)
    start!(supervisor, told(:r))
    Process.exit(started(:r), :kill)
    assert down(ref) == :shutdown
  end

  check "temporary children do not count" do
    supervisor = dynamic(max_restarts: 0)

    for n <- 1..5 do
      pid = start!(supervisor, spec(n, {:state, n}, %{restart: :temporary}))
      assert ended(pid, fn -> Process.exit(pid, :kill) end) == :killed
    end

    assert eventually(fn -> pids(supervisor) == [] end)
  end

  check "the period goes by" do
    supervisor = dynamic(max_restarts: 1, max_seconds: 1)
    start!(supervisor, told(:r))
    Process.exit(started(:r), :kill)
    pid = started(:r)
    Process.sleep(2100)
    Process.exit(pid, :kill)
    again = started(:r)
    assert pids(supervisor) == [again]
  end

  check "a restart that fails is tried again" do
    supervisor = dynamic(max_restarts: 10)
    key = unique(:flaky)
    pid = start!(supervisor, spec(:f, {:flaky, key, 3, self()}))
    assert started(key) == pid
    Process.exit(pid, :kill)
    for n <- 2..4, do: assert_receive({:flaked, ^key, ^n}, 30_000)
    again = started(key)
    assert pids(supervisor) == [again]
  end

  check "each try counts" do
    supervisor = dynamic(max_restarts: 2)
    ref = Process.monitor(supervisor)
    key = unique(:flaky)
    Process.exit(start!(supervisor, spec(:f, {:flaky, key, 9, self()})), :kill)
    assert down(ref) == :shutdown
    assert for({:flaked, ^key, n} <- mailbox(), do: n) == [2, 3]
  end

  check "a child whose name is taken meanwhile is not started again" do
    supervisor = dynamic(max_restarts: 2)
    ref = Process.monitor(supervisor)
    name = unique(:name)
    pid = start!(supervisor, %{id: :n, start: {Conf.Server, :start_link, [{:state, 1}, name]}})
    :ok = :sys.suspend(supervisor)
    assert ended(pid, fn -> Process.exit(pid, :kill) end) == :killed
    other = named_server(name)
    :ok = :sys.resume(supervisor)
    assert down(ref) == :shutdown
    assert remote(:erlang, :whereis, [name]) == other
  end

  check "a child that is ended has given up its name" do
    supervisor = dynamic()
    name = unique(:name)
    pid = start!(supervisor, %{id: :n, start: {Conf.Server, :start_link, [{:state, 1}, name]}})
    assert remote(:erlang, :whereis, [name]) == pid
    :ok = DynamicSupervisor.terminate_child(supervisor, pid)
    assert counts(supervisor) == %{specs: 0, active: 0, supervisors: 0, workers: 0}
    assert remote(:erlang, :whereis, [name]) == :undefined
  end

  check "the restarting are shown and counted" do
    supervisor = dynamic(max_restarts: 1_000_000_000, max_seconds: 1, max_children: 1)
    key = unique(:flaky)
    pid = start!(supervisor, spec(:f, {:flaky, key, 1_000_000_000, self()}))
    Process.exit(pid, :kill)
    assert_receive {:flaked, ^key, 2}, 30_000
    assert DynamicSupervisor.which_children(supervisor) == [{:undefined, :restarting, :worker, [Conf.Server]}]
    assert counts(supervisor) == %{specs: 1, active: 0, supervisors: 0, workers: 1}
    assert DynamicSupervisor.start_child(supervisor, spec(:x, {:state, 1})) == {:error, :max_children}
    assert DynamicSupervisor.terminate_child(supervisor, pid) == :ok
    assert counts(supervisor).specs == 0
    assert DynamicSupervisor.stop(supervisor) == :ok
  end

  # --- ends -----------------------------------------------------------------------------------

  check "a child is ended by its pid, and does not come back" do
    supervisor = dynamic()
    start!(supervisor, told(:e))
    pid = started(:e)
    assert DynamicSupervisor.terminate_child(supervisor, pid) == :ok
    assert_received {:terminated, :e, ^pid, :shutdown}
    assert pids(supervisor) == []
    refute_receive {:started, _, _}, 100
  end

  check "what is no child is not found" do
    supervisor = dynamic()
    assert DynamicSupervisor.terminate_child(supervisor, self()) == {:error, :not_found}
    assert DynamicSupervisor.terminate_child(supervisor, server()) == {:error, :not_found}
    assert DynamicSupervisor.terminate_child(supervisor, supervisor) == {:error, :not_found}
  end

  check "brutal_kill and a shutdown time that is over" do
    supervisor = dynamic()
    pid = start!(supervisor, told(:b, %{shutdown: :brutal_kill}))
    assert ended(pid, fn -> DynamicSupervisor.terminate_child(supervisor, pid) end) == :killed
    refute_received {:terminated, :b, _, _}
    pid = start!(supervisor, spec(:s, {:stubborn, self(), :s, 30_000}, %{shutdown: 800}))
    assert ended(pid, fn -> DynamicSupervisor.terminate_child(supervisor, pid) end) == :killed
    assert_received {:terminated, :s, ^pid, :shutdown}
    pid = start!(supervisor, spec(:s, {:stubborn, self(), :t, 60}, %{shutdown: :infinity}))
    assert ended(pid, fn -> DynamicSupervisor.terminate_child(supervisor, pid) end) == :shutdown
  end

  check "a stop ends all children at the same time" do
    supervisor = dynamic()
    for n <- 1..5, do: start!(supervisor, spec(n, {:stubborn, self(), n, 2000}))
    {time, :ok} = :timer.tc(fn -> DynamicSupervisor.stop(supervisor) end)
    # One after another they take ten seconds.
    assert time < 9_000_000
    assert for({:terminated, n, _, :shutdown} <- mailbox(), do: n) |> Enum.sort() == [1, 2, 3, 4, 5]
  end

  check "each child has its own time to end in" do
    supervisor = dynamic()
    quick = start!(supervisor, spec(:q, {:stubborn, self(), :q, 30_000}, %{shutdown: 50}))
    slow = start!(supervisor, spec(:s, {:stubborn, self(), :s, 150}, %{shutdown: 30_000}))
    brutal = start!(supervisor, told(:b, %{shutdown: :brutal_kill}))
    refs = for pid <- [quick, slow, brutal], do: Process.monitor(pid)
    assert DynamicSupervisor.stop(supervisor, :shutdown) == :ok
    assert Enum.map(refs, &down/1) == [:killed, :shutdown, :killed]
  end

  check "a killed supervisor takes its children along" do
    supervisor = dynamic()
    start!(supervisor, told(:traps))
    plain = start!(supervisor, spec(:plain, {:state, 1}))
    ref = Process.monitor(plain)
    Process.exit(supervisor, :kill)
    assert down(ref) == :killed
    assert_receive {:terminated, :traps, _, :killed}, 30_000
  end

  check "its exit reasons" do
    for reason <- [:normal, :shutdown, :odd] do
      supervisor = dynamic()
      start!(supervisor, told(reason))
      assert ended(supervisor, fn -> DynamicSupervisor.stop(supervisor, reason) end) == reason
      assert_receive {:terminated, ^reason, _, :shutdown}, 30_000
    end
  end

  check "an exit signal of a stranger is ignored, kill is not" do
    supervisor = dynamic()
    ref = Process.monitor(supervisor)
    Process.exit(supervisor, :shutdown)
    assert pids(supervisor) == []
    Process.exit(supervisor, :kill)
    assert down(ref) == :killed
  end

  # --- many, and one that is slow ----------------------------------------------------------------

  check "a hundred children from ten callers" do
    supervisor = dynamic()
    task = fn n -> for m <- 1..10, do: start!(supervisor, spec(n, {:state, {n, m}})) end
    started = Task.async_stream(1..10, task, max_concurrency: 10, timeout: 30_000) |> Enum.flat_map(&elem(&1, 1))
    assert counts(supervisor) == %{specs: 100, active: 100, supervisors: 0, workers: 100}
    assert Enum.sort(pids(supervisor)) == Enum.sort(started)
    assert DynamicSupervisor.stop(supervisor) == :ok
    refute Enum.any?(started, &remote(:erlang, :is_process_alive, [&1]))
  end

  check "a slow start keeps others waiting, and they come in order" do
    supervisor = dynamic()
    slow = Task.async(fn -> start!(supervisor, spec(:slow, {:sleep, 150})) end)
    eventually(fn -> remote(:erlang, :process_info, [supervisor, :links]) |> elem(1) != [] end)
    quick = start!(supervisor, spec(:quick, {:state, 1}))
    slow = Task.await(slow, 30_000)
    assert Enum.sort(pids(supervisor)) == Enum.sort([slow, quick])
  end

  check "sys tells that it is a GenServer of Elixir's" do
    supervisor = dynamic()
    assert {:status, ^supervisor, {:module, :gen_server}, [_, :running, _, _, misc]} = :sys.get_status(supervisor)
    assert Keyword.keyword?(hd(misc) |> List.wrap())
    assert :sys.suspend(supervisor) == :ok
    asked = Task.async(fn -> pids(supervisor) end)
    assert Task.yield(asked, 60) == nil
    assert :sys.resume(supervisor) == :ok
    assert Task.await(asked, 30_000) == []
  end

  check "its initial call and its links" do
    supervisor = dynamic()
    pid = start!(supervisor, spec(:x, {:state, 1}))
    assert {:links, [^pid]} = remote(:erlang, :process_info, [supervisor, :links])
    {:dictionary, dictionary} = remote(:erlang, :process_info, [supervisor, :dictionary])
    assert List.keyfind(dictionary, :"$initial_call", 0) == {:"$initial_call", {:supervisor, Supervisor.Default, 1}}
    assert remote(:erlang, :process_info, [supervisor, :trap_exit]) == {:trap_exit, true}
  end
end
