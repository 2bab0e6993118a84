"""PartitionSupervisor: the same child several times over, and a key says which of them is meant.

    await PartitionSupervisor.start_link((Counter, 0), name="Elixir.Counters", partitions=8)
    await GenServer.call(PartitionSupervisor.via("Elixir.Counters", user_id), (Atom("add"), 1))

An integer picks the partition by its remainder, any other key by `phash2`, so that the
same key is in the same partition here and on a BEAM.  Names are resolved on this node only.

Source: PartitionSupervisor of Elixir (1.18).
Proof: tests/otp/test_partition_supervisor.py, interop/test_registry.py.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final
from weakref import WeakKeyDictionary

from pyerlnode.errors import BadArg, ErlangError, Exit
from pyerlnode.otp import gen, via
from pyerlnode.otp.gen_server import GenServer, started
from pyerlnode.otp.registry.table import argument_error, shown
from pyerlnode.otp.supervisor.child import Start
from pyerlnode.otp.supervisor.child_spec import ChildSpec, child_spec
from pyerlnode.otp.supervisor.flags import Supervision
from pyerlnode.otp.supervisor.supervisor import Supervisor, start_supervisor
from pyerlnode.process import Process, Runtime, this_process
from pyerlnode.process.scheduler import schedulers_online
from pyerlnode.term import Atom, Pid, Term, phash2

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from pyerlnode.otp.gen import ServerRef
    from pyerlnode.otp.proc_lib import StartName, StartResult

__all__ = ["PartitionSupervisor", "start_partition_supervisor"]

MODULE: Final = Atom("Elixir.PartitionSupervisor")
_VIA, _NOPROC, _START_CHILD = Atom("via"), Atom("noproc"), Atom("start_child")
_OPTIONS: Final = ("name", "partitions", "with_arguments", "strategy", "max_restarts", "max_seconds")

# The arguments of the child's start and the number of the partition -> the arguments there.
WithArguments = Callable[[list[Any], int], list[Any]]


class Partitions:
    """Who the partitions are: number -> pid; `count` of `most` are in use."""

    __slots__ = ("count", "most", "pids", "resizing")

    def __init__(self, count: int) -> None:
        self.count = self.most = count
        self.pids: dict[int, Pid] = {}
        self.resizing = asyncio.Lock()

    def of(self, key: Term) -> int:
        """The partition that a key belongs to."""
        return abs(key) % self.count if type(key) is int else phash2(key, self.count)


# By the supervisor's process, so that they are gone when it ends.
_partitions: WeakKeyDictionary[Process, Partitions] = WeakKeyDictionary()


class PartitionSupervisor:
    """All of it is in functions of the class; `supervisor` is the name that it was started with."""

    __slots__ = ()

    __module_name__: ClassVar[str] = "Elixir.PartitionSupervisor"
    __child_type__: ClassVar[str] = "supervisor"

    # --- starting ---------------------------------------------------------------------------

    @classmethod
    async def start_link(cls, child: Any, *, name: StartName, **options: Any) -> Pid:
        """Start one child for each partition, under a supervisor that is linked to the caller; its pid.

        `child` in any form that a Supervisor takes; its id is the number of the partition.
        `name` is a name or `("via", module, name)`.  Options: `partitions` (the number of
        processors), `with_arguments` (a function of the list of the start's arguments and the
        number of the partition, which gives the arguments there), `strategy` (`one_for_one`),
        `max_restarts` (3) in `max_seconds` (5).  BadArg for what does not fit; Exit as `Supervisor`.
        """
        pid: Pid = started(await start_partition_supervisor(child, {"name": name, **options}))
        return pid

    @classmethod
    def child(cls, child: Any, *, name: StartName, **options: Any) -> ChildSpec:
        """The specification of a PartitionSupervisor; takes what `start_link` takes."""
        _checked({"name": name, **options})  # what is wrong is told here, and not when it is started
        own = Atom(name) if isinstance(name, str) else name[-1]
        return ChildSpec(own, (cls.start_link, [child], {"name": name, **options}), type="supervisor")

    @staticmethod
    def via(supervisor: StartName, key: Term) -> tuple[Atom, Atom, tuple[Term, Term]]:
        """The name of the partition that `key` belongs to, for everything that takes a name."""
        return (_VIA, MODULE, (gen.server_term(supervisor), key))

    # --- asking -----------------------------------------------------------------------------

    @staticmethod
    def partitions(supervisor: StartName) -> int:
        """The number of partitions.  Exit `(noproc, ...)`."""
        return _found(this_process().runtime, supervisor).count

    @staticmethod
    def whereis(supervisor: StartName, key: Term) -> Pid:
        """The process that `key` belongs to; that of a partition which ended until it is started again."""
        return PartitionNames(this_process().runtime).whereis_name((supervisor, key))

    @staticmethod
    async def which_children(supervisor: ServerRef) -> list[tuple[Term, Term, Atom, Term]]:
        """`(number, pid | undefined | restarting, worker | supervisor, modules)` of each, the last first."""
        return await Supervisor.which_children(supervisor)

    @staticmethod
    async def count_children(supervisor: ServerRef) -> dict[Atom, int]:
        """How many there are: `specs`, `active`, `supervisors`, `workers`."""
        return await Supervisor.count_children(supervisor)

    @staticmethod
    async def resize(supervisor: StartName, partitions: int) -> int:
        """Stop partitions, or start stopped ones again, until there are so many; how many there were.

        From 0 to the number that it was started with; keys move.  BadArg for another number.
        """
        runtime = this_process().runtime
        if gen.where(runtime, supervisor) is None:
            raise Exit((_NOPROC, (MODULE, Atom("resize!"), [gen.server_term(supervisor), partitions])))
        found = _found(runtime, supervisor)
        async with found.resizing:
            if type(partitions) is not int or not 0 <= partitions <= found.most:
                raise argument_error(
                    "the number of partitions to resize to must be a number between "
                    f"0 and {found.most}, got: {shown(partitions)}"
                )
            before = found.count
            for number in range(before, partitions):
                await Supervisor.restart_child(supervisor, number)
            found.count = partitions
            for number in range(partitions, before):
                await Supervisor.terminate_child(supervisor, number)
            return before

    @staticmethod
    def stop(supervisor: ServerRef, reason: Term = "normal", timeout: float | None = None) -> Awaitable[Atom]:
        """End it, its children first, and wait for that; as `GenServer.stop`."""
        return GenServer.stop(supervisor, reason, timeout)


def _found(runtime: Runtime, supervisor: Any) -> Partitions:
    """The partitions of a supervisor; Elixir's exit where there is none."""
    pid = gen.where(runtime, supervisor)
    process = runtime.process(pid) if isinstance(pid, Pid) else None
    found = None if process is None else _partitions.get(process)
    if found is None:
        raise Exit((_NOPROC, (MODULE, Atom("partitions"), [gen.server_term(supervisor)])))
    return found


