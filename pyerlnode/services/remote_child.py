"""Children of a supervisor that live on another node: of Elixir, Erlang or Python.

    await Supervisor.start_link(
        [remote_child("alex@localhost", ("Elixir.Counter", "start_link", [0]))], strategy="one_for_one")

On a BEAM a process of its own calls the start function, and so is the child's parent there: an
exit signal of the supervisor goes to it, and it passes it on.  It is made of Erlang
expressions, so that the other node needs no code of this library.  It ends when the
child does, with its reason, and ends the child when the supervisor, or the connection,
is gone.  A Python node starts the child with the supervisor itself for its parent.

Source: proc_lib.erl and gen_server.erl of OTP's stdlib (what a parent is).
Proof: tests/services/test_remote_child.py, interop/test_border.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg, ErlangError, Exit
from pyerlnode.otp import ChildSpec
from pyerlnode.otp.proc_lib import ancestors
from pyerlnode.otp.supervisor import stand_ins
from pyerlnode.otp.supervisor.supervising import start_result
from pyerlnode.process import Process, receive, this_process
from pyerlnode.process.process import EXIT
from pyerlnode.process.spawning import NOCONNECTION, parse_options, spawn_there
from pyerlnode.services import erpc
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["remote_child", "start_remote"]

_NODEDOWN, _UNDEF, _PYERLNODE = Atom("nodedown"), Atom("undef"), Atom("pyerlnode")
_EVALUATOR = (Atom("erl_eval"), Atom("exprs"))
_LINK = parse_options(["link"])

# Whatever is no exit signal of the child is one of the supervisor, or of somebody who means the child.
STAND_IN: Final = """
process_flag(trap_exit, true),
put('$ancestors', Ancestors),
Stand = fun Stand(Child) ->
    receive
        {'EXIT', Child, Reason} -> exit(Reason);
        {'EXIT', _, Reason} -> exit(Child, Reason), Stand(Child);
        _ -> Stand(Child)
    end
end,
Result = (catch apply(Module, Function, Args)),
Child = case Result of {ok, Pid} -> Pid; {ok, Pid, _} -> Pid; _ -> none end,
is_pid(Child) orelse unlink(Parent),
Parent ! {Ref, self(), Result},
is_pid(Child) andalso Stand(Child).
"""


def remote_child(node: str, start: str | tuple[str, str, Sequence[Term]], **fields: Any) -> ChildSpec:
    """The specification of a child that another node runs; `fields` are those of ChildSpec.

    `start` is module, function and arguments there, or a module, whose `start_link()` is
    called.  Its id is the module.  While the node cannot be reached the start
    fails with `(nodedown, node)`, and each attempt counts as a restart.
    """
    args: list[Term]
    match start:
        case str():
            module, function, args = start, "start_link", []
        case (str() as module, str() as function, [*args]):
            pass
        case _:
            raise BadArg(f"start: a module or (module, function, [arg, ...]) is wanted, not {start!r}")
    fields.setdefault("id", Atom(module))
    fields.setdefault("modules", [module])
    given = [Atom(node), Atom(module), Atom(function), args]
    return ChildSpec(start=(start_remote, given), **fields)


async def start_remote(node: str, module: str, function: str, args: list[Term]) -> Term:
    """Start a process of `node` as a child of the calling supervisor: what the function there returned.

    Exit with the reason of the failure.
    """
    given: list[Term] = [Atom(module), Atom(function), args]
    try:
        return await erpc.call(node, _PYERLNODE, "start_link", given)
    except ErlangError as error:
        if not _is_beam(error.reason):
            raise Exit(_failure(node, error.reason)) from None
    except Exit as error:
        raise Exit(_failure(node, error.reason)) from None
    return await _start_on_beam(this_process(), Atom(node), given)


def _is_beam(reason: Term) -> bool:
    """Whether a node does not know the function by which Python nodes start children."""
    match reason:
        case ("exception", "undef", [("pyerlnode", "start_link", _, _), *_]):
            return True
    return False


def _failure(node: str, reason: Term) -> Term:
    match reason:
        case ("erpc", "noconnection"):
            return (_NODEDOWN, Atom(node))
        case ("exception", error, stack):
            return (EXIT, (error, stack))
        case ("exception", error):
            return (EXIT, error)
        case ("signal", ended):
            return ended
    return reason


async def _start_on_beam(supervisor: Process, node: Atom, given: list[Term]) -> Term:
    ref = supervisor.runtime.make_ref()
    values = [ancestors(supervisor), given[2], given[1], given[0], supervisor.pid, ref]
    names = ("Ancestors", "Args", "Function", "Module", "Parent", "Ref")
    variables = [(Atom(name), value) for name, value in zip(names, values, strict=True)]
    try:
        forms = await erpc.parsed(node, STAND_IN)
    except ErlangError as error:
        raise Exit(_failure(node, error.reason)) from None
    stand_in, _ = await spawn_there(supervisor, node, _EVALUATOR, [forms, variables], _LINK)
    answer = await receive(lambda message: _is_answer(message, stand_in, ref))
    if answer[0] is EXIT:
        raise Exit((_NODEDOWN, node) if answer[2] is NOCONNECTION else answer[2])
    result = start_result(answer[2])
    if isinstance(result, tuple) and isinstance(result[1], Pid):
        stand_ins.remember(supervisor, result[1], stand_in)
    return result


def _is_answer(message: Term, stand_in: Pid, ref: Reference) -> bool:
    """What the stand-in says, or that it has ended instead."""
    if type(message) is not tuple or len(message) != 3 or message[1] != stand_in:
        return False
    return message[0] is EXIT or message[0] == ref
