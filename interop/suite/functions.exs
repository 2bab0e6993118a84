# Conf.Fun in Elixir: what a suite calls on the peer by rpc, erpc and spawn, and gives as functions.

defmodule Conf.Fun do
  def add(a, b), do: a + b
  def identity(x), do: x
  def pair(x), do: {x, x}
  def incr_get(n), do: {n, n + 1}
  def put(_, new), do: new
  def wrap_ok(_), do: :wrapped_ok
  def wrap(%{value: value} = state), do: %{state | value: {:wrapped, value}}
  def ping, do: :pong
  def size(data), do: {:size, byte_size(data)}
  def blob(n), do: :binary.copy(<<7>>, n)

  # Of the process that runs it.
  def node, do: :erlang.node()
  def self, do: :erlang.self()
  def group_leader, do: :erlang.group_leader()
  def callers, do: Process.get(:"$callers")
  def ancestors, do: Process.get(:"$ancestors")
  def initial_call, do: Process.get(:"$initial_call")

  # The three classes.
  def raise(message), do: Kernel.raise(RuntimeError, message)
  def error(reason), do: :erlang.error(reason)
  def exit(reason), do: :erlang.exit(reason)
  def throw(value), do: :erlang.throw(value)

  # Time.
  def sleep(ms), do: sleep_then(ms, :slept)
  def hang, do: Process.sleep(:infinity)

  def sleep_then(ms, value) do
    Process.sleep(ms)
    value
  end

  # Messages.
  def notify(to, message), do: send(to, message)

  def notify_self(to, tag) do
    send(to, {tag, :erlang.self()})
    :ok
  end

  def notify_hang(to, tag) do
    notify_self(to, tag)
    hang()
  end

  def flood(to, n), do: Enum.each(1..n, &send(to, {:n, &1}))
  def puppet(owner), do: spawn(Conf.Puppet, :obey, [owner])
  def sink(owner, n), do: spawn(Conf.Puppet, :count, [owner, n, 1])

  # Input and output.
  def io_puts(text), do: IO.puts(text)
  def io_write(term), do: IO.inspect(term)
  def io_gets(prompt), do: IO.gets(prompt)

  # What is started outlives the caller.
  def start_server(arg), do: GenServer.start(Conf.Server, arg)
  def start_server(arg, name), do: GenServer.start(Conf.Server, arg, name: name)
  def start_timeout(arg, ms), do: GenServer.start(Conf.Server, arg, timeout: ms)
  def start_supervisor(flags, specs), do: alone(fn -> :supervisor.start_link(Conf.Sup, {flags, specs}) end)
  def start_dynamic(options), do: alone(fn -> DynamicSupervisor.start_link(options) end)
  def start_tasks(options), do: alone(fn -> Task.Supervisor.start_link(options) end)

  def start_link_server(arg, options) do
    Process.flag(:trap_exit, true)
    result = GenServer.start_link(Conf.Server, arg, options)

    exits =
      receive do
        {:EXIT, _, reason} -> [reason]
      after
        300 -> []
      end

    {let_go(result), exits}
  end

  defp alone(start) do
    before = Process.flag(:trap_exit, true)
    result = let_go(start.())
    Process.flag(:trap_exit, before)
    result
  end

  defp let_go({:ok, pid} = result) do
    Process.unlink(pid)
    result
  end

  defp let_go(result), do: result

  # Registries.
  def registry_start(arg, key), do: start_server(arg, registered(key))
  def registry_call(key, request), do: GenServer.call(registered(key), request)
  def registry_lookup(key), do: Registry.lookup(Conf.Registry, key)
  def registry_keys(pid), do: Registry.keys(Conf.Registry, pid)
  def registry_count, do: Registry.count(Conf.Registry)
  def bag_register(key, value), do: Registry.register(Conf.Bag, key, value)
  def bag_lookup(key), do: Registry.lookup(Conf.Bag, key)

  def bag_send(key, message) do
    Registry.dispatch(Conf.Bag, key, &Enum.each(&1, fn {pid, value} -> send(pid, {value, message}) end))
  end

  defp registered(key), do: {:via, Registry, {Conf.Registry, key}}
end
