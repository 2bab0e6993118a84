"""What is logged when a task crashes.

It goes to the logger `pyerlnode.otp`.  A record has the fields of Elixir's report
`{Task.Supervisor, terminating}` as attributes: `label`, `pid`, `starter` (the name or pid
of who asked for the task), `function` and `arguments`, `reason` (with the stack) and `callers`.
Where the group leader is on another node, that node's logger gets the report itself.

Source: invoke_mfa in task/supervised.ex of Elixir (1.18).
Proof: tests/otp/test_task_supervised.py, interop/test_tasks.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.otp import report_terms
from pyerlnode.otp.readable import readable, shortened
from pyerlnode.otp.reports import logger, server_name
from pyerlnode.process import error_reason, stacktrace
from pyerlnode.process.log_events import is_elsewhere, tell_group_leader
from pyerlnode.term import Atom, Term, to_elixir

if TYPE_CHECKING:
    from pyerlnode.otp.task.work import Work
    from pyerlnode.process import Process

__all__ = ["crashed"]

LABEL: Final = (Atom("Elixir.Task.Supervisor"), Atom("terminating"))

_NOCATCH = Atom("nocatch")


def crashed(process: Process, starter: Term, work: Work, callers: Term, error: Exception) -> None:
    """The task in `process` ended by `error`, with a reason that is not quiet."""
    function, args = work.running
    reason = (_bare(error), stacktrace(error))
    logger.error(
        "Task %s started from %s terminating\nReason: %s\nFunction: %s\n    Args: %s",
        server_name(process),
        _text(starter),
        _text(reason[0]),
        _text(function),
        _text(args),
        exc_info=None if _says_it_all(error) else error,
        extra={
            "label": LABEL,
            "pid": process.pid,
            "starter": starter,
            "function": function,
            # `args` is taken: logging keeps there what is put into the text.
            "arguments": args,
            "reason": reason,
            "callers": callers,
        },
    )
    if is_elsewhere(process):
        report, meta = report_terms.task(
            process,
            reason,
            function=function,
            args=args,
            starter=readable(starter),
            callers=readable(callers),
        )
        tell_group_leader(process, "error", (report,), meta)


def _says_it_all(error: Exception) -> bool:
    """Whether a Python traceback would show nothing but frames of this package."""
    return isinstance(error, Exit) or (isinstance(error, ErlangError) and error.stack is not None)


def _bare(error: Exception) -> Term:
    if isinstance(error, Exit):
        return error.reason
    return (_NOCATCH, error.value) if isinstance(error, Throw) else error_reason(error)


def _text(term: Term) -> str:
    try:
        return to_elixir(term)
    except Exception:
        return shortened(term)  # a Python object somewhere in it
