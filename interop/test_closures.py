"""Closures that are typed at `iex` and `erl`, and run on a Python node."""

from __future__ import annotations

import re

import pytest

HI = "Hi, my name is Kate"
RECEIVE = "receive do m -> m after 10_000 -> :none end"


@pytest.fixture
def kate(python_node, target):
    return python_node("kate", target("exported.py:app"))


def test_the_first_lesson(iex, kate, here) -> None:
    alex = iex("alex")
    alex.type(here("pid = Node.spawn_link(:kate@localhost, fn -> Kate.say_name end)"))
    # The text and the value may come in either order.
    alex.expect(re.compile(rf"{HI}[^$]*#PID<[1-9]\d*\.\d+\.\d+>|#PID<[1-9]\d*\.\d+\.\d+>[^$]*{HI}"))
    assert alex.command("node(pid)") == here(":kate@localhost")
    assert HI not in kate.output
    alex.command(
        here("pid = Node.spawn_link(:kate@localhost, fn -> receive do {:hi, pid} -> send pid, :sup? end end)")
    )
    assert "{:hi, #PID<" in alex.command("send(pid, {:hi, self()})")
    assert alex.command("receive do :sup? = m -> send(self(), m) after 10_000 -> :none end") == ":sup?"
    assert alex.command("flush()") == ":sup?\n:ok"


def test_what_closures_give(beam_node, kate, here) -> None:
    alex = beam_node("alex")
    text = alex.eval_elixir(
        here("""
        kate = :kate@localhost
        there = fn fun -> :erpc.call(kate, fun) end
        adder = there.(fn -> n = 40; fn x -> x + n end end)
        me = self()
        {pid, ref} = Node.spawn_monitor(kate, fn -> exit(:bye) end)
        reason = receive do {:DOWN, ^ref, _, ^pid, why} -> why after 12_000 -> :none end
        Node.spawn(kate, fn -> send(me, {:group_leader, Process.group_leader()}) end)
        leader = receive do {:group_leader, pid} -> pid after 12_000 -> :none end
        child = there.(fn -> spawn(fn -> receive do {:ask, it} -> send(it, {:answer, node()}) end end) end)
        send(child, {:ask, self()})
        answer = receive do {:answer, node} -> node after 12_000 -> :none end
        [
          there.(fn -> 1 + 1 end),
          there.(fn -> for n <- 1..3, do: n * n end),
          :rpc.call(kate, :erlang, :apply, [fn a, b -> {b, a} end, [1, 2]]),
          adder.(2),
          there.(fn -> adder.(3) end),
          there.(adder |> then(fn f -> fn -> f end end)) == adder,
          reason,
          leader == Process.group_leader(),
          answer == kate,
          there.(fn -> try do throw(:ball) catch x -> {:caught, x} end end),
          try do there.(fn -> :erlang.error(:no) end) catch :error, {:exception, :no, _} -> :error end,
          try do there.(fn -> throw(:ball) end) catch x -> x end
        ]
        """)
    ).text
    assert text == ("[2, [1, 4, 9], {2, 1}, 42, 43, true, :bye, true, true, {:caught, :ball}, :error, :ball]")


def test_reasons(beam_node, kate, here) -> None:
    alex = beam_node("alex")
    text = alex.eval_elixir(
        here("""
        Process.flag(:trap_exit, true)
        ends = fn fun ->
          pid = Node.spawn_link(:kate@localhost, fun)
          receive do {:EXIT, ^pid, reason} -> reason after 12_000 -> :none end
        end
        one = fn x -> x end
        {raised, [{_, _, _, _} | _]} = ends.(fn -> raise "boom" end)
        {:badarith, [{:erlang, :+, [1, :a], _} | _]} = ends.(fn -> 1 + :a end)
        {{:nocatch, :ball}, stack} = ends.(fn -> throw(:ball) end)
        {:undef, [{Nope, :missing, [1], []} | _]} = ends.(fn -> Nope.missing(1) end)
        {:badrpc, {:EXIT, {{:badarity, {^one, []}}, [{:erlang, :apply, 2, []} | _]}}} =
          :rpc.call(:kate@localhost, :erlang, :apply, [one, []])
        {:badrpc, {:EXIT, {:undef, [{_, [1, 2], []} | _]}}} =
          :rpc.call(:kate@localhost, :erlang, :apply, [Stream.cycle([1]), [1, 2]])
        {Exception.message(raised), is_list(stack)}
        """)
    ).text
    assert text == '{"boom", true}'


