"""The process that asks the terminal for lines until they are something that can run.

It is not the one that runs them: while it waits for a line, that one may end and another begin.

Proof: tests/services/test_shell.py.
"""

from __future__ import annotations

import ast
import codeop
import importlib.metadata
import platform
import warnings
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyerlnode.errors import ErlangError
from pyerlnode.services import io
from pyerlnode.services.shell import trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Input", "Reader"]

_INTERRUPTED: Final = "interrupted"


class Input(NamedTuple):
    """Something to run: `flags` are those of `compile`, with what `from __future__` imports asked for."""

    source: str
    filename: str
    flags: int


class Reader:
    """Reads inputs and hands them to `evaluate`, which says whether to go on."""

    def __init__(self, node: str, evaluate: Callable[[Input], Awaitable[bool]]) -> None:
        self._node = node
        self._evaluate = evaluate
        self._number = 1
        self._compile: Any = codeop.CommandCompiler()
        self._compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        # What codeop adds is for half a statement; here whole ones are compiled.
        self._unwanted = codeop.Compile().flags
        self.filenames: list[str] = []

    async def run(self) -> None:
        """Read until the end of the input, or until somebody wants to leave."""
        try:
            await io.puts(self._banner())
            while (typed := await self._input()) is not None:
                if typed.source.strip():
                    if not await self._evaluate(typed):
                        break
                    self._number += 1
        except ErlangError:
            return  # the terminal is gone

    def _banner(self) -> str:
        version = importlib.metadata.version("pyerlnode")
        return f"Python {platform.python_version()} in pyerlnode {version} - exit() leaves"

    async def _input(self) -> Input | None:
        """The next statement that is whole; None at the end."""
        lines: list[str] = []
        while True:
            try:
                line = await io.gets(self._prompt("..." if lines else "py"))
            except ErlangError as error:
                if error.reason != _INTERRUPTED:
                    raise
                lines.clear()
                continue
            if line is None:
                return None
            lines.append(line.rstrip("\r\n"))
            try:
                if self._is_whole("\n".join(lines)):
                    return self._made("\n".join(lines))
            except (SyntaxError, ValueError, OverflowError) as error:
                await io.write(trace.text(error.with_traceback(None)))
                lines.clear()

    def _prompt(self, what: str) -> str:
        return f"{what}({self._node}){self._number}> "

    def _is_whole(self, source: str) -> bool:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they would go to the log of the node
            return self._compile(source, f"<shell {self._number}>", "single") is not None

    def _made(self, source: str) -> Input:
        filename = f"<shell {self._number}>"
        self.filenames.append(filename)
        return Input(source + "\n", filename, self._compile.compiler.flags & ~self._unwanted)
