"""Who says nothing is given up in time; who only has nothing to say is not."""

from __future__ import annotations

import asyncio

from pyerlnode.services import net_adm

TICKTIME = 4.0
FLAGS = ("-kernel", "net_ticktime", "4")
# Seconds by which a loaded machine may be late: far less than a node waits that was told nothing.
SLACK = 20.0


async def test_a_stopped_beam_is_noticed_and_a_silent_node_is_kept(beam_node, new_node, here) -> None:
    alex, bert = (beam_node(name, flags=FLAGS) for name in ("alex", "bert"))
    loop = asyncio.get_running_loop()
    gone = loop.create_future()
    async with new_node("kate", net_ticktime=TICKTIME) as node:
        assert await net_adm.ping(alex.name) == await net_adm.ping(bert.name) == "pong"
        await bert.eval_elixir_async(here("Node.monitor(:kate@localhost, true)"))
        node.on_node_event(lambda event: gone.done() or gone.set_result(event))
        alex.suspend()
        begin = loop.time()
        async with asyncio.timeout(TICKTIME * 1.25 + SLACK):
            event = await gone
        assert (event.kind, event.node, event.reason) == ("nodedown", alex.name, "net_tick_timeout")
        assert loop.time() - begin >= TICKTIME * 0.75
        # Nothing but ticks went to and fro meanwhile; bert would give up in these seconds.
        await asyncio.sleep(begin + TICKTIME * 1.5 - loop.time())
        assert node.nodes() == [bert.name]
        kept = await bert.eval_elixir_async("{Node.list(), Process.info(self(), :message_queue_len)}")
        assert kept.text == here("{[:kate@localhost], {:message_queue_len, 0}}")
        alex.resume()


async def test_a_beam_notices_a_stopped_python_node(beam_node, python_node, target) -> None:
    alex = beam_node("alex", flags=FLAGS)
    zoe = python_node("zoe", target("echo.py:app"), options=["--net-ticktime", "4"])
    alex.eval_elixir(
        f"""
        :ok = :net_kernel.monitor_nodes(true, [:nodedown_reason])
        :pong = Node.ping(:"{zoe.name}")
        receive do {{:nodeup, _, _}} -> :up end
        """
    )
    zoe.suspend()
    down = alex.eval_elixir(
        "receive do {:nodedown, _, info} -> info[:nodedown_reason] after 10_000 -> :none end"
    )
    assert down.text == ":net_tick_timeout"
    # It comes back by itself, and is taken as it is.
    zoe.resume()
    assert alex.eval_elixir(f'GenServer.call({{:echo, :"{zoe.name}"}}, {{:echo, 1}})').text == "1"
