"""DynamicSupervisor: starts children on demand, of any kind and number.

    pid = await DynamicSupervisor.start_link(name="Elixir.Sessions", max_children=1000)
    session = await DynamicSupervisor.start_child(pid, (Session, "kate", {"restart": "temporary"}))
    await DynamicSupervisor.terminate_child(pid, session)

    class Sessions(DynamicSupervisor):                    or as a class, whose init gives the options
        def init(self, most: int) -> dict[str, Any]:
            return {"max_children": most}

It answers Elixir's `DynamicSupervisor` of any node, and the functions here ask theirs.

Source: DynamicSupervisor of Elixir.
Proof: tests/otp/test_dynamic_supervisor.py, interop/test_supervisor.py.
"""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pyerlnode.errors import BadArg, UsageError
from pyerlnode.otp import proc_lib
from pyerlnode.otp.gen_server import GenServer, started
from pyerlnode.otp.supervisor.child import KEYS, SpecError
from pyerlnode.otp.supervisor.child_spec import ChildSpec, child_spec
from pyerlnode.otp.supervisor.dynamic_server import DynamicFlags, DynamicServer
from pyerlnode.otp.supervisor.supervisor import DEFAULT_MODULE, Supervisor, ask, checked, is_here, pid_of
from pyerlnode.process import this_process
from pyerlnode.term import Atom, Pid, Term

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyerlnode.otp.gen import ServerRef
    from pyerlnode.otp.proc_lib import StartName, StartResult

__all__ = ["DynamicSupervisor", "start_dynamic_supervisor"]

_START, _RESTART, _SHUTDOWN, _TYPE, _MODULES = (KEYS[index] for index in (1, 2, 4, 5, 6))
_SUPERVISOR: Final = Atom("supervisor")
_OPTIONS: Final = {
    "strategy": "strategy",
    "max_restarts": "intensity",
    "max_seconds": "period",
    "max_children": "max_children",
    "extra_arguments": "extra_arguments",
}
_WANTED: Final = {
    "strategy": "one_for_one",
    "intensity": "an integer from 0 on",
    "period": "an integer from 1 on, seconds,",
    "max_children": "an integer from 0 on or infinity",
    "extra_arguments": "a list",
}