def test_an_exception_at_the_shell(iex, kate, here) -> None:
    alex = iex("alex")
    assert alex.command("Logger.configure(level: :none)") == ":ok"
    alex.type(here('Node.spawn_link(:kate@localhost, fn -> raise "boom" end)'))
    alex.expect("shell process exited with reason")
    alex.expect("boom")
    alex.expect("Interactive Elixir")


def test_funs_of_the_erlang_shell(erl, kate, here) -> None:
    alex = erl("alex")
    alex.command(here("net_kernel:connect_node('kate@localhost')."))
    alex.command("Fac = fun F(0) -> 1; F(N) -> N * F(N - 1) end.")
    assert alex.command(here("erpc:call('kate@localhost', fun() -> Fac(20) end).")) == "2432902008176640000"
    alex.type(here("spawn_link('kate@localhost', fun() -> io:format(\"~p~n\", [{hello, [1]}]) end)."))
    alex.expect(re.compile(r"\{hello,\[1\]\}"))
    assert alex.command(
        here("erpc:call('kate@localhost', fun() -> << <<(X * 2)>> || <<X>> <= <<1, 2>> >> end).")
    ) == ("<<2,4>>")


def test_closures_off(beam_node, python_node, target, here) -> None:
    python_node("kate", target("exported.py:app"), options=["--closures", "off"])
    alex = beam_node("alex")
    text = alex.eval_elixir(
        here("""
        Process.flag(:trap_exit, true)
        pid = Node.spawn_link(:kate@localhost, fn -> 1 end)
        receive do
          {:EXIT, ^pid, {{:badfun, fun}, [{:erlang, :apply, 2, []}]}} when is_function(fun, 0) -> :badfun
          other -> other
        after 12_000 -> :none end
        """)
    ).text
    assert text == ":badfun"
    assert alex.eval_elixir(here(":rpc.call(:kate@localhost, Kate, :add, [1, 2])")).text == "3"


def test_agents(beam_node, kate, here) -> None:
    alex = beam_node("alex")
    text = alex.eval_elixir(
        here("""
        {:ok, agent} = :rpc.call(:kate@localhost, Agent, :start, [fn -> %{count: 1} end])
        Agent.update(agent, fn state -> Map.update!(state, :count, & &1 + 1) end)
        Agent.cast(agent, fn state -> Map.put(state, :last, :cast) end)
        state = Agent.get(agent, & &1)
        :sys.replace_state(agent, fn s -> Map.put(s, :last, 1..3) end)
        {state, Agent.get_and_update(agent, fn s -> {Enum.sum(s.last), s} end), Agent.get(agent, &map_size/1)}
        """)
    ).text
    assert text == "{%{count: 2, last: :cast}, 6, 2}"


def test_tasks(beam_node, python_node, target, here) -> None:
    python_node("kate", target("tasked.py:Chat"))
    alex = beam_node("alex")
    text = alex.eval_elixir(
        here("""
        sup = {Chat.TaskSupervisor, :kate@localhost}
        task = Task.Supervisor.async(sup, fn -> {node(), Enum.join(1..3, "-")} end)
        broken = Task.Supervisor.async_nolink(sup, fn -> raise "no" end)
        {Task.await(task), match?({:exit, {%RuntimeError{message: "no"}, _}}, Task.yield(broken))}
        """)
    ).text
    assert text == here('{{:kate@localhost, "1-2-3"}, true}')


def test_lines_of_io_inspect(beam_node, kate, here) -> None:
    """What a closure prints is captured where it was sent from, and is what it prints there."""
    alex = beam_node("alex")
    text = alex.eval_elixir(
        here("""
        {:ok, _} = Application.ensure_all_started(:ex_unit)
        print = fn ->
          words = for n <- 1..30, do: "word#{n}"
          pairs = for n <- 1..12, do: {n, [n * 1000, n]}
          IO.inspect(words)
          IO.inspect(pairs, label: "pairs")
          IO.inspect({:ok, %{words: words}, pairs: pairs}, width: 40)
          IO.inspect(Enum.to_list(1..30), limit: 5)
          IO.inspect(:binary.copy(<<0, 255>>, 20))
          IO.puts(inspect([deep: [deeper: words]], pretty: true))
        end
        captured = fn work -> ExUnit.CaptureIO.capture_io(work) end
        one = captured.(print)
        other = captured.(fn -> :erpc.call(:kate@localhost, print) end)
        if one == other, do: length(String.split(one, "\\n")), else: IO.puts(other)
        """)
    ).text
    assert int(text) > 60
