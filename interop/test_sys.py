"""One script of `:sys` calls against two GenServers, of Elixir and Python; then `pyerlnode.sys` itself."""

from __future__ import annotations

import re

import pytest

from pyerlnode import Atom, CallTimeout, ErlangError, Export, GenServer, NoProc, sys

REFERENCE = """
defmodule Seen do
  use GenServer
  def start, do: GenServer.start(Seen, nil, name: :seen)
  def init(_), do: {:ok, %{count: 0, versions: []}}
  def handle_call(:get, _, s), do: {:reply, s.count, s}
  def handle_call({:add, 7}, _, s),
    do: {:reply, s.count + 7, %{s | count: s.count + 7}, {:continue, :added}}
  def handle_call({:add, n}, _, s), do: {:reply, s.count + n, %{s | count: s.count + n}}
  def handle_cast(:inc, s), do: {:noreply, %{s | count: s.count + 1}}
  def handle_info({:hello, _}, s), do: {:noreply, %{s | count: s.count + 10}}
  def handle_continue(:added, s), do: {:noreply, s}
  def code_change(_, _, :refuse), do: {:error, :refused}
  def code_change(_, _, :raise), do: :erlang.error(:broken)
  def code_change(old, s, extra), do: {:ok, %{s | versions: [old, extra]}}
  def format_status(status), do: Map.replace_lazy(status, :state, &{:hidden, &1.count})
  def more(s), do: %{s | count: s.count + 100}
  def fail(_), do: :erlang.error(:on_purpose)
  def leave(_), do: exit(:left)
  def toss(_), do: throw(:tossed)
  def watch(left, event, name) do
    send(:collector, {:saw, left, elem(event, 0), name})
    if left == 1, do: :done, else: left - 1
  end
  def collect do
    parent = self()
    spawn(fn -> Process.register(self(), :collector); send(parent, :up); collector([]) end)
    receive do :up -> :ok end
  end
  defp collector(kept) do
    receive do
      {:saw, left, kind, name} -> collector([{left, kind, name} | kept])
      {:give, to} -> send(to, {:kept, Enum.reverse(kept)})
    end
  end
end
"""

SHOP = """
defmodule Shop do
  use Supervisor
  def init(first) do
    seconds = :persistent_term.get(:shutdown)
    start = {Agent, :start_link, [fn -> 0 end]}
    children = [%{id: first, start: start, shutdown: seconds * 1000}] ++
      if(seconds > 1, do: [%{id: :second, start: start, restart: :temporary}], else: [])
    {:ok, {%{strategy: if(seconds < 3, do: :one_for_one, else: :no_strategy)}, children}}
  end
  def open_shop do
    :persistent_term.put(:shutdown, 1)
    parent = self()
    spawn(fn ->
      {:ok, pid} = Supervisor.start_link(Shop, :first, name: :shop)
      send(parent, {:shop, pid})
      receive do :never -> :ok end
    end)
    receive do {:shop, _} -> :shop end
  end
  def next_version(seconds), do: :persistent_term.put(:shutdown, seconds)
end
"""

TOOLS = """
defmodule Looking do
  # The answer itself: OTP 25 takes `{:ok, state}` for the state.
  def ask(server, request) do
    ref = make_ref()
    send(server, {:system, {self(), ref}, request})
    receive do {^ref, reply} -> bare(request, reply) after 12_000 -> :nothing end
  end

  defp bare(:get_state, {:ok, state}), do: state
  defp bare({:replace_state, _}, {:ok, state}), do: state
  defp bare(_, reply), do: reply

  def caught(fun) do
    fun.()
  catch
    kind, reason -> {kind, reason}
  end
end
"""


class Both:
    """Runs a script against the BEAM's own server and against Python's."""

    def __init__(self, alex, here) -> None:
        self._alex, self._here = alex, here
        alex.eval_elixir(REFERENCE)
        alex.eval_elixir(SHOP)
        alex.eval_elixir(TOOLS)

    def same(self, script: str) -> str:
        """What the script gives with `seen`, made for it, on either `peer`; it is the same."""
        text = f"""
        import Looking
        {{:ok, pid}} = :rpc.call(peer, Seen, :start, [])
        seen = {{:seen, peer}}
        result = (
        {script}
        )
        if :rpc.call(peer, :erlang, :whereis, [:seen]) != :undefined, do: GenServer.stop(seen)
        result
        """
        reference = self._run("node()", text)
        ours = self._run(":kate@localhost", text)
        assert ours == reference
        return ours

    def _run(self, peer: str, text: str) -> str:
        shown = self._alex.eval_elixir(self._here(f"peer = {peer}\n{text}"), timeout=30).text
        return shown.replace(self._here("kate@localhost"), "PEER").replace(
            self._here("alex@localhost"), "PEER"
        )


@pytest.fixture
def kate(python_node, target):
    return python_node("kate", target("seen.py:app"))


@pytest.fixture
def alex(beam_node, kate):
    return beam_node("alex")


@pytest.fixture
def both(alex, here) -> Both:
    return Both(alex, here)


