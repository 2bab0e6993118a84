"""Several nodes of one program on an EPMD of their own, for tests of what nodes do together."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from pyerlnode.node import Node

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


class Cluster:
    """`async with Cluster(services=[...]) as cluster: kate = await cluster.start("kate")`."""

    def __init__(self, services: Sequence[Callable[[Node], Any]] = (), epmd_port: int | None = None) -> None:
        self.services = tuple(services)
        if epmd_port is None:
            with socket.socket() as sock:
                sock.bind(("127.0.0.1", 0))
                epmd_port = sock.getsockname()[1]
        self.epmd_port = epmd_port
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Cluster:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    async def start(self, name: str, **settings: Any) -> Node:
        """A node `NAME@localhost`; settings as of Node."""
        settings.setdefault("services", self.services)
        node = Node(f"{name}@localhost", "secret", epmd_port=self.epmd_port, **settings)
        await self._stack.enter_async_context(node)
        return node

    async def mesh(self, *names: str) -> list[Node]:
        """Nodes that are connected, each with each."""
        nodes = [await self.start(name) for name in names]
        for position, node in enumerate(nodes):
            for other in nodes[:position]:
                assert await node.connect(other.name)
        return nodes


def has_ipv6() -> bool:
    """Whether this machine has the address ::1; one that has not cannot test what needs it."""
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


async def run(node: Node, body: Callable[..., Any], *args: Any, timeout: float = 20.0) -> Any:
    """Call `body(*args)`, which may be async, in a new process of `node`; its result."""
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def process() -> None:
        try:
            result = body(*args)
            done.set_result(await result if asyncio.iscoroutine(result) else result)
        except BaseException as error:
            done.set_exception(error)

    node.runtime.spawn(process())
    async with asyncio.timeout(timeout):
        return await done


async def until(fact: Callable[[], object | Awaitable[object]], timeout: float = 10.0) -> None:
    """Return as soon as `fact()` is true; TimeoutError if it never is."""
    async with asyncio.timeout(timeout):
        while True:
            result = fact()
            if await result if asyncio.iscoroutine(result) else result:
                return
            await asyncio.sleep(0.005)
