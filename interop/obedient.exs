# Servers that do as they are told; obedient.py has the same.
defmodule Obedient do
  use GenServer

  def start_link(arg), do: GenServer.start_link(__MODULE__, arg)
  def start(arg), do: GenServer.start(__MODULE__, arg)

  def tree(strategy, name, children), do: Supervisor.start_link(children, strategy: strategy, name: name)
  def sessions(name), do: DynamicSupervisor.start_link(name: name)
  def named(name), do: GenServer.start(__MODULE__, :plain, name: name)

  @impl true
  def init(:ignore), do: :ignore
  def init({:stop, reason}), do: {:stop, reason}

  def init({:tell, to, id}) do
    Process.flag(:trap_exit, true)
    send(to, {:started, id, self()})
    {:ok, %{notes: [], waiting: nil, told: {to, id}}}
  end

  def init(_), do: {:ok, %{notes: [], waiting: nil, told: nil}}

  @impl true
  def handle_call(:notes, _, s), do: {:reply, s.notes, s}
  def handle_call({:reply, value}, _, s), do: {:reply, value, s}
  def handle_call(:later, from, s), do: {:noreply, %{s | waiting: from}}
  def handle_call({:continue, value}, _, s), do: {:reply, :ok, s, {:continue, value}}
  def handle_call({:hibernate, value}, _, s), do: {:reply, value, s, :hibernate}
  def handle_call({:stop, reason}, _, s), do: {:stop, reason, s}
  def handle_call({:stop, reason, reply}, _, s), do: {:stop, reason, reply, s}

  def handle_call(:wait, _, s) do
    receive do
      :go -> {:reply, :went, s}
    end
  end

  def handle_call({:timer, ms, to}, _, s) do
    Process.send_after(self(), {:rang, to}, ms)
    {:reply, :ok, s}
  end

  def handle_call({:monitor, pid, to}, _, s) do
    {:reply, :ok, %{s | told: {to, Process.monitor(pid)}}}
  end

  def handle_call({how, why}, _, _) when how in [:raise, :exit, :throw], do: finish({how, why})

  @impl true
  def handle_cast({:note, value}, s), do: {:noreply, note(s, value)}

  def handle_cast({:answer, value}, s) do
    GenServer.reply(s.waiting, value)
    {:noreply, s}
  end

  def handle_cast({how, why}, _) when how in [:raise, :exit, :throw], do: finish({how, why})

  @impl true
  def handle_continue(value, s), do: {:noreply, note(s, {:continued, value})}

  @impl true
  def handle_info({:note, value}, s), do: {:noreply, note(s, value)}
  def handle_info({:rang, to}, s) do
    send(to, :rang)
    {:noreply, s}
  end

  def handle_info({:DOWN, ref, _, _, reason}, %{told: {to, watched}} = s) do
    send(to, {:down, ref == watched, reason})
    {:noreply, s}
  end

  @impl true
  def terminate(reason, %{told: {to, id}}), do: send(to, {:terminated, id, reason})
  def terminate(_, _), do: :ok

  defp note(s, value), do: %{s | notes: s.notes ++ [value]}
  defp finish({:raise, text}), do: raise(text)
  defp finish({:exit, reason}), do: exit(reason)
  defp finish({:throw, value}), do: throw(value)
end
