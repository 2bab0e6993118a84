"""`pyerlnode run`: a node that hosts a Python program until it is told to stop.

One line on stdout says that everything runs; all else goes to stderr.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pyerlnode.cli import connections, target
from pyerlnode.cli import options as common
from pyerlnode.cli.starter import Starter
from pyerlnode.errors import ConfigError, ErlangError, Exit, PyerlnodeError, UsageError
from pyerlnode.node.hosts import address_text
from pyerlnode.otp import Application, Supervisor
from pyerlnode.otp.application.controller import CONTROLLER
from pyerlnode.otp.readable import readable
from pyerlnode.process import exit, process_flag, whereis
from pyerlnode.process.loop import run as run_loop
from pyerlnode.protocol import keep_memory
from pyerlnode.services import application as application_service
from pyerlnode.services import io
from pyerlnode.services.application import on_end
from pyerlnode.services.console import LogOutput, installed
from pyerlnode.services.node import Node
from pyerlnode.term import to_elixir

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pyerlnode.node import NodeConfig
    from pyerlnode.services.cluster import Strategy
    from pyerlnode.services.console import Terminal
    from pyerlnode.term import Term


_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Seconds that a program's last output may take to reach who reads it.
_LAST_OUTPUT = 2.0


class StartFailed(PyerlnodeError):
    """The target's start did not succeed, or what it started has ended."""


def configure(parser: argparse.ArgumentParser) -> None:
    configure_node(parser)
    parser.add_argument(
        "--reload",
        action="store_true",
        help="load modules of the target's directory again when they change; servers keep their state",
    )
    parser.add_argument("target", metavar="TARGET", help="file.py:attr or package.module:attr")


def configure_node(parser: argparse.ArgumentParser) -> None:
    """What a node is told that runs until it is told to stop, whatever it hosts."""
    name = parser.add_mutually_exclusive_group(required=True)
    name.add_argument("--sname", metavar="NODE", help="short name: NAME or NAME@HOST, HOST without a dot")
    name.add_argument("--name", metavar="NODE", help="long name: NAME@HOST.DOMAIN or NAME@ADDRESS")
    parser.add_argument("--cookie", metavar="C", help="default: PYERLNODE_COOKIE, else ~/.erlang.cookie")
    parser.add_argument("--hidden", action="store_true", help="be in nobody's list of visible nodes")
    connections.add_common(parser)
    connections.add_own(parser)
    parser.add_argument(
        "--connect",
        metavar="NODE",
        action="append",
        default=[],
        help="connect at the start, and stay connected",
    )
    parser.add_argument(
        "--reconnect",
        metavar="S",
        type=pause,
        default=30.0,
        help="longest pause between attempts to reach such a node again, in seconds (default 30); 0: none",
    )
    parser.add_argument(
        "--closures",
        metavar="MODE",
        default="builtins",
        help="what closures from shells may call: off (none runs), exported, or builtins (default)",
    )
    parser.add_argument(
        "--remsh",
        action="store_true",
        help="let `iex --remsh`, `erl -remsh` and `pyerlnode remsh` open a Python prompt in the node",
    )
    parser.add_argument("--config", metavar="FILE", help="TOML file with a table per application")
    parser.add_argument("--env", metavar="ENV", help="environment in that file (default: PYERLNODE_ENV)")
    parser.add_argument(
        "--exit-on-eof",
        action="store_true",
        help="stop when standard input ends: when whoever started the node has gone",
    )


def run(options: argparse.Namespace) -> int:
    watched = target.directory(options.target) if options.reload else None
    return host(options, lambda: target.load(options.target), watched)


def tune_memory() -> None:
    """For a program that is a node and nothing else; see docs/performance.md."""
    keep_memory()
    # Hundreds of messages come with one read, each of them a few objects that are gone when it is
    # handled.  To look for cycles at every 700 of them took half the time of a cast.
    gc.set_threshold(50_000)


