# What the peer tells about itself: its processes, its node, its applications, and what it has never heard of.

defmodule Area.Info do
  use Suite

  @items [
    :current_function, :initial_call, :status, :message_queue_len, :links, :dictionary, :trap_exit, :error_handler,
    :priority, :group_leader, :total_heap_size, :heap_size, :stack_size, :reductions, :garbage_collection, :suspending
  ]

  defp erlang(function, args \\ []), do: remote(:erlang, function, args)
  defp info(pid), do: erlang(:process_info, [pid])
  defp info(pid, item), do: erlang(:process_info, [pid, item])
  defp application(function, args), do: remote(:application, function, args)
  defp running, do: for({name, _, _} <- application(:which_applications, []), do: name)

  # A server that has come to its first receive.
  defp waiting do
    pid = server()
    eventually(fn -> info(pid, :status) == {:status, :waiting} end)
    pid
  end

  defp assert_error({:badrpc, {:EXIT, {reason, [{_, _, _, _} | _]}}}, reason), do: :ok
  defp assert_error(other, reason), do: raise("not the error #{inspect(reason)}: #{inspect(other)}")

  # --- processes --------------------------------------------------------------------------------

  check "the items of a process without a name, in their order" do
    assert Keyword.keys(info(server())) == @items
    assert Keyword.keys(info(puppet())) == @items
  end

  check "a name comes first" do
    pid = erlang(:whereis, [:conf_counter])
    assert Keyword.keys(info(pid)) == [:registered_name | @items]
    assert info(pid)[:registered_name] == :conf_counter
  end

  check "what the items of a server are" do
    items = info(waiting())
    assert {_, _, _} = items[:current_function]
    assert {:proc_lib, :init_p, 5} = items[:initial_call]
    assert items[:status] == :waiting
    assert items[:message_queue_len] == 0
    assert items[:links] == []
    assert items[:trap_exit] == false
    assert items[:error_handler] == :error_handler
    assert items[:priority] == :normal
    assert is_pid(items[:group_leader])
    for key <- [:total_heap_size, :heap_size, :stack_size, :reductions], do: assert(is_integer(items[key]))
    assert is_list(items[:garbage_collection])
    assert items[:suspending] == []
    assert items[:dictionary][:"$initial_call"] == {Conf.Server, :init, 1}
    assert is_list(items[:dictionary][:"$ancestors"])
  end

  check "one item" do
    pid = waiting()
    assert info(pid, :message_queue_len) == {:message_queue_len, 0}
    assert info(pid, :registered_name) == []
    assert info(erlang(:whereis, [:conf_server]), :registered_name) == {:registered_name, :conf_server}
    assert info(pid, :trap_exit) == {:trap_exit, false}
    assert info(pid, :status) == {:status, :waiting}
  end

  check "items in the order asked for" do
    pid = waiting()
    assert [status: :waiting, links: [], trap_exit: false] = info(pid, [:status, :links, :trap_exit])
    assert [trap_exit: false, registered_name: [], links: []] = info(pid, [:trap_exit, :registered_name, :links])
    assert info(pid, []) == []
    assert [links: [], links: []] = info(pid, [:links, :links])
  end

  check "items tools read" do
    pid = server()
    items = [:memory, :monitors, :monitored_by, :messages, :current_stacktrace, :current_location, :binary, :group_leader]
    for item <- items, do: assert({^item, _} = info(pid, item))
    assert {:memory, bytes} = info(pid, :memory)
    assert is_integer(bytes) and bytes > 0
    assert {:current_stacktrace, stack} = info(pid, :current_stacktrace)
    assert is_list(stack)
    assert {:current_location, {m, f, a, location}} = info(pid, :current_location)
    assert is_atom(m) and is_atom(f) and is_integer(a) and is_list(location)
  end

  check "unknown items, pids of elsewhere and what is no pid" do
    pid = server()
    assert_error(info(pid, :no_such_item), :badarg)
    assert_error(info(pid, [:links, :no_such_item]), :badarg)
    assert_error(info(pid, "links"), :badarg)
    assert_error(info(self(), :links), :badarg)
    assert_error(info(self()), :badarg)
    assert_error(info(:conf_server), :badarg)
  end

  check "a process that is gone" do
    pid = server()
    GenServer.stop(pid)
    assert info(pid) == :undefined
    assert info(pid, :links) == :undefined
    assert info(pid, [:links, :status]) == :undefined
    refute erlang(:is_process_alive, [pid])
    refute pid in erlang(:processes)
  end

  check "links of both nodes" do
    pid = server()
    other = server()
    Process.link(pid)
    assert GenServer.call(pid, {:link, other})
    {:links, links} = info(pid, :links)
    assert Enum.sort(links) == Enum.sort([self(), other])
    assert info(other, :links) == {:links, [pid]}
    Process.unlink(pid)
    assert eventually(fn -> info(pid, :links) == {:links, [other]} end)
  end

  check "monitors, of pids and of names, and who is monitored" do
    {pid, other} = {server(), server()}
    name = unique(:monitored)
    named_server(name)
    GenServer.call(pid, {:monitor, other})
    GenServer.call(pid, {:monitor, self()})
    GenServer.call(pid, {:monitor, name})
    {:monitors, monitors} = info(pid, :monitors)
    assert Enum.sort(monitors) == Enum.sort(process: other, process: self(), process: at(name))
    assert info(other, :monitored_by) == {:monitored_by, [pid]}
    ref = Process.monitor(other)
    assert {:monitored_by, by} = info(other, :monitored_by)
    assert Enum.sort(by) == Enum.sort([pid, self()])
    Process.demonitor(ref)
    assert eventually(fn -> info(other, :monitored_by) == {:monitored_by, [pid]} end)
  end

  check "the messages that wait" do
    puppet = puppet()
    taking = order(puppet, {:take, :go, 30_000})
    queued(puppet, 0)
    for n <- 1..3, do: send(puppet, {:waits, n})
    queued(puppet, 3)
    assert info(puppet, :messages) == {:messages, [{:waits, 1}, {:waits, 2}, {:waits, 3}]}
    send(puppet, {:go, :on})
    assert answered(taking) == {:taken, :on}
    assert {:waits, 1} = forwarded(puppet)
  end

  check "the dictionary" do
    puppet = puppet()
    assert tell(puppet, {:put, {:key, 1}, "value"}) == nil
    assert tell(puppet, {:put, {:key, 1}, [1, 2]}) == "value"
    assert tell(puppet, {:get, {:key, 1}}) == [1, 2]
    assert tell(puppet, {:get, :nothing}) == nil
    {:dictionary, dictionary} = info(puppet, :dictionary)
    assert {{:key, 1}, [1, 2]} in dictionary
  end

  check "trap_exit and the group leader are seen to change" do
    puppet = puppet()
    assert tell(puppet, {:trap_exit, true}) == false
    assert info(puppet, :trap_exit) == {:trap_exit, true}
    assert tell(puppet, {:trap_exit, false}) == true
    :erlang.group_leader(self(), puppet)
    assert eventually(fn -> info(puppet, :group_leader) == {:group_leader, self()} end)
    assert tell(puppet, :group_leader) == self()
  end

  check "the parent of a process that was started" do
    {:ok, pid} = DynamicSupervisor.start_child(at(:conf_dyn), spec(:x, {:state, 1}, %{restart: :temporary}))
    supervisor = erlang(:whereis, [:conf_dyn])
    assert info(pid, :parent) == {:parent, supervisor}
    assert {:links, [^supervisor]} = info(pid, :links)
    assert [:conf_dyn, :conf_root | _] = GenServer.call(pid, {:pdict, :"$ancestors"})
    DynamicSupervisor.terminate_child(at(:conf_dyn), pid)
  end

  check "a supervisor shows its children, its flag and what it is" do
    pid = erlang(:whereis, [:conf_sup_one])
    children = for {_, child, _, _} <- Supervisor.which_children(pid), do: child
    {:links, links} = info(pid, :links)
    assert children -- links == []
    assert erlang(:whereis, [:conf_root]) in links
    assert info(pid, :trap_exit) == {:trap_exit, true}
    assert {:dictionary, dictionary} = info(pid, :dictionary)
    assert dictionary[:"$initial_call"] == {:supervisor, Conf.Sup, 1}
    assert [:conf_root | _] = dictionary[:"$ancestors"]
  end

  check "processes are listed and counted", alone: true do
    pid = server()
    pids = erlang(:processes)
    assert pid in pids
    assert Enum.all?(pids, &(node(&1) == peer()))
    assert Enum.uniq(pids) == pids
    for name <- [:conf_root, :conf_counter, :pg, :rex], do: assert(erlang(:whereis, [name]) in pids)
    assert abs(erlang(:system_info, [:process_count]) - length(pids)) < 20
  end

  check "is_process_alive" do
    assert erlang(:is_process_alive, [server()])
    assert_error(erlang(:is_process_alive, [self()]), :badarg)
    assert_error(erlang(:is_process_alive, [:conf_server]), :badarg)
  end

  check "registered and whereis agree" do
    names = erlang(:registered)
    assert Enum.all?(names, &is_atom/1)
    assert Enum.uniq(names) == names
    for name <- names -- [:undefined], String.starts_with?(to_string(name), "conf_"), do: assert(is_pid(erlang(:whereis, [name])))
    assert_error(erlang(:whereis, ["conf_server"]), :badarg)
  end

  # --- the node ------------------------------------------------------------------------------------

  check "its name, and who it knows" do
    assert erlang(:node) == peer()
    assert node() in erlang(:nodes)
    refute peer() in erlang(:nodes)
    assert node() in erlang(:nodes, [:connected])
    assert node() in erlang(:nodes, [:visible])
    assert erlang(:nodes, [:this]) == [peer()]
  end

  check "its cookie is ours" do
    assert erlang(:get_cookie) == :erlang.get_cookie()
  end

  check "self is a process of its own for each call" do
    one = erlang(:self)
    assert node(one) == peer()
    refute erlang(:self) == one
    assert fun(:self) |> node() == peer()
  end

  check "references are new each time" do
    refs = for _ <- 1..20, do: erlang(:make_ref)
    assert Enum.all?(refs, &(is_reference(&1) and node(&1) == peer()))
    assert Enum.uniq(refs) == refs
  end

  check "what the system is" do
    release = erlang(:system_info, [:otp_release])
    assert List.to_integer(release) >= 25
    assert is_integer(erlang(:system_info, [:process_count]))
    assert erlang(:system_info, [:wordsize]) in [4, 8]
    assert is_list(erlang(:system_info, [:version]))
    assert is_list(erlang(:system_info, [:system_version]))
    assert is_integer(erlang(:system_info, [:schedulers]))
    assert_error(erlang(:system_info, [:no_such_item]), :badarg)
    assert_error(erlang(:system_info, ["otp_release"]), :badarg)
  end

  check "a process more is counted", alone: true do
    before = settled(fn -> erlang(:system_info, [:process_count]) end)
    puppets = for _ <- 1..50, do: puppet()
    assert erlang(:system_info, [:process_count]) >= before + 45
    for puppet <- puppets, do: order(puppet, :return)
    assert eventually(fn -> erlang(:system_info, [:process_count]) <= before + 5 end)
  end

  check "net_kernel knows the connection" do
    {:ok, nodes} = remote(:net_kernel, :nodes_info, [])
    assert {_, mine} = List.keyfind(nodes, node(), 0)
    assert mine[:state] == :up
    assert mine[:type] == :normal
    assert is_integer(mine[:in]) and is_integer(mine[:out])
    assert {:ok, one} = remote(:net_kernel, :node_info, [node()])
    assert one[:state] == :up
    assert remote(:net_kernel, :node_info, [:"nobody@127.0.0.1"]) == {:error, :bad_node}
    assert [owner: owner] = Keyword.take(mine, [:owner])
    assert is_pid(owner)
  end

  check "messages in and out are counted" do
    count = fn -> {:ok, info} = remote(:net_kernel, :node_info, [node()]); {info[:in], info[:out]} end
    {received, sent} = count.()
    for n <- 1..20, do: GenServer.call(server(), {:echo, n})
    {received_then, sent_then} = count.()
    assert received_then >= received + 20
    assert sent_then >= sent + 20
  end

  check "net_kernel answers a ping" do
    assert GenServer.call(at(:net_kernel), {:is_auth, node()}) == :yes
    ref = make_ref()
    send(at(:net_kernel), {:"$gen_call", {self(), ref}, {:is_auth, node()}})
    assert_receive {^ref, :yes}, 30_000
    assert :net_adm.ping(peer()) == :pong
  end

  # --- applications -----------------------------------------------------------------------------------

  check "what runs" do
    all = application(:which_applications, [])
    assert {:conf_app, ~c"conformance fixture", ~c"0.1.0"} in all
    for {name, description, vsn} <- all, do: assert(is_atom(name) and is_list(description) and is_list(vsn))
    assert :kernel in running() and :stdlib in running()
    assert :conf_app == hd(running()) or :conf_app in running()
  end

  check "the environment" do
    assert application(:get_env, [:conf_app, :greeting]) == {:ok, "hello"}
    assert application(:get_env, [:conf_app, :depth]) == {:ok, 3}
    assert application(:get_env, [:conf_app, :nothing]) == :undefined
    assert application(:get_env, [:no_such_app, :depth]) == :undefined
    all = application(:get_all_env, [:conf_app])
    assert {:greeting, "hello"} in all and {:depth, 3} in all
    assert application(:get_all_env, [:no_such_app]) == []
  end

  check "the environment is set" do
    key = unique(:key)
    assert application(:set_env, [:conf_app, key, %{a: [1]}]) == :ok
    assert application(:get_env, [:conf_app, key]) == {:ok, %{a: [1]}}
    assert {key, %{a: [1]}} in application(:get_all_env, [:conf_app])
    assert application(:set_env, [:conf_app, key, nil]) == :ok
    assert application(:get_env, [:conf_app, key]) == {:ok, nil}
    # Checks run beside each other, and another one asks what an application that nobody knows has.
    unknown = unique(:unknown_app)
    assert application(:set_env, [unknown, key, 1]) == :ok
    assert application(:get_env, [unknown, key]) == {:ok, 1}
    assert application(:get_all_env, [unknown]) == [{key, 1}]
    assert application(:unset_env, [unknown, key]) == :ok
    assert application(:get_env, [unknown, key]) == :undefined
    assert application(:get_all_env, [unknown]) == []
  end

  check "the keys of the specification" do
    assert application(:get_key, [:conf_app, :description]) == {:ok, ~c"conformance fixture"}
    assert application(:get_key, [:conf_app, :vsn]) == {:ok, ~c"0.1.0"}
    assert application(:get_key, [:conf_app, :registered]) == {:ok, [:conf_app_sup]}
    assert {:ok, applications} = application(:get_key, [:conf_app, :applications])
    assert [:kernel, :stdlib] -- applications == []
    assert {:ok, {Conf.App, []}} = application(:get_key, [:conf_app, :mod])
    assert {:ok, env} = application(:get_key, [:conf_app, :env])
    assert env[:greeting] == "hello"
    assert {:ok, modules} = application(:get_key, [:conf_app, :modules])
    assert is_list(modules)
    assert application(:get_key, [:conf_app, :nothing]) == :undefined
    assert application(:get_key, [:no_such_app, :vsn]) == :undefined
    assert {:ok, vsn} = application(:get_key, [:kernel, :vsn])
    assert is_list(vsn)
  end

  check "the application of a process" do
    assert application(:get_application, [erlang(:whereis, [:conf_app_sup])]) == {:ok, :conf_app}
    assert application(:get_application, [:no_such_module]) == :undefined
    assert application(:get_application, [puppet()]) == :undefined
  end

  check "what runs cannot be started" do
    assert application(:start, [:conf_app]) == {:error, {:already_started, :conf_app}}
    assert application(:ensure_started, [:conf_app]) == :ok
    assert application(:ensure_all_started, [:conf_app]) == {:ok, []}
    assert application(:start, [:kernel]) == {:error, {:already_started, :kernel}}
    assert application(:ensure_all_started, [:stdlib]) == {:ok, []}
  end

  check "what there is none of" do
    app = unique(:app)
    file = String.to_charlist("#{app}.app")
    missing = {~c"no such file or directory", file}
    assert application(:start, [app]) == {:error, missing}
    assert application(:ensure_started, [app]) == {:error, missing}
    assert application(:ensure_all_started, [app]) == {:error, {app, missing}}
    assert application(:stop, [app]) == {:error, {:not_started, app}}
    assert application(:load, [app]) == {:error, missing}
  end

  check "stop and start", alone: true do
    old = erlang(:whereis, [:conf_app_sup])
    assert application(:stop, [:conf_app]) == :ok
    assert erlang(:whereis, [:conf_app_sup]) == :undefined
    refute :conf_app in running()
    assert application(:stop, [:conf_app]) == {:error, {:not_started, :conf_app}}
    assert application(:get_env, [:conf_app, :depth]) == {:ok, 3}
    assert application(:start, [:conf_app]) == :ok
    assert hd(running()) == :conf_app
    assert is_pid(erlang(:whereis, [:conf_app_sup])) and erlang(:whereis, [:conf_app_sup]) != old
    assert application(:stop, [:conf_app]) == :ok
    assert application(:ensure_all_started, [:conf_app]) == {:ok, [:conf_app]}
    assert application(:ensure_all_started, [:conf_app]) == {:ok, []}
  end

  check "the end of its supervisor ends an application", alone: true do
    pid = erlang(:whereis, [:conf_app_sup])
    assert ended(pid, fn -> Process.exit(pid, :kill) end) == :killed
    assert eventually(fn -> :conf_app not in running() end)
    assert application(:ensure_started, [:conf_app]) == :ok
    assert :conf_app in running()
    assert Supervisor.which_children(at(:conf_app_sup)) == []
  end

  check "the supervisor of the application is an empty supervisor" do
    assert Supervisor.which_children(at(:conf_app_sup)) == []
    assert Supervisor.count_children(at(:conf_app_sup)) == %{specs: 0, active: 0, supervisors: 0, workers: 0}
  end

  check "arguments that are none" do
    assert {:error, {:bad_application, "conf_app"}} = application(:start, ["conf_app"])
    assert {:badrpc, {:EXIT, {_, [_ | _]}}} = application(:get_application, ["conf_app"])
  end

  # --- rex and erpc ---------------------------------------------------------------------------------------

  check "rex answers as it ever did" do
    leader = Process.group_leader()
    assert GenServer.call(at(:rex), {:call, Conf.Fun, :add, [1, 2], leader}) == 3
    assert GenServer.call(at(:rex), {:block_call, Conf.Fun, :ping, [], leader}) == :pong
    assert GenServer.cast(at(:rex), {:cast, Conf.Fun, :notify, [self(), :cast], leader}) == :ok
    assert_receive :cast, 30_000
    send(at(:rex), {self(), {:call, Conf.Fun, :ping, [], leader}})
    assert_receive {:rex, :pong}, 30_000
    send(at(:rex), {self(), :features_request})
    assert_receive {:features_reply, from, [:erpc]}, 30_000
    assert from == peer()
  end

  check "erpc by spawning what it spawns" do
    ref = make_ref()
    {_, monitor} = :erlang.spawn_monitor(peer(), :erpc, :execute_call, [ref, Conf.Fun, :add, [1, 2]])
    assert down(monitor) == {ref, :return, 3}
    {_, monitor} = :erlang.spawn_monitor(peer(), :erpc, :execute_call, [ref, Conf.Fun, :throw, [:x]])
    assert down(monitor) == {ref, :throw, :x}
    :erlang.spawn(peer(), :erpc, :execute_cast, [Conf.Fun, :notify, [self(), :here]])
    assert_receive :here, 30_000
  end

  # --- what there is not -------------------------------------------------------------------------------------

  check "everything else is undefined, with the arguments" do
    for {m, f, args} <- [
          {:no_such_module, :f, [1, "two"]},
          {Conf.Fun, :no_such_function, []},
          {Conf.Fun, :add, [1]},
          {Conf.Server, :no_such_function, [:x]},
          {:erlang, :no_such_function, [1]},
          {:application, :no_such_function, []}
        ] do
      assert {:badrpc, {:EXIT, {:undef, [{^m, ^f, ^args, []} | _]}}} = remote(m, f, args)
    end
  end

  check "each function of the contract is there" do
    for {name, args, answer} <- [
          {:identity, [1], 1}, {:pair, [1], {1, 1}}, {:incr_get, [1], {1, 2}}, {:put, [1, 2], 2},
          {:wrap_ok, [1], :wrapped_ok}, {:wrap, [%{value: 1, a: 2}], %{value: {:wrapped, 1}, a: 2}}, {:ping, [], :pong},
          {:node, [], peer()}, {:sleep, [1], :slept}, {:sleep_then, [1, :v], :v}, {:size, ["abc"], {:size, 3}},
          {:blob, [3], <<7, 7, 7>>}, {:callers, [], nil}, {:ancestors, [], nil}, {:initial_call, [], nil},
          {:group_leader, [], Process.group_leader()}, {:notify, [self(), 5], 5}, {:notify_self, [self(), :t], :ok}
        ] do
      assert {name, fun(name, args)} == {name, answer}
    end

    assert_received 5
    assert_received {:t, pid} when is_pid(pid)
    assert {:badrpc, {:EXIT, {%RuntimeError{message: "é"}, _}}} = fun(:raise, ["é"])
    assert {:badrpc, {:EXIT, {:e, _}}} = fun(:error, [:e])
    assert fun(:exit, [:x]) == {:badrpc, {:EXIT, :x}}
    assert fun(:throw, [:t]) == :t
    assert fun(:flood, [self(), 3]) == :ok
    assert for(_ <- 1..3, do: receive(do: ({:n, n} -> n))) == [1, 2, 3]
    assert {:ok, _} = fun(:start_timeout, [{:state, 1}, 1000])
    assert {{:ok, _}, []} = fun(:start_link_server, [{:state, 1}, []])
  end
end
