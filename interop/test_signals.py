"""Links, monitors, exits, aliases and messages between Python and every BEAM."""

from __future__ import annotations

import asyncio

import pytest

import pyerlnode as erl
from pyerlnode import Atom, CallTimeout, GenServer, Pid
from pyerlnode.services import net_adm

# A registered process of a BEAM that ends with what it is told to.
NAMED = "Process.register(spawn(fn -> receive do {:end, reason} -> exit(reason) end end), :named)"
# As above without a name; its pid goes to the process `me` of bob.
SPAWNED = "send({:me, :bob@localhost}, spawn(fn -> receive do {:end, reason} -> exit(reason) end end))"


async def next_message(timeout: float = 10.0) -> object:
    return await erl.receive(timeout=timeout)


async def no_message() -> bool:
    """Whether the mailbox is empty."""
    try:
        await erl.receive(timeout=0)
    except TimeoutError:
        return True
    return False


def of_another_life(pid: Pid) -> Pid:
    return Pid(pid.node, pid.id, pid.serial, pid.creation + 1)


@pytest.fixture
def spawned(here):
    """`await spawned(alex)`: the pid of a new process there."""

    async def spawn(beam) -> Pid:
        await beam.eval_elixir_async(here(SPAWNED))
        pid = await erl.receive(lambda message: isinstance(message, Pid), timeout=10)
        assert pid.node == beam.name
        return pid

    return spawn


async def test_node_monitors_on_both_sides(beam_node, new_node, here) -> None:
    alex = beam_node("alex")
    async with new_node("bob"):
        assert await net_adm.ping(alex.name) == "pong"
        assert (await alex.eval_elixir_async(here("Node.monitor(:bob@localhost, true)"))).text == "true"
    gone = await alex.eval_elixir_async("receive do message -> message after 10_000 -> :none end")
    assert gone.text == here("{:nodedown, :bob@localhost}")
    async with new_node("bob"):
        assert await net_adm.ping(alex.name) == "pong"
        erl.monitor_node(alex.name, True)
        alex.kill()
        assert await next_message() == ("nodedown", alex.name)
        erl.monitor_node(alex.name, True)  # cannot be reached
        assert await next_message() == ("nodedown", alex.name)


async def test_python_links_elixir(beam_node, new_node, spawned) -> None:
    alex = beam_node("alex")
    async with new_node("bob") as node:
        erl.register("me", erl.self())
        erl.process_flag("trap_exit", True)
        reason = (Atom("bye"), 1)

        pid = await spawned(alex)
        ref = erl.monitor(pid)
        erl.link(pid)
        erl.send(pid, (Atom("end"), reason))
        messages = [await next_message(), await next_message()]
        assert ("DOWN", ref, "process", pid, reason) in messages
        assert ("EXIT", pid, reason) in messages
        erl.link(pid)  # dead by now
        assert await next_message() == ("EXIT", pid, "noproc")

        pid = await spawned(alex)
        erl.link(pid)
        erl.unlink(pid)
        ref = erl.monitor(pid)
        erl.exit(pid, Atom("foo"))
        assert await next_message() == ("DOWN", ref, "process", pid, "foo")
        assert await no_message()

        pid = await spawned(alex)
        ref = erl.monitor(pid)
        erl.link(pid)
        # A round trip: the link is there when the node goes.
        assert await net_adm.ping(alex.name) == "pong"
        alex.kill()
        messages = [await next_message(), await next_message()]
        assert ("DOWN", ref, "process", pid, "noconnection") in messages
        assert ("EXIT", pid, "noconnection") in messages
        assert node.nodes() == []


async def test_python_monitors_elixir_by_pid_and_by_name(beam_node, new_node, here, spawned) -> None:
    alex = beam_node("alex")
    async with new_node("bob"):
        erl.register("me", erl.self())
        pid = await spawned(alex)
        ref = erl.monitor(pid)
        erl.exit(pid, Atom("kill"))
        assert await next_message() == ("DOWN", ref, "process", pid, "killed")

        named = (Atom("named"), Atom(alex.name))
        ref = erl.monitor(named)
        assert await next_message() == ("DOWN", ref, "process", named, "noproc")
        await alex.eval_elixir_async(NAMED)
        taken_back, ref = erl.monitor(named), erl.monitor(named)
        erl.demonitor(taken_back)
        erl.send(named, (Atom("end"), (Atom("bye"), 1)))
        assert await next_message() == ("DOWN", ref, "process", named, (Atom("bye"), 1))
        assert await no_message()

        await alex.eval_elixir_async(NAMED)
        ref = erl.monitor(named)
        assert await net_adm.ping(alex.name) == "pong"
        alex.kill()
        assert await next_message() == ("DOWN", ref, "process", named, "noconnection")


