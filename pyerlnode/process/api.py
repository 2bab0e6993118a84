"""What a process says: the functions that user code calls.

They act for the process that the caller runs in.  In a plain asyncio task inside
`async with Node(...)`, that task is given a process of its own at the first call.

Names and meanings are those of the module `erlang`; times are seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from pyerlnode.errors import BadArg, ErlangError
from pyerlnode.errors import Exit as ExitError
from pyerlnode.process.bounded import max_mailbox_of, set_max_mailbox
from pyerlnode.process.links import Links, link_or_noproc
from pyerlnode.process.monitors import DOWN, Monitored, Monitors, Watch
from pyerlnode.process.portal import OtherThread, forwarded
from pyerlnode.process.process import KILL, KILLED, NOPROC, NORMAL, Process
from pyerlnode.process.remote_spawn import spawn_opt, spawn_request
from pyerlnode.process.runtime import Destination, this_process
from pyerlnode.process.spawn_function import check_is_here, spawn, spawn_here
from pyerlnode.protocol.control import Exit2, GroupLeader
from pyerlnode.term import Atom, Export, Pid, Reference, Term
from pyerlnode.term.term_dict import TermDict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from typing import Literal

    from pyerlnode.process.bounded import MaxMailbox
    from pyerlnode.process.mailbox import Matcher

_ALIAS_MODES = ("explicit_unalias", "demonitor", "reply_demonitor")
_UNDEFINED = Atom("undefined")
_OK = Atom("ok")
_FLAGS = ("trap_exit", "async_dist")


def self() -> Pid:
    """The pid of the calling process."""
    try:
        return this_process().pid
    except OtherThread as here:
        return here.process.pid


def node() -> Atom:
    """The name of this node, `nonode@nohost` if it has none."""
    try:
        return this_process().runtime.name
    except OtherThread as here:
        return here.process.runtime.name


@forwarded
def nodes(kind: str = "visible") -> list[Atom]:
    """The connected nodes: `visible`, `hidden` or `connected`."""
    distribution = this_process().runtime.distribution
    return [] if distribution is None else distribution.nodes(kind)


@forwarded
def make_ref() -> Reference:
    """A new reference."""
    return this_process().runtime.make_ref()


# --- messages ---------------------------------------------------------------------


def send(to: Destination, message: Term, *, nosuspend: bool = False, noconnect: bool = False) -> Term:
    """Send `message` to a pid, an alias, a local name or `(name, node)`; returns the message.

    Never waits; but a process that sends more than a slow node takes is suspended afterwards,
    until that takes more or the connection is lost.  With `nosuspend` or `noconnect` (do not
    connect for this) the atom `ok`, or that very word where nothing was sent.  Raises BadArg for
    a local name that is not registered, SystemLimit for who cannot be suspended and goes on.
    """
    try:
        process = this_process()
    except OtherThread as here:
        return here.call(send, to, message, nosuspend=nosuspend, noconnect=noconnect)
    runtime = process.runtime
    if nosuspend or noconnect:
        obstacle = runtime.obstacle(to, process, nosuspend=nosuspend, noconnect=noconnect)
        if obstacle is None:
            runtime.send(to, message, process)
        return obstacle or _OK
    runtime.send(to, message, process)
    return message


def receive(match: Matcher | None = None, timeout: float | None = None) -> Coroutine[Any, Any, Term]:
    """Take the first message in the mailbox that `match` accepts (any, without one).

    `match` is called with a message and says whether to take it; the others keep their
    order.  Waits at most `timeout` seconds, 0 looks at what is there already; then
    TimeoutError.  UsageError in a `def` callback, which cannot wait.
    """
    try:
        process = this_process()
    except OtherThread as here:
        return here.call(receive, match, timeout)
    process.check_may_wait("receive")  # now, and not when it is awaited: it may not be
    return process.receive(match, timeout)


# --- processes ----------------------------------------------------------------------


@overload
def spawn_link(
    function: Callable[..., Coroutine[Any, Any, Any]] | Export,
    /,
    *args: Any,
    max_mailbox: MaxMailbox | None = None,
) -> Pid: ...
@overload
def spawn_link(
    node: str, function: Export | Callable[..., Any], args: Sequence[Term], /
) -> Awaitable[Pid]: ...
@overload
def spawn_link(node: str, module: str, function: str, args: Sequence[Term], /) -> Awaitable[Pid]: ...
@forwarded
def spawn_link(where: Any, /, *args: Any, max_mailbox: MaxMailbox | None = None) -> Any:
    """As `spawn`, linked to the caller from the start."""
    if isinstance(where, str):
        check_is_here(max_mailbox)
        return spawn_opt(where, *args, options=("link",))
    child = spawn_here(where, args, max_mailbox)
    Links.of(this_process()).link(child.pid)
    return child.pid


@overload
def spawn_monitor(
    function: Callable[..., Coroutine[Any, Any, Any]] | Export,
    /,
    *args: Any,
    max_mailbox: MaxMailbox | None = None,
) -> tuple[Pid, Reference]: ...
@overload
def spawn_monitor(
    node: str, function: Export | Callable[..., Any], args: Sequence[Term], /
) -> Awaitable[tuple[Pid, Reference]]: ...
@overload
def spawn_monitor(
    node: str, module: str, function: str, args: Sequence[Term], /
) -> Awaitable[tuple[Pid, Reference]]: ...
@forwarded
def spawn_monitor(where: Any, /, *args: Any, max_mailbox: MaxMailbox | None = None) -> Any:
    """As `spawn`, monitored by the caller from the start: the pid and the monitor."""
    if isinstance(where, str):
        check_is_here(max_mailbox)
        return spawn_opt(where, *args, options=("monitor",))
    child = spawn_here(where, args, max_mailbox)
    return child.pid, monitor(child.pid)


@forwarded
def exit(pid: Pid, reason: Term) -> bool:
    """Send the exit signal `reason` to a process of any node; always True.

    `kill` cannot be trapped and ends it with `killed`; `normal` is ignored by others.  A
    reason that is plain text is taken for the atom.
    To end the calling process itself, raise `Exit(reason)`.
    """
    process = this_process()
    runtime = process.runtime
    reason = Atom(reason) if type(reason) is str else reason
    _check_pid("exit", pid)
    if not runtime.is_local(pid):
        runtime.signal(pid.node, Exit2(process.pid, pid, reason))
        return True
    target = runtime.process(pid)
    if target is not None:
        target.exit_signal(process.pid, reason)
        if target is process and not process.alive:
            raise ExitError(process.exit_reason)
    return True


@forwarded
def is_alive(pid: Pid) -> bool:
    """Whether a process of this node has not ended."""
    return this_process().runtime.process(pid) is not None


@overload
def process_flag(flag: Literal["trap_exit", "async_dist"], value: bool) -> bool: ...
@overload
def process_flag(flag: Literal["max_mailbox"], value: MaxMailbox | None) -> MaxMailbox | None: ...
@overload
def process_flag(flag: str, value: Any) -> Any: ...
@forwarded
def process_flag(flag: str, value: Any) -> Any:
    """Set `trap_exit`, `async_dist` or `max_mailbox`; the old value.

    With `async_dist` a process is never suspended for sending more than a slow node takes.
    `max_mailbox`: how many messages may wait, `1000` or `(1000, policy)`, None for any number.  What
    others send is lost then, by the policy `drop_new` (the default) or `drop_old` (the oldest is), or
    `kill` ends the process with `{killed, mailbox_limit}`.  A call that is lost ends with `mailbox_full`.
    BadArg for another flag or value.
    """
    if flag not in (*_FLAGS, "max_mailbox"):
        raise BadArg(f"process_flag knows {', '.join(_FLAGS)} and max_mailbox, not {flag}")
    process = this_process()
    if flag == "max_mailbox":
        process.check_alive()
        before = max_mailbox_of(process)
        set_max_mailbox(process, value)
        return before
    if not isinstance(value, bool):
        raise BadArg(f"{flag} is True or False, not {value!r}")
    old: bool = getattr(process, flag)
    setattr(process, flag, value)
    return old


@forwarded
def group_leader(leader: Pid | None = None, pid: Pid | None = None) -> Pid:
    """The caller's group leader; with arguments, `leader` becomes that of `pid` (default: the caller)."""
    process = this_process()
    if leader is None:
        return process.group_leader
    runtime = process.runtime
    if pid is None:
        process.group_leader = leader
    elif not runtime.is_local(pid):
        runtime.signal(pid.node, GroupLeader(leader, pid))
    else:
        target = runtime.process(pid)
        if target is None:
            raise BadArg("group_leader: the process has ended")
        target.group_leader = leader
    return leader


