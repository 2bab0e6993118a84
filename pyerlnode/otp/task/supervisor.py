"""TaskSupervisor: starts tasks on demand, on this node or for others.

    await TaskSupervisor.start_link("Elixir.Chat.TaskSupervisor")
    TaskSupervisor.child("Elixir.Chat.TaskSupervisor")           as a child of a supervisor

    task = await TaskSupervisor.async_(("Elixir.Chat.TaskSupervisor", "kate@localhost"),
                                       "Elixir.Chat", "receive_message", ["hi"])
    await Task.await_(task)

It answers Elixir's `Task.Supervisor` of any node, and the functions here ask theirs.  A
supervisor of another node, a BEAM or Python, is given a name: module, function and
arguments, or an `Export`; one of this node a Python function just as well.

Source: task/supervisor.ex of Elixir (1.18).
Proof: tests/otp/test_task_supervisor.py, interop/test_tasks.py.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pyerlnode.errors import BadArg
from pyerlnode.otp import proc_lib
from pyerlnode.otp.gen_server import started
from pyerlnode.otp.supervisor.child import RESTARTS, SpecError, check_shutdown
from pyerlnode.otp.supervisor.child_spec import ChildSpec
from pyerlnode.otp.supervisor.dynamic_supervisor import DynamicSupervisor, python_flags
from pyerlnode.otp.supervisor.supervisor import ask, checked, is_here
from pyerlnode.otp.task.stream import StreamOptions, stream
from pyerlnode.otp.task.supervised import MONITOR, callers_of, owner_of
from pyerlnode.otp.task.supervisor_server import TaskSupervisorServer
from pyerlnode.otp.task.task import TIMEOUT, Task, begin
from pyerlnode.otp.task.work import Work
from pyerlnode.process import Process, link, this_process
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable

    from pyerlnode.otp.gen import ServerRef
    from pyerlnode.otp.proc_lib import StartName, StartResult
    from pyerlnode.otp.task.stream import Begin
    from pyerlnode.otp.task.supervised import Owner

__all__ = ["TaskSupervisor", "start_task_supervisor", "start_with"]

MODULE: Final = Atom("Elixir.Task.Supervisor")

_SUPERVISOR, _START_TASK = Atom("supervisor"), Atom("start_task")
_TEMPORARY = Atom("temporary")
_SHUTDOWN: Final = 5.0  # seconds
_OPTIONS: Final = ("max_children", "max_restarts", "max_seconds", "restart", "shutdown")


class TaskSupervisor:
    """All its functions are static; `supervisor` is a pid, a name, `(name, node)` and so on."""

    __slots__ = ()

    __module_name__: ClassVar[str] = MODULE
    __child_type__: ClassVar[str] = "supervisor"

    # --- starting -----------------------------------------------------------------------

    @staticmethod
    async def start_link(name: StartName | None = None, **options: Any) -> Pid:
        """Start one without tasks, linked to the caller; its pid.

        Options: `max_children` (`infinity`), and `max_restarts` (3) in `max_seconds` (5) for
        tasks that are started again; `restart` (`temporary`) and `shutdown` (5 seconds) are
        what `start_child` does unless it is told.  BadArg for what is wrong with them.
        Exit `(already_started, pid)`.
        """
        pid: Pid = started(await start_task_supervisor(options, link=True, name=name))
        return pid

    @staticmethod
    def child(name: StartName | None = None, *, id: Term = None, **options: Any) -> ChildSpec:
        """The specification of one under a supervisor; takes what `start_link` takes.

        Its id is the name, if it has one.
        """
        _checked_options(options)  # what is wrong is told here, and not when it is started
        own = (
            id if id is not None else MODULE if name is None else name if isinstance(name, str) else name[-1]
        )
        return ChildSpec(
            own, (TaskSupervisor.start_link, [name], options), type="supervisor", modules=[MODULE]
        )

    child_spec = child

    # --- tasks --------------------------------------------------------------------------

    @staticmethod
    async def async_(
        supervisor: ServerRef, function: Any, *args: Any, shutdown: float | str | None = None
    ) -> Task:
        """Start a task whose result is awaited with `Task.await_`; it and the caller are linked.

        `shutdown`: the seconds that it has to end when the supervisor does, or `brutal_kill`.
        Exit `max_children`, and as `GenServer.call` where there is no such supervisor.
        """
        return await _async(supervisor, Work.of(function, args), shutdown, linked=True)

    @staticmethod
    async def async_nolink(
        supervisor: ServerRef, function: Any, *args: Any, shutdown: float | str | None = None
    ) -> Task:
        """As `async_`, without a link: the caller survives the task, and the task the caller."""
        return await _async(supervisor, Work.of(function, args), shutdown, linked=False)

    @staticmethod
    async def start_child(
        supervisor: ServerRef,
        function: Any,
        *args: Any,
        restart: str | None = None,
        shutdown: float | str | None = None,
    ) -> Pid:
        """Start a task that nobody waits for; its pid.  Exit `max_children`.

        `restart`: `temporary`, `transient` or `permanent`, as for any child.
        """
        if restart is not None and restart not in RESTARTS:
            raise BadArg(f"restart: one of {', '.join(RESTARTS)} is wanted, not {restart!r}")
        work, ends = Work.of(function, args), _milliseconds(shutdown)
        pid: Pid = checked(await _start_child(supervisor, work, restart, ends))
        return pid

    @staticmethod
    def async_stream(
        supervisor: ServerRef,
        iterable: Iterable[Any] | AsyncIterable[Any],
        function: Any,
        *args: Any,
        max_concurrency: int | None = None,
        ordered: bool = True,
        timeout: float | None = TIMEOUT,
        on_timeout: str = "exit",
        zip_input_on_exit: bool = False,
        shutdown: float | str = _SHUTDOWN,
    ) -> AsyncGenerator[tuple[Atom, Any], None]:
        """As `Task.async_stream`, with the tasks under a supervisor."""
        options = StreamOptions(max_concurrency, ordered, timeout, on_timeout, zip_input_on_exit)
        work = Work.of(function, args, before=1)
        return stream(iterable, work, options, _beginning(supervisor, work, shutdown, linked=True))

    @staticmethod
    def async_stream_nolink(
        supervisor: ServerRef,
        iterable: Iterable[Any] | AsyncIterable[Any],
        function: Any,
        *args: Any,
        max_concurrency: int | None = None,
        ordered: bool = True,
        timeout: float | None = TIMEOUT,
        on_timeout: str = "exit",
        zip_input_on_exit: bool = False,
        shutdown: float | str = _SHUTDOWN,
    ) -> AsyncGenerator[tuple[Atom, Any], None]:
        """As `async_stream`, without links: the crash of a task is `("exit", reason)` to every caller."""
        options = StreamOptions(max_concurrency, ordered, timeout, on_timeout, zip_input_on_exit)
        work = Work.of(function, args, before=1)
        return stream(iterable, work, options, _beginning(supervisor, work, shutdown, linked=False))

    # --- what there is ------------------------------------------------------------------

    @staticmethod
    async def children(supervisor: ServerRef) -> list[Pid]:
        """The pids of all tasks, but of those that could not be started again yet."""
        children = await DynamicSupervisor.which_children(supervisor)
        return [pid for _, pid, _, _ in children if isinstance(pid, Pid)]

    @staticmethod
    async def terminate_child(supervisor: ServerRef, pid: Pid) -> Atom:
        """End a task; `ok`.  Exit `not_found`."""
        return await DynamicSupervisor.terminate_child(supervisor, pid)


# --- starting a supervisor ------------------------------------------------------------------


def _checked_options(options: dict[str, Any]) -> tuple[Any, Atom, Term]:
    """Flags, and the defaults of `restart` and `shutdown`; BadArg for what is wrong."""
    unknown = [key for key in options if key not in _OPTIONS]
    if unknown:
        raise BadArg(f"a TaskSupervisor takes name, {', '.join(_OPTIONS)}, not {unknown[0]!r}")
    restart = options.get("restart", _TEMPORARY)
    if restart not in RESTARTS:
        raise BadArg(f"restart: one of {', '.join(RESTARTS)} is wanted, not {restart!r}")
    flags = python_flags({key: value for key, value in options.items() if key.startswith("max_")})
    return flags, Atom(restart), _milliseconds(options.get("shutdown", _SHUTDOWN))


async def start_task_supervisor(
    options: dict[str, Any],
    *,
    link: bool,
    name: StartName | None,
    clock: Callable[[], float] = time.monotonic,
) -> StartResult:
    """Start one: `("ok", pid)` or `("error", reason)`, which supervisors go by.

    `clock` is what restarts are timed by, in seconds.
    """
    flags, restart, shutdown = _checked_options(options)
    return await start_with(
        lambda: flags, restart=restart, shutdown=shutdown, link=link, name=name, clock=clock
    )


async def start_with(
    init: Callable[[], Any],
    *,
    restart: Term,
    shutdown: Term,
    link: bool,
    name: StartName | None,
    clock: Callable[[], float] = time.monotonic,
) -> StartResult:
    """As `start_task_supervisor`; `init` gives what that of a DynamicSupervisor does, times are terms."""
    parent = proc_lib.parent_of_new(this_process()) if link else None
    server = TaskSupervisorServer(init, MODULE, name, parent, clock, restart=restart, shutdown=shutdown)
    return await proc_lib.start(server, initial_call=(_SUPERVISOR, MODULE, 1), link=link, name=name)


# --- asking one -----------------------------------------------------------------------------


def _milliseconds(shutdown: float | str | None) -> Term:
    """A shutdown time as it stands in terms; None stays None: that of the supervisor."""
    if shutdown is None:
        return None
    term = shutdown if isinstance(shutdown, (str, bool)) else round(shutdown * 1000)
    try:
        return check_shutdown(term)
    except SpecError:
        raise BadArg(f"shutdown: seconds, brutal_kill or infinity are wanted, not {shutdown!r}") from None


async def _start_task(supervisor: ServerRef, args: list[Any], restart: Atom | None, shutdown: Term) -> Any:
    return await ask(supervisor, (_START_TASK, args, restart, shutdown))


async def _async(supervisor: ServerRef, work: Work, shutdown: float | str | None, *, linked: bool) -> Task:
    process = this_process()
    sent = work.for_supervisor(is_here(process, supervisor))
    args = [owner_of(process), MONITOR]
    pid = checked(await _start_task(supervisor, args, _TEMPORARY, _milliseconds(shutdown)))
    if linked:
        link(pid)
    return begin(process, pid, work, sent)


async def _start_child(supervisor: ServerRef, work: Work, restart: str | None, shutdown: Term) -> Any:
    process = this_process()
    sent = work.for_supervisor(is_here(process, supervisor))
    wanted = None if restart is None else Atom(restart)
    if wanted is None or wanted == _TEMPORARY:
        reply = await _start_task(supervisor, [owner_of(process), MONITOR], wanted, shutdown)
        match reply:
            case ("ok", Pid() as pid):
                return _given_work(process, pid, sent, reply)
            case ("restart", str(default)):
                # Started again by default: it must have its work from the start.
                wanted = Atom(default)
            case _:
                return reply
    return await _start_task(supervisor, [owner_of(process), callers_of(process), sent], wanted, shutdown)


def _given_work(process: Process, pid: Pid, sent: Any, reply: Any) -> Any:
    """Give a task its work; nobody listens to the reference that it answers to."""
    ref = process.runtime.make_ref()
    process.runtime.send(pid, (process.pid, ref, ref, callers_of(process), sent), process)
    return reply


def _beginning(supervisor: ServerRef, work: Work, shutdown: float | str, *, linked: bool) -> Begin:
    """How a stream starts a task; BadArg for what the supervisor's node cannot run."""
    ends = _milliseconds(shutdown)

    async def start(process: Process, owner: Owner) -> tuple[Pid, bool]:
        work.for_supervisor(is_here(process, supervisor))
        pid = checked(await _start_task(supervisor, [owner, MONITOR], _TEMPORARY, ends))
        if linked:
            link(pid)
        return pid, linked

    return start
