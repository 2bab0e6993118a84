"""How long many Python nodes on one machine take to know each other: `scripts/chaos mesh --nodes 50`.

Each node is a process of its own that connects to the first one; `global` makes the mesh.  Then one
of them is killed, and all others must notice.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from chaotic.members import PythonMember
from pyerlnode.testing.epmd import Epmd
from pyerlnode.testing.network import Host

_HERE = Host("", "127.0.0.1", "")
# Nodes that start at the same time; a node more in a minute is all that the others take.
_AT_ONCE = 8
_PATIENCE = 120.0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts/chaos mesh", description=__doc__)
    parser.add_argument("--nodes", type=int, default=50, help="how many (default 50)")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        epmd = stack.enter_context(Epmd())
        members = [
            PythonMember(f"node{number}", _HERE, 60, epmd.port) for number in range(1, options.nodes + 1)
        ]
        for member in members:
            stack.callback(member.close)
        begin = time.monotonic()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(PythonMember.start, members))
        print(f"{len(members)} nodes started in {time.monotonic() - begin:.1f} s", flush=True)
        begin = time.monotonic()
        for member in members[1:]:
            member.ask("connect", members[0].name)
        _wait(members)
        print(f"a mesh of {len(members) * (len(members) - 1) // 2} connections in {_since(begin)}")
        resident = [_resident(member) for member in members]
        print(f"memory of a node: {min(resident):.0f} to {max(resident):.0f} MB")
        begin = time.monotonic()
        members.pop(0).close()
        _wait(members)
        print(f"one was killed: all others agree after {_since(begin)}")
    return 0


def _wait(members: list[PythonMember]) -> None:
    """Return when all of them are connected to all others, and to nobody else."""
    names = {member.name for member in members}
    end = time.monotonic() + _PATIENCE
    for member in members:
        while set(member.view().nodes) != names - {member.name}:
            if time.monotonic() > end:
                raise SystemExit(f"{member} sees {len(member.view().nodes)} nodes after {_PATIENCE:.0f} s")
            time.sleep(0.1)


def _since(begin: float) -> str:
    return f"{time.monotonic() - begin:.1f} s"


def _resident(member: PythonMember) -> float:
    assert member.child is not None
    pages = int(Path(f"/proc/{member.child.pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20