# --- links and monitors ---------------------------------------------------------------


@forwarded
def link(pid: Pid) -> bool:
    """Link the caller to a process; True.

    A process of this node that has ended: ErlangError `noproc`, or the message
    `{EXIT, Pid, noproc}` if the caller traps exits; on another node always the signal.
    """
    _check_pid("link", pid)
    if not link_or_noproc(this_process(), pid):
        raise ErlangError(NOPROC)
    return True


@forwarded
def unlink(pid: Pid) -> bool:
    """Take the link away; True.  No exit of `pid` comes through it any more."""
    _check_pid("unlink", pid)
    process = this_process()
    if process.links is not None:
        process.links.unlink(pid)
    return True


def _check_pid(function: str, pid: object) -> None:
    if not isinstance(pid, Pid):
        raise BadArg(f"{function} wants a pid, not {pid!r}")


@forwarded
def monitor(item: Pid | str | tuple[str, str], *, alias: str | None = None, tag: Term = DOWN) -> Reference:
    """Monitor a process by pid, by local name, or by `(name, node)`.

    When it ends, or is not there, the caller gets `(tag, ref, "process", item, reason)`
    once; `item` is the pid, or the name and its node.  `alias` makes the reference an
    alias as well: `explicit_unalias`, `demonitor` or `reply_demonitor`.
    """
    process = this_process()
    process.check_alive()
    runtime = process.runtime
    if alias is not None and alias not in _ALIAS_MODES:
        raise BadArg(f"monitor: alias is one of {', '.join(_ALIAS_MODES)}, not {alias}")
    ref = runtime.make_ref()
    if alias is not None:
        process.runtime.add_alias(process, ref, Atom(alias))
    watch = Watch(monitored(process, item), tag, None if alias is None else Atom(alias), None)
    Monitors.of(process).watch(ref, watch)
    return ref


