"""Threads and worker processes of a Python node, seen from every BEAM."""

from __future__ import annotations

import os
import re
import select
import signal

import pytest

WORKING = re.compile(r"working \d+\n")

# Whoever calls is another process than the one that waits for what the thread sends.
HELPERS = """
call = fn function, args -> :rpc.call(:kate@localhost, Blocking, function, args, 20_000) end
me = self()
working = fn server ->
  spawn(fn ->
    result = try do GenServer.call(server, {:slow, me}, 9000) catch :exit, {reason, _} -> {:exit, reason} end
    send(me, {:result, result})
  end)
  receive do {:working, ^server, :kate@localhost} -> :ok after 12_000 -> :none end
end
got = fn -> receive do message -> message after 12_000 -> :none end end
"""


@pytest.fixture
def kate(python_node, target):
    return python_node("kate", target("blocking.py:app"))


@pytest.fixture
def ask(beam_node, kate, here):
    """Evaluate on the BEAM, with the helpers."""
    alex = beam_node("alex")
    return lambda source: alex.eval_elixir(here(HELPERS + source), timeout=45).text


def test_the_node_answers_while_a_thread_works_and_order_is_kept(ask) -> None:
    assert (
        ask("""
        server = call.(:start, [:thread])
        :ok = working.(server)
        pong = :net_adm.ping(:kate@localhost)
        other = call.(:start, [:thread])
        0 = GenServer.call(other, :get)
        GenServer.cast(server, :inc)
        early = try do GenServer.call(server, :get, 50) catch :exit, {reason, _} -> reason end
        true = call.(:open_gate, [server])
        asked = GenServer.call(other, {:ask, server, :get})
        {pong, early, got.(), got.(), GenServer.call(server, :get), asked}
        """)
        == "{:pong, :timeout, :late, {:result, :done}, 1, 1}"
    )


def test_kill_is_seen_at_once_and_nothing_comes_later(ask) -> None:
    assert (
        ask("""
        server = call.(:start, [:thread])
        :ok = working.(server)
        ref = Process.monitor(server)
        Process.exit(server, :kill)
        down = receive do {:DOWN, ^ref, :process, ^server, reason} -> reason after 12_000 -> :none end
        result = receive do {:result, result} -> result after 12_000 -> :none end
        alive = :rpc.call(:kate@localhost, :erlang, :is_process_alive, [server])
        true = call.(:open_gate, [server])
        {down, result, alive, Process.info(self(), :message_queue_len)}
        """)
        == "{:killed, {:exit, :killed}, false, {:message_queue_len, 0}}"
    )


def test_a_crash_shows_the_users_line(ask) -> None:
    text = ask("""
        server = call.(:start, [:thread])
        try do GenServer.call(server, :crash) catch :exit, {reason, _} -> Exception.format_exit(reason) end
        """)
    assert "(RuntimeError) on purpose" in text
    assert "blocking.py:" in text
    assert "Worker.crash" in text


def test_input_in_a_thread_asks_the_caller(ask) -> None:
    assert (
        ask("""
        {:ok, device} = StringIO.open("Alex\\n")
        Process.group_leader(self(), device)
        {call.(:ask_name, []), StringIO.contents(device), call.(:ask_at_the_end, [])}
        """)
        == r'{"Alex", {"", "who is it?\nname? "}, :eof}'
    )


def test_worker_processes_are_killed_with_who_wants_their_work(ask, kate) -> None:
    assert (
        ask("""
        server = call.(:start, [:process])
        {2, one} = GenServer.call(server, {:add, 2}, 20_000)
        {5, two} = GenServer.call(server, {:add, 3}, 20_000)
        died = try do GenServer.call(server, :die, 20_000) catch :exit, {reason, _} -> reason end
        {call.(:factorial, [20]), is_integer(one) and is_integer(two), died}
        """)
        == "{2432902008176640000, true, {:worker_died, {:exit_status, 3}}}"
    )
    # The caller's end kills the worker, and the server goes on with what it had.
    ask("""
        server = call.(:start, [:process])
        {2, _} = GenServer.call(server, {:add, 2}, 20_000)
        Application.put_env(:kernel, :server, server)
        Application.put_env(:kernel, :caller, spawn(fn -> GenServer.call(server, :hang, :infinity) end))
    """)
    assert kate.wait_for_output(WORKING, 30)
    server = "server = Application.get_env(:kernel, :server)\n"
    goes_on = "Process.exit(Application.get_env(:kernel, :caller), :kill)\nGenServer.call(server, :get, 9000)"
    assert ask(server + goes_on) == "2"
    # So does the server's own.
    since = kate.mark()
    ask(f"{server} spawn(fn -> GenServer.call(server, :hang, :infinity) end)")
    assert kate.wait_for_output(WORKING, 30, since=since)
    assert (
        ask(f"""{server}
        ref = Process.monitor(server)
        Process.exit(server, :kill)
        {{receive do {{:DOWN, ^ref, _, _, reason}} -> reason after 9000 -> :none end, call.(:factorial, [3])}}
        """)
        == "{:killed, 6}"
    )
    workers = [int(pid) for pid in re.findall(r"working (\d+)", kate.output)]
    assert len(workers) == 2
    for worker in workers:
        wait_until_gone(worker)
    kate.signal(signal.SIGINT)
    assert kate.wait() == 0
    assert "Traceback" not in kate.errors


def wait_until_gone(pid: int) -> None:
    """A process of another program's: it has ended when its descriptor can be read."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], 30)[0], f"process {pid} goes on"
    finally:
        os.close(handle)
