"""Tasks and their supervisors between Python and every BEAM.

Each script of the first part runs twice: against a Task.Supervisor of the BEAM itself, and
against one in Python.  What it gives must be the same.
"""

from __future__ import annotations

import re

import pytest

import pyerlnode as erl
from pyerlnode import (
    Atom,
    CallTimeout,
    Exit,
    Export,
    NodeDown,
    NoProc,
    Supervisor,
    Task,
    TaskSupervisor,
    erpc,
)
from pyerlnode.errors import BadArg
from pyerlnode.process import this_process

SUPERVISOR = "Elixir.Chat.TaskSupervisor"
JOB = "Elixir.Job"

# The same as in tasked.py.  The supervisor writes where the node does, as under an application.
REFERENCE = """
defmodule Chat do
  def receive_message(message), do: IO.puts(message)
  def receive_message_for_moebi(message, from) do
    IO.puts(message)
    send_message(from, "chicken?")
  end
  def send_message(recipient, message) do
    if String.starts_with?(Atom.to_string(recipient), "moebi@") do
      spawn_task(__MODULE__, :receive_message_for_moebi, recipient, [message, Node.self()])
    else
      spawn_task(__MODULE__, :receive_message, recipient, [message])
    end
  end
  def spawn_task(module, fun, recipient, args) do
    Task.Supervisor.async({Chat.TaskSupervisor, recipient}, module, fun, args) |> Task.await()
  end
end
defmodule Job do
  def add(a, b), do: a + b
  def give(x), do: x
  def leave(r), do: exit(r)
  def fail(r), do: :erlang.error(r)
  def raise(m), do: raise(RuntimeError, m)
  def throw(x), do: Kernel.throw(x)
  def crash_in_task(message) do
    Process.flag(:trap_exit, true)
    Task.yield(Task.async(__MODULE__, :raise, [message]))
  end
  def sleep(ms), do: (Process.sleep(ms); ms)
  def told(to, tag), do: (send(to, {tag, self()}); Process.sleep(:infinity))
  def once(to, message), do: send(to, message)
  def stubborn(to) do
    Process.flag(:trap_exit, true)
    send(to, {:up, self()})
    receive do {:EXIT, _, r} -> exit({:got, r}) end
  end
  def dictionary(key), do: Process.get(key)
  def start(options) do
    Process.flag(:trap_exit, true)
    {:ok, pid} = Task.Supervisor.start_link(options)
    Process.unlink(pid)
    {:ok, pid}
  end
end
me = self()
spawn(fn ->
  Process.group_leader(self(), Process.whereis(:user))
  {:ok, _} = Supervisor.start_link([{Task.Supervisor, name: Chat.TaskSupervisor}],
    strategy: :one_for_one, name: Chat.Supervisor)
  send(me, :started)
  Process.sleep(:infinity)
end)
receive do :started -> :ok end
"""

TOOLS = """
defmodule Tools do
  alias Task.Supervisor, as: TS
  def sup(peer), do: {Chat.TaskSupervisor, peer}
  # in another process, which is then the parent: on the own node rpc may run in the caller
  def start(peer, options) do
    {:ok, pid} = Task.await(Task.async(fn -> :rpc.call(peer, Job, :start, [options]) end))
    pid
  end
  def nolink(peer, f, a), do: TS.async_nolink(sup(peer), Job, f, a)
  def up(tag \\\\ :up) do
    receive do {^tag, pid} -> pid after 12_000 -> :nobody end
  end
  def down(ref) do
    receive do {:DOWN, ^ref, _, _, reason} -> reason after 9000 -> :alive end
  end
  def mail() do
    receive do m -> [m | mail()] after 0 -> [] end
  end
  # Until a task has ended: what it has sent is there by then.
  def ended(task), do: down(Process.monitor(task.pid))
  def until(f, left \\\\ 1000) do
    cond do
      f.() -> :ok
      left == 0 -> :never
      true -> Process.sleep(5); until(f, left - 1)
    end
  end
  def caught(f) do
    {:ok, f.()}
  catch
    kind, reason -> {kind, reason}
  end
  # two ways to call the same thing: terms of a task and of its node, lines of a stack
  def shown(x) when is_pid(x), do: :pid
  def shown(x) when is_reference(x), do: :ref
  def shown([{m, f, a, l} | _]) when is_atom(m) and is_atom(f) and is_list(l) do
    {:stack, m, f, if(is_list(a), do: shown(a), else: a)}
  end
  def shown([h | t]), do: [shown(h) | shown(t)]
  def shown(x) when is_tuple(x), do: List.to_tuple(shown(Tuple.to_list(x)))
  def shown(%Task{mfa: mfa}), do: {:task, mfa}
  def shown(%{__struct__: _} = x), do: x
  def shown(x) when x == node() or x == :kate@localhost, do: :peer
  def shown(x), do: x
end
"""


