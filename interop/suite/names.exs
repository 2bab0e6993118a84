# Names: local, global, in registries and bags, groups of processes, and when a name is free again.

defmodule Area.Names do
  use Suite

  defp whereis(name), do: remote(:erlang, :whereis, [name])
  defp kill(pid), do: ended(pid, fn -> Process.exit(pid, :kill) end)
  defp key(prefix), do: {prefix, unique(:key), ["any", 1.5]}

  # --- local ----------------------------------------------------------------------------------

  check "what is registered is found" do
    for name <- [:conf_root, :conf_counter, :conf_server, :conf_sup_one, :conf_sup_all, :conf_sup_rest] ++
                [:conf_dyn, :conf_tasks, :conf_agent, Conf.Registry, Conf.Bag, :pg, :conf_app_sup, :rex, :net_kernel] do
      assert is_pid(whereis(name))
      assert name in remote(:erlang, :registered, [])
    end

    assert whereis(unique(:nobody)) == :undefined
  end

  check "a process registers and unregisters itself" do
    puppet = puppet()
    name = unique(:puppet)
    assert tell(puppet, {:whereis, name}) == nil
    assert tell(puppet, {:register, name}) == true
    assert tell(puppet, {:whereis, name}) == puppet
    assert whereis(name) == puppet
    send(at(name), {:by, :name})
    assert forwarded(puppet) == {:by, :name}
    assert tell(puppet, {:unregister, name}) == true
    assert whereis(name) == :undefined
    send(at(name), :lost)
    send(puppet, :got)
    assert forwarded(puppet) == :got
  end

  check "a name is one process's and a process has one name" do
    {one, other} = {puppet(), puppet()}
    {name, second} = {unique(:puppet), unique(:puppet)}
    assert tell(one, {:register, name}) == true
    assert {:caught, :error, _} = tell(other, {:register, name})
    assert {:caught, :error, _} = tell(one, {:register, name})
    assert {:caught, :error, _} = tell(one, {:register, second})
    assert {:caught, :error, _} = tell(one, {:register, :conf_server})
    assert whereis(name) == one
    assert tell(one, {:unregister, name}) == true
    assert tell(one, {:register, second}) == true
    assert tell(other, {:register, name}) == true
  end

  check "names that cannot be" do
    assert {:caught, :error, _} = tell(puppet(), {:register, :undefined})
    assert {:caught, :error, _} = tell(puppet(), {:register, "text"})
    assert {:caught, :error, _} = tell(puppet(), {:register, 7})
    assert {:caught, :error, _} = tell(puppet(), {:unregister, unique(:nobody)})
    assert {:caught, :error, :badarg} = tell(puppet(), {:send, unique(:nobody), :x})
  end

  check "one process may take away another's name" do
    {one, other} = {puppet(), puppet()}
    name = unique(:puppet)
    tell(one, {:register, name})
    assert tell(other, {:unregister, name}) == true
    assert tell(other, {:register, name}) == true
    assert tell(one, {:whereis, name}) == other
  end

  check "the name is free when the end is heard of" do
    for _ <- 1..20 do
      puppet = puppet()
      name = unique(:free)
      assert tell(puppet, {:register, name}) == true
      order(puppet, {:monitor, self()})
      ref = Process.monitor(puppet)
      order(puppet, {:die, :over})
      assert down(ref) == :over
      assert whereis(name) == :undefined
    end
  end

  check "the name is free when a link breaks and when a named monitor fires" do
    puppet = puppet()
    name = unique(:free)
    tell(puppet, {:register, name})
    Process.flag(:trap_exit, true)
    Process.link(puppet)
    ref = Process.monitor(at(name))
    Process.exit(puppet, :kill)
    assert_receive {:EXIT, ^puppet, :killed}, 30_000
    assert whereis(name) == :undefined
    named = at(name)
    assert_receive {:DOWN, ^ref, :process, ^named, :killed}, 30_000
    assert {:ok, _} = fun(:start_server, [{:state, 1}, name])
  end

  check "a peer's process that hears the end registers at once" do
    {first, second} = {puppet(), puppet()}
    name = unique(:free)
    tell(first, {:register, name})
    tell(second, {:monitor, first})
    order(first, :return)
    assert {:DOWN, _, :process, ^first, :normal} = forwarded(second)
    assert tell(second, {:register, name}) == true
  end

  check "is_process_alive and whereis of what has ended" do
    name = unique(:gone)
    pid = named_server(name)
    assert remote(:erlang, :is_process_alive, [pid])
    GenServer.stop(pid)
    refute remote(:erlang, :is_process_alive, [pid])
    assert whereis(name) == :undefined
    refute name in remote(:erlang, :registered, [])
  end

  check "odd names are names" do
    mine = unique(:x)
    longest = mine |> to_string() |> String.pad_leading(255, "é") |> String.to_atom()

    for name <- [:"with space #{mine}", :"žluťoučký #{mine}", :"a.b@c d #{mine}", longest] do
      puppet = puppet()
      assert tell(puppet, {:register, name}) == true
      send(at(name), {:to, name})
      assert forwarded(puppet) == {:to, name}
      assert tell(puppet, {:unregister, name}) == true
    end
  end

  # --- servers with names -----------------------------------------------------------------------

  check "a server by a local name" do
    name = unique(:server)
    {:ok, pid} = fun(:start_server, [{:state, 1}, name])
    assert whereis(name) == pid
    assert fun(:start_server, [{:announce, self(), :second}, name]) == {:error, {:already_started, pid}}
    refute_receive {:started, :second, _}, 50
    assert GenServer.stop(at(name)) == :ok
    assert {:ok, other} = fun(:start_server, [{:state, 2}, name])
    assert other != pid
  end

  check "a failed start has given up its name" do
    for failing <- [{:stop, :no}, :ignore, {:raise, "m"}, {:exit, :out}, {:bad, 1}] do
      name = unique(:failed)
      assert fun(:start_server, [failing, name]) != :ok
      assert whereis(name) == :undefined
      assert {:ok, _} = fun(:start_server, [{:state, 1}, name])
      global = {:failed, name}
      fun(:start_server, [failing, {:global, global}])
      assert {:ok, _} = fun(:start_server, [{:state, 1}, {:global, global}])
      fun(:start_server, [failing, {:via, Registry, {Conf.Registry, global}}])
      assert {:ok, _} = fun(:start_server, [{:state, 1}, {:via, Registry, {Conf.Registry, global}}])
    end
  end

  check "a server by a global name, seen from here" do
    key = key(:global)
    {:ok, pid} = fun(:start_server, [{:state, 1}, {:global, key}])
    assert :global.whereis_name(key) == pid
    assert GenServer.call({:global, key}, :state) == 1
    assert fun(:start_server, [{:state, 2}, {:global, key}]) == {:error, {:already_started, pid}}
    assert GenServer.cast({:global, key}, {:put_state, 3}) == :ok
    assert GenServer.call({:via, :global, key}, :state) == 3
    assert GenServer.stop({:global, key}) == :ok
    assert eventually(fn -> :global.whereis_name(key) == :undefined end)
    assert {:ok, _} = fun(:start_server, [{:state, 2}, {:global, key}])
  end

  check "a server by way of global" do
    key = key(:via)
    {:ok, pid} = fun(:start_server, [{:state, 1}, {:via, :global, key}])
    assert :global.whereis_name(key) == pid
    assert fun(:start_server, [{:state, 2}, {:via, :global, key}]) == {:error, {:already_started, pid}}
    assert GenServer.call({:global, key}, :self) == pid
  end

  check "a server by way of a registry" do
    key = key(:via)
    name = {:via, Registry, {Conf.Registry, key}}
    {:ok, pid} = fun(:start_server, [{:state, 1}, name])
    assert fun(:registry_lookup, [key]) == [{pid, nil}]
    assert fun(:start_server, [{:state, 2}, name]) == {:error, {:already_started, pid}}
    assert tell(puppet(), {:call, name, :state, 5000}) == 1
    assert tell(puppet(), {:stop, name, :normal, 5000}) == :ok
    assert eventually(fn -> fun(:registry_lookup, [key]) == [] end)
  end

  check "a name in a registry with a value" do
    key = key(:value)
    {:ok, pid} = fun(:start_server, [{:state, 1}, {:via, Registry, {Conf.Registry, key, {:value, 7}}}])
    assert fun(:registry_lookup, [key]) == [{pid, {:value, 7}}]
  end

  check "a name held here is taken there" do
    key = key(:mine)
    assert :global.register_name(key, self()) == :yes
    assert fun(:start_server, [{:state, 1}, {:global, key}]) == {:error, {:already_started, self()}}
    assert tell(puppet(), {:global_whereis, key}) == self()
    :global.unregister_name(key)
  end

  check "a name by way of what does not register" do
    for name <- ["text", 7, {:global}, {:odd, 1}, {:via, 1}] do
      assert {:badrpc, {:EXIT, {%ArgumentError{}, [_ | _]}}} = fun(:start_server, [{:state, 1}, name])
    end
  end

  check "nil is no name" do
    {:ok, one} = fun(:start_server, [{:state, 1}, nil])
    {:ok, two} = fun(:start_server, [{:state, 1}, nil])
    assert one != two
    assert remote(:erlang, :process_info, [one, :registered_name]) == []
  end

  check "a registry that is not there" do
    name = {:via, Registry, {unique(:registry), :key}}
    assert {:badrpc, {:EXIT, {%ArgumentError{message: "unknown registry: " <> _}, _}}} =
             fun(:start_server, [{:state, 1}, name])
  end

  # --- global -------------------------------------------------------------------------------------

  check "a process of the peer registers itself globally" do
    puppet = puppet()
    key = key(:self)
    assert tell(puppet, {:global_whereis, key}) == :undefined
    assert tell(puppet, {:global_register, key}) == :yes
    assert :global.whereis_name(key) == puppet
    assert tell(puppet, {:global_whereis, key}) == puppet
    assert :global.send(key, {:hello, 1}) == puppet
    assert forwarded(puppet) == {:hello, 1}
    assert tell(puppet(), {:global_register, key}) == :no
    assert :global.register_name(key, self()) == :no
    assert tell(puppet, {:global_unregister, key}) == :ok
    assert :global.whereis_name(key) == :undefined
    assert tell(puppet, {:global_whereis, key}) == :undefined
  end

  check "a process here is found and sent to there" do
    key = key(:here)
    puppet = puppet()
    assert :global.register_name(key, self()) == :yes
    assert tell(puppet, {:global_whereis, key}) == self()
    assert tell(puppet, {:global_send, key, {:from, :there}}) == self()
    assert_received {:from, :there}
    assert tell(puppet, {:global_register, key}) == :no
    assert tell(puppet, {:global_unregister, key}) == :ok
    assert :global.whereis_name(key) == :undefined
  end

  check "a global name nobody has cannot be sent to" do
    key = key(:nobody)
    assert tell(puppet(), {:global_send, key, :x}) == {:caught, :exit, {:badarg, {key, :x}}}
    assert tell(puppet(), {:global_unregister, key}) == :ok
  end

  check "a global name goes with its process" do
    puppet = puppet()
    key = key(:gone)
    tell(puppet, {:global_register, key})
    kill(puppet)
    assert eventually(fn -> :global.whereis_name(key) == :undefined end)
    assert eventually(fn -> tell(puppet(), {:global_whereis, key}) == :undefined end)
    assert tell(puppet(), {:global_register, key}) == :yes
  end

  check "the name of a process here goes with it, there, too" do
    key = key(:mine)
    mine = spawn(fn -> Process.sleep(:infinity) end)
    :yes = :global.register_name(key, mine)
    puppet = puppet()
    assert tell(puppet, {:global_whereis, key}) == mine
    Process.exit(mine, :kill)
    assert eventually(fn -> tell(puppet, {:global_whereis, key}) == :undefined end)
    assert tell(puppet, {:global_register, key}) == :yes
  end

  check "a process has one global name, and each is listed" do
    named = for n <- 1..10, do: {puppet(), key(n)}
    for {puppet, key} <- named, do: assert(tell(puppet, {:global_register, key}) == :yes)
    keys = for {_, key} <- named, do: key
    assert keys -- :global.registered_names() == []
    {puppet, _} = hd(named)
    assert tell(puppet, {:global_register, key(:second)}) == :no
    for {puppet, _} <- named, do: kill(puppet)
    assert eventually(fn -> Enum.all?(keys, &(:global.whereis_name(&1) == :undefined)) end)
  end

  check "a global name moves to another process" do
    {one, two} = {puppet(), puppet()}
    key = key(:move)
    tell(one, {:global_register, key})
    assert :global.re_register_name(key, two) == :yes
    assert tell(one, {:global_whereis, key}) == two
    kill(one)
    assert tell(two, {:global_whereis, key}) == two
    assert :global.re_register_name(key, self()) == :yes
    assert tell(two, {:global_whereis, key}) == self()
  end

  check "eight at once: one has the name" do
    key = key(:race)
    puppets = for _ <- 1..8, do: puppet()
    asked = for puppet <- puppets, do: order(puppet, {:global_register, key})
    answers = Enum.map(asked, &answered/1)
    assert Enum.count(answers, &(&1 == :yes)) == 1
    winner = Enum.at(puppets, Enum.find_index(answers, &(&1 == :yes)))
    assert :global.whereis_name(key) == winner
  end

  check "here and there at the same time: one has the name" do
    for _ <- 1..5 do
      key = key(:race)
      puppet = puppet()
      asked = order(puppet, {:global_register, key})
      mine = :global.register_name(key, self())
      theirs = answered(asked)
      assert Enum.sort([mine, theirs]) == [:no, :yes]
      holder = if mine == :yes, do: self(), else: puppet
      assert :global.whereis_name(key) == holder
      assert tell(puppet, {:global_whereis, key}) == holder
    end
  end

  check "names come back when the nodes meet again", alone: true do
    key = key(:again)
    puppet = puppet()
    tell(puppet, {:global_register, key})
    assert :global.whereis_name(key) == puppet
    Node.disconnect(peer())
    assert eventually(fn -> :global.whereis_name(key) == :undefined end)
    assert eventually(fn -> Node.connect(peer()) end)
    assert eventually(fn -> :global.whereis_name(key) == puppet end)
    assert tell(puppet, {:global_unregister, key}) == :ok
  end

  check "a name of here comes back there", alone: true do
    key = key(:again)
    :yes = :global.register_name(key, self())
    puppet = puppet()
    assert tell(puppet, {:global_whereis, key}) == self()
    Node.disconnect(peer())
    assert eventually(fn -> Node.connect(peer()) end)
    assert eventually(fn -> tell(puppet, {:global_whereis, key}) == self() end)
    :global.unregister_name(key)
  end

  # --- locks -----------------------------------------------------------------------------------------

  check "a lock is held by one" do
    resource = unique(:lock)
    assert :global.set_lock({resource, :me}, [peer()], 0) == true
    assert :global.set_lock({resource, :me}, [peer()], 0) == true
    assert :global.set_lock({resource, :other}, [peer()], 0) == false
    assert remote(:global, :set_lock, [{resource, :third}, [peer()], 0]) == false
    assert :global.del_lock({resource, :me}, [peer()]) == true
    assert :global.set_lock({resource, :other}, [peer()], 0) == true
    assert :global.set_lock({resource, :me}, [peer()], 0) == false
    assert :global.del_lock({resource, :other}, [peer()]) == true
    assert :global.set_lock({unique(:lock), :me}, [peer()], 1) == true
  end

  check "a lock on both nodes" do
    resource = unique(:lock)
    nodes = [node(), peer()]
    assert :global.set_lock({resource, self()}, nodes, 0) == true
    assert remote(:global, :set_lock, [{resource, :theirs}, nodes, 0]) == false
    assert :global.del_lock({resource, self()}, nodes) == true
    assert :global.trans({resource, self()}, fn -> :done end, nodes, 0) == :done
  end

  check "a lock that the peer is asked for" do
    resource = unique(:lock)
    me = self()
    holder = spawn(fn -> true = remote(:global, :set_lock, [{resource, me}, [peer()], 0]); send(me, :held) end)
    ref = Process.monitor(holder)
    assert_receive :held, 30_000
    down(ref)
    # The process that took it has ended, and with it the lock.
    assert eventually(fn -> :global.set_lock({resource, :next}, [peer()], 0) end)
    assert :global.del_lock({resource, :next}, [peer()])
  end

  check "a lock goes with its holder" do
    resource = unique(:lock)
    me = self()
    holder = spawn(fn -> send(me, :global.set_lock({resource, :it}, [peer()], 0)); Process.sleep(:infinity) end)
    assert_receive true, 30_000
    assert :global.set_lock({resource, :me}, [peer()], 0) == false
    Process.exit(holder, :kill)
    assert eventually(fn -> :global.set_lock({resource, :me}, [peer()], 0) end)
    :global.del_lock({resource, :me}, [peer()])
  end

  # --- registries -------------------------------------------------------------------------------------

  check "a registry finds, calls and counts" do
    key = key(:r)
    {:ok, pid} = fun(:registry_start, [{:state, 5}, key])
    assert fun(:registry_lookup, [key]) == [{pid, nil}]
    assert fun(:registry_keys, [pid]) == [key]
    assert fun(:registry_call, [key, :state]) == 5
    assert fun(:registry_count) >= 1
    assert fun(:registry_start, [{:state, 6}, key]) == {:error, {:already_started, pid}}
  end

  check "an entry goes with its process" do
    key = key(:r)
    {:ok, pid} = fun(:registry_start, [{:state, 5}, key])
    kill(pid)
    assert eventually(fn -> fun(:registry_lookup, [key]) == [] end)
    assert eventually(fn -> fun(:registry_keys, [pid]) == [] end)
    assert {:ok, _} = fun(:registry_start, [{:state, 6}, key])
  end

  check "what is not in a registry" do
    key = key(:nobody)
    assert fun(:registry_lookup, [key]) == []
    assert fun(:registry_keys, [self()]) == []
    name = {:via, Registry, {Conf.Registry, key}}
    assert {:badrpc, {:EXIT, {:noproc, {GenServer, :call, [^name, :ping, 5000]}}}} = fun(:registry_call, [key, :ping])
    assert {:caught, :exit, {:noproc, {GenServer, :call, [^name, 1, 5000]}}} = tell(puppet(), {:call, name, 1, 5000})
    assert tell(puppet(), {:cast, name, 1}) == :ok
    assert {:caught, :exit, {:noproc, {GenServer, :stop, [^name, :normal, 5000]}}} =
             tell(puppet(), {:stop, name, :normal, 5000})
  end

  check "keys are told apart as terms" do
    base = unique(:key)

    for key <- [{base, 1}, {base, 1.0}, {base, "1"}, {base, ~c"1"}, {base, :"1"}, [base], base, {base, %{a: 1}}] do
      {:ok, pid} = fun(:registry_start, [{:state, key}, key])
      assert fun(:registry_lookup, [key]) == [{pid, nil}]
      assert fun(:registry_call, [key, :state]) === key
    end
  end

  check "an entry of the registry that failed to start is none" do
    key = key(:failed)
    assert fun(:registry_start, [{:stop, :no}, key]) == {:error, :no}
    assert eventually(fn -> fun(:registry_lookup, [key]) == [] end)
    assert fun(:registry_start, [:ignore, key]) == :ignore
    assert {:ok, _} = fun(:registry_start, [{:state, 1}, key])
  end

  check "a bag has many under a key" do
    key = key(:bag)
    {one, two} = {puppet(), puppet()}
    assert {:ok, owner} = tell(one, {:bag_register, key, :a})
    assert is_pid(owner)
    assert {:ok, _} = tell(two, {:bag_register, key, :b})
    assert {:ok, _} = tell(two, {:bag_register, key, :c})
    assert Enum.sort(fun(:bag_lookup, [key])) == Enum.sort([{one, :a}, {two, :b}, {two, :c}])
    assert fun(:bag_lookup, [key(:nobody)]) == []
  end

  check "a bag sends to each, with its value" do
    key = key(:bag)
    puppets = for n <- 1..5, do: (puppet = puppet(); {:ok, _} = tell(puppet, {:bag_register, key, n}); puppet)
    assert fun(:bag_send, [key, :news]) == :ok
    for {puppet, n} <- Enum.with_index(puppets, 1), do: assert(forwarded(puppet) == {n, :news})
    assert fun(:bag_send, [key(:nobody), :news]) == :ok
  end

  check "an entry of a bag goes with its process" do
    key = key(:bag)
    {one, two} = {puppet(), puppet()}
    tell(one, {:bag_register, key, 1})
    tell(two, {:bag_register, key, 2})
    kill(one)
    assert eventually(fn -> fun(:bag_lookup, [key]) == [{two, 2}] end)
    kill(two)
    assert eventually(fn -> fun(:bag_lookup, [key]) == [] end)
  end

  check "who registers in a call is gone with it" do
    key = key(:bag)
    assert {:ok, _} = fun(:bag_register, [key, 1])
    assert eventually(fn -> fun(:bag_lookup, [key]) == [] end)
  end

  # --- groups ------------------------------------------------------------------------------------------

  check "groups: join, members, leave" do
    {one, two} = {puppet(), puppet()}
    group = key(:group)
    assert tell(one, {:pg_members, group}) == []
    assert tell(one, {:pg_leave, group}) == :not_joined
    assert tell(one, {:pg_join, group}) == :ok
    assert tell(two, {:pg_join, group}) == :ok
    assert Enum.sort(tell(one, {:pg_members, group})) == Enum.sort([one, two])
    assert Enum.sort(tell(one, {:pg_local_members, group})) == Enum.sort([one, two])
    assert tell(one, {:pg_leave, group}) == :ok
    assert tell(one, {:pg_leave, group}) == :not_joined
    assert tell(two, {:pg_members, group}) == [two]
  end

  check "who joins twice is there twice" do
    puppet = puppet()
    group = key(:group)
    for _ <- 1..2, do: assert(tell(puppet, {:pg_join, group}) == :ok)
    assert tell(puppet, {:pg_members, group}) == [puppet, puppet]
    assert tell(puppet, {:pg_leave, group}) == :ok
    assert tell(puppet, {:pg_members, group}) == [puppet]
  end

  check "a member that ends is none" do
    {one, two} = {puppet(), puppet()}
    group = key(:group)
    for puppet <- [one, two], do: tell(puppet, {:pg_join, group})
    kill(one)
    assert eventually(fn -> tell(two, {:pg_members, group}) == [two] end)
    assert tell(two, {:pg_local_members, group}) == [two]
  end

  check "groups of both nodes", alone: true do
    {:ok, scope} = :pg.start_link(:pg)
    puppet = puppet()
    group = key(:group)
    assert tell(puppet, {:pg_join, group}) == :ok
    assert eventually(fn -> :pg.get_members(group) == [puppet] end)
    assert :pg.get_local_members(group) == []
    :ok = :pg.join(group, self())
    assert eventually(fn -> Enum.sort(tell(puppet, {:pg_members, group})) == Enum.sort([self(), puppet]) end)
    assert tell(puppet, {:pg_local_members, group}) == [puppet]
    kill(puppet)
    assert eventually(fn -> :pg.get_members(group) == [self()] end)
    :ok = :pg.leave(group, self())
    assert eventually(fn -> tell(puppet(), {:pg_members, group}) == [] end)
    :ok = :gen_server.stop(scope)
  end
end
