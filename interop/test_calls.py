"""GenServer calls between Python and every BEAM, in both directions."""

from __future__ import annotations

import pytest

from pyerlnode import Atom, CallTimeout, Exit, GenServer, NodeDown, NoProc
from pyerlnode import term as terms

ELIXIR_COUNTER = """
defmodule Counter do
  use GenServer
  def init(n), do: {:ok, n}
  def handle_call(:get, _from, n), do: {:reply, n, n}
  def handle_call({:add, i}, _from, n), do: {:reply, n + i, n + i}
  def handle_call({:echo, x}, _from, n), do: {:reply, x, n}
  def handle_call(:crash, _from, _n), do: raise("on purpose")
  def handle_call({:stop, r}, _from, n), do: {:stop, r, n}
  def handle_call({:late, ms, x}, _from, n) do
    Process.sleep(ms)
    {:reply, x, n}
  end
  def handle_cast(:inc, n), do: {:noreply, n + 1}
end
Process.flag(:trap_exit, true)
{:ok, _} = GenServer.start(Counter, 0, name: Counter)
"""


@pytest.fixture
def kate(python_node, target):
    return python_node("kate", target("hosted.py:app"))


@pytest.fixture
def alex(beam_node, kate):
    return beam_node("alex")


def test_elixir_pings_and_calls_python(alex, here) -> None:
    assert alex.eval_elixir(here("Node.ping(:kate@localhost)")).text == ":pong"
    assert alex.eval_elixir("Node.list()").text == here("[:kate@localhost]")
    assert alex.eval_elixir(here("GenServer.call({Counter, :kate@localhost}, :get)")).text == "0"
    assert alex.eval_elixir(here("GenServer.cast({Counter, :kate@localhost}, :inc)")).text == ":ok"
    assert alex.eval_elixir(here("GenServer.call({Counter, :kate@localhost}, {:add, 41})")).text == "42"


def test_ten_thousand_calls_keep_order_and_leave_nothing_behind(alex, kate, here) -> None:
    count = alex.eval_elixir(
        here("""
        before = :erlang.system_info(:process_count)
        {:monitors, m0} = Process.info(self(), :monitors)
        for i <- 1..10_000, do: ^i = GenServer.call({Counter, :kate@localhost}, {:add, 1})
        {:monitors, m1} = Process.info(self(), :monitors)
        {:message_queue_len, q} = Process.info(self(), :message_queue_len)
        {m0 == m1, q, :erlang.system_info(:process_count) - before}
        """),
        timeout=60,
    )
    assert count.text.startswith("{true, 0, ")
    tables = alex.eval_elixir(here("GenServer.call({:tables, :kate@localhost}, :sizes)")).term
    for _ in range(3):
        alex.eval_elixir(
            here("for _ <- 1..1000, do: GenServer.call({Counter, :kate@localhost}, {:add, 1})"), timeout=30
        )
    assert alex.eval_elixir(here("GenServer.call({:tables, :kate@localhost}, :sizes)")).term == tables


def test_concurrent_callers_each_get_their_own_reply(alex, here) -> None:
    result = alex.eval_elixir(
        here("""
        1..64
        |> Enum.map(fn i -> Task.async(fn ->
             for j <- 1..50, do: {i, j} == GenServer.call({Counter, :kate@localhost}, {:echo, {i, j}})
           end) end)
        |> Enum.map(&Task.await(&1, 30_000)) |> List.flatten() |> Enum.all?()
        """),
        timeout=40,
    )
    assert result.text == "true"


def test_what_an_elixir_caller_exits_with(alex, here) -> None:
    def exit_of(request: str) -> str:
        reason = alex.eval_elixir(here(f"try do {request} catch :exit, reason -> reason end"))
        return reason.text.replace(here("@localhost"), "@localhost")

    assert exit_of("GenServer.call({:nobody, :kate@localhost}, :x)") == (
        "{:noproc, {GenServer, :call, [{:nobody, :kate@localhost}, :x, 5000]}}"
    )
    assert exit_of("GenServer.call({Counter, :kate@localhost}, {:late, 500, 1}, 50)") == (
        "{:timeout, {GenServer, :call, [{Counter, :kate@localhost}, {:late, 500, 1}, 50]}}"
    )
    assert exit_of("GenServer.call({Counter, :absent@localhost}, :get)") == (
        "{{:nodedown, :absent@localhost}, {GenServer, :call, [{Counter, :absent@localhost}, :get, 5000]}}"
    )
    # A late reply reaches nobody.
    assert alex.eval_elixir("Process.sleep(600); Process.info(self(), :message_queue_len)").text.endswith(
        ", 0}"
    )


