"""`spawn_opt` and `spawn_request`: a process on any node, by module, function and arguments.

Source: erlang:spawn_opt/5, erlang:spawn_request/5.
Proof: tests/services/test_spawn.py, interop/test_spawn.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyerlnode.errors import BadArg
from pyerlnode.process.portal import forwarded
from pyerlnode.process.reasons import called_as
from pyerlnode.process.runtime import this_process
from pyerlnode.process.spawning import parse_options, request, spawn_there
from pyerlnode.term import Atom, Export

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyerlnode.process.spawning import Option
    from pyerlnode.term import Reference, Term


async def spawn_opt(node: str, *function: Any, options: Sequence[Option]) -> Any:
    """Start a process on `node`, with options as in Erlang: `["link", ("priority", "high")]`.

    `function` is module, function and arguments, an Export and arguments, or an exported function
    and arguments.  The pid; with `monitor`, or `("monitor", [("tag", t), ("alias", mode)])`, the pid
    and the reference.
    BadArg for an option that is unknown.
    """
    process = this_process()
    process.check_may_wait("spawning on another node")
    parsed = parse_options(options)
    pid, ref = await spawn_there(process, node, *_call_of(function), parsed)
    return (pid, ref) if parsed.monitor else pid


@forwarded
def spawn_request(node: str, *function: Any, options: Sequence[Option] = ()) -> Reference:
    """As `spawn_opt`, without waiting, in `def` callbacks too; what comes of it is a message.

    `(spawn_reply, ref, ok, pid)` or `(spawn_reply, ref, error, reason)`, with another tag
    by the option `("reply_tag", tag)`, and only some of them by `("reply", "error_only")`,
    `"success_only"` or `"no"`.  The reference, which is that of the monitor, too.
    """
    return request(this_process(), node, *_call_of(function), parse_options(options)).ref


def _call_of(function: tuple[Any, ...]) -> tuple[tuple[Atom, Atom], Sequence[Term]]:
    """Module and function, and the arguments."""
    match function:
        case (Export() as export, [*args]):
            return (export.module, export.function), args
        case (str() as module, str() as name, [*args]):
            return (Atom(module), Atom(name)), args
        case (exported, [*args]) if callable(exported) and (name_there := called_as(exported)) is not None:
            return name_there, args
    raise BadArg(f"spawn wants module, function and a list of arguments, not {function!r}")
