"""The processes of one node: their table, names, aliases and run queue.

A `Runtime` works without a network.  A node gives it a name and a `Distribution`,
which carries the signals for other nodes; what comes from there goes to
`receive_signal`.  Several runtimes may live on one event loop.

Signals between two processes arrive in the order in which they were sent: within a
runtime they take effect at once, to another node they leave through one connection.

Source: Erlang Reference Manual, "Processes", Delivery of Signals.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextvars import copy_context
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from pyerlnode.errors import BadArg, ErlangError, UsageError
from pyerlnode.process._steps import gives_coroutine, nth_pid, number_of, this_thread, value_of
from pyerlnode.process.deadlines import Deadlines
from pyerlnode.process.names import NameRegistry, Names
from pyerlnode.process.pool import PlainThread, Pool, size_from
from pyerlnode.process.portal import OtherThread
from pyerlnode.process.process import ALIVE, NORMAL, Process, current_process, current_runtime
from pyerlnode.process.scheduler import Home, RunQueue, schedulers_online
from pyerlnode.process.signals import Signals
from pyerlnode.process.task import ProcessTask
from pyerlnode.process.timers import Timers
from pyerlnode.process.workers import Worker
from pyerlnode.protocol.control import AliasSend, Control, RegSend, Send
from pyerlnode.term import Atom, Export, Fun, Pid, Reference, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from pyerlnode.process.per_runtime import PerRuntime
    from pyerlnode.process.pool import Runner
    from pyerlnode.process.process import Behaviour
    from pyerlnode.process.spawning import Spawning

logger = logging.getLogger("pyerlnode.process")

NO_NODE = Atom("nonode@nohost")
_UNDEF = Atom("undef")
_NODEDOWN = Atom("nodedown")
_NOCONNECT, _NOSUSPEND = Atom("noconnect"), Atom("nosuspend")

# How long `stop` waits for coroutines that go on after they were cancelled, in seconds.
STOP_TIME = 5.0

# Where a message can be sent: a pid, an alias, a local name, or a name on a node.
Destination: TypeAlias = Pid | Reference | str | tuple[str, str]


class Distribution(Protocol):
    """The way to other nodes; `pyerlnode.node` provides it."""

    def signal(self, node: Atom, control: Control) -> None:
        """Send in order, connecting first if need be; what cannot be sent goes to `Runtime.undeliverable`."""

    def is_connected(self, node: Atom) -> bool:
        """Whether there is a connection now."""

    def is_wanted(self, node: Atom) -> bool:
        """Whether there is a connection, or an attempt to make one."""

    def is_busy(self, node: Atom) -> bool:
        """Whether so much waits for a slow node that who sends to it is suspended."""

    def connect_soon(self, node: Atom, failed: Callable[[], object]) -> None:
        """Begin to connect; `failed` is called if that does not work."""

    def nodes(self, kind: str = "visible") -> list[Atom]:
        """Connected nodes: `visible`, `hidden` or `connected` (both)."""


class AliasTarget(Protocol):
    """Who receives what is sent to an alias."""

    def alias_message(self, message: Term) -> None:
        """Take the message."""


# Runs what a Fun, an Export or module-function-arguments names; what it returns may be a coroutine.
ApplyHook: TypeAlias = "Callable[[Export | Fun, list[Term]], Any]"


def nothing_exported(function: Export | Fun, args: list[Term]) -> Any:
    """The apply hook of a runtime where nothing can be called: error `undef`."""
    if isinstance(function, Export):
        raise ErlangError(_UNDEF, [(function.module, function.function, args, [])])
    raise ErlangError(_UNDEF, [(function, args, [])])


class Runtime(Home):
    """All processes of one node."""

    def __init__(self, name: str = NO_NODE, creation: int = 0) -> None:
        self.name = Atom(name)
        self.creation = creation
        self.loop = asyncio.get_running_loop()
        self.thread = this_thread()
        # What the run queue, timers and callbacks of the loop run in: that of no process.
        self.context = copy_context()
        self.context.run(current_runtime.set, self)
        Home.__init__(self, RunQueue(self.loop, self.context))
        cpus = schedulers_online()
        # Where `@blocking` and `@in_process` functions run.
        self.threads = self._pool("BLOCKING_THREADS", min(32, cpus + 4), PlainThread)
        self.workers = self._pool("WORKER_PROCESSES", cpus, Worker)
        self.names = Names(self)
        self.timers = Timers(self)
        self.deadlines = Deadlines(self)
        self.signals = Signals(self)
        self.aliases: dict[Reference, AliasTarget] = {}
        # Processes that other nodes were asked to start and have not answered for yet.
        self.spawns: dict[Reference, Spawning] = {}
        self.distribution: Distribution | None = None
        self.apply_hook: ApplyHook = nothing_exported
        # `{:via, Module, Name}` and, under the atom `global`, `{:global, Name}`: who resolves them.
        self.name_hooks: dict[Atom, NameRegistry] = {}
        # What `PerRuntime`s have of this one.
        self.kept: dict[PerRuntime[Any], Any] = {}
        # New processes without a parent get this group leader (None: they lead themselves).
        self.group_leader: Pid | None = None
        self._processes: dict[int, Process] = {}
        self._last_process = 0
        self._last_ref = 0
        # Who has links or monitors across the connection to a node (the values mean nothing).
        self._involved: dict[Atom, dict[Process, None]] = {}
        self._to_forget: set[Atom] = set()
        # How many `nodedown` messages each process is to get.
        self._node_watchers: dict[Atom, dict[Process, int]] = {}
        self._attached: dict[asyncio.Task[Any], Process] = {}
        self._to_bury: deque[Process] = deque()
        self._burying = False
        # Set by `stop`: the tasks that processes are attached to go on, only their processes end.
        self.stopping = False

    def __repr__(self) -> str:
        return f"<Runtime {self.name}>"

    def identify(self, name: str, creation: int) -> None:
        """Become part of a cluster under this name; UsageError once there are processes."""
        if self._processes:
            raise UsageError("a runtime gets its name before its first process: pids carry it")
        self.name, self.creation = Atom(name), creation

    def _pool(self, variable: str, size: int, runner: Callable[[], Runner]) -> Pool:
        size = size_from(f"PYERLNODE_{variable}", size)
        return Pool(self.loop, self.context, f"pyerlnode {variable.lower()}", size, runner)

    # --- making processes and references ------------------------------------------

    def make_ref(self) -> Reference:
        """A reference that is unique in this node's life."""
        self._last_ref = n = self._last_ref + 1
        # 18 bits in the first word: all that the oldest form of a reference has room for.
        # The last is never 0: words that are 0 at the end do not count, and cost time to tell.
        return Reference(self.name, self.creation, (n & 0x3FFFF, n >> 18 & 0xFFFFFFFF, 1 + (n >> 50)))

    def new_process(self, group_leader: Pid | None = None) -> Process:
        """An empty process; the caller gives it something to run."""
        self._last_process = n = self._last_process + 1
        pid = nth_pid(self.name, n, self.creation)
        process = self._processes[n] = Process.__new__(Process)
        process.set_up(self, pid, self.group_leader if group_leader is None else group_leader)
        return process

    def spawn(self, body: Coroutine[Any, Any, Any] | Behaviour, parent: Process | None = None) -> Process:
        """A process that runs a coroutine or a behaviour, from its first turn on.

        It inherits the group leader of `parent`; links, monitors and a name that are
        made before the caller waits next are there before it runs.
        """
        process = self.new_process(parent.group_leader if parent is not None else None)
        process.begin(body)
        return process

    def spawn_function(
        self, parent: Process, function: Callable[..., Coroutine[Any, Any, Any]], args: tuple[Any, ...]
    ) -> Process:
        """A process that runs `await function(*args)`, as `spawn`; BadArg for no async function."""
        if parent.exit_reason is not ALIVE:
            parent.check_alive()
        child = self.new_process(parent.group_leader)
        if gives_coroutine(function, len(args)):
            child.begin_with(function, args)
            return child
        try:
            # Called as the child: what is no `async def`, such as `receive`, asks at once who it is.
            context = copy_context()
            coroutine = child.call(context, function, args)
            if type(coroutine) is not CoroutineType:
                kind = type(coroutine).__name__
                raise BadArg(f"spawn wants an async function, {function!r} returned {kind}")
        except BaseException:
            child.die(NORMAL)
            raise
        child.begin(coroutine, context)
        return child

    def attach(self) -> Process:
        """A process for the asyncio task that runs now, until that is done.

        This is what makes `self()`, `receive` and calls work in a plain asyncio program.
        An exit signal that ends the process cancels the task.
        """
        task = asyncio.current_task()
        if task is None:
            raise UsageError("only a process or an asyncio task can do this")
        process = self._attached.get(task)
        if process is None:
            process = self._attached[task] = self.new_process()
            process.owner = task
            task.add_done_callback(process.owner_ended)
        return process

    # --- looking up ---------------------------------------------------------------

    def is_local(self, pid: Pid) -> bool:
        """Whether a pid is of this node (of an earlier life of it, too)."""
        return pid.node == self.name

    def process(self, pid: Pid) -> Process | None:
        """The living process with this pid."""
        process = self._processes.get(number_of(pid))
        if process is None or process.pid is pid:  # as a rule it is the very pid that the process has
            return process
        return process if pid.creation == self.creation and pid.node == self.name else None

    def processes(self) -> list[Process]:
        """All living processes, oldest first."""
        return list(self._processes.values())

    def registered_process(self, name: str) -> Process | None:
        """The process with this local name."""
        return self.names.get(name)

    # --- time ---------------------------------------------------------------------

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """Call `callback` in `delay` seconds, for no process in particular."""
        # With a context of its own a timer would keep the process alive that it was started in.
        return self.loop.call_later(delay, callback, *args, context=self.context)

    # --- sending ------------------------------------------------------------------

    def send(self, to: Destination, message: Term, sender: Process | None = None) -> None:
        """Send a message; nothing is said about one that reaches nobody.

        Raises BadArg for a local name that is not registered and for what is no destination.
        """
        if type(to) is Reference:
            self._send_to_alias(to, message, sender)
        elif isinstance(to, Pid):
            process = self.process(to)
            if process is not None:
                process.put(message)
            elif to.node != self.name:
                self.signal(to.node, Send(sender.pid if sender else None, to, message))
        elif isinstance(to, str):
            process = self.names.get(to)
            if process is None:
                raise BadArg(f"no process is registered as {to}")
            process.put(message)
        elif isinstance(to, tuple) and len(to) == 2 and isinstance(to[0], str) and isinstance(to[1], str):
            self._send_to_name(Atom(to[0]), Atom(to[1]), message, sender)
        else:
            raise BadArg(f"cannot send to {to!r}: a pid, an alias, a name or (name, node) is wanted")

    def obstacle(
        self, to: Destination, sender: Process | None, *, nosuspend: bool, noconnect: bool
    ) -> Atom | None:
        """`noconnect` or `nosuspend` where sending would connect first, or suspend the sender."""
        node = to[1] if isinstance(to, tuple) and len(to) == 2 else getattr(to, "node", self.name)
        if node == self.name or not isinstance(node, str):
            return None
        distribution = self.distribution
        if distribution is None or not distribution.is_wanted(Atom(node)):
            return _NOCONNECT if noconnect else None
        busy = nosuspend and not (sender and sender.async_dist) and distribution.is_busy(Atom(node))
        return _NOSUSPEND if busy else None

    def _send_to_name(self, name: Atom, node: Atom, message: Term, sender: Process | None) -> None:
        if node != self.name:
            self.signal(node, RegSend(self._sender_pid(sender), name, message))
            return
        process = self.names.get(name)
        if process is not None:
            process.put(message)

    def _send_to_alias(self, ref: Reference, message: Term, sender: Process | None) -> None:
        node = ref.node
        if node is not self.name:
            self.signal(node, AliasSend(self._sender_pid(sender), ref, message))
            return
        target = self.aliases.get(ref)
        if target is not None:
            target.alias_message(message)

    def _sender_pid(self, sender: Process | None) -> Pid:
        # The sender is for tracing only; a send outside of any process still needs a pid there.
        return sender.pid if sender is not None else Pid(self.name, 0, 0, self.creation)

    def add_alias(self, process: Process, ref: Reference, mode: Atom) -> None:
        """Let what is sent to `ref` go to `process`."""
        self.aliases[ref] = ProcessAlias(process, ref, mode)
        if process.aliases is None:
            process.aliases = set()
        process.aliases.add(ref)

    def drop_alias(self, ref: Reference) -> bool:
        """Make an alias void; whether it was in force."""
        target = self.aliases.pop(ref, None)
        if isinstance(target, ProcessAlias) and target.process.aliases is not None:
            target.process.aliases.discard(ref)
        return target is not None

    # --- other nodes --------------------------------------------------------------

    def signal(self, node: Atom, control: Control) -> None:
        """Hand a signal to the distribution; without one no other node can be reached."""
        if self.distribution is None:
            self.undeliverable(node, control)
        else:
            self.distribution.signal(node, control)

    def signal_if_connected(self, node: Atom, control: Control) -> None:
        """As `signal`, for what a node that is not connected has forgotten anyway."""
        if self.distribution is not None and self.distribution.is_connected(node):
            self.distribution.signal(node, control)

    def receive_signal(self, node: Atom, control: Control) -> None:
        """A control message has arrived from `node`."""
        self.signals.receive(node, control)

    def undeliverable(self, node: Atom, control: Control) -> None:
        """A signal could not be sent, because there is no way to `node`."""
        # Not at once: who sent it has not returned from its `link` or `monitor` yet.
        self.loop.call_soon(self.signals.undeliverable, node, control)

    def involve(self, node: Atom, process: Process) -> None:
        """Remember that `process` has a link or a monitor across the connection to `node`."""
        involved = self._involved.get(node)
        if involved is None:
            involved = self._involved[node] = {}
        involved[process] = None

    def involved(self, node: Atom) -> Iterable[Process]:
        """Who has links or monitors across the connection to `node`."""
        return self._involved.get(node, ())

    def forget_uninvolved(self, node: Atom) -> None:
        """Soon, forget who has nothing left that leads to `node`, which could not be reached."""
        # Once for all signals that could not be sent: a process may have thousands of links.
        if node in self._involved and node not in self._to_forget:
            self._to_forget.add(node)
            self.loop.call_soon(self._forget_uninvolved, node, context=self.context)

    def _forget_uninvolved(self, node: Atom) -> None:
        self._to_forget.discard(node)
        left = [each for each in self._involved.pop(node, ()) if each.leads_to(node)]
        if left:
            self._involved[node] = dict.fromkeys(left)

    def node_down(self, node: Atom) -> None:
        """The connection to `node` is lost: `noconnection` to everybody whom it concerns."""
        self.signals.connection_lost(node, self._involved.pop(node, {}))
        self._tell_watchers(node)

    def watch_node(self, process: Process, node: Atom, flag: bool) -> None:
        """`monitor_node`: one `{nodedown, Node}` for each call with True that is not taken back."""
        if not flag:
            self._unwatch_node(process, node)
            return
        process.check_alive()
        if self.distribution is None:
            process.deliver((_NODEDOWN, node))
            return
        watchers = self._node_watchers.setdefault(node, {})
        watchers[process] = watchers.get(process, 0) + 1
        if not self.distribution.is_connected(node):
            self.distribution.connect_soon(node, lambda: self._tell_watchers(node))

    def _unwatch_node(self, process: Process, node: Atom) -> None:
        watchers = self._node_watchers.get(node, {})
        count = watchers.get(process, 0)
        if count > 1:
            watchers[process] = count - 1
        elif count:
            del watchers[process]
        if not watchers:
            self._node_watchers.pop(node, None)

    def _tell_watchers(self, node: Atom) -> None:
        for process, count in self._node_watchers.pop(node, {}).items():
            for _ in range(count):
                process.deliver((_NODEDOWN, node))

    # --- the end of a process -----------------------------------------------------

    def bury(self, process: Process) -> None:
        """Take a process that has just ended out of all tables, then tell who is linked or monitors.

        Telling may end further processes; they queue up here, so that a chain of links
        of any length does not grow the Python stack.
        """
        self._bury(process)

    def _bury(self, process: Process) -> None:
        self._processes.pop(number_of(process.pid), None)
        at_end, process.at_end = process.at_end, None
        if at_end is not None:
            for callback in at_end:
                callback(process)
        if process.name is not None:
            self.names.drop(process)
        if process.owner is not None:
            self._attached.pop(process.owner, None)
        if process.aliases is not None:
            for ref in process.aliases:
                self.aliases.pop(ref, None)
        if process.timers is not None:
            self.timers.process_ended(process)
        if process.starting is not None:
            process.starting.down(process.exit_reason)
        if process.links is None and process.monitors is None and not self._node_watchers:
            return  # there is nobody to be told
        self._to_bury.append(process)
        if self._burying:
            return
        self._burying = True
        try:
            while self._to_bury:
                self._tell(self._to_bury.popleft())
        finally:
            self._burying = False

    def _tell(self, process: Process) -> None:
        reason = process.exit_reason
        links, monitors = process.links, process.monitors
        # Both refer to the process; without them it is freed as soon as nobody knows it.
        process.links = process.monitors = None
        if links is not None:
            links.break_all(reason)
        if monitors is not None:
            monitors.end_all(reason)
        if links is not None or monitors is not None:
            _leave(self._involved, process)
        if self._node_watchers:
            _leave(self._node_watchers, process)

    async def stop(self, reason: Term) -> None:
        """End every process that is left and let their coroutines unwind.

        A coroutine that goes on after it was cancelled is left behind after STOP_TIME.
        """
        self.stopping = True
        for process in self.processes():
            if process.owner is not None:
                process.owner.remove_done_callback(process.owner_ended)
            process.die(reason)
        self.timers.cancel_all()
        self.deadlines.close()
        tasks = [task for task in asyncio.all_tasks() if self._unwinds(task)]
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=STOP_TIME)
            for task in left:
                logger.warning("%s was cancelled and has not ended within %g s", task.get_name(), STOP_TIME)
        self.threads.close()
        self.workers.close()

    def _unwinds(self, task: object) -> bool:
        here: object = asyncio.current_task()
        return isinstance(task, ProcessTask) and task.process.runtime is self and task is not here


