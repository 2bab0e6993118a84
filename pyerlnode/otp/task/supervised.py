"""What runs in the process of a task.

A task is started in one of two ways.  `noreply` has its work from the start.  `reply` waits
for it: {OwnerPid, Ref, ReplyTo, Callers, {Module, Function, Args}} comes as a message, and
{Ref, Result} goes to ReplyTo.  Meanwhile it watches its owner, who may end or be cut off
before it has sent the work.

Source: task/supervised.ex of Elixir (1.18).
Proof: tests/otp/test_task_supervised.py, interop/test_tasks.py.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyerlnode.errors import ErlangError, Exit
from pyerlnode.otp import reports
from pyerlnode.otp.proc_lib import ANCESTORS, INITIAL_CALL, ancestors, link_new, put_origin
from pyerlnode.otp.task import report as task_report
from pyerlnode.otp.task.work import Work
from pyerlnode.process import demonitor, exit_reason, monitor
from pyerlnode.process.links import Links
from pyerlnode.process.monitors import DOWN
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from pyerlnode.process import Process

__all__ = [
    "CALLERS",
    "MONITOR",
    "TASK_SUPERVISED",
    "Owner",
    "callers_of",
    "owner_of",
    "spawn_noreply",
    "spawn_reply",
    "start_link",
]

# Who asked for a task: node, registered name or pid, pid.
Owner: TypeAlias = tuple[Term, Term, Pid]

CALLERS: Final = Atom("$callers")
MONITOR: Final = Atom("monitor")
TASK_SUPERVISED: Final = Atom("Elixir.Task.Supervised")

# How long a task waits for its work, in seconds: an owner that is cut off sends none, and
# does not end either.
WORK_TIMEOUT = 5.0

_START_LINK, _REPLY = Atom("start_link"), Atom("reply")
_UNDEF, _FUNCTION_CLAUSE = Atom("undef"), Atom("function_clause")
_SHUTDOWN, _TIMEOUT = Atom("shutdown"), Atom("timeout")


def owner_of(process: Process) -> Owner:
    """`process` as the owner of a task."""
    return (process.runtime.name, process.name or process.pid, process.pid)


def callers_of(process: Process) -> list[Term]:
    """`$callers` of what `process` asks for: it, and who asked it."""
    older = process.dictionary.get(CALLERS) if process.dictionary is not None else None
    return [process.pid, *(older if isinstance(older, list) else ())]


# --- starting -----------------------------------------------------------------------------


def start_link(parent: Process, *args: Any) -> Pid:
    """Start a task linked to `parent`, its supervisor, with the arguments of `Task.Supervised.start_link`.

    ErlangError for arguments that it has no clause for.
    """
    match args:
        case ((_, _, Pid()) as owner, "monitor"):
            return spawn_reply(parent, owner, watch=True)
        case ((_, _, Pid()) as owner, "nomonitor"):
            return spawn_reply(parent, owner, watch=False)
        case ((_, _, Pid()) as owner, callers, work):
            return spawn_noreply(parent, owner, callers, work, link=True)
    reason = _FUNCTION_CLAUSE if len(args) in (2, 3) else _UNDEF
    raise ErlangError(reason, [(TASK_SUPERVISED, _START_LINK, list(args), [])])


def spawn_reply(parent: Process, owner: Owner, *, watch: bool) -> Pid:
    """A task linked to `parent` that waits for its work; with `watch` not for ever."""
    process = _child(parent)
    Links.of(parent).link(process.pid)
    process.begin(_reply(process, owner, watch))
    return process.pid


def spawn_noreply(parent: Process, owner: Owner, callers: Term, work: Work | Term, *, link: bool) -> Pid:
    """A task that has its work and tells nobody what comes of it."""
    process = _child(parent)
    if link:
        link_new(parent, process)
    process.begin(_noreply(process, owner, callers, work))
    return process.pid


def _child(parent: Process) -> Process:
    parent.check_alive()
    process = parent.runtime.new_process(parent.group_leader)
    process.dictionary = {ANCESTORS: ancestors(parent)}
    return process


# --- running ------------------------------------------------------------------------------


async def _reply(process: Process, owner: Owner, watch: bool) -> None:
    _, ref, reply_to, callers, work = await _work(process, owner[2], watch)
    process.runtime.send(reply_to, (ref, await _invoke(process, owner, callers, work)), process)


async def _noreply(process: Process, owner: Owner, callers: Term, work: Work | Term) -> None:
    await _invoke(process, owner, callers, work)


async def _work(process: Process, owner: Pid, watch: bool) -> Any:
    """The message with the work; Exit if none comes."""
    ref = monitor(owner) if watch else None

    def match(message: Term) -> bool:
        return (
            type(message) is tuple and len(message) == 5 and (_is(message[0], owner) or _down(message, ref))
        )

    try:
        message = await process.receive(match, WORK_TIMEOUT if watch else None)
    except TimeoutError:
        raise Exit(_TIMEOUT) from None
    if message[0] is DOWN:
        raise Exit((_SHUTDOWN, message[4]))
    if ref is not None:
        demonitor(ref, flush=True)
    return message


def _is(sender: Term, owner: Pid) -> bool:
    return type(sender) is Pid and sender == owner


def _down(message: tuple[Term, ...], ref: Reference | None) -> bool:
    return ref is not None and message[0] is DOWN and type(message[1]) is Reference and message[1] == ref


async def _invoke(process: Process, owner: Owner, callers: Term, work: Work | Term) -> Any:
    """Do the work; what comes of it.  An end that is not quiet is reported, and is the exit reason."""
    todo = work if isinstance(work, Work) else Work.from_term(work)
    if todo is None:
        raise ErlangError(_FUNCTION_CLAUSE, [(TASK_SUPERVISED, _REPLY, [owner, callers, work], [])])
    put_origin(process, {INITIAL_CALL: todo.initial_call, CALLERS: callers})
    try:
        result = todo.call(process.runtime)
        return await result if inspect.isawaitable(result) else result
    except Exception as error:
        reason = exit_reason(error)
        quiet = isinstance(error, Exit) and reports.is_quiet(reason)
        if quiet or not process.alive:
            raise
        task_report.crashed(process, _starter(process, owner), todo, callers, error)
        raise Exit(reason) from None


def _starter(process: Process, owner: Owner) -> Term:
    """Who asked for the task, as a report names it."""
    node, name, pid = owner
    if node == process.runtime.name:
        return name
    return (node, name) if isinstance(name, Atom) else pid
