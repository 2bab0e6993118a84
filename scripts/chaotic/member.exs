# A BEAM member of the cluster; member.py is the same in Python.
#
# `keeper` is a process that is linked to, and monitors, its like on the other nodes; it has the
# global name `chaos_NODE`, and is in the group `all`.  What is asked of a member:
defmodule Chaos do
  def start do
    {:ok, _} = :pg.start(:pg)
    me = self()
    spawn(fn -> keeper(me) end)
    receive do :up -> :ok end
  end

  # connect to these, in the background
  def connect(others) do
    for other <- others, other not in Node.list(), do: spawn(fn -> Node.connect(other) end)
    :ok
  end

  # be the leader, unless somebody is
  def campaign do
    spawn(fn ->
      if :global.register_name(:leader, self()) == :yes, do: (receive do :stop -> :ok end)
    end)
    :ok
  end

  # the keeper in the group `some`, as often as it joined
  def join, do: :pg.join(:some, Process.whereis(:keeper))
  def leave, do: :pg.leave(:some, Process.whereis(:keeper))

  # two megabytes for each of the others
  def chatter do
    {_, linked} = ask_keeper()
    data = :binary.copy(<<0>>, 50_000)
    spawn(fn -> for _ <- 1..40, pid <- linked, do: send(pid, {:chatter, data}) end)
    :ok
  end

  # what it believes: connected nodes, global names, both groups, the keeper, whom that monitors, is linked to
  def view do
    {monitored, linked} = ask_keeper()
    names = for name <- :global.registered_names(), do: {name, :global.whereis_name(name)}
    {Node.list(), names, :pg.get_members(:all), :pg.get_members(:some), Process.whereis(:keeper), monitored, linked}
  end

  # for who looks for the cause of a disagreement: what `global` is doing here
  def global do
    {_, tags} = Process.info(Process.whereis(:global_name_server), :dictionary)
    inspect({:sys.get_state(:global_name_server), tags}, limit: :infinity, width: 0)
  end

  defp ask_keeper do
    send(:keeper, {:view, self()})
    receive do {:view_of_keeper, monitored, linked} -> {monitored, linked} end
  end

  defp keeper(starter) do
    Process.flag(:trap_exit, true)
    Process.register(self(), :keeper)
    :ok = :pg.join(:all, self())
    me = self()
    spawn(fn -> keep_registered(me) end)
    :ok = :net_kernel.monitor_nodes(true)
    for node <- Node.list(), do: send({:keeper, node}, {:hello, self()})
    send(starter, :up)
    loop(%{}, MapSet.new())
  end

  defp keep_registered(keeper) do
    name = :"chaos_#{node()}"
    if :global.whereis_name(name) != keeper, do: :global.register_name(name, keeper)
    Process.sleep(500)
    keep_registered(keeper)
  end

  defp loop(monitored, linked) do
    receive do
      {:nodeup, node} ->
        send({:keeper, node}, {:hello, self()})
        loop(monitored, linked)
      {:hello, pid} ->
        send(pid, {:hello_back, self()})
        befriend(pid, monitored, linked)
      {:hello_back, pid} ->
        befriend(pid, monitored, linked)
      {:DOWN, ref, :process, _, _} ->
        loop(Map.delete(monitored, ref), linked)
      {:EXIT, pid, _} ->
        loop(monitored, MapSet.delete(linked, pid))
      {:view, from} ->
        send(from, {:view_of_keeper, Map.values(monitored), MapSet.to_list(linked)})
        loop(monitored, linked)
      _ ->
        loop(monitored, linked)
    end
  end

  defp befriend(pid, monitored, linked) do
    monitored =
      if pid in Map.values(monitored), do: monitored, else: Map.put(monitored, Process.monitor(pid), pid)
    unless MapSet.member?(linked, pid), do: Process.link(pid)
    loop(monitored, MapSet.put(linked, pid))
  end
end
