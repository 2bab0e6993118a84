"""The node's own terminal as an I/O server: the process `user`.

It is the group leader of every process that has inherited no other, and serves requests
of any node, among them the formats of `io:format`.  Lines of input are read in a thread,
so that a prompt keeps nothing else from running; requests that come meanwhile for output
are served at once.  Output that nobody takes, because a pipe is full, keeps only this server
and those that wait for its answer.

Source: stdlib user's guide, "The Erlang I/O Protocol"; group.erl.
Proof: tests/services/test_io.py, tests/services/test_full_pipe.py, interop/test_io.py.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import queue
import shutil
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, TextIO

from pyerlnode.errors import BadArg, ErlangError
from pyerlnode.services import io, io_lib
from pyerlnode.services.console import Terminal
from pyerlnode.services.outlet import Outlet
from pyerlnode.term import Atom, Export, Pid, Reference, Term, charlist

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from pyerlnode.node import Node
    from pyerlnode.process import Process

__all__ = ["IoServer", "service"]

logger = logging.getLogger("pyerlnode.io")

USER: Final = Atom("user")

_OK, _EOF, _ERROR = Atom("ok"), Atom("eof"), Atom("error")
_PUT_CHARS, _NO_TRANSLATION, _TERMINATED = Atom("put_chars"), Atom("no_translation"), Atom("terminated")
_IO_REQUEST, _IO_REPLY = Atom("io_request"), Atom("io_reply")
_ENOTSUP, _REQUEST = Atom("enotsup"), Atom("request")
_UNICODE, _LATIN1 = Atom("unicode"), Atom("latin1")
_READS = frozenset({"get_line", "get_chars", "get_until", "get_password"})
# Requests of one `{requests, List}` that are served before others get their turn.
_AT_ONCE = 64
# Requests of before Unicode have one element less: what they carry is Latin-1.
_OLD_SIZES = {"put_chars": (2, 4), "get_line": (2,), "get_chars": (3,), "get_until": (5,)}


class IoServer:
    """Serves the I/O protocol on two text streams; a `Behaviour`."""

    def __init__(self, output: TextIO, source: TextIO | None) -> None:
        self._output = output
        self._outlet = output if isinstance(output, Terminal) else Outlet(output)
        self._source = source
        self._binary = False
        self._encoding = _UNICODE
        self._process: Process
        self._reader: LineReader | None = None
        self._reading: asyncio.Future[None] | None = None
        self._rest = ""  # of a line that get_chars has read in part

    def start(self, process: Process) -> None:
        self._process = process

    def message(self, message: Term) -> Coroutine[Any, Any, None] | None:
        """Answer a request; anything else is dropped."""
        if not (isinstance(message, tuple) and len(message) == 4 and message[0] is _IO_REQUEST):
            return None
        _, sender, reply_as, request = message
        if not isinstance(sender, (Pid, Reference)):
            return None
        if not _reads(request):
            return self._serve(sender, reply_as, request)
        self._read_later(sender, reply_as, request)
        return None

    async def _serve(self, sender: Pid | Reference, reply_as: Term, request: Term) -> None:
        self._reply(sender, reply_as, await self._all(request, self._answer))

    async def _all(self, request: Term, serve: Callable[[Term], Awaitable[Term]]) -> Term:
        """Each request in turn, up to the first that fails; the last answer."""
        answer: Term = _OK
        for count, each in enumerate(_single(request), 1):
            answer = await serve(each)
            if _is_error(answer):
                break
            if count % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return answer

    def _reply(self, sender: Pid | Reference, reply_as: Term, answer: Term) -> None:
        self._process.runtime.send(sender, (_IO_REPLY, reply_as, answer), self._process)

    # --- output and settings --------------------------------------------------------

    async def _answer(self, request: Term) -> Term:
        match request:
            case ("put_chars", *_):
                return await self._put_chars(_with_encoding(request))
            case ("get_geometry", "columns" | "rows" as side):
                return self._geometry(side)
            case "getopts":
                return self._options()
            case ("setopts", list() as options):
                return self._set_options(options)
            case _:
                return (_ERROR, _REQUEST)

    async def _put_chars(self, request: tuple[Term, ...]) -> Term:
        try:
            text = self._text(request)
        except ErlangError:
            # As group.erl says it: the function that failed, or the whole request.
            return (_ERROR, request[3] if len(request) == 5 else request)
        except Exception:
            logger.exception("a function that was to make text for the terminal failed")
            return (_ERROR, request[3] if len(request) == 5 else request)
        try:
            self._outlet.write(text)
            await self._outlet.drained()
        except (OSError, ValueError):
            return (_ERROR, _TERMINATED)
        return _OK

    def _text(self, request: tuple[Term, ...]) -> str:
        match request:
            case ("put_chars", "unicode" | "utf8", chars):
                text = io_lib.chardata(chars)
            case ("put_chars", "latin1", chars):
                text = io_lib.latin1(chars)
            case ("put_chars", _, "io_lib", "format" | "fwrite", [template, args]):
                text = io_lib.format(template, args)
            case ("put_chars", _, Atom() as module, Atom() as function, list() as args):
                text = io_lib.chardata(self._apply(module, function, args))
            case _:
                raise BadArg("no request for output")
        encoding = self._output.encoding or "utf-8"
        return text.encode(encoding, "backslashreplace").decode(encoding)

    def _apply(self, module: Atom, function: Atom, args: list[Term]) -> Term:
        applied = self._process.runtime.apply_hook(Export(module, function, len(args)), args)
        if inspect.iscoroutine(applied):
            applied.close()
            raise BadArg(f"{module}:{function} waits, and a terminal must not")
        return applied

    def _geometry(self, side: str) -> Term:
        if not self._output.isatty():
            return (_ERROR, _ENOTSUP)
        size = shutil.get_terminal_size()
        return size.columns if side == "columns" else size.lines

    def _options(self) -> Term:
        return [
            (Atom("binary"), self._binary),
            (Atom("encoding"), self._encoding),
            (Atom("echo"), True),
            (Atom("terminal"), self._output.isatty()),
            (Atom("stdin"), _is_terminal(self._source)),
            (Atom("stdout"), self._output.isatty()),
            (Atom("stderr"), _is_terminal(sys.stderr)),
        ]

    def _set_options(self, options: list[Term]) -> Term:
        for option in options:
            match option:
                case "binary" | ("binary", True):
                    self._binary = True
                case "list" | ("binary", False):
                    self._binary = False
                case ("encoding", "unicode" | "utf8" | "latin1" as encoding):
                    self._encoding = _LATIN1 if encoding == "latin1" else _UNICODE
                case ("echo", True) | ("expand_fun" | "line_history" | "log", _):
                    pass  # there is no line editor here
                case _:
                    return (_ERROR, _ENOTSUP)
        return _OK

    # --- input ------------------------------------------------------------------------

    def _read_later(self, sender: Pid | Reference, reply_as: Term, request: Term) -> None:
        before = self._reading

        async def read() -> None:
            # One after the other, in the order in which they were asked for.
            if before is not None:
                await asyncio.wait([before])
            answer = await self._all(request, self._read)
            if self._process.alive:
                self._reply(sender, reply_as, answer)

        self._reading = self._process.runtime.loop.create_task(read())

    async def _read(self, request: Term) -> Term:
        if not isinstance(request, tuple) or not _reads(request):
            return await self._answer(request)
        request = _with_encoding(request)
        try:
            match request:
                case ("get_line", encoding, prompt):
                    return self._data(await self._line(prompt), encoding)
                case ("get_chars", encoding, prompt, int() as count) if count > 0:
                    return self._data(await self._characters(prompt, count), encoding)
                case ("get_until", encoding, prompt, Atom() as module, Atom() as function, list() as extra):
                    return await self._until(prompt, encoding, module, function, extra)
        except (OSError, ValueError):
            return (_ERROR, _TERMINATED)
        return (_ERROR, _ENOTSUP if request[0] == "get_password" else _REQUEST)

    def _data(self, text: str | None, encoding: Term) -> Term:
        """What was read, as the asker's encoding and the option `binary` have it."""
        if text is None:
            return _EOF
        if encoding == "latin1":
            try:
                data = text.encode("latin-1")
            except UnicodeEncodeError:
                return (_ERROR, (_NO_TRANSLATION, _UNICODE, _LATIN1))
            return data if self._binary else list(data)
        return text.encode() if self._binary else charlist(text)

    async def _line(self, prompt: Term) -> str | None:
        if self._rest:
            line, self._rest = self._rest, ""
            return line
        if self._source is None:
            return None
        await self._put_chars(_prompt(prompt))
        if self._reader is None:
            self._reader = LineReader(self._source)
        return await self._reader.line() or None

    async def _characters(self, prompt: Term, count: int) -> str | None:
        text = ""
        while len(text) < count:
            line = await self._line(prompt)
            if line is None:
                break
            text += line
        text, self._rest = text[:count], text[count:]
        return text or None

    async def _until(
        self, prompt: Term, encoding: Term, module: Atom, function: Atom, extra: list[Term]
    ) -> Term:
        """Feed lines to a function of this node until it has enough: `{done, Result, Rest}`."""
        continuation: Term = []
        while True:
            line = await self._line(prompt)
            data: Term = _EOF if line is None else charlist(line)
            try:
                match self._apply(module, function, [continuation, data, *extra]):
                    case ("done", result, rest):
                        self._rest = "" if rest == "eof" else io_lib.chardata(rest)
                        return result
                    case ("more", continuation) if line is not None:
                        continue
            except ErlangError:
                pass
            except Exception:
                logger.exception("a function that was to take what the terminal gave failed")
            return (_ERROR, function)


