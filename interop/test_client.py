"""A plain script, without asyncio, that asks a BEAM."""

from __future__ import annotations

import pytest

from pyerlnode import Atom, connect
from pyerlnode.errors import ErlangError


def test_a_script_asks_a_beam(beam_node, epmd_port) -> None:
    alex = beam_node("alex")
    alex.eval_elixir("{:ok, _} = Agent.start(fn -> 41 end, name: Counter)")
    with connect(alex.name, cookie="secret", epmd_port=epmd_port) as client:
        assert client.rpc("Elixir.Enum", "sum", [[1, 2, 3]]) == 6
        assert (
            client.rpc("Elixir.Agent", "update", [Atom("Elixir.Counter"), Atom("erlang"), Atom("+"), [1]])
            == "ok"
        )
        assert client.call("Elixir.Counter", (Atom("get"), (Atom("erlang"), Atom("abs"), []))) == 42
        with pytest.raises(ErlangError) as error:
            client.rpc("erlang", "list_to_atom", [7])
        assert error.value.reason == "badarg"
    assert alex.eval_elixir("Node.list(:connected)").text == "[]"