def monitored(process: Process, item: Pid | str | tuple[str, str]) -> Monitored:
    """What can be monitored, with its node; BadArg for anything else."""
    if isinstance(item, Pid):
        return item
    if isinstance(item, str):
        return (Atom(item), process.runtime.name)
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], str):
        return (Atom(item[0]), Atom(item[1]))
    raise BadArg(f"monitor wants a pid, a name or (name, node), not {item!r}")


@forwarded
def demonitor(ref: Reference, *, flush: bool = False) -> bool:
    """End a monitor; whether it was still there.

    With `flush` a message of it that is in the mailbox already is taken out.  BadArg for a
    reference that another node has made: it is no monitor of this process.
    """
    _check_reference(ref)
    process = this_process()
    if ref.node != process.runtime.name:
        raise BadArg("demonitor: the reference is of another node")
    found = process.monitors is not None and process.monitors.unwatch(ref)
    if flush and not found and process.mailbox is not None:
        process.mailbox.remove(
            lambda message: isinstance(message, tuple) and len(message) == 5 and message[1] == ref
        )
    return found


@forwarded
def monitor_node(node: str, flag: bool) -> bool:
    """With True: one `{nodedown, Node}` when the connection to `node` is lost or cannot be made; True.

    Of its own node a process never hears.
    """
    process = this_process()
    if node != process.runtime.name:
        process.runtime.watch_node(process, Atom(node), flag)
    return True


@forwarded
def alias(*, reply: bool = False) -> Reference:
    """A reference that others can send to, until `unalias`; with `reply` until the first message."""
    process = this_process()
    process.check_alive()
    ref = process.runtime.make_ref()
    process.runtime.add_alias(process, ref, Atom("reply" if reply else "explicit_unalias"))
    return ref