class LineReader:
    """Lines of a text stream, read in a thread: one that waits for a person must not hold up the node.

    The thread ends with the program, also in the middle of a line.
    """

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self._wanted: queue.SimpleQueue[asyncio.Future[str]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="pyerlnode standard input", daemon=True).start()

    async def line(self) -> str:
        """The next line with its newline, empty at the end; raises what reading raises."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._wanted.put(future)
        return await future

    def _run(self) -> None:
        while True:
            future = self._wanted.get()
            try:
                line, error = self._source.readline(), None
            except Exception as failed:
                line, error = "", failed
            try:
                future.get_loop().call_soon_threadsafe(_settle, future, line, error)
            except RuntimeError:
                return  # the loop is closed


def _settle(future: asyncio.Future[str], line: str, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(line)


def _reads(request: Term) -> bool:
    """Whether serving a request takes input."""
    return any(
        isinstance(each, tuple) and bool(each) and isinstance(each[0], Atom) and each[0] in _READS
        for each in _single(request)
    )


def _single(request: Term) -> Iterator[Term]:
    """The requests that a request consists of, in order: `{requests, List}` may hold further ones."""
    stack = [iter([request])]
    while stack:
        for each in stack[-1]:
            if isinstance(each, tuple) and len(each) == 2 and each[0] == "requests" and type(each[1]) is list:
                stack.append(iter(each[1]))
                break
            yield each
        else:
            stack.pop()


def _is_error(answer: Term) -> bool:
    return isinstance(answer, tuple) and len(answer) == 2 and answer[0] is _ERROR


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False  # it is closed


def _prompt(prompt: Term) -> tuple[Term, ...]:
    """The request that prints a prompt."""
    match prompt:
        case ("format", template, args):
            return (_PUT_CHARS, _UNICODE, Atom("io_lib"), Atom("format"), [template, args])
        case Atom():
            return (_PUT_CHARS, _UNICODE, str(prompt).encode())
    return (_PUT_CHARS, _UNICODE, prompt)


def _with_encoding(request: tuple[Term, ...]) -> tuple[Term, ...]:
    if len(request) in _OLD_SIZES.get(request[0], ()):
        return (request[0], _LATIN1, *request[1:])
    return request


def service(node: Node, output: TextIO | None = None, source: TextIO | None = None) -> None:
    """Start `user` on standard output and input, and make it everybody's group leader."""
    runtime = node.runtime
    # Under `pyerlnode run`, what `sys.stdout` is sends the output of processes here.
    real: Any = output or getattr(sys.stdout, "terminal", sys.stdout)
    process = runtime.spawn(IoServer(real, source or getattr(sys.stdin, "terminal", sys.stdin)))
    process.trap_exit = True  # a peer that links to it and goes must not take it along
    process.async_dist = True  # nor must one that does not read its answers keep it from others
    runtime.names.register(USER, process.pid)
    runtime.group_leader = process.pid
    runtime.before_end = io.flush
