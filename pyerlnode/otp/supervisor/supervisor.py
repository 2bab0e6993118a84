"""Supervisor: starts children in order, restarts those that end, stops them in reverse order.

    pid = await Supervisor.start_link(
        [(Counter, 0, {"name": "Elixir.Counter"}), (Cache, 100, {"restart": "transient"})],
        strategy="one_for_one", name="Elixir.Chat.Supervisor")

    await Supervisor.which_children(pid)          [(id, pid, "worker", ["Cache"]), ...], last started first

or as a class, whose `init` says what the children are:

    class Chat(Supervisor):
        def init(self, limit: int) -> Supervision:
            return Supervision([(Cache, limit)], strategy="rest_for_one")

    await Chat.start_link(100)                    and as a child of another: (Chat, 100)

Other nodes ask it with Elixir's `Supervisor` and Erlang's `supervisor`; the functions
here ask theirs just as well.

Source: supervisor(3); Supervisor of Elixir.
Proof: tests/otp/test_supervisor_*.py, interop/test_supervisor.py.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pyerlnode.errors import BadArg, Exit, UsageError
from pyerlnode.otp import gen, proc_lib
from pyerlnode.otp.gen_server import GenServer, started
from pyerlnode.otp.supervisor.child_spec import ChildSpec, child_spec
from pyerlnode.otp.supervisor.flags import Supervision
from pyerlnode.otp.supervisor.newest import newest
from pyerlnode.otp.supervisor.server import SupervisorServer
from pyerlnode.process import Process, this_process
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyerlnode.otp.gen import ServerRef
    from pyerlnode.otp.proc_lib import StartName, StartResult

__all__ = ["Supervision", "Supervisor", "start_supervisor"]

DEFAULT_MODULE: Final = Atom("Elixir.Supervisor.Default")

_SUPERVISOR = Atom("supervisor")
_START_CHILD, _TERMINATE_CHILD = Atom("start_child"), Atom("terminate_child")
_RESTART_CHILD, _DELETE_CHILD, _GET_CHILDSPEC = (
    Atom("restart_child"),
    Atom("delete_child"),
    Atom("get_childspec"),
)


class Supervisor:
    """Use it as it is, with a list of children, or derive from it; see the module's description.

    `class Chat(Supervisor, module="Elixir.Chat")` says which module it is of, as other
    nodes see it; without it that is the class's name.
    """

    __slots__ = ("__weakref__",)

    __module_name__: ClassVar[str] = "Elixir.Supervisor"
    __child_type__: ClassVar[str] = "supervisor"

    def __init_subclass__(cls, *, module: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__module_name__ = module or cls.__name__

    def init(self, *args: Any) -> Any:
        """Called with the arguments of `start_link`, in the new process; may be async.

        Returns a Supervision, `Ignore()`, or OTP's term `("ok", (flags, specifications))`.
        """
        raise UsageError(f"{type(self).__name__} has no init that says what its children are")

    # --- starting ---------------------------------------------------------------------------

    @classmethod
    async def start_link(cls, *args: Any, name: StartName | None = None, **options: Any) -> Pid | None:
        """Start a supervisor, linked to the caller, and all its children; its pid.

        `Supervisor.start_link(children, strategy=...)` takes the options `max_restarts` (3),
        `max_seconds` (5) and `auto_shutdown` (`never`) beside; BadArg for what is wrong with
        them.  A subclass is given the arguments of its `init`, and None is returned where that
        ignores the start.  Exit with OTP's reason where it fails:
        `(shutdown, (failed_to_start_child, id, reason))`, `(already_started, pid)`.
        """
        pid: Pid | None = started(await start_supervisor(cls, args, options, link=True, name=name))
        return pid

    @classmethod
    def child(cls, *args: Any, id: Term = None, name: StartName | None = None, **options: Any) -> ChildSpec:
        """The specification of a supervisor under a supervisor; takes what `start_link` takes.

        Its id is the name, if it has one, else the class.
        """
        _supervision(cls, args, options)  # what is wrong is told here, and not when it is started
        if name is not None:
            options = {**options, "name": name}
        own = id if id is not None else name if isinstance(name, str) else Atom(cls.__module_name__)
        return ChildSpec(own, (cls.start_link, args, options), type="supervisor")

    # --- what clients call --------------------------------------------------------------------

    @staticmethod
    async def which_children(supervisor: ServerRef) -> list[tuple[Term, Term, Atom, Term]]:
        """`(id, pid | undefined | restarting, worker | supervisor, modules)` of each, last started first."""
        children: list[tuple[Term, Term, Atom, Term]] = await ask(supervisor, Atom("which_children"))
        return children

    @staticmethod
    async def count_children(supervisor: ServerRef) -> dict[Atom, int]:
        """How many there are: `specs`, `active`, `supervisors`, `workers`."""
        return dict(await ask(supervisor, Atom("count_children")))

    @staticmethod
    async def start_child(supervisor: ServerRef, child: Any) -> Any:
        """Add a child and start it: its pid, None if it ignored the start; `(pid, info)` if there is any.

        For a supervisor of strategy simple_one_for_one `child` is the list of arguments to
        add.  Exit with the reason of the failure: `already_present`, `(already_started, pid)`,
        `(reason, child)` or what is wrong with the specification.
        """
        if not isinstance(child, list):
            child = child_spec(child).for_supervisor(is_here(this_process(), supervisor))
        return pid_of(await ask(supervisor, (_START_CHILD, child)))

    @staticmethod
    async def terminate_child(supervisor: ServerRef, id: Term) -> Atom:
        """End a child's process, which is not started again; `ok`.  Exit `not_found`."""
        return await _done(supervisor, _TERMINATE_CHILD, id)

    @staticmethod
    async def restart_child(supervisor: ServerRef, id: Term) -> Any:
        """Start a child that has no process; as `start_child`.  Exit `running`, `restarting`, `not_found`."""
        return pid_of(await ask(supervisor, (_RESTART_CHILD, _id(id))))

    @staticmethod
    async def delete_child(supervisor: ServerRef, id: Term) -> Atom:
        """Forget a child that has no process; `ok`.  Exit `running`, `restarting`, `not_found`."""
        return await _done(supervisor, _DELETE_CHILD, id)

    @staticmethod
    async def get_childspec(supervisor: ServerRef, id: Term) -> dict[Atom, Term]:
        """The specification of a child as a term, times in milliseconds.  Exit `not_found`."""
        spec: dict[Atom, Term] = checked(await ask(supervisor, (_GET_CHILDSPEC, _id(id))))
        return spec

    @staticmethod
    def stop(supervisor: ServerRef, reason: Term = "normal", timeout: float | None = None) -> Awaitable[Atom]:
        """End a supervisor, its children first, and wait for that; as `GenServer.stop`."""
        return GenServer.stop(supervisor, reason, timeout)