@pytest.fixture
def kate(python_node, target):
    return python_node("kate", target("tasked.py:Chat"))


@pytest.fixture
def alex(beam_node):
    node = beam_node("alex")
    node.eval_elixir(REFERENCE)
    return node


@pytest.fixture
def same(alex, kate, here):
    """What a script gives with either `peer`; it is the same."""
    alex.eval_elixir(here(TOOLS))

    def run(script: str) -> str:
        text = f"import Tools\nalias Task.Supervisor, as: TS\n{script}\n|> shown()"
        reference = alex.eval_elixir(f"peer = node()\n{text}", timeout=30).text
        ours = alex.eval_elixir(here(f"peer = :kate@localhost\n{text}"), timeout=30).text
        assert ours == reference
        return ours

    return run


# --- Elixir asks Python -----------------------------------------------------------------------


def values_are_awaited(same) -> None:
    text = same("""
    Process.flag(:trap_exit, true)
    values = [
      TS.async(sup(peer), Job, :add, [1, 2]) |> Task.await(),
      TS.async(sup(peer), :erlang, :apply, [:erlang, :node, []]) |> Task.await(),
      TS.async_nolink(sup(peer), Job, :give, [%{a: [1.5, "x"]}]) |> Task.await(),
      TS.async(sup(peer), Job, :dictionary, [:"$callers"]) |> Task.await() == [self()],
      TS.async(sup(peer), Job, :dictionary, [:"$initial_call"]) |> Task.await(),
      TS.async(sup(peer), Job, :dictionary, [:"$ancestors"]) |> Task.await() |> length() > 1,
    ]
    normal = for _ <- 1..5, do: (receive do {:EXIT, _, r} -> r after 12_000 -> :none end)
    nested = Task.async(fn ->
      {self(), TS.async(sup(peer), Job, :dictionary, [:"$callers"]) |> Task.await()}
    end)
    {inner, callers} = Task.await(nested)
    t = nolink(peer, :add, [1, 2])
    ref = t.ref
    order = receive do {^ref, 3} -> down(ref) after 12_000 -> :nothing end
    {values, normal, callers == [inner, self()], order, mail() |> length()}
    """)
    assert "{Job, :dictionary, 1}" in text


def crashes_are_seen(same) -> None:
    assert "nocatch" in same("""
    Process.flag(:trap_exit, true)
    cases = [leave: [:boom], leave: [:normal], leave: [{:shutdown, 1}], leave: [:kill], fail: [:bad],
             fail: [{:a, "b"}], raise: ["m"], throw: [:ball], absent: [1, 2]]
    for {f, a} <- cases do
      t = nolink(peer, f, a)
      linked = TS.async(sup(peer), Job, f, a)
      pid = linked.pid
      exit = receive do {:EXIT, ^pid, r} -> r after 12_000 -> :none end
      Process.demonitor(linked.ref, [:flush])
      {caught(fn -> Task.await(t) end), exit, Task.yield(nolink(peer, f, a)), mail()}
    end
    """)
    same("""
    {_, ref} = spawn_monitor(fn -> TS.async(sup(peer), Job, :leave, [:boom]) |> Task.await() end)
    me = self()
    owner = fn start ->
      pid = spawn(fn -> start.(sup(peer), Job, :told, [me, :up]); Process.sleep(:infinity) end)
      task = up()
      watch = Process.monitor(task)
      ended = Process.monitor(pid)
      Process.exit(pid, :bang)
      down(ended)
      # Who is linked has been told before: only who is not can still be killed.
      if start == (&TS.async_nolink/4), do: Process.exit(task, :kill)
      down(watch)
    end
    {down(ref), owner.(&TS.async/4), owner.(&TS.async_nolink/4), mail() |> length()}
    """)


