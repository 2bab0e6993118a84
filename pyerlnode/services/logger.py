"""The processes `logger` and `logger_proxy`: where other nodes send log events to.

A process logs at the node of its group leader, so a crash of a process that was spawned
from here, on a BEAM, is reported here:

    {log, Level, Format, Args, Meta}
    {log, Level, Report, Meta}

They go to the Python logger `pyerlnode.remote`, cut to a length that fits into a log, and
without control characters: a line of theirs never looks like one of this node's, nor
does anything to the terminal that shows it.

Source: logger_server.erl and logger_proxy.erl of OTP's kernel.
Proof: tests/services/test_logger.py.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pyerlnode.otp import GenServer, NoReply
from pyerlnode.otp.gen_server import spawn_server
from pyerlnode.term import Atom, Term
from pyerlnode.term.text import brief, harmless

if TYPE_CHECKING:
    from pyerlnode.node import Node

__all__ = ["Logger", "service"]

logger = logging.getLogger("pyerlnode.remote")

_LEVELS = {
    "emergency": logging.CRITICAL,
    "alert": logging.CRITICAL,
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "notice": logging.INFO,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}
_MAX_TEXT = 4000


class Logger(GenServer, module="logger"):
    """Writes what it is told to; everything else is dropped."""

    def handle_info(self, message: Term) -> Any:
        match message:
            case ("log", Atom() as level, text, list() as args, dict() as meta):
                log(level, f"{shown(text)} {shown(args)}" if args else shown(text), meta)
            case ("log", Atom() as level, report, dict() as meta):
                log(level, shown(report), meta)
        return NoReply()

    def handle_call(self, request: Term, caller: Any) -> Any:
        return NoReply()

    def handle_cast(self, request: Term) -> Any:
        return NoReply()


def log(level: str, text: str, meta: dict[Term, Term]) -> None:
    """One event, with the pid that it came from."""
    pid = meta.get("pid")
    logger.log(_LEVELS.get(level, logging.INFO), "%s: %s", brief(pid), text, extra={"pid": pid, "meta": meta})


def shown(term: Term) -> str:
    """Text as text, anything else in Elixir's notation; cut to a length that fits into a log."""
    text = _text(term)
    if text is None:
        return brief(term, _MAX_TEXT)
    return harmless(text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}...")


def _text(term: Term) -> str | None:
    """The beginning of a binary or a charlist, a character more than is shown; None for what is no text."""
    if type(term) is bytes:
        return term[: 4 * (_MAX_TEXT + 1)].decode("utf-8", "backslashreplace")
    if type(term) is not list or not term:
        return None
    start = term[: _MAX_TEXT + 1]
    if not all(type(char) is int and 0 < char < 0x110000 for char in start):
        return None
    return "".join(map(chr, start))


def service(node: Node) -> None:
    """Start both on `node`."""
    for name in ("logger", "logger_proxy"):
        spawn_server(node.runtime, Logger, name=name)
