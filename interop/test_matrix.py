"""Visible and hidden, dialling and being dialled, with every BEAM."""

from __future__ import annotations

import asyncio

import pytest

from pyerlnode import Atom, GenServer

PYTHON = pytest.mark.parametrize(
    "hidden", [pytest.param(False, id="python visible"), pytest.param(True, id="python hidden")]
)
BEAM = pytest.mark.parametrize(
    "beam_hidden", [pytest.param(False, id="beam visible"), pytest.param(True, id="beam hidden")]
)
# Both sides dial at once so often; the order in which their names cross changes each time.
ENCOUNTERS = 20


async def knows(beam, node) -> bool:
    """A call from `node` to the BEAM's net_kernel and back.

    Who dials is done when it has the BEAM's last word of the handshake; the BEAM lists the node a moment
    later, and surely when it has answered this.
    """
    return await GenServer.call(("net_kernel", beam.name), (Atom("is_auth"), node.name)) == "yes"


@PYTHON
@BEAM
async def test_python_dials(beam_node, new_node, hidden, beam_hidden) -> None:
    alex = beam_node("alex", hidden=beam_hidden)
    async with new_node("kate", hidden=hidden) as node:
        assert await node.connect(alex.name)
        kind = "hidden" if hidden or beam_hidden else "visible"
        assert node.nodes(kind) == node.nodes("connected") == [alex.name]
        assert await knows(alex, node)
        assert (await alex.eval_elixir_async(f"Node.list(:{kind})")).term == [node.name]
        assert (await alex.eval_elixir_async("Node.list(:connected)")).term == [node.name]


@PYTHON
@BEAM
async def test_the_beam_dials(beam_node, new_node, here, hidden, beam_hidden) -> None:
    alex = beam_node("alex", hidden=beam_hidden)
    async with new_node("kate", hidden=hidden) as node:
        assert (await alex.eval_elixir_async(here("Node.connect(:kate@localhost)"))).term is True
        kind = "hidden" if hidden or beam_hidden else "visible"
        assert node.nodes(kind) == node.nodes("connected") == [alex.name]
        assert (await alex.eval_elixir_async(f"Node.list(:{kind})")).term == [node.name]
        assert (await alex.eval_elixir_async("Node.list(:connected)")).term == [node.name]
        assert (await alex.eval_elixir_async(here("Node.ping(:kate@localhost)"))).text == ":pong"


async def test_nobody_logs_or_hangs_when_a_visible_node_comes_and_goes(beam_node, new_node) -> None:
    alex = beam_node("alex")
    mark = alex.mark()
    for _ in range(5):
        async with new_node("kate") as node:
            assert await node.connect(alex.name)
            assert await knows(alex, node)
            assert (await alex.eval_elixir_async(":global.register_name(:someone, self())")).text == ":yes"
            assert (await alex.eval_elixir_async(":global.unregister_name(:someone)")).text == ":ok"
    assert alex.output[mark:].strip() == ""


@pytest.mark.parametrize("name", ["aaron", "zoe"])
async def test_both_dial_at_once(beam_node, new_node, name) -> None:
    """Names before and behind `alex`: the order decides which side keeps its attempt.

    Each encounter is one of strangers.  A BEAM that has not noticed yet that a node is gone says that
    it is connected to it, so the same name could not come again before all of it has been told so.
    """
    alex = beam_node("alex")
    await alex.eval_elixir_async(":net_kernel.monitor_nodes(true)")
    for number in range(ENCOUNTERS):
        async with new_node(f"{name}{number}") as node:
            to_python, to_alex = await asyncio.gather(
                alex.eval_elixir_async(f'Node.connect(:"{node.name}")', process="dials"),
                node.connect(alex.name),
            )
            assert (to_python.term, to_alex) == (True, True)
            assert node.nodes() == [alex.name]
            assert node.name in (await alex.eval_elixir_async("Node.list()")).term
            assert await knows(alex, node)
        # One connection, that lasted until now.
        for kind in ("nodeup", "nodedown"):
            told = await alex.eval_elixir_async("receive do event -> event after 10_000 -> :none end")
            assert told.term == (kind, node.name)


async def test_a_name_is_given_by_the_beam(beam_node, here, new_node) -> None:
    alex = beam_node("alex")
    async with new_node("undefined") as node:
        assert await node.connect(alex.name)
        assert node.name.endswith(here("@localhost"))
        assert not node.name.startswith("undefined")
        assert await knows(alex, node)
        assert (await alex.eval_elixir_async("Node.list(:hidden)")).term == [Atom(node.name)]
