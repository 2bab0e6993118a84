# What `test_border.py` runs on the BEAM: supervisors of children that live elsewhere, and children for those of others.

defmodule Border.Child do
  use GenServer
  def start_link(to, id, what \\ nil), do: GenServer.start_link(__MODULE__, {to, id, what})
  @impl true
  def init({_, _, :ignore}), do: :ignore
  def init({_, _, {:stop, reason}}), do: {:stop, reason}
  def init({_, _, :raise}), do: raise("on purpose")
  def init({to, id, what}) do
    Process.flag(:trap_exit, what != :plain)
    send(to, {:started, id, self()})
    {:ok, {to, id, what}}
  end
  @impl true
  def handle_call({:stop, reason}, _, state), do: {:stop, reason, state}
  def handle_call(request, _, state), do: {:reply, request, state}
  @impl true
  def handle_info(message, {to, id, _} = state) do
    send(to, {:info, id, message})
    {:noreply, state}
  end
  @impl true
  def terminate(reason, {to, id, what}) do
    send(to, {:terminated, id, reason})
    if what == :slow, do: Process.sleep(:infinity)
  end
end

defmodule Border.Tree do
  use Supervisor
  def start_link(to, id), do: Supervisor.start_link(__MODULE__, {to, id})
  @impl true
  def init({to, id}) do
    children = for n <- [:first, :second], do: %{id: n, start: {Border.Child, :start_link, [to, {id, n}]}}
    Supervisor.init(children, strategy: :one_for_one)
  end
end

defmodule Border.Functions do
  def bare(to, id), do: GenServer.start(Border.Child, {to, id, nil})
  def give(value), do: value
end

defmodule Border do
  @kate :kate@localhost

  # by OTP alone, and by PyNode
  def plain(id, args, more \\ %{}, {m, f} \\ {Border.Child, :start_link}) do
    Map.merge(%{id: id, start: {:erpc, :call, [@kate, :pyerlnode, :start_link, [m, f, args]]}}, more)
  end

  def child(id, args, more \\ []) do
    PyNode.child({@kate, Border.Child, nil}, [id: id, args: args] ++ more)
  end

  # a supervisor in a process that outlives its end
  def start(children, options \\ []) do
    me = self()
    spawn(fn ->
      Process.flag(:trap_exit, true)
      send(me, {:begun, Supervisor.start_link(children, [strategy: :one_for_one] ++ options)})
      receive do {:EXIT, _, reason} -> send(me, {:ended, reason}) end
    end)
    receive do {:begun, begun} -> begun end
  end

  def started(id) do
    receive do {:started, ^id, pid} -> pid after 10_000 -> raise("#{inspect(id)} did not start") end
  end

  def terminated(id) do
    receive do {:terminated, ^id, reason} -> reason after 10_000 -> raise("#{inspect(id)} did not end") end
  end

  def ended do
    receive do {:ended, reason} -> reason after 20_000 -> raise("the supervisor did not end") end
  end

  def gone(pid) when is_pid(pid), do: gone(Process.monitor(pid))
  def gone(ref) do
    receive do {:DOWN, ^ref, _, _, reason} -> reason after 10_000 -> raise("#{inspect(ref)} did not end") end
  end

  # what children have told meanwhile
  def rest do
    receive do
      {tag, _, _} = message when tag in [:started, :terminated, :info] -> [message | rest()]
    after
      0 -> []
    end
  end

  def stop(sup), do: Supervisor.stop(sup)

  # without what differs between the languages
  def brief({:error, {:shutdown, {:failed_to_start_child, id, why}}}), do: {id, brief(why)}
  def brief({%{__exception__: true}, [_ | _]}), do: :raised
  def brief({%{__exception__: true}, _}), do: :raised
  def brief(other), do: other
end
