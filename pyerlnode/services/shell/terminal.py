"""This program's terminal for a shell on another node: an I/O server with a line editor.

What a BEAM's shell wants done to the lines (`get_until` with a scanner, a format of its own) is done by
the BEAM itself: its functions are called there.  The end of the input is not told to the shell, which
might stop its whole node; the shell is left instead.

Source: group.erl and user_drv.erl of OTP's kernel.
Proof: tests/services/test_shell_terminal.py, interop/test_remsh.py.
"""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TextIO
from weakref import WeakSet

from pyerlnode.errors import ErlangError, Exit, PyerlnodeError, Throw
from pyerlnode.process import this_process
from pyerlnode.services import erpc, io, io_lib
from pyerlnode.services.user import USER, IoServer, LineReader
from pyerlnode.term import Atom, Pid, Term, charlist

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyerlnode.node import Node
    from pyerlnode.process import Process, Runtime

__all__ = ["RemoteTerminal", "is_one", "service"]

_ERROR, _INTERRUPTED = Atom("error"), Atom("interrupted")
# Seconds that a node may take to say what TAB adds.
_PATIENCE = 5.0

_terminals: WeakSet[Runtime] = WeakSet()


def is_one() -> bool:
    """Whether the caller's node is somebody's terminal."""
    return this_process().runtime in _terminals


def service(node: Node, peer: str) -> RemoteTerminal:
    """Be the terminal of shells on `peer`: in the place of the service `user`."""
    runtime = node.runtime
    terminal = RemoteTerminal(peer, sys.stdout, sys.stdin)
    process = runtime.spawn(terminal)
    process.trap_exit = True
    runtime.names.register(USER, process.pid)
    runtime.group_leader = process.group_leader = process.pid
    runtime.before_end = io.flush
    _terminals.add(runtime)
    return terminal


class _Interrupted(PyerlnodeError):
    """Ctrl-C was pressed while a line was read."""


