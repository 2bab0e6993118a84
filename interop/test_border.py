"""Supervisors whose children live on a node of the other language, in both directions."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyerlnode
import pyerlnode as erl
from pyerlnode import (
    Atom,
    ChildSpec,
    DynamicSupervisor,
    Exit,
    GenServer,
    Pid,
    Supervisor,
    remote_child,
)

HERE = Path(__file__).parent
PY_NODE = Path(pyerlnode.__file__).parent / "elixir" / "py_node.ex"


@pytest.fixture
def alex(beam_node, here):
    node = beam_node("alex")
    for path in (PY_NODE, HERE / "border.exs"):
        node.eval_elixir(f"Code.compile_string(~S'''\n{here(path.read_text())}\n''', \"{path.name}\")")
    node.eval_elixir("Logger.configure(level: :none)")
    return node


@pytest.fixture
def kate(python_node, target):
    return python_node("kate", target("border.py:app"))


def test_an_elixir_supervisor_starts_restarts_and_stops_python_children(alex, kate) -> None:
    text = alex.eval_elixir("""
    import Border
    me = self()
    children = [child(:a, [me, :a]), child(:b, [me, :b]), child(:c, [me, :c, :plain])]
    {:ok, sup} = start(children, max_restarts: 9)
    [a, b, c] = Enum.map([:a, :b, :c], &started/1)
    true = Enum.all?([a, b, c], &(node(&1) == :kate@localhost))
    [{:c, for_c, :worker, [PyNode]}, {:b, for_b, _, _}, {:a, for_a, _, _}] = Supervisor.which_children(sup)
    true = Enum.map([for_a, for_b, for_c], &PyNode.pid/1) == [a, b, c]
    counts = Enum.sort(Supervisor.count_children(sup))
    {:links, links} = Process.info(sup, :links)
    [] = [for_a, for_b, for_c] -- links
    true = {9, :sys.get_state(a)} == {GenServer.call(for_a, 9), :sys.get_state(for_a)}

    # it ends by itself, is killed, dies of an exit that it does not trap
    catch_exit = fn f -> try do f.() catch :exit, {reason, _} -> reason end end
    crashed = catch_exit.(fn -> GenServer.call(a, {:stop, :crash}) end)
    a2 = started(:a)
    Process.exit(b, :kill)
    b2 = started(:b)
    Process.exit(c, :oops)
    c2 = started(:c)
    reasons = [terminated(:a), rest()]
    true = a2 != a and b2 != b and c2 != c
    9 = GenServer.call(b2, 9)

    # it is told to stop, last first, with its parent's reason
    :ok = Supervisor.terminate_child(sup, :a)
    stopped = terminated(:a)
    {:ok, for_a} = Supervisor.restart_child(sup, :a)
    a3 = started(:a)
    ^a3 = PyNode.pid(for_a)
    stop(sup)
    order = rest()
    {counts, crashed, reasons, stopped, order, ended(), Enum.map([a3, b2, c2], &gone/1)}
    """).text
    assert text == (
        "{[active: 3, specs: 3, supervisors: 0, workers: 3], :crash, [:crash, []], :shutdown, "
        "[{:terminated, :b, :shutdown}, {:terminated, :a, :shutdown}], :normal, [:noproc, :noproc, :noproc]}"
    )


def test_how_starts_of_python_children_fail(alex, kate) -> None:
    text = alex.eval_elixir("""
    import Border
    me = self()
    one = fn child -> child |> List.wrap() |> start() |> brief() end
    failures = [
      one.(child(:a, [me, :a, {:stop, :busy}])),
      one.(child(:b, [me, :b, :raise])),
      one.(child(:c, [1, 2, 3, 4, 5])),
      one.(PyNode.child({:kate@localhost, Nothing, 1})),
      one.(PyNode.child({:nobody@localhost, Border.Child, 1})),
      one.(PyNode.child({:kate@localhost, Border, 7}, function: :give)),
    ]
    {:ok, sup} = start([child(:i, [me, :i, :ignore])])
    ignored = Supervisor.which_children(sup)
    stop(sup)
    # a child that was there before goes with the start that fails, which leaves nothing behind
    failed = one.([child(:d, [me, :d]), child(:e, [me, :e, {:stop, :busy}])])
    d = started(:d)
    {failures, ignored, failed, terminated(:d), gone(d), rest()}
    """).text
    assert text == (
        "{[{:a, :busy}, {:b, :raised}, {:c, {:undef, [{Border.Child, :start_link, [1, 2, 3, 4, 5], []}]}}, "
        "{Nothing, {:undef, [{Nothing, :start_link, [1], []}]}}, "
        "{Border.Child, {:nodedown, :nobody@localhost}}, {Border, 7}], "
        "[{:i, :undefined, :worker, [PyNode]}], {:e, :busy}, :shutdown, :noproc, []}"
    )


def test_python_children_go_with_their_supervisor_and_may_be_slow(alex, kate) -> None:
    text = alex.eval_elixir("""
    import Border
    me = self()
    # a supervisor that is killed: its children learn of it as of their parent's end
    {:ok, sup} = start([child(:a, [me, :a]), child(:b, [me, :b, :plain])])
    [a, b] = Enum.map([:a, :b], &Process.monitor(started(&1)))
    Process.exit(sup, :kill)
    killed = [ended(), terminated(:a), gone(a), gone(b)]

    # one that takes too long is killed, one that is to be killed does not take its time
    brutal = child(:d, [me, :d, :slow], shutdown: :brutal_kill)
    {:ok, sup} = start([child(:c, [me, :c, :slow], shutdown: 100), brutal])
    [c, d] = Enum.map([:c, :d], &Process.monitor(started(&1)))
    stop(sup)
    slow = [terminated(:c), gone(c), gone(d), ended()]
    :none = receive do {:terminated, :d, reason} -> reason after 0 -> :none end

    # a dynamic supervisor, and a tree of Python's under one of Elixir's
    {:ok, dynamic} = DynamicSupervisor.start_link(strategy: :one_for_one)
    {:ok, for_e} = DynamicSupervisor.start_child(dynamic, child(:e, [me, :e]))
    e = started(:e)
    Process.exit(e, :kill)
    e2 = Process.monitor(started(:e))
    counts = Enum.sort(DynamicSupervisor.count_children(dynamic))
    [{_, for_e2, _, _}] = DynamicSupervisor.which_children(dynamic)
    false = Process.alive?(for_e)
    :ok = DynamicSupervisor.terminate_child(dynamic, for_e2)
    dynamics = [terminated(:e), gone(e2), counts]
    DynamicSupervisor.stop(dynamic)

    leaf = fn id -> %{id: id, start: {Border.Child, :start_link, [me, id]}} end
    tree = PyNode.child({:kate@localhost, Border.Tree, nil}, id: :tree, args: [me, :tree], type: :supervisor)
    {:ok, sup} = start([leaf.(:before), tree, leaf.(:after)])
    for id <- [:before, {:tree, :first}, {:tree, :second}, :after], do: started(id)
    stop(sup)
    order = for {:terminated, id, :shutdown} <- rest(), do: id
    {killed, slow, dynamics, order}
    """).text
    assert text == (
        "{[:killed, :killed, :killed, :killed], [:shutdown, :killed, :killed, :normal], "
        "[:shutdown, :shutdown, [active: 1, specs: 1, supervisors: 0, workers: 1]], "
        "[:after, {:tree, :second}, {:tree, :first}, :before]}"
    )


def test_the_plain_form_needs_no_code_of_pyerlnode(alex, kate) -> None:
    text = alex.eval_elixir("""
    import Border
    me = self()
    {:ok, sup} = start([plain(:a, [me, :a]), plain(:b, [me, :b], %{}, {Border, :bare})])
    [a, b] = [started(:a), started(:b)]
    [{:b, ^b, _, [:erpc]}, {:a, ^a, _, [:erpc]}] = Supervisor.which_children(sup)
    Process.exit(a, :kill)
    Process.exit(b, :kill)
    [a2, b2] = [started(:a), started(:b)]
    :ok = Supervisor.terminate_child(sup, :a)
    {terminated(:a), gone(a2), node(b2), stop(sup)}
    """).text
    assert text == "{:shutdown, :noproc, :kate@localhost, :ok}"


class Told:
    """What children have told the test's process."""

    async def started(self, id: str) -> Pid:
        _, _, pid = await erl.receive(lambda message: message[:2] == ("started", id), 10)
        return pid

    async def terminated(self, id: str) -> object:
        return (await erl.receive(lambda message: message[:2] == ("terminated", id), 10))[2]

    async def down(self, ref) -> object:
        return (await erl.receive(lambda message: message[0] == "DOWN" and message[1] == ref, 10))[4]


