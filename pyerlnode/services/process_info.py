"""`erlang:process_info`: what tools ask about a process.

The items that tell of a process as such (links, monitors, mailbox, dictionary, flags,
names) are exact.  Those that tell of a BEAM's memory and code are filled in as far as
there is something like them: sizes are in words of 8 bytes and count what Python says of
the process's own objects; `reductions` counts nothing and is 0.

Source: erlang:process_info/1,2.
Proof: tests/services/test_builtins.py, tests/process/test_bounded_mailboxes.py, tests/otp/test_sys.py.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg
from pyerlnode.otp.readable import readable
from pyerlnode.otp.suspending import Suspendable
from pyerlnode.process import ProcessTask, current_process
from pyerlnode.term import Atom, Pid, Term, charlist, equal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyerlnode.process import Process, Runtime

__all__ = ["DEFAULT_ITEMS", "process_info"]

_UNDEFINED, _NORMAL, _PROCESS = Atom("undefined"), Atom("normal"), Atom("process")
_REGISTERED_NAME: Final = "registered_name"
_DICTIONARY: Final = "dictionary"
_ANCESTORS, _INITIAL_CALL = Atom("$ancestors"), Atom("$initial_call")
_PROCESS_LABEL = Atom("$process_label")
_SIZE, _POLICY, _DROPPED = Atom("size"), Atom("policy"), Atom("dropped")
_WORD = 8

DEFAULT_ITEMS: Final = (
    "current_function",
    "initial_call",
    "status",
    "message_queue_len",
    "links",
    "dictionary",
    "trap_exit",
    "error_handler",
    "priority",
    "group_leader",
    "total_heap_size",
    "heap_size",
    "stack_size",
    "reductions",
    "garbage_collection",
    "suspending",
)


def process_info(runtime: Runtime, pid: Pid, items: Term = None) -> Term:
    """What `process_info(Pid)`, `(Pid, Item)` or `(Pid, [Item])` answers; BadArg as there."""
    if not isinstance(pid, Pid) or not runtime.is_local(pid):
        raise BadArg(f"process_info wants a pid of this node, not {pid!r}")
    if items is not None:
        for item in items if isinstance(items, list) else [items]:
            if not _is_item(item):
                raise BadArg(f"process_info knows no item {item!r}")
    process = runtime.process(pid)
    if process is None:
        return _UNDEFINED
    if items is None:
        named: list[Term] = [] if process.name is None else [_item(process, _REGISTERED_NAME)]
        return named + [_item(process, item) for item in DEFAULT_ITEMS]
    if isinstance(items, list):
        return [_item(process, item) for item in items]
    if items == _REGISTERED_NAME and process.name is None:
        return []
    return _item(process, items)


def _is_item(item: Term) -> bool:
    if isinstance(item, tuple):
        return len(item) == 2 and isinstance(item[0], str) and item[0] == _DICTIONARY
    return isinstance(item, str) and item in _ITEMS


def _item(process: Process, item: Any) -> tuple[Term, Term]:
    if isinstance(item, tuple):
        return (item, _entry(process, item[1]))
    return (Atom(item), _ITEMS[item](process))


def _entry(process: Process, wanted: Term) -> Term:
    """One entry of the dictionary, for `{dictionary, Key}`, since OTP 26.2.

    The key comes from outside: a deep one must not be hashed.
    """
    return next((value for key, value in _dictionary(process) if equal(key, wanted)), _UNDEFINED)


def _queue_length(process: Process) -> int:
    return len(_put_aside(process)) + (0 if process.mailbox is None else len(process.mailbox))


def _messages(process: Process) -> list[Term]:
    return [readable(message) for message in (*_put_aside(process), *(process.mailbox or ()))]


def _put_aside(process: Process) -> Sequence[Term]:
    """What a behaviour has not handled because it is suspended; a BEAM leaves it in the mailbox."""
    behaviour: Any = process.behaviour
    return behaviour.held if isinstance(behaviour, Suspendable) else ()


def _links(process: Process) -> list[Pid]:
    return [] if process.links is None else process.links.active()


def _monitors(process: Process) -> list[Term]:
    watching = {} if process.monitors is None else process.monitors.watching
    return [(_PROCESS, watch.item) for watch in watching.values()]


def _monitored_by(process: Process) -> list[Pid]:
    watched_by = {} if process.monitors is None else process.monitors.watched_by
    return [watcher.pid for watcher in watched_by.values()]


def _dictionary(process: Process) -> list[tuple[Term, Term]]:
    return [(readable(key), readable(value)) for key, value in (process.dictionary or {}).items()]


def _status(process: Process) -> Atom:
    if process is current_process.get():
        return Atom("running")
    if process.suspended is not None:
        return Atom("suspended")
    return Atom("runnable" if process.mailbox and process.task is None else "waiting")


def _frames(process: Process) -> list[Any]:
    task = process.task
    frames = task.get_stack() if isinstance(task, ProcessTask) else []
    # On a BEAM `receive` and calls are no functions of the program's either.
    return [frame for frame in frames if not frame.f_globals.get("__name__", "").startswith("pyerlnode.")]


def _stack(process: Process) -> list[Term]:
    """Where its coroutine waits, innermost first."""
    return [
        (
            Atom(frame.f_globals.get("__name__", "")[:255]),
            Atom(frame.f_code.co_qualname.replace(".<locals>", "")[:255]),
            frame.f_code.co_argcount,
            [
                (Atom("file"), charlist(os.path.basename(frame.f_code.co_filename))),
                (Atom("line"), frame.f_lineno),
            ],
        )
        for frame in reversed(_frames(process))
    ]


def _current_location(process: Process) -> Term:
    stack = _stack(process)
    return stack[0] if stack else (*_loop(process), [])


def _current_function(process: Process) -> Term:
    stack: list[Any] = _stack(process)
    return stack[0][:3] if stack else _loop(process)


def _loop(process: Process) -> tuple[Atom, Atom, int]:
    """Where one that has no frame is: a server waits for a message, another begins or has ended."""
    if process.behaviour is not None:
        return (Atom("gen_server"), Atom("loop"), 7)
    return (Atom("erlang"), Atom("apply"), 2)


def _initial_call(process: Process) -> Term:
    started_by_proc_lib = process.dictionary is not None and _INITIAL_CALL in process.dictionary
    if started_by_proc_lib or process.behaviour is not None:
        return (Atom("proc_lib"), Atom("init_p"), 5)
    return (Atom("erlang"), Atom("apply"), 2)


def _parent(process: Process) -> Term:
    ancestors = (process.dictionary or {}).get(_ANCESTORS)
    if not isinstance(ancestors, list) or not ancestors:
        return _UNDEFINED
    parent = ancestors[0]
    if isinstance(parent, Pid):
        return parent
    named = process.runtime.registered_process(parent) if isinstance(parent, str) else None
    return _UNDEFINED if named is None else named.pid


def _label(process: Process) -> Term:
    return (process.dictionary or {}).get(_PROCESS_LABEL, _UNDEFINED)


def _max_mailbox(process: Process) -> Term:
    """What no BEAM has: how many messages the mailbox takes, and how many it has lost."""
    bound = None if process.mailbox is None else process.mailbox.bound
    if bound is None:
        return Atom("infinity")
    return {_SIZE: bound.size, _POLICY: Atom(bound.policy), _DROPPED: bound.dropped}


def _memory(process: Process) -> int:
    parts = (process, process.mailbox, process.links, process.monitors, process.dictionary, process.task)
    return sum(sys.getsizeof(part) for part in parts if part is not None)


def _words(process: Process) -> int:
    return _memory(process) // _WORD


def _zero(process: Process) -> int:
    return 0


def _nothing(process: Process) -> list[Term]:
    return []


_ITEMS: dict[str, Callable[[Process], Any]] = {
    "async_dist": lambda process: process.async_dist,
    "binary": _nothing,
    "current_function": _current_function,
    "current_location": _current_location,
    "current_stacktrace": _stack,
    _DICTIONARY: _dictionary,
    "error_handler": lambda process: Atom("error_handler"),
    "garbage_collection": _nothing,
    "group_leader": lambda process: process.group_leader,
    "heap_size": _words,
    "initial_call": _initial_call,
    "label": _label,
    "links": _links,
    "max_mailbox": _max_mailbox,
    "memory": _memory,
    "message_queue_len": _queue_length,
    "messages": _messages,
    "monitored_by": _monitored_by,
    "monitors": _monitors,
    "parent": _parent,
    "priority": lambda process: _NORMAL,
    "reductions": _zero,
    _REGISTERED_NAME: lambda process: process.name if process.name is not None else [],
    "stack_size": _zero,
    "status": _status,
    "suspending": _nothing,
    "total_heap_size": _words,
    "trap_exit": lambda process: process.trap_exit,
}
