"""What one member knows of all children: who runs each, and which are on the way to another node.

Pure: it neither sends nor waits.

Proof: tests/services/distributed/test_distributed_supervisor.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyerlnode.otp.supervisor.child import SUPERVISOR, TEMPORARY, Child, SpecError
from pyerlnode.otp.supervisor.supervising import counted
from pyerlnode.services import global_
from pyerlnode.term import Atom, Pid, Term, exact_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Children", "Table", "child_of"]

#: children by what `exact_bytes` makes of their ids
Children = dict[bytes, Child]


class Table:
    """All children, as the member `own` knows them."""

    def __init__(self, name: Atom, own: Pid) -> None:
        self.name = name
        #: what each member runs, this one included
        self.running: dict[Pid, Children] = {own: {}}
        #: what nobody runs, and is to be started again
        self.moving: Children = {}

    def __iter__(self) -> Iterator[Child]:
        """Each child once, also where two members run it for the moment."""
        known: Children = dict(self.moving)
        for children in self.running.values():
            known.update(children)
        return iter(known.values())

    def owners(self, key: bytes) -> list[Pid]:
        """The members that say that they run a child."""
        return [member for member, children in self.running.items() if key in children]

    def find(self, key: bytes) -> Child | None:
        """A child, whoever runs it."""
        for children in self.running.values():
            if key in children:
                return children[key]
        return self.moving.get(key)

    def runs(self, member: Pid, child: Child) -> None:
        """A member runs a child, so that it does not move any more."""
        key = exact_bytes(child.id)
        self.moving.pop(key, None)
        self.running[member][key] = child

    def left(self, member: Pid, key: bytes) -> None:
        """A member does not run a child any more, which is not over by that."""
        child = self.running.get(member, {}).pop(key, None)
        if child is not None:
            self._move(key, child)

    def gone(self, member: Pid) -> None:
        """A member is lost: what nobody else runs moves."""
        for key, child in self.running.pop(member).items():
            self._move(key, child)

    def _move(self, key: bytes, child: Child) -> None:
        if child.restart != TEMPORARY and self.find(key) is None:
            self.moving[key] = child

    def ended(self, member: Pid, key: bytes) -> None:
        """A child is over, and is not started again."""
        self.running.get(member, {}).pop(key, None)
        self.moving.pop(key, None)

    # --- how it is shown ----------------------------------------------------------------------

    def where(self, child: Child) -> Pid | None:
        """The process of a child."""
        return global_.whereis_name((self.name, child.id))

    def shown(self) -> list[Term]:
        """The answer to `which_children`."""
        found = ((child, self.where(child)) for child in self)
        return [(child.id, pid or Atom("restarting"), child.type, child.modules) for child, pid in found]

    def counted(self) -> list[Term]:
        """The answer to `count_children`."""
        children = list(self)
        supervisors = sum(child.type == SUPERVISOR for child in children)
        active = sum(self.where(child) is not None for child in children)
        return counted(len(children), active, supervisors, len(children) - supervisors)

    def state(self) -> Term:
        """What `sys:get_state` shows."""
        running = {member.node: _ids(children) for member, children in self.running.items()}
        return {Atom("running"): running, Atom("moving"): _ids(self.moving)}


def child_of(spec: Term) -> Any:
    """A Child out of a specification; the reason for one that is wrong."""
    try:
        return Child.from_term(spec)
    except SpecError as error:
        return error.reason


def _ids(children: Children) -> list[Term]:
    return [child.id for child in children.values()]
