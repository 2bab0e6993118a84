"""`pyerlnode:start_link/3` and `start_child/3`: how a process of another node starts one here.

    {erpc, call, [Node, pyerlnode, start_link, [Module, Function, Args]]}

The process that erpc runs a function in ends when it has answered, and so would everything that
is linked to it.  Here what the function starts has the one that asked for the call for its parent.

`start_child` is for a process that stands for the child in its supervisor, as `PyNode` has it: when
that is killed, the child is meant.

Proof: tests/services/test_remote_child.py, interop/test_border.py.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.errors import BadArg
from pyerlnode.otp import proc_lib
from pyerlnode.process import this_process
from pyerlnode.process.links import Links
from pyerlnode.process.process import NOPROC
from pyerlnode.process.spawning import apply_export, requester
from pyerlnode.services.distributed.unique import one_keeps
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Export, Pid, Term

_ERROR = Atom("error")

pyerlnode = BuiltinModule(":pyerlnode")

# How `global` resolves the names of distributed supervisors' children.
pyerlnode.export("one_child_keeps")(one_keeps)


@pyerlnode.export
async def start_link(module: Atom, function: Atom, args: list[Term]) -> Any:
    """Call an exported function that starts a process, as the supervisor that called erpc would."""
    process = this_process()
    parent = requester(process)
    if parent is None:
        raise BadArg("pyerlnode:start_link is called by erpc, from the supervisor itself")
    with proc_lib.starting_for(process, parent) as linked:
        result = await apply_export(process.runtime, Export(module, function, len(args)), args)
    match result:
        case ("ok", Pid() as pid, *_) if pid not in linked and process.runtime.is_local(pid):
            # Without a link the supervisor would not learn of its end.
            started = process.runtime.process(pid)
            if started is None:
                return (_ERROR, NOPROC)
            Links.of(started).link(parent)
    return result


@pyerlnode.export
async def start_child(module: Atom, function: Atom, args: list[Term]) -> Any:
    """As `start_link`; when the parent is killed, so is what was started."""
    process = this_process()
    result = await start_link(module, function, args)
    parent = requester(process)
    match result:
        case ("ok", Pid() as pid, *_) if parent is not None:
            started = process.runtime.process(pid)
            if started is not None:
                Links.of(started).stand_for(parent)
    return result
