"""What is logged when a server or a process ends abnormally.

Everything goes to the logger `pyerlnode.otp`.  A record carries the fields of OTP's
report as attributes, so that a handler can do more than print: `server` (its name or
pid, as text), `pid`, `ancestors`, `last_message`, `state` (as text, cut), `reason` and
`client` (the caller's pid, None without one).  Where the group leader is on another
node, that node's logger gets OTP's own reports (report_terms.py).

Source: gen_server.erl, error_info; logger reports in otp's kernel manual.
Proof: tests/otp/test_report_terms.py, interop/test_crash_reports.py.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pyerlnode.otp import report_terms
from pyerlnode.otp.proc_lib import ANCESTORS
from pyerlnode.process.log_events import is_elsewhere, tell_group_leader
from pyerlnode.process.reasons import exc_info
from pyerlnode.term import Atom, Pid, Term, to_elixir
from pyerlnode.term.text import brief

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyerlnode.otp.report_terms import Event
    from pyerlnode.process import Process

__all__ = [
    "crashed",
    "init_failed",
    "is_quiet",
    "machine_terminated",
    "server_name",
    "terminated",
    "unexpected",
]

logger = logging.getLogger("pyerlnode.otp")


def is_quiet(reason: Term) -> bool:
    """Whether a process may end so without anybody being told: normal, shutdown, {shutdown, _}."""
    if type(reason) is Atom:
        return reason in ("normal", "shutdown")
    return type(reason) is tuple and len(reason) == 2 and reason[0] == "shutdown"


def server_name(process: Process) -> str:
    """Its name as Elixir prints it, or its pid."""
    return to_elixir(process.name or process.pid)


def terminated(
    process: Process,
    reason: Term,
    *,
    last_message: Term,
    state: object,
    client: Pid | None,
    error: BaseException | None,
    log: Term = (),
) -> None:
    """A server ended with a reason that is not quiet; `error` is what its callback raised, Exit too."""
    shown = brief(state)
    logger.error(
        "GenServer %s terminating\nReason: %s\nLast message%s: %s\nState: %s",
        server_name(process),
        brief(reason),
        "" if client is None else f" (from {to_elixir(client)})",
        brief(last_message),
        shown,
        exc_info=exc_info(error),
        extra=_fields(process, reason, last_message=last_message, state=shown, client=client),
    )
    if is_elsewhere(process):
        report = report_terms.server_terminated(
            process,
            reason,
            last_message=last_message,
            state=state,
            log=list(log),
            client=client,
            error=error,
        )
        _tell(process, report)
        _tell(process, report_terms.process_crash(process, reason, error))


def machine_terminated(
    process: Process,
    reason: Term,
    *,
    about: Mapping[str, Any],
    client: Pid | None,
    error: BaseException | None,
) -> None:
    """A state machine ended so; `about` has `state` (with the data), `queue`, `postponed` and so on."""
    shown, queue = brief(about["state"]), about["queue"]
    last = queue[0] if queue else None
    logger.error(
        "State machine %s terminating\nReason: %s\nEvent: %s\nState: %s",
        server_name(process),
        brief(reason),
        brief(last),
        shown,
        exc_info=exc_info(error),
        extra=_fields(process, reason, last_message=last, state=shown, client=client),
    )
    if is_elsewhere(process):
        _tell(
            process,
            report_terms.machine_terminated(process, reason, about=about, client=client, error=error),
        )
        _tell(process, report_terms.process_crash(process, reason, error))


def init_failed(process: Process, module: Atom, reason: Term, error: BaseException | None) -> None:
    """A start failed with a reason that is not quiet."""
    logger.error(
        "%s (%s) did not start\nReason: %s",
        server_name(process),
        module,
        brief(reason),
        exc_info=exc_info(error),
        extra=_fields(process, reason, last_message=None, state=None, client=None),
    )
    crashed(process, reason, error)


def crashed(process: Process, reason: Term, error: BaseException | None) -> None:
    """A process that proc_lib has started ended; this one is only for the group leader's node."""
    if is_elsewhere(process):
        _tell(process, report_terms.process_crash(process, reason, error))


def unexpected(process: Process, module: Atom, message: Term) -> None:
    """A message that the server has no clause for; it was dropped."""
    logger.error(
        "%s %s received unexpected message in handle_info/2: %s",
        module,
        server_name(process),
        brief(message),
        extra=_fields(process, None, last_message=message, state=None, client=None),
    )
    if is_elsewhere(process):
        _tell(process, report_terms.no_handle_info(process, module, message))


def _tell(process: Process, event: Event, level: str = "error") -> None:
    report, meta = event
    tell_group_leader(process, level, (report,), meta)


def _fields(process: Process, reason: Term, **more: Any) -> dict[str, Any]:
    ancestors = (process.dictionary or {}).get(ANCESTORS, [])
    return {
        "server": server_name(process),
        "pid": process.pid,
        "ancestors": ancestors,
        "reason": reason,
        **more,
    }
