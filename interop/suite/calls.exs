# Calls: what is answered, by whom, to which tag, and what is left when nothing is.

defmodule Area.Calls do
  use Suite
  import Bitwise

  # A call as it is on the wire, without the monitor that a caller makes first.
  defp raw(server, to, tag, request), do: send(server, {:"$gen_call", {to, tag}, request})

  # How a call from here ends.
  defp failed(server, request, timeout \\ 5000) do
    assert {:exit, {reason, {GenServer, :call, [^server, ^request, ^timeout]}}} =
             caught(fn -> GenServer.call(server, request, timeout) end)

    reason
  end

  # Takes the next call that comes to this process, as a server would.
  defp taken do
    receive do
      {:"$gen_call", from, request} -> {from, request}
    after
      30_000 -> raise "no call has come"
    end
  end

  # --- who is called --------------------------------------------------------

  check "a pid, a name and a name of this node's choosing are answered" do
    name = unique(:calls)
    pid = named_server(name)
    assert GenServer.call(pid, :ping) == :pong
    assert GenServer.call(at(name), :self) == pid
    assert GenServer.call(at(:conf_server), :ping) == :pong
    assert GenServer.call(pid, :node) == peer()
  end

  check "a global name is called from here and from there" do
    key = {unique(:calls), "any", [:term]}
    pid = named_server({:global, key})
    assert eventually(fn -> :global.whereis_name(key) == pid end)
    assert GenServer.call({:global, key}, :self) == pid
    assert GenServer.call({:via, :global, key}, :self) == pid
    assert tell(puppet(), {:call, {:global, key}, :self, 5000}) == pid
  end

  check "a name in a registry is called there" do
    key = {:calls, unique(:key)}
    {:ok, pid} = fun(:registry_start, [{:state, 1}, key])
    assert fun(:registry_call, [key, :self]) == pid
    assert tell(puppet(), {:call, {:via, Registry, {Conf.Registry, key}}, :state, 5000}) == 1
  end

  check "every kind of term comes back as it went" do
    terms = [
      -0.5, 1.0e300, 0, -1, 255, 256, 1 <<< 31, -(1 <<< 31), (1 <<< 64) - 1, -(1 <<< 100), 1 <<< 3000,
      "", "žluťoučký", <<0, 255>>, <<5::3>>, <<1::1, 0::16>>, [], [1 | 2], [1, 2 | :tail], ~c"abc", [300, -1],
      {}, {1}, List.to_tuple(Enum.to_list(1..300)), %{}, %{1 => %{2 => 3}, 1.0 => :float, [] => {}},
      Map.new(1..50, &{&1, -&1}), nil, true, :"", :"with space", :"žlutý", String.to_atom(String.duplicate("é", 255)),
      self(), make_ref(), hd(:erlang.ports()), &String.length/1, ~r/x/.source, 1..3, {:ok, [%{a: ["b" | :c]}]}
    ]

    server = server()
    assert GenServer.call(server, {:echo, terms}) === terms
    for term <- terms, do: assert(GenServer.call(server, {:echo, term}) === term)
  end

  check "ten million bytes come back" do
    big = :crypto.strong_rand_bytes(1_000_000)
    big = :binary.copy(big, 10)
    server = server()
    assert GenServer.call(server, {:echo, big}, 20_000) == big
    assert GenServer.call(server, {:echo, {:pair, big, [1]}}, 20_000) == {:pair, big, [1]}
    assert GenServer.call(server, :ping) == :pong
  end

  check "many callers at once get their own answers" do
    server = server()
    all = Task.async_stream(1..200, &GenServer.call(server, {:echo, &1}), max_concurrency: 50, timeout: 30_000)
    assert Enum.map(all, fn {:ok, n} -> n end) == Enum.to_list(1..200)
  end

  check "casts sent before a call are done before it" do
    name = unique(:calls)
    pid = named_server(name)
    for n <- 1..50, do: GenServer.cast(Enum.at([pid, at(name)], rem(n, 2)), {:event, n})
    assert GenServer.call(pid, :events) == for(n <- 1..50, do: {:cast, n})
  end

  # --- tags -----------------------------------------------------------------

  check "the server sees the caller and the alias of its monitor" do
    me = self()
    assert {^me, [:alias | ref]} = GenServer.call(server(), :from)
    assert is_reference(ref)
  end

  check "a bare reference is answered to the pid" do
    ref = make_ref()
    raw(server(), self(), ref, {:echo, :old})
    assert_receive {^ref, :old}, 30_000
  end

  check "a tag of any form is kept whole" do
    server = server()

    for tag <- [:atom, 7, "text", {1, [2]}, [:alias | 5], [:alias, make_ref()], [[:alias | :no] | 1], nil] do
      raw(server, self(), tag, {:echo, :x})
      assert_receive {^tag, :x}, 30_000
    end
  end

  check "an alias is answered, whole tag kept, whatever the pid says" do
    server = server()
    puppet = puppet()
    ref = :erlang.alias()
    raw(server, puppet, [:alias | ref], {:echo, 1})
    assert_receive {[:alias | ^ref], 1}, 30_000
    raw(server, puppet, [[:alias | ref] | :more], {:echo, 2})
    assert_receive {[[:alias | ^ref] | :more], 2}, 30_000
    other = make_ref()
    raw(server, puppet, [[:alias | ref] | other], {:echo, 3})
    assert_receive {[[:alias | ^ref] | ^other], 3}, 30_000
    refute_receive {:fwd, _, _}, 50
  end

  check "who has given up its alias gets no answer" do
    server = server()
    ref = :erlang.alias()
    tags = [[:alias | ref], [[:alias | ref] | make_ref()]]
    for tag <- tags, do: raw(server, self(), tag, :never)
    assert GenServer.call(server, :ping) == :pong
    assert :erlang.unalias(ref)
    for tag <- tags, do: send(server, {:reply_now, {self(), tag}, :late})
    raw(server, self(), [:alias | ref], {:echo, 3})
    assert GenServer.call(server, :ping) == :pong
    assert mailbox(50) == []
  end

  check "an alias for one answer takes the first" do
    server = server()
    ref = :erlang.alias([:reply])
    raw(server, self(), [:alias | ref], {:double_reply, 1, 2})
    assert mailbox(350) == [{[:alias | ref], 1}]
  end

  check "a name is answered, too, and one that is not there harms nobody" do
    server = server()
    name = unique(:caller)
    Process.register(self(), name)
    raw(server, {name, node()}, :tag, {:echo, 1})
    assert_receive {:tag, 1}, 30_000
    raw(server, :there_is_no_such_name, make_ref(), {:echo, 2})
    raw(server, {:there_is_no_such_name, node()}, make_ref(), {:echo, 3})
    raw(server, {:someone, :"nowhere@127.0.0.1"}, make_ref(), :ping)
    assert GenServer.call(server, :ping) == :pong
  end

  # --- answers from elsewhere, late and twice ----------------------------------

  check "another process may answer" do
    assert GenServer.call(server(), {:reply_from_other, {:x, 1}}) == {:x, 1}
  end

  check "an answer may come later, while others are served" do
    server = server()
    tag = make_ref()
    raw(server, self(), tag, :never)
    assert GenServer.call(server, :ping) == :pong
    refute_received {^tag, _}
    send(server, {:reply_now, {self(), tag}, :late})
    assert_receive {^tag, :late}, 30_000
    assert GenServer.call(server, {:noreply_later, 50, :later}) == :later
  end

  check "of two answers the second is nobody's" do
    server = server()
    assert GenServer.call(server, {:double_reply, :first, :second}) == :first
    assert mailbox(350) == []
    assert GenServer.call(server, :ping) == :pong
  end

  check "an answer that comes too late leaves nothing" do
    server = server()
    assert failed(server, {:sleep, 600}, 30) == :timeout
    assert failed(server, {:noreply_later, 100, :x}, 10) == :timeout
    assert GenServer.call(server, :ping) == :pong
    assert mailbox(200) == []
  end

  check "no answer at all is a timeout of the length asked" do
    server = server()
    {microseconds, reason} = :timer.tc(fn -> failed(server, :never, 120) end)
    assert reason == :timeout
    assert microseconds >= 120_000
    assert mailbox(50) == []
  end

  check "a timeout of nothing is over at once, infinity never" do
    server = server()
    assert failed(server, :never, 0) == :timeout
    assert GenServer.call(server, {:noreply_later, 50, :x}, :infinity) == :x
  end

  # --- no such server --------------------------------------------------------

  check "what is not there is noproc, and the server is named as it was given" do
    dead = server()
    GenServer.stop(dead)
    assert failed(dead, :ping) == :noproc
    assert failed(at(unique(:nobody)), {:echo, "x"}, 1234) == :noproc
    assert failed({:global, unique(:nobody)}, :ping, :infinity) == :noproc
    assert failed({:via, :global, unique(:nobody)}, :ping) == :noproc
  end

  check "a node that is not there is nodedown" do
    nowhere = :"nowhere@#{peer() |> to_string() |> String.split("@") |> List.last()}"
    assert failed({:anybody, nowhere}, :ping) == {:nodedown, nowhere}
    expected = {:caught, :exit, {{:nodedown, nowhere}, {GenServer, :call, [{:a, nowhere}, 1, 5000]}}}
    assert tell(puppet(), {:call, {:a, nowhere}, 1, 5000}) == expected
  end

  check "a call to oneself fails, however one is named" do
    name = unique(:calls)
    pid = named_server(name)

    for server <- [pid, name, at(name)] do
      assert {:caught, :exit, {:calling_self, {GenServer, :call, [^server, :ping, 500]}}} =
               GenServer.call(pid, {:call, server, :ping, 500})
    end

    global = {:global, unique(:calls)}
    pid = named_server(global)

    assert GenServer.call(pid, {:call, global, :ping, 500}) ==
             {:caught, :exit, {:calling_self, {GenServer, :call, [global, :ping, 500]}}}
  end

  check "two servers may call each other" do
    {one, two} = {server({:state, 1}), server({:state, 2})}
    assert GenServer.call(one, {:call, two, {:call, one, :state, 50}, 5000}) |> elem(0) == :ok
    assert GenServer.call(one, {:call, two, :state, 5000}) == {:ok, 2}
  end

  # --- ends of the server -----------------------------------------------------

  check "a server that stops without an answer is its reason" do
    for reason <- [:normal, :shutdown, {:shutdown, 1}, :other, {:a, "b", [3]}, :kill] do
      assert failed(server(), {:stop_noreply, reason}) == reason
    end

    # It is what a lost connection is told by.
    assert failed(server(), {:stop_noreply, :noconnection}) == {:nodedown, peer()}
  end

  check "a stop with an answer: terminate, then the answer, then the end" do
    server = server()
    :ok = GenServer.call(server, {:on_terminate, self()})
    ref = Process.monitor(server)
    tag = make_ref()
    raw(server, self(), tag, {:stop, :enough, :bye})

    assert [{:terminated, ^server, :enough}, {^tag, :bye}, {:DOWN, ^ref, :process, ^server, :enough}] =
             for(_ <- 1..3, do: receive(do: (message -> message)))
  end

  check "a stop's answer is the call's value, whatever the reason" do
    for reason <- [:normal, :shutdown, :bad, {:shutdown, :x}] do
      pid = server()
      ref = Process.monitor(pid)
      assert GenServer.call(pid, {:stop, reason, {:said, reason}}) == {:said, reason}
      assert down(ref) == reason
    end
  end

  check "a server that is killed while it waits" do
    for {signal, seen} <- [kill: :killed, boom: :boom, shutdown: :shutdown] do
      server = server()
      call = Task.async(fn -> failed(server, :never) end)
      watched(server, call.pid)
      assert GenServer.call(server, :ping) == :pong
      Process.exit(server, signal)
      assert Task.await(call, 30_000) == seen
    end
  end

  check "a process that is no server gets the call as a message" do
    puppet = puppet()
    call = Task.async(fn -> failed(puppet, {:do, "it"}) end)
    assert {:"$gen_call", {pid, [:alias | _]}, {:do, "it"}} = forwarded(puppet)
    assert pid == call.pid
    order(puppet, {:die, :no_server})
    assert Task.await(call, 30_000) == :no_server
  end

  check "calls that wait in a queue fail with who they wait for" do
    server = server()
    send(server, {:"$gen_call", {self(), make_ref()}, {:sleep, 60_000}})
    queued(server, 0)
    calls = for n <- 1..5, do: Task.async(fn -> failed(server, {:echo, n}) end)
    queued(server, 5)
    Process.exit(server, :gone)
    assert Task.await_many(calls, 30_000) == List.duplicate(:gone, 5)
  end

  # --- what a callback may answer ----------------------------------------------

  check "a value that is thrown is the result" do
    server = server()
    assert GenServer.call(server, {:throw_reply, :caught}) == :caught
    assert GenServer.call(server, :ping) == :pong
  end

  check "the state that is thrown is kept, and a continue runs before the next message" do
    server = server()
    ref = make_ref()
    # All of them are in the mailbox before the first is done.
    raw(server, self(), make_ref(), {:sleep, 50})
    raw(server, self(), ref, {:reply_continue, 1})
    GenServer.cast(server, {:event, 2})
    GenServer.cast(server, {:continue, 3})
    GenServer.cast(server, {:throw_noreply, 4})
    send(server, :five)
    assert GenServer.call(server, :events) ==
             [continue: 1, cast: 2, continue: 3, thrown: 4, info: :five]
    assert_receive {^ref, :continuing}, 30_000
  end

  check "a continue may answer" do
    assert GenServer.call(server(), {:noreply_continue, {:from, :continue}}) == {:from, :continue}
  end

  check "a server that hibernates wakes for the next message" do
    server = server({:hibernate, :asleep})
    assert GenServer.call(server, :state) == :asleep
    assert GenServer.call(server, :reply_hibernate) == :ok
    assert GenServer.call(server, :ping) == :pong
    assert GenServer.call(server, :reply_hibernate) == :ok
    GenServer.cast(server, {:event, 1})
    send(server, 2)
    assert GenServer.call(server, :events) == [cast: 1, info: 2]
  end

  check "a timeout comes when nothing else does" do
    server = server({:state, {:timeout_to, self()}})

    for request <- [{:reply_timeout, 60}, {:noreply_timeout, 0}, {:noreply_timeout, 30}] do
      assert GenServer.call(server, request) == :ok
      assert_receive {:init_timeout, ^server}, 30_000
    end

    GenServer.cast(server, {:timeout, 20})
    assert_receive {:init_timeout, ^server}, 30_000
  end

  check "a timeout is given up for any message" do
    servers =
      for message <- [:call, :cast, :info] do
        server = server()
        assert GenServer.call(server, {:reply_timeout, 800}) == :ok

        case message do
          :call -> GenServer.call(server, :ping)
          :cast -> GenServer.cast(server, {:put_state, 1})
          :info -> send(server, {:notify, self(), 1})
        end

        server
      end

    Process.sleep(1200)
    for server <- servers, do: refute({:info, :timeout} in GenServer.call(server, :events))
  end

  check "a system message begins the timeout anew" do
    server = server()
    assert GenServer.call(server, {:reply_timeout, 2000}) == :ok
    Process.sleep(1200)
    assert state(server).events == []
    Process.sleep(1200)
    # 2400 ms after the call, 1200 after the state was asked for.
    assert Process.info(self(), :message_queue_len) == {:message_queue_len, 0}
    assert GenServer.call(server, :events) == []
  end

  check "a timeout of 0 comes only if nothing waits" do
    server = server()
    raw(server, self(), make_ref(), {:sleep, 500})
    raw(server, self(), make_ref(), {:reply_timeout, 0})
    GenServer.cast(server, {:event, 1})
    assert GenServer.call(server, :events) == [cast: 1]
  end

  check "an init with a timeout, and one with a continue" do
    pid = server({:timeout, 20, self()})
    assert_receive {:init_timeout, ^pid}, 30_000
    pid = server({:continue, :x, self()})
    assert_receive {:continued, ^pid, :x}, 30_000
    assert GenServer.call(pid, :state) == {:continue_to, self()}
  end

  # --- multi_call -----------------------------------------------------------------

  check "multi_call has the answers by node and the nodes without one" do
    nowhere = :"nowhere@#{peer() |> to_string() |> String.split("@") |> List.last()}"
    name = unique(:multi)
    named_server(name, {:state, 7})
    {peer, here} = {peer(), node()}
    assert GenServer.multi_call([peer], name, :state) == {[{peer, 7}], []}
    assert {[{^peer, 7}], bad} = GenServer.multi_call([here, peer, nowhere], name, :state, 30_000)
    assert Enum.sort(bad) == Enum.sort([here, nowhere])
    assert GenServer.multi_call([peer], unique(:nobody), :state) == {[], [peer]}
    assert mailbox(50) == []
  end

  check "multi_call does not wait for the slow nor keep what they say" do
    name = unique(:multi)
    named_server(name)
    peer = peer()
    assert GenServer.multi_call([peer], name, {:sleep, 600}, 30) == {[], [peer]}
    assert GenServer.call(at(name), :ping) == :pong
    assert mailbox(100) == []
  end

  check "a process of the peer makes a multi_call" do
    name = unique(:multi)
    theirs = named_server(name, {:state, :there})
    {peer, here} = {peer(), node()}
    puppet = puppet()
    Process.register(self(), name)
    asked = order(puppet, {:multi_call, [here, peer], name, :self, 30_000})
    {from, :self} = taken()
    GenServer.reply(from, :mine)
    assert {answers, []} = answered(asked)
    assert Enum.sort(answers) == Enum.sort([{here, :mine}, {peer, theirs}])
    asked = order(puppet, {:multi_call, [here], name, :late, 50})
    {from, :late} = taken()
    assert answered(asked) == {[], [here]}
    GenServer.reply(from, :too_late)
    assert tell(puppet, :queue_len) == {:message_queue_len, 0}
    assert mailbox(50) == []
  end

  # --- requests that are answered later ---------------------------------------------

  check "a request is received, waited for and looked for" do
    server = server()
    id = :gen_server.send_request(server, {:echo, 1})
    assert :gen_server.receive_response(id, 30_000) == {:reply, 1}
    id = :gen_server.send_request(server, {:noreply_later, 800, 2})
    assert :gen_server.wait_response(id, 0) == :timeout
    assert :gen_server.wait_response(id, 30_000) == {:reply, 2}
    id = :gen_server.send_request(server, {:echo, 3})
    assert :gen_server.check_response(:unrelated, id) == :no_reply
    message = receive(do: (message -> message))
    assert :gen_server.check_response(message, id) == {:reply, 3}
  end

  check "a request that fails says why and of whom" do
    server = server()
    id = :gen_server.send_request(server, {:stop_noreply, :over})
    assert :gen_server.receive_response(id, 30_000) == {:error, {:over, server}}
    id = :gen_server.send_request(server, :ping)
    assert :gen_server.receive_response(id, 30_000) == {:error, {:noproc, server}}
    nobody = at(unique(:nobody))
    id = :gen_server.send_request(nobody, :ping)
    assert :gen_server.receive_response(id, 30_000) == {:error, {:noproc, nobody}}
  end

  check "a request given up leaves nothing" do
    server = server()
    id = :gen_server.send_request(server, {:noreply_later, 400, 1})
    assert :gen_server.receive_response(id, 10) == :timeout
    assert mailbox(600) == []
  end

  check "requests are collected in the order of their answers" do
    server = server()
    ids = :gen_server.reqids_new()
    ids = :gen_server.send_request(server, {:noreply_later, 800, :slow}, :a, ids)
    ids = :gen_server.send_request(server, {:echo, :fast}, :b, ids)
    ids = :gen_server.send_request(at(unique(:nobody)), :ping, :c, ids)
    answers = collected(ids)
    assert {{:reply, :slow}, :a} = List.last(answers)
    assert {{:reply, :fast}, :b} in answers
    assert [{{:error, {:noproc, _}}, :c}] = for({_, :c} = answer <- answers, do: answer)
    assert mailbox(50) == []
  end

  defp collected(ids) do
    case :gen_server.receive_response(ids, 30_000, true) do
      :no_request -> []
      {answer, label, ids} -> [{answer, label} | collected(ids)]
    end
  end

  # --- the peer as the caller ----------------------------------------------------------

  check "a process of the peer calls a server here" do
    puppet = puppet()
    asked = order(puppet, {:call, self(), {:question, [1]}, 5000})
    {{^puppet, tag} = from, {:question, [1]}} = taken()
    assert [:alias | ref] = tag
    assert is_reference(ref)
    GenServer.reply(from, {:answer, %{a: 1}})
    assert answered(asked) == {:answer, %{a: 1}}
  end

  check "another process here may answer it, and a second answer is dropped" do
    puppet = puppet()
    asked = order(puppet, {:call, self(), :who, 5000})
    {from, :who} = taken()
    spawn(fn -> GenServer.reply(from, :another) end)
    assert answered(asked) == :another
    GenServer.reply(from, :again)
    assert tell(puppet, :queue_len) == {:message_queue_len, 0}
    assert mailbox(50) == []
  end

  check "it waits no longer than it says, and hears no late answer" do
    puppet = puppet()
    asked = order(puppet, {:call, self(), :slow, 40})
    {from, :slow} = taken()
    assert answered(asked) == {:caught, :exit, {:timeout, {GenServer, :call, [self(), :slow, 40]}}}
    GenServer.reply(from, :late)
    assert tell(puppet, :queue_len) == {:message_queue_len, 0}
    assert mailbox(50) == []
  end

  check "it sees how a server here ends" do
    puppet = puppet()

    for {reason, seen} <- [normal: :normal, kill: :killed, boom: :boom] do
      server = spawn(fn -> receive(do: ({:"$gen_call", _, _} -> Process.exit(self(), reason))) end)
      answer = tell(puppet, {:call, server, :end, 5000})
      assert answer == {:caught, :exit, {seen, {GenServer, :call, [server, :end, 5000]}}}
      again = {:caught, :exit, {:noproc, {GenServer, :call, [server, 1, 5000]}}}
      assert tell(puppet, {:call, server, 1, 5000}) == again
    end

    nobody = {unique(:nobody), node()}
    again = {:caught, :exit, {:noproc, {GenServer, :call, [nobody, 1, :infinity]}}}
    assert tell(puppet, {:call, nobody, 1, :infinity}) == again
    assert mailbox(50) == []
  end

  check "it cannot call what is no server" do
    puppet = puppet()
    assert tell(puppet, {:call, {:via, :no_such_module, :k}, 1, 100}) == {:caught, :error, :undef}
    assert {:caught, :error, _} = tell(puppet, {:call, 5, 1, 100})
    assert {:caught, :error, _} = tell(puppet, {:call, self(), 1, -1})

    for server <- [:nobody_has_it, {:global, :nobody_has_it}] do
      expected = {:caught, :exit, {:noproc, {GenServer, :call, [server, 1, 100]}}}
      assert tell(puppet, {:call, server, 1, 100}) == expected
      expected = {:caught, :exit, {:noproc, {GenServer, :stop, [server, :normal, 100]}}}
      assert tell(puppet, {:stop, server, :normal, 100}) == expected
      assert tell(puppet, {:cast, server, 1}) == :ok
    end

    assert tell(puppet, {:abcast, [node(), peer()], :nobody_has_it, 1}) == :abcast
    assert tell(puppet, {:multi_call, [], :nobody_has_it, 1, 100}) == {[], []}
  end

  # --- GenServer.stop -------------------------------------------------------------------

  check "stop is ok whatever the reason, and terminate hears it" do
    for reason <- [:normal, :shutdown, :odd, {:shutdown, 1}] do
      name = unique(:stop)
      pid = named_server(name)
      :ok = GenServer.call(pid, {:on_terminate, self()})
      assert GenServer.stop(Enum.random([pid, at(name)]), reason) == :ok
      assert_received {:terminated, ^pid, ^reason}
      refute remote(:erlang, :is_process_alive, [pid])
    end
  end

  check "stop of what is not there, and of what is slow" do
    dead = server()
    GenServer.stop(dead)

    for server <- [dead, at(unique(:nobody))] do
      assert caught(fn -> GenServer.stop(server, :normal, 5000) end) ==
               {:exit, {:noproc, {GenServer, :stop, [server, :normal, 5000]}}}
    end

    slow = server()
    raw(slow, self(), make_ref(), {:sleep, 600})

    assert caught(fn -> GenServer.stop(slow, :x, 50) end) ==
             {:exit, {:timeout, {GenServer, :stop, [slow, :x, 50]}}}
  end

  check "stop of what ends otherwise" do
    server = server()
    raw(server, self(), make_ref(), {:sleep, 500})
    GenServer.cast(server, {:stop, :before})

    assert caught(fn -> GenServer.stop(server, :later) end) ==
             {:exit, {otherwise(:before, server, :later), {GenServer, :stop, [server, :later, :infinity]}}}

    {server, puppet} = {server(), puppet()}
    raw(server, self(), make_ref(), {:sleep, 500})
    GenServer.cast(server, {:stop, :before})

    assert {:caught, :exit, {inner, {GenServer, :stop, _}}} = tell(puppet, {:stop, server, :later, 5000})
    assert inner == {:before, {:sys, :terminate, [server, :later, 5000]}}
  end

  defp otherwise(reason, server, asked), do: {reason, {:sys, :terminate, [server, asked, :infinity]}}

  check "a process of the peer stops a server" do
    puppet = puppet()
    server = server()
    ref = Process.monitor(server)
    assert tell(puppet, {:stop, server, :told, 5000}) == :ok
    assert down(ref) == :told
    exited = {:caught, :exit, {:noproc, {GenServer, :stop, [server, :told, 5000]}}}
    assert tell(puppet, {:stop, server, :told, 5000}) == exited
  end

  # --- the connection ---------------------------------------------------------------------

  check "a call that waits while the connection is cut", alone: true do
    server = server()
    call = Task.async(fn -> failed(server, :never) end)
    watched(server, call.pid)
    assert GenServer.call(server, :ping) == :pong
    assert Node.disconnect(peer())
    assert Task.await(call, 30_000) == {:nodedown, peer()}
    # The next call makes the connection anew.
    assert eventually(fn -> caught(fn -> GenServer.call(server, :ping) end) == {:ok, :pong} end)
  end

  check "a process of the peer whose call waits while the connection is cut", alone: true do
    puppet = puppet()
    me = self()
    order(puppet, {:call, me, :never, 5000})
    taken()
    Node.disconnect(peer())
    # Its answer goes out by a new connection.
    assert_receive {_, {:caught, :exit, {{:nodedown, n}, {GenServer, :call, [^me, :never, 5000]}}}}
                   when n == node(),
                   30_000
  end
end
