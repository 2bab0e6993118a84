# Monitors, aliases, links and node monitors: what the peer's processes tell, and what they are told.

defmodule Area.Monitors do
  use Suite

  defp dead do
    pid = puppet()
    ended(pid, fn -> order(pid, :return) end)
    pid
  end

  # A process of this node that ends with what it is sent.
  defp mortal, do: spawn(fn -> receive(do: (reason -> exit(reason))) end)

  defp nowhere, do: :"nowhere@#{peer() |> to_string() |> String.split("@") |> List.last()}"

  # Whatever a puppet has been sent has been forwarded by now, too.
  defp quiet(puppet) do
    tell(puppet, :self)
    refute_received {:fwd, ^puppet, _}
  end

  # --- monitors of the peer's processes -----------------------------------------------

  check "DOWN has the pid, or the name with its node" do
    name = unique(:monitors)
    pid = named_server(name)
    by_pid = Process.monitor(pid)
    by_name = Process.monitor(at(name))
    GenServer.cast(pid, {:stop, :done})
    assert_receive {:DOWN, ^by_pid, :process, ^pid, :done}, 30_000
    {name, peer} = at(name)
    assert_receive {:DOWN, ^by_name, :process, {^name, ^peer}, :done}, 30_000
  end

  check "DOWN says how a process has ended" do
    for {command, test} <- [
          {:return, &(&1 == :normal)},
          {{:die, :normal}, &(&1 == :normal)},
          {{:die, {:shutdown, [1]}}, &(&1 == {:shutdown, [1]})},
          {{:die, :kill}, &(&1 == :kill)},
          {{:error, :badarg}, &match?({:badarg, [_ | _]}, &1)},
          {{:throw, {:a, 1}}, &match?({{:nocatch, {:a, 1}}, [_ | _]}, &1)}
        ] do
      puppet = puppet()
      assert test.(ended(puppet, fn -> order(puppet, command) end)), inspect(command)
    end

    puppet = puppet()
    assert ended(puppet, fn -> Process.exit(puppet, :kill) end) == :killed
    puppet = puppet()
    assert ended(puppet, fn -> Process.exit(puppet, :killed) end) == :killed
  end

  check "what is not there is noproc" do
    dead = dead()
    ref = Process.monitor(dead)
    assert_receive {:DOWN, ^ref, :process, ^dead, :noproc}, 30_000
    nobody = at(unique(:nobody))
    ref = Process.monitor(nobody)
    assert_receive {:DOWN, ^ref, :process, ^nobody, :noproc}, 30_000
  end

  check "each monitor has its own reference and its own DOWN" do
    pid = puppet()
    refs = for _ <- 1..500, do: Process.monitor(pid)
    assert length(Enum.uniq(refs)) == 500
    {gone, kept} = Enum.split(refs, 100)
    for ref <- gone, do: assert(Process.demonitor(ref, [:info]))
    Process.exit(pid, :kill)
    assert Enum.uniq(for ref <- kept, do: down(ref)) == [:killed]
    for ref <- gone, do: refute_received({:DOWN, ^ref, _, _, _})
  end

  check "a monitor that was taken back tells nothing" do
    pid = puppet()
    ref = Process.monitor(pid)
    assert Process.demonitor(ref, [:flush])
    other = Process.monitor(pid)
    Process.exit(pid, :kill)
    assert down(other) == :killed
    assert mailbox(50) == []
  end

  check "a name that goes to another process is not the one that was watched" do
    name = unique(:monitors)
    first = puppet()
    tell(first, {:register, name})
    ref = Process.monitor(at(name))
    assert tell(first, {:unregister, name})
    second = puppet()
    tell(second, {:register, name})
    ended(second, fn -> order(second, :return) end)
    refute_receive {:DOWN, ^ref, _, _, _}, 50
    order(first, {:die, :now})
    assert down(ref) == :now
  end

  check "messages come before the DOWN, and the name is free after it" do
    name = unique(:monitors)

    for n <- 1..20 do
      puppet = puppet()
      tell(puppet, {:register, name})
      ref = Process.monitor(puppet)
      order(puppet, {:sends, self(), [{:one, n}, {:two, n}]})
      order(puppet, {:die, :over})
      assert_receive {:DOWN, ^ref, _, _, :over}, 30_000
      assert_received {:one, ^n}
      assert_received {:two, ^n}
      assert remote(:erlang, :whereis, [name]) == :undefined
    end
  end

  # --- monitors by the peer's processes ----------------------------------------------------

  check "a process there watches one here by pid and by name" do
    puppet = puppet()
    pid = mortal()
    name = unique(:here)
    Process.register(pid, name)
    by_pid = tell(puppet, {:monitor, pid})
    by_name = tell(puppet, {:monitor, {name, node()}})
    assert is_reference(by_pid) and node(by_pid) == peer()
    send(pid, {:why, [1]})
    got = for _ <- 1..2, do: forwarded(puppet)
    assert {:DOWN, by_pid, :process, pid, {:why, [1]}} in got
    assert {:DOWN, by_name, :process, {name, node()}, {:why, [1]}} in got
    ref = tell(puppet, {:monitor, pid})
    assert forwarded(puppet) == {:DOWN, ref, :process, pid, :noproc}
    ref = tell(puppet, {:monitor, {name, node()}})
    assert forwarded(puppet) == {:DOWN, ref, :process, {name, node()}, :noproc}
  end

  check "a process there watches one there by pid and by name" do
    {puppet, other} = {puppet(), puppet()}
    name = unique(:there)
    tell(other, {:register, name})
    by_pid = tell(puppet, {:monitor, other})
    by_name = tell(puppet, {:monitor, name})
    by_both = tell(puppet, {:monitor, at(name)})
    order(other, {:die, :gone})
    got = for _ <- 1..3, do: forwarded(puppet)
    assert {:DOWN, by_pid, :process, other, :gone} in got
    # By name it is the name with the node, also where that was not said.
    assert {:DOWN, by_name, :process, at(name), :gone} in got
    assert {:DOWN, by_both, :process, at(name), :gone} in got

    for item <- [other, name, at(name)] do
      ref = tell(puppet, {:monitor, item})
      object = if is_atom(item), do: at(item), else: item
      assert forwarded(puppet) == {:DOWN, ref, :process, object, :noproc}
    end
  end

  check "a node that is not there is noconnection" do
    puppet = puppet()
    ref = tell(puppet, {:monitor, {:anybody, nowhere()}})
    assert forwarded(puppet) == {:DOWN, ref, :process, {:anybody, nowhere()}, :noconnection}
  end

  check "nobody hears of its own end" do
    puppet = puppet()
    ref = tell(puppet, {:monitor, puppet})
    assert is_reference(ref)
    assert tell(puppet, {:demonitor, ref, []}) == true
    quiet(puppet)
  end

  check "demonitor with info says whether it was there" do
    puppet = puppet()
    pid = mortal()
    ref = tell(puppet, {:monitor, pid})
    assert tell(puppet, {:demonitor, ref, [:info]}) == true
    assert tell(puppet, {:demonitor, ref, [:info]}) == false
    assert tell(puppet, {:demonitor, ref, []}) == true
    send(pid, :gone)
    quiet(puppet)
    ref = tell(puppet, {:monitor, pid})
    assert {:DOWN, ^ref, _, _, :noproc} = forwarded(puppet)
    assert tell(puppet, {:demonitor, ref, [:info]}) == false
    assert tell(puppet, {:demonitor, ref, [:flush, :info]}) == false
  end

  # A DOWN is in the puppet's mailbox when it demonitors: the answer, and what is forwarded then.
  defp too_late(options) do
    puppet = puppet()
    pid = mortal()
    ref = tell(puppet, {:monitor, pid})
    taking = order(puppet, {:take, :go, 30_000})
    queued(puppet, 0)
    asked = order(puppet, {:demonitor, ref, options})
    send(pid, :gone)
    # It has to demonitor, and then the DOWN.
    queued(puppet, 2)
    send(puppet, {:go, :on})
    assert answered(taking) == {:taken, :on}
    answer = answered(asked)
    tell(puppet, :self)

    receive do
      {:fwd, ^puppet, {:DOWN, ^ref, :process, ^pid, :gone}} -> {answer, :down}
    after
      0 -> {answer, :nothing}
    end
  end

  check "demonitor when the DOWN is there already" do
    assert too_late([]) == {true, :down}
    assert too_late([:info]) == {false, :down}
    assert too_late([:flush]) == {true, :nothing}
    assert too_late([:flush, :info]) == {false, :nothing}
    assert too_late([:info, :flush]) == {false, :nothing}
  end

  check "a tag stands in the place of DOWN" do
    puppet = puppet()

    for tag <- [:gone, {:tag, [1]}, "text", 7, make_ref(), []] do
      pid = mortal()
      ref = tell(puppet, {:monitor, pid, [tag: tag]})
      send(pid, :why)
      assert forwarded(puppet) == {tag, ref, :process, pid, :why}
    end

    ref = tell(puppet, {:monitor, dead(), [tag: {:not, :there}]})
    assert {{:not, :there}, ^ref, :process, _, :noproc} = forwarded(puppet)
    pid = puppet()
    ref = :erlang.monitor(:process, pid, tag: {:mine, 1})
    order(pid, {:die, :x})
    assert_receive {{:mine, 1}, ^ref, :process, ^pid, :x}, 30_000
  end

  check "what cannot be watched is badarg" do
    puppet = puppet()
    assert tell(puppet, {:monitor, 5}) == {:caught, :error, :badarg}
    assert tell(puppet, {:monitor, {:a, :b, :c}}) == {:caught, :error, :badarg}
    assert tell(puppet, {:demonitor, :no_reference, []}) == {:caught, :error, :badarg}
    assert tell(puppet, {:monitor, self(), [no_such: :option]}) == {:caught, :error, :badarg}
    assert tell(puppet, {:monitor, self(), [alias: :no_such]}) == {:caught, :error, :badarg}
    # A reference of another node is no monitor; one of its own may once have been.
    assert tell(puppet, {:demonitor, make_ref(), []}) == {:caught, :error, :badarg}
    assert tell(puppet, {:demonitor, tell(puppet, {:alias, []}), [:info]}) == false
    assert tell(puppet, {:demonitor, tell(puppet, {:alias, []}), [:no_such]}) == {:caught, :error, :badarg}
    for options <- [[:no_such], :reply], do: assert(tell(puppet, {:alias, options}) == {:caught, :error, :badarg})
    assert tell(puppet, {:unalias, 5}) == {:caught, :error, :badarg}
    assert tell(puppet, {:trap_exit, :maybe}) == {:caught, :error, :badarg}
    assert tell(puppet, {:exit, :no_pid, :x}) == {:caught, :error, :badarg}
  end

  check "a server is told of what it watches" do
    server = server()
    pid = mortal()
    ref = GenServer.call(server, {:monitor, pid})
    send(pid, :bye)
    expected = [info: {:DOWN, ref, :process, pid, :bye}]
    assert eventually(fn -> GenServer.call(server, :events) == expected end)
  end

  check "spawn_monitor from there" do
    puppet = puppet()
    {pid, ref} = tell(puppet, {:spawn_monitor, node(), :erlang, :exit, [:left]})
    assert node(pid) == node()
    assert forwarded(puppet) == {:DOWN, ref, :process, pid, :left}
    {pid, ref} = tell(puppet, {:spawn_monitor, peer(), Conf.Fun, :exit, [:left]})
    assert forwarded(puppet) == {:DOWN, ref, :process, pid, :left}
    {pid, ref} = tell(puppet, {:spawn_monitor, nowhere(), :m, :f, []})
    assert forwarded(puppet) == {:DOWN, ref, :process, pid, :noconnection}
  end

  # --- aliases ----------------------------------------------------------------------------------

  check "an alias takes messages from anywhere until it is given up" do
    {puppet, other} = {puppet(), puppet()}
    ref = tell(puppet, {:alias, [:explicit_unalias]})
    send(ref, :from_here)
    assert forwarded(puppet) == :from_here
    tell(other, {:send, ref, :from_there})
    assert forwarded(puppet) == :from_there
    tell(puppet, {:send, ref, :from_itself})
    assert forwarded(puppet) == :from_itself
    assert tell(puppet, {:unalias, ref}) == true
    assert tell(puppet, {:unalias, ref}) == false
    send(ref, :lost)
    tell(other, {:send, ref, :lost})
    quiet(puppet)
  end

  check "an alias of no option is explicit" do
    puppet = puppet()
    ref = tell(puppet, {:alias, []})
    send(ref, 1)
    send(ref, 2)
    assert {forwarded(puppet), forwarded(puppet)} == {1, 2}
  end

  check "an alias for a reply takes one message" do
    puppet = puppet()
    ref = tell(puppet, {:alias, [:reply]})
    for n <- 1..3, do: send(ref, n)
    assert forwarded(puppet) == 1
    assert tell(puppet, {:unalias, ref}) == false
    quiet(puppet)
  end

  check "only its owner gives an alias up" do
    {puppet, other} = {puppet(), puppet()}
    ref = tell(puppet, {:alias, []})
    assert tell(other, {:unalias, ref}) == false
    send(ref, :still)
    assert forwarded(puppet) == :still
    assert tell(other, {:unalias, make_ref()}) == false
  end

  check "an alias of this node's is sent to from there" do
    puppet = puppet()
    ref = :erlang.alias()
    assert tell(puppet, {:send, ref, {:hello, 1}}) == {:hello, 1}
    assert_receive {:hello, 1}, 30_000
    assert :erlang.unalias(ref)
    tell(puppet, {:send, ref, :lost})
    once = :erlang.alias([:reply])
    tell(puppet, {:sends, once, [:first, :second]})
    assert mailbox(50) == [:first]
  end

  check "a message to the alias of a dead process vanishes" do
    puppet = puppet()
    ref = tell(puppet, {:alias, []})
    ended(puppet, fn -> order(puppet, :return) end)
    assert send(ref, :lost) == :lost
    other = puppet()
    assert tell(other, {:send, ref, :lost}) == :lost
    assert tell(other, {:send, make_ref(), :lost}) == :lost
  end

  check "a monitor's reference with explicit_unalias outlives the DOWN" do
    puppet = puppet()
    pid = mortal()
    ref = tell(puppet, {:monitor, pid, [alias: :explicit_unalias]})
    send(ref, 1)
    assert forwarded(puppet) == 1
    send(pid, :gone)
    assert {:DOWN, ^ref, :process, ^pid, :gone} = forwarded(puppet)
    send(ref, 2)
    assert forwarded(puppet) == 2
    assert tell(puppet, {:unalias, ref}) == true
    ref = tell(puppet, {:monitor, mortal(), [alias: :explicit_unalias]})
    assert tell(puppet, {:demonitor, ref, [:info]}) == true
    send(ref, 3)
    assert forwarded(puppet) == 3
  end

  check "a monitor's reference with demonitor dies with the monitor" do
    puppet = puppet()
    pid = mortal()
    ref = tell(puppet, {:monitor, pid, [alias: :demonitor]})
    for n <- 1..2, do: send(ref, n)
    assert {forwarded(puppet), forwarded(puppet)} == {1, 2}
    send(pid, :gone)
    assert {:DOWN, ^ref, _, _, :gone} = forwarded(puppet)
    send(ref, :lost)
    assert tell(puppet, {:unalias, ref}) == false
    ref = tell(puppet, {:monitor, mortal(), [alias: :demonitor]})
    assert tell(puppet, {:demonitor, ref, [:info]}) == true
    send(ref, :lost)
    quiet(puppet)
    pid = mortal()
    ref = tell(puppet, {:monitor, pid, [alias: :demonitor]})
    # Without the alias the monitor stays.
    assert tell(puppet, {:unalias, ref}) == true
    send(ref, :lost)
    send(pid, :gone)
    assert {:DOWN, ^ref, _, _, :gone} = forwarded(puppet)
  end

  check "a monitor's reference with reply_demonitor ends both with the first message" do
    puppet = puppet()
    pid = mortal()
    ref = tell(puppet, {:monitor, pid, [alias: :reply_demonitor]})
    send(ref, :answer)
    send(ref, :lost)
    assert forwarded(puppet) == :answer
    assert tell(puppet, {:demonitor, ref, [:info]}) == false
    send(pid, :gone)
    refute_receive {:fwd, ^puppet, _}, 50
    pid = mortal()
    ref = tell(puppet, {:monitor, pid, [alias: :reply_demonitor]})
    send(pid, :gone)
    assert {:DOWN, ^ref, _, _, :gone} = forwarded(puppet)
    send(ref, :lost)
    quiet(puppet)
  end

  check "a monitor with a tag and an alias" do
    puppet = puppet()
    pid = mortal()
    ref = tell(puppet, {:monitor, pid, [tag: :t, alias: :reply_demonitor]})
    send(pid, :gone)
    assert forwarded(puppet) == {:t, ref, :process, pid, :gone}
  end

  check "messages by pid, name and alias come in the order sent" do
    puppet = puppet()
    name = unique(:order)
    tell(puppet, {:register, name})
    ref = tell(puppet, {:alias, []})
    for n <- 1..60, do: send(Enum.at([puppet, at(name), ref], rem(n, 3)), {:n, n})
    assert for(_ <- 1..60, do: forwarded(puppet)) == for(n <- 1..60, do: {:n, n})
    # And the other way.
    mine = unique(:order)
    Process.register(self(), mine)
    alias = :erlang.alias()
    to = fn n -> Enum.at([self(), {mine, node()}, alias], rem(n, 3)) end
    for n <- 1..60, do: order(puppet, {:send, to.(n), {:back, n}})
    assert for(_ <- 1..60, do: receive(do: ({:back, n} -> n))) == Enum.to_list(1..60)
  end

  # --- links --------------------------------------------------------------------------------------

  defp trapping do
    puppet = puppet()
    false = tell(puppet, {:trap_exit, true})
    puppet
  end

  check "a link is one, however often it is made" do
    Process.flag(:trap_exit, true)
    puppet = puppet()
    for _ <- 1..3, do: assert(Process.link(puppet))
    assert tell(puppet, {:link, self()}) == true
    order(puppet, {:die, :once})
    assert_receive {:EXIT, ^puppet, :once}, 30_000
    refute_receive {:EXIT, _, _}, 50
  end

  check "either side ends a link for both" do
    Process.flag(:trap_exit, true)
    puppet = trapping()
    Process.link(puppet)
    assert tell(puppet, {:unlink, self()}) == true
    ended(puppet, fn -> order(puppet, {:die, :later}) end)
    refute_received {:EXIT, _, _}
    puppet = trapping()
    pid = mortal()
    tell(puppet, {:link, pid})
    me = self()
    other = spawn(fn -> receive(do: (:go -> send(me, Process.unlink(puppet)))); receive(do: (r -> exit(r))) end)
    tell(puppet, {:link, other})
    send(other, :go)
    assert_receive true, 30_000
    send(other, :gone)
    send(pid, :the_other)
    assert forwarded(puppet) == {:EXIT, pid, :the_other}
    quiet(puppet)
  end

  check "a link takes along who does not trap, but not when the end is normal" do
    for {reason, effect} <- [boom: :boom, kill: :kill, shutdown: :shutdown] do
      puppet = puppet()
      pid = mortal()
      tell(puppet, {:link, pid})
      assert ended(puppet, fn -> send(pid, reason) end) == effect
    end

    puppet = puppet()
    pid = mortal()
    tell(puppet, {:link, pid})
    ended(pid, fn -> send(pid, :normal) end)
    assert tell(puppet, :self) == puppet
  end

  check "who traps gets a message for every end" do
    puppet = trapping()

    for reason <- [:normal, :boom, :kill, :killed, {:shutdown, 1}, "text"] do
      pid = mortal()
      tell(puppet, {:link, pid})
      send(pid, reason)
      assert forwarded(puppet) == {:EXIT, pid, reason}
    end

    pid = mortal()
    tell(puppet, {:link, pid})
    Process.exit(pid, :kill)
    assert forwarded(puppet) == {:EXIT, pid, :killed}
  end

  check "a link to what is not there" do
    puppet = trapping()
    gone = mortal()
    ended(gone, fn -> send(gone, :x) end)
    assert tell(puppet, {:link, gone}) == true
    assert forwarded(puppet) == {:EXIT, gone, :noproc}
    dead = dead()
    assert tell(puppet, {:link, dead}) == true
    assert forwarded(puppet) == {:EXIT, dead, :noproc}
    # Without trapping: an error for a pid of its own node, the signal for another.
    assert tell(puppet(), {:link, dead}) == {:caught, :error, :noproc}
    puppet = puppet()
    assert ended(puppet, fn -> order(puppet, {:link, gone}) end) == :noproc
    assert tell(puppet(), {:link, :no_pid}) == {:caught, :error, :badarg}
  end

  check "a process there links to itself and to others there" do
    {puppet, other} = {trapping(), puppet()}
    assert tell(puppet, {:link, puppet}) == true
    assert tell(puppet, {:link, other}) == true
    order(other, {:die, :there})
    assert forwarded(puppet) == {:EXIT, other, :there}
    quiet(puppet)
  end

  check "spawn_link from there" do
    puppet = trapping()
    pid = tell(puppet, {:spawn_link, node(), :erlang, :exit, [:left]})
    assert forwarded(puppet) == {:EXIT, pid, :left}
    pid = tell(puppet, {:spawn_link, nowhere(), :m, :f, []})
    assert forwarded(puppet) == {:EXIT, pid, :noconnection}
    puppet = puppet()
    assert ended(puppet, fn -> order(puppet, {:spawn_link, nowhere(), :m, :f, []}) end) == :noconnection
  end

  check "unlink and then no EXIT, even one that crosses it" do
    for _ <- 1..30 do
      puppet = trapping()
      pid = mortal()
      tell(puppet, {:link, pid})
      send(pid, :crossing)
      assert tell(puppet, {:unlink, pid}) == true
      # One that was in the mailbox has been forwarded after this; then there must be none.
      tell(puppet, :self)
      assert length(mailbox(0)) <= 1
      refute_receive {:fwd, ^puppet, {:EXIT, _, _}}, 5
    end
  end

  check "exit signals by exit/2 of a process there" do
    Process.flag(:trap_exit, true)
    puppet = puppet()
    for reason <- [:boom, :normal, :killed, {:any, 1}] do
      assert tell(puppet, {:exit, self(), reason}) == true
      assert_receive {:EXIT, ^puppet, ^reason}, 30_000
    end
    pid = mortal()
    assert ended(pid, fn -> tell(puppet, {:exit, pid, :kill}) end) == :killed
    assert tell(puppet, {:exit, pid, :kill}) == true
    assert tell(puppet, {:exit, dead(), :x}) == true
    assert ended(puppet, fn -> order(puppet, {:exit, puppet, :normal}) end) == :normal
  end

  # --- nodes ---------------------------------------------------------------------------------------

  check "a node that is not there is down at once, for each monitor" do
    puppet = puppet()
    nowhere = nowhere()
    for _ <- 1..2, do: assert(tell(puppet, {:monitor_node, nowhere, true}) == true)
    assert {forwarded(puppet), forwarded(puppet)} == {{:nodedown, nowhere}, {:nodedown, nowhere}}
    quiet(puppet)
  end

  check "its own node is never down for anybody" do
    puppet = puppet()
    assert tell(puppet, {:monitor_node, peer(), true}) == true
    assert tell(puppet, {:monitor_node, peer(), false}) == true
    assert tell(puppet, {:disconnect, peer()}) == false
    quiet(puppet)
  end

  check "options of monitor_nodes that are not known" do
    puppet = puppet()
    assert tell(puppet, {:monitor_nodes, true, 5}) == {:error, {:invalid_options, 5}}
    assert tell(puppet, {:monitor_nodes, :maybe}) == :error
    assert tell(puppet, {:monitor_nodes, true, [:no_such]}) == {:error, {:unknown_options, [:no_such]}}
    assert {:error, _} = tell(puppet, {:monitor_nodes, true, [node_type: :no_such]})
    assert tell(puppet, {:monitor_nodes, true, []}) == :ok
    assert tell(puppet, {:monitor_nodes, false, []}) == :ok
    assert tell(puppet, {:monitor_nodes, true}) == :ok
    assert tell(puppet, {:monitor_nodes, false}) == :ok
  end

  # Cuts the connection; what `function` makes of it afterwards.
  defp cut do
    assert Node.disconnect(peer())
    eventually(fn -> Node.connect(peer()) == true end)
  end

  check "the connection is cut: monitors and links of this node", alone: true do
    Process.flag(:trap_exit, true)
    name = unique(:cut)
    pid = named_server(name)
    by_pid = Process.monitor(pid)
    by_name = Process.monitor(at(name))
    Process.link(pid)
    alias = tell(puppet = puppet(), {:alias, []})
    Node.monitor(peer(), true)
    Node.monitor(peer(), true)
    peer = peer()
    cut()
    assert_receive {:DOWN, ^by_pid, :process, ^pid, :noconnection}, 30_000
    assert_receive {:DOWN, ^by_name, :process, {^name, ^peer}, :noconnection}, 30_000
    assert_receive {:EXIT, ^pid, :noconnection}, 30_000
    assert_receive {:nodedown, ^peer}, 30_000
    assert_receive {:nodedown, ^peer}, 30_000
    # Pid and alias are good as before.  The server has died of the link.
    send(alias, :again)
    assert forwarded(puppet) == :again
    assert tell(puppet, :self) == puppet
    assert eventually(fn -> remote(:erlang, :is_process_alive, [pid]) == false end)
    assert down(Process.monitor(pid)) == :noproc
  end

  check "the connection is cut: monitors and links of the peer", alone: true do
    me = self()
    here = node()
    name = unique(:cut)
    Process.register(self(), name)
    puppet = trapping()
    by_pid = tell(puppet, {:monitor, me})
    by_name = tell(puppet, {:monitor, {name, here}})
    gone = tell(puppet, {:monitor, me})
    tell(puppet, {:demonitor, gone, []})
    pid = mortal()
    tell(puppet, {:link, pid})
    for _ <- 1..2, do: tell(puppet, {:monitor_node, here, true})
    tell(puppet, {:monitor_node, here, true})
    tell(puppet, {:monitor_node, here, false})
    cut()
    got = for _ <- 1..5, do: forwarded(puppet)
    assert {:DOWN, by_pid, :process, me, :noconnection} in got
    assert {:DOWN, by_name, :process, {name, here}, :noconnection} in got
    assert {:EXIT, pid, :noconnection} in got
    assert Enum.count(got, &(&1 == {:nodedown, here})) == 2
    quiet(puppet)
    # Its monitors are made anew, and hold.
    other = mortal()
    ref = tell(puppet, {:monitor, other})
    send(other, :later)
    assert forwarded(puppet) == {:DOWN, ref, :process, other, :later}
  end

  check "the connection is cut: who does not trap is taken along", alone: true do
    puppet = puppet()
    watcher = puppet()
    ref = tell(watcher, {:monitor, puppet})
    tell(puppet, {:link, mortal()})
    cut()
    assert forwarded(watcher) == {:DOWN, ref, :process, puppet, :noconnection}
  end

  check "nodes that go and come, for who asked", alone: true do
    here = node()
    [plain, rich, hidden] = for _ <- 1..3, do: puppet()
    assert tell(plain, {:monitor_nodes, true}) == :ok
    assert tell(rich, {:monitor_nodes, true, [:nodedown_reason, node_type: :all]}) == :ok
    assert tell(hidden, {:monitor_nodes, true, [node_type: :hidden]}) == :ok
    cut()
    assert {forwarded(plain), forwarded(plain)} == {{:nodedown, here}, {:nodeup, here}}
    assert {:nodedown, ^here, down} = forwarded(rich)
    assert Enum.sort(Keyword.keys(down)) == [:node_type, :nodedown_reason]
    assert down[:node_type] == :visible
    assert down[:nodedown_reason] == :connection_closed
    assert {:nodeup, ^here, [node_type: :visible]} = forwarded(rich)
    quiet(hidden)
    for puppet <- [plain, rich], do: quiet(puppet)
    assert tell(plain, {:monitor_nodes, false}) == :ok
  end

  check "the reason when the peer itself disconnects", alone: true do
    here = node()
    puppet = puppet()
    assert tell(puppet, {:monitor_nodes, true, [:nodedown_reason]}) == :ok
    # Its answer makes the next connection.
    order(puppet, {:disconnect, here})
    assert {:nodedown, ^here, info} = forwarded(puppet)
    assert info[:nodedown_reason] == :disconnect
    assert {:nodeup, ^here, _} = forwarded(puppet)
    assert tell(puppet, {:disconnect, nowhere()}) == false
  end
end
