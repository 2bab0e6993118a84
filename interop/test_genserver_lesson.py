"""The lesson on GenServer, walked from `iex` and from Python, to a node of Elixir and one of Python.

Stores and tables that outlive a server are in test_durable.py, counters by key in test_registry.py.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import pytest
from lessons import TOOLS, Pupil, host, source

import pyerlnode as erl
from pyerlnode import Atom, CallTimeout, Exit, GenServer, NoProc, Supervisor, rpc, sys
from pyerlnode.services import global_

SOURCES = ("tutorial.exs", "obedient.exs")

COUNTER = """
> counter = {Counter, :kate@localhost}
{Counter, :kate@localhost}
> GenServer.call(counter, :get)
0
> GenServer.cast(counter, :inc)
:ok
> GenServer.call(counter, :get)
1
> {:rpc.call(:kate@localhost, Counter, :increment, []), :rpc.call(:kate@localhost, Counter, :get_count, [])}
{:ok, 2}
> :rpc.call(:kate@localhost, Counter, :child_spec, [0])
%{id: Counter, start: {Counter, :start_link, [0]}}
> {:error, {:already_started, pid}} = :rpc.call(:kate@localhost, Counter, :start_link, [0]); node(pid)
:kate@localhost
> pid == :rpc.call(:kate@localhost, :erlang, :whereis, [Counter])
true
# None of what many say at once is lost.
> many = for _ <- 1..1000, do: Task.async(fn -> GenServer.cast(counter, :inc) end)
> length(Task.await_many(many))
1000
> GenServer.call(counter, :get)
1002
# Names that all nodes know, as soon as they have told each other.
> :global.sync()
:ok
> {:ok, _} = :rpc.call(:kate@localhost, Obedient, :named, [{:global, :obedient}])
> GenServer.call({:global, :obedient}, {:reply, 1})
1
> GenServer.call({:via, :global, :obedient}, {:reply, 2})
2
> GenServer.stop({:via, :global, :obedient})
:ok
"""

RESULTS = """
> start = fn arg -> {:ok, pid} = :rpc.call(:kate@localhost, Obedient, :start, [arg]); pid end
> s = start.(:plain); node(s)
:kate@localhost
> for how <- [{:stop, :no}, :ignore], do: :rpc.call(:kate@localhost, Obedient, :start, [how])
[{:error, :no}, :ignore]
> GenServer.call(s, {:reply, "text"})
"text"
> sent = :gen_server.send_request(s, :later); GenServer.cast(s, {:answer, 42})
> :gen_server.receive_response(sent, 9000)
{:reply, 42}
> {GenServer.call(s, {:continue, 1}), GenServer.call(s, {:hibernate, 2}), GenServer.call(s, :notes)}
{:ok, 2, [continued: 1]}
> send(s, {:note, :tick}); GenServer.call(s, :notes)
[{:continued, 1}, :tick]
> {GenServer.call(s, {:timer, 1, self()}), told()}
{:ok, :rang}
> other = spawn(fn -> receive do :end -> exit(:ended) end end)
> {GenServer.call(s, {:monitor, other, self()}), send(other, :end), told()}
{:ok, :end, {:down, true, :ended}}
> s = start.(:plain); for(n <- 1..500, do: GenServer.cast(s, {:note, n}))
> GenServer.call(s, :notes) == Enum.to_list(1..500)
true
# Who waits too long gives up, and the answer that comes later is nobody's.
> GenServer.call(s, :wait, 50)
** (exit) exited in: GenServer.call(#PID<...>, :wait, 50)
    ** (EXIT) time out...
> send(s, :go); GenServer.call(s, {:reply, :next})
:next
> flush()
:ok
# How it ends, and who is told what.
> ref = Process.monitor(s); {GenServer.call(s, {:stop, :normal, :bye}), down(ref)}
{:bye, :normal}
> s = start.(:plain); ref = Process.monitor(s)
> {exit_of(fn -> GenServer.call(s, {:stop, :odd}) end), down(ref)}
{:odd, :odd}
> ended_by(start.(:plain), {:exit, {:my, "reason"}})
{:my, "reason"}
> {why, _} = ended_by(start.(:plain), {:raise, "ouch"}); why
%RuntimeError{message: "ouch"}
> ended_by(start.(:plain), {:throw, 5})
{:bad_return_value, 5}
> s = start.(:plain); {why, _} = exit_of(fn -> GenServer.call(s, {:raise, "ouch"}) end); why
%RuntimeError{message: "ouch"}
> exit_of(fn -> GenServer.call(s, :notes) end)
:noproc
# A link tells as much, and takes along who does not trap exits.
> s = start.(:plain); ref = Process.monitor(linked(s)); {GenServer.cast(s, {:exit, :ouch}), down(ref)}
{:ok, :ouch}
> s = start.(:plain); {Process.flag(:trap_exit, true), Process.link(s), GenServer.cast(s, {:exit, :ouch})}
{false, true, :ok}
> told() == {:EXIT, s, :ouch}
true
> s = start.(:plain); {Process.link(s), GenServer.stop(s), told() == {:EXIT, s, :normal}}
{true, :ok, true}
> Process.flag(:trap_exit, false)
true
"""

# The counter has no clause for these.
UNKNOWN = """
> exit_of(fn -> GenServer.call(counter, :nonsense) end)
{:function_clause, {:in, Counter, :handle_call}}
> ended_by(child({Counter.Supervisor, :kate@localhost}, Counter), :nonsense)
{:function_clause, {:in, Counter, :handle_cast}}
> pid = child({Counter.Supervisor, :kate@localhost}, Counter); send(pid, :nonsense); GenServer.call(pid, :get)
0
"""


@pytest.fixture(params=["python", "elixir"])
def kate(request, target):
    return host(request, target, "obedient.py:app", *SOURCES)


def test_at_iex(iex, kate, here) -> None:
    shell = iex("alex", environment={"LESSON": TOOLS})
    pupil = Pupil(shell, here)
    pupil.load()
    pupil.walk(COUNTER)
    python = kate.label.endswith("in Python")
    assert shell.command("state(counter)") == ("%{count: 1002}" if python else "1002")
    assert shell.command(":sys.trace(counter, true); GenServer.cast(counter, :inc)") == ":ok"
    assert shell.command(":sys.trace(counter, false)") == ":ok"
    pupil.walk(RESULTS)
    pupil.walk(UNKNOWN)
    shown(kate)
    # A crash is told where the group leader is: here, as :rpc has started it from here.
    shell.command("s = start.(:plain); Logger.configure(level: :error)")
    shell.type('GenServer.cast(s, {:raise, "ouch"})')
    shell.expect(re.compile(r"GenServer #PID<\d+\.\d+\.0> terminating"))
    shell.expect("** (RuntimeError) ouch")
    shell.expect(re.compile(r"(?i)Last message: {:\"\$gen_cast\", {:raise, \"ouch\"}}"))


# --- the same from Python ------------------------------------------------------------------------------


async def down(ref: Any) -> Any:
    """Why what is monitored has ended."""
    return (await erl.receive(lambda message: message[:2] == ("DOWN", ref), 10))[4]


async def exit_of(server: Any, request: Any) -> Any:
    with pytest.raises(Exit) as exited:
        await GenServer.call(server, request)
    return exited.value.reason[0]


async def ended_by(server: Any, request: Any) -> Any:
    ref = erl.monitor(server)
    GenServer.cast(server, request)
    return await down(ref)


class Lesson:
    """The lesson in Python; `kate` is the name of a node of either language."""

    def __init__(self, kate: str) -> None:
        self.kate = kate
        self.counter = ("Elixir.Counter", kate)

    async def start(self, arg: Any = "plain") -> Any:
        ok, pid = await rpc.call(self.kate, "Elixir.Obedient", "start", [Atom(arg)])
        assert ok == "ok"
        return pid

    async def get(self) -> Any:
        return await GenServer.call(self.counter, Atom("get"))

    async def count(self) -> None:
        assert await self.get() == 0
        assert GenServer.cast(self.counter, Atom("inc")) == "ok"
        assert await self.get() == 1
        assert await rpc.call(self.kate, "Elixir.Counter", "increment") == "ok"
        assert await rpc.call(self.kate, "Elixir.Counter", "get_count") == 2
        error, (already, pid) = await rpc.call(self.kate, "Elixir.Counter", "start_link", [0])
        assert (error, already) == ("error", "already_started")
        assert pid == await rpc.call(self.kate, "erlang", "whereis", [Atom("Elixir.Counter")])

        async def inc() -> None:
            GenServer.cast(self.counter, Atom("inc"))

        await asyncio.gather(*(inc() for _ in range(1000)))
        assert await self.get() == 1002
        assert await sys.get_state(self.counter) in (1002, {Atom("count"): 1002})
        assert await sys.trace(self.counter, True) == "ok"
        await inc()
        assert await sys.trace(self.counter, False) == "ok"

    async def names(self) -> None:
        name = ("global", Atom("obedient"))
        await global_.sync()
        await rpc.call(self.kate, "Elixir.Obedient", "named", [(Atom("global"), Atom("obedient"))])
        assert await GenServer.call(name, (Atom("reply"), 1)) == 1
        assert await GenServer.call(("via", "global", Atom("obedient")), (Atom("reply"), 2)) == 2
        await GenServer.stop(name)
        assert await self.gone(name) == "noproc"

    async def gone(self, name: Any) -> Any:
        with pytest.raises(NoProc) as exited:
            await GenServer.call(name, Atom("notes"))
        return exited.value.reason[0]

    async def results(self) -> None:
        s = await self.start()
        for how in ((Atom("stop"), Atom("no")), Atom("ignore")):
            answer = await rpc.call(self.kate, "Elixir.Obedient", "start", [how])
            assert answer in (("error", "no"), "ignore")
        assert await GenServer.call(s, (Atom("reply"), "text")) == b"text"
        sent = GenServer.send_request(s, Atom("later"))
        GenServer.cast(s, (Atom("answer"), 42))
        assert await GenServer.receive_response(sent, 9) == 42
        assert await GenServer.call(s, (Atom("continue"), 1)) == "ok"
        assert await GenServer.call(s, (Atom("hibernate"), 2)) == 2
        erl.send(s, (Atom("note"), Atom("tick")))
        assert await GenServer.call(s, Atom("notes")) == [("continued", 1), "tick"]
        assert await GenServer.call(s, (Atom("timer"), 1, erl.self())) == "ok"
        assert await erl.receive(timeout=10) == "rang"
        other = erl.spawn(self.ends)
        assert await GenServer.call(s, (Atom("monitor"), other, erl.self())) == "ok"
        erl.send(other, Atom("end"))
        assert await erl.receive(timeout=10) == ("down", True, "ended")
        s = await self.start()
        for number in range(500):
            GenServer.cast(s, (Atom("note"), number))
        assert await GenServer.call(s, Atom("notes")) == list(range(500))
        # Too late.
        with pytest.raises(CallTimeout):
            await GenServer.call(s, Atom("wait"), timeout=0.05)
        erl.send(s, Atom("go"))
        assert await GenServer.call(s, (Atom("reply"), Atom("next"))) == "next"
        with pytest.raises(TimeoutError):
            await erl.receive(timeout=0)

    async def ends(self) -> None:
        await erl.receive()
        raise Exit(Atom("ended"))

    async def ending(self) -> None:
        s = await self.start()
        ref = erl.monitor(s)
        assert await GenServer.call(s, (Atom("stop"), Atom("normal"), Atom("bye"))) == "bye"
        assert await down(ref) == "normal"
        assert await self.gone(s) == "noproc"
        s = await self.start()
        ref = erl.monitor(s)
        assert await exit_of(s, (Atom("stop"), Atom("odd"))) == "odd"
        assert await down(ref) == "odd"
        why = (Atom("my"), b"reason")
        assert await ended_by(await self.start(), (Atom("exit"), why)) == why
        error, _ = await ended_by(await self.start(), (Atom("raise"), "ouch"))
        assert (error[Atom("__struct__")], error[Atom("message")]) == ("Elixir.RuntimeError", b"ouch")
        assert await ended_by(await self.start(), (Atom("throw"), 5)) == ("bad_return_value", 5)
        error, _ = await exit_of(await self.start(), (Atom("raise"), "ouch"))
        assert error[Atom("message")] == b"ouch"
        # Who is linked ends as well, or is told.
        s = await self.start()
        ref = erl.monitor(erl.spawn(self.links, s))
        assert await erl.receive(timeout=10) == "linked"
        assert await ended_by(s, (Atom("exit"), Atom("ouch"))) == await down(ref) == "ouch"
        erl.process_flag("trap_exit", True)
        s = await self.start()
        erl.link(s)
        GenServer.cast(s, (Atom("exit"), Atom("ouch")))
        assert await erl.receive(timeout=10) == ("EXIT", s, "ouch")
        erl.process_flag("trap_exit", False)

    async def links(self, s: Any) -> None:
        erl.link(s)
        erl.send(self.me, Atom("linked"))
        await erl.receive()

    async def unknown(self) -> None:
        (clause, _) = await exit_of(self.counter, Atom("nonsense"))
        assert clause == "function_clause"
        [(_, pid, _, _)] = await Supervisor.which_children(("Elixir.Counter.Supervisor", self.kate))
        clause, [frame, *_] = await ended_by(pid, Atom("nonsense"))
        assert (clause, frame[:2]) == ("function_clause", ("Elixir.Counter", "handle_cast"))
        [(_, pid, _, _)] = await Supervisor.which_children(("Elixir.Counter.Supervisor", self.kate))
        erl.send(pid, Atom("nonsense"))
        assert await GenServer.call(pid, Atom("get")) == 0

    async def logged(self, caplog: Any) -> None:
        """A crash is told here, where the group leader is: in the words of the other node's reports."""
        caplog.clear()
        s = await self.start()
        await ended_by(s, (Atom("raise"), "ouch"))
        # It may still be under way: what is asked of the node after it is answered after it.
        await rpc.call(self.kate, "erlang", "node")
        [*_, report] = [record for record in caplog.records if record.name == "pyerlnode.remote"]
        assert (report.levelno, report.pid) == (logging.ERROR, s)
        assert "ouch" in report.getMessage()

    async def walk(self, caplog: Any) -> None:
        self.me = erl.self()
        await self.count()
        await self.names()
        await self.results()
        await self.ending()
        await self.unknown()
        await self.logged(caplog)


def shown(kate: Any) -> None:
    """What the node itself writes of the lesson."""
    kate.wait_for_output("*DBG* 'Elixir.Counter' got cast inc")
    kate.wait_for_output("received unexpected message in handle_info/2: :nonsense")


async def test_from_python_to_elixir(new_node, beam_node, caplog) -> None:
    kate = beam_node("kate")
    await kate.eval_elixir_async(source(*SOURCES))
    async with new_node("alex"):
        await Lesson(kate.name).walk(caplog)
    await asyncio.to_thread(shown, kate)


async def test_from_python_to_python(new_node, python_node, target, caplog) -> None:
    kate = await asyncio.to_thread(python_node, "kate", target("obedient.py:app"))
    async with new_node("alex"):
        await Lesson(kate.name).walk(caplog)
    await asyncio.to_thread(shown, kate)
