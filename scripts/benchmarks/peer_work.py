"""Run by peers.py: `python -m benchmarks.peer_work SECONDS ROUNDS`.

A line of JSON for each thing that was measured: pairs of ours and the peer's.  A peer that is not
installed, or fails at the work, is left out, and said on standard error.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks import actors, worker
from benchmarks.data import terms
from benchmarks.measure import time_of
from pyerlnode import GenServer, Node
from pyerlnode.term import decode, encode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

_CALLS = 2000


@contextmanager
def peer(name: str) -> Iterator[None]:
    """What is done with a peer; its faults are its own."""
    try:
        yield
    except Exception as error:
        print(f"{name} is left out: {type(error).__name__}: {error}", file=sys.stderr)


def say(work: str, name: str, unit: str, pairs: list[tuple[float, float]]) -> None:
    """One row, for peers.py."""
    print(json.dumps({"work": work, "peer": name, "unit": unit, "pairs": pairs}), flush=True)


# --- codecs -----------------------------------------------------------------------------


def codecs(seconds: float, rounds: int) -> None:
    """The peer encodes what it made of the bytes, so that each has its own types."""
    for name, term in terms().items():
        data = encode(term)
        with peer("erlang_py"):
            import erlang

            _codec("erlang_py", name, data, erlang.binary_to_term, erlang.term_to_binary, seconds, rounds)
        with peer("erlpack"):
            import erlpack

            _codec("erlpack", name, data, erlpack.unpack, erlpack.pack, seconds, rounds)


def _codec(
    package: str,
    name: str,
    data: bytes,
    read: Callable[[bytes], Any],
    write: Callable[[Any], bytes],
    seconds: float,
    rounds: int,
) -> None:
    ours, theirs = decode(data), read(data)
    for work, our, their in (
        ("encode", lambda: encode(ours), lambda: write(theirs)),
        ("decode", lambda: decode(data), lambda: read(data)),
    ):
        pairs = [(time_of(our, seconds) * 1e6, time_of(their, seconds) * 1e6) for _ in range(rounds)]
        say(f"{work} {name}", package, "µs", pairs)


# --- actors: one caller, one server -------------------------------------------------------


async def own_calls(count: int) -> float:
    """Calls in a second; `count` after some to warm up."""
    pid = await worker.Echo.start()
    await worker.calls(pid, count // 10)
    rate = count / await worker.nanoseconds(worker.calls, pid, count) * 1e9
    await GenServer.stop(pid)
    return rate


async def ours(count: int) -> float:
    async with Node(worker.NAME, cookie=worker.COOKIE):
        return await own_calls(count)


def calls(rounds: int, count: int) -> None:
    """Each peer's `ask`, or what it has in the place of one."""
    for name, measure in actors.ALL.items():
        with peer(name):
            say(
                "local calls", name, "/s", [(asyncio.run(ours(count)), measure(count)) for _ in range(rounds)]
            )


# --- yardsticks: a socket and no protocol ---------------------------------------------------


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def _raw(count: int) -> float:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    message = bytes(117)
    started = time.perf_counter()
    for _ in range(count):
        writer.write(message)
        await reader.readexactly(len(message))
    rate = count / (time.perf_counter() - started)
    writer.close()
    server.close()
    return rate


async def _linked(count: int) -> float:
    """The same with all of pyerlnode: two nodes on one loop, one calls the other."""
    async with Node("other@localhost", cookie=worker.COOKIE):
        pid = await worker.Echo.start()
        return await asyncio.create_task(_call_from_another(pid, count))


async def _call_from_another(pid: Any, count: int) -> float:
    async with Node(worker.NAME, cookie=worker.COOKIE):
        return await _timed_calls(pid, count)


async def _timed_calls(pid: Any, count: int) -> float:
    await worker.calls(pid, 10)
    return count / await worker.nanoseconds(worker.calls, pid, count) * 1e9


def sockets(rounds: int, count: int) -> None:
    """A round trip on one event loop."""
    loops: dict[str, Callable[[Awaitable[float]], float]] = {"raw asyncio": asyncio.run}
    with peer("uvloop"):
        import uvloop

        loops["raw uvloop"] = uvloop.run
    for name, run in loops.items():
        pairs = [(run(_linked(count)), run(_raw(count))) for _ in range(rounds)]
        say("round trip on one loop", name, "/s", pairs)


def main() -> None:
    """Everything that is installed."""
    logging.disable(logging.WARNING)
    seconds, rounds = float(sys.argv[1]), int(sys.argv[2])
    count = _CALLS if seconds > 0.05 else 20
    codecs(seconds, rounds)
    calls(rounds, count)
    sockets(rounds, count)


if __name__ == "__main__":
    main()
