"""A BEAM sends more than a Python server can take: what it takes is bounded, and it can still be managed."""

from __future__ import annotations

import asyncio
from typing import Any

from clusters import until

import pyerlnode as erl
from pyerlnode import Atom, GenServer, NoReply, Reply, Supervisor, on_call, on_cast

# The server works until the test lets it go; all that the BEAM sends comes meanwhile.
FLOOD = """
alias :gen_server, as: Server
kate = :kate@localhost
busy = {:busy, kate}
pid = :rpc.call(kate, :erlang, :whereis, [:busy])
parent = self()
reason = fn fun -> try do fun.() catch :exit, reason -> reason end end

# It monitors one process of ours and is linked to another.
watched = spawn(fn -> receive do :end -> :ok end end)
linked = spawn(fn -> receive do {:end, reason} -> exit(reason) end end)
:ok = GenServer.call(busy, {:watch, watched, linked})
GenServer.cast(busy, :work)
:working = receive do word -> word end

block = :binary.copy("x", 1000)
for n <- 1..30_000, do: GenServer.cast(busy, {:note, n, block})

# Whose request is lost is told so, by whatever it has asked.
args = fn timeout -> {GenServer, :call, [busy, :notes, timeout]} end
full = {:mailbox_full, args.(:infinity)}
^full = reason.(fn -> GenServer.call(busy, :notes, :infinity) end)
{:mailbox_full, {GenServer, :call, [^pid, :notes, :infinity]}} =
  reason.(fn -> GenServer.call(pid, :notes, :infinity) end)
{:mailbox_full, {:gen_server, :call, [^pid, :notes, :infinity]}} =
  reason.(fn -> Server.call(pid, :notes, :infinity) end)
{:mailbox_full, {:gen_statem, :call, [^pid, :notes, :infinity]}} =
  reason.(fn -> :gen_statem.call(pid, :notes, :infinity) end)
{:error, {:mailbox_full, ^pid}} = Server.send_request(pid, :notes) |> Server.receive_response(:infinity)
many = Server.send_request(pid, :notes, :a, Server.reqids_new())
{{:error, {:mailbox_full, ^pid}}, :a, _} = Server.receive_response(many, :infinity, true)
# But of many: multi_call monitors apart from its requests.
{[], [^kate]} = GenServer.multi_call([kate], :busy, :notes, 300)
for _ <- 1..1000, do: ^full = reason.(fn -> GenServer.call(busy, :notes, :infinity) end)

# What manages it, and what tells it of others, is not lost.
spawn(fn -> send(parent, {:state, :sys.get_state(busy, :infinity)}) end)
spawn(fn -> send(parent, {:status, :sys.get_status(pid, :infinity)}) end)
send(watched, :end)
send(linked, {:end, :broken})
# Nothing is left of what was lost, and nobody was disconnected.
{:monitors, []} = Process.info(self(), :monitors)
{:messages, []} = Process.info(self(), :messages)
true = kate in Node.list()
{:max_mailbox, bound} = :rpc.call(kate, :erlang, :process_info, [pid, :max_mailbox])
bound
"""

WORKED = """
# OTP 25 takes `{:ok, state}` for the state.
%{heard: _} = receive do {:state, {:ok, state}} -> state; {:state, state} -> state end
{:status, _, _, _} = receive do {:status, status} -> status end
{Enum.sort(GenServer.call({:busy, :kate@localhost}, :notes)), GenServer.call({:busy, :kate@localhost}, :told)}
"""

# A supervisor ends a server that is full; one that ends by its bound is started again.
MANAGED = """
kate = :kate@localhost
parent = self()
GenServer.cast({:busy, kate}, :work)
:working = receive do word -> word end
for n <- 1..1000, do: GenServer.cast({:busy, kate}, {:note, n, ""})
spawn(fn -> send(parent, {:ended, Supervisor.terminate_child({:sup, kate}, :busy)}) end)
"""