def tasks_are_given_up(same) -> None:
    text = same("""
    late = nolink(peer, :sleep, [300])
    timeout = caught(fn -> Task.await(late, 20) end)
    task = nolink(peer, :sleep, [600])
    nothing = Task.yield(task, 10)
    two = for ms <- [10, 30], do: nolink(peer, :sleep, [ms])
    many = Task.yield_many(two, 9000) |> Enum.map(&elem(&1, 1))
    ended = for how <- [5000, :brutal_kill] do
      t = nolink(peer, :told, [self(), :up])
      pid = up()
      ref = Process.monitor(pid)
      {Task.shutdown(t, how), down(ref)}
    end
    own = nolink(peer, :stubborn, [self()])
    up()
    finished = nolink(peer, :give, [7])
    ended(finished)
    going = nolink(peer, :sleep, [10])
    ignored = Task.ignore(going)
    results = {timeout, nothing, Task.yield(task, 9000), many, ended,
     Task.shutdown(own), Task.shutdown(finished), ignored}
    ended(late)
    ended(going)
    Tuple.insert_at(results, tuple_size(results), mail())
    """)
    assert text.endswith(", {:exit, {:got, :shutdown}}, {:ok, 7}, nil, []}")


def children_are_started(same) -> None:
    same("""
    {:ok, pid} = TS.start_child(sup(peer), Job, :told, [self(), :up])
    ^pid = up()
    there = pid in TS.children(sup(peer))
    ended = TS.terminate_child(sup(peer), pid)
    again = TS.terminate_child(sup(peer), pid)
    {:ok, fun} = TS.start_child(sup(peer), :erlang, :apply, [Job, :told, [self(), :up]])
    Process.exit(up(), :kill)
    s = start(peer, max_restarts: 5, max_seconds: 100)
    cases = [temporary: :boom, transient: :boom, transient: :shutdown, permanent: :normal]
    restarts = for {type, reason} <- cases do
      {:ok, a} = TS.start_child(s, Job, :told, [self(), :up], restart: type)
      ^a = up()
      Process.exit(a, if(reason == :normal, do: :kill, else: reason))
      wait = if type == :temporary or reason == :shutdown, do: 150, else: 9000
      b = receive do {:up, b} -> b after wait -> nil end
      b && TS.terminate_child(s, b)
      {type, reason, b != nil and b != a}
    end
    busy = start(peer, max_children: 1)
    {:ok, one} = TS.start_child(busy, Job, :told, [self(), :up])
    up()
    {kind, _} = caught(fn -> TS.async(busy, Job, :give, [1]) end)
    full = [TS.start_child(busy, Job, :give, [1]), kind]
    TS.terminate_child(busy, one)
    free = TS.async(busy, Job, :give, [1]) |> Task.await()
    default = start(peer, restart: :transient, max_restarts: 5)
    {:ok, a} = TS.start_child(default, Job, :told, [self(), :up])
    ^a = up()
    Process.exit(a, :kill)
    b = up()
    TS.terminate_child(default, b)
    often = start(peer, max_restarts: 1)
    gone = Process.monitor(often)
    TS.start_child(often, Job, :once, [self(), :ran], restart: :permanent)
    intensity = down(gone)
    ran = mail()
    {there, ended, again, is_pid(fun), restarts, full, free, a != b, intensity, ran,
     Supervisor.count_children(busy)}
    """)


def streams_are_run(same) -> None:
    text = same("""
    s = sup(peer)
    Process.flag(:trap_exit, true)
    [
      TS.async_stream(s, 1..6, Job, :add, [100], max_concurrency: 2),
      TS.async_stream(s, [120, 5, 60], Job, :sleep, [], max_concurrency: 3),
      TS.async_stream(s, [600, 5], Job, :sleep, [], max_concurrency: 2, ordered: false),
      TS.async_stream_nolink(s, [:a, :b], Job, :leave, []),
      TS.async_stream(s, [:a], Job, :leave, []),
      TS.async_stream_nolink(s, [:a], Job, :leave, [], zip_input_on_exit: true),
      TS.async_stream(s, [5000, 1], Job, :sleep, [],
        timeout: 1000, on_timeout: :kill_task, max_concurrency: 1),
      TS.async_stream(s, [2, 1], Job, :sleep, []) |> Stream.take(1),
    ]
    |> Enum.map(&Enum.to_list/1)
    |> then(fn results ->
      slow = TS.async_stream(s, [5000], Job, :sleep, [], timeout: 50)
      {results, caught(fn -> Enum.to_list(slow) end), mail(), TS.children(s)}
    end)
    """)
    assert "exit: {:a, :a}" in text


