"""`pyerlnode remsh`: this terminal at the shell of a running node.

Of an Elixir node it is IEx, of an Erlang node its shell, and of a Python node the Python prompt.
Ctrl-D leaves, Ctrl-C interrupts what runs.

Proof: tests/services/test_shell_terminal.py, interop/test_remsh.py.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import termios
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.cli import options as common
from pyerlnode.errors import ErlangError, PyerlnodeError
from pyerlnode.process import exit, link, process_flag, receive
from pyerlnode.services import DEFAULT_SERVICES, erpc, user
from pyerlnode.services.node import Node
from pyerlnode.services.shell import terminal
from pyerlnode.term import Atom, Pid, Term, to_elixir

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pyerlnode.node import NodeConfig
    from pyerlnode.services.shell.terminal import RemoteTerminal

_AUTOCOMPLETE: Final = ("Elixir.IEx.Autocomplete", "expand")
_EDLIN: Final = ("edlin_expand", "expand")
# Seconds that a shell may take to start.
_PATIENCE = 20.0


class Refused(PyerlnodeError):
    """There is no shell to be had."""


def configure(parser: argparse.ArgumentParser) -> None:
    common.add_client(parser)
    parser.add_argument(
        "--shell",
        choices=("iex", "erl"),
        help="of a node that has both (default: iex, if there is one)",
    )
    parser.add_argument("node", metavar="NODE")


def run(options: argparse.Namespace) -> int:
    config = common.client_config(options, options.node)
    with _terminal_as_it_was():
        return asyncio.run(_serve(config, options.node, options.shell))


@contextmanager
def _terminal_as_it_was() -> Iterator[None]:
    """A line that nobody finished leaves the terminal in the line editor's hands."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


async def _serve(config: NodeConfig, peer: str, kind: str | None) -> int:
    made: list[RemoteTerminal] = []

    def serve_terminal(node: Any) -> None:
        made.append(terminal.service(node, peer))

    services = [serve_terminal if each is user.service else each for each in DEFAULT_SERVICES]
    async with Node(config, services=services) as node:
        process_flag("trap_exit", True)
        await common.reach(node, peer)
        [screen] = made
        shell = await _open(peer, kind, screen)
        _on_interrupt(shell, screen)
        link(shell)
        reason = await _end(shell, screen)
    if reason not in ("normal", "killed"):
        raise Refused(f"the shell on {peer} has ended: {to_elixir(reason)}")
    return 0


def _on_interrupt(shell: Pid, screen: RemoteTerminal) -> None:
    """Ctrl-C is for what runs in the shell."""

    def interrupt() -> None:
        screen.interrupt()
        exit(shell, "interrupt")

    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)


async def _open(peer: str, kind: str | None, screen: RemoteTerminal) -> Pid:
    """Start the shell that `peer` has; its pid."""
    # What IEx is to call before its first prompt: anything.
    nothing: Term = (Atom("erlang"), Atom("self"), [])
    options: Term = [(Atom("on_eof"), Atom("stop_evaluator"))]
    module = "shell"
    args: list[Term] = []
    for name in () if kind == "erl" else ("iex", "Elixir.IEx"):
        if await _has(peer, name):
            module, args = name, [options, nothing]
            break
    else:
        if kind == "iex" or not await _has(peer, "shell"):
            raise Refused(f"{peer} has no shell that others may use")
    screen.completes_by = _EDLIN if module == "shell" else _AUTOCOMPLETE
    shell = await _started(peer, module, args)
    screen.shell = shell
    return shell


async def _started(peer: str, module: str, args: list[Term]) -> Pid:
    try:
        shell = await erpc.call(peer, module, "start", args, _PATIENCE)
    except ErlangError as error:
        raise Refused(f"{peer} starts no shell: {to_elixir(error.reason)}") from None
    if not isinstance(shell, Pid):
        raise Refused(f"{peer} starts no shell: {to_elixir(shell)}")
    return shell


async def _has(peer: str, module: str) -> bool:
    loaded = await erpc.call(peer, "code", "ensure_loaded", [Atom(module)], _PATIENCE)
    return isinstance(loaded, tuple) and loaded[0] == "module"


async def _end(shell: Pid, screen: RemoteTerminal) -> Term:
    """Wait until the shell has ended, or the person has left: then it is ended."""
    leaving = asyncio.ensure_future(_leave(shell, screen))
    try:
        message: Any = await receive(lambda message: _is_exit(message, shell))
    finally:
        leaving.cancel()
    return message[2]


async def _leave(shell: Pid, screen: RemoteTerminal) -> None:
    await screen.left.wait()
    print()
    exit(shell, "kill")


def _is_exit(message: Term, shell: Pid) -> bool:
    return (
        isinstance(message, tuple)
        and len(message) == 3
        and message[0] == "EXIT"
        and isinstance(message[1], Pid)
        and message[1] == shell
    )
