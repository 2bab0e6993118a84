# Much at once: order, size, number, and everything of each kind of term.

defmodule Area.Bulk do
  use Suite, at_once: 3, patience: 120_000
  import Bitwise

  defp sink(n), do: fun(:sink, [self(), n])

  defp assert_sunk(sink, n) do
    receive do
      {:sink_ok, ^sink, ^n} -> :ok
      {:sink_bad, ^sink, expected, got} -> raise "expected #{expected}, got #{inspect(got)}"
    after
      30_000 -> raise "the sink did not get everything"
    end
  end

  # The messages {:n, 1} to {:n, n}, in this order and no other between.
  defp assert_flood(n) do
    for i <- 1..n do
      receive do
        {:n, got} -> if got != i, do: raise("expected #{i}, got #{got}")
      after
        30_000 -> raise "no message #{i}"
      end
    end
  end

  defp echo(server, term), do: GenServer.call(server, {:echo, term}, 25_000)

  defp assert_same(server, terms), do: for(term <- terms, do: assert(echo(server, term) === term))

  defp deep_list(n), do: Enum.reduce(1..n, [], fn _, inner -> [inner] end)
  defp deep_tuple(n), do: Enum.reduce(1..n, {}, fn _, inner -> {inner} end)
  defp deep_map(n), do: Enum.reduce(1..n, %{}, fn i, inner -> %{i => inner} end)

  # --- order and number -------------------------------------------------------------------------

  check "ten thousand messages in order to a process there" do
    sink = sink(10_000)
    for i <- 1..10_000, do: send(sink, {:n, i})
    assert_sunk(sink, 10_000)
  end

  check "a hundred thousand messages in order" do
    sink = sink(100_000)
    for i <- 1..100_000, do: send(sink, {:n, i})
    assert_sunk(sink, 100_000)
  end

  check "ten thousand messages in order from there" do
    assert fun(:flood, [self(), 10_000]) == :ok
    assert_flood(10_000)
  end

  check "floods both ways at the same time" do
    sink = sink(20_000)
    me = self()
    spawn(fn -> send(me, {:flooded, fun(:flood, [me, 20_000])}) end)
    for i <- 1..20_000, do: send(sink, {:n, i})
    assert_flood(20_000)
    assert_sunk(sink, 20_000)
    assert_receive {:flooded, :ok}, 30_000
  end

  check "from one process there to another" do
    sink = sink(20_000)
    assert fun(:flood, [sink, 20_000]) == :ok
    assert_sunk(sink, 20_000)
  end

  check "ten sinks, ten senders" do
    sinks = for _ <- 1..10, do: sink(2000)
    for sink <- sinks, do: spawn(fn -> for i <- 1..2000, do: send(sink, {:n, i}) end)
    for sink <- sinks, do: assert_sunk(sink, 2000)
  end

  check "by pid and by name in turn" do
    puppet = puppet()
    name = unique(:bulk)
    tell(puppet, {:register, name})
    for i <- 1..1000, do: send(Enum.at([puppet, at(name)], rem(i, 2)), {:n, i})
    for i <- 1..1000, do: assert({:n, ^i} = forwarded(puppet))
  end

  check "casts, messages and calls of one sender keep their order" do
    server = server()

    for i <- 1..500 do
      case rem(i, 3) do
        0 -> GenServer.cast(server, {:event, i})
        1 -> send(server, i)
        2 -> assert GenServer.call(server, {:echo, i}) == i
      end
    end

    expected = for i <- 1..500, rem(i, 3) != 2, do: if(rem(i, 3) == 0, do: {:cast, i}, else: {:info, i})
    assert GenServer.call(server, :events) == expected
  end

  check "a message sent before an exit signal comes before it" do
    for _ <- 1..20 do
      puppet = puppet()
      ref = Process.monitor(puppet)
      for i <- 1..50, do: send(puppet, {:n, i})
      Process.exit(puppet, :over)
      assert down(ref) == :over
      # The mailbox of a process that is ended is not worked off; what it has forwarded is in order.
      got = for({:fwd, ^puppet, {:n, i}} <- mailbox(0), do: i)
      assert got == Enum.take(1..50, length(got))
    end
  end

  # --- at once ------------------------------------------------------------------------------------

  check "a thousand calls at once" do
    server = server()
    me = self()
    for i <- 1..1000, do: spawn(fn -> send(me, {:answer, i, GenServer.call(server, {:echo, i * i}, 20_000)}) end)
    for i <- 1..1000, do: assert_receive({:answer, ^i, square} when square == i * i, 30_000)
  end

  check "a thousand calls at once to a hundred servers" do
    servers = for _ <- 1..100, do: server()
    call = fn i -> GenServer.call(Enum.at(servers, rem(i, 100)), {:echo, i}, 20_000) end
    assert 1..1000 |> Task.async_stream(call, max_concurrency: 200, timeout: 25_000) |> Enum.map(&elem(&1, 1)) ==
             Enum.to_list(1..1000)
  end

  check "a thousand requests that wait for their answers together" do
    server = server()
    ids = for i <- 1..1000, do: :gen_server.send_request(server, {:echo, i})
    answers = for id <- ids, do: :gen_server.receive_response(id, 20_000)
    assert answers == for(i <- 1..1000, do: {:reply, i})
  end

  check "a thousand casts" do
    server = server()
    for i <- 1..1000, do: GenServer.cast(server, {:notify, self(), i})
    for i <- 1..1000, do: assert_receive({:cast_got, ^server, ^i}, 30_000)
  end

  check "a thousand rpc calls, fifty at a time" do
    call = fn i -> :rpc.call(peer(), Conf.Fun, :add, [i, 1]) end
    assert 1..1000 |> Task.async_stream(call, max_concurrency: 50, timeout: 25_000) |> Enum.map(&elem(&1, 1)) ==
             Enum.to_list(2..1001)
  end

  check "five hundred erpc requests under way" do
    ids = for i <- 1..500, do: :erpc.send_request(peer(), Conf.Fun, :identity, [i])
    assert for(id <- ids, do: :erpc.receive_response(id, 20_000)) == Enum.to_list(1..500)
  end

  check "a thousand monitors of one process" do
    server = server()
    refs = for _ <- 1..1000, do: Process.monitor(server)
    GenServer.stop(server, :over)
    for ref <- refs, do: assert(down(ref) == :over)
  end

  check "a thousand monitors, and most are given up" do
    server = server()
    refs = for _ <- 1..1000, do: Process.monitor(server)
    {kept, given_up} = Enum.split(refs, 10)
    for ref <- given_up, do: assert(Process.demonitor(ref))
    GenServer.stop(server)
    for ref <- kept, do: assert(down(ref) == :normal)
    assert mailbox(100) == []
  end

  check "a thousand processes monitored by one" do
    pids = for _ <- 1..1000, do: :erlang.spawn(peer(), Conf.Fun, :hang, [])
    refs = for pid <- pids, do: Process.monitor(pid)
    for pid <- pids, do: Process.exit(pid, :enough)
    for ref <- refs, do: assert(down(ref) == :enough)
  end

  check "a thousand links to one" do
    puppet = puppet()
    me = self()

    for i <- 1..1000 do
      spawn(fn ->
        Process.flag(:trap_exit, true)
        Process.link(puppet)
        send(me, :linked)
        receive(do: ({:EXIT, ^puppet, reason} -> send(me, {:broken, i, reason})))
      end)
    end

    for _ <- 1..1000, do: assert_receive(:linked, 30_000)
    assert tell(puppet, :self) == puppet
    order(puppet, {:die, :cut})
    for i <- 1..1000, do: assert_receive({:broken, ^i, :cut}, 30_000)
  end

  check "five hundred linked processes end with one here" do
    parent = spawn(fn -> Process.sleep(:infinity) end)
    puppets = for _ <- 1..500, do: puppet()
    for puppet <- puppets, do: send(puppet, {:cmd, self(), make_ref(), {:link, parent}})
    for _ <- puppets, do: assert_receive({_, true}, 30_000)
    refs = for puppet <- puppets, do: Process.monitor(puppet)
    Process.exit(parent, :family)
    for ref <- refs, do: assert(down(ref) == :family)
  end

  check "a thousand processes are spawned" do
    for i <- 1..1000, do: :erlang.spawn(peer(), Conf.Fun, :notify, [self(), {:spawned, i}])
    for i <- 1..1000, do: assert_receive({:spawned, ^i}, 30_000)
  end

  check "five hundred are spawned with a monitor" do
    spawned = for i <- 1..500, do: :erlang.spawn_monitor(peer(), Conf.Fun, :exit, [{:mine, i}])
    assert spawned |> Enum.map(fn {_, ref} -> down(ref) end) == for(i <- 1..500, do: {:mine, i})
    pids = for {pid, _} <- spawned, do: pid
    assert length(Enum.uniq(pids)) == 500
  end

  check "five hundred servers are started, named, asked and stopped" do
    names = for _ <- 1..500, do: unique(:bulk)
    for {name, i} <- Enum.with_index(names), do: named_server(name, {:state, i})
    assert for(name <- names, do: GenServer.call(at(name), :state)) == Enum.to_list(0..499)
    for name <- names, do: GenServer.stop(at(name))
    assert for(name <- names, pid = remote(:erlang, :whereis, [name]), pid != :undefined, do: pid) == []
  end

  # --- size ------------------------------------------------------------------------------------------

  check "sizes around every border" do
    server = server()

    for n <- [0, 1, 254, 255, 256, 65_534, 65_535, 65_536, 65_537, 131_072, 200_000, 1_000_000] do
      binary = :binary.copy(<<7>>, n)
      assert echo(server, binary) == binary
      assert fun(:size, [binary]) == {:size, n}
      assert fun(:blob, [n]) == binary
    end
  end

  check "ten million bytes there and back" do
    binary = :binary.copy(:crypto.strong_rand_bytes(1000), 10_000)
    assert fun(:size, [binary]) == {:size, 10_000_000}
    assert fun(:blob, [10_000_000]) == :binary.copy(<<7>>, 10_000_000)
    assert echo(server(), binary) == binary
  end

  check "several large ones at the same time" do
    server = server()
    binaries = for i <- 1..4, do: :binary.copy(<<i>>, 3_000_000)
    tasks = for binary <- binaries, do: Task.async(fn -> echo(server, binary) == binary end)
    assert Task.await_many(tasks, 30_000) == [true, true, true, true]
  end

  check "small messages pass a large one", alone: true do
    {slow, quick} = {server(), server()}
    binary = :binary.copy(<<1>>, 20_000_000)
    large = Task.async(fn -> echo(slow, {:large, binary}) == {:large, binary} end)
    times = for i <- 1..30, do: (:timer.tc(fn -> assert echo(quick, i) == i end) |> elem(0))
    assert Task.await(large, 30_000)
    assert Enum.max(times) < 5_000_000
  end

  check "fragments of many senders come together again" do
    sink = puppet()
    me = self()

    senders =
      for i <- 1..8 do
        spawn(fn -> for j <- 1..4, do: send(sink, {i, j, :binary.copy(<<i>>, 300_000 + j)}); send(me, :sent) end)
      end

    for _ <- senders, do: assert_receive(:sent, 30_000)
    got = for _ <- 1..32, do: forwarded(sink)
    for i <- 1..8, do: assert(for({^i, j, data} <- got, do: {j, byte_size(data)}) == for(j <- 1..4, do: {j, 300_000 + j}))
    assert Enum.all?(got, fn {i, j, data} -> data == :binary.copy(<<i>>, 300_000 + j) end)
  end

  check "a message behind a large one of the same sender stays behind it" do
    puppet = puppet()
    send(puppet, {:first, :binary.copy("x", 2_000_000)})
    send(puppet, :second)
    send(puppet, {:third, :binary.copy("y", 100_000)})
    send(puppet, :fourth)
    assert {:first, _} = forwarded(puppet)
    assert :second = forwarded(puppet)
    assert {:third, _} = forwarded(puppet)
    assert :fourth = forwarded(puppet)
  end

  check "pings between large messages" do
    server = server()
    binary = :binary.copy(<<9>>, 1_000_000)

    for _ <- 1..10 do
      GenServer.cast(server, {:put_state, binary})
      assert :net_adm.ping(peer()) == :pong
      assert GenServer.call(server, :ping) == :pong
    end

    assert GenServer.call(server, :state) == binary
  end

  check "large exit reasons, and in DOWN" do
    reason = {:big, :binary.copy("r", 500_000), Enum.to_list(1..10_000)}
    server = server()
    assert ended(server, fn -> GenServer.cast(server, {:stop, reason}) end) == reason
    puppet = puppet()
    assert ended(puppet, fn -> Process.exit(puppet, reason) end) == reason
    puppet = puppet()
    assert ended(puppet, fn -> order(puppet, {:die, reason}) end) == reason
  end

  # --- shape --------------------------------------------------------------------------------------------

  check "deep lists, tuples and maps" do
    assert_same(server(), [deep_list(10_000), deep_tuple(10_000), deep_map(5000)])
  end

  check "deeper than any stack" do
    assert_same(server(), [deep_list(100_000), deep_tuple(100_000)])
  end

  check "deep on each side of a cell" do
    heads = Enum.reduce(1..5000, :end, fn i, inner -> [inner | i] end)
    tails = Enum.reduce(1..5000, :end, fn i, inner -> [{i} | inner] end)
    assert_same(server(), [heads, tails])
  end

  check "wide lists and tuples" do
    assert_same(server(), [
      Enum.to_list(1..100_000),
      List.to_tuple(Enum.to_list(1..100_000)),
      List.duplicate(:atom, 50_000),
      for(i <- 1..20_000, do: {i, "text #{i}"}),
      List.duplicate(255, 65_535),
      List.duplicate(255, 65_536),
      List.to_tuple(List.duplicate(nil, 255)),
      List.to_tuple(List.duplicate(nil, 256))
    ])
  end

  check "big maps" do
    assert_same(server(), [
      Map.new(1..32, &{&1, &1}),
      Map.new(1..33, &{&1, &1}),
      Map.new(1..20_000, &{&1, "v#{&1}"}),
      Map.new(1..5000, &{{&1, [&1]}, %{&1 => &1}}),
      Map.new(1..1000, &{&1 * 1.0, &1}) |> Map.merge(Map.new(1..1000, &{&1, &1}))
    ])
  end

  check "many atoms, known and new" do
    atoms = for i <- 1..3000, do: :"bulk atom #{i}"
    server = server()
    assert echo(server, atoms) == atoms
    for slice <- Enum.chunk_every(atoms, 200), do: assert(echo(server, slice) == slice)
    assert echo(server, Enum.reverse(atoms)) == Enum.reverse(atoms)
    long = for i <- 1..300, do: String.to_atom(String.duplicate("ž", 250) <> "#{i}")
    assert echo(server, List.to_tuple(long)) == List.to_tuple(long)
  end

  check "more atoms in one message than a header can have" do
    server = server()
    map = Map.new(1..400, &{:"key_#{&1}", :"value_#{&1}"})
    for _ <- 1..3, do: assert(echo(server, map) === map)
  end

  # --- every kind of term -----------------------------------------------------------------------------------

  check "integers" do
    powers = for n <- [7, 8, 15, 16, 27, 28, 31, 32, 59, 60, 63, 64, 127, 128, 255, 256, 2039, 2040, 2041, 20_000], do: 1 <<< n
    all = for power <- powers, one <- [power - 1, power, power + 1], sign <- [1, -1], do: one * sign
    assert_same(server(), [all, 0, 255, 256, -1])
  end

  check "floats" do
    floats = [0.0, 1.0, -1.5, 0.1, 1.0e308, -1.7976931348623157e308, 5.0e-324, 2.2250738585072014e-308, 1.0e-10, 3.141592653589793]
    server = server()
    assert_same(server, [floats | floats])
    assert <<echo(server, -0.0)::float>> == <<-0.0::float>>
  end

  check "integers and floats stay apart" do
    server = server()
    assert echo(server, [1, 1.0, {1}, {1.0}]) === [1, 1.0, {1}, {1.0}]
    assert echo(server, %{1 => :integer, 1.0 => :float}) === %{1 => :integer, 1.0 => :float}
    assert echo(server, %{{1} => 1, {1.0} => 2, [1] => 3, [1.0] => 4}) === %{{1} => 1, {1.0} => 2, [1] => 3, [1.0] => 4}
  end

  check "binaries and bitstrings" do
    bits = for n <- 1..7, do: <<(1 <<< n) - 1::size(n)>>
    server = server()
    assert_same(server, [bits, "", <<0>>, <<255, 254>>, "žluťoučký kůň", <<1, 2, 3::3>>, <<0::1>>, <<0::7>>])
    large = <<:binary.copy(<<170>>, 100_000)::binary, 5::3>>
    assert echo(server, large) === large
  end

  check "atoms" do
    atoms = [:a, :"", nil, true, false, :"with space", :"žluť", Elixir, Conf.Fun, :"Elixir.", :"quoted\"", :"new\nline", :undefined]
    assert_same(server(), [atoms, String.to_atom(String.duplicate("a", 255)), String.to_atom(String.duplicate("日", 255))])
  end

  check "lists and strings" do
    assert_same(server(), [[], [[]], [[], [[]]], ~c"text", ~c"日本", [0, 255], [256], [1 | 2], [[1 | 2] | 3], [nil], ["a" | :b]])
  end

  check "pids, references and ports of here, there and elsewhere" do
    server = server()
    elsewhere = :erlang.binary_to_term(<<131, 88, 119, 12, "odd@nowhere1", 1::32, 2::32, 3::32>>)
    reference = :erlang.binary_to_term(<<131, 90, 3::16, 119, 12, "odd@nowhere1", 9::32, 1::32, 2::32, 3::32>>)
    ports = :erlang.ports()
    theirs = [server, puppet(), remote(:erlang, :make_ref, [])]
    assert_same(server, [self(), make_ref(), ports, elsewhere, reference, theirs, %{self() => server, make_ref() => ports}])
    assert node(echo(server, elsewhere)) == :odd@nowhere1
  end

  check "functions" do
    local = fn x -> {x, self()} end
    captured = &String.upcase/1
    server = server()
    assert_same(server, [captured, capture(:ping, 0), &:erlang.node/0, local, [local, {captured}]])
    assert echo(server, local).(1) == {1, self()}
    assert echo(server, captured).("a") == "A"
  end

  check "structs and what Elixir makes of maps" do
    terms = [1..3, 1..10//3, MapSet.new([1, :a, "b"]), ~D[2024-02-29], ~T[01:02:03.456], ~U[2024-01-01 00:00:00Z], URI.parse("http://a/b?c")]
    assert_same(server(), terms)
    assert_same(server(), [%RuntimeError{message: "x"}, %ArgumentError{}, Version.parse!("1.2.3"), %{__struct__: Nowhere, a: 1}])
  end

  check "everything in one" do
    term = %{
      {1, [2.5 | :tail]} => [self(), make_ref(), &Kernel.+/2, <<1::1>>, nil],
      "binary" => %{[] => {}, {} => [], %{} => %{%{} => %{}}},
      1 <<< 100 => [a: 1, b: [c: "d", e: ~c"f"]],
      -0.5 => List.duplicate({:ok, "x"}, 300)
    }

    server = server()
    for _ <- 1..20, do: assert(echo(server, term) === term)
    assert fun(:identity, [term]) === term
    assert fun(:pair, [term]) === {term, term}
    assert :erpc.call(peer(), Conf.Fun, :notify, [self(), term]) === term
    assert_receive ^term, 30_000
  end

  check "as the reason of every kind of failure" do
    term = {%{1 => [1.5, "é"]}, [:a | :b], 1 <<< 70}
    assert fun(:throw, [term]) === term
    assert fun(:exit, [term]) === {:badrpc, {:EXIT, term}}
    assert {:badrpc, {:EXIT, {^term, [_ | _]}}} = fun(:error, [term])
    puppet = puppet()
    assert ended(puppet, fn -> order(puppet, {:die, term}) end) === term
  end

  # --- much, for some time -----------------------------------------------------------------------------------

  check "nothing is left of two thousand processes", alone: true do
    before = settled(fn -> remote(:erlang, :system_info, [:process_count]) end)
    for _ <- 1..2000, do: :erlang.spawn(peer(), Conf.Fun, :ping, [])
    assert eventually(fn -> remote(:erlang, :system_info, [:process_count]) <= before + 5 end)
  end

  check "floods, calls and large messages at the same time", alone: true do
    server = server()
    sink = sink(20_000)
    binary = :binary.copy("z", 2_000_000)
    large = Task.async(fn -> for(_ <- 1..3, do: echo(server, binary) == binary) end)
    flood = Task.async(fn -> for(i <- 1..20_000, do: send(sink, {:n, i})) end)
    calls = Task.async(fn -> for(i <- 1..200, do: fun(:add, [i, i])) end)
    monitors = Task.async(fn -> for(_ <- 1..200, do: (pid = server(); ended(pid, fn -> GenServer.stop(pid) end))) end)
    assert Task.await(large, 30_000) == [true, true, true]
    Task.await(flood, 30_000)
    assert_sunk(sink, 20_000)
    assert Task.await(calls, 30_000) == for(i <- 1..200, do: i + i)
    assert Task.await(monitors, 30_000) == List.duplicate(:normal, 200)
  end
end
