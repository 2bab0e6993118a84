# rpc and erpc: answers, the three classes told apart, what is not there, casts, and the old protocol of `rex`.

defmodule Area.Rpc do
  use Suite

  defp call(f, a \\ []), do: :rpc.call(peer(), Conf.Fun, f, a)
  defp ecall(f, a \\ []), do: :erpc.call(peer(), Conf.Fun, f, a)
  defp nowhere, do: :"nowhere@#{peer() |> to_string() |> String.split("@") |> List.last()}"

  # --- answers --------------------------------------------------------------------------

  check "a call has the value" do
    assert call(:add, [2, 3]) == 5
    assert ecall(:add, [2, 3]) == 5
    assert ecall(:ping) == :pong
    assert call(:pair, [%{a: [1.5, "x"]}]) == {%{a: [1.5, "x"]}, %{a: [1.5, "x"]}}
    assert ecall(:identity, [nil]) == nil
    assert call(:size, [String.duplicate("x", 70_000)]) == {:size, 70_000}
    assert byte_size(ecall(:blob, [3_000_000])) == 3_000_000
  end

  check "values that look like failures are values" do
    for value <- [{:badrpc, :nodedown}, {:EXIT, :x, :y}, {:error, :y}, {:return, 1}, {:throw, 1}] do
      assert call(:identity, [value]) == value
      assert ecall(:identity, [value]) == value
    end

    # As it was when rpc caught what it called.
    assert call(:identity, [{:EXIT, :x}]) == {:badrpc, {:EXIT, :x}}
    assert ecall(:identity, [{:EXIT, :x}]) == {:EXIT, :x}
    tuple = [node(), :erlang, :list_to_tuple, [[:EXIT, :x]], 5000]
    assert tell(puppet(), List.to_tuple([:rpc | tuple])) == {:badrpc, {:EXIT, :x}}
    assert tell(puppet(), List.to_tuple([:erpc | tuple])) == {:EXIT, :x}
  end

  check "each call runs in a process of its own, on that node" do
    pids = for _ <- 1..5, do: call(:self)
    assert length(Enum.uniq(pids)) == 5
    assert Enum.all?(pids, &(node(&1) == peer()))
    assert ecall(:node) == peer()
    pid = ecall(:self)
    assert eventually(fn -> remote(:erlang, :is_process_alive, [pid]) == false end)
  end

  check "a call has the caller's group leader" do
    mine = Process.group_leader()
    assert call(:group_leader) == mine
    assert ecall(:group_leader) == mine
    leader = spawn(fn -> Process.sleep(:infinity) end)
    task = Task.async(fn ->
      Process.group_leader(self(), leader)
      {call(:group_leader), ecall(:group_leader)}
    end)
    assert Task.await(task, 30_000) == {leader, leader}
  end

  check "many calls at once" do
    results = Task.async_stream(1..150, &ecall(:add, [&1, 1]), max_concurrency: 40, timeout: 30_000)
    assert Enum.map(results, fn {:ok, n} -> n end) == Enum.to_list(2..151)
  end

  check "a call of a function" do
    assert :erpc.call(peer(), capture(:ping, 0)) == :pong
    assert :erpc.call(peer(), :erlang, :apply, [capture(:add, 2), [1, 2]]) == 3
    assert :rpc.call(peer(), :erlang, :apply, [Conf.Fun, :add, [1, 2]]) == 3
    assert catch_error(:erpc.call(peer(), capture(:no_such, 0))) |> elem(1) == :undef
  end

  # --- the three classes -------------------------------------------------------------------

  check "rpc: a thrown value is the value" do
    assert call(:throw, [:ball]) == :ball
    assert call(:throw, [{:error, 1}]) == {:error, 1}
    assert call(:throw, [{:EXIT, :thrown}]) == {:badrpc, {:EXIT, :thrown}}
  end

  check "rpc: an exit is badrpc" do
    for reason <- [:boom, :normal, :shutdown, {:shutdown, 1}, {:a, [1]}, :kill] do
      assert call(:exit, [reason]) == {:badrpc, {:EXIT, reason}}
    end
  end

  check "rpc: an error has its stack" do
    assert {:badrpc, {:EXIT, {:bad_thing, [{Conf.Fun, :error, _, _} | _]}}} = call(:error, [:bad_thing])
    assert {:badrpc, {:EXIT, {%RuntimeError{message: "oh"}, [_ | _] = stack}}} = call(:raise, ["oh"])
    refute Enum.any?(stack, fn {m, _, _, _} -> m in [:erpc, :rpc] end)
    assert {:badrpc, {:EXIT, {:badarith, [_ | _]}}} = call(:add, [1, :a])
  end

  check "erpc: throw, exit and error are themselves" do
    assert caught(fn -> ecall(:throw, [{:ball, 1}]) end) == {:throw, {:ball, 1}}
    for reason <- [:boom, :normal, {:shutdown, 1}] do
      assert caught(fn -> ecall(:exit, [reason]) end) == {:exit, {:exception, reason}}
    end
    assert {:error, {:exception, :bad_thing, [{Conf.Fun, :error, _, _} | _]}} =
             caught(fn -> ecall(:error, [:bad_thing]) end)
    assert {:error, {:exception, %RuntimeError{message: "oh"}, [_ | _]}} = caught(fn -> ecall(:raise, ["oh"]) end)
    assert {:error, {:exception, :badarith, [_ | _]}} = caught(fn -> ecall(:add, [1, :a]) end)
  end

  check "the stack is cut at what was called" do
    {:error, {:exception, :why, stack}} = caught(fn -> ecall(:error, [:why]) end)
    assert length(stack) <= 2
    refute Enum.any?(stack, fn {m, _, _, _} -> m in [:erpc, :rpc, :proc_lib] end)
    for {_, _, _, location} <- stack, do: assert(Keyword.keyword?(location))
  end

  check "what is not there has its arguments in the stack, and nothing below" do
    for {m, f, a} <- [{Conf.Fun, :no_such, [1, "two"]}, {:no_such_module, :f, []}, {Conf.Fun, :ping, [1]}] do
      assert :rpc.call(peer(), m, f, a) == {:badrpc, {:EXIT, {:undef, [{m, f, a, []}]}}}
      assert caught(fn -> :erpc.call(peer(), m, f, a) end) == {:error, {:exception, :undef, [{m, f, a, []}]}}
    end
  end

  # --- nodes and times --------------------------------------------------------------------------

  check "a node that is not there" do
    assert :rpc.call(nowhere(), Conf.Fun, :ping, []) == {:badrpc, :nodedown}
    assert caught(fn -> :erpc.call(nowhere(), Conf.Fun, :ping, []) end) == {:error, {:erpc, :noconnection}}
    puppet = puppet()
    assert tell(puppet, {:rpc, nowhere(), :m, :f, [], 5000}) == {:badrpc, :nodedown}
    assert tell(puppet, {:erpc, nowhere(), :m, :f, [], 5000}) == {:caught, :error, {:erpc, :noconnection}}
  end

  check "a call that takes too long leaves nothing" do
    assert :rpc.call(peer(), Conf.Fun, :sleep, [400], 20) == {:badrpc, :timeout}
    assert caught(fn -> :erpc.call(peer(), Conf.Fun, :sleep, [400], 20) end) == {:error, {:erpc, :timeout}}
    assert :rpc.call(peer(), Conf.Fun, :sleep, [20], 30_000) == :slept
    assert :erpc.call(peer(), Conf.Fun, :sleep, [20], 30_000) == :slept
    assert mailbox(600) == []
  end

  check "a process that is killed while it is called" do
    me = self()
    for {signal, seen} <- [kill: :killed, boom: :boom] do
      task = Task.async(fn -> :rpc.call(peer(), Conf.Fun, :notify_hang, [me, :up]) end)
      assert_receive {:up, pid}, 30_000
      Process.exit(pid, signal)
      assert Task.await(task, 30_000) == {:badrpc, {:EXIT, seen}}
      task = Task.async(fn -> caught(fn -> :erpc.call(peer(), Conf.Fun, :notify_hang, [me, :up]) end) end)
      assert_receive {:up, pid}, 30_000
      Process.exit(pid, signal)
      assert Task.await(task, 30_000) == {:exit, {:signal, seen}}
    end
  end

  check "a call does not trap exits" do
    assert :rpc.call(peer(), :erlang, :process_info, [fun(:puppet, [self()]), :trap_exit]) == {:trap_exit, false}
    me = self()
    task = Task.async(fn -> call(:notify_hang, [me, :up]) end)
    assert_receive {:up, pid}, 30_000
    assert remote(:erlang, :process_info, [pid, :trap_exit]) == {:trap_exit, false}
    Process.exit(pid, :normal)
    assert remote(:erlang, :is_process_alive, [pid])
    Process.exit(pid, :kill)
    Task.await(task, 30_000)
  end

  check "the end of the caller does not end what was called" do
    me = self()
    caller = spawn(fn -> call(:notify_hang, [me, :up]) end)
    assert_receive {:up, pid}, 30_000
    ended(caller, fn -> Process.exit(caller, :kill) end)
    assert remote(:erlang, :is_process_alive, [pid])
    Process.exit(pid, :kill)
  end

  # --- several, later, and not at all ---------------------------------------------------------------

  check "requests of erpc are received, waited for and looked for" do
    id = :erpc.send_request(peer(), Conf.Fun, :add, [1, 2])
    assert :erpc.receive_response(id, 30_000) == 3
    id = :erpc.send_request(peer(), Conf.Fun, :sleep, [800])
    assert :erpc.wait_response(id, 0) == :no_response
    assert :erpc.wait_response(id, 30_000) == {:response, :slept}
    id = :erpc.send_request(peer(), Conf.Fun, :ping, [])
    assert :erpc.check_response(:unrelated, id) == :no_response
    message = receive(do: (message -> message))
    assert :erpc.check_response(message, id) == {:response, :pong}
    id = :erpc.send_request(peer(), Conf.Fun, :throw, [1])
    assert caught(fn -> :erpc.receive_response(id, 30_000) end) == {:throw, 1}
    id = :erpc.send_request(peer(), Conf.Fun, :sleep, [400])
    assert caught(fn -> :erpc.receive_response(id, 10) end) == {:error, {:erpc, :timeout}}
    assert mailbox(600) == []
  end

  check "requests of erpc are collected" do
    ids = :erpc.reqids_new()
    ids = :erpc.send_request(peer(), Conf.Fun, :sleep_then, [800, :slow], :a, ids)
    ids = :erpc.send_request(peer(), Conf.Fun, :ping, [], :b, ids)
    assert {:pong, :b, ids} = :erpc.receive_response(ids, 30_000, true)
    assert {:slow, :a, ids} = :erpc.receive_response(ids, 30_000, true)
    assert :erpc.receive_response(ids, 30_000, true) == :no_request
  end

  check "multicall of rpc has the results and the bad nodes" do
    peer = peer()
    assert :rpc.multicall([peer], Conf.Fun, :add, [1, 2]) == {[3], []}
    assert :rpc.multicall([peer, nowhere()], Conf.Fun, :ping, []) == {[:pong], [nowhere()]}
    assert {[{:badrpc, {:EXIT, :out}}], []} = :rpc.multicall([peer], Conf.Fun, :exit, [:out])
    assert :rpc.multicall([peer], Conf.Fun, :throw, [:ball]) == {[:ball], []}
    assert {[{:badrpc, {:EXIT, {:undef, _}}}], []} = :rpc.multicall([peer], Conf.Fun, :no_such, [])
    assert :rpc.multicall([peer], Conf.Fun, :sleep, [500], 20) |> elem(0) |> Enum.all?(&(&1 == {:badrpc, :timeout}))
    assert :rpc.multicall([node(), peer], :erlang, :node, []) == {[node(), peer], []}
    assert mailbox(700) == []
  end

  check "multicall of erpc has a result for each node" do
    peer = peer()
    assert :erpc.multicall([peer, peer], Conf.Fun, :add, [1, 2]) == [ok: 3, ok: 3]
    assert :erpc.multicall([nowhere(), peer], Conf.Fun, :ping, []) == [error: {:erpc, :noconnection}, ok: :pong]
    assert :erpc.multicall([peer], Conf.Fun, :throw, [1]) == [throw: 1]
    assert :erpc.multicall([peer], Conf.Fun, :exit, [1]) == [exit: {:exception, 1}]
    assert [error: {:exception, :e, [_ | _]}] = :erpc.multicall([peer], Conf.Fun, :error, [:e])
    assert :erpc.multicall([peer], Conf.Fun, :sleep, [500], 20) == [error: {:erpc, :timeout}]
    assert :erpc.multicall([peer], capture(:ping, 0)) == [ok: :pong]
  end

  check "casts run and answer nothing" do
    peer = peer()
    assert :rpc.cast(peer, Conf.Fun, :notify_self, [self(), :rpc]) == true
    assert_receive {:rpc, pid}, 30_000
    assert node(pid) == peer
    assert :erpc.cast(peer, Conf.Fun, :notify_self, [self(), :erpc]) == :ok
    assert_receive {:erpc, _}, 30_000
    assert :erpc.multicast([peer, nowhere()], Conf.Fun, :notify_self, [self(), :multi]) == :ok
    assert_receive {:multi, _}, 30_000
    assert :rpc.cast(nowhere(), Conf.Fun, :ping, []) == true
    for f <- [:error, :exit, :throw, :no_such], do: assert(:erpc.cast(peer, Conf.Fun, f, [1]) == :ok)
    assert ecall(:ping) == :pong
    assert mailbox(50) == []
  end

  check "eval_everywhere, abcast, sbcast" do
    peer = peer()
    assert :rpc.eval_everywhere([peer], Conf.Fun, :notify_self, [self(), :everywhere]) == :abcast
    assert_receive {:everywhere, _}, 30_000
    puppet = puppet()
    name = unique(:bcast)
    tell(puppet, {:register, name})
    assert :rpc.abcast([peer], name, {:abcast, 1}) == :abcast
    assert forwarded(puppet) == {:abcast, 1}
    assert :rpc.sbcast([peer], name, {:sbcast, 2}) == {[peer], []}
    assert forwarded(puppet) == {:sbcast, 2}
    assert :rpc.sbcast([peer], unique(:nobody), :x) == {[], [peer]}
  end

  check "async_call, yield and nb_yield" do
    key = :rpc.async_call(peer(), Conf.Fun, :sleep_then, [800, :done])
    assert :rpc.nb_yield(key, 0) == :timeout
    assert :rpc.yield(key) == :done
    key = :rpc.async_call(peer(), Conf.Fun, :exit, [:out])
    assert :rpc.nb_yield(key, 30_000) == {:value, {:badrpc, {:EXIT, :out}}}
  end

  check "block_call, and a server_call to nobody" do
    assert :rpc.block_call(peer(), Conf.Fun, :add, [1, 2]) == 3
    assert :rpc.block_call(peer(), Conf.Fun, :exit, [:out]) == {:badrpc, {:EXIT, :out}}
    assert :rpc.block_call(peer(), Conf.Fun, :throw, [:ball]) == :ball
    assert :rpc.block_call(peer(), Conf.Fun, :throw, [{:EXIT, 1}]) == {:badrpc, {:EXIT, 1}}
    assert :rpc.server_call(peer(), :conf_rpc_nobody, :wrap, :x) |> elem(0) == :error
  end

  # --- the spawn request below --------------------------------------------------------------------------

  # The reason that a process ends with which runs execute_call, as erpc spawns it.
  defp executed(f, a) do
    ref = make_ref()
    {_, monitor} = :erlang.spawn_opt(peer(), :erpc, :execute_call, [ref, Conf.Fun, f, a], [:monitor])
    {ref, down(monitor)}
  end

  check "the answer of execute_call is its exit reason" do
    assert {ref, {ref, :return, 3}} = executed(:add, [1, 2])
    assert {ref, {ref, :throw, :ball}} = executed(:throw, [:ball])
    assert {ref, {ref, :exit, :out}} = executed(:exit, [:out])
    assert {ref, {ref, :error, :why, [{Conf.Fun, :error, _, _} | _]}} = executed(:error, [:why])
    assert {ref, {ref, :error, :undef, [{Conf.Fun, :no_such, [1], []}]}} = executed(:no_such, [1])
  end

  check "spawn requests with and without answers" do
    id = :erlang.spawn_request(peer(), Conf.Fun, :notify_self, [self(), :up], [:monitor])
    assert_receive {:spawn_reply, ^id, :ok, pid}, 30_000
    assert_receive {:up, ^pid}, 30_000
    assert_receive {:DOWN, ^id, :process, ^pid, :normal}, 30_000
    id = :erlang.spawn_request(peer(), Conf.Fun, :ping, [], [:no_such_option])
    assert_receive {:spawn_reply, ^id, :error, :badopt}, 30_000
    id = :erlang.spawn_request(peer(), Conf.Fun, :ping, [], reply_tag: :mine)
    assert_receive {:mine, ^id, :ok, _}, 30_000
    id = :erlang.spawn_request(peer(), Conf.Fun, :notify_self, [self(), :quiet], reply: :error_only)
    assert_receive {:quiet, _}, 30_000
    refute_received {:spawn_reply, ^id, _, _}
    id = :erlang.spawn_request(nowhere(), Conf.Fun, :ping, [], [])
    assert_receive {:spawn_reply, ^id, :error, :noconnection}, 30_000
  end

  # --- rex -------------------------------------------------------------------------------------------------

  defp rex(request, timeout \\ 5000), do: GenServer.call(at(:rex), request, timeout)

  check "rex answers calls" do
    gl = Process.group_leader()
    assert rex({:call, Conf.Fun, :add, [1, 2], gl}) == 3
    assert rex({:call, Conf.Fun, :group_leader, [], gl}) == gl
    assert rex({:call, Conf.Fun, :throw, [:ball], gl}) == :ball
    # What these mean is for the caller to say.
    assert rex({:call, Conf.Fun, :throw, [{:EXIT, 1}], gl}) == {:EXIT, 1}
    assert rex({:call, Conf.Fun, :identity, [{:EXIT, 1}], gl}) == {:EXIT, 1}
    assert rex({:call, Conf.Fun, :exit, [:out], gl}) == {:badrpc, {:EXIT, :out}}
    assert {:badrpc, {:EXIT, {:why, [{Conf.Fun, :error, _, _} | _]}}} = rex({:call, Conf.Fun, :error, [:why], gl})
    assert {:badrpc, {:EXIT, {:undef, [{Conf.Fun, :no_such, [1], []} | _]}}} = rex({:call, Conf.Fun, :no_such, [1], gl})
  end

  check "rex answers calls that block it" do
    gl = Process.group_leader()
    assert rex({:block_call, Conf.Fun, :add, [1, 2], gl}) == 3
    assert rex({:block_call, Conf.Fun, :throw, [:ball], gl}) == :ball
    assert rex({:block_call, Conf.Fun, :exit, [:out], gl}) == {:badrpc, {:EXIT, :out}}
    assert {:badrpc, {:EXIT, {:undef, _}}} = rex({:block_call, Conf.Fun, :no_such, [], gl})
  end

  check "a call of rex does not wait for another" do
    gl = Process.group_leader()
    me = self()
    task = Task.async(fn -> rex({:call, Conf.Fun, :notify_hang, [me, :up], gl}, 60_000) end)
    assert_receive {:up, pid}, 30_000
    assert rex({:call, Conf.Fun, :ping, [], gl}) == :pong
    assert Task.yield(task, 0) == nil
    Process.exit(pid, :enough)
    assert Task.await(task, 30_000) == {:badrpc, {:EXIT, :enough}}
  end

  check "rex takes casts" do
    GenServer.cast(at(:rex), {:cast, Conf.Fun, :notify_self, [self(), :cast], Process.group_leader()})
    assert_receive {:cast, pid}, 30_000
    assert node(pid) == peer()
    GenServer.cast(at(:rex), {:cast, Conf.Fun, :exit, [:out], Process.group_leader()})
    assert rex({:call, Conf.Fun, :ping, [], Process.group_leader()}) == :pong
  end

  check "messages to rex that are no calls" do
    gl = Process.group_leader()
    me = self()
    send(at(:rex), {me, {:call, Conf.Fun, :add, [1, 2], gl}})
    assert_receive {:rex, 3}, 30_000
    send(at(:rex), {me, {:call, Conf.Fun, :exit, [:out], gl}})
    assert_receive {:rex, {:badrpc, {:EXIT, :out}}}, 30_000
    send(at(:rex), {me, :features_request})
    peer = peer()
    assert_receive {:features_reply, ^peer, [:erpc]}, 30_000
    puppet = puppet()
    name = unique(:rex)
    tell(puppet, {:register, name})
    send(at(:rex), {me, {:sbcast, name, {:said, 1}}})
    assert_receive {:rex, ^peer, ^peer}, 30_000
    assert forwarded(puppet) == {:said, 1}
    nobody = unique(:nobody)
    send(at(:rex), {me, {:sbcast, nobody, 1}})
    assert_receive {:rex, ^peer, {:nonexisting_name, ^nobody}}, 30_000
    send(at(:rex), {me, {:send, name, {:sent, 2}}})
    assert forwarded(puppet) == {me, {:sent, 2}}
    send(at(:rex), {me, {:send, nobody, 1}})
    assert_receive {:rex, ^peer, {:nonexisting_name, ^nobody}}, 30_000
    assert mailbox(50) == []
  end

  check "rex takes no harm from what it does not know" do
    for message <- [:unknown, {self(), :unknown}, {:a, :b, :c}, {self(), {:call, 1}}], do: send(at(:rex), message)
    GenServer.cast(at(:rex), :unknown)
    assert rex({:call, Conf.Fun, :ping, [], Process.group_leader()}) == :pong
  end

  # --- calls from the peer ----------------------------------------------------------------------------------

  check "a process there calls functions here" do
    puppet = puppet()
    here = node()
    for kind <- [:rpc, :erpc] do
      assert tell(puppet, {kind, here, :erlang, :abs, [-3], 5000}) == 3
      assert tell(puppet, {kind, here, :erlang, :node, [], :infinity}) == here
      assert tell(puppet, {kind, peer(), Conf.Fun, :add, [1, 2], 5000}) == 3
    end
  end

  check "a process there tells the three classes apart, too" do
    puppet = puppet()
    here = node()
    rpc = fn f, a -> tell(puppet, {:rpc, here, :erlang, f, a, 5000}) end
    erpc = fn f, a -> tell(puppet, {:erpc, here, :erlang, f, a, 5000}) end
    assert rpc.(:throw, [:ball]) == :ball
    assert rpc.(:exit, [:out]) == {:badrpc, {:EXIT, :out}}
    assert {:badrpc, {:EXIT, {:why, stack}}} = rpc.(:error, [:why])
    assert is_list(stack)
    assert rpc.(:no_such_function, [1]) == {:badrpc, {:EXIT, {:undef, [{:erlang, :no_such_function, [1], []}]}}}
    assert erpc.(:throw, [:ball]) == {:caught, :throw, :ball}
    assert erpc.(:exit, [:out]) == {:caught, :exit, {:exception, :out}}
    assert {:caught, :error, {:exception, :why, _}} = erpc.(:error, [:why])
    assert {:caught, :error, {:exception, :undef, [{:erlang, :nope, [], []}]}} = erpc.(:nope, [])
  end

  check "a process there waits no longer than it says" do
    puppet = puppet()
    assert tell(puppet, {:rpc, node(), :timer, :sleep, [500], 20}) == {:badrpc, :timeout}
    assert tell(puppet, {:erpc, node(), :timer, :sleep, [500], 20}) == {:caught, :error, {:erpc, :timeout}}
    assert tell(puppet, {:rpc, node(), :timer, :sleep, [20], 30_000}) == :ok
    refute_receive {:fwd, ^puppet, _}, 700
  end

  check "what is no call is badarg" do
    puppet = puppet()
    for {node, args, timeout} <- [{node(), :no_list, 100}, {node(), [], -1}, {"no node", [], 100}] do
      assert tell(puppet, {:erpc, node, :m, :f, args, timeout}) == {:caught, :error, {:erpc, :badarg}}
      assert tell(puppet, {:rpc, node, :m, :f, args, timeout}) == {:caught, :error, :badarg}
    end
  end

  check "what it calls here is killed" do
    puppet = puppet()
    me = self()
    name = unique(:hangs)
    Process.register(self(), name)
    for {kind, expected} <- [rpc: {:badrpc, {:EXIT, :killed}}, erpc: {:caught, :exit, {:signal, :killed}}] do
      # A call of this process, which is never answered, hangs the one that makes it.
      asked = order(puppet, {kind, node(), GenServer, :call, [name, :hang, :infinity], 60_000})
      assert_receive {:"$gen_call", {pid, _}, :hang}, 30_000
      assert node(pid) == node(me)
      Process.exit(pid, :kill)
      assert answered(asked) == expected
    end
  end

  # --- the connection ------------------------------------------------------------------------------------------

  check "the connection is cut while a call waits", alone: true do
    me = self()
    rpc = Task.async(fn -> call(:notify_hang, [me, :up]) end)
    erpc = Task.async(fn -> caught(fn -> ecall(:notify_hang, [me, :up]) end) end)
    for _ <- 1..2, do: assert_receive({:up, _}, 30_000)
    puppet = puppet()
    name = unique(:hangs)
    Process.register(self(), name)
    asked = order(puppet, {:rpc, node(), GenServer, :call, [name, :hang, :infinity], 60_000})
    assert_receive {:"$gen_call", _, :hang}, 30_000
    assert Node.disconnect(peer())
    assert Task.await(rpc, 30_000) == {:badrpc, :nodedown}
    assert Task.await(erpc, 30_000) == {:error, {:erpc, :noconnection}}
    assert answered(asked) == {:badrpc, :nodedown}
    assert eventually(fn -> call(:ping) == :pong end)
  end
end