def every_form_is_served(same) -> None:
    text = same("""
    me = self()
    owner = {node(), me, me}
    ask = fn s, args, restart, shutdown ->
      GenServer.call(s, {:start_task, args, restart, shutdown}, :infinity)
    end
    {:ok, a} = ask.(sup(peer), [owner, :monitor], :temporary, 5000)
    mon = Process.monitor(a)
    ref = make_ref()
    send(a, {me, ref, me, [me], {Job, :add, [20, 22]}})
    answer = receive do {^ref, x} -> x after 12_000 -> :none end
    normal = down(mon)
    {:ok, _} = ask.(sup(peer), [owner, [me], {Job, :told, [me, :up]}], nil, nil)
    b = up()
    Process.exit(b, :kill)
    gone = spawn(fn ->
      {:ok, c} = ask.(sup(peer), [{node(), self(), self()}, :monitor], :temporary, nil)
      send(me, {:up, c})
      Process.sleep(:infinity)
    end)
    watch = Process.monitor(up())
    until(fn -> match?({:monitored_by, [_ | _]}, Process.info(gone, :monitored_by)) end)
    Process.exit(gone, :gone)
    wrong = for args <- [[owner], :x, [1, 2, 3, 4]], do: ask.(sup(peer), args, :temporary, nil)
    {answer, normal, down(watch), wrong}
    """)
    assert text.startswith("{42, :normal, {:shutdown, :gone}, [")


def what_elixir_specifies_is_started(same) -> None:
    same("""
    top = {Chat.Supervisor, peer}
    {:ok, extra} = Supervisor.start_child(top, {TS, name: Extra, max_children: 1})
    {:ok, pid} = TS.start_child({Extra, peer}, Job, :told, [self(), :up])
    ^pid = up()
    full = TS.start_child({Extra, peer}, Job, :give, [1])
    told = %{id: :told, start: {Task, :start_link, [Job, :told, [self(), :up]]}, restart: :temporary}
    {:ok, told} = Supervisor.start_child(top, told)
    ^told = up()
    bad = Supervisor.start_child(top, {TS, name: Bad, max_children: -1}) |> elem(1) |> elem(0)
    listed = for {id, p, type, m} <- Supervisor.which_children(top), do: {id, is_pid(p), type, m}
    ended = for id <- [Extra, :told], do: Supervisor.terminate_child(top, id)
    {is_pid(extra), full, bad, listed, ended, Supervisor.delete_child(top, Extra)}
    """)


def crashes_are_logged_where_the_caller_is(alex, here) -> None:
    started = r"Task #PID<[\d.]+> started from #PID<[\d.]+> terminating\n\*\* \(RuntimeError\) "
    for peer, message in (("node()", "here"), (":kate@localhost", "there")):
        alex.eval_elixir(here(f'Node.spawn({peer}, Job, :crash_in_task, ["{message}"])'))
        stack = rf'\n(    .*\n)+Function: &Job.raise/1\n    Args: \["{message}"\]'
        alex.wait_for_output(re.compile(started + message + stack), 5)


def lost_connections_are_told(alex, here) -> None:
    """A connection that is lost ends the wait at once; so does a node that is not there."""
    text = alex.eval_elixir(
        here("""
        import Tools
        Process.flag(:trap_exit, true)
        t = nolink(:kate@localhost, :told, [self(), :up])
        pid = up()
        linked = Task.Supervisor.async(sup(:kate@localhost), Job, :told, [self(), :up])
        other = up()
        Node.disconnect(:kate@localhost)
        lost = caught(fn -> Task.await(t) end)
        exit = receive do {:EXIT, ^other, r} -> r after 12_000 -> :none end
        until(fn -> not :erpc.call(:kate@localhost, :erlang, :is_process_alive, [other]) end)
        alive = for p <- [pid, other], do: :erpc.call(:kate@localhost, :erlang, :is_process_alive, [p])
        absent = caught(fn -> nolink(:moebi@localhost, :give, [1]) end)
        Process.demonitor(linked.ref, [:flush])
        {:exit, {{:nodedown, down}, {Task, :await, _}}} = lost
        {:exit, {{:nodedown, missing}, _}} = absent
        Process.exit(pid, :kill)
        {down, exit, alive, missing, mail()}
        """)
    ).text
    # Without a link it goes on, with one the loss of the connection is an exit signal there as well.
    assert text == here("{:kate@localhost, :noconnection, [true, false], :moebi@localhost, []}")


