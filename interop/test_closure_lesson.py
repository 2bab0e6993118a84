"""The first lesson on nodes with the closures that it is told in, typed at `iex`, word for word.

The node kate is of Python (tutorial.py) and of Elixir (tutorial.exs), and the lesson is the same.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from lessons import TOOLS, Pupil, host

import pyerlnode as erl
from pyerlnode import Atom, charlist, erpc

HI = "Hi, my name is Kate"

# A process elsewhere waits, answers, and what it says stays in the mailbox until it is shown.
MESSAGES = """
> pid = Node.spawn_link(:kate@localhost, fn -> receive do {:hi, pid} -> send pid, :sup? end end); node(pid)
:kate@localhost
> ref = Process.monitor(pid); send(pid, {:hi, self()}); down(ref)
:normal
> flush()
:sup?
:ok
> pid = Node.spawn(:kate@localhost, fn -> receive do {:hi, pid} -> for m <- ["sup?", ~c"sup", {:sup?, 1.5}, %{sup: [nil]}, {:from, self()}], do: send(pid, m) end end); node(pid)
:kate@localhost
> ref = Process.monitor(pid); send(pid, {:hi, self()}); down(ref)
:normal
> flush()
"sup?"
...sup...
{:sup?, 1.5}
%{sup: [nil]}
{:from, #PID<...>}
:ok
> flush()
:ok
> {:erpc.call(:kate@localhost, fn -> node() end), node()}
{:kate@localhost, :alex@localhost}
"""  # noqa: E501

# Tasks and agents of the other node run what is typed here.
TASKS_AND_AGENTS = """
> Task.Supervisor.async({Chat.TaskSupervisor, :kate@localhost}, fn -> {:sent, node(), Enum.sum(1..4)} end) |> Task.await
{:sent, :kate@localhost, 10}
> hello = "hello from alex"; Task.Supervisor.async({Chat.TaskSupervisor, :kate@localhost}, fn -> Chat.receive_message(hello) end) |> Task.await
:ok
> task = Task.Supervisor.async_nolink({Chat.TaskSupervisor, :kate@localhost}, fn -> raise "boom" end); {:exit, {error, _}} = Task.yield(task); error
%RuntimeError{message: "boom"}
> {:ok, agent} = :rpc.call(:kate@localhost, Agent, :start, [fn -> [] end]); node(agent)
:kate@localhost
> Agent.update(agent, fn list -> ["eggs" | list] end)
:ok
> Agent.update(agent, &["milk" | &1])
:ok
> Agent.get(agent, fn list -> list end)
["milk", "eggs"]
> Agent.get_and_update(agent, fn [first | rest] -> {first, rest} end)
"milk"
> {Agent.get(agent, &length/1), Agent.stop(agent)}
{1, :ok}
"""  # noqa: E501

# What raises there is read here.
RAISES = """
> {Process.flag(:trap_exit, true), flush()}
{false, :ok}
> pid = Node.spawn_link(:kate@localhost, fn -> raise "boom" end); {:EXIT, ^pid, {error, stack}} = told(); {Exception.message(error), is_list(stack)}
{"boom", true}
> pid = Node.spawn_link(:kate@localhost, fn -> 1 + :one end); {:EXIT, ^pid, {why, [{m, f, args, _} | _]}} = told(); {why, m, f, args}
{:badarith, :erlang, :+, [1, :one]}
> pid = Node.spawn_link(:kate@localhost, fn -> exit(:bye) end); told() == {:EXIT, pid, :bye}
true
> pid = Node.spawn_link(:kate@localhost, fn -> Kate.say_nothing end); {:EXIT, ^pid, {why, [{m, f, args, _} | _]}} = told(); {why, m, f, args}
{:undef, Kate, :say_nothing, []}
"""  # noqa: E501

# Only the cookie stands between these and a node of Elixir; a node of Python has none of them.
REFUSED = """
> gone = fn fun -> pid = Node.spawn_link(:kate@localhost, fun); {:EXIT, ^pid, {why, [{m, f, _, _} | _]}} = told(); {why, m, f} end; :ok
:ok
> gone.(fn -> System.cmd("id", []) end)
{:undef, System, :cmd}
> gone.(fn -> File.read("/etc/hostname") end)
{:undef, File, :read}
> gone.(fn -> Code.eval_string("1 + 1") end)
{:undef, Code, :eval_string}
> gone.(fn -> :os.cmd(~c"id") end)
{:undef, :os, :cmd}
> gone.(fn -> :init.stop() end)
{:undef, :init, :stop}
> gone.(fn -> apply(:erlang, :halt, []) end)
{:undef, :erlang, :halt}
> Node.ping(:kate@localhost)
:pong
"""  # noqa: E501


@pytest.fixture(params=["python", "elixir"])
def kate(request: pytest.FixtureRequest, target: Any) -> Any:
    return host(request, target, "tutorial.py:app", "tutorial.exs")


def test_the_lesson_with_closures(iex, kate, here, request) -> None:
    pupil = Pupil(iex("alex", environment={"LESSON": TOOLS}), here)
    pupil.load()
    alex = pupil.shell
    alex.type(here("pid = Node.spawn_link(:kate@localhost, fn -> Kate.say_name end)"))
    # The text and the value may come in either order.
    alex.expect(re.compile(rf"{HI}[^$]*#PID<[1-9]\d*\.\d+\.\d+>|#PID<[1-9]\d*\.\d+\.\d+>[^$]*{HI}"))
    pupil.walk("> node(pid)\n:kate@localhost\n")
    pupil.walk(MESSAGES)
    pupil.walk(TASKS_AND_AGENTS)
    pupil.walk(RAISES)
    if "python" in request.node.callspec.id.split("-"):
        kate.wait_for_output("hello from alex\n")
        assert HI not in kate.output
        pupil.walk(REFUSED)


async def test_python_shows_what_elixir_sends(beam_node, new_node, capfd) -> None:
    kate = beam_node("kate")
    source = b'for m <- [:sup?, "sup", ~c"sup", {:hi, %{a: 1.5}}, nil], do: send(pid, m)'
    async with new_node("alex"):
        for notation in ((), ("elixir",)):
            # Elixir knows `~c` in every release; what its process sends comes before what it returns.
            arguments = [source, [(Atom("pid"), erl.self())]]
            await erpc.call(kate.name, "Elixir.Code", "eval_string", arguments)
            erl.flush(*notation)
        await erl.io.puts("end")
    assert capfd.readouterr().out.splitlines() == [
        *map(repr, [Atom("sup?"), b"sup", charlist("sup"), (Atom("hi"), {Atom("a"): 1.5}), None]),
        *(":sup?", '"sup"', '~c"sup"', "{:hi, %{a: 1.5}}", "nil"),
        "end",
    ]