class DynamicSupervisor:
    """Use it as it is, or derive from it a class whose `init` gives the options.

    `class Sessions(DynamicSupervisor, module="Elixir.Sessions")` says which module it is
    of, as other nodes see it; without it that is the class's name.
    """

    __slots__ = ("__weakref__",)

    __module_name__: ClassVar[str] = "Elixir.DynamicSupervisor"
    __child_type__: ClassVar[str] = "supervisor"

    def __init_subclass__(cls, *, module: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.__module_name__ = module or cls.__name__

    def init(self, *args: Any) -> Any:
        """Called with the arguments of `start_link`, in the new process; may be async.

        Returns a dict of the options of `DynamicSupervisor.start_link`, `Ignore()`, or the
        term `("ok", flags)` that Elixir's `DynamicSupervisor.init/1` gives.
        """
        raise UsageError(f"{type(self).__name__} has no init that gives its options")

    @classmethod
    async def start_link(cls, *args: Any, name: StartName | None = None, **options: Any) -> Pid | None:
        """Start one without children, linked to the caller; its pid.

        Options: `max_restarts` (3) in `max_seconds` (5), `max_children` (`infinity`),
        `extra_arguments` (`[]`), which come before those of each child; BadArg for what is
        wrong with them.  A subclass is given the arguments of its `init`, and None is
        returned where that ignores the start.  Exit `(already_started, pid)`.
        """
        pid: Pid | None = started(await start_dynamic_supervisor(cls, args, options, link=True, name=name))
        return pid

    @classmethod
    def child(cls, *args: Any, id: Term = None, name: StartName | None = None, **options: Any) -> ChildSpec:
        """The specification of one under a supervisor; takes what `start_link` takes.

        Its id is the name, if it has one, else the class.
        """
        _init_of(cls, args, options)  # what is wrong is told here, and not when it is started
        if name is not None:
            options = {**options, "name": name}
        own = id if id is not None else name if isinstance(name, str) else Atom(cls.__module_name__)
        return ChildSpec(own, (cls.start_link, args, options), type="supervisor")

    @staticmethod
    async def start_child(supervisor: ServerRef, child: Any) -> Any:
        """Start a child: its pid, None if it ignored the start; `(pid, info)` if there is any.

        The id of the specification means nothing, nor does `significant`.  Exit with the bare reason of the
        failure, or `max_children`.
        """
        spec = child_spec(child, significant=False)
        sent = spec.for_supervisor(is_here(this_process(), supervisor))
        if not isinstance(sent, ChildSpec):
            start = spec.start.mfa
            sent = (start, sent[_RESTART], sent[_SHUTDOWN], sent[_TYPE], sent[_MODULES])
        return pid_of(await ask(supervisor, (Atom("start_child"), sent)))

    @staticmethod
    async def terminate_child(supervisor: ServerRef, pid: Pid) -> Atom:
        """End a child; `ok`.  Exit `not_found`."""
        done: Atom = checked(await ask(supervisor, (Atom("terminate_child"), pid)))
        return done

    @staticmethod
    async def which_children(supervisor: ServerRef) -> list[tuple[Term, Term, Atom, Term]]:
        """`(undefined, pid | restarting, worker | supervisor, modules)` of each, in no particular order."""
        return await Supervisor.which_children(supervisor)

    @staticmethod
    async def count_children(supervisor: ServerRef) -> dict[Atom, int]:
        """How many there are: `specs`, `active`, `supervisors`, `workers`."""
        return await Supervisor.count_children(supervisor)

    @staticmethod
    def stop(supervisor: ServerRef, reason: Term = "normal", timeout: float | None = None) -> Awaitable[Atom]:
        """End it, its children first, and wait for that; as `GenServer.stop`."""
        return GenServer.stop(supervisor, reason, timeout)


def python_flags(options: dict[str, Any]) -> DynamicFlags:
    """Flags out of Python options; BadArg that says what was wanted."""
    unknown = [key for key in options if key not in _OPTIONS]
    if unknown:
        raise BadArg(f"a DynamicSupervisor takes name, {', '.join(_OPTIONS)}, not {unknown[0]!r}")
    try:
        return DynamicFlags.from_term({Atom(_OPTIONS[key]): value for key, value in options.items()})
    except SpecError as error:
        kind, value = error.reason
        key = kind.removeprefix("invalid_")
        option = next(name for name, own in _OPTIONS.items() if own == key)
        raise BadArg(f"{option}: {_WANTED[key]} is wanted, not {value!r}") from None


def _init_of(
    cls: type[DynamicSupervisor], args: tuple[Any, ...], options: dict[str, Any]
) -> Callable[[], Any]:
    """What gives the flags in the new process; BadArg for options that do not fit."""
    if cls is DynamicSupervisor:
        if args:
            raise BadArg(f"DynamicSupervisor.start_link takes options, not {args[0]!r}")
        flags = python_flags(options)
        return lambda: flags
    if options:
        raise BadArg(f"{cls.__name__}.start_link takes no option {next(iter(options))!r}")

    async def init() -> Any:
        result = cls().init(*args)
        if inspect.isawaitable(result):
            result = await result
        return python_flags(result) if isinstance(result, dict) else result

    return init


async def start_dynamic_supervisor(
    cls: type[DynamicSupervisor],
    args: tuple[Any, ...],
    options: dict[str, Any],
    *,
    link: bool,
    name: StartName | None,
    clock: Callable[[], float] = time.monotonic,
) -> StartResult:
    """Start one: `("ok", pid)`, `"ignore"` or `("error", reason)`, which supervisors go by.

    `clock` is what restarts are timed by, in seconds.
    """
    init = _init_of(cls, args, options)
    module = DEFAULT_MODULE if cls is DynamicSupervisor else Atom(cls.__module_name__)
    parent = proc_lib.parent_of_new(this_process()) if link else None
    server = DynamicServer(init, module, name, parent, clock)
    return await proc_lib.start(server, initial_call=(_SUPERVISOR, module, 1), link=link, name=name)