async def test_elixir_monitors_python_by_pid_and_by_name(beam_node, new_node, here) -> None:
    async def ends() -> None:
        raise erl.Exit(await erl.receive())

    async def tells_its_pid() -> None:
        _, caller = await erl.receive()
        erl.send(caller, erl.self())
        await erl.receive()

    alex = beam_node("alex")
    async with new_node("bob"):
        erl.register("first", erl.spawn(ends))
        erl.register("second", erl.spawn(tells_its_pid))
        result = await alex.eval_elixir_async(
            here("""
            bob = :bob@localhost
            down = fn ref -> receive do
              {:DOWN, ^ref, :process, {name, ^bob}, reason} -> {name, reason}
              {:DOWN, ^ref, :process, pid, reason} when is_pid(pid) -> {:pid, reason}
            after 10_000 -> :none end end
            absent = Process.monitor({:absent, bob})
            taken_back = Process.monitor({:first, bob})
            ref = Process.monitor({:first, bob})
            true = Process.demonitor(taken_back)
            send({:first, bob}, {:bye, 1})
            results = [down.(absent), down.(ref)]
            send({:second, bob}, {:pid, self()})
            pid = receive do pid -> pid after 10_000 -> :none end
            ref = Process.monitor(pid)
            Process.exit(pid, :kill)
            {results ++ [down.(ref)], Process.info(self(), :message_queue_len)}
            """)
        )
        assert result.text == ("{[absent: :noproc, first: {:bye, 1}, pid: :killed], {:message_queue_len, 0}}")


async def test_elixir_sees_noconnection_when_python_goes(beam_node, new_node, here) -> None:
    alex = beam_node("alex")
    async with new_node("bob") as node:
        erl.register("me", erl.self())
        await alex.eval_elixir_async(
            here(":pong = Node.ping(:bob@localhost); by_name = Process.monitor({:me, :bob@localhost})")
        )
        assert node.disconnect(alex.name)
        down = await alex.eval_elixir_async(
            "receive do {:DOWN, ^by_name, :process, what, why} -> {what, why} after 10_000 -> :none end"
        )
    assert down.text == here("{{:me, :bob@localhost}, :noconnection}")


async def test_a_late_reply_of_a_beam_never_arrives(beam_node, new_node) -> None:
    alex = beam_node("alex")
    await alex.eval_elixir_async(
        """
        defmodule Slow do
          use GenServer
          def init(_), do: {:ok, nil}
          def handle_call(:wait, from, _), do: {:noreply, from}
          def handle_call(:reply, _from, late) do
            GenServer.reply(late, :late)
            {:reply, :in_time, nil}
          end
        end
        {:ok, _} = GenServer.start(Slow, nil, name: :slow)
        """
    )
    async with new_node("bob"):
        with pytest.raises(CallTimeout):
            await GenServer.call(("slow", alex.name), Atom("wait"), timeout=0.1)
        # The late reply leaves before this one.
        assert await GenServer.call(("slow", alex.name), Atom("reply")) == "in_time"
        assert await no_message()


async def test_aliases_work_both_ways_until_they_are_taken_back(beam_node, new_node, here) -> None:
    alex = beam_node("alex")
    async with new_node("bob"):
        erl.register("me", erl.self())
        await alex.eval_elixir_async(
            here("""
            ours = :erlang.alias()
            send({:me, :bob@localhost}, {self(), ours})
            """)
        )
        pid, theirs = await next_message()
        ours = erl.alias()
        erl.send(theirs, (Atom("alias"), ours, erl.self()))
        await alex.eval_elixir_async(
            """
            {theirs, pid} = receive do {:alias, theirs, pid} -> {theirs, pid} end
            send(theirs, :one)
            true = :erlang.unalias(ours)
            send(pid, :taken_back)
            """
        )
        assert [await next_message(), await next_message()] == ["one", "taken_back"]
        erl.unalias(ours)
        erl.send(theirs, Atom("lost"))
        erl.send(pid, Atom("found"))
        result = await alex.eval_elixir_async(
            """
            found = receive do message -> message after 10_000 -> :none end
            send(theirs, :lost)
            send(pid, :found)
            {found, Process.info(self(), :message_queue_len)}
            """
        )
        assert result.text == "{:found, {:message_queue_len, 0}}"
        assert await next_message() == "found"
        assert await no_message()


