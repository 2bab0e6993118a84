"""What a prompt knows by name: everything of the package, and what only a shell has.

Proof: tests/services/test_shell.py.
"""

from __future__ import annotations

import builtins
import importlib
from typing import Any

import pyerlnode.process as processes
from pyerlnode.errors import PyerlnodeError
from pyerlnode.process import this_process
from pyerlnode.process.portal import forwarded
from pyerlnode.services import io

__all__ = ["Leaving", "namespace"]


def namespace() -> dict[str, Any]:
    """The variables of a new shell."""
    # The package itself is above all layers: it is looked up when there is somebody to use it.
    package = importlib.import_module("pyerlnode")
    known = {name: getattr(package, name) for name in package.__all__}
    own = {"exit": Leave(), "quit": Leave(), "node": processes.node, "print": print}
    return {"__name__": "__console__", "__doc__": None, "__builtins__": builtins, **known, **own}


class Leaving(PyerlnodeError):
    """Somebody wants to leave the shell.  SystemExit would, in another process, end the node."""


class Leave:
    """`exit()` leaves the shell; `exit(pid, reason)` is what it is in every program."""

    def __repr__(self) -> str:
        return "exit() leaves this shell; exit(pid, reason) sends an exit signal"

    def __call__(self, *signal: Any) -> bool:
        if len(signal) == 2:
            return processes.exit(*signal)
        raise Leaving("exit() is for the prompt itself")


def print(*values: object, sep: str = " ", end: str = "\n", file: Any = None, flush: bool = False) -> None:
    """Python's own, to the terminal of the shell unless `file` says otherwise."""
    if file is not None:
        builtins.print(*values, sep=sep, end=end, file=file, flush=flush)
    else:
        _write(sep.join(map(str, values)) + end)


@forwarded
def _write(text: str) -> None:
    io.write_soon(this_process(), text)
