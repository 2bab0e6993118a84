"""What supervisors log: which child ended or did not start, and what they do about it.

Everything goes to the logger `pyerlnode.otp`.  A record has OTP's fields as attributes:
`supervisor` (its name as a term), `context` (`start_error`, `child_terminated`,
`shutdown_error` or `shutdown`), `reason`, and `offender`, the list of pairs that
describes the child.  Progress is of level info, with `started` in the place of `offender`.
A group leader on another node has that node's logger told in OTP's own form.

Source: supervisor.erl, report_error and report_progress; dynamic_supervisor.ex.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pyerlnode.otp import report_terms
from pyerlnode.otp.readable import readable
from pyerlnode.otp.supervisor.child import TEMPORARY
from pyerlnode.process.log_events import is_elsewhere, tell_group_leader
from pyerlnode.term import Atom, Pid, Term, charlist
from pyerlnode.term.text import brief

if TYPE_CHECKING:
    from pyerlnode.otp.supervisor.child import Child
    from pyerlnode.process import Process

__all__ = ["REACHED_MAX_RESTART_INTENSITY", "failed", "offender", "progress", "stray"]

logger = logging.getLogger("pyerlnode.otp")

REACHED_MAX_RESTART_INTENSITY = Atom("reached_max_restart_intensity")

_UNEXPECTED = charlist("Supervisor received unexpected message: ~tp~n")

_TEXTS = {
    "start_error": "did not start",
    "child_terminated": "terminated",
    "shutdown_error": "did not end as it was told to",
    "shutdown": "ended once too often, the supervisor ends",
}


def failed(
    process: Process, supervisor: Term, context: str, reason: Term, described: list[tuple[Term, Term]]
) -> None:
    """Something went wrong with a child of the supervisor that runs in `process`."""
    logger.error(
        "Child %s of supervisor %s %s\nReason: %s\nStart call: %s\nPid: %s",
        brief(_field(described, "id")),
        brief(supervisor),
        _TEXTS[context],
        brief(reason),
        brief(_field(described, "mfargs")),
        brief(_field(described, "pid")),
        extra={"supervisor": supervisor, "context": context, "reason": reason, "offender": described},
    )
    fields = [
        (Atom("errorContext"), Atom(context)),
        (Atom("reason"), reason),
        (Atom("offender"), described),
    ]
    _tell(process, "error", supervisor, context, fields)


def progress(process: Process, supervisor: Term, described: list[tuple[Term, Term]]) -> None:
    """A child has started."""
    if logger.isEnabledFor(logging.INFO):
        logger.info(
            "Child %s of supervisor %s started\nPid: %s\nStart call: %s",
            brief(_field(described, "id")),
            brief(supervisor),
            brief(_field(described, "pid")),
            brief(_field(described, "mfargs")),
            extra={"supervisor": supervisor, "context": "progress", "started": described},
        )
    _tell(process, "info", supervisor, "progress", [(Atom("started"), described)])


def stray(process: Process, supervisor: Term, message: Term) -> None:
    """A message that means nothing to a supervisor; it was dropped."""
    logger.error(
        "Supervisor %s received unexpected message: %s",
        brief(supervisor),
        brief(message),
        extra={"supervisor": supervisor, "last_message": message},
    )
    if is_elsewhere(process):
        meta = {Atom("error_logger"): {Atom("tag"): Atom("error")}, Atom("domain"): [Atom("otp")]}
        tell_group_leader(process, "error", (_UNEXPECTED, [readable(message)]), meta)


def _tell(
    process: Process, level: str, supervisor: Term, context: str, fields: list[tuple[Term, Term]]
) -> None:
    if is_elsewhere(process):
        report, meta = report_terms.supervisor(supervisor, context, fields)
        tell_group_leader(process, level, (report,), meta)


def offender(child: Child, pid: Pid | Term, *, dynamic: bool = False) -> list[tuple[Term, Term]]:
    """How a report describes a child, which had the pid `pid`."""
    mfargs: Term = child.start.mfa
    if dynamic and child.restart == TEMPORARY and isinstance(mfargs, tuple):
        mfargs = (*mfargs[:2], Atom("undefined"))  # Elixir's does not keep what it needs no more
    pairs: list[tuple[Term, Term]] = [
        (Atom("pid"), pid),
        (Atom("id"), Atom("undefined") if dynamic else child.id),
        (Atom("mfargs"), mfargs),
        (Atom("restart_type"), child.restart),
    ]
    if not dynamic:
        pairs.append((Atom("significant"), child.significant))
    return [*pairs, (Atom("shutdown"), child.shutdown), (Atom("child_type"), child.type)]


def _field(described: list[tuple[Term, Term]], name: str) -> Term:
    return next((value for key, value in described if key == name), None)