async def test_the_alias_of_a_monitor_ends_with_the_first_reply(beam_node, new_node, here, spawned) -> None:
    alex = beam_node("alex")
    async with new_node("bob"):
        erl.register("me", erl.self())
        pid = await spawned(alex)
        ref = erl.monitor(pid, alias="reply_demonitor")
        await alex.eval_elixir_async("Process.register(self(), :teller)")
        erl.send(("teller", alex.name), (ref, erl.self()))
        await alex.eval_elixir_async(
            "receive do {ref, pid} -> send(ref, :one); send(ref, :two); send(pid, :last) end"
        )
        erl.exit(pid, Atom("kill"))
        assert [await next_message(), await next_message()] == ["one", "last"]
        last = erl.monitor(pid)
        assert await next_message() == ("DOWN", last, "process", pid, "noproc")
        assert await no_message()


async def test_pids_of_an_earlier_life_reach_nobody(beam_node, new_node, here) -> None:
    """The same number in another life of the node is another process."""
    alex = beam_node("alex")
    async with new_node("bob"):
        erl.register("me", erl.self())
        there = (await alex.eval_elixir_async("Process.register(self(), :there); self()")).term
        assert await net_adm.ping(alex.name) == "pong"
        stale = of_another_life(there)
        erl.send(stale, Atom("lost"))
        erl.send(there, of_another_life(erl.self()))
        ref = erl.monitor(stale)
        assert await next_message() == ("DOWN", ref, "process", stale, "noproc")
        result = await alex.eval_elixir_async(
            here("""
            stale = receive do message -> message end
            send(stale, :lost)
            send({:me, :bob@localhost}, :found)
            ref = Process.monitor(stale)
            receive do {:DOWN, ^ref, :process, ^stale, reason} -> reason after 10_000 -> :none end
            """)
        )
        assert result.text == ":noproc"
        assert await next_message() == "found"
        assert await no_message()


async def test_a_python_node_that_comes_again_is_called_again(beam_node, new_node, here) -> None:
    alex = beam_node("alex")
    async with new_node("bob") as node:
        first = node.creation
        erl.register("me", erl.self())
        await alex.eval_elixir_async("Process.register(self(), :there)")
        erl.send(("there", alex.name), erl.self())
        await alex.eval_elixir_async("old = receive do pid -> pid end; Node.monitor(node(old), true)")
    # What is sent before a BEAM has noticed that a node is gone is lost.
    gone = await alex.eval_elixir_async("receive do message -> message after 10_000 -> :none end")
    assert gone.text == here("{:nodedown, :bob@localhost}")
    async with new_node("bob") as node:
        assert node.creation != first
        erl.register("me", erl.self())
        await alex.eval_elixir_async(
            here("send(old, :lost); send({:me, :bob@localhost}, :found); ref = Process.monitor(old)")
        )
        assert await next_message() == "found"
        down = await alex.eval_elixir_async(
            "receive do {:DOWN, ^ref, _, _, why} -> why after 10_000 -> :none end"
        )
        assert down.text == ":noproc"
        assert await no_message()


async def test_a_beam_that_comes_again_is_called_again(beam_node, new_node, here, spawned) -> None:
    alex = beam_node("alex")
    async with new_node("bob") as node:
        erl.register("me", erl.self())
        old = await spawned(alex)
        erl.monitor_node(alex.name, True)
        alex.kill()
        assert await next_message() == ("nodedown", alex.name)
        again = await asyncio.to_thread(beam_node, "alex")
        assert await net_adm.ping(again.name) == "pong"
        new = await spawned(again)
        assert new.creation != old.creation
        ref = erl.monitor(old)
        assert await next_message() == ("DOWN", ref, "process", old, "noproc")
        assert node.nodes() == [again.name]


async def test_order_is_kept_in_both_directions(beam_node, new_node, here) -> None:
    alex = beam_node("alex")
    async with new_node("bob"):
        erl.register("me", erl.self())
        await alex.eval_elixir_async(here("for i <- 1..5000, do: send({:me, :bob@localhost}, i)"))
        assert [await next_message() for _ in range(5000)] == list(range(1, 5001))
        await alex.eval_elixir_async("Process.register(self(), :there)")
        for i in range(5000):
            erl.send(("there", alex.name), (i, b"x" * (100_000 if i % 500 == 0 else 10)))
        result = await alex.eval_elixir_async(
            "for i <- 0..4999, do: (receive do {^i, _} -> true after 10_000 -> false end)", timeout=40
        )
        assert result.term == [True] * 5000
