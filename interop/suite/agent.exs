# Agents: what is asked of them by module, function and arguments and by function, and how they end.

defmodule Area.Agent do
  use Suite

  defp agent(state \\ 0, options \\ []) do
    {:ok, pid} = remote(Agent, :start, [Conf.Fun, :identity, [state], options])
    assert node(pid) == peer()
    pid
  end

  defp value(agent), do: Agent.get(agent, Conf.Fun, :identity, [])

  # How a request fails: the reason of the caller's exit, and of the agent's end.
  defp failed(agent, ask, request) do
    ref = Process.monitor(agent)
    assert {:exit, {reason, {GenServer, :call, [^agent, ^request, 5000]}}} = caught(ask)
    assert down(ref) == reason
    reason
  end

  defp update_failed(agent, function, args) do
    failed(agent, fn -> Agent.update(agent, Conf.Fun, function, args) end, {:update, {Conf.Fun, function, args}})
  end

  # A call as it is on the wire.
  defp raw(agent, request) do
    ref = make_ref()
    send(agent, {:"$gen_call", {self(), ref}, request})
    receive(do: ({^ref, answer} -> answer), after: (30_000 -> raise("no answer to #{inspect(request)}")))
  end

  # --- by module, function and arguments ------------------------------------------------------

  check "the state comes before the arguments" do
    agent = agent(:state)
    assert Agent.get(agent, Conf.Fun, :identity, []) == :state
    assert Agent.get(agent, Conf.Fun, :put, [:argument]) == :argument
    assert Agent.get(agent(40), Conf.Fun, :add, [2]) == 42
  end

  check "get leaves the state as it is" do
    agent = agent(1)
    assert Agent.get(agent, Conf.Fun, :add, [1]) == 2
    assert Agent.get(agent, Conf.Fun, :add, [1]) == 2
    assert value(agent) == 1
  end

  check "update answers ok and keeps what the function gives" do
    agent = agent(1)
    assert Agent.update(agent, Conf.Fun, :add, [10]) == :ok
    assert value(agent) == 11
    assert Agent.update(agent, Conf.Fun, :pair, []) == :ok
    assert value(agent) == {11, 11}
    assert Agent.update(agent, Conf.Fun, :put, [nil]) == :ok
    assert value(agent) == nil
  end

  check "get_and_update answers one and keeps the other" do
    agent = agent(1)
    assert Agent.get_and_update(agent, Conf.Fun, :incr_get, []) == 1
    assert Agent.get_and_update(agent, Conf.Fun, :incr_get, []) == 2
    assert value(agent) == 3
    assert Agent.get_and_update(agent, Conf.Fun, :put, [{:answer, :kept}]) == :answer
    assert value(agent) == :kept
  end

  check "cast is ok at once and done in order" do
    agent = agent(0)
    for n <- 1..100, do: assert(Agent.cast(agent, Conf.Fun, :add, [n]) == :ok)
    assert value(agent) == 5050
    assert Agent.cast(agent, Conf.Fun, :put, [:last]) == :ok
    assert value(agent) == :last
  end

  # --- by function -------------------------------------------------------------------------------

  check "functions of the peer's are given as functions" do
    agent = agent(5)
    assert Agent.get(agent, capture(:identity, 1)) == 5
    assert Agent.get(agent, capture(:pair, 1)) == {5, 5}
    assert Agent.update(agent, capture(:pair, 1)) == :ok
    assert Agent.get(agent, capture(:identity, 1)) == {5, 5}
    assert Agent.get_and_update(agent, capture(:identity, 1)) == 5
    assert Agent.get_and_update(agent, capture(:incr_get, 1)) == 5
    assert Agent.cast(agent, capture(:wrap_ok, 1)) == :ok
    assert value(agent) == :wrapped_ok
  end

  check "functions of erlang's are, too" do
    pid = server()
    agent = agent(pid)
    assert Agent.get(agent, &:erlang.is_process_alive/1) == true
    assert Agent.get(agent, &:erlang.node/1) == peer()
  end

  # --- starting ------------------------------------------------------------------------------------

  check "the agent of the peer starts with 0", alone: true do
    agent = at(:conf_agent)
    assert value(agent) == 0
    assert Agent.update(agent, Conf.Fun, :add, [3]) == :ok
    assert value(agent) == 3
    assert Agent.get_and_update(agent, Conf.Fun, :put, [{:was, 0}]) == :was
    assert value(agent) == 0
  end

  check "it is started again with 0 when it has crashed", alone: true do
    pid = remote(:erlang, :whereis, [:conf_agent])
    :ok = Agent.update(pid, Conf.Fun, :put, [7])
    assert ended(pid, fn -> Agent.cast(pid, Conf.Fun, :exit, []) end) == 7
    again = eventually(fn -> is_pid(new = remote(:erlang, :whereis, [:conf_agent])) and new != pid and new end)
    assert value(again) == 0
  end

  check "a supervisor starts agents" do
    name = unique(:agent)
    start = {Agent, :start_link, [Conf.Fun, :add, [1, 2], [name: name]]}
    {:ok, pid} = DynamicSupervisor.start_child(at(:conf_dyn), %{id: :a, start: start, restart: :temporary})
    assert value(at(name)) == 3
    assert value(pid) == 3
    assert DynamicSupervisor.terminate_child(at(:conf_dyn), pid) == :ok
    assert remote(:erlang, :whereis, [name]) == :undefined
  end

  check "without options, as a child of a supervisor that restarts it" do
    supervisor = supervisor(%{}, [%{id: :a, start: {Agent, :start_link, [Conf.Fun, :pair, [1]]}}])
    [{:a, pid, :worker, [Agent]}] = Supervisor.which_children(supervisor)
    assert value(pid) == {1, 1}
    :ok = Agent.update(pid, Conf.Fun, :put, [2])
    Process.exit(pid, :kill)
    again = eventually(fn -> restarted(supervisor, pid) end)
    assert value(again) == {1, 1}
  end

  defp restarted(supervisor, old) do
    [{:a, pid, _, _}] = Supervisor.which_children(supervisor)
    is_pid(pid) and pid != old and pid
  end

  check "a function that fails at the start" do
    assert remote(Agent, :start, [Conf.Fun, :exit, [:no]]) == {:error, :no}
    assert {:error, {:boom, [_ | _]}} = remote(Agent, :start, [Conf.Fun, :error, [:boom]])
    assert {:error, {:badarith, _}} = remote(Agent, :start, [Conf.Fun, :add, [:a, 1]])
    assert {:error, {:undef, [{Conf.Fun, :not_there, [1], _} | _]}} = remote(Agent, :start, [Conf.Fun, :not_there, [1]])
    assert {:error, {%RuntimeError{message: "m"}, _}} = remote(Agent, :start, [Conf.Fun, :raise, ["m"]])
  end

  check "a throw at the start is a bad return value" do
    assert remote(Agent, :start, [Conf.Fun, :throw, [:ball]]) == {:error, {:bad_return_value, :ball}}
  end

  check "a throw of what init may return is that, at the start" do
    {:ok, agent} = remote(Agent, :start, [Conf.Fun, :throw, [{:ok, 5}]])
    assert value(agent) == 5
    {:ok, agent} = remote(Agent, :start, [Conf.Fun, :throw, [{:ok, 6, :hibernate}]])
    assert value(agent) == 6
    assert remote(Agent, :start, [Conf.Fun, :throw, [:ignore]]) == :ignore
    assert remote(Agent, :start, [Conf.Fun, :throw, [{:stop, :why}]]) == {:error, :why}
    for bad <- [{:ok, 5, :soon}, {:ok, 5, -1}, [:ok, 5], {:noreply, 5}] do
      assert remote(Agent, :start, [Conf.Fun, :throw, [bad]]) == {:error, {:bad_return_value, bad}}
    end
  end

  check "a name that is taken" do
    name = unique(:agent)
    pid = agent(0, name: name)
    assert remote(Agent, :start, [Conf.Fun, :identity, [1], [name: name]]) == {:error, {:already_started, pid}}
    assert value(at(name)) == 0
  end

  check "global names" do
    key = {:agent, unique(:global)}
    pid = agent(1, name: {:global, key})
    assert eventually(fn -> :global.whereis_name(key) == pid end)
    assert value({:global, key}) == 1
    assert Agent.update({:via, :global, key}, Conf.Fun, :add, [1]) == :ok
    assert value(pid) == 2
  end

  # --- failures -----------------------------------------------------------------------------------

  check "an error in the function ends it" do
    agent = agent(:a)
    assert {:badarith, stack} = update_failed(agent, :add, [1])
    assert Enum.any?(stack, &match?({Conf.Fun, :add, 2, _}, &1))
    agent = agent(:boom)
    assert {:boom, [{_, _, _, _} | _]} = update_failed(agent, :error, [])
    agent = agent("message")
    assert {%RuntimeError{message: "message"}, [_ | _]} = update_failed(agent, :raise, [])
  end

  check "an exit in the function ends it with that" do
    for reason <- [:normal, :shutdown, {:shutdown, 1}, {:odd, "x"}] do
      assert update_failed(agent(reason), :exit, []) == reason
    end
  end

  check "a throw in the function is a bad return value" do
    assert update_failed(agent(:ball), :throw, []) == {:bad_return_value, :ball}
  end

  check "a throw of what a callback may return is that" do
    for reply <- [{:reply, :thrown, 7}, {:reply, :thrown, 7, 60_000}, {:reply, :thrown, 7, :hibernate}] do
      agent = agent(reply)
      assert Agent.get(agent, Conf.Fun, :throw, []) == :thrown
      assert value(agent) == 7
      Agent.update(agent, Conf.Fun, :put, [{:noreply, 8}])
      Agent.cast(agent, Conf.Fun, :throw, [])
      assert value(agent) == 8
    end
    agent = agent({:stop, :normal, :bye, 2})
    ref = Process.monitor(agent)
    assert Agent.get(agent, Conf.Fun, :throw, []) == :bye
    assert_receive {:DOWN, ^ref, _, _, :normal}, 30_000
    assert update_failed(agent({:stop, :why, 2}), :throw, []) == :why
    for bad <- [{:reply, 1}, {:reply, 1, 2, :soon}, {:reply, 1, 2, -1}, [:reply, 1, 2], {:noreply}] do
      assert update_failed(agent(bad), :throw, []) == {:bad_return_value, bad}
    end
  end

  check "get_and_update that gives no pair" do
    for bad <- [:bad, {1, 2, 3}, [1 | 2], nil] do
      agent = agent(0)
      request = {:get_and_update, {Conf.Fun, :put, [bad]}}
      asked = fn -> Agent.get_and_update(agent, Conf.Fun, :put, [bad]) end
      assert failed(agent, asked, request) == {:bad_return_value, bad}
    end
  end

  check "a function that is not there" do
    agent = agent(7)
    assert {:undef, [{Conf.Fun, :not_there, [7, :x], _} | _]} = update_failed(agent, :not_there, [:x])
    agent = agent(7)
    function = capture(:not_there, 1)
    assert {:undef, [{Conf.Fun, :not_there, [7], _} | _]} =
             failed(agent, fn -> Agent.get(agent, function) end, {:get, function})
  end

  check "a function of another arity" do
    agent = agent(7)
    function = capture(:add, 2)
    request = {:get, function}
    asked = fn -> GenServer.call(agent, request) end
    assert {{:badarity, {^function, [7]}}, [{Agent.Server, :run, 2, _} | _]} = failed(agent, asked, request)
  end

  check "a cast that fails is seen by who watches" do
    agent = agent(:a)
    assert {:badarith, [_ | _]} = ended(agent, fn -> Agent.cast(agent, Conf.Fun, :add, [1]) end)
    agent = agent({:shutdown, :x})
    assert ended(agent, fn -> Agent.cast(agent, capture(:exit, 1)) end) == {:shutdown, :x}
    agent = agent(:ball)
    assert ended(agent, fn -> Agent.cast(agent, Conf.Fun, :throw, []) end) == {:bad_return_value, :ball}
  end

  check "what was asked before a crash is answered, what comes after is not" do
    agent = agent(1000)
    asked = for n <- 1..3, do: Task.async(fn -> caught(fn -> Agent.get(agent, Conf.Fun, :put, [n]) end) end)
    assert Task.await_many(asked, 30_000) == [ok: 1, ok: 2, ok: 3]
    Agent.cast(agent, Conf.Fun, :sleep, [])
    Agent.cast(agent, Conf.Fun, :exit, [])
    assert {:exit, {:slept, {GenServer, :call, _}}} = caught(fn -> value(agent) end)
  end

  check "an agent that is gone, and a name nobody has" do
    agent = agent()
    :ok = Agent.stop(agent)
    request = {:get, {Conf.Fun, :identity, []}}

    for gone <- [agent, at(unique(:nobody)), {:global, unique(:nobody)}] do
      assert {:exit, {:noproc, {GenServer, :call, [^gone, ^request, 5000]}}} = caught(fn -> value(gone) end)
      assert Agent.cast(gone, Conf.Fun, :identity, []) == :ok
    end
  end

  # --- time ------------------------------------------------------------------------------------------

  check "no answer in time, and none later" do
    agent = agent(500)
    request = {:get, {Conf.Fun, :sleep, []}}
    assert caught(fn -> Agent.get(agent, Conf.Fun, :sleep, [], 20) end) ==
             {:exit, {:timeout, {GenServer, :call, [agent, request, 20]}}}

    assert value(agent) == 500
    assert mailbox(50) == []
  end

  check "an update that was given up is done all the same" do
    agent = agent(500)
    assert {:exit, {:timeout, _}} = caught(fn -> Agent.update(agent, Conf.Fun, :sleep, [], 10) end)
    assert value(agent) == :slept
    agent = agent(80)
    assert Agent.get_and_update(agent, Conf.Fun, :sleep_then, [{:late, :kept}], :infinity) == :late
    assert value(agent) == :kept
  end

  check "a slow function keeps others waiting" do
    agent = agent(150)

    {time, :done} =
      :timer.tc(fn ->
        Agent.cast(agent, Conf.Fun, :sleep_then, [:done])
        value(agent)
      end)

    assert time >= 145_000
  end

  # --- the function runs in the agent --------------------------------------------------------------------

  check "it is the agent that runs it" do
    agent = agent(self())
    assert Agent.get(agent, Conf.Fun, :notify, [{:hello, 1}]) == {:hello, 1}
    assert_received {:hello, 1}
    assert Agent.get(agent, Conf.Fun, :notify_self, [:who]) == :ok
    assert_received {:who, ^agent}
    assert Agent.cast(agent, Conf.Fun, :notify_self, [:cast]) == :ok
    assert_receive {:cast, ^agent}, 30_000
  end

  check "its dictionary and what it is initially" do
    agent = agent(:x)
    {:dictionary, dictionary} = remote(:erlang, :process_info, [agent, :dictionary])
    assert List.keyfind(dictionary, :"$initial_call", 0) == {:"$initial_call", {Conf.Fun, :identity, 1}}
    assert {:"$ancestors", [_ | _]} = List.keyfind(dictionary, :"$ancestors", 0)
  end

  # --- the wire --------------------------------------------------------------------------------------------

  check "the requests as they are on the wire" do
    agent = agent(1)
    assert raw(agent, {:get, {Conf.Fun, :identity, []}}) == 1
    assert raw(agent, {:update, {Conf.Fun, :add, [1]}}) == :ok
    assert raw(agent, {:get_and_update, {Conf.Fun, :incr_get, []}}) == 2
    send(agent, {:"$gen_cast", {:cast, {Conf.Fun, :add, [10]}}})
    assert raw(agent, {:get, capture(:identity, 1)}) == 13
    alias = :erlang.alias([:reply])
    send(agent, {:"$gen_call", {self(), [:alias | alias]}, {:get, capture(:pair, 1)}})
    assert_receive {[:alias | ^alias], {13, 13}}, 30_000
  end

  check "other requests end it" do
    agent = agent()
    assert {:function_clause, [{Agent.Server, :handle_call, _, _} | _]} =
             failed(agent, fn -> GenServer.call(agent, :what) end, :what)

    agent = agent()
    assert {:function_clause, [{Agent.Server, :handle_cast, _, _} | _]} = ended(agent, fn -> GenServer.cast(agent, :what) end)
  end

  check "other messages do not" do
    agent = agent(1)
    send(agent, :what)
    send(agent, {:DOWN, make_ref(), :process, self(), :x})
    send(agent, {make_ref(), :late})
    assert value(agent) == 1
  end

  check "requests and multi_call" do
    agent = agent(3)
    id = :gen_server.send_request(agent, {:get, {Conf.Fun, :add, [4]}})
    assert :gen_server.receive_response(id, 30_000) == {:reply, 7}
    name = unique(:agent)
    agent(8, name: name)
    assert GenServer.multi_call([peer()], name, {:get, {Conf.Fun, :identity, []}}) == {[{peer(), 8}], []}
  end

  check "a process of the peer asks" do
    agent = agent(3)
    assert tell(puppet(), {:call, agent, {:get, {Conf.Fun, :add, [1]}}, 5000}) == 4
    assert tell(puppet(), {:cast, agent, {:cast, {Conf.Fun, :add, [1]}}}) == :ok
    assert eventually(fn -> value(agent) == 4 end)
  end

  check "an agent here is asked by a process of the peer" do
    {:ok, mine} = Agent.start_link(fn -> 3 end)
    assert tell(puppet(), {:call, mine, {:get, {Kernel, :+, [4]}}, 5000}) == 7
    assert tell(puppet(), {:call, mine, {:update, {List, :wrap, []}}, 5000}) == :ok
    assert Agent.get(mine, & &1) == [3]
  end

  # --- sys ------------------------------------------------------------------------------------------------

  check "sys shows the bare state" do
    agent = agent(%{a: 1})
    assert state(agent) == %{a: 1}
    assert {:status, ^agent, {:module, :gen_server}, [_, :running, _, _, [{:header, _} | _]]} = :sys.get_status(agent)
  end

  check "sys replaces the state" do
    agent = agent(1)
    assert unwrapped(:sys.replace_state(agent, capture(:pair, 1))) == {1, 1}
    assert value(agent) == {1, 1}
  end

  # As sys has it: OTP 25 takes the answer of newer releases for the state.
  defp unwrapped({:ok, state}), do: state
  defp unwrapped(state), do: state

  check "a suspended agent waits, and goes on" do
    agent = agent(1)
    assert :sys.suspend(agent) == :ok
    asked = Task.async(fn -> value(agent) end)
    queued(agent, 1)
    assert Task.yield(asked, 60) == nil
    Agent.cast(agent, Conf.Fun, :add, [1])
    assert state(agent) == 1
    assert :sys.resume(agent) == :ok
    assert Task.await(asked, 30_000) == 1
    assert value(agent) == 2
  end

  check "a change of code runs a function on the state" do
    agent = agent(1)
    assert :sys.suspend(agent) == :ok
    assert :sys.change_code(agent, Agent.Server, nil, {Conf.Fun, :add, [41]}) == :ok
    assert :sys.resume(agent) == :ok
    assert value(agent) == 42
  end

  # --- ends ------------------------------------------------------------------------------------------------

  check "stop is ok, whatever the reason" do
    for reason <- [:normal, :shutdown, :odd, {:shutdown, 1}] do
      agent = agent()
      assert ended(agent, fn -> assert Agent.stop(agent, reason) == :ok end) == reason
    end
  end

  check "stop waits for what comes before it" do
    agent = agent(100)
    me = self()
    Agent.cast(agent, Conf.Fun, :sleep_then, [me])
    Agent.cast(agent, Conf.Fun, :notify, [:done])
    assert Agent.stop(agent) == :ok
    assert_received :done
  end

  check "stop of what is not there, and of what is slow" do
    agent = agent(600)
    Agent.cast(agent, Conf.Fun, :sleep, [])
    assert {:exit, {:timeout, {GenServer, :stop, [^agent, :normal, 20]}}} = caught(fn -> Agent.stop(agent, :normal, 20) end)
    gone = at(unique(:nobody))
    assert {:exit, {:noproc, {GenServer, :stop, [^gone, :normal, :infinity]}}} = caught(fn -> Agent.stop(gone) end)
  end

  check "kill, and links" do
    agent = agent()
    assert ended(agent, fn -> Process.exit(agent, :kill) end) == :killed
    agent = agent()
    Process.flag(:trap_exit, true)
    Process.link(agent)
    Agent.cast(agent, Conf.Fun, :put, [:over])
    Agent.cast(agent, Conf.Fun, :exit, [])
    assert_receive {:EXIT, ^agent, :over}, 30_000
  end

  # --- terms and numbers ---------------------------------------------------------------------------------------

  check "states of every kind" do
    for state <- [1.5, -1, <<1::3>>, [1 | 2], {}, %{}, self(), make_ref(), "é", capture(:ping, 0), %{[1] => {2.0}}, Bitwise.bsl(1, 200)] do
      agent = agent(state)
      assert value(agent) === state
      assert Agent.update(agent, Conf.Fun, :pair, []) == :ok
      assert value(agent) === {state, state}
    end
  end

  check "a state of a million bytes" do
    agent = agent(1_000_000)
    assert Agent.update(agent, Conf.Fun, :blob, []) == :ok
    assert byte_size(value(agent)) == 1_000_000
    assert Agent.get(agent, Conf.Fun, :size, []) == {:size, 1_000_000}
  end

  check "many callers at once lose nothing" do
    agent = agent(0)
    1..200 |> Task.async_stream(fn _ -> Agent.update(agent, Conf.Fun, :add, [1]) end, max_concurrency: 50, timeout: 30_000) |> Stream.run()
    assert value(agent) == 200
    tickets = Task.async_stream(1..100, fn _ -> Agent.get_and_update(agent, Conf.Fun, :incr_get, []) end, max_concurrency: 50, timeout: 30_000)
    assert tickets |> Enum.map(&elem(&1, 1)) |> Enum.sort() == Enum.to_list(200..299)
  end
end
