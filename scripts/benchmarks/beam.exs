# What the BEAM measures: of its own, and of a server on another node, in whatever language.
# Times are nanoseconds for all of the work.

defmodule Bench.Echo do
  use GenServer

  @impl true
  def init(casts), do: {:ok, casts}

  @impl true
  def handle_call({:echo, term}, _from, casts), do: {:reply, term, casts}
  def handle_call(:count, _from, casts), do: {:reply, casts, casts}
  def handle_call(:reset, _from, _casts), do: {:reply, :ok, 0}

  @impl true
  def handle_cast({:cast, _term}, casts), do: {:noreply, casts + 1}
end

defmodule Bench do
  @forever :infinity

  def host, do: {:ok, _} = GenServer.start(Bench.Echo, 0, name: :echo)

  # In a process of its own, so that each begins with an empty heap.
  def alone(work) do
    {pid, ref} = spawn_monitor(fn -> exit({:done, work.()}) end)

    receive do
      {:DOWN, ^ref, :process, ^pid, {:done, result}} -> result
    end
  end

  def time(work) do
    alone(fn ->
      started = System.monotonic_time(:nanosecond)
      work.()
      System.monotonic_time(:nanosecond) - started
    end)
  end

  # --- a server, wherever it is

  def sequential(server, count), do: time(fn -> calls(server, count) end)

  def callers(server, callers, count) do
    each = max(div(count, callers), 1)

    time(fn ->
      for(_ <- 1..callers, do: spawn_monitor(fn -> calls(server, each) end))
      |> Enum.each(fn {_, ref} ->
        receive do
          {:DOWN, ^ref, :process, _, :normal} -> :ok
        end
      end)
    end)
  end

  def casts(server, count) do
    :ok = GenServer.call(server, :reset, @forever)

    time(fn ->
      repeat(count, fn -> GenServer.cast(server, {:cast, 1}) end)
      # Behind all of them: it is answered when they have been taken.
      ^count = GenServer.call(server, :count, @forever)
    end)
  end

  def large(server, size, count) do
    data = :crypto.strong_rand_bytes(size)
    time(fn -> repeat(count, fn -> ^data = GenServer.call(server, {:echo, data}, @forever) end) end)
  end

  defp calls(server, count) do
    repeat(count, fn -> 1 = GenServer.call(server, {:echo, 1}, @forever) end)
  end

  # --- within the node

  def local_calls(count) do
    {:ok, pid} = GenServer.start(Bench.Echo, 0)
    taken = sequential(pid, count)
    GenServer.stop(pid)
    taken
  end

  def local_casts(count) do
    {:ok, pid} = GenServer.start(Bench.Echo, 0)
    taken = casts(pid, count)
    GenServer.stop(pid)
    taken
  end

  def local_starts(count) do
    time(fn -> repeat(count, fn -> {:ok, _} = GenServer.start_link(Bench.Echo, 0) end) end)
  end

  def local_spawns(count) do
    time(fn ->
      me = self()
      repeat(count - 1, fn -> spawn(fn -> :ok end) end)
      spawn(fn -> send(me, :done) end)

      receive do
        :done -> :ok
      end
    end)
  end

  # Bytes of the system's processes, for each idle server.
  def memory(count) do
    before = :erlang.memory(:processes)

    alone(fn ->
      for _ <- 1..count, do: {:ok, _} = GenServer.start_link(Bench.Echo, 0)
      :erlang.garbage_collect()
      div(:erlang.memory(:processes) - before, count)
    end)
  end

  # --- the codec

  def encode(path, count) do
    term = path |> File.read!() |> :erlang.binary_to_term()
    time(fn -> repeat(count, fn -> :erlang.term_to_binary(term) end) end)
  end

  def decode(path, count) do
    data = File.read!(path)
    time(fn -> repeat(count, fn -> :erlang.binary_to_term(data) end) end)
  end

  defp repeat(0, _work), do: :ok

  defp repeat(count, work) do
    work.()
    repeat(count - 1, work)
  end
end