class RemoteTerminal(IoServer):
    """Standard output and input for a shell on `peer`; `left` is set at the end of the input."""

    def __init__(self, peer: str, output: TextIO, source: TextIO) -> None:
        super().__init__(output, source)
        self.left = asyncio.Event()
        self.shell: Pid | None = None
        self.completes_by: tuple[str, str] = ("edlin_expand", "expand")
        self._peer = peer
        self._lines: LineReader | LineEditor | None = None
        self._typed: asyncio.Future[str] | None = None  # a line that somebody types
        self._interrupted: asyncio.Future[None] | None = None

    def start(self, process: Process) -> None:
        super().start(process)
        source = self._source
        if source is None:
            return
        on_screen = source.isatty() and self._output.isatty() and source is sys.stdin
        self._lines = LineEditor(self._expand) if on_screen else LineReader(source)

    def interrupt(self) -> None:
        """What is being read is given up; what is typed so far is for the next who reads."""
        if self._interrupted is not None and not self._interrupted.done():
            self._interrupted.set_result(None)

    async def _read(self, request: Term) -> Term:
        try:
            return await super()._read(request)
        except _Interrupted:
            return (_ERROR, _INTERRUPTED)

    async def _line(self, prompt: Term) -> str | None:
        if self._rest:
            line, self._rest = self._rest, ""
            return line
        line = await self._next(_prompt_text(prompt))
        if not line:
            self.left.set()
            await asyncio.get_running_loop().create_future()  # there is no answer any more
        return line

    async def _next(self, prompt: str) -> str:
        if self._typed is not None and self._typed.done():
            self._typed = None  # the end of a line that Ctrl-C was pressed in
        if self._typed is None:
            self._typed = asyncio.ensure_future(self._begun(prompt))
        else:
            self._outlet.write(prompt)  # the line editor has its own from before
        interrupted = self._interrupted = asyncio.get_running_loop().create_future()
        await asyncio.wait({self._typed, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        if not self._typed.done():
            raise _Interrupted("Ctrl-C")
        typed, self._typed = self._typed, None
        return typed.result()

    async def _begun(self, prompt: str) -> str:
        """A new line, behind its prompt."""
        if isinstance(self._lines, LineEditor):
            await self._outlet.drained()  # what was printed before stands above the prompt
            return await self._lines.line(prompt)
        self._outlet.write(prompt)
        return "" if self._lines is None else await self._lines.line()

    async def _until(
        self, prompt: Term, encoding: Term, module: Atom, function: Atom, extra: list[Term]
    ) -> Term:
        """Feed lines to a function of the shell's node until it has enough."""
        continuation: Term = []
        while True:
            line = await self._line(prompt)
            try:
                result = await erpc.call(
                    self._peer, module, function, [continuation, charlist(line or ""), *extra]
                )
            except (ErlangError, Exit, Throw):
                return (_ERROR, function)
            match result:
                case ("done", value, rest):
                    self._rest = "" if rest == "eof" else io_lib.chardata(rest)
                    return value
                case ("more", continuation):
                    continue
            return (_ERROR, function)

    async def _expand(self, before: str) -> tuple[str, list[str]]:
        """What the shell's node adds to a line, and what it would show."""
        args: list[Term] = [charlist(before[::-1])]
        module, function = self.completes_by
        if module != "edlin_expand":
            args.append(self.shell)
        try:
            match await erpc.call(self._peer, module, function, args, _PATIENCE):
                case (Atom(), insert, list() as choices):
                    return io_lib.chardata(insert), [_choice(each) for each in choices]
        except (ErlangError, Exit, Throw):
            pass  # it completes nothing, which is all that a person at TAB needs to see
        return "", []


def _choice(choice: Any) -> str:
    match choice:
        case (name, int() as arity):
            return f"{io_lib.chardata(name)}/{arity}"
        case (name, _):
            return io_lib.chardata(name)
    return io_lib.chardata(choice)


def _prompt_text(prompt: Term) -> str:
    match prompt:
        case ("format", template, args):
            return io_lib.format(template, args)
        case Atom():
            return str(prompt)
    return io_lib.chardata(prompt)


class LineEditor:
    """Lines from the terminal by Python's `readline`, in a thread: a person may take any time."""

    def __init__(self, expand: Callable[[str], Awaitable[tuple[str, list[str]]]]) -> None:
        self._expand = expand
        self._loop = asyncio.get_running_loop()
        self._wanted: queue.SimpleQueue[tuple[str, asyncio.Future[str]]] = queue.SimpleQueue()
        self._prompt = ""
        self._choices: list[str] = []
        run = copy_context().run  # so that what completes a line is asked in the name of the terminal
        threading.Thread(target=run, args=(self._run,), name="pyerlnode terminal", daemon=True).start()

    async def line(self, prompt: str) -> str:
        """The next line with its newline, empty at the end."""
        future: asyncio.Future[str] = self._loop.create_future()
        self._wanted.put((prompt, future))
        return await future

    def _run(self) -> None:
        self._set_up()
        while True:
            self._prompt, future = self._wanted.get()
            try:
                line = input(self._prompt) + "\n"
            except (EOFError, OSError, ValueError):
                line = ""
            try:
                self._loop.call_soon_threadsafe(_settle, future, line)
            except RuntimeError:
                return  # the loop is closed

    def _set_up(self) -> None:
        try:
            import readline
        except ImportError:
            return  # a Python without it: the terminal's own editing has to do
        readline.set_completer_delims("")
        readline.set_completer(self._complete)
        readline.set_completion_display_matches_hook(self._show)
        readline.parse_and_bind("tab: complete")
        readline.parse_and_bind("set show-all-if-ambiguous on")

    def _complete(self, text: str, state: int) -> str | None:
        if state == 0:
            insert, self._choices = self._ask(text)
            if insert:
                self._choices = []
                return text + insert
        # Two that differ at once: nothing is inserted, and the choices are shown.
        return f"{text}{state}" if self._choices and state < 2 else None

    def _ask(self, text: str) -> tuple[str, list[str]]:
        async def ask() -> tuple[str, list[str]]:
            return await self._expand(text)

        return asyncio.run_coroutine_threadsafe(ask(), self._loop).result()

    def _show(self, text: str, matches: object, longest: int) -> None:
        import readline

        shown = "  ".join(self._choices)
        sys.stdout.write(f"\n{shown}\n{self._prompt}{readline.get_line_buffer()}")
        sys.stdout.flush()


def _settle(future: asyncio.Future[str], line: str) -> None:
    if not future.done():
        future.set_result(line)
