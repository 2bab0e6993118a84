"""A log event goes to the node of the group leader, too.

What a process logs is shown where it is asked from: a function that a shell spawned on
this node has the shell's group leader, so the shell's node is told when it crashes.
There the event comes to the registered process `logger_proxy`, in one of two forms:

    {log, Level, Format, Args, Meta}
    {log, Level, Report, Meta}

Source: logger.erl and logger_proxy.erl of OTP's kernel; events of OTP 25 and 27 as they arrive.
Proof: tests/process/test_log_events.py, interop/test_crash_reports.py.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from pyerlnode.errors import TermEncodeError
from pyerlnode.term import Atom, Term, charlist, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyerlnode.process.process import Process

__all__ = ["is_elsewhere", "process_crashed", "tell_group_leader"]

_LOGGER, _LOG, _ERROR = Atom("logger_proxy"), Atom("log"), Atom("error")
_PID, _GROUP_LEADER, _TIME = Atom("pid"), Atom("gl"), Atom("time")
# The very text that Elixir's Logger knows and replaces with its own.
_CRASHED: Final = charlist("Error in process ~p on node ~p with exit value:~n~p~n")
_ABOUT_CRASHES: Final = {Atom("error_logger"): {Atom("emulator"): True, Atom("tag"): _ERROR}}


def is_elsewhere(process: Process) -> bool:
    """Whether the group leader of `process` is on another node, which is told what it logs."""
    return process.group_leader.node != process.runtime.name


def tell_group_leader(
    process: Process, level: str, message: tuple[Term, ...], meta: Mapping[Term, Term]
) -> None:
    """Send an event to the node of the group leader; nothing where that is this node.

    `message` is `(report,)` or `(format, args)`; `meta` what there is to say besides the pid,
    the group leader and the time.
    """
    if not is_elsewhere(process):
        return
    everything = {
        **meta,
        _PID: process.pid,
        _GROUP_LEADER: process.group_leader,
        _TIME: time.time_ns() // 1000,
    }
    to = (_LOGGER, process.group_leader.node)
    process.runtime.send(to, (_LOG, Atom(level), *message, everything), process)


def process_crashed(process: Process, reason: Term, text: str) -> None:
    """Tell of the end of a plain process with `reason`; `text` in its place if it cannot be sent."""
    if not is_elsewhere(process):
        return
    try:
        encode(reason)
    except (TermEncodeError, TypeError, ValueError):
        reason = text
    args = [process.pid, process.runtime.name, reason]
    tell_group_leader(process, "error", (_CRASHED, args), _ABOUT_CRASHES)