@forwarded
def unalias(ref: Reference) -> bool:
    """Make an alias of the caller void; whether it was in force."""
    _check_reference(ref)
    process = this_process()
    if process.aliases is None or ref not in process.aliases:
        return False
    return process.runtime.drop_alias(ref)


def _check_reference(ref: object) -> None:
    if type(ref) is not Reference:
        raise BadArg(f"{ref!r} is no reference")


# --- names ------------------------------------------------------------------------------


@forwarded
def register(name: str, pid: Pid) -> bool:
    """Give a process of this node a name; True, or BadArg (name taken, process named, or not alive)."""
    this_process().runtime.names.register(name, pid)
    return True


@forwarded
def unregister(name: str) -> bool:
    """Take a name away; True, or BadArg if nobody has it."""
    this_process().runtime.names.unregister(name)
    return True


@forwarded
def whereis(name: str) -> Pid | None:
    """The pid registered under a local name."""
    process = this_process().runtime.names.get(name)
    return None if process is None else process.pid


@forwarded
def registered() -> list[Atom]:
    """All names registered on this node."""
    return this_process().runtime.names.all()


# --- timers -------------------------------------------------------------------------------


@forwarded
def send_after(delay: float, to: Pid | str, message: Term) -> Reference:
    """Send `message` in `delay` seconds to a process of this node or to a name; the timer."""
    runtime = this_process().runtime
    ref = runtime.make_ref()
    runtime.timers.start(ref, delay, to, message)
    return ref


@forwarded
def start_timer(delay: float, to: Pid | str, message: Term) -> Reference:
    """As `send_after`, but what arrives is `(timeout, timer, message)`."""
    runtime = this_process().runtime
    ref = runtime.make_ref()
    runtime.timers.start(ref, delay, to, (Atom("timeout"), ref, message))
    return ref


@forwarded
def cancel_timer(ref: Reference) -> float | None:
    """Stop a timer: its message does not come any more.  The seconds left, None if it was not running."""
    return this_process().runtime.timers.cancel(ref)


@forwarded
def read_timer(ref: Reference) -> float | None:
    """The seconds a timer has left, None if it is not running."""
    return this_process().runtime.timers.read(ref)


# --- process dictionary ----------------------------------------------------------------------


@forwarded
def put(key: Term, value: Term) -> Term:
    """Set a value in the caller's process dictionary; the old one, or `undefined`.

    Keys are told apart as in Erlang: `1`, `1.0` and `True` are three, an atom and an equal
    text two.  TermEncodeError for one that is no term.
    """
    dictionary = _dictionary()
    old = dictionary.get(key, _UNDEFINED)
    dictionary[key] = value
    return old


@forwarded
def get(key: Term) -> Term:
    """A value of the caller's process dictionary, or `undefined`."""
    return _dictionary().get(key, _UNDEFINED)


@forwarded
def erase(key: Term) -> Term:
    """Take a value out of the caller's process dictionary; it, or `undefined`."""
    return _dictionary().pop(key, _UNDEFINED)


def _dictionary() -> TermDict[Term]:
    """The caller's, exact from its first use on: what the library sets has atoms as keys."""
    process = this_process()
    dictionary = process.dictionary
    if not isinstance(dictionary, TermDict):
        dictionary = process.dictionary = TermDict(() if dictionary is None else dictionary.items())
    return dictionary


__all__ = [
    "KILL",
    "KILLED",
    "NORMAL",
    "alias",
    "cancel_timer",
    "demonitor",
    "erase",
    "exit",
    "get",
    "group_leader",
    "is_alive",
    "link",
    "make_ref",
    "monitor",
    "monitor_node",
    "node",
    "nodes",
    "process_flag",
    "put",
    "read_timer",
    "receive",
    "register",
    "registered",
    "self",
    "send",
    "send_after",
    "spawn",
    "spawn_link",
    "spawn_monitor",
    "spawn_opt",
    "spawn_request",
    "start_timer",
    "unalias",
    "unlink",
    "unregister",
    "whereis",
]