def test_a_crash_shows_the_python_exception_file_and_line(alex, here) -> None:
    text = alex.eval_elixir(
        here("""
        try do
          GenServer.call({Counter, :kate@localhost}, :crash)
        catch
          :exit, {reason, _call} -> Exception.format_exit(reason)
        end
        """)
    ).term
    assert isinstance(text, bytes)
    assert b"(RuntimeError) on purpose" in text
    assert b"hosted.py:" in text
    assert b"crash" in text


def test_links_and_monitors_of_elixir_on_python(alex, here) -> None:
    assert (
        alex.eval_elixir(
            here("""
        {:ok, pid} = GenServer.call({Counter, :kate@localhost}, :spawn)
        ref = Process.monitor(pid)
        Process.exit(pid, :kill)
        receive do {:DOWN, ^ref, :process, ^pid, reason} -> reason after 12_000 -> :none end
        """)
        ).text
        == ":killed"
    )
    assert alex.eval_elixir(
        here("""
        Process.flag(:trap_exit, true)
        {:ok, pid} = GenServer.call({Counter, :kate@localhost}, :spawn)
        Process.link(pid)
        Process.exit(pid, :foo)
        first = receive do {:EXIT, ^pid, reason} -> reason after 12_000 -> :none end
        Process.link(pid)
        second = receive do {:EXIT, ^pid, reason} -> reason after 12_000 -> :none end
        ref = Process.monitor({:nobody, :kate@localhost})
        third = receive do {:DOWN, ^ref, :process, what, reason} -> {what, reason} after 12_000 -> :none end
        {first, second, third}
        """)
    ).text == here("{:foo, :noproc, {{:nobody, :kate@localhost}, :noproc}}")


def test_stop_and_suspend_from_elixir(alex, here) -> None:
    assert (
        alex.eval_elixir(
            here("""
        {:ok, pid} = GenServer.call({Counter, :kate@localhost}, :server)
        ref = Process.monitor(pid)
        :ok = :sys.suspend(pid)
        :ok = :sys.resume(pid)
        :ok = GenServer.stop(pid, :shutdown)
        receive do {:DOWN, ^ref, _, _, reason} -> reason after 12_000 -> :none end
        """)
        ).text
        == ":shutdown"
    )


async def test_python_calls_elixir(beam_node, new_node) -> None:
    kate = beam_node("kate")
    kate.eval_elixir(ELIXIR_COUNTER)
    there = ("Elixir.Counter", kate.name)
    async with new_node("bob") as node:
        assert await GenServer.call(there, Atom("get")) == 0
        GenServer.cast(there, Atom("inc"))
        assert await GenServer.call(there, (Atom("add"), 41)) == 42
        for value in (1, -(10**40), 2.5, b"text", [], [1, [2.5]], {Atom("a"): None}, (True, Atom("ok"))):
            assert terms.equal(await GenServer.call(there, (Atom("echo"), value)), value)
        big = b"x" * 10_000_000
        assert await GenServer.call(there, (Atom("echo"), big), timeout=30) == big
        assert node.nodes() == [kate.name]


async def test_what_a_python_caller_sees(beam_node, here, new_node) -> None:
    kate = beam_node("kate")
    kate.eval_elixir(ELIXIR_COUNTER)
    there = ("Elixir.Counter", kate.name)
    async with new_node("bob"):
        with pytest.raises(NoProc):
            await GenServer.call(("nobody", kate.name), 1)
        with pytest.raises(NodeDown):
            await GenServer.call(("nobody", here("absent@localhost")), 1)
        with pytest.raises(CallTimeout):
            await GenServer.call(there, (Atom("late"), 300, 1), timeout=0.05)
        with pytest.raises(Exit) as stopped:
            await GenServer.call(there, (Atom("stop"), Atom("enough")))
        assert stopped.value.reason[0] == "enough"
        kate.eval_elixir("{:ok, _} = GenServer.start(Counter, 0, name: Counter)")
        with pytest.raises(Exit) as crashed:
            await GenServer.call(there, Atom("crash"))
        error, stack = crashed.value.reason[0]
        assert error[Atom("message")] == b"on purpose"
        assert stack


async def test_a_killed_beam_is_noticed_by_waiting_callers(beam_node, new_node) -> None:
    kate = beam_node("kate")
    kate.eval_elixir(ELIXIR_COUNTER)
    async with new_node("bob") as node:
        there = ("Elixir.Counter", kate.name)
        assert await GenServer.call(there, Atom("get")) == 0
        kate.kill()
        with pytest.raises(NodeDown):
            await GenServer.call(there, (Atom("late"), 100_000, 1), timeout=60)
        assert node.nodes() == []
