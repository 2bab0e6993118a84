"""`pyerlnode names`: what EPMD has registered, one node a line."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from pyerlnode.cli import connections
from pyerlnode.cli import options as common
from pyerlnode.node import epmd_client
from pyerlnode.node.config import epmd_port

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    common.add_cookie(parser)
    connections.add_epmd_port(parser)
    parser.add_argument(
        "host", nargs="?", default="127.0.0.1", help="whose EPMD to ask (default: this host's)"
    )


def run(options: argparse.Namespace) -> int:
    port = epmd_port(options.epmd_port, os.environ)
    registered = asyncio.run(epmd_client.names(options.host, port))
    for name, node_port in registered:
        print(f"{name} at port {node_port}")
    return 0