def test_elixir_asks_python(same, alex, here) -> None:
    values_are_awaited(same)
    crashes_are_seen(same)
    tasks_are_given_up(same)
    children_are_started(same)
    streams_are_run(same)
    every_form_is_served(same)
    what_elixir_specifies_is_started(same)
    crashes_are_logged_where_the_caller_is(alex, here)
    lost_connections_are_told(alex, here)


# --- Python asks Elixir, and Python ------------------------------------------------------------


async def up():
    """The pid of the next task that says that it runs."""
    return (await erl.receive(lambda message: message[0] == "up", 5))[1]


async def values_of(sup) -> None:
    assert await Task.await_(await TaskSupervisor.async_(sup, JOB, "add", [1, 2])) == 3
    assert await Task.await_(await TaskSupervisor.async_nolink(sup, Export(JOB, "add", 2), 1, 2)) == 3
    callers = await TaskSupervisor.async_(sup, JOB, "dictionary", [Atom("$callers")])
    assert await Task.await_(callers) == [erl.self()]
    call = await TaskSupervisor.async_(sup, JOB, "dictionary", [Atom("$initial_call")])
    assert await Task.await_(call) == (JOB, "dictionary", 1)
    tasks = [await TaskSupervisor.async_(sup, JOB, "sleep", [ms]) for ms in (30, 10)]
    assert await Task.await_many(tasks) == [30, 10]
    with pytest.raises(BadArg, match="another node"):
        await TaskSupervisor.async_(sup, len, [])


async def ends_of(sup) -> None:
    for function, arg, reason in (
        ("leave", Atom("boom"), "boom"),
        ("leave", (Atom("shutdown"), 1), ("shutdown", 1)),
        ("fail", Atom("bad"), ("bad", JOB)),
        ("throw", Atom("ball"), (("nocatch", "ball"), JOB)),
        ("absent", 1, ("undef", JOB)),
    ):
        task = await TaskSupervisor.async_nolink(sup, JOB, function, [arg])
        with pytest.raises(Exit) as raised:
            await Task.await_(task)
        why, call = raised.value.reason
        assert call == ("Elixir.Task", "await", [task, 5000])
        match why:
            case (inner, [(module, _, _, _), *_]):
                why = (inner, module)
        assert why == reason
    task = await TaskSupervisor.async_nolink(sup, JOB, "raise", [b"m"])
    kind, (struct, stack) = await Task.yield_(task)
    assert (kind, struct[Atom("message")]) == ("exit", b"m")
    assert stack[0][:2] == (JOB, "raise")
    linked = await TaskSupervisor.async_(sup, JOB, "leave", [Atom("boom")])
    assert await erl.receive(lambda m: m[0] == "EXIT" and m[1] == linked.pid, 5)
    assert await Task.yield_(linked) == ("exit", "boom")


async def late_ones_of(sup) -> None:
    task = await TaskSupervisor.async_nolink(sup, JOB, "sleep", [100])
    with pytest.raises(CallTimeout) as raised:
        await Task.await_(task, 0.01)
    assert raised.value.reason == ("timeout", ("Elixir.Task", "await", [task, 10]))
    ended = erl.monitor(task.pid)
    down = await erl.receive(lambda m: m[1] == ended, 5)
    assert down[4] == "normal"  # it has answered; the answer came to nobody
    for how, reason in ((5.0, "shutdown"), ("brutal_kill", "killed")):
        task = await TaskSupervisor.async_(sup, JOB, "told", [erl.self(), Atom("up")])
        assert await up() == task.pid
        ended = erl.monitor(task.pid)
        assert await Task.shutdown(task, how) is None
        down = await erl.receive(lambda m, ref=ended: m[1] == ref, 5)
        assert down[4] == reason
    task = await TaskSupervisor.async_nolink(sup, JOB, "stubborn", [erl.self()])
    await up()
    assert await Task.shutdown(task) == ("exit", ("got", "shutdown"))


