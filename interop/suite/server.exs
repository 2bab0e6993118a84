# Conf.Server in Elixir: one request for each thing that a GenServer can do.  And Conf.Counter.

defmodule Conf.Server do
  use GenServer

  def start_link(arg), do: GenServer.start_link(__MODULE__, arg)
  def start_link(arg, name), do: GenServer.start_link(__MODULE__, arg, name: name)

  defp fresh(value, on_terminate \\ nil), do: %{value: value, events: [], on_terminate: on_terminate}
  defp note(state, event), do: Map.update!(state, :events, &(&1 ++ [event]))

  @impl true
  def init({:state, value}), do: {:ok, fresh(value)}
  def init(:ignore), do: :ignore
  def init({:stop, reason}), do: {:stop, reason}
  def init({:raise, message}), do: raise(message)
  def init({:exit, reason}), do: exit(reason)
  def init({:throw, value}), do: throw(value)
  def init({:throw_ok, value}), do: throw({:ok, fresh(value)})
  def init({:bad, returned}), do: returned
  def init({:hibernate, value}), do: {:ok, fresh(value), :hibernate}
  def init({:timeout, ms, pid}), do: {:ok, fresh({:timeout_to, pid}), ms}
  def init({:continue, x, pid}), do: {:ok, fresh({:continue_to, pid}), {:continue, x}}

  def init({:sleep, ms}) do
    Process.sleep(ms)
    {:ok, fresh(:slept)}
  end

  def init({:announce, pid, id}) do
    Process.flag(:trap_exit, true)
    announced(pid, id, id)
  end

  def init({:announce_notrap, pid, id}), do: announced(pid, id, id)

  def init({:stubborn, pid, id, ms}) do
    Process.flag(:trap_exit, true)
    announced(pid, id, {:stubborn, ms})
  end

  # The first start succeeds, the n after it fail.
  def init({:flaky, key, n, pid}) do
    case GenServer.call(:conf_counter, {:incr, key}) do
      start when start in 2..(n + 1)//1 ->
        send(pid, {:flaked, key, start})
        {:stop, :flaky}

      _ ->
        send(pid, {:started, key, self()})
        {:ok, fresh(key)}
    end
  end

  defp announced(pid, id, value) do
    send(pid, {:started, id, self()})
    {:ok, fresh(value, {pid, id})}
  end

  @impl true
  def handle_call(:ping, _, s), do: {:reply, :pong, s}
  def handle_call({:echo, x}, _, s), do: {:reply, x, s}
  def handle_call(:from, from, s), do: {:reply, from, s}
  def handle_call(:self, _, s), do: {:reply, self(), s}
  def handle_call(:node, _, s), do: {:reply, node(), s}
  def handle_call(:group_leader, _, s), do: {:reply, Process.group_leader(), s}
  def handle_call(:state, _, s), do: {:reply, s.value, s}
  def handle_call({:put_state, value}, _, s), do: {:reply, :ok, %{s | value: value}}
  def handle_call(:events, _, s), do: {:reply, s.events, s}
  def handle_call(:reset_events, _, s), do: {:reply, :ok, %{s | events: []}}
  def handle_call({:pdict, key}, _, s), do: {:reply, Process.get(key), s}
  def handle_call({:trap_exit, flag}, _, s), do: {:reply, Process.flag(:trap_exit, flag), s}
  def handle_call({:link, pid}, _, s), do: {:reply, Process.link(pid), s}
  def handle_call({:monitor, item}, _, s), do: {:reply, Process.monitor(item), s}
  def handle_call({:on_terminate, pid}, _, s), do: {:reply, :ok, %{s | on_terminate: pid}}

  def handle_call({:sleep, ms}, _, s) do
    Process.sleep(ms)
    {:reply, :slept, s}
  end

  def handle_call({:send, to, message}, _, s) do
    send(to, message)
    {:reply, :ok, s}
  end

  def handle_call({:call, to, request, timeout}, _, s) do
    {:reply, {:ok, GenServer.call(to, request, timeout)}, s}
  catch
    class, reason -> {:reply, {:caught, class, reason}, s}
  end

  # Replies late, from elsewhere, twice, never.
  def handle_call({:noreply_later, ms, x}, from, s) do
    Process.send_after(self(), {:reply_now, from, x}, ms)
    {:noreply, s}
  end

  def handle_call({:reply_from_other, x}, from, s) do
    spawn(GenServer, :reply, [from, x])
    {:noreply, s}
  end

  def handle_call({:double_reply, x, y}, from, s) do
    GenServer.reply(from, x)
    handle_call({:noreply_later, 200, y}, from, s)
  end

  def handle_call(:never, _, s), do: {:noreply, s}

  # What is done next.
  def handle_call({:reply_continue, x}, _, s), do: {:reply, :continuing, s, {:continue, x}}
  def handle_call({:noreply_continue, x}, from, s), do: {:noreply, s, {:continue, {:reply, from, x}}}
  def handle_call({:reply_timeout, ms}, _, s), do: {:reply, :ok, s, ms}
  def handle_call(:reply_hibernate, _, s), do: {:reply, :ok, s, :hibernate}

  def handle_call({:noreply_timeout, ms}, from, s) do
    GenServer.reply(from, :ok)
    {:noreply, s, ms}
  end

  # Ends.
  def handle_call({:throw_reply, x}, _, s), do: throw({:reply, x, s})
  def handle_call({:stop, reason, reply}, _, s), do: {:stop, reason, reply, s}
  def handle_call({:stop_noreply, reason}, _, s), do: {:stop, reason, s}
  def handle_call(:crash, _, _), do: raise("conf crash")
  def handle_call({:crash_error, reason}, _, _), do: :erlang.error(reason)
  def handle_call({:crash_exit, reason}, _, _), do: exit(reason)
  def handle_call({:crash_throw, value}, _, _), do: throw(value)
  def handle_call(:bad_return, _, _), do: :oops_bad

  @impl true
  def handle_cast({:event, x}, s), do: {:noreply, note(s, {:cast, x})}
  def handle_cast({:put_state, value}, s), do: {:noreply, %{s | value: value}}
  def handle_cast({:stop, reason}, s), do: {:stop, reason, s}
  def handle_cast(:crash, _), do: raise("conf crash")
  def handle_cast(:bad_return, _), do: :oops_bad
  def handle_cast({:continue, x}, s), do: {:noreply, s, {:continue, x}}
  def handle_cast({:throw_noreply, x}, s), do: throw({:noreply, note(s, {:thrown, x})})
  def handle_cast({:timeout, ms}, s), do: {:noreply, s, ms}

  def handle_cast({:notify, pid, x}, s) do
    send(pid, {:cast_got, self(), x})
    {:noreply, s}
  end

  @impl true
  def handle_continue({:reply, from, x}, s) do
    GenServer.reply(from, x)
    {:noreply, s}
  end

  def handle_continue(x, %{value: {:continue_to, pid}} = s) do
    send(pid, {:continued, self(), x})
    {:noreply, s}
  end

  def handle_continue(x, s), do: {:noreply, note(s, {:continue, x})}

  @impl true
  def handle_info(:timeout, %{value: {:timeout_to, pid}} = s) do
    send(pid, {:init_timeout, self()})
    {:noreply, s}
  end

  def handle_info({:reply_now, from, x}, s), do: handle_continue({:reply, from, x}, s)

  def handle_info({:notify, pid, x}, s) do
    send(pid, {:info_got, self(), x})
    {:noreply, s}
  end

  def handle_info(:info_stop, s), do: {:stop, :info_stopped, s}
  def handle_info(:info_crash, _), do: raise("conf crash")
  def handle_info(:info_bad, _), do: :oops_bad
  def handle_info(message, s), do: {:noreply, note(s, {:info, message})}

  @impl true
  def terminate(reason, s) do
    case s.on_terminate do
      {pid, id} -> send(pid, {:terminated, id, self(), reason})
      pid when is_pid(pid) -> send(pid, {:terminated, self(), reason})
      nil -> :nobody
    end

    with {:stubborn, ms} <- s.value, do: Process.sleep(ms)
  end

  # Without @impl: Elixir 1.14 knows only format_status/2, whom OTP 25 prefers this one to.
  def format_status(status), do: Map.replace_lazy(status, :state, &{:formatted, &1.value})

  @impl true
  def code_change(old, s, extra), do: {:ok, %{s | value: {:changed, old, extra}}}
end

defmodule Conf.Counter do
  use GenServer

  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: :conf_counter)

  @impl true
  def init(nil), do: {:ok, %{}}

  @impl true
  def handle_call({:incr, key}, _, counts) do
    counts = Map.update(counts, key, 1, &(&1 + 1))
    {:reply, counts[key], counts}
  end

  def handle_call({:get, key}, _, counts), do: {:reply, Map.get(counts, key, 0), counts}
end