def test_state_and_code(both) -> None:
    text = both.same("""
    5 = GenServer.call(seen, {:add, 5})
    {ask(seen, :get_state), ask(seen, {:replace_state, &Seen.more/1}), GenServer.call(seen, :get)}
    """)
    assert text == "{%{count: 5, versions: []}, %{count: 105, versions: []}, 105}"
    text = both.same("""
    for name <- [:fail, :leave, :toss] do
      ask(seen, {:replace_state, Function.capture(Seen, name, 1)})
    end ++ [GenServer.call(seen, :get)]
    """)
    assert ":callback_failed, {:gen_server, :system_replace_state}, {:error, :on_purpose}" in text
    both.same("""
    running = :sys.change_code(seen, Seen, :old, :extra)
    :ok = :sys.suspend(seen)
    :ok = :sys.suspend(seen)
    GenServer.cast(seen, :inc)
    late = caught(fn -> GenServer.call(pid, :get, 50) end) |> elem(0)
    refused = :sys.change_code(seen, Seen, :old, :refuse)
    {:error, {:EXIT, {raised, _}}} = :sys.change_code(seen, Seen, :old, :raise)
    changed = :sys.change_code(seen, Seen, :old, :extra)
    asleep = ask(seen, :get_state)
    [:ok, :ok] = [:sys.resume(seen), :sys.resume(seen)]
    {running, late, refused, raised, changed, asleep, GenServer.call(seen, :get), ask(seen, :get_state)}
    """)


def test_the_code_of_a_supervisor(both) -> None:
    """Its `init` is called again: children stay, their specifications are the new ones."""
    text = both.same("""
    :shop = :rpc.call(peer, Shop, :open_shop, [])
    shop = {:shop, peer}
    [{:first, child, :worker, _}] = Supervisor.which_children(shop)
    change = fn seconds ->
      :ok = :rpc.call(peer, Shop, :next_version, [seconds])
      :ok = :sys.suspend(shop)
      # Python says at once, in `init`, that there is no such strategy.
      changed = with {:error, _} <- :sys.change_code(shop, Shop, :old, []), do: :error
      :ok = :sys.resume(shop)
      {:ok, spec} = :supervisor.get_childspec(shop, :first)
      children = for {id, pid, _, _} <- Supervisor.which_children(shop), do: {id, pid == child}
      {changed, spec.shutdown, Enum.sort(children)}
    end
    [change.(1), change.(2), change.(3)]
    """)
    assert text.startswith(
        "[{:ok, 1000, [first: true]}, {:ok, 2000, [first: true, second: false]}, {:error, 2000,"
    )


def test_status(both) -> None:
    text = both.same("""
    GenServer.cast(seen, :inc)
    {:status, ^pid, module, [dictionary, state, parent, debug, misc]} = :sys.get_status(seen)
    [header: header, data: about, data: [{~c"State", shown}]] = misc
    hidden = if is_tuple(shown), do: shown, else: {:hidden, shown.count}
    :ok = :sys.suspend(seen)
    {:status, _, _, [_, suspended | _]} = :sys.get_status(seen)
    :ok = :sys.resume(seen)
    {module, Keyword.keys(dictionary) |> Enum.sort() |> Enum.take(2), dictionary[:"$initial_call"], state,
     suspended, parent == pid, debug, to_string(header), List.keydelete(about, ~c"Parent", 0), hidden}
    """)
    assert "Status for generic server seen" in text
    assert "{:hidden, 1}" in text


def test_debug(both) -> None:
    log = both.same("""
    :ok = :sys.log(seen, true)
    8 = (GenServer.cast(seen, :inc); GenServer.call(seen, {:add, 7}))
    send(pid, {:hello, 1})
    18 = GenServer.call(seen, :get)
    {:ok, events} = :sys.log(seen, :get)
    :ok = :sys.log(seen, {true, 2})
    GenServer.cast(seen, :inc)
    {:ok, last} = :sys.log(seen, :get)
    :ok = :sys.log(seen, false)
    shown = fn events -> for event <- events do
      case event do
        {:in, {:"$gen_call", {_, _}, request}} -> {:in, :call, request}
        {:out, reply, {from, _}, state} -> {:out, reply, from == self(), state}
        other -> other
      end
    end end
    {shown.(events), shown.(last), :sys.log(seen, :get)}
    """)
    assert "{:noreply, %{count: 1, versions: []}}" in log
    both.same("""
    {:ok, :no_statistics} = :sys.statistics(seen, :get)
    :ok = :sys.statistics(seen, true)
    0 = GenServer.call(seen, :get)
    GenServer.cast(seen, :inc)
    1 = GenServer.call(seen, :get)
    {:ok, got} = :sys.statistics(seen, :get)
    {{_, _, _}, {_, _, _}} = got[:start_time]
    {Keyword.keys(got), got[:messages_in], got[:messages_out], :sys.statistics(seen, false),
     :sys.statistics(seen, :get)}
    """)
    # Functions that are installed, removed and done; what is installed twice is what it was.
    both.same("""
    :ok = :rpc.call(peer, Seen, :collect, [])
    :ok = :sys.install(seen, {:one, &Seen.watch/3, 3})
    :ok = :sys.install(seen, {:one, &Seen.watch/3, 9})
    :ok = :sys.install(seen, {&Seen.watch/3, 20})
    0 = GenServer.call(seen, :get)
    :ok = :sys.remove(seen, &Seen.watch/3)
    GenServer.cast(seen, :inc)
    :ok = :sys.remove(seen, :nobody)
    :ok = :sys.no_debug(seen)
    1 = GenServer.call(seen, :get)
    send({:collector, peer}, {:give, self()})
    kept = receive do {:kept, kept} -> Enum.sort(kept) after 12_000 -> :nothing end
    {kept, ask(seen, {:debug, :colour}), ask(seen, {:debug, {:trace, :loud}}), ask(seen, :colour),
     ask(seen, {:colour, 1}), :sys.log_to_file(seen, false), :sys.log_to_file(seen, ~c"/nonexistent/file")}
    """)


