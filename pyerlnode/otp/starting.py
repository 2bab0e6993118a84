"""A start that is under way: what the new process knows of its origin, and what it says to who waits.

`proc_lib` is what others use of it; this much of it is compiled, since each start of a server needs it.

Source: proc_lib.erl and gen.erl of OTP's stdlib.
Proof: tests/otp/test_gen_server_starting.py, tests/otp/test_starting_here.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyerlnode.process.links import Links
from pyerlnode.process.monitors import DOWN, Monitors, Watch
from pyerlnode.process.process import NOPROC
from pyerlnode.process.suspension import Suspension
from pyerlnode.process.task import runs_in
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from pyerlnode.process.process import Process

__all__ = [
    "ANCESTORS",
    "ERROR",
    "IGNORE",
    "INITIAL_CALL",
    "OK",
    "TIMEOUT",
    "StartResult",
    "Starting",
    "ancestors",
    "init_ack",
    "init_fail",
    "link_new",
    "origins",
    "parent_of_new",
    "starts_for",
]

# ("ok", pid), ("ok", (pid, reference)), "ignore" or ("error", reason).
StartResult: TypeAlias = Any

ANCESTORS: Final = Atom("$ancestors")
INITIAL_CALL: Final = Atom("$initial_call")
IGNORE: Final = Atom("ignore")
OK, ERROR, TIMEOUT = Atom("ok"), Atom("error"), Atom("timeout")

# A process that starts others for one of another node -> that one, which is their parent, and they.
starts_for: dict[Process, tuple[Pid, set[Pid]]] = {}


def init_ack(process: Process, result: StartResult) -> None:
    """The process is ready (`("ok", pid)`), or is not to be started (`"ignore"`): tell who waits."""
    starting = process.starting
    if isinstance(starting, Starting) and starting.silent:
        starting.acknowledge(result)


def init_fail(process: Process, result: StartResult) -> None:
    """The start fails with `result`; who waits learns of it when the process has ended."""
    starting = process.starting
    if isinstance(starting, Starting) and starting.silent:
        starting.prepare(result)
        parent = starting.parent
        told = parent.trap_exit or parent.owner is not None or parent in starts_for
        if process.links is not None and told:
            # It is told by the result.  A plain asyncio task gets an exception with the reason,
            # which ends it as the exit signal would, if it does not catch it.
            process.links.unlink(parent_of_new(parent))


class Starting(Suspension):
    """The wait for one process to be ready, or to end."""

    __slots__ = ("_timed_out", "_to_come", "child", "parent", "ref", "result")

    def __init__(self, parent: Process, child: Process) -> None:
        self._waiter = None
        self.parent, self.child = parent, child
        self.result: StartResult = None
        self._to_come: StartResult = None
        self._timed_out = False
        self.ref: Reference | None = None
        child.starting = self
        if not child.alive:
            self.down(NOPROC)
        elif not runs_in(parent):
            # A task within the process waits: it has to hear of the end of that, too.
            self.ref = parent.runtime.make_ref()
            Monitors.of(parent).watch(self.ref, Watch(child.pid, DOWN, None, self))

    @property
    def silent(self) -> bool:
        """Whether the process has said nothing yet."""
        return self.result is None and self._to_come is None

    def ready(self) -> bool:
        return self.result is not None or self._timed_out

    def acknowledge(self, result: StartResult) -> None:
        self.result = result
        self.wake()

    def prepare(self, result: StartResult) -> None:
        self._to_come = result

    def down(self, reason: Term) -> None:
        """The process has ended, without `init_ack`."""
        if self.result is None:
            self.result = self._to_come or (ERROR, reason)
            self.wake()

    def time_out(self) -> None:
        self._timed_out = True
        if self.result is None:
            init_fail(self.child, (ERROR, TIMEOUT))
        self.wake()


class Origins:
    """What is in the dictionary of a process from its start: siblings share it, for its size."""

    __slots__ = ("_dictionary", "_key")

    def __init__(self) -> None:
        self._key: tuple[Any, ...] = ()
        self._dictionary: dict[Term, Term] = {}

    def of(self, parent: Process, initial_call: tuple[Atom, Atom, int]) -> dict[Term, Term]:
        """The dictionary of a process that `parent` starts."""
        if starts_for and parent in starts_for:
            return {ANCESTORS: ancestors(parent), INITIAL_CALL: initial_call}
        # The very objects: it is enough that this is found again for what is started in a row.
        last = self._key
        if (
            not last
            or last[0] is not parent.pid
            or last[1] is not parent.name
            or last[2] is not parent.dictionary
            or last[3] != initial_call
        ):
            self._key = (parent.pid, parent.name, parent.dictionary, initial_call)
            self._dictionary = {ANCESTORS: ancestors(parent), INITIAL_CALL: initial_call}
        return self._dictionary


origins = Origins()


def ancestors(parent: Process) -> list[Term]:
    """What `$ancestors` of a process is that `parent` starts: names where there are any, else pids."""
    if parent in starts_for:
        return [starts_for[parent][0]]
    dictionary = parent.dictionary
    older = dictionary.get(ANCESTORS) if dictionary is not None else None
    return [parent.name or parent.pid, *(older if isinstance(older, list) else ())]


def parent_of_new(process: Process) -> Pid:
    """Who is the parent of what `process` starts with a link: itself, but within `starting_for`."""
    return starts_for[process][0] if process in starts_for else process.pid


def link_new(process: Process, new: Process) -> None:
    """Link what `process` starts to its parent."""
    if not starts_for or process not in starts_for:
        Links.of(process).link(new.pid)
        return
    parent, started = starts_for[process]
    Links.of(new).link(parent)
    started.add(new.pid)
