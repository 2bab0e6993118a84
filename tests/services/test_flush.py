"""The mailbox as it is shown and emptied, in each notation."""

from __future__ import annotations

import pytest

import pyerlnode as erl
from pyerlnode import Atom, Node, charlist

MESSAGES = [Atom("sup?"), b"sup", charlist("sup"), (Atom("hi"), {Atom("a"): 1.5}), None]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ([], [repr(message) for message in MESSAGES]),
        (["elixir"], [":sup?", '"sup"', '~c"sup"', "{:hi, %{a: 1.5}}", "nil"]),
        (["erlang"], ["'sup?'", '<<"sup">>', '"sup"', "{hi,#{a => 1.5}}", "nil"]),
    ],
)
async def test_oldest_first_and_once(capfd, free_port, arguments, shown) -> None:
    async with Node("alex@127.0.0.1", cookie="secret", epmd_port=free_port):
        for message in MESSAGES:
            erl.send(erl.self(), message)
        erl.flush(*arguments)
        assert not erl.this_process().mailbox
        erl.flush(*arguments)
        await erl.io.puts("end")
    assert capfd.readouterr().out.splitlines() == [*shown, "end"]


async def test_an_unknown_notation_takes_nothing(free_port) -> None:
    async with Node("alex@127.0.0.1", cookie="secret", epmd_port=free_port):
        erl.send(erl.self(), Atom("kept"))
        with pytest.raises(ValueError, match="python, elixir, erlang, not 'prolog'"):
            erl.flush("prolog")
        assert await erl.receive(timeout=0) == "kept"


async def test_in_a_thread(capfd, free_port) -> None:
    @erl.blocking
    def show() -> None:
        erl.send(erl.self(), 1)
        erl.flush()

    async with Node("alex@127.0.0.1", cookie="secret", epmd_port=free_port):
        pid, ref = erl.spawn_monitor(show)
        assert await erl.receive(timeout=10) == ("DOWN", ref, "process", pid, "normal")
        await erl.io.puts("end")
    assert capfd.readouterr().out == "1\nend\n"
