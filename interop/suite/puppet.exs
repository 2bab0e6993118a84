# Conf.Puppet in Elixir: a process that does what it is told and forwards everything else to its owner.

defmodule Conf.Puppet do
  def obey(owner) do
    receive do
      {:cmd, _, _, {:die, reason}} -> exit(reason)
      {:cmd, _, _, {:error, reason}} -> :erlang.error(reason)
      {:cmd, _, _, {:throw, value}} -> throw(value)
      {:cmd, _, _, :return} -> :ok
      {:cmd, from, ref, command} -> send(from, {ref, attempt(command)}) && obey(owner)
      message -> send(owner, {:fwd, self(), message}) && obey(owner)
    end
  end

  def count(owner, n, next) when next > n, do: send(owner, {:sink_ok, self(), n})

  def count(owner, n, next) do
    receive do
      {:n, ^next} -> count(owner, n, next + 1)
      message -> send(owner, {:sink_bad, self(), next, message})
    end
  end

  defp attempt(command) do
    run(command)
  catch
    class, reason -> {:caught, class, reason}
  end

  # Signals.
  defp run({:link, pid}), do: Process.link(pid)
  defp run({:unlink, pid}), do: Process.unlink(pid)
  defp run({:exit, pid, reason}), do: Process.exit(pid, reason)
  defp run({:trap_exit, flag}), do: Process.flag(:trap_exit, flag)
  defp run({:monitor, item}), do: :erlang.monitor(:process, item)
  defp run({:monitor, item, options}), do: :erlang.monitor(:process, item, options)
  defp run({:demonitor, ref, options}), do: :erlang.demonitor(ref, options)
  defp run({:alias, options}), do: :erlang.alias(options)
  defp run({:unalias, ref}), do: :erlang.unalias(ref)

  # Messages and what waits.
  defp run({:send, to, message}), do: send(to, message)
  defp run({:sends, to, messages}), do: Enum.each(messages, &send(to, &1))
  defp run(:queue_len), do: Process.info(self(), :message_queue_len)

  defp run({:take, tag, ms}) do
    receive do
      {^tag, value} -> {:taken, value}
    after
      ms -> :timeout
    end
  end

  defp run({:sleep_send, ms, to, message}) do
    Process.sleep(ms)
    send(to, message)
  end

  defp run({:pile, ms}) do
    Process.sleep(ms)
    :piled
  end

  defp run({:pile_demonitor, ms, ref, options}) do
    Process.sleep(ms)
    :erlang.demonitor(ref, options)
  end

  # Names.
  defp run({:register, name}), do: Process.register(self(), name)
  defp run({:unregister, name}), do: Process.unregister(name)
  defp run({:whereis, name}), do: Process.whereis(name)
  defp run({:global_register, name}), do: :global.register_name(name, self())
  defp run({:global_unregister, name}), do: :global.unregister_name(name)
  defp run({:global_whereis, name}), do: :global.whereis_name(name)
  defp run({:global_send, name, message}), do: :global.send(name, message)
  defp run({:pg_join, group}), do: :pg.join(group, self())
  defp run({:pg_leave, group}), do: :pg.leave(group, self())
  defp run({:pg_members, group}), do: :pg.get_members(group)
  defp run({:pg_local_members, group}), do: :pg.get_local_members(group)
  defp run({:bag_register, key, value}), do: Registry.register(Conf.Bag, key, value)

  # Servers, supervisors and tasks.
  defp run({:call, to, request, timeout}), do: GenServer.call(to, request, timeout)
  defp run({:cast, to, request}), do: GenServer.cast(to, request)
  defp run({:stop, to, reason, timeout}), do: GenServer.stop(to, reason, timeout)
  defp run({:abcast, nodes, name, request}), do: GenServer.abcast(nodes, name, request)
  defp run({:multi_call, nodes, name, request, timeout}), do: GenServer.multi_call(nodes, name, request, timeout)
  defp run({:which_children, supervisor}), do: Supervisor.which_children(supervisor)
  defp run({:task_async, supervisor, m, f, a}), do: Task.await(Task.Supervisor.async_nolink(supervisor, m, f, a))

  # Other nodes.
  defp run({:spawn, node, m, f, a}), do: Node.spawn(node, m, f, a)
  defp run({:spawn_link, node, m, f, a}), do: Node.spawn_link(node, m, f, a)
  defp run({:spawn_monitor, node, m, f, a}), do: Node.spawn_monitor(node, m, f, a)
  defp run({:erpc, node, m, f, a, timeout}), do: :erpc.call(node, m, f, a, timeout)
  defp run({:rpc, node, m, f, a, timeout}), do: :rpc.call(node, m, f, a, timeout)
  defp run({:monitor_node, node, flag}), do: Node.monitor(node, flag)
  defp run({:monitor_nodes, flag}), do: :net_kernel.monitor_nodes(flag)
  defp run({:monitor_nodes, flag, options}), do: :net_kernel.monitor_nodes(flag, options)
  defp run(:nodes), do: Node.list()
  defp run({:connect, node}), do: Node.connect(node)
  defp run({:disconnect, node}), do: Node.disconnect(node)

  # Timers, the process dictionary, output.
  defp run({:send_after, to, message, ms}), do: Process.send_after(to, message, ms)
  defp run({:start_timer, ms, to, message}), do: :erlang.start_timer(ms, to, message)
  defp run({:cancel_timer, ref}), do: Process.cancel_timer(ref)
  defp run({:read_timer, ref}), do: Process.read_timer(ref)
  defp run({:put, key, value}), do: Process.put(key, value)
  defp run({:get, key}), do: Process.get(key)
  defp run(:self), do: self()
  defp run(:group_leader), do: Process.group_leader()
  defp run({:io_puts, text}), do: IO.puts(text)
end
