"""`pyerlnode ping NODE`: prints pong and exits 0, or pang and exits 1 and says why on stderr."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from pyerlnode.cli import options as common
from pyerlnode.services import net_adm
from pyerlnode.services.node import Node

if TYPE_CHECKING:
    import argparse

    from pyerlnode.node import NodeConfig


def configure(parser: argparse.ArgumentParser) -> None:
    common.add_client(parser)
    parser.add_argument("node", metavar="NODE")


def run(options: argparse.Namespace) -> int:
    answer = asyncio.run(_ping(common.client_config(options, options.node), options.node))
    print(answer)
    return 0 if answer == "pong" else 1


async def _ping(config: NodeConfig, peer: str) -> str:
    async with Node(config) as node:
        try:
            await common.reach(node, peer)
        except common.Unreachable as error:
            print(f"pyerlnode ping: {error}", file=sys.stderr)
            return net_adm.PANG
        return await net_adm.ping(peer)
