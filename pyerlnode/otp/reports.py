"""What is logged when a server or a process ends abnormally.

Everything goes to the logger `pyerlnode.otp`.  A record carries the fields of OTP's
report as attributes, so that a handler can do more than print: `server` (its name or
pid, as text), `pid`, `last_message`, `state` (as text, cut), `reason` and `client`
(the caller's pid, None without one).

Source: gen_server.erl, error_info; logger reports in otp's kernel manual.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pyerlnode.otp.readable import shortened
from pyerlnode.term import Atom, Pid, Term, to_elixir

if TYPE_CHECKING:
    from pyerlnode.process import Process

__all__ = ["init_failed", "is_quiet", "server_name", "terminated", "unexpected"]

logger = logging.getLogger("pyerlnode.otp")

_MAX_TERM = 2000


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
) -> None:
    """A server ended with a reason that is not quiet."""
    message, shown = shortened(last_message), shortened(state)
    logger.error(
        "GenServer %s terminating\nReason: %s\nLast message%s: %s\nState: %s",
        server_name(process),
        _text(reason),
        "" if client is None else f" (from {to_elixir(client)})",
        message,
        shown,
        exc_info=error,
        extra=_fields(process, reason, last_message=last_message, state=shown, client=client),
    )


def init_failed(process: Process, module: Atom, reason: Term, error: BaseException | None) -> None:
    """A start failed with a reason that is not quiet."""
    logger.error(
        "%s (%s) did not start\nReason: %s",
        server_name(process),
        module,
        _text(reason),
        exc_info=error,
        extra=_fields(process, reason, last_message=None, state=None, client=None),
    )


def unexpected(process: Process, module: Atom, message: Term) -> None:
    """A message that the server has no clause for; it was dropped."""
    logger.error(
        "%s %s received unexpected message in handle_info/2: %s",
        module,
        server_name(process),
        shortened(message),
        extra=_fields(process, None, last_message=message, state=None, client=None),
    )


def _fields(process: Process, reason: Term, **more: Any) -> dict[str, Any]:
    return {"server": server_name(process), "pid": process.pid, "reason": reason, **more}


def _text(reason: Term) -> str:
    try:
        text = to_elixir(reason)
    except Exception:
        return shortened(reason)  # a Python object somewhere in it
    return text if len(text) <= _MAX_TERM else f"{text[:_MAX_TERM]}..."