ENDED = """
:ok = receive do {:ended, result} -> result end
kate = :kate@localhost
pid = :rpc.call(kate, :erlang, :whereis, [:fragile])
ref = Process.monitor(pid)
Process.flag(:trap_exit, true)
Process.link(pid)
:ok = GenServer.call(pid, :reporting)
GenServer.cast(pid, :work)
:working = receive do word -> word end
for n <- 1..1000, do: GenServer.cast(pid, {:note, n, ""})
down = receive do {:DOWN, ^ref, :process, ^pid, reason} -> reason end
^down = receive do {:EXIT, ^pid, reason} -> reason end
restarted = fn restarted ->
  case :rpc.call(kate, :erlang, :whereis, [:fragile]) do
    other when is_pid(other) and other != pid -> GenServer.call(other, :notes)
    _ -> restarted.(restarted)
  end
end
{down, restarted.(restarted)}
"""


class Busy(GenServer):
    """Works when it is told to, until the test lets it go; what comes meanwhile waits."""

    def init(self, go: Any, reports_to: Any) -> None:
        erl.process_flag("trap_exit", True)
        self.go = go
        self.reports_to: Any = reports_to
        self.notes: list[int] = []
        self.heard: list[Any] = []

    @on_call
    def watch(self, watched: Any, linked: Any, *, caller: Any) -> Reply:
        self.reports_to[:] = [caller[0]]
        erl.monitor(watched)
        erl.link(linked)
        return Reply(Atom("ok"))

    @on_call
    def reporting(self, *, caller: Any) -> Reply:
        self.reports_to[:] = [caller[0]]
        return Reply(Atom("ok"))

    @on_cast
    async def work(self) -> None:
        erl.send(self.reports_to[0], Atom("working"))
        await self.go.wait()

    @on_cast
    def note(self, number: int, block: bytes) -> None:
        self.notes.append(number)

    @on_call("notes")
    def noted(self) -> list[int]:
        return self.notes

    @on_call
    def told(self) -> list[Any]:
        return self.heard

    def handle_info(self, message: Any) -> NoReply:
        self.heard.append((message[0], message[-1]))
        return NoReply()


async def test_a_beam_floods_a_bounded_server(beam_node, new_node, here) -> None:
    alex = beam_node("alex")
    go, reports_to = asyncio.Event(), []
    children = [
        {"id": name, "start": (Busy.start_link, [go, reports_to], {"name": name, "max_mailbox": bound})}
        for name, bound in (("busy", 100), ("fragile", (100, "kill")))
    ]
    async with new_node("kate") as node:
        await Supervisor.start_link(children, strategy="one_for_one", name="sup")

        def waits_in(name: str) -> list[Any]:
            return [*(node.runtime.names.get(name).mailbox or ())]

        await alex.eval_elixir_async(here("true = Node.connect(:kate@localhost)"))
        flooded = await alex.eval_elixir_async(here(FLOOD), timeout=60)
        bound = flooded.term
        lost = 30_000 - 100 + 7 + 1000
        assert bound == {"size": 100, "policy": "drop_new", "dropped": lost}
        # Two system messages, a DOWN and an EXIT came when it was full.
        await until(lambda: len(waits_in("busy")) == 104, 30.0)
        assert sorted(message[0] for message in waits_in("busy")[100:]) == [
            "DOWN",
            "EXIT",
            "system",
            "system",
        ]
        go.set()
        notes, heard = (await alex.eval_elixir_async(here(WORKED), timeout=60)).term
        assert notes == [*range(1, 101)]
        assert sorted(heard) == [("DOWN", "normal"), ("EXIT", "broken")]

        go.clear()
        await alex.eval_elixir_async(here(MANAGED), timeout=60)
        await until(lambda: [message[0] for message in waits_in("busy")[-1:]] == ["EXIT"], 30.0)
        assert len(waits_in("busy")) == 101
        go.set()
        await until(lambda: erl.whereis("busy") is None, 30.0)
        go.clear()
        ended = await alex.eval_elixir_async(here(ENDED), timeout=60)
        assert ended.text == "{{:killed, :mailbox_limit}, []}"
