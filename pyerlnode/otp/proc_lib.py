"""Starting a process and waiting until it says that it is ready.

    result = await start(Server(...), link=True, name="counter", initial_call=...)
    # ("ok", pid), "ignore" or ("error", reason), as in OTP: what a supervisor goes by

The new process says so once with `init_ack` (ready, or not to be started) or with
`init_fail` (it ends after that).  One that ends without a word is `("error", reason)`.

Each process that is started here knows where it comes from: `$ancestors` and
`$initial_call` stand in its dictionary.

Source: proc_lib.erl and gen.erl of OTP's stdlib.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from operator import is_
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyerlnode.errors import ErlangError
from pyerlnode.otp import gen
from pyerlnode.otp.argument_error import argument_error, shown
from pyerlnode.otp.results import check_timeout
from pyerlnode.process import Process, Suspension, demonitor, monitor, this_process
from pyerlnode.process.bounded import set_max_mailbox
from pyerlnode.process.links import Links
from pyerlnode.process.monitors import DOWN, Monitors, Watch
from pyerlnode.process.process import EXIT, KILL, NOPROC, NORMAL
from pyerlnode.process.task import runs_in
from pyerlnode.term import Atom, Pid, Reference, Term
from pyerlnode.term.term_dict import TermDict

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine, Iterator

    from pyerlnode.process import Behaviour, Runtime
    from pyerlnode.process.bounded import MaxMailbox

__all__ = [
    "ANCESTORS",
    "IGNORE",
    "INITIAL_CALL",
    "StartName",
    "StartResult",
    "ancestors",
    "init_ack",
    "init_fail",
    "link_new",
    "parent_of_new",
    "put_origin",
    "start",
    "starting_for",
]

# What a process can be started under: a local name, ("global", name) or ("via", module, name).
StartName: TypeAlias = str | tuple[str, Term] | tuple[str, str, Term]
# ("ok", pid), ("ok", (pid, reference)), "ignore" or ("error", reason).
StartResult: TypeAlias = Any

ANCESTORS: Final = Atom("$ancestors")
INITIAL_CALL: Final = Atom("$initial_call")
IGNORE: Final = Atom("ignore")

_OK, _ERROR, _TIMEOUT = Atom("ok"), Atom("error"), Atom("timeout")
_ALREADY_STARTED, _UNDEF = Atom("already_started"), Atom("undef")

# A process that starts others for one of another node -> that one, which is their parent, and they.
_starts_for: dict[Process, tuple[Pid, set[Pid]]] = {}


async def start(
    body: Behaviour | Coroutine[Any, Any, Any],
    *,
    initial_call: tuple[Atom, Atom, int],
    link: bool = False,
    watch: bool = False,
    name: StartName | None = None,
    timeout: float | None = None,
    max_mailbox: MaxMailbox | None = None,
) -> StartResult:
    """Run `body` in a process of its own and wait until it is ready.

    With `link` the caller is its parent and linked from the start.  A start that fails
    leaves no message in the mailbox of a caller that traps exits; one that does not
    trap gets the exit signal, except where it is a plain asyncio task: the exception
    that it is going to see says the same.  `watch` monitors, and adds the reference to
    the result.  After `timeout` seconds the process is killed: `("error", "timeout")`.
    `max_mailbox` bounds its mailbox, as of the first message.
    """
    parent = this_process()
    parent.check_may_wait("starting a process")
    try:
        check_timeout(timeout)
        taken = None if name is None else _taken(parent.runtime, check_name(name))
    except BaseException:
        _discard(body)
        raise
    if taken is not None:
        _discard(body)
        return (_ERROR, (_ALREADY_STARTED, taken))
    process = parent.runtime.new_process(parent.group_leader)
    process.dictionary = _origins.of(parent, initial_call)
    if max_mailbox is not None:
        set_max_mailbox(process, max_mailbox)
    if name is not None:
        refused: Term = None
        try:
            refused = await _register(process, name)
        except BaseException:
            refused = NORMAL  # the process must not be left behind, though it does not run yet
            raise
        finally:
            if refused is not None:
                _discard(body)
                process.die(NORMAL)
        if refused is not None:
            return (_ERROR, refused)
    if link:
        link_new(parent, process)
    ref = monitor(process.pid) if watch else None
    starting = _Starting(parent, process)
    process.begin(body)
    result = await starting.wait(timeout)
    if ref is None and type(result) is tuple and result[0] is _OK:
        return result
    return await _finish(parent, process, result, link=link, ref=ref, name=name)


def init_ack(process: Process, result: StartResult) -> None:
    """The process is ready (`("ok", pid)`), or is not to be started (`"ignore"`): tell who waits."""
    starting = process.starting
    if isinstance(starting, _Starting) and starting.silent:
        starting.acknowledge(result)


def init_fail(process: Process, result: StartResult) -> None:
    """The start fails with `result`; who waits learns of it when the process has ended."""
    starting = process.starting
    if isinstance(starting, _Starting) and starting.silent:
        starting.prepare(result)
        parent = starting.parent
        told = parent.trap_exit or parent.owner is not None or parent in _starts_for
        if process.links is not None and told:
            # It is told by the result.  A plain asyncio task gets an exception with the reason,
            # which ends it as the exit signal would, if it does not catch it.
            process.links.unlink(parent_of_new(parent))


class _Starting(Suspension):
    """The wait for one process to be ready, or to end."""

    __slots__ = ("_ref", "_result", "_timed_out", "_to_come", "child", "parent")

    def __init__(self, parent: Process, child: Process) -> None:
        self._waiter = None
        self.parent, self.child = parent, child
        self._result: StartResult = None
        self._to_come: StartResult = None
        self._timed_out = False
        self._ref: Reference | None = None
        child.starting = self
        if not child.alive:
            self.down(NOPROC)
        elif not runs_in(parent):
            # A task within the process waits: it has to hear of the end of that, too.
            self._ref = parent.runtime.make_ref()
            Monitors.of(parent).watch(self._ref, Watch(child.pid, DOWN, None, self))

    @property
    def silent(self) -> bool:
        """Whether the process has said nothing yet."""
        return self._result is None and self._to_come is None

    def ready(self) -> bool:
        return self._result is not None or self._timed_out

    def acknowledge(self, result: StartResult) -> None:
        self._result = result
        self.wake()

    def prepare(self, result: StartResult) -> None:
        self._to_come = result

    def down(self, reason: Term) -> None:
        """The process has ended, without `init_ack`."""
        if self._result is None:
            self._result = self._to_come or (_ERROR, reason)
            self.wake()

    async def wait(self, timeout: float | None) -> StartResult:
        timer: asyncio.TimerHandle | None = None
        try:
            if timeout is not None:
                timer = self.parent.runtime.loop.call_later(timeout, self._time_out)
            await self
        finally:
            if timer is not None:
                timer.cancel()
            if self._ref is not None and self.parent.monitors is not None:
                self.parent.monitors.unwatch(self._ref)
            self.child.starting = None
            if self._result is None if self.parent.alive else self.parent in _starts_for:
                # Too slow, the wait was cancelled, or who would tell has ended: nobody would know of it.
                self.child.exit_signal(self.parent.pid, KILL)
        return (_ERROR, _TIMEOUT) if self._result is None else self._result

    def _time_out(self) -> None:
        self._timed_out = True
        if self._result is None:
            init_fail(self.child, (_ERROR, _TIMEOUT))
        self.wake()


async def _finish(
    parent: Process,
    process: Process,
    result: StartResult,
    *,
    link: bool,
    ref: Reference | None,
    name: StartName | None,
) -> StartResult:
    if type(result) is tuple and result[0] is _OK:
        return result if ref is None else (_OK, (process.pid, ref))
    if ref is not None:
        demonitor(ref, flush=True)
    if link and parent.mailbox is not None:
        pid = process.pid
        parent.mailbox.remove(lambda message: _is_exit(message, pid))
    if name is not None and gen.is_registry_name(name):
        resolver, key = gen.registry(parent.runtime, name)  # type: ignore[arg-type]  # a tuple, as was just seen
        if resolver is not None:
            done = resolver.unregister_name(key)
            if inspect.isawaitable(done):
                await done
    return result


def _is_exit(message: Term, pid: Pid) -> bool:
    return type(message) is tuple and len(message) == 3 and message[0] is EXIT and message[1] == pid


class _Origins:
    """What is in the dictionary of a process from its start: siblings share it, for its size."""

    __slots__ = ("_dictionary", "_key")

    def __init__(self) -> None:
        self._key: tuple[Any, ...] = ()
        self._dictionary: dict[Term, Term] = {}

    def of(self, parent: Process, initial_call: tuple[Atom, Atom, int]) -> dict[Term, Term]:
        """The dictionary of a process that `parent` starts."""
        # The very objects: it is enough that this is found again for what is started in a row.
        key = (parent.pid, parent.name, parent.dictionary, *initial_call)
        if parent in _starts_for:
            return {ANCESTORS: ancestors(parent), INITIAL_CALL: initial_call}
        if len(key) != len(self._key) or not all(map(is_, key, self._key)):
            self._key = key
            self._dictionary = {ANCESTORS: ancestors(parent), INITIAL_CALL: initial_call}
        return self._dictionary


_origins = _Origins()


def put_origin(process: Process, entries: dict[Term, Term]) -> None:
    """Let the dictionary of a process that was started here say something else of where it comes from."""
    dictionary = process.dictionary
    if isinstance(dictionary, TermDict):
        for key, value in entries.items():
            dictionary[key] = value
    elif dictionary is not None:
        process.dictionary = {**dictionary, **entries}


def ancestors(parent: Process) -> list[Term]:
    """What `$ancestors` of a process is that `parent` starts: names where there are any, else pids."""
    if parent in _starts_for:
        return [_starts_for[parent][0]]
    dictionary = parent.dictionary
    older = dictionary.get(ANCESTORS) if dictionary is not None else None
    return [parent.name or parent.pid, *(older if isinstance(older, list) else ())]


@contextmanager
def starting_for(process: Process, parent: Pid) -> Iterator[set[Pid]]:
    """Meanwhile, what `process` starts with a link has `parent` for its parent: a supervisor elsewhere.

    Gives the pids of those that were started so.
    """
    started: set[Pid] = set()
    _starts_for[process] = (parent, started)
    try:
        yield started
    finally:
        _starts_for.pop(process, None)


def parent_of_new(process: Process) -> Pid:
    """Who is the parent of what `process` starts with a link: itself, but within `starting_for`."""
    return _starts_for[process][0] if process in _starts_for else process.pid


def link_new(process: Process, new: Process) -> None:
    """Link what `process` starts to its parent."""
    if process not in _starts_for:
        Links.of(process).link(new.pid)
        return
    parent, started = _starts_for[process]
    Links.of(new).link(parent)
    started.add(new.pid)


def _discard(body: Behaviour | Coroutine[Any, Any, Any]) -> None:
    if inspect.iscoroutine(body):
        body.close()


# --- names --------------------------------------------------------------------------------


def check_name(name: StartName) -> StartName:
    """The name; Elixir's ArgumentError for what a process cannot be registered as."""
    if isinstance(name, str) and name not in ("", "undefined", "nil", "true", "false"):
        return name
    if not gen.is_registry_name(name):
        raise argument_error(
            "expected :name option to be one of the following:\n\n  * nil\n  * atom\n  * {:global, term}\n"
            f"  * {{:via, module, term}}\n\nGot: {shown(name)}\n"
        )
    return name


def _taken(runtime: Runtime, name: StartName) -> Pid | None:
    found = gen.where(runtime, name)
    return found if isinstance(found, Pid) else None


async def _register(process: Process, name: StartName) -> Term | None:
    """Register a process that does not run yet; None, or why that was refused."""
    runtime = process.runtime
    if isinstance(name, str):
        runtime.names.register(name, process.pid)
        return None
    resolver, key = gen.registry(runtime, name)
    if resolver is None:
        module = Atom(name[1] if len(name) == 3 else "global")
        return (_UNDEF, [(module, Atom("register_name"), [key, process.pid], [])])
    try:
        registered = resolver.register_name(key, process.pid)
        if inspect.isawaitable(registered):
            registered = await registered
    except ErlangError as error:
        return (error.reason, error.stack or [])
    if registered:
        return None
    return (_ALREADY_STARTED, _taken(runtime, name) or process.pid)