def test_the_end(both) -> None:
    both.same("""
    ref = Process.monitor(pid)
    :ok = :sys.terminate(seen, {:shutdown, 1})
    receive do {:DOWN, ^ref, _, _, reason} -> reason after 12_000 -> :nothing end
    """)
    both.same("""
    for call <- [
      fn -> :sys.get_state({:nobody, peer}) end,
      fn -> :sys.get_status({:nobody, peer}, 100) end,
      fn -> :sys.terminate({:nobody, peer}, :x) end,
      fn -> :sys.log({:nobody, peer}, true) end,
      fn -> :sys.change_code({:nobody, peer}, :m, :v, :e) end
    ], do: caught(call)
    """)


def test_what_trace_prints(both, alex) -> None:
    """With who started it, on the BEAM: that is where its group leader is."""
    alex.eval_elixir("Process.group_leader(self(), Process.whereis(:user))")
    both.same("""
    :ok = :sys.trace(seen, true)
    GenServer.cast(seen, :inc)
    8 = GenServer.call(seen, {:add, 7})
    send(pid, {:hello, "text"})
    :ok = :sys.trace(seen, false)
    IO.puts("end of trace")
    """)
    alex.wait_for_output(re.compile(r"(end of trace.*){2}", re.DOTALL))
    first, second, _ = re.sub(r"<[^<>]*[\d.]+>", "PID", alex.output).split("end of trace")
    reference = [line for line in first.splitlines() if "*DBG* seen" in line]
    ours = [line for line in second.splitlines() if "*DBG* seen" in line]
    assert ours == reference
    assert ours[0] == "*DBG* seen got cast inc"


async def test_python_looks_into_an_elixir_server(beam_node, new_node, here) -> None:
    alex = beam_node("alex")
    await alex.eval_elixir_async(REFERENCE)
    await alex.eval_elixir_async("{:ok, _} = Seen.start()")
    server = ("seen", here("alex@localhost"))

    def state(count: int) -> dict[Atom, object]:
        return {Atom("count"): count, Atom("versions"): []}

    def fun(name: str, arity: int) -> Export:
        return Export(Atom("Elixir.Seen"), Atom(name), arity)

    async with new_node("kate"):
        assert await sys.get_state(server) == state(0)
        assert await sys.replace_state(server, fun("more", 1)) == state(100)
        with pytest.raises(ErlangError) as failed:
            await sys.replace_state(server, fun("leave", 1))
        assert failed.value.reason[2] == ("exit", "left")
        status = await sys.get_status(server)
        assert status[2] == ("module", "gen_server") and status[3][1] == "running"  # type: ignore[index]
        assert await sys.log(server, True) == "ok"
        assert await sys.statistics(server, True) == "ok"
        assert await sys.trace(server, True) == "ok"
        assert GenServer.cast(server, Atom("inc")) == "ok"
        assert await sys.trace(server, False) == "ok"
        ok, events = await sys.log(server, "get")  # type: ignore[misc]
        assert (ok, events[0]) == ("ok", ("in", ("$gen_cast", "inc")))
        assert (await sys.statistics(server, "get"))[1][3] == ("messages_in", 1)  # type: ignore[index]
        assert await sys.install(server, (Atom("w"), fun("watch", 3), 2)) == "ok"
        assert await sys.remove(server, Atom("w")) == "ok"
        assert await sys.log_to_file(server, "/nonexistent/file") == ("error", "open_file")
        assert await sys.no_debug(server) == "ok"
        assert await sys.suspend(server) == "ok"
        with pytest.raises(CallTimeout):
            await GenServer.call(server, Atom("get"), timeout=0.02)
        assert await sys.change_code(server, "Elixir.Seen", Atom("old"), Atom("new")) == "ok"
        refused = await sys.change_code(server, "Elixir.Seen", Atom("old"), Atom("refuse"))
        assert refused == ("error", ("error", "refused"))
        assert await sys.resume(server) == "ok"
        assert (await sys.get_state(server))[Atom("versions")] == ["old", "new"]  # type: ignore[index]
        assert await sys.terminate(server, "shutdown") == "ok"
        with pytest.raises(NoProc):
            while True:
                await sys.get_state(server)
    alex.wait_for_output("*DBG* seen new state")
