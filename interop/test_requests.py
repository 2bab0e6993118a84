"""Requests to many servers and requests that are waited for later, between Python and every BEAM."""

from __future__ import annotations

import pytest

from pyerlnode import Atom, CallTimeout, GenServer, on_call, on_cast

COUNTER = """
defmodule Counter do
  use GenServer
  def init(n), do: {:ok, n}
  def handle_call(:get, _from, n), do: {:reply, n, n}
  def handle_call({:late, ms, x}, _from, n), do: {Process.sleep(ms), {:reply, x, n}} |> elem(1)
  def handle_call({:stop, r}, _from, n), do: {:stop, r, n}
  def handle_cast(:inc, n), do: {:noreply, n + 1}
end
{:ok, _} = GenServer.start(Counter, 0, name: Counter)
"""


class Counter(GenServer):
    def init(self) -> None:
        self.count = 10

    @on_call
    def get(self) -> int:
        return self.count

    @on_cast
    def inc(self) -> None:
        self.count += 1


def test_a_beam_asks_many_and_waits_later(beam_node, python_node, target, here) -> None:
    python_node("kate", target("hosted.py:app"))
    alex = beam_node("alex")
    alex.eval_elixir(COUNTER)
    result = alex.eval_elixir(
        here("""
        kate = :kate@localhost
        :abcast = GenServer.abcast([node(), kate, :absent@localhost], Counter, :inc)
        many = GenServer.multi_call([node(), kate, :absent@localhost], Counter, :get, 9000)
        late = GenServer.multi_call([kate], Counter, {:late, 200, 1}, 20)
        there = {Counter, kate}
        now = :gen_server.send_request(there, :get) |> :gen_server.receive_response(9000)
        slow = :gen_server.send_request(there, {:late, 400, :x})
        waits = :gen_server.wait_response(slow, 1)
        waited = :gen_server.wait_response(slow, 9000)
        {:ok, server} = GenServer.call(there, :server)
        gone = :gen_server.send_request(server, {:stop, :shutdown}) |> :gen_server.receive_response(9000)
        {:error, {:shutdown, ^server}} = gone
        given_up = :gen_server.send_request(there, {:late, 300, 1}) |> :gen_server.receive_response(1)
        1 = GenServer.call(there, :get)
        {:message_queue_len, left} = Process.info(self(), :message_queue_len)
        {many, late, now, waits, waited, given_up, left}
        """),
        timeout=40,
    ).text
    assert result == here(
        "{{[alex@localhost: 1, kate@localhost: 1], [:absent@localhost]}, {[], [:kate@localhost]}, "
        "{:reply, 1}, :timeout, {:reply, :x}, :timeout, 0}"
    )


async def test_python_asks_many_and_waits_later(beam_node, new_node, here) -> None:
    alex = beam_node("alex")
    await alex.eval_elixir_async(COUNTER)
    beam, absent = here("alex@localhost"), here("absent@localhost")
    async with new_node("kate") as kate:
        await Counter.start(name="Elixir.Counter")
        nodes = [kate.name, beam, absent]
        assert GenServer.abcast("Elixir.Counter", Atom("inc"), nodes) == "abcast"
        asked = await GenServer.multi_call("Elixir.Counter", Atom("get"), nodes, timeout=20.0)
        assert asked == ([(kate.name, 11), (beam, 1)], [absent])
        there = ("Elixir.Counter", beam)
        sent = GenServer.send_request(there, (Atom("late"), 400, Atom("x")))
        assert GenServer.check_response(sent) == "no_reply"
        assert await GenServer.wait_response(sent, 0.001) == "timeout"
        assert await GenServer.wait_response(sent, 20.0) == ("reply", "x")
        late = GenServer.send_request(there, (Atom("late"), 300, Atom("x")))
        with pytest.raises(CallTimeout):
            await GenServer.receive_response(late, 0.001)
        ends = GenServer.send_request(there, (Atom("stop"), Atom("shutdown")))
        assert await GenServer.wait_response(ends, 20.0) == ("error", ("shutdown", there))
        asked = await GenServer.multi_call("Elixir.Counter", Atom("get"), [beam], timeout=20.0)
        assert asked == ([], [beam])
