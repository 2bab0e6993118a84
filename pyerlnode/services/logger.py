"""The processes `logger` and `logger_proxy`: where other nodes send log events to.

A process logs at the node of its group leader, so a crash of a process that was spawned
from here, on a BEAM, is reported here:

    {log, Level, Format, Args, Meta}
    {log, Level, Report, Meta}

They go to the Python logger `pyerlnode.remote`.

Source: logger_server.erl and logger_proxy.erl of OTP's kernel.
Proof: tests/services/test_logger.py.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pyerlnode.otp import GenServer, NoReply
from pyerlnode.otp.gen_server import spawn_server
from pyerlnode.otp.readable import shortened
from pyerlnode.term import Atom, Pid, Term, to_erlang

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
    logger.log(_LEVELS.get(level, logging.INFO), "%s: %s", pid, text, extra={"pid": pid, "meta": meta})


def shown(term: Term) -> str:
    """Text as it is, anything else as Erlang prints it."""
    if type(term) is bytes:
        text = term.decode("utf-8", "backslashreplace")
    elif type(term) is list and term and all(type(c) is int and 0 < c < 0x110000 for c in term):
        text = "".join(map(chr, term))
    else:
        text = shortened(term) if isinstance(term, Pid) else to_erlang(term)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."


def service(node: Node) -> None:
    """Start both on `node`."""
    for name in ("logger", "logger_proxy"):
        spawn_server(node.runtime, Logger, name=name)
