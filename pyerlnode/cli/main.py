"""The `pyerlnode` command: picks the sub-command and turns errors into one line.

A user's mistake never shows a traceback.  Exit codes: 0 done, 1 it did not work (name
taken, port busy, failed start, remote failure), 2 it cannot work (a bad argument,
name, target or cookie file).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from pyerlnode.errors import BadArg, ErlangError, Exit, PyerlnodeError, Throw, UsageError
from pyerlnode.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Sub-command -> what it does; the module of that name in this package has `configure` and `run`.
COMMANDS = {
    "run": "run a node that hosts a Python program",
    "cluster": "run several nodes of one program on this machine",
    "mqtt": "run a node that is a bridge to MQTT brokers",
    "epmd": "serve the Erlang port mapper",
    "names": "list the nodes that are registered on a host",
    "ping": "say whether a node answers",
    "call": "call a function on a node and print the result",
    "remsh": "open the shell of a running node",
    "tls": "make certificates for development",
    "elixir": "print where the Elixir module PyNode is, for Mix projects",
}


class OneLineParser(argparse.ArgumentParser):
    """An ArgumentParser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


class _Version(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from pyerlnode.term import IMPLEMENTATION

        print(f"pyerlnode {VERSION} ({IMPLEMENTATION} codec)")
        parser.exit(0)


def parser(chosen: str | None) -> argparse.ArgumentParser:
    """The parser with every command named and the arguments of the chosen one."""
    top = OneLineParser(
        prog="pyerlnode", description="Erlang/Elixir cluster nodes in Python.", allow_abbrev=False
    )
    top.add_argument("--version", action=_Version, help="print the version and the codec in use")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help_text in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
        if name == chosen:
            _module(name).configure(command)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    options = parser(chosen).parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = _module(options.command).run
    try:
        return run(options)
    except UsageError as error:
        return _fail(options.command, error, 2)
    except (PyerlnodeError, OSError) as error:
        return _fail(options.command, error, 1)
    except KeyboardInterrupt:
        return 130


def _module(name: str) -> Any:
    return importlib.import_module(f"pyerlnode.cli.{name}")


def _fail(command: str, error: Exception, code: int) -> int:
    text = " ".join(_describe(error).split()) or type(error).__name__
    print(f"pyerlnode {command}: {text}", file=sys.stderr)
    sys.stderr.flush()
    if isinstance(error, BrokenPipeError):
        # What reads our output has gone: Python must not try to flush to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _describe(error: Exception) -> str:
    """What an error says; reasons of other nodes in Elixir's notation, as iex shows them."""
    if isinstance(error, (Exit, Throw, ErlangError)) and not isinstance(error, BadArg):
        # Only here: most commands end without such an error.
        from pyerlnode.otp.readable import readable
        from pyerlnode.term import to_elixir

        reason = error.value if isinstance(error, Throw) else error.reason
        where = _where(error.stack) if isinstance(error, ErlangError) else ""
        return to_elixir(readable(reason)) + where
    return str(error)


def _where(stack: list[Any] | None) -> str:
    """The innermost function of a stacktrace: ` in :lists.sum/1`."""
    from pyerlnode.term import Export, to_elixir

    match stack:
        case [(str() as module, str() as function, int() | list() as arity, _), *_]:
            count = len(arity) if isinstance(arity, list) else arity
            if 0 <= count <= 255:
                return " in " + to_elixir(Export(module, function, count)).removeprefix("&")
    return ""