def host(options: argparse.Namespace, load: Callable[[], Application], watched: Path | None = None) -> int:
    """Run a node with what `load` gives, called when output goes where it belongs; the exit code."""
    log = LogOutput(sys.stderr)
    logging.basicConfig(
        handlers=[log],
        level=_log_level(os.environ.get("PYERLNODE_LOG") or "WARNING"),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    config = common.run_config(options)
    if config.dynamic and not options.connect:
        raise ConfigError("a node gets its name from the first one that it connects to: --connect is missing")
    environment = common.environment(options)
    if options.exit_on_eof and sys.stdin is None:
        raise ConfigError("--exit-on-eof: there is no standard input")
    starter = Starter(sys.stdin.fileno()) if options.exit_on_eof else None
    tune_memory()
    with installed() as terminal:
        application = load()
        strategies = _strategies(environment)  # the program may bring some of its own
        try:
            return run_loop(
                serve(
                    config,
                    application,
                    options.connect,
                    terminal,
                    environment,
                    watched,
                    starter,
                    strategies,
                    options.reconnect,
                )
            )
        except asyncio.CancelledError:
            raise StartFailed("the node's first process was killed") from None
        finally:
            log.give_up()


def _log_level(name: str) -> int:
    levels = logging.getLevelNamesMapping()
    if name.upper() not in levels:
        raise ConfigError(f"PYERLNODE_LOG is {name!r}; {', '.join(levels)} are possible")
    return levels[name.upper()]


async def serve(
    config: NodeConfig,
    application: Application,
    peers: list[str],
    terminal: Terminal,
    environment: Mapping[str, Mapping[str, Term]],
    watched: Path | None = None,
    starter: Starter | None = None,
    strategies: Sequence[Strategy] = (),
    reconnect: float = 0,
) -> int:
    """Start the node and the application, say so, and wait for a signal; the exit code.

    `reconnect` is the longest pause, in seconds, between attempts to reach lost `peers`; 0: none.
    """
    signals = _Signals()
    if starter is not None:
        starter.when_gone(signals.arrived)
    async with Node(config) as node:
        if config.dynamic:
            await _get_name(node, peers)
        # Whoever links itself to this process and leaves must not take the node with it.
        process_flag("trap_exit", True)
        Application.put_all_env(environment, persistent=True)
        ended: asyncio.Future[Term] = node.runtime.loop.create_future()
        # A controller that is killed afterwards, by a second signal, ends for another reason.
        on_end(node.runtime, lambda _, reason: None if ended.done() else ended.set_result(reason))
        for peer in peers:
            await _connect(node, peer, reconnect)
        if strategies:
            await _join(strategies)
        try:
            if await _start(node, application, signals):
                if watched is not None:
                    from pyerlnode.services.reloader import Reloader

                    await Reloader.start_link(str(watched))
                terminal.open(f"{_up_line(node)}\n")
                await _first(ended, signals.stop)
            if ended.done():
                raise StartFailed(f"the application has ended: {_text(ended.result())}")
        finally:
            await _stop(node, signals)
    return 0


async def _get_name(node: Node, peers: list[str]) -> None:
    """Connect to the first of the peers that gives this node a name: before that it has no processes."""
    why = ""
    for peer in peers:
        error = await _dial(node, peer)
        if error is None:
            return
        why = f"{why}; {peer}: {error}"
    raise StartFailed(f"nobody gives this node a name{why}")


async def _connect(node: Node, peer: str, reconnect: float) -> None:
    error = await _dial(node, peer)
    if error is not None:
        logging.getLogger("pyerlnode.cli").warning("cannot connect to %s: %s", peer, error)
    if reconnect:
        from pyerlnode.services.cluster.keeper import keep_connected

        told = "" if error is None else str(error)
        node.runtime.spawn(keep_connected(peer, reconnect, told))


async def _dial(node: Node, peer: str) -> Exception | None:
    try:
        await node.dial(peer)
    except UsageError:
        raise
    except (PyerlnodeError, OSError) as error:
        return error
    return None


def pause(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e9:
        raise ValueError(text)
    return value


def _strategies(environment: dict[str, dict[str, Term]]) -> list[Strategy]:
    """What the table `[cluster]` says: it is the node's own, and no application's."""
    table = environment.pop("cluster", None)
    if table is None:
        return []
    # Most nodes have no such table.
    from pyerlnode.services.cluster import topologies

    try:
        return topologies(table)
    except ConfigError as error:
        raise ConfigError(f"config: {error}") from None


async def _join(strategies: Sequence[Strategy]) -> None:
    """Find the other nodes from now on; a program that needs none of them starts meanwhile."""
    from pyerlnode.services.cluster import Cluster

    await Supervisor.start_link([(Cluster, list(strategies))], strategy="one_for_one")


class _Signals:
    """SIGTERM and SIGINT: the first one stops the applications, the second one does not wait for them."""

    def __init__(self) -> None:
        self.stop, self.hurry = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self.arrived)

    def arrived(self) -> None:
        """A signal, or what stands for one."""
        if self.stop.is_set():
            self.hurry.set()
            for number in _SIGNALS:
                # The third one meets nobody.
                self._loop.remove_signal_handler(number)
        self.stop.set()


async def _start(node: Node, application: Application, signals: _Signals) -> bool:
    """Start the application and what it needs; False if a signal came first."""
    failed: asyncio.Future[Term] = node.runtime.loop.create_future()

    async def start() -> None:
        reason: Term = None
        try:
            await Application.ensure_all_started(application, "permanent")
        except Exit as error:
            reason = error.reason
        if not failed.done():
            failed.set_result(reason)

    node.runtime.spawn(start())
    await _first(failed, signals.stop)
    if not failed.done():
        return False
    if failed.result() is not None:
        raise StartFailed(f"the application did not start: {_why(application, failed.result())}")
    return True


async def _stop(node: Node, signals: _Signals) -> None:
    stopping = asyncio.ensure_future(application_service.stop_all(node.runtime))
    await _first(stopping, signals.hurry)
    if not stopping.done():
        stopping.cancel()
        await _kill_all(node)
        raise StartFailed("stopped by a second signal, before the applications had ended")
    # What was printed last is on the screen when this is answered, if anybody reads it.
    with suppress(ErlangError, TimeoutError):
        async with asyncio.timeout(_LAST_OUTPUT):
            await io.write("")


async def _kill_all(node: Node) -> None:
    controller = whereis(CONTROLLER)
    if controller is not None:
        exit(controller, "kill")


def _why(application: Application, reason: Any) -> str:
    """A failed start in few words: of the target itself without the call that everybody can think of."""
    name, why = reason
    match why:
        case ("bad_return", (_, ("EXIT", (error, _)))):
            why = error
        case (error, (_, "start", [_, _])):
            why = error
    return _text(why) if name == application.name else f"{name}: {_text(why)}"


def _text(reason: Term) -> str:
    return to_elixir(readable(reason))


async def _first(future: asyncio.Future[Any], event: asyncio.Event) -> None:
    """Wait for one of them."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({future, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def _up_line(node: Node) -> str:
    epmd = "none" if node.epmd_address is None else address_text(node.epmd_address)
    return f"{node.name} up port={node.port} creation={node.creation} epmd={epmd}"
