"""A Python node that is a member of `global` and does nothing else: `NAME EPMD_PORT PEER`.

Prints `up` when it has the names of its peer.
"""

import asyncio
import sys

from pyerlnode import Node
from pyerlnode.services import DEFAULT_SERVICES, global_


async def main(name: str, epmd_port: str, peer: str) -> None:
    services = [*(service for service in DEFAULT_SERVICES if service is not global_.service), global_.service]
    async with Node(
        name, cookie="secret", epmd_port=int(epmd_port), services=services, net_ticktime=4.0
    ) as node:
        assert await node.connect(peer)
        await global_.sync()
        print("up", flush=True)
        await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