# --- starting -------------------------------------------------------------------------------


class _PartitionSupervisor(Supervisor, module="Elixir.PartitionSupervisor"):
    """What runs: a supervisor whose children are the partitions."""

    def init(self, children: list[ChildSpec], flags: dict[str, Any]) -> Supervision:
        _partitions[this_process()] = Partitions(len(children))
        return Supervision(children, **flags)


async def start_partition_supervisor(
    child: Any, options: dict[str, Any], *, link: bool = True
) -> StartResult:
    """Start one: `("ok", pid)` or `("error", reason)`, which supervisors go by."""
    name, partitions, with_arguments, flags = _checked(options)
    spec = child_spec(child)
    children = [_child(spec, name, number, with_arguments) for number in range(partitions)]
    return await start_supervisor(_PartitionSupervisor, (children, flags), {}, link=link, name=name)


def _checked(options: dict[str, Any]) -> tuple[StartName, int, WithArguments, dict[str, Any]]:
    """Name, number of partitions, `with_arguments`, and the supervisor's flags."""
    unknown = [key for key in options if key not in _OPTIONS]
    if unknown:
        raise BadArg(f"a PartitionSupervisor takes {', '.join(_OPTIONS)}, not {unknown[0]!r}")
    rest = dict(options)
    name = rest.pop("name", None)
    if not name:
        raise argument_error("the :name option must be given to PartitionSupervisor")
    partitions = rest.pop("partitions", None)
    partitions = schedulers_online() if partitions is None else partitions
    if type(partitions) is not int or partitions < 1:
        raise argument_error(f"the :partitions option must be a positive integer, got: {shown(partitions)}")
    with_arguments = rest.pop("with_arguments", None) or _unchanged
    if not callable(with_arguments):
        raise BadArg(f"with_arguments: a function of two arguments is wanted, not {with_arguments!r}")
    flags = {"strategy": "one_for_one", **rest}
    Supervision([], **flags)  # what is wrong is told here, and not when it is started
    return name, partitions, with_arguments, flags