def border_child(id: str, *what: object, **fields: object) -> ChildSpec:
    start = ("Elixir.Border.Child", "start_link", [erl.self(), Atom(id), *what])
    return remote_child(f"alex@{erl.this_node().partition('@')[2]}", start, id=id, **fields)


async def supervised(*children: object, **options: object) -> Pid:
    erl.process_flag("trap_exit", True)
    options = {"strategy": "one_for_one", "max_restarts": 9} | options
    return await Supervisor.start_link(list(children), **options)


async def test_a_python_supervisor_starts_restarts_and_stops_elixir_children(alex, new_node) -> None:
    told = Told()
    async with new_node("kate"):
        top = await supervised(border_child("a"), border_child("b"), border_child("c", Atom("plain")))
        a, b, c = [await told.started(id) for id in "abc"]
        assert [child[:2] for child in await Supervisor.which_children(top)] == [("c", c), ("b", b), ("a", a)]
        assert (await Supervisor.count_children(top))["active"] == 3

        # one ends by itself, one is killed, one dies of an exit that it does not trap
        with pytest.raises(Exit):
            await GenServer.call(a, (Atom("stop"), Atom("crash")))
        assert await told.terminated("a") == "crash"
        erl.exit(b, "kill")
        erl.exit(c, "oops")
        again = [await told.started(id) for id in "abc"]
        assert len({a, b, c, *again}) == 6
        a, b, c = again
        assert await GenServer.call(b, 9) == 9

        # the exit signal is that of the parent: terminate is called
        assert await Supervisor.terminate_child(top, "a") == "ok"
        assert await told.terminated("a") == "shutdown"
        a = await Supervisor.restart_child(top, "a")
        assert await told.started("a") == a
        refs = [erl.monitor(pid) for pid in (a, b, c)]
        await Supervisor.stop(top)
        assert [await told.terminated(id) for id in "ba"] == ["shutdown", "shutdown"]
        assert [await told.down(ref) for ref in refs] == ["shutdown"] * 3
        with pytest.raises(TimeoutError):
            await erl.receive(lambda message: message[0] == "info", 0)

        # a supervisor that is killed, and one that is to be patient or not
        top = await supervised(border_child("d"), border_child("e", Atom("plain")))
        refs = [erl.monitor(await told.started(id)) for id in "de"]
        erl.exit(top, "kill")
        assert await told.terminated("d") == "killed"
        assert [await told.down(ref) for ref in refs] == ["killed", "killed"]
        slow = Atom("slow")
        top = await supervised(
            border_child("f", slow, shutdown=0.1), border_child("g", slow, shutdown="brutal_kill")
        )
        refs = [erl.monitor(await told.started(id)) for id in "fg"]
        await Supervisor.stop(top)
        assert await told.terminated("f") == "shutdown"
        assert [await told.down(ref) for ref in refs] == ["killed", "killed"]
        with pytest.raises(TimeoutError):
            await erl.receive(lambda message: message[:2] == ("terminated", "g"), 0)


