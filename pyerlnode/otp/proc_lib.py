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
from typing import TYPE_CHECKING, Any, TypeAlias

from pyerlnode.errors import ErlangError
from pyerlnode.otp import gen
from pyerlnode.otp.argument_error import argument_error, shown
from pyerlnode.otp.results import check_timeout
from pyerlnode.otp.starting import (
    ANCESTORS,
    ERROR,
    IGNORE,
    INITIAL_CALL,
    OK,
    TIMEOUT,
    Starting,
    StartResult,
    ancestors,
    init_ack,
    init_fail,
    link_new,
    origins,
    parent_of_new,
    starts_for,
)
from pyerlnode.process import Process, demonitor, monitor, this_process
from pyerlnode.process.bounded import set_max_mailbox
from pyerlnode.process.process import EXIT, KILL, NORMAL
from pyerlnode.process.waiting import let_others_run
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

_ALREADY_STARTED, _UNDEF = Atom("already_started"), Atom("undef")


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
        return (ERROR, (_ALREADY_STARTED, taken))
    process = parent.runtime.new_process(parent.group_leader)
    process.dictionary = origins.of(parent, initial_call)
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
            return (ERROR, refused)
    if link:
        link_new(parent, process)
    ref = monitor(process.pid) if watch else None
    starting = Starting(parent, process)
    process.begin(body)
    return await outcome(starting, link=link, ref=ref, name=name, timeout=timeout)


async def outcome(
    starting: Starting,
    *,
    link: bool = False,
    ref: Reference | None = None,
    name: StartName | None = None,
    timeout: float | None = None,
) -> StartResult:
    """Wait for what becomes of a start; `ref` is a monitor of the process that the result is to have."""
    result = await _said(starting, timeout)
    if ref is None and type(result) is tuple and result[0] is OK:
        return result
    return await _finish(starting.parent, starting.child, result, link=link, ref=ref, name=name)


async def _said(starting: Starting, timeout: float | None) -> StartResult:
    """What the process says when it is ready, or ends."""
    parent = starting.parent
    timer: asyncio.TimerHandle | None = None
    try:
        if timeout is not None:
            timer = parent.runtime.loop.call_later(timeout, starting.time_out)
        if starting.result is None:
            parent.receives = 0
        elif not parent.alive:  # it was ended by what it has started, in its own turn
            await let_others_run(parent)
        await starting
    finally:
        if timer is not None:
            timer.cancel()
        if starting.ref is not None and parent.monitors is not None:
            parent.monitors.unwatch(starting.ref)
        starting.child.starting = None
        if starting.result is None if parent.alive else parent in starts_for:
            # Too slow, the wait was cancelled, or who would tell has ended: nobody would know of it.
            starting.child.exit_signal(parent.pid, KILL)
    return (ERROR, TIMEOUT) if starting.result is None else starting.result


async def _finish(
    parent: Process,
    process: Process,
    result: StartResult,
    *,
    link: bool,
    ref: Reference | None,
    name: StartName | None,
) -> StartResult:
    if type(result) is tuple and result[0] is OK:
        return result if ref is None else (OK, (process.pid, ref))
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


def put_origin(process: Process, entries: dict[Term, Term]) -> None:
    """Let the dictionary of a process that was started here say something else of where it comes from."""
    dictionary = process.dictionary
    if isinstance(dictionary, TermDict):
        for key, value in entries.items():
            dictionary[key] = value
    elif dictionary is not None:
        process.dictionary = {**dictionary, **entries}


@contextmanager
def starting_for(process: Process, parent: Pid) -> Iterator[set[Pid]]:
    """Meanwhile, what `process` starts with a link has `parent` for its parent: a supervisor elsewhere.

    Gives the pids of those that were started so.
    """
    started: set[Pid] = set()
    starts_for[process] = (parent, started)
    try:
        yield started
    finally:
        starts_for.pop(process, None)


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