def _unchanged(args: list[Any], partition: int) -> list[Any]:
    return args


def _child(spec: ChildSpec, name: StartName, number: int, with_arguments: WithArguments) -> ChildSpec:
    inner: Start = spec.start
    module, function, shown_args = inner.mfa
    if inner.function is None:
        shown_args = _list(with_arguments(list(shown_args), number))
        inner = Start((module, function, shown_args))
    else:
        inner = dataclasses.replace(inner, args=tuple(_list(with_arguments(list(inner.args), number))))
        shown_args = Start.of((inner.function, list(inner.args), dict(inner.options))).mfa[2]
    mfa = (MODULE, _START_CHILD, [module, function, shown_args, gen.server_term(name), number])
    modules = [module] if spec.modules is None else spec.modules
    return dataclasses.replace(
        spec, id=number, start=Start(mfa, _start_child, (inner, number)), modules=modules
    )


def _list(args: Any) -> list[Any]:
    if not isinstance(args, list):
        raise BadArg(f"the function in with_arguments must return a list, not {args!r}")
    return args


async def _start_child(inner: Start, number: int) -> Any:
    """Start the child of a partition, in the supervisor, and remember who it is."""
    supervisor = this_process()
    result = inner.call(supervisor.runtime)
    if inspect.isawaitable(result):
        result = await result
    pid = result[1] if type(result) is tuple and len(result) in (2, 3) and result[0] == "ok" else result
    if isinstance(pid, Pid):
        _partitions[supervisor].pids[number] = pid
    return result


# --- names ----------------------------------------------------------------------------------


class PartitionNames:
    """What resolves `("via", "Elixir.PartitionSupervisor", (supervisor, key))`: a `NameRegistry`."""

    __slots__ = ("_runtime",)

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def whereis_name(self, name: Term) -> Pid:
        """The process of the partition that the key belongs to."""
        if not isinstance(name, tuple) or len(name) != 2 or not isinstance(name[0], (str, tuple)):
            raise ErlangError(Atom("function_clause"), [(MODULE, Atom("whereis_name"), [name], [])])
        supervisor, key = name
        found = _found(self._runtime, supervisor)
        if found.count == 0:
            raise argument_error(
                f"PartitionSupervisor {shown(gen.server_term(supervisor))} has zero partitions"
            )
        pid = found.pids.get(found.of(key))
        if pid is None:
            raise BadArg(f"partition {found.of(key)} of {supervisor!r} has never been started")
        return pid

    def register_name(self, name: Term, pid: Pid) -> bool:
        """Always RuntimeError: a partition has its name from its number."""
        raise RuntimeError("{:via, PartitionSupervisor, _} cannot be given on registration")

    def unregister_name(self, name: Term) -> None:
        """As `register_name`."""
        raise RuntimeError("{:via, PartitionSupervisor, _} cannot be given on unregistration")


via.provide(MODULE, PartitionNames)
