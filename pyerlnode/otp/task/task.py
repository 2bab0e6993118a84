"""Task: a function in a process of its own, and what comes of it.

    task = await Task.async_(fetch, url)                     linked to the caller
    page = await Task.await_(task, timeout=5.0)              Exit if it crashed, CallTimeout if it is late

    async for result in Task.async_stream(urls, fetch, max_concurrency=10):
        match result:
            case ("ok", page): ...
            case ("exit", reason): ...                       only in a caller that traps exits

Everything but `async_stream` and `child` is to be awaited.  A function is `def` or
`async def`, given with its arguments; or an `Export` with its arguments; or module,
function and a list of arguments: `Task.async_("Elixir.Chat", "receive_message", ["hi"])`.

The answer and the end of a task are messages to its owner, as in Elixir: `(ref, value)` and
`("DOWN", ref, "process", pid, reason)`, with `task.ref`.  A server that has no time to wait
takes them in `handle_info`.  When nobody waits for an answer any more it reaches nobody:
the reference is an alias.

Source: task.ex of Elixir (1.18).
Proof: tests/otp/test_task.py, interop/test_tasks.py.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg, CallTimeout, Exit, NodeDown, NoProc, UsageError
from pyerlnode.otp.gen import in_call, milliseconds
from pyerlnode.otp.results import check_timeout
from pyerlnode.otp.supervisor.child import Start
from pyerlnode.otp.supervisor.child_spec import ChildSpec
from pyerlnode.otp.task.stream import StreamOptions, stream
from pyerlnode.otp.task.supervised import callers_of, owner_of, spawn_noreply, spawn_reply
from pyerlnode.otp.task.work import Work
from pyerlnode.process import Request, demonitor, exit, monitor, this_process, unlink
from pyerlnode.process.monitors import DOWN
from pyerlnode.process.process import KILL, KILLED, NOPROC
from pyerlnode.term import Atom, Pid, Reference, Term, struct

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence

    from pyerlnode.otp.task.supervised import Owner
    from pyerlnode.process import Process

__all__ = ["Task"]

TASK: Final = Atom("Elixir.Task")
TIMEOUT: Final = 5.0

_OK, _EXIT, _TIMEOUT, _SHUTDOWN = Atom("ok"), Atom("exit"), Atom("timeout"), Atom("shutdown")
_NOCONNECTION, _NODEDOWN = Atom("noconnection"), Atom("nodedown")


@struct("Elixir.Task")
@dataclass(frozen=True)
class Task:
    """A task that is under way: `pid` runs it (None: nobody does) and answers `owner` by `ref`.

    It is Elixir's `%Task{}` to other nodes; `mfa` is module, function and arity.
    """

    mfa: tuple[Atom, Atom, int]
    owner: Pid
    pid: Pid | None
    ref: Reference

    # --- starting -----------------------------------------------------------------------

    @staticmethod
    async def async_(function: Any, *args: Any) -> Task:
        """Start a task whose result is awaited; it and the caller are linked."""
        work, process = Work.of(function, args), this_process()
        pid = spawn_reply(process, owner_of(process), watch=False)
        return begin(process, pid, work, work)

    @staticmethod
    async def start(function: Any, *args: Any) -> Pid:
        """Start a task that nobody waits for, linked to nobody; its pid."""
        return _start(Work.of(function, args), link=False)

    @staticmethod
    async def start_link(function: Any, *args: Any) -> Pid:
        """As `start`, linked to the caller; what stands in a supervisor."""
        return _start(Work.of(function, args), link=True)

    @staticmethod
    async def completed(value: Any) -> Task:
        """A task that has its result already and no process."""
        process = this_process()
        ref = process.runtime.make_ref()
        process.runtime.send(process.pid, (ref, value), process)
        return Task((TASK, Atom("completed"), 1), process.pid, None, ref)

    @staticmethod
    def child(function: Any, *args: Any, id: Term = TASK) -> ChildSpec:
        """The specification of a task under a supervisor, which does not start it again."""
        module, name, given = Work.of(function, args).mfa
        start = Start((TASK, Atom("start_link"), [module, name, given]), Task.start_link, (function, *args))
        return ChildSpec(id, start, restart="temporary")

    child_spec = child

    # --- waiting ------------------------------------------------------------------------

    @staticmethod
    async def await_(task: Task, timeout: float | None = TIMEOUT) -> Any:
        """What the task gave, once, within `timeout` seconds (None: for ever).

        Exit `{Reason, {Task, await, [Task, Milliseconds]}}` where it ended without, NodeDown
        where its node is gone, CallTimeout where it takes longer: it goes on then, unless
        that ends the caller and the two are linked.  UsageError for the task of another
        process.
        """
        process = _asked_by_owner(task)
        check_timeout(timeout)
        message = await _next(process, (task.ref,), timeout)
        if message is not None and len(message) == 2:
            demonitor(task.ref, flush=True)
            return message[1]
        if message is None:
            demonitor(task.ref, flush=True)
            error: Exit = CallTimeout(_TIMEOUT)
        else:
            error = _failure(message)
        raise in_call(error, TASK, Atom("await"), [task, milliseconds(timeout)])

    @staticmethod
    async def await_many(tasks: Sequence[Task], timeout: float | None = TIMEOUT) -> list[Any]:
        """What the tasks gave, in their order, all within `timeout` seconds; Exit as `await_`."""
        pending = _by_reference(tasks)
        process = this_process()
        replies: dict[Reference, Any] = {}
        deadline = _deadline(process, timeout)
        while pending:
            message = await _next(process, pending, _left(process, deadline))
            if message is None or len(message) == 5:
                for ref in pending:
                    _give_up(process, ref)
                error = CallTimeout(_TIMEOUT) if message is None else _failure(message)
                raise in_call(error, TASK, Atom("await_many"), [list(tasks), milliseconds(timeout)])
            ref, replies[message[0]] = message
            demonitor(ref, flush=True)
            del pending[ref]
        return [replies[task.ref] for task in tasks]

    @staticmethod
    async def yield_(task: Task, timeout: float | None = TIMEOUT) -> tuple[Atom, Any] | None:
        """`("ok", value)`, `("exit", reason)`, or None if it still runs after `timeout` seconds.

        A task of a node that is lost is NodeDown.
        """
        process = _asked_by_owner(task)
        check_timeout(timeout)
        message = await _next(process, (task.ref,), timeout)
        try:
            return None if message is None else _outcome(message)
        except NodeDown as error:
            raise in_call(error, TASK, Atom("yield"), [task, milliseconds(timeout)]) from None

    @staticmethod
    async def yield_many(
        tasks: Sequence[Task],
        timeout: float | None = TIMEOUT,
        *,
        limit: int | None = None,
        on_timeout: str = "nothing",
    ) -> list[tuple[Task, tuple[Atom, Any] | None]]:
        """Each task with what `yield_` gives for it, as far as that came within `timeout` seconds.

        With `limit` the wait is over when so many have ended.  `on_timeout` says what happens
        to those that are late: `nothing`, `ignore` or `kill_task`.
        """
        if on_timeout not in ("nothing", "ignore", "kill_task"):
            raise BadArg(f"on_timeout: nothing, ignore or kill_task is wanted, not {on_timeout!r}")
        if limit is not None and (type(limit) is not int or limit < 0):
            raise BadArg(f"limit: an integer from 0 on is wanted, not {limit!r}")
        pending = _by_reference(tasks)
        process = this_process()
        deadline, most = _deadline(process, timeout), len(pending) if limit is None else limit
        try:
            outcomes = await _outcomes(process, pending, most, deadline)
        except NodeDown as error:
            args = [list(tasks), milliseconds(timeout)]
            raise in_call(error, TASK, Atom("yield_many"), args) from None
        if len(outcomes) < most:
            for task in pending.values():
                if on_timeout == "ignore":
                    outcomes[task.ref] = await Task.ignore(task)
                elif on_timeout == "kill_task":
                    outcomes[task.ref] = await Task.shutdown(task, KILL_AT_ONCE)
        return [(task, outcomes.get(task.ref)) for task in tasks]

    @staticmethod
    async def ignore(task: Task) -> tuple[Atom, Any] | None:
        """Let the task go on by itself, unlinked; as `yield_` if it has ended already."""
        process = _asked_by_owner(task)
        message = _take(process, task.ref)
        if message is None or len(message) == 2:
            if task.pid is not None:
                unlink(task.pid)
            demonitor(task.ref, flush=True)
            return None if message is None else (_OK, message[1])
        try:
            return _outcome(message)
        except NodeDown as error:
            raise in_call(error, TASK, Atom("ignore"), [task]) from None

    @staticmethod
    async def shutdown(task: Task, timeout: float | str | None = TIMEOUT) -> tuple[Atom, Any] | None:
        """End the task: exit signal `shutdown`, and `kill` after `timeout` seconds, or "brutal_kill".

        None, or as `yield_` if it had ended already, or ended with another reason than it
        was told.  Nothing of it is left in the mailbox.
        """
        process = _asked_by_owner(task)
        if not isinstance(timeout, str):
            check_timeout(timeout)
        elif timeout != KILL_AT_ONCE:
            raise BadArg(f"a timeout is a number of seconds, None or {KILL_AT_ONCE}, not {timeout!r}")
        if task.pid is None:
            return await Task.ignore(task)
        try:
            return await _shut_down(process, task, task.pid, timeout)
        except NodeDown as error:
            given = Atom(timeout) if isinstance(timeout, str) else milliseconds(timeout)
            raise in_call(error, TASK, _SHUTDOWN, [task, given]) from None

    # --- many ---------------------------------------------------------------------------

    @staticmethod
    def async_stream(
        iterable: Iterable[Any] | AsyncIterable[Any],
        function: Any,
        *args: Any,
        max_concurrency: int | None = None,
        ordered: bool = True,
        timeout: float | None = TIMEOUT,
        on_timeout: str = "exit",
        zip_input_on_exit: bool = False,
    ) -> AsyncGenerator[tuple[Atom, Any], None]:
        """Call `function(value, *args)` for each value, in tasks; their results, to be iterated over.

        At most `max_concurrency` (as many as there are processors) run at the same time.  A
        result is `("ok", value)`; or `("exit", reason)` in a caller that traps exits, for
        others the crash of a task is their own; with `zip_input_on_exit` the reason is
        `(input, reason)`.  They come in the order of the values, unless `ordered` is False.
        A task that runs for longer than `timeout` seconds is killed, and the iteration ends
        with CallTimeout; with `on_timeout="kill_task"` it is `("exit", "timeout")` instead.
        """
        options = StreamOptions(max_concurrency, ordered, timeout, on_timeout, zip_input_on_exit)
        return stream(iterable, Work.of(function, args, before=1), options, _begin_linked)


KILL_AT_ONCE: Final = "brutal_kill"


# --- starting -------------------------------------------------------------------------------


def begin(process: Process, pid: Pid, work: Work, sent: Any) -> Task:
    """Watch the task in `pid` and give it its work, in the form that its node takes."""
    ref = monitor(pid, alias="demonitor")
    process.runtime.send(pid, (process.pid, ref, ref, callers_of(process), sent), process)
    return Task(work.arity, process.pid, pid, ref)


def _start(work: Work, *, link: bool) -> Pid:
    process = this_process()
    return spawn_noreply(process, owner_of(process), callers_of(process), work, link=link)


async def _begin_linked(process: Process, owner: Owner) -> tuple[Pid, bool]:
    return spawn_reply(process, owner, watch=False), True


# --- messages -------------------------------------------------------------------------------


def _asked_by_owner(task: Task) -> Process:
    """The calling process, which must be the owner."""
    process = this_process()
    if not isinstance(task, Task):
        raise BadArg(f"a Task is wanted, not {task!r}")
    if task.owner != process.pid:
        raise UsageError(f"{task} must be asked about by its owner, not by {process.pid}")
    return process


def _by_reference(tasks: Sequence[Task]) -> dict[Reference, Task]:
    if not isinstance(tasks, Collection):
        raise BadArg(f"a list of tasks is wanted, not {tasks!r}")
    for task in tasks:
        _asked_by_owner(task)
    return {task.ref: task for task in tasks}


def _is_of(message: Term, refs: Collection[Reference]) -> bool:
    """Whether it is `{Ref, Reply}` or the DOWN of one of these tasks."""
    if type(message) is not tuple:
        return False
    if len(message) == 2:
        return type(message[0]) is Reference and message[0] in refs
    return len(message) == 5 and message[0] is DOWN and type(message[1]) is Reference and message[1] in refs


async def _next(
    process: Process, refs: Collection[Reference], timeout: float | None
) -> tuple[Any, ...] | None:
    """The next message of one of these tasks; None if none comes in time."""
    process.check_may_wait("waiting for a task")
    try:
        message: Any = await process.receive(lambda message: _is_of(message, refs), timeout)
    except TimeoutError:
        return None
    found: tuple[Any, ...] = message
    return found


async def _outcomes(
    process: Process, pending: dict[Reference, Task], most: int, deadline: float | None
) -> dict[Reference, tuple[Atom, Any] | None]:
    """What the first `most` tasks give, taking them out of `pending`; fewer when the time is over."""
    outcomes: dict[Reference, tuple[Atom, Any] | None] = {}
    while pending and len(outcomes) < most:
        message = await _next(process, pending, _left(process, deadline))
        if message is None:
            break
        ref = message[0] if len(message) == 2 else message[1]
        outcomes[ref] = _outcome(message)
        del pending[ref]
    return outcomes


def _take(process: Process, ref: Reference) -> tuple[Any, ...] | None:
    """What the mailbox has of a task already."""
    found: list[Any] = []

    def match(message: Term) -> bool:
        if _is_of(message, (ref,)):
            found.append(message)
        return bool(found)

    if process.mailbox is not None:
        process.mailbox.remove(match)
    return found[0] if found else None


def _give_up(process: Process, ref: Reference) -> None:
    """Nothing of this task is to come any more, nor to be in the mailbox."""
    demonitor(ref, flush=True)
    _take(process, ref)


def _outcome(message: tuple[Any, ...]) -> tuple[Atom, Any]:
    """`("ok", value)` or `("exit", reason)`; NodeDown with the bare reason."""
    if len(message) == 2:
        demonitor(message[0], flush=True)
        return (_OK, message[1])
    if message[4] is _NOCONNECTION:
        raise _failure(message)
    return (_EXIT, message[4])


def _failure(down: tuple[Any, ...]) -> Exit:
    """The exit for a DOWN message, with the bare reason."""
    return _exit_for(down[4], down[3].node if isinstance(down[3], Pid) else down[3][1])


def _exit_for(reason: Term, node: Atom) -> Exit:
    if reason is _NOCONNECTION:
        return NodeDown((_NODEDOWN, node))
    return NoProc(reason) if reason is NOPROC else Exit(reason)


def _deadline(process: Process, timeout: float | None) -> float | None:
    check_timeout(timeout)
    return None if timeout is None else process.runtime.loop.time() + timeout


def _left(process: Process, deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - process.runtime.loop.time())


# --- shutting down --------------------------------------------------------------------------


async def _shut_down(
    process: Process, task: Task, pid: Pid, timeout: float | str | None
) -> tuple[Atom, Any] | None:
    """NodeDown with the bare reason where the node is lost."""
    signal, told = (KILL, KILLED) if isinstance(timeout, str) else (_SHUTDOWN, _SHUTDOWN)
    ended = Request(process, pid, replies=False)
    unlink(pid)
    exit(pid, signal)
    await ended.wait(None if isinstance(timeout, str) else timeout)
    if not ended.is_down:
        process.check_alive()
        ended = Request(process, pid, replies=False)
        exit(pid, KILL)
        await ended.wait(None)
    reason = ended.down_reason
    message = _take(process, task.ref)
    if message is not None and len(message) == 2:
        demonitor(task.ref, flush=True)
        return (_OK, message[1])
    if message is not None and reason is NOPROC:
        reason = message[4]  # it was dead before: only its own monitor knows why
    demonitor(task.ref, flush=True)
    if reason == told:
        return None
    if reason is _NOCONNECTION:
        raise _exit_for(reason, pid.node)
    return (_EXIT, reason)
