# What `conformance.py:app` hosts, started in Elixir: whatever a check expects of Python is seen here first.
#
# Before it come functions.exs, puppet.exs and server.exs.

defmodule Conf.Sup do
  def start_link(name, flags, specs), do: :supervisor.start_link({:local, name}, __MODULE__, {flags, specs})
  def init({flags, specs}), do: {:ok, {flags, specs}}
end

defmodule Conf.App do
  use Application

  @impl true
  def start(_, _), do: Supervisor.start_link([], strategy: :one_for_one, name: :conf_app_sup)
end

defmodule Conf.Host do
  @intensity 1000

  # Where the evaluating process comes to its end the root does not.
  def start do
    {:ok, _} = :pg.start(:pg)
    {:ok, root} = Supervisor.start_link(children(), strategy: :one_for_one, max_restarts: @intensity, name: :conf_root)
    Process.unlink(root)
    :ok = :application.load(application())
    :ok = :application.start(:conf_app)
  end

  defp children do
    [
      %{id: :counter, start: {Conf.Counter, :start_link, [[]]}},
      %{id: :server, start: {Conf.Server, :start_link, [{:state, :initial}, :conf_server]}},
      fixed(:one, :one_for_one),
      fixed(:all, :one_for_all),
      fixed(:rest, :rest_for_one),
      {DynamicSupervisor, name: :conf_dyn, strategy: :one_for_one, max_restarts: @intensity},
      {Task.Supervisor, name: :conf_tasks},
      %{id: :agent, start: {Agent, :start_link, [Conf.Fun, :identity, [0], [name: :conf_agent]]}},
      {Registry, keys: :unique, name: Conf.Registry},
      {Registry, keys: :duplicate, name: Conf.Bag}
    ]
  end

  defp fixed(kind, strategy) do
    flags = %{strategy: strategy, intensity: @intensity, period: 5}
    specs = for id <- [:a, :b, :c], do: %{id: id, start: {Conf.Server, :start_link, [{:state, {kind, id}}]}}
    %{id: kind, type: :supervisor, start: {Conf.Sup, :start_link, [:"conf_sup_#{kind}", flags, specs]}}
  end

  defp application do
    {:application, :conf_app,
     description: ~c"conformance fixture",
     vsn: ~c"0.1.0",
     modules: [],
     registered: [:conf_app_sup],
     applications: [:kernel, :stdlib],
     env: [greeting: "hello", depth: 3],
     mod: {Conf.App, []}}
  end
end

# What is logged goes to the node of the group leader, and nowhere here.
for handler <- :logger.get_handler_ids(), do: :logger.remove_handler(handler)
Conf.Host.start()