def _leave(table: dict[Atom, dict[Process, Any]], process: Process) -> None:
    for node in [node for node, members in table.items() if process in members]:
        del table[node][process]
        if not table[node]:
            del table[node]


class ProcessAlias:
    """An alias whose messages go to the mailbox of a process."""

    __slots__ = ("mode", "process", "ref")

    def __init__(self, process: Process, ref: Reference, mode: Atom) -> None:
        self.process = process
        self.ref = ref
        self.mode = mode  # explicit_unalias, reply, demonitor or reply_demonitor

    def alias_message(self, message: Term) -> None:
        if self.mode in ("reply", "reply_demonitor"):
            self.process.runtime.drop_alias(self.ref)
        if self.mode == "reply_demonitor" and self.process.monitors is not None:
            self.process.monitors.unwatch(self.ref)
        self.process.deliver(message)


def this_process() -> Process:
    """The process that the caller runs in; a plain asyncio task is given one.

    Raises UsageError where there is neither a process nor a node, OtherThread (which is one,
    too) in a thread that is not the event loop's.
    """
    process = value_of(current_process)  # most of what a program does begins with it
    here = this_thread()
    runtime: Runtime | None
    if process is not None and process.owner is None:
        home = process.runtime
        if home.thread == here:
            return process
    runtime = current_runtime.get(None)
    # A process that is attached to a task acts for it only at the node that the task uses now.
    if process is not None and process.runtime is runtime:
        if runtime.thread != here:
            raise OtherThread(process)
        if process.alive:
            return process
    if runtime is None:
        raise UsageError("no node: use `async with Node(...)`, or run this in a process")
    process = runtime.attach()
    current_process.set(process)
    return process
