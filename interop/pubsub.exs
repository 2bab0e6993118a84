# What Phoenix.PubSub says and hears on the wire, for where the library itself cannot be had:
# the pg scope Phoenix.PubSub, a worker per node in the group NAME.Adapter, {:forward_to_local, ...}.
defmodule Phoenix.PubSub do
  def start_link(options) do
    name = Keyword.fetch!(options, :name)
    size = Keyword.get(options, :pool_size, 1)
    first = Module.concat(name, "Adapter")
    groups = [first | for(n <- Enum.drop(1..size, 1), do: :"#{first}_#{n}")]
    table = [keys: :duplicate, name: name, meta: [groups: List.to_tuple(groups)]]
    workers = for group <- groups, do: %{id: group, start: {__MODULE__.Member, :start_link, [name, group]}}
    Supervisor.start_link([{Registry, table} | workers], strategy: :one_for_one)
  end

  def subscribe(name, topic) do
    {:ok, _} = Registry.register(name, topic, nil)
    :ok
  end

  def unsubscribe(name, topic), do: Registry.unregister(name, topic)

  def broadcast(name, topic, message) do
    remote(name, topic, message)
    local(name, :none, topic, message)
  end

  def broadcast_from(name, from, topic, message) do
    remote(name, topic, message)
    local(name, from, topic, message)
  end

  def local_broadcast(name, topic, message), do: local(name, :none, topic, message)

  def direct_broadcast(node, name, topic, message) do
    send({group(name), node}, {:forward_to_local, topic, message, __MODULE__})
    :ok
  end

  def dispatch(entries, from, message) do
    for {pid, _} <- entries, pid != from, do: send(pid, message)
  end

  defp remote(name, topic, message) do
    for pid <- :pg.get_members(__MODULE__, group(name)), node(pid) != node() do
      send(pid, {:forward_to_local, topic, message, __MODULE__})
    end
  end

  defp local(name, from, topic, message) do
    Registry.dispatch(name, topic, {__MODULE__, :dispatch, [from, message]})
  end

  defp group(name) do
    {:ok, groups} = Registry.meta(name, :groups)
    elem(groups, :erlang.phash2(self(), tuple_size(groups)))
  end

  defmodule Member do
    use GenServer

    def start_link(name, group), do: GenServer.start_link(__MODULE__, {name, group}, name: group)

    @impl true
    def init({name, group}) do
      :ok = :pg.join(Phoenix.PubSub, group, self())
      {:ok, name}
    end

    @impl true
    def handle_info({:forward_to_local, topic, message, dispatcher}, name) do
      Registry.dispatch(name, topic, {dispatcher, :dispatch, [:none, message]})
      {:noreply, name}
    end
  end
end
