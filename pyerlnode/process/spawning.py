"""Processes that are started by module, function and arguments, on any node.

A request to another node is answered by a SpawnReply, or by `noconnection` when there is
no way there.  Link and monitor are in force from that reply on, and what the new process
says comes after it, so nothing can be missed.  What is to run is found by the node that
runs it: here by the runtime's apply hook, in the new process.

Source: erlang:spawn_request/5; ERTS manual, "Distribution Protocol", SPAWN_REQUEST and
SPAWN_REPLY.
Proof: tests/services/test_spawn.py, interop/test_spawn.py.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias
from weakref import WeakKeyDictionary

from pyerlnode.errors import BadArg, ErlangError, Exit
from pyerlnode.process.links import Links
from pyerlnode.process.monitors import DOWN, Monitors, Waiter, Watch
from pyerlnode.process.process import current_process
from pyerlnode.process.suspension import Suspension
from pyerlnode.protocol.control import Demonitor, SpawnReply, SpawnRequest
from pyerlnode.protocol.control import Exit as ExitSignal
from pyerlnode.term import Atom, Export, Pid, Reference, Term

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyerlnode.process.process import Process
    from pyerlnode.process.runtime import Runtime

SPAWN_REPLY: Final = Atom("spawn_reply")
NOCONNECTION: Final = Atom("noconnection")
BADOPT: Final = Atom("badopt")
LINKED, MONITORED = 1, 2

_OK, _ERROR = Atom("ok"), Atom("error")
_REPLIES = {
    "yes": (True, True),
    "no": (False, False),
    "error_only": (False, True),
    "success_only": (True, False),
}
_ALIASES = ("explicit_unalias", "demonitor", "reply_demonitor")
# Options that tune a BEAM's memory and scheduling: known, and without meaning here.
_TUNING = frozenset(
    {
        "async_dist",
        "fullsweep_after",
        "max_heap_size",
        "message_queue_data",
        "min_bin_vheap_size",
        "min_heap_size",
        "priority",
        "scheduler",
    }
)

# An option as in Erlang: "link", "monitor", ("monitor", [("tag", t)]), ("reply_tag", t), ("priority", p).
Option: TypeAlias = "str | tuple[str, Any]"


class Options(NamedTuple):
    """What the options of a request ask for."""

    link: bool = False
    monitor: bool = False
    tag: Term = DOWN
    alias: Atom | None = None
    reply_tag: Term = SPAWN_REPLY
    on_success: bool = True
    on_error: bool = True
    sent: tuple[Term, ...] = ()  # those that the other node is told of
    bad: bool = False  # one is unknown

    @property
    def flags(self) -> int:
        """As they stand in a spawn reply."""
        return LINKED * self.link | MONITORED * self.monitor


class Spawner(Protocol):
    """Who waits for the outcome of a request, in the place of the mailbox."""

    def spawned(self, pid: Pid) -> None:
        """The process runs."""

    def failed(self, reason: Atom) -> None:
        """There is no process."""


class Spawning:
    """A request that is under way; `Runtime.spawns` has it by its reference."""

    __slots__ = ("node", "options", "process", "ref", "spawner", "waiter")

    def __init__(
        self, process: Process, node: Atom, options: Options, spawner: Spawner | None, waiter: Waiter | None
    ) -> None:
        self.process = process
        self.node = node
        self.options = options
        self.spawner = spawner
        self.waiter = waiter  # is told of the DOWN
        self.ref = process.runtime.make_ref()

    def replied(self, reply: SpawnReply) -> None:
        """The other node has answered, or there is none."""
        self.process.runtime.spawns.pop(self.ref, None)
        if not isinstance(reply.result, Pid):
            self._failed(reply.result)
        elif not self.process.alive:
            self._give_up(reply.result, reply.flags)
        else:
            self._set_up(reply.result, reply.flags)
            self._succeeded(reply.result)

    def abandon(self) -> None:
        """Nobody waits for the outcome any more; the process, if there will be one, is left alone."""
        self.spawner = _Nobody(self)

    def _set_up(self, pid: Pid, flags: int) -> None:
        process, options = self.process, self.options
        if flags & LINKED:
            Links.of(process).linked_by(pid)
        if flags & MONITORED:
            Monitors.of(process).watching[self.ref] = Watch(pid, options.tag, options.alias, self.waiter)
            process.runtime.involve(pid.node, process)

    def _give_up(self, pid: Pid, flags: int) -> None:
        """Who asked has ended meanwhile."""
        process = self.process
        if flags & LINKED:
            process.runtime.signal(self.node, ExitSignal(process.pid, pid, process.exit_reason))
        if flags & MONITORED:
            process.runtime.signal(self.node, Demonitor(process.pid, pid, self.ref))

    def _succeeded(self, pid: Pid) -> None:
        if self.spawner is not None:
            self.spawner.spawned(pid)
        elif self.options.on_success:
            self.process.deliver((self.options.reply_tag, self.ref, _OK, pid))

    def _failed(self, reason: Atom) -> None:
        if self.options.alias is not None:
            self.process.runtime.drop_alias(self.ref)
        if self.spawner is not None:
            self.spawner.failed(reason)
        elif self.options.on_error:
            self.process.deliver((self.options.reply_tag, self.ref, _ERROR, reason))


class _Nobody:
    """In the place of one who gave up: takes back what the request asked for."""

    def __init__(self, spawning: Spawning) -> None:
        self._spawning = spawning

    def spawned(self, pid: Pid) -> None:
        process = self._spawning.process
        if process.links is not None:
            process.links.unlink(pid)
        if process.monitors is not None:
            process.monitors.unwatch(self._spawning.ref)

    def failed(self, reason: Atom) -> None:
        """Nothing was made, so nothing is to be taken back."""


class Spawned(Suspension):
    """The wait for the pid of a process on another node."""

    __slots__ = ("pid", "reason")

    def __init__(self) -> None:
        super().__init__()
        self.pid: Pid | None = None
        self.reason: Atom | None = None

    def ready(self) -> bool:
        return self.pid is not None or self.reason is not None

    def spawned(self, pid: Pid) -> None:
        self.pid = pid
        self.wake()

    def failed(self, reason: Atom) -> None:
        self.reason = reason
        self.wake()


# --- asking ---------------------------------------------------------------------------


def request(
    process: Process,
    node: str,
    export: tuple[Atom, Atom],
    args: Sequence[Term],
    options: Options,
    *,
    spawner: Spawner | None = None,
    waiter: Waiter | None = None,
) -> Spawning:
    """Ask `node` to start a process; the outcome goes to `spawner`, else it is a message.

    `waiter` is told of the DOWN in the place of the mailbox.  Raises TermEncodeError for
    arguments that no other node could read.
    """
    process.check_alive()
    runtime = process.runtime
    spawning = Spawning(process, Atom(node), options, spawner, waiter)
    runtime.spawns[spawning.ref] = spawning
    if options.alias is not None:
        runtime.add_alias(process, spawning.ref, options.alias)
    try:
        _ask(runtime, spawning, export, list(args))
    except BaseException:
        runtime.spawns.pop(spawning.ref, None)
        runtime.drop_alias(spawning.ref)
        raise
    return spawning


def _ask(runtime: Runtime, spawning: Spawning, export: tuple[Atom, Atom], args: list[Term]) -> None:
    options, process = spawning.options, spawning.process
    asked = SpawnRequest(
        spawning.ref, process.pid, process.group_leader, *export, len(args), list(options.sent), args
    )
    if spawning.node != runtime.name:
        runtime.signal(spawning.node, asked)
    elif options.bad:
        spawning.replied(SpawnReply(spawning.ref, process.pid, 0, BADOPT))
    else:
        _start_here(runtime, spawning, asked)


def _start_here(runtime: Runtime, spawning: Spawning, asked: SpawnRequest) -> None:
    child = runtime.new_process(spawning.process.group_leader)
    options, process = spawning.options, spawning.process
    if options.link:
        Links.of(process).link(child.pid)
    if options.monitor:
        watch = Watch(child.pid, options.tag, options.alias, spawning.waiter)
        Monitors.of(process).watch(spawning.ref, watch)
    runtime.spawns.pop(spawning.ref, None)
    spawning._succeeded(child.pid)
    child.begin(run(runtime, asked))


async def spawn_there(
    process: Process, node: str, export: tuple[Atom, Atom], args: Sequence[Term], options: Options
) -> tuple[Pid, Reference]:
    """Start a process on `node`: its pid, and the reference of its monitor.

    Where there is no way to the node it is the pid of a process of this node that ends with
    `noconnection`, so that links and monitors tell of it.  ErlangError for another failure.
    """
    if options.bad:
        raise BadArg("spawn: an option is unknown")
    wait = Spawned()
    spawning = request(process, node, export, args, options, spawner=wait)
    try:
        await wait
    except BaseException:
        spawning.abandon()
        raise
    if wait.pid is not None:
        return wait.pid, spawning.ref
    if wait.reason is not NOCONNECTION:
        raise ErlangError(wait.reason)
    return _without_connection(spawning)


def _without_connection(spawning: Spawning) -> tuple[Pid, Reference]:
    process, options = spawning.process, spawning.options
    child = process.runtime.new_process(process.group_leader)
    if options.link:
        Links.of(process).link(child.pid)
    if options.monitor:
        if options.alias is not None:
            process.runtime.add_alias(process, spawning.ref, options.alias)
        Monitors.of(process).watch(spawning.ref, Watch(child.pid, options.tag, options.alias, None))
    child.begin(_end(NOCONNECTION))
    return child.pid, spawning.ref


async def _end(reason: Term) -> None:
    raise Exit(reason)


# --- options ----------------------------------------------------------------------------


def parse_options(given: Sequence[Option]) -> Options:
    """The options of a request made here; BadArg for what can be no option at all."""
    if isinstance(given, str):
        raise BadArg(f"spawn: a list of options is wanted, not {given!r}")
    found = Options()
    sent: list[Term] = []
    for option in given:
        name, value = option if isinstance(option, tuple) and len(option) == 2 else (option, None)
        if not isinstance(name, str):
            raise BadArg(f"spawn: {option!r} is no option")
        if name == "monitor":
            found = _monitor_options(found, () if value is None else value)
        elif name == "link":
            found = found._replace(link=True)
        elif name == "reply_tag":
            found = found._replace(reply_tag=value)
        elif name == "reply" and value in _REPLIES:
            on_success, on_error = _REPLIES[value]
            found = found._replace(on_success=on_success, on_error=on_error)
        else:
            found = found._replace(bad=found.bad or name not in _TUNING)
            sent.append(Atom(name) if value is None else (Atom(name), _atom(value)))
    asked = [Atom(name) for name, wanted in (("link", found.link), ("monitor", found.monitor)) if wanted]
    return found._replace(sent=(*asked, *sent))


def _monitor_options(options: Options, given: Sequence[Any]) -> Options:
    options = options._replace(monitor=True)
    for option in given:
        match option:
            case ("tag", tag):
                options = options._replace(tag=tag)
            case ("alias", str() as mode) if mode in _ALIASES:
                options = options._replace(alias=Atom(mode))
            case _:
                raise BadArg(f"spawn: {option!r} is no option of a monitor")
    return options


def _atom(value: Any) -> Term:
    return Atom(value) if type(value) is str else value


def requested_flags(options: Term) -> int | None:
    """The flags that the options of another node's request ask for; None if one is unknown."""
    if not isinstance(options, list):
        return None
    flags = 0
    for option in options:
        name = option[0] if isinstance(option, tuple) and len(option) == 2 else option
        if name == "link" and isinstance(option, Atom):
            flags |= LINKED
        elif name == "monitor" and isinstance(option, Atom):
            flags |= MONITORED
        elif not isinstance(name, Atom) or name not in _TUNING:
            return None
    return flags


# --- running ----------------------------------------------------------------------------

# Who asked for a process of this node: its caller, where it is one of rpc's or erpc's.
_requesters: WeakKeyDictionary[Process, Pid] = WeakKeyDictionary()


def requester(process: Process) -> Pid | None:
    """Who had `process` spawned by module, function and arguments; None where that was nobody."""
    return _requesters.get(process)


async def run(runtime: Runtime, request: SpawnRequest) -> None:
    """What a process that was started by module, function and arguments does."""
    args = request.args
    if not isinstance(args, list) or len(args) != request.arity:
        what = f"{request.module}:{request.function}/{request.arity}"
        raise BadArg(f"spawn of {what} by {request.sender}: the arguments are no list of so many")
    process = current_process.get()
    if process is not None:
        _requesters[process] = request.sender
    await apply_export(runtime, Export(request.module, request.function, len(args)), args)


async def apply_export(runtime: Runtime, function: Export, args: list[Term]) -> Any:
    """Call what `function` names, by the runtime's apply hook, and wait for what it returns."""
    result = runtime.apply_hook(function, args)
    return await result if inspect.isawaitable(result) else result