async def test_how_starts_of_elixir_children_fail(alex, new_node) -> None:
    told = Told()
    async with new_node("kate") as node:
        host = node.name.partition("@")[2]

        async def failure(child: ChildSpec) -> object:
            with pytest.raises(Exit) as caught:
                await supervised(child)
            shutdown, (failed, _, reason) = caught.value.reason
            assert (shutdown, failed) == ("shutdown", "failed_to_start_child")
            return reason

        assert await failure(border_child("a", (Atom("stop"), Atom("busy")))) == "busy"
        raised = await failure(border_child("b", Atom("raise")))
        assert raised[0]["message"] == b"on purpose"
        unknown = await failure(remote_child(f"alex@{host}", "Elixir.Nothing"))
        assert unknown[0] == "EXIT" and unknown[1][0] == "undef" and unknown[1][1][0][0] == "Elixir.Nothing"
        given = ("Elixir.Border.Functions", "give", [7])
        assert await failure(remote_child(f"alex@{host}", given)) == 7
        assert await failure(remote_child(f"nobody@{host}", "X")) == ("nodedown", f"nobody@{host}")
        top = await supervised(border_child("i", Atom("ignore")))
        assert (await Supervisor.which_children(top))[0][1] == "undefined"
        await Supervisor.stop(top)

        # a tree of Elixir's within one of Python's, in a dynamic supervisor, and the order of the end
        tree = ("Elixir.Border.Tree", "start_link", [erl.self(), Atom("tree")])
        dynamic = await DynamicSupervisor.start_link()
        await DynamicSupervisor.start_child(dynamic, remote_child(f"alex@{host}", tree, type="supervisor"))
        first, second = [await told.started((Atom("tree"), Atom(id))) for id in ("first", "second")]
        refs = [erl.monitor(pid) for pid in (first, second)]
        await DynamicSupervisor.stop(dynamic)
        ended = [await erl.receive(lambda message: message[0] == "terminated", 10) for _ in refs]
        assert [message[1][1] for message in ended] == ["second", "first"]
        assert [await told.down(ref) for ref in refs] == ["shutdown", "shutdown"]


def test_a_node_that_is_lost_and_comes_back(alex, python_node, target) -> None:
    kate = python_node("kate", target("border.py:app"))
    alex.eval_elixir("""
    import Border
    me = self()
    {:ok, sup} = start([child(:a, [me, :a])])
    Process.put(:sup, sup)
    {:ok, patient} = start([child(:b, [me, :b], await: 30_000)])
    Process.put(:patient, patient)
    {started(:a), started(:b)}
    """)
    kate.kill()
    # without patience the restarts are used up at once; with it they wait for the node
    assert alex.eval_elixir("Border.ended()", timeout=40).text == ":shutdown"
    python_node("kate", target("border.py:app"))
    text = alex.eval_elixir(
        """
    import Border
    b = started(:b)
    patient = Process.get(:patient)
    [{:b, stands, _, _}] = Supervisor.which_children(patient)
    {PyNode.pid(stands) == b, stop(patient), terminated(:b), ended()}
    """,
        timeout=40,
    ).text
    assert text == "{true, :ok, :shutdown, :normal}"


async def test_a_beam_that_is_lost(alex, new_node) -> None:
    told = Told()
    async with new_node("kate"):
        top = await supervised(border_child("a"), max_restarts=3)
        await told.started("a")
        ref = erl.monitor(top)
        alex.kill()
        assert await told.down(ref) == "shutdown"
