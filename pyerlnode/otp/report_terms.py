"""The reports of OTP and Elixir as terms, as their loggers on other nodes know them.

Each function returns the report and the metadata that go with it; what has no term is
shown as text.  `log_events` takes them to the node of the group leader.

Source: gen_server.erl and gen_statem.erl (error_info), proc_lib.erl (crash_report), supervisor.erl
(report_error), gen_server.ex and task/supervised.ex; events of OTP 25 and 27 as they
arrive at another node.
Proof: tests/otp/test_report_terms.py, interop/test_crash_reports.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyerlnode.errors import Exit, Throw
from pyerlnode.otp.proc_lib import ANCESTORS, INITIAL_CALL
from pyerlnode.otp.readable import readable
from pyerlnode.process.reasons import error_reason, stacktrace
from pyerlnode.term import Atom, Export, Pid, Term, charlist

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyerlnode.process import Process

__all__ = [
    "Event",
    "failure",
    "machine_terminated",
    "no_handle_info",
    "process_crash",
    "server_terminated",
    "supervisor",
    "task",
]

# What was logged, and what there is to say about it.
Event: TypeAlias = "tuple[dict[Term, Term], dict[Term, Term]]"

_UNDEFINED: Final = Atom("undefined")
_LABEL, _REPORT, _NAME, _DOMAIN = Atom("label"), Atom("report"), Atom("name"), Atom("domain")
_OTP, _SASL, _ELIXIR = Atom("otp"), Atom("sasl"), Atom("elixir")
_ERROR, _EXIT, _TAG, _TYPE = Atom("error"), Atom("exit"), Atom("tag"), Atom("type")
_REPORT_CB, _ERROR_LOGGER = Atom("report_cb"), Atom("error_logger")
_TITLE, _FORMATTER = Atom("title"), Atom("logger_formatter")
_PROCESS_LABEL = Atom("process_label")


def failure(reason: Term, error: BaseException | None) -> tuple[Atom, Term, list[Term]]:
    """Class, reason and stack of an end: of what was raised, or of a bare exit reason."""
    if error is None:
        return (_EXIT, reason, [])
    if isinstance(error, Exit):
        return (_EXIT, reason, stacktrace(error))
    if isinstance(error, Throw):
        return (_ERROR, (Atom("nocatch"), error.value), stacktrace(error))
    return (_ERROR, error_reason(error), stacktrace(error))


def server_terminated(
    process: Process,
    reason: Term,
    *,
    last_message: Term,
    state: Term,
    log: Term,
    client: Pid | None,
    error: BaseException | None,
) -> Event:
    """A gen_server ended with a reason that is not quiet; `error` is what its callback raised."""
    if isinstance(error, Exit):
        reason = (reason, stacktrace(error))
    report = {
        _LABEL: (Atom("gen_server"), Atom("terminate")),
        _NAME: process.name or process.pid,
        Atom("last_message"): readable(last_message),
        Atom("state"): readable(state),
        Atom("log"): readable(log),
        Atom("reason"): readable(reason),
        Atom("client_info"): _client_info(process, client),
        _PROCESS_LABEL: _UNDEFINED,
    }
    return report, {
        _DOMAIN: [_OTP],
        _REPORT_CB: _callback("gen_server"),
        _ERROR_LOGGER: {_TAG: _ERROR, _REPORT_CB: _callback("gen_server", arity=1)},
    }


def machine_terminated(
    process: Process,
    reason: Term,
    *,
    about: Mapping[str, Any],
    client: Pid | None,
    error: BaseException | None,
) -> Event:
    """A gen_statem ended with a reason that is not quiet; `about` has the fields that only machines have."""
    report: dict[Term, Term] = {
        _LABEL: (Atom("gen_statem"), Atom("terminate")),
        _NAME: process.name or process.pid,
        **{Atom(name): readable(value) for name, value in about.items()},
        Atom("reason"): readable(failure(reason, error)),
        Atom("client_info"): _client_info(process, client),
        _PROCESS_LABEL: _UNDEFINED,
    }
    return report, {
        _DOMAIN: [_OTP],
        _REPORT_CB: _callback("gen_statem"),
        _ERROR_LOGGER: {_TAG: _ERROR, _REPORT_CB: _callback("gen_statem", arity=1)},
    }


def process_crash(process: Process, reason: Term, error: BaseException | None) -> Event:
    """A process that proc_lib has started ended with a reason that is not quiet."""
    dictionary = process.dictionary or {}
    ancestors = dictionary.get(ANCESTORS, [])
    initial_call = dictionary.get(INITIAL_CALL)
    # Atoms, whatever the other keys are.
    others = [pair for pair in dictionary.items() if pair[0] is not ANCESTORS and pair[0] is not INITIAL_CALL]
    links = [] if process.links is None else process.links.active()
    own: list[Term] = [
        (Atom("initial_call"), _initial_call(initial_call)),
        (Atom("pid"), process.pid),
        (Atom("registered_name"), process.name or []),
        (_PROCESS_LABEL, _UNDEFINED),
        (Atom("error_info"), readable(failure(reason, error))),
        (Atom("ancestors"), readable(ancestors)),
        (Atom("message_queue_len"), len(process.mailbox or ())),
        (Atom("messages"), []),
        (Atom("links"), links),
        (Atom("dictionary"), [(readable(key), readable(value)) for key, value in others]),
        (Atom("trap_exit"), process.trap_exit),
        (Atom("status"), Atom("running")),
        # Python has no numbers for these that mean what a BEAM's do.
        (Atom("heap_size"), 0),
        (Atom("stack_size"), 0),
        (Atom("reductions"), 0),
    ]
    report: dict[Term, Term] = {_LABEL: (Atom("proc_lib"), Atom("crash")), _REPORT: [own, []]}
    meta = _sasl("crash_report", "CRASH REPORT")
    return report, {**meta, _REPORT_CB: Export(Atom("proc_lib"), Atom("report_cb"), 2)}


def supervisor(name: Term, context: str, pairs: list[tuple[Term, Term]]) -> Event:
    """What a supervisor has to say of a child; `pairs` are the fields after its name."""
    report: dict[Term, Term] = {
        _LABEL: (Atom("supervisor"), Atom(context)),
        _REPORT: [(Atom("supervisor"), name), *((key, readable(value)) for key, value in pairs)],
    }
    if context == "progress":
        meta = _sasl("progress", "PROGRESS REPORT", tag="info_report")
    else:
        meta = _sasl("supervisor_report", "SUPERVISOR REPORT")
    return report, {**meta, _REPORT_CB: _callback("supervisor")}


def no_handle_info(process: Process, module: Atom, message: Term) -> Event:
    """A message that a GenServer has no clause for."""
    about = {
        Atom("module"): module,
        Atom("message"): readable(message),
        _NAME: process.name or process.pid,
    }
    report = {_LABEL: (Atom("Elixir.GenServer"), Atom("no_handle_info")), _REPORT: about}
    return report, _elixir("Elixir.GenServer")


def task(
    process: Process, reason: Term, *, function: Term, args: list[Term], starter: Term, callers: Term
) -> Event:
    """A task ended with a reason that is not quiet, which is `{Reason, Stack}`."""
    about = {
        _NAME: process.name or process.pid,
        Atom("starter"): starter,
        Atom("function"): readable(function),
        Atom("args"): readable(args),
        Atom("reason"): readable(reason),
        _PROCESS_LABEL: _UNDEFINED,
    }
    report = {_LABEL: (Atom("Elixir.Task.Supervisor"), Atom("terminating")), _REPORT: about}
    return report, {**_elixir("Elixir.Task.Supervised"), Atom("callers"): callers}


def _client_info(process: Process, client: Pid | None) -> Term:
    if client is None:
        return _UNDEFINED
    if not process.runtime.is_local(client):
        return (client, Atom("remote"))
    caller = process.runtime.process(client)
    return (client, Atom("dead")) if caller is None else (client, (caller.name or client, []))


def _initial_call(call: Term) -> Term:
    """With names in the place of arguments: `{m, init, [:Argument__1]}`."""
    if type(call) is not tuple or len(call) != 3 or type(call[2]) is not int:
        return readable(call)
    return (call[0], call[1], [Atom(f"Argument__{n}") for n in range(1, call[2] + 1)])


def _callback(module: str, arity: int = 2) -> Export:
    """The function that prints such a report, where there is OTP to do it."""
    return Export(Atom(module), Atom("format_log"), arity)


def _sasl(kind: str, title: str, *, tag: str = "error_report") -> dict[Term, Term]:
    return {
        _DOMAIN: [_OTP, _SASL],
        _ERROR_LOGGER: {_TAG: Atom(tag), _TYPE: Atom(kind)},
        _FORMATTER: {_TITLE: charlist(title)},
    }


def _elixir(module: str) -> dict[Term, Term]:
    return {
        _DOMAIN: [_OTP, _ELIXIR],
        _ERROR_LOGGER: {_TAG: Atom("error_msg")},
        _REPORT_CB: Export(Atom(module), Atom("format_report"), 1),
    }
