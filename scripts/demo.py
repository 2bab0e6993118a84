"""What `scripts/demo` shows, on a screen: the README's first exchange, for real."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from pyerlnode import Atom, GenServer, Node
from pyerlnode.services import net_adm
from pyerlnode.term import to_elixir
from pyerlnode.testing import Iex, PythonNode, discover, free_port

ROOT = Path(__file__).resolve().parent.parent
COOKIE = "demo"
LINES = [
    "Node.ping(:kate@localhost)",
    "GenServer.call({Counter, :kate@localhost}, :get)",
    "GenServer.cast({Counter, :kate@localhost}, :inc)",
    "GenServer.call({Counter, :kate@localhost}, {:add, 41})",
]
EXPECTED = ["pong", "0", "ok", "42"]


def main() -> int:
    port = free_port()
    target = "examples/counter.py:App"
    print(f"$ pyerlnode run --sname kate@localhost --cookie {COOKIE} --epmd-port {port} {target}")
    kate = PythonNode("kate@localhost", target, cookie=COOKIE, epmd_port=port, directory=ROOT)
    try:
        print(kate.output.strip())
        print()
        answers = in_iex(port) if shutil.which("iex") else asyncio.run(in_python(port))
    finally:
        code = kate.stop()
    print(f"\nkate@localhost has stopped (exit code {code})")
    return 0 if answers == EXPECTED and code == 0 else 1


def in_iex(port: int) -> list[str]:
    """Type the lines into a real iex; what it answered."""
    beam = discover("local")[0]
    print(f"$ ERL_EPMD_PORT={port} iex --sname alex@localhost --cookie {COOKIE}")
    answers = []
    with Iex(beam, "alex@localhost", cookie=COOKIE, epmd_port=port) as iex:
        for line in LINES:
            prompt = iex.wait_for_prompt()
            answer = iex.command(line)
            print(f"{prompt} {line}\n{answer}")
            answers.append(answer.strip().removeprefix(":"))
    return answers


async def in_python(port: int) -> list[str]:
    """The same from a second Python node."""
    print("There is no Elixir here, so a second Python node, alex@localhost, calls:")
    there = ("Elixir.Counter", "kate@localhost")
    add = (Atom("add"), 41)
    answers = []
    async with Node("alex@localhost", cookie=COOKIE, epmd_port=port):
        for line, answer in (
            ('await net_adm.ping("kate@localhost")', await net_adm.ping("kate@localhost")),
            (f'await GenServer.call({there}, Atom("get"))', await GenServer.call(there, Atom("get"))),
            (f'GenServer.cast({there}, Atom("inc"))', GenServer.cast(there, Atom("inc"))),
            (f'await GenServer.call({there}, (Atom("add"), 41))', await GenServer.call(there, add)),
        ):
            print(f">>> {line}\n{to_elixir(answer)}")
            answers.append(to_elixir(answer).removeprefix(":"))
    return answers


if __name__ == "__main__":
    sys.exit(main())
