"""The lines of the README, typed into a real terminal."""

from __future__ import annotations

import re

import pytest


@pytest.fixture
def kate(python_node, target):
    return python_node("kate", target("../examples/counter.py:App"))


def test_the_main_job(iex, kate, here) -> None:
    alex = iex("alex")
    assert alex.command(here("Node.ping(:kate@localhost)")).strip() == ":pong"
    assert alex.command(here("GenServer.call({Counter, :kate@localhost}, :get)")).strip() == "0"
    assert alex.command(here("GenServer.cast({Counter, :kate@localhost}, :inc)")).strip() == ":ok"
    assert alex.command(here("GenServer.call({Counter, :kate@localhost}, {:add, 41})")).strip() == "42"
    assert alex.command("Node.list()").strip() == here("[:kate@localhost]")


def test_a_crash_is_readable(iex, kate, here) -> None:
    alex = iex("alex")
    screen = alex.command(here("GenServer.call({:nobody, :kate@localhost}, :get)"))
    assert "no process" in screen
    screen = alex.command(here('GenServer.call({Counter, :kate@localhost}, {:add, "one"})'))
    assert here("** (exit) exited in: GenServer.call({Counter, :kate@localhost}") in screen
    assert "no function clause matching in :Counter.add/1" in screen
    assert "counter.py:" in screen


def test_the_erlang_shell(erl, kate, here) -> None:
    alex = erl("alex")
    assert alex.command(here("net_adm:ping('kate@localhost').")).strip() == "pong"
    assert alex.command(here("gen_server:call({'Elixir.Counter', 'kate@localhost'}, get).")).strip() == "0"
    assert (
        alex.command(here("gen_server:call({'Elixir.Counter', 'kate@localhost'}, {add, 2}).")).strip() == "2"
    )


def test_a_pid_of_python_reads_like_any_other(beam, iex, kate, here) -> None:
    alex = iex("alex")
    screen = alex.command(
        here("ref = Process.monitor({Counter, :kate@localhost}); :sys.get_state({Counter, :kate@localhost})")
    )
    # sys of OTP 25 shows what OTP 26 and later send around the state.
    assert screen.strip() == ("{:ok, %{count: 0}}" if beam.otp == 25 else "%{count: 0}")
    screen = alex.command(here("elem(:sys.get_status({Counter, :kate@localhost}), 1)"))
    assert re.fullmatch(r"#PID<\d+\.\d+\.\d+>", screen.strip())
