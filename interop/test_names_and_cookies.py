"""Long names, and the places that a cookie can come from."""

from __future__ import annotations

import pytest

from pyerlnode.services import net_adm


async def test_long_names(beam_node, new_node) -> None:
    alex = beam_node("alex@127.0.0.1")
    async with new_node("kate@127.0.0.1") as node:
        assert await net_adm.ping(alex.name) == "pong"
        assert node.nodes() == ["alex@127.0.0.1"]
        assert (await alex.eval_elixir_async("Node.list()")).text == '[:"kate@127.0.0.1"]'
    async with new_node("zoe@127.0.0.1") as node:
        assert (await alex.eval_elixir_async('Node.ping(:"zoe@127.0.0.1")')).text == ":pong"
        assert node.nodes() == ["alex@127.0.0.1"]


async def test_a_beam_with_a_long_name_does_not_look_for_a_short_one(beam_node, new_node) -> None:
    alex = beam_node("alex@127.0.0.1")
    async with new_node("kate@localhost"):
        assert (await alex.eval_elixir_async("Node.ping(:kate@localhost)")).text == ":pang"


@pytest.mark.parametrize("source", ["file", "environment"])
async def test_the_cookie_need_not_be_an_argument(
    beam_node, new_node, here, monkeypatch, tmp_path, source
) -> None:
    alex = beam_node("alex", cookie="monster")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYERLNODE_COOKIE", raising=False)
    if source == "file":
        file = tmp_path / ".erlang.cookie"
        file.write_text("monster")
        file.chmod(0o400)
    else:
        monkeypatch.setenv("PYERLNODE_COOKIE", "monster")
    async with new_node("kate", cookie=None):
        assert await net_adm.ping(alex.name) == "pong"
    # Another name: alex may not have noticed yet that kate is gone.
    async with new_node("zoe", cookie=None):
        assert (await alex.eval_elixir_async(here("Node.ping(:zoe@localhost)"))).text == ":pong"