# --- starting -------------------------------------------------------------------------------


def _supervision(cls: type[Supervisor], args: tuple[Any, ...], options: dict[str, Any]) -> Callable[[], Any]:
    """What gives the children in the new process; BadArg for options that do not fit."""
    if cls is not Supervisor:
        if options:
            raise BadArg(
                f"{cls.__name__}.start_link has no option {next(iter(options))!r}: its init says them"
            )
        return lambda: newest(cls)().init(*args)
    if len(args) != 1:
        raise BadArg(f"Supervisor.start_link takes one list of children, not {len(args)} arguments")
    known = ("strategy", "max_restarts", "max_seconds", "auto_shutdown")
    unknown = [key for key in options if key not in known]
    if unknown or "strategy" not in options:
        what = f"has no option {unknown[0]!r}" if unknown else "needs a strategy"
        raise BadArg(f"Supervisor.start_link {what}; it takes name, {', '.join(known)}")
    supervision = Supervision(args[0], **options)
    return lambda: supervision


async def start_supervisor(
    cls: type[Supervisor],
    args: tuple[Any, ...],
    options: dict[str, Any],
    *,
    link: bool,
    name: StartName | None,
    clock: Callable[[], float] = time.monotonic,
) -> StartResult:
    """Start a supervisor: `("ok", pid)`, `"ignore"` or `("error", reason)`, which supervisors go by.

    `clock` is what restarts are timed by, in seconds.
    """
    init = _supervision(cls, args, options)
    module = DEFAULT_MODULE if cls is Supervisor else Atom(cls.__module_name__)
    parent = proc_lib.parent_of_new(this_process()) if link else None
    server = SupervisorServer(init, module, name, parent, clock)
    return await proc_lib.start(server, initial_call=(_SUPERVISOR, module, 1), link=link, name=name)


# --- asking ---------------------------------------------------------------------------------


async def ask(supervisor: ServerRef, request: Term) -> Any:
    """A request to a supervisor of any node, which may take as long as it takes."""
    return await GenServer.call(supervisor, request, None)


def checked(reply: Term) -> Any:
    """What stands in `{ok, Value}`; Exit with the reason of `{error, Reason}`."""
    match reply:
        case ("ok", value):
            return value
        case ("error", reason):
            raise Exit(reason)
    return reply


def pid_of(reply: Term) -> Any:
    """What a start gave: the pid, None for none, `(pid, info)`; Exit with the reason of a failure."""
    match reply:
        case ("ok", pid, info):
            return (pid, info)
        case ("ok", str()) | "ignore":
            return None
    return checked(reply)


async def _done(supervisor: ServerRef, request: Atom, id: Term) -> Atom:
    done: Atom = checked(await ask(supervisor, (request, _id(id))))
    return done


def _id(id: Term) -> Term:
    """As in a specification: plain text stands for the atom."""
    return Atom(id) if type(id) is str else id


def is_here(process: Process, supervisor: ServerRef) -> bool:
    """Whether a supervisor is of this node, so that it can be sent any object."""
    found = gen.where(process.runtime, supervisor)
    return isinstance(found, Pid) and process.runtime.is_local(found)
