# System messages: states, status, suspending, code, logs and statistics, of every behaviour.

defmodule Area.Sys do
  use Suite

  # The answer itself, which OTP 25 and later ones take apart differently.
  defp ask(server, request) do
    ref = make_ref()
    send(server, {:system, {self(), ref}, request})

    receive do
      {^ref, answer} -> answer
    after
      30_000 -> raise "no answer to #{inspect(request)}"
    end
  end

  # An agent of the check's own.
  defp agent(value) do
    start = {Agent, :start_link, [Conf.Fun, :identity, [value]]}
    child(supervisor(%{}, [%{id: :agent, start: start}]), :agent)
  end

  defp child(supervisor, id) do
    {^id, pid, _, _} = List.keyfind(Supervisor.which_children(supervisor), id, 0)
    pid
  end

  # One of each behaviour, of the check's own where it is changed.
  defp behaviours do
    {:ok, dynamic} = fun(:start_dynamic, [[strategy: :one_for_one]])
    {:ok, tasks} = fun(:start_tasks, [[]])
    [server(), supervisor(%{}, []), dynamic, tasks, agent(1), at(:conf_app_sup)]
  end

  defp registries, do: [at(Conf.Registry), at(Conf.Bag)]

  defp status(server) do
    {:status, pid, module, [dictionary, running, parent, debug, misc]} = :sys.get_status(server)
    %{pid: pid, module: module, dictionary: dictionary, running: running, parent: parent, debug: debug, misc: misc}
  end

  defp data(status, key), do: for({:data, data} <- status.misc, {^key, value} <- data, do: value)

  # --- states -----------------------------------------------------------------------

  check "the state of a server is the whole map" do
    server = server({:state, {:v, 1}})
    assert state(server) == %{value: {:v, 1}, events: [], on_terminate: nil}
    GenServer.cast(server, {:event, 1})
    assert state(server).events == [cast: 1]
    assert state(at(:conf_server)) |> Map.keys() |> Enum.sort() == [:events, :on_terminate, :value]
  end

  check "the answer says ok from OTP 26 on" do
    server = server({:state, 1})

    case ask(server, :get_state) do
      {:ok, %{value: 1}} -> :newer
      %{value: 1} -> assert otp() == 25
    end
  end

  check "the state of an agent is what it keeps" do
    assert state(agent({:kept, [1]})) == {:kept, [1]}
    assert state(agent(nil)) == nil
  end

  check "every behaviour has a state" do
    for server <- behaviours() ++ registries(), do: assert(state(server) != :nothing)
  end

  check "the state of a supervisor is OTP's record" do
    supervisor = supervisor(%{strategy: :rest_for_one, intensity: 7}, for(id <- [:a, :b], do: spec(id, {:state, id})))
    state = state(supervisor)
    assert elem(state, 0) == :state
    assert elem(state, 1) == {supervisor, Conf.Sup}
    assert elem(state, 2) == :rest_for_one
    assert {[:b, :a], %{a: child}} = elem(state, 3)
    start = {Conf.Server, :start_link, [{:state, :a}]}
    pid = child(supervisor, :a)
    assert child == {:child, pid, :a, start, :permanent, false, 5000, :worker, [Conf.Server]}
    assert elem(state, 5) == 7
    assert elem(state, 6) == 5
    assert Conf.Sup in Tuple.to_list(state)
    assert state(at(:conf_sup_one)) |> elem(1) == {:local, :conf_sup_one}
  end

  check "the state of a dynamic supervisor is Elixir's struct" do
    {:ok, dynamic} = fun(:start_dynamic, [[strategy: :one_for_one, max_children: 7, max_restarts: 2]])
    start = {Conf.Server, :start_link, [{:state, 1}]}
    {:ok, pid} = DynamicSupervisor.start_child(dynamic, %{id: :any, start: start})
    assert %DynamicSupervisor{max_children: 7, max_restarts: 2, max_seconds: 5} = state = state(dynamic)
    assert state.strategy == :one_for_one
    assert state.children == %{pid => {start, :permanent, 5000, :worker, [Conf.Server]}}
    {:ok, tasks} = fun(:start_tasks, [[max_children: 3]])
    assert %DynamicSupervisor{max_children: 3, mod: Task.Supervisor} = state(tasks)
  end

  check "another state may take its place" do
    server = server({:state, 1})
    assert %{value: {:wrapped, 1}} = plain(:sys.replace_state(server, capture(:wrap, 1)))
    assert GenServer.call(server, :state) == {:wrapped, 1}
    agent = agent(5)
    assert plain(:sys.replace_state(agent, capture(:pair, 1))) == {5, 5}
    assert state(agent) == {5, 5}
  end

  defp plain({:ok, %{} = state}), do: state
  defp plain({:ok, {5, 5}}), do: {5, 5}
  defp plain(state), do: state

  check "a function that fails leaves the state as it was" do
    server = server({:state, 1})

    for {function, class} <- [error: :error, exit: :exit, throw: :throw] do
      assert {:error, {:callback_failed, {:gen_server, :system_replace_state}, {^class, %{value: 1}}}} =
               ask(server, {:replace_state, capture(function, 1)})
    end

    assert {:error, {:callback_failed, _, {:error, :undef}}} = ask(server, {:replace_state, capture(:no_such, 1)})
    assert {:error, {:callback_failed, {:gen_server, :system_replace_state}, {:throw, _}}} =
             caught(fn -> :sys.replace_state(server, capture(:throw, 1)) end)
    assert GenServer.call(server, :state) == 1
  end

  check "what was sent before is in the state" do
    name = unique(:sys)
    pid = named_server(name)
    for n <- 1..20, do: GenServer.cast(Enum.at([pid, at(name)], rem(n, 2)), {:event, n})
    assert state(pid).events == for(n <- 1..20, do: {:cast, n})
  end

  # --- tags -----------------------------------------------------------------------------

  check "an answer goes where the tag says, as a call's" do
    server = server()
    me = self()
    for tag <- [:tag, {1, 2}, make_ref(), [1]] do
      send(server, {:system, {me, tag}, :suspend})
      assert_receive {^tag, :ok}, 30_000
    end

    alias = :erlang.alias()
    send(server, {:system, {server, [:alias | alias]}, :resume})
    assert_receive {[:alias | ^alias], :ok}, 30_000
    send(server, {:system, {server, [[:alias | alias] | :more]}, :resume})
    assert_receive {[[:alias | ^alias] | :more], :ok}, 30_000
    :erlang.unalias(alias)
    send(server, {:system, {me, [:alias | alias]}, :resume})
    assert GenServer.call(server, :ping) == :pong
    assert mailbox(50) == []
  end

  check "what is not understood" do
    server = server()
    for request <- [:colour, {:colour, 1}, "text", {:terminate}, {:debug}], do:
      assert(ask(server, request) == {:error, {:unknown_system_msg, request}})

    for debug <- [:colour, {:colour, 1}, {:trace, :loud}], do: assert(ask(server, {:debug, debug}) == :unknown_debug)
    assert GenServer.call(server, :ping) == :pong
  end

  # --- who is not there ---------------------------------------------------------------------

  check "a server that is not there or too slow" do
    nobody = at(unique(:nobody))
    assert {:exit, {:noproc, {:sys, :get_state, [^nobody]}}} = caught(fn -> :sys.get_state(nobody) end)
    assert {:exit, {:noproc, {:sys, :suspend, [^nobody, 100]}}} = caught(fn -> :sys.suspend(nobody, 100) end)
    assert {:exit, {:noproc, {:sys, :terminate, [^nobody, :x]}}} = caught(fn -> :sys.terminate(nobody, :x) end)
    server = server()
    send(server, {:"$gen_call", {self(), make_ref()}, {:sleep, 600}})
    assert {:exit, {:timeout, {:sys, :get_state, [^server, 20]}}} = caught(fn -> :sys.get_state(server, 20) end)
    assert GenServer.call(server, :ping) == :pong
    assert Enum.reject(mailbox(50), &match?({_, :slept}, &1)) == []
  end

  # --- status -------------------------------------------------------------------------------------

  check "the status of a server" do
    name = unique(:sys)
    pid = named_server(name, {:state, :shown})
    status = status(at(name))
    assert %{pid: ^pid, module: {:module, :gen_server}, running: :running, debug: []} = status
    # Nobody has started it with a link.
    assert status.parent == pid
    assert status.dictionary[:"$initial_call"] == {Conf.Server, :init, 1}
    assert is_list(status.dictionary[:"$ancestors"])
    assert [{:header, header} | _] = status.misc
    assert to_string(header) == "Status for generic server #{name}"
    assert data(status, ~c"Status") == [:running]
    assert data(status, ~c"Parent") == [pid]
    assert data(status, ~c"Logged events") == [[]]
    assert data(status, ~c"State") == [{:formatted, :shown}]
  end

  check "the header of a server without a name has its pid" do
    [{:header, header} | _] = status(server()).misc
    assert to_string(header) =~ ~r/^Status for generic server <\d+\.\d+\.\d+>$/
  end

  check "the status of a child names its supervisor" do
    supervisor = supervisor(%{}, [spec(:a, {:state, 1})])
    status = status(child(supervisor, :a))
    assert status.parent == supervisor
    assert data(status, ~c"Parent") == [supervisor]
    assert [^supervisor | _] = status.dictionary[:"$ancestors"]
    child = child(at(:conf_sup_one), :a)
    assert [:conf_sup_one, :conf_root | _] = status(child).dictionary[:"$ancestors"]
  end

  check "the status of every behaviour" do
    for server <- behaviours() ++ registries() do
      status = status(server)
      assert %{module: {:module, :gen_server}, running: :running, debug: []} = status
      assert is_pid(status.pid) and node(status.pid) == peer()
      assert [{:header, _}, {:data, _} | _] = status.misc
      assert data(status, ~c"Status") == [:running]
      assert [_ | _] = data(status, ~c"State")
    end
  end

  check "a supervisor tells its callback module" do
    assert :supervisor.get_callback_module(at(:conf_sup_one)) == Conf.Sup
    assert :supervisor.get_callback_module(supervisor(%{}, [])) == Conf.Sup
  end

  check "the status of one that is suspended" do
    server = server()
    :ok = :sys.suspend(server)
    status = status(server)
    assert status.running == :suspended
    assert data(status, ~c"Status") == [:suspended]
    :ok = :sys.resume(server)
    assert status(server).running == :running
  end

  # --- suspending -----------------------------------------------------------------------------------

  check "who is suspended does nothing until it is resumed, and then all of it in order" do
    server = server()
    assert :sys.suspend(server) == :ok
    for n <- 1..10, do: if(rem(n, 2) == 0, do: GenServer.cast(server, {:event, n}), else: send(server, n))
    assert {:exit, {:timeout, _}} = caught(fn -> GenServer.call(server, :ping, 50) end)
    assert state(server).events == []
    assert :sys.resume(server) == :ok
    assert GenServer.call(server, :events) == for(n <- 1..10, do: {if(rem(n, 2) == 0, do: :cast, else: :info), n})
    assert mailbox(50) == []
  end

  check "twice is as good as once" do
    server = server()
    assert [:ok, :ok, :ok] = [:sys.resume(server), :sys.suspend(server), :sys.suspend(server)]
    assert :sys.resume(server) == :ok
    assert GenServer.call(server, :ping) == :pong
    assert :sys.resume(server) == :ok
  end

  check "a call waits for the resume" do
    server = server()
    :ok = :sys.suspend(server)
    task = Task.async(fn -> GenServer.call(server, {:echo, 1}) end)
    assert Task.yield(task, 60) == nil
    :ok = :sys.resume(server)
    assert Task.await(task, 30_000) == 1
  end

  check "who is suspended may be stopped, killed and told to end" do
    for stop <- [&GenServer.stop(&1, :over), &:sys.terminate(&1, :over)] do
      server = server()
      :ok = GenServer.call(server, {:on_terminate, self()})
      :ok = :sys.suspend(server)
      assert ended(server, fn -> stop.(server) end) == :over
      assert_received {:terminated, ^server, :over}
    end

    server = server()
    :ok = :sys.suspend(server)
    assert ended(server, fn -> Process.exit(server, :boom) end) == :boom
  end

  check "the parent's end ends who is suspended" do
    supervisor = supervisor(%{}, [spec(:a, {:announce, self(), :child})])
    assert_receive {:started, :child, child}, 30_000
    :ok = :sys.suspend(child)
    assert ended(child, fn -> Supervisor.stop(supervisor) end) == :shutdown
    assert_received {:terminated, :child, ^child, :shutdown}
  end

  check "an EXIT of anybody else waits" do
    server = server()
    GenServer.call(server, {:trap_exit, true})
    :ok = :sys.suspend(server)
    Process.exit(server, :later)
    assert state(server).events == []
    :ok = :sys.resume(server)
    assert GenServer.call(server, :events) == [info: {:EXIT, self(), :later}]
  end

  check "a supervisor that is suspended restarts nobody until it is resumed" do
    supervisor = supervisor(%{}, [spec(:a, {:announce_notrap, self(), :a})])
    assert_receive {:started, :a, first}, 30_000
    :ok = :sys.suspend(supervisor)
    ended(first, fn -> Process.exit(first, :kill) end)
    refute_receive {:started, :a, _}, 60
    assert {:exit, {:timeout, _}} = caught(fn -> GenServer.call(supervisor, :which_children, 30) end)
    :ok = :sys.resume(supervisor)
    assert_receive {:started, :a, second}, 30_000
    assert child(supervisor, :a) == second
  end

  check "every behaviour is suspended and resumed" do
    for server <- behaviours() -- [at(:conf_app_sup)] do
      assert :sys.suspend(server) == :ok
      assert status(server).running == :suspended
      assert :sys.resume(server) == :ok
      assert status(server).running == :running
    end
  end

  check "a timeout that runs out while it is suspended comes after the resume" do
    server = server({:state, {:timeout_to, self()}})
    :ok = GenServer.call(server, {:reply_timeout, 1000})
    :ok = :sys.suspend(server)
    refute_receive {:init_timeout, _}, 1300
    :ok = :sys.resume(server)
    assert_receive {:init_timeout, ^server}, 30_000
  end

  # --- ends ---------------------------------------------------------------------------------------------

  check "terminate answers, then the server ends with the reason" do
    for reason <- [:normal, :shutdown, {:shutdown, 1}, :boom] do
      server = server()
      :ok = GenServer.call(server, {:on_terminate, self()})
      ref = Process.monitor(server)
      assert :sys.terminate(server, reason) == :ok
      assert down(ref) == reason
      assert_received {:terminated, ^server, ^reason}
    end
  end

  check "every behaviour is ended by terminate" do
    for server <- behaviours() -- [at(:conf_app_sup)] do
      assert ended(server, fn -> :ok = :sys.terminate(server, :shutdown) end) == :shutdown
    end
  end

  # --- code ------------------------------------------------------------------------------------------------

  check "code is changed only of who is suspended" do
    server = server({:state, 1})
    request = {:change_code, Conf.Server, :old, :extra}
    assert ask(server, request) == {:error, {:unknown_system_msg, request}}
    assert :sys.change_code(server, Conf.Server, :old, :extra) == {:error, {:unknown_system_msg, request}}
    :ok = :sys.suspend(server)
    assert :sys.change_code(server, Conf.Server, :old, {:with, "extra"}) == :ok
    assert state(server).value == {:changed, :old, {:with, "extra"}}
    :ok = :sys.resume(server)
    assert GenServer.call(server, :state) == {:changed, :old, {:with, "extra"}}
  end

  check "an agent's code is changed by a function" do
    agent = agent(5)
    :ok = :sys.suspend(agent)
    assert :sys.change_code(agent, :any, :vsn, {Conf.Fun, :put, [7]}) == :ok
    :ok = :sys.resume(agent)
    assert state(agent) == 7
  end

  check "the same children after a supervisor's code has changed" do
    supervisor = supervisor(%{}, [spec(:a, {:state, 1})])
    before = Supervisor.which_children(supervisor)
    :ok = :sys.suspend(supervisor)
    assert :sys.change_code(supervisor, Conf.Sup, :vsn, []) == :ok
    :ok = :sys.resume(supervisor)
    assert Supervisor.which_children(supervisor) == before
  end

  # --- statistics and logs -----------------------------------------------------------------------------------

  check "statistics count what comes and what is answered" do
    server = server()
    assert :sys.statistics(server, :get) == {:ok, :no_statistics}
    assert :sys.statistics(server, true) == :ok
    :pong = GenServer.call(server, :ping)
    GenServer.cast(server, {:event, 1})
    send(server, :hello)
    :pong = GenServer.call(server, :ping)
    assert {:ok, statistics} = :sys.statistics(server, :get)
    assert Keyword.keys(statistics) == [:start_time, :current_time, :reductions, :messages_in, :messages_out]
    assert {{_, _, _}, {_, _, _}} = statistics[:start_time]
    assert {{year, _, _}, {_, _, _}} = statistics[:current_time]
    assert year >= 2024
    assert is_integer(statistics[:reductions])
    assert {statistics[:messages_in], statistics[:messages_out]} == {4, 2}
    assert :sys.statistics(server, false) == :ok
    assert :sys.statistics(server, :get) == {:ok, :no_statistics}
  end

  # The events of a log without what differs from run to run.
  defp events(server) do
    {:ok, events} = :sys.log(server, :get)
    me = self()

    for event <- events do
      case event do
        {:in, {:"$gen_call", {^me, _}, request}} -> {:in, {:call, request}}
        {:in, message} -> {:in, message}
        {:out, reply, {^me, _}, %{value: value}} -> {:out, reply, value}
        {:out, reply, {^me, _}, state} -> {:out, reply, state}
        {:noreply, %{value: value}} -> {:noreply, value}
        other -> other
      end
    end
  end

  check "a log has what came in and what went out, oldest first" do
    server = server({:state, 0})
    assert :sys.log(server, true) == :ok
    :ok = GenServer.call(server, {:put_state, 1})
    GenServer.cast(server, {:put_state, 2})
    send(server, {:notify, self(), :x})
    :pong = GenServer.call(server, :ping)

    assert events(server) == [
             {:in, {:call, {:put_state, 1}}},
             {:out, :ok, 1},
             {:in, {:"$gen_cast", {:put_state, 2}}},
             {:noreply, 2},
             {:in, {:notify, self(), :x}},
             {:noreply, 2},
             {:in, {:call, :ping}},
             {:out, :pong, 2}
           ]
  end

  check "a log keeps ten events, or as many as is said" do
    server = server({:state, 0})
    :ok = :sys.log(server, true)
    for n <- 1..9, do: GenServer.cast(server, {:put_state, n})
    :pong = GenServer.call(server, :ping)
    kept = events(server)
    assert length(kept) == 10
    assert List.last(kept) == {:out, :pong, 9}
    # The size is said when a log begins.
    assert :sys.log(server, {true, 3}) == :ok
    GenServer.cast(server, {:put_state, 0})
    assert length(events(server)) == 10
    assert :sys.log(server, false) == :ok
    assert events(server) == []
    assert :sys.log(server, {true, 3}) == :ok
    for n <- 1..5, do: GenServer.cast(server, {:put_state, n})
    :pong = GenServer.call(server, :ping)
    assert events(server) == [{:noreply, 5}, {:in, {:call, :ping}}, {:out, :pong, 5}]
  end

  check "a log of continues, late replies and stops" do
    server = server({:state, 0})
    :ok = :sys.log(server, true)
    :continuing = GenServer.call(server, {:reply_continue, :on})
    :pong = GenServer.call(server, :ping)

    assert [{:in, {:call, {:reply_continue, :on}}}, {:out, :continuing, 0}, {:continue, :on} | rest] = events(server)
    assert List.last(rest) == {:out, :pong, 0}
  end

  check "a log is part of the status" do
    server = server({:state, 0})
    :ok = :sys.log(server, true)
    GenServer.cast(server, {:put_state, 1})
    status = status(server)
    assert [[_ | _] = logged] = data(status, ~c"Logged events")
    assert Enum.any?(logged, &match?({:in, {:"$gen_cast", {:put_state, 1}}}, &1))
    assert [_ | _] = status.debug
    assert :sys.no_debug(server) == :ok
    assert status(server).debug == []
  end

  check "debug functions are installed and removed" do
    server = server()
    # It is not there: it is called once, fails, and is dropped.
    assert :sys.install(server, {capture(:no_such, 3), :state}) == :ok
    assert GenServer.call(server, :ping) == :pong
    assert :sys.install(server, {:id, capture(:no_such, 3), :state}) == :ok
    assert :sys.remove(server, :id) == :ok
    assert :sys.remove(server, :never_installed) == :ok
    assert GenServer.call(server, :ping) == :pong
    assert :sys.log_to_file(server, false) == :ok
    assert :sys.log_to_file(server, ~c"/no/such/directory/file") == {:error, :open_file}
  end

  # --- traces ----------------------------------------------------------------------------------------------------

  # A group leader that sends each text it is to print to `to`.
  defp printer(to) do
    receive do
      {:io_request, from, reply_as, request} ->
        send(to, {:printed, text(request)})
        send(from, {:io_reply, reply_as, :ok})
        printer(to)
    end
  end

  defp text({:put_chars, _, chars}), do: IO.chardata_to_string(chars)
  defp text({:put_chars, _, m, f, a}), do: IO.chardata_to_string(apply(m, f, a))
  defp text({:requests, requests}), do: Enum.map_join(requests, &text/1)

  defp printed do
    receive do
      {:printed, text} -> text
    after
      30_000 -> raise "nothing was printed"
    end
  end

  check "a trace is printed where the server prints" do
    me = self()
    leader = spawn_link(fn -> printer(me) end)
    name = unique(:traced)

    task = Task.async(fn ->
      Process.group_leader(self(), leader)
      fun(:start_server, [{:state, 0}, name])
    end)

    {:ok, server} = Task.await(task, 30_000)
    assert :sys.trace(server, true) == :ok
    GenServer.cast(server, {:put_state, 1})
    assert printed() == "*DBG* #{name} got cast {put_state,1}\n"
    assert printed() =~ ~r/^\*DBG\* #{name} new state /
    :pong = GenServer.call(server, :ping)
    assert printed() =~ ~r/^\*DBG\* #{name} got call ping from <[^<>]+>\s*\n$/
    assert printed() =~ ~r/^\*DBG\* #{name} sent pong to <[^<>]+>, new state /
    send(server, :hello)
    assert printed() == "*DBG* #{name} got hello\n"
    assert printed() =~ "new state"
    assert :sys.trace(server, false) == :ok
    :pong = GenServer.call(server, :ping)
    refute_receive {:printed, _}, 50
  end

  # --- the peer as who looks ------------------------------------------------------------------------------------------

  check "a process there stops a server of its own and one here" do
    puppet = puppet()
    {:ok, mine} = Agent.start(fn -> 0 end)
    ref = Process.monitor(mine)
    assert tell(puppet, {:stop, mine, :told, 5000}) == :ok
    assert down(ref) == :told
  end
end
