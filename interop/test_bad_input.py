"""What can go wrong between a Python node and a BEAM: a clear word, and the node goes on."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest

from pyerlnode import Atom, GenServer, Node, NodeDown


async def _still_works(alex, node: Node) -> None:
    assert (await alex.eval_elixir_async(f"Node.ping(:'{node.name}')")).text == ":pong"


async def test_wrong_cookie_when_the_beam_dials(beam_node, caplog, here, new_node) -> None:
    alex = beam_node("alex", cookie="other")
    async with new_node("kate") as node:
        with caplog.at_level(logging.WARNING, "pyerlnode.node"):
            assert (await alex.eval_elixir_async(here("Node.connect(:kate@localhost)"))).text == "false"
        lines = [record.getMessage() for record in caplog.records]
        assert len(lines) == 1
        assert alex.name in lines[0]
        assert "cookie" in lines[0]
        await alex.eval_elixir_async(here("Node.set_cookie(:kate@localhost, :secret)"))
        await _still_works(alex, node)


async def test_wrong_cookie_when_python_dials(beam_node, caplog, new_node) -> None:
    alex = beam_node("alex", cookie="other")
    async with new_node("kate") as node:
        with caplog.at_level(logging.WARNING, "pyerlnode.node"), pytest.raises(NodeDown):
            await GenServer.call(("net_kernel", alex.name), 1)
        assert any(alex.name in r.getMessage() and "cookie" in r.getMessage() for r in caplog.records)
        node.set_cookie(alex.name, "other")
        assert await node.connect(alex.name)
        await _still_works(alex, node)


async def test_a_taken_name_and_an_unknown_one(beam_node, here, new_node) -> None:
    from pyerlnode.errors import NameTaken

    beam_node("alex")
    with pytest.raises(NameTaken, match="name alex is taken"):
        async with new_node("alex"):
            pytest.fail("two nodes of one name")
    async with new_node("kate") as node:
        assert not await node.connect(here("nobody@localhost"))


async def test_a_beam_killed_in_the_middle_of_a_message(beam_node, here, new_node) -> None:
    import pyerlnode as erl

    alex = beam_node("alex")
    async with new_node("kate") as node:
        erl.register("me", erl.self())
        assert await node.connect(alex.name)
        erl.monitor_node(alex.name, True)
        await alex.eval_elixir_async(
            here("""
            data = :binary.copy(<<7>>, 5_000_000)
            spawn(fn -> for _ <- 1..40, do: send({:me, :kate@localhost}, data) end)
            """)
        )
        assert len(await erl.receive(timeout=20)) == 5_000_000
        alex.kill()
        assert await erl.receive(lambda message: isinstance(message, tuple), timeout=20) == (
            Atom("nodedown"),
            Atom(alex.name),
        )
        bert = await asyncio.to_thread(beam_node, "bert")
        await _still_works(bert, node)


async def test_silent_connections_do_not_keep_a_beam_out(beam_node, new_node) -> None:
    alex = beam_node("alex")
    async with new_node("kate") as node:
        silent = [socket.create_connection(("127.0.0.1", node.port)) for _ in range(200)]
        try:
            await _still_works(alex, node)
        finally:
            for sock in silent:
                sock.close()


async def test_spawning_what_is_not_exported_is_undef_at_once(beam_node, here, new_node) -> None:
    alex = beam_node("alex")
    async with new_node("kate"):
        result = await alex.eval_elixir_async(
            here("""
            {pid, ref} = :erlang.spawn_monitor(:kate@localhost, Nothing.Here, :say_name, [1])
            down = receive do {:DOWN, ^ref, :process, ^pid, reason} -> reason after 12_000 -> :none end
            called = :rpc.call(:kate@localhost, Nothing.Here, :say_name, [], 5000)
            {down, elem(called, 0)}
            """)
        )
        assert result.text == "{{:undef, [{Nothing.Here, :say_name, [1], []}]}, :badrpc}"
