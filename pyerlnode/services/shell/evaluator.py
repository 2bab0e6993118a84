"""The process that runs what was typed: `self()` at the prompt is its pid, and its mailbox is `flush`ed.

What is typed runs on the event loop, like everything in a node: `await` lets others run.

Proof: tests/services/test_shell.py.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from pyerlnode.services import io
from pyerlnode.services.shell import trace
from pyerlnode.services.shell.names import Leaving

if TYPE_CHECKING:
    from types import CodeType

    from pyerlnode.process import Process
    from pyerlnode.services.shell.reader import Input

__all__ = ["Evaluator"]

_NOTHING: Any = object()


class Evaluator:
    """Runs inputs one after the other in its process, over one namespace."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._inputs: asyncio.Queue[tuple[Input, asyncio.Future[bool]]] = asyncio.Queue()
        self._done: asyncio.Future[bool] | None = None
        self._interrupted = False
        self._process: Process

    async def evaluate(self, typed: Input) -> bool:
        """Have an input run; whether the shell goes on after it."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._inputs.put_nowait((typed, done))
        return await done

    async def run(self, process: Process) -> None:
        """What the process does until it is ended."""
        self._process = process
        while True:
            typed, self._done = await self._inputs.get()
            goes_on = await self._run(typed)
            done, self._done = self._done, None
            if not done.done():
                done.set_result(goes_on)

    def ended(self) -> None:
        """The process is dead; what it was busy with will not come to an end."""
        if self._done is not None and not self._done.done():
            self._done.set_result(True)

    def interrupt(self) -> None:
        """What runs now is to stop where it waits."""
        if self._done is not None and self._process.task is not None and not self._interrupted:
            self._interrupted = True
            self._process.task.cancel()

    async def _run(self, typed: Input) -> bool:
        try:
            value = await self._value(typed)
            if value is not None and value is not _NOTHING:
                self._namespace["_"] = value
                await io.puts(repr(value))
        except (Leaving, SystemExit):
            return False
        except asyncio.CancelledError as error:
            if not self._stopped_by_person():
                if not self._process.alive:
                    raise
                await io.write(trace.text(error))
            else:
                await io.puts("KeyboardInterrupt")
        except BaseException as error:
            if not self._process.alive:
                raise
            await io.write(trace.text(error))
        finally:
            self._interrupted = False
        return True

    def _stopped_by_person(self) -> bool:
        if not self._interrupted or not self._process.alive:
            return False
        if self._process.task is not None:
            self._process.task.uncancel()
        return True

    async def _value(self, typed: Input) -> Any:
        """Run all of it; the value of the last statement if that is an expression."""
        trace.remember(typed.filename, typed.source)
        value = _NOTHING
        for code in _compiled(typed):
            value = eval(code, self._namespace)  # the very purpose of a shell
            if code.co_flags & inspect.CO_COROUTINE:
                value = await value
        return value


def _compiled(typed: Input) -> list[CodeType]:
    """The statements, and the expression at the end by itself."""
    tree: Any = compile(
        typed.source, typed.filename, "exec", typed.flags | ast.PyCF_ONLY_AST, dont_inherit=True
    )
    codes: list[CodeType] = []
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    if tree.body:
        codes.append(compile(tree, typed.filename, "exec", typed.flags, dont_inherit=True))
    if last is not None:
        codes.append(
            compile(ast.Expression(last.value), typed.filename, "eval", typed.flags, dont_inherit=True)
        )
    return codes
