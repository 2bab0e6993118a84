"""One script against two machines, Erlang's and Python's: what `gen_statem` does, both do."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from pyerlnode import Atom, CallTimeout, GenStatem, NodeDown, NoProc, sys

_HERE = Path(__file__).parent
MODULES = ("statem_machine.erl", "statem_other.erl")

LOAD = """
forms = fn text ->
  text = :unicode.characters_to_list(text)
  Stream.unfold({text, 1}, fn {rest, line} ->
    case :erl_scan.tokens([], rest, line) do
      {:done, {:ok, tokens, next}, left} -> {elem(:erl_parse.parse_form(tokens), 1), {left, next}}
      _ -> nil
    end
  end) |> Enum.to_list()
end
{:ok, module, code} = :compile.forms(forms.(Base.decode64!("SOURCE")), [])
:code.load_binary(module, ~c"machine", code)
"""

TOOLS = """
defmodule Machines do
  # The machine of this node, or of another one by what it exports.
  def start(peer, options \\\\ %{}, module \\\\ :statem_machine) do
    {:ok, pid} =
      if peer == node(),
        do: :gen_statem.start(module, options, []),
        else: :rpc.call(peer, :statem_starter, :start, [module, options])
    pid
  end

  def named(peer, name, options \\\\ %{}) do
    {:ok, pid} =
      if peer == node(),
        do: :gen_statem.start({:local, name}, :statem_machine, options, []),
        else: :rpc.call(peer, :statem_starter, :start_named, [name, options])
    pid
  end

  def run(machine, kind, argument \\\\ nil, actions \\\\ [reply: :ok]),
    do: :gen_statem.call(machine, {:run, kind, argument, actions})

  def tell(machine, kind, argument \\\\ nil, actions \\\\ []),
    do: :gen_statem.cast(machine, {:run, kind, argument, actions})

  # State and events, after everything that was sent before.
  def events(machine) do
    # An OTP 25 node takes the answer `{ok, State}` of newer ones for the state.
    {state, data} = case :sys.get_state(machine) do {:ok, state} -> state; state -> state end
    {state, data.events}
  end

  # The same, once there are so many events.
  def events(machine, count) do
    case events(machine) do
      {_, list} = both when length(list) >= count -> both
      _ -> Process.sleep(5); events(machine, count)
    end
  end

  # What a caller exits with, without the stack and without who was called.
  def caught(fun) do
    fun.()
  catch
    :exit, {{reason, [{_, _, _, _} | _]}, {m, f, _}} -> {:error, reason, m, f}
    :exit, {reason, {m, f, _}} -> {:exit, reason, m, f}
    :exit, reason -> {:exit, reason}
  end

  def told do
    receive do message -> message after 12_000 -> :nothing end
  end
