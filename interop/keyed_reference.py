"""The same as `keyed.py` in Elixir, and what runs a script against both."""

from __future__ import annotations

from typing import Any

REFERENCE = """
defmodule Keyed.Counter do
  use GenServer
  def start_link(n), do: GenServer.start_link(__MODULE__, n)
  def init(n), do: {:ok, n}
  def handle_call(:get, _, n), do: {:reply, n, n}
  def handle_call({:add, i}, _, n), do: {:reply, n + i, n + i}
  def handle_call({:apply, m, f, a}, _, n), do: {:reply, apply(m, f, a), n}
end
defmodule Keyed do
  def ready, do: 0
  def identity(x), do: x
  def pair(x), do: {x, x + 1}
  def put(_, x), do: x
  def boom(_), do: raise("no")
  def exit(_, reason), do: Kernel.exit(reason)
  def info(_), do: {Process.get(:"$initial_call"), length(Process.get(:"$ancestors"))}
  def agent(n), do: Agent.start(Keyed, :identity, [n])
  def start(n), do: GenServer.start(Keyed.Counter, n)
  def start(n, name), do: GenServer.start(Keyed.Counter, n, name: name)
  def call(name, request), do: caught(fn -> GenServer.call(name, request) end)
  def cast(name, request), do: caught(fn -> GenServer.cast(name, request) end)
  def stop(name), do: caught(fn -> GenServer.stop(name) end)
  defp caught(f) do
    f.()
  catch
    :exit, reason -> {:exit, reason}
    :error, reason -> {:error, reason}
  end
end
defmodule Keyed.Book do
  def whereis_name(name), do: Process.whereis(name) || :undefined
  def register_name(name, pid), do: (Process.register(pid, name); :yes)
  def unregister_name(name), do: (Process.whereis(name) && Process.unregister(name); :ok)
end
{:ok, _} = Supervisor.start_link([
  %{id: :agent, start: {Agent, :start_link, [Keyed, :identity, [0], [name: Keyed.Agent]]}},
  {DynamicSupervisor, name: Keyed.Sup},
  {Registry, keys: :unique, name: Keyed.Unique, meta: [limit: 5]},
  {Registry, keys: :duplicate, name: Keyed.Bag},
  {Registry, keys: :duplicate, name: Keyed.Parted, partitions: 3},
  {PartitionSupervisor, child_spec: {Keyed.Counter, 0}, name: Keyed.Parts, partitions: 7,
   with_arguments: fn [n], partition -> [n + partition] end}
], strategy: :one_for_one)
"""

TOOLS = """
defmodule Tools do
  # in another process, as it is for another node
  def rpc(peer, f, a), do: rpc(peer, Keyed, f, a)
  def rpc(peer, m, f, a), do: Task.await(Task.async(fn -> :rpc.call(peer, m, f, a) end))
  # a process of the peer in which functions are called
  def holder(peer) do
    {:ok, pid} = rpc(peer, :start, [0])
    pid
  end
  def run(pid, m \\\\ Registry, f, a), do: GenServer.call(pid, {:apply, m, f, a})
  def until(wanted, f, left \\\\ 5000) do
    if left == 0, do: raise("never #{inspect(wanted)}")
    f.() == wanted || until(wanted, f, left - 1)
  end
  def caught(f) do
    f.()
  catch
    :exit, {reason, _} -> {:exit, reason}
  end
  def shown(x) when is_pid(x), do: :pid
  def shown([{m, f, a, l} | _]) when is_atom(m) and is_atom(f) and is_list(l), do: {:stack, m, f}
  def shown([h | t]), do: [shown(h) | shown(t)]
  def shown(x) when is_tuple(x), do: List.to_tuple(shown(Tuple.to_list(x)))
  def shown(%{__struct__: _} = x), do: x
  def shown(x) when is_map(x), do: Map.new(x, fn {k, v} -> {k, shown(v)} end)
  def shown(x), do: x
end
"""


class Both:
    """Runs a script against the BEAM itself and against Python; `peer` is the node."""

    def __init__(self, alex: Any, here: Any) -> None:
        self._alex, self._here = alex, here
        alex.eval_elixir(REFERENCE)
        alex.eval_elixir(TOOLS)

    def same(self, script: str) -> str:
        """What the script's last expression gives with either `peer`; it is the same."""
        text = f"import Tools\n{script}\n|> Tools.shown() |> inspect(limit: :infinity)"
        reference: str = self._alex.eval_elixir(f"peer = node()\n{text}", timeout=60).text
        ours: str = self._alex.eval_elixir(self._here(f"peer = :kate@localhost\n{text}"), timeout=60).text
        host = self._here("kate@localhost")
        for name in (host, f"alex{host.removeprefix('kate')}"):
            reference, ours = reference.replace(name, "peer"), ours.replace(name, "peer")
        assert ours == reference, f"\n{ours}\n{reference}"
        return ours
