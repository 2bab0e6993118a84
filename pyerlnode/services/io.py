"""Output and input through the group leader: the I/O protocol as its client.

    await io.puts("Hi, my name is Kate")      a line on the console of whoever started this process
    name = await io.gets("name? ")            a line from there, with its newline; None at the end
    io.print("going on")                      in order with the others, but does not wait

A process's group leader is that of the process that spawned it, so what a function that
was spawned from `iex` prints appears in that `iex`, whatever node it runs on.

Source: stdlib user's guide, "The Erlang I/O Protocol"; io.erl.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from pyerlnode.errors import ErlangError
from pyerlnode.process import Process, Request, this_process
from pyerlnode.process.portal import forwarded
from pyerlnode.term import Atom, Pid, Reference, Term, to_elixir

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

__all__ = ["columns", "gets", "inspect", "print", "puts", "request", "write"]

IO_REQUEST: Final = Atom("io_request")
IO_REPLY: Final = Atom("io_reply")
PUT_CHARS: Final = Atom("put_chars")
UNICODE: Final = Atom("unicode")

_OK, _EOF, _ERROR = Atom("ok"), Atom("eof"), Atom("error")
_TERMINATED = Atom("terminated")
_REPLIES = Atom("pyerlnode_io_replies")

# What processes have printed since their last complete line.
_unfinished: WeakKeyDictionary[Process, str] = WeakKeyDictionary()


async def puts(text: object = "", device: Pid | str | None = None) -> Atom:
    """Write `text` (what is no text is shown as a term) and a newline; `ok`.

    Waits until the group leader (or `device`, a pid or a registered name) has taken it.
    ErlangError with the reason that it gives: `terminated` if it is gone.
    """
    await request((PUT_CHARS, UNICODE, f"{_text(text)}\n"), device)
    return _OK


async def write(text: object, device: Pid | str | None = None) -> Atom:
    """As `puts`, without the newline."""
    await request((PUT_CHARS, UNICODE, _text(text)), device)
    return _OK


async def inspect(term: Term, device: Pid | str | None = None) -> Term:
    """Write a term in Elixir's notation and a newline; the term."""
    await request((PUT_CHARS, UNICODE, f"{to_elixir(term)}\n"), device)
    return term


async def gets(prompt: str = "", device: Pid | str | None = None) -> str | None:
    """Ask for a line; with its newline, or None at the end of the input."""
    data = await request((Atom("get_line"), UNICODE, prompt), device)
    if data is _EOF:
        return None
    if isinstance(data, list):
        return "".join(map(chr, data))
    return data.decode() if isinstance(data, bytes) else str(data)


async def columns(device: Pid | str | None = None) -> int | None:
    """The width of the terminal in characters; None if it is none."""
    try:
        width = await request((Atom("get_geometry"), Atom("columns")), device)
    except ErlangError:
        return None
    return width if isinstance(width, int) else None


@forwarded
def print(*values: object, sep: str = " ", end: str = "\n") -> None:
    """Write as Python's `print` does, to the group leader, in order and without waiting.

    Works in `def` callbacks, too.  What the group leader says to it is not looked at.
    """
    process = this_process()
    flush(process)
    _tell(process, sep.join(map(_text, values)) + end)


def write_soon(process: Process, text: str) -> None:
    """What `sys.stdout` does with what `process` prints: a line is sent when it is complete.

    What is no line yet is sent before anything else that the process writes, before the
    process ends, or at the latest when the event loop gets control back.
    """
    waiting = process in _unfinished
    _unfinished[process] = _unfinished.get(process, "") + text
    if text.endswith("\n"):
        flush(process)
    elif not waiting:
        process.runtime.loop.call_soon(flush, process, context=process.runtime.context)


def flush(process: Process) -> None:
    """Send what `process` has printed and what is no complete line."""
    text = _unfinished.pop(process, None) if _unfinished else None
    if text and not process.runtime.stopping:
        _tell(process, text)


def _tell(process: Process, text: str) -> None:
    _ask(process, process.group_leader, process.runtime.make_ref(), (PUT_CHARS, UNICODE, text))


async def request(request: Term, device: Pid | str | None = None) -> Term:
    """Send any request of the I/O protocol and wait for its answer.

    ErlangError with the reason for `{error, Reason}`, and `terminated` if there is nobody.
    """
    process = this_process()
    process.check_may_wait("I/O")
    flush(process)
    to = process.group_leader if device is None else device
    item = to if isinstance(to, Pid) else (Atom(to), process.runtime.name)
    asked = Request(process, item)
    unseen = _replies(process.runtime).unseen
    unseen[asked.ref] = None
    try:
        if not asked.is_down:
            _ask(process, to, asked.ref, request)
        await asked.wait(None)
        # One that answered and ended at once: its end is seen first, the answer is there as well.
        answered: Any = asked.message if asked.replied else unseen[asked.ref]
    finally:
        asked.close()
        del unseen[asked.ref]
    if answered is None:
        raise ErlangError(_TERMINATED)
    answer = answered[2]
    if isinstance(answer, tuple) and len(answer) == 2 and answer[0] is _ERROR:
        raise ErlangError(answer[1])
    return answer


def _text(value: object) -> str:
    if isinstance(value, Atom):
        return str(value)
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return to_elixir(value)


def _ask(process: Process, to: Pid | str, ref: Reference, request: Term) -> None:
    # Answered to a process of our own, not to the asking one's mailbox: a GenServer would have to
    # sort the answer out of its mail, and a long mailbox would have to be searched for it.
    replies = _replies(process.runtime).pid
    process.runtime.send(to, (IO_REQUEST, replies, ref, _encoded(request)), process)


def _encoded(request: Term) -> Term:
    if not isinstance(request, tuple):
        return request
    # A text that cannot be UTF-8 (half a surrogate pair) is shown, not lost.
    return tuple(part.encode("utf-8", "backslashreplace") if type(part) is str else part for part in request)


class _Replies:
    """The process that answers of I/O servers go to: hands each to the request that waits for it."""

    def __init__(self) -> None:
        self.pid: Pid
        # Requests that are not over: the answer, if it came after the news of the server's end.
        self.unseen: dict[Reference, Term] = {}

    def start(self, process: Process) -> None:
        self._runtime = process.runtime

    def message(self, message: Term) -> None:
        if not (isinstance(message, tuple) and len(message) == 3 and message[0] is IO_REPLY):
            return
        ref = message[1]
        if not isinstance(ref, Reference):
            return
        target = self._runtime.aliases.get(ref)
        if target is not None:
            target.alias_message(message)
        elif ref in self.unseen:
            self.unseen[ref] = message


def _replies(runtime: Runtime) -> _Replies:
    process = runtime.registered_process(_REPLIES)
    if process is not None and isinstance(process.behaviour, _Replies):
        return process.behaviour
    replies = _Replies()
    replies.pid = runtime.spawn(replies).pid
    runtime.names.register(_REPLIES, replies.pid)
    return replies
