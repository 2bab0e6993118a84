"""`spawn`: a process that runs a function.

Programs spawn more often than they do most else that is in `api.py`, which has the rest of the
family, and it is compiled for that.

Source: erlang:spawn/3, and erlang:spawn/4 for other nodes, which `remote_spawn.py` asks.
Proof: tests/process/test_process_model.py, tests/services/test_spawn.py.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, overload

from pyerlnode.errors import BadArg
from pyerlnode.process.bounded import check_max_mailbox, set_max_mailbox
from pyerlnode.process.portal import OtherThread
from pyerlnode.process.remote_spawn import spawn_opt
from pyerlnode.process.runtime import this_process
from pyerlnode.process.spawning import apply_export
from pyerlnode.term import Export

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from pyerlnode.process.bounded import MaxMailbox
    from pyerlnode.process.process import Process
    from pyerlnode.process.runtime import Runtime
    from pyerlnode.term import Pid, Term


@overload
def spawn(
    function: Callable[..., Coroutine[Any, Any, Any]] | Export,
    /,
    *args: Any,
    max_mailbox: MaxMailbox | None = None,
) -> Pid: ...
@overload
def spawn(node: str, function: Export | Callable[..., Any], args: Sequence[Term], /) -> Awaitable[Pid]: ...
@overload
def spawn(node: str, module: str, function: str, args: Sequence[Term], /) -> Awaitable[Pid]: ...
def spawn(where: Any, /, *args: Any, max_mailbox: MaxMailbox | None = None) -> Any:
    """Start a process that runs `await function(*args)`; its pid.

    `max_mailbox` bounds its mailbox, as of the first message: see `process_flag`.
    With a node's name first, the process is on that node, and the pid is to be awaited:
    `await spawn("kate@localhost", "Elixir.Kate", "say_name", [])`, or with an `Export`, or a
    function that both programs export, in the place of module and function.  Its group leader is
    the caller's.  Where there is no way to the node the process has ended with `noconnection`,
    wherever that is seen; ErlangError for another failure.
    """
    try:
        if not isinstance(where, str):
            return spawn_here(where, args, max_mailbox).pid
        check_is_here(max_mailbox)
        return spawn_opt(where, *args, options=())
    except OtherThread as here:
        return here.call(spawn, where, *args, max_mailbox=max_mailbox)


def spawn_here(function: Any, args: tuple[Any, ...], max_mailbox: MaxMailbox | None) -> Process:
    """A process of the caller's node that runs `await function(*args)`, or an `Export`."""
    parent = this_process()
    runtime: Runtime = parent.runtime
    if type(function) is not FunctionType and isinstance(function, Export):
        function, args = apply_export, (runtime, function, list(args))
    if max_mailbox is not None:
        check_max_mailbox(max_mailbox)
    child = runtime.spawn_function(parent, function, args)
    if max_mailbox is not None and child.alive:
        set_max_mailbox(child, max_mailbox)
    return child


def check_is_here(max_mailbox: MaxMailbox | None) -> None:
    """BadArg for a bound of a process on another node."""
    if max_mailbox is not None:
        raise BadArg("max_mailbox is for processes of this node")
