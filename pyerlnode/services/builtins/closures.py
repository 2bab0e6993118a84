"""`pyerlnode_closures`: what an operator asks a node about the closures that run there.

    :rpc.call(kate, :pyerlnode_closures, :running, [])
    :rpc.call(kate, :pyerlnode_closures, :kill, [pid])

Proof: tests/services/evaluator/test_service.py.
"""

from __future__ import annotations

from pyerlnode.services import evaluator
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Pid, Term

closures = BuiltinModule(":pyerlnode_closures")


@closures.export
def running() -> list[dict[Atom, Term]]:
    """A map for each: `pid`, `node` and `group_leader` of who typed it, `age` in seconds, `steps`, `fun`."""
    names = ("pid", "node", "group_leader", "age", "steps", "fun")
    return [{Atom(name): getattr(each, name) for name in names} for each in evaluator.running()]


@closures.export
def kill(pid: Pid) -> bool:
    return evaluator.kill(pid)
