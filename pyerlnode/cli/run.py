"""`pyerlnode run`: a node that hosts a Python program until it is told to stop.

One line on stdout says that everything runs; all else goes to stderr.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pyerlnode.cli import options as common
from pyerlnode.cli import target
from pyerlnode.errors import ErlangError, PyerlnodeError
from pyerlnode.otp import ApplicationMaster
from pyerlnode.otp.readable import readable
from pyerlnode.process import process_flag
from pyerlnode.services import io
from pyerlnode.services.console import LogOutput, installed
from pyerlnode.services.node import Node
from pyerlnode.term import to_elixir

if TYPE_CHECKING:
    import argparse

    from pyerlnode.node import NodeConfig
    from pyerlnode.otp import Application
    from pyerlnode.services.console import Terminal


# Seconds that a program's last output may take to reach who reads it.
_LAST_OUTPUT = 2.0


class StartFailed(PyerlnodeError):
    """The target's start did not succeed, or what it started has ended."""


def configure(parser: argparse.ArgumentParser) -> None:
    name = parser.add_mutually_exclusive_group(required=True)
    name.add_argument("--sname", metavar="NODE", help="short name: NAME or NAME@HOST, HOST without a dot")
    name.add_argument("--name", metavar="NODE", help="long name: NAME@HOST.DOMAIN or NAME@ADDRESS")
    parser.add_argument("--cookie", metavar="C", help="default: PYERLNODE_COOKIE, else ~/.erlang.cookie")
    parser.add_argument("--hidden", action="store_true", help="be in nobody's list of visible nodes")
    common.add_epmd(parser)
    parser.add_argument("--connect", metavar="NODE", action="append", default=[], help="connect at the start")
    parser.add_argument("--net-ticktime", metavar="S", type=float, default=60.0, help="seconds (default 60)")
    parser.add_argument("target", metavar="TARGET", help="file.py:attr or package.module:attr")


def run(options: argparse.Namespace) -> int:
    log = LogOutput(sys.stderr)
    logging.basicConfig(
        handlers=[log],
        level=os.environ.get("PYERLNODE_LOG", "WARNING").upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    config = common.run_config(options)
    with installed() as terminal:
        application = target.load(options.target)
        try:
            return asyncio.run(serve(config, application, options.connect, terminal))
        except asyncio.CancelledError:
            raise StartFailed("the node's first process was killed") from None
        finally:
            log.give_up()


async def serve(config: NodeConfig, application: Application, peers: list[str], terminal: Terminal) -> int:
    """Start the node and the application, say so, and wait for a signal; the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Node(config) as node:
        # Whoever links itself to this process and leaves must not take the node with it.
        process_flag("trap_exit", True)
        for peer in peers:
            if not await node.connect(peer):
                logging.getLogger("pyerlnode.cli").warning("cannot connect to %s", peer)
        master = ApplicationMaster.start(node.runtime, application)
        try:
            await _until_started(master, stop)
            terminal.open(f"{_up_line(node)}\n")
            await _until_stopped(master, stop)
        finally:
            await master.stop()
            # What was printed last is on the screen when this is answered, if anybody reads it.
            with suppress(ErlangError, TimeoutError):
                async with asyncio.timeout(_LAST_OUTPUT):
                    await io.write("")
    return 0


async def _until_started(master: ApplicationMaster, stop: asyncio.Event) -> None:
    await _first(master.started, stop)
    if master.ended.done():
        raise StartFailed(f"the application did not start: {to_elixir(readable(master.ended.result()))}")


async def _until_stopped(master: ApplicationMaster, stop: asyncio.Event) -> None:
    await _first(master.ended, stop)
    if master.ended.done():
        raise StartFailed(f"the application has ended: {to_elixir(readable(master.ended.result()))}")


async def _first(future: asyncio.Future[Any], stop: asyncio.Event) -> None:
    waiting = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({future, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def _up_line(node: Node) -> str:
    host, port = node.epmd_address
    return f"{node.name} up port={node.port} creation={node.creation} epmd={host}:{port}"
