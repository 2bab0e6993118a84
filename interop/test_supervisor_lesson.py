"""The lesson on supervisors, walked from `iex` and from Python, to a node of Elixir and one of Python.

Each request to a supervisor, and each of its answers, is in test_supervisor.py.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from lessons import TOOLS, Pupil, host, source

import pyerlnode as erl
from pyerlnode import Application, Atom, DynamicSupervisor, Exit, GenServer, NoProc, Pid, Supervisor, rpc

SOURCES = ("tutorial.exs", "obedient.exs")

COUNTER = """
> kate = :kate@localhost; counter = {Counter, kate}; sup = {Counter.Supervisor, kate}
> top = {Chat.Supervisor, kate}
> Supervisor.which_children(sup)
[{Counter, #PID<...>, :worker, [Counter]}]
> for {id, _, type, modules} <- Supervisor.which_children(top), do: {id, type, modules}
[
  {Counter.Supervisor, :supervisor, [Counter.Supervisor]},
  {Chat.TaskSupervisor, :supervisor, [Task.Supervisor]}
]
> Supervisor.count_children(top) |> Enum.sort()
[active: 2, specs: 2, supervisors: 2, workers: 0]
# Killed, it is there again, and its count is not.
> GenServer.cast(counter, :inc); GenServer.call(counter, :get)
1
> pid = child(sup, Counter); Process.exit(pid, :normal); GenServer.call(pid, :get)
1
> kill(pid)
:killed
> new = child(sup, Counter); {new != pid, :rpc.call(kate, :erlang, :is_process_alive, [new])}
{true, true}
> {new == :rpc.call(kate, :erlang, :whereis, [Counter]), GenServer.call(counter, :get)}
{true, 0}
> kill(new, :shutdown)
:shutdown
> kill(child(sup, Counter), :foo)
:foo
> GenServer.call(child(sup, Counter), :get)
0
# Who asks meanwhile is answered, or told that there is nobody; four are too many.
> Supervisor.terminate_child(top, Counter.Supervisor)
:ok
> {:ok, _} = Supervisor.restart_child(top, Counter.Supervisor)
> down_sup = child(top, Counter.Supervisor); Process.flag(:trap_exit, true); Process.link(down_sup)
true
> callers = for(_ <- 1..20, do: asking(counter)); for _ <- 1..4, do: kill(child(down_sup, Counter))
[:killed, :killed, :killed, :killed]
> told() == {:EXIT, down_sup, :shutdown}
true
> Process.flag(:trap_exit, false); answers = callers |> Enum.flat_map(&asked/1) |> Enum.uniq()
> Enum.reject(answers, & &1 in [0, :noproc, :killed, :shutdown])
[]
> {child(top, Counter.Supervisor) != down_sup, GenServer.call(counter, :get)}
{true, 0}
"""

TREES = """
> leaf = fn id -> %{id: id, start: {Obedient, :start_link, [{:tell, self(), id}]}} end
> tree = fn strategy, name, children -> {Obedient, :tree, [strategy, name, children]} end
> inner = fn start -> %{id: :tree, start: start, type: :supervisor, restart: :temporary} end
> named = fn strategy, children -> inner.(tree.(strategy, :tree, children)) end
> start = fn strategy, ids -> Supervisor.start_child(top, named.(strategy, Enum.map(ids, leaf))) end
# A start that fails, and one that is not wanted.
> child = fn arg -> %{id: :c, start: {Obedient, :start_link, [arg]}, restart: :temporary} end
> for arg <- [{:stop, :no}, :ignore], do: Supervisor.start_child(top, child.(arg))
[
  error: {:no,...},
  ok: :undefined
]
> {:ok, sup} = start.(:one_for_one, [:a, :b, :c]); trail(3)
[started: :a, started: :b, started: :c]
> {kill(child(sup, :b)), trail(1)}
{:killed, [started: :b]}
> {Supervisor.terminate_child(sup, :a), told(), Supervisor.restart_child(sup, :a) |> elem(0), trail(1)}
{:ok, {:terminated, :a, :shutdown}, :ok, [started: :a]}
> {Supervisor.terminate_child(top, :tree), told(3)}
{:ok,
 [
   {:terminated, :c, :shutdown},
   {:terminated, :b, :shutdown},
   {:terminated, :a, :shutdown}
 ]}
> {:ok, sup} = start.(:one_for_all, [:a, :b, :c]); {trail(3) |> length(), kill(child(sup, :b)), trail(5)}
{3, :killed,
 [terminated: :c, terminated: :a, started: :a, started: :b, started: :c]}
> Supervisor.terminate_child(top, :tree); trail(3)
[terminated: :c, terminated: :b, terminated: :a]
> {:ok, sup} = start.(:rest_for_one, [:a, :b, :c]); {trail(3) |> length(), kill(child(sup, :b)), trail(3)}
{3, :killed, [terminated: :c, started: :b, started: :c]}
> Supervisor.terminate_child(top, :tree); trail(3)
[terminated: :c, terminated: :b, terminated: :a]
# Which ends are taken for good ones.
> left = fn sup -> for {_, pid, _, _} <- Supervisor.which_children(sup), do: is_pid(pid) end
> stop = fn sup, why -> {GenServer.stop(child(sup, :a), why), told(), left.(sup)} end
> types = [:permanent, :transient, :temporary]
> kinds = for type <- types, why <- [:normal, :shutdown, :boom], do: {type, why}
> one = fn type -> inner.(tree.(:one_for_one, :tree, [Map.put(leaf.(:a), :restart, type)])) end
> begin = fn type -> {:ok, sup} = Supervisor.start_child(top, one.(type)); told(); sup end
> over = fn left -> Supervisor.terminate_child(top, :tree); if(left == [true], do: told(2)); left end
> for {type, why} <- kinds, do: over.(elem(stop.(begin.(type), why), 2))
[[true], [true], [true], [false], [false], [true], [], [], []]
# A tree of trees ends from its leaves to its root.
> inside = %{id: :inside, start: tree.(:one_for_one, :inside, [leaf.(:b), leaf.(:c)]), type: :supervisor}
> {:ok, _} = Supervisor.start_child(top, named.(:one_for_all, [leaf.(:a), inside, leaf.(:d)]))
> trail(4)
[started: :a, started: :b, started: :c, started: :d]
> ref = Process.monitor({:inside, kate}); {Supervisor.terminate_child(top, :tree), down(ref), trail(4)}
{:ok, :shutdown,
 [terminated: :d, terminated: :c, terminated: :b, terminated: :a]}
# Children that come and go.
> sessions = %{inner.({Obedient, :sessions, [:sessions]}) | id: :sessions}
> {:ok, sessions} = Supervisor.start_child(top, sessions)
> {:ok, pid} = DynamicSupervisor.start_child(sessions, leaf.(:s)); {trail(1), kill(pid), trail(1)}
{[started: :s], :killed, [started: :s]}
> [{:undefined, new, :worker, [Obedient]}] = DynamicSupervisor.which_children(sessions); new != pid
true
> {DynamicSupervisor.terminate_child(sessions, new), told()}
{:ok, {:terminated, :s, :shutdown}}
> DynamicSupervisor.count_children(sessions).active
0
"""

APPLICATION = """
> chat = fn -> for {:chat, _, v} <- :rpc.call(kate, :application, :which_applications, []), do: v end
> Enum.map(chat.(), &to_string/1)
["0.1.0"]
> :rpc.call(kate, :application, :get_key, [:chat, :mod])
{:ok, {Chat.Application, []}}
> :rpc.call(kate, :application, :set_env, [:chat, :greeting, "hi"])
:ok
> :rpc.call(kate, :application, :get_env, [:chat, :greeting])
{:ok, "hi"}
> ref = Process.monitor(top); {:rpc.call(kate, :application, :stop, [:chat]), down(ref), chat.()}
{:ok, :shutdown, []}
> exit_of(fn -> GenServer.call(counter, :get) end)
:noproc
> {:rpc.call(kate, :application, :start, [:chat]), GenServer.call(counter, :get), length(chat.())}
{:ok, 0, 1}
# What follows the end of the node.
> for(id <- [:a, :b], do: Supervisor.start_child(top, leaf.(id))); {trail(2), Node.monitor(kate, true)}
{[started: :a, started: :b], true}
"""


@pytest.fixture(params=["python", "elixir"])
def kate(request, target):
    return host(request, target, "obedient.py:app", *SOURCES)


def test_at_iex(iex, kate, here) -> None:
    pupil = Pupil(iex("alex", environment={"LESSON": TOOLS}), here)
    pupil.load()
    pupil.walk(COUNTER)
    pupil.walk(TREES)
    pupil.walk(APPLICATION)
    assert kate.stop() == 0
    pupil.walk("""
> told(3)
[
  {:terminated, :b, :shutdown},
  {:terminated, :a, :shutdown},
  {:nodedown, :kate@localhost}
]
""")


# --- the same from Python ------------------------------------------------------------------------------


async def told() -> Any:
    return await erl.receive(timeout=10)


async def trail(count: int) -> list[Any]:
    """Which servers have started and ended, in order."""
    return [(what[:3], id) for what, id, _ in [await told() for _ in range(count)]]


async def kill(pid: Any, reason: str = "kill") -> Any:
    """End a process from here; why it has ended."""
    ref = erl.monitor(pid)
    erl.exit(pid, Atom(reason))
    return (await erl.receive(lambda message: message[:2] == ("DOWN", ref), 10))[4]


async def child(sup: Any, id: str) -> Any:
    [pid] = [pid for name, pid, _, _ in await Supervisor.which_children(sup) if name == id]
    return pid


def leaf(id: str, **more: Any) -> dict[str, Any]:
    arg = (Atom("tell"), erl.self(), Atom(id))
    return {"id": id, "start": ("Elixir.Obedient", "start_link", [arg]), **more}


class Lesson:
    """The lesson in Python; `kate` is the name of a node of either language."""

    def __init__(self, kate: str) -> None:
        self.kate = kate
        self.top = ("Elixir.Chat.Supervisor", kate)
        self.sup = ("Elixir.Counter.Supervisor", kate)
        self.counter = ("Elixir.Counter", kate)

    async def get(self) -> Any:
        return await GenServer.call(self.counter, Atom("get"))

    async def restarts(self) -> None:
        [(id, pid, type, modules)] = await Supervisor.which_children(self.sup)
        assert (id, type, modules) == ("Elixir.Counter", "worker", ["Elixir.Counter"])
        names = ["Elixir.Counter.Supervisor", "Elixir.Chat.TaskSupervisor"]
        assert [id for id, _, _, _ in await Supervisor.which_children(self.top)] == names
        counts = {"specs": 2, "active": 2, "supervisors": 2, "workers": 0}
        assert await Supervisor.count_children(self.top) == counts
        GenServer.cast(self.counter, Atom("inc"))
        erl.exit(pid, Atom("normal"))
        assert await GenServer.call(pid, Atom("get")) == await self.get() == 1
        for reason, seen in (("kill", "killed"), ("shutdown", "shutdown"), ("foo", "foo")):
            assert await kill(pid, reason) == seen
            old, pid = pid, await child(self.sup, "Elixir.Counter")
            assert pid != old
            assert await rpc.call(self.kate, "erlang", "whereis", [Atom("Elixir.Counter")]) == pid
            assert await rpc.call(self.kate, "erlang", "is_process_alive", [pid]) is True
            assert await self.get() == 0

    async def too_many(self) -> None:
        await Supervisor.terminate_child(self.top, self.sup[0])
        sup = await Supervisor.restart_child(self.top, self.sup[0])
        assert sup is not None
        erl.process_flag("trap_exit", True)
        erl.link(sup)
        answers: set[Any] = set()
        first, stop = asyncio.Event(), asyncio.Event()
        callers = [asyncio.create_task(self.ask(answers, first, stop)) for _ in range(20)]
        await first.wait()
        assert [await kill(await child(sup, self.counter[0])) for _ in range(4)] == ["killed"] * 4
        assert await told() == ("EXIT", sup, "shutdown")
        stop.set()
        await asyncio.gather(*callers)
        assert 0 in answers and answers <= {0, "noproc", "killed", "shutdown"}
        erl.process_flag("trap_exit", False)
        assert await child(self.top, self.sup[0]) != sup
        assert await self.get() == 0

    async def ask(self, answers: set[Any], first: asyncio.Event, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                answers.add(await self.get())
                first.set()
            except Exit as exited:
                answers.add(exited.reason[0])

    async def tree(self, strategy: str, *children: Any) -> Any:
        start = ("Elixir.Obedient", "tree", [Atom(strategy), Atom("tree"), [*map(spec, children)]])
        of = {"id": "tree", "start": start, "type": "supervisor", "restart": "temporary"}
        return await Supervisor.start_child(self.top, of)

    async def end_tree(self) -> None:
        assert await Supervisor.terminate_child(self.top, "tree") == "ok"

    async def strategies(self) -> None:
        refused = {"id": "c", "restart": "temporary"}
        with pytest.raises(Exit) as failed:
            start = ("Elixir.Obedient", "start_link", [(Atom("stop"), Atom("no"))])
            await Supervisor.start_child(self.top, {**refused, "start": start})
        assert failed.value.reason[0] == "no"
        start = ("Elixir.Obedient", "start_link", [Atom("ignore")])
        assert await Supervisor.start_child(self.top, {**refused, "start": start}) is None
        begun = [("sta", "a"), ("sta", "b"), ("sta", "c")]
        ended = [("ter", "c"), ("ter", "b"), ("ter", "a")]
        for strategy, again in (
            ("one_for_one", begun[1:2]),
            ("one_for_all", [ended[0], ended[2], *begun]),
            ("rest_for_one", [ended[0], *begun[1:]]),
        ):
            sup = await self.tree(strategy, *map(leaf, "abc"))
            assert await trail(3) == begun
            assert await kill(await child(sup, "b")) == "killed"
            assert await trail(len(again)) == again
            assert await Supervisor.terminate_child(sup, "a") == "ok"
            assert await told() == ("terminated", "a", "shutdown")
            assert await Supervisor.restart_child(sup, "a") is not None
            assert await trail(1) == begun[:1]
            await self.end_tree()
            assert await trail(3) == ended

    async def restart_types(self) -> None:
        left = []
        for type in ("permanent", "transient", "temporary"):
            for reason in ("normal", "shutdown", "boom"):
                sup = await self.tree("one_for_one", leaf("a", restart=type))
                await GenServer.stop(await child(sup, "a"), Atom(reason))
                left.append([isinstance(pid, Pid) for _, pid, _, _ in await Supervisor.which_children(sup)])
                await self.end_tree()
                assert len(await trail(4 if left[-1] == [True] else 2)) > 0
        assert left == [[True], [True], [True], [False], [False], [True], [], [], []]

    async def nested(self) -> None:
        start = (
            "Elixir.Obedient",
            "tree",
            [Atom("one_for_one"), Atom("inside"), [*map(spec, map(leaf, "bc"))]],
        )
        inside = {"id": "inside", "start": start, "type": "supervisor"}
        await self.tree("one_for_all", leaf("a"), inside, leaf("d"))
        assert await trail(4) == [("sta", id) for id in "abcd"]
        ref = erl.monitor(("inside", self.kate))
        await self.end_tree()
        assert (await erl.receive(lambda message: message[:2] == ("DOWN", ref), 10))[4] == "shutdown"
        assert await trail(4) == [("ter", id) for id in "dcba"]

    async def sessions(self) -> None:
        start = ("Elixir.Obedient", "sessions", [Atom("sessions")])
        of = {"id": "sessions", "start": start, "type": "supervisor", "restart": "temporary"}
        sessions = await Supervisor.start_child(self.top, of)
        assert sessions is not None
        pid = await DynamicSupervisor.start_child(sessions, leaf("s"))
        assert await trail(1) == [("sta", "s")]
        assert await kill(pid) == "killed"
        assert await trail(1) == [("sta", "s")]
        [(undefined, new, type, modules)] = await DynamicSupervisor.which_children(sessions)
        assert (undefined, type, modules) == ("undefined", "worker", ["Elixir.Obedient"])
        assert new != pid
        assert await DynamicSupervisor.terminate_child(sessions, new) == "ok"
        assert await told() == ("terminated", "s", "shutdown")
        assert (await DynamicSupervisor.count_children(sessions))["active"] == 0

    async def application(self) -> None:
        async def versions() -> list[Any]:
            running = await Application.which_applications(node=self.kate)
            return [bytes(version) for name, _, version in running if name == "chat"]

        assert await versions() == [b"0.1.0"]
        ref = erl.monitor(self.top)
        assert await Application.stop("chat", node=self.kate) == "ok"
        assert (await told())[:2] == ("DOWN", ref)
        assert await versions() == []
        with pytest.raises(NoProc):
            await self.get()
        assert await Application.start("chat", node=self.kate) == "ok"
        assert (await versions(), await self.get()) == ([b"0.1.0"], 0)

    async def walk(self) -> None:
        for part in (
            self.restarts,
            self.too_many,
            self.strategies,
            self.restart_types,
            self.nested,
            self.sessions,
            self.application,
        ):
            await part()
        for id in "ab":
            await Supervisor.start_child(self.top, leaf(id))
        assert await trail(2) == [("sta", "a"), ("sta", "b")]
        erl.monitor_node(self.kate, True)

    async def ended(self) -> None:
        """What follows the end of the node."""
        assert await trail(2) == [("ter", "b"), ("ter", "a")]
        assert await told() == ("nodedown", self.kate)


def spec(written: Any) -> Any:
    """What a supervisor of OTP takes."""
    return erl.child_spec(written).to_term()


async def test_from_python_to_elixir(new_node, beam_node) -> None:
    kate = beam_node("kate")
    await kate.eval_elixir_async(source(*SOURCES))
    async with new_node("alex"):
        lesson = Lesson(kate.name)
        await lesson.walk()
        assert await asyncio.to_thread(kate.stop) == 0
        await lesson.ended()


async def test_from_python_to_python(new_node, python_node, target) -> None:
    kate = await asyncio.to_thread(python_node, "kate", target("obedient.py:app"))
    async with new_node("alex"):
        lesson = Lesson(kate.name)
        await lesson.walk()
        assert await asyncio.to_thread(kate.stop) == 0
        await lesson.ended()