end
"""


class Both:
    """Runs a script against the BEAM's own machine and against Python's."""

    def __init__(self, alex, here) -> None:
        self._alex, self._here = alex, here
        for name in MODULES:
            source = base64.b64encode((_HERE / name).read_bytes()).decode()
            alex.eval_elixir(LOAD.replace("SOURCE", source))
        alex.eval_elixir(TOOLS)

    def same(self, script: str) -> str:
        """What the script gives with either `peer`; it is the same."""
        text = f"import Machines\n{script}"
        reference = self._alex.eval_elixir(f"peer = node()\n{text}", timeout=30).text
        ours = self._alex.eval_elixir(self._here(f"peer = :kate@localhost\n{text}"), timeout=30).text
        assert ours == reference
        return ours


@pytest.fixture
def kate(python_node, target):
    return python_node("kate", target("statem_machine.py:app"))


@pytest.fixture
def alex(beam_node, kate):
    return beam_node("alex")


@pytest.fixture
def both(alex, here) -> Both:
    return Both(alex, here)


def test_states_events_and_actions(both) -> None:
    text = both.same("""
    m = start(peer)
    first = :gen_statem.call(m, :hello)
    :gen_statem.cast(m, :told)
    send(m, {:x, 1})
    {first, events(m)}
    """)
    assert text == (
        "{{:a, :hello}, {:a, [{:enter, :a, :a}, {:call, :hello, :a}, {:cast, :told, :a}, "
        "{:info, {:x, 1}, :a}]}}"
    )
    # Postponed events come back, in order, when the state changes, and inserted ones before them.
    both.same("""
    m = start(peer)
    :ok = run(m, :next_state, :b)
    for i <- 1..3, do: :gen_statem.cast(m, {:later, i})
    request = :gen_statem.send_request(m, {:later, 4})
    :ok = run(m, :next_state, :a, [
      {:next_event, :internal, 1}, {:reply, :ok}, {:next_event, :cast, 2}, {:next_event, :info, 3}])
    {:gen_statem.receive_response(request, 5000), events(m)}
    """)
    # A state that is kept is not entered, one that is repeated is; neither brings postponed events back.
    both.same("""
    m = start(peer)
    :ok = run(m, :keep_state)
    :ok = run(m, :next_state, :a)
    :ok = run(m, :repeat_state)
    :ok = run(m, :next_state, :b)
    :gen_statem.cast(m, {:later, 1})
    :ok = run(m, :repeat_state)
    :ok = run(m, :keep_state, nil, [{:reply, :ok}, :hibernate])
    middle = events(m)
    :ok = run(m, :throw, :a)
    {middle, events(m), run(m, :keep_state, nil, [{:reply, {:value, [1]}}])}
    """)
    # An event that is postponed and changes the state comes back at once.
    both.same("""
    m = start(peer)
    tell(m, :next_state, :b, [:postpone])
    tell(m, :keep_state)
    events(m)
    """)
    # What init wants, and what is wanted at the entry of a state.
    both.same("""
    m = start(peer, %{first: [{:next_event, :internal, :one}, {:state_timeout, 0, :soon}]})
    {:a, events} = events(m, 3)
    :ok = run(m, :entering, [{:state_timeout, 0, :entered}])
    :ok = run(m, :next_state, :b)
    {events, events(m, length(events) + 4)}
    """)


def test_timeouts(both) -> None:
    # Of 0: after inserted events, in the order in which they were started, before any message.
    both.same("""
    m = start(peer)
    :ok = run(m, :next_state, :b, [{:reply, :ok}, {{:timeout, :x}, 0, 1}, {:state_timeout, 0, 2},
      {{:timeout, :y}, 0, 3}, {:next_event, :internal, 4}])
    events(m, 7)
    """)
    # An event timeout ends with any other event, a state timeout with the state, a named one stays.
    both.same("""
    m = start(peer)
    :ok = run(m, :keep_state, nil, [
      {:reply, :ok}, {:timeout, 20, :event}, {:state_timeout, 40, :state},
      {{:timeout, {:named, 1}}, 60, :named}])
    :gen_statem.cast(m, :other)
    kept = events(m, 5)
    :ok = run(m, :keep_state, nil, [
      {:reply, :ok}, {:state_timeout, 20, :state}, {{:timeout, :n}, 40, :named}])
    :ok = run(m, :next_state, :b)
    moved = events(m, 9)
    :ok = run(m, :keep_state, nil, [{:reply, :ok}, {:timeout, 10, :event}])
    {kept, moved, events(m, 11)}
    """)
    # Started again, ended, and given another content; an update of what does not run comes at once.
    both.same("""
    m = start(peer)
    :ok = run(m, :keep_state, nil, [
      {:reply, :ok}, {{:timeout, :n}, 5000, :old}, {{:timeout, :end}, 20, :never},
      {{:timeout, :u}, 60, :before}])
    :ok = run(m, :keep_state, nil, [{:reply, :ok}, {{:timeout, :n}, 20, :new}, {{:timeout, :end}, :cancel},
      {{:timeout, :u}, :update, :after}, {{:timeout, :at_once}, :update, :now}])
    :ok = run(m, :keep_state, nil, [{:reply, :ok}, {:state_timeout, 10, :never}, {:state_timeout, 80, :last}])
    events(m, 8)
    """)


def test_ends(both) -> None:
    for script in (
        "run(m, :stop, :normal)",
        "run(m, :stop, {:shutdown, 1})",
        "run(m, :stop, :reason)",
        "run(m, :stop_and_reply, :reason, [{:reply, :bye}])",
        "run(m, :fail, :broken)",
        "run(m, :exit, :left)",
        "run(m, :next_state, :nowhere, [])",
        ":gen_statem.stop(m)",
        ":gen_statem.stop(m, :reason, 5000)",
        ":gen_statem.call(m, {:later, 1}, 20)",
    ):
        both.same(f"""
        m = start(peer, %{{report: self()}})
        :ok = run(m, :next_state, :b)
        ref = Process.monitor(m)
        result = caught(fn -> {script} end)
        if match?({{:exit, :timeout, _, _}}, result), do: :gen_statem.stop(m)
        told = case told() do
          {{:terminate, {{reason, [{{_, _, _, _}} | _]}}, state}} -> {{reason, :stack, state}}
          {{:terminate, reason, state}} -> {{reason, state}}
        end
        why = receive do
          {{:DOWN, ^ref, _, _, {{reason, [{{_, _, _, _}} | _]}}}} -> {{reason, :stack}}
          {{:DOWN, ^ref, _, _, reason}} -> reason
        after
          5000 -> :alive
        end
        {{result, told, why}}
        """)
    assert both.same("caught(fn -> :gen_statem.call({:nobody, peer}, :x) end)") == (
        "{:exit, :noproc, :gen_statem, :call}"
    )
    # What a state must not do when it is entered.
    both.same("""
    for actions <- [[:postpone], [{:next_event, :internal, 1}], [{:push_callback_module, :statem_other}]] do
      m = start(peer)
      :ok = run(m, :entering, actions)
      {:error, reason, :gen_statem, :call} = caught(fn -> run(m, :next_state, :b, []) end)
      reason
    end
    """)


def test_callback_modules(both) -> None:
    both.same("""
    m = start(peer)
    :ok = run(m, :keep_state, nil, [{:reply, :ok}, {:push_callback_module, :statem_other}])
    pushed = :gen_statem.call(m, :where)
    :ok = run(m, :next_state, :b)
    modules = fn ->
      {:status, _, {:module, :gen_statem}, [_, _, _, _, [_, {:data, about} | _]]} = :sys.get_status(m)
      :proplists.get_value(~c"Modules", about)
    end
    two = modules.()
    :ok = run(m, :keep_state, nil, [{:reply, :ok}, :pop_callback_module])
    one = modules.()
    {:error, reason, _, _} = caught(fn -> run(m, :keep_state, nil, [:pop_callback_module]) end)
    {pushed, two, one, reason}
    """)
    both.same("""
    m = start(peer, %{}, :statem_other)
    first = :gen_statem.call(m, :x)
    :ok = run(m, :next_state, %{any: [:term]})
    {first, :gen_statem.call(m, :y), events(m)}
    """)


def test_sys_sees_a_machine(both) -> None:
    status = both.same("""
    m = named(peer, :seen)
    :ok = run(m, :next_state, :b)
    :gen_statem.cast(m, {:later, 1})
    :ok = run(m, :keep_state, nil, [{:reply, :ok}, {{:timeout, :n}, 60_000, :x}])
    {:status, ^m, module, [_, state, parent, debug, misc]} = :sys.get_status({:seen, peer})
    [header: header, data: about, data: [{~c"State", shown}]] = misc
    :ok = :gen_statem.stop(m)
    {module, state, parent == m, debug, header, List.keydelete(about, ~c"Parent", 0), shown}
    """)
    assert "Status for state machine seen" in status
    both.same("""
    m = start(peer)
    :ok = :sys.suspend(m)
    :gen_statem.cast(m, :waits)
    changed = :sys.change_code(m, :statem_machine, :old, {:go, :b})
    refused = :sys.change_code(m, :statem_machine, :old, {:refuse, :no})
    suspended = events(m)
    :ok = :sys.resume(m)
    {changed, refused, suspended, events(m)}
    """)
    log = both.same("""
    m = start(peer)
    :ok = :sys.log(m, {true, 30})
    :ok = run(m, :next_state, :b)
    :gen_statem.cast(m, {:later, 1})
    :ok = run(m, :next_state, :a, [{:reply, :ok}, {:next_event, :internal, 1}, {{:timeout, :n}, 60_000, :x}])
    {:ok, events} = :sys.log(m, :get)
    for event <- events do
      case event do
        {:in, {{:call, _}, request}, state} -> {:in, :call, request, state}
        {kind, {{:call, _}, request}, state, next} -> {kind, :call, request, state, next}
        {:out, reply, {pid, _}} -> {:out, reply, pid == self()}
        other -> other
      end
    end
    """)
    assert ":start_timer" in log and ":postpone" in log and ":consume" in log


async def test_python_drives_an_erlang_machine(beam_node, new_node, here) -> None:
    alex = beam_node("alex")
    for name in MODULES:
        source = base64.b64encode((_HERE / name).read_bytes()).decode()
        await alex.eval_elixir_async(LOAD.replace("SOURCE", source))
    start = ":gen_statem.start({:local, :machine}, :statem_machine, %{}, []) |> elem(0)"
    assert (await alex.eval_elixir_async(start)).text == ":ok"
    machine = ("machine", here("alex@localhost"))
    async with new_node("kate"):
        assert await GenStatem.call(machine, Atom("hello")) == ("a", "hello")
        assert GenStatem.cast(machine, Atom("told")) == "ok"
        sent = GenStatem.send_request(machine, Atom("asked"))
        assert await GenStatem.receive_response(sent, 5.0) == ("a", "asked")
        state, data = await sys.get_state(machine)  # type: ignore[misc]
        assert state == "a" and data[Atom("events")][2] == ("cast", "told", "a")
        assert (await sys.get_status(machine))[2] == ("module", "gen_statem")  # type: ignore[index]
        await GenStatem.call(
            machine, (Atom("run"), Atom("next_state"), Atom("b"), [(Atom("reply"), Atom("ok"))])
        )
        with pytest.raises(CallTimeout) as late:
            await GenStatem.call(machine, (Atom("later"), 1), timeout=0.02)
        assert late.value.reason[1][:2] == ("gen_statem", "call")
        assert late.value.reason[1][2][2] == 20
        assert await GenStatem.stop(machine, "shutdown") == "ok"
        with pytest.raises(NoProc) as nobody:
            await GenStatem.call(machine, Atom("x"))
        assert nobody.value.reason[1][2][2] == "infinity"
        with pytest.raises(NoProc) as nobody:
            await GenStatem.stop(machine)
        assert nobody.value.reason == "noproc"
        with pytest.raises(NodeDown):
            await GenStatem.call(("machine", here("absent@localhost")), Atom("x"))


def test_what_trace_prints(both, alex) -> None:
    """Each machine's lines appear where its group leader is: with who started it, on the BEAM."""
    alex.eval_elixir("Process.group_leader(self(), Process.whereis(:user))")
    both.same("""
    m = named(peer, :traced)
    :ok = :sys.trace(m, true)
    :ok = run(m, :next_state, :b)
    :gen_statem.cast(m, {:later, "text"})
    :ok = run(m, :next_state, :a, [
      {:reply, :ok}, {:next_event, :internal, 1}, {{:timeout, :n}, 60_000, [x: 1]}])
    :gen_statem.stop(m)
    IO.puts("end of trace")
    """)
    alex.wait_for_output(re.compile(r"(end of trace.*){2}", re.DOTALL))
    # io:format breaks long lines at a comma.
    text = re.sub(r",\s*\n +", ",", re.sub(r"<[^<>]*[\d.]+>", "PID", alex.output))
    first, second, _ = text.split("end of trace")
    reference = [line for line in first.splitlines() if "*DBG* traced" in line]
    ours = [line for line in second.splitlines() if "*DBG* traced" in line]
    assert ours == reference
    assert len(ours) == 13