async def children_of(sup) -> None:
    pid = await TaskSupervisor.start_child(sup, JOB, "told", [erl.self(), Atom("up")])
    assert await up() == pid
    assert pid in await TaskSupervisor.children(sup)
    assert await TaskSupervisor.terminate_child(sup, pid) == "ok"
    with pytest.raises(Exit) as raised:
        await TaskSupervisor.terminate_child(sup, pid)
    assert raised.value.reason == "not_found"
    work = (JOB, "told", [erl.self(), Atom("up")])
    first = await TaskSupervisor.start_child(sup, *work, restart="transient")
    assert await up() == first
    erl.exit(first, "kill")
    again = await up()
    assert again != first
    await TaskSupervisor.terminate_child(sup, again)
    node = sup[1]
    _, busy = await erpc.call(node, JOB, "start", [[(Atom("max_children"), 1)]])
    waiting = await TaskSupervisor.async_nolink(busy, *work)
    await up()
    with pytest.raises(Exit) as raised:
        await TaskSupervisor.async_(busy, *work)
    assert raised.value.reason == "max_children"
    await Task.shutdown(waiting)
    await Supervisor.stop(busy)


async def streams_of(sup) -> None:
    async def listed(stream):
        return [result async for result in stream]

    stream = TaskSupervisor.async_stream
    assert await listed(stream(sup, range(40), JOB, "add", [1])) == [("ok", n + 1) for n in range(40)]
    mixed = stream(sup, [600, 1], JOB, "sleep", [], max_concurrency=2, ordered=False)
    assert await listed(mixed) == [("ok", 1), ("ok", 600)]
    ends = TaskSupervisor.async_stream_nolink(
        sup, [Atom("a")], Export(JOB, "leave", 1), zip_input_on_exit=True
    )
    assert await listed(ends) == [("exit", ("a", "a"))]
    slow = stream(sup, [9000, 1], JOB, "sleep", [], timeout=1.0, on_timeout="kill_task", max_concurrency=1)
    assert await listed(slow) == [("exit", "timeout"), ("ok", 1)]
    with pytest.raises(CallTimeout):
        await listed(stream(sup, [9000], JOB, "sleep", [], timeout=0.02))
    assert await TaskSupervisor.children(sup) == []


async def lost_connection_to(node, peer) -> None:
    sup = (SUPERVISOR, peer.name)
    task = await TaskSupervisor.async_nolink(sup, JOB, "told", [erl.self(), Atom("up")])
    await up()
    assert node.disconnect(peer.name)
    with pytest.raises(NodeDown) as raised:
        await Task.await_(task)
    assert raised.value.reason[0] == ("nodedown", peer.name)


async def test_python_asks_elixir(new_node, alex) -> None:
    await asks(new_node, alex)


async def test_python_asks_python(new_node, kate) -> None:
    await asks(new_node, kate)


async def asks(new_node, peer) -> None:
    async with new_node("moebi") as node:
        erl.process_flag("trap_exit", True)
        sup = (SUPERVISOR, peer.name)
        await values_of(sup)
        await ends_of(sup)
        await late_ones_of(sup)
        await children_of(sup)
        await streams_of(sup)
        with pytest.raises(NoProc):
            await TaskSupervisor.async_(("Elixir.Nobody", peer.name), JOB, "add", [1, 2])
        with pytest.raises(NodeDown):
            await TaskSupervisor.async_((SUPERVISOR, peer.name.replace("@", "x@")), JOB, "add", [1, 2])
        exits = [message for message in this_process().mailbox or () if message[0] != "EXIT"]
        assert exits == []
        await lost_connection_to(node, peer)


async def test_elixir_supervises_a_task_of_python(new_node, alex) -> None:
    """The specification that `Task.child` gives is Elixir's own to a supervisor there."""
    async with new_node("moebi"):
        spec = Task.child(JOB, "told", [erl.self(), Atom("up")], id="teller")
        pid = await Supervisor.start_child(("Elixir.Chat.Supervisor", alex.name), spec)
        assert await erl.receive(timeout=20) == ("up", pid)
        children = await Supervisor.which_children(("Elixir.Chat.Supervisor", alex.name))
        assert ("teller", pid, "worker", ["Elixir.Task"]) in children


def test_the_chat_at_a_prompt(iex, python_node, target, here) -> None:
    """A person at iex: the call prints on the Python node and gives `:ok`."""
    kate = python_node("kate", target("tasked.py:Chat"))
    alex = iex("alex")
    text = alex.command(
        here(
            "Task.Supervisor.async({Chat.TaskSupervisor, :kate@localhost}, Chat, :receive_message, "
            '["hi"]) |> Task.await()'
        )
    )
    assert text.strip() == ":ok"
    kate.wait_for_output("hi\n", 5)
