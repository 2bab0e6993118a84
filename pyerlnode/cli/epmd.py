"""`pyerlnode epmd`: serves EPMD until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from pyerlnode.node.config import epmd_addresses, epmd_port, epmd_relaxed
from pyerlnode.node.epmd_server import EpmdServer

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, metavar="P", help="default: ERL_EPMD_PORT, else 4369")
    parser.add_argument(
        "--address", metavar="A", help="comma-separated IP addresses (default: ERL_EPMD_ADDRESS)"
    )


def run(options: argparse.Namespace) -> int:
    addresses = epmd_addresses(options.address, os.environ)
    relaxed = epmd_relaxed(os.environ)
    server = EpmdServer(epmd_port(options.port, os.environ), addresses, relaxed=relaxed)
    return asyncio.run(_serve(server))


async def _serve(server: EpmdServer) -> int:
    loop = asyncio.get_running_loop()
    async with server:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.ended.set)
        print(f"epmd up port={server.port}", flush=True)
        await server.ended.wait()
    return 0
