"""`pyerlnode cluster up`: several nodes of one program on this machine, a node per core.

    pyerlnode cluster up --nodes 3 app.py:App          app1@localhost, app2@localhost, app3@localhost

Each is `pyerlnode run` with the options that were given, under a name of its own, connected with
those that are up.  A node that dies is started again.  What they print comes with their name in
front; only the lines that say up are as they are.

Proof: tests/cli/test_cluster_command.py, interop/test_cluster.py.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.cli import options as common
from pyerlnode.cli import run as run_command
from pyerlnode.errors import ConfigError, PyerlnodeError
from pyerlnode.services.peer.program import Program

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

# Seconds until a node that died is started again: the first time, and at most.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# A node that ran for so long has not died of how it was started.
STEADY = 60.0
MOST_NODES: Final = 1000
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class NotUp(PyerlnodeError):
    """A node ended before it was ever up; `code` is its exit code."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(f"{name} did not start: exit code {code}")
        self.code = code


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", metavar="up", choices=["up"], help="up: start the nodes, and keep them running"
    )
    parser.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="...",
        help="--nodes N (default: a node per core), and what `pyerlnode run` takes; see `cluster up --help`",
    )


def run(options: argparse.Namespace) -> int:
    plan = Plan.of(options.arguments)
    try:
        return asyncio.run(_Cluster(plan).run())
    except NotUp as error:
        print(f"pyerlnode cluster: {error}", file=sys.stderr)
        return error.code if error.code in (1, 2) else 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to run: the names of the nodes, and the arguments that all of them get."""

    option: str
    names: list[str]
    arguments: list[str]
    cookie: str | None = field(repr=False)

    @classmethod
    def of(cls, words: Sequence[str]) -> Plan:
        """From the command line; what is wrong with it is said at once, and not by each node."""
        own, rest = _own_parser().parse_known_args(words)
        option = "--name" if own.name is not None else "--sname"
        target = _as_run(["--sname", "x", *rest]).target
        stem, _, host = (own.name or own.sname or f"{_stem(target)}@localhost").partition("@")
        at = f"@{host}" if host else ""
        names = [f"{stem}{number}{at}" for number in range(1, own.nodes + 1)]
        # A name, a port, a file that cannot be used.
        checked = _as_run([option, names[0], *rest])
        common.run_config(checked)
        common.environment(checked)
        return cls(option, names, rest, own.cookie)


def _own_parser() -> argparse.ArgumentParser:
    parser = _parser()
    parser.usage = "pyerlnode cluster up [--nodes N] [OPTION OF run]... TARGET"
    parser.epilog = "Everything else is what `pyerlnode run` takes; all nodes get it."
    parser.add_argument("--nodes", metavar="N", type=_count, default=_cores(), help="default: one per core")
    name = parser.add_mutually_exclusive_group()
    name.add_argument("--sname", metavar="PREFIX", help="nodes are PREFIX1, PREFIX2, ...; PREFIX@HOST")
    name.add_argument("--name", metavar="PREFIX@HOST", help="the same with long names")
    parser.add_argument("--cookie", metavar="C", help="default: PYERLNODE_COOKIE, else ~/.erlang.cookie")
    return parser


def _as_run(words: Sequence[str]) -> argparse.Namespace:
    """The words as `pyerlnode run` understands them."""
    parser = _parser()
    run_command.configure(parser)
    return parser.parse_args(words)


def _parser() -> argparse.ArgumentParser:
    from pyerlnode.cli.main import OneLineParser

    return OneLineParser(prog="pyerlnode cluster up", allow_abbrev=False)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_NODES):
        raise argparse.ArgumentTypeError(f"{text!r}: 1 to {MOST_NODES} nodes are possible")
    return int(text)


def _cores() -> int:
    """The cores that this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _stem(target: str) -> str:
    """`app` for `dir/app.py:App` and `package.app:App`."""
    where = target.rpartition(":")[0]
    stem = Path(where).stem if where.endswith(".py") else where.rpartition(".")[2]
    if not stem:
        raise ConfigError(f"target {target!r}: file.py:attr or package.module:attr is wanted")
    return stem


class _Cluster:
    """All nodes, from the first start to the end of the last one."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        #: full names of those that are up
        self._up: dict[str, str] = {}
        self._programs: dict[str, Program] = {}
        self._stopping = asyncio.Event()
        # More at a time than there are cores would only make each of them slow to answer the others.
        self._starting = asyncio.Semaphore(max(2, _cores()))

    async def run(self) -> int:
        """Until a signal comes; the exit code."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        first, *others = self._plan.names
        running: set[asyncio.Task[None]] = set()
        try:
            # The others find the first one, and by it each other; one EPMD is enough to start, too.
            running.add(loop.create_task(self._keep(first, started := asyncio.Event())))
            await _either(started.wait(), *running)
            if started.is_set():
                running.update(loop.create_task(self._keep(name, asyncio.Event())) for name in others)
            while running:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            await self._end(running)
        return 0

    def _signalled(self, number: signal.Signals) -> None:
        """Pass it on: the first one stops the nodes, the second one hurries them."""
        self._stopping.set()
        for program in self._programs.values():
            program.signal(number)

    async def _end(self, running: set[asyncio.Task[None]]) -> None:
        """Stop what still runs when one of the nodes could not be started."""
        if running:
            self._signalled(signal.SIGTERM)
            await asyncio.wait(running)

    async def _keep(self, name: str, started: asyncio.Event) -> None:
        """Run a node, again and again; NotUp if it never comes up."""
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE
        while not self._stopping.is_set():
            since = loop.time()
            async with self._starting:
                program = self._programs[name] = await self._start(name)
                if self._stopping.is_set():
                    program.signal(signal.SIGTERM)
                up = await program.up
            if up is not None:
                self._up[name] = up.node
                print(up.line, flush=True)
                started.set()
            code = await program.ended
            del self._programs[name]
            self._up.pop(name, None)
            if self._stopping.is_set():
                break
            if not started.is_set():
                raise NotUp(name, code)
            pause = FIRST_PAUSE if loop.time() - since > STEADY else min(2 * pause, LONGEST_PAUSE)
            wait = random.uniform(0.5, 1.0) * pause
            _say(name, f"has ended ({_ending(code)}), starts again in {wait:.1f} s")
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._stopping.wait()

    async def _start(self, name: str) -> Program:
        plan = self._plan
        others = [word for node in self._up.values() for word in ("--connect", node)]
        cookie = {} if plan.cookie is None else {"PYERLNODE_COOKIE": plan.cookie}
        return await Program.start(
            [plan.option, name, *others, *plan.arguments],
            lambda stream, line: _relay(name, stream, line),
            environment={"PYTHONUNBUFFERED": "1", **cookie},
        )


async def _either(waiting: Coroutine[Any, Any, Any], *tasks: asyncio.Task[None]) -> None:
    """Return when one of them is done."""
    task = asyncio.ensure_future(waiting)
    try:
        await asyncio.wait({task, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()


def _relay(name: str, stream: str, line: bytes) -> None:
    output = sys.stdout if stream == "stdout" else sys.stderr
    text = line.decode(errors="replace")
    output.write(f"{name.partition('@')[0]} | {text}" + ("" if text.endswith("\n") else "\n"))
    output.flush()


def _say(name: str, text: str) -> None:
    print(f"pyerlnode cluster: {name} {text}", file=sys.stderr, flush=True)


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
