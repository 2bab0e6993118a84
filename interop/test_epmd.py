"""The embedded EPMD, used by real clients; and a node whose EPMD goes away."""

from __future__ import annotations

import asyncio
import shutil
import subprocess

from pyerlnode import Atom, GenServer
from pyerlnode.testing import Epmd

REGISTERED_AGAIN = """
wait = fn wait, left ->
  case Node.ping(:kate@localhost) do
    :pang when left > 0 -> Process.sleep(100); wait.(wait, left - 1)
    answer -> answer
  end
end
wait.(wait, 120)
"""


def _epmd(port: int, *arguments: str) -> str:
    command = shutil.which("epmd")
    assert command is not None, "no epmd on PATH"
    done = subprocess.run(
        [command, "-port", str(port), *arguments], capture_output=True, text=True, timeout=20
    )
    return done.stdout


async def test_beams_live_on_the_embedded_epmd(beam_node, free_port, here, new_node) -> None:
    async with new_node("kate", epmd_port=free_port) as kate:
        alex = await asyncio.to_thread(beam_node, "alex", epmd_port=free_port)
        bert = await asyncio.to_thread(beam_node, "bert", epmd_port=free_port)
        assert (await alex.eval_elixir_async(here("Node.ping(:bert@localhost)"))).text == ":pong"
        assert (await alex.eval_elixir_async(here("Node.ping(:kate@localhost)"))).text == ":pong"
        names = (
            await alex.eval_erlang_async("{ok, Names} = net_adm:names(localhost), lists:sort(Names)")
        ).term
        assert [name for name, _ in names] == [list(b"alex"), list(b"bert"), list(b"kate")]
        assert dict((bytes(name), port) for name, port in names)[b"kate"] == kate.port
        listed = await asyncio.to_thread(_epmd, free_port, "-names")
        assert f"epmd: up and running on port {free_port} with data:" in listed
        assert f"name kate at port {kate.port}" in listed
        assert "not allowed" in await asyncio.to_thread(_epmd, free_port, "-kill")
        bert.kill()
        alex.kill()


def test_the_next_node_takes_the_embedded_epmd_over(beam_node, python_node, free_port, here, target) -> None:
    first = python_node("first", target("echo.py:app"), epmd_port=free_port)
    python_node("second", target("echo.py:app"), epmd_port=free_port)
    alex = beam_node("alex", epmd_port=free_port)
    assert alex.eval_elixir(here("Node.ping(:second@localhost)")).text == ":pong"
    first.kill()
    # alex and second register again by themselves; asking is the event to wait for.
    assert (
        alex.eval_elixir(
            """
        wait = fn wait, left ->
          names = case :net_adm.names(:localhost) do {:ok, names} -> names; _ -> [] end
          cond do
            List.keymember?(names, ~c"second", 0) and List.keymember?(names, ~c"alex", 0) -> :both
            left == 0 -> names
            true -> Process.sleep(100); wait.(wait, left - 1)
          end
        end
        wait.(wait, 120)
        """,
            timeout=20,
        ).text
        == ":both"
    )
    bert = beam_node("bert", epmd_port=free_port)
    assert bert.eval_elixir(here("Node.ping(:second@localhost)")).text == ":pong"


async def test_a_node_survives_the_restart_of_a_real_epmd(beam_node, epmd, here, new_node) -> None:
    async with new_node("kate", epmd_port=epmd.port) as kate:
        creation = kate.creation
        await asyncio.to_thread(epmd.kill)
        again = await asyncio.to_thread(lambda: Epmd(port=epmd.port))
        try:
            alex = await asyncio.to_thread(beam_node, "alex")
            # kate registers again by itself, within two seconds; asking is the event to wait for.
            assert (await alex.eval_elixir_async(here(REGISTERED_AGAIN))).text == ":pong"
        finally:
            again.close()
        assert kate.creation == creation
        assert (
            await GenServer.call(("net_kernel", here("alex@localhost")), (Atom("is_auth"), kate.name))
            == "yes"
        )
