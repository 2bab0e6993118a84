# Failures: how each kind of end looks to the caller, to a monitor and to a link; starts that fail; reports.

defmodule Area.Failures do
  use Suite

  # How a call fails, what the monitor says and what a linked process hears: three reasons.
  defp seen(request) do
    server = server()
    linked = puppet()
    tell(linked, {:trap_exit, true})
    tell(linked, {:link, server})
    ref = Process.monitor(server)
    assert {:exit, {reason, {GenServer, :call, [^server, ^request, 5000]}}} =
             caught(fn -> GenServer.call(server, request) end)

    assert {:EXIT, ^server, heard} = forwarded(linked)
    {reason, down(ref), heard}
  end

  # The one reason of all three.
  defp the_reason(request) do
    {reason, reason, reason} = seen(request)
    reason
  end

  # A stack is a list of `{module, function, arity or arguments, location}`.
  defp assert_stack(stack) do
    assert is_list(stack) and stack != []

    for frame <- stack do
      assert {m, f, a, location} = frame
      assert is_atom(m) and is_atom(f) and (is_integer(a) or is_list(a))
      assert Keyword.keyword?(location)
    end
  end

  # --- crashes of a callback, seen by all -------------------------------------------

  check "sizes of what has no whole bytes, and of what has none" do
    assert fun(:size, [<<1, 2::9>>]) == {:size, 3}
    assert {:badrpc, {:EXIT, {:badarg, [{:erlang, :byte_size, [:a], _} | _]}}} = fun(:size, [:a])
    assert {:badrpc, {:EXIT, {:badarg, [{:binary, :copy, [<<7>>, -1], _} | _]}}} = fun(:blob, [-1])
    assert {:badrpc, {:EXIT, {:badarith, [{:erlang, :+, [1, :a], _} | _]}}} = fun(:add, [1, :a])
  end

  check "children that are no list" do
    assert {:error, {:function_clause, [{:supervisor, :check_startspec, [:x | _], _} | _]}} =
             fun(:start_supervisor, [%{}, :x])
  end

  check "a raise in a call is an exception and a stack that begins with the callback" do
    assert {%RuntimeError{message: "conf crash"}, stack} = the_reason(:crash)
    assert [{Conf.Server, :handle_call, 3, _} | _] = stack
    assert_stack(stack)
  end

  check "an error is its reason and a stack" do
    for reason <- [:badarg, :boom, {:bad, "thing", [1]}, %{a: 1}] do
      assert {^reason, stack} = the_reason({:crash_error, reason})
      assert_stack(stack)
      assert Enum.any?(stack, &match?({Conf.Server, :handle_call, _, _}, &1))
    end
  end

  check "an exit is its reason alone" do
    for reason <- [:normal, :shutdown, {:shutdown, 1}, :boom, {:a, [1]}, {:looks_like, []}] do
      assert the_reason({:crash_exit, reason}) == reason
    end
  end

  check "a server that exits with kill was not killed" do
    assert the_reason({:crash_exit, :kill}) == :kill
  end

  check "a throw is a bad return value" do
    assert the_reason({:crash_throw, {:ball, 1}}) == {:bad_return_value, {:ball, 1}}
  end

  check "a bad return value" do
    assert the_reason(:bad_return) == {:bad_return_value, :oops_bad}
  end

  check "a call that no clause is for" do
    server = server()

    assert {:exit, {{:function_clause, [{Conf.Server, :handle_call, args, _} | _] = stack}, _}} =
             caught(fn -> GenServer.call(server, {:unheard_of, 1}) end)

    assert_stack(stack)

    if is_list(args) do
      me = self()
      assert [{:unheard_of, 1}, {^me, _}, %{value: :fresh}] = args
    else
      assert args == 3
    end
  end

  check "a stop with each kind of reason" do
    for reason <- [:normal, :shutdown, {:shutdown, %{a: 1}}, :other, {:nested, {:shutdown, 1}}] do
      assert the_reason({:stop_noreply, reason}) == reason
    end
  end

  check "casts that end the server" do
    for {cast, expected} <- [{{:stop, :told}, :told}, {{:stop, :normal}, :normal}, {:bad_return, {:bad_return_value, :oops_bad}}] do
      pid = server()
      assert ended(pid, fn -> GenServer.cast(pid, cast) end) == expected
    end

    pid = server()
    assert {%RuntimeError{message: "conf crash"}, stack} = ended(pid, fn -> GenServer.cast(pid, :crash) end)
    assert [{Conf.Server, :handle_cast, 2, _} | _] = stack
    pid = server()
    assert {:function_clause, stack} = ended(pid, fn -> GenServer.cast(pid, {:unheard_of, 2}) end)
    assert [{Conf.Server, :handle_cast, args, _} | _] = stack
    assert args == 2 or match?([{:unheard_of, 2}, %{}], args)
  end

  check "messages that end the server" do
    for {message, expected} <- [info_stop: :info_stopped, info_bad: {:bad_return_value, :oops_bad}] do
      pid = server()
      assert ended(pid, fn -> send(pid, message) end) == expected
    end

    pid = server()
    assert {%RuntimeError{message: "conf crash"}, stack} = ended(pid, fn -> send(pid, :info_crash) end)
    assert [{Conf.Server, :handle_info, 2, _} | _] = stack
  end

  check "a message to a name that nobody has is badarg where it is sent" do
    assert {:badarg, [_ | _]} = the_reason({:send, unique(:nobody), 1})
    assert GenServer.call(server(), {:send, at(unique(:nobody)), 1}) == :ok
  end

  check "exit signals" do
    for {signal, seen} <- [kill: :killed, killed: :killed, boom: :boom, shutdown: :shutdown, noconnection: :noconnection] do
      pid = server()
      assert ended(pid, fn -> Process.exit(pid, signal) end) == seen
    end

    pid = server()
    Process.exit(pid, :normal)
    assert GenServer.call(pid, :ping) == :pong
  end

  check "exit signals to a server that traps" do
    pid = server()
    false = GenServer.call(pid, {:trap_exit, true})
    for signal <- [:normal, :boom, :killed, {:shutdown, 1}], do: Process.exit(pid, signal)
    me = self()
    assert GenServer.call(pid, :events) ==
             for(r <- [:normal, :boom, :killed, {:shutdown, 1}], do: {:info, {:EXIT, me, r}})

    assert ended(pid, fn -> Process.exit(pid, :kill) end) == :killed
  end

  # --- plain processes -------------------------------------------------------------------

  check "a process that errs, throws, exits and returns" do
    for {command, test} <- [
          {{:error, :bad}, &match?({:bad, [_ | _]}, &1)},
          {{:throw, 7}, &match?({{:nocatch, 7}, [_ | _]}, &1)},
          {{:die, {:own, 1}}, &(&1 == {:own, 1})},
          {{:die, :kill}, &(&1 == :kill)},
          {:return, &(&1 == :normal)}
        ] do
      puppet = puppet()
      reason = ended(puppet, fn -> order(puppet, command) end)
      assert test.(reason), inspect(reason)
    end
  end

  check "a spawned function that is not there, and what its end looks like" do
    {pid, ref} = Node.spawn_monitor(peer(), Conf.Fun, :no_such_function, [1, "two"])
    assert {:undef, [{Conf.Fun, :no_such_function, [1, "two"], []} | _]} = down(ref)
    assert node(pid) == peer()
    {_, ref} = Node.spawn_monitor(peer(), :no_such_module, :f, [])
    assert {:undef, [{:no_such_module, :f, [], []} | _]} = down(ref)
    {_, ref} = Node.spawn_monitor(peer(), Conf.Fun, :ping, [:one_too_many])
    assert {:undef, [{Conf.Fun, :ping, [:one_too_many], []} | _]} = down(ref)
  end

  check "a spawned function that fails" do
    for {f, a, test} <- [
          {:raise, ["oh"], &match?({%RuntimeError{message: "oh"}, [_ | _]}, &1)},
          {:error, [:why], &match?({:why, [_ | _]}, &1)},
          {:exit, [:left], &(&1 == :left)},
          {:throw, [1], &match?({{:nocatch, 1}, [_ | _]}, &1)},
          {:add, [1, :x], &match?({:badarith, [_ | _]}, &1)},
          {:ping, [], &(&1 == :normal)}
        ] do
      {_, ref} = Node.spawn_monitor(peer(), Conf.Fun, f, a)
      reason = down(ref)
      assert test.(reason), inspect(reason)
    end
  end

  # --- terminate ------------------------------------------------------------------------------

  # What terminate is told, and the end of the process.
  defp terminated(do_it, trap \\ false) do
    pid = server()
    :ok = GenServer.call(pid, {:on_terminate, self()})
    if trap, do: GenServer.call(pid, {:trap_exit, true})
    reason = ended(pid, fn -> do_it.(pid) end)

    receive do
      {:terminated, ^pid, told} -> {told, reason}
    after
      0 -> {:nothing, reason}
    end
  end

  check "terminate is told why" do
    call = fn request -> fn pid -> caught(fn -> GenServer.call(pid, request) end) end end
    assert {{%RuntimeError{message: "conf crash"}, [_ | _]} = r, r} = terminated(call.(:crash))
    assert {{:oops, [_ | _]} = r, r} = terminated(call.({:crash_error, :oops}))
    assert terminated(call.({:crash_exit, :out})) == {:out, :out}
    assert terminated(call.({:crash_throw, 1})) == {{:bad_return_value, 1}, {:bad_return_value, 1}}
    assert terminated(call.(:bad_return)) == {{:bad_return_value, :oops_bad}, {:bad_return_value, :oops_bad}}
    assert terminated(call.({:stop_noreply, :normal})) == {:normal, :normal}
    assert terminated(call.({:stop, :why, :reply})) == {:why, :why}
    assert terminated(&GenServer.cast(&1, {:stop, :cast})) == {:cast, :cast}
    assert terminated(&send(&1, :info_stop)) == {:info_stopped, :info_stopped}
    assert terminated(&GenServer.stop(&1, :told)) == {:told, :told}
    assert terminated(&:sys.terminate(&1, {:by, :sys})) == {{:by, :sys}, {:by, :sys}}
  end

  check "terminate does not run for who is killed or hears a signal that it does not trap" do
    assert terminated(&Process.exit(&1, :kill)) == {:nothing, :killed}
    assert terminated(&Process.exit(&1, :kill), true) == {:nothing, :killed}
    assert terminated(&Process.exit(&1, :boom)) == {:nothing, :boom}
  end

  check "terminate takes its time, and calls that wait fail at the end" do
    server = server({:stubborn, self(), :slow, 1000})
    assert_receive {:started, :slow, ^server}, 30_000
    ref = Process.monitor(server)
    GenServer.cast(server, {:stop, :enough})
    assert_receive {:terminated, :slow, ^server, :enough}, 30_000

    assert {:exit, {:enough, {GenServer, :call, [^server, :ping, 5000]}}} =
             caught(fn -> GenServer.call(server, :ping) end)

    assert down(ref) == :enough
  end

  # --- what is not there --------------------------------------------------------------------------

  check "who is not there: the caller, the monitor and the link" do
    dead = server()
    GenServer.stop(dead)
    assert {:exit, {:noproc, {GenServer, :call, [^dead, :ping, 5000]}}} = caught(fn -> GenServer.call(dead, :ping) end)
    assert down(Process.monitor(dead)) == :noproc
    puppet = puppet()
    tell(puppet, {:trap_exit, true})
    assert tell(puppet, {:link, dead}) == true
    assert forwarded(puppet) == {:EXIT, dead, :noproc}
    me = self()
    spawn(fn ->
      Process.flag(:trap_exit, true)
      linked = Process.link(dead)
      send(me, {linked, receive(do: (m -> m))})
    end)
    assert_receive {true, {:EXIT, ^dead, :noproc}}, 30_000
    assert GenServer.cast(dead, :x) == :ok
    assert Process.exit(dead, :x) == true
  end

  check "a node that is not there: the caller, the monitor and the link" do
    host = peer() |> to_string() |> String.split("@") |> List.last()
    nowhere = :"nobody_here@#{host}"
    puppet = puppet()
    assert tell(puppet, {:call, {:x, nowhere}, :ping, 5000}) ==
             {:caught, :exit, {{:nodedown, nowhere}, {GenServer, :call, [{:x, nowhere}, :ping, 5000]}}}

    ref = tell(puppet, {:monitor, {:x, nowhere}})
    assert forwarded(puppet) == {:DOWN, ref, :process, {:x, nowhere}, :noconnection}
    tell(puppet, {:trap_exit, true})
    pid = tell(puppet, {:spawn_link, nowhere, :m, :f, []})
    assert {:EXIT, ^pid, :noconnection} = forwarded(puppet)
    assert tell(puppet, {:rpc, nowhere, :m, :f, [], 1000}) == {:badrpc, :nodedown}
    assert tell(puppet, {:erpc, nowhere, :m, :f, [], 1000}) == {:caught, :error, {:erpc, :noconnection}}
  end

  # --- starts that fail -----------------------------------------------------------------------------

  check "an init that stops, ignores, or exits" do
    assert fun(:start_server, [:ignore]) == :ignore
    for reason <- [:normal, :shutdown, {:shutdown, 1}, :no, {:a, [1]}] do
      assert fun(:start_server, [{:stop, reason}]) == {:error, reason}
      assert fun(:start_server, [{:exit, reason}]) == {:error, reason}
    end
  end

  check "an init that raises has a stack that begins with it" do
    assert {:error, {%RuntimeError{message: "early"}, stack}} = fun(:start_server, [{:raise, "early"}])
    assert [{Conf.Server, :init, 1, _} | _] = stack
    assert_stack(stack)
  end

  check "an init that no clause is for" do
    assert {:error, {:function_clause, [{Conf.Server, :init, args, _} | _]}} = fun(:start_server, [:unheard_of])
    assert args in [1, [:unheard_of]]
  end

  check "an init that throws has returned" do
    assert fun(:start_server, [{:throw, :ball}]) == {:error, {:bad_return_value, :ball}}
    assert fun(:start_server, [{:throw, :ignore}]) == :ignore
    assert fun(:start_server, [{:throw, {:stop, :thrown}}]) == {:error, :thrown}
    assert {:ok, pid} = fun(:start_server, [{:throw_ok, 5}])
    assert GenServer.call(pid, :state) == 5
  end

  check "an init that returns nonsense" do
    for value <- [:nonsense, nil, {:ok}, {:reply, 1, 2}, {:ok, 1, :no_timeout}, {:ok, 1, -1}, [1]] do
      assert fun(:start_server, [{:bad, value}]) == {:error, {:bad_return_value, value}}
    end
  end

  check "an init that answers an error" do
    expected = if otp_there() >= 26, do: {:error, :quietly}, else: {:error, {:bad_return_value, {:error, :quietly}}}
    assert fun(:start_server, [{:bad, {:error, :quietly}}]) == expected
  end

  defp otp_there, do: remote(:erlang, :system_info, [:otp_release]) |> List.to_string() |> String.to_integer()

  check "an init that takes too long" do
    assert fun(:start_timeout, [{:sleep, 5000}, 30]) == {:error, :timeout}
    assert {:ok, pid} = fun(:start_timeout, [{:state, 1}, 5000])
    assert GenServer.call(pid, :ping) == :pong
  end

  check "a name that is taken, and one that a failed start has left" do
    name = unique(:failures)
    pid = named_server(name)
    # The init is not called: it would say so.
    assert fun(:start_server, [{:announce, self(), :again}, name]) == {:error, {:already_started, pid}}
    refute_received {:started, _, _}
    name = unique(:failures)

    for arg <- [{:stop, :no}, :ignore, {:raise, "x"}, {:exit, :y}, {:bad, 1}] do
      fun(:start_server, [arg, name])
      assert {:ok, pid} = fun(:start_server, [{:state, 1}, name])
      assert ended(pid, fn -> GenServer.stop(pid) end) in [:normal, :noproc]
    end

    global = {:global, unique(:failures)}
    pid = named_server(global)
    assert fun(:start_server, [{:state, 1}, global]) == {:error, {:already_started, pid}}
    key = unique(:failures)
    assert {:ok, pid} = fun(:registry_start, [{:state, 1}, key])
    assert fun(:registry_start, [{:state, 1}, key]) == {:error, {:already_started, pid}}
  end

  check "a start with options, and with what is no name" do
    for options <- [[hibernate_after: 20], [spawn_opt: [priority: :high]], [timeout: :infinity], [debug: [:log]]] do
      assert {{:ok, pid}, []} = fun(:start_link_server, [{:state, 1}, options])
      assert GenServer.call(pid, :ping) == :pong
    end

    pid = named_server(name = unique(:failures))
    assert fun(:start_link_server, [{:state, 1}, [name: name]]) == {{:error, {:already_started, pid}}, []}
    assert {:ok, nameless} = fun(:start_server, [{:state, 1}, nil])
    assert remote(:erlang, :process_info, [nameless, :registered_name]) == []

    for name <- ["text", 5, {:local, :x}] do
      assert {:badrpc, {:EXIT, {%ArgumentError{message: message}, [_ | _]}}} = fun(:start_server, [{:state, 1}, name])
      assert message =~ "expected :name option"
    end

    assert {:badrpc, {:EXIT, {:undef, [{:no_such_module, :whereis_name, [:x], []} | _]}}} =
             fun(:start_server, [{:state, 1}, {:via, :no_such_module, :x}])
  end

  check "a name is free when its process is known to be dead" do
    name = unique(:failures)

    for _ <- 1..20 do
      pid = named_server(name)
      assert ended(pid, fn -> Process.exit(pid, :kill) end) == :killed
    end

    puppet = puppet()
    tell(puppet, {:trap_exit, true})
    {:ok, pid} = fun(:start_server, [{:state, 1}, name])
    tell(puppet, {:link, pid})
    Process.exit(pid, :kill)
    assert {:EXIT, ^pid, :killed} = forwarded(puppet)
    assert tell(puppet, {:register, name}) == true
  end

  check "start_link that fails, from a process that traps exits" do
    kept = otp_there() < 26

    for {arg, expected} <- [
          {{:stop, :no}, {:error, :no}},
          {{:exit, :out}, {:error, :out}},
          {{:bad, 7}, {:error, {:bad_return_value, 7}}},
          {{:stop, :normal}, {:error, :normal}},
          {:ignore, :ignore}
        ] do
      assert {^expected, exits} = fun(:start_link_server, [arg, []])
      assert exits == [] or kept
    end

    assert {{:error, {%RuntimeError{message: "m"}, [_ | _]}}, exits} = fun(:start_link_server, [{:raise, "m"}, []])
    assert exits == [] or kept
    assert {{:error, :timeout}, exits} = fun(:start_link_server, [{:sleep, 5000}, [timeout: 30]])
    assert exits == [] or kept
    assert {{:ok, pid}, []} = fun(:start_link_server, [{:state, 1}, []])
    assert node(pid) == peer()
  end

  check "start_link that fails ends a parent that does not trap" do
    for {arg, test} <- [
          {{:stop, :no}, &(&1 == :no)},
          {{:raise, "m"}, &match?({%RuntimeError{message: "m"}, _}, &1)},
          {{:exit, :out}, &(&1 == :out)}
        ] do
      {_, ref} = Node.spawn_monitor(peer(), Conf.Server, :start_link, [arg])
      reason = down(ref)
      # Before OTP 26 it may have returned when the signal comes.
      assert test.(reason) or (otp_there() < 26 and reason == :normal), inspect(reason)
    end

    for arg <- [:ignore, {:stop, :normal}, {:state, 1}] do
      {_, ref} = Node.spawn_monitor(peer(), Conf.Server, :start_link, [arg])
      assert down(ref) == :normal
    end
  end

  # --- parents --------------------------------------------------------------------------------

  check "a linked process that ends takes the server along, but not with normal" do
    for {reason, effect} <- [boom: :boom, shutdown: :shutdown] do
      {puppet, server} = {puppet(), server()}
      tell(puppet, {:link, server})
      assert ended(server, fn -> order(puppet, {:die, reason}) end) == effect
    end

    {puppet, server} = {puppet(), server()}
    tell(puppet, {:link, server})
    ended(puppet, fn -> order(puppet, :return) end)
    assert GenServer.call(server, :ping) == :pong
  end

  check "a server that traps hears of everybody's end but its parent's as a message" do
    {puppet, server} = {puppet(), server()}
    GenServer.call(server, {:trap_exit, true})
    tell(puppet, {:link, server})
    ended(puppet, fn -> order(puppet, {:die, :gone}) end)
    assert GenServer.call(server, :events) == [info: {:EXIT, puppet, :gone}]
  end

  check "the parent's end ends a server that traps, a normal end, too" do
    # What is spawned is the parent: it starts the server, and returns.
    {_, ref} = Node.spawn_monitor(peer(), Conf.Server, :start_link, [{:announce, self(), :child}])
    assert down(ref) == :normal
    assert_receive {:started, :child, server}, 30_000
    assert_receive {:terminated, :child, ^server, :normal}, 30_000
    {_, ref} = Node.spawn_monitor(peer(), Conf.Server, :start_link, [{:announce_notrap, self(), :other}])
    assert down(ref) == :normal
    assert_receive {:started, :other, server}, 30_000
    assert GenServer.call(server, :ping) == :pong
  end

  check "a child that traps runs terminate when its supervisor is killed" do
    sup = supervisor(%{}, [spec(:a, {:announce, self(), :child})])
    assert_receive {:started, :child, child}, 30_000
    ref = Process.monitor(child)
    Process.exit(sup, :kill)
    assert_receive {:terminated, :child, ^child, :killed}, 30_000
    assert down(ref) == :killed
  end

  # --- who fails of whom --------------------------------------------------------------------------

  check "a server whose own call fails answers what it caught" do
    server = server()
    other = server()

    assert {:caught, :exit, {{%RuntimeError{message: "conf crash"}, [_ | _]}, {GenServer, :call, [^other, :crash, 5000]}}} =
             GenServer.call(server, {:call, other, :crash, 5000})

    assert GenServer.call(server, {:call, other, :ping, 5000}) ==
             {:caught, :exit, {:noproc, {GenServer, :call, [other, :ping, 5000]}}}

    other = server()

    assert GenServer.call(server, {:call, other, {:sleep, 500}, 20}) ==
             {:caught, :exit, {:timeout, {GenServer, :call, [other, {:sleep, 500}, 20]}}}

    assert GenServer.call(server, :events) == []
  end

  # --- status and reports -----------------------------------------------------------------------------

  check "format_status hides the state from sys" do
    server = server({:state, {:secret, 1}})
    assert {:status, ^server, {:module, :gen_server}, [_, :running, _, _, misc]} = :sys.get_status(server)
    assert [{:formatted, {:secret, 1}}] = for({:data, data} <- misc, {~c"State", state} <- data, do: state)
  end

  # A process here is the group leader of what is spawned there: reports go to the logger_proxy of its node.
  check "a crash is logged where its group leader is", alone: true do
    me = self()
    proxy = Process.whereis(:logger_proxy)
    Process.unregister(:logger_proxy)
    Process.register(self(), :logger_proxy)

    try do
      leader = spawn(fn -> Process.sleep(:infinity) end)
      spawn(fn ->
        Process.group_leader(self(), leader)
        {:ok, pid} = :rpc.call(peer(), Conf.Fun, :start_server, [{:state, :seen}])
        send(me, {:pid, pid})
      end)

      assert_receive {:pid, pid}, 30_000
      assert GenServer.call(pid, :group_leader) == leader
      GenServer.cast(pid, :crash)
      assert {:log, :error, report, meta} = logged(:gen_server, pid)
      assert %{label: {:gen_server, :terminate}, name: ^pid, state: {:formatted, :seen}} = report
      assert report.last_message == {:"$gen_cast", :crash}
      assert {%RuntimeError{message: "conf crash"}, [_ | _]} = report.reason
      assert %{gl: ^leader} = meta
      assert {:log, :error, %{label: {:proc_lib, :crash}, report: [info, _]}, _} = logged(:proc_lib, pid)
      assert info[:pid] == pid
      assert {:error, %RuntimeError{}, [_ | _]} = info[:error_info]
      assert info[:registered_name] == []
      assert {Conf.Server, :init, _} = info[:initial_call]
    after
      Process.unregister(:logger_proxy)
      Process.register(proxy, :logger_proxy)
    end
  end

  # The checks before may have crashes of their own to tell of.
  defp logged(kind, pid) do
    receive do
      {:log, _, %{label: {^kind, _}}, %{pid: ^pid}} = event -> event
    after
      30_000 -> raise "nothing of #{kind} was logged: #{inspect(mailbox(0))}"
    end
  end
end
